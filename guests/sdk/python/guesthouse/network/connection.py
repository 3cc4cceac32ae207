"""What clients get in the place of a socket."""

import errno
import io
import socket

import guesthouse_project as project

from . import http1
from .exchange import Exchange

if project.HAS_TLS:
    from .sockets import Socket

_real_create_connection = socket.create_connection
_DEFAULT = object()


def create_connection(address, timeout=_DEFAULT, source_address=None, socket_options=None, **_):
    """Returns a connection to an address. Nothing is sent before it is written to.

    It has the parameters of `socket.create_connection`, and of urllib3's.
    """
    if timeout is _DEFAULT or timeout is socket._GLOBAL_DEFAULT_TIMEOUT or not _is_number(timeout):
        timeout = socket.getdefaulttimeout()
    return Connection(address, timeout)


def _is_number(timeout):
    return timeout is None or isinstance(timeout, (int, float))


class Connection:
    """A socket that sends requests of HTTP by the host, and everything else by a real socket."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = 0

    def __init__(self, address, timeout=None):
        self._address = self._peer = address
        self._timeout = timeout
        self._is_secure = False
        self._head = bytearray()
        self._exchange = None
        self._real = None
        self._readers = 0
        self._is_closed = False

    # What TLS is asked for.

    def start_tls(self, server_hostname):
        """Has the host speak TLS."""
        if server_hostname:
            self._address = (server_hostname, self._address[1])
        if self._real is not None:
            # Databases talk about TLS before it begins.
            self._secure()
        self._is_secure = True
        return self

    def version(self):
        return "TLSv1.3" if self._is_secure else None

    def cipher(self):
        return ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256) if self._is_secure else None

    def selected_alpn_protocol(self):
        return None

    def getpeercert(self, binary_form=False):
        """Returns a certificate for the name that was connected to: the host has checked the real one."""
        if binary_form:
            return b""
        return {"subject": (), "subjectAltName": (("DNS", self._address[0]),)}

    def unwrap(self):
        return self

    def do_handshake(self):
        pass

    # What a socket is asked for.

    def send(self, data, flags=0):
        self.sendall(data)
        return len(data)

    def sendall(self, data, flags=0):
        data = bytes(data)
        if self._real is None and self._exchange is None and not http1.begins_request(bytes(self._head) + data):
            self._become_real()
        if self._real is not None:
            self._real.sendall(data)
            return
        if self._exchange is not None and not self._exchange.is_begun:
            self._exchange.write(data, self._timeout)
            return
        if self._exchange is not None:
            # The client is done with the last response.
            self._exchange.close()
            self._exchange = None
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end >= 0:
            head, rest = http1.Head(bytes(self._head[:end])), bytes(self._head[end + 4 :])
            self._head.clear()
            self._exchange = Exchange(head, self._authority(), self._is_secure, self._timeout)
            if rest:
                self._exchange.write(rest, self._timeout)

    def recv(self, size, flags=0):
        if self._exchange is not None:
            return self._exchange.read(size, self._timeout)
        return self._become_real().recv(size, flags)

    def recv_into(self, buffer, size=0, flags=0):
        if self._exchange is None:
            return self._become_real().recv_into(buffer, size, flags)
        view = memoryview(buffer).cast("B")
        data = self._exchange.read(size or len(view), self._timeout)
        view[: len(data)] = data
        return len(data)

    read, write = recv, send

    def has_input(self):
        """Whether there is something to read, or will be."""
        return self._exchange is not None and self._exchange.has_input()

    def makefile(self, mode="r", buffering=None, **keywords):
        if isinstance(self._real, socket.socket):
            return self._real.makefile(mode, buffering, **keywords)
        raw = _Raw(self)
        if buffering == 0:
            return raw
        stream = io.BufferedWriter(raw) if "w" in mode else io.BufferedReader(raw)
        return stream if "b" in mode else io.TextIOWrapper(stream, **keywords)

    def settimeout(self, timeout):
        self._timeout = timeout
        if self._real is not None:
            self._real.settimeout(timeout)

    def gettimeout(self):
        return self._timeout

    def setblocking(self, is_blocking):
        self.settimeout(None if is_blocking else 0.0)

    def setsockopt(self, *_):
        pass

    def getsockopt(self, *_):
        return 0

    def getpeername(self):
        return self._address

    def getsockname(self):
        return ("0.0.0.0", 0)

    def fileno(self):
        return self._become_real().fileno() if self._exchange is None and not self._is_closed else -1

    def detach(self):
        return -1

    def shutdown(self, how):
        if self._real is not None:
            self._real.shutdown(how)

    def close(self):
        self._is_closed = True
        self.let_go()

    def let_go(self):
        """Ends the connection, once it is closed and nobody reads from it any more."""
        if not self._is_closed or self._readers > 0:
            return
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None
        if self._real is not None:
            self._real.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _authority(self):
        host, port = self._address[:2]
        host = f"[{host}]" if ":" in host else host
        return host if port == (443 if self._is_secure else 80) else f"{host}:{port}"

    def _become_real(self):
        if self._real is None:
            if project.HAS_TLS:
                self._real = Socket(self._peer, self._timeout)
            elif not self._is_secure:
                self._real = _real_create_connection(self._peer, self._timeout)
            if self._is_secure:
                self._secure()
            if self._head:
                self._real.sendall(bytes(self._head))
                self._head.clear()
        return self._real

    def _secure(self):
        if not project.HAS_TLS:
            message = "the build has not seen that TLS is for more than HTTP: `import ssl` in your code says so"
            raise OSError(errno.EOPNOTSUPP, message)
        self._real.start_tls(self._address[0])


class _Raw(io.RawIOBase):
    def __init__(self, connection):
        self._connection = connection
        connection._readers += 1

    def close(self):
        if not self.closed:
            super().close()
            self._connection._readers -= 1
            self._connection.let_go()

    def readable(self):
        return True

    def writable(self):
        return True

    def readinto(self, buffer):
        return self._connection.recv_into(buffer)

    def write(self, data):
        return self._connection.send(data)
