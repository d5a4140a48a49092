package call

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// value is a JSON value (RFC 8259).
type value struct {
	kind    valueKind
	text    string // of a string; of a number, as it was written
	items   []value
	members []member
}

type member struct {
	name  string
	value value
}

type valueKind uint8

const (
	null valueKind = iota
	yes
	no
	number
	text
	array
	object
)

func (k valueKind) String() string {
	return [...]string{"null", "boolean", "boolean", "number", "string", "array", "object"}[k]
}

// get is the member of that name, the last where there are several, or nil.
//
//go:noinline
func (v *value) get(name string) *value {
	for i := len(v.members) - 1; i >= 0; i-- {
		if v.members[i].name == name {
			return &v.members[i].value
		}
	}
	return nil
}

// maxDepth bounds how deep arguments are nested.
const maxDepth = 64

// parseJSON reads a text that is one value. It is encoding/json's job, but
// that comes with reflection and fmt: 0.2 MB of code in a module that has no
// other use for them.
func parseJSON(s string) (v value, ok bool) {
	p := jsonParser{s: s}
	p.blank()
	ok = p.value(&v, 0)
	p.blank()
	return v, ok && p.at == len(s)
}

type jsonParser struct {
	s  string
	at int
}

//go:noinline
func (p *jsonParser) blank() {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\t' || p.s[p.at] == '\n' || p.s[p.at] == '\r') {
		p.at++
	}
}

// take passes over a byte, if it is there, and the blanks behind it.
//
//go:noinline
func (p *jsonParser) take(c byte) bool {
	if p.at >= len(p.s) || p.s[p.at] != c {
		return false
	}
	p.at++
	p.blank()
	return true
}

//go:noinline
func (p *jsonParser) word(w string) bool {
	if len(p.s)-p.at < len(w) || p.s[p.at:p.at+len(w)] != w {
		return false
	}
	p.at += len(w)
	return true
}

func (p *jsonParser) value(v *value, depth int) (ok bool) {
	if p.at >= len(p.s) || depth > maxDepth {
		return false
	}
	switch p.s[p.at] {
	case '{':
		v.kind = object
		p.take('{')
		for first := true; !p.take('}'); first = false {
			if !first && !p.take(',') {
				return false
			}
			v.members = append(v.members, member{})
			m := &v.members[len(v.members)-1]
			if m.name, ok = p.string(); !ok {
				return false
			}
			p.blank()
			if !p.take(':') || !p.value(&m.value, depth+1) {
				return false
			}
			p.blank()
		}
		return true
	case '[':
		v.kind = array
		p.take('[')
		for first := true; !p.take(']'); first = false {
			if !first && !p.take(',') {
				return false
			}
			v.items = append(v.items, value{})
			if !p.value(&v.items[len(v.items)-1], depth+1) {
				return false
			}
			p.blank()
		}
		return true
	case '"':
		v.kind = text
		v.text, ok = p.string()
		return ok
	case 't':
		v.kind = yes
		return p.word("true")
	case 'f':
		v.kind = no
		return p.word("false")
	case 'n':
		return p.word("null")
	}
	v.kind = number
	v.text, ok = p.number()
	return ok
}

// number passes over a number.
func (p *jsonParser) number() (string, bool) {
	start := p.at
	digits := func() bool {
		from := p.at
		for p.at < len(p.s) && '0' <= p.s[p.at] && p.s[p.at] <= '9' {
			p.at++
		}
		return p.at > from
	}
	p.word("-")
	if !p.word("0") && !digits() || p.word(".") && !digits() {
		return "", false
	}
	if p.word("e") || p.word("E") {
		if !p.word("+") {
			p.word("-")
		}
		if !digits() {
			return "", false
		}
	}
	return p.s[start:p.at], true
}

// string reads a string. What is no UTF-8, and half of a surrogate pair,
// becomes U+FFFD.
func (p *jsonParser) string() (string, bool) {
	if !p.word(`"`) {
		return "", false
	}
	start := p.at
	for p.at < len(p.s) {
		switch c := p.s[p.at]; {
		case c == '"':
			p.at++
			if s := p.s[start : p.at-1]; utf8.ValidString(s) {
				return s, true
			}
			p.at = start
			return p.escaped()
		case c == '\\':
			p.at = start
			return p.escaped()
		case c < ' ':
			return "", false
		}
		p.at++
	}
	return "", false
}

// escaped reads the rest of a string that can't be taken as it is.
func (p *jsonParser) escaped() (string, bool) {
	var b []byte
	for p.at < len(p.s) {
		c := p.s[p.at]
		switch {
		case c == '"':
			p.at++
			return string(b), true
		case c < ' ':
			return "", false
		case c != '\\':
			r, size := utf8.DecodeRuneInString(p.s[p.at:])
			b = utf8.AppendRune(b, r)
			p.at += size
			continue
		case p.at+1 == len(p.s):
			return "", false
		}
		p.at += 2
		switch c = p.s[p.at-1]; c {
		case '"', '\\', '/':
			b = append(b, c)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r, ok := p.unit()
			if !ok {
				return "", false
			}
			if utf16.IsSurrogate(r) {
				after := p.at
				second := rune(0)
				if p.word(`\u`) {
					if second, ok = p.unit(); !ok {
						return "", false
					}
				}
				if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
					p.at = after // the other half may be half of another
				}
			}
			b = utf8.AppendRune(b, r)
		default:
			return "", false
		}
	}
	return "", false
}

// unit reads the four digits of \u.
func (p *jsonParser) unit() (rune, bool) {
	if len(p.s)-p.at < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(p.s[p.at:p.at+4], 16, 16)
	p.at += 4
	return rune(n), err == nil
}
