package wire

import (
	"errors"
	"io"
	"strconv"
	"strings"
)

// ErrRefused is what Writer.Err says after the server has refused a command at
// one of its literals: nothing more of it is sent.
var ErrRefused = errors.New("imap: refused before its literal")

// Writer writes commands. Each ends with End. The first error sticks, until the
// next End.
type Writer struct {
	w   io.Writer
	buf []byte
	err error

	// NonSync says that the server takes short literals without being asked
	// first (LITERAL+ or LITERAL-, RFC 7888). Longer ones are announced even
	// where it has LITERAL+: what a server is going to refuse need not be sent.
	NonSync bool
	// UTF8 says that strings and names of mailboxes may be UTF-8 (RFC 6855,
	// RFC 9051).
	UTF8 bool
	// Expect is called before something is sent after which the server has to
	// ask for more, and Continue then waits until it does. Continue returns
	// ErrRefused where the server has ended the command instead.
	Expect   func()
	Continue func() error
	// Raw gives the form in which the name of a mailbox came, where that is not
	// the usual one; else "".
	Raw func(name string) string
}

// MaxNonSync is the longest literal that LITERAL- allows unannounced.
const MaxNonSync = 4096

// chunk is how much is sent at once.
const chunk = 16 << 10

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Reset goes on with another destination.
func (w *Writer) Reset(to io.Writer) { w.w = to }

// Err is the first error of the command at hand.
func (w *Writer) Err() error { return w.err }

func (w *Writer) flush() {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.w.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// End ends the line and sends what has not been sent yet.
func (w *Writer) End() error {
	w.Text("\r\n")
	w.flush()
	err := w.err
	w.err = nil
	if cap(w.buf) > chunk {
		w.buf = nil
	}
	return err
}

// Ask ends the line, sends it, and waits until the server asks for more.
func (w *Writer) Ask() *Writer {
	w.Text("\r\n")
	if w.err == nil {
		w.Expect()
	}
	w.flush()
	if w.err == nil {
		w.err = w.Continue()
	}
	return w
}

// Stop has nothing more of the command sent, not even its end.
func (w *Writer) Stop() { w.err = ErrRefused }

// Text writes s as it is. It is in every command: inlined it is some 30 KB of a
// module.
//
//go:noinline
func (w *Writer) Text(s string) *Writer {
	w.buf = append(w.buf, s...)
	if len(w.buf) >= chunk {
		w.flush()
	}
	return w
}

// Number writes a number.
func (w *Writer) Number(n uint32) *Writer { return w.Number64(uint64(n)) }

// Number64 writes a number.
//
//go:noinline
func (w *Writer) Number64(n uint64) *Writer {
	w.buf = strconv.AppendUint(w.buf, n, 10)
	return w
}

// String writes a string: quoted where that is possible, else as a literal.
func (w *Writer) String(s string) *Writer {
	if !w.quotable(s) {
		return w.Literal(int64(len(s)), strings.NewReader(s), false)
	}
	w.buf = append(w.buf, '"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			w.buf = append(w.buf, '\\')
		}
		w.buf = append(w.buf, s[i])
	}
	w.buf = append(w.buf, '"')
	return w
}

// maxQuoted is the longest quoted string; servers limit the length of lines.
const maxQuoted = 1000

func (w *Writer) quotable(s string) bool {
	if len(s) > maxQuoted {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == 0 || c == '\r' || c == '\n' || c >= 0x80 && !w.UTF8 {
			return false
		}
	}
	return true
}

// Mailbox writes the name of a mailbox, or a pattern of names: as an atom where
// it is one, and INBOX in the only spelling that every server knows.
func (w *Writer) Mailbox(name string) *Writer {
	if raw := w.Raw(name); raw != "" {
		name = raw
	} else if !w.UTF8 {
		name = EncodeName(name)
	}
	if strings.EqualFold(name, "INBOX") {
		name = "INBOX"
	}
	if name == "" || strings.EqualFold(name, "NIL") {
		return w.String(name)
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; isAtomEnd(c) || c >= 0x80 || c == '\\' {
			return w.String(name)
		}
	}
	return w.Text(name)
}

// Literal writes size bytes of r. binary makes it a literal8 (RFC 3516), which
// may hold NUL. An error of r, or its early end, is a *SourceError.
func (w *Writer) Literal(size int64, r io.Reader, binary bool) *Writer {
	if w.err != nil {
		return w
	}
	if binary {
		w.buf = append(w.buf, '~')
	}
	w.buf = append(w.buf, '{')
	w.buf = strconv.AppendInt(w.buf, size, 10)
	if w.NonSync && size <= MaxNonSync {
		w.Text("+}\r\n")
	} else {
		w.Text("}").Ask()
	}
	for size > 0 && w.err == nil {
		if len(w.buf) >= chunk/2 {
			w.flush()
		}
		if cap(w.buf) < chunk {
			w.buf = append(make([]byte, 0, chunk), w.buf...)
		}
		free := w.buf[len(w.buf):cap(w.buf)]
		n, err := r.Read(free[:min(int64(len(free)), size)])
		w.buf = w.buf[:len(w.buf)+n]
		size -= int64(n)
		if err != nil && size > 0 && w.err == nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			w.err = &SourceError{err}
		}
	}
	return w
}

// SourceError says that the bytes of a literal couldn't be had.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return "imap: reading what is to be sent: " + e.Err.Error() }

func (e *SourceError) Unwrap() error { return e.Err }
