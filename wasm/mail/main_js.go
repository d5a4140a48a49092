// The mail module: the protocols of mail on the phone's sockets. Its methods and
// events are those of Imap, Mime and their handles in web/src/index.d.ts.
package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/imap"
	"kaiwire/wasm/call"
)

// methods are those of a session that need a connection.
var methods = [...]struct {
	name string
	f    func(ctx context.Context, c *call.Call, s *session) error
}{
	{"imap.session.has", has},
	{"imap.session.id", id},
	{"imap.session.namespace", namespace},
	{"imap.session.enable", enable},
	{"imap.session.select", selectMailbox},
	{"imap.session.unselect", unselect},
	{"imap.session.closeMailbox", closeMailbox},
	{"imap.session.sync", syncMailbox},
	{"imap.session.list", list},
	{"imap.session.create", create},
	{"imap.session.rename", rename},
	{"imap.session.delete", deleteMailbox},
	{"imap.session.subscribe", subscribe},
	{"imap.session.unsubscribe", unsubscribe},
	{"imap.session.status", status},
	{"imap.session.fetch", fetch},
	{"imap.session.download", download},
	{"imap.session.open", openMessage},
	{"imap.session.search", search},
	{"imap.session.sort", sortMessages},
	{"imap.session.thread", thread},
	{"imap.session.store", store},
	{"imap.session.storeLabels", storeLabels},
	{"imap.session.append", appendMessage},
	{"imap.session.appendAll", appendAll},
	{"imap.session.appendLimit", appendLimit},
	{"imap.session.replace", replace},
	{"imap.session.copy", copyMessages},
	{"imap.session.move", move},
	{"imap.session.expunge", expunge},
	{"imap.session.quota", quota},
	{"imap.session.setQuota", setQuota},
	{"imap.session.acl", acl},
	{"imap.session.myRights", myRights},
	{"imap.session.setAcl", setACL},
	{"imap.session.deleteAcl", deleteACL},
	{"imap.session.metadata", metadata},
	{"imap.session.setMetadata", setMetadata},
	{"imap.session.notify", notify},
	{"imap.session.idle", idle},
	{"imap.session.noop", noop},
	{"imap.session.unauthenticate", unauthenticate},
}

func main() {
	all := call.Methods{
		"imap.connect":          connect,
		"imap.session.idleStop": idleStop,
		"imap.session.retry":    retry,
		"imap.session.logout":   logout,
		"imap.download.read":    read,

		"mime.parse":         parse,
		"mime.parser.write":  write,
		"mime.parser.end":    end,
		"mime.compose":       compose,
		"mime.composed.read": readComposed,

		"smtp.connect":       smtpConnect,
		"smtp.session.send":  smtpSend,
		"smtp.session.noop":  smtpNoop,
		"smtp.session.reset": smtpReset,
		"smtp.session.quit":  smtpQuit,
		"smtp.message.write": smtpWrite,

		"pop3.connect":       pop3Connect,
		"pop3.session.stat":  pop3Stat,
		"pop3.session.list":  pop3List,
		"pop3.session.size":  pop3Size,
		"pop3.session.uidl":  pop3UIDL,
		"pop3.session.top":   pop3Top,
		"pop3.session.retr":  pop3Retr,
		"pop3.session.dele":  pop3Dele,
		"pop3.session.rset":  pop3Rset,
		"pop3.session.noop":  pop3Noop,
		"pop3.session.quit":  pop3Quit,
		"pop3.download.read": read,
	}
	for _, m := range methods {
		all[m.name] = on(m.f)
	}
	call.Serve("", all)
}

type session = imap.Session

// on makes a method of a handle out of f, which needs a connection.
func on(f func(ctx context.Context, c *call.Call, s *session) error) call.Method {
	return func(ctx context.Context, c *call.Call) error {
		s, err := c.Target.(*imap.Client).Session()
		if err != nil {
			return err
		}
		return f(ctx, c, s)
	}
}

func connect(ctx context.Context, c *call.Call) error {
	a := c.Args
	h := call.NewHandle("imap.session")
	o := imap.Options{Handler: handler(h), WordDecoder: decodeWord, NoCompress: a.Has("compress") && !a.Bool("compress"), Reconnect: a.Bool("reconnect")}
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
	client, err := imap.Open(ctx, dialer, o)
	if err != nil {
		return err
	}
	s, err := client.Session()
	var m *imap.Mailbox
	if err == nil && name != "" {
		m, err = s.Open(ctx, name, how)
	}
	if err != nil {
		client.Close()
		return err
	}
	h.Open(client, func() { client.Close() })
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
		Disconnected: func(err error, wait time.Duration) {
			h.Emit("disconnect", func(r *call.Record) {
				r.Object(func() {
					r.Key("error").Error(coded.From(err, "imap"))
					r.Key("wait").Int(wait.Milliseconds())
				})
			})
		},
		Reconnected: func(again *imap.Reconnected) {
			h.Emit("reconnect", func(r *call.Record) {
				r.Object(func() {
					r.Key("capabilities").Strings(again.Capabilities)
					r.Key("mailbox")
					mailbox(r, again.Mailbox)
					if again.Changes != nil {
						r.Key("changes")
						changes(r, again.Changes)
					}
				})
			})
		},
		Closed: h.Ended,
	}
}

func idle(ctx context.Context, c *call.Call, s *session) error {
	_, err := s.Idle(ctx)
	return err
}

func idleStop(ctx context.Context, c *call.Call) error {
	return c.Target.(*imap.Client).StopIdle(ctx)
}

func retry(_ context.Context, c *call.Call) error {
	c.Target.(*imap.Client).Retry()
	return nil
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

func logout(ctx context.Context, c *call.Call) error { return c.Target.(*imap.Client).Logout(ctx) }
