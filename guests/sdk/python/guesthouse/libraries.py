"""What some packages need to do in a guest, as soon as they are imported. Those of the network are in `network.patches`."""


from . import stdlib


def install():
    """Has packages changed right after they are imported."""
    stdlib.after("anyio._backends._asyncio", _anyio)


def _anyio(module):
    # Starlette and FastAPI run functions that are not async with it. Its threads would wait for more work, and have
    # only one turn.
    @classmethod
    async def run_sync_in_worker_thread(cls, function, arguments, abandon_on_cancel=False, limiter=None, **_):
        await cls.checkpoint()
        return function(*arguments)

    module.AsyncIOBackend.run_sync_in_worker_thread = run_sync_in_worker_thread
