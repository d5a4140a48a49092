package irc

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/protocoltest/ircserver"
)

// open is connect for a Client.
func open(t *testing.T, d dial.Dialer, o Options) *Client {
	t.Helper()
	c, err := Open(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// A lost network: the client comes back, into its channels, and tells what was
// said meanwhile.
func TestReconnect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		l, server := listen(), ircserver.New(ircserver.Options{})
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		down := make(chan struct{}) // closed: the network is there again
		close(down)
		network := func() chan struct{} { return down }
		d := dialer(func(ctx context.Context) (net.Conn, error) {
			select {
			case <-network():
				return l.DialContext(ctx, "tcp", "s:1")
			default:
				return nil, net.ErrClosed
			}
		})
		seen := newLog()
		o := options(seen.add)
		o.Reconnect = true
		c := open(t, d, o)
		other := connect(t, l, Options{Host: "s", Security: dial.None, Nick: "you"})
		for _, name := range []string{"#open", "#locked"} {
			_, err := other.Join(ctx, name, "")
			must(t, err)
		}
		must(t, other.Raw(ctx, "MODE", "#locked", "+k", "sesame"))
		for name, key := range map[string]string{"#open": "", "#locked": "sesame"} {
			_, err := c.Join(ctx, name, key)
			must(t, err)
		}
		must(t, c.Monitor(ctx, "you"))
		must(t, other.Privmsg(ctx, "#open", "before"))
		if e := next[*Message](t, seen); e.Text != "before" || e.History {
			t.Fatalf("%+v", e)
		}

		down = make(chan struct{})
		server.Drop("me")
		e := next[*Disconnected](t, seen)
		wantCode(t, e.Err, coded.ECONNRESET, "")
		if e.Wait < time.Second || e.Wait > 2*time.Second {
			t.Errorf("the first wait is %v", e.Wait)
		}
		_, err := c.Session()
		wantCode(t, err, coded.ECONNRESET, "")
		_, err = c.Join(ctx, "#open", "")
		wantCode(t, err, coded.ECONNRESET, "")
		must(t, other.Privmsg(ctx, "#open", "meanwhile"))
		must(t, other.Privmsg(ctx, "#open", "and more"))
		last := e.Wait
		for range 3 {
			e = next[*Disconnected](t, seen)
			if e.Err == nil || e.Wait <= last/2 {
				t.Errorf("%v, wait %v after %v", e.Err, e.Wait, last)
			}
			last = e.Wait
		}
		close(down)
		start := time.Now()
		c.Retry()
		if e := next[*Reconnected](t, seen); e.Nick != "me" || len(e.Capabilities) == 0 || e.Features["NETWORK"] != "kaiwire" {
			t.Errorf("%+v", e)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("Retry took %v", took)
		}
		for _, text := range []string{"meanwhile", "and more"} {
			if e := next[*Message](t, seen); e.Text != text || !e.History || e.Nick != "you" {
				t.Errorf("%+v, want %q", e, text)
			}
		}
		synctest.Wait()
		s, err := c.Session()
		must(t, err)
		if got := strings.Join(s.Channels(), " "); got != "#locked #open" {
			t.Errorf("we are in %s", got)
		}
		must(t, other.Privmsg(ctx, "#open", "after"))
		if e := next[*Message](t, seen); e.Text != "after" || e.History {
			t.Errorf("%+v", e)
		}
		// A channel that we have left or were thrown out of is not gone back into.
		must(t, s.Part(ctx, "#locked", ""))
		must(t, other.Raw(ctx, "KICK", "#open", "me"))
		next[*Kick](t, seen)
		server.Drop("me")
		next[*Reconnected](t, seen)
		synctest.Wait()
		s, err = c.Session()
		must(t, err)
		if list := s.Channels(); len(list) != 0 {
			t.Errorf("we are in %v", list)
		}
		must(t, c.Quit(ctx, "bye"))
		if e := next[*Closed](t, seen); e.Err != nil {
			t.Errorf("closed with %v", e.Err)
		}
		_, err = c.Session()
		must(t, err)
		_, err = c.Join(ctx, "#open", "")
		wantCode(t, err, coded.ECLOSED, "")
	})
}

// What was said to us alone is caught up with too.
func TestCatchUpPrivately(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := t.Context()
		l, server := listen(), ircserver.New(ircserver.Options{})
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		seen := newLog()
		o := options(seen.add)
		o.Reconnect = true
		c := open(t, l, o)
		other := connect(t, l, Options{Host: "s", Security: dial.None, Nick: "you"})
		must(t, other.Privmsg(ctx, "me", "one"))
		next[*Message](t, seen)
		must(t, other.Privmsg(ctx, "me", "two"))
		server.Drop("me")
		// Whether it came before the loss or after, it is told once.
		if e := next[*Message](t, seen); e.Text != "two" {
			t.Errorf("heard %+v", e)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		for len(seen.c) > 0 {
			if e, ok := (<-seen.c).(*Message); ok {
				t.Errorf("heard again %+v", e)
			}
		}
		if s, err := c.Session(); err != nil || s.Nick() != "me" {
			t.Errorf("not connected: %v", err)
		}
	})
}

func TestReconnectEnds(t *testing.T) {
	welcome := func(p *peer) { p.welcome() }
	for name, test := range map[string]struct {
		second func(p *peer)
		code   coded.Code // empty: another attempt
	}{
		"banned":   {func(p *peer) { p.want("USER"); p.say(":s 465 me :You are banned"); p.hang() }, coded.EREJECTED},
		"password": {func(p *peer) { p.want("USER"); p.say(":s 464 me :Wrong"); p.hang() }, coded.EAUTH},
		"too fast": {func(p *peer) { p.want("USER"); p.say("ERROR :Trying to reconnect too fast") }, ""},
		"hangs up": {func(p *peer) { p.want("USER") }, ""},
		"nick is taken": {func(p *peer) {
			p.want("USER")
			p.say(":s 433 * me :In use")
			p.want("NICK me_")
			p.say(":s 001 me_ :hi", ":s 376 me_ :end")
			p.hang()
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := 0
				scripts := []func(p *peer){welcome, test.second}
				d := dialer(func(ctx context.Context) (net.Conn, error) {
					script := func(p *peer) { p.welcome(); p.hang() }
					if n < len(scripts) {
						script = scripts[n]
					}
					n++
					return scripted(t, script).DialContext(ctx, "tcp", "s:1")
				})
				seen := newLog()
				o := options(seen.add)
				o.Reconnect = true
				c := open(t, d, o)
				next[*Disconnected](t, seen)
				if test.code != "" {
					e := next[*Closed](t, seen)
					if e.Err == nil || coded.From(e.Err, "irc").Code != test.code {
						t.Errorf("closed with %v", e.Err)
					}
					return
				}
				next[*Reconnected](t, seen)
				c.Close()
				next[*Closed](t, seen)
			})
		})
	}
}

// Without Reconnect a client ends with its session, and so do waits with Close.
func TestClientCloses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := newLog()
		open(t, scripted(t, func(p *peer) { p.welcome() }), options(seen.add))
		wantCode(t, next[*Closed](t, seen).Err, coded.ECONNRESET, "")
	})
	bubble(t, func(t *testing.T) {
		seen := newLog()
		o := options(seen.add)
		o.Reconnect = true
		n := 0
		c := open(t, dialer(func(ctx context.Context) (net.Conn, error) {
			if n++; n > 1 {
				<-ctx.Done() // a network that swallows everything
				return nil, ctx.Err()
			}
			return scripted(t, func(p *peer) { p.welcome() }).DialContext(ctx, "tcp", "s:1")
		}), o)
		next[*Disconnected](t, seen)
		time.Sleep(5 * time.Second) // the attempt is under way
		c.Close()
		c.Close()
		if e := next[*Closed](t, seen); e.Err != nil {
			t.Errorf("closed with %v", e.Err)
		}
		_, err := Open(t.Context(), dialer(func(context.Context) (net.Conn, error) { return nil, net.ErrClosed }), o)
		wantCode(t, err, coded.ECLOSED, "")
	})
}

// The nickname that we want is ours as soon as it is free.
func TestKeepNick(t *testing.T) {
	for name, without := range map[string]bool{"by MONITOR": false, "by asking": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				ctx := t.Context()
				o := ircserver.Options{}
				if without {
					o.ISupport = []string{"-MONITOR"}
				}
				d := memory(t, o)
				holder := connect(t, d, options(nil))
				seen := newLog()
				us := options(seen.add)
				us.AltNicks, us.KeepNick = []string{"me2"}, true
				c := open(t, d, us)
				s, _ := c.Session()
				if s.Nick() != "me2" {
					t.Fatalf("we are %s", s.Nick())
				}
				synctest.Wait()
				start := time.Now()
				must(t, holder.Quit(ctx, ""))
				if e := next[*NickChange](t, seen); !e.Own || e.NewNick != "me" {
					t.Errorf("%+v", e)
				}
				if took := time.Since(start); !without && took != 0 || took > recoverInterval {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// memories is a Store in memory.
type memories struct {
	mu sync.Mutex
	of map[string]Policy
}

func (m *memories) Policy(host string) Policy {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of[host]
}

func (m *memories) Remember(host string, p Policy) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of[host] = p
}

// secured dials a server that wants TLS: the same in the clear and, as dial.TLS
// has it, over what passes for TLS here.
type secured struct {
	l     *listener
	plain int
	tls   []string
}

func (d *secured) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.plain++
	return d.l.DialContext(ctx, network, address)
}

func (d *secured) DialTLSContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.tls = append(d.tls, address)
	return d.l.DialContext(ctx, network, address)
}

func TestSTS(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, server := listen(), ircserver.New(ircserver.Options{STS: "port=6697,duration=300"})
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		store := &memories{of: map[string]Policy{}}
		d := &secured{l: l}
		o := options(nil)
		o.STS = store
		s := connect(t, d, o)
		if d.plain != 1 || len(d.tls) != 1 || d.tls[0] != "s:6697" {
			t.Errorf("dialed %d times in the clear, and %v", d.plain, d.tls)
		}
		if p := store.Policy("s"); p.Port != 6697 || p.Duration != 300*time.Second || !p.Until.Equal(time.Now().Add(300*time.Second)) {
			t.Errorf("remembered %+v", p)
		}
		// It counts from the end of the connection.
		time.Sleep(time.Minute)
		must(t, s.Quit(t.Context(), ""))
		synctest.Wait()
		if p := store.Policy("s"); !p.Until.Equal(time.Now().Add(300 * time.Second)) {
			t.Errorf("remembered until %v", p.Until)
		}
		connect(t, d, o).Close()
		if d.plain != 1 || len(d.tls) != 2 {
			t.Errorf("dialed %d times in the clear, and %v", d.plain, d.tls)
		}
		time.Sleep(time.Hour) // it has run out
		connect(t, d, o)
		if d.plain != 2 {
			t.Error("a policy that has run out was obeyed")
		}
	})
	for name, test := range map[string]struct {
		value string
		tls   int
		kept  bool
	}{
		"no port":      {"duration=300", 0, true},
		"no such port": {"port=70000,duration=300", 0, true},
		"no duration":  {"port=6697", 1, true},
		"withdrawn":    {"port=6697,duration=0", 1, false},
		"unknown key":  {"port=6697,preload,new=1", 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l, server := listen(), ircserver.New(ircserver.Options{STS: test.value})
				go server.Serve(l)
				t.Cleanup(func() { server.Close() })
				old := Policy{Port: 1, Until: time.Now()} // which has run out
				store := &memories{of: map[string]Policy{"s": old}}
				d := &secured{l: l}
				o := options(nil)
				o.STS = store
				connect(t, d, o)
				if len(d.tls) != test.tls || (store.Policy("s") == old) != test.kept {
					t.Errorf("dialed %v, remembered %+v", d.tls, store.Policy("s"))
				}
			})
		})
	}
}

// A server that asks for TLS and then does not answer there is not spoken to in
// the clear.
func TestSTSWithoutTLS(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, err := Connect(t.Context(), scripted(t, func(p *peer) {
			p.want("CAP LS 302")
			p.say(":s CAP * LS :sts=port=6697,duration=300")
			p.hang()
		}), options(nil))
		wantCode(t, err, coded.ENOTSUP, "")
	})
}

func TestFloodFollowsTheServer(t *testing.T) {
	for _, answer := range []string{":s 263 me PRIVMSG :Wait a while", ":s 439 me #a :Target change too fast", ":s FAIL PRIVMSG RATE_LIMITED :Slow down"} {
		bubble(t, func(t *testing.T) {
			var at []time.Duration
			var start time.Time
			s := connect(t, scripted(t, func(p *peer) {
				p.welcome()
				for range 3 {
					p.want("PRIVMSG")
					at = append(at, time.Since(start))
					if len(at) == 1 {
						p.say(answer)
					}
				}
				idle(p)
			}), options(nil))
			start = time.Now()
			for range 3 {
				must(t, s.Privmsg(t.Context(), "#a", "x"))
				synctest.Wait()
			}
			if at[1] < time.Second || at[2]-at[1] != 2*floodInterval {
				t.Errorf("%s: lines were sent after %v", answer, at)
			}
		})
	}
	b := bucket{burst: 10, interval: floodInterval}
	for range 10 {
		b.slow(time.Now())
	}
	if b.interval != maxInterval {
		t.Errorf("a server can make us wait %v", b.interval)
	}
	if units([]byte(strings.Repeat("x", 512))) != 3 || units([]byte("PING")) != 1 {
		t.Error("a long line costs what a short one does")
	}
}

func TestDCC(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := newLog()
		answer := make(chan string, 1)
		connect(t, scripted(t, func(p *peer) {
			p.welcome()
			p.say(":you!u@h PRIVMSG me :\x01DCC SEND holiday.jpg 3221225985 1024 5\x01")
			answer <- p.want("NOTICE")
			p.hang()
		}), options(seen.add))
		if got := <-answer; got != "NOTICE you :\x01DCC REJECT SEND holiday.jpg\x01" {
			t.Errorf("answered %q", got)
		}
		if e := next[*CTCP](t, seen); e.Nick != "you" || e.Command != "DCC" || e.Reply {
			t.Errorf("%+v", e)
		}
	})
}

func TestCharset(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := newLog()
		o := options(seen.add)
		o.Decode = func(line []byte) ([]byte, bool) { // windows-1252, as far as it matters here
			var b []byte
			for _, c := range line {
				b = append(b, string(rune(c))...)
			}
			return b, true
		}
		connect(t, scripted(t, func(p *peer) {
			p.welcome()
			p.say(":you!u@h PRIVMSG me :caf\xe9", ":you!u@h PRIVMSG me :café", ":s 005 me UTF8ONLY :are supported", ":you!u@h PRIVMSG me :caf\xe9")
			idle(p)
		}), o)
		for _, want := range []string{"café", "café", "caf\uFFFD"} {
			if e := next[*Message](t, seen); e.Text != want {
				t.Errorf("%q, want %q", e.Text, want)
			}
		}
	})
}
