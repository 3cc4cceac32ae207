"""Which of the two kinds an app is."""

import inspect


def is_asgi(app, name):
    """Whether an app is one of ASGI: it is asynchronous, or takes three arguments. Others are of WSGI."""
    if not callable(app):
        raise TypeError(f"`{name}` is not an app: it can't be called")
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(type(app), "__call__", None)):
        return True
    try:
        parameters = list(inspect.signature(app).parameters.values())
    except (TypeError, ValueError):
        return False
    names = {parameter.name for parameter in parameters}
    if "start_response" in names:
        return False
    if names >= {"scope", "receive", "send"}:
        return True
    if [parameter.name.lstrip("_") for parameter in parameters[:2]] == ["event", "context"]:
        raise TypeError(f"`{name}` is a handler of events and no app: name it `--handler FILE.{name}`, with a point")
    needed = [each for each in parameters if each.default is each.empty and each.kind <= each.POSITIONAL_OR_KEYWORD]
    return len(needed) == 3
