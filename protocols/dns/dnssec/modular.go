package dnssec

import (
	"math/bits"
)

// What follows verifies signatures by RSA and ECDSA and does nothing else. Its
// inputs are public, so that it need not take the same time for all of them,
// and words of 32 bits are what a phone's WebAssembly multiplies well. The
// standard library's packages are 0.9 MB of code in a module, curves that DNS
// does not use and math/big among it, and many times slower there; tests hold
// this against them.

// number is a whole number, the least word first. All numbers of a modulus have
// its length.
type number []uint32

// numberOf reads a number that was sent with the upper byte first; ok is false
// where it does not fit into that many words.
func numberOf(b []byte, words int) (n number, ok bool) {
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	if len(b) > 4*words {
		return nil, false
	}
	n = make(number, words)
	for i := range b {
		n[i/4] |= uint32(b[len(b)-1-i]) << (i % 4 * 8)
	}
	return n, true
}

// bytes writes a number with the upper byte first.
func (a number) bytes() []byte {
	b := make([]byte, 4*len(a))
	for i := range b {
		b[len(b)-1-i] = byte(a[i/4] >> (i % 4 * 8))
	}
	return b
}

func (a number) zero() bool {
	for _, w := range a {
		if w != 0 {
			return false
		}
	}
	return true
}

func (a number) less(b number) bool {
	for i := len(a) - 1; i >= 0; i-- {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

func (a number) equal(b number) bool { return !a.less(b) && !b.less(a) }

func (a number) bit(i int) bool { return a[i/32]>>(i%32)&1 != 0 }

// add puts a+b into z and returns what does not fit.
func (z number) add(a, b number) (carry uint32) {
	for i := range z {
		z[i], carry = bits.Add32(a[i], b[i], carry)
	}
	return carry
}

// sub puts a-b into z and returns what was missing.
func (z number) sub(a, b number) (borrow uint32) {
	for i := range z {
		z[i], borrow = bits.Sub32(a[i], b[i], borrow)
	}
	return borrow
}

// modulus is an odd number to calculate by, in Montgomery's form: a stands for
// a·R, with R = 2^(32·words).
type modulus struct {
	n       number
	inverse uint32 // of -n, modulo 2^32
	square  number // R² mod n
	one     number // R mod n
	scratch number
}

func newModulus(n number) *modulus {
	m := &modulus{n: n, scratch: make(number, len(n)+2)}
	inverse := uint32(1)
	for range 5 { // each step doubles the bits that are right
		inverse *= 2 - n[0]*inverse
	}
	m.inverse = -inverse
	// 1, doubled until it is R and then R².
	r := make(number, len(n))
	r[0] = 1
	for i := range 64 * len(n) {
		if i == 32*len(n) {
			m.one = append(number(nil), r...)
		}
		m.add(r, r, r)
	}
	m.square = r
	return m
}

// add puts a+b mod n into z, for a and b below n.
func (m *modulus) add(z, a, b number) {
	if z.add(a, b) != 0 || !z.less(m.n) {
		z.sub(z, m.n)
	}
}

// sub puts a-b mod n into z.
func (m *modulus) sub(z, a, b number) {
	if z.sub(a, b) != 0 {
		z.add(z, m.n)
	}
}

// mul puts a·b/R mod n into z, which may be a or b.
func (m *modulus) mul(z, a, b number) {
	size := len(m.n)
	t := m.scratch
	clear(t)
	for i := range size {
		var carry uint64
		x := uint64(a[i])
		for j, y := range b {
			v := x*uint64(y) + uint64(t[j]) + carry
			t[j], carry = uint32(v), v>>32
		}
		v := uint64(t[size]) + carry
		t[size], t[size+1] = uint32(v), uint32(v>>32)

		q := uint64(t[0] * m.inverse)
		carry = (q*uint64(m.n[0]) + uint64(t[0])) >> 32
		for j := 1; j < size; j++ {
			v := q*uint64(m.n[j]) + uint64(t[j]) + carry
			t[j-1], carry = uint32(v), v>>32
		}
		v = uint64(t[size]) + carry
		t[size-1], carry = uint32(v), v>>32
		t[size] = t[size+1] + uint32(carry)
	}
	copy(z, t)
	if t[size] != 0 || !z.less(m.n) {
		z.sub(z, m.n)
	}
}

// enter is a in Montgomery's form.
func (m *modulus) enter(a number) number {
	z := make(number, len(a))
	m.mul(z, a, m.square)
	return z
}

// leave is a out of it.
func (m *modulus) leave(a number) number {
	z, one := make(number, len(a)), make(number, len(a))
	one[0] = 1
	m.mul(z, a, one)
	return z
}

// power is a^e mod n, with a and the result in Montgomery's form.
func (m *modulus) power(a, e number) number {
	z := append(number(nil), m.one...)
	for i := 32*len(e) - 1; i >= 0; i-- {
		m.mul(z, z, z)
		if e.bit(i) {
			m.mul(z, z, a)
		}
	}
	return z
}
