package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

// phone is TLS as the phone has it: the connection is open before the
// handshake, whose failure is the first Read's, in two words.
type phone struct {
	roots      *x509.CertPool
	maxVersion uint16
	err        error
}

func (p phone) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	panic("the phone's plain sockets are not asked")
}

func (p phone) DialTLSContext(ctx context.Context, network, address string) (net.Conn, error) {
	if p.err != nil {
		return nil, p.err
	}
	c, err := local{}.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	name, _, _ := net.SplitHostPort(address)
	config := &tls.Config{ServerName: name, RootCAs: p.roots, Time: at(today), MinVersion: tls.VersionTLS10, MaxVersion: p.maxVersion}
	return &lateConn{Conn: tls.Client(c, config)}, nil
}

type lateConn struct {
	*tls.Conn
	once sync.Once
}

func (c *lateConn) Read(b []byte) (int, error) {
	var err error
	c.once.Do(func() { err = c.Handshake() })
	var refused *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused):
		return 0, dial.ErrCertificate
	case err != nil && coded.From(err, "").Code == coded.UNKNOWN:
		return 0, dial.ErrHandshake
	case err != nil:
		return 0, err
	}
	return c.Conn.Read(b)
}

func pool(list ...*signer) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, s := range list {
		pool.AddCert(s.cert)
	}
	return pool
}

func TestCheck(t *testing.T) {
	var none *signer
	root := none.sign(t, "Test Root", ca)
	new := none.sign(t, "New Root", ca)
	oldRoot := none.sign(t, "DST Root CA X3", func(c *x509.Certificate) {
		ca(c)
		c.Subject.Organization = []string{"Digital Signature Trust Co."}
		c.NotAfter = today.Add(-day)
	})
	// The new root as Let's Encrypt's was: signed by one that has run out.
	crossed := oldRoot.signKey(t, "New Root", new.key, ca)
	leaf := root.sign(t, host, server)
	newLeaf := new.sign(t, host, server)
	unknown := none.sign(t, host, server)
	only := func(s *signer, version uint16) *tls.Config {
		config := s.tls()
		config.MinVersion, config.MaxVersion = version, version
		return config
	}
	silent := func(s *signer) func(net.Conn) {
		return func(c net.Conn) { echo(tls.Server(c, s.tls())) }
	}
	hangsUp := func(c net.Conn) {
		s := tls.Server(c, leaf.tls())
		s.Handshake()
		s.Close()
	}
	gone := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		return port
	}()

	for name, test := range map[string]struct {
		serve   func(net.Conn) // nil: nobody listens
		phone   dial.TLSDialer // default: knows Test Root, TLS 1.2
		host    string
		timeout time.Duration
		verdict Verdict
		own     coded.Code
		cause   Cause
		culprit string
		version uint16
	}{
		"both accept":           {serve: greets(leaf.tls()), verdict: Accepted, version: tls.VersionTLS13},
		"both accept a silent":  {serve: silent(leaf), verdict: Accepted, version: tls.VersionTLS13},
		"both accept a short":   {serve: hangsUp, verdict: Accepted, version: tls.VersionTLS13},
		"a root unknown here":   {serve: greets(newLeaf.tls()), verdict: BadCertificate, cause: UnknownRoot, culprit: "New Root", version: tls.VersionTLS13},
		"an unknown, silent":    {serve: silent(newLeaf), verdict: BadCertificate, cause: UnknownRoot, culprit: "New Root", version: tls.VersionTLS13},
		"a cross-signed root":   {serve: greets(newLeaf.with(crossed).tls()), verdict: BadCertificate, cause: ExpiredRoot, culprit: "DST Root CA X3", version: tls.VersionTLS13},
		"…that is sent itself":  {serve: greets(newLeaf.with(crossed, oldRoot).tls()), verdict: BadCertificate, cause: ExpiredRoot, culprit: "DST Root CA X3", version: tls.VersionTLS13},
		"both refuse":           {serve: greets(unknown.tls()), verdict: BadCertificate, own: coded.ECERT_UNTRUSTED, cause: SelfSigned, version: tls.VersionTLS13},
		"both refuse the name":  {serve: greets(leaf.tls()), host: "mail.example", verdict: BadCertificate, own: coded.ECERT_HOST, cause: WrongHost, version: tls.VersionTLS13},
		"the phone is too old":  {serve: greets(only(leaf, tls.VersionTLS13)), verdict: BadProtocol, cause: OldProtocol, version: tls.VersionTLS13},
		"the server is too old": {serve: greets(only(leaf, tls.VersionTLS11)), verdict: Accepted, own: coded.ETLS, cause: OldProtocol, version: tls.VersionTLS11},
		"…for the phone too": {serve: greets(only(leaf, tls.VersionTLS11)), phone: phone{err: dial.ErrHandshake},
			verdict: BadProtocol, own: coded.ETLS, cause: OldProtocol, version: tls.VersionTLS11},
		"no TLS":              {serve: func(c net.Conn) { io.WriteString(c, "* OK ready\r\n"); echo(c) }, verdict: BadProtocol, own: coded.ETLS, cause: NotTLS},
		"nobody listens":      {verdict: Refused, own: coded.ECONNREFUSED},
		"a server that hangs": {serve: func(c net.Conn) { io.Copy(io.Discard, c) }, timeout: 400 * time.Millisecond, verdict: TimedOut, own: coded.ETIMEDOUT},
		"one that hangs up":   {serve: func(c net.Conn) { c.Read(make([]byte, 1024)) }, verdict: BadProtocol, own: coded.ECONNRESET},
		"no permission": {serve: greets(leaf.tls()), phone: phone{err: syscall.EPERM}, verdict: Unavailable,
			version: tls.VersionTLS13},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.host == "" {
				test.host = host
			}
			if test.phone == nil {
				test.phone = phone{roots: pool(root), maxVersion: tls.VersionTLS12}
			}
			if test.timeout == 0 {
				test.timeout = 40 * time.Second
			}
			port := gone
			if test.serve != nil {
				port = listen(t, test.serve)
			}
			d := dialer(t, Config{Roots: root.pem() + new.pem()})
			r, err := d.Check(within(t, test.timeout), test.phone, net.JoinHostPort(test.host, port))
			if err != nil {
				t.Fatal(err)
			}
			var own coded.Code
			if r.Own != nil {
				own = coded.From(r.Own, "").Code
			}
			if r.Phone != test.verdict || own != test.own || r.Cause != test.cause || r.Culprit != test.culprit || r.Version != test.version {
				t.Errorf("phone %s, own %q (%v), cause %q %q, %s", r.Phone, own, r.Own, r.Cause, r.Culprit, tls.VersionName(r.Version))
			}
			if cure := test.own == "" && (test.verdict == BadCertificate || test.verdict == BadProtocol); r.Cure != cure {
				t.Errorf("cure: %v", r.Cure)
			}
			if (len(r.Chain) > 0) != (test.version != 0) {
				t.Errorf("%d certificates", len(r.Chain))
			}
		})
	}
}

func TestCheckWithoutSockets(t *testing.T) {
	d, err := New(phoneless{}, Config{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Check(within(t, time.Second), phone{err: syscall.EPERM}, host+":993")
	if err != nil || r.Phone != Unavailable || coded.From(r.Own, "").Code != coded.EPERM || r.Cure {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = d.Check(context.Background(), nil, host+":993")
	if err != nil || r.Phone != Unavailable {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := d.Check(context.Background(), nil, host); coded.From(err, "").Code != coded.EINVAL {
		t.Error(err)
	}
	if _, err := d.Check(context.Background(), nil, "münchen.example:443"); coded.From(err, "").Code != coded.EINVAL {
		t.Error(err)
	}
}

type phoneless struct{}

func (phoneless) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, syscall.EPERM
}

// Check wants to see the certificate, not to resume a session.
func TestCheckResumesNothing(t *testing.T) {
	root := (*signer)(nil).sign(t, "Test Root", ca)
	config := root.sign(t, host, server).tls()
	resumed := make(chan bool, 3)
	config.VerifyConnection = func(s tls.ConnectionState) error { resumed <- s.DidResume; return nil }
	address := net.JoinHostPort(host, listen(t, greets(config)))
	d := dialer(t, Config{Roots: root.pem(), Sessions: NewSessions(8)})
	for range 2 {
		if _, err := connect(t, d, address); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Check(within(t, 40*time.Second), nil, address); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, true, false} {
		if got := <-resumed; got != want {
			t.Errorf("connection %d: resumed: %v", i, got)
		}
	}
}

// far is a network on which it takes a second to connect, and the phone longer
// than minSettle until its handshake has failed.
type far struct{}

func (far) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	select {
	case <-time.After(time.Second):
		return local{}.DialContext(ctx, network, address)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (far) DialTLSContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := local{}.DialContext(ctx, network, address)
	return &farConn{Conn: c}, err
}

type farConn struct {
	net.Conn
	deadline time.Time
}

func (c *farConn) SetReadDeadline(t time.Time) error {
	c.deadline = t
	return nil
}

func (c *farConn) Read([]byte) (int, error) {
	if time.Until(c.deadline) < minSettle+200*time.Millisecond {
		return 0, os.ErrDeadlineExceeded
	}
	return 0, dial.ErrCertificate
}

// A phone far away takes longer to refuse a server that doesn't speak first.
func TestCheckIsPatient(t *testing.T) {
	t.Parallel()
	leaf := (*signer)(nil).sign(t, host, server)
	port := listen(t, func(c net.Conn) {
		// The phone's connection, on which no handshake is made here, ends.
		if tls.Server(c, leaf.tls()).Handshake() == nil {
			io.Copy(io.Discard, c)
		}
	})
	d, err := New(far{}, Config{Now: at(today), Known: map[string]string{host + ":" + port: keyOf(leaf.cert)}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Check(within(t, 40*time.Second), far{}, net.JoinHostPort(host, port))
	if err != nil || r.Phone != BadCertificate || !r.Cure {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCheckIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	port := listen(t, func(c net.Conn) {
		c.Read(make([]byte, 1))
		cancel()
		io.Copy(io.Discard, c)
	})
	if _, err := dialer(t, Config{}).Check(ctx, phone{}, net.JoinHostPort(host, port)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
