// The mail module: protocols/imap on the phone's sockets. Its methods and
// events are those of ImapSession and Download in web/src/index.d.ts.
package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	goimap "github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap"
	"kaiwire/wasm/call"
)

func main() {
	call.Serve("imap", call.Methods{
		"connect":          connect,
		"session.select":   on(selectMailbox),
		"session.list":     on(list),
		"session.status":   on(status),
		"session.fetch":    on(fetch),
		"session.download": on(download),
		"session.search":   on(search),
		"session.store":    on(store),
		"session.append":   on(appendMessage),
		"session.copy":     on(copyMessages),
		"session.move":     on(move),
		"session.expunge":  on(expunge),
		"session.idle":     on(idle),
		"session.idleStop": on(idleStop),
		"session.noop":     on(noop),
		"session.logout":   on(logout),
		"download.read":    read,
	})
}

// session is what the app's handle stands for.
type session struct {
	*imap.Session

	mu   sync.Mutex
	idle *imap.Idle
}

// on makes a method of a session out of f.
func on(f func(ctx context.Context, c *call.Call, s *session) error) call.Method {
	return func(ctx context.Context, c *call.Call) error {
		return f(ctx, c, c.Target.(*session))
	}
}

func connect(ctx context.Context, c *call.Call) error {
	a := c.Args
	h := call.NewHandle("session")
	o := imap.Options{Handler: handler(h), WordDecoder: decodeWord}
	o.Host, o.Port, o.Security = a.Server()
	auth, ok := a.Auth()
	if !ok {
		a.Invalid("auth", "is missing")
	}
	o.Auth = auth
	readOnly := a.Bool("readOnly")
	name := "INBOX"
	if given := a.String("mailbox"); given != "" {
		name = given
	} else if a.IsNull("mailbox") {
		name = ""
	}
	dialer, err := call.Dialer(a)
	if err != nil {
		return err
	}
	s, err := imap.Connect(ctx, dialer, o)
	if err != nil {
		return err
	}
	var m *imap.Mailbox
	if name != "" {
		if m, err = open(ctx, s, name, readOnly); err != nil {
			s.Close()
			return err
		}
	}
	h.Open(&session{Session: s}, func() { s.Close() })
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		c.Out.Key("capabilities").Strings(s.Capabilities())
		c.Out.Key("mailbox")
		mailbox(&c.Out, m)
	})
	return nil
}

// maxWord bounds an encoded word; RFC 2047 allows 75 characters.
const maxWord = 64 << 10

func decodeWord(charset string, r io.Reader) (io.Reader, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxWord))
	if err != nil {
		return nil, err
	}
	decoded, ok := call.Decode(charset, text)
	if !ok {
		return nil, errCharset
	}
	return bytes.NewReader(decoded), nil
}

var errCharset = errors.New("a charset that the platform does not know")

func open(ctx context.Context, s *imap.Session, name string, readOnly bool) (*imap.Mailbox, error) {
	if readOnly {
		return s.Examine(ctx, name)
	}
	return s.Select(ctx, name)
}

func handler(h *call.Handle) imap.Handler {
	number := func(event, field string) func(uint32) {
		return func(n uint32) {
			h.Emit(event, func(r *call.Record) { r.Object(func() { r.Key(field).Int(int64(n)) }) })
		}
	}
	text := func(event string) func(string) {
		return func(s string) {
			h.Emit(event, func(r *call.Record) { r.Object(func() { r.Key("text").String(s) }) })
		}
	}
	return imap.Handler{
		Exists:  number("exists", "count"),
		Expunge: number("expunge", "seq"),
		Alert:   text("alert"),
		Unknown: text("unknown"),
		Flags: func(seq uint32, uid goimap.UID, list []goimap.Flag) {
			h.Emit("flags", func(r *call.Record) {
				r.Object(func() {
					r.Key("seq").Int(int64(seq))
					if uid != 0 {
						r.Key("uid").Int(int64(uid))
					}
					r.Key("flags")
					flagNames(r, list)
				})
			})
		},
		Closed: h.Ended,
	}
}

func selectMailbox(ctx context.Context, c *call.Call, s *session) error {
	name, readOnly := c.Args.Required("mailbox"), c.Args.Bool("readOnly")
	if err := c.Args.Err(); err != nil {
		return err
	}
	m, err := open(ctx, s.Session, name, readOnly)
	if err != nil {
		return err
	}
	mailbox(&c.Out, m)
	return nil
}

func list(ctx context.Context, c *call.Call, s *session) error {
	reference, pattern := c.Args.String("reference"), c.Args.Required("pattern")
	if err := c.Args.Err(); err != nil {
		return err
	}
	all, err := s.List(ctx, reference, pattern)
	if err != nil {
		return err
	}
	c.Out.Array(func() {
		for _, d := range all {
			listEntry(&c.Out, d)
		}
	})
	return nil
}

func status(ctx context.Context, c *call.Call, s *session) error {
	name := c.Args.Required("mailbox")
	if err := c.Args.Err(); err != nil {
		return err
	}
	d, err := s.Status(ctx, name, &goimap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true, UIDValidity: true})
	if err != nil {
		return err
	}
	count := func(name string, n *uint32) {
		if n != nil {
			c.Out.Key(name).Int(int64(*n))
		}
	}
	c.Out.Object(func() {
		count("messages", d.NumMessages)
		count("unseen", d.NumUnseen)
		c.Out.Key("uidNext").Int(int64(d.UIDNext))
		c.Out.Key("uidValidity").Int(int64(d.UIDValidity))
	})
	return nil
}

// fetchBatch is how much of the messages crosses to JavaScript at once.
const fetchBatch = 64 << 10

func fetch(ctx context.Context, c *call.Call, s *session) error {
	set, q := messageSet(c.Args), parseFetch(c.Args)
	if err := c.Args.Err(); err != nil {
		return err
	}
	// Each part is an array, kept open until it is large enough.
	var part call.Record
	flush := func() {
		if part.Len() == 0 {
			return
		}
		c.Out.Raw('[', part.Bytes(), ']')
		part.Reset()
		c.Part()
	}
	err := s.Fetch(ctx, set, &q.options, 0, func(m *imap.Message) error {
		c.Blob = message(&part, m, q, c.Blob)
		if part.Len()+len(c.Blob) > fetchBatch {
			flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	flush()
	return nil
}

// windowSize is how many bytes of a download cross at once.
const windowSize = 64 << 10

func download(ctx context.Context, c *call.Call, s *session) error {
	a := c.Args
	number := a.Int("message", 1, maxNumber)
	if !a.Has("message") {
		a.Invalid("message", "is missing")
	}
	spec, ok := section(a.String("part"))
	if !ok {
		a.Invalid("part", "is not the name of a body section")
	}
	var set goimap.NumSet = goimap.SeqSetNum(uint32(number))
	if a.Bool("uid") {
		set = goimap.UIDSetNum(goimap.UID(number))
	}
	if err := a.Err(); err != nil {
		return err
	}
	literal, err := s.Download(ctx, set, spec)
	if err != nil {
		return err
	}
	h := call.NewHandle("download")
	h.Open(literal, func() { literal.Close() })
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		c.Out.Key("size").Int(literal.Size())
	})
	return nil
}

func read(ctx context.Context, c *call.Call) error {
	literal := c.Target.(*imap.Literal)
	c.Blob = make([]byte, 0, windowSize)
	var err error
	for len(c.Blob) < windowSize && err == nil {
		var n int
		n, err = literal.ReadContext(ctx, c.Blob[len(c.Blob):windowSize])
		c.Blob = c.Blob[:len(c.Blob)+n]
	}
	if err != nil && err != io.EOF {
		c.Handle().Ended(err)
		return err
	}
	end := len(c.Blob) == 0
	c.Out.Object(func() { c.Out.Key("end").Bool(end) })
	if end {
		c.Handle().Close()
	}
	return nil
}

func search(ctx context.Context, c *call.Call, s *session) error {
	criteria := parseSearch(c.Args, c.Args.Object("query"), 0)
	byUID := c.Args.Bool("byUid")
	if err := c.Args.Err(); err != nil {
		return err
	}
	numbers, err := s.Search(ctx, &criteria, byUID)
	if err != nil {
		return err
	}
	c.Out.Array(func() {
		for _, n := range numbers {
			c.Out.Int(int64(n))
		}
	})
	return nil
}

func store(ctx context.Context, c *call.Call, s *session) error {
	set, list := messageSet(c.Args), flags(c.Args.Strings("flags"))
	var op goimap.StoreFlagsOp
	switch c.Args.Required("action") {
	case "add":
		op = goimap.StoreFlagsAdd
	case "remove":
		op = goimap.StoreFlagsDel
	case "set":
		op = goimap.StoreFlagsSet
	default:
		c.Args.Invalid("action", `must be "add", "remove" or "set"`)
	}
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.Store(ctx, set, op, list)
}

func appendMessage(ctx context.Context, c *call.Call, s *session) error {
	a := c.Args
	name := a.Required("mailbox")
	o := &goimap.AppendOptions{Flags: flags(a.Strings("flags")), Time: a.Time("internalDate")}
	if len(c.Bytes) == 0 {
		a.Invalid("message", "is missing or empty")
	}
	if err := a.Err(); err != nil {
		return err
	}
	d, err := s.Append(ctx, name, bytes.NewReader(c.Bytes), int64(len(c.Bytes)), o)
	if err != nil {
		return err
	}
	c.Out.Object(func() {
		if d.UID != 0 {
			c.Out.Key("uid").Int(int64(d.UID))
			c.Out.Key("uidValidity").Int(int64(d.UIDValidity))
		}
	})
	return nil
}

// transfer makes a method out of the session's copy or move.
func transfer(ctx context.Context, c *call.Call, f func(context.Context, goimap.NumSet, string) (*imap.MoveData, error)) error {
	set, name := messageSet(c.Args), c.Args.Required("mailbox")
	if err := c.Args.Err(); err != nil {
		return err
	}
	d, err := f(ctx, set, name)
	if err != nil {
		return err
	}
	c.Out.Object(func() {
		if d.UIDValidity != 0 {
			c.Out.Key("uidValidity").Int(int64(d.UIDValidity))
			c.Out.Key("sourceUids").String(d.SourceUIDs.String())
			c.Out.Key("destUids").String(d.DestUIDs.String())
		}
	})
	return nil
}

func copyMessages(ctx context.Context, c *call.Call, s *session) error {
	return transfer(ctx, c, s.Copy)
}

func move(ctx context.Context, c *call.Call, s *session) error { return transfer(ctx, c, s.Move) }

func expunge(ctx context.Context, c *call.Call, s *session) error { return s.Expunge(ctx) }

func idle(ctx context.Context, c *call.Call, s *session) error {
	wait, err := s.Session.Idle(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.idle = wait
	s.mu.Unlock()
	return nil
}

func idleStop(ctx context.Context, c *call.Call, s *session) error {
	s.mu.Lock()
	wait := s.idle
	s.idle = nil
	s.mu.Unlock()
	if wait == nil {
		return nil
	}
	return wait.Stop(ctx)
}

func noop(ctx context.Context, c *call.Call, s *session) error { return s.Noop(ctx) }

func logout(ctx context.Context, c *call.Call, s *session) error { return s.Logout(ctx) }
