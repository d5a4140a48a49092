package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"kaiwire/protocols/coded"
)

// CacheOptions bound what a Cache keeps.
type CacheOptions struct {
	// MaxSize is how many bytes answers may take, as they came. Default 256
	// KiB.
	MaxSize int
	// MaxTTL is how long an answer is kept, whatever the server says. Default
	// one day. MaxNegativeTTL is that for names and types that are not there
	// (RFC 2308), default one hour.
	MaxTTL, MaxNegativeTTL time.Duration
	// MaxStale is how long after its end an answer is still given where no
	// server answers (RFC 8767). Default one day; negative for never.
	MaxStale time.Duration
}

const (
	// staleTTL is what is left to live of a stale answer, as RFC 8767 §4 has it.
	staleTTL = 30
	// stalePatience is how long servers may take before a stale answer is
	// given; the question goes on for the cache.
	stalePatience = 1800 * time.Millisecond
	// staleAgain is how long after a failure nobody is asked again.
	staleAgain = 30 * time.Second
)

// Cache keeps answers. Its methods may be called from any goroutine.
type Cache struct {
	o    CacheOptions
	none bool

	mu      sync.Mutex
	entries map[cacheKey]*cacheEntry
	newest  *cacheEntry // a ring, by last use
	size    int
}

// NoCache keeps nothing.
var NoCache = &Cache{none: true}

// NewCache makes a Cache.
func NewCache(o CacheOptions) *Cache {
	if o.MaxSize <= 0 {
		o.MaxSize = 256 << 10
	}
	if o.MaxTTL <= 0 {
		o.MaxTTL = 24 * time.Hour
	}
	if o.MaxNegativeTTL <= 0 {
		o.MaxNegativeTTL = time.Hour
	}
	if o.MaxStale == 0 {
		o.MaxStale = 24 * time.Hour
	}
	return &Cache{o: o, entries: map[cacheKey]*cacheEntry{}}
}

// cacheKey is a question; with type 0 it stands for all of a name that does
// not exist.
type cacheKey struct {
	name   string // as it is sent, in small letters
	t      Type
	dnssec bool
}

func keyOf(q *query) cacheKey { return cacheKey{string(LowerName(q.name)), q.t, q.dnssec} }

type cacheEntry struct {
	key           cacheKey
	message       []byte
	server        string
	transport     Transport
	stored, fresh time.Time // since, and until
	failed        time.Time // when servers did not answer, the last time
	older, newer  *cacheEntry
}

// entrySize is what an entry takes beside its message, about.
const entrySize = 200

func (e *cacheEntry) size() int { return len(e.message) + len(e.key.name) + entrySize }

// Clear forgets everything.
func (c *Cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.none {
		c.entries, c.newest, c.size = map[cacheKey]*cacheEntry{}, nil, 0
	}
}

// get finds the answer to a question, as it was stored; stale ones too.
func (c *Cache) get(key cacheKey, now time.Time) (e cacheEntry, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.entries[key]
	if found == nil {
		key.t = 0
		found = c.entries[key]
	}
	if found == nil {
		return e, false
	}
	if now.After(found.fresh.Add(max(0, c.o.MaxStale))) || now.Before(found.stored) {
		c.remove(found)
		return e, false
	}
	c.unlink(found)
	c.link(found)
	return *found, true
}

func (c *Cache) link(e *cacheEntry) {
	if c.newest == nil {
		e.older, e.newer = e, e
	} else {
		e.older, e.newer = c.newest, c.newest.newer
		e.older.newer, e.newer.older = e, e
	}
	c.newest = e
}

func (c *Cache) unlink(e *cacheEntry) {
	if e.older == e {
		c.newest = nil
		return
	}
	e.older.newer, e.newer.older = e.newer, e.older
	if c.newest == e {
		c.newest = e.older
	}
}

func (c *Cache) remove(e *cacheEntry) {
	c.unlink(e)
	delete(c.entries, e.key)
	c.size -= e.size()
}

func (c *Cache) put(e *cacheEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.none || e.size() > c.o.MaxSize/4 {
		return // one answer shall not displace all others
	}
	if old := c.entries[e.key]; old != nil {
		c.remove(old)
	}
	c.entries[e.key] = e
	c.link(e)
	c.size += e.size()
	for c.size > c.o.MaxSize {
		c.remove(c.newest.newer) // the oldest
	}
}

// fail notes that the servers did not answer.
func (c *Cache) fail(key cacheKey, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range []Type{key.t, 0} {
		key.t = t
		if e := c.entries[key]; e != nil {
			e.failed = now
		}
	}
}

// keep stores an answer, if it may be.
func (c *Cache) keep(key cacheKey, p *reply, now time.Time) {
	if c.none || p.answer.Truncated {
		return
	}
	ttl, ok := c.lifetime(p.answer)
	if !ok {
		return
	}
	if p.answer.RCode == NXDomain && len(p.answer.Answers) == 0 {
		key.t = 0
	}
	c.put(&cacheEntry{key: key, message: p.message, server: p.server.shown, transport: p.transport, stored: now, fresh: now.Add(ttl)})
}

// lifetime is how long an answer may be kept.
func (c *Cache) lifetime(a *Answer) (time.Duration, bool) {
	if a.RCode != NoError && a.RCode != NXDomain {
		return 0, false
	}
	ttl := uint32(1<<31 - 1)
	for i := range a.Answers {
		ttl = min(ttl, a.Answers[i].TTL)
	}
	limit := c.o.MaxTTL
	if a.negative() {
		// RFC 2308 §5: without a SOA nobody knows how long.
		soa := false
		for i := range a.Authorities {
			if record := &a.Authorities[i]; record.Type == TypeSOA && len(record.Data) >= 4 {
				minimum := binary.BigEndian.Uint32(record.Data[len(record.Data)-4:])
				ttl, soa = min(ttl, record.TTL, minimum), true
			}
		}
		if !soa {
			return 0, false
		}
		limit = c.o.MaxNegativeTTL
	}
	life := min(time.Duration(ttl)*time.Second, limit)
	return life, life > 0
}

// negative tells whether the answer is that there is no such name or type.
func (a *Answer) negative() bool {
	if a.RCode == NXDomain {
		return true
	}
	for i := range a.Answers {
		if t := a.Answers[i].Type; t != TypeCNAME && t != TypeDNAME && t != TypeRRSIG {
			return false
		}
	}
	return true
}

// answer is the entry's, with what is left of its records' lives.
func (e *cacheEntry) answer(now time.Time, stale bool) (*Answer, error) {
	a, err := parse(e.message)
	if err != nil {
		return nil, err
	}
	age := uint32(now.Sub(e.stored) / time.Second)
	most := uint32(max(0, e.fresh.Sub(now)) / time.Second)
	for _, section := range [][]Record{a.Answers, a.Authorities, a.Additionals} {
		for i := range section {
			left := max(section[i].TTL, age) - age
			if section[i].TTL = min(left, most); stale {
				section[i].TTL = staleTTL
			}
		}
	}
	a.Server, a.Transport, a.Cached, a.Stale = e.server, e.transport, true, stale
	return a, nil
}

// flight is a question under way, for all who ask it at the same time.
type flight struct {
	query   *query
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
	reply   *reply
	taken   bool // the answer belongs to somebody: the next parses one of its own
	err     error
}

// cached answers a question from the cache or by asking.
func (r *Resolver) cached(ctx context.Context, q *query) (*Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, coded.From(err, protocol)
	}
	if r.ctx.Err() != nil {
		return nil, closed()
	}
	key, now := keyOf(q), time.Now()
	e, found := r.o.Cache.get(key, now)
	if found && now.Before(e.fresh) {
		return e.answer(now, false)
	}
	if found && now.Sub(e.failed) < staleAgain {
		return e.answer(now, true)
	}
	f := r.join(key, q)
	var patience <-chan time.Time
	if found {
		timer := time.NewTimer(stalePatience)
		defer timer.Stop()
		patience = timer.C
	}
	select {
	case <-f.done:
	case <-patience:
		// Somebody has to wait for the answer, or it is not asked for.
		go func() {
			<-f.done
			r.leave(key, f)
		}()
		return e.answer(now, true)
	case <-ctx.Done():
		r.leave(key, f)
		return nil, r.interrupted(ctx, f.query)
	}
	a, err := r.leave(key, f)
	if found && (err != nil || f.reply.poor()) && !errors.Is(r.ctx.Err(), context.Canceled) {
		return e.answer(now, true)
	}
	return a, err
}

// failed notes a failure that is followed by another try.
func (r *Resolver) failed(q *query, e *coded.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q.failed = e
}

// interrupted is the error where ctx has ended before an answer came: where its
// time is over, what has failed meanwhile says more.
func (r *Resolver) interrupted(ctx context.Context, q *query) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.failed != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return q.failed
	}
	return coded.From(ctx.Err(), protocol)
}

// join begins a flight, or waits with those who wait for it.
func (r *Resolver) join(key cacheKey, q *query) *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flights[key]; f != nil {
		f.waiting++
		return f
	}
	ctx, cancel := context.WithCancel(r.ctx)
	f := &flight{query: q, done: make(chan struct{}), cancel: cancel, waiting: 1}
	r.flights[key] = f
	r.workers.do(func() {
		f.reply, f.err = r.exchange(ctx, q)
		now := time.Now()
		switch {
		case ctx.Err() != nil && f.reply == nil:
			// Nobody waits any more, or the resolver is closed.
			if f.err = closed(); r.ctx.Err() == nil {
				f.err = coded.From(ctx.Err(), protocol)
			}
		case f.err != nil || f.reply.poor():
			r.o.Cache.fail(key, now)
		default:
			r.o.Cache.keep(key, f.reply, now)
		}
		r.mu.Lock()
		if r.flights[key] == f {
			delete(r.flights, key)
		}
		r.mu.Unlock()
		cancel()
		close(f.done)
	})
	return f
}

// workers are goroutines that do one thing after the other: a new one for each
// question would have to make its stack for it.
type workers struct {
	next chan func()  // unbuffered
	idle atomic.Int32 // how many wait for something to do
	stop <-chan struct{}
}

const maxIdle = 4

func (w *workers) do(f func()) {
	select {
	case w.next <- f:
		return
	default:
	}
	go func() {
		for f(); w.idle.Add(1) <= maxIdle; f() {
			select {
			case f = <-w.next:
				w.idle.Add(-1)
			case <-w.stop:
				return
			}
		}
		w.idle.Add(-1)
	}()
}

// leave is for who has waited: it returns the answer, if there is one. With
// the last the flight ends.
func (r *Resolver) leave(key cacheKey, f *flight) (*Answer, error) {
	r.mu.Lock()
	f.waiting--
	if f.waiting == 0 && r.flights[key] == f {
		delete(r.flights, key)
		f.cancel()
	}
	select {
	case <-f.done:
	default:
		r.mu.Unlock()
		return nil, nil
	}
	taken := f.taken
	f.taken = true
	r.mu.Unlock()
	switch {
	case f.err != nil:
		return nil, f.err
	case !taken:
		return f.reply.answer, nil
	}
	// Who has an answer may change it.
	again := *f.reply
	var err error
	if again.answer, err = parse(again.message); err != nil {
		return nil, err
	}
	again.complete()
	return again.answer, nil
}
