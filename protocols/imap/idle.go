package imap

import (
	"context"
	"errors"
	"time"

	"kaiwire/protocols/coded"
)

// resumePatience bounds what the session does on its own: beginning IDLE again
// after a command.
const resumePatience = time.Minute

// Idle is a wish to be told at once what is new, by the functions of Handler.
type Idle struct{ s *Session }

// Idle begins to wait for news (RFC 2177) and returns when the server has
// agreed to it. Other calls stay possible: IDLE is interrupted for each and
// taken up again after it, and every Options.IdleRestart. It goes on until
// Stop, or until the session ends.
//
// ENOTSUP means that the server has no IDLE; Noop at intervals does the same.
func (s *Session) Idle(ctx context.Context) (*Idle, error) {
	if !s.has("IDLE") {
		return nil, newError(coded.ENOTSUP, "The server can't tell at once what is new.", nil)
	}
	i := &Idle{s}
	err := s.do(ctx, &command{verb: "IDLE"}, func() error {
		s.mu.Lock()
		taken := s.idleWish != nil
		if !taken {
			s.idleWish = i
		}
		s.mu.Unlock()
		if taken {
			return errIdle
		}
		err := s.startIdle()
		if err != nil {
			s.wish(i, nil)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return i, nil
}

var errIdle error = newError(coded.EINVAL, "The session is waiting for news already.", nil)

// Stop ends the wait. It may be called more than once.
func (i *Idle) Stop(ctx context.Context) error {
	if err := i.s.acquire(ctx); err != nil {
		return err
	}
	defer i.s.release()
	if !i.s.wish(i, nil) {
		return nil
	}
	defer i.s.guard(ctx)()
	return i.s.result(i.s.pauseIdle())
}

// wish puts a wish in the place of the old one, if that still stands.
func (s *Session) wish(old, wish *Idle) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idleWish != old {
		return false
	}
	s.idleWish = wish
	return true
}

// startIdle and pauseIdle are called by the slot's holder.

func (s *Session) startIdle() error {
	c, err := s.engine.Idle()
	if err != nil {
		return err
	}
	s.idle = c
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.restart = time.AfterFunc(s.o.IdleRestart, s.restartIdle)
	}
	return nil
}

func (s *Session) pauseIdle() error {
	if s.idle == nil {
		return nil
	}
	c := s.idle
	s.idle = nil
	s.mu.Lock()
	if s.restart != nil {
		s.restart.Stop()
	}
	s.mu.Unlock()
	return s.perform(&command{verb: "DONE"}, func() error {
		return errors.Join(c.Close(), c.Wait())
	})
}

// restartIdle interrupts IDLE; release takes it up again.
func (s *Session) restartIdle() {
	ctx, cancel := context.WithTimeout(context.Background(), resumePatience)
	defer cancel()
	if s.acquire(ctx) != nil {
		return
	}
	defer s.release()
	defer s.guard(ctx)()
	s.result(s.pauseIdle())
}

// release gives the connection to the next call, taking IDLE up again first if
// it was interrupted.
func (s *Session) release() {
	s.mu.Lock()
	resume := s.idleWish != nil && s.idle == nil && s.err == nil
	s.mu.Unlock()
	if !resume {
		<-s.slot
		return
	}
	go func() {
		defer func() { <-s.slot }()
		ctx, cancel := context.WithTimeout(context.Background(), resumePatience)
		defer cancel()
		defer s.guard(ctx)()
		if err := s.perform(&command{verb: "IDLE"}, s.startIdle); err != nil {
			s.fail(coded.From(s.result(err), protocol))
		}
	}()
}
