// Package lines is what protocols of lines have in common, SMTP and POP3: a
// connection with bounds for all that comes from it, the order of commands and
// answers, the exchange of a SASL login, and the dot that ends a text.
//
// Every error is a *coded.Error of the connection's protocol.
package lines

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/sasl"
)

// Options says what to connect to. Host, Port and Security are required.
type Options struct {
	Protocol string // for errors: "smtp"
	Host     string // a name or an IP address, without brackets
	Port     int
	Security dial.Security

	// Timeout is how long a single reading or writing may wait for the server
	// while an answer is due. Less than 0 means no bound.
	Timeout time.Duration

	// Unasked makes the reason for the end of a connection out of a line that
	// came while no answer was due; nil where it is no goodbye.
	Unasked func(line string) *coded.Error

	// Closed is called once, when the connection has ended; err is nil where it
	// was Close or Leave.
	Closed func(err error)
}

// bufferSize is also the longest line that is read. RFC 5321 has 512 octets for
// a reply and RFC 1939 for a response; servers take more.
const bufferSize = 8 << 10

// Conn is a connection whose commands are answered in their order.
type Conn struct {
	o    Options
	conn *bounded
	r    *bufio.Reader // of the Turn that has got to its answer
	w    *bufio.Writer // of the Turn that sends

	sending chan struct{} // holds a value while a Turn sends
	dead    chan struct{} // closed by Fail
	done    chan struct{} // closed after Options.Closed

	mu       sync.Mutex
	err      *coded.Error // why dead is closed
	ours     bool         // it was Close or Leave
	underway int          // turns
	last     chan struct{}
	watching chan struct{} // closed when nobody watches the silence any more
}

// bounded is a connection on which no reading and no writing lasts for ever.
type bounded struct {
	net.Conn
	timeout  time.Duration
	watching bool // for as long as it lasts
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.timeout > 0 && !b.watching {
		b.Conn.SetReadDeadline(time.Now().Add(b.timeout))
	}
	return b.Conn.Read(p)
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.timeout > 0 {
		b.Conn.SetWriteDeadline(time.Now().Add(b.timeout))
	}
	return b.Conn.Write(p)
}

// Dial opens a connection and begins its first turn, which is the login's: ctx
// bounds all of it. With dial.STARTTLS the connection is still to be secured.
func Dial(ctx context.Context, d dial.Dialer, o Options) (*Conn, *Turn, error) {
	wrong := ""
	switch {
	case o.Host == "":
		wrong = "No host was given."
	case o.Port <= 0 || o.Port > 65535:
		wrong = "The port is not valid."
	case o.Security != dial.TLS && o.Security != dial.STARTTLS && o.Security != dial.None:
		wrong = "The kind of security is not valid."
	}
	if wrong != "" {
		return nil, nil, coded.New(coded.EINVAL, o.Protocol, wrong, nil)
	}
	conn, err := dial.Conn(ctx, d, o.Security, net.JoinHostPort(o.Host, strconv.Itoa(o.Port)))
	if err != nil {
		return nil, nil, coded.From(err, o.Protocol)
	}
	c := &Conn{
		o:       o,
		conn:    &bounded{Conn: conn, timeout: o.Timeout},
		sending: make(chan struct{}, 1),
		dead:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	c.r, c.w = bufio.NewReaderSize(c.conn, bufferSize), bufio.NewWriter(c.conn)
	t, err := c.Begin(ctx)
	if err != nil {
		c.Fail(err)
		return nil, nil, err
	}
	return c, t, nil
}

// Error makes an error of the connection's protocol.
//
//go:noinline
func (c *Conn) Error(code coded.Code, message string, cause error) *coded.Error {
	return coded.New(code, c.o.Protocol, message, cause)
}

// Protocol is an EPROTO for what makes no sense.
//
//go:noinline
func (c *Conn) Protocol(what string) *coded.Error {
	return c.Error(coded.EPROTO, "", errors.New(c.o.Protocol+": "+what))
}

// TooMuch is an ELIMIT for what exceeds a limit.
//
//go:noinline
func (c *Conn) TooMuch(what string) *coded.Error {
	return c.Error(coded.ELIMIT, "The server sent "+what+".", nil)
}

// Done is closed when the connection has ended and Options.Closed has returned.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Close ends the connection without a word. Turns under way get ECLOSED.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.ours = c.ours || c.err == nil
	c.mu.Unlock()
	c.Fail(c.Error(coded.ECLOSED, "", nil))
	return nil
}

// Fail ends the connection. The first reason given is the one that counts.
func (c *Conn) Fail(reason error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = coded.From(reason, c.o.Protocol)
	close(c.dead)
	err := error(c.err)
	if c.ours {
		err = nil
	}
	c.mu.Unlock()
	c.conn.Close()
	if c.o.Closed != nil {
		c.o.Closed(err)
	}
	close(c.done)
}

// reason is why the connection has ended.
func (c *Conn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// gone is the error for those who come after the end.
func (c *Conn) gone() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ours {
		return c.err
	}
	return c.Error(coded.ECLOSED, "", c.err)
}

// Turn is one who may send, and then read the answer.
type Turn struct {
	c       *Conn
	unguard func() bool
	prev    <-chan struct{} // closed when the answers to those before have been read
	mine    chan struct{}
	sends   bool // nobody else may
}

// Begin waits for the turn to send. Until End, or Unguard, the end of ctx is the
// end of the connection: what the server does is unknown then.
func (c *Conn) Begin(ctx context.Context) (*Turn, error) {
	if err := ctx.Err(); err != nil {
		return nil, coded.From(err, c.o.Protocol)
	}
	select {
	case <-c.dead:
		return nil, c.gone()
	case <-ctx.Done():
		return nil, coded.From(ctx.Err(), c.o.Protocol)
	case c.sending <- struct{}{}:
	}
	t := &Turn{c: c, mine: make(chan struct{}), sends: true}
	c.mu.Lock()
	t.prev, c.last = c.last, t.mine
	c.underway++
	watching := c.watching
	c.watching = nil
	c.mu.Unlock()
	if watching != nil {
		c.conn.SetReadDeadline(time.Unix(1, 0))
		<-watching
		c.conn.watching = false
		if c.conn.timeout <= 0 {
			c.conn.SetReadDeadline(time.Time{})
		}
	}
	select {
	case <-c.dead:
		err := c.gone()
		t.End()
		return nil, err
	default:
	}
	t.Guard(ctx)
	return t, nil
}

// Guard has the end of ctx be that of the connection.
//
//go:noinline
func (t *Turn) Guard(ctx context.Context) {
	t.unguard = context.AfterFunc(ctx, func() { t.c.Fail(ctx.Err()) })
}

// Unguard takes the guard away.
func (t *Turn) Unguard() { t.unguard() }

// Sent flushes what was written and waits until the answers to those before
// have been read. Where share is set, others may send meanwhile.
func (t *Turn) Sent(share bool) error {
	if err := t.c.Flush(); err != nil {
		return err
	}
	if share {
		t.sends = false
		<-t.c.sending
	}
	if t.prev == nil {
		return nil
	}
	select {
	case <-t.prev:
		return nil
	case <-t.c.dead:
		return t.c.reason()
	}
}

// End gives the turn to the next; the answer has been read.
func (t *Turn) End() {
	c := t.c
	if t.unguard != nil {
		t.unguard()
	}
	close(t.mine)
	c.mu.Lock()
	if c.underway--; c.underway == 0 && c.err == nil {
		c.watching = make(chan struct{})
		c.conn.watching = true
		c.conn.SetReadDeadline(time.Time{})
		go c.watch(c.watching)
	}
	c.mu.Unlock()
	if t.sends {
		<-c.sending
	}
}

// Fail ends the turn and the connection, and returns the reason for that.
func (t *Turn) Fail(err error) error {
	t.c.Fail(err)
	t.End()
	return t.c.reason()
}

// watch waits for what comes while no answer is due: the end, or a goodbye.
func (c *Conn) watch(over chan<- struct{}) {
	defer close(over)
	_, err := c.r.Peek(1)
	switch {
	case err == nil:
		c.Fail(c.unasked())
	case coded.From(err, "").Code == coded.ETIMEDOUT:
		// Begin has ended the silence.
	default:
		c.Fail(err)
	}
}

func (c *Conn) unasked() error {
	line, _ := c.r.Peek(c.r.Buffered())
	text, _ := cutLine(line)
	if c.o.Unasked != nil {
		if err := c.o.Unasked(text); err != nil {
			return err
		}
	}
	return c.Protocol("an answer to nothing")
}

func cutLine(b []byte) (line string, whole bool) {
	for i, octet := range b {
		if octet == '\n' {
			if i > 0 && b[i-1] == '\r' {
				i--
			}
			return string(b[:i]), true
		}
	}
	return string(b), false
}

// Line puts a line together of words and writes it, without flushing.
func (c *Conn) Line(words ...string) {
	for _, w := range words {
		c.w.WriteString(w)
	}
	c.w.WriteString("\r\n")
}

// Write writes octets, without flushing.
func (c *Conn) Write(p []byte) (int, error) { return c.w.Write(p) }

// Flush sends what was written.
func (c *Conn) Flush() error { return c.w.Flush() }

// ReadLine reads a line, without its end.
func (c *Conn) ReadLine() (string, error) {
	line, err := c.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", c.TooMuch("a line that is too long")
	}
	if err != nil {
		return "", err
	}
	text, _ := cutLine(line)
	return text, nil
}

// LastWords is an answer that came before the writing failed that returned err:
// a server that takes no more may well have said why.
func (c *Conn) LastWords(read func() error, err error) error {
	c.conn.timeout = time.Second
	if refused := read(); refused != nil {
		if e, ok := errors.AsType[*coded.Error](refused); ok {
			return e
		}
	}
	return err
}

// Text reads lines up to a single dot.
func (c *Conn) Text() *DotReader { return &DotReader{r: c.r} }

// Secure makes the connection a secured one, after the server has agreed to
// it.
func (c *Conn) Secure(ctx context.Context) error {
	// What has come in the clear behind the agreement would be taken for the
	// words of a server whose certificate has been checked (CVE-2011-0411).
	if c.r.Buffered() > 0 {
		return c.Error(coded.ETLS, "", errors.New(c.o.Protocol+": bytes in the clear before TLS"))
	}
	// The deadlines were for the plain words.
	c.conn.SetDeadline(time.Time{})
	if err := dial.Upgrade(ctx, c.conn.Conn, c.o.Host); err != nil {
		if e := coded.From(err, c.o.Protocol); e.Code != coded.UNKNOWN {
			return e
		}
		return c.Error(coded.ETLS, "", err)
	}
	return nil
}

// Binding is what auth can hold on to: what the connection tells of itself,
// unless it says so already.
func (c *Conn) Binding(auth sasl.Credentials) *sasl.ChannelBinding {
	b, ok := c.conn.Conn.(dial.Binder)
	if !ok || auth.Binding != nil {
		return auth.Binding
	}
	kind, data := b.ChannelBinding()
	if data == nil {
		return nil
	}
	return &sasl.ChannelBinding{Type: kind, Data: data}
}
