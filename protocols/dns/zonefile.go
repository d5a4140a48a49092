package dns

import (
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ParseRecord reads a record as String writes it: one line of a zone file,
// with absolute names (the dot at their end may be left out), a TTL, a class
// and a type. The data may be of any type in the form of RFC 3597.
//
// Errors: coded.EINVAL.
func ParseRecord(line string) (*Record, error) {
	words, ok := splitLine(line)
	if !ok || len(words) < 4 {
		return nil, invalidRecord(line)
	}
	owner, ok := zoneName(words[0].text)
	if !ok {
		return nil, invalidRecord(line)
	}
	ttl, err := strconv.ParseUint(words[1].text, 10, 31)
	if err != nil {
		return nil, invalidRecord(line)
	}
	class, ok := parseClass(words[2].text)
	if !ok {
		return nil, invalidRecord(line)
	}
	t, ok := ParseType(words[3].text)
	if !ok {
		return nil, invalidRecord(line)
	}
	record := &Record{Name: nameText(owner), Type: t, Class: class, TTL: uint32(ttl)}
	if record.Data, ok = parseData(t, class, words[4:]); !ok {
		return nil, invalidRecord(line)
	}
	return record, nil
}

func invalidRecord(line string) error {
	return invalid("This is no record as zone files have it: " + strconv.Quote(line) + ".")
}

func parseClass(s string) (Class, bool) {
	if s = strings.ToUpper(s); s == "IN" {
		return ClassIN, true
	}
	digits, ok := strings.CutPrefix(s, "CLASS")
	n, err := strconv.ParseUint(digits, 10, 16)
	return Class(n), ok && err == nil
}

// word is a word of a line: as it was written, backslashes and all, and
// whether any of it was in quotes.
type word struct {
	text   string
	quoted bool
}

// splitLine splits a line at blanks, up to a comment.
func splitLine(line string) (words []word, ok bool) {
	var current []byte
	begun, quoted, inside := false, false, false
	flush := func() {
		if begun {
			words = append(words, word{string(current), quoted})
		}
		current, begun, quoted = nil, false, false
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\':
			if i+1 == len(line) {
				return nil, false
			}
			current = append(current, c, line[i+1])
			i++
			begun = true
		case c == '"':
			inside = !inside
			begun, quoted = true, true
		case inside:
			current = append(current, c)
		case c == ' ' || c == '\t':
			flush()
		case c == ';':
			flush()
			return words, true
		case c == '\n' || c == '\r':
			return nil, false
		default:
			current = append(current, c)
			begun = true
		}
	}
	flush()
	return words, !inside
}

// unescape reads backslashes (RFC 1035 §5.1). With dots, a byte below 256 is
// one of the text and 256 stands for a dot that was not escaped.
func unescape(s string) (out []uint16, ok bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.':
			out = append(out, 256)
			continue
		case c != '\\':
		case i+1 == len(s):
			return nil, false
		case '0' <= s[i+1] && s[i+1] <= '9':
			if i+4 > len(s) {
				return nil, false
			}
			n, err := strconv.ParseUint(s[i+1:i+4], 10, 8)
			if err != nil {
				return nil, false
			}
			c = byte(n)
			i += 3
		default:
			c = s[i+1]
			i++
		}
		out = append(out, uint16(c))
	}
	return out, true
}

func unescaped(s string) ([]byte, bool) {
	units, ok := unescape(s)
	b := make([]byte, len(units))
	for i, u := range units {
		if b[i] = byte(u); u == 256 {
			b[i] = '.'
		}
	}
	return b, ok
}

// zoneName reads a name as zone files have it.
func zoneName(s string) ([]byte, bool) {
	units, ok := unescape(s)
	if !ok || len(units) == 0 {
		return nil, false
	}
	if len(units) == 1 && units[0] == 256 {
		return []byte{0}, true
	}
	if units[len(units)-1] != 256 {
		units = append(units, 256)
	}
	var wire, label []byte
	for _, u := range units {
		if u != 256 {
			label = append(label, byte(u))
			continue
		}
		if len(label) == 0 || len(label) > 63 {
			return nil, false
		}
		wire = append(append(wire, byte(len(label))), label...)
		label = label[:0]
	}
	return append(wire, 0), len(wire)+1 <= maxName
}

// parseData reads the words of a record's data.
func parseData(t Type, class Class, words []word) ([]byte, bool) {
	if len(words) > 1 && words[0].text == `\#` {
		size, err := strconv.ParseUint(words[1].text, 10, 16)
		data, ok := unhex(join(words[2:]))
		return data, err == nil && ok && len(data) == int(size)
	}
	layout := fieldsOf(t)
	if layout == nil || class != ClassIN {
		return nil, false
	}
	data, ok := []byte{}, true
	for _, f := range layout {
		if data, words, ok = appendField(data, f.kind, words); !ok {
			return nil, false
		}
	}
	return data, len(words) == 0 && len(data) < 1<<16
}

// unhex is hex.DecodeString, whose errors would bring package fmt into a module.
func unhex(s string) ([]byte, bool) {
	if len(s)%2 != 0 {
		return nil, false
	}
	b := make([]byte, len(s)/2)
	for i := range b {
		n, err := strconv.ParseUint(s[2*i:2*i+2], 16, 8)
		if err != nil {
			return nil, false
		}
		b[i] = byte(n)
	}
	return b, true
}

func join(words []word) string {
	var s strings.Builder
	for _, w := range words {
		s.WriteString(w.text)
	}
	return s.String()
}

// appendField reads one part of data off words.
func appendField(data []byte, k kind, words []word) ([]byte, []word, bool) {
	switch k {
	case hexBytes:
		b, ok := unhex(join(words))
		return append(data, b...), nil, ok
	case base64Bytes:
		b, err := base64.StdEncoding.DecodeString(join(words))
		return append(data, b...), nil, err == nil
	case charStrings:
		ok := len(words) > 0
		for _, w := range words {
			var fits bool
			data, fits = appendCharString(data, w.text)
			ok = ok && fits
		}
		return data, nil, ok
	case typeBitmap:
		var list []Type
		for _, w := range words {
			t, ok := ParseType(w.text)
			if !ok {
				return nil, nil, false
			}
			list = append(list, t)
		}
		return appendTypes(data, list), nil, true
	case svcParams:
		data, ok := appendParams(data, words)
		return data, nil, ok
	case location:
		return appendLocation(data, words)
	}
	if len(words) == 0 {
		return nil, nil, false
	}
	w, rest := words[0], words[1:]
	number := func(bits int) (uint32, bool) {
		n, err := strconv.ParseUint(w.text, 10, bits)
		return uint32(n), err == nil
	}
	switch k {
	case u8:
		n, ok := number(8)
		return append(data, byte(n)), rest, ok
	case u16:
		n, ok := number(16)
		return binary.BigEndian.AppendUint16(data, uint16(n)), rest, ok
	case u32:
		n, ok := number(32)
		return binary.BigEndian.AppendUint32(data, n), rest, ok
	case seconds:
		n, ok := number(32)
		if len(w.text) == len("20060102150405") {
			at, err := time.Parse("20060102150405", w.text)
			n, ok = uint32(at.Unix()), err == nil
		}
		return binary.BigEndian.AppendUint32(data, n), rest, ok
	case rrType:
		t, ok := ParseType(w.text)
		return binary.BigEndian.AppendUint16(data, uint16(t)), rest, ok
	case domain:
		b, ok := zoneName(w.text)
		return append(data, b...), rest, ok
	case ip4, ip6:
		a, err := netip.ParseAddr(w.text)
		return append(data, a.AsSlice()...), rest, err == nil && a.Is4() == (k == ip4) && a.Zone() == ""
	case tag, charString:
		data, ok := appendCharString(data, w.text)
		return data, rest, ok && (k == charString || w.text != "")
	case longString:
		b, ok := unescaped(w.text)
		return append(data, b...), rest, ok
	case saltBytes:
		if w.text == "-" {
			return append(data, 0), rest, true
		}
		b, ok := unhex(w.text)
		return append(append(data, byte(len(b))), b...), rest, ok && len(b) < 256
	case hashBytes:
		b, err := base32Hex.DecodeString(strings.ToUpper(w.text))
		return append(append(data, byte(len(b))), b...), rest, err == nil && len(b) < 256
	}
	return nil, nil, false
}

func appendCharString(data []byte, s string) ([]byte, bool) {
	b, ok := unescaped(s)
	return append(append(data, byte(len(b))), b...), ok && len(b) < 256
}

// appendTypes writes a bitmap of types.
func appendTypes(data []byte, list []Type) []byte {
	slices.Sort(list)
	for len(list) > 0 {
		window := list[0] >> 8
		var bits [32]byte
		size := 0
		for len(list) > 0 && list[0]>>8 == window {
			low := byte(list[0])
			bits[low>>3] |= 0x80 >> (low & 7)
			size = int(low>>3) + 1
			list = list[1:]
		}
		data = append(append(data, byte(window), byte(size)), bits[:size]...)
	}
	return data
}

func appendParams(data []byte, words []word) ([]byte, bool) {
	var list []SvcParam
	for _, w := range words {
		name, value, given := strings.Cut(w.text, "=")
		k, ok := parseSvcKey(name)
		if !ok || given && value == "" && !w.quoted {
			return nil, false
		}
		// Under the key's number any bytes may stand.
		v, ok := paramValue(name, value)
		if !ok {
			return nil, false
		}
		list = append(list, SvcParam{k, v})
	}
	slices.SortFunc(list, func(a, b SvcParam) int { return int(a.Key) - int(b.Key) })
	for i, p := range list {
		if i > 0 && list[i-1].Key == p.Key || len(p.Value) >= 1<<16 {
			return nil, false
		}
		data = binary.BigEndian.AppendUint16(data, p.Key)
		data = binary.BigEndian.AppendUint16(data, uint16(len(p.Value)))
		data = append(data, p.Value...)
	}
	return data, true
}

func parseSvcKey(s string) (uint16, bool) {
	if k := slices.Index(svcKeys[:], s); k >= 0 {
		return uint16(k), true
	}
	digits, ok := strings.CutPrefix(s, "key")
	n, err := strconv.ParseUint(digits, 10, 16)
	return uint16(n), ok && err == nil
}

// paramValue reads the value of a parameter, whose backslashes are still in it.
func paramValue(key, s string) (v []byte, ok bool) {
	b, ok := unescaped(s)
	if !ok || len(b) == 0 {
		return nil, ok
	}
	switch key {
	case "mandatory":
		for name := range strings.SplitSeq(string(b), ",") {
			k, ok := parseSvcKey(name)
			if !ok {
				return nil, false
			}
			v = binary.BigEndian.AppendUint16(v, k)
		}
		return v, true
	case "alpn":
		var item []byte
		end := func() {
			ok = ok && len(item) > 0 && len(item) < 256
			v = append(append(v, byte(len(item))), item...)
			item = item[:0]
		}
		for i := 0; i < len(b); i++ {
			switch {
			case b[i] == '\\' && i+1 < len(b):
				i++
				item = append(item, b[i])
			case b[i] == ',':
				end()
			default:
				item = append(item, b[i])
			}
		}
		end()
		return v, ok
	case "port":
		n, err := strconv.ParseUint(string(b), 10, 16)
		return binary.BigEndian.AppendUint16(nil, uint16(n)), err == nil
	case "ipv4hint", "ipv6hint":
		for text := range strings.SplitSeq(string(b), ",") {
			a, err := netip.ParseAddr(text)
			if err != nil || a.Is4() != (key == "ipv4hint") || a.Zone() != "" {
				return nil, false
			}
			v = append(v, a.AsSlice()...)
		}
		return v, true
	case "ech":
		v, err := base64.StdEncoding.DecodeString(string(b))
		return v, err == nil
	}
	return b, true
}

// appendLocation reads "d m s.fff N d m s.fff E altitude size horizontal
// vertical", of which minutes, seconds and what follows the altitude may be
// left out (RFC 1876 §3).
func appendLocation(data []byte, words []word) ([]byte, []word, bool) {
	angle := func(positive, negative string, most int64) (uint32, bool) {
		var parts []int64
		for len(words) > 0 && len(parts) < 4 {
			w := words[0].text
			words = words[1:]
			if w == positive || w == negative {
				if len(parts) == 0 {
					return 0, false
				}
				total := parts[0] * 3600000
				if len(parts) > 1 {
					total += parts[1] / 1000 * 60000
				}
				if len(parts) > 2 {
					total += parts[2]
				}
				if w == negative {
					total = -total
				}
				return uint32(1<<31 + total), max(total, -total) <= most*3600000
			}
			places := 3
			if len(parts) == 0 {
				places = 0
			}
			n, ok := parseDecimal(w, places)
			if !ok || n < 0 || len(parts) > 0 && n >= 60000 {
				return 0, false
			}
			parts = append(parts, n)
		}
		return 0, false
	}
	latitude, ok1 := angle("N", "S", 90)
	longitude, ok2 := angle("E", "W", 180)
	if !ok1 || !ok2 || len(words) == 0 {
		return nil, nil, false
	}
	altitude, ok := parseDecimal(strings.TrimSuffix(words[0].text, "m"), 2)
	if !ok || altitude < -10000000 || altitude > 1<<32-1-10000000 {
		return nil, nil, false
	}
	words = words[1:]
	sizes := [3]byte{0x12, 0x16, 0x13} // 1 m, 10 km, 10 m
	for i := range sizes {
		if len(words) == 0 {
			break
		}
		n, ok := parseDecimal(strings.TrimSuffix(words[0].text, "m"), 2)
		if !ok || n < 0 {
			return nil, nil, false
		}
		power := byte(0)
		for ; n > 9; n /= 10 {
			power++
		}
		if power > 9 {
			return nil, nil, false
		}
		sizes[i] = byte(n)<<4 | power
		words = words[1:]
	}
	data = append(append(data, 0), sizes[:]...)
	data = binary.BigEndian.AppendUint32(data, latitude)
	data = binary.BigEndian.AppendUint32(data, longitude)
	return binary.BigEndian.AppendUint32(data, uint32(altitude+10000000)), words, true
}

// parseDecimal reads a number with that many places after its point at most,
// times ten to their number.
func parseDecimal(s string, places int) (int64, bool) {
	digits, fraction, _ := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if len(fraction) > places || len(digits) > 10 || digits == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(digits+fraction+strings.Repeat("0", places-len(fraction)), 10, 63)
	if strings.HasPrefix(s, "-") {
		return -int64(n), err == nil
	}
	return int64(n), err == nil
}
