package ircserver

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

var offered = []string{"cap-notify", "echo-message", "extended-join", "message-tags", "multi-prefix", "server-time", "userhost-in-names"}

// commands are those of a registered client; the number is how many
// parameters each needs.
var commands = map[string]struct {
	params int
	run    func(c *client, p []string)
}{
	"JOIN":    {1, (*client).join},
	"PART":    {1, (*client).part},
	"PRIVMSG": {2, func(c *client, p []string) { c.message("PRIVMSG", p[0], p[1]) }},
	"NOTICE":  {2, func(c *client, p []string) { c.message("NOTICE", p[0], p[1]) }},
	"NAMES":   {1, func(c *client, p []string) { c.names(p[0]) }},
	"TOPIC":   {1, (*client).topic},
	"MODE":    {1, (*client).mode},
	"KICK":    {2, (*client).kick},
	"WHO":     {1, (*client).who},
	"MOTD":    {0, func(c *client, _ []string) { c.motd() }},
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

func (c *client) cap(verb string, p []string) {
	all := offered
	if len(c.server.o.Accounts) > 0 {
		all = append(slices.Clone(offered), "sasl")
	}
	switch verb {
	case "LS":
		if !c.registered {
			c.holding = true
		}
		if len(p) == 0 || p[0] != "302" {
			c.reply("CAP", "LS", strings.Join(all, " "))
			return
		}
		half := len(all) / 2
		c.send(c.server.o.Name, "CAP", c.nick, "LS", "*", strings.Join(all[:half], " "))
		c.send(c.server.o.Name, "CAP", c.nick, "LS", strings.Replace(strings.Join(all[half:], " "), "sasl", "sasl=PLAIN", 1))
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
		for name := range strings.FieldsSeq(list) {
			if !slices.Contains(all, strings.TrimPrefix(name, "-")) {
				c.send(c.server.o.Name, "CAP", c.nick, "NAK", list)
				return
			}
		}
		for name := range strings.FieldsSeq(list) {
			if off, ok := strings.CutPrefix(name, "-"); ok {
				delete(c.caps, off)
			} else {
				c.caps[name] = true
			}
		}
		c.send(c.server.o.Name, "CAP", c.nick, "ACK", list)
	case "END":
		c.holding = false
		c.welcome()
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

func (c *client) authenticate(chunk string) {
	switch {
	case !c.caps["sasl"]:
		c.reply("904", "SASL authentication failed")
	case chunk == "*":
		c.saslOn = false
		c.reply("906", "SASL authentication aborted")
	case !c.saslOn && strings.ToUpper(chunk) != "PLAIN":
		c.reply("908", "PLAIN", "are available SASL mechanisms")
		c.reply("904", "SASL authentication failed")
	case !c.saslOn:
		c.saslOn, c.sasl = true, ""
		c.send("", "AUTHENTICATE", "+")
	case len(chunk) > 400 || len(c.sasl) > 4096:
		c.saslOn = false
		c.reply("905", "SASL message too long")
	default:
		if chunk != "+" {
			c.sasl += chunk
		}
		if len(chunk) == 400 {
			return
		}
		c.saslOn = false
		b, err := base64.StdEncoding.DecodeString(c.sasl)
		part := strings.Split(string(b), "\x00")
		if err != nil || len(part) != 3 {
			c.reply("904", "SASL authentication failed")
			return
		}
		if pass, ok := c.server.o.Accounts[part[1]]; !ok || pass != part[2] {
			c.reply("904", "Wrong user name or password")
			return
		}
		c.account = part[1]
		c.reply("900", c.nick+"!*@"+host, c.account, "You are now logged in as "+c.account)
		c.reply("903", "SASL authentication successful")
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
	told := map[*client]bool{c: true}
	c.send(before, "NICK", nick)
	c.nick = nick
	for _, ch := range s.channels {
		if slices.Contains(ch.members, c) {
			for _, other := range ch.members {
				if !told[other] {
					told[other] = true
					other.send(before, "NICK", nick)
				}
			}
		}
	}
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
	c.reply("005", "CASEMAPPING=ascii", "CHANTYPES=#", "PREFIX=(o)@", "NICKLEN=30", "CHANMODES=,k,,i", "NETWORK=kaiwire", "are supported by this server")
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
			if !m.caps["extended-join"] {
				m.send(c.prefix(), "JOIN", ch.name)
			} else if c.account == "" {
				m.send(c.prefix(), "JOIN", ch.name, "*", c.realname)
			} else {
				m.send(c.prefix(), "JOIN", ch.name, c.account, c.realname)
			}
		}
		if ch.topic != "" {
			c.reply("332", ch.name, ch.topic)
		}
		c.names(ch.name)
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

func (ch *channel) tell(source, command string, params ...string) {
	for _, m := range ch.members {
		m.send(source, command, append([]string{ch.name}, params...)...)
	}
}

func (c *client) part(p []string) {
	for name := range strings.SplitSeq(p[0], ",") {
		if ch := c.inside(name); ch != nil {
			ch.tell(c.prefix(), "PART", p[1:]...)
			c.server.remove(fold(name), ch, c)
		}
	}
}

func (c *client) message(command, target, text string) {
	s := c.server
	if ch := s.channels[fold(target)]; ch != nil {
		if !slices.Contains(ch.members, c) {
			if command == "PRIVMSG" {
				c.reply("404", ch.name, "Cannot send to channel")
			}
			return
		}
		for _, m := range ch.members {
			if m != c || c.caps["echo-message"] {
				m.send(c.prefix(), command, ch.name, text)
			}
		}
		return
	}
	other := s.nicks[fold(target)]
	if other == nil || !other.registered {
		if command == "PRIVMSG" {
			c.reply("401", target, "No such nick/channel")
		}
		return
	}
	other.send(c.prefix(), command, other.nick, text)
	if c.caps["echo-message"] && other != c {
		c.send(c.prefix(), command, other.nick, text)
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
		ch.tell(c.prefix(), "TOPIC", ch.topic)
	case ch.topic == "":
		c.reply("331", ch.name, "No topic is set")
	default:
		c.reply("332", ch.name, ch.topic)
	}
}

// mode knows +k, +i and +o of channels, one at a time.
func (c *client) mode(p []string) {
	if fold(p[0]) == fold(c.nick) {
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
	ch.tell(c.prefix(), "MODE", p[1:]...)
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
		ch.tell(c.prefix(), "KICK", append([]string{other.nick}, p[2:]...)...)
		c.server.remove(fold(ch.name), ch, other)
	}
}

func (c *client) who(p []string) {
	if ch := c.server.channels[fold(p[0])]; ch != nil {
		for _, m := range ch.members {
			c.reply("352", ch.name, m.user, host, c.server.o.Name, m.nick, "H", "0 "+m.realname)
		}
	}
	c.reply("315", p[0], "End of WHO list")
}
