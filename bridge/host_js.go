package bridge

import (
	"sync"
	"syscall/js"
	"unsafe"
)

// The functions of host.js. They never throw; what fails comes back as a
// value, and pointers are used during the call only.

//go:wasmimport kaiwire stream_open
func streamOpen(host unsafe.Pointer, hostLen, port, flags int32) int32

//go:wasmimport kaiwire stream_read
func streamRead(id int32, p unsafe.Pointer, n int32) int32

//go:wasmimport kaiwire stream_write
func streamWrite(id int32, p unsafe.Pointer, n int32) int32

//go:wasmimport kaiwire stream_upgrade
func streamUpgrade(id int32) int32

//go:wasmimport kaiwire stream_close
func streamClose(id int32)

//go:wasmimport kaiwire stream_error
func streamError(id int32, p unsafe.Pointer, n int32) int32

// What the functions above answer, and what wake is told; host.js has the same
// numbers, and a test compares them.
const (
	wouldBlock = 0  // nothing to read or no room to write: wake will come
	ended      = -1 // the stream has ended: streamError has the reason
	yieldFirst = -2 // the page's thread has been held too long: let the browser run

	flagTLS    = 1
	flagString = 2

	wakeOpen     = 1
	wakeReadable = 2
	wakeWritable = 4
	wakeEnded    = 8
)

// host knows the connections of this module by the id of their stream.
var host = struct {
	mu    sync.Mutex
	conns map[int32]*conn
}{conns: map[int32]*conn{}}

// Host is the object that host.js puts up for the module while it starts, and
// takes away again. A program puts functions for JavaScript there. It is not
// an object where the program was loaded without host.js; dialing then answers
// that there are no sockets.
var Host = js.Global().Get("kaiwireHost")

// wake is called by JavaScript when something that a connection waits for has
// come. It must not wait itself, and what it wakes runs after its return, when
// JavaScript resumes the program. An export and not a js.Func: that leaves five
// values behind for the collector at each call, and calls come by the thousand.
//
//go:wasmexport kaiwire_wake
func wake(id, what int32) {
	host.mu.Lock()
	c := host.conns[id]
	host.mu.Unlock()
	if c != nil {
		c.wake(what)
	}
}

func register(id int32, c *conn) {
	host.mu.Lock()
	host.conns[id] = c
	host.mu.Unlock()
}

func unregister(id int32) {
	host.mu.Lock()
	delete(host.conns, id)
	host.mu.Unlock()
}

// Open is the number of connections that have been dialed and not yet closed.
func Open() int {
	host.mu.Lock()
	defer host.mu.Unlock()
	return len(host.conns)
}
