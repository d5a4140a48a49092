package call

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"kaiwire/protocols/iso8601"
)

// Record writes one JSON text, front to back. It puts the commas; what it is
// told in the wrong order comes out wrong, so each record has a test. The zero
// Record is empty and ready to use.
type Record struct {
	buf   []byte
	comma bool // a value stands before: the next one needs a comma
}

// Len is the number of bytes written so far.
func (r *Record) Len() int { return len(r.buf) }

// Bytes is the text; it is valid until Reset.
func (r *Record) Bytes() []byte { return r.buf }

// Grow makes room for n bytes more, where what follows is long and its length is
// known about: each time that a record has to move, its old place is garbage.
func (r *Record) Grow(n int) { r.buf = slices.Grow(r.buf, n) }

// Reset empties the record and keeps its memory, up to a bound.
func (r *Record) Reset() {
	const keep = 256 << 10
	if cap(r.buf) > keep {
		r.buf = nil
	}
	r.buf = r.buf[:0]
	r.comma = false
}

func (r *Record) value() {
	if r.comma {
		r.buf = append(r.buf, ',')
	}
	r.comma = true
}

// open and close are in every record: inlined they are 15 KB of a module.
//
//go:noinline
func (r *Record) open(c byte) {
	r.value()
	r.buf = append(r.buf, c)
	r.comma = false
}

//go:noinline
func (r *Record) close(c byte) {
	r.buf = append(r.buf, c)
	r.comma = true
}

// Object writes {…} with the members that fields writes.
func (r *Record) Object(fields func()) {
	r.open('{')
	fields()
	r.close('}')
}

// Array writes […] with the values that items writes.
func (r *Record) Array(items func()) {
	r.open('[')
	items()
	r.close(']')
}

// Key begins a member of an object; its value has to follow.
//
//go:noinline
func (r *Record) Key(name string) *Record {
	r.value()
	r.buf = appendString(r.buf, name)
	r.buf = append(r.buf, ':')
	r.comma = false
	return r
}

// String writes a string. Bytes that are not UTF-8 become U+FFFD.
func (r *Record) String(s string) {
	r.value()
	r.buf = appendString(r.buf, s)
}

// Strings writes an array of strings; nil is an empty array.
func (r *Record) Strings(list []string) {
	r.open('[')
	for _, s := range list {
		r.String(s)
	}
	r.close(']')
}

// Int writes a whole number. Above 2^53 JavaScript rounds it.
//
//go:noinline
func (r *Record) Int(n int64) {
	r.value()
	r.buf = strconv.AppendInt(r.buf, n, 10)
}

// Milliseconds writes a duration as a number with three decimals.
func (r *Record) Milliseconds(d time.Duration) {
	r.value()
	// By whole numbers, as writing any float is 20 KB of code.
	microseconds := d.Microseconds()
	if microseconds < 0 {
		r.buf = append(r.buf, '-')
		microseconds = -microseconds
	}
	r.buf = strconv.AppendInt(r.buf, microseconds/1000, 10)
	decimals := microseconds % 1000
	r.buf = append(r.buf, '.', byte('0'+decimals/100), byte('0'+decimals/10%10), byte('0'+decimals%10))
}

// Bool writes true or false.
//
//go:noinline
func (r *Record) Bool(b bool) {
	r.value()
	r.buf = strconv.AppendBool(r.buf, b)
}

// Null writes null.
//
//go:noinline
func (r *Record) Null() {
	r.value()
	r.buf = append(r.buf, "null"...)
}

// Time writes an instant as ISO 8601 in UTC with milliseconds, which every
// engine's Date can read.
func (r *Record) Time(t time.Time) {
	r.value()
	r.buf = append(r.buf, '"')
	r.buf = iso8601.Append(r.buf, t)
	r.buf = append(r.buf, '"')
}

// Raw writes an opening byte, JSON text that is known to be right, and a
// closing byte, as one value.
//
//go:noinline
func (r *Record) Raw(open byte, text []byte, closing byte) {
	r.value()
	r.buf = append(r.buf, open)
	r.buf = append(r.buf, text...)
	r.buf = append(r.buf, closing)
}

const hexDigits = "0123456789abcdef"

// plain are the bytes that stand in a string as they are, those of ASCII.
var plain = func() (is [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

func appendString(buf []byte, s string) []byte {
	buf = append(buf, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			buf = append(buf, s[start:i]...)
			switch c {
			case '"', '\\':
				buf = append(buf, '\\', c)
			case '\n':
				buf = append(buf, '\\', 'n')
			case '\r':
				buf = append(buf, '\\', 'r')
			case '\t':
				buf = append(buf, '\\', 't')
			default:
				buf = append(buf, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			buf = append(buf, s[start:i]...)
			buf = append(buf, "\ufffd"...)
			i++
			start = i
			continue
		}
		i += size
	}
	buf = append(buf, s[start:]...)
	return append(buf, '"')
}
