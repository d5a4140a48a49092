package dnssec

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"slices"

	"kaiwire/protocols/dns"
)

// maxIterations is how often NSEC3 may hash beyond the first time before a zone
// counts as not signed (RFC 9276 §3.2 would have 0).
const maxIterations = 50

// denial is the proofs of what is not there that came with an answer.
type denial struct {
	work *work
	zone *zone
	nsec []nsec
	// All of one salt and number of iterations.
	nsec3      []nsec
	salt       []byte
	iterations uint16
	hashed     map[string][]byte
	ttl        uint32
}

// nsec is an NSEC or NSEC3 record: names, or hashes, from owner to next are not
// there.
type nsec struct {
	owner, next []byte
	types       []dns.Type
	optOut      bool
}

func (n *nsec) has(t dns.Type) bool { return slices.Contains(n.types, t) }

// denial collects the proofs that the zone has signed. Its verdict is Secure
// also where there are none; what they prove is found out by its methods.
func (w *work) denial(z *zone, proofs []*set) (*denial, verdict) {
	d := &denial{work: w, zone: z, hashed: map[string][]byte{}, ttl: 1<<31 - 1}
	failed := verdict{}
	for _, s := range proofs {
		if s.t != dns.TypeNSEC && s.t != dns.TypeNSEC3 || len(s.records) != 1 || !within(s.name, z.name) {
			continue
		}
		sig, v := w.verify(s, z)
		if v.reason != "" {
			failed = v
			continue
		}
		owner := s.name
		if more := count(owner) - int(sig.labels); more > 0 && !bytes.HasPrefix(owner, []byte("\x01*")) {
			// A server has answered with the wildcard's own under the name asked
			// for. It counts for the name that was signed.
			owner = wildcard(ancestor(owner, more))
		}
		record := &s.records[0]
		d.ttl = min(d.ttl, record.TTL)
		if s.t == dns.TypeNSEC {
			d.addNSEC(owner, record.Data)
		} else if v := d.addNSEC3(owner, record.Data); v.reason != "" {
			return d, v
		}
	}
	if len(d.nsec)+len(d.nsec3) == 0 && failed.reason != "" {
		return d, failed
	}
	return d, verdict{}
}

func (d *denial) addNSEC(owner, data []byte) {
	next := nameAt(data)
	if types, ok := dns.TypesOf(data, len(next)); ok && next != nil {
		d.nsec = append(d.nsec, nsec{owner: owner, next: next, types: types})
	}
}

var base32Hex = base32.HexEncoding.WithPadding(base32.NoPadding)

func (d *denial) addNSEC3(owner, data []byte) verdict {
	const sha1Hash, optOut = 1, 1
	if len(data) < 5 || data[0] != sha1Hash || data[1]&^optOut != 0 {
		return verdict{}
	}
	iterations := binary.BigEndian.Uint16(data[2:])
	at := 5 + int(data[4])
	if at >= len(data) || at+1+int(data[at]) > len(data) {
		return verdict{}
	}
	salt, next := data[5:at], data[at+1:at+1+int(data[at])]
	types, ok := dns.TypesOf(data, at+1+len(next))
	hash, err := base32Hex.DecodeString(string(bytes.ToUpper(owner[1 : 1+owner[0]])))
	switch {
	case !ok || err != nil || len(next) != sha1.Size || len(hash) != sha1.Size || !bytes.Equal(ancestor(owner, 1), d.zone.name):
		return verdict{}
	case iterations > maxIterations:
		return verdict{TooManyHashes, d.zone.shown(), d.zone.name}
	case len(d.nsec3) == 0:
		d.salt, d.iterations = salt, iterations
	case iterations != d.iterations || !bytes.Equal(salt, d.salt):
		return verdict{}
	}
	d.nsec3 = append(d.nsec3, nsec{owner: hash, next: next, types: types, optOut: data[1]&optOut != 0})
	return verdict{}
}

// hash is that of a name (RFC 5155 §5), or nil where that would be too much
// work.
func (d *denial) hash(name []byte) []byte {
	if h, ok := d.hashed[string(name)]; ok {
		return h
	}
	if d.work.hashes--; d.work.hashes < 0 {
		return nil
	}
	sum := sha1.Sum(append(bytes.Clone(name), d.salt...))
	for range d.iterations {
		sum = sha1.Sum(append(sum[:len(sum):len(sum)], d.salt...))
	}
	d.hashed[string(name)] = sum[:]
	return sum[:]
}

// compare orders names as RFC 4034 §6.1 has it: by their last labels first.
func compare(a, b []byte) int {
	n, m := count(a), count(b)
	for i := 1; i <= n && i <= m; i++ {
		x, y := ancestor(a, n-i), ancestor(b, m-i)
		if c := bytes.Compare(x[1:1+x[0]], y[1:1+y[0]]); c != 0 {
			return c
		}
	}
	return n - m
}

// between tells whether something lies between owner and next, of which the
// last one of a zone leads to the first.
func (n *nsec) between(what []byte, compare func(a, b []byte) int) bool {
	if compare(n.owner, n.next) < 0 {
		return compare(n.owner, what) < 0 && compare(what, n.next) < 0
	}
	return compare(n.owner, what) < 0 || compare(what, n.next) < 0
}

// matching is the NSEC of a name itself.
func (d *denial) matching(name []byte) *nsec {
	for i := range d.nsec {
		if bytes.Equal(d.nsec[i].owner, name) {
			return &d.nsec[i]
		}
	}
	return nil
}

// covering is an NSEC that says that a name is not there.
func (d *denial) covering(name []byte) *nsec {
	if !within(name, d.zone.name) {
		return nil
	}
	for i := range d.nsec {
		n := &d.nsec[i]
		// What is below a delegation or a DNAME is not the zone's to deny (RFC
		// 6840 §4.1, RFC 6672 §5.3.4.1).
		if within(name, n.owner) && (n.has(dns.TypeDNAME) || n.has(dns.TypeNS) && !n.has(dns.TypeSOA)) {
			continue
		}
		if n.between(name, compare) {
			return n
		}
	}
	return nil
}

func (d *denial) matching3(name []byte) *nsec {
	h := d.hash(name)
	for i := range d.nsec3 {
		if h != nil && bytes.Equal(d.nsec3[i].owner, h) {
			return &d.nsec3[i]
		}
	}
	return nil
}

func (d *denial) covering3(name []byte) *nsec {
	h := d.hash(name)
	for i := range d.nsec3 {
		if h != nil && d.nsec3[i].between(h, bytes.Compare) {
			return &d.nsec3[i]
		}
	}
	return nil
}

// encloser finds the closest name above that is there, by NSEC3, and the proof
// that the one below it, on the way to name, is not (RFC 5155 §8.3).
func (d *denial) encloser(name []byte) (closest []byte, proof *nsec) {
	for up := 1; up <= count(name)-count(d.zone.name); up++ {
		n := d.matching3(ancestor(name, up))
		if n == nil {
			continue
		}
		if n.has(dns.TypeDNAME) || n.has(dns.TypeNS) && !n.has(dns.TypeSOA) {
			return nil, nil
		}
		return ancestor(name, up), d.covering3(ancestor(name, up-1))
	}
	return nil, nil
}

// unproven is the reason where a proof is missing.
func (d *denial) unproven() verdict {
	if d.work.hashes < 0 {
		return verdict{reason: TooMuch}
	}
	return verdict{reason: NoProof}
}

func wildcard(name []byte) []byte { return append([]byte{1, '*'}, name...) }

// shared is the closest name above both that an NSEC proves to be there: above
// name, and above or at an end of the gap that name is in.
func (n *nsec) shared(name []byte) []byte {
	for up := 1; ; up++ {
		above := ancestor(name, up)
		if within(n.owner, above) || within(n.next, above) {
			return above
		}
	}
}

// noName judges that a name is not there.
func (d *denial) noName(name []byte) verdict {
	if n := d.covering(name); n != nil {
		// Above another name it would be there.
		if !within(n.next, name) && d.covering(wildcard(n.shared(name))) != nil {
			return verdict{}
		}
		return d.unproven()
	}
	closest, proof := d.encloser(name)
	if proof == nil || d.covering3(wildcard(closest)) == nil {
		return d.unproven()
	}
	if proof.optOut {
		return verdict{reason: OptOut}
	}
	return verdict{}
}

// noType judges that a name has no records of a type.
func (d *denial) noType(name []byte, t dns.Type) verdict {
	lacks := func(n *nsec) bool {
		if n.has(t) || n.has(dns.TypeCNAME) {
			return false
		}
		if t == dns.TypeDS {
			// The zone itself knows nothing of its DS; the zone above does.
			return !n.has(dns.TypeSOA) || len(d.zone.name) == 1
		}
		// At a delegation the zone above knows of DS only.
		return !n.has(dns.TypeNS) || n.has(dns.TypeSOA)
	}
	if n := d.matching(name); n != nil {
		if lacks(n) {
			return verdict{}
		}
		return d.unproven()
	}
	if n := d.covering(name); n != nil {
		if within(n.next, name) {
			return verdict{} // the name is there for those below it only
		}
		if w := d.matching(wildcard(n.shared(name))); w != nil && lacks(w) {
			return verdict{}
		}
		return d.unproven()
	}
	if n := d.matching3(name); n != nil {
		if lacks(n) {
			return verdict{}
		}
		return d.unproven()
	}
	closest, proof := d.encloser(name)
	if proof == nil {
		return d.unproven()
	}
	if w := d.matching3(wildcard(closest)); w != nil && lacks(w) {
		return verdict{}
	}
	if proof.optOut && t == dns.TypeDS {
		return verdict{reason: OptOut}
	}
	return d.unproven()
}

// covers judges that closer, which is name or above it, is not there.
func (d *denial) covers(name, closer []byte) verdict {
	if n := d.covering(name); n != nil && !within(n.next, name) && !within(n.shared(name), closer) {
		return verdict{}
	}
	if d.covering3(closer) != nil {
		return verdict{}
	}
	return d.unproven()
}

// delegation tells what a name without DS records is to the zone.
func (d *denial) delegation(name []byte) (state, Reason) {
	for _, n := range []*nsec{d.matching(name), d.matching3(name)} {
		switch {
		case n == nil:
		case n.has(dns.TypeDS) || n.has(dns.TypeSOA):
			return ended, NoProof // of the zone below, which may deny what it likes
		case n.has(dns.TypeNS):
			return ended, Unsigned
		default:
			return inside, ""
		}
	}
	if n := d.covering(name); n != nil {
		if within(n.next, name) {
			return inside, ""
		}
		return absent, ""
	}
	if _, proof := d.encloser(name); proof != nil {
		if proof.optOut {
			return ended, OptOut
		}
		return absent, ""
	}
	return ended, d.unproven().reason
}
