"""Which packages come, and which are refused. The index is a directory of wheels that the tests write."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from with_index import NATIVE, WithIndex  # noqa: E402

from packages import graph, wanted  # noqa: E402
from refused import Refused  # noqa: E402

_GUARDED = "try:\n    from fast._speedups import twice\nexcept ImportError:\n    def twice(x): return x * 2\n"


class Packages(WithIndex):
    def test_an_optional_extension_is_left_out_and_the_newest_version_stays(self):
        self.wheel("fast", "1.0", {"fast/__init__.py": ""})
        self.wheel("fast", "2.0", {"fast/__init__.py": _GUARDED, "fast/_speedups.cpython-314-x86_64-linux-gnu.so": ""}, NATIVE)
        self.install("import fast", "fast")
        self.assertTrue((self.packages / "fast-2.0.dist-info").is_dir())
        self.assertEqual([path.name for path in (self.packages / "fast").iterdir()], ["__init__.py"])

    def test_a_package_whose_core_is_native_is_refused_by_name_and_version(self):
        self.wheel("core", "1.0", {"core/__init__.py": ""})
        self.wheel("core", "3.1", {"core/__init__.py": "from core.engine import run", "core/engine.abi3.so": ""}, NATIVE)
        self.wheel("front", "5", {"front/__init__.py": "import core"}, requires=["core>=3"])
        said = self.refused("import front", "front")
        for part in ("`core` 3.1", "which front needs", "`core.engine`", "`front` imports it", "\nhint: "):
            self.assertIn(part, said)

    def test_what_tries_a_native_package_goes_on_without_unless_it_is_asked_for(self):
        self.wheel("core", "3.1", {"core/__init__.py": "from core.engine import run", "core/engine.abi3.so": ""}, NATIVE)
        files = {"front/__init__.py": "try:\n    import core\nexcept ImportError:\n    core = None\n"}
        self.wheel("front", "5", files, requires=["core", "core; extra == 'quick'"])
        self.assertIn("`core` 3.1 is left out", self.install("import front", "front"))
        self.assertFalse((self.packages / "core").exists())
        (self.here / "staged/packages").rename(self.here / "before")
        self.assertIn("`core` 3.1", self.refused("import front", "front", "core"))

    def test_what_nothing_imports_is_left_out(self):
        self.wheel("core", "3.1", {"core/__init__.py": "from core.engine import run", "core/engine.abi3.so": ""}, NATIVE)
        self.assertIn("nothing in the guest imports it", self.install("import json", "core"))

    def test_markers_are_those_of_the_guests_python(self):
        self.wheel("front", "5", {"front.py": ""}, requires=["old; python_version < '3.14'", "new; python_version >= '3.14'"])
        self.wheel("new", "1", {"new.py": ""})
        self.install("import front", "front")
        self.assertTrue((self.packages / "new.py").is_file())

    def test_a_wheel_writes_no_files_of_this_machine(self):
        outside = self.here / "outside.py"
        names = [str(outside), f"front-5.data/purelib/{outside}", "../../outside.py"]
        self.wheel("front", "5", {"front.py": "", **dict.fromkeys(names, "")})
        self.install("import front", "front")
        self.assertTrue((self.packages / "front.py").is_file())
        self.assertFalse(outside.exists())

    def test_packages_with_many_modules_are_tried_out(self):
        files = {f"core/{'long' * 20}{number}.py": "" for number in range(2000)}
        files |= {"core/__init__.py": "from core.engine import run", "core/engine.abi3.so": ""}
        self.wheel("core", "3.1", files, NATIVE)
        self.assertIn("`core` 3.1", self.refused("import core", "core"))

    def test_packages_are_kept_for_the_next_build(self):
        self.wheel("front", "5", {"front.py": ""})
        self.install("import front", "front")
        (self.here / "staged/packages").rename(self.here / "before")
        for path in (self.here / "index").iterdir():
            path.unlink()
        self.install("import front", "front")
        self.assertTrue((self.packages / "front.py").is_file())


class Wants(unittest.TestCase):
    def read(self, **files):
        with tempfile.TemporaryDirectory() as directory:
            for name, text in files.items():
                (Path(directory) / name.replace("__", ".")).write_text(text)
            return wanted.find(Path(directory))

    def test_projects_and_locks_of_all_tools_are_read(self):
        project = '[project]\nname = "x"\ndependencies = ["requests>=2"]\n'
        lock = 'version = 1\n[[package]]\nname = "requests"\nversion = "2.32.3"\n[package.source]\nregistry = "r"\n'
        found = self.read(pyproject__toml=project)
        self.assertEqual((found.lines, found.pins), (["requests>=2"], []))
        found = self.read(pyproject__toml=project, uv__lock=lock)
        self.assertEqual((found.lines, found.pins), (["requests>=2"], ["requests==2.32.3"]))
        poetry = '[tool.poetry.dependencies]\npython = "^3.12"\nrequests = {version = "^2", extras = ["socks"]}\n'
        found = self.read(pyproject__toml=poetry, poetry__lock=lock)
        self.assertEqual((found.lines, found.pins), (["requests[socks]"], ["requests==2.32.3"]))
        found = self.read(Pipfile='[packages]\nrequests = "*"\nurllib3 = ">=2"\n')
        self.assertEqual(found.lines, ["requests", "urllib3>=2"])
        found = self.read(Pipfile__lock='{"default": {"requests": {"version": "==2.31.0", "markers": "os_name == \'posix\'"}}}')
        self.assertEqual(found.lines, ["requests==2.31.0; os_name == 'posix'"])
        self.assertTrue(self.read().is_nothing())

    def test_what_comes_from_elsewhere_than_an_index_is_not_asked_of_it(self):
        project = '[project]\nname = "x"\ndependencies = ["my-lib"]\n[tool.uv.sources]\n'
        poetry = "[tool.poetry.dependencies]\n"
        for files in (
            {"pyproject__toml": project + "My_Lib = { workspace = true }"},
            {"pyproject__toml": project + "my-lib = [{ git = 'https://host/lib' }]", "uv__lock": ""},
            {"pyproject__toml": poetry + "my-lib = { path = '../lib' }", "poetry__lock": ""},
        ):
            with self.subTest(files), self.assertRaises(Refused) as refused:
                self.read(**files)
            self.assertIn("elsewhere than an index", str(refused.exception))
        self.read(pyproject__toml=project + "my-lib = { index = 'own' }\nother = { path = '../other' }")
        self.read(pyproject__toml=poetry + "my-lib = { path = '../lib', optional = true }", poetry__lock="")

    def test_what_may_change_without_a_word_is_known(self):
        for line in ("--editable ../lib", "-e lib", "lib/", "foo@file:///x", "foo @ file:///x", "foo @ git+https://host/foo"):
            self.assertTrue(self.read(requirements__txt=line).is_of_files_elsewhere(), line)
        for line in ("foo==1", "foo @ https://host/foo.whl", "# lib/"):
            self.assertFalse(self.read(requirements__txt=line).is_of_files_elsewhere(), line)
        self.assertEqual(self.read(requirements__txt="-rbase.txt", base__txt="foo==1").lines, ["foo==1"])

    def test_poetry_without_a_lock_is_refused_with_the_way_out(self):
        with self.assertRaises(Refused) as refused:
            self.read(pyproject__toml='[tool.poetry.dependencies]\nrequests = "^2"\n')
        self.assertIn("hint: `poetry lock`", str(refused.exception))


class Imports(unittest.TestCase):
    def test_imports_are_found_where_they_happen(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "module.py"
            path.write_text(
                "import a\ntry:\n    import b\nexcept ImportError:\n    pass\ndef f():\n    from . import c\n"
                "if TYPE_CHECKING:\n    import d\n"
            )
            found = {each.name: (each.is_guarded, each.is_late) for each in graph.imports(path, "p.module")}
        self.assertEqual(found, {"a": (False, False), "b": (True, False), "p": (False, True), "p.c": (False, True)})


if __name__ == "__main__":
    unittest.main()
