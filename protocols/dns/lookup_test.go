package dns

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

// families answers for each family of addresses after a time; 0 addresses are
// ENODATA, and a negative time an answer that never comes.
func families(four, six time.Duration, haveFour, haveSix bool, rcode dnsmessage.RCode) script {
	return func(p *peer, _ int) {
		var wg sync.WaitGroup
		defer wg.Wait()
		for m, ok := p.ask(); ok; m, ok = p.ask() {
			wg.Go(func() {
				after, have := four, haveFour
				if m.Questions[0].Type == dnsmessage.TypeAAAA {
					after, have = six, haveSix
				}
				if after < 0 {
					return
				}
				time.Sleep(after)
				p.reply(m, func(m *dnsmessage.Message) {
					m.RCode = rcode
					if !have {
						m.Answers = nil
					} else if m.Questions[0].Type == dnsmessage.TypeAAAA {
						m.Answers[0].Body = &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("2001:db8::7").As16()}
					}
				})
			})
		}
	}
}

func TestLookup(t *testing.T) {
	const s = time.Second
	for name, test := range map[string]struct {
		server script
		want   string // addresses, or a code
		took   time.Duration
	}{
		"both":                  {families(s, s, true, true, 0), "2001:db8::7 192.0.2.7", s},
		"IPv6 a little later":   {families(s, s+40*time.Millisecond, true, true, 0), "2001:db8::7 192.0.2.7", s + 40*time.Millisecond},
		"IPv6 much later":       {families(s, 3*s, true, true, 0), "192.0.2.7", s + resolutionDelay},
		"IPv6 never":            {families(s, -1, true, true, 0), "192.0.2.7", s + resolutionDelay},
		"IPv4 never":            {families(-1, s, true, true, 0), "2001:db8::7", s + resolutionDelay},
		"no IPv6":               {families(2*s, s, true, false, 0), "192.0.2.7", 2 * s},
		"neither":               {families(2*s, s, false, false, 0), "ENODATA", 2 * s},
		"no such name":          {families(s, s, false, false, dnsmessage.RCodeNameError), "ENOTFOUND", s},
		"no IPv6, IPv4 is late": {families(-1, s, true, false, 0), "ETIMEDOUT", 10 * s},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, map[string]script{"first": test.server}, func(t *testing.T, r *Resolver, _ *scripts) {
				begun := time.Now()
				list, err := r.Lookup(t.Context(), "a.example", 0)
				var got []string
				for _, a := range list {
					got = append(got, a.String())
				}
				if err != nil {
					got = []string{string(coded.From(err, "").Code)}
				}
				if strings.Join(got, " ") != test.want || time.Since(begun) != test.took {
					t.Errorf("got %q, %v after %v", got, err, time.Since(begun))
				}
			})
		})
	}
	r := memory(t)
	for host, family := range map[string]int{"a b": 0, "a.example": 5, "": 0} {
		_, err := r.Lookup(t.Context(), host, family)
		wantCode(t, err, coded.EINVAL, "")
	}
	_, err := r.Lookup(t.Context(), "192.0.2.1", 6)
	wantCode(t, err, coded.ENODATA, "")
}

func TestDiscover(t *testing.T) {
	r, ctx := memory(t), t.Context()
	mail, err := r.DiscoverMail(ctx, "kaiwire.example.")
	want := &Discovery{
		Services: []Service{
			{"imap", "mx1.kaiwire.example", 993, dial.TLS}, {"imap", "mx2.kaiwire.example", 993, dial.TLS},
			{"submission", "mx1.kaiwire.example", 465, dial.TLS}, {"imap", "mx1.kaiwire.example", 143, dial.STARTTLS},
		},
		MX: []MX{{10, "mx1.kaiwire.example"}, {20, "mx2.kaiwire.example"}},
		Autoconfig: []string{"https://autoconfig.kaiwire.example/mail/config-v1.1.xml",
			"https://kaiwire.example/.well-known/autoconfig/mail/config-v1.1.xml"},
	}
	if err != nil || !reflect.DeepEqual(mail, want) {
		t.Errorf("got %+v, %v", mail, err)
	}
	chat, err := r.DiscoverChat(ctx, "kaiwire.example")
	if err != nil || !slices.Equal(chat.Services, []Service{{"irc", "irc.kaiwire.example", 6697, dial.TLS}}) {
		t.Errorf("got %+v, %v", chat, err)
	}
	for domain, code := range map[string]coded.Code{
		"nowhere.kaiwire.example": coded.ENOTFOUND, "servfail.kaiwire.example": coded.ESERVFAIL, "a b": coded.EINVAL, "": coded.EINVAL,
	} {
		_, err := r.DiscoverMail(ctx, domain)
		if e := coded.From(err, ""); e == nil || e.Code != code {
			t.Errorf("%q: %v", domain, err)
		}
	}
	// A domain that is there and says nothing.
	if quiet, err := r.DiscoverMail(ctx, "v4only.kaiwire.example"); err != nil || len(quiet.Services)+len(quiet.MX)+len(quiet.Autoconfig) != 0 {
		t.Errorf("got %+v, %v", quiet, err)
	}
	if quiet, err := r.DiscoverChat(ctx, "v4only.kaiwire.example"); err != nil || len(quiet.Services) != 0 {
		t.Errorf("got %+v, %v", quiet, err)
	}
}

func TestShuffle(t *testing.T) {
	first := map[string]int{}
	const rounds = 3000
	for range rounds {
		list := shuffle([]SRV{{20, 9, 1, "last"}, {10, 30, 1, "heavy"}, {10, 10, 1, "light"}, {10, 0, 1, "never"}})
		first[list[0].Target]++
		if list[3].Target != "last" {
			t.Fatalf("the order is %v", list)
		}
	}
	// Thirty of forty-one, give or take eight standard deviations; one for the weight 0.
	if n := first["heavy"]; n < rounds*30/41-195 || n > rounds*30/41+195 || first["never"] > 140 {
		t.Errorf("of %d first places %v", rounds, first)
	}
}
