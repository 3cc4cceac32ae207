"""The files of a guest that its instances import: the user's, the packages', and the standard library's.

An instance has no files but `/tmp`, so what is there at build time is kept in memory: source and code, compressed.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import marshal
import os
import posixpath
import sys

from . import files_view, stdlib
from .lean_code import compile_lean
from .pack import Pack

#: Where AWS has a function's files, and so where tracebacks say they are.
TASK_ROOT = "/var/task"

#: By which end componentize-py knows the libraries that it has linked into the guest.
_LIBRARY_SUFFIX = ".cpython-314-wasm32-wasi.so"

#: What the standard library's code takes, in bytes.
_LIBRARY_BYTES = 2_300_000


def reserve(project):
    """Returns room for the files. It is asked for before much else, because what lives longest is to lie lowest."""
    # Half of the size is what source and code take together.
    return Pack(_LIBRARY_BYTES + sum(_sizes(os.path.dirname(project.__file__))) // 2)


def install(project, pack):
    """Takes in all files that the build has put together, and imports from them from now on. Returns the task's."""
    staged, library = os.path.dirname(project.__file__), stdlib.DIRECTORY
    files, codes, libraries = {}, {}, {}
    # The user's own files win over those of packages, as in a function's zip file.
    for directory in ("packages", "task"):
        for path, content in _walk(posixpath.join(staged, directory)):
            name = posixpath.join(TASK_ROOT, path)
            if name.endswith(_LIBRARY_SUFFIX):
                # It is a part of the guest already, where it is known by its path in the build.
                libraries[name.removesuffix(_LIBRARY_SUFFIX)] = posixpath.join(staged, directory, path)
                continue
            if name.endswith(".py"):
                # Of packages, what nobody names is compiled when it is imported, if it ever is.
                is_reached = directory == "task" or _module_of(path) in project.REACHED
                code = _compiled(content, name, whole=directory == "task") if is_reached else None
                codes[name] = code and pack.add(marshal.dumps(code))
            files[name] = pack.add(content)
    for path, content in _walk(library, stdlib.USELESS):
        if path.endswith(".py") and _module_of(path) not in sys.modules:
            name = posixpath.join(library, path)
            codes[name] = pack.add(marshal.dumps(compile_lean(content, name)))

    # A part of the SDK that instances import, if they need it.
    name = posixpath.join(library, "guesthouse_data.py")
    with open(posixpath.join(posixpath.dirname(__file__), "bundle_data.py"), "rb") as file:
        codes[name] = pack.add(marshal.dumps(compile_lean(file.read(), name)))
    pack.close()

    # The directories of the build are of no use at run time, and those of other machines would be searched for.
    sys.path[:] = [TASK_ROOT, library]
    sys.path_importer_cache.clear()
    sys.meta_path.remove(stdlib.WithoutTexts)
    task = _Tree(pack, files, codes, libraries)
    sys.meta_path.insert(0, _Finder({TASK_ROOT: task, library: _Tree(pack, {}, codes)}))
    files_view.install(TASK_ROOT, task)
    return task


def forget_library(task, names):
    """Has those of these modules of the library imported again that the task has its own of: an instance gets these."""
    for name in names:
        top = name.partition(".")[0]
        own = (posixpath.join(TASK_ROOT, top + end) for end in (".py", "/__init__.py"))
        is_own = (getattr(sys.modules[name], "__file__", None) or "").startswith(TASK_ROOT + "/")
        if top in sys.stdlib_module_names and not is_own and any(path in task.codes for path in own):
            del sys.modules[name]


def _sizes(staged):
    for directory in ("packages", "task"):
        for here, _, names in os.walk(posixpath.join(staged, directory)):
            names = (name for name in names if not name.endswith(_LIBRARY_SUFFIX))
            yield from (os.stat(posixpath.join(here, name)).st_size for name in names)


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
        return compile(source, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        # Packages bring templates and tests of errors, which nobody imports.
        if whole:
            raise
        return None


class _Tree:
    """Files by their whole path, and the code of those that are modules."""

    def __init__(self, pack, files, codes, libraries=()):
        self._pack = pack
        self.files = files
        self.codes = codes
        #: Where the interpreter finds modules of native code, by their paths without an end.
        self.libraries = libraries
        self.directories = {}
        for path in {*files, *codes}:
            while (parent := posixpath.dirname(path)) != path:
                self.directories.setdefault(parent, set()).add(path)
                path = parent

    def read(self, path):
        try:
            return self._pack.get(self.files[path])
        except KeyError:
            raise FileNotFoundError(2, "no such file in the guest", path) from None

    def code(self, path):
        piece = self.codes[path]
        if piece is None:
            return compile(self.read(path), path, "exec", dont_inherit=True)
        return marshal.loads(self._pack.get(piece))


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
            if at in tree.libraries:
                loader = importlib.machinery.ExtensionFileLoader(fullname, tree.libraries[at])
                return importlib.util.spec_from_loader(fullname, loader, origin=tree.libraries[at])
            if at in tree.directories:
                portions.append(at)
        if portions:
            spec = importlib.util.spec_from_loader(fullname, None, is_package=True)
            spec.submodule_search_locations = portions
            return spec
        return None

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
        return self._tree.code(self._filename)

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
