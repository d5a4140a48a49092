// A module that breaks down when it is told to. Its methods have the names of
// those of the dns module, under whose name the tests load it, and it is no
// part of the package.
package main

import (
	"context"
	"net"
	"os"

	"kaiwire/bridge"
	"kaiwire/wasm/call"
)

func main() {
	call.Serve("dns", call.Methods{
		"resolver":          resolver,
		"resolver.query":    query,
		"resolver.resolve4": wait,
	})
}

// resolver connects to the first of servers and keeps the connection.
func resolver(ctx context.Context, c *call.Call) error {
	servers := c.Args.Strings("servers")
	if len(servers) == 0 {
		c.Args.Invalid("servers", "is missing")
		return c.Args.Err()
	}
	conn, err := (&bridge.Dialer{}).DialContext(ctx, "tcp", servers[0])
	if err != nil {
		return err
	}
	h := call.NewHandle("resolver")
	h.Open(conn, func() { conn.Close() })
	c.Out.Object(func() { c.Out.Key("handle").Int(int64(h.ID)) })
	return nil
}

func wait(ctx context.Context, _ *call.Call) error {
	<-ctx.Done()
	return ctx.Err()
}

// query breaks down in the way that name says.
func query(ctx context.Context, c *call.Call) error {
	switch c.Args.String("name") {
	case "panic":
		var none map[string]int
		none["x"] = 1
	case "text":
		panic("one line\nand another: é 漢")
	case "goroutine":
		go panic("of nobody's")
		return wait(ctx, c)
	case "read":
		// Woken by the socket, not by a call.
		conn := c.Target.(net.Conn)
		if _, err := conn.Write([]byte("say something\n")); err != nil {
			return err
		}
		conn.Read(make([]byte, 1))
		panic("it spoke")
	case "timer":
		conn := c.Target.(net.Conn)
		<-ctx.Done()
		conn.Close()
		panic("too late")
	case "exit":
		os.Exit(3)
	}
	return nil
}
