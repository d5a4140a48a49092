package imap

import (
	"context"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap/wire"
)

// NotifyEvent is something that a server can tell unasked (RFC 5465).
type NotifyEvent string

const (
	NotifyMessageNew         NotifyEvent = "MessageNew"
	NotifyMessageExpunge     NotifyEvent = "MessageExpunge"
	NotifyFlagChange         NotifyEvent = "FlagChange"
	NotifyMailboxName        NotifyEvent = "MailboxName"
	NotifySubscriptionChange NotifyEvent = "SubscriptionChange"
)

// NotifyFilter says of which mailboxes. NotifySubtree and NotifyMailboxes need
// names.
type NotifyFilter string

const (
	NotifySelected   NotifyFilter = "selected"
	NotifyInboxes    NotifyFilter = "inboxes" // those that new mail may be put into
	NotifyPersonal   NotifyFilter = "personal"
	NotifySubscribed NotifyFilter = "subscribed"
	NotifySubtree    NotifyFilter = "subtree"
	NotifyMailboxes  NotifyFilter = "mailboxes"
)

// NotifyGroup is what is to be told of some mailboxes.
type NotifyGroup struct {
	Filter    NotifyFilter
	Mailboxes []string
	Events    []NotifyEvent // none means to tell nothing of them
}

// notification is what a Notify has asked for.
type notification struct {
	status bool
	groups []NotifyGroup
}

// Notify has the server tell at once, and without IDLE, what happens in
// mailboxes (NOTIFY, RFC 5465), in place of what was asked for before. Of what no
// group names it tells nothing any more, even of the selected mailbox, whose
// number of messages is not followed then; without groups, nothing at all.
// status asks for the figures of the mailboxes as they are now, too. Of the
// selected one the usual functions of Handler are told, of others Status and
// Mailbox.
//
// A server without NOTIFY is asked every Options.Poll, in one command where it
// has LIST-STATUS, else in one for each mailbox. It goes on telling of the
// selected mailbox whatever the groups say, and what comes and goes between two
// polls is not seen. ELIMIT means more than 1,000 mailboxes.
func (s *Session) Notify(ctx context.Context, status bool, groups ...NotifyGroup) error {
	for _, g := range groups {
		named := g.Filter == NotifySubtree || g.Filter == NotifyMailboxes
		if named != (len(g.Mailboxes) > 0) || !isAtom(string(g.Filter)) {
			return invalid("The mailboxes to be told of are not valid.")
		}
		for _, name := range g.Mailboxes {
			if _, err := mailboxName(name); err != nil {
				return err
			}
		}
		for _, e := range g.Events {
			if !isAtom(string(e)) {
				return invalid("The event is not valid.")
			}
		}
	}
	if err := s.notify(ctx, status, groups); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notification = nil
	if len(groups) > 0 {
		s.notification = &notification{status, groups}
	}
	return nil
}

func (s *Session) notify(ctx context.Context, status bool, groups []NotifyGroup) error {
	if !s.Has("NOTIFY") {
		if len(groups) > 0 {
			return s.poll(ctx, status, groups)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stopPolling()
		return nil
	}
	c := &command{alone: true, write: func(w *wire.Writer) { writeNotify(w, status, groups) }}
	c.ended = func(err error) {
		if err == nil {
			s.notified = len(groups) > 0
		}
	}
	// The figures come before the answer.
	c.status = func(data *imap.StatusData) bool {
		s.toldStatus(data)
		return true
	}
	return s.do(ctx, c)
}

func writeNotify(w *wire.Writer, status bool, groups []NotifyGroup) {
	if len(groups) == 0 {
		w.Text("NOTIFY NONE")
		return
	}
	w.Text("NOTIFY SET")
	if status {
		w.Text(" STATUS")
	}
	for _, g := range groups {
		w.Text(" (" + string(g.Filter))
		if len(g.Mailboxes) > 0 {
			w.Text(" (")
			for i, name := range g.Mailboxes {
				if i > 0 {
					w.Text(" ")
				}
				w.Mailbox(name)
			}
			w.Text(")")
		}
		if len(g.Events) == 0 {
			w.Text(" NONE)")
			continue
		}
		events := make([]string, len(g.Events))
		for i, e := range g.Events {
			events[i] = string(e)
		}
		w.Text(" (" + strings.Join(events, " ") + "))")
	}
}

// toldStatus hands on figures that no command has asked for.
func (s *Session) toldStatus(data *imap.StatusData) {
	if s.o.Handler.Status != nil {
		s.o.Handler.Status(data)
	}
}

// toldMailbox hands on a mailbox that no command has asked for.
func (s *Session) toldMailbox() {
	if !s.notified || s.o.Handler.Mailbox == nil {
		return
	}
	if data := s.listed(); data != nil {
		s.o.Handler.Mailbox(data)
	}
}
