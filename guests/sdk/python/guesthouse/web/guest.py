"""The export of a guest that responds to requests of HTTP."""

import contextvars

import guesthouse_project as project
from wit_world import exports

from .. import instance, loading, turns
from . import asgi, context, kinds, wsgi
from .exchange import Request, Response


class IncomingHandler(exports.IncomingHandler):
    """Responds to requests."""

    def handle(self, request, response_out):
        """Has the app respond to one request."""
        with Response(response_out) as response:
            try:
                if _server is None:
                    # Not every host knows `lifecycle`.
                    instance.awake(project.NAME)
                    prepare()
                with Request(request) as incoming:
                    response.is_without_body = incoming.method == "HEAD"
                    request_context, lambda_context = context.of(incoming.headers)
                    instance.set_trace_id(context.trace_id(incoming.headers))
                    # What an app sets in one request is not there in the next.
                    variables = contextvars.copy_context()
                    variables.run(_server, incoming, response, request_context, lambda_context)
                response.finish()
                turns.run_left_over()
            except BaseException as exception:
                # Once there is a head, the host only learns that something failed.
                error_type, message, _ = loading.failure(exception, is_told=not response.is_begun)
                response.fail(f"{error_type}: {message}")
            finally:
                instance.flush()


#: What has the app respond: a function of a request, a response and their contexts.
_server = None


def prepare():
    """Loads the user's app, once in each instance, and starts it."""
    global _server
    # Some apps want a loop while they are imported.
    loop = asgi.new_loop()
    app = loading.load(project.MODULE, project.HANDLER)
    if kinds.is_asgi(app, project.HANDLER):
        server = asgi.Server(app, loop)
        server.start()
        _server = server.respond
    else:
        _server = wsgi.Server(app).respond
