// Package sasl chooses a SASL mechanism (RFC 4422) that both the credentials
// and the server can do, and makes the client half of it.
//
// The clients are those of github.com/emersion/go-sasl, but for two: its
// OAUTHBEARER links encoding/json, 0.48 MB of code in every module, for a
// document that needs no reading; and its LOGIN gives up where a server does
// not ask with the very word "Password:".
package sasl

import (
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"

	"kaiwire/protocols/coded"
)

// Names of the mechanisms, as IANA registers them.
const (
	Plain       = sasl.Plain       // RFC 4616
	Login       = sasl.Login       // draft-murchison-sasl-login
	External    = sasl.External    // RFC 4422, appendix A
	OAuthBearer = sasl.OAuthBearer // RFC 7628
	Anonymous   = sasl.Anonymous   // RFC 4505
	XOAuth2     = "XOAUTH2"        // developers.google.com/workspace/gmail/imap/xoauth2-protocol
	CRAMMD5     = "CRAM-MD5"       // RFC 2195

	SCRAMSHA1       = "SCRAM-SHA-1"        // RFC 5802
	SCRAMSHA1Plus   = "SCRAM-SHA-1-PLUS"   // with the channel bound
	SCRAMSHA256     = "SCRAM-SHA-256"      // RFC 7677
	SCRAMSHA256Plus = "SCRAM-SHA-256-PLUS" // with the channel bound
)

// Client is the client half of an exchange, which it serves once. After an
// error of Next the exchange is to be aborted the protocol's way ("*" in IMAP
// and IRC).
type Client = sasl.Client

// Credentials say who logs in, and with what.
type Credentials struct {
	User        string
	Pass        string
	AccessToken string // OAuth 2 access token, used instead of Pass
	// Mechanism forces one; empty means the strongest that both sides have.
	// EXTERNAL and ANONYMOUS are only ever used when they are named here: the
	// server's offer alone doesn't say that the connection carries a client
	// certificate, or that the user wants to be nobody.
	Mechanism string
	// Host and Port are those that were connected to. OAUTHBEARER sends them
	// where they are set.
	Host string
	Port int
	// Binding ties a SCRAM login to the TLS connection that it is made on, where
	// that is known: TLS of our own tells, a phone's doesn't.
	Binding *ChannelBinding
}

// ChannelBinding is what both ends of a TLS connection know of it, and nobody
// in between.
type ChannelBinding struct {
	Type string // "tls-exporter" (RFC 9266), "tls-unique" (RFC 5929)
	Data []byte
}

// New chooses a mechanism out of those that the server has offered and makes
// its client. Names are compared without regard to case. It does no checks on
// the connection: forbidding a password in the clear is the caller's part.
//
// Errors are *coded.Error: EINVAL for credentials that no mechanism can carry,
// EAUTH where something that the mechanism needs is missing from them, ENOTSUP
// where the two sides have no mechanism in common.
func New(c Credentials, offered []string) (mechanism string, client Client, err error) {
	if strings.ContainsRune(c.User+c.Pass, 0) || strings.ContainsAny(c.AccessToken, "\x00\x01\r\n") {
		return "", nil, coded.New(coded.EINVAL, "", "The user name or password contains a character that can't be sent.", nil)
	}
	if c.Mechanism != "" {
		mechanism = strings.ToUpper(c.Mechanism)
		if !known(mechanism) {
			return "", nil, coded.New(coded.ENOTSUP, "", "The login mechanism "+mechanism+" is not supported.", nil)
		}
		if !contains(offered, mechanism) {
			return "", nil, notOffered(mechanism, offered)
		}
	} else if mechanism = strongest(c, offered); mechanism == "" {
		if c.AccessToken == "" && c.Pass == "" {
			return "", nil, coded.New(coded.EAUTH, "", "No password and no access token were given.", nil)
		}
		return "", nil, notOffered(strings.Join(usable(c), " or "), offered)
	}
	switch mechanism {
	case OAuthBearer:
		if c.AccessToken == "" {
			return "", nil, missing(mechanism, "an access token")
		}
		return mechanism, &oauthBearer{c}, nil
	case XOAuth2:
		if c.AccessToken == "" || c.User == "" {
			return "", nil, missing(mechanism, "a user name and an access token")
		}
		return mechanism, &xoauth2{c}, nil
	case External:
		return mechanism, sasl.NewExternalClient(c.User), nil
	case Anonymous:
		return mechanism, sasl.NewAnonymousClient(c.User), nil
	}
	switch {
	case c.User == "":
		return "", nil, missing(mechanism, "a user name")
	case c.Pass == "":
		return "", nil, missing(mechanism, "a password")
	case mechanism == Plain:
		return mechanism, sasl.NewPlainClient("", c.User, c.Pass), nil
	case mechanism == CRAMMD5:
		return mechanism, &cram{user: c.User, pass: c.Pass}, nil
	case strings.HasPrefix(mechanism, "SCRAM-"):
		if strings.HasSuffix(mechanism, plus) && c.Binding == nil {
			return "", nil, coded.New(coded.ENOTSUP, "", "The login mechanism "+mechanism+" needs TLS of our own.", nil)
		}
		return mechanism, newSCRAM(mechanism, c, offered), nil
	default:
		return mechanism, &login{user: c.User, pass: c.Pass}, nil
	}
}

// usable lists what c can be used with, strongest first. A token is stronger
// than a password because it can be revoked and reaches less; a mechanism by
// which the password stays here is stronger than one that sends it.
//
//go:noinline
func usable(c Credentials) []string {
	var l []string
	if c.AccessToken != "" {
		l = append(l, OAuthBearer)
		if c.User != "" {
			l = append(l, XOAuth2)
		}
	}
	if c.Pass != "" {
		if c.Binding != nil {
			l = append(l, SCRAMSHA256Plus, SCRAMSHA1Plus)
		}
		l = append(l, SCRAMSHA256, SCRAMSHA1, CRAMMD5, Plain, Login)
	}
	return l
}

func strongest(c Credentials, offered []string) string {
	for _, m := range usable(c) {
		if contains(offered, m) {
			return m
		}
	}
	return ""
}

func known(mechanism string) bool {
	return contains([]string{
		Plain, Login, External, Anonymous, OAuthBearer, XOAuth2, CRAMMD5,
		SCRAMSHA1, SCRAMSHA1Plus, SCRAMSHA256, SCRAMSHA256Plus,
	}, mechanism)
}

func contains(l []string, s string) bool {
	for _, e := range l {
		if strings.EqualFold(e, s) {
			return true
		}
	}
	return false
}

// maxOffered bounds how much of a server's list is repeated in an error.
const maxOffered = 8

func notOffered(wanted string, offered []string) error {
	has := "none"
	if len(offered) > 0 {
		if len(offered) > maxOffered {
			offered = offered[:maxOffered]
		}
		has = strings.Join(offered, ", ")
	}
	return coded.New(coded.ENOTSUP, "", "The server does not offer the login mechanism "+wanted+"; it offers: "+has+".", nil)
}

func missing(mechanism, what string) error {
	return coded.New(coded.EAUTH, "", "The login mechanism "+mechanism+" needs "+what+".", nil)
}

// login goes by the order of the challenges and not by their text: servers
// ask "Username:", "User Name\x00" and much else.
type login struct {
	user, pass string
	step       int
}

func (l *login) Start() (string, []byte, error) { return Login, nil, nil }

func (l *login) Next([]byte) ([]byte, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte(l.user), nil
	case 2:
		return []byte(l.pass), nil
	}
	return nil, sasl.ErrUnexpectedServerChallenge
}

type oauthBearer struct{ c Credentials }

func (o *oauthBearer) Start() (string, []byte, error) {
	s := "n,"
	if o.c.User != "" {
		s += "a=" + escapeName(o.c.User)
	}
	s += ",\x01"
	if o.c.Host != "" {
		s += "host=" + o.c.Host + "\x01"
	}
	if o.c.Port != 0 {
		s += "port=" + strconv.Itoa(o.c.Port) + "\x01"
	}
	return OAuthBearer, []byte(s + "auth=Bearer " + o.c.AccessToken + "\x01\x01"), nil
}

// Next gives the answer that RFC 7628, section 3.2.3, wants for the server's
// error document; the verdict itself comes with the end of the exchange.
func (o *oauthBearer) Next([]byte) ([]byte, error) { return []byte{1}, nil }
