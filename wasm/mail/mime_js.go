package main

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"

	goimap "github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/mime"
	"kaiwire/wasm/call"
)

// mailAddresses writes addresses; a group has the empty address and its
// members.
//
//go:noinline
func mailAddresses(r *call.Record, list []mime.Address) {
	r.Array(func() {
		for _, a := range list {
			r.Object(func() {
				r.Key("name").String(a.Name)
				r.Key("address").String(a.Address)
				if a.Group != nil {
					r.Key("group")
					mailAddresses(r, a.Group)
				}
			})
		}
	})
}

//go:noinline
func attachment(r *call.Record, p *mime.Part) {
	r.Object(func() {
		r.Key("part").String(p.Path)
		r.Key("type").String(p.Type)
		r.Key("parameters")
		parameters(r, p.Params)
		for _, row := range []struct{ name, value string }{{"filename", p.Filename}, {"disposition", p.Disposition}, {"contentId", p.ContentID}} {
			if row.value != "" {
				r.Key(row.name).String(row.value)
			}
		}
		r.Key("size").Int(p.Size)
	})
}

//go:noinline
func opened(r *call.Record, m *mime.Message) {
	r.Object(func() {
		r.Key("subject").String(m.Subject)
		for _, row := range []struct {
			name string
			list []mime.Address
		}{{"from", m.From}, {"sender", m.Sender}, {"replyTo", m.ReplyTo}, {"to", m.To}, {"cc", m.Cc}, {"bcc", m.Bcc}} {
			r.Key(row.name)
			mailAddresses(r, row.list)
		}
		if !m.Date.IsZero() {
			r.Key("date").Time(m.Date)
		}
		r.Key("messageId").String(m.MessageID)
		r.Key("inReplyTo").Strings(m.InReplyTo)
		r.Key("references").Strings(m.References)
		r.Key("text").String(m.Text)
		r.Key("html").String(m.HTML)
		r.Key("headers").Array(func() {
			for _, field := range m.Header {
				r.Object(func() {
					r.Key("name").String(field.Name)
					r.Key("value").String((&mime.Decoder{Charset: call.Decode}).Words([]byte(field.Value)))
				})
			}
		})
		r.Key("attachments").Array(func() {
			for _, p := range m.Attachments {
				attachment(r, p)
			}
		})
		r.Key("warnings").Array(func() {
			for _, w := range m.Warnings {
				r.String(string(w))
			}
		})
	})
}

// maxText bounds the option maxText.
const maxText = 16 << 20

func textLimit(a *call.Args) mime.Limits { return mime.Limits{Text: int(a.Int("maxText", 1, maxText))} }

func openMessage(ctx context.Context, c *call.Call, s *session) error {
	uid, limits := c.Args.Int("uid", 1, maxNumber), textLimit(c.Args)
	if err := c.Args.Err(); err != nil {
		return err
	}
	m, err := s.OpenMessage(ctx, goimap.UID(uid), limits)
	if err == nil {
		opened(&c.Out, m)
	}
	return err
}

// parsing is a message that the app is writing to a parser. What comes of
// attachments meanwhile goes back with the answer.
type parsing struct {
	mu     sync.Mutex // the app may write again before the answer
	parser *mime.Parser
	begun  []*mime.Part
	pieces []piece
	blob   []byte
	count  int
}

// piece is content of the attachment with that number.
type piece struct{ attachment, length int }

type sink struct {
	p      *parsing
	number int
}

func (s sink) Write(b []byte) (int, error) {
	p := s.p
	if n := len(p.pieces); n > 0 && p.pieces[n-1].attachment == s.number {
		p.pieces[n-1].length += len(b)
	} else {
		p.pieces = append(p.pieces, piece{s.number, len(b)})
	}
	p.blob = append(p.blob, b...)
	return len(b), nil
}

func parse(ctx context.Context, c *call.Call) error {
	limits := textLimit(c.Args)
	if err := c.Args.Err(); err != nil {
		return err
	}
	p := &parsing{}
	p.parser = mime.NewParser(mime.Options{Charset: call.Decode, Limits: limits, Attachment: func(part *mime.Part) io.Writer {
		p.begun = append(p.begun, part)
		p.count++
		return sink{p, p.count - 1}
	}})
	h := call.NewHandle("mime.parser")
	h.Open(p, func() {})
	c.Out.Object(func() { c.Out.Key("handle").Int(int64(h.ID)) })
	return nil
}

// came writes what has come of attachments since the last answer.
func came(c *call.Call, p *parsing) {
	c.Out.Key("begun").Array(func() {
		for _, part := range p.begun {
			attachment(&c.Out, part)
		}
	})
	c.Out.Key("pieces").Array(func() {
		for _, one := range p.pieces {
			c.Out.Array(func() {
				c.Out.Int(int64(one.attachment))
				c.Out.Int(int64(one.length))
			})
		}
	})
	c.Blob = p.blob
	p.begun, p.pieces, p.blob = nil, nil, nil
}

func write(ctx context.Context, c *call.Call) error {
	p := c.Target.(*parsing)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.parser.Write(c.Bytes); err != nil {
		return err
	}
	c.Out.Object(func() { came(c, p) })
	return nil
}

func end(ctx context.Context, c *call.Call) error {
	p := c.Target.(*parsing)
	p.mu.Lock()
	defer p.mu.Unlock()
	m, err := p.parser.End()
	if err != nil {
		return err
	}
	c.Out.Object(func() {
		came(c, p)
		c.Out.Key("message")
		opened(&c.Out, m)
	})
	c.Handle().Close()
	return nil
}

// composing is a message that the app is reading. Contents of attachments are
// the app's, which is asked for more where one of them is at its end.
type composing struct {
	mu     sync.Mutex
	out    *mime.Composed
	wanted int // the attachment that is at its end
}

// content is that of an attachment, as far as the app has brought it.
type content struct {
	of     *composing
	number int
	rest   []byte
	size   int64 // -1 where the app does not know
	got    int64
	ended  bool
}

var errMore = errors.New("more of an attachment is needed")

func (s *content) Read(b []byte) (int, error) {
	switch {
	case len(s.rest) > 0:
		n := copy(b, s.rest)
		s.rest = s.rest[n:]
		s.got += int64(n)
		return n, nil
	case !s.ended:
		s.of.wanted = s.number
		return 0, errMore
	case s.size >= 0 && s.got != s.size:
		return 0, coded.New(coded.EINVAL, "mime", "An attachment has "+strconv.FormatInt(s.got, 10)+" octets in place of "+strconv.FormatInt(s.size, 10)+".", nil)
	}
	return 0, io.EOF
}

// addressList reads addresses, each as a text, which may have several, or as a
// name and an address.
func addressList(a *call.Args, name string) (list []mime.Address) {
	for _, one := range a.Objects(name) {
		if text := one.String("text"); text != "" {
			list = append(list, new(mime.Decoder).Addresses(text)...)
		} else {
			list = append(list, mime.Address{Name: one.String("name"), Address: one.Required("address")})
		}
		a.Adopt(one)
	}
	return list
}

func single(a *call.Args, name string) (address mime.Address) {
	list := addressList(a, name)
	switch {
	case len(list) == 1:
		address = list[0]
	case len(list) > 1:
		a.Invalid(name, "must be one address")
	}
	return address
}

const maxSize = 1 << 40 // of a message or an attachment, so that sums are numbers in JavaScript

func compose(ctx context.Context, c *call.Call) error {
	a := c.Args
	d := &mime.Draft{
		From: single(a, "from"), Sender: single(a, "sender"), ReplyTo: addressList(a, "replyTo"),
		To: addressList(a, "to"), Cc: addressList(a, "cc"), Bcc: addressList(a, "bcc"),
		Subject: a.String("subject"), Date: a.Time("date"), MessageID: a.String("messageId"),
		InReplyTo: a.String("inReplyTo"), References: a.Strings("references"),
		Text: a.String("text"), HTML: a.String("html"), Priority: a.String("priority"),
	}
	for _, field := range a.Objects("headers") {
		d.Headers = append(d.Headers, mime.Field{Name: field.Required("name"), Value: field.String("value")})
		a.Adopt(field)
	}
	made := &composing{}
	var contents []*content
	for i, one := range a.Objects("attachments") {
		source := &content{of: made, number: i, size: -1}
		if one.Has("size") {
			source.size = one.Int("size", 0, maxSize)
		}
		contents = append(contents, source)
		d.Attachments = append(d.Attachments, mime.Attachment{
			Filename: one.String("filename"), ContentType: one.String("contentType"), ContentID: one.String("cid"),
			Disposition: one.String("contentDisposition"), Content: source, Size: source.size,
		})
		a.Adopt(one)
	}
	if err := a.Err(); err != nil {
		return err
	}
	out, err := mime.Compose(d)
	if err != nil {
		return err
	}
	made.out = out
	h := call.NewHandle("mime.composed")
	h.Open(&composed{made, contents}, func() {})
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		c.Out.Key("messageId").String(out.ID)
		c.Out.Key("size")
		if out.Size < 0 {
			c.Out.Null()
		} else {
			c.Out.Int(out.Size)
		}
		c.Out.Key("envelope").Object(func() {
			c.Out.Key("from").String(out.From)
			c.Out.Key("to").Strings(out.To)
		})
		c.Out.Key("utf8").Bool(out.UTF8)
		c.Out.Key("eightBit").Bool(out.EightBit)
	})
	return nil
}

// composed is what the app's handle stands for.
type composed struct {
	*composing
	contents []*content
}

// readComposed takes more of the attachment that was asked for, if the app has
// brought it, and answers with more of the message, or with what it needs.
func readComposed(ctx context.Context, c *call.Call) error {
	m := c.Target.(*composed)
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.Args.Has("attachment") {
		number := c.Args.Int("attachment", 0, int64(len(m.contents))-1)
		last := c.Args.Bool("last")
		if err := c.Args.Err(); err != nil {
			return err
		}
		source := m.contents[number]
		source.rest, source.ended = append(source.rest, c.Bytes...), last
	}
	out := make([]byte, defaultWindow)
	n, err := 0, error(nil)
	for n < len(out) && err == nil {
		var read int
		read, err = m.out.Read(out[n:])
		n += read
	}
	if err != nil && err != io.EOF && err != errMore {
		c.Handle().Ended(err)
		return err
	}
	c.Blob = out[:n]
	c.Out.Object(func() {
		c.Out.Key("end").Bool(n == 0 && err == io.EOF)
		if n == 0 && err == errMore {
			c.Out.Key("attachment").Int(int64(m.wanted))
		}
	})
	if n == 0 && err == io.EOF {
		c.Handle().Close()
	}
	return nil
}
