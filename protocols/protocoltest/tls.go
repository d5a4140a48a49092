package protocoltest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// Certificate makes a self-signed certificate for hosts, and the pool that
// trusts it.
func Certificate(t testing.TB, hosts ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "kaiwire test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// Upgradable is a plain connection that implements dial.Upgrader by crypto/tls.
type Upgradable struct {
	net.Conn
	Roots *x509.CertPool

	secured *tls.Conn
}

// UpgradeTLS makes the client's half of a TLS handshake.
func (u *Upgradable) UpgradeTLS(ctx context.Context, serverName string) error {
	c := tls.Client(u.Conn, &tls.Config{ServerName: serverName, RootCAs: u.Roots})
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	u.secured = c
	return nil
}

func (u *Upgradable) Read(p []byte) (int, error) {
	if u.secured != nil {
		return u.secured.Read(p)
	}
	return u.Conn.Read(p)
}

func (u *Upgradable) Write(p []byte) (int, error) {
	if u.secured != nil {
		return u.secured.Write(p)
	}
	return u.Conn.Write(p)
}
