package imap

import (
	"context"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/imap/wire"
)

const (
	// resumePatience bounds what the session does on its own: beginning IDLE
	// again after a command.
	resumePatience = time.Minute
	// resumeDelay keeps a row of commands from having an IDLE after each.
	resumeDelay = 100 * time.Millisecond
	// A server that ends IDLE by itself is asked again after this, and then
	// after twice as long each time.
	endedDelay, maxEndedDelay = time.Second, time.Minute
)

// Idle is a wish to be told at once what is new, by the functions of Handler.
type Idle struct{ s *Session }

// idling is what a session knows of waiting for news. Session.mu guards it.
type idling struct {
	wish     *Idle         // of the app
	starting chan struct{} // an IDLE is about to be sent; closed when the server has agreed to it or not
	cmd      *command      // the IDLE that the server has agreed to
	ending   bool          // DONE has been sent for it
	timer    *time.Timer   // while cmd is set: to begin it anew; else to begin it, or to poll
	delay    time.Duration
	refused  bool // IDLE, where the server claims to have it: poll
	dones    int  // sent, so that an answer to one that came too late is known
}

// Idle begins to wait for news (RFC 2177) and returns when the server has
// agreed to it. Other calls stay possible: IDLE is interrupted for each and
// taken up again after it, and every Options.IdleRestart. It goes on until
// Stop, or until the session ends.
//
// A server without IDLE is asked by NOOP every Options.Poll instead.
func (s *Session) Idle(ctx context.Context) (*Idle, error) {
	i := &Idle{s}
	s.mu.Lock()
	if s.idling.wish != nil {
		s.mu.Unlock()
		return nil, errIdle
	}
	s.idling.wish, s.idling.starting, s.idling.delay = i, make(chan struct{}), 0
	s.mu.Unlock()
	var err error
	if s.Has("IDLE") {
		err = s.startIdle(ctx)
	} else {
		err = s.Noop(ctx)
	}
	s.mu.Lock()
	if err != nil {
		s.idling.wish = nil
	}
	s.idling.started(s)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return i, nil
}

var errIdle error = newError(coded.EINVAL, "The session is waiting for news already.", nil)

// startIdle returns when the server has agreed, or not.
func (s *Session) startIdle(ctx context.Context) error {
	c := &command{alone: true}
	c.write = func(w *wire.Writer) {
		w.Text("IDLE").Ask()
		if w.Err() != nil {
			return
		}
		w.Stop()
		s.mu.Lock()
		i := &s.idling
		defer s.mu.Unlock()
		if s.err != nil {
			return
		}
		i.cmd, i.ending = c, false
		i.stop()
		i.timer = time.AfterFunc(s.o.IdleRestart, s.restartIdle)
	}
	c.ended = func(error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		i := &s.idling
		if i.cmd != c {
			return
		}
		if i.cmd = nil; !i.ending {
			i.delay = min(max(2*i.delay, endedDelay), maxEndedDelay)
		}
		i.timer.Stop()
	}
	if err := s.begin(ctx, c); err != nil {
		return err
	}
	defer s.guard(ctx)()
	s.send(c)
	select {
	case <-c.done:
		return c.err
	default:
	}
	s.mu.Lock()
	if s.idling.wish == nil {
		s.idling.interrupt(s)
	}
	s.mu.Unlock()
	return nil
}

// interrupt ends an IDLE so that something else can be sent.
func (i *idling) interrupt(s *Session) {
	if i.cmd == nil || i.ending || s.writer != nil {
		return
	}
	i.ending = true
	i.delay = resumeDelay
	i.dones++
	s.watchOver()
	s.writer = i.cmd
	go func() {
		err := s.w.Text("DONE").End()
		s.sent(nil, err)
	}()
}

// settle has IDLE begin again after a while in which nothing else is sent.
func (i *idling) settle(s *Session) {
	if i.wish == nil || i.starting != nil || i.cmd != nil {
		return
	}
	delay := i.delay
	if i.refused || !hasCapability(s.caps, "IDLE") {
		delay = s.o.Poll
	}
	i.cancel()
	i.timer = time.AfterFunc(delay, s.resumeIdle)
}

// cancel keeps IDLE from beginning, as something else is sent.
func (i *idling) cancel() {
	if i.cmd == nil && i.timer != nil {
		i.timer.Stop()
	}
}

// stop ends it all.
func (i *idling) stop() {
	if i.timer != nil {
		i.timer.Stop()
	}
}

// quiet reports whether no answer of the server is due.
func (i *idling) quiet() bool { return i.cmd != nil && !i.ending }

// stray reports whether a tagged response answers a DONE that crossed the end
// of an IDLE: the server takes it for the tag of a command.
func (i *idling) stray(tag []byte) bool {
	return i.dones > 0 && string(tag) == "DONE"
}

// started says that an IDLE is not about to be sent any more.
func (i *idling) started(s *Session) {
	close(i.starting)
	i.starting = nil
	s.admit()
}

func (s *Session) resumeIdle() {
	ctx, cancel := context.WithTimeout(context.Background(), resumePatience)
	defer cancel()
	s.mu.Lock()
	i := &s.idling
	if i.wish == nil || i.starting != nil || i.cmd != nil || len(s.flight)+len(s.queue) > 0 || s.err != nil {
		s.mu.Unlock()
		return
	}
	poll := i.refused || !hasCapability(s.caps, "IDLE")
	i.starting = make(chan struct{})
	s.mu.Unlock()
	var err error
	if poll {
		err = s.Noop(ctx)
	} else {
		err = s.startIdle(ctx)
	}
	s.mu.Lock()
	i.refused = i.refused || isRefusal(err)
	i.started(s)
	s.mu.Unlock()
}

// restartIdle interrupts IDLE, to have it begin anew.
func (s *Session) restartIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idling.interrupt(s)
	s.idling.delay = 0
}

// stopIdle is the Stop of an Idle, if there is one.
func (s *Session) stopIdle(ctx context.Context) error {
	s.mu.Lock()
	i := s.idling.wish
	s.mu.Unlock()
	if i == nil {
		return nil
	}
	return i.Stop(ctx)
}

// Stop ends the wait. It may be called more than once.
func (i *Idle) Stop(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return lost(err)
	}
	s := i.s
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return s.closedError()
	}
	if s.idling.wish != i {
		s.mu.Unlock()
		return nil
	}
	s.idling.wish = nil
	s.idling.cancel()
	s.idling.interrupt(s)
	starting := s.idling.starting
	s.mu.Unlock()
	defer s.guard(ctx)()
	if starting != nil {
		<-starting
	}
	s.mu.Lock()
	c := s.idling.cmd
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	<-c.done
	return c.err
}
