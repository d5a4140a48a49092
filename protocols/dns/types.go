package dns

import (
	"strconv"
	"strings"
)

// Type is the type of a record (IANA, "Resource Record (RR) TYPEs").
type Type uint16

// The types whose data this package takes apart, and ANY.
const (
	TypeA          Type = 1
	TypeNS         Type = 2
	TypeCNAME      Type = 5
	TypeSOA        Type = 6
	TypePTR        Type = 12
	TypeHINFO      Type = 13
	TypeMINFO      Type = 14
	TypeMX         Type = 15
	TypeTXT        Type = 16
	TypeRP         Type = 17
	TypeAFSDB      Type = 18
	TypeAAAA       Type = 28
	TypeLOC        Type = 29
	TypeSRV        Type = 33
	TypeNAPTR      Type = 35
	TypeDNAME      Type = 39
	TypeDS         Type = 43
	TypeSSHFP      Type = 44
	TypeRRSIG      Type = 46
	TypeNSEC       Type = 47
	TypeDNSKEY     Type = 48
	TypeDHCID      Type = 49
	TypeNSEC3      Type = 50
	TypeNSEC3PARAM Type = 51
	TypeTLSA       Type = 52
	TypeSMIMEA     Type = 53
	TypeCDS        Type = 59
	TypeCDNSKEY    Type = 60
	TypeOPENPGPKEY Type = 61
	TypeCSYNC      Type = 62
	TypeZONEMD     Type = 63
	TypeSVCB       Type = 64
	TypeHTTPS      Type = 65
	TypeSPF        Type = 99
	TypeANY        Type = 255
	TypeURI        Type = 256
	TypeCAA        Type = 257
)

// The types that are part of a message and not of a zone.
const (
	typeOPT  Type = 41
	TypeTSIG Type = 250
	typeIXFR Type = 251
	TypeAXFR Type = 252
)

// kind is how a part of a record's data is sent and shown.
type kind uint8

const (
	u8 kind = iota
	u16
	u32
	seconds     // u32, an instant as YYYYMMDDHHMMSS (RFC 4034 §3.2)
	rrType      // u16, a type by its name
	domain      // a name
	ip4         // an IPv4 address
	ip6         // an IPv6 address
	tag         // a <character-string> without quotes
	charString  // a <character-string>
	charStrings // one or more of them, to the end
	longString  // text to the end, without a length
	hexBytes    // bytes to the end, in hexadecimal
	base64Bytes // bytes to the end, in base64
	saltBytes   // bytes after their length, in hexadecimal; "-" for none
	hashBytes   // bytes after their length, in base32hex
	typeBitmap  // types, to the end (RFC 4034 §4.1.2)
	svcParams   // parameters of a service, to the end (RFC 9460 §2.2)
	location    // the whole data of LOC (RFC 1876)
)

// field is a part of a record's data: how it is called, in Node's words where
// Node has one, and of what kind it is.
type field struct {
	key  string
	kind kind
}

// layout is how the data of a type is made up.
type layout struct {
	t      Type
	name   string
	fields []field
}

var (
	targetFields     = []field{{"target", domain}}
	digestFields     = []field{{"keyTag", u16}, {"algorithm", u8}, {"digestType", u8}, {"digest", hexBytes}}
	keyFields        = []field{{"flags", u16}, {"protocol", u8}, {"algorithm", u8}, {"publicKey", base64Bytes}}
	signatureFields  = []field{{"typeCovered", rrType}, {"algorithm", u8}, {"labels", u8}, {"originalTtl", u32}, {"expiration", seconds}, {"inception", seconds}, {"keyTag", u16}, {"signersName", domain}, {"signature", base64Bytes}}
	associatedFields = []field{{"certUsage", u8}, {"selector", u8}, {"match", u8}, {"data", hexBytes}}
	serviceFields    = []field{{"priority", u16}, {"target", domain}, {"params", svcParams}}
	textFields       = []field{{"entries", charStrings}}
)

// layouts has a row for each type that is known; the others' data is taken as
// it comes (RFC 3597).
var layouts = [...]layout{
	{TypeA, "A", []field{{"address", ip4}}},
	{TypeNS, "NS", targetFields},
	{TypeCNAME, "CNAME", targetFields},
	{TypeSOA, "SOA", []field{{"mname", domain}, {"rname", domain}, {"serial", u32}, {"refresh", u32}, {"retry", u32}, {"expire", u32}, {"minimum", u32}}},
	{TypePTR, "PTR", targetFields},
	{TypeHINFO, "HINFO", []field{{"cpu", charString}, {"os", charString}}},
	{TypeMINFO, "MINFO", []field{{"rmailbx", domain}, {"emailbx", domain}}},
	{TypeMX, "MX", []field{{"priority", u16}, {"exchange", domain}}},
	{TypeTXT, "TXT", textFields},
	{TypeRP, "RP", []field{{"mailbox", domain}, {"txt", domain}}},
	{TypeAFSDB, "AFSDB", []field{{"subtype", u16}, {"hostname", domain}}},
	{TypeAAAA, "AAAA", []field{{"address", ip6}}},
	{TypeLOC, "LOC", []field{{"location", location}}},
	{TypeSRV, "SRV", []field{{"priority", u16}, {"weight", u16}, {"port", u16}, {"target", domain}}},
	{TypeNAPTR, "NAPTR", []field{{"order", u16}, {"preference", u16}, {"flags", charString}, {"service", charString}, {"regexp", charString}, {"replacement", domain}}},
	{TypeDNAME, "DNAME", targetFields},
	{TypeDS, "DS", digestFields},
	{TypeSSHFP, "SSHFP", []field{{"algorithm", u8}, {"fingerprintType", u8}, {"fingerprint", hexBytes}}},
	{TypeRRSIG, "RRSIG", signatureFields},
	{TypeNSEC, "NSEC", []field{{"nextDomain", domain}, {"types", typeBitmap}}},
	{TypeDNSKEY, "DNSKEY", keyFields},
	{TypeDHCID, "DHCID", []field{{"data", base64Bytes}}},
	{TypeNSEC3, "NSEC3", []field{{"algorithm", u8}, {"flags", u8}, {"iterations", u16}, {"salt", saltBytes}, {"nextDomain", hashBytes}, {"types", typeBitmap}}},
	{TypeNSEC3PARAM, "NSEC3PARAM", []field{{"algorithm", u8}, {"flags", u8}, {"iterations", u16}, {"salt", saltBytes}}},
	{TypeTLSA, "TLSA", associatedFields},
	{TypeSMIMEA, "SMIMEA", associatedFields},
	{TypeCDS, "CDS", digestFields},
	{TypeCDNSKEY, "CDNSKEY", keyFields},
	{TypeOPENPGPKEY, "OPENPGPKEY", []field{{"publicKey", base64Bytes}}},
	{TypeCSYNC, "CSYNC", []field{{"serial", u32}, {"flags", u16}, {"types", typeBitmap}}},
	{TypeZONEMD, "ZONEMD", []field{{"serial", u32}, {"scheme", u8}, {"algorithm", u8}, {"digest", hexBytes}}},
	{TypeSVCB, "SVCB", serviceFields},
	{TypeHTTPS, "HTTPS", serviceFields},
	{TypeSPF, "SPF", textFields},
	{TypeURI, "URI", []field{{"priority", u16}, {"weight", u16}, {"target", longString}}},
	{TypeCAA, "CAA", []field{{"critical", u8}, {"tag", tag}, {"value", longString}}},
	{typeOPT, "OPT", nil},
	{TypeTSIG, "TSIG", nil},
	{typeIXFR, "IXFR", nil},
	{TypeAXFR, "AXFR", nil},
	{TypeANY, "ANY", nil},
}

// fieldsOf is nil for a type that is not known.
func fieldsOf(t Type) []field {
	for i := range layouts {
		if layouts[i].t == t {
			return layouts[i].fields
		}
	}
	return nil
}

// String is the type's name, or "TYPE99" (RFC 3597 §5).
func (t Type) String() string {
	for i := range layouts {
		if layouts[i].t == t {
			return layouts[i].name
		}
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// ParseType reads what String writes, in small or capital letters.
func ParseType(s string) (Type, bool) {
	s = strings.ToUpper(s)
	for i := range layouts {
		if layouts[i].name == s {
			return layouts[i].t, true
		}
	}
	if digits, ok := strings.CutPrefix(s, "TYPE"); ok {
		n, err := strconv.ParseUint(digits, 10, 16)
		return Type(n), err == nil
	}
	return 0, false
}

// Class is the class of a record; all but ClassIN are history, or protocol.
type Class uint16

const (
	ClassIN  Class = 1 // the internet
	ClassANY Class = 255
)

// String is "IN", or "CLASS99" (RFC 3597 §5).
func (c Class) String() string {
	if c == ClassIN {
		return "IN"
	}
	return "CLASS" + strconv.Itoa(int(c))
}

// RCode says how a server has taken a question.
type RCode uint16

// The rcodes of RFC 1035 §4.1.1, and those that this package acts on.
const (
	NoError   RCode = 0
	FormErr   RCode = 1
	ServFail  RCode = 2
	NXDomain  RCode = 3
	NotImp    RCode = 4
	Refused   RCode = 5
	NotAuth   RCode = 9
	BadVers   RCode = 16 // with TSIG: BADSIG
	BadCookie RCode = 23
)

var rcodeNames = [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
	"YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"}

// String is the rcode's name, or "RCODE15".
func (r RCode) String() string {
	switch {
	case int(r) < len(rcodeNames):
		return rcodeNames[r]
	case r == BadVers:
		return "BADVERS"
	case r == BadCookie:
		return "BADCOOKIE"
	}
	return "RCODE" + strconv.Itoa(int(r))
}
