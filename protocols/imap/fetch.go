package imap

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap/wire"
)

// Message is what a FETCH tells of one message. What wasn't asked for, or
// hasn't come, is zero.
type Message struct {
	Seq           uint32
	UID           imap.UID // always asked for
	Flags         []imap.Flag
	Envelope      *imap.Envelope
	BodyStructure imap.BodyStructure
	InternalDate  time.Time
	Size          int64 // octets (RFC822.SIZE)
	ModSeq        uint64
	Sections      []Section
	Binary        []BinarySection
	BinarySize    []BinarySize
	Extra         *Extra // of the Items asked for
}

// Section is a section of a message's body.
type Section struct {
	Spec  *imap.FetchItemBodySection // the one of the options
	Bytes []byte                     // encoded as in the message; nil where there is no such section
}

// BinarySection is a section of a message's body without its transfer encoding
// (RFC 3516).
type BinarySection struct {
	Spec  *imap.FetchItemBinarySection // the one of the options
	Bytes []byte                       // nil where there is no such section
}

// BinarySize is how many octets a BinarySection has.
type BinarySize struct {
	Spec *imap.FetchItemBinarySectionSize // the one of the options
	Size uint32
}

// Item is something that can be fetched beyond imap.FetchOptions. ENOTSUP means
// that the server lacks the extension.
type Item string

const (
	ItemEmailID   Item = "EMAILID"     // OBJECTID, RFC 8474: Extra.EmailID
	ItemThreadID  Item = "THREADID"    // OBJECTID: Extra.ThreadID
	ItemPreview   Item = "PREVIEW"     // RFC 8970: Extra.Preview, of 200 characters at most
	ItemLazy      Item = "LAZY"        // with ItemPreview: only previews that cost the server nothing
	ItemSaveDate  Item = "SAVEDATE"    // RFC 8514: Extra.SaveDate
	ItemGmailID   Item = "X-GM-MSGID"  // X-GM-EXT-1: Extra.GmailID
	ItemGmailTID  Item = "X-GM-THRID"  // X-GM-EXT-1: Extra.GmailThreadID
	ItemGmailTags Item = "X-GM-LABELS" // X-GM-EXT-1: Extra.GmailLabels
	// ItemVanished, with FetchOptions.ChangedSince and a set of UIDs, has
	// Handler.Vanished told what is gone since then (QRESYNC, RFC 7162).
	ItemVanished Item = "VANISHED"
)

// Extra is what the Items bring.
type Extra struct {
	EmailID, ThreadID      string
	Preview                string
	SaveDate               time.Time
	GmailID, GmailThreadID uint64
	GmailLabels            []string
}

// itemCap is the capability that an item needs.
func itemCap(item Item) string {
	switch item {
	case ItemEmailID, ItemThreadID:
		return "OBJECTID"
	case ItemPreview, ItemLazy:
		return "PREVIEW"
	case ItemSaveDate:
		return "SAVEDATE"
	case ItemVanished:
		return "QRESYNC"
	}
	return "X-GM-EXT-1"
}

// fetching is what the reader has to know of a FETCH under way.
type fetching struct {
	set       imap.NumSet
	flagsOnly bool // it asks for nothing but flags, UIDs and the like
	sections  []asked
	each      func(*Message) error // an error ends the session

	literal chan *Literal // of a Download: gets the first section, as it comes
	absent  bool          // the section has come as NIL
}

// asked is a section that was asked for. key is how the answer names it.
type asked struct {
	key    string
	body   *imap.FetchItemBodySection
	binary *imap.FetchItemBinarySection
	size   *imap.FetchItemBinarySectionSize
}

// Fetch asks for messages and calls each with one after another as they come
// (RFC 3501, section 6.4.5); the connection waits while each works. each must
// not call methods of the Session other than Close.
//
// If each returns an error, the rest of the answer is skipped and Fetch
// returns that error. If limit is more than 0 and the server sends more
// messages, the rest is skipped and Fetch returns ELIMIT; the session goes on
// in both cases. A section that, with those before it, is larger than
// Limits.Message ends the session with ELIMIT; Download is for those.
//
// A * in a set of sequence numbers stands for the last message that this
// session has been told of. A message that is not in the set is not handed on,
// such as the last one, which servers send for UIDs that don't exist yet.
func (s *Session) Fetch(ctx context.Context, set imap.NumSet, options *imap.FetchOptions, limit int, each func(*Message) error, items ...Item) error {
	if err := checkSet(set); err != nil {
		return err
	}
	if options == nil {
		options = &imap.FetchOptions{}
	}
	if err := s.checkFetch(set, options, items); err != nil {
		return err
	}
	if s.resolve(set) == nil {
		return nil
	}
	var stopped error
	count := 0
	c := s.fetchCommand(set, options, items)
	c.fetch.each = func(m *Message) error {
		if stopped != nil {
			return nil
		}
		if count++; limit > 0 && count > limit {
			stopped = tooMuch("more than " + strconv.Itoa(limit) + " messages")
		} else {
			stopped = each(m)
		}
		return nil
	}
	if err := s.do(ctx, c); err != nil {
		return err
	}
	return stopped
}

func (s *Session) checkFetch(set imap.NumSet, o *imap.FetchOptions, items []Item) error {
	for _, section := range o.BodySection {
		if err := checkSection(section); err != nil {
			return err
		}
	}
	for _, section := range o.BinarySection {
		if err := checkSection(&imap.FetchItemBodySection{Part: section.Part, Partial: section.Partial}); err != nil {
			return err
		}
	}
	for _, section := range o.BinarySectionSize {
		if err := checkSection(&imap.FetchItemBodySection{Part: section.Part}); err != nil {
			return err
		}
	}
	if len(o.BinarySection)+len(o.BinarySectionSize) > 0 && !s.Has("BINARY") && !s.isEnabled("IMAP4rev2") {
		return unsupported("BINARY")
	}
	if (o.ModSeq || o.ChangedSince > 0) && !s.Has("CONDSTORE") {
		return unsupported("CONDSTORE")
	}
	for _, item := range items {
		if item == ItemVanished {
			if _, byUID := set.(imap.UIDSet); !byUID || o.ChangedSince == 0 {
				return invalid("What has vanished can be asked for by UID, since a modification sequence.")
			}
			if !s.isEnabled("QRESYNC") {
				return unsupported("QRESYNC")
			}
		}
		if name := itemCap(item); !s.Has(imap.Cap(name)) {
			return unsupported(name)
		}
	}
	return nil
}

// fetchCommand makes the command, the UID always asked for.
func (s *Session) fetchCommand(set imap.NumSet, o *imap.FetchOptions, items []Item) *command {
	others := 0
	for _, item := range items {
		if item != ItemVanished {
			others++
		}
	}
	f := &fetching{
		set: set,
		flagsOnly: !o.Envelope && !o.InternalDate && !o.RFC822Size && o.BodyStructure == nil &&
			len(o.BodySection)+len(o.BinarySection)+len(o.BinarySectionSize)+others == 0,
	}
	for _, section := range o.BodySection {
		f.sections = append(f.sections, asked{key: bodyKey(section), body: section})
	}
	for _, section := range o.BinarySection {
		f.sections = append(f.sections, asked{key: "BINARY" + partKey(section.Part, "") + offsetKey(section.Partial), binary: section})
	}
	for _, section := range o.BinarySectionSize {
		f.sections = append(f.sections, asked{key: "BINARY.SIZE" + partKey(section.Part, ""), size: section})
	}
	_, byUID := set.(imap.UIDSet)
	c := &command{numbers: !byUID, stable: !byUID, fetch: f}
	c.write = func(w *wire.Writer) {
		// Not before: the numbers may have changed while it waited.
		if fixed := s.resolve(f.set); fixed != nil {
			s.mu.Lock()
			f.set = fixed
			s.mu.Unlock()
		}
		writeSet(w, "FETCH", f.set)
		w.Text(" (UID")
		for _, item := range []struct {
			wanted bool
			name   string
		}{
			{o.Flags, " FLAGS"}, {o.Envelope, " ENVELOPE"}, {o.InternalDate, " INTERNALDATE"}, {o.RFC822Size, " RFC822.SIZE"},
			{o.ModSeq, " MODSEQ"}, {o.BodyStructure != nil && o.BodyStructure.Extended, " BODYSTRUCTURE"},
			{o.BodyStructure != nil && !o.BodyStructure.Extended, " BODY"},
		} {
			if item.wanted {
				w.Text(item.name)
			}
		}
		vanished, lazy := false, false
		for _, item := range items {
			lazy = lazy || item == ItemLazy
		}
		for _, item := range items {
			switch item {
			case ItemVanished:
				vanished = true
			case ItemLazy:
			default:
				w.Text(" ").Text(string(item))
				if item == ItemPreview && lazy {
					w.Text(" (LAZY)")
				}
			}
		}
		for _, section := range f.sections {
			w.Text(" ")
			section.write(w)
		}
		w.Text(")")
		if o.ChangedSince > 0 {
			w.Text(" (CHANGEDSINCE ").Number64(o.ChangedSince)
			if vanished {
				w.Text(" VANISHED")
			}
			w.Text(")")
		}
	}
	return c
}

// writeSet writes a command's name and the messages that it is about.
func writeSet(w *wire.Writer, verb string, set imap.NumSet) {
	if _, byUID := set.(imap.UIDSet); byUID {
		w.Text("UID ")
	}
	w.Text(verb).Text(" ").Text(set.String())
}

// write asks for the section: its key, with PEEK, and the length of the range.
func (a *asked) write(w *wire.Writer) {
	name, rest, _ := strings.Cut(a.key, "[")
	w.Text(name)
	var partial *imap.SectionPartial
	switch {
	case a.body != nil:
		partial = a.body.Partial
		if a.body.Peek {
			w.Text(".PEEK")
		}
	case a.binary != nil:
		partial = a.binary.Partial
		if a.binary.Peek {
			w.Text(".PEEK")
		}
	}
	if w.Text("["); partial == nil {
		w.Text(rest)
		return
	}
	w.Text(strings.TrimSuffix(rest, ">")).Text(".").Number64(uint64(partial.Size)).Text(">")
}

// bodyKey names a section as the answer will, in upper case.
func bodyKey(section *imap.FetchItemBodySection) string {
	specifier := string(section.Specifier)
	fields := section.HeaderFields
	if len(fields) > 0 {
		specifier += ".FIELDS"
	} else if fields = section.HeaderFieldsNot; len(fields) > 0 {
		specifier += ".FIELDS.NOT"
	}
	if len(fields) > 0 {
		specifier += " (" + strings.ToUpper(strings.Join(fields, " ")) + ")"
	}
	return "BODY" + partKey(section.Part, specifier) + offsetKey(section.Partial)
}

func partKey(part []int, specifier string) string {
	b := []byte{'['}
	for _, n := range part {
		if len(b) > 1 {
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	if len(b) > 1 && specifier != "" {
		b = append(b, '.')
	}
	return string(append(append(b, specifier...), ']'))
}

func offsetKey(p *imap.SectionPartial) string {
	if p == nil {
		return ""
	}
	return "<" + strconv.FormatInt(p.Offset, 10) + ">"
}

// resolve puts a number in the place of *, so that a message of the answer can
// be told from one that comes unasked. It returns nil where there are no
// messages for it.
func (s *Session) resolve(set imap.NumSet) imap.NumSet {
	m := s.Mailbox()
	if m == nil {
		return set
	}
	last := m.Exists
	switch set := set.(type) {
	case imap.SeqSet:
		if !set.Dynamic() {
			return set
		}
		if last == 0 {
			return nil
		}
		var fixed imap.SeqSet
		for _, r := range set {
			start, stop := r.Start, r.Stop
			if start == 0 {
				start = last
			}
			if stop == 0 {
				stop = last
			}
			fixed.AddRange(min(start, stop), max(start, stop))
		}
		return fixed
	case imap.UIDSet:
		if len(set) == 1 && set[0] == (imap.UIDRange{}) && last > 0 {
			return imap.SeqSetNum(last)
		}
	}
	return set
}

// may reports whether the message can be one that was asked for, as far as it
// is known yet: the UID may come last.
func (f *fetching) may(m *Message) bool {
	switch set := f.set.(type) {
	case imap.SeqSet:
		return set.Contains(m.Seq)
	case imap.UIDSet:
		return m.UID == 0 || imap.IsSearchRes(set) || set.Contains(m.UID)
	}
	return false
}

// owns reports whether the message, all of it being known, is one that was
// asked for.
func (f *fetching) owns(m *Message, update bool) bool {
	if update && !f.flagsOnly || !f.may(m) {
		return false
	}
	_, byUID := f.set.(imap.UIDSet)
	return !byUID || m.UID != 0
}

func (f *fetching) find(key []byte) *asked {
	for i := range f.sections {
		if f.sections[i].key == string(key) {
			return &f.sections[i]
		}
	}
	return nil
}

// maxItem is longer than every name of an item.
const maxItem = 24

// fetched reads a FETCH response: what one under way has asked for, or what
// the server tells unasked.
func (s *Session) fetched(seq uint32) error {
	r := s.r
	m := &Message{Seq: seq}
	p := fetchParser{s: s, m: m}
	if !r.List(p.item) {
		s.unknown()
		return nil
	}
	if p.err != nil {
		return p.err
	}
	if r.Err() != nil {
		return r.Err()
	}
	update := m.Flags != nil && !p.other
	c := s.find(func(c *command) bool { return c.fetch != nil && c.fetch.owns(m, update) })
	switch {
	case c != nil && c.fetch.each != nil:
		return c.fetch.each(m)
	case c == nil && update && s.o.Handler.Flags != nil:
		s.o.Handler.Flags(seq, m.UID, m.Flags)
	}
	return nil
}

// fetchParser reads the items of a FETCH response.
type fetchParser struct {
	s     *Session
	m     *Message
	other bool  // items have come that are not those of an unasked update
	held  int64 // bytes of sections
	err   error // ends the session
}

func (p *fetchParser) item() {
	if p.err != nil {
		p.s.r.Value()
		return
	}
	r, m := p.s.r, p.m
	var buf [maxItem]byte
	name := wire.Upper(buf[:], r.Until(" [()"))
	if r.Peek() == '[' {
		p.other = true
		p.section(name)
		return
	}
	r.Space()
	switch string(name) {
	case "UID":
		m.UID = imap.UID(r.Number())
		return
	case "FLAGS":
		m.Flags = readFlags(r)
		return
	case "MODSEQ":
		r.List(func() { m.ModSeq = r.Number64() })
		return
	}
	p.other = true
	switch string(name) {
	case "ENVELOPE":
		m.Envelope = p.s.envelope()
	case "BODYSTRUCTURE", "BODY":
		m.BodyStructure = p.s.structure()
	case "INTERNALDATE":
		b, _ := r.String()
		m.InternalDate, _ = r.DateTime(b)
	case "RFC822.SIZE":
		m.Size = int64(r.Number64())
	case "EMAILID":
		r.List(func() { p.extra().EmailID = p.keep() })
	case "THREADID":
		r.List(func() { p.extra().ThreadID = p.keep() })
	case "PREVIEW":
		p.extra().Preview = strings.ToValidUTF8(p.keep(), "\uFFFD")
	case "SAVEDATE":
		b, _ := r.String()
		p.extra().SaveDate, _ = r.DateTime(b)
	case "X-GM-MSGID":
		p.extra().GmailID = r.Number64()
	case "X-GM-THRID":
		p.extra().GmailThreadID = r.Number64()
	case "X-GM-LABELS":
		labels := []string{}
		r.List(func() { label, _ := p.s.name(p.keep()); labels = append(labels, label) })
		p.extra().GmailLabels = labels
	default:
		p.s.report("FETCH " + string(name))
		r.Value()
	}
}

func (p *fetchParser) keep() string {
	b, _ := p.s.r.String()
	return p.s.r.Keep(b)
}

//go:noinline
func (p *fetchParser) extra() *Extra {
	if p.m.Extra == nil {
		p.m.Extra = &Extra{}
	}
	return p.m.Extra
}

// section reads a section of a body: its name from the bracket on, and its
// bytes.
func (p *fetchParser) section(name []byte) {
	s, r, m := p.s, p.s.r, p.m
	key := append(s.key[:0], name...)
	r.Expect('[')
	key = append(key, '[')
	key = appendUpper(key, r.Until(" ]"))
	if r.Space() {
		key = append(key, " ("...)
		first := true
		r.List(func() {
			b, _ := r.String()
			if !first {
				key = append(key, ' ')
			}
			key, first = appendUpper(key, b), false
		})
		key = append(key, ')')
	}
	r.Expect(']')
	key = append(key, ']')
	if r.Peek() == '<' {
		key = append(key, r.Until(">")...)
		r.Expect('>')
		key = append(key, '>')
	}
	s.key = key
	r.Space()
	var spec *asked
	c := s.find(func(c *command) bool {
		if c.fetch == nil || !c.fetch.may(m) {
			return false
		}
		spec = c.fetch.find(key)
		return spec != nil
	})
	if c == nil {
		r.Value()
		return
	}
	if spec.size != nil {
		m.BinarySize = append(m.BinarySize, BinarySize{spec.size, r.Number()})
		return
	}
	if c.fetch.literal != nil {
		p.stream(c.fetch)
		return
	}
	bytes, err := p.bytes()
	if err != nil {
		p.err = err
		return
	}
	if spec.body != nil {
		m.Sections = append(m.Sections, Section{spec.body, bytes})
	} else {
		m.Binary = append(m.Binary, BinarySection{spec.binary, bytes})
	}
}

// bytes holds a section.
func (p *fetchParser) bytes() ([]byte, error) {
	r, limit := p.s.r, p.s.o.Limits.Message
	size, ok := r.Literal()
	if !ok {
		b, ok := r.String()
		if !ok {
			return nil, nil
		}
		return append([]byte{}, b...), nil
	}
	if p.held += size; p.held > limit {
		return nil, tooMuch("parts of more than " + strconv.FormatInt(limit, 10) + " bytes of a message")
	}
	b := make([]byte, size)
	for n := 0; n < len(b); {
		k, err := r.Read(b[n:])
		if err != nil {
			return nil, err
		}
		n += k
	}
	r.EndLiteral()
	return b, nil
}

// appendUpper appends b in upper case.
func appendUpper(key, b []byte) []byte {
	start := len(key)
	key = append(key, b...)
	wire.Upper(key[start:], b)
	return key
}

func checkSection(section *imap.FetchItemBodySection) error {
	if section == nil {
		return invalid("The section is not valid.")
	}
	for _, n := range section.Part {
		if n < 1 {
			return invalid("The number of a message part is not valid.")
		}
	}
	fields := append(append([]string(nil), section.HeaderFields...), section.HeaderFieldsNot...)
	for _, f := range fields {
		if !isFieldName(f) {
			return invalid("The header field " + strconv.Quote(f) + " is not valid.")
		}
	}
	switch section.Specifier {
	case imap.PartSpecifierNone, imap.PartSpecifierText:
	case imap.PartSpecifierHeader:
		fields = nil
	case imap.PartSpecifierMIME:
		if len(section.Part) == 0 {
			return invalid("Only a message part has a MIME header.")
		}
	default:
		return invalid("The section is not valid.")
	}
	if len(fields) > 0 {
		return invalid("Header fields can only be chosen of a header.")
	}
	if p := section.Partial; p != nil && (p.Offset < 0 || p.Size < 1) {
		return invalid("The range of bytes is not valid.")
	}
	return nil
}
