//go:build tinygo

package call

// See bridge's kaiwire_wake.
//
//export kaiwire_invoke
func invoke(id, handle, methodLen, jsonLen, bytesLen int32) {
	invoked(id, handle, methodLen, jsonLen, bytesLen)
}
