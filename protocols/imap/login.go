package imap

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/imap/wire"
	"kaiwire/protocols/sasl"
)

// maxReplies bounds the responses before the login is done.
const maxReplies = 1000

// handshake takes a connection from the greeting to the login. What it does is
// read by the goroutine that does it, so that nothing has been read ahead when
// TLS or compression begin.
func (s *Session) handshake(ctx context.Context) error {
	preauth, err := s.greeting()
	if err != nil {
		return s.reason(err)
	}
	if s.o.Security == dial.STARTTLS {
		if preauth {
			return newError(coded.ETLS, "", errors.New("imap: PREAUTH on a connection that is not secured"))
		}
		if err := s.startTLS(ctx); err != nil {
			return err
		}
	}
	if err := s.capability(ctx); err != nil {
		return err
	}
	if !preauth {
		if err := s.login(ctx, s.o.Auth); err != nil {
			return err
		}
	}
	return s.settleIn(ctx)
}

func (s *Session) greeting() (preauth bool, err error) {
	r := s.r
	if err := r.Next(); err != nil {
		return false, err
	}
	line := r.Head(60)
	if !r.Skip('*') || !r.Space() {
		return false, garbage(line)
	}
	var buf [maxVerb]byte
	verb := string(wire.Upper(buf[:], r.Atom()))
	r.Space()
	code, args, text := parseStatus(r.Text())
	switch verb {
	case "OK", "PREAUTH":
		s.alert(code, text)
		s.note(code, args)
		return verb == "PREAUTH", nil
	case "BYE":
		s.alert(code, text)
		return false, byeError(code, text)
	}
	return false, garbage(line)
}

// simple makes a command of a line that is known beforehand.
//
//go:noinline
func simple(line string) *command {
	return &command{write: func(w *wire.Writer) { w.Text(line) }}
}

// exclusive makes a command that changes what all others mean.
func exclusive(line string) *command {
	c := simple(line)
	c.alone = true
	return c
}

// capability asks for the capabilities unless they are known.
func (s *Session) capability(ctx context.Context) error {
	if s.Capabilities() != nil {
		return nil
	}
	if err := s.do(ctx, simple("CAPABILITY")); err != nil {
		return err
	}
	if s.Capabilities() == nil {
		return newError(coded.EPROTO, "", errors.New("imap: no capabilities"))
	}
	return nil
}

func (s *Session) startTLS(ctx context.Context) error {
	if err := s.capability(ctx); err != nil {
		return err
	}
	if !s.Has("STARTTLS") {
		return newError(coded.ETLS, "The server does not offer to secure the connection.", nil)
	}
	c := exclusive("STARTTLS")
	if err := s.do(ctx, c); err != nil {
		if c.refused != nil {
			return refused(coded.ETLS, c.refused)
		}
		return err
	}
	// What has come in the clear behind the OK would be taken for the words of
	// a server whose certificate has been checked.
	if s.r.Buffered() > 0 {
		return newError(coded.ETLS, "", errors.New("imap: bytes in the clear after the answer to STARTTLS"))
	}
	if err := dial.Upgrade(ctx, s.conn.Conn, s.o.Host); err != nil {
		e := lost(err)
		if e.Code == coded.UNKNOWN {
			e = newError(coded.ETLS, "", err)
		}
		return e
	}
	s.setCaps(nil) // RFC 3501, section 6.2.1: what was said in the clear doesn't count
	return nil
}

func (s *Session) login(ctx context.Context, auth sasl.Credentials) error {
	if b, ok := s.conn.Conn.(dial.Binder); ok && auth.Binding == nil {
		if kind, data := b.ChannelBinding(); data != nil {
			auth.Binding = &sasl.ChannelBinding{Type: kind, Data: data}
		}
	}
	mechanism, client, err := s.mechanism(auth)
	if err != nil {
		return err
	}
	var c *command
	var failed error
	if client == nil {
		c = loginCommand(auth)
	} else {
		c = s.authenticate(mechanism, client, &failed)
	}
	before := s.Capabilities()
	s.setCaps(nil) // they change with the login
	err = s.do(ctx, c)
	switch {
	case failed != nil:
		return failed
	case c.refused != nil && c.refused.status != "BAD":
		s.setCaps(before)
		return refused(coded.EAUTH, c.refused)
	case err != nil:
		return err
	}
	if client != nil {
		if err := sasl.Verify(client); err != nil {
			return err
		}
	}
	return s.capability(ctx)
}

// mechanism chooses how to log in; a nil client means the LOGIN command.
func (s *Session) mechanism(auth sasl.Credentials) (string, sasl.Client, error) {
	disabled := s.Has("LOGINDISABLED")
	if !strings.EqualFold(auth.Mechanism, LoginCommand) {
		var offered []string
		for _, name := range s.Capabilities() {
			if len(name) > 5 && strings.EqualFold(name[:5], "AUTH=") {
				offered = append(offered, name[5:])
			}
		}
		mechanism, client, err := sasl.New(auth, offered)
		if err == nil {
			return mechanism, client, nil
		}
		e := lost(err)
		if e.Code != coded.ENOTSUP || auth.Mechanism != "" || auth.Pass == "" || disabled && len(offered) > 0 {
			return "", nil, e
		}
	}
	switch {
	case disabled:
		e := newError(coded.ENOTSUP, "The server takes no password on this connection; it may want it secured.", nil)
		e.Response = "LOGINDISABLED"
		return "", nil, e
	case auth.User == "" || auth.Pass == "":
		return "", nil, newError(coded.EAUTH, "A user name and a password are needed.", nil)
	case strings.ContainsAny(auth.User+auth.Pass, "\x00\r\n"):
		return "", nil, invalid("The user name or password contains a character that can't be sent.")
	}
	return "", nil, nil
}

// loginCommand is IMAP's own LOGIN.
func loginCommand(auth sasl.Credentials) *command {
	return &command{alone: true, write: func(w *wire.Writer) {
		w.Text("LOGIN ").String(auth.User).Text(" ").String(auth.Pass)
	}}
}

// maxRounds bounds the questions of a server during the login.
const maxRounds = 10

// authenticate is AUTHENTICATE, with an initial response where the server takes
// one along with it (SASL-IR, RFC 4959). What fails on this side goes into
// failed.
func (s *Session) authenticate(mechanism string, client sasl.Client, failed *error) *command {
	_, initial, err := client.Start()
	if err != nil {
		*failed = newError(coded.EAUTH, "", err)
	}
	initially := s.Has("SASL-IR")
	c := &command{alone: true}
	challenge := ""
	c.more = func(text string) { challenge = text }
	c.write = func(w *wire.Writer) {
		w.Text("AUTHENTICATE ").Text(mechanism)
		if initial != nil && initially {
			w.Text(" ").Text(encodeInitial(initial))
			initial = nil
		}
		for round := 0; w.Ask().Err() == nil; round++ {
			if round == maxRounds {
				e := tooMuch("too many questions during the login")
				*failed = e
				s.fail(e)
				w.Stop()
				return
			}
			answer := initial
			if initial = nil; answer == nil {
				question, err := base64.StdEncoding.DecodeString(challenge)
				if err == nil {
					answer, err = client.Next(question)
				}
				if err != nil {
					// Called off, so that the server doesn't wait in vain.
					*failed = loginFailure(err)
					w.Text("*")
					return
				}
			}
			w.Text(base64.StdEncoding.EncodeToString(answer))
		}
	}
	return c
}

// encodeInitial writes an initial response as RFC 4959 wants it.
func encodeInitial(b []byte) string {
	if len(b) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(b)
}

// loginFailure is the error for an exchange that was called off on this side.
func loginFailure(err error) error {
	if e := coded.From(err, protocol); e.Code != coded.UNKNOWN {
		return e
	}
	return newError(coded.EPROTO, "", err)
}

// inRev2 are the capabilities that IMAP4rev2 has without naming them (RFC 9051,
// appendix E).
var inRev2 = []string{
	"NAMESPACE", "UNSELECT", "UIDPLUS", "ESEARCH", "SEARCHRES", "ENABLE", "IDLE", "SASL-IR", "LIST-EXTENDED", "LIST-STATUS",
	"MOVE", "LITERAL-", "STATUS=SIZE", "CHILDREN",
}

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
