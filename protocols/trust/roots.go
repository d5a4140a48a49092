package trust

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// bundled is the date of Mozilla's roots in this build, and with that the
// earliest that a phone's clock can rightly show.
var bundled = time.Date(2026, time.October, 30, 0, 0, 0, 0, time.UTC)

// lifetime is how long after bundled a clock is taken at its word.
const lifetime = 15 * 365 * 24 * time.Hour

// mozilla are the bundled roots by their raw subjects. To parse them all costs
// a phone 0.14 s, and a chain ends in one of them.
var mozilla = sync.OnceValue(func() map[string][]bundle.Root {
	index := map[string][]bundle.Root{}
	for root := range bundle.Roots() {
		subject := string(rawSubject(root.Certificate))
		index[subject] = append(index[subject], root)
	}
	return index
})

// rawSubject finds the subject of a certificate without parsing the rest of
// it; nil where it is malformed.
func rawSubject(der []byte) []byte {
	// Certificate and TBSCertificate (RFC 5280, section 4.1) are opened, what
	// comes before the subject is passed over.
	var v asn1.RawValue
	for range 2 {
		if _, err := asn1.Unmarshal(der, &v); err != nil {
			return nil
		}
		der = v.Bytes
	}
	// serialNumber, signature, issuer, validity, subject
	for fields := 5; fields > 0; {
		var err error
		if der, err = asn1.Unmarshal(der, &v); err != nil {
			return nil
		}
		if v.Class == asn1.ClassUniversal { // not the tagged version
			fields--
		}
	}
	return v.FullBytes
}

// pool holds the added roots, and those of Mozilla's that can have signed one
// of the presented certificates.
func (d *Dialer) pool(presented []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, root := range d.roots {
		pool.AddCert(root)
	}
	for _, c := range presented[:min(len(presented), maxChain)] {
		for _, root := range mozilla()[string(c.RawIssuer)] {
			cert, err := x509.ParseCertificate(root.Certificate)
			if err != nil {
				continue
			}
			if root.Constraint != nil {
				pool.AddCertWithConstraint(cert, root.Constraint)
			} else {
				pool.AddCert(cert)
			}
		}
	}
	return pool
}

// isMozilla tells whether the root is one of Mozilla's.
func isMozilla(root *x509.Certificate) bool {
	for _, r := range mozilla()[string(root.RawSubject)] {
		if string(r.Certificate) == string(root.Raw) {
			return true
		}
	}
	return false
}

// parseRoots reads PEM text. Text outside of the blocks is passed over, as
// bundles have it; anything but certificates is an error.
func parseRoots(text string) ([]*x509.Certificate, error) {
	var roots []*x509.Certificate
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, invalid("The roots hold something that is no certificate.", nil)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, invalid("One of the roots can't be read.", err)
		}
		roots = append(roots, cert)
	}
	if len(roots) == 0 && strings.TrimSpace(text) != "" || strings.Contains(string(rest), "-----BEGIN") {
		return nil, invalid("The roots have to be PEM text.", nil)
	}
	return roots, nil
}
