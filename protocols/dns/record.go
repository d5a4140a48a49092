package dns

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"kaiwire/protocols/coded"
)

// Type is the type of a record (IANA, "Resource Record (RR) TYPEs").
type Type uint16

// The types whose data this package takes apart, and ANY.
const (
	TypeA     Type = 1
	TypeNS    Type = 2
	TypeCNAME Type = 5
	TypeSOA   Type = 6
	TypePTR   Type = 12
	TypeHINFO Type = 13
	TypeMX    Type = 15
	TypeTXT   Type = 16
	TypeAAAA  Type = 28
	TypeSRV   Type = 33
	TypeSVCB  Type = 64
	TypeHTTPS Type = 65
	TypeANY   Type = 255
)

const typeOPT Type = 41

var typeNames = []struct {
	t    Type
	name string
}{
	{TypeA, "A"}, {TypeNS, "NS"}, {TypeCNAME, "CNAME"}, {TypeSOA, "SOA"}, {TypePTR, "PTR"}, {TypeHINFO, "HINFO"},
	{TypeMX, "MX"}, {TypeTXT, "TXT"}, {TypeAAAA, "AAAA"}, {TypeSRV, "SRV"}, {TypeSVCB, "SVCB"},
	{TypeHTTPS, "HTTPS"}, {TypeANY, "ANY"},
}

// String is the type's name, or "TYPE99" (RFC 3597 §5).
func (t Type) String() string {
	for _, n := range typeNames {
		if n.t == t {
			return n.name
		}
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// ParseType reads what String writes, in small or capital letters.
func ParseType(s string) (Type, bool) {
	s = strings.ToUpper(s)
	for _, n := range typeNames {
		if n.name == s {
			return n.t, true
		}
	}
	if digits, ok := strings.CutPrefix(s, "TYPE"); ok {
		n, err := strconv.ParseUint(digits, 10, 16)
		return Type(n), err == nil
	}
	return 0, false
}

// Class is the class of a record; all but ClassIN are history.
type Class uint16

// ClassIN is the internet.
const ClassIN Class = 1

// String is "IN", or "CLASS99" (RFC 3597 §5).
func (c Class) String() string {
	if c == ClassIN {
		return "IN"
	}
	return "CLASS" + strconv.Itoa(int(c))
}

// RCode says how a server has taken a question.
type RCode uint16

// The rcodes of RFC 1035 §4.1.1.
const (
	NoError  RCode = 0
	FormErr  RCode = 1
	ServFail RCode = 2
	NXDomain RCode = 3
	NotImp   RCode = 4
	Refused  RCode = 5
)

var rcodeNames = [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
	"YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"}

// String is the rcode's name, or "RCODE15".
func (r RCode) String() string {
	if int(r) < len(rcodeNames) {
		return rcodeNames[r]
	}
	return "RCODE" + strconv.Itoa(int(r))
}

// Record is a resource record. Names in it have no dot at their end, but the
// root is "."; bytes in them that can't be shown are written as RFC 1035 §5.1
// has it ("\007").
type Record struct {
	Name  string
	Type  Type
	Class Class
	TTL   uint32 // seconds
	Data  Data
}

// Data is what a record says: a pointer to one of the structs below.
type Data interface{ data() }

// A is an IPv4 address.
type A struct{ Addr netip.Addr }

// AAAA is an IPv6 address (RFC 3596).
type AAAA struct{ Addr netip.Addr }

// CNAME is the name that this one is an alias of.
type CNAME struct{ Target string }

// NS is a name server of the zone.
type NS struct{ Target string }

// PTR is a name, mostly of an address.
type PTR struct{ Target string }

// HINFO tells of a host, or that ANY is not answered (RFC 8482).
type HINFO struct{ CPU, OS string }

// MX is a mail server; the lowest preference is tried first. Exchange is "."
// where the name takes no mail (RFC 7505).
type MX struct {
	Preference uint16
	Exchange   string
}

// SOA is the start of a zone. Times are seconds.
type SOA struct {
	MName, RName                            string
	Serial, Refresh, Retry, Expire, Minimum uint32
}

// SRV is a server of a service (RFC 2782).
type SRV struct {
	Priority, Weight, Port uint16
	Target                 string
}

// TXT is one or more strings of any bytes.
type TXT struct{ Strings []string }

// SVCB tells how to reach a service (RFC 9460); with Priority 0 it is an alias.
// Target "." is the record's own name.
type SVCB struct {
	Priority uint16
	Target   string
	Params   []SvcParam
}

// HTTPS is the SVCB of web servers.
type HTTPS SVCB

// Unknown is the data of every other type, as it came (RFC 3597).
type Unknown struct{ Data []byte }

func (*A) data()       {}
func (*AAAA) data()    {}
func (*CNAME) data()   {}
func (*NS) data()      {}
func (*PTR) data()     {}
func (*HINFO) data()   {}
func (*MX) data()      {}
func (*SOA) data()     {}
func (*SRV) data()     {}
func (*TXT) data()     {}
func (*SVCB) data()    {}
func (*HTTPS) data()   {}
func (*Unknown) data() {}

// SvcParam is a parameter of a service binding.
type SvcParam struct {
	Key   uint16
	Value []byte // as it came
}

var svcKeys = [...]string{"mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp"}

func svcKey(k uint16) string {
	if int(k) < len(svcKeys) {
		return svcKeys[k]
	}
	return "key" + strconv.Itoa(int(k))
}

// String is the parameter as zone files have it, such as "alpn=h2,h3"; a value
// that does not fit its key is written as hexadecimal digits.
func (p SvcParam) String() string {
	key := svcKey(p.Key)
	if len(p.Value) == 0 {
		return key
	}
	v, ok := p.text()
	if !ok {
		v = hex.EncodeToString(p.Value)
	}
	return key + "=" + v
}

func (p SvcParam) text() (string, bool) {
	var list []string
	v := p.Value
	switch svcKey(p.Key) {
	case "mandatory":
		for ; len(v) >= 2; v = v[2:] {
			list = append(list, svcKey(uint16(v[0])<<8|uint16(v[1])))
		}
		return strings.Join(list, ","), len(v) == 0
	case "alpn":
		for len(v) > 0 {
			n := int(v[0])
			if len(v) < 1+n {
				return "", false
			}
			list = append(list, escape(v[1:1+n], ','))
			v = v[1+n:]
		}
		return strings.Join(list, ","), true
	case "port":
		if len(v) != 2 {
			return "", false
		}
		return strconv.Itoa(int(v[0])<<8 | int(v[1])), true
	case "ipv4hint", "ipv6hint":
		size := 4
		if svcKey(p.Key) == "ipv6hint" {
			size = 16
		}
		for ; len(v) >= size; v = v[size:] {
			a, _ := netip.AddrFromSlice(v[:size])
			list = append(list, a.String())
		}
		return strings.Join(list, ","), len(v) == 0
	case "ech":
		return base64.StdEncoding.EncodeToString(v), true
	case "dohpath":
		return escape(v, 0), true
	}
	return "", false
}

// escape writes bytes that can't be shown, the backslash and also as RFC 1035
// §5.1 has it.
func escape(b []byte, also byte) string {
	var s strings.Builder
	for _, c := range b {
		switch {
		case c <= ' ' || c > '~':
			s.WriteByte('\\')
			s.WriteByte('0' + c/100)
			s.WriteByte('0' + c/10%10)
			s.WriteByte('0' + c%10)
		case c == '\\' || c == also:
			s.WriteByte('\\')
			fallthrough
		default:
			s.WriteByte(c)
		}
	}
	return s.String()
}

func text(n dnsmessage.Name) string {
	b := n.Data[:n.Length]
	if len(b) > 1 {
		b = b[:len(b)-1]
	}
	return escape(b, 0)
}

// maxRecords bounds an answer, whose 64 KiB may otherwise become many
// megabytes by compression.
const maxRecords = 1024

// parse reads a message that is known to answer a question of ours.
func parse(message []byte) (*Answer, error) {
	var p dnsmessage.Parser
	h, err := p.Start(message)
	if err == nil {
		err = p.SkipAllQuestions()
	}
	if err != nil {
		return nil, unreadable(err)
	}
	a := &Answer{RCode: RCode(h.RCode), Authoritative: h.Authoritative, Truncated: h.Truncated, RecursionAvailable: h.RecursionAvailable}
	count := 0
	for _, section := range []struct {
		header  func() (dnsmessage.ResourceHeader, error)
		skip    func() error
		records *[]Record
	}{
		{p.AnswerHeader, p.SkipAnswer, &a.Answers},
		{p.AuthorityHeader, p.SkipAuthority, &a.Authorities},
		{p.AdditionalHeader, p.SkipAdditional, &a.Additionals},
	} {
		for {
			h, err := section.header()
			if err == dnsmessage.ErrSectionDone {
				break
			}
			if err != nil {
				return nil, unreadable(err)
			}
			if count++; count > maxRecords {
				return nil, coded.New(coded.ELIMIT, protocol, "The answer has too many records.", nil)
			}
			// The parser's own record readers go by what they expect to
			// find; skipping checks the length that the record claims.
			before := p
			if err := section.skip(); err != nil {
				return nil, unreadable(err)
			}
			if Type(h.Type) == typeOPT {
				continue
			}
			p = before
			data, err := parseData(&p, h)
			if err != nil {
				return nil, unreadable(err)
			}
			*section.records = append(*section.records, Record{Name: text(h.Name), Type: Type(h.Type), Class: Class(h.Class), TTL: h.TTL, Data: data})
		}
	}
	return a, nil
}

func unreadable(err error) error { return coded.New(coded.EPROTO, protocol, "", err) }

// parseData reads the data of the record with header h.
func parseData(p *dnsmessage.Parser, h dnsmessage.ResourceHeader) (Data, error) {
	data, err := parseKnown(p, h)
	if err != nil && strings.Contains(err.Error(), "invalid dns name") {
		// A label with a dot in it, which is legal, and usual in the
		// mailbox of a SOA ("first\.last"), but more than the parser can
		// hold. The rest of the answer need not suffer for it.
		data, err = nil, nil
	}
	if data == nil && err == nil {
		var r dnsmessage.UnknownResource
		if r, err = p.UnknownResource(); err != nil {
			return nil, err
		}
		data = &Unknown{r.Data}
		if Type(h.Type) == TypeHINFO {
			cpu, rest, ok := characterString(r.Data)
			os, rest, ok2 := characterString(rest)
			if ok && ok2 && len(rest) == 0 {
				data = &HINFO{cpu, os}
			}
		}
	}
	return data, err
}

// characterString takes a <character-string> off b (RFC 1035 §3.3).
func characterString(b []byte) (s string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	return string(b[1 : 1+b[0]]), b[1+b[0]:], true
}

// parseKnown returns nil for types, classes and lengths that it does not know.
func parseKnown(p *dnsmessage.Parser, h dnsmessage.ResourceHeader) (Data, error) {
	if Class(h.Class) != ClassIN {
		return nil, nil
	}
	switch Type(h.Type) {
	case TypeA:
		if h.Length != 4 {
			return nil, nil
		}
		r, err := p.AResource()
		return &A{netip.AddrFrom4(r.A)}, err
	case TypeAAAA:
		if h.Length != 16 {
			return nil, nil
		}
		r, err := p.AAAAResource()
		return &AAAA{netip.AddrFrom16(r.AAAA)}, err
	case TypeCNAME:
		r, err := p.CNAMEResource()
		return &CNAME{text(r.CNAME)}, err
	case TypeNS:
		r, err := p.NSResource()
		return &NS{text(r.NS)}, err
	case TypePTR:
		r, err := p.PTRResource()
		return &PTR{text(r.PTR)}, err
	case TypeMX:
		r, err := p.MXResource()
		return &MX{r.Pref, text(r.MX)}, err
	case TypeSOA:
		r, err := p.SOAResource()
		return &SOA{text(r.NS), text(r.MBox), r.Serial, r.Refresh, r.Retry, r.Expire, r.MinTTL}, err
	case TypeSRV:
		r, err := p.SRVResource()
		return &SRV{r.Priority, r.Weight, r.Port, text(r.Target)}, err
	case TypeTXT:
		r, err := p.TXTResource()
		return &TXT{r.TXT}, err
	case TypeSVCB:
		r, err := p.SVCBResource()
		return svcb(&r), err
	case TypeHTTPS:
		r, err := p.HTTPSResource()
		return (*HTTPS)(svcb(&r.SVCBResource)), err
	}
	return nil, nil
}

func svcb(r *dnsmessage.SVCBResource) *SVCB {
	s := &SVCB{Priority: r.Priority, Target: text(r.Target)}
	for _, p := range r.Params {
		s.Params = append(s.Params, SvcParam{uint16(p.Key), p.Value})
	}
	return s
}
