"""Pools of threads, which are one thread that does its work in turn: `concurrent.futures` and `multiprocessing.pool`."""

import threading

from . import stdlib, turns


def install():
    """Has the executor of the standard library changed when it is imported, so that it does its work in turn."""
    stdlib.after("concurrent.futures._base", _change_future)
    stdlib.after("concurrent.futures.thread", _change_executor)


def _change_future(module):
    real = module.Future.done

    def done(self):
        # Whoever asks again and again waits for it.
        if turn := getattr(self, "_turn", None):
            turns.run(turn)
        return real(self)

    module.Future.done = done


def _change_executor(module):
    executor = module.ThreadPoolExecutor
    real = executor.__init__

    def init(self, max_workers=None, thread_name_prefix="", initializer=None, initargs=(), **keywords):
        real(self, max_workers, thread_name_prefix, initializer, initargs, **keywords)
        self._given_initializer = initializer, initargs
        # All work is one thread's, whose `threading.local` the initializer may have filled.
        self._worker = threading.Thread(name=f"{self._thread_name_prefix}_0", daemon=True)

    executor.__init__, executor.submit, executor.shutdown = init, _submit, _shutdown


class _Work:
    rank = turns.WORK

    def __init__(self, executor, future, function, arguments, keywords):
        self._executor = executor
        self._future = future
        self._call = function, arguments, keywords

    def take_turn(self):
        function, arguments, keywords = self._call
        future, executor = self._future, self._executor
        future._turn = None
        # An executor may live as long as the instance.
        executor.__dict__.get("_work", {}).pop(self, None)
        if not future.set_running_or_notify_cancel():
            return
        own = threading.get_ident()
        outer = threading._active.get(own)
        threading._active[own] = executor._worker
        try:
            if prepare := _initializer(executor):
                prepare()
            result = function(*arguments, **keywords)
        except turns.Ended:
            future.set_exception(RuntimeError("it waited without end: a guest has no threads"))
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            threading._active[own] = outer


def _initializer(executor):
    """What is to be called before the first work, once."""
    if getattr(executor, "_is_prepared", False):
        return None
    executor._is_prepared = True
    prepare, arguments = executor._given_initializer
    return prepare and (lambda: prepare(*arguments))


def _submit(self, function, /, *arguments, **keywords):
    if self._shutdown:
        raise RuntimeError("cannot schedule new futures after shutdown")
    from concurrent.futures import Future

    future = Future()
    work = _Work(self, future, function, arguments, keywords)
    future._turn = work
    self.__dict__.setdefault("_work", {})[work] = None
    turns.add(work)
    return future


def _shutdown(self, wait=True, *, cancel_futures=False):
    self._shutdown = True
    for work in list(self.__dict__.pop("_work", ())):
        if cancel_futures:
            work._future.cancel()
        if wait:
            turns.run(work)


class ThreadPool:
    """In the place of `multiprocessing.pool.ThreadPool`."""

    def __init__(self, processes=None, initializer=None, initargs=()):
        from concurrent.futures import ThreadPoolExecutor

        self._executor = ThreadPoolExecutor(processes, "ThreadPool", initializer, initargs)

    def apply(self, function, args=(), kwds={}):
        return self.apply_async(function, args, kwds).get()

    def apply_async(self, function, args=(), kwds={}, callback=None, error_callback=None):
        return _Result(self._executor.submit(function, *args, **kwds), callback, error_callback)

    def map(self, function, values, chunksize=None):
        return list(self._executor.map(function, values))

    def imap(self, function, values, chunksize=None):
        return self._executor.map(function, values)

    imap_unordered = imap

    def starmap(self, function, values, chunksize=None):
        return [future.result() for future in [self._executor.submit(function, *each) for each in values]]

    def map_async(self, function, values, chunksize=None, callback=None, error_callback=None):
        return self.apply_async(self.map, (function, values), {}, callback, error_callback)

    def starmap_async(self, function, values, chunksize=None, callback=None, error_callback=None):
        return self.apply_async(self.starmap, (function, values), {}, callback, error_callback)

    def close(self):
        pass

    terminate = close

    def join(self):
        self._executor.shutdown()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._executor.shutdown()


class _Result:
    def __init__(self, future, callback, error_callback):
        self._future = future
        if callback or error_callback:
            future.add_done_callback(lambda done: self._call(done, callback, error_callback))

    def _call(self, done, callback, error_callback):
        error = done.exception()
        chosen = callback if error is None else error_callback
        if chosen:
            chosen(done.result() if error is None else error)

    def get(self, timeout=None):
        return self._future.result(timeout)

    def wait(self, timeout=None):
        self._future.exception(timeout)

    def ready(self):
        return self._future.done()

    def successful(self):
        return self._future.exception() is None
