package smtp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	. "kaiwire/protocols/protocoltest"
	"kaiwire/protocols/protocoltest/smtpserver"
	"kaiwire/protocols/sasl"
	"kaiwire/protocols/smtp"
)

var asha = sasl.Credentials{User: "asha", Pass: "kaiwire"}

func wantCode(t testing.TB, err error, code coded.Code) *coded.Error {
	t.Helper()
	return WantCode(t, err, "smtp", code)
}

func noErr(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve starts a server and returns the options to connect to it.
func serve(t *testing.T, o smtpserver.Options) (*smtpserver.Server, smtp.Options) {
	t.Helper()
	NoLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noErr(t, err)
	s := smtpserver.New(o)
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); l.Close(); <-done })
	return s, smtp.Options{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: dial.None, Auth: asha}
}

func connect(t *testing.T, d dial.Dialer, o smtp.Options) *smtp.Session {
	t.Helper()
	s, err := smtp.Connect(Within(t), d, o)
	noErr(t, err)
	t.Cleanup(func() { s.Close(); <-s.Done() })
	return s
}

const letter = "Subject: hi\r\n\r\nHello\r\n.\r\n..two\r\nbye\r\n"

var toRavi = smtp.Envelope{From: "asha@example.org", To: []string{"ravi@example.org"}}

func send(t *testing.T, s *smtp.Session, e smtp.Envelope, message string) *smtp.Result {
	t.Helper()
	r, err := s.Send(Within(t), e, strings.NewReader(message), nil)
	noErr(t, err)
	return r
}

// eachWay sends by BDAT and by DATA.
func eachWay(t *testing.T, f func(t *testing.T, noChunking bool)) {
	t.Run("BDAT", func(t *testing.T) { f(t, false) })
	t.Run("DATA", func(t *testing.T) { f(t, true) })
}

func TestSend(t *testing.T) {
	eachWay(t, func(t *testing.T, noChunking bool) {
		server, o := serve(t, smtpserver.Options{})
		o.NoChunking = noChunking
		s := connect(t, &net.Dialer{}, o)
		r := send(t, s, toRavi, letter)
		if !slices.Equal(r.Accepted, toRavi.To) || r.Rejected != nil || r.Response == "" || r.Sent != int64(len(letter)) {
			t.Errorf("got %+v", r)
		}
		// Another on the same connection, with what ends lines elsewhere.
		send(t, s, smtp.Envelope{To: []string{"a@example.org", `"odd one"@example.org`}}, "Subject: x\n\n.\nb\rc")
		noErr(t, s.Noop(Within(t)))
		noErr(t, s.Reset(Within(t)))
		noErr(t, s.Quit(Within(t)))
		<-s.Done()
		wantCode(t, s.Noop(Within(t)), coded.ECLOSED)
		got := server.Messages()
		if len(got) != 2 || got[0].From != "asha@example.org" || string(got[0].Data) != letter || got[1].From != "" ||
			string(got[1].Data) != "Subject: x\r\n\r\n.\r\nb\r\nc\r\n" || len(got[1].To) != 2 || got[1].To[0] != "a@example.org" {
			t.Errorf("got %+v", got)
		}
	})
}

// A message of many windows arrives as it is, and is heard of on its way.
func TestSendStreams(t *testing.T) {
	eachWay(t, func(t *testing.T, noChunking bool) {
		server, o := serve(t, smtpserver.Options{})
		o.NoChunking = noChunking
		s := connect(t, &net.Dialer{}, o)
		message := "Subject: big\r\n\r\n" + strings.Repeat(".dots at the start, and नमस्ते\r\n", 30_000)
		var sent []int64
		r, err := s.Send(Within(t), toRavi, iotest.HalfReader(strings.NewReader(message)), &smtp.SendOptions{Progress: func(n int64) { sent = append(sent, n) }})
		noErr(t, err)
		if got := string(server.Messages()[0].Data); got != message {
			t.Errorf("%d octets became %d", len(message), len(got))
		}
		if r.Sent != int64(len(message)) || len(sent) < 30 || !slices.IsSorted(sent) || sent[len(sent)-1] != r.Sent {
			t.Errorf("%d octets, told %d times", r.Sent, len(sent))
		}
	})
}

func TestRecipients(t *testing.T) {
	eachWay(t, func(t *testing.T, noChunking bool) {
		server, o := serve(t, smtpserver.Options{})
		o.NoChunking = noChunking
		s := connect(t, &net.Dialer{}, o)
		e := smtp.Envelope{From: "asha@example.org", To: []string{"nobody@example.org", "ravi@example.org", "later@example.org"}}
		r := send(t, s, e, letter)
		if !slices.Equal(r.Accepted, []string{"ravi@example.org"}) || len(r.Rejected) != 2 {
			t.Fatalf("got %+v", r)
		}
		for i, want := range []smtp.Rejection{
			{"nobody@example.org", &coded.Error{Code: coded.EREJECTED, Response: "550 5.1.1", Message: "No such user here"}},
			{"later@example.org", &coded.Error{Code: coded.EBUSY, Response: "450 4.2.0", Message: "Greylisted, try again"}},
		} {
			got := r.Rejected[i]
			if got.Address != want.Address || got.Err.Code != want.Err.Code || got.Err.Response != want.Err.Response || got.Err.Message != want.Err.Message {
				t.Errorf("got %+v %v", got, got.Err)
			}
		}
		e.To = []string{"nobody@example.org", "later@example.org"}
		r, err := s.Send(Within(t), e, strings.NewReader(letter), nil)
		if wantCode(t, err, coded.EREJECTED).Response != "550 5.1.1" || len(r.Rejected) != 2 || r.Accepted != nil {
			t.Errorf("got %v, %+v", err, r)
		}
		send(t, s, toRavi, letter)
		if n := len(server.Messages()); n != 2 {
			t.Errorf("%d messages", n)
		}
	})
}

func TestManyRecipients(t *testing.T) {
	server, o := serve(t, smtpserver.Options{})
	s := connect(t, &net.Dialer{}, o)
	e := toRavi
	e.To = nil
	for i := range 333 {
		e.To = append(e.To, fmt.Sprintf("r%d@example.org", i))
	}
	if r := send(t, s, e, letter); !slices.Equal(r.Accepted, e.To) || !slices.Equal(server.Messages()[0].To, e.To) {
		t.Errorf("%d of 333", len(r.Accepted))
	}
}

func TestExtensions(t *testing.T) {
	cert, roots := Certificate(t, "127.0.0.1")
	server, o := serve(t, smtpserver.Options{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, MaxSize: 100_000})
	o.Security = dial.STARTTLS
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", o.Port))
	noErr(t, err)
	s := connect(t, Dial(&Upgradable{Conn: conn, Roots: roots}), o)
	if s.Has("STARTTLS") || !s.Has("chunking") || s.MaxSize() != 100_000 || !slices.Contains(s.Capabilities(), "SIZE 100000") {
		t.Errorf("capabilities: %q", s.Capabilities())
	}
	e := smtp.Envelope{From: "आशा@example.org", To: []string{"ravi@example.org"}, Size: int64(len(letter)), RequireTLS: true,
		DSN: smtp.DSN{Notify: []string{"SUCCESS", "FAILURE"}, Return: "HDRS", ID: "a+b=c d", OriginalRecipient: "ravi+x@example.org"}}
	send(t, s, e, letter)
	got := server.Messages()[0]
	if m := got.Mail; got.From != e.From || m.Size != e.Size || !m.RequireTLS || !m.UTF8 || m.Return != "HDRS" || m.EnvelopeID != e.DSN.ID || m.Body != "8BITMIME" {
		t.Errorf("got %+v", m)
	}
	if r := got.Rcpt[0]; fmt.Sprint(r.Notify) != "[SUCCESS FAILURE]" || r.OriginalRecipient != "ravi+x@example.org" {
		t.Errorf("got %+v", r)
	}
	send(t, s, toRavi, "Subject: नमस्ते\n\nx")
	if !server.Messages()[1].Mail.UTF8 {
		t.Error("a header beyond ASCII went out without SMTPUTF8")
	}
	large := toRavi
	large.Size = 100_001
	_, err = s.Send(Within(t), large, strings.NewReader(letter), nil)
	wantCode(t, err, coded.EMSGSIZE)
	if len(server.Messages()) != 2 {
		t.Errorf("%d messages", len(server.Messages()))
	}
}

// Where the size was not announced the server refuses it in the middle, or at
// the end.
func TestTooLarge(t *testing.T) {
	eachWay(t, func(t *testing.T, noChunking bool) {
		_, o := serve(t, smtpserver.Options{MaxSize: 100_000})
		o.NoChunking = noChunking
		s := connect(t, &net.Dialer{}, o)
		_, err := s.Send(Within(t), toRavi, strings.NewReader(strings.Repeat("x\r\n", 100_000)), nil)
		if wantCode(t, err, coded.EMSGSIZE).Response != "552 5.3.4" {
			t.Errorf("got %v", err)
		}
		noErr(t, s.Noop(Within(t)))
	})
}

func TestInvalid(t *testing.T) {
	server, o := serve(t, smtpserver.Options{})
	s := connect(t, &net.Dialer{}, o)
	for _, address := range []string{
		"", "ravi", "@example.org", "ravi@", "Ravi <ravi@example.org>", "<ravi@example.org>", "ravi@example.org>", "ra vi@example.org",
		"ravi@example.org\r\nRCPT TO:<x@example.org>", "ravi@exa\x00mple.org", "ravi\n@example.org", "a@b@c", `"ravi@example.org`, `"a"b"@example.org`,
		`"a\"@example.org`, "ravi@[127.0.0.1", "ravi@[127.0.0.1]>", "ravi@[<]", "ravi@example.org> SIZE=1", "\xff@example.org", strings.Repeat("x", 250) + "@example.org",
	} {
		e := toRavi
		e.To = []string{"ok@example.org", address}
		_, err := s.Send(Within(t), e, strings.NewReader(letter), nil)
		wantCode(t, err, coded.EINVAL)
		if e = toRavi; address != "" {
			e.From = address
			_, err = s.Send(Within(t), e, strings.NewReader(letter), nil)
			wantCode(t, err, coded.EINVAL)
		}
	}
	for _, d := range []smtp.DSN{{Notify: []string{"NEVER", "DELAY"}}, {Notify: []string{"X"}}, {Return: "ALL"}, {ID: strings.Repeat("+", 40)}, {OriginalRecipient: "a\r\nb"}} {
		e := toRavi
		e.DSN = d
		_, err := s.Send(Within(t), e, strings.NewReader(letter), nil)
		wantCode(t, err, coded.EINVAL)
	}
	_, err := s.Send(Within(t), smtp.Envelope{}, strings.NewReader(letter), nil)
	wantCode(t, err, coded.EINVAL)
	e := toRavi
	e.RequireTLS = true
	_, err = s.Send(Within(t), e, strings.NewReader(letter), nil)
	wantCode(t, err, coded.ENOTSUP)
	e = toRavi
	e.To = []string{"ravi@[127.0.0.1]", "postmaster"}
	send(t, s, e, letter)
	if len(server.Messages()) != 1 {
		t.Errorf("%d messages", len(server.Messages()))
	}
	for _, o := range []smtp.Options{{}, {Host: "h", Port: 70000}, {Host: "h", Security: "x"}, {Host: "h", Name: "a b"}, {Host: "h", Name: "a\r\nQUIT"}} {
		_, err := smtp.Connect(Within(t), Dial(), o)
		wantCode(t, err, coded.EINVAL)
	}
}

// Where the app's own reader fails the message is never sent as if it were whole.
func TestReaderFails(t *testing.T) {
	broken := errors.New("no more")
	for name, before := range map[string]int{"at once": 0, "later": 100_000} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, noChunking bool) {
				server, o := serve(t, smtpserver.Options{})
				o.NoChunking = noChunking
				s := connect(t, &net.Dialer{}, o)
				r := io.MultiReader(strings.NewReader(strings.Repeat("x\r\n", before/3)), iotest.ErrReader(broken))
				if _, err := s.Send(Within(t), toRavi, r, nil); !errors.Is(err, broken) {
					t.Errorf("got %v", err)
				}
				if noChunking && before > 0 {
					wantCode(t, s.Noop(Within(t)), coded.ECLOSED)
				} else {
					noErr(t, s.Quit(Within(t)))
				}
				<-s.Done()
				server.Close()
				if got := server.Messages(); len(got) != 0 {
					t.Errorf("%d octets were taken for a message", len(got[0].Data))
				}
			})
		})
	}
}

func TestLogin(t *testing.T) {
	_, o := serve(t, smtpserver.Options{})
	o.Auth.Pass = "wrong"
	_, err := smtp.Connect(Within(t), &net.Dialer{}, o)
	if e := wantCode(t, err, coded.EAUTH); e.Response != "535 5.7.8" || e.Message != "Authentication failed" {
		t.Errorf("got %+v", e)
	}
	o.Auth = sasl.Credentials{}
	s := connect(t, &net.Dialer{}, o)
	_, err = s.Send(Within(t), toRavi, strings.NewReader(letter), nil)
	if e := wantCode(t, err, coded.EAUTH); e.Response != "530 5.7.0" {
		t.Errorf("got %+v", e)
	}
	noErr(t, s.Noop(Within(t)))
}

// A context that ends while another has its turn ends nothing but that call.
func TestTurns(t *testing.T) {
	server, o := serve(t, smtpserver.Options{})
	s := connect(t, &net.Dialer{}, o)
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := s.Send(context.Background(), toRavi, io.MultiReader(strings.NewReader(strings.Repeat("x\r\n", 20_000)), r), nil)
		done <- err
	}()
	w.Write([]byte("x")) // it has begun
	ctx, cancel := context.WithCancel(Within(t))
	cancel()
	wantCode(t, s.Noop(ctx), coded.ABORT_ERR)
	w.Close()
	noErr(t, <-done)
	noErr(t, s.Noop(Within(t)))
	if len(server.Messages()) != 1 {
		t.Errorf("%d messages", len(server.Messages()))
	}
}
