package resolver

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"kaiwire/bridge"
	"kaiwire/protocols/coded"
)

// messageType is that of DNS messages (RFC 8484 §6).
const messageType = "application/dns-message"

// maxMessage is the longest message there is.
const maxMessage = 1<<16 - 1

// exchange asks by HTTPS, as the platform does it. The server is told by a URI
// template: one that ends in "{?dns}" is asked by GET, which takes no leave in
// advance where CORS applies, any other by POST, which no cache on the way
// keeps, as it would beyond the answer's time (RFC 8484 §4.1, §5.1).
func exchange(ctx context.Context, url string, message []byte) ([]byte, error) {
	if base, ok := strings.CutSuffix(url, "{?dns}"); ok {
		url, message = base+"?dns="+base64.RawURLEncoding.EncodeToString(message), nil
	}
	answer, err := bridge.Fetch(ctx, url, messageType, message, maxMessage)
	failed, ok := errors.AsType[*bridge.SocketError](err)
	if !ok {
		return answer, err
	}
	switch {
	case failed.Name == "DataError":
		return nil, coded.New(coded.EPROTO, "", "", err)
	case failed.Name == "HTTPError":
		code := coded.ESERVFAIL
		if strings.HasPrefix(failed.Message, "4") {
			code = coded.EREFUSED
		}
		e := coded.New(code, "", "", err)
		e.Response = "HTTP " + failed.Message
		return nil, e
	}
	return nil, err
}
