package imap

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/imap/wire"
	"kaiwire/protocols/sasl"
)

// Session is a connection on which a user is logged in. Its methods may be
// called from several goroutines. Commands are sent in the order in which the
// calls come, without waiting for the answers to those before wherever the
// protocol allows that (RFC 9051, section 5.5); IDLE steps aside for them.
type Session struct {
	o    Options
	conn *counted
	r    *wire.Reader // of the goroutine that reads
	w    *wire.Writer // of the command whose turn it is

	dead chan struct{} // closed by fail
	done chan struct{} // closed after Handler.Closed

	compressed bool // since the login

	// inline says that nobody reads yet: who waits for an answer does.
	inline bool
	seen   int // untagged responses while inline

	mu      sync.Mutex
	err     *coded.Error // why dead is closed
	ours    bool         // it was Close or Logout
	bye     *coded.Error // the server's, unasked
	goodbye bool         // the server's, in answer to LOGOUT
	broken  error        // of writing

	tag    int
	queue  []*command // not sent yet, in the order of the calls
	flight []*command // sent and not answered yet, in that order
	writer *command   // the one that is being sent
	watch  *time.Timer
	moved  uint32 // conn.moved when watch was set

	offered []*command // scratch of offer

	caps    []string
	enabled []string // by ENABLE
	// notified says that NOTIFY is in force. Of the goroutine that reads.
	notified     bool
	utf8         bool // names and texts are UTF-8 on the wire
	mailbox      *Mailbox
	synced       struct{ mailbox, state string } // the last Sync
	notification *notification                   // the last Notify; nil where nothing is to be told
	polling      *polling                        // in place of NOTIFY
	auth         sasl.Credentials                // of the last login
	odd          map[string]string               // names of mailboxes that are sent as they came
	key          []byte                          // scratch of fetchParser

	idling idling
}

// counted counts what is read and written, so that a silent connection can be
// told from a slow one.
type counted struct {
	net.Conn
	moved  atomic.Uint32
	parked atomic.Bool // reading waits for the app
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.moved.Add(1)
	return n, err
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.moved.Add(1)
	return n, err
}

// Connect dials the server, secures the connection and logs in. ctx bounds all
// of it, and nothing after.
//
// A PREAUTH greeting is accepted unless the connection was yet to be secured
// by STARTTLS, since nobody can vouch for it then (RFC 9051, section 7.1.4).
//
// Besides those of the package comment, errors are those of the dialer, ETLS
// where STARTTLS is not to be had, EAUTH for a refused login, and ENOTSUP where
// the server offers no login that o.Auth can do, LOGINDISABLED being one
// reason.
func Connect(ctx context.Context, d dial.Dialer, o Options) (*Session, error) {
	o = o.withDefaults()
	switch {
	case o.Host == "":
		return nil, invalid("No host was given.")
	case o.Port < 0 || o.Port > 65535:
		return nil, invalid("The port is not valid.")
	case o.Security != dial.TLS && o.Security != dial.STARTTLS && o.Security != dial.None:
		return nil, invalid("The kind of security is not valid.")
	}
	conn, err := dial.Conn(ctx, d, o.Security, net.JoinHostPort(o.Host, strconv.Itoa(o.Port)))
	if err != nil {
		return nil, lost(err)
	}
	s := newSession(conn, o)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err = s.handshake(ctx)
	if !stop() || ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		s.end(lost(err))
		return nil, lost(err)
	}
	s.inline = false
	go s.read()
	return s, nil
}

func newSession(conn net.Conn, o Options) *Session {
	s := &Session{
		o:      o,
		auth:   o.Auth,
		conn:   &counted{Conn: conn},
		dead:   make(chan struct{}),
		done:   make(chan struct{}),
		inline: true,
	}
	s.r = wire.NewReader(s.conn, wire.Limits{Line: o.Limits.Line, Literal: o.Limits.Literal, Nesting: o.Limits.Nesting})
	s.w = wire.NewWriter(s.conn)
	s.w.Expect, s.w.Continue, s.w.Raw = s.expect, s.asked, s.rawName
	return s
}

// Capabilities returns what the server can do, as it says it itself.
func (s *Session) Capabilities() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.caps...)
}

// Has reports whether the server has a capability, be it by name or as a part
// of IMAP4rev2.
func (s *Session) Has(capability imap.Cap) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return hasCapability(s.caps, string(capability))
}

func (s *Session) setCaps(caps []string) {
	s.mu.Lock()
	s.caps = caps
	s.mu.Unlock()
}

// Mailbox returns the selected mailbox, or nil. Exists follows the server; the
// rest is as it was when the mailbox was selected.
func (s *Session) Mailbox() *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mailbox == nil {
		return nil
	}
	m := *s.mailbox
	return &m
}

// Done is closed when the session has ended, nothing of it is running any more
// and Handler.Closed has returned.
func (s *Session) Done() <-chan struct{} { return s.done }

// Close ends the session without a word to the server. Calls under way get
// ECLOSED. It may be called more than once, and from a handler; it doesn't
// wait for Done.
func (s *Session) Close() error {
	s.mu.Lock()
	s.ours = s.ours || s.err == nil
	s.mu.Unlock()
	s.fail(newError(coded.ECLOSED, "", nil))
	return nil
}

// fail ends the session. The first reason given is the one that counts.
func (s *Session) fail(reason *coded.Error) {
	s.mu.Lock()
	first := s.err == nil
	if first {
		s.err = reason
		close(s.dead)
	}
	s.mu.Unlock()
	if first {
		s.conn.Close()
	}
}

// reason is why a session ends whose reader has failed with err.
func (s *Session) reason(err error) *coded.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := errors.AsType[*coded.Error](err); ok {
		return e
	}
	if limit, ok := errors.AsType[*wire.LimitError](err); ok {
		return tooMuch(limit.What)
	}
	if syntax, ok := errors.AsType[*wire.SyntaxError](err); ok {
		return newError(coded.EPROTO, "", syntax)
	}
	switch {
	case s.goodbye:
		s.ours = s.ours || s.err == nil
		return newError(coded.ECLOSED, "", nil)
	case s.bye != nil:
		return s.bye
	case s.broken != nil:
		return lost(s.broken)
	}
	return lost(err)
}

// closedError is what calls get that come after the end.
func (s *Session) closedError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ours {
		return s.err
	}
	return newError(coded.ECLOSED, "", s.err)
}

// read is the goroutine that reads, from the login to the end.
func (s *Session) read() {
	var err error
	for err == nil {
		err = s.respond()
	}
	s.end(err)
	if s.o.Handler.Closed != nil {
		s.o.Handler.Closed(s.cause())
	}
	close(s.done)
}

// cause is why the session has ended; nil if that was Close or Logout.
func (s *Session) cause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ours || s.err == nil {
		return nil
	}
	return s.err
}

// end ends what is under way when nothing can be read any more.
func (s *Session) end(err error) {
	s.fail(s.reason(err))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.flight {
		c.err = s.err
		close(c.done)
	}
	s.flight = nil
	s.idling.stop()
	s.stopPolling()
	if s.watch != nil {
		s.watch.Stop()
	}
}

// guard ends the session when ctx ends. The returned function takes the guard
// away.
//
//go:noinline
func (s *Session) guard(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { s.fail(lost(ctx.Err())) })
}
