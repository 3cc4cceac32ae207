"""What makes an instance of a frozen interpreter: nothing of the build's may be left in it."""

import io
import logging
import os
import random
import sys
import tempfile
import time

from . import logs

_streams = []


#: What functions on Lambda find in their environment, and the host does not set.
_VARIABLES = {
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "LANG": "en_US.UTF-8",
}


def awake(handler):
    """To be called first in each instance, with the handler as AWS writes it."""
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    # Where the files beside the code are, wherever the host has the guest itself.
    os.environ["LAMBDA_TASK_ROOT"] = "/var/task"
    os.environ["_HANDLER"] = handler
    # componentize-py has filled `os.environ` and `sys.argv`, and seeded `random`, before it calls anything. The seed is
    # set again because two instances with the same numbers would be the worst of what can go wrong here.
    random.seed()
    tempfile.tempdir = "/tmp"
    tempfile._name_sequence = None
    logging._startTime = time.time_ns()
    if not sys.argv:
        # `argparse` wants a program's name.
        sys.argv.append("")
    sys.stdout, sys.stderr = _stream(1), _stream(2)
    _streams[:] = sys.stdout, sys.stderr
    logs.install()


def flush():
    """Writes out what was printed: it must not come out in the next invocation."""
    for stream in {sys.stdout, sys.stderr, *_streams}:
        try:
            stream.flush()
        except Exception:
            # Where nothing can be written there is nobody to tell.
            pass


def set_trace_id(trace_id):
    """Puts the X-Ray header's value where AWS's libraries read it."""
    if trace_id is not None:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


def leave(code):
    """Ends the instance as `sys.exit` ends a process. The host calls it `Guest.Exit`."""
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
    flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _stream(number):
    # A whole line is one call of the host. The interpreter's own streams make one of each piece of a line.
    buffer = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
    name = "<stdout>" if number == 1 else "<stderr>"
    stream = io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)
    stream.mode = "w"
    buffer.raw.name = name
    return stream
