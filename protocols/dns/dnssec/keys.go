package dnssec

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"slices"

	"kaiwire/protocols/dns"
)

// Algorithms and digests by their numbers (IANA, "DNS Security Algorithm
// Numbers", "Digest Algorithms").
const (
	rsaSHA256 = 8
	rsaSHA512 = 10
	ecdsaP256 = 13
	ecdsaP384 = 14
	ed25519ID = 15

	sha256Digest = 2
	sha384Digest = 4
)

func supported(algorithm uint8) bool {
	switch algorithm {
	case rsaSHA256, rsaSHA512, ecdsaP256, ecdsaP384, ed25519ID:
		return true
	}
	return false
}

// key is a DNSKEY record.
type key struct {
	data      []byte
	algorithm uint8
	tag       uint16
}

// readKey reads a key that may sign: one of a zone, and not revoked (RFC 4034
// §2.1.1, RFC 5011 §2.1).
func readKey(record *dns.Record) (key, bool) {
	const zoneKey, revoked, dnssec = 1 << 8, 1 << 7, 3
	d := record.Data
	if len(d) < 5 || d[2] != dnssec {
		return key{}, false
	}
	flags := binary.BigEndian.Uint16(d)
	return key{data: d, algorithm: d[3], tag: keyTag(d)}, flags&zoneKey != 0 && flags&revoked == 0
}

// keyTag is a sum over a key (RFC 4034 §B).
func keyTag(data []byte) uint16 {
	var sum uint32
	for i, b := range data {
		if i&1 == 0 {
			sum += uint32(b) << 8
		} else {
			sum += uint32(b)
		}
	}
	return uint16(sum + sum>>16)
}

// vouched tells whether one of the DS records is that of a key (RFC 4034
// §5.1.4).
func (w *work) vouched(name []byte, k key, list []dns.Record) bool {
	for _, ds := range list {
		if binary.BigEndian.Uint16(ds.Data) != k.tag || ds.Data[2] != k.algorithm {
			continue
		}
		signed := append(bytes.Clone(name), k.data...)
		switch ds.Data[3] {
		case sha256Digest:
			if sum := sha256.Sum256(signed); bytes.Equal(sum[:], ds.Data[4:]) {
				return true
			}
		case sha384Digest:
			if sum := sha512.Sum384(signed); bytes.Equal(sum[:], ds.Data[4:]) {
				return true
			}
		}
	}
	return false
}

// verify finds a signature of a set that is right by the zone's keys. What is
// wrong with the others is told by the last reason.
func (w *work) verify(s *set, z *zone) (*signature, verdict) {
	fail := func(why Reason) verdict { return verdict{why, z.shown(), s.name} }
	if len(s.signatures) == 0 {
		return nil, fail(NoSignature)
	}
	why := NoKey
	for i := range s.signatures {
		sig := &s.signatures[i]
		switch {
		case !bytes.Equal(sig.signer, z.name) || int(sig.labels) > count(s.name) || !within(s.name, z.name):
			why = WrongSignature
			continue
		case !supported(sig.algorithm):
			continue
		case w.at(sig.inception).After(w.time):
			why = NotYetValid
			continue
		case w.at(sig.expiration).Before(w.time):
			why = Expired
			continue
		}
		candidates := 0
		var signed []byte
		for _, k := range z.keys {
			if k.tag != sig.tag || k.algorithm != sig.algorithm || candidates == maxCandidates {
				continue
			}
			candidates++
			if w.checks--; w.checks < 0 {
				return nil, fail(TooMuch)
			}
			if signed == nil {
				signed = sig.signed(s)
			}
			if k.check(signed, sig.signature) {
				return sig, verdict{}
			}
			why = WrongSignature
		}
	}
	return nil, fail(why)
}

// signed is what a signature is over (RFC 4034 §3.1.8.1).
func (sig *signature) signed(s *set) []byte {
	owner := s.name
	if more := count(owner) - int(sig.labels); more > 0 {
		owner = append([]byte{1, '*'}, ancestor(owner, more)...)
	}
	list := make([][]byte, 0, len(s.records))
	for i := range s.records {
		list = append(list, s.records[i].CanonicalData())
	}
	slices.SortFunc(list, bytes.Compare)
	list = slices.CompactFunc(list, bytes.Equal)
	out := bytes.Clone(sig.head)
	for _, data := range list {
		out = append(out, owner...)
		out = binary.BigEndian.AppendUint16(out, uint16(s.t))
		out = binary.BigEndian.AppendUint16(out, uint16(dns.ClassIN))
		out = binary.BigEndian.AppendUint32(out, sig.ttl)
		out = binary.BigEndian.AppendUint16(out, uint16(len(data)))
		out = append(out, data...)
	}
	return out
}

// check verifies a signature by the key.
func (k key) check(signed, signature []byte) bool {
	public := k.data[4:]
	switch k.algorithm {
	case rsaSHA256:
		sum := sha256.Sum256(signed)
		return checkRSA(public, prefixSHA256, sum[:], signature)
	case rsaSHA512:
		sum := sha512.Sum512(signed)
		return checkRSA(public, prefixSHA512, sum[:], signature)
	case ecdsaP256:
		sum := sha256.Sum256(signed)
		return checkECDSA(p256(), public, sum[:], signature)
	case ecdsaP384:
		sum := sha512.Sum384(signed)
		return checkECDSA(p384(), public, sum[:], signature)
	case ed25519ID:
		return len(public) == ed25519.PublicKeySize && ed25519.Verify(public, signed, signature)
	}
	return false
}
