package mime

import (
	"bytes"
	"strings"
)

// Transfer decodes a transfer encoding piece by piece: of in, what it can, is
// appended to out, which may begin where in does, as what is decoded is never
// longer. rest is what needs more to follow; there is none if it is the last.
type Transfer func(out, in []byte, last bool) (decoded, rest []byte)

// TransferOf is the decoder of a Content-Transfer-Encoding (RFC 2045, section
// 6): base64 and quoted-printable are decoded, and taken as they come, anything
// else stays as it is.
func TransferOf(encoding string) Transfer {
	switch encoding, _, _ := strings.Cut(strings.Trim(encoding, " \t"), " "); {
	case strings.EqualFold(encoding, "base64"):
		return decodeBase64
	case strings.EqualFold(encoding, "quoted-printable"):
		return decodeQuotedPrintable
	}
	return func(out, in []byte, _ bool) ([]byte, []byte) { return append(out, in...), nil }
}

// decodeBase64 skips what is not in the alphabet, as RFC 2045 wants it, and
// goes on behind padding, which some put between pieces.
func decodeBase64(out, in []byte, last bool) (decoded, rest []byte) {
	var bits uint32
	held := 0  // digits in bits
	start := 0 // where the first of them is
	for i, c := range in {
		var digit byte
		switch {
		case 'A' <= c && c <= 'Z':
			digit = c - 'A'
		case 'a' <= c && c <= 'z':
			digit = c - 'a' + 26
		case '0' <= c && c <= '9':
			digit = c - '0' + 52
		case c == '+':
			digit = 62
		case c == '/':
			digit = 63
		case c == '=' && held > 0:
			out = flush64(out, bits, held)
			held = 0
			continue
		default:
			continue
		}
		if held == 0 {
			start = i
		}
		bits = bits<<6 | uint32(digit)
		if held++; held == 4 {
			out = append(out, byte(bits>>16), byte(bits>>8), byte(bits))
			held = 0
		}
	}
	switch {
	case held == 0:
		return out, nil
	case last:
		return flush64(out, bits, held), nil
	}
	return out, in[start:]
}

// flush64 writes the octets of a group that is not full.
func flush64(out []byte, bits uint32, digits int) []byte {
	switch digits {
	case 2:
		out = append(out, byte(bits>>4))
	case 3:
		out = append(out, byte(bits>>10), byte(bits>>2))
	}
	return out
}

// decodeQuotedPrintable leaves what is not properly encoded as it is, and drops
// white space at the end of lines (RFC 2045, section 6.7).
func decodeQuotedPrintable(out, in []byte, last bool) (decoded, rest []byte) {
	for len(in) > 0 {
		end := bytes.IndexByte(in, '\n')
		if end < 0 && !last && len(in) < maxQuotedLine {
			return out, in
		}
		line := in
		if end >= 0 {
			line = in[:end+1]
		}
		in = in[len(line):]
		text := bytes.TrimRight(line, " \t\r\n")
		ending := ""
		switch {
		case bytes.HasSuffix(line, []byte("\r\n")):
			ending = "\r\n"
		case bytes.HasSuffix(line, []byte("\n")):
			ending = "\n"
		case len(in) > 0 || !last:
			text = line // cut off where it was too long
		}
		if soft := len(text) > 0 && text[len(text)-1] == '='; soft {
			text, ending = text[:len(text)-1], ""
		}
		for i := 0; i < len(text); i++ {
			if text[i] == '=' && i+2 < len(text) {
				high, ok := hexDigit(text[i+1])
				low, ok2 := hexDigit(text[i+2])
				if ok && ok2 {
					out = append(out, high<<4|low)
					i += 2
					continue
				}
			}
			out = append(out, text[i])
		}
		out = append(out, ending...)
	}
	return out, nil
}

// maxQuotedLine is how long a line may get before it is no longer waited for
// its end; RFC 2045 allows 76.
const maxQuotedLine = 8 << 10
