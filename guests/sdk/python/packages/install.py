"""Puts a guest's packages in their place."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from refused import Refused

from . import native, provided, wheels

_PIP = Path(__file__).with_name("pip_for_guests.py")

#: How long the answer of the index counts, in seconds: newer versions must come, and each build must not ask for them.
_FRESH = 24 * 60 * 60


def install(wanted, staged):
    """Installs what is wanted into `staged/packages`, or refuses it."""
    _install(wanted, staged)
    if added := provided.missing(staged):
        print(f"added, because the code uses it and Lambda has it: {', '.join(added)}")
        wanted.added = added
        shutil.rmtree(staged / "packages")
        _install(wanted, staged)


def _install(wanted, staged):
    target = staged / "packages"
    target.mkdir()
    if wanted.is_nothing():
        return
    with tempfile.TemporaryDirectory() as directory:
        chosen = _cached(wanted) or _choose(wanted, Path(directory))
        unpacked = [wheels.unpack(path, target) for path in sorted(chosen.glob("*.whl"))]
    native.settle(unpacked, wanted, staged)


def _choose(wanted, directory):
    """Has pip choose wheels, build those that there are none of, and put them into a directory."""
    chosen = directory / "wheels"
    pip = [
        sys.executable, _PIP, "wheel", "--quiet", "--disable-pip-version-check", "--no-input", "--wheel-dir", chosen,
    ]
    lines = list(wanted.added)
    if wanted.file is not None:
        pip += ["-r", wanted.file]
    else:
        lines += wanted.lines
    if lines:
        (directory / "requirements.txt").write_text("\n".join(lines))
        pip += ["-r", directory / "requirements.txt"]
    if wanted.pins:
        (directory / "constraints.txt").write_text("\n".join(wanted.pins))
        pip += ["-c", directory / "constraints.txt"]
    if subprocess.run(pip).returncode != 0:
        raise Refused(
            f"pip can't get what `{wanted.source or 'the code'}` asks for, for Python 3.14 on Linux\n"
            "hint: its own words above name the package; one that is built from source needs the machine's compiler"
        )
    _keep(wanted, chosen)
    return chosen


def _cached(wanted):
    place = _place(wanted)
    if place is None or not place.is_dir() or time.time() - place.stat().st_mtime > _FRESH:
        return None
    return place


def _keep(wanted, chosen):
    """Keeps the wheels for the next build of the same requirements. Without a cache it only takes longer."""
    place = _place(wanted)
    if place is None:
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as beside:
            shutil.copytree(chosen, Path(beside) / "wheels")
            shutil.rmtree(place, ignore_errors=True)
            os.rename(Path(beside) / "wheels", place)
        for old in place.parent.iterdir():
            if time.time() - old.stat().st_mtime > 7 * _FRESH:
                shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        print(f"note: the packages are not kept for the next build: {error}")


def _place(wanted):
    if wanted.is_of_files_elsewhere():
        return None
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("PIP_")]
    texts = [_PIP.read_text(), *settings, *wanted.texts, *wanted.lines, *wanted.added, *wanted.pins]
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    return Path(home) / "guesthouse" / "python" / digest[:32]
