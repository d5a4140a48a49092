package irc

import (
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

// Policy is what a server has asked of those who come back: TLS, at Port, until
// Until. It lasts for Duration from the end of each connection.
type Policy struct {
	Port     int
	Duration time.Duration
	Until    time.Time
}

// Store remembers the policies of servers by their host. Its methods may be
// called from any goroutine.
type Store interface {
	// Policy is what is remembered of host; the zero Policy for nothing.
	Policy(host string) Policy
	// Remember keeps what host asks for in place of what it has asked for before.
	// The zero Policy asks for nothing any more.
	Remember(host string, p Policy)
}

// insecureError is the end of a connection in the clear to a server that wants
// TLS, at another port.
type insecureError struct{ port int }

func (e *insecureError) Error() string { return "the server wants TLS" }

func (e *insecureError) ErrorCode() coded.Code { return coded.EREJECTED }

// remembered applies what is remembered of the server.
func (o *Options) remembered(now time.Time) {
	if o.STS == nil || o.Security == dial.TLS {
		return
	}
	if p := o.STS.Policy(o.Host); p.Port != 0 && now.Before(p.Until) {
		o.Security, o.Port = dial.TLS, p.Port
	}
}

func (o *Options) remember(p Policy) {
	if o.STS == nil {
		return
	}
	if p.Duration == 0 {
		o.STS.Remember(o.Host, Policy{})
		return
	}
	p.Until = time.Now().Add(p.Duration)
	o.STS.Remember(o.Host, p)
}

// strictTransport obeys the value of the capability sts. Over TLS that is a
// policy to remember; in the clear it is only where TLS is to be had, and nothing
// else that the server says there may be believed.
func (s *Session) strictTransport(value string) error {
	const longest = 999_999_999 // seconds: 31 years
	port := atoi(listed(value, "port"), 1, 65535, 0)
	duration := atoi(listed(value, "duration"), 0, longest, -1)
	switch {
	case s.o.Security != dial.TLS:
		if port != 0 {
			return &insecureError{port}
		}
	case duration >= 0:
		s.policy = &Policy{Port: s.o.Port, Duration: time.Duration(duration) * time.Second}
		s.o.remember(*s.policy)
	}
	return nil
}
