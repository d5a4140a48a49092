package imap

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/imap/wire"
)

// command is a command on its way: written by the goroutine of the call,
// answered by the one that reads.
type command struct {
	// write writes it, without tag and line end.
	write func(*wire.Writer)

	// What may be under way along with it (RFC 9051, section 5.5):

	alone   bool   // nothing
	numbers bool   // nothing that lets the server expunge: it has sequence numbers
	stable  bool   // the server may not expunge in the course of it
	family  string // no other of the family: their answers could not be told apart

	// How it takes its answer. All are called by the goroutine that reads, and
	// may be nil.

	take    func(verb string) (mine bool, err error) // an untagged response; reads it if it is its own
	code    func(code, args string) (mine bool)      // a response code, tagged or not
	ended   func(err error)                          // the end, before anything after it is read
	fetch   *fetching                                // of a FETCH
	open    *Mailbox                                 // of a SELECT: filled in as the answer comes
	status  func(*imap.StatusData) (mine bool)       // a STATUS response
	leaving bool                                     // it is LOGOUT
	more    func(text string)                        // the text of a continuation request

	taken   int64 // bytes that take has taken
	tag     int
	turn    chan struct{} // closed when it may be written
	done    chan struct{} // closed when it is over
	awaits  chan struct{} // closed when the server asks for more; nil unless that is expected
	err     error         // of done
	refused *refusal      // the same, where it was NO or BAD
}

// fits reports whether c may be sent while others are under way.
func (s *Session) fits(c *command) bool {
	for _, other := range s.flight {
		switch {
		case c.alone || other.alone,
			c.numbers && !other.stable,
			c.family != "" && c.family == other.family:
			return false
		}
	}
	return true
}

// do runs a command. If ctx ends before its turn has come, nothing has
// happened; if later, the session ends.
func (s *Session) do(ctx context.Context, c *command) error {
	if err := s.begin(ctx, c); err != nil {
		return err
	}
	defer s.guard(ctx)()
	s.send(c)
	s.await(c.done, nil)
	return c.err
}

// begin waits for the command's turn.
func (s *Session) begin(ctx context.Context, c *command) error {
	if err := ctx.Err(); err != nil {
		return lost(err)
	}
	c.turn, c.done = make(chan struct{}), make(chan struct{})
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return s.closedError()
	}
	s.queue = append(s.queue, c)
	s.admit()
	s.mu.Unlock()
	select {
	case <-c.turn:
	case <-ctx.Done():
	case <-s.dead:
	}
	if ctx.Err() == nil {
		select {
		case <-s.dead:
		default:
			return nil
		}
	}
	s.withdraw(c)
	if err := ctx.Err(); err != nil {
		return lost(err)
	}
	return s.closedError()
}

// withdraw takes back a command of which nothing has been written.
func (s *Session) withdraw(c *command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = without(s.queue, c)
	s.flight = without(s.flight, c)
	if s.writer == c {
		s.writer = nil
	}
	s.admit()
}

func without(list []*command, c *command) []*command {
	for i := range list {
		if list[i] == c {
			return append(list[:i:i], list[i+1:]...)
		}
	}
	return list
}

// admit gives the next command its turn if it may have it. s.mu is held.
func (s *Session) admit() {
	if s.writer != nil || s.err != nil {
		return
	}
	if len(s.queue) == 0 {
		if len(s.flight) == 0 {
			s.idling.settle(s)
		}
		return
	}
	c := s.queue[0]
	if !s.fits(c) {
		s.idling.interrupt(s)
		return
	}
	s.idling.cancel()
	s.queue = s.queue[1:]
	s.tag++
	c.tag = s.tag
	if len(s.flight) == 0 {
		s.watchOver()
	}
	s.flight = append(s.flight, c)
	s.writer = c
	close(c.turn)
}

// send writes a command whose turn has come, and gives the turn away.
func (s *Session) send(c *command) {
	s.mu.Lock()
	s.w.NonSync = hasCapability(s.caps, "LITERAL+") || hasCapability(s.caps, "LITERAL-")
	s.w.UTF8 = s.utf8
	s.mu.Unlock()
	s.w.Text("T").Number(uint32(c.tag)).Text(" ")
	c.write(s.w)
	s.sent(c, s.w.End())
}

func (s *Session) sent(c *command, err error) {
	s.mu.Lock()
	s.writer = nil
	s.admit()
	s.mu.Unlock()
	if err == nil || err == wire.ErrRefused {
		return
	}
	if source, ok := errors.AsType[*wire.SourceError](err); ok {
		s.fail(newError(coded.EINVAL, "The message could not be read to its end.", source.Err))
		return
	}
	s.writingFailed(err)
}

// farewell is how long a server whose connection can't be written to any more
// has to say why.
const farewell = 2 * time.Second

// writingFailed leaves it to the reader to end the session: the server may have
// said BYE.
func (s *Session) writingFailed(err error) {
	s.mu.Lock()
	if s.broken == nil {
		s.broken = err
	}
	s.mu.Unlock()
	s.conn.SetReadDeadline(time.Now().Add(farewell))
}

// await waits until one of the channels is closed; the second may be nil.
func (s *Session) await(a, b <-chan struct{}) {
	for s.inline {
		select {
		case <-a:
			return
		case <-b:
			return
		default:
		}
		if err := s.respond(); err != nil {
			s.end(err)
		}
	}
	select {
	case <-a:
	case <-b:
	}
}

// expect and asked are the Writer's Expect and Continue.

func (s *Session) expect() {
	s.mu.Lock()
	s.writer.awaits = make(chan struct{})
	s.mu.Unlock()
}

func (s *Session) asked() error {
	s.mu.Lock()
	c := s.writer
	awaits := c.awaits
	s.mu.Unlock()
	if awaits != nil {
		s.await(awaits, c.done)
	}
	select {
	case <-c.done:
		return wire.ErrRefused
	default:
		return nil
	}
}

// continuation takes a "+" of the server.
func (s *Session) continuation() {
	s.mu.Lock()
	c := s.writer
	var awaits chan struct{}
	if c != nil {
		awaits, c.awaits = c.awaits, nil
	}
	s.mu.Unlock()
	if awaits == nil {
		s.unknown()
		return
	}
	text := s.r.Text()
	if c.more != nil {
		c.more(text)
	}
	close(awaits)
}

// find is the oldest command under way that fits.
func (s *Session) find(fits func(*command) bool) *command {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.flight {
		if fits(c) {
			return c
		}
	}
	return nil
}

// finish ends the command of a tag with the server's verdict.
func (s *Session) finish(tag uint32, status string, code, args, text string) error {
	c := s.find(func(c *command) bool { return c.tag == int(tag) })
	if c == nil {
		return newError(coded.EPROTO, "", errors.New("imap: an answer to a command that was not sent"))
	}
	if code != "" && c.code != nil {
		c.code(code, args)
	}
	if status != "OK" {
		c.refused = &refusal{status, code, text}
		c.err = refused(coded.EREJECTED, c.refused)
	}
	if c.ended != nil {
		c.ended(c.err)
	}
	s.mu.Lock()
	s.flight = without(s.flight, c)
	if len(s.flight) == 0 && s.watch != nil {
		s.watch.Stop()
	}
	close(c.done)
	s.admit()
	s.mu.Unlock()
	return nil
}

// watchOver ends the session when nothing has gone to or come from the server
// for Options.Timeout while a command is under way. s.mu is held.
func (s *Session) watchOver() {
	if s.o.Timeout < 0 {
		return
	}
	s.moved = s.conn.moved.Load()
	if s.watch == nil {
		s.watch = time.AfterFunc(s.o.Timeout, s.overdue)
	} else {
		s.watch.Reset(s.o.Timeout)
	}
}

func (s *Session) overdue() {
	s.mu.Lock()
	moved := s.conn.moved.Load()
	silent := moved == s.moved && !s.conn.parked.Load()
	waiting := len(s.flight) > 0 && s.err == nil && !s.idling.quiet()
	if waiting && !silent {
		s.moved = moved
		s.watch.Reset(s.o.Timeout)
	}
	s.mu.Unlock()
	if waiting && silent {
		s.fail(newError(coded.ETIMEDOUT, "", errors.New("imap: nothing from the server for "+strconv.Itoa(int(s.o.Timeout/time.Second))+" s")))
	}
}
