// Package dnsserver is a name server that lives in memory and answers out of an
// embedded zone file, for tests and the demo. It is never part of what ships.
//
// Beyond the zone there are names that behave as their first label says:
// servfail.kaiwire.example, refused.kaiwire.example and notimp.kaiwire.example.
// Whatever else is outside the zone is refused.
package dnsserver

import (
	_ "embed"
	"net"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

//go:embed example.zone
var zoneText string

var rcodes = map[string]int{
	"servfail.kaiwire.example.": dns.RcodeServerFailure,
	"refused.kaiwire.example.":  dns.RcodeRefused,
	"notimp.kaiwire.example.":   dns.RcodeNotImplemented,
}

const (
	maxPayload   = 1232
	clientCookie = 16 // digits
	serverCookie = "6b61697769726521"
)

// Server is a name server. Its methods may be called from any goroutine.
type Server struct {
	records map[string][]dns.RR // by name in small letters
	apexes  []*dns.SOA

	mu      sync.Mutex
	closed  bool
	running []*dns.Server
	wg      sync.WaitGroup
}

// New makes a server, which answers nobody before ServeTCP or ServeUDP.
func New() *Server {
	s := &Server{records: map[string][]dns.RR{}}
	zone := dns.NewZoneParser(strings.NewReader(zoneText), ".", "example.zone")
	for rr, ok := zone.Next(); ok; rr, ok = zone.Next() {
		name := strings.ToLower(rr.Header().Name)
		s.records[name] = append(s.records[name], rr)
		if soa, ok := rr.(*dns.SOA); ok {
			s.apexes = append(s.apexes, soa)
		}
	}
	if err := zone.Err(); err != nil {
		panic(err) // the zone is part of this package
	}
	return s
}

// ServeTCP answers on connections accepted from l until Close, and then
// returns nil.
func (s *Server) ServeTCP(l net.Listener) error {
	return s.serve(&dns.Server{Listener: l}, l.Close)
}

// ServeUDP answers packets that come to c until Close, and then returns nil.
func (s *Server) ServeUDP(c net.PacketConn) error {
	return s.serve(&dns.Server{PacketConn: c}, c.Close)
}

func (s *Server) serve(server *dns.Server, closeIt func() error) error {
	server.Handler = dns.HandlerFunc(s.handle)
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return closeIt()
	}
	s.wg.Add(1)
	defer s.wg.Done()
	result := make(chan error, 1)
	go func() { result <- server.ActivateAndServe() }()
	select {
	case <-started:
		s.running = append(s.running, server)
	case err := <-result:
		result <- err
	}
	s.mu.Unlock()
	return <-result
}

// Close stops serving and waits until nothing of the server is left.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, server := range s.running {
		server.Shutdown()
	}
	s.running = nil
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

func (s *Server) handle(w dns.ResponseWriter, question *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(question)
	m.RecursionAvailable = true
	switch {
	case question.Opcode != dns.OpcodeQuery:
		m.Rcode = dns.RcodeNotImplemented
	case len(question.Question) != 1:
		m.Rcode = dns.RcodeFormatError
	default:
		s.answer(m, question.Question[0])
	}
	size := dns.MinMsgSize
	if opt := question.IsEdns0(); opt != nil {
		m.SetEdns0(maxPayload, false)
		size = min(max(int(opt.UDPSize()), size), maxPayload)
		for _, option := range opt.Option {
			if cookie, ok := option.(*dns.EDNS0_COOKIE); ok && len(cookie.Cookie) >= clientCookie {
				m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie.Cookie[:clientCookie] + serverCookie}}
			}
		}
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		m.Truncate(size)
	}
	m.Compress = true
	w.WriteMsg(m)
}

func (s *Server) answer(m *dns.Msg, q dns.Question) {
	name := strings.ToLower(q.Name)
	soa := s.apex(name)
	if rcode, ok := rcodes[name]; ok {
		m.Rcode = rcode
		return
	}
	if soa == nil && s.records[name] == nil {
		m.Rcode = dns.RcodeRefused
		return
	}
	m.Authoritative = true
	for seen := map[string]bool{}; !seen[name]; {
		seen[name] = true
		records := s.records[name]
		if records == nil && !s.below(name) {
			m.Rcode = dns.RcodeNameError
		}
		for _, rr := range records {
			t := rr.Header().Rrtype
			switch {
			case t == q.Qtype || q.Qtype == dns.TypeANY:
				m.Answer = append(m.Answer, rr)
			case t == dns.TypeCNAME:
				m.Answer = append(m.Answer, rr)
				name = strings.ToLower(rr.(*dns.CNAME).Target)
			}
		}
	}
	wanted := false
	for _, rr := range m.Answer {
		wanted = wanted || rr.Header().Rrtype == q.Qtype || q.Qtype == dns.TypeANY
	}
	if !wanted && soa != nil {
		m.Ns = []dns.RR{soa}
	}
}

// apex is the SOA of the zone that name is in.
func (s *Server) apex(name string) *dns.SOA {
	for _, soa := range s.apexes {
		if dns.IsSubDomain(soa.Hdr.Name, name) {
			return soa
		}
	}
	return nil
}

// below tells whether name, having no records, has others below it (RFC 8020).
func (s *Server) below(name string) bool {
	for other := range s.records {
		if dns.IsSubDomain(name, other) {
			return true
		}
	}
	return false
}
