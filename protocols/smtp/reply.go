package smtp

import (
	"errors"
	"strings"

	"kaiwire/protocols/coded"
)

//go:noinline
func newError(code coded.Code, message string, cause error) *coded.Error {
	return coded.New(code, protocol, message, cause)
}

//go:noinline
func invalid(message string) error { return newError(coded.EINVAL, message, nil) }

// Bounds of an answer. EHLO's has a line for each extension.
const (
	maxReplyLines  = 200
	maxReplyOctets = 32 << 10
)

// reply is a server's answer (RFC 5321, section 4.2).
type reply struct {
	code     int
	enhanced string   // of the last line that has one: "5.1.1" (RFC 3463)
	lines    []string // without code and enhanced status
}

// reply reads the next answer.
func (s *Session) reply() (*reply, error) {
	r := &reply{}
	octets := 0
	for {
		line, err := s.c.ReadLine()
		if err != nil {
			return nil, err
		}
		code, more, text, ok := cutReply(line)
		if !ok || r.code != 0 && code != r.code {
			return nil, s.c.Protocol("not an answer: " + coded.Text(line))
		}
		r.code = code
		if octets += len(line); octets > maxReplyOctets || len(r.lines) == maxReplyLines {
			return nil, s.c.TooMuch("an answer that is too long")
		}
		enhanced, text := cutStatus(text, code/100)
		if enhanced != "" {
			r.enhanced = enhanced
		}
		r.lines = append(r.lines, text)
		if !more {
			return r, nil
		}
	}
}

// cutReply takes a line of an answer to pieces.
func cutReply(line string) (code int, more bool, text string, ok bool) {
	if len(line) < 3 {
		return 0, false, "", false
	}
	for _, c := range []byte(line[:3]) {
		if c < '0' || c > '9' {
			return 0, false, "", false
		}
		code = code*10 + int(c-'0')
	}
	if code < 200 || code > 599 {
		return 0, false, "", false
	}
	if len(line) == 3 {
		return code, false, "", true
	}
	return code, line[3] == '-', line[4:], line[3] == '-' || line[3] == ' '
}

// cutStatus takes the enhanced status code, whose class is that of the reply
// code, from the beginning of a text (RFC 2034, section 4).
func cutStatus(text string, class int) (enhanced, rest string) {
	word, rest, _ := strings.Cut(text, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || parts[0] != string(rune('0'+class)) {
		return "", text
	}
	for _, p := range parts {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return "", text
		}
	}
	return word, rest
}

func (r *reply) text() string { return strings.Join(r.lines, " ") }

// status is what goes into an error's Response.
func (r *reply) status() string {
	code := string([]byte{byte('0' + r.code/100), byte('0' + r.code/10%10), byte('0' + r.code%10)})
	if r.enhanced != "" {
		code += " " + r.enhanced
	}
	return code
}

// want is nil where the answer is of the given class: 2 for yes, 3 for go on.
func (r *reply) want(class int) error {
	if r.code/100 == class {
		return nil
	}
	return r.refused()
}

// refused is the error for a no; EPROTO where the answer is none.
func (r *reply) refused() *coded.Error {
	code := coded.EREJECTED
	switch {
	case r.code < 400:
		code = coded.EPROTO
	case r.code < 500:
		code = coded.EBUSY
	case r.code == 530 || r.code == 535 || r.code == 534 || r.code == 538:
		code = coded.EAUTH
	case r.enhanced == "5.3.4" || r.enhanced == "5.2.3":
		code = coded.EMSGSIZE
	}
	message := coded.Text(r.text())
	if code == coded.EPROTO {
		message = ""
	}
	e := newError(code, message, errors.New("smtp: "+r.status()))
	e.Response = r.status()
	if r.code == 421 {
		e.Err = errGoodbye
	}
	return e
}

// errGoodbye is the cause of an error by which the server ends the session (RFC
// 5321, section 3.8).
var errGoodbye = errors.New("smtp: the server ends the session")

// harmless reports whether the session is after err as it was before.
func harmless(err error) bool {
	e, ok := errors.AsType[*coded.Error](err)
	if !ok || errors.Is(err, errGoodbye) {
		return false
	}
	switch e.Code {
	case coded.EREJECTED, coded.EBUSY, coded.EAUTH, coded.EMSGSIZE, coded.EINVAL, coded.ENOTSUP:
		return true
	}
	return false
}
