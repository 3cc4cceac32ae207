"""`asyncio.run` in a guest.

asyncio's loop wakes itself up from other threads and from signals by a pair of sockets, and looks names up in another
thread. A guest has neither threads nor signals, and can't make such a pair.
"""

import time

from . import stdlib, turns


class Endless(RuntimeError):
    """A loop waits for what can't happen in a guest."""


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
    # It may run a loop of its own.
    left = turns.leave_event_loop()
    try:
        future.set_result(function(*arguments))
    except Exception as error:
        future.set_exception(error)
    finally:
        turns.enter_event_loop(left)
    return future


def _selector(real):
    class Selector(real):
        """Waits for sockets, or only for time where there are none."""

        def select(self, timeout=None):
            # A daemon may take for ever, and the loop has something to do.
            if turns.run_one(timeout, turns.WORK if timeout == 0 else None):
                # What has run may have something for the loop.
                timeout = 0
            if self.get_map():
                return super().select(timeout)
            if timeout is None:
                raise Endless("the event loop waits for what can't happen in a guest")
            time.sleep(max(0, timeout))
            return []

    return Selector
