"""What the files of a guest import, as far as the build has to know."""

import ast
import re

#: What is imported at build time if it is there: it is large, and takes nothing of the build into the guest.
PREPARED = (
    "requests", "urllib3", "httpx", "boto3", "botocore",
    # Its own modules import each other only when they are used, which each instance would do.
    "pydantic.main", "pydantic.type_adapter", "pydantic.functional_validators", "pydantic.functional_serializers",
    "pydantic.types", "pydantic.networks", "pydantic.json_schema", "pydantic.root_model",
    "pydantic._internal._generate_schema", "pydantic_settings",
)

#: Frameworks whose modules, those that the user's files import, are imported at build time, for the same reasons. Of
#: Django only what needs no settings.
FRAMEWORKS = (
    "flask", "werkzeug", "jinja2", "starlette", "anyio", "fastapi", "pydantic", "asgiref", "django.core.handlers",
    "django.core.wsgi", "django.core.asgi", "django.http", "django.urls", "django.dispatch",
)

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


#: Packages that speak TLS over sockets, to databases and other servers that do not speak HTTP.
_SPEAKERS = "pg8000 pymysql MySQLdb mysql redis valkey pymongo ldap3 paho pika amqp kafka stomp cassandra nats".split()

#: What one's own code has that does.
_TLS = re.compile(rb"^\s*(?:import\s+(?:.*,\s*)?|from\s+)(?:ssl|smtplib|imaplib|poplib|ftplib)\b", re.MULTILINE)


def uses_tls_over_sockets(staged):
    """Whether the user's files or a known package may speak TLS over sockets. Clients of HTTP do not need it."""
    return any(is_there(staged, name) for name in _SPEAKERS) or any(
        _TLS.search(path.read_bytes()) for path in (staged / "task").rglob("*.py")
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


def is_async(staged):
    """Whether the user's files have asynchronous functions."""
    return any(b"async def" in path.read_bytes() for path in (staged / "task").rglob("*.py"))


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
    """Whether a package, or a module of one, is among the user's files or the packages."""
    place = package.replace(".", "/")
    ends = ("/__init__.py", ".py") if "." in package else ("/__init__.py",)
    return any((staged / directory / (place + end)).is_file() for directory in ("task", "packages") for end in ends)
