package irc

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/iso8601"
)

// needs is an error where a capability is not in force; empty stands for none.
func (s *Session) needs(capability string) error {
	if capability == "" {
		return nil
	}
	if _, ok := s.Capability(capability); !ok {
		return coded.New(coded.ENOTSUP, protocol, "The server does not have "+capability+".", nil)
	}
	return nil
}

// ask sends a command that needs a capability and waits until see says that the
// answer is there, or the server refuses what is about subject.
func (s *Session) ask(ctx context.Context, capability, command string, params []string, subject string, see func(*message, Event) (bool, error)) error {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	if err := s.needs(capability); err != nil {
		return err
	}
	l, err := line(command, params...)
	if err != nil {
		return err
	}
	return s.call(ctx, func(ctx context.Context) error { return s.send(ctx, l) },
		func(m *message, e Event) (bool, error) {
			if done, err := see(m, e); done || err != nil {
				return done, err
			}
			if m.Command == "421" && m.param(1) == command { // ERR_UNKNOWNCOMMAND
				return false, refusal(coded.ENOTSUP, m)
			}
			return false, s.state.refuses(m, command, subject, "401", "403", "404", "406", "442", "482", "524")
		})
}

// Command sends any command and returns the server's answer to it, whatever
// lines that has; a refusal among them is an error (coded.EREJECTED) too. What
// the command changes is told by events as well.
//
// Errors: coded.ENOTSUP where the server does not say which lines are the answer
// (labeled-response); use Raw there.
func (s *Session) Command(ctx context.Context, command string, params ...string) ([]*Raw, error) {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	if err := s.needs("labeled-response"); err != nil {
		return nil, err
	}
	l, err := line(command, params...)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	serial := s.label()
	s.mu.Unlock()
	var answer []*Raw
	var refused error
	err = s.await(ctx, func(ctx context.Context) error { return s.send(ctx, withTags("label="+serial, l)) }, &call{
		label: serial,
		private: func(_ *message, e Event) bool {
			switch e.(type) {
			case *Raw, *Reply:
				return true
			}
			return false
		},
		see: func(m *message, e Event) (bool, error) {
			switch {
			case m.Command == "BATCH" || m.Command == "ACK":
			case len(answer) < maxAnswer:
				answer = append(answer, &Raw{Meta: Meta{Time: m.time(s.arrived), Tags: m.tags, known: m.known}, Command: m.Command, Params: m.Params, Prefix: m.Source})
			default:
				return false, coded.New(coded.ELIMIT, protocol, "", nil)
			}
			if refused == nil && isRefusal(m) {
				refused = refusal(coded.EREJECTED, m)
			}
			return completes(m), nil
		},
	})
	if err == nil {
		err = refused
	}
	return answer, err
}

// maxAnswer is how many lines, or events of history, one answer may have.
const maxAnswer = 10000

// whoxToken marks the answers to WHO that have the fields we ask for.
const whoxToken = "771"

// Who asks who matches mask: a channel, a nickname or a pattern. With WHOX (see
// ISupport) accounts are told as well. What is learned of people in our channels
// is kept: see Channel.
//
// Errors: coded.EREJECTED; coded.ELIMIT where there are more than 10000.
func (s *Session) Who(ctx context.Context, mask string) ([]Member, error) {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	params := []string{mask}
	if _, whox := s.ISupport("WHOX"); whox {
		params = append(params, "%tcuhnfar,"+whoxToken)
	}
	l, err := line("WHO", params...)
	if err != nil {
		return nil, err
	}
	st := s.state
	list := make([]Member, 0, min(s.crowd(mask), maxAnswer))
	ours := func(m *message) bool { return m.Command == "352" || m.Command == "354" && m.param(1) == whoxToken }
	err = s.await(ctx, func(ctx context.Context) error { return s.send(ctx, l) }, &call{
		private: func(m *message, _ Event) bool { return ours(m) || m.Command == "315" && st.same(m.param(1), mask) },
		see: func(m *message, _ Event) (bool, error) {
			switch {
			case len(list) > maxAnswer:
				return false, coded.New(coded.ELIMIT, protocol, "", nil)
			case m.Command == "352" && len(m.Params) >= 8:
				_, realname, _ := strings.Cut(m.Params[7], " ")
				list = append(list, st.described(m.Params[6], m.Params[5], m.Params[2], m.Params[3], "", realname))
				return false, nil
			case ours(m) && len(m.Params) >= 9:
				account := m.Params[7]
				if account == "0" {
					account = "*"
				}
				list = append(list, st.described(m.Params[6], m.Params[5], m.Params[3], m.Params[4], account, m.Params[8]))
				return false, nil
			case m.Command == "315" && st.same(m.param(1), mask): // RPL_ENDOFWHO
				return true, nil
			}
			return false, st.refuses(m, "WHO", mask, "401", "402", "403", "416", "522")
		},
	})
	return list, err
}

// crowd is how many are in the channel, as far as we know: room for them is
// made once.
func (s *Session) crowd(channel string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ch := s.state.channels[s.state.fold(channel)]; ch != nil {
		return len(ch.members)
	}
	return 0
}

// described is a line of WHO.
func (st *state) described(flags, nick, user, host, account, realname string) Member {
	m := Member{Account: account, Realname: realname, Away: strings.Contains(flags, "G")}
	m.Nick, m.User, m.Host = nick, user, host
	if bot := st.all["BOT"]; bot != "" {
		m.Bot = strings.Contains(flags, bot)
	}
	m.Prefix = st.signsIn(flags)
	return m
}

// Names asks who is in a channel. The session needs that only with
// Options.NoImplicitNames.
func (s *Session) Names(ctx context.Context, channel string) (*Names, error) {
	if err := s.checkChannel(channel); err != nil {
		return nil, err
	}
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	l, err := line("NAMES", channel)
	if err != nil {
		return nil, err
	}
	st := s.state
	var names *Names
	answers := func(e Event) bool {
		list, ok := e.(*Names)
		if ok = ok && st.same(list.Channel, channel); ok {
			names = list
		}
		return ok
	}
	err = s.await(ctx, func(ctx context.Context) error { return s.send(ctx, l) }, &call{
		private: func(_ *message, e Event) bool { return answers(e) },
		see: func(m *message, e Event) (bool, error) {
			return answers(e), st.refuses(m, "NAMES", channel, "401", "403", "442", "482")
		},
	})
	return names, err
}

// ChannelState is what is known of a channel that we are in.
type ChannelState struct {
	Name, Topic string
	// TopicBy has set the topic at TopicTime, where that is known.
	TopicBy   string
	TopicTime time.Time
	Created   time.Time
	// Modes are those that are set, with their parameters: "+ntk key". Lists
	// (bans and so on) and ranks are not among them.
	Modes string
	// Members are sorted by rank and name.
	Members []Member
	// Truncated says that there are more than we can hold.
	Truncated bool
}

// Member is somebody in a channel.
type Member struct {
	Name
	// Account is "*" for who is not logged in, and empty where that is not known.
	Account string
	// Realname is empty where it is not known.
	Realname  string
	Away, Bot bool
}

// Channel is what is known of a channel that we are in.
func (s *Session) Channel(name string) (*ChannelState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state
	ch := st.channels[st.fold(name)]
	if ch == nil {
		return nil, false
	}
	c := &ChannelState{Name: ch.name, Topic: ch.topic, TopicBy: ch.topicBy, TopicTime: ch.topicAt, Created: ch.created, Truncated: ch.truncated}
	modes, args := "", ""
	for _, mode := range ch.modes {
		modes += string(rune(mode.Mode))
		if mode.Arg != "" {
			args += " " + mode.Arg
		}
	}
	if modes != "" {
		c.Modes = "+" + modes + args
	}
	c.Members = make([]Member, 0, len(ch.members))
	// Sorting texts costs less code than sorting members.
	keys := make([]string, 0, len(ch.members))
	for key, m := range ch.members {
		rank := len(st.signs)
		if m.signs != "" {
			rank = strings.IndexByte(st.signs, m.signs[0])
		}
		keys = append(keys, string(rune('a'+rank))+key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		m := ch.members[key[1:]]
		c.Members = append(c.Members, Member{Name{m.signs, m.nick, m.user.user, m.host}, m.account, m.realname, m.away, m.bot})
	}
	return c, true
}

// Channels are the names of those that we are in, sorted.
func (s *Session) Channels() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, ch := range s.state.channels {
		names = append(names, ch.name)
	}
	slices.Sort(names)
	return names
}

// Account is that which we are logged in to, or empty.
func (s *Session) Account() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.account
}

// Monitor asks the server to tell when people come and go (Presence), beginning
// with how it is now.
//
// Errors: coded.ENOTSUP where it does not do that; coded.ELIMIT where that would
// be more people than it allows.
func (s *Session) Monitor(ctx context.Context, nicks ...string) error {
	return s.monitor(ctx, "+", nicks)
}

// Unmonitor ends that.
func (s *Session) Unmonitor(ctx context.Context, nicks ...string) error {
	return s.monitor(ctx, "-", nicks)
}

func (s *Session) monitor(ctx context.Context, sign string, nicks []string) error {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	limit, ok := s.ISupport("MONITOR")
	if !ok {
		return coded.New(coded.ENOTSUP, protocol, "The server does not tell when people come and go.", nil)
	}
	if most := atoi(limit, 1, 1<<20, 1<<20); sign == "+" && len(nicks) > most {
		return coded.New(coded.ELIMIT, protocol, "The server watches over "+strconv.Itoa(most)+" people at the most.", nil)
	}
	var lines [][]byte
	const room = 400
	for len(nicks) > 0 {
		n, size := 0, 0
		for n < len(nicks) && (n == 0 || size+1+len(nicks[n]) <= room) {
			if err := checkNick(nicks[n], 0); err != nil {
				return err
			}
			size += 1 + len(nicks[n])
			n++
		}
		l, err := line("MONITOR", sign, strings.Join(nicks[:n], ","))
		if err != nil {
			return err
		}
		lines = append(lines, l)
		nicks = nicks[n:]
	}
	return s.send(ctx, lines...)
}

// Point is a place in a channel's history: a message by its ID, or a time.
type Point struct {
	ID   string
	Time time.Time
}

// HistoryQuery says which part of a target's history is wanted. Without any
// Point, that is the latest.
type HistoryQuery struct {
	// Target is a channel or a nickname.
	Target string
	// Before and After bound it, alone or together; Around is its middle; Since is
	// as After, but of more messages than Limit it is the latest.
	Before, After, Around, Since *Point
	// Limit is how many messages are wanted; default 50. Servers have limits of
	// their own (ISUPPORT CHATHISTORY).
	Limit int
}

const defaultHistory = 50

// History asks for messages of the past, oldest first. With the capability
// event-playback there are other events as well: Join, Part, Topic and so on.
//
// Errors: coded.ENOTSUP where the server keeps none (chathistory); coded.EREJECTED
// with Response "INVALID_TARGET", "MESSAGE_ERROR", …
func (s *Session) History(ctx context.Context, q HistoryQuery) ([]Event, error) {
	if err := s.needs("chathistory"); err != nil {
		return nil, err
	}
	if !isWord(q.Target) {
		return nil, invalid("The target must be a channel or a nickname, without spaces.")
	}
	limit, err := s.historyLimit(q.Limit)
	if err != nil {
		return nil, err
	}
	sub, points := "LATEST", []*Point{nil}
	switch {
	case q.Before != nil && q.After != nil:
		sub, points = "BETWEEN", []*Point{q.After, q.Before}
	case q.Before != nil:
		sub, points = "BEFORE", []*Point{q.Before}
	case q.After != nil:
		sub, points = "AFTER", []*Point{q.After}
	case q.Around != nil:
		sub, points = "AROUND", []*Point{q.Around}
	case q.Since != nil:
		points = []*Point{q.Since}
	}
	params := []string{sub, q.Target}
	for _, p := range points {
		ref, err := s.reference(p)
		if err != nil {
			return nil, err
		}
		params = append(params, ref)
	}
	var events []Event
	err = s.batch(ctx, "CHATHISTORY", append(params, limit), "chathistory", q.Target, func(_ *message, e Event) {
		events = append(events, e)
	})
	return events, err
}

// HistoryTarget is somebody, or a channel, with something in the history, and
// when the latest of it was.
type HistoryTarget struct {
	Name string
	Time time.Time
}

// HistoryTargets asks what there has been in a span of time.
func (s *Session) HistoryTargets(ctx context.Context, from, to time.Time, limit int) ([]HistoryTarget, error) {
	if err := s.needs("chathistory"); err != nil {
		return nil, err
	}
	most, err := s.historyLimit(limit)
	if err != nil {
		return nil, err
	}
	var targets []HistoryTarget
	params := []string{"TARGETS", timestamp(from), timestamp(to), most}
	err = s.batch(ctx, "CHATHISTORY", params, "chathistory-targets", "", func(m *message, _ Event) {
		if m.Command == "CHATHISTORY" && len(m.Params) >= 3 {
			if at, ok := iso8601.Parse(m.Params[2]); ok {
				targets = append(targets, HistoryTarget{m.Params[1], at})
			}
		}
	})
	return targets, err
}

func (s *Session) historyLimit(limit int) (string, error) {
	if limit < 0 || limit > maxAnswer {
		return "", invalid("The limit has to be between 1 and " + strconv.Itoa(maxAnswer) + ".")
	}
	value, _ := s.ISupport("CHATHISTORY")
	return strconv.Itoa(min(defaultTo(limit, defaultHistory), atoi(value, 1, maxAnswer, maxAnswer))), nil
}

// reference is how a point is written; nil is where the history ends.
func (s *Session) reference(p *Point) (string, error) {
	if p == nil {
		return "*", nil
	}
	types, told := s.ISupport("MSGREFTYPES")
	byID := !told || slices.Contains(strings.Split(types, ","), "msgid")
	switch {
	case p.ID != "" && !isWord(p.ID):
		return "", invalid("That is not the ID of a message.")
	case p.ID != "" && byID:
		return "msgid=" + p.ID, nil
	case !p.Time.IsZero():
		return timestamp(p.Time), nil
	case p.ID != "":
		return "", coded.New(coded.ENOTSUP, protocol, "The server finds messages by their time only.", nil)
	}
	return "", invalid("A point in history needs an ID or a time.")
}

func timestamp(t time.Time) string { return "timestamp=" + iso8601.Format(t) }

// batch sends a command whose answer is a batch of the given type, and of target
// where that is not empty, and calls each with what is in it. It needs no labels.
func (s *Session) batch(ctx context.Context, command string, params []string, kind, target string, each func(*message, Event)) error {
	ctx, cancel := bound(ctx, s.o.Timeout)
	defer cancel()
	l, err := line(command, params...)
	if err != nil {
		return err
	}
	st := s.state
	id, count := "", 0
	inside := func(m *message) bool {
		for b := m.batch; b != nil && id != ""; b = b.parent {
			if b.ID == id {
				return true
			}
		}
		return false
	}
	return s.await(ctx, func(ctx context.Context) error { return s.send(ctx, l) }, &call{
		private: func(m *message, _ Event) bool { return inside(m) },
		see: func(m *message, e Event) (bool, error) {
			switch {
			case m.Command == "BATCH" && m.Params[0] == "-"+id && id != "":
				return true, nil
			case m.Command == "BATCH" && id == "" && m.Params[0][0] == '+' && strings.TrimPrefix(m.param(1), "draft/") == kind &&
				(target == "" || st.same(m.param(2), target)):
				id = clone(m.Params[0][1:])
			case inside(m) && m.Command != "BATCH":
				if count++; count > maxAnswer {
					return false, coded.New(coded.ELIMIT, protocol, "", nil)
				}
				each(m, made(e, m, s.arrived))
			}
			if m.Command == "421" && m.param(1) == command {
				return false, refusal(coded.ENOTSUP, m)
			}
			if m.Command == "FAIL" && m.param(0) == command {
				return false, refusal(coded.EREJECTED, m)
			}
			return false, nil
		},
	})
}

// MarkRead tells the server, and by it our other devices, up to when target has
// been read. It returns what the server then has, which may be later.
//
// Errors: coded.ENOTSUP where it does not keep that (read-marker).
func (s *Session) MarkRead(ctx context.Context, target string, read time.Time) (time.Time, error) {
	return s.readMarker(ctx, target, timestamp(read))
}

// ReadMarker asks up to when target has been read; the zero time where it has
// not been.
func (s *Session) ReadMarker(ctx context.Context, target string) (time.Time, error) {
	return s.readMarker(ctx, target)
}

func (s *Session) readMarker(ctx context.Context, target string, marker ...string) (time.Time, error) {
	var read time.Time
	err := s.ask(ctx, "read-marker", "MARKREAD", append([]string{target}, marker...), target, func(_ *message, e Event) (bool, error) {
		m, ok := e.(*ReadMarker)
		if !ok || !s.state.same(m.Target, target) {
			return false, nil
		}
		read = m.Read
		return true, nil
	})
	return read, err
}

// markerTime reads "timestamp=…", or "*" for none.
func markerTime(s string) time.Time {
	value, _ := strings.CutPrefix(s, "timestamp=")
	t, _ := iso8601.Parse(value)
	return t
}

// RegisterAccount makes an account; empty account: of our nickname; empty email:
// none, where the server allows that. verify says that the server has sent a
// code by which VerifyAccount completes it.
//
// Errors: coded.ENOTSUP where accounts are not made this way
// (account-registration); coded.EREJECTED with Response "ACCOUNT_EXISTS",
// "WEAK_PASSWORD", "INVALID_EMAIL", …
func (s *Session) RegisterAccount(ctx context.Context, account, email, password string) (verify bool, err error) {
	if !isWord(password) {
		return false, invalid("The password must not be empty, begin with a colon or contain spaces.")
	}
	err = s.ask(ctx, "account-registration", "REGISTER", []string{defaultTo(account, "*"), defaultTo(email, "*"), password}, account,
		func(m *message, _ Event) (bool, error) {
			if m.Command == "FAIL" && m.param(0) == "REGISTER" {
				return false, refusal(coded.EREJECTED, m)
			}
			verify = m.param(0) == "VERIFICATION_REQUIRED"
			return m.Command == "REGISTER" && len(m.Params) > 0, nil
		})
	return verify, err
}

// VerifyAccount completes RegisterAccount.
func (s *Session) VerifyAccount(ctx context.Context, account, code string) error {
	return s.ask(ctx, "account-registration", "VERIFY", []string{account, code}, account, func(m *message, _ Event) (bool, error) {
		if m.Command == "FAIL" && m.param(0) == "VERIFY" {
			return false, refusal(coded.EREJECTED, m)
		}
		return m.Command == "VERIFY" && m.param(0) == "SUCCESS", nil
	})
}

// Networks asks a bouncer which networks it has. Options.Bouncer has to be set.
//
// Errors: coded.ENOTSUP where the server is none (soju.im/bouncer-networks).
func (s *Session) Networks(ctx context.Context) ([]Network, error) {
	if err := s.needs("soju.im/bouncer-networks"); err != nil {
		return nil, err
	}
	var list []Network
	err := s.batch(ctx, "BOUNCER", []string{"LISTNETWORKS"}, "soju.im/bouncer-networks", "", func(_ *message, e Event) {
		if network, ok := e.(*Network); ok {
			list = append(list, *network)
		}
	})
	return list, err
}
