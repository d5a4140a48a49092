package bridge

import (
	"sync"
	"syscall/js"
	"unsafe"
)

// The functions of host.js. They never throw; what fails comes back as a
// value, and pointers are used during the call only. Addresses are written as
// "address port" and a line feed.

//go:wasmimport kaiwire stream_open
func streamOpen(host unsafe.Pointer, hostLen, port, flags int32) int32

//go:wasmimport kaiwire stream_read
func streamRead(id int32, p unsafe.Pointer, n int32) int32

//go:wasmimport kaiwire stream_write
func streamWrite(id int32, p unsafe.Pointer, n int32) int32

//go:wasmimport kaiwire stream_upgrade
func streamUpgrade(id int32) int32

//go:wasmimport kaiwire listener_open
func listenerOpen(port, backlog, flags int32) int32

//go:wasmimport kaiwire listener_accept
func listenerAccept(id int32, address unsafe.Pointer, addressLen int32) int32

//go:wasmimport kaiwire datagram_open
func datagramOpen(address unsafe.Pointer, addressLen, port, flags int32) int32

// datagram_read answers one more than the length, as an empty datagram is not
// none.
//
//go:wasmimport kaiwire datagram_read
func datagramRead(id int32, p unsafe.Pointer, n int32, address unsafe.Pointer, addressLen int32) int32

//go:wasmimport kaiwire datagram_write
func datagramWrite(id int32, p unsafe.Pointer, n int32, address unsafe.Pointer, addressLen, port int32) int32

//go:wasmimport kaiwire datagram_multicast
func datagramMulticast(id, join int32, group unsafe.Pointer, groupLen int32) int32

//go:wasmimport kaiwire request_open
func requestOpen(url unsafe.Pointer, urlLen int32, contentType unsafe.Pointer, contentTypeLen int32, body unsafe.Pointer, bodyLen, limit int32) int32

//go:wasmimport kaiwire socket_local
func socketLocal(id int32, p unsafe.Pointer, n int32) int32

//go:wasmimport kaiwire socket_error
func socketError(id int32, p unsafe.Pointer, n int32) int32

//go:wasmimport kaiwire socket_close
func socketClose(id int32)

// What the functions above answer, and what wake is told; host.js has the same
// numbers, and a test compares them.
const (
	wouldBlock = 0  // nothing is there, or no room: wake will come
	ended      = -1 // the socket has ended: socketError has the reason
	yieldFirst = -2 // the page's thread has been held too long: let the browser run

	flagTLS      = 1
	flagString   = 2
	flagReuse    = 4
	flagLoopback = 8

	wakeOpen     = 1
	wakeReadable = 2
	wakeWritable = 4
	wakeEnded    = 8
)

// host knows the sockets of this module by their numbers.
var host = struct {
	mu      sync.Mutex
	sockets map[int32]*socket
}{sockets: map[int32]*socket{}}

// Host is the object that host.js puts up for the module while it starts, and
// takes away again. A program puts functions for JavaScript there. It is not
// an object where the program was loaded without host.js; dialing then answers
// that there are no sockets.
var Host = js.Global().Get("kaiwireHost")

// woken is called by JavaScript when something that a socket waits for has
// come. It must not wait itself, and what it wakes runs after its return, when
// JavaScript resumes the program. An export and not a js.Func: that leaves five
// values behind for the collector at each call, and calls come by the thousand.
func woken(id, what int32) {
	host.mu.Lock()
	s := host.sockets[id]
	host.mu.Unlock()
	if s != nil {
		s.wake(what)
	}
}

// Open is the number of sockets that have been opened and not yet closed.
func Open() int {
	host.mu.Lock()
	defer host.mu.Unlock()
	return len(host.sockets)
}
