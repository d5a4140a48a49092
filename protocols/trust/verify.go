package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

// Cause says what is wrong with a server.
type Cause string

const (
	Expired     Cause = "expired"
	NotYetValid Cause = "not-yet-valid"
	WrongHost   Cause = "wrong-host"
	SelfSigned  Cause = "self-signed" // and not accepted before
	UnknownRoot Cause = "unknown-root"
	// ExpiredRoot: the chain leads to a root that has run out, such as DST
	// Root CA X3.
	ExpiredRoot Cause = "expired-root"
	// IncompleteChain: the server sends its own certificate only, which is of
	// a kind that an authority in between has signed. It is a guess: a
	// certificate which says where to fetch its issuer's comes from a public
	// authority, and those never sign with their roots.
	IncompleteChain Cause = "incomplete-chain"
	// Invalid: the chain breaks another rule, such as what its keys are for.
	Invalid Cause = "invalid"
	// Clock: the chain is right, but not at the time that the phone's clock
	// shows, and the clock can't be: it is before the date of this build or of
	// the trusted root, or 15 years after this build, or a public authority
	// would have issued a certificate for the future.
	Clock Cause = "clock"
	// Unpinned: none of Config.Pins is in the chain.
	Unpinned Cause = "pin"
	// Changed: the server has another key than Config.Known says, and nothing
	// else speaks for it.
	Changed Cause = "changed"
	// OldProtocol: the server and we have no version or cipher of TLS in
	// common that is safe. Only Check says so.
	OldProtocol Cause = "old-protocol"
	// NotTLS: what the server sends is no TLS. Only Check says so.
	NotTLS Cause = "not-tls"
)

// CertificateError says why a server's certificate was refused. An app that
// lets the person decide shows the facts, stores Key and gives it in
// Config.Known from then on.
type CertificateError struct {
	Cause Cause
	// Culprit is the name of the certificate at fault, where it is not the
	// server's own: of the expired root, of the issuer that is missing.
	Culprit string
	// Chain is what the server presented, its own certificate first.
	Chain []*x509.Certificate
	Err   error // that of crypto/x509; nil for Unpinned and Changed
}

func (e *CertificateError) Error() string {
	s := dial.ErrCertificate.Error() + ": " + string(e.Cause)
	if e.Culprit != "" {
		s += " (" + e.Culprit + ")"
	}
	if e.Err != nil {
		s += ": " + short(e.Err.Error())
	}
	return s
}

func (e *CertificateError) Unwrap() []error {
	if e.Err == nil {
		return []error{dial.ErrCertificate}
	}
	return []error{dial.ErrCertificate, e.Err}
}

// ErrorCode is one of coded.ECERT_….
func (e *CertificateError) ErrorCode() coded.Code {
	switch e.Cause {
	case Expired:
		return coded.ECERT_EXPIRED
	case NotYetValid:
		return coded.ECERT_NOT_YET_VALID
	case WrongHost:
		return coded.ECERT_HOST
	case Clock:
		return coded.ECERT_CLOCK
	case Unpinned, Changed:
		return coded.ECERT_PIN
	}
	return coded.ECERT_UNTRUSTED
}

// Key is the server's key, as Config.Known and Config.Pins take it.
func (e *CertificateError) Key() string { return keyOf(e.Chain[0]) }

func keyOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// verify decides on a server; nil means that it is accepted.
func (d *Dialer) verify(presented []*x509.Certificate, host, known string, resumed bool) *CertificateError {
	leaf := presented[0]
	if known != "" && keyOf(leaf) == known {
		if !d.pinned([]*x509.Certificate{leaf}) {
			return &CertificateError{Cause: Unpinned, Chain: presented}
		}
		return nil
	}
	if resumed && d.current(leaf) && leaf.VerifyHostname(host) == nil {
		// Its chain was verified under the same configuration, which is part
		// of the session's scope, when the session was begun.
		return nil
	}
	o := x509.VerifyOptions{
		DNSName:       host,
		Roots:         d.pool(presented),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   d.now(),
	}
	// Each candidate can cost a phone 0.16 s, so there is an end to them.
	for _, c := range presented[1:min(len(presented), maxChain)] {
		o.Intermediates.AddCert(c)
	}
	chains, err := leaf.Verify(o)
	if err != nil {
		if known != "" {
			return &CertificateError{Cause: Changed, Chain: presented, Err: err}
		}
		cause, culprit := d.explain(presented, host, o)
		return &CertificateError{Cause: cause, Culprit: culprit, Chain: presented, Err: err}
	}
	for _, chain := range chains {
		if d.pinned(chain) {
			return nil
		}
	}
	return &CertificateError{Cause: Unpinned, Chain: presented}
}

func (d *Dialer) pinned(chain []*x509.Certificate) bool {
	if len(d.pins) == 0 {
		return true
	}
	for _, c := range chain {
		if slices.Contains(d.pins, keyOf(c)) {
			return true
		}
	}
	return false
}

func (d *Dialer) current(c *x509.Certificate) bool {
	now := d.now()
	return !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}

// explain finds out why a chain was refused. That it would be right at another
// time or for another name is only something to tell: the server stays refused.
func (d *Dialer) explain(presented []*x509.Certificate, host string, o x509.VerifyOptions) (Cause, string) {
	leaf, now := presented[0], o.CurrentTime
	o.DNSName = ""
	// Certificates in between may have run out before the server's own, or
	// have been issued after it.
	for _, at := range []time.Time{now, leaf.NotBefore, leaf.NotAfter} {
		o.CurrentTime = at
		chains, err := leaf.Verify(o)
		if err == nil {
			if leaf.VerifyHostname(host) != nil {
				return WrongHost, ""
			}
			return d.outOfDate(chains[0], now)
		}
		_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
		rule, broken := errors.AsType[x509.CertificateInvalidError](err)
		if !unknown && !(broken && rule.Reason == x509.Expired) {
			return Invalid, ""
		}
	}
	return d.untrusted(presented)
}

// outOfDate explains a chain that is right but for the time.
func (d *Dialer) outOfDate(chain []*x509.Certificate, now time.Time) (Cause, string) {
	leaf, root := chain[0], chain[len(chain)-1]
	if now.Before(bundled) || now.After(bundled.Add(lifetime)) || now.Before(root.NotBefore) ||
		now.Before(leaf.NotBefore) && isMozilla(root) {
		return Clock, ""
	}
	for i, c := range chain {
		if d.current(c) {
			continue
		}
		culprit := ""
		if i > 0 {
			culprit = nameOf(c)
		}
		switch {
		case now.Before(c.NotBefore):
			return NotYetValid, culprit
		case c == root && i > 0:
			return ExpiredRoot, culprit
		}
		return Expired, culprit
	}
	return Invalid, ""
}

// expiredRoots are roots that servers' chains still lead to. They are told by
// their names, since servers don't send them.
var expiredRoots = [...]string{
	"CN=DST Root CA X3,O=Digital Signature Trust Co.",                                  // 2021-09-30
	"CN=AddTrust External CA Root,OU=AddTrust External TTP Network,O=AddTrust AB,C=SE", // 2020-05-30
	"CN=GlobalSign,OU=GlobalSign Root CA - R2,O=GlobalSign",                            // 2021-12-15
	"CN=Baltimore CyberTrust Root,OU=CyberTrust,O=Baltimore,C=IE",                      // 2025-05-12
}

// untrusted explains a chain that leads to no root of ours.
func (d *Dialer) untrusted(presented []*x509.Certificate) (Cause, string) {
	path := follow(presented)
	top := path[len(path)-1]
	if name, ok := d.expiredRoot(path); ok {
		return ExpiredRoot, name
	}
	switch {
	case selfSigned(top) && len(path) == 1:
		return SelfSigned, ""
	case selfSigned(top):
		return UnknownRoot, nameOf(top)
	case len(path) == 1 && len(top.IssuingCertificateURL) > 0:
		return IncompleteChain, issuerOf(top)
	}
	return UnknownRoot, issuerOf(top)
}

// expiredRoot finds an expired root in or above a path of certificates.
func (d *Dialer) expiredRoot(path []*x509.Certificate) (name string, found bool) {
	top := path[len(path)-1]
	if selfSigned(top) {
		return nameOf(top), len(path) > 1 && d.now().After(top.NotAfter)
	}
	return issuerOf(top), slices.Contains(expiredRoots[:], top.Issuer.String())
}

// follow orders the presented certificates into a path from the server's own
// upwards, as far as their signatures lead.
func follow(presented []*x509.Certificate) []*x509.Certificate {
	presented = presented[:min(len(presented), maxChain)]
	path := presented[:1:1]
	for len(path) < maxChain {
		top := path[len(path)-1]
		if bytes.Equal(top.RawIssuer, top.RawSubject) {
			break
		}
		next := (*x509.Certificate)(nil)
		for _, c := range presented {
			if bytes.Equal(c.RawSubject, top.RawIssuer) && top.CheckSignatureFrom(c) == nil {
				next = c
				break
			}
		}
		if next == nil {
			break
		}
		path = append(path, next)
	}
	return path
}

// selfSigned is true of roots, and of certificates that nobody vouches for.
func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) &&
		c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}
