package transfer

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dns"
)

// says is a server that answers whatever is asked with the same bytes, in which
// the id of each message is made to be the question's.
type says []byte

func (s says) DialContext(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		question := make([]byte, 1<<16)
		n, err := theirs.Read(question)
		if err != nil || n < 4 {
			return
		}
		out := append([]byte(nil), s...)
		for at := 0; at+4 <= len(out); at += 2 + int(out[at])<<8 + int(out[at+1]) {
			copy(out[at+2:], question[2:4])
		}
		theirs.Write(out)
		io.Copy(io.Discard, theirs)
	}()
	return ours, nil
}

// Whatever a server sends, a transfer has an end, with an error that has a code
// or a zone within bounds; and one that should be signed is not taken without.
func FuzzTransfer(f *testing.F) {
	frames := func(size int) (b []byte) {
		q := new(miekg.Msg)
		q.SetAxfr("zone.example.")
		zone := zoneOf(5)
		for len(zone) > 0 {
			m := new(miekg.Msg)
			m.SetReply(q)
			m.Answer, zone = zone[:min(size, len(zone))], zone[min(size, len(zone)):]
			packed, err := m.Pack()
			if err != nil {
				f.Fatal(err)
			}
			b = append(append(b, byte(len(packed)>>8), byte(len(packed))), packed...)
		}
		return b
	}
	f.Add(frames(100), false)
	f.Add(frames(2), false)
	f.Add(frames(2), true)
	f.Add(frames(100)[:40], false)
	f.Add([]byte{0, 0}, false)
	f.Add([]byte{0xff, 0xff, 0}, true)
	f.Fuzz(func(t *testing.T, b []byte, signed bool) {
		synctest.Test(t, func(t *testing.T) {
			c := &Client{Dialer: says(b), Server: "192.0.2.1:53", Timeout: time.Second, MaxRecords: 100}
			if signed {
				c.Key = &Key{Name: "key", Secret: secret}
			}
			count := 0
			err := c.Transfer(t.Context(), "zone.example", func(r dns.Record) error {
				if count++; count == 1 && r.Type != dns.TypeSOA {
					t.Errorf("the zone begins with %v", r)
				}
				return nil
			})
			switch c := coded.From(err, ""); {
			case count > 100 || signed && count > 0:
				t.Fatalf("%d records were taken, signed: %v", count, signed)
			case err == nil && signed:
				t.Fatal("it was not signed")
			case err == nil:
			case c.Code != coded.EPROTO && c.Code != coded.ELIMIT && c.Code != coded.ETIMEDOUT && c.Code != coded.EREFUSED && c.Code != coded.EAUTH:
				t.Fatal(err)
			}
		})
	})
}
