// Package dns is a DNS stub resolver (RFC 1035) that asks over TCP (RFC 7766),
// through any dialer.
//
// Query returns a server's whole answer, whatever it says; the Resolve methods
// return the data of one type, and errors in the words of Node's dns module:
// coded.ENOTFOUND, coded.ENODATA, coded.ESERVFAIL, … Every error is, or wraps, a
// *coded.Error.
//
// One connection per server is kept and used for many questions at a time.
package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

const protocol = "dns"

// Options say whom to ask. Servers is required.
type Options struct {
	// Servers are asked in order: names or IP addresses, each with or without
	// a port ("192.0.2.1", "ns.example:5353", "2001:db8::1", "[2001:db8::1]:53").
	Servers []string
	// Port is that of servers which name none. Default 53.
	Port int
	// Timeout bounds each try at a server, connecting included. Default 5
	// seconds.
	Timeout time.Duration
	// Retries is how often to go through Servers again when none has
	// answered. Default 1; negative for never.
	Retries int
	// IdleTimeout is how long a connection without questions is kept. Default
	// 10 seconds.
	IdleTimeout time.Duration
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
}

// New makes a Resolver. It dials nothing before the first question, which fails
// with coded.EINVAL where the options make no sense.
func New(d dial.Dialer, o Options) *Resolver {
	if o.Port == 0 {
		o.Port = 53
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Retries == 0 {
		o.Retries = 1
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 10 * time.Second
	}
	r := &Resolver{o: o, dialer: d}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	for _, s := range o.Servers {
		address, err := addressOf(s, o.Port)
		if err != nil {
			r.err = err
			return r
		}
		r.servers = append(r.servers, &server{resolver: r, address: address})
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
// dropped: forged, or too late.
func (r *Resolver) Unsolicited() uint64 { return r.unsolicited.Load() }

func invalid(message string) error { return coded.New(coded.EINVAL, protocol, message, nil) }

func closed() error { return coded.New(coded.ECLOSED, protocol, "", nil) }

func addressOf(s string, port int) (string, error) {
	host := s
	if h, p, err := net.SplitHostPort(s); err == nil {
		host = h
		if port, err = strconv.Atoi(p); err != nil {
			return "", invalid("The name server " + strconv.Quote(s) + " has a port that is no number.")
		}
	} else if inside, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inside, "]") {
		host = strings.TrimSuffix(inside, "]")
	}
	if _, err := netip.ParseAddr(host); err != nil && (host == "" || strings.ContainsAny(host, ":[]/ \t\r\n\x00")) {
		return "", invalid("The name server " + strconv.Quote(s) + " is neither an address nor a name.")
	}
	if port < 1 || port > 65535 {
		return "", invalid("The port of a name server has to be between 1 and 65535.")
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// Answer is what a server has said.
type Answer struct {
	RCode              RCode
	Authoritative      bool
	Truncated          bool
	RecursionAvailable bool
	Answers            []Record
	Authorities        []Record
	Additionals        []Record // without the OPT pseudo-record
	// Server is the address that answered, host and port; Elapsed is how long
	// it took.
	Server  string
	Elapsed time.Duration
}

// Query asks for the records of one type (TypeANY for all that the server cares
// to show) and returns the whole answer, whatever its rcode. Each server is
// tried in turn until one answers; one that answers SERVFAIL, NOTIMP or REFUSED
// has the last word only if no other has a better one.
//
// Errors: coded.EINVAL where name is not one; else that of the last server
// tried: coded.ETIMEDOUT, coded.ECONNREFUSED, coded.EPROTO for an answer that
// can't be read, coded.ELIMIT for one that is too long, …
func (r *Resolver) Query(ctx context.Context, name string, t Type) (*Answer, error) {
	if r.err != nil {
		return nil, r.err
	}
	name, err := checkName(name)
	if err != nil {
		return nil, err
	}
	servers := r.servers
	var poor *Answer
	var failed error
	for round := 0; round <= max(0, r.o.Retries); round++ {
		var silent []*server
		for _, s := range servers {
			answer, err := r.try(ctx, s, name, t)
			switch {
			case r.ctx.Err() != nil:
				return nil, closed()
			case err != nil && ctx.Err() != nil:
				return nil, coded.From(ctx.Err(), protocol)
			case err != nil:
				failed = err
				silent = append(silent, s)
			case answer.RCode != ServFail && answer.RCode != NotImp && answer.RCode != Refused:
				return answer, nil
			case poor == nil:
				poor = answer
			}
		}
		servers = silent
	}
	if poor != nil {
		return poor, nil
	}
	return nil, failed
}

func (r *Resolver) try(ctx context.Context, s *server, name string, t Type) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	begun := time.Now()
	// A server may close a connection at any time, even as we ask (RFC 7766
	// §6.2.3), so that a connection lost is asked over again, once.
	message, err := s.ask(ctx, name, t)
	if errors.Is(err, errLost) {
		message, err = s.ask(ctx, name, t)
	}
	if err != nil {
		return nil, coded.From(err, protocol)
	}
	answer, err := parse(message)
	if err != nil {
		return nil, err
	}
	answer.Server = s.address
	answer.Elapsed = time.Since(begun)
	return answer, nil
}

// server is one of those that we ask, with the connection to it.
type server struct {
	resolver *Resolver
	address  string
	mu       sync.Mutex
	conn     *conn // for further questions; nil where there is none
}
