//go:build tinygo

package imap

// rightsText is what string(r) is to Go, which TinyGo does not compile for a
// slice of bytes with a name of their own.
func rightsText(r RightSet) string {
	b := make([]byte, len(r))
	for i, right := range r {
		b[i] = byte(right)
	}
	return string(b)
}
