package bridge

import (
	"context"
	"io"
	"net"
	"syscall"
	"time"
	"unsafe"
)

// DefaultBacklog is asked of the platform, whose own is 0 on KaiOS 2.5: of
// twenty quick connections eight then time out.
const DefaultBacklog = 64

// ListenConfig opens sockets that others connect or send to. The zero
// ListenConfig is ready to use.
type ListenConfig struct {
	// Backlog is how many connections the system keeps for Accept; 0 means
	// DefaultBacklog. Up to 64 more wait on our side.
	Backlog int
	// Framing as in Dialer.
	Framing Framing
	// Loopback lets a multicast group's datagrams come back to their sender.
	Loopback bool
	// NoReuse forbids to share a UDP port that another socket has, which the
	// platform allows by default.
	NoReuse bool
}

// Listen accepts connections on address, ":port" or "0.0.0.0:port": the
// platform always listens on all of the phone's IPv4 addresses, so that
// whoever is on the same network can connect, and there is no way to listen on
// one only. For port 0 a free one is taken; Addr tells which.
//
// A port that can't be had is syscall.EADDRINUSE. In an app the platform does
// not tell: a connection of our own that has to arrive finds it out. When the
// network has gone and come back the listener is put up again.
//
// Accepted connections know their peer's address. Accept honours SetDeadline.
func (lc *ListenConfig) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	fail := func(err error) (net.Listener, error) {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	if network != "tcp" && network != "tcp4" {
		return fail(net.UnknownNetworkError(network))
	}
	ip, port, err := splitLocal(address)
	if err != nil {
		return fail(err)
	}
	if ip != "" && ip != "0.0.0.0" {
		return fail(&net.AddrError{Err: "the phone listens on all addresses or none", Addr: address})
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	if !Host.Truthy() {
		return fail(syscall.EPERM)
	}
	backlog := lc.Backlog
	if backlog <= 0 {
		backlog = DefaultBacklog
	}
	flags := int32(0)
	if lc.Framing == String {
		flags |= flagString
	}
	l := &listener{socket: newSocket(listenerOpen(int32(port), int32(min(backlog, 0xFFFF)), flags), "tcp")}
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	if err := l.open(ctx); err != nil {
		return fail(err)
	}
	_, port = l.localAddress()
	l.local = &net.TCPAddr{IP: net.IPv4zero, Port: port}
	return l, nil
}

type listener struct{ *socket }

func (l *listener) Accept() (net.Conn, error) {
	l.readMu.Lock()
	defer l.readMu.Unlock()
	for {
		if err := l.interrupted("accept", &l.readDeadline); err != nil {
			return nil, err
		}
		var text [maxAddress]byte
		switch id := listenerAccept(l.id, unsafe.Pointer(&text[0]), int32(len(text))); {
		case id > 0:
			ip, port := parseAddress(text[:])
			return newConn(id, "", tcpAddr(ip, port), false), nil
		case id == ended:
			err := l.endError()
			if err == io.EOF {
				err = net.ErrClosed
			}
			return nil, l.opError("accept", err)
		default:
			if err := l.pause("accept", l.readable, &l.readDeadline); err != nil {
				return nil, err
			}
		}
	}
}

// Addr is 0.0.0.0 and the port.
func (l *listener) Addr() net.Addr { return l.local }

// SetDeadline bounds Accept, as that of *net.TCPListener does.
func (l *listener) SetDeadline(t time.Time) error { return l.SetReadDeadline(t) }
