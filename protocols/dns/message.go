package dns

import (
	"encoding/binary"
	"errors"

	"kaiwire/protocols/coded"
)

// Why a message can't be read.
var (
	errShort = errors.New("dns: the message ends too early")
	errName  = errors.New("dns: a name is not one, or has no end")
)

// The bits of a message's header (RFC 1035 §4.1.1, RFC 4035 §3).
const (
	bitResponse           = 1 << 15
	bitAuthoritative      = 1 << 10
	bitTruncated          = 1 << 9
	bitRecursionDesired   = 1 << 8
	bitRecursionAvailable = 1 << 7
	bitAuthenticated      = 1 << 5
	bitCheckingDisabled   = 1 << 4

	headerSize = 12
)

// The opcodes of messages.
const (
	opQuery  = 0
	opNotify = 4
	opUpdate = 5
)

// maxRecords bounds an answer, whose 64 KiB may otherwise become many
// megabytes by compression.
const maxRecords = 1024

// reader reads a message. The first thing that is wrong is kept in err, and
// what is read after it is zero.
type reader struct {
	message []byte
	at      int
	err     error
}

func (r *reader) bytes(n int) []byte {
	if r.err == nil && len(r.message)-r.at < n {
		r.err = errShort
	}
	if r.err != nil {
		return nil
	}
	r.at += n
	return r.message[r.at-n : r.at]
}

func (r *reader) u8() uint8 {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) rest() []byte { return r.bytes(len(r.message) - r.at) }

// name appends a name to dst, without compression. A pointer has to lead to
// before the name that it is in, so that there is an end to them.
func (r *reader) name(dst []byte) []byte {
	if r.err != nil {
		return dst
	}
	start, at, limit, jumped := len(dst), r.at, r.at, false
	for {
		if at >= len(r.message) {
			r.err = errShort
			return dst
		}
		c := int(r.message[at])
		switch {
		case c == 0:
			dst = append(dst, 0)
			if !jumped {
				r.at = at + 1
			}
			return dst
		case c < 64:
			if at+1+c > len(r.message) {
				r.err = errShort
				return dst
			}
			if len(dst)-start+1+c+1 > maxName {
				r.err = errName
				return dst
			}
			dst = append(dst, r.message[at:at+1+c]...)
			at += 1 + c
		case c >= 192 && at+1 < len(r.message):
			to := (c&63)<<8 | int(r.message[at+1])
			if to >= limit {
				r.err = errName
				return dst
			}
			if !jumped {
				r.at, jumped = at+2, true
			}
			at, limit = to, to
		default:
			r.err = errName
			return dst
		}
	}
}

// skipName passes over a name without a look at where its pointer leads.
func (r *reader) skipName() {
	for {
		switch c := r.u8(); {
		case c == 0:
			return
		case c >= 192:
			r.bytes(1)
			return
		case c >= 64 && r.err == nil:
			r.err = errName
			return
		default:
			r.bytes(int(c))
		}
	}
}

// header is a message's.
type header struct {
	id    uint16
	bits  uint16
	count [4]uint16 // of questions, answers, authorities, additionals
}

func (h header) opcode() int { return int(h.bits >> 11 & 15) }

func (r *reader) header() (h header) {
	h.id, h.bits = r.u16(), r.u16()
	for i := range h.count {
		h.count[i] = r.u16()
	}
	return h
}

// query is a question, as it is put to servers.
type query struct {
	name  []byte // as it is sent
	t     Type
	class Class
	// dnssec asks for signatures, and for the answer whether or not the server
	// believes them (RFC 4035 §3.2).
	dnssec bool
	// failed is why the last server that was tried did not answer; guarded by
	// the resolver's mu.
	failed *coded.Error
}

// The options of EDNS that this package knows (RFC 6891, 7873, 8914).
const (
	optionCookie = 10
	optionError  = 15

	clientCookieSize = 8
	maxServerCookie  = 32
	maxExtendedText  = 256
	maxExtended      = 8
)

// payloadSize is what a server may send in a datagram: what fits everywhere
// without fragments, which get lost and can be forged.
const payloadSize = 1232

// appendQuery writes the message that asks q, under the spelling of name; with
// edns comes an OPT record, and in it the cookie, if there is one.
func appendQuery(dst []byte, id uint16, q *query, name []byte, edns bool, cookie []byte) []byte {
	bits := uint16(bitRecursionDesired | bitAuthenticated)
	if q.dnssec {
		bits |= bitCheckingDisabled
	}
	additionals := uint16(0)
	if edns {
		additionals = 1
	}
	dst = appendHeader(dst, header{id: id, bits: bits, count: [4]uint16{1, 0, 0, additionals}})
	dst = append(dst, name...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(q.t))
	dst = binary.BigEndian.AppendUint16(dst, uint16(q.class))
	if !edns {
		return dst
	}
	dst = append(dst, 0, byte(typeOPT>>8), byte(typeOPT), payloadSize>>8, payloadSize&0xff, 0, 0)
	if q.dnssec {
		dst = append(dst, 0x80, 0)
	} else {
		dst = append(dst, 0, 0)
	}
	if cookie == nil {
		return append(dst, 0, 0)
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(4+len(cookie)))
	dst = append(dst, 0, optionCookie)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(cookie)))
	return append(dst, cookie...)
}

func appendHeader(dst []byte, h header) []byte {
	dst = binary.BigEndian.AppendUint16(dst, h.id)
	dst = binary.BigEndian.AppendUint16(dst, h.bits)
	for _, n := range h.count {
		dst = binary.BigEndian.AppendUint16(dst, n)
	}
	return dst
}

// question reads a message's only question, or ok is false. The name is appended
// to dst.
func (r *reader) question(h header, dst []byte) (q query, ok bool) {
	if h.count[0] != 1 {
		return q, false
	}
	q.name = r.name(dst)
	q.t, q.class = Type(r.u16()), Class(r.u16())
	return q, r.err == nil
}

// edns is what a message says in its OPT record.
type edns struct {
	present  bool
	rcode    uint16 // the upper eight of twelve bits
	cookie   []byte // the client's and the server's
	extended []ExtendedError
}

func (e *edns) read(ttl uint32, data []byte) {
	e.present = true
	e.rcode = uint16(ttl>>24) << 4
	r := reader{message: data}
	for r.at < len(data) {
		code := r.u16()
		value := r.bytes(int(r.u16()))
		if r.err != nil {
			return
		}
		switch {
		case code == optionCookie && len(value) >= clientCookieSize && len(value) <= clientCookieSize+maxServerCookie:
			e.cookie = value
		case code == optionError && len(value) >= 2 && len(e.extended) < maxExtended:
			e.extended = append(e.extended, ExtendedError{
				Code: binary.BigEndian.Uint16(value),
				Text: string(value[2:min(len(value), 2+maxExtendedText)]),
			})
		}
	}
}

// glance reads the OPT record of a message and the rcode, which may be partly
// in there.
func glance(message []byte) (rcode RCode, e edns, err error) {
	r := reader{message: message}
	h := r.header()
	rcode = RCode(h.bits & 15)
	for range h.count[0] {
		r.skipName()
		r.bytes(4)
		if r.err != nil {
			return rcode, e, r.err
		}
	}
	for i := range int(h.count[1]) + int(h.count[2]) + int(h.count[3]) {
		if i >= maxRecords || r.err != nil {
			break
		}
		before := r.at
		r.skipName()
		root := r.at == before+1
		t, _, ttl := Type(r.u16()), r.u16(), r.u32()
		data := r.bytes(int(r.u16()))
		if t == typeOPT && root && r.err == nil && !e.present {
			e.read(ttl, data)
		}
	}
	return rcode | RCode(e.rcode), e, r.err
}

// parse reads a message that is known to answer a question of ours.
func parse(message []byte) (*Answer, error) {
	r := reader{message: message}
	h := r.header()
	var scratch [maxName]byte
	var asked []byte
	for range h.count[0] {
		asked = r.name(scratch[:0])
		r.bytes(4)
		if r.err != nil {
			break
		}
	}
	a := &Answer{
		RCode:              RCode(h.bits & 15),
		Authoritative:      h.bits&bitAuthoritative != 0,
		Truncated:          h.bits&bitTruncated != 0,
		RecursionAvailable: h.bits&bitRecursionAvailable != 0,
		Authenticated:      h.bits&bitAuthenticated != 0,
	}
	count := 0
	for i, section := range []*[]Record{&a.Answers, &a.Authorities, &a.Additionals} {
		for range h.count[1+i] {
			if count++; count > maxRecords {
				return nil, coded.New(coded.ELIMIT, protocol, "The answer has too many records.", nil)
			}
			record, edns := r.record(asked)
			if r.err != nil {
				return nil, unreadable(r.err)
			}
			if edns.present {
				a.RCode |= RCode(edns.rcode)
				a.Extended = edns.extended
			} else {
				*section = append(*section, record)
			}
		}
	}
	if r.err != nil {
		return nil, unreadable(r.err)
	}
	return a, nil
}

func unreadable(err error) error { return coded.New(coded.EPROTO, protocol, "", err) }

// record reads a record, or an OPT record. A name that is the one asked for is
// given its spelling.
func (r *reader) record(asked []byte) (record Record, e edns) {
	var scratch [maxName]byte
	owner := r.name(scratch[:0])
	record.Type, record.Class, record.TTL = Type(r.u16()), Class(r.u16()), r.u32()
	size := int(r.u16())
	if r.err == nil && len(r.message)-r.at < size {
		r.err = errShort
	}
	if r.err != nil {
		return record, e
	}
	end := r.at + size
	if record.Type == typeOPT {
		e.present = true
		if len(owner) == 1 {
			e.read(record.TTL, r.message[r.at:end])
		}
		r.at = end
		return record, e
	}
	if record.TTL > 1<<31-1 {
		record.TTL = 0 // RFC 2181 §8
	}
	if equalName(owner, asked) {
		owner = asked
	}
	record.Name = nameText(owner)
	record.Data, r.err = plainData(record.Type, record.Class, r.message[:end], r.at)
	r.at = end
	return record, e
}

// cacheFlush is the bit of a class by which mDNS says that there are no other
// records of the kind (RFC 6762 §10.2).
const cacheFlush Class = 1 << 15

// plainData copies the data that stands at the end of message, without
// compression. Data that is not what its type says is copied as it is.
func plainData(t Type, class Class, message []byte, at int) ([]byte, error) {
	r := reader{message: message, at: at}
	data := make([]byte, 0, len(message)-at)
	if class&^cacheFlush == ClassIN {
		for _, f := range fieldsOf(t) {
			if f.kind == domain {
				data = r.name(data)
				continue
			}
			before := r.at
			r.skip(f.kind)
			data = append(data, message[before:r.at]...)
		}
		if r.err == errName {
			return nil, r.err
		}
		if r.err == nil && len(data) > 0 && r.at == len(message) {
			return data, nil
		}
	}
	return append(data[:0], message[at:]...), nil
}

// skip passes over a part of data that is no name, and checks it.
func (r *reader) skip(k kind) {
	switch k {
	case u8:
		r.bytes(1)
	case u16, rrType:
		r.bytes(2)
	case u32, seconds, ip4:
		r.bytes(4)
	case ip6:
		r.bytes(16)
	case tag, charString, saltBytes, hashBytes:
		r.bytes(int(r.u8()))
	case charStrings:
		for first := true; first || r.at < len(r.message) && r.err == nil; first = false {
			r.bytes(int(r.u8()))
		}
	case longString, hexBytes, base64Bytes:
		r.rest()
	case typeBitmap:
		r.types()
	case svcParams:
		r.params()
	case location:
		if version := r.u8(); version != 0 {
			r.err = errShort
		}
		r.bytes(15)
	}
}
