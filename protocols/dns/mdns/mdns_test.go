package mdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dns"
)

// network is a local network in memory.
type network struct {
	mu      sync.Mutex
	sockets []*socket
	log     []*dns.Message
}

type packet struct {
	data []byte
	from *net.UDPAddr
}

type socket struct {
	network *network
	address *net.UDPAddr
	in      chan packet
	closed  chan struct{}
	once    sync.Once
	joined  bool
	broken  error // of every write
}

func (n *network) socket(last byte, port int) *socket {
	s := &socket{network: n, address: &net.UDPAddr{IP: net.IPv4(192, 0, 2, last), Port: port}, in: make(chan packet, 1000), closed: make(chan struct{})}
	n.mu.Lock()
	n.sockets = append(n.sockets, s)
	n.mu.Unlock()
	return s
}

func (s *socket) JoinGroup(ip net.IP) error {
	if s.broken != nil {
		return s.broken
	}
	s.network.mu.Lock()
	defer s.network.mu.Unlock()
	s.joined = ip.Equal(group)
	return nil
}

func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case m := <-s.in:
		return copy(p, m.data), m.from, nil
	case <-s.closed:
		return 0, nil, net.ErrClosed
	}
}

func (s *socket) WriteTo(p []byte, to net.Addr) (int, error) {
	if s.broken != nil {
		return 0, s.broken
	}
	select {
	case <-s.closed:
		return 0, net.ErrClosed
	default:
	}
	n := s.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if m, err := dns.ParseMessage(p); err == nil {
		n.log = append(n.log, m)
	}
	address := to.(*net.UDPAddr)
	for _, other := range n.sockets {
		if address.IP.Equal(group) && other.joined && address.Port == other.address.Port || address.IP.Equal(other.address.IP) && address.Port == other.address.Port {
			other.in <- packet{slices.Clone(p), s.address}
		}
	}
	return len(p), nil
}

func (s *socket) Close() error                     { s.once.Do(func() { close(s.closed) }); return nil }
func (s *socket) LocalAddr() net.Addr              { return s.address }
func (s *socket) SetDeadline(time.Time) error      { return os.ErrInvalid }
func (s *socket) SetReadDeadline(time.Time) error  { return os.ErrInvalid }
func (s *socket) SetWriteDeadline(time.Time) error { return os.ErrInvalid }

func join(t *testing.T, n *network, last byte) *Conn {
	t.Helper()
	c, err := Open(n.socket(last, Port))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func printer(last byte) Service {
	return Service{Name: "Asha's ü. printer", Type: "_ipp._tcp", Host: fmt.Sprint("asha", last), Port: 631, Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, last})}, Text: []string{"a=1", "b"}}
}

func TestService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		server, client := join(t, n, 1), join(t, n, 2)
		ctx, cancel := context.WithCancel(t.Context())
		events := make(chan Event, 10)
		browsed := make(chan error)
		go func() { browsed <- client.Browse(ctx, "_ipp._tcp", func(e Event) { events <- e }) }()
		r, err := server.Register(ctx, printer(1))
		if err != nil {
			t.Fatal(err)
		}
		e := <-events
		if e.Gone || e.Instance != `Asha's\032\195\188\.\032printer._ipp._tcp.local` {
			t.Errorf("event %+v", e)
		}
		// Somebody who comes later asks.
		late := join(t, n, 3)
		i, err := late.Resolve(ctx, e.Instance)
		if err != nil || i.Host != "asha1.local" || i.Port != 631 || !slices.Equal(i.Text, []string{"a=1", "b"}) || len(i.Addrs) != 1 || i.Addrs[0].String() != "192.0.2.1" {
			t.Errorf("got %+v, %v", i, err)
		}
		if list, err := late.Lookup(ctx, "ASHA1.local"); err != nil || len(list) != 1 {
			t.Errorf("got %v, %v", list, err)
		}
		lateEvents := make(chan Event, 10)
		go late.Browse(ctx, "_ipp._tcp.local.", func(e Event) { lateEvents <- e })
		if e := <-lateEvents; e.Gone {
			t.Errorf("event %+v", e)
		}
		// The same name is taken.
		other := join(t, n, 4)
		second, err := other.Register(ctx, printer(4))
		if err != nil || !strings.Contains(second.Instance(), `printer\032\(2\)._ipp`) {
			t.Errorf("got %+v, %v", second, err)
		}
		if e := <-events; e.Gone || e.Instance != second.Instance() {
			t.Errorf("event %+v", e)
		}
		r.Close()
		r.Close()
		if e := <-events; !e.Gone || e.Instance != r.Instance() {
			t.Errorf("event %+v", e)
		}
		// Without a goodbye the records end by themselves.
		other.cancel()
		other.socket.Close()
		if e := <-events; !e.Gone || e.Instance != second.Instance() {
			t.Errorf("event %+v", e)
		}
		cancel()
		if err := <-browsed; coded.From(err, "").Code != coded.ABORT_ERR {
			t.Errorf("Browse: %v", err)
		}
		for _, c := range []*Conn{server, client, late, other} {
			c.Close()
		}
		// Nobody asks all the time.
		if len(n.log) > 80 {
			t.Errorf("%d messages were sent", len(n.log))
		}
	})
}

// Two who take the same name at the same time end up with two names.
func TestConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		a, b := join(t, n, 1), join(t, n, 2)
		var wg sync.WaitGroup
		var names [2]string
		for i, c := range []*Conn{a, b} {
			wg.Go(func() {
				r, err := c.Register(t.Context(), printer(byte(1+i)))
				if err != nil {
					t.Error(err)
					return
				}
				names[i] = r.Instance()
			})
		}
		wg.Wait()
		if names[0] == names[1] || names[0] == "" || names[1] == "" {
			t.Errorf("names %q", names)
		}
		a.Close()
		b.Close()
		if _, err := a.Register(t.Context(), printer(1)); coded.From(err, "").Code != coded.ECLOSED {
			t.Error(err)
		}
	})
}

// Somebody who knows of DNS only asks from a port of his own.
func TestLegacy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		server := join(t, n, 1)
		if _, err := server.Register(t.Context(), printer(1)); err != nil {
			t.Fatal(err)
		}
		s := n.socket(9, 40000)
		q := &dns.Message{ID: 4711, Questions: []dns.Question{{Name: "_ipp._tcp.local", Type: dns.TypePTR, Class: dns.ClassIN}}}
		b, err := q.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		s.WriteTo(b, &net.UDPAddr{IP: group, Port: Port})
		m, err := dns.ParseMessage((<-s.in).data)
		if err != nil || m.ID != 4711 || len(m.Questions) != 1 || len(m.Answers) != 1 || m.Answers[0].TTL > legacyTTL || m.Answers[0].Class != dns.ClassIN {
			t.Errorf("got %+v, %v", m, err)
		}
		server.Close()
	})
}

// What is no answer, or from who knows where, changes nothing; the memory for
// what others say has an end.
func TestHostile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		c := join(t, n, 1)
		stranger, neighbour := n.socket(8, 4000), n.socket(9, Port)
		to := &net.UDPAddr{IP: group, Port: Port}
		say := func(s *socket, m *dns.Message) {
			b, err := m.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			s.WriteTo(b, to)
			synctest.Wait()
		}
		answer := func(name string, ttl uint32) *dns.Message {
			return &dns.Message{Bits: dns.BitResponse, Answers: []dns.Record{{Name: name, Type: dns.TypeA, Class: dns.ClassIN | flush, TTL: ttl, Data: []byte{192, 0, 2, 66}}}}
		}
		say(stranger, answer("a.local", 120))
		for _, b := range [][]byte{nil, {0}, make([]byte, 12), []byte("\x00\x00\x84\x00\x00\x00\xff\xff\x00\x00\x00\x00"), []byte("\x00\x00\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00\xc0\x0c")} {
			neighbour.WriteTo(b, to)
		}
		failed := answer("a.local", 120)
		failed.Bits |= 3
		say(neighbour, failed)
		say(neighbour, answer("a.local", 0))
		if list, _ := c.find("a.local", dns.TypeA); list != nil {
			t.Errorf("got %v", list)
		}
		for i := range maxRecords / 100 * 3 {
			m := &dns.Message{Bits: dns.BitResponse}
			for j := range 100 {
				m.Answers = append(m.Answers, dns.Record{Name: "x.local", Type: dns.TypeA, Class: dns.ClassIN, TTL: 1 << 30, Data: []byte{10, byte(i), byte(j), 1}})
			}
			say(neighbour, m)
		}
		if len(c.records) > maxRecords {
			t.Errorf("%d records are kept", len(c.records))
		}
		time.Sleep((maxLife + 1) * time.Second)
		if list, _ := c.find("x.local", dns.TypeA); list != nil {
			t.Errorf("%d records are kept for ever", len(list))
		}
		// All records are these, so that others go; but not those just come.
		say(neighbour, &dns.Message{Bits: dns.BitResponse, Answers: []dns.Record{{Name: "b.local", Type: dns.TypeA, Class: dns.ClassIN, TTL: 120, Data: []byte{1, 2, 3, 4}}}})
		time.Sleep(2 * time.Second)
		say(neighbour, answer("B.local", 120))
		time.Sleep(2 * time.Second)
		if list, err := c.Lookup(t.Context(), "b"); err != nil || len(list) != 1 || list[0].String() != "192.0.2.66" {
			t.Errorf("got %v, %v", list, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := c.Resolve(ctx, "nobody._http._tcp"); coded.From(err, "").Code != coded.ETIMEDOUT {
			t.Error(err)
		}
		for _, name := range []string{"", "a..b", strings.Repeat("a", 64)} {
			if _, err := c.Lookup(ctx, name+".x."+strings.Repeat(name, 2)); name != "" && coded.From(err, "").Code != coded.EINVAL {
				t.Errorf("%q: %v", name, err)
			}
		}
		c.Close()
		if _, err := c.Lookup(t.Context(), "b2"); coded.From(err, "").Code != coded.ECLOSED {
			t.Error(err)
		}
	})
}

func TestInvalid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		c := join(t, n, 1)
		for what, change := range map[string]func(s *Service){
			"no name": func(s *Service) { s.Name = "" }, "long name": func(s *Service) { s.Name = strings.Repeat("a", 60) }, "no port": func(s *Service) { s.Port = 0 },
			"no address": func(s *Service) { s.Addrs = nil }, "type": func(s *Service) { s.Type = "a..b" }, "host": func(s *Service) { s.Host = strings.Repeat("a", 64) },
			"text": func(s *Service) { s.Text = []string{strings.Repeat("a", 256)} },
		} {
			s := printer(1)
			change(&s)
			if _, err := c.Register(t.Context(), s); coded.From(err, "").Code != coded.EINVAL {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := c.Browse(t.Context(), "a..b", nil); coded.From(err, "").Code != coded.EINVAL {
			t.Error(err)
		}
		s := printer(1)
		s.Text = slices.Repeat([]string{strings.Repeat("a", 255)}, 6)
		if _, err := c.Register(t.Context(), s); coded.From(err, "").Code != coded.EMSGSIZE {
			t.Error(err)
		}
		c.Close()
		broken := n.socket(2, Port)
		broken.broken = errors.ErrUnsupported
		if _, err := Open(broken); coded.From(err, "").Code != coded.ENOTSUP {
			t.Error(err)
		}
	})
}
