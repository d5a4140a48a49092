package dns

import (
	"encoding/binary"
	"time"
)

// savedCache begins what Save writes, with the version of its form.
const savedCache = "kaiwire dns cache 1\n"

// Save writes what the cache holds, for Restore at another time. It is about as
// long as CacheOptions.MaxSize at the most.
func (c *Cache) Save() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []byte(savedCache)
	if c.newest == nil {
		return out
	}
	for e := c.newest.newer; ; e = e.newer { // from the oldest on
		out = appendSized(out, e.key.name)
		out = binary.BigEndian.AppendUint16(out, uint16(e.key.t))
		dnssec := byte(0)
		if e.key.dnssec {
			dnssec = 1
		}
		out = append(out, dnssec)
		out = appendSized(out, e.server)
		out = appendSized(out, string(e.transport))
		out = binary.BigEndian.AppendUint64(out, uint64(e.stored.UnixMilli()))
		out = binary.BigEndian.AppendUint64(out, uint64(e.fresh.UnixMilli()))
		out = appendSized(out, string(e.message))
		if e == c.newest {
			return out
		}
	}
}

func appendSized(out []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(out, uint16(len(s))), s...)
}

func (r *reader) sized() []byte { return r.bytes(int(r.u16())) }

func (r *reader) time() time.Time {
	ms := uint64(r.u32())<<32 | uint64(r.u32())
	return time.UnixMilli(int64(ms & (1<<62 - 1)))
}

// Restore adds what Save has written and returns how many answers that were;
// those whose time is over, even for stale ones, are left out. It fails with
// coded.EINVAL where saved is damaged; what stood before the damage is kept.
//
// What is restored is believed as if it had come from a server: the store has
// to be the app's own.
func (c *Cache) Restore(saved []byte) (int, error) {
	if c.none {
		return 0, nil
	}
	r := reader{message: saved}
	damaged := invalid("This is no saved cache of names, or a damaged one.")
	if string(r.bytes(len(savedCache))) != savedCache {
		return 0, damaged
	}
	now, count := time.Now(), 0
	for r.at < len(saved) {
		e := &cacheEntry{key: cacheKey{name: string(r.sized()), t: Type(r.u16()), dnssec: r.u8() == 1}}
		e.server, e.transport = string(r.sized()), Transport(r.sized())
		e.stored, e.fresh = r.time(), r.time()
		e.message = append([]byte(nil), r.sized()...)
		if r.err != nil || !e.sound() {
			return count, damaged
		}
		a, err := parse(e.message)
		if err != nil {
			return count, damaged
		}
		life, ok := c.lifetime(a)
		if latest := e.stored.Add(life); ok && e.fresh.After(latest) {
			e.fresh = latest
		}
		if ok && !now.Before(e.stored) && now.Before(e.fresh.Add(max(0, c.o.MaxStale))) {
			c.put(e)
			count++
		}
	}
	return count, nil
}

// sound tells whether an entry's message answers the question that it is
// kept under.
func (e *cacheEntry) sound() bool {
	r := reader{message: e.message}
	q, ok := r.question(r.header(), nil)
	return ok && string(LowerName(q.name)) == e.key.name && q.class == ClassIN && (e.key.t == 0 || e.key.t == q.t)
}
