"""Events and responses as JSON text."""

import json
from decimal import Decimal
from itertools import accumulate, repeat
from operator import sub

from .errors import plain

#: How deep the objects and lists of an event may be nested. The reader takes a piece of the stack for each of them, and
#: somewhere near a thousand there is none left, which would be a trap.
DEEPEST = 400


class InvalidEvent(Exception):
    """The event is not JSON."""


class InvalidResponse(Exception):
    """The handler's response can't be written as JSON."""


def read(event):
    """The event's value."""
    try:
        return read_json(event)
    except (ValueError, MemoryError) as error:
        raise InvalidEvent(f"the event is not {str(error) or 'what there is memory for'}") from None


def read_json(text):
    """The value of a text that anybody may have written. A ValueError says what it is not."""
    if text.count("[") + text.count("{") > DEEPEST and _depth(text) > DEEPEST:
        raise ValueError(f"what can be read: nested deeper than {DEEPEST} levels")
    try:
        return _decoder.decode(text)
    except ValueError as error:
        raise ValueError(f"JSON: {_lowered(error)}") from None


def write(response):
    """The response's text. `bytes` are the text already, as on AWS."""
    try:
        if isinstance(response, bytes):
            return response.decode("utf-8")
        text = _encoder.encode(response)
        # Half a surrogate pair has no UTF-8, but JSON has an escape for it.
        return text if text.isascii() or text == plain(text) else _ascii_encoder.encode(response)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise InvalidResponse(f"the response can't be written as JSON: {_lowered(error)}") from error


def _depth(text):
    # Brackets count outside of strings only, and these end at the next quote that has no backslash.
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    steps = outside.encode("utf-8", "replace").translate(_STEPS, _NO_BRACKETS)
    return max(accumulate(map(sub, steps, repeat(1)), initial=0))


# A bracket's step as a byte: one up is 2, one down is 0.
_STEPS = bytes(2 if byte in b"[{" else 0 for byte in range(256))
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def _refuse(constant):
    raise ValueError(f"`{constant}` is not a number of JSON")


def _number(value):
    if not isinstance(value, Decimal):
        raise TypeError(f"object of type `{type(value).__name__}` is not JSON serializable")
    # AWS's runtime writes the digits, so `1.0` stays one. `adjusted` is the power of ten: a short `Decimal` can be a
    # number that fills the memory.
    whole = value.is_finite() and value.adjusted() < 40 and value.as_tuple().exponent >= 0
    return int(value) if whole else float(value)


def _lowered(error):
    text = str(error) or type(error).__name__
    return text[0].lower() + text[1:]


# Python reads and writes `NaN` and `Infinity` unless told not to. They are not JSON, and AWS's runtime refuses them,
# too.
_decoder = json.JSONDecoder(parse_constant=_refuse)
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_number)
_ascii_encoder = json.JSONEncoder(allow_nan=False, default=_number)
