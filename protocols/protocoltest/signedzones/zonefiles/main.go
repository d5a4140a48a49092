// Command zonefiles signs the zones of the DNSSEC stories and writes them into a
// folder, a file each, for a name server to load. On its output it says, as
// JSON, which zones there are and which key vouches for them.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/miekg/dns"

	"kaiwire/protocols/protocoltest/signedzones"
)

const text = `
www    A     192.0.2.1
mail   MX    10 www
*.wild TXT   "wild"
alias  CNAME www
`

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: zonefiles <folder>")
	}
	day := 24 * time.Hour
	var zones []*signedzones.Zone
	add := func(origin, text string, o signedzones.Options, children ...*signedzones.Zone) *signedzones.Zone {
		z, err := signedzones.New(origin, text, o, children...)
		if err != nil {
			log.Fatal(err)
		}
		zones = append(zones, z)
		return z
	}
	good := add("good.signed.test.", text, signedzones.Options{Algorithm: dns.ECDSAP256SHA256})
	rsa := add("rsa.signed.test.", text, signedzones.Options{Algorithm: dns.RSASHA256, NSEC3: true, Salt: "AB"})
	plain := add("plain.signed.test.", text, signedzones.Options{})
	expired := add("expired.signed.test.", text, signedzones.Options{Algorithm: dns.ED25519, Inception: time.Now().Add(-9 * day), Expiration: time.Now().Add(-day)})
	wrong := add("wrongds.signed.test.", text, signedzones.Options{Algorithm: dns.ED25519})
	wrong.DS.Digest = strings.Repeat("00", 32)
	top := add("signed.test.", "", signedzones.Options{Algorithm: dns.ECDSAP384SHA384}, good, rsa, plain, expired, wrong)
	type file struct {
		Name string `json:"name"`
		File string `json:"file"`
	}
	var out struct {
		Zones  []file `json:"zones"`
		Anchor string `json:"anchor"`
	}
	for _, z := range zones {
		name := strings.TrimSuffix(z.Origin, ".")
		path := filepath.Join(os.Args[1], name+".zone")
		var lines strings.Builder
		for _, rr := range z.Records() {
			fmt.Fprintln(&lines, rr)
		}
		if err := os.WriteFile(path, []byte(lines.String()), 0o644); err != nil {
			log.Fatal(err)
		}
		out.Zones = append(out.Zones, file{name, path})
	}
	out.Anchor = strings.ReplaceAll(top.DS.String(), "\t", " ")
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		log.Fatal(err)
	}
}
