package dnssec

import (
	"bytes"
	"encoding/binary"
)

// The beginnings of what RSA signs, for each hash (RFC 8017 §9.2).
const (
	prefixSHA256 = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
	prefixSHA512 = "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
)

// checkRSA verifies RSASSA-PKCS1-v1_5 by a key in the form of RFC 3110, of 1024
// to 4096 bits: shorter ones can be broken, longer ones only cost time.
func checkRSA(public []byte, prefix string, sum, signature []byte) bool {
	const minModulus, maxModulus = 1024 / 8, 4096 / 8
	if len(public) < 4 {
		return false
	}
	size, at := int(public[0]), 1
	if size == 0 {
		size, at = int(binary.BigEndian.Uint16(public[1:])), 3
	}
	if size < 1 || size > 4 || len(public) <= at+size {
		return false
	}
	exponent, _ := numberOf(public[at:at+size], 1)
	key := bytes.TrimLeft(public[at+size:], "\x00")
	if len(key) < minModulus || len(key) > maxModulus || key[len(key)-1]&1 == 0 || exponent[0] < 3 || exponent[0]&1 == 0 ||
		len(signature) != len(key) {
		return false
	}
	words := (len(key) + 3) / 4
	n, _ := numberOf(key, words)
	s, _ := numberOf(signature, words)
	if !s.less(n) {
		return false
	}
	m := newModulus(n)
	signed := m.leave(m.power(m.enter(s), exponent)).bytes()
	signed = signed[len(signed)-len(key):]
	padding := len(key) - 3 - len(prefix) - len(sum)
	want := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, padding)...)
	want = append(append(append(want, 0), prefix...), sum...)
	return bytes.Equal(signed, want)
}

// curve is y² = x³ - 3x + b over the numbers modulo p, whose points from the
// base point on come around after n (FIPS 186-4 §D.1.2). Coordinates are in
// Montgomery's form.
type curve struct {
	p, n *modulus
	b    number
	base point
}

func hexNumber(s string) number {
	b := make([]byte, len(s)/2)
	for i := range b {
		for _, c := range []byte(s[2*i : 2*i+2]) {
			if c -= '0'; c > 9 {
				c -= 'a' - '0' - 10
			}
			b[i] = b[i]<<4 | c
		}
	}
	n, _ := numberOf(b, len(b)/4)
	return n
}

func newCurve(p, n, b, x, y string) *curve {
	c := &curve{p: newModulus(hexNumber(p)), n: newModulus(hexNumber(n))}
	c.b = c.p.enter(hexNumber(b))
	c.base = point{c.p.enter(hexNumber(x)), c.p.enter(hexNumber(y)), c.p.one}
	return c
}

func p256() *curve {
	return newCurve("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
		"5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
		"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
		"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
}

func p384() *curve {
	return newCurve("fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
		"ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
		"b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
		"aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
		"3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f")
}

// point is x/z², y/z³; z is 0 for the point at infinity.
type point struct{ x, y, z number }

func (c *curve) infinity() point {
	words := len(c.p.n)
	return point{make(number, words), make(number, words), make(number, words)}
}

// has tells whether a point, with z 1, is on the curve.
func (c *curve) has(q point) bool {
	words := len(c.p.n)
	left, right, x3 := make(number, words), make(number, words), make(number, words)
	c.p.mul(left, q.y, q.y)
	c.p.mul(right, q.x, q.x)
	c.p.mul(right, right, q.x)
	c.p.add(x3, q.x, q.x)
	c.p.add(x3, x3, q.x)
	c.p.sub(right, right, x3)
	c.p.add(right, right, c.b)
	return left.equal(right)
}

// double is 2a (dbl-2001-b of the Explicit-Formulas Database).
func (c *curve) double(a point) point {
	p, r := c.p, c.infinity()
	words := len(p.n)
	delta, gamma, beta, alpha, t := make(number, words), make(number, words), make(number, words), make(number, words), make(number, words)
	p.mul(delta, a.z, a.z)
	p.mul(gamma, a.y, a.y)
	p.mul(beta, a.x, gamma)
	p.sub(alpha, a.x, delta)
	p.add(t, a.x, delta)
	p.mul(t, alpha, t)
	p.add(alpha, t, t)
	p.add(alpha, alpha, t)
	p.add(t, beta, beta)
	p.add(beta, t, t) // 4·beta
	p.mul(r.x, alpha, alpha)
	p.sub(r.x, r.x, beta)
	p.sub(r.x, r.x, beta)
	p.add(r.z, a.y, a.z)
	p.mul(r.z, r.z, r.z)
	p.sub(r.z, r.z, gamma)
	p.sub(r.z, r.z, delta)
	p.sub(r.y, beta, r.x)
	p.mul(r.y, alpha, r.y)
	p.mul(t, gamma, gamma)
	p.add(t, t, t)
	p.add(t, t, t)
	p.add(t, t, t)
	p.sub(r.y, r.y, t)
	return r
}

// add is a+b (add-2007-bl, with the cases that it leaves out).
func (c *curve) add(a, b point) point {
	switch {
	case a.z.zero():
		return b
	case b.z.zero():
		return a
	}
	p, r := c.p, c.infinity()
	words := len(p.n)
	z1, z2, u1, u2, s1, s2 := make(number, words), make(number, words), make(number, words), make(number, words), make(number, words), make(number, words)
	p.mul(z1, a.z, a.z)
	p.mul(z2, b.z, b.z)
	p.mul(u1, a.x, z2)
	p.mul(u2, b.x, z1)
	p.mul(s1, a.y, b.z)
	p.mul(s1, s1, z2)
	p.mul(s2, b.y, a.z)
	p.mul(s2, s2, z1)
	if u1.equal(u2) {
		if s1.equal(s2) {
			return c.double(a)
		}
		return r
	}
	h, i, j, v := make(number, words), make(number, words), make(number, words), make(number, words)
	p.sub(h, u2, u1)
	p.add(i, h, h)
	p.mul(i, i, i)
	p.mul(j, h, i)
	p.sub(s2, s2, s1)
	p.add(s2, s2, s2)
	p.mul(v, u1, i)
	p.mul(r.x, s2, s2)
	p.sub(r.x, r.x, j)
	p.sub(r.x, r.x, v)
	p.sub(r.x, r.x, v)
	p.sub(r.y, v, r.x)
	p.mul(r.y, s2, r.y)
	p.mul(s1, s1, j)
	p.add(s1, s1, s1)
	p.sub(r.y, r.y, s1)
	p.add(r.z, a.z, b.z)
	p.mul(r.z, r.z, r.z)
	p.sub(r.z, r.z, z1)
	p.sub(r.z, r.z, z2)
	p.mul(r.z, r.z, h)
	return r
}

// checkECDSA verifies a signature (FIPS 186-4 §6.4) by key and signature in the
// form of RFC 6605. The hash is as long as the curve's numbers.
func checkECDSA(c *curve, public, sum, signature []byte) bool {
	words := len(c.p.n)
	size := 4 * words
	if len(public) != 2*size || len(signature) != 2*size || len(sum) != size {
		return false
	}
	x, _ := numberOf(public[:size], words)
	y, _ := numberOf(public[size:], words)
	r, _ := numberOf(signature[:size], words)
	s, _ := numberOf(signature[size:], words)
	if !x.less(c.p.n) || !y.less(c.p.n) || r.zero() || s.zero() || !r.less(c.n.n) || !s.less(c.n.n) {
		return false
	}
	q := point{c.p.enter(x), c.p.enter(y), c.p.one}
	if !c.has(q) {
		return false
	}
	e, _ := numberOf(sum, words)
	if !e.less(c.n.n) {
		e.sub(e, c.n.n)
	}
	// 1/s is s^(n-2).
	exponent, two := make(number, words), make(number, words)
	two[0] = 2
	exponent.sub(c.n.n, two)
	inverse := c.n.power(c.n.enter(s), exponent)
	u1, u2 := make(number, words), make(number, words)
	c.n.mul(u1, e, inverse) // one factor is in Montgomery's form, so that the product is not
	c.n.mul(u2, r, inverse)
	both := c.add(c.base, q)
	sumPoint := c.infinity()
	for i := 32*words - 1; i >= 0; i-- {
		sumPoint = c.double(sumPoint)
		switch a, b := u1.bit(i), u2.bit(i); {
		case a && b:
			sumPoint = c.add(sumPoint, both)
		case a:
			sumPoint = c.add(sumPoint, c.base)
		case b:
			sumPoint = c.add(sumPoint, q)
		}
	}
	if sumPoint.z.zero() {
		return false
	}
	// The point's x is r modulo n: r, or r+n where that is still below p.
	z2, want := make(number, words), make(number, words)
	c.p.mul(z2, sumPoint.z, sumPoint.z)
	c.p.mul(want, c.p.enter(r), z2)
	if want.equal(sumPoint.x) {
		return true
	}
	if r.add(r, c.n.n) != 0 || !r.less(c.p.n) {
		return false
	}
	c.p.mul(want, c.p.enter(r), z2)
	return want.equal(sumPoint.x)
}
