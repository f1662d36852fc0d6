"""Writes the explorer as static files, which a browser opens from a folder or from any web server.

    index.html          the page, with its style and what it must know before it has a network
    explorer.js         its program, and in it, as a text, that of the thread in which the networks run
    networks/NAME.js    one network each: description and weights
    images/SET.js       pictures to ask about

Networks and pictures hand themselves over when their script is loaded: a page that is opened from a file may load scripts, but
may not read files in any other way.
"""

import base64
import json
import re
import shutil
from pathlib import Path

import jinja2
import wasmtime

from tools.notebooks.fonts import HANGUL, font_faces

from . import bundle, networks

HERE = Path(__file__).resolve().parent


def build(folder):
    """Write the explorer into `folder`, which is made anew. Raises what `networks.shipped` and `bundle.bundle` raise."""
    from . import subjects

    folder, page = Path(folder), HERE / "page"
    shutil.rmtree(folder, ignore_errors=True)
    css = "\n".join(path.read_text("utf-8") for path in sorted(page.glob("*.css")))
    html = jinja2.Template((page / "index.html.j2").read_text("utf-8"), keep_trailing_newline=True)
    _write(folder / "index.html", html.render(css=hangul(subjects) + css, catalog=bundle.script(subjects.catalog())))
    _write(folder / "explorer.js", program(page / "main.js"))
    for name, *_ in subjects.NETWORKS:
        _write(folder / "networks" / f"{name}.js", network_file(networks.shipped(name)))
    for name, images in subjects.image_sets().items():
        _write(folder / "images" / f"{name}.js", f"course.images({json.dumps(name)}, {bundle.script(images)});\n")


def hangul(subjects):
    """The Korean letters of the page as a font, for computers that have none."""
    said = [*(HERE / "page").iterdir(), subjects.shared.FILE, Path(subjects.__file__)]
    texts = "".join([*(path.read_text("utf-8") for path in said), *subjects.KOREAN.values()])
    return font_faces("".join(sorted(set(re.findall("[가-힣]", texts)))), HANGUL[:1]) + "\n"


def program(entry):
    """The script that begins with the module `entry`, the page's or a test's; its "build:worker" is the engine's thread."""
    return bundle.bundle(entry, {"gemm": {"gemmBinary": assembled()}, "worker": {"workerSource": worker()}})


def worker():
    """The program of the engine's thread."""
    return bundle.bundle(HERE / "engine" / "worker.js", {"gemm": {"gemmBinary": assembled()},
                                                         "squeezenet": {"description": networks.squeezenet_description()}})


def assembled():
    """The WebAssembly of `gemm.wat`, as base64."""
    return base64.b64encode(wasmtime.wat2wasm((HERE / "engine" / "gemm.wat").read_text("utf-8"))).decode()


def network_file(exported):
    """networks/NAME.js: the call that hands a network to the page."""
    weights = base64.b64encode(exported.packed()).decode()
    return f'course.network({json.dumps(exported.description["name"])}, {bundle.script(exported.description)}, "{weights}");\n'


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
