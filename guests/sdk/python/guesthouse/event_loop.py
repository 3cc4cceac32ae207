"""`asyncio.run` in a guest.

asyncio's loop wakes itself up from other threads and from signals by a pair of sockets, and looks names up in another
thread. A guest has neither threads nor signals, and can't make such a pair.
"""

import time

from . import stdlib, turns


def install():
    """Makes asyncio's loops do without sockets of their own."""
    stdlib.after("asyncio", _change)


def _change(asyncio):
    loop = asyncio.SelectorEventLoop
    loop._make_self_pipe = loop._close_self_pipe = loop._write_to_self = lambda self: None
    loop.run_in_executor = _run_here
    selectors = asyncio.selector_events.selectors
    selectors.DefaultSelector = _selector(selectors.DefaultSelector)


def _run_here(self, executor, function, *arguments):
    """Runs the function at once, and returns a future that is done."""
    future = self.create_future()
    try:
        future.set_result(function(*arguments))
    except Exception as error:
        future.set_exception(error)
    return future


def _selector(real):
    class Selector(real):
        """Waits for sockets, or only for time where there are none."""

        def select(self, timeout=None):
            if turns.run_one():
                # What has run may have something for the loop.
                timeout = 0
            if self.get_map():
                return super().select(timeout)
            if timeout is None:
                raise RuntimeError("the event loop waits for what can't happen in a guest")
            time.sleep(max(0, timeout))
            return []

    return Selector
