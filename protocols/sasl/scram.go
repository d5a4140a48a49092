package sasl

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"

	"kaiwire/protocols/coded"
)

// How often the password may be hashed: less than that gives it away to who
// listens in (RFC 7677, section 4), and more takes a phone minutes.
const (
	minIterations = 4096
	maxIterations = 200_000
)

// scram is SCRAM (RFC 5802, RFC 7677): the password doesn't cross the network,
// and the server has to prove that it knows it as well.
//
// Passwords beyond ASCII are taken as they are, without the normalisation of
// RFC 4013, whose tables are larger than all the rest.
type scram struct {
	mechanism string
	digest    *digest
	user      string
	pass      string
	gs2       string // header that says what is bound to the channel
	binding   []byte // the channel's data, with -PLUS

	step    int
	first   string // client-first-message-bare
	nonce   string
	expects []byte // signature that the server has to show
	proven  bool
}

func newSCRAM(mechanism string, c Credentials, offered []string) *scram {
	s := &scram{mechanism: mechanism, user: c.User, pass: c.Pass, digest: sha256Digest, gs2: "n,,"}
	if strings.HasPrefix(mechanism, "SCRAM-SHA-1") {
		s.digest = sha1Digest
	}
	switch {
	case strings.HasSuffix(mechanism, plus):
		s.gs2 = "p=" + c.Binding.Type + ",,"
		s.binding = c.Binding.Data
	case c.Binding != nil && !contains(offered, mechanism+plus):
		// If somebody in between has struck -PLUS from the list, the server
		// will know by this.
		s.gs2 = "y,,"
	}
	return s
}

const plus = "-PLUS"

func (s *scram) Start() (string, []byte, error) {
	// Nobody may have seen it before, but it is no secret, and foreseeing it
	// helps nobody: the proofs of both sides need the password. crypto/rand is
	// 0.1 MB of code.
	random := make([]byte, 18)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	s.nonce = base64.StdEncoding.EncodeToString(random)
	s.first = "n=" + escapeName(s.user) + ",r=" + s.nonce
	return s.mechanism, []byte(s.gs2 + s.first), nil
}

// escapeName writes a name so that it can stand between commas (RFC 5802,
// section 5.1).
//
//go:noinline
func escapeName(name string) string {
	var b []byte // by hand: strings.Replace and Replacer are 25 KB of a module's code
	for i := range len(name) {
		switch name[i] {
		case '=':
			b = append(b, "=3D"...)
		case ',':
			b = append(b, "=2C"...)
		default:
			b = append(b, name[i])
		}
	}
	return string(b)
}

func (s *scram) Next(challenge []byte) ([]byte, error) {
	s.step++
	switch s.step {
	case 1:
		return s.answer(string(challenge))
	case 2:
		return []byte{}, s.verify(string(challenge))
	}
	return nil, errUnexpected
}

var errUnexpected = errors.New("sasl: the server goes on after the end")

// attributes splits a message; the names have to come in their order.
func attributes(message string, names string) ([]string, error) {
	fields := strings.Split(message, ",")
	if len(fields) < len(names) {
		return nil, errMessage
	}
	var values []string
	for i := range names {
		if f := fields[i]; len(f) < 2 || f[0] != names[i] || f[1] != '=' {
			return nil, errMessage
		}
		values = append(values, fields[i][2:])
	}
	return values, nil
}

var errMessage = coded.New(coded.EPROTO, "", "", errors.New("sasl: the server's message can't be understood"))

// answer takes server-first-message and gives client-final-message.
func (s *scram) answer(message string) ([]byte, error) {
	values, err := attributes(message, "rsi")
	if err != nil {
		return nil, err
	}
	salt, err := base64.StdEncoding.DecodeString(values[1])
	if err != nil {
		return nil, errMessage
	}
	count, err := strconv.Atoi(values[2])
	switch {
	case err != nil || len(values[0]) <= len(s.nonce) || !strings.HasPrefix(values[0], s.nonce):
		return nil, errMessage
	case count > maxIterations:
		return nil, coded.New(coded.ELIMIT, "", "The server asks for more computing than this phone can do.", nil)
	case count < minIterations:
		return nil, coded.New(coded.EAUTH, "", "The server asks for too weak a protection of the password.", nil)
	}
	salted := pbkdf2(s.digest, s.pass, salt, count)
	bound := base64.StdEncoding.EncodeToString(append([]byte(s.gs2), s.binding...))
	final := "c=" + bound + ",r=" + values[0]
	signed := s.first + "," + message + "," + final
	clientKey := s.mac(salted, "Client Key")
	proof := s.mac(s.digest.hash(clientKey), signed)
	for i := range proof {
		proof[i] ^= clientKey[i]
	}
	s.expects = s.mac(s.mac(salted, "Server Key"), signed)
	return []byte(final + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

func (s *scram) mac(key []byte, text string) []byte {
	return newMAC(s.digest, key).sum(nil, []byte(text))
}

// verify takes server-final-message.
func (s *scram) verify(message string) error {
	if reason, refused := strings.CutPrefix(message, "e="); refused {
		reason, _, _ = strings.Cut(reason, ",")
		e := coded.New(coded.EAUTH, "", "", nil)
		e.Response = reason
		return e
	}
	values, err := attributes(message, "v")
	if err != nil {
		return err
	}
	signature, err := base64.StdEncoding.DecodeString(values[0])
	if err != nil || string(signature) != string(s.expects) {
		return errUnproven
	}
	s.proven = true
	return nil
}

var errUnproven = coded.New(coded.EAUTH, "", "The server does not know the password: this may not be the right server.", nil)

// Verify says whether a login that the server has accepted is one: with SCRAM
// it has to have proven that it knows the password as well. The protocols call
// it before they believe in a success.
func Verify(c Client) error {
	if s, ok := c.(*scram); ok && !s.proven {
		return errUnproven
	}
	return nil
}
