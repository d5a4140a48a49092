package pop3_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/pop3"
	. "kaiwire/protocols/protocoltest"
	"kaiwire/protocols/protocoltest/pop3server"
	"kaiwire/protocols/sasl"
)

var asha = sasl.Credentials{User: "asha", Pass: "kaiwire"}

func wantCode(t testing.TB, err error, code coded.Code) *coded.Error {
	t.Helper()
	return WantCode(t, err, "pop3", code)
}

func noErr(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var letters = []string{"Subject: one\r\n\r\nHello\r\n.\r\n..two\r\nbye\r\n", "Subject: two\r\n\r\n" + strings.Repeat(".नमस्ते\r\n", 50_000), "Subject: three\r\n\r\n"}

// serve starts a server with the letters and returns the options to connect to
// it.
func serve(t *testing.T, o pop3server.Options) (*pop3server.Server, pop3.Options) {
	t.Helper()
	NoLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noErr(t, err)
	s := pop3server.New(o)
	for _, m := range letters {
		s.Deliver([]byte(m))
	}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); l.Close(); <-done })
	return s, pop3.Options{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: dial.None, Auth: asha}
}

func connect(t *testing.T, d dial.Dialer, o pop3.Options) *pop3.Session {
	t.Helper()
	s, err := pop3.Connect(Within(t), d, o)
	noErr(t, err)
	t.Cleanup(func() { s.Close(); <-s.Done() })
	return s
}

// eachServer runs a test against a server that has all and one that has what RFC
// 1939 demands.
func eachServer(t *testing.T, f func(t *testing.T, o pop3server.Options)) {
	t.Run("extended", func(t *testing.T) { f(t, pop3server.Options{}) })
	t.Run("plain", func(t *testing.T) { f(t, pop3server.Options{Plain: true}) })
}

func TestMailbox(t *testing.T) {
	eachServer(t, func(t *testing.T, so pop3server.Options) {
		server, o := serve(t, so)
		s := connect(t, &net.Dialer{}, o)
		ctx := Within(t)
		stat, err := s.Stat(ctx)
		noErr(t, err)
		if want := (pop3.Stat{Messages: 3, Size: int64(len(letters[0]) + len(letters[1]) + len(letters[2]))}); *stat != want {
			t.Errorf("got %+v", stat)
		}
		list, err := s.List(ctx)
		noErr(t, err)
		if len(list) != 3 || list[2] != (pop3.Entry{Number: 3, Size: int64(len(letters[2]))}) {
			t.Errorf("got %+v", list)
		}
		if size, err := s.Size(ctx, 1); err != nil || size != int64(len(letters[0])) {
			t.Errorf("got %d, %v", size, err)
		}
		for i, want := range letters {
			m, err := s.Retr(ctx, i+1)
			noErr(t, err)
			if got, err := io.ReadAll(m); err != nil || string(got) != want || m.Received() != int64(len(want)) || m.Size() != int64(len(want)) {
				t.Errorf("message %d: %d octets, %v", i+1, len(got), err)
			}
		}
		noErr(t, s.Noop(ctx))
		noErr(t, s.Dele(ctx, 1, 3))
		wantCode(t, s.Dele(ctx, 3), coded.EREJECTED)
		noErr(t, s.Rset(ctx))
		noErr(t, s.Dele(ctx, 2))
		list, err = s.List(ctx)
		if err != nil || len(list) != 2 || list[1].Number != 3 {
			t.Errorf("got %+v, %v", list, err)
		}
		noErr(t, s.Quit(ctx))
		<-s.Done()
		wantCode(t, s.Noop(ctx), coded.ECLOSED)
		if got := server.Messages(); len(got) != 2 || got[1] != letters[2] {
			t.Errorf("%d messages are left", len(got))
		}
	})
}

func TestUIDLAndTop(t *testing.T) {
	_, o := serve(t, pop3server.Options{})
	s := connect(t, &net.Dialer{}, o)
	ctx := Within(t)
	if !s.Has("uidl") || len(s.Capabilities()) != 7 {
		t.Errorf("capabilities: %q", s.Capabilities())
	}
	uids, err := s.UIDL(ctx)
	if err != nil || fmt.Sprint(uids) != "[{1 uid-1} {2 uid-2} {3 uid-3}]" {
		t.Errorf("got %v, %v", uids, err)
	}
	for lines, want := range []string{"Subject: one\r\n\r\n", "Subject: one\r\n\r\nHello\r\n", "Subject: one\r\n\r\nHello\r\n.\r\n"} {
		if got, err := s.Top(ctx, 1, lines); err != nil || string(got) != want {
			t.Errorf("got %q, %v", got, err)
		}
	}
	_, err = s.Top(ctx, 7, 0)
	if e := wantCode(t, err, coded.EREJECTED); e.Message != "no such message" {
		t.Errorf("got %+v", e)
	}
	for _, err := range []error{s.Dele(ctx, 0), second(s.Top(ctx, 1, -1)), second(s.Top(ctx, -1, 1)), second(s.Retr(ctx, 0)), second(s.Size(ctx, 0))} {
		wantCode(t, err, coded.EINVAL)
	}
	_, err = s.Retr(ctx, 9)
	wantCode(t, err, coded.EREJECTED)
}

func second[T any](_ T, err error) error { return err }

// Calls that are made at once go out at once, and get the answers that are
// theirs.
func TestPipelining(t *testing.T) {
	eachServer(t, func(t *testing.T, so pop3server.Options) {
		_, o := serve(t, so)
		s := connect(t, &net.Dialer{}, o)
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				if i%3 == 0 {
					m, err := s.Retr(Within(t), i%2+1)
					if err != nil {
						t.Error(err)
						return
					}
					if got, err := io.ReadAll(m); err != nil || string(got) != letters[i%2] {
						t.Errorf("%d octets, %v", len(got), err)
					}
					return
				}
				if size, err := s.Size(Within(t), i%3+1); err != nil || size != int64(len(letters[i%3])) {
					t.Errorf("got %d, %v", size, err)
				}
			})
		}
		wg.Wait()
	})
}

// The second command goes out before the first is answered where the server
// allows it, and only there.
func TestPipelinesOnTheWire(t *testing.T) {
	NoLeaks(t)
	s := connect(t, Dial(Transcript(t, then(loggedIn("PIPELINING"),
		Want("LIST {a}"), Want("LIST {b}"), Line("+OK {a} 10"), Line("+OK {b} 20"),
		Want("DELE 1"), Want("DELE 2"), Want("DELE 3"), Raw("+OK\r\n-ERR [X] gone\r\n+OK\r\n"), Hang())...)), plain)
	var wg sync.WaitGroup
	for n := range 2 {
		wg.Go(func() {
			if _, err := s.Size(Within(t), n+1); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if e := wantCode(t, s.Dele(Within(t), 1, 2, 3), coded.EREJECTED); e.Response != "X" {
		t.Errorf("got %+v", e)
	}
}

// UTF8 stands before the login, and behind TLS (RFC 6856, section 2).
func TestUTF8(t *testing.T) {
	hindi := sasl.Credentials{User: "आशा", Pass: "काइवायर", Mechanism: "USER"}
	capa := func(lines ...string) []Step {
		steps := []Step{Want("CAPA"), Line("+OK")}
		for _, line := range append(lines, ".") {
			steps = append(steps, Line(line))
		}
		return steps
	}
	login := then([]Step{Want("USER आशा"), Line("+OK"), Want("PASS काइवायर"), Line("+OK")}, capa("USER", "UTF8 USER")...)
	for name, tc := range map[string]struct {
		language string
		steps    []Step
	}{
		"both":          {"hi-IN", then(capa("USER", "UTF8 USER", "LANG"), Want("UTF8"), Line("+OK"), Want("LANG hi-IN"), Line("+OK hi-IN हिन्दी"))},
		"refused":       {"*", then(capa("USER", "utf8", "lang"), Want("UTF8"), Line("-ERR not today"), Want("LANG *"), Line("-ERR [SYS/TEMP] none"))},
		"not asked for": {"", then(capa("USER", "UTF8 USER", "LANG"), Want("UTF8"), Line("+OK"))},
		"not there":     {"hi", capa("USER")},
	} {
		t.Run(name, func(t *testing.T) {
			NoLeaks(t)
			o := plain
			o.Auth, o.Language = hindi, tc.language
			steps := then([]Step{Line("+OK")}, tc.steps...)
			s := connect(t, Dial(Transcript(t, then(then(steps, login...), Want("TOP 1 0"), Line("+OK"), Line("Subject: नमस्ते"), Line(""), Line("."), Hang())...)), o)
			if got, err := s.Top(Within(t), 1, 0); err != nil || string(got) != "Subject: नमस्ते\r\n\r\n" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	for name, answer := range map[string]Step{"an end": Raw(""), "nonsense": Line("what")} {
		t.Run(name, func(t *testing.T) {
			NoLeaks(t)
			_, err := pop3.Connect(Within(t), Dial(Transcript(t, then(then([]Step{Line("+OK")}, capa("UTF8")...), Want("UTF8"), answer)...)), plain)
			wantCode(t, err, map[string]coded.Code{"an end": coded.ECONNRESET, "nonsense": coded.EPROTO}[name])
		})
	}
	for _, language := range []string{"hi\r\nDELE 1", "hi IN", "हि", "**"} {
		o := plain
		o.Language = language
		_, err := pop3.Connect(Within(t), Dial(), o)
		wantCode(t, err, coded.EINVAL)
	}
}

func TestSTLS(t *testing.T) {
	cert, roots := Certificate(t, "127.0.0.1")
	_, o := serve(t, pop3server.Options{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	o.Security = dial.STARTTLS
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", o.Port))
	noErr(t, err)
	s := connect(t, Dial(&Upgradable{Conn: conn, Roots: roots}), o)
	if s.Has("STLS") {
		t.Error("what was said in the clear still counts")
	}
	_, err = s.Stat(Within(t))
	noErr(t, err)
	noErr(t, s.Quit(Within(t)))
}

func TestInUse(t *testing.T) {
	_, o := serve(t, pop3server.Options{})
	connect(t, &net.Dialer{}, o)
	_, err := pop3.Connect(Within(t), &net.Dialer{}, o)
	if e := wantCode(t, err, coded.EBUSY); e.Response != "IN-USE" || e.Retry() != coded.Later {
		t.Errorf("got %+v", e)
	}
	o.Auth.Pass = "wrong"
	_, err = pop3.Connect(Within(t), &net.Dialer{}, o)
	if e := wantCode(t, err, coded.EAUTH); e.Response != "AUTH" {
		t.Errorf("got %+v", e)
	}
}

// A message that is not read to its end gives the connection back; a large one
// ends it.
func TestCloseMessage(t *testing.T) {
	_, o := serve(t, pop3server.Options{})
	s := connect(t, &net.Dialer{}, o)
	m, err := s.Retr(Within(t), 1)
	noErr(t, err)
	noErr(t, m.Close(Within(t)))
	noErr(t, m.Close(Within(t)))
	_, err = m.Read(make([]byte, 1))
	wantCode(t, err, coded.ECLOSED)
	_, err = s.Stat(Within(t))
	noErr(t, err)
	m, err = s.Retr(Within(t), 2)
	noErr(t, err)
	noErr(t, m.Close(Within(t)))
	wantCode(t, s.Noop(Within(t)), coded.ECLOSED)
}

// Octets of a message are not read from the connection before they are asked
// for, and a call that waits for it does no harm.
func TestBackPressure(t *testing.T) {
	_, o := serve(t, pop3server.Options{})
	s := connect(t, &net.Dialer{}, o)
	m, err := s.Retr(Within(t), 2)
	noErr(t, err)
	ctx, cancel := context.WithTimeout(Within(t), 20*time.Millisecond)
	defer cancel()
	wantCode(t, s.Noop(ctx), coded.ETIMEDOUT)
	got, err := io.ReadAll(m)
	if err != nil || string(got) != letters[1] {
		t.Errorf("%d octets, %v", len(got), err)
	}
	noErr(t, s.Noop(Within(t)))
}

func loggedIn(caps ...string) []Step {
	steps := []Step{Line("+OK ready"), Want("CAPA"), Line("+OK"), Line("USER"), Line("."), Want("USER asha"), Line("+OK"), Want("PASS kaiwire"), Line("+OK"), Want("CAPA"), Line("+OK")}
	for _, c := range caps {
		steps = append(steps, Line(c))
	}
	return append(steps, Line("."))
}

func then(steps []Step, more ...Step) []Step { return append(steps, more...) }

var plain = pop3.Options{Host: "mail.example", Security: dial.None, Auth: asha}

func TestHandshake(t *testing.T) {
	capa := func(greeting string, caps ...string) []Step {
		steps := []Step{Line(greeting), Want("CAPA"), Line("+OK")}
		for _, c := range caps {
			steps = append(steps, Line(c))
		}
		return append(steps, Line("."))
	}
	again := []Step{Want("CAPA"), Line("+OK"), Line("."), Hang()}
	const stamped = "+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>"
	mrose := sasl.Credentials{User: "mrose", Pass: "tanstaaf"} // of RFC 1939
	apop := Want("APOP mrose c4c9334bac560ecc979e58001b3e22fb")
	for _, tc := range []struct {
		name     string
		auth     sasl.Credentials
		security dial.Security
		steps    []Step
		code     coded.Code
		response string
	}{
		{"no CAPA", asha, "", []Step{Line("+OK"), Want("CAPA"), Line("-ERR"), Want("USER asha"), Line("+OK"), Want("PASS kaiwire"), Line("+OK"), Hang()}, "", ""},
		{"PLAIN", asha, "", then(then(capa("+OK", "SASL PLAIN"), Want("AUTH PLAIN AGFzaGEAa2Fpd2lyZQ=="), Line("+OK")), again...), "", ""},
		{"LOGIN", asha, "", then(then(capa("+OK", "sasl LOGIN"), Want("AUTH LOGIN"), Line("+ VXNlcm5hbWU6"), Want("YXNoYQ=="), Line("+"), Want("a2Fpd2lyZQ=="), Line("+OK")), again...), "", ""},
		{"APOP rather than a password in the clear", mrose, "", then(then(capa(stamped, "SASL PLAIN LOGIN", "USER"), apop, Line("+OK")), again...), "", ""},
		{"APOP alone", mrose, "", then(then(capa(stamped), apop, Line("+OK")), again...), "", ""},
		{"CRAM-MD5 rather than APOP", mrose, "", then(then(capa(stamped, "SASL CRAM-MD5 PLAIN"), Want("AUTH CRAM-MD5"), Line("+ PDFAYj4="), Want("*"), Line("+OK")), again...), "", ""},
		{"USER by name", sasl.Credentials{User: "a b", Pass: "p w", Mechanism: "user"}, "", then(then(capa(stamped, "SASL PLAIN", "USER"), Want("USER a b"), Line("+OK"), Want("PASS p w"), Line("+OK")), again...), "", ""},
		{"APOP that can't be", sasl.Credentials{User: "a", Pass: "p", Mechanism: "APOP"}, "", then(capa("+OK <none>"), Hang()), coded.ENOTSUP, ""},
		{"no password taken", asha, "", then(capa("+OK", "STLS"), Hang()), coded.ENOTSUP, ""},
		{"token, but no mechanism for it", sasl.Credentials{User: "a", AccessToken: "t"}, "", then(capa("+OK", "SASL PLAIN", "USER"), Hang()), coded.ENOTSUP, ""},
		{"no password given", sasl.Credentials{User: "a"}, "", then(capa("+OK", "USER"), Hang()), coded.EAUTH, ""},
		{"injection", sasl.Credentials{User: "a\r\nDELE 1", Pass: "p"}, "", then(capa("+OK", "USER"), Hang()), coded.EINVAL, ""},
		{"wrong", asha, "", then(capa("+OK", "USER"), Want("USER asha"), Line("-ERR who"), Hang()), coded.EAUTH, ""},
		{"login delay", asha, "", then(capa("+OK", "USER"), Want("USER asha"), Line("+OK"), Want("PASS *"), Line("-ERR [LOGIN-DELAY] wait"), Hang()), coded.EBUSY, "LOGIN-DELAY"},
		{"broken for now", asha, "", then(capa("+OK", "USER"), Want("*"), Line("-ERR [sys/temp] wait"), Hang()), coded.EBUSY, "SYS/TEMP"},
		{"broken for good", asha, "", then(capa("+OK", "USER"), Want("*"), Line("-ERR [SYS/PERM] call us"), Hang()), coded.EREJECTED, "SYS/PERM"},
		{"no service", asha, "", []Step{Line("-ERR go away"), Hang()}, coded.EREJECTED, ""},
		{"another protocol", asha, "", []Step{Line("220 hi"), Hang()}, coded.EPROTO, ""},
		{"STLS stripped", asha, dial.STARTTLS, then(capa("+OK", "USER"), Hang()), coded.ETLS, ""},
		{"STLS refused", asha, dial.STARTTLS, then(capa("+OK", "STLS"), Want("STLS"), Line("-ERR [X] no"), Hang()), coded.ETLS, "X"},
		{"STLS with words behind it", asha, dial.STARTTLS, then(capa("+OK", "STLS"), Want("STLS"), Raw("+OK go\r\n+OK evil\r\n"), Hang()), coded.ETLS, ""},
		{"STLS that is none", asha, dial.STARTTLS, then(capa("+OK", "STLS"), Want("STLS"), Line("+OK go"), Raw("nonsense instead of TLS")), coded.ETLS, ""},
		{"capabilities without end", asha, "", []Step{Line("+OK"), Want("CAPA"), Line("+OK"), Flood("X\r\n", 100_000), Hang()}, coded.ELIMIT, ""},
		{"10 MB line", asha, "", []Step{Raw("+OK "), Flood("x", 10<<20), Hang()}, coded.ELIMIT, ""},
		{"half a line", asha, "", []Step{Raw("+OK")}, coded.ECONNRESET, ""},
		{"questions without end", asha, "", then(capa("+OK", "SASL LOGIN"), Want("AUTH LOGIN"), Flood("+ VXNlcm5hbWU6\r\n", 100), Hang()), coded.EPROTO, ""},
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
			s, err := pop3.Connect(Within(t), Dial(c), o)
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

func TestHostileAnswers(t *testing.T) {
	stat := func(ctx context.Context, s *pop3.Session) error { return second(s.Stat(ctx)) }
	list := func(ctx context.Context, s *pop3.Session) error { return second(s.List(ctx)) }
	uidl := func(ctx context.Context, s *pop3.Session) error { return second(s.UIDL(ctx)) }
	size := func(ctx context.Context, s *pop3.Session) error { return second(s.Size(ctx, 1)) }
	top := func(ctx context.Context, s *pop3.Session) error { return second(s.Top(ctx, 1, 0)) }
	retr := func(ctx context.Context, s *pop3.Session) error {
		m, err := s.Retr(ctx, 1)
		for err == nil {
			_, err = m.ReadContext(ctx, make([]byte, 1000))
		}
		return err
	}
	quit := func(ctx context.Context, s *pop3.Session) error { return s.Quit(ctx) }
	for _, tc := range []struct {
		name  string
		call  func(context.Context, *pop3.Session) error
		code  coded.Code
		steps []Step
	}{
		{"STAT of words", stat, coded.EPROTO, []Step{Line("+OK many messages"), Hang()}},
		{"STAT below zero", stat, coded.EPROTO, []Step{Line("+OK -1 5"), Hang()}},
		{"STAT beyond all bounds", stat, coded.EPROTO, []Step{Line("+OK 1 99999999999999999999"), Hang()}},
		{"answer to nobody", stat, coded.EPROTO, []Step{Line("* 1 EXISTS"), Hang()}},
		{"no answer", stat, coded.ABORT_ERR, nil},
		{"gone", stat, coded.ECONNRESET, nil},
		{"10 MB line", stat, coded.ELIMIT, []Step{Raw("+OK "), Flood("x", 10<<20), Hang()}},
		{"LIST without end", list, coded.ELIMIT, []Step{Line("+OK"), Flood("1 10\r\n", 100_001), Hang()}},
		{"LIST cut off", list, coded.ECONNRESET, []Step{Line("+OK"), Line("1 10")}},
		{"LIST of words", list, coded.EPROTO, []Step{Line("+OK"), Line("one ten"), Hang()}},
		{"LIST of message 0", list, coded.EPROTO, []Step{Line("+OK"), Line("0 10"), Hang()}},
		{"LIST with a long line", list, coded.ELIMIT, []Step{Line("+OK"), Raw("1 1"), Flood("0", 1<<20), Hang()}},
		{"another message's size", size, coded.EPROTO, []Step{Line("+OK 2 10"), Hang()}},
		{"UIDL of identifiers as long as lines", uidl, coded.ELIMIT, []Step{Line("+OK"), Flood("1 "+strings.Repeat("x", 8000)+"\r\n", 2000), Hang()}},
		{"UIDL without identifiers", uidl, coded.EPROTO, []Step{Line("+OK"), Line("1 "), Hang()}},
		{"TOP without end", top, coded.ELIMIT, []Step{Line("+OK"), Flood("0123456789\r\n", 100_000), Hang()}},
		{"message without end", retr, coded.ELIMIT, []Step{Line("+OK"), Flood("0123456789\r\n", 200_000), Hang()}},
		{"message of one line without end", retr, coded.ELIMIT, []Step{Line("+OK"), Flood("x", 3<<20), Hang()}},
		{"message cut off", retr, coded.ECONNRESET, []Step{Line("+OK"), Raw("Subject: x\r\n\r\n.")}},
		{"message that stops", retr, coded.ABORT_ERR, []Step{Line("+OK"), Line("Subject: x")}},
		{"QUIT that fails", quit, coded.EREJECTED, []Step{Line("-ERR [SYS/PERM] some were not deleted"), Hang()}},
		{"QUIT without an answer", quit, coded.ECONNRESET, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			NoLeaks(t)
			o := plain
			o.Limits.Message = 2 << 20
			ctx, cancel := context.WithCancel(Within(t))
			defer cancel()
			if tc.code == coded.ABORT_ERR {
				said := make(chan struct{})
				tc.steps = then(tc.steps, Signal(said), Hang())
				go func() { <-said; cancel() }()
			}
			s := connect(t, Dial(Transcript(t, then(then(loggedIn("UIDL", "TOP"), Want("*")), tc.steps...)...)), o)
			wantCode(t, tc.call(ctx, s), tc.code)
			wantCode(t, s.Noop(Within(t)), coded.ECLOSED)
		})
	}
}

func TestIdle(t *testing.T) {
	for name, tc := range map[string]struct {
		step    Step
		code    coded.Code
		message string
	}{
		"goodbye": {Line("-ERR Disconnected for inactivity."), coded.ECONNRESET, "Disconnected for inactivity."},
		"gone":    {Raw(""), coded.ECONNRESET, "The server closed the connection unexpectedly."},
		"unasked": {Line("+OK"), coded.EPROTO, "The server sent an answer that makes no sense."},
	} {
		t.Run(name, func(t *testing.T) {
			NoLeaks(t)
			closed := make(chan error, 1)
			o := plain
			o.Closed = func(err error) { closed <- err }
			s := connect(t, Dial(Transcript(t, then(loggedIn(), Want("NOOP"), Line("+OK"), tc.step)...)), o)
			noErr(t, s.Noop(Within(t)))
			if e := wantCode(t, <-closed, tc.code); e.Message != tc.message {
				t.Errorf("got %+v", e)
			}
			wantCode(t, s.Noop(Within(t)), coded.ECLOSED)
		})
	}
}

func TestAnswersAfterQuit(t *testing.T) {
	NoLeaks(t)
	s := connect(t, Dial(Transcript(t, then(loggedIn(), Want("QUIT"), Raw("+OK bye\r\n-ERR and another thing\r\n"), Hang())...)), plain)
	noErr(t, s.Quit(Within(t)))
	wantCode(t, s.Quit(Within(t)), coded.ECLOSED)
}

func TestCloseEndsCalls(t *testing.T) {
	NoLeaks(t)
	sent := make(chan struct{})
	s := connect(t, Dial(Transcript(t, then(loggedIn("PIPELINING"), Want("NOOP"), Want("NOOP"), Signal(sent), Hang())...)), plain)
	go func() { <-sent; s.Close() }()
	second := make(chan error)
	go func() { second <- s.Noop(Within(t)) }()
	wantCode(t, s.Noop(Within(t)), coded.ECLOSED)
	wantCode(t, <-second, coded.ECLOSED)
}

const fuzzCalls = 6

// Whatever the server says, a call ends, with a coded error or a result, and so
// does the session.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"+OK 3 100\r\n+OK\r\n", "+OK\r\n1 10\r\n2 20\r\n.\r\n+OK bye\r\n", "+OK\r\n1 a\r\n.\r\n", "+OK\r\nSubject: x\r\n\r\n..\r\n.\r\n-ERR [SYS/PERM] x\r\n",
		"-ERR [IN-USE] x\r\n", "-ERR [\r\n", "+OK\r\n.\r\r\n.\r\n", "+OK\r\n..\r\n", "+ \r\n", "\r\n", "-ERR",
	} {
		for which := range byte(fuzzCalls) {
			f.Add([]byte(s), which)
		}
	}
	f.Fuzz(func(t *testing.T, answer []byte, which byte) {
		client, server := net.Pipe()
		asked := make(chan struct{})
		go func() {
			// The login, and then whatever there is.
			greeting := "+OK\r\n"
			buf := make([]byte, 4096)
			for _, step := range []string{"+OK\r\nUSER\r\nUIDL\r\n.\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\nUIDL\r\n.\r\n", ""} {
				io.WriteString(server, greeting)
				greeting = step
				server.Read(buf)
			}
			close(asked)
			io.Copy(io.Discard, server)
		}()
		go func() {
			<-asked
			io.Copy(server, bytes.NewReader(answer))
			server.Close()
		}()
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		check := func(err error) {
			var e *coded.Error
			if err != nil && (!errors.As(err, &e) || e.Code == coded.UNKNOWN || e.Code == coded.ETIMEDOUT) {
				t.Errorf("got %v", err)
			}
		}
		s, err := pop3.Connect(ctx, Dial(client), plain)
		if err != nil {
			t.Fatal(err)
		}
		switch which % fuzzCalls {
		case 0:
			_, err = s.Stat(ctx)
		case 1:
			_, err = s.List(ctx)
		case 2:
			_, err = s.UIDL(ctx)
		case 3:
			_, err = s.Top(ctx, 1, 2)
		case 4:
			var m *pop3.Message
			if m, err = s.Retr(ctx, 1); err == nil {
				_, err = io.Copy(io.Discard, m)
			}
		case 5:
			err = s.Dele(ctx, 1, 2)
		}
		check(err)
		check(s.Quit(ctx))
		s.Close()
		<-s.Done()
	})
}

// What List and UIDL tell is what the lines say, in their order, and what is no
// list is an error.
func FuzzLists(f *testing.F) {
	for _, lines := range []string{"1 10\r\n2 20\r\n", "1 a\r\n", "0 1\r\n", "1  2 3\r\n", "..1 2\r\n", "2147483648 1\r\n", "1 9223372036854775808\r\n", "1\t2\r\n", "\r\n", "1 \x00\n"} {
		f.Add(lines)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4000 {
			t.Skip() // more than a line may be
		}
		for line := range strings.SplitSeq(text+"\r\n", "\n") {
			if strings.TrimSuffix(line, "\r") == "." {
				t.Skip() // the end, and answers to nothing behind it
			}
		}
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			buf := make([]byte, 4096)
			for _, words := range []string{"+OK\r\n", "-ERR\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n" + text + "\r\n.\r\n", "+OK\r\n" + text + "\r\n.\r\n"} {
				io.WriteString(server, words)
				server.Read(buf)
			}
		}()
		s, err := pop3.Connect(Within(t), Dial(client), plain)
		noErr(t, err)
		defer func() { s.Close(); <-s.Done() }()
		var want []string
		for line := range strings.SplitSeq(text+"\r\n", "\n") {
			want = append(want, strings.TrimPrefix(strings.TrimSuffix(line, "\r"), "."))
		}
		list, err := s.List(Within(t))
		if err != nil {
			wantCode(t, err, coded.EPROTO)
			return
		}
		for i, e := range list {
			if fields := strings.Fields(want[i]); len(fields) < 2 || trimZeros(fields[0]) != fmt.Sprint(e.Number) || trimZeros(fields[1]) != fmt.Sprint(e.Size) {
				t.Fatalf("%q became %+v", want[i], e)
			}
		}
		uids, err := s.UIDL(Within(t))
		noErr(t, err) // whatever has a size has an identifier
		if len(uids) != len(list) {
			t.Fatalf("%d identifiers of %d messages", len(uids), len(list))
		}
		for i, u := range uids {
			if u.Number != list[i].Number || u.ID == "" || strings.TrimSpace(u.ID) != u.ID {
				t.Fatalf("%q became %+v", want[i], u)
			}
		}
	})
}

func trimZeros(digits string) string {
	if trimmed := strings.TrimLeft(digits, "0"); trimmed != "" {
		return trimmed
	}
	return "0"
}
