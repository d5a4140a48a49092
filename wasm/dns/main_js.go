// The dns module: a stub resolver. See web/src/index.d.ts.
package main

import (
	"kaiwire/wasm/call"
	"kaiwire/wasm/resolver"
)

func main() { call.Serve("dns", resolver.Methods(nil)) }
