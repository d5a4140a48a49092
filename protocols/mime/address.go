package mime

import "strings"

// Address is a mailbox, or a group of them, which has no Address.
type Address struct {
	Name    string
	Address string    // "asha@example.org"
	Group   []Address // not nil for a group, even an empty one
}

// Addresses reads a list of addresses (RFC 5322, section 3.4, with the obsolete
// forms): comments, which are names where there are no others, groups, and
// addresses without angle brackets beside a name.
func (d *Decoder) Addresses(field string) []Address {
	var list []Address
	var group *Address
	var one reading
	s := scanner{text: field}
	end := func() {
		a, ok := one.address(d)
		one = reading{}
		switch {
		case !ok:
		case group != nil:
			group.Group = append(group.Group, a)
		default:
			list = append(list, a)
		}
	}
	for s.more() {
		switch c := s.text[s.at]; c {
		case ',':
			s.at++
			end()
		case ';':
			s.at++
			end()
			if group != nil {
				list = append(list, *group)
				group = nil
			}
		case ':':
			s.at++
			if group != nil || one.angled {
				continue
			}
			group = &Address{Name: d.Words(one.phrase), Group: []Address{}}
			one = reading{}
		case '(':
			if text := s.comment(); one.comment == "" {
				one.comment = text
			}
		case '"':
			start := s.at
			text := s.quoted()
			if s.peek() == '@' {
				text = s.text[start:s.at] // a local part: the quotation marks belong to it
			}
			one.phrase = append(one.phrase, text...)
		case '<':
			one.angle, one.angled = s.angle(), true
		case ' ', '\t', '\r', '\n':
			s.at++
			if n := len(one.phrase); n > 0 && one.phrase[n-1] != ' ' {
				one.phrase = append(one.phrase, ' ')
			}
		default:
			s.at++
			one.phrase = append(one.phrase, c)
		}
	}
	end()
	if group != nil {
		list = append(list, *group)
	}
	return list
}

// reading is an address as far as it has been read.
type reading struct {
	phrase         []byte
	angle, comment string
	angled         bool
}

func (r *reading) address(d *Decoder) (a Address, ok bool) {
	phrase := strings.Trim(string(r.phrase), " ")
	if r.angled {
		a = Address{Name: phrase, Address: r.angle}
	} else if at := strings.LastIndexByte(phrase, '@'); at >= 0 {
		// The word with the @ is the address, whatever else is there.
		first := strings.LastIndexByte(strings.TrimRight(phrase[:at], " "), ' ') + 1
		if strings.HasPrefix(phrase, `"`) {
			first = 0
		}
		last := len(phrase)
		domain := strings.TrimLeft(phrase[at+1:], " ")
		if space := strings.IndexByte(domain, ' '); space >= 0 {
			last -= len(domain) - space
		}
		a = Address{Name: strings.Trim(phrase[:first]+phrase[last:], " "), Address: phrase[first:last]}
		if !strings.HasPrefix(a.Address, `"`) {
			a.Address = substitute(a.Address, " ", "")
		}
	} else {
		a.Name = phrase
	}
	if a.Name == "" {
		a.Name = r.comment
	}
	a.Name = d.Words([]byte(a.Name))
	a.Address = unlabelled([]byte(a.Address))
	return a, a.Name != "" || a.Address != ""
}

// angle reads an address in angle brackets, without the route that RFC 822 let
// stand before it.
func (s *scanner) angle() string {
	s.at++
	start, quoted := s.at, false
	for s.more() && (quoted || s.text[s.at] != '>') {
		if s.text[s.at] == '"' {
			quoted = !quoted
		}
		s.at++
	}
	text := s.text[start:s.at]
	if s.more() {
		s.at++
	}
	if strings.HasPrefix(text, "@") {
		if _, address, ok := strings.Cut(text, ":"); ok {
			text = address
		}
	}
	return strings.Trim(text, " \t\r\n")
}

// MessageIDs reads the identifiers of Message-ID, In-Reply-To and References,
// without their angle brackets.
func MessageIDs(field string) []string {
	var list []string
	for {
		_, rest, ok := strings.Cut(field, "<")
		if !ok {
			break
		}
		id, rest, ok := strings.Cut(rest, ">")
		if id = strings.Trim(id, " \t"); id != "" {
			list = append(list, id)
		}
		if field = rest; !ok {
			break
		}
	}
	if list == nil {
		list = strings.Fields(field)
	}
	return list
}
