// Package iso8601 reads and writes instants as ISO 8601 has them, in the forms
// that the protocols and JavaScript use. Package time does so for any form,
// which is 30 KB of code and takes several times as long.
package iso8601

import "time"

// Layout is the form that Append writes, as package time would put it.
const Layout = "2006-01-02T15:04:05.000Z"

// Append writes t in UTC with milliseconds, such as 2026-11-22T09:30:00.250Z,
// which every engine's Date can read.
func Append(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	year = min(max(year, 0), 9999)
	b = two(two(b, year/100), year%100)
	b = two(append(b, '-'), int(month))
	b = two(append(b, '-'), day)
	b = two(append(b, 'T'), hour)
	b = two(append(b, ':'), minute)
	b = two(append(b, ':'), second)
	milliseconds := t.Nanosecond() / int(time.Millisecond)
	b = two(append(b, '.', byte('0'+milliseconds/100)), milliseconds%100)
	return append(b, 'Z')
}

// Format is Append as a string.
func Format(t time.Time) string { return string(Append(make([]byte, 0, len(Layout)), t)) }

// IsFormat tells whether s, which Parse has read, is as Format writes that.
func IsFormat(s string) bool {
	const second = len("2006-01-02T15:04:") // one that leaps is written as the next
	return len(s) == len(Layout) && s[len(s)-1] == 'Z' && s[second] != '6'
}

//go:noinline
func two(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// Parse reads a date, or a date and a time with "Z" or an offset from UTC and up
// to nine decimals of a second. ok is false for anything else.
func Parse(s string) (t time.Time, ok bool) {
	r := reader{rest: s, ok: true}
	year := r.digits(4)
	r.skip('-')
	month := r.digits(2)
	r.skip('-')
	day := r.digits(2)
	if !r.ok || month < 1 || month > 12 || day < 1 || day > 31 {
		return time.Time{}, false
	}
	if r.rest == "" {
		return exact(year, month, day, 0, 0, 0, 0, 0)
	}
	r.skip('T')
	hour := r.digits(2)
	r.skip(':')
	minute := r.digits(2)
	r.skip(':')
	second := r.digits(2)
	nanoseconds := r.fraction()
	offset := r.offset()
	// A leap second is the first of the next minute, as for package time it is none.
	if !r.ok || r.rest != "" || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, false
	}
	return exact(year, month, day, hour, minute, second, nanoseconds, offset)
}

// months are the days of a year before each month, the last being all of them.
var months = [13]int{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365}

// exact is the time, unless the month has no such day. Chat has it called for
// every line: time.Date, which takes any number for a month, is several times
// this.
func exact(year, month, day, hour, minute, second, nanoseconds, offset int) (time.Time, bool) {
	leap := 0
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		leap = 1
	}
	days, length := months[month-1], months[month]-months[month-1]
	if month > 2 {
		days += leap
	} else if month == 2 {
		length += leap
	}
	if day > length {
		return time.Time{}, false
	}
	// Days of the years before, and of 400 more, as to divide has to round down.
	past := year + 399
	days += 365*past + past/4 - past/100 + past/400 + day - 1
	const epoch = 865259 // the same of 1970
	return time.Unix(int64(days-epoch)*86400+int64(hour*3600+minute*60+second-offset), int64(nanoseconds)).UTC(), true
}

type reader struct {
	rest string
	ok   bool
}

//go:noinline
func (r *reader) skip(c byte) {
	if r.rest == "" || r.rest[0] != c {
		r.ok = false
		return
	}
	r.rest = r.rest[1:]
}

//go:noinline
func (r *reader) digits(width int) int {
	if len(r.rest) < width {
		r.ok = false
		return 0
	}
	n := 0
	for i := range width {
		c := r.rest[i]
		if c < '0' || c > '9' {
			r.ok = false
			return 0
		}
		n = 10*n + int(c-'0')
	}
	r.rest = r.rest[width:]
	return n
}

// fraction reads decimals of a second, as nanoseconds; there may be none.
func (r *reader) fraction() int {
	if r.rest == "" || r.rest[0] != '.' {
		return 0
	}
	const nano = 9
	n, i := 0, 1
	for ; i < len(r.rest) && '0' <= r.rest[i] && r.rest[i] <= '9'; i++ {
		if i > nano {
			r.ok = false
			return 0
		}
		n = 10*n + int(r.rest[i]-'0')
	}
	r.ok = r.ok && i > 1
	r.rest = r.rest[i:]
	for ; i <= nano; i++ {
		n *= 10
	}
	return n
}

// offset reads "Z", "+hh:mm" or "-hh:mm", as seconds.
func (r *reader) offset() int {
	if r.rest == "" {
		r.ok = false
		return 0
	}
	sign := 1
	switch r.rest[0] {
	case 'Z':
		r.rest = r.rest[1:]
		return 0
	case '-':
		sign = -1
	case '+':
	default:
		r.ok = false
		return 0
	}
	r.rest = r.rest[1:]
	hours := r.digits(2)
	r.skip(':')
	minutes := r.digits(2)
	if hours > 23 || minutes > 59 {
		r.ok = false
	}
	return sign * 60 * (60*hours + minutes)
}
