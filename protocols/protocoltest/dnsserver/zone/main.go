// Zone runs a name server for one zone, zone.example, on a TCP port of 127.0.0.1
// for the browser tests: it gives the zone away, is told of changes and makes
// them, to who has the key. It says the port on standard output, as JSON, and
// ends with its standard input.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	origin = "zone.example."
	key    = "key."
	secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0IQ=="
	// size is how many records a message of a transfer has.
	size = 50
)

// zone is what the server serves: the SOA first.
type zone struct {
	mu      sync.Mutex
	records []dns.RR
}

func record(line string) dns.RR {
	rr, err := dns.NewRR(line)
	if err != nil {
		log.Fatal(err)
	}
	return rr
}

func main() {
	z := &zone{records: []dns.RR{record(origin + " 300 IN SOA ns post 1 2 3 4 5")}}
	for i := range 250 {
		z.records = append(z.records, record(fmt.Sprintf("n%d.%s 300 IN TXT \"record %d\"", i, origin, i)))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: z, TsigSecret: map[string]string{key: secret},
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }}
	go server.ActivateAndServe()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"port": l.Addr().(*net.TCPAddr).Port}); err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, os.Stdin)
}

func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	m := new(dns.Msg)
	m.SetReply(q)
	tsig := q.IsTsig()
	answer := func() {
		if tsig != nil && w.TsigStatus() == nil {
			m.SetTsig(tsig.Hdr.Name, tsig.Algorithm, 300, time.Now().Unix())
		}
		w.WriteMsg(m)
	}
	switch {
	case len(q.Question) != 1 || q.Question[0].Name != origin:
		m.Rcode = dns.RcodeNotAuth
	case tsig == nil:
		m.Rcode = dns.RcodeRefused
	case w.TsigStatus() != nil:
		m.Rcode = dns.RcodeNotAuth
	case q.Opcode == dns.OpcodeNotify: // the serial shows that it has come
		z.records[0].(*dns.SOA).Serial += 100
	case q.Opcode == dns.OpcodeUpdate:
		m.Rcode = z.update(q)
	case q.Question[0].Qtype == dns.TypeAXFR:
		all := append(slices.Clone(z.records), z.records[0])
		for part := range slices.Chunk(all, size) {
			m.Answer = part
			answer()
			m = new(dns.Msg)
			m.SetReply(q)
			w.TsigTimersOnly(true)
		}
		return
	default:
		m.Rcode = dns.RcodeNotImplemented
	}
	answer()
}

// update makes the changes of RFC 2136 §3.4, all or none.
func (z *zone) update(q *dns.Msg) int {
	has := func(rr dns.RR, anyType bool) bool {
		return slices.ContainsFunc(z.records, func(own dns.RR) bool {
			return strings.EqualFold(own.Header().Name, rr.Header().Name) && (anyType || own.Header().Rrtype == rr.Header().Rrtype)
		})
	}
	for _, rr := range q.Answer {
		anyType := rr.Header().Rrtype == dns.TypeANY
		there := has(rr, anyType)
		switch {
		case rr.Header().Class == dns.ClassANY && !there && anyType:
			return dns.RcodeNameError
		case rr.Header().Class == dns.ClassANY && !there:
			return dns.RcodeNXRrset
		case rr.Header().Class == dns.ClassNONE && there && anyType:
			return dns.RcodeYXDomain
		case rr.Header().Class == dns.ClassNONE && there:
			return dns.RcodeYXRrset
		}
	}
	for _, rr := range q.Ns {
		h := *rr.Header()
		drop := func(which func(own dns.RR) bool) {
			z.records = slices.DeleteFunc(z.records, func(own dns.RR) bool {
				return own.Header().Rrtype != dns.TypeSOA && strings.EqualFold(own.Header().Name, h.Name) && which(own)
			})
		}
		switch h.Class {
		case dns.ClassINET:
			z.records = append(z.records, rr)
		case dns.ClassANY:
			drop(func(own dns.RR) bool { return h.Rrtype == dns.TypeANY || h.Rrtype == own.Header().Rrtype })
		case dns.ClassNONE:
			rr.Header().Class = dns.ClassINET
			drop(func(own dns.RR) bool { return dns.IsDuplicate(own, rr) })
		}
	}
	z.records[0].(*dns.SOA).Serial++
	return dns.RcodeSuccess
}
