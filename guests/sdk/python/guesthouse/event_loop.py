"""`asyncio.run` in a guest.

asyncio's loop wakes itself up from other threads and from signals by a pair of sockets. A guest has neither of them,
and no network to make the sockets with.
"""

import asyncio
import time


def install():
    """Makes asyncio's loops do without sockets."""
    loop = asyncio.SelectorEventLoop
    loop._make_self_pipe = loop._close_self_pipe = loop._write_to_self = lambda self: None
    # There is nothing to wait for but time.
    asyncio.selector_events.selectors.DefaultSelector = _Selector


class _Selector(asyncio.selector_events.selectors._BaseSelectorImpl):
    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("the event loop waits for what can't happen in a guest")
        time.sleep(max(0, timeout))
        return []
