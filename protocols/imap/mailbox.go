package imap

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/imap/wire"
)

// Mailbox is a selected mailbox.
type Mailbox struct {
	Name           string
	ReadOnly       bool
	Exists         uint32 // number of messages
	UIDNext        imap.UID
	UIDValidity    uint32
	Flags          []imap.Flag
	PermanentFlags []imap.Flag // those that can be stored; \* means that new ones can be made
	HighestModSeq  uint64      // with CONDSTORE; 0 where the mailbox keeps none
	MailboxID      string      // with OBJECTID (RFC 8474)
}

// OpenOptions says how a mailbox is selected.
type OpenOptions struct {
	ReadOnly bool
	// CondStore asks for HighestModSeq, and has every change of flags come with
	// its modification sequence (RFC 7162).
	CondStore bool
	// QResync asks what has changed since a mailbox was last seen.
	QResync *QResync
}

// QResync is what is known of a mailbox from an earlier session (QRESYNC, RFC
// 7162). If UIDValidity has changed since, nothing of it holds, and neither
// function is called.
type QResync struct {
	UIDValidity uint32
	ModSeq      uint64      // Mailbox.HighestModSeq of that time
	KnownUIDs   imap.UIDSet // of the messages that are known; nil means all

	// Changed is told the messages whose flags have changed or that are new:
	// UID, Flags and ModSeq are set.
	Changed func(*Message)
	// Vanished is told the messages that are gone.
	Vanished func(imap.UIDSet)
}

// Select opens a mailbox for reading and writing (RFC 3501, section 6.3.1).
// Where it fails, no mailbox is selected.
func (s *Session) Select(ctx context.Context, mailbox string) (*Mailbox, error) {
	return s.Open(ctx, mailbox, nil)
}

// Examine opens a mailbox for reading only (RFC 3501, section 6.3.2).
func (s *Session) Examine(ctx context.Context, mailbox string) (*Mailbox, error) {
	return s.Open(ctx, mailbox, &OpenOptions{ReadOnly: true})
}

// Open opens a mailbox. ENOTSUP means that the server lacks what the options
// ask for.
func (s *Session) Open(ctx context.Context, mailbox string, o *OpenOptions) (*Mailbox, error) {
	mailbox, err := mailboxName(mailbox)
	if err != nil {
		return nil, err
	}
	if o == nil {
		o = &OpenOptions{}
	}
	if o.CondStore && !s.Has("CONDSTORE") {
		return nil, unsupported("CONDSTORE")
	}
	if q := o.QResync; q != nil {
		if q.UIDValidity == 0 || q.ModSeq == 0 {
			return nil, invalid("What is known of the mailbox is not valid.")
		}
		if err := s.Enable(ctx, "QRESYNC"); err != nil {
			return nil, err
		}
	}
	m := &Mailbox{Name: mailbox, ReadOnly: o.ReadOnly}
	c := &command{alone: true, open: m, write: func(w *wire.Writer) { o.write(w, mailbox) }}
	c.code = m.code
	if q := o.QResync; q != nil {
		c.fetch = &fetching{set: imap.UIDSet{{Start: 1}}, flagsOnly: true, each: func(m *Message) error {
			if q.Changed != nil {
				q.Changed(m)
			}
			return nil
		}}
		c.take = func(verb string) (bool, error) {
			if verb != "VANISHED" {
				return false, nil
			}
			uids, _ := readVanished(s.r)
			if q.Vanished != nil && len(uids) > 0 {
				q.Vanished(uids)
			}
			return true, nil
		}
	}
	c.ended = func(err error) {
		selected := *m
		s.mu.Lock()
		if s.mailbox = &selected; err != nil {
			s.mailbox = nil
		}
		s.mu.Unlock()
	}
	if err := s.do(ctx, c); err != nil {
		return nil, err
	}
	return m, nil
}

func (o *OpenOptions) write(w *wire.Writer, mailbox string) {
	verb := "SELECT "
	if o.ReadOnly {
		verb = "EXAMINE "
	}
	w.Text(verb).Mailbox(mailbox)
	switch q := o.QResync; {
	case q != nil:
		w.Text(" (QRESYNC (").Number(q.UIDValidity).Text(" ").Number64(q.ModSeq)
		if len(q.KnownUIDs) > 0 {
			w.Text(" ").Text(q.KnownUIDs.String())
		}
		w.Text("))")
	case o.CondStore:
		w.Text(" (CONDSTORE)")
	}
}

// code takes what the response codes of a SELECT tell.
func (m *Mailbox) code(code, args string) bool {
	n, _ := wire.ParseNumber(args)
	switch code {
	case "PERMANENTFLAGS":
		m.PermanentFlags = parseFlags(args)
	case "UIDNEXT":
		m.UIDNext = imap.UID(n)
	case "UIDVALIDITY":
		m.UIDValidity = n
	case "HIGHESTMODSEQ":
		m.HighestModSeq, _ = strconv.ParseUint(args, 10, 64)
	case "MAILBOXID":
		m.MailboxID = strings.Trim(args, "()")
	case "READ-ONLY":
		m.ReadOnly = true
	default:
		return false
	}
	return true
}

// name reads the name of a mailbox as the server writes it. Names that can't
// be written back in the usual way are remembered as they came.
func (s *Session) name(raw string) (string, bool) {
	if strings.EqualFold(raw, "INBOX") {
		return "INBOX", true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.utf8 && utf8.ValidString(raw) {
		return raw, true
	}
	name, ok := wire.DecodeName(raw)
	if ok {
		return name, true
	}
	if len(s.odd) < maxOdd {
		if s.odd == nil {
			s.odd = make(map[string]string)
		}
		s.odd[name] = raw
	}
	return name, false
}

func (s *Session) rawName(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.odd[name]
}

// maxOdd bounds how many odd names are remembered.
const maxOdd = 1000

// List returns the mailboxes whose names match pattern, in which % stands for
// anything without and * for anything with the hierarchy delimiter. reference
// is most often empty (RFC 3501, section 6.3.8). The attributes of RFC 6154
// (\Sent, \Trash, …) are asked for where the server has them, and guessed by the
// names in many languages where it doesn't.
func (s *Session) List(ctx context.Context, reference, pattern string) ([]*imap.ListData, error) {
	return s.ListExtended(ctx, reference, []string{pattern}, &imap.ListOptions{ReturnSpecialUse: true})
}

func (s *Session) list(ctx context.Context, verb, reference string, patterns []string, o *imap.ListOptions) ([]*imap.ListData, error) {
	for _, name := range append([]string{reference}, patterns...) {
		if hasControl(name) {
			return nil, invalid("The name of the mailbox is not valid.")
		}
	}
	var list []*imap.ListData
	c := &command{family: "LIST", write: func(w *wire.Writer) {
		w.Text(verb)
		writeListSelection(w, o)
		w.Text(" ").Mailbox(reference).Text(" ")
		if len(patterns) == 1 {
			w.Mailbox(patterns[0])
		} else {
			w.Text("(")
			for i, p := range patterns {
				if i > 0 {
					w.Text(" ")
				}
				w.Mailbox(p)
			}
			w.Text(")")
		}
		writeListReturn(w, o)
	}}
	c.take = func(got string) (bool, error) {
		if got != verb {
			return false, nil
		}
		data := s.listed()
		if len(list) == s.o.Limits.Results {
			return true, tooMuch("more than " + strconv.Itoa(s.o.Limits.Results) + " mailboxes")
		}
		if data != nil {
			list = append(list, data)
		}
		return true, nil
	}
	if o.ReturnStatus != nil {
		c.status = func(status *imap.StatusData) bool {
			// It comes right behind the mailbox that it is of.
			for i := len(list) - 1; i >= 0; i-- {
				if list[i].Mailbox == status.Mailbox {
					list[i].Status = status
					return true
				}
			}
			return false
		}
	}
	if err := s.do(ctx, c); err != nil {
		return nil, err
	}
	return list, nil
}

func writeListSelection(w *wire.Writer, o *imap.ListOptions) {
	writeOptions(w, " (", []option{
		{o.SelectSubscribed, "SUBSCRIBED"}, {o.SelectRemote, "REMOTE"},
		{o.SelectRecursiveMatch, "RECURSIVEMATCH"}, {o.SelectSpecialUse, "SPECIAL-USE"},
	}, ")")
}

func writeListReturn(w *wire.Writer, o *imap.ListOptions) {
	options := []option{
		{o.ReturnSubscribed, "SUBSCRIBED"}, {o.ReturnChildren, "CHILDREN"}, {o.ReturnSpecialUse, "SPECIAL-USE"},
	}
	if o.ReturnStatus == nil {
		writeOptions(w, " RETURN (", options, ")")
		return
	}
	w.Text(" RETURN (")
	writeOptions(w, "", options, " ")
	w.Text("STATUS")
	writeStatusItems(w, o.ReturnStatus)
	w.Text(")")
}

// option is a word that is written where it is wanted.
type option struct {
	wanted bool
	name   string
}

// writeOptions writes the words that are wanted, with spaces between them, and
// nothing at all where none is.
func writeOptions(w *wire.Writer, before string, options []option, after string) {
	any := false
	for _, o := range options {
		if !o.wanted {
			continue
		}
		if any {
			w.Text(" ")
		} else {
			w.Text(before)
		}
		w.Text(o.name)
		any = true
	}
	if any {
		w.Text(after)
	}
}

// listed reads what follows LIST: nil for what can't be understood, which is
// reported.
func (s *Session) listed() *imap.ListData {
	r := s.r
	head := string(r.Head(maxUnknown))
	data := &imap.ListData{}
	r.List(func() { data.Attrs = append(data.Attrs, mailboxAttr(r, r.Until(" )"))) })
	r.Space()
	data.Delim = readDelimiter(r)
	r.Space()
	b, ok := r.String()
	if r.Err() != nil {
		return nil
	}
	name, proper := s.name(string(b))
	data.Mailbox = name
	if !proper || !ok {
		s.report(head)
	}
	for r.Space(); r.Err() == nil && r.Peek() == '('; r.Space() {
		r.List(func() { s.listItem(data) })
	}
	if r.Err() != nil {
		return nil
	}
	return data
}

// readDelimiter reads a hierarchy delimiter, which is 0 where there is no
// hierarchy.
func readDelimiter(r *wire.Reader) rune {
	b, ok := r.String()
	if !ok || len(b) == 0 {
		return 0
	}
	delim, _ := utf8.DecodeRune(b)
	return delim
}

// listItem reads an extended item of LIST (RFC 5258).
func (s *Session) listItem(data *imap.ListData) {
	r := s.r
	b, _ := r.String()
	item := strings.ToUpper(string(b))
	r.Space()
	switch item {
	case "CHILDINFO":
		data.ChildInfo = &imap.ListDataChildInfo{}
		r.List(func() {
			b, _ := r.String()
			data.ChildInfo.Subscribed = data.ChildInfo.Subscribed || strings.EqualFold(string(b), "SUBSCRIBED")
		})
	case "OLDNAME":
		r.List(func() {
			b, _ := r.String()
			data.OldName, _ = s.name(string(b))
		})
	default:
		r.Value()
	}
}

var mailboxAttrs = []imap.MailboxAttr{
	imap.MailboxAttrNonExistent, imap.MailboxAttrNoInferiors, imap.MailboxAttrNoSelect, imap.MailboxAttrHasChildren,
	imap.MailboxAttrHasNoChildren, imap.MailboxAttrMarked, imap.MailboxAttrUnmarked, imap.MailboxAttrSubscribed,
	imap.MailboxAttrRemote, imap.MailboxAttrAll, imap.MailboxAttrArchive, imap.MailboxAttrDrafts, imap.MailboxAttrFlagged,
	imap.MailboxAttrJunk, imap.MailboxAttrSent, imap.MailboxAttrTrash, imap.MailboxAttrImportant,
}

// mailboxAttr spells the attributes that are known, which are compared without
// regard to case, as the constants do.
func mailboxAttr(r *wire.Reader, b []byte) imap.MailboxAttr {
	for _, a := range mailboxAttrs {
		if len(a) == len(b) && strings.EqualFold(string(b), string(a)) {
			return a
		}
	}
	return imap.MailboxAttr(r.Keep(b))
}

// Status asks for figures of a mailbox without selecting it (RFC 3501, section
// 6.3.10). Nil options ask for the number of messages and of unseen ones,
// UIDNEXT and UIDVALIDITY. A figure that was asked for and hasn't come is nil
// or 0.
func (s *Session) Status(ctx context.Context, mailbox string, options *imap.StatusOptions) (*imap.StatusData, error) {
	mailbox, err := mailboxName(mailbox)
	if err != nil {
		return nil, err
	}
	if options == nil {
		options = &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true, UIDValidity: true}
	}
	if err := s.checkStatus(options); err != nil {
		return nil, err
	}
	data := &imap.StatusData{Mailbox: mailbox}
	c := &command{write: func(w *wire.Writer) {
		w.Text("STATUS ").Mailbox(mailbox)
		writeStatusItems(w, options)
	}}
	c.status = func(got *imap.StatusData) bool {
		if got.Mailbox != mailbox {
			return false
		}
		*data = *got
		return true
	}
	if err := s.do(ctx, c); err != nil {
		return nil, err
	}
	return data, nil
}

func (s *Session) checkStatus(o *imap.StatusOptions) error {
	switch {
	case o.NumRecent:
		return newError(coded.ENOTSUP, "The number of recent messages can't be asked for.", nil)
	case o.Size && !s.Has("STATUS=SIZE"):
		return unsupported("STATUS=SIZE")
	case o.HighestModSeq && !s.Has("CONDSTORE"):
		return unsupported("CONDSTORE")
	case o.AppendLimit && !s.Has("APPENDLIMIT"):
		return unsupported("APPENDLIMIT")
	case o.DeletedStorage && !s.Has("QUOTA=RES-STORAGE"):
		return unsupported("QUOTA=RES-STORAGE")
	case o.NumDeleted && !s.Has("QUOTA=RES-MESSAGE") && !s.Has("IMAP4rev2"):
		return unsupported("QUOTA=RES-MESSAGE")
	}
	return nil
}

func writeStatusItems(w *wire.Writer, o *imap.StatusOptions) {
	writeOptions(w, " (", []option{
		{o.NumMessages, "MESSAGES"}, {o.UIDNext, "UIDNEXT"}, {o.UIDValidity, "UIDVALIDITY"}, {o.NumUnseen, "UNSEEN"},
		{o.NumDeleted, "DELETED"}, {o.Size, "SIZE"}, {o.AppendLimit, "APPENDLIMIT"},
		{o.DeletedStorage, "DELETED-STORAGE"}, {o.HighestModSeq, "HIGHESTMODSEQ"},
	}, ")")
}

// statusOf reads what follows STATUS.
func (s *Session) statusOf() *imap.StatusData {
	r := s.r
	b, _ := r.String()
	data := &imap.StatusData{}
	data.Mailbox, _ = s.name(string(b))
	r.Space()
	number := func() *uint32 { n := r.Number(); return &n }
	size := func() *int64 { n := int64(r.Number64()); return &n }
	r.List(func() {
		var buf [maxItem]byte
		item := string(wire.Upper(buf[:], r.Atom()))
		r.Space()
		switch item {
		case "MESSAGES":
			data.NumMessages = number()
		case "UIDNEXT":
			data.UIDNext = imap.UID(r.Number())
		case "UIDVALIDITY":
			data.UIDValidity = r.Number()
		case "UNSEEN":
			data.NumUnseen = number()
		case "DELETED":
			data.NumDeleted = number()
		case "SIZE":
			data.Size = size()
		case "APPENDLIMIT":
			limit := ^uint32(0)
			if c := r.Peek(); c >= '0' && c <= '9' {
				limit = r.Number()
			} else {
				r.Value() // NIL: no limit
			}
			data.AppendLimit = &limit
		case "DELETED-STORAGE":
			data.DeletedStorage = size()
		case "HIGHESTMODSEQ":
			data.HighestModSeq = r.Number64()
		default:
			r.Value()
		}
	})
	return data
}
