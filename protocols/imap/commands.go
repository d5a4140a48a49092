package imap

import (
	"context"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap/wire"
)

// MoveData is what a server with UIDPLUS (RFC 4315) tells of messages copied
// or moved. It is zero with another server.
type MoveData struct {
	UIDValidity uint32 // of the destination
	SourceUIDs  imap.UIDSet
	DestUIDs    imap.UIDSet // in the order of SourceUIDs
}

// Store changes the flags of messages (RFC 3501, section 6.4.6). The server is
// told not to answer with the new ones.
func (s *Session) Store(ctx context.Context, set imap.NumSet, op imap.StoreFlagsOp, flags []imap.Flag) error {
	_, err := s.StoreUnchanged(ctx, set, op, flags, 0)
	return err
}

// StoreUnchanged is Store for those of the messages that have not been modified
// since a modification sequence (CONDSTORE, RFC 7162). The others come back as
// failed, a set of the kind that was given; it is nil where there are none.
func (s *Session) StoreUnchanged(ctx context.Context, set imap.NumSet, op imap.StoreFlagsOp, flags []imap.Flag, since uint64) (failed imap.NumSet, err error) {
	if err := checkSet(set); err != nil {
		return nil, err
	}
	if err := checkFlags(flags); err != nil {
		return nil, err
	}
	sign, ok := storeSign(op)
	if !ok {
		return nil, invalid("The change of flags is not valid.")
	}
	if since > 0 && !s.Has("CONDSTORE") {
		return nil, unsupported("CONDSTORE")
	}
	return s.store(ctx, set, since, func(w *wire.Writer) {
		w.Text(sign).Text("FLAGS.SILENT ")
		writeFlags(w, flags)
	})
}

func storeSign(op imap.StoreFlagsOp) (sign string, ok bool) {
	switch op {
	case imap.StoreFlagsSet:
		return "", true
	case imap.StoreFlagsAdd:
		return "+", true
	case imap.StoreFlagsDel:
		return "-", true
	}
	return "", false
}

// store runs a STORE of what change writes.
func (s *Session) store(ctx context.Context, set imap.NumSet, since uint64, change func(*wire.Writer)) (failed imap.NumSet, err error) {
	_, byUID := set.(imap.UIDSet)
	c := &command{numbers: !byUID, stable: !byUID, write: func(w *wire.Writer) {
		writeSet(w, "STORE", set)
		w.Text(" ")
		if since > 0 {
			w.Text("(UNCHANGEDSINCE ").Number64(since).Text(") ")
		}
		change(w)
	}}
	c.code = func(code, args string) bool {
		if code != "MODIFIED" {
			return false
		}
		uids := wire.ParseUIDSet(args)
		if failed = uids; byUID {
			return true
		}
		var numbers imap.SeqSet
		for _, r := range uids {
			numbers.AddRange(uint32(r.Start), uint32(r.Stop))
		}
		failed = numbers
		return true
	}
	err = s.do(ctx, c)
	return failed, err
}

// StoreLabels changes the labels of messages at Gmail (X-GM-EXT-1).
func (s *Session) StoreLabels(ctx context.Context, set imap.NumSet, op imap.StoreFlagsOp, labels []string) error {
	if err := checkSet(set); err != nil {
		return err
	}
	sign, ok := storeSign(op)
	if !ok {
		return invalid("The change of labels is not valid.")
	}
	for _, label := range labels {
		if label == "" || hasControl(label) {
			return invalid("The label is not valid.")
		}
	}
	if !s.Has("X-GM-EXT-1") {
		return unsupported("X-GM-EXT-1")
	}
	_, err := s.store(ctx, set, 0, func(w *wire.Writer) {
		w.Text(sign).Text("X-GM-LABELS.SILENT (")
		for i, label := range labels {
			if i > 0 {
				w.Text(" ")
			}
			if strings.HasPrefix(label, `\`) && isAtom(label[1:]) {
				w.Text(label) // one of Gmail's own: \Inbox, \Starred
			} else {
				w.Mailbox(label)
			}
		}
		w.Text(")")
	})
	return err
}

func writeFlags(w *wire.Writer, flags []imap.Flag) {
	w.Text("(")
	for i, f := range flags {
		if i > 0 {
			w.Text(" ")
		}
		w.Text(string(f))
	}
	w.Text(")")
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
	return s.transfer(ctx, "COPY", set, mailbox)
}

// transfer runs a COPY or a MOVE.
func (s *Session) transfer(ctx context.Context, verb string, set imap.NumSet, mailbox string) (*MoveData, error) {
	_, byUID := set.(imap.UIDSet)
	data := &MoveData{}
	err := s.do(ctx, &command{
		numbers: !byUID,
		write: func(w *wire.Writer) {
			writeSet(w, verb, set)
			w.Text(" ").Mailbox(mailbox)
		},
		code: func(code, args string) bool {
			if code != "COPYUID" || data.UIDValidity != 0 {
				return false
			}
			fields := strings.Fields(args)
			if len(fields) != 3 {
				return true
			}
			validity, ok := wire.ParseNumber(fields[0])
			source, dest := wire.ParseUIDSet(fields[1]), wire.ParseUIDSet(fields[2])
			if ok && source != nil && dest != nil {
				*data = MoveData{validity, source, dest}
			}
			return true
		},
	})
	if err != nil {
		return nil, err
	}
	return data, nil
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
	if s.Has("MOVE") {
		return s.transfer(ctx, "MOVE", set, mailbox)
	}
	uids, err := s.uidsOf(ctx, set)
	if err != nil || len(uids) == 0 {
		return &MoveData{}, err
	}
	data, err := s.transfer(ctx, "COPY", uids, mailbox)
	if err != nil {
		return nil, err
	}
	return data, s.remove(ctx, uids)
}

// uidsOf gives the UIDs of messages: from one command to the next the server
// may give other numbers to the same messages.
func (s *Session) uidsOf(ctx context.Context, set imap.NumSet) (imap.UIDSet, error) {
	if uids, ok := set.(imap.UIDSet); ok {
		return uids, nil
	}
	var uids imap.UIDSet
	err := s.Fetch(ctx, set, nil, s.o.Limits.Results, func(m *Message) error {
		uids.AddNum(m.UID)
		return nil
	})
	return uids, err
}

// remove marks messages \Deleted and, with UIDPLUS, expunges them.
func (s *Session) remove(ctx context.Context, uids imap.UIDSet) error {
	if err := s.Store(ctx, uids, imap.StoreFlagsAdd, []imap.Flag{imap.FlagDeleted}); err != nil {
		return err
	}
	if !s.Has("UIDPLUS") {
		return nil
	}
	return s.ExpungeUIDs(ctx, uids)
}

// Expunge removes all messages that are marked \Deleted (RFC 3501, section
// 6.4.3). Handler.Expunge is told which.
func (s *Session) Expunge(ctx context.Context) error { return s.do(ctx, simple("EXPUNGE")) }

// ExpungeUIDs removes those of the messages that are marked \Deleted, and no
// others (UIDPLUS, RFC 4315).
func (s *Session) ExpungeUIDs(ctx context.Context, uids imap.UIDSet) error {
	if err := checkSet(uids); err != nil {
		return err
	}
	if !s.Has("UIDPLUS") {
		return unsupported("UIDPLUS")
	}
	return s.do(ctx, simple("UID EXPUNGE "+uids.String()))
}

// Noop gives the server an occasion to say what is new, and tells whether the
// connection still works.
func (s *Session) Noop(ctx context.Context) error { return s.do(ctx, simple("NOOP")) }

// Logout ends the session as the protocol wants it, and in any case ends it.
// It returns an error if the server didn't say goodbye.
func (s *Session) Logout(ctx context.Context) error {
	c := exclusive("LOGOUT")
	c.leaving = true
	err := s.do(ctx, c)
	s.mu.Lock()
	goodbye := s.goodbye
	s.mu.Unlock()
	if goodbye {
		err = nil
	}
	s.Close()
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

//go:noinline
func hasControl(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F }) >= 0
}

// checkSet refuses a set that names no message.
func checkSet(set imap.NumSet) error {
	switch set := set.(type) {
	case imap.SeqSet:
		if len(set) > 0 {
			return nil
		}
	case imap.UIDSet:
		if len(set) > 0 || imap.IsSearchRes(set) {
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
