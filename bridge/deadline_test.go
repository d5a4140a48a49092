//go:build !tinygo

// TinyGo has no synctest.

package bridge

import (
	"testing"
	"testing/synctest"
	"time"
)

func passed(d *deadline) bool {
	select {
	case <-d.wait():
		return true
	default:
		return false
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := makeDeadline()
		defer d.stop()
		if passed(&d) {
			t.Error("passed before it was set")
		}
		d.set(time.Now().Add(time.Second))
		waiting := d.wait()
		// Moved on: the running timer is kept, and must not end the wait.
		d.set(time.Now().Add(3 * time.Second))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if passed(&d) {
			t.Error("passed at its first time, after it had been moved")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !passed(&d) {
			t.Error("did not pass at its second time")
		}
		select {
		case <-waiting:
		default:
			t.Error("whoever waited before it was moved still waits")
		}
		d.set(time.Now().Add(time.Minute))
		if passed(&d) {
			t.Error("still passed after it was moved on")
		}
		d.set(time.Now().Add(time.Second)) // earlier than the running timer
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !passed(&d) {
			t.Error("did not pass after it was moved back")
		}
		d.set(time.Time{})
		time.Sleep(time.Hour)
		synctest.Wait()
		if passed(&d) {
			t.Error("passed with none set")
		}
		d.set(time.Now().Add(-time.Second))
		if !passed(&d) {
			t.Error("a time in the past does not pass at once")
		}
	})
}

func TestSplitAddress(t *testing.T) {
	for address, want := range map[string]string{
		"mail.example.org:993": "mail.example.org", "[::1]:53": "::1", "192.0.2.1:1": "192.0.2.1", "bücher.example:1": "bücher.example",
	} {
		if host, _, err := splitAddress("tcp", address); err != nil || host != want {
			t.Errorf("%q: %q, %v", address, host, err)
		}
	}
	for _, address := range []string{"", "host", ":1", "a b:1", "[a:b]:1", "host:0", "host:65536", "host:imap", "a/b:1", "a\nb:1"} {
		if host, port, err := splitAddress("tcp", address); err == nil {
			t.Errorf("%q became %q and %d", address, host, port)
		}
	}
}
