"""Sockets that speak TLS: `wasi:sockets`, and `wasi:tls`, with which the host encrypts what goes over them.

The interpreter's own sockets belong to its C library, which hands out no streams that TLS could be put over. So guests
whose clients need TLS, and only they, have these in the place of a real socket. They have no file descriptor.
"""

import errno
import ipaddress
import socket

from componentize_py_types import Err, Ok
from wit_world.imports import instance_network, ip_name_lookup, monotonic_clock, poll, streams, tcp_create_socket
from wit_world.imports import network as wasi
from wit_world.imports import wasi_tls_types

from . import tls

#: How much is read at once, in bytes.
_PIECE_BYTES = 1 << 18


class Socket:
    """A connection that was made."""

    def __init__(self, address, timeout):
        self._timeout = timeout
        self._socket = self._input = self._output = self._secured = None
        self._is_ended = False
        error = None
        for found in _addresses(address[0], timeout):
            try:
                self._connect(found, address[1], timeout)
                return
            except OSError as failed:
                error = failed
                self.close()
        raise error or socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def _connect(self, address, port, timeout):
        is_4 = isinstance(address, wasi.IpAddress_Ipv4)
        family = wasi.IpAddressFamily.IPV4 if is_4 else wasi.IpAddressFamily.IPV6
        if is_4:
            remote = wasi.IpSocketAddress_Ipv4(wasi.Ipv4SocketAddress(port, address.value))
        else:
            remote = wasi.IpSocketAddress_Ipv6(wasi.Ipv6SocketAddress(port, 0, address.value, 0))
        with instance_network.instance_network() as network:
            self._socket = _call(tcp_create_socket.create_tcp_socket, family)
            _call(self._socket.start_connect, network, remote)
            self._input, self._output = _until_done(self._socket, self._socket.finish_connect, timeout)

    def start_tls(self, name):
        """Has the host speak TLS from now on, and check that the server has a certificate for this name."""
        if self._secured is not None:
            raise OSError(errno.EOPNOTSUPP, "TLS inside of TLS is not supported in a guest")
        # The handshake takes the streams.
        plain, self._input, self._output = (self._input, self._output), None, None
        with wasi_tls_types.ClientHandshake.finish(wasi_tls_types.ClientHandshake(name, *plain)) as coming:
            while (result := coming.get()) is None:
                _wait(coming, self._timeout)
        while isinstance(result, Ok):
            result = result.value
        if isinstance(result, Err):
            with result.value as error:
                raise failed_handshake(error.to_debug_string())
        self._secured, self._input, self._output = result

    def sendall(self, data):
        view = memoryview(data).cast("B")
        try:
            while view:
                room = self._output.check_write()
                if room == 0:
                    _wait(self._output, self._timeout)
                    continue
                self._output.write(bytes(view[:room]))
                view = view[room:]
            self._output.flush()
        except Err as error:
            _let_go(error)
            raise BrokenPipeError(errno.EPIPE, "Broken pipe") from None

    def recv(self, size, flags=0):
        while not self._is_ended and size > 0:
            try:
                if data := self._input.read(min(size, _PIECE_BYTES)):
                    return data
            except Err as error:
                self._is_ended = True
                if _let_go(error):
                    raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer") from None
                break
            _wait(self._input, self._timeout)
        return b""

    def recv_into(self, buffer, size=0, flags=0):
        view = memoryview(buffer).cast("B")
        data = self.recv(size or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def settimeout(self, timeout):
        self._timeout = timeout

    def fileno(self):
        return -1

    def shutdown(self, how):
        if self._secured is not None and how != socket.SHUT_RD:
            self._secured.close_output()

    def close(self):
        # Streams come before what they are parts of.
        for part in (self._input, self._output, self._secured, self._socket):
            if part is not None:
                part.__exit__(None, None, None)
        self._input = self._output = self._secured = self._socket = None
        self._is_ended = True

    def __del__(self):
        self.close()


def failed_handshake(said):
    """Returns the exception for a handshake that failed, by what the host says of it."""
    if "certificate" in said.lower():
        return tls.SSLCertVerificationError(1, f"certificate verify failed: {said}")
    return tls.SSLError(1, said)


def _addresses(host, timeout):
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        parts = literal.packed
        if literal.version == 4:
            return [wasi.IpAddress_Ipv4(tuple(parts))]
        return [wasi.IpAddress_Ipv6(tuple(int.from_bytes(parts[at : at + 2]) for at in range(0, 16, 2)))]
    found = []
    with instance_network.instance_network() as network:
        with _call(ip_name_lookup.resolve_addresses, network, host) as names:
            while (address := _until_done(names, names.resolve_next_address, timeout)) is not None:
                found.append(address)
    return found


def _until_done(resource, function, timeout):
    while True:
        try:
            return function()
        except Err as error:
            if error.value is not wasi.ErrorCode.WOULD_BLOCK:
                raise _failure(error.value) from None
        _wait(resource, timeout)


def _call(function, *arguments):
    try:
        return function(*arguments)
    except Err as error:
        raise _failure(error.value) from None


def _wait(resource, timeout):
    with resource.subscribe() as ready:
        if timeout is None:
            ready.block()
        elif timeout == 0:
            if not ready.ready():
                raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        else:
            with monotonic_clock.subscribe_duration(int(timeout * 1e9)) as end:
                if 0 not in poll.poll([ready, end]):
                    raise TimeoutError(errno.ETIMEDOUT, "timed out")


def _let_go(error):
    """Drops what a stream's error holds. Returns whether it is one, and not just the end."""
    if isinstance(error.value, streams.StreamError_Closed):
        return False
    error.value.value.__exit__(None, None, None)
    return True


_FAILURES = {
    "ACCESS_DENIED": PermissionError(errno.EACCES, "the connection was denied: no rule of network.allow grants it"),
    "CONNECTION_REFUSED": ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
    "CONNECTION_RESET": ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
    "CONNECTION_ABORTED": ConnectionAbortedError(errno.ECONNABORTED, "Connection aborted"),
    "REMOTE_UNREACHABLE": OSError(errno.EHOSTUNREACH, "No route to host"),
    "TIMEOUT": TimeoutError(errno.ETIMEDOUT, "timed out"),
    "NAME_UNRESOLVABLE": socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    "TEMPORARY_RESOLVER_FAILURE": socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
    "PERMANENT_RESOLVER_FAILURE": socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure in name resolution"),
}


def _failure(code):
    known = _FAILURES.get(code.name)
    if known is None:
        return OSError(errno.EIO, code.name.lower().replace("_", " "))
    # An exception that was raised keeps its traceback.
    return type(known)(*known.args)
