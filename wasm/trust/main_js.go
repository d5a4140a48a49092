//go:build owntls

// The trust module: protocols/trust asked about a server. Its method is that
// of Trust in web/src/index.d.ts.
package main

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"

	"kaiwire/bridge"
	"kaiwire/protocols/coded"
	"kaiwire/protocols/trust"
	"kaiwire/wasm/call"
)

func main() {
	call.Serve("trust", call.Methods{
		"check": check,
	})
}

func check(ctx context.Context, c *call.Call) error {
	a := c.Args
	host, port := a.Required("host"), a.Int("port", 1, 65535)
	if !a.Has("port") {
		a.Invalid("port", "is missing")
	}
	d, err := call.Trust(a)
	if err != nil {
		return err
	}
	r, err := d.Check(ctx, &bridge.Dialer{}, net.JoinHostPort(host, strconv.FormatInt(port, 10)))
	if err != nil {
		return err
	}
	own := "accepted"
	if r.Own != nil {
		own = string(coded.From(r.Own, "").Code)
	}
	c.Out.Object(func() {
		c.Out.Key("phone").String(string(r.Phone))
		c.Out.Key("own").String(own)
		if r.Cause != "" {
			c.Out.Key("cause").String(string(r.Cause))
		}
		if r.Culprit != "" {
			c.Out.Key("culprit").String(r.Culprit)
		}
		c.Out.Key("cure").Bool(r.Cure)
		c.Out.Key("protocol")
		if version := versions[r.Version]; version != "" {
			c.Out.String(version)
		} else {
			c.Out.Null()
		}
		call.Certificates(&c.Out, trust.Describe(r.Chain))
	})
	return nil
}

// versions of TLS as Node.js writes them.
var versions = map[uint16]string{
	tls.VersionTLS10: "TLSv1",
	tls.VersionTLS11: "TLSv1.1",
	tls.VersionTLS12: "TLSv1.2",
	tls.VersionTLS13: "TLSv1.3",
}
