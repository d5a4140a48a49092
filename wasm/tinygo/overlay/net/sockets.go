//go:build tinygo

// What of package net is the operating system's sockets, for a machine that has
// none: they come from package bridge. The rest is the Go toolchain's.

package net

import (
	"context"
	"errors"
	"time"
)

// errClosed is that of internal/poll, the runtime's poller.
var errClosed = errNetClosing{}

type errNetClosing struct{}

func (errNetClosing) Error() string   { return "use of closed network connection" }
func (errNetClosing) Timeout() bool   { return false }
func (errNetClosing) Temporary() bool { return false }

// Dialer is there for those functions of crypto/tls that take one.
type Dialer struct {
	Timeout  time.Duration
	Deadline time.Time
}

func (d *Dialer) Dial(network, address string) (Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (*Dialer) DialContext(_ context.Context, network, _ string) (Conn, error) {
	return nil, &OpError{Op: "dial", Net: network, Err: errors.ErrUnsupported}
}

func Dial(network, address string) (Conn, error) { return new(Dialer).Dial(network, address) }

func Listen(network, _ string) (Listener, error) {
	return nil, &OpError{Op: "listen", Net: network, Err: errors.ErrUnsupported}
}

func ListenPacket(network, _ string) (PacketConn, error) {
	return nil, &OpError{Op: "listen", Net: network, Err: errors.ErrUnsupported}
}
