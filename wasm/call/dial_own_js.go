//go:build owntls

package call

import (
	"errors"

	"kaiwire/bridge"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/trust"
)

// sessions are shared by all connections of the module.
var sessions = trust.NewSessions(16)

// Dialer is what a connection's options ask for: the phone's sockets, and here
// TLS of our own, with the trust that the option tls adds.
func Dialer(a *Args) (dial.Dialer, error) { return Trust(a) }

// Trust is Dialer for who needs more of it.
func Trust(a *Args) (*trust.Dialer, error) {
	o := a.Object("tls")
	c := trust.Config{
		Roots:      o.String("roots"),
		Pins:       o.Strings("pins"),
		Known:      map[string]string{},
		NextProtos: o.Strings("alpn"),
		Sessions:   sessions,
	}
	known := o.Object("known")
	known.Each(func(server, key string) { c.Known[server] = key })
	o.Adopt(known)
	a.Adopt(o)
	if err := a.Err(); err != nil {
		return nil, err
	}
	return trust.New(&bridge.Dialer{}, c)
}

// writeCertificate adds to an error what there is to show of a certificate
// that was refused.
func writeCertificate(r *Record, err error) {
	refused, ok := errors.AsType[*trust.CertificateError](err)
	if !ok {
		return
	}
	r.Key("trust").Object(func() {
		r.Key("cause").String(string(refused.Cause))
		if refused.Culprit != "" {
			r.Key("culprit").String(refused.Culprit)
		}
		Certificates(r, trust.Describe(refused.Chain))
	})
}

// Certificates writes the members certificate, the first or null, and chain,
// all of them.
func Certificates(r *Record, chain []trust.Certificate) {
	r.Key("certificate")
	if len(chain) > 0 {
		certificate(r, &chain[0])
	} else {
		r.Null()
	}
	r.Key("chain").Array(func() {
		for i := range chain {
			certificate(r, &chain[i])
		}
	})
}

func certificate(r *Record, c *trust.Certificate) {
	r.Object(func() {
		r.Key("subject").String(c.Subject)
		r.Key("issuer").String(c.Issuer)
		r.Key("names").Strings(c.Names)
		r.Key("notBefore").Time(c.NotBefore)
		r.Key("notAfter").Time(c.NotAfter)
		r.Key("fingerprint").String(c.Fingerprint)
		r.Key("key").String(c.Key)
	})
}
