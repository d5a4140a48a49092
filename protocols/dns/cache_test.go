package dns

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"kaiwire/protocols/coded"
)

// zone answers by TCP out of what the first label says: "ttl60", "nx60" (no
// such name), "none60" (no such type), "plain" (negative, without a SOA),
// "fail". Whole names are counted.
type zone struct {
	mu    sync.Mutex
	asked map[string]int
	down  bool
	slow  time.Duration
}

func (z *zone) serve(p *peer, _ int) {
	for m, ok := p.ask(); ok; m, ok = p.ask() {
		name := strings.ToLower(m.Questions[0].Name.String())
		z.mu.Lock()
		if z.asked == nil {
			z.asked = map[string]int{}
		}
		z.asked[name+" "+strings.TrimPrefix(m.Questions[0].Type.String(), "Type")]++
		down, slow := z.down, z.slow
		z.mu.Unlock()
		if down {
			continue
		}
		time.Sleep(slow)
		p.reply(m, func(m *dnsmessage.Message) {
			var ttl uint32
			label, _, _ := strings.Cut(name, ".")
			fmt.Sscanf(strings.TrimLeft(label, "abcdefghijklmnopqrstuvwxyz"), "%d", &ttl)
			m.Answers[0].Header.TTL = ttl
			soa := dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("example."), Class: dnsmessage.ClassINET, TTL: 3600 * 24},
				Body:   &dnsmessage.SOAResource{NS: m.Questions[0].Name, MBox: m.Questions[0].Name, MinTTL: ttl},
			}
			switch strings.TrimRight(label, "0123456789") {
			case "nx":
				m.RCode, m.Answers, m.Authorities = dnsmessage.RCodeNameError, nil, []dnsmessage.Resource{soa}
			case "none":
				m.Answers, m.Authorities = nil, []dnsmessage.Resource{soa}
			case "plain":
				m.RCode, m.Answers = dnsmessage.RCodeNameError, nil
			case "fail":
				m.RCode, m.Answers = dnsmessage.RCodeServerFailure, nil
			case "alias":
				m.Answers[0].Body = &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("ttl60.example.")}
				m.Authorities = []dnsmessage.Resource{soa}
			case "cut":
				m.Truncated = true
			}
		})
	}
}

func (z *zone) count(key string) int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.asked[key]
}

func withCache(t *testing.T, o CacheOptions, f func(t *testing.T, r *Resolver, z *zone)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		r := New(&scripts{t: t, servers: map[string]script{"first": z.serve}}, Options{Servers: []string{"first"}, Cache: NewCache(o)})
		f(t, r, z)
		r.Close()
	})
}

func TestCache(t *testing.T) {
	for name, test := range map[string]struct {
		question string
		t        Type
		life     time.Duration // 0: it is not kept
	}{
		"answer":                   {"ttl60.example", TypeA, 60 * time.Second},
		"no time to live":          {"ttl0.example", TypeA, 0},
		"time to live, capped":     {"ttl9999999.example", TypeA, 24 * time.Hour},
		"no such name":             {"nx60.example", TypeA, 60 * time.Second},
		"no such name, capped":     {"nx86400.example", TypeA, time.Hour},
		"no such type":             {"none60.example", TypeA, 60 * time.Second},
		"no such type by an alias": {"alias60.example", TypeA, 60 * time.Second},
		"negative without SOA":     {"plain.example", TypeA, 0},
		"failure":                  {"fail60.example", TypeA, 0},
		"cut short":                {"cut60.example", TypeA, 0},
	} {
		t.Run(name, func(t *testing.T) {
			withCache(t, CacheOptions{MaxStale: -1}, func(t *testing.T, r *Resolver, z *zone) {
				ask := func(want int, cached bool) *Answer {
					t.Helper()
					a, err := r.Query(t.Context(), test.question, test.t)
					if err != nil || a.Cached != cached || a.Stale {
						t.Fatalf("got %+v, %v", a, err)
					}
					if n := z.count(test.question + ". A"); n != want {
						t.Errorf("asked %d times, want %d", n, want)
					}
					return a
				}
				ask(1, false)
				if test.life == 0 {
					ask(2, false)
					return
				}
				time.Sleep(test.life / 2)
				a := ask(1, true)
				if a.Server != "first:53" || a.Transport != TCP || a.Elapsed != 0 {
					t.Errorf("answer %+v", a)
				}
				for _, record := range append(a.Answers, a.Authorities...) {
					if left := time.Duration(record.TTL) * time.Second; left > test.life/2 {
						t.Errorf("%s lives longer than %v", &record, test.life/2)
					}
				}
				time.Sleep(test.life/2 + time.Second)
				ask(2, false)
			})
		})
	}
}

func TestCacheKeys(t *testing.T) {
	withCache(t, CacheOptions{}, func(t *testing.T, r *Resolver, z *zone) {
		query := func(name string, qt Type, dnssec bool) *Answer {
			a, err := r.ask(t.Context(), name, qt, dnssec)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		query("ttl60.example", TypeA, false)
		if !query("TTL60.example.", TypeA, false).Cached {
			t.Error("the spelling matters")
		}
		if query("ttl60.example", TypeA, true).Cached || query("ttl60.example", TypeAAAA, false).Cached {
			t.Error("another question has the same answer")
		}
		// What does not exist has no type (RFC 2308 §5).
		query("nx60.example", TypeA, false)
		if !query("nx60.example", TypeMX, false).Cached {
			t.Error("a name that does not exist is asked for by type")
		}
		// An answer is its owner's, who may change it.
		query("ttl60.example", TypeA, false).Answers[0].Data[0] = 9
		if query("ttl60.example", TypeA, false).Answers[0].Data[0] == 9 {
			t.Error("the answer is shared")
		}
		r.Cache().Clear()
		if query("ttl60.example", TypeA, false).Cached {
			t.Error("it was not cleared")
		}
	})
}

// Who asks the same at the same time shares one question, and it goes on as
// long as one of them waits.
func TestSameQuestion(t *testing.T) {
	withCache(t, CacheOptions{}, func(t *testing.T, r *Resolver, z *zone) {
		z.slow = 2 * time.Second
		var answers [20]*Answer
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i)*time.Second)
				defer cancel()
				a, err := r.Query(ctx, "ttl60.example", TypeA)
				if i == 0 {
					wantCode(t, err, coded.ETIMEDOUT, "")
				} else if err != nil && i > 1 {
					t.Error(err)
				}
				answers[i] = a
			})
		}
		wg.Wait()
		if n := z.count("ttl60.example. A"); n != 1 {
			t.Errorf("asked %d times", n)
		}
		answers[5].Answers[0].Data[0]++
		if bytes.Equal(answers[5].Answers[0].Data, answers[6].Answers[0].Data) {
			t.Error("the answer is shared")
		}
	})
}

func TestStale(t *testing.T) {
	withCache(t, CacheOptions{}, func(t *testing.T, r *Resolver, z *zone) {
		ask := func(stale bool, took time.Duration) {
			t.Helper()
			begun := time.Now()
			a, err := r.Query(t.Context(), "ttl60.example", TypeA)
			if err != nil || a.Stale != stale || len(a.Answers) != 1 || time.Since(begun) != took {
				t.Fatalf("got %+v, %v after %v", a, err, time.Since(begun))
			}
			if stale && a.Answers[0].TTL != staleTTL {
				t.Errorf("a stale answer lives %d s", a.Answers[0].TTL)
			}
		}
		down := func(down bool) {
			z.mu.Lock()
			z.down = down
			z.mu.Unlock()
		}
		ask(false, 0)
		down(true)
		time.Sleep(time.Minute + time.Second)
		ask(true, stalePatience)
		time.Sleep(15 * time.Second) // until the question in the background has failed
		n := z.count("ttl60.example. A")
		ask(true, 0)
		if again := z.count("ttl60.example. A"); again != n {
			t.Error("who has just failed is asked again")
		}
		time.Sleep(staleAgain)
		down(false)
		ask(false, 0)
		down(true)
		time.Sleep(26 * time.Hour)
		_, err := r.Query(t.Context(), "ttl60.example", TypeA)
		wantCode(t, err, coded.ETIMEDOUT, "")
	})
	// The server answers, but too late for us: the next has it.
	withCache(t, CacheOptions{}, func(t *testing.T, r *Resolver, z *zone) {
		r.Query(t.Context(), "ttl60.example", TypeA)
		time.Sleep(2 * time.Minute)
		z.mu.Lock()
		z.slow = 3 * time.Second
		z.mu.Unlock()
		if a, err := r.Query(t.Context(), "ttl60.example", TypeA); err != nil || !a.Stale {
			t.Errorf("got %+v, %v", a, err)
		}
		time.Sleep(2 * time.Second)
		if a, err := r.Query(t.Context(), "ttl60.example", TypeA); err != nil || a.Stale || !a.Cached {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

func TestCacheSize(t *testing.T) {
	withCache(t, CacheOptions{MaxSize: 4000}, func(t *testing.T, r *Resolver, z *zone) {
		for i := range 100 {
			if _, err := r.Query(t.Context(), fmt.Sprintf("ttl60.n%d.example", i), TypeA); err != nil {
				t.Fatal(err)
			}
			r.Query(t.Context(), "ttl60.n0.example", TypeA) // what is used stays
		}
		c := r.Cache()
		if c.size > 4000 || len(c.entries) < 5 || len(c.entries) > 20 {
			t.Errorf("%d entries of %d bytes", len(c.entries), c.size)
		}
		if n := z.count("ttl60.n0.example. A"); n != 1 {
			t.Errorf("what is used all the time was asked for %d times", n)
		}
		sum := 0
		for e := c.newest.newer; ; e = e.newer {
			sum += e.size()
			if e == c.newest {
				break
			}
		}
		if sum != c.size {
			t.Errorf("the ring has %d bytes, the cache %d", sum, c.size)
		}
	})
}

func TestSave(t *testing.T) {
	withCache(t, CacheOptions{}, func(t *testing.T, r *Resolver, z *zone) {
		for _, name := range []string{"ttl60.example", "nx60.example", "ttl3600.example"} {
			r.Query(t.Context(), name, TypeA)
		}
		saved := r.Cache().Save()
		time.Sleep(10 * time.Second)
		other := NewCache(CacheOptions{})
		if n, err := other.Restore(saved); n != 3 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if again := other.Save(); !bytes.Equal(saved, again) {
			t.Error("what was restored is saved as something else")
		}
		second := New(nil, Options{Servers: []string{"nobody"}, Cache: other})
		defer second.Close()
		a, err := second.Query(t.Context(), "ttl60.example", TypeA)
		if err != nil || !a.Cached || a.Answers[0].TTL != 50 || a.Server != "first:53" {
			t.Errorf("got %+v, %v", a, err)
		}
		// An answer does not live longer for having been saved, whoever wrote
		// that down.
		at := bytes.LastIndex(saved, []byte("\x00\x03tcp")) + 5 + 8
		long := slices.Clone(saved)
		long[at+2] = 9
		other = NewCache(CacheOptions{MaxStale: -1})
		if n, err := other.Restore(long); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		time.Sleep(2 * time.Hour)
		if n, _ := NewCache(CacheOptions{MaxStale: -1}).Restore(long); n != 0 {
			t.Errorf("%d answers are left", n)
		}
		for i := range len(saved) {
			n, err := NewCache(CacheOptions{}).Restore(saved[:i])
			if err != nil {
				wantCode(t, err, coded.EINVAL, "")
			} else if i < len(savedCache) || n > 2 {
				t.Errorf("%d bytes of it give %d answers", i, n)
			}
		}
	})
	if n, err := NewCache(CacheOptions{}).Restore(NewCache(CacheOptions{}).Save()); n != 0 || err != nil {
		t.Errorf("of an empty cache %d answers came back, %v", n, err)
	}
	if n, err := NoCache.Restore([]byte("x")); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func FuzzRestore(f *testing.F) {
	c := NewCache(CacheOptions{})
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{Response: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("a.example."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
		Answers: []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("a.example."), Class: dnsmessage.ClassINET, TTL: 3600},
			Body: &dnsmessage.AResource{}}},
	}
	b, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	answer, err := parse(b)
	if err != nil {
		f.Fatal(err)
	}
	c.keep(cacheKey{"\x01a\x07example\x00", TypeA, false}, &reply{message: b, answer: answer, server: &server{shown: "ns:53"}, transport: UDP}, time.Now())
	f.Add(c.Save())
	f.Add([]byte(savedCache))
	f.Fuzz(func(t *testing.T, saved []byte) {
		c := NewCache(CacheOptions{MaxSize: 10000})
		n, err := c.Restore(saved)
		if err != nil && coded.From(err, "").Code != coded.EINVAL {
			t.Fatal(err)
		}
		if c.size > 10000 || n < len(c.entries) {
			t.Fatalf("%d answers, %d entries, %d bytes", n, len(c.entries), c.size)
		}
		for key := range c.entries {
			if e, ok := c.get(key, time.Now()); ok {
				if _, err := e.answer(time.Now(), false); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
