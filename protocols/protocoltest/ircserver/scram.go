package ircserver

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"
)

// scram is the server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677).
type scram struct {
	passwords         map[string]string
	user, nonce       string
	bare, serverFirst string
	salt              []byte
	verified          bool
}

const iterations = 4096

// next takes a message of the client's and returns the next challenge; where
// that is empty, done tells whether the client has proved itself.
func (s *scram) next(text string) (challenge string, done bool) {
	field := func(name string) string {
		for part := range strings.SplitSeq(text, ",") {
			if value, ok := strings.CutPrefix(part, name+"="); ok {
				return value
			}
		}
		return ""
	}
	switch {
	case s.verified:
		return "", true
	case s.nonce == "":
		_, s.bare, _ = strings.Cut(text, ",,")
		s.user = field("n")
		s.salt = []byte("salt of " + s.user)
		s.nonce = field("r") + rand.Text()
		s.serverFirst = "r=" + s.nonce + ",s=" + base64.StdEncoding.EncodeToString(s.salt) + ",i=" + strconv.Itoa(iterations)
		return s.serverFirst, false
	}
	password, known := s.passwords[s.user]
	salted, err := pbkdf2.Key(sha256.New, password, s.salt, iterations, sha256.Size)
	if err != nil || !known || field("r") != s.nonce {
		return "", false
	}
	without, _, _ := strings.Cut(text, ",p=")
	auth := s.bare + "," + s.serverFirst + "," + without
	clientKey := sum(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	signature := sum(stored[:], auth)
	proof, err := base64.StdEncoding.DecodeString(field("p"))
	if err != nil || len(proof) != len(signature) {
		return "", false
	}
	for i := range proof {
		proof[i] ^= signature[i]
	}
	if subtle.ConstantTimeCompare(proof, clientKey) != 1 {
		return "", false
	}
	s.verified = true
	return "v=" + base64.StdEncoding.EncodeToString(sum(sum(salted, "Server Key"), auth)), false
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
