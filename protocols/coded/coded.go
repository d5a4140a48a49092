// Package coded gives every failure that can reach an app a stable code, a
// sentence that can be shown to the person holding the phone, and advice on
// whether to try again. It holds the only table of codes; the TypeScript
// declarations are checked against it by a test.
package coded

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"kaiwire/protocols/dial"
)

// Code names a kind of failure. Where Node.js or POSIX has a word for it, that
// word is used.
type Code string

const (
	ABORT_ERR    Code = "ABORT_ERR"
	EADDRINUSE   Code = "EADDRINUSE"
	EAUTH        Code = "EAUTH"
	EBUSY        Code = "EBUSY"
	ECERT        Code = "ECERT"
	ECLOSED      Code = "ECLOSED"
	ECONNREFUSED Code = "ECONNREFUSED"
	ECONNRESET   Code = "ECONNRESET"
	EFORMERR     Code = "EFORMERR"
	EINVAL       Code = "EINVAL"
	ELIMIT       Code = "ELIMIT"
	ELOAD        Code = "ELOAD"
	EMSGSIZE     Code = "EMSGSIZE"
	ENETDOWN     Code = "ENETDOWN"
	ENODATA      Code = "ENODATA"
	ENOTFOUND    Code = "ENOTFOUND"
	ENOTIMP      Code = "ENOTIMP"
	ENOTSUP      Code = "ENOTSUP"
	EPANIC       Code = "EPANIC"
	EPERM        Code = "EPERM"
	EPROTO       Code = "EPROTO"
	EREFUSED     Code = "EREFUSED"
	EREJECTED    Code = "EREJECTED"
	ESERVFAIL    Code = "ESERVFAIL"
	ETIMEDOUT    Code = "ETIMEDOUT"
	ETLS         Code = "ETLS"
	UNKNOWN      Code = "UNKNOWN"

	// What TLS of our own knows of a certificate, where the phone's TLS says
	// ECERT and no more.
	ECERT_CLOCK         Code = "ECERT_CLOCK"
	ECERT_EXPIRED       Code = "ECERT_EXPIRED"
	ECERT_HOST          Code = "ECERT_HOST"
	ECERT_NOT_YET_VALID Code = "ECERT_NOT_YET_VALID"
	ECERT_PIN           Code = "ECERT_PIN"
	ECERT_UNTRUSTED     Code = "ECERT_UNTRUSTED"
)

// Retry is the advice that goes with a code.
type Retry string

const (
	Now   Retry = "now"   // a new connection may well work at once
	Later Retry = "later" // wait: the network or the server has to recover
	Never Retry = "never" // something has to be changed first
)

// Entry is a row of Table.
type Entry struct {
	Retry   Retry
	Message string // fit to show; used where nothing better is known
}

// Table holds every code there is.
var Table = map[Code]Entry{
	ABORT_ERR:    {Never, "The operation was cancelled."},
	EADDRINUSE:   {Later, "The port is already in use on this phone."},
	EAUTH:        {Never, "The server did not accept the user name or password."},
	EBUSY:        {Later, "The server can't do this at the moment."},
	ECERT:        {Never, "The server's certificate is not trusted by this phone."},
	ECLOSED:      {Now, "The connection has been closed."},
	ECONNREFUSED: {Later, "No connection: the server refused it, its name is wrong, or the phone is offline."},
	ECONNRESET:   {Now, "The server closed the connection unexpectedly."},
	EFORMERR:     {Never, "The name server did not understand the question."},
	EINVAL:       {Never, "The request is not valid."},
	ELIMIT:       {Never, "The server sent more than this phone can take."},
	ELOAD:        {Later, "A part of the app could not be loaded."},
	EMSGSIZE:     {Never, "The message is too long for one packet."},
	ENETDOWN:     {Later, "The phone is offline."},
	ENODATA:      {Never, "The name exists, but has no record of this type."},
	ENOTFOUND:    {Never, "The name does not exist."},
	ENOTIMP:      {Never, "The name server can't answer this kind of question."},
	ENOTSUP:      {Never, "The server or this phone does not support this."},
	EPANIC:       {Now, "A part of the app has crashed and has to be started again."},
	EPERM:        {Never, "The app has no permission to use network sockets."},
	EPROTO:       {Later, "The server sent an answer that makes no sense."},
	EREFUSED:     {Later, "The name server refused to answer."},
	EREJECTED:    {Never, "The server refused the command."},
	ESERVFAIL:    {Later, "The name server failed to find the answer."},
	ETIMEDOUT:    {Later, "The server did not answer in time."},
	ETLS:         {Never, "No secure connection could be agreed on with the server."},
	UNKNOWN:      {Later, "Something went wrong."},

	ECERT_CLOCK:         {Never, "The phone's date is wrong. Set date and time, then try again."},
	ECERT_EXPIRED:       {Never, "The server's certificate has expired, or the phone's date is wrong."},
	ECERT_HOST:          {Never, "The server's certificate is for another name: this may not be the right server."},
	ECERT_NOT_YET_VALID: {Never, "The server's certificate is not valid yet, or the phone's date is wrong."},
	ECERT_PIN:           {Never, "The server's key is not the one that is expected: this may not be the right server."},
	ECERT_UNTRUSTED:     {Never, "Nobody whom this app trusts vouches for the server's certificate."},
}

// Error is a failure with its code.
type Error struct {
	Code     Code
	Protocol string // "imap", "irc", "dns", …; empty where none is concerned
	Message  string // fit to show; From and New fill it from Table where empty
	// Response is the server's own machine-readable code, as it sent it: an
	// IMAP or POP3 response code ("NONEXISTENT", "IN-USE"), an IRC numeric
	// ("433"), an SMTP reply code with its enhanced status ("550 5.1.1"), a DNS
	// rcode.
	Response string
	Err      error // the cause, for logs; may be nil
}

// New makes an Error. An empty message is taken from Table.
//
//go:noinline
func New(code Code, protocol, message string, cause error) *Error {
	if message == "" {
		message = Table[code].Message
	}
	return &Error{Code: code, Protocol: protocol, Message: message, Err: cause}
}

func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.Protocol != "" {
		s = e.Protocol + ": " + s
	}
	if e.Err != nil {
		s += " (" + e.Err.Error() + ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// maxText is how much of a server's text goes into an error or an event.
const maxText = 400

// Text makes a server's text fit to show: of one line, valid and short.
func Text(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, text))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// Retry is the advice of Table for the error's code.
func (e *Error) Retry() Retry {
	if r, ok := Table[e.Code]; ok {
		return r.Retry
	}
	return Later
}

// Coder is implemented by errors of other packages that know their code, such
// as those of package bridge.
type Coder interface {
	error
	ErrorCode() Code
}

// From turns any error into an Error: the first *Error in its chain (with
// protocol filled in where it has none), or a new one whose code follows from
// what errors.Is and errors.AsType find. From(nil, …) is nil.
func From(err error, protocol string) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Protocol == "" && protocol != "" {
			c := *e
			c.Protocol = protocol
			return &c
		}
		return e
	}
	return New(codeOf(err), protocol, "", err)
}

type timeoutError interface {
	error
	Timeout() bool
}

func codeOf(err error) Code {
	if coder, ok := errors.AsType[Coder](err); ok {
		return coder.ErrorCode()
	}
	for _, row := range goErrors {
		if errors.Is(err, row.err) {
			return row.code
		}
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return ENOTFOUND
	}
	if e, ok := errors.AsType[timeoutError](err); ok && e.Timeout() {
		return ETIMEDOUT
	}
	return UNKNOWN
}

// goErrors maps Go's own errors, most telling first.
var goErrors = []struct {
	err  error
	code Code
}{
	{dial.ErrCertificate, ECERT},
	{dial.ErrHandshake, ETLS},
	{dial.ErrNoTLS, ENOTSUP},
	{context.DeadlineExceeded, ETIMEDOUT},
	{os.ErrDeadlineExceeded, ETIMEDOUT},
	{context.Canceled, ABORT_ERR},
	{syscall.ECONNREFUSED, ECONNREFUSED},
	{syscall.ECONNRESET, ECONNRESET},
	{syscall.EPIPE, ECONNRESET},
	{syscall.ECONNABORTED, ECONNRESET},
	{syscall.ETIMEDOUT, ETIMEDOUT},
	{syscall.ENETDOWN, ENETDOWN},
	{syscall.ENETUNREACH, ENETDOWN},
	{syscall.EADDRINUSE, EADDRINUSE},
	{syscall.EMSGSIZE, EMSGSIZE},
	{syscall.EMFILE, ELIMIT},
	{errors.ErrUnsupported, ENOTSUP},
	{syscall.EPERM, EPERM},
	{syscall.EACCES, EPERM},
	{net.ErrClosed, ECLOSED},
	{io.ErrClosedPipe, ECLOSED},
	{io.ErrUnexpectedEOF, ECONNRESET},
	{io.EOF, ECONNRESET},
	{os.ErrPermission, EPERM},
	{os.ErrInvalid, EINVAL},
}
