package imap

import (
	"context"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// entry is what is kept of a message to put it in its place.
type entry struct {
	number  uint32 // what the caller is told
	seq     uint32
	date    time.Time // when it was sent; where that isn't known, when it arrived
	keys    []key
	subject string // the base of it, folded
	reply   bool
	id      string
	parents []string // by References, or by In-Reply-To

	// Its place in a conversation. absent says that it is known by its answers
	// only.
	absent   bool
	parent   *entry
	children []*entry
}

// key is what messages are compared by; the one that is not used is zero.
type key struct {
	text   string
	number int64
}

// entries fetches what is needed of the messages that a query finds, for keep to put
// into an entry. More than Limits.Order messages are ELIMIT, which leaves the session
// as it was.
func (s *Session) entries(ctx context.Context, q *query, o *imap.FetchOptions, keep func(*Message, *entry)) ([]*entry, error) {
	limit := s.o.Limits.Order
	found, err := s.Search(ctx, q.criteria, true, q.keys...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if len(found) > limit {
		return nil, tooMuch("more than " + strconv.Itoa(limit) + " messages, which it can't put in order itself")
	}
	var set imap.UIDSet
	for _, uid := range found {
		set.AddNum(imap.UID(uid))
	}
	all := make([]*entry, 0, len(found))
	held := int64(0)
	o.InternalDate = true
	err = s.Fetch(ctx, set, o, limit, func(m *Message) error {
		e := &entry{number: m.Seq, seq: m.Seq, date: m.InternalDate}
		if q.byUID {
			e.number = uint32(m.UID)
		}
		if m.Envelope != nil && !m.Envelope.Date.IsZero() {
			e.date = m.Envelope.Date
		}
		keep(m, e)
		held += int64(len(e.subject) + len(e.id))
		for _, k := range e.keys {
			held += int64(len(k.text))
		}
		for _, p := range e.parents {
			held += int64(len(p))
		}
		if held > s.o.Limits.Message {
			return tooMuch("headers of more than " + strconv.FormatInt(s.o.Limits.Message, 10) + " bytes")
		}
		all = append(all, e)
		return nil
	})
	sort.Sort(&entries{all, func(a, b *entry) int { return compare(int64(a.seq), int64(b.seq)) }})
	return all, err
}

// entries sorts by package sort, as ascending does.
type entries struct {
	list    []*entry
	compare func(a, b *entry) int
}

func (e *entries) Len() int           { return len(e.list) }
func (e *entries) Less(i, j int) bool { return e.compare(e.list[i], e.list[j]) < 0 }
func (e *entries) Swap(i, j int)      { e.list[i], e.list[j] = e.list[j], e.list[i] }

// fold makes of a text what is the same for all of its letters' cases
// (i;unicode-casemap, RFC 5051, but for the decomposition, which needs tables).
func fold(s string) string {
	return strings.Clone(strings.ToUpper(s)) // what it is a part of need not be kept
}

// sortLocally is SORT by this package.
func (s *Session) sortLocally(ctx context.Context, q *query) (*SearchData, error) {
	o := &imap.FetchOptions{}
	for _, by := range q.sort {
		switch by.Key {
		case SortArrival:
		case SortSize:
			o.RFC822Size = true
		case SortCc, SortDate, SortFrom, SortSubject, SortTo:
			o.Envelope = true
		default:
			return nil, unsupported("SORT by " + string(by.Key))
		}
	}
	all, err := s.entries(ctx, q, o, func(m *Message, to *entry) {
		e := m.Envelope
		if e == nil {
			e = &imap.Envelope{}
		}
		to.keys = make([]key, len(q.sort))
		for i, by := range q.sort {
			k := &to.keys[i]
			switch by.Key {
			case SortArrival:
				k.number = m.InternalDate.Unix()
			case SortDate:
				k.number = to.date.Unix()
			case SortSize:
				k.number = m.Size
			case SortSubject:
				base, _ := baseSubject(e.Subject)
				k.text = fold(base)
			case SortCc:
				k.text = firstMailbox(e.Cc)
			case SortFrom:
				k.text = firstMailbox(e.From)
			case SortTo:
				k.text = firstMailbox(e.To)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	sort.Sort(&entries{all, func(a, b *entry) int {
		for i, by := range q.sort {
			order := strings.Compare(a.keys[i].text, b.keys[i].text)
			if order == 0 {
				order = compare(a.keys[i].number, b.keys[i].number)
			}
			if by.Reverse {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return compare(int64(a.seq), int64(b.seq))
	}})
	data := &SearchData{}
	for _, e := range all {
		data.Numbers = append(data.Numbers, e.number)
	}
	data.compute(true)
	return data.only(q.options, true), nil
}

func firstMailbox(list []imap.Address) string {
	if len(list) == 0 {
		return ""
	}
	return fold(list[0].Mailbox)
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
