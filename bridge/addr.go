package bridge

import (
	"net"
	"strconv"
)

// splitAddress takes the address of a dial apart. The host comes back without
// brackets, as the platform wants it: it knows "::1", and for "[::1]" some
// versions never raise an event.
func splitAddress(network, address string) (host string, port int, err error) {
	switch network {
	case "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6":
	default:
		return "", 0, net.UnknownNetworkError(network)
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(service)
	if err != nil || port < 1 || port > 65535 {
		return "", 0, &net.AddrError{Err: "the port must be a number from 1 to 65535", Addr: address}
	}
	if !validHost(host) {
		return "", 0, &net.AddrError{Err: "the host is not a name or an IP address", Addr: address}
	}
	return host, port, nil
}

// splitLocal takes the address of a listen apart; the host may be empty or an
// IP address, the port 0.
func splitLocal(address string) (ip string, port int, err error) {
	ip, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(service)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, &net.AddrError{Err: "the port must be a number from 0 to 65535", Addr: address}
	}
	if ip != "" && net.ParseIP(ip) == nil {
		return "", 0, &net.AddrError{Err: "the host must be an IP address", Addr: address}
	}
	return ip, port, nil
}

// validHost keeps from the platform what makes no valid URI host: for such a
// host current Gecko raises no event at all.
func validHost(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '.', c == '-', c == '_':
		case c == ':':
			if net.ParseIP(host) == nil {
				return false
			}
		case c >= 0x80:
			// An internationalised name: the platform converts it.
		default:
			return false
		}
	}
	return true
}

// tcpAddr is the address of a host as far as it is known: the platform never
// tells what a name resolved to.
func tcpAddr(host string, port int) *net.TCPAddr {
	ip := net.ParseIP(host)
	if ip == nil {
		ip = net.IPv4zero
	}
	return &net.TCPAddr{IP: ip, Port: port}
}
