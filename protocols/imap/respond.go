package imap

import (
	"errors"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/imap/wire"
)

// errBye ends the reading of a connection on which the server has said BYE.
var errBye = errors.New("imap: the server said BYE")

// maxUnknown is how much of an unknown response is reported.
const maxUnknown = 80

// maxVerb is longer than every word that a response can begin with.
const maxVerb = 24

// respond reads a response and does what it asks for. An error ends the
// session.
func (s *Session) respond() error {
	r := s.r
	if err := r.Next(); err != nil {
		return err
	}
	if r.Empty() {
		return nil
	}
	if s.inline {
		if s.seen++; s.seen > maxReplies {
			return tooMuch("too many responses before the login")
		}
	}
	var err error
	switch first := r.Until(" "); {
	case len(first) == 1 && first[0] == '*':
		r.Space()
		err = s.untagged()
	case len(first) > 0 && first[0] == '+':
		r.Space()
		s.continuation()
	default:
		err = s.tagged(first)
	}
	if err != nil {
		return err
	}
	if _, odd := r.Err().(*wire.SyntaxError); odd {
		s.unknown()
	}
	return r.Discard()
}

// unknown reports a response, or what is odd in it.
func (s *Session) unknown() {
	s.report(string(s.r.Head(maxUnknown)))
}

func (s *Session) report(what string) {
	if s.o.Handler.Unknown != nil {
		s.o.Handler.Unknown(coded.Text(what))
	}
}

func garbage(line []byte) error {
	return newError(coded.EPROTO, "", errors.New("imap: unexpected "+strconv.Quote(string(line[:min(len(line), 60)]))))
}

func (s *Session) tagged(tag []byte) error {
	r := s.r
	line := r.Head(60)
	if len(tag) < 2 || tag[0] != 'T' {
		if s.idling.stray(tag) {
			return nil
		}
		return garbage(line)
	}
	n, ok := wire.ParseNumber(tag[1:])
	if !ok {
		return garbage(line)
	}
	r.Space()
	var buf [maxVerb]byte
	var status string
	switch string(wire.Upper(buf[:], r.Atom())) {
	case "OK":
		status = "OK"
	case "NO":
		status = "NO"
	case "BAD":
		status = "BAD"
	default:
		return garbage(line)
	}
	r.Space()
	code, args, text := parseStatus(r.Text())
	s.alert(code, text)
	s.note(code, args)
	return s.finish(n, status, code, args, text)
}

func (s *Session) alert(code, text string) {
	if code == "ALERT" && s.o.Handler.Alert != nil {
		s.o.Handler.Alert(coded.Text(text))
	}
}

// note takes what a response code says of the connection as a whole.
func (s *Session) note(code, args string) {
	if code == "CAPABILITY" {
		s.setCaps(strings.Fields(args))
	}
}

func (s *Session) untagged() error {
	r := s.r
	if c := r.Peek(); c >= '0' && c <= '9' {
		n, ok := wire.ParseNumber(r.Until(" "))
		if !ok {
			s.unknown()
			return nil
		}
		r.Space()
		return s.numbered(n)
	}
	var buf [maxVerb]byte
	verb := wire.Upper(buf[:], r.Atom())
	r.Space()
	switch string(verb) {
	case "OK":
		return s.status("OK")
	case "NO":
		return s.status("NO")
	case "BAD":
		return s.status("BAD")
	case "PREAUTH":
		return s.status("PREAUTH")
	case "BYE":
		return s.status("BYE")
	case "CAPABILITY":
		s.setCaps(strings.Fields(r.Text()))
		return nil
	case "ENABLED":
		s.setEnabled(strings.Fields(r.Text()))
		return nil
	case "FLAGS":
		if c := s.find(isOpen); c != nil {
			c.open.Flags = readFlags(r)
		}
		return nil
	}
	return s.offer(string(verb))
}

// offer gives a response to the oldest command under way that takes it.
func (s *Session) offer(verb string) error {
	s.mu.Lock()
	s.offered = append(s.offered[:0], s.flight...)
	s.mu.Unlock()
	for _, c := range s.offered {
		if c.take == nil {
			continue
		}
		mine, err := c.take(verb)
		if mine {
			if c.taken += int64(s.r.Used()); c.taken > s.o.Limits.Message && err == nil {
				err = tooMuch("an answer of more than " + strconv.FormatInt(s.o.Limits.Message, 10) + " bytes")
			}
		}
		if mine || err != nil {
			return err
		}
	}
	return s.unasked(verb)
}

// unasked takes a response that no command has asked for.
func (s *Session) unasked(verb string) error {
	switch verb {
	case "STATUS":
		if data := s.statusOf(); s.r.Err() == nil {
			for _, c := range s.offered {
				if c.status != nil && c.status(data) {
					return nil
				}
			}
			if s.notified {
				s.toldStatus(data)
			}
		}
	case "LIST":
		s.toldMailbox()
	case "VANISHED":
		s.vanished()
	case "LSUB", "SEARCH", "ESEARCH", "SORT":
	default:
		s.unknown()
	}
	return nil
}

func (s *Session) status(verb string) error {
	code, args, text := parseStatus(s.r.Text())
	s.alert(code, text)
	s.note(code, args)
	if verb == "BYE" {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.flight {
			if c.leaving {
				s.goodbye = true
				return nil
			}
		}
		s.bye = byeError(code, text)
		return errBye
	}
	if code != "" {
		s.find(func(c *command) bool { return c.code != nil && c.code(code, args) })
	}
	return nil
}

func byeError(code, text string) *coded.Error {
	e := newError(coded.ECONNRESET, coded.Text(text), errBye)
	e.Response = code
	return e
}

func (s *Session) numbered(n uint32) error {
	var buf [maxVerb]byte
	verb := wire.Upper(buf[:], s.r.Atom())
	s.r.Space()
	h := &s.o.Handler
	switch string(verb) {
	case "FETCH":
		return s.fetched(n)
	case "EXISTS":
		if c := s.find(isOpen); c != nil {
			c.open.Exists = n
			return nil
		}
		s.setExists(func(uint32) uint32 { return n })
		if h.Exists != nil {
			h.Exists(n)
		}
	case "EXPUNGE":
		if s.find(isOpen) != nil {
			return nil // of the mailbox that is being left
		}
		s.setExists(func(old uint32) uint32 { return max(old, 1) - 1 })
		if h.Expunge != nil {
			h.Expunge(n)
		}
	case "RECENT":
	default:
		s.unknown()
	}
	return nil
}

func isOpen(c *command) bool { return c.open != nil }

func (s *Session) setExists(f func(old uint32) uint32) {
	s.mu.Lock()
	if s.mailbox != nil {
		s.mailbox.Exists = f(s.mailbox.Exists)
	}
	s.mu.Unlock()
}

// parseStatus splits the text after OK, NO, … into its response code, the
// code's arguments, and what is meant for people.
func parseStatus(s string) (code, args, text string) {
	if strings.HasPrefix(s, "[") {
		if inner, after, ok := strings.Cut(s[1:], "]"); ok {
			code, args, _ = strings.Cut(inner, " ")
			return strings.ToUpper(code), strings.TrimSpace(args), strings.TrimSpace(after)
		}
	}
	return "", "", s
}

// readFlags reads a list of flags. Servers put much into flags that the
// grammar doesn't allow.
func readFlags(r *wire.Reader) []imap.Flag {
	var buf [8]imap.Flag // more than most messages have
	flags := buf[:0]
	if !r.List(func() { flags = append(flags, canonical(r, r.Until(" )"))) }) {
		return nil
	}
	return append([]imap.Flag{}, flags...)
}

var systemFlags = []imap.Flag{imap.FlagSeen, imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagDraft}

// canonical spells the system flags, which are compared without regard to
// case, as the constants do.
func canonical(r *wire.Reader, flag []byte) imap.Flag {
	if len(flag) > 0 && flag[0] == '\\' {
		for _, f := range systemFlags {
			if len(f) == len(flag) && strings.EqualFold(string(flag), string(f)) {
				return f
			}
		}
	}
	return imap.Flag(r.Keep(flag))
}

// parseFlags reads the flags of a response code.
func parseFlags(text string) []imap.Flag {
	var flags []imap.Flag
	for _, f := range strings.Fields(strings.Trim(text, "()")) {
		for _, known := range systemFlags {
			if strings.EqualFold(f, string(known)) {
				f = string(known)
			}
		}
		flags = append(flags, imap.Flag(f))
	}
	return flags
}
