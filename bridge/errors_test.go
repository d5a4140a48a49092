package bridge

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
)

func TestSocketErrorTable(t *testing.T) {
	for _, test := range []struct {
		err  SocketError
		want error
		code coded.Code
	}{
		{SocketError{"ConnectionRefusedError", "Network", false}, syscall.ECONNREFUSED, coded.ECONNREFUSED},
		// An early FIN or RST looks like a refusal after open.
		{SocketError{"ConnectionRefusedError", "Network", true}, syscall.ECONNRESET, coded.ECONNRESET},
		{SocketError{"NetworkError", "Network", true}, syscall.ECONNRESET, coded.ECONNRESET},
		{SocketError{"NetworkInterruptError", "Network", true}, syscall.ECONNRESET, coded.ECONNRESET},
		{SocketError{"NetworkTimeoutError", "Network", true}, syscall.ETIMEDOUT, coded.ETIMEDOUT},
		{SocketError{"DomainNotFoundError", "Network", false}, errNameNotFound, coded.ENOTFOUND},
		{SocketError{"SecurityError", "SecurityCertificate", true}, dial.ErrCertificate, coded.ECERT},
		{SocketError{"SecurityError", "SecurityProtocol", true}, dial.ErrHandshake, coded.ETLS},
		{SocketError{"SecurityExpiredCertificateError", "SecurityCertificate", true}, dial.ErrCertificate, coded.ECERT},
		{SocketError{"InvalidStateError", "Internal error", false}, syscall.ENETDOWN, coded.ENETDOWN},
		{SocketError{"NotAllowedError", "", false}, syscall.EPERM, coded.EPERM},
		{SocketError{"OfflineError", "Network", false}, syscall.ENETDOWN, coded.ENETDOWN},
		{SocketError{"NotSupportedError", "", false}, errors.ErrUnsupported, coded.ENOTSUP},
		{SocketError{"PortInUseError", "", false}, syscall.EADDRINUSE, coded.EADDRINUSE},
		{SocketError{"QuotaExceededError", "", false}, syscall.EMFILE, coded.ELIMIT},
		{SocketError{"SomethingNewError", "", false}, syscall.ECONNREFUSED, coded.ECONNREFUSED},
		{SocketError{"SomethingNewError", "", true}, syscall.ECONNRESET, coded.ECONNRESET},
	} {
		err := error(&net.OpError{Op: "read", Net: "tcp", Err: &test.err})
		if !errors.Is(err, test.want) {
			t.Errorf("%v is not %v", err, test.want)
		}
		if got := coded.From(err, "").Code; got != test.code {
			t.Errorf("%v has the code %s, want %s", err, got, test.code)
		}
	}
}
