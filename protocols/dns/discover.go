package dns

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"sync"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

// Service is a server that a domain names for a service.
type Service struct {
	Name     string // "imap", "pop3", "submission", "irc"
	Host     string
	Port     uint16
	Security dial.Security // dial.TLS, or dial.STARTTLS for the plain name of a service
}

// Discovery is what a domain says of its servers.
type Discovery struct {
	// Services are in the order in which they are to be tried: secured ones
	// first, then by priority and weight (RFC 2782).
	Services []Service
	// MX are its mail servers, whose names often tell the provider.
	MX []MX
	// Autoconfig are URLs where settings may be had, as Thunderbird and others
	// look for them; only those whose host exists.
	Autoconfig []string
}

// knownService is one to look for, and the label of its SRV records.
type knownService struct {
	label, name string
	security    dial.Security
}

var (
	mailServices = []knownService{
		{"_imaps", "imap", dial.TLS}, {"_pop3s", "pop3", dial.TLS}, {"_submissions", "submission", dial.TLS}, // RFC 6186, 8314
		{"_imap", "imap", dial.STARTTLS}, {"_pop3", "pop3", dial.STARTTLS}, {"_submission", "submission", dial.STARTTLS},
	}
	chatServices = []knownService{{"_ircs", "irc", dial.TLS}, {"_irc", "irc", dial.None}}
)

// DiscoverMail asks a domain for its servers for mail (RFC 6186, 8314), its MX
// and where its settings may be had. What it does not name is missing in the
// answer; the error is that of the first question that failed, where none was
// answered, or coded.ENOTFOUND where there is no such domain.
func (r *Resolver) DiscoverMail(ctx context.Context, domain string) (*Discovery, error) {
	d := &Discovery{}
	bare := strings.TrimSuffix(domain, ".")
	return d, r.discover(ctx, d, bare, mailServices,
		func() (err error) {
			d.MX, err = r.ResolveMX(ctx, bare)
			return err
		},
		func() error {
			host := "autoconfig." + bare
			_, err := r.Lookup(ctx, host, 0)
			if err == nil {
				d.Autoconfig = []string{"https://" + host + "/mail/config-v1.1.xml", "https://" + bare + "/.well-known/autoconfig/mail/config-v1.1.xml"}
			}
			if e := coded.From(err, protocol); e != nil && e.Code == coded.ENOTFOUND {
				return coded.New(coded.ENODATA, protocol, "", err) // of that name, not of the domain
			}
			return err
		})
}

// DiscoverChat asks a domain for its IRC servers. For the error see
// DiscoverMail.
func (r *Resolver) DiscoverChat(ctx context.Context, domain string) (*Discovery, error) {
	d := &Discovery{}
	bare := strings.TrimSuffix(domain, ".")
	return d, r.discover(ctx, d, bare, chatServices, func() error {
		// Whether there is such a domain at all.
		_, err := r.Lookup(ctx, bare, 0)
		return err
	})
}

// discover asks all its questions at a time.
func (r *Resolver) discover(ctx context.Context, d *Discovery, domain string, services []knownService, others ...func() error) error {
	if r.err != nil {
		return r.err
	}
	if _, err := parseName("_submissions._tcp." + domain); err != nil {
		return err
	}
	found := make([][]SRV, len(services))
	errs := make([]error, len(services)+len(others))
	var wg sync.WaitGroup
	for i, s := range services {
		wg.Go(func() { found[i], errs[i] = r.ResolveSRV(ctx, s.label+"._tcp."+domain) })
	}
	for i, ask := range others {
		wg.Go(func() { errs[len(services)+i] = ask() })
	}
	wg.Wait()
	for i, s := range services {
		for _, srv := range shuffle(found[i]) {
			// "." is a service that is decidedly not there.
			if srv.Target != "." && srv.Port != 0 {
				d.Services = append(d.Services, Service{s.name, srv.Target, srv.Port, s.security})
			}
		}
	}
	var failed error
	for i, err := range errs {
		switch e := coded.From(err, protocol); {
		case e == nil:
			return nil
		case i < len(services) && (e.Code == coded.ENOTFOUND || e.Code == coded.ENODATA):
		case failed == nil || i == len(services):
			failed = err
		}
	}
	if e := coded.From(failed, protocol); e != nil && e.Code == coded.ENODATA {
		return nil // the domain is there, and says nothing
	}
	return failed
}

// shuffle orders servers by priority, and at random by weight (RFC 2782).
func shuffle(list []SRV) []SRV {
	slices.SortStableFunc(list, func(a, b SRV) int {
		// Those of weight 0 come first, so that they are hardly ever drawn.
		return cmp.Or(int(a.Priority)-int(b.Priority), int(a.Weight)-int(b.Weight))
	})
	for i := range list {
		sum := uint32(0)
		for _, s := range list[i:] {
			if s.Priority == list[i].Priority {
				sum += uint32(s.Weight)
			}
		}
		var b [4]byte
		fill(b[:])
		drawn := binary.BigEndian.Uint32(b[:]) % (sum + 1)
		for j, s := range list[i:] {
			if drawn <= uint32(s.Weight) {
				copy(list[i+1:i+j+1], list[i:i+j])
				list[i] = s
				break
			}
			drawn -= uint32(s.Weight)
		}
	}
	return list
}
