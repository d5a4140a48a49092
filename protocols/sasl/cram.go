package sasl

import "encoding/hex"

// cram is CRAM-MD5 (RFC 2195).
type cram struct {
	user, pass string
	done       bool
}

func (c *cram) Start() (string, []byte, error) { return CRAMMD5, nil, nil }

func (c *cram) Next(challenge []byte) ([]byte, error) {
	if c.done {
		return nil, errUnexpected
	}
	c.done = true
	code := newMAC(md5Digest, []byte(c.pass)).sum(nil, challenge)
	return []byte(c.user + " " + hex.EncodeToString(code)), nil
}

// xoauth2 is Google's and Microsoft's elder form of OAUTHBEARER.
type xoauth2 struct{ c Credentials }

func (x *xoauth2) Start() (string, []byte, error) {
	return XOAuth2, []byte("user=" + x.c.User + "\x01auth=Bearer " + x.c.AccessToken + "\x01\x01"), nil
}

// Next answers the server's error document with nothing, as both want it; the
// verdict comes with the end of the exchange.
func (x *xoauth2) Next([]byte) ([]byte, error) { return []byte{}, nil }
