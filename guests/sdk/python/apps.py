"""Whether a name of a file is an app of WSGI or ASGI, or a handler of events, by the text of the file."""

import ast

#: What makes an app, whatever the app is called.
_MAKERS = {
    "APIFlask", "ASGIApp", "ASGIMiddleware", "Bottle", "Connexion", "FastAPI", "Flask", "Litestar", "OpenAPI", "ProxyFix", "Quart",
    "Starlette", "WSGIMiddleware", "WsgiToAsgi", "get_asgi_application", "get_wsgi_application",
}

#: What makes a handler of events, even if it is called `app`.
_EVENT_MAKERS = {"Chalice", "Mangum"}

_USUAL = {"app", "application"}


def is_app(tree, name):
    """Whether the name is that of an app in a file. A file that can't be read has none."""
    if tree is None:
        return False
    # The last one to get the name has it.
    for node in reversed(list(_top(tree.body))):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name == name:
                return _takes_requests(node)
            case ast.Assign() if any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
                return _is_made(tree, name, node.value)
            case ast.AnnAssign(target=ast.Name(id=found), value=value) if found == name and value is not None:
                return _is_made(tree, name, value)
            case ast.ImportFrom() if any((alias.asname or alias.name) == name for alias in node.names):
                return name in _USUAL
    return False


def _top(body):
    """The statements of a module, and those of its conditions."""
    for node in body:
        yield node
        for part in ("body", "orelse", "handlers", "finalbody") if isinstance(node, (ast.If, ast.Try, ast.With)) else ():
            for each in getattr(node, part, ()):
                yield from _top(each.body if isinstance(each, ast.ExceptHandler) else [each])


def _takes_requests(function):
    names = [argument.arg for argument in function.args.args]
    return names[-1:] == ["start_response"] or names == ["scope", "receive", "send"]


def _is_made(tree, name, value):
    match value:
        case ast.Call():
            maker = ast.unparse(value.func).rpartition(".")[2]
            if maker in _EVENT_MAKERS or maker.endswith(("Resolver", "_handler")):
                return False
            return maker in _MAKERS or name in _USUAL
        case ast.Name() if value.id != name:
            return is_app(tree, value.id)
        case _:
            return False
