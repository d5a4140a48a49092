package smtp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/lines"
)

const (
	// window is how much of a message is held, and is in a chunk of BDAT.
	window = 32 << 10
	// maxAhead is how many chunks may be on their way before the first is
	// answered.
	maxAhead = 4
	// maxGroup is how many commands are sent before the answers to them are
	// read, so that neither side waits for the other to read (RFC 2920, section
	// 3.1).
	maxGroup = 50
)

// Result is what has become of a message that was sent.
type Result struct {
	// Accepted are the addresses that the server has taken the message for.
	Accepted []string
	// Rejected are the others, each with the server's answer.
	Rejected []Rejection
	// Response is the server's last word, such as the number by which it knows
	// the message.
	Response string
	// Sent is the number of octets of the message that were sent.
	Sent int64
}

// Rejection is an address that the server has not taken.
type Rejection struct {
	Address string
	Err     *coded.Error
}

// SendOptions has no required field.
type SendOptions struct {
	// Progress is told how many octets of the message have been handed to the
	// network.
	Progress func(sent int64)
}

// Send hands a message in, header and body, which r has. Lines may end in CRLF,
// LF or CR; they are sent with CRLF. Where the server takes some of the
// recipients only, the message goes to those, and Result has the others; where
// it takes none, the error is that of the first, and Result is returned with
// it.
//
// Where the server lacks 8BITMIME, a message that has octets beyond ASCII is
// ENOTSUP: it would have to be encoded anew.
//
// An error of r is returned as it is. With it, and with the ENOTSUP of an octet
// beyond the first 32 KiB, a server without CHUNKING leaves no way to call the
// message off but to end the session. ctx doesn't end a Read of r.
func (s *Session) Send(ctx context.Context, e Envelope, r io.Reader, o *SendOptions) (*Result, error) {
	if err := e.check(s); err != nil {
		return nil, err
	}
	m := &message{s: s, r: r, e: &e, eightBit: s.Has("8BITMIME")}
	if o != nil {
		m.progress = o.Progress
	}
	m.next = make([]byte, window)
	if err := m.read(); err != nil {
		return nil, err
	}
	if err := m.checkHeader(); err != nil {
		return nil, err
	}
	t, err := s.c.Begin(ctx)
	if err != nil {
		return nil, err
	}
	chunking := !s.o.NoChunking && s.Has("CHUNKING")
	if err := m.envelope(!chunking); err != nil {
		return m.outcome(), s.end(t, err)
	}
	if chunking {
		err = m.sendChunks()
	} else {
		err = m.sendData()
	}
	unsent, ok := errors.AsType[*unsentError](err)
	if ok && unsent.reset {
		if reset := s.command("RSET"); reset != nil {
			return nil, t.Fail(reset)
		}
		t.End()
		return nil, unsent.err
	}
	if unsent != nil {
		t.Fail(unsent.err)
		return nil, unsent.err
	}
	return m.outcome(), s.end(t, err)
}

// unsentError is a failure on this side in the middle of a message.
type unsentError struct {
	err   error
	reset bool // the session can go on
}

func (e *unsentError) Error() string { return e.err.Error() }

// message is one on its way.
type message struct {
	s        *Session
	e        *Envelope
	r        io.Reader
	eightBit bool // may be sent
	progress func(int64)

	next []byte // the window that is to be sent
	out  []byte // as it is sent
	last bool   // nothing is behind next
	sent int64

	accepted []string
	rejected []Rejection
	response string
}

func (m *message) outcome() *Result {
	return &Result{Accepted: m.accepted, Rejected: m.rejected, Response: m.response, Sent: m.sent}
}

// read gets the next window.
func (m *message) read() error {
	m.next = m.next[:cap(m.next)]
	n, err := io.ReadFull(m.r, m.next)
	m.next = m.next[:n]
	switch err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		m.last = true
	default:
		return err
	}
	if !m.eightBit {
		for _, c := range m.next {
			if c >= 0x80 {
				return errEightBit
			}
		}
	}
	return nil
}

var errEightBit error = newError(coded.ENOTSUP, "The server takes ASCII only: it lacks 8BITMIME.", nil)

// checkHeader sees to it that a header beyond ASCII goes to a server only that
// takes it (RFC 6531, section 3.2).
func (m *message) checkHeader() error {
	header := m.next
	for _, blank := range []string{"\r\n\r\n", "\n\n", "\r\r"} {
		if end := bytes.Index(header, []byte(blank)); end >= 0 {
			header = header[:end]
		}
	}
	for _, c := range header {
		if c < 0x80 {
			continue
		}
		if m.e.UTF8 = true; !m.s.Has("SMTPUTF8") {
			return errNoUTF8
		}
		break
	}
	return nil
}

// envelope says MAIL and RCPT, and with data DATA as well. It is an error where
// no recipient was taken; the server then has forgotten the message.
func (m *message) envelope(data bool) error {
	group := 1
	if m.s.Has("PIPELINING") {
		group = maxGroup
	}
	commands := []string{m.e.mail(m.s)}
	for _, to := range m.e.To {
		commands = append(commands, m.e.rcpt(to))
	}
	if data {
		commands = append(commands, "DATA")
	}
	var refused error // of MAIL or DATA
	begun, given := false, false
	for i := 0; i < len(commands); i += group {
		these := commands[i:min(len(commands), i+group)]
		for _, line := range these {
			// No DATA for nobody, where that is known already.
			if line == "DATA" && (refused != nil || i > len(m.e.To) && len(m.accepted) == 0) {
				these = these[:len(these)-1]
				break
			}
			m.s.c.Line(line)
		}
		if len(these) == 0 {
			break
		}
		if err := m.s.c.Flush(); err != nil {
			return m.s.c.LastWords(m.s.refusal, err)
		}
		for j := range these {
			r, err := m.s.reply()
			if err != nil {
				return err
			}
			at := i + j - 1 // among the recipients
			class := 2
			if at == len(m.e.To) {
				class = 3
			}
			if err := r.want(class); err != nil && !harmless(err) {
				return err
			}
			switch {
			case at < 0:
				refused = r.want(2)
				begun = refused == nil
			case class == 3:
				if given = r.code/100 == 3; !given && refused == nil && len(m.accepted) > 0 {
					refused = r.refused()
				}
			case refused != nil:
			case r.code/100 == 2:
				m.accepted = append(m.accepted, m.e.To[at])
			default:
				m.rejected = append(m.rejected, Rejection{m.e.To[at], r.refused()})
			}
		}
		if refused != nil {
			break
		}
	}
	if refused == nil && len(m.accepted) > 0 {
		return nil
	}
	if refused == nil {
		refused = m.rejected[0].Err
	}
	m.accepted = nil
	if given {
		// It was given to nobody: an empty one is what RFC 2920, section 3.1, wants.
		if _, err := m.s.ask("."); err != nil {
			return err
		}
	}
	// Where MAIL was refused there is nothing to forget, and a Dovecot that is
	// told to (2.3, submission) falls over it.
	if begun {
		return m.reset(refused)
	}
	return refused
}

// sendData sends the message behind DATA, up to the dot.
func (m *message) sendData() error {
	z := lines.Normalizer{Dots: true}
	for {
		m.out = z.Append(m.out[:0], m.next)
		if m.last {
			m.out = append(z.End(m.out), ".\r\n"...)
		}
		if err := m.write(); err != nil {
			return err
		}
		if m.last {
			return m.verdict()
		}
		if err := m.read(); err != nil {
			return &unsentError{err: err}
		}
	}
}

// write sends m.out, which is m.next.
func (m *message) write() error {
	_, err := m.s.c.Write(m.out)
	if err == nil {
		err = m.s.c.Flush()
	}
	if err != nil {
		return m.s.c.LastWords(m.s.refusal, err)
	}
	m.sent += int64(len(m.next))
	if m.progress != nil {
		m.progress(m.sent)
	}
	return nil
}

// verdict reads what the server has to say of a message that it has.
func (m *message) verdict() error {
	r, err := m.s.reply()
	if err != nil {
		return err
	}
	if err := r.want(2); err != nil {
		m.accepted = nil
		return err
	}
	m.response = coded.Text(r.text())
	return nil
}

// sendChunks sends the message by BDAT.
func (m *message) sendChunks() error {
	ahead := 0
	if m.s.Has("PIPELINING") {
		ahead = maxAhead
	}
	z := lines.Normalizer{}
	due := 0
	for {
		m.out = z.Append(m.out[:0], m.next)
		end := ""
		if m.last {
			m.out = z.End(m.out)
			end = " LAST"
		}
		m.s.c.Line("BDAT ", strconv.Itoa(len(m.out)), end)
		if err := m.write(); err != nil {
			return err
		}
		due++
		for ; due > 0 && (m.last || due > ahead); due-- {
			if m.last && due == 1 {
				return m.reset(m.verdict())
			}
			r, err := m.s.reply()
			if err != nil {
				return err
			}
			if err := r.want(2); err != nil {
				return m.callOff(due-1, err)
			}
		}
		if err := m.read(); err != nil {
			for ; due > 0; due-- {
				if _, err := m.s.reply(); err != nil {
					return err
				}
			}
			return &unsentError{err: err, reset: true}
		}
	}
}

// callOff reads the answers to what is on its way already when a chunk has been
// refused.
func (m *message) callOff(due int, refused error) error {
	for ; due > 0; due-- {
		if _, err := m.s.reply(); err != nil {
			return err
		}
	}
	m.accepted = nil
	return m.reset(refused)
}

// reset has the server forget a message of which it has refused a part; for a
// chunk of it that is RFC 3030, section 2.
func (m *message) reset(refused error) error {
	if refused == nil || !harmless(refused) {
		return refused
	}
	if err := m.s.command("RSET"); err != nil {
		return err
	}
	return refused
}
