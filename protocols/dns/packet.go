package dns

import (
	"encoding/binary"
	"errors"
)

// Message is a whole message, for those who speak to others than the
// resolver's servers: packages mdns and transfer.
type Message struct {
	ID          uint16
	Bits        uint16 // of the header, as RFC 1035 §4.1.1 numbers them
	Questions   []Question
	Answers     []Record
	Authorities []Record
	Additionals []Record
}

// Question is one of a message's.
type Question struct {
	Name  string
	Type  Type
	Class Class
}

// The bits of Message.Bits that those packages use.
const (
	BitResponse      = bitResponse
	BitAuthoritative = bitAuthoritative
	BitTruncated     = bitTruncated
	OpNotify         = opNotify << 11
	OpUpdate         = opUpdate << 11
	MaskOp           = 15 << 11
)

// RCode is that of the header.
func (m *Message) RCode() RCode { return RCode(m.Bits & 15) }

// maxQuestions bounds the questions of a message; it is mDNS that has many.
const maxQuestions = 64

var errMany = errors.New("dns: the message has too many parts")

// ParseMessage reads a message. Of an OPT record it says nothing, and the bit
// of a class that mDNS takes for itself is left where it is. Errors are
// coded.EPROTO.
func ParseMessage(b []byte) (*Message, error) {
	r := reader{message: b}
	h := r.header()
	m := &Message{ID: h.id, Bits: h.bits}
	if h.count[0] > maxQuestions {
		return nil, unreadable(errMany)
	}
	for range h.count[0] {
		name := r.name(nil)
		q := Question{Type: Type(r.u16()), Class: Class(r.u16())}
		if r.err != nil {
			return nil, unreadable(r.err)
		}
		q.Name = nameText(name)
		m.Questions = append(m.Questions, q)
	}
	count := 0
	for i, section := range []*[]Record{&m.Answers, &m.Authorities, &m.Additionals} {
		for range h.count[1+i] {
			if count++; count > maxRecords {
				return nil, unreadable(errMany)
			}
			record, e := r.record(nil)
			if r.err != nil {
				return nil, unreadable(r.err)
			}
			if !e.present {
				*section = append(*section, record)
			}
		}
	}
	if r.err != nil {
		return nil, unreadable(r.err)
	}
	return m, nil
}

// Append writes the message. It fails with coded.EINVAL where a name is not
// one, as its escapes are those of zone files.
func (m *Message) Append(dst []byte) ([]byte, error) {
	dst = appendHeader(dst, header{id: m.ID, bits: m.Bits,
		count: [4]uint16{uint16(len(m.Questions)), uint16(len(m.Answers)), uint16(len(m.Authorities)), uint16(len(m.Additionals))}})
	for _, q := range m.Questions {
		name, ok := zoneName(q.Name)
		if !ok {
			return nil, invalid("This is no name.")
		}
		dst = append(dst, name...)
		dst = binary.BigEndian.AppendUint16(dst, uint16(q.Type))
		dst = binary.BigEndian.AppendUint16(dst, uint16(q.Class))
	}
	for _, section := range [][]Record{m.Answers, m.Authorities, m.Additionals} {
		for i := range section {
			record := &section[i]
			name, ok := zoneName(record.Name)
			if !ok || len(record.Data) >= 1<<16 {
				return nil, invalid("This is no name.")
			}
			dst = append(dst, name...)
			dst = binary.BigEndian.AppendUint16(dst, uint16(record.Type))
			dst = binary.BigEndian.AppendUint16(dst, uint16(record.Class))
			dst = binary.BigEndian.AppendUint32(dst, record.TTL)
			dst = binary.BigEndian.AppendUint16(dst, uint16(len(record.Data)))
			dst = append(dst, record.Data...)
		}
	}
	return dst, nil
}

// SplitTSIG takes a TSIG record off the end of a message: it returns the
// message as it was before that was added, and the record; nil where there is
// none. It fails with coded.EPROTO where the message can't be read, or a TSIG
// is not its last record (RFC 8945 §5.1).
func SplitTSIG(message []byte) ([]byte, *Record, error) {
	r := reader{message: message}
	h := r.header()
	for range h.count[0] {
		r.name(nil)
		r.bytes(4)
	}
	total := int(h.count[1]) + int(h.count[2]) + int(h.count[3])
	for i := range total {
		start := r.at
		record, e := r.record(nil)
		if r.err != nil {
			return nil, nil, unreadable(r.err)
		}
		if e.present || record.Type != TypeTSIG {
			continue
		}
		if i != total-1 || h.count[3] == 0 || r.at != len(message) {
			return nil, nil, unreadable(errMany)
		}
		before := append([]byte(nil), message[:start]...)
		binary.BigEndian.PutUint16(before[headerSize-2:], h.count[3]-1)
		return before, &record, nil
	}
	if r.err != nil {
		return nil, nil, unreadable(r.err)
	}
	return message, nil, nil
}
