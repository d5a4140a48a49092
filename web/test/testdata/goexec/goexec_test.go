//go:build js

// Package goexec is run by goexec.test.mjs, which expects some of these tests
// to fail, to panic, to spin and to block for ever.
package goexec

import (
	"context"
	"fmt"
	"os"
	"syscall/js"
	"testing"
	"time"

	"kaiwire/bridge"
)

func TestPasses(t *testing.T) {
	fmt.Println("standard output: ünïcödé")
	fmt.Fprintln(os.Stderr, "standard error")
	time.Sleep(time.Millisecond)
}

func TestFails(t *testing.T) { t.Error("on purpose") }

func TestPanics(t *testing.T) { panic("on purpose") }

func TestSpins(t *testing.T) {
	fmt.Println("about to spin")
	for n := 0; ; n++ {
		if n < 0 {
			break
		}
	}
}

func TestBlocks(t *testing.T) { select {} }

func TestPair(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	addresses := js.Global().Get("kaiwireTest").Call("pair")
	dialer := new(bridge.Dialer)
	a, err := dialer.DialContext(ctx, "tcp", addresses.Index(0).String())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := dialer.DialContext(ctx, "tcp", addresses.Index(1).String())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := a.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	var got [5]byte
	if _, err := b.Read(got[:]); err != nil || string(got[:]) != "hello" {
		t.Fatalf("read %q, %v", got, err)
	}
}
