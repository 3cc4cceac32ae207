"""What functions on Lambda do with the libraries that they use most, and with threads."""

import bz2
import ctypes
import json
import multiprocessing
import os
import queue
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
import jwt
import yaml

with open(os.path.join(os.path.dirname(__file__), "settings.json")) as file:
    SETTINGS = json.load(file)


def receive(event, context):
    return globals()[event["do"].replace(" ", "_")]()


def files():
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"))
    return {
        "rendered": templates.get_template("hello.txt").render(SETTINGS, name="Ada"),
        "root": os.environ["LAMBDA_TASK_ROOT"],
        "working": os.getcwd(),
        "relative": json.loads(Path("src/settings.json").read_text()),
        "handler": os.environ["_HANDLER"],
        "settings of the build": os.path.exists("requirements.txt"),
    }


def libraries():
    token = jwt.encode({"sub": "7"}, "k" * 32, algorithm="HS256")
    return {
        "yaml": yaml.safe_load("a: [1, two]"),
        "extension": yaml.__with_libyaml__,
        "jwt": jwt.decode(token, "k" * 32, algorithms=["HS256"]),
        "zone": datetime(2024, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")).isoformat(),
    }


def pools():
    with ThreadPoolExecutor(max_workers=4) as pool:
        squares = list(pool.map(lambda number: number * number, range(4)))
        futures = {pool.submit(int, text): text for text in ("1", "x", "3")}
        outcomes = {
            futures[done]: done.result() if done.exception() is None else type(done.exception()).__name__
            for done in as_completed(futures)
        }
    return {"squares": squares, "outcomes": outcomes}


def threads():
    found, lock, local = [], threading.Lock(), threading.local()
    local.name = "main"

    def note(number):
        local.name = number
        with lock:
            found.append([number, threading.current_thread().name])

    started = [threading.Thread(target=note, args=(number,), name=f"t{number}") for number in range(3)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    late = threading.Timer(60, found.append, ["late"])
    late.start()
    late.cancel()
    return {"found": found, "local": local.name, "alive": [thread.is_alive() for thread in started]}


def workers():
    """Workers that wait for work before there is any, and a thread that is told to stop."""
    work, done, stop = queue.Queue(maxsize=2), [], threading.Event()

    def worker():
        while True:
            item = work.get()
            done.append(item * 2)
            work.task_done()

    def beat():
        while not stop.wait(0.01):
            pass
        done.append("stopped")

    threading.Thread(target=worker, daemon=True).start()
    heart = threading.Thread(target=beat)
    heart.start()
    for item in range(5):
        work.put(item)
    stop.set()
    work.join()
    heart.join()
    # Which thread is first, nobody promises.
    return sorted(done, key=str)


def processes():
    """As in AWS's article on parallel processing: queues and pools are not there on Lambda."""

    def child(number, connection):
        connection.send([number, number * number])
        connection.close()

    ends = []
    for number in range(3):
        parent, end = multiprocessing.Pipe()
        process = multiprocessing.Process(target=child, args=(number, end))
        process.start()
        ends.append((parent, process))
    for _, process in ends:
        process.join()
    return [parent.recv() for parent, _ in ends]


def absent():
    said = {}
    for name, use in (
        ("bz2", lambda: bz2.compress(b"")),
        ("ctypes", lambda: ctypes.CDLL("libc.so.6")),
        ("subprocess", lambda: subprocess.run(["ls"])),
        ("pool", lambda: multiprocessing.Pool(2)),
    ):
        try:
            use()
        except Exception as error:
            said[name] = str(error)
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"metric:1|c", ("127.0.0.1", 8125))
    return said
