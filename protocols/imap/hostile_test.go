package imap_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	kimap "kaiwire/protocols/imap"
	. "kaiwire/protocols/protocoltest"
	"kaiwire/protocols/sasl"
)

const caps = "IMAP4rev1 AUTH=PLAIN SASL-IR IDLE UIDPLUS LITERAL+"

func login() []Step {
	return []Step{
		Line("* OK [CAPABILITY " + caps + "] ready"),
		Want("{l} AUTHENTICATE PLAIN AGFzaGEAa2Fpd2lyZQ=="),
		Line("{l} OK [CAPABILITY " + caps + "] welcome"),
	}
}

func selected() []Step {
	return append(login(),
		Want("{s} SELECT INBOX"),
		Line("* 3 EXISTS"), Line(`* FLAGS (\Answered [odd] \seen)`), Line("* OK [UIDVALIDITY 7] ok"), Line("* OK [UIDNEXT 44] ok"),
		Line(`* OK [PERMANENTFLAGS (\Seen \*)] ok`), Line("{s} OK [READ-ONLY] done"))
}

// inbox connects to a server that goes on with steps after INBOX was selected.
func inbox(t *testing.T, o kimap.Options, steps ...Step) *kimap.Session {
	t.Helper()
	noLeaks(t)
	s := connect(t, Dial(Transcript(t, append(selected(), steps...)...)), o)
	m, err := s.Select(within(t), "INBOX")
	noErr(t, err)
	if !m.ReadOnly || m.Exists != 3 || m.UIDNext != 44 || m.UIDValidity != 7 || fmt.Sprint(m.Flags) != `[\Answered [odd] \Seen]` || len(m.PermanentFlags) != 2 {
		t.Fatalf("got %+v", m)
	}
	return s
}

func TestHandshake(t *testing.T) {
	greeting := func(caps string) Step { return Line("* OK [CAPABILITY " + caps + "] ready") }
	for _, tc := range []struct {
		name  string
		auth  sasl.Credentials
		steps []Step
		code  coded.Code // "" for success
		check func(*coded.Error) bool
	}{
		{name: "capabilities asked for", steps: []Step{
			Line("* OK ready"), Want("{a} CAPABILITY"), Line("* CAPABILITY IMAP4rev1 AUTH=PLAIN"), Line("{a} OK done"),
			Want("{b} AUTHENTICATE PLAIN"), Line("+ "), Want("AGFzaGEAa2Fpd2lyZQ=="), Line("{b} OK done"),
			Want("{c} CAPABILITY"), Line("* CAPABILITY IMAP4rev1 IDLE"), Line("{c} OK done"), Hang()}},
		{name: "LOGIN where there is no mechanism", steps: []Step{
			greeting("IMAP4rev1"), Want(`{a} LOGIN "asha" "kaiwire"`), Line("{a} OK [CAPABILITY IMAP4rev1] done"), Hang()}},
		{name: "LOGIN by name, with quotes", auth: sasl.Credentials{User: `a"b`, Pass: `c\d`, Mechanism: kimap.LoginCommand}, steps: []Step{
			greeting("IMAP4rev1 AUTH=PLAIN"), Want(`{a} LOGIN "a\"b" "c\\d"`), Line("{a} OK [CAPABILITY IMAP4rev1] done"), Hang()}},
		{name: "LOGIN beyond ASCII", auth: sasl.Credentials{User: "आशा", Pass: "pässword", Mechanism: kimap.LoginCommand}, steps: []Step{
			greeting("IMAP4rev1"), Want("{a} LOGIN {9}"), Line("+ go on"), Want("आशा {9}"), Line("+ go on"), Want("pässword"),
			Line("{a} OK [CAPABILITY IMAP4rev1] done"), Hang()}},
		{name: "LOGIN mechanism", auth: sasl.Credentials{User: "asha", Pass: "kaiwire", Mechanism: "LOGIN"}, steps: []Step{
			greeting("IMAP4rev1 AUTH=LOGIN SASL-IR"), Want("{a} AUTHENTICATE LOGIN"), Line("+ VXNlcm5hbWU6"), Want("YXNoYQ=="), Line("+ UGFzc3dvcmQ6"), Want("a2Fpd2lyZQ=="),
			Line("{a} OK [CAPABILITY IMAP4rev1] done"), Hang()}},
		{name: "token refused", auth: sasl.Credentials{User: "asha", AccessToken: "old"}, code: coded.EAUTH, steps: []Step{
			greeting("IMAP4rev1 AUTH=OAUTHBEARER SASL-IR"), Want("{a} AUTHENTICATE OAUTHBEARER *"), Line("+ eyJzdGF0dXMiOiI0MDEifQ=="), Want("AQ=="), Line("{a} NO [AUTHENTICATIONFAILED] Token expired"), Hang()},
			check: func(e *coded.Error) bool {
				return e.Response == "AUTHENTICATIONFAILED" && e.Message == "Token expired"
			}},
		{name: "PREAUTH in the clear, as wanted", steps: []Step{Line("* PREAUTH [CAPABILITY IMAP4rev1] hello"), Hang()}},
		{name: "LOGINDISABLED", code: coded.ENOTSUP, steps: []Step{greeting("IMAP4rev1 STARTTLS LOGINDISABLED"), Hang()},
			check: func(e *coded.Error) bool { return e.Response == "LOGINDISABLED" }},
		{name: "no common mechanism, LOGINDISABLED", code: coded.ENOTSUP, steps: []Step{greeting("IMAP4rev1 LOGINDISABLED AUTH=GSSAPI"), Hang()},
			check: func(e *coded.Error) bool { return strings.Contains(e.Message, "GSSAPI") }},
		{name: "BYE", code: coded.ECONNRESET, steps: []Step{Line("* BYE [UNAVAILABLE] Too many connections"), Hang()},
			check: func(e *coded.Error) bool {
				return e.Message == "Too many connections" && e.Response == "UNAVAILABLE"
			}},
		{name: "BYE instead of an answer", code: coded.ECONNRESET, steps: []Step{greeting(caps), Want("{a} AUTHENTICATE *"), Line("* BYE Bored")},
			check: func(e *coded.Error) bool { return e.Message == "Bored" }},
		{name: "BAD", code: coded.EREJECTED, steps: []Step{greeting(caps), Want("{a} AUTHENTICATE *"), Line("{a} BAD What?"), Hang()}},
		{name: "closed before the greeting", code: coded.ECONNRESET},
		{name: "closed within the greeting", code: coded.ECONNRESET, steps: []Step{Raw("* OK hel")}},
		{name: "not IMAP", code: coded.EPROTO, steps: []Step{Line("220 mail.example ESMTP"), Hang()}},
		{name: "binary", code: coded.EPROTO, steps: []Step{Raw("\x16\x03\x01\x00\n"), Hang()}},
		{name: "empty line", code: coded.EPROTO, steps: []Step{Raw("\n"), Hang()}},
		{name: "wrong tag", code: coded.EPROTO, steps: []Step{greeting(caps), Want("{a} AUTHENTICATE *"), Line("X9 OK done"), Hang()}},
		{name: "odd status", code: coded.EPROTO, steps: []Step{greeting(caps), Want("{a} AUTHENTICATE *"), Line("{a} MAYBE later"), Hang()}},
		{name: "bad challenge", code: coded.EPROTO, steps: []Step{greeting("IMAP4rev1 AUTH=PLAIN SASL-IR"), Want("{a} AUTHENTICATE *"), Line("+ !!!"), Want("*"), Line("{a} BAD cancelled"), Hang()}},
		{name: "no capabilities", code: coded.EPROTO, steps: []Step{Line("* OK hi"), Want("{a} CAPABILITY"), Line("{a} OK none"), Hang()}},
		{name: "endless greeting", code: coded.ELIMIT, steps: []Step{Flood("* OK hello hello hello hello ", 1<<20), Hang()}},
		{name: "endless chatter", code: coded.ELIMIT, steps: []Step{Line("* OK hi"), Want("{a} CAPABILITY"), Flood("* OK still there\r\n", 10_000), Hang()}},
		{name: "endless questions", code: coded.ELIMIT, auth: sasl.Credentials{User: "a", AccessToken: "t"}, steps: []Step{greeting("IMAP4rev1 AUTH=OAUTHBEARER SASL-IR"), Want("{a} AUTHENTICATE *"), Flood("+ e30=\r\n", 100), Hang()}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			noLeaks(t)
			s, err := try(t, Dial(Transcript(t, tc.steps...)), kimap.Options{Auth: tc.auth})
			if tc.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(s.Capabilities(), "IMAP4rev1") {
					t.Errorf("capabilities: %q", s.Capabilities())
				}
				return
			}
			if e := wantCode(t, err, tc.code); tc.check != nil && !tc.check(e) {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestHandshakeIsBounded(t *testing.T) {
	for name, steps := range map[string][]Step{
		"no greeting":           nil,
		"silent after greeting": {Line("* OK ready")},
		"silent after login":    {Line("* OK [CAPABILITY " + caps + "] ready"), Want("{a} AUTHENTICATE *")},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			conn := Transcript(t, append(steps, Hang())...)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			_, err := kimap.Connect(ctx, Dial(conn), kimap.Options{Host: "h", Security: dial.None, Auth: asha})
			wantCode(t, err, coded.ETIMEDOUT)
		})
	}
}

func TestStartTLS(t *testing.T) {
	cert, roots := Certificate(t, "mail.kaiwire.example")
	_, strangers := Certificate(t, "mail.kaiwire.example")
	offer := Line("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready")
	for _, tc := range []struct {
		name  string
		roots *x509.CertPool
		code  coded.Code
		steps []Step
	}{
		{"secured", roots, "", []Step{offer, Want("{a} STARTTLS"), Line("{a} OK go"), ServeTLS(cert),
			Want("{b} CAPABILITY"), Line("* CAPABILITY " + caps), Line("{b} OK done"),
			Want("{c} AUTHENTICATE PLAIN AGFzaGEAa2Fpd2lyZQ=="), Line("{c} OK [CAPABILITY " + caps + "] welcome"),
			Want("{d} NOOP"), Line("{d} OK done"), Hang()}},
		{"answer injected", roots, coded.ETLS, []Step{offer, Want("{a} STARTTLS"), Raw("T1 OK go\r\n* CAPABILITY IMAP4rev1\r\n"), Hang()}},
		{"not offered", roots, coded.ETLS, []Step{Line("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready"), Hang()}},
		{"refused", roots, coded.ETLS, []Step{offer, Want("{a} STARTTLS"), Line("{a} NO not today"), Hang()}},
		{"PREAUTH", roots, coded.ETLS, []Step{Line("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello"), Hang()}},
		{"not trusted", strangers, coded.ETLS, []Step{offer, Want("{a} STARTTLS"), Line("{a} OK go"), ServeTLS(cert)}},
		{"no handshake", roots, coded.ECONNRESET, []Step{offer, Want("{a} STARTTLS"), Line("{a} OK go")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			noLeaks(t)
			conn := &Upgradable{Conn: Transcript(t, tc.steps...), Roots: tc.roots}
			s, err := try(t, Dial(conn), kimap.Options{Security: dial.STARTTLS})
			if tc.code != "" {
				wantCode(t, err, tc.code)
				return
			}
			noErr(t, err)
			noErr(t, s.Noop(within(t)))
		})
	}
	t.Run("can't be done", func(t *testing.T) {
		conn := Transcript(t, offer, Want("{a} STARTTLS"), Line("{a} OK go"), Hang())
		_, err := try(t, Dial(conn), kimap.Options{Security: dial.STARTTLS})
		wantCode(t, err, coded.ENOTSUP)
		_, err = try(t, Dial(), kimap.Options{Security: dial.TLS})
		wantCode(t, err, coded.ENOTSUP)
	})
}

// calls are all the calls that wait for a server.
var calls = map[string]func(context.Context, *kimap.Session) error{
	"select":  func(ctx context.Context, s *kimap.Session) error { _, err := s.Select(ctx, "INBOX"); return err },
	"examine": func(ctx context.Context, s *kimap.Session) error { _, err := s.Examine(ctx, "INBOX"); return err },
	"list":    func(ctx context.Context, s *kimap.Session) error { _, err := s.List(ctx, "", "*"); return err },
	"status":  func(ctx context.Context, s *kimap.Session) error { _, err := s.Status(ctx, "INBOX", nil); return err },
	"fetch": func(ctx context.Context, s *kimap.Session) error {
		return s.Fetch(ctx, imap.SeqSetNum(1), everything(), 0, func(*kimap.Message) error { return nil })
	},
	"download": func(ctx context.Context, s *kimap.Session) error {
		_, err := s.Download(ctx, imap.SeqSetNum(1), &imap.FetchItemBodySection{})
		return err
	},
	"search": func(ctx context.Context, s *kimap.Session) error { _, err := s.Search(ctx, nil, true); return err },
	"store": func(ctx context.Context, s *kimap.Session) error {
		return s.Store(ctx, imap.SeqSetNum(1), imap.StoreFlagsAdd, []imap.Flag{imap.FlagSeen})
	},
	"append": func(ctx context.Context, s *kimap.Session) error {
		_, err := s.Append(ctx, "INBOX", strings.NewReader(strings.Repeat("x", 5000)), 5000, nil)
		return err
	},
	"copy": func(ctx context.Context, s *kimap.Session) error {
		_, err := s.Copy(ctx, imap.SeqSetNum(1), "Trash")
		return err
	},
	"move": func(ctx context.Context, s *kimap.Session) error {
		_, err := s.Move(ctx, imap.SeqSetNum(1), "Trash")
		return err
	},
	"expunge": func(ctx context.Context, s *kimap.Session) error { return s.Expunge(ctx) },
	"idle":    func(ctx context.Context, s *kimap.Session) error { _, err := s.Idle(ctx); return err },
	"noop":    func(ctx context.Context, s *kimap.Session) error { return s.Noop(ctx) },
	"logout":  func(ctx context.Context, s *kimap.Session) error { return s.Logout(ctx) },
}

func eachCall(t *testing.T, f func(t *testing.T, call func(context.Context, *kimap.Session) error)) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { f(t, call) })
	}
}

func TestCallsAreBounded(t *testing.T) {
	eachCall(t, func(t *testing.T, call func(context.Context, *kimap.Session) error) {
		s := inbox(t, kimap.Options{}, Hang())
		ctx, cancel := context.WithTimeout(within(t), 20*time.Millisecond)
		defer cancel()
		wantCode(t, call(ctx, s), coded.ETIMEDOUT)
		wantCode(t, call(within(t), s), coded.ECLOSED)
	})
}

func TestCallsAreCancelled(t *testing.T) {
	eachCall(t, func(t *testing.T, call func(context.Context, *kimap.Session) error) {
		ctx, cancel := context.WithCancel(within(t))
		sent := make(chan struct{})
		s := inbox(t, kimap.Options{}, Want("*"), Signal(sent), Hang())
		go func() { <-sent; cancel() }()
		wantCode(t, call(ctx, s), coded.ABORT_ERR)
		wantCode(t, s.Noop(within(t)), coded.ECLOSED)
		wantCode(t, call(ctx, s), coded.ABORT_ERR)
	})
}

func TestCloseEndsCalls(t *testing.T) {
	eachCall(t, func(t *testing.T, call func(context.Context, *kimap.Session) error) {
		sent := make(chan struct{})
		var e events
		s := inbox(t, kimap.Options{Handler: e.handler()}, Want("*"), Signal(sent), Hang())
		go func() { <-sent; s.Close() }()
		wantCode(t, call(within(t), s), coded.ECLOSED)
		e.want(t, "closed <nil>")
	})
}

func TestServerGoes(t *testing.T) {
	eachCall(t, func(t *testing.T, call func(context.Context, *kimap.Session) error) {
		t.Run("without a word", func(t *testing.T) {
			s := inbox(t, kimap.Options{}, Want("*"))
			wantCode(t, call(within(t), s), coded.ECONNRESET)
			wantCode(t, call(within(t), s), coded.ECLOSED)
		})
		t.Run("garbage", func(t *testing.T) {
			s := inbox(t, kimap.Options{}, Want("*"), Line("Lorem ipsum"), Hang())
			wantCode(t, call(within(t), s), coded.EPROTO)
			wantCode(t, call(within(t), s), coded.ECLOSED)
		})
		t.Run("no", func(t *testing.T) {
			after := []Step{Want("{b} NOOP"), Line("{b} OK done"), Hang()}
			isLogout := strings.HasSuffix(t.Name(), "logout/no")
			if isLogout {
				after = nil
			}
			s := inbox(t, kimap.Options{}, append([]Step{Want("{a} *"), Line("{a} NO [LIMIT] Not now")}, after...)...)
			err := call(within(t), s)
			if e := wantCode(t, err, coded.EREJECTED); e.Response != "LIMIT" || e.Message != "Not now" {
				t.Errorf("got %+v", e)
			}
			if !isLogout {
				noErr(t, s.Noop(within(t)))
			}
		})
	})
}

func TestHostileAnswers(t *testing.T) {
	fetch := func(ctx context.Context, s *kimap.Session) error {
		return s.Fetch(ctx, imap.SeqSetNum(1, 2), everything(), 0, func(*kimap.Message) error { return nil })
	}
	for _, tc := range []struct {
		name  string
		call  func(context.Context, *kimap.Session) error
		code  coded.Code
		steps []Step
	}{
		{"10 MB line", calls["noop"], coded.ELIMIT, []Step{Raw("* OK "), Flood("x", 10<<20)}},
		{"10 MB of SEARCH", calls["search"], coded.ELIMIT, []Step{Flood("* SEARCH 1 2 3 4 5 6 7 8 9 10\r\n", 300_000)}},
		{"ESEARCH of everything", calls["search"], coded.ELIMIT, []Step{Line(`* ESEARCH (TAG "{a}") UID ALL 1:4294967295`)}},
		{"too many mailboxes", calls["list"], coded.ELIMIT, []Step{Flood("* LIST () \"/\" a\r\n", 100_001)}},
		{"3 GB literal", fetch, coded.ELIMIT, []Step{Line("* 1 FETCH (UID 1 BODY[HEADER] {3221225472}")}},
		{"literal beyond int64", fetch, coded.ELIMIT, []Step{Line("* 1 FETCH (UID 1 BODY[HEADER] {99999999999999999999}")}},
		{"literal with many zeros", fetch, coded.ELIMIT, []Step{Line("* 1 FETCH (UID 1 BODY[HEADER] {" + strings.Repeat("0", 100) + "3221225472}")}},
		{"large literal for a small part", fetch, coded.ELIMIT, []Step{Line("* 1 FETCH (UID 1 BODY[HEADER] {9000000}")}},
		{"large subject", fetch, coded.ELIMIT, []Step{Line("* 1 FETCH (UID 1 ENVELOPE (NIL {2000000}")}},
		{"many small strings", fetch, coded.ELIMIT, []Step{Raw("* 1 FETCH (UID 1 BODYSTRUCTURE (\"text\" \"plain\" ("), Flood("{3}\r\nabc ", 300_000)}},
		{"deep nesting", fetch, coded.ELIMIT, []Step{Line("* 1 FETCH (UID 1 BODYSTRUCTURE " + strings.Repeat("(", 300_000))}},
		{"string without end", fetch, coded.EPROTO, []Step{Line(`* 1 FETCH (UID 1 ENVELOPE ("abc`)}},
		{"closed within a literal", fetch, coded.ECONNRESET, []Step{Line("* 1 FETCH (UID 1 BODY[HEADER] {100}"), Raw("Subj")}},
		{"closed within a line", fetch, coded.ECONNRESET, []Step{Raw("* 1 FETCH (UID")}},
		{"wrong tag", calls["noop"], coded.EPROTO, []Step{Line("X OK done")}},
		{"line beginning with a space", calls["noop"], coded.EPROTO, []Step{Line(" OK")}},
		{"10 GB literal nobody asked for", calls["noop"], coded.ELIMIT, []Step{Line("* 1 FETCH (BODY[] {10000000000}")}},
		{"answer to a command that was not sent", calls["noop"], coded.EPROTO, []Step{Line("T99 OK done")}},
		{"BYE in the middle of a message", fetch, coded.EPROTO, []Step{Line("* 1 FETCH (UID 1"), Line("* BYE oops")}},
		{"NUL", fetch, coded.EPROTO, []Step{Line("\x00\x00")}},
		{"odd envelope", fetch, coded.EPROTO, []Step{Line("* 1 FETCH (UID 1 ENVELOPE 7)")}},
		{"BYE", fetch, coded.ECONNRESET, []Step{Line("* 1 FETCH (UID 1)"), Line("* BYE Shutting down")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var e events
			s := inbox(t, kimap.Options{Handler: e.handler()}, append(append([]Step{Want("{a} *")}, tc.steps...), hangUnlessClosed(tc.name))...)
			got := wantCode(t, tc.call(within(t), s), tc.code)
			if tc.name == "BYE" && got.Message != "Shutting down" {
				t.Errorf("got %+v", got)
			}
			wantCode(t, s.Noop(within(t)), coded.ECLOSED)
			e.want(t, "closed "+got.Error())
		})
	}
}

func hangUnlessClosed(name string) Step {
	if strings.HasPrefix(name, "closed") {
		return Raw("")
	}
	return Hang()
}

// What a server says unasked comes in its order, and does no harm.
func TestUnsolicited(t *testing.T) {
	var e events
	s := inbox(t, kimap.Options{Handler: e.handler()},
		Want("{a} NOOP"),
		Line(`* 3 FETCH (FLAGS (\SEEN $x))`), Line("* 1 EXPUNGE"), Line(`* 2 FETCH (UID 9 FLAGS () MODSEQ (12))`), Line("* 1 EXPUNGE"),
		Line("* 4 EXISTS"), Line("* 0 RECENT"), Line("* VANISHED 1:7"), Line("* X-FOO (bar {3}"), Raw("a)\r) baz\r\n"), Line(""),
		Line("* OK [ALERT] Mailbox nearly full"), Line("* NO odd"), Line("* OK [X-NEW 1 2] hm"),
		Line("* LIST () NIL foo"), Line("* SEARCH 1 2"), Line("* 2 FETCH (BODY[] {5}"), Raw("hello)\r\n"), Line("* 7 XYZZY"),
		Line("* CAPABILITY IMAP4rev1 MOVE"), Line("{a} OK [ALERT] done"),
		Want("{b} UID FETCH 5:6 (UID FLAGS)"),
		Line(`* 3 FETCH (UID 77 FLAGS (\Deleted))`), Line(`* 1 FETCH (FLAGS (\Seen) UID 5)`), Line(`* 2 FETCH (UID 6 FLAGS ())`), Line("{b} OK done"),
		Want("{c} FETCH 1 (UID ENVELOPE)"),
		Line(`* 1 FETCH (FLAGS (\Flagged))`), Line(`* 1 FETCH (UID 5 ENVELOPE ("odd date" {5}`), Raw("hello ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL NIL \"<x@y>\"))\r\n"), Line("{c} OK done"),
		Hang())
	noErr(t, s.Noop(within(t)))
	e.want(t, `flags 3 0 [\Seen $x]`, "expunge 1", "flags 2 9 []", "expunge 1", "exists 4", "unknown * VANISHED 1:7", "unknown * X-FOO (bar {3}",
		"alert Mailbox nearly full", "unknown * 7 XYZZY", "alert done")
	if got := s.Mailbox().Exists; got != 4 {
		t.Errorf("%d messages", got)
	}
	if got := s.Capabilities(); !slices.Equal(got, []string{"IMAP4rev1", "MOVE"}) {
		t.Errorf("capabilities: %q", got)
	}
	e.log = nil
	l := fetchAll(t, s, imap.UIDSetNum(5, 6), &imap.FetchOptions{Flags: true})
	if len(l) != 2 || l[0].UID != 5 || l[1].UID != 6 || fmt.Sprint(l[0].Flags) != `[\Seen]` {
		t.Errorf("got %+v", l)
	}
	l = fetchAll(t, s, imap.SeqSetNum(1), &imap.FetchOptions{Envelope: true})
	if len(l) != 1 || l[0].Envelope.Subject != "hello" || l[0].Envelope.MessageID != "x@y" {
		t.Errorf("got %+v", l)
	}
	e.want(t, `flags 3 77 [\Deleted]`, `flags 1 0 [\Flagged]`)
}

func TestSearchIncludesESearch(t *testing.T) {
	s := inbox(t, kimap.Options{}, Want("{a} UID SEARCH ALL"), Line(`* ESEARCH (TAG "{a}") UID COUNT 4 ALL 3,7:5`), Line("{a} OK done"), Hang())
	if got, err := s.Search(within(t), nil, true); err != nil || !slices.Equal(got, []uint32{3, 5, 6, 7}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestNothingToDownload(t *testing.T) {
	s := inbox(t, kimap.Options{},
		Want("{a} FETCH 1 (UID BODY.PEEK[7])"), Line("* 1 FETCH (UID 1 BODY[7] NIL)"), Line("{a} OK done"),
		Want("{b} FETCH 1 (UID BODY.PEEK[7])"), Line("{b} OK done"),
		Want("{c} FETCH 1 (UID BODY.PEEK[7])"), Line("{c} NO [NOPERM] no"), Hang())
	for _, code := range []coded.Code{coded.ENODATA, coded.ENOTFOUND, coded.EREJECTED} {
		_, err := s.Download(within(t), imap.SeqSetNum(1), &imap.FetchItemBodySection{Part: []int{7}, Peek: true})
		wantCode(t, err, code)
	}
}

// A download that is cut off must never look like one that is complete.
func TestDownloadCutOff(t *testing.T) {
	for name, tc := range map[string]struct {
		steps []Step
		code  coded.Code
	}{
		"by closing":     {[]Step{Raw("half")}, coded.ECONNRESET},
		"by NO":          {[]Step{Raw("all of it)\r\n"), Line("{a} NO [SERVERBUG] oops"), Hang()}, coded.EREJECTED},
		"by BYE at last": {[]Step{Raw("all of it)\r\n"), Line("* BYE oops"), Hang()}, coded.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			s := inbox(t, kimap.Options{}, append([]Step{Want("{a} FETCH *"), Line("* 1 FETCH (UID 1 BODY[] {9}")}, tc.steps...)...)
			lit, err := s.Download(within(t), imap.SeqSetNum(1), &imap.FetchItemBodySection{Peek: true})
			noErr(t, err)
			_, err = io.ReadAll(lit)
			wantCode(t, err, tc.code)
		})
	}
}

func TestDownloadIsBounded(t *testing.T) {
	s := inbox(t, kimap.Options{}, Want("{a} FETCH *"), Line("* 1 FETCH (UID 1 BODY[] {9}"), Raw("half"), Hang())
	lit, err := s.Download(within(t), imap.SeqSetNum(1), &imap.FetchItemBodySection{Peek: true})
	noErr(t, err)
	ctx, cancel := context.WithTimeout(within(t), 50*time.Millisecond)
	defer cancel()
	for err == nil {
		_, err = lit.ReadContext(ctx, make([]byte, 10))
	}
	wantCode(t, err, coded.ETIMEDOUT)
	wantCode(t, s.Noop(within(t)), coded.ECLOSED)
}

// Bytes of a literal are not read from the socket before they are asked for.
func TestBackPressure(t *testing.T) {
	noLeaks(t)
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	const size = 1 << 20
	var written int
	stalled := make(chan int, 1)
	go func() {
		io.WriteString(server, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n")
		io.ReadFull(server, make([]byte, len("T1 FETCH 1 (UID BODY.PEEK[])\r\n")))
		fmt.Fprintf(server, "* 1 FETCH (UID 1 BODY[] {%d}\r\n", size)
		chunk := make([]byte, 1024)
		for written < size {
			server.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			n, err := server.Write(chunk)
			written += n
			if err != nil {
				select {
				case stalled <- written:
				default:
				}
			}
		}
		server.SetWriteDeadline(time.Now().Add(Patience))
		io.WriteString(server, ")\r\nT1 OK done\r\n")
	}()
	s := connect(t, Dial(client), kimap.Options{})
	lit, err := s.Download(within(t), imap.SeqSetNum(1), &imap.FetchItemBodySection{Peek: true})
	noErr(t, err)
	if n := <-stalled; n > 32<<10 {
		t.Errorf("%d bytes were taken before anybody asked for them", n)
	}
	if n, err := io.Copy(io.Discard, lit); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}
