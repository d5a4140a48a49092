package mime

import (
	"encoding/base64"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxEncodedWord is how long an encoded word may be (RFC 2047, section 2), and
// foldAt where lines of a header are broken (RFC 5322, section 2.1.1).
const (
	maxEncodedWord = 75
	foldAt         = 76
)

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// encodeWords writes text as it stands where it may, else as encoded words.
func encodeWords(text string) string {
	if isASCII(text) && !strings.Contains(text, "=?") && canFold(text) {
		return text
	}
	special := 0
	for i := range len(text) {
		if !plainInWord(text[i]) && text[i] != ' ' {
			special++
		}
	}
	quoted := 2*special < len(text)/3
	const prefix = len("=?utf-8?q?") + len("?=")
	var out strings.Builder
	for len(text) > 0 {
		// As many characters as fit, none torn.
		end, length := 0, 0
		for end < len(text) {
			_, size := utf8.DecodeRuneInString(text[end:])
			if quoted {
				for _, c := range []byte(text[end : end+size]) {
					if plainInWord(c) || c == ' ' {
						length++
					} else {
						length += 3
					}
				}
			} else {
				length = base64.StdEncoding.EncodedLen(end + size)
			}
			if prefix+length > maxEncodedWord {
				break
			}
			end += size
		}
		if out.Len() > 0 {
			out.WriteByte(' ')
		}
		if quoted {
			out.WriteString("=?utf-8?q?")
			for _, c := range []byte(text[:end]) {
				switch {
				case c == ' ':
					out.WriteByte('_')
				case plainInWord(c):
					out.WriteByte(c)
				default:
					out.Write(appendQuoted(nil, c))
				}
			}
		} else {
			out.WriteString("=?utf-8?b?")
			out.WriteString(base64.StdEncoding.EncodeToString([]byte(text[:end])))
		}
		out.WriteString("?=")
		text = text[end:]
	}
	return out.String()
}

// canFold says whether lines can be made of text that are the same text again.
func canFold(text string) bool {
	if strings.Contains(text, "  ") || strings.Trim(text, " \t") != text {
		return false
	}
	for text != "" {
		word, rest, _ := strings.Cut(text, " ")
		if len(word) > maxLineLength/2 {
			return false
		}
		text = rest
	}
	return true
}

// maxLineLength is how long a line of a message may be (RFC 5322, section
// 2.1.1).
const maxLineLength = 998

// plainInWord says what may stand for itself wherever an encoded word may.
func plainInWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("!*+-/", c) >= 0
}

const hexDigits = "0123456789ABCDEF"

func appendQuoted(out []byte, c byte) []byte {
	return append(out, '=', hexDigits[c>>4], hexDigits[c&15])
}

// fold breaks a field's line at its spaces.
func fold(line string) string {
	var out strings.Builder
	for len(line) > foldAt {
		// Not within the name, nor so that a line has nothing but spaces.
		at := strings.LastIndexByte(line[:foldAt+1], ' ')
		if colon := strings.IndexByte(line, ':'); out.Len() == 0 && at <= colon+1 || at <= 0 {
			next := strings.IndexByte(line[foldAt+1:], ' ')
			if next < 0 {
				break
			}
			at = foldAt + 1 + next
		}
		out.WriteString(line[:at])
		out.WriteString("\r\n")
		line = line[at:]
	}
	return out.String() + line + "\r\n"
}

// isToken says whether a parameter needs no quotation marks (RFC 2045, section
// 5.1).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7F || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func quoteString(s string) string {
	return `"` + substitute(s, `\"`, `\\`, `\"`) + `"`
}

// maxParam is how long a piece of a parameter gets.
const maxParam = 50

// param writes a parameter, by RFC 2231 where it has to be.
func param(name, value string) string {
	if isASCII(value) && len(value) <= maxParam {
		if isToken(value) {
			return "; " + name + "=" + value
		}
		return "; " + name + "=" + quoteString(value)
	}
	var escaped []byte
	var pieces []string
	for i := 0; i < len(value); {
		_, size := utf8.DecodeRuneInString(value[i:])
		var one []byte
		for _, c := range []byte(value[i : i+size]) {
			if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '.' || c == '-' || c == '_' {
				one = append(one, c)
			} else {
				one = append(one, '%', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		if len(escaped)+len(one) > maxParam {
			pieces = append(pieces, string(escaped))
			escaped = escaped[:0]
		}
		escaped = append(escaped, one...)
		i += size
	}
	pieces = append(pieces, string(escaped))
	if len(pieces) == 1 {
		return "; " + name + "*=utf-8''" + pieces[0]
	}
	var out strings.Builder
	for i, piece := range pieces {
		out.WriteString("; " + name + "*" + strconv.Itoa(i) + "*=")
		if i == 0 {
			out.WriteString("utf-8''")
		}
		out.WriteString(piece)
	}
	return out.String()
}

// transferFor chooses how text crosses: as it is where it can, else as what is
// shorter.
func transferFor(text string) string {
	special, line, plain := 0, 0, true
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\n':
			line = 0
			continue
		case c >= 0x80 || c < ' ' && c != '\t' && c != '\r' || c == '=':
			special++
			plain = plain && c == '='
		}
		if line++; line > foldAt+2 {
			plain = false
		}
	}
	switch {
	case plain:
		return "7bit"
	case 2*special > len(text)/3:
		return "base64"
	}
	return "quoted-printable"
}

// encodeText writes text, whose lines end with CRLF, in a transfer encoding.
func encodeText(text, encoding string) (content io.Reader, size int64) {
	switch encoding {
	case "base64":
		return &encoder{r: strings.NewReader(text)}, encodedSize(int64(len(text)))
	case "quoted-printable":
		text = quotedPrintable(text)
	}
	return strings.NewReader(text), int64(len(text))
}

// quotedPrintable encodes text (RFC 2045, section 6.7).
func quotedPrintable(text string) string {
	out := make([]byte, 0, len(text)+len(text)/4)
	line := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			out = append(out, '\r', '\n')
			i, line = i+1, 0
			continue
		}
		atEnd := i+1 == len(text) || strings.HasPrefix(text[i+1:], "\r\n")
		plain := c > ' ' && c < 0x7F && c != '=' || (c == ' ' || c == '\t') && !atEnd
		// A line with nothing but a dot, and one that begins with From, don't get through everywhere.
		if line == 0 && (c == '.' || c == 'F' && strings.HasPrefix(text[i:], "From ")) {
			plain = false
		}
		size := 1
		if !plain {
			size = 3
		}
		if line+size > foldAt-1 && !(atEnd && line+size <= foldAt) {
			out = append(out, "=\r\n"...)
			line = 0
		}
		if plain {
			out = append(out, c)
		} else {
			out = appendQuoted(out, c)
		}
		line += size
	}
	return string(out)
}

// encoder reads as base64, in lines of foldAt characters, what r has. After an
// error of r it goes on where it was.
type encoder struct {
	r    io.Reader
	in   []byte // that has been read and not encoded
	out  []byte // that has been encoded and not read
	last bool
}

// encoderLine is what makes a line, encoderBatch what is read at once.
const (
	encoderLine  = foldAt / 4 * 3
	encoderBatch = 300 * encoderLine
)

func (e *encoder) Read(b []byte) (int, error) {
	for len(e.out) == 0 {
		if e.last {
			return 0, io.EOF
		}
		if e.in == nil {
			e.in = make([]byte, 0, encoderBatch)
		}
		n, err := e.r.Read(e.in[len(e.in):cap(e.in)])
		e.in = e.in[:len(e.in)+n]
		if err != nil && err != io.EOF {
			return 0, err
		}
		e.last = err == io.EOF
		whole := len(e.in) / encoderLine * encoderLine
		if e.last {
			whole = len(e.in)
		}
		for rest := e.in[:whole]; len(rest) > 0; {
			line := rest[:min(encoderLine, len(rest))]
			e.out = append(base64.StdEncoding.AppendEncode(e.out, line), '\r', '\n')
			rest = rest[len(line):]
		}
		e.in = append(e.in[:0], e.in[whole:]...)
	}
	n := copy(b, e.out)
	if e.out = e.out[n:]; len(e.out) == 0 {
		e.out = nil
	}
	return n, nil
}

// encodedSize is what an encoder makes of that many octets.
func encodedSize(n int64) int64 {
	full := n / encoderLine * (foldAt + 2)
	if rest := n % encoderLine; rest > 0 {
		full += (rest+2)/3*4 + 2
	}
	return full
}
