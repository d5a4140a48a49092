package call

import (
	"kaiwire/protocols/dial"
	"kaiwire/protocols/sasl"
)

// Server reads the options that every connection has: host, port, security.
func (a *Args) Server() (host string, port int, security dial.Security) {
	host = a.Required("host")
	port = int(a.Int("port", 1, 65535))
	security = dial.Security(a.String("security"))
	switch security {
	case "", dial.TLS, dial.STARTTLS, dial.None:
	default:
		a.Invalid("security", `must be "tls", "starttls" or "none"`)
	}
	return host, port, security
}

// Auth reads the option auth; ok is false where it was not given.
func (a *Args) Auth() (c sasl.Credentials, ok bool) {
	if !a.Has("auth") {
		return c, false
	}
	auth := a.Object("auth")
	c = sasl.Credentials{
		User:        auth.String("user"),
		Pass:        auth.String("pass"),
		AccessToken: auth.String("accessToken"),
		Mechanism:   auth.String("mechanism"),
	}
	a.Adopt(auth)
	return c, true
}
