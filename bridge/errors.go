package bridge

import (
	"errors"
	"net"
	"syscall"

	"kaiwire/protocols/dial"
)

// SocketError is a failure as the phone's socket reported it. Unwrap gives the
// Go error that it stands for, so that errors.Is(err, syscall.ECONNREFUSED)
// and the like hold as they do natively.
type SocketError struct {
	// Name and Message are those of the platform's error event:
	// "ConnectionRefusedError" and "Network", "SecurityError" and
	// "SecurityCertificate", …
	Name, Message string
	// Opened says that the connection had been established before.
	Opened bool
}

func (e *SocketError) Error() string {
	s := "phone socket: " + e.Name
	if e.Message != "" {
		s += " (" + e.Message + ")"
	}
	return s
}

// Unwrap returns the Go error that the platform's name stands for.
func (e *SocketError) Unwrap() error {
	for _, row := range socketErrors {
		if row.name != e.Name || (row.message != "" && row.message != e.Message) {
			continue
		}
		if e.Opened {
			return row.after
		}
		return row.before
	}
	if e.Opened {
		return syscall.ECONNRESET
	}
	return syscall.ECONNREFUSED
}

var errNameNotFound = &net.DNSError{Err: "no such host", IsNotFound: true}

// socketErrors is the table of the platform's error names. Before the
// connection is open Gecko folds every cause into ConnectionRefusedError; after
// it any name means that the connection is lost, and ConnectionRefusedError is
// what an early FIN or RST may look like.
var socketErrors = []struct {
	name, message string
	before, after error
}{
	{"ConnectionRefusedError", "", syscall.ECONNREFUSED, syscall.ECONNRESET},
	{"NetworkTimeoutError", "", syscall.ETIMEDOUT, syscall.ETIMEDOUT},
	{"DomainNotFoundError", "", errNameNotFound, syscall.ECONNRESET},
	{"NetworkInterruptError", "", syscall.ECONNREFUSED, syscall.ECONNRESET},
	{"NetworkError", "", syscall.ECONNREFUSED, syscall.ECONNRESET},
	{"SecurityError", "SecurityCertificate", dial.ErrCertificate, dial.ErrCertificate},
	{"SecurityError", "", dial.ErrHandshake, dial.ErrHandshake},
	// The names of Firefox OS 1.x; later sources still hold them, but can't
	// raise them.
	{"SecurityExpiredCertificateError", "", dial.ErrCertificate, dial.ErrCertificate},
	{"SecurityRevokedCertificateError", "", dial.ErrCertificate, dial.ErrCertificate},
	{"SecurityUntrustedCertificateIssuerError", "", dial.ErrCertificate, dial.ErrCertificate},
	{"SecurityInadequateKeyUsageError", "", dial.ErrCertificate, dial.ErrCertificate},
	{"SecurityCertificateSignatureAlgorithmDisabledError", "", dial.ErrCertificate, dial.ErrCertificate},
	{"SecurityCertificateDomainMismatchError", "", dial.ErrCertificate, dial.ErrCertificate},
	{"SecurityNoCertificateError", "", dial.ErrHandshake, dial.ErrHandshake},
	{"SecurityBadCertificateError", "", dial.ErrCertificate, dial.ErrCertificate},
	{"SecurityUnsupportedCertificateTypeError", "", dial.ErrCertificate, dial.ErrCertificate},
	{"SecurityUnsupportedTLSVersionError", "", dial.ErrHandshake, dial.ErrHandshake},
	// KaiOS 2.5 says so where the app is marked offline.
	{"InvalidStateError", "", syscall.ENETDOWN, syscall.ENETDOWN},
	// Raised by our own JavaScript where the platform is silent, and by calls
	// that the platform refuses with an exception.
	{"NotAllowedError", "", syscall.EPERM, syscall.EPERM},
	{"OfflineError", "", syscall.ENETDOWN, syscall.ENETDOWN},
	{"NotSupportedError", "", errors.ErrUnsupported, errors.ErrUnsupported},
	{"PortInUseError", "", syscall.EADDRINUSE, syscall.EADDRINUSE},
	{"QuotaExceededError", "", syscall.EMFILE, syscall.EMFILE},
	{"TypeError", "", syscall.EINVAL, syscall.EINVAL},
}
