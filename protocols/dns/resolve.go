package dns

import (
	"context"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"kaiwire/protocols/coded"
)

// checkName validates a name (RFC 1035 §2.3.4) and returns it with the dot at
// its end.
func checkName(name string) (string, error) {
	refuse := func(why string) (string, error) {
		return "", invalid("The name " + strconv.Quote(name) + " " + why)
	}
	for _, c := range []byte(name) {
		switch {
		case c > '~':
			return refuse("has letters outside ASCII; it has to be given in its xn-- form.")
		case c <= ' ' || c == '\\':
			return refuse("has characters that no name has.")
		}
	}
	if name == "." {
		return name, nil
	}
	bare := strings.TrimSuffix(name, ".")
	if len(bare) > 253 {
		return "", invalid("The name is longer than 255 octets.")
	}
	for label := range strings.SplitSeq(bare, ".") {
		if label == "" {
			return refuse("has an empty label.")
		}
		if len(label) > 63 {
			return refuse("has a label longer than 63 octets.")
		}
	}
	return bare + ".", nil
}

// sameName compares names as RFC 4343 has it.
func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// resolve returns the data of name's records of one type.
//
// Errors, besides those of Query, all with the rcode as Response:
// coded.ENOTFOUND (NXDOMAIN), coded.ENODATA (NOERROR without such a record),
// coded.EFORMERR, coded.ENOTIMP, coded.EREFUSED, and coded.ESERVFAIL for
// SERVFAIL and rcodes of no meaning here.
func resolve[D Data](ctx context.Context, r *Resolver, name string, t Type) ([]D, error) {
	answer, err := r.Query(ctx, name, t)
	if err != nil {
		return nil, err
	}
	code := coded.ESERVFAIL
	switch answer.RCode {
	case NoError:
		found, err := follow[D](answer, name)
		if err != nil || len(found) > 0 {
			return found, err
		}
		code = coded.ENODATA
	case FormErr:
		code = coded.EFORMERR
	case NXDomain:
		code = coded.ENOTFOUND
	case NotImp:
		code = coded.ENOTIMP
	case Refused:
		code = coded.EREFUSED
	}
	e := coded.New(code, protocol, "", nil)
	e.Response = answer.RCode.String()
	return nil, e
}

// maxAliases bounds a chain of CNAME records.
const maxAliases = 16

// follow collects the data of the records of type D that name has, or the name
// that it is an alias of within the answer.
func follow[D Data](answer *Answer, name string) ([]D, error) {
	name, err := checkName(name)
	if err != nil {
		return nil, err
	}
	if name != "." {
		name = strings.TrimSuffix(name, ".")
	}
	for range maxAliases {
		var found []D
		alias := ""
		for _, record := range answer.Answers {
			if !sameName(record.Name, name) {
				continue
			}
			if d, ok := record.Data.(D); ok {
				found = append(found, d)
			} else if d, ok := record.Data.(*CNAME); ok {
				alias = d.Target
			}
		}
		if len(found) > 0 || alias == "" {
			return found, nil
		}
		name = alias
	}
	return nil, coded.New(coded.EPROTO, protocol, "The name is an alias of an alias, without end.", nil)
}

// Resolve4 returns the IPv4 addresses of name.
func (r *Resolver) Resolve4(ctx context.Context, name string) ([]netip.Addr, error) {
	return each(ctx, r, name, TypeA, func(d *A) netip.Addr { return d.Addr })
}

// Resolve6 returns the IPv6 addresses of name.
func (r *Resolver) Resolve6(ctx context.Context, name string) ([]netip.Addr, error) {
	return each(ctx, r, name, TypeAAAA, func(d *AAAA) netip.Addr { return d.Addr })
}

// ResolveMX returns the mail servers of name, those to be tried first first.
func (r *Resolver) ResolveMX(ctx context.Context, name string) ([]MX, error) {
	list, err := each(ctx, r, name, TypeMX, func(d *MX) MX { return *d })
	slices.SortStableFunc(list, func(a, b MX) int { return int(a.Preference) - int(b.Preference) })
	return list, err
}

// ResolveTXT returns the texts of name; each is a list of strings, which most
// uses want joined.
func (r *Resolver) ResolveTXT(ctx context.Context, name string) ([][]string, error) {
	return each(ctx, r, name, TypeTXT, func(d *TXT) []string { return d.Strings })
}

// ResolveSRV returns the servers of a service ("_imaps._tcp.example.org"), by
// priority; choosing by weight is the caller's part.
func (r *Resolver) ResolveSRV(ctx context.Context, name string) ([]SRV, error) {
	list, err := each(ctx, r, name, TypeSRV, func(d *SRV) SRV { return *d })
	slices.SortStableFunc(list, func(a, b SRV) int { return int(a.Priority) - int(b.Priority) })
	return list, err
}

// ResolvePTR returns what name points to. For the names of an address see
// Reverse.
func (r *Resolver) ResolvePTR(ctx context.Context, name string) ([]string, error) {
	return each(ctx, r, name, TypePTR, func(d *PTR) string { return d.Target })
}

func each[D Data, T any](ctx context.Context, r *Resolver, name string, t Type, get func(D) T) ([]T, error) {
	found, err := resolve[D](ctx, r, name, t)
	if err != nil {
		return nil, err
	}
	list := make([]T, len(found))
	for i, d := range found {
		list[i] = get(d)
	}
	return list, nil
}

// Reverse returns the names of an IP address (RFC 1035 §3.5, RFC 3596 §2.5).
func (r *Resolver) Reverse(ctx context.Context, ip string) ([]string, error) {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Zone() != "" {
		return nil, invalid(strconv.Quote(ip) + " is not an IP address.")
	}
	return r.ResolvePTR(ctx, reverseName(addr))
}

func reverseName(addr netip.Addr) string {
	var labels []string
	zone := ".ip6.arpa"
	if addr = addr.Unmap(); addr.Is4() {
		labels, zone = strings.Split(addr.String(), "."), ".in-addr.arpa"
	} else {
		b := addr.As16()
		labels = strings.Split(hex.EncodeToString(b[:]), "")
	}
	slices.Reverse(labels)
	return strings.Join(labels, ".") + zone
}
