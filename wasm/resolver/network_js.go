package resolver

import (
	"context"
	"net/netip"
	"strconv"

	"kaiwire/bridge"
	"kaiwire/protocols/dns/mdns"
	"kaiwire/wasm/call"
)

// network joins the local network: it takes the port that all share.
func network(ctx context.Context, c *call.Call) error {
	socket, err := (&bridge.ListenConfig{}).ListenPacket(ctx, "udp4", ":"+strconv.Itoa(mdns.Port))
	if err != nil {
		return err
	}
	conn, err := mdns.Open(socket)
	if err != nil {
		return err
	}
	h := call.NewHandle("network")
	h.Open(conn, func() { conn.Close() })
	c.Out.Object(func() { c.Out.Key("handle").Int(int64(h.ID)) })
	return nil
}

func browse(_ context.Context, c *call.Call) error {
	kind := c.Args.Required("type")
	if err := c.Args.Err(); err != nil {
		return err
	}
	conn := c.Target.(*mdns.Conn)
	// The handle lives on after the call.
	ctx, cancel := context.WithCancel(context.Background())
	h := call.NewHandle("browser")
	h.Open(nil, cancel)
	c.Out.Object(func() { c.Out.Key("handle").Int(int64(h.ID)) })
	go func() {
		err := conn.Browse(ctx, kind, func(e mdns.Event) {
			name := "found"
			if e.Gone {
				name = "lost"
			}
			h.Emit(name, func(r *call.Record) {
				r.Object(func() { r.Key("instance").String(e.Instance) })
			})
		})
		if ctx.Err() != nil {
			err = nil // closed by the app
		}
		h.Ended(err)
	}()
	return nil
}

func find(ctx context.Context, c *call.Call) error {
	instance := c.Args.Required("instance")
	if err := c.Args.Err(); err != nil {
		return err
	}
	found, err := c.Target.(*mdns.Conn).Resolve(ctx, instance)
	if err != nil {
		return err
	}
	out := &c.Out
	out.Object(func() {
		out.Key("instance").String(found.Name)
		out.Key("host").String(found.Host)
		out.Key("port").Int(int64(found.Port))
		addresses(out.Key("addresses"), found.Addrs)
		out.Key("text").Strings(found.Text)
	})
	return nil
}

func addresses(out *call.Record, list []netip.Addr) {
	out.Array(func() {
		for _, a := range list {
			out.String(a.String())
		}
	})
}

func lookupLocal(ctx context.Context, c *call.Call) error {
	name := c.Args.Required("name")
	if err := c.Args.Err(); err != nil {
		return err
	}
	list, err := c.Target.(*mdns.Conn).Lookup(ctx, name)
	if err != nil {
		return err
	}
	addresses(&c.Out, list)
	return nil
}

func register(ctx context.Context, c *call.Call) error {
	a := c.Args
	s := mdns.Service{
		Name: a.Required("name"),
		Type: a.Required("type"),
		Host: a.Required("host"),
		Port: uint16(a.Int("port", 1, 65535)),
		Text: a.Strings("text"),
	}
	for _, text := range a.Strings("addresses") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			a.Invalid("addresses", "must hold IP addresses only")
		}
		s.Addrs = append(s.Addrs, address)
	}
	if err := a.Err(); err != nil {
		return err
	}
	r, err := c.Target.(*mdns.Conn).Register(ctx, s)
	if err != nil {
		return err
	}
	h := call.NewHandle("registration")
	h.Open(r, func() { r.Close() })
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		c.Out.Key("instance").String(r.Instance())
	})
	return nil
}
