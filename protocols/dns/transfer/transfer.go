package transfer

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/dns"
)

// Client speaks to one server, by TCP; a connection for each exchange.
type Client struct {
	Dialer dial.Dialer
	Server string // host and port, joined by net.JoinHostPort
	TLS    bool   // RFC 9103
	Key    *Key   // nil for messages that are not signed
	// Timeout bounds the wait for each message. Default 10 seconds.
	Timeout time.Duration
	// MaxRecords bounds a zone. Default 100,000.
	MaxRecords int

	now func() time.Time
}

// maxUnsigned is how many messages in a row may come without a signature (RFC
// 8945 §5.3.1).
const maxUnsigned = 99

// exchange is a connection with a question on it.
type exchange struct {
	conn     net.Conn
	timeout  time.Duration
	stop     func() bool
	ctx      context.Context
	signer   *signer
	id       uint16
	opcode   uint16
	unsigned [][]byte
	size     int // of unsigned
	first    bool
}

// maxHeld bounds the bytes that are held until their signature comes.
const maxHeld = 1 << 20

func (c *Client) begin(ctx context.Context, m *dns.Message) (*exchange, error) {
	now := c.now
	if now == nil {
		now = time.Now
	}
	s, err := newSigner(c.Key, now)
	if err != nil {
		return nil, err
	}
	var id [2]byte
	rand.Read(id[:]) // never fails
	m.ID = binary.BigEndian.Uint16(id[:])
	message, err := m.Append(nil)
	if err != nil {
		return nil, err
	}
	if s != nil {
		message = s.sign(message)
	}
	if len(message) >= 1<<16 {
		return nil, coded.New(coded.EMSGSIZE, protocol, "", nil)
	}
	security := dial.None
	if c.TLS {
		security = dial.TLS
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	dialing, cancel := context.WithTimeout(ctx, timeout)
	conn, err := dial.Conn(dialing, c.Dialer, security, c.Server)
	cancel()
	if err != nil {
		return nil, coded.From(err, protocol)
	}
	x := &exchange{conn: conn, timeout: timeout, ctx: ctx, signer: s, id: m.ID, opcode: m.Bits & dns.MaskOp, first: true}
	x.stop = context.AfterFunc(ctx, func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(timeout))
	frame := append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
	if _, err := conn.Write(frame); err != nil {
		x.close()
		return nil, x.failure(err)
	}
	return x, nil
}

func (x *exchange) close() {
	x.stop()
	x.conn.Close()
}

func (x *exchange) failure(err error) error {
	if ctx := x.ctx.Err(); ctx != nil {
		err = ctx
	}
	return coded.From(err, protocol)
}

// next reads a message of the answer. It is believed only once signed tells so.
func (x *exchange) next() (m *dns.Message, signed bool, err error) {
	x.conn.SetDeadline(time.Now().Add(x.timeout))
	var size [2]byte
	if _, err := io.ReadFull(x.conn, size[:]); err != nil {
		return nil, false, x.failure(err)
	}
	message := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(x.conn, message); err != nil {
		return nil, false, x.failure(err)
	}
	before, tsig, err := dns.SplitTSIG(message)
	if err != nil {
		return nil, false, err
	}
	if m, err = dns.ParseMessage(before); err != nil {
		return nil, false, err
	}
	if m.ID != x.id || m.Bits&dns.BitResponse == 0 || m.Bits&dns.MaskOp != x.opcode {
		return nil, false, coded.New(coded.EPROTO, protocol, "", errors.New("dns: the message does not answer the question"))
	}
	switch {
	case x.signer == nil:
		signed = true
	case tsig != nil:
		if err := x.signer.check(before, tsig, x.unsigned, x.first); err != nil {
			return nil, false, err
		}
		x.unsigned, x.size, x.first, signed = nil, 0, false, true
	case x.first || len(x.unsigned) >= maxUnsigned || x.size+len(message) > maxHeld:
		return nil, false, coded.New(coded.EAUTH, protocol, "The server's answer is not signed.", nil)
	default:
		x.unsigned = append(x.unsigned, message)
		x.size += len(message)
	}
	if m.RCode() != dns.NoError {
		e := coded.New(coded.EREFUSED, protocol, "", nil)
		e.Response = m.RCode().String()
		return nil, false, e
	}
	return m, signed, nil
}

// Transfer fetches a whole zone. record is called with each of its records, the
// SOA first and only once; an error of it ends the transfer and is returned.
//
// Errors: coded.EREFUSED with the rcode as Response where the server does not
// give the zone, coded.EAUTH where it is not signed as it should, coded.EPROTO,
// coded.ELIMIT, those of the connection.
func (c *Client) Transfer(ctx context.Context, zone string, record func(dns.Record) error) error {
	m := &dns.Message{Questions: []dns.Question{{Name: zone, Type: dns.TypeAXFR, Class: dns.ClassIN}}}
	x, err := c.begin(ctx, m)
	if err != nil {
		return err
	}
	defer x.close()
	limit := c.MaxRecords
	if limit <= 0 {
		limit = 100_000
	}
	apex := zone
	if zone != "." {
		apex = strings.TrimSuffix(zone, ".")
	}
	var held []dns.Record
	var soa *dns.Record
	count, over := 0, false
	for {
		m, signed, err := x.next()
		if err != nil {
			return err
		}
		for i := range m.Answers {
			r := &m.Answers[i]
			isSOA := r.Type == dns.TypeSOA
			if over || soa == nil && !isSOA || isSOA && !strings.EqualFold(r.Name, apex) {
				return coded.New(coded.EPROTO, protocol, "", errors.New("dns: this is no zone"))
			}
			if isSOA && soa != nil {
				if string(r.Data) != string(soa.Data) {
					return coded.New(coded.EPROTO, protocol, "", errors.New("dns: the zone has changed meanwhile"))
				}
				over = true
				continue
			}
			if isSOA {
				soa = r
			}
			if count++; count > limit {
				return coded.New(coded.ELIMIT, protocol, "The zone has too many records.", nil)
			}
			held = append(held, *r)
		}
		if len(m.Answers) == 0 {
			return coded.New(coded.EPROTO, protocol, "", errors.New("dns: a message without a record"))
		}
		if !signed {
			if over {
				return coded.New(coded.EAUTH, protocol, "The server's answer is not signed.", nil)
			}
			continue
		}
		for _, r := range held {
			if err := record(r); err != nil {
				return err
			}
		}
		if held = held[:0]; over {
			return nil
		}
	}
}

// Notify tells the server that a zone has changed.
func (c *Client) Notify(ctx context.Context, zone string) error {
	return c.once(ctx, &dns.Message{Bits: dns.OpNotify | dns.BitAuthoritative, Questions: []dns.Question{{Name: zone, Type: dns.TypeSOA, Class: dns.ClassIN}}})
}

func (c *Client) once(ctx context.Context, m *dns.Message) error {
	x, err := c.begin(ctx, m)
	if err != nil {
		return err
	}
	defer x.close()
	_, _, err = x.next()
	return err
}

// Change is one of an update; they are made all or none, in their order.
type Change struct {
	Op     Op
	Record dns.Record // of Delete the name and type count, and of DeleteName the name
}

// Op is what a Change does.
type Op uint8

const (
	Add           Op = iota // adds the record
	Remove                  // removes this one record
	Delete                  // removes all records of the name and type
	DeleteName              // removes all records of the name
	Exists                  // fails with NXRRSET unless the name has records of the type
	ExistsNot               // fails with YXRRSET where it has
	NameExists              // fails with NXDOMAIN unless the name is there
	NameExistsNot           // fails with YXDOMAIN where it is
)

// Update changes a zone. Errors: coded.EREFUSED with the rcode as Response
// ("NOTAUTH", "REFUSED", "NXRRSET", …), coded.EAUTH, those of the connection.
func (c *Client) Update(ctx context.Context, zone string, changes []Change) error {
	const classNone dns.Class = 254
	m := &dns.Message{Bits: dns.OpUpdate, Questions: []dns.Question{{Name: zone, Type: dns.TypeSOA, Class: dns.ClassIN}}}
	for _, change := range changes {
		r := change.Record
		section := &m.Authorities
		switch change.Op {
		case Add:
			r.Class = dns.ClassIN
		case Remove:
			r.Class, r.TTL = classNone, 0
		case Delete:
			r = dns.Record{Name: r.Name, Type: r.Type, Class: dns.ClassANY}
		case DeleteName:
			r = dns.Record{Name: r.Name, Type: dns.TypeANY, Class: dns.ClassANY}
		case Exists, ExistsNot, NameExists, NameExistsNot:
			section = &m.Answers
			r = dns.Record{Name: r.Name, Type: r.Type, Class: dns.ClassANY}
			if change.Op == NameExists || change.Op == NameExistsNot {
				r.Type = dns.TypeANY
			}
			if change.Op == ExistsNot || change.Op == NameExistsNot {
				r.Class = classNone
			}
		default:
			return invalid("There is no such change.")
		}
		*section = append(*section, r)
	}
	return c.once(ctx, m)
}
