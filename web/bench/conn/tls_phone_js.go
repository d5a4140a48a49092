//go:build !owntls

package main

import (
	"kaiwire/protocols/dial"
	"kaiwire/wasm/call"
)

func dialer(a *call.Args) (dial.Dialer, error) { return call.Dialer(a) }
