package sasl

import (
	"encoding/binary"
	"math/bits"
)

// The digests of the mechanisms, of our own: crypto/sha256 with crypto/hmac
// comes to 0.15 MB of code in every module, for it brings the machinery of FIPS
// 140, and this to a tenth of that. All compute in 32 bits. The tests hold
// them to the standard library's.

// digest is a hash function of 64-byte blocks.
type digest struct {
	size  int // of the result, in bytes
	init  [8]uint32
	block func(h *[8]uint32, p []byte)
	order binary.AppendByteOrder
	put   func(b []byte, length uint64)
}

const blockSize = 64

var (
	sha256Digest = &digest{
		32, [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},
		sha256Block, binary.BigEndian, binary.BigEndian.PutUint64,
	}
	sha1Digest = &digest{
		20, [8]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0},
		sha1Block, binary.BigEndian, binary.BigEndian.PutUint64,
	}
	md5Digest = &digest{
		16, [8]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476},
		md5Block, binary.LittleEndian, binary.LittleEndian.PutUint64,
	}
)

// sum ends a hash that has gone over before bytes already, a multiple of
// blockSize, with the last ones, and appends the result to out.
func (d *digest) sum(out []byte, h [8]uint32, before int, last []byte) []byte {
	length := uint64(before+len(last)) * 8
	for ; len(last) >= blockSize; last = last[blockSize:] {
		d.block(&h, last)
	}
	var pad [2 * blockSize]byte
	n := copy(pad[:], last)
	pad[n] = 0x80
	end := blockSize
	if n+1+8 > blockSize {
		end = 2 * blockSize
	}
	d.put(pad[end-8:], length)
	for i := 0; i < end; i += blockSize {
		d.block(&h, pad[i:])
	}
	for i := 0; i < d.size/4; i++ {
		out = d.order.AppendUint32(out, h[i])
	}
	return out
}

// hash is the hash of b.
// MD5 is the digest of RFC 1321, for APOP, which knows no other.
func MD5(b []byte) []byte { return md5Digest.hash(b) }

func (d *digest) hash(b []byte) []byte { return d.sum(nil, d.init, 0, b) }

// mac is a key of HMAC (RFC 2104): the two hashes that have gone over it.
type mac struct {
	d            *digest
	inner, outer [8]uint32
}

func newMAC(d *digest, key []byte) *mac {
	if len(key) > blockSize {
		key = d.hash(key)
	}
	m := &mac{d, d.init, d.init}
	var pad [blockSize]byte
	for _, half := range []struct {
		h    *[8]uint32
		with byte
	}{{&m.inner, 0x36}, {&m.outer, 0x5c}} {
		for i := range pad {
			pad[i] = half.with
			if i < len(key) {
				pad[i] ^= key[i]
			}
		}
		d.block(half.h, pad[:])
	}
	return m
}

// sum appends the code of a message to out, which may share its memory.
func (m *mac) sum(out, message []byte) []byte {
	var buf [32]byte
	inner := m.d.sum(buf[:0], m.inner, blockSize, message)
	return m.d.sum(out, m.outer, blockSize, inner)
}

// pbkdf2 is PBKDF2 (RFC 8018) for a key as long as the digest.
func pbkdf2(d *digest, password string, salt []byte, iterations int) []byte {
	m := newMAC(d, []byte(password))
	u := m.sum(nil, append(append([]byte{}, salt...), 0, 0, 0, 1))
	key := append([]byte{}, u...)
	for ; iterations > 1; iterations-- {
		u = m.sum(u[:0], u)
		for i := range key {
			key[i] ^= u[i]
		}
	}
	return key
}

var sha256K = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

func sha256Block(state *[8]uint32, p []byte) {
	var w [64]uint32
	for i := range 16 {
		w[i] = binary.BigEndian.Uint32(p[4*i:])
	}
	for i := 16; i < 64; i++ {
		x, y := w[i-15], w[i-2]
		s0 := bits.RotateLeft32(x, -7) ^ bits.RotateLeft32(x, -18) ^ x>>3
		s1 := bits.RotateLeft32(y, -17) ^ bits.RotateLeft32(y, -19) ^ y>>10
		w[i] = w[i-16] + s0 + w[i-7] + s1
	}
	a, b, c, d, e, f, g, h := state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]
	for i := range 64 {
		s1 := bits.RotateLeft32(e, -6) ^ bits.RotateLeft32(e, -11) ^ bits.RotateLeft32(e, -25)
		t1 := h + s1 + (e&f ^ ^e&g) + sha256K[i] + w[i]
		s0 := bits.RotateLeft32(a, -2) ^ bits.RotateLeft32(a, -13) ^ bits.RotateLeft32(a, -22)
		t2 := s0 + (a&b ^ a&c ^ b&c)
		h, g, f, e, d, c, b, a = g, f, e, d+t1, c, b, a, t1+t2
	}
	for i, x := range [8]uint32{a, b, c, d, e, f, g, h} {
		state[i] += x
	}
}

func sha1Block(state *[8]uint32, p []byte) {
	var w [80]uint32
	for i := range 16 {
		w[i] = binary.BigEndian.Uint32(p[4*i:])
	}
	for i := 16; i < 80; i++ {
		w[i] = bits.RotateLeft32(w[i-3]^w[i-8]^w[i-14]^w[i-16], 1)
	}
	a, b, c, d, e := state[0], state[1], state[2], state[3], state[4]
	for i := range 80 {
		var f, k uint32
		switch {
		case i < 20:
			f, k = b&c|^b&d, 0x5a827999
		case i < 40:
			f, k = b^c^d, 0x6ed9eba1
		case i < 60:
			f, k = b&c|b&d|c&d, 0x8f1bbcdc
		default:
			f, k = b^c^d, 0xca62c1d6
		}
		a, b, c, d, e = bits.RotateLeft32(a, 5)+f+e+k+w[i], a, bits.RotateLeft32(b, 30), c, d
	}
	for i, x := range [5]uint32{a, b, c, d, e} {
		state[i] += x
	}
}

// md5S are the rotations of MD5's rounds, four each.
var md5S = [16]int{7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21}

// md5K are the constants floor(2^32 × |sin(i+1)|).
var md5K = [64]uint32{
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
	0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
	0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
	0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
	0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
}

func md5Block(state *[8]uint32, p []byte) {
	a, b, c, d := state[0], state[1], state[2], state[3]
	for i := range 64 {
		var f uint32
		g := i
		switch i / 16 {
		case 0:
			f = b&c | ^b&d
		case 1:
			f, g = d&b|^d&c, 5*i+1
		case 2:
			f, g = b^c^d, 3*i+5
		default:
			f, g = c^(b|^d), 7*i
		}
		f += a + md5K[i] + binary.LittleEndian.Uint32(p[4*(g%16):])
		a, d, c, b = d, c, b, b+bits.RotateLeft32(f, md5S[i/16*4+i%4])
	}
	for i, x := range [4]uint32{a, b, c, d} {
		state[i] += x
	}
}
