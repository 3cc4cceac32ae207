"""The app of the benchmark of HTTP, with Starlette."""

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


async def hello(request):
    return JSONResponse({"message": f"Hello {request.query_params['name']}!"})


app = Starlette(routes=[Route("/", hello)])
