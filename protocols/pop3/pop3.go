// Package pop3 is a POP3 client (RFC 1939) for small machines: a message is
// streamed, and commands don't wait for each other's answers where the server
// allows that (PIPELINING of RFC 2449).
//
// # Extensions
//
// CAPA and response codes (RFC 2449, RFC 3206), STLS (RFC 2595), SASL (RFC
// 5034), APOP, and UTF8 and LANG (RFC 6856). Where the server has UTF8 it is
// turned on before the login: headers then may have more than ASCII, as package
// mime reads them.
//
// # Trust
//
// A server is taken to be hostile: lines, lists and messages are limited (see
// Limits), and every call ends when its context does.
//
// # Errors
//
// Every error is a *coded.Error with Protocol "pop3". EREJECTED is the server's
// -ERR, with its text in Message and its response code in Response; EBUSY one
// that is not for good: another session has the mailbox (IN-USE), or it is too
// early for the next (LOGIN-DELAY, SYS/TEMP). EAUTH is a refused login. These,
// EINVAL and ENOTSUP leave the session as it was, and so does a context that
// ends while a call still waits for its turn. All else ends the session: the
// calls under way get the reason (ETIMEDOUT and ABORT_ERR for an ended context,
// ELIMIT, EPROTO, ECONNRESET), and later ones get ECLOSED.
package pop3

import (
	"context"
	"errors"
	"strings"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/lines"
	"kaiwire/protocols/sasl"
)

const protocol = "pop3"

// What sasl.Credentials.Mechanism can ask for besides the mechanisms of SASL.
const (
	APOP = "APOP" // RFC 1939, section 7
	USER = "USER" // USER and PASS
)

// Options says how to connect. Host and Auth are required.
type Options struct {
	Host string // a name or an IP address, without brackets
	Port int    // default: 995 with dial.TLS, else 110

	// Security defaults to dial.TLS. dial.None is the app's word that a password
	// may cross the network in the clear, which it still doesn't where both
	// sides have SCRAM, CRAM-MD5 or APOP.
	Security dial.Security

	// Auth's Host and Port default to those above, and its Binding to what the
	// connection tells. Without a Mechanism, the strongest that both sides have
	// is taken, and USER and PASS where they have none in common.
	Auth sasl.Credentials

	// Language is that of the server's texts, which are in the errors: a tag of
	// RFC 5646, such as "hi-IN", or "*" for the server's choice (LANG, RFC 6856,
	// section 3). A server that lacks it goes on as it would without. Default:
	// nothing is asked.
	Language string

	Limits Limits

	// Timeout is how long the server may take for a single step; then the session
	// ends with ETIMEDOUT. Default 2 minutes; less than 0 means no bound but the
	// context's.
	Timeout time.Duration

	// Closed is called once, when the session has ended; err is nil where Close
	// or Quit was the cause.
	Closed func(err error)
}

// Limits bounds what a server can make this package hold or wait for. A zero
// field means its default. What exceeds a limit ends the session with ELIMIT.
type Limits struct {
	// Message is the largest message, in octets. Default 64 MiB.
	Message int64
	// Top is the largest answer of Top, in octets. Default 1 MiB.
	Top int64
	// Results is how many messages List and UIDL may return, in 8 MiB at the most.
	// Default 100,000.
	Results int
	// Drain is how many octets of a Message that was closed early are read and
	// thrown away, rather than ending the session. Default 64 KiB.
	Drain int64
}

func (o Options) withDefaults() Options {
	if o.Security == "" {
		o.Security = dial.TLS
	}
	if o.Port == 0 {
		o.Port = 110
		if o.Security == dial.TLS {
			o.Port = 995
		}
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.Auth.Host == "" {
		o.Auth.Host = o.Host
	}
	if o.Auth.Port == 0 {
		o.Auth.Port = o.Port
	}
	l := &o.Limits
	if l.Message <= 0 {
		l.Message = 64 << 20
	}
	if l.Top <= 0 {
		l.Top = 1 << 20
	}
	if l.Results <= 0 {
		l.Results = 100_000
	}
	if l.Drain <= 0 {
		l.Drain = 64 << 10
	}
	return o
}

// Session is a connection on which a user is logged in, with a mailbox that
// nobody else changes meanwhile. Its methods may be called from several
// goroutines: the commands go out in the order of the calls.
type Session struct {
	o         Options
	c         *lines.Conn
	timestamp string             // of the greeting, for APOP
	caps      lines.Capabilities // as the server has said them; nil where it has no CAPA
	pipelines bool
}

// Connect dials the server, secures the connection and logs in. ctx bounds all
// of it, and nothing after.
//
// Besides those of the package comment, errors are those of the dialer, ETLS
// where STLS is not to be had, and ENOTSUP where the server offers no login that
// o.Auth can do.
func Connect(ctx context.Context, d dial.Dialer, o Options) (*Session, error) {
	o = o.withDefaults()
	if o.Language != "" && !isLanguage(o.Language) {
		return nil, invalid("The language is not valid.")
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

// isLanguage reports whether s can be a tag, or "*".
func isLanguage(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' {
			return s == "*"
		}
	}
	return true
}

// unasked is a server's goodbye: it has waited long enough, or is going down.
func unasked(line string) *coded.Error {
	text, ok := strings.CutPrefix(line, "-ERR")
	if !ok {
		return nil
	}
	e := refused(text)
	e.Code = coded.ECONNRESET
	return e
}

// Capabilities returns the lines of the server's answer to CAPA, each with its
// parameters: "SASL PLAIN LOGIN". A server without CAPA has none.
func (s *Session) Capabilities() []string { return append([]string(nil), s.caps...) }

// Has reports whether the server has a capability.
func (s *Session) Has(capability string) bool {
	_, ok := s.caps.Lookup(capability)
	return ok
}

// Done is closed when the session has ended and Options.Closed has returned.
func (s *Session) Done() <-chan struct{} { return s.c.Done() }

// Close ends the session without a word to the server, which then keeps the
// messages that were to be deleted. Calls under way get ECLOSED. It may be
// called more than once.
func (s *Session) Close() error { return s.c.Close() }

// ask sends a line and reads the first line of the answer.
func (s *Session) ask(words ...string) (string, error) {
	s.c.Line(words...)
	if err := s.c.Flush(); err != nil {
		return "", err
	}
	return s.status()
}

// status reads an answer's first line, and returns what is behind its +OK.
func (s *Session) status() (string, error) {
	line, err := s.c.ReadLine()
	if err != nil {
		return "", err
	}
	return s.verdict(line)
}

func (s *Session) verdict(line string) (string, error) {
	word, text, _ := strings.Cut(line, " ")
	switch {
	case strings.EqualFold(word, "+OK"):
		return text, nil
	case strings.EqualFold(word, "-ERR"):
		return "", refused(text)
	}
	return "", s.c.Protocol("not an answer: " + coded.Text(line))
}

//go:noinline
func newError(code coded.Code, message string, cause error) *coded.Error {
	return coded.New(code, protocol, message, cause)
}

//go:noinline
func invalid(message string) error { return newError(coded.EINVAL, message, nil) }

// refused is the error for what is behind a -ERR (RFC 2449, section 8; RFC
// 3206).
func refused(text string) *coded.Error {
	text = strings.TrimSpace(text)
	response := ""
	if rest, ok := strings.CutPrefix(text, "["); ok {
		if code, rest, ok := strings.Cut(rest, "]"); ok && isResponseCode(code) {
			response, text = strings.ToUpper(code), rest
		}
	}
	code := coded.EREJECTED
	switch response {
	case "IN-USE", "LOGIN-DELAY", "SYS/TEMP":
		code = coded.EBUSY
	case "AUTH":
		code = coded.EAUTH
	}
	e := newError(code, coded.Text(text), errRefused)
	e.Response = response
	return e
}

// errRefused is the cause of an error that is the server's -ERR.
var errRefused = errors.New("pop3: -ERR")

func isResponseCode(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7F {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// fatal is err, or nil where it is a -ERR, which leaves the session as it was.
func fatal(err error) error {
	if errors.Is(err, errRefused) {
		return nil
	}
	return err
}

// end ends a turn with err, and the session where err is fatal.
func (s *Session) end(t *lines.Turn, err error) error {
	if fatal(err) != nil {
		return t.Fail(err)
	}
	t.End()
	return err
}
