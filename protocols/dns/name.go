package dns

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how long a name may be as it is sent, with the length of each
// label and the root's (RFC 1035 §2.3.4).
const maxName = 255

// parseName validates a name that an app gives and returns it as it is sent.
// Labels with letters outside ASCII become xn-- (RFC 5891).
func parseName(name string) ([]byte, error) {
	refuse := func(why string) ([]byte, error) { return nil, invalid("The name " + strconv.Quote(name) + " " + why) }
	wire := make([]byte, 0, len(name)+2)
	if name == "." {
		return append(wire, 0), nil
	}
	if !isASCII(name) {
		name = fullStops.Replace(name)
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		for _, c := range []byte(label) {
			if c <= ' ' || c == '\\' || c == 0x7f {
				return refuse("has characters that no name has.")
			}
		}
		if !isASCII(label) {
			encoded, ok := punycode(label)
			if !ok {
				return refuse("has a label that can't be encoded.")
			}
			label = "xn--" + encoded
		}
		switch {
		case label == "":
			return refuse("has an empty label.")
		case len(label) > 63:
			return refuse("has a label longer than 63 octets.")
		}
		wire = append(append(wire, byte(len(label))), label...)
	}
	if len(wire)+1 > maxName {
		return nil, invalid("The name is longer than 255 octets.")
	}
	return append(wire, 0), nil
}

// fullStops are what other keyboards have in place of the dot (RFC 3490 §3.1).
var fullStops = strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".")

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// punycode encodes a label (RFC 3492), in small letters. It does not compose
// characters, which is the part of whoever has the tables for that.
func punycode(label string) (string, bool) {
	const (
		base, tMin, tMax, skew, damp = 36, 1, 26, 38, 700
		digits                       = "abcdefghijklmnopqrstuvwxyz0123456789"
	)
	var out []byte
	var runes []rune
	for _, r := range label {
		if r == utf8.RuneError {
			return "", false
		}
		r = unicode.ToLower(r)
		runes = append(runes, r)
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
		}
	}
	if len(runes) > 63 {
		return "", false
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(utf8.RuneSelf), 0, 72
	for done := basic; done < len(runes); n++ {
		next := rune(unicode.MaxRune)
		for _, r := range runes {
			if r >= n && r < next {
				next = r
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			q := delta
			for k := base; ; k += base {
				t := min(max(k-bias, tMin), tMax)
				if q < t {
					break
				}
				out = append(out, digits[t+(q-t)%(base-t)])
				q = (q - t) / (base - t)
			}
			out = append(out, digits[q])
			// RFC 3492 §6.1
			if done == basic {
				delta /= damp
			} else {
				delta /= 2
			}
			done++
			delta += delta / done
			k := 0
			for ; delta > (base-tMin)*tMax/2; k += base {
				delta /= base - tMin
			}
			bias = k + (base-tMin+1)*delta/(delta+skew)
			delta = 0
		}
		delta++
	}
	return string(out), true
}

// nameText writes a name that was sent: without the dot at its end, but "." for
// the root; bytes that can't be shown, and dots in labels, as RFC 1035 §5.1 has
// it.
func nameText(wire []byte) string {
	if len(wire) < 2 {
		return "."
	}
	plain := true
	for i := 0; wire[i] != 0; i += 1 + int(wire[i]) {
		for _, c := range wire[i+1 : i+1+int(wire[i])] {
			plain = plain && c > ' ' && c <= '~' && strings.IndexByte(specials, c) < 0
		}
	}
	text := make([]byte, 0, len(wire))
	for i := 0; wire[i] != 0; i += 1 + int(wire[i]) {
		if i > 0 {
			text = append(text, '.')
		}
		label := wire[i+1 : i+1+int(wire[i])]
		if plain {
			text = append(text, label...)
		} else {
			text = appendEscaped(text, label, specials)
		}
	}
	return string(text)
}

// specials are the bytes that mean something in a name of a zone file.
const specials = `.\"();@$`

// absolute is a name as zone files have it, with the dot at its end.
func absolute(name string) string {
	if name == "." {
		return name
	}
	return name + "."
}

// appendEscaped writes bytes that can't be shown as \DDD, and those of quote
// with a backslash before them.
func appendEscaped(text, b []byte, quote string) []byte {
	for _, c := range b {
		switch {
		case c < ' ' || c > '~' || c == ' ' && quote == specials:
			text = append(text, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		case strings.IndexByte(quote, c) >= 0:
			text = append(text, '\\', c)
		default:
			text = append(text, c)
		}
	}
	return text
}

// equalName compares names as RFC 4343 has it: what is sent, or what is shown.
// The lengths of labels are no letters.
func equalName[S string | []byte](a, b S) bool {
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

// LowerName is a name as it is sent, in small letters; the lengths in it are no
// letters.
func LowerName(wire []byte) []byte {
	small := make([]byte, len(wire))
	for i, c := range wire {
		small[i] = lower(c)
	}
	return small
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
