package ircserver

import (
	"slices"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

// commands are those of a registered client; the number is how many
// parameters each needs.
var commands = map[string]struct {
	params int
	run    func(c *client, p []string)
}{
	"JOIN":        {1, (*client).join},
	"PART":        {1, (*client).part},
	"PRIVMSG":     {2, func(c *client, p []string) { c.message(c.says("PRIVMSG", p[:2]...)) }},
	"NOTICE":      {2, func(c *client, p []string) { c.message(c.says("NOTICE", p[:2]...)) }},
	"NAMES":       {1, func(c *client, p []string) { c.names(p[0]) }},
	"TOPIC":       {1, (*client).topic},
	"MODE":        {1, (*client).mode},
	"KICK":        {2, (*client).kick},
	"WHO":         {1, (*client).who},
	"MOTD":        {0, func(c *client, _ []string) { c.motd() }},
	"INVITE":      {2, (*client).invite},
	"SETNAME":     {1, (*client).setName},
	"CHGHOST":     {2, (*client).changeHost},
	"MONITOR":     {1, (*client).monitor},
	"REDACT":      {2, (*client).redact},
	"MARKREAD":    {1, (*client).markRead},
	"CHATHISTORY": {4, (*client).chatHistory},
}

func (c *client) handle(m *ircmsg.Message) {
	p := m.Params
	switch m.Command {
	case "PING":
		if len(p) == 0 {
			c.reply("409", "No origin specified")
			return
		}
		c.send(c.server.o.Name, "PONG", c.server.o.Name, p[0])
		return
	case "PONG":
		return
	case "QUIT":
		reason := "Quit"
		if len(p) > 0 {
			reason = "Quit: " + p[0]
		}
		c.quit(reason)
		return
	case "CAP":
		if len(p) > 0 {
			c.cap(strings.ToUpper(p[0]), p[1:])
		}
		return
	case "AWAY", "REGISTER", "VERIFY", "BOUNCER":
		if c.anytime(m.Command, p) {
			return
		}
	case "NICK":
		if len(p) == 0 {
			c.reply("431", "No nickname given")
			return
		}
		c.setNick(p[0])
		return
	}
	if !c.registered {
		c.register(m.Command, p)
		return
	}
	command, ok := commands[m.Command]
	switch {
	case !ok:
		c.reply("421", m.Command, "Unknown command")
	case len(p) < command.params:
		c.reply("461", m.Command, "Not enough parameters")
	default:
		command.run(c, p)
	}
}

func (c *client) register(command string, p []string) {
	switch {
	case command == "PASS" && len(p) > 0:
		c.pass = p[0]
	case command == "USER" && len(p) >= 4:
		c.user, c.realname = "~"+strings.TrimLeft(p[0], "~"), p[3]
		c.welcome()
	case command == "AUTHENTICATE" && len(p) > 0:
		c.authenticate(p[0])
	case command == "PASS" || command == "USER" || command == "AUTHENTICATE":
		c.reply("461", command, "Not enough parameters")
	default:
		c.reply("451", "You have not registered")
	}
}

func (c *client) setNick(nick string) {
	s := c.server
	if len(nick) > nickLen || strings.ContainsAny(nick, " ,*?!@#.:") || nick == "" || nick[0] >= '0' && nick[0] <= '9' {
		c.reply("432", nick, "Erroneous nickname")
		return
	}
	if other := s.nicks[fold(nick)]; other != nil && other != c {
		c.reply("433", nick, "Nickname is already in use")
		return
	}
	if s.nicks[fold(c.nick)] == c {
		delete(s.nicks, fold(c.nick))
	}
	s.nicks[fold(nick)] = c
	before := c.prefix()
	if !c.registered {
		c.nick = nick
		c.welcome()
		return
	}
	change := c.says("NICK", nick)
	old := c.nick
	c.nick = nick
	change.source = before
	c.tellPeers("", change)
	s.presence(old, nil)
	s.presence(nick, c)
}

// welcome registers c when it has told all there is to tell.
func (c *client) welcome() {
	if c.registered || c.holding || c.nick == "*" || c.user == "" {
		return
	}
	o := &c.server.o
	if o.Password != "" && c.pass != o.Password {
		c.reply("464", "Password incorrect")
		c.quit("Bad password")
		return
	}
	c.registered = true
	c.reply("001", "Welcome to the kaiwire test network, "+c.prefix())
	c.reply("002", "Your host is "+o.Name)
	c.reply("003", "This server lives in memory")
	c.reply("004", o.Name, "kaiwire", "", "ikot")
	c.reply("005", "CASEMAPPING=ascii", "CHANTYPES=#", "PREFIX=(o)@", "NICKLEN=30", "CHANMODES=,k,,i", "NETWORK=kaiwire",
		"BOT=B", "WHOX", "MONITOR=100", "UTF8ONLY", "CHATHISTORY=100", "MSGREFTYPES=msgid,timestamp", "are supported by this server")
	if len(o.ISupport) > 0 {
		c.reply("005", append(slices.Clone(o.ISupport), "are supported by this server")...)
	}
	c.server.presence(c.nick, c)
	c.motd()
}

func (c *client) motd() {
	if len(c.server.o.MOTD) == 0 {
		c.reply("422", "There is no message of the day")
		return
	}
	c.reply("375", "- Message of the day -")
	for _, text := range c.server.o.MOTD {
		c.reply("372", "- "+text)
	}
	c.reply("376", "End of MOTD")
}

func (c *client) join(p []string) {
	s := c.server
	keys := []string{}
	if len(p) > 1 {
		keys = strings.Split(p[1], ",")
	}
	for i, name := range strings.Split(p[0], ",") {
		if len(name) < 2 || name[0] != '#' || len(name) > 50 {
			c.reply("403", name, "No such channel")
			continue
		}
		ch := s.channels[fold(name)]
		switch {
		case ch == nil:
			ch = &channel{name: name, ops: map[*client]bool{c: true}}
			s.channels[fold(name)] = ch
		case slices.Contains(ch.members, c):
			continue
		case ch.inviteOnly:
			c.reply("473", ch.name, "Cannot join channel (+i)")
			continue
		case ch.key != "" && (i >= len(keys) || keys[i] != ch.key):
			c.reply("475", ch.name, "Cannot join channel (+k)")
			continue
		}
		ch.members = append(ch.members, c)
		for _, m := range ch.members {
			e := c.says("JOIN", ch.name)
			if m.caps["extended-join"] {
				account := c.account
				if account == "" {
					account = "*"
				}
				e.params = append(e.params, account, c.realname)
			}
			m.put(e)
			if c.away != "" && m != c && m.caps["away-notify"] {
				m.put(c.says("AWAY", c.away))
			}
		}
		s.keep(fold(ch.name), c.says("JOIN", ch.name))
		if ch.topic != "" {
			c.reply("332", ch.name, ch.topic)
		}
		if c.caps["draft/read-marker"] {
			c.marker(ch.name)
		}
		if !c.caps["draft/no-implicit-names"] {
			c.names(ch.name)
		}
	}
}

// inside returns the channel of that name where c is in it, and complains
// where not.
func (c *client) inside(name string) *channel {
	ch := c.server.channels[fold(name)]
	if ch == nil {
		c.reply("403", name, "No such channel")
	} else if !slices.Contains(ch.members, c) {
		c.reply("442", ch.name, "You're not on that channel")
	} else {
		return ch
	}
	return nil
}

// tell tells everybody in the channel what c does there.
func (c *client) tell(ch *channel, command string, params ...string) {
	e := c.says(command, append([]string{ch.name}, params...)...)
	for _, m := range ch.members {
		m.put(e)
	}
	c.server.keep(fold(ch.name), e)
}

func (c *client) part(p []string) {
	for name := range strings.SplitSeq(p[0], ",") {
		if ch := c.inside(name); ch != nil {
			c.tell(ch, "PART", p[1:]...)
			c.server.remove(fold(name), ch, c)
		}
	}
}

func (c *client) names(name string) {
	if ch := c.server.channels[fold(name)]; ch != nil {
		name = ch.name
		var words []string
		for _, m := range ch.members {
			word := m.nick
			if c.caps["userhost-in-names"] {
				word = m.prefix()
			}
			if ch.ops[m] {
				word = "@" + word
			}
			words = append(words, word)
		}
		for piece := range slices.Chunk(words, 6) {
			c.reply("353", "=", name, strings.Join(piece, " "))
		}
	}
	c.reply("366", name, "End of NAMES list")
}

func (c *client) topic(p []string) {
	ch := c.inside(p[0])
	if ch == nil {
		return
	}
	switch {
	case len(p) > 1:
		ch.topic = p[1]
		c.tell(ch, "TOPIC", ch.topic)
	case ch.topic == "":
		c.reply("331", ch.name, "No topic is set")
	default:
		c.reply("332", ch.name, ch.topic)
	}
}

// mode knows +k, +i and +o of channels, one at a time, and +B of people.
func (c *client) mode(p []string) {
	if fold(p[0]) == fold(c.nick) {
		if len(p) > 1 && (p[1] == "+B" || p[1] == "-B") {
			c.bot = p[1] == "+B"
			c.put(c.says("MODE", c.nick, p[1]))
			return
		}
		c.reply("221", "+")
		return
	}
	ch := c.inside(p[0])
	if ch == nil {
		return
	}
	if len(p) == 1 {
		modes := "+"
		if ch.inviteOnly {
			modes += "i"
		}
		if ch.key != "" {
			modes += "k"
		}
		c.reply("324", ch.name, modes)
		return
	}
	if !ch.ops[c] {
		c.reply("482", ch.name, "You're not a channel operator")
		return
	}
	argument := ""
	if len(p) > 2 {
		argument = p[2]
	}
	switch p[1] {
	case "+i", "-i":
		ch.inviteOnly = p[1] == "+i"
	case "+k", "-k":
		ch.key = ""
		if p[1] == "+k" {
			ch.key = argument
		}
	case "+o", "-o":
		other := c.server.nicks[fold(argument)]
		if other == nil || !slices.Contains(ch.members, other) {
			c.reply("441", argument, ch.name, "They aren't on that channel")
			return
		}
		delete(ch.ops, other)
		if p[1] == "+o" {
			ch.ops[other] = true
		}
	default:
		c.reply("472", p[1], "is an unknown mode to me")
		return
	}
	c.tell(ch, "MODE", p[1:]...)
}

func (c *client) kick(p []string) {
	ch := c.inside(p[0])
	if ch == nil {
		return
	}
	other := c.server.nicks[fold(p[1])]
	switch {
	case !ch.ops[c]:
		c.reply("482", ch.name, "You're not a channel operator")
	case other == nil || !slices.Contains(ch.members, other):
		c.reply("441", p[1], ch.name, "They aren't on that channel")
	default:
		c.tell(ch, "KICK", append([]string{other.nick}, p[2:]...)...)
		c.server.remove(fold(ch.name), ch, other)
	}
}
