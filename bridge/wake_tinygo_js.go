//go:build tinygo

package bridge

// TinyGo makes a goroutine, with 64 KB of stack, for each call of what is
// exported by go:wasmexport; what is exported this way runs on JavaScript's
// stack, and may not wait.
//
//export kaiwire_wake
func wake(id, what int32) { woken(id, what) }
