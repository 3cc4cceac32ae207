"""Which of a project's files are in its guest."""

import os
import shutil
from pathlib import Path

from refused import Refused

SDK = Path(__file__).resolve().parent

#: What is made of a project, or about it.
_NOT_READ = (".wasm", ".cwasm", ".pyc", ".zip")
_DIRECTORIES = {"__pycache__", "node_modules", "cdk.out"}
_SETTINGS = {"guesthouse.toml", "requirements.txt", "pyproject.toml", "uv.lock", "poetry.lock", "Pipfile", "Pipfile.lock"}

#: The size of all of them together, in bytes. They are in the memory of each instance.
_MOST = 50_000_000


def copy(project, target):
    """Copies the modules and the data beside them, as a function's zip file has them. Hidden files stay out. Returns the
    names of the data files.
    """
    target.mkdir()
    data, size = [], 0
    for directory, directories, names in os.walk(project):
        here = Path(directory)
        directories[:] = sorted(name for name in directories if _belongs(here / name))
        for name in sorted(names):
            path = here / name
            if name.startswith(".") or name.endswith(_NOT_READ) or (here == project and name in _SETTINGS):
                continue
            # A link must not bring in what is outside.
            if not path.is_file() or not path.resolve().is_relative_to(project.resolve()):
                continue
            place = target / path.relative_to(project)
            place.parent.mkdir(parents=True, exist_ok=True)
            size += path.stat().st_size
            if size > _MOST:
                raise Refused(
                    f"the project has more than {_MOST // 1_000_000} MB of files: `{path}` is one too many\n"
                    "hint: files are part of a guest; keep large ones in S3, or in a hidden directory"
                )
            shutil.copyfile(path, place)
            if not name.endswith(".py"):
                data.append(str(path.relative_to(project)))
    return data


def _belongs(directory):
    if directory.name.startswith(".") or directory.name in _DIRECTORIES or directory.resolve() == SDK:
        return False
    return not (directory / "pyvenv.cfg").exists()
