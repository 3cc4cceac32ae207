"""Sockets for datagrams, which a guest does not have. The SDK of X-Ray and clients of StatsD make one when they are
imported, and send what nobody waits for. So there are such sockets, and what is sent over them is dropped.
"""

import socket
import sys

_is_said = False


def install():
    """Has `socket.socket` make them."""
    real = socket.socket

    class Socket(real):
        def __new__(cls, family=-1, type=-1, proto=-1, fileno=None):
            if fileno is None and type != -1 and type & 0xF == socket.SOCK_DGRAM:
                return Datagrams()
            return super().__new__(cls, family, type, proto, fileno)

    Socket.__name__, Socket.__qualname__, Socket.__module__ = "socket", "socket", "socket"
    socket.socket = socket.SocketType = Socket


class Datagrams:
    """A socket whose other end never gets anything, as with datagrams it may be."""

    family = socket.AF_INET
    type = socket.SOCK_DGRAM
    proto = 0

    def sendto(self, data, *_):
        return self.send(data)

    def send(self, data, *_):
        global _is_said
        if not _is_said:
            _is_said = True
            print("a guest has no UDP: what is sent, such as to X-Ray or StatsD, is dropped", file=sys.stderr)
        return len(data)

    sendall = send

    def recv(self, *_):
        raise TimeoutError("timed out")

    recvfrom = recv_into = recv

    def getsockname(self):
        return ("127.0.0.1", 0)

    getpeername = getsockname

    def fileno(self):
        return -1

    def gettimeout(self):
        return None

    def getsockopt(self, *_):
        return 0

    def _ignore(self, *_):
        pass

    connect = bind = close = settimeout = setblocking = setsockopt = shutdown = _ignore

    def connect_ex(self, *_):
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
