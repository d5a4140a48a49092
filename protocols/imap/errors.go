package imap

import (
	"errors"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

const protocol = "imap"

// The makers of errors are in every function: inlined they are some 15 KB of a
// module.

//go:noinline
func newError(code coded.Code, message string, cause error) *coded.Error {
	return coded.New(code, protocol, message, cause)
}

//go:noinline
func invalid(message string) error { return newError(coded.EINVAL, message, nil) }

//go:noinline
func tooMuch(what string) *coded.Error {
	return newError(coded.ELIMIT, "The server sent "+what+".", nil)
}

// lost is the error for a connection that failed with err.
func lost(err error) *coded.Error {
	if errors.Is(err, dial.ErrNoTLS) {
		return newError(coded.ENOTSUP, "", err)
	}
	return coded.From(err, protocol)
}

// refusal is a server's NO or BAD. It is not imap.Error, which links fmt.
type refusal struct {
	status, code, text string
}

func (r *refusal) Error() string {
	text := "imap: " + r.status
	if r.code != "" {
		text += " [" + r.code + "]"
	}
	return text + " " + r.text
}

// refused is the error for a server's NO or BAD.
func refused(code coded.Code, r *refusal) *coded.Error {
	err := newError(code, coded.Text(r.text), r)
	err.Response = r.code
	return err
}

// errEnded stands for the reason why the session has ended, which the session
// knows.
var errEnded = errors.New("imap: the session has ended")

//go:noinline
func unsupported(what string) error {
	return newError(coded.ENOTSUP, "The server can't do this: it lacks "+what+".", nil)
}

// isRefusal reports whether err is a NO or BAD, which leaves the session as it
// was.
func isRefusal(err error) bool {
	e, ok := errors.AsType[*coded.Error](err)
	return ok && e.Code == coded.EREJECTED
}
