package irc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/reconnect"
)

// Client keeps a session up. When the connection is lost it makes a new one,
// with waits that grow, and then is where it was: in the same channels, with
// what was said meanwhile where the server keeps that (chathistory), under the
// same nickname as soon as that is free, watching over the same people.
//
// The Handler is told by Disconnected and Reconnected; its last event is Closed,
// when the client was closed or a server wants us no more.
type Client struct {
	d dial.Dialer
	o Options

	loop *reconnect.Loop

	mu        sync.Mutex
	session   *Session // the latest; it may have ended
	up        bool
	closed    bool
	nick      string            // that we want
	channels  map[string]string // that we are in or want back into, and their keys
	monitored []string
	seen      map[string]Point // the latest message, by its target
	freed     chan struct{}
}

// Disconnected tells that the connection was lost, and that there will be
// another attempt in Wait. It is told again for each attempt that fails.
type Disconnected struct {
	Err  error
	Wait time.Duration
}

// Reconnected tells that there is a connection again, and what is so from now
// on. The channels follow, each by a Join of our own; then, as events with
// History, what was missed.
type Reconnected struct {
	Nick, Account string
	Capabilities  []string
	Features      map[string]string
}

func (*Disconnected) event() {}
func (*Reconnected) event()  {}

const (
	// recoverInterval is how often the nickname that we want is asked for.
	recoverInterval = time.Minute
	// maxSeen is of how many targets the latest message is remembered.
	maxSeen = 2 * maxChannels
	// maxCatchUp is how many messages of each are fetched after a loss.
	maxCatchUp = 200
)

// Open is Connect for a Client. It fails where the first connection does; only
// what was once up is kept up, and only with Options.Reconnect.
func Open(ctx context.Context, d dial.Dialer, o Options) (*Client, error) {
	c := &Client{
		d: d, o: o, nick: o.Nick,
		loop: reconnect.New(), freed: make(chan struct{}, 1),
		channels: map[string]string{}, seen: map[string]Point{},
	}
	s, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	c.begin(s)
	return c, nil
}

func (c *Client) connect(ctx context.Context) (*Session, error) {
	c.mu.Lock()
	o := c.o
	c.mu.Unlock()
	o.handler = c.handle
	return Connect(ctx, c.d, o)
}

// begin makes s the session. A client that was closed meanwhile closes it.
func (c *Client) begin(s *Session) {
	c.mu.Lock()
	c.session, c.up = s, true
	closed, nick := c.closed, c.nick
	c.mu.Unlock()
	c.loop.Up()
	if closed {
		s.Close()
	} else if c.o.KeepNick && !s.Same(s.Nick(), nick) {
		go c.recover(s)
	}
}

// Session is the session, while there is one.
//
// Errors: what the session has ended with; coded.ECLOSED after Close.
func (c *Client) Session() (*Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.up && !c.closed {
		return nil, coded.New(coded.ECONNRESET, protocol, "The connection is lost; a new one is being made.", c.session.Err())
	}
	return c.session, nil
}

// Join is Session.Join, and has the key remembered.
func (c *Client) Join(ctx context.Context, channel, key string) (*Channel, error) {
	s, err := c.Session()
	if err != nil {
		return nil, err
	}
	joined, err := s.Join(ctx, channel, key)
	if err == nil && key != "" {
		c.mu.Lock()
		c.channels[joined.Name] = key
		c.mu.Unlock()
	}
	return joined, err
}

// SetNick is Session.SetNick, and makes it the nickname that we want.
func (c *Client) SetNick(ctx context.Context, nick string) error {
	s, err := c.Session()
	if err == nil {
		err = s.SetNick(ctx, nick)
	}
	if err == nil {
		c.mu.Lock()
		c.nick, c.o.Nick = nick, nick
		c.mu.Unlock()
	}
	return err
}

// Monitor is Session.Monitor, remembered.
func (c *Client) Monitor(ctx context.Context, nicks ...string) error {
	s, err := c.Session()
	if err == nil {
		err = s.Monitor(ctx, nicks...)
	}
	if err == nil {
		c.mu.Lock()
		for _, nick := range nicks {
			if !slices.Contains(c.monitored, nick) {
				c.monitored = append(c.monitored, nick)
			}
		}
		c.mu.Unlock()
	}
	return err
}

// Unmonitor ends that.
func (c *Client) Unmonitor(ctx context.Context, nicks ...string) error {
	s, err := c.Session()
	if err == nil {
		err = s.Unmonitor(ctx, nicks...)
	}
	c.mu.Lock()
	c.monitored = slices.DeleteFunc(c.monitored, func(nick string) bool { return slices.Contains(nicks, nick) })
	c.mu.Unlock()
	return err
}

// Retry ends the wait for the next attempt: the network is back.
func (c *Client) Retry() { c.loop.Retry() }

// Quit is Session.Quit, and ends the client.
func (c *Client) Quit(ctx context.Context, reason string) error {
	s, err := c.Session()
	if err == nil {
		c.end()
		err = s.Quit(ctx, reason)
	}
	c.Close()
	return err
}

// Close is Session.Close, and ends the client.
func (c *Client) Close() error {
	c.end()
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	return s.Close()
}

func (c *Client) end() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.loop.Stop()
}

// handle is the Handler of every session.
func (c *Client) handle(s *Session, e Event) {
	tell := c.o.Handler
	switch e := e.(type) {
	case *Closed:
		c.lost(e)
		return
	case *Join:
		if e.Own && !e.History {
			c.arrived(s, e)
		}
	case *Part:
		if e.Own && !e.History {
			c.forget(s, e.Channel)
		}
	case *Kick:
		if e.Own && !e.History {
			c.forget(s, e.Channel)
		}
	case *Quit:
		c.perhapsFreed(s, e.Nick)
	case *NickChange:
		c.perhapsFreed(s, e.Nick)
	case *Presence:
		for _, nick := range e.Nicks {
			if !e.Online {
				c.perhapsFreed(s, nick)
			}
		}
	case *Message:
		if c.o.Reconnect {
			c.heard(s, e)
		}
	case *Notice:
		if c.o.Reconnect {
			c.heard(s, (*Message)(e))
		}
	}
	if tell != nil {
		tell(e)
	}
}

// heard remembers where in its target's history a message is.
func (c *Client) heard(s *Session, e *Message) {
	target := e.Channel
	if target == "" {
		if target = e.Nick; e.Own {
			target = e.Target
		}
		if e.User == "" && !e.Own {
			return // a server
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, known := c.seen[target]; known || len(c.seen) < maxSeen {
		if !e.Time.Before(last.Time) {
			c.seen[clone(target)] = Point{ID: clone(e.ID()), Time: e.Time}
		}
	}
}

func (c *Client) forget(s *Session, channel string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.channels {
		if s.Same(name, channel) {
			delete(c.channels, name)
		}
	}
}

// arrived notes that we are in a channel and, after a loss, asks for what was
// said in it since.
func (c *Client) arrived(s *Session, e *Join) {
	c.mu.Lock()
	_, known := c.channels[e.Channel]
	if !known && len(c.channels) < maxChannels {
		c.channels[clone(e.Channel)] = ""
	}
	last, missed := c.seen[e.Channel]
	again := c.o.Reconnect && known && missed && c.loop.Again()
	c.mu.Unlock()
	if again {
		go c.catchUp(s, e.Channel, last, e.Time)
	}
}

// catchUp has the events of target after last and before until told.
func (c *Client) catchUp(s *Session, target string, last Point, until time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), c.o.timeout())
	defer cancel()
	limit := maxCatchUp
	events, err := s.History(ctx, HistoryQuery{Target: target, Since: &last, Limit: limit})
	if err != nil {
		return // the server keeps none; the app can ask and will see why
	}
	missed := events[:0]
	for _, e := range events {
		if m := metaOf(e); m != nil && m.Time.Before(until) && (last.ID == "" || m.ID() != last.ID) {
			missed = append(missed, e)
		}
	}
	s.tell(missed...)
}

// metaOf is the Meta of what people have said; nil for anything else.
func metaOf(e Event) *Meta {
	switch e := e.(type) {
	case *Message:
		return &e.Meta
	case *Notice:
		return &e.Meta
	case *Reaction:
		return &e.Meta
	case *Redaction:
		return &e.Meta
	}
	return nil
}

func (o *Options) timeout() time.Duration { return defaultTo(o.Timeout, time.Minute) }

// lost is called when a session has ended, by its handler's goroutine.
func (c *Client) lost(e *Closed) {
	c.mu.Lock()
	c.up = false
	over := c.closed || !c.o.Reconnect || e.Err == nil
	if e.Err != nil && strings.Contains(strings.ToLower(e.Err.Error()), "flood") && c.o.FloodInterval >= 0 {
		c.o.FloodInterval = min(2*defaultTo(c.o.FloodInterval, floodInterval), maxInterval)
	}
	c.mu.Unlock()
	if over {
		c.over(e.Err)
		return
	}
	go c.restore(e.Err)
}

// over tells that there will be no session any more.
func (c *Client) over(err error) {
	c.mu.Lock()
	if c.closed {
		err = nil
	}
	c.up, c.closed = true, true // calls now fail as those of a session that has ended
	c.mu.Unlock()
	if c.o.Handler != nil {
		c.o.Handler(&Closed{Err: err})
	}
}

// restore makes a new session, however long that takes.
func (c *Client) restore(err error) {
	err = c.loop.Run(err, final, func(err error, wait time.Duration) {
		if c.o.Handler != nil {
			c.o.Handler(&Disconnected{Err: err, Wait: wait})
		}
	}, func(ctx context.Context) error {
		s, err := c.again(ctx)
		if err == nil {
			c.resume(s)
		}
		return err
	})
	if err != nil {
		c.over(err)
	}
}

// again connects, with other nicknames to fall back on: the server may not have
// noticed yet that the connection before this one is gone.
func (c *Client) again(ctx context.Context) (*Session, error) {
	c.mu.Lock()
	if len(c.o.AltNicks) == 0 {
		c.o.AltNicks = []string{c.nick + "_", c.nick + "__"}
	}
	c.mu.Unlock()
	return c.connect(ctx)
}

// final tells whether another attempt can't do better.
func final(err error) bool {
	e, ok := errors.AsType[*coded.Error](err)
	banned := ok && e.Code == coded.EREJECTED && e.Response == "465"
	return banned || reconnect.Final(err)
}

// resume brings a new session to where the old one was.
func (c *Client) resume(s *Session) {
	c.begin(s)
	s.tell(&Reconnected{Nick: s.Nick(), Account: s.Account(), Capabilities: s.Capabilities(), Features: s.Features()})
	c.mu.Lock()
	lines := joins(c.channels)
	monitored := slices.Clone(c.monitored)
	var people []string
	for target := range c.seen {
		if _, known := c.channels[target]; !known && !s.isChannel(target) {
			people = append(people, target)
		}
	}
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), c.o.timeout())
	defer cancel()
	if len(lines) > 0 && s.send(ctx, lines...) != nil {
		return // the session has ended, which begins all this anew
	}
	if len(monitored) > 0 {
		s.Monitor(ctx, monitored...) // whoever is not watched any more was so by the server's choice
	}
	until := time.Now()
	slices.Sort(people)
	for _, nick := range people {
		c.mu.Lock()
		last := c.seen[nick]
		c.mu.Unlock()
		c.catchUp(s, nick, last, until)
	}
}

// joins are lines that enter channels.
func joins(channels map[string]string) [][]byte {
	names := make([]string, 0, len(channels))
	for name := range channels {
		names = append(names, name)
	}
	slices.Sort(names)
	var lines [][]byte
	for _, name := range names {
		params := []string{name}
		if key := channels[name]; key != "" {
			params = append(params, key)
		}
		if l, err := line("JOIN", params...); err == nil {
			lines = append(lines, l)
		}
	}
	return lines
}

// perhapsFreed has recover try at once where the nickname that we want is free.
func (c *Client) perhapsFreed(s *Session, nick string) {
	c.mu.Lock()
	wanted := c.nick
	c.mu.Unlock()
	if c.o.KeepNick && s.Same(nick, wanted) {
		signal(c.freed)
	}
}

// recover asks for the nickname that we want until we have it.
func (c *Client) recover(s *Session) {
	c.mu.Lock()
	wanted := c.nick
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, monitors := s.ISupport("MONITOR"); monitors {
		s.Monitor(ctx, wanted) // without it the timer does
	}
	timer := time.NewTicker(recoverInterval)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-c.freed:
		case <-s.Done():
			return
		}
		c.mu.Lock()
		changed := wanted != c.nick
		c.mu.Unlock()
		if changed {
			return
		}
		attempt, stop := context.WithTimeout(ctx, c.o.timeout())
		err := s.SetNick(attempt, wanted)
		stop()
		if err == nil {
			s.Unmonitor(ctx, wanted)
			return
		}
	}
}
