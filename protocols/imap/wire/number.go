package wire

import "github.com/emersion/go-imap/v2"

// Set reads a set of numbers as servers send them, without a *, and calls add
// with every range in its order; first <= last. add may return false to stop.
func (r *Reader) Set(add func(first, last uint32) bool) {
	ParseSet(r.Atom(), add, func() { r.expected("a set of numbers") })
}

// ParseSet is Reader.Set for a text that has been read already; bad is called
// where it is no set.
func ParseSet[T ~[]byte | ~string](text T, add func(first, last uint32) bool, bad func()) {
	for i := 0; ; i++ {
		start := i
		colon := -1
		for i < len(text) && text[i] != ',' {
			if text[i] == ':' {
				colon = i
			}
			i++
		}
		var first, last uint32
		var ok1, ok2 bool
		if colon < 0 {
			first, ok1 = ParseNumber(text[start:i])
			last, ok2 = first, ok1
		} else {
			first, ok1 = ParseNumber(text[start:colon])
			last, ok2 = ParseNumber(text[colon+1 : i])
		}
		if !ok1 || !ok2 {
			bad()
			return
		}
		if !add(min(first, last), max(first, last)) || i >= len(text) {
			return
		}
	}
}

// ParseUIDSet reads a set of UIDs in the order in which they come, which the
// two sets of COPYUID depend on; nil if it is none.
func ParseUIDSet[T ~[]byte | ~string](text T) imap.UIDSet {
	var set imap.UIDSet
	ParseSet(text, func(first, last uint32) bool {
		set = append(set, imap.UIDRange{Start: imap.UID(first), Stop: imap.UID(last)})
		return true
	}, func() { set = nil })
	return set
}

// EqualFold reports whether b is s, which has to be in upper case, in any
// case.
func EqualFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := 0; i < len(b); i++ {
		c := b[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// Upper puts b, in upper case, into buf and returns the part of it that was
// needed: a word to switch over. What is longer than buf gives nothing.
//
//go:noinline
func Upper(buf, b []byte) []byte {
	if len(b) > len(buf) {
		return nil
	}
	n := copy(buf, b)
	for i, c := range buf[:n] {
		if 'a' <= c && c <= 'z' {
			buf[i] = c - ('a' - 'A')
		}
	}
	return buf[:n]
}
