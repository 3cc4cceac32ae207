"""Exceptions as the contract's errors."""

import importlib
import os
import traceback

_OWN_DIRECTORY = os.path.dirname(__file__) + "/"
_LOOPS = os.path.dirname(traceback.__file__) + "/asyncio/"


def describe(exception):
    """The type, message and stack trace of an exception, as AWS's runtime writes them."""
    return type(exception).__name__, plain(_message(exception)), [plain(line) for line in _frames(exception)]


def plain(text):
    """Text that is surely UTF-8: half a surrogate pair, which Python's strings may hold, would be a trap."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _message(exception):
    try:
        return str(exception)
    except Exception:
        # Its `__str__` is the user's code, and that is failing just now.
        return "the exception can't be written as text"


def _frames(exception):
    try:
        frames = traceback.extract_tb(exception.__traceback__)
    except Exception:
        return []
    # A response may fail deep in the user's code that JSON called, so only what comes before is left out.
    while frames and _is_ours(frames[0].filename):
        del frames[0]
    return frames.format()


def _is_ours(filename):
    # The user's module is imported by us, through importlib, and an app of ASGI is run in a loop.
    return filename.startswith((_OWN_DIRECTORY, _LOOPS, "<frozen importlib")) or filename == importlib.__file__
