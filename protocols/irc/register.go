package irc

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/sasl"
)

// capabilities are those that this package makes use of, or that change
// nothing but add to what events tell; those that are drafts still, by either
// name.
var capabilities = []string{
	"account-notify", "account-tag", "away-notify", "batch", "cap-notify", "chghost", "extended-join", "extended-monitor",
	"invite-notify", "labeled-response", "message-tags", "multi-prefix", "server-time", "setname", "standard-replies",
	"userhost-in-names",
	"account-registration", "chathistory", "event-playback", "message-redaction", "multiline", "read-marker",
}

// wants tells whether the capability is to be asked for. SASL is not among
// them: it is of use during registration only.
func (s *Session) wants(name string) bool {
	o := &s.o
	base := strings.TrimPrefix(name, "draft/")
	switch base {
	case "echo-message":
		// Without a label, an echo can't be told from what we have said on another
		// device, which is news.
		_, labels := s.state.offered["labeled-response"]
		if o.Echo || labels {
			return true
		}
	case "no-implicit-names":
		if o.NoImplicitNames {
			return true
		}
	case "pre-away":
		if o.Away != "" {
			return true
		}
	case "soju.im/bouncer-networks", "soju.im/bouncer-networks-notify":
		if o.Bouncer {
			return true
		}
	}
	return slices.Contains(capabilities, base) || slices.Contains(o.Capabilities, name)
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
// the server has come by since (cap-notify). It tells whether that has changed.
func (s *Session) capNotify(m *message) (changed bool) {
	if m.Command != "CAP" || len(m.Params) < 3 {
		return false
	}
	st := s.state
	verb := strings.ToUpper(m.Params[1])
	var fresh []string
	for _, word := range strings.Fields(m.last()) {
		name, value, _ := strings.Cut(word, "=")
		switch verb {
		case "ACK":
			if gone, ok := strings.CutPrefix(name, "-"); ok {
				delete(st.caps, gone)
			} else if len(st.caps) < maxCaps {
				st.caps[name] = true
			}
			changed = true
		case "DEL":
			delete(st.caps, name)
			delete(st.offered, name)
			changed = true
		case "LS", "NEW":
			if len(st.offered) < maxCaps {
				st.offered[name] = value
			}
			if verb == "NEW" && s.wants(name) && !st.caps[name] && !slices.Contains(fresh, name) {
				fresh = append(fresh, name)
			}
		}
	}
	slices.Sort(fresh)
	if lines := requests(fresh); lines != nil {
		s.sendNow(lines...)
	}
	return changed
}

// registration is the call that Connect makes: CAP, SASL, NICK and USER, until
// the end of the welcome.
type registration struct {
	session  *Session
	refused  map[string]bool // capabilities that were asked for together with others
	pending  int             // CAP REQ lines that are not answered
	nicks    []string
	client   sasl.Client
	first    []byte // SASL's initial response, until it is sent
	buffered []byte // of a challenge in several lines
	verdict  string // what a challenge had to say when SASL failed
	authDone bool
	ended    bool // CAP END was sent, or is not needed
	welcomed bool
	token    string
}

func newRegistration(s *Session) *registration {
	return &registration{session: s, refused: map[string]bool{}, nicks: s.o.AltNicks, token: keepAlive + "-welcome"}
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

func (r *registration) see(m *message, _ Event) (bool, error) {
	switch m.Command {
	case "CAP":
		if len(m.Params) >= 3 {
			return false, r.cap(strings.ToUpper(m.Params[1]), m)
		}
	case "421": // ERR_UNKNOWNCOMMAND: a server without capabilities
		if m.param(1) == "CAP" && r.begun() {
			return false, r.negotiated()
		}
	case "AUTHENTICATE":
		if r.client != nil && !r.authDone {
			return false, r.challenge(m.param(0))
		}
	case "903": // RPL_SASLSUCCESS
		if r.client != nil && !r.authDone {
			if err := sasl.Verify(r.client); err != nil {
				return false, coded.From(err, protocol)
			}
			r.authDone = true
			r.finish()
		}
	case "902", "904", "905", "906", "907":
		if r.client != nil && !r.authDone {
			return false, r.denied(m)
		}
	case "908": // RPL_SASLMECHS
		if r.client != nil && !r.authDone {
			r.verdict = "it offers " + m.param(1)
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
		return false, refusal(closingCode(m, r.welcomed), m)
	case "001": // RPL_WELCOME
		if r.session.o.Auth != nil && !r.authDone {
			return false, noSASL
		}
		r.welcomed = true
		// The answer to this ends the welcome where no MOTD does.
		r.say("PING", r.token)
		if o := &r.session.o; o.Away != "" && !r.session.state.has("pre-away") {
			r.say("AWAY", o.Away)
		}
	case "376", "422": // RPL_ENDOFMOTD, ERR_NOMOTD
		r.session.botMode()
		return r.welcomed, nil
	case "PONG":
		return r.welcomed && m.last() == r.token, nil
	}
	return false, nil
}

// closingCode is what an ERROR means. Some servers, ngIRCd among them, say by
// its text alone that it is about PASS.
func closingCode(m *message, welcomed bool) coded.Code {
	if !welcomed && strings.Contains(strings.ToLower(m.last()), "password") {
		return coded.EAUTH
	}
	return coded.EREJECTED
}

// begun tells whether the server has not answered CAP LS yet.
func (r *registration) begun() bool { return !r.ended && r.pending == 0 && r.client == nil }

func (r *registration) cap(verb string, m *message) error {
	switch verb {
	case "LS":
		if !r.begun() {
			return nil
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
		names := strings.Fields(m.last())
		if verb == "NAK" && len(names) > 1 {
			// The server refuses all for the sake of one.
			for _, name := range names {
				if _, ok := r.session.state.offered[name]; !ok || r.refused[name] {
					continue
				}
				r.refused[name] = true // asks only once more
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
	if err := r.session.strictTransport(r.session.state.offered["sts"]); err != nil {
		return err
	}
	var names []string
	for name := range r.session.state.offered {
		if name == "sts" { // must not be asked for
			continue
		}
		if r.session.wants(name) || name == "sasl" && o.Auth != nil {
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
	offered := strings.Split(strings.ToUpper(r.session.state.offered["sasl"]), ",")
	if offered[0] == "" {
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
	if r.ended {
		return
	}
	r.ended = true
	o, st := &r.session.o, r.session.state
	if o.Away != "" && st.has("pre-away") {
		r.say("AWAY", o.Away)
	}
	if o.BouncerNetwork != "" && st.has("soju.im/bouncer-networks") {
		r.say("BOUNCER", "BIND", o.BouncerNetwork)
	}
	r.say("CAP", "END")
}

// denied is the error of a login that was refused, with what the server has told
// of the reason.
func (r *registration) denied(m *message) error {
	err := refusal(coded.EAUTH, m)
	if r.verdict != "" {
		err.Err = errors.New(r.verdict)
	}
	return err
}

// botMode says that we are a program, where the app wants that and the server
// has a mode for it.
func (s *Session) botMode() {
	mode := s.state.all["BOT"]
	if !s.o.Bot || len(mode) != 1 {
		return
	}
	if l, err := line("MODE", s.state.nick, "+"+mode); err == nil {
		s.sendNow(l)
	}
}

// saslChunk is the most that one AUTHENTICATE may carry
// (ircv3.net/specs/extensions/sasl-3.1); a shorter one is the last.
const (
	saslChunk    = 400
	maxChallenge = 16 << 10
	maxVerdict   = 512 // bytes of a challenge in an error
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
		if e := coded.From(err, protocol); e.Code != coded.UNKNOWN {
			return e
		}
		return coded.New(coded.EAUTH, protocol, "", err)
	} else {
		// OAUTHBEARER tells by a challenge why it refuses (RFC 7628 §3.2.2).
		r.verdict = strings.ToValidUTF8(string(challenge[:min(len(challenge), maxVerdict)]), "")
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
func refusal(code coded.Code, m *message) *coded.Error {
	e := coded.New(code, protocol, m.last(), nil)
	e.Response = m.Command
	if m.Command == "FAIL" {
		e.Response = m.param(1)
	}
	return e
}
