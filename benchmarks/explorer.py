"""How quickly the notebooks' explorer answers, and how a lecture hall fetches the explorer's page.

    .venv/bin/python -m benchmarks.explorer                     both, as tables
    .venv/bin/python -m benchmarks.explorer --people 60         another hall
    .venv/bin/python -m benchmarks.explorer --hall              the hall alone

Latency is measured in this process: from a control's change to the new pictures, for every control and network. The page is
fetched from `course.py explore --ip`, which runs in a process of its own, by people who behave as browsers do: the page, its
program, then one to three networks and their images, over at most six connections each. The embedded data is used.
"""
import argparse
import asyncio
import itertools
import json
import os
import pathlib
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

os.environ["COURSE_OFFLINE"] = "1"
os.environ["COURSE_DATA"] = tempfile.gettempdir()
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import psutil

ROOT = pathlib.Path(__file__).resolve().parents[1]
CONNECTIONS = 6     # of a browser to one server


# ---- latency in a notebook


def explorations():
    """{name: (Exploration, images by name)}, as notebooks 3 to 6 ask."""
    from lecture_utils import load_mnist, load_model, load_neu, load_photo, load_photo_model
    from lecture_utils.explorer import Exploration

    digits, steel, net = load_mnist(), load_neu(), load_photo_model()
    some_digits, some_steel = dict(enumerate(digits.x_test[:4])), dict(enumerate(steel.x_test[:4]))
    photos = {name: load_photo(name) for name in ("cat", "coffee", "astronaut", "rocket")}
    return {"digits": (Exploration(load_model("mnist_cnn"), digits.class_names), some_digits),
            "steel, GAP head": (Exploration(load_model("neu_gap"), steel.class_names), some_steel),
            "steel, Flatten head": (Exploration(load_model("neu_dense"), steel.class_names), some_steel),
            f"photographs, {net.model.name}": (Exploration(net.model, net.class_names, net.preprocess), photos)}


def latencies():
    """{(network, control): milliseconds of each change}, all images seen once before."""
    from lecture_utils.explorer import Explorer

    measured = {}
    for name, (exploration, images) in explorations().items():
        shown = Explorer(exploration, images)
        changes = {"image": list(images), "method": exploration.methods, "layer": exploration.layers,
                   "class_": list(range(len(exploration.class_names)))[:10], "opacity": range(0, 100, 5)}
        walk(shown, changes["image"], changes["method"])
        for control, values in changes.items():
            measured[name, control] = [change(shown, control, value) for value in [*values] * 3]
        fresh = Explorer(type(exploration)(exploration.model, exploration.class_names, exploration.preprocess), images)
        change(fresh, "image", list(images)[1])      # traces
        measured[name, "image, new"] = [change(fresh, "image", image) for image in list(images)[2:]]
    return measured


def walk(shown, images, methods):
    for image, method in itertools.product(images, methods):
        shown.image.value, shown.method.value = image, method
    shown.method.value = methods[0]


def change(shown, control, value):
    """Milliseconds until everything is drawn anew; no loop runs here, so it is drawn at once."""
    began = time.perf_counter()
    getattr(shown, control).value = value
    return 1000 * (time.perf_counter() - began)


# ---- a hall fetches the page


class Server:
    """The page, served by a process of its own: `memory`, its resident size in MB, and `cpu`, its seconds so far."""

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "tools.explore", "--ip", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        next(line for line in self.process.stdout if line.startswith("The explorer is at"))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    @property
    def memory(self):
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    @property
    def cpu(self):
        return sum(psutil.Process(self.process.pid).cpu_times()[:2])


class Fetched(NamedTuple):
    """What a hall fetched: of each person the milliseconds until the last file was there; all bytes; what went wrong."""

    milliseconds: list
    megabytes: float
    errors: list
    seconds: float


async def hall(port, people, within, packed):
    """`people` open the page at random moments of `within` seconds; packed: whether their browsers take gzip."""
    began, bodies, errors = time.perf_counter(), [], []

    async def person(seed):
        rng = random.Random(seed)
        await asyncio.sleep(rng.uniform(0, within))
        began = time.perf_counter()
        browser = Browser(port, packed, bodies, errors)
        page = await browser.fetch("/")
        await asyncio.gather(browser.fetch("/explorer.js"), *map(browser.fetch, files_for(page, packed, rng)))
        browser.close()
        return 1000 * (time.perf_counter() - began)

    milliseconds = await asyncio.gather(*map(person, range(people)))
    return Fetched(milliseconds, sum(bodies) / 1e6, errors, time.perf_counter() - began)


def files_for(page, packed, rng):
    """The files of one to three networks and of their images, as the page's own list names them."""
    import gzip
    text = (gzip.decompress(page) if packed else page).decode()
    listed = json.loads(re.search(r'id="catalog">(.*?)</script>', text, re.DOTALL)[1])["networks"]
    chosen = rng.sample(listed, rng.randint(1, 3))
    return sorted({f"/networks/{one['name']}.js" for one in chosen} | {f"/images/{one['set']}.js" for one in chosen})


class Browser:
    """At most six connections that stay open; each body is held to the length that was announced."""

    def __init__(self, port, packed, bodies, errors):
        self.port, self.packed, self.bodies, self.errors = port, packed, bodies, errors
        self.turn, self.idle = asyncio.Semaphore(CONNECTIONS), []

    async def fetch(self, path):
        async with self.turn:
            try:
                reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
                accepted = "Accept-Encoding: gzip\r\n" if self.packed else ""
                writer.write(f"GET {path} HTTP/1.1\r\nHost: hall\r\n{accepted}\r\n".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                body = await reader.readexactly(int(re.search(r"(?i)content-length: (\d+)", head)[1]))
            except (OSError, EOFError) as error:
                self.errors.append(f"{path}: {error!r}")
                return b""
        self.idle.append((reader, writer))
        self.bodies.append(len(head) + len(body))
        if not head.startswith("HTTP/1.1 200"):
            self.errors.append(f"{path}: {head.partition(chr(13))[0]}")
        return body

    def close(self):
        for _, writer in self.idle:
            writer.close()


# ---- tables


def quantiles(milliseconds):
    ranked = statistics.quantiles(milliseconds, n=20, method="inclusive") if len(milliseconds) > 1 else milliseconds * 19
    return f"{statistics.median(milliseconds):.0f} | {ranked[18]:.0f} | {max(milliseconds):.0f}"


def print_latencies():
    print("| network | control | median, ms | 95 % | longest |\n|---|---|---|---|---|")
    for (network, control), milliseconds in latencies().items():
        print(f"| {network} | {control.strip('_')} | {quantiles(milliseconds)} |")


def print_hall(people):
    print("| people | open it within, s | gzip | errors | all have it after, s | each, median, ms | 95 % | longest | MB sent "
          "| server: CPU, s | its memory, MB |\n" + 11 * "|---" + "|")
    for count, within, packed in ((1, 0, True), (people, 30, True), (people, 0, True), (people, 0, False)):
        with Server() as server:
            cpu = server.cpu
            fetched = asyncio.run(hall(server.port, count, within, packed))
            spent = server.cpu - cpu
            print(f"| {count} | {within} | {'yes' if packed else 'no'} | {len(fetched.errors)} | {fetched.seconds:.1f} "
                  f"| {quantiles(fetched.milliseconds)} | {fetched.megabytes:.0f} | {spent:.1f} | {server.memory:.0f} |",
                  flush=True)
        for error in sorted(set(fetched.errors)):
            print("    ", error)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--hall", action="store_true")
    arguments = parser.parse_args()

    print(f"{os.cpu_count()} cores; load average {os.getloadavg()[0]:.1f} before anything is measured.\n")
    if not arguments.hall:
        print_latencies()
        print()
    from tools import explore
    explore.make()
    explore.allow_many_connections()        # for those who fetch
    print_hall(arguments.people)


if __name__ == "__main__":
    main()
