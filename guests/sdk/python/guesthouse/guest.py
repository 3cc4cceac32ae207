"""The guest that componentize-py makes, and its exports: `Lifecycle`, and `Handler` or `IncomingHandler`.

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

from . import stdlib

stdlib.lean()

from . import absent, bundle, event_loop, executors, hashes, instance, libraries, loading, processes, text, turns, wipe
from .handler_error import HandlerError


class Lifecycle(exports.Lifecycle):
    """Prepares one instance."""

    def init(self):
        """Runs the user's module."""
        try:
            instance.awake(project.NAME)
            _contract.prepare()
        except BaseException as exception:
            raise Err(HandlerError(*loading.failure(exception))) from None
        finally:
            instance.flush()


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
# What is changed above is changed for them, too.
if project.IS_APP:
    from .web import guest as _contract
    from .web.guest import IncomingHandler  # noqa: F401
else:
    from . import events as _contract
    from .events import Handler  # noqa: F401
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
