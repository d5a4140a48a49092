package mime

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// Words decodes the encoded words (RFC 2047) of a header's text. What can't be
// decoded stays as it is; octets beyond ASCII without an encoding are taken for
// UTF-8 or, where they are none, for windows-1252.
func (d *Decoder) Words(text []byte) string {
	if !bytes.Contains(text, []byte("=?")) {
		return unlabelled(text)
	}
	var out []byte
	var held word // not written yet: the next one may go on in the middle of a character
	b := text
	for len(b) > 0 {
		start := bytes.Index(b, []byte("=?"))
		if start < 0 {
			break
		}
		w, length := parseWord(b[start:])
		if length == 0 {
			out = append(d.writeWord(out, &held), unlabelled(b[:start+2])...)
			b = b[start+2:]
			continue
		}
		// White space between encoded words is not shown.
		if between := b[:start]; held.raw == nil || len(bytes.TrimSpace(between)) > 0 {
			out = append(d.writeWord(out, &held), unlabelled(between)...)
		}
		if held.raw != nil && strings.EqualFold(held.charset, w.charset) {
			held.raw = append(held.raw, b[:start+length]...)
			held.text = append(held.text, w.text...)
		} else {
			out = d.writeWord(out, &held)
			held = w
		}
		b = b[start+length:]
	}
	return string(append(d.writeWord(out, &held), unlabelled(b)...))
}

// word is one or more encoded words of a charset.
type word struct {
	raw, text []byte // as it came, and without its transfer encoding
	charset   string
}

// parseWord reads an encoded word at the beginning of b. A length of 0 means
// that there is none.
func parseWord(b []byte) (w word, length int) {
	charset, rest, ok := bytes.Cut(b[2:], []byte{'?'})
	if !ok || len(rest) < 2 || rest[1] != '?' || bytes.ContainsAny(charset, " \t\r\n") {
		return w, 0
	}
	encoding, rest := rest[0], rest[2:]
	end := bytes.Index(rest, []byte("?="))
	if end < 0 {
		return w, 0
	}
	switch text := rest[:end]; encoding {
	case 'B', 'b':
		text = bytes.TrimRight(text, "=")
		decoded := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
		n, err := base64.RawStdEncoding.Decode(decoded, text)
		if err != nil {
			return w, 0
		}
		w.text = decoded[:n]
	case 'Q', 'q':
		if w.text, ok = decodeQ(text); !ok {
			return w, 0
		}
	default:
		return w, 0
	}
	length = len(b) - len(rest) + end + 2
	w.raw = b[:length:length]
	name, _, _ := strings.Cut(string(charset), "*") // RFC 2231 adds the language
	w.charset = name
	return w, length
}

// decodeQ is RFC 2047's own form of quoted-printable.
func decodeQ(b []byte) ([]byte, bool) {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case '_':
			out = append(out, ' ')
		case '=':
			if i+2 >= len(b) {
				return nil, false
			}
			high, ok := hexDigit(b[i+1])
			low, ok2 := hexDigit(b[i+2])
			if !ok || !ok2 {
				return nil, false
			}
			out = append(out, high<<4|low)
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out, true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// writeWord writes the words that were held back, and holds none any more.
func (d *Decoder) writeWord(out []byte, held *word) []byte {
	w := *held
	*held = word{}
	if w.raw == nil {
		return out
	}
	if text, ok := d.convert(w.charset, w.text); ok {
		return append(out, text...)
	}
	return append(out, w.raw...)
}
