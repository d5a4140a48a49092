// Package dns is a DNS stub resolver (RFC 1035) over any dialer: it asks by UDP
// (with EDNS, cookies and random spelling, RFC 6891, 7873), by TCP (RFC 7766)
// and by TLS (RFC 7858), whatever the host has, and keeps the answers.
//
// Query returns a server's whole answer, whatever it says; the Resolve methods
// return the data of one type, and errors in the words of Node's dns module:
// coded.ENOTFOUND, coded.ENODATA, coded.ESERVFAIL, … Every error is, or wraps, a
// *coded.Error.
package dns

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

const protocol = "dns"

// Transport is a way to reach a server.
type Transport string

const (
	UDP Transport = "udp"
	TCP Transport = "tcp"
	TLS Transport = "tls" // RFC 7858; the server's name or address has to be in its certificate
	// HTTPS is for servers that are URLs (RFC 8484).
	HTTPS Transport = "https"
)

// Options say whom to ask. Servers is required.
type Options struct {
	// Servers are asked in order, those that have failed lately last: names or
	// IP addresses, each with or without a port ("192.0.2.1",
	// "ns.example:5353", "2001:db8::1", "[2001:db8::1]:53"), and with or
	// without the transport ("tls://dns.example", "tcp://192.0.2.1").
	Servers []string
	// Port is that of servers which name none. Default 53, and 853 for TLS.
	Port int
	// Transports are the ways to reach a server that names none, best first.
	// The next is taken where one is not to be had, is silent, or can't carry
	// the answer. Default UDP and TCP, of which a host without UDP has the
	// latter only.
	Transports []Transport
	// Timeout bounds each try at a server, connecting included. Default 5
	// seconds.
	Timeout time.Duration
	// Retries is how often to go through Servers again when none has
	// answered. Default 1; negative for never.
	Retries int
	// IdleTimeout is how long a connection without questions is kept. Default
	// 10 seconds.
	IdleTimeout time.Duration
	// Exchange, where it is given, puts questions to servers that are URLs
	// ("https://dns.example/dns-query"; "http:" for this device only): it sends
	// a message and returns the one that the server has answered (RFC 8484).
	Exchange func(ctx context.Context, url string, message []byte) ([]byte, error)
	// Cache keeps answers, also for other resolvers that have the same one.
	// Default one of its own; NoCache for none.
	Cache *Cache
}

// A Resolver asks name servers. Its methods may be called from any goroutine.
type Resolver struct {
	o           Options
	dialer      dial.Dialer
	servers     []*server
	err         error // in the options
	ctx         context.Context
	cancel      context.CancelFunc
	unsolicited atomic.Uint64
	workers     workers

	mu      sync.Mutex
	noUDP   bool // the host has none
	flights map[cacheKey]*flight
}

// New makes a Resolver. It dials nothing before the first question, which fails
// with coded.EINVAL where the options make no sense.
func New(d dial.Dialer, o Options) *Resolver {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Retries == 0 {
		o.Retries = 1
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 10 * time.Second
	}
	if len(o.Transports) == 0 {
		o.Transports = []Transport{UDP, TCP}
	}
	if o.Cache == nil {
		o.Cache = NewCache(CacheOptions{})
	}
	r := &Resolver{o: o, dialer: d, flights: map[cacheKey]*flight{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.workers.next, r.workers.stop = make(chan func()), r.ctx.Done()
	for _, t := range o.Transports {
		if t != UDP && t != TCP && t != TLS {
			r.err = invalid("There is no transport " + strconv.Quote(string(t)) + ": there are udp, tcp and tls.")
			return r
		}
	}
	for _, text := range o.Servers {
		s, err := r.server(text)
		if err != nil {
			r.err = err
			return r
		}
		r.servers = append(r.servers, s)
	}
	if len(r.servers) == 0 {
		r.err = invalid("No name server is given.")
	}
	return r
}

// Close closes the connections. Questions under way fail with coded.ECLOSED, as
// do later ones. It may be called more than once.
func (r *Resolver) Close() error {
	r.cancel()
	return nil
}

// Unsolicited counts the messages that answered no question of ours and were
// dropped: forged, or too late. Those from other addresses than the server's,
// which a dial.Filter drops, are added with the next message that comes, or at
// the connection's end.
func (r *Resolver) Unsolicited() uint64 { return r.unsolicited.Load() }

// Err is what is wrong in the options: a coded.EINVAL, or nil.
func (r *Resolver) Err() error { return r.err }

// Cache is the resolver's cache.
func (r *Resolver) Cache() *Cache { return r.o.Cache }

func invalid(message string) error { return coded.New(coded.EINVAL, protocol, message, nil) }

func closed() error { return coded.New(coded.ECLOSED, protocol, "", nil) }

// server reads one of Options.Servers.
func (r *Resolver) server(text string) (*server, error) {
	s := &server{resolver: r, conns: map[Transport]*conn{}, transports: r.o.Transports, shown: text}
	scheme, address, found := strings.Cut(text, "://")
	if !found {
		address = text
	} else if t := Transport(scheme); t == UDP || t == TCP || t == TLS {
		s.transports = []Transport{t}
	} else if r.o.Exchange != nil && isWeb(scheme, address) {
		s.url = text
		return s, nil
	} else {
		return nil, invalid("The name server " + strconv.Quote(text) + " has to be asked in a way that is not to be had here.")
	}
	var err error
	s.host, s.port, err = hostPort(address, r.o.Port)
	if err != nil {
		return nil, err
	}
	if !found {
		s.shown = s.address(s.transports[0])
	}
	return s, nil
}

// isWeb tells whether a URL leads to a web server, by TLS or on this device.
func isWeb(scheme, rest string) bool {
	authority, _, _ := strings.Cut(rest, "/")
	host, _, err := hostPort(authority, 0)
	ip, _ := netip.ParseAddr(host)
	return err == nil && (scheme == "https" || scheme == "http" && (host == "localhost" || ip.IsLoopback()))
}

// hostPort splits an address; without a port in it that is fallback, or 0.
func hostPort(s string, fallback int) (host string, port int, err error) {
	host, port = s, fallback
	if h, p, err := net.SplitHostPort(s); err == nil {
		host = h
		if port, err = strconv.Atoi(p); err != nil || port == 0 {
			return "", 0, invalid("The name server " + strconv.Quote(s) + " has a port that is none.")
		}
	} else if inside, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inside, "]") {
		host = strings.TrimSuffix(inside, "]")
	}
	if _, err := netip.ParseAddr(host); err != nil && (host == "" || strings.ContainsAny(host, ":[]/ \t\r\n\x00")) {
		return "", 0, invalid("The name server " + strconv.Quote(s) + " is neither an address nor a name.")
	}
	if port < 0 || port > 65535 {
		return "", 0, invalid("The port of a name server has to be between 1 and 65535.")
	}
	return host, port, nil
}

// Answer is what a server has said.
type Answer struct {
	RCode              RCode
	Authoritative      bool
	Truncated          bool
	RecursionAvailable bool
	// Authenticated is what the server says of its own validation (AD, RFC
	// 4035 §3.2.3): worth as much as the way to it is safe.
	Authenticated bool
	Answers       []Record
	Authorities   []Record
	Additionals   []Record // without the OPT pseudo-record
	// Extended are the server's reasons, beyond the rcode (RFC 8914).
	Extended []ExtendedError
	// Server is who answered: host and port, or as it is in Options.Servers
	// where that names a transport. Transport is the way by which it did.
	Server    string
	Transport Transport
	// Cached answers were had before, and Stale ones should have been asked
	// again, but no server answers (RFC 8767).
	Cached, Stale bool
	// Elapsed is how long the server took; 0 for a cached answer.
	Elapsed time.Duration
}

// ExtendedError is a reason that a server gives (IANA, "Extended DNS Error
// Codes").
type ExtendedError struct {
	Code uint16
	Text string // up to 256 bytes, for logs
}

// Query asks for the records of one type (TypeANY for all that the server cares
// to show) and returns the whole answer, whatever its rcode. A server that has
// not answered in the time that it usually takes is overtaken by the next; one
// that answers SERVFAIL, NOTIMP or REFUSED has the last word only if no other
// has a better one.
//
// Errors: coded.EINVAL where name is not one; else that of the last server
// tried: coded.ETIMEDOUT, coded.ECONNREFUSED, coded.EPROTO for an answer that
// can't be read, coded.ELIMIT for one that is too long, … Where ctx's deadline
// passes while a server is asked again, or another one, it is that of the try
// before.
func (r *Resolver) Query(ctx context.Context, name string, t Type) (*Answer, error) {
	return r.ask(ctx, name, t, false)
}

// QueryDNSSEC is Query with the signatures, and whether or not the server
// believes them (the bits DO and CD of RFC 4035): it is for who validates.
func (r *Resolver) QueryDNSSEC(ctx context.Context, name string, t Type) (*Answer, error) {
	return r.ask(ctx, name, t, true)
}

func (r *Resolver) ask(ctx context.Context, name string, t Type, dnssec bool) (*Answer, error) {
	if r.err != nil {
		return nil, r.err
	}
	wire, err := parseName(name)
	if err != nil {
		return nil, err
	}
	return r.cached(ctx, &query{name: wire, t: t, class: ClassIN, dnssec: dnssec})
}

// reply is a server's message, and the answer in it.
type reply struct {
	message   []byte
	answer    *Answer
	server    *server
	transport Transport
	elapsed   time.Duration
}

// complete fills in what is not in the message.
func (p *reply) complete() {
	p.answer.Server, p.answer.Transport, p.answer.Elapsed = p.server.shown, p.transport, p.elapsed
}

func (p *reply) poor() bool {
	return p.answer.RCode == ServFail || p.answer.RCode == NotImp || p.answer.RCode == Refused
}

// exchange puts a question to the servers until one has answered it.
func (r *Resolver) exchange(ctx context.Context, q *query) (*reply, error) {
	if len(r.servers) == 1 {
		return r.insist(ctx, r.servers[0], q)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what has been overtaken ends
	waiting := r.order()
	type result struct {
		server *server
		reply  *reply
		err    error
	}
	rounds := max(0, r.o.Retries)
	results := make(chan result, len(waiting)*(1+rounds))
	timer := time.NewTimer(r.o.Timeout)
	defer timer.Stop()
	var again []*server
	var poor *reply
	var failed error
	underWay := 0
	for {
		if len(waiting) == 0 && underWay == 0 && rounds > 0 {
			waiting, again = again, nil
			rounds--
		}
		if len(waiting) > 0 {
			s := waiting[0]
			waiting = waiting[1:]
			underWay++
			go func() {
				p, err := s.try(ctx, q)
				results <- result{s, p, err}
			}()
			timer.Reset(s.patience())
		}
		if underWay == 0 {
			break
		}
		select {
		case <-timer.C:
		case got := <-results:
			underWay--
			switch {
			case got.err == nil && !got.reply.poor():
				return got.reply, nil
			case ctx.Err() != nil:
				return nil, coded.From(ctx.Err(), protocol)
			case got.err != nil:
				failed = got.err
				again = append(again, got.server)
			case poor == nil:
				poor = got.reply
			}
		}
	}
	if poor != nil {
		return poor, nil
	}
	return nil, failed
}

// insist puts a question to the only server.
func (r *Resolver) insist(ctx context.Context, s *server, q *query) (p *reply, err error) {
	for range 1 + max(0, r.o.Retries) {
		if p, err = s.try(ctx, q); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil && ctx.Err() != nil {
		err = coded.From(ctx.Err(), protocol)
	}
	return p, err
}

// order is that in which the servers are asked: those that have failed lately
// come last.
func (r *Resolver) order() []*server {
	now := time.Now()
	list := slices.Clone(r.servers)
	slices.SortStableFunc(list, func(a, b *server) int {
		x, y := a.shunned(now), b.shunned(now)
		switch {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	})
	return list
}
