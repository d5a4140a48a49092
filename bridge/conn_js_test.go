package bridge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"syscall/js"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"kaiwire/protocols/dial"
)

// network gives the tests what they need of the network: the runner puts it up
// as kaiwireTest, see web/test.
func network(t *testing.T, method string, args ...any) js.Value {
	t.Helper()
	n := js.Global().Get("kaiwireTest")
	if !n.Truthy() {
		t.Fatal("run by `make test-wasm`: the runner has to put up the network")
	}
	return n.Call(method, args...)
}

// faultAddress is where to dial to meet a fault: refused, black-hole, reset or certificate.
func faultAddress(t *testing.T, fault string) string {
	t.Helper()
	return network(t, "address", fault).String()
}

func dialPair(t *testing.T, framing Framing) (a, b net.Conn, err error) {
	t.Helper()
	names := network(t, "pair")
	d := &Dialer{Framing: framing}
	if a, err = d.DialContext(t.Context(), "tcp", names.Index(0).String()); err != nil {
		return nil, nil, err
	}
	if b, err = d.DialContext(t.Context(), "tcp", names.Index(1).String()); err != nil {
		a.Close()
		return nil, nil, err
	}
	return a, b, nil
}

func eachFraming(t *testing.T, f func(t *testing.T, framing Framing)) {
	for _, framing := range []Framing{ArrayBuffer, String} {
		t.Run(string(framing), func(t *testing.T) {
			f(t, framing)
			if n := Open(); n != 0 {
				t.Errorf("%d connections left behind", n)
			}
		})
	}
}

func TestConn(t *testing.T) {
	eachFraming(t, func(t *testing.T, framing Framing) {
		nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
			a, b, err := dialPair(t, framing)
			if err != nil {
				return nil, nil, nil, err
			}
			return a, b, func() {
				a.Close()
				b.Close()
			}, nil
		})
	})
}

func TestAllByteValues(t *testing.T) {
	eachFraming(t, func(t *testing.T, framing Framing) {
		a, b, err := dialPair(t, framing)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		defer b.Close()
		// Below and above the length to which writes are collected.
		for _, length := range []int{256, 5000, 200_000} {
			want := make([]byte, length)
			for i := range want {
				want[i] = byte(i ^ i>>8)
			}
			go a.Write(want)
			got := make([]byte, length)
			if _, err := io.ReadFull(b, got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%d bytes arrived changed", length)
			}
		}
	})
}

// The framing is found from what arrives: each side asks for another one.
func TestMixedFraming(t *testing.T) {
	names := network(t, "pair")
	a, err := (&Dialer{Framing: String}).DialContext(t.Context(), "tcp", names.Index(0).String())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := (&Dialer{}).DialContext(t.Context(), "tcp", names.Index(1).String())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, c := range [][2]net.Conn{{a, b}, {b, a}} {
		want := []byte{0, 1, 127, 128, 200, 255, '\r', '\n'}
		go c[0].Write(want)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c[1], got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("got % x, %v", got, err)
		}
	}
}

func TestDialErrors(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	soon, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	for _, test := range []struct {
		name, network, address string
		ctx                    context.Context
		dialer                 Dialer
		want                   error
	}{
		{"refused", "tcp", faultAddress(t, "refused"), t.Context(), Dialer{}, syscall.ECONNREFUSED},
		{"black hole, context", "tcp", faultAddress(t, "black-hole"), soon, Dialer{}, context.DeadlineExceeded},
		{"black hole, own timeout", "tcp", faultAddress(t, "black-hole"), t.Context(), Dialer{Timeout: 50 * time.Millisecond}, context.DeadlineExceeded},
		{"cancelled before", "tcp", faultAddress(t, "refused"), cancelled, Dialer{}, context.Canceled},
		{"unknown network", "unix", faultAddress(t, "refused"), t.Context(), Dialer{}, net.UnknownNetworkError("unix")},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := test.dialer.DialContext(test.ctx, test.network, test.address)
			if err == nil {
				c.Close()
				t.Fatal("the dial succeeded")
			}
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			var op *net.OpError
			if !errors.As(err, &op) || op.Op != "dial" {
				t.Errorf("%T is no dial error", err)
			}
		})
	}
	for _, address := range []string{"", "host", "host:", "host:http", ":80", "a b:1", "host:0", "host:70000"} {
		if c, err := (&Dialer{}).DialContext(t.Context(), "tcp", address); err == nil {
			c.Close()
			t.Errorf("dialed %q", address)
		}
	}
}

// names is a resolver in memory.
type names map[string][]netip.Addr

var errNoSuchName = &net.DNSError{Err: "no such host", IsNotFound: true}

func (n names) LookupAddrs(_ context.Context, host string) ([]netip.Addr, error) {
	if list, ok := n[host]; ok {
		return list, nil
	}
	return nil, errNoSuchName
}

func TestResolver(t *testing.T) {
	first, second := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	d := &Dialer{Timeout: 2 * time.Second, Resolver: names{"here.example": {first, second}, "nowhere.example": {}}}
	for address, want := range map[string]error{"missing.example:1": errNoSuchName, "nowhere.example:1": syscall.ECONNREFUSED} {
		for _, open := range []func(context.Context, string, string) (net.Conn, error){d.DialContext, d.DialTLSContext} {
			c, err := open(t.Context(), "tcp", address)
			if err == nil {
				c.Close()
			}
			if want == errNoSuchName && !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", address, err, want)
			}
		}
	}
	if _, err := d.DialContext(t.Context(), "tcp", "nowhere.example:1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a name without an address: %v", err)
	}
	// One address refuses, the other is tried.
	l := listen(t, &ListenConfig{}, ":0")
	_, port, err := net.SplitHostPort(ourAddress(l))
	if err != nil {
		t.Fatal(err)
	}
	d.Resolver = names{"here.example": {netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("127.0.0.1")}}
	c, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort("here.example", port))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.(dial.Upgrader).UpgradeTLS(t.Context(), "here.example"); !errors.Is(err, dial.ErrNoTLS) {
		t.Errorf("UpgradeTLS by address: %v", err)
	}
	c.Close()
	l.Close()
	if n := Open(); n != 0 {
		t.Errorf("%d connections left behind", n)
	}
}

func TestCancelWhileDialing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := (&Dialer{}).DialContext(ctx, "tcp", faultAddress(t, "black-hole"))
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func dialFault(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := (&Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestOrderlyEnd(t *testing.T) {
	a, b, err := dialPair(t, ArrayBuffer)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	want := bytes.Repeat([]byte("the end "), 50_000)
	written := make(chan error, 1)
	go func() {
		_, err := a.Write(want)
		a.Close()
		written <- err
	}()
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(want), err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write after the end: %v", err)
	}
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read after the end: %v", err)
	}
}

func TestReset(t *testing.T) {
	c := dialFault(t, faultAddress(t, "reset"))
	got, err := io.ReadAll(c)
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %q, %v", got, err)
	}
	var se *SocketError
	if !errors.As(err, &se) || !se.Opened {
		t.Errorf("%v does not say that the connection was open", err)
	}
}

// A read of what has been queued must go on after a deadline has interrupted,
// and lose nothing.
func TestDeadlineLosesNothing(t *testing.T) {
	a, b, err := dialPair(t, ArrayBuffer)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	var got []byte
	buf := make([]byte, 700)
	const total = 100_000
	go func() {
		for i := 0; i < total; i += 1000 {
			a.Write(bytes.Repeat([]byte{byte(i / 1000)}, 1000))
		}
	}()
	interrupted := 0
	for len(got) < total {
		if interrupted < 20 {
			b.SetReadDeadline(time.Now().Add(-time.Second))
			if _, err := b.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("got %v", err)
			}
			interrupted++
		}
		b.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := b.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
	}
	for i, x := range got {
		if x != byte(i/1000) {
			t.Fatalf("byte %d is %d", i, x)
		}
	}
}

// A peer that does not read must stop the writer, and a peer that does must let
// it go on.
func TestBackPressure(t *testing.T) {
	eachFraming(t, func(t *testing.T, framing Framing) {
		a, b, err := dialPair(t, framing)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		defer b.Close()
		const total = 32 << 20 // more than two connections of a kernel hold
		a.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		block := bytes.Repeat([]byte("0123456789abcdef"), total/16)
		n, err := a.Write(block)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("wrote %d of %d with nobody reading: %v", n, total, err)
		}
		a.SetWriteDeadline(time.Time{})
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := a.Write(block[n:]); err != nil {
				t.Error(err)
			}
			a.Close()
		})
		got, err := io.ReadAll(b)
		wait.Wait()
		if err != nil || !bytes.Equal(got, block) {
			t.Fatalf("%d of %d bytes, %v", len(got), total, err)
		}
	})
}

func TestCloseInterrupts(t *testing.T) {
	a, b, err := dialPair(t, ArrayBuffer)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	done := make(chan error)
	go func() {
		_, err := a.Read(make([]byte, 1))
		done <- err
	}()
	a.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if err := a.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if err := a.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("deadline: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	a, b, err := dialPair(t, ArrayBuffer)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	for _, address := range []net.Addr{a.LocalAddr(), a.RemoteAddr()} {
		if tcp, ok := address.(*net.TCPAddr); !ok || tcp == nil || tcp.IP == nil {
			t.Errorf("%T %v", address, address)
		}
	}
}

func TestCertificateErrorIsTheFirstReads(t *testing.T) {
	c, err := (&Dialer{}).DialTLSContext(t.Context(), "tcp", faultAddress(t, "certificate"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, dial.ErrCertificate) {
		t.Errorf("got %v", err)
	}
}

func TestManyCycles(t *testing.T) {
	for range 200 {
		a, b, err := dialPair(t, ArrayBuffer)
		if err != nil {
			t.Fatal(err)
		}
		go a.Write([]byte("x"))
		if _, err := io.ReadFull(b, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		a.Close()
		b.Close()
	}
	if n := Open(); n != 0 {
		t.Errorf("%d connections left behind", n)
	}
}
