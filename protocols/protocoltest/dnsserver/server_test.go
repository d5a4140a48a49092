package dnsserver

import (
	"net"
	"testing"

	"github.com/miekg/dns"
)

func TestServer(t *testing.T) {
	s := New()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 2)
	go func() { served <- s.ServeTCP(l) }()
	go func() { served <- s.ServeUDP(pc) }()
	for _, test := range []struct {
		name          string
		qtype         uint16
		rcode         int
		answer, other int
	}{
		{"KAIWIRE.example.", dns.TypeMX, dns.RcodeSuccess, 2, 0},
		{"www.kaiwire.example.", dns.TypeA, dns.RcodeSuccess, 3, 0},
		{"v4only.kaiwire.example.", dns.TypeAAAA, dns.RcodeSuccess, 0, 1},
		{"_tcp.kaiwire.example.", dns.TypeA, dns.RcodeSuccess, 0, 1},
		{"nowhere.kaiwire.example.", dns.TypeA, dns.RcodeNameError, 0, 1},
		{"dangling.kaiwire.example.", dns.TypeA, dns.RcodeNameError, 1, 1},
		{"servfail.kaiwire.example.", dns.TypeA, dns.RcodeServerFailure, 0, 0},
		{"refused.kaiwire.example.", dns.TypeA, dns.RcodeRefused, 0, 0},
		{"notimp.kaiwire.example.", dns.TypeA, dns.RcodeNotImplemented, 0, 0},
		{"elsewhere.example.", dns.TypeA, dns.RcodeRefused, 0, 0},
	} {
		for network, address := range map[string]string{"tcp": l.Addr().String(), "udp": pc.LocalAddr().String()} {
			q := new(dns.Msg)
			q.SetQuestion(test.name, test.qtype)
			c := dns.Client{Net: network}
			m, _, err := c.Exchange(q, address)
			if err != nil {
				t.Fatalf("%s over %s: %v", test.name, network, err)
			}
			if m.Rcode != test.rcode || len(m.Answer) != test.answer || len(m.Ns) != test.other {
				t.Errorf("%s over %s: %v", test.name, network, m)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}
