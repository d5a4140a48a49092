// A protocol that kaiwire does not ship, on its connections: Finger (RFC 1288).
package main

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall/js"
	"time"

	"kaiwire/bridge"
)

const (
	port     = "79"
	timeout  = 20 * time.Second
	maxReply = 64 << 10 // a server decides what it sends, not how much we keep
)

var errQuery = errors.New("a query may not contain line ends")

// finger asks a host about a user, or about everybody for "". It knows nothing
// of JavaScript: it would run anywhere with *net.Dialer.
func finger(ctx context.Context, d interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}, host, user string) (string, error) {
	if strings.ContainsAny(user, "\r\n") {
		return "", errQuery
	}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return "", err
	}
	defer c.Close()
	if deadline, ok := ctx.Deadline(); ok {
		c.SetDeadline(deadline)
	}
	if _, err := io.WriteString(c, user+"\r\n"); err != nil {
		return "", err
	}
	reply, err := io.ReadAll(io.LimitReader(c, maxReply))
	return string(reply), err
}

func main() {
	// finger(host, user, done): done gets the text, or null and what went wrong.
	bridge.Host.Set("finger", js.FuncOf(func(_ js.Value, args []js.Value) any {
		host, user, done := args[0].String(), args[1].String(), args[2]
		go func() { // a callback of JavaScript must not wait
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			defer cancel()
			if text, err := finger(ctx, &bridge.Dialer{}, host, user); err != nil {
				done.Invoke(nil, err.Error())
			} else {
				done.Invoke(text, nil)
			}
		}()
		return nil
	}))
	select {} // JavaScript calls as long as the page is there
}
