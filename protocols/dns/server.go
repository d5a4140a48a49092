package dns

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"kaiwire/protocols/coded"
)

const (
	// minPatience and maxPatience bound how long a server is waited for before
	// the next is asked as well, or the question is sent again.
	minPatience = 200 * time.Millisecond
	maxPatience = 2 * time.Second
	// firstPatience is for a server that is not known yet: a phone's network
	// may be slow.
	firstPatience = time.Second

	// maxShunned is how long a server that fails again and again comes last,
	// and how long a transport that is silent is left out.
	maxShunned = time.Minute
)

// server is one of those that we ask, with the connections to it and what we
// have learnt of it.
type server struct {
	resolver   *Resolver
	shown      string
	host       string
	port       int // 0 for the transport's own
	url        string
	transports []Transport

	mu     sync.Mutex
	conns  map[Transport]*conn // for further questions
	asked  int                 // questions that wait, on whatever connection
	cookie [clientCookieSize]byte
	served []byte // the server's own cookie; nil where it has given none

	noEDNS bool      // it does not understand
	noCase bool      // it does not keep our spelling
	silent time.Time // until then UDP is left out

	failures int
	shun     time.Time     // until then it comes last
	trip     time.Duration // smoothed time to its answer; 0 where it is not known
}

func (s *server) address(t Transport) string {
	port := s.port
	switch {
	case port != 0:
	case t == TLS:
		port = 853
	default:
		port = 53
	}
	return net.JoinHostPort(s.host, strconv.Itoa(port))
}

func (s *server) shunned(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.shun)
}

// patience is how long the server may take before somebody else is asked.
func (s *server) patience() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trip == 0 {
		return firstPatience
	}
	return min(max(3*s.trip, minPatience), maxPatience)
}

// note learns from the end of a try.
func (s *server) note(took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.failures = min(s.failures+1, 6)
		s.shun = time.Now().Add(min(time.Second<<s.failures, maxShunned))
		return
	case s.trip == 0:
		s.trip = max(took, 1)
	default:
		s.trip += (took - s.trip) / 4
	}
	s.failures, s.shun = 0, time.Time{}
}

// errNext is the cause where another transport may do better.
var errNext = errors.New("dns: this way of asking does not carry the answer")

// try puts a question to the server, by one transport after the other.
func (s *server) try(ctx context.Context, q *query) (*reply, error) {
	patience := s.patience()
	begun := time.Now()
	p, err := s.climb(ctx, q, begun.Add(s.resolver.o.Timeout))
	took := time.Since(begun)
	if s.resolver.ctx.Err() != nil {
		return nil, closed()
	}
	// Who was not waited for any longer may still have been overtaken for good
	// reason.
	if err == nil || ctx.Err() == nil || took >= patience {
		s.note(took, err)
	}
	if err != nil {
		e := coded.From(err, protocol)
		if ctx.Err() == nil {
			s.resolver.failed(q, e)
		}
		return nil, e
	}
	p.elapsed = took
	p.complete()
	return p, nil
}

// climb goes up the ladder of transports, until deadline. That is no context's:
// making one for each question takes as long as all else that is done about it.
func (s *server) climb(ctx context.Context, q *query, deadline time.Time) (*reply, error) {
	if s.url != "" {
		return s.askURL(ctx, q, deadline)
	}
	var best *reply
	var failed error
	ways := s.ways()
	overdue := false
	for i, t := range ways {
		last := i == len(ways)-1
		p, err := s.askBy(ctx, q, t, last, deadline)
		switch {
		case err == nil && (!p.answer.Truncated || last):
			if overdue {
				s.leaveOut()
			}
			return p, nil
		case err == nil:
			best = p // cut short: better than nothing
		case ctx.Err() != nil || s.resolver.ctx.Err() != nil || time.Until(deadline) <= 0:
			return nil, err
		default:
			overdue = t == UDP && errors.Is(err, errOverdue)
			if t == UDP && errors.Is(err, errors.ErrUnsupported) && !last {
				s.resolver.mu.Lock()
				s.resolver.noUDP = true
				s.resolver.mu.Unlock()
			}
			if !errors.Is(err, errNext) || failed == nil {
				failed = err
			}
		}
	}
	if best != nil {
		return best, nil
	}
	return nil, failed
}

// ways are the transports worth trying now.
func (s *server) ways() []Transport {
	s.resolver.mu.Lock()
	noUDP := s.resolver.noUDP
	s.resolver.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.transports[0] == UDP && len(s.transports) > 1 && (noUDP || time.Now().Before(s.silent)) {
		return s.transports[1:]
	}
	return s.transports
}

// leaveOut is called when UDP was silent and the next transport was not.
func (s *server) leaveOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = time.Now().Add(maxShunned)
}

// askBy asks by one transport, and once more where the server has told how it
// wants to be asked.
func (s *server) askBy(ctx context.Context, q *query, t Transport, last bool, deadline time.Time) (*reply, error) {
	for tries := 0; ; tries++ {
		w := s.wording(q, t)
		message, err := s.askConn(ctx, w, t, last, deadline)
		// A server may close a connection at any time, even as we ask (RFC 7766
		// §6.2.3), so that a connection lost is asked over again, once.
		if errors.Is(err, errLost) {
			s.resolver.failed(q, coded.From(err, protocol))
			message, err = s.askConn(ctx, w, t, last, deadline)
		}
		if err != nil {
			return nil, err
		}
		if s.learn(w, t, message) && tries < 2 {
			continue
		}
		w.restore(message)
		answer, err := parse(message)
		if err != nil {
			return nil, err
		}
		if answer.RCode == BadCookie && !last {
			return nil, errNext
		}
		return &reply{message: message, answer: answer, server: s, transport: t}, nil
	}
}

// askURL asks by HTTPS, for which the app has the means. The id is 0, so that
// caches on the way know the question again (RFC 8484 §4.1).
func (s *server) askURL(ctx context.Context, q *query, deadline time.Time) (*reply, error) {
	s.mu.Lock()
	full := s.asked >= maxInFlight
	if !full {
		s.asked++
	}
	s.mu.Unlock()
	if full {
		return nil, errTooMany
	}
	defer func() {
		s.mu.Lock()
		s.asked--
		s.mu.Unlock()
	}()
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	w := &wording{query: q, name: q.name, edns: true}
	message, err := s.resolver.o.Exchange(ctx, s.url, appendQuery(nil, 0, q, q.name, true, nil))
	if err != nil {
		return nil, err
	}
	if v := w.judge(message); v != right {
		return nil, unreadable(errors.New("dns: the message does not answer the question"))
	}
	answer, err := parse(message)
	if err != nil {
		return nil, err
	}
	return &reply{message: message, answer: answer, server: s, transport: HTTPS}, nil
}

// wording is how a question is put to a server this time, and what the answer
// has to have of it.
type wording struct {
	query  *query
	id     uint16
	name   []byte // in the spelling that was sent
	edns   bool
	cookie []byte // the client's and the server's; nil for none
	strict bool   // the spelling and the server's cookie have to come back
}

// wording decides on one. By UDP, where anybody may answer, the spelling is
// random and cookies are sent.
func (s *server) wording(q *query, t Transport) *wording {
	w := &wording{query: q, name: q.name}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.edns = !s.noEDNS || q.dnssec
	if t == TLS {
		return w
	}
	if w.edns {
		if s.cookie == [clientCookieSize]byte{} {
			fill(s.cookie[:])
		}
		w.cookie = append(s.cookie[:clientCookieSize:clientCookieSize], s.served...)
	}
	w.strict = t == UDP
	if !s.noCase {
		w.name = spell(q.name)
	}
	return w
}

// spell writes a name in capital and small letters at random.
func spell(wire []byte) []byte {
	var bits [maxName/8 + 1]byte
	fill(bits[:len(wire)/8+1])
	spelt := make([]byte, len(wire))
	for i, c := range wire {
		if 'a' <= lower(c) && lower(c) <= 'z' && bits[i/8]>>(i%8)&1 != 0 {
			c ^= 'a' - 'A'
		}
		spelt[i] = c
	}
	return spelt
}

// restore writes the question of a message as it was put to us.
func (w *wording) restore(message []byte) {
	if len(message) >= headerSize+len(w.name) && equalName(message[headerSize:headerSize+len(w.name)], w.name) {
		copy(message[headerSize:], w.query.name)
	}
}

// verdict is what is thought of a message that has come.
type verdict int

const (
	foreign verdict = iota // answers another question, or is forged
	doubted                // might be forged: has to be asked again by TCP
	right
)

// judge compares a message with the question.
func (w *wording) judge(message []byte) verdict {
	var scratch [maxName]byte
	r := reader{message: message}
	h := r.header()
	if r.err != nil || h.id != w.id || h.bits&bitResponse == 0 || h.opcode() != opQuery {
		return foreign
	}
	got, ok := r.question(h, scratch[:0])
	if !ok {
		// A server that could not make anything of the question may have left
		// it out.
		rcode := RCode(h.bits & 15)
		if h.count[0] != 0 || r.err != nil || rcode == NoError || rcode == NXDomain {
			return foreign
		}
		if w.strict {
			return doubted
		}
		return right
	}
	if got.t != w.query.t || got.class != w.query.class || !equalName(got.name, w.name) {
		return foreign
	}
	if !w.strict {
		return right
	}
	if w.cookie != nil {
		_, e, err := glance(message)
		switch {
		case err != nil:
		case e.cookie == nil && len(w.cookie) > clientCookieSize:
			return doubted // it gave one before
		case e.cookie != nil && !bytes.HasPrefix(e.cookie, w.cookie[:clientCookieSize]):
			return foreign
		}
	}
	if !bytes.Equal(got.name, w.name) {
		return doubted
	}
	return right
}

// learn keeps what a message tells of the server, and tells whether to ask it
// again because of that.
func (s *server) learn(w *wording, t Transport, message []byte) (again bool) {
	rcode, e, err := glance(message)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.edns && !e.present && (rcode == FormErr || rcode == NotImp) {
		s.noEDNS = true
		// Whoever asks for signatures can't have them without EDNS.
		return !w.query.dnssec
	}
	if w.cookie != nil {
		if e.cookie != nil {
			s.served = bytes.Clone(e.cookie[clientCookieSize:])
		} else if t == TCP {
			s.served = nil
		}
	}
	if t == TCP && !bytes.Equal(w.name, w.query.name) {
		r := reader{message: message}
		if got, ok := r.question(r.header(), nil); ok && !bytes.Equal(got.name, w.name) {
			// By TCP it is the server itself that does not keep it.
			s.noCase = true
		}
	}
	return rcode == BadCookie && e.cookie != nil
}
