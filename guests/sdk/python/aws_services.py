"""Which services of AWS a guest calls with boto3, and what it needs of botocore for them."""

import ast
import shutil

#: The functions that make clients. The first argument is the service's name.
_MAKERS = ("client", "resource", "create_client")

#: Packages that make clients of whatever service they are asked for.
_SDK = {"boto3", "botocore", "s3transfer"}


def find(staged):
    """Returns the services of which the files make clients, such as by `boto3.client("dynamodb")`. Returns `None` if a
    name is not written out somewhere.
    """
    names = set()
    for path in (*(staged / "task").rglob("*.py"), *(staged / "packages").rglob("*.py")):
        if path.relative_to(staged).parts[1] in _SDK:
            continue
        content = path.read_bytes()
        if b"boto" not in content:
            continue
        try:
            tree = ast.parse(content)
        except (SyntaxError, ValueError):
            continue
        for name in _named(tree):
            if name is None:
                return None
            names.add(name)
    return sorted(names)


def _named(tree):
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in _MAKERS:
            continue
        first = [*node.args, *(word.value for word in node.keywords if word.arg == "service_name")][:1]
        if first:
            yield first[0].value if isinstance(first[0], ast.Constant) and isinstance(first[0].value, str) else None


def leave_out_others(staged, services):
    """Removes what botocore and boto3 have of other services: they describe some 400."""
    for directory in ("packages", "task"):
        for package in ("botocore", "boto3"):
            data = staged / directory / package / "data"
            if data.is_dir():
                for service in data.iterdir():
                    if service.is_dir() and service.name not in services:
                        shutil.rmtree(service)
