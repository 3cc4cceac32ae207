"""The behaviours that the tests of every language's SDK ask for."""

import logging
import os
import random
import secrets
import sys
import time

import guesthouse

count = 0


class OrderNotFound(Exception):
    pass


def handler(event, context):
    global count

    match event:
        case {"do": "echo", "value": value}:
            return value
        case {"do": "fail typed"}:
            raise OrderNotFound("no such order")
        case {"do": "fail untyped"}:
            raise Exception("something went wrong")
        case {"do": "log", "lines": lines}:
            for number in range(1, lines + 1):
                print(f"out {number}")
                print(f"err {number}", file=sys.stderr)
        # Responses that are sent in pieces.
        case {"do": "text", "text": text}:
            return guesthouse.stream([text], content_type=event.get("type"))
        case {"do": "pieces", "pieces": pieces}:
            return in_pieces(pieces, event.get("bytes", 1), event.get("ms", 0))
        case {"do": "http", "prelude": prelude}:
            return as_http(prelude, event.get("body", ""))
        case {"do": "fail before"}:
            return failing([])
        case {"do": "fail after"}:
            return failing(["begun"])
        # Only some languages are asked for this.
        case {"do": "levels"}:
            for level in ("debug", "info", "warning", "error", "critical"):
                getattr(logging.getLogger("orders"), level)("said by %s", level)
        case {"do": "count"}:
            count += 1
            return count
        case {"do": "write", "name": name, "text": text}:
            with open(f"/tmp/{name}", "w", newline="") as file:
                file.write(text)
        case {"do": "read", "name": name}:
            try:
                with open(f"/tmp/{name}", newline="") as file:
                    return file.read()
            except FileNotFoundError:
                return None
        case {"do": "env", "name": name}:
            return os.environ.get(name)
        case {"do": "now"}:
            return int(time.time() * 1000)
        case {"do": "sleep", "ms": ms}:
            start = time.monotonic()
            time.sleep(ms / 1000)
            return round((time.monotonic() - start) * 1000)
        case {"do": "random"}:
            return {"default": " ".join(str(random.random()) for _ in range(8)), "secure": secrets.token_hex(16)}
        case {"do": "remaining"}:
            return context.get_remaining_time_in_millis()
        case {"do": "context"}:
            return described(context)
        case _:
            raise Exception("no such behaviour")


def described(context):
    return {
        "request_id": context.aws_request_id,
        "function_name": context.function_name,
        "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn,
        # A text, as on AWS.
        "memory_limit_mib": int(context.memory_limit_in_mb),
        "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name,
        # AWS's context has the deadline under this name only.
        "deadline_ms": context._epoch_deadline_time_in_ms,
        "trace_id": os.environ.get("_X_AMZN_TRACE_ID"),
        "tenant_id": context.tenant_id,
        "identity_id": context.identity.cognito_identity_id,
        "identity_pool_id": context.identity.cognito_identity_pool_id,
        "custom": context.client_context and context.client_context.custom,
    }


def in_pieces(pieces, size, ms):
    for _ in range(pieces):
        time.sleep(ms / 1000)
        yield b"a" * size


async def as_http(prelude, body):
    yield guesthouse.HttpResponse(prelude["statusCode"], prelude.get("headers"), prelude.get("cookies", ()))
    yield body


def failing(pieces):
    yield from pieces
    raise OrderNotFound("no such order")
