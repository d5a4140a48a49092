package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"time"
)

// What is told of a server's certificates has bounds: they are the server's
// words, up to 256 KiB of them.
const (
	maxChain = 10
	maxNames = 100
	maxName  = 256
)

// Certificate is what there is to show of a certificate.
type Certificate struct {
	Subject, Issuer     string   // as RFC 4514 writes names: "CN=imap.example,O=Example"
	Names               []string // the hosts that it is for: names and IP addresses
	NotBefore, NotAfter time.Time
	Fingerprint         string // SHA-256 of the certificate, as "AB:CD:…"
	Key                 string // SHA-256 of its key, as Config.Known and Config.Pins take it
}

// Describe tells of the first 10 certificates of a chain.
func Describe(chain []*x509.Certificate) []Certificate {
	var list []Certificate
	for _, c := range chain[:min(len(chain), maxChain)] {
		list = append(list, describe(c))
	}
	return list
}

func describe(c *x509.Certificate) Certificate {
	d := Certificate{
		Subject:     short(c.Subject.String()),
		Issuer:      short(c.Issuer.String()),
		NotBefore:   c.NotBefore,
		NotAfter:    c.NotAfter,
		Fingerprint: fingerprint(c.Raw),
		Key:         keyOf(c),
	}
	for _, name := range c.DNSNames[:min(len(c.DNSNames), maxNames)] {
		d.Names = append(d.Names, short(name))
	}
	for _, ip := range c.IPAddresses[:min(len(c.IPAddresses), maxNames-len(d.Names))] {
		d.Names = append(d.Names, ip.String())
	}
	return d
}

func fingerprint(der []byte) string {
	const digits = "0123456789ABCDEF"
	sum := sha256.Sum256(der)
	text := make([]byte, 0, 3*len(sum))
	for _, b := range sum {
		text = append(text, digits[b>>4], digits[b&15], ':')
	}
	return string(text[:len(text)-1])
}

// nameOf is what people call a certificate.
func nameOf(c *x509.Certificate) string { return commonName(c.Subject) }

func issuerOf(c *x509.Certificate) string { return commonName(c.Issuer) }

func commonName(n pkix.Name) string {
	if n.CommonName != "" {
		return short(n.CommonName)
	}
	return short(n.String())
}

func short(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "") + "…"
	}
	return s
}
