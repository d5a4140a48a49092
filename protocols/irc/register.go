package irc

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/sasl"
)

// capabilities are those that this package makes use of, or that change
// nothing but add to what events tell.
var capabilities = []string{
	"account-tag", "away-notify", "batch", "cap-notify", "chghost", "extended-join", "invite-notify",
	"message-tags", "multi-prefix", "server-time", "setname", "userhost-in-names",
}

// wants tells whether the capability is to be asked for. SASL is not among
// them: it is of use during registration only.
func (o *Options) wants(name string) bool {
	return slices.Contains(capabilities, name) || slices.Contains(o.Capabilities, name)
}

// requests are CAP REQ lines for names, each short enough.
func requests(names []string) [][]byte {
	const room = 400
	var lines [][]byte
	for len(names) > 0 {
		n, size := 1, len(names[0])
		for n < len(names) && size+1+len(names[n]) <= room {
			size += 1 + len(names[n])
			n++
		}
		if l, err := line("CAP", "REQ", strings.Join(names[:n], " ")); err == nil {
			lines = append(lines, l)
		}
		names = names[n:]
	}
	return lines
}

// capNotify follows which capabilities are in force, and asks for those that
// the server has come by since (cap-notify).
func (s *Session) capNotify(m *ircmsg.Message) {
	if m.Command != "CAP" || len(m.Params) < 3 {
		return
	}
	var fresh []string
	for name := range strings.FieldsSeq(last(m)) {
		name, _, _ = strings.Cut(name, "=")
		switch strings.ToUpper(m.Params[1]) {
		case "ACK":
			if gone, ok := strings.CutPrefix(name, "-"); ok {
				delete(s.state.caps, gone)
			} else if len(s.state.caps) < maxCaps {
				s.state.caps[name] = true
			}
		case "DEL":
			delete(s.state.caps, name)
		case "NEW":
			if s.o.wants(name) && !s.state.caps[name] && !slices.Contains(fresh, name) {
				fresh = append(fresh, name)
			}
		}
	}
	if lines := requests(fresh); lines != nil {
		s.sendNow(lines...)
	}
}

// registration is the call that Connect makes: CAP, SASL, NICK and USER, until
// the end of the welcome.
type registration struct {
	session  *Session
	offered  map[string]string
	pending  int // CAP REQ lines that are not answered
	nicks    []string
	client   sasl.Client
	first    []byte // SASL's initial response, until it is sent
	buffered []byte // of a challenge in several lines
	authDone bool
	ended    bool // CAP END was sent, or is not needed
	welcomed bool
	token    string
}

func newRegistration(s *Session) *registration {
	return &registration{session: s, offered: map[string]string{}, nicks: s.o.AltNicks, token: keepAlive + "-welcome"}
}

// begin sends its lines together, lest the answer to the first overtakes the
// rest.
func (r *registration) begin(context.Context) error {
	o := &r.session.o
	commands := [][]string{{"CAP", "LS", "302"}, {"PASS", o.Password}, {"NICK", o.Nick}, {"USER", o.Username, "0", "*", o.Realname}}
	if o.Password == "" {
		commands = slices.Delete(commands, 1, 2)
	}
	var lines [][]byte
	for _, c := range commands {
		l, err := line(c[0], c[1:]...)
		if err != nil {
			return err
		}
		lines = append(lines, l)
	}
	r.session.sendNow(lines...)
	return nil
}

// say sends a line whose parameters are known to be valid, or come from the
// server and are then its own trouble.
func (r *registration) say(command string, params ...string) {
	if l, err := line(command, params...); err == nil {
		r.session.sendNow(l)
	}
}

func (r *registration) see(m *ircmsg.Message, _ Event) (bool, error) {
	switch m.Command {
	case "CAP":
		if len(m.Params) >= 3 {
			return false, r.cap(strings.ToUpper(m.Params[1]), m)
		}
	case "421": // ERR_UNKNOWNCOMMAND: a server without capabilities
		if param(m, 1) == "CAP" && r.begun() {
			return false, r.negotiated()
		}
	case "AUTHENTICATE":
		if r.client != nil && !r.authDone {
			return false, r.challenge(param(m, 0))
		}
	case "903": // RPL_SASLSUCCESS
		if r.client != nil && !r.authDone {
			r.authDone = true
			r.finish()
		}
	case "902", "904", "905", "906", "907":
		if r.client != nil && !r.authDone {
			return false, refusal(coded.EAUTH, m)
		}
	case "432", "433", "436", "437":
		if r.welcomed {
			break
		}
		if len(r.nicks) == 0 {
			return false, refusal(coded.EREJECTED, m)
		}
		r.say("NICK", r.nicks[0])
		r.session.state.nick = r.nicks[0]
		r.nicks = r.nicks[1:]
	case "464": // ERR_PASSWDMISMATCH
		return false, refusal(coded.EAUTH, m)
	case "431", "461", "463", "465", "466", "468":
		if !r.welcomed {
			return false, refusal(coded.EREJECTED, m)
		}
	case "FAIL":
		if r.welcomed || len(m.Params) < 3 {
			break
		}
		code := coded.EREJECTED
		if m.Params[0] == "AUTHENTICATE" || m.Params[0] == "PASS" {
			code = coded.EAUTH
		}
		return false, refusal(code, m)
	case "ERROR":
		return false, refusal(coded.EREJECTED, m)
	case "001": // RPL_WELCOME
		if r.session.o.Auth != nil && !r.authDone {
			return false, noSASL
		}
		r.welcomed = true
		// The answer to this ends the welcome where no MOTD does.
		r.say("PING", r.token)
	case "376", "422": // RPL_ENDOFMOTD, ERR_NOMOTD
		return r.welcomed, nil
	case "PONG":
		return r.welcomed && last(m) == r.token, nil
	}
	return false, nil
}

// begun tells whether the server has not answered CAP LS yet.
func (r *registration) begun() bool { return !r.ended && r.pending == 0 && r.client == nil }

func (r *registration) cap(verb string, m *ircmsg.Message) error {
	switch verb {
	case "LS":
		if !r.begun() {
			return nil
		}
		for word := range strings.FieldsSeq(last(m)) {
			name, value, _ := strings.Cut(word, "=")
			if len(r.offered) < maxCaps {
				r.offered[name] = value
			}
		}
		if len(m.Params) >= 4 && m.Params[2] == "*" {
			return nil // more lines follow
		}
		return r.request()
	case "ACK", "NAK":
		if r.pending == 0 {
			return nil
		}
		r.pending--
		names := strings.Fields(last(m))
		if verb == "NAK" && len(names) > 1 {
			// The server refuses all for the sake of one.
			for _, name := range names {
				if _, ok := r.offered[name]; !ok {
					continue
				}
				delete(r.offered, name) // asks only once more
				r.say("CAP", "REQ", name)
				r.pending++
			}
		}
		if r.pending == 0 {
			return r.negotiated()
		}
	}
	return nil
}

func (r *registration) request() error {
	o := &r.session.o
	var names []string
	for name := range r.offered {
		if o.wants(name) || name == "sasl" && o.Auth != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if o.Auth != nil && !slices.Contains(names, "sasl") {
		return noSASL
	}
	if o.Auth != nil {
		if err := r.choose(); err != nil {
			return err
		}
	}
	lines := requests(names)
	r.pending = len(lines)
	if lines == nil {
		return r.negotiated()
	}
	r.session.sendNow(lines...)
	return nil
}

var noSASL = coded.New(coded.ENOTSUP, protocol, "The server has no SASL to log in with.", nil)

// choose picks the SASL mechanism before sasl's list is lost to a NAK.
func (r *registration) choose() error {
	auth := *r.session.o.Auth
	auth.Host, auth.Port = defaultTo(auth.Host, r.session.o.Host), defaultTo(auth.Port, r.session.o.Port)
	offered := strings.FieldsFunc(strings.ToUpper(r.offered["sasl"]), func(c rune) bool { return c == ',' })
	if len(offered) == 0 {
		// Servers of before CAP 302 do not list their mechanisms; they refuse.
		offered = []string{sasl.OAuthBearer, sasl.Plain}
		if auth.Mechanism != "" {
			offered = []string{auth.Mechanism}
		}
	}
	var err error
	if _, r.client, err = sasl.New(auth, offered); err != nil {
		return coded.From(err, protocol)
	}
	return nil
}

// negotiated goes on once every CAP REQ is answered.
func (r *registration) negotiated() error {
	if r.session.o.Auth == nil {
		r.finish()
		return nil
	}
	if !r.session.state.caps["sasl"] {
		return noSASL
	}
	mechanism, first, err := r.client.Start()
	if err != nil {
		return coded.New(coded.EAUTH, protocol, "", err)
	}
	r.first = first
	r.say("AUTHENTICATE", mechanism)
	return nil
}

func (r *registration) finish() {
	if !r.ended {
		r.ended = true
		r.say("CAP", "END")
	}
}

// saslChunk is the most that one AUTHENTICATE may carry
// (ircv3.net/specs/extensions/sasl-3.1); a shorter one is the last.
const (
	saslChunk    = 400
	maxChallenge = 16 << 10
)

func (r *registration) challenge(chunk string) error {
	if len(chunk) > saslChunk || len(r.buffered)+len(chunk) > maxChallenge {
		return coded.New(coded.ELIMIT, protocol, "The server's SASL challenge is too long.", nil)
	}
	if chunk != "+" {
		r.buffered = append(r.buffered, chunk...)
	}
	if len(chunk) == saslChunk {
		return nil
	}
	challenge, err := base64.StdEncoding.AppendDecode(nil, r.buffered)
	r.buffered = nil
	if err != nil {
		return coded.New(coded.EPROTO, protocol, "", err)
	}
	var response []byte
	if r.first != nil && len(challenge) == 0 {
		response, r.first = r.first, nil
	} else if response, err = r.client.Next(challenge); err != nil {
		r.say("AUTHENTICATE", "*")
		return coded.New(coded.EAUTH, protocol, "", err)
	}
	var lines [][]byte
	rest := base64.StdEncoding.EncodeToString(response)
	for {
		piece := rest[:min(len(rest), saslChunk)]
		rest = rest[len(piece):]
		l, err := line("AUTHENTICATE", defaultTo(piece, "+"))
		if err != nil {
			return err
		}
		lines = append(lines, l)
		if len(piece) < saslChunk {
			break
		}
	}
	r.session.sendNow(lines...)
	return nil
}

// refusal is the error that a numeric, a FAIL or an ERROR stands for.
func refusal(code coded.Code, m *ircmsg.Message) error {
	e := coded.New(code, protocol, last(m), nil)
	e.Response = m.Command
	if m.Command == "FAIL" {
		e.Response = param(m, 1)
	}
	return e
}
