"""The standard library in the guest.

There are no files of it at run time. What the handler's code imports is imported at build time, so that it costs an
instance nothing; `bundle` keeps the rest.
"""

import importlib
import importlib.machinery
import importlib.util
import posixpath
import sys

from .lean_code import compile_lean, make_lean

#: What every guest has.
ALWAYS = """
    base64 collections.abc contextlib datetime decimal functools io itertools json logging math os.path random
    re string tempfile threading time traceback types typing warnings weakref zlib encodings.ascii
    encodings.latin_1
""".split()

#: What a guest has whose code imports it. Nothing here, nor in `ALWAYS`, reads variables, clock or randomness when it is
#: imported, but what `instance` mends. Other modules are imported in the instance.
COMMON = """
    abc argparse ast asyncio binascii bisect calendar cmath codecs collections concurrent.futures
    concurrent.futures.thread configparser contextvars copy csv dataclasses difflib email email.message
    email.mime.application email.mime.base email.mime.image email.mime.multipart email.mime.text email.parser
    email.policy email.utils enum fnmatch fractions gc glob gzip hashlib heapq hmac html html.parser http
    http.client http.cookiejar http.cookies importlib.metadata importlib.resources inspect ipaddress locale
    logging.config logging.handlers mimetypes numbers operator os pathlib pickle platform pprint queue secrets
    shutil signal socket sqlite3 statistics struct tarfile textwrap unicodedata unittest urllib.error
    urllib.parse urllib.request urllib.response uuid wsgiref xml.dom.minidom xml.etree.ElementTree xml.sax
    zipfile zoneinfo encodings.idna encodings.utf_8_sig
""".split()

#: What is of no use in a guest, and large: tools, what is for other systems, and what stands behind native modules.
USELESS = {
    "_pydatetime.py", "_pydecimal.py", "_pyio.py", "compileall.py", "curses", "ctypes", "ensurepip", "idlelib",
    "modulefinder.py", "nturl2path.py", "proactor_events.py", "pyclbr.py", "pydoc_data", "site-packages", "ssl.py",
    "tabnanny.py", "test", "tkinter", "turtle.py", "turtledemo", "venv", "windows_console.py", "windows_events.py",
    "windows_utils.py", "zipapp.py",
}


def lean():
    """Has the standard library come without what nobody reads, until its files are gone."""
    sys.meta_path.insert(0, WithoutTexts)
    make_lean((DIRECTORY + "/", "<frozen "))


def after(name, change):
    """Has a module changed: now if it is there, or right after it is imported."""
    if name in sys.modules:
        change(sys.modules[name])
    else:
        after_import[name] = change


def preload(names):
    """Imports modules while the guest is built."""
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            # Not every module is there without threads, sockets and processes; who imports it is told then.
            pass


#: What is done with a module right after it was imported, by its name.
after_import = {}

#: Where the standard library's files are while the guest is built. `os` would not tell: it is frozen.
DIRECTORY = posixpath.dirname(posixpath.dirname(importlib.util.find_spec("logging").origin))


class WithoutTexts(importlib.machinery.PathFinder):
    """Finds modules, and compiles them without their documentation: a third of their size, and nobody's at run time."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is importlib.machinery.SourceFileLoader:
            if spec.origin.startswith(DIRECTORY + "/"):
                spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        return compile_lean(self.get_data(self.path), self.path)

    def exec_module(self, module):
        super().exec_module(module)
        if change := after_import.get(module.__name__):
            change(module)
