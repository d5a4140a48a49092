package sasl

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	stdpbkdf2 "crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"strings"
	"testing"

	"kaiwire/protocols/coded"
)

var digests = map[string]struct {
	own      *digest
	standard func() hash.Hash
}{"SHA-1": {sha1Digest, sha1.New}, "SHA-256": {sha256Digest, sha256.New}, "MD5": {md5Digest, md5.New}}

// compare holds a digest to the standard library's.
func compare(t *testing.T, text, key []byte) {
	t.Helper()
	for name, d := range digests {
		h := d.standard()
		h.Write(text)
		if got, want := d.own.hash(text), h.Sum(nil); !bytes.Equal(got, want) {
			t.Errorf("%s of %q: %x, want %x", name, text, got, want)
		}
		m := hmac.New(d.standard, key)
		m.Write(text)
		if got, want := newMAC(d.own, key).sum(nil, text), m.Sum(nil); !bytes.Equal(got, want) {
			t.Errorf("HMAC-%s of %q by %q: %x, want %x", name, text, key, got, want)
		}
	}
}

func TestDigests(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789abcdef"), 20)
	for n := range len(long) {
		compare(t, long[:n], long[n:])
	}
	for name, d := range digests {
		want, err := stdpbkdf2.Key(d.standard, "pencil", []byte("salt"), 100, d.own.size)
		if got := pbkdf2(d.own, "pencil", []byte("salt"), 100); err != nil || !bytes.Equal(got, want) {
			t.Errorf("PBKDF2 by %s: %x, want %x", name, got, want)
		}
	}
}

func FuzzDigests(f *testing.F) {
	f.Add([]byte("abc"), []byte("key"))
	f.Fuzz(func(t *testing.T, text, key []byte) { compare(t, text, key) })
}

// The examples of RFC 5802, section 5, and RFC 7677, section 3.
func TestSCRAMExamples(t *testing.T) {
	for _, tc := range []struct{ mechanism, nonce, challenge, answer, final string }{
		{SCRAMSHA1, "fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
		{SCRAMSHA256, "rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	} {
		s := newSCRAM(tc.mechanism, Credentials{User: "user", Pass: "pencil"}, nil)
		s.nonce, s.first = tc.nonce, "n=user,r="+tc.nonce
		answer, err := s.Next([]byte(tc.challenge))
		if err != nil || string(answer) != tc.answer {
			t.Errorf("%s: got %s, %v; want %s", tc.mechanism, answer, err, tc.answer)
		}
		if Verify(s) == nil {
			t.Errorf("%s: proven before the proof", tc.mechanism)
		}
		if answer, err := s.Next([]byte(tc.final)); err != nil || answer == nil || len(answer) > 0 || Verify(s) != nil {
			t.Errorf("%s: got %q, %v, %v", tc.mechanism, answer, err, Verify(s))
		}
		if _, err := s.Next([]byte("more")); err == nil {
			t.Errorf("%s: goes on after the end", tc.mechanism)
		}
	}
}

// exchange plays a server's part up to its first message, and gives the
// client's answer to it.
func exchange(t *testing.T, c Credentials, offered []string, mechanism string, message func(first string) string) ([]byte, error) {
	t.Helper()
	c.Mechanism = mechanism
	_, client, err := New(c, offered)
	if err != nil {
		t.Fatal(err)
	}
	_, first, err := client.Start()
	if err != nil {
		t.Fatal(err)
	}
	return client.Next([]byte(message(string(first))))
}

func nonceOf(first string) string { return first[strings.Index(first, ",r=")+3:] }

func TestSCRAMRefuses(t *testing.T) {
	c := Credentials{User: "us,er=", Pass: "pencil"}
	for name, tc := range map[string]struct {
		message string // {n} is the client's nonce
		code    coded.Code
	}{
		"another nonce":         {"r=xyz,s=QSXCR+Q6sek8bf92,i=4096", coded.EPROTO},
		"no nonce of its own":   {"r={n},s=QSXCR+Q6sek8bf92,i=4096", coded.EPROTO},
		"too few iterations":    {"r={n}x,s=QSXCR+Q6sek8bf92,i=4095", coded.EAUTH},
		"too many":              {"r={n}x,s=QSXCR+Q6sek8bf92,i=2147483647", coded.ELIMIT},
		"far too many":          {"r={n}x,s=QSXCR+Q6sek8bf92,i=99999999999999999999", coded.EPROTO},
		"less than none":        {"r={n}x,s=QSXCR+Q6sek8bf92,i=-1", coded.EAUTH},
		"bad salt":              {"r={n}x,s=!,i=4096", coded.EPROTO},
		"a mandatory extension": {"m=ext,r={n}x,s=QSXCR+Q6sek8bf92,i=4096", coded.EPROTO},
		"nothing":               {"", coded.EPROTO},
		"too little":            {"r={n}x,s=QSXCR+Q6sek8bf92", coded.EPROTO},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := exchange(t, c, []string{SCRAMSHA256}, SCRAMSHA256, func(first string) string {
				if !strings.HasPrefix(first, "n,,n=us=2Cer=3D,r=") {
					t.Errorf("began with %s", first)
				}
				return strings.ReplaceAll(tc.message, "{n}", nonceOf(first))
			})
			var e *coded.Error
			if !errors.As(err, &e) || e.Code != tc.code {
				t.Errorf("got %q, %v; want %s", answer, err, tc.code)
			}
		})
	}
}

// A server that proves nothing, or proves it wrongly, is not believed.
func TestSCRAMWantsProof(t *testing.T) {
	for final, response := range map[string]string{"v=AAAA": "", "v=!": "", "": "", "e=invalid-proof": "invalid-proof", "x=1": ""} {
		_, client, err := New(Credentials{User: "u", Pass: "p"}, []string{SCRAMSHA1})
		if err != nil {
			t.Fatal(err)
		}
		_, first, _ := client.Start()
		if _, err := client.Next([]byte("r=" + nonceOf(string(first)) + "x,s=QSXC,i=4096")); err != nil {
			t.Fatal(err)
		}
		var e *coded.Error
		if _, err := client.Next([]byte(final)); !errors.As(err, &e) || e.Response != response {
			t.Errorf("%q: got %v", final, err)
		}
		if !errors.As(Verify(client), &e) || e.Code != coded.EAUTH {
			t.Errorf("%q is believed: %v", final, Verify(client))
		}
	}
	_, plain, _ := New(Credentials{User: "u", Pass: "p"}, []string{Plain})
	if err := Verify(plain); err != nil {
		t.Errorf("PLAIN proves nothing: %v", err)
	}
}

func TestSCRAMBinds(t *testing.T) {
	c := Credentials{User: "u", Pass: "p", Binding: &ChannelBinding{"tls-exporter", []byte("data")}}
	for _, tc := range []struct {
		mechanism string
		offered   []string
		header    string
		bound     string
	}{
		{SCRAMSHA256Plus, []string{SCRAMSHA256Plus}, "p=tls-exporter,,", "p=tls-exporter,,data"},
		{SCRAMSHA256, []string{SCRAMSHA256}, "y,,", "y,,"},
		{SCRAMSHA256, []string{SCRAMSHA256, SCRAMSHA256Plus}, "n,,", "n,,"},
	} {
		answer, err := exchange(t, c, tc.offered, tc.mechanism, func(first string) string {
			if !strings.HasPrefix(first, tc.header+"n=u,r=") {
				t.Errorf("%s began with %s", tc.mechanism, first)
			}
			return "r=" + nonceOf(first) + "x,s=QSXC,i=4096"
		})
		if want := "c=" + base64.StdEncoding.EncodeToString([]byte(tc.bound)) + ","; err != nil || !strings.HasPrefix(string(answer), want) {
			t.Errorf("%s: got %s, %v", tc.mechanism, answer, err)
		}
	}
}

func TestCRAMMD5(t *testing.T) { // the example of RFC 2195, section 2
	_, client, err := New(Credentials{User: "tim", Pass: "tanstaaftanstaaf"}, []string{CRAMMD5})
	if err != nil {
		t.Fatal(err)
	}
	if _, initial, _ := client.Start(); initial != nil {
		t.Errorf("began with %q", initial)
	}
	got, err := client.Next([]byte("<1896.697170952@postoffice.reston.mci.net>"))
	if err != nil || string(got) != "tim b913a602c7eda7a495b4e6e7334d3890" {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := client.Next(nil); err == nil {
		t.Error("goes on after the end")
	}
}

func TestXOAuth2(t *testing.T) {
	_, client, err := New(Credentials{User: "a@b", AccessToken: "tok"}, []string{XOAuth2})
	if err != nil {
		t.Fatal(err)
	}
	if _, initial, _ := client.Start(); string(initial) != "user=a@b\x01auth=Bearer tok\x01\x01" {
		t.Errorf("began with %q", initial)
	}
	if answer, err := client.Next([]byte(`{"status":"400"}`)); answer == nil || len(answer) > 0 || err != nil {
		t.Errorf("answered %q, %v", answer, err)
	}
}
