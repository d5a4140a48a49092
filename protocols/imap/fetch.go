package imap

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"kaiwire/protocols/coded"
)

// Message is what a FETCH tells of one message. What wasn't asked for, or
// hasn't come, is zero.
type Message struct {
	Seq           uint32
	UID           imap.UID // always asked for
	Flags         []imap.Flag
	Envelope      *imap.Envelope
	BodyStructure imap.BodyStructure
	InternalDate  time.Time
	Size          int64 // octets (RFC822.SIZE)
	ModSeq        uint64
	Sections      []Section
}

// Section is a section of a message's body.
type Section struct {
	Spec  *imap.FetchItemBodySection // the one of the options
	Bytes []byte                     // encoded as in the message; nil where there is no such section
}

// Fetch asks for messages and calls each with one after another as they come
// (RFC 3501, section 6.4.5); the connection waits while each works. each must
// not call methods of the Session other than Close.
//
// If each returns an error, the rest of the answer is skipped and Fetch
// returns that error. If limit is more than 0 and the server sends more
// messages, the rest is skipped and Fetch returns ELIMIT; the session goes on
// in both cases. A section that, with those before it, is larger than
// Limits.Message ends the session with ELIMIT; Download is for those.
//
// A * in a set of sequence numbers stands for the last message that this
// session has been told of.
func (s *Session) Fetch(ctx context.Context, set imap.NumSet, options *imap.FetchOptions, limit int, each func(*Message) error) error {
	if err := checkSet(set); err != nil {
		return err
	}
	if options == nil {
		options = &imap.FetchOptions{}
	}
	if len(options.BinarySection) > 0 || len(options.BinarySectionSize) > 0 {
		return newError(coded.ENOTSUP, "Decoded message parts can't be fetched.", nil)
	}
	for _, section := range options.BodySection {
		if err := checkSection(section); err != nil {
			return err
		}
	}
	ask := *options
	ask.UID = true
	var stopped error
	err := s.fetch(ctx, set, &ask, func(c *imapclient.FetchCommand) error {
		count := 0
		for data := c.Next(); data != nil; data = c.Next() {
			m, err := s.collect(data, ask.BodySection)
			if err != nil {
				return err
			}
			if stopped != nil {
				continue
			}
			if count++; limit > 0 && count > limit {
				stopped = tooMuch("more than " + strconv.Itoa(limit) + " messages")
			} else {
				stopped = each(m)
			}
		}
		return c.Close()
	})
	if err == nil {
		err = stopped
	}
	return err
}

// fetch runs a FETCH, of which f takes the answer.
func (s *Session) fetch(ctx context.Context, set imap.NumSet, options *imap.FetchOptions, f func(*imapclient.FetchCommand) error) error {
	return s.do(ctx, nil, func() error {
		set := s.resolve(set)
		if set == nil {
			return nil
		}
		s.setCurrent(fetchCommand(set, options))
		return f(s.engine.Fetch(set, options))
	})
}

func fetchCommand(set imap.NumSet, o *imap.FetchOptions) *command {
	return &command{
		verb: "FETCH",
		set:  set,
		flagsOnly: !o.Envelope && !o.InternalDate && !o.RFC822Size && o.BodyStructure == nil &&
			len(o.BodySection) == 0,
	}
}

// resolve puts a number in the place of *, which the engine would not know
// again in the answer. It returns nil where there are no messages for it.
func (s *Session) resolve(set imap.NumSet) imap.NumSet {
	last := uint32(0)
	if m := s.Mailbox(); m != nil {
		last = m.Exists
	}
	switch set := set.(type) {
	case imap.SeqSet:
		if !set.Dynamic() || s.Mailbox() == nil {
			return set
		}
		if last == 0 {
			return nil
		}
		var fixed imap.SeqSet
		for _, r := range set {
			start, stop := r.Start, r.Stop
			if start == 0 {
				start = last
			}
			if stop == 0 {
				stop = last
			}
			fixed.AddRange(min(start, stop), max(start, stop))
		}
		return fixed
	case imap.UIDSet:
		if len(set) == 1 && set[0] == (imap.UIDRange{}) && last > 0 {
			return imap.SeqSetNum(last)
		}
	}
	return set
}

// collect makes a Message of the items as they come. After an error the
// session has ended, and nothing more of the answer may be asked for: the
// engine would read what is left of a literal a second time, beside its own
// reader.
func (s *Session) collect(data *imapclient.FetchMessageData, asked []*imap.FetchItemBodySection) (*Message, error) {
	m := &Message{Seq: data.SeqNum}
	held := int64(0)
	for item := data.Next(); item != nil; item = data.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			m.UID = item.UID
		case imapclient.FetchItemDataFlags:
			m.Flags = item.Flags
		case imapclient.FetchItemDataEnvelope:
			m.Envelope = item.Envelope
		case imapclient.FetchItemDataBodyStructure:
			m.BodyStructure = item.BodyStructure
		case imapclient.FetchItemDataInternalDate:
			m.InternalDate = item.Time
		case imapclient.FetchItemDataRFC822Size:
			m.Size = item.Size
		case imapclient.FetchItemDataModSeq:
			m.ModSeq = item.ModSeq
		case imapclient.FetchItemDataBodySection:
			section := Section{Spec: match(item, asked)}
			if item.Literal != nil {
				size := item.Literal.Size()
				if held += size; held > s.o.Limits.Message {
					s.fail(tooMuch("parts of more than " + strconv.FormatInt(s.o.Limits.Message, 10) + " bytes of a message"))
					go discard(data)
					return nil, errEnded
				}
				section.Bytes = make([]byte, size)
				if _, err := io.ReadFull(item.Literal, section.Bytes); err != nil {
					return nil, errEnded
				}
			}
			m.Sections = append(m.Sections, section)
		}
	}
	return m, nil
}

// discard lets the engine's reader get away from a message that nobody takes.
func discard(data *imapclient.FetchMessageData) {
	for data.Next() != nil {
	}
}

// errEnded stands for the reason why the session has ended, which result
// knows.
var errEnded = errors.New("imap: the session has ended")

func match(item imapclient.FetchItemDataBodySection, asked []*imap.FetchItemBodySection) *imap.FetchItemBodySection {
	for _, section := range asked {
		if item.MatchCommand(section) {
			return section
		}
	}
	return item.Section
}

func checkSection(section *imap.FetchItemBodySection) error {
	if section == nil {
		return invalid("The section is not valid.")
	}
	for _, n := range section.Part {
		if n < 1 {
			return invalid("The number of a message part is not valid.")
		}
	}
	fields := append(append([]string(nil), section.HeaderFields...), section.HeaderFieldsNot...)
	for _, f := range fields {
		if !isFieldName(f) {
			return invalid("The header field " + strconv.Quote(f) + " is not valid.")
		}
	}
	switch section.Specifier {
	case imap.PartSpecifierNone, imap.PartSpecifierText:
	case imap.PartSpecifierHeader:
		fields = nil
	case imap.PartSpecifierMIME:
		if len(section.Part) == 0 {
			return invalid("Only a message part has a MIME header.")
		}
	default:
		return invalid("The section is not valid.")
	}
	if len(fields) > 0 {
		return invalid("Header fields can only be chosen of a header.")
	}
	if p := section.Partial; p != nil && (p.Offset < 0 || p.Size < 1) {
		return invalid("The range of bytes is not valid.")
	}
	return nil
}

// Literal is a section on its way: it is read from the connection as fast as
// Read is called, and no faster. Until it has been read to its end or closed,
// other calls of the session wait for their turn.
type Literal struct {
	s    *Session
	size int64

	left   atomic.Int64
	closed atomic.Bool

	mu      sync.Mutex // held while reading
	body    io.Reader
	command *imapclient.FetchCommand
	err     error         // what Read returns from now on
	ended   chan struct{} // closed with err's being set
}

// Download asks for one section of one message (RFC 3501, section 6.4.5) and
// returns when its bytes begin to come; ctx bounds the call up to then. set
// has to name a single message, and section.Peek says whether to leave \Seen
// alone. ENODATA means that the message has no such section, ENOTFOUND that
// there is no such message.
func (s *Session) Download(ctx context.Context, set imap.NumSet, section *imap.FetchItemBodySection) (*Literal, error) {
	if err := checkSet(set); err != nil {
		return nil, err
	}
	if !isSingle(set) {
		return nil, invalid("One message can be downloaded at a time.")
	}
	if err := checkSection(section); err != nil {
		return nil, err
	}
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	stop := s.guard(ctx)
	lit, err := s.download(set, section)
	stop()
	if lit != nil {
		return lit, nil
	}
	s.release()
	return nil, s.result(err)
}

func isSingle(set imap.NumSet) bool {
	switch set := set.(type) {
	case imap.SeqSet:
		return len(set) == 1 && set[0].Start == set[0].Stop
	case imap.UIDSet:
		return len(set) == 1 && set[0].Start == set[0].Stop
	}
	return false
}

func (s *Session) download(set imap.NumSet, section *imap.FetchItemBodySection) (*Literal, error) {
	if err := s.pauseIdle(); err != nil {
		return nil, err
	}
	if set = s.resolve(set); set == nil {
		return nil, errNoMessage
	}
	options := &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}
	s.setCurrent(fetchCommand(set, options))
	c := s.engine.Fetch(set, options)
	reason := errNoMessage
	for data := c.Next(); data != nil; data = c.Next() {
		for item := data.Next(); item != nil; item = data.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok {
				continue
			}
			if body.Literal == nil {
				reason = errNoSection
				continue
			}
			lit := &Literal{
				s:       s,
				size:    body.Literal.Size(),
				body:    body.Literal,
				command: c,
				ended:   make(chan struct{}),
			}
			lit.left.Store(lit.size)
			go lit.watch()
			return lit, nil
		}
	}
	err := c.Close()
	s.wire.settle(s.engine.Closed())
	if err == nil {
		err = reason
	}
	return nil, err
}

var (
	errNoMessage error = newError(coded.ENOTFOUND, "There is no such message.", nil)
	errNoSection error = newError(coded.ENODATA, "The message has no such part.", nil)
)

// Size is the number of octets, as the server has announced it.
func (l *Literal) Size() int64 { return l.size }

// Read is ReadContext without a bound of time.
func (l *Literal) Read(p []byte) (int, error) { return l.ReadContext(context.Background(), p) }

// ReadContext reads the next bytes. io.EOF comes when all have been read and
// the server has confirmed the end of the command. If ctx ends first, so does
// the session.
func (l *Literal) ReadContext(ctx context.Context, p []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, lost(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	if l.closed.Load() {
		return 0, newError(coded.ECLOSED, "The download has been closed.", nil)
	}
	if len(p) == 0 {
		return 0, nil
	}
	defer l.s.guard(ctx)()
	return l.read(p)
}

func (l *Literal) read(p []byte) (int, error) {
	n, err := l.body.Read(p)
	left := l.left.Add(-int64(n))
	switch {
	case n > 0:
		return n, nil
	case err == nil:
		return 0, io.ErrNoProgress
	case left > 0:
		l.end(l.s.result(errEnded))
	default:
		if err := l.s.result(l.command.Close()); err != nil {
			l.end(err)
		} else {
			l.end(io.EOF)
		}
	}
	return 0, l.err
}

func (l *Literal) end(err error) {
	l.err = err
	close(l.ended)
	l.s.wire.settle(l.s.engine.Closed())
	l.s.release()
}

// Close gives up what has not been read. If that is at most Limits.Drain, it
// is read and thrown away in the background, and the session goes on; else the
// session ends, as there is no way to tell a server to stop. After io.EOF
// Close does nothing. It may be called more than once.
func (l *Literal) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	if l.left.Load() > l.s.o.Limits.Drain {
		l.s.close()
	}
	go l.drain()
	return nil
}

// watch sees to it that the engine's reader, which waits for the literal to be
// read, gets away when the session ends.
func (l *Literal) watch() {
	select {
	case <-l.s.dead:
		l.drain()
	case <-l.ended:
	}
}

func (l *Literal) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	buf := make([]byte, 4096)
	for l.err == nil {
		l.read(buf)
	}
}
