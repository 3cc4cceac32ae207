"""An index of packages in a directory, and a project that installs from it."""

import contextlib
import io
import os
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))

from packages import wanted  # noqa: E402
from packages.install import install  # noqa: E402
from refused import Refused  # noqa: E402

NATIVE = "cp314-cp314-manylinux_2_28_x86_64"


class WithIndex(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.here = Path(made.name).resolve()
        for name in ("index", "project", "staged/task", "cache"):
            (self.here / name).mkdir(parents=True)
        patched = mock.patch.dict(os.environ, {"XDG_CACHE_HOME": str(self.here / "cache")})
        patched.start()
        self.addCleanup(patched.stop)

    def wheel(self, name, version, files, tag="py3-none-any", requires=(), generator="hand"):
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        metadata += "".join(f"Requires-Dist: {each}\n" for each in requires)
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        wheel = f"Wheel-Version: 1.0\nGenerator: {generator}\nRoot-Is-Purelib: false\nTag: {tag}\n"
        with zipfile.ZipFile(self.here / "index" / f"{name.replace('-', '_')}-{version}-{tag}.whl", "w") as archive:
            for path, text in {**files, f"{info}/METADATA": metadata, f"{info}/WHEEL": wheel, f"{info}/RECORD": ""}.items():
                archive.writestr(path, text)

    def install(self, code, *requirements):
        (self.here / "staged/task/app.py").write_text(code)
        lines = ["--no-index", f"--find-links {self.here / 'index'}", *requirements]
        (self.here / "project/requirements.txt").write_text("\n".join(lines))
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            install(wanted.find(self.here / "project"), self.here / "staged")
        self.packages = self.here / "staged/packages"
        return said.getvalue()

    def refused(self, code, *requirements):
        with self.assertRaises(Refused) as refused:
            self.install(code, *requirements)
        return str(refused.exception)
