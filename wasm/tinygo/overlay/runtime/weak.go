//go:build tinygo

package runtime

import "unsafe"

// TinyGo has no weak pointers: what it registers as one is the pointer itself,
// which is how it is to be read back. What package weak points to stays.
//
//go:linkname makeStrongFromWeak weak.runtime_makeStrongFromWeak
func makeStrongFromWeak(p unsafe.Pointer) unsafe.Pointer { return p }
