"""How quickly the explorer answers, and how a lecture hall loads its page.

    .venv/bin/python -m benchmarks.explorer                 latency, load and the cost of a kernel each, as tables
    .venv/bin/python -m benchmarks.explorer --clients 60    a larger hall

Latency is measured in this process: from a control's change to the new pictures, for every control and network. Load is
measured from outside: the page in a process of its own, and clients that behave as its script does: each asks, waits for
the answer, and asks again after a pause in which a person looks. The embedded data is used.
"""
import argparse
import asyncio
import itertools
import json
import os
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["COURSE_OFFLINE"] = "1"
os.environ["COURSE_DATA"] = tempfile.gettempdir()
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

ROOT = pathlib.Path(__file__).resolve().parents[1]
LOOK = (0.05, 1.0)      # seconds between an answer and the next change: from a slider that is dragged to a person who looks


# ---- latency


def latencies():
    """{(network, control): milliseconds of each change}, all images seen once before."""
    from lecture_utils.explorer import Explorer
    from tools import explore

    measured = {}
    for name, subject in explore.load_subjects().items():
        images = dict(itertools.islice(subject.images.items(), 4))
        shown = Explorer(subject.exploration, images)
        changes = {"image": list(images), "method": subject.exploration.methods, "layer": subject.exploration.layers,
                   "class_": list(range(len(subject.exploration.class_names))), "opacity": range(0, 100, 5)}
        walk(shown, changes["image"], changes["method"])
        for control, values in changes.items():
            measured[name, control] = [change(shown, control, value) for value in [*values] * 3]
        fresh = Explorer(type(subject.exploration)(subject.exploration.model, subject.exploration.class_names,
                                                   subject.exploration.preprocess), images)
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


# ---- load


class Server:
    """The page, served by a process of its own: `memory`, its resident size in MB, and `cpu`, its seconds so far."""

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        began = time.perf_counter()
        self.process = subprocess.Popen([sys.executable, "-m", "tools.explore", "--port", str(self.port)], cwd=ROOT,
                                        stdout=subprocess.PIPE, text=True)
        next(line for line in self.process.stdout if line.startswith("The explorer is at"))
        self.seconds = time.perf_counter() - began
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


async def load(port, clients, changes, look):
    """Milliseconds of every answer, and the errors, of `clients` that each open the page and make `changes` changes."""
    AsyncHTTPClient.configure(None, max_clients=clients)
    browser, answers, errors = AsyncHTTPClient(), [], []
    address = f"http://127.0.0.1:{port}"
    networks = json.loads((await browser.fetch(f"{address}/networks")).body)

    async def fetch(path, **request):
        began = time.perf_counter()
        try:
            await browser.fetch(address + path, request_timeout=60, **request)
        except (HTTPClientError, OSError) as error:
            errors.append(f"{path.partition('?')[0]}: {error}")
        return 1000 * (time.perf_counter() - began)

    async def person(seed):
        rng = random.Random(seed)
        await asyncio.sleep(rng.random())
        for path in ("/", "/explore.js", "/explore.css", "/networks"):
            await fetch(path)
        network = rng.choice(list(networks))
        asked = first_question(network, networks[network])
        for n in range(changes):
            vary(asked, networks[network], rng)
            answers.append(await fetch("/view", method="POST", body=json.dumps(asked)))
            if n == changes // 2:
                await fetch(f"/picture?network={network}", method="POST", body=drawing(rng))
            await asyncio.sleep(rng.uniform(*look))

    await asyncio.gather(*map(person, range(clients)))
    return answers, errors


def first_question(network, described):
    choice = {"method": described["methods"][0], "layer": described["last_layer"], "class": None, "opacity": 0.5}
    return {"network": network, "image": described["images"][0], "choices": [choice]}


def vary(asked, described, rng):
    """Change one control, as a person does."""
    choice = asked["choices"][0]
    match rng.randrange(6):
        case 0:
            asked["image"] = rng.choice(described["images"])
        case 1:
            choice["method"] = rng.choice(described["methods"])
        case 2:
            choice["layer"] = rng.choice(described["layers"])
        case 3:
            choice["class"] = rng.randrange(6)
        case _:
            choice["opacity"] = rng.randrange(21) / 20


def drawing(rng):
    """A PNG with two strokes."""
    import io

    from PIL import Image, ImageDraw
    paper, file = Image.new("L", (168, 168)), io.BytesIO()
    pen = ImageDraw.Draw(paper)
    pen.line([(rng.randrange(30, 140), rng.randrange(30, 140)) for _ in range(3)], fill=255, width=14)
    paper.save(file, format="png")
    return file.getvalue()


# ---- the other way: a kernel each

KERNEL = ("import time, resource; import lecture_utils.quiet; from lecture_utils import load_mnist, load_model; "
          "from lecture_utils.explorer import *; d = load_mnist(); "
          "Explorer(Exploration(load_model('mnist_cnn'), d.class_names), d.x_test[:2]); "
          "r = resource.getrusage(resource.RUSAGE_SELF); print(r.ru_maxrss / 1000, r.ru_utime + r.ru_stime)")


def a_kernel_each():
    """(MB, CPU seconds) of one process with TensorFlow and the smallest network, ready for its first question."""
    shown = subprocess.run([sys.executable, "-c", KERNEL], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(map(float, shown.splitlines()[-1].split()))


# ---- tables


def quantiles(milliseconds):
    ranked = statistics.quantiles(milliseconds, n=20, method="inclusive") if len(milliseconds) > 1 else milliseconds * 19
    return f"{statistics.median(milliseconds):.0f} | {ranked[18]:.0f} | {max(milliseconds):.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--changes", type=int, default=40)
    arguments = parser.parse_args()

    print(f"{os.cpu_count()} cores; load average {os.getloadavg()[0]:.1f} before anything is measured.\n")
    measured = latencies()
    print("| network | control | median, ms | 95 % | longest |\n|---|---|---|---|---|")
    for (network, control), milliseconds in measured.items():
        print(f"| {network} | {control.strip('_')} | {quantiles(milliseconds)} |")

    with Server() as server:
        print(f"\nPage ready after {server.seconds:.0f} s; {server.memory:.0f} MB.\n")
        print("| clients | pause, s | answers | errors | median, ms | 95 % | longest "
              "| answers a second | CPU an answer, ms | memory, MB |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for clients, look in ((1, LOOK), (arguments.clients, LOOK), (arguments.clients, (0, 0))):
            began, cpu = time.perf_counter(), server.cpu
            answers, errors = asyncio.run(load(server.port, clients, arguments.changes, look))
            rate = len(answers) / (time.perf_counter() - began)
            print(f"| {clients} | {look[0]}–{look[1]} | {len(answers)} | {len(errors)} | {quantiles(answers)} | {rate:.0f} "
                  f"| {1000 * (server.cpu - cpu) / len(answers):.0f} | {server.memory:.0f} |", flush=True)
            for error in sorted(set(errors)):
                print("    ", error)

    megabytes, seconds = a_kernel_each()
    print(f"\nA kernel each would take {megabytes:.0f} MB and {seconds:.1f} s of CPU to start, of each of {arguments.clients}: "
          f"{arguments.clients * megabytes / 1000:.0f} GB and {arguments.clients * seconds / os.cpu_count():.0f} s on these "
          f"{os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
