// The irc module: protocols/irc on the phone's sockets. Its methods and events
// are those of IrcSession in web/src/index.d.ts.
package main

import (
	"context"
	"sync"
	"time"

	"kaiwire/protocols/irc"
	"kaiwire/wasm/call"
)

// methods are those of a session that need a connection.
var methods = [...]struct {
	name string
	f    func(ctx context.Context, c *call.Call, s session) error
}{
	{"session.join", join},
	{"session.part", part},
	{"session.send", send},
	{"session.action", action},
	{"session.notice", notice},
	{"session.typing", typing},
	{"session.react", react},
	{"session.redact", redact},
	{"session.setNick", setNick},
	{"session.channel", channel},
	{"session.names", names},
	{"session.who", who},
	{"session.monitor", monitor},
	{"session.unmonitor", unmonitor},
	{"session.history", history},
	{"session.historyTargets", historyTargets},
	{"session.markRead", markRead},
	{"session.readMarker", readMarker},
	{"session.registerAccount", registerAccount},
	{"session.verifyAccount", verifyAccount},
	{"session.networks", networks},
	{"session.command", command},
	{"session.ping", ping},
	{"session.raw", raw},
}

func main() {
	all := call.Methods{
		"connect":       connect,
		"session.retry": retry,
		"session.quit":  quit,
	}
	for _, m := range methods {
		all[m.name] = on(m.f)
	}
	call.Serve("irc", all)
}

// session is what a handle stands for, as its methods have it.
type session struct {
	*irc.Session
	client *irc.Client
}

// on makes a method of a handle out of f, which needs a connection.
func on(f func(ctx context.Context, c *call.Call, s session) error) call.Method {
	return func(ctx context.Context, c *call.Call) error {
		client := c.Target.(*irc.Client)
		s, err := client.Session()
		if err != nil {
			return err
		}
		return f(ctx, c, session{s, client})
	}
}

func connect(ctx context.Context, c *call.Call) error {
	a := c.Args
	h := call.NewHandle("session")
	o := irc.Options{
		Nick:            a.Required("nick"),
		AltNicks:        a.Strings("altNicks"),
		Username:        a.String("username"),
		Realname:        a.String("realname"),
		Password:        a.String("password"),
		Capabilities:    a.Strings("capabilities"),
		Echo:            a.Bool("echo"),
		NoImplicitNames: a.Has("implicitNames") && !a.Bool("implicitNames"),
		Reconnect:       a.Bool("reconnect"),
		KeepNick:        a.Bool("keepNick"),
		Away:            a.String("away"),
		Bot:             a.Bool("bot"),
		Bouncer:         a.Bool("bouncer"),
		BouncerNetwork:  a.String("bouncerNetwork"),
		Version:         a.String("version"),
		PingInterval:    milliseconds(a, "pingInterval"),
		PingTimeout:     milliseconds(a, "pingTimeout"),
		FloodBurst:      int(a.Int("floodBurst", 1, 100)),
		FloodInterval:   milliseconds(a, "floodInterval"),
	}
	o.Host, o.Port, o.Security = a.Server()
	if auth, ok := a.Auth(); ok {
		o.Auth = &auth
	}
	if charset := a.String("charset"); charset != "" {
		if _, ok := call.Decode(charset, nil); !ok {
			a.Invalid("charset", "is not one that this phone can read")
		}
		o.Decode = func(line []byte) ([]byte, bool) { return call.Decode(charset, line) }
	}
	sts := &policies{host: o.Host, handle: h}
	if p := a.Object("sts"); p.Has("port") {
		sts.policy = irc.Policy{Port: int(p.Int("port", 1, 65535)), Until: p.Time("until")}
		a.Adopt(p)
	}
	o.STS = sts
	dialer, err := call.Dialer(a)
	if err != nil {
		return err
	}
	o.Handler = func(e irc.Event) { emit(h, e) }
	client, err := irc.Open(ctx, dialer, o)
	if err != nil {
		return err
	}
	s, err := client.Session()
	if err != nil {
		client.Close()
		return err
	}
	h.Open(client, func() { client.Close() })
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		c.Out.Key("nick").String(s.Nick())
		c.Out.Key("account").String(s.Account())
		c.Out.Key("capabilities").Strings(s.Capabilities())
		c.Out.Key("isupport")
		texts(&c.Out, s.Features())
	})
	return nil
}

func milliseconds(a *call.Args, name string) time.Duration {
	const longest = 24 * int64(time.Hour/time.Millisecond)
	return time.Duration(a.Int(name, 0, longest)) * time.Millisecond
}

// policies hands what a server asks for by STS to the app, which stores it.
type policies struct {
	host   string
	handle *call.Handle
	mu     sync.Mutex
	policy irc.Policy
}

func (p *policies) Policy(string) irc.Policy {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.policy
}

func (p *policies) Remember(host string, policy irc.Policy) {
	p.mu.Lock()
	p.policy = policy
	p.mu.Unlock()
	p.handle.Emit("sts", func(r *call.Record) {
		r.Object(func() {
			r.Key("host").String(host)
			if policy.Port != 0 {
				r.Key("port").Int(int64(policy.Port))
				r.Key("until").Time(policy.Until)
			}
		})
	})
}

// argument is a required one, by which a method is about something.
func argument(c *call.Call, name string) string { return c.Args.Required(name) }

func join(ctx context.Context, c *call.Call, s session) error {
	channel, key := argument(c, "channel"), c.Args.String("key")
	if err := c.Args.Err(); err != nil {
		return err
	}
	joined, err := s.client.Join(ctx, channel, key)
	if err != nil {
		return err
	}
	c.Out.Object(func() {
		c.Out.Key("channel").String(joined.Name)
		c.Out.Key("topic").String(joined.Topic)
		c.Out.Key("names")
		nicks(&c.Out, joined.Names)
	})
	return nil
}

func part(ctx context.Context, c *call.Call, s session) error {
	channel, reason := argument(c, "channel"), c.Args.String("reason")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.Part(ctx, channel, reason)
}

// say makes a method out of a text of one kind.
func say(ctx context.Context, c *call.Call, s session, t irc.Text) error {
	t.Target, t.Text = argument(c, "target"), argument(c, "text")
	t.ReplyTo, t.Multiline = c.Args.String("replyTo"), c.Args.Bool("multiline")
	if err := c.Args.Err(); err != nil {
		return err
	}
	sent, err := s.Say(ctx, t)
	if err != nil {
		return err
	}
	c.Out.Object(func() {
		c.Out.Key("confirmed").Bool(sent.Confirmed)
		c.Out.Key("messages").Int(int64(sent.Messages))
		c.Out.Key("time").Time(sent.Time)
		if sent.ID != "" {
			c.Out.Key("id").String(sent.ID)
		}
	})
	return nil
}

func send(ctx context.Context, c *call.Call, s session) error {
	return say(ctx, c, s, irc.Text{})
}

func action(ctx context.Context, c *call.Call, s session) error {
	return say(ctx, c, s, irc.Text{Action: true})
}

func notice(ctx context.Context, c *call.Call, s session) error {
	return say(ctx, c, s, irc.Text{Notice: true})
}

func typing(ctx context.Context, c *call.Call, s session) error {
	target, state := argument(c, "target"), argument(c, "state")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.Typing(ctx, target, state)
}

func react(ctx context.Context, c *call.Call, s session) error {
	target, id, reaction := argument(c, "target"), argument(c, "id"), argument(c, "reaction")
	remove := c.Args.Bool("remove")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.React(ctx, target, id, reaction, remove)
}

func redact(ctx context.Context, c *call.Call, s session) error {
	target, id, reason := argument(c, "target"), argument(c, "id"), c.Args.String("reason")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.Redact(ctx, target, id, reason)
}

func setNick(ctx context.Context, c *call.Call, s session) error {
	nick := argument(c, "nick")
	if err := c.Args.Err(); err != nil {
		return err
	}
	if err := s.client.SetNick(ctx, nick); err != nil {
		return err
	}
	// The answer may overtake the event.
	c.Out.String(s.Nick())
	return nil
}

func channel(_ context.Context, c *call.Call, s session) error {
	name := argument(c, "channel")
	if err := c.Args.Err(); err != nil {
		return err
	}
	ch, ok := s.Channel(name)
	if !ok {
		c.Out.Null()
		return nil
	}
	c.Out.Object(func() {
		c.Out.Key("channel").String(ch.Name)
		c.Out.Key("topic").String(ch.Topic)
		optional(&c.Out, "topicBy", ch.TopicBy)
		instant(&c.Out, "topicTime", ch.TopicTime)
		instant(&c.Out, "created", ch.Created)
		c.Out.Key("modes").String(ch.Modes)
		c.Out.Key("members")
		members(&c.Out, ch.Members)
		flag(&c.Out, "truncated", ch.Truncated)
	})
	return nil
}

func names(ctx context.Context, c *call.Call, s session) error {
	name := argument(c, "channel")
	if err := c.Args.Err(); err != nil {
		return err
	}
	list, err := s.Names(ctx, name)
	if err != nil {
		return err
	}
	nicks(&c.Out, list.Names)
	return nil
}

func who(ctx context.Context, c *call.Call, s session) error {
	mask := argument(c, "mask")
	if err := c.Args.Err(); err != nil {
		return err
	}
	list, err := s.Who(ctx, mask)
	if err != nil {
		return err
	}
	members(&c.Out, list)
	return nil
}

func members(r *call.Record, list []irc.Member) {
	const each = 144 // bytes, more or less
	r.Grow(each * len(list))
	r.Array(func() {
		for i := range list {
			m := &list[i]
			r.Object(func() {
				r.Key("nick").String(m.Nick)
				r.Key("prefix").String(m.Prefix)
				optional(r, "user", m.User)
				optional(r, "host", m.Host)
				if m.Account == "*" {
					r.Key("account").Null()
				} else {
					optional(r, "account", m.Account)
				}
				optional(r, "realname", m.Realname)
				flag(r, "away", m.Away)
				flag(r, "bot", m.Bot)
			})
		}
	})
}

func monitor(ctx context.Context, c *call.Call, s session) error {
	nicks := c.Args.Strings("nicks")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.client.Monitor(ctx, nicks...)
}

func unmonitor(ctx context.Context, c *call.Call, s session) error {
	nicks := c.Args.Strings("nicks")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.client.Unmonitor(ctx, nicks...)
}

func history(ctx context.Context, c *call.Call, s session) error {
	a := c.Args
	q := irc.HistoryQuery{Target: argument(c, "target"), Limit: int(a.Int("limit", 1, 10000)),
		Before: point(a, "before"), After: point(a, "after"), Around: point(a, "around"), Since: point(a, "since")}
	if err := a.Err(); err != nil {
		return err
	}
	events, err := s.History(ctx, q)
	if err != nil {
		return err
	}
	c.Out.Array(func() {
		for _, e := range events {
			name, meta, list, more := described(e)
			c.Out.Array(func() {
				c.Out.String(name)
				write(&c.Out, meta, &list, more)
			})
		}
	})
	return nil
}

func point(a *call.Args, name string) *irc.Point {
	if !a.Has(name) {
		return nil
	}
	o := a.Object(name)
	p := &irc.Point{ID: o.String("id"), Time: o.Time("time")}
	a.Adopt(o)
	return p
}

func historyTargets(ctx context.Context, c *call.Call, s session) error {
	from, to, limit := c.Args.Time("from"), c.Args.Time("to"), int(c.Args.Int("limit", 1, 10000))
	if err := c.Args.Err(); err != nil {
		return err
	}
	list, err := s.HistoryTargets(ctx, from, to, limit)
	if err != nil {
		return err
	}
	c.Out.Array(func() {
		for _, t := range list {
			c.Out.Object(func() {
				c.Out.Key("target").String(t.Name)
				c.Out.Key("time").Time(t.Time)
			})
		}
	})
	return nil
}

func markRead(ctx context.Context, c *call.Call, s session) error {
	target, at := argument(c, "target"), c.Args.Time("time")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return marker(c, func() (time.Time, error) { return s.MarkRead(ctx, target, at) })
}

func readMarker(ctx context.Context, c *call.Call, s session) error {
	target := argument(c, "target")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return marker(c, func() (time.Time, error) { return s.ReadMarker(ctx, target) })
}

func marker(c *call.Call, ask func() (time.Time, error)) error {
	read, err := ask()
	if err == nil && !read.IsZero() {
		c.Out.Time(read)
	}
	return err
}

func registerAccount(ctx context.Context, c *call.Call, s session) error {
	account, email, password := c.Args.String("account"), c.Args.String("email"), argument(c, "password")
	if err := c.Args.Err(); err != nil {
		return err
	}
	verify, err := s.RegisterAccount(ctx, account, email, password)
	if err != nil {
		return err
	}
	c.Out.Object(func() { c.Out.Key("verify").Bool(verify) })
	return nil
}

func verifyAccount(ctx context.Context, c *call.Call, s session) error {
	account, code := argument(c, "account"), argument(c, "code")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.VerifyAccount(ctx, account, code)
}

func networks(ctx context.Context, c *call.Call, s session) error {
	list, err := s.Networks(ctx)
	if err != nil {
		return err
	}
	c.Out.Array(func() {
		for i := range list {
			c.Out.Object(func() { network(&c.Out, &list[i]) })
		}
	})
	return nil
}

func command(ctx context.Context, c *call.Call, s session) error {
	command, params := argument(c, "command"), c.Args.Strings("params")
	if err := c.Args.Err(); err != nil {
		return err
	}
	answer, err := s.Command(ctx, command, params...)
	if err != nil {
		return err
	}
	c.Out.Array(func() {
		for _, e := range answer {
			_, meta, list, more := described(e)
			write(&c.Out, meta, &list, more)
		}
	})
	return nil
}

func ping(ctx context.Context, c *call.Call, s session) error {
	took, err := s.Ping(ctx)
	if err != nil {
		return err
	}
	c.Out.Milliseconds(took.Round(time.Microsecond))
	return nil
}

func raw(ctx context.Context, c *call.Call, s session) error {
	command, params := argument(c, "command"), c.Args.Strings("params")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.Raw(ctx, command, params...)
}

func retry(_ context.Context, c *call.Call) error {
	c.Target.(*irc.Client).Retry()
	return nil
}

func quit(ctx context.Context, c *call.Call) error {
	return c.Target.(*irc.Client).Quit(ctx, c.Args.String("reason"))
}
