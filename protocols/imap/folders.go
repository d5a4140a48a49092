package imap

import (
	"context"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap/wire"
)

// onMailbox runs a command about one mailbox.
func (s *Session) onMailbox(ctx context.Context, verb, mailbox string, rest func(*wire.Writer)) error {
	mailbox, err := mailboxName(mailbox)
	if err != nil {
		return err
	}
	return s.do(ctx, &command{write: func(w *wire.Writer) {
		w.Text(verb).Text(" ").Mailbox(mailbox)
		if rest != nil {
			rest(w)
		}
	}})
}

// Create makes a mailbox. uses are attributes of RFC 6154 that it is to have
// (CREATE-SPECIAL-USE); a server that can't give them makes it without.
func (s *Session) Create(ctx context.Context, mailbox string, uses ...imap.MailboxAttr) error {
	for _, use := range uses {
		if !isAtom(strings.TrimPrefix(string(use), `\`)) {
			return invalid("The use of the mailbox is not valid.")
		}
	}
	return s.onMailbox(ctx, "CREATE", mailbox, func(w *wire.Writer) {
		if len(uses) == 0 || !s.Has("CREATE-SPECIAL-USE") {
			return
		}
		w.Text(" (USE (")
		for i, use := range uses {
			if i > 0 {
				w.Text(" ")
			}
			w.Text(string(use))
		}
		w.Text("))")
	})
}

// Delete removes a mailbox with all that is in it.
func (s *Session) Delete(ctx context.Context, mailbox string) error {
	return s.onMailbox(ctx, "DELETE", mailbox, nil)
}

// Rename gives a mailbox another name.
func (s *Session) Rename(ctx context.Context, mailbox, name string) error {
	name, err := mailboxName(name)
	if err != nil {
		return err
	}
	return s.onMailbox(ctx, "RENAME", mailbox, func(w *wire.Writer) { w.Text(" ").Mailbox(name) })
}

// Subscribe puts a mailbox on the list of those that the user wants to see.
func (s *Session) Subscribe(ctx context.Context, mailbox string) error {
	return s.onMailbox(ctx, "SUBSCRIBE", mailbox, nil)
}

// Unsubscribe takes it off that list.
func (s *Session) Unsubscribe(ctx context.Context, mailbox string) error {
	return s.onMailbox(ctx, "UNSUBSCRIBE", mailbox, nil)
}

// Unselect closes the selected mailbox and removes nothing of it (UNSELECT, RFC
// 3691). A server without that is told to open it for reading only first.
func (s *Session) Unselect(ctx context.Context) error {
	if s.Has("UNSELECT") {
		return s.deselect(ctx, "UNSELECT")
	}
	m := s.Mailbox()
	if m == nil {
		return nil
	}
	if !m.ReadOnly {
		if _, err := s.Examine(ctx, m.Name); err != nil {
			return err
		}
	}
	return s.deselect(ctx, "CLOSE")
}

// CloseMailbox closes the selected mailbox and, unless it was opened for
// reading only, removes all messages that are marked \Deleted, of which no
// handler is told.
func (s *Session) CloseMailbox(ctx context.Context) error { return s.deselect(ctx, "CLOSE") }

func (s *Session) deselect(ctx context.Context, verb string) error {
	c := exclusive(verb)
	c.ended = func(err error) {
		if err != nil {
			return
		}
		s.mu.Lock()
		s.mailbox = nil
		s.mu.Unlock()
	}
	return s.do(ctx, c)
}

// ListExtended is List for several patterns and with more to tell (LIST-EXTENDED,
// RFC 5258; LIST-STATUS, RFC 5819; SPECIAL-USE, RFC 6154). What the server
// lacks is done by other commands: LSUB for what is subscribed, a STATUS for
// each mailbox, and names for what mailboxes are for. ENOTSUP is left for
// SelectRemote and SelectRecursiveMatch.
func (s *Session) ListExtended(ctx context.Context, reference string, patterns []string, o *imap.ListOptions) ([]*imap.ListData, error) {
	if len(patterns) == 0 {
		return nil, invalid("No pattern was given.")
	}
	if o == nil {
		o = &imap.ListOptions{}
	}
	if o.ReturnStatus != nil {
		if err := s.checkStatus(o.ReturnStatus); err != nil {
			return nil, err
		}
	}
	extended, uses := s.Has("LIST-EXTENDED"), s.Has("SPECIAL-USE")
	if !extended && (o.SelectRemote || o.SelectRecursiveMatch) {
		return nil, unsupported("LIST-EXTENDED")
	}
	ask := *o
	ask.SelectSpecialUse = o.SelectSpecialUse && uses && extended
	ask.ReturnSpecialUse = (o.ReturnSpecialUse || o.SelectSpecialUse) && uses && extended
	if !s.Has("LIST-STATUS") {
		ask.ReturnStatus = nil
	}
	var list []*imap.ListData
	var err error
	if extended {
		list, err = s.list(ctx, "LIST", reference, patterns, &ask)
	} else {
		list, err = s.listPlainly(ctx, reference, patterns, o)
	}
	if err != nil {
		return nil, err
	}
	if (o.ReturnSpecialUse || o.SelectSpecialUse) && !uses {
		guessUses(list)
	}
	if o.SelectSpecialUse {
		used := list[:0]
		for _, data := range list {
			if hasUse(data) {
				used = append(used, data)
			}
		}
		list = used
	}
	if o.ReturnStatus != nil && ask.ReturnStatus == nil {
		return list, s.addStatus(ctx, list, o.ReturnStatus)
	}
	return list, nil
}

// listPlainly does without LIST-EXTENDED.
func (s *Session) listPlainly(ctx context.Context, reference string, patterns []string, o *imap.ListOptions) ([]*imap.ListData, error) {
	verb := "LIST"
	if o.SelectSubscribed {
		verb = "LSUB"
	}
	var all []*imap.ListData
	for _, p := range patterns {
		list, err := s.list(ctx, verb, reference, []string{p}, &imap.ListOptions{})
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if !o.ReturnSubscribed && !o.SelectSubscribed {
			continue
		}
		subscribed := list
		if !o.SelectSubscribed {
			if subscribed, err = s.list(ctx, "LSUB", reference, []string{p}, &imap.ListOptions{}); err != nil {
				return nil, err
			}
		}
		for _, data := range list {
			for _, sub := range subscribed {
				// LSUB lists parents of what is subscribed, as \Noselect.
				if sub.Mailbox == data.Mailbox && (verb == "LIST" || !hasAttr(sub, imap.MailboxAttrNoSelect)) {
					data.Attrs = append(data.Attrs, imap.MailboxAttrSubscribed)
					break
				}
			}
		}
	}
	return all, nil
}

// addStatus asks for figures of each mailbox that can have some.
func (s *Session) addStatus(ctx context.Context, list []*imap.ListData, o *imap.StatusOptions) error {
	for _, data := range list {
		if hasAttr(data, imap.MailboxAttrNoSelect) || hasAttr(data, imap.MailboxAttrNonExistent) {
			continue
		}
		status, err := s.Status(ctx, data.Mailbox, o)
		if isRefusal(err) {
			continue // a mailbox that can't be opened has no figures
		}
		if err != nil {
			return err
		}
		data.Status = status
	}
	return nil
}

//go:noinline
func hasAttr(data *imap.ListData, attr imap.MailboxAttr) bool {
	for _, a := range data.Attrs {
		if a == attr {
			return true
		}
	}
	return false
}

// Namespace tells under which names the user's, others' and shared mailboxes
// are (RFC 2342). Of a server that doesn't say, the delimiter is all that is
// known.
func (s *Session) Namespace(ctx context.Context) (*imap.NamespaceData, error) {
	data := &imap.NamespaceData{}
	if !s.Has("NAMESPACE") {
		list, err := s.list(ctx, "LIST", "", []string{""}, &imap.ListOptions{})
		if err != nil {
			return nil, err
		}
		own := imap.NamespaceDescriptor{}
		for _, m := range list {
			own.Delim = m.Delim
		}
		data.Personal = append(data.Personal, own)
		return data, nil
	}
	c := simple("NAMESPACE")
	c.family = "NAMESPACE"
	c.take = func(verb string) (bool, error) {
		if verb != "NAMESPACE" {
			return false, nil
		}
		for _, to := range []*[]imap.NamespaceDescriptor{&data.Personal, &data.Other, &data.Shared} {
			s.r.Space()
			s.r.List(func() { *to = append(*to, s.namespace()) })
		}
		return true, nil
	}
	if err := s.do(ctx, c); err != nil {
		return nil, err
	}
	return data, nil
}

func (s *Session) namespace() (d imap.NamespaceDescriptor) {
	r := s.r
	n := 0
	r.List(func() {
		switch n++; n {
		case 1:
			b, _ := r.String()
			d.Prefix, _ = s.name(string(b))
		case 2:
			d.Delim = readDelimiter(r)
		default:
			r.Value()
		}
	})
	return d
}
