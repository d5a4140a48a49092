package dnssec

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"math/big"
	mathrand "math/rand/v2"
	"testing"
)

// flip returns b with one bit changed.
func flip(b []byte, bit int) []byte {
	c := bytes.Clone(b)
	c[bit/8%len(c)] ^= 1 << (bit % 8)
	return c
}

// fixed is n in that many bytes.
func fixed(n *big.Int, size int) []byte { return n.FillBytes(make([]byte, size)) }

func TestECDSA(t *testing.T) {
	for _, test := range []struct {
		curve *curve
		std   elliptic.Curve
		sum   func(b []byte) []byte
	}{
		{p256(), elliptic.P256(), func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }},
		{p384(), elliptic.P384(), func(b []byte) []byte { s := sha512.Sum384(b); return s[:] }},
	} {
		size := test.std.Params().BitSize / 8
		n, p := test.std.Params().N, test.std.Params().P
		key, err := ecdsa.GenerateKey(test.std, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		uncompressed, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		public := uncompressed[1:]
		sign := func(sum []byte) []byte {
			r, s, err := ecdsa.Sign(rand.Reader, key, sum)
			if err != nil {
				t.Fatal(err)
			}
			return append(fixed(r, size), fixed(s, size)...)
		}
		// Random messages, and hashes at the ends of what there is.
		ends := [][]byte{make([]byte, size), bytes.Repeat([]byte{0xff}, size), fixed(n, size), fixed(new(big.Int).Sub(n, big.NewInt(1)), size)}
		for i := range 40 {
			sum := test.sum([]byte{byte(i)})
			if i < len(ends) {
				sum = ends[i]
			}
			signature := sign(sum)
			if !checkECDSA(test.curve, public, sum, signature) {
				t.Fatalf("%d bits: a right signature of %x was refused", 8*size, sum)
			}
			bit := mathrand.IntN(8 * size)
			for what, ok := range map[string]bool{
				"hash": checkECDSA(test.curve, public, flip(sum, bit), signature), "signature": checkECDSA(test.curve, public, sum, flip(signature, 2*bit)),
				"key": checkECDSA(test.curve, flip(public, 2*bit), sum, signature),
			} {
				// A hash of n is one of 0, as all hashes count modulo n.
				if ok {
					t.Fatalf("%d bits: a wrong %s was accepted", 8*size, what)
				}
			}
		}
		sum := test.sum(nil)
		signature := sign(sum)
		zero, one := make([]byte, size), fixed(big.NewInt(1), size)
		r, s := signature[:size], signature[size:]
		more := func(b []byte, m *big.Int) []byte {
			v := new(big.Int).Add(new(big.Int).SetBytes(b), m)
			if v.BitLen() > 8*size {
				return bytes.Repeat([]byte{0xff}, size)
			}
			return fixed(v, size)
		}
		for what, wrong := range map[string][2][]byte{
			"r 0": {public, append(zero[:size:size], s...)}, "s 0": {public, append(r[:size:size], zero...)}, "both 0": {public, make([]byte, 2*size)},
			"r 1, s 1": {public, append(one[:size:size], one...)}, "r + n": {public, append(more(r, n), s...)}, "s + n": {public, append(r[:size:size], more(s, n)...)},
			"r is n": {public, append(fixed(n, size), s...)}, "s is n": {public, append(r[:size:size], fixed(n, size)...)},
			"short": {public, signature[:2*size-1]}, "long": {public, append(signature[:2*size:2*size], 0)}, "empty": {public, nil},
			"key 0": {make([]byte, 2*size), signature}, "key short": {public[1:], signature}, "key long": {append(public[:2*size:2*size], 0), signature},
			"x + p": {append(more(public[:size], p), public[size:]...), signature}, "no point": {append(one[:size:size], one...), signature},
		} {
			if checkECDSA(test.curve, wrong[0], sum, wrong[1]) {
				t.Errorf("%d bits: %s was accepted", 8*size, what)
			}
		}
		if checkECDSA(test.curve, public, sum[1:], signature) {
			t.Error("half a hash was accepted")
		}
		// The base point as key makes the sums that the formulas leave out:
		// equal points, and one and its opposite.
		base := append(fixed(test.std.Params().Gx, size), fixed(test.std.Params().Gy, size)...)
		negative := append(fixed(test.std.Params().Gx, size), fixed(new(big.Int).Sub(p, test.std.Params().Gy), size)...)
		for k, public := range map[int64][]byte{1: base, -1: negative} {
			d := new(big.Int).Mod(big.NewInt(k), n)
			for range 10 {
				nonce, _ := rand.Int(rand.Reader, n)
				x, _ := test.std.ScalarBaseMult(nonce.Bytes())
				r := new(big.Int).Mod(x, n)
				s := new(big.Int).Mul(r, d)
				s.Add(s, new(big.Int).SetBytes(sum)).Mul(s, new(big.Int).ModInverse(nonce, n)).Mod(s, n)
				if !checkECDSA(test.curve, public, sum, append(fixed(r, size), fixed(s, size)...)) {
					t.Errorf("%d bits, key %d: a right signature was refused", 8*size, k)
				}
			}
			// u1·G + u2·Q is the point at infinity.
			e := new(big.Int).Mod(new(big.Int).SetBytes(sum), n)
			r := new(big.Int).Mod(new(big.Int).Neg(new(big.Int).Mul(e, new(big.Int).ModInverse(d, n))), n)
			if checkECDSA(test.curve, public, sum, append(fixed(r, size), one...)) {
				t.Errorf("%d bits, key %d: the point at infinity was accepted", 8*size, k)
			}
		}
	}
}

// rsaPublic is a key as RFC 3110 has it.
func rsaPublic(n *big.Int, e int) []byte {
	exponent := bytes.TrimLeft(binary.BigEndian.AppendUint32(nil, uint32(e)), "\x00")
	return append(append([]byte{byte(len(exponent))}, exponent...), n.Bytes()...)
}

func TestRSA(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	for _, bits := range []int{1000, 1024, 1032, 2048, 4096, 4104} {
		key, err := rsa.GenerateMultiPrimeKey(rand.Reader, 2+bits/1000, bits) // large primes take long to find
		if err != nil {
			t.Fatal(err)
		}
		public := rsaPublic(key.N, key.E)
		for i := range 4 {
			sum256, sum512 := sha256.Sum256([]byte{byte(i)}), sha512.Sum512([]byte{byte(i)})
			for _, test := range []struct {
				hash          crypto.Hash
				prefix, other string
				sum           []byte
			}{{crypto.SHA256, prefixSHA256, prefixSHA512, sum256[:]}, {crypto.SHA512, prefixSHA512, prefixSHA256, sum512[:]}} {
				signature, err := rsa.SignPKCS1v15(nil, key, test.hash, test.sum)
				if err != nil {
					t.Fatal(err)
				}
				if right := bits >= 1024 && bits <= 4096; checkRSA(public, test.prefix, test.sum, signature) != right {
					t.Fatalf("%d bits, %v: a right signature was accepted: %v", bits, test.hash, !right)
				}
				long := append([]byte{0, byte(public[0] >> 7), public[0]}, public[1:]...)
				if bits == 2048 && !checkRSA(long, test.prefix, test.sum, signature) {
					t.Error("a key with a long exponent's length was refused")
				}
				for what, ok := range map[string]bool{
					"signature": checkRSA(public, test.prefix, test.sum, flip(signature, mathrand.IntN(bits))), "hash": checkRSA(public, test.prefix, flip(test.sum, 77), signature),
					"short": checkRSA(public, test.prefix, test.sum, signature[1:]), "long": checkRSA(public, test.prefix, test.sum, append(signature[:len(signature):len(signature)], 0)),
					"empty": checkRSA(public, test.prefix, test.sum, nil), "other hash": checkRSA(public, test.other, test.sum, signature),
					"zero": checkRSA(public, test.prefix, test.sum, make([]byte, len(signature))), "n": checkRSA(public, test.prefix, test.sum, key.N.Bytes()),
					"half a key": checkRSA(public[:len(public)/2], test.prefix, test.sum, signature), "no key": checkRSA(nil, test.prefix, test.sum, signature),
					"other exponent": checkRSA(rsaPublic(key.N, 3), test.prefix, test.sum, signature), "exponent 1": checkRSA(rsaPublic(key.N, 1), test.prefix, test.sum, signature),
					"even": checkRSA(rsaPublic(new(big.Int).Sub(key.N, big.NewInt(1)), key.E), test.prefix, test.sum, signature),
				} {
					if ok {
						t.Fatalf("%d bits: a wrong %s was accepted", bits, what)
					}
				}
			}
		}
	}
	// What is not the padding of RFC 8017, though the hash is right.
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(nil)
	for what, block := range map[string][]byte{
		"Bleichenbacher's": append(append([]byte("\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\x00"+prefixSHA256), sum[:]...), make([]byte, 128-11-19-32)...),
		"of type 2":        append(append(append([]byte{0, 2}, bytes.Repeat([]byte{0xff}, 128-3-19-32)...), "\x00"+prefixSHA256...), sum[:]...),
	} {
		signature := new(big.Int).Exp(new(big.Int).SetBytes(block), key.D, key.N)
		if checkRSA(rsaPublic(key.N, key.E), prefixSHA256, sum[:], fixed(signature, 128)) {
			t.Errorf("padding %s was accepted", what)
		}
	}
}

// The arithmetic is math/big's.
func FuzzModular(f *testing.F) {
	f.Add([]byte{1}, []byte{2}, []byte{3})
	f.Add(bytes.Repeat([]byte{0xff}, 32), bytes.Repeat([]byte{0xff}, 32), bytes.Repeat([]byte{0xff}, 32))
	f.Add([]byte{0x80, 0, 0, 0, 0}, []byte{0xff, 0xff, 0xff, 0xff}, []byte{1, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, x, y, z []byte) {
		n := new(big.Int).SetBytes(z)
		n.SetBit(n, 0, 1)
		if n.BitLen() < 2 || len(z) > 256 {
			return
		}
		a, b := new(big.Int).SetBytes(x), new(big.Int).SetBytes(y)
		a.Mod(a, n)
		b.Mod(b, n)
		words := (n.BitLen() + 31) / 32
		modulus, _ := numberOf(n.Bytes(), words)
		p, _ := numberOf(a.Bytes(), words)
		q, _ := numberOf(b.Bytes(), words)
		m := newModulus(modulus)
		compare := func(what string, got number, want *big.Int) {
			if want.Mod(want, n); new(big.Int).SetBytes(got.bytes()).Cmp(want) != 0 {
				t.Fatalf("%s of %v and %v modulo %v: got %x, want %x", what, a, b, n, got.bytes(), want)
			}
		}
		r := make(number, words)
		m.add(r, p, q)
		compare("sum", r, new(big.Int).Add(a, b))
		m.sub(r, p, q)
		compare("difference", r, new(big.Int).Sub(a, b))
		m.mul(r, m.enter(p), m.enter(q))
		compare("product", m.leave(r), new(big.Int).Mul(a, b))
		if len(y) <= 16 {
			compare("power", m.leave(m.power(m.enter(p), q)), new(big.Int).Exp(a, b, n))
		}
	})
}
