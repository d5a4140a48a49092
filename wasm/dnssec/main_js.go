// The dnssec module: what dns has, and what takes keys: validation, and the
// transfer and update of zones. See web/src/index.d.ts.
package main

import (
	"context"
	"net"
	"slices"
	"strconv"

	"kaiwire/protocols/dns"
	"kaiwire/protocols/dns/dnssec"
	"kaiwire/protocols/dns/transfer"
	"kaiwire/wasm/call"
	"kaiwire/wasm/resolver"
)

func main() {
	methods := resolver.Methods(validator)
	for name, method := range map[string]call.Method{
		"resolver.validate": validate,
		"transfer":          fetch,
		"notify":            notify,
		"update":            update,
	} {
		methods[name] = method
	}
	call.Serve("dnssec", methods)
}

func validator(a *call.Args, r *dns.Resolver) (any, error) {
	o := dnssec.Options{Anchors: a.Strings("anchors")}
	if err := a.Err(); err != nil {
		return nil, err
	}
	return dnssec.New(r, o)
}

func validate(ctx context.Context, c *call.Call) error {
	name, t, err := resolver.Question(c)
	if err != nil {
		return err
	}
	a, verdict, err := c.Target.(*resolver.Target).Extra.(*dnssec.Validator).Query(ctx, name, t)
	if err != nil {
		return err
	}
	out := &c.Out
	out.Object(func() {
		resolver.Answer(out, a)
		out.Key("status").String(string(verdict.Status))
		if verdict.Reason != "" {
			out.Key("reason").String(string(verdict.Reason))
			out.Key("zone").String(verdict.Zone)
			out.Key("name").String(verdict.Name)
		}
	})
	return nil
}

// client reads the options that transfers and updates have in common.
func client(a *call.Args) (c *transfer.Client, zone string, err error) {
	host, port, zone := a.Required("server"), int(a.Int("port", 1, 65535)), a.Required("zone")
	c = &transfer.Client{}
	switch a.String("security") {
	case "tls":
		c.TLS = true
	case "", "none":
	default:
		a.Invalid("security", `must be "tls" or "none"`)
	}
	if a.Has("key") {
		key := a.Object("key")
		c.Key = &transfer.Key{Name: key.Required("name"), Algorithm: key.String("algorithm"), Secret: key.Required("secret")}
		a.Adopt(key)
	}
	c.Dialer, err = call.Dialer(a)
	if port == 0 {
		port = 53
		if c.TLS {
			port = 853
		}
	}
	c.Server = net.JoinHostPort(host, strconv.Itoa(port))
	return c, zone, err
}

// partOf is how many records cross at a time.
const partOf = 100

func fetch(ctx context.Context, c *call.Call) error {
	client, zone, err := client(c.Args)
	if err != nil {
		return err
	}
	var held []dns.Record
	flush := func() {
		resolver.Records(&c.Out, held)
		held = held[:0]
	}
	err = client.Transfer(ctx, zone, func(r dns.Record) error {
		if held = append(held, r); len(held) == partOf {
			flush()
			c.Part()
		}
		return nil
	})
	if err != nil {
		return err
	}
	flush()
	return nil
}

func notify(ctx context.Context, c *call.Call) error {
	client, zone, err := client(c.Args)
	if err != nil {
		return err
	}
	return client.Notify(ctx, zone)
}

// ops are in the order of transfer.Op.
var ops = []string{"add", "remove", "delete", "deleteName", "exists", "existsNot", "nameExists", "nameExistsNot"}

func update(ctx context.Context, c *call.Call) error {
	client, zone, err := client(c.Args)
	if err != nil {
		return err
	}
	var changes []transfer.Change
	for _, a := range c.Args.Objects("changes") {
		op := slices.Index(ops, a.Required("op"))
		if op < 0 {
			a.Invalid("op", "is no change")
		}
		change := transfer.Change{Op: transfer.Op(op)}
		if a.Has("record") {
			record, err := dns.ParseRecord(a.String("record"))
			if err != nil {
				return err
			}
			change.Record = *record
		} else {
			change.Record.Name = a.Required("name")
			if t, ok := dns.ParseType(a.String("type")); ok {
				change.Record.Type = t
			} else if a.Has("type") {
				a.Invalid("type", "must be a record type")
			}
		}
		c.Args.Adopt(a)
		changes = append(changes, change)
	}
	if err := c.Args.Err(); err != nil {
		return err
	}
	return client.Update(ctx, zone, changes)
}
