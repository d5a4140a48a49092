// The dns module: protocols/dns on the phone's sockets. Its methods are those
// of Resolver in web/src/index.d.ts.
package main

import (
	"context"
	"encoding/hex"
	"fmt"

	"kaiwire/protocols/dns"
	"kaiwire/wasm/call"
)

func main() {
	call.Serve("dns", call.Methods{
		"resolver":            resolver,
		"resolver.query":      query,
		"resolver.resolve4":   resolve((*dns.Resolver).Resolve4, address),
		"resolver.resolve6":   resolve((*dns.Resolver).Resolve6, address),
		"resolver.resolveMx":  resolve((*dns.Resolver).ResolveMX, mx),
		"resolver.resolveTxt": resolve((*dns.Resolver).ResolveTXT, (*call.Record).Strings),
		"resolver.resolveSrv": resolve((*dns.Resolver).ResolveSRV, srv),
		"resolver.resolvePtr": resolve((*dns.Resolver).ResolvePTR, (*call.Record).String),
		"resolver.reverse":    resolve((*dns.Resolver).Reverse, (*call.Record).String),
	})
}

func resolver(_ context.Context, c *call.Call) error {
	a := c.Args
	o := dns.Options{Servers: a.Strings("servers"), Port: int(a.Int("port", 1, 65535))}
	if len(o.Servers) == 0 {
		a.Invalid("servers", "has to name at least one name server")
	}
	dialer, err := call.Dialer(a)
	if err != nil {
		return err
	}
	r := dns.New(dialer, o)
	h := call.NewHandle("resolver")
	h.Open(r, func() { r.Close() })
	c.Out.Object(func() { c.Out.Key("handle").Int(int64(h.ID)) })
	return nil
}

// resolve makes a method out of one of the resolver's, whose results write
// writes.
func resolve[T any](f func(*dns.Resolver, context.Context, string) ([]T, error), write func(*call.Record, T)) call.Method {
	return func(ctx context.Context, c *call.Call) error {
		name := c.Args.Required("name")
		if err := c.Args.Err(); err != nil {
			return err
		}
		list, err := f(c.Target.(*dns.Resolver), ctx, name)
		if err != nil {
			return err
		}
		c.Out.Array(func() {
			for _, item := range list {
				write(&c.Out, item)
			}
		})
		return nil
	}
}

func address[T fmt.Stringer](r *call.Record, a T) { r.String(a.String()) }

func mx(r *call.Record, m dns.MX) {
	r.Object(func() {
		r.Key("priority").Int(int64(m.Preference))
		r.Key("exchange").String(m.Exchange)
	})
}

func srv(r *call.Record, s dns.SRV) {
	r.Object(func() {
		r.Key("priority").Int(int64(s.Priority))
		r.Key("weight").Int(int64(s.Weight))
		r.Key("port").Int(int64(s.Port))
		r.Key("name").String(s.Target)
	})
}

func query(ctx context.Context, c *call.Call) error {
	name, typeName := c.Args.Required("name"), c.Args.Required("type")
	t, ok := dns.ParseType(typeName)
	if !ok {
		c.Args.Invalid("type", "must be a record type such as A, MX or TYPE257")
	}
	if err := c.Args.Err(); err != nil {
		return err
	}
	a, err := c.Target.(*dns.Resolver).Query(ctx, name, t)
	if err != nil {
		return err
	}
	out := &c.Out
	out.Object(func() {
		out.Key("rcode").String(a.RCode.String())
		out.Key("authoritative").Bool(a.Authoritative)
		out.Key("truncated").Bool(a.Truncated)
		out.Key("recursionAvailable").Bool(a.RecursionAvailable)
		records(out.Key("answers"), a.Answers)
		records(out.Key("authorities"), a.Authorities)
		records(out.Key("additionals"), a.Additionals)
		out.Key("server").String(a.Server)
		out.Key("elapsed").Milliseconds(a.Elapsed)
	})
	return nil
}

func records(r *call.Record, list []dns.Record) {
	r.Array(func() {
		for i := range list {
			record(r, &list[i])
		}
	})
}

func record(r *call.Record, rr *dns.Record) {
	r.Object(func() {
		r.Key("name").String(rr.Name)
		r.Key("type").String(rr.Type.String())
		r.Key("ttl").Int(int64(rr.TTL))
		switch d := rr.Data.(type) {
		case *dns.A:
			r.Key("address").String(d.Addr.String())
		case *dns.AAAA:
			r.Key("address").String(d.Addr.String())
		case *dns.CNAME:
			r.Key("target").String(d.Target)
		case *dns.NS:
			r.Key("target").String(d.Target)
		case *dns.PTR:
			r.Key("target").String(d.Target)
		case *dns.HINFO:
			r.Key("cpu").String(d.CPU)
			r.Key("os").String(d.OS)
		case *dns.MX:
			r.Key("priority").Int(int64(d.Preference))
			r.Key("exchange").String(d.Exchange)
		case *dns.SOA:
			r.Key("mname").String(d.MName)
			r.Key("rname").String(d.RName)
			r.Key("serial").Int(int64(d.Serial))
			r.Key("refresh").Int(int64(d.Refresh))
			r.Key("retry").Int(int64(d.Retry))
			r.Key("expire").Int(int64(d.Expire))
			r.Key("minimum").Int(int64(d.Minimum))
		case *dns.SRV:
			r.Key("priority").Int(int64(d.Priority))
			r.Key("weight").Int(int64(d.Weight))
			r.Key("port").Int(int64(d.Port))
			r.Key("target").String(d.Target)
		case *dns.TXT:
			r.Key("entries").Strings(d.Strings)
		case *dns.SVCB:
			service(r, d)
		case *dns.HTTPS:
			service(r, (*dns.SVCB)(d))
		case *dns.Unknown:
			r.Key("data").String(hex.EncodeToString(d.Data))
		}
	})
}

func service(r *call.Record, d *dns.SVCB) {
	r.Key("priority").Int(int64(d.Priority))
	r.Key("target").String(d.Target)
	r.Key("params").Array(func() {
		for _, p := range d.Params {
			r.String(p.String())
		}
	})
}
