// Package imapserver is an IMAP server in memory with a household's mail in
// it, for tests and for the demo app. It is deterministic: all dates follow
// from Reference.
package imapserver

import (
	"bytes"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// Options has no required field.
type Options struct {
	User     string // default "asha"
	Password string // default "kaiwire"
	// Empty leaves the mailboxes without mail.
	Empty bool
	// Plain has the server offer IMAP4rev1 alone, without MOVE, UIDPLUS,
	// SPECIAL-USE and all the rest.
	Plain bool
	// Log gets what the server has to complain about. Default: nothing does.
	Log io.Writer
}

// Server is an IMAP server. It takes logins on connections that are not
// secured.
type Server struct {
	imap *imapserver.Server
	user *imapmemserver.User

	mu       sync.Mutex
	sessions int
	ended    *sync.Cond
	changed  chan struct{} // closed, and made anew, when a mailbox has changed
}

// mailboxes lists those that there are, with what RFC 6154 says of them.
var mailboxes = []struct {
	name string
	use  imap.MailboxAttr
}{
	{"INBOX", ""},
	{"Archive", imap.MailboxAttrArchive},
	{"Drafts", imap.MailboxAttrDrafts},
	{"Sent", imap.MailboxAttrSent},
	{"Trash", imap.MailboxAttrTrash},
	{"परिवार", ""},
}

// New makes a server and fills its mailboxes.
func New(o Options) *Server {
	if o.User == "" {
		o.User = "asha"
	}
	if o.Password == "" {
		o.Password = "kaiwire"
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	s := &Server{user: imapmemserver.NewUser(o.User, o.Password), changed: make(chan struct{})}
	s.ended = sync.NewCond(&s.mu)
	for _, m := range mailboxes {
		must(s.user.Create(m.name, nil))
		must(s.user.Subscribe(m.name))
	}
	if !o.Empty {
		for _, m := range household() {
			s.append(m.mailbox, m.bytes(), &imap.AppendOptions{Flags: m.flags, Time: m.date()})
		}
	}
	memory := imapmemserver.New()
	memory.AddUser(s.user)
	caps := imap.CapSet{imap.CapIMAP4rev1: {}}
	if !o.Plain {
		for _, c := range []imap.Cap{
			imap.CapNamespace, imap.CapUIDPlus, imap.CapESearch, imap.CapListExtended, imap.CapListStatus,
			imap.CapMove, imap.CapStatusSize, imap.CapSpecialUse, imap.CapLiteralPlus,
		} {
			caps[c] = struct{}{}
		}
	}
	s.imap = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			s.count(1)
			return &session{memory.NewSession(), s}, nil, nil
		},
		Caps:         caps,
		Logger:       log.New(o.Log, "imapserver: ", 0),
		InsecureAuth: true,
	})
	return s
}

// session adds what the memory server lacks: special uses, a MOVE that reports
// each message once, and an IDLE that misses nothing.
type session struct {
	imapserver.Session
	server *Server
}

var (
	_ imapserver.SessionMove      = (*session)(nil)
	_ imapserver.SessionNamespace = (*session)(nil)
)

func (s *session) Close() error {
	defer s.server.count(-1)
	return s.Session.Close()
}

func (s *session) Namespace() (*imap.NamespaceData, error) {
	return s.Session.(imapserver.SessionNamespace).Namespace()
}

func (s *session) Append(mailbox string, r imap.LiteralReader, o *imap.AppendOptions) (*imap.AppendData, error) {
	defer s.server.notify()
	return s.Session.Append(mailbox, r, o)
}

func (s *session) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, o *imap.StoreOptions) error {
	defer s.server.notify()
	return s.Session.Store(w, set, flags, o)
}

func (s *session) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	defer s.server.notify()
	return s.Session.Expunge(w, uids)
}

func (s *session) Copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	defer s.server.notify()
	return s.Session.Copy(set, dest)
}

// Move leaves it to the poll after the command to tell what is gone.
func (s *session) Move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	defer s.server.notify()
	data, err := s.Session.Copy(set, dest)
	if err != nil || len(data.SourceUIDs) == 0 {
		return err
	}
	mark := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
	if err := s.Session.Store(nil, data.SourceUIDs, mark, nil); err != nil {
		return err
	}
	if err := w.WriteCopyData(data); err != nil {
		return err
	}
	return s.Session.Expunge(nil, &data.SourceUIDs)
}

func (s *session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	for {
		s.server.mu.Lock()
		changed := s.server.changed
		s.server.mu.Unlock()
		if err := s.Poll(w, true); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-stop:
			return nil
		}
	}
}

func (s *session) List(w *imapserver.ListWriter, ref string, patterns []string, o *imap.ListOptions) error {
	if !o.ReturnSpecialUse && !o.SelectSpecialUse || len(patterns) == 0 {
		return s.Session.List(w, ref, patterns, o)
	}
	for _, m := range mailboxes {
		if o.SelectSpecialUse && m.use == "" || !matches(m.name, ref, patterns) {
			continue
		}
		data := &imap.ListData{Mailbox: m.name, Delim: '/'}
		if m.use != "" {
			data.Attrs = append(data.Attrs, m.use)
		}
		if err := w.WriteList(data); err != nil {
			return err
		}
	}
	return nil
}

func matches(name, ref string, patterns []string) bool {
	for _, p := range patterns {
		if imapserver.MatchList(name, '/', ref, p) {
			return true
		}
	}
	return false
}

// Serve accepts connections until the listener or the server is closed.
func (s *Server) Serve(l net.Listener) error { return s.imap.Serve(listener{l}) }

// listener hands out connections whose writes never fail: the library's
// session hangs for ever on a lock of its own when a client goes away within a
// literal. It then ends as it reads.
type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

type conn struct{ net.Conn }

func (c *conn) Write(p []byte) (int, error) {
	c.Conn.Write(p)
	return len(p), nil
}

// Close ends all connections and waits until their sessions have ended.
func (s *Server) Close() error {
	err := s.imap.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.sessions > 0 {
		s.ended.Wait()
	}
	return err
}

func (s *Server) notify() {
	s.mu.Lock()
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
}

func (s *Server) count(n int) {
	s.mu.Lock()
	s.sessions += n
	s.mu.Unlock()
	s.ended.Broadcast()
}

// Deliver puts a message, whose lines end in CRLF, into a mailbox. Sessions
// that have it selected are told.
func (s *Server) Deliver(mailbox string, message []byte) error {
	defer s.notify()
	_, err := s.user.Append(mailbox, literal{bytes.NewReader(message)}, &imap.AppendOptions{Time: time.Now()})
	return err
}

func (s *Server) append(mailbox string, message []byte, o *imap.AppendOptions) {
	_, err := s.user.Append(mailbox, literal{bytes.NewReader(message)}, o)
	must(err)
}

type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

func must(err error) {
	if err != nil {
		panic(err)
	}
}
