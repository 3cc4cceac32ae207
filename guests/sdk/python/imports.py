"""What the files of a guest import, as far as the build has to know."""

import ast
import re

#: Packages that are imported at build time: they are large, and take nothing of the build into the guest.
PREPARED = ("requests", "urllib3", "httpx", "boto3", "botocore")

#: Frameworks whose modules, those that the user's files import, are imported at build time, for the same reasons.
FRAMEWORKS = ("flask", "werkzeug", "jinja2", "starlette", "anyio", "fastapi", "pydantic")

#: What a file that uses the network has.
_NETWORK = re.compile(
    rb"^\s*(?:import|from)\s+(?:socket|ssl|select|selectors|http\.client|urllib\.request)\b"
    rb"|^\s*(?:import|from)\s+(?:smtplib|ftplib|imaplib|poplib|xmlrpc)\b"
    rb"|^\s*from\s+(?:http|urllib)\s+import\s+.*\b(?:client|request)\b"
    rb"|\basyncio\.(?:open_connection|start_server)\b",
    re.MULTILINE,
)


def uses_network(staged):
    """Whether the user's files or the packages import modules of the network."""
    return any(
        _NETWORK.search(path.read_bytes())
        for directory in ("task", "packages")
        for path in sorted((staged / directory).rglob("*.py"))
    )


def streams(staged, entry):
    """Whether a handler sends its response in pieces: it is a generator, or the files use the SDK's names for it."""
    return _is_generator(entry) or any(_uses_streaming(path) for path in sorted((staged / "task").rglob("*.py")))


_STREAMING = {"stream", "HttpResponse"}


def _uses_streaming(path):
    content = path.read_bytes()
    return b"guesthouse" in content and any(
        isinstance(node, ast.ImportFrom)
        and node.module == "guesthouse"
        and any(alias.name in _STREAMING for alias in node.names)
        or isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "guesthouse"
        and node.attr in _STREAMING
        for node in ast.walk(_tree(content))
    )


def _is_generator(entry):
    functions = [
        node
        for node in _tree(entry.code().read_bytes()).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == entry.function
    ]
    return any(_yields(function.body) for function in functions)


def _yields(nodes):
    """Whether code yields, itself and not in a function of its own."""
    for node in nodes:
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            if _yields(ast.iter_child_nodes(node)):
                return True
    return False


def _tree(content):
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def is_there(staged, package):
    """Whether a package is among the user's files or the packages."""
    return any((staged / directory / package / "__init__.py").is_file() for directory in ("task", "packages"))
