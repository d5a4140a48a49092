// Package smtpserver is a server that takes mail in, for tests and for the demo
// app: go-smtp's, with a login and somewhere to deliver to.
package smtpserver

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"strings"
	"sync"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Options has no required field.
type Options struct {
	User     string // default "asha"
	Password string // default "kaiwire"
	// TLS has the server offer STARTTLS.
	TLS *tls.Config `json:"-"`
	// Open has the server take mail without a login, which it doesn't offer.
	Open bool
	// MaxSize is the largest message, in octets; 0 means any.
	MaxSize int64
	// Deliver is told each message that has come. Its error is the server's no.
	Deliver func(*Message) error `json:"-"`
}

// Message is one that has come.
type Message struct {
	From string
	To   []string
	Mail *smtp.MailOptions
	Rcpt []*smtp.RcptOptions
	Data []byte
}

// Server is an SMTP server. It takes logins on connections that are not secured,
// and no mail without one, unless it is told to. Recipients whose address begins with "nobody" are
// unknown to it, and those that begin with "later" are to be tried later. The
// library has a race where a message in chunks is given up and another one in
// chunks follows on the same connection.
type Server struct {
	o    Options
	smtp *smtp.Server

	mu       sync.Mutex
	messages []*Message
}

// New makes a server.
func New(o Options) *Server {
	if o.User == "" {
		o.User = "asha"
	}
	if o.Password == "" {
		o.Password = "kaiwire"
	}
	s := &Server{o: o}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }))
	s.smtp.Domain = "mail.example"
	s.smtp.TLSConfig = o.TLS
	s.smtp.MaxMessageBytes = o.MaxSize
	s.smtp.AllowInsecureAuth = true
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.EnableREQUIRETLS = true
	s.smtp.EnableDSN = true
	s.smtp.ErrorLog = log.New(io.Discard, "", 0)
	return s
}

// Serve accepts connections until the server is closed.
func (s *Server) Serve(l net.Listener) error { return s.smtp.Serve(l) }

// Close ends all connections.
func (s *Server) Close() error { return s.smtp.Close() }

// Messages returns what has come so far.
func (s *Server) Messages() []*Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Message(nil), s.messages...)
}

type session struct {
	server  *Server
	known   bool
	message *Message
}

func (s *session) AuthMechanisms() []string {
	if s.server.o.Open {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != s.server.o.User || pass != s.server.o.Password {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}), nil
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	if !s.known && !s.server.o.Open {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.server.mu.Lock()
	s.message = &Message{From: from, Mail: o}
	s.server.mu.Unlock()
	return nil
}

func (s *session) Rcpt(to string, o *smtp.RcptOptions) error {
	switch {
	case strings.HasPrefix(to, "nobody"):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
	case strings.HasPrefix(to, "later"):
		return &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "Greylisted, try again"}
	}
	s.message.To = append(s.message.To, to)
	s.message.Rcpt = append(s.message.Rcpt, o)
	return nil
}

func (s *session) Data(r io.Reader) error {
	// A Reset may come while a message that came in chunks is given up.
	s.server.mu.Lock()
	m := s.message
	s.server.mu.Unlock()
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.Data = data
	if s.server.o.Deliver != nil {
		if err := s.server.o.Deliver(m); err != nil {
			return err
		}
	}
	s.server.mu.Lock()
	s.server.messages = append(s.server.messages, m)
	s.server.mu.Unlock()
	return nil
}

func (s *session) Reset() {
	s.server.mu.Lock()
	s.message = nil
	s.server.mu.Unlock()
}

func (s *session) Logout() error { return nil }
