package sockets

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	_ "unsafe" // for go:linkname

	"guesthouse.dev/go/internal/denied"
	"guesthouse.dev/go/internal/wasi"
)

// dialHook and lookupHook are asked by package net, if `guesthouse build` builds the guest: it changes net so that there
// are variables of these names.
//
//go:linkname dialHook net.guesthouseDial
var dialHook func(context.Context, *net.TCPAddr) (net.Conn, error)

//go:linkname lookupHook net.guesthouseLookup
var lookupHook func(ctx context.Context, network, name string) ([]net.IPAddr, error)

func init() {
	dialHook, lookupHook = dial, lookup
}

// DialContext is like that of [net.Dialer], for "tcp", "tcp4" and "tcp6".
func DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := dialName(ctx, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return conn, nil
}

func dialName(ctx context.Context, network, address string) (net.Conn, error) {
	families := map[string]string{"tcp": "ip", "tcp4": "ip4", "tcp6": "ip6"}
	if families[network] == "" {
		return nil, net.UnknownNetworkError(network)
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, &net.AddrError{Err: "the port is no number", Addr: address}
	}
	addresses := []net.IPAddr{}
	if ip, err := netip.ParseAddr(host); err == nil {
		addresses = append(addresses, net.IPAddr{IP: ip.AsSlice()})
	} else if addresses, err = lookup(ctx, families[network], host); err != nil {
		return nil, err
	}
	var first error
	for _, address := range addresses {
		conn, err := dial(ctx, &net.TCPAddr{IP: address.IP, Port: int(port)})
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func dial(ctx context.Context, to *net.TCPAddr) (net.Conn, error) {
	address := to.AddrPort()
	address = netip.AddrPortFrom(address.Addr().Unmap().WithZone(""), address.Port())
	if !address.Addr().IsValid() {
		// Go means the machine itself.
		address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), address.Port())
	}
	socket, err := wasi.Connect(address, ctx.Done())
	if err != nil {
		return nil, dialError(ctx, err)
	}
	return newConn(socket, to), nil
}

func dialError(ctx context.Context, err error) error {
	number, ok := map[error]syscall.Errno{
		wasi.NotSupported:      syscall.EAFNOSUPPORT,
		wasi.OutOfMemory:       syscall.ENOMEM,
		wasi.TimedOut:          syscall.ETIMEDOUT,
		wasi.NewSocketLimit:    syscall.EMFILE,
		wasi.RemoteUnreachable: syscall.EHOSTUNREACH,
		wasi.ConnectionRefused: syscall.ECONNREFUSED,
		wasi.ConnectionReset:   syscall.ECONNRESET,
		wasi.ConnectionAborted: syscall.ECONNABORTED,
	}[err]
	switch {
	case err == wasi.Cancelled:
		return ctx.Err()
	case err == wasi.AccessDenied:
		return denied.NoRule
	case !ok:
		number = syscall.EIO
	}
	return os.NewSyscallError("connect", number)
}

// lookup returns the addresses of a name. The network is "ip", "ip4" or "ip6".
func lookup(ctx context.Context, network, name string) ([]net.IPAddr, error) {
	found, err := wasi.Resolve(name, ctx.Done())
	if err != nil {
		return nil, lookupError(ctx, err, name)
	}
	var addresses []net.IPAddr
	for _, address := range found {
		address = address.Unmap()
		if network == "ip4" && !address.Is4() || network == "ip6" && !address.Is6() {
			continue
		}
		addresses = append(addresses, net.IPAddr{IP: address.AsSlice()})
	}
	if len(addresses) == 0 {
		return nil, lookupError(ctx, wasi.NameUnresolvable, name)
	}
	return addresses, nil
}

func lookupError(ctx context.Context, err error, name string) error {
	failed := &net.DNSError{Err: "server misbehaving", Name: name}
	switch err {
	case wasi.AccessDenied:
		failed.Err, failed.UnwrapErr = denied.NoRule.Error(), denied.NoRule
	case wasi.NameUnresolvable:
		failed.Err, failed.IsNotFound = "no such host", true
	case wasi.TimedOut:
		failed.Err, failed.IsTimeout, failed.IsTemporary = "i/o timeout", true, true
	case wasi.TemporaryResolverFailure:
		failed.IsTemporary = true
	case wasi.Cancelled:
		failed.Err, failed.UnwrapErr = ctx.Err().Error(), ctx.Err()
		failed.IsTimeout = ctx.Err() == context.DeadlineExceeded
	}
	return failed
}
