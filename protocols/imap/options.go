// Package imap is an IMAP client (RFC 3501, RFC 9051) for small machines:
// nothing is held in memory that need not be, no TLS is linked, and an envelope
// costs six allocations.
//
// The vocabulary is that of github.com/emersion/go-imap/v2: sets, criteria,
// envelopes and body structures are its types. Everything else is this
// package's own; package wire beneath it cuts the server's words into tokens.
//
// # Extensions
//
// What a server can do beyond IMAP4rev1 is used where it is there and done
// otherwise, as far as that goes, where it isn't; the functions say how. Where
// it can't be done at all, they return ENOTSUP.
//
// # Trust
//
// A server is taken to be hostile. Lines, literals, nesting and counts are
// limited (see Limits), and every call ends when its context does. What a
// server says beyond what this package knows is skipped and reported to
// Handler.Unknown.
//
// # Errors
//
// Every error is a *coded.Error with Protocol "imap". EREJECTED is the
// server's NO or BAD, with its response code in Response and its text in
// Message; EAUTH a refused login. Errors of the codes EINVAL, ENOTSUP,
// EREJECTED, ENODATA and ENOTFOUND leave the session as it was. So does a
// context that ends while a call still waits for its turn. All else ends the
// session: the calls under way get the reason (ETIMEDOUT and ABORT_ERR for an
// ended context, since the state of the protocol is unknown then, ELIMIT,
// EPROTO, ECONNRESET with the text of the server's BYE), and later ones get
// ECLOSED.
package imap

import (
	"io"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/dial"
	"kaiwire/protocols/sasl"
)

// LoginCommand as sasl.Credentials.Mechanism asks for IMAP's own LOGIN command
// instead of a SASL mechanism.
const LoginCommand = "LOGIN-COMMAND"

// Options says how to connect. Host is required; Auth is as well, unless the
// server greets with PREAUTH.
type Options struct {
	Host string // a name or an IP address, without brackets
	Port int    // default: 993 with dial.TLS, else 143

	// Security defaults to dial.TLS. dial.None is the app's word that a password
	// may cross the network in the clear, which it still doesn't where both
	// sides have SCRAM or CRAM-MD5, or where the server forbids it
	// (LOGINDISABLED).
	Security dial.Security

	// Auth's Host and Port default to those above, and its Binding to what the
	// connection tells. Without a Mechanism, the strongest that both sides have
	// is taken, and the LOGIN command where they have none in common.
	Auth sasl.Credentials

	Handler Handler
	Limits  Limits

	// Enable names what is enabled after the login where the server has it
	// (ENABLE, RFC 5161). Default: IMAP4rev2 and UTF8=ACCEPT, by which names and
	// texts are UTF-8 on the wire. An empty list enables nothing.
	Enable []imap.Cap

	// WordDecoder turns text in a charset other than UTF-8, ISO-8859-1 and
	// US-ASCII into UTF-8, for the encoded words of RFC 2047. Without it, or
	// where it fails, a header with such a word is left encoded.
	WordDecoder func(charset string, r io.Reader) (io.Reader, error)

	// NoCompress has the session not use COMPRESS=DEFLATE (RFC 4978) even where
	// the server has it. It saves most of what is received of envelopes and
	// text.
	NoCompress bool

	// Reconnect has a Client make a new connection when one is lost. A Session
	// doesn't.
	Reconnect bool

	// Timeout is how long nothing may go to or come from the server while a
	// command is under way; then the session ends with ETIMEDOUT. It is no
	// bound to a command as such: that is the context's. Default 2 minutes;
	// less than 0 means no bound.
	Timeout time.Duration

	// IdleRestart is how long an IDLE goes on before it is begun anew, to keep
	// the server and whatever is between from dropping the connection. RFC
	// 2177 wants less than 29 minutes. Default, and at most, 25 minutes.
	IdleRestart time.Duration

	// Poll is how often a server without IDLE is asked what is new. Default 1
	// minute.
	Poll time.Duration
}

// Handler is told what the server says unasked. Nil functions are not called.
//
// All are called in the order of the server's words, from the one goroutine
// that reads the connection: a slow handler slows the server down, and one
// that calls a method of the Session other than Close deadlocks until that
// method's context ends.
type Handler struct {
	// Exists is told the new number of messages in the selected mailbox.
	Exists func(count uint32)
	// Expunge is told the sequence number of a message that is gone, also
	// where Expunge and Move are the cause. Higher numbers are one less from
	// then on.
	Expunge func(seq uint32)
	// Vanished is told the UIDs of messages that are gone, in place of Expunge
	// and where QRESYNC has been enabled: by it, or by an OpenOptions.QResync.
	// earlier says that they were gone before, which is the answer to a FETCH
	// with ItemVanished: the number of messages has not changed then.
	Vanished func(uids imap.UIDSet, earlier bool)
	// Flags is told the flags that a message has now. The UID is 0 where the
	// server doesn't say it. The session's own Store is not reported.
	Flags func(seq uint32, uid imap.UID, flags []imap.Flag)
	// Status and Mailbox are told what Notify has asked for: figures of a mailbox
	// that have changed, and one that is new, gone (\NonExistent), renamed
	// (OldName), or whose subscription has changed.
	Status  func(data *imap.StatusData)
	Mailbox func(data *imap.ListData)
	// Alert is told a text that the server wants the user to see (RFC 3501,
	// section 7.1).
	Alert func(text string)
	// Unknown is told the beginning of a response that this package doesn't
	// know and has skipped.
	Unknown func(response string)
	// Disconnected is told, with Options.Reconnect, that the connection was lost
	// or that an attempt to make another has failed; the next is in wait. It and
	// Reconnected are called between the sessions, by a goroutine of the Client's.
	Disconnected func(err error, wait time.Duration)
	// Reconnected is told that there is a connection again. Calls may be made
	// from it.
	Reconnected func(r *Reconnected)
	// Closed is called once, after all others; err is nil when the session
	// was ended by Close or Logout.
	Closed func(err error)
}

// Limits bounds what a server can make this package hold or wait for. A zero
// field means its default. What exceeds a limit ends the session with ELIMIT,
// unless it says otherwise.
type Limits struct {
	// Line is the largest response, in bytes, not counting the literals of
	// body sections. Default 1 MiB.
	Line int
	// Literal is the largest body section, in bytes. Default 64 MiB.
	Literal int64
	// Message is how many bytes of body sections Fetch holds for one message,
	// and how long the answer to any other command may be in all. Larger
	// sections are for Download and Part. Default 8 MiB.
	Message int64
	// Nesting is how deep parentheses may nest. Default 100.
	Nesting int
	// Results is how many numbers Search, mailboxes List, and so on, may return.
	// Default 100,000.
	Results int
	// Order is how many messages Sort and Threads put in order where the server
	// can't; more are ELIMIT, and the session goes on. Default 5,000.
	Order int
	// Drain is how many bytes of a Literal that was closed early are read and
	// thrown away, rather than ending the session. Default 64 KiB.
	Drain int64
}

func (l Limits) withDefaults() Limits {
	if l.Line <= 0 {
		l.Line = 1 << 20
	}
	if l.Literal <= 0 {
		l.Literal = 64 << 20
	}
	if l.Message <= 0 {
		l.Message = 8 << 20
	}
	if l.Nesting <= 0 {
		l.Nesting = 100
	}
	if l.Results <= 0 {
		l.Results = 100_000
	}
	if l.Order <= 0 {
		l.Order = 5000
	}
	if l.Drain <= 0 {
		l.Drain = 64 << 10
	}
	return l
}

func (o Options) withDefaults() Options {
	if o.Security == "" {
		o.Security = dial.TLS
	}
	if o.Port == 0 {
		o.Port = 143
		if o.Security == dial.TLS {
			o.Port = 993
		}
	}
	if o.Auth.Host == "" {
		o.Auth.Host = o.Host
	}
	if o.Auth.Port == 0 {
		o.Auth.Port = o.Port
	}
	if o.Enable == nil {
		o.Enable = []imap.Cap{"IMAP4rev2", "UTF8=ACCEPT"}
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.Poll <= 0 {
		o.Poll = time.Minute
	}
	if o.IdleRestart <= 0 || o.IdleRestart > 25*time.Minute {
		o.IdleRestart = 25 * time.Minute
	}
	o.Limits = o.Limits.withDefaults()
	return o
}
