"""The standard library in the guest.

There are no files of it at run time. What handlers use most is imported at build time, so that it costs an instance
nothing; `bundle` keeps the rest.
"""

import importlib

#: Nothing here reads variables, clock or randomness when it is imported, but what `instance` mends.
COMMON = """
    abc argparse ast asyncio base64 binascii bisect calendar cmath codecs collections collections.abc concurrent.futures
    configparser contextlib contextvars copy csv dataclasses datetime decimal difflib email email.message email.mime.multipart
    email.mime.text email.parser email.utils enum fnmatch fractions functools gc glob gzip hashlib heapq hmac html
    html.parser http http.client http.cookies importlib.metadata importlib.resources inspect io ipaddress itertools json
    logging logging.config logging.handlers math mimetypes numbers operator os os.path pathlib pickle pprint queue random re
    secrets shutil signal statistics string struct sys tempfile textwrap threading time traceback types typing unicodedata
    unittest urllib.parse urllib.request uuid warnings weakref xml.etree.ElementTree zipfile zlib zoneinfo
    encodings.ascii encodings.idna encodings.latin_1 encodings.utf_8_sig
""".split()

#: What is of no use in a guest, and large.
USELESS = {
    "curses", "ctypes", "ensurepip", "idlelib", "pydoc_data", "site-packages", "test", "tkinter", "turtledemo",
    "turtle.py", "venv",
}


def preload():
    """Imports what handlers use most."""
    for name in COMMON:
        try:
            importlib.import_module(name)
        except ImportError:
            # Not every module is there without threads, sockets and processes; who imports it is told then.
            pass
