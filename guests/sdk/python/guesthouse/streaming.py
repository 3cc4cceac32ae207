"""Sends what a handler yields, by the contract's `response-stream`."""

import json

from componentize_py_types import Err

from .responses import HttpResponse, Stream

#: By it Lambda knows that a prelude comes first, which has the status and the headers.
_WITH_PRELUDE = "application/vnd.awslambda.http-integration-response"

#: What ends the prelude.
_PRELUDE_END = bytes(8)

#: What Lambda says of a stream that says nothing of itself.
_ANYTHING = "application/octet-stream"


def send(response, out):
    """Sends the pieces of a response to `out`, which is `response-stream`. It begins with the first piece, so an exception
    before that is an ordinary error.
    """
    content_type, pieces = None, response
    if isinstance(response, Stream):
        content_type, pieces = response.content_type, response.pieces
    pieces = _steps(pieces) if hasattr(pieces, "__aiter__") else iter(pieces)
    try:
        first = next(pieces, b"")
        if isinstance(first, HttpResponse):
            head = prelude(first, content_type)
            _call(out.open, _WITH_PRELUDE)
            is_open = _write(out, head)
        else:
            first = _bytes(first)
            _call(out.open, content_type or _ANYTHING)
            is_open = _write(out, first)
        while is_open:
            piece = next(pieces, _END)
            if piece is _END:
                break
            is_open = _write(out, _bytes(piece))
    finally:
        # Its `finally` runs now, and not when the collector finds it.
        if close := getattr(pieces, "close", None):
            close()


def prelude(response, content_type=None):
    """Returns the prelude of an HTTP response, with what ends it."""
    headers, cookies = {}, [str(cookie) for cookie in response.cookies]
    for name, value in response.headers.items():
        values = [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)]
        if name.lower() == "set-cookie":
            cookies += values
        else:
            headers[name] = ", ".join(values)
    if content_type and "content-type" not in {name.lower() for name in headers}:
        headers["content-type"] = content_type
    written = json.dumps({"statusCode": int(response.status), "headers": headers, "cookies": cookies})
    return written.encode() + _PRELUDE_END


def _bytes(piece):
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    if isinstance(piece, HttpResponse):
        raise TypeError("an `HttpResponse` can only be the first piece")
    raise TypeError(f"a piece of a streamed response is `bytes` or `str`, not `{type(piece).__name__}`")


def _write(out, piece):
    """Returns whether somebody receives the rest."""
    return not piece or _call(out.write, piece) != "CLOSED"


def _call(function, argument):
    try:
        function(argument)
    except Err as error:
        name = error.value.name
        if name == "INVALID_CONTENT_TYPE":
            raise ValueError(f"`{argument}` is not a content type") from None
        if name != "CLOSED":
            raise RuntimeError("a response can be streamed only once, and only while an event is handled") from None
        return name
    return None


def _steps(pieces):
    """Yields what an asynchronous iterator does. Its tasks go on only while it is asked for more."""
    # Most streams do without it, and it is large.
    import asyncio

    with asyncio.Runner() as runner:
        iterator = aiter(pieces)
        try:
            while (piece := runner.run(_next(iterator))) is not _END:
                yield piece
        finally:
            if close := getattr(iterator, "aclose", None):
                runner.run(_awaited(close()))


async def _next(iterator):
    return await anext(iterator, _END)


async def _awaited(awaitable):
    await awaitable


_END = object()
