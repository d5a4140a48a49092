// Package call is the one way in which an app's JavaScript and a Go module
// talk: calls with a record as arguments and a record as answer, and events of
// handles. It has two halves, this one and call.js.
//
// Nothing else crosses: a record is JSON text, written by Record and read by
// Args, without reflection; bytes are a Uint8Array beside it; a failure is an
// error with a code of package coded.
//
// An entry point says what it serves and never returns:
//
//	func main() {
//		call.Serve("irc", call.Methods{"connect": connect, "session.join": join, …})
//	}
package call
