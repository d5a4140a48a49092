// The dnssec module: what dns has, and validation. See web/src/index.d.ts.
package main

import (
	"context"

	"kaiwire/protocols/dns"
	"kaiwire/protocols/dns/dnssec"
	"kaiwire/wasm/call"
	"kaiwire/wasm/resolver"
)

func main() {
	methods := resolver.Methods(validator)
	for name, method := range map[string]call.Method{
		"resolver.validate": validate,
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
