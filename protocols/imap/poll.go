package imap

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// maxPolled bounds how many mailboxes are compared.
const maxPolled = 1000

// polling stands in for NOTIFY. Every Options.Poll the mailboxes are listed with
// their figures, and what is not as it was is told.
type polling struct {
	s      *Session
	groups []NotifyGroup
	timer  *time.Timer // guarded by Session.mu
	known  map[string]polled
}

// polled is a mailbox as it was last seen.
type polled struct {
	data  *imap.ListData
	group *NotifyGroup // that says what is to be told of it
}

// poll begins to compare, in place of what was compared before.
func (s *Session) poll(ctx context.Context, status bool, groups []NotifyGroup) error {
	p := &polling{s: s, groups: groups}
	now, err := p.list(ctx)
	if err != nil {
		return err
	}
	// By the goroutine that reads, as all that is told.
	c := simple("NOOP")
	c.ended = func(error) {
		if status {
			for _, m := range now {
				p.tellStatus(m)
			}
		}
		p.known = now
	}
	if err := s.do(ctx, c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.stopPolling()
		s.polling = p
		p.timer = time.AfterFunc(s.o.Poll, p.round)
	}
	return nil
}

// stopPolling ends it. s.mu is held.
func (s *Session) stopPolling() {
	if s.polling != nil {
		s.polling.timer.Stop()
		s.polling = nil
	}
}

func (p *polling) round() {
	s := p.s
	ctx, cancel := context.WithTimeout(context.Background(), resumePatience)
	defer cancel()
	now, err := p.list(ctx)
	c := simple("NOOP") // after which the selected mailbox is told of, too
	c.ended = func(error) {
		if err == nil {
			p.compare(now)
		}
	}
	s.do(ctx, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling == p && s.err == nil {
		p.timer.Reset(s.o.Poll)
	}
}

// list asks for the mailboxes that the groups mean. Of a mailbox that more than
// one means, the first counts (RFC 5465, section 3.1).
func (p *polling) list(ctx context.Context) (map[string]polled, error) {
	now := map[string]polled{}
	for i := range p.groups {
		g := &p.groups[i]
		o := &imap.ListOptions{
			SelectSubscribed: g.Filter == NotifySubscribed,
			ReturnSubscribed: g.tells(NotifySubscriptionChange),
			ReturnStatus:     &imap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, NumUnseen: true},
		}
		patterns := []string{"*"}
		switch g.Filter {
		case NotifySelected:
			continue
		case NotifyInboxes:
			patterns = []string{"INBOX"}
		case NotifyMailboxes:
			patterns = g.Mailboxes
		case NotifySubtree:
			patterns = nil
			for _, name := range g.Mailboxes {
				patterns = append(patterns, name+"*")
			}
		}
		list, err := p.s.ListExtended(ctx, "", patterns, o)
		if err != nil {
			return nil, err
		}
		for _, data := range list {
			if _, known := now[data.Mailbox]; known || !g.means(data) {
				continue
			}
			if len(now) == maxPolled {
				return nil, tooMuch("more than " + strconv.Itoa(maxPolled) + " mailboxes")
			}
			now[data.Mailbox] = polled{data, g}
		}
	}
	return now, nil
}

// means reports whether a mailbox that its patterns have found is meant, as a
// name may have a * in it.
func (g *NotifyGroup) means(data *imap.ListData) bool {
	for _, name := range g.Mailboxes {
		below := g.Filter == NotifySubtree && data.Delim != 0 && strings.HasPrefix(data.Mailbox, name+string(data.Delim))
		if data.Mailbox == name || below || strings.EqualFold(name, "INBOX") && data.Mailbox == "INBOX" {
			return true
		}
	}
	return len(g.Mailboxes) == 0
}

func (g *NotifyGroup) tells(event NotifyEvent) bool {
	for _, e := range g.Events {
		if strings.EqualFold(string(e), string(event)) {
			return true
		}
	}
	return false
}

// compare tells what is not as it was.
func (p *polling) compare(now map[string]polled) {
	for name, m := range now {
		before, known := p.known[name]
		switch {
		case !known:
			p.tellMailbox(m, NotifyMailboxName)
		case hasAttr(m.data, imap.MailboxAttrSubscribed) != hasAttr(before.data, imap.MailboxAttrSubscribed):
			p.tellMailbox(m, NotifySubscriptionChange)
		}
		if !known || differs(m.data.Status, before.data.Status, m.group) {
			p.tellStatus(m)
		}
	}
	for name, m := range p.known {
		if _, still := now[name]; !still {
			gone := *m.data
			gone.Attrs, gone.Status = []imap.MailboxAttr{imap.MailboxAttrNonExistent}, nil
			p.tellMailbox(polled{&gone, m.group}, NotifyMailboxName)
		}
	}
	p.known = now
}

func differs(a, b *imap.StatusData, g *NotifyGroup) bool {
	if a == nil || b == nil {
		return a != b
	}
	number := func(n *uint32) uint32 {
		if n == nil {
			return 0
		}
		return *n
	}
	return a.UIDValidity != b.UIDValidity || a.UIDNext != b.UIDNext || number(a.NumMessages) != number(b.NumMessages) ||
		g.tells(NotifyFlagChange) && number(a.NumUnseen) != number(b.NumUnseen)
}

func (p *polling) tellMailbox(m polled, event NotifyEvent) {
	if p.s.o.Handler.Mailbox != nil && m.group.tells(event) {
		p.s.o.Handler.Mailbox(m.data)
	}
}

// tellStatus tells the figures of a mailbox that is not the selected one, of
// which there are other functions.
func (p *polling) tellStatus(m polled) {
	selected := p.s.Mailbox()
	if m.data.Status != nil && m.group.tells(NotifyMessageNew) && (selected == nil || selected.Name != m.data.Mailbox) {
		p.s.toldStatus(m.data.Status)
	}
}
