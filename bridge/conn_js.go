package bridge

import (
	"context"
	"io"
	"net"
	"syscall"
	"time"
	"unsafe"

	"kaiwire/protocols/dial"
)

// maxCall is the most that one call of JavaScript's is offered: an int32 holds it.
const maxCall = 1 << 30

// conn is a net.Conn over one of the phone's TCP sockets. Its local address is
// always 0.0.0.0:0, as the platform does not tell.
type conn struct {
	*socket
	name   string // the host as dialed
	secure bool   // encrypted, or to be
}

var _ dial.Upgrader = (*conn)(nil)
var _ dial.TLSDialer = (*Dialer)(nil)

func newConn(id int32, name string, peer *net.TCPAddr, secure bool) *conn {
	c := &conn{socket: newSocket(id, "tcp"), name: name, secure: secure}
	c.local, c.peer = &net.TCPAddr{IP: net.IPv4zero}, peer
	return c
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
		switch n := streamRead(c.id, unsafe.Pointer(&p[0]), int32(min(len(p), maxCall))); {
		case n > 0:
			return int(n), nil
		case n == yieldFirst:
			// Gosched never gets back to the browser; a timer does, unless, with
			// TinyGo, its time has come before the scheduler looks.
			time.Sleep(time.Millisecond)
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
		switch n := streamWrite(c.id, unsafe.Pointer(&p[done]), int32(min(len(p)-done, maxCall))); {
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

// RemoteHost is the host as it was dialed; empty for one that was accepted.
func (c *conn) RemoteHost() string { return c.name }
