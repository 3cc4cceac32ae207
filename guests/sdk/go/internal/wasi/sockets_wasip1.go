package wasi

import (
	"net/netip"
	"unsafe"
)

// SocketFailure is an error-code of wasi:sockets.
type SocketFailure uint8

func (SocketFailure) Error() string {
	return "an error of wasi:sockets"
}

// The error-codes that Go has errors for.
const (
	AccessDenied             SocketFailure = 1
	NotSupported             SocketFailure = 2
	OutOfMemory              SocketFailure = 4
	TimedOut                 SocketFailure = 5
	wouldBlock               SocketFailure = 8
	NewSocketLimit           SocketFailure = 10
	RemoteUnreachable        SocketFailure = 13
	ConnectionRefused        SocketFailure = 14
	ConnectionReset          SocketFailure = 15
	ConnectionAborted        SocketFailure = 16
	NameUnresolvable         SocketFailure = 18
	TemporaryResolverFailure SocketFailure = 19
	PermanentResolverFailure SocketFailure = 20
	// Cancelled is none of the host's.
	Cancelled SocketFailure = 255
)

// Socket is a connection of TCP.
type Socket struct {
	Input
	Output
	socket uint32
	Local  netip.AddrPort
}

var (
	network    uint32
	hasNetwork bool
)

func theNetwork() uint32 {
	if !hasNetwork {
		network, hasNetwork = instanceNetwork(), true
	}
	return network
}

// Connect makes a connection.
func Connect(to netip.AddrPort, cancel ...<-chan struct{}) (*Socket, error) {
	address, family := to.Addr(), uint32(0)
	if address.Is6() {
		family = 1
	}
	createSocket(family, unsafe.Pointer(&result))
	if result.u8(0) != 0 {
		return nil, SocketFailure(result.u8(4))
	}
	socket := result.u32(4)
	s := &Socket{socket: socket}
	if failed := s.connect(to, cancel...); failed != 0 {
		dropSocket(s.socket)
		return nil, failed
	}
	localAddress(s.socket, unsafe.Pointer(&result))
	if result.u8(0) == 0 {
		s.Local = addressAt(4)
	}
	return s, nil
}

func (s *Socket) connect(to netip.AddrPort, cancel ...<-chan struct{}) SocketFailure {
	// What the host takes as numbers: the port, an address of IPv4 or IPv6, and with the latter two more.
	var n [11]uint32
	family := uint32(0)
	n[0] = uint32(to.Port())
	if to.Addr().Is6() {
		family = 1
		for i, bytes := 0, to.Addr().As16(); i < 8; i++ {
			n[2+i] = uint32(bytes[2*i])<<8 | uint32(bytes[2*i+1])
		}
	} else {
		for i, part := range to.Addr().As4() {
			n[1+i] = uint32(part)
		}
	}
	startConnect(s.socket, theNetwork(), family, n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10],
		unsafe.Pointer(&result))
	if result.u8(0) != 0 {
		return SocketFailure(result.u8(1))
	}
	for {
		finishConnect(s.socket, unsafe.Pointer(&result))
		if result.u8(0) == 0 {
			s.Input, s.Output = Input(result.u32(4)), Output(result.u32(8))
			return 0
		}
		if failed := SocketFailure(result.u8(4)); failed != wouldBlock {
			return failed
		}
		if !wait(socketSubscribe(s.socket), cancel...) {
			return Cancelled
		}
	}
}

// addressAt reads an ip-socket-address.
func addressAt(at uintptr) netip.AddrPort {
	isIPv6, port := result.u8(at) != 0, result.u16(at+4)
	if isIPv6 {
		return netip.AddrPortFrom(ipv6At(at+12), port)
	}
	return netip.AddrPortFrom(ipv4At(at+6), port)
}

func ipv4At(at uintptr) netip.Addr {
	return netip.AddrFrom4([4]byte{result.u8(at), result.u8(at + 1), result.u8(at + 2), result.u8(at + 3)})
}

func ipv6At(at uintptr) netip.Addr {
	var bytes [16]byte
	for i := range uintptr(8) {
		part := result.u16(at + 2*i)
		bytes[2*i], bytes[2*i+1] = byte(part>>8), byte(part)
	}
	return netip.AddrFrom16(bytes)
}

// ShutdownRead and ShutdownWrite end one direction.
func (s *Socket) ShutdownRead() {
	shutdown(s.socket, 0, unsafe.Pointer(&result))
}

func (s *Socket) ShutdownWrite() {
	shutdown(s.socket, 1, unsafe.Pointer(&result))
}

// Drop closes the connection.
func (s *Socket) Drop() {
	s.Input.Drop()
	s.Output.Drop()
	dropSocket(s.socket)
}

// Resolve looks up a name.
func Resolve(name string, cancel ...<-chan struct{}) ([]netip.Addr, error) {
	resolveAddresses(theNetwork(), name, unsafe.Pointer(&result))
	if result.u8(0) != 0 {
		return nil, SocketFailure(result.u8(4))
	}
	stream := result.u32(4)
	defer dropResolver(stream)
	var found []netip.Addr
	for {
		resolveNext(stream, unsafe.Pointer(&result))
		if result.u8(0) != 0 {
			if failed := SocketFailure(result.u8(2)); failed != wouldBlock {
				return nil, failed
			}
			if !wait(resolverSubscribe(stream), cancel...) {
				return nil, Cancelled
			}
			continue
		}
		if result.u8(2) == 0 {
			return found, nil
		}
		address := ipv4At(6)
		if result.u8(4) != 0 {
			address = ipv6At(6)
		}
		found = append(found, address)
	}
}

//go:wasmimport wasi:sockets/instance-network@0.2.0 instance-network
func instanceNetwork() uint32

//go:wasmimport wasi:sockets/tcp-create-socket@0.2.0 create-tcp-socket
//go:noescape
func createSocket(family uint32, result unsafe.Pointer)

//go:wasmimport wasi:sockets/tcp@0.2.0 [method]tcp-socket.start-connect
//go:noescape
func startConnect(self, network, family, n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10 uint32, result unsafe.Pointer)

//go:wasmimport wasi:sockets/tcp@0.2.0 [method]tcp-socket.finish-connect
//go:noescape
func finishConnect(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:sockets/tcp@0.2.0 [method]tcp-socket.local-address
//go:noescape
func localAddress(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:sockets/tcp@0.2.0 [method]tcp-socket.subscribe
func socketSubscribe(self uint32) uint32

//go:wasmimport wasi:sockets/tcp@0.2.0 [method]tcp-socket.shutdown
//go:noescape
func shutdown(self, direction uint32, result unsafe.Pointer)

//go:wasmimport wasi:sockets/tcp@0.2.0 [resource-drop]tcp-socket
func dropSocket(self uint32)

//go:wasmimport wasi:sockets/ip-name-lookup@0.2.0 resolve-addresses
//go:noescape
func resolveAddresses(network uint32, name string, result unsafe.Pointer)

//go:wasmimport wasi:sockets/ip-name-lookup@0.2.0 [method]resolve-address-stream.resolve-next-address
//go:noescape
func resolveNext(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:sockets/ip-name-lookup@0.2.0 [method]resolve-address-stream.subscribe
func resolverSubscribe(self uint32) uint32

//go:wasmimport wasi:sockets/ip-name-lookup@0.2.0 [resource-drop]resolve-address-stream
func dropResolver(self uint32)
