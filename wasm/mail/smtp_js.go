package main

import (
	"bytes"
	"context"
	"io"
	"strings"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/smtp"
	"kaiwire/wasm/call"
)

func smtpConnect(ctx context.Context, c *call.Call) error {
	a := c.Args
	h := call.NewHandle("smtp.session")
	o := smtp.Options{Name: a.String("name"), NoChunking: a.Has("chunking") && !a.Bool("chunking"), Closed: h.Ended}
	o.Host, o.Port, o.Security = a.Server()
	o.Auth, _ = a.Auth()
	dialer, err := call.Dialer(a)
	if err != nil {
		return err
	}
	s, err := smtp.Connect(ctx, dialer, o)
	if err != nil {
		return err
	}
	h.Open(s, func() { s.Close() })
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		c.Out.Key("capabilities").Strings(s.Capabilities())
		if size := s.MaxSize(); size > 0 {
			c.Out.Key("maxSize").Int(size)
		}
	})
	return nil
}

func smtpEnvelope(a *call.Args) smtp.Envelope {
	given, dsn := a.Object("envelope"), a.Object("dsn")
	e := smtp.Envelope{
		From:       given.String("from"),
		To:         given.Strings("to"),
		Size:       a.Int("size", 0, maxSize),
		UTF8:       a.Bool("utf8"),
		RequireTLS: a.Bool("requireTLS"),
		DSN:        smtp.DSN{ID: dsn.String("id"), OriginalRecipient: dsn.String("recipient")},
	}
	for _, word := range dsn.Strings("notify") {
		e.DSN.Notify = append(e.DSN.Notify, strings.ToUpper(word))
	}
	switch dsn.String("return") {
	case "":
	case "full":
		e.DSN.Return = "FULL"
	case "headers":
		e.DSN.Return = "HDRS"
	default:
		dsn.Invalid("return", `must be "full" or "headers"`)
	}
	a.Adopt(given)
	a.Adopt(dsn)
	return e
}

// sending is a message of which there is more to come, as its handle has it.
type sending struct {
	w      *io.PipeWriter
	cancel context.CancelFunc
	done   chan struct{} // closed when the outcome is there
	result *smtp.Result
	err    error
}

// smtpSend takes the message, or its beginning where more is to come: that
// opens a handle, which takes the rest.
func smtpSend(ctx context.Context, c *call.Call) error {
	s, e, more := c.Target.(*smtp.Session), smtpEnvelope(c.Args), c.Args.Bool("more")
	if err := c.Args.Err(); err != nil {
		return err
	}
	if !more {
		result, err := s.Send(ctx, e, bytes.NewReader(c.Bytes), nil)
		return sent(c, result, err)
	}
	r, w := io.Pipe()
	m := &sending{w: w, done: make(chan struct{})}
	var whole context.Context
	whole, m.cancel = context.WithCancel(context.Background())
	h := call.NewHandle("smtp.message")
	go func() {
		m.result, m.err = s.Send(whole, e, io.MultiReader(bytes.NewReader(c.Bytes), r), nil)
		r.CloseWithError(errClosed)
		m.cancel()
		close(m.done)
	}()
	// A message whose source has failed is called off; the session may go on.
	h.Open(m, func() { w.CloseWithError(errClosed) })
	c.Out.Object(func() { c.Out.Key("handle").Int(int64(h.ID)) })
	return nil
}

// smtpWrite takes the next part of a message; what has become of that is the
// answer to the last one, or to the first behind its end where the server takes
// no more.
func smtpWrite(ctx context.Context, c *call.Call) error {
	m, last := c.Target.(*sending), c.Args.Bool("last")
	if err := c.Args.Err(); err != nil {
		return err
	}
	taken := make(chan error, 1)
	go func() {
		_, err := m.w.Write(c.Bytes)
		if last && err == nil {
			err = m.w.Close()
		}
		taken <- err
	}()
	var err error
	select {
	case err = <-taken:
	case <-ctx.Done():
	}
	if err == nil && !last && ctx.Err() == nil {
		return nil
	}
	select {
	case <-m.done:
		c.Handle().Close()
		return sent(c, m.result, m.err)
	case <-ctx.Done():
		m.cancel()
		<-m.done
		return ctx.Err()
	}
}

// sent writes what has become of a message. That nobody takes it is an answer
// as well: it says why for each.
func sent(c *call.Call, r *smtp.Result, err error) error {
	if err != nil && (r == nil || len(r.Rejected) == 0) {
		return err
	}
	c.Out.Object(func() {
		if err != nil {
			c.Out.Key("error").Error(coded.From(err, "smtp"))
		}
		c.Out.Key("accepted").Strings(r.Accepted)
		c.Out.Key("rejected").Array(func() {
			for _, one := range r.Rejected {
				c.Out.Object(func() {
					c.Out.Key("address").String(one.Address)
					c.Out.Key("error").Error(one.Err)
				})
			}
		})
		c.Out.Key("response").String(r.Response)
		c.Out.Key("size").Int(r.Sent)
	})
	return nil
}

func smtpNoop(ctx context.Context, c *call.Call) error { return c.Target.(*smtp.Session).Noop(ctx) }

func smtpReset(ctx context.Context, c *call.Call) error { return c.Target.(*smtp.Session).Reset(ctx) }

func smtpQuit(ctx context.Context, c *call.Call) error { return c.Target.(*smtp.Session).Quit(ctx) }
