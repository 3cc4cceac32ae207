"""Does what the event asks for, of all that may go wrong."""

import ctypes
import os
import sys
import time


class OrderNotFound(Exception):
    pass


def fault(name):
    if name.startswith("response of "):
        return "x" * (int(name.split()[2]) * 1_000_000)
    if name.startswith("error of "):
        raise OrderNotFound("x" * (int(name.split()[2]) * 1_000_000))
    match name:
        case "err":
            raise OrderNotFound("no such order: `42`")
        case "long stack trace":
            raise OrderNotFound("frame\n" * 100_000)
        case "panic":
            raise AssertionError("out of pickles")
        case "abort":
            os.abort()
        case "overflow the stack":
            return deeper(0)
        case "exit 0":
            sys.exit(0)
        case "exit 1":
            sys.exit(1)
        case "exit with an open file":
            with open(os.environ["SENTINEL"]):
                sys.exit(1)
        case "loop":
            while True:
                pass
        case "sleep":
            time.sleep(3600)
        case "allocate":
            hoard = []
            while True:
                hoard.append(b"\x01" * 1024 * 1024)
        case "open 1000000 files":
            return len([open(os.environ["SENTINEL"]) for _ in range(1_000_000)])
        case "divide by zero":
            return 1 // 0
        case "read out of bounds":
            return ctypes.string_at(8, 1)
    return "rested"


def deeper(depth):
    return deeper(depth + 1) + depth


if os.path.exists(os.environ["START_FILE"]):
    with open(os.environ["START_FILE"]) as file:
        what = file.read()
    os.remove(os.environ["START_FILE"])
    fault(what)


def handler(event, context):
    if event.startswith("start badly: "):
        with open(os.environ["START_FILE"], "w") as file:
            file.write(event.removeprefix("start badly: "))
        os._exit(1)
    return fault(event)
