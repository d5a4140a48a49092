package main

import (
	"context"
	"sort"

	goimap "github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap"
	"kaiwire/wasm/call"
)

func has(ctx context.Context, c *call.Call, s *session) error {
	name := c.Args.Required("capability")
	c.Out.Bool(s.Has(goimap.Cap(name)))
	return c.Args.Err()
}

func id(ctx context.Context, c *call.Call, s *session) error {
	var own *goimap.IDData
	if c.Args.Has("own") {
		own = &goimap.IDData{}
		fields := c.Args.Object("own")
		for _, f := range imap.IDFields(own) {
			*f.Value = fields.String(f.Name)
		}
		c.Args.Adopt(fields)
	}
	if err := c.Args.Err(); err != nil {
		return err
	}
	server, err := s.ID(ctx, own)
	if err != nil {
		return err
	}
	c.Out.Object(func() {
		for _, f := range imap.IDFields(server) {
			if *f.Value != "" {
				c.Out.Key(f.Name).String(*f.Value)
			}
		}
	})
	return nil
}

func namespace(ctx context.Context, c *call.Call, s *session) error {
	d, err := s.Namespace(ctx)
	if err != nil {
		return err
	}
	c.Out.Object(func() {
		for _, row := range []struct {
			name string
			list []goimap.NamespaceDescriptor
		}{{"personal", d.Personal}, {"other", d.Other}, {"shared", d.Shared}} {
			c.Out.Key(row.name).Array(func() {
				for _, n := range row.list {
					c.Out.Object(func() {
						c.Out.Key("prefix").String(n.Prefix)
						delimiter(&c.Out, n.Delim)
					})
				}
			})
		}
	})
	return nil
}

func enable(ctx context.Context, c *call.Call, s *session) error {
	var names []goimap.Cap
	for _, name := range c.Args.Strings("capabilities") {
		names = append(names, goimap.Cap(name))
	}
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.Enable(ctx, names...)
}

func selectMailbox(ctx context.Context, c *call.Call, s *session) error {
	name := c.Args.Required("mailbox")
	o := &imap.OpenOptions{ReadOnly: c.Args.Bool("readOnly"), CondStore: c.Args.Bool("condstore")}
	if err := c.Args.Err(); err != nil {
		return err
	}
	m, err := s.Open(ctx, name, o)
	if err != nil {
		return err
	}
	mailbox(&c.Out, m)
	return nil
}

func unselect(ctx context.Context, c *call.Call, s *session) error { return s.Unselect(ctx) }

func closeMailbox(ctx context.Context, c *call.Call, s *session) error { return s.CloseMailbox(ctx) }

func syncMailbox(ctx context.Context, c *call.Call, s *session) error {
	name, state := c.Args.Required("mailbox"), c.Args.String("state")
	readOnly := c.Args.Bool("readOnly")
	if err := c.Args.Err(); err != nil {
		return err
	}
	d, err := s.Sync(ctx, name, state, readOnly)
	if err != nil {
		return err
	}
	changes(&c.Out, d)
	return nil
}

//go:noinline
func changes(r *call.Record, d *imap.SyncData) {
	r.Object(func() {
		r.Key("mailbox")
		mailbox(r, d.Mailbox)
		r.Key("state").String(d.State)
		r.Key("reset").Bool(d.Reset)
		r.Key("added")
		numbers(r, d.Added)
		r.Key("changed").Array(func() {
			for _, m := range d.Changed {
				r.Object(func() {
					r.Key("uid").Int(int64(m.UID))
					r.Key("flags")
					flagNames(r, m.Flags)
				})
			}
		})
		r.Key("vanished")
		numbers(r, d.Vanished)
	})
}

func list(ctx context.Context, c *call.Call, s *session) error {
	a := c.Args
	reference := a.String("reference")
	patterns := a.Strings("patterns")
	o := &goimap.ListOptions{
		SelectSubscribed: a.Bool("subscribed"), SelectSpecialUse: a.Bool("specialUse"),
		ReturnSubscribed: true, ReturnSpecialUse: true,
	}
	if a.Has("statusQuery") {
		q := a.Object("statusQuery")
		o.ReturnStatus = statusItems(q)
		a.Adopt(q)
	}
	if err := a.Err(); err != nil {
		return err
	}
	all, err := s.ListExtended(ctx, reference, patterns, o)
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

// about makes a method out of one of the session's that needs a mailbox and
// tells nothing.
func about(ctx context.Context, c *call.Call, f func(context.Context, string) error) error {
	name := c.Args.Required("mailbox")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return f(ctx, name)
}

func create(ctx context.Context, c *call.Call, s *session) error {
	var uses []goimap.MailboxAttr
	if use := c.Args.String("specialUse"); use != "" {
		uses = append(uses, goimap.MailboxAttr(use))
	}
	return about(ctx, c, func(ctx context.Context, name string) error { return s.Create(ctx, name, uses...) })
}

func rename(ctx context.Context, c *call.Call, s *session) error {
	to := c.Args.Required("name")
	return about(ctx, c, func(ctx context.Context, name string) error { return s.Rename(ctx, name, to) })
}

func deleteMailbox(ctx context.Context, c *call.Call, s *session) error {
	return about(ctx, c, s.Delete)
}

func subscribe(ctx context.Context, c *call.Call, s *session) error {
	return about(ctx, c, s.Subscribe)
}

func unsubscribe(ctx context.Context, c *call.Call, s *session) error {
	return about(ctx, c, s.Unsubscribe)
}

func status(ctx context.Context, c *call.Call, s *session) error {
	items := statusItems(c.Args)
	return about(ctx, c, func(ctx context.Context, name string) error {
		d, err := s.Status(ctx, name, items)
		if err != nil {
			return err
		}
		c.Out.Object(func() { statusFields(&c.Out, d) })
		return nil
	})
}

func appendLimit(ctx context.Context, c *call.Call, s *session) error {
	return about(ctx, c, func(ctx context.Context, name string) error {
		limit, ok, err := s.AppendLimit(ctx, name)
		if err == nil && ok {
			c.Out.Int(int64(limit))
		}
		return err
	})
}

// octets is the unit in which the protocol counts storage.
const octets = 1024

//go:noinline
func quotas(c *call.Call, all []imap.Quota) {
	c.Out.Array(func() {
		for _, q := range all {
			c.Out.Object(func() {
				c.Out.Key("root").String(q.Root)
				c.Out.Key("resources").Array(func() {
					for _, r := range q.Resources {
						unit := uint64(1)
						if r.Type == goimap.QuotaResourceStorage {
							unit = octets
						}
						c.Out.Object(func() {
							c.Out.Key("type").String(string(r.Type))
							c.Out.Key("usage").Int(int64(r.Usage * unit))
							c.Out.Key("limit").Int(int64(r.Limit * unit))
						})
					}
				})
			})
		}
	})
}

func quota(ctx context.Context, c *call.Call, s *session) error {
	return about(ctx, c, func(ctx context.Context, name string) error {
		all, err := s.MailboxQuota(ctx, name)
		if err == nil {
			quotas(c, all)
		}
		return err
	})
}

func setQuota(ctx context.Context, c *call.Call, s *session) error {
	a := c.Args
	root := a.String("root")
	var limits []imap.QuotaResource
	for _, l := range a.Objects("limits") {
		r := imap.QuotaResource{Type: goimap.QuotaResourceType(l.Required("type")), Limit: uint64(l.Int("limit", 0, 1<<53))}
		if r.Type == goimap.QuotaResourceStorage {
			r.Limit /= octets
		}
		limits = append(limits, r)
		a.Adopt(l)
	}
	if err := a.Err(); err != nil {
		return err
	}
	all, err := s.SetQuota(ctx, root, limits...)
	if err == nil {
		quotas(c, all)
	}
	return err
}

func acl(ctx context.Context, c *call.Call, s *session) error {
	return about(ctx, c, func(ctx context.Context, name string) error {
		all, err := s.ACL(ctx, name)
		if err != nil {
			return err
		}
		c.Out.Array(func() {
			for _, e := range all {
				c.Out.Object(func() {
					c.Out.Key("identifier").String(string(e.Identifier))
					c.Out.Key("rights").String(e.Rights.String())
				})
			}
		})
		return nil
	})
}

func myRights(ctx context.Context, c *call.Call, s *session) error {
	return about(ctx, c, func(ctx context.Context, name string) error {
		rights, err := s.MyRights(ctx, name)
		if err == nil {
			c.Out.String(rights.String())
		}
		return err
	})
}

func setACL(ctx context.Context, c *call.Call, s *session) error {
	who, rights := goimap.RightsIdentifier(c.Args.Required("identifier")), c.Args.String("rights")
	how := goimap.RightModificationReplace
	if rights != "" && (rights[0] == '+' || rights[0] == '-') {
		how, rights = goimap.RightModification(rights[0]), rights[1:]
	}
	return about(ctx, c, func(ctx context.Context, name string) error {
		return s.SetACL(ctx, name, who, how, goimap.RightSet(rights))
	})
}

func deleteACL(ctx context.Context, c *call.Call, s *session) error {
	who := goimap.RightsIdentifier(c.Args.Required("identifier"))
	return about(ctx, c, func(ctx context.Context, name string) error { return s.DeleteACL(ctx, name, who) })
}

func metadata(ctx context.Context, c *call.Call, s *session) error {
	a := c.Args
	name, entries := a.String("mailbox"), a.Strings("entries")
	o := &imap.MetadataOptions{MaxSize: uint32(a.Int("maxSize", 1, maxNumber))}
	switch a.String("depth") {
	case "", "0":
	case "1":
		o.Depth = 1
	case "infinity":
		o.Depth = -1
	default:
		a.Invalid("depth", `must be 0, 1 or "infinity"`)
	}
	if err := a.Err(); err != nil {
		return err
	}
	values, err := s.Metadata(ctx, name, entries, o)
	if err != nil {
		return err
	}
	var names []string
	for name := range values {
		names = append(names, name)
	}
	sort.Sort(sort.StringSlice(names)) // sort.Strings is generic, and as long again
	c.Out.Object(func() {
		for _, name := range names {
			c.Out.Key(name).String(string(values[name]))
		}
	})
	return nil
}

func setMetadata(ctx context.Context, c *call.Call, s *session) error {
	name, values := c.Args.String("mailbox"), map[string][]byte{}
	for _, e := range c.Args.Objects("values") {
		entry := e.Required("entry")
		values[entry] = nil
		if e.Has("value") {
			values[entry] = []byte(e.String("value"))
		}
		c.Args.Adopt(e)
	}
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.SetMetadata(ctx, name, values)
}

func notify(ctx context.Context, c *call.Call, s *session) error {
	var groups []imap.NotifyGroup
	for _, g := range c.Args.Objects("groups") {
		group := imap.NotifyGroup{Filter: imap.NotifyFilter(g.Required("filter")), Mailboxes: g.Strings("mailboxes")}
		for _, event := range g.Strings("events") {
			group.Events = append(group.Events, imap.NotifyEvent(event))
		}
		groups = append(groups, group)
		c.Args.Adopt(g)
	}
	figures := c.Args.Bool("status")
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.Notify(ctx, figures, groups...)
}
