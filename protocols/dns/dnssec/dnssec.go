// Package dnssec validates the answers of name servers by their signatures (RFC
// 4033, 4034, 4035, 5155), from the root's keys down, as a stub that believes
// no server.
//
// It knows RSA with SHA-256 and SHA-512, ECDSA P-256 and P-384, and Ed25519;
// delegations by SHA-256 and SHA-384. What is signed by nothing else counts as
// not signed (RFC 4035 §5.2), and so do zones whose NSEC3 has more iterations
// than maxIterations (RFC 9276 §3.2). SHA-1 is not believed (RFC 9905).
package dnssec

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dns"
)

const protocol = "dns"

// Status is what is known of an answer (RFC 4033 §5).
type Status string

const (
	Secure        Status = "secure"        // it is what the owner of the name has signed
	Insecure      Status = "insecure"      // the name is in a zone that is not signed, which is proven
	Bogus         Status = "bogus"         // it should be signed, and is not rightly: don't use it
	Indeterminate Status = "indeterminate" // what is needed to tell could not be had
)

// Reason says why an answer is not Secure.
type Reason string

const (
	// Insecure
	Unsigned      Reason = "unsigned"         // its zone, or one above, has no keys
	Unsupported   Reason = "unsupported"      // its zone is signed by algorithms that are not known here
	TooManyHashes Reason = "nsec3-iterations" // its zone makes proofs too costly (RFC 9276)
	OptOut        Reason = "opt-out"          // its zone leaves names that are not signed out of its proofs (RFC 5155)
	// Bogus
	NoSignature    Reason = "no-signature"
	Expired        Reason = "expired"         // the signature has run out, or the clock is wrong
	NotYetValid    Reason = "not-yet-valid"   // the signature is of the future, or the clock is wrong
	WrongSignature Reason = "wrong-signature" // it does not fit the records and the keys
	NoKey          Reason = "no-key"          // nobody has the key of the signature
	WrongKey       Reason = "wrong-key"       // the zone's keys are not those that the zone above, or the root's anchor, vouches for
	NoProof        Reason = "no-proof"        // that something is not there is not proven
	// Indeterminate
	Unreachable Reason = "unreachable"   // a question on the way was not answered
	TooMuch     Reason = "too-much-work" // the answer would take more work than any honest one (CVE-2023-50387, -50868)
)

// Result is a verdict on an answer.
type Result struct {
	Status Status
	Reason Reason // empty where Secure
	// Zone is where the chain of trust has ended, Name what could not be
	// validated; both without the dot at the end. Empty where Secure.
	Zone, Name string
}

// Source answers questions with signatures: *dns.Resolver.
type Source interface {
	QueryDNSSEC(ctx context.Context, name string, t dns.Type) (*dns.Answer, error)
}

// Options of a Validator; the zero Options are those for the internet.
type Options struct {
	// Anchors are the keys that are believed: DS records of the root, or of
	// zones below, as zone files have them. Default: the keys of the root of
	// 2017 and 2024.
	Anchors []string
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// rootAnchors are IANA's (https://data.iana.org/root-anchors/root-anchors.xml).
var rootAnchors = []string{
	". 0 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". 0 IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
}

const (
	// maxZones is how many zones' keys are kept.
	maxZones = 128
	// maxKept is how long they are kept, whatever their TTL.
	maxKept = time.Hour
	// maxChecks bounds the signatures that are tried for one question, and
	// maxHashes the names that are hashed. Honest ones need a few of either.
	maxChecks = 64
	maxHashes = 64
	// maxCandidates bounds keys of one tag, and signatures of one set.
	maxCandidates = 4
	// maxAliases bounds a chain of CNAMEs.
	maxAliases = 16
)

// Validator validates answers. Its methods may be called from any goroutine.
type Validator struct {
	source  Source
	now     func() time.Time
	anchors map[string][]dns.Record // DS records by name

	mu    sync.Mutex
	zones map[string]*zone // what is known of names that may be zones
}

// New makes a Validator. It fails with coded.EINVAL where an anchor is no DS
// record.
func New(s Source, o Options) (*Validator, error) {
	v := &Validator{source: s, now: o.Now, anchors: map[string][]dns.Record{}, zones: map[string]*zone{}}
	if v.now == nil {
		v.now = time.Now
	}
	list := o.Anchors
	if len(list) == 0 {
		list = rootAnchors
	}
	for _, line := range list {
		record, err := dns.ParseRecord(line)
		if err != nil {
			return nil, err
		}
		if record.Type != dns.TypeDS || len(record.Data) < 5 {
			return nil, coded.New(coded.EINVAL, protocol, "An anchor has to be a DS record.", nil)
		}
		name, err := dns.WireName(record.Name)
		if err != nil {
			return nil, err
		}
		v.anchors[string(name)] = append(v.anchors[string(name)], *record)
	}
	return v, nil
}

// Query is Resolver.Query with a verdict. The signatures stay in the answer; a
// Bogus one is returned too, for those who want to see it.
//
// Errors are those of Resolver.Query for the question itself.
func (v *Validator) Query(ctx context.Context, name string, t dns.Type) (*dns.Answer, Result, error) {
	a, err := v.source.QueryDNSSEC(ctx, name, t)
	if err != nil {
		return nil, Result{}, err
	}
	r, err := v.Validate(ctx, a, name, t)
	return a, r, err
}

// Validate judges the answer to a question, which has to have come with its
// signatures.
func (v *Validator) Validate(ctx context.Context, a *dns.Answer, name string, t dns.Type) (Result, error) {
	wire, err := dns.QuestionName(name)
	if err != nil {
		return Result{}, err
	}
	w := &work{Validator: v, ctx: ctx, time: v.now(), checks: maxChecks, hashes: maxHashes}
	verdict := w.answer(a, wire, t)
	if err := ctx.Err(); err != nil {
		return Result{}, coded.From(err, protocol)
	}
	r := Result{Status: verdict.status(), Reason: verdict.reason}
	if r.Status != Secure {
		r.Zone, r.Name = verdict.zone, dns.NameText(verdict.name)
	}
	return r, nil
}

// work is the validation of one answer.
type work struct {
	*Validator
	ctx            context.Context
	time           time.Time
	checks, hashes int // what is left
}

// verdict is a Result in the making; the zero verdict is Secure.
type verdict struct {
	reason Reason
	zone   string
	name   []byte
}

func (v verdict) status() Status {
	switch v.reason {
	case "":
		return Secure
	case Unsigned, Unsupported, TooManyHashes, OptOut:
		return Insecure
	case Unreachable, TooMuch:
		return Indeterminate
	}
	return Bogus
}

func (v verdict) rank() int {
	switch v.status() {
	case Secure:
		return 0
	case Insecure:
		return 1
	case Indeterminate:
		return 2
	}
	return 3
}

func worse(a, b verdict) verdict {
	if b.rank() > a.rank() {
		return b
	}
	return a
}

// set is the records of one name and type, and their signatures.
type set struct {
	name       []byte
	t          dns.Type
	records    []dns.Record
	signatures []signature
}

// sets groups records, in their order.
func sets(records []dns.Record) (list []*set) {
	find := func(name []byte, t dns.Type) *set {
		for _, s := range list {
			if s.t == t && bytes.Equal(s.name, name) {
				return s
			}
		}
		s := &set{name: name, t: t}
		list = append(list, s)
		return s
	}
	for i := range records {
		record := &records[i]
		if record.Class != dns.ClassIN {
			continue
		}
		name, err := dns.WireName(record.Name)
		if err != nil {
			continue
		}
		if record.Type != dns.TypeRRSIG {
			s := find(name, record.Type)
			s.records = append(s.records, *record)
		} else if sig, ok := readSignature(record); ok {
			s := find(name, sig.covered)
			if len(s.signatures) < maxCandidates {
				s.signatures = append(s.signatures, sig)
			}
		}
	}
	return list
}

func (w *work) answer(a *dns.Answer, name []byte, t dns.Type) verdict {
	if a.RCode != dns.NoError && a.RCode != dns.NXDomain {
		return verdict{reason: Unreachable, name: name}
	}
	answers, proofs := sets(a.Answers), sets(a.Authorities)
	var result verdict
	var renamed []*set // DNAMEs that are secure
	for _, s := range answers {
		if len(s.records) == 0 {
			continue
		}
		if s.t == dns.TypeCNAME && len(s.signatures) == 0 && synthesized(s, renamed) {
			continue
		}
		v := w.set(s, proofs)
		if s.t == dns.TypeDNAME && v.status() == Secure {
			renamed = append(renamed, s)
		}
		result = worse(result, v)
	}
	// Where the aliases lead.
	for range maxAliases {
		alias := []byte(nil)
		for _, s := range answers {
			if !bytes.Equal(s.name, name) || len(s.records) == 0 {
				continue
			}
			if s.t == t || t == dns.TypeANY {
				return result
			}
			if s.t == dns.TypeCNAME {
				if alias = nameAt(s.records[0].Data); alias == nil || len(alias) != len(s.records[0].Data) {
					return worse(result, verdict{reason: NoProof, name: name})
				}
			}
		}
		if alias == nil {
			return worse(result, w.negative(a.RCode, proofs, name, t))
		}
		name = alias
	}
	return worse(result, verdict{reason: NoProof, name: name})
}

// synthesized tells whether a CNAME without a signature follows from a DNAME
// (RFC 6672 §5.3.1).
func synthesized(s *set, renamed []*set) bool {
	for _, d := range renamed {
		if len(s.records) != 1 || bytes.Equal(s.name, d.name) || !within(s.name, d.name) {
			continue
		}
		kept := s.name[:len(s.name)-len(d.name)]
		if bytes.Equal(dns.LowerName(s.records[0].Data), append(bytes.Clone(kept), dns.LowerName(d.records[0].Data)...)) {
			return true
		}
	}
	return false
}

// set judges a set of the answer.
func (w *work) set(s *set, proofs []*set) verdict {
	if len(s.signatures) == 0 {
		z, v := w.walk(s.name)
		if v.reason != "" {
			return v
		}
		return verdict{NoSignature, z.shown(), s.name}
	}
	signer := s.signatures[0].signer
	for _, sig := range s.signatures {
		if within(s.name, sig.signer) {
			signer = sig.signer
			break
		}
	}
	if !within(s.name, signer) || s.t == dns.TypeDS && bytes.Equal(s.name, signer) && len(signer) > 1 {
		return verdict{WrongSignature, "", s.name}
	}
	z, v := w.zone(signer)
	if v.reason != "" {
		return v
	}
	sig, v := w.verify(s, z)
	if v.reason != "" {
		return v
	}
	if labels := count(s.name); int(sig.labels) < labels {
		// Made out of a wildcard: it has to be proven that there is nothing
		// closer to the name (RFC 4035 §5.3.4).
		closer := ancestor(s.name, labels-int(sig.labels)-1)
		return w.notThere(z, proofs, s.name, closer)
	}
	return verdict{}
}

// negative judges that a name, or a type of it, is not there.
func (w *work) negative(rcode dns.RCode, proofs []*set, name []byte, t dns.Type) verdict {
	signer := []byte(nil)
	for _, p := range proofs {
		if (p.t == dns.TypeNSEC || p.t == dns.TypeNSEC3) && len(p.signatures) > 0 && within(name, p.signatures[0].signer) {
			signer = p.signatures[0].signer
		}
	}
	if signer == nil {
		at := name
		if t == dns.TypeDS && len(name) > 1 {
			at = ancestor(name, 1)
		}
		z, v := w.walk(at)
		if v.reason != "" {
			return v
		}
		return verdict{NoProof, z.shown(), name}
	}
	z, v := w.zone(signer)
	if v.reason != "" {
		return v
	}
	d, v := w.denial(z, proofs)
	if v.reason != "" {
		return v
	}
	if rcode == dns.NXDomain {
		v = d.noName(name)
	} else {
		v = d.noType(name, t)
	}
	if v.reason != "" {
		v.zone, v.name = z.shown(), name
	}
	return v
}

// notThere judges that there is no name closer, which would have kept the
// wildcard from applying to name.
func (w *work) notThere(z *zone, proofs []*set, name, closer []byte) verdict {
	d, v := w.denial(z, proofs)
	if v.reason == "" {
		v = d.covers(name, closer)
	}
	if v.reason != "" {
		v.zone, v.name = z.shown(), name
	}
	return v
}

// zone is a zone with keys that are believed.
type zone struct {
	name []byte
	keys []key
	// For what is no zone of its own, or an insecure one, keys is empty.
	state state
	why   Reason
	until time.Time
}

type state uint8

const (
	cut    state = iota // a zone of its own, with keys
	inside              // part of the zone above
	absent              // neither it nor anything below is there
	ended               // the chain of trust ends here, for zone.why
)

func (z *zone) shown() string { return dns.NameText(z.name) }

// zone is the zone of that name, whose keys are believed.
func (w *work) zone(name []byte) (*zone, verdict) {
	z, v := w.walk(name)
	if v.reason == "" && !bytes.Equal(z.name, name) {
		return nil, verdict{NoKey, z.shown(), name}
	}
	return z, v
}

// walk goes from the nearest anchor down to the zone that name is in.
func (w *work) walk(name []byte) (*zone, verdict) {
	labels := count(name)
	start := -1
	for up := range labels + 1 {
		if _, ok := w.anchors[string(ancestor(name, up))]; ok {
			start = up
			break
		}
	}
	if start < 0 {
		return nil, verdict{Unsigned, "", name}
	}
	apex := ancestor(name, start)
	current := w.recall(apex)
	if current == nil {
		current = w.apex(apex, w.anchors[string(apex)])
		w.remember(current)
	}
	if current.state == ended {
		return nil, verdict{current.why, current.shown(), apex}
	}
	for up := start - 1; up >= 0; up-- {
		child := ancestor(name, up)
		next := w.recall(child)
		if next == nil {
			next = w.delegation(current, child)
			w.remember(next)
		}
		switch next.state {
		case cut:
			current = next
		case absent:
			return current, verdict{}
		case ended:
			return nil, verdict{next.why, current.shown(), child}
		}
	}
	return current, verdict{}
}

func (w *work) recall(name []byte) *zone {
	w.mu.Lock()
	defer w.mu.Unlock()
	z := w.zones[string(name)]
	if z == nil || !w.time.Before(z.until) {
		return nil
	}
	return z
}

func (w *work) remember(z *zone) {
	if !w.time.Before(z.until) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.zones) >= maxZones {
		clear(w.zones)
	}
	w.zones[string(z.name)] = z
}

// kept is until when something is believed that lives that long.
func (w *work) kept(ttl uint32) time.Time {
	return w.time.Add(min(time.Duration(ttl)*time.Second, maxKept))
}

// end is where a chain of trust ends. What is wrong may be mended at any time,
// so that only what is proven is kept.
func (w *work) end(name []byte, why Reason, ttl uint32) *zone {
	z := &zone{name: name, state: ended, why: why}
	if (verdict{reason: why}).status() == Insecure {
		z.until = w.kept(ttl)
	}
	return z
}

// apex fetches the keys of a zone and checks them against DS records that are
// believed.
func (w *work) apex(name []byte, anchors []dns.Record) *zone {
	known := anchors[:0:0]
	for _, ds := range anchors {
		if supported(ds.Data[2]) && (ds.Data[3] == sha256Digest || ds.Data[3] == sha384Digest) {
			known = append(known, ds)
		}
	}
	if len(known) == 0 {
		return w.end(name, Unsupported, anchors[0].TTL)
	}
	a, err := w.source.QueryDNSSEC(w.ctx, absolute(name), dns.TypeDNSKEY)
	if err != nil {
		return w.end(name, Unreachable, 0)
	}
	for _, s := range sets(a.Answers) {
		if s.t != dns.TypeDNSKEY || !bytes.Equal(s.name, name) || len(s.records) == 0 {
			continue
		}
		z := &zone{name: name, until: w.kept(s.records[0].TTL)}
		var trusted []key
		for i := range s.records {
			k, ok := readKey(&s.records[i])
			if !ok {
				continue
			}
			z.keys = append(z.keys, k)
			if w.vouched(name, k, known) {
				trusted = append(trusted, k)
			}
		}
		if len(trusted) == 0 {
			return w.end(name, WrongKey, 0)
		}
		sig, v := w.verify(s, &zone{name: name, keys: trusted})
		if v.reason != "" {
			return w.end(name, v.reason, 0)
		}
		if end := w.at(sig.expiration); end.Before(z.until) {
			z.until = end
		}
		return z
	}
	if a.RCode != dns.NoError && a.RCode != dns.NXDomain {
		return w.end(name, Unreachable, 0)
	}
	return w.end(name, WrongKey, 0)
}

func absolute(name []byte) string { return dns.NameText(name) }

// delegation finds out what child is to the zone that its parent is in.
func (w *work) delegation(parent *zone, child []byte) *zone {
	a, err := w.source.QueryDNSSEC(w.ctx, absolute(child), dns.TypeDS)
	if err != nil || a.RCode != dns.NoError && a.RCode != dns.NXDomain {
		return w.end(child, Unreachable, 0)
	}
	for _, s := range sets(a.Answers) {
		if !bytes.Equal(s.name, child) || len(s.records) == 0 || s.t != dns.TypeDS && s.t != dns.TypeCNAME {
			continue
		}
		if _, v := w.verify(s, parent); v.reason != "" {
			return w.end(child, v.reason, 0)
		}
		if s.t == dns.TypeCNAME {
			return &zone{name: child, state: inside, until: w.kept(s.records[0].TTL)}
		}
		anchors := s.records[:0:0]
		for _, ds := range s.records {
			if len(ds.Data) > 4 {
				anchors = append(anchors, ds)
			}
		}
		if len(anchors) == 0 {
			return w.end(child, WrongKey, 0)
		}
		z := w.apex(child, anchors)
		if until := w.kept(s.records[0].TTL); until.Before(z.until) {
			z.until = until
		}
		return z
	}
	d, v := w.denial(parent, sets(a.Authorities))
	if v.reason != "" {
		return w.end(child, v.reason, d.ttl)
	}
	z := &zone{name: child, until: w.kept(d.ttl)}
	z.state, z.why = d.delegation(child)
	if z.state == ended && z.why != Unsigned && z.why != OptOut {
		return w.end(child, z.why, d.ttl)
	}
	return z
}

// nameAt is the name that data begins with, in small letters; nil where that is
// none, as a server may send what it likes.
func nameAt(data []byte) []byte {
	const maxName = 255
	at := 0
	for at < len(data) && 0 < data[at] && data[at] < 64 {
		at += 1 + int(data[at])
	}
	if at >= min(len(data), maxName) || data[at] != 0 {
		return nil
	}
	return dns.LowerName(data[:at+1])
}

// count is the number of labels of a name, without the root's.
func count(name []byte) (n int) {
	for i := 0; name[i] != 0; i += 1 + int(name[i]) {
		n++
	}
	return n
}

// ancestor is a name without its first labels.
func ancestor(name []byte, labels int) []byte {
	for range labels {
		name = name[1+int(name[0]):]
	}
	return name
}

// within tells whether name is zone or below it.
func within(name, zone []byte) bool {
	n, z := count(name), count(zone)
	return n >= z && bytes.Equal(ancestor(name, n-z), zone)
}

// at is the instant that a signature means, which counts seconds modulo 2^32
// (RFC 4034 §3.1.5).
func (w *work) at(s uint32) time.Time {
	now := w.time.Unix()
	return time.Unix(now+int64(int32(s-uint32(now))), 0)
}

// signature is an RRSIG record.
type signature struct {
	covered               dns.Type
	algorithm, labels     uint8
	ttl                   uint32
	expiration, inception uint32
	tag                   uint16
	signer                []byte
	head                  []byte // the data without the signature
	signature             []byte
}

func readSignature(record *dns.Record) (s signature, ok bool) {
	const fixed = 18
	d := record.CanonicalData()
	if len(d) < fixed+1 {
		return s, false
	}
	signer := nameAt(d[fixed:])
	end := fixed + len(signer)
	if signer == nil || end >= len(d) {
		return s, false
	}
	return signature{
		covered:    dns.Type(binary.BigEndian.Uint16(d)),
		algorithm:  d[2],
		labels:     d[3],
		ttl:        binary.BigEndian.Uint32(d[4:]),
		expiration: binary.BigEndian.Uint32(d[8:]),
		inception:  binary.BigEndian.Uint32(d[12:]),
		tag:        binary.BigEndian.Uint16(d[16:]),
		signer:     signer,
		head:       d[:end],
		signature:  d[end:],
	}, true
}
