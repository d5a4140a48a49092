//go:build !owntls

package call

import (
	"kaiwire/bridge"
	"kaiwire/protocols/dial"
)

// Dialer is what a connection's options ask for: the phone's sockets, and here
// the phone's TLS. The option tls is for modules with TLS of their own.
func Dialer(a *Args) (dial.Dialer, error) {
	if a.Has("tls") {
		a.Invalid("tls", `needs TLS of our own: load({ tls: "own" })`)
	}
	return &bridge.Dialer{}, a.Err()
}

// writeCertificate has nothing to add: the phone tells nothing of certificates.
func writeCertificate(*Record, error) {}
