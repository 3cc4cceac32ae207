"""TLS over sockets: when it begins, and which guests have it. The host and the sockets are stand-ins, in an interpreter
of their own, because the SDK takes the place of `ssl`.
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import imports  # noqa: E402

_BEFORE = """
import sys, types

class Socket:
    def __init__(self, address, timeout):
        self.said = []
        said.append(("connect", *address))

    def start_tls(self, name):
        said.append(("tls", name))

    def sendall(self, data):
        said.append(("send", bytes(data)))

    def recv_into(self, buffer, size=0, flags=0):
        buffer[:3] = b"ok\\n"
        return 3

class Exchange:
    is_begun = False

    def __init__(self, head, authority, is_secure, timeout):
        said.append(("request", authority, is_secure))

said = []
project = types.SimpleNamespace(HAS_TLS=HAS_TLS)
sys.modules["guesthouse_project"] = project
sys.modules["guesthouse.network.exchange"] = types.SimpleNamespace(Exchange=Exchange)
sys.modules["guesthouse.network.sockets"] = types.SimpleNamespace(Socket=Socket)
sys.modules["componentize_py_types"] = types.SimpleNamespace(Err=Exception, Ok=object)
from guesthouse.network import connection, tls
context = tls.create_default_context()
sock = connection.create_connection(("192.0.2.1", 5432))
"""


class Connections(unittest.TestCase):
    def said(self, code, has_tls=True):
        before = _BEFORE.replace("HAS_TLS=HAS_TLS", f"HAS_TLS={has_tls}")
        ran = subprocess.run(
            [sys.executable, "-c", before + code + "\nprint(said)"],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
        )
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        return ran.stdout.strip()

    def test_what_is_no_request_goes_over_a_socket_with_tls(self):
        said = self.said("sock = context.wrap_socket(sock, server_hostname='db.example')\nsock.sendall(b'HELLO 3')")
        self.assertEqual(said, "[('connect', '192.0.2.1', 5432), ('tls', 'db.example'), ('send', b'HELLO 3')]")

    def test_tls_can_begin_after_something_was_said(self):
        said = self.said(
            "sock.sendall(b'TLS?')\nsock = context.wrap_socket(sock, server_hostname='db.example')\nsock.sendall(b'yes')\n"
            "assert sock.makefile('rb').readline() == b'ok\\n'"
        )
        self.assertEqual(
            said, "[('connect', '192.0.2.1', 5432), ('send', b'TLS?'), ('tls', 'db.example'), ('send', b'yes')]"
        )

    def test_a_server_may_speak_first(self):
        said = self.said(
            "sock = context.wrap_socket(sock, server_hostname='db.example')\nassert sock.recv_into(bytearray(3)) == 3"
        )
        self.assertEqual(said, "[('connect', '192.0.2.1', 5432), ('tls', 'db.example')]")

    def test_requests_are_the_hosts_with_tls_or_without(self):
        for has_tls in (True, False):
            said = self.said(
                "sock = context.wrap_socket(sock, server_hostname='api.example')\n"
                "sock.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n')",
                has_tls,
            )
            self.assertEqual(said, "[('request', 'api.example:5432', True)]")

    def test_a_guest_without_it_says_how_to_get_it(self):
        said = self.said(
            "sock = context.wrap_socket(sock, server_hostname='db.example')\ntry:\n    sock.sendall(b'HELLO 3')\n"
            "except OSError as error:\n    said.append(str(error))",
            has_tls=False,
        )
        self.assertIn("`import ssl` in your code says so", said)


class Sources(unittest.TestCase):
    def test_only_guests_that_may_need_it_have_it(self):
        for path, text, wanted in (
            ("task/app.py", "import ssl", True),
            ("task/app.py", "import socket, ssl", True),
            ("task/app.py", "def mail():\n    from smtplib import SMTP_SSL", True),
            ("task/app.py", "import sslyze\nimport socket # ssl", False),
            ("packages/requests/__init__.py", "import ssl", False),
            ("packages/pg8000/__init__.py", "", True),
        ):
            with tempfile.TemporaryDirectory() as made:
                file = Path(made) / path
                file.parent.mkdir(parents=True)
                file.write_text(text)
                self.assertEqual(imports.uses_tls_over_sockets(Path(made)), wanted, text or path)


if __name__ == "__main__":
    unittest.main()
