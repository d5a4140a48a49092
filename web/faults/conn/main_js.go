// The conn module: the bridge's connections, listeners and datagrams as they
// are, one call each. It is there for the fault matrix of web/faults and no
// part of the package.
package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"strconv"
	"sync"
	"time"

	"kaiwire/bridge"
	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/wasm/call"
)

const (
	maxRead   = 4 << 20
	maxStream = 1 << 30
	chunk     = 16 << 10
)

func main() {
	pattern = makePattern()
	methods := call.Methods{
		"dial":            dialTCP,
		"dialUDP":         dialUDP,
		"listen":          listen,
		"listener.accept": accept,
		"conn.read":       read,
		"conn.write":      write,
		"conn.send":       send,
		"conn.receive":    receive,
		"conn.exchange":   exchange,
		"cycle":           cycle,
		"counts":          counts,
	}
	serveTLS(methods)
	call.Serve("conn", methods)
}

// counts tells what there is of Go's: sockets, goroutines, bytes on the heap.
func counts(_ context.Context, c *call.Call) error {
	runtime.GC() // also lets go of what JavaScript keeps for Go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.Out.Object(func() {
		c.Out.Key("open").Int(int64(bridge.Open()))
		c.Out.Key("goroutines").Int(int64(runtime.NumGoroutine()))
		c.Out.Key("heap").Int(int64(m.HeapAlloc))
	})
	return nil
}

func server(a *call.Args) string {
	return net.JoinHostPort(a.Required("host"), strconv.FormatInt(a.Int("port", 1, 65535), 10))
}

func open(c *call.Call, conn net.Conn) {
	h := call.NewHandle("conn")
	h.Open(conn, func() { conn.Close() })
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		c.Out.Key("peer").String(conn.RemoteAddr().String())
	})
}

func connect(ctx context.Context, c *call.Call) (net.Conn, error) {
	address, security := server(c.Args), dial.None
	if c.Args.Bool("secure") {
		security = dial.TLS
	}
	dialer, err := call.Dialer(c.Args)
	if err != nil {
		return nil, err
	}
	return dial.Conn(ctx, dialer, security, address)
}

func dialTCP(ctx context.Context, c *call.Call) error {
	conn, err := connect(ctx, c)
	if err != nil {
		return err
	}
	open(c, conn)
	return nil
}

func dialUDP(ctx context.Context, c *call.Call) error {
	address := server(c.Args)
	if err := c.Args.Err(); err != nil {
		return err
	}
	conn, err := (&bridge.Dialer{}).DialContext(ctx, "udp", address)
	if err != nil {
		return err
	}
	open(c, conn)
	return nil
}

func listen(ctx context.Context, c *call.Call) error {
	port := c.Args.Int("port", 0, 65535)
	if err := c.Args.Err(); err != nil {
		return err
	}
	l, err := (&bridge.ListenConfig{}).Listen(ctx, "tcp", ":"+strconv.FormatInt(port, 10))
	if err != nil {
		return err
	}
	h := call.NewHandle("listener")
	h.Open(l, func() { l.Close() })
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		c.Out.Key("port").Int(int64(l.Addr().(*net.TCPAddr).Port))
	})
	return nil
}

func accept(ctx context.Context, c *call.Call) error {
	l := c.Target.(net.Listener)
	l.(interface{ SetDeadline(time.Time) error }).SetDeadline(deadline(ctx))
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	open(c, conn)
	return nil
}

func deadline(ctx context.Context) time.Time {
	t, _ := ctx.Deadline()
	return t
}

// read answers with the next bytes, as many as asked for or up to the end, and
// whether that has come; before an error, with a part.
func read(ctx context.Context, c *call.Call) error {
	conn, want := c.Target.(net.Conn), c.Args.Int("bytes", 1, maxRead)
	if err := c.Args.Err(); err != nil {
		return err
	}
	conn.SetReadDeadline(deadline(ctx))
	c.Blob = make([]byte, 0, want)
	for len(c.Blob) < cap(c.Blob) {
		n, err := conn.Read(c.Blob[len(c.Blob):cap(c.Blob)])
		c.Blob = c.Blob[:len(c.Blob)+n]
		if err == io.EOF {
			c.Out.Bool(true)
			return nil
		}
		if err != nil {
			c.Out.Bool(false)
			c.Part()
			return err
		}
	}
	c.Out.Bool(false)
	return nil
}

// write sends the pattern from an offset on and answers how much of it was
// taken; before an error, by a part. With close the connection is closed before
// JavaScript has its turn.
func write(ctx context.Context, c *call.Call) error {
	conn, at, length := c.Target.(net.Conn), c.Args.Int("offset", 0, maxStream), c.Args.Int("bytes", 1, maxStream)
	if err := c.Args.Err(); err != nil {
		return err
	}
	conn.SetWriteDeadline(deadline(ctx))
	done, err := writePattern(conn, at, length)
	if err == nil && c.Args.Bool("close") {
		err = conn.Close()
	}
	c.Out.Int(done)
	if err != nil {
		c.Part()
	}
	return err
}

// send writes the bytes of the call, once.
func send(ctx context.Context, c *call.Call) error {
	conn := c.Target.(net.Conn)
	conn.SetWriteDeadline(deadline(ctx))
	_, err := conn.Write(c.Bytes)
	return err
}

// receive answers with what one Read gives.
func receive(ctx context.Context, c *call.Call) error {
	conn := c.Target.(net.Conn)
	conn.SetReadDeadline(deadline(ctx))
	buf := make([]byte, 64<<10)
	n, err := conn.Read(buf)
	c.Blob = buf[:n]
	c.Out.Int(int64(n))
	return err
}

// exchange sends the pattern and at the same time reads as much of it.
func exchange(ctx context.Context, c *call.Call) error {
	conn, length := c.Target.(net.Conn), c.Args.Int("bytes", 1, maxStream)
	if err := c.Args.Err(); err != nil {
		return err
	}
	conn.SetDeadline(deadline(ctx))
	written := make(chan error, 1)
	go func() {
		_, err := writePattern(conn, 0, length)
		written <- err
	}()
	received, err := readPattern(conn, length)
	if failed := <-written; err == nil {
		err = failed
	}
	c.Out.Int(received)
	return err
}

// cycle opens connections, has one byte echoed on each, and closes them again.
func cycle(ctx context.Context, c *call.Call) error {
	times := int(c.Args.Int("times", 1, 1<<20))
	atOnce := int(c.Args.Int("atOnce", 1, int64(times)))
	if err := c.Args.Err(); err != nil {
		return err
	}
	failures := make(chan error, times)
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	// Nobody goes on before as many as are wanted at once are open.
	var together sync.WaitGroup
	together.Add(atOnce)
	for i := range times {
		turns <- struct{}{}
		all.Add(1)
		go func() {
			defer all.Done()
			failures <- echo(ctx, c, func() {
				if i < atOnce {
					together.Done()
				}
				together.Wait()
			})
			<-turns
		}()
	}
	all.Wait()
	close(failures)
	done := int64(0)
	for err := range failures {
		if err != nil {
			return err
		}
		done++
	}
	c.Out.Int(done)
	return nil
}

func echo(ctx context.Context, c *call.Call, opened func()) error {
	conn, err := connect(ctx, c)
	opened()
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(deadline(ctx))
	if _, err := conn.Write(pattern[:1]); err != nil {
		return err
	}
	var got [1]byte
	if _, err := conn.Read(got[:]); err != nil {
		return err
	}
	if got[0] != pattern[0] {
		return errChanged
	}
	return nil
}

var errChanged = coded.New(coded.EPROTO, "", "The bytes have changed on their way.", nil)

// pattern is repeated without end. Its length is a prime, so that nothing that
// is lost or moved goes unseen; pattern.js has the same. It is made when the
// program runs: TinyGo would make it while it compiles, and its collector takes
// what globals hold for pointers. Such bytes point to every large thing there is.
var pattern []byte

func makePattern() []byte {
	p := make([]byte, 65521)
	x := uint32(1)
	for i := range p {
		// Marsaglia's xorshift32.
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		p[i] = byte(x >> 24)
	}
	return p
}

func writePattern(w io.Writer, at, length int64) (done int64, err error) {
	for done < length && err == nil {
		from := (at + done) % int64(len(pattern))
		n := min(chunk, int64(len(pattern))-from, length-done)
		var taken int
		taken, err = w.Write(pattern[from : from+n])
		done += int64(taken)
	}
	return done, err
}

func readPattern(r io.Reader, length int64) (done int64, err error) {
	buf := make([]byte, 2*chunk)
	for done < length && err == nil {
		var n int
		n, err = r.Read(buf[:min(int64(len(buf)), length-done)])
		for got := buf[:n]; len(got) > 0; {
			from := done % int64(len(pattern))
			part := min(len(got), len(pattern)-int(from))
			if !bytes.Equal(got[:part], pattern[from:int(from)+part]) {
				return done, errChanged
			}
			got, done = got[part:], done+int64(part)
		}
	}
	return done, err
}
