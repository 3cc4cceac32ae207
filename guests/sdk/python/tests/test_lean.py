"""What is taken out of code and of components."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from guesthouse import lean_code  # noqa: E402
from without_names import without_names  # noqa: E402

_SOURCE = '''"""A module."""


def function(value):
    """What it does."""
    if value:
        return [
            value,

            1 / 0,
        ]
'''


@unittest.skipIf(sys.version_info < (3, 11), "the table is another one")
class Code(unittest.TestCase):
    def test_lines_stay_and_columns_and_documentation_go(self):
        whole, lean = compile(_SOURCE, "f.py", "exec", optimize=2), lean_code.compile_lean(_SOURCE, "f.py")
        for one, other in (whole, lean), (whole.co_consts[0], lean.co_consts[0]):
            lines = [[code_line for *_, code_line in spread(code)] for code in (one, other)]
            self.assertEqual(*lines)
            self.assertEqual({column for _, _, column, _ in other.co_positions()}, {None})
        names = {}
        exec(lean, names)
        self.assertIsNone(names["function"].__doc__)
        try:
            names["function"](1)
        except ZeroDivisionError as error:
            self.assertEqual(error.__traceback__.tb_next.tb_lineno, 10)
        else:
            self.fail("nothing is divided by zero")


def spread(code):
    for start, end, line in code.co_lines():
        for at in range(start, end, 2):
            yield at, line


class Names(unittest.TestCase):
    def test_sections_of_names_go_and_all_else_stays(self):
        def section(kind, content):
            return bytes([kind, len(content)]) + content

        head = b"\0asm\x01\0\0\0"
        kept, left_out = section(0, b"\x04kept1"), section(0, b"\x04name" + b"x" * 9)
        component = b"\0asm\x0d\0\x01\0" + section(1, head + left_out + kept) + left_out + kept
        self.assertEqual(without_names(component), b"\0asm\x0d\0\x01\0" + section(1, head + kept) + kept)


if __name__ == "__main__":
    unittest.main()
