package irc

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ergochat/irc-go/ircmsg"

	"kaiwire/protocols/iso8601"
)

// Limits of a line.
const (
	maxTags   = 64 // a line with more is read without them
	maxParams = 64 // a line with more is skipped
	maxUsual  = 9  // an answer to WHO has as many
)

// Tags are the message tags of a line as they were sent
// (ircv3.net/specs/extensions/message-tags). Most are never asked for, so they
// are taken apart when they are.
type Tags string

// Get is the value of the tag of that name, unescaped; empty where there is
// none.
func (t Tags) Get(name string) string {
	value, _ := t.find(name)
	return value
}

// Has tells whether there is a tag of that name.
func (t Tags) Has(name string) bool {
	_, ok := t.find(name)
	return ok
}

func (t Tags) find(name string) (value string, ok bool) {
	for rest := string(t); rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, ";")
		if len(pair) < len(name) || pair[:len(name)] != name {
			continue
		}
		// Of several of one name the last counts.
		if pair = pair[len(name):]; pair == "" {
			value, ok = "", true
		} else if pair[0] == '=' {
			value, ok = pair[1:], true
		}
	}
	return ircmsg.UnescapeTagValue(value), ok
}

// Each calls f with every tag, its value unescaped.
func (t Tags) Each(f func(name, value string)) {
	for rest := string(t); rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, ";")
		if name, value, _ := strings.Cut(pair, "="); name != "" {
			f(name, ircmsg.UnescapeTagValue(value))
		}
	}
}

// knownTags are those that are looked at in every line, which has them found in
// one pass.
type knownTags struct {
	_                               incomparable
	time, batch, label, id, account string
	bot, stamped                    bool // stamped: see Meta.Stamped
}

// noTags are those of a line without any.
var noTags = &knownTags{}

func (k *knownTags) find(tags Tags) {
	for rest := string(tags); rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, ";")
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "time":
			k.time = value
		case "batch":
			k.batch = value
		case "label":
			k.label = ircmsg.UnescapeTagValue(value)
		case "msgid":
			k.id = ircmsg.UnescapeTagValue(value)
		case "account":
			k.account = ircmsg.UnescapeTagValue(value)
		case "bot":
			k.bot = true
		}
	}
}

// message is a line that has been taken apart.
type message struct {
	tags    Tags
	known   *knownTags // of tags
	Source  string
	from    ircmsg.NUH // of Source
	Command string     // in capitals
	Params  []string
	few     [3]string // Params, where they are no more: most lines'
	batch   *batch    // that it belongs to, or nil
}

// parse reads a line, which has to be valid UTF-8. A line whose tags are beyond
// the limits is read without them: what is said matters more than what is said
// about it.
//
// It reads as ircmsg.ParseLine does, in half the time: that looks for tags once
// more, and makes room for parameters five times in a line of WHO.
func parse(text string) (*message, bool) {
	m := &message{known: noTags}
	if text != "" && text[0] == '@' {
		tags, bare, ok := strings.Cut(text[1:], " ")
		if !ok {
			return nil, false
		}
		if len(tags) <= ircmsg.MaxlenTagData && strings.Count(tags, ";") < maxTags {
			m.tags, m.known = Tags(tags), &knownTags{}
			m.known.find(m.tags)
		}
		text = bare
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if hasForbidden(text) {
		return nil, false
	}
	text = afterSpaces(text)
	if text != "" && text[0] == ':' {
		source, rest, ok := strings.Cut(text[1:], " ")
		if !ok {
			return nil, false
		}
		m.Source, text = source, afterSpaces(rest)
	}
	command, text, _ := strings.Cut(text, " ")
	if !isCommand(command) {
		return nil, false
	}
	m.Command = strings.ToUpper(command)
	m.Params = m.few[:0]
	for text = afterSpaces(text); text != ""; text = afterSpaces(text) {
		if len(m.Params) == maxParams {
			return nil, false
		}
		if len(m.Params) == len(m.few) {
			m.Params = slices.Grow(m.Params, maxUsual-len(m.few))
		}
		if text[0] == ':' {
			m.Params = append(m.Params, text[1:])
			break
		}
		param, rest, _ := strings.Cut(text, " ")
		m.Params, text = append(m.Params, param), rest
	}
	var err error
	if m.from, err = ircmsg.ParseNUH(m.Source); err != nil {
		m.from = ircmsg.NUH{Name: m.Source}
	}
	return m, true
}

// afterSpaces is text without the spaces that it begins with.
func afterSpaces(text string) string {
	for text != "" && text[0] == ' ' {
		text = text[1:]
	}
	return text
}

// decode makes UTF-8 of a line: by the app's charset where it is not UTF-8
// already, else with U+FFFD for what is not.
func (o *Options) decode(b []byte, utf8only bool) string {
	if utf8.Valid(b) {
		return string(b)
	}
	if o.Decode != nil && !utf8only {
		if text, ok := o.Decode(b); ok && utf8.Valid(text) {
			return string(text)
		}
	}
	return strings.ToValidUTF8(string(b), string(utf8.RuneError))
}

// param is the i-th parameter, or empty.
//
//go:noinline
func (m *message) param(i int) string {
	if i >= 0 && i < len(m.Params) {
		return m.Params[i]
	}
	return ""
}

//go:noinline
func (m *message) last() string { return m.param(len(m.Params) - 1) }

// time is the server's (server-time), else when the line arrived.
func (m *message) time(now time.Time) time.Time {
	if m.known.time != "" {
		if t, ok := iso8601.Parse(m.known.time); ok {
			m.known.stamped = iso8601.IsFormat(m.known.time)
			return t
		}
	}
	return now
}

// digits reads a number of at most nine digits.
func digits(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, len(s) > 0 && len(s) <= 9
}

// atoi is a number that a server has announced, or otherwise where it is none
// or not between low and high.
func atoi(s string, low, high, otherwise int) int {
	if n, ok := digits(s); ok && n >= low && n <= high {
		return n
	}
	return otherwise
}

// ctcp takes a CTCP message apart: "\x01VERB rest\x01", the last \x01 being
// optional.
func ctcp(text string) (verb, rest string, ok bool) {
	if len(text) < 2 || text[0] != 1 {
		return "", "", false
	}
	verb, rest, _ = strings.Cut(strings.TrimSuffix(text[1:], "\x01"), " ")
	return strings.ToUpper(verb), rest, true
}
