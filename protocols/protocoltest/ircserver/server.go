// Package ircserver is a small IRC server that lives in memory, for tests and
// the demo: registration with CAP 302 and SASL, channels, messages, the IRCv3
// extensions that the servers of distributions lack, and a few channels in which
// bots talk. It is never part of what ships.
package ircserver

import (
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
	"github.com/ergochat/irc-go/ircreader"
)

const (
	maxLine = 512
	nickLen = 30
	// backlog is how many lines a client may be behind before it is dropped.
	backlog = 512
	// host is where everybody appears to be.
	host = "users.kaiwire.example"
)

// Options configure a Server. The zero value is a server that anybody may use.
type Options struct {
	// Name of the server. Default "irc.kaiwire.example".
	Name string
	// Password that PASS has to give; none where empty.
	Password string
	// Accounts are the users and passwords of SASL PLAIN and SCRAM-SHA-256.
	// Without any, the server does not offer SASL.
	Accounts map[string]string
	// Tokens are the users of access tokens, for OAUTHBEARER.
	Tokens map[string]string
	// Without are capabilities that the server does not have.
	Without []string
	// STS is the value of the capability sts; empty for none.
	STS string
	// Networks are those of a bouncer, by ID, with their attributes.
	Networks map[string]string
	// Code is the one by which VERIFY completes REGISTER; empty: none is needed.
	Code string
	// ISupport is announced besides what the server has anyway.
	ISupport []string
	// MOTD is sent after the welcome; 422 where empty.
	MOTD []string
	// Ticks makes the bots talk: with each tick the next bot says its line.
	// Without it they are there but silent.
	Ticks <-chan time.Time
}

// Server is an IRC server. Its methods may be called from any goroutine.
type Server struct {
	o    Options
	stop chan struct{}
	wg   sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	listeners []net.Listener
	conns     map[*client]bool
	nicks     map[string]*client // by folded nickname, bots included
	channels  map[string]*channel
	history   map[string][]*entry
	markers   map[string]string // read markers, by account and target
	accounts  map[string]string
	pending   map[string]string // accounts that are not verified
	serial    int               // of message IDs and batches
}

type channel struct {
	name, topic, key string
	inviteOnly       bool
	members          []*client
	ops              map[*client]bool
}

// client is a connection or, where conn is nil, a bot. The server's mutex
// guards it.
type client struct {
	server     *Server
	conn       net.Conn
	out        chan []byte
	caps       map[string]bool
	nick, user string
	realname   string
	account    string
	pass       string
	sasl       string // what AUTHENTICATE has sent so far
	saslOn     string // the mechanism
	holding    bool   // CAP negotiation is under way
	registered bool
	leaving    bool
	scram      *scram
	away       string // why; empty: here
	bot        bool
	network    string // of the bouncer
	hostname   string
	monitors   map[string]bool // folded nicknames
	label      string          // of the command that is being served
	answer     []*entry        // to it
	batches    map[string]*entry
}

// New makes a server and starts its bots. It listens to nobody before Serve.
func New(o Options) *Server {
	if o.Name == "" {
		o.Name = "irc.kaiwire.example"
	}
	s := &Server{
		o:        o,
		stop:     make(chan struct{}),
		conns:    map[*client]bool{},
		nicks:    map[string]*client{},
		channels: map[string]*channel{},
		history:  map[string][]*entry{},
		markers:  map[string]string{},
		accounts: maps.Clone(o.Accounts),
		pending:  map[string]string{},
	}
	if s.accounts == nil {
		s.accounts = map[string]string{}
	}
	s.startTalk()
	return s
}

// Serve accepts connections from l until Close, and then returns nil. It may be
// called with several listeners at once.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		l.Close()
		return net.ErrClosed
	}
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	for {
		conn, err := l.Accept()
		if err != nil {
			select {
			case <-s.stop:
				return nil
			default:
				return err
			}
		}
		c := &client{server: s, conn: conn, out: make(chan []byte, backlog), caps: map[string]bool{}, nick: "*", hostname: host,
			monitors: map[string]bool{}, batches: map[string]*entry{}}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			conn.Close()
			return nil
		}
		s.conns[c] = true
		s.wg.Add(2)
		s.mu.Unlock()
		go c.read()
		go c.write()
	}
}

// Close ends all connections and waits until nothing of the server is left.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
		for _, l := range s.listeners {
			l.Close()
		}
		for c := range s.conns {
			c.conn.Close()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

func fold(s string) string { return strings.ToLower(s) }

func (c *client) read() {
	defer c.server.wg.Done()
	lines := ircreader.NewIRCReader(c.conn)
	for {
		b, err := lines.ReadLine()
		if err != nil {
			c.server.mu.Lock()
			reason := "Connection closed"
			if errors.Is(err, ircreader.ErrReadQ) {
				reason = "Line too long"
			}
			c.quit(reason)
			c.server.mu.Unlock()
			return
		}
		if len(b) == 0 {
			continue
		}
		m, err := ircmsg.ParseLineStrict(string(b), true, maxLine)
		c.server.mu.Lock()
		switch {
		case errors.Is(err, ircmsg.ErrorBodyTooLong), errors.Is(err, ircmsg.ErrorTagsTooLong):
			c.reply("417", "Input line was too long")
		case err == nil:
			c.serve(&m)
		}
		left := c.leaving
		c.server.mu.Unlock()
		if left {
			return
		}
	}
}

func (c *client) write() {
	defer c.server.wg.Done()
	defer c.conn.Close()
	for b := range c.out {
		c.conn.SetWriteDeadline(time.Now().Add(30 * time.Second))
		if _, err := c.conn.Write(b); err != nil {
			c.conn.Close()
			for range c.out { // until the reader has noticed
			}
			return
		}
	}
}

// send queues a line of the server's, or of source's, for c.
func (c *client) send(source, command string, params ...string) {
	c.put(&entry{source: source, command: command, params: params})
}

// reply sends a numeric, or another of the server's own messages, whose first
// parameter is the client's nickname.
func (c *client) reply(numeric string, params ...string) {
	c.send(c.server.o.Name, numeric, append([]string{c.nick}, params...)...)
}

func (c *client) prefix() string { return c.nick + "!" + c.user + "@" + c.hostname }

// quit takes c off the network. The writer ends when it has sent what is queued.
func (c *client) quit(reason string) {
	if c.leaving {
		return
	}
	s := c.server
	told := map[*client]bool{c: true}
	for key, ch := range s.channels {
		if !slices.Contains(ch.members, c) {
			continue
		}
		for _, other := range ch.members {
			if !told[other] {
				told[other] = true
				other.put(c.says("QUIT", reason))
			}
		}
		s.keep(key, c.says("QUIT", reason))
		s.remove(key, ch, c)
	}
	if s.nicks[fold(c.nick)] == c {
		delete(s.nicks, fold(c.nick))
		s.presence(c.nick, nil)
	}
	c.send("", "ERROR", "Closing link: "+reason)
	c.leaving = true
	delete(s.conns, c)
	close(c.out)
}

func (s *Server) remove(key string, ch *channel, c *client) {
	ch.members = slices.DeleteFunc(ch.members, func(m *client) bool { return m == c })
	delete(ch.ops, c)
	if len(ch.members) == 0 {
		delete(s.channels, key)
	}
}
