package imap

import (
	"context"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap/wire"
)

// Enable has the server behave in the ways that extensions define (ENABLE, RFC
// 5161). What has been enabled already is not asked for again. ENOTSUP means
// that the server lacks one, or has refused to enable it.
//
// IMAP4rev2 and UTF8=ACCEPT need not be enabled by the app: see Options.
// Enabling QRESYNC makes the server name messages that are gone by their UIDs:
// Handler.Vanished is told of them instead of Handler.Expunge.
func (s *Session) Enable(ctx context.Context, capabilities ...imap.Cap) error {
	var wanted []string
	for _, c := range capabilities {
		if !isAtom(string(c)) {
			return invalid("The name of the capability is not valid.")
		}
		if s.isEnabled(string(c)) {
			continue
		}
		if !s.Has("ENABLE") || !s.Has(c) {
			return unsupported(string(c))
		}
		wanted = append(wanted, string(c))
	}
	if len(wanted) == 0 {
		return nil
	}
	if err := s.do(ctx, exclusive("ENABLE "+strings.Join(wanted, " "))); err != nil {
		return err
	}
	for _, c := range wanted {
		if !s.isEnabled(c) {
			return unsupported(c)
		}
	}
	return nil
}

// setEnabled takes the answer to ENABLE.
func (s *Session) setEnabled(capabilities []string) {
	s.mu.Lock()
	s.enabled = append(s.enabled, capabilities[:min(len(capabilities), maxEnabled-len(s.enabled))]...)
	s.mu.Unlock()
	if s.isEnabled("IMAP4rev2") || s.isEnabled("UTF8=ACCEPT") {
		s.setUTF8(true)
	}
}

func (s *Session) setUTF8(utf8 bool) {
	s.mu.Lock()
	s.utf8 = utf8
	s.mu.Unlock()
}

// maxEnabled bounds how many names of ENABLED are kept.
const maxEnabled = 16

func (s *Session) isEnabled(capability string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.enabled {
		if strings.EqualFold(c, capability) {
			return true
		}
	}
	return false
}

// settleIn agrees on what holds for the whole session, once a user is logged
// in.
func (s *Session) settleIn(ctx context.Context) error {
	if s.Has("IMAP4rev2") && !s.Has("IMAP4rev1") {
		s.setUTF8(true)
	}
	if s.inline {
		if err := s.compress(ctx); err != nil {
			return err
		}
	}
	if !s.Has("ENABLE") {
		return nil
	}
	var wanted []string
	for _, c := range s.o.Enable {
		if s.Has(c) {
			wanted = append(wanted, string(c))
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	c := exclusive("ENABLE " + strings.Join(wanted, " "))
	if err := s.do(ctx, c); err != nil && c.refused == nil {
		return err
	}
	return nil
}

// readVanished reads what follows VANISHED (RFC 7162).
func readVanished(r *wire.Reader) (uids imap.UIDSet, earlier bool) {
	r.List(func() { earlier = wire.EqualFold(r.Atom(), "EARLIER") })
	r.Space()
	r.Set(func(first, last uint32) bool {
		uids = append(uids, imap.UIDRange{Start: imap.UID(first), Stop: imap.UID(last)})
		return true
	})
	return uids, earlier
}

// vanished takes a VANISHED that no SELECT has asked for.
func (s *Session) vanished() {
	if !s.isEnabled("QRESYNC") {
		s.unknown()
		return
	}
	uids, earlier := readVanished(s.r)
	if s.r.Err() != nil {
		return
	}
	if !earlier {
		gone := uint32(0)
		for _, r := range uids {
			gone += uint32(r.Stop-r.Start) + 1
		}
		s.setExists(func(old uint32) uint32 { return old - min(old, gone) })
	}
	if s.o.Handler.Vanished != nil {
		s.o.Handler.Vanished(uids, earlier)
	}
}
