package dns

import (
	"crypto/rand"
	"sync"
)

// random is a store of random bytes: the platform's are a call out of the
// module, and each question needs a few.
var random struct {
	sync.Mutex
	bytes [512]byte
	left  int
}

// fill fills b, which is no longer than the store, with bytes that nobody can
// guess.
func fill(b []byte) {
	random.Lock()
	defer random.Unlock()
	if random.left < len(b) {
		rand.Read(random.bytes[:]) // never fails
		random.left = len(random.bytes)
	}
	taken := random.bytes[random.left-len(b) : random.left]
	copy(b, taken)
	clear(taken)
	random.left -= len(b)
}
