package irc

import (
	"context"
	"errors"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
	"github.com/ergochat/irc-go/ircreader"

	"kaiwire/protocols/coded"
)

const (
	// maxLineLen is the longest line without tags that we make, or take, where a
	// server says that it has longer ones than RFC 2812 (LINELEN).
	maxLineLen = 16 << 10

	// longestLine has the tags of ircv3.net/specs/extensions/message-tags as well.
	longestLine = ircmsg.MaxlenTags + maxLineLen

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
			s.mu.Lock()
			if s.throttled {
				s.throttled = false
				flood.slow(time.Now())
			}
			s.mu.Unlock()
			wait := flood.take(time.Now(), units(l))
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

// lastWords is how long the reader has, once the server takes nothing any more,
// to come to what it said before: most say why they close.
const lastWords = 2 * time.Second

func (s *Session) put(b []byte) bool {
	s.conn.SetWriteDeadline(time.Now().Add(s.o.PingTimeout))
	_, err := s.conn.Write(b)
	if err == nil {
		return true
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		s.awaitEnd(lastWords)
	}
	s.end(broken(err))
	return false
}

// awaitEnd gives the reader time to end the session.
func (s *Session) awaitEnd(patience time.Duration) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-s.stop:
	case <-timer.C:
	}
}

// bucket lets burst units pass at once and then one every interval.
type bucket struct {
	burst    int
	interval time.Duration
	full     time.Time // when all of burst is available again
}

// take returns 0 where so many units may pass now, else how long they have to
// wait.
func (b *bucket) take(now time.Time, units int) time.Duration {
	if b.interval < 0 {
		return 0
	}
	if b.full.Before(now) {
		b.full = now
	}
	if wait := b.full.Sub(now) - time.Duration(b.burst-1)*b.interval; wait > 0 {
		return wait
	}
	b.full = b.full.Add(time.Duration(units) * b.interval)
	return 0
}

// maxInterval is as slow as we let a server make us.
const maxInterval = 4 * time.Second

// slow is for a server that has found us too fast: nothing is left of the burst,
// and from now on lines are twice as far apart.
func (b *bucket) slow(now time.Time) {
	if b.interval > 0 {
		b.interval = min(2*b.interval, maxInterval)
		b.full = now.Add(time.Duration(b.burst) * b.interval)
	}
}

// units is what a line costs: servers that limit how much they have to read take
// a long line for several.
func units(l []byte) int { return 1 + len(l)/256 }

// read is the reader's goroutine. The read deadline is the keep-alive's clock,
// so that the time a busy Handler keeps us from reading is not held against
// the server.
func (s *Session) read() {
	var lines ircreader.Reader
	in := &intake{s: s}
	lines.Initialize(in, intakeSize, longestLine)
	for {
		in.line = true
		b, err := lines.ReadLine()
		switch {
		case err == nil:
			if in.pinged {
				in.pinged, in.armed = false, time.Time{}
			}
			if !s.receive(b) {
				return
			}
		case errors.Is(err, os.ErrDeadlineExceeded) && !in.pinged:
			in.pinged = true
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

// intakeSize is how much is read at a time. Each read crosses to JavaScript, and
// looks at the clock.
const intakeSize = 4 << 10

// intake is what the reader reads from. It keeps the clocks: to ask for the time
// at every line of a burst would cost more than reading it.
type intake struct {
	s      *Session
	armed  time.Time
	line   bool // has come since the deadline was looked at; bytes alone prove nothing
	pinged bool // and no line has come since
}

func (in *intake) Read(b []byte) (int, error) {
	s := in.s
	if in.line && !in.pinged {
		if now := time.Now(); now.Sub(in.armed) > s.o.PingInterval/64 {
			in.armed = now
			s.conn.SetReadDeadline(now.Add(s.o.PingInterval))
		}
	}
	in.line = false
	n, err := s.conn.Read(b)
	s.arrived = time.Now()
	return n, err
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
	m, ok := parse(s.o.decode(b, s.utf8only))
	if !ok {
		s.mu.Lock()
		s.malformed++
		s.mu.Unlock()
		return true
	}
	if m.Command == "PING" {
		// The token comes back as it was; where it can't, the server does not
		// know its own protocol.
		if pong, err := line("PONG", m.last()); err == nil {
			s.sendNow(pong)
		}
		return true
	}
	s.mu.Lock()
	e, private := s.take(m)
	s.mu.Unlock()
	if m.Command == "ERROR" {
		s.end(coded.New(coded.ECONNRESET, protocol, "The server closed the connection: "+m.last(), nil))
		return false
	}
	if e == nil || private || m.Command == "PONG" && strings.HasPrefix(m.last(), keepAlive) {
		return true
	}
	if query, ok := e.(*CTCP); ok && !query.History {
		s.answerCTCP(query)
	}
	return s.queueEvent(e)
}

// take draws from m all that there is in it: what it changes, whom it answers
// and the event that it is. private events were asked for by a call, which has
// seen them.
func (s *Session) take(m *message) (e Event, private bool) {
	st := s.state
	m.batch = st.batches.of(m)
	label := labelOf(m)
	if m.Command == "BATCH" && len(m.Params) > 0 && len(m.Params[0]) > 1 {
		switch m.Params[0][0] {
		case '+':
			st.batches.begin(m, label)
		case '-':
			b := st.batches.end(m)
			if b == nil {
				return nil, false
			}
			m.batch, label = b.parent, b.label
			if b.start != nil {
				whole := b.whole()
				if whole == nil {
					return nil, false
				}
				e, private = s.settle(whole, label)
				if message, ok := e.(*Message); ok {
					message.Truncated = b.truncated
				}
				return e, private
			}
		default:
			return nil, false
		}
	} else if m.batch != nil && m.batch.start != nil {
		m.batch.add(m)
		return nil, false
	}
	return s.settle(m, label)
}

// settle is take for what is not a part of something else.
func (s *Session) settle(m *message, label string) (e Event, private bool) {
	st := s.state
	e = st.apply(m, s.arrived)
	if s.capNotify(m) && s.registered {
		e = &Capabilities{Names: st.capNames()}
	}
	switch m.Command {
	case "005":
		_, s.utf8only = st.all["UTF8ONLY"]
		if s.registered {
			e = &Features{All: maps.Clone(st.all)}
		}
	case "263", "439": // RPL_TRYAGAIN, ERR_TARGETTOOFAST
		s.throttled = true
	case "FAIL":
		s.throttled = s.throttled || strings.Contains(m.param(1), "RATE_LIMIT")
	case "324":
		// Nobody but us has asked.
		if ch := st.channels[st.fold(m.param(1))]; ch != nil && ch.asked {
			ch.asked, private = false, true
		}
	case "329":
		private = st.channels[st.fold(m.param(1))] != nil
	}
	if join, ok := e.(*Join); ok && join.Own && !join.History {
		s.askModes(join.Channel)
	}
	if private = s.keep(m, e, label) || private; !private {
		e = made(e, m, s.arrived)
	}
	return e, private
}

// askModes asks for the modes of a channel that we have just entered. It is not
// worth waiting for.
func (s *Session) askModes(channel string) {
	ch := s.state.channels[s.state.fold(channel)]
	l, err := line("MODE", channel)
	if ch == nil || err != nil {
		return
	}
	select {
	case s.queue <- &outgoing{ctx: context.Background(), lines: [][]byte{l}, done: make(chan error, 1)}:
		ch.asked = true
	default:
	}
}

// keep shows m, which has the given label, to the calls that it may answer, and
// keeps those that have not ended by it. private tells whether one of them
// wanted it for itself.
func (s *Session) keep(m *message, e Event, label string) (private bool) {
	if len(s.calls) == 0 {
		return false
	}
	serial, _, _ := strings.Cut(label, ".")
	kept := s.calls[:0]
	for _, c := range s.calls {
		if c.label != "" && c.label != serial {
			kept = append(kept, c)
			continue
		}
		private = private || c.private != nil && c.private(m, e)
		if done, err := c.see(m, e); done || err != nil {
			c.done <- err
		} else {
			kept = append(kept, c)
		}
	}
	clear(s.calls[len(kept):])
	s.calls = kept
	return private
}

// answerCTCP answers queries that were sent to us alone: VERSION and PING if the
// app wants that, and DCC by saying no. A DCC connection would give the person's
// address away, and a phone can't be connected to.
func (s *Session) answerCTCP(q *CTCP) {
	if q.Reply || !s.Same(q.Target, s.Nick()) || !isWord(q.Nick) {
		return
	}
	verb, rest := q.Command, q.Text
	switch verb {
	case "VERSION":
		rest = s.o.Version
	case "PING":
	case "DCC":
		kind, file, _ := strings.Cut(rest, " ")
		file, _, _ = strings.Cut(file, " ")
		verb, rest = "DCC REJECT", kind+" "+file
	default:
		return
	}
	const longest = 128
	if s.o.Version == "" && q.Command != "DCC" || len(rest) > longest || s.ctcp.take(time.Now(), 1) > 0 {
		return
	}
	if answer, err := line("NOTICE", q.Nick, "\x01"+verb+" "+rest+"\x01"); err == nil {
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

// tell queues events of our own making, which are few enough not to wait.
func (s *Session) tell(events ...Event) {
	s.mu.Lock()
	if s.o.Handler != nil && !s.ended {
		s.events = append(s.events, events...)
	}
	s.mu.Unlock()
	signal(s.ready)
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
	s.serial++
	return keepAlive + "-" + strconv.FormatUint(s.serial, 10)
}
