package main

import (
	"bytes"
	"context"
	"io"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/imap"
	"kaiwire/wasm/call"
)

// fetchBatch is how much of the messages crosses to JavaScript at once.
const fetchBatch = 64 << 10

func fetch(ctx context.Context, c *call.Call, s *session) error {
	set, q := messageSet(c.Args), parseFetch(c.Args, !s.Has("OBJECTID") && s.Has("X-GM-EXT-1"))
	if err := c.Args.Err(); err != nil {
		return err
	}
	// Each part is an array, kept open until it is large enough.
	var part call.Record
	flush := func() {
		if part.Len() == 0 {
			return
		}
		c.Out.Raw('[', part.Bytes(), ']')
		part.Reset()
		c.Part()
	}
	err := s.Fetch(ctx, set, &q.options, 0, func(m *imap.Message) error {
		c.Blob = message(&part, m, q, c.Blob)
		if part.Len()+len(c.Blob) > fetchBatch {
			flush()
		}
		return nil
	}, q.items...)
	if err != nil {
		return err
	}
	flush()
	return nil
}

// Windows of a download, in bytes: what is asked for, and crosses, at once.
const (
	defaultWindow = 64 << 10
	minWindow     = 1 << 10
	maxWindow     = 4 << 20
)

// downloading is a section or a message on its way, as its handle has it.
type downloading struct {
	part interface {
		ReadContext(ctx context.Context, p []byte) (int, error)
	}
	window   int
	received int64         // octets of it that have come
	turn     chan struct{} // holds a value while it is read: a Part is for one at a time
	closed   chan struct{}
}

func newDownloading(window int) *downloading {
	return &downloading{window: window, turn: make(chan struct{}, 1), closed: make(chan struct{})}
}

func windowOf(a *call.Args) int {
	if window := int(a.Int("window", minWindow, maxWindow)); window > 0 {
		return window
	}
	return defaultWindow
}

// chunk is the outcome of reading a window.
type chunk struct {
	bytes    []byte
	received int64
	err      error
}

func download(ctx context.Context, c *call.Call, s *session) error {
	a := c.Args
	number := a.Int("message", 1, maxNumber)
	if !a.Has("message") {
		a.Invalid("message", "is missing")
	}
	name := a.String("part")
	spec, ok := section(name)
	if !ok || spec.Partial != nil {
		a.Invalid("part", "is not the name of a body section")
	}
	window := windowOf(a)
	var set goimap.NumSet = goimap.SeqSetNum(uint32(number))
	if a.Bool("uid") {
		set = goimap.UIDSetNum(goimap.UID(number))
	}
	if err := a.Err(); err != nil {
		return err
	}
	var m *imap.Message
	what := &goimap.FetchOptions{RFC822Size: true, BodyStructure: &goimap.FetchItemBodyStructure{Extended: true}}
	if err := s.Fetch(ctx, set, what, 0, func(got *imap.Message) error { m = got; return nil }); err != nil {
		return err
	}
	if m == nil {
		return coded.New(coded.ENOTFOUND, "imap", "There is no such message.", nil)
	}
	leaf, found := leafOf(m.BodyStructure, spec)
	if !found {
		return coded.New(coded.ENODATA, "imap", "The message has no such part.", nil)
	}
	d := newDownloading(window)
	o := imap.PartOptions{Window: window, Progress: func(n int64) { d.received = n }}
	if leaf != nil {
		o.Encoding = leaf.Encoding
	}
	part, err := s.Part(m.UID, spec, o)
	if err != nil {
		return err
	}
	d.part = part
	h := call.NewHandle("imap.download")
	h.Open(d, func() { close(d.closed) })
	c.Out.Object(func() {
		c.Out.Key("handle").Int(int64(h.ID))
		switch {
		case leaf != nil:
			c.Out.Key("size").Int(int64(leaf.Size))
			c.Out.Key("type").String(leaf.MediaType())
			c.Out.Key("parameters")
			parameters(&c.Out, leaf.Params)
			if name := leaf.Filename(); name != "" {
				c.Out.Key("filename").String(name)
			}
			disposition(&c.Out, leaf.Disposition())
		case name == "":
			c.Out.Key("size").Int(m.Size)
		}
	})
	return nil
}
func read(ctx context.Context, c *call.Call) error {
	d := c.Target.(*downloading)
	select {
	case d.turn <- struct{}{}:
	case <-d.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	// A window that is on its way when the download is closed has to come to its
	// end, for the session's sake; the call doesn't wait for that.
	deadline, _ := ctx.Deadline()
	reading, stop := context.WithDeadline(context.Background(), deadline)
	come := make(chan chunk, 1)
	go func() {
		defer stop()
		come <- d.read(reading)
		<-d.turn
	}()
	var got chunk
	select {
	case got = <-come:
	case <-d.closed:
		return errClosed
	case <-ctx.Done():
		// Of its own time the reading knows by itself, and says so.
		if ctx.Err() == context.Canceled {
			stop()
		}
		got = <-come
	}
	if got.err != nil && got.err != io.EOF {
		c.Handle().Ended(got.err)
		return got.err
	}
	c.Blob = got.bytes
	end := len(got.bytes) == 0
	c.Out.Object(func() {
		c.Out.Key("end").Bool(end)
		c.Out.Key("received").Int(got.received)
	})
	if end {
		c.Handle().Close()
	}
	return nil
}

var errClosed = coded.New(coded.ECLOSED, "", "", nil)

func (d *downloading) read(ctx context.Context) (c chunk) {
	c.bytes = make([]byte, d.window)
	var n int
	n, c.err = d.part.ReadContext(ctx, c.bytes)
	c.bytes, c.received = c.bytes[:n], d.received
	return c
}

// found writes what a search has found: with returnOptions as an object, else
// the numbers alone.
func found(c *call.Call, d *imap.SearchData, o imap.SearchOptions) {
	if !c.Args.Has("returnOptions") {
		numbers(&c.Out, d.Numbers)
		return
	}
	c.Out.Object(func() {
		if o.Min && d.Min != 0 {
			c.Out.Key("min").Int(int64(d.Min))
		}
		if o.Max && d.Max != 0 {
			c.Out.Key("max").Int(int64(d.Max))
		}
		if o.Count {
			c.Out.Key("count").Int(int64(d.Count))
		}
		switch {
		case o.From != 0:
			numbers(c.Out.Key("partial"), d.Numbers)
		case o.All:
			numbers(c.Out.Key("all"), d.Numbers)
		}
		if d.ModSeq != 0 {
			modSeqTo(c.Out.Key("modseq"), d.ModSeq)
		}
	})
}

func search(ctx context.Context, c *call.Call, s *session) error {
	criteria, keys := parseSearch(c.Args)
	o, byUID := searchOptions(c.Args), c.Args.Bool("uid")
	if err := c.Args.Err(); err != nil {
		return err
	}
	d, err := s.SearchData(ctx, criteria, byUID, o, keys...)
	if err == nil {
		found(c, d, o)
	}
	return err
}

func sortMessages(ctx context.Context, c *call.Call, s *session) error {
	a := c.Args
	var by []imap.SortCriterion
	for _, word := range a.Strings("by") {
		key, reverse := strings.CutPrefix(word, "-")
		by = append(by, imap.SortCriterion{Key: imap.SortKey(strings.ToUpper(key)), Reverse: reverse})
	}
	criteria, keys := parseSearch(a)
	o, byUID := searchOptions(a), a.Bool("uid")
	if err := a.Err(); err != nil {
		return err
	}
	d, err := s.Sort(ctx, by, criteria, byUID, o, keys...)
	if err == nil {
		found(c, d, o)
	}
	return err
}

func thread(ctx context.Context, c *call.Call, s *session) error {
	algorithm := goimap.ThreadAlgorithm(strings.ToUpper(c.Args.Required("algorithm")))
	criteria, keys := parseSearch(c.Args)
	byUID := c.Args.Bool("uid")
	if err := c.Args.Err(); err != nil {
		return err
	}
	all, err := s.Threads(ctx, algorithm, criteria, byUID, keys...)
	if err == nil {
		threads(&c.Out, all)
	}
	return err
}

// storeAction reads what to do with flags or labels.
func storeAction(a *call.Args) (op goimap.StoreFlagsOp) {
	switch a.Required("action") {
	case "add":
		op = goimap.StoreFlagsAdd
	case "remove":
		op = goimap.StoreFlagsDel
	case "set":
		op = goimap.StoreFlagsSet
	default:
		a.Invalid("action", `must be "add", "remove" or "set"`)
	}
	return op
}

func store(ctx context.Context, c *call.Call, s *session) error {
	a := c.Args
	set, op, list := messageSet(a), storeAction(a), flags(a.Strings("flags"))
	since := modSeq(a, "unchangedSince")
	if err := a.Err(); err != nil {
		return err
	}
	failed, err := s.StoreUnchanged(ctx, set, op, list, since)
	if err != nil && failed == nil {
		return err
	}
	// A server may call it a refusal if it has changed none of them.
	c.Out.Object(func() {
		if failed != nil {
			c.Out.Key("modified").String(failed.String())
		}
	})
	return nil
}

func storeLabels(ctx context.Context, c *call.Call, s *session) error {
	a := c.Args
	set, op, labels := messageSet(a), storeAction(a), a.Strings("labels")
	if err := a.Err(); err != nil {
		return err
	}
	return s.StoreLabels(ctx, set, op, labels)
}

// newMessage reads what is said of a message, whose text is content.
func newMessage(a *call.Args, content []byte) imap.AppendMessage {
	if len(content) == 0 {
		a.Invalid("message", "is missing or empty")
	}
	return imap.AppendMessage{
		Message: bytes.NewReader(content), Size: int64(len(content)),
		Flags: flags(a.Strings("flags")), Time: a.Time("internalDate"), Binary: a.Bool("binary"),
	}
}

//go:noinline
func appended(c *call.Call, d *goimap.AppendData) {
	c.Out.Object(func() {
		if d.UID != 0 {
			c.Out.Key("uid").Int(int64(d.UID))
			c.Out.Key("uidValidity").Int(int64(d.UIDValidity))
		}
	})
}

func appendMessage(ctx context.Context, c *call.Call, s *session) error {
	m := newMessage(c.Args, c.Bytes)
	return about(ctx, c, func(ctx context.Context, name string) error {
		d, err := s.AppendMessage(ctx, name, m)
		if err == nil {
			appended(c, d)
		}
		return err
	})
}

// appendAll takes the messages one behind the other; their sizes are among what
// is said of them.
func appendAll(ctx context.Context, c *call.Call, s *session) error {
	var all []imap.AppendMessage
	rest := c.Bytes
	for _, m := range c.Args.Objects("messages") {
		size := m.Int("size", 0, int64(len(rest)))
		all = append(all, newMessage(m, rest[:size]))
		rest = rest[size:]
		c.Args.Adopt(m)
	}
	return about(ctx, c, func(ctx context.Context, name string) error {
		list, err := s.AppendAll(ctx, name, all)
		if err != nil {
			return err
		}
		c.Out.Array(func() {
			for i := range list {
				appended(c, &list[i])
			}
		})
		return nil
	})
}

func replace(ctx context.Context, c *call.Call, s *session) error {
	set, m := messageSet(c.Args), newMessage(c.Args, c.Bytes)
	return about(ctx, c, func(ctx context.Context, name string) error {
		d, err := s.Replace(ctx, set, name, m)
		if err == nil {
			appended(c, d)
		}
		return err
	})
}

// transfer makes a method out of the session's copy or move.
func transfer(ctx context.Context, c *call.Call, f func(context.Context, goimap.NumSet, string) (*imap.MoveData, error)) error {
	set := messageSet(c.Args)
	return about(ctx, c, func(ctx context.Context, name string) error {
		d, err := f(ctx, set, name)
		if err != nil {
			return err
		}
		c.Out.Object(func() {
			if d.UIDValidity != 0 {
				c.Out.Key("uidValidity").Int(int64(d.UIDValidity))
				c.Out.Key("sourceUids").String(d.SourceUIDs.String())
				c.Out.Key("destUids").String(d.DestUIDs.String())
			}
		})
		return nil
	})
}

func copyMessages(ctx context.Context, c *call.Call, s *session) error {
	return transfer(ctx, c, s.Copy)
}

func move(ctx context.Context, c *call.Call, s *session) error { return transfer(ctx, c, s.Move) }

func expunge(ctx context.Context, c *call.Call, s *session) error {
	text := c.Args.String("uids")
	if text == "" {
		return s.Expunge(ctx)
	}
	set, ok := uidSet(text)
	if !ok {
		c.Args.Invalid("uids", "is not a message set")
	}
	if err := c.Args.Err(); err != nil {
		return err
	}
	return s.ExpungeUIDs(ctx, set)
}
