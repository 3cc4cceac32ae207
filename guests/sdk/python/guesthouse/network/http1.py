"""HTTP/1.1 as clients write and read it, as bytes. Nothing here knows of the host."""

import http.client

#: The beginning of a request. Whatever begins otherwise is another protocol.
_METHODS = (
    b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"PATCH ", b"OPTIONS ", b"TRACE ",
)

#: Headers between a client and its connection, which the host sets itself.
HOP_BY_HOP = frozenset(
    "host connection keep-alive transfer-encoding upgrade proxy-connection proxy-authorization expect te "
    "http2-settings".split()
)


def begins_request(data):
    """Whether bytes can be the beginning of a request."""
    return any(data.startswith(method) or method.startswith(data) for method in _METHODS)


class Head:
    """The first line and the headers of a request."""

    def __init__(self, data):
        line, *lines = data.decode("latin-1").split("\r\n")
        self.method, target, _ = line.split(" ", 2)
        self.headers = []
        self.length = 0
        self.is_chunked = self.expects_continue = self.has_body = False
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.strip(), value.strip()
            lower = name.lower()
            if lower == "content-length":
                self.length, self.has_body = int(value), True
            elif lower == "transfer-encoding":
                self.is_chunked = self.has_body = "chunked" in value.lower()
            elif lower == "expect":
                self.expects_continue = value.lower() == "100-continue"
            if lower not in HOP_BY_HOP:
                self.headers.append((name, value.encode("latin-1")))
        # A client that speaks to a proxy writes the whole address.
        if "://" in target.partition("?")[0]:
            rest = target.partition("://")[2]
            target = rest[len(rest.partition("/")[0]):] or "/"
        self.target = target


class BodyReader:
    """Takes a request's body out of what the client writes: its pieces, and its end."""

    def __init__(self, head):
        self._is_chunked = head.is_chunked
        self._left = head.length
        self._rest = bytearray()
        self.is_complete = not head.is_chunked and head.length == 0

    def feed(self, data):
        """Returns the pieces of the body in what was written."""
        if not self._is_chunked:
            piece = data[: self._left]
            self._left -= len(piece)
            self.is_complete = self._left == 0
            return [piece] if piece else []
        self._rest += data
        pieces = []
        while not self.is_complete:
            end = self._rest.find(b"\r\n")
            if end < 0:
                break
            size = int(bytes(self._rest[:end]).partition(b";")[0], 16)
            if size == 0:
                # The trailers, of which clients write none, and an empty line.
                if self._rest.find(b"\r\n\r\n", end) < 0:
                    break
                self.is_complete = True
            elif len(self._rest) < end + 2 + size + 2:
                break
            else:
                pieces.append(bytes(self._rest[end + 2 : end + 2 + size]))
                del self._rest[: end + 2 + size + 2]
        return pieces


def response_head(status, headers, is_chunked):
    """Writes the head of a response. A body whose length is not known comes in chunks."""
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unknown')}"]
    lines += [f"{name}: {value.decode('latin-1')}" for name, value in headers]
    if is_chunked:
        lines.append("transfer-encoding: chunked")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def has_no_body(method, status):
    """Whether a response to this method with this status has no body. Source: RFC 9112, section 6.3."""
    return method == "HEAD" or status in (204, 304) or 100 <= status < 200


def chunk(data):
    """Writes a piece of a body as a chunk. Without data it is the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)
