package dns

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// echoing dials servers that answer at once, within Write: what a benchmark
// counts is ours.
type echoing struct{}

func (echoing) DialContext(_ context.Context, network, _ string) (net.Conn, error) {
	return &echo{stream: network == "tcp", answers: make(chan []byte, maxInFlight), closed: make(chan struct{})}, nil
}

func (e echoing) DialTLSContext(ctx context.Context, network, address string) (net.Conn, error) {
	return e.DialContext(ctx, network, address)
}

type echo struct {
	net.Conn
	stream  bool
	answers chan []byte
	rest    []byte
	closed  chan struct{}
	once    sync.Once
}

func (e *echo) Write(b []byte) (int, error) {
	if !e.stream {
		e.answers <- answered(nil, b)
		return len(b), nil
	}
	var out []byte
	for rest := b; len(rest) > 0; {
		size := 2 + int(binary.BigEndian.Uint16(rest))
		start := len(out)
		out = answered(append(out, 0, 0), rest[2:size])
		binary.BigEndian.PutUint16(out[start:], uint16(len(out)-start-2))
		rest = rest[size:]
	}
	e.answers <- out
	return len(b), nil
}

// answered appends the answer to a question: an address, and its OPT record.
func answered(dst, question []byte) []byte {
	end := headerSize
	for question[end] != 0 {
		end += 1 + int(question[end])
	}
	end += 5
	start := len(dst)
	dst = append(dst, question[:end]...)
	copy(dst[start+2:], []byte{0x81, 0x80, 0, 1, 0, 1})
	dst = append(dst, 0xc0, headerSize, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1)
	return append(dst, question[end:]...)
}

func (e *echo) Read(b []byte) (int, error) {
	if len(e.rest) == 0 {
		select {
		case e.rest = <-e.answers:
		case <-e.closed:
			return 0, io.EOF
		}
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func (e *echo) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}

func (e *echo) SetReadDeadline(time.Time) error { return nil }

func BenchmarkResolve(b *testing.B) {
	for _, bench := range []struct {
		name, server string
		cache        *Cache
		names        int
		asking       int
	}{
		{"udp", "udp://192.0.2.53", NoCache, 1000, 1},
		{"tcp", "tcp://192.0.2.53", NoCache, 1000, 1},
		{"tcp100", "tcp://192.0.2.53", NoCache, 1000, 100},
		{"kept", "udp://192.0.2.53", nil, 100, 1},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := New(echoing{}, Options{Servers: []string{bench.server}, Cache: bench.cache})
			defer r.Close()
			names := make([]string, bench.names)
			for i := range names {
				names[i] = "host" + strconv.Itoa(i) + ".some.example"
			}
			b.ReportAllocs()
			b.ResetTimer()
			var asking sync.WaitGroup
			for first := range bench.asking {
				asking.Go(func() {
					for i := first; i < b.N; i += bench.asking {
						if _, err := r.Records(context.Background(), names[i%len(names)], TypeA); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			asking.Wait()
		})
	}
}
