package irc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/protocoltest/ircserver"
)

// Most tests run in a synctest bubble, over net.Pipe: time costs nothing there,
// and a goroutine that outlives its session fails the test.

type dialer func(context.Context) (net.Conn, error)

func (d dialer) DialContext(ctx context.Context, _, _ string) (net.Conn, error) { return d(ctx) }

// listener accepts what is dialed in memory.
type listener struct {
	conns chan net.Conn
	done  chan struct{}
}

func listen() *listener { return &listener{make(chan net.Conn), make(chan struct{})} }

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }
func (l *listener) Close() error   { close(l.done); return nil }
func (l *listener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// memory starts an ircserver that ends with the test.
func memory(t *testing.T, o ircserver.Options) dial.Dialer {
	l, s := listen(), ircserver.New(o)
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l
}

// peer is the server's side of a scripted conversation.
type peer struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// scripted returns a dialer to a server that plays script and then hangs up.
func scripted(t *testing.T, script func(p *peer)) dial.Dialer {
	return dialer(func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		t.Cleanup(func() { <-done })
		go func() {
			defer close(done)
			defer theirs.Close()
			script(&peer{t, theirs, bufio.NewReader(theirs)})
		}()
		return ours, nil
	})
}

func (p *peer) say(lines ...string) {
	io.WriteString(p.conn, strings.Join(lines, "\r\n")+"\r\n")
}

// want reads lines until one begins with prefix. It fails the test where none
// comes, except in an expected hang-up, where prefix is empty.
func (p *peer) want(prefix string) string {
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			if prefix != "" {
				p.t.Errorf("the client has gone before %q: %v", prefix, err)
			}
			return ""
		}
		if prefix != "" && strings.HasPrefix(line, prefix) {
			return strings.TrimRight(line, "\r\n")
		}
	}
}

// hang waits for the client to hang up.
func (p *peer) hang() { p.want("") }

func (p *peer) welcome() {
	p.want("CAP LS 302")
	p.say(":s CAP * LS :multi-prefix")
	p.want("CAP REQ multi-prefix")
	p.say(":s CAP * ACK :multi-prefix")
	p.want("CAP END")
	p.say(":s 001 me :Welcome me!~me@host.example", ":s 005 me CASEMAPPING=ascii NICKLEN=9 PREFIX=(ohv)@%+ CHANTYPES=#& :are supported")
	p.want("PING")
	p.say(":s 422 me :No MOTD")
}

func options(handler func(Event)) Options {
	return Options{Host: "s", Security: dial.None, Nick: "me", Handler: handler}
}

func connect(t *testing.T, d dial.Dialer, o Options) *Session {
	t.Helper()
	s, err := Connect(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// log collects events for tests to wait for.
type log struct{ c chan Event }

func newLog() *log { return &log{make(chan Event, 10000)} }

func (l *log) add(e Event) { l.c <- e }

// next returns the next event of type T, skipping others.
func next[T Event](t *testing.T, l *log) T {
	t.Helper()
	patience := time.After(time.Hour)
	for {
		select {
		case e := <-l.c:
			if e, ok := e.(T); ok {
				return e
			}
			if e, ok := e.(*Closed); ok {
				t.Fatalf("the session ended while an event was waited for: %v", e.Err)
			}
		case <-patience:
			t.Fatal("the event does not come")
		}
	}
}

func wantCode(t *testing.T, err error, code coded.Code, response string) {
	t.Helper()
	var e *coded.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a coded error, %s", err, code)
	}
	if e.Code != code || e.Response != response || e.Protocol != "irc" || e.Message == "" {
		t.Fatalf("got %s, response %q, protocol %q, message %q; want %s, %q", e.Code, e.Response, e.Protocol, e.Message, code, response)
	}
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func TestConversation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		d := memory(t, ircserver.Options{MOTD: []string{"Hello."}})
		seen := newLog()
		me := connect(t, d, options(seen.add))
		other := connect(t, d, Options{Host: "s", Security: dial.None, Nick: "you"})
		if me.Nick() != "me" || !strings.Contains(strings.Join(me.Capabilities(), " "), "server-time") {
			t.Errorf("nick %q, capabilities %q", me.Nick(), me.Capabilities())
		}
		if v, ok := me.ISupport("NETWORK"); v != "kaiwire" || !ok {
			t.Errorf("NETWORK is %q, %v", v, ok)
		}

		c, err := me.Join(ctx, "#Test", "")
		if err != nil || c.Name != "#Test" || c.Topic != "" || len(c.Names) != 1 || c.Names[0].String() != "@me" || c.Names[0].Host == "" {
			t.Fatalf("joined %+v, %v", c, err)
		}
		if e := next[*Join](t, seen); e.Nick != "me" || e.Channel != "#Test" || e.Realname != "me" || e.Account != "" {
			t.Errorf("join %+v", e)
		}
		if e := next[*Names](t, seen); len(e.Names) != 1 {
			t.Errorf("names %+v", e)
		}
		if c, err = other.Join(ctx, "#TEST", ""); err != nil || c.Name != "#Test" || len(c.Names) != 2 {
			t.Fatalf("joined %+v, %v", c, err)
		}
		if err := other.Privmsg(ctx, "#test", "Grüße, 世界"); err != nil {
			t.Fatal(err)
		}
		e := next[*Message](t, seen)
		if e.Nick != "you" || e.User != "~you" || e.Host == "" || e.Target != "#Test" || e.Text != "Grüße, 世界" || e.Action {
			t.Errorf("message %+v", e)
		}
		if !e.Time.Equal(time.Now()) || !e.Tags.Has("time") {
			t.Errorf("message of %v at %v, tags %v", e.Time, time.Now(), e.Tags)
		}
		if err := other.Action(ctx, "me", "waves"); err != nil {
			t.Fatal(err)
		}
		if e := next[*Message](t, seen); e.Target != "me" || e.Text != "waves" || !e.Action {
			t.Errorf("action %+v", e)
		}
		if err := other.Notice(ctx, "me", "psst"); err != nil {
			t.Fatal(err)
		}
		if e := next[*Notice](t, seen); e.Text != "psst" || e.Nick != "you" {
			t.Errorf("notice %+v", e)
		}
		if err := me.Raw(ctx, "TOPIC", "#test", "of the day"); err != nil {
			t.Fatal(err)
		}
		if e := next[*Topic](t, seen); e.Channel != "#Test" || e.Topic != "of the day" || e.Nick != "me" {
			t.Errorf("topic %+v", e)
		}
		// Joining again is answered too.
		if c, err = me.Join(ctx, "#test", ""); err != nil || c.Topic != "of the day" || len(c.Names) != 2 {
			t.Errorf("joined again %+v, %v", c, err)
		}
		if err := other.SetNick(ctx, "thou"); err != nil || other.Nick() != "thou" {
			t.Errorf("now %q, %v", other.Nick(), err)
		}
		if e := next[*NickChange](t, seen); e.Nick != "you" || e.NewNick != "thou" || e.Own || fmt.Sprint(e.Channels) != "[#Test]" {
			t.Errorf("nick %+v", e)
		}
		wantCode(t, other.SetNick(ctx, "ME"), coded.EREJECTED, "433")
		if err := me.Raw(ctx, "MODE", "#test", "+o", "thou"); err != nil {
			t.Fatal(err)
		}
		if e := next[*Mode](t, seen); e.Target != "#Test" || e.Nick != "me" || e.Modes != "+o thou" || fmt.Sprint(e.Changes) != "[{true 111 thou}]" {
			t.Errorf("mode %+v", e)
		}
		if err := other.Part(ctx, "#test", "bye"); err != nil {
			t.Fatal(err)
		}
		if e := next[*Part](t, seen); e.Nick != "thou" || e.Channel != "#Test" || e.Reason != "bye" || e.Own {
			t.Errorf("part %+v", e)
		}
		wantCode(t, other.Part(ctx, "#test", ""), coded.EREJECTED, "442")
		if _, err := other.Join(ctx, "#test", ""); err != nil {
			t.Fatal(err)
		}
		if err := me.Raw(ctx, "KICK", "#test", "thou", "because"); err != nil {
			t.Fatal(err)
		}
		if e := next[*Kick](t, seen); e.Nick != "thou" || e.Channel != "#Test" || e.By != "me" || e.Reason != "because" || e.Own {
			t.Errorf("kick %+v", e)
		}
		if _, err := me.Ping(ctx); err != nil {
			t.Error(err)
		}
		if _, err := other.Join(ctx, "#test", ""); err != nil {
			t.Fatal(err)
		}
		if err := other.Quit(ctx, "gone"); err != nil {
			t.Fatal(err)
		}
		if e := next[*Quit](t, seen); e.Nick != "thou" || e.Reason != "Quit: gone" || fmt.Sprint(e.Channels) != "[#Test]" {
			t.Errorf("quit %+v", e)
		}
		if err := me.Raw(ctx, "nonsense"); err != nil {
			t.Fatal(err)
		}
		for {
			if e := next[*Raw](t, seen); e.Command == "421" {
				if len(e.Params) != 3 || e.Params[1] != "NONSENSE" || e.Prefix != "irc.kaiwire.example" {
					t.Errorf("raw %+v", e)
				}
				break
			}
		}
		if err := me.Quit(ctx, ""); err != nil || me.Err() != nil {
			t.Errorf("quit: %v, then %v", err, me.Err())
		}
		if e := next[*Closed](t, seen); e.Err != nil {
			t.Errorf("closed with %v", e.Err)
		}
		wantCode(t, me.Privmsg(ctx, "#test", "anyone?"), coded.ECLOSED, "")
		_, err = me.Join(ctx, "#test", "")
		wantCode(t, err, coded.ECLOSED, "")
		wantCode(t, me.Quit(ctx, ""), coded.ECLOSED, "")
	})
}

func TestTalkingChannels(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ticks := make(chan time.Time)
		d := memory(t, ircserver.Options{Ticks: ticks})
		seen := newLog()
		me := connect(t, d, options(seen.add))
		for _, name := range []string{"#kaios", "#cooking", "#cricket"} {
			c, err := me.Join(t.Context(), name, "")
			if err != nil || c.Topic == "" || len(c.Names) < 3 {
				t.Fatalf("joined %+v, %v", c, err)
			}
		}
		for _, name := range []string{"#kaios", "#cooking", "#cricket", "#kaios"} {
			ticks <- time.Now()
			if e := next[*Message](t, seen); e.Target != name || e.Text == "" || e.User != "bot" {
				t.Errorf("heard %+v", e)
			}
		}
	})
}

func TestOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := ircserver.New(ircserver.Options{})
	go server.Serve(l)
	defer server.Close()
	host, port, _ := strings.Cut(l.Addr().String(), ":")
	o := options(nil)
	o.Host = host
	for _, digit := range port {
		o.Port = o.Port*10 + int(digit-'0')
	}
	s, err := Connect(t.Context(), &net.Dialer{}, o)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Join(t.Context(), "#cooking", ""); err != nil || c.Topic == "" {
		t.Errorf("joined %+v, %v", c, err)
	}
	if took, err := s.Ping(t.Context()); err != nil || took <= 0 {
		t.Errorf("ping: %v, %v", took, err)
	}
	if err := s.Quit(t.Context(), "bye"); err != nil {
		t.Error(err)
	}
	<-s.Done()
	o.Port = 1 // nobody listens there
	_, err = Connect(t.Context(), &net.Dialer{}, o)
	wantCode(t, err, coded.ECONNREFUSED, "")
}

func TestOptions(t *testing.T) {
	never := dialer(func(context.Context) (net.Conn, error) {
		t.Error("dialed with options that make no sense")
		return nil, net.ErrClosed
	})
	for name, change := range map[string]func(*Options){
		"no host":             func(o *Options) { o.Host = "" },
		"no nick":             func(o *Options) { o.Nick = "" },
		"nick with space":     func(o *Options) { o.Nick = "a b" },
		"line break in nick":  func(o *Options) { o.Nick = "a\rQUIT" },
		"bad alternative":     func(o *Options) { o.AltNicks = []string{"me2", ""} },
		"security":            func(o *Options) { o.Security = "maybe" },
		"port":                func(o *Options) { o.Port = 70000 },
		"username":            func(o *Options) { o.Username = "a b" },
		"realname":            func(o *Options) { o.Realname = "a\nb" },
		"password":            func(o *Options) { o.Password = "a\x00b" },
		"capability":          func(o *Options) { o.Capabilities = []string{"a b"} },
		"version":             func(o *Options) { o.Version = "1\r2" },
		"capability is empty": func(o *Options) { o.Capabilities = []string{""} },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(nil)
			change(&o)
			_, err := Connect(t.Context(), never, o)
			wantCode(t, err, coded.EINVAL, "")
		})
	}
	o := options(nil)
	o.Security = dial.STARTTLS
	_, err := Connect(t.Context(), never, o)
	wantCode(t, err, coded.ENOTSUP, "")
	o.Security = "" // TLS, which this dialer can't
	_, err = Connect(t.Context(), never, o)
	wantCode(t, err, coded.ENOTSUP, "")
}

func TestArguments(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		s := connect(t, memory(t, ircserver.Options{}), options(nil))
		join := func(channel, key string) error { _, err := s.Join(ctx, channel, key); return err }
		for name, err := range map[string]error{
			"channel 0":          join("0", ""),
			"channel with comma": join("#a,#b", ""),
			"channel empty":      join("", ""),
			"key with space":     join("#a", "b c"),
			"part nothing":       s.Part(ctx, "", ""),
			"part with break":    s.Part(ctx, "#a", "b\r\nQUIT"),
			"text with CR":       s.Privmsg(ctx, "#a", "b\rc"),
			"text with LF":       s.Privmsg(ctx, "#a", "b\nc"),
			"text with NUL":      s.Notice(ctx, "#a", "b\x00c"),
			"text empty":         s.Privmsg(ctx, "#a", ""),
			"target empty":       s.Privmsg(ctx, "", "a"),
			"target with space":  s.Privmsg(ctx, "#a b", "c"),
			"target too long":    s.Privmsg(ctx, "#"+strings.Repeat("a", 470), "c"),
			"action with CTCP":   s.Action(ctx, "#a", "\x01"),
			"nick with space":    s.SetNick(ctx, "a b"),
			"nick too long":      s.SetNick(ctx, strings.Repeat("a", 31)),
			"raw without verb":   s.Raw(ctx, ""),
			"raw with break":     s.Raw(ctx, "A\r\nB"),
			"raw with space":     s.Raw(ctx, "PRIVMSG", "a b", "c"),
			"raw param break":    s.Raw(ctx, "PRIVMSG", "a", "b\nc"),
			"raw too long":       s.Raw(ctx, "PRIVMSG", "a", strings.Repeat("b", 501)),
			"quit with break":    s.Quit(ctx, "a\nb"),
		} {
			var e *coded.Error
			if !errors.As(err, &e) || e.Code != coded.EINVAL {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := s.SetNick(ctx, "me"); err != nil {
			t.Errorf("keeping the nickname: %v", err)
		}
	})
}
