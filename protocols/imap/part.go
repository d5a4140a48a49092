package imap

import (
	"bytes"
	"context"
	"io"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/mime"
)

// PartOptions says how a Part is read.
type PartOptions struct {
	// Window is how many octets are asked for at once, and held. Default 64 KiB.
	Window int
	// Encoding is the part's transfer encoding as its body structure names it:
	// base64 and quoted-printable are decoded, anything else stays as it is.
	Encoding string
	// Progress is told, after every window, how many octets have come, as they
	// are encoded.
	Progress func(octets int64)
}

// Part is a section that is fetched window by window, as it is read. Other
// commands go on between the windows, so that a long one on a slow link keeps
// nobody waiting; it may be given up at any time, and then costs the rest of a
// window at most.
type Part struct {
	s       *Session
	set     imap.UIDSet
	section imap.FetchItemBodySection
	o       PartOptions
	decode  mime.Transfer

	offset  int64
	window  []byte // of it that is decoded, what has not been read
	rest    []byte // what could not be decoded yet
	err     error
	started bool
}

// Part prepares to read a section of one message; section.Partial must not be
// set. The first octets are asked for by the first Read: ENODATA means that
// the message has no such section, ENOTFOUND that there is no such message. A
// Part is for one goroutine at a time.
func (s *Session) Part(uid imap.UID, section *imap.FetchItemBodySection, o PartOptions) (*Part, error) {
	if err := checkSection(section); err != nil {
		return nil, err
	}
	if section.Partial != nil || uid == 0 || o.Window < 0 {
		return nil, invalid("The part is not valid.")
	}
	if o.Window == 0 {
		o.Window = 64 << 10
	}
	p := &Part{s: s, set: imap.UIDSetNum(uid), section: *section, o: o, decode: mime.TransferOf(o.Encoding)}
	return p, nil
}

// Read is ReadContext without a bound of time but Options.Timeout.
func (p *Part) Read(b []byte) (int, error) { return p.ReadContext(context.Background(), b) }

// ReadContext reads the next octets, decoded. If ctx ends while a window is on
// its way, so does the session.
func (p *Part) ReadContext(ctx context.Context, b []byte) (int, error) {
	for len(p.window) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		if len(b) == 0 {
			return 0, nil
		}
		p.err = p.fetch(ctx)
	}
	n := copy(b, p.window)
	p.window = p.window[n:]
	return n, nil
}

// fetch fetches a window. io.EOF says that it was the last one.
func (p *Part) fetch(ctx context.Context) error {
	section := p.section
	section.Partial = &imap.SectionPartial{Offset: p.offset, Size: int64(p.o.Window)}
	options := &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{&section}}
	var window []byte
	found := false
	err := p.s.Fetch(ctx, p.set, options, 0, func(m *Message) error {
		found = true
		for _, s := range m.Sections {
			window = s.Bytes
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case !found && p.started:
		return newError(coded.ENOTFOUND, "The message is gone.", nil)
	case !found:
		return errNoMessage
	case window == nil && !p.started:
		return errNoSection
	case len(window) > p.o.Window:
		return tooMuch("more than was asked for")
	}
	p.started = true
	p.offset += int64(len(window))
	last := len(window) < p.o.Window
	if len(p.rest) > 0 {
		window = append(p.rest, window...)
	}
	p.window, p.rest = p.decode(window[:0], window, last)
	p.rest = bytes.Clone(p.rest)
	if p.o.Progress != nil {
		p.o.Progress(p.offset)
	}
	if last {
		return io.EOF
	}
	return nil
}
