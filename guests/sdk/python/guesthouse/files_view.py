"""The guest's own files as `open`, `os` and `pathlib` see them, below AWS's task root, which is the working directory.
They are in memory, and can't be changed.

Only Python code sees them: a library in C, such as SQLite, opens files by itself.
"""

import builtins
import errno
import io
import os
import posixpath
import stat

_FILE, _DIRECTORY = stat.S_IFREG | 0o444, stat.S_IFDIR | 0o555


def install(top, tree):
    """Shows the files of a tree whose paths begin with `top`."""
    view = _View(top, tree)
    for module, name in (
        (builtins, "open"), (io, "open"), (os, "stat"), (os, "lstat"), (os, "listdir"), (os, "scandir"), (os, "access"),
    ):
        setattr(module, name, view.before(getattr(view, name), getattr(module, name)))
    view.change_directories(os.chdir, os.getcwd)


class _View:
    def __init__(self, top, tree):
        self._top = top
        self._tree = tree
        #: The working directory, if it is in the view.
        self._directory = top

    def change_directories(self, real_chdir, real_getcwd):
        """Has the view know which directory is the working one."""

        def chdir(path):
            place = self._place(path)
            if place is None:
                real_chdir(path)
            else:
                self.listdir(place)
            self._directory = place

        os.chdir = chdir
        os.getcwd = lambda: self._directory or real_getcwd()
        os.getcwdb = lambda: os.fsencode(os.getcwd())

    def before(self, own, real):
        """Returns a function that serves paths of the view, and passes all others on."""

        def function(*arguments, **keywords):
            path = arguments[0] if arguments else keywords.get("path", keywords.get("file", "."))
            # What is below another directory's descriptor is not in the view.
            place = None if keywords.get("dir_fd") is not None else self._place(path)
            if place is None:
                return real(*arguments, **keywords)
            try:
                others = {name: value for name, value in keywords.items() if name not in ("path", "file")}
                return own(place, *arguments[1:], **others)
            except OSError as error:
                # Whoever reads it knows the name that was given.
                error.filename = path
                raise

        function.__name__, function.__doc__ = real.__name__, real.__doc__
        return function

    def _place(self, path):
        try:
            path = os.fspath(path)
        except TypeError:
            # A descriptor.
            return None
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if path and not path.startswith("/") and self._directory:
            path = posixpath.join(self._directory, path)
        if not path.startswith(self._top):
            return None
        path = posixpath.normpath(path)
        return path if path == self._top or path.startswith(self._top + "/") else None

    def open(self, path, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *_, **__):
        if set(mode) & set("wax+"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        if path in self._tree.directories:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        stream = _Bytes(self._read(path))
        stream.name = path
        if "b" in mode:
            return stream
        return io.TextIOWrapper(stream, encoding or "utf-8", errors, newline)

    def stat(self, path, **_):
        if path in self._tree.directories:
            return os.stat_result((_DIRECTORY, 0, 0, 1, 0, 0, 0, 0, 0, 0))
        return os.stat_result((_FILE, 0, 0, 1, 0, 0, len(self._read(path)), 0, 0, 0))

    lstat = stat

    def access(self, path, mode, **_):
        return not mode & os.W_OK and (path in self._tree.directories or path in self._tree.files)

    def listdir(self, path):
        if path not in self._tree.directories:
            kind = NotADirectoryError if path in self._tree.files else FileNotFoundError
            code = errno.ENOTDIR if path in self._tree.files else errno.ENOENT
            raise kind(code, os.strerror(code), path)
        return sorted(posixpath.basename(name) for name in self._tree.directories[path])

    def scandir(self, path):
        return _Entries(_Entry(self, posixpath.join(path, name), name) for name in self.listdir(path))

    def _read(self, path):
        if path not in self._tree.files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self._tree.read(path)


class _Bytes(io.BytesIO):
    """A file that was opened to be read."""

    mode = "rb"

    def writable(self):
        return False

    def write(self, *_):
        raise io.UnsupportedOperation("not writable")


class _Entries:
    def __init__(self, entries):
        self._entries = entries

    def __iter__(self):
        return self._entries

    def __next__(self):
        return next(self._entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        pass


class _Entry:
    def __init__(self, view, path, name):
        self._view = view
        self.path = path
        self.name = name

    def __fspath__(self):
        return self.path

    def stat(self, *, follow_symlinks=True):
        return self._view.stat(self.path)

    def is_dir(self, *, follow_symlinks=True):
        return stat.S_ISDIR(self.stat().st_mode)

    def is_file(self, *, follow_symlinks=True):
        return stat.S_ISREG(self.stat().st_mode)

    def is_symlink(self):
        return False

    def is_junction(self):
        return False

    def inode(self):
        return 0
