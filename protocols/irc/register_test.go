package irc

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/protocoltest/ircserver"
	"kaiwire/protocols/sasl"
)

func TestNickInUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := memory(t, ircserver.Options{})
		o := options(nil)
		o.Nick = "amara" // one of the bots
		_, err := Connect(t.Context(), d, o)
		wantCode(t, err, coded.EREJECTED, "433")
		o.AltNicks = []string{"tomas", "0bad", "free", "spare"}
		if s := connect(t, d, o); s.Nick() != "free" {
			t.Errorf("registered as %q", s.Nick())
		}
		o.AltNicks = o.AltNicks[:2]
		_, err = Connect(t.Context(), d, o)
		wantCode(t, err, coded.EREJECTED, "432")
	})
}

func TestServerPassword(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := memory(t, ircserver.Options{Password: "open sesame"})
		o := options(nil)
		o.Password = "open sesame"
		connect(t, d, o)
		o.Nick, o.Password = "me2", "wrong"
		_, err := Connect(t.Context(), d, o)
		wantCode(t, err, coded.EAUTH, "464")
	})
}

func TestSASL(t *testing.T) {
	bubble(t, func(t *testing.T) {
		long := strings.Repeat("p", 900)     // three chunks
		even := strings.Repeat("p", 300-3-4) // fills one exactly: an empty one follows
		d := memory(t, ircserver.Options{Accounts: map[string]string{"me": "secret", "long": long, "even": even}})
		for user, pass := range map[string]string{"me": "secret", "long": long, "even": even} {
			o := options(nil)
			o.Auth = &sasl.Credentials{User: user, Pass: pass}
			s := connect(t, d, o)
			if !strings.Contains(strings.Join(s.Capabilities(), " "), "sasl") {
				t.Errorf("capabilities %q", s.Capabilities())
			}
			s.Quit(t.Context(), "")
		}
		o := options(nil)
		o.Auth = &sasl.Credentials{User: "me", Pass: "wrong"}
		_, err := Connect(t.Context(), d, o)
		wantCode(t, err, coded.EAUTH, "904")
		if !strings.Contains(err.Error(), "Wrong user name or password") {
			t.Errorf("the server's text is not in %v", err)
		}
		o.Auth = &sasl.Credentials{User: "me", AccessToken: "x"}
		_, err = Connect(t.Context(), d, o)
		wantCode(t, err, coded.ENOTSUP, "")
		o.Auth = &sasl.Credentials{User: "me", Pass: "x"}
		_, err = Connect(t.Context(), memory(t, ircserver.Options{}), o)
		wantCode(t, err, coded.ENOTSUP, "")
	})
}

func TestSASLScripts(t *testing.T) {
	begin := func(p *peer, list string) {
		p.want("CAP LS 302")
		p.say(":s CAP * LS :" + list)
		p.want("CAP REQ sasl")
	}
	for name, test := range map[string]struct {
		script   func(p *peer)
		code     coded.Code // empty where it works
		response string
	}{
		"unlisted mechanisms": {func(p *peer) {
			begin(p, "sasl")
			p.say(":s CAP * ACK :sasl")
			p.want("AUTHENTICATE PLAIN")
			p.say("AUTHENTICATE +")
			p.want("AUTHENTICATE " + base64.StdEncoding.EncodeToString([]byte("\x00me\x00secret")))
			p.say(":s 900 * me!me@h me :in", ":s 903 me :done")
			p.want("CAP END")
			p.say(":s 001 me :hi", ":s 376 me :end")
			p.hang()
		}, "", ""},
		"NAK":              {func(p *peer) { begin(p, "sasl"); p.say(":s CAP * NAK :sasl"); p.hang() }, coded.ENOTSUP, ""},
		"welcome too soon": {func(p *peer) { begin(p, "sasl=PLAIN"); p.say(":s 001 me :hi"); p.hang() }, coded.ENOTSUP, ""},
		"locked": {func(p *peer) {
			begin(p, "sasl=PLAIN")
			p.say(":s CAP * ACK :sasl", ":s 902 me :You must use a nick assigned to you")
			p.hang()
		}, coded.EAUTH, "902"},
		"mechanism refused": {func(p *peer) {
			begin(p, "sasl=PLAIN")
			p.say(":s CAP * ACK :sasl")
			p.want("AUTHENTICATE PLAIN")
			p.say(":s 908 me EXTERNAL :are available", ":s 904 me :no")
			p.hang()
		}, coded.EAUTH, "904"},
		"FAIL": {func(p *peer) {
			begin(p, "sasl=PLAIN")
			p.say(":s CAP * ACK :sasl")
			p.want("AUTHENTICATE PLAIN")
			p.say(":s FAIL AUTHENTICATE ACCOUNT_SUSPENDED :Not today")
			p.hang()
		}, coded.EAUTH, "ACCOUNT_SUSPENDED"},
		"second challenge": {func(p *peer) {
			begin(p, "sasl=PLAIN")
			p.say(":s CAP * ACK :sasl")
			p.want("AUTHENTICATE PLAIN")
			p.say("AUTHENTICATE +")
			p.want("AUTHENTICATE ")
			p.say("AUTHENTICATE Zm9v")
			p.hang()
		}, coded.EAUTH, ""},
		"challenge is not base64": {func(p *peer) {
			begin(p, "sasl=PLAIN")
			p.say(":s CAP * ACK :sasl")
			p.want("AUTHENTICATE PLAIN")
			p.say("AUTHENTICATE ****")
			p.hang()
		}, coded.EPROTO, ""},
		"chunk too long": {func(p *peer) {
			begin(p, "sasl=PLAIN")
			p.say(":s CAP * ACK :sasl")
			p.want("AUTHENTICATE PLAIN")
			p.say("AUTHENTICATE " + strings.Repeat("A", 404))
			p.hang()
		}, coded.ELIMIT, ""},
		"challenge without end": {func(p *peer) {
			begin(p, "sasl=PLAIN")
			p.say(":s CAP * ACK :sasl")
			p.want("AUTHENTICATE PLAIN")
			for range 100 {
				p.say("AUTHENTICATE " + strings.Repeat("A", 400))
			}
			p.hang()
		}, coded.ELIMIT, ""},
		"long challenge": {func(p *peer) {
			begin(p, "sasl=PLAIN")
			p.say(":s CAP * ACK :sasl")
			p.want("AUTHENTICATE PLAIN")
			p.say("AUTHENTICATE "+strings.Repeat("A", 400), "AUTHENTICATE +")
			p.hang()
		}, coded.EAUTH, ""}, // PLAIN takes no challenge, of whatever length
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := options(nil)
				o.Auth = &sasl.Credentials{User: "me", Pass: "secret"}
				s, err := Connect(t.Context(), scripted(t, test.script), o)
				if test.code != "" {
					wantCode(t, err, test.code, test.response)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				s.Close()
			})
		})
	}
}

func TestRegistrationScripts(t *testing.T) {
	for name, test := range map[string]struct {
		script   func(p *peer)
		code     coded.Code // empty where it works
		response string
		caps     string
	}{
		"no capabilities at all": {func(p *peer) {
			p.want("USER me 0 * me")
			p.say(":s 421 * CAP :Unknown command", ":s 001 me :hi", ":s 422 me :none")
			p.hang()
		}, "", "", ""},
		"CAP is ignored": {func(p *peer) {
			p.want("USER")
			p.say("NOTICE AUTH :*** Looking up your hostname", ":s 001 me :hi", ":s 376 me :end")
			p.hang()
		}, "", "", ""},
		"no end of MOTD": {func(p *peer) {
			p.want("USER")
			p.say(":s 001 me :hi")
			p.say(":s PONG s " + strings.TrimPrefix(p.want("PING "), "PING "))
			p.hang()
		}, "", "", ""},
		"list in several lines, one refused": {func(p *peer) {
			p.want("CAP LS 302")
			p.say(":s CAP * LS * :away-notify unheard-of", ":s CAP * LS * :echo-message x=y", ":s CAP * LS :batch extra=1 sasl=PLAIN")
			p.want("CAP REQ :away-notify batch extra")
			p.say(":s CAP * NAK :away-notify batch extra")
			p.want("CAP REQ away-notify")
			p.want("CAP REQ batch")
			p.want("CAP REQ extra")
			p.say(":s CAP * ACK :away-notify", ":s CAP * NAK :batch", ":s CAP * ACK :extra")
			p.want("CAP END")
			p.say(":s 001 me :hi", ":s 376 me :end")
			p.hang()
		}, "", "", "away-notify extra"},
		"PING before the welcome": {func(p *peer) {
			p.want("USER")
			p.say("PING :a b:c")
			p.want("PONG :a b:c")
			p.say(":s 001 me :hi", ":s 376 me :end")
			p.hang()
		}, "", "", ""},
		"banned": {func(p *peer) { p.want("USER"); p.say(":s 465 me :You are banned"); p.hang() }, coded.EREJECTED, "465", ""},
		"ERROR":  {func(p *peer) { p.want("USER"); p.say("ERROR :Closing link (too fast)") }, coded.EREJECTED, "ERROR", ""},
		"ERROR for the password, as of ngIRCd": {func(p *peer) {
			p.want("USER")
			p.say("ERROR :Access denied: Bad password?")
		}, coded.EAUTH, "ERROR", ""},
		"464, then ERROR": {func(p *peer) {
			p.want("USER")
			p.say(":s 464 me :Password incorrect", "ERROR :Closing link (too fast)")
		}, coded.EAUTH, "464", ""},
		"FAIL": {func(p *peer) {
			p.want("USER")
			p.say(":s FAIL * ACCOUNT_REQUIRED_TO_CONNECT :Log in first")
			p.hang()
		}, coded.EREJECTED, "ACCOUNT_REQUIRED_TO_CONNECT", ""},
		"hangs up":           {func(p *peer) { p.want("USER") }, coded.ECONNRESET, "", ""},
		"hangs up in a line": {func(p *peer) { p.want("USER"); p.conn.Write([]byte(":s 001 m")) }, coded.ECONNRESET, "", ""},
		"says nothing":       {func(p *peer) { p.hang() }, coded.ETIMEDOUT, "", ""},
		"never welcomes": {func(p *peer) {
			p.want("USER")
			for p.conn.SetWriteDeadline(time.Now().Add(time.Hour)) == nil {
				if _, err := p.conn.Write([]byte(":s NOTICE * :Please wait\r\n")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, coded.ETIMEDOUT, "", ""},
		"takes nothing": {func(p *peer) {
			<-p.t.Context().Done()
		}, coded.ETIMEDOUT, "", ""},
		"garbage": {func(p *peer) {
			p.want("USER")
			p.say("\x16\x03\x01\x00", "\xff\xfe\xfd", ":", "@", "@a", ": ", "   ", ":s 001 me :hi", ":s 376 me :end")
			p.hang()
		}, "", "", ""},
		"a line without end": {func(p *peer) {
			for {
				if _, err := p.conn.Write([]byte(strings.Repeat("x", 4096))); err != nil {
					return
				}
			}
		}, coded.ELIMIT, "", ""},
		"CAP without end": {func(p *peer) {
			p.want("USER")
			for {
				if _, err := p.conn.Write([]byte(":s CAP * LS * :a b c d\r\n")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, coded.ETIMEDOUT, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				o := options(nil)
				o.Capabilities = []string{"extra", "not-there"}
				s, err := Connect(ctx, scripted(t, test.script), o)
				if test.code != "" {
					wantCode(t, err, test.code, test.response)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(s.Capabilities(), " "); got != test.caps {
					t.Errorf("capabilities %q, want %q", got, test.caps)
				}
				s.Close()
			})
		})
	}
}

// deaf is a connection that takes the first write only. What its other side
// has said before is still there to be read, as after a reset.
type deaf struct {
	net.Conn
	writes int
	failed chan struct{} // closed by the second write
}

func (c *deaf) Write(b []byte) (int, error) {
	c.writes++
	switch c.writes {
	case 1:
		return c.Conn.Write(b)
	case 2:
		close(c.failed)
	}
	return 0, syscall.ECONNRESET
}

func TestLastWords(t *testing.T) {
	for name, test := range map[string]struct {
		say      func(p *peer)
		code     coded.Code
		response string
		took     time.Duration
	}{
		"a refusal":   {func(p *peer) { p.say("ERROR :Access denied: Bad password?") }, coded.EAUTH, "ERROR", 0},
		"none":        {func(p *peer) {}, coded.ECONNRESET, "", 0},
		"no end":      {func(p *peer) { p.hang() }, coded.ECONNRESET, "", lastWords},
		"only chat":   {func(p *peer) { p.say(":s NOTICE * :hello"); p.hang() }, coded.ECONNRESET, "", lastWords},
		"and garbage": {func(p *peer) { p.say("\xff"); p.hang() }, coded.ECONNRESET, "", lastWords},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				failed := make(chan struct{})
				d := scripted(t, func(p *peer) {
					p.want("USER")
					p.say(":s CAP * LS :")
					<-failed
					synctest.Wait() // whoever wrote has drawn its conclusions
					test.say(p)
				})
				start := time.Now()
				_, err := Connect(t.Context(), dialer(func(ctx context.Context) (net.Conn, error) {
					conn, err := d.DialContext(ctx, "tcp", "s:1")
					return &deaf{Conn: conn, failed: failed}, err
				}), options(nil))
				wantCode(t, err, test.code, test.response)
				if took := time.Since(start); took != test.took {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestConnectCancelled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := scripted(t, func(p *peer) { p.want("USER"); cancel(); p.hang() })
		seen := newLog()
		_, err := Connect(ctx, d, options(seen.add))
		wantCode(t, err, coded.ABORT_ERR, "")
		_, err = Connect(ctx, dialer(func(ctx context.Context) (net.Conn, error) { return nil, ctx.Err() }), options(nil))
		wantCode(t, err, coded.ABORT_ERR, "")
		if len(seen.c) != 0 {
			t.Errorf("an event for a session that never was: %+v", <-seen.c)
		}
		refused := errors.New("refused")
		_, err = Connect(t.Context(), dialer(func(ctx context.Context) (net.Conn, error) { return nil, refused }), options(nil))
		if wantCode(t, err, coded.UNKNOWN, ""); !errors.Is(err, refused) {
			t.Errorf("the cause is lost in %v", err)
		}
	})
}

func TestCapabilitiesCome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := newLog()
		asked := make(chan string, 1)
		s := connect(t, scripted(t, func(p *peer) {
			p.welcome()
			p.say(":s CAP me NEW :unheard-of batch multi-prefix setname=1")
			asked <- p.want("CAP REQ")
			p.say(":s CAP me ACK :batch setname", ":s CAP me DEL :multi-prefix setname", ":s NOTICE me :now")
			p.hang()
		}), options(seen.add))
		if got := <-asked; got != "CAP REQ :batch setname" {
			t.Errorf("asked %q", got)
		}
		next[*Notice](t, seen)
		if got := strings.Join(s.Capabilities(), " "); got != "batch" {
			t.Errorf("capabilities %q", got)
		}
	})
}

// Each mechanism, against a server that has them all.
func TestSASLMechanisms(t *testing.T) {
	for _, auth := range []sasl.Credentials{
		{User: "me", Pass: "secret", Mechanism: "PLAIN"},
		{User: "me", Pass: "secret", Mechanism: "SCRAM-SHA-256"},
		{User: "me", Pass: "secret"},
		{User: "me", Mechanism: "EXTERNAL"},
		{User: "me", AccessToken: "token"},
	} {
		bubble(t, func(t *testing.T) {
			d := memory(t, ircserver.Options{Accounts: map[string]string{"me": "secret"}, Tokens: map[string]string{"token": "me"}})
			o := options(nil)
			o.Auth = &auth
			if s := connect(t, d, o); s.Account() != "me" {
				t.Errorf("%+v: we are logged in to %q", auth, s.Account())
			}
		})
	}
	for name, auth := range map[string]sasl.Credentials{
		"no such token": {User: "me", AccessToken: "other"},
		"password":      {User: "me", Pass: "wrong", Mechanism: "SCRAM-SHA-256"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := memory(t, ircserver.Options{Accounts: map[string]string{"me": "secret"}, Tokens: map[string]string{"token": "me"}})
				o := options(nil)
				o.Auth = &auth
				_, err := Connect(t.Context(), d, o)
				wantCode(t, err, coded.EAUTH, "904")
				if auth.AccessToken != "" && !strings.Contains(err.Error(), "invalid_token") {
					t.Errorf("the server's reason is not in %v", err)
				}
			})
		})
	}
}

// A server that says that SCRAM went well, and has not proved that it knows the
// password, is not believed.
func TestSCRAMServerProvesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := options(nil)
		o.Auth = &sasl.Credentials{User: "me", Pass: "secret", Mechanism: "SCRAM-SHA-256"}
		_, err := Connect(t.Context(), scripted(t, func(p *peer) {
			p.want("CAP LS 302")
			p.say(":s CAP * LS :sasl=SCRAM-SHA-256")
			p.want("CAP REQ sasl")
			p.say(":s CAP * ACK :sasl")
			p.want("AUTHENTICATE SCRAM-SHA-256")
			p.say("AUTHENTICATE +")
			p.want("AUTHENTICATE ")
			p.say(":s 900 me me!u@h me :in", ":s 903 me :done")
			p.hang()
		}), o)
		wantCode(t, err, coded.EAUTH, "")
	})
}
