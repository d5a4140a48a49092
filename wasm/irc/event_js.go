package main

import (
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/irc"
	"kaiwire/wasm/call"
)

// emit hands an event to the app.
func emit(h *call.Handle, e irc.Event) {
	if closed, ok := e.(*irc.Closed); ok {
		h.Ended(closed.Err)
		return
	}
	name, meta, list, more := described(e)
	h.Emit(name, func(r *call.Record) { write(r, meta, &list, more) })
}

// fields are names and values in turn. Not a slice, which would be garbage for
// every event.
type fields [14]string

// described is an event as the app has it: its name, what the line says about
// itself, its texts (names and values in turn; one whose name begins with "?" is
// left out where it is empty), and what else there is to write.
func described(e irc.Event) (name string, meta *irc.Meta, list fields, more func(r *call.Record)) {
	switch e := e.(type) {
	case *irc.Message:
		return "message", &e.Meta, message(e), func(r *call.Record) { messageFlags(r, e) }
	case *irc.Notice:
		m := (*irc.Message)(e)
		return "notice", &e.Meta, message(m), func(r *call.Record) { messageFlags(r, m) }
	case *irc.TagMsg:
		return "tagmsg", &e.Meta, fields{"nick", e.Nick, "target", e.Target}, flags("own", e.Own, "", false)
	case *irc.Typing:
		return "typing", &e.Meta, fields{"nick", e.Nick, "target", e.Target, "state", e.State}, nil
	case *irc.Reaction:
		return "reaction", &e.Meta, fields{"nick", e.Nick, "target", e.Target, "to", e.To, "reaction", e.Reaction},
			flags("removed", e.Removed, "own", e.Own)
	case *irc.Redaction:
		return "redaction", &e.Meta, fields{"nick", e.Nick, "target", e.Target, "redacted", e.Redacted, "reason", e.Reason}, nil
	case *irc.CTCP:
		return "ctcp", &e.Meta, fields{"nick", e.Nick, "target", e.Target, "command", e.Command, "text", e.Text},
			flags("reply", e.Reply, "", false)
	case *irc.Join:
		return "join", &e.Meta, fields{"nick", e.Nick, "channel", e.Channel, "?user", e.User, "?host", e.Host,
			"?account", e.Account, "?realname", e.Realname}, flags("own", e.Own, "", false)
	case *irc.Part:
		return "part", &e.Meta, fields{"nick", e.Nick, "channel", e.Channel, "reason", e.Reason}, flags("own", e.Own, "", false)
	case *irc.Quit:
		return "quit", &e.Meta, fields{"nick", e.Nick, "reason", e.Reason},
			func(r *call.Record) { r.Key("channels").Strings(e.Channels) }
	case *irc.NickChange:
		return "nick", &e.Meta, fields{"nick", e.Nick, "newNick", e.NewNick}, func(r *call.Record) {
			r.Key("own").Bool(e.Own)
			r.Key("channels").Strings(e.Channels)
		}
	case *irc.Kick:
		return "kick", &e.Meta, fields{"nick", e.Nick, "channel", e.Channel, "by", e.By, "reason", e.Reason},
			flags("own", e.Own, "", false)
	case *irc.Topic:
		return "topic", &e.Meta, fields{"channel", e.Channel, "topic", irc.Strip(e.Topic), "?nick", e.Nick}, nil
	case *irc.Names:
		return "names", nil, fields{"channel", e.Channel}, func(r *call.Record) {
			r.Key("names")
			nicks(r, e.Names)
			flag(r, "truncated", e.Truncated)
		}
	case *irc.Mode:
		return "mode", &e.Meta, fields{"target", e.Target, "nick", e.Nick, "modes", e.Modes}, func(r *call.Record) { changes(r, e.Changes) }
	case *irc.Invite:
		return "invite", &e.Meta, fields{"nick", e.Nick, "target", e.Target, "channel", e.Channel}, nil
	case *irc.Away:
		return "away", &e.Meta, fields{"nick", e.Nick, "text", e.Text}, func(r *call.Record) { r.Key("away").Bool(e.Away) }
	case *irc.Account:
		return "account", &e.Meta, fields{"nick", e.Nick, "account", e.Account}, nil
	case *irc.Host:
		return "host", &e.Meta, fields{"nick", e.Nick, "user", e.User, "host", e.Host}, nil
	case *irc.Realname:
		return "realname", &e.Meta, fields{"nick", e.Nick, "realname", e.Realname}, nil
	case *irc.Presence:
		return "presence", nil, fields{}, func(r *call.Record) {
			r.Key("online").Bool(e.Online)
			r.Key("nicks").Strings(e.Nicks)
		}
	case *irc.ReadMarker:
		return "read", nil, fields{"target", e.Target}, func(r *call.Record) { instant(r, "time", e.Read) }
	case *irc.Reply:
		return "reply", &e.Meta, fields{"kind", e.Kind, "command", e.Command, "code", e.Code, "text", e.Text},
			func(r *call.Record) { r.Key("context").Strings(e.Context) }
	case *irc.Network:
		return "network", nil, fields{}, func(r *call.Record) { network(r, e) }
	case *irc.Capabilities:
		return "capabilities", nil, fields{}, func(r *call.Record) { r.Key("capabilities").Strings(e.Names) }
	case *irc.Features:
		return "isupport", nil, fields{}, func(r *call.Record) {
			r.Key("isupport")
			texts(r, e.All)
		}
	case *irc.Disconnected:
		return "disconnect", nil, fields{}, func(r *call.Record) {
			r.Key("error").Error(coded.From(e.Err, "irc"))
			r.Key("wait").Int(e.Wait.Milliseconds())
		}
	case *irc.Reconnected:
		return "reconnect", nil, fields{"nick", e.Nick, "account", e.Account}, func(r *call.Record) {
			r.Key("capabilities").Strings(e.Capabilities)
			r.Key("isupport")
			texts(r, e.Features)
		}
	}
	raw := e.(*irc.Raw)
	return "raw", &raw.Meta, fields{"command", raw.Command, "?prefix", raw.Prefix},
		func(r *call.Record) { r.Key("params").Strings(raw.Params) }
}

func write(r *call.Record, meta *irc.Meta, list *fields, more func(r *call.Record)) {
	r.Object(func() {
		if meta != nil {
			about(r, meta)
		}
		// After the tags: of two members of one name the last counts.
		for i := 0; i < len(list) && list[i] != ""; i += 2 {
			if list[i][0] == '?' {
				optional(r, list[i][1:], list[i+1])
			} else {
				r.Key(list[i]).String(list[i+1])
			}
		}
		if more != nil {
			more(r)
		}
	})
}

// about writes what a line says about itself, but for what its tags say already:
// web/src/irc.js takes that from them.
func about(r *call.Record, m *irc.Meta) {
	if !m.Stamped() {
		r.Key("time").Time(m.Time)
	}
	r.Key("tags").Object(func() {
		m.Tags.Each(func(name, value string) { r.Key(name).String(value) })
	})
	flag(r, "history", m.History)
	if b := m.Batch; b != nil {
		r.Key("batch").Object(func() {
			r.Key("id").String(b.ID)
			r.Key("type").String(b.Type)
			r.Key("params").Strings(b.Params)
		})
	}
}

func message(m *irc.Message) fields {
	text := m.Text
	if m.Spans != nil { // else there is no formatting in it
		text = irc.Strip(text)
	}
	return fields{"nick", m.Nick, "?user", m.User, "?host", m.Host, "target", m.Target, "?channel", m.Channel, "text", text}
}

func messageFlags(r *call.Record, m *irc.Message) {
	flag(r, "action", m.Action)
	flag(r, "own", m.Own)
	flag(r, "truncated", m.Truncated)
	if m.Spans == nil {
		return
	}
	mention := false
	r.Key("spans").Array(func() {
		for i := range m.Spans {
			s := &m.Spans[i]
			mention = mention || s.Mention
			r.Object(func() { span(r, s) })
		}
	})
	flag(r, "mention", mention && !m.Own)
}

func span(r *call.Record, s *irc.Span) {
	r.Key("text").String(s.Text)
	optional(r, "link", s.Link)
	flag(r, "mention", s.Mention)
	flag(r, "bold", s.Bold)
	flag(r, "italic", s.Italic)
	flag(r, "underline", s.Underline)
	flag(r, "strikethrough", s.Strikethrough)
	flag(r, "monospace", s.Mono)
	flag(r, "reverse", s.Reverse)
	color(r, "color", s.Color, s.ColorRGB)
	color(r, "background", s.Background, s.BackgroundRGB)
}

// color writes a number of the palette, or "#rrggbb".
func color(r *call.Record, name string, value int, rgb bool) {
	if value < 0 {
		return
	}
	if !rgb {
		r.Key(name).Int(int64(value))
		return
	}
	const hex = "0123456789abcdef"
	b := []byte("#000000")
	for i := len(b) - 1; i > 0; i-- {
		b[i] = hex[value&15]
		value >>= 4
	}
	r.Key(name).String(string(b))
}

func changes(r *call.Record, list []irc.ModeChange) {
	r.Key("changes").Array(func() {
		for _, c := range list {
			r.Object(func() {
				r.Key("set").Bool(c.Set)
				r.Key("mode").String(string(rune(c.Mode)))
				optional(r, "argument", c.Arg)
			})
		}
	})
}

func network(r *call.Record, n *irc.Network) {
	r.Key("id").String(n.ID)
	r.Key("attributes").Object(func() {
		n.Attributes.Each(func(name, value string) { r.Key(name).String(value) })
	})
	flag(r, "gone", n.Gone)
}

func nicks(r *call.Record, list []irc.Name) {
	const each = 16 // bytes, more or less
	r.Grow(each * len(list))
	r.Array(func() {
		for i := range list {
			r.String(list[i].String())
		}
	})
}

func texts(r *call.Record, m map[string]string) {
	r.Object(func() {
		for name, value := range m {
			r.Key(name).String(value)
		}
	})
}

// optional, flag and instant write what is left out where it is empty.

//go:noinline
func optional(r *call.Record, name, value string) {
	if value != "" {
		r.Key(name).String(value)
	}
}

//go:noinline
func flag(r *call.Record, name string, set bool) {
	if set {
		r.Key(name).Bool(true)
	}
}

func instant(r *call.Record, name string, t time.Time) {
	if !t.IsZero() {
		r.Key(name).Time(t)
	}
}

func flags(a string, isA bool, b string, isB bool) func(r *call.Record) {
	if !isA && !isB {
		return nil
	}
	return func(r *call.Record) {
		flag(r, a, isA)
		flag(r, b, isB)
	}
}
