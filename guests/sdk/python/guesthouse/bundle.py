"""The files of a guest that its instances import: the user's, the packages', and the standard library's.

An instance has no files but `/tmp`, so what is there at build time is kept in memory: source and code, compressed.
"""

import contextlib
import importlib.abc
import importlib.metadata
import importlib.resources
import importlib.util
import io
import logging
import marshal
import os
import pathlib
import posixpath
import sys
import tempfile
import zlib

from . import files_view, stdlib

#: What is done with a module right after it was imported, by its name.
after_import = {}

#: Where AWS has a function's files, and so where tracebacks say they are.
TASK_ROOT = "/var/task"


def install(project):
    """Takes in all files that the build has put together, and imports from them from now on."""
    staged = os.path.dirname(project.__file__)
    files, codes = {}, {}
    # The user's own files win over those of packages, as in a function's zip file.
    for directory in ("packages", "task"):
        for path, content in _walk(posixpath.join(staged, directory)):
            name = posixpath.join(TASK_ROOT, path)
            if name.endswith(".py"):
                codes[name] = _compiled(content, name, whole=directory == "task")
            files[name] = zlib.compress(content)

    # `os` would not do: it is frozen, and its file elsewhere.
    library = posixpath.dirname(logging.__path__[0])
    for path, content in _walk(library, stdlib.USELESS):
        name = posixpath.join(library, path)
        if name.endswith(".py") and _module_of(path) not in sys.modules:
            codes[name] = _compiled(content, name, whole=False)

    # The directories of the build are of no use at run time, and those of other machines would be searched for.
    sys.path[:] = [TASK_ROOT, library]
    sys.path_importer_cache.clear()
    task = _Tree(files, codes)
    sys.meta_path.insert(0, _Finder({TASK_ROOT: task, library: _Tree({}, codes)}))
    files_view.install(TASK_ROOT, task)


def _walk(top, without=()):
    for directory, directories, names in os.walk(top):
        directories[:] = sorted(name for name in directories if name != "__pycache__" and name not in without)
        for name in sorted(names):
            path = posixpath.join(directory, name)
            if name not in without:
                with open(path, "rb") as file:
                    yield posixpath.relpath(path, top), file.read()


def _module_of(path):
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _compiled(source, filename, whole):
    try:
        return zlib.compress(marshal.dumps(compile(source, filename, "exec", dont_inherit=True)))
    except (SyntaxError, ValueError):
        # Packages bring templates and tests of errors, which nobody imports.
        if whole:
            raise
        return None


class _Tree:
    """Files by their whole path, and the code of those that are modules."""

    def __init__(self, files, codes):
        self.files = files
        self.codes = codes
        self.directories = {}
        for path in {*files, *codes}:
            while (parent := posixpath.dirname(path)) != path:
                self.directories.setdefault(parent, set()).add(path)
                path = parent

    def read(self, path):
        try:
            return zlib.decompress(self.files[path])
        except KeyError:
            raise FileNotFoundError(2, "no such file in the guest", path) from None


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, trees):
        self._trees = trees

    def find_spec(self, fullname, path=None, target=None):
        name = fullname.rpartition(".")[2]
        portions = []
        for directory in sys.path if path is None else path:
            tree = self._tree(directory)
            if tree is None:
                continue
            at = posixpath.join(directory, name)
            for filename, is_package in ((at + "/__init__.py", True), (at + ".py", False)):
                if filename in tree.codes:
                    loader = _Loader(tree, filename)
                    return importlib.util.spec_from_file_location(
                        fullname, filename, loader=loader, submodule_search_locations=[at] if is_package else None
                    )
            if at in tree.directories:
                portions.append(at)
        if portions:
            spec = importlib.util.spec_from_loader(fullname, None, is_package=True)
            spec.submodule_search_locations = portions
            return spec
        return None

    def find_distributions(self, context=importlib.metadata.DistributionFinder.Context()):
        tree = self._trees[TASK_ROOT]
        wanted = context.name and importlib.metadata.Prepared(context.name)
        for directory in sorted(tree.directories.get(TASK_ROOT, ())):
            name = posixpath.basename(directory)
            if not name.endswith(".dist-info"):
                continue
            if not wanted or importlib.metadata.Prepared.normalize(name.split("-")[0]) == wanted.normalized:
                yield _Distribution(tree, directory)

    def _tree(self, directory):
        for top, tree in self._trees.items():
            if isinstance(directory, str) and (directory == top or directory.startswith(top + "/")):
                return tree
        return None


class _Loader(importlib.abc.InspectLoader):
    def __init__(self, tree, filename):
        self._tree = tree
        self._filename = filename

    def exec_module(self, module):
        super().exec_module(module)
        if change := after_import.get(module.__name__):
            change(module)

    def get_code(self, fullname):
        code = self._tree.codes[self._filename]
        if code is None:
            return compile(self._tree.read(self._filename), self._filename, "exec", dont_inherit=True)
        return marshal.loads(zlib.decompress(code))

    def get_source(self, fullname):
        if self._filename not in self._tree.files:
            return None
        return importlib.util.decode_source(self._tree.read(self._filename))

    def get_filename(self, fullname):
        return self._filename

    def is_package(self, fullname):
        return self._filename.endswith("/__init__.py")

    def get_data(self, path):
        return self._tree.read(posixpath.normpath(path))

    def get_resource_reader(self, fullname):
        return _Reader(_Resource(self._tree, posixpath.dirname(self._filename)))


class _Reader:
    def __init__(self, resource):
        self._resource = resource

    def files(self):
        return self._resource


class _Resource:
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
        return (_Resource(self._tree, path) for path in sorted(self._tree.directories.get(self._path, ())))

    def joinpath(self, *names):
        return _Resource(self._tree, posixpath.normpath(posixpath.join(self._path, *map(str, names))))

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


@importlib.resources.as_file.register(_Resource)
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
    def __init__(self, tree, directory):
        self._tree = tree
        self._directory = directory

    def read_text(self, filename):
        try:
            return self._tree.read(posixpath.join(self._directory, filename)).decode("utf-8")
        except FileNotFoundError:
            return None

    def locate_file(self, path):
        return posixpath.join(TASK_ROOT, path)
