"""The standard library's code without what nobody reads in a guest: its documentation, and the columns in its lines,
which only a traceback with the source would show.
"""

import gc
import types

#: Kinds of entries in a table of locations. Source: CPython, `InternalDocs/code_objects.md`.
_NO_COLUMNS, _NO_LOCATION = 13, 15


#: The flag of code whose first constant is its documentation.
_HAS_DOCUMENTATION = 0x4000000


def compile_lean(source, filename):
    """Compiles a module of the standard library."""
    return _lean(compile(source, filename, "exec", dont_inherit=True, optimize=2))


def make_lean(beginnings):
    """Does the same to what has been imported already, from files whose paths begin so."""
    for each in gc.get_objects():
        if isinstance(each, types.FunctionType) and each.__code__.co_filename.startswith(beginnings):
            each.__code__ = _lean(each.__code__)
            each.__doc__ = None


def _lean(code):
    constants = [_lean(each) if isinstance(each, types.CodeType) else each for each in code.co_consts]
    flags = code.co_flags
    if flags & _HAS_DOCUMENTATION:
        constants[0] = None
        flags &= ~_HAS_DOCUMENTATION
    return code.replace(co_consts=tuple(constants), co_flags=flags, co_linetable=_table(code))


def _table(code):
    table, last = bytearray(), code.co_firstlineno
    for start, end, line in code.co_lines():
        units = (end - start) // 2
        while units > 0:
            length = min(units, 8)
            units -= length
            if line is None:
                table.append(0x80 | _NO_LOCATION << 3 | length - 1)
            else:
                table.append(0x80 | _NO_COLUMNS << 3 | length - 1)
                _append(table, line - last)
                last = line
    return bytes(table)


def _append(table, number):
    """Appends a number with a sign, six bits in a byte."""
    number = -number << 1 | 1 if number < 0 else number << 1
    while number > 0x3F:
        table.append(0x40 | number & 0x3F)
        number >>= 6
    table.append(number)
