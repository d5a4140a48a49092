package smtp_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	. "kaiwire/protocols/protocoltest"
	"kaiwire/protocols/sasl"
	"kaiwire/protocols/smtp"
)

// greeted is a server up to its answer to EHLO.
func greeted(extensions ...string) []Step {
	steps := []Step{Line("220 mail.example ESMTP"), Want("EHLO [127.0.0.1]")}
	for _, e := range extensions {
		steps = append(steps, Line("250-"+e))
	}
	if len(extensions) > 0 {
		steps[2] = Line("250-mail.example\r\n250-" + extensions[0])
	}
	return append(steps, Line("250 HELP"))
}

func then(steps []Step, more ...Step) []Step { return append(steps, more...) }

var plain = smtp.Options{Host: "mail.example", Security: dial.None}

// session connects to a server that goes on with steps.
func session(t *testing.T, extensions []string, steps ...Step) *smtp.Session {
	t.Helper()
	NoLeaks(t)
	return connect(t, Dial(Transcript(t, then(greeted(extensions...), steps...)...)), plain)
}

func TestHandshake(t *testing.T) {
	secret := sasl.Credentials{User: "asha", Pass: "kaiwire"}
	tim := sasl.Credentials{User: "tim", Pass: "tanstaaftanstaaf"} // of RFC 2195
	cram := []Step{Want("AUTH CRAM-MD5"), Line("334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"),
		Want("dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"), Line("235 2.7.0 ok"), Hang()}
	for _, tc := range []struct {
		name     string
		auth     sasl.Credentials
		security dial.Security
		steps    []Step
		code     coded.Code
		response string
	}{
		{"no EHLO", sasl.Credentials{}, "", []Step{Line("220 hi"), Want("EHLO [127.0.0.1]"), Line("502 what"), Want("HELO [127.0.0.1]"), Line("250 hi"), Hang()}, "", ""},
		{"no EHLO, but a password", secret, "", []Step{Line("220 hi"), Want("EHLO *"), Line("500 what"), Want("HELO *"), Line("250 hi"), Hang()}, coded.ENOTSUP, ""},
		{"greeting of several lines", sasl.Credentials{}, "", []Step{Line("220-hi"), Line("220-there"), Line("220 x"), Want("EHLO *"), Line("250 hi"), Hang()}, "", ""},
		{"no service", sasl.Credentials{}, "", []Step{Line("554 5.7.1 go away"), Hang()}, coded.EREJECTED, "554 5.7.1"},
		{"not now", sasl.Credentials{}, "", []Step{Line("421 4.3.2 too many"), Hang()}, coded.EBUSY, "421 4.3.2"},
		{"odd greeting", sasl.Credentials{}, "", []Step{Line("354 go"), Hang()}, coded.EPROTO, "354"},
		{"another protocol", sasl.Credentials{}, "", []Step{Line("* OK IMAP4rev1"), Hang()}, coded.EPROTO, ""},
		{"greeting cut off", sasl.Credentials{}, "", []Step{Raw("220-hi\r\n220")}, coded.ECONNRESET, ""},
		{"PLAIN at once", secret, "", then(greeted("AUTH LOGIN PLAIN"), Want("AUTH PLAIN AGFzaGEAa2Fpd2lyZQ=="), Line("235 ok"), Hang()), "", ""},
		{"of old", secret, "", then(greeted("auth=LOGIN"), Want("AUTH LOGIN"), Line("334 VXNlcm5hbWU6"), Want("YXNoYQ=="), Line("334 UGFzc3dvcmQ6"), Want("a2Fpd2lyZQ=="), Line("235 ok"), Hang()), "", ""},
		{"strongest first", tim, "", then(greeted("AUTH PLAIN LOGIN CRAM-MD5"), cram...), "", ""},
		{"initial response too long", sasl.Credentials{User: strings.Repeat("u", 300), Pass: "p"}, "", then(greeted("AUTH PLAIN"), Want("AUTH PLAIN"), Line("334 "), Want("AHV1dXV1*"), Line("235 ok"), Hang()), "", ""},
		{"later", secret, "", then(greeted("AUTH PLAIN"), Want("*"), Line("454 4.7.0 directory is down"), Hang()), coded.EBUSY, "454 4.7.0"},
		{"wrong", secret, "", then(greeted("AUTH PLAIN"), Want("*"), Line("535 5.7.8 no"), Hang()), coded.EAUTH, "535 5.7.8"},
		{"app password wanted", secret, "", then(greeted("AUTH PLAIN"), Want("*"), Line("550 5.7.9 no"), Hang()), coded.EAUTH, "550 5.7.9"},
		{"none in common", secret, "", then(greeted("AUTH GSSAPI"), Hang()), coded.ENOTSUP, ""},
		{"no login", secret, "", then(greeted(), Hang()), coded.ENOTSUP, ""},
		{"bad challenge", secret, "", then(greeted("AUTH CRAM-MD5"), Want("AUTH CRAM-MD5"), Line("334 ???"), Want("*"), Line("501 ok"), Hang()), coded.EPROTO, ""},
		{"unproven", secret, "", then(greeted("AUTH SCRAM-SHA-256"), Want("AUTH SCRAM-SHA-256 *"), Line("235 trust me"), Hang()), coded.EAUTH, ""},
		{"questions without end", secret, "", then(greeted("AUTH LOGIN"), Want("AUTH LOGIN"), Flood("334 VXNlcm5hbWU6\r\n", 100), Hang()), coded.EPROTO, ""},
		{"odd answer", secret, "", then(greeted("AUTH PLAIN"), Want("*"), Line("250 fine"), Hang()), coded.EPROTO, "250"},
		{"STARTTLS stripped", secret, dial.STARTTLS, then(greeted("AUTH PLAIN"), Hang()), coded.ETLS, ""},
		{"STARTTLS refused", secret, dial.STARTTLS, then(greeted("STARTTLS"), Want("STARTTLS"), Line("454 4.7.0 no"), Hang()), coded.ETLS, "454 4.7.0"},
		{"STARTTLS with words behind it", secret, dial.STARTTLS, then(greeted("STARTTLS"), Want("STARTTLS"), Raw("220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"), Hang()), coded.ETLS, ""},
		{"STARTTLS that is none", secret, dial.STARTTLS, then(greeted("STARTTLS"), Want("STARTTLS"), Line("220 go"), Raw("nonsense instead of TLS")), coded.ETLS, ""},
		{"extensions without end", sasl.Credentials{}, "", []Step{Line("220 hi"), Want("*"), Flood("250-X\r\n", 100_000), Hang()}, coded.ELIMIT, ""},
		{"10 MB line", sasl.Credentials{}, "", []Step{Raw("220 "), Flood("x", 10<<20), Hang()}, coded.ELIMIT, ""},
		{"two codes", sasl.Credentials{}, "", []Step{Line("220 hi"), Want("*"), Line("250-a"), Line("550 b"), Hang()}, coded.EPROTO, ""},
		{"NUL", sasl.Credentials{}, "", []Step{Line("220\x00hi"), Hang()}, coded.EPROTO, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			NoLeaks(t)
			o := plain
			o.Auth = tc.auth
			if tc.security != "" {
				o.Security = tc.security
			}
			var closed []error
			o.Closed = func(err error) { closed = append(closed, err) }
			c := &Upgradable{Conn: Transcript(t, tc.steps...), Roots: x509.NewCertPool()}
			s, err := smtp.Connect(Within(t), Dial(c), o)
			if tc.code != "" {
				if e := wantCode(t, err, tc.code); e.Response != tc.response {
					t.Errorf("got %+v", e)
				}
				if len(closed) != 1 || closed[0] != err {
					t.Errorf("closed with %v", closed)
				}
				return
			}
			noErr(t, err)
			s.Close()
			<-s.Done()
			if len(closed) != 1 || closed[0] != nil {
				t.Errorf("closed with %v", closed)
			}
		})
	}
}

// A phone reports a failed handshake from the first reading.
func TestNoTLSDialer(t *testing.T) {
	_, err := smtp.Connect(Within(t), Dial(), smtp.Options{Host: "mail.example"})
	wantCode(t, err, coded.ENOTSUP)
}

// A transaction without any extension: a command at a time.
func TestPlainTransaction(t *testing.T) {
	s := session(t, nil,
		Want("MAIL FROM:<asha@example.org>"), Line("250 ok"), Want("RCPT TO:<ravi@example.org>"), Line("251 will forward"), Want("DATA"), Line("354 go"),
		Want("Subject: x"), Want(""), Want(".."), Want("."), Line("250 2.0.0 queued as 1"), Hang())
	if r := send(t, s, toRavi, "Subject: x\n\n."); r.Response != "queued as 1" {
		t.Errorf("got %+v", r)
	}
	_, err := s.Send(Within(t), toRavi, strings.NewReader("Subject: x\n\n\xe0"), nil)
	wantCode(t, err, coded.ENOTSUP)
	_, err = s.Send(Within(t), toRavi, strings.NewReader("Subject: \xe0\n\n"), nil)
	wantCode(t, err, coded.ENOTSUP)
	e := toRavi
	e.DSN.Return = "FULL"
	_, err = s.Send(Within(t), e, strings.NewReader(letter), nil)
	wantCode(t, err, coded.ENOTSUP)
	e = smtp.Envelope{From: "asha@example.org", To: []string{"рави@example.org"}}
	_, err = s.Send(Within(t), e, strings.NewReader(letter), nil)
	wantCode(t, err, coded.ENOTSUP)
}

func TestNobodyTakesIt(t *testing.T) {
	// As RFC 2920 has it: DATA may be accepted for nobody.
	s := session(t, []string{"PIPELINING"},
		Want("MAIL *"), Want("RCPT *"), Want("DATA"), Line("250 ok"), Line("550 no"), Line("354 go"), Want("."), Line("554 no recipients"), Want("RSET"), Line("250 ok"),
		Want("MAIL *"), Want("RCPT *"), Want("DATA"), Line("452 4.3.1 full"), Line("503 what"), Line("503 what"), Want("NOOP"), Line("250 ok"), Hang())
	_, err := s.Send(Within(t), toRavi, strings.NewReader(letter), nil)
	wantCode(t, err, coded.EREJECTED)
	_, err = s.Send(Within(t), toRavi, strings.NewReader(letter), nil)
	if wantCode(t, err, coded.EBUSY).Response != "452 4.3.1" {
		t.Errorf("got %v", err)
	}
	noErr(t, s.Noop(Within(t)))
}

func TestRefusedAtTheEnd(t *testing.T) {
	s := session(t, []string{"PIPELINING", "CHUNKING"},
		Want("MAIL *"), Want("RCPT *"), Line("250 ok"), Line("250 ok"), Want("BDAT 6 LAST"), Want("spam"), Line("550 5.7.1 spam"), Want("RSET"), Line("250 ok"), Want("NOOP"), Line("250 ok"), Hang())
	r, err := s.Send(Within(t), toRavi, strings.NewReader("spam"), nil)
	if e := wantCode(t, err, coded.EREJECTED); e.Response != "550 5.7.1" || r.Accepted != nil {
		t.Errorf("got %v, %+v", err, r)
	}
	noErr(t, s.Noop(Within(t)))
}

// A chunk that is refused ends the message, not the session.
func TestChunkRefused(t *testing.T) {
	size := make([]Step, 0, 32)
	for range 8 {
		size = append(size, Want("*"))
	}
	message := strings.Repeat(strings.Repeat("x", 4094)+"\r\n", 8*2)
	s := session(t, []string{"CHUNKING"}, then(then([]Step{Want("MAIL *"), Line("250 ok"), Want("RCPT *"), Line("250 ok"), Want("BDAT 32768")}, size...),
		Line("452 4.3.1 full"), Want("RSET"), Line("250 ok"), Hang())...)
	_, err := s.Send(Within(t), toRavi, strings.NewReader(message), nil)
	wantCode(t, err, coded.EBUSY)
}

func TestHostileAnswers(t *testing.T) {
	for _, tc := range []struct {
		name  string
		code  coded.Code
		steps []Step
	}{
		{"354 never", coded.ABORT_ERR, []Step{Want("MAIL *"), Want("RCPT *"), Want("DATA"), Line("250 ok"), Line("250 ok")}},
		{"250 in place of 354", coded.EPROTO, []Step{Want("MAIL *"), Want("RCPT *"), Want("DATA"), Line("250 ok"), Line("250 ok"), Line("250 go on"), Hang()}},
		{"354 in place of 250", coded.EPROTO, []Step{Want("MAIL *"), Want("RCPT *"), Want("DATA"), Line("354 ok"), Hang()}},
		{"lines without end", coded.ELIMIT, []Step{Want("MAIL *"), Flood("250-ok\r\n", 100_000), Hang()}},
		{"a line without end", coded.ELIMIT, []Step{Want("MAIL *"), Raw("250 "), Flood("x", 10<<20), Hang()}},
		{"half an answer", coded.ECONNRESET, []Step{Want("MAIL *"), Want("RCPT *"), Want("DATA"), Raw("250 o")}},
		{"no number", coded.EPROTO, []Step{Want("MAIL *"), Line("2x0 ok"), Hang()}},
		{"number out of bounds", coded.EPROTO, []Step{Want("MAIL *"), Line("999 ok"), Hang()}},
		{"empty line", coded.EPROTO, []Step{Want("MAIL *"), Line(""), Hang()}},
		{"421", coded.EBUSY, []Step{Want("MAIL *"), Want("RCPT *"), Want("DATA"), Line("250 ok"), Line("421 4.7.0 too many errors")}},
		{"421 at the end", coded.EBUSY, []Step{Want("MAIL *"), Want("RCPT *"), Want("DATA"), Line("250 ok"), Line("250 ok"), Line("354 go"), Want("hi"), Want("."), Line("421 going down")}},
		{"silence at the end", coded.ABORT_ERR, []Step{Want("MAIL *"), Want("RCPT *"), Want("DATA"), Line("250 ok"), Line("250 ok"), Line("354 go"), Want("hi"), Want(".")}},
		{"gone at the end", coded.ECONNRESET, []Step{Want("MAIL *"), Want("RCPT *"), Want("DATA"), Line("250 ok"), Line("250 ok"), Line("354 go"), Want("hi"), Want(".")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(Within(t))
			defer cancel()
			if tc.code == coded.ABORT_ERR {
				said := make(chan struct{})
				tc.steps = then(tc.steps, Signal(said), Hang())
				go func() { <-said; cancel() }()
			}
			s := session(t, []string{"PIPELINING"}, tc.steps...)
			_, err := s.Send(ctx, toRavi, strings.NewReader("hi"), nil)
			wantCode(t, err, tc.code)
			wantCode(t, s.Noop(Within(t)), coded.ECLOSED)
		})
	}
}

// The session's own bound, without a context that has one.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		go func() {
			io.WriteString(server, "220 hi\r\n")
			server.Read(make([]byte, 100))
			io.WriteString(server, "250 hi\r\n")
			io.Copy(io.Discard, server)
		}()
		start := time.Now()
		s, err := smtp.Connect(t.Context(), Dial(client), plain)
		noErr(t, err)
		wantCode(t, s.Noop(context.Background()), coded.ETIMEDOUT)
		if waited := time.Since(start); waited != 5*time.Minute {
			t.Errorf("gave up after %v", waited)
		}
	})
}

// A server that takes no more of a message may have said why.
func TestRefusedInTheMiddle(t *testing.T) {
	NoLeaks(t)
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	refused := errors.New("the other side is gone")
	c := &deaf{Conn: client, after: 100, err: refused}
	go func() {
		for _, answer := range []string{"220 hi\r\n", "250-hi\r\n250 PIPELINING\r\n", "250 ok\r\n250 ok\r\n354 go\r\n552 5.3.4 too large\r\n"} {
			io.WriteString(server, answer)
			server.Read(make([]byte, 4096))
		}
	}()
	s := connect(t, Dial(c), plain)
	_, err := s.Send(Within(t), toRavi, strings.NewReader(strings.Repeat("x\r\n", 1000)), nil)
	wantCode(t, err, coded.EMSGSIZE)
	wantCode(t, s.Noop(Within(t)), coded.ECLOSED)
}

// deaf is a connection that takes so many octets in all.
type deaf struct {
	net.Conn
	after int
	err   error
}

func (d *deaf) Write(p []byte) (int, error) {
	if d.after -= len(p); d.after < 0 {
		return 0, d.err
	}
	return d.Conn.Write(p)
}

func TestIdle(t *testing.T) {
	for name, tc := range map[string]struct {
		step    Step
		code    coded.Code
		message string
	}{
		"goodbye": {Line("421 4.4.2 mail.example Error: timeout exceeded"), coded.ECONNRESET, "mail.example Error: timeout exceeded"},
		"gone":    {Raw(""), coded.ECONNRESET, "The server closed the connection unexpectedly."},
		"unasked": {Line("250 ok"), coded.EPROTO, "The server sent an answer that makes no sense."},
	} {
		t.Run(name, func(t *testing.T) {
			NoLeaks(t)
			closed := make(chan error, 1)
			o := plain
			o.Closed = func(err error) { closed <- err }
			s := connect(t, Dial(Transcript(t, then(greeted(), Want("NOOP"), Line("250 ok"), tc.step)...)), o)
			noErr(t, s.Noop(Within(t)))
			if e := wantCode(t, <-closed, tc.code); e.Message != tc.message {
				t.Errorf("got %+v", e)
			}
			wantCode(t, s.Noop(Within(t)), coded.ECLOSED)
		})
	}
}

func TestAnswersAfterQuit(t *testing.T) {
	s := session(t, nil, Want("QUIT"), Raw("221 bye\r\n250 one more\r\n421 and another\r\n"), Hang())
	noErr(t, s.Quit(Within(t)))
	wantCode(t, s.Quit(Within(t)), coded.ECLOSED)
}

func TestCloseEndsCalls(t *testing.T) {
	sent := make(chan struct{})
	s := session(t, nil, Want("NOOP"), Signal(sent), Hang())
	go func() { <-sent; s.Close() }()
	wantCode(t, s.Noop(Within(t)), coded.ECLOSED)
}

func TestCancel(t *testing.T) {
	sent := make(chan struct{})
	s := session(t, nil, Want("NOOP"), Signal(sent), Hang())
	ctx, cancel := context.WithCancel(Within(t))
	go func() { <-sent; cancel() }()
	wantCode(t, s.Noop(ctx), coded.ABORT_ERR)
	wantCode(t, s.Noop(Within(t)), coded.ECLOSED)
}
