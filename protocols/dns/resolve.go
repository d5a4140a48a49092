package dns

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"kaiwire/protocols/coded"
)

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

// CAA says who may issue certificates (RFC 8659).
type CAA struct {
	Flags      uint8 // 128: critical
	Tag, Value string
}

// NAPTR is a rule for rewriting (RFC 3403).
type NAPTR struct {
	Order, Preference      uint16
	Flags, Service, RegExp string
	Replacement            string
}

// TLSA is a certificate or key of a server (RFC 6698).
type TLSA struct {
	Usage, Selector, Matching uint8
	Data                      []byte
}

// SVCB tells how to reach a service (RFC 9460); with Priority 0 it is an alias.
// Target "." is the record's own name.
type SVCB struct {
	Priority uint16
	Target   string
	Params   []SvcParam
}

func (r *reader) text() string { return string(r.bytes(int(r.u8()))) }

func (r *reader) domain() string {
	wire := r.name(nil)
	if r.err != nil {
		return "."
	}
	return nameText(wire)
}

// alias is the name that a record of type CNAME leads to.
func (record *Record) alias() string {
	r := reader{message: record.Data}
	return r.domain()
}

// code is what an answer's rcode means where records were wanted: coded.ENODATA
// for NoError.
func (a *Answer) code() coded.Code {
	switch a.RCode {
	case NoError:
		return coded.ENODATA
	case FormErr:
		return coded.EFORMERR
	case NXDomain:
		return coded.ENOTFOUND
	case NotImp:
		return coded.ENOTIMP
	case Refused:
		return coded.EREFUSED
	}
	return coded.ESERVFAIL
}

// Records returns the records of one type that name has, or the name that it
// is an alias of.
//
// Errors, besides those of Query, all with the rcode as Response:
// coded.ENOTFOUND (NXDOMAIN), coded.ENODATA (NOERROR without such a record),
// coded.EFORMERR, coded.ENOTIMP, coded.EREFUSED, and coded.ESERVFAIL for
// SERVFAIL and rcodes of no meaning here.
func (r *Resolver) Records(ctx context.Context, name string, t Type) ([]Record, error) {
	answer, err := r.Query(ctx, name, t)
	if err != nil {
		return nil, err
	}
	if answer.RCode == NoError {
		found, err := answer.Follow(name, t)
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	e := coded.New(answer.code(), protocol, "", nil)
	e.Response = answer.RCode.String()
	return nil, e
}

// maxAliases bounds a chain of CNAME records.
const maxAliases = 16

// Follow collects the records of a type that name has, or the name that it is
// an alias of within the answer. It fails with coded.EPROTO where the aliases
// have no end, and coded.EINVAL where name is not one.
func (a *Answer) Follow(name string, t Type) ([]Record, error) {
	wire, err := parseName(name)
	if err != nil {
		return nil, err
	}
	name = nameText(wire)
	for range maxAliases {
		var found []Record
		alias := ""
		for i := range a.Answers {
			record := &a.Answers[i]
			switch {
			case record.Class != ClassIN || !equalName(record.Name, name):
			case record.Type == t || t == TypeANY:
				found = append(found, *record)
			case record.Type == TypeCNAME:
				alias = record.alias()
			}
		}
		if len(found) > 0 || alias == "" {
			return found, nil
		}
		name = alias
	}
	return nil, coded.New(coded.EPROTO, protocol, "The name is an alias of an alias, without end.", nil)
}

// each reads the data of name's records of one type.
func each[T any](ctx context.Context, r *Resolver, name string, t Type, read func(r *reader) T) ([]T, error) {
	records, err := r.Records(ctx, name, t)
	if err != nil {
		return nil, err
	}
	list := make([]T, 0, len(records))
	for i := range records {
		data := reader{message: records[i].Data}
		item := read(&data)
		if data.err != nil || data.at != len(data.message) {
			return nil, unreadable(errShort)
		}
		list = append(list, item)
	}
	return list, nil
}

// Resolve4 returns the IPv4 addresses of name.
func (r *Resolver) Resolve4(ctx context.Context, name string) ([]netip.Addr, error) {
	return each(ctx, r, name, TypeA, func(d *reader) netip.Addr { a, _ := netip.AddrFromSlice(d.bytes(4)); return a })
}

// Resolve6 returns the IPv6 addresses of name.
func (r *Resolver) Resolve6(ctx context.Context, name string) ([]netip.Addr, error) {
	return each(ctx, r, name, TypeAAAA, func(d *reader) netip.Addr { a, _ := netip.AddrFromSlice(d.bytes(16)); return a })
}

// ResolveMX returns the mail servers of name, those to be tried first first.
func (r *Resolver) ResolveMX(ctx context.Context, name string) ([]MX, error) {
	list, err := each(ctx, r, name, TypeMX, func(d *reader) MX { return MX{d.u16(), d.domain()} })
	slices.SortStableFunc(list, func(a, b MX) int { return int(a.Preference) - int(b.Preference) })
	return list, err
}

// ResolveTXT returns the texts of name; each is a list of strings, which most
// uses want joined.
func (r *Resolver) ResolveTXT(ctx context.Context, name string) ([][]string, error) {
	return each(ctx, r, name, TypeTXT, func(d *reader) []string { return d.field(field{kind: charStrings}, false).List })
}

// ResolveSRV returns the servers of a service ("_imaps._tcp.example.org"), by
// priority; choosing by weight is the caller's part.
func (r *Resolver) ResolveSRV(ctx context.Context, name string) ([]SRV, error) {
	list, err := each(ctx, r, name, TypeSRV, func(d *reader) SRV { return SRV{d.u16(), d.u16(), d.u16(), d.domain()} })
	slices.SortStableFunc(list, func(a, b SRV) int { return int(a.Priority) - int(b.Priority) })
	return list, err
}

// ResolveCAA returns who may issue certificates for name. Without an answer its
// parents are to be asked (RFC 8659 §3), which this does not.
func (r *Resolver) ResolveCAA(ctx context.Context, name string) ([]CAA, error) {
	return each(ctx, r, name, TypeCAA, func(d *reader) CAA { return CAA{d.u8(), d.text(), string(d.rest())} })
}

// ResolveNAPTR returns the rules of name, in the order in which they apply.
func (r *Resolver) ResolveNAPTR(ctx context.Context, name string) ([]NAPTR, error) {
	list, err := each(ctx, r, name, TypeNAPTR, func(d *reader) NAPTR {
		return NAPTR{d.u16(), d.u16(), d.text(), d.text(), d.text(), d.domain()}
	})
	slices.SortStableFunc(list, func(a, b NAPTR) int {
		if a.Order != b.Order {
			return int(a.Order) - int(b.Order)
		}
		return int(a.Preference) - int(b.Preference)
	})
	return list, err
}

// ResolveTLSA returns the certificates of a server ("_993._tcp.example.org").
// They are worth what the answer is: see package dnssec.
func (r *Resolver) ResolveTLSA(ctx context.Context, name string) ([]TLSA, error) {
	return each(ctx, r, name, TypeTLSA, func(d *reader) TLSA { return TLSA{d.u8(), d.u8(), d.u8(), d.rest()} })
}

// ResolveHTTPS returns how to reach the web server of name, best first.
func (r *Resolver) ResolveHTTPS(ctx context.Context, name string) ([]SVCB, error) {
	list, err := each(ctx, r, name, TypeHTTPS, func(d *reader) SVCB { return SVCB{d.u16(), d.domain(), d.params()} })
	slices.SortStableFunc(list, func(a, b SVCB) int { return int(a.Priority) - int(b.Priority) })
	return list, err
}

// ResolvePTR returns what name points to. For the names of an address see
// Reverse.
func (r *Resolver) ResolvePTR(ctx context.Context, name string) ([]string, error) {
	return each(ctx, r, name, TypePTR, (*reader).domain)
}

// ResolveNS returns the name servers of the zone name.
func (r *Resolver) ResolveNS(ctx context.Context, name string) ([]string, error) {
	return each(ctx, r, name, TypeNS, (*reader).domain)
}

// ResolveCNAME returns what name is an alias of.
func (r *Resolver) ResolveCNAME(ctx context.Context, name string) ([]string, error) {
	return each(ctx, r, name, TypeCNAME, (*reader).domain)
}

// ResolveSOA returns the start of the zone name.
func (r *Resolver) ResolveSOA(ctx context.Context, name string) (SOA, error) {
	list, err := each(ctx, r, name, TypeSOA, func(d *reader) SOA {
		return SOA{d.domain(), d.domain(), d.u32(), d.u32(), d.u32(), d.u32(), d.u32()}
	})
	if err != nil {
		return SOA{}, err
	}
	return list[0], nil
}

// Reverse returns the names of an IP address.
func (r *Resolver) Reverse(ctx context.Context, ip string) ([]string, error) {
	name, err := ReverseName(ip)
	if err != nil {
		return nil, err
	}
	return r.ResolvePTR(ctx, name)
}

// ReverseName is the name whose PTR records have the names of an IP address
// (RFC 1035 §3.5, RFC 3596 §2.5). It fails with coded.EINVAL.
func ReverseName(ip string) (string, error) {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Zone() != "" {
		return "", invalid(strconv.Quote(ip) + " is not an IP address.")
	}
	return reverseName(addr), nil
}

// resolutionDelay is how long one family of addresses waits for the other (RFC
// 8305 §3).
const resolutionDelay = 50 * time.Millisecond

// Lookup returns the addresses of a host: the IPv6 ones and then the IPv4 ones,
// or of one family only (4 or 6; 0 for both). Both are asked for at a time, and
// whichever comes first does not wait long for the other. An IP address is its
// own, and localhost is the loopback interface (RFC 6761 §6.3).
//
// Errors are those of Records: coded.ENOTFOUND, coded.ENODATA, …
func (r *Resolver) Lookup(ctx context.Context, host string, family int) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" {
		if addr = addr.Unmap(); family == 0 || addr.Is4() == (family == 4) {
			return []netip.Addr{addr}, nil
		}
		return nil, coded.New(coded.ENODATA, protocol, "", nil)
	}
	if wire, err := parseName(host); err == nil && isLocalhost(wire) {
		six, four := netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})
		return slices.DeleteFunc([]netip.Addr{six, four}, func(a netip.Addr) bool {
			return family != 0 && a.Is4() != (family == 4)
		}), nil
	}
	switch family {
	case 0:
	case 4:
		return r.Resolve4(ctx, host)
	case 6:
		return r.Resolve6(ctx, host)
	default:
		return nil, invalid("The family of addresses has to be 4, 6 or 0 for both.")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		six  bool
		list []netip.Addr
		err  error
	}
	results := make(chan result, 2)
	for _, six := range []bool{true, false} {
		resolve := r.Resolve4
		if six {
			resolve = r.Resolve6
		}
		go func() {
			list, err := resolve(ctx, host)
			results <- result{six, list, err}
		}()
	}
	var six, four []netip.Addr
	var failed error
	var enough <-chan time.Time
	for range 2 {
		select {
		case got := <-results:
			switch {
			case got.err != nil:
				// That the name has no address of one family says less than
				// whatever is wrong with the other.
				if failed == nil || coded.From(failed, protocol).Code == coded.ENODATA {
					failed = got.err
				}
				continue
			case got.six:
				six = got.list
			default:
				four = got.list
			}
			timer := time.NewTimer(resolutionDelay)
			defer timer.Stop()
			enough = timer.C
		case <-enough:
		}
	}
	if len(six)+len(four) > 0 {
		return append(six, four...), nil
	}
	return nil, failed
}

// LookupAddrs makes a Resolver a dial.Resolver.
func (r *Resolver) LookupAddrs(ctx context.Context, host string) ([]netip.Addr, error) {
	return r.Lookup(ctx, host, 0)
}

func isLocalhost(wire []byte) bool {
	const localhost = "\x09localhost\x00"
	if len(wire) < len(localhost) || !equalName(string(wire[len(wire)-len(localhost):]), localhost) {
		return false
	}
	at := 0
	for at < len(wire)-len(localhost) {
		at += 1 + int(wire[at])
	}
	return at == len(wire)-len(localhost)
}
