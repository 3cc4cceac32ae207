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

    def is_app(self, text, handler=None):
        self.write("app.py", text)
        found = entry.find(self.project, handler)
        return found.function, found.is_app

    def test_an_app_is_found_where_there_is_no_handler(self):
        for text, wanted in (
            ("app = Flask(__name__)", ("app", True)),
            ("application = get_wsgi_application()", ("application", True)),
            ("app = create()\napp = ProxyFix(app)", ("app", True)),
            ("from site.wsgi import application", ("application", True)),
            ("try:\n    app: FastAPI = FastAPI()\nexcept OSError:\n    raise", ("app", True)),
            ("def app(environ, start_response): pass", ("app", True)),
            ("async def app(scope, receive, send): pass", ("app", True)),
            ("app = FastAPI()\nhandler = Mangum(app)", ("handler", False)),
            ("app = FastAPI()\ndef lambda_handler(event, context): pass", ("lambda_handler", False)),
            ("app = Flask(__name__)\ndef on_queue(event, context): pass", ("on_queue", False)),
        ):
            self.assertEqual(self.is_app(text), wanted, text)

    def test_a_named_app_is_told_by_what_makes_it(self):
        for text, handler, wanted in (
            ("api = FastAPI()", "app.api", ("api", True)),
            ("site = object()", "app:site", ("site", True)),
            ("app = Chalice(app_name='x')", "app.app", ("app", False)),
            ("app = APIGatewayRestResolver()", "app.app", ("app", False)),
            ("def app(event, context): pass", "app.app", ("app", False)),
            ("api = FastAPI()\nrun = Mangum(api)", "app.run", ("run", False)),
        ):
            self.assertEqual(self.is_app(text, handler), wanted, text)

    def test_the_files_of_web_frameworks_are_found(self):
        self.write("wsgi.py", "app = Flask(__name__)")
        self.assertEqual(self.found(), (self.project, "wsgi", "app"))

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
