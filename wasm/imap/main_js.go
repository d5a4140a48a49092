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

// methods are those of a session.
var methods = [...]struct {
	name string
	f    func(ctx context.Context, c *call.Call, s *session) error
}{
	{"session.has", has},
	{"session.id", id},
	{"session.namespace", namespace},
	{"session.enable", enable},
	{"session.select", selectMailbox},
	{"session.unselect", unselect},
	{"session.closeMailbox", closeMailbox},
	{"session.sync", syncMailbox},
	{"session.list", list},
	{"session.create", create},
	{"session.rename", rename},
	{"session.delete", deleteMailbox},
	{"session.subscribe", subscribe},
	{"session.unsubscribe", unsubscribe},
	{"session.status", status},
	{"session.fetch", fetch},
	{"session.download", download},
	{"session.search", search},
	{"session.sort", sortMessages},
	{"session.thread", thread},
	{"session.store", store},
	{"session.storeLabels", storeLabels},
	{"session.append", appendMessage},
	{"session.appendAll", appendAll},
	{"session.appendLimit", appendLimit},
	{"session.replace", replace},
	{"session.copy", copyMessages},
	{"session.move", move},
	{"session.expunge", expunge},
	{"session.quota", quota},
	{"session.setQuota", setQuota},
	{"session.acl", acl},
	{"session.myRights", myRights},
	{"session.setAcl", setACL},
	{"session.deleteAcl", deleteACL},
	{"session.metadata", metadata},
	{"session.setMetadata", setMetadata},
	{"session.notify", notify},
	{"session.idle", idle},
	{"session.idleStop", idleStop},
	{"session.noop", noop},
	{"session.unauthenticate", unauthenticate},
	{"session.logout", logout},
}

func main() {
	all := call.Methods{
		"connect":       connect,
		"download.read": read,
	}
	for _, m := range methods {
		all[m.name] = on(m.f)
	}
	call.Serve("imap", all)
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
	o := imap.Options{Handler: handler(h), WordDecoder: decodeWord, NoCompress: a.Has("compress") && !a.Bool("compress")}
	o.Host, o.Port, o.Security = a.Server()
	auth, ok := a.Auth()
	if !ok {
		a.Invalid("auth", "is missing")
	}
	o.Auth = auth
	how := &imap.OpenOptions{ReadOnly: a.Bool("readOnly"), CondStore: a.Bool("condstore")}
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
		if m, err = s.Open(ctx, name, how); err != nil {
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
		Vanished: func(uids goimap.UIDSet, earlier bool) {
			h.Emit("vanished", func(r *call.Record) {
				r.Object(func() {
					r.Key("uids").String(uids.String())
					r.Key("earlier").Bool(earlier)
				})
			})
		},
		Status: func(d *goimap.StatusData) {
			h.Emit("status", func(r *call.Record) {
				r.Object(func() {
					r.Key("mailbox").String(d.Mailbox)
					statusFields(r, d)
				})
			})
		},
		Mailbox: func(d *goimap.ListData) { h.Emit("mailbox", func(r *call.Record) { listEntry(r, d) }) },
		Closed:  h.Ended,
	}
}

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

func unauthenticate(ctx context.Context, c *call.Call, s *session) error {
	auth, ok := c.Args.Auth()
	if !ok {
		c.Args.Invalid("auth", "is missing")
	}
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.Unauthenticate(ctx, auth)
}

func noop(ctx context.Context, c *call.Call, s *session) error { return s.Noop(ctx) }

func logout(ctx context.Context, c *call.Call, s *session) error { return s.Logout(ctx) }
