package bridge

import (
	"context"
	"io"
	"syscall"
	"unsafe"
)

// Fetch asks a web server by the platform's own HTTP: it POSTs body as
// contentType, or where body is nil GETs, and returns the answer, which has to
// be of that type and of limit bytes at most. With the permission "systemXHR"
// an app may ask any server; otherwise the server has to allow the app's origin
// (CORS). No cookies are sent.
//
// Beside those of a dial, and ctx's own, errors are *SocketError with the name
// "HTTPError" and the status as its message, "DataError" for an answer of
// another type, "QuotaExceededError" for one that is too long, and
// "NetworkError" for whatever the platform does not tell.
func Fetch(ctx context.Context, url, contentType string, body []byte, limit int) ([]byte, error) {
	if !Host.Truthy() {
		return nil, syscall.EPERM
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	id := requestOpen(unsafe.Pointer(unsafe.StringData(url)), int32(len(url)),
		unsafe.Pointer(unsafe.StringData(contentType)), int32(len(contentType)), pointer(body), int32(len(body)), int32(limit))
	c := newConn(id, "", nil, false)
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	defer c.Close()
	return io.ReadAll(c)
}
