"""The data of the guest's packages for `importlib.resources` and `importlib.metadata`: imported when they are."""

import contextlib
import importlib.metadata
import importlib.resources
import io
import pathlib
import posixpath
import tempfile


def distributions(tree, root, context=importlib.metadata.DistributionFinder.Context()):
    """Yields the packages that a context asks for."""
    wanted = context.name and importlib.metadata.Prepared(context.name)
    for directory in sorted(tree.directories.get(root, ())):
        name = posixpath.basename(directory)
        if not name.endswith(".dist-info"):
            continue
        if not wanted or importlib.metadata.Prepared.normalize(name.split("-")[0]) == wanted.normalized:
            yield _Distribution(tree, root, directory)


class Reader:
    def __init__(self, resource):
        self._resource = resource

    def files(self):
        return self._resource


class Resource:
    """A file or a directory as `importlib.resources` wants them."""

    def __init__(self, tree, path):
        self._tree = tree
        self._path = path

    @property
    def name(self):
        return posixpath.basename(self._path)

    def is_dir(self):
        return self._path in self._tree.directories

    def is_file(self):
        return self._path in self._tree.files

    def iterdir(self):
        return (Resource(self._tree, path) for path in sorted(self._tree.directories.get(self._path, ())))

    def joinpath(self, *names):
        return Resource(self._tree, posixpath.normpath(posixpath.join(self._path, *map(str, names))))

    def __truediv__(self, name):
        return self.joinpath(name)

    def read_bytes(self):
        return self._tree.read(self._path)

    def read_text(self, encoding=None, errors=None):
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def open(self, mode="r", *arguments, **keywords):
        stream = io.BytesIO(self.read_bytes())
        return stream if "b" in mode else io.TextIOWrapper(stream, *arguments, **keywords)

    def __str__(self):
        return self._path


@importlib.resources.as_file.register(Resource)
@contextlib.contextmanager
def _as_file(resource):
    # Python's own writes with one call, of which WASI takes the first 64 KiB.
    with tempfile.TemporaryDirectory() as directory:
        yield _written(resource, pathlib.Path(directory))


def _written(resource, directory):
    target = directory / resource.name
    if resource.is_dir():
        target.mkdir()
        for part in resource.iterdir():
            _written(part, target)
    else:
        target.write_bytes(resource.read_bytes())
    return target


class _Distribution(importlib.metadata.Distribution):
    def __init__(self, tree, root, directory):
        self._tree = tree
        self._root = root
        self._directory = directory

    def read_text(self, filename):
        try:
            return self._tree.read(posixpath.join(self._directory, filename)).decode("utf-8")
        except FileNotFoundError:
            return None

    def locate_file(self, path):
        return posixpath.join(self._root, path)
