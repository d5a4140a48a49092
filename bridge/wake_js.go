//go:build !tinygo

package bridge

//go:wasmexport kaiwire_wake
func wake(id, what int32) { woken(id, what) }
