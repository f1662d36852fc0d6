"""How fast the explorer answers in a browser whose processor is slowed four times, and TensorFlow.js beside it.

Chromium slows a page's own thread, but not its workers (`check` shows it). So the engine is timed in the page's own thread
under that brake, and the frames of the page with the engine where it belongs, in its worker. Writes its tables in
benchmarks/README.md.

    python3 course.py doctor                          # makes .venv
    .venv/bin/python -m benchmarks.browser            # the engine
    .venv/bin/python -m benchmarks.browser --peers    # and TensorFlow.js, which npm fetches into build/
"""

import argparse
import contextlib
import mimetypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

from lecture_utils.models import BUILDERS
from tools.explorer import build, bundle, networks

from .report import machine, write

SLOWED = 4
ROUNDS = 9
LIMITS = {"mnist_cnn": 50, "mnist_gap": 50, "neu_gap": 300, "neu_dense": 300, "neu_gap_plain": 300, "neu_ruler": 300,
          "vgg16_compact": 1500}                            # milliseconds an answer
PEERS = ("mnist_cnn", "neu_gap", "vgg16_compact")
HERE = Path(__file__).resolve().parent
NODE = HERE.parent / "build" / "npm"
PACKAGES = ("@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0")
FILES = {"library": "tfjs/dist/tf.min.js", "WASM backend": "tfjs-backend-wasm/dist/tf-backend-wasm.min.js",
         "its program": "tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm"}
ADDRESS = "http://course.test/"     # which the browser is given files for; nothing is asked of any network


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", action="store_true", help="measure TensorFlow.js, too")
    peers = parser.parse_args().peers
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--enable-unsafe-swiftshader"])
        folder = laid_out(Path(folder))
        write("browser", engine_table(browser, folder) + f"Chromium {browser.version}." + machine())
        if peers:
            write("tfjs", peers_table(browser, folder) + f"Chromium {browser.version}, {', '.join(PACKAGES)}." + machine())
        browser.close()


def laid_out(folder):
    """A folder with the measured page, its script and all networks."""
    names = [name for name in BUILDERS if not name.startswith("scene")]
    (folder / "browser.js").write_text(build.program(HERE / "browser.js"), encoding="utf-8")
    for name in names:
        (folder / f"{name}.js").write_text(build.network_file(networks.shipped(name)), encoding="utf-8")
    scripts = "".join(f'<script src="{name}.js"></script>' for name in ("browser", *names))
    (folder / "index.html").write_text(f'<!DOCTYPE html><meta charset="utf-8"><title>measured</title>{scripts}', encoding="utf-8")
    return folder


@contextlib.contextmanager
def opened(browser, folder, slowed):
    """The page, its own thread slowed; what it asks for comes from the folder and from what npm fetched."""
    page = browser.new_page()
    page.route("**/*", lambda route: answer(route, folder))
    page.goto(ADDRESS + "index.html")
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    page.set_default_timeout(600_000)
    yield page
    page.close()


def answer(route, folder):
    name = route.request.url.removeprefix(ADDRESS)
    path = NODE / "node_modules" / name.removeprefix("npm/") if name.startswith("npm/") else folder / name
    if path.is_file():
        route.fulfill(body=path.read_bytes(), content_type=mimetypes.guess_type(path)[0] or "application/octet-stream")
    else:
        route.fulfill(status=404)


# --- the engine ----------------------------------------------------------------------------------------------------------

def engine_table(browser, folder):
    brakes = check(browser, folder)
    rows = ["| network | answer | allowed | scores alone | all layers | another class | every method | longest frame |",
            "|---|---|---|---|---|---|---|---|"]
    for name in [name for name in BUILDERS if not name.startswith("scene")]:
        with opened(browser, folder, SLOWED) as page:
            found = page.evaluate("([name, rounds]) => ownThread(name, rounds)", [name, ROUNDS])
            worker = page.evaluate("([name, rounds]) => inWorker(name, rounds)", [name, ROUNDS])
        times = {what: shown(found[what]) for what in found}
        rows.append(f"| `{name}` | {times['answer']} | {LIMITS.get(name, '')} | {times['scores']} | {times['layers']} | "
                    f"{times['anotherClass']} | {times['everything']} | {worker['longest']:.0f} |")
        print(rows[-1], flush=True)
    return "\n".join(rows) + "\n\n" + (
        f"Milliseconds, median (smallest) of {ROUNDS} images that the engine had not seen. A loop of additions took "
        f"{brakes['page']:.1f} times as long in the page slowed {SLOWED} times, and {brakes['worker']:.1f} times in a worker of "
        f"that page. Processes that wanted to run on the machine meanwhile: {os.getloadavg()[1]:.0f}.\n")


def shown(times):
    return f"{median(times):.0f} ({min(times):.0f})"


LOOP = """let sum = 0;
const begin = performance.now();
for (let i = 0; i < 5e7; i++) sum += i % 7;
const time = performance.now() - begin + 0 * sum;
"""
TIMED = """async ([loop, inWorker]) => {
  if (!inWorker) return new Function(loop + "return time;")();
  const worker = new Worker(URL.createObjectURL(new Blob([loop + "postMessage(time);"])));
  return new Promise(resolve => { worker.onmessage = ({ data }) => resolve(data); });
}"""


def check(browser, folder):
    """How many times as long a loop takes under the brake, in the page and in a worker of it; the quickest of several each."""
    found = {}
    for slowed in (1, SLOWED):
        with opened(browser, folder, slowed) as page:
            found[slowed] = {where: min(page.evaluate(TIMED, [LOOP, where == "worker"]) for _ in range(7))
                             for where in ("page", "worker")}
    return {where: found[SLOWED][where] / found[1][where] for where in found[1]}


# --- TensorFlow.js ---------------------------------------------------------------------------------------------------------

def peers_table(browser, folder):
    if not (NODE / "node_modules" / "@tensorflow").exists():
        NODE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--prefix", NODE, "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES], check=True)
    rows = ["| network | | forward pass | Grad-CAM, last layer | Grad-CAM, first layer |", "|---|---|---|---|---|"]
    for name in PEERS:
        for backend in ("wasm", "webgl", "cpu"):
            with opened(browser, folder, SLOWED) as page:
                with_tensorflow(page)
                rounds = 3 if backend == "cpu" else ROUNDS
                found = page.evaluate("([name, backend, rounds]) => tensorflow(name, backend, rounds)", [name, backend, rounds])
            told = [shown(found[what]) if isinstance(found[what], list) else found[what]
                    for what in ("forward", "gradCam", "first")]
            rows.append(f"| `{name}` | TensorFlow.js, {backend} | {' | '.join(told)} |")
            print(rows[-1], flush=True)
    with opened(browser, folder, 1) as page:
        with_tensorflow(page)
        cpu, wasm = (set(page.evaluate("name => kernels(name)", backend)) for backend in ("cpu", "wasm"))
    lacking = sorted(name for name in cpu - wasm if "Grad" in name or "Backprop" in name)
    ours = len(bundle.bundle(build.HERE / "engine" / "client.js")) + len(build.worker())
    return "\n".join(rows) + "\n\n" + (
        f"Milliseconds, median (smallest). Its size: {', '.join(f'{what} {megabytes(path)}' for what, path in FILES.items())}; "
        f"the engine's is {ours / 1e6:.2f} MB. Of the gradients that its plain backend has, its WASM backend lacks "
        f"{', '.join(lacking)}. WebGL is drawn by SwiftShader here, without a graphics card.\n")


def megabytes(path):
    return f"{(NODE / 'node_modules' / '@tensorflow' / path).stat().st_size / 1e6:.2f} MB"


def with_tensorflow(page):
    page.add_script_tag(url=f"{ADDRESS}npm/@tensorflow/{FILES['library']}")
    page.add_script_tag(url=f"{ADDRESS}npm/@tensorflow/{FILES['WASM backend']}")
    page.evaluate("address => tf.wasm.setWasmPaths(address)", f"{ADDRESS}npm/@tensorflow/tfjs-backend-wasm/dist/")


if __name__ == "__main__":
    main()
