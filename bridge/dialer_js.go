package bridge

import (
	"context"
	"net"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"kaiwire/protocols/dial"
)

// Framing is the form in which the phone's socket hands over and takes bytes.
type Framing string

const (
	ArrayBuffer Framing = "arraybuffer"
	String      Framing = "string" // a UTF-16 unit for each byte
)

// DefaultTimeout bounds a dial whose context has no deadline. The platform
// itself waits for the kernel to give up, which takes more than two minutes.
const DefaultTimeout = 30 * time.Second

// Dialer opens TCP connections through the phone's sockets. The zero Dialer is
// ready to use.
type Dialer struct {
	// Timeout bounds every dial, besides the context's own deadline; 0 means
	// DefaultTimeout.
	Timeout time.Duration
	// Framing is asked of the platform; the default is ArrayBuffer. What is
	// received is read in whichever form it arrives.
	Framing Framing
	// Resolver, where it is set, finds the addresses of names in place of the
	// platform. Its error is then that of a name that does not exist. Plain
	// connections are made to the addresses, one after the other until one
	// answers; STARTTLS by the platform, which checks the certificate against
	// what was dialed, is refused on them (dial.ErrNoTLS). Those secured from
	// the first byte are made to the name, once it is known to exist.
	Resolver dial.Resolver
}

// DialContext connects to address, "host:port" with a name or an IP address;
// network is "tcp", "tcp4" or "tcp6", which are the same here because the
// platform chooses. Errors are *net.OpError: syscall.ECONNREFUSED for every
// cause that the platform knows of, context.DeadlineExceeded or the context's
// error, syscall.EPERM where the app may not use sockets.
//
// With network "udp", "udp4" or "udp6" the connection is a UDP socket with one
// peer: see PacketConn for what can't be sent, and errors.ErrUnsupported where
// the phone offers no UDP.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "udp", "udp4", "udp6":
		host, port, err := splitAddress(network, address)
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
		return d.dialUDP(ctx, network, host, port)
	}
	return d.dial(ctx, network, address, 0)
}

// DialTLSContext is DialContext with the platform's own TLS from the first
// byte. The platform reports the connection open before the handshake: a
// failed handshake (dial.ErrCertificate, dial.ErrHandshake) is the error of the
// first Read.
func (d *Dialer) DialTLSContext(ctx context.Context, network, address string) (net.Conn, error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil, &net.OpError{Op: "dial", Net: network, Err: net.UnknownNetworkError(network)}
	}
	return d.dial(ctx, network, address, flagTLS)
}

func (d *Dialer) dial(ctx context.Context, network, address string, flags int32) (net.Conn, error) {
	host, port, err := splitAddress(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	remote := tcpAddr(host, port)
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: remote, Err: err}
	}
	if !Host.Truthy() {
		return fail(syscall.EPERM)
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	timeout := d.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if d.Framing == String {
		flags |= flagString
	}
	if d.Resolver == nil || net.ParseIP(host) != nil {
		c, err := open(ctx, host, port, flags)
		if err != nil {
			return fail(err)
		}
		return c, nil
	}
	addrs, err := d.Resolver.LookupAddrs(ctx, host)
	if err != nil {
		return fail(err)
	}
	hosts := []string{host}
	if flags&flagTLS == 0 {
		hosts = hosts[:0]
		for _, a := range addrs {
			hosts = append(hosts, a.String())
		}
	}
	err = syscall.ECONNREFUSED // of no address at all
	for i, host := range hosts {
		// Each has a fair part of the time that is left.
		deadline, _ := ctx.Deadline()
		part, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(len(hosts)-i))
		var c net.Conn
		c, err = open(part, host, port, flags)
		cancel()
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return fail(err)
}

// open makes one connection.
func open(ctx context.Context, host string, port int, flags int32) (net.Conn, error) {
	id := streamOpen(unsafe.Pointer(unsafe.StringData(host)), int32(len(host)), int32(port), flags)
	c := newConn(id, host, tcpAddr(host, port), flags&flagTLS != 0)
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }
