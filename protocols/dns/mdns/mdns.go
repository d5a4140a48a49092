// Package mdns finds services on the local network and offers some: multicast
// DNS (RFC 6762) and DNS-based service discovery (RFC 6763) over IPv4.
package mdns

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dns"
)

const protocol = "dns"

// Port is where everybody listens.
const Port = 5353

var group = net.IPv4(224, 0, 0, 251)

// Socket is a UDP socket on Port that shares it with others, such as
// *bridge.PacketConn.
type Socket interface {
	net.PacketConn
	JoinGroup(group net.IP) error
}

const (
	// maxRecords bounds what is kept of others' records, maxLife how long.
	maxRecords = 2048
	maxLife    = 75 * 60 // seconds, RFC 6762 §10
	// maxPacket is what a phone sends in one datagram.
	maxPacket = 1400
	// flush is the bit of a class that says that these are all records.
	flush dns.Class = 1 << 15
	// unicast is that bit of a question, which asks for an answer to us alone.
	unicast dns.Class = 1 << 15
	// goodbye is how long a record lives that was taken back.
	goodbye = time.Second
	// legacyTTL is for those who ask from another port than Port.
	legacyTTL = 10
)

// Conn is the local network. Its methods may be called from any goroutine.
type Conn struct {
	socket Socket
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	err      error
	records  []*record
	watchers map[*watcher]bool
	delayed  int // answers that wait their time
	services map[*Registration]bool
}

// record is one of somebody else's.
type record struct {
	dns.Record
	seen, end time.Time
	low       string // the name, in small letters
}

// watcher is woken when records change.
type watcher struct{ wake chan struct{} }

// Open joins the network. The socket belongs to the Conn from then on.
func Open(s Socket) (*Conn, error) {
	if err := s.JoinGroup(group); err != nil {
		s.Close()
		return nil, coded.From(err, protocol)
	}
	c := &Conn{socket: s, done: make(chan struct{}), watchers: map[*watcher]bool{}, services: map[*Registration]bool{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	go c.read()
	return c, nil
}

// Close takes back what was registered and leaves. Calls under way fail with
// coded.ECLOSED.
func (c *Conn) Close() error {
	c.mu.Lock()
	var list []*Registration
	for r := range c.services {
		list = append(list, r)
	}
	c.mu.Unlock()
	for _, r := range list {
		r.Close()
	}
	c.cancel()
	c.socket.Close()
	<-c.done
	return nil
}

func (c *Conn) read() {
	defer close(c.done)
	var buffer [9216]byte
	for {
		n, from, err := c.socket.ReadFrom(buffer[:])
		if err != nil {
			c.mu.Lock()
			if c.err = coded.From(err, protocol); c.ctx.Err() != nil {
				c.err = coded.New(coded.ECLOSED, protocol, "", nil)
			}
			c.mu.Unlock()
			c.cancel()
			return
		}
		m, err := dns.ParseMessage(buffer[:n])
		if err != nil || m.Bits&dns.MaskOp != 0 || m.RCode() != dns.NoError {
			continue
		}
		address, ok := from.(*net.UDPAddr)
		switch {
		case !ok:
		case m.Bits&dns.BitResponse == 0:
			c.answer(m, address)
		case address.Port == Port: // RFC 6762 §6
			c.learn(m)
		}
	}
}

// failure is why the network is gone.
func (c *Conn) failure(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return coded.From(err, protocol)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	return coded.New(coded.ECLOSED, protocol, "", nil)
}

// learn keeps what others say.
func (c *Conn) learn(m *dns.Message) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records = slices.DeleteFunc(c.records, func(r *record) bool { return !now.Before(r.end) })
	for _, r := range append(m.Answers, m.Additionals...) {
		if r.Class&^flush != dns.ClassIN {
			continue
		}
		low := strings.ToLower(r.Name)
		var same *record
		for _, old := range c.records {
			if old.Type != r.Type || old.low != low {
				continue
			}
			if slices.Equal(old.Data, r.Data) {
				same = old
			} else if r.Class&flush != 0 && now.Sub(old.seen) > goodbye {
				old.end = earlier(old.end, now.Add(goodbye))
			}
		}
		life := time.Duration(min(r.TTL, maxLife)) * time.Second
		if r.TTL == 0 {
			life = goodbye
			if same == nil {
				continue
			}
		}
		if same == nil {
			if len(c.records) >= maxRecords {
				continue
			}
			same = &record{low: low}
			c.records = append(c.records, same)
		}
		r.Class = dns.ClassIN
		same.Record, same.seen, same.end = r, now, now.Add(life)
	}
	for i := range m.Answers {
		c.contest(&m.Answers[i], false)
	}
	for w := range c.watchers {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// find returns the records of a name and type that live now, and when the
// first of them ends.
func (c *Conn) find(name string, t dns.Type) (list []dns.Record, end time.Time) {
	now, low := time.Now(), strings.ToLower(name)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.records {
		if r.low != low || r.Type != t || !now.Before(r.end) {
			continue
		}
		known := r.Record
		known.TTL = uint32(r.end.Sub(now) / time.Second)
		list = append(list, known)
		if end.IsZero() || r.end.Before(end) {
			end = r.end
		}
	}
	return list, end
}

func (c *Conn) watch() *watcher {
	w := &watcher{make(chan struct{}, 1)}
	c.mu.Lock()
	c.watchers[w] = true
	c.mu.Unlock()
	return w
}

func (c *Conn) forget(w *watcher) {
	c.mu.Lock()
	delete(c.watchers, w)
	c.mu.Unlock()
}

func (c *Conn) send(m *dns.Message, to *net.UDPAddr) error {
	b, err := m.Append(nil)
	if err != nil {
		return err
	}
	if len(b) > maxPacket {
		return coded.New(coded.EMSGSIZE, protocol, "", nil)
	}
	if to == nil {
		to = &net.UDPAddr{IP: group, Port: Port}
	}
	if _, err = c.socket.WriteTo(b, to); err != nil {
		return coded.From(err, protocol)
	}
	return nil
}

// ask sends questions, with the answers that are known already (RFC 6762
// §7.1), as far as they fit.
func (c *Conn) ask(questions ...dns.Question) error {
	m := &dns.Message{Questions: questions}
	for _, q := range questions {
		known, _ := c.find(q.Name, q.Type)
		m.Answers = append(m.Answers, known...)
	}
	err := c.send(m, nil)
	for err != nil && coded.From(err, protocol).Code == coded.EMSGSIZE && len(m.Answers) > 0 {
		m.Answers = m.Answers[:len(m.Answers)/2]
		err = c.send(m, nil)
	}
	return err
}

// until asks again and again, less and less often, and calls step whenever
// records have changed, until that is done or ctx ends. step returns when it
// wants to be called anyway.
func (c *Conn) until(ctx context.Context, questions func() []dns.Question, step func() (done bool, next time.Time)) error {
	const first, last = time.Second, time.Hour
	w := c.watch()
	defer c.forget(w)
	// Those who begin at the same time shall not ask at the same time (RFC 6762
	// §5.2).
	again, interval := time.Now().Add(time.Duration(20+rand.IntN(100))*time.Millisecond), first
	for {
		done, next := step()
		if done {
			return nil
		}
		now := time.Now()
		if !now.Before(again) {
			if list := questions(); len(list) > 0 {
				if err := c.ask(list...); err != nil {
					return err
				}
			}
			again = now.Add(interval)
			interval = min(3*interval, last)
		}
		wake := again
		if !next.IsZero() {
			wake = earlier(wake, next)
		}
		timer := time.NewTimer(time.Until(wake))
		select {
		case <-timer.C:
		case <-w.wake:
		case <-ctx.Done():
		case <-c.ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil || c.ctx.Err() != nil {
			return c.failure(ctx)
		}
	}
}

// Event says that an instance of a service has come or gone.
type Event struct {
	Instance string // its whole name: `Printer._ipp._tcp.local`
	Gone     bool
}

// Browse looks for instances of a service ("_ipp._tcp") and tells of each that
// comes or goes until ctx ends, whose error it returns as a coded one. tell
// must not wait.
func (c *Conn) Browse(ctx context.Context, service string, tell func(Event)) error {
	name := local(service)
	if _, err := dns.WireName(name); err != nil {
		return err
	}
	there := map[string]string{} // by data, what is shown
	question := []dns.Question{{Name: name, Type: dns.TypePTR, Class: dns.ClassIN}}
	return c.until(ctx, func() []dns.Question { return question }, func() (bool, time.Time) {
		records, next := c.find(name, dns.TypePTR)
		now := map[string]string{}
		for _, r := range records {
			if len(now) < maxRecords {
				now[string(r.Data)] = target(&r)
			}
		}
		for key, instance := range now {
			if _, known := there[key]; !known {
				tell(Event{Instance: instance})
			}
		}
		for key, instance := range there {
			if _, still := now[key]; !still {
				tell(Event{Instance: instance, Gone: true})
			}
		}
		there = now
		return false, next
	})
}

// local is a name of the local network.
func local(name string) string {
	name = strings.TrimSuffix(name, ".")
	if !strings.HasSuffix(strings.ToLower(name), ".local") {
		name += ".local"
	}
	return name
}

func target(r *dns.Record) string {
	for _, f := range r.Fields() {
		if f.Key == "target" {
			return f.Text
		}
	}
	return ""
}

// Instance is where an instance of a service is.
type Instance struct {
	Name  string
	Host  string
	Port  uint16
	Addrs []netip.Addr
	Text  []string // "key=value" (RFC 6763 §6)
}

// Resolve finds an instance's host, port, addresses and text. It fails with
// coded.ETIMEDOUT where ctx ends before somebody has answered.
func (c *Conn) Resolve(ctx context.Context, instance string) (*Instance, error) {
	name := local(instance)
	if _, err := dns.WireName(name); err != nil {
		return nil, err
	}
	found := &Instance{Name: name}
	questions := func() []dns.Question {
		list := []dns.Question{{Name: name, Type: dns.TypeSRV, Class: dns.ClassIN}, {Name: name, Type: dns.TypeTXT, Class: dns.ClassIN}}
		if found.Host != "" {
			list = []dns.Question{{Name: found.Host, Type: dns.TypeA, Class: dns.ClassIN}, {Name: found.Host, Type: dns.TypeAAAA, Class: dns.ClassIN}}
		}
		return list
	}
	asked := false
	err := c.until(ctx, questions, func() (bool, time.Time) {
		srv, _ := c.find(name, dns.TypeSRV)
		for i := range srv {
			for _, f := range srv[i].Fields() {
				switch f.Key {
				case "port":
					found.Port = uint16(f.Number)
				case "target":
					found.Host = f.Text
				}
			}
		}
		if found.Host == "" {
			return false, time.Time{}
		}
		txt, _ := c.find(name, dns.TypeTXT)
		for i := range txt {
			for _, f := range txt[i].Fields() {
				found.Text = f.List
			}
		}
		if found.Addrs = c.addresses(found.Host); len(found.Addrs) > 0 && len(txt) > 0 {
			return true, time.Time{}
		}
		if !asked {
			asked = true
			return false, time.Now() // for the addresses, which did not come along
		}
		return false, time.Time{}
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (c *Conn) addresses(host string) (list []netip.Addr) {
	for _, t := range []dns.Type{dns.TypeAAAA, dns.TypeA} {
		records, _ := c.find(host, t)
		for i := range records {
			if a, ok := netip.AddrFromSlice(records[i].Data); ok {
				list = append(list, a)
			}
		}
	}
	return list
}

// Lookup finds the addresses of a host of the local network ("name.local").
func (c *Conn) Lookup(ctx context.Context, host string) (list []netip.Addr, err error) {
	name := local(host)
	if _, err := dns.WireName(name); err != nil {
		return nil, err
	}
	questions := []dns.Question{{Name: name, Type: dns.TypeA, Class: dns.ClassIN}, {Name: name, Type: dns.TypeAAAA, Class: dns.ClassIN}}
	err = c.until(ctx, func() []dns.Question { return questions }, func() (bool, time.Time) {
		list = c.addresses(name)
		return len(list) > 0, time.Time{}
	})
	return list, err
}

var errTaken = errors.New("mdns: the name is taken")
