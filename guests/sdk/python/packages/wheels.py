"""What is in the wheels that pip chose, as files."""

import hashlib
import re
import shutil
import zipfile
from dataclasses import dataclass, field
from email import message_from_bytes

from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.utils import canonicalize_name

#: Native code of other systems is left out, too. Not everything that ends so is code: a name has no more dots.
_NATIVE = re.compile(r"\.(?:so(?:\.\d+)*|pyd|dylib|dll)$")

#: What nothing reads at run time.
_USELESS = re.compile(r"\.(?:pyc|pyi|c|cpp|h|hpp|pyx|pxd|rs|a)$|/RECORD$|\.dist-info/(?:licenses/|LICENSE|AUTHORS|sboms/)")


@dataclass
class Wheel:
    """A package in its one version."""

    name: str
    version: str
    #: What it needs of others.
    requires: list
    #: The program that built it, as it says.
    generator: str = ""
    #: The digest of its file.
    digest: str = ""
    #: Its modules in Python, with dots.
    modules: set = field(default_factory=set)
    #: The files with its native modules, by the modules' names.
    native: dict = field(default_factory=dict)
    #: All that it brought, to take it back.
    files: list = field(default_factory=list)

    def tops(self):
        return {name.partition(".")[0] for name in (*self.modules, *self.native)}


def unpack(path, target):
    """Unpacks a wheel without its native code, and returns what it is."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        metadata = next(name for name in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        said = message_from_bytes(archive.read(metadata))
        about = message_from_bytes(archive.read(metadata.replace("/METADATA", "/WHEEL")))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        name, requires = canonicalize_name(said["Name"]), list(_requires(said))
        wheel = Wheel(name, said["Version"], requires, about["Generator"] or "", digest)
        for name in names:
            place = _place(name)
            # No name may lead to a file of this machine.
            if place is None or place.startswith("/") or ".." in place.split("/"):
                continue
            if _NATIVE.search(place):
                if (module := _module(place)) is not None:
                    wheel.native[module] = place
                continue
            if _USELESS.search(place):
                continue
            if place.endswith(".py") and (module := _module(place)) is not None:
                wheel.modules.add(module)
            file = target / place
            file.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, open(file, "wb") as copy:
                shutil.copyfileobj(source, copy)
            wheel.files.append(place)
    # A module in Python takes the place of one that was compiled from it.
    for module in [module for module in wheel.native if module in wheel.modules]:
        del wheel.native[module]
    return wheel


def take_back(wheel, target):
    """Removes a package again."""
    for place in wheel.files:
        (target / place).unlink(missing_ok=True)
    for top in {place.partition("/")[0] for place in wheel.files}:
        directory = target / top
        if directory.is_dir() and not any(path.is_file() for path in directory.rglob("*")):
            shutil.rmtree(directory)


def _requires(said):
    for line in said.get_all("Requires-Dist", []):
        try:
            yield Requirement(line)
        except InvalidRequirement:
            pass


def _place(name):
    """Where a file of a wheel comes to lie, or None for programs and headers."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return name
    kind, _, rest = rest.partition("/")
    return rest if kind in ("purelib", "platlib") else None


def _module(place):
    parts = place.split("/")
    # Libraries beside the modules, such as `numpy.libs/libopenblas.so`, are none.
    parts[-1] = parts[-1].partition(".")[0]
    if not all(part.isidentifier() for part in parts):
        return None
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) or None
