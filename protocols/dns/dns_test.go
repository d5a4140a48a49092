package dns

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/protocoltest/dnsserver"
)

// memory returns a Resolver that asks a dnsserver over the loopback interface.
func memory(t *testing.T) *Resolver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := dnsserver.New()
	go s.ServeTCP(l)
	pc, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	go s.ServeUDP(pc)
	r := New(&net.Dialer{}, Options{Servers: []string{l.Addr().String()}})
	t.Cleanup(func() { r.Close(); s.Close(); l.Close() })
	return r
}

func wantCode(t *testing.T, err error, code coded.Code, response string) {
	t.Helper()
	var e *coded.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a coded error, %s", err, code)
	}
	if e.Code != code || e.Response != response || e.Protocol != "dns" || e.Message == "" {
		t.Fatalf("got %v (%s, response %q, protocol %q), want %s, %q", err, e.Code, e.Response, e.Protocol, code, response)
	}
}

func TestResolve(t *testing.T) {
	r, ctx := memory(t), t.Context()
	got := func(v any, err error) any {
		if err != nil {
			return err.Error()
		}
		return v
	}
	addrs := func(list ...string) (a []netip.Addr) {
		for _, s := range list {
			a = append(a, netip.MustParseAddr(s))
		}
		return a
	}
	for name, test := range map[string]struct{ got, want any }{
		"A":           {got(r.Resolve4(ctx, "kaiwire.example")), addrs("192.0.2.10")},
		"A, dot":      {got(r.Resolve4(ctx, "KaiWire.example.")), addrs("192.0.2.10")},
		"A, many":     {got(r.Resolve4(ctx, "many.kaiwire.example")), addrs("192.0.2.31", "192.0.2.32", "192.0.2.33")},
		"A, alias":    {got(r.Resolve4(ctx, "www.kaiwire.example")), addrs("192.0.2.40")},
		"AAAA":        {got(r.Resolve6(ctx, "kaiwire.example")), addrs("2001:db8::10")},
		"AAAA, alias": {got(r.Resolve6(ctx, "www.kaiwire.example")), addrs("2001:db8::40")},
		"MX":          {got(r.ResolveMX(ctx, "kaiwire.example")), []MX{{10, "mx1.kaiwire.example"}, {20, "mx2.kaiwire.example"}}},
		"MX, null":    {got(r.ResolveMX(ctx, "nomail.kaiwire.example")), []MX{{0, "."}}},
		"TXT":         {got(r.ResolveTXT(ctx, "kaiwire.example")), [][]string{{"v=spf1 mx -all"}, {"two strings, ", "one text"}}},
		"SRV": {got(r.ResolveSRV(ctx, "_imaps._tcp.kaiwire.example")),
			[]SRV{{10, 5, 993, "mx1.kaiwire.example"}, {20, 0, 993, "mx2.kaiwire.example"}}},
		"CAA": {got(r.ResolveCAA(ctx, "kaiwire.example")), []CAA{{0, "issue", "ca.example"}}},
		"NAPTR": {got(r.ResolveNAPTR(ctx, "kaiwire.example")), []NAPTR{
			{10, 10, "u", "E2U+email", "!^.*$!mailto:post@kaiwire.example!", "."}, {20, 10, "s", "SIP+D2T", "", "_sip._tcp.kaiwire.example"}}},
		"TLSA": {got(r.ResolveTLSA(ctx, "_993._tcp.kaiwire.example")), []TLSA{{3, 1, 1, []byte("\xd2\xab\xde\x24\x0d\x7c\xd3\xee\x6b\x4b\x28\xc5\x4d\xf0\x34\xb9\x79\x83\xa1\xd1\x6e\x8a\x41\x0e\x45\x61\xcb\x10\x66\x18\xe9\x71")}}},
		"HTTPS": {got(r.ResolveHTTPS(ctx, "kaiwire.example")), []SVCB{{1, ".", []SvcParam{{1, []byte("\x02h2\x02h3")}, {3, []byte{0x20, 0xfb}},
			{4, []byte{192, 0, 2, 10}}, {6, netip.MustParseAddr("2001:db8::10").AsSlice()}}}}},
		"NS":           {got(r.ResolveNS(ctx, "kaiwire.example")), []string{"ns1.kaiwire.example", "ns2.kaiwire.example"}},
		"CNAME":        {got(r.ResolveCNAME(ctx, "www.kaiwire.example")), []string{"web.kaiwire.example"}},
		"SOA":          {got(r.ResolveSOA(ctx, "kaiwire.example")), SOA{"ns1.kaiwire.example", "post.kaiwire.example", 2026010101, 7200, 900, 1209600, 60}},
		"lookup":       {got(r.Lookup(ctx, "www.kaiwire.example", 0)), addrs("2001:db8::40", "192.0.2.40")},
		"lookup 4":     {got(r.Lookup(ctx, "www.kaiwire.example", 4)), addrs("192.0.2.40")},
		"lookup 6":     {got(r.Lookup(ctx, "www.kaiwire.example", 6)), addrs("2001:db8::40")},
		"lookup one":   {got(r.Lookup(ctx, "v4only.kaiwire.example", 0)), addrs("192.0.2.50")},
		"lookup IP":    {got(r.Lookup(ctx, "::ffff:192.0.2.1", 0)), addrs("192.0.2.1")},
		"lookup local": {got(r.Lookup(ctx, "x.LocalHost.", 0)), addrs("::1", "127.0.0.1")},
		"big":          {got(r.ResolveTXT(ctx, "big.kaiwire.example")).([][]string)[0][1], strings.Repeat("0123456789", 25)},
		"PTR":          {got(r.ResolvePTR(ctx, "10.2.0.192.in-addr.arpa")), []string{"kaiwire.example"}},
		"reverse":      {got(r.Reverse(ctx, "192.0.2.10")), []string{"kaiwire.example"}},
		"reverse, 6":   {got(r.Reverse(ctx, "2001:DB8::10")), []string{"kaiwire.example"}},
		"reverse 4in6": {got(r.Reverse(ctx, "::ffff:192.0.2.10")), []string{"kaiwire.example"}},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%s: got %v, want %v", name, test.got, test.want)
		}
	}

	for name, test := range map[string]struct {
		code     coded.Code
		response string
	}{
		"nowhere.kaiwire.example":  {coded.ENOTFOUND, "NXDOMAIN"},
		"dangling.kaiwire.example": {coded.ENOTFOUND, "NXDOMAIN"},
		"nomail.kaiwire.example":   {coded.ENODATA, "NOERROR"},
		"servfail.kaiwire.example": {coded.ESERVFAIL, "SERVFAIL"},
		"refused.kaiwire.example":  {coded.EREFUSED, "REFUSED"},
		"notimp.kaiwire.example":   {coded.ENOTIMP, "NOTIMP"},
		"loop1.kaiwire.example":    {coded.EPROTO, ""},
	} {
		_, err := r.Resolve4(ctx, name)
		t.Run(name, func(t *testing.T) { wantCode(t, err, test.code, test.response) })
	}
	for _, ip := range []string{"", "kaiwire.example", "192.0.2", "fe80::1%eth0"} {
		_, err := r.Reverse(ctx, ip)
		wantCode(t, err, coded.EINVAL, "")
	}
}

func TestQuery(t *testing.T) {
	r, ctx := memory(t), t.Context()
	ask := func(name string, qt Type) *Answer {
		t.Helper()
		a, err := r.Query(ctx, name, qt)
		if err != nil {
			t.Fatal(err)
		}
		if a.Server != r.servers[0].shown || a.Elapsed <= 0 || !a.RecursionAvailable || a.Truncated {
			t.Errorf("answer %+v", a)
		}
		return a
	}
	a := ask("www.kaiwire.example", TypeA)
	want := []string{
		"www.kaiwire.example. 300 IN CNAME web.kaiwire.example.",
		"web.kaiwire.example. 300 IN CNAME host.kaiwire.example.",
		"host.kaiwire.example. 300 IN A 192.0.2.40",
	}
	if !a.Authoritative || a.RCode != NoError || !slices.Equal(lines(a.Answers), want) {
		t.Errorf("answer %+v", a)
	}
	a = ask("nowhere.kaiwire.example", TypeA)
	soa := []string{"kaiwire.example. 300 IN SOA ns1.kaiwire.example. post.kaiwire.example. 2026010101 7200 900 1209600 60"}
	if a.RCode != NXDomain || len(a.Answers) != 0 || !slices.Equal(lines(a.Authorities), soa) {
		t.Errorf("answer %+v", a)
	}
	if a = ask("servfail.kaiwire.example", TypeA); a.RCode.String() != "SERVFAIL" {
		t.Errorf("answer %+v", a)
	}
	if a = ask("nowhere.dotted.example", TypeA); a.RCode != NXDomain || len(a.Authorities) != 1 ||
		!strings.Contains(a.Authorities[0].String(), ` SOA ns1.kaiwire.example. first\.last.dotted.example. 1 `) {
		t.Errorf("answer %+v", a)
	}
}

func lines(records []Record) (list []string) {
	for i := range records {
		list = append(list, records[i].String())
	}
	return list
}

func TestNames(t *testing.T) {
	r := New(nil, Options{Servers: []string{"192.0.2.1"}}) // no name gets as far as the dialer
	defer r.Close()
	label := strings.Repeat("a", 63)
	for _, name := range []string{
		"", "..", ".a", "a..b", "a...", "a b", "a\x00b", "a\nb", `a\.b`, label + "a.example",
		strings.Repeat(label+".", 3) + strings.Repeat("a", 62), "\xff.example", strings.Repeat("ü", 64) + ".example",
	} {
		_, err := r.Query(t.Context(), name, TypeA)
		wantCode(t, err, coded.EINVAL, "")
	}
	for given, want := range map[string]string{
		".": ".", "a": "a", "a.": "a", "_x._y.Example": "_x._y.Example", "xn--bcher-kva.example": "xn--bcher-kva.example",
		strings.Repeat(label+".", 3) + strings.Repeat("a", 61): strings.Repeat(label+".", 3) + strings.Repeat("a", 61),
		"b\u00fccher.example": "xn--bcher-kva.example", "B\u00dcCHER.example": "xn--bcher-kva.example",
		"\u4f8b\u3048\u3002\u30c6\u30b9\u30c8":                          "xn--r8jz45g.xn--zckzah",
		"\u0645\u062b\u0627\u0644.\u0625\u062e\u062a\u0628\u0627\u0631": "xn--mgbh0fb.xn--kgbechtv",
		"pro\u010dprost\u011bnemluv\u00ed\u010desky":                    "xn--proprostnemluvesky-uyb24dma41a",
		"_imaps._tcp.\U0001f4a9.la":                                     "_imaps._tcp.xn--ls8h.la",
	} {
		wire, err := parseName(given)
		if err != nil || nameText(wire) != want {
			t.Errorf("%q: got %q, %v", given, wire, err)
		}
	}
}

func TestServers(t *testing.T) {
	for given, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:53", "192.0.2.1:5353": "192.0.2.1:5353", "2001:db8::1": "[2001:db8::1]:53",
		"[2001:db8::1]": "[2001:db8::1]:53", "[2001:db8::1]:5353": "[2001:db8::1]:5353", "ns.example": "ns.example:53",
		"ns.example:99": "ns.example:99",
	} {
		r := New(nil, Options{Servers: []string{given}})
		if r.err != nil || r.servers[0].address(UDP) != want || r.servers[0].shown != want {
			t.Errorf("%q: got %+v, %v", given, r.servers, r.err)
		}
	}
	for _, servers := range [][]string{nil, {""}, {"a b"}, {"192.0.2.1:x"}, {"192.0.2.1:0"}, {"192.0.2.1:65536"}, {"[ns"}, {"ns.example", "http://ns"}, {"https://ns/dns-query"}, {"tls://"}, {"tls://ns:"}} {
		_, err := New(nil, Options{Servers: servers}).Query(t.Context(), "a.example", TypeA)
		wantCode(t, err, coded.EINVAL, "")
	}
	exchange := func(context.Context, string, []byte) ([]byte, error) { return nil, nil }
	for url, want := range map[string]bool{
		"https://dns.example/dns-query": true, "https://192.0.2.1:8443/{?dns}": true, "https://[2001:db8::1]/": true, "https://dns.example": true,
		"http://localhost/": true, "http://127.0.0.2:8080/a/b": true, "http://[::1]:80/": true,
		"http://dns.example/": false, "http://127.0.0.1.example/": false, "http://localhost.example/": false, "http://127.0.0.1@dns.example/": false,
		"https:///dns-query": false, "https://a b/": false, "https://dns.example:x/": false, "ftp://dns.example/": false, "https:dns.example": false,
	} {
		if r := New(nil, Options{Servers: []string{url}, Exchange: exchange}); (r.Err() == nil) != want {
			t.Errorf("%s: %v", url, r.Err())
		}
	}
}

func TestTypes(t *testing.T) {
	for _, name := range []string{"A", "AAAA", "CNAME", "HINFO", "MX", "NS", "PTR", "SOA", "SRV", "TXT", "SVCB", "HTTPS", "ANY", "CAA", "TYPE65280"} {
		if got, ok := ParseType(strings.ToLower(name)); !ok || got.String() != name {
			t.Errorf("%s: got %v, %v", name, got, ok)
		}
	}
	for _, name := range []string{"", "B", "TYPE", "TYPEx", "TYPE65536", "TYPE-1"} {
		if got, ok := ParseType(name); ok {
			t.Errorf("%q: got %v", name, got)
		}
	}
	if got := fmt.Sprint(ClassIN, Class(3), RCode(9), RCode(15)); got != "IN CLASS3 NOTAUTH RCODE15" {
		t.Error(got)
	}
	for want, p := range map[string]SvcParam{
		"no-default-alpn": {2, nil}, `key3=\001`: {3, []byte{1}}, "key99=ab": {99, []byte("ab")}, `key1=\005`: {1, []byte{5}},
		`alpn=a\,b`: {1, []byte("\x03a,b")}, "ech=AQI=": {5, []byte{1, 2}}, "dohpath=/q{?dns}": {7, []byte("/q{?dns}")},
		`key4=\001\002\003`: {4, []byte{1, 2, 3}}, "mandatory=port,key1000": {0, []byte{0, 3, 3, 232}},
	} {
		if got := p.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What follows runs in synctest bubbles, over net.Pipe: time costs nothing
// there, and a goroutine that outlives its resolver fails the test.

// script is a server: it is given each connection in turn, with its number.
type script func(p *peer, connection int)

type peer struct {
	t    *testing.T
	conn net.Conn
}

// scripts is a dialer to the servers of that name.
type scripts struct {
	t       *testing.T
	servers map[string]script
	mu      sync.Mutex
	dialed  []string
}

func (s *scripts) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network == "udp" {
		return nil, errors.ErrUnsupported // as on KaiOS 3
	}
	s.mu.Lock()
	number := 0
	for _, earlier := range s.dialed {
		if earlier == address {
			number++
		}
	}
	s.dialed = append(s.dialed, address)
	s.mu.Unlock()
	host, _, _ := net.SplitHostPort(address)
	play := s.servers[host]
	if play == nil {
		<-ctx.Done() // a server that drops packets
		return nil, ctx.Err()
	}
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	s.t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		defer theirs.Close()
		play(&peer{s.t, theirs}, number)
	}()
	return ours, nil
}

func (s *scripts) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.dialed)
}

// ask reads a question; ok is false when the client has gone.
func (p *peer) ask() (m dnsmessage.Message, ok bool) {
	var size [2]byte
	if _, err := io.ReadFull(p.conn, size[:]); err != nil {
		return m, false
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(p.conn, b); err != nil {
		return m, false
	}
	if err := m.Unpack(b); err != nil || len(m.Questions) != 1 || m.Response || !m.RecursionDesired {
		p.t.Errorf("the question is %+v, %v", m, err)
	}
	m.Additionals = nil // EDNS is not spoken here
	return m, true
}

func frame(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }

// reply answers m with the address, after change has been made to the answer.
func (p *peer) reply(m dnsmessage.Message, change func(m *dnsmessage.Message)) {
	m.Response = true
	m.Answers = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60},
		Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}},
	}}
	if change != nil {
		change(&m)
	}
	b, err := m.Pack()
	if err != nil {
		p.t.Error(err)
	}
	p.conn.Write(frame(b))
}

// packed is the answer to m as reply would send it.
func packed(t *testing.T, m dnsmessage.Message, rcode dnsmessage.RCode) []byte {
	m.Response, m.RCode = true, rcode
	b, err := m.Pack()
	if err != nil {
		t.Error(err)
	}
	return b
}

// honest answers whatever is asked.
func honest(p *peer, _ int) {
	for m, ok := p.ask(); ok; m, ok = p.ask() {
		p.reply(m, nil)
	}
}

// stuck reads nothing.
func stuck(p *peer, _ int) { <-p.t.Context().Done() }

// hang reads but does not answer.
func hang(p *peer) { io.Copy(io.Discard, p.conn) }

func bubble(t *testing.T, servers map[string]script, f func(t *testing.T, r *Resolver, s *scripts)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scripts{t: t, servers: servers}
		r := New(s, Options{Servers: []string{"first", "second"}[:len(servers)], Cache: NoCache})
		f(t, r, s)
		r.Close()
	})
}

func TestHostile(t *testing.T) {
	forever := func(p *peer, _ int) { p.ask(); hang(p) }
	answer := func(change func(m dnsmessage.Message, b []byte) []byte) script {
		return func(p *peer, _ int) {
			for m, ok := p.ask(); ok; m, ok = p.ask() {
				p.conn.Write(change(m, packed(p.t, m, 0)))
			}
		}
	}
	for name, test := range map[string]struct {
		server script
		code   coded.Code
		// tries is how often the server is dialed in the two rounds: again
		// where it did not answer, and twice more where it hung up.
		tries int
	}{
		"silent":               {forever, coded.ETIMEDOUT, 2},
		"takes nothing":        {stuck, coded.ETIMEDOUT, 2},
		"closes at once":       {func(p *peer, _ int) {}, coded.ECONNRESET, 4},
		"closes when asked":    {func(p *peer, _ int) { p.ask() }, coded.ECONNRESET, 4},
		"half a length":        {answer(func(m dnsmessage.Message, b []byte) []byte { return frame(b)[:1] }), coded.ETIMEDOUT, 2},
		"half a frame":         {answer(func(m dnsmessage.Message, b []byte) []byte { return frame(b)[:9] }), coded.ETIMEDOUT, 2},
		"half a frame, closes": {func(p *peer, _ int) { p.ask(); p.conn.Write([]byte{0, 99, 1, 2, 3}) }, coded.ECONNRESET, 4},
		"empty frame":          {answer(func(m dnsmessage.Message, b []byte) []byte { return frame(nil) }), coded.EPROTO, 2},
		"not DNS":              {answer(func(m dnsmessage.Message, b []byte) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }), coded.ETIMEDOUT, 2},
		"wrong id":             {answer(func(m dnsmessage.Message, b []byte) []byte { b[0] ^= 1; return frame(b) }), coded.ETIMEDOUT, 2},
		"a question":           {answer(func(m dnsmessage.Message, b []byte) []byte { b[2] &^= 0x80; return frame(b) }), coded.ETIMEDOUT, 2},
		"wrong type":           {answer(func(m dnsmessage.Message, b []byte) []byte { b[len(b)-3]++; return frame(b) }), coded.ETIMEDOUT, 2},
		"wrong name":           {answer(func(m dnsmessage.Message, b []byte) []byte { b[13]++; return frame(b) }), coded.ETIMEDOUT, 2},
		"two questions": {answer(func(m dnsmessage.Message, b []byte) []byte {
			m.Questions = append(m.Questions, m.Questions[0])
			return frame(packed(t, m, 0))
		}), coded.ETIMEDOUT, 2},
		"no question": {answer(func(m dnsmessage.Message, b []byte) []byte {
			m.Questions = nil
			return frame(packed(t, m, 0))
		}), coded.ETIMEDOUT, 2},
		"records that are not there": {answer(func(m dnsmessage.Message, b []byte) []byte { b[7] = 9; return frame(b) }), coded.EPROTO, 1},
		"record longer than the message": {answer(func(m dnsmessage.Message, b []byte) []byte {
			b[7] = 1
			return frame(append(b, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 200, 1, 2, 3, 4))
		}), coded.EPROTO, 1},
		"compression loop": {answer(func(m dnsmessage.Message, b []byte) []byte {
			b[7] = 1
			n := byte(len(b))
			return frame(append(b, 0xc0, n, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4))
		}), coded.EPROTO, 1},
		"loop inside a record": {answer(func(m dnsmessage.Message, b []byte) []byte {
			b[7] = 1
			n := byte(len(b) + 12)
			return frame(append(b, 0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, n))
		}), coded.EPROTO, 1},
		"too many records": {answer(func(m dnsmessage.Message, b []byte) []byte {
			binary.BigEndian.PutUint16(b[6:], maxRecords+1)
			for range maxRecords + 1 {
				b = append(b, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4)
			}
			return frame(b)
		}), coded.ELIMIT, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, map[string]script{"first": test.server}, func(t *testing.T, r *Resolver, s *scripts) {
				start := time.Now()
				_, err := r.Query(t.Context(), "a.example", TypeA)
				wantCode(t, err, test.code, "")
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("it took %v", took)
				}
				if s.count() != test.tries {
					t.Errorf("dialed %d times, want %d", s.count(), test.tries)
				}
			})
		})
	}
}

// The longest message that there can be is an answer like any other.
func TestLongest(t *testing.T) {
	bubble(t, map[string]script{"first": func(p *peer, _ int) {
		m, _ := p.ask()
		b := packed(p.t, m, dnsmessage.RCodeSuccess)
		count := 0
		for rest := 1<<16 - 1 - len(b); rest > 0; rest = 1<<16 - 1 - len(b) {
			const head = 12
			size := min(rest-head, 256)
			if left := rest - head - size; left > 0 && left <= head {
				size -= head + 1 - left // so that there is room for one more
			}
			b = append(b, 0xc0, headerSize, 0, byte(TypeTXT), 0, 1, 0, 0, 0, 9)
			b = binary.BigEndian.AppendUint16(b, uint16(size))
			b = append(append(b, byte(size-1)), make([]byte, size-1)...)
			count++
		}
		binary.BigEndian.PutUint16(b[6:], uint16(count))
		p.conn.Write(frame(b))
		hang(p)
	}}, func(t *testing.T, r *Resolver, s *scripts) {
		a, err := r.Query(t.Context(), "a.example", TypeTXT)
		if err != nil || len(a.Answers) != 245 {
			t.Fatalf("got %v", err)
		}
		size := 0
		for _, record := range a.Answers {
			size += len(record.Data) + 12
		}
		if size != 1<<16-1-headerSize-len("\x01a\x07example\x00")-4 {
			t.Errorf("%d bytes of records", size)
		}
	})
}

func TestUnsolicited(t *testing.T) {
	bubble(t, map[string]script{"first": func(p *peer, _ int) {
		m, _ := p.ask()
		for range 100 {
			p.reply(m, func(m *dnsmessage.Message) { m.ID++ })
		}
		p.reply(m, func(m *dnsmessage.Message) { m.Response = false })
		p.reply(m, func(m *dnsmessage.Message) { m.Questions[0].Class = dnsmessage.ClassCHAOS })
		m.Questions[0].Class = dnsmessage.ClassINET
		p.reply(m, nil)
		p.reply(m, nil) // once too often
		hang(p)
	}}, func(t *testing.T, r *Resolver, s *scripts) {
		if got, err := r.Resolve4(t.Context(), "a.example"); err != nil || got[0].String() != "192.0.2.7" {
			t.Errorf("got %v, %v", got, err)
		}
		synctest.Wait()
		if n := r.Unsolicited(); n != 103 {
			t.Errorf("%d unsolicited messages, want 103", n)
		}
	})
}

func TestSpelling(t *testing.T) {
	bubble(t, map[string]script{"first": func(p *peer, _ int) {
		m, _ := p.ask()
		m.Questions[0].Name = dnsmessage.MustNewName("A.EXAMPLE.")
		p.reply(m, nil)
		for range 2 { // with EDNS, and without
			m, _ = p.ask()
			m.Questions = nil
			p.conn.Write(frame(packed(p.t, m, dnsmessage.RCodeFormatError)))
		}
		hang(p)
	}}, func(t *testing.T, r *Resolver, s *scripts) {
		if got, err := r.Resolve4(t.Context(), "a.example"); err != nil || len(got) != 1 {
			t.Errorf("got %v, %v", got, err)
		}
		_, err := r.Resolve4(t.Context(), "a.example")
		wantCode(t, err, coded.EFORMERR, "FORMERR")
	})
}

func TestTruncated(t *testing.T) {
	bubble(t, map[string]script{"first": func(p *peer, _ int) {
		m, _ := p.ask()
		p.reply(m, func(m *dnsmessage.Message) { m.Truncated = true })
		hang(p)
	}}, func(t *testing.T, r *Resolver, s *scripts) {
		if a, err := r.Query(t.Context(), "a.example", TypeA); err != nil || !a.Truncated || len(a.Answers) != 1 {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

// Many questions share one connection, and are answered in any order.
func TestPipelining(t *testing.T) {
	const n = 50
	bubble(t, map[string]script{"first": func(p *peer, connection int) {
		if connection > 0 {
			honest(p, connection)
			return
		}
		var questions []dnsmessage.Message
		ids := map[uint16]bool{}
		for range n {
			m, _ := p.ask()
			questions = append(questions, m)
			ids[m.ID] = true
		}
		if len(ids) != n {
			p.t.Errorf("%d ids for %d questions", len(ids), n)
		}
		for i := n - 1; i >= 0; i-- {
			p.reply(questions[i], func(m *dnsmessage.Message) {
				var last byte
				fmt.Sscanf(strings.ToLower(m.Questions[0].Name.String()), "n%d.", &last)
				m.Answers[0].Body = &dnsmessage.AResource{A: [4]byte{192, 0, 2, last}}
			})
		}
		honest(p, 0)
	}}, func(t *testing.T, r *Resolver, s *scripts) {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				got, err := r.Resolve4(t.Context(), fmt.Sprintf("n%d.example", i))
				if err != nil || got[0].String() != fmt.Sprintf("192.0.2.%d", i) {
					t.Errorf("n%d: %v, %v", i, got, err)
				}
			})
		}
		wg.Wait()
		time.Sleep(9 * time.Second)
		if _, err := r.Resolve4(t.Context(), "again.example"); err != nil || s.count() != 1 {
			t.Errorf("%v, dialed %d times", err, s.count())
		}
		time.Sleep(11 * time.Second) // longer than the idle time
		if _, err := r.Resolve4(t.Context(), "again.example"); err != nil || s.count() != 2 {
			t.Errorf("%v, dialed %d times", err, s.count())
		}
	})
}

func TestTooManyInFlight(t *testing.T) {
	bubble(t, map[string]script{"first": func(p *peer, _ int) { hang(p) }}, func(t *testing.T, r *Resolver, s *scripts) {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range maxInFlight {
			wg.Go(func() {
				_, err := r.Query(ctx, fmt.Sprintf("n%d.example", i), TypeA)
				if e := coded.From(err, ""); e.Code != coded.ABORT_ERR {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		_, err := r.Query(ctx, "a.example", TypeA)
		wantCode(t, err, coded.ELIMIT, "")
		cancel()
		wg.Wait()
	})
}

// A connection that is lost under questions is made again, once, for all of
// them.
func TestLostConnection(t *testing.T) {
	bubble(t, map[string]script{"first": func(p *peer, connection int) {
		if connection == 0 {
			m, _ := p.ask()
			p.ask()
			p.reply(m, nil)
			return
		}
		honest(p, connection)
	}}, func(t *testing.T, r *Resolver, s *scripts) {
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if _, err := r.Resolve4(t.Context(), "a.example"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s.count() != 2 {
			t.Errorf("dialed %d times", s.count())
		}
	})
}

func TestNextServer(t *testing.T) {
	rcode := func(code dnsmessage.RCode) script {
		return func(p *peer, _ int) {
			for m, ok := p.ask(); ok; m, ok = p.ask() {
				p.conn.Write(frame(packed(p.t, m, code)))
			}
		}
	}
	for name, test := range map[string]struct {
		first, second script
		server        string
		rcode         RCode
		dialed        int
		took          time.Duration
	}{
		"first answers":          {honest, honest, "first:53", NoError, 1, 0},
		"first is unreachable":   {nil, honest, "second:53", NoError, 2, firstPatience},
		"first is silent":        {func(p *peer, _ int) { hang(p) }, honest, "second:53", NoError, 2, firstPatience},
		"first has no such name": {rcode(3), honest, "first:53", NXDomain, 1, 0},
		"first fails":            {rcode(2), honest, "second:53", NoError, 2, 0},
		"first refuses":          {rcode(5), rcode(3), "second:53", NXDomain, 2, 0},
		"both refuse":            {rcode(5), rcode(2), "first:53", Refused, 2, 0},
		"first fails, then none": {rcode(2), nil, "first:53", ServFail, 3, 10 * time.Second},
		"second round": {func(p *peer, connection int) {
			if connection == 0 {
				hang(p)
			}
			honest(p, connection)
		}, nil, "first:53", NoError, 3, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, map[string]script{"first": test.first, "second": test.second}, func(t *testing.T, r *Resolver, s *scripts) {
				start := time.Now()
				a, err := r.Query(t.Context(), "a.example", TypeA)
				if err != nil || a.Server != test.server || a.RCode != test.rcode {
					t.Fatalf("got %+v, %v", a, err)
				}
				if took := time.Since(start); s.count() != test.dialed || took != test.took {
					t.Errorf("dialed %d times in %v", s.count(), took)
				}
			})
		})
	}
}

func TestCancel(t *testing.T) {
	for name, server := range map[string]script{
		"dialing": nil, "writing": stuck, "waiting": func(p *peer, _ int) { hang(p) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, map[string]script{"first": server}, func(t *testing.T, r *Resolver, s *scripts) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				start := time.Now()
				_, err := r.Query(ctx, "a.example", TypeA)
				wantCode(t, err, coded.ABORT_ERR, "")
				ctx, cancel = context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err = r.Query(ctx, "a.example", TypeA)
				wantCode(t, err, coded.ETIMEDOUT, "")
				if took := time.Since(start); took != 2*time.Second {
					t.Errorf("it took %v", took)
				}
				time.AfterFunc(time.Second, func() { r.Close(); r.Close() })
				_, err = r.Query(t.Context(), "a.example", TypeA)
				wantCode(t, err, coded.ECLOSED, "")
				_, err = r.Query(t.Context(), "a.example", TypeA)
				wantCode(t, err, coded.ECLOSED, "")
			})
		})
	}
}

// A server that has failed and is asked again tells more than that the time for
// it is over.
func TestTimeUp(t *testing.T) {
	fails := func(times int) script {
		return func(p *peer, connection int) {
			p.ask()
			if connection >= times {
				hang(p)
			}
			p.conn.Write([]byte{0, 99, 1})
		}
	}
	for name, test := range map[string]struct {
		servers map[string]script
		code    coded.Code
		dialed  int
	}{
		"silent":                           {map[string]script{"first": fails(0)}, coded.ETIMEDOUT, 1},
		"hung up, then silent":             {map[string]script{"first": fails(1)}, coded.ECONNRESET, 2},
		"hung up on a try, then silent":    {map[string]script{"first": fails(2)}, coded.ECONNRESET, 3},
		"first hung up, second was silent": {map[string]script{"first": fails(9), "second": fails(0)}, coded.ECONNRESET, 3},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, test.servers, func(t *testing.T, r *Resolver, s *scripts) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				_, err := r.Query(ctx, "a.example", TypeA)
				wantCode(t, err, test.code, "")
				if took := time.Since(start); took != time.Second || s.count() != test.dialed {
					t.Errorf("dialed %d times in %v", s.count(), took)
				}
				ctx, cancel = context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				_, err = r.Query(ctx, "a.example", TypeA)
				wantCode(t, err, coded.ABORT_ERR, "")
			})
		})
	}
}

func TestDialError(t *testing.T) {
	r := New(&net.Dialer{}, Options{Servers: []string{"127.0.0.1:1"}, Retries: -1})
	defer r.Close()
	_, err := r.Query(t.Context(), "a.example", TypeA)
	wantCode(t, err, coded.ECONNREFUSED, "")
}

func FuzzParse(f *testing.F) {
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 1, Response: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("a.example."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	header := dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET}
	for _, body := range []dnsmessage.ResourceBody{
		&dnsmessage.AResource{}, &dnsmessage.AAAAResource{}, &dnsmessage.CNAMEResource{CNAME: header.Name},
		&dnsmessage.NSResource{NS: header.Name}, &dnsmessage.PTRResource{PTR: header.Name},
		&dnsmessage.MXResource{MX: header.Name}, &dnsmessage.SRVResource{Target: header.Name},
		&dnsmessage.SOAResource{NS: header.Name, MBox: header.Name}, &dnsmessage.TXTResource{TXT: []string{"a", "\xff"}},
		&dnsmessage.UnknownResource{Type: 13, Data: []byte("\x01a\x01b")}, &dnsmessage.OPTResource{},
		&dnsmessage.HTTPSResource{SVCBResource: dnsmessage.SVCBResource{Target: header.Name, Params: []dnsmessage.SVCParam{{Key: 1, Value: []byte("\x02h2")}}}},
	} {
		m.Answers = []dnsmessage.Resource{{Header: header, Body: body}}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parse(b)
		if err != nil {
			if c := coded.From(err, "").Code; c != coded.EPROTO && c != coded.ELIMIT {
				t.Fatalf("error %v", err)
			}
			return
		}
		records := append(append(a.Answers, a.Authorities...), a.Additionals...)
		if len(records) > maxRecords {
			t.Fatalf("%d records", len(records))
		}
		for _, record := range records {
			if record.Name == "" || record.Type == typeOPT || strings.ContainsAny(record.Name, " \n\x00\xff") {
				t.Fatalf("record %+v", record)
			}
			back, err := ParseRecord(record.String())
			if err != nil || !bytes.Equal(back.Data, record.Data) || back.Name != record.Name || back.Type != record.Type {
				t.Fatalf("%+v is shown as %q, and read as %+v, %v", record, record.String(), back, err)
			}
			for _, f := range record.Fields() {
				if f.Key == "" {
					t.Fatalf("record %+v", record)
				}
			}
		}
	})
}
