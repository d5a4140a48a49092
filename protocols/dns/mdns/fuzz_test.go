package mdns

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dns"
)

// Whatever neighbours and strangers say, a registration stands, a search goes
// on, and what is kept of it has a bound.
func FuzzPacket(f *testing.F) {
	pointer := dns.Record{Name: "_ipp._tcp.local", Type: dns.TypePTR, Class: dns.ClassIN, TTL: 120, Data: []byte("\x01x\x04_ipp\x04_tcp\x05local\x00")}
	address := dns.Record{Name: "asha1.local", Type: dns.TypeA, Class: dns.ClassIN | flush, TTL: 120, Data: []byte{192, 0, 2, 66}}
	service := dns.Record{Name: `Asha's ü\. printer._ipp._tcp.local`, Type: dns.TypeSRV, Class: dns.ClassIN | flush, TTL: 120, Data: []byte("\x00\x00\x00\x00\x02\x77\x05other\x05local\x00")}
	for _, m := range []*dns.Message{
		{Bits: dns.BitResponse, Answers: []dns.Record{pointer}},
		{Bits: dns.BitResponse, Answers: []dns.Record{address}},
		{Bits: dns.BitResponse, Answers: []dns.Record{{Name: pointer.Name, Type: pointer.Type, Class: dns.ClassIN, Data: pointer.Data}}},
		{Questions: []dns.Question{{Name: pointer.Name, Type: dns.TypePTR, Class: dns.ClassIN}}, Answers: []dns.Record{pointer}},
		{Questions: []dns.Question{{Name: "asha1.local", Type: dns.TypeANY, Class: dns.ClassIN | unicast}}, Authorities: []dns.Record{address}},
	} {
		b, err := m.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, false)
		f.Add(b, true)
	}
	if b, err := (&dns.Message{Bits: dns.BitResponse, Answers: []dns.Record{service}}).Append(nil); err == nil {
		f.Add(b, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, stranger bool) {
		if len(b) > 9216 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			n := &network{}
			c, err := Open(n.socket(1, Port))
			if err != nil {
				t.Fatal(err)
			}
			port := Port
			if stranger {
				port = 4000
			}
			r, err := c.Register(t.Context(), printer(1))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			over := make(chan error)
			go func() { over <- c.Browse(ctx, "_ipp._tcp", func(Event) {}) }()
			synctest.Wait()
			for range 3 {
				n.socket(9, port).WriteTo(b, &net.UDPAddr{IP: group, Port: Port})
				synctest.Wait()
				time.Sleep(time.Second)
			}
			c.mu.Lock()
			kept := len(c.records)
			c.mu.Unlock()
			if kept > maxRecords {
				t.Fatalf("%d records are kept", kept)
			}
			if err := <-over; coded.From(err, "").Code != coded.ETIMEDOUT {
				t.Fatal(err)
			}
			if r.Instance() == "" {
				t.Fatal("the service has lost its name")
			}
			n.mu.Lock()
			said := len(n.log)
			n.mu.Unlock()
			if said > 200 {
				t.Fatalf("one packet has caused %d", said)
			}
			c.Close()
		})
	})
}
