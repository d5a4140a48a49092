// Package smtp hands mail in (RFC 6409, by RFC 5321): a client for small
// machines, which streams a message and holds no more of it than a window.
//
// # Extensions
//
// PIPELINING (RFC 2920), CHUNKING (RFC 3030), 8BITMIME (RFC 6152), SIZE (RFC
// 1870), ENHANCEDSTATUSCODES (RFC 2034), AUTH (RFC 4954) and STARTTLS (RFC 3207)
// are used where they are there. SMTPUTF8 (RFC 6531), DSN (RFC 3461) and
// REQUIRETLS (RFC 8689) are used where the message or the app needs them, and
// are ENOTSUP where the server lacks them then.
//
// # Trust
//
// A server is taken to be hostile: lines and answers are limited, and every
// call ends when its context does. What an app gives, addresses foremost, can't
// become a command of its own.
//
// # Errors
//
// Every error is a *coded.Error with Protocol "smtp". EREJECTED is the server's
// no for good (5yz), EBUSY its no for now (4yz), EAUTH a refused login and a
// missing one, EMSGSIZE a message that is too large. They have the server's
// text in Message, and in Response its reply code with, where there is one, the
// enhanced status code: "550 5.1.1". These and EINVAL and ENOTSUP leave the
// session as it was, except where Send says otherwise, and so does a context
// that ends while a call still waits for its turn. All else ends the session:
// the calls under way get the reason (ETIMEDOUT and ABORT_ERR for an ended
// context, ELIMIT, EPROTO, ECONNRESET), and later ones get ECLOSED.
package smtp

import (
	"context"
	"strconv"
	"strings"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/lines"
	"kaiwire/protocols/sasl"
)

const protocol = "smtp"

// Options says how to connect. Host is required.
type Options struct {
	Host string // a name or an IP address, without brackets
	Port int    // default: 465 with dial.TLS, else 587

	// Security defaults to dial.TLS. dial.None is the app's word that a password
	// may cross the network in the clear, which it still doesn't where both
	// sides have SCRAM or CRAM-MD5.
	Security dial.Security

	// Auth may be left empty where the server takes mail without a login. Its
	// Host and Port default to those above, and its Binding to what the
	// connection tells. Without a Mechanism, the strongest that both sides have
	// is taken.
	Auth sasl.Credentials

	// Name is what EHLO says that this machine is called. A phone has no name of
	// its own, nor is its address anybody's business: default "[127.0.0.1]".
	Name string

	// NoChunking has the session use DATA even where the server has CHUNKING.
	NoChunking bool

	// Timeout is how long the server may take for a single step; then the session
	// ends with ETIMEDOUT. Default 5 minutes, as RFC 5321, section 4.5.3.2,
	// wants it; less than 0 means no bound but the context's.
	Timeout time.Duration

	// Closed is called once, when the session has ended; err is nil where Close
	// or Quit was the cause.
	Closed func(err error)
}

func (o Options) withDefaults() Options {
	if o.Security == "" {
		o.Security = dial.TLS
	}
	if o.Port == 0 {
		o.Port = 587
		if o.Security == dial.TLS {
			o.Port = 465
		}
	}
	if o.Name == "" {
		o.Name = "[127.0.0.1]"
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.Auth.Host == "" {
		o.Auth.Host = o.Host
	}
	if o.Auth.Port == 0 {
		o.Auth.Port = o.Port
	}
	return o
}

// Session is a connection over which mail is handed in, one message after
// another. Its methods may be called from several goroutines; each waits for
// its turn.
type Session struct {
	o    Options
	c    *lines.Conn
	exts lines.Capabilities // as the server has said them: "SIZE 1000"
}

// Connect dials the server, secures the connection and logs in. ctx bounds all
// of it, and nothing after.
//
// Besides those of the package comment, errors are those of the dialer, ETLS
// where STARTTLS is not to be had, and ENOTSUP where the server offers no login
// that o.Auth can do.
func Connect(ctx context.Context, d dial.Dialer, o Options) (*Session, error) {
	o = o.withDefaults()
	if !isName(o.Name) {
		return nil, invalid("The name of this machine is not valid.")
	}
	c, t, err := lines.Dial(ctx, d, lines.Options{
		Protocol: protocol, Host: o.Host, Port: o.Port, Security: o.Security, Timeout: o.Timeout,
		Unasked: unasked, Closed: o.Closed,
	})
	if err != nil {
		return nil, err
	}
	s := &Session{o: o, c: c}
	if err := s.handshake(ctx); err != nil {
		return nil, t.Fail(err)
	}
	t.End()
	return s, nil
}

func isName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7F {
			return false
		}
	}
	return name != ""
}

// unasked is a server's goodbye: it has waited long enough, or is going down.
func unasked(line string) *coded.Error {
	if !strings.HasPrefix(line, "421") {
		return nil
	}
	_, text := cutStatus(strings.TrimLeft(line[3:], " -"), 4)
	return coded.New(coded.ECONNRESET, protocol, coded.Text(text), nil)
}

// Capabilities returns the words of the server's answer to EHLO, each with its
// parameters: "SIZE 10240000".
func (s *Session) Capabilities() []string { return append([]string(nil), s.exts...) }

// Has reports whether the server has an extension.
func (s *Session) Has(extension string) bool {
	_, ok := s.exts.Lookup(extension)
	return ok
}

// MaxSize is the largest message that the server takes, in octets; 0 where it
// doesn't say.
func (s *Session) MaxSize() int64 {
	params, _ := s.exts.Lookup("SIZE")
	n, err := strconv.ParseInt(params, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Done is closed when the session has ended and Options.Closed has returned.
func (s *Session) Done() <-chan struct{} { return s.c.Done() }

// Close ends the session without a word to the server. Calls under way get
// ECLOSED. It may be called more than once.
func (s *Session) Close() error { return s.c.Close() }

// Noop does nothing, which keeps the connection alive.
func (s *Session) Noop(ctx context.Context) error { return s.simple(ctx, "NOOP") }

// Reset has the server forget what it has of a message (RSET). Send does it by
// itself where that is called for.
func (s *Session) Reset(ctx context.Context) error { return s.simple(ctx, "RSET") }

func (s *Session) simple(ctx context.Context, command string) error {
	t, err := s.c.Begin(ctx)
	if err != nil {
		return err
	}
	return s.end(t, s.command(command))
}

// end ends a turn with err, and the session where err leaves it in no known
// state.
func (s *Session) end(t *lines.Turn, err error) error {
	if err != nil && !harmless(err) {
		return t.Fail(err)
	}
	t.End()
	return err
}

// Quit takes leave of the server and ends the session. What was sent before is
// the server's already, whatever becomes of this.
func (s *Session) Quit(ctx context.Context) error {
	t, err := s.c.Begin(ctx)
	if err != nil {
		return err
	}
	if err := s.command("QUIT"); err != nil && !harmless(err) {
		return t.Fail(err)
	}
	s.c.Close()
	t.End()
	return nil
}

// command sends a line and wants a 2yz answer.
func (s *Session) command(words ...string) error {
	r, err := s.ask(words...)
	if err != nil {
		return err
	}
	return r.want(2)
}

func (s *Session) ask(words ...string) (*reply, error) {
	s.c.Line(words...)
	if err := s.c.Flush(); err != nil {
		return nil, s.c.LastWords(s.refusal, err)
	}
	return s.reply()
}

// refusal reads an answer behind which nothing can be sent any more; it is nil
// unless that is a no.
func (s *Session) refusal() error {
	r, err := s.reply()
	if err != nil || r.code < 400 {
		return nil
	}
	e := r.refused()
	e.Err = errGoodbye
	return e
}

func (s *Session) handshake(ctx context.Context) error {
	r, err := s.reply()
	if err != nil {
		return err
	}
	if err := r.want(2); err != nil {
		return err
	}
	if err := s.hello(); err != nil {
		return err
	}
	if s.o.Security == dial.STARTTLS {
		if err := s.startTLS(ctx); err != nil {
			return err
		}
	}
	if a := s.o.Auth; a.User == "" && a.Pass == "" && a.AccessToken == "" && a.Mechanism == "" {
		return nil
	}
	return s.login()
}

// hello asks for the extensions. A server that knows no EHLO has none.
func (s *Session) hello() error {
	s.exts = nil
	r, err := s.ask("EHLO ", s.o.Name)
	if err != nil {
		return err
	}
	if r.code >= 500 && r.code < 505 {
		return s.command("HELO ", s.o.Name)
	}
	if err := r.want(2); err != nil {
		return err
	}
	if len(r.lines) > 1 {
		s.exts = r.lines[1:]
	}
	return nil
}

func (s *Session) startTLS(ctx context.Context) error {
	if !s.Has("STARTTLS") {
		return newError(coded.ETLS, "The server does not offer to secure the connection.", nil)
	}
	r, err := s.ask("STARTTLS")
	if err != nil {
		return err
	}
	if r.code != 220 {
		e := r.refused()
		e.Code = coded.ETLS
		return e
	}
	if err := s.c.Secure(ctx); err != nil {
		return err
	}
	return s.hello() // RFC 3207, section 4.2: what was said in the clear doesn't count
}

func (s *Session) login() error {
	auth := s.o.Auth
	auth.Binding = s.c.Binding(auth)
	var offered []string
	for _, e := range s.exts {
		// What came before RFC 2554 wrote "AUTH=LOGIN".
		if len(e) > 5 && strings.EqualFold(e[:4], "AUTH") && (e[4] == ' ' || e[4] == '=') {
			offered = append(offered, strings.Fields(e[5:])...)
		}
	}
	mechanism, client, err := sasl.New(auth, offered)
	if err != nil {
		return err
	}
	return s.c.Authenticate(mechanism, client, func(line string) (string, bool, error) {
		r, err := s.ask(line)
		if err != nil {
			return "", false, err
		}
		switch {
		case r.code == 334:
			return r.text(), true, nil
		case r.code == 235:
			return "", false, nil
		}
		e := r.refused()
		if e.Code == coded.EREJECTED {
			e.Code = coded.EAUTH
		}
		return "", false, e
	})
}
