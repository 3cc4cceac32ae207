"""Apps of ASGI 3.0. Source: the specifications at asgi.readthedocs.io, of HTTP in version 2.4 and of the lifespan."""

import asyncio
import errno
from urllib.parse import unquote

from ..event_loop import Endless
from . import context
from .wsgi import address

_VERSION = {"version": "3.0", "spec_version": "2.4"}


class StartFailed(Exception):
    """The app says that it can't start."""


def new_loop():
    """Makes the loop of an instance, which modules may ask for while they are imported."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


class Server:
    """Has an app respond, in the one loop of an instance."""

    def __init__(self, app, loop):
        self._app = app
        self._loop = loop
        self._state = {}
        self._lifespan = None

    def start(self):
        """Starts the app's lifespan. Nobody tells an instance of its end, so there is no shutdown."""
        lifespan = _Lifespan(self._loop)
        scope = {"type": "lifespan", "asgi": {**_VERSION, "spec_version": "2.0"}, "state": self._state}
        # The task must live as long as the app does.
        self._lifespan = self._loop.create_task(_started(self._app, scope, lifespan))
        self._run(asyncio.wait({self._lifespan, lifespan.is_started}, return_when=asyncio.FIRST_COMPLETED))
        if lifespan.failure is not None:
            raise StartFailed(lifespan.failure or "the app's start failed")
        # An app that knows no lifespan raises, or returns.

    def respond(self, request, response, request_context, lambda_context):
        """Has the app respond to a request, and runs what it leaves to be done."""
        scope = _scope(request, request_context, lambda_context)
        scope["state"] = self._state.copy()
        cycle = _Cycle(request, response, self._loop)
        before = asyncio.all_tasks(self._loop)
        try:
            self._run(self._app(scope, cycle.receive, cycle.send))
        except Exception:
            # Who asked has gone, which is no fault of the app's.
            if not cycle.is_abandoned:
                raise
        if not cycle.is_complete:
            raise RuntimeError("the app returned before its response was complete")
        left = {task for task in asyncio.all_tasks(self._loop) - before if not task.done()}
        try:
            if left:
                self._run(asyncio.wait(left))
        except Endless:
            # They wait for another request.
            pass

    def _run(self, awaitable):
        task = self._loop.create_task(_awaited(awaitable))
        try:
            return self._loop.run_until_complete(task)
        finally:
            if not task.done():
                task.cancel()
                self._loop.run_until_complete(asyncio.wait({task}))


async def _awaited(awaitable):
    return await awaitable


async def _started(app, scope, lifespan):
    try:
        await app(scope, lifespan.receive, lifespan.send)
    except Exception as error:
        # Until it has said that it started, this means that it does not know what a lifespan is.
        if lifespan.is_started.done() and lifespan.failure is None:
            raise error
    finally:
        if not lifespan.is_started.done():
            lifespan.is_started.set_result(None)


class _Lifespan:
    """What an app is told of its life."""

    def __init__(self, loop):
        self.is_started = loop.create_future()
        self._end = loop.create_future()
        self._is_told = False
        #: Why the app can't start, as it says itself.
        self.failure = None

    async def receive(self):
        if not self._is_told:
            self._is_told = True
            return {"type": "lifespan.startup"}
        return await self._end

    async def send(self, message):
        if message["type"] == "lifespan.startup.failed":
            self.failure = message.get("message", "")
        if message["type"].startswith("lifespan.startup.") and not self.is_started.done():
            self.is_started.set_result(None)


class _Cycle:
    """One request and its response, as messages."""

    def __init__(self, request, response, loop):
        self._request = request
        self._response = response
        self._head = None
        self._is_read = False
        self._left = _length(request.headers)
        self._gone = loop.create_future()
        self.is_complete = False
        #: Whether nobody receives the rest.
        self.is_abandoned = False

    async def receive(self):
        if self._is_read or self._gone.done():
            # A client that goes away is seen when something is sent.
            await asyncio.shield(self._gone)
            return {"type": "http.disconnect"}
        try:
            body = self._request.read()
        except ConnectionResetError:
            self._leave()
            return {"type": "http.disconnect"}
        if self._left is not None:
            self._left -= len(body)
        self._is_read = not body or self._left == 0
        return {"type": "http.request", "body": body, "more_body": not self._is_read}

    async def send(self, message):
        kind = message["type"]
        if kind == "http.response.start":
            if self._head is not None:
                raise RuntimeError("`http.response.start` was sent twice")
            headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            self._head = message["status"], headers
        elif kind == "http.response.body":
            self._send_body(message.get("body", b""), message.get("more_body", False))
            # Others have their turn.
            await asyncio.sleep(0)
        else:
            raise RuntimeError(f"`{kind}` is not a message of a response")

    def _send_body(self, body, is_more):
        if self._head is None:
            raise RuntimeError("`http.response.body` was sent before `http.response.start`")
        if self.is_abandoned:
            raise BrokenPipeError(errno.EPIPE, "nobody receives the rest of the response")
        if self.is_complete:
            raise RuntimeError("`http.response.body` was sent after the response was complete")
        if not self._response.is_begun:
            self._response.begin(*self._head)
        try:
            self._response.write(body)
        except BrokenPipeError:
            self.is_complete = self.is_abandoned = True
            self._leave()
            raise
        if not is_more:
            self._response.finish()
            self.is_complete = True
            self._leave()

    def _leave(self):
        if not self._gone.done():
            self._gone.set_result(None)


def _length(headers):
    value = next((value for name, value in headers if name == b"content-length"), b"")
    return int(value) if value.isdigit() else None


def _scope(request, request_context, lambda_context):
    client = context.client(request.headers, request_context)
    return {
        "type": "http",
        "asgi": dict(_VERSION),
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": unquote(request.path),
        "raw_path": request.path.encode("latin-1", "replace"),
        "query_string": request.query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": list(request.headers),
        "client": (client, 0) if client else None,
        "server": address(request),
        "extensions": {},
        # By Mangum's names.
        "aws.context": lambda_context,
        "aws.event": {"requestContext": request_context or {}},
    }
