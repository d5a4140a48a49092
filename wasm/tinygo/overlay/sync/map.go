//go:build tinygo

package sync

// What TinyGo's Map lacks of Go's, and crypto/tls calls.

func (m *Map) CompareAndSwap(key, old, new any) (swapped bool) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if value, ok := m.m[key]; !ok || value != old {
		return false
	}
	m.m[key] = new
	return true
}

func (m *Map) CompareAndDelete(key, old any) (deleted bool) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if value, ok := m.m[key]; !ok || value != old {
		return false
	}
	delete(m.m, key)
	return true
}
