package irc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/protocoltest/ircserver"
)

// pair are two people, connected to one server, and what they see.
type pair struct {
	ann, ben         *Session
	annSees, benSees *log
}

func couple(t *testing.T, d dial.Dialer, change func(*Options)) pair {
	t.Helper()
	p := pair{annSees: newLog(), benSees: newLog()}
	o := options(p.annSees.add)
	o.Nick, o.FloodInterval = "ann", -1
	if change != nil {
		change(&o)
	}
	p.ann = connect(t, d, o)
	o = options(p.benSees.add)
	o.Nick, o.FloodInterval = "ben", -1
	p.ben = connect(t, d, o)
	for _, s := range []*Session{p.ann, p.ben} {
		if _, err := s.Join(t.Context(), "#a", ""); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCapabilityValues(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := connect(t, memory(t, ircserver.Options{}), options(nil))
		if value, ok := s.Capability("multiline"); value != "max-bytes=4096,max-lines=20" || !ok {
			t.Errorf("multiline is %q, %v", value, ok)
		}
		if _, ok := s.Capability("no-implicit-names"); ok {
			t.Error("no-implicit-names is in force and was not asked for")
		}
	})
}

// A sent message resolves with the server's answer.
func TestLabeledResponse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		p := couple(t, memory(t, ircserver.Options{}), nil)
		sent, err := p.ann.Say(ctx, Text{Target: "#a", Text: "hello"})
		must(t, err)
		heard := next[*Message](t, p.benSees)
		if !sent.Confirmed || sent.ID == "" || sent.ID != heard.ID() || !sent.Time.Equal(heard.Time) || sent.Messages != 1 {
			t.Errorf("sent %+v, heard %+v", sent, heard)
		}
		_, err = p.ann.Say(ctx, Text{Target: "nobody", Text: "hello"})
		wantCode(t, err, coded.EREJECTED, "401")
		_, err = p.ann.Say(ctx, Text{Target: "#nowhere", Text: "hello"})
		wantCode(t, err, coded.EREJECTED, "401")

		// An answer in a batch: the echo, and that ben is away.
		must(t, p.ben.Raw(ctx, "AWAY", "lunch"))
		if e := next[*Away](t, p.annSees); e.Nick != "ben" || !e.Away || e.Text != "lunch" {
			t.Errorf("away %+v", e)
		}
		sent, err = p.ann.Say(ctx, Text{Target: "ben", Text: "there?", ReplyTo: heard.ID()})
		must(t, err)
		heard = next[*Message](t, p.benSees)
		if sent.ID != heard.ID() || heard.Tags.Get("+reply") == "" {
			t.Errorf("sent %+v, heard %+v", sent, heard)
		}
		answer, err := p.ann.Command(ctx, "WHO", "#a")
		if must(t, err); len(answer) != 3 || answer[0].Command != "352" || answer[2].Command != "315" {
			t.Errorf("answer %+v", answer)
		}
		_, err = p.ann.Command(ctx, "NONSENSE")
		wantCode(t, err, coded.EREJECTED, "421")
		answer, err = p.ann.Command(ctx, "PONG", "x")
		if must(t, err); len(answer) != 0 {
			t.Errorf("answer to nothing %+v", answer)
		}
		must(t, p.ann.Privmsg(ctx, "ann", "note to self"))
		if e := next[*Message](t, p.annSees); e.Text != "note to self" || !e.Own {
			t.Errorf("%+v", e)
		}
	})
}

// What a server lacks is missing, and no more than that.
func TestDegrading(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		d := memory(t, ircserver.Options{Without: []string{
			"labeled-response", "echo-message", "message-tags", "draft/chathistory", "draft/multiline", "draft/read-marker",
			"draft/message-redaction", "draft/account-registration", "batch"}})
		p := couple(t, d, func(o *Options) { o.Echo = true })
		sent, err := p.ann.Say(ctx, Text{Target: "#a", Text: "one\ntwo\n\nthree", Multiline: true, ReplyTo: "m1"})
		must(t, err)
		if sent.Confirmed || sent.ID != "" || sent.Messages != 3 {
			t.Errorf("sent %+v", sent)
		}
		for _, text := range []string{"one", "two", "three"} {
			if e := next[*Message](t, p.benSees); e.Text != text || e.Own {
				t.Errorf("heard %+v, want %q", e, text)
			}
		}
		// The echo is of our own making.
		if e := next[*Message](t, p.annSees); !e.Own || e.Text != "one" || e.Nick != "ann" || e.Channel != "#a" {
			t.Errorf("echo %+v", e)
		}
		_, err = p.ann.History(ctx, HistoryQuery{Target: "#a"})
		wantCode(t, err, coded.ENOTSUP, "")
		_, err = p.ann.ReadMarker(ctx, "#a")
		wantCode(t, err, coded.ENOTSUP, "")
		_, err = p.ann.Command(ctx, "VERSION")
		wantCode(t, err, coded.ENOTSUP, "")
		_, err = p.ann.RegisterAccount(ctx, "", "", "secret")
		wantCode(t, err, coded.ENOTSUP, "")
		_, err = p.ann.Networks(ctx)
		wantCode(t, err, coded.ENOTSUP, "")
		wantCode(t, p.ann.Typing(ctx, "#a", "active"), coded.ENOTSUP, "")
		wantCode(t, p.ann.React(ctx, "#a", "m1", "👍", false), coded.ENOTSUP, "")
		wantCode(t, p.ann.Redact(ctx, "#a", "m1", ""), coded.ENOTSUP, "")
	})
	bubble(t, func(t *testing.T) {
		s := connect(t, scripted(t, func(p *peer) { p.welcome(); idle(p) }), options(nil))
		wantCode(t, s.Monitor(t.Context(), "ben"), coded.ENOTSUP, "")
		_, err := s.HistoryTargets(t.Context(), time.Now(), time.Now(), 0)
		wantCode(t, err, coded.ENOTSUP, "")
		wantCode(t, s.VerifyAccount(t.Context(), "me", "1"), coded.ENOTSUP, "")
	})
}

func TestEcho(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := couple(t, memory(t, ircserver.Options{}), func(o *Options) { o.Echo = true })
		sent, err := p.ann.Say(t.Context(), Text{Target: "#a", Text: "waves", Action: true})
		must(t, err)
		if e := next[*Message](t, p.annSees); !e.Own || !e.Action || e.Text != "waves" || e.ID() != sent.ID {
			t.Errorf("echo %+v", e)
		}
	})
	// Without labels, what we say elsewhere can't be told from an echo.
	bubble(t, func(t *testing.T) {
		p := couple(t, memory(t, ircserver.Options{Without: []string{"labeled-response"}}), nil)
		if _, ok := p.ann.Capability("echo-message"); ok {
			t.Error("echo-message was asked for")
		}
	})
}

func TestMultiline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		d := memory(t, ircserver.Options{})
		p := couple(t, d, nil)
		old := newLog()
		o := options(old.add)
		o.Nick = "old"
		plain := connect(t, d, o)
		_, err := plain.Join(ctx, "#a", "")
		must(t, err)
		must(t, plain.Raw(ctx, "CAP", "REQ", "-draft/multiline"))
		_, err = plain.Ping(ctx)
		must(t, err)

		text := "first line\n\n" + strings.Repeat("a long second line ", 40) + "\nlast"
		sent, err := p.ann.Say(ctx, Text{Target: "#a", Text: text, Multiline: true})
		must(t, err)
		heard := next[*Message](t, p.benSees)
		if heard.Text != text || sent.ID != heard.ID() || !sent.Confirmed || sent.Messages != 1 || heard.Nick != "ann" || heard.Channel != "#a" {
			t.Errorf("sent %+v, heard %+v", sent, heard)
		}
		if e := next[*Message](t, old); e.Text != "first line" {
			t.Errorf("who has no multiline heard %+v", e)
		}
		// Without line feeds it is for what does not fit a line.
		text = strings.TrimSpace(strings.Repeat("Füße auf nassem Kies 🍋 ", 40))
		_, err = p.ann.Say(ctx, Text{Target: "#a", Text: text})
		must(t, err)
		if e := next[*Message](t, p.benSees); e.Text != text {
			t.Errorf("heard %q", e.Text)
		}
		// More lines than the server takes: one message each.
		sent, err = p.ann.Say(ctx, Text{Target: "#a", Text: strings.Repeat("x\n", 30), Multiline: true})
		must(t, err)
		if sent.Messages != 30 || !sent.Confirmed {
			t.Errorf("sent %+v", sent)
		}
		_, err = p.ann.Say(ctx, Text{Target: "#a", Text: "a\nb"})
		wantCode(t, err, coded.EINVAL, "")
		_, err = p.ann.Say(ctx, Text{Target: "#a", Text: "\n\n", Multiline: true})
		wantCode(t, err, coded.EINVAL, "")
	})
}

func TestHistory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		p := couple(t, memory(t, ircserver.Options{}), nil)
		var ids []string
		for i := range 6 {
			sent, err := p.ann.Say(ctx, Text{Target: "#a", Text: fmt.Sprint(i)})
			must(t, err)
			ids = append(ids, sent.ID)
			time.Sleep(time.Second)
		}
		_, err := p.ann.Say(ctx, Text{Target: "#a", Text: "a\nb", Multiline: true})
		must(t, err)
		texts := func(q HistoryQuery) string {
			t.Helper()
			q.Target = "#A"
			events, err := p.ben.History(ctx, q)
			must(t, err)
			var list []string
			for _, e := range events {
				if m, ok := e.(*Message); ok {
					if !m.History || m.Batch == nil && m.Text != "a\nb" {
						t.Errorf("%+v", m)
					}
					list = append(list, m.Text)
				}
			}
			return strings.Join(list, " ")
		}
		for i, test := range []struct {
			q    HistoryQuery
			want string
		}{
			{HistoryQuery{}, "0 1 2 3 4 5 a\nb"},
			{HistoryQuery{Limit: 2}, "5 a\nb"},
			{HistoryQuery{Before: &Point{ID: ids[2]}}, "0 1"},
			{HistoryQuery{After: &Point{ID: ids[3]}, Limit: 1}, "4"},
			{HistoryQuery{Since: &Point{ID: ids[3]}}, "4 5 a\nb"},
			{HistoryQuery{After: &Point{ID: ids[0]}, Before: &Point{ID: ids[3]}}, "1 2"},
			{HistoryQuery{Around: &Point{ID: ids[3]}, Limit: 2}, "2 3"},
		} {
			if got := texts(test.q); got != test.want {
				t.Errorf("%d: %q, want %q", i, got, test.want)
			}
		}
		// event-playback: what has happened is told, and changes nothing.
		must(t, p.ann.Raw(ctx, "TOPIC", "#a", "news"))
		must(t, p.ann.Part(ctx, "#a", "bye"))
		events, err := p.ben.History(ctx, HistoryQuery{Target: "#a"})
		must(t, err)
		kinds := ""
		for _, e := range events {
			kinds += fmt.Sprintf("%T ", e)
		}
		if !strings.HasPrefix(kinds, "*irc.Join *irc.Join ") || !strings.HasSuffix(kinds, "*irc.Topic *irc.Part ") {
			t.Errorf("events %s", kinds)
		}
		if ch, ok := p.ben.Channel("#a"); !ok || len(ch.Members) != 1 || ch.Topic != "news" {
			t.Errorf("channel %+v", ch)
		}
		// Nothing of it was told as if it were now.
		for len(p.benSees.c) > 0 {
			if m, ok := (<-p.benSees.c).(*Join); ok && m.History {
				t.Errorf("%+v", m)
			}
		}
		_, err = p.ann.History(ctx, HistoryQuery{Target: "#a"})
		wantCode(t, err, coded.EREJECTED, "INVALID_TARGET")
		_, err = p.ben.History(ctx, HistoryQuery{Target: "#a", Before: &Point{ID: "m999999"}})
		wantCode(t, err, coded.EREJECTED, "MESSAGE_ERROR")
		targets, err := p.ben.HistoryTargets(ctx, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), 0)
		if must(t, err); len(targets) != 1 || targets[0].Name != "#a" || targets[0].Time.IsZero() {
			t.Errorf("targets %+v", targets)
		}
		for _, q := range []HistoryQuery{{Target: ""}, {Target: "#a", Limit: -1}, {Target: "#a", Before: &Point{}}, {Target: "#a", Before: &Point{ID: "a b"}}} {
			_, err := p.ben.History(ctx, q)
			wantCode(t, err, coded.EINVAL, "")
		}
	})
}

func TestReadMarker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := couple(t, memory(t, ircserver.Options{}), nil)
		if e := next[*ReadMarker](t, p.annSees); e.Target != "#a" || !e.Read.IsZero() {
			t.Errorf("after joining %+v", e)
		}
		read, err := p.ann.ReadMarker(t.Context(), "#a")
		if must(t, err); !read.IsZero() {
			t.Errorf("read up to %v", read)
		}
		now := time.Now().Truncate(time.Millisecond)
		read, err = p.ann.MarkRead(t.Context(), "#a", now)
		if must(t, err); !read.Equal(now) {
			t.Errorf("read up to %v", read)
		}
		// An earlier one changes nothing.
		read, err = p.ann.MarkRead(t.Context(), "#a", now.Add(-time.Hour))
		if must(t, err); !read.Equal(now) {
			t.Errorf("read up to %v", read)
		}
	})
}

func TestTypingReactionsRedaction(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		p := couple(t, memory(t, ircserver.Options{}), nil)
		for range 5 { // one for each key, of which one is sent
			must(t, p.ann.Typing(ctx, "#a", "active"))
		}
		must(t, p.ann.Typing(ctx, "#a", "done"))
		for _, state := range []string{"active", "done"} {
			if e := next[*Typing](t, p.benSees); e.Nick != "ann" || e.Target != "#a" || e.State != state {
				t.Errorf("typing %+v", e)
			}
		}
		sent, err := p.ann.Say(ctx, Text{Target: "#a", Text: "oops"})
		must(t, err)
		must(t, p.ben.React(ctx, "#a", sent.ID, "👍", false))
		must(t, p.ben.React(ctx, "#a", sent.ID, "👍", true))
		for _, removed := range []bool{false, true} {
			if e := next[*Reaction](t, p.annSees); e.Nick != "ben" || e.To != sent.ID || e.Reaction != "👍" || e.Removed != removed {
				t.Errorf("reaction %+v", e)
			}
		}
		wantCode(t, p.ben.Redact(ctx, "#a", sent.ID, ""), coded.EREJECTED, "REDACT_FORBIDDEN")
		wantCode(t, p.ann.Redact(ctx, "#a", "m0", ""), coded.EREJECTED, "UNKNOWN_MSGID")
		must(t, p.ann.Redact(ctx, "#a", sent.ID, "typo"))
		if e := next[*Redaction](t, p.benSees); e.Nick != "ann" || e.Redacted != sent.ID || e.Reason != "typo" {
			t.Errorf("redaction %+v", e)
		}
		must(t, p.ann.Raw(ctx, "TAGMSG", "#a")) // of no tags, which the server does not mind
		if e := next[*TagMsg](t, p.benSees); e.Nick != "ann" {
			t.Errorf("tagmsg %+v", e)
		}
		for name, err := range map[string]error{
			"state": p.ann.Typing(ctx, "#a", "thinking"), "target": p.ann.Typing(ctx, "a b", "active"),
			"reaction": p.ann.React(ctx, "#a", sent.ID, "a\nb", false), "no reaction": p.ann.React(ctx, "#a", sent.ID, "", false),
			"id": p.ann.Redact(ctx, "#a", "a\rb", ""),
		} {
			if wantCode(t, err, coded.EINVAL, ""); err == nil {
				t.Error(name)
			}
		}
	})
}

func TestMonitor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		d := memory(t, ircserver.Options{})
		seen := newLog()
		o := options(seen.add)
		me := connect(t, d, o)
		must(t, me.Monitor(ctx, "friend", "amara"))
		if e := next[*Presence](t, seen); e.Online || e.Nicks[0] != "friend" {
			t.Errorf("%+v", e)
		}
		if e := next[*Presence](t, seen); !e.Online || e.Nicks[0] != "amara" {
			t.Errorf("%+v", e)
		}
		o = options(nil)
		o.Nick = "friend"
		friend := connect(t, d, o)
		if e := next[*Presence](t, seen); !e.Online || e.Nicks[0] != "friend" {
			t.Errorf("%+v", e)
		}
		// extended-monitor: changes of people in none of our channels.
		must(t, friend.Raw(ctx, "AWAY", "asleep"))
		if e := next[*Away](t, seen); e.Nick != "friend" || !e.Away {
			t.Errorf("%+v", e)
		}
		must(t, friend.Quit(ctx, ""))
		if e := next[*Presence](t, seen); e.Online || e.Nicks[0] != "friend" {
			t.Errorf("%+v", e)
		}
		must(t, me.Unmonitor(ctx, "friend"))
		wantCode(t, me.Monitor(ctx, make([]string, 101)...), coded.ELIMIT, "")
		wantCode(t, me.Monitor(ctx, "a b"), coded.EINVAL, "")
	})
}

// Accounts are made, completed by a code, and told.
func TestAccountRegistration(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		p := couple(t, memory(t, ircserver.Options{Accounts: map[string]string{"taken": "x"}, Code: "1234"}), nil)
		_, err := p.ann.RegisterAccount(ctx, "taken", "", "secret")
		wantCode(t, err, coded.EREJECTED, "ACCOUNT_EXISTS")
		_, err = p.ann.RegisterAccount(ctx, "", "ann@example.org", "short")
		wantCode(t, err, coded.EREJECTED, "WEAK_PASSWORD")
		verify, err := p.ann.RegisterAccount(ctx, "", "ann@example.org", "secret")
		if must(t, err); !verify {
			t.Error("no code is wanted")
		}
		wantCode(t, p.ann.VerifyAccount(ctx, "ann", "4321"), coded.EREJECTED, "INVALID_CODE")
		must(t, p.ann.VerifyAccount(ctx, "ann", "1234"))
		if e := next[*Account](t, p.benSees); e.Nick != "ann" || e.Account != "ann" {
			t.Errorf("%+v", e)
		}
		synctest.Wait()
		if p.ann.Account() != "ann" {
			t.Errorf("we are logged in to %q", p.ann.Account())
		}
		must(t, p.ann.Privmsg(ctx, "#a", "hi"))
		if e := next[*Message](t, p.benSees); e.Meta.Account() != "ann" {
			t.Errorf("account-tag of %+v", e)
		}
		_, err = p.ann.RegisterAccount(ctx, "", "", "two words")
		wantCode(t, err, coded.EINVAL, "")
	})
}

func TestBouncerNetworks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		d := memory(t, ircserver.Options{Networks: map[string]string{"1": `name=My\sNet;state=connected`, "2": "name=Other"}})
		seen := newLog()
		o := options(seen.add)
		o.BouncerNetwork = "2"
		s := connect(t, d, o)
		list, err := s.Networks(ctx)
		if must(t, err); len(list) != 2 || list[0].ID != "1" || list[0].Attributes.Get("name") != "My Net" {
			t.Errorf("networks %+v", list)
		}
		must(t, s.Raw(ctx, "BOUNCER", "CHANGENETWORK", "2", "name=New"))
		if e := next[*Network](t, seen); e.ID != "2" || e.Attributes.Get("name") != "New" {
			t.Errorf("%+v", e)
		}
	})
}

// What is known of people is kept true.
func TestMembers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		d := memory(t, ircserver.Options{Accounts: map[string]string{"ben": "secret"}})
		p := couple(t, d, func(o *Options) { o.Bot = true })
		member := func(nick string) Member {
			t.Helper()
			_, err := p.ann.Ping(ctx) // everything before it has been seen
			must(t, err)
			ch, ok := p.ann.Channel("#A")
			if !ok {
				t.Fatal("we are not in the channel")
			}
			for _, m := range ch.Members {
				if m.Nick == nick {
					return m
				}
			}
			return Member{}
		}
		step := func(s *Session, command string, params ...string) {
			t.Helper()
			must(t, s.Raw(ctx, command, params...))
			for _, s := range []*Session{s, p.ann} { // the server has done it, and then ann has seen it
				_, err := s.Ping(ctx)
				must(t, err)
			}
		}
		if m := member("ben"); m.Account != "*" || m.Realname != "ben" || m.Prefix != "" || m.User != "~ben" {
			t.Errorf("%+v", m)
		}
		step(p.ben, "AWAY", "lunch")
		if m := member("ben"); !m.Away {
			t.Errorf("%+v", m)
		}
		step(p.ben, "AWAY")
		step(p.ben, "SETNAME", "Ben B.")
		step(p.ben, "CHGHOST", "benny", "elsewhere.example")
		if m := member("ben"); m.Away || m.Realname != "Ben B." || m.User != "benny" || m.Host != "elsewhere.example" {
			t.Errorf("%+v", m)
		}
		step(p.ann, "MODE", "#a", "+o", "ben")
		step(p.ben, "NICK", "benno")
		if m := member("benno"); m.Prefix != "@" || m.Realname != "Ben B." || member("ben").Nick != "" {
			t.Errorf("%+v", m)
		}
		step(p.ben, "MODE", "#a", "-o", "ann")
		step(p.ben, "MODE", "#a", "+k", "sesame")
		step(p.ben, "MODE", "#a", "+i")
		step(p.ben, "TOPIC", "#a", "new times")
		ch, _ := p.ann.Channel("#a")
		if ch.Modes != "+ki sesame" || ch.Topic != "new times" || ch.TopicBy != "benno" || ch.TopicTime.IsZero() || ch.Members[0].Nick != "benno" || ch.Members[1].Prefix != "" {
			t.Errorf("%+v", ch)
		}
		if list, err := p.ben.Who(ctx, "#a"); err != nil || len(list) != 2 || list[0].Nick != "ann" || !list[0].Bot || list[0].Account != "*" {
			t.Errorf("who: %+v, %v", list, err)
		}
		if ch, _ := p.ben.Channel("#a"); !ch.Members[1].Bot {
			t.Errorf("the bot is not known as one: %+v", ch.Members)
		}
		must(t, p.ann.Raw(ctx, "INVITE", "amara", "#a"))
		if e := next[*Raw](t, p.annSees); e == nil {
			t.Error("no answer")
		}
		step(p.ben, "KICK", "#a", "ann")
		if _, ok := p.ann.Channel("#a"); ok || len(p.ann.Channels()) != 0 {
			t.Error("we are still in the channel")
		}
		if p.ann.state.members != 0 || len(p.ann.state.users) != 0 {
			t.Errorf("%d members and %d people are kept", p.ann.state.members, len(p.ann.state.users))
		}
	})
}

func TestNetsplit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, server := listen(), ircserver.New(ircserver.Options{})
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		p := couple(t, l, nil)
		o := options(nil)
		o.Nick = "cat"
		cat := connect(t, l, o)
		_, err := cat.Join(t.Context(), "#a", "")
		must(t, err)
		next[*Names](t, p.annSees)
		server.Split("near.example", "far.example", "ben", "cat")
		var nicks []string
		for range 2 {
			e := next[*Quit](t, p.annSees)
			if e.Batch == nil || e.Batch.Type != "netsplit" || fmt.Sprint(e.Batch.Params, e.Channels) != "[near.example far.example] [#a]" {
				t.Errorf("%+v", e)
			}
			nicks = append(nicks, e.Nick)
		}
		slices.Sort(nicks)
		ch, _ := p.ann.Channel("#a")
		if fmt.Sprint(nicks) != "[ben cat]" || len(ch.Members) != 1 {
			t.Errorf("%v have gone, %+v are there", nicks, ch.Members)
		}
	})
}

func TestNoImplicitNamesAndPreAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		d := memory(t, ircserver.Options{})
		o := options(nil)
		o.NoImplicitNames, o.Away = true, "not here yet"
		s := connect(t, d, o)
		joined, err := s.Join(ctx, "#cooking", "")
		if must(t, err); joined.Name != "#cooking" || joined.Topic == "" || len(joined.Names) != 0 {
			t.Errorf("joined %+v", joined)
		}
		if list, err := s.Who(ctx, "me"); err != nil || len(list) != 1 || !list[0].Away {
			t.Errorf("we are %+v, %v", list, err)
		}
		names, err := s.Names(ctx, "#cooking")
		if must(t, err); len(names.Names) != 4 {
			t.Errorf("names %+v", names)
		}
		if ch, _ := s.Channel("#cooking"); len(ch.Members) != 4 {
			t.Errorf("%+v", ch)
		}
	})
	// Where that is no capability, the server is told after the welcome.
	bubble(t, func(t *testing.T) {
		d := memory(t, ircserver.Options{Without: []string{"draft/pre-away"}})
		o := options(nil)
		o.Away = "not here"
		s := connect(t, d, o)
		if list, err := s.Who(t.Context(), "me"); err != nil || len(list) != 1 || !list[0].Away {
			t.Errorf("we are %+v, %v", list, err)
		}
	})
}

// Labels that are never answered end with the call's time.
func TestLabelNeverAnswered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := connect(t, scripted(t, func(p *peer) {
			p.want("CAP LS 302")
			p.say(":s CAP * LS :batch labeled-response message-tags echo-message draft/chathistory")
			p.want("CAP REQ")
			p.say(":s CAP * ACK :batch labeled-response message-tags echo-message draft/chathistory")
			p.want("CAP END")
			p.say(":s 001 me :hi", ":s 422 me :none")
			p.want("@label=")
			p.say("@label=other :you!u@h PRIVMSG #a :not ours", ":s BATCH -never", ":s BATCH +", ":s BATCH", ":s BATCH +x", "@batch=x :s NOTICE me :in it")
			idle(p)
		}), options(nil))
		start := time.Now()
		_, err := s.Say(t.Context(), Text{Target: "#a", Text: "anyone?"})
		wantCode(t, err, coded.ETIMEDOUT, "")
		if took := time.Since(start); took != time.Minute {
			t.Errorf("it took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = s.History(ctx, HistoryQuery{Target: "#a"})
		wantCode(t, err, coded.ETIMEDOUT, "")
		if len(s.calls) != 0 {
			t.Errorf("%d calls are left", len(s.calls))
		}
	})
}

func TestBatchLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := newLog()
		s := connect(t, scripted(t, func(p *peer) {
			p.welcome()
			for i := range 100 { // none of which ends
				p.say(fmt.Sprintf(":s BATCH +b%d netsplit a b", i))
			}
			parent := "b99"
			for i := range 20 { // ever deeper
				p.say(fmt.Sprintf("@batch=%s :s BATCH +d%d x", parent, i))
				parent = fmt.Sprint("d", i)
			}
			p.say(":s BATCH +m draft/multiline me")
			for range 1000 {
				p.say("@batch=m :you!u@h PRIVMSG me :" + strings.Repeat("x", 400))
			}
			p.say(":s BATCH -m", ":s BATCH +e draft/multiline me", ":s BATCH -e", "@batch=b99 :you!u@h QUIT :a b", ":s NOTICE me :end")
			idle(p)
		}), options(seen.add))
		if e := next[*Message](t, seen); !e.Truncated || len(e.Text) > maxMultiline || len(e.Text) < maxMultiline/2 {
			t.Errorf("%d bytes, truncated %v", len(e.Text), e.Truncated)
		}
		if e := next[*Quit](t, seen); e.Batch == nil || e.Batch.Type != "netsplit" {
			t.Errorf("%+v", e)
		}
		next[*Notice](t, seen)
		if n := len(s.state.batches.open); n > maxBatches || n != len(s.state.batches.order) {
			t.Errorf("%d batches are open, %d in order", n, len(s.state.batches.order))
		}
	})
}
