package irc

import (
	"context"
	"slices"
	"strings"
	"time"

	"kaiwire/protocols/coded"
)

// refuses returns the error that m holds against command where that was about
// subject (a channel, a nickname): one of numerics, or a standard reply
// (ircv3.net/specs/extensions/standard-replies). Else nil.
func (st *state) refuses(m *message, command, subject string, numerics ...string) error {
	switch {
	case slices.Contains(numerics, m.Command) && st.same(m.param(1), subject),
		(m.Command == "461" || m.Command == "263") && m.param(1) == command: // ERR_NEEDMOREPARAMS, RPL_TRYAGAIN
		return refusal(coded.EREJECTED, m)
	case m.Command == "FAIL" && len(m.Params) >= 3 && m.Params[0] == command:
		// FAIL <command> <code> [<context>…] :<text>
		about := m.Params[2 : len(m.Params)-1]
		if len(about) == 0 || slices.ContainsFunc(about, func(s string) bool { return st.same(s, subject) }) {
			return refusal(coded.EREJECTED, m)
		}
	}
	return nil
}

// Channel is a channel as Join has found it.
type Channel struct {
	Name  string // as the server spells it
	Topic string
	Names []Name
	// Truncated says that there are more than Names has.
	Truncated bool
}

// Join enters a channel, with key where it needs one (else empty), and returns
// when the server has sent its topic and the list of who is there. It may be
// used on a channel that we are in already.
//
// Errors: coded.EREJECTED with Response "403", "405", "471", "473" (invite
// only), "474" (banned), "475" (wrong key), "476", "477" (log in first), …
func (s *Session) Join(ctx context.Context, channel, key string) (*Channel, error) {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	if err := s.checkChannel(channel); err != nil {
		return nil, err
	}
	question := []string{channel}
	if key != "" {
		if !isWord(key) || strings.Contains(key, ",") {
			return nil, invalid("A channel's key must not contain spaces or commas.")
		}
		question = append(question, key)
	}
	joining, err := line("JOIN", question...)
	if err != nil {
		return nil, err
	}
	lines := [][]byte{joining}

	s.mu.Lock()
	inside := s.state.channels[s.state.fold(channel)] != nil
	unlisted := s.state.has("no-implicit-names") && !inside
	s.mu.Unlock()
	if unlisted {
		// The answer to this ends what the server has to say of the channel.
		modes, err := line("MODE", channel)
		if err != nil {
			return nil, err
		}
		lines = append(lines, modes)
	}
	if inside {
		// JOIN alone would not be answered, unless we have just been thrown
		// out and are yet to hear of it.
		topic, err := line("TOPIC", channel)
		if err != nil {
			return nil, err
		}
		names, err := line("NAMES", channel)
		if err != nil {
			return nil, err
		}
		lines = append(lines, topic, names)
	}

	c := &Channel{Name: channel}
	st := s.state
	err = s.call(ctx, func(ctx context.Context) error { return s.send(ctx, lines...) },
		func(m *message, e Event) (bool, error) {
			switch e := e.(type) {
			case *Join:
				if st.same(e.Nick, st.nick) && st.same(e.Channel, channel) {
					inside, c.Name = true, e.Channel
				}
			case *Topic:
				if st.same(e.Channel, channel) {
					c.Topic = e.Topic
				}
			case *Names:
				if inside && st.same(e.Channel, channel) {
					// The event's list belongs to the Handler.
					c.Names, c.Truncated = slices.Clone(e.Names), e.Truncated
					return true, nil
				}
			}
			if unlisted && inside && m.Command == "324" && st.same(m.param(1), channel) {
				return true, nil
			}
			return false, st.refuses(m, "JOIN", channel,
				"403", "405", "407", "437", "470", "471", "473", "474", "475", "476", "477", "479", "480", "485", "489", "520")
		})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (s *Session) checkChannel(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !isWord(name) || strings.ContainsAny(name, ",\a") || !s.state.isChannel(name) {
		return invalid("A channel's name begins with one of " + s.state.chanTypes + " and has no spaces or commas.")
	}
	return nil
}

// Part leaves a channel, giving a reason where it is not empty, and returns
// when the server has confirmed it.
//
// Errors: coded.EREJECTED with Response "403" or "442" (not in it).
func (s *Session) Part(ctx context.Context, channel, reason string) error {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	if err := s.checkChannel(channel); err != nil {
		return err
	}
	params := []string{channel}
	if reason != "" {
		params = append(params, reason)
	}
	l, err := line("PART", params...)
	if err != nil {
		return err
	}
	st := s.state
	return s.call(ctx, func(ctx context.Context) error { return s.send(ctx, l) },
		func(m *message, e Event) (bool, error) {
			part, ok := e.(*Part)
			if ok && st.same(part.Nick, st.nick) && st.same(part.Channel, channel) {
				return true, nil
			}
			return false, st.refuses(m, "PART", channel, "403", "442")
		})
}

// textRoom is how many bytes of text a line to target has room for when the
// server passes it on, with our address before it:
// ":nick!user@host PRIVMSG target :text\r\n".
func (s *Session) textRoom(command, target string) int {
	const longestUser, longestHost = 11, 63
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state
	user, host := len(st.user), len(st.host)
	if user == 0 {
		user = max(longestUser, len(s.o.Username)+1) // "~" for who has no identd
	}
	if host == 0 {
		host = longestHost
	}
	return st.lineLen - len(":!@ "+command+" "+target+" :\r\n") - len(st.nick) - user - host
}

// SetNick changes our nickname and returns when the server has confirmed it.
//
// Errors: coded.EREJECTED with Response "432" (not valid), "433" (in use),
// "438" (too soon), …
func (s *Session) SetNick(ctx context.Context, nick string) error {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	s.mu.Lock()
	limit, current := s.state.nickLen, s.state.nick
	s.mu.Unlock()
	if err := checkNick(nick, limit); err != nil {
		return err
	}
	if nick == current {
		return nil // the server would not answer
	}
	l, err := line("NICK", nick)
	if err != nil {
		return err
	}
	st := s.state
	return s.call(ctx, func(ctx context.Context) error { return s.send(ctx, l) },
		func(m *message, e Event) (bool, error) {
			// Some servers shorten what is too long for them.
			if change, ok := e.(*NickChange); ok && change.NewNick == st.nick && strings.HasPrefix(st.fold(nick), st.fold(st.nick)) {
				return true, nil
			}
			if m.Command == "431" {
				return false, refusal(coded.EREJECTED, m)
			}
			return false, st.refuses(m, "NICK", nick, "432", "433", "436", "437", "438", "447", "484")
		})
}

// Ping returns how long the server took to answer.
func (s *Session) Ping(ctx context.Context) (time.Duration, error) {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	token := s.token()
	l, err := line("PING", token)
	if err != nil {
		return 0, err
	}
	var sent time.Time
	var took time.Duration
	err = s.call(ctx,
		func(context.Context) error {
			s.mu.Lock()
			sent = time.Now()
			s.mu.Unlock()
			s.sendNow(l)
			return nil
		},
		func(m *message, _ Event) (bool, error) {
			if m.Command != "PONG" || m.last() != token {
				return false, nil
			}
			took = time.Since(sent)
			return true, nil
		})
	if err != nil {
		return 0, err
	}
	return took, nil
}

// Raw sends any command and returns when it is written. Only the last parameter
// may be empty, begin with a colon or contain spaces; CR, LF and NUL, and
// lines longer than 512 bytes, are refused with coded.EINVAL.
func (s *Session) Raw(ctx context.Context, command string, params ...string) error {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	l, err := line(command, params...)
	if err != nil {
		return err
	}
	return s.send(ctx, l)
}

// quitTimeout is how long the server has to say good-bye.
const quitTimeout = 5 * time.Second

// Quit leaves the network, giving a reason where it is not empty. It returns
// when the server has closed the connection, after 5 seconds, or when ctx ends;
// the session is closed in each case.
func (s *Session) Quit(ctx context.Context, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, quitTimeout)
	defer cancel()
	var params []string
	if reason != "" {
		params = []string{reason}
	}
	l, err := line("QUIT", params...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return s.gone()
	}
	s.quitting = true
	s.mu.Unlock()
	defer s.Close()
	// Whether the server has heard it makes no difference to the caller.
	s.call(ctx, func(ctx context.Context) error { return s.send(ctx, l) },
		func(*message, Event) (bool, error) { return false, nil })
	return nil
}
