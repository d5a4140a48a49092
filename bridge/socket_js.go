package bridge

import (
	"context"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// socket is what connections, listeners and packet connections have in common:
// a number on the JavaScript side, channels that it signals through, deadlines
// and an end.
type socket struct {
	id      int32
	network string

	opened   chan struct{} // closed when the platform reports the socket open
	readable chan struct{} // holds a token when a waiting Read or Accept should look again
	writable chan struct{}
	over     chan struct{} // closed when the platform reports the end
	closed   chan struct{} // closed by Close

	openOnce, overOnce, closeOnce sync.Once

	readMu, writeMu sync.Mutex
	readDeadline    deadline
	writeDeadline   deadline

	mu    sync.Mutex
	end   error // why the socket ended, once asked; io.EOF for an orderly end
	local net.Addr
	peer  net.Addr
}

func newSocket(id int32, network string) *socket {
	s := &socket{
		id: id, network: network,
		opened:        make(chan struct{}),
		readable:      make(chan struct{}, 1),
		writable:      make(chan struct{}, 1),
		over:          make(chan struct{}),
		closed:        make(chan struct{}),
		readDeadline:  makeDeadline(),
		writeDeadline: makeDeadline(),
	}
	host.mu.Lock()
	host.sockets[id] = s
	host.mu.Unlock()
	return s
}

// wake is called by JavaScript; it only records and never waits.
func (s *socket) wake(what int32) {
	if what&wakeOpen != 0 {
		s.openOnce.Do(func() { close(s.opened) })
	}
	if what&wakeReadable != 0 {
		token(s.readable)
	}
	if what&wakeWritable != 0 {
		token(s.writable)
	}
	if what&wakeEnded != 0 {
		s.overOnce.Do(func() { close(s.over) })
		token(s.readable)
		token(s.writable)
	}
}

func token(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// open waits until the platform has opened the socket, which it closes where
// it has not, or ctx has ended.
func (s *socket) open(ctx context.Context) error {
	select {
	case <-s.opened:
		return nil
	case <-s.over:
		err := s.endError()
		s.Close()
		return err
	case <-ctx.Done():
		s.Close()
		return ctx.Err()
	}
}

// endError says why the socket ended: io.EOF where that was in order.
func (s *socket) endError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		var text [256]byte
		n := socketError(s.id, unsafe.Pointer(&text[0]), int32(len(text)))
		s.end = io.EOF
		if e := parseSocketError(string(text[:n])); e != nil {
			s.end = e
		}
	}
	return s.end
}

// parseSocketError reads what socketError wrote: the name, the message and
// "opened" or nothing, a line each. An empty text is an orderly end.
func parseSocketError(text string) *SocketError {
	if text == "" {
		return nil
	}
	name, rest, _ := strings.Cut(text, "\n")
	message, opened, _ := strings.Cut(rest, "\n")
	return &SocketError{Name: name, Message: message, Opened: opened == "opened"}
}

// maxAddress is room for an IPv6 address with a zone, and a port.
const maxAddress = 80

// parseAddress reads an address as JavaScript writes it.
func parseAddress(b []byte) (ip string, port int) {
	line, _, _ := strings.Cut(string(b), "\n")
	ip, digits, _ := strings.Cut(line, " ")
	port, _ = strconv.Atoi(digits)
	return ip, port
}

// localAddress asks the platform for the address of a socket that is open.
func (s *socket) localAddress() (ip string, port int) {
	var text [maxAddress]byte
	n := socketLocal(s.id, unsafe.Pointer(&text[0]), int32(len(text)))
	return parseAddress(text[:n])
}

//go:noinline
func (s *socket) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: s.network, Source: s.local, Addr: s.peer, Err: err}
}

// interrupted reports what forbids a call to go on, if anything does.
func (s *socket) interrupted(op string, d *deadline) error {
	select {
	case <-s.closed:
		return s.opError(op, net.ErrClosed)
	default:
	}
	select {
	case <-d.wait():
		return s.opError(op, os.ErrDeadlineExceeded)
	default:
	}
	return nil
}

// pause waits until ready has a token or something forbids to go on.
func (s *socket) pause(op string, ready <-chan struct{}, d *deadline) error {
	select {
	case <-ready:
	case <-s.closed:
	case <-d.wait():
	}
	return s.interrupted(op, d)
}

// Close ends the socket. What has been written is still sent; what has been
// received and not read is dropped. A second Close returns net.ErrClosed.
func (s *socket) Close() error {
	err := s.opError("close", net.ErrClosed)
	s.closeOnce.Do(func() {
		close(s.closed)
		host.mu.Lock()
		delete(host.sockets, s.id)
		host.mu.Unlock()
		socketClose(s.id)
		s.readDeadline.stop()
		s.writeDeadline.stop()
		err = nil
	})
	return err
}

func (s *socket) LocalAddr() net.Addr  { return s.local }
func (s *socket) RemoteAddr() net.Addr { return s.peer }

func (s *socket) SetDeadline(t time.Time) error {
	if err := s.SetReadDeadline(t); err != nil {
		return err
	}
	return s.SetWriteDeadline(t)
}

//go:noinline
func (s *socket) SetReadDeadline(t time.Time) error  { return s.setDeadline(&s.readDeadline, t) }
func (s *socket) SetWriteDeadline(t time.Time) error { return s.setDeadline(&s.writeDeadline, t) }

func (s *socket) setDeadline(d *deadline, t time.Time) error {
	select {
	case <-s.closed:
		return s.opError("set", net.ErrClosed)
	default:
	}
	d.set(t)
	return nil
}
