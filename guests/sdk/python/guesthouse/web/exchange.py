"""A request and its response, by `wasi:http`."""

import errno

from componentize_py_types import Err, Ok
from wit_world.imports import streams
from wit_world.imports import wasi_http_types as types

#: How much is read at once, in bytes.
_PIECE_BYTES = 1 << 18

#: Headers between a server and its connection. The host sets them itself, and refuses them.
_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection transfer-encoding upgrade host "
    b"http2-settings".split()
)


class Request:
    """A request that is there, and whose body comes."""

    def __init__(self, request):
        self._request = request
        self._body = self._stream = None
        self._is_ended = False
        method = request.method()
        self.method = method.value if isinstance(method, types.Method_Other) else _METHODS[type(method)]
        #: As on the wire.
        self.path, _, self.query = (request.path_with_query() or "/").partition("?")
        scheme = request.scheme()
        self.scheme = "http" if isinstance(scheme, types.Scheme_Http) else "https"
        self.authority = request.authority() or ""
        with request.headers() as fields:
            #: Names in lower case and values, as bytes.
            self.headers = [(name.lower().encode("latin-1"), value) for name, value in fields.entries()]
        if self.authority and not any(name == b"host" for name, _ in self.headers):
            # Hosts may leave it out, and apps ask for it.
            self.headers.insert(0, (b"host", self.authority.encode("latin-1", "replace")))

    def read(self, size=_PIECE_BYTES):
        """Waits for some bytes of the body. Empty bytes are its end."""
        if self._body is None and not self._is_ended:
            self._body = self._request.consume()
            self._stream = self._body.stream()
        while not self._is_ended:
            try:
                if data := self._stream.blocking_read(max(1, min(size, _PIECE_BYTES))):
                    return data
            except Err as error:
                self._is_ended = True
                if not isinstance(error.value, streams.StreamError_Closed):
                    raise ConnectionResetError(errno.ECONNRESET, "the client's body ended too early") from None
        return b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Parts come before what they are parts of.
        for part in (self._stream, self._body, self._request):
            if part is not None:
                part.__exit__(None, None, None)
        self._stream = self._body = None
        self._is_ended = True


_METHODS = {
    getattr(types, f"Method_{name}"): name.upper()
    for name in ("Get", "Head", "Post", "Put", "Delete", "Connect", "Options", "Trace", "Patch")
}


class Response:
    """A response that has not begun, and then its body."""

    def __init__(self, outparam):
        self._outparam = outparam
        self._body = self._output = None
        #: Whether the head was sent.
        self.is_begun = False
        self.is_without_body = False

    def begin(self, status, headers):
        """Sends the head: the status, and headers as pairs of bytes."""
        kept = [(name.decode("latin-1"), value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
        try:
            response = types.OutgoingResponse(types.Fields.from_list(kept))
        except Err as error:
            raise ValueError(f"the response's headers can't be sent: {_words(error.value)}") from None
        try:
            response.set_status_code(status)
        except Err:
            raise ValueError(f"`{status}` is not a status of HTTP") from None
        self.is_without_body = self.is_without_body or status in (204, 304) or status < 200
        self._body = response.body()
        outparam, self._outparam = self._outparam, None
        types.ResponseOutparam.set(outparam, Ok(response))
        self.is_begun = True
        self._output = self._body.write()

    def write(self, data):
        """Sends a piece of the body, and waits until the host has taken it."""
        if self.is_without_body or not data:
            return
        if self._output is None:
            raise BrokenPipeError(errno.EPIPE, "the response has ended")
        view = memoryview(data)
        try:
            while view:
                room = self._output.check_write()
                if room == 0:
                    with self._output.subscribe() as ready:
                        ready.block()
                    continue
                self._output.write(bytes(view[:room]))
                view = view[room:]
            self._output.flush()
        except Err:
            self._drop()
            raise BrokenPipeError(errno.EPIPE, "nobody receives the rest of the response") from None

    def finish(self):
        """Says that the body is complete. Again it does nothing."""
        if self._body is None:
            return
        body, self._body = self._body, None
        self._drop()
        try:
            types.OutgoingBody.finish(body, None)
        except Err as error:
            # The head says how long a body would be that is not sent.
            if not self.is_without_body:
                raise ValueError(f"the response's body is not complete: {_words(error.value)}") from None

    def fail(self, text):
        """Says that there is no response, or that its body ends here, and is not complete."""
        if self._outparam is not None:
            outparam, self._outparam = self._outparam, None
            types.ResponseOutparam.set(outparam, Err(types.ErrorCode_InternalError(text)))
        self._drop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._drop()

    def _drop(self):
        """Lets go of a body. One that was not finished is one that failed."""
        output, body, self._output, self._body = self._output, self._body, None, None
        for part in (output, body):
            if part is not None:
                part.__exit__(None, None, None)


def _words(code):
    name = type(code).__name__.rpartition("_")[2]
    return "".join(" " + char.lower() if char.isupper() else char for char in name).strip()
