package imap

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/imap/wire"
)

// AppendMessage is a message to be added to a mailbox. Its lines have to end in
// CRLF.
type AppendMessage struct {
	Message io.Reader
	Size    int64 // octets that Message gives
	Flags   []imap.Flag
	Time    time.Time // of its arrival; zero means now
	Binary  bool      // it may hold NUL (BINARY, RFC 3516)
}

// Append adds a message of exactly size bytes to a mailbox (RFC 3501, section
// 6.3.11). The message is sent as it is read; its lines have to end in CRLF.
// If r gives fewer bytes than size, or fails, the session ends, since the
// server can't be told to forget what it has; r's error is the cause then.
//
// The result is zero without UIDPLUS. Response TRYCREATE in an EREJECTED means
// that there is no such mailbox, TOOBIG that the server doesn't take messages
// of that size; where it has said so before (APPENDLIMIT, RFC 7889), nothing is
// sent.
func (s *Session) Append(ctx context.Context, mailbox string, r io.Reader, size int64, options *imap.AppendOptions) (*imap.AppendData, error) {
	m := AppendMessage{Message: r, Size: size}
	if options != nil {
		m.Flags, m.Time = options.Flags, options.Time
	}
	return s.AppendMessage(ctx, mailbox, m)
}

// AppendMessage is Append with all that can be said of a message.
func (s *Session) AppendMessage(ctx context.Context, mailbox string, m AppendMessage) (*imap.AppendData, error) {
	all, err := s.appendTo(ctx, mailbox, "APPEND ", []AppendMessage{m})
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

// AppendAll adds messages to a mailbox: all of them or none (MULTIAPPEND, RFC
// 3502). Without that, one after another, so that those before one that fails
// have been added: as many as there are results.
func (s *Session) AppendAll(ctx context.Context, mailbox string, messages []AppendMessage) ([]imap.AppendData, error) {
	if len(messages) == 0 {
		return nil, invalid("No message was given.")
	}
	if s.Has("MULTIAPPEND") {
		return s.appendTo(ctx, mailbox, "APPEND ", messages)
	}
	var all []imap.AppendData
	for i := range messages {
		data, err := s.appendTo(ctx, mailbox, "APPEND ", messages[i:i+1])
		if err != nil {
			return all, err
		}
		all = append(all, data[0])
	}
	return all, nil
}

// Replace puts a message in the place of another one, which is gone then: a
// draft, say (REPLACE, RFC 8508). Without that the new one is added, and the
// old one is marked \Deleted and, with UIDPLUS, expunged.
func (s *Session) Replace(ctx context.Context, set imap.NumSet, mailbox string, m AppendMessage) (*imap.AppendData, error) {
	if err := checkSet(set); err != nil {
		return nil, err
	}
	if !isSingle(set) {
		return nil, invalid("One message can be replaced at a time.")
	}
	if s.Has("REPLACE") {
		uid := ""
		if _, byUID := set.(imap.UIDSet); byUID {
			uid = "UID "
		}
		all, err := s.appendTo(ctx, mailbox, uid+"REPLACE "+set.String()+" ", []AppendMessage{m})
		if err != nil {
			return nil, err
		}
		return &all[0], nil
	}
	uids, err := s.uidsOf(ctx, set)
	if err != nil {
		return nil, err
	}
	if len(uids) == 0 {
		return nil, errNoMessage
	}
	data, err := s.AppendMessage(ctx, mailbox, m)
	if err != nil {
		return nil, err
	}
	return data, s.remove(ctx, uids)
}

// appendTo sends messages in one command.
func (s *Session) appendTo(ctx context.Context, mailbox, line string, messages []AppendMessage) ([]imap.AppendData, error) {
	mailbox, err := mailboxName(mailbox)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		if err := s.checkAppend(&messages[i]); err != nil {
			return nil, err
		}
	}
	all := make([]imap.AppendData, len(messages))
	err = s.do(ctx, &command{
		numbers: strings.HasPrefix(line, "REPLACE"),
		write: func(w *wire.Writer) {
			w.Text(line).Mailbox(mailbox)
			for i := range messages {
				messages[i].write(w)
			}
		},
		code: func(code, args string) bool { return appended(all, code, args) },
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (s *Session) checkAppend(m *AppendMessage) error {
	if m.Size <= 0 || m.Message == nil {
		return invalid("The message is empty.")
	}
	if m.Binary && !s.Has("BINARY") {
		return unsupported("BINARY")
	}
	if limit, ok := s.appendLimit(); ok && m.Size > int64(limit) {
		e := newError(coded.EREJECTED, "The message is larger than the server takes.", nil)
		e.Response = string(imap.ResponseCodeTooBig)
		return e
	}
	return checkFlags(m.Flags)
}

// appendLimit is the limit that holds for all mailboxes, if there is one.
func (s *Session) appendLimit() (limit uint32, ok bool) {
	for _, c := range s.Capabilities() {
		if name, value, found := strings.Cut(c, "="); found && strings.EqualFold(name, "APPENDLIMIT") {
			return wire.ParseNumber(value)
		}
	}
	return 0, false
}

// AppendLimit is how large a message may be that is added to a mailbox, in
// octets (APPENDLIMIT, RFC 7889); ok is false where the server knows no limit,
// or doesn't tell.
func (s *Session) AppendLimit(ctx context.Context, mailbox string) (limit uint32, ok bool, err error) {
	if limit, ok = s.appendLimit(); ok || !s.Has("APPENDLIMIT") {
		return limit, ok, nil
	}
	data, err := s.Status(ctx, mailbox, &imap.StatusOptions{AppendLimit: true})
	if err != nil || data.AppendLimit == nil || *data.AppendLimit == ^uint32(0) {
		return 0, false, err
	}
	return *data.AppendLimit, true, nil
}

// write writes a message as APPEND takes it.
func (m *AppendMessage) write(w *wire.Writer) {
	if len(m.Flags) > 0 {
		w.Text(" ")
		writeFlags(w, m.Flags)
	}
	if !m.Time.IsZero() {
		w.Text(` "` + string(wire.AppendDateTime(nil, m.Time)) + `"`)
	}
	if w.UTF8 {
		// RFC 6855, section 4: this form alone may have UTF-8 in its header.
		w.Text(" UTF8 (").Literal(m.Size, m.Message, true).Text(")")
		return
	}
	w.Text(" ").Literal(m.Size, m.Message, m.Binary)
}

// appended reads APPENDUID (RFC 4315), whose set has a UID for each message.
func appended(all []imap.AppendData, code, args string) bool {
	if code != "APPENDUID" || all[0].UID != 0 {
		return false
	}
	text, set, _ := strings.Cut(args, " ")
	validity, ok := wire.ParseNumber(text)
	i := 0
	for _, r := range wire.ParseUIDSet(set) {
		for uid := r.Start; ok && i < len(all) && uid <= r.Stop && uid >= r.Start; uid++ {
			all[i] = imap.AppendData{UID: uid, UIDValidity: validity}
			i++
		}
	}
	return true
}
