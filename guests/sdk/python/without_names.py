"""Takes the names of the interpreter's functions out of a guest. They say nothing about the user's Python, whose traceback
is Python's own, and are a megabyte of machine code's tables.
"""

_MODULE, _COMPONENT, _CUSTOM = 1, 4, 0
_LEFT_OUT = (b"name", b"component-name", b"producers")


def without_names(binary):
    """Returns a component, or a module, without its sections of names."""
    parts, at = [binary[:8]], 8
    is_component = binary[6:8] == b"\x01\x00"
    while at < len(binary):
        kind = binary[at]
        size, begin = _number(binary, at + 1)
        content = binary[begin : begin + size]
        at = begin + size
        if kind == _CUSTOM:
            length, name = _number(content, 0)
            if content[name : name + length] in _LEFT_OUT:
                continue
        elif is_component and kind in (_MODULE, _COMPONENT):
            content = without_names(content)
        parts += [bytes([kind]), _bytes(len(content)), content]
    return b"".join(parts)


def _number(binary, at):
    value = shift = 0
    while True:
        byte = binary[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _bytes(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
