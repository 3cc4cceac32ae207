"""Who imports what, by the text of the files."""

import ast
import functools
from dataclasses import dataclass

_GUARDS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "OSError"}


@dataclass(frozen=True)
class Import:
    """One name that a module imports."""

    name: str
    #: Whether the module goes on where it is not there.
    is_guarded: bool
    #: Whether it is imported only when something is called.
    is_late: bool


def imports(path, module):
    """Returns what a file imports. Of `from a import b` both `a` and `a.b` are named: either may be a module."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return _of_text(path.read_bytes(), package)


@functools.cache
def _of_text(text, package):
    """It is asked for the same text several times, and takes long."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    return tuple(_of_statements(tree.body, package, False, False))


def _of_statements(statements, package, is_guarded, is_late):
    for statement in statements:
        match statement:
            case ast.Import():
                for alias in statement.names:
                    yield Import(alias.name, is_guarded, is_late)
            case ast.ImportFrom():
                base = _absolute(statement, package)
                yield Import(base, is_guarded, is_late)
                for alias in statement.names:
                    yield Import(f"{base}.{alias.name}", is_guarded, is_late)
            case ast.Try():
                guarded = is_guarded or any(_catches(handler) for handler in statement.handlers)
                yield from _of_statements(statement.body, package, guarded, is_late)
                for handler in statement.handlers:
                    yield from _of_statements(handler.body, package, is_guarded, is_late)
                yield from _of_statements([*statement.orelse, *statement.finalbody], package, is_guarded, is_late)
            case ast.If():
                if not _is_type_checking(statement.test):
                    yield from _of_statements(statement.body, package, is_guarded, is_late)
                yield from _of_statements(statement.orelse, package, is_guarded, is_late)
            case ast.With():
                guarded = is_guarded or "suppress" in ast.dump(statement.items[0].context_expr)
                yield from _of_statements(statement.body, package, guarded, is_late)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _of_statements(statement.body, package, is_guarded, True)
            case ast.ClassDef() | ast.For() | ast.While():
                yield from _of_statements(statement.body, package, is_guarded, is_late)


def _absolute(statement, package):
    if not statement.level:
        return statement.module or ""
    parts = package.split(".")
    parts = parts[: len(parts) - statement.level + 1]
    return ".".join([*parts, *([statement.module] if statement.module else [])])


def _catches(handler):
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in _GUARDS for name in names)


def _is_type_checking(test):
    return isinstance(test, (ast.Name, ast.Attribute)) and ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def modules(*directories):
    """Returns the files of all modules below the directories, by their names. Those of earlier directories win."""
    found = {}
    for directory in directories:
        for path in directory.rglob("*.py"):
            parts = list(path.relative_to(directory).with_suffix("").parts)
            if parts[-1] == "__init__":
                parts.pop()
            if parts and all(part.isidentifier() for part in parts):
                found.setdefault(".".join(parts), path)
    return found


def reached(roots, files, stop=(), late=False):
    """Yields each import, with its importer, that happens when the modules in `roots` are imported. What the roots import
    late counts, too: they are the user's own; with `late` that counts everywhere. Nothing of `stop` is followed.
    """
    waiting, seen = list(roots), set(roots)
    while waiting:
        module = waiting.pop()
        for found in imports(files[module], module):
            if found.is_late and not late and module not in roots:
                continue
            yield module, found
            parts = found.name.split(".")
            for length in range(1, len(parts) + 1):
                name = ".".join(parts[:length])
                if name in files and name not in seen and name not in stop:
                    seen.add(name)
                    waiting.append(name)


def imported(staged, more=(), late=False):
    """Returns the names of all modules that the user's files import, and what these import, in packages, too."""
    files = modules(staged / "task", staged / "packages")
    roots = [name for name, path in files.items() if (staged / "task") in path.parents or name in more]
    names = set()
    for _, found in reached(roots, files, late=late):
        parts = found.name.split(".")
        names |= {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return names
