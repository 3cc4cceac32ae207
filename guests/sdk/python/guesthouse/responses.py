"""What a handler returns, or yields first, to send its response in pieces."""

import types


class HttpResponse:
    """The beginning of an HTTP response that is streamed: what a handler yields first, behind a Function URL or a REST
    API that streams. `headers` are text by name, or a list of texts; each of `cookies` is a whole `set-cookie`.
    """

    def __init__(self, status=200, headers=None, cookies=()):
        self.status = status
        self.headers = dict(headers or {})
        self.cookies = [cookies] if isinstance(cookies, str) else list(cookies)


class Stream:
    """What `stream` returns."""

    def __init__(self, pieces, content_type):
        self.pieces = pieces
        self.content_type = content_type


def stream(pieces, content_type=None):
    """Returns what a handler returns to send pieces as its response, each as soon as it is there.

    `pieces` is anything to iterate over, or to iterate over with `async for`, such as a generator. Each is `bytes` or
    `str`, and the first may be an `HttpResponse`. The media type is `application/octet-stream` if none is given.
    """
    return Stream(pieces, content_type)


def is_streamed(response):
    """Whether a handler's response is to be sent in pieces."""
    return isinstance(response, (Stream, types.GeneratorType, types.AsyncGeneratorType))
