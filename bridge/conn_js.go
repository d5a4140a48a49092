package bridge

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"kaiwire/protocols/dial"
)

// maxWrite is the most that one call hands to the platform, which copies every
// send several times and reports room again only when all of it has gone.
const maxWrite = 64 << 10

// conn is a net.Conn over one of the phone's sockets.
type conn struct {
	id     int32
	name   string // the host as dialed
	remote *net.TCPAddr

	opened   chan struct{} // closed when the platform reports the connection open
	readable chan struct{} // holds a token when a waiting Read should look again
	writable chan struct{}
	over     chan struct{} // closed when the platform reports the end
	closed   chan struct{} // closed by Close

	openOnce, overOnce, closeOnce sync.Once

	readMu, writeMu sync.Mutex
	readDeadline    deadline
	writeDeadline   deadline
	mu              sync.Mutex
	secure          bool
	end             error // why the stream ended, once asked; io.EOF for an orderly end
}

var _ dial.Upgrader = (*conn)(nil)
var _ dial.TLSDialer = (*Dialer)(nil)

func newConn(id int32, name string, remote *net.TCPAddr, secure bool) *conn {
	c := &conn{
		id: id, name: name, remote: remote, secure: secure,
		opened:        make(chan struct{}),
		readable:      make(chan struct{}, 1),
		writable:      make(chan struct{}, 1),
		over:          make(chan struct{}),
		closed:        make(chan struct{}),
		readDeadline:  makeDeadline(),
		writeDeadline: makeDeadline(),
	}
	register(id, c)
	return c
}

// wake is called by JavaScript; it only records and never waits.
func (c *conn) wake(what int32) {
	if what&wakeOpen != 0 {
		c.openOnce.Do(func() { close(c.opened) })
	}
	if what&wakeReadable != 0 {
		token(c.readable)
	}
	if what&wakeWritable != 0 {
		token(c.writable)
	}
	if what&wakeEnded != 0 {
		c.overOnce.Do(func() { close(c.over) })
		token(c.readable)
		token(c.writable)
	}
}

func token(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// endError says why the stream ended: io.EOF where the peer closed it.
func (c *conn) endError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		var text [256]byte
		n := streamError(c.id, unsafe.Pointer(&text[0]), int32(len(text)))
		c.end = io.EOF
		if e := parseSocketError(string(text[:n])); e != nil {
			c.end = e
		}
	}
	return c.end
}

func (c *conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.remote, Err: err}
}

// interrupted reports what forbids a call to go on, if anything does.
func (c *conn) interrupted(op string, d *deadline) error {
	select {
	case <-c.closed:
		return c.opError(op, net.ErrClosed)
	default:
	}
	select {
	case <-d.wait():
		return c.opError(op, os.ErrDeadlineExceeded)
	default:
	}
	return nil
}

// pause waits until ready has a token or something forbids to go on.
func (c *conn) pause(op string, ready <-chan struct{}, d *deadline) error {
	select {
	case <-ready:
	case <-c.closed:
	case <-d.wait():
	}
	return c.interrupted(op, d)
}

func (c *conn) Read(p []byte) (int, error) {
	c.readMu.Lock()
	defer c.readMu.Unlock()
	for {
		if err := c.interrupted("read", &c.readDeadline); err != nil {
			return 0, err
		}
		if len(p) == 0 {
			return 0, nil
		}
		switch n := streamRead(c.id, unsafe.Pointer(&p[0]), int32(min(len(p), 1<<30))); {
		case n > 0:
			return int(n), nil
		case n == yieldFirst:
			// Gosched never gets back to the browser; a timer does.
			time.Sleep(time.Microsecond)
		case n == ended:
			err := c.endError()
			if err == io.EOF {
				return 0, io.EOF
			}
			return 0, c.opError("read", err)
		default:
			if err := c.pause("read", c.readable, &c.readDeadline); err != nil {
				return 0, err
			}
		}
	}
}

func (c *conn) Write(p []byte) (int, error) {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	done := 0
	for {
		if err := c.interrupted("write", &c.writeDeadline); err != nil {
			return done, err
		}
		if done == len(p) {
			return done, nil
		}
		switch n := streamWrite(c.id, unsafe.Pointer(&p[done]), int32(min(len(p)-done, maxWrite))); {
		case n > 0:
			done += int(n)
		case n == ended:
			err := c.endError()
			if err == io.EOF {
				err = syscall.EPIPE
			}
			return done, c.opError("write", err)
		default:
			if err := c.pause("write", c.writable, &c.writeDeadline); err != nil {
				return done, err
			}
		}
	}
}

// Close ends the connection. What has been written is still sent; what has
// been received and not read is dropped. A second Close returns net.ErrClosed.
func (c *conn) Close() error {
	err := c.opError("close", net.ErrClosed)
	c.closeOnce.Do(func() {
		// The reason of the end is asked while the stream still exists, for
		// calls that are under way.
		close(c.closed)
		unregister(c.id)
		streamClose(c.id)
		c.readDeadline.stop()
		c.writeDeadline.stop()
		err = nil
	})
	return err
}

// UpgradeTLS secures the connection where it stands, by the platform's own
// TLS. The platform checks the certificate against the host that was dialed
// and tells only of a failure, later: that is the error of a following Read.
func (c *conn) UpgradeTLS(ctx context.Context, serverName string) error {
	if err := ctx.Err(); err != nil {
		return c.opError("upgrade", err)
	}
	if err := c.interrupted("upgrade", &c.writeDeadline); err != nil {
		return err
	}
	if serverName != c.name {
		return c.opError("upgrade", dial.ErrNoTLS)
	}
	c.mu.Lock()
	secure := c.secure
	c.secure = true
	c.mu.Unlock()
	if secure {
		return nil
	}
	if streamUpgrade(c.id) == ended {
		return c.opError("upgrade", c.endError())
	}
	return nil
}

// Secure reports whether the connection is encrypted, or is to be.
func (c *conn) Secure() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.secure
}

// RemoteHost is the host as it was dialed.
func (c *conn) RemoteHost() string { return c.name }

// LocalAddr is always 0.0.0.0:0: the platform does not tell.
func (c *conn) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(&c.readDeadline, t)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(&c.writeDeadline, t)
}

func (c *conn) setDeadline(d *deadline, t time.Time) error {
	select {
	case <-c.closed:
		return c.opError("set", net.ErrClosed)
	default:
	}
	d.set(t)
	return nil
}
