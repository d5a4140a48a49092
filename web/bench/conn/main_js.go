// The conn module: the bridge's connections with nothing on top, plain and,
// built with the tag owntls, under TLS of our own. It is there for the
// benchmarks of web/bench and no part of the package.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"kaiwire/bridge"
	"kaiwire/protocols/dial"
	"kaiwire/wasm/call"
)

// maxSize is the largest whole number of JavaScript.
const maxSize = 1<<53 - 1

// maxChunk bounds the buffers that are asked for.
const maxChunk = 1 << 20

func main() {
	call.Serve("conn", call.Methods{
		"receive":          over("tcp", receive),
		"send":             over("tcp", send),
		"echo":             over("tcp", echo),
		"receiveDatagrams": over("udp", receiveDatagrams),
		"sendDatagrams":    over("udp", sendDatagrams),
		"connect":          connect,
	})
}

// over makes a method of what exchanges something over one connection. Its
// result is how long that took once the connection was open, in microseconds.
func over(network string, exchange func(conn net.Conn, a *call.Args) error) call.Method {
	return func(ctx context.Context, c *call.Call) error {
		open, err := opener(network, c.Args)
		if err != nil {
			return err
		}
		conn, err := open(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		begun := time.Now()
		if err := exchange(conn, c.Args); err != nil {
			return err
		}
		c.Out.Int(time.Since(begun).Microseconds())
		return nil
	}
}

// opener reads the options that all methods have: host, port, security.
func opener(network string, a *call.Args) (func(ctx context.Context) (net.Conn, error), error) {
	host, port, security := a.Server()
	address := net.JoinHostPort(host, strconv.Itoa(port))
	var d dial.Dialer = &bridge.Dialer{}
	if network == "tcp" {
		var err error
		if d, err = dialer(a); err != nil {
			return nil, err
		}
	}
	if err := a.Err(); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (net.Conn, error) {
		var conn net.Conn
		var err error
		if network == "tcp" {
			conn, err = dial.Conn(ctx, d, security, address)
		} else {
			conn, err = d.DialContext(ctx, network, address)
		}
		if err != nil {
			return nil, err
		}
		if deadline, ok := ctx.Deadline(); ok {
			conn.SetDeadline(deadline)
		}
		return conn, nil
	}, nil
}

// receive asks the server for size bytes, by one byte, reads them into a buffer
// such as a protocol has, and acknowledges them by another.
func receive(conn net.Conn, a *call.Args) error {
	size := a.Int("size", 1, maxSize)
	if err := a.Err(); err != nil {
		return err
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		return err
	}
	buf := make([]byte, 32<<10)
	received := int64(0)
	for received < size {
		n, err := conn.Read(buf)
		received += int64(n)
		if err != nil {
			return err
		}
	}
	if received != size {
		return fmt.Errorf("%d bytes came, and not %d", received, size)
	}
	_, err := conn.Write([]byte{1})
	return err
}

// send writes size bytes, chunk of them at a time, and waits for the byte that
// acknowledges them.
func send(conn net.Conn, a *call.Args) error {
	size, chunk := a.Int("size", 1, maxSize), a.Int("chunk", 1, maxChunk)
	if err := a.Err(); err != nil {
		return err
	}
	buf := make([]byte, chunk)
	for left := size; left > 0; {
		n, err := conn.Write(buf[:min(left, chunk)])
		left -= int64(n)
		if err != nil {
			return err
		}
	}
	_, err := io.ReadFull(conn, buf[:1])
	return err
}

// echo sends length bytes and waits until they are back, count times.
func echo(conn net.Conn, a *call.Args) error {
	count, length := a.Int("count", 1, maxSize), a.Int("length", 1, maxChunk)
	if err := a.Err(); err != nil {
		return err
	}
	buf := make([]byte, length)
	for range count {
		if _, err := conn.Write(buf); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, buf); err != nil {
			return err
		}
	}
	return nil
}

// receiveDatagrams asks for batches of datagrams, by a datagram for each,
// until count have come, and acknowledges the last one.
func receiveDatagrams(conn net.Conn, a *call.Args) error {
	count, batch := a.Int("count", 1, maxSize), a.Int("batch", 1, maxSize)
	if err := a.Err(); err != nil {
		return err
	}
	buf := make([]byte, bridge.MaxDatagram)
	for received := int64(0); received < count; received++ {
		if received%batch == 0 {
			if _, err := conn.Write([]byte{1}); err != nil {
				return err
			}
		}
		if _, err := conn.Read(buf); err != nil {
			return err
		}
	}
	_, err := conn.Write([]byte{1})
	return err
}

// sendDatagrams sends count datagrams of length bytes and waits after each
// batch of them for the one that acknowledges it.
func sendDatagrams(conn net.Conn, a *call.Args) error {
	count, batch, length := a.Int("count", 1, maxSize), a.Int("batch", 1, maxSize), a.Int("length", 1, bridge.MaxDatagram)
	if err := a.Err(); err != nil {
		return err
	}
	buf := make([]byte, length)
	for sent := int64(1); sent <= count; sent++ {
		if _, err := conn.Write(buf); err != nil {
			return err
		}
		if sent%batch == 0 {
			if _, err := conn.Read(buf); err != nil {
				return err
			}
		}
	}
	return nil
}

var errSession = errors.New("a session was resumed that should not be, or the other way round")

// connect opens count connections, one after the other, sends a byte, waits for
// the answer, which says whether a session was resumed, and closes them. One
// more, before, is not in the result, which is how long the others took in
// microseconds.
func connect(ctx context.Context, c *call.Call) error {
	open, err := opener("tcp", c.Args)
	if err != nil {
		return err
	}
	count, resume := c.Args.Int("count", 1, maxSize), c.Args.Bool("resume")
	if err := c.Args.Err(); err != nil {
		return err
	}
	var begun time.Time
	for i := range count + 1 {
		conn, err := open(ctx)
		if err != nil {
			return err
		}
		answer := []byte{0}
		if _, err = conn.Write(answer); err == nil {
			_, err = io.ReadFull(conn, answer)
		}
		conn.Close()
		if err != nil {
			return err
		}
		if i == 0 {
			begun = time.Now()
		} else if resumed := answer[0] == 1; resumed != resume {
			return errSession
		}
	}
	c.Out.Int(time.Since(begun).Microseconds())
	return nil
}
