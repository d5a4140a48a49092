package ircserver

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

// offered are the capabilities, with their values.
var offered = []string{
	"account-notify", "account-tag", "away-notify", "batch", "cap-notify", "chghost", "draft/account-registration=custom-account-name",
	"draft/chathistory", "draft/event-playback", "draft/message-redaction", "draft/multiline=max-bytes=4096,max-lines=20",
	"draft/no-implicit-names", "draft/pre-away", "draft/read-marker", "echo-message", "extended-join", "extended-monitor",
	"invite-notify", "labeled-response", "message-tags", "multi-prefix", "server-time", "setname", "standard-replies", "userhost-in-names",
}

// entry is a line, as it is sent and as history keeps it.
type entry struct {
	source, command string
	params          []string
	account, id     string
	bot             bool
	at              time.Time
	tags            map[string]string // client-only ones, and batch and label
	lines           []*entry          // of a multiline batch, whose target is params[0]
}

// says is a line of c's own.
func (c *client) says(command string, params ...string) *entry {
	c.server.serial++
	return &entry{source: c.prefix(), command: command, params: params, account: c.account, bot: c.bot,
		id: "m" + strconv.Itoa(c.server.serial), at: time.Now()}
}

// with is the entry with one more tag.
func (e *entry) with(name, value string) *entry {
	copied := *e
	copied.tags = map[string]string{name: value}
	for k, v := range e.tags {
		if k != name {
			copied.tags[k] = v
		}
	}
	return &copied
}

// put queues an entry for c as far as its capabilities allow.
func (c *client) put(e *entry) {
	if c.conn == nil || c.leaving {
		return
	}
	if e.lines != nil {
		c.putLines(e)
		return
	}
	if c.label != "" {
		c.answer = append(c.answer, e)
		return
	}
	m := ircmsg.MakeMessage(nil, e.source, e.command, e.params...)
	if c.caps["server-time"] {
		at := e.at
		if at.IsZero() {
			at = time.Now()
		}
		m.SetTag("time", at.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	if c.caps["account-tag"] && e.account != "" {
		m.SetTag("account", e.account)
	}
	if c.caps["message-tags"] {
		if e.id != "" {
			m.SetTag("msgid", e.id)
		}
		if e.bot {
			m.SetTag("bot", "")
		}
	}
	for name, value := range e.tags {
		if name[0] != '+' || c.caps["message-tags"] {
			m.SetTag(name, value)
		}
	}
	if e.command == "TAGMSG" && !c.caps["message-tags"] {
		return
	}
	b, err := m.LineBytesStrict(false, maxLine)
	if err != nil && !errors.Is(err, ircmsg.ErrorBodyTooLong) {
		return
	}
	select {
	case c.out <- b:
	default:
		c.conn.Close()
	}
}

// putLines sends a message of several lines, in a batch where c knows that.
func (c *client) putLines(e *entry) {
	if !c.caps["draft/multiline"] || !c.caps["batch"] {
		for i, l := range e.lines {
			one := *l
			one.source, one.account, one.at, one.tags = e.source, e.account, e.at, e.tags
			if i == 0 {
				one.id = e.id
			}
			c.put(&one)
		}
		return
	}
	ref := c.server.reference()
	begin := *e
	begin.command, begin.params, begin.lines = "BATCH", []string{"+" + ref, "draft/multiline", e.params[0]}, nil
	c.put(&begin)
	for _, l := range e.lines {
		one := l.with("batch", ref)
		one.source = e.source
		c.put(one)
	}
	c.put(&entry{source: c.server.o.Name, command: "BATCH", params: []string{"-" + ref}})
}

func (s *Server) reference() string {
	s.serial++
	return "b" + strconv.Itoa(s.serial)
}

// serve handles a command and labels the answer to it.
func (c *client) serve(m *ircmsg.Message) {
	_, batch := m.GetTag("batch")
	if open := c.batches[batch]; open != nil && (m.Command == "PRIVMSG" || m.Command == "NOTICE") && len(m.Params) > 1 {
		l := &entry{command: m.Command, params: m.Params}
		if m.HasTag("draft/multiline-concat") {
			l.tags = map[string]string{"draft/multiline-concat": ""}
		}
		open.lines = append(open.lines, l)
		return
	}
	if c.registered && c.caps["labeled-response"] {
		_, c.label = m.GetTag("label")
	}
	switch {
	case m.Command == "BATCH" && c.registered:
		c.batch(m)
	case m.Command == "TAGMSG" && c.registered && len(m.Params) > 0 || (m.Command == "PRIVMSG" || m.Command == "NOTICE") && c.registered && len(m.Params) > 1:
		e := c.says(m.Command, m.Params...)
		e.tags = m.ClientOnlyTags()
		if e.tags == nil {
			e.tags = map[string]string{}
		}
		c.message(e)
	default:
		c.handle(m)
	}
	label, answer := c.label, c.answer
	c.label, c.answer = "", nil
	if label == "" {
		return
	}
	name := c.server.o.Name
	switch {
	case len(answer) == 0:
		c.put((&entry{source: name, command: "ACK"}).with("label", label))
	case len(answer) == 1 || answer[0].command == "BATCH" && answer[0].params[1] == "draft/multiline":
		c.put(answer[0].with("label", label))
		for _, e := range answer[1:] {
			c.put(e)
		}
	default:
		ref := c.server.reference()
		c.put((&entry{source: name, command: "BATCH", params: []string{"+" + ref, "labeled-response"}}).with("label", label))
		for _, e := range answer {
			if _, nested := e.tags["batch"]; !nested && !(e.command == "BATCH" && e.params[0][0] == '-') {
				e = e.with("batch", ref)
			}
			c.put(e)
		}
		c.put(&entry{source: name, command: "BATCH", params: []string{"-" + ref}})
	}
}

// batch opens and closes multiline batches.
func (c *client) batch(m *ircmsg.Message) {
	p := m.Params
	switch {
	case len(p) >= 3 && p[0][0] == '+' && p[1] == "draft/multiline" && len(c.batches) == 0:
		e := c.says("PRIVMSG", p[2])
		e.tags = map[string]string{}
		for name, value := range m.ClientOnlyTags() {
			e.tags[name] = value
		}
		if c.label != "" {
			e.tags["label"], c.label = c.label, "" // the answer comes with the end
		}
		c.batches[p[0][1:]] = e
	case len(p) == 1 && p[0][0] == '-' && c.batches[p[0][1:]] != nil:
		e := c.batches[p[0][1:]]
		delete(c.batches, p[0][1:])
		c.label = e.tags["label"]
		delete(e.tags, "label")
		if len(e.lines) == 0 || len(e.lines) > 20 {
			c.fail("BATCH", "MULTILINE_INVALID", "That is no message")
			return
		}
		c.message(e)
	}
}

func (c *client) fail(command, code string, words ...string) {
	c.send(c.server.o.Name, "FAIL", append([]string{command, code}, words...)...)
}

// message passes on what c says to its target, params[0].
func (c *client) message(e *entry) {
	s, target := c.server, e.params[0]
	if ch := s.channels[fold(target)]; ch != nil {
		if !slices.Contains(ch.members, c) {
			if e.command == "PRIVMSG" {
				c.reply("404", ch.name, "Cannot send to channel")
			}
			return
		}
		e.params[0] = ch.name
		for _, m := range ch.members {
			if m != c || c.caps["echo-message"] {
				m.put(e)
			}
		}
		s.keep(fold(ch.name), e)
		return
	}
	other := s.nicks[fold(target)]
	if other == nil || !other.registered {
		if e.command == "PRIVMSG" {
			c.reply("401", target, "No such nick/channel")
		}
		return
	}
	e.params[0] = other.nick
	other.put(e)
	if c.caps["echo-message"] && other != c {
		c.put(e)
	}
	if other.away != "" && e.command == "PRIVMSG" {
		c.reply("301", other.nick, other.away)
	}
	s.keep(private(c.nick, other.nick), e)
}

// private is the key of two people's history.
func private(a, b string) string {
	a, b = fold(a), fold(b)
	return min(a, b) + " " + max(a, b)
}

// kept is how many entries of each target history has.
const kept = 500

func (s *Server) keep(key string, e *entry) {
	s.history[key] = append(s.history[key], e)
	if list := s.history[key]; len(list) > kept {
		s.history[key] = list[len(list)-kept:]
	}
}

// tellPeers tells c and everybody in a channel with it, as far as they have the
// capability; an empty one is everybody's.
func (c *client) tellPeers(capability string, e *entry) {
	told := map[*client]bool{}
	tell := func(m *client) {
		if !told[m] && (capability == "" || m.caps[capability]) {
			m.put(e)
		}
		told[m] = true
	}
	tell(c)
	for _, ch := range c.server.channels {
		if slices.Contains(ch.members, c) {
			for _, m := range ch.members {
				tell(m)
			}
		}
	}
	for _, m := range c.server.nicks {
		if m.monitors[fold(c.nick)] && m.caps["extended-monitor"] {
			tell(m)
		}
	}
}

func (c *client) capabilities() []string {
	all := slices.DeleteFunc(slices.Clone(offered), func(o string) bool {
		name, _, _ := strings.Cut(o, "=")
		return slices.Contains(c.server.o.Without, name)
	})
	if len(c.server.o.Accounts)+len(c.server.o.Tokens) > 0 {
		all = append(all, "sasl="+strings.Join(c.server.mechanisms(), ","))
	}
	if c.server.o.STS != "" {
		all = append(all, "sts="+c.server.o.STS)
	}
	if c.server.o.Networks != nil {
		all = append(all, "soju.im/bouncer-networks", "soju.im/bouncer-networks-notify")
	}
	return all
}

func (s *Server) mechanisms() []string {
	if len(s.o.Tokens) > 0 {
		return []string{"PLAIN", "SCRAM-SHA-256", "OAUTHBEARER", "EXTERNAL"}
	}
	return []string{"PLAIN", "SCRAM-SHA-256", "EXTERNAL"}
}

func (c *client) cap(verb string, p []string) {
	name := func(offer string) string { n, _, _ := strings.Cut(offer, "="); return n }
	all := c.capabilities()
	switch verb {
	case "LS":
		if !c.registered {
			c.holding = true
		}
		if len(p) == 0 || p[0] != "302" {
			var names []string
			for _, offer := range all {
				names = append(names, name(offer))
			}
			c.reply("CAP", "LS", strings.Join(names, " "))
			return
		}
		half := len(all) / 2
		c.send(c.server.o.Name, "CAP", c.nick, "LS", "*", strings.Join(all[:half], " "))
		c.send(c.server.o.Name, "CAP", c.nick, "LS", strings.Join(all[half:], " "))
	case "LIST":
		var on []string
		for name := range c.caps {
			on = append(on, name)
		}
		slices.Sort(on)
		c.send(c.server.o.Name, "CAP", c.nick, "LIST", strings.Join(on, " "))
	case "REQ":
		if !c.registered {
			c.holding = true
		}
		list := strings.Join(p, " ")
		for word := range strings.FieldsSeq(list) {
			if !slices.ContainsFunc(all, func(offer string) bool { return name(offer) == strings.TrimPrefix(word, "-") }) {
				c.send(c.server.o.Name, "CAP", c.nick, "NAK", list)
				return
			}
		}
		for word := range strings.FieldsSeq(list) {
			if off, ok := strings.CutPrefix(word, "-"); ok {
				delete(c.caps, off)
			} else {
				c.caps[word] = true
			}
		}
		c.send(c.server.o.Name, "CAP", c.nick, "ACK", list)
	case "END":
		c.holding = false
		c.welcome()
	}
}

func (c *client) authenticate(chunk string) {
	switch {
	case !c.caps["sasl"]:
		c.reply("904", "SASL authentication failed")
	case chunk == "*":
		c.saslOn, c.scram = "", nil
		c.reply("906", "SASL authentication aborted")
	case c.saslOn == "" && !slices.Contains(c.server.mechanisms(), strings.ToUpper(chunk)):
		c.reply("908", strings.Join(c.server.mechanisms(), ","), "are available SASL mechanisms")
		c.reply("904", "SASL authentication failed")
	case c.saslOn == "":
		c.saslOn, c.sasl = strings.ToUpper(chunk), ""
		c.send("", "AUTHENTICATE", "+")
	case len(chunk) > 400 || len(c.sasl) > 4096:
		c.saslOn = ""
		c.reply("905", "SASL message too long")
	default:
		if chunk != "+" {
			c.sasl += chunk
		}
		if len(chunk) == 400 {
			return
		}
		b, err := base64.StdEncoding.DecodeString(c.sasl)
		c.sasl = ""
		if err != nil {
			c.saslOn = ""
			c.reply("904", "SASL authentication failed")
			return
		}
		c.response(string(b))
	}
}

// response takes a whole response of a mechanism in.
func (c *client) response(text string) {
	s := c.server
	account, ok := "", false
	switch c.saslOn {
	case "PLAIN":
		if part := strings.Split(text, "\x00"); len(part) == 3 {
			var pass string
			pass, ok = s.accounts[part[1]]
			account, ok = part[1], ok && pass == part[2]
		}
	case "EXTERNAL":
		// As if the connection carried a certificate of whoever it says that it is.
		account, ok = text, s.accounts[text] != ""
	case "OAUTHBEARER":
		if text == "\x01" { // the client has read why
			break
		}
		_, token, _ := strings.Cut(text, "auth=Bearer ")
		token, _, _ = strings.Cut(token, "\x01")
		if account = s.o.Tokens[token]; account == "" {
			c.challenge(`{"status":"invalid_token"}`)
			return
		}
		ok = true
	case "SCRAM-SHA-256":
		if c.scram == nil {
			c.scram = &scram{passwords: s.accounts}
		}
		challenge, done := c.scram.next(text)
		if challenge != "" {
			c.challenge(challenge)
			return
		}
		account, ok = c.scram.user, done
	}
	c.saslOn, c.scram = "", nil
	if !ok {
		c.reply("904", "Wrong user name or password")
		return
	}
	c.login(account)
	c.reply("903", "SASL authentication successful")
}

func (c *client) challenge(text string) {
	b := base64.StdEncoding.EncodeToString([]byte(text))
	for len(b) >= 400 {
		c.send("", "AUTHENTICATE", b[:400])
		b = b[400:]
	}
	if b == "" {
		b = "+"
	}
	c.send("", "AUTHENTICATE", b)
}

func (c *client) login(account string) {
	c.account = account
	c.reply("900", c.prefix(), account, "You are now logged in as "+account)
	if c.registered {
		c.tellPeers("account-notify", c.says("ACCOUNT", account))
	}
}

// anytime serves commands that are allowed before the welcome as well. It tells
// whether it did.
func (c *client) anytime(command string, p []string) bool {
	s := c.server
	switch {
	case command == "AWAY" && (c.registered || c.caps["draft/pre-away"]):
		c.away = ""
		if len(p) > 0 {
			c.away = p[0]
		}
		if !c.registered {
			return true
		}
		e := c.says("AWAY")
		if c.away != "" {
			e.params = []string{c.away}
			c.reply("306", "You have been marked as being away")
		} else {
			c.reply("305", "You are no longer marked as being away")
		}
		c.tellPeers("away-notify", e)
	case command == "REGISTER" && len(p) >= 3 && c.registered:
		account := p[0]
		if account == "*" {
			account = c.nick
		}
		switch {
		case s.accounts[account] != "":
			c.fail("REGISTER", "ACCOUNT_EXISTS", account, "That account is taken")
		case len(p[2]) < 6:
			c.fail("REGISTER", "WEAK_PASSWORD", account, "At least six characters")
		case s.o.Code != "":
			s.pending[account] = p[2]
			c.send(s.o.Name, "REGISTER", "VERIFICATION_REQUIRED", account, "The code is on its way")
		default:
			s.accounts[account] = p[2]
			c.send(s.o.Name, "REGISTER", "SUCCESS", account, "Welcome")
			c.login(account)
		}
	case command == "VERIFY" && len(p) >= 2 && c.registered:
		if s.pending[p[0]] == "" || p[1] != s.o.Code {
			c.fail("VERIFY", "INVALID_CODE", p[0], "That is not the code")
			return true
		}
		s.accounts[p[0]] = s.pending[p[0]]
		delete(s.pending, p[0])
		c.send(s.o.Name, "VERIFY", "SUCCESS", p[0], "Welcome")
		c.login(p[0])
	case command == "BOUNCER" && len(p) >= 1 && s.o.Networks != nil:
		c.bouncer(p)
	default:
		return false
	}
	return true
}

func (c *client) bouncer(p []string) {
	s := c.server
	switch strings.ToUpper(p[0]) {
	case "BIND":
		if len(p) < 2 || s.o.Networks[p[1]] == "" {
			c.fail("BOUNCER", "INVALID_NETID", "BIND", "There is no such network")
			return
		}
		c.network = p[1]
	case "LISTNETWORKS":
		ref := s.reference()
		c.send(s.o.Name, "BATCH", "+"+ref, "soju.im/bouncer-networks")
		ids := []string{}
		for id := range s.o.Networks {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			c.put((&entry{source: s.o.Name, command: "BOUNCER", params: []string{"NETWORK", id, s.o.Networks[id]}}).with("batch", ref))
		}
		c.send(s.o.Name, "BATCH", "-"+ref)
	case "CHANGENETWORK":
		if len(p) < 3 || s.o.Networks[p[1]] == "" {
			c.fail("BOUNCER", "INVALID_NETID", "CHANGENETWORK", "There is no such network")
			return
		}
		s.o.Networks[p[1]] = p[2]
		c.send(s.o.Name, "BOUNCER", "CHANGENETWORK", p[1])
		for _, m := range s.nicks {
			if m.caps["soju.im/bouncer-networks-notify"] {
				m.send(s.o.Name, "BOUNCER", "NETWORK", p[1], p[2])
			}
		}
	}
}

func (c *client) invite(p []string) {
	other, ch := c.server.nicks[fold(p[0])], c.inside(p[1])
	switch {
	case ch == nil:
	case other == nil:
		c.reply("401", p[0], "No such nick/channel")
	default:
		e := c.says("INVITE", other.nick, ch.name)
		c.reply("341", other.nick, ch.name)
		other.put(e)
		for _, m := range ch.members {
			if m != c && m.caps["invite-notify"] {
				m.put(e)
			}
		}
	}
}

func (c *client) setName(p []string) {
	c.realname = p[0]
	c.tellPeers("setname", c.says("SETNAME", p[0]))
}

// changeHost is for tests: services do that elsewhere.
func (c *client) changeHost(p []string) {
	e := c.says("CHGHOST", p[0], p[1])
	c.user, c.hostname = p[0], p[1]
	c.tellPeers("chghost", e)
}

// most is how many people one may monitor.
const most = 100

func (c *client) monitor(p []string) {
	list := ""
	if len(p) > 1 {
		list = p[1]
	}
	for nick := range strings.SplitSeq(list, ",") {
		switch {
		case nick == "":
		case p[0] == "-":
			delete(c.monitors, fold(nick))
		case p[0] == "+" && len(c.monitors) >= most:
			c.reply("734", strconv.Itoa(most), nick, "Monitor list is full.")
		case p[0] == "+":
			c.monitors[fold(nick)] = true
			if other := c.server.nicks[fold(nick)]; other != nil && other.registered {
				c.reply("730", other.prefix())
			} else {
				c.reply("731", nick)
			}
		}
	}
}

// presence tells whoever monitors nick that it is c now, or nobody.
func (s *Server) presence(nick string, c *client) {
	for _, m := range s.nicks {
		if m.monitors[fold(nick)] {
			if c != nil {
				m.reply("730", c.prefix())
			} else {
				m.reply("731", nick)
			}
		}
	}
}

// keyOf is under what the history of a target is kept for c; empty where it may
// not see it.
func (c *client) keyOf(target string) string {
	if ch := c.server.channels[fold(target)]; ch != nil {
		if !slices.Contains(ch.members, c) {
			return ""
		}
		return fold(ch.name)
	}
	return private(c.nick, target)
}

func (c *client) redact(p []string) {
	s, key := c.server, c.keyOf(p[0])
	list := s.history[key]
	i := slices.IndexFunc(list, func(e *entry) bool { return e.id == p[1] && (e.command == "PRIVMSG" || e.command == "NOTICE") })
	switch {
	case key == "":
		c.fail("REDACT", "INVALID_TARGET", p[0], "You can't see that")
	case i < 0:
		c.fail("REDACT", "UNKNOWN_MSGID", p[0], p[1], "There is no such message")
	case list[i].source != c.prefix():
		c.fail("REDACT", "REDACT_FORBIDDEN", p[0], p[1], "That is not yours")
	default:
		s.history[key] = slices.Delete(list, i, i+1)
		e := c.says("REDACT", p...)
		if ch := s.channels[fold(p[0])]; ch != nil {
			for _, m := range ch.members {
				if m.caps["draft/message-redaction"] {
					m.put(e)
				}
			}
			return
		}
		c.put(e)
		if other := s.nicks[fold(p[0])]; other != nil && other.caps["draft/message-redaction"] {
			other.put(e)
		}
	}
}

func (c *client) markRead(p []string) {
	key := fold(c.nick) + " " + fold(p[0])
	if len(p) > 1 {
		if !strings.HasPrefix(p[1], "timestamp=") {
			c.fail("MARKREAD", "INVALID_PARAMS", p[0], "That is no time")
			return
		}
		c.server.markers[key] = max(c.server.markers[key], p[1])
	}
	c.marker(p[0])
}

func (c *client) marker(target string) {
	at := c.server.markers[fold(c.nick)+" "+fold(target)]
	if at == "" {
		at = "*"
	}
	c.send(c.server.o.Name, "MARKREAD", target, at)
}

func (c *client) chatHistory(p []string) {
	s := c.server
	limit, err := strconv.Atoi(p[len(p)-1])
	if err != nil || limit < 1 || limit > 100 {
		c.fail("CHATHISTORY", "INVALID_PARAMS", p[0], "That is no limit")
		return
	}
	if p[0] == "TARGETS" {
		c.historyTargets(p[1], p[2], limit)
		return
	}
	key := c.keyOf(p[1])
	if key == "" {
		c.fail("CHATHISTORY", "INVALID_TARGET", p[0], p[1], "You can't see that")
		return
	}
	var list []*entry
	for _, e := range s.history[key] {
		said := e.command == "PRIVMSG" || e.command == "NOTICE" || e.command == "TAGMSG" && c.caps["message-tags"]
		if said || c.caps["draft/event-playback"] {
			list = append(list, e)
		}
	}
	// at is the place in the list that a reference stands for.
	at := func(ref string) (int, bool) {
		kind, value, _ := strings.Cut(ref, "=")
		i := -1
		if kind == "msgid" {
			i = slices.IndexFunc(list, func(e *entry) bool { return e.id == value })
		} else {
			i = slices.IndexFunc(list, func(e *entry) bool { return stamp(e) >= value })
			if i < 0 {
				i = len(list)
			}
		}
		return i, i >= 0
	}
	from, to, ok := 0, len(list), true
	switch p[0] {
	case "LATEST":
		if p[2] != "*" {
			if from, ok = at(p[2]); ok && from < len(list) {
				from++
			}
		}
		from = max(from, to-limit)
	case "BEFORE":
		to, ok = at(p[2])
		from = max(0, to-limit)
	case "AFTER":
		if from, ok = at(p[2]); ok {
			from = min(from+1, to)
			to = min(to, from+limit)
		}
	case "AROUND":
		middle, found := at(p[2])
		ok = found
		from = max(0, middle-limit/2)
		to = min(len(list), from+limit)
	case "BETWEEN":
		if from, ok = at(p[2]); ok {
			from = min(from+1, to)
			to, ok = at(p[3])
			to = max(from, min(to, from+limit))
		}
	}
	if !ok {
		c.fail("CHATHISTORY", "MESSAGE_ERROR", p[0], p[1], "There is no such message")
		return
	}
	ref := s.reference()
	c.send(s.o.Name, "BATCH", "+"+ref, "chathistory", p[1])
	for _, e := range list[from:to] {
		c.put(e.with("batch", ref))
	}
	c.send(s.o.Name, "BATCH", "-"+ref)
}

func stamp(e *entry) string { return e.at.UTC().Format("2006-01-02T15:04:05.000Z") }

func (c *client) historyTargets(a, b string, limit int) {
	s := c.server
	a, b = strings.TrimPrefix(a, "timestamp="), strings.TrimPrefix(b, "timestamp=")
	ref := s.reference()
	c.send(s.o.Name, "BATCH", "+"+ref, "draft/chathistory-targets")
	keys := []string{}
	for key := range s.history {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		last := stamp(s.history[key][len(s.history[key])-1])
		name := key
		if one, other, ok := strings.Cut(key, " "); ok {
			if name = one; one == fold(c.nick) {
				name = other
			}
			if one != fold(c.nick) && other != fold(c.nick) {
				continue
			}
		} else if ch := s.channels[key]; ch == nil || !slices.Contains(ch.members, c) {
			continue
		}
		if limit > 0 && min(a, b) <= last && last <= max(a, b) {
			c.put((&entry{source: s.o.Name, command: "CHATHISTORY", params: []string{"TARGETS", name, last}}).with("batch", ref))
			limit--
		}
	}
	c.send(s.o.Name, "BATCH", "-"+ref)
}

// who answers WHO of a channel or a nickname, by the fields that are asked for
// where that is "%tcuhnfar,token" (WHOX).
func (c *client) who(p []string) {
	s := c.server
	members, name := []*client(nil), "*"
	if ch := s.channels[fold(p[0])]; ch != nil {
		members, name = ch.members, ch.name
	} else if other := s.nicks[fold(p[0])]; other != nil {
		members = []*client{other}
	}
	for _, m := range members {
		flags := "H"
		if m.away != "" {
			flags = "G"
		}
		if m.bot {
			flags += "B"
		}
		if ch := s.channels[fold(p[0])]; ch != nil && ch.ops[m] {
			flags += "@"
		}
		if len(p) > 1 && strings.HasPrefix(p[1], "%tcuhnfar,") {
			account := m.account
			if account == "" {
				account = "0"
			}
			c.reply("354", strings.TrimPrefix(p[1], "%tcuhnfar,"), name, m.user, m.hostname, m.nick, flags, account, m.realname)
		} else {
			c.reply("352", name, m.user, m.hostname, s.o.Name, m.nick, flags, "0 "+m.realname)
		}
	}
	c.reply("315", p[0], "End of WHO list")
}

// Split breaks the network in two for those of the given nicknames: everybody
// else sees them quit, in a batch where that is understood.
func (s *Server) Split(near, far string, nicks ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := map[*client]bool{}
	for _, nick := range nicks {
		if c := s.nicks[fold(nick)]; c != nil {
			gone[c] = true
		}
	}
	for _, m := range s.nicks {
		if gone[m] || m.conn == nil {
			continue
		}
		ref := s.reference()
		if m.caps["batch"] {
			m.send(s.o.Name, "BATCH", "+"+ref, "netsplit", near, far)
		}
		for c := range gone {
			e := c.says("QUIT", near+" "+far)
			if m.caps["batch"] {
				e = e.with("batch", ref)
			}
			m.put(e)
		}
		if m.caps["batch"] {
			m.send(s.o.Name, "BATCH", "-"+ref)
		}
	}
	for c := range gone {
		for key, ch := range s.channels {
			if slices.Contains(ch.members, c) {
				s.remove(key, ch, c)
			}
		}
		delete(s.nicks, fold(c.nick))
		c.conn.Close()
	}
}

// Drop breaks the connection of nick without a word.
func (s *Server) Drop(nick string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.nicks[fold(nick)]; c != nil && c.conn != nil {
		c.conn.Close()
	}
}
