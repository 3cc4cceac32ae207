"""`logging` as on Lambda: the root logger has a handler, and the level of the environment."""

import json
import logging
import os
import sys

from . import errors


def install():
    """Sets up the root logger."""
    handler = _LambdaHandler()
    # Time and request id stand in front of every line already: the host puts them there.
    handler.setFormatter(_JsonFormatter() if _as_json() else logging.Formatter("[%(levelname)s]\t%(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    if level in _LEVELS:
        root.setLevel(_LEVELS[level])


def trace(frames):
    """Writes where an exception came from. What it was is the host's next line, as in any traceback of Python's."""
    if not frames:
        return
    if _as_json():
        print(json.dumps({"level": "ERROR", "message": "Traceback", "stackTrace": frames}), file=sys.stderr)
    else:
        print("Traceback (most recent call last):\n" + "".join(frames), end="", file=sys.stderr)


def _as_json():
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


# Lambda's names.
_LEVELS = {
    "TRACE": logging.NOTSET + 1,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}


class _LambdaHandler(logging.Handler):
    """Writes errors to the standard error, and all else to the standard output.

    The host reports the last line of the standard error if the instance ends with it.
    """

    def emit(self, record):
        try:
            stream = sys.stderr if record.levelno >= logging.ERROR else sys.stdout
            stream.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


class _JsonFormatter(logging.Formatter):
    """One object a line, with AWS's names. What it lacks, time and request id, the host puts in."""

    def format(self, record):
        line = {"level": _NAMES.get(record.levelname, record.levelname), "message": record.getMessage(), "logger": record.name}
        if record.exc_info and record.exc_info[1]:
            line["errorType"], line["errorMessage"], line["stackTrace"] = errors.describe(record.exc_info[1])
        line.update({name: value for name, value in vars(record).items() if name not in _OWN and name not in line})
        return json.dumps(line, default=str)


_NAMES = {"WARNING": "WARN", "CRITICAL": "FATAL"}

# What every record has. The rest is what `extra` put there.
_OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
