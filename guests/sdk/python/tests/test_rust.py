"""Packages with a native core in Rust. Cargo is a program of the tests, which says how it was called."""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent))

from with_index import NATIVE, WithIndex  # noqa: E402

_LIBRARY = "core/engine.cpython-314-wasm32-wasi.so"

_CARGO = """#!{python}
import json, os, pathlib, sys
said = {{"arguments": sys.argv[1:], "flags": os.environ["CARGO_ENCODED_RUSTFLAGS"].split("\\x1f")}}
said["pyo3"] = pathlib.Path(os.environ["PYO3_CONFIG_FILE"]).read_text().splitlines()
with open({log!r}, "a") as log:
    log.write(json.dumps(said) + "\\n")
if {error!r}:
    sys.exit("   Compiling core\\n" + {error!r})
made = pathlib.Path(os.environ["CARGO_TARGET_DIR"], "wasm32-wasip1", "release")
made.mkdir(parents=True)
(made / "engine.wasm").write_bytes(b"\\0asm PyInit_{entry} ")
"""

#: The index of the tests has no maturin.
_BACKEND = """
import os
def prepare_metadata_for_build_wheel(directory, settings=None):
    os.mkdir(os.path.join(directory, "core-3.1.dist-info"))
    for name, text in (("METADATA", "Metadata-Version: 2.1\\nName: core\\nVersion: 3.1\\n"), ("WHEEL", "Wheel-Version: 1.0\\n")):
        with open(os.path.join(directory, "core-3.1.dist-info", name), "w") as file:
            file.write(text)
    return "core-3.1.dist-info"
def build_wheel(*_, **__):
    raise SystemExit("nobody asks for it")
"""

_PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[tool.maturin]
manifest-path = "rust/Cargo.toml"
features = ["pyo3/extension-module"]
"""


class Rust(WithIndex):
    def setUp(self):
        super().setUp()
        (self.here / "bin").mkdir()
        patched = mock.patch.dict(os.environ, {"PATH": f"{self.here / 'bin'}{os.pathsep}{os.environ['PATH']}"})
        patched.start()
        self.addCleanup(patched.stop)
        self.cargo()
        (self.here / "sysroot/lib/rustlib/src/rust/library/std").mkdir(parents=True)
        (self.here / "sysroot/lib/rustlib/src/rust/library/std/Cargo.toml").write_text("")
        self.program("rustc", f"#!{sys.executable}\nprint({str(self.here / 'sysroot')!r})\n")
        files = {"core/__init__.py": "from core.engine import run", "core/engine.abi3.so": ""}
        self.wheel("core", "3.1", files, NATIVE, generator="maturin (1.16.0)")
        self.source("core-3.1")

    def program(self, name, text):
        (self.here / "bin" / name).write_text(text)
        (self.here / "bin" / name).chmod(0o755)

    def cargo(self, error="", entry="engine"):
        log = str(self.here / "log")
        self.program("cargo", _CARGO.format(python=sys.executable, log=log, error=error, entry=entry))

    def source(self, name):
        with tarfile.open(self.here / "index" / f"{name}.tar.gz", "w:gz") as archive:
            files = {"pyproject.toml": _PROJECT, "backend.py": _BACKEND, "rust/Cargo.toml": "", "Cargo.lock": ""}
            for path, text in {**files, "PKG-INFO": "Metadata-Version: 2.1\nName: core\nVersion: 3.1\n"}.items():
                member = tarfile.TarInfo(f"{name}/{path}")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))

    def calls(self):
        log = self.here / "log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []

    def again(self):
        (self.here / "staged/packages").rename(self.here / f"before-{len(list(self.here.iterdir()))}")

    def test_a_core_in_rust_is_built_for_the_guest(self):
        said = self.install("import core", "core")
        self.assertIn("the guest has the Rust code of `core` 3.1", said)
        self.assertIn(b"PyInit_engine", (self.packages / _LIBRARY).read_bytes())
        (call,) = self.calls()
        for part in ("wasm32-wasip1", "-Zbuild-std=std,panic_abort", "pyo3/extension-module", "--locked"):
            self.assertIn(part, call["arguments"])
        self.assertTrue(call["arguments"][call["arguments"].index("--manifest-path") + 1].endswith("core-3.1/rust/Cargo.toml"))
        self.assertIn("-Crelocation-model=pic", call["flags"])
        self.assertIn("version=3.14", call["pyo3"])

    def test_what_was_built_is_kept_for_the_next_build_without_rust(self):
        self.install("import core", "core")
        self.again()
        for name in ("cargo", "rustc"):
            self.program(name, f"#!{sys.executable}\nraise SystemExit(1)\n")
        self.install("import core", "core")
        self.assertTrue((self.packages / _LIBRARY).is_file())
        self.assertEqual(len(self.calls()), 1)

    def test_what_nothing_imports_is_not_built(self):
        self.assertIn("is left out", self.install("import json", "core"))
        self.assertEqual(self.calls(), [])

    def test_a_core_in_another_language_is_refused_without_a_try(self):
        files = {"other/__init__.py": "from other.engine import run", "other/engine.abi3.so": ""}
        self.wheel("other", "1", files, NATIVE, generator="meson")
        self.assertIn("exists for Linux and not for WASI", self.refused("import other", "other"))
        self.assertEqual(self.calls(), [])

    def test_what_is_known_to_need_c_is_refused_without_a_try(self):
        files = {"orjson/__init__.py": "from orjson.orjson import dumps", "orjson/orjson.abi3.so": ""}
        self.wheel("orjson", "3.13.0", files, NATIVE, generator="maturin (1.16.0)")
        self.assertIn("needs code in C, yyjson", self.refused("import orjson", "orjson"))
        self.assertEqual(self.calls(), [])

    def test_without_the_source_of_rusts_library_it_says_what_to_install(self):
        (self.here / "sysroot/lib/rustlib/src/rust/library/std/Cargo.toml").unlink()
        said = self.refused("import core", "core")
        self.assertIn("`core` 3.1", said)
        self.assertIn("hint: `rustup component add rust-src`", said)

    def test_without_rust_it_says_what_to_install(self):
        with mock.patch("shutil.which", return_value=None):
            said = self.refused("import core", "core")
        self.assertIn("hint: install Rust by rustup", said)

    def test_another_version_is_not_built_in_its_place(self):
        (self.here / "index/core-3.1.tar.gz").rename(self.here / "index/core-3.0.tar.gz")
        self.assertIn("has no source of this version", self.refused("import core", "core"))
        self.assertEqual(self.calls(), [])

    def test_what_cargo_can_not_build_is_refused_with_its_first_error(self):
        self.cargo(error="error: no C compiler\nerror: could not compile `core`")
        said = self.refused("import core", "core")
        self.assertIn("can't be built for a guest: error: no C compiler", said)
        self.assertIn("`core` 3.1", said)

    def test_what_is_not_the_module_is_refused(self):
        self.cargo(entry="elsewhere")
        self.assertIn("is not the module `core.engine`", self.refused("import core", "core"))


@unittest.skipUnless("GUESTHOUSE_BUILDS_RUST" in os.environ, "takes minutes, the index and Rust: GUESTHOUSE_BUILDS_RUST=1")
class ForReal(unittest.TestCase):
    def test_a_guest_imports_what_was_built(self):
        with tempfile.TemporaryDirectory() as directory:
            here = Path(directory)
            (here / "requirements.txt").write_text("rpds-py==2026.9.1\n")
            # What a guest preloads, its interpreter imports at build time.
            code = "import rpds\nassert dict(rpds.HashTrieMap({'a': 1}).insert('b', 2)) == {'a': 1, 'b': 2}\n"
            (here / "early.py").write_text(code)
            (here / "app.py").write_text("import rpds\n\ndef handler(event, context):\n    return len(rpds.List([1]))\n")
            build = [sys.executable, Path(__file__).parents[1] / "build.py", here, "-o", here / "app.wasm"]
            ran = subprocess.run([*build, "--preload", "early"], capture_output=True, text=True)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
            self.assertIn("the guest has the Rust code of `rpds-py` 2026.9.1", ran.stdout)


if __name__ == "__main__":
    unittest.main()
