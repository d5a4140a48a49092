//go:build owntls

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"time"

	"kaiwire/bridge"
	"kaiwire/wasm/call"
)

// What stands before a server that has no TLS, for clients with TLS of our own.
func serveTLS(methods call.Methods) {
	var certificate *tls.Certificate
	methods["certificate"] = func(_ context.Context, c *call.Call) error {
		made, err := selfSigned(c.Args.Required("name"))
		if err != nil {
			return err
		}
		certificate = made
		c.Out.String(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]})))
		return nil
	}
	// terminate takes TLS off one connection: it dials both ends.
	methods["terminate"] = func(ctx context.Context, c *call.Call) error {
		outside, inside := c.Args.Required("outside"), c.Args.Required("inside")
		if err := c.Args.Err(); err != nil {
			return err
		}
		near, err := (&bridge.Dialer{}).DialContext(ctx, "tcp", outside)
		if err != nil {
			return err
		}
		defer near.Close()
		defer context.AfterFunc(ctx, func() { near.Close() })()
		secured := tls.Server(near, &tls.Config{Certificates: []tls.Certificate{*certificate}})
		if err := secured.HandshakeContext(ctx); err != nil {
			return err
		}
		far, err := (&bridge.Dialer{}).DialContext(ctx, "tcp", inside)
		if err != nil {
			return err
		}
		defer far.Close()
		go func() {
			io.Copy(secured, far)
			// Goodbye is said by TLS's own Close.
			secured.Close()
		}()
		_, err = io.Copy(far, secured)
		return err
	}
}

func selfSigned(name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "kaiwire fault matrix"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
