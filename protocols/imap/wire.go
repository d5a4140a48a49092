package imap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"kaiwire/protocols/coded"
)

// wire is the connection as the engine sees it: every response has passed the
// limits and the session's eyes before the engine reads it, and the engine can
// neither close the connection nor set deadlines on it. Those that it would
// set are too short for a slow link; the contexts of the calls take their
// place.
type wire struct {
	net.Conn
	br     *bufio.Reader
	limits Limits
	s      *Session // nil during the handshake

	// Of the reading goroutine:

	line    []byte // what has been read of the segment at hand
	unread  []byte // the part of line that the engine has yet to read
	literal int64  // bytes to come of the literal at hand
	within  bool   // the next segment goes on with the same response
	text    bool   // the response is free text: braces and quotes mean nothing
	keep    bool   // the engine gets the response
	used    int    // bytes of it that count against Limits.Line
	depth   int    // open parentheses
	dead    error

	mu      sync.Mutex
	parked  bool // the engine's reader waits for more
	suspect bool // the engine wanted to close while a refusal was being handled
	settled chan struct{}

	lateOnce sync.Once
}

func newWire(c net.Conn, limits Limits) *wire {
	return &wire{Conn: c, br: bufio.NewReader(c), limits: limits}
}

func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// Write sends what the engine has to say. While the engine's reader lives, the
// engine never hears of a failure: it would end all commands from the goroutine
// that writes, while the reader may be handing one of them a message, and the
// reader would send on a closed channel. The session closes the connection
// instead, and the reader ends the commands as it goes.
func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	if err == nil {
		return n, nil
	}
	w.s.fail(lost(err))
	select {
	case <-w.s.engine.Closed():
		return n, err
	default:
	}
	w.lateOnce.Do(func() { go w.endLate() })
	return len(p), nil
}

// endLate ends a command that the engine has taken on between its reader's
// ending of all commands and the reader's own end. The engine does it for us
// when one more write fails.
func (w *wire) endLate() {
	<-w.s.engine.Closed()
	w.s.engine.Noop()
}

var errUnparsable = errors.New("imap: the response can't be parsed")

// Close is called by the engine: when it can't parse a response and gives up,
// and also when the server refuses a command at its literal, where all is well.
func (w *wire) Close() error {
	w.mu.Lock()
	if w.s.refusedNow() {
		w.suspect = true
		w.mu.Unlock()
		return nil
	}
	w.mu.Unlock()
	w.s.fail(newError(coded.EPROTO, "", errUnparsable))
	return nil
}

// settle ends a command. Where the engine wanted to close the connection in
// the course of it, settle finds out why: if its reader still asks for more,
// it was the refusal.
func (w *wire) settle(engineDead <-chan struct{}) {
	for {
		w.mu.Lock()
		if !w.suspect || w.parked {
			w.suspect = false
			w.s.setCurrent(nil)
			w.mu.Unlock()
			return
		}
		settled := make(chan struct{})
		w.settled = settled
		w.mu.Unlock()
		select {
		case <-settled:
		case <-engineDead:
			w.s.fail(newError(coded.EPROTO, "", errUnparsable))
			w.s.setCurrent(nil)
			return
		}
	}
}

func (w *wire) park(parked bool) {
	w.mu.Lock()
	w.parked = parked
	if parked && w.settled != nil {
		close(w.settled)
		w.settled = nil
	}
	w.mu.Unlock()
}

// Read gives the engine's reader what it is to see.
func (w *wire) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for w.dead == nil {
		if len(w.unread) > 0 {
			n := copy(p, w.unread)
			w.unread = w.unread[n:]
			return n, nil
		}
		if w.literal > 0 {
			if w.keep {
				if int64(len(p)) > w.literal {
					p = p[:w.literal]
				}
				n, err := w.br.Read(p)
				w.literal -= int64(n)
				if err != nil {
					w.die(unexpected(err))
				}
				return n, w.dead
			}
			n, err := w.br.Discard(int(min(w.literal, 1<<20)))
			w.literal -= int64(n)
			if err != nil {
				w.die(unexpected(err))
			}
			continue
		}
		w.park(true)
		err := w.next()
		w.park(false)
		if err != nil {
			w.die(err)
		}
	}
	return 0, w.dead
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (w *wire) die(err error) {
	w.dead = err
	w.s.fail(w.s.endOf(err))
}

// next reads a segment, which is a response or a part of one up to a literal
// or up to its end.
func (w *wire) next() error {
	if !w.within {
		w.used, w.depth = 0, 0
	}
	line, err := w.readLine(w.limits.Line - w.used)
	if err != nil {
		return err
	}
	w.used += len(line)
	if !w.within {
		w.text = isText(line)
	}
	size, bulk, ok := int64(0), false, false
	if !w.text {
		if size, bulk, ok, err = w.scan(line); err != nil {
			return err
		}
	}
	if ok && bulk && size > w.limits.Literal {
		return tooMuch("a message part of " + strconv.FormatInt(size, 10) + " bytes")
	}
	if ok && !bulk {
		if size > int64(w.limits.Line-w.used) {
			return tooMuch("a string of " + strconv.FormatInt(size, 10) + " bytes")
		}
		w.used += int(size)
	}
	if !w.within {
		if w.keep, err = w.s.sift(line); err != nil {
			return err
		}
	}
	w.within = ok
	w.literal = size
	if w.keep {
		w.unread = line
	}
	return nil
}

// readLine reads up to and including LF. The result is valid until the next
// call.
func (w *wire) readLine(limit int) ([]byte, error) {
	const keep = 64 << 10 // a buffer that once had to be larger is let go
	if cap(w.line) > keep {
		w.line = nil
	}
	w.line = w.line[:0]
	for {
		part, err := w.br.ReadSlice('\n')
		if len(w.line)+len(part) > limit {
			return nil, tooMuch("a line of more than " + strconv.Itoa(w.limits.Line) + " bytes")
		}
		w.line = append(w.line, part...)
		switch {
		case err == nil:
			return w.line, nil
		case err == io.EOF && (len(w.line) > 0 || w.within):
			return nil, io.ErrUnexpectedEOF
		case err != bufio.ErrBufferFull:
			return nil, err
		}
	}
}

// isText reports whether a response ends in free text, in which no literal can
// be.
func isText(line []byte) bool {
	if line[0] == '+' {
		return true
	}
	_, rest, _ := strings.Cut(string(line[:min(len(line), 256)]), " ")
	word, _, _ := strings.Cut(strings.TrimRight(rest, "\r\n"), " ")
	return isStatus(word)
}

func isStatus(word string) bool {
	switch strings.ToUpper(word) {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

// scan checks a segment's nesting and quotes and finds the literal that it
// ends with. bulk says that the literal is a body section.
func (w *wire) scan(line []byte) (size int64, bulk, ok bool, err error) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '(':
			if w.depth++; w.depth > w.limits.Nesting {
				return 0, false, false, tooMuch("more than " + strconv.Itoa(w.limits.Nesting) + " nested lists")
			}
		case c == ')':
			w.depth = max(0, w.depth-1)
		}
	}
	if quoted {
		return 0, false, false, newError(coded.EPROTO, "", fmt.Errorf("imap: a string has no end in %.60q", line))
	}
	line = bytes.TrimRight(line, " \r\n")
	open := bytes.LastIndexByte(line, '{')
	if open < 0 || line[len(line)-1] != '}' {
		return 0, false, false, nil
	}
	digits := line[open+1 : len(line)-1]
	if len(digits) == 0 || len(bytes.Trim(digits, "0123456789")) > 0 {
		return 0, false, false, nil
	}
	if size, err = strconv.ParseInt(string(digits), 10, 64); err != nil {
		return 0, false, false, tooMuch("a literal of too many bytes")
	}
	return size, isSection(line[:open]), true, nil
}

// isSection reports whether head ends as the name of a body section does:
// "BODY[1.2] ", "BODY[]<0> ", "BINARY[1] ~".
func isSection(head []byte) bool {
	head = bytes.TrimRight(bytes.TrimSuffix(head, []byte("~")), " ")
	if bytes.HasSuffix(head, []byte(">")) {
		if open := bytes.LastIndexByte(head, '<'); open >= 0 {
			head = head[:open]
		}
	}
	return bytes.HasSuffix(head, []byte("]"))
}
