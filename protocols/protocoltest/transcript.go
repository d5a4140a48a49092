// Package protocoltest has what the tests of the protocol packages share:
// connection pairs, servers that play a transcript, and certificates. Its
// sub-packages hold servers in memory. Nothing of it is ever shipped.
package protocoltest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Patience is how long anything that ought to happen at once may take before a
// test gives up on it.
const Patience = time.Minute

// Pair returns the two ends of a TCP connection over the loopback interface.
// Both are closed when the test ends.
func Pair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		client.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// Dialer hands out Conns one after another, whatever the address. It satisfies
// dial.Dialer; a connection that is to be upgraded has to be an Upgradable.
type Dialer struct{ Conns []net.Conn }

// Dial returns a Dialer of conns.
func Dial(conns ...net.Conn) *Dialer { return &Dialer{conns} }

// DialContext returns the next connection, or an error when there is none.
func (d *Dialer) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(d.Conns) == 0 {
		return nil, errors.New("protocoltest: no more connections")
	}
	c := d.Conns[0]
	d.Conns = d.Conns[1:]
	return c, nil
}

// Step is one step of a Transcript.
type Step struct {
	name string
	play func(*player) error
}

type player struct {
	conn  net.Conn
	br    *bufio.Reader
	names map[string]string
}

func (p *player) fill(s string) string {
	for name, value := range p.names {
		s = strings.ReplaceAll(s, "{"+name+"}", value)
	}
	return s
}

// errGone ends a transcript without failing the test: the client has hung up
// on something that was sent to it, which is its good right.
var errGone = errors.New("the client is gone")

func (p *player) send(s string) error {
	if _, err := io.WriteString(p.conn, s); err != nil {
		return errGone
	}
	return nil
}

// Line sends a line; CRLF is added. A {name} that a Want has captured is
// filled in.
func Line(s string) Step {
	return Step{"send " + s, func(p *player) error { return p.send(p.fill(s) + "\r\n") }}
}

// Raw sends s as it is.
func Raw(s string) Step {
	return Step{"send raw bytes", func(p *player) error { return p.send(s) }}
}

// Flood sends s n times over.
func Flood(s string, n int) Step {
	return Step{fmt.Sprintf("send %d times %.20q", n, s), func(p *player) error {
		w := bufio.NewWriter(p.conn)
		for range n {
			if _, err := w.WriteString(s); err != nil {
				return errGone
			}
		}
		if w.Flush() != nil {
			return errGone
		}
		return nil
	}}
}

// Want reads a line, which has to match pattern: {name} stands for a word and
// captures it (or has to be what it captured before), a final * for anything.
func Want(pattern string) Step {
	return Step{"want " + pattern, func(p *player) error {
		line, err := p.br.ReadString('\n')
		if err != nil {
			return fmt.Errorf("got %q, %w", line, err)
		}
		if line = strings.TrimRight(line, "\r\n"); !p.match(pattern, line) {
			return fmt.Errorf("got %q", line)
		}
		return nil
	}}
}

func (p *player) match(pattern, line string) bool {
	for pattern != "" {
		if pattern == "*" {
			return true
		}
		if end := strings.IndexByte(pattern, '}'); pattern[0] == '{' && end > 0 {
			name := pattern[1:end]
			word, _, _ := strings.Cut(line, " ")
			if seen, ok := p.names[name]; word == "" || ok && seen != word {
				return false
			}
			p.names[name] = word
			pattern, line = pattern[end+1:], line[len(word):]
			continue
		}
		if line == "" || pattern[0] != line[0] {
			return false
		}
		pattern, line = pattern[1:], line[1:]
	}
	return line == ""
}

// Hang waits until the client closes the connection, ignoring what it sends.
func Hang() Step {
	return Step{"wait for the client to close", func(p *player) error {
		io.Copy(io.Discard, p.br)
		return nil
	}}
}

// Signal closes c, so that a test can go on from this point of the transcript.
func Signal(c chan<- struct{}) Step {
	return Step{"signal", func(*player) error { close(c); return nil }}
}

// Await waits until c is closed.
func Await(c <-chan struct{}) Step {
	return Step{"await", func(*player) error {
		select {
		case <-c:
			return nil
		case <-time.After(Patience):
			return errors.New("nothing came")
		}
	}}
}

// ServeTLS makes the server's half of a TLS handshake.
func ServeTLS(cert tls.Certificate) Step {
	return Step{"TLS handshake", func(p *player) error {
		c := tls.Server(p.conn, &tls.Config{Certificates: []tls.Certificate{cert}})
		if err := c.Handshake(); err != nil {
			return errGone
		}
		p.conn, p.br = c, bufio.NewReader(c)
		return nil
	}}
}

// Transcript returns the client's end of a connection to a server that plays
// the steps and then closes. The test fails where the client says something
// other than the transcript wants.
func Transcript(t testing.TB, steps ...Step) net.Conn {
	t.Helper()
	client, server := Pair(t)
	play(t, client, server, steps)
	return client
}

// Piped is Transcript over a net.Pipe, for the bubbles of testing/synctest.
func Piped(t testing.TB, steps ...Step) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	play(t, client, server, steps)
	return client
}

func play(t testing.TB, client, server net.Conn, steps []Step) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		p := &player{server, bufio.NewReader(server), map[string]string{}}
		for i, step := range steps {
			if err := step.play(p); errors.Is(err, errGone) {
				return
			} else if err != nil {
				t.Errorf("transcript, step %d (%s): %v", i+1, step.name, err)
				return
			}
		}
	}()
	t.Cleanup(func() {
		client.Close()
		select {
		case <-done:
		case <-time.After(Patience):
			t.Error("transcript: the server doesn't end")
		}
	})
}
