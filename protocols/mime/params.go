package mime

import (
	"sort"
	"strconv"
	"strings"
)

// Value reads a field such as Content-Type: its value, in small letters, and
// its parameters by their names in small letters, decoded.
func (d *Decoder) Value(field string) (value string, params map[string]string) {
	s := scanner{text: field}
	value = strings.ToLower(s.token("; \t"))
	raw := map[string]string{}
	for s.more() {
		s.skip(" \t;")
		name := strings.ToLower(s.token("=; \t"))
		s.skip(" \t")
		if s.peek() != '=' {
			if name == "" {
				s.at++ // what can't begin a name, such as a quotation mark
			}
			continue
		}
		s.at++
		s.skip(" \t")
		if _, twice := raw[name]; name != "" && !twice && len(raw) < maxParams {
			raw[name] = s.paramValue()
		} else {
			s.paramValue()
		}
	}
	return value, d.Params(raw)
}

// maxParams bounds the parameters of a field.
const maxParams = 200

// pieces are what RFC 2231 has taken a parameter apart into. They sort by
// package sort, as package slices has code of its own for each type.
type pieces []piece

type piece struct {
	n        int
	text     string
	extended bool
}

func (p pieces) Len() int           { return len(p) }
func (p pieces) Less(i, j int) bool { return p[i].n < p[j].n }
func (p pieces) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }

// Params puts together what RFC 2231 has taken apart ("name*0*", "name*1"),
// and decodes it, and encoded words, which RFC 2047 forbids there.
func (d *Decoder) Params(raw map[string]string) map[string]string {
	all := map[string]pieces{}
	params := make(map[string]string, len(raw))
	for name, text := range raw {
		base, rest, split := strings.Cut(name, "*")
		if !split || base == "" {
			if _, better := all[name]; !better {
				params[name] = d.Words([]byte(text))
			}
			continue
		}
		p := piece{text: text}
		if rest == "" {
			p.extended = true
		} else {
			number, extended := strings.CutSuffix(rest, "*")
			n, err := strconv.Atoi(number)
			if err != nil || n < 0 {
				continue
			}
			p.n, p.extended = n, extended
		}
		all[base] = append(all[base], p)
	}
	for base, list := range all {
		sort.Sort(list)
		charset, extended := "utf-8", false
		var text []byte
		for i, p := range list {
			if p.n != i {
				break // one is missing
			}
			if !p.extended {
				text = append(text, p.text...)
				continue
			}
			extended = true
			if i == 0 {
				if label, rest, ok := strings.Cut(p.text, "'"); ok {
					if _, value, ok := strings.Cut(rest, "'"); ok {
						charset, p.text = label, value
					}
				}
			}
			text = appendUnescaped(text, p.text)
		}
		if len(text) == 0 {
			continue
		}
		if !extended {
			params[base] = d.Words(text)
			continue
		}
		params[base], _ = d.Text(charset, text)
	}
	return params
}

func appendUnescaped(out []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, ok := hexDigit(s[i+1])
			low, ok2 := hexDigit(s[i+2])
			if ok && ok2 {
				out = append(out, high<<4|low)
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return out
}

// scanner reads a structured field.
type scanner struct {
	text string
	at   int
}

func (s *scanner) more() bool { return s.at < len(s.text) }

func (s *scanner) peek() byte {
	if s.more() {
		return s.text[s.at]
	}
	return 0
}

// skip steps over any of the characters, and over comments.
func (s *scanner) skip(characters string) {
	for s.more() {
		switch c := s.text[s.at]; {
		case c == '(':
			s.comment()
		case strings.IndexByte(characters, c) >= 0:
			s.at++
		default:
			return
		}
	}
}

// comment reads a comment, which may have others in it.
func (s *scanner) comment() string {
	var text []byte
	depth := 0
	for s.more() {
		c := s.text[s.at]
		s.at++
		switch {
		case c == '\\' && s.more():
			text = append(text, s.text[s.at])
			s.at++
			continue
		case c == '(':
			if depth++; depth == 1 {
				continue
			}
		case c == ')':
			if depth--; depth == 0 {
				return string(text)
			}
		}
		text = append(text, c)
	}
	return string(text)
}

// token reads up to one of the characters.
func (s *scanner) token(until string) string {
	s.skip(" \t")
	start := s.at
	for s.more() && strings.IndexByte(until, s.text[s.at]) < 0 && s.text[s.at] != '(' {
		s.at++
	}
	return s.text[start:s.at]
}

// quoted reads a quoted string, at whose first quotation mark it is.
//
//go:noinline
func (s *scanner) quoted() string {
	var text []byte
	for s.at++; s.more(); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return string(text)
		case c == '\\' && s.at+1 < len(s.text):
			s.at++
			text = append(text, s.text[s.at])
		default:
			text = append(text, c)
		}
	}
	return string(text)
}

// paramValue reads what a parameter is set to. Without quotation marks it may
// have spaces, as some programs write names of files.
func (s *scanner) paramValue() string {
	if s.peek() == '"' {
		return s.quoted()
	}
	start := s.at
	for s.more() && s.text[s.at] != ';' {
		s.at++
	}
	return strings.Trim(s.text[start:s.at], " \t")
}
