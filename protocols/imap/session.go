package imap

import (
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

// Session is a connection on which a user is logged in. Its methods may be
// called from several goroutines: commands are sent one after another, in the
// order in which the calls come, and IDLE steps aside for them.
type Session struct {
	o      Options
	wire   *wire
	engine *imapclient.Client

	slot chan struct{} // holds a token while a command, or a Literal, has the connection
	dead chan struct{} // closed by fail
	done chan struct{} // closed after Handler.Closed

	// Of the slot's holder:

	idle *imapclient.IdleCommand // nil while none is running

	mu       sync.Mutex
	restart  *time.Timer  // of idle
	err      *coded.Error // why dead is closed
	ours     bool         // it was Close or Logout
	bye      *coded.Error // the server's, unasked
	goodbye  bool         // the server's, in answer to LOGOUT
	caps     []string
	mailbox  *Mailbox
	current  *command
	idleWish *Idle // the app wants to idle
}

// command is what the reader has to know about the command under way.
type command struct {
	verb      string
	set       imap.NumSet // of a FETCH
	flagsOnly bool        // the FETCH asks for nothing but flags and UIDs
	mailbox   *Mailbox    // of a SELECT: filled in as the answer comes
	numbers   []uint32    // of a SEARCH: likewise
	refused   bool        // the answer was NO or BAD
}

// Mailbox is a selected mailbox.
type Mailbox struct {
	Name           string
	ReadOnly       bool
	Exists         uint32 // number of messages
	UIDNext        imap.UID
	UIDValidity    uint32
	Flags          []imap.Flag
	PermanentFlags []imap.Flag // those that can be stored; \* means that new ones can be made
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
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	h := &handshake{ctx: ctx, o: o, w: newWire(conn, o.Limits)}
	err = h.run()
	if !stop() || ctx.Err() != nil {
		conn.Close()
		return nil, lost(ctx.Err())
	}
	if err != nil {
		conn.Close()
		return nil, lost(err)
	}
	s := &Session{
		o:    o,
		wire: h.w,
		slot: make(chan struct{}, 1),
		dead: make(chan struct{}),
		done: make(chan struct{}),
		caps: h.caps,
	}
	s.wire.s = s
	s.wire.unread, s.wire.keep = []byte("* PREAUTH [CAPABILITY "+s.engineCaps()+"] ready\r\n"), true
	s.engine = imapclient.New(s.wire, &imapclient.Options{
		WordDecoder: &mime.WordDecoder{CharsetReader: o.WordDecoder},
	})
	go s.watch()
	// This can only fail if the connection is gone already, of which the
	// session tells by itself.
	_ = s.engine.WaitGreeting()
	return s, nil
}

// engineCaps lists what the engine is told of the server. IMAP4rev2 is kept
// from it where IMAP4rev1 is there too: rev2's rules hold only once they have
// been enabled, yet the engine would write mailbox names by them at once.
func (s *Session) engineCaps() string {
	list := "IMAP4rev1"
	if !s.has("IMAP4rev1") && s.has("IMAP4rev2") {
		list = "IMAP4rev2"
	}
	for _, c := range []string{"LITERAL+", "LITERAL-", "MOVE", "UIDPLUS"} {
		if s.has(c) {
			list += " " + c
		}
	}
	return list
}

// Capabilities returns what the server can do, as it says it itself.
func (s *Session) Capabilities() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.caps...)
}

// has reports whether the server has a capability that is in IMAP4rev2 or has
// been announced by name.
func (s *Session) has(capability string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return hasCapability(s.caps, capability)
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
	s.close()
	return nil
}

func (s *Session) close() {
	s.mu.Lock()
	s.ours = s.ours || s.err == nil
	s.mu.Unlock()
	s.fail(newError(coded.ECLOSED, "", nil))
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
		s.wire.Conn.Close()
	}
}

// endOf is the reason for a session whose connection can't be read any more.
func (s *Session) endOf(err error) *coded.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var e *coded.Error
	switch {
	case errors.As(err, &e):
		return e
	case s.goodbye:
		s.ours = s.ours || s.err == nil
		return newError(coded.ECLOSED, "", nil)
	case s.bye != nil:
		return s.bye
	}
	return lost(err)
}

// watch sees the session out.
func (s *Session) watch() {
	<-s.engine.Closed()
	s.fail(newError(coded.EPROTO, "", errUnparsable))
	s.mu.Lock()
	var err error
	if !s.ours {
		err = s.err
	}
	if s.restart != nil {
		s.restart.Stop()
	}
	s.mu.Unlock()
	if s.o.Handler.Closed != nil {
		s.o.Handler.Closed(err)
	}
	close(s.done)
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

func (s *Session) setCurrent(c *command) {
	s.mu.Lock()
	s.current = c
	s.mu.Unlock()
}

// refusedNow reports whether the command under way has been refused.
func (s *Session) refusedNow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current != nil && s.current.refused
}

// acquire waits for the connection. If ctx ends first, nothing has happened.
func (s *Session) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return lost(err)
	}
	select {
	case <-s.dead:
		return s.closedError()
	default:
	}
	select {
	case s.slot <- struct{}{}:
		return nil
	case <-ctx.Done():
		return lost(ctx.Err())
	case <-s.dead:
		return s.closedError()
	}
}

// guard ends the session when ctx ends. The returned function takes the guard
// away.
func (s *Session) guard(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { s.fail(lost(ctx.Err())) })
}

// do runs a command: f sends it and waits for its end.
func (s *Session) do(ctx context.Context, c *command, f func() error) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer s.release()
	defer s.guard(ctx)()
	if err := s.pauseIdle(); err != nil {
		return s.result(err)
	}
	return s.result(s.perform(c, f))
}

func (s *Session) perform(c *command, f func() error) error {
	s.setCurrent(c)
	err := f()
	s.wire.settle(s.engine.Closed())
	return err
}

// result makes the app's error of the engine's.
func (s *Session) result(err error) error {
	if err == nil {
		return nil
	}
	var own *coded.Error
	if errors.As(err, &own) {
		return own
	}
	var status *imap.Error
	if errors.As(err, &status) {
		return refused(coded.EREJECTED, status)
	}
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		err = nil
	}
	s.fail(newError(coded.EPROTO, "", err))
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
