package reconnect

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"kaiwire/protocols/coded"
)

func TestBackoff(t *testing.T) {
	for attempts := range 100 {
		for _, now := range []time.Time{time.Unix(0, 0), time.Unix(0, 999_999), time.Unix(1, 500_000)} {
			most := longWait
			if attempts < 8 {
				most = min(firstWait<<attempts, longWait)
			}
			if wait := backoff(attempts, now); wait > most || wait < most/2 {
				t.Errorf("attempt %d waits %v", attempts, wait)
			}
		}
	}
}

var errLost = errors.New("lost")

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		defer l.Stop()
		l.Up()
		var waits []time.Duration
		var told []error
		tell := func(err error, wait time.Duration) { told, waits = append(told, err), append(waits, wait) }
		down := errors.New("still down")
		left := 3
		attempt := func(context.Context) error {
			if left--; left > 0 {
				return down
			}
			return nil
		}
		begun := time.Now()
		if err := l.Run(errLost, Final, tell, attempt); err != nil {
			t.Fatal(err)
		}
		if len(told) != 3 || told[0] != errLost || told[2] != down {
			t.Errorf("told %v", told)
		}
		if all := waits[0] + waits[1] + waits[2]; time.Since(begun) != all || waits[2] < 4*time.Second {
			t.Errorf("waits of %v took %v", waits, time.Since(begun))
		}
		if !l.Again() {
			t.Error("the connection counts as the first")
		}

		// One that doesn't last goes on where the waits were, one that does begins anew.
		l.Up()
		left = 1
		l.Run(errLost, Final, tell, attempt)
		if waits[3] < 8*time.Second {
			t.Errorf("after a short connection a wait of %v", waits[3])
		}
		l.Up()
		time.Sleep(steady)
		left = 1
		l.Run(errLost, Final, tell, attempt)
		if waits[4] > firstWait {
			t.Errorf("after a long connection a wait of %v", waits[4])
		}

		// Retry ends a wait.
		left, begun = 1, time.Now()
		l.Run(errLost, Final, func(error, time.Duration) { l.Retry(); l.Retry() }, attempt)
		if took := time.Since(begun); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quiet := func(error, time.Duration) {}
		wrong := coded.New(coded.EAUTH, "imap", "", nil)
		l := New()
		if err := l.Run(errLost, Final, quiet, func(context.Context) error { return wrong }); err != wrong {
			t.Errorf("got %v", err)
		}
		time.AfterFunc(time.Second, l.Stop)
		if err := l.Run(errLost, Final, quiet, func(context.Context) error { t.Error("an attempt after Stop"); return nil }); err != errLost {
			t.Errorf("got %v", err)
		}
		if !l.Stopped() {
			t.Error("not stopped")
		}

		l = New()
		time.AfterFunc(time.Minute, l.Stop)
		err := l.Run(errLost, Final, quiet, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if err != context.Canceled {
			t.Errorf("got %v", err)
		}
	})
}

func TestFinal(t *testing.T) {
	for code, want := range map[coded.Code]bool{
		coded.EAUTH: true, coded.ECERT: true, coded.ECERT_EXPIRED: true, coded.EINVAL: true, coded.ENOTSUP: true, coded.EPERM: true,
		coded.ECONNRESET: false, coded.ETIMEDOUT: false, coded.ENOTFOUND: false, coded.EREJECTED: false, coded.UNKNOWN: false,
	} {
		if got := Final(coded.New(code, "imap", "", nil)); got != want {
			t.Errorf("%s: %v", code, got)
		}
	}
	if Final(errLost) {
		t.Error("an error without a code is final")
	}
}
