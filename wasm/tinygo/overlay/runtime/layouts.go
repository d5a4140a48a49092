//go:build gc.precise

package runtime

import (
	"internal/task"
	"runtime/volatile"
	"unsafe"
)

// isStack tells whether an object is the stack of a goroutine.
func (layout gcLayout) isStack() bool {
	return layout == gcLayout(unsafe.Pointer(&task.StackLayout))
}

// allocBuckets makes a map's buckets, of so many bytes each. Their layout has the
// lowest bits 10, as no other has: addresses of layouts end in 00, and layouts
// that are no addresses in 1.
//
//go:noinline
func allocBuckets(size, number uintptr) unsafe.Pointer {
	buckets := alloc(size*number, nil)
	if metadataStart == nil {
		return buckets // a map that TinyGo makes while it compiles, which is no object of the collector's
	}
	layout := uintptr(buckets) - align(unsafe.Sizeof(objHeader{})) + unsafe.Offsetof(objHeader{}.layout)
	// For LLVM nothing is there that could be written to.
	volatile.StoreUint32((*uint32)(unsafe.Pointer(layout)), uint32(size<<2|2))
	return buckets
}

func (layout gcLayout) isBuckets() bool { return layout&3 == 2 }

// scanBuckets passes over what each bucket begins with: eight bytes, of hashes,
// which look like addresses where half of the bucket is empty. A map of 5,000
// names held dozens of texts and lists that nobody had any more.
func (layout gcLayout) scanBuckets(start, length uintptr) {
	size := uintptr(layout >> 2)
	hashes := unsafe.Sizeof(hashmapBucket{}.tophash)
	for ; length >= size; length -= size {
		scanConservative(start+hashes, size-hashes)
		start += size
	}
}
