// Package mime reads and writes messages: RFC 5322 and RFC 2045 to 2049, with
// encoded words, RFC 2231's parameters and format=flowed (RFC 3676). It takes
// what real mail has in place of what it should have, and links no tables of
// characters: a hook has the platform's.
//
// Where IMAP has the message, fetch its structure and no more than the parts
// that are shown; package imap's Session.OpenMessage does that. Where it comes
// whole, Parser takes it piece by piece, and hands attachments on as they come.
package mime

import (
	"strconv"
	"strings"

	"kaiwire/protocols/coded"
)

// Charset turns text in a charset into UTF-8; ok is false for one that it does
// not know. UTF-8, US-ASCII, ISO-8859-1 and windows-1252 it is never asked for.
type Charset func(name string, text []byte) (utf8 []byte, ok bool)

// Decoder decodes what headers and bodies have. The zero Decoder knows no more
// charsets than those of which Charset is not asked.
type Decoder struct {
	Charset Charset
}

// Limits bound what a message may make the phone hold. Zero is the default.
type Limits struct {
	Header int // octets of a part's header, the rest of which is skipped; default 256 KiB
	Text   int // octets that are kept of each text that is shown; default 1 MiB
	Parts  int // parts in all, behind which the rest is skipped; default 1,000
	Depth  int // multiparts within each other; a deeper one is an attachment; default 32
}

func (l Limits) withDefaults() Limits {
	for _, row := range []struct {
		n    *int
		most int
	}{{&l.Header, 256 << 10}, {&l.Text, 1 << 20}, {&l.Parts, 1000}, {&l.Depth, 32}} {
		if *row.n <= 0 {
			*row.n = row.most
		}
	}
	return l
}

// Warning names something that was wrong with a message, or more than the
// limits allow. What could be read of it was read.
type Warning string

const (
	WarnHeader    Warning = "header"    // a header had more than Limits.Header, or no end
	WarnText      Warning = "text"      // a text had more than Limits.Text
	WarnParts     Warning = "parts"     // there were more than Limits.Parts
	WarnDepth     Warning = "depth"     // multiparts lay deeper than Limits.Depth
	WarnBoundary  Warning = "boundary"  // a multipart had no boundary
	WarnTruncated Warning = "truncated" // a multipart had no end
	WarnCharset   Warning = "charset"   // the platform does not know the charset of a text
)

// Field is a field of a header: its name as it was written, and its value, on
// one line and not decoded.
type Field struct{ Name, Value string }

// Header has the fields in the order of the message.
type Header []Field

// Get is the value of the first field of that name, "" where there is none.
//
//go:noinline
func (h Header) Get(name string) string {
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			return h[i].Value
		}
	}
	return ""
}

// ParseHeader reads a header, up to the empty line that ends it or the end of
// b.
func ParseHeader(b []byte) Header {
	var h Header
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		h = h.addLine(text)
	}
	return h
}

// addLine adds a line of a header, which may go on with the field before.
func (h Header) addLine(line string) Header {
	if line[0] == ' ' || line[0] == '\t' {
		if len(h) > 0 {
			h[len(h)-1].Value += " " + strings.Trim(line, " \t")
		}
		return h
	}
	name, value, ok := strings.Cut(line, ":")
	name = strings.TrimRight(name, " \t")
	if !ok || name == "" {
		return h
	}
	return append(h, Field{name, strings.Trim(value, " \t")})
}

// isField says whether a line looks like a field, or like more of one.
func isField(line []byte) bool {
	for i, c := range line {
		switch {
		case c == ':':
			return i > 0
		case c == ' ' || c == '\t':
			// White space before the colon is obsolete, but it is about.
			return i == 0 || strings.HasPrefix(strings.TrimLeft(string(line[i:]), " \t"), ":")
		case c < '!' || c > '~':
			return false
		}
	}
	return false
}

func cutLine(b []byte) (line, rest []byte) {
	for i, c := range b {
		if c == '\n' {
			return b[:i+1], b[i+1:]
		}
	}
	return b, nil
}

// substitute puts texts in the place of characters. strings.Replacer and
// strings.Replace are 25 KB of a module's code.
func substitute(s, characters string, texts ...string) string {
	if !strings.ContainsAny(s, characters) {
		return s
	}
	var out []byte
	for i := range len(s) {
		if at := strings.IndexByte(characters, s[i]); at >= 0 {
			out = append(out, texts[at]...)
		} else {
			out = append(out, s[i])
		}
	}
	return string(out)
}

// unixLines has lines end with LF, however they did.
func unixLines(text string) string {
	if strings.IndexByte(text, '\r') < 0 {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		switch {
		case text[i] != '\r':
			out = append(out, text[i])
		case i+1 == len(text) || text[i+1] != '\n':
			out = append(out, '\n')
		}
	}
	return string(out)
}

func invalid(message string) *coded.Error { return coded.New(coded.EINVAL, "mime", message, nil) }

// child is the number of a part within another, as IMAP counts.
func child(path string, n int) string {
	if path == "" {
		return strconv.Itoa(n)
	}
	return path + "." + strconv.Itoa(n)
}
