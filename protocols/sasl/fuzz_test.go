package sasl_test

import (
	"bytes"
	"testing"

	"kaiwire/protocols/sasl"
)

// Whatever the server asks, it is answered or refused, and never proven by
// accident.
func FuzzChallenge(f *testing.F) {
	mechanisms := []string{sasl.SCRAMSHA1, sasl.SCRAMSHA256, sasl.CRAMMD5, sasl.OAuthBearer, sasl.XOAuth2, sasl.Login, sasl.Plain}
	for which := range mechanisms {
		for _, s := range []string{
			"", "Password:", "<1896.697170952@postoffice.example.net>", `{"status":"401","schemes":"bearer"}`,
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "e=invalid-proof",
		} {
			f.Add(byte(which), []byte(s), []byte("v=AAAA"))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, first, second []byte) {
		c := sasl.Credentials{User: "asha", Pass: "pw", AccessToken: "token", Mechanism: mechanisms[int(which)%len(mechanisms)]}
		mechanism, client, err := sasl.New(c, []string{c.Mechanism})
		if err != nil {
			t.Fatal(err)
		}
		_, initial, err := client.Start()
		if err != nil {
			t.Fatal(err)
		}
		// A server of SCRAM goes on from the nonce that it was sent.
		if _, nonce, ok := bytes.Cut(initial, []byte(",r=")); ok {
			first = append(append([]byte("r="), nonce...), first...)
		}
		for _, question := range [][]byte{first, second} {
			if _, err := client.Next(question); err != nil {
				break
			}
		}
		scram := mechanism == sasl.SCRAMSHA1 || mechanism == sasl.SCRAMSHA256
		if scram && sasl.Verify(client) == nil {
			t.Errorf("%s: %q, %q prove something", mechanism, first, second)
		}
	})
}
