"""Imports modules whose native parts are missing, and says which fail for that: `python -I -S trial.py < REQUEST`.

The request is a JSON object: where the packages are, the modules to import, and the native modules that are not there.
"""

import importlib
import importlib.abc
import importlib.util
import json
import os
import sys


class _Watch(importlib.abc.MetaPathFinder):
    """Notes which of the missing modules are looked for."""

    def __init__(self, missing):
        self.missing = set(missing)
        self.asked = []

    def find_spec(self, fullname, path=None, target=None):
        if fullname in self.missing:
            self.asked.append(fullname)
        return None


def _absent():
    """The module with what a guest has in the place of others."""
    path = os.path.join(os.path.dirname(__file__), "..", "guesthouse", "absent.py")
    spec = importlib.util.spec_from_file_location("absent", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    request = json.loads(sys.stdin.buffer.read())
    # What the modules read is nothing.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.path.insert(0, request["packages"])
    watch = _Watch(request["native"])
    sys.meta_path.insert(0, watch)
    # A guest has no libraries to load.
    sys.modules["cffi"] = sys.modules["_cffi_backend"] = None
    sys.modules.update({module.__name__: module for module in _absent().ctypes()})
    # What they print is not the answer.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    lost = {}
    for name in request["modules"]:
        parent = name.rpartition(".")[0]
        if parent in lost:
            lost[name] = lost[parent]
            continue
        watch.asked.clear()
        try:
            importlib.import_module(name)
        except (ImportError, OSError, AttributeError, NotImplementedError) as error:
            if watch.asked or isinstance(error, (OSError, NotImplementedError)):
                lost[name] = [watch.asked[-1] if watch.asked else None, str(error)]
        except BaseException:
            # For another reason: a package that is for another version of Python, or a program.
            pass
    json.dump(lost, answer)
    answer.flush()
    # Threads and the like of what was imported are not waited for.
    os._exit(0)


main()
