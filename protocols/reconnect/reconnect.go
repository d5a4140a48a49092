// Package reconnect makes a connection anew that was lost, with waits that grow.
package reconnect

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"kaiwire/protocols/coded"
)

const (
	firstWait = 2 * time.Second
	longWait  = 5 * time.Minute
	// steady is how long a connection has to last for the next wait to be short
	// again.
	steady = time.Minute
)

// Loop makes attempts to connect. Its methods may be called from several
// goroutines, but for Run, of which there is one at a time.
type Loop struct {
	ctx  context.Context
	stop context.CancelFunc
	now  chan struct{} // the wait is over

	mu       sync.Mutex
	attempts int
	since    time.Time
}

// New returns a Loop that Stop ends.
func New() *Loop {
	l := &Loop{now: make(chan struct{}, 1)}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// Up says that there is a connection from now on.
func (l *Loop) Up() {
	l.mu.Lock()
	l.since = time.Now()
	l.mu.Unlock()
}

// Again reports whether the connection is not the first one, or a new one is
// being made; a connection that has lasted a minute is the first of those that
// follow it.
func (l *Loop) Again() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.attempts > 0
}

// Retry ends the wait for the next attempt.
func (l *Loop) Retry() {
	select {
	case l.now <- struct{}{}:
	default:
	}
}

// Stop ends Run, and the context of its attempts. It may be called more than
// once.
func (l *Loop) Stop() { l.stop() }

// Stopped reports whether Stop has been called.
func (l *Loop) Stopped() bool { return l.ctx.Err() != nil }

// Run makes attempts until one succeeds, and returns nil then; else the error
// of the last one, which is final, or after which there was a Stop. err is that
// of the connection that was lost. Before each attempt there is a wait, of which
// tell is told along with the error before it.
func (l *Loop) Run(err error, final func(error) bool, tell func(err error, wait time.Duration), attempt func(context.Context) error) error {
	l.mu.Lock()
	if time.Since(l.since) >= steady {
		l.attempts = 0
	}
	l.mu.Unlock()
	for !l.Stopped() {
		l.mu.Lock()
		wait := backoff(l.attempts, time.Now())
		l.attempts++
		l.mu.Unlock()
		tell(err, wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-l.now:
		case <-l.ctx.Done():
		}
		timer.Stop()
		if l.Stopped() {
			break
		}
		if err = attempt(l.ctx); err == nil || final(err) {
			break
		}
	}
	return err
}

// Final reports whether another attempt can't do better, as far as that is the
// same for all protocols.
func Final(err error) bool {
	e, ok := errors.AsType[*coded.Error](err)
	if !ok {
		return false
	}
	switch e.Code {
	case coded.EAUTH, coded.ENOTSUP, coded.EINVAL, coded.EPERM:
		return true
	}
	return strings.HasPrefix(string(e.Code), string(coded.ECERT))
}

// backoff is how long to wait before an attempt: twice as long as before it, and
// up to half of that less, so that not all come back at once to a server that has
// just come up.
func backoff(attempts int, now time.Time) time.Duration {
	wait := longWait
	if attempts < 8 {
		wait = min(firstWait<<attempts, longWait)
	}
	const parts = 1000
	return wait - wait/2*time.Duration(now.UnixNano()/int64(time.Microsecond)%parts)/parts
}
