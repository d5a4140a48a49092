package trust

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

const host = "imap.example"

// today is the time in all tests: a phone's clock is part of what is tested.
var today = bundled.AddDate(1, 0, 0)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// signer is a key with a certificate: an authority, or a server.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	more []*signer // what a server sends besides
}

var serials int64

// sign makes a certificate, signed by a or, if a is nil, by itself. edit
// changes what is signed; by default it is in date.
func (a *signer) sign(t testing.TB, name string, edit func(c *x509.Certificate)) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a.signKey(t, name, key, edit)
}

func (a *signer) signKey(t testing.TB, name string, key *ecdsa.PrivateKey, edit func(c *x509.Certificate)) *signer {
	t.Helper()
	serials++
	c := &x509.Certificate{
		SerialNumber:          big.NewInt(serials),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             today.Add(-30 * day),
		NotAfter:              today.Add(60 * day),
		BasicConstraintsValid: true,
	}
	edit(c)
	parent, with := c, key
	if a != nil {
		parent, with = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, with)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{cert: cert, key: key}
}

func ca(c *x509.Certificate) {
	c.IsCA = true
	c.NotBefore, c.NotAfter = today.Add(-5*year), today.Add(10*year)
}

func server(c *x509.Certificate) {
	c.DNSNames = []string{host}
	c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
}

func (a *signer) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// with adds certificates that the server sends.
func (a *signer) with(more ...*signer) *signer {
	return &signer{a.cert, a.key, more}
}

func (a *signer) tls() *tls.Config {
	chain := tls.Certificate{PrivateKey: a.key, Certificate: [][]byte{a.cert.Raw}}
	for _, m := range a.more {
		chain.Certificate = append(chain.Certificate, m.cert.Raw)
	}
	return &tls.Config{Certificates: []tls.Certificate{chain}, Time: at(today)}
}

// listen serves connections on a port of its own until the test ends, and
// waits for them to end.
func listen(t testing.TB, serve func(c net.Conn)) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			all.Go(func() {
				serve(c)
				c.Close()
				mu.Lock()
				delete(open, c)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// greets serves TLS: a greeting, then an echo.
func greets(config *tls.Config) func(net.Conn) {
	return func(c net.Conn) {
		s := tls.Server(c, config)
		if _, err := s.Write([]byte("hello\n")); err != nil {
			return
		}
		echo(s)
	}
}

func echo(c net.Conn) {
	p := make([]byte, 1024)
	for {
		n, err := c.Read(p)
		if err != nil {
			return
		}
		if _, err := c.Write(p[:n]); err != nil {
			return
		}
	}
}

// local dials 127.0.0.1, whatever the host.
type local struct{}

func (local) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
}

func dialer(t testing.TB, c Config) *Dialer {
	t.Helper()
	if c.Now == nil {
		c.Now = at(today)
	}
	d, err := New(local{}, c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}
