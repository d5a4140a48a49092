package irc

import (
	"slices"
	"strings"
)

const (
	// maxBatches may be open at once; the oldest gives way.
	maxBatches = 32
	// maxNesting is how deep batches may be in one another.
	maxNesting = 8
	// maxMultiline is the longest text that is put together of several lines.
	maxMultiline = 64 << 10
)

// batch is a batch that is open (ircv3.net/specs/extensions/batch).
type batch struct {
	Batch
	parent  *batch
	depth   int
	label   string // of the call that it answers, its own or its parent's
	history bool   // what it holds has happened before
	// start is the line that has opened a batch of type multiline, text what it
	// holds so far and command of what kind.
	start     *message
	command   string
	text      []byte
	truncated bool
}

type batches struct {
	open  map[string]*batch
	order []string // oldest first
}

// of is the batch that m belongs to, or nil.
func (bs *batches) of(m *message) *batch {
	if m.known.batch == "" {
		return nil
	}
	return bs.open[m.known.batch]
}

// begin opens the batch of "BATCH +reference type params…".
func (bs *batches) begin(m *message, label string) {
	id := clone(m.Params[0][1:])
	b := &batch{parent: m.batch, label: label}
	b.ID, b.Type = id, strings.TrimPrefix(m.param(1), "draft/")
	if len(m.Params) > 2 {
		b.Params = m.Params[2:]
	}
	switch b.Type {
	case "chathistory", "znc.in/playback", "soju.im/search", "search":
		b.history = true
	case "multiline":
		b.start = m
	}
	if b.parent != nil {
		b.depth = b.parent.depth + 1
		b.history = b.history || b.parent.history
	}
	if _, again := bs.open[id]; id == "" || again || b.depth > maxNesting {
		return
	}
	if len(bs.order) >= maxBatches {
		delete(bs.open, bs.order[0])
		bs.order = bs.order[1:]
	}
	bs.open[id] = b
	bs.order = append(bs.order, id)
}

// end closes the batch of "BATCH -reference"; nil where it was not open.
func (bs *batches) end(m *message) *batch {
	id := m.Params[0][1:]
	b := bs.open[id]
	if b == nil {
		return nil
	}
	delete(bs.open, id)
	i := slices.Index(bs.order, id)
	bs.order = append(bs.order[:i], bs.order[i+1:]...)
	return b
}

// add takes in a line of a multiline batch.
func (b *batch) add(m *message) {
	if len(m.Params) < 2 || m.Command != "PRIVMSG" && m.Command != "NOTICE" {
		return
	}
	text := m.Params[1]
	if len(b.text)+1+len(text) > maxMultiline {
		b.truncated = true
		return
	}
	if b.command == "" {
		b.command = m.Command
	} else if !m.tags.Has("draft/multiline-concat") && !m.tags.Has("multiline-concat") {
		b.text = append(b.text, '\n')
	}
	b.text = append(b.text, text...)
}

// whole is the message that a multiline batch amounts to; nil where it is none.
func (b *batch) whole() *message {
	if b.command == "" || len(b.Params) == 0 {
		return nil
	}
	m := *b.start
	m.Command, m.Params, m.batch = b.command, []string{b.Params[0], string(b.text)}, b.parent
	return &m
}

// labelOf is the label of the call that m answers; empty for none.
func labelOf(m *message) string {
	if m.known.label != "" {
		return m.known.label
	}
	if m.batch != nil {
		return m.batch.label
	}
	return ""
}

// completes tells whether m is all of a labeled answer, or its end.
func completes(m *message) bool {
	if m.Command == "BATCH" && m.Params[0][0] == '+' {
		return false
	}
	return m.batch == nil || m.batch.label == ""
}
