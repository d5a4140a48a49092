package imap

import (
	"bytes"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// field reads a string where one belongs. A list in its place, which only a
// confused server writes, is skipped.
func (s *Session) field() []byte {
	s.r.Space()
	switch s.r.Peek() {
	case '(':
		s.r.Value()
		return nil
	case ')', 0:
		return nil // servers leave fields away
	}
	b, _ := s.r.String()
	return b
}

func (s *Session) envelope() *imap.Envelope {
	r := s.r
	e := &imap.Envelope{}
	lists := [...]*[]imap.Address{&e.From, &e.Sender, &e.ReplyTo, &e.To, &e.Cc, &e.Bcc}
	// Sender and Reply-To are the author again unless they are set.
	from, to := r.Mark(), r.Mark()
	n := 0
	is := r.List(func() {
		switch n {
		case 0:
			e.Date, _ = r.HeaderDate(s.field())
		case 1:
			e.Subject = s.decodeText(s.field())
		case 2:
			from = r.Mark()
			e.From = s.addresses()
			to = r.Mark()
		case 3, 4, 5, 6, 7:
			if n <= 4 && r.Repeats(from, to) {
				*lists[n-2] = e.From
			} else {
				*lists[n-2] = s.addresses()
			}
		case 8:
			e.InReplyTo = s.messageIDs(s.field())
		case 9:
			if ids := s.field(); len(ids) > 0 {
				e.MessageID, _ = s.messageID(ids)
			}
		default:
			r.Value()
		}
		n++
	})
	if !is {
		r.Expected("an envelope")
	}
	return e
}

func (s *Session) addresses() []imap.Address {
	r := s.r
	var buf [4]imap.Address
	list := buf[:0]
	r.List(func() {
		var a imap.Address
		n := 0
		if !r.List(func() {
			b := s.field()
			switch n {
			case 0:
				a.Name = s.decodeText(b)
			case 2:
				a.Mailbox = r.Keep(b)
			case 3:
				a.Host = r.Keep(b)
			}
			n++
		}) {
			r.Value()
			return
		}
		list = append(list, a)
	})
	if len(list) == 0 {
		return nil
	}
	return append([]imap.Address(nil), list...)
}

// messageID reads the first of a list of message identifiers, without its
// angle brackets.
func (s *Session) messageID(b []byte) (id string, rest []byte) {
	open := bytes.IndexByte(b, '<')
	if open < 0 {
		return s.r.Keep(bytes.TrimSpace(b)), nil
	}
	b = b[open+1:]
	end := bytes.IndexByte(b, '>')
	if end < 0 {
		return s.r.Keep(bytes.TrimSpace(b)), nil
	}
	return s.r.Keep(bytes.TrimSpace(b[:end])), b[end+1:]
}

func (s *Session) messageIDs(b []byte) []string {
	var list []string
	for len(b) > 0 {
		var id string
		if id, b = s.messageID(b); id != "" {
			list = append(list, id)
		}
		if bytes.IndexByte(b, '<') < 0 {
			break
		}
	}
	return list
}

// structure reads a body structure (RFC 9051, section 7.5.2). Servers get much
// of it wrong: what is missing stays zero, and what is too much is skipped.
func (s *Session) structure() imap.BodyStructure {
	r := s.r
	if !r.Open() {
		r.Expected("a body structure")
		return nil
	}
	r.Space()
	if r.Peek() == '(' {
		return s.multiPart()
	}
	return s.singlePart()
}

func (s *Session) multiPart() imap.BodyStructure {
	r := s.r
	m := &imap.BodyStructureMultiPart{}
	for r.Space(); r.Peek() == '(' && r.Err() == nil; r.Space() {
		m.Children = append(m.Children, s.structure())
	}
	m.Subtype = s.text()
	for n := 0; !r.Close(); n++ {
		if m.Extended == nil {
			m.Extended = &imap.BodyStructureMultiPartExt{}
		}
		switch x := m.Extended; n {
		case 0:
			x.Params = s.parameters()
		case 1:
			x.Disposition = s.disposition()
		case 2:
			x.Language = s.languages()
		case 3:
			x.Location = s.text()
		default:
			r.Value()
		}
	}
	return m
}

func (s *Session) text() string { return s.r.Keep(s.field()) }

func (s *Session) singlePart() imap.BodyStructure {
	r := s.r
	p := &imap.BodyStructureSinglePart{Type: s.text(), Subtype: s.text()}
	r.Space()
	p.Params = s.parameters()
	p.ID = s.text()
	p.Description = s.decodeText(s.field())
	if p.Encoding = s.text(); p.Encoding == "" {
		p.Encoding = "7bit"
	}
	p.Size = s.size()
	switch r.Space(); {
	case strings.EqualFold(p.Type, "text"):
		if c := r.Peek(); c >= '0' && c <= '9' {
			p.Text = &imap.BodyStructureText{NumLines: int64(r.Number64())}
		}
	case strings.EqualFold(p.Type, "message") && (strings.EqualFold(p.Subtype, "rfc822") || strings.EqualFold(p.Subtype, "global")):
		if r.Peek() == '(' {
			m := &imap.BodyStructureMessageRFC822{Envelope: s.envelope()}
			if r.Space(); r.Peek() == '(' {
				m.BodyStructure = s.structure()
			}
			if r.Space(); r.Peek() >= '0' && r.Peek() <= '9' {
				m.NumLines = int64(r.Number64())
			}
			p.MessageRFC822 = m
		}
	}
	for n := 0; !r.Close(); n++ {
		if p.Extended == nil {
			p.Extended = &imap.BodyStructureSinglePartExt{}
		}
		switch x := p.Extended; n {
		case 0:
			s.field() // MD5
		case 1:
			x.Disposition = s.disposition()
		case 2:
			x.Language = s.languages()
		case 3:
			x.Location = s.text()
		default:
			r.Value()
		}
	}
	return p
}

// size reads a number of octets; some servers write NIL or -1 where they don't
// know it.
func (s *Session) size() uint32 {
	r := s.r
	r.Space()
	if c := r.Peek(); c >= '0' && c <= '9' {
		return r.Number()
	}
	s.field()
	return 0
}

func (s *Session) parameters() map[string]string {
	r := s.r
	var all map[string]string
	name, named := "", false
	if !r.List(func() {
		b := s.field()
		if !named {
			name, named = strings.ToLower(r.Keep(b)), true
			return
		}
		if all == nil {
			all = make(map[string]string)
		}
		all[name], named = s.decodeText(b), false
	}) {
		r.Value()
	}
	return all
}

func (s *Session) disposition() *imap.BodyStructureDisposition {
	r := s.r
	if r.Peek() != '(' {
		r.Value() // NIL
		return nil
	}
	d := &imap.BodyStructureDisposition{}
	n := 0
	r.List(func() {
		switch n {
		case 0:
			d.Value = s.text()
		case 1:
			d.Params = s.parameters()
		default:
			r.Value()
		}
		n++
	})
	return d
}

func (s *Session) languages() []string {
	r := s.r
	if r.Peek() != '(' {
		if one := s.text(); one != "" {
			return []string{one}
		}
		return nil
	}
	var list []string
	r.List(func() { list = append(list, s.text()) })
	return list
}
