package imap

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
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
	decode  decoder

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
	p := &Part{s: s, set: imap.UIDSetNum(uid), section: *section, o: o}
	switch {
	case strings.EqualFold(o.Encoding, "base64"):
		p.decode = decodeBase64
	case strings.EqualFold(o.Encoding, "quoted-printable"):
		p.decode = decodeQuotedPrintable
	default:
		p.decode = func(_, in []byte, _ bool) ([]byte, []byte) { return in, nil }
	}
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

// decoder decodes in, where out begins as well: what is decoded is never
// longer. rest is what needs more to follow; there is none if it is the last.
type decoder func(out, in []byte, last bool) (decoded, rest []byte)

// decodeBase64 skips what is not in the alphabet, as RFC 2045 wants it, and
// goes on behind padding, which some put between pieces.
func decodeBase64(out, in []byte, last bool) (decoded, rest []byte) {
	var bits uint32
	held := 0  // digits in bits
	start := 0 // where the first of them is
	for i, c := range in {
		var digit byte
		switch {
		case 'A' <= c && c <= 'Z':
			digit = c - 'A'
		case 'a' <= c && c <= 'z':
			digit = c - 'a' + 26
		case '0' <= c && c <= '9':
			digit = c - '0' + 52
		case c == '+':
			digit = 62
		case c == '/':
			digit = 63
		case c == '=' && held > 0:
			out = flush64(out, bits, held)
			held = 0
			continue
		default:
			continue
		}
		if held == 0 {
			start = i
		}
		bits = bits<<6 | uint32(digit)
		if held++; held == 4 {
			out = append(out, byte(bits>>16), byte(bits>>8), byte(bits))
			held = 0
		}
	}
	switch {
	case held == 0:
		return out, nil
	case last:
		return flush64(out, bits, held), nil
	}
	return out, in[start:]
}

// flush64 writes the octets of a group that is not full.
func flush64(out []byte, bits uint32, digits int) []byte {
	switch digits {
	case 2:
		out = append(out, byte(bits>>4))
	case 3:
		out = append(out, byte(bits>>10), byte(bits>>2))
	}
	return out
}

// decodeQuotedPrintable leaves what is not properly encoded as it is, and drops
// white space at the end of lines (RFC 2045, section 6.7).
func decodeQuotedPrintable(out, in []byte, last bool) (decoded, rest []byte) {
	for len(in) > 0 {
		end := bytes.IndexByte(in, '\n')
		if end < 0 && !last && len(in) < maxQuotedLine {
			return out, in
		}
		line := in
		if end >= 0 {
			line = in[:end+1]
		}
		in = in[len(line):]
		text := bytes.TrimRight(line, " \t\r\n")
		ending := ""
		switch {
		case bytes.HasSuffix(line, []byte("\r\n")):
			ending = "\r\n"
		case bytes.HasSuffix(line, []byte("\n")):
			ending = "\n"
		case len(in) > 0 || !last:
			text = line // cut off where it was too long
		}
		if soft := len(text) > 0 && text[len(text)-1] == '='; soft {
			text, ending = text[:len(text)-1], ""
		}
		for i := 0; i < len(text); i++ {
			if text[i] == '=' && i+2 < len(text) {
				high, ok := hexDigit(text[i+1])
				low, ok2 := hexDigit(text[i+2])
				if ok && ok2 {
					out = append(out, high<<4|low)
					i += 2
					continue
				}
			}
			out = append(out, text[i])
		}
		out = append(out, ending...)
	}
	return out, nil
}

// maxQuotedLine is how long a line may get before it is no longer waited for
// its end; RFC 2045 allows 76.
const maxQuotedLine = 8 << 10
