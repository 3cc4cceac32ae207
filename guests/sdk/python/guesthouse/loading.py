"""The user's handler, or app, and what becomes of its exceptions."""

import importlib

from . import errors, instance, logs


class LoadError(Exception):
    """What was to be loaded is not there. It has the types of AWS's runtime."""

    def __init__(self, error_type, message, stack_trace):
        super().__init__(message)
        self.error_type = error_type
        self.stack_trace = stack_trace


def load(module_name, name):
    """Imports the user's module, and returns what it calls by this name."""
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        _, message, frames = errors.describe(error)
        raise LoadError("Runtime.ImportModuleError", f"unable to import module `{module_name}`: {message}", frames) from None
    try:
        return getattr(module, name)
    except AttributeError:
        message = f"handler `{name}` missing on module `{module_name}`"
        raise LoadError("Runtime.HandlerNotFound", message, []) from None


def failure(exception, is_traced=True, is_told=True):
    """Returns the type, the message and the stack trace of what ended a call, and writes the trace to the log. Its last line
    is the host's, unless the host is not told.
    """
    if isinstance(exception, SystemExit):
        instance.leave(exception.code)
    error_type, message, frames = errors.describe(exception)
    if isinstance(exception, LoadError):
        error_type, frames = exception.error_type, exception.stack_trace
    elif not is_traced:
        frames = []
    try:
        logs.trace(frames if is_told else [*frames, f"{error_type}: {message}\n"])
    except Exception:
        # The handler may have closed the stream, and its own exception matters more.
        pass
    return error_type, message, frames
