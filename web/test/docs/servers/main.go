// Servers runs the mail, chat and name servers that the examples in the
// documentation talk to, on ports of 127.0.0.1 and in the clear. It says on
// standard output which, as JSON, and ends with its standard input.
package main

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"os"

	"kaiwire/protocols/protocoltest/dnsserver"
	"kaiwire/protocols/protocoltest/imapserver"
	"kaiwire/protocols/protocoltest/ircserver"
	"kaiwire/protocols/protocoltest/pop3server"
	"kaiwire/protocols/protocoltest/smtpserver"
)

const (
	user     = "asha"
	password = "secret"
)

func main() {
	log.SetFlags(0)
	ports := map[string]int{}
	serve := func(name string, serve func(net.Listener) error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		ports[name] = l.Addr().(*net.TCPAddr).Port
		go func() { log.Fatal(serve(l)) }()
	}
	serve("imap", imapserver.New(imapserver.Options{User: user, Password: password, Log: os.Stderr}).Serve)
	pop3 := pop3server.New(pop3server.Options{User: user, Password: password})
	pop3.Deliver([]byte("From: ben@example.org\r\nTo: asha@example.org\r\nSubject: Lunch?\r\n\r\nAt noon.\r\n"))
	serve("pop3", pop3.Serve)
	serve("smtp", smtpserver.New(smtpserver.Options{User: user, Password: password}).Serve)
	serve("irc", ircserver.New(ircserver.Options{Name: "irc.example.org", Accounts: map[string]string{user: password}}).Serve)
	serve("dns", dnsserver.New().ServeTCP)
	if err := json.NewEncoder(os.Stdout).Encode(ports); err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, os.Stdin)
}
