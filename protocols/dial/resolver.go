package dial

import (
	"context"
	"net/netip"
)

// Resolver finds the addresses of a host, best first: for a dialer whose
// platform does not tell a name that does not exist from a server that refuses.
// *dns.Resolver satisfies it.
type Resolver interface {
	LookupAddrs(ctx context.Context, host string) ([]netip.Addr, error)
}
