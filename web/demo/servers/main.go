// Servers starts the demo's mail (IMAP and SMTP), chat and name servers on loopback.
//
// When they are ready it prints one line of JSON that says where they are. The
// line "mail" on standard input delivers a new message; the end of standard
// input, SIGINT and SIGTERM end it.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"log"
	"math/big"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"kaiwire/protocols/protocoltest/imapserver"
	"kaiwire/protocols/protocoltest/ircserver"
	"kaiwire/protocols/protocoltest/smtpserver"
)

// The names that the certificate is for. They lead nowhere by themselves.
const (
	mailHost = "mail.kaiwire.example"
	ircHost  = "irc.kaiwire.example"
	dnsHost  = "ns1.kaiwire.example"
)

const (
	user     = "asha@kaiwire.example"
	password = "kaiwire"
	// maxMessage is the largest message that can be sent, in octets.
	maxMessage = 8 << 20
)

// place is what the line of JSON says of one server.
type place struct {
	// Host is the name in the certificate; what it stands for is Address.
	Host     string `json:"host"`
	Address  string `json:"address"`
	Security string `json:"security"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
}

type ready struct {
	IMAP place `json:"imap"`
	SMTP place `json:"smtp"`
	IRC  place `json:"irc"`
	DNS  place `json:"dns"`
	// CA is the PEM of the certificate that all TLS is to be checked against.
	CA string `json:"ca"`
	// Anchor is the DS record that vouches for the names.
	Anchor string `json:"anchor"`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("servers: ")
	imapPort := flag.Int("imap", 0, "`port` of the IMAP server (0: any)")
	smtpPort := flag.Int("smtp", 0, "`port` of the SMTP server (0: any)")
	ircPort := flag.Int("irc", 0, "`port` of the chat server (0: any)")
	dnsPort := flag.Int("dns", 0, "`port` of the name server (0: any)")
	talk := flag.Duration("talk", 4*time.Second, "how often somebody says something in the chat")
	flag.Parse()
	if flag.NArg() > 0 || *talk <= 0 {
		flag.Usage()
		os.Exit(2)
	}

	certificate, ca, err := issue(mailHost, ircHost)
	if err != nil {
		log.Fatal(err)
	}
	secured := &tls.Config{Certificates: []tls.Certificate{certificate}}

	mail := imapserver.New(imapserver.Options{User: user, Password: password, Log: os.Stderr})
	for n := range archived {
		if err := mail.Deliver("Archive", old(n)); err != nil {
			log.Fatal(err)
		}
	}
	post := smtpserver.New(smtpserver.Options{User: user, Password: password, MaxSize: maxMessage, Deliver: func(m *smtpserver.Message) error {
		// The household has one mailbox.
		return mail.Deliver("INBOX", m.Data)
	}})
	ticker := time.NewTicker(*talk)
	chat := ircserver.New(ircserver.Options{
		Name:  ircHost,
		MOTD:  []string{"Everybody here is a program but you."},
		Ticks: ticker.C,
	})
	names, anchor, err := nameWorld()
	if err != nil {
		log.Fatal(err)
	}

	failed := make(chan error, 4)
	imapListener := listen(*imapPort)
	smtpListener := listen(*smtpPort)
	ircListener := listen(*ircPort)
	dnsListener := listen(*dnsPort)
	go func() { failed <- mail.Serve(tls.NewListener(imapListener, secured)) }()
	go func() { failed <- post.Serve(tls.NewListener(smtpListener, secured)) }()
	go func() { failed <- chat.Serve(tls.NewListener(ircListener, secured)) }()
	go func() { failed <- serveNames(dnsListener, names) }()

	err = json.NewEncoder(os.Stdout).Encode(ready{
		IMAP:   place{mailHost, imapListener.Addr().String(), "tls", user, password},
		SMTP:   place{mailHost, smtpListener.Addr().String(), "tls", user, password},
		IRC:    place{ircHost, ircListener.Addr().String(), "tls", "", ""},
		DNS:    place{dnsHost, dnsListener.Addr().String(), "none", "", ""},
		CA:     ca,
		Anchor: text(anchor),
	})
	if err != nil {
		log.Fatal(err)
	}

	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGINT, syscall.SIGTERM)
	lines := make(chan string)
	go read(lines)
	for delivered := 0; ; {
		select {
		case line, open := <-lines:
			if !open {
				return
			}
			if line != "mail" {
				log.Printf("no such command: %q", line)
				continue
			}
			if err := mail.Deliver("INBOX", news(delivered)); err != nil {
				log.Print(err)
			}
			delivered++
		case <-told:
			return
		case err := <-failed:
			log.Fatal(err)
		}
	}
}

func listen(port int) net.Listener {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		log.Fatal(err)
	}
	return l
}

func read(lines chan<- string) {
	defer close(lines)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		lines <- in.Text()
	}
}

// issue makes a certificate for hosts that is its own authority, and the PEM of
// it. It lasts as long as somebody may leave a demo running.
func issue(hosts ...string) (tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "kaiwire demo"},
		DNSNames:              hosts,
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(30 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("certificate: %w", err)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(ca), nil
}
