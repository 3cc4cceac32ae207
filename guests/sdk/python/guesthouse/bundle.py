"""The files of a guest that its instances import: the user's, the packages', and the standard library's.

An instance has no files but `/tmp`, so what is there at build time is kept in memory: source and code, compressed.
"""

import importlib.abc
import importlib.util
import marshal
import os
import posixpath
import sys
import zlib

from . import files_view, stdlib
from .lean_code import compile_lean

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
                # Of packages, what nobody names is compiled when it is imported, if it ever is.
                is_reached = directory == "task" or _module_of(path) in project.REACHED
                codes[name] = _compiled(content, name, whole=directory == "task") if is_reached else None
            files[name] = zlib.compress(content)

    library = stdlib.DIRECTORY
    for path, content in _walk(library, stdlib.USELESS):
        name = posixpath.join(library, path)
        if name.endswith(".py"):
            codes[name] = _packed(compile_lean(content, name))

    # A part of the SDK that instances import, if they need it.
    name = posixpath.join(library, "guesthouse_data.py")
    with open(posixpath.join(posixpath.dirname(__file__), "bundle_data.py"), "rb") as file:
        codes[name] = _packed(compile_lean(file.read(), name))

    # The directories of the build are of no use at run time, and those of other machines would be searched for.
    sys.path[:] = [TASK_ROOT, library]
    sys.path_importer_cache.clear()
    sys.meta_path.remove(stdlib.WithoutTexts)
    task = _Tree(files, codes)
    sys.meta_path.insert(0, _Finder({TASK_ROOT: task, library: _Tree({}, codes)}))
    files_view.install(TASK_ROOT, task)


def forget_what_is_imported():
    """Drops the code of modules that are in every guest's memory. Some look for the code of others, so that stays."""
    for finder in sys.meta_path:
        if isinstance(finder, _Finder):
            finder.forget(stdlib.DIRECTORY, [name for name in sys.modules if name not in stdlib.COMMON])


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


def _packed(code):
    return zlib.compress(marshal.dumps(code))


def _compiled(source, filename, whole):
    try:
        return _packed(compile(source, filename, "exec", dont_inherit=True))
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
                    loader = (_Changer if fullname in stdlib.after_import else _Loader)(tree, filename)
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

    def forget(self, directory, modules):
        """Drops the code of modules."""
        codes = self._trees[directory].codes
        for name in modules:
            path = posixpath.join(directory, name.replace(".", "/"))
            codes.pop(path + ".py", None)
            codes.pop(path + "/__init__.py", None)

    def find_distributions(self, *arguments):
        import guesthouse_data

        return guesthouse_data.distributions(self._trees[TASK_ROOT], TASK_ROOT, *arguments)

    def _tree(self, directory):
        for top, tree in self._trees.items():
            if isinstance(directory, str) and (directory == top or directory.startswith(top + "/")):
                return tree
        return None


class _Loader(importlib.abc.InspectLoader):
    def __init__(self, tree, filename):
        self._tree = tree
        self._filename = filename

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
        import guesthouse_data

        return guesthouse_data.Reader(guesthouse_data.Resource(self._tree, posixpath.dirname(self._filename)))


class _Changer(_Loader):
    """Loads a module that is changed. It is apart because tracebacks show this function, and not those of importlib."""

    def exec_module(self, module):
        super().exec_module(module)
        stdlib.after_import[module.__name__](module)
