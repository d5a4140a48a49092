package wire

import (
	"strconv"
	"time"
)

const months = "janfebmaraprmayjunjulaugsepoctnovdec"

// dates reads dates and keeps the time zone of the last one: a Location each
// would cost more than all else of a message.
type dates struct {
	offset int
	zone   *time.Location
}

func (d *dates) location(seconds int) *time.Location {
	if seconds == 0 {
		return time.UTC
	}
	if d.zone == nil || d.offset != seconds {
		d.offset, d.zone = seconds, time.FixedZone("", seconds)
	}
	return d.zone
}

// scan reads numbers and words of a date.
type scan struct {
	b []byte
	i int
}

//go:noinline
func (s *scan) number(least, most int) int {
	n, start := 0, s.i
	for s.i < len(s.b) && s.i-start < most && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		n = n*10 + int(s.b[s.i]-'0')
		s.i++
	}
	if s.i-start < least {
		return -1
	}
	return n
}

//go:noinline
func (s *scan) take(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scan) month() int {
	if s.i+3 > len(s.b) {
		return 0
	}
	w := s.b[s.i : s.i+3]
	for m := 0; m < 12; m++ {
		if w[0]|0x20 == months[3*m] && w[1]|0x20 == months[3*m+1] && w[2]|0x20 == months[3*m+2] {
			s.i += 3
			return m + 1
		}
	}
	return 0
}

// offset reads a numeric time zone, in seconds.
func (s *scan) offset() (int, bool) {
	negative := s.take('-')
	if !negative && !s.take('+') {
		return 0, false
	}
	hours, minutes := s.number(2, 2), s.number(2, 2)
	if hours < 0 || minutes < 0 || hours > 24 || minutes > 60 {
		return 0, false
	}
	seconds := (hours*60 + minutes) * 60
	if negative {
		seconds = -seconds
	}
	return seconds, true
}

func (d *dates) time(year, month, day, hour, minute, second, offset int) (time.Time, bool) {
	if year < 0 || month < 1 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, 0, d.location(offset)), true
}

// DateTime reads IMAP's own date-time, of INTERNALDATE: `17-Jul-1996 02:44:25
// -0700`, where the day may be filled up with a space.
func (r *Reader) DateTime(b []byte) (time.Time, bool) {
	s := scan{b: b}
	s.take(' ')
	day := s.number(1, 2)
	ok := s.take('-')
	month := s.month()
	ok = ok && s.take('-')
	year := s.number(4, 4)
	ok = ok && s.take(' ')
	hour := s.number(1, 2)
	ok = ok && s.take(':')
	minute := s.number(2, 2)
	ok = ok && s.take(':')
	second := s.number(2, 2)
	ok = ok && s.take(' ')
	offset, zoned := s.offset()
	if !ok || !zoned || s.i < len(b) {
		return time.Time{}, false
	}
	return r.dates.time(year, month, day, hour, minute, second, offset)
}

// HeaderDate reads the date of a message's header (RFC 5322, section 3.3, with
// the obsolete forms that are still about): `Fri, 21 Nov 1997 09:55:06 -0600`.
func (r *Reader) HeaderDate(b []byte) (time.Time, bool) {
	s := scan{b: b}
	s.space()
	start := s.i
	for s.i < len(b) && (b[s.i]|0x20 >= 'a' && b[s.i]|0x20 <= 'z' || b[s.i] == '.') {
		s.i++
	}
	named := s.i > start
	s.space()
	if !s.take(',') && named {
		return time.Time{}, false
	}
	s.space()
	day := s.number(1, 2)
	s.separator()
	month := s.month()
	for s.i < len(b) && b[s.i]|0x20 >= 'a' && b[s.i]|0x20 <= 'z' { // some write the month in full
		s.i++
	}
	s.separator()
	start = s.i
	year := s.number(2, 4)
	switch digits := s.i - start; {
	case digits == 2 && year < 50:
		year += 2000
	case digits == 2 || digits == 3:
		year += 1900
	}
	if !s.space() {
		return time.Time{}, false
	}
	hour := s.number(1, 2)
	s.space()
	if !s.take(':') && !s.take('.') {
		return time.Time{}, false
	}
	s.space()
	minute, second := s.number(2, 2), 0
	if s.space(); s.take(':') || s.take('.') {
		s.space()
		second = s.number(2, 2)
	}
	s.space()
	offset, ok := s.offset()
	if !ok {
		offset = s.namedZone()
	}
	return r.dates.time(year, month, day, hour, minute, second, offset)
}

// space steps over what may stand between the words of a header's date:
// white space and comments.
func (s *scan) space() bool {
	start := s.i
	for depth := 0; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0 && c == '\\':
			s.i++
		case depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return s.i > start
		}
	}
	s.i = len(s.b)
	return true
}

func (s *scan) separator() {
	if !s.space() {
		s.take('-')
	}
}

// namedZone reads the names of time zones that RFC 5322 still knows; all others
// stand for UTC, as it says.
func (s *scan) namedZone() int {
	if s.i+3 > len(s.b) {
		return 0
	}
	w := s.b[s.i : s.i+3]
	if w[1]|0x20 != 's' && w[1]|0x20 != 'd' || w[2]|0x20 != 't' {
		return 0
	}
	hours := 0
	switch w[0] | 0x20 {
	case 'e':
		hours = -5
	case 'c':
		hours = -6
	case 'm':
		hours = -7
	case 'p':
		hours = -8
	default:
		return 0
	}
	if w[1]|0x20 == 'd' {
		hours++
	}
	return hours * 3600
}

// AppendDate writes a date without a time, as searches have it: 1-Feb-1994.
func AppendDate(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	b = append(strconv.AppendInt(b, int64(day), 10), '-')
	b = append(append(b, month.String()[:3]...), '-')
	return appendPadded(b, year, 4)
}

// AppendDateTime writes a date-time, without its quotes.
func AppendDateTime(b []byte, t time.Time) []byte {
	_, offset := t.Zone()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(appendPadded(b, day, 2), '-')
	b = append(append(b, month.String()[:3]...), '-')
	b = append(appendPadded(b, year, 4), ' ')
	b = append(appendPadded(b, hour, 2), ':')
	b = append(appendPadded(b, minute, 2), ':')
	b = append(appendPadded(b, second, 2), ' ')
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	b = append(b, sign)
	return appendPadded(appendPadded(b, offset/3600, 2), offset/60%60, 2)
}

func appendPadded(b []byte, n, width int) []byte {
	digits := strconv.Itoa(n)
	for i := len(digits); i < width; i++ {
		b = append(b, '0')
	}
	return append(b, digits...)
}
