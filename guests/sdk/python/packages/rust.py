"""The native code of packages that is written in Rust, built from the source of exactly the version that pip chose.

componentize-py links such libraries into a guest: modules of WebAssembly that can lie anywhere in memory. Cargo makes
them if it builds Rust's own library anew, too, because the one that Rust comes with can lie in one place only.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from pip._vendor import tomli

from .pip_for_guests import PYTHON

_PIP = Path(__file__).with_name("pip_for_guests.py")
_TARGET = "wasm32-wasip1"

#: By which end componentize-py knows a library.
SUFFIX = f".cpython-{PYTHON[0]}{PYTHON[1]}-wasm32-wasi.so"

#: What PyO3 would ask an interpreter for, and the guest's can't run here.
_PYO3 = (
    f"implementation=CPython\nversion={PYTHON[0]}.{PYTHON[1]}\nshared=true\nabi3=false\npointer_width=32\n"
    "build_flags=\nsuppress_build_script_link_lines=true\n"
)

_FLAGS = (
    "-Crelocation-model=pic", "-Ctarget-feature=-crt-static", "-Clink-self-contained=no", "-Clinker=rust-lld",
    "-Clink-arg=--experimental-pic", "-Clink-arg=-shared", "-Clink-arg=--unresolved-symbols=import-dynamic",
)

#: Packages whose Rust code needs code in C besides. To find that out by a try takes minutes.
_OF_C = {"cryptography": "OpenSSL", "orjson": "yyjson"}

#: An archive without members. The C library is the guest's, and the linker must not bring another.
_EMPTY_ARCHIVE = b"!<arch>\n"


class NotBuilt(Exception):
    """The native code of a package could not be made for the guest. It has the reason, and what to do if that is known."""

    def __init__(self, reason, hint=None):
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


def place(wheel, wanted, packages):
    """Puts the native module of a package where componentize-py finds it, or raises `NotBuilt`."""
    (file,) = wheel.native.values()
    kept = _kept(wheel, wanted)
    with tempfile.TemporaryDirectory() as directory:
        if kept is not None and kept.is_file():
            library = kept
        else:
            library = _build(wheel, wanted, Path(directory))
            _keep(library, kept)
        target = packages / file
        target = target.with_name(target.name.partition(".")[0] + SUFFIX)
        shutil.copyfile(library, target)
    wheel.files.append(str(target.relative_to(packages)))
    return target.stat().st_size


def is_of_rust(wheel):
    """Whether a wheel is one module that Cargo built, by maturin. Others have no one way to be built."""
    return wheel.generator.startswith("maturin") and len(wheel.native) == 1


def _build(wheel, wanted, directory):
    if wheel.name in _OF_C:
        raise NotBuilt(f"its Rust code needs code in C, {_OF_C[wheel.name]}, which is not built for guests")
    environment = _toolchain(directory)
    what = f"`{wheel.name}` {wheel.version}"
    print(f"building the Rust code of {what} for the guest: some minutes, and only this time", flush=True)
    source = _source(wheel, wanted, directory)
    settings = tomli.loads((source / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {}).get("maturin", {})
    manifest = source / settings.get("manifest-path", "Cargo.toml")
    (directory / "libc.a").write_bytes(_EMPTY_ARCHIVE)
    (directory / "pyo3.txt").write_text(_PYO3)
    environment |= {
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join([*_FLAGS, f"-Clink-arg=-L{directory}"]),
        "CARGO_TARGET_DIR": str(directory / "target"),
        "CARGO_PROFILE_RELEASE_STRIP": "symbols",
        "PYO3_CONFIG_FILE": str(directory / "pyo3.txt"),
        # Rust's own library is built by an option that the stable compiler has for itself only.
        "RUSTC_BOOTSTRAP": "1",
    }
    cargo = [
        "cargo", "rustc", "--lib", "--crate-type", "cdylib", "--release", "--target", _TARGET,
        "-Zbuild-std=std,panic_abort", "-Zbuild-std-features=", "--manifest-path", manifest,
    ]
    if settings.get("no-default-features"):
        cargo.append("--no-default-features")
    if features := [name for name in settings.get("features", []) if isinstance(name, str)]:
        cargo += ["--features", ",".join(features)]
    # The source may be a part of a workspace, and its own file of versions is the one that counts.
    if any((parent / "Cargo.lock").is_file() for parent in (manifest.parent, source)):
        cargo.append("--locked")
    # Elsewhere than in the source, whose settings for Cargo and rustup are for other machines.
    ran = _run(cargo, directory, environment)
    if ran.returncode != 0:
        raise NotBuilt(f"its Rust code can't be built for a guest: {_essence(ran.stderr)}")
    made = list((directory / "target" / _TARGET / "release").glob("*.wasm"))
    (module,) = wheel.native
    entry = b"PyInit_" + module.rpartition(".")[2].encode()
    if len(made) != 1 or entry not in made[0].read_bytes():
        raise NotBuilt(f"its Rust code was built, and is not the module `{module}`")
    return made[0]


def _toolchain(directory):
    """Returns the environment to run Cargo in, if all is there that it needs."""
    environment = {name: value for name, value in os.environ.items() if name not in ("RUSTFLAGS", "CARGO_BUILD_TARGET")}
    # A toolchain that is not there is not fetched by what only looks for it.
    environment |= {"RUSTUP_AUTO_INSTALL": "0"}
    if shutil.which("cargo") is None or shutil.which("rustc") is None:
        raise NotBuilt(
            "its native code is Rust, which is built from source, and there is no Cargo",
            "install Rust by rustup, and `rustup component add rust-src`",
        )
    said = _run(["rustc", "--print", "sysroot"], directory, environment)
    library = Path(said.stdout.strip() or directory) / "lib/rustlib/src/rust/library/std/Cargo.toml"
    if said.returncode != 0 or not library.is_file():
        raise NotBuilt(
            "its native code is Rust, which is built from source, and the source of Rust's own library is not there",
            "`rustup component add rust-src`",
        )
    return environment


def _source(wheel, wanted, directory):
    """Fetches the source of the wheel's version from the same index, and unpacks it."""
    lines = [line for line in wanted.lines if line.strip().startswith("-") and not line.strip().startswith(("-e", "--e"))]
    lines = [line for line in lines if not line.strip().startswith(("-r", "-c", "--requirement", "--constraint"))]
    exact = " ".join([f"{wheel.name}=={wheel.version}", *wanted.hashes(wheel.name)])
    (directory / "requirements.txt").write_text("\n".join([*lines, exact]))
    pip = [
        sys.executable, _PIP, "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--no-binary", wheel.name, "--dest", directory / "source", "-r", directory / "requirements.txt",
    ]
    # Paths in the user's file begin at its directory.
    ran = subprocess.run(pip, cwd=wanted.file.parent if wanted.file else None, stdout=subprocess.DEVNULL)
    archives = list((directory / "source").glob("*.tar.gz"))
    if ran.returncode != 0 or len(archives) != 1:
        raise NotBuilt("its native code is Rust, and the index has no source of this version")
    if not hasattr(tarfile, "data_filter"):
        raise NotBuilt("its native code is Rust, and this Python can't unpack sources safely", "use a newer Python")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(directory / "unpacked", filter="data")
    tops = [path for path in (directory / "unpacked").iterdir() if (path / "pyproject.toml").is_file()]
    if len(tops) != 1:
        raise NotBuilt("its native code is Rust, and its source has no `pyproject.toml`")
    return tops[0]


def _run(command, directory, environment):
    return subprocess.run(
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    )


def _essence(said):
    """The first error of Cargo, which the others follow from."""
    lines = said.splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("error")), len(lines) - 3)
    return "\n    ".join(line for line in lines[max(first, 0) :][:6] if line.strip())


def _kept(wheel, wanted):
    """Where the library of this very wheel is kept, or None if there is no such place."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    texts = [Path(__file__).read_text(), wheel.digest, *wanted.hashes(wheel.name)]
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    return Path(home) / "guesthouse" / "python-libraries" / f"{wheel.name}-{wheel.version}-{digest[:16]}.so"


def _keep(library, kept):
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as beside:
            shutil.copyfile(library, Path(beside) / "library")
            os.replace(Path(beside) / "library", kept)
    except OSError as error:
        print(f"note: the library is not kept for the next build: {error}")
