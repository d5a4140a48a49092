package signedzones

import (
	"testing"

	"github.com/miekg/dns"
)

// What is signed is right by another implementation's means.
func TestSigned(t *testing.T) {
	for _, o := range []Options{{Algorithm: dns.ED25519}, {Algorithm: dns.ECDSAP256SHA256, NSEC3: true, Salt: "AB"}} {
		z, err := New("example.", "www A 192.0.2.1\n*.wild A 192.0.2.2\n", o)
		if err != nil {
			t.Fatal(err)
		}
		byName := map[string][]dns.RR{}
		var signatures []*dns.RRSIG
		for _, rr := range z.Records() {
			if sig, ok := rr.(*dns.RRSIG); ok {
				signatures = append(signatures, sig)
				continue
			}
			h := rr.Header()
			byName[h.Name+dns.TypeToString[h.Rrtype]] = append(byName[h.Name+dns.TypeToString[h.Rrtype]], rr)
		}
		if len(signatures) != len(byName) {
			t.Errorf("%d signatures of %d sets", len(signatures), len(byName))
		}
		for _, sig := range signatures {
			set := byName[sig.Hdr.Name+dns.TypeToString[sig.TypeCovered]]
			if err := sig.Verify(z.key, set); err != nil {
				t.Errorf("%v: %v", sig, err)
			}
		}
	}
}
