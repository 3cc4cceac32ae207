"""Threads, pools and processes that are done in turn. Each test has its own interpreter, because they change the library."""

import subprocess
import sys
import unittest
from pathlib import Path

_BEFORE = """
import asyncio, concurrent.futures, gc, threading, time, weakref
from concurrent.futures import ThreadPoolExecutor
from guesthouse import event_loop, executors, processes, turns
turns.install(), executors.install(), event_loop.install()
"""

# The library's own end of threads is not this one's.
_AFTER = "\nimport os\nprint(end='', flush=True)\nos._exit(0)"


class Turns(unittest.TestCase):
    def said(self, code):
        sdk = Path(__file__).parents[1]
        run = [sys.executable, "-c", _BEFORE + code + _AFTER]
        ran = subprocess.run(run, cwd=sdk, capture_output=True, text=True, timeout=30)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout.split()

    def test_work_comes_before_daemons_and_timers(self):
        code = """
stop = threading.Event()
def beat():
    while not stop.wait(10):
        pass
    print("stopped")
threading.Thread(target=beat, daemon=True).start()
timer = threading.Timer(60, print, ["fired"])
timer.start()
print(ThreadPoolExecutor().submit(lambda: "worked").result())
print(timer.is_alive())
timer.cancel()
turns.run_left_over()
print(timer.is_alive(), len(turns._waiting))
stop.set()
turns.run_one()
"""
        self.assertEqual(self.said(code), ["worked", "True", "False", "1", "stopped"])

    def test_a_timer_fires_in_a_wait_that_lasts_until_then(self):
        code = """
fired = threading.Event()
timer = threading.Timer(0.2, fired.set)
timer.start()
print(threading.Event().wait(0.01), fired.is_set())
began = time.monotonic()
print(fired.wait(20), time.monotonic() - began < 5, timer.is_alive())
"""
        self.assertEqual(self.said(code), ["False", "False", "True", "True", "False"])

    def test_what_the_initializer_of_a_pool_keeps_for_its_thread_is_there_for_all_work(self):
        code = """
local = threading.local()
def prepare():
    local.name = "kept"
pool = ThreadPoolExecutor(initializer=prepare)
print(*pool.map(lambda _: local.name, range(2)))
"""
        self.assertEqual(self.said(code), ["kept", "kept"])

    def test_a_pool_does_not_keep_what_is_done(self):
        code = """
class Large: pass
large, pool = Large(), ThreadPoolExecutor()
kept = weakref.ref(large)
pool.submit(id, large).result()
del large
gc.collect()
print(kept())
"""
        self.assertEqual(self.said(code), ["None"])

    @unittest.skipIf(sys.version_info < (3, 12), "asyncio had no name for it")
    def test_an_event_loop_runs_in_a_thread_of_another_one(self):
        code = """
async def inner():
    await asyncio.sleep(0)
    return asyncio.current_task().get_name()
async def outer():
    name = asyncio.current_task().get_name()
    print(await asyncio.to_thread(asyncio.run, inner()) != name)
    print(ThreadPoolExecutor().submit(asyncio.run, inner()).result() != name)
    print(asyncio.current_task().get_name() == name)
asyncio.run(outer())
"""
        self.assertEqual(self.said(code), ["True", "True", "True"])

    def test_what_comes_out_of_a_pipe_is_a_copy(self):
        code = """
one, other = processes.pipe()
values = [1]
one.send(values)
values.append(2)
print(len(other.recv()), other.poll())
"""
        self.assertEqual(self.said(code), ["1", "False"])


if __name__ == "__main__":
    unittest.main()
