package dnssec

import (
	"context"
	"reflect"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"kaiwire/protocols/dns"
	"kaiwire/protocols/protocoltest/signedzones"
)

// damaged asks the world, and changes a message on its way: three bytes of
// edits name a place, two of them, and what to add there.
type damaged struct {
	world  signedzones.World
	number int // of the message that is changed
	edits  []byte
	asked  int
}

func (d *damaged) exchange(_ context.Context, _ string, message []byte) ([]byte, error) {
	q := new(miekg.Msg)
	if err := q.Unpack(message); err != nil {
		return nil, err
	}
	b, err := d.world.Answer(q).Copy().Pack()
	if err != nil {
		return nil, err
	}
	if d.asked++; d.asked-1 == d.number {
		for e := d.edits; len(e) >= 3; e = e[3:] {
			b[(int(e[0])<<8|int(e[1]))%len(b)] += e[2]
		}
	}
	return b, nil
}

// Whatever is changed in an answer, or in one of those that it is judged by, what
// then still counts as secure is what the owner has signed.
func FuzzDamage(f *testing.F) {
	var w signedzones.World
	zone := func(origin, text string, o signedzones.Options, children ...*signedzones.Zone) *signedzones.Zone {
		z, err := signedzones.New(origin, text, o, children...)
		if err != nil {
			f.Fatal(err)
		}
		w = append(w, z)
		return z
	}
	nsec := zone("nsec.test.", zoneText, signedzones.Options{Algorithm: miekg.ED25519})
	nsec3 := zone("nsec3.test.", zoneText, signedzones.Options{Algorithm: miekg.ED25519, NSEC3: true, Salt: "AABB", Iterations: 1})
	test := zone("test.", "", signedzones.Options{Algorithm: miekg.ED25519}, nsec, nsec3)
	root := zone(".", "", signedzones.Options{Algorithm: miekg.ED25519}, test)
	anchor, err := miekg.NewRR(root.DS.String())
	if err != nil {
		f.Fatal(err)
	}
	ds := anchor.(*miekg.DS)
	record, err := dns.ParseRecord(". 0 IN DS " + ds.String()[len(ds.Hdr.String()):])
	if err != nil {
		f.Fatal(err)
	}
	questions := []struct {
		name string
		t    dns.Type
	}{
		{"www.nsec.test", dns.TypeA}, {"nobody.nsec.test", dns.TypeA}, {"www.nsec.test", dns.TypeMX}, {"x.wild.nsec.test", dns.TypeTXT}, {"alias.nsec.test", dns.TypeAAAA},
		{"www.nsec3.test", dns.TypeA}, {"nobody.nsec3.test", dns.TypeA}, {"www.nsec3.test", dns.TypeMX}, {"x.wild.nsec3.test", dns.TypeTXT}, {"down.here.nsec3.test", dns.TypeA},
	}
	ask := func(t testing.TB, i int, d *damaged) (data []string, status Status, err error) {
		r := dns.New(nil, dns.Options{Servers: []string{"https://world/"}, Retries: -1, Cache: dns.NoCache, Exchange: d.exchange})
		defer r.Close()
		v, err := New(r, Options{Anchors: []string{record.String()}})
		if err != nil {
			t.Fatal(err)
		}
		a, result, err := v.Query(t.Context(), questions[i].name, questions[i].t)
		if err != nil {
			return nil, "", err
		}
		list, err := a.Follow(questions[i].name, questions[i].t)
		if err != nil {
			return nil, "", err
		}
		for _, r := range list {
			data = append(data, string(r.Data))
		}
		return data, result.Status, nil
	}
	var honest [][]string
	for i, q := range questions {
		data, status, err := ask(f, i, &damaged{world: w, number: -1})
		if err != nil || status != Secure {
			f.Fatalf("%v: %v, %v", q, status, err)
		}
		honest = append(honest, data)
		for number := range byte(3) {
			f.Add(byte(i), number, []byte{0, 3, 3})   // the rcode
			f.Add(byte(i), number, []byte{0, 7, 255}) // one answer less
			f.Add(byte(i), number, []byte{0, 60, 1})  // somewhere in the first record
			f.Add(byte(i), number, []byte{0, 13, 1, 0, 100, 7, 1, 0, 9})
		}
	}
	f.Fuzz(func(t *testing.T, question, number byte, edits []byte) {
		i := int(question) % len(questions)
		data, status, err := ask(t, i, &damaged{world: w, number: int(number % 8), edits: edits})
		if err == nil && status == Secure && !reflect.DeepEqual(data, honest[i]) {
			t.Fatalf("%v: %q is secure, and the zone has %q", questions[i], data, honest[i])
		}
	})
}

// A zone may sign what is no proof, and no key: that does not hurt.
func FuzzProof(f *testing.F) {
	f.Add("\x01a\x04test\x00", []byte("\x01b\x04test\x00\x00\x01\x40"))
	f.Add("\x202t7b4g4vsa5smi47k61mv5bv1a22bojr\x04test\x00", append([]byte{1, 0, 0, 1, 2, 0xaa, 0xbb, 20}, "01234567890123456789\x00\x01\x40"...))
	f.Add("\x00", []byte{0})
	f.Add("\x04test\x00", []byte{1, 1, 3, 15, 0})
	f.Fuzz(func(t *testing.T, owner string, data []byte) {
		name, err := dns.WireName(dns.NameText(nameIn(owner)))
		if err != nil {
			return
		}
		w := &work{Validator: &Validator{now: time.Now}, ctx: t.Context(), time: time.Now(), checks: maxChecks, hashes: maxHashes}
		d := &denial{work: w, zone: &zone{name: []byte("\x04test\x00")}, hashed: map[string][]byte{}}
		d.addNSEC(name, data)
		d.addNSEC3(name, data)
		for _, asked := range []string{"\x01a\x04test\x00", "\x01x\x01a\x04test\x00", "\x04test\x00"} {
			d.noName([]byte(asked))
			d.noType([]byte(asked), dns.TypeA)
			d.noType([]byte(asked), dns.TypeDS)
			d.covers([]byte(asked), []byte(asked))
			d.delegation([]byte(asked))
		}
		if w.hashes < -100 {
			t.Fatalf("%d hashes beyond the bound", -w.hashes)
		}
		record := &dns.Record{Name: "test", Type: dns.TypeDNSKEY, Class: dns.ClassIN, Data: data}
		if k, ok := readKey(record); ok && supported(k.algorithm) && k.check(data, data) {
			t.Fatal("a key has signed itself")
		}
		record.Type = dns.TypeRRSIG
		if s, ok := readSignature(record); ok {
			s.signed(&set{name: name, t: dns.TypeA, signatures: []signature{s}})
		}
	})
}

// nameIn is the name that b begins with, or the root.
func nameIn(b string) []byte {
	for at := 0; at < len(b) && at < 200; at += 1 + int(b[at]) {
		if b[at] == 0 {
			return []byte(b[:at+1])
		}
		if b[at] > 63 {
			break
		}
	}
	return []byte{0}
}
