// The irc module: protocols/irc on the phone's sockets. Its methods and events
// are those of IrcSession in web/src/index.d.ts.
package main

import (
	"context"
	"time"

	"kaiwire/protocols/irc"
	"kaiwire/wasm/call"
)

func main() {
	call.Serve("irc", call.Methods{
		"connect":         connect,
		"session.join":    on(join),
		"session.part":    on(part),
		"session.send":    on(send),
		"session.action":  on(action),
		"session.notice":  on(notice),
		"session.setNick": on(setNick),
		"session.ping":    on(ping),
		"session.raw":     on(raw),
		"session.quit":    on(quit),
	})
}

// on makes a method of a session out of f.
func on(f func(ctx context.Context, c *call.Call, s *irc.Session) error) call.Method {
	return func(ctx context.Context, c *call.Call) error {
		return f(ctx, c, c.Target.(*irc.Session))
	}
}

func connect(ctx context.Context, c *call.Call) error {
	a := c.Args
	h := call.NewHandle("session")
	o := irc.Options{
		Nick:         a.Required("nick"),
		AltNicks:     a.Strings("altNicks"),
		Username:     a.String("username"),
		Realname:     a.String("realname"),
		Password:     a.String("password"),
		Capabilities: a.Strings("capabilities"),
	}
	o.Host, o.Port, o.Security = a.Server()
	if auth, ok := a.Auth(); ok {
		o.Auth = &auth
	}
	dialer, err := call.Dialer(a)
	if err != nil {
		return err
	}
	o.Handler = func(e irc.Event) { emit(h, e) }
	s, err := irc.Connect(ctx, dialer, o)
	if err != nil {
		return err
	}
	h.Open(s, func() { s.Close() })
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		c.Out.Key("nick").String(s.Nick())
		c.Out.Key("capabilities").Strings(s.Capabilities())
	})
	return nil
}

func emit(h *call.Handle, e irc.Event) {
	switch e := e.(type) {
	case *irc.Message:
		message(h, "message", e)
	case *irc.Notice:
		message(h, "notice", (*irc.Message)(e))
	case *irc.Join:
		event(h, "join", "nick", e.Nick, "channel", e.Channel)
	case *irc.Part:
		event(h, "part", "nick", e.Nick, "channel", e.Channel, "reason", e.Reason)
	case *irc.Quit:
		event(h, "quit", "nick", e.Nick, "reason", e.Reason)
	case *irc.NickChange:
		h.Emit("nick", func(r *call.Record) {
			r.Object(func() {
				r.Key("nick").String(e.Nick)
				r.Key("newNick").String(e.NewNick)
				r.Key("own").Bool(e.Own)
			})
		})
	case *irc.Kick:
		event(h, "kick", "nick", e.Nick, "channel", e.Channel, "by", e.By, "reason", e.Reason)
	case *irc.Topic:
		event(h, "topic", "channel", e.Channel, "topic", e.Topic, "nick", e.Nick)
	case *irc.Names:
		h.Emit("names", func(r *call.Record) {
			r.Object(func() {
				r.Key("channel").String(e.Channel)
				r.Key("names")
				names(r, e.Names)
			})
		})
	case *irc.Mode:
		event(h, "mode", "target", e.Target, "nick", e.Nick, "modes", e.Modes)
	case *irc.Raw:
		h.Emit("raw", func(r *call.Record) {
			r.Object(func() {
				r.Key("command").String(e.Command)
				r.Key("params").Strings(e.Params)
				if e.Prefix != "" {
					r.Key("prefix").String(e.Prefix)
				}
				tags(r, e.Tags)
			})
		})
	case *irc.Closed:
		h.Ended(e.Err)
	}
}

// event emits an event whose fields are the given names and values; an empty
// nick is left out.
func event(h *call.Handle, name string, fields ...string) {
	h.Emit(name, func(r *call.Record) {
		r.Object(func() {
			for i := 0; i < len(fields); i += 2 {
				if fields[i] == "nick" && fields[i+1] == "" {
					continue
				}
				r.Key(fields[i]).String(fields[i+1])
			}
		})
	})
}

func message(h *call.Handle, name string, m *irc.Message) {
	h.Emit(name, func(r *call.Record) {
		r.Object(func() {
			r.Key("nick").String(m.Nick)
			if m.User != "" {
				r.Key("user").String(m.User)
			}
			if m.Host != "" {
				r.Key("host").String(m.Host)
			}
			r.Key("target").String(m.Target)
			r.Key("text").String(m.Text)
			r.Key("time").Time(m.Time)
			tags(r, m.Tags)
			if m.Action {
				r.Key("action").Bool(true)
			}
		})
	})
}

func tags(r *call.Record, tags map[string]string) {
	r.Key("tags").Object(func() {
		for name, value := range tags {
			r.Key(name).String(value)
		}
	})
}

func names(r *call.Record, list []irc.Name) {
	r.Array(func() {
		for _, name := range list {
			r.String(name.String())
		}
	})
}

func join(ctx context.Context, c *call.Call, s *irc.Session) error {
	channel, key := c.Args.Required("channel"), c.Args.String("key")
	if err := c.Args.Err(); err != nil {
		return err
	}
	joined, err := s.Join(ctx, channel, key)
	if err != nil {
		return err
	}
	c.Out.Object(func() {
		c.Out.Key("channel").String(joined.Name)
		c.Out.Key("topic").String(joined.Topic)
		c.Out.Key("names")
		names(&c.Out, joined.Names)
	})
	return nil
}

func part(ctx context.Context, c *call.Call, s *irc.Session) error {
	channel, reason := c.Args.Required("channel"), c.Args.String("reason")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.Part(ctx, channel, reason)
}

// say makes a method out of one of the session's three ways to say something.
func say(c *call.Call, f func(ctx context.Context, target, text string) error, ctx context.Context) error {
	target, text := c.Args.Required("target"), c.Args.Required("text")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return f(ctx, target, text)
}

func send(ctx context.Context, c *call.Call, s *irc.Session) error   { return say(c, s.Privmsg, ctx) }
func action(ctx context.Context, c *call.Call, s *irc.Session) error { return say(c, s.Action, ctx) }
func notice(ctx context.Context, c *call.Call, s *irc.Session) error { return say(c, s.Notice, ctx) }

func setNick(ctx context.Context, c *call.Call, s *irc.Session) error {
	nick := c.Args.Required("nick")
	if err := c.Args.Err(); err != nil {
		return err
	}
	if err := s.SetNick(ctx, nick); err != nil {
		return err
	}
	// The answer may overtake the event.
	c.Out.String(s.Nick())
	return nil
}

func ping(ctx context.Context, c *call.Call, s *irc.Session) error {
	took, err := s.Ping(ctx)
	if err != nil {
		return err
	}
	c.Out.Milliseconds(took.Round(time.Microsecond))
	return nil
}

func raw(ctx context.Context, c *call.Call, s *irc.Session) error {
	command, params := c.Args.Required("command"), c.Args.Strings("params")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.Raw(ctx, command, params...)
}

func quit(ctx context.Context, c *call.Call, s *irc.Session) error {
	return s.Quit(ctx, c.Args.String("reason"))
}
