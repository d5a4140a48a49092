// Package transfer is what zones are run by: it fetches whole zones (AXFR, RFC
// 5936), tells servers that a zone has changed (NOTIFY, RFC 1996) and changes
// zones (UPDATE, RFC 2136), signed by TSIG (RFC 8945) where there is a key.
package transfer

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dns"
)

const protocol = "dns"

// Key is a secret that is shared with a server.
type Key struct {
	Name      string
	Algorithm string // "hmac-sha256" (default), "hmac-sha384" or "hmac-sha512"
	Secret    string // in base64
}

const (
	// fudge is by how many seconds two clocks may differ.
	fudge = 300
	// The errors of TSIG, beside rcodes.
	badSig, badKey, badTime = 16, 17, 18
)

// signer signs and checks the messages of one exchange.
type signer struct {
	name, algorithm []byte // as they are sent
	hash            func() hash.Hash
	secret          []byte
	now             func() time.Time
	mac             []byte // of the message before
}

// newSigner is nil without a key.
func newSigner(k *Key, now func() time.Time) (*signer, error) {
	if k == nil {
		return nil, nil
	}
	s := &signer{now: now, hash: sha256.New}
	algorithm := k.Algorithm
	switch algorithm {
	case "":
		algorithm = "hmac-sha256"
	case "hmac-sha256":
	case "hmac-sha384":
		s.hash = sha512.New384
	case "hmac-sha512":
		s.hash = sha512.New
	default:
		return nil, invalid("The algorithm of a key has to be hmac-sha256, hmac-sha384 or hmac-sha512.")
	}
	var err error
	if s.name, err = dns.WireName(k.Name); err != nil {
		return nil, err
	}
	if s.algorithm, err = dns.WireName(algorithm); err != nil {
		return nil, err
	}
	if s.secret, err = base64.StdEncoding.DecodeString(k.Secret); err != nil || len(s.secret) == 0 {
		return nil, invalid("The secret of a key has to be in base64.")
	}
	return s, nil
}

func invalid(message string) error { return coded.New(coded.EINVAL, protocol, message, nil) }

// variables are what is signed beside the message (RFC 8945 §4.3.3).
func (s *signer) variables(at []byte, status uint16, other []byte) []byte {
	b := append([]byte(nil), s.name...)
	b = binary.BigEndian.AppendUint16(b, uint16(dns.ClassANY))
	b = binary.BigEndian.AppendUint32(b, 0)
	b = append(append(b, s.algorithm...), at...) // time and fudge
	b = binary.BigEndian.AppendUint16(b, status)
	b = binary.BigEndian.AppendUint16(b, uint16(len(other)))
	return append(b, other...)
}

func (s *signer) sum(parts ...[]byte) []byte {
	m := hmac.New(s.hash, s.secret)
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(nil)
}

// sign adds the TSIG record to a message that asks.
func (s *signer) sign(message []byte) []byte {
	at := binary.BigEndian.AppendUint64(nil, uint64(s.now().Unix()))[2:]
	at = binary.BigEndian.AppendUint16(at, fudge)
	s.mac = s.sum(message, s.variables(at, 0, nil))
	data := append(append([]byte(nil), s.algorithm...), at...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(s.mac)))
	data = append(data, s.mac...)
	data = append(data, message[:2]...) // the id
	data = append(data, 0, 0, 0, 0)     // no error, nothing else

	out := append(append([]byte(nil), message...), s.name...)
	out = binary.BigEndian.AppendUint16(out, uint16(dns.TypeTSIG))
	out = binary.BigEndian.AppendUint16(out, uint16(dns.ClassANY))
	out = binary.BigEndian.AppendUint32(out, 0)
	out = binary.BigEndian.AppendUint16(out, uint16(len(data)))
	const additionals = 10
	binary.BigEndian.PutUint16(out[additionals:], binary.BigEndian.Uint16(out[additionals:])+1)
	return append(out, data...)
}

// check verifies the TSIG record of an answer. between are the messages without
// one since the last, of which only the first of a transfer has none. With it
// the answer to the exchange's next message goes on.
func (s *signer) check(before []byte, tsig *dns.Record, between [][]byte, first bool) error {
	refuse := func(message string) error { return coded.New(coded.EAUTH, protocol, message, nil) }
	d := tsig.Data
	name, err := dns.WireName(tsig.Name)
	end := len(s.algorithm)
	// Algorithm, time and fudge, MAC, id, error, other.
	if err != nil || string(name) != string(s.name) || len(d) < end+10 || string(dns.LowerName(d[:end])) != string(s.algorithm) {
		return refuse("The server's answer is signed with another key.")
	}
	at := d[end : end+8]
	size := int(binary.BigEndian.Uint16(d[end+8:]))
	rest := d[end+10:]
	if len(rest) < size+6 {
		return coded.New(coded.EPROTO, protocol, "", nil)
	}
	mac, id, status, other := rest[:size], rest[size:size+2], binary.BigEndian.Uint16(rest[size+2:]), rest[size+6:]
	switch {
	case status == badSig || status == badKey:
		return refuse("The server does not know the key, or the secret is wrong.")
	case status == badTime:
		return refuse("The clock of this phone and that of the server differ.")
	}
	signed := append([]byte(nil), before...)
	copy(signed, id)
	prior := binary.BigEndian.AppendUint16(nil, uint16(len(s.mac)))
	parts := append([][]byte{prior, s.mac}, between...)
	parts = append(parts, signed)
	if first {
		parts = append(parts, s.variables(at, status, other))
	} else {
		parts = append(parts, at)
	}
	if !hmac.Equal(s.sum(parts...), mac) {
		return refuse("The server's answer is not signed rightly.")
	}
	then := int64(binary.BigEndian.Uint64(append([]byte{0, 0}, at[:6]...)))
	if d := s.now().Unix() - then; d > fudge || d < -fudge {
		return refuse("The clock of this phone and that of the server differ.")
	}
	s.mac = append([]byte(nil), mac...)
	return nil
}
