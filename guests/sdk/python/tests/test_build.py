"""What of a project comes into a guest, and how it reads its files there."""

import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))

import build  # noqa: E402
import project_files  # noqa: E402
from guesthouse import files_view  # noqa: E402
from packages import graph  # noqa: E402
from refused import Refused  # noqa: E402


class Projects(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.here = Path(made.name).resolve()

    def write(self, name, text=""):
        path = self.here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def test_an_environment_is_known_by_its_settings_and_not_by_its_name(self):
        self.write("project/env/__init__.py")
        self.write("project/mine/pyvenv.cfg")
        self.write("project/mine/lib.py")
        project_files.copy(self.here / "project", self.here / "task")
        self.assertEqual([path.name for path in (self.here / "task").iterdir()], ["env"])

    def test_a_module_that_this_python_can_not_read_is_refused_if_the_guests_is_newer(self):
        self.write("task/fine.py", "import json")
        self.write("task/{{name}}/template.py", "import {{name}}")
        with mock.patch.object(build.sys, "version_info", (3, 11, 0)):
            build.check_syntax(graph.modules(self.here / "task"), self.here / "task")
            self.write("task/parts/newer.py", "this is what it is to be")
            with self.assertRaises(Refused) as refused:
                build.check_syntax(graph.modules(self.here / "task"), self.here / "task")
        self.assertIn("Python 3.11, which builds, can't read `parts/newer.py`", str(refused.exception))
        with mock.patch.object(build.sys, "version_info", (3, 14, 1)):
            build.check_syntax(graph.modules(self.here / "task"), self.here / "task")

    def test_the_output_is_not_written_through_a_link(self):
        target = self.write("target")
        os.symlink(target, self.here / "app.wasm.new")

        def ran(arguments, **_):
            arguments[-1].write_bytes(b"made")
            return mock.Mock(returncode=0)

        with mock.patch.object(build.subprocess, "run", ran), mock.patch.object(build, "without_names", bytes):
            build.componentize(self.here, self.here / "app.wasm", ["python-guest"])
        self.assertEqual(((self.here / "app.wasm").read_bytes(), target.read_bytes()), (b"made", b""))


class Files(unittest.TestCase):
    def test_paths_are_given_by_name_and_below_descriptors_as_well(self):
        tree = mock.Mock(files={"/var/task/a": 0}, directories={"/var/task": {"/var/task/a"}}, read=lambda path: b"text")
        view = files_view._View("/var/task", tree)
        self.assertEqual(view.before(view.open, open)(file="/var/task/a", mode="rb").read(), b"text")
        self.assertEqual(view.before(view.listdir, os.listdir)(), ["a"])
        self.assertEqual(view.before(view.stat, os.stat)(path="a", dir_fd=None).st_size, 4)
        real = mock.Mock(__name__="stat")
        view.before(view.stat, real)("a", dir_fd=3)
        real.assert_called_once_with("a", dir_fd=3)


if __name__ == "__main__":
    unittest.main()
