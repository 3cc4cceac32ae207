"""Threads without threads: what they are to do is done in turn.

A guest has one thread. What another one would do waits until somebody waits for it: `join`, a future's result, an empty
queue, an event. It is then run from its beginning to its end, inside that wait. So workers may be started before there is
work for them, and whatever a thread is told before it is joined, such as to stop, it knows from its beginning. What no
wait asked for is run when the handler has returned, but for daemons and timers. These come after all else, and a timer in
a wait that ends before it only if it is due by then.

What waits inside such a thread for what can't come any more is ended there, as a daemon is at the end of its process.
"""

import _thread
import _threading_local
import collections
import contextvars
import queue
import sys
import threading
import time


class Ended(BaseException):
    """Ends a thread that waits for what can't happen."""


#: What has been started, and has not run: objects like `_Turn`.
_waiting = collections.deque()

#: In which order they run.
WORK, DAEMON, TIMER = range(3)

#: The threads that are running now, inside one another.
_running = []

_is_said = False


def install():
    """Gives `threading` and its kin their meaning here. Modules that are imported later get it, too."""
    thread = threading.Thread
    thread.start, thread.join, thread.is_alive = _start, _join, _is_alive
    thread.ident = thread.native_id = property(lambda self: id(self) if self._started.is_set() else None)
    threading.Condition.wait = _wait
    threading.local = _threading_local.local
    _thread.start_new_thread = _start_new_thread
    queue.Queue.put = _unbounded(queue.Queue.put)
    queue.SimpleQueue = queue._PySimpleQueue


def run_left_over():
    """Runs what nobody waited for. To be called when the handler has returned."""
    for turn in list(_waiting):
        if turn.rank == WORK or turn.rank == TIMER and turn.thread.finished.is_set():
            run(turn)


def run_one(timeout=None, most=None):
    """Runs what waits first, in a wait of so many seconds: daemons and timers only after all else. Returns whether there was
    anything.
    """
    if most is None:
        most = TIMER if timeout is None else DAEMON
    able = (turn for turn in _waiting if turn.rank <= most or turn.rank == TIMER and turn.is_due(timeout))
    turn = min(able, key=lambda turn: turn.rank, default=None)
    if turn is None:
        return False
    run(turn)
    return True


def add(turn):
    """Takes in something that is to run."""
    _say()
    _waiting.append(turn)


def forget(turn):
    """Takes out what is not to run any more."""
    if turn in _waiting:
        _waiting.remove(turn)


def wait_until(is_done, timeout=None):
    """Waits until something is so, and runs what waits meanwhile. Returns whether it is so."""
    end = None if timeout is None else time.monotonic() + timeout
    while not is_done():
        left = None if end is None else max(0, end - time.monotonic())
        if run_one(left):
            continue
        if timeout is not None and timeout >= 0:
            time.sleep(left)
            return is_done()
        if _running:
            raise Ended
        raise RuntimeError("this waits without end: a guest has no threads, and nothing that was started can end the wait")
    return True


def run(turn):
    try:
        _waiting.remove(turn)
    except ValueError:
        # It has run inside another one.
        return
    _running.append(turn)
    left = leave_event_loop()
    try:
        contextvars.Context().run(turn.take_turn)
    except Ended:
        pass
    finally:
        _running.pop()
        enter_event_loop(left)


def leave_event_loop():
    """Has no event loop run here, as in another thread. Returns what `enter_event_loop` takes."""
    asyncio = sys.modules.get("asyncio")
    loop = asyncio and asyncio._get_running_loop()
    if loop is None:
        return None
    # The current task is the thread's, not the loop's, since Python 3.14.
    task = asyncio.tasks._swap_current_task(loop, None)
    asyncio._set_running_loop(None)
    return loop, task


def enter_event_loop(left):
    """Goes on in the event loop that was left."""
    if left is not None:
        asyncio = sys.modules["asyncio"]
        asyncio._set_running_loop(left[0])
        asyncio.tasks._swap_current_task(*left)


def _say():
    global _is_said
    if not _is_said:
        _is_said = True
        print("a guest has no threads: what they are to do is done in turn, see docs/python.md", file=sys.stderr)


class _Turn:
    """A thread's turn."""

    def __init__(self, thread):
        self.thread = thread
        is_timer = isinstance(thread, threading.Timer)
        self.rank = TIMER if is_timer else DAEMON if thread.daemon else WORK
        self._due = time.monotonic() + thread.interval if is_timer else None

    def is_due(self, timeout):
        """Whether a timer fires within so many seconds, or was cancelled."""
        return self.thread.finished.is_set() or self._due <= time.monotonic() + timeout

    def take_turn(self):
        thread, own = self.thread, _thread.get_ident()
        outer = threading._active.get(own)
        threading._active[own] = thread
        try:
            if self.rank == TIMER:
                # It has waited since it was started.
                thread.interval = max(0, self._due - time.monotonic())
            if self.rank != TIMER or not thread.finished.is_set():
                thread.run()
        except Ended:
            pass
        except BaseException:
            # It writes the traceback, and nothing of a thread reaches who started it.
            threading.excepthook(threading.ExceptHookArgs([*sys.exc_info(), thread]))
        finally:
            threading._active[own] = outer
            thread._turn = None


def _start(self):
    if not self._initialized:
        raise RuntimeError("thread.__init__() not called")
    if self._started.is_set():
        raise RuntimeError("threads can only be started once")
    self._started.set()
    self._turn = _Turn(self)
    add(self._turn)


def _join(self, timeout=None):
    if not self._started.is_set():
        raise RuntimeError("cannot join thread before it is started")
    if self is threading.current_thread():
        raise RuntimeError("cannot join current thread")
    if turn := getattr(self, "_turn", None):
        run(turn)


def _is_alive(self):
    turn = getattr(self, "_turn", None)
    if turn is not None and turn not in _running and (turn.rank != TIMER or turn.is_due(0)):
        # Whoever asks again and again waits for it. Of a timer one asks in order to cancel it.
        run(turn)
    return self is threading.main_thread() or getattr(self, "_turn", None) is not None


def _start_new_thread(function, arguments, keywords=None):
    thread = threading.Thread(target=function, args=arguments, kwargs=keywords or {}, daemon=True)
    thread.start()
    return thread.ident


class _Waiter:
    """What `Condition.notify` releases."""

    is_released = False

    def release(self):
        self.is_released = True


def _wait(self, timeout=None):
    if not self._is_owned():
        raise RuntimeError("cannot wait on un-acquired lock")
    waiter = _Waiter()
    self._waiters.append(waiter)
    saved = self._release_save()
    try:
        return wait_until(lambda: waiter.is_released, timeout)
    finally:
        self._acquire_restore(saved)
        if not waiter.is_released:
            try:
                self._waiters.remove(waiter)
            except ValueError:
                pass


def _unbounded(real):
    def put(self, item, block=True, timeout=None):
        with self.mutex:
            is_full = 0 < self.maxsize <= self._qsize()
        if not block or not is_full:
            return real(self, item, block, timeout)
        # Who would make room has its turn later.
        most, self.maxsize = self.maxsize, 0
        try:
            return real(self, item)
        finally:
            self.maxsize = most

    return put
