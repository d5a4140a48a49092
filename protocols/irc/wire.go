package irc

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
	"github.com/ergochat/irc-go/ircreader"

	"kaiwire/protocols/coded"
)

const (
	// longestLine is the tags of ircv3.net/specs/extensions/message-tags and
	// twice the 512 bytes of RFC 2812, which some servers exceed.
	longestLine = ircmsg.MaxlenTags + 2*maxLine

	// eventsQueued is how many events wait for a busy Handler, and
	// eventsQueuedInCall how many while a call, perhaps the Handler's own,
	// needs the reader to go on.
	eventsQueued       = 64
	eventsQueuedInCall = 512
)

// outgoing is what one call has to say.
type outgoing struct {
	ctx   context.Context
	lines [][]byte
	done  chan error
}

// send puts lines into the queue and waits until they are written, or ctx ends.
func (s *Session) send(ctx context.Context, lines ...[]byte) error {
	o := &outgoing{ctx: ctx, lines: lines, done: make(chan error, 1)}
	if err := ctx.Err(); err != nil {
		return coded.From(err, protocol)
	}
	select {
	case <-s.stop:
		return s.gone()
	case <-ctx.Done():
		return coded.From(ctx.Err(), protocol)
	case s.queue <- o:
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return coded.From(ctx.Err(), protocol)
	case <-s.stop:
	}
	// The lines may have been written before the end.
	select {
	case err := <-o.done:
		return err
	default:
		return s.gone()
	}
}

// sendNow puts lines before those of the app. It never waits: where the server
// takes nothing, it may do without our PONG.
func (s *Session) sendNow(lines ...[]byte) {
	var b []byte
	for _, l := range lines {
		b = append(b, l...)
	}
	select {
	case s.urgent <- b:
	default:
	}
}

func (s *Session) write() {
	flood := bucket{burst: s.o.FloodBurst, interval: s.o.FloodInterval}
	for {
		select {
		case b := <-s.urgent:
			s.put(s.together(b))
			continue
		default:
		}
		select {
		case <-s.stop:
			return
		case b := <-s.urgent:
			s.put(s.together(b))
		case o := <-s.queue:
			o.done <- s.putAll(o, &flood)
		}
	}
}

// together adds to b what else is urgent: few writes cost a phone less than
// many.
func (s *Session) together(b []byte) []byte {
	for {
		select {
		case more := <-s.urgent:
			b = append(b, more...)
		default:
			return b
		}
	}
}

// putAll writes the lines of o as fast as flood allows, urgent ones in between.
func (s *Session) putAll(o *outgoing, flood *bucket) error {
	for _, l := range o.lines {
		for {
			wait := flood.take(time.Now())
			if wait == 0 {
				break
			}
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case b := <-s.urgent:
				s.put(s.together(b))
			case <-o.ctx.Done():
			case <-s.stop:
			}
			timer.Stop()
			if o.ctx.Err() != nil {
				break
			}
			select {
			case <-s.stop:
				return s.gone()
			default:
			}
		}
		if err := o.ctx.Err(); err != nil {
			return coded.From(err, protocol)
		}
		if !s.put(l) {
			return s.gone()
		}
	}
	return nil
}

func (s *Session) put(b []byte) bool {
	s.conn.SetWriteDeadline(time.Now().Add(s.o.PingTimeout))
	if _, err := s.conn.Write(b); err != nil {
		s.end(broken(err))
		return false
	}
	return true
}

// bucket lets burst events pass at once and then one every interval.
type bucket struct {
	burst    int
	interval time.Duration
	full     time.Time // when all of burst is available again
}

// take returns 0 where an event may pass now, else how long it has to wait.
func (b *bucket) take(now time.Time) time.Duration {
	if b.interval < 0 {
		return 0
	}
	if b.full.Before(now) {
		b.full = now
	}
	if wait := b.full.Sub(now) - time.Duration(b.burst-1)*b.interval; wait > 0 {
		return wait
	}
	b.full = b.full.Add(b.interval)
	return 0
}

// read is the reader's goroutine. The read deadline is the keep-alive's clock,
// so that the time a busy Handler keeps us from reading is not held against
// the server.
func (s *Session) read() {
	var lines ircreader.Reader
	lines.Initialize(s.conn, maxLine, longestLine)
	var armed time.Time
	pinged := false
	for {
		// Moving the deadline for every line of a burst would cost more than
		// reading it.
		if now := time.Now(); !pinged && now.Sub(armed) > s.o.PingInterval/64 {
			armed = now
			s.conn.SetReadDeadline(now.Add(s.o.PingInterval))
		}
		b, err := lines.ReadLine()
		switch {
		case err == nil:
			if pinged {
				pinged, armed = false, time.Time{}
			}
			if !s.receive(b) {
				return
			}
		case errors.Is(err, os.ErrDeadlineExceeded) && !pinged:
			pinged = true
			s.conn.SetReadDeadline(time.Now().Add(s.o.PingTimeout))
			s.sendNow([]byte("PING " + keepAlive + "\r\n"))
		case errors.Is(err, ircreader.ErrReadQ):
			s.end(coded.New(coded.ELIMIT, protocol, "The server sent a line without end.", err))
			return
		default:
			s.end(broken(err))
			return
		}
	}
}

// broken is the error of a connection that has failed with err. Where that says
// "closed", it was not by us: the session had then ended before.
func broken(err error) error {
	if e := coded.From(err, protocol); e.Code != coded.ECLOSED {
		return e
	}
	return coded.New(coded.ECONNRESET, protocol, "", err)
}

// keepAlive begins the token of every PING of ours.
const keepAlive = "kaiwire"

// receive takes one line in and tells whether to read on.
func (s *Session) receive(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	m, ok := parse(b)
	if !ok {
		s.mu.Lock()
		s.malformed++
		s.mu.Unlock()
		return true
	}
	if m.Command == "PING" {
		// The token comes back as it was; where it can't, the server does not
		// know its own protocol.
		if pong, err := line("PONG", last(m)); err == nil {
			s.sendNow(pong)
		}
		return true
	}
	s.mu.Lock()
	e := s.state.apply(m, time.Now())
	s.capNotify(m)
	s.calls = keep(s.calls, m, e)
	s.mu.Unlock()
	s.answerCTCP(m)
	if m.Command == "ERROR" {
		s.end(coded.New(coded.ECONNRESET, protocol, "The server closed the connection: "+last(m), nil))
		return false
	}
	if e == nil || m.Command == "PONG" && strings.HasPrefix(last(m), keepAlive) {
		return true
	}
	return s.queueEvent(e)
}

// keep shows m to every call and returns those that have not ended by it.
func keep(calls []*call, m *ircmsg.Message, e Event) []*call {
	kept := calls[:0]
	for _, c := range calls {
		if done, err := c.see(m, e); done || err != nil {
			c.done <- err
		} else {
			kept = append(kept, c)
		}
	}
	clear(calls[len(kept):])
	return kept
}

// answerCTCP answers queries that were sent to us alone.
func (s *Session) answerCTCP(m *ircmsg.Message) {
	if s.o.Version == "" || m.Command != "PRIVMSG" || len(m.Params) < 2 || !s.Same(m.Params[0], s.Nick()) {
		return
	}
	verb, rest, ok := ctcp(m.Params[1])
	switch {
	case ok && verb == "VERSION":
		rest = s.o.Version
	case ok && verb == "PING" && len(rest) <= 64:
	default:
		return
	}
	from := sourceOf(m).Name
	if !isWord(from) || s.ctcp.take(time.Now()) > 0 {
		return
	}
	if answer, err := line("NOTICE", from, "\x01"+verb+" "+rest+"\x01"); err == nil {
		s.sendNow(answer)
	}
}

// queueEvent waits until there is room for e and tells whether the session is
// still on.
func (s *Session) queueEvent(e Event) bool {
	if s.o.Handler == nil {
		return true
	}
	for {
		s.mu.Lock()
		limit := eventsQueued
		if len(s.calls) > 0 {
			limit = eventsQueuedInCall
		}
		queued := len(s.events) < limit
		if queued {
			s.events = append(s.events, e)
		}
		s.mu.Unlock()
		if queued {
			signal(s.ready)
			return true
		}
		select {
		case <-s.room:
		case <-s.stop:
			return false
		}
	}
}

// deliver is the Handler's goroutine.
func (s *Session) deliver() {
	for {
		s.mu.Lock()
		var e Event
		switch {
		case len(s.events) > 0 && !s.discard:
			e = s.events[0]
			s.events[0] = nil
			s.events = s.events[1:]
		case s.ended:
			silent, err := s.silent, s.err
			s.events = nil
			s.mu.Unlock()
			if !silent {
				s.o.Handler(&Closed{Err: err})
			}
			return
		}
		s.mu.Unlock()
		if e != nil {
			signal(s.room)
			s.o.Handler(e)
			continue
		}
		select {
		case <-s.ready:
		case <-s.stop:
		}
	}
}

func (s *Session) token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pings++
	return keepAlive + "-" + strconv.FormatUint(s.pings, 10)
}
