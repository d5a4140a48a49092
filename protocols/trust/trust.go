// Package trust is TLS of our own (crypto/tls) over any plain dialer, for
// phones whose TLS is too old or lacks the roots that today's servers need. It
// links crypto/tls, 3.1 MB of code: a plain module must not import it.
//
// A server is accepted
//
//   - if its chain leads to one of Mozilla's roots or to one of Config.Roots,
//     is in date and carries the host's name (x509.Certificate.Verify), and one
//     of Config.Pins is in it where there are any; or
//   - if its key is the one that Config.Known holds for it: the person has
//     accepted it before. As with DANE-EE (RFC 7671, section 5.1), neither
//     name nor dates nor issuer count then; Config.Pins do.
//
// There is no revocation check, as no list would fit into a phone.
//
// # Errors
//
// A refused certificate is a *CertificateError, whose code is one of
// coded.ECERT_…; a server without TLS, or with none that suits, a
// *HandshakeError, whose code is coded.ETLS. dial.ErrCertificate and
// dial.ErrHandshake are in their chains, as they are in those of the phone's
// TLS. A network that fails during the handshake is reported as what it is.
package trust

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

// DefaultHandshakeTimeout bounds a handshake: an old phone takes half a second
// for its part, and a slow network has four round trips to make.
const DefaultHandshakeTimeout = 30 * time.Second

// Config says whom to trust. The zero Config trusts Mozilla's roots.
type Config struct {
	// Roots are trusted besides Mozilla's: certificates as PEM text.
	Roots string
	// Pins are keys of which the accepted chain has to hold at least one: the
	// base64 SHA-256 of a SubjectPublicKeyInfo, as in RFC 7469. Empty: any.
	Pins []string
	// Known are the keys of servers that the person has accepted, by host and
	// port ("imap.example:993", "[2001:db8::1]:993"), in the form of Pins. A
	// server that is refused comes with its key in CertificateError.Key.
	Known map[string]string
	// NextProtos are the protocols to offer by ALPN (RFC 7301), best first.
	NextProtos []string
	// HandshakeTimeout bounds each handshake, besides the context's own
	// deadline. Default DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// Sessions makes later handshakes with the same server cheap. It may be
	// shared: a session is resumed only under the trust that it was begun
	// with. Default none.
	Sessions *Sessions
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Dialer makes connections secured by crypto/tls, and plain ones that can be
// upgraded.
type Dialer struct {
	plain    dial.Dialer
	roots    []*x509.Certificate
	pins     []string
	known    map[string]string
	protos   []string
	timeout  time.Duration
	sessions *Sessions
	scope    [sha256.Size]byte // stands for all of the configuration but known
	now      func() time.Time
}

var _ dial.TLSDialer = (*Dialer)(nil)
var _ dial.Upgrader = (*conn)(nil)

// New makes a Dialer on top of plain. What is wrong in the configuration is a
// *coded.Error with EINVAL.
func New(plain dial.Dialer, c Config) (*Dialer, error) {
	d := &Dialer{
		plain: plain, timeout: c.HandshakeTimeout, sessions: c.Sessions, now: c.Now,
		// The caller's may change, and what is trusted is a session's scope.
		pins: slices.Clone(c.Pins), protos: slices.Clone(c.NextProtos), known: map[string]string{},
	}
	if d.timeout <= 0 {
		d.timeout = DefaultHandshakeTimeout
	}
	if d.now == nil {
		d.now = time.Now
	}
	var err error
	if d.roots, err = parseRoots(c.Roots); err != nil {
		return nil, err
	}
	for _, pin := range c.Pins {
		if !isKey(pin) {
			return nil, invalid("A pin is the SHA-256 of a public key in base64, 44 characters long.", nil)
		}
	}
	for address, key := range c.Known {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, invalid("A known server is named by its host and port, such as imap.example:993.", err)
		}
		if !isKey(key) {
			return nil, invalid("The key of a known server is the SHA-256 of a public key in base64, 44 characters long.", nil)
		}
		d.known[canonical(host, port)] = key
	}
	d.scope = d.digest()
	return d, nil
}

func invalid(message string, cause error) error {
	return coded.New(coded.EINVAL, "", message, cause)
}

func isKey(s string) bool {
	b, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(b) == sha256.Size && len(s) == 44
}

func canonical(host, port string) string {
	return net.JoinHostPort(strings.ToLower(host), port)
}

// digest is the same for two dialers if they trust the same servers.
func (d *Dialer) digest() (sum [sha256.Size]byte) {
	h := sha256.New()
	put := func(b []byte) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(b)))
		h.Write(size[:])
		h.Write(b)
	}
	list := func(items []string) {
		put([]byte(strings.Join(items, "\n")))
	}
	list(d.pins)
	list(d.protos)
	for _, root := range d.roots {
		put(root.Raw)
	}
	h.Sum(sum[:0])
	return sum
}

// DialContext opens a plain connection, which implements dial.Upgrader.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.plain.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, dialer: d, address: address}, nil
}

// DialTLSContext opens a connection and makes the handshake.
func (d *Dialer) DialTLSContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	config, err := d.config(address, host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	c, err := d.plain.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	secured, err := d.handshake(ctx, c, config)
	if err != nil {
		c.Close()
		return nil, handshakeError(c, err)
	}
	s := &conn{Conn: c, dialer: d, address: address}
	s.secured.Store(secured)
	return s, nil
}

func handshakeError(c net.Conn, err error) error {
	return &net.OpError{Op: "handshake", Net: "tcp", Addr: c.RemoteAddr(), Err: err}
}

// handshake secures c. After an error c has to be closed.
func (d *Dialer) handshake(ctx context.Context, c net.Conn, config *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	secured := tls.Client(c, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, failure(err)
	}
	return secured, nil
}

// config is that of one connection.
func (d *Dialer) config(address, host string) (*tls.Config, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if host == "" {
		// x509 would take it for no name to check.
		return nil, invalid("The host has no name.", nil)
	}
	for i := 0; i < len(host); i++ {
		if host[i] >= 0x80 {
			return nil, invalid("An internationalised host name has to be given in its ASCII form (xn--…).", nil)
		}
	}
	server := canonical(host, port)
	known := d.known[server]
	config := &tls.Config{
		ServerName: host,
		NextProtos: d.protos,
		Time:       d.now,
		// crypto/tls would need all roots before it has seen whose it needs.
		// VerifyConnection verifies instead, resumed sessions included.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if e := d.verify(s.PeerCertificates, host, known, s.DidResume); e != nil {
				return e
			}
			return nil
		},
	}
	if d.sessions != nil {
		config.ClientSessionCache = scoped{d.sessions, string(d.scope[:]) + server + "\n" + known}
	}
	return config, nil
}

// HandshakeError says that the server speaks no TLS, or none that suits.
type HandshakeError struct {
	// NotTLS says that what the server sent is no TLS at all.
	NotTLS bool
	Err    error
}

func (e *HandshakeError) Error() string { return dial.ErrHandshake.Error() + ": " + e.Err.Error() }

func (e *HandshakeError) Unwrap() []error { return []error{dial.ErrHandshake, e.Err} }

// ErrorCode is coded.ETLS.
func (e *HandshakeError) ErrorCode() coded.Code { return coded.ETLS }

// failure names what crypto/tls reports: its own complaints and the server's
// have no code, those of the network and of the context do.
func failure(err error) error {
	if coded.From(err, "").Code != coded.UNKNOWN {
		return err
	}
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		// Record types are those of RFC 8446, section 5.1, and heartbeat. The
		// connection is left out: the error would keep it alive.
		kind := header.RecordHeader[0]
		return &HandshakeError{NotTLS: kind < 20 || kind > 24, Err: errors.New(header.Error())}
	}
	return &HandshakeError{Err: err}
}

// conn is a connection that is secured, or can be.
type conn struct {
	net.Conn
	dialer  *Dialer
	address string
	secured atomic.Pointer[tls.Conn]
	ended   atomic.Bool // the server has said that nothing more will come
}

// UpgradeTLS makes the handshake. After an error the connection is closed:
// what a failed handshake leaves behind must not be taken for one in the
// clear. No Read or Write may be under way.
func (c *conn) UpgradeTLS(ctx context.Context, serverName string) error {
	if c.secured.Load() != nil {
		return nil
	}
	config, err := c.dialer.config(c.address, serverName)
	if err == nil {
		var secured *tls.Conn
		if secured, err = c.dialer.handshake(ctx, c.Conn, config); err == nil {
			c.secured.Store(secured)
			return nil
		}
	}
	c.Conn.Close()
	return handshakeError(c, err)
}

func (c *conn) current() net.Conn {
	if s := c.secured.Load(); s != nil {
		return s
	}
	return c.Conn
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.current().Read(p)
	if err == io.EOF {
		c.ended.Store(true)
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) { return c.current().Write(p) }

// Close of a secured connection says goodbye first, for up to 5 seconds,
// unless the server has: nobody would hear it, and a phone that is sending
// when the server's FIN comes may never report the end of the connection.
func (c *conn) Close() error {
	if c.ended.Load() {
		return c.Conn.Close()
	}
	return c.current().Close()
}

// ChannelBinding makes conn a dial.Binder, by tls-exporter (RFC 9266).
func (c *conn) ChannelBinding() (kind string, data []byte) {
	const kindExporter, label, size = "tls-exporter", "EXPORTER-Channel-Binding", 32
	secured := c.secured.Load()
	if secured == nil {
		return kindExporter, nil
	}
	state := secured.ConnectionState()
	// TLS 1.2 without the extended master secret has nothing to bind to.
	data, err := state.ExportKeyingMaterial(label, []byte{}, size)
	if err != nil {
		return kindExporter, nil
	}
	return kindExporter, data
}
