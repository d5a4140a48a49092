// Package irc is an IRC client (RFC 1459, RFC 2812 and the extensions of
// ircv3.net) over any dialer.
//
// Connect registers with a server: it negotiates capabilities (CAP LS 302),
// authenticates (SASL) where Options.Auth asks for it, and waits for the
// server's welcome. The Session that it returns has one method for each thing a
// person does on IRC; whatever the server sends goes to Options.Handler as an
// Event.
//
// Every call ends: when the server has answered, when its context ends, when
// the session does, or after Options.Timeout where the context has no deadline
// of its own. Every error is, or wraps, a *coded.Error.
package irc

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/sasl"
)

const protocol = "irc"

// Options say where to connect and as whom. Host and Nick are required.
type Options struct {
	// Host is a name or an IP address without brackets.
	Host string
	// Port is 6697 by default where Security is dial.TLS, else 6667.
	Port int
	// Security is dial.TLS by default. dial.STARTTLS is refused with
	// coded.ENOTSUP: IRC has abandoned its STARTTLS command.
	Security dial.Security

	// Nick is the nickname to register with; AltNicks are tried in order
	// where the server refuses it.
	Nick     string
	AltNicks []string
	// Username is the "user" of USER (RFC 2812 §3.1.3). Default: Nick.
	Username string
	// Realname is what USER calls the real name. Default: Nick.
	Realname string
	// Password is the server's own (PASS); most servers have none.
	Password string
	// Auth asks for SASL authentication. Connect then fails with coded.ENOTSUP
	// where the server has none, and with coded.EAUTH where it refuses.
	Auth *sasl.Credentials
	// Capabilities are asked for besides the defaults, where the server has
	// them. See Session.Capabilities for what was granted.
	Capabilities []string

	// Echo asks for what we say as events too (Message.Own), as the server has
	// passed it on; where it does not send that back (echo-message), the session
	// makes the event. Without it only what was said on our other devices is told.
	Echo bool
	// NoImplicitNames asks the server not to list who is in a channel when we
	// join it (no-implicit-names), which in a large one is most of the traffic;
	// Names asks for the list where it is wanted.
	NoImplicitNames bool
	// Reconnect has a Client make a new connection when one is lost.
	Reconnect bool
	// KeepNick has a Client ask for Nick, where the server has given us one of
	// AltNicks, until it is ours.
	KeepNick bool

	// Away is why we are away, from the start; empty where we are not.
	Away string
	// Bot says that we are a program, where the server has a mode for it.
	Bot bool
	// Bouncer asks a bouncer about its networks (soju.im/bouncer-networks), and
	// BouncerNetwork is the one to use, by its ID; empty for none in particular.
	Bouncer        bool
	BouncerNetwork string

	// STS remembers which servers want TLS (ircv3.net/specs/extensions/sts). A
	// server that asks for TLS gets it without too, but is then asked in the
	// clear each time.
	STS Store

	// Decode reads what is not UTF-8, as lines of other times are; nil, or false:
	// U+FFFD. A server that has UTF-8 only (UTF8ONLY) is not read by it.
	Decode func(line []byte) (utf8 []byte, ok bool)

	// Handler receives every event, in order, from one goroutine. It may be
	// called before Connect returns, with what the server says in its welcome.
	// It may call any method of the Session. While it is busy a limited number
	// of events is queued (more while one of the session's calls is waiting for
	// its answer); then nothing more is read, and the server has to wait. The
	// last event is Closed, unless Connect itself has failed.
	Handler func(Event)
	handler func(*Session, Event) // of a Client, in place of Handler

	// Timeout bounds calls whose context has no deadline. Default 1 minute.
	Timeout time.Duration
	// PingInterval is how long the server may be silent until it is sent a
	// PING. Default 2 minutes.
	PingInterval time.Duration
	// PingTimeout is how long it then has to send anything, and how long it
	// may refuse to take a line of ours, before the session ends with
	// coded.ETIMEDOUT. Default 30 seconds.
	PingTimeout time.Duration

	// FloodBurst lines are sent at once, further ones every FloodInterval:
	// servers disconnect who is faster. Defaults: 10 and 500 milliseconds. A
	// negative FloodInterval sends without delay.
	FloodBurst    int
	FloodInterval time.Duration

	// Version is the answer to CTCP VERSION. Where it is set, CTCP VERSION and
	// PING are answered, seldom enough not to be abused; else they are not.
	Version string
}

func (o *Options) fill() error {
	if o.Host == "" {
		return invalid("No host is given.")
	}
	switch o.Security {
	case "":
		o.Security = dial.TLS
	case dial.TLS, dial.None:
	case dial.STARTTLS:
		return coded.New(coded.ENOTSUP, protocol, "IRC has no STARTTLS; use TLS from the start.", nil)
	default:
		return invalid("Security has to be tls or none.")
	}
	if o.Port == 0 {
		o.Port = 6667
		if o.Security == dial.TLS {
			o.Port = 6697
		}
	}
	if o.Port < 1 || o.Port > 65535 {
		return invalid("The port has to be between 1 and 65535.")
	}
	for _, nick := range append([]string{o.Nick}, o.AltNicks...) {
		if err := checkNick(nick, 0); err != nil {
			return err
		}
	}
	o.Username = defaultTo(o.Username, o.Nick)
	o.Realname = defaultTo(o.Realname, o.Nick)
	if !isWord(o.Username) {
		return invalid("The user name must not contain spaces.")
	}
	if o.BouncerNetwork != "" {
		o.Bouncer = true
		if !isWord(o.BouncerNetwork) {
			return invalid("A network's ID must not contain spaces.")
		}
	}
	for _, s := range []string{o.Realname, o.Password, o.Version, o.Away} {
		if hasForbidden(s) {
			return errForbidden
		}
	}
	for _, name := range o.Capabilities {
		if !isWord(name) {
			return invalid("A capability's name must not contain spaces.")
		}
	}
	o.Timeout = o.timeout()
	o.PingInterval = defaultTo(o.PingInterval, 2*time.Minute)
	o.PingTimeout = defaultTo(o.PingTimeout, 30*time.Second)
	o.FloodBurst = defaultTo(o.FloodBurst, 10)
	o.FloodInterval = defaultTo(o.FloodInterval, floodInterval)
	return nil
}

const floodInterval = 500 * time.Millisecond

func defaultTo[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// A Session is a registered connection. Its methods may be called from any
// goroutine, and from the Handler.
type Session struct {
	conn net.Conn
	o    Options

	stop     chan struct{}  // closed when the session ends
	queue    chan *outgoing // lines of the app, subject to flood control
	urgent   chan []byte    // registration, PONG, PING: sent first and at once
	ready    chan struct{}  // an event was queued, or the session ended
	room     chan struct{}  // an event was taken, or a call has begun
	ctcp     bucket         // used by the reader only
	state    *state         // guarded by mu
	utf8only bool           // used by the reader only
	arrived  time.Time      // when what is being read has; used by the reader only

	mu         sync.Mutex
	calls      []*call
	events     []Event
	serial     uint64 // of the last PING or label
	malformed  uint64
	policy     *Policy // of STS, that the server has told
	registered bool
	throttled  bool // the server finds us too fast
	quitting   bool
	lastTyping struct { // that was sent
		target string
		at     time.Time
	}
	discard bool // the queued events are no longer wanted
	silent  bool // not even Closed is
	ended   bool
	err     error
}

// Connect opens a connection, registers and returns when the server has
// welcomed us.
//
// Errors: coded.EREJECTED where no nickname was accepted (Response "432",
// "433", …) or the server wants no connection from us; coded.EAUTH where PASS
// or SASL was refused; coded.ENOTSUP where SASL is not to be had;
// coded.EINVAL for options that make no sense; else what dialing or the
// connection failed with.
func Connect(ctx context.Context, d dial.Dialer, o Options) (*Session, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	ctx, cancel := bound(ctx, o.Timeout)
	defer cancel()
	o.remembered(time.Now())
	s, err := register(ctx, d, o)
	if insecure, ok := errors.AsType[*insecureError](err); ok {
		o.Security, o.Port = dial.TLS, insecure.port
		s, err = register(ctx, d, o)
	}
	return s, err
}

func register(ctx context.Context, d dial.Dialer, o Options) (*Session, error) {
	conn, err := dial.Conn(ctx, d, o.Security, net.JoinHostPort(o.Host, strconv.Itoa(o.Port)))
	if err != nil {
		return nil, coded.From(err, protocol)
	}
	s := newSession(conn, o)
	if o.handler != nil {
		s.o.Handler = func(e Event) { o.handler(s, e) }
	}
	go s.read()
	go s.write()
	if s.o.Handler != nil {
		go s.deliver()
	}
	r := newRegistration(s)
	if err := s.call(ctx, r.begin, r.see); err != nil {
		s.mu.Lock()
		s.silent = true
		s.mu.Unlock()
		if _, ok := errors.AsType[*insecureError](err); ok {
			// The nickname has to be free for the next connection.
			s.sendNow([]byte("QUIT\r\n"))
			s.awaitEnd(lastWords)
		}
		s.Close()
		return nil, err
	}
	s.mu.Lock()
	s.registered = true
	s.mu.Unlock()
	return s, nil
}

func newSession(conn net.Conn, o Options) *Session {
	return &Session{
		conn:   conn,
		o:      o,
		stop:   make(chan struct{}),
		queue:  make(chan *outgoing, 16),
		urgent: make(chan []byte, 32),
		ready:  make(chan struct{}, 1),
		room:   make(chan struct{}, 1),
		ctcp:   bucket{burst: 3, interval: 10 * time.Second},
		state:  newState(o.Nick),
	}
}

// Nick is our nickname as the server last told us.
func (s *Session) Nick() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.nick
}

// Capabilities are the names of those in force, sorted.
func (s *Session) Capabilities() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.capNames()
}

// Capability tells whether a capability is in force, whether as a draft or
// since, and the value that the server has offered it with.
func (s *Session) Capability(name string) (value string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.capValue(name), s.state.has(name)
}

// ISupport is the value of one of the server's announced features (numeric
// 005), such as "NETWORK", and whether it was announced. A feature without a
// value has the empty one.
func (s *Session) ISupport(name string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.state.all[name]
	return v, ok
}

// Features are all of them.
func (s *Session) Features() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.state.all)
}

// Same tells whether two nicknames or channel names are one to this server
// (ISUPPORT CASEMAPPING).
func (s *Session) Same(a, b string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.same(a, b)
}

func (s *Session) isChannel(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.isChannel(name)
}

// Malformed counts the lines that were skipped because they are not IRC.
func (s *Session) Malformed() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.malformed
}

// Done is closed when the session has ended, by whichever side.
func (s *Session) Done() <-chan struct{} { return s.stop }

// Err is why the session has ended: nil while it lives and after Close or Quit.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the session without ceremony. Calls under way fail with
// coded.ECLOSED, and the only event still delivered is Closed. It may be called
// more than once; it does not wait for the Handler.
func (s *Session) Close() error {
	s.mu.Lock()
	s.discard = true
	s.mu.Unlock()
	s.end(nil)
	return nil
}

// end ends the session once; later calls change nothing.
func (s *Session) end(err error) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	if err != nil && !s.quitting {
		s.err = coded.From(err, protocol)
	}
	policy := s.policy
	s.mu.Unlock()
	close(s.stop)
	s.conn.Close()
	if policy != nil {
		s.o.remember(*policy) // which lasts from the end of the connection
	}
}

// gone is the error of a call that the end of the session has overtaken.
func (s *Session) gone() error {
	if err := s.Err(); err != nil {
		return err
	}
	return coded.New(coded.ECLOSED, protocol, "", nil)
}

// A call waits for the server's answer. see is shown every message, with the
// event it became (or nil) and the session's mutex held, until it says done.
type call struct {
	see func(m *message, e Event) (done bool, err error)
	// label, where there is one, is that of the only messages that are shown.
	label string
	// private tells which events are for this call alone; nil: none.
	private func(m *message, e Event) bool
	done    chan error
}

// call has send put the question, and waits until see has recognised the answer.
func (s *Session) call(ctx context.Context, send func(context.Context) error, see func(*message, Event) (bool, error)) error {
	return s.await(ctx, send, &call{see: see})
}

// await is call for a call with more to it.
func (s *Session) await(ctx context.Context, send func(context.Context) error, c *call) error {
	c.done = make(chan error, 1)
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	defer s.forget(c)
	signal(s.room)
	failed := send(ctx)
	if failed == nil {
		select {
		case err := <-c.done:
			return err
		case <-ctx.Done():
			failed = coded.From(ctx.Err(), protocol)
		case <-s.stop:
			failed = s.gone()
		}
	}
	// The answer may have been the last thing that the server said.
	select {
	case err := <-c.done:
		return err
	default:
		return failed
	}
}

func (s *Session) forget(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = slices.DeleteFunc(s.calls, func(other *call) bool { return other == c })
}

//go:noinline
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// bound gives ctx a deadline where it has none.
//
//go:noinline
func bound(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

//go:noinline
func invalid(message string) error { return coded.New(coded.EINVAL, protocol, message, nil) }

var errForbidden = invalid("Line breaks and NUL can't be sent.")
