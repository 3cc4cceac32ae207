"""The app with Starlette under Mangum, an adapter for ASGI."""

from mangum import Mangum
from starlette_app import app

handler = Mangum(app, lifespan="off")
