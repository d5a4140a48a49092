package mime

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"time"

	"kaiwire/protocols/imap/wire"
)

// Message is a message that has been read.
type Message struct {
	Header      Header
	Subject     string
	From        []Address
	Sender      []Address
	ReplyTo     []Address
	To          []Address
	Cc          []Address
	Bcc         []Address
	Date        time.Time // zero where there is none that makes sense
	MessageID   string    // without angle brackets, as all identifiers
	InReplyTo   []string
	References  []string
	Text        string // lines end with "\n"
	HTML        string // as it came: not to be trusted
	Attachments []*Part
	Root        *Part
	Warnings    []Warning // each once
}

// SetHeader fills in what the header says.
func (m *Message) SetHeader(d *Decoder, h Header) {
	m.Header = h
	m.Subject = d.Words([]byte(h.Get("Subject")))
	for _, row := range []struct {
		list *[]Address
		name string
	}{{&m.From, "From"}, {&m.Sender, "Sender"}, {&m.ReplyTo, "Reply-To"}, {&m.To, "To"}, {&m.Cc, "Cc"}, {&m.Bcc, "Bcc"}} {
		*row.list = nil
		for i := range h {
			if strings.EqualFold(h[i].Name, row.name) {
				*row.list = append(*row.list, d.Addresses(h[i].Value)...)
			}
		}
	}
	m.Date, _ = new(wire.Reader).HeaderDate([]byte(h.Get("Date")))
	if ids := MessageIDs(h.Get("Message-ID")); len(ids) > 0 {
		m.MessageID = ids[0]
	}
	m.InReplyTo, m.References = MessageIDs(h.Get("In-Reply-To")), MessageIDs(h.Get("References"))
}

// Warn notes that something was wrong.
//
//go:noinline
func (m *Message) Warn(w Warning) {
	if !slices.Contains(m.Warnings, w) {
		m.Warnings = append(m.Warnings, w)
	}
}

// Options says how a message is read.
type Options struct {
	Charset Charset
	Limits  Limits
	// Attachment is asked, at the beginning of each attachment, where its
	// content is to go, decoded, as it comes; nil is nowhere. An error of a
	// Writer ends the reading.
	Attachment func(p *Part) io.Writer
}

// Parse reads a message. It fails with errors of r and of what Attachment has
// returned only: whatever r has is taken for a message.
func Parse(r io.Reader, o Options) (*Message, error) {
	p := NewParser(o)
	if _, err := io.Copy(onlyWriter{p}, r); err != nil {
		return nil, err
	}
	return p.End()
}

type onlyWriter struct{ io.Writer }

// Parser reads a message that is written to it piece by piece, and holds no
// more of it than its texts and headers.
type Parser struct {
	o       Options
	d       Decoder
	message *Message
	err     error

	line   []byte // has begun, and not ended
	cut    bool   // line goes on behind what was too long to be held
	fields []byte // of a header, whose part is the last of open or leaf
	state  state
	open   []*multipart
	part   *Part // that is being read, if it is no multipart, and while its header is
	count  int
	leaves int

	decode  Transfer
	encoded []byte // content of part that waits
	eol     []byte // before what comes next: the end of a line that may belong to a boundary
	text    []byte // content of a body
	body    bool
	to      io.Writer
}

type state int

const (
	inHeader state = iota
	inContent
	between // boundaries: before the first and behind the last
)

// multipart is one whose end has not come.
type multipart struct {
	part     *Part
	boundary []byte // with the two hyphens before it
	ended    bool
}

// maxLine is how much of a line is held; no boundary is that long.
const maxLine = 8 << 10

// NewParser begins to read a message.
func NewParser(o Options) *Parser {
	o.Limits = o.Limits.withDefaults()
	p := &Parser{o: o, d: Decoder{Charset: o.Charset}, message: &Message{Root: &Part{}}}
	p.part, p.count = p.message.Root, 1
	return p
}

// Write takes more of the message.
func (p *Parser) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 && p.err == nil {
		end := bytes.IndexByte(b, '\n') + 1
		room := maxLine - len(p.line)
		switch {
		case end > 0 && end <= room && len(p.line) == 0:
			p.take(b[:end], true)
		case end > 0 && end <= room:
			p.line = append(p.line, b[:end]...)
			p.take(p.line, true)
			p.line = p.line[:0]
		case len(b) < room:
			p.line = append(p.line, b...)
			end = len(b)
		default:
			p.line = append(p.line, b[:room]...)
			end = room
			// An end of line must not be torn.
			keep := 0
			if p.line[len(p.line)-1] == '\r' {
				keep = 1
			}
			p.take(p.line[:len(p.line)-keep], false)
			p.line = append(p.line[:0], p.line[len(p.line)-keep:]...)
		}
		b = b[end:]
	}
	if p.err != nil {
		return 0, p.err
	}
	return n, nil
}

// End says that there is no more, and is what has been read.
func (p *Parser) End() (*Message, error) {
	if len(p.line) > 0 && p.err == nil {
		p.take(p.line, false)
	}
	if p.state == inHeader && p.err == nil {
		p.begin()
	}
	p.endPart()
	for _, m := range p.open {
		if !m.ended {
			p.message.Warn(WarnTruncated)
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	m := p.message
	_, m.Attachments = m.Root.Leaves()
	m.Text, m.HTML = m.Root.Texts()
	return m, nil
}

// take takes a line, or, if it is not whole, a piece of one.
func (p *Parser) take(line []byte, whole bool) {
	start := !p.cut
	p.cut = !whole
	if start && len(line) > 2 && line[0] == '-' && line[1] == '-' && p.boundary(line) {
		return
	}
	switch p.state {
	case inHeader:
		p.header(line, start)
	case inContent:
		p.content(line)
	}
}

func (p *Parser) header(line []byte, start bool) {
	text := bytes.TrimRight(line, "\r\n")
	switch {
	case !start:
	case len(text) == 0 && (len(p.fields) > 0 || p.part.Path != "" || p.count > 1):
		p.begin()
		return
	case len(text) == 0:
		return // before the first field of the message
	case len(p.fields) == 0 && (bytes.HasPrefix(text, []byte("From ")) || bytes.HasPrefix(text, []byte(">From "))):
		return // a mailbox file's
	case !isField(text):
		// The empty line has been forgotten.
		p.message.Warn(WarnHeader)
		p.begin()
		if !p.boundary(line) && p.state == inContent {
			p.content(line)
		}
		return
	}
	if len(p.fields)+len(line) > p.o.Limits.Header {
		p.message.Warn(WarnHeader)
		return
	}
	p.fields = append(p.fields, line...)
}

// begin takes the header that has come, and begins with the content.
func (p *Parser) begin() {
	part := p.part
	part.Header = ParseHeader(p.fields)
	p.fields = p.fields[:0]
	if part == p.message.Root {
		p.message.SetHeader(&p.d, part.Header)
	}
	contentType := part.Header.Get("Content-Type")
	if contentType == "" && len(p.open) > 0 && p.open[len(p.open)-1].part.Type == "multipart/digest" {
		contentType = "message/rfc822" // RFC 2046, section 5.1.5
	}
	part.setType(&p.d, contentType, part.Header.Get("Content-Disposition"))
	part.Encoding = strings.ToLower(strings.Trim(part.Header.Get("Content-Transfer-Encoding"), " \t"))
	part.ContentID = strings.Trim(part.Header.Get("Content-ID"), "<> \t")
	if part.isMultipart() {
		boundary := strings.TrimRight(part.Params["boundary"], " \t")
		switch {
		case boundary == "":
			p.message.Warn(WarnBoundary)
			part.Type = "text/plain"
		case len(p.open) >= p.o.Limits.Depth:
			p.message.Warn(WarnDepth)
		default:
			part.Parts = []*Part{}
			p.open = append(p.open, &multipart{part: part, boundary: []byte("--" + boundary)})
			p.state = between
			return
		}
	}
	if part.Path == "" {
		part.Path = "1"
	}
	p.state = inContent
	p.decode = TransferOf(part.Encoding)
	if p.body = part.isBody(p.leaves == 0); !p.body && p.o.Attachment != nil {
		p.to = p.o.Attachment(part)
	}
	p.leaves++
}

// boundary says whether a line is one of the boundaries that may come, and goes
// on from there.
func (p *Parser) boundary(line []byte) bool {
	line = bytes.TrimRight(line, " \t\r\n")
	for i := len(p.open) - 1; i >= 0; i-- {
		m := p.open[i]
		rest, is := bytes.CutPrefix(line, m.boundary)
		if !is || m.ended || len(rest) > 0 && string(rest) != "--" {
			continue
		}
		if p.state == inHeader {
			p.begin()
		}
		p.endPart()
		for _, inner := range p.open[i+1:] {
			if !inner.ended {
				p.message.Warn(WarnTruncated)
			}
		}
		p.open = p.open[:i+1]
		if len(rest) > 0 {
			m.ended, p.state = true, between
			return true
		}
		if p.count >= p.o.Limits.Parts {
			p.message.Warn(WarnParts)
			p.state = between
			return true
		}
		p.count++
		p.part = &Part{Path: child(m.part.Path, len(m.part.Parts)+1)}
		m.part.Parts = append(m.part.Parts, p.part)
		p.state = inHeader
		return true
	}
	return false
}

// batch is how much content is decoded at once.
const batch = 16 << 10

// content takes a line of the part's content. How it ends is kept until it is
// known not to be the beginning of a boundary.
func (p *Parser) content(line []byte) {
	p.encoded = append(append(p.encoded, p.eol...), line...)
	text := bytes.TrimSuffix(line, []byte("\n"))
	if len(text) < len(line) {
		text = bytes.TrimSuffix(text, []byte("\r"))
	}
	p.eol = append(p.eol[:0], line[len(text):]...)
	p.encoded = p.encoded[:len(p.encoded)-len(p.eol)]
	if len(p.encoded) >= batch {
		p.flush(false)
	}
}

func (p *Parser) flush(last bool) {
	decoded, rest := p.decode(p.encoded[:0], p.encoded, last)
	p.part.Size += int64(len(decoded))
	switch {
	case p.body:
		if room := p.o.Limits.Text - len(p.text); len(decoded) > room {
			p.message.Warn(WarnText)
			decoded = decoded[:room]
		}
		p.text = append(p.text, decoded...)
	case p.to != nil && p.err == nil:
		_, p.err = p.to.Write(decoded)
	}
	p.encoded = append(p.encoded[:0], rest...)
}

// endPart ends the part that is being read.
func (p *Parser) endPart() {
	if p.state != inContent {
		return
	}
	if len(p.open) == 0 {
		p.encoded = append(p.encoded, p.eol...) // of the message itself: no boundary's
	}
	p.flush(true)
	if p.body && !p.part.SetText(&p.d, p.text) {
		p.message.Warn(WarnCharset)
	}
	p.text, p.encoded, p.eol = p.text[:0], p.encoded[:0], p.eol[:0]
	p.to, p.body, p.state = nil, false, between
}
