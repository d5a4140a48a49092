package imap

import (
	"context"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/reconnect"
	"kaiwire/protocols/sasl"
)

// Client keeps a session up. When the connection is lost it makes a new one,
// with waits that grow from 2 seconds to 5 minutes, and then is where it was: the
// same mailbox is open, with what has changed in it meanwhile if it was opened by
// Sync, and Idle and Notify go on.
//
// Handler is told by Disconnected and Reconnected, and by Closed when the client
// was closed or when another attempt can't do better.
type Client struct {
	d    dial.Dialer
	o    Options
	loop *reconnect.Loop

	mu      sync.Mutex
	session *Session // the latest; it may have ended
	up      bool
	was     standing // where the next session is to be
}

// standing is where a session has got to, as far as another one can be brought
// there.
type standing struct {
	mailbox  string
	readOnly bool
	state    string // of the last Sync, if that was of the mailbox
	idle     bool
	notify   *notification
	enabled  []imap.Cap
	auth     sasl.Credentials
}

// Reconnected is what is so from now on.
type Reconnected struct {
	Capabilities []string
	// Mailbox is nil if none was open, or if it can't be opened any more.
	Mailbox *Mailbox
	// Changes are those since the last Sync; nil if the mailbox was not opened by
	// that, or if it can't be said.
	Changes *SyncData
}

// Open is Connect for a Client. It fails where the first connection does; only
// what was once up is kept up, and only with Options.Reconnect.
func Open(ctx context.Context, d dial.Dialer, o Options) (*Client, error) {
	c := &Client{d: d, o: o, loop: reconnect.New()}
	s, err := c.connect(ctx, o)
	if err != nil {
		return nil, err
	}
	c.begin(s)
	go c.keep(s)
	return c, nil
}

func (c *Client) connect(ctx context.Context, o Options) (*Session, error) {
	o.Handler.Closed = nil // of each session; keep tells of the client's
	return Connect(ctx, c.d, o)
}

// begin makes s the session.
func (c *Client) begin(s *Session) {
	c.mu.Lock()
	c.session, c.up = s, true
	c.mu.Unlock()
	c.loop.Up()
	if c.loop.Stopped() {
		s.Close()
	}
}

// Session is the session, while there is one.
//
// Errors: ECONNRESET while there is no connection. After the end it is the last
// session, whose calls fail with ECLOSED.
func (c *Client) Session() (*Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.up && !c.loop.Stopped() {
		return nil, newError(coded.ECONNRESET, "The connection is lost; a new one is being made.", c.session.cause())
	}
	return c.session, nil
}

// checkPatience is how long a server may take to show that a connection lives.
const checkPatience = 20 * time.Second

// Retry ends the wait for the next attempt: the network is back. A connection
// that is there is asked whether it still lives, since a network that has gone
// and come again may have dropped it without a word.
func (c *Client) Retry() {
	c.mu.Lock()
	s, up := c.session, c.up
	c.mu.Unlock()
	if !up {
		c.loop.Retry()
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), checkPatience)
		defer cancel()
		s.Noop(ctx) // ends the session where nothing comes
	}()
}

// StopIdle is the Stop of the session's Idle; without a connection it keeps the
// next one from waiting for news.
func (c *Client) StopIdle(ctx context.Context) error {
	c.mu.Lock()
	c.was.idle = false
	s, up := c.session, c.up
	c.mu.Unlock()
	if !up {
		return nil
	}
	return s.stopIdle(ctx)
}

// Logout is Session.Logout, if there is a connection, and ends the client.
func (c *Client) Logout(ctx context.Context) error {
	s, err := c.Session()
	c.loop.Stop()
	defer c.Close()
	if err != nil {
		return nil
	}
	return s.Logout(ctx)
}

// Close is Session.Close, and ends the client.
func (c *Client) Close() error {
	c.loop.Stop()
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	return s.Close()
}

// keep is the goroutine that watches over the sessions.
func (c *Client) keep(s *Session) {
	for {
		<-s.Done()
		err := s.cause()
		c.mu.Lock()
		c.up, c.was = false, s.standing()
		c.mu.Unlock()
		if err != nil && c.o.Reconnect && !c.loop.Stopped() {
			if err = c.loop.Run(err, final, c.disconnected, func(ctx context.Context) error {
				next, err := c.resume(ctx)
				s = next
				return err
			}); err == nil {
				continue
			}
		}
		if c.loop.Stopped() {
			err = nil
		}
		c.loop.Stop()
		if c.o.Handler.Closed != nil {
			c.o.Handler.Closed(err)
		}
		return
	}
}

// final reports whether another attempt can't do better. A login that is
// refused for a while (RFC 5530) is not.
func final(err error) bool {
	switch coded.From(err, protocol).Response {
	case "UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG":
		return false
	}
	return reconnect.Final(err)
}

func (c *Client) disconnected(err error, wait time.Duration) {
	if c.o.Handler.Disconnected != nil {
		c.o.Handler.Disconnected(err, wait)
	}
}

// connectPatience bounds an attempt from the dialing to the login. What follows
// is bounded by Options.Timeout.
const connectPatience = time.Minute

// resume makes a session that is where the one before was.
func (c *Client) resume(ctx context.Context) (*Session, error) {
	c.mu.Lock()
	was := c.was
	c.mu.Unlock()
	o := c.o
	o.Auth, o.Enable = was.auth, was.enabled
	connecting, cancel := context.WithTimeout(ctx, connectPatience)
	s, err := c.connect(connecting, o)
	cancel()
	if err != nil {
		return nil, err
	}
	told := &Reconnected{}
	if err = s.stand(ctx, was, told); err != nil && s.ended() {
		s.Close()
		<-s.Done()
		return nil, err
	}
	c.begin(s)
	told.Capabilities, told.Mailbox = s.Capabilities(), s.Mailbox()
	if c.o.Handler.Reconnected != nil {
		c.o.Handler.Reconnected(told)
	}
	if c.wantsIdle() {
		if _, err := s.Idle(ctx); err == nil && !c.wantsIdle() {
			s.stopIdle(ctx)
		}
	}
	return s, nil
}

// wantsIdle reports whether the next session is to wait for news.
func (c *Client) wantsIdle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.was.idle
}

// standing is where the session has got to.
func (s *Session) standing() standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := standing{idle: s.idling.wish != nil, notify: s.notification, enabled: []imap.Cap{}, auth: s.auth}
	for _, name := range s.enabled {
		was.enabled = append(was.enabled, imap.Cap(name))
	}
	if m := s.mailbox; m != nil {
		was.mailbox, was.readOnly = m.Name, m.ReadOnly
		if s.synced.mailbox == m.Name {
			was.state = s.synced.state
		}
	}
	return was
}

// stand brings the session to where another one was, as far as the server goes
// along; an error of a session that goes on says that it didn't.
func (s *Session) stand(ctx context.Context, was standing, told *Reconnected) (err error) {
	if was.notify != nil {
		if err = s.Notify(ctx, was.notify.status, was.notify.groups...); err != nil && s.ended() {
			return err
		}
	}
	switch {
	case was.mailbox == "":
	case was.state != "":
		told.Changes, err = s.Sync(ctx, was.mailbox, was.state, was.readOnly)
	default:
		_, err = s.Open(ctx, was.mailbox, &OpenOptions{ReadOnly: was.readOnly, CondStore: s.Has("CONDSTORE")})
	}
	return err
}
