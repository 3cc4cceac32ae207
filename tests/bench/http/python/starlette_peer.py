"""The same app under Mangum, the adapter for ASGI."""

from mangum import Mangum
from starlette_app import app

handler = Mangum(app, lifespan="off")
