package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

const (
	// maxInFlight is how many questions wait for a server at a time. It leaves
	// ids enough to pick a free one at random.
	maxInFlight = 1024
	// maxPerPort is how many questions leave from one UDP port before another
	// is taken, so that who forges answers has to guess it again.
	maxPerPort = 64
)

var (
	// errLost is the cause of failures that a fresh connection may mend.
	errLost = errors.New("dns: the connection was lost")
	// errOverdue is an answer by UDP that has not come while there was time
	// left for another transport.
	errOverdue = coded.New(coded.ETIMEDOUT, protocol, "", nil)
	errTooMany = coded.New(coded.ELIMIT, protocol, "Too many questions are waiting for their answers.", nil)
)

// conn is a connection to a server. A goroutine of its own dials and reads, of
// a stream a second one writes; both end with it.
type conn struct {
	server    *server
	transport Transport
	ready     chan struct{} // closed when dialed
	out       chan []byte   // of a stream
	stop      chan struct{} // closed when it has ended

	mu      sync.Mutex
	net     net.Conn // nil before ready
	pending map[uint16]*question
	left    int  // by UDP: how many questions it still takes
	retired bool // takes no more questions, and ends with the last
	ended   bool
	err     error
}

// question is one that waits for its answer.
type question struct {
	*wording
	answer chan delivery
}

// delivery is what comes to a question.
type delivery struct {
	message []byte
	err     error
}

// askConn puts a question to s by one transport, until deadline, and returns the
// message that answers it. By UDP, unless that is the last transport, it takes
// half of the time at most.
func (s *server) askConn(ctx context.Context, w *wording, t Transport, last bool, deadline time.Time) ([]byte, error) {
	q := &question{wording: w, answer: make(chan delivery, 1)}
	c, err := s.enlist(q, t)
	if err != nil {
		return nil, err
	}
	defer c.drop(q)
	const lengthSize, most = 2, headerSize + 4 + 11 + 4
	frame := make([]byte, lengthSize, lengthSize+most+len(w.name)+len(w.cookie))
	frame = appendQuery(frame, w.id, w.query, w.name, w.edns, w.cookie)
	binary.BigEndian.PutUint16(frame, uint16(len(frame)-lengthSize))
	select {
	case <-c.ready:
	default:
		if err := c.awaitDialed(ctx, deadline); err != nil {
			return nil, err
		}
	}
	if t == UDP {
		return c.askPacket(ctx, q, frame[lengthSize:], last, deadline)
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case c.out <- frame:
	case <-c.stop:
		return nil, c.failure()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, c.overdue()
	}
	select {
	case d := <-q.answer:
		return d.message, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.stop:
		return c.atEnd(q)
	case <-timer.C:
		return nil, c.overdue()
	}
}

func (c *conn) awaitDialed(ctx context.Context, deadline time.Time) error {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-c.ready:
		return nil
	case <-c.stop:
		return c.failure()
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return c.overdue()
	}
}

// askPacket sends a question, and sends it again where no answer comes: a
// datagram may get lost.
func (c *conn) askPacket(ctx context.Context, q *question, packet []byte, last bool, deadline time.Time) ([]byte, error) {
	if !last {
		deadline = deadline.Add(-c.server.resolver.o.Timeout / 2)
	}
	wait := c.server.patience()
	timer := time.NewTimer(min(wait, time.Until(deadline)))
	defer timer.Stop()
	for {
		if _, err := c.net.Write(packet); err != nil {
			err = lost(err)
			c.fail(err)
			return nil, err
		}
		select {
		case d := <-q.answer:
			return d.message, d.err
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.stop:
			return c.atEnd(q)
		case <-timer.C:
		}
		left := time.Until(deadline)
		if left <= 0 {
			c.retire()
			return nil, errOverdue
		}
		wait *= 2
		timer.Reset(min(wait, left))
	}
}

// atEnd returns the answer that came just before the connection's end, or why
// that came.
func (c *conn) atEnd(q *question) ([]byte, error) {
	select {
	case d := <-q.answer:
		return d.message, d.err
	default:
		return nil, c.failure()
	}
}

// enlist makes q a question of a connection, which is dialed where there is
// none.
func (s *server) enlist(q *question, t Transport) (*conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resolver.ctx.Err() != nil {
		return nil, closed()
	}
	if s.asked >= maxInFlight {
		return nil, errTooMany
	}
	s.asked++
	if c := s.conns[t]; c != nil && c.add(q) {
		return c, nil
	}
	c := &conn{
		server:    s,
		transport: t,
		ready:     make(chan struct{}),
		stop:      make(chan struct{}),
		pending:   map[uint16]*question{},
		left:      maxPerPort,
	}
	if t != UDP {
		c.out = make(chan []byte, 16)
	}
	s.conns[t] = c
	// The question comes before the dialing, so that it hears how that ends.
	c.add(q)
	go c.run()
	return c, nil
}

// add tells whether c takes the question.
func (c *conn) add(q *question) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.retired {
		return false
	}
	for {
		var b [2]byte
		fill(b[:])
		q.id = binary.BigEndian.Uint16(b[:])
		if _, taken := c.pending[q.id]; !taken {
			break
		}
	}
	c.pending[q.id] = q
	if len(c.pending) == 1 && c.net != nil {
		c.net.SetReadDeadline(time.Time{})
	}
	if c.transport == UDP {
		c.left--
		c.retired = c.left == 0
	}
	return true
}

// drop takes q off the list, if it is still there.
func (c *conn) drop(q *question) {
	c.server.mu.Lock()
	c.server.asked--
	c.server.mu.Unlock()
	c.mu.Lock()
	if c.pending[q.id] == q {
		delete(c.pending, q.id)
	}
	done := c.rest()
	c.mu.Unlock()
	if done {
		c.fail(errLost)
	}
}

// rest tells whether c is to end, and else starts the idle clock, where no
// question is left.
func (c *conn) rest() (done bool) {
	if len(c.pending) > 0 {
		return false
	}
	if c.net != nil && !c.retired {
		c.net.SetReadDeadline(time.Now().Add(c.server.resolver.o.IdleTimeout))
	}
	return c.retired
}

// overdue is called when time has run out: the server may have been cut off
// without notice, and the next question gets a connection of its own.
func (c *conn) overdue() error {
	c.retire()
	return context.DeadlineExceeded
}

func (c *conn) retire() {
	c.mu.Lock()
	c.retired = true
	c.mu.Unlock()
}

func (c *conn) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// fail ends c; only the first call counts.
func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended, c.err = true, err
	close(c.stop)
	if c.net != nil {
		c.net.Close()
	}
}

func (c *conn) dial(ctx context.Context) (net.Conn, error) {
	r, address := c.server.resolver, c.server.address(c.transport)
	switch c.transport {
	case UDP:
		return r.dialer.DialContext(ctx, "udp", address)
	case TLS:
		return dial.Conn(ctx, r.dialer, dial.TLS, address)
	}
	return r.dialer.DialContext(ctx, "tcp", address)
}

func (c *conn) run() {
	r := c.server.resolver
	ctx, cancel := context.WithTimeout(r.ctx, r.o.Timeout)
	defer context.AfterFunc(r.ctx, func() { c.fail(closed()) })()
	dialed, err := c.dial(ctx)
	cancel()
	if err != nil {
		if r.ctx.Err() != nil {
			err = closed()
		}
		c.fail(err)
		return
	}
	c.mu.Lock()
	c.net = dialed
	if c.ended {
		dialed.Close()
	}
	done := c.rest()
	c.mu.Unlock()
	if done {
		c.fail(errLost)
	}
	close(c.ready)
	if c.transport == UDP {
		c.fail(c.readPackets())
		return
	}
	go c.write()
	c.fail(c.read())
}

func (c *conn) write() {
	for {
		var frames []byte
		select {
		case <-c.stop:
			return
		case frames = <-c.out:
		}
		// Questions that come together leave together (RFC 7766 §6.2.1.1).
		for more := true; more; {
			select {
			case frame := <-c.out:
				frames = append(frames, frame...)
			default:
				more = false
			}
		}
		// A write that is stuck ends with the connection, which the questions
		// then waiting give up on.
		if _, err := c.net.Write(frames); err != nil {
			c.fail(lost(err))
			return
		}
	}
}

// lost is the error of a connection that has broken down with err, or was
// idle for too long just when a question came. It was not we who closed it:
// that has an error of its own, which comes first.
func lost(err error) error {
	code := coded.From(err, protocol).Code
	if errors.Is(err, os.ErrDeadlineExceeded) || code == coded.ECLOSED {
		code = coded.ECONNRESET
	}
	return coded.New(code, protocol, "", errors.Join(errLost, err))
}

// read hands answers out until the connection ends, and returns why.
func (c *conn) read() error {
	var size [2]byte
	for {
		if _, err := io.ReadFull(c.net, size[:]); err != nil {
			return lost(err)
		}
		message := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c.net, message); err != nil {
			return lost(err)
		}
		if len(message) < headerSize {
			return unreadable(errShort)
		}
		c.deliver(message)
	}
}

// readPackets is read by UDP, where whatever comes may be anybody's.
func (c *conn) readPackets() error {
	// The phone cuts datagrams at this length; more was not asked for.
	buffer := make([]byte, 9216)
	filter, _ := c.net.(dial.Filter)
	known := uint64(0)
	for {
		n, err := c.net.Read(buffer)
		if filter != nil {
			dropped := filter.Dropped()
			c.server.resolver.unsolicited.Add(dropped - known)
			known = dropped
		}
		if err != nil {
			return lost(err)
		}
		c.deliver(append([]byte(nil), buffer[:n]...))
	}
}

// deliver gives message to the question that it answers.
func (c *conn) deliver(message []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var q *question
	if len(message) >= headerSize {
		q = c.pending[binary.BigEndian.Uint16(message)]
	}
	v := foreign
	if q != nil {
		v = q.judge(message)
	}
	if v != right {
		c.server.resolver.unsolicited.Add(1)
	}
	switch v {
	case right:
		q.answer <- delivery{message: message}
	case doubted:
		q.answer <- delivery{err: errNext}
	default:
		return
	}
	delete(c.pending, q.id)
}
