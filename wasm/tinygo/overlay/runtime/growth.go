//go:build tinygo.wasm

package runtime

// growth is by how many pages of 64 KiB the memory grows that has so many, where TinyGo's doubles: what has once been
// needed for an answer of a megabyte stays for good, and a phone's app has little.
func growth(pages int32) int32 {
	return max(pages/4, 16)
}
