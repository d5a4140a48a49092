//go:build !tinygo

package call

//go:wasmexport kaiwire_invoke
func invoke(id, handle, methodLen, jsonLen, bytesLen int32) {
	invoked(id, handle, methodLen, jsonLen, bytesLen)
}
