"""Apps of WSGI. Source: PEP 3333."""

import io
import sys
from urllib.parse import unquote_to_bytes
from wsgiref.util import FileWrapper

from . import context

#: Headers that have other names in the environment, and one that would be a variable of clients of HTTP.
_OTHERS = {b"content-type", b"content-length", b"proxy"}


class Server:
    """Has an app respond."""

    def __init__(self, app):
        self._app = app

    def respond(self, request, response, request_context, lambda_context):
        """Has the app respond to a request, and sends what it returns piece by piece."""
        answer = _Answer(response)
        pieces = self._app(environ(request, request_context, lambda_context), answer.start)
        try:
            for piece in pieces:
                if piece:
                    answer.write(piece)
            answer.send_head()
            response.finish()
        except BrokenPipeError:
            # Who asked has gone, which is no fault of the app's.
            if not response.is_begun:
                raise
        finally:
            if close := getattr(pieces, "close", None):
                close()


class _Answer:
    """What an app begins with `start_response`."""

    def __init__(self, response):
        self._response = response
        self._head = None

    def start(self, status, headers, exc_info=None):
        """Is what the app gets as `start_response`."""
        if exc_info:
            try:
                if self._response.is_begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                # It would hold its own frame.
                exc_info = None
        elif self._head is not None:
            raise AssertionError("`start_response` was called twice, and the second time without `exc_info`")
        number = status.partition(" ")[0]
        if not (len(number) == 3 and number.isascii() and number.isdigit()):
            raise ValueError(f"`{status}` is not a status, such as `200 OK`")
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self._head = int(number), encoded
        return self.write

    def write(self, data):
        """Sends a piece of the body, and the head before the first."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"a piece of a body is `bytes`, not `{type(data).__name__}`")
        if data:
            self.send_head()
            self._response.write(data)

    def send_head(self):
        """Sends the head, unless it is sent."""
        if self._head is None:
            raise AssertionError("the app has not called `start_response`")
        if not self._response.is_begun:
            self._response.begin(*self._head)


def environ(request, request_context, lambda_context):
    """Returns the variables for a request."""
    headers = request.headers
    name, port = address(request)
    variables = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": name,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": context.client(headers, request_context),
        # As other servers have it: the path before it was decoded.
        "RAW_URI": request.path + ("?" + request.query if request.query else ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BufferedReader(_Input(request)),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        # By the names that Mangum has made known for ASGI.
        "aws.context": lambda_context,
        "aws.event": {"requestContext": request_context or {}},
    }
    variables["REQUEST_URI"] = variables["RAW_URI"]
    if request.scheme == "https":
        variables["HTTPS"] = "on"
    for key, value in headers:
        # `x_user` would be the same variable as `x-user`, and a proxy checks only the one.
        if key in _OTHERS and key != b"proxy":
            variables.setdefault(_variable(key), value.decode("latin-1"))
        elif key not in _OTHERS and b"_" not in key:
            variable = "HTTP_" + _variable(key)
            before = variables.get(variable)
            between = "; " if key == b"cookie" else ","
            text = value.decode("latin-1")
            variables[variable] = text if before is None else before + between + text
    return variables


def address(request):
    """Returns the name and the port that the client asked for."""
    host, _, port = request.authority.rpartition(":") if _has_port(request.authority) else (request.authority, "", "")
    return host or "localhost", int(port) if port else 443 if request.scheme == "https" else 80


def _has_port(authority):
    return authority.rpartition(":")[2].isdigit() and authority.rpartition(":")[0][:1] != ""


def _variable(name):
    return name.decode("latin-1").upper().replace("-", "_")


class _Input(io.RawIOBase):
    """The body, as a file."""

    def __init__(self, request):
        self._request = request

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self._request.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
