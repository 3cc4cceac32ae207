"""Where the handler is."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import entry  # noqa: E402
from refused import Refused  # noqa: E402


class Entries(unittest.TestCase):
    def setUp(self):
        self.made = tempfile.TemporaryDirectory()
        self.addCleanup(self.made.cleanup)
        self.project = Path(self.made.name).resolve()

    def write(self, name, text):
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def found(self, given=".", handler=None):
        found = entry.find(self.project / given, handler)
        return found.directory, found.module, found.function

    def test_a_handler_is_named_as_on_aws(self):
        self.write("src/app.py", "def create(event, context): pass")
        for handler in ("src/app.create", "src.app.create"):
            self.assertEqual(self.found(handler=handler), (self.project, "src.app", "create"))
            # The tool gives the usual file's name, whether it is there or not.
            self.assertEqual(self.found("app.py", handler), (self.project, "src.app", "create"))

    def test_usual_files_and_functions_are_found(self):
        self.write("lambda_function.py", "def lambda_handler(event, context): pass")
        self.assertEqual(self.found(), (self.project, "lambda_function", "lambda_handler"))
        self.write("app.py", "handler = print")
        self.assertEqual(self.found(), (self.project, "app", "handler"))

    def test_the_only_function_of_an_event_and_a_context_is_the_handler(self):
        self.write("webhook.py", "def receive(event, _context): pass\ndef helper(event): pass")
        self.assertEqual(self.found(), (self.project, "webhook", "receive"))

    def test_what_is_not_there_is_refused_with_what_is(self):
        self.write("crud.py", "def create(event, context): pass\ndef delete(event, context): pass")
        for given, handler, said in (
            ("crud.py", None, "it has `create`, `delete`\nhint: "),
            ("crud.py", "crud.update", "`crud.py` has no function `update`"),
            (".", "other.create", "there is no such file"),
            (".", "../other.create", "is not a handler"),
        ):
            with self.assertRaises(Refused) as refused:
                self.found(given, handler)
            self.assertIn(said, str(refused.exception))


if __name__ == "__main__":
    unittest.main()
