package dns

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"
)

// presentations has a record of every type that is known, as dig writes them.
// Its test in web/test holds the same list against dig itself.
var presentations = []string{
	"a.example. 300 IN A 192.0.2.1",
	"a.example. 300 IN NS ns.example.",
	"a.example. 300 IN CNAME b.example.",
	`a.example. 300 IN SOA ns.example. first\.last.example. 2026010101 7200 900 1209600 60`,
	"a.example. 300 IN PTR b.example.",
	`a.example. 300 IN HINFO "feature phone" "KaiOS"`,
	"a.example. 300 IN MINFO r.example. e.example.",
	"a.example. 300 IN MX 10 mx.example.",
	`a.example. 300 IN TXT "a \"b\" \\ c" "" "\195\188"`,
	`a.example. 300 IN SPF "v=spf1 -all"`,
	"a.example. 300 IN RP post.example. text.example.",
	"a.example. 300 IN AFSDB 1 afs.example.",
	"a.example. 300 IN AAAA 2001:db8::1",
	"a.example. 300 IN LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m",
	"a.example. 300 IN LOC 42 21 54.000 S 71 6 18.001 W 24.00m 30.00m 10000.00m 10.00m",
	"_imaps._tcp.a.example. 300 IN SRV 10 5 993 imap.example.",
	`a.example. 300 IN NAPTR 100 10 "u" "sip+E2U" "!^.*$!sip:info@example.com!i" .`,
	"a.example. 300 IN DNAME b.example.",
	"a.example. 300 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	"a.example. 300 IN CDS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	"a.example. 300 IN SSHFP 4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789",
	"a.example. 300 IN RRSIG A 13 2 300 20261231235959 20261101000000 12345 example. AQIDBAUGBwg=",
	"a.example. 300 IN NSEC b.example. A MX RRSIG NSEC TYPE1234",
	"a.example. 300 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
	"a.example. 300 IN CDNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
	"a.example. 300 IN DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
	"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 300 IN NSEC3 1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG",
	"a.example. 300 IN NSEC3PARAM 1 0 0 -",
	"_443._tcp.a.example. 300 IN TLSA 3 1 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971",
	"a.example. 300 IN SMIMEA 3 0 0 0123456789ABCDEF",
	"a.example. 300 IN OPENPGPKEY AQIDBAUGBwgJ",
	"a.example. 300 IN CSYNC 66 3 A NS AAAA",
	"a.example. 300 IN ZONEMD 2018031900 1 1 C68090D90A7AED716BC459F9340E3D7C1370D4D24B7E2FC3A1DDC0B9A87153B9A9713B3C9AE5CC27777F98B8E730044C",
	`a.example. 300 IN HTTPS 1 . mandatory=alpn,port alpn="h2,h3" no-default-alpn port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech=AQI= ipv6hint=2001:db8::1`,
	`_dns.a.example. 300 IN SVCB 1 dns.example. alpn="h2" dohpath="/q{?dns}" key667="a \"b\""`,
	"a.example. 300 IN HTTPS 0 b.example.",
	`_ftp._tcp.a.example. 300 IN URI 10 1 "ftp://ftp1.example.com/public"`,
	`a.example. 300 IN CAA 128 issue "ca.example; policy=\"ev\""`,
	`a.example. 300 IN TYPE65280 \# 4 0A000001`,
	`a.example. 300 IN TYPE65280 \# 0`,
	`a.example. 300 CLASS4 A \# 3 010203`,
	`\@.\$\(x\).a\.b\032\255.example. 300 IN A 192.0.2.1`,
	". 300 IN NS a.root-servers.net.",
}

func TestPresentation(t *testing.T) {
	seen := map[Type]bool{}
	for _, line := range presentations {
		record, err := ParseRecord(line)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		seen[record.Type] = true
		if got := record.String(); got != line {
			t.Errorf("got  %s\nwant %s", got, line)
		}
		// RFC 3597 §5: any data may be written as unknown data.
		unknown := strings.Join(strings.SplitN(line, " ", 5)[:4], " ") + ` \# ` + strconv.Itoa(len(record.Data)) + " " + hex.EncodeToString(record.Data)
		if again, err := ParseRecord(unknown); err != nil || !bytes.Equal(again.Data, record.Data) {
			t.Errorf("%s: %+v, %v", unknown, again, err)
		}
		if record.Class != ClassIN {
			continue
		}
		// The bytes are those of another implementation.
		rr, err := miekg.NewRR(line)
		if err != nil {
			t.Errorf("miekg: %v", err)
			continue
		}
		if data, err := miekgData(rr); err != nil || !bytes.Equal(data, record.Data) {
			t.Errorf("%s\nours   %x\nmiekg’s %x, %v", line, record.Data, data, err)
		}
		if taken := record.Fields(); fieldsOf(record.Type) != nil && len(taken) != len(fieldsOf(record.Type)) {
			t.Errorf("%s: the data was not taken apart: %+v", line, taken)
		}
	}
	for i := range layouts {
		if l := &layouts[i]; l.fields != nil && !seen[l.t] {
			t.Errorf("no record of type %v is in the table", l.t)
		}
	}
}

// miekgData is a record's data as miekg/dns sends it.
func miekgData(rr miekg.RR) ([]byte, error) {
	b := make([]byte, miekg.MaxMsgSize)
	n, err := miekg.PackRR(rr, b, 0, nil, false)
	if err != nil {
		return nil, err
	}
	_, at, err := miekg.UnpackDomainName(b, 0)
	if err != nil {
		return nil, err
	}
	return b[at+10 : n], nil
}

func TestNoRecord(t *testing.T) {
	for _, line := range []string{
		"", "a.example.", "a.example. 300 IN", "a.example. x IN A 192.0.2.1", "a.example. -1 IN A 192.0.2.1", "a.example. 4294967295 IN A 192.0.2.1",
		"a.example. 300 CH A 192.0.2.1", "a.example. 300 IN NOSUCH 1", "a.example. 300 IN A", "a.example. 300 IN A 192.0.2.1 x", "a.example. 300 IN A 2001:db8::1",
		"a.example. 300 IN AAAA ::ffff:192.0.2.1x", "a.example. 300 IN AAAA fe80::1%eth0", "a..example. 300 IN A 192.0.2.1", `a.example\. 300 IN A 192.0.2.1 \`,
		"a.example. 300 IN MX 65536 a.", "a.example. 300 IN MX 1", `a.example. 300 IN TXT "a`, "a.example. 300 IN TXT", `a.example. 300 IN TXT \256`, `a.example. 300 IN TXT \1`,
		`a.example. 300 IN TXT "` + strings.Repeat("a", 256) + `"`, `a.example. 300 IN TYPE1000 \# 2 00`, `a.example. 300 IN TYPE1000 \# x 00`, "a.example. 300 IN TYPE1000 00",
		"a.example. 300 IN DS 1 1 1 XYZ", "a.example. 300 IN DNSKEY 1 1 1 ***", "a.example. 300 IN NSEC b. NOSUCH", "a.example. 300 IN NSEC3PARAM 1 0 0 XX",
		"a.example. 300 IN HTTPS 1 . port=x", "a.example. 300 IN HTTPS 1 . port=", "a.example. 300 IN HTTPS 1 . nosuch=1", "a.example. 300 IN HTTPS 1 . alpn=a,,b",
		"a.example. 300 IN HTTPS 1 . port=1 port=2", "a.example. 300 IN HTTPS 1 . ipv4hint=::1", "a.example. 300 IN HTTPS 1 . mandatory=nosuch",
		"a.example. 300 IN LOC", "a.example. 300 IN LOC 91 N 1 E 0m", "a.example. 300 IN LOC 1 61 N 1 E 0m", "a.example. 300 IN LOC 1 1 1 1 1 N 1 E 0m", "a.example. 300 IN LOC 1 N 1 E", "a.example. 300 IN LOC 1 N 1 E 1.234m",
		"a.example. 300 IN RRSIG A 8 2 300 20261331000000 20260101000000 1 example. AQ==", "a.example. 300 IN CAA 0 \"\" \"x\"", "a.example. 300 IN A 192.0.2.1\nb.example. 300 IN A 192.0.2.2",
		strings.Repeat("a.", 128) + " 300 IN A 192.0.2.1",
	} {
		if record, err := ParseRecord(line); err == nil {
			t.Errorf("%q was read as %v", line, record)
		} else {
			wantCode(t, err, "EINVAL", "")
		}
	}
}

// Whatever the data, it is shown in a way that gives it back; and where
// miekg/dns can take it apart, what that shows is the same data to us.
func FuzzData(f *testing.F) {
	for _, line := range presentations {
		record, err := ParseRecord(line)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(record.Type), record.Data)
	}
	f.Fuzz(func(t *testing.T, number uint16, data []byte) {
		if len(data) > 2000 || Type(number) == typeOPT {
			return
		}
		message := append([]byte{0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 'a', 0}, byte(number>>8), byte(number), 0, 1, 0, 0, 0, 9)
		message = append(binary.BigEndian.AppendUint16(message, uint16(len(data))), data...)
		a, err := parse(message)
		if err != nil {
			return
		}
		record := &a.Answers[0]
		shown := record.String()
		back, err := ParseRecord(shown)
		if err != nil || !bytes.Equal(back.Data, record.Data) {
			t.Fatalf("%v %x is shown as %s, and read as %+v, %v", record.Type, record.Data, shown, back, err)
		}
		known := fieldsOf(record.Type) != nil && !strings.Contains(shown, `\# `)
		if !known {
			return
		}
		if (record.Type == TypeURI || record.Type == TypeCAA) && bytes.IndexByte(record.Data, '\\') >= 0 {
			return // miekg/dns takes a backslash that came for one of a zone file
		}
		if record.Type == TypeURI && len(record.Data) == 4 || strings.Contains(shown, "mandatory=") {
			// To miekg/dns a URI without a target has no data at all, and
			// mandatory keys have to be in order.
			return
		}
		rr, _, err := miekg.UnpackRR(message, headerSize)
		if err != nil {
			return // it checks more, or less
		}
		theirs, err := miekgData(rr)
		if err != nil {
			return // what it has read it need not be able to write
		}
		if !bytes.Equal(theirs, record.Data) {
			t.Fatalf("ours   %s %x\nmiekg’s %s %x", shown, record.Data, rr, theirs)
		}
		if record.Type == TypeNSEC3 || record.Type == TypeLOC {
			return // as text miekg/dns takes any hash for one of 20 bytes, and rounds angles
		}
		// What one implementation shows, the other reads.
		if again, err := miekg.NewRR(shown); err == nil {
			if theirs, err := miekgData(again); err == nil && !bytes.Equal(theirs, record.Data) {
				t.Fatalf("%s is %x, and to miekg %x", shown, record.Data, theirs)
			}
		}
		if theirs, err := ParseRecord(strings.ReplaceAll(rr.String(), "\t", " ")); err == nil && !bytes.Equal(theirs.Data, record.Data) {
			t.Fatalf("miekg’s %s is %x, and to us %x", rr, record.Data, theirs.Data)
		}
	})
}
