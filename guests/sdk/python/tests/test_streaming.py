"""Handlers that send their response in pieces, without a host."""

import enum
import json
import sys
import tempfile
import types
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


class Err(Exception):
    def __init__(self, value):
        self.value = value


# The guest's interpreter has it.
sys.modules.setdefault("componentize_py_types", types.SimpleNamespace(Err=Err))

import entry  # noqa: E402
import imports  # noqa: E402
from guesthouse import HttpResponse, responses, stream, streaming  # noqa: E402

StreamError = enum.Enum("StreamError", "WRONG_STATE INVALID_CONTENT_TYPE CLOSED")


class Out:
    """`response-stream`, which takes at most so many pieces."""

    def __init__(self, most=None):
        self.most = most
        self.content_type = None
        self.pieces = []

    def open(self, content_type):
        if self.content_type is not None:
            raise streaming.Err(StreamError.WRONG_STATE)
        if "\n" in content_type:
            raise streaming.Err(StreamError.INVALID_CONTENT_TYPE)
        self.content_type = content_type

    def write(self, data):
        if len(self.pieces) == self.most:
            raise streaming.Err(StreamError.CLOSED)
        self.pieces.append(data)


class Streams(unittest.TestCase):
    def sent(self, response, most=None):
        out = Out(most)
        streaming.send(response, out)
        return out.content_type, out.pieces

    def test_a_generator_is_sent_piece_by_piece(self):
        out = Out()

        def handler():
            for piece in ("ü", b"b", bytearray(b"c"), ""):
                yield piece
                self.assertEqual(out.content_type, "application/octet-stream")

        streaming.send(handler(), out)
        self.assertEqual(out.pieces, ["ü".encode(), b"b", b"c"])

    def test_an_asynchronous_generator_is_sent_piece_by_piece(self):
        closed = []

        async def handler():
            try:
                for piece in ("a", "b", "c"):
                    yield piece
            finally:
                closed.append(True)

        self.assertEqual(self.sent(handler()), ("application/octet-stream", [b"a", b"b", b"c"]))
        self.assertEqual(self.sent(handler(), most=1), ("application/octet-stream", [b"a"]))
        self.assertEqual(closed, [True, True])

    def test_any_pieces_have_a_media_type(self):
        self.assertEqual(self.sent(stream(["a"], content_type="text/plain")), ("text/plain", [b"a"]))
        self.assertEqual(self.sent(stream([], "text/plain")), ("text/plain", []))
        with self.assertRaisesRegex(ValueError, "is not a content type"):
            self.sent(stream(["a"], content_type="a\nb"))

    def test_an_http_response_begins_with_its_prelude(self):
        def handler():
            yield HttpResponse(201, {"X": 1, "y": ["a", "b"], "Set-Cookie": "c=d"}, cookies=["a=b"])
            yield "body"

        content_type, pieces = self.sent(stream(handler(), content_type="text/html"))
        head, end = pieces[0][:-8], pieces[0][-8:]
        self.assertEqual(content_type, "application/vnd.awslambda.http-integration-response")
        self.assertEqual(
            json.loads(head),
            {
                "statusCode": 201,
                "headers": {"X": "1", "y": "a, b", "content-type": "text/html"},
                "cookies": ["a=b", "c=d"],
            },
        )
        self.assertEqual((end, pieces[1:]), (bytes(8), [b"body"]))

    def test_an_exception_before_the_first_piece_is_an_ordinary_error(self):
        def handler():
            raise KeyError("x")
            yield

        out = Out()
        with self.assertRaises(KeyError):
            streaming.send(handler(), out)
        self.assertIsNone(out.content_type)

    def test_what_is_no_piece_is_an_error(self):
        for pieces, said in (([{"a": 1}], "not `dict`"), (["a", HttpResponse()], "only be the first")):
            with self.assertRaisesRegex(TypeError, said):
                self.sent(stream(pieces))

    def test_a_generator_ends_where_nobody_receives_the_rest(self):
        closed = []

        def handler():
            try:
                while True:
                    yield "x"
            finally:
                closed.append(True)

        self.assertEqual(self.sent(handler(), most=2)[1], [b"x", b"x"])
        self.assertEqual(closed, [True])

    def test_only_these_responses_are_streamed(self):
        self.assertTrue(responses.is_streamed(stream([])))
        for other in ([], (), "text", b"bytes", iter([]), HttpResponse()):
            self.assertFalse(responses.is_streamed(other))


class Sources(unittest.TestCase):
    def streams(self, text):
        with tempfile.TemporaryDirectory() as made:
            task = Path(made).resolve() / "task"
            task.mkdir()
            (task / "app.py").write_text(text)
            return imports.streams(task.parent, entry.find(task, "app.handler"))

    def test_a_build_sees_what_streams(self):
        head = "def handler(event, context):\n    "
        for text, wanted in (
            (head + "yield 1", True),
            ("async " + head + "yield 1", True),
            (head + "for each in event:\n        if each: x = yield each", True),
            (head + "def inner():\n        yield 1\n    return list(inner())", False),
            (head + "return [each for each in event]", False),
            ("import guesthouse\n" + head + "return guesthouse.stream(event)", True),
            ("from guesthouse import HttpResponse\n" + head + "return pieces()", True),
            ("from guesthouse import LambdaContext\n" + head + "return 'guesthouse.stream'", False),
        ):
            self.assertEqual(self.streams(text), wanted, text)


if __name__ == "__main__":
    unittest.main()
