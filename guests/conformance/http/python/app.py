"""Does what the tests of the contract `http` ask, each at a path of its own. The function's variable `KIND` says whether
it is an app of ASGI or of WSGI. A route yields the head, pieces of the body, and what is to be done between them.
"""

import asyncio
import base64
import json
import os
import threading
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl

count = 0


class OrderNotFound(Exception):
    pass


@dataclass
class Head:
    status: int = 200
    headers: tuple = (("content-type", "text/plain"),)


@dataclass
class Sleep:
    seconds: float


@dataclass
class Later:
    """What is to be done after the response."""

    seconds: float
    text: str


@dataclass
class Request:
    method: str
    url: str
    headers: list
    query: dict
    #: Returns a piece of the body, empty at its end.
    read: object
    context: object
    event: dict

    def body(self):
        pieces = []
        while piece := self.read():
            pieces.append(piece)
        return b"".join(pieces)


def as_json(value):
    yield Head(headers=(("content-type", "application/json"),))
    yield json.dumps(value).encode()


def echo(request):
    body = base64.b64encode(request.body()).decode()
    return as_json({"method": request.method, "url": request.url, "headers": request.headers, "body": body})


def body(request):
    """Sends the body back while it comes."""
    yield Head(headers=(("content-type", dict(request.headers).get("content-type", "application/octet-stream")),))
    while piece := request.read():
        yield piece


def stream(request):
    yield Head(headers=(("transfer-encoding", "chunked"), ("x-count", str(count))))
    for _ in range(int(request.query["pieces"])):
        yield Sleep(int(request.query.get("ms", 0)) / 1000)
        yield b"a" * int(request.query.get("bytes", 1))


def throw(request):
    raise OrderNotFound("no such order")


def throw_late(request):
    yield Head()
    yield b"begun"
    raise OrderNotFound("the rest is lost")


def wait_until(request):
    yield Head()
    yield Later(int(request.query["ms"]) / 1000, "done after the response")
    yield b"sent"


def cookies(request):
    expires = "a=1; Expires=Wed, 21 Oct 2065 07:28:00 GMT"
    yield Head(headers=(("x-multi", "1"), ("set-cookie", expires), ("set-cookie", "b=2"), ("x-multi", "2")))


def status(request):
    yield Head(int(request.query["code"]))
    yield request.query.get("body", "").encode()


def sleep(request):
    yield Sleep(int(request.query["ms"]) / 1000)
    yield from as_json(count)


def context(request):
    found = request.context
    told = found and {"requestId": found.aws_request_id, "functionName": found.function_name, "tenantId": found.tenant_id}
    return as_json({"lambda": told, "requestContext": request.event["requestContext"]})


ROUTES = {
    "/echo": echo,
    "/body": body,
    "/stream": stream,
    "/throw": throw,
    "/throw-late": throw_late,
    "/no-response": lambda request: iter(()),
    "/wait-until": wait_until,
    "/cookies": cookies,
    "/status": status,
    "/count": lambda request: as_json(count),
    "/sleep": sleep,
    "/context": context,
    "/env": lambda request: as_json(os.environ.get(request.query["name"])),
}


def routed(path, request):
    global count
    count += 1
    return ROUTES.get(path, lambda request: iter([Head(404)]))(request)


def wsgi(environ, start_response):
    headers = [
        [name.removeprefix("HTTP_").lower().replace("_", "-"), value]
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    ]
    url = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}{environ['RAW_URI']}"
    query, read = dict(parse_qsl(environ["QUERY_STRING"])), lambda: environ["wsgi.input"].read1(65_536)
    request = Request(environ["REQUEST_METHOD"], url, headers, query, read, environ["aws.context"], environ["aws.event"])
    for step in routed(environ["PATH_INFO"], request):
        match step:
            case Head(number, headers):
                start_response(f"{number} Said", list(headers))
            case Sleep(seconds):
                time.sleep(seconds)
            case Later(seconds, text):
                threading.Thread(target=lambda: (time.sleep(seconds), print(text))).start()
            case _:
                yield step


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        print("the lifespan begins")
        await send({"type": "lifespan.startup.complete"})
        await receive()
    headers = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
    pieces, is_more = [], True
    while is_more:
        message = await receive()
        pieces.append(message["body"])
        is_more = message["more_body"]
    left = iter(pieces)
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    url = f"{scope['scheme']}://{dict(headers)['host']}{target.decode()}"
    query, read = dict(parse_qsl(scope["query_string"].decode())), lambda: next(left, b"")
    request = Request(scope["method"], url, headers, query, read, scope["aws.context"], scope["aws.event"])
    if scope["path"] == "/never":
        await asyncio.get_running_loop().create_future()
    begun = False
    for step in routed(scope["path"], request):
        match step:
            case Head(number, headers):
                begun = True
                encoded = [(name.encode(), value.encode()) for name, value in headers]
                await send({"type": "http.response.start", "status": number, "headers": encoded})
            case Sleep(seconds):
                await asyncio.sleep(seconds)
            case Later(seconds, text):
                kept.add(asyncio.create_task(later(seconds, text)))
            case _:
                await send({"type": "http.response.body", "body": step, "more_body": True})
    if begun:
        await send({"type": "http.response.body"})


#: Tasks that nobody else holds.
kept = set()


async def later(seconds, text):
    await asyncio.sleep(seconds)
    print(text)


app = wsgi if os.environ.get("KIND") == "wsgi" else asgi
