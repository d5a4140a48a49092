// Serve runs smtpserver on ports of 127.0.0.1 for the browser tests, with a login
// and, as relay, without, and what it delivers to, pop3server and imapserver. It
// says on standard output which ports, as JSON, and ends with its standard input.
package main

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"os"

	"kaiwire/protocols/protocoltest/imapserver"
	"kaiwire/protocols/protocoltest/pop3server"
	"kaiwire/protocols/protocoltest/smtpserver"
)

func main() {
	var o smtpserver.Options
	if len(os.Args) > 1 {
		if err := json.Unmarshal([]byte(os.Args[1]), &o); err != nil {
			log.Fatal(err)
		}
	}
	box, mail := pop3server.New(pop3server.Options{}), imapserver.New(imapserver.Options{Empty: true})
	o.Deliver = func(m *smtpserver.Message) error {
		box.Deliver(m.Data)
		return mail.Deliver("INBOX", m.Data)
	}
	post := smtpserver.New(o)
	o.Open = true
	relay := smtpserver.New(o)
	ports := map[string]int{}
	for name, serve := range map[string]func(net.Listener) error{"smtp": post.Serve, "relay": relay.Serve, "pop3": box.Serve, "imap": mail.Serve} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		go serve(l)
		ports[name] = l.Addr().(*net.TCPAddr).Port
	}
	if err := json.NewEncoder(os.Stdout).Encode(ports); err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, os.Stdin)
}
