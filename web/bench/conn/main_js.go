// The conn module: the bridge's net.Conn with nothing on top. It is there for
// the benchmark of web/bench/receive.js and no part of the package.
package main

import (
	"context"
	"net"
	"strconv"

	"kaiwire/bridge"
	"kaiwire/wasm/call"
)

// maxSize is the largest whole number of JavaScript.
const maxSize = 1<<53 - 1

func main() {
	call.Serve("conn", call.Methods{"receive": receive})
}

// receive asks the server at host and port for size bytes, by one byte, reads
// them into a buffer such as a protocol has, and acknowledges them by another.
func receive(ctx context.Context, c *call.Call) error {
	host, port, size := c.Args.Required("host"), c.Args.Int("port", 1, 65535), c.Args.Int("size", 1, maxSize)
	if err := c.Args.Err(); err != nil {
		return err
	}
	conn, err := (&bridge.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.FormatInt(port, 10)))
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		return err
	}
	buf := make([]byte, 32<<10)
	received := int64(0)
	for received < size {
		n, err := conn.Read(buf)
		received += int64(n)
		if err != nil {
			return err
		}
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		return err
	}
	c.Out.Int(received)
	return nil
}
