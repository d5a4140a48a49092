// Package signedzones signs zones and serves them, as a validating resolver
// would find them behind a recursive server. It is for tests, never part of
// what ships.
package signedzones

import (
	"crypto"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Options say how a zone is signed.
type Options struct {
	// Algorithm is that of its key, such as dns.ECDSAP256SHA256; 0 does not
	// sign the zone at all.
	Algorithm uint8
	// NSEC3 takes hashed names for the proofs, OptOut leaves delegations
	// without DS out of them.
	NSEC3, OptOut bool
	Iterations    uint16
	Salt          string // hexadecimal
	// Inception and Expiration are those of all signatures. Default: a day ago
	// and in a month.
	Inception, Expiration time.Time
}

// Zone is a zone, signed or not.
type Zone struct {
	Origin string
	DS     *dns.DS // for the zone above; nil where it is not signed
	o      Options
	key    *dns.DNSKEY
	signer crypto.Signer
	sets   map[string]map[uint16][]dns.RR
	proofs []dns.RR // NSEC or NSEC3, in their order
}

var bits = map[uint8]int{dns.RSASHA1: 1024, dns.RSASHA256: 2048, dns.RSASHA512: 2048, dns.ECDSAP256SHA256: 256, dns.ECDSAP384SHA384: 384, dns.ED25519: 256}

// New signs a zone. Its text is a zone file without $ORIGIN, which is that of
// the zone; its SOA and NS are made.
func New(origin, text string, o Options, children ...*Zone) (*Zone, error) {
	z := &Zone{Origin: origin, o: o, sets: map[string]map[uint16][]dns.RR{}}
	if o.Inception.IsZero() {
		z.o.Inception = time.Now().Add(-24 * time.Hour)
	}
	if o.Expiration.IsZero() {
		z.o.Expiration = time.Now().Add(30 * 24 * time.Hour)
	}
	head := fmt.Sprintf("$TTL 300\n@ SOA ns.invalid. post.invalid. 1 7200 900 1209600 60\n@ NS ns.invalid.\n")
	parser := dns.NewZoneParser(strings.NewReader(head+text), origin, "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		z.Add(rr)
	}
	if err := parser.Err(); err != nil {
		return nil, err
	}
	for _, child := range children {
		z.Add(must(dns.NewRR(child.Origin + " 300 IN NS ns.invalid.")))
		if child.DS != nil {
			z.Add(child.DS)
		}
	}
	if o.Algorithm == 0 {
		return z, nil
	}
	z.key = &dns.DNSKEY{Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300}, Flags: 257, Protocol: 3, Algorithm: o.Algorithm}
	private, err := z.key.Generate(bits[o.Algorithm])
	if err != nil {
		return nil, err
	}
	z.signer = private.(crypto.Signer)
	z.Add(z.key)
	if o.NSEC3 {
		z.Add(&dns.NSEC3PARAM{Hdr: z.header(origin, dns.TypeNSEC3PARAM), Hash: dns.SHA1, Iterations: o.Iterations, SaltLength: uint8(len(o.Salt) / 2), Salt: o.Salt})
	}
	z.DS = z.key.ToDS(dns.SHA256)
	z.DS.Hdr.Ttl = 300
	z.prove()
	return z, nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // what is parsed is part of this package
	}
	return v
}

// Add puts a record into the zone; what is added after New has no place in the
// proofs.
func (z *Zone) Add(rr dns.RR) {
	name := strings.ToLower(rr.Header().Name)
	rr.Header().Name = name
	if z.sets[name] == nil {
		z.sets[name] = map[uint16][]dns.RR{}
	}
	t := rr.Header().Rrtype
	z.sets[name][t] = append(z.sets[name][t], rr)
}

// cut is the delegation that name is at or below, or "".
func (z *Zone) cut(name string) string {
	labels := dns.SplitDomainName(name)
	depth := dns.CountLabel(z.Origin)
	for i := len(labels) - depth - 1; i >= 0; i-- {
		above := dns.Fqdn(strings.Join(labels[i:], "."))
		if z.sets[above][dns.TypeNS] != nil {
			return above
		}
	}
	return ""
}

// names are those of the zone in canonical order, with or without the ones
// that are there for those below only.
func (z *Zone) names(empty bool) (list []string) {
	seen := map[string]bool{}
	for name := range z.sets {
		if cut := z.cut(name); cut != "" && cut != name {
			continue
		}
		for at := name; !seen[at] && dns.IsSubDomain(z.Origin, at); {
			if at == name || empty {
				seen[at] = true
				list = append(list, at)
			}
			if at == z.Origin {
				break
			}
			next, end := dns.NextLabel(at, 0)
			if at = at[next:]; end || at == "" {
				at = "."
			}
		}
	}
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}

// compare orders names as RFC 4034 §6.1 has it.
func compare(a, b string) int {
	x, y := dns.SplitDomainName(a), dns.SplitDomainName(b)
	slices.Reverse(x)
	slices.Reverse(y)
	return slices.Compare(x, y)
}

func (z *Zone) types(name string) (list []uint16) {
	for t := range z.sets[name] {
		if z.cut(name) == name && t != dns.TypeNS && t != dns.TypeDS {
			continue
		}
		list = append(list, t)
	}
	return list
}

func (z *Zone) prove() {
	if !z.o.NSEC3 {
		names := z.names(false)
		for i, name := range names {
			types := append(z.types(name), dns.TypeNSEC, dns.TypeRRSIG)
			slices.Sort(types)
			z.proofs = append(z.proofs, &dns.NSEC{Hdr: z.header(name, dns.TypeNSEC), NextDomain: names[(i+1)%len(names)], TypeBitMap: types})
		}
		return
	}
	var hashes []string
	owners := map[string]string{}
	for _, name := range z.names(true) {
		if z.o.OptOut && z.cut(name) == name && z.sets[name][dns.TypeDS] == nil {
			continue
		}
		h := dns.HashName(name, dns.SHA1, z.o.Iterations, z.o.Salt)
		hashes = append(hashes, h)
		owners[h] = name
	}
	slices.Sort(hashes)
	flags := uint8(0)
	if z.o.OptOut {
		flags = 1
	}
	for i, h := range hashes {
		types := z.types(owners[h])
		if len(types) > 0 && (z.cut(owners[h]) == "" || slices.Contains(types, dns.TypeDS)) {
			types = append(types, dns.TypeRRSIG)
		}
		slices.Sort(types)
		z.proofs = append(z.proofs, &dns.NSEC3{Hdr: z.header(strings.ToLower(h)+"."+strings.TrimPrefix(z.Origin, "."), dns.TypeNSEC3),
			Hash: dns.SHA1, Flags: flags, Iterations: z.o.Iterations, SaltLength: uint8(len(z.o.Salt) / 2), Salt: z.o.Salt,
			HashLength: 20, NextDomain: hashes[(i+1)%len(hashes)], TypeBitMap: types})
	}
}

func (z *Zone) header(name string, t uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: t, Class: dns.ClassINET, Ttl: 60}
}

// Sign makes the signature of a set. labels below the name's own count make it
// that of a wildcard.
func (z *Zone) Sign(set []dns.RR) (*dns.RRSIG, error) {
	h := set[0].Header()
	sig := &dns.RRSIG{Hdr: dns.RR_Header{Name: h.Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: h.Ttl}, TypeCovered: h.Rrtype,
		Algorithm: z.o.Algorithm, Labels: uint8(dns.CountLabel(h.Name)), OrigTtl: h.Ttl, KeyTag: z.key.KeyTag(), SignerName: z.Origin,
		Inception: uint32(z.o.Inception.Unix()), Expiration: uint32(z.o.Expiration.Unix())}
	return sig, sig.Sign(z.signer, set)
}

// signed is a set and its signature.
func (z *Zone) signed(set []dns.RR) []dns.RR {
	if z.key == nil || len(set) == 0 {
		return set
	}
	return append(slices.Clone(set), must(z.Sign(set)))
}

// Records are all of the zone's, signatures and proofs included, in an order
// that a name server can load.
func (z *Zone) Records() (list []dns.RR) {
	names := z.names(false)
	for _, name := range names {
		for _, t := range z.types(name) {
			set := z.sets[name][t]
			if z.cut(name) == name && t == dns.TypeNS {
				list = append(list, set...)
				continue
			}
			list = append(list, z.signed(set)...)
		}
	}
	for _, proof := range z.proofs {
		list = append(list, z.signed([]dns.RR{proof})...)
	}
	return list
}

// proof are the records that prove what matters of name: the one of it, or
// those of the gap that it is in and of the wildcard there.
func (z *Zone) proof(name string) (list []dns.RR) {
	if z.key == nil {
		return nil
	}
	add := func(rr dns.RR) {
		if rr != nil && !slices.Contains(list, rr) {
			list = append(list, rr)
		}
	}
	if !z.o.NSEC3 {
		closest := z.Origin
		for i, rr := range z.proofs {
			n := rr.(*dns.NSEC)
			last := i == len(z.proofs)-1
			if n.Hdr.Name == name || compare(n.Hdr.Name, name) < 0 && (last || compare(name, n.NextDomain) < 0) {
				add(rr)
				for _, end := range []string{n.Hdr.Name, n.NextDomain} {
					if c := dns.CompareDomainName(end, name); c > dns.CountLabel(closest) {
						labels := dns.SplitDomainName(name)
						closest = dns.Fqdn(strings.Join(labels[len(labels)-c:], "."))
					}
				}
			}
		}
		star := "*." + strings.TrimPrefix(closest, ".")
		for i, rr := range z.proofs {
			n := rr.(*dns.NSEC)
			if n.Hdr.Name == star || compare(n.Hdr.Name, star) < 0 && (i == len(z.proofs)-1 || compare(star, n.NextDomain) < 0) {
				add(rr)
			}
		}
	} else {
		find := func(name string) (match, cover dns.RR) {
			for _, rr := range z.proofs {
				if rr.(*dns.NSEC3).Match(name) {
					match = rr
				} else if rr.(*dns.NSEC3).Cover(name) {
					cover = rr
				}
			}
			return match, cover
		}
		match, _ := find(name)
		add(match)
		labels := dns.SplitDomainName(name)
		for i := 1; match == nil && i <= len(labels); i++ {
			above := dns.Fqdn(strings.Join(labels[i:], "."))
			if match, _ = find(above); match != nil {
				add(match)
				_, cover := find(dns.Fqdn(strings.Join(labels[i-1:], ".")))
				add(cover)
				star, cover := find("*." + strings.TrimPrefix(above, "."))
				add(star)
				add(cover)
			}
		}
	}
	var all []dns.RR
	for _, rr := range list {
		all = append(all, z.signed([]dns.RR{rr})...)
	}
	return all
}

// there tells whether a name is there, be it for those below it only.
func (z *Zone) there(name string) bool {
	return slices.Contains(z.names(true), name)
}

// World is a tree of zones, from the root down.
type World []*Zone

// Answer answers a question as a recursive server that does not validate.
func (w World) Answer(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	m.SetEdns0(1232, true)
	name, t := strings.ToLower(q.Question[0].Name), q.Question[0].Qtype
	for range 8 {
		z := w.zone(name, t)
		if z == nil {
			m.Rcode = dns.RcodeRefused
			return m
		}
		if rename := z.renamed(name); rename != nil {
			m.Answer = append(m.Answer, z.signed([]dns.RR{rename})...)
			target := strings.TrimSuffix(name, rename.Hdr.Name) + rename.Target
			m.Answer = append(m.Answer, &dns.CNAME{Hdr: z.header(name, dns.TypeCNAME), Target: target})
			name = target
			continue
		}
		at, sets := name, z.sets[name]
		if sets == nil && !z.there(name) {
			if at = z.wildcard(name); at != "" {
				sets = z.sets[at]
			}
		}
		set, alias := sets[t], sets[dns.TypeCNAME]
		if set == nil {
			set = alias
		}
		if set == nil {
			if sets == nil && !z.there(name) {
				m.Rcode = dns.RcodeNameError
			}
			m.Ns = append(m.Ns, z.signed(z.sets[z.Origin][dns.TypeSOA])...)
			m.Ns = append(m.Ns, z.proof(name)...)
			return m
		}
		for _, rr := range z.signed(set) {
			rr = dns.Copy(rr)
			rr.Header().Name = name
			m.Answer = append(m.Answer, rr)
		}
		if at != name {
			m.Ns = append(m.Ns, z.proof(name)...)
		}
		if t == dns.TypeCNAME || alias == nil {
			return m
		}
		name = strings.ToLower(alias[0].(*dns.CNAME).Target)
	}
	return m
}

func (z *Zone) renamed(name string) *dns.DNAME {
	for owner, sets := range z.sets {
		if set := sets[dns.TypeDNAME]; set != nil && owner != name && dns.IsSubDomain(owner, name) {
			return set[0].(*dns.DNAME)
		}
	}
	return nil
}

// wildcard is the one that name falls under, or "".
func (z *Zone) wildcard(name string) string {
	labels := dns.SplitDomainName(name)
	for i := 1; i <= len(labels); i++ {
		above := dns.Fqdn(strings.Join(labels[i:], "."))
		if z.there(above) {
			if star := "*." + strings.TrimPrefix(above, "."); z.sets[star] != nil {
				return star
			}
			return ""
		}
	}
	return ""
}

// zone is the deepest one that a question belongs to; a DS is of the zone
// above.
func (w World) zone(name string, t uint16) (found *Zone) {
	for _, z := range w {
		if !dns.IsSubDomain(z.Origin, name) || t == dns.TypeDS && z.Origin == name && name != "." {
			continue
		}
		if found == nil || dns.CountLabel(z.Origin) > dns.CountLabel(found.Origin) {
			found = z
		}
	}
	return found
}
