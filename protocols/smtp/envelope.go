package smtp

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

// Envelope says from whom and to whom a message goes, whatever its header says.
type Envelope struct {
	// From is the address that failures are reported to; empty for none, as
	// reports of failures themselves have it.
	From string
	// To are the addresses of those who are to get it, at least one. Addresses
	// are bare: no name, no angle brackets.
	To []string

	// Size of the message in octets, where it is known: a server that doesn't
	// take so much is not sent any of it (EMSGSIZE).
	Size int64

	// UTF8 says that the message is one of RFC 6532. Where an address, or the
	// beginning of the header, is not ASCII, that is seen without it.
	UTF8 bool

	// RequireTLS has the message travel over secured connections only, all the
	// way, or come back (RFC 8689). ENOTSUP where this one is not secured.
	RequireTLS bool

	DSN DSN
}

// DSN says what the sender wants to hear of the delivery (RFC 3461). The zero
// DSN leaves it to the servers, which report failures.
type DSN struct {
	// Notify lists "SUCCESS", "FAILURE" and "DELAY", or is "NEVER" alone.
	Notify []string
	// Return is how much of the message a report of a failure has: "FULL" or
	// "HDRS".
	Return string
	// ID comes back in the reports, which so can be told from each other.
	ID string
	// OriginalRecipient is the address that the message was sent to at first;
	// default is the recipient's own.
	OriginalRecipient string
}

// maxPath is what RFC 5321, section 4.5.3.1.3, has for an address; maxID is of
// RFC 3461, section 4.4.
const (
	maxPath = 254
	maxID   = 100
)

// isAddress reports whether s can stand between angle brackets and nothing but
// an address can be read there: local-part@domain, or Postmaster (RFC 5321,
// section 4.1.2).
func isAddress(s string) bool {
	if s == "" || len(s) > maxPath || !utf8.ValidString(s) {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7F {
			return false
		}
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return strings.EqualFold(s, "postmaster")
	}
	local, domain := s[:at], s[at+1:]
	if strings.HasPrefix(local, `"`) {
		if !isQuoted(local) {
			return false
		}
	} else if !isPlain(local) {
		return false
	}
	if literal, ok := strings.CutPrefix(domain, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		return ok && literal != "" && strings.Trim(literal, "0123456789abcdefABCDEFIPv.:") == ""
	}
	return isPlain(domain)
}

// isPlain reports whether s is free of what means something in a path.
func isPlain(s string) bool {
	return s != "" && !strings.ContainsAny(s, "\" ()<>[]:;,\\@")
}

func isQuoted(s string) bool {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i == len(s)-1
		}
	}
	return false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// check is EINVAL for an envelope that can't be sent, and ENOTSUP or EMSGSIZE
// for one that this server doesn't take.
func (e *Envelope) check(s *Session) error {
	if e.From != "" && !isAddress(e.From) {
		return notAddress(e.From)
	}
	if len(e.To) == 0 {
		return invalid("The message has no recipient.")
	}
	for _, to := range e.To {
		if !isAddress(to) {
			return notAddress(to)
		}
		e.UTF8 = e.UTF8 || !isASCII(to)
	}
	e.UTF8 = e.UTF8 || !isASCII(e.From)
	if limit := s.MaxSize(); limit > 0 && e.Size > limit {
		return newError(coded.EMSGSIZE, "The message is larger than the "+strconv.FormatInt(limit, 10)+" bytes that the server takes.", nil)
	}
	if e.RequireTLS {
		if s.o.Security == dial.None {
			return newError(coded.ENOTSUP, "The connection is not secured.", nil)
		}
		if !s.Has("REQUIRETLS") {
			return unsupported("REQUIRETLS")
		}
	}
	if e.UTF8 && !s.Has("SMTPUTF8") {
		return errNoUTF8
	}
	return e.DSN.check(s)
}

var errNoUTF8 error = newError(coded.ENOTSUP, "The server takes no address, and no header, with characters beyond ASCII.", nil)

func notAddress(s string) error {
	return invalid("This is not an address: " + coded.Text(strconv.Quote(s)))
}

//go:noinline
func unsupported(what string) error {
	return newError(coded.ENOTSUP, "The server can't do this: it lacks "+what+".", nil)
}

func (d *DSN) check(s *Session) error {
	for _, word := range d.Notify {
		if word != "SUCCESS" && word != "FAILURE" && word != "DELAY" && (word != "NEVER" || len(d.Notify) > 1) {
			return invalid("There is no such kind of notification.")
		}
	}
	switch {
	case d.Return != "" && d.Return != "FULL" && d.Return != "HDRS":
		return invalid("A notification returns FULL or HDRS.")
	case len(xtext(d.ID)) > maxID || !isASCII(d.ID):
		return invalid("The identifier of the envelope is too long, or not ASCII.")
	case d.OriginalRecipient != "" && (!isAddress(d.OriginalRecipient) || !isASCII(d.OriginalRecipient)):
		return notAddress(d.OriginalRecipient)
	case (len(d.Notify) > 0 || d.Return != "" || d.ID != "" || d.OriginalRecipient != "") && !s.Has("DSN"):
		return unsupported("DSN")
	}
	return nil
}

// xtext writes a parameter (RFC 3461, section 4).
//
//go:noinline
func xtext(s string) string {
	const hex = "0123456789ABCDEF"
	var b []byte
	for i := range len(s) {
		if c := s[i]; c > ' ' && c < 0x7F && c != '+' && c != '=' {
			b = append(b, c)
		} else {
			b = append(b, '+', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

// mail is the MAIL command.
func (e *Envelope) mail(s *Session) string {
	line := "MAIL FROM:<" + e.From + ">"
	if e.Size > 0 && s.Has("SIZE") {
		line += " SIZE=" + strconv.FormatInt(e.Size, 10)
	}
	if s.Has("8BITMIME") {
		line += " BODY=8BITMIME"
	}
	if e.UTF8 {
		line += " SMTPUTF8"
	}
	if e.RequireTLS {
		line += " REQUIRETLS"
	}
	if e.DSN.Return != "" {
		line += " RET=" + e.DSN.Return
	}
	if e.DSN.ID != "" {
		line += " ENVID=" + xtext(e.DSN.ID)
	}
	return line
}

// rcpt is a RCPT command.
func (e *Envelope) rcpt(to string) string {
	line := "RCPT TO:<" + to + ">"
	if len(e.DSN.Notify) > 0 {
		line += " NOTIFY=" + strings.Join(e.DSN.Notify, ",")
	}
	if e.DSN.OriginalRecipient != "" {
		line += " ORCPT=rfc822;" + xtext(e.DSN.OriginalRecipient)
	}
	return line
}
