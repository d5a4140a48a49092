package imap

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
)

// errBye ends the reading of a connection on which the server has said BYE.
var errBye = errors.New("imap: the server said BYE")

// maxUnknown is how much of an unknown response is reported.
const maxUnknown = 80

// sift looks at the first segment of a response. It deals with all that the
// server may say unasked, in the order in which it comes, and keeps for the
// engine only what answers the command under way.
func (s *Session) sift(line []byte) (keep bool, err error) {
	s.mu.Lock()
	cur := s.current
	s.mu.Unlock()
	if cur == nil {
		cur = &command{}
	}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return false, nil
	}
	if line[0] == '+' {
		return cur.verb != "", nil
	}
	tag, rest := cut(line)
	if string(tag) != "*" {
		s.siftTagged(cur, rest)
		return true, nil
	}
	word, rest := cut(rest)
	verb := strings.ToUpper(string(word))
	if n, err := strconv.ParseUint(verb, 10, 32); err == nil {
		word, rest = cut(rest)
		return s.siftNumbered(cur, uint32(n), strings.ToUpper(string(word)), rest, line)
	}
	switch verb {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return s.siftStatus(cur, verb, rest)
	case "CAPABILITY":
		s.mu.Lock()
		s.caps = strings.Fields(string(rest))
		s.mu.Unlock()
	case "FLAGS":
		if cur.mailbox != nil {
			cur.mailbox.Flags = parseFlags(string(rest))
		}
	case "SEARCH":
		return false, s.siftSearch(cur, rest)
	case "ESEARCH":
		return false, s.siftESearch(cur, string(rest))
	case "LIST", "STATUS":
		return cur.verb == verb, nil
	default:
		s.unknown(line)
	}
	return false, nil
}

func (s *Session) unknown(line []byte) {
	if s.o.Handler.Unknown != nil {
		s.o.Handler.Unknown(clean(string(line[:min(len(line), maxUnknown)])))
	}
}

func cut(line []byte) (word, rest []byte) {
	word, rest, _ = bytes.Cut(line, []byte(" "))
	return word, bytes.TrimLeft(rest, " ")
}

func (s *Session) siftTagged(cur *command, rest []byte) {
	word, rest := cut(rest)
	code, _, text := parseStatus(string(rest))
	s.alert(code, text)
	if cur.mailbox != nil {
		cur.mailbox.ReadOnly = cur.mailbox.ReadOnly || code == "READ-ONLY"
	}
	if !strings.EqualFold(string(word), "OK") {
		s.mu.Lock()
		cur.refused = true
		s.mu.Unlock()
	}
}

func (s *Session) alert(code, text string) {
	if code == "ALERT" && s.o.Handler.Alert != nil {
		s.o.Handler.Alert(clean(text))
	}
}

func (s *Session) siftStatus(cur *command, verb string, rest []byte) (keep bool, err error) {
	code, args, text := parseStatus(string(rest))
	s.alert(code, text)
	if verb == "BYE" {
		s.mu.Lock()
		defer s.mu.Unlock()
		if cur.verb == "LOGOUT" {
			s.goodbye = true
			return false, nil
		}
		s.bye = byeError(code, text)
		return false, errBye
	}
	number, _ := strconv.ParseUint(args, 10, 32)
	switch m := cur.mailbox; code {
	case "CAPABILITY":
		s.mu.Lock()
		s.caps = strings.Fields(args)
		s.mu.Unlock()
	case "COPYUID":
		return cur.verb == "MOVE", nil
	case "PERMANENTFLAGS":
		if m != nil {
			m.PermanentFlags = parseFlags(args)
		}
	case "UIDNEXT":
		if m != nil {
			m.UIDNext = imap.UID(number)
		}
	case "UIDVALIDITY":
		if m != nil {
			m.UIDValidity = uint32(number)
		}
	}
	return false, nil
}

func byeError(code, text string) *coded.Error {
	e := newError(coded.ECONNRESET, clean(text), errBye)
	e.Response = code
	return e
}

func (s *Session) siftNumbered(cur *command, n uint32, verb string, rest, line []byte) (keep bool, err error) {
	h := &s.o.Handler
	switch verb {
	case "EXISTS":
		if cur.mailbox != nil {
			cur.mailbox.Exists = n
			return false, nil
		}
		s.setExists(func(uint32) uint32 { return n })
		if h.Exists != nil {
			h.Exists(n)
		}
	case "EXPUNGE":
		if cur.mailbox != nil {
			return false, nil // of the mailbox that is being left
		}
		s.setExists(func(old uint32) uint32 { return max(old, 1) - 1 })
		if h.Expunge != nil {
			h.Expunge(n)
		}
	case "FETCH":
		update, isUpdate := parseFlagsUpdate(rest)
		wanted := cur.verb == "FETCH"
		if wanted && isUpdate {
			wanted = cur.flagsOnly && asked(cur.set, n, update.uid)
		}
		if wanted {
			if _, byUID := cur.set.(imap.UIDSet); byUID && !bytes.Contains(line, []byte("UID ")) {
				return false, newError(coded.EPROTO, "", errors.New("imap: a message comes without its UID before the first literal"))
			}
			return true, nil
		}
		if isUpdate && h.Flags != nil {
			h.Flags(n, update.uid, update.flags)
		}
	case "RECENT":
	default:
		s.unknown(line)
	}
	return false, nil
}

func (s *Session) setExists(f func(old uint32) uint32) {
	s.mu.Lock()
	if s.mailbox != nil {
		s.mailbox.Exists = f(s.mailbox.Exists)
	}
	s.mu.Unlock()
}

func asked(set imap.NumSet, seq uint32, uid imap.UID) bool {
	switch set := set.(type) {
	case imap.SeqSet:
		return set.Contains(seq)
	case imap.UIDSet:
		return set.Contains(uid)
	}
	return false
}

// siftSearch takes the numbers of a SEARCH in the server's order and skips
// what is none, such as the MODSEQ of RFC 7162.
func (s *Session) siftSearch(cur *command, rest []byte) error {
	if cur.verb != "SEARCH" {
		return nil
	}
	for len(rest) > 0 {
		var word []byte
		word, rest = cut(rest)
		if word = bytes.TrimSpace(word); len(word) > 0 && word[0] == '(' {
			return nil
		}
		n, err := strconv.ParseUint(string(word), 10, 32)
		if err != nil {
			continue
		}
		if err := s.found(cur, uint32(n), uint32(n)); err != nil {
			return err
		}
	}
	return nil
}

// siftESearch takes the numbers of an ESEARCH (RFC 4731), which is how a server
// of IMAP4rev2 alone answers.
func (s *Session) siftESearch(cur *command, rest string) error {
	if cur.verb != "SEARCH" {
		return nil
	}
	_, set, _ := strings.Cut(" "+rest, " ALL ")
	set, _, _ = strings.Cut(set, " ")
	for set != "" {
		var item string
		item, set, _ = strings.Cut(set, ",")
		first, last, isRange := strings.Cut(item, ":")
		if !isRange {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 32)
		b, errB := strconv.ParseUint(last, 10, 32)
		if err := errors.Join(errA, errB); err != nil {
			return newError(coded.EPROTO, "", err)
		}
		if err := s.found(cur, uint32(min(a, b)), uint32(max(a, b))); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) found(cur *command, first, last uint32) error {
	if uint64(last)-uint64(first) >= uint64(s.o.Limits.Results-len(cur.numbers)) {
		return tooMuch("more than " + strconv.Itoa(s.o.Limits.Results) + " search results")
	}
	for n := uint64(first); n <= uint64(last); n++ {
		cur.numbers = append(cur.numbers, uint32(n))
	}
	return nil
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

// parseFlags reads a flag list. Being no part of the grammar proper, odd flags
// are taken as they come.
func parseFlags(s string) []imap.Flag {
	var flags []imap.Flag
	for _, f := range strings.Fields(strings.Trim(s, "()")) {
		flags = append(flags, canonical(f))
	}
	return flags
}

// canonical spells the system flags, which are compared without regard to
// case, as the constants do.
func canonical(flag string) imap.Flag {
	for _, f := range []imap.Flag{imap.FlagSeen, imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagDraft} {
		if strings.EqualFold(flag, string(f)) {
			return f
		}
	}
	return imap.Flag(flag)
}

type flagsUpdate struct {
	uid   imap.UID
	flags []imap.Flag
}

// parseFlagsUpdate reads the items of a FETCH that has FLAGS and perhaps UID
// and MODSEQ, and nothing else: such a one comes unasked.
func parseFlagsUpdate(items []byte) (u flagsUpdate, ok bool) {
	rest, isList := strings.CutPrefix(string(items[:min(len(items), maxUpdate)]), "(")
	if !isList {
		return u, false
	}
	for {
		name, after, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
		var value string
		switch strings.ToUpper(name) {
		case "UID":
			end := strings.IndexAny(after, " )")
			if end < 0 {
				return u, false
			}
			value, rest = after[:end], after[end:]
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil {
				return u, false
			}
			u.uid = imap.UID(n)
		case "FLAGS", "MODSEQ":
			if value, rest, isList = strings.Cut(after, ")"); !isList {
				return u, false
			}
			if strings.EqualFold(name, "FLAGS") {
				u.flags, ok = parseFlags(value), true
			}
		default:
			return u, false
		}
		if strings.TrimSpace(rest) == ")" {
			return u, ok
		}
	}
}

// maxUpdate is the longest flags update that is understood, in bytes.
const maxUpdate = 8 << 10
