package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

// Verdict is what the phone's own TLS makes of a server.
type Verdict string

const (
	Accepted       Verdict = "accepted"
	BadCertificate Verdict = "certificate" // refuses the certificate; the phone tells no more
	BadProtocol    Verdict = "protocol"    // no handshake: nothing in common, or no TLS there at all
	Refused        Verdict = "refused"     // no connection: nobody listens, no such name, or offline
	TimedOut       Verdict = "timeout"
	Unavailable    Verdict = "unavailable" // the app may not use sockets
)

// DefaultCheckTimeout bounds a Check whose context has no deadline.
const DefaultCheckTimeout = 60 * time.Second

// minSettle is the least time that the phone's TLS is given to refuse a server
// that does not speak first.
const minSettle = 1500 * time.Millisecond

// Report compares the phone's TLS with ours.
type Report struct {
	Phone Verdict
	Own   error // nil: accepted
	// Cause is what is wrong by our own TLS; where that accepts the server,
	// why the phone's probably doesn't. Empty: nothing, or nothing that is
	// known.
	Cause   Cause
	Culprit string // see CertificateError
	// Cure says that our TLS accepts what the phone's refuses.
	Cure bool
	// Chain is what the server presented, its own certificate first; nil
	// without a handshake.
	Chain []*x509.Certificate
	// Version is that of TLS with us, such as tls.VersionTLS13; 0 without a
	// handshake.
	Version uint16
}

// Check tries a server, TLS from the first byte, with our own TLS and then
// with the phone's. Neither sends anything beyond the handshake. It fails only
// if the context is cancelled or the address makes no sense; when the time is
// over it reports what it knows.
//
// The phone says nothing of a handshake that went well. So it is accepted with
// the first data. A server that doesn't speak first (as ours finds out, after
// a handshake that is completed for this purpose whatever the certificate) is
// accepted if there has been no error in twice the time that our own handshake
// took, and at least 1.5 seconds.
//
// A nil phone is a host without sockets.
func (d *Dialer) Check(ctx context.Context, phone dial.TLSDialer, address string) (*Report, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, invalid("The server has to be given by its host and port.", err)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultCheckTimeout)
		defer cancel()
	}
	p := &probe{dialer: d, address: address, host: host}
	r, err := p.own(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case phone == nil:
		r.Phone = Unavailable
	case p.reached:
		r.Phone = p.phone(ctx, phone)
	default:
		r.Phone = verdict(r.Own)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err()
	}
	r.Cure = r.Own == nil && (r.Phone == BadCertificate || r.Phone == BadProtocol)
	if r.Cure {
		r.Cause, r.Culprit = d.old(r)
	}
	return r, nil
}

// probe is a Check under way.
type probe struct {
	dialer        *Dialer
	address, host string

	reached bool          // there is a server
	shaken  bool          // it completed a handshake with us, or refused to in the words of TLS
	greets  bool          // it speaks first
	hangsUp bool          // it closed the connection instead of waiting for a word of ours
	took    time.Duration // to connect and shake hands
}

// own tries our TLS. It is given half of the time.
func (p *probe) own(ctx context.Context) (*Report, error) {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/2)
	defer cancel()
	r := &Report{}
	config, err := p.dialer.config(p.address, p.host)
	if err != nil {
		return nil, err
	}
	decide := config.VerifyConnection
	config.VerifyConnection = func(s tls.ConnectionState) error {
		r.Own, r.Chain, r.Version = decide(s), s.PeerCertificates, s.Version
		return nil
	}
	config.ClientSessionCache = nil
	err = p.shake(ctx, config)
	handshake, shaken := errors.AsType[*HandshakeError](err)
	switch {
	case err == nil:
	case !shaken:
		r.Own = err
	case handshake.NotTLS:
		r.Own, r.Cause = err, NotTLS
	default:
		// What we refuse for its age can still be told from what fails
		// otherwise, and its certificate be shown.
		old := config.Clone()
		old.MinVersion = tls.VersionTLS10
		old.CipherSuites = nil
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			old.CipherSuites = append(old.CipherSuites, suite.ID)
		}
		p.shaken = true
		if p.shake(ctx, old) == nil {
			r.Cause = OldProtocol
		}
		r.Own = err
	}
	if refused, ok := errors.AsType[*CertificateError](r.Own); ok {
		r.Cause, r.Culprit = refused.Cause, refused.Culprit
	}
	return r, nil
}

// shake makes one connection and hears whether the server speaks first.
func (p *probe) shake(ctx context.Context, config *tls.Config) error {
	begun := time.Now()
	c, err := p.dialer.plain.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return err
	}
	defer c.Close()
	p.reached = true
	secured, err := p.dialer.handshake(ctx, c, config)
	p.took = time.Since(begun)
	if err != nil {
		return err
	}
	p.shaken = true
	secured.SetReadDeadline(earlier(ctx, p.settle()))
	n, err := secured.Read(make([]byte, 1))
	p.greets, p.hangsUp = n > 0, err == io.EOF
	return nil
}

func (p *probe) settle() time.Duration { return max(minSettle, 2*p.took) }

func earlier(ctx context.Context, d time.Duration) time.Time {
	at := time.Now().Add(d)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(at) {
		return deadline
	}
	return at
}

// phone tries the phone's TLS.
func (p *probe) phone(ctx context.Context, d dial.TLSDialer) Verdict {
	c, err := d.DialTLSContext(ctx, "tcp", p.address)
	if err != nil {
		return verdict(err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	silent := p.shaken && !p.greets
	if silent {
		c.SetReadDeadline(earlier(ctx, p.settle()))
	}
	n, err := c.Read(make([]byte, 1))
	switch {
	case n > 0:
		return Accepted
	case ctx.Err() != nil:
		return TimedOut
	case silent && coded.From(err, "").Code == coded.ETIMEDOUT:
		return Accepted
	case err == io.EOF && p.hangsUp:
		return Accepted
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return BadProtocol
	}
	return verdict(err)
}

// verdict reads an error of the phone's sockets.
func verdict(err error) Verdict {
	switch coded.From(err, "").Code {
	case coded.ECERT:
		return BadCertificate
	case coded.ETLS:
		return BadProtocol
	case coded.EPERM:
		return Unavailable
	case coded.ETIMEDOUT:
		return TimedOut
	}
	return Refused
}

// old guesses why a phone refuses what we accept: by what has happened to
// roots and versions since it was built.
func (d *Dialer) old(r *Report) (Cause, string) {
	if r.Phone == BadProtocol {
		return OldProtocol, ""
	}
	path := follow(r.Chain)
	if name, ok := d.expiredRoot(path); ok {
		return ExpiredRoot, name
	}
	top := path[len(path)-1]
	if !selfSigned(top) {
		return UnknownRoot, issuerOf(top)
	}
	if len(path) == 1 {
		return SelfSigned, ""
	}
	return UnknownRoot, nameOf(top)
}
