package irc

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ergochat/irc-go/ircmsg"
)

// What a server may make us remember.
const (
	maxTags     = 64   // in a line; a line with more is read without them
	maxParams   = 64   // in a line; a line with more is skipped
	maxFeatures = 256  // of ISUPPORT
	maxCaps     = 256  // offered
	maxChannels = 1024 // that we are in
	maxNames    = 8192 // of all channels whose list is not complete yet
)

// state is what the server has told us about itself and ourselves.
type state struct {
	nick, user, host string
	caps             map[string]bool
	isupport         map[string]string
	lower            func(byte) byte
	chanTypes        string
	prefixes         string // the signs of rank
	nickLen          int    // 0: unknown
	channels         map[string]bool
	names            map[string]*Names
	nameCount        int
}

func newState(nick string) *state {
	return &state{
		nick:      nick,
		caps:      map[string]bool{},
		isupport:  map[string]string{},
		lower:     lowerRFC1459,
		chanTypes: "#&",
		prefixes:  "@+",
		channels:  map[string]bool{},
		names:     map[string]*Names{},
	}
}

// parse reads a line. A line whose tags are not valid or beyond the limits is
// read without them: what is said matters more than what is said about it.
func parse(line []byte) (*ircmsg.Message, bool) {
	text := string(line)
	bare := text
	if text != "" && text[0] == '@' {
		var tags string
		tags, bare, _ = strings.Cut(text, " ")
		if len(tags) > ircmsg.MaxlenTags-1 || strings.Count(tags, ";") >= maxTags {
			text = bare
		}
	}
	m, err := ircmsg.ParseLine(text)
	if err == ircmsg.ErrorInvalidTagContent {
		m, err = ircmsg.ParseLine(bare)
	}
	if err != nil || len(m.Params) > maxParams || !isCommand(m.Command) {
		return nil, false
	}
	m.Source = valid(m.Source)
	for i := range m.Params {
		m.Params[i] = valid(m.Params[i])
	}
	return &m, true
}

func valid(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

func tagsOf(m *ircmsg.Message) map[string]string {
	tags := m.AllTags()
	if len(tags) == 0 {
		return nil
	}
	return tags
}

// param is the i-th parameter, or empty.
func param(m *ircmsg.Message, i int) string {
	if i >= 0 && i < len(m.Params) {
		return m.Params[i]
	}
	return ""
}

func last(m *ircmsg.Message) string { return param(m, len(m.Params)-1) }

func sourceOf(m *ircmsg.Message) ircmsg.NUH {
	nuh, err := ircmsg.ParseNUH(m.Source)
	if err != nil {
		return ircmsg.NUH{Name: m.Source}
	}
	return nuh
}

// apply learns from m and turns it into an event; nil where there is none.
func (st *state) apply(m *ircmsg.Message, now time.Time) Event {
	from := sourceOf(m)
	own := m.Source != "" && st.same(from.Name, st.nick)
	if own && from.User != "" && from.Host != "" {
		st.user, st.host = from.User, from.Host
	}
	n := len(m.Params)
	switch {
	case m.Command == "PRIVMSG" && n >= 2, m.Command == "NOTICE" && n >= 2:
		text := m.Params[1]
		action := false
		if verb, rest, ok := ctcp(text); ok {
			if verb != "ACTION" || m.Command == "NOTICE" {
				break
			}
			text, action = rest, true
		}
		e := &Message{Nick: from.Name, User: from.User, Host: from.Host, Target: m.Params[0], Text: text,
			Time: timeOf(m, now), Tags: tagsOf(m), Action: action}
		if m.Command == "NOTICE" {
			return (*Notice)(e)
		}
		return e
	case m.Command == "JOIN" && n >= 1:
		if own && len(st.channels) < maxChannels {
			st.channels[st.fold(m.Params[0])] = true
		}
		e := &Join{Nick: from.Name, Channel: m.Params[0], Realname: param(m, 2)}
		if account := param(m, 1); account != "*" {
			e.Account = account
		}
		return e
	case m.Command == "PART" && n >= 1:
		if own {
			st.leave(m.Params[0])
		}
		return &Part{Nick: from.Name, Channel: m.Params[0], Reason: param(m, 1)}
	case m.Command == "QUIT":
		return &Quit{Nick: from.Name, Reason: param(m, 0)}
	case m.Command == "NICK" && n >= 1:
		if own {
			st.nick = m.Params[0]
		}
		return &NickChange{Nick: from.Name, NewNick: m.Params[0], Own: own}
	case m.Command == "KICK" && n >= 2:
		if st.same(m.Params[1], st.nick) {
			st.leave(m.Params[0])
		}
		return &Kick{Nick: m.Params[1], Channel: m.Params[0], By: from.Name, Reason: param(m, 2)}
	case m.Command == "TOPIC" && n >= 1:
		return &Topic{Channel: m.Params[0], Topic: param(m, 1), Nick: from.Name}
	case m.Command == "MODE" && n >= 2:
		return &Mode{Target: m.Params[0], Nick: from.Name, Modes: strings.Join(m.Params[1:], " ")}
	case m.Command == "CHGHOST" && n >= 2 && own:
		st.user, st.host = m.Params[0], m.Params[1]
	case m.Command == "001" && n >= 1:
		st.nick = m.Params[0]
		st.welcome(last(m))
	case m.Command == "005" && n >= 2:
		for _, token := range m.Params[1 : n-1] {
			st.feature(token)
		}
	case m.Command == "331" && n >= 2: // RPL_NOTOPIC
		return &Topic{Channel: m.Params[1]}
	case m.Command == "332" && n >= 3: // RPL_TOPIC
		return &Topic{Channel: m.Params[1], Topic: m.Params[2]}
	case m.Command == "353" && n >= 3: // RPL_NAMREPLY
		st.collect(m.Params[n-2], m.Params[n-1])
		return nil
	case m.Command == "366" && n >= 2: // RPL_ENDOFNAMES
		return st.collected(m.Params[1])
	case m.Command == "396" && n >= 2: // RPL_HOSTHIDDEN
		user, host, ok := strings.Cut(m.Params[1], "@")
		if ok {
			st.user, st.host = user, host
		} else {
			st.host = m.Params[1]
		}
	}
	return &Raw{Command: m.Command, Params: m.Params, Prefix: m.Source, Tags: tagsOf(m)}
}

// welcome learns our own address from the text of 001, where servers of the
// older sort put it.
func (st *state) welcome(text string) {
	nuh, err := ircmsg.ParseNUH(text[strings.LastIndexByte(text, ' ')+1:])
	if err == nil && nuh.User != "" && nuh.Host != "" && st.same(nuh.Name, st.nick) {
		st.user, st.host = nuh.User, nuh.Host
	}
}

func (st *state) leave(channel string) { delete(st.channels, st.fold(channel)) }

func timeOf(m *ircmsg.Message, now time.Time) time.Time {
	if _, v := m.GetTag("time"); v != "" {
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t
		}
	}
	return now
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

// feature takes in one token of ISUPPORT: NAME, NAME=value or -NAME.
func (st *state) feature(token string) {
	name, value, _ := strings.Cut(token, "=")
	if gone, ok := strings.CutPrefix(name, "-"); ok {
		delete(st.isupport, gone)
		return
	}
	if _, known := st.isupport[name]; name == "" || !known && len(st.isupport) >= maxFeatures {
		return
	}
	st.isupport[name] = value
	switch name {
	case "CASEMAPPING":
		switch value {
		case "rfc1459":
			st.lower = lowerRFC1459
		case "rfc1459-strict", "strict-rfc1459":
			st.lower = lowerStrict
		default:
			// Mappings of Unicode are rare and all include this one.
			st.lower = lowerASCII
		}
	case "CHANTYPES":
		st.chanTypes = value
	case "PREFIX":
		if _, signs, ok := strings.Cut(value, ")"); ok {
			st.prefixes = signs
		}
	case "NICKLEN":
		if n, err := strconv.Atoi(value); err == nil && n > 0 {
			st.nickLen = n
		}
	}
}

func (st *state) collect(channel, list string) {
	key := st.fold(channel)
	for word := range strings.FieldsSeq(list) {
		names := st.names[key]
		if names == nil {
			if len(st.names) >= maxChannels {
				return
			}
			names = &Names{Channel: channel}
			st.names[key] = names
		}
		if st.nameCount >= maxNames {
			names.Truncated = true
			return
		}
		nick := strings.TrimLeft(word, st.prefixes)
		name := Name{Prefix: word[:len(word)-len(nick)], Nick: nick}
		if nuh, err := ircmsg.ParseNUH(nick); err == nil {
			name.Nick, name.User, name.Host = nuh.Name, nuh.User, nuh.Host
		}
		names.Names = append(names.Names, name)
		st.nameCount++
	}
}

func (st *state) collected(channel string) *Names {
	key := st.fold(channel)
	names := st.names[key]
	if names == nil {
		return &Names{Channel: channel}
	}
	delete(st.names, key)
	st.nameCount -= len(names.Names)
	return names
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lowerStrict and lowerRFC1459 take []\ (and ^) for the capitals of {}| (and
// ~): RFC 1459 §2.2.
func lowerStrict(c byte) byte {
	if '[' <= c && c <= ']' {
		return c + '{' - '['
	}
	return lowerASCII(c)
}

func lowerRFC1459(c byte) byte {
	if c == '^' {
		return '~'
	}
	return lowerStrict(c)
}

func (st *state) fold(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = st.lower(c)
	}
	return string(b)
}

func (st *state) same(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if st.lower(a[i]) != st.lower(b[i]) {
			return false
		}
	}
	return true
}

func (st *state) isChannel(name string) bool {
	return name != "" && strings.IndexByte(st.chanTypes, name[0]) >= 0
}
