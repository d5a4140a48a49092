package pop3

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/sasl"
)

// maxCapabilities bounds the answer to CAPA.
const maxCapabilities = 200

func (s *Session) handshake(ctx context.Context) error {
	greeting, err := s.status()
	if err != nil {
		return err
	}
	s.timestamp = timestamp(greeting)
	if err := s.capa(); err != nil {
		return err
	}
	if s.o.Security == dial.STARTTLS {
		if err := s.startTLS(ctx); err != nil {
			return err
		}
	}
	if err := s.international(); err != nil {
		return err
	}
	if err := s.login(); err != nil {
		return err
	}
	// RFC 2449, section 5: there may be others after the login.
	if s.caps != nil {
		if err := s.capa(); err != nil {
			return err
		}
	}
	s.pipelines = s.Has("PIPELINING")
	return nil
}

// timestamp is what a greeting has for APOP: a message identifier.
func timestamp(greeting string) string {
	start := strings.IndexByte(greeting, '<')
	if start < 0 {
		return ""
	}
	end := strings.IndexByte(greeting[start:], '>')
	if end < 0 || strings.IndexByte(greeting[start:start+end], '@') < 0 {
		return ""
	}
	return greeting[start : start+end+1]
}

// capa asks what the server can do. One that doesn't know the question is none
// the worse for it.
func (s *Session) capa() error {
	s.caps = nil
	if _, err := s.ask("CAPA"); err != nil {
		if errors.Is(err, errRefused) {
			return nil
		}
		return err
	}
	caps := []string{}
	err := s.eachLine(maxCapabilities, func(line string) error {
		caps = append(caps, line)
		return nil
	})
	s.caps = caps
	return err
}

func (s *Session) startTLS(ctx context.Context) error {
	// Where CAPA is unknown, STLS may still be known.
	if s.caps != nil && !s.Has("STLS") {
		return newError(coded.ETLS, "The server does not offer to secure the connection.", nil)
	}
	if _, err := s.ask("STLS"); err != nil {
		e := coded.From(err, protocol)
		if errors.Is(e, errRefused) {
			e.Code = coded.ETLS
		}
		return e
	}
	if err := s.c.Secure(ctx); err != nil {
		return err
	}
	// RFC 2595, section 4: what was said in the clear doesn't count, and that
	// goes for the timestamp as well.
	s.timestamp = ""
	return s.capa()
}

// international turns UTF-8 on, which the server then takes in names and
// passwords as well, if it has UTF8 with USER, and asks for the language. Without
// either the session goes on as it was.
func (s *Session) international() error {
	if s.Has("UTF8") {
		if _, err := s.ask("UTF8"); fatal(err) != nil {
			return err
		}
	}
	if s.o.Language != "" && s.Has("LANG") {
		if _, err := s.ask("LANG ", s.o.Language); fatal(err) != nil {
			return err
		}
	}
	return nil
}

// plaintext are the mechanisms that send the password itself.
func plaintext(mechanism string) bool {
	return mechanism == sasl.Plain || mechanism == sasl.Login || mechanism == USER
}

func (s *Session) login() error {
	auth := s.o.Auth
	auth.Binding = s.c.Binding(auth)
	mechanism, client, err := s.mechanism(auth)
	if err != nil {
		return err
	}
	switch mechanism {
	case APOP:
		digest := sasl.MD5([]byte(s.timestamp + auth.Pass))
		_, err = s.ask("APOP ", auth.User, " ", hex.EncodeToString(digest))
	case USER:
		if _, err = s.ask("USER ", auth.User); err == nil {
			_, err = s.ask("PASS ", auth.Pass)
		}
	default:
		err = s.c.Authenticate(mechanism, client, func(line string) (string, bool, error) {
			s.c.Line(line)
			if err := s.c.Flush(); err != nil {
				return "", false, err
			}
			answer, err := s.c.ReadLine()
			if err != nil {
				return "", false, err
			}
			if answer == "+" || strings.HasPrefix(answer, "+ ") {
				return strings.TrimSpace(answer[1:]), true, nil
			}
			_, err = s.verdict(answer)
			return "", false, err
		})
	}
	if e := coded.From(err, protocol); e != nil && e.Code == coded.EREJECTED {
		// SYS/PERM says that it is not the password; nothing else does.
		if e.Response != "SYS/PERM" {
			e.Code = coded.EAUTH
		}
		return e
	}
	return err
}

// mechanism chooses how to log in. Where no TLS hides the password, APOP is
// better than to send it.
func (s *Session) mechanism(auth sasl.Credentials) (string, sasl.Client, error) {
	wanted := strings.ToUpper(auth.Mechanism)
	if wanted != APOP && wanted != USER {
		offered, _ := s.caps.Lookup("SASL")
		mechanism, client, err := sasl.New(auth, strings.Fields(offered))
		clear := s.o.Security == dial.None && s.timestamp != "" && wanted == "" && auth.AccessToken == ""
		if err == nil && (!clear || !plaintext(mechanism)) {
			return mechanism, client, nil
		}
		if err != nil && (wanted != "" || auth.Pass == "" || coded.From(err, protocol).Code != coded.ENOTSUP) {
			return "", nil, err
		}
		wanted = USER
		// RFC 2449, section 6.3: a server that says what it can do, and not USER,
		// can't do that.
		if clear || s.timestamp != "" && s.caps != nil && !s.Has(USER) {
			wanted = APOP
		}
	}
	switch {
	case auth.User == "" || auth.Pass == "":
		return "", nil, newError(coded.EAUTH, "A user name and a password are needed.", nil)
	case strings.ContainsAny(auth.User+auth.Pass, "\x00\r\n"), wanted == APOP && strings.Contains(auth.User, " "):
		return "", nil, invalid("The user name or password contains a character that can't be sent.")
	case wanted == APOP && s.timestamp == "":
		return "", nil, newError(coded.ENOTSUP, "The server does not offer the login mechanism APOP.", nil)
	case wanted == USER && s.caps != nil && !s.Has(USER):
		return "", nil, newError(coded.ENOTSUP, "The server takes no password on this connection; it may want it secured.", nil)
	}
	return wanted, nil, nil
}
