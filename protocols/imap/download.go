package imap

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
)

// Literal is a section on its way: it is read from the connection as fast as
// Read is called, and no faster. Until it has been read to its end or closed,
// other calls of the session wait for their turn.
type Literal struct {
	s    *Session
	c    *command
	size int64

	left   atomic.Int64
	closed atomic.Bool
	given  sync.Once     // that is, back to the goroutine that reads
	back   chan struct{} // closed then

	mu  sync.Mutex // held while reading
	err error      // what Read returns from now on
	// quoted is the section where the server has sent no literal, but a string
	// among the rest.
	quoted []byte
}

// Download asks for one section of one message (RFC 3501, section 6.4.5) and
// returns when its bytes begin to come; ctx bounds the call up to then. set
// has to name a single message, and section.Peek says whether to leave \Seen
// alone. ENODATA means that the message has no such section, ENOTFOUND that
// there is no such message.
//
// All of the section comes in one go. Parts come in windows, and leave the
// connection to others between them: see Part.
func (s *Session) Download(ctx context.Context, set imap.NumSet, section *imap.FetchItemBodySection) (*Literal, error) {
	if err := checkSet(set); err != nil {
		return nil, err
	}
	if !isSingle(set) {
		return nil, invalid("One message can be downloaded at a time.")
	}
	if err := checkSection(section); err != nil {
		return nil, err
	}
	if s.resolve(set) == nil {
		return nil, errNoMessage
	}
	c := s.fetchCommand(set, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}, nil)
	c.alone = true
	c.fetch.literal = make(chan *Literal, 1)
	if err := s.begin(ctx, c); err != nil {
		return nil, err
	}
	defer s.guard(ctx)()
	s.send(c)
	select {
	case l := <-c.fetch.literal:
		l.c = c
		return l, nil
	case <-c.done:
	}
	switch {
	case c.err != nil:
		return nil, c.err
	case c.fetch.absent:
		return nil, errNoSection
	}
	return nil, errNoMessage
}

func isSingle(set imap.NumSet) bool {
	switch set := set.(type) {
	case imap.SeqSet:
		return len(set) == 1 && set[0].Start == set[0].Stop
	case imap.UIDSet:
		return len(set) == 1 && set[0].Start == set[0].Stop
	}
	return false
}

var (
	errNoMessage error = newError(coded.ENOTFOUND, "There is no such message.", nil)
	errNoSection error = newError(coded.ENODATA, "The message has no such part.", nil)
)

// stream hands a section to its Download and waits until it has been taken.
func (p *fetchParser) stream(f *fetching) {
	s, r := p.s, p.s.r
	l := &Literal{s: s, back: make(chan struct{})}
	size, ok := r.Literal()
	if !ok {
		b, ok := r.String()
		if !ok {
			f.absent = r.Err() == nil
			return
		}
		l.quoted = append([]byte{}, b...)
		size = int64(len(b))
	}
	l.size = size
	l.left.Store(size)
	select {
	case f.literal <- l:
	default: // a second one
		if ok {
			r.EndLiteral()
		}
		return
	}
	if !ok {
		return
	}
	s.conn.parked.Store(true)
	select {
	case <-l.back:
	case <-s.dead:
		// Who is still reading finds the connection closed.
		l.mu.Lock()
		l.err = s.endedWith()
		l.mu.Unlock()
		p.err = errEnded
		return
	}
	s.conn.parked.Store(false)
	r.EndLiteral()
}

// Size is the number of octets, as the server has announced it.
func (l *Literal) Size() int64 { return l.size }

// Read is ReadContext without a bound of time.
func (l *Literal) Read(p []byte) (int, error) { return l.ReadContext(context.Background(), p) }

// ReadContext reads the next bytes. io.EOF comes when all have been read and
// the server has confirmed the end of the command. If ctx ends first, so does
// the session.
func (l *Literal) ReadContext(ctx context.Context, p []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, lost(err)
	}
	n, err := l.read(ctx, p)
	if l.closed.Load() {
		l.giveBack()
	}
	return n, err
}

func (l *Literal) read(ctx context.Context, p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	if l.closed.Load() {
		return 0, newError(coded.ECLOSED, "The download has been closed.", nil)
	}
	if len(p) == 0 {
		return 0, nil
	}
	s := l.s
	select {
	case <-s.dead:
		l.err = s.endedWith()
		return 0, l.err
	default:
	}
	defer s.guard(ctx)()
	if l.left.Load() > 0 {
		n, err := l.next(p)
		l.left.Add(-int64(n))
		if n > 0 {
			return n, nil
		}
		if err != nil {
			s.fail(s.reason(err))
			l.err = s.endedWith()
			return 0, l.err
		}
	}
	l.giveBack()
	l.mu.Unlock() // the goroutine that reads may want it
	<-l.c.done
	l.mu.Lock()
	if l.err = l.c.err; l.err == nil {
		l.err = io.EOF
	}
	return 0, l.err
}

func (l *Literal) next(p []byte) (int, error) {
	if l.quoted != nil {
		n := copy(p, l.quoted)
		l.quoted = l.quoted[n:]
		return n, nil
	}
	l.s.conn.parked.Store(false)
	n, err := l.s.r.Read(p)
	l.s.conn.parked.Store(true)
	return n, err
}

func (l *Literal) giveBack() { l.given.Do(func() { close(l.back) }) }

// Close gives up what has not been read. If that is at most Limits.Drain, it
// is read and thrown away in the background, and the session goes on; else the
// session ends, as there is no way to tell a server to stop. After io.EOF
// Close does nothing. It may be called more than once.
func (l *Literal) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	if l.left.Load() > l.s.o.Limits.Drain {
		l.s.Close()
	}
	// A Read that is under way gives it back as it returns.
	if l.mu.TryLock() {
		l.mu.Unlock()
		l.giveBack()
	}
	return nil
}

// endedWith is why the session has ended.
func (s *Session) endedWith() *coded.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
