// Package pop3server is a POP3 server in memory, for tests and for the demo app.
package pop3server

import (
	"bufio"
	"crypto/md5"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
)

// Options has no required field.
type Options struct {
	User     string // default "asha"
	Password string // default "kaiwire"
	// TLS has the server offer STLS.
	TLS *tls.Config
	// Plain leaves out all that RFC 1939 doesn't demand: CAPA and what it names,
	// APOP, UIDL and TOP.
	Plain bool
}

// Server is a POP3 server with one mailbox, which one session at a time may
// have.
type Server struct {
	o Options

	mu     sync.Mutex
	mails  []mail
	nextID int
	locked bool
	closed bool
	open   map[net.Conn]bool
	ended  sync.WaitGroup
	l      net.Listener
}

type mail struct {
	id   string
	data string
}

// New makes a server whose mailbox is empty.
func New(o Options) *Server {
	if o.User == "" {
		o.User = "asha"
	}
	if o.Password == "" {
		o.Password = "kaiwire"
	}
	return &Server{o: o, open: map[net.Conn]bool{}}
}

// Deliver puts a message, whose lines end in CRLF, into the mailbox. Sessions
// that are open don't see it.
func (s *Server) Deliver(message []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	s.mails = append(s.mails, mail{"uid-" + strconv.Itoa(s.nextID), string(message)})
}

// Messages returns what the mailbox has.
func (s *Server) Messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, m := range s.mails {
		all = append(all, m.data)
	}
	return all
}

// Serve accepts connections until the server is closed.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.l = l
	s.mu.Unlock()
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			c.Close()
			return net.ErrClosed
		}
		s.open[c] = true
		s.ended.Add(1)
		s.mu.Unlock()
		go func() {
			defer s.ended.Done()
			(&session{s: s, conn: c, r: bufio.NewReader(c), w: bufio.NewWriter(c)}).talk()
			c.Close()
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
		}()
	}
}

// Close ends all connections and waits until their sessions have ended.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	if s.l != nil {
		s.l.Close()
	}
	for c := range s.open {
		c.Close()
	}
	s.mu.Unlock()
	s.ended.Wait()
	return nil
}

const timestamp = "<1896.697170952@mail.example>"

// session is one connection; its mailbox is set from the login on.
type session struct {
	s       *Server
	conn    net.Conn
	r       *bufio.Reader
	w       *bufio.Writer
	secured bool
	user    string
	mails   []mail // as they were at the login; nil before
	deleted map[int]bool
}

func (c *session) say(format string, args ...any) {
	fmt.Fprintf(c.w, format+"\r\n", args...)
}

func (c *session) line() (string, bool) {
	// Answers wait while commands do.
	if c.r.Buffered() == 0 && c.w.Flush() != nil {
		return "", false
	}
	line, err := c.r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err == nil
}

func (c *session) talk() {
	defer c.unlock()
	greeting := "+OK ready"
	if !c.s.o.Plain {
		greeting += " " + timestamp
	}
	c.say("%s", greeting)
	for {
		line, ok := c.line()
		if !ok {
			return
		}
		word, arg, _ := strings.Cut(line, " ")
		word = strings.ToUpper(word)
		switch {
		case word == "QUIT":
			c.quit()
			c.w.Flush()
			return
		case word == "CAPA" && !c.s.o.Plain:
			c.capa()
		case c.mails == nil:
			c.authorize(word, arg)
		default:
			c.transact(word, arg)
		}
	}
}

func (c *session) capa() {
	c.say("+OK\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUSER\r\nSASL PLAIN")
	if c.s.o.TLS != nil && !c.secured {
		c.say("STLS")
	}
	c.say(".")
}

func (c *session) authorize(word, arg string) {
	switch {
	case word == "STLS" && c.s.o.TLS != nil && !c.secured:
		c.say("+OK begin")
		c.w.Flush()
		secured := tls.Server(c.conn, c.s.o.TLS)
		c.secured = true
		c.conn, c.r, c.w = secured, bufio.NewReader(secured), bufio.NewWriter(secured)
	case word == "USER":
		c.user = arg
		c.say("+OK")
	case word == "PASS":
		c.enter(c.user == c.s.o.User && arg == c.s.o.Password)
	case word == "APOP" && !c.s.o.Plain:
		digest := md5.Sum([]byte(timestamp + c.s.o.Password))
		c.enter(arg == c.s.o.User+" "+hex.EncodeToString(digest[:]))
	case word == "AUTH" && !c.s.o.Plain:
		mechanism, answer, given := strings.Cut(arg, " ")
		if mechanism != "PLAIN" {
			c.say("-ERR no such mechanism")
			return
		}
		if !given {
			c.say("+ ")
			answer, _ = c.line()
		}
		said, _ := base64.StdEncoding.DecodeString(answer)
		c.enter(string(said) == "\x00"+c.s.o.User+"\x00"+c.s.o.Password)
	default:
		c.say("-ERR not now")
	}
}

// enter opens the mailbox.
func (c *session) enter(known bool) {
	if !known {
		c.say("-ERR [AUTH] wrong user name or password")
		return
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.locked {
		c.say("-ERR [IN-USE] another session has the mailbox")
		return
	}
	c.s.locked = true
	c.mails = append([]mail{}, c.s.mails...)
	c.deleted = map[int]bool{}
	c.say("+OK welcome")
}

func (c *session) unlock() {
	if c.mails != nil {
		c.s.mu.Lock()
		c.s.locked = false
		c.s.mu.Unlock()
		c.mails = nil
	}
}

// quit deletes what is marked.
func (c *session) quit() {
	c.s.mu.Lock()
	var kept []mail
	for _, m := range c.s.mails {
		marked := false
		for i := range c.mails {
			marked = marked || c.deleted[i] && c.mails[i].id == m.id
		}
		if !marked {
			kept = append(kept, m)
		}
	}
	c.s.mails = kept
	c.s.mu.Unlock()
	c.unlock() // before the answer, behind which another session may come
	c.say("+OK bye")
}

// number is the index of the message that a command names.
func (c *session) number(arg string) (int, bool) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 || n > len(c.mails) || c.deleted[n-1] {
		c.say("-ERR no such message")
		return 0, false
	}
	return n - 1, true
}

func (c *session) each(f func(i int, m mail)) {
	for i, m := range c.mails {
		if !c.deleted[i] {
			f(i, m)
		}
	}
}

func (c *session) transact(word, arg string) {
	switch {
	case word == "STAT":
		count, size := 0, 0
		c.each(func(_ int, m mail) { count++; size += len(m.data) })
		c.say("+OK %d %d", count, size)
	case word == "LIST" && arg == "":
		c.say("+OK")
		c.each(func(i int, m mail) { c.say("%d %d", i+1, len(m.data)) })
		c.say(".")
	case word == "LIST":
		if i, ok := c.number(arg); ok {
			c.say("+OK %d %d", i+1, len(c.mails[i].data))
		}
	case word == "UIDL" && !c.s.o.Plain:
		c.say("+OK")
		c.each(func(i int, m mail) { c.say("%d %s", i+1, m.id) })
		c.say(".")
	case word == "RETR":
		if i, ok := c.number(arg); ok {
			c.text(c.mails[i].data, -1)
		}
	case word == "TOP" && !c.s.o.Plain:
		first, second, _ := strings.Cut(arg, " ")
		if i, ok := c.number(first); ok {
			lines, _ := strconv.Atoi(second)
			c.text(c.mails[i].data, lines)
		}
	case word == "DELE":
		if i, ok := c.number(arg); ok {
			c.deleted[i] = true
			c.say("+OK")
		}
	case word == "RSET":
		c.deleted = map[int]bool{}
		c.say("+OK")
	case word == "NOOP":
		c.say("+OK")
	default:
		c.say("-ERR unknown")
	}
}

// text sends a message, or its header and so many lines of the body.
func (c *session) text(data string, lines int) {
	if lines < 0 {
		c.say("+OK %d octets", len(data))
	} else {
		c.say("+OK")
	}
	body := false
	for line := range strings.Lines(data) {
		if body && lines == 0 {
			break
		}
		if body {
			lines--
		}
		line = strings.TrimRight(line, "\r\n")
		body = body || line == ""
		if strings.HasPrefix(line, ".") {
			line = "." + line
		}
		c.say("%s", line)
	}
	c.say(".")
}
