package lines

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// DotReader reads a text that a single dot ends (RFC 1939, section 3; RFC 5321,
// section 4.5.2): it takes away that line, and the dots that were put before
// others. Only what stands between two CRLF is a line to it.
type DotReader struct {
	r     *bufio.Reader
	state dotState
}

type dotState uint8

const (
	lineStart dotState = iota
	inLine
	afterCR
	afterDot   // at the start of a line
	afterDotCR // as well
	textEnd
)

// Read reads octets of the text; io.EOF is its end, and io.ErrUnexpectedEOF that
// of the connection.
func (d *DotReader) Read(p []byte) (n int, err error) {
	for n == 0 && len(p) > 0 {
		if d.state == textEnd {
			return 0, io.EOF
		}
		if _, err := d.r.Peek(1); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		come, _ := d.r.Peek(d.r.Buffered())
		var taken int
		n, taken = d.decode(p, come)
		d.r.Discard(taken)
	}
	return n, nil
}

// decode turns octets into the text's.
func (d *DotReader) decode(p, come []byte) (n, taken int) {
	for taken < len(come) && n < len(p) && d.state != textEnd {
		b := come[taken]
		switch d.state {
		case lineStart:
			if b == '.' {
				d.state = afterDot
				taken++
				continue
			}
		case afterDot:
			if b == '\r' {
				d.state = afterDotCR
				taken++
				continue
			}
		case afterDotCR:
			if b == '\n' {
				d.state = textEnd
				taken++
				continue
			}
			p[n] = '\r'
			n++
			d.state = afterCR
			continue
		case afterCR:
			if b == '\n' {
				p[n] = b
				n++
				taken++
				d.state = lineStart
				continue
			}
		case inLine:
			run := come[taken:min(len(come), taken+len(p)-n)]
			if end := bytes.IndexByte(run, '\r'); end >= 0 {
				run = run[:end]
			}
			n += copy(p[n:], run)
			if taken += len(run); len(run) > 0 {
				continue
			}
		}
		p[n] = b
		n++
		taken++
		d.state = inLine
		if b == '\r' {
			d.state = afterCR
		}
	}
	return n, taken
}

// Normalizer turns a text that comes in pieces into lines that end in CRLF: a
// CR or LF on its own becomes one, since the two ends of a connection may not
// agree on what else ends a line.
type Normalizer struct {
	// Dots has a line that begins with a dot get a second one (RFC 5321, section
	// 4.5.2).
	Dots bool

	started bool
	line    bool // within a line
	cr      bool // behind a CR, whose CRLF is written already
}

// Append appends the next piece to dst.
func (z *Normalizer) Append(dst, piece []byte) []byte {
	for len(piece) > 0 {
		b := piece[0]
		if b == '\r' || b == '\n' {
			if b == '\r' || !z.cr {
				dst = append(dst, '\r', '\n')
			}
			z.cr, z.line, z.started = b == '\r', false, true
			piece = piece[1:]
			continue
		}
		if z.Dots && !z.line && b == '.' {
			dst = append(dst, '.')
		}
		z.cr, z.line, z.started = false, true, true
		end := bytes.IndexByte(piece, '\n')
		if end < 0 {
			end = len(piece)
		}
		if cr := bytes.IndexByte(piece[:end], '\r'); cr >= 0 {
			end = cr
		}
		dst = append(dst, piece[:end]...)
		piece = piece[end:]
	}
	return dst
}

// End appends what the last line lacks.
func (z *Normalizer) End(dst []byte) []byte {
	if z.line || !z.started {
		return append(dst, '\r', '\n')
	}
	return dst
}

// Capabilities are what a server says that it has, each with its parameters:
// "SIZE 1000".
type Capabilities []string

// Lookup finds one by its name, whose case doesn't matter, and returns its
// parameters.
func (c Capabilities) Lookup(name string) (params string, ok bool) {
	for _, capability := range c {
		word, params, _ := strings.Cut(capability, " ")
		if strings.EqualFold(word, name) {
			return params, true
		}
	}
	return "", false
}
