package mime

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// aliases are names that mail has and the platform's TextDecoder has not.
var aliases = [...][2]string{
	{"cp932", "shift_jis"}, {"cp936", "gbk"}, {"cp949", "euc-kr"}, {"cp950", "big5"}, {"cp1252", "windows-1252"},
	{"latin1", "windows-1252"}, {"iso-8859-1", "windows-1252"}, {"iso8859-1", "windows-1252"},
	{"utf8", "utf-8"}, {"ascii", "us-ascii"}, {"ansi_x3.4-1968", "us-ascii"}, {"", "us-ascii"},
}

func canonical(charset string) string {
	charset = strings.ToLower(strings.Trim(charset, " \t\"'"))
	for _, alias := range aliases {
		if charset == alias[0] {
			return alias[1]
		}
	}
	return charset
}

// convert turns text into UTF-8. What says that it is ISO-8859-1 is
// windows-1252, as in browsers.
func (d *Decoder) convert(charset string, text []byte) (string, bool) {
	switch charset = canonical(charset); charset {
	case "utf-8", "us-ascii":
		return string(bytes.ToValidUTF8(text, []byte("\uFFFD"))), true
	case "windows-1252":
		return fromWindows(text), true
	}
	if d.Charset == nil {
		return "", false
	}
	decoded, ok := d.Charset(charset, text)
	return string(decoded), ok
}

// unlabelled decodes octets of which nobody says what they are.
func unlabelled(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return fromWindows(b)
}

// Text decodes a body, whose label is not always right: what is UTF-8 beyond
// chance is UTF-8, and what says that it is but has none of it is windows-1252.
// ok is false where nobody knows the charset; the text is then a guess.
func (d *Decoder) Text(charset string, text []byte) (decoded string, ok bool) {
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	switch charset = canonical(charset); charset {
	case "utf-8", "us-ascii", "windows-1252":
		if bytes.Contains(text, []byte("\x1B$")) {
			if decoded, ok := d.convert("iso-2022-jp", text); ok {
				return decoded, true
			}
		}
		if utf8.Valid(text) {
			return string(text), true
		}
		if charset == "windows-1252" || !hasUTF8(text) {
			return fromWindows(text), true
		}
		return d.convert(charset, text)
	}
	if decoded, ok = d.convert(charset, text); ok {
		return decoded, true
	}
	return unlabelled(text), false
}

// hasUTF8 says whether there is a character of several octets.
func hasUTF8(b []byte) bool {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r != utf8.RuneError && size > 1 {
			return true
		}
		b = b[size:]
	}
	return false
}

// windows is what windows-1252 has in place of ISO-8859-1's control characters
// from 80 to 9F; the unused stay what they are.
const windows = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008DŽ\u008F\u0090‘’“”•–—˜™š›œ\u009DžŸ"

func fromWindows(b []byte) string {
	table := []rune(windows)
	out := make([]byte, 0, len(b)+len(b)/8)
	for _, c := range b {
		if c >= 0x80 && c < 0xA0 {
			out = utf8.AppendRune(out, table[c-0x80])
		} else {
			out = utf8.AppendRune(out, rune(c))
		}
	}
	return string(out)
}
