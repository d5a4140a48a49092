package trust

import (
	"crypto/tls"
	"sync"
)

// Sessions keeps what is needed to resume TLS sessions, in memory. It does so
// in less code than the cache of crypto/tls, as it is for a handful.
type Sessions struct {
	max int

	mu    sync.Mutex
	list  map[string]*session
	clock int // counts uses
}

type session struct {
	state *tls.ClientSessionState
	used  int
}

// NewSessions makes room for n sessions, of which each may take what a server
// puts into its certificates and ticket: a few kB, and 320 kB at the most. The
// one that was used longest ago makes way for a new one.
func NewSessions(n int) *Sessions { return &Sessions{max: n, list: map[string]*session{}} }

// scoped keeps a server's sessions to connections that trust it for the same
// reasons. The key that crypto/tls gives is the server's name only, which the
// scope has in it as well.
type scoped struct {
	*Sessions
	scope string
}

func (s scoped) Get(string) (*tls.ClientSessionState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.list[s.scope]
	if found == nil {
		return nil, false
	}
	s.clock++
	found.used = s.clock
	return found.state, true
}

// Put of nil says that the session is of no use any more.
func (s scoped) Put(_ string, state *tls.ClientSessionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.list, s.scope)
	if state == nil {
		return
	}
	if len(s.list) >= s.max {
		oldest := ""
		for scope, other := range s.list {
			if oldest == "" || other.used < s.list[oldest].used {
				oldest = scope
			}
		}
		delete(s.list, oldest)
	}
	s.clock++
	s.list[s.scope] = &session{state, s.clock}
}
