// Package resolver is what the modules dns and dnssec have in common: the
// methods of Resolver in web/src/index.d.ts, by protocols/dns on the phone's
// sockets.
package resolver

import (
	"bytes"
	"context"
	"slices"
	"time"

	"kaiwire/protocols/dns"
	"kaiwire/wasm/call"
)

// Target is what a resolver's handle stands for.
type Target struct {
	*dns.Resolver
	Extra any // the module's own
}

// Methods are those of both modules. extra, which may be nil, makes what a
// module needs besides for each resolver, out of its options.
func Methods(extra func(a *call.Args, r *dns.Resolver) (any, error)) call.Methods {
	return call.Methods{
		"resolver":              open(extra),
		"resolver.query":        query,
		"resolver.lookup":       lookup,
		"resolver.resolve4":     resolve(dns.TypeA),
		"resolver.resolve6":     resolve(dns.TypeAAAA),
		"resolver.resolveAny":   resolve(dns.TypeANY),
		"resolver.resolveCaa":   resolve(dns.TypeCAA),
		"resolver.resolveCname": resolve(dns.TypeCNAME),
		"resolver.resolveHttps": resolve(dns.TypeHTTPS),
		"resolver.resolveMx":    resolve(dns.TypeMX),
		"resolver.resolveNaptr": resolve(dns.TypeNAPTR),
		"resolver.resolveNs":    resolve(dns.TypeNS),
		"resolver.resolvePtr":   resolve(dns.TypePTR),
		"resolver.resolveSoa":   resolve(dns.TypeSOA),
		"resolver.resolveSrv":   resolve(dns.TypeSRV),
		"resolver.resolveTlsa":  resolve(dns.TypeTLSA),
		"resolver.resolveTxt":   resolve(dns.TypeTXT),
		"resolver.reverse":      reverse,
		"resolver.discoverMail": discover((*dns.Resolver).DiscoverMail),
		"resolver.discoverChat": discover((*dns.Resolver).DiscoverChat),
		"resolver.statistics":   statistics,
		"resolver.save":         save,
		"resolver.restore":      restore,
		"network":               network,
		"network.browse":        browse,
		"network.find":          find,
		"network.lookup":        lookupLocal,
		"network.register":      register,
	}
}

// maxTry bounds the option tryTimeout.
const maxTry = time.Minute

func open(extra func(a *call.Args, r *dns.Resolver) (any, error)) call.Method {
	return func(_ context.Context, c *call.Call) error {
		target, err := newTarget(c.Args, extra)
		if err != nil {
			return err
		}
		h := call.NewHandle("resolver")
		h.Open(target, func() { target.Close() })
		c.Out.Object(func() { c.Out.Key("handle").Int(int64(h.ID)) })
		return nil
	}
}

func newTarget(a *call.Args, extra func(a *call.Args, r *dns.Resolver) (any, error)) (*Target, error) {
	o := dns.Options{
		Servers:  a.Strings("servers"),
		Port:     int(a.Int("port", 1, 65535)),
		Timeout:  time.Duration(a.Int("tryTimeout", 0, maxTry.Milliseconds())) * time.Millisecond,
		Retries:  int(a.Int("retries", 0, 10)),
		Exchange: exchange,
	}
	if a.Has("retries") && o.Retries == 0 {
		o.Retries = -1
	}
	if len(o.Servers) == 0 {
		a.Invalid("servers", "has to name at least one name server")
	}
	for _, t := range a.Strings("transports") {
		o.Transports = append(o.Transports, dns.Transport(t))
	}
	o.Cache = cache(a)
	dialer, err := call.Dialer(a)
	if err != nil {
		return nil, err
	}
	t := &Target{Resolver: dns.New(dialer, o)}
	if err := t.Err(); err != nil {
		return nil, err
	}
	if extra != nil {
		t.Extra, err = extra(a, t.Resolver)
	}
	return t, err
}

// cache reads the option of that name: bounds, or maxSize 0 for none.
func cache(a *call.Args) *dns.Cache {
	bounds := a.Object("cache")
	milliseconds := func(name string) time.Duration {
		return time.Duration(bounds.Int(name, 0, 365*24*3600*1000)) * time.Millisecond
	}
	o := dns.CacheOptions{
		MaxSize:        int(bounds.Int("maxSize", 0, 16<<20)),
		MaxTTL:         milliseconds("maxTtl"),
		MaxNegativeTTL: milliseconds("maxNegativeTtl"),
		MaxStale:       milliseconds("maxStale"),
	}
	if bounds.Has("maxStale") && o.MaxStale == 0 {
		o.MaxStale = -1
	}
	a.Adopt(bounds)
	if bounds.Has("maxSize") && o.MaxSize == 0 {
		return dns.NoCache
	}
	return dns.NewCache(o)
}

// resolve makes a method out of a type: it answers with the data of a name's
// records, as objects.
func resolve(t dns.Type) call.Method {
	return func(ctx context.Context, c *call.Call) error {
		name := c.Args.Required("name")
		if err := c.Args.Err(); err != nil {
			return err
		}
		return resolveTo(ctx, c, name, t)
	}
}

func reverse(ctx context.Context, c *call.Call) error {
	name, err := dns.ReverseName(c.Args.Required("name"))
	if err != nil {
		return err
	}
	return resolveTo(ctx, c, name, dns.TypePTR)
}

func resolveTo(ctx context.Context, c *call.Call, name string, t dns.Type) error {
	list, err := c.Target.(*Target).Records(ctx, name, t)
	if err != nil {
		return err
	}
	if n := ranked(t); n > 0 {
		// Lower numbers come first, and they are sent with the upper byte first.
		slices.SortStableFunc(list, func(a, b dns.Record) int {
			return bytes.Compare(a.Data[:min(n, len(a.Data))], b.Data[:min(n, len(b.Data))])
		})
	}
	c.Out.Array(func() {
		for i := range list {
			c.Out.Object(func() {
				if t == dns.TypeANY {
					c.Out.Key("type").String(list[i].Type.String())
				}
				fields(&c.Out, &list[i])
			})
		}
	})
	return nil
}

// ranked is how many bytes at the beginning of a type's data say in which order
// to take its records.
func ranked(t dns.Type) int {
	switch t {
	case dns.TypeMX, dns.TypeSRV, dns.TypeHTTPS:
		return 2
	case dns.TypeNAPTR:
		return 4
	}
	return 0
}

func lookup(ctx context.Context, c *call.Call) error {
	name, family := c.Args.Required("name"), int(c.Args.Int("family", 0, 6))
	if err := c.Args.Err(); err != nil {
		return err
	}
	list, err := c.Target.(*Target).Lookup(ctx, name, family)
	if err != nil {
		return err
	}
	addresses(&c.Out, list)
	return nil
}

func discover(f func(*dns.Resolver, context.Context, string) (*dns.Discovery, error)) call.Method {
	return func(ctx context.Context, c *call.Call) error {
		domain := c.Args.Required("domain")
		if err := c.Args.Err(); err != nil {
			return err
		}
		d, err := f(c.Target.(*Target).Resolver, ctx, domain)
		if err != nil {
			return err
		}
		out := &c.Out
		out.Object(func() {
			out.Key("services").Array(func() {
				for _, s := range d.Services {
					out.Object(func() {
						out.Key("name").String(s.Name)
						out.Key("host").String(s.Host)
						out.Key("port").Int(int64(s.Port))
						out.Key("security").String(string(s.Security))
					})
				}
			})
			out.Key("mx").Array(func() {
				for _, m := range d.MX {
					out.Object(func() {
						out.Key("priority").Int(int64(m.Preference))
						out.Key("exchange").String(m.Exchange)
					})
				}
			})
			out.Key("autoconfig").Strings(d.Autoconfig)
		})
		return nil
	}
}

func statistics(_ context.Context, c *call.Call) error {
	c.Out.Object(func() {
		c.Out.Key("unsolicited").Int(int64(c.Target.(*Target).Unsolicited()))
	})
	return nil
}

func save(_ context.Context, c *call.Call) error {
	c.Blob = c.Target.(*Target).Cache().Save()
	return nil
}

func restore(_ context.Context, c *call.Call) error {
	n, err := c.Target.(*Target).Cache().Restore(c.Bytes)
	if err != nil {
		return err
	}
	c.Out.Int(int64(n))
	return nil
}

func query(ctx context.Context, c *call.Call) error {
	name, t, err := Question(c)
	if err != nil {
		return err
	}
	a, err := c.Target.(*Target).Query(ctx, name, t)
	if err != nil {
		return err
	}
	c.Out.Object(func() { Answer(&c.Out, a) })
	return nil
}

// Question reads the arguments name and type.
func Question(c *call.Call) (name string, t dns.Type, err error) {
	name, typeName := c.Args.Required("name"), c.Args.Required("type")
	t, ok := dns.ParseType(typeName)
	if !ok {
		c.Args.Invalid("type", "must be a record type such as A, MX or TYPE257")
	}
	return name, t, c.Args.Err()
}

// Answer writes the members of an answer.
func Answer(out *call.Record, a *dns.Answer) {
	out.Key("rcode").String(a.RCode.String())
	out.Key("authoritative").Bool(a.Authoritative)
	out.Key("truncated").Bool(a.Truncated)
	out.Key("recursionAvailable").Bool(a.RecursionAvailable)
	out.Key("authenticated").Bool(a.Authenticated)
	Records(out.Key("answers"), a.Answers)
	Records(out.Key("authorities"), a.Authorities)
	Records(out.Key("additionals"), a.Additionals)
	out.Key("extendedErrors").Array(func() {
		for _, e := range a.Extended {
			out.Object(func() {
				out.Key("code").Int(int64(e.Code))
				out.Key("text").String(e.Text)
			})
		}
	})
	out.Key("server").String(a.Server)
	out.Key("transport").String(string(a.Transport))
	out.Key("cached").Bool(a.Cached)
	out.Key("stale").Bool(a.Stale)
	out.Key("elapsed").Milliseconds(a.Elapsed)
}

// Records writes a list of records.
func Records(r *call.Record, list []dns.Record) {
	r.Array(func() {
		for i := range list {
			rr := &list[i]
			r.Object(func() {
				r.Key("name").String(rr.Name)
				r.Key("type").String(rr.Type.String())
				r.Key("ttl").Int(int64(rr.TTL))
				r.Key("text").String(rr.Presentation())
				fields(r, rr)
			})
		}
	})
}

// fields writes a record's data as members of an object.
func fields(r *call.Record, rr *dns.Record) {
	for _, f := range rr.Fields() {
		switch r.Key(f.Key); f.Form {
		case dns.Number:
			r.Int(int64(f.Number))
		case dns.Text:
			r.String(f.Text)
		case dns.List:
			r.Strings(f.List)
		}
	}
}
