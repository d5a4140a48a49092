package protocoltest

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"kaiwire/protocols/coded"
)

// Within returns a context that ends with the test's patience.
func Within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// NoLeaks fails the test where it leaves goroutines behind.
func NoLeaks(t testing.TB) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.Now().Add(Patience)
		for runtime.NumGoroutine() > before {
			if time.Now().After(deadline) {
				buf := make([]byte, 1<<16)
				t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// WantCode fails the test unless err is a *coded.Error of that protocol and
// code.
func WantCode(t testing.TB, err error, protocol string, code coded.Code) *coded.Error {
	t.Helper()
	e, ok := errors.AsType[*coded.Error](err)
	if !ok || e.Code != code || e.Protocol != protocol {
		t.Fatalf("got %v, want %s", err, code)
	}
	return e
}
