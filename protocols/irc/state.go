package irc

import (
	"slices"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

// What a server may make us remember.
const (
	maxCaps     = 256   // offered
	maxChannels = 1024  // that we are in
	maxMembers  = 20000 // of all channels together
	maxNames    = 8192  // of all lists that are not complete yet
	maxModes    = 64    // of a channel
)

// state is what the server has told us about itself, us and the others.
type state struct {
	features
	nick, user, host string
	account          string // empty: not logged in
	caps             map[string]bool
	offered          map[string]string // capabilities, and their values
	channels         map[string]*channel
	users            map[string]*user // in at least one of the channels
	members          int              // of all channels
	names            map[string]*Names
	nameCount        int
	batches          batches
}

// user is somebody with whom we share a channel.
type user struct {
	_                          incomparable
	nick, user, host, realname string
	account                    string // "*": not logged in; empty: unknown
	away, bot                  bool
	channels                   int // that refer to it
}

type channel struct {
	name, topic, topicBy string
	topicAt, created     time.Time
	modes                []ModeChange // that are set, those of rank apart
	members              map[string]*member
	truncated            bool // there are more members
	asked                bool // for its modes
	listing              bool // a list of names is coming in
	list                 int  // its number
}

type member struct {
	*user
	signs string // of rank, highest first
	list  int    // the last list that had it
}

func newState(nick string) *state {
	return &state{
		features: newFeatures(),
		nick:     nick,
		caps:     map[string]bool{},
		offered:  map[string]string{},
		channels: map[string]*channel{},
		users:    map[string]*user{},
		names:    map[string]*Names{},
		batches:  batches{open: map[string]*batch{}},
	}
}

// has tells whether a capability is in force, as a draft or since.
//
//go:noinline
func (st *state) has(name string) bool { return st.caps[name] || st.caps["draft/"+name] }

// capNames are the names of the capabilities in force, sorted.
func (st *state) capNames() []string {
	names := make([]string, 0, len(st.caps))
	for name := range st.caps {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// capValue is the value that a capability was offered with.
func (st *state) capValue(name string) string {
	if v, ok := st.offered[name]; ok {
		return v
	}
	return st.offered["draft/"+name]
}

// enter puts who into the channel and returns it; nil where there is no room.
func (st *state) enter(ch *channel, who ircmsg.NUH) *member {
	key := st.fold(who.Name)
	m := ch.members[key]
	if m == nil {
		if st.members >= maxMembers || key == "" {
			ch.truncated = ch.truncated || key != ""
			return nil
		}
		u := st.users[key]
		if u == nil {
			u = &user{nick: clone(who.Name)}
			st.users[key] = u
		}
		u.channels++
		m = &member{user: u}
		ch.members[key] = m
		st.members++
	}
	if who.User != "" {
		set(&m.user.user, who.User)
	}
	if who.Host != "" {
		set(&m.host, who.Host)
	}
	return m
}

// exit takes who out of the channel.
func (st *state) exit(ch *channel, nick string) bool {
	key := st.fold(nick)
	m := ch.members[key]
	if m == nil {
		return false
	}
	delete(ch.members, key)
	st.members--
	if m.user.channels--; m.user.channels == 0 {
		delete(st.users, key)
	}
	return true
}

// leave is our own leaving of a channel.
func (st *state) leave(name string) {
	key := st.fold(name)
	ch := st.channels[key]
	if ch == nil {
		return
	}
	for _, m := range ch.members {
		st.exit(ch, m.nick)
	}
	delete(st.channels, key)
}

// shared are the names of the channels that nick is in, sorted.
func (st *state) shared(nick string) []string {
	key := st.fold(nick)
	var names []string
	for _, ch := range st.channels {
		if ch.members[key] != nil {
			names = append(names, ch.name)
		}
	}
	slices.Sort(names)
	return names
}

func (st *state) quit(nick string) {
	for _, ch := range st.channels {
		st.exit(ch, nick)
	}
}

func (st *state) rename(from, to string) {
	old, now := st.fold(from), st.fold(to)
	u := st.users[old]
	if u == nil {
		return
	}
	if old != now {
		st.quit(to) // who had that name has gone without our hearing of it
		delete(st.users, old)
		st.users[now] = u
		for _, ch := range st.channels {
			if m := ch.members[old]; m != nil {
				delete(ch.members, old)
				ch.members[now] = m
			}
		}
	}
	u.nick = clone(to)
}

// refold files everything anew, after CASEMAPPING has changed.
func (st *state) refold() {
	channels := st.channels
	st.channels, st.users, st.members = map[string]*channel{}, map[string]*user{}, 0
	for _, ch := range channels {
		members := ch.members
		ch.members = map[string]*member{}
		for _, m := range members {
			key := st.fold(m.nick)
			if u := st.users[key]; u != nil {
				m.user = u
			} else {
				m.user.channels = 0
				st.users[key] = m.user
			}
			if ch.members[key] == nil {
				ch.members[key] = m
				m.user.channels++
				st.members++
			}
		}
		st.channels[st.fold(ch.name)] = ch
	}
}

// unmade stands for the Raw of a line until somebody is to have that: a call
// keeps most such lines to itself, thousands of them in an answer to WHO.
var unmade = &Raw{}

// made is e, or the Raw of m that it stands for.
func made(e Event, m *message, now time.Time) Event {
	if e == Event(unmade) {
		return &Raw{Meta: m.meta(now), Command: m.Command, Params: m.Params, Prefix: m.Source}
	}
	return e
}

// meta is what m says about itself.
func (m *message) meta(now time.Time) Meta {
	meta := Meta{Time: m.time(now), Tags: m.tags, known: m.known}
	if m.batch != nil {
		meta.Batch, meta.History = &m.batch.Batch, m.batch.history
	}
	return meta
}

// apply learns from m and turns it into an event, perhaps an unmade one; nil
// where there is none.
func (st *state) apply(m *message, now time.Time) Event {
	meta := m.meta(now)
	live := !meta.History
	from := m.from
	own := m.Source != "" && st.same(from.Name, st.nick)
	if own && live && from.User != "" && from.Host != "" && (from.User != st.user || from.Host != st.host) {
		st.user, st.host = clone(from.User), clone(from.Host)
	}
	n := len(m.Params)
	switch m.Command {
	case "PRIVMSG", "NOTICE":
		if n >= 2 {
			return st.said(m, meta, own)
		}
	case "TAGMSG":
		if n >= 1 {
			return tagged(m, meta, own)
		}
	case "JOIN":
		if n >= 1 {
			return st.joined(m, meta, own)
		}
	case "PART":
		if n >= 1 {
			if live && own {
				st.leave(m.Params[0])
			} else if ch := st.channels[st.fold(m.Params[0])]; ch != nil && live {
				st.exit(ch, from.Name)
			}
			return &Part{Meta: meta, Nick: from.Name, Channel: m.Params[0], Reason: m.param(1), Own: own}
		}
	case "QUIT":
		e := &Quit{Meta: meta, Nick: from.Name, Reason: m.param(0)}
		if live {
			e.Channels = st.shared(from.Name)
			st.quit(from.Name)
		}
		return e
	case "NICK":
		if n >= 1 {
			e := &NickChange{Meta: meta, Nick: from.Name, NewNick: m.Params[0], Own: own}
			if live {
				e.Channels = st.shared(from.Name)
				st.rename(from.Name, m.Params[0])
				if own {
					st.nick = clone(m.Params[0])
				}
			}
			return e
		}
	case "KICK":
		if n >= 2 {
			own := st.same(m.Params[1], st.nick)
			if live && own {
				st.leave(m.Params[0])
			} else if ch := st.channels[st.fold(m.Params[0])]; ch != nil && live {
				st.exit(ch, m.Params[1])
			}
			return &Kick{Meta: meta, Nick: m.Params[1], Channel: m.Params[0], By: from.Name, Reason: m.param(2), Own: own}
		}
	case "TOPIC":
		if n >= 1 {
			if live {
				st.topic(m.Params[0], m.param(1), from.Name, meta.Time)
			}
			return &Topic{Meta: meta, Channel: m.Params[0], Topic: m.param(1), Nick: from.Name}
		}
	case "MODE":
		if n >= 2 {
			e := &Mode{Meta: meta, Target: m.Params[0], Nick: from.Name, Modes: strings.Join(m.Params[1:], " ")}
			if st.isChannel(m.Params[0]) {
				e.Changes = st.changes(m.Params[1:])
				if ch := st.channels[st.fold(m.Params[0])]; ch != nil && live {
					st.change(ch, e.Changes)
				}
			}
			return e
		}
	case "INVITE":
		if n >= 2 {
			return &Invite{Meta: meta, Nick: from.Name, Target: m.Params[0], Channel: m.Params[1]}
		}
	case "AWAY":
		if u := st.users[st.fold(from.Name)]; u != nil && live {
			u.away = n > 0
		}
		return &Away{Meta: meta, Nick: from.Name, Away: n > 0, Text: m.param(0)}
	case "ACCOUNT":
		if n >= 1 {
			if live {
				st.loggedIn(from.Name, m.Params[0])
			}
			return &Account{Meta: meta, Nick: from.Name, Account: noStar(m.Params[0])}
		}
	case "CHGHOST":
		if n >= 2 {
			if own && live {
				st.user, st.host = clone(m.Params[0]), clone(m.Params[1])
			}
			if u := st.users[st.fold(from.Name)]; u != nil && live {
				u.user, u.host = clone(m.Params[0]), clone(m.Params[1])
			}
			return &Host{Meta: meta, Nick: from.Name, User: m.Params[0], Host: m.Params[1]}
		}
	case "SETNAME":
		if n >= 1 {
			if u := st.users[st.fold(from.Name)]; u != nil && live {
				u.realname = clone(m.Params[0])
			}
			return &Realname{Meta: meta, Nick: from.Name, Realname: m.Params[0]}
		}
	case "REDACT":
		if n >= 2 {
			return &Redaction{Meta: meta, Nick: from.Name, Target: m.Params[0], Redacted: m.Params[1], Reason: m.param(2)}
		}
	case "MARKREAD":
		if n >= 2 {
			return &ReadMarker{Target: m.Params[0], Read: markerTime(m.Params[1])}
		}
	case "FAIL", "WARN", "NOTE":
		if n >= 3 {
			return &Reply{Meta: meta, Kind: m.Command, Command: m.Params[0], Code: m.Params[1], Context: m.Params[2 : n-1], Text: m.last()}
		}
	case "BOUNCER":
		if n >= 3 && strings.EqualFold(m.Params[0], "NETWORK") {
			return &Network{ID: m.Params[1], Attributes: Tags(strings.TrimPrefix(m.Params[2], "*")), Gone: m.Params[2] == "*"}
		}
	case "BATCH":
		return nil
	default:
		if e, ok := st.numeric(m, meta); ok {
			return e
		}
	}
	return unmade
}

// numeric does what apply does for numerics; ok is false where there is no
// event but Raw.
func (st *state) numeric(m *message, meta Meta) (e Event, ok bool) {
	n := len(m.Params)
	switch m.Command {
	case "001":
		if n >= 1 {
			st.nick = m.Params[0]
			st.welcome(m.last())
		}
	case "005":
		if n >= 2 {
			before := st.all["CASEMAPPING"]
			for _, token := range m.Params[1 : n-1] {
				st.learn(token)
			}
			if before != st.all["CASEMAPPING"] {
				st.refold()
			}
		}
	case "324": // RPL_CHANNELMODEIS
		if ch := st.channels[st.fold(m.param(1))]; ch != nil && n >= 3 {
			ch.modes = nil
			st.change(ch, st.changes(m.Params[2:]))
		}
	case "329": // RPL_CREATIONTIME
		if ch := st.channels[st.fold(m.param(1))]; ch != nil {
			ch.created = unixTime(m.param(2))
		}
	case "331": // RPL_NOTOPIC
		if n >= 2 {
			st.topic(m.Params[1], "", "", time.Time{})
			return &Topic{Meta: meta, Channel: m.Params[1]}, true
		}
	case "332": // RPL_TOPIC
		if n >= 3 {
			st.topic(m.Params[1], m.Params[2], "", time.Time{})
			return &Topic{Meta: meta, Channel: m.Params[1], Topic: m.Params[2]}, true
		}
	case "333": // RPL_TOPICWHOTIME
		if ch := st.channels[st.fold(m.param(1))]; ch != nil {
			by, _, _ := strings.Cut(m.param(2), "!")
			ch.topicBy, ch.topicAt = clone(by), unixTime(m.param(3))
		}
	case "352": // RPL_WHOREPLY
		if n >= 8 {
			_, realname, _ := strings.Cut(m.Params[7], " ")
			st.who(m.Params[1], ircmsg.NUH{Name: m.Params[5], User: m.Params[2], Host: m.Params[3]}, m.Params[6], "", realname)
		}
	case "353": // RPL_NAMREPLY
		if n >= 3 {
			st.collect(m.Params[n-2], m.Params[n-1])
			return nil, true
		}
	case "354": // RPL_WHOSPCRPL
		if n >= 9 && m.Params[1] == whoxToken {
			account := m.Params[7]
			if account == "0" {
				account = "*"
			}
			st.who(m.Params[2], ircmsg.NUH{Name: m.Params[5], User: m.Params[3], Host: m.Params[4]}, m.Params[6], account, m.Params[8])
		}
	case "366": // RPL_ENDOFNAMES
		if n >= 2 {
			return st.collected(m.Params[1]), true
		}
	case "396": // RPL_HOSTHIDDEN
		if n >= 2 {
			user, host, found := strings.Cut(m.Params[1], "@")
			if found {
				st.user = user
			} else {
				host = user
			}
			st.host = host
		}
	case "730", "731": // RPL_MONONLINE, RPL_MONOFFLINE
		if n >= 2 {
			e := &Presence{Online: m.Command == "730"}
			for _, entry := range strings.Split(m.last(), ",") {
				nick, _, _ := strings.Cut(entry, "!")
				e.Nicks = append(e.Nicks, nick)
			}
			return e, true
		}
	case "900": // RPL_LOGGEDIN
		if n >= 3 {
			st.account = clone(m.Params[2])
		}
	case "901": // RPL_LOGGEDOUT
		st.account = ""
	}
	return nil, false
}

// said is the event of a PRIVMSG or a NOTICE.
func (st *state) said(m *message, meta Meta, own bool) Event {
	target, text := m.Params[0], m.Params[1]
	action := false
	if verb, rest, ok := ctcp(text); ok {
		if verb != "ACTION" || m.Command == "NOTICE" {
			return &CTCP{Meta: meta, Nick: m.from.Name, Target: target, Command: verb, Text: rest, Reply: m.Command == "NOTICE"}
		}
		text, action = rest, true
	}
	e := &Message{Meta: meta, Nick: m.from.Name, User: m.from.User, Host: m.from.Host, Target: target, Text: text,
		Channel: st.channelOf(target), Action: action, Own: own}
	if !isPlain(text, st.nick, st.same) {
		e.Spans = Format(text, st.nick, st.same)
	}
	if m.Command == "NOTICE" {
		return (*Notice)(e)
	}
	return e
}

// channelOf is the channel in a target, which may begin with the sign of those
// in it who are meant (STATUSMSG); empty where it is none.
func (st *state) channelOf(target string) string {
	if !st.isChannel(target) && target != "" && strings.IndexByte(st.statusMsg, target[0]) >= 0 {
		target = target[1:]
	}
	if st.isChannel(target) {
		return target
	}
	return ""
}

// tagged is the event of a TAGMSG.
func tagged(m *message, meta Meta, own bool) Event {
	nick, target := m.from.Name, m.Params[0]
	to := meta.Tags.Get("+reply")
	if to == "" {
		to = meta.Tags.Get("+draft/reply")
	}
	for _, name := range []string{"react", "unreact"} {
		for _, tag := range []string{"+draft/" + name, "+" + name} {
			if reaction := meta.Tags.Get(tag); reaction != "" && to != "" {
				return &Reaction{Meta: meta, Nick: nick, Target: target, To: to, Reaction: reaction, Removed: name == "unreact", Own: own}
			}
		}
	}
	switch state := meta.Tags.Get("+typing"); state {
	case "active", "paused", "done":
		return &Typing{Meta: meta, Nick: nick, Target: target, State: state}
	}
	return &TagMsg{Meta: meta, Nick: nick, Target: target, Own: own}
}

func (st *state) joined(m *message, meta Meta, own bool) Event {
	name := m.Params[0]
	e := &Join{Meta: meta, Nick: m.from.Name, Channel: name, User: m.from.User, Host: m.from.Host,
		Account: noStar(m.param(1)), Realname: m.param(2), Own: own}
	if meta.History {
		return e
	}
	key := st.fold(name)
	ch := st.channels[key]
	if ch == nil && own && len(st.channels) < maxChannels {
		ch = &channel{name: clone(name), members: map[string]*member{}}
		st.channels[key] = ch
	}
	if ch == nil {
		return e
	}
	if member := st.enter(ch, m.from); member != nil {
		member.list = ch.list
		if len(m.Params) > 1 {
			member.account, member.realname = clone(m.Params[1]), clone(m.param(2))
		}
	}
	return e
}

func (st *state) topic(channel, topic, by string, at time.Time) {
	if ch := st.channels[st.fold(channel)]; ch != nil {
		ch.topic, ch.topicBy, ch.topicAt = clone(topic), clone(by), at
	}
}

func (st *state) loggedIn(nick, account string) {
	if u := st.users[st.fold(nick)]; u != nil {
		u.account = clone(account)
	}
	if st.same(nick, st.nick) {
		st.account = noStar(clone(account))
	}
}

// who takes in a line of an answer to WHO.
func (st *state) who(channel string, who ircmsg.NUH, flags, account, realname string) {
	var u *user
	if ch := st.channels[st.fold(channel)]; ch == nil {
		u = st.users[st.fold(who.Name)]
	} else {
		m := st.enter(ch, who)
		if m == nil {
			return
		}
		u = m.user
		signs := st.signsIn(flags)
		// Without multi-prefix only the highest is told.
		if len(signs) >= len(m.signs) || st.has("multi-prefix") {
			m.signs = signs
		}
	}
	if u == nil {
		return
	}
	u.away = strings.Contains(flags, "G")
	if bot := st.all["BOT"]; bot != "" {
		u.bot = strings.Contains(flags, bot)
	}
	if account != "" {
		set(&u.account, account)
	}
	set(&u.realname, realname)
}

// changes takes the parameters of a MODE of a channel apart.
func (st *state) changes(params []string) []ModeChange {
	args := params[1:]
	var list []ModeChange
	set := true
	for i := range len(params[0]) {
		mode := params[0][i]
		switch mode {
		case '+', '-':
			set = mode == '+'
			continue
		}
		takes := st.sign(mode) != 0 || strings.IndexByte(st.chanModes[0], mode) >= 0 ||
			strings.IndexByte(st.chanModes[1], mode) >= 0 || set && strings.IndexByte(st.chanModes[2], mode) >= 0
		c := ModeChange{Set: set, Mode: mode}
		if takes && len(args) > 0 {
			c.Arg, args = args[0], args[1:]
		}
		list = append(list, c)
	}
	return list
}

func (st *state) change(ch *channel, list []ModeChange) {
	for _, c := range list {
		if sign := st.sign(c.Mode); sign != 0 {
			if m := ch.members[st.fold(c.Arg)]; m != nil {
				m.signs = st.ranked(m.signs, sign, c.Set)
			}
			continue
		}
		if strings.IndexByte(st.chanModes[0], c.Mode) >= 0 {
			continue // the list is asked for when it is wanted
		}
		kept := ch.modes[:0]
		for _, old := range ch.modes {
			if old.Mode != c.Mode {
				kept = append(kept, old)
			}
		}
		ch.modes = kept
		if c.Set && len(ch.modes) < maxModes {
			c.Arg = clone(c.Arg)
			ch.modes = append(ch.modes, c)
		}
	}
}

// ranked is signs with sign or without it, highest first.
func (st *state) ranked(signs string, sign byte, with bool) string {
	var b []byte
	for i := range len(st.signs) {
		c := st.signs[i]
		if there := strings.IndexByte(signs, c) >= 0; c == sign && with || c != sign && there {
			b = append(b, c)
		}
	}
	return string(b)
}

// welcome learns our own address from the text of 001, where servers of the
// older sort put it.
func (st *state) welcome(text string) {
	nuh, err := ircmsg.ParseNUH(text[strings.LastIndexByte(text, ' ')+1:])
	if err == nil && nuh.User != "" && nuh.Host != "" && st.same(nuh.Name, st.nick) {
		st.user, st.host = nuh.User, nuh.Host
	}
}

func (st *state) collect(channel, list string) {
	key := st.fold(channel)
	ch := st.channels[key]
	if ch != nil && !ch.listing {
		ch.listing = true
		ch.list++
	}
	for list != "" {
		var word string
		if word, list, _ = strings.Cut(list, " "); word == "" {
			continue
		}
		names := st.names[key]
		if names == nil {
			if len(st.names) >= maxChannels {
				return
			}
			names = &Names{Channel: channel}
			if ch != nil { // for as many as it had the last time
				names.Names = make([]Name, 0, min(len(ch.members), maxNames-st.nameCount))
			}
			st.names[key] = names
		}
		signs := 0
		for signs < len(word) && strings.IndexByte(st.signs, word[signs]) >= 0 {
			signs++
		}
		nick := word[signs:]
		name := Name{Prefix: word[:signs], Nick: nick}
		if strings.IndexByte(nick, '!') > 0 {
			if nuh, err := ircmsg.ParseNUH(nick); err == nil {
				name.Nick, name.User, name.Host = nuh.Name, nuh.User, nuh.Host
			}
		}
		if ch != nil {
			if m := st.enter(ch, ircmsg.NUH{Name: name.Nick, User: name.User, Host: name.Host}); m != nil {
				set(&m.signs, name.Prefix)
				m.list = ch.list
			}
		}
		if st.nameCount >= maxNames {
			names.Truncated = true
			continue
		}
		names.Names = append(names.Names, name)
		st.nameCount++
	}
}

func (st *state) collected(channel string) *Names {
	key := st.fold(channel)
	names := st.names[key]
	if ch := st.channels[key]; ch != nil && ch.listing {
		ch.listing, ch.truncated = false, ch.truncated && st.members >= maxMembers
		for _, m := range ch.members {
			if m.list != ch.list && !st.same(m.nick, st.nick) {
				st.exit(ch, m.nick)
			}
		}
	}
	if names == nil {
		return &Names{Channel: channel}
	}
	delete(st.names, key)
	st.nameCount -= len(names.Names)
	return names
}

// signsIn are the signs of rank in a text; most have none.
func (st *state) signsIn(s string) string {
	i := strings.IndexAny(s, st.signs)
	if i < 0 {
		return ""
	}
	var b []byte
	for ; i < len(s); i++ {
		if strings.IndexByte(st.signs, s[i]) >= 0 {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// clone is strings.Clone, which keeps a name from keeping the line that it came
// in. Inlined at each of its places that is 8 KB of code, as a copy of the smallest
// function is a hundred bytes of WebAssembly; others here are kept from being
// inlined for the same reason.
//
//go:noinline
func clone(s string) string { return strings.Clone(s) }

// set is *p = clone(s) for what seldom changes.
func set(p *string, s string) {
	if *p != s {
		*p = clone(s)
	}
}

// noStar is an account, or nothing for "*".
func noStar(account string) string {
	if account == "*" {
		return ""
	}
	return account
}

// unixTime reads seconds since 1970; the zero time where s is no number.
func unixTime(s string) time.Time {
	if len(s) > 9 { // ten digits until the year 2286
		high, ok := digits(s[:len(s)-9])
		low, ok2 := digits(s[len(s)-9:])
		if ok && ok2 && high < 1000 {
			return time.Unix(int64(high)*1e9+int64(low), 0)
		}
		return time.Time{}
	}
	if n, ok := digits(s); ok && n > 0 {
		return time.Unix(int64(n), 0)
	}
	return time.Time{}
}
