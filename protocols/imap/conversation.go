package imap

import (
	"bytes"
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/emersion/go-imap/v2"
)

const (
	// maxReferences is how many of the messages before it, the latest of them, a
	// message counts as the answer to.
	maxReferences = 50
	// maxAncestors is how far up is looked before a message is put below another.
	maxAncestors = 1000
)

// threadLocally is THREAD by this package.
func (s *Session) threadLocally(ctx context.Context, q *query, references bool) ([]Thread, error) {
	o := &imap.FetchOptions{Envelope: true}
	if references {
		o.BodySection = []*imap.FetchItemBodySection{{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"References"}, Peek: true}}
	}
	all, err := s.entries(ctx, q, o, func(m *Message, to *entry) {
		e := m.Envelope
		if e == nil {
			return
		}
		base, reply := baseSubject(e.Subject)
		to.subject, to.reply = fold(base), reply
		if !references {
			return
		}
		to.id = strings.Clone(e.MessageID)
		for _, section := range m.Sections {
			to.parents = referenced(section.Bytes)
		}
		if len(to.parents) == 0 && len(e.InReplyTo) > 0 {
			to.parents = []string{strings.Clone(e.InReplyTo[0])}
		}
	})
	if err != nil {
		return nil, err
	}
	var root entry
	if references {
		root.adopt(byReferences(all))
		root.prune()
		root.sort()
		root.bySubject()
	} else {
		root.adopt(all)
		root.sort()
		root.inOrder()
	}
	root.sort()
	return root.threads(s.o.Limits.Nesting)
}

// referenced reads the message identifiers of a References field.
func referenced(header []byte) (list []string) {
	for {
		start := bytes.IndexByte(header, '<')
		if start < 0 {
			break
		}
		header = header[start+1:]
		end := bytes.IndexByte(header, '>')
		if end < 0 {
			break
		}
		if id := bytes.TrimSpace(header[:end]); len(id) > 0 {
			list = append(list, string(id))
		}
		header = header[end+1:]
	}
	return list[max(0, len(list)-maxReferences):]
}

//go:noinline
func (n *entry) adopt(children []*entry) {
	for _, c := range children {
		c.parent = n
	}
	n.children = append(n.children, children...)
}

// leave takes n from its parent.
func (n *entry) leave() {
	siblings := n.parent.children
	i := slices.Index(siblings, n)
	n.parent.children = slices.Delete(siblings, i, i+1)
	n.parent = nil
}

// under puts n below parent unless that is below n, or too deep.
//
//go:noinline
func (n *entry) under(parent *entry) bool {
	depth := 0
	for above := parent; above != nil; above = above.parent {
		if depth++; above == n || depth == maxAncestors {
			return false
		}
	}
	n.parent = parent
	parent.children = append(parent.children, n)
	return true
}

// byReferences links messages by what they answer (RFC 5256, section 3,
// REFERENCES, steps 1 and 2), and returns those that answer nothing.
func byReferences(all []*entry) []*entry {
	known := make(map[string]*entry, len(all))
	for _, n := range all {
		// A message without an identifier, or with that of another, can't be
		// referred to.
		if _, taken := known[n.id]; n.id != "" && !taken {
			known[n.id] = n
		}
	}
	every := all[:len(all):len(all)]
	for _, n := range all {
		var last *entry
		for _, id := range n.parents {
			one := known[id]
			if one == nil {
				one = &entry{absent: true}
				known[id] = one
				every = append(every, one)
			}
			if last != nil && one.parent == nil && one != last {
				one.under(last)
			}
			last = one
		}
		// The message's own word counts more than that of others.
		if before := n.parent; before != nil && before != last {
			n.leave()
			if last == nil || !n.under(last) {
				n.parent = nil
			}
		} else if before == nil && last != nil {
			n.under(last)
		}
	}
	roots := every[:0:0]
	for _, n := range every {
		if n.parent == nil {
			roots = append(roots, n)
		}
	}
	return roots
}

// below are all nodes below n, each before its children.
func (n *entry) below() []*entry {
	list := slices.Clone(n.children)
	for i := 0; i < len(list); i++ {
		list = append(list, list[i].children...)
	}
	return list
}

// prune removes what no message is known of; its children come in its place, but
// for several that would be at the top (step 3).
func (n *entry) prune() {
	list := n.below()
	for i := len(list) - 1; i >= 0; i-- {
		one := list[i]
		if !one.absent || one.parent == n && len(one.children) > 1 {
			continue
		}
		above := one.parent
		one.leave()
		above.adopt(one.children)
	}
}

// first is the message that a node at the top counts as.
func (n *entry) first() *entry {
	if n.absent {
		return n.children[0]
	}
	return n
}

// sort puts the messages of each conversation in the order in which they were
// sent, and the conversations (steps 4 and 6).
func (n *entry) sort() {
	list := n.below()
	for i := len(list) - 1; i >= -1; i-- {
		one := n
		if i >= 0 {
			one = list[i]
		}
		sort.Sort(&entries{one.children, func(a, b *entry) int {
			x, y := a.first(), b.first()
			if order := x.date.Compare(y.date); order != 0 {
				return order
			}
			return compare(int64(x.seq), int64(y.seq))
		}})
	}
}

// bySubject puts conversations together that have the same subject (step 5).
func (n *entry) bySubject() {
	table := map[string]*entry{}
	for _, one := range n.children {
		subject := one.first().subject
		if subject == "" {
			continue
		}
		before := table[subject]
		if before == nil || !before.absent && (one.absent || before.reply && !one.reply) {
			table[subject] = one
		}
	}
	tops := n.children
	n.children = nil
	for _, one := range tops {
		other := table[one.first().subject]
		switch {
		case other == nil || other == one:
			n.children = append(n.children, one)
		case one.absent: // then the other is, too
			other.adopt(one.children)
		case other.absent, one.reply && !other.reply:
			other.adopt([]*entry{one})
		default:
			// Both are at the top of a conversation whose beginning is not known.
			copied := *other
			*other = entry{absent: true, parent: n}
			for _, c := range copied.children {
				c.parent = &copied
			}
			other.adopt([]*entry{&copied, one})
		}
	}
}

// inOrder has the first message with a subject answered by all others with it
// (ORDEREDSUBJECT).
func (n *entry) inOrder() {
	table := map[string]*entry{}
	tops := n.children
	n.children = nil
	for _, one := range tops {
		if first := table[one.subject]; first != nil {
			first.adopt([]*entry{one})
			continue
		}
		table[one.subject] = one
		n.children = append(n.children, one)
	}
}

// threads are the conversations below n; nesting is how deep they may split.
func (n *entry) threads(nesting int) ([]Thread, error) {
	var list []Thread
	for _, one := range n.children {
		var t Thread
		for {
			if !one.absent {
				t.Chain = append(t.Chain, one.number)
			}
			if len(one.children) != 1 {
				break
			}
			one = one.children[0]
		}
		if len(one.children) > 0 {
			if nesting <= 1 {
				return nil, tooMuch("conversations that split too often")
			}
			var err error
			if t.SubThreads, err = one.threads(nesting - 1); err != nil {
				return nil, err
			}
		}
		list = append(list, t)
	}
	return list, nil
}
