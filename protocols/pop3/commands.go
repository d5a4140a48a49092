package pop3

import (
	"context"
	"io"
	"strconv"
	"strings"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/lines"
)

// Stat is what is in the mailbox: the messages that are not to be deleted, and
// their octets in all.
type Stat struct {
	Messages int
	Size     int64
}

// Entry is a message as List tells of it.
type Entry struct {
	Number int   // from 1, for this session only
	Size   int64 // in octets
}

// UID is a message as UIDL tells of it.
type UID struct {
	Number int
	ID     string // of 1 to 70 characters; the same in every session
}

// maxNumber is the largest number of a message.
const maxNumber = 1<<31 - 1

// do sends a command and has read take the answer, from what is behind its +OK.
// Where the server lets commands not wait for each other's answers, these don't.
func (s *Session) do(ctx context.Context, read func(text string) error, words ...string) error {
	t, err := s.c.Begin(ctx)
	if err != nil {
		return err
	}
	s.c.Line(words...)
	if err := t.Sent(s.pipelines); err != nil {
		return t.Fail(err)
	}
	text, err := s.status()
	if err == nil && read != nil {
		err = read(text)
	}
	return s.end(t, err)
}

// maxOctets bounds an answer of several lines. It has room for 100,000
// identifiers of UIDL, each as long as it may be.
const maxOctets = 8 << 20

// eachLine reads an answer of several lines; it may have no more than most.
func (s *Session) eachLine(most int, f func(line string) error) error {
	octets := 0
	for n := 0; ; n++ {
		line, err := s.c.ReadLine()
		if err != nil {
			return err
		}
		if line == "." {
			return nil
		}
		if octets += len(line); n == most || octets > maxOctets {
			return s.c.TooMuch("an answer that is too long")
		}
		if err := f(strings.TrimPrefix(line, ".")); err != nil {
			return err
		}
	}
}

// Stat tells how much there is.
func (s *Session) Stat(ctx context.Context) (*Stat, error) {
	var stat Stat
	err := s.do(ctx, func(text string) error {
		n, size, ok := pair(text)
		if !ok {
			return s.c.Protocol("not the answer to STAT: " + coded.Text(text))
		}
		stat = Stat{n, size}
		return nil
	}, "STAT")
	if err != nil {
		return nil, err
	}
	return &stat, nil
}

// pair reads two numbers, behind which there may be anything.
func pair(text string) (n int, size int64, ok bool) {
	first, rest, _ := strings.Cut(text, " ")
	second, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	number, err := strconv.ParseUint(first, 10, 31)
	octets, err2 := strconv.ParseUint(second, 10, 63)
	return int(number), int64(octets), err == nil && err2 == nil
}

// List tells the numbers and sizes of all messages that are not to be deleted.
func (s *Session) List(ctx context.Context) ([]Entry, error) {
	list := []Entry{}
	err := s.do(ctx, func(string) error {
		return s.eachLine(s.o.Limits.Results, func(line string) error {
			n, size, ok := pair(line)
			if !ok || n == 0 {
				return s.c.Protocol("not an entry: " + coded.Text(line))
			}
			list = append(list, Entry{n, size})
			return nil
		})
	}, "LIST")
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Size tells the size of one message, in octets.
func (s *Session) Size(ctx context.Context, number int) (size int64, err error) {
	if err := check(number); err != nil {
		return 0, err
	}
	err = s.do(ctx, func(text string) error {
		n, octets, ok := pair(text)
		if !ok || n != number {
			return s.c.Protocol("not the answer to LIST: " + coded.Text(text))
		}
		size = octets
		return nil
	}, "LIST ", strconv.Itoa(number))
	return size, err
}

// UIDL tells by what each message is known in every session. ENOTSUP where the
// server doesn't know that.
func (s *Session) UIDL(ctx context.Context) ([]UID, error) {
	if s.caps != nil && !s.Has("UIDL") {
		return nil, newError(coded.ENOTSUP, "The server can't do this: it lacks UIDL.", nil)
	}
	list := []UID{}
	err := s.do(ctx, func(string) error {
		return s.eachLine(s.o.Limits.Results, func(line string) error {
			first, id, _ := strings.Cut(line, " ")
			n, err := strconv.ParseUint(first, 10, 31)
			if id = strings.TrimSpace(id); err != nil || n == 0 || id == "" {
				return s.c.Protocol("not an entry: " + coded.Text(line))
			}
			list = append(list, UID{int(n), id})
			return nil
		})
	}, "UIDL")
	if err != nil {
		return nil, err
	}
	return list, nil
}

func check(number int) error {
	if number < 1 || number > maxNumber {
		return invalid("The number of the message is not valid.")
	}
	return nil
}

// Top returns the header of a message and the first count lines of its body.
func (s *Session) Top(ctx context.Context, number, count int) ([]byte, error) {
	if err := check(number); err != nil {
		return nil, err
	}
	if count < 0 {
		return nil, invalid("The number of lines is not valid.")
	}
	var top []byte
	err := s.do(ctx, func(string) error {
		var err error
		top, err = io.ReadAll(io.LimitReader(s.c.Text(), s.o.Limits.Top+1))
		if int64(len(top)) > s.o.Limits.Top {
			return s.c.TooMuch("an answer that is too long")
		}
		return err
	}, "TOP ", strconv.Itoa(number), " ", strconv.Itoa(count))
	if err != nil {
		return nil, err
	}
	return top, nil
}

// Retr asks for a message and returns when its octets begin to come; ctx bounds
// the call up to then. They are read from the connection as fast as the app
// reads, and no faster; until the Message has been read to its end or closed,
// other calls wait for their turn.
func (s *Session) Retr(ctx context.Context, number int) (*Message, error) {
	if err := check(number); err != nil {
		return nil, err
	}
	t, err := s.c.Begin(ctx)
	if err != nil {
		return nil, err
	}
	s.c.Line("RETR ", strconv.Itoa(number))
	if err := t.Sent(false); err != nil {
		return nil, t.Fail(err)
	}
	answer, err := s.status()
	if err != nil {
		return nil, s.end(t, err)
	}
	t.Unguard()
	word, _, _ := strings.Cut(answer, " ")
	size, err := strconv.ParseUint(word, 10, 63)
	if err != nil {
		size = 0
	}
	return &Message{s: s, t: t, text: s.c.Text(), size: int64(size)}, nil
}

// Message is a message on its way. It is for one goroutine at a time.
type Message struct {
	s    *Session
	t    *lines.Turn
	text *lines.DotReader
	size int64
	n    int64
	err  error // what Read returns from then on
}

// Size is the number of octets that the server has announced, as most do; 0 where
// it hasn't. There may be more or fewer.
func (m *Message) Size() int64 { return m.size }

// Received is the number of octets that have been read.
func (m *Message) Received() int64 { return m.n }

// ReadContext is Read with a context, whose end is that of the session.
func (m *Message) ReadContext(ctx context.Context, p []byte) (int, error) {
	if m.err != nil || len(p) == 0 {
		return 0, m.err
	}
	m.t.Guard(ctx)
	defer func(t *lines.Turn) { t.Unguard() }(m.t)
	return m.Read(p)
}

// Read reads octets of the message; io.EOF is its end. A message that is cut off
// is ECONNRESET.
func (m *Message) Read(p []byte) (n int, err error) {
	if m.err != nil || len(p) == 0 {
		return 0, m.err
	}
	n, err = m.text.Read(p)
	m.n += int64(n)
	switch {
	case err == io.EOF:
		m.err = io.EOF
		m.t.End()
	case err != nil:
		m.err = m.t.Fail(err)
	case m.n > m.s.o.Limits.Message:
		m.err = m.t.Fail(m.s.c.TooMuch("a message that is too large"))
		return 0, m.err
	}
	return n, m.err
}

// Close gives the connection back to others. What is left of the message is read
// and thrown away; where that is too much (see Limits.Drain), or doesn't come
// before ctx ends, the session ends.
func (m *Message) Close(ctx context.Context) error {
	if m.err != nil {
		return nil
	}
	m.t.Guard(ctx)
	n, err := io.CopyN(io.Discard, m.text, m.s.o.Limits.Drain+1)
	closed := newError(coded.ECLOSED, "", nil)
	switch {
	case err == io.EOF:
		m.err = closed
		m.t.End()
	case err != nil:
		err = m.t.Fail(err)
		m.err = closed
		return err
	case n > m.s.o.Limits.Drain:
		m.err = closed
		m.t.Fail(closed)
	}
	return nil
}

// Dele marks messages as to be deleted, which Quit does. Of several the first
// that is refused is the error, and the others are marked nevertheless.
func (s *Session) Dele(ctx context.Context, numbers ...int) error {
	for _, n := range numbers {
		if err := check(n); err != nil {
			return err
		}
	}
	var first error
	for len(numbers) > 0 {
		these := numbers[:1]
		if s.pipelines {
			these = numbers[:min(len(numbers), maxGroup)]
		}
		numbers = numbers[len(these):]
		t, err := s.c.Begin(ctx)
		if err != nil {
			return err
		}
		for _, n := range these {
			s.c.Line("DELE ", strconv.Itoa(n))
		}
		if err := t.Sent(s.pipelines); err != nil {
			return t.Fail(err)
		}
		for range these {
			_, err := s.status()
			if err := fatal(err); err != nil {
				return t.Fail(err)
			}
			if first == nil {
				first = err
			}
		}
		t.End()
	}
	return first
}

// maxGroup is how many commands are sent before the answers to them are read, so
// that neither side waits for the other to read.
const maxGroup = 50

// Rset takes all marks of Dele away.
func (s *Session) Rset(ctx context.Context) error { return s.do(ctx, nil, "RSET") }

// Noop does nothing, which keeps the connection alive.
func (s *Session) Noop(ctx context.Context) error { return s.do(ctx, nil, "NOOP") }

// Quit deletes the messages that are marked, and ends the session. Where it
// fails they may still be there, all or some.
func (s *Session) Quit(ctx context.Context) error {
	t, err := s.c.Begin(ctx)
	if err != nil {
		return err
	}
	s.c.Line("QUIT")
	if err := t.Sent(false); err != nil {
		return t.Fail(err)
	}
	_, err = s.status()
	if err := fatal(err); err != nil {
		return t.Fail(err)
	}
	s.c.Close()
	t.End()
	return err
}
