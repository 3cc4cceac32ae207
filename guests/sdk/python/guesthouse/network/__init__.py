"""The network in a guest: ordinary clients of HTTP by the host, and sockets.

A client of HTTP makes a socket, speaks TLS over it, and writes a request. In a guest the host does all of that, with
`wasi:http`. So a client gets a `Connection` in the place of a socket, which waits for what is written first: a request
goes to the host, anything else to a real socket.
"""

import socket
import sys

from . import tls

# Before anything else, because modules look for `ssl` when they are imported.
sys.modules["ssl"] = tls

from . import connection, datagrams, patches  # noqa: E402


def install():
    """Gives clients that are imported from now on connections in the place of sockets."""
    # urllib3 tries IPv6 out when it is imported. A socket of the build would leave a handle behind, which no instance
    # has.
    socket.has_ipv6 = False
    socket.create_connection = connection.create_connection
    datagrams.install()
    patches.install()
