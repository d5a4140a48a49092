package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"
)

func listen(t *testing.T, lc *ListenConfig, address string) net.Listener {
	t.Helper()
	l, err := lc.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// ourAddress is where the phone itself reaches its listener.
func ourAddress(l net.Listener) string {
	return fmt.Sprintf("127.0.0.1:%d", l.Addr().(*net.TCPAddr).Port)
}

func TestListenerConn(t *testing.T) {
	eachFraming(t, func(t *testing.T, framing Framing) {
		nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
			l, err := (&ListenConfig{Framing: framing}).Listen(t.Context(), "tcp", ":0")
			if err != nil {
				return nil, nil, nil, err
			}
			defer l.Close()
			a, err := (&Dialer{Framing: framing}).DialContext(t.Context(), "tcp", ourAddress(l))
			if err != nil {
				return nil, nil, nil, err
			}
			b, err := l.Accept()
			if err != nil {
				a.Close()
				return nil, nil, nil, err
			}
			return a, b, func() {
				a.Close()
				b.Close()
			}, nil
		})
	})
}

func TestListenerTakesAFreePort(t *testing.T) {
	a, b := listen(t, &ListenConfig{}, ":0"), listen(t, &ListenConfig{}, "0.0.0.0:0")
	pa, pb := a.Addr().(*net.TCPAddr).Port, b.Addr().(*net.TCPAddr).Port
	if pa == 0 || pb == 0 || pa == pb {
		t.Errorf("ports %d and %d", pa, pb)
	}
}

func TestListenerFindsAPortThatIsTaken(t *testing.T) {
	l := listen(t, &ListenConfig{}, ":0")
	other, err := (&ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf(":%d", l.Addr().(*net.TCPAddr).Port))
	if err == nil {
		other.Close()
		t.Fatal("both have the port")
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v", err)
	}
	// The first one must not have been disturbed, nor have been given the probe.
	go func() {
		if c, err := (&Dialer{}).DialContext(t.Context(), "tcp", ourAddress(l)); err == nil {
			c.Write([]byte("real"))
			c.Close()
		}
	}()
	for {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		c.Close()
		if string(got) == "real" {
			break
		}
		// The stranger that the failed one has sent: its bytes are for it alone to know.
		if len(got) != 16 {
			t.Fatalf("got %q, %v", got, err)
		}
	}
}

func TestListenerKnowsItsPeers(t *testing.T) {
	l := listen(t, &ListenConfig{}, ":0")
	a, err := (&Dialer{}).DialContext(t.Context(), "tcp", ourAddress(l))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	peer, ok := b.RemoteAddr().(*net.TCPAddr)
	if !ok || peer.Port == 0 || peer.IP.IsUnspecified() {
		t.Errorf("peer %v", b.RemoteAddr())
	}
}

// Bytes that come at once, and an end behind them, wait for Accept.
func TestListenerLosesNothingBeforeAccept(t *testing.T) {
	l := listen(t, &ListenConfig{}, ":0")
	want := bytes.Repeat([]byte("early "), 5000)
	a, err := (&Dialer{}).DialContext(t.Context(), "tcp", ourAddress(l))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write(want); err != nil {
		t.Fatal(err)
	}
	a.Close()
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.SetReadDeadline(time.Now().Add(10 * time.Second))
	if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes, %v", len(got), len(want), err)
	}
}

func TestListenerManyAtOnce(t *testing.T) {
	l := listen(t, &ListenConfig{}, ":0")
	const n = 64
	for i := range n {
		go func() {
			c, err := (&Dialer{}).DialContext(t.Context(), "tcp", ourAddress(l))
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprintf(c, "%d.", i)
			c.Close()
		}()
	}
	seen := map[string]bool{}
	for range n {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		c.Close()
		if err != nil || !strings.HasSuffix(string(got), ".") || seen[string(got)] {
			t.Fatalf("got %q, %v", got, err)
		}
		seen[string(got)] = true
	}
}

func TestListenerDeadlineAndClose(t *testing.T) {
	l := listen(t, &ListenConfig{}, ":0")
	l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Time{})
	done := make(chan error)
	go func() {
		_, err := l.Accept()
		done <- err
	}()
	l.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := (&Dialer{}).DialContext(t.Context(), "tcp", ourAddress(l)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after Close a dial gives %v", err)
	}
	if n := Open(); n != 0 {
		t.Errorf("%d sockets left behind", n)
	}
}

func TestListenRefusesWhatCannotBe(t *testing.T) {
	for _, test := range [][2]string{{"udp", ":1"}, {"tcp6", ":1"}, {"tcp", "127.0.0.1:1"}, {"tcp", "name:1"}, {"tcp", ":70000"}, {"tcp", ""}} {
		if l, err := (&ListenConfig{}).Listen(t.Context(), test[0], test[1]); err == nil {
			l.Close()
			t.Errorf("listens on %q", test)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&ListenConfig{}).Listen(ctx, "tcp", ":0"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A listener goes down with the network, in silence, and is put up again.
func TestListenerComesBackWithTheNetwork(t *testing.T) {
	l := listen(t, &ListenConfig{}, ":0")
	network(t, "offline", true)
	network(t, "offline", false)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	// It is back when our own connection has come through; until then it is refused.
	for {
		a, err := (&Dialer{}).DialContext(ctx, "tcp", ourAddress(l))
		if err == nil {
			a.Close()
			break
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
	}
	if _, err := l.Accept(); err != nil {
		t.Fatal(err)
	}
}
