//go:build owntls

package main

import (
	"kaiwire/bridge"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/trust"
	"kaiwire/wasm/call"
)

var sessions = trust.NewSessions(1)

// dialer keeps sessions only where the option resume asks for it: wasm/call
// always does, and a full handshake could not be measured.
func dialer(a *call.Args) (dial.Dialer, error) {
	c := trust.Config{Roots: a.String("roots")}
	if a.Bool("resume") {
		c.Sessions = sessions
	}
	return trust.New(&bridge.Dialer{}, c)
}
