package dns

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"kaiwire/protocols/coded"
)

// packets is a name server by UDP, and one by TCP beside it. answer is given
// each question as it came, and sends what it likes.
type packets struct {
	t      *testing.T
	answer func(question []byte, send func(message []byte))
	stream script // by TCP; nil refuses

	mu      sync.Mutex
	sockets int
	dialed  int      // by TCP or TLS
	asked   [][]byte // by UDP
	tls     bool     // there is TLS, which then is what stream speaks
}

func (p *packets) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if network == "tcp" {
		p.dialed++
		if p.stream == nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("refused")}
		}
		ours, theirs := net.Pipe()
		number := p.dialed - 1
		go func() {
			defer theirs.Close()
			p.stream(&peer{p.t, theirs}, number)
		}()
		return ours, nil
	}
	p.sockets++
	// A pipe keeps what is written apart, as long as the reader has room.
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		for {
			b := make([]byte, 9216)
			n, err := theirs.Read(b)
			if err != nil {
				return
			}
			p.mu.Lock()
			p.asked = append(p.asked, b[:n])
			p.mu.Unlock()
			p.answer(b[:n], func(message []byte) { theirs.Write(message) })
		}
	}()
	return ours, nil
}

func (p *packets) DialTLSContext(ctx context.Context, network, address string) (net.Conn, error) {
	if !p.tls {
		return nil, errors.ErrUnsupported
	}
	if address != "dns.example:853" {
		p.t.Errorf("TLS to %s", address)
	}
	return p.DialContext(ctx, network, address)
}

func (p *packets) counts() (sockets, asked, dialed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sockets, len(p.asked), p.dialed
}

func overUDP(t *testing.T, p *packets, o Options, f func(t *testing.T, r *Resolver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p.t = t
		if o.Servers == nil {
			o.Servers = []string{"ns.example"}
		}
		if o.Cache == nil {
			o.Cache = NoCache
		}
		r := New(p, o)
		f(t, r)
		r.Close()
	})
}

// message takes a question apart.
func message(t *testing.T, b []byte) (m dnsmessage.Message) {
	if err := m.Unpack(b); err != nil {
		t.Error(err)
	}
	return m
}

// cookieOf is the cookie of a message, and whether it has an OPT record.
func cookieOf(m *dnsmessage.Message) (cookie []byte, edns bool) {
	for _, r := range m.Additionals {
		if o, ok := r.Body.(*dnsmessage.OPTResource); ok {
			edns = true
			for _, option := range o.Options {
				if option.Code == optionCookie {
					cookie = option.Data
				}
			}
		}
	}
	return cookie, edns
}

// answerTo is a right answer, with a cookie for who sent one.
func answerTo(t *testing.T, question []byte, change func(m *dnsmessage.Message)) []byte {
	m := message(t, question)
	cookie, _ := cookieOf(&m)
	m.Response, m.Additionals = true, nil
	m.Answers = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60},
		Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}},
	}}
	if cookie != nil {
		setCookie(&m, append(cookie[:clientCookieSize:clientCookieSize], "served!!"...))
	}
	if change != nil {
		change(&m)
	}
	b, err := m.Pack()
	if err != nil {
		t.Error(err)
	}
	return b
}

func setCookie(m *dnsmessage.Message, cookie []byte) {
	var h dnsmessage.ResourceHeader
	h.SetEDNS0(1232, dnsmessage.RCodeSuccess, false)
	m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{Options: []dnsmessage.Option{{Code: optionCookie, Data: cookie}}}}}
}

func dropCookie(m *dnsmessage.Message) { m.Additionals = nil }

func (p *packets) honest(question []byte, send func([]byte)) { send(answerTo(p.t, question, nil)) }

func wantAnswer(t *testing.T, r *Resolver, by Transport) *Answer {
	t.Helper()
	a, err := r.Query(t.Context(), "www.some-name.example", TypeA)
	if err != nil || a.Transport != by || len(a.Answers) != 1 || a.Answers[0].Name != "www.some-name.example" {
		t.Fatalf("got %+v, %v", a, err)
	}
	return a
}

func TestUDP(t *testing.T) {
	p := &packets{}
	p.answer = p.honest
	overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) {
		for range 2 * maxPerPort {
			wantAnswer(t, r, UDP)
		}
		if sockets, asked, dialed := p.counts(); sockets != 2 || asked != 2*maxPerPort || dialed != 0 {
			t.Errorf("%d sockets, %d questions, dialed %d times", sockets, asked, dialed)
		}
		ids, spellings := map[uint16]bool{}, map[string]bool{}
		var client []byte
		for i, question := range p.asked {
			m := message(t, question)
			ids[m.ID] = true
			spelling := m.Questions[0].Name.String()
			spellings[spelling] = true
			if !strings.EqualFold(spelling, "www.some-name.example.") {
				t.Errorf("asked for %s", spelling)
			}
			cookie, _ := cookieOf(&m)
			if i == 0 {
				if client = cookie; len(cookie) != clientCookieSize {
					t.Errorf("the first cookie is %x", cookie)
				}
			} else if !bytes.Equal(cookie, append(slices.Clone(client), "served!!"...)) {
				t.Errorf("cookie %x after %x", cookie, client)
			}
			if m.Additionals[0].Header.Class != payloadSize || !m.RecursionDesired {
				t.Errorf("question %+v", m)
			}
		}
		// 2^16 ids and 2^18 spellings: some may come twice.
		if len(ids) < len(p.asked)-5 || len(spellings) < len(p.asked)-5 {
			t.Errorf("%d ids and %d spellings", len(ids), len(spellings))
		}
	})
}

func TestForged(t *testing.T) {
	p := &packets{}
	p.answer = func(question []byte, send func([]byte)) {
		forge := func(change func(m *dnsmessage.Message)) { send(answerTo(p.t, question, change)) }
		for i := range 50 {
			forge(func(m *dnsmessage.Message) { m.ID += uint16(1 + i) })
		}
		forge(func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeAAAA })
		forge(func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("www.other.example.") })
		forge(func(m *dnsmessage.Message) { m.Response = false })
		forge(func(m *dnsmessage.Message) { setCookie(m, []byte("guessed!guessed!")) })
		forge(func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) })
		send([]byte("short"))
		send(nil)
		p.honest(question, send)
		p.honest(question, send) // once too often
	}
	overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) {
		wantAnswer(t, r, UDP)
		synctest.Wait()
		if n := r.Unsolicited(); n != 58 {
			t.Errorf("%d messages were dropped, want 58", n)
		}
	})
}

// strangers is a connection that has dropped datagrams before each one that is
// its peer's.
type strangers struct {
	net.Conn
	dropped atomic.Uint64
}

func (s *strangers) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.dropped.Add(3)
	return n, err
}

func (s *strangers) Dropped() uint64 { return s.dropped.Load() }

type strangersDialer struct{ *packets }

func (d strangersDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.packets.DialContext(ctx, network, address)
	return &strangers{Conn: c}, err
}

// What the connection itself drops, as it comes from elsewhere, counts too.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &packets{t: t}
		p.answer = p.honest
		r := New(strangersDialer{p}, Options{Servers: []string{"ns.example"}, Cache: NoCache})
		wantAnswer(t, r, UDP)
		wantAnswer(t, r, UDP)
		if n := r.Unsolicited(); n != 6 {
			t.Errorf("%d messages were dropped, want 6", n)
		}
		r.Close()
		synctest.Wait()
		if n := r.Unsolicited(); n != 9 {
			t.Errorf("%d messages were dropped in the end, want 9", n)
		}
	})
}

// What might be forged is not believed, and the same is asked by TCP.
func TestDoubted(t *testing.T) {
	small := func(m *dnsmessage.Message) {
		m.Questions[0].Name = dnsmessage.MustNewName(strings.ToLower(m.Questions[0].Name.String()))
	}
	for name, test := range map[string]struct {
		answer     func(asked int, m *dnsmessage.Message)
		stream     func(m *dnsmessage.Message)
		transports []Transport // of the answers to three questions
	}{
		"wrong spelling": {func(_ int, m *dnsmessage.Message) { small(m) }, nil, []Transport{TCP, TCP, TCP}},
		// Whose server does not keep the spelling by TCP either, that is all right.
		"small letters always": {func(_ int, m *dnsmessage.Message) { small(m) }, small, []Transport{TCP, UDP, UDP}},
		"cookie lost": {func(asked int, m *dnsmessage.Message) {
			if asked == 2 {
				dropCookie(m)
			}
		}, func(m *dnsmessage.Message) { setCookie(m, []byte("whatever")) }, []Transport{UDP, TCP, UDP}},
		"no question": {func(_ int, m *dnsmessage.Message) {
			m.Questions, m.Answers, m.RCode = nil, nil, dnsmessage.RCodeServerFailure
		}, nil, []Transport{TCP, TCP, TCP}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &packets{}
			p.answer = func(question []byte, send func([]byte)) {
				_, asked, _ := p.counts()
				send(answerTo(p.t, question, func(m *dnsmessage.Message) { test.answer(asked, m) }))
			}
			p.stream = func(s *peer, _ int) {
				for m, ok := s.ask(); ok; m, ok = s.ask() {
					s.reply(m, test.stream)
				}
			}
			overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) {
				for _, by := range test.transports {
					wantAnswer(t, r, by)
				}
			})
		})
	}
}

func TestTruncatedByUDP(t *testing.T) {
	cut := func(question []byte, send func([]byte)) {
		send(answerTo(t, question, func(m *dnsmessage.Message) { m.Truncated, m.Answers = true, nil }))
	}
	p := &packets{answer: cut, stream: honest}
	overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) {
		wantAnswer(t, r, TCP)
		wantAnswer(t, r, TCP)
		if sockets, _, dialed := p.counts(); sockets != 1 || dialed != 1 {
			t.Errorf("%d sockets, dialed %d times", sockets, dialed)
		}
	})
	// Half an answer is better than none.
	p = &packets{answer: cut}
	overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) {
		if a, err := r.Query(t.Context(), "a.example", TypeA); err != nil || !a.Truncated || a.Transport != UDP {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

// A datagram that is lost is sent again; where all are, TCP is tried, and then
// used for a while.
func TestLostDatagrams(t *testing.T) {
	p := &packets{}
	p.answer = func(question []byte, send func([]byte)) {
		if _, asked, _ := p.counts(); asked == 2 {
			p.honest(question, send)
		}
	}
	overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) {
		begun := time.Now()
		wantAnswer(t, r, UDP)
		if took := time.Since(begun); took != firstPatience {
			t.Errorf("it took %v", took)
		}
		if !bytes.Equal(p.asked[0], p.asked[1]) {
			t.Error("it is not the same question that was sent again")
		}
	})
	silent := func([]byte, func([]byte)) {}
	p = &packets{answer: silent, stream: honest}
	overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) {
		begun := time.Now()
		wantAnswer(t, r, TCP)
		if took := time.Since(begun); took != 2500*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		_, asked, _ := p.counts()
		if asked != 2 {
			t.Errorf("asked %d times by UDP", asked)
		}
		wantAnswer(t, r, TCP)
		if _, again, _ := p.counts(); again != asked {
			t.Error("asked by UDP again")
		}
		time.Sleep(maxShunned + time.Second)
		wantAnswer(t, r, TCP)
		if _, again, _ := p.counts(); again == asked {
			t.Error("never asked by UDP again")
		}
	})
	p = &packets{answer: silent}
	overUDP(t, p, Options{Retries: -1}, func(t *testing.T, r *Resolver) {
		begun := time.Now()
		_, err := r.Query(t.Context(), "a.example", TypeA)
		if e := coded.From(err, ""); e.Code != coded.UNKNOWN || time.Since(begun) != 2500*time.Millisecond {
			t.Errorf("got %v after %v", err, time.Since(begun))
		}
	})
	p = &packets{answer: silent}
	overUDP(t, p, Options{Retries: -1, Transports: []Transport{UDP}}, func(t *testing.T, r *Resolver) {
		begun := time.Now()
		_, err := r.Query(t.Context(), "a.example", TypeA)
		wantCode(t, err, coded.ETIMEDOUT, "")
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// Servers that don't speak EDNS are asked without it, from then on.
func TestNoEDNS(t *testing.T) {
	for name, refusal := range map[string]dnsmessage.RCode{"FORMERR": dnsmessage.RCodeFormatError, "NOTIMP": dnsmessage.RCodeNotImplemented} {
		t.Run(name, func(t *testing.T) {
			p := &packets{}
			p.answer = func(question []byte, send func([]byte)) {
				m := message(t, question)
				if _, edns := cookieOf(&m); edns {
					send(answerTo(t, question, func(m *dnsmessage.Message) { m.RCode, m.Answers = refusal, nil; dropCookie(m) }))
					return
				}
				p.honest(question, send)
			}
			overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) {
				wantAnswer(t, r, UDP)
				wantAnswer(t, r, UDP)
				if _, asked, _ := p.counts(); asked != 3 {
					t.Errorf("asked %d times", asked)
				}
				_, err := r.QueryDNSSEC(t.Context(), "a.example", TypeA)
				if err != nil {
					t.Error(err)
				}
			})
		})
	}
	p := &packets{}
	p.answer = func(question []byte, send func([]byte)) {
		send(answerTo(t, question, func(m *dnsmessage.Message) { m.RCode, m.Answers = dnsmessage.RCodeFormatError, nil; dropCookie(m) }))
	}
	overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) {
		_, err := r.Resolve4(t.Context(), "a.example")
		wantCode(t, err, coded.EFORMERR, "FORMERR")
	})
}

func TestBadCookie(t *testing.T) {
	badCookie := func(m *dnsmessage.Message) {
		m.Answers = nil
		m.RCode = dnsmessage.RCode(BadCookie & 15)
		m.Additionals[0].Header.TTL = uint32(BadCookie>>4) << 24
	}
	p := &packets{stream: honest}
	p.answer = func(question []byte, send func([]byte)) {
		m := message(t, question)
		if cookie, _ := cookieOf(&m); len(cookie) > clientCookieSize {
			p.honest(question, send)
			return
		}
		send(answerTo(t, question, badCookie))
	}
	overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) {
		wantAnswer(t, r, UDP)
		if _, asked, _ := p.counts(); asked != 2 {
			t.Errorf("asked %d times", asked)
		}
	})
	// No cookie is ever good enough.
	p = &packets{stream: honest}
	p.answer = func(question []byte, send func([]byte)) { send(answerTo(t, question, badCookie)) }
	overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) { wantAnswer(t, r, TCP) })
}

func TestExtendedErrors(t *testing.T) {
	p := &packets{}
	p.answer = func(question []byte, send func([]byte)) {
		send(answerTo(t, question, func(m *dnsmessage.Message) {
			o := m.Additionals[0].Body.(*dnsmessage.OPTResource)
			o.Options = append(o.Options, dnsmessage.Option{Code: optionError, Data: append([]byte{0, 6}, strings.Repeat("bogus ", 100)...)},
				dnsmessage.Option{Code: optionError, Data: []byte{1}}, dnsmessage.Option{Code: 4711})
			m.RCode, m.Answers = dnsmessage.RCodeServerFailure, nil
			m.AuthenticData = true
		}))
	}
	overUDP(t, p, Options{}, func(t *testing.T, r *Resolver) {
		a, err := r.Query(t.Context(), "a.example", TypeA)
		if err != nil || len(a.Extended) != 1 || a.Extended[0].Code != 6 || len(a.Extended[0].Text) != maxExtendedText || !a.Authenticated {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

func TestTLS(t *testing.T) {
	p := &packets{stream: honest, tls: true}
	p.answer = func([]byte, func([]byte)) { t.Error("asked by UDP") }
	overUDP(t, p, Options{Servers: []string{"tls://dns.example"}}, func(t *testing.T, r *Resolver) {
		if a := wantAnswer(t, r, TLS); a.Server != "tls://dns.example" {
			t.Errorf("answer %+v", a)
		}
	})
	p = &packets{stream: honest}
	overUDP(t, p, Options{Servers: []string{"dns.example"}, Transports: []Transport{TLS}}, func(t *testing.T, r *Resolver) {
		_, err := r.Query(t.Context(), "a.example", TypeA)
		wantCode(t, err, coded.ENOTSUP, "")
	})
}

func TestExchange(t *testing.T) {
	const url = "https://dns.example/dns-query"
	damage := func(b []byte) []byte { return b }
	exchange := func(_ context.Context, to string, message []byte) ([]byte, error) {
		if to != url || binary.BigEndian.Uint16(message) != 0 {
			t.Errorf("%x to %s", message, to)
		}
		return damage(answerTo(t, message, nil)), nil
	}
	overUDP(t, &packets{}, Options{Servers: []string{url}, Exchange: exchange, Retries: -1}, func(t *testing.T, r *Resolver) {
		if a := wantAnswer(t, r, HTTPS); a.Server != url {
			t.Errorf("answer %+v", a)
		}
		for _, d := range []func([]byte) []byte{
			func([]byte) []byte { return nil },
			func(b []byte) []byte { b[0] = 1; return b },
			func(b []byte) []byte { return b[:len(b)-1] },
		} {
			damage = d
			_, err := r.Query(t.Context(), "a.example", TypeA)
			wantCode(t, err, coded.EPROTO, "")
		}
	})
}

// Who has failed lately comes last, for a while.
func TestHealth(t *testing.T) {
	bubble(t, map[string]script{"first": nil, "second": honest}, func(t *testing.T, r *Resolver, s *scripts) {
		for i, want := range []time.Duration{firstPatience, 0, 0} {
			begun := time.Now()
			a, err := r.Query(t.Context(), fmt.Sprintf("n%d.example", i), TypeA)
			if err != nil || a.Server != "second:53" || time.Since(begun) != want {
				t.Errorf("%d: %+v, %v after %v", i, a, err, time.Since(begun))
			}
			synctest.Wait() // until the first knows that it has been overtaken
		}
		time.Sleep(maxShunned)
		begun := time.Now()
		if _, err := r.Query(t.Context(), "later.example", TypeA); err != nil || time.Since(begun) != firstPatience {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}
