"""The guest that componentize-py makes: its two exports.

This module runs at build time, and the interpreter's memory at its end is what every instance begins with. So the
user's module does not run here but in `init`, once in each instance, where variables, clock and randomness are the
instance's own.
"""

import gc
import importlib
import sys

import guesthouse_project as project
from componentize_py_types import Err
from wit_world import exports

try:
    from wit_world.imports.types import HandlerError
except ImportError:
    # The world with the network has two interfaces with this name.
    from wit_world.imports.guesthouse_lambda_types import HandlerError

from . import stdlib

stdlib.lean()

from . import absent, bundle, errors, event_loop, executors, hashes, instance, libraries, logs, processes, text, turns, wipe
from .context import LambdaContext


class Lifecycle(exports.Lifecycle):
    """Prepares one instance."""

    def init(self):
        """Runs the user's module."""
        try:
            instance.awake(project.NAME)
            global _handler
            _handler = _load(project.MODULE, project.HANDLER)
        except BaseException as exception:
            raise _refusal(exception) from None
        finally:
            instance.flush()


class Handler(exports.Handler):
    """Handles events."""

    def handle(self, event, context):
        """Calls the user's handler."""
        try:
            instance.set_trace_id(context.trace_id)
            response = _handler(text.read(event), LambdaContext(context))
            turns.run_left_over()
            return text.write(response)
        except BaseException as exception:
            raise _refusal(exception) from None
        finally:
            instance.flush()


_handler = None


class _LoadError(Exception):
    def __init__(self, error_type, message, stack_trace):
        super().__init__(message)
        self.error_type = error_type
        self.stack_trace = stack_trace


def _load(module_name, handler_name):
    # The types are those of AWS's runtime.
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        _, message, frames = errors.describe(error)
        raise _LoadError("Runtime.ImportModuleError", f"unable to import module `{module_name}`: {message}", frames) from None
    try:
        return getattr(module, handler_name)
    except AttributeError:
        message = f"handler `{handler_name}` missing on module `{module_name}`"
        raise _LoadError("Runtime.HandlerNotFound", message, []) from None


def _refusal(exception):
    if isinstance(exception, SystemExit):
        instance.leave(exception.code)
    error_type, message, frames = errors.describe(exception)
    if isinstance(exception, _LoadError):
        error_type, frames = exception.error_type, exception.stack_trace
    elif isinstance(exception, text.InvalidEvent):
        frames = []
    try:
        logs.trace(frames)
    except Exception:
        # The handler may have closed the stream, and its own exception matters more.
        pass
    return Err(HandlerError(error_type, message, frames))


_pack = bundle.reserve(project)
# Before all else is imported, because that takes names from what is changed here.
turns.install()
executors.install()
processes.install()
libraries.install()
absent.install()
hashes.install()
event_loop.install()
stdlib.preload(stdlib.ALWAYS)
_task = bundle.install(project, _pack)
_early = set(sys.modules)
# The user's own `calendar.py` is not the library's, and does not run here.
sys.path.remove(bundle.TASK_ROOT)
if project.HAS_NETWORK:
    from . import network

    network.install()
stdlib.preload(name for name in stdlib.COMMON if name in project.IMPORTED)
sys.path.insert(0, bundle.TASK_ROOT)
for name in project.PRELOAD:
    importlib.import_module(name)
if project.AWS_SERVICES is not None:
    from .network import aws

    aws.prepare(project.AWS_SERVICES)
bundle.forget_library(_task, set(sys.modules) - _early)

# What is there now lives as long as the instance. Frozen, the collector does not touch it, so its pages stay shared.
wipe.free_memory()
gc.freeze()
