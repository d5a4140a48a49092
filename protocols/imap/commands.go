package imap

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
)

// MoveData is what a server with UIDPLUS (RFC 4315) tells of messages copied
// or moved. It is zero with another server.
type MoveData struct {
	UIDValidity uint32 // of the destination
	SourceUIDs  imap.UIDSet
	DestUIDs    imap.UIDSet // in the order of SourceUIDs
}

// Select opens a mailbox for reading and writing (RFC 3501, section 6.3.1).
// Where it fails, no mailbox is selected.
func (s *Session) Select(ctx context.Context, mailbox string) (*Mailbox, error) {
	return s.open(ctx, mailbox, false)
}

// Examine opens a mailbox for reading only (RFC 3501, section 6.3.2).
func (s *Session) Examine(ctx context.Context, mailbox string) (*Mailbox, error) {
	return s.open(ctx, mailbox, true)
}

func (s *Session) open(ctx context.Context, mailbox string, readOnly bool) (*Mailbox, error) {
	mailbox, err := mailboxName(mailbox)
	if err != nil {
		return nil, err
	}
	m := &Mailbox{Name: mailbox, ReadOnly: readOnly}
	err = s.do(ctx, &command{verb: "SELECT", mailbox: m}, func() error {
		_, err := s.engine.Select(mailbox, &imap.SelectOptions{ReadOnly: readOnly}).Wait()
		selected := *m
		s.mu.Lock()
		if s.mailbox = &selected; err != nil {
			s.mailbox = nil
		}
		s.mu.Unlock()
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// List returns the mailboxes whose names match pattern, in which % stands for
// anything without and * for anything with the hierarchy delimiter. reference
// is most often empty (RFC 3501, section 6.3.8). The attributes of RFC 6154
// (\Sent, \Trash, …) are asked for where the server has them.
func (s *Session) List(ctx context.Context, reference, pattern string) ([]*imap.ListData, error) {
	if hasControl(reference) || hasControl(pattern) {
		return nil, invalid("The name of the mailbox is not valid.")
	}
	var options *imap.ListOptions
	if s.has("SPECIAL-USE") && s.has("LIST-EXTENDED") {
		options = &imap.ListOptions{ReturnSpecialUse: true}
	}
	var list []*imap.ListData
	err := s.do(ctx, &command{verb: "LIST"}, func() error {
		c := s.engine.List(reference, pattern, options)
		for data := c.Next(); data != nil; data = c.Next() {
			if len(list) == s.o.Limits.Results {
				s.fail(tooMuch("more than " + strconv.Itoa(s.o.Limits.Results) + " mailboxes"))
				break
			}
			list = append(list, data)
		}
		return c.Close()
	})
	if err != nil {
		return nil, err
	}
	return list, nil
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
	if options.NumRecent {
		return nil, newError(coded.ENOTSUP, "The number of recent messages can't be asked for.", nil)
	}
	var data *imap.StatusData
	err = s.do(ctx, &command{verb: "STATUS"}, func() (err error) {
		data, err = s.engine.Status(mailbox, options).Wait()
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Search returns the numbers of the messages that fit criteria, in the
// server's order: UIDs if byUID, else sequence numbers (RFC 3501, section
// 6.4.4). Nil criteria fit every message.
func (s *Session) Search(ctx context.Context, criteria *imap.SearchCriteria, byUID bool) ([]uint32, error) {
	if criteria == nil {
		criteria = &imap.SearchCriteria{}
	}
	if err := checkCriteria(criteria); err != nil {
		return nil, err
	}
	c := &command{verb: "SEARCH"}
	err := s.do(ctx, c, func() error {
		search := s.engine.Search
		if byUID {
			search = s.engine.UIDSearch
		}
		_, err := search(criteria, nil).Wait()
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.numbers, nil
}

// Store changes the flags of messages (RFC 3501, section 6.4.6). The server is
// told not to answer with the new ones.
func (s *Session) Store(ctx context.Context, set imap.NumSet, op imap.StoreFlagsOp, flags []imap.Flag) error {
	if err := checkSet(set); err != nil {
		return err
	}
	if err := checkFlags(flags); err != nil {
		return err
	}
	if op != imap.StoreFlagsSet && op != imap.StoreFlagsAdd && op != imap.StoreFlagsDel {
		return invalid("The change of flags is not valid.")
	}
	return s.do(ctx, &command{verb: "STORE"}, func() error {
		return s.engine.Store(set, &imap.StoreFlags{Op: op, Silent: true, Flags: flags}, nil).Close()
	})
}

// Append adds a message of exactly size bytes to a mailbox (RFC 3501, section
// 6.3.11). The message is sent as it is read; its lines have to end in CRLF.
// If r gives fewer bytes than size, or fails, the session ends, since the
// server can't be told to forget what it has; r's error is the cause then.
//
// The result is zero without UIDPLUS. Response TRYCREATE in an EREJECTED means
// that there is no such mailbox.
func (s *Session) Append(ctx context.Context, mailbox string, r io.Reader, size int64, options *imap.AppendOptions) (*imap.AppendData, error) {
	mailbox, err := mailboxName(mailbox)
	if err != nil {
		return nil, err
	}
	if size <= 0 {
		return nil, invalid("The message is empty.")
	}
	if options != nil {
		if err := checkFlags(options.Flags); err != nil {
			return nil, err
		}
	}
	var data *imap.AppendData
	err = s.do(ctx, &command{verb: "APPEND"}, func() error {
		c := s.engine.Append(mailbox, size, options)
		source := &source{r: r}
		n, err := io.Copy(c, io.LimitReader(source, size))
		if source.err != nil || err == nil && n < size {
			s.fail(newError(coded.EINVAL, "The message is shorter than was said.", source.err))
		}
		c.Close() // what it finds, Wait tells as well
		data, err = c.Wait()
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// source tells the errors of reading from those of writing.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Copy copies messages to another mailbox (RFC 3501, section 6.4.7).
func (s *Session) Copy(ctx context.Context, set imap.NumSet, mailbox string) (*MoveData, error) {
	mailbox, err := mailboxName(mailbox)
	if err != nil {
		return nil, err
	}
	if err := checkSet(set); err != nil {
		return nil, err
	}
	var data *MoveData
	err = s.do(ctx, &command{verb: "COPY"}, func() (err error) {
		data, err = s.copy(set, mailbox)
		return err
	})
	return data, err
}

func (s *Session) copy(set imap.NumSet, mailbox string) (*MoveData, error) {
	data, err := s.engine.Copy(set, mailbox).Wait()
	if err != nil {
		return nil, err
	}
	return &MoveData{data.UIDValidity, data.SourceUIDs, data.DestUIDs}, nil
}

// Move moves messages to another mailbox (RFC 6851).
//
// Where the server has no MOVE, they are copied, marked \Deleted and, with
// UIDPLUS, expunged. Without UIDPLUS the marked ones stay until Expunge, which
// can't but expunge all others that are marked as well: whether to is the
// app's decision. Nothing is marked unless the copy was made.
func (s *Session) Move(ctx context.Context, set imap.NumSet, mailbox string) (*MoveData, error) {
	mailbox, err := mailboxName(mailbox)
	if err != nil {
		return nil, err
	}
	if err := checkSet(set); err != nil {
		return nil, err
	}
	var data *MoveData
	if s.has("MOVE") {
		err = s.do(ctx, &command{verb: "MOVE"}, func() error {
			moved, err := s.engine.Move(set, mailbox).Wait()
			if err != nil {
				return err
			}
			data = &MoveData{UIDValidity: moved.UIDValidity}
			data.SourceUIDs, _ = moved.SourceUIDs.(imap.UIDSet)
			data.DestUIDs, _ = moved.DestUIDs.(imap.UIDSet)
			return nil
		})
		return data, err
	}
	err = s.do(ctx, &command{verb: "COPY"}, func() (err error) {
		if data, err = s.copy(set, mailbox); err != nil {
			return err
		}
		// The command after it must see the same messages under the same
		// numbers, which the server could have changed only after the copy;
		// UIDs, where they are known, leave no doubt.
		uids, known := set.(imap.UIDSet)
		if !known && len(data.SourceUIDs) > 0 {
			uids, known = data.SourceUIDs, true
		}
		if known {
			set = uids
		}
		mark := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
		if err := s.engine.Store(set, mark, nil).Close(); err != nil {
			return err
		}
		if known && s.has("UIDPLUS") {
			return s.engine.UIDExpunge(uids).Close()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Expunge removes all messages that are marked \Deleted (RFC 3501, section
// 6.4.3). Handler.Expunge is told which.
func (s *Session) Expunge(ctx context.Context) error {
	return s.do(ctx, &command{verb: "EXPUNGE"}, func() error {
		return s.engine.Expunge().Close()
	})
}

// Noop gives the server an occasion to say what is new, and tells whether the
// connection still works.
func (s *Session) Noop(ctx context.Context) error {
	return s.do(ctx, &command{verb: "NOOP"}, func() error { return s.engine.Noop().Wait() })
}

// Logout ends the session as the protocol wants it, and in any case ends it.
// It returns an error if the server didn't say goodbye.
func (s *Session) Logout(ctx context.Context) error {
	err := s.do(ctx, &command{verb: "LOGOUT"}, func() error {
		err := s.engine.Logout().Wait()
		s.mu.Lock()
		goodbye := s.goodbye
		s.mu.Unlock()
		if goodbye {
			return nil
		}
		return err
	})
	s.close()
	return err
}

// mailboxName checks a name and gives the inbox, whose name is the only one
// that is the same in any case, its usual spelling.
func mailboxName(name string) (string, error) {
	if name == "" || hasControl(name) {
		return "", invalid("The name of the mailbox is not valid.")
	}
	if strings.EqualFold(name, "INBOX") {
		return "INBOX", nil
	}
	return name, nil
}

func hasControl(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F }) >= 0
}

// checkSet refuses a set that the engine would end the session over.
func checkSet(set imap.NumSet) error {
	switch set := set.(type) {
	case imap.SeqSet:
		if len(set) > 0 {
			return nil
		}
	case imap.UIDSet:
		if len(set) > 0 {
			return nil
		}
	}
	return invalid("The set of messages is empty.")
}

func checkFlags(flags []imap.Flag) error {
	for _, f := range flags {
		if name := strings.TrimPrefix(string(f), `\`); !isAtom(name) {
			return invalid("The flag " + strconv.Quote(string(f)) + " is not valid.")
		}
	}
	return nil
}

// isAtom reports whether s is an atom (RFC 3501, section 9).
func isAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7F || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// maxCriteria is how deep Not and Or may nest in a search.
const maxCriteria = 50

func checkCriteria(c *imap.SearchCriteria) error { return checkCriteriaAt(c, 0) }

func checkCriteriaAt(c *imap.SearchCriteria, depth int) error {
	if depth > maxCriteria {
		return invalid("The search is nested too deep.")
	}
	for _, set := range c.SeqNum {
		if err := checkSet(set); err != nil {
			return err
		}
	}
	for _, set := range c.UID {
		if err := checkSet(set); err != nil {
			return err
		}
	}
	for _, flags := range [][]imap.Flag{c.Flag, c.NotFlag} {
		if err := checkFlags(flags); err != nil {
			return err
		}
	}
	texts := append(append([]string(nil), c.Body...), c.Text...)
	for _, field := range c.Header {
		if !isFieldName(field.Key) {
			return invalid("The header field " + strconv.Quote(field.Key) + " is not valid.")
		}
		texts = append(texts, field.Value)
	}
	for _, text := range texts {
		if strings.IndexByte(text, 0) >= 0 {
			return invalid("A text to search for contains a character that can't be sent.")
		}
	}
	if m := c.ModSeq; m != nil && (hasControl(m.MetadataName) || m.MetadataType != "" && !isAtom(string(m.MetadataType))) {
		return invalid("The search by modification is not valid.")
	}
	for i := range c.Not {
		if err := checkCriteriaAt(&c.Not[i], depth+1); err != nil {
			return err
		}
	}
	for i := range c.Or {
		for j := range c.Or[i] {
			if err := checkCriteriaAt(&c.Or[i][j], depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// isFieldName reports whether s is the name of a header field (RFC 5322,
// section 2.2).
func isFieldName(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7F || s[i] == ':' {
			return false
		}
	}
	return s != ""
}
