// Package wire is the lexical layer of IMAP (RFC 9051, sections 4 and 9): it
// cuts what a server sends into responses and tokens, within limits, and writes
// what a client sends, literals included. What the tokens mean is package
// imap's business.
package wire

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"unsafe"
)

// Limits bounds what a server can make a Reader hold or wait for. All are
// required.
type Limits struct {
	Line    int   // bytes of a response, but for literals read by Literal
	Literal int64 // bytes of a literal
	Nesting int   // open parentheses
}

// LimitError says that the server has sent more than a limit allows.
type LimitError struct{ What string }

func (e *LimitError) Error() string { return "imap: the server sent " + e.What }

// SyntaxError says that a response can't be understood from some point on.
type SyntaxError struct {
	Want string
	Near string // the bytes at that point, 60 at most
}

func (e *SyntaxError) Error() string {
	return "imap: " + e.Want + " expected at " + strconv.Quote(e.Near)
}

// Reader reads responses. Each begins with Next; the methods named after tokens
// then take it apart, and Discard skips what is left of it.
//
// The first error sticks: the methods that follow do nothing and return zero
// values, so that a parser has to look at Err once, at its end. Loops end as
// well, since Close and List do.
//
// A []byte that is returned is valid until the next call.
type Reader struct {
	br     *bufio.Reader
	limits Limits

	// The segment at hand: a response, or what is between two literals of one,
	// without its line end.
	seg   []byte
	pos   int
	long  []byte // holds a segment that doesn't fit into br's buffer
	used  int    // bytes of the response that count against Limits.Line
	depth int    // open parentheses
	inLit bool   // the segment has ended with a literal that Literal has announced
	left  int64  // bytes of it to come
	text  bool   // the rest has been taken as text, in which no literal can be

	dates   dates
	scratch []byte // a string that had to be put together
	arena   []byte // see Keep
	err     error
}

// bufferSize is that of the reader below, which most responses fit into.
const bufferSize = 8 << 10

// NewReader returns a Reader of r.
func NewReader(r io.Reader, limits Limits) *Reader {
	return &Reader{br: bufio.NewReaderSize(r, bufferSize), limits: limits}
}

// Reset goes on with another source within the limits that hold already.
// Nothing may be buffered, unless r reads from Rest.
func (r *Reader) Reset(source io.Reader) {
	r.br = bufio.NewReaderSize(source, bufferSize)
}

// Buffered is how many bytes have been read from the source ahead of what has
// been asked for.
func (r *Reader) Buffered() int { return r.br.Buffered() }

// Rest reads on where the last response ended, buffered bytes first.
func (r *Reader) Rest() io.Reader { return r.br }

// Err is the first error.
func (r *Reader) Err() error { return r.err }

//go:noinline
func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *Reader) tooMuch(what string) { r.fail(&LimitError{what}) }

//go:noinline
func (r *Reader) expected(what string) {
	near := r.seg[min(r.pos, len(r.seg)):]
	r.fail(&SyntaxError{what, string(near[:min(len(near), 60)])})
}

// Next reads the beginning of the next response. io.EOF means that there is
// none; a source that ends within a response gives io.ErrUnexpectedEOF.
func (r *Reader) Next() error {
	r.used, r.depth, r.text, r.inLit, r.left = 0, 0, false, false, 0
	r.segment(false)
	return r.err
}

// Discard skips the rest of the response. Syntax errors are forgotten with it;
// others are returned.
func (r *Reader) Discard() error {
	if _, ok := r.err.(*SyntaxError); ok {
		r.err = nil
	}
	for r.err == nil && !r.text {
		if !r.inLit {
			_, size, ok := r.announced()
			if !ok {
				break
			}
			r.startLiteral(size)
		}
		r.EndLiteral()
	}
	return r.err
}

// segment reads up to a line end. within says that the response has begun.
func (r *Reader) segment(within bool) {
	if r.err != nil {
		return
	}
	const keep = 64 << 10 // a buffer that once had to be larger is let go
	if cap(r.long) > keep {
		r.long = nil
	}
	r.long = r.long[:0]
	r.seg, r.pos = nil, 0
	for {
		part, err := r.br.ReadSlice('\n')
		if r.used += len(part); r.used > r.limits.Line {
			r.tooMuch("a line of more than " + strconv.Itoa(r.limits.Line) + " bytes")
			return
		}
		if err == nil {
			if len(r.long) > 0 {
				r.long = append(r.long, part...)
				part = r.long
			}
			end := len(part) - 1
			if end > 0 && part[end-1] == '\r' {
				end--
			}
			r.seg = part[:end]
			return
		}
		r.long = append(r.long, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF && (within || len(r.long) > 0) {
			err = io.ErrUnexpectedEOF
		}
		r.fail(err)
		return
	}
}

// announced looks for the literal that the segment ends with: "{12}", "{12+}".
// at is where its brace is.
func (r *Reader) announced() (at int, size int64, ok bool) {
	end := len(r.seg)
	if end == 0 || r.seg[end-1] != '}' {
		return 0, 0, false
	}
	at = bytes.LastIndexByte(r.seg, '{')
	if at < r.pos {
		return 0, 0, false
	}
	digits := bytes.TrimSuffix(r.seg[at+1:end-1], []byte("+"))
	if len(digits) == 0 {
		return 0, 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, 0, false
		}
		if size > r.limits.Literal {
			continue // large enough to be refused
		}
		size = size*10 + int64(c-'0')
	}
	return at, size, true
}

func (r *Reader) startLiteral(size int64) bool {
	if size > r.limits.Literal {
		r.tooMuch("a literal of more than " + strconv.FormatInt(r.limits.Literal, 10) + " bytes")
		return false
	}
	r.left, r.inLit = size, true
	return true
}

func (r *Reader) skipLiteral() {
	for r.left > 0 && r.err == nil {
		n, err := r.br.Discard(int(min(r.left, 1<<20)))
		r.left -= int64(n)
		r.fail(unexpected(err))
	}
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Empty reports whether nothing of the segment is left.
func (r *Reader) Empty() bool { return r.err != nil || r.pos == len(r.seg) }

// Used is how many bytes of the response have come so far, but for literals
// read by Literal.
func (r *Reader) Used() int { return r.used }

// Peek is the next byte, or 0 where there is none.
func (r *Reader) Peek() byte {
	if r.err != nil || r.pos >= len(r.seg) {
		return 0
	}
	return r.seg[r.pos]
}

// Head is the beginning of the response's current line, n bytes at most, for
// reports.
//
//go:noinline
func (r *Reader) Head(n int) []byte { return r.seg[:min(n, len(r.seg))] }

// Skip steps over c if it comes next.
func (r *Reader) Skip(c byte) bool {
	if r.Peek() != c || c == 0 {
		return false
	}
	r.pos++
	return true
}

// Space steps over any number of spaces and reports whether there were some.
//
//go:noinline
func (r *Reader) Space() bool {
	start := r.pos
	for r.Peek() == ' ' {
		r.pos++
	}
	return r.pos > start
}

// Expect steps over c, which has to come next.
func (r *Reader) Expect(c byte) {
	if !r.Skip(c) {
		r.expected(strconv.QuoteRune(rune(c)))
	}
}

// isAtomEnd reports whether c can't be in an atom, taken widely: servers put
// much into atoms that the grammar doesn't allow.
func isAtomEnd(c byte) bool {
	return c <= ' ' || c == '(' || c == ')' || c == '"' || c == '{' || c == 0x7F
}

// Atom reads up to a space, parenthesis, quote or brace. It may be empty.
//
//go:noinline
func (r *Reader) Atom() []byte {
	start := r.pos
	for r.err == nil && r.pos < len(r.seg) && !isAtomEnd(r.seg[r.pos]) {
		r.pos++
	}
	return r.seg[start:r.pos]
}

// Until reads up to one of the bytes of stop, or to the end of the segment.
//
//go:noinline
func (r *Reader) Until(stop string) []byte {
	start := r.pos
	for r.err == nil && r.pos < len(r.seg) && !contains(stop, r.seg[r.pos]) {
		r.pos++
	}
	return r.seg[start:r.pos]
}

func contains(s string, c byte) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == c {
			return true
		}
	}
	return false
}

// Text takes the rest of the response as free text.
//
//go:noinline
func (r *Reader) Text() string {
	if r.err != nil {
		return ""
	}
	b := r.seg[r.pos:]
	r.pos, r.text = len(r.seg), true
	return string(b)
}

// Number reads a number of 32 bits.
func (r *Reader) Number() uint32 {
	n, ok := ParseNumber(r.digits())
	if !ok {
		r.expected("a number of 32 bits")
	}
	return n
}

// Number64 reads a number of 64 bits.
func (r *Reader) Number64() uint64 {
	b := r.digits()
	if n, ok := ParseNumber(b); ok {
		return uint64(n)
	}
	n, err := strconv.ParseUint(string(b), 10, 64)
	if err != nil {
		r.expected("a number of 64 bits")
		return 0
	}
	return n
}

func (r *Reader) digits() []byte {
	start := r.pos
	for c := r.Peek(); c >= '0' && c <= '9'; c = r.Peek() {
		r.pos++
	}
	return r.seg[start:r.pos]
}

// ParseNumber reads a number of 32 bits, and nothing else. It does without
// arithmetic of 64 bits, of which a phone's engine makes pairs.
func ParseNumber[T ~[]byte | ~string](s T) (uint32, bool) {
	n := uint32(0)
	for i := 0; i < len(s); i++ {
		d := uint32(s[i] - '0')
		if d > 9 || n > (1<<32-1)/10 || n == (1<<32-1)/10 && d > (1<<32-1)%10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(s) > 0
}

// String reads a string in any of its forms: quoted, literal, or an atom. ok is
// false for NIL, in any case, and for the () that some servers write for it.
// Literals count against Limits.Line.
func (r *Reader) String() (b []byte, ok bool) {
	switch r.Peek() {
	case '"':
		return r.quoted(), r.err == nil
	case '{', '~':
		if size, is := r.announce(); is {
			return r.literal(size), r.err == nil
		}
	case '(':
		if r.pos+1 < len(r.seg) && r.seg[r.pos+1] == ')' {
			r.pos += 2
			return nil, false
		}
	}
	b = r.Atom()
	if len(b) == 0 {
		r.expected("a string")
	}
	if IsNil(b) {
		return nil, false
	}
	return b, r.err == nil
}

// IsNil reports whether an atom is NIL.
func IsNil(b []byte) bool {
	return len(b) == 3 && b[0]|0x20 == 'n' && b[1]|0x20 == 'i' && b[2]|0x20 == 'l'
}

func (r *Reader) quoted() []byte {
	r.pos++
	start := r.pos
	end := bytes.IndexByte(r.seg[start:], '"')
	if end < 0 {
		r.expected("the end of a string")
		return nil
	}
	if b := r.seg[start : start+end]; bytes.IndexByte(b, '\\') < 0 {
		r.pos = start + end + 1
		return b
	}
	r.scratch = r.scratch[:0]
	for r.pos < len(r.seg) {
		c := r.seg[r.pos]
		r.pos++
		switch {
		case c == '"':
			return r.scratch
		case c == '\\' && r.pos < len(r.seg):
			c = r.seg[r.pos]
			r.pos++
		}
		r.scratch = append(r.scratch, c)
	}
	r.expected("the end of a string")
	return nil
}

// announce steps over the announcement of a literal, if that comes next.
func (r *Reader) announce() (size int64, ok bool) {
	at, size, ok := r.announced()
	if ok && at == r.pos+1 && r.seg[r.pos] == '~' { // RFC 3516's literal8
		at--
	}
	if !ok || at != r.pos {
		return 0, false
	}
	r.pos = len(r.seg)
	return size, true
}

// literal holds a literal that is part of a response.
func (r *Reader) literal(size int64) []byte {
	if size > int64(r.limits.Line-r.used) {
		r.tooMuch("a string of more than " + strconv.Itoa(r.limits.Line-r.used) + " bytes")
		return nil
	}
	n := int(size)
	r.used += n
	if cap(r.scratch) < n {
		r.scratch = make([]byte, n)
	}
	r.scratch = r.scratch[:n]
	_, err := io.ReadFull(r.br, r.scratch)
	r.fail(unexpected(err))
	r.segment(true)
	if r.err != nil {
		return nil // not what the last string has left there
	}
	return r.scratch
}

// Literal reads the announcement of a literal, if one comes next; its bytes
// come from Read, and EndLiteral goes on with the response.
func (r *Reader) Literal() (size int64, ok bool) {
	if r.err != nil {
		return 0, false
	}
	if size, ok = r.announce(); !ok || !r.startLiteral(size) {
		return 0, false
	}
	return size, true
}

// Read reads from the literal at hand, and no further than its end.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.br.Read(p)
	r.left -= int64(n)
	if n > 0 {
		return n, nil
	}
	r.fail(unexpected(err))
	return 0, r.err
}

// EndLiteral skips what has not been read of a literal and goes on behind it.
func (r *Reader) EndLiteral() {
	r.skipLiteral()
	r.inLit = false
	r.segment(true)
}

// Open steps over an opening parenthesis, if one comes next.
func (r *Reader) Open() bool {
	if r.Peek() != '(' {
		return false
	}
	if r.depth++; r.depth > r.limits.Nesting {
		r.tooMuch("more than " + strconv.Itoa(r.limits.Nesting) + " nested lists")
		return false
	}
	r.pos++
	return true
}

// Close steps over spaces and, if it comes next, a closing parenthesis. It
// reports whether the list has ended, which it has after an error as well.
func (r *Reader) Close() bool {
	r.Space()
	if r.Skip(')') {
		r.depth--
		return true
	}
	if r.Empty() {
		r.expected("the end of a list")
		return true
	}
	return r.err != nil
}

// List calls each at every element of a list, which each has to read. NIL is
// an empty list. It reports whether a list has come; nothing is read if not.
func (r *Reader) List(each func()) bool {
	if !r.Open() {
		if end := r.pos + 3; end <= len(r.seg) && IsNil(r.seg[r.pos:end]) && (end == len(r.seg) || isAtomEnd(r.seg[end])) {
			r.pos = end
			return true
		}
		return false
	}
	for !r.Close() {
		at, segment := r.pos, r.used
		each()
		if r.pos == at && r.used == segment { // nothing that a value begins with
			r.expected("a value")
		}
	}
	return true
}

// Value skips a value of any kind: a string, a list with all that is in it, or
// an atom such as BODY[HEADER.FIELDS (DATE)]<0>.
func (r *Reader) Value() {
	depth := r.depth
	for {
		r.Space()
		switch c := r.Peek(); {
		case c == '(':
			r.Open()
			if r.err == nil {
				continue
			}
		case c == ')' && r.depth > depth:
			r.Close()
		case c == '"':
			r.quoted()
		default:
			if _, ok := r.Literal(); ok {
				r.EndLiteral()
				break
			}
			start := r.pos
			for !r.Empty() && !isAtomEnd(r.seg[r.pos]) {
				if r.seg[r.pos] != '[' {
					r.pos++
					continue
				}
				if end := bytes.IndexByte(r.seg[r.pos:], ']'); end >= 0 {
					r.pos += end
				}
				r.pos++
			}
			if r.pos == start {
				r.expected("a value")
			}
		}
		if r.err != nil || r.depth <= depth {
			return
		}
	}
}

// arenaSize is how many bytes of strings share an allocation.
const arenaSize = 512

// Keep returns a copy of b. The copies of strings that come one after another
// share their memory, which an envelope's many small ones would spend on
// allocations.
//
//go:noinline
func (r *Reader) Keep(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > arenaSize/4 {
		return string(b)
	}
	if len(b) > cap(r.arena)-len(r.arena) {
		r.arena = make([]byte, 0, arenaSize)
	}
	start := len(r.arena)
	r.arena = append(r.arena, b...)
	// What has been written to the arena is never changed.
	return unsafe.String(&r.arena[start], len(b))
}

// Mark is a place in a response.
type Mark struct{ segment, at, depth int }

// Mark is the place where the reader stands.
func (r *Reader) Mark() Mark { return Mark{r.used, r.pos, r.depth} }

// Return goes back to a mark. No literal may have come since.
func (r *Reader) Return(to Mark) {
	if to.segment == r.used {
		r.pos, r.depth = to.at, to.depth
	}
}

// Repeats steps over what comes next if it is the same, byte by byte, as what
// stands between two marks. It reports false where a literal has come since.
func (r *Reader) Repeats(from, to Mark) bool {
	if r.err != nil || from.segment != r.used || to.segment != r.used {
		return false
	}
	b := r.seg[from.at:to.at]
	if !bytes.HasPrefix(r.seg[r.pos:], b) {
		return false
	}
	r.pos += len(b)
	return true
}

// Expected has the reader fail: something else than what was needed comes next.
func (r *Reader) Expected(what string) { r.expected(what) }
