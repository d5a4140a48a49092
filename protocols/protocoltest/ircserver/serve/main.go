// Serve runs ircserver on a port of 127.0.0.1 for the browser tests. It says on
// standard output which, as JSON, and ends with its standard input. A line there
// is a command: "drop NICK" breaks a connection, "split NICK…" the network.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"net"
	"os"
	"strings"

	"kaiwire/protocols/protocoltest/ircserver"
)

func main() {
	var o ircserver.Options
	if len(os.Args) > 1 {
		if err := json.Unmarshal([]byte(os.Args[1]), &o); err != nil {
			log.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := ircserver.New(o)
	go server.Serve(l)
	if err := json.NewEncoder(os.Stdout).Encode(map[string]int{"port": l.Addr().(*net.TCPAddr).Port}); err != nil {
		log.Fatal(err)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 2 && words[0] == "drop":
			server.Drop(words[1])
		case len(words) > 1 && words[0] == "split":
			server.Split("near.example", "far.example", words[1:]...)
		default:
			log.Printf("no such command: %q", lines.Text())
		}
	}
	server.Close()
}
