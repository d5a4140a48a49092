package wire

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The alphabet of modified UTF-7 (RFC 3501, section 5.1.3), which is base64's
// but for the comma.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"

// EncodeName writes the name of a mailbox in modified UTF-7.
func EncodeName(name string) string {
	if isPlain(name) {
		return name
	}
	var b strings.Builder
	var bits uint32
	held := 0 // bits of it that are yet to be written
	within := false
	write := func(unit uint16) {
		if !within {
			b.WriteByte('&')
			within = true
		}
		bits = bits<<16 | uint32(unit)
		for held += 16; held >= 6; {
			held -= 6
			b.WriteByte(alphabet[bits>>held&63])
		}
	}
	end := func() {
		if !within {
			return
		}
		if held > 0 {
			b.WriteByte(alphabet[bits<<(6-held)&63])
		}
		b.WriteByte('-')
		bits, held, within = 0, 0, false
	}
	for _, c := range name {
		switch {
		case c == '&':
			end()
			b.WriteString("&-")
		case c >= ' ' && c < 0x7F:
			end()
			b.WriteRune(c)
		case c > 0xFFFF:
			high, low := utf16.EncodeRune(c)
			write(uint16(high))
			write(uint16(low))
		default:
			write(uint16(c))
		}
	}
	end()
	return b.String()
}

// DecodeName reads the name of a mailbox. ok is false where it is not in
// modified UTF-7, or not in the one form of that which EncodeName writes: then
// the name has to be sent as it came, and the result is what can be shown of
// it.
func DecodeName(raw string) (name string, ok bool) {
	if isPlain(raw) {
		return raw, true
	}
	if name, ok = decodeName(raw); ok && EncodeName(name) == raw {
		return name, true
	}
	return strings.ToValidUTF8(raw, "\uFFFD"), false
}

func decodeName(raw string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c >= utf8.RuneSelf {
			return "", false
		}
		if c != '&' {
			b.WriteByte(c)
			continue
		}
		length := strings.IndexByte(raw[i+1:], '-')
		if length < 0 {
			return "", false
		}
		if length == 0 {
			b.WriteByte('&')
			i++
			continue
		}
		var bits uint32
		held := 0
		high := rune(0)
		for _, digit := range []byte(raw[i+1 : i+1+length]) {
			value := strings.IndexByte(alphabet, digit)
			if value < 0 {
				return "", false
			}
			bits = bits<<6 | uint32(value)
			if held += 6; held < 16 {
				continue
			}
			held -= 16
			unit := rune(bits >> held & 0xFFFF)
			switch {
			case high != 0:
				c := utf16.DecodeRune(high, unit)
				if c == utf8.RuneError {
					return "", false
				}
				b.WriteRune(c)
				high = 0
			case utf16.IsSurrogate(unit):
				high = unit
			default:
				b.WriteRune(unit)
			}
		}
		if high != 0 {
			return "", false
		}
		i += length + 1
	}
	return b.String(), true
}

// isPlain reports whether a name is the same in modified UTF-7.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7F || s[i] == '&' {
			return false
		}
	}
	return true
}
