"""Apps of WSGI and ASGI, without a host: a request of data and a response that is remembered."""

import asyncio
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from guesthouse import event_loop  # noqa: E402
from guesthouse.web import asgi, context, kinds, wsgi  # noqa: E402

event_loop.install()


class Request:
    scheme, authority = "https", "example.org"

    def __init__(self, method="GET", target="/", headers=(), body=()):
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.headers = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        self.pieces = list(body)

    def read(self, size=1 << 18):
        piece = self.pieces.pop(0) if self.pieces else b""
        if len(piece) > size:
            self.pieces.insert(0, piece[size:])
        return piece[:size]


class Response:
    def __init__(self, most=None):
        self.most = most
        self.is_begun = self.is_finished = False
        self.pieces = []

    def begin(self, status, headers):
        self.status, self.headers, self.is_begun = status, headers, True

    def write(self, data):
        if self.most is not None and len(self.pieces) == self.most:
            raise BrokenPipeError("gone")
        self.pieces.append(bytes(data))

    def finish(self):
        self.is_finished = True


class Wsgi(unittest.TestCase):
    def responded(self, app, request=None, response=None):
        response = response or Response()
        wsgi.Server(app).respond(request or Request(), response, None, None)
        return response

    def test_the_environment_is_as_the_specification_has_it(self):
        headers = [
            ("host", "example.org"), ("content-type", "text/plain"), ("content-length", "5"), ("cookie", "a=1"),
            ("cookie", "b=2"), ("accept", "x"), ("accept", "y"), ("x_user", "forged"), ("proxy", "http://evil"), ("x-name", "ü"),
        ]
        request = Request("POST", "/a%20b/%C3%BC%2F?q=%20+", headers)
        found = wsgi.environ(request, {"http": {"sourceIp": "198.51.100.7"}}, None)
        wanted = {
            "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/a b/Ã¼/", "QUERY_STRING": "q=%20+",
            "RAW_URI": "/a%20b/%C3%BC%2F?q=%20+", "SERVER_NAME": "example.org", "SERVER_PORT": "443", "HTTPS": "on",
            "REMOTE_ADDR": "198.51.100.7", "HTTP_COOKIE": "a=1; b=2", "HTTP_ACCEPT": "x,y", "CONTENT_TYPE": "text/plain",
            "CONTENT_LENGTH": "5", "HTTP_HOST": "example.org", "HTTP_X_NAME": "ü", "wsgi.url_scheme": "https",
        }
        self.assertEqual({name: found.get(name) for name in wanted}, wanted)
        self.assertFalse({"HTTP_X_USER", "HTTP_PROXY", "HTTP_CONTENT_LENGTH"} & set(found))

    def test_the_body_is_read_as_a_file(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            body = environ["wsgi.input"]
            return [body.readline(), body.read(3), body.read()]

        response = self.responded(app, Request(body=[b"one\ntw", b"o and", b" more"]))
        self.assertEqual(response.pieces, [b"one\n", b"two", b" and more"])

    def test_pieces_are_sent_one_by_one_and_their_iterator_is_closed(self):
        seen = []

        class Pieces:
            def __iter__(self):
                for piece in (b"", b"a", b"b"):
                    seen.append((response.is_begun, list(response.pieces)))
                    yield piece

            def close(self):
                seen.append("closed")

        def app(environ, start_response):
            write = start_response("201 Created", [("X", "y"), ("Set-Cookie", "a"), ("Set-Cookie", "b")])
            self.assertTrue(callable(write))
            return Pieces()

        response = Response()
        self.responded(app, response=response)
        self.assertEqual(seen, [(False, []), (False, []), (True, [b"a"]), "closed"])
        self.assertEqual((response.status, response.is_finished), (201, True))
        self.assertEqual(response.headers, [(b"X", b"y"), (b"Set-Cookie", b"a"), (b"Set-Cookie", b"b")])

    def test_a_response_without_a_piece_has_its_head(self):
        def app(environ, start_response):
            start_response("204 No Content", [])
            return []

        response = self.responded(app)
        self.assertEqual((response.status, response.pieces, response.is_finished), (204, [], True))

    def test_the_head_can_be_another_until_it_is_sent(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            try:
                raise KeyError("x")
            except KeyError:
                start_response("500 Oh", [], sys.exc_info())
            yield b"sorry"
            try:
                raise ValueError("late")
            except ValueError:
                start_response("500 Oh", [], sys.exc_info())

        response = Response()
        with self.assertRaisesRegex(ValueError, "late"):
            self.responded(app, response=response)
        self.assertEqual((response.status, response.pieces, response.is_finished), (500, [b"sorry"], False))

    def test_what_an_app_may_not_do_is_an_error(self):
        def twice(environ, start_response):
            start_response("200 OK", [])
            start_response("200 OK", [])

        def text(environ, start_response):
            start_response("200 OK", [])
            return ["text"]

        def odd(environ, start_response):
            start_response("OK", [])

        for app, said in (
            (lambda environ, start_response: [b"x"], "not called `start_response`"),
            (twice, "called twice"),
            (text, "is `bytes`, not `str`"),
            (odd, "`OK` is not a status"),
        ):
            with self.assertRaisesRegex(Exception, said):
                self.responded(app)

    def test_a_caller_who_has_gone_is_no_fault_of_the_apps(self):
        closed = []

        def app(environ, start_response):
            start_response("200 OK", [])
            try:
                while True:
                    yield b"x"
            finally:
                closed.append(True)

        response = self.responded(app, response=Response(most=3))
        self.assertEqual((len(response.pieces), response.is_finished, closed), (3, False, [True]))


class Asgi(unittest.TestCase):
    def server(self, app):
        loop = asgi.new_loop()
        server = asgi.Server(app, loop)
        self.addCleanup(self.end, server, loop)
        server.start()
        return server

    def end(self, server, loop):
        server._lifespan.cancel()
        loop.run_until_complete(asyncio.wait({server._lifespan}))
        loop.close()

    def responded(self, app, request=None, response=None):
        response = response or Response()
        self.server(app).respond(request or Request(), response, {"identity": {"sourceIp": "192.0.2.1"}}, None)
        return response

    def test_the_scope_is_as_the_specification_has_it(self):
        seen = []

        async def app(scope, receive, send):
            seen.append(scope)
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

        self.responded(app, Request("PUT", "/a%20%C3%BC?q=%20", [("x", "1"), ("x", "2")]))
        scope = seen[-1]
        wanted = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "PUT",
            "scheme": "https", "path": "/a ü", "raw_path": b"/a%20%C3%BC", "query_string": b"q=%20", "root_path": "",
            "headers": [(b"x", b"1"), (b"x", b"2")], "client": ("192.0.2.1", 0), "server": ("example.org", 443),
            "aws.event": {"requestContext": {"identity": {"sourceIp": "192.0.2.1"}}},
        }
        self.assertEqual({name: scope[name] for name in wanted}, wanted)

    def test_the_body_comes_in_pieces_and_then_the_end(self):
        async def app(scope, receive, send):
            if scope["type"] == "http":
                messages = []
                while not messages or messages[-1]["more_body"]:
                    messages.append(await receive())
                await send({"type": "http.response.start", "status": 200})
                told = json.dumps([(message["body"].decode(), message["more_body"]) for message in messages])
                await send({"type": "http.response.body", "body": told.encode()})
                await send_after_the_end(receive)

        async def send_after_the_end(receive):
            self.assertEqual(await receive(), {"type": "http.disconnect"})

        pieces = [b"ab", b"c"]
        for headers, wanted in (
            ([], [["ab", True], ["c", True], ["", False]]),
            ([("content-length", "3")], [["ab", True], ["c", False]]),
        ):
            response = self.responded(app, Request("POST", headers=headers, body=pieces))
            self.assertEqual(json.loads(response.pieces[0]), wanted)

    def test_pieces_are_sent_one_by_one_and_work_after_them_is_done(self):
        done = []

        async def later():
            await asyncio.sleep(0.001)
            done.append("task")

        async def app(scope, receive, send):
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 201, "headers": [(b"x", b"y")]})
                self.assertFalse(response.is_begun)
                for piece in (b"a", b"b"):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    self.assertEqual(response.pieces[-1], piece)
                asyncio.create_task(later())
                await send({"type": "http.response.body"})
                self.assertTrue(response.is_finished)
                done.append("app")

        response = Response()
        self.responded(app, response=response)
        self.assertEqual((response.status, response.headers, done), (201, [(b"x", b"y")], ["app", "task"]))

    def test_the_lifespan_begins_once_and_its_state_reaches_each_request(self):
        seen = []

        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                seen.append((await receive())["type"])
                scope["state"]["db"] = 1
                await send({"type": "lifespan.startup.complete"})
                seen.append(await receive())
            scope["state"]["own"] = True
            seen.append(scope["state"]["db"])
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

        server = self.server(app)
        for _ in range(2):
            server.respond(Request(), Response(), None, None)
        self.assertEqual(seen, ["lifespan.startup", 1, 1])
        self.assertEqual(server._state, {"db": 1})

    def test_an_app_without_a_lifespan_starts_and_one_that_fails_does_not(self):
        async def unaware(scope, receive, send):
            assert scope["type"] == "http"
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

        async def failing(scope, receive, send):
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no database"})

        self.assertTrue(self.responded(unaware).is_finished)
        with self.assertRaisesRegex(asgi.StartFailed, "no database"):
            self.server(failing)

    def test_what_an_app_may_not_do_is_an_error(self):
        def app_of(*messages):
            async def app(scope, receive, send):
                for message in messages if scope["type"] == "http" else ():
                    await send(message)

            return app

        start, body = {"type": "http.response.start", "status": 200}, {"type": "http.response.body"}
        for messages, said in (
            ([], "returned before"),
            ([start], "returned before"),
            ([body], "before `http.response.start`"),
            ([start, start], "sent twice"),
            ([start, body, body], "after the response was complete"),
            ([{"type": "websocket.accept"}], "is not a message"),
        ):
            with self.assertRaisesRegex(RuntimeError, said):
                self.responded(app_of(*messages))

    def test_a_wait_that_nothing_ends_is_an_error_and_the_next_request_is_right(self):
        async def app(scope, receive, send):
            if scope.get("path") == "/wait":
                await asyncio.get_running_loop().create_future()
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 200})
                await send({"type": "http.response.body"})

        server, response = self.server(app), Response()
        with self.assertRaises(event_loop.Endless):
            server.respond(Request(target="/wait"), Response(), None, None)
        server.respond(Request(), response, None, None)
        self.assertTrue(response.is_finished)

    def test_a_caller_who_has_gone_is_no_fault_of_the_apps(self):
        async def app(scope, receive, send):
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 200})
                while True:
                    await send({"type": "http.response.body", "body": b"x", "more_body": True})

        response = self.responded(app, response=Response(most=3))
        self.assertEqual((len(response.pieces), response.is_finished), (3, False))


class Kinds(unittest.TestCase):
    def test_an_app_is_told_by_what_it_takes(self):
        class Wsgi:
            def __call__(self, environ, start_response):
                pass

        class Asgi:
            async def __call__(self, scope, receive, send):
                pass

        async def function(scope, receive, send):
            pass

        def not_async(a, b, c, d=None):
            pass

        for app, wanted in ((Wsgi(), False), (Asgi(), True), (function, True), (not_async, True), (lambda e, s: 0, False)):
            self.assertEqual(kinds.is_asgi(app, "app"), wanted)

    def test_what_is_no_app_is_refused(self):
        for app, said in ((42, "can't be called"), (lambda event, context: 0, "handler of events")):
            with self.assertRaisesRegex(TypeError, said):
                kinds.is_asgi(app, "app")


class Contexts(unittest.TestCase):
    def test_contexts_come_from_the_hosts_headers(self):
        sent = {
            "request_id": "r", "deadline": 5, "invoked_function_arn": "arn", "xray_trace_id": "t", "client_context": None,
            "identity": {"identity_id": "i", "identity_pool_id": "p"}, "tenant_id": "acme",
            "env_config": {"function_name": "f", "memory": 128, "version": "1", "log_stream": "s", "log_group": "g"},
        }
        headers = [(b"x-amzn-request-context", b'{"a":1}'), (b"x-amzn-lambda-context", json.dumps(sent).encode())]
        request_context, found = context.of(headers)
        self.assertEqual(request_context, {"a": 1})
        self.assertEqual(
            (found.aws_request_id, found.function_name, found.memory_limit_in_mb, found.log_group_name, found.tenant_id),
            ("r", "f", "128", "g", "acme"),
        )
        self.assertEqual((found.identity.cognito_identity_id, found.get_remaining_time_in_millis()), ("i", 0))

    def test_headers_that_are_no_json_are_no_contexts(self):
        for value in (b"", b"[]", b"\xff", b"{", b"null"):
            headers = [(b"x-amzn-request-context", value), (b"x-amzn-lambda-context", value)]
            self.assertEqual(context.of(headers), (None, None))

    def test_the_client_is_who_the_front_says_and_not_who_the_client_says(self):
        forwarded = [(b"x-forwarded-for", b"forged, 192.0.2.9")]
        for request_context, wanted in (
            ({"http": {"sourceIp": "192.0.2.1"}}, "192.0.2.1"),
            ({"identity": {"sourceIp": "192.0.2.2"}}, "192.0.2.2"),
            ({"elb": {}}, "192.0.2.9"),
            (None, "192.0.2.9"),
        ):
            self.assertEqual(context.client(forwarded, request_context), wanted)
        self.assertEqual(context.client([], None), "")


if __name__ == "__main__":
    unittest.main()
