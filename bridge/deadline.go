package bridge

import (
	"sync"
	"time"
)

// deadline is a point in time that interrupts whoever waits for it and can be
// moved at will. Protocol clients set a new one for every response, and a timer
// in a browser is dear: one that is already running and fires no later than the
// new deadline is left alone, and armed again for the rest when it fires.
type deadline struct {
	mu     sync.Mutex
	at     time.Time     // zero: none
	fires  time.Time     // when timer fires; zero: not running
	timer  *time.Timer   // nil until the first deadline
	passed chan struct{} // closed while the deadline has passed
}

func makeDeadline() deadline { return deadline{passed: make(chan struct{})} }

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	now := time.Now()
	expired := !t.IsZero() && !t.After(now)
	select {
	case <-d.passed:
		if !expired {
			d.passed = make(chan struct{})
		}
	default:
		if expired {
			close(d.passed)
		}
	}
	if t.IsZero() || expired || (!d.fires.IsZero() && !d.fires.After(t)) {
		return
	}
	d.arm(now)
}

// arm must be called with mu held.
func (d *deadline) arm(now time.Time) {
	d.fires = d.at
	if d.timer == nil {
		d.timer = time.AfterFunc(d.at.Sub(now), d.fire)
		return
	}
	d.timer.Reset(d.at.Sub(now))
}

func (d *deadline) fire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if d.fires.After(now) {
		// A timer that Reset could no longer stop: the armed one is still to come.
		return
	}
	d.fires = time.Time{}
	if d.at.IsZero() {
		return
	}
	if d.at.After(now) {
		d.arm(now)
		return
	}
	select {
	case <-d.passed:
	default:
		close(d.passed)
	}
}

// wait returns a channel that is closed when the deadline passes. It stands
// for the deadline as it is now: after a later set, wait has to be called again.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.passed
}

// stop releases the timer.
func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = time.Time{}
	if d.timer != nil {
		d.timer.Stop()
		d.fires = time.Time{}
	}
}
