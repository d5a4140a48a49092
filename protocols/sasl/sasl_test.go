package sasl_test

import (
	"errors"
	"strings"
	"testing"

	gosasl "github.com/emersion/go-sasl"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/sasl"
)

var (
	_ gosasl.Client = sasl.Client(nil)
	_ sasl.Client   = gosasl.Client(nil)
)

func TestNewChooses(t *testing.T) {
	pass := sasl.Credentials{User: "asha", Pass: "pw"}
	bound := pass
	bound.Binding = &sasl.ChannelBinding{Type: "tls-exporter", Data: []byte("x")}
	token := sasl.Credentials{User: "asha", Pass: "pw", AccessToken: "tok"}
	for _, tc := range []struct {
		name    string
		c       sasl.Credentials
		offered string
		want    string
		code    coded.Code
		says    string // in the error's message
	}{
		{name: "scram before plain", c: pass, offered: "PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS", want: "SCRAM-SHA-256"},
		{name: "bound to the channel", c: bound, offered: "SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS", want: "SCRAM-SHA-256-PLUS"},
		{name: "the elder scram", c: pass, offered: "PLAIN SCRAM-SHA-1 SCRAM-SHA-1-PLUS", want: "SCRAM-SHA-1"},
		{name: "digest before plain", c: pass, offered: "LOGIN PLAIN CRAM-MD5", want: "CRAM-MD5"},
		{name: "plus without a channel", c: sasl.Credentials{User: "a", Pass: "b", Mechanism: "SCRAM-SHA-256-PLUS"}, offered: "SCRAM-SHA-256-PLUS", code: coded.ENOTSUP, says: "TLS of our own"},
		{name: "xoauth2", c: token, offered: "PLAIN XOAUTH2", want: "XOAUTH2"},
		{name: "oauthbearer before xoauth2", c: token, offered: "XOAUTH2 OAUTHBEARER", want: "OAUTHBEARER"},
		{name: "xoauth2 needs a user", c: sasl.Credentials{AccessToken: "t", Mechanism: "XOAUTH2"}, offered: "XOAUTH2", code: coded.EAUTH, says: "user name"},
		{name: "anonymous is never guessed", c: sasl.Credentials{User: "a"}, offered: "ANONYMOUS", code: coded.EAUTH},
		{name: "anonymous by name", c: sasl.Credentials{Mechanism: "anonymous"}, offered: "ANONYMOUS", want: "ANONYMOUS"},
		{name: "plain before login", c: pass, offered: "LOGIN PLAIN", want: "PLAIN"},
		{name: "login alone", c: pass, offered: "login", want: "LOGIN"},
		{name: "token before password", c: token, offered: "PLAIN OAUTHBEARER", want: "OAUTHBEARER"},
		{name: "password where no token is taken", c: token, offered: "PLAIN", want: "PLAIN"},
		{name: "external is never guessed", c: sasl.Credentials{User: "a"}, offered: "EXTERNAL", code: coded.EAUTH},
		{name: "external by name", c: sasl.Credentials{Mechanism: "external"}, offered: "EXTERNAL", want: "EXTERNAL"},
		{name: "forced", c: sasl.Credentials{User: "a", Pass: "b", Mechanism: "LOGIN"}, offered: "PLAIN LOGIN", want: "LOGIN"},
		{name: "forced, not offered", c: sasl.Credentials{User: "a", Pass: "b", Mechanism: "LOGIN"}, offered: "PLAIN GSSAPI", code: coded.ENOTSUP, says: "PLAIN, GSSAPI"},
		{name: "forced, unknown", c: sasl.Credentials{User: "a", Pass: "b", Mechanism: "GSSAPI"}, offered: "GSSAPI", code: coded.ENOTSUP, says: "GSSAPI"},
		{name: "nothing in common", c: pass, offered: "GSSAPI NTLM", code: coded.ENOTSUP, says: "GSSAPI, NTLM"},
		{name: "nothing offered", c: pass, code: coded.ENOTSUP, says: "none"},
		{name: "no user", c: sasl.Credentials{Pass: "b"}, offered: "PLAIN", code: coded.EAUTH, says: "user name"},
		{name: "no password", c: sasl.Credentials{User: "a", Mechanism: "PLAIN"}, offered: "PLAIN", code: coded.EAUTH, says: "password"},
		{name: "no token", c: sasl.Credentials{User: "a", Pass: "b", Mechanism: "OAUTHBEARER"}, offered: "OAUTHBEARER", code: coded.EAUTH, says: "access token"},
		{name: "NUL in password", c: sasl.Credentials{User: "a", Pass: "b\x00c"}, offered: "PLAIN", code: coded.EINVAL},
		{name: "separator in token", c: sasl.Credentials{User: "a", AccessToken: "b\x01c"}, offered: "OAUTHBEARER", code: coded.EINVAL},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, client, err := sasl.New(tc.c, strings.Fields(tc.offered))
			if tc.code == "" {
				if err != nil || got != tc.want {
					t.Fatalf("got %q, %v; want %q", got, err, tc.want)
				}
				if mech, _, _ := client.Start(); mech != tc.want {
					t.Fatalf("Start says %q, want %q", mech, tc.want)
				}
				return
			}
			var e *coded.Error
			if !errors.As(err, &e) || e.Code != tc.code || !strings.Contains(e.Message, tc.says) {
				t.Fatalf("got %v, want %s naming %q", err, tc.code, tc.says)
			}
			if strings.Contains(err.Error(), "pw") {
				t.Fatalf("the error gives the password away: %v", err)
			}
		})
	}
}

func TestErrorRepeatsOnlyAFewOffers(t *testing.T) {
	_, _, err := sasl.New(sasl.Credentials{User: "a", Pass: "b"}, strings.Fields(strings.Repeat("X-MECH ", 1000)))
	if err == nil || len(err.Error()) > 300 {
		t.Fatalf("got an error of %d bytes", len(err.Error()))
	}
}

// The other half is go-sasl's own.
func TestExchanges(t *testing.T) {
	oauth := func(o gosasl.OAuthBearerOptions) *gosasl.OAuthBearerError {
		if o.Token != "tok" || o.Host != "mail.example" || o.Port != 993 || o.Username != "asha" {
			return &gosasl.OAuthBearerError{Status: "invalid_token"}
		}
		return nil
	}
	good := sasl.Credentials{User: "asha", Pass: "pw", AccessToken: "tok", Host: "mail.example", Port: 993}
	bad := good
	bad.AccessToken = "old"
	for _, tc := range []struct {
		name   string
		server gosasl.Server
		c      sasl.Credentials
		mech   string
		ok     bool
	}{
		{"plain", gosasl.NewPlainServer(func(_, u, p string) error {
			if u != "asha" || p != "pw" {
				return errors.New("no")
			}
			return nil
		}), good, sasl.Plain, true},
		{"external", gosasl.NewExternalServer(func(identity string) error {
			if identity != "asha" {
				return errors.New("no")
			}
			return nil
		}), good, sasl.External, true},
		{"oauthbearer", gosasl.NewOAuthBearerServer(oauth), good, sasl.OAuthBearer, true},
		{"oauthbearer refused", gosasl.NewOAuthBearerServer(oauth), bad, sasl.OAuthBearer, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := tc.c
			c.Mechanism = tc.mech
			_, client, err := sasl.New(c, []string{tc.mech})
			if err != nil {
				t.Fatal(err)
			}
			_, resp, err := client.Start()
			for range 4 {
				if err != nil {
					t.Fatal(err)
				}
				challenge, done, serverErr := tc.server.Next(resp)
				if done {
					if (serverErr == nil) != tc.ok {
						t.Fatalf("server says %v", serverErr)
					}
					return
				}
				resp, err = client.Next(challenge)
			}
			t.Fatal("the exchange doesn't end")
		})
	}
}

func TestLoginGoesByOrder(t *testing.T) {
	_, client, err := sasl.New(sasl.Credentials{User: "asha", Pass: "pw", Mechanism: "LOGIN"}, []string{"LOGIN"})
	if err != nil {
		t.Fatal(err)
	}
	if _, initial, _ := client.Start(); initial != nil {
		t.Fatalf("LOGIN has no initial response, got %q", initial)
	}
	for i, want := range []string{"asha", "pw"} {
		got, err := client.Next([]byte("Whatever:"))
		if err != nil || string(got) != want {
			t.Fatalf("answer %d: %q, %v; want %q", i, got, err, want)
		}
	}
	if _, err := client.Next([]byte("More:")); err == nil {
		t.Fatal("a third challenge was answered")
	}
}

func TestPlainRefusesChallenge(t *testing.T) {
	_, client, _ := sasl.New(sasl.Credentials{User: "a", Pass: "b"}, []string{"PLAIN"})
	client.Start()
	if _, err := client.Next([]byte("again")); err == nil {
		t.Fatal("a challenge was answered")
	}
}

func TestOAuthBearerEscapesUser(t *testing.T) {
	_, client, _ := sasl.New(sasl.Credentials{User: "a=b,c", AccessToken: "t"}, []string{"OAUTHBEARER"})
	_, initial, _ := client.Start()
	if got, want := string(initial), "n,a=a=3Db=2Cc,\x01auth=Bearer t\x01\x01"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}
