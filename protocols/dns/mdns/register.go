package mdns

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dns"
)

// Service is one to offer.
type Service struct {
	Name  string // what people see: "Asha's phone"; another is taken where this is
	Type  string // "_http._tcp"
	Host  string // this phone's name, without ".local"
	Port  uint16
	Addrs []netip.Addr
	Text  []string // "key=value"
}

const (
	// hostLife and otherLife are how long records are good for, in seconds
	// (RFC 6762 §10): what names a host may change soon.
	hostLife  = 120
	otherLife = 4500
	// maxRenames bounds the search for a name that is free.
	maxRenames = 20
	probes     = 3
	// maxDelayed bounds the answers that wait.
	maxDelayed = 32
	probeEvery = 250 * time.Millisecond
)

// Registration is a service that is offered.
type Registration struct {
	conn     *Conn
	service  Service
	instance string
	records  []dns.Record
	// Of conn.mu:
	taken bool // somebody else has the name
	ours  bool // the name is ours, and defended
}

// Register offers a service, after making sure that nobody has its name (RFC
// 6762 §8). It returns when the service has been announced once.
//
// Errors: coded.EINVAL where the service makes no sense, coded.EADDRINUSE where
// all names tried are taken, coded.ECLOSED, those of the socket.
func (c *Conn) Register(ctx context.Context, s Service) (*Registration, error) {
	if s.Name == "" || len(s.Name) > 59 || s.Port == 0 || len(s.Addrs) == 0 {
		return nil, coded.New(coded.EINVAL, protocol, "A service needs a name of 59 bytes at most, a port and an address.", nil)
	}
	s.Addrs, s.Text = slices.Clone(s.Addrs), slices.Clone(s.Text)
	r := &Registration{conn: c, service: s}
	for i := 1; i <= maxRenames; i++ {
		label := s.Name
		if i > 1 {
			label += " (" + strconv.Itoa(i) + ")"
		}
		if err := r.name(label); err != nil {
			return nil, err
		}
		err := r.probe(ctx)
		if err == errTaken {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := r.announce(otherLife); err != nil {
			r.Close()
			return nil, err
		}
		// Once more, as the first may get lost (RFC 6762 §8.3).
		time.AfterFunc(time.Second, func() {
			c.mu.Lock()
			still := c.services[r]
			c.mu.Unlock()
			if still {
				r.announce(otherLife)
			}
		})
		return r, nil
	}
	return nil, coded.New(coded.EADDRINUSE, protocol, "Others on this network have the name.", nil)
}

// Instance is the whole name under which the service is offered.
func (r *Registration) Instance() string { return r.instance }

// Close takes the service back. It may be called more than once.
func (r *Registration) Close() error {
	r.conn.mu.Lock()
	there := r.conn.services[r]
	delete(r.conn.services, r)
	r.conn.mu.Unlock()
	if !there {
		return nil
	}
	return r.announce(0)
}

// name makes the records of the service under a label.
func (r *Registration) name(label string) error {
	s := &r.service
	kind, host := local(s.Type), local(s.Host)
	// A label is any text, dots and blanks included (RFC 6763 §4.1.1).
	quoted := make([]byte, 0, len(label))
	for _, b := range []byte(label) {
		if b <= ' ' || b > '~' {
			quoted = append(quoted, '\\', '0'+b/100, '0'+b/10%10, '0'+b%10)
			continue
		}
		if strings.IndexByte(`.\"();@$`, b) >= 0 {
			quoted = append(quoted, '\\')
		}
		quoted = append(quoted, b)
	}
	r.instance = string(quoted) + "." + kind
	instance, err := dns.WireName(r.instance)
	if err != nil {
		return err
	}
	if _, err := dns.WireName(kind); err != nil {
		return err
	}
	target, err := dns.WireName(host)
	if err != nil {
		return err
	}
	instance = restore(instance, label)
	txt := []byte{}
	for _, t := range s.Text {
		if len(t) > 255 {
			return coded.New(coded.EINVAL, protocol, "A text of a service has 255 bytes at most.", nil)
		}
		txt = append(append(txt, byte(len(t))), t...)
	}
	if len(txt) == 0 {
		txt = []byte{0}
	}
	srv := append(binary.BigEndian.AppendUint16(make([]byte, 4), s.Port), target...)
	r.records = []dns.Record{
		{Name: kind, Type: dns.TypePTR, Class: dns.ClassIN, TTL: otherLife, Data: instance},
		{Name: "_services._dns-sd._udp.local", Type: dns.TypePTR, Class: dns.ClassIN, TTL: otherLife, Data: must(dns.WireName(kind))},
		{Name: r.instance, Type: dns.TypeSRV, Class: dns.ClassIN | flush, TTL: hostLife, Data: srv},
		{Name: r.instance, Type: dns.TypeTXT, Class: dns.ClassIN | flush, TTL: otherLife, Data: txt},
	}
	for _, a := range s.Addrs {
		t := dns.TypeA
		if a = a.Unmap(); a.Is6() {
			t = dns.TypeAAAA
		}
		r.records = append(r.records, dns.Record{Name: host, Type: t, Class: dns.ClassIN | flush, TTL: hostLife, Data: a.AsSlice()})
	}
	return nil
}

// must is for names that have been checked.
func must(wire []byte, _ error) []byte { return wire }

// restore gives the first label of a name its capital letters.
func restore(wire []byte, label string) []byte {
	copy(wire[1:1+wire[0]], label)
	return wire
}

// probe asks three times whether somebody has the name.
func (r *Registration) probe(ctx context.Context) error {
	c := r.conn
	c.mu.Lock()
	if c.ctx.Err() != nil {
		c.mu.Unlock()
		return c.failure(ctx)
	}
	r.taken = false
	c.services[r] = true
	c.mu.Unlock()
	give := func(err error) error {
		c.mu.Lock()
		delete(c.services, r)
		c.mu.Unlock()
		return err
	}
	own := slices.Clone(r.records[2:4])
	for i := range own {
		own[i].Class = dns.ClassIN
	}
	// Not all who have been started by the same event at the same time.
	timer := time.NewTimer(time.Duration(rand.IntN(250)) * time.Millisecond)
	defer timer.Stop()
	for i := range probes + 1 {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return give(c.failure(ctx))
		case <-c.ctx.Done():
			return give(c.failure(ctx))
		}
		c.mu.Lock()
		taken := r.taken
		r.ours = i == probes && !taken
		c.mu.Unlock()
		if taken {
			return give(errTaken)
		}
		if i == probes {
			return nil
		}
		m := &dns.Message{Questions: []dns.Question{{Name: r.instance, Type: dns.TypeANY, Class: dns.ClassIN | unicast}}, Authorities: own}
		if err := c.send(m, nil); err != nil {
			return give(err)
		}
		timer.Reset(probeEvery)
	}
	return nil
}

// contest notes that somebody else has a record of a name of ours that is not
// ours, or probes for the name at the same time: then the greater data wins (RFC
// 6762 §8.2). c.mu is held.
func (c *Conn) contest(other *dns.Record, probing bool) {
	if other.Type != dns.TypeSRV || other.TTL == 0 {
		return
	}
	for r := range c.services {
		if !strings.EqualFold(other.Name, r.instance) {
			continue
		}
		for i := range r.records {
			if r.records[i].Type != dns.TypeSRV {
				continue
			}
			switch order := bytes.Compare(r.records[i].Data, other.CanonicalData()); {
			case order == 0, probing && order > 0:
			default:
				r.taken = true
			}
		}
	}
}

// announce tells of all records; a life of 0 takes them back.
func (r *Registration) announce(life uint32) error {
	m := &dns.Message{Bits: dns.BitResponse | dns.BitAuthoritative, Answers: slices.Clone(r.records)}
	for i := range m.Answers {
		m.Answers[i].TTL = min(m.Answers[i].TTL, life)
	}
	if life == 0 {
		// The host and the kind may have other services.
		m.Answers = slices.DeleteFunc(m.Answers, func(a dns.Record) bool {
			return a.Type == dns.TypeA || a.Type == dns.TypeAAAA || strings.HasPrefix(a.Name, "_services.")
		})
	}
	return r.conn.send(m, nil)
}

// answer answers the questions of others that are about our services.
func (c *Conn) answer(m *dns.Message, from *net.UDPAddr) {
	c.mu.Lock()
	for i := range m.Authorities {
		c.contest(&m.Authorities[i], true)
	}
	reply := &dns.Message{Bits: dns.BitResponse | dns.BitAuthoritative}
	alone := len(m.Questions) > 0
	for _, q := range m.Questions {
		alone = alone && q.Class&unicast != 0
		for r := range c.services {
			if !r.ours {
				continue
			}
			for i := range r.records {
				own := &r.records[i]
				if (q.Type != own.Type && q.Type != dns.TypeANY) || !strings.EqualFold(q.Name, own.Name) || known(m.Answers, own) {
					continue
				}
				reply.Answers = add(reply.Answers, own)
				// What will be asked for next (RFC 6763 §12).
				if own.Type == dns.TypePTR || own.Type == dns.TypeSRV {
					for j := range r.records {
						if t := r.records[j].Type; t != dns.TypePTR && t != own.Type {
							reply.Additionals = add(reply.Additionals, &r.records[j])
						}
					}
				}
			}
		}
	}
	c.mu.Unlock()
	if len(reply.Answers) == 0 {
		return
	}
	var to *net.UDPAddr
	if from.Port != Port {
		// Somebody who knows of DNS only (RFC 6762 §6.7).
		to = from
		reply.ID, reply.Questions = m.ID, m.Questions
		for _, list := range [][]dns.Record{reply.Answers, reply.Additionals} {
			for i := range list {
				list[i].Class, list[i].TTL = dns.ClassIN, min(list[i].TTL, legacyTTL)
			}
		}
	} else if alone {
		to = from
	}
	shared := false
	for i := range reply.Answers {
		shared = shared || reply.Answers[i].Type == dns.TypePTR
	}
	if !shared || to != nil {
		c.reply(reply, to)
		return
	}
	// Others may have an answer too: not all at once (RFC 6762 §6).
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.delayed >= maxDelayed {
		return
	}
	c.delayed++
	time.AfterFunc(time.Duration(20+rand.IntN(100))*time.Millisecond, func() {
		c.reply(reply, to)
		c.mu.Lock()
		c.delayed--
		c.mu.Unlock()
	})
}

// reply sends an answer, without what may be asked for again where it does not
// fit.
func (c *Conn) reply(m *dns.Message, to *net.UDPAddr) {
	if err := c.send(m, to); err != nil && len(m.Additionals) > 0 {
		m.Additionals = nil
		c.send(m, to)
	}
}

// known tells whether the asker has the record, with half of its life at least
// (RFC 6762 §7.1).
func known(list []dns.Record, own *dns.Record) bool {
	for i := range list {
		k := &list[i]
		if k.Type == own.Type && strings.EqualFold(k.Name, own.Name) && bytes.Equal(k.Data, own.Data) && k.TTL >= own.TTL/2 {
			return true
		}
	}
	return false
}

func add(list []dns.Record, r *dns.Record) []dns.Record {
	for i := range list {
		if list[i].Name == r.Name && list[i].Type == r.Type && bytes.Equal(list[i].Data, r.Data) {
			return list
		}
	}
	return append(list, *r)
}
