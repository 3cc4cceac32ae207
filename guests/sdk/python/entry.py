"""Which file and function are the handler: as AWS writes it, `FILE.FUNCTION`, or found by the usual names. An app of WSGI or
ASGI stands in the place of the function, and is also written as servers have it, `FILE:APP`.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

import apps
from refused import Refused

#: Where AWS's console, its samples and others have the handler.
_FILES = ("app.py", "lambda_function.py", "index.py", "main.py", "handler.py", "lambda_handler.py", "function.py")
_FUNCTIONS = ("handler", "lambda_handler")

#: Where web frameworks have the app.
_APP_FILES = ("wsgi.py", "asgi.py")
_APPS = ("app", "application")


@dataclass
class Entry:
    """The handler: a function of a module below the project's directory."""

    directory: Path
    module: str
    function: str
    #: As AWS's `_HANDLER` has it.
    name: str
    #: Whether it is an app of WSGI or ASGI, and no handler of events.
    is_app: bool = False

    def file(self):
        return self.directory.joinpath(*self.module.split(".")).with_suffix(".py")

    def code(self):
        """The file whose names the module has."""
        package = self.file().with_suffix("") / "__init__.py"
        return package if package.is_file() else self.file()


def find(given, handler):
    """Returns the entry for what the user gives: a file or a directory, and maybe a handler."""
    if handler and ":" in handler:
        entry = _of_text(given, handler.replace(":", ".", 1))
        entry.is_app = True
        return entry
    if handler and "." in handler:
        entry = _of_text(given, handler)
        entry.is_app = apps.is_app(_tree(entry.code()), entry.function)
        return entry
    if given.is_dir():
        given = _usual_file(given)
    elif given.suffix != ".py" or not given.stem.isidentifier():
        raise Refused(f"`{given}` is not the file of a module\nhint: name it like `app.py`")
    elif not given.is_file():
        raise Refused(f"there is no file `{given}`")
    source = given.resolve()
    function = handler or _usual_function(source)
    is_app = apps.is_app(_tree(source), function)
    return Entry(source.parent, source.stem, function, f"{source.stem}.{function}", is_app)


def _of_text(given, handler):
    """`src/app.handler` is the function `handler` of the module `src.app`, as on AWS."""
    module, _, function = handler.rpartition(".")
    module = module.removesuffix(".py").strip("/").replace("/", ".")
    directory = given if given.is_dir() else given.parent
    entry = Entry(directory.resolve(), module, function, handler)
    if not all(part.isidentifier() for part in (*module.split("."), function)):
        raise Refused(f"`{handler}` is not a handler\nhint: write it as `src/app.handler`")
    is_package = entry.file().with_suffix("").joinpath("__init__.py").is_file()
    if not entry.file().is_file() and not is_package:
        raise Refused(
            f"the handler `{handler}` is to be in `{module.replace('.', '/')}.py`, and there is no such file"
        )
    if not is_package and _names(entry.file()).isdisjoint({function, "*"}):
        raise Refused(f"`{entry.file().name}` has no function `{function}`")
    return entry


def _usual_file(directory):
    for name in (*_FILES, *_APP_FILES):
        if (directory / name).is_file():
            return directory / name
    found = [path for path in sorted(directory.glob("*.py")) if path.stem.isidentifier() and (_functions(path) or _apps(path))]
    if len(found) == 1:
        return found[0]
    raise Refused(
        f"there is no `app.py` or `lambda_function.py` in `{directory}`\n"
        "hint: say where the handler is, such as `--handler src/app.handler`, or the app, such as `--handler site.wsgi:app`"
    )


def _usual_function(source):
    """The first of the usual names that the file gives to something, or its only function of an event and a context."""
    names = _names(source)
    for name in _FUNCTIONS:
        if name in names:
            return name
    functions = _functions(source)
    if len(functions) == 1:
        return functions[0]
    if found := _apps(source):
        return found[0]
    if "*" in names:
        return _FUNCTIONS[0]
    among = f"; it has `{'`, `'.join(functions)}`" if functions else ""
    example = f"{source.stem}.{functions[0] if functions else 'function'}"
    raise Refused(
        f"`{source.name}` has no function `handler`{among}\n"
        f"hint: call it that, or `lambda_handler`, or say `--handler {example}`"
    )


def _names(source):
    """The names that a file gives to something; `*` is any name."""
    names = set()
    for node in ast.walk(_tree(source) or ast.parse("from all import *")):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _functions(source):
    """The functions of a file that look like handlers."""
    body = getattr(_tree(source), "body", ())
    return [
        function.name
        for function in body
        if isinstance(function, ast.FunctionDef)
        and [argument.arg.lstrip("_") for argument in function.args.args[:2]] == ["event", "context"]
    ]


def _apps(source):
    """The apps of WSGI or ASGI that a file has by the usual names."""
    tree = _tree(source)
    return [name for name in _APPS if apps.is_app(tree, name)]


def _tree(source):
    try:
        return ast.parse(source.read_bytes())
    except (SyntaxError, ValueError):
        # It may be right for the guest's Python, which may be newer. Otherwise that says so.
        return None
