package main

import (
	"context"
	"io"
	"time"

	"kaiwire/protocols/pop3"
	"kaiwire/wasm/call"
)

func pop3Connect(ctx context.Context, c *call.Call) error {
	a := c.Args
	h := call.NewHandle("pop3.session")
	o := pop3.Options{Language: a.String("language"), Closed: h.Ended}
	o.Host, o.Port, o.Security = a.Server()
	auth, ok := a.Auth()
	if !ok {
		a.Invalid("auth", "is missing")
	}
	o.Auth = auth
	dialer, err := call.Dialer(a)
	if err != nil {
		return err
	}
	s, err := pop3.Connect(ctx, dialer, o)
	if err != nil {
		return err
	}
	h.Open(s, func() { s.Close() })
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		c.Out.Key("capabilities").Strings(s.Capabilities())
	})
	return nil
}

// maxMessage is the largest number of a message in a mailbox of POP3.
const maxMessage = 1<<31 - 1

// numbered reads the number of a message.
func numbered(a *call.Args) (int, error) {
	n := int(a.Int("message", 1, maxMessage))
	if !a.Has("message") {
		a.Invalid("message", "is missing")
	}
	return n, a.Err()
}

func pop3Stat(ctx context.Context, c *call.Call) error {
	stat, err := c.Target.(*pop3.Session).Stat(ctx)
	if err != nil {
		return err
	}
	c.Out.Object(func() {
		c.Out.Key("messages").Int(int64(stat.Messages))
		c.Out.Key("size").Int(stat.Size)
	})
	return nil
}

func pop3List(ctx context.Context, c *call.Call) error {
	list, err := c.Target.(*pop3.Session).List(ctx)
	if err != nil {
		return err
	}
	c.Out.Array(func() {
		for _, e := range list {
			c.Out.Object(func() {
				c.Out.Key("message").Int(int64(e.Number))
				c.Out.Key("size").Int(e.Size)
			})
		}
	})
	return nil
}

func pop3Size(ctx context.Context, c *call.Call) error {
	n, err := numbered(c.Args)
	if err != nil {
		return err
	}
	size, err := c.Target.(*pop3.Session).Size(ctx, n)
	if err == nil {
		c.Out.Int(size)
	}
	return err
}

func pop3UIDL(ctx context.Context, c *call.Call) error {
	list, err := c.Target.(*pop3.Session).UIDL(ctx)
	if err != nil {
		return err
	}
	c.Out.Array(func() {
		for _, one := range list {
			c.Out.Object(func() {
				c.Out.Key("message").Int(int64(one.Number))
				c.Out.Key("uid").String(one.ID)
			})
		}
	})
	return nil
}

func pop3Top(ctx context.Context, c *call.Call) error {
	lines := int(c.Args.Int("lines", 0, maxMessage))
	n, err := numbered(c.Args)
	if err != nil {
		return err
	}
	c.Blob, err = c.Target.(*pop3.Session).Top(ctx, n, lines)
	return err
}

// retrieving is a message on its way.
type retrieving struct {
	*pop3.Message
	d *downloading
}

// ReadContext fills p as far as the message goes: each window crosses at once.
func (r *retrieving) ReadContext(ctx context.Context, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var read int
		read, err = r.Message.ReadContext(ctx, p[n:])
		n += read
	}
	r.d.received = r.Received()
	if err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}

// patience is how long what is left of a message that nobody wants any more may
// take.
const patience = 30 * time.Second

func pop3Retr(ctx context.Context, c *call.Call) error {
	window := windowOf(c.Args)
	n, err := numbered(c.Args)
	if err != nil {
		return err
	}
	m, err := c.Target.(*pop3.Session).Retr(ctx, n)
	if err != nil {
		return err
	}
	d := newDownloading(window)
	d.part = &retrieving{m, d}
	h := call.NewHandle("pop3.download")
	h.Open(d, func() {
		close(d.closed)
		go func() {
			d.turn <- struct{}{} // a window may be on its way
			ctx, stop := context.WithTimeout(context.Background(), patience)
			defer stop()
			m.Close(ctx)
		}()
	})
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		if m.Size() > 0 {
			c.Out.Key("size").Int(m.Size())
		}
	})
	return nil
}

func pop3Dele(ctx context.Context, c *call.Call) error {
	numbers := c.Args.Ints("messages", 1, maxMessage)
	if err := c.Args.Err(); err != nil {
		return err
	}
	return c.Target.(*pop3.Session).Dele(ctx, numbers...)
}

func pop3Rset(ctx context.Context, c *call.Call) error { return c.Target.(*pop3.Session).Rset(ctx) }

func pop3Noop(ctx context.Context, c *call.Call) error { return c.Target.(*pop3.Session).Noop(ctx) }

func pop3Quit(ctx context.Context, c *call.Call) error { return c.Target.(*pop3.Session).Quit(ctx) }
