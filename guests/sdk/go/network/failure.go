package network

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"syscall"

	"guesthouse.dev/go/internal/denied"
)

// The error-codes of wasi:http that have a counterpart among Go's errors, by their place in WIT.
const (
	dnsTimeout             = 0
	dnsError               = 1
	destinationNotFound    = 2
	destinationUnavailable = 3
	destinationProhibited  = 4
	destinationUnroutable  = 5
	connectionRefused      = 6
	connectionTerminated   = 7
	connectionTimeout      = 8
	connectionReadTimeout  = 9
	connectionWriteTimeout = 10
	tlsCertificate         = 13
	requestDenied          = 15
	incomplete             = 25
	responseTimeout        = 33
)

// names has the names of all error-codes.
var names = [...]string{
	"DNS-timeout", "DNS-error", "destination-not-found", "destination-unavailable", "destination-IP-prohibited",
	"destination-IP-unroutable", "connection-refused", "connection-terminated", "connection-timeout",
	"connection-read-timeout", "connection-write-timeout", "connection-limit-reached", "TLS-protocol-error",
	"TLS-certificate-error", "TLS-alert-received", "HTTP-request-denied", "HTTP-request-length-required",
	"HTTP-request-body-size", "HTTP-request-method-invalid", "HTTP-request-URI-invalid", "HTTP-request-URI-too-long",
	"HTTP-request-header-section-size", "HTTP-request-header-size", "HTTP-request-trailer-section-size",
	"HTTP-request-trailer-size", "HTTP-response-incomplete", "HTTP-response-header-section-size",
	"HTTP-response-header-size", "HTTP-response-body-size", "HTTP-response-trailer-section-size",
	"HTTP-response-trailer-size", "HTTP-response-transfer-coding", "HTTP-response-content-coding",
	"HTTP-response-timeout", "HTTP-upgrade-failed", "HTTP-protocol-error", "loop-detected", "configuration-error",
	"internal-error",
}

// failure returns the error that Go has for an error-code, so that callers find what they look for with errors.Is and
// errors.As. The text is what the code comes with, or empty.
func failure(code uint8, text, host string) error {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: address(host), Err: err}
	}
	read := func(err error) error {
		return &net.OpError{Op: "read", Net: "tcp", Addr: address(host), Err: err}
	}
	connect := func(number syscall.Errno) error {
		return dial(os.NewSyscallError("connect", number))
	}
	switch code {
	case dnsTimeout:
		return dial(&net.DNSError{Err: "i/o timeout", Name: name(host), IsTimeout: true, IsTemporary: true})
	case dnsError, destinationNotFound:
		reason := "no such host"
		if text != "" {
			reason += ": " + text
		}
		return dial(&net.DNSError{Err: reason, Name: name(host), IsNotFound: true})
	case destinationUnavailable, destinationUnroutable:
		return connect(syscall.EHOSTUNREACH)
	case destinationProhibited:
		return dial(&denied.Error{Reason: "no guest can reach this address"})
	case requestDenied:
		return dial(denied.NoRule)
	case connectionRefused:
		return connect(syscall.ECONNREFUSED)
	case connectionTimeout:
		return connect(syscall.ETIMEDOUT)
	case connectionTerminated:
		return read(os.NewSyscallError("read", syscall.ECONNRESET))
	case connectionReadTimeout, connectionWriteTimeout, responseTimeout:
		return read(os.ErrDeadlineExceeded)
	case tlsCertificate:
		return &tls.CertificateVerificationError{Err: errors.New("x509: the host does not accept the server's certificate")}
	}
	message := "internal-error"
	if int(code) < len(names) {
		message = names[code]
	}
	if text != "" {
		message += ": " + text
	}
	return errors.New("http: " + message)
}

// address is a host and a port, as the address of an error.
type address string

func (address) Network() string {
	return "tcp"
}

func (a address) String() string {
	return string(a)
}

// name returns the host without its port.
func name(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
