package network

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestErrorsAreThoseThatGoHasForThem(t *testing.T) {
	for code, expected := range map[uint8]error{
		destinationUnroutable: syscall.EHOSTUNREACH,
		destinationProhibited: fs.ErrPermission,
		requestDenied:         fs.ErrPermission,
		connectionRefused:     syscall.ECONNREFUSED,
		connectionTerminated:  syscall.ECONNRESET,
		connectionTimeout:     syscall.ETIMEDOUT,
		responseTimeout:       os.ErrDeadlineExceeded,
	} {
		err := failure(code, "", "example.com:443")
		var operation *net.OpError
		if !errors.Is(err, expected) || !errors.As(err, &operation) || operation.Addr.String() != "example.com:443" {
			t.Errorf("%s: %#v", names[code], err)
		}
	}
}

func TestTimeoutsSayThatTheyAre(t *testing.T) {
	for code := range names {
		err := failure(uint8(code), "", "example.com:443")
		isTimeout := code == dnsTimeout || code == connectionTimeout || code == connectionReadTimeout ||
			code == connectionWriteTimeout || code == responseTimeout
		if os.IsTimeout(err) != isTimeout {
			t.Errorf("%s: %v", names[code], err)
		}
	}
}

func TestNamesThatAreNotFoundSaySo(t *testing.T) {
	var failed *net.DNSError
	if err := failure(dnsError, "NXDOMAIN", "a.example:80"); !errors.As(err, &failed) || !failed.IsNotFound {
		t.Fatal(err)
	}
	if failed.Name != "a.example" || failed.Err != "no such host: NXDOMAIN" {
		t.Errorf("%#v", failed)
	}
}

func TestACertificateIsNotAccepted(t *testing.T) {
	var failed *tls.CertificateVerificationError
	if err := failure(tlsCertificate, "", "a.example:443"); !errors.As(err, &failed) {
		t.Error(err)
	}
}

func TestTheTextOfOtherErrorsIsTheHosts(t *testing.T) {
	internal := uint8(len(names) - 1)
	for code, expected := range map[uint8]string{
		internal: "http: internal-error: signed in the guest",
		200:      "http: internal-error: signed in the guest",
		36:       "http: loop-detected: signed in the guest",
	} {
		if err := failure(code, "signed in the guest", "a.example:443"); err.Error() != expected {
			t.Errorf("%d: %v", code, err)
		}
	}
}
