//go:build tinygo

package runtime

import (
	"runtime/volatile"
	"unsafe"
)

// writableGlobals is where the globals begin that can ever point to the heap.
// The linker puts the constants before them, but has no name for that place:
// wasm-opt.mjs finds it, and writes it over this number.
var writableGlobals uint32 = 0xb6d1e05f

// globalRoots is what of the globals the collector has to look through. In
// constants it would take numbers for pointers: addresses are small here, and
// what Unicode's tables name are as small.
func globalRoots() uintptr {
	if start := uintptr(volatile.LoadUint32((*uint32)(unsafe.Pointer(&writableGlobals)))); start < globalsEnd {
		return start
	}
	return globalsStart
}
