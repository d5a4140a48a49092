package transfer

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dns"
)

const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0IQ=="

// serve puts up a server by TCP and returns a client of it, with a key.
func serve(t *testing.T, handler miekg.HandlerFunc) *Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	server := &miekg.Server{Listener: l, Handler: handler, TsigSecret: map[string]string{"key.": secret}, NotifyStartedFunc: func() { close(started) },
		MsgAcceptFunc: func(miekg.Header) miekg.MsgAcceptAction { return miekg.MsgAccept }}
	go server.ActivateAndServe()
	<-started
	t.Cleanup(func() { server.Shutdown() })
	return &Client{Dialer: &net.Dialer{}, Server: l.Addr().String(), Key: &Key{Name: "Key", Secret: secret}, Timeout: 5 * time.Second}
}

func rr(s string) miekg.RR {
	r, err := miekg.NewRR(s)
	if err != nil {
		panic(err)
	}
	return r
}

// zoneOf is a zone of n records.
func zoneOf(n int) (list []miekg.RR) {
	soa := rr("zone.example. 300 IN SOA ns.zone.example. post.zone.example. 7 1 2 3 4")
	list = append(list, soa)
	for i := range n {
		list = append(list, rr(fmt.Sprintf("n%d.zone.example. 300 IN TXT \"record %d\"", i, i)))
	}
	return append(list, soa)
}

// transfers answers AXFR in messages of so many records; only every nth of them
// is signed.
func transfers(zone []miekg.RR, size, every int, change func(i int, m *miekg.Msg)) miekg.HandlerFunc {
	return func(w miekg.ResponseWriter, q *miekg.Msg) {
		signed := q.IsTsig() != nil
		i := 0
		for part := range slices.Chunk(zone, size) {
			m := new(miekg.Msg)
			m.SetReply(q)
			m.Answer = part
			if change != nil {
				change(i, m)
			}
			last := (i+1)*size >= len(zone)
			if signed && every > 0 && (i%every == 0 || last) {
				m.SetTsig("key.", miekg.HmacSHA256, 300, time.Now().Unix())
			}
			if w.WriteMsg(m) != nil {
				return
			}
			w.TsigTimersOnly(true)
			i++
		}
	}
}

func fetch(c *Client) (lines []string, err error) {
	err = c.Transfer(context.Background(), "zone.example.", func(r dns.Record) error {
		lines = append(lines, r.String())
		return nil
	})
	return lines, err
}

func TestTransfer(t *testing.T) {
	for _, algorithm := range []string{"", "hmac-sha256"} {
		c := serve(t, transfers(zoneOf(500), 50, 1, nil))
		c.Key.Algorithm = algorithm
		lines, err := fetch(c)
		if err != nil || len(lines) != 501 || lines[500] != `n499.zone.example. 300 IN TXT "record 499"` {
			t.Errorf("%d records, %v", len(lines), err)
		}
	}
	c := serve(t, transfers(zoneOf(5), 100, 1, nil))
	c.Key = nil
	if lines, err := fetch(c); err != nil || len(lines) != 6 {
		t.Errorf("%d records, %v", len(lines), err)
	}
}

func TestWrongTransfers(t *testing.T) {
	for what, test := range map[string]struct {
		handler miekg.HandlerFunc
		change  func(c *Client)
		code    coded.Code
	}{
		"refused": {func(w miekg.ResponseWriter, q *miekg.Msg) {
			m := new(miekg.Msg)
			m.SetRcode(q, miekg.RcodeRefused)
			m.SetTsig("key.", miekg.HmacSHA256, 300, time.Now().Unix())
			w.WriteMsg(m)
		}, nil, coded.EREFUSED},
		"not signed":          {transfers(zoneOf(5), 2, 0, nil), nil, coded.EAUTH},
		"clocks differ":       {transfers(zoneOf(5), 2, 1, nil), func(c *Client) { c.now = func() time.Time { return time.Now().Add(time.Hour) } }, coded.EAUTH},
		"wrong secret":        {transfers(zoneOf(5), 2, 1, nil), func(c *Client) { c.Key.Secret = "AAAA" }, coded.EAUTH},
		"other key":           {transfers(zoneOf(5), 2, 1, nil), func(c *Client) { c.Key.Name = "other" }, coded.EAUTH},
		"no SOA":              {transfers(zoneOf(5)[1:], 2, 1, nil), nil, coded.EPROTO},
		"SOA of another zone": {transfers([]miekg.RR{rr("x.example. 300 IN SOA a. b. 1 2 3 4 5")}, 2, 1, nil), nil, coded.EPROTO},
		"more after the end":  {transfers(append(zoneOf(5), zoneOf(1)[1]), 100, 1, nil), nil, coded.EPROTO},
		"changed meanwhile":   {transfers(append(zoneOf(5)[:6], rr("zone.example. 300 IN SOA ns. post. 8 1 2 3 4")), 100, 1, nil), nil, coded.EPROTO},
		"empty message":       {transfers(zoneOf(5), 2, 1, func(i int, m *miekg.Msg) { m.Answer = nil }), nil, coded.EPROTO},
		"other id":            {transfers(zoneOf(5), 2, 1, func(i int, m *miekg.Msg) { m.Id++ }), func(c *Client) { c.Key = nil }, coded.EPROTO},
		"too large":           {transfers(zoneOf(50), 10, 1, nil), func(c *Client) { c.MaxRecords = 20 }, coded.ELIMIT},
		"cut off": {func(w miekg.ResponseWriter, q *miekg.Msg) {
			transfers(zoneOf(5)[:3], 2, 1, nil)(w, q)
			w.Close()
		}, nil, coded.ECONNRESET},
		"silent": {func(w miekg.ResponseWriter, q *miekg.Msg) {}, func(c *Client) { c.Timeout = 50 * time.Millisecond }, coded.ETIMEDOUT},
	} {
		c := serve(t, test.handler)
		if test.change != nil {
			test.change(c)
		}
		_, err := fetch(c)
		if e := coded.From(err, ""); e == nil || e.Code != test.code {
			t.Errorf("%s: got %v, want %s", what, err, test.code)
		}
	}
	// An error of the caller's ends it.
	c := serve(t, transfers(zoneOf(5), 2, 1, nil))
	stop := coded.New(coded.ABORT_ERR, "", "", nil)
	if err := c.Transfer(t.Context(), "zone.example", func(dns.Record) error { return stop }); err != stop {
		t.Errorf("got %v", err)
	}
}

// What is not signed counts only with the signature that comes after it.
func TestUnsignedBetween(t *testing.T) {
	k := &Key{Name: "key", Secret: secret}
	server, err := newSigner(k, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	client, err := newSigner(k, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	question := make([]byte, 12)
	client.sign(question)
	server.mac = client.mac
	answer := func(i byte) []byte { return []byte{0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, i} }
	at := append([]byte{0, 0}, 0, 0, 0, 0, 1, 44)
	now := time.Now().Unix()
	for i := range 4 {
		at[2+i] = byte(now >> (24 - 8*i))
	}
	respond := func(mac []byte) *dns.Record {
		data := append(append([]byte(nil), server.algorithm...), at...)
		data = append(data, 0, byte(len(mac)))
		data = append(append(data, mac...), 0, 0, 0, 0, 0, 0)
		return &dns.Record{Name: "KEY", Type: dns.TypeTSIG, Class: dns.ClassANY, Data: data}
	}
	size := []byte{0, 32}
	first := server.sum(size, server.mac, answer(1), server.variables(at, 0, nil))
	if err := client.check(answer(1), respond(first), nil, true); err != nil {
		t.Fatal(err)
	}
	third := server.sum(size, first, answer(2), answer(3), at)
	if err := client.check(answer(3), respond(third), nil, false); coded.From(err, "").Code != coded.EAUTH {
		t.Errorf("a message in between is not missed: %v", err)
	}
	if err := client.check(answer(3), respond(third), [][]byte{answer(2)}, false); err != nil {
		t.Error(err)
	}
}

func TestUpdate(t *testing.T) {
	var got *miekg.Msg
	var status error
	c := serve(t, func(w miekg.ResponseWriter, q *miekg.Msg) {
		got, status = q, w.TsigStatus()
		m := new(miekg.Msg)
		m.SetReply(q)
		if len(q.Answer) > 2 {
			m.Rcode = miekg.RcodeNXRrset
		}
		m.SetTsig("key.", miekg.HmacSHA512, 300, time.Now().Unix())
		w.WriteMsg(m)
	})
	c.Key.Algorithm = "hmac-sha512"
	record := func(line string) dns.Record {
		r, err := dns.ParseRecord(line)
		if err != nil {
			t.Fatal(err)
		}
		return *r
	}
	a := record("a.zone.example. 300 IN A 192.0.2.1")
	changes := []Change{{NameExists, a}, {ExistsNot, a}, {Add, a}, {Remove, a}, {Delete, a}, {DeleteName, a}}
	if err := c.Update(t.Context(), "zone.example", changes); err != nil || status != nil {
		t.Fatal(err, status)
	}
	var lines []string
	for _, r := range append(got.Answer, got.Ns...) {
		h := r.Header()
		lines = append(lines, strings.Join([]string{h.Name, miekg.ClassToString[h.Class], miekg.TypeToString[h.Rrtype], fmt.Sprint(h.Ttl, h.Rdlength)}, " "))
	}
	want := []string{"a.zone.example. ANY ANY 0 0", "a.zone.example. NONE A 0 0", "a.zone.example. IN A 300 4", "a.zone.example. NONE A 0 4",
		"a.zone.example. ANY A 0 0", "a.zone.example. ANY ANY 0 0"}
	if got.Opcode != miekg.OpcodeUpdate || got.Question[0].Qtype != miekg.TypeSOA || !slices.Equal(lines, want) {
		t.Errorf("got %v\n%q", got, lines)
	}
	err := c.Update(t.Context(), "zone.example", append(changes, Change{Exists, a}))
	if e := coded.From(err, ""); e == nil || e.Code != coded.EREFUSED || e.Response != "NXRRSET" {
		t.Errorf("got %v", err)
	}
	if err := c.Notify(t.Context(), "zone.example"); err != nil || got.Opcode != miekg.OpcodeNotify || !got.Authoritative {
		t.Errorf("got %v, %v", got, err)
	}
	for _, wrong := range []func(){
		func() { c.Key = &Key{Name: "key", Secret: "***"} }, func() { c.Key = &Key{Name: "key", Secret: ""} },
		func() { c.Key = &Key{Name: "a..b", Secret: secret} }, func() { c.Key = &Key{Name: "key", Secret: secret, Algorithm: "hmac-md5"} },
	} {
		wrong()
		if err := c.Notify(t.Context(), "zone.example"); coded.From(err, "").Code != coded.EINVAL {
			t.Error(err)
		}
	}
	c.Key = nil
	if err := c.Update(t.Context(), "zone.example", []Change{{Op: 99}}); coded.From(err, "").Code != coded.EINVAL {
		t.Error(err)
	}
	if err := c.Update(t.Context(), "a..b", nil); coded.From(err, "").Code != coded.EINVAL {
		t.Error(err)
	}
	big := Change{Add, a}
	if err := c.Update(t.Context(), "zone.example", slices.Repeat([]Change{big}, 3000)); coded.From(err, "").Code != coded.EMSGSIZE {
		t.Error(err)
	}
}
