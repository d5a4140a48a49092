package main

import (
	_ "embed"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"kaiwire/protocols/protocoltest/signedzones"
)

//go:embed example.zone
var exampleZone string

const day = 24 * time.Hour

// nameWorld is the zones that the name server answers from: kaiwire.example is
// signed, unsigned.example is not, and the signatures of expired.example are of
// last week. The DS record vouches for all of them.
func nameWorld() (signedzones.World, *dns.DS, error) {
	var world signedzones.World
	var failed error
	add := func(origin, text string, o signedzones.Options, children ...*signedzones.Zone) *signedzones.Zone {
		z, err := signedzones.New(origin, text, o, children...)
		if err != nil && failed == nil {
			failed = err
		}
		world = append(world, z)
		return z
	}
	signed := signedzones.Options{Algorithm: dns.ECDSAP256SHA256}
	kaiwire := add("kaiwire.example.", exampleZone, signed)
	unsigned := add("unsigned.example.", "@ A 192.0.2.80\n", signedzones.Options{})
	expired := add("expired.example.", "@ A 192.0.2.90\n", signedzones.Options{
		Algorithm: dns.ECDSAP256SHA256, Inception: time.Now().Add(-9 * day), Expiration: time.Now().Add(-2 * day)})
	if failed != nil {
		return nil, nil, failed
	}
	top := add("example.", "", signed, kaiwire, unsigned, expired)
	if failed != nil {
		return nil, nil, failed
	}
	reverse := add("2.0.192.in-addr.arpa.", "10 PTR kaiwire.example.\n", signed)
	if failed != nil {
		return nil, nil, failed
	}
	root := add(".", "", signed, top, reverse)
	return world, root.DS, failed
}

// serveNames answers on connections accepted from l.
func serveNames(l net.Listener, world signedzones.World) error {
	server := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		if len(q.Question) != 1 {
			return
		}
		m := world.Answer(q)
		if opt := q.IsEdns0(); opt == nil || !opt.Do() {
			m.Answer, m.Ns = unsigned(q, m.Answer), unsigned(q, m.Ns)
		}
		w.WriteMsg(m)
	})}
	return server.ActivateAndServe()
}

// unsigned is what those get who have not asked for signatures and proofs (RFC
// 4035, 3.2.1).
func unsigned(q *dns.Msg, records []dns.RR) []dns.RR {
	return slices.DeleteFunc(records, func(rr dns.RR) bool {
		switch t := rr.Header().Rrtype; t {
		case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3:
			return t != q.Question[0].Qtype
		}
		return false
	})
}

// text is the record as one line of a zone file.
func text(rr dns.RR) string { return strings.ReplaceAll(rr.String(), "\t", " ") }
