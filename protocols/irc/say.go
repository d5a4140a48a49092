package irc

import (
	"context"
	"strconv"
	"strings"
	"time"

	"kaiwire/protocols/coded"
)

// Text is something to say.
type Text struct {
	// Target is a channel or a nickname.
	Target, Text string
	// Notice makes it a NOTICE, for what must not be answered by a program.
	Notice bool
	// Action makes it a CTCP ACTION ("/me").
	Action bool
	// ReplyTo is the ID of the message that this answers. A server without
	// message tags is not told of it.
	ReplyTo string
	// Multiline allows line feeds in Text. Where the server has no messages of
	// several lines (multiline), or this one has too many, each line is a message.
	Multiline bool
}

// Sent is what became of a Text.
type Sent struct {
	// Confirmed says that the server has answered (labeled-response) that it has
	// passed the text on. Without it nothing is known but that the text was
	// written; a refusal (404, 401, …) then comes as a Raw event.
	Confirmed bool
	// ID is the message's (msgid), Time when the server had it. They are known
	// where the server confirms and sends back what we say (echo-message), and are
	// those of the first message where it took several.
	ID   string
	Time time.Time
	// Messages is how many it took.
	Messages int
}

// Privmsg is Say of a plain text.
func (s *Session) Privmsg(ctx context.Context, target, text string) error {
	_, err := s.Say(ctx, Text{Target: target, Text: text})
	return err
}

// Action is Say of what we do.
func (s *Session) Action(ctx context.Context, target, text string) error {
	_, err := s.Say(ctx, Text{Target: target, Text: text, Action: true})
	return err
}

// Notice is Say of what must not be answered by a program.
func (s *Session) Notice(ctx context.Context, target, text string) error {
	_, err := s.Say(ctx, Text{Target: target, Text: text, Notice: true})
	return err
}

// Say sends a text and returns when the server has confirmed it or, where it does
// not, when it is written. A text too long for one line is sent as several,
// between words where possible, never within what is read as one character.
//
// Errors: coded.EREJECTED where the server refuses ("404": can't send to the
// channel, "401": nobody of that name, …); coded.EINVAL for what can't be sent.
func (s *Session) Say(ctx context.Context, t Text) (*Sent, error) {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	command, before, after := "PRIVMSG", "", ""
	switch {
	case !isWord(t.Target):
		return nil, invalid("The target must be a channel or a nickname, without spaces.")
	case t.Text == "" || t.Multiline && strings.TrimLeft(t.Text, "\r\n") == "":
		return nil, invalid("The text is empty.")
	case t.Notice && t.Action:
		return nil, invalid("A notice can't be an action.")
	case t.ReplyTo != "" && !isWord(t.ReplyTo):
		return nil, invalid("That is not the ID of a message.")
	case t.Notice:
		command = "NOTICE"
	case t.Action:
		if strings.Contains(t.Text, "\x01") {
			return nil, invalid("A CTCP message can't contain the character that ends it.")
		}
		before, after = "\x01ACTION ", "\x01"
	}
	const leastText = 16
	room := s.textRoom(command, t.Target) - len(before) - len(after)
	if room < leastText {
		return nil, invalid("The target's name is too long.")
	}

	s.mu.Lock()
	st := s.state
	confirm, echoes := st.has("labeled-response"), st.has("echo-message")
	longest := st.lineLen
	tags := ""
	if t.ReplyTo != "" && st.has("message-tags") {
		tags = replyTo(t.ReplyTo)
	}
	most, limits := 0, st.capValue("multiline")
	if st.has("multiline") && st.has("batch") && !t.Action {
		most = atoi(listed(limits, "max-bytes"), 1, maxMultiline, 0)
	}
	lines := atoi(listed(limits, "max-lines"), 1, 1<<16, 1<<16)
	serial := s.label()
	toSelf := st.same(t.Target, st.nick)
	s.mu.Unlock()

	texts := []string{t.Text}
	if t.Multiline {
		texts = strings.Split(t.Text, "\n")
	}
	var out [][]byte
	var pieces []piece
	for _, text := range texts {
		if t.Multiline {
			text = strings.TrimSuffix(text, "\r")
		}
		for i, p := range split(text, room, most > 0) {
			pieces = append(pieces, piece{p, i > 0})
		}
	}
	waiting := 1
	var err error
	if len(pieces) > 1 && len(t.Text) <= most && len(pieces) <= lines {
		out, err = multiline(longest, command, t.Target, serial, tags, confirm, pieces)
	} else {
		waiting = 0
		for _, p := range pieces {
			// An empty line can't be a message.
			if len(pieces) > 1 && strings.TrimLeft(p.text, " ") == "" {
				continue
			}
			l, failed := lineUpTo(longest, command, t.Target, before+p.text+after)
			if failed != nil {
				return nil, failed
			}
			label := tags
			if confirm {
				label = joinTags("label="+serial+"."+strconv.Itoa(waiting), tags)
			}
			out = append(out, withTags(label, l))
			waiting++
		}
		if waiting == 0 {
			return nil, invalid("The text is empty.")
		}
	}
	if err != nil {
		return nil, err
	}

	sent := &Sent{Confirmed: confirm, Messages: waiting, Time: time.Now()}
	if !confirm {
		if err := s.send(ctx, out...); err != nil {
			return nil, err
		}
		if s.o.Echo && !echoes {
			s.echo(command, t, texts)
		}
		return sent, nil
	}
	var refused error
	err = s.await(ctx, func(ctx context.Context) error { return s.send(ctx, out...) }, &call{
		label: serial,
		private: func(_ *message, e Event) bool {
			switch e := e.(type) {
			case *Raw, *Reply:
				return true
			case *Message:
				return !s.o.Echo && e.Own && !toSelf
			case *Notice:
				return !s.o.Echo && e.Own && !toSelf
			}
			return false
		},
		see: func(m *message, e Event) (bool, error) {
			if notice, ok := e.(*Notice); ok {
				e = (*Message)(notice)
			}
			if echo, ok := e.(*Message); ok && sent.ID == "" {
				sent.ID, sent.Time = clone(echo.ID()), echo.Time
			} else if refused == nil && isRefusal(m) {
				refused = refusal(coded.EREJECTED, m)
			}
			if completes(m) {
				waiting--
			}
			return waiting == 0, nil
		},
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, err
	}
	if s.o.Echo && !echoes {
		s.echo(command, t, texts)
	}
	return sent, nil
}

// replyTo are the tags of what answers a message.
func replyTo(id string) string { return joinTags(tag("+reply", id), tag("+draft/reply", id)) }

// piece is a part of a text that fits a line; more says that it continues the
// one before.
type piece struct {
	text string
	more bool
}

// multiline makes one message of several lines (the capability multiline).
func multiline(longest int, command, target, ref, tags string, confirm bool, pieces []piece) ([][]byte, error) {
	begin, err := line("BATCH", "+"+ref, "draft/multiline", target)
	if err != nil {
		return nil, err
	}
	if confirm {
		tags = joinTags("label="+ref, tags)
	}
	out := [][]byte{withTags(tags, begin)}
	for _, p := range pieces {
		l, err := lineUpTo(longest, command, target, p.text)
		if err != nil {
			return nil, err
		}
		in := "batch=" + ref
		if p.more {
			in += ";draft/multiline-concat"
		}
		out = append(out, withTags(in, l))
	}
	end, err := line("BATCH", "-"+ref)
	return append(out, end), err
}

// isRefusal tells whether m, in answer to a command, says no.
func isRefusal(m *message) bool {
	return m.Command == "FAIL" || len(m.Command) == 3 && (m.Command[0] == '4' || m.Command[0] == '5') || m.Command == "716"
}

// echo makes the events that a server without echo-message does not send.
func (s *Session) echo(command string, t Text, texts []string) {
	s.mu.Lock()
	st := s.state
	var events []Event
	for _, text := range texts {
		e := &Message{Meta: Meta{Time: time.Now()}, Nick: st.nick, User: st.user, Host: st.host, Target: t.Target,
			Text: text, Channel: st.channelOf(t.Target), Action: t.Action, Own: true}
		if !isPlain(text, "", nil) {
			e.Spans = Format(text, "", nil)
		}
		if command == "NOTICE" {
			events = append(events, (*Notice)(e))
		} else {
			events = append(events, e)
		}
	}
	s.mu.Unlock()
	s.tell(events...)
}

// label makes the label of a call; s.mu is held.
func (s *Session) label() string {
	s.serial++
	return keepAlive + strconv.FormatUint(s.serial, 36)
}

//go:noinline
func joinTags(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ";" + b
}

// withTags puts message tags before a line.
//
//go:noinline
func withTags(tags string, l []byte) []byte {
	if tags == "" {
		return l
	}
	b := make([]byte, 0, len(tags)+2+len(l))
	b = append(b, '@')
	b = append(b, tags...)
	b = append(b, ' ')
	return append(b, l...)
}

// tagMsg sends a TAGMSG. name is the client-only tag that it is about, without
// its "+", by which a server may refuse it.
func (s *Session) tagMsg(ctx context.Context, target, name, tags string) error {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	l, err := line("TAGMSG", target)
	if err != nil {
		return err
	}
	s.mu.Lock()
	there := s.state.has("message-tags") && !s.state.denies(name) && !s.state.denies(strings.TrimPrefix(name, "draft/"))
	s.mu.Unlock()
	if !there {
		return coded.New(coded.ENOTSUP, protocol, "The server does not pass this on.", nil)
	}
	return s.send(ctx, withTags(tags, l))
}

// typingInterval is how often "active" is to be sent at the most
// (ircv3.net/specs/client-tags/typing).
const typingInterval = 3 * time.Second

// Typing tells target that we are typing ("active"), have stopped for now
// ("paused") or have done so ("done"). "active" may be called with each key: it
// is sent once in 3 seconds.
//
// Errors: coded.ENOTSUP where the server does not pass it on.
func (s *Session) Typing(ctx context.Context, target, state string) error {
	if state != "active" && state != "paused" && state != "done" {
		return invalid("The state has to be active, paused or done.")
	}
	if !isWord(target) {
		return invalid("The target must be a channel or a nickname, without spaces.")
	}
	now := time.Now()
	s.mu.Lock()
	again := state == "active" && s.lastTyping.target == target && now.Sub(s.lastTyping.at) < typingInterval
	if !again {
		s.lastTyping.target, s.lastTyping.at = target, now
		if state != "active" {
			s.lastTyping.target = ""
		}
	}
	s.mu.Unlock()
	if again {
		return nil
	}
	return s.tagMsg(ctx, target, "typing", "+typing="+state)
}

// React adds a reaction, such as an emoji, to the message to in target, or takes
// it back.
//
// Errors: coded.ENOTSUP where the server does not pass it on.
func (s *Session) React(ctx context.Context, target, to, reaction string, remove bool) error {
	if !isWord(target) || !isWord(to) || reaction == "" || hasForbidden(reaction) || len(reaction) > 64 {
		return invalid("A reaction needs a target, the ID of a message and a short text.")
	}
	name := "draft/react"
	if remove {
		name = "draft/unreact"
	}
	return s.tagMsg(ctx, target, name, joinTags(tag("+"+name, reaction), replyTo(to)))
}

// Redact deletes the message of that ID, giving a reason where it is not empty.
// It returns when the server has told everybody.
//
// Errors: coded.ENOTSUP where the server can't; coded.EREJECTED with Response
// "REDACT_FORBIDDEN", "UNKNOWN_MSGID", "REDACT_WINDOW_EXPIRED", …
func (s *Session) Redact(ctx context.Context, target, id, reason string) error {
	params := []string{target, id}
	if reason != "" {
		params = append(params, reason)
	}
	return s.ask(ctx, "message-redaction", "REDACT", params, target, func(m *message, e Event) (bool, error) {
		redaction, ok := e.(*Redaction)
		return ok && redaction.Redacted == id && s.state.same(redaction.Target, target), nil
	})
}
