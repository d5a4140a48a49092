package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"kaiwire/protocols/coded"
)

// maxInFlight is how many questions one connection carries at a time. It leaves
// ids enough to pick a free one at random.
const maxInFlight = 1024

// errLost is the cause of failures that a fresh connection may mend.
var errLost = errors.New("dns: the connection was lost")

// conn is a connection to a server. A goroutine of its own dials and reads, a
// second one writes; both end with it.
type conn struct {
	server *server
	ready  chan struct{} // closed when dialed
	out    chan []byte
	stop   chan struct{} // closed when it has ended

	mu      sync.Mutex
	net     net.Conn // nil before ready
	pending map[uint16]*question
	retired bool // takes no more questions, and ends with the last
	ended   bool
	err     error
}

// question is one that waits for its answer.
type question struct {
	question dnsmessage.Question
	answer   chan []byte
}

// ask puts a question to s and returns the message that answers it.
func (s *server) ask(ctx context.Context, name string, t Type) ([]byte, error) {
	n, err := dnsmessage.NewName(name)
	if err != nil {
		return nil, coded.New(coded.EINVAL, protocol, "", err)
	}
	q := &question{
		question: dnsmessage.Question{Name: n, Type: dnsmessage.Type(t), Class: dnsmessage.ClassINET},
		answer:   make(chan []byte, 1),
	}
	c, id, err := s.enlist(q)
	if err != nil {
		return nil, err
	}
	defer c.drop(id, q)
	frame, err := pack(id, q.question)
	if err != nil {
		return nil, coded.New(coded.EINVAL, protocol, "", err)
	}
	select {
	case <-c.ready:
	case <-c.stop:
		return nil, c.failure()
	case <-ctx.Done():
		return nil, c.abandon(ctx)
	}
	select {
	case c.out <- frame:
	case <-c.stop:
		return nil, c.failure()
	case <-ctx.Done():
		return nil, c.abandon(ctx)
	}
	select {
	case message := <-q.answer:
		return message, nil
	case <-ctx.Done():
		return nil, c.abandon(ctx)
	case <-c.stop:
	}
	select {
	case message := <-q.answer:
		return message, nil
	default:
		return nil, c.failure()
	}
}

// pack frames a message as RFC 1035 §4.2.2 has it.
func pack(id uint16, q dnsmessage.Question) ([]byte, error) {
	b := dnsmessage.NewBuilder(make([]byte, 2, 2+512), dnsmessage.Header{ID: id, RecursionDesired: true})
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(q); err != nil {
		return nil, err
	}
	frame, err := b.Finish()
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint16(frame, uint16(len(frame)-2))
	return frame, nil
}

// enlist makes q a question of the server's connection, which is dialed where
// there is none.
func (s *server) enlist(q *question) (*conn, uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resolver.ctx.Err() != nil {
		return nil, 0, closed()
	}
	if s.conn != nil {
		if id, ok, err := s.conn.add(q); ok || err != nil {
			return s.conn, id, err
		}
	}
	c := &conn{
		server:  s,
		ready:   make(chan struct{}),
		out:     make(chan []byte, 16),
		stop:    make(chan struct{}),
		pending: map[uint16]*question{},
	}
	s.conn = c
	// The question comes before the dialing, so that it hears how that ends.
	id, _, err := c.add(q)
	go c.run()
	return c, id, err
}

// add tells by ok whether c takes the question.
func (c *conn) add(q *question) (id uint16, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.retired {
		return 0, false, nil
	}
	if len(c.pending) >= maxInFlight {
		return 0, false, coded.New(coded.ELIMIT, protocol, "Too many questions are waiting for their answers.", nil)
	}
	for {
		var b [2]byte
		rand.Read(b[:]) // never fails
		id = binary.BigEndian.Uint16(b[:])
		if _, taken := c.pending[id]; !taken {
			break
		}
	}
	c.pending[id] = q
	if len(c.pending) == 1 && c.net != nil {
		c.net.SetReadDeadline(time.Time{})
	}
	return id, true, nil
}

// drop takes q off the list, if it is still there.
func (c *conn) drop(id uint16, q *question) {
	c.mu.Lock()
	if c.pending[id] == q {
		delete(c.pending, id)
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
	if c.net != nil {
		c.net.SetReadDeadline(time.Now().Add(c.server.resolver.o.IdleTimeout))
	}
	return c.retired
}

// abandon returns why ctx has ended. Where time has run out the server may have
// been cut off without notice, and the next question gets a connection of its
// own.
func (c *conn) abandon(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c.mu.Lock()
		c.retired = true
		c.mu.Unlock()
	}
	return ctx.Err()
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

func (c *conn) run() {
	r := c.server.resolver
	ctx, cancel := context.WithTimeout(r.ctx, r.o.Timeout)
	defer context.AfterFunc(r.ctx, func() { c.fail(closed()) })()
	dialed, err := r.dialer.DialContext(ctx, "tcp", c.server.address)
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
		var p dnsmessage.Parser
		h, err := p.Start(message)
		if err != nil {
			return coded.New(coded.EPROTO, protocol, "", err)
		}
		if !c.deliver(&p, h, message) {
			c.server.resolver.unsolicited.Add(1)
		}
	}
}

// deliver gives message to the question that it answers.
func (c *conn) deliver(p *dnsmessage.Parser, h dnsmessage.Header, message []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.pending[h.ID]
	if q == nil || !h.Response || h.OpCode != 0 || !answers(p, h, q.question) {
		return false
	}
	delete(c.pending, h.ID)
	q.answer <- message
	return true
}

// answers tells whether the message's question is q. A server that could not
// make anything of the question may have left it out.
func answers(p *dnsmessage.Parser, h dnsmessage.Header, q dnsmessage.Question) bool {
	got, err := p.Question()
	if errors.Is(err, dnsmessage.ErrSectionDone) {
		return h.RCode != dnsmessage.RCodeSuccess && h.RCode != dnsmessage.RCodeNameError
	}
	if err != nil || got.Type != q.Type || got.Class != q.Class || !sameName(got.Name.String(), q.Name.String()) {
		return false
	}
	_, err = p.Question()
	return errors.Is(err, dnsmessage.ErrSectionDone)
}
