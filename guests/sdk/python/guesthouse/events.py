"""The export of a guest that handles events."""

import guesthouse_project as project
from componentize_py_types import Err
from wit_world import exports

from . import instance, loading, responses, text, turns
from .context import LambdaContext
from .handler_error import HandlerError

if project.STREAMS:
    from wit_world.imports import response_stream

    from . import streaming


class Handler(exports.Handler):
    """Handles events."""

    def handle(self, event, context):
        """Calls the user's handler."""
        try:
            instance.set_trace_id(context.trace_id)
            response = _handler(text.read(event), LambdaContext(context))
            if responses.is_streamed(response):
                _stream(response)
                # What was sent is the response.
                response = None
            turns.run_left_over()
            return text.write(response)
        except BaseException as exception:
            raise Err(HandlerError(*loading.failure(exception, not isinstance(exception, text.InvalidEvent)))) from None
        finally:
            instance.flush()


_handler = None


def prepare():
    """Loads the user's handler, once in each instance."""
    global _handler
    _handler = loading.load(project.MODULE, project.HANDLER)


def _stream(response):
    if not project.STREAMS:
        raise text.InvalidResponse(
            "the handler returned a generator, and the build has not seen that it streams\n"
            "hint: return `guesthouse.stream(generator)`"
        )
    streaming.send(response, response_stream)
