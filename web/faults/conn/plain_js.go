//go:build !owntls

package main

import "kaiwire/wasm/call"

// serveTLS has nothing to add: this module has no TLS of its own.
func serveTLS(call.Methods) {}
