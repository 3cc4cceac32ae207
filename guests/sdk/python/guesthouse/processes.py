"""`multiprocessing` as far as functions on Lambda use it: `Process` and `Pipe`. A process is a thread here: it shares all
memory with who started it, and has its turn when somebody waits for it.

On Lambda its locks, queues and pools do not work either, for want of shared memory.
"""

import collections
import threading

from . import executors, stdlib, turns


def install():
    """Has the modules changed when they are imported."""
    stdlib.after("multiprocessing.context", _context)
    stdlib.after("multiprocessing.pool", _pool)


def _context(module):
    context = module.BaseContext
    module.Process = Process
    context.Process = Process
    module.DefaultContext.Process = module.ForkContext.Process = Process
    context.Pipe = lambda self, duplex=True: pipe(duplex)
    context.cpu_count = lambda self: 1
    for name in (
        "Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier", "Queue", "JoinableQueue",
        "SimpleQueue", "Pool", "Manager", "Value", "Array",
    ):
        setattr(context, name, _refuse(name))


def _pool(module):
    module.ThreadPool = executors.ThreadPool


def _refuse(name):
    def function(self, *_, **__):
        raise OSError(f"`multiprocessing.{name}` is not there in a guest, nor on Lambda: use `Process` and `Pipe`, or threads")

    return function


class Process(threading.Thread):
    """A process that is none."""

    exitcode = None
    authkey = b""
    sentinel = 0

    def __init__(self, group=None, target=None, name=None, args=(), kwargs=None, *, daemon=None):
        super().__init__(group, target, name or f"Process-{next(_numbers)}", args, kwargs, daemon=bool(daemon))

    @property
    def pid(self):
        return self.ident

    def start(self):
        super().start()
        run = self.run

        def with_exit_code():
            self.exitcode = 1
            try:
                run()
                self.exitcode = 0
            except SystemExit as ended:
                self.exitcode = ended.code if isinstance(ended.code, int) else int(ended.code is not None)

        self.run = with_exit_code

    def terminate(self):
        if turn := getattr(self, "_turn", None):
            turns.forget(turn)
            self._turn, self.exitcode = None, -15

    kill = terminate

    def close(self):
        pass


_numbers = iter(range(1, 1 << 62))


def pipe(duplex=True):
    """Returns two ends that are connected."""
    one, other = collections.deque(), collections.deque()
    return Connection(one, other, True, duplex), Connection(other, one, duplex, True)


class Connection:
    """One end of a pipe."""

    def __init__(self, incoming, outgoing, readable, writable):
        self._incoming = incoming
        self._outgoing = outgoing
        self.readable = readable
        self.writable = writable
        self.closed = False

    def send(self, value):
        if self.closed or not self.writable:
            raise OSError("handle is closed" if self.closed else "connection is read-only")
        import pickle  # Few guests need it.

        # What comes out at the other end is a copy.
        self._outgoing.append(pickle.dumps(value))

    def recv(self):
        if self.closed or not self.readable:
            raise OSError("handle is closed" if self.closed else "connection is write-only")
        while not self._incoming:
            if not turns.run_one():
                raise EOFError
        import pickle

        return pickle.loads(self._incoming.popleft())

    send_bytes, recv_bytes = send, recv

    def poll(self, timeout=0.0):
        while not self._incoming and turns.run_one(None if timeout is None else 0):
            pass
        return bool(self._incoming)

    def close(self):
        self.closed = True

    def fileno(self):
        return -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
