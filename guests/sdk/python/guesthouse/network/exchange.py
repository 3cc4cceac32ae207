"""One request and its response, by `wasi:http`."""

import errno

from componentize_py_types import Err, Ok
from wit_world.imports import monotonic_clock, outgoing_handler, poll, streams
from wit_world.imports import wasi_http_types as types

from . import http1
from .failures import failure

_METHODS = {
    name.upper(): getattr(types, "Method_" + name)()
    for name in ("Get", "Head", "Post", "Put", "Delete", "Options", "Trace", "Patch")
}
_HTTP, _HTTPS = types.Scheme_Http(), types.Scheme_Https()

#: How much is read of a response's body at once, in bytes.
_PIECE_BYTES = 1 << 18


class Exchange:
    """A request that is being written, and then its response."""

    def __init__(self, head, authority, is_secure, connect_timeout):
        self._method = head.method
        self._body = self._output = self._response = self._incoming = self._stream = self._future = None
        self._reader = http1.BodyReader(head)
        self.expects_continue = head.expects_continue
        self.is_begun = self.is_ended = False
        self._is_chunked = False
        self._pending = b""
        try:
            self._begin(head, authority, is_secure, connect_timeout)
        except Err as error:
            raise _refused(error) from None

    def _begin(self, head, authority, is_secure, connect_timeout):
        request = types.OutgoingRequest(types.Fields.from_list(head.headers))
        if head.method != "GET":
            request.set_method(_METHODS.get(head.method) or types.Method_Other(head.method))
        request.set_scheme(_HTTPS if is_secure else _HTTP)
        request.set_authority(authority)
        request.set_path_with_query(head.target)
        options = None
        if connect_timeout is not None:
            options = types.RequestOptions()
            options.set_connect_timeout(int(connect_timeout * 1e9))
        if head.has_body:
            self._body = request.body()
            self._output = self._body.write()
        self._future = outgoing_handler.handle(request, options)
        if self._reader.is_complete:
            self._finish_body()

    def write(self, data, timeout):
        """Sends what the client writes of the body."""
        for piece in self._reader.feed(data):
            self._send(piece, timeout)
        if self._reader.is_complete:
            self._finish_body()

    def _send(self, data, timeout):
        view = memoryview(data)
        try:
            while view and self._output is not None:
                room = self._output.check_write()
                if room == 0:
                    _wait(self._output, timeout)
                    continue
                self._output.write(bytes(view[:room]))
                view = view[room:]
        except Err:
            # The server wants no more of it. Its response says why.
            pass

    def _finish_body(self):
        body, output, self._body, self._output = self._body, self._output, None, None
        if output is not None:
            try:
                output.flush()
            except Err:
                pass
            output.__exit__(None, None, None)
        if body is not None:
            try:
                types.OutgoingBody.finish(body, None)
            except Err as error:
                raise failure(error.value) from None

    def has_input(self):
        """Whether there is something to read, or will be."""
        return self.expects_continue or not self.is_ended

    def read(self, size, timeout):
        """Returns some bytes of the response, as a server would send them. Empty bytes are its end."""
        if self._pending:
            data, self._pending = self._pending[:size], self._pending[size:]
            return data
        if self.expects_continue:
            self.expects_continue = False
            self._pending = b"HTTP/1.1 100 Continue\r\n\r\n"
        elif not self.is_begun:
            self._pending = self._response_head(timeout)
        elif self.is_ended:
            return b""
        else:
            self._pending = self._next_piece(min(size, _PIECE_BYTES), timeout)
        return self.read(size, timeout) if self._pending else b""

    def _response_head(self, timeout):
        self.is_begun = True
        _wait(self._future, timeout)
        result = self._future.get()
        while isinstance(result, Ok):
            result = result.value
        if isinstance(result, Err):
            raise failure(result.value)
        self._response = result
        status = result.status()
        with result.headers() as fields:
            headers = fields.entries()
        if http1.has_no_body(self._method, status):
            self.is_ended = True
            return http1.response_head(status, headers, False)
        self._incoming = result.consume()
        self._stream = self._incoming.stream()
        self._is_chunked = not any(name.lower() == "content-length" for name, _ in headers)
        return http1.response_head(status, headers, self._is_chunked)

    def _next_piece(self, size, timeout):
        try:
            if timeout is None:
                data = self._stream.blocking_read(size)
            else:
                while not (data := self._stream.read(size)):
                    _wait(self._stream, timeout)
        except Err as error:
            self.is_ended = True
            if isinstance(error.value, streams.StreamError_Closed):
                return http1.chunk(b"") if self._is_chunked else b""
            with error.value.value as cause:
                code = types.http_error_code(cause)
            raise (failure(code) if code else _reset()) from None
        return http1.chunk(data) if self._is_chunked else data

    def __del__(self):
        # A stream goes before its body: Python alone would drop them in another order, which the host does not take.
        self.close()

    def close(self):
        """Lets go of everything."""
        for resource in (
            self._output, self._body, self._stream, self._incoming, self._response, self._future,
        ):
            if resource is not None:
                resource.__exit__(None, None, None)
        self._output = self._body = self._stream = self._incoming = self._response = self._future = None
        self.is_ended = True


def _wait(resource, timeout):
    with resource.subscribe() as ready:
        if timeout is None:
            ready.block()
            return
        with monotonic_clock.subscribe_duration(max(0, int(timeout * 1e9))) as end:
            if 0 not in poll.poll([ready, end]):
                raise TimeoutError(errno.ETIMEDOUT, "timed out")


def _refused(error):
    value = error.value
    if type(value).__name__.startswith("ErrorCode_"):
        return failure(value)
    return ValueError(f"the request can't be sent: {value!r}")


def _reset():
    return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
