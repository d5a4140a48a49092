package imap

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/sasl"
)

// maxReplies bounds the untagged responses before the login is done.
const maxReplies = 1000

// handshake takes a connection from the greeting to the login. It is written
// by hand so that nothing has been read ahead when TLS begins, and so that the
// engine starts with a user logged in.
type handshake struct {
	ctx  context.Context
	o    Options
	w    *wire
	tag  int
	caps []string // nil: not known
	seen int      // untagged responses
}

// reply is a tagged response, or a continuation request.
type reply struct {
	status string // OK, NO, BAD; "+" for a continuation request
	code   string
	text   string
}

func (h *handshake) run() error {
	preauth, err := h.greeting()
	if err != nil {
		return err
	}
	if h.o.Security == dial.STARTTLS {
		if preauth {
			return newError(coded.ETLS, "", errors.New("imap: PREAUTH on a connection that is not secured"))
		}
		if err := h.startTLS(); err != nil {
			return err
		}
	}
	if err := h.capability(); err != nil || preauth {
		return err
	}
	return h.login()
}

func (h *handshake) greeting() (preauth bool, err error) {
	line, err := h.readLine()
	if err != nil {
		return false, err
	}
	rest, ok := strings.CutPrefix(line, "* ")
	if !ok {
		return false, garbage(line)
	}
	status, rest, _ := strings.Cut(rest, " ")
	code, args, text := parseStatus(rest)
	h.note(code, args, text)
	switch strings.ToUpper(status) {
	case "OK":
		return false, nil
	case "PREAUTH":
		return true, nil
	case "BYE":
		return false, byeError(code, text)
	}
	return false, garbage(line)
}

func garbage(line string) error {
	return newError(coded.EPROTO, "", errors.New("imap: unexpected "+strconv.Quote(line[:min(len(line), 60)])))
}

func (h *handshake) readLine() (string, error) {
	line, err := h.w.readLine(h.o.Limits.Line)
	if err != nil {
		return "", err
	}
	return string(bytes.TrimRight(line, "\r\n")), nil
}

// note keeps what a status response tells besides its status.
func (h *handshake) note(code, args, text string) {
	switch {
	case code == "CAPABILITY":
		h.caps = strings.Fields(args)
	case code == "ALERT" && h.o.Handler.Alert != nil:
		h.o.Handler.Alert(clean(text))
	}
}

func (h *handshake) send(line string) error {
	_, err := io.WriteString(h.w.Conn, line+"\r\n")
	return err
}

// command sends a command and reads up to its end or to a continuation
// request. The tags differ from the engine's, which are T1, T2, ….
func (h *handshake) command(line string) (tag string, r reply, err error) {
	h.tag++
	tag = "K" + strconv.Itoa(h.tag)
	if err = h.send(tag + " " + line); err == nil {
		r, err = h.read(tag)
	}
	return tag, r, err
}

func (h *handshake) read(tag string) (reply, error) {
	for {
		line, err := h.readLine()
		if err != nil {
			return reply{}, err
		}
		if strings.HasPrefix(line, "+") {
			return reply{status: "+", text: strings.TrimPrefix(line[1:], " ")}, nil
		}
		first, rest, _ := strings.Cut(line, " ")
		status, rest, _ := strings.Cut(rest, " ")
		status = strings.ToUpper(status)
		if first == tag {
			if status != "OK" && status != "NO" && status != "BAD" {
				return reply{}, garbage(line)
			}
			code, args, text := parseStatus(rest)
			h.note(code, args, text)
			return reply{status, code, text}, nil
		}
		if first != "*" {
			return reply{}, garbage(line)
		}
		if h.seen++; h.seen > maxReplies {
			return reply{}, tooMuch("too many responses before the login")
		}
		switch {
		case status == "CAPABILITY":
			h.caps = strings.Fields(rest)
		case isStatus(status):
			code, args, text := parseStatus(rest)
			h.note(code, args, text)
			if status == "BYE" {
				return reply{}, byeError(code, text)
			}
		}
	}
}

func (r reply) err(code coded.Code) error {
	return refused(code, &imap.Error{
		Type: imap.StatusResponseType(r.status),
		Code: imap.ResponseCode(r.code),
		Text: r.text,
	})
}

// capability asks for the capabilities unless they are known.
func (h *handshake) capability() error {
	if h.caps != nil {
		return nil
	}
	_, r, err := h.command("CAPABILITY")
	switch {
	case err != nil:
		return err
	case r.status != "OK":
		return r.err(coded.EREJECTED)
	case h.caps == nil:
		return newError(coded.EPROTO, "", errors.New("imap: no capabilities"))
	}
	return nil
}

func (h *handshake) startTLS() error {
	if err := h.capability(); err != nil {
		return err
	}
	if !hasCapability(h.caps, "STARTTLS") {
		return newError(coded.ETLS, "The server does not offer to secure the connection.", nil)
	}
	_, r, err := h.command("STARTTLS")
	if err != nil {
		return err
	}
	if r.status != "OK" {
		return r.err(coded.ETLS)
	}
	// What has come in the clear behind the OK would be taken for the words of
	// a server whose certificate has been checked.
	if h.w.br.Buffered() > 0 {
		return newError(coded.ETLS, "", errors.New("imap: bytes in the clear after the answer to STARTTLS"))
	}
	if err := dial.Upgrade(h.ctx, h.w.Conn, h.o.Host); err != nil {
		e := lost(err)
		if e.Code == coded.UNKNOWN {
			e = newError(coded.ETLS, "", err)
		}
		return e
	}
	h.caps = nil // RFC 3501, section 6.2.1: what was said in the clear doesn't count
	return nil
}

func (h *handshake) login() error {
	mechanism, client, err := h.mechanism()
	if err != nil {
		return err
	}
	initially := hasCapability(h.caps, "SASL-IR")
	h.caps = nil // they change with the login
	var r reply
	if client == nil {
		r, err = h.loginCommand()
	} else {
		r, err = h.authenticate(mechanism, client, initially)
	}
	switch {
	case err != nil:
		return err
	case r.status == "BAD":
		return r.err(coded.EREJECTED)
	case r.status != "OK":
		return r.err(coded.EAUTH)
	}
	return h.capability()
}

// mechanism chooses how to log in; a nil client means the LOGIN command.
func (h *handshake) mechanism() (string, sasl.Client, error) {
	c := h.o.Auth
	disabled := hasCapability(h.caps, "LOGINDISABLED")
	if !strings.EqualFold(c.Mechanism, LoginCommand) {
		var offered []string
		for _, s := range h.caps {
			if len(s) > 5 && strings.EqualFold(s[:5], "AUTH=") {
				offered = append(offered, s[5:])
			}
		}
		mechanism, client, err := sasl.New(c, offered)
		if err == nil {
			return mechanism, client, nil
		}
		e := lost(err)
		if e.Code != coded.ENOTSUP || c.Mechanism != "" || c.Pass == "" || disabled && len(offered) > 0 {
			return "", nil, e
		}
	}
	switch {
	case disabled:
		e := newError(coded.ENOTSUP, "The server takes no password on this connection; it may want it secured.", nil)
		e.Response = "LOGINDISABLED"
		return "", nil, e
	case c.User == "" || c.Pass == "":
		return "", nil, newError(coded.EAUTH, "A user name and a password are needed.", nil)
	case strings.ContainsAny(c.User+c.Pass, "\x00\r\n"):
		return "", nil, invalid("The user name or password contains a character that can't be sent.")
	}
	return "", nil, nil
}

// authenticate is RFC 3501's AUTHENTICATE; initially says that the server takes
// an initial response along with it (SASL-IR, RFC 4959).
func (h *handshake) authenticate(mechanism string, client sasl.Client, initially bool) (reply, error) {
	_, initial, err := client.Start()
	if err != nil {
		return reply{}, newError(coded.EAUTH, "", err)
	}
	line := "AUTHENTICATE " + mechanism
	if initial != nil && initially {
		line += " " + encodeResponse(initial)
		initial = nil
	}
	tag, r, err := h.command(line)
	for round := 0; err == nil && r.status == "+"; round++ {
		if round == 10 {
			return reply{}, tooMuch("too many questions during the login")
		}
		answer := initial
		if initial = nil; answer == nil {
			var challenge []byte
			if challenge, err = base64.StdEncoding.DecodeString(r.text); err == nil {
				answer, err = client.Next(challenge)
			}
			if err != nil {
				return reply{}, h.cancel(tag, err)
			}
		}
		encoded := base64.StdEncoding.EncodeToString(answer)
		if err = h.send(encoded); err == nil {
			r, err = h.read(tag)
		}
	}
	return r, err
}

// encodeResponse writes an initial response as RFC 4959 wants it.
func encodeResponse(b []byte) string {
	if len(b) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(b)
}

// cancel calls an exchange off, so that the server doesn't wait in vain.
func (h *handshake) cancel(tag string, cause error) error {
	if err := h.send("*"); err != nil {
		return err
	}
	if _, err := h.read(tag); err != nil {
		return err
	}
	return newError(coded.EPROTO, "", cause)
}

// loginCommand is RFC 3501's own LOGIN.
func (h *handshake) loginCommand() (reply, error) {
	h.tag++
	tag := "K" + strconv.Itoa(h.tag)
	line := tag + " LOGIN"
	for _, s := range []string{h.o.Auth.User, h.o.Auth.Pass} {
		if isQuotable(s) {
			line += ` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
			continue
		}
		if err := h.send(line + " {" + strconv.Itoa(len(s)) + "}"); err != nil {
			return reply{}, err
		}
		if r, err := h.read(tag); err != nil || r.status != "+" {
			return r, err
		}
		line = s
	}
	if err := h.send(line); err != nil {
		return reply{}, err
	}
	return h.read(tag)
}

func isQuotable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// inRev2 are the capabilities that IMAP4rev2 has without naming them (RFC 9051,
// appendix E) and that this package uses.
var inRev2 = []string{"IDLE", "MOVE", "UIDPLUS", "LIST-EXTENDED", "SASL-IR", "LITERAL-"}

func hasCapability(caps []string, name string) bool {
	rev2 := false
	for _, c := range caps {
		if strings.EqualFold(c, name) {
			return true
		}
		rev2 = rev2 || strings.EqualFold(c, "IMAP4rev2")
	}
	if rev2 {
		for _, c := range inRev2 {
			if c == name {
				return true
			}
		}
	}
	return false
}
