package dnssec

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dns"
	"kaiwire/protocols/protocoltest/signedzones"
)

const zoneText = `
www    A     192.0.2.1
www    AAAA  2001:db8::1
mail   MX    10 Mail.Example.Net.
text   TXT   "a" "b"
deep.down.here A 192.0.2.2
*.wild A     192.0.2.3
*.wild TXT   "wild"
no.wild TXT  "not the wildcard's"
other.a.wild TXT "nor its"
alias  CNAME www
away   CNAME www.plain.test.
broken CNAME www.expired.test.
moved  DNAME www.nsec.test.
`

// world is the zones of all tests: "nsec.test." and so on.
func world(t *testing.T) (signedzones.World, []string) {
	t.Helper()
	day := 24 * time.Hour
	now := time.Now()
	options := map[string]signedzones.Options{
		"nsec":       {Algorithm: miekg.ECDSAP256SHA256},
		"nsec3":      {Algorithm: miekg.ECDSAP256SHA256, NSEC3: true, Salt: "AABB", Iterations: 5},
		"optout":     {Algorithm: miekg.ED25519, NSEC3: true, OptOut: true},
		"p384":       {Algorithm: miekg.ECDSAP384SHA384},
		"ed25519":    {Algorithm: miekg.ED25519},
		"rsa256":     {Algorithm: miekg.RSASHA256},
		"rsa512":     {Algorithm: miekg.RSASHA512},
		"sha1":       {Algorithm: miekg.RSASHA1},
		"plain":      {},
		"expired":    {Algorithm: miekg.ED25519, Inception: now.Add(-9 * day), Expiration: now.Add(-day)},
		"future":     {Algorithm: miekg.ED25519, Inception: now.Add(day), Expiration: now.Add(9 * day)},
		"iterations": {Algorithm: miekg.ED25519, NSEC3: true, Iterations: maxIterations},
		"toomany":    {Algorithm: miekg.ED25519, NSEC3: true, Iterations: maxIterations + 1},
	}
	var w signedzones.World
	add := func(origin, text string, o signedzones.Options, children ...*signedzones.Zone) *signedzones.Zone {
		z, err := signedzones.New(origin, text, o, children...)
		if err != nil {
			t.Fatal(err)
		}
		w = append(w, z)
		return z
	}
	var children []*signedzones.Zone
	for name, o := range options {
		switch name {
		case "optout":
			under := add("unsigned.optout.test.", "www A 192.0.2.1\n", signedzones.Options{})
			signed := add("signed.optout.test.", "www A 192.0.2.1\n", signedzones.Options{Algorithm: miekg.ED25519})
			children = append(children, add("optout.test.", zoneText, o, under, signed))
		case "plain":
			// An island: signed, but nobody vouches for it.
			island := add("island.plain.test.", "www A 192.0.2.1\n", signedzones.Options{Algorithm: miekg.ED25519})
			children = append(children, add("plain.test.", zoneText, o, island))
		default:
			children = append(children, add(name+".test.", zoneText, o))
		}
	}
	wrong := add("wrongds.test.", zoneText, signedzones.Options{Algorithm: miekg.ED25519})
	wrong.DS.Digest = strings.Repeat("00", 32)
	digest := add("sha1ds.test.", zoneText, signedzones.Options{Algorithm: miekg.ED25519})
	digest.DS.DigestType, digest.DS.Digest = miekg.SHA1, strings.Repeat("00", 20)
	test := add("test.", "", signedzones.Options{Algorithm: miekg.ED25519}, append(children, wrong, digest)...)
	root := add(".", "", signedzones.Options{Algorithm: miekg.ECDSAP256SHA256}, test)
	return w, []string{root.DS.String()}
}

// tamper changes an answer on its way.
type tamper func(q miekg.Question, m *miekg.Msg)

// validator asks the world, in memory.
func validator(t *testing.T, w signedzones.World, anchors []string, change tamper, now func() time.Time) (*Validator, *int) {
	t.Helper()
	asked := 0
	r := dns.New(nil, dns.Options{Servers: []string{"https://world/"}, Retries: -1, Cache: dns.NoCache,
		Exchange: func(_ context.Context, _ string, message []byte) ([]byte, error) {
			asked++
			q := new(miekg.Msg)
			if err := q.Unpack(message); err != nil {
				t.Error(err)
			}
			if o := q.IsEdns0(); o == nil || !o.Do() || !q.CheckingDisabled {
				t.Errorf("the question is %v", q)
			}
			m := w.Answer(q).Copy() // the zones' own records stay as they are
			if change != nil {
				change(q.Question[0], m)
			}
			m.Compress = true
			b, err := m.Pack()
			if err != nil {
				return nil, err
			}
			return b, nil
		}})
	t.Cleanup(func() { r.Close() })
	for i := range anchors {
		anchors[i] = strings.ReplaceAll(anchors[i], "\t", " ")
	}
	v, err := New(r, Options{Anchors: anchors, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return v, &asked
}

func check(t *testing.T, v *Validator, name string, qt dns.Type, status Status, reason Reason) *dns.Answer {
	t.Helper()
	a, r, err := v.Query(t.Context(), name, qt)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != status || r.Reason != reason {
		t.Errorf("%s %v: got %+v, want %s %s", name, qt, r, status, reason)
	}
	if (r.Name == "") != (status == Secure) {
		t.Errorf("%s: got %+v", name, r)
	}
	return a
}

func TestVerdicts(t *testing.T) {
	w, anchors := world(t)
	v, _ := validator(t, w, anchors, nil, nil)
	for _, zone := range []string{"nsec", "nsec3", "optout", "p384", "ed25519", "rsa256", "rsa512", "iterations"} {
		for name, qt := range map[string]dns.Type{
			"www": dns.TypeA, "WWW": dns.TypeAAAA, "mail": dns.TypeMX, "text": dns.TypeTXT, "q.wild": dns.TypeTXT, "b.q.wild": dns.TypeA,
			"alias": dns.TypeA, "": dns.TypeSOA, "deep.down.here": dns.TypeA,
			// Not there: the type, of a name that is there for those below
			// only, of a wildcard; the type of an alias; the DS.
			"www.": dns.TypeTXT, "here": dns.TypeA, "down.here": dns.TypeMX, "c.wild": dns.TypeMX, "alias.": dns.TypeTXT, "text.": dns.TypeDS,
		} {
			full := strings.TrimPrefix(strings.TrimSuffix(name, ".")+"."+zone+".test", ".")
			a := check(t, v, full, qt, Secure, "")
			if a.RCode != dns.NoError {
				t.Errorf("%s: %v", full, a.RCode)
			}
		}
		check(t, v, "away."+zone+".test", dns.TypeA, Insecure, Unsigned)
		check(t, v, "broken."+zone+".test", dns.TypeA, Bogus, Expired)
		check(t, v, "moved."+zone+".test", dns.TypeDNAME, Secure, "")
		for _, name := range []string{"nobody.", "x.nobody.", "aaa.", "zzz.", "x.www.", "nobody.here."} {
			want, why := Secure, Reason("")
			if zone == "optout" {
				want, why = Insecure, OptOut
			}
			if a := check(t, v, name+zone+".test", dns.TypeA, want, why); a.RCode != dns.NXDomain {
				t.Errorf("%s%s: %v", name, zone, a.RCode)
			}
		}
	}
	for name, want := range map[string]struct {
		Status
		Reason
	}{
		"www.plain.test":           {Insecure, Unsigned},
		"nobody.plain.test":        {Insecure, Unsigned},
		"www.island.plain.test":    {Insecure, Unsigned},
		"nobody.island.plain.test": {Insecure, Unsigned},
		"www.unsigned.optout.test": {Insecure, OptOut},
		"www.signed.optout.test":   {Secure, ""},
		"www.sha1.test":            {Insecure, Unsupported},
		"www.sha1ds.test":          {Insecure, Unsupported},
		"www.toomany.test":         {Secure, ""},
		"nobody.toomany.test":      {Insecure, TooManyHashes},
		"www.expired.test":         {Bogus, Expired},
		"nobody.expired.test":      {Bogus, Expired},
		"www.future.test":          {Bogus, NotYetValid},
		"www.wrongds.test":         {Bogus, WrongKey},
		"x.moved.nsec.test":        {Secure, ""},
		"test":                     {Secure, ""},
		"nobody":                   {Secure, ""},
	} {
		check(t, v, name, dns.TypeA, want.Status, want.Reason)
	}
	check(t, v, ".", dns.TypeSOA, Secure, "")
	check(t, v, ".", dns.TypeDNSKEY, Secure, "")
	check(t, v, "nsec.test", dns.TypeDNSKEY, Secure, "")
	check(t, v, "nsec.test", dns.TypeDS, Secure, "")
	check(t, v, "plain.test", dns.TypeDS, Secure, "") // that there is none
}

func drop(list *[]miekg.RR, which func(rr miekg.RR) bool) { *list = slices.DeleteFunc(*list, which) }

func isSignature(rr miekg.RR) bool { return rr.Header().Rrtype == miekg.TypeRRSIG }

// Whatever is changed on the way is found out.
func TestTampering(t *testing.T) {
	w, anchors := world(t)
	only := func(name string, qt uint16, f func(m *miekg.Msg)) tamper {
		return func(q miekg.Question, m *miekg.Msg) {
			if strings.EqualFold(q.Name, name+".") && q.Qtype == qt {
				f(m)
			}
		}
	}
	foreign := func(name string, qt uint16) *miekg.Msg {
		q := new(miekg.Msg)
		q.SetQuestion(name, qt)
		return w.Answer(q).Copy()
	}
	for what, test := range map[string]struct {
		name   string
		t      dns.Type
		tamper tamper
		status Status
		reason Reason
	}{
		"another address": {"www.nsec.test", dns.TypeA, only("www.nsec.test", miekg.TypeA, func(m *miekg.Msg) { m.Answer[0].(*miekg.A).A[3]++ }), Bogus, WrongSignature},
		"one address more": {"www.nsec.test", dns.TypeA, only("www.nsec.test", miekg.TypeA, func(m *miekg.Msg) {
			rr := miekg.Copy(m.Answer[0])
			rr.(*miekg.A).A[3] = 66
			m.Answer = append(m.Answer, rr)
		}), Bogus, WrongSignature},
		"longer life":          {"www.nsec.test", dns.TypeA, only("www.nsec.test", miekg.TypeA, func(m *miekg.Msg) { m.Answer[0].Header().Ttl = 9 }), Secure, ""},
		"signature taken away": {"www.nsec.test", dns.TypeA, only("www.nsec.test", miekg.TypeA, func(m *miekg.Msg) { drop(&m.Answer, isSignature) }), Bogus, NoSignature},
		"signature cut short": {"www.ed25519.test", dns.TypeA, only("www.ed25519.test", miekg.TypeA, func(m *miekg.Msg) {
			sig := m.Answer[1].(*miekg.RRSIG)
			sig.Signature = sig.Signature[:40]
		}), Bogus, WrongSignature},
		"signed by another zone": {"www.nsec.test", dns.TypeA, only("www.nsec.test", miekg.TypeA, func(m *miekg.Msg) {
			other := foreign("www.ed25519.test.", miekg.TypeA)
			m.Answer[1] = other.Answer[1]
			m.Answer[1].Header().Name = "www.nsec.test."
		}), Bogus, WrongSignature},
		"another zone’s name as signer": {"www.nsec.test", dns.TypeA, only("www.nsec.test", miekg.TypeA, func(m *miekg.Msg) { m.Answer[1].(*miekg.RRSIG).SignerName = "test." }), Bogus, NoKey},
		"name denied": {"www.nsec.test", dns.TypeA, only("www.nsec.test", miekg.TypeA, func(m *miekg.Msg) {
			no := foreign("nobody.nsec.test.", miekg.TypeA)
			m.Answer, m.Ns, m.Rcode = nil, no.Ns, no.Rcode
		}), Bogus, NoProof},
		"name denied, NSEC3": {"www.nsec3.test", dns.TypeA, only("www.nsec3.test", miekg.TypeA, func(m *miekg.Msg) {
			no := foreign("nobody.nsec3.test.", miekg.TypeA)
			m.Answer, m.Ns, m.Rcode = nil, no.Ns, no.Rcode
		}), Bogus, NoProof},
		"type denied": {"www.nsec.test", dns.TypeA, only("www.nsec.test", miekg.TypeA, func(m *miekg.Msg) {
			no := foreign("www.nsec.test.", miekg.TypeMX)
			m.Answer, m.Ns = nil, no.Ns
		}), Bogus, NoProof},
		"type denied by the zone above": {"nsec.test", dns.TypeSOA, only("nsec.test", miekg.TypeSOA, func(m *miekg.Msg) {
			m.Answer, m.Ns = nil, nil
			for _, rr := range w[len(w)-2].Records() {
				if h := rr.Header(); h.Name == "nsec.test." && (h.Rrtype == miekg.TypeNSEC || isSignature(rr) && rr.(*miekg.RRSIG).TypeCovered == miekg.TypeNSEC) {
					m.Ns = append(m.Ns, rr)
				}
			}
		}), Bogus, NoProof},
		"name denied for those below only": {"deep.down.here.nsec.test", dns.TypeA, only("deep.down.here.nsec.test", miekg.TypeA, func(m *miekg.Msg) {
			no := foreign("here.nsec.test.", miekg.TypeA)
			m.Answer, m.Ns, m.Rcode = nil, no.Ns, miekg.RcodeNameError
		}), Bogus, NoProof},
		"nothing there, and no proof": {"nobody.nsec.test", dns.TypeA, only("nobody.nsec.test", miekg.TypeA, func(m *miekg.Msg) { m.Ns = nil }), Bogus, NoProof},
		"nothing there, and half a proof": {"nobody.nsec3.test", dns.TypeA, only("nobody.nsec3.test", miekg.TypeA, func(m *miekg.Msg) {
			m.Ns = m.Ns[:4] // SOA and the closest name
		}), Bogus, NoProof},
		"wildcard in place of the name": {"no.wild.nsec.test", dns.TypeTXT, only("no.wild.nsec.test", miekg.TypeTXT, func(m *miekg.Msg) {
			wild := foreign("yes.wild.nsec.test.", miekg.TypeTXT)
			m.Answer, m.Ns = wild.Answer, wild.Ns
			for _, rr := range m.Answer {
				rr.Header().Name = "no.wild.nsec.test."
			}
		}), Bogus, NoProof},
		"wildcard past a name between": {"z.a.wild.nsec.test", dns.TypeTXT, only("z.a.wild.nsec.test", miekg.TypeTXT, func(m *miekg.Msg) {
			wild, no := foreign("b.wild.nsec.test.", miekg.TypeTXT), foreign("z.a.wild.nsec.test.", miekg.TypeTXT)
			m.Answer, m.Ns, m.Rcode = wild.Answer, no.Ns, 0
			for _, rr := range m.Answer {
				rr.Header().Name = "z.a.wild.nsec.test."
			}
		}), Bogus, NoProof},
		"wildcard without a proof": {"q.wild.nsec.test", dns.TypeA, only("q.wild.nsec.test", miekg.TypeA, func(m *miekg.Msg) { m.Ns = nil }), Bogus, NoProof},
		"delegation’s keys taken away": {"www.nsec.test", dns.TypeA, func(q miekg.Question, m *miekg.Msg) {
			if strings.EqualFold(q.Name, "www.nsec.test.") {
				drop(&m.Answer, isSignature)
			} else if q.Qtype == miekg.TypeDS && q.Name == "nsec.test." {
				m.Answer = nil
			}
		}, Bogus, NoProof},
		"another zone’s denial of keys": {"www.nsec.test", dns.TypeA, func(q miekg.Question, m *miekg.Msg) {
			if q.Qtype == miekg.TypeDS && q.Name == "nsec.test." {
				m.Answer, m.Ns = nil, foreign("plain.test.", miekg.TypeDS).Ns
			}
		}, Bogus, NoProof},
		"keys that nobody vouches for": {"www.nsec.test", dns.TypeA, func(q miekg.Question, m *miekg.Msg) {
			if q.Qtype == miekg.TypeDNSKEY && q.Name == "nsec.test." {
				m.Answer[0].(*miekg.DNSKEY).Flags = 256
			}
		}, Bogus, WrongKey},
		"revoked key": {"www.nsec.test", dns.TypeA, func(q miekg.Question, m *miekg.Msg) {
			if q.Qtype == miekg.TypeDNSKEY && q.Name == "nsec.test." {
				m.Answer[0].(*miekg.DNSKEY).Flags |= miekg.REVOKE
			}
		}, Bogus, WrongKey},
		"no keys": {"www.nsec.test", dns.TypeA, func(q miekg.Question, m *miekg.Msg) {
			if q.Qtype == miekg.TypeDNSKEY && q.Name == "nsec.test." {
				m.Answer = nil
			}
		}, Bogus, WrongKey},
		"servers that fail on the way": {"www.nsec.test", dns.TypeA, func(q miekg.Question, m *miekg.Msg) {
			if q.Qtype == miekg.TypeDS {
				m.Answer, m.Rcode = nil, miekg.RcodeServerFailure
			}
		}, Indeterminate, Unreachable},
		"no server for the keys": {"www.nsec.test", dns.TypeA, func(q miekg.Question, m *miekg.Msg) {
			if q.Qtype == miekg.TypeDNSKEY {
				m.Id++
			}
		}, Indeterminate, Unreachable},
		"server that fails": {"www.nsec.test", dns.TypeA, only("www.nsec.test", miekg.TypeA, func(m *miekg.Msg) { m.Answer, m.Rcode = nil, miekg.RcodeServerFailure }), Indeterminate, Unreachable},
		"alias without end": {"loop.nsec.test", dns.TypeA, only("loop.nsec.test", miekg.TypeA, func(m *miekg.Msg) {
			m.Rcode, m.Ns = 0, nil
			m.Answer = []miekg.RR{&miekg.CNAME{Hdr: miekg.RR_Header{Name: "loop.nsec.test.", Rrtype: miekg.TypeCNAME, Class: 1}, Target: "loop.nsec.test."}}
		}), Bogus, NoSignature},
		"alias that does not follow from the DNAME": {"x.moved.nsec.test", dns.TypeA, only("x.moved.nsec.test", miekg.TypeA, func(m *miekg.Msg) {
			for _, rr := range m.Answer {
				if c, ok := rr.(*miekg.CNAME); ok {
					c.Target = "www.plain.test."
				}
			}
		}), Bogus, NoSignature},
		// Some servers write it so; it says as much as it would under its own name.
		"NSEC of a wildcard’s making": {"q.wild.nsec.test", dns.TypeMX, func(q miekg.Question, m *miekg.Msg) {
			for _, rr := range m.Ns {
				if rr.Header().Name == "*.wild.nsec.test." {
					rr.Header().Name = "q.wild.nsec.test."
				}
			}
		}, Secure, ""},
		"type denied by a wildcard’s NSEC under another name": {"no.wild.nsec.test", dns.TypeTXT, only("no.wild.nsec.test", miekg.TypeTXT, func(m *miekg.Msg) {
			no := foreign("q.wild.nsec.test.", miekg.TypeMX)
			m.Answer, m.Ns = nil, no.Ns
			for _, rr := range m.Ns {
				if rr.Header().Name == "*.wild.nsec.test." {
					rr.Header().Name = "no.wild.nsec.test."
				}
			}
		}), Bogus, NoProof},
	} {
		t.Run(what, func(t *testing.T) {
			v, _ := validator(t, w, slices.Clone(anchors), test.tamper, nil)
			check(t, v, test.name, test.t, test.status, test.reason)
		})
	}
}

// What is known of a zone is asked for once, and not for ever.
func TestKept(t *testing.T) {
	w, anchors := world(t)
	now := time.Now()
	v, asked := validator(t, w, anchors, nil, func() time.Time { return now })
	for _, want := range []int{7, 1, 1} { // root, test and nsec.test: a DNSKEY each, and a DS of the latter two; www has none of its own
		before := *asked
		check(t, v, "www.nsec.test", dns.TypeA, Secure, "")
		if got := *asked - before; got > want {
			t.Errorf("asked %d times", got)
		}
	}
	now = now.Add(10 * time.Minute)
	before := *asked
	check(t, v, "www.nsec.test", dns.TypeA, Secure, "")
	if *asked-before < 3 {
		t.Error("keys are believed beyond their time")
	}
	// With the clock far off the signatures are not valid, and there is a
	// reason for it.
	now = now.Add(400 * 24 * time.Hour)
	check(t, v, "www.nsec.test", dns.TypeA, Bogus, Expired)
	now = now.Add(-800 * 24 * time.Hour)
	check(t, v, "www.nsec.test", dns.TypeA, Bogus, NotYetValid)
	if len(v.zones) > maxZones {
		t.Errorf("%d zones are kept", len(v.zones))
	}
}

func TestEffort(t *testing.T) {
	w, anchors := world(t)
	v, _ := validator(t, w, anchors, func(q miekg.Question, m *miekg.Msg) {
		if q.Qtype != miekg.TypeANY {
			return
		}
		for i := range maxChecks + 1 {
			m.Answer = append(m.Answer, must(miekg.NewRR(fmt.Sprintf("www.nsec.test. 300 IN TYPE%d \\# 1 00", 1000+i))))
			sig := miekg.Copy(w.Answer(question("www.nsec.test.", miekg.TypeA)).Answer[1]).(*miekg.RRSIG)
			sig.TypeCovered = uint16(1000 + i)
			m.Answer = append(m.Answer, sig)
		}
		m.Rcode, m.Ns = 0, nil
	}, nil)
	a, r, err := v.Query(t.Context(), "www.nsec.test", dns.TypeANY)
	if err != nil || r.Status != Bogus || len(a.Answers) != 2*maxChecks+2 {
		t.Errorf("%+v, %v", r, err)
	}
	work := &work{Validator: v, ctx: t.Context(), time: time.Now()}
	z := &zone{name: []byte("\x04nsec\x04test\x00")}
	for _, known := range v.zones {
		if string(known.name) == string(z.name) {
			z = known
		}
	}
	for _, s := range sets(a.Answers) {
		if _, verdict := work.verify(s, z); verdict.reason != TooMuch || verdict.status() != Indeterminate {
			t.Fatalf("%+v", verdict)
		}
	}
	d := &denial{work: work, zone: z, hashed: map[string][]byte{}, nsec3: []nsec{{}}}
	if d.hash([]byte("\x01a\x00")) != nil || d.noName([]byte("\x01a\x04nsec\x04test\x00")).reason != TooMuch {
		t.Error("hashes cost nothing")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func question(name string, qt uint16) *miekg.Msg {
	q := new(miekg.Msg)
	q.SetQuestion(name, qt)
	return q
}

func TestOptions(t *testing.T) {
	for _, anchor := range []string{"", "nonsense", ". 0 IN A 192.0.2.1", ". 0 IN DS 1 8 2"} {
		if _, err := New(nil, Options{Anchors: []string{anchor}}); coded.From(err, "").Code != coded.EINVAL {
			t.Errorf("%q: %v", anchor, err)
		}
	}
	v, err := New(nil, Options{})
	if err != nil || len(v.anchors["\x00"]) != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	// Below no anchor nothing is signed.
	w, anchors := world(t)
	other, _ := validator(t, w, []string{strings.Replace(anchors[0], ". ", "elsewhere. ", 1)}, nil, nil)
	check(t, other, "nobody.plain.test", dns.TypeA, Insecure, Unsigned)
	if _, err := other.Validate(t.Context(), &dns.Answer{}, "a b", dns.TypeA); coded.From(err, "").Code != coded.EINVAL {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := other.Query(ctx, "a.example", dns.TypeA); coded.From(err, "").Code != coded.ABORT_ERR {
		t.Error(err)
	}
}
