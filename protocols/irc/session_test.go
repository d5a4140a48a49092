package irc

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/ergochat/irc-go/ircmsg"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/protocoltest/ircserver"
)

func TestJoinRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		d := memory(t, ircserver.Options{})
		op := connect(t, d, options(nil))
		o := options(nil)
		o.Nick = "you"
		you := connect(t, d, o)
		for _, name := range []string{"#key", "#invite"} {
			if _, err := op.Join(ctx, name, ""); err != nil {
				t.Fatal(err)
			}
		}
		op.Raw(ctx, "MODE", "#key", "+k", "sesame")
		op.Raw(ctx, "MODE", "#invite", "+i")
		if _, err := op.Ping(ctx); err != nil {
			t.Fatal(err)
		}
		_, err := you.Join(ctx, "#key", "")
		wantCode(t, err, coded.EREJECTED, "475")
		_, err = you.Join(ctx, "#invite", "")
		wantCode(t, err, coded.EREJECTED, "473")
		if c, err := you.Join(ctx, "#key", "sesame"); err != nil || len(c.Names) != 2 {
			t.Errorf("joined %+v, %v", c, err)
		}
		_, err = you.Join(ctx, "#"+strings.Repeat("x", 60), "")
		wantCode(t, err, coded.EREJECTED, "403")
	})
}

func TestAnswers(t *testing.T) {
	join := func(ctx context.Context, s *Session) error { _, err := s.Join(ctx, "#a", ""); return err }
	nick := func(ctx context.Context, s *Session) error { return s.SetNick(ctx, "longnick") }
	part := func(ctx context.Context, s *Session) error { return s.Part(ctx, "#a", "") }
	type test struct {
		call     func(context.Context, *Session) error
		answer   string
		code     coded.Code // empty where it works
		response string
	}
	tests := map[string]test{
		"FAIL about it":         {join, ":s FAIL JOIN NOT_ALLOWED #A :No", coded.EREJECTED, "NOT_ALLOWED"},
		"FAIL about nothing":    {join, ":s FAIL JOIN NOT_ALLOWED :No", coded.EREJECTED, "NOT_ALLOWED"},
		"FAIL about another":    {join, ":s FAIL JOIN NOT_ALLOWED #b :No", coded.ETIMEDOUT, ""},
		"FAIL of another":       {join, ":s FAIL TOPIC NOT_ALLOWED #a :No", coded.ETIMEDOUT, ""},
		"another's refusal":     {join, ":s 473 me #b :No", coded.ETIMEDOUT, ""},
		"another's join":        {join, ":you!u@h JOIN #a\r\n:s 366 me #a :End", coded.ETIMEDOUT, ""},
		"names without join":    {join, ":s 353 me = #a :x\r\n:s 366 me #a :End", coded.ETIMEDOUT, ""},
		"join without end":      {join, ":me!u@h JOIN #a", coded.ETIMEDOUT, ""},
		"join":                  {join, ":ME!u@h JOIN :#A\r\n:s 366 me #a :End", "", ""},
		"too few parameters":    {join, ":s 461 me JOIN :Not enough", coded.EREJECTED, "461"},
		"nick":                  {nick, ":me!u@h NICK longnick", "", ""},
		"nick, shortened":       {nick, ":me!u@h NICK longn", "", ""},
		"another's nick":        {nick, ":you!u@h NICK long", coded.ETIMEDOUT, ""},
		"nick is taken":         {nick, ":s 433 me longnick :In use", coded.EREJECTED, "433"},
		"nick, too fast":        {nick, ":s 438 me longnick :Wait", coded.EREJECTED, "438"},
		"no nick":               {nick, ":s 431 me :None", coded.EREJECTED, "431"},
		"part":                  {part, ":me!u@h PART #a", "", ""},
		"part, not in it":       {part, ":s 442 me #a :No", coded.EREJECTED, "442"},
		"connection is lost":    {part, "ERROR :Closing link (bye)", coded.ECONNRESET, ""},
		"answer, then the end":  {part, ":me!u@h PART #a\r\nERROR :Closing link", "", ""},
		"part, but of somebody": {part, ":you!u@h PART #a", coded.ETIMEDOUT, ""},
	}
	for _, numeric := range []string{"403", "405", "471", "473", "474", "475", "476", "477"} {
		tests["join "+numeric] = test{join, ":s " + numeric + " me #a :No", coded.EREJECTED, numeric}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := connect(t, scripted(t, func(p *peer) {
					p.welcome()
					for _, err := p.r.ReadString('\n'); err == nil; _, err = p.r.ReadString('\n') {
						p.say(test.answer)
						idle(p)
						return
					}
				}), options(nil))
				err := test.call(t.Context(), s)
				if test.code != "" {
					wantCode(t, err, test.code, test.response)
				} else if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// idle waits for the client, answering its keep-alive.
func idle(p *peer) {
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return
		}
		if token, ok := strings.CutPrefix(line, "PING "); ok {
			p.say(":s PONG s " + strings.TrimSpace(token))
		}
	}
}

func TestCallsEnd(t *testing.T) {
	calls := map[string]func(context.Context, *Session) error{
		"join": func(ctx context.Context, s *Session) error { _, err := s.Join(ctx, "#a", ""); return err },
		"part": func(ctx context.Context, s *Session) error { return s.Part(ctx, "#a", "") },
		"nick": func(ctx context.Context, s *Session) error { return s.SetNick(ctx, "other") },
		"ping": func(ctx context.Context, s *Session) error { _, err := s.Ping(ctx); return err },
		"say":  func(ctx context.Context, s *Session) error { return s.Privmsg(ctx, "#a", "b") },
		"raw":  func(ctx context.Context, s *Session) error { return s.Raw(ctx, "A") },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				// This server reads nothing after the welcome.
				s := connect(t, scripted(t, func(p *peer) { p.welcome(); <-p.t.Context().Done() }), options(nil))
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				start := time.Now()
				wantCode(t, call(ctx, s), coded.ABORT_ERR, "")
				if took := time.Since(start); took != time.Second {
					t.Errorf("it took %v", took)
				}
				wantCode(t, call(ctx, s), coded.ABORT_ERR, "")
				time.AfterFunc(time.Second, func() { s.Close(); s.Close() })
				wantCode(t, call(t.Context(), s), coded.ECLOSED, "")
				wantCode(t, call(t.Context(), s), coded.ECLOSED, "")
			})
		})
	}
}

func TestQuit(t *testing.T) {
	for name, test := range map[string]struct {
		server func(p *peer)
		took   time.Duration
	}{
		"ERROR":         {func(p *peer) { p.want("QUIT :see you"); p.say("ERROR :Closing link") }, 0},
		"hangs up":      {func(p *peer) { p.want("QUIT") }, 0},
		"takes no note": {func(p *peer) { p.hang() }, 5 * time.Second},
		"takes nothing": {func(p *peer) { <-p.t.Context().Done() }, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				seen := newLog()
				s := connect(t, scripted(t, func(p *peer) { p.welcome(); test.server(p) }), options(seen.add))
				start := time.Now()
				if err := s.Quit(t.Context(), "see you"); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took != test.took {
					t.Errorf("it took %v", took)
				}
				<-s.Done()
				if e := next[*Closed](t, seen); e.Err != nil {
					t.Errorf("closed with %v", e.Err)
				}
			})
		})
	}
}

func TestKeepAlive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := newLog()
		pings := 0
		connect(t, scripted(t, func(p *peer) {
			p.welcome()
			for range 3 {
				token := strings.TrimPrefix(p.want("PING "), "PING ")
				pings++
				p.say(":s PONG s " + token)
			}
			p.hang()
		}), options(seen.add))
		start := time.Now()
		e := next[*Closed](t, seen)
		wantCode(t, e.Err, coded.ETIMEDOUT, "")
		if took := time.Since(start); pings != 3 || took != 4*2*time.Minute+30*time.Second {
			t.Errorf("ended after %d pings and %v", pings, took)
		}
		for len(seen.c) > 0 {
			if e, ok := (<-seen.c).(*Raw); ok && e.Command == "PONG" {
				t.Errorf("event %+v", e)
			}
		}
	})
}

func TestTricklingServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := newLog()
		connect(t, scripted(t, func(p *peer) {
			p.welcome()
			go p.hang()
			for {
				if _, err := p.conn.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}), options(seen.add))
		wantCode(t, next[*Closed](t, seen).Err, coded.ETIMEDOUT, "")
	})
}

func TestServerThatTakesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := newLog()
		connect(t, scripted(t, func(p *peer) {
			p.welcome()
			for range 1000 { // more than are kept to be answered
				p.say("PING x")
			}
			<-p.t.Context().Done()
		}), Options{Host: "s", Security: "none", Nick: "me", Handler: seen.add, PingTimeout: time.Second})
		wantCode(t, next[*Closed](t, seen).Err, coded.ETIMEDOUT, "")
	})
}

func TestFloodControl(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var at []time.Duration
		var start time.Time
		ponged := false
		s := connect(t, scripted(t, func(p *peer) {
			p.welcome()
			for len(at) < 14 {
				line, _ := p.r.ReadString('\n')
				if strings.HasPrefix(line, "PONG") {
					ponged = len(at) < 14
					continue
				}
				at = append(at, time.Since(start))
				if len(at) == 11 {
					p.say("PING now")
				}
			}
			p.hang()
		}), options(nil))
		start = time.Now()
		for i := range 14 {
			if err := s.Privmsg(t.Context(), "#a", fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		for i, d := range at {
			if want := time.Duration(max(0, i-9)) * 500 * time.Millisecond; d != want {
				t.Errorf("line %d was sent after %v, want %v", i, d, want)
			}
		}
		if !ponged {
			t.Error("the PONG had to wait with the rest")
		}
		// What is cancelled while it waits is not sent.
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		wantCode(t, s.Privmsg(ctx, "#a", "late"), coded.ETIMEDOUT, "")
	})
}

func TestClosedByServer(t *testing.T) {
	for name, test := range map[string]struct {
		script  func(p *peer)
		code    coded.Code
		message string
	}{
		"ERROR":       {func(p *peer) { p.say(":s NOTICE me :bye", "ERROR :Closing link (kline)") }, coded.ECONNRESET, "Closing link (kline)"},
		"hang-up":     {func(p *peer) { p.say(":s NOTICE me :bye") }, coded.ECONNRESET, ""},
		"half a line": {func(p *peer) { p.say(":s NOTICE me :bye"); io.WriteString(p.conn, ":s PRIVMSG m") }, coded.ECONNRESET, ""},
		"endless line": {func(p *peer) {
			p.say(":s NOTICE me :bye")
			for {
				if _, err := io.WriteString(p.conn, "@a="+strings.Repeat("b", 1000)); err != nil {
					return
				}
			}
		}, coded.ELIMIT, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				seen := newLog()
				s := connect(t, scripted(t, func(p *peer) { p.welcome(); test.script(p) }), options(seen.add))
				next[*Notice](t, seen) // what came before the end is still told
				e := next[*Closed](t, seen)
				wantCode(t, e.Err, test.code, "")
				if s.Err() != e.Err || !strings.Contains(e.Err.Error(), test.message) {
					t.Errorf("the session ended with %v, the event says %v", s.Err(), e.Err)
				}
				wantCode(t, s.Privmsg(t.Context(), "#a", "b"), test.code, "")
				if len(seen.c) > 0 {
					t.Errorf("after Closed: %+v", <-seen.c)
				}
			})
		})
	}
}

func TestOddLines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := newLog()
		tags := strings.Repeat("a=1;", maxTags)
		s := connect(t, scripted(t, func(p *peer) {
			p.welcome()
			p.say("", ":", "@a", "@a ", ":s", "\xff\xfe", "a\x00b", "PING", "!! x",
				":s CMD"+strings.Repeat(" x", maxParams+1),
				":you!u@h PRIVMSG me",
				"@a=b;time=yesterday;+c=d\\se :you!u@h PRIVMSG me :caf\xe9",
				"@a=b;c=\xff :you!u@h PRIVMSG me :odd tags",
				"@"+tags+"b :you!u@h PRIVMSG me :many tags",
				"@a="+strings.Repeat("b", 8200)+" :you!u@h PRIVMSG me :long tags",
				":you!u@h PRIVMSG me :"+strings.Repeat("x", 700),
				":irc.server.example NOTICE * :from a server",
				"PRIVMSG me :from nobody")
			p.hang()
		}), options(seen.add))
		if e := next[*Message](t, seen); e.Text != "caf\uFFFD" || e.Tags.Get("a") != "b" || e.Tags.Get("+c") != "d e" || !e.Time.Equal(time.Now()) {
			t.Errorf("%+v", e)
		}
		if e := next[*Message](t, seen); e.Text != "odd tags" || e.Tags.Get("c") != "\uFFFD" {
			t.Errorf("%+v", e)
		}
		if e := next[*Message](t, seen); e.Text != "many tags" || e.Tags != "" {
			t.Errorf("%+v", e)
		}
		if e := next[*Message](t, seen); e.Text != "long tags" || e.Tags != "" {
			t.Errorf("%+v", e)
		}
		if e := next[*Message](t, seen); len(e.Text) != 700 {
			t.Errorf("%+v", e)
		}
		if e := next[*Notice](t, seen); e.Nick != "irc.server.example" || e.User != "" {
			t.Errorf("%+v", e)
		}
		if e := next[*Message](t, seen); e.Nick != "" || e.Text != "from nobody" {
			t.Errorf("%+v", e)
		}
		if n := s.Malformed(); n != 8 {
			t.Errorf("%d malformed lines", n)
		}
	})
}

func TestNamesFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := connect(t, scripted(t, func(p *peer) {
			p.welcome()
			p.want("JOIN #a")
			p.say(":me!u@h JOIN #a")
			for range maxNames/100 + 10 {
				p.say(":s 353 me = #a :" + strings.Repeat("@%x!u@h ", 100))
			}
			p.say(":s 366 me #a :End")
			idle(p)
		}), options(nil))
		c, err := s.Join(t.Context(), "#a", "")
		if err != nil || len(c.Names) != maxNames || !c.Truncated || c.Names[0] != (Name{"@%", "x", "u", "h"}) {
			t.Errorf("%d names, truncated %v, %v", len(c.Names), c.Truncated, err)
		}
		if s.state.nameCount != 0 || len(s.state.names) != 0 {
			t.Errorf("%d names are kept", s.state.nameCount)
		}
	})
}

// A busy Handler stops the server, but not the calls of the session, not even
// its own.
func TestBusyHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sent atomic.Int32
		gate := make(chan struct{})
		joined := make(chan error, 1)
		started := make(chan *Session, 1)
		var s *Session
		d := scripted(t, func(p *peer) {
			p.welcome()
			go func() {
				for range 1000 {
					if _, err := io.WriteString(p.conn, ":you!u@h PRIVMSG me :x\r\n"); err != nil {
						return
					}
					sent.Add(1)
				}
				io.WriteString(p.conn, ":me!u@h JOIN #a\r\n:s 366 me #a :End\r\n")
			}()
			p.want("JOIN #a")
			p.hang()
		})
		first := true
		s = connect(t, d, options(func(e Event) {
			if _, ok := e.(*Message); ok && first {
				first = false
				<-gate
				_, err := (<-started).Join(t.Context(), "#a", "")
				joined <- err
			}
		}))
		synctest.Wait()
		// Besides the queue, the Handler and the reader have one each.
		if n := sent.Load(); n != eventsQueued+2 {
			t.Errorf("%d messages were read while the Handler was busy", n)
		}
		time.Sleep(time.Hour) // which is not held against the server
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
		started <- s
		close(gate)
		// The answer is behind more messages than can be queued: the Handler's
		// call ends all the same.
		wantCode(t, <-joined, coded.ETIMEDOUT, "")
	})
}

func TestCallsFromHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := memory(t, ircserver.Options{})
		joined := make(chan error, 1)
		self := make(chan *Session, 1)
		closed := make(chan struct{})
		o := options(func(e Event) {
			switch e := e.(type) {
			case *Message:
				s := <-self
				_, err := s.Join(t.Context(), e.Text, "")
				joined <- err
				s.Close()
			case *Closed:
				close(closed)
			}
		})
		s := connect(t, d, o)
		if err := s.Privmsg(t.Context(), "me", "#cooking"); err != nil {
			t.Fatal(err)
		}
		self <- s
		if err := <-joined; err != nil {
			t.Error(err)
		}
		<-closed
	})
}

func TestCTCP(t *testing.T) {
	for _, version := range []string{"", "kaiwire test"} {
		bubble(t, func(t *testing.T) {
			seen := newLog()
			var answers []string
			o := options(seen.add)
			o.Version = version
			connect(t, scripted(t, func(p *peer) {
				p.welcome()
				for range 10 {
					p.say(":you!u@h PRIVMSG me :\x01VERSION\x01", ":you!u@h PRIVMSG me :\x01PING 12 34\x01")
				}
				p.say(":you!u@h PRIVMSG #a :\x01VERSION\x01", ":you!u@h PRIVMSG me :\x01", ":you!u@h NOTICE me :\x01VERSION x\x01",
					":you!u@h PRIVMSG me :\x01action waves", "PING end")
				for {
					line, err := p.r.ReadString('\n')
					if err != nil || strings.HasPrefix(line, "PONG end") {
						return
					}
					answers = append(answers, strings.TrimSpace(line))
				}
			}), o)
			if e := next[*Message](t, seen); e.Text != "\x01" {
				t.Errorf("%+v", e)
			}
			if e := next[*Message](t, seen); e.Text != "waves" || !e.Action {
				t.Errorf("%+v", e)
			}
			<-seen.c // Closed: the script is through
			want := []string{"NOTICE you :\x01VERSION kaiwire test\x01", "NOTICE you :\x01PING 12 34\x01", "NOTICE you :\x01VERSION kaiwire test\x01"}
			if version == "" {
				want = nil
			}
			if fmt.Sprintf("%q", answers) != fmt.Sprintf("%q", want) {
				t.Errorf("answered %q", answers)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		text  string
		limit int
		want  []string
	}{
		{"short", 10, []string{"short"}},
		{"exactly 10", 10, []string{"exactly 10"}},
		{"one two three", 9, []string{"one two", "three"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"abcdefghijkl", 5, []string{"abcde", "fghij", "kl"}},
		{"a bcdefghijk", 8, []string{"a bcdefg", "hijk"}},
		{"ääääää", 5, []string{"ää", "ää", "ää"}},
		{"🍋🍋🍋", 6, []string{"🍋", "🍋", "🍋"}},
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x80", 4, []string{"\x80\x80\x80\x80", "\x80\x80\x80\x80", "\x80"}},
		{"", 5, []string{""}},
	} {
		if got := split(test.text, test.limit, false); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", test.want) {
			t.Errorf("split %q at %d: got %q", test.text, test.limit, got)
		}
	}
}

// Nothing of a long text is lost when the server puts our address before it.
func TestLongText(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := memory(t, ircserver.Options{})
		seen := newLog()
		o := options(seen.add)
		o.Nick = "you"
		you := connect(t, d, o)
		o = options(nil)
		o.FloodInterval = -1
		me := connect(t, d, o)
		for _, target := range []string{"you", "#channel"} {
			if target[0] == '#' {
				for _, s := range []*Session{you, me} {
					if _, err := s.Join(t.Context(), target, ""); err != nil {
						t.Fatal(err)
					}
				}
			}
			text := strings.TrimSpace(strings.Repeat("Füße auf nassem Kies, 🍋 und kein Schirm. ", 60))
			for name, say := range map[string]func(context.Context, string, string) error{"say": me.Privmsg, "action": me.Action} {
				if err := say(t.Context(), target, text); err != nil {
					t.Fatal(err)
				}
				var heard []string
				for len(strings.Join(heard, " ")) < len(text) {
					e := next[*Message](t, seen)
					if e.Action != (name == "action") || !utf8.ValidString(e.Text) || strings.Contains(e.Text, "\uFFFD") {
						t.Fatalf("heard %+v", e)
					}
					heard = append(heard, e.Text)
				}
				if strings.Join(heard, " ") != text {
					t.Errorf("%s to %s: heard %q", name, target, heard)
				}
			}
		}
	})
}

func TestCaseMapping(t *testing.T) {
	st := newState("me")
	for _, test := range []struct {
		mapping, a, b string
		same          bool
	}{
		{"", "Nick[]\\^", "nICK{}|~", true},
		{"ascii", "ABC", "abc", true},
		{"ascii", "[", "{", false},
		{"rfc1459", "[]\\^", "{}|~", true},
		{"rfc1459-strict", "[]\\", "{}|", true},
		{"rfc1459-strict", "^", "~", false},
		{"rfc7613", "ABC", "abc", true},
		{"ascii", "a", "ab", false},
	} {
		if test.mapping != "" {
			st.learn("CASEMAPPING=" + test.mapping)
		}
		if got := st.same(test.a, test.b); got != test.same || (st.fold(test.a) == st.fold(test.b)) != test.same {
			t.Errorf("%s: %q and %q: %v", test.mapping, test.a, test.b, got)
		}
	}
	for i := range 2 * maxFeatures {
		st.learn(fmt.Sprint("F", i))
	}
	if len(st.all) != maxFeatures {
		t.Errorf("%d features are kept", len(st.all))
	}
	st.learn("-F1")
	st.learn("NICKLEN=x")
	if _, ok := st.all["F1"]; ok || st.nickLen != 0 {
		t.Errorf("F1 is %v, NICKLEN %d", ok, st.nickLen)
	}
}

func TestOwnAddress(t *testing.T) {
	for _, lines := range []string{
		":s 001 me :Welcome to us, me!ab@host.example", ":me!ab@host.example MODE me +i", ":s 396 me ab@host.example :is now your host",
		":s 396 me host.example :is now your host\r\n:me!ab@old CHGHOST ab host.example",
	} {
		st := newState("me")
		st.user = "ab"
		for line := range strings.SplitSeq(lines, "\r\n") {
			m, ok := parse(line)
			if !ok {
				t.Fatal(line)
			}
			st.apply(m, time.Now())
		}
		if st.nick != "me" || st.user != "ab" || st.host != "host.example" {
			t.Errorf("after %q we are %s!%s@%s", lines, st.nick, st.user, st.host)
		}
	}
}

// FuzzParse holds parse against the library's, which it is quicker than.
func FuzzParse(f *testing.F) {
	for _, line := range []string{
		":a!b@c PRIVMSG #x :hi there", "PING :x\r\n", "  :s  001  me  a b  c :d e ", ":s", ":s ", "x", "1\x00 a", "a\rb", "é x", "ping", "A :", "A : b", "A b:c :d",
		":s 354 me 771 #c user host nick H acc :Real Name", "A" + strings.Repeat(" b", maxParams), "A" + strings.Repeat(" b", maxParams+1), "\r\n",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.HasPrefix(line, "@") {
			return
		}
		want, err := ircmsg.ParseLine(line)
		usable := err == nil && isCommand(want.Command) && len(want.Params) <= maxParams
		got, ok := parse(line)
		if ok != usable {
			t.Fatalf("%q: %v, and the library says %v, %+v", line, ok, err, want)
		}
		if ok && (got.Source != want.Source || got.Command != want.Command || !slices.Equal(got.Params, want.Params)) {
			t.Fatalf("%q is %+v, want %+v", line, got, want)
		}
	})
}

func FuzzEvent(f *testing.F) {
	for _, line := range []string{
		"PING :x", ":a!b@c PRIVMSG #x :hi", "@time=2026-01-02T03:04:05.678Z;+x=\\s :a NOTICE b :c", ":a!b@c PRIVMSG b :\x01ACTION x\x01",
		":me!b@c JOIN #x acc :Real", ":me PART #x", ":s 353 me = #x :@a +b!c@d", ":s 366 me #x :End", ":s 005 me PREFIX=(ov)@+ CHANTYPES= :are",
		":me NICK you", ":a KICK #x me", ":s 001 you :Hi you!a@b", ":s MODE #x +o a", ":s 332 me #x :t", ":s 396 me a@b :x", ":me CHGHOST a b", "@;;= X",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		st := newState("me")
		var o Options
		for line := range strings.SplitSeq(string(b), "\n") {
			m, ok := parse(o.decode([]byte(line), false))
			if !ok {
				continue
			}
			e := st.apply(m, time.Unix(0, 0))
			if e == nil && m.Command != "353" && m.Command != "BATCH" {
				t.Fatalf("no event for %q", line)
			}
			switch e := e.(type) {
			case *Message:
				if !utf8.ValidString(e.Text + e.Nick + e.Target) {
					t.Fatalf("%+v", e)
				}
			case *Raw:
				if strings.Count(string(e.Tags), ";") > maxTags || len(e.Params) > maxParams {
					t.Fatalf("%+v", e)
				}
			}
		}
		if st.nameCount < 0 || st.nameCount > maxNames || len(st.channels) > maxChannels {
			t.Fatalf("%+v", st)
		}
	})
}
