package bridge

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"kaiwire/protocols/dial"
)

// packet opens a UDP socket; where the profile has none it checks how that is
// said, and returns nil.
func packet(t *testing.T, lc *ListenConfig, address string) *PacketConn {
	t.Helper()
	c, err := lc.ListenPacket(t.Context(), "udp", address)
	if !network(t, "udp").Bool() {
		if os.Getenv("KAIWIRE_PROFILE") == "kaios25" {
			t.Fatal("the profile has lost its UDP")
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Fatalf("without UDP: %v", err)
		}
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (c *PacketConn) here() *net.UDPAddr {
	return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: c.LocalAddr().(*net.UDPAddr).Port}
}

var _ net.PacketConn = (*PacketConn)(nil)

func TestDatagrams(t *testing.T) {
	a := packet(t, &ListenConfig{}, ":0")
	if a == nil {
		return
	}
	b := packet(t, &ListenConfig{}, ":0")
	if a.here().Port == 0 || a.here().Port == b.here().Port {
		t.Fatalf("ports %v and %v", a.LocalAddr(), b.LocalAddr())
	}
	for _, length := range []int{1, 512, MaxDatagram} {
		want := bytes.Repeat([]byte{0, 200, 255}, length)[:length]
		if n, err := a.WriteTo(want, b.here()); n != length || err != nil {
			t.Fatalf("wrote %d, %v", n, err)
		}
		got := make([]byte, 2000)
		b.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, from, err := b.ReadFrom(got)
		if err != nil || !bytes.Equal(got[:n], want) {
			t.Fatalf("%d of %d bytes, %v", n, length, err)
		}
		if from.(*net.UDPAddr).Port != a.here().Port {
			t.Errorf("from %v", from)
		}
	}
	if _, err := a.WriteTo([]byte("by name"), &HostAddr{Host: "localhost", Port: b.here().Port}); err != nil {
		t.Error(err)
	}
	got := make([]byte, 3)
	if n, _, err := b.ReadFrom(got); n != 3 || err != nil || string(got) != "by " {
		t.Errorf("a short buffer got %q, %v", got, err)
	}
}

func TestDatagramsThatCannotBeSent(t *testing.T) {
	c := packet(t, &ListenConfig{}, ":0")
	if c == nil {
		return
	}
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
	if n, err := c.WriteTo(make([]byte, MaxDatagram+1), to); n != 0 || !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("too long: %d, %v", n, err)
	}
	if _, err := c.WriteTo(nil, to); !errors.Is(err, ErrEmptyDatagram) {
		t.Errorf("empty: %v", err)
	}
	for _, bad := range []net.Addr{&net.UDPAddr{IP: to.IP}, &HostAddr{Host: "a b", Port: 1}, &net.TCPAddr{IP: to.IP, Port: 1}} {
		if _, err := c.WriteTo([]byte("x"), bad); err == nil {
			t.Errorf("sent to %v", bad)
		}
	}
	// Nothing of that has hurt the socket.
	if _, err := c.WriteTo([]byte("x"), c.here()); err != nil {
		t.Error(err)
	}
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, _, err := c.ReadFrom(make([]byte, 10)); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestDatagramDeadlinesAndClose(t *testing.T) {
	c := packet(t, &ListenConfig{}, ":0")
	if c == nil {
		return
	}
	c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, _, err := c.ReadFrom(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	c.SetReadDeadline(time.Time{})
	done := make(chan error)
	go func() {
		_, _, err := c.ReadFrom(make([]byte, 10))
		done <- err
	}()
	c.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if _, err := c.WriteTo([]byte("x"), c.here()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if n := Open(); n != 0 {
		t.Errorf("%d sockets left behind", n)
	}
}

func TestConnectedDatagramsComeFromThePeer(t *testing.T) {
	peer := packet(t, &ListenConfig{}, ":0")
	if peer == nil {
		_, err := (&Dialer{}).DialContext(t.Context(), "udp", "127.0.0.1:9")
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("got %v", err)
		}
		return
	}
	stranger := packet(t, &ListenConfig{}, ":0")
	c, err := (&Dialer{}).DialContext(t.Context(), "udp", fmt.Sprintf("127.0.0.1:%d", peer.here().Port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	_, from, err := peer.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		c    *PacketConn
		text string
	}{{stranger, "forged"}, {peer, "answer"}} {
		if _, err := s.c.WriteTo([]byte(s.text), from); err != nil {
			t.Fatal(err)
		}
	}
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "answer" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	if n := c.(dial.Filter).Dropped(); n != 1 {
		t.Errorf("%d datagrams of others were dropped, want 1", n)
	}
}

func TestMulticast(t *testing.T) {
	c := packet(t, &ListenConfig{Loopback: true}, ":5353")
	if c == nil {
		return
	}
	group := net.IPv4(224, 0, 0, 251)
	if err := c.JoinGroup(group); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo([]byte("anybody?"), &net.UDPAddr{IP: group, Port: 5353}); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, _, err := c.ReadFrom(buf); err != nil || string(buf[:n]) != "anybody?" {
		t.Fatalf("got %q, %v", buf[:n], err)
	}
	if err := c.LeaveGroup(group); err != nil {
		t.Error(err)
	}
	if err := c.JoinGroup(net.IPv4(10, 0, 0, 1)); err == nil {
		t.Error("joined what is no group")
	}
	if _, err := c.WriteTo([]byte("still here"), c.here()); err != nil {
		t.Error(err)
	}
}

func TestPacketPortInUse(t *testing.T) {
	a := packet(t, &ListenConfig{NoReuse: true}, ":0")
	if a == nil {
		return
	}
	b, err := (&ListenConfig{NoReuse: true}).ListenPacket(t.Context(), "udp", fmt.Sprintf(":%d", a.here().Port))
	if err == nil {
		b.Close()
		t.Fatal("both have the port")
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v", err)
	}
}

// The platform closes a socket that nobody refers to: ours must be referred to
// as long as Go has it.
func TestDatagramsSurviveTheCollector(t *testing.T) {
	c := packet(t, &ListenConfig{}, ":0")
	if c == nil {
		return
	}
	network(t, "collectGarbage")
	if _, err := c.WriteTo([]byte("x"), c.here()); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, _, err := c.ReadFrom(make([]byte, 1)); err != nil {
		t.Error(err)
	}
}
