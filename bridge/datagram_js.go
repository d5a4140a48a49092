package bridge

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"

	"kaiwire/protocols/dial"
)

// MaxDatagram is the longest datagram that can be sent. The platform would make
// several of a longer one; a write of it fails with syscall.EMSGSIZE instead.
// Received ones are cut at 9216 bytes.
const MaxDatagram = 1400

// ErrEmptyDatagram is returned for a datagram without bytes, which the platform
// takes and never sends.
var ErrEmptyDatagram = errors.New("the phone does not send empty datagrams")

// PacketConn is a net.PacketConn over one of the phone's UDP sockets, with
// multicast. WriteTo takes a *net.UDPAddr or a name and port as HostAddr;
// nobody is told of a datagram that was lost, refused, or sent to a name that
// does not exist.
type PacketConn struct{ *socket }

// HostAddr is the address of a peer by name, which the platform looks up for
// every datagram.
type HostAddr struct {
	Host string
	Port int
}

func (a *HostAddr) Network() string { return "udp" }
func (a *HostAddr) String() string  { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// ListenPacket opens a UDP socket on address, ":port" or "ip:port"; port 0 takes
// a free one. An IPv6 socket needs an IPv6 address, such as "[::]:0". The error
// is errors.ErrUnsupported where the phone offers no UDP to apps, as KaiOS 3
// does, and syscall.EADDRINUSE where the port can't be had.
func (lc *ListenConfig) ListenPacket(ctx context.Context, network, address string) (*PacketConn, error) {
	fail := func(err error) (*PacketConn, error) {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	switch network {
	case "udp", "udp4", "udp6":
	default:
		return fail(net.UnknownNetworkError(network))
	}
	ip, port, err := splitLocal(address)
	if err != nil {
		return fail(err)
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	if !Host.Truthy() {
		return fail(syscall.EPERM)
	}
	flags := int32(flagReuse)
	if lc.NoReuse {
		flags = 0
	}
	if lc.Loopback {
		flags |= flagLoopback
	}
	c := &PacketConn{newSocket(datagramOpen(unsafe.Pointer(unsafe.StringData(ip)), int32(len(ip)), int32(port), flags), "udp")}
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	if err := c.open(ctx); err != nil {
		if e, ok := errors.AsType[*SocketError](err); ok && e.Name == "NetworkError" {
			// All that the platform says of a socket that it can't bind.
			err = syscall.EADDRINUSE
		}
		return fail(err)
	}
	ip, port = c.localAddress()
	c.local = udpAddr(ip, port)
	return c, nil
}

func udpAddr(ip string, port int) *net.UDPAddr {
	a := tcpAddr(ip, port)
	return &net.UDPAddr{IP: a.IP, Port: a.Port}
}

// ReadFrom waits for a datagram. What does not fit into p is lost.
func (c *PacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.read(p)
	if err != nil {
		return 0, nil, err
	}
	return n, from, nil
}

func (c *PacketConn) read(p []byte) (int, *net.UDPAddr, error) {
	c.readMu.Lock()
	defer c.readMu.Unlock()
	for {
		if err := c.interrupted("read", &c.readDeadline); err != nil {
			return 0, nil, err
		}
		var text [maxAddress]byte
		switch n := datagramRead(c.id, pointer(p), int32(len(p)), unsafe.Pointer(&text[0]), int32(len(text))); {
		case n > 0:
			ip, port := parseAddress(text[:])
			return int(n - 1), udpAddr(ip, port), nil
		case n == ended:
			err := c.endError()
			if err == io.EOF {
				// Going offline, an empty datagram on KaiOS 2.5, or the page's end.
				err = syscall.ENETDOWN
			}
			return 0, nil, c.opError("read", err)
		default:
			if err := c.pause("read", c.readable, &c.readDeadline); err != nil {
				return 0, nil, err
			}
		}
	}
}

// WriteTo sends a datagram of 1 to MaxDatagram bytes.
func (c *PacketConn) WriteTo(p []byte, to net.Addr) (int, error) {
	switch a := to.(type) {
	case *net.UDPAddr:
		return c.write(p, a.IP.String(), a.Port)
	case *HostAddr:
		return c.write(p, a.Host, a.Port)
	}
	return 0, c.opError("write", &net.AddrError{Err: "not a UDP address"})
}

func (c *PacketConn) write(p []byte, host string, port int) (int, error) {
	if err := c.interrupted("write", &c.writeDeadline); err != nil {
		return 0, err
	}
	switch {
	case len(p) == 0:
		return 0, c.opError("write", ErrEmptyDatagram)
	case len(p) > MaxDatagram:
		return 0, c.opError("write", syscall.EMSGSIZE)
	case port < 1 || port > 65535 || !validHost(host):
		return 0, c.opError("write", &net.AddrError{Err: "not an address that can be sent to", Addr: host})
	}
	if datagramWrite(c.id, pointer(p), int32(len(p)), unsafe.Pointer(unsafe.StringData(host)), int32(len(host)), int32(port)) == ended {
		err := c.endError()
		if err == io.EOF {
			err = syscall.ENETDOWN
		}
		return 0, c.opError("write", err)
	}
	return len(p), nil
}

// JoinGroup and LeaveGroup receive a multicast group's datagrams, or no longer;
// the platform chooses the interface. In an app, joining what is no multicast
// address ends the socket.
func (c *PacketConn) JoinGroup(group net.IP) error { return c.multicast("join", 1, group) }

// LeaveGroup undoes JoinGroup.
func (c *PacketConn) LeaveGroup(group net.IP) error { return c.multicast("leave", 0, group) }

func (c *PacketConn) multicast(op string, join int32, group net.IP) error {
	if err := c.interrupted(op, &c.writeDeadline); err != nil {
		return err
	}
	if !group.IsMulticast() {
		return c.opError(op, &net.AddrError{Err: "not a multicast address", Addr: group.String()})
	}
	text := group.String()
	if datagramMulticast(c.id, join, unsafe.Pointer(unsafe.StringData(text)), int32(len(text))) == ended {
		return c.opError(op, c.endError())
	}
	return nil
}

// udpConn is a PacketConn with one peer.
type udpConn struct {
	*PacketConn
	name string // of the peer, where it was not dialed by address
	from net.IP // the address that answers are taken from; of a name, the first that answered
	port int

	dropped atomic.Uint64
}

var _ dial.Filter = (*udpConn)(nil)

func (d *Dialer) dialUDP(ctx context.Context, network, host string, port int) (net.Conn, error) {
	local := ":0"
	peer := udpAddr(host, port)
	if network == "udp6" || peer.IP.To4() == nil {
		local = "[::]:0"
	}
	c, err := (&ListenConfig{}).ListenPacket(ctx, network, local)
	if err != nil {
		if op, ok := errors.AsType[*net.OpError](err); ok {
			op.Op, op.Addr = "dial", peer
		}
		return nil, err
	}
	u := &udpConn{PacketConn: c, name: host, port: port}
	if ip := net.ParseIP(host); ip != nil {
		u.from = ip
	}
	c.peer = peer
	return u, nil
}

// Read waits for a datagram from the peer; those from others are dropped,
// which the platform does not do. Where the peer was dialed by name, whose
// address the platform does not tell, it is whoever answers first from the
// right port.
func (u *udpConn) Read(p []byte) (int, error) {
	for {
		n, from, err := u.read(p)
		if err != nil {
			return 0, err
		}
		if from.Port != u.port {
			u.dropped.Add(1)
			continue
		}
		u.mu.Lock()
		if u.from == nil {
			u.from = from.IP
		}
		known := u.from.Equal(from.IP)
		u.mu.Unlock()
		if known {
			return n, nil
		}
		u.dropped.Add(1)
	}
}

// Dropped counts the datagrams that Read has dropped: who sends them to a port
// chosen at random is guessing.
func (u *udpConn) Dropped() uint64 { return u.dropped.Load() }

func (u *udpConn) Write(p []byte) (int, error) { return u.write(p, u.name, u.port) }
