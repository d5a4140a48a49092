package dns

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"

	"kaiwire/protocols/coded"
)

// Whatever the message, what is read of it is written and read again as the
// same; and miekg/dns, where it takes the message as well, sees the same in it.
func FuzzMessage(f *testing.F) {
	for _, line := range presentations {
		record, err := ParseRecord(line)
		if err != nil {
			f.Fatal(err)
		}
		m := Message{ID: 1, Bits: BitResponse, Questions: []Question{{Name: record.Name, Type: record.Type, Class: record.Class}}, Answers: []Record{*record}}
		b, err := m.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	signed := new(miekg.Msg)
	signed.SetUpdate("a.example.")
	signed.SetTsig("key.", miekg.HmacSHA256, 300, 1)
	b, _, err := miekg.TsigGenerate(signed, "c2VjcmV0", "", false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		before, tsig, err := SplitTSIG(b)
		switch {
		case err != nil:
			if coded.From(err, "").Code != coded.EPROTO {
				t.Fatal(err)
			}
		case tsig != nil && (tsig.Type != TypeTSIG || !bytes.HasPrefix(b[headerSize:], before[headerSize:])):
			t.Fatalf("of %x %x was left and %v taken", b, before, tsig)
		}
		m, err := ParseMessage(b)
		if err != nil {
			if coded.From(err, "").Code != coded.EPROTO {
				t.Fatal(err)
			}
			return
		}
		written, err := m.Append(nil)
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		again, err := ParseMessage(written)
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%+v is written as %x, and read as %+v, %v", m, written, again, err)
		}
		theirs := new(miekg.Msg)
		if theirs.Unpack(b) != nil {
			return // it checks more
		}
		if len(theirs.Question) != len(m.Questions) {
			return // to it a question may be left out at the end
		}
		for i, q := range m.Questions {
			if other := theirs.Question[i]; uint16(q.Type) != other.Qtype || uint16(q.Class) != other.Qclass || !sameName(q.Name, other.Name) {
				t.Fatalf("%+v is to miekg %+v", q, other)
			}
		}
		sections := [][]miekg.RR{theirs.Answer, theirs.Ns, theirs.Extra}
		for i, ours := range [][]Record{m.Answers, m.Authorities, m.Additionals} {
			list := slices.DeleteFunc(sections[i], func(rr miekg.RR) bool { return rr.Header().Rrtype == miekg.TypeOPT })
			if len(list) != len(ours) {
				t.Fatalf("%d records, to miekg %d: %x", len(ours), len(list), b)
			}
			for j, record := range ours {
				h := list[j].Header()
				if h.Ttl > 1<<31-1 {
					h.Ttl = 0 // RFC 2181 §8
				}
				if h.Rrtype != uint16(record.Type) || h.Class != uint16(record.Class) || h.Ttl != record.TTL || !sameName(record.Name, h.Name) {
					t.Fatalf("%+v is to miekg %+v", record, h)
				}
			}
		}
	})
}

// sameName tells whether miekg/dns, which escapes otherwise, means our name.
func sameName(ours, theirs string) bool {
	a, ok := zoneName(ours)
	var b [maxName + 1]byte
	n, err := miekg.PackDomainName(theirs, b[:], 0, nil, false)
	return ok && err == nil && bytes.Equal(a, b[:n])
}

// A line of a zone file that is taken is written as one that means the same,
// to miekg/dns as well.
func FuzzRecord(f *testing.F) {
	for _, line := range presentations {
		f.Add(line)
	}
	f.Add("a.example. 300 IN LOC 1 2 3.4 N 5 E 6m 7.8m 9m ; a comment")
	f.Add("A.eXample 0 in https 1 . ipv4hint=192.0.2.1 port=1 alpn=\"a\\\\,b,c\"")
	f.Fuzz(func(t *testing.T, line string) {
		record, err := ParseRecord(line)
		if err != nil {
			if coded.From(err, "").Code != coded.EINVAL {
				t.Fatal(err)
			}
			return
		}
		shown := record.String()
		again, err := ParseRecord(shown)
		if err != nil || !reflect.DeepEqual(record.Data, again.Data) || again.Name != record.Name || again.Type != record.Type || again.TTL != record.TTL || again.String() != shown {
			t.Fatalf("%q is %q, and that %+v, %v", line, shown, again, err)
		}
		if strings.Contains(shown, `\# `) {
			return // to miekg/dns data that is empty is a record of zeros
		}
		if record.Class != ClassIN || record.Type == TypeLOC {
			return // of locations miekg/dns rounds sizes otherwise
		}
		rr, err := miekg.NewRR(shown)
		if err != nil || rr == nil {
			return // it checks more
		}
		if theirs, err := miekgData(rr); err == nil && !bytes.Equal(theirs, record.Data) && record.Type != TypeNSEC3 && !mandatory(record) {
			t.Fatalf("%q is %x, to miekg %x", shown, record.Data, theirs)
		}
	})
}

// mandatory tells of keys that miekg/dns puts in order.
func mandatory(record *Record) bool {
	return (record.Type == TypeSVCB || record.Type == TypeHTTPS) && strings.Contains(record.Presentation(), "mandatory=")
}

// A name that is taken is within bounds, is the same when it is shown and read
// again, and is to miekg/dns as well.
func FuzzName(f *testing.F) {
	for _, name := range []string{".", "a.example", "_imaps._tcp.a.example.", "bücher.example", "例え。テスト", "a..b", strings.Repeat("a", 64), strings.Repeat("a.", 127), `a\.b`, "xn--a", "a@b$"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		wire, err := parseName(name)
		if err != nil {
			if coded.From(err, "").Code != coded.EINVAL {
				t.Fatal(err)
			}
			return
		}
		r := reader{message: wire}
		if read := r.name(nil); r.err != nil || r.at != len(wire) || !bytes.Equal(read, wire) {
			t.Fatalf("%q is %x, of which %x can be read: %v", name, wire, read, r.err)
		}
		shown := nameText(wire)
		if again, ok := zoneName(shown); !ok || !bytes.Equal(again, wire) {
			t.Fatalf("%q is shown as %q, which is %x and not %x", name, shown, again, wire)
		}
		if !sameName(shown, absolute(shown)) {
			t.Fatalf("%q is not the same to miekg", shown)
		}
	})
}

// hostile is a server that answers each question with the same bytes.
type hostile struct {
	mode byte // see FuzzServer
	data []byte
}

const (
	keepsID       = 1 << iota // begins with the question's id
	keepsQuestion             // and has its question
	hangsUp
	framed   // has a length that is right, by TCP
	inPieces // comes in two parts
)

func (h *hostile) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		buffer := make([]byte, 2048)
		for {
			n, err := theirs.Read(buffer)
			if err != nil {
				return
			}
			question := buffer[:n]
			if network != "udp" {
				question = question[min(2, n):]
			}
			message := slices.Clone(h.data)
			if h.mode&keepsID != 0 && len(message) >= 2 && len(question) >= 2 {
				copy(message, question[:2])
			}
			if r := (reader{message: question}); h.mode&keepsQuestion != 0 && len(message) >= headerSize {
				r.question(r.header(), nil)
				message = slices.Insert(message, headerSize, question[headerSize:r.at]...)
			}
			if network != "udp" && h.mode&framed != 0 {
				message = append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
			}
			if half := len(message) / 2; h.mode&inPieces != 0 {
				theirs.Write(message[:half])
				message = message[half:]
			}
			theirs.Write(message)
			if h.mode&hangsUp != 0 {
				return
			}
			if network != "udp" {
				io.Copy(io.Discard, theirs)
			}
		}
	}()
	return ours, nil
}

// Whatever a server sends by UDP and TCP, a question has an end in time, with an
// answer or an error that has a code, and nothing stays behind.
func FuzzServer(f *testing.F) {
	answer := []byte{0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7}
	for mode := range byte(32) {
		f.Add(mode, answer)
	}
	f.Add(byte(keepsID|keepsQuestion|framed), []byte{0, 0, 0x83, 0x81, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 6, 0, 15, 0, 2, 0, 6})
	f.Add(byte(0), []byte{0xff, 0xff, 0})
	f.Add(byte(framed), []byte{})
	f.Fuzz(func(t *testing.T, mode byte, data []byte) {
		if len(data) > 4000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			r := New(&hostile{mode, data}, Options{Servers: []string{"192.0.2.1"}, Timeout: time.Second})
			begun := time.Now()
			a, err := r.Query(t.Context(), "www.a.example", TypeA)
			if took := time.Since(begun); took > 3*time.Second {
				t.Fatalf("it took %v", took)
			}
			switch {
			case err == nil && len(a.Answers)+len(a.Authorities)+len(a.Additionals) > maxRecords:
				t.Fatal("the answer has no bound")
			case err != nil:
				switch c := coded.From(err, "").Code; c {
				case coded.ETIMEDOUT, coded.EPROTO, coded.ELIMIT, coded.ECONNRESET:
				default:
					t.Fatalf("%s: %v", c, err)
				}
			}
			r.Close()
		})
	})
}
