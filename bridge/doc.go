// Package bridge maps Go's net.Conn, net.Listener and net.PacketConn onto the
// sockets of a KaiOS phone (navigator.mozTCPSocket and UDPSocket), so that an
// unmodified Go protocol client can run as WebAssembly inside a packaged app.
//
// A Dialer opens connections, a ListenConfig takes them:
//
//	d := &bridge.Dialer{}
//	c, err := d.DialContext(ctx, "tcp", "mail.example.org:143")
//
// The JavaScript half is in the same folder: phone.js finds the socket API,
// stream.js, listener.js and datagram.js own one socket each and its queue,
// request.js one request by HTTP,
// relay.js carries sockets into a worker (where the platform offers none),
// host.js is what a module imports, alarm.js keeps Go's timers, lastwords.js
// what a program says of its own breakdown, and lifetime.js is what sockets
// that are not the phone's have in common. The folder hosts has the sockets of
// other platforms, mock those of a phone for tests. Go pulls and JavaScript
// signals: bytes wait in a queue on the JavaScript side until Read fetches them
// into the caller's buffer, and JavaScript wakes Go only where a Read, Write or
// dial is waiting.
//
// # What differs from a connection of the operating system
//
//   - There is no half-close: when the peer has sent FIN, writing fails.
//     When the peer sends FIN while our own output is still queued, the
//     platform reports nothing at all; only a deadline ends such a Read.
//   - A dial that fails can't say why: refused, unknown name, unreachable and
//     offline are one error on the platform, here syscall.ECONNREFUSED.
//   - TLS by DialTLSContext: the platform reports the connection open before
//     the handshake, so that a bad certificate is the error of the first Read.
//   - The addresses are *net.TCPAddr and never nil, but the platform does not
//     tell its own address, nor the peer's where a name was dialed: those are
//     0.0.0.0. RemoteHost has the name.
//   - A Write that returned nil has been handed to the platform, which may
//     still lose it; that shows as an error of a later call.
//
// # What a connection keeps
//
// At the most, and besides what the platform itself reads ahead (384 KiB on a
// phone): of what has been received, 256 KiB wait for Read and one more event of
// the platform's; a socket that has so much is suspended. Of what was written,
// 320 KiB are on their way in the platform, of which a phone may make four
// copies; until those have gone, Write waits. In a worker, 1 MiB more of what
// was received and 1 MiB more for what was written cross between page and
// worker, where up to 768 KiB of buffers are kept to be filled again.
//
// # What differs where TinyGo has compiled the program
//
// All of the above holds, and what nettest asks of a connection. But:
//
//   - There is no recover: a panic ends the program and runs no deferred
//     function. So does runtime.Goexit end its goroutine. JavaScript is told of
//     it and has the text of the panic; see lastwords.js.
//   - A js.Value that a program has once held is held for good, and so are the
//     arguments of each call of a js.Func: TinyGo has no finalizers. What
//     happens by the thousand therefore crosses by exports and imports, as here.
//     There are no weak pointers and no cleanups either.
//   - A goroutine has 64 KB of stack, from its start to its end, which does not
//     grow. One that needs more is found out only when it next waits or ends, by
//     when it has written over what is beside it: recursion needs a bound.
//   - What is exported by the comment "export" runs on JavaScript's stack and
//     panics where it would wait. By go:wasmexport it would be a goroutine.
//   - Goroutines change only where one waits, in the order in which they became
//     ready; each timer that is due runs in the scheduler, one before each
//     change, and time.AfterFunc's function in a goroutine of its own. Nothing
//     tells a program whose goroutines all wait for each other.
//   - The collector marks and sweeps everything at once, when an allocation
//     finds no room, and grows the memory where that has not helped.
//     debug.SetMemoryLimit does nothing, the memory never shrinks, and to find
//     room for something long may fail in a memory that is full of holes.
//
// The package needs the imports of host.js, and so compiles for GOOS=js only;
// its table of errors and its deadlines are plain Go and tested natively too.
package bridge
