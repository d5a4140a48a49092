// Package dial is the one interface between the protocol clients and whatever
// carries their bytes: the phone's sockets (package bridge), the operating
// system's (*net.Dialer), or a pair in memory.
//
// TLS is a property of dialing, so that a protocol package never has to link
// crypto/tls: a dialer that can secure a connection says so by implementing
// TLSDialer, and a connection that can be secured later (STARTTLS) by
// implementing Upgrader.
package dial

import (
	"context"
	"errors"
	"net"
)

// Dialer opens plain connections. *net.Dialer satisfies it.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// TLSDialer is a Dialer that can also open connections secured from their
// first byte. The host part of address is the name that the server's
// certificate has to carry.
type TLSDialer interface {
	Dialer
	DialTLSContext(ctx context.Context, network, address string) (net.Conn, error)
}

// Upgrader is a plain connection that can be secured where it stands
// (STARTTLS, RFC 3207 and its like). After UpgradeTLS returns nil every Read
// and Write is encrypted. serverName is the name that the certificate has to
// carry. A platform that secures its sockets late may report a failed
// handshake from the first Read instead.
type Upgrader interface {
	net.Conn
	UpgradeTLS(ctx context.Context, serverName string) error
}

// Filter is a connection for datagrams that drops those of others than its
// peer, and counts them.
type Filter interface {
	Dropped() uint64
}

// Binder is a secured connection that knows something of itself that nobody in
// between can know, for logins that are to hold on it alone (RFC 5056). data is
// nil while it is not secured.
type Binder interface {
	net.Conn
	ChannelBinding() (kind string, data []byte)
}

// Security says how a connection is protected.
type Security string

const (
	TLS      Security = "tls"      // secured from the first byte ("implicit TLS", RFC 8314)
	STARTTLS Security = "starttls" // plain at first, secured by the protocol's own command
	None     Security = "none"     // plain for good
)

// ErrNoTLS is returned where a secured connection is asked of a dialer or a
// connection that cannot provide it.
var ErrNoTLS = errors.New("dial: this dialer can't make TLS connections")

// What a TLS handshake can fail on, for platforms that do the handshake
// themselves and tell no more than this.
var (
	ErrCertificate = errors.New("the server's certificate was not accepted")
	ErrHandshake   = errors.New("the TLS handshake failed")
)

// Conn opens a connection of the given security to address, which is a host
// and a port joined by net.JoinHostPort. With STARTTLS the connection is
// returned plain; the protocol then calls Upgrade.
func Conn(ctx context.Context, d Dialer, security Security, address string) (net.Conn, error) {
	if security != TLS {
		return d.DialContext(ctx, "tcp", address)
	}
	t, ok := d.(TLSDialer)
	if !ok {
		return nil, ErrNoTLS
	}
	return t.DialTLSContext(ctx, "tcp", address)
}

// Upgrade secures c, which must implement Upgrader.
func Upgrade(ctx context.Context, c net.Conn, serverName string) error {
	u, ok := c.(Upgrader)
	if !ok {
		return ErrNoTLS
	}
	return u.UpgradeTLS(ctx, serverName)
}
