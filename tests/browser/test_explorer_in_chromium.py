"""The notebooks' explorer in Chromium, under JupyterLab. Each control is moved with the keyboard or the mouse; pictures and
scores must change in one frame, never be blank, the scores be the model's, and the console silent. One notebook is run whole,
as nbval runs them all; of the others only what their explorer needs.

Screenshots are left in build/screenshots/explorer/.
"""
import functools
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import symtable
import sys
import tempfile
import time

import nbformat
import numpy as np
import pytest

from lecture_utils import load_model, load_photo, load_vgg16
from lecture_utils.datasets.loaders import EMBEDDED_DIGITS, EMBEDDED_STEEL
from lecture_utils.datasets.synthetic import draw_digits, draw_steel
from lecture_utils.explorer import uploads
from tools.notebooks.execute import code_cells, embedded_environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
WITH_EXPLORER = {"03_grad_cam_mnist": False, "04_grad_cam_vgg16": False, "06_guided_grad_cam": True}     # True: run whole
START = 1800            # seconds in which a server must have started


@functools.cache
def digits():
    """The embedded test digits and their labels; the training digits, which take longer to draw, nobody asks for."""
    return draw_digits(*EMBEDDED_DIGITS["test"])


def first_digit():
    return digits()[0][:1]


def first_plate():
    """The first of the embedded test plates: the same, however many are drawn."""
    return draw_steel(1, EMBEDDED_STEEL["test"][1])[0][:1]


# Frame by frame: whether a picture is missing, whether one has another size than in the frame before, and how often what
# is shown, pictures and scores together, was another than before.
WATCH = """explorer => {
  const pictures = () => [...explorer.querySelectorAll("figure img")].filter(img => img.offsetParent && img.src);
  const sizes = () => pictures().map(img => [img.offsetWidth, img.offsetHeight]).join();
  const shown = () => pictures().map(img => img.src + img.alt).join() + explorer.querySelector(".scores").textContent;
  const seen = window.seen = {frames: 0, blank: 0, jumps: 0, changes: 0, sizes: sizes(), shown: shown()};
  (function look() {
    if (window.seen !== seen) return;
    seen.frames += 1;
    seen.changes += shown() !== seen.shown;
    seen.shown = shown();
    seen.blank += pictures().some(img => !img.complete || !img.naturalWidth);
    seen.jumps += sizes() !== seen.sizes;
    seen.sizes = sizes();
    requestAnimationFrame(look);
  })();
}"""


@pytest.fixture(scope="module")
def folder(pictures):
    (pictures / "explorer").mkdir(exist_ok=True)
    return pictures / "explorer"


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """serve(*argv) starts a server, which finds a free port and prints its address, and gives that address."""
    processes, nothing = [], tmp_path_factory.mktemp("nothing")

    def start(*argv):
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYDEVD_DISABLE_FILE_VALIDATION": "1", "JUPYTER_CONFIG_DIR": str(nothing),
                       "IPYTHONDIR": str(nothing), "JUPYTER_PREFER_ENV_PATH": "1"} | embedded_environment(nothing)
        path = nothing / f"{len(processes)}.log"
        with path.open("w") as log:
            processes.append(subprocess.Popen([sys.executable, *argv, "--port=0"], cwd=ROOT, stdout=log,
                                              stderr=subprocess.STDOUT, env=os.environ | environment))
        return printed_address(path, processes[-1])

    yield start
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def printed_address(log, process):
    """The address at which a server says that it is."""
    deadline = time.monotonic() + START
    while not (found := re.search(r"http://(?:localhost|127\.0\.0\.1):(\d+)", log.read_text())):
        assert process.poll() is None, f"the server has ended:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"the server has not started in {START} s:\n{log.read_text()}"
        time.sleep(0.2)
    return f"http://127.0.0.1:{found[1]}"


def shown_scores(explorer):
    return explorer.locator("td.score").all_inner_texts()


def expected_scores(model, inputs):
    return [f"{score:.2f}" for score in model(inputs, training=False).numpy()[0]]


def overlay(explorer):
    return explorer.locator("figure img").nth(2).get_attribute("src")


def changes_the_overlay(page, explorer, act):
    """`act()`, and wait until the overlay is another picture."""
    before = overlay(explorer)
    act()
    page.wait_for_function("([explorer, before]) => explorer.querySelectorAll('figure img')[2].src !== before",
                           arg=[explorer.element_handle(), before])


def watched(page):
    """What was seen since WATCH began, the picture that stands there now included."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate("seen")


def options(explorer, name):
    """The texts of a list, found by its accessible name; ipywidgets writes its spaces as unbreakable ones."""
    control = explorer.get_by_role("combobox", name=name, exact=True)
    return [text.replace("\xa0", " ") for text in control.locator("option").all_inner_texts()]


def choose(page, explorer, name, option):
    """Choose from a list and wait for new pictures: CAM's map is signed, laid over the image it may equal Grad-CAM's."""
    control, place = explorer.get_by_role("combobox", name=name, exact=True), options(explorer, name).index(option)
    pictures = "explorer => [...explorer.querySelectorAll('figure img')].map(img => img.src).join()"
    before = page.evaluate(pictures, explorer.element_handle())
    control.select_option(index=place)
    page.wait_for_function(f"([explorer, before]) => ({pictures})(explorer) !== before", arg=[explorer.element_handle(), before])


def draw(page, explorer, strokes):
    """Draw on the drawing area, with the mouse, strokes given in shares of its side."""
    canvas = explorer.get_by_role("img", name=re.compile("Drawing area"))
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for start, *rest in strokes:
        page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
        page.mouse.down()
        for x, y in rest:
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        page.mouse.up()


SEVEN = [[(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]]


# ---- in the notebooks


@pytest.fixture(scope="module")
def lab(serve, tmp_path_factory):
    """JupyterLab's address and token; it serves copies of the notebooks, in a folder in which they find the course."""
    (ROOT / "build").mkdir(exist_ok=True)
    notebooks = tempfile.mkdtemp(prefix="browser-", dir=ROOT / "build")
    for name, whole in WITH_EXPLORER.items():
        notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
        if not whole:
            notebook.cells = [*notebook.cells[:2], *needed(notebook.cells[2:])]
        nbformat.write(notebook, pathlib.Path(notebooks, f"{name}.ipynb"))
    settings = tmp_path_factory.mktemp("settings")
    (settings / "overrides.json").write_text(json.dumps({       # no question about news; cells out of sight are there, too
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}))
    token = secrets.token_hex(16)
    address = serve("-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--ServerApp.root_dir={notebooks}",
                    f"--IdentityProvider.token={token}", f"--LabApp.app_settings_dir={settings}")
    yield lambda name: (f"{address}/lab/tree/{name}.ipynb?reset&token={token}",
                        len(code_cells(nbformat.read(pathlib.Path(notebooks, f"{name}.ipynb"), as_version=4))))
    shutil.rmtree(notebooks, ignore_errors=True)


def needed(cells):
    """Of a notebook's cells those that the explorer's needs, and this: for each name that one uses the last that sets it."""
    code = [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]
    names = [set_and_used(cell.source) for cell in code]
    kept, asked = set(), {next(n for n, cell in enumerate(code) if "explore(" in cell.source)}
    while asked:
        kept.add(place := asked.pop())
        for name in names[place][1]:
            asked |= {*[n for n in range(place) if name in names[n][0]][-1:]} - kept
    return [code[place] for place in sorted(kept)]


def set_and_used(code):
    """The names that a cell's code sets, and those that it, or a function in it, takes from the cells before."""
    tables = [symtable.symtable(code, "cell", "exec")]
    given = {name.get_name() for name in tables[0].get_symbols() if name.is_assigned() or name.is_imported()}
    for table in tables:        # it grows
        tables += table.get_children()
    used = {name.get_name() for table in tables for name in table.get_symbols() if name.is_global() and name.is_referenced()}
    return given, used - given


def run_all(page, address, count):
    """Open the notebook, run all its `count` cells of code, wait until each prompt has its number; gives the explorer."""
    page.goto(address)
    page.get_by_text("| Idle").wait_for()      # the kernel has started and is connected
    page.get_by_role("menuitem", name="Edit").click()
    page.get_by_text("Clear Outputs of All Cells", exact=True).click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function("""count => {
        const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt:not(.jp-Placeholder-prompt)")];
        return prompts.length >= count - 1 && prompts.every(prompt => /\\[\\d+\\]/.test(prompt.textContent));
    }""", arg=count, timeout=900_000, polling=500)  # the bootstrap cell is folded
    explorer = page.locator(".course-explorer")
    explorer.scroll_into_view_if_needed()
    explorer.locator("figure img").nth(2).wait_for()
    return explorer


@pytest.fixture(scope="module")
def opened(new_context, lab):
    """opened(name) gives a notebook's page, in which all cells were run, and its explorer; no console may complain."""
    context, complaints, known = new_context(viewport={"width": 1400, "height": 1300}), [], {}
    context.route(re.compile("^https:"), lambda route: route.fulfill(body=""))     # the badges' pictures

    def open_(name):
        if name not in known:
            page = context.new_page()
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            known[name] = page, run_all(page, *lab(name))
        return known[name]

    yield open_
    context.close()
    assert complaints == []


def first_question(name):
    """(model, its input) of what the explorer of a notebook shows first."""
    if name == "03_grad_cam_mnist":
        (images, labels), model = digits(), load_model("mnist_cnn")
        predicted = model.predict(images, verbose=0).argmax(axis=1)
        return model, images[[np.flatnonzero((labels == 6) & (predicted == 6))[0]]]
    vgg = load_vgg16()
    return vgg.model, vgg.preprocess(load_photo("cat")[None])


@pytest.mark.parametrize("name", WITH_EXPLORER)
def test_in_a_notebook_every_control_answers(name, opened, folder):
    page, explorer = opened(name)
    model, inputs = first_question(name)
    page.evaluate(f"({WATCH})(document.querySelector('.course-explorer'))")
    if name != "03_grad_cam_mnist":         # they begin with the composed picture
        choose(page, explorer, "image", "cat" if name.startswith("04") else "the cat")
        assert watched(page)["changes"] == 1        # all pictures and all scores at once
    assert shown_scores(explorer) == expected_scores(model, inputs)

    slider = explorer.get_by_role("slider", name="opacity %")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        changes_the_overlay(page, explorer, functools.partial(slider.press, key))
    choose(page, explorer, "method", "Grad-CAM" if name.startswith("06") else "counterfactual")
    choose(page, explorer, "layer", options(explorer, "layer")[0])
    choose(page, explorer, "class", "7" if name.startswith("03") else "dog")
    choose(page, explorer, "method", "guided backprop")
    choose(page, explorer, "method", "Guided Grad-CAM")
    assert shown_scores(explorer) == expected_scores(model, inputs)     # the image is the same, and so are its scores

    explorer.get_by_role("checkbox", name="compare with").check()
    explorer.locator("figure img").nth(4).wait_for()
    second = explorer.locator("figure img").nth(3).get_attribute("src")
    explorer.get_by_role("combobox", name="class 2").select_option("8" if name.startswith("03") else "bird")
    page.wait_for_function("before => document.querySelectorAll('.course-explorer figure img')[3].src !== before", arg=second)
    explorer.screenshot(path=folder / f"{name}.png")

    assert watched(page)["blank"] == 0
    explorer.get_by_role("button", name=re.compile("Save")).click()
    explorer.get_by_text(re.compile("Saved: .*Guided-Grad-CAM-of-.*png")).wait_for()
    page.evaluate("() => { window.seen = null; }")      # the page stays, and would go on watching behind the next one


def test_in_a_notebook_a_digit_is_drawn_and_a_picture_uploaded(opened, folder, tmp_path):
    page, explorer = opened("03_grad_cam_mnist")
    changes_the_overlay(page, explorer, lambda: draw(page, explorer, SEVEN))
    chosen = explorer.get_by_role("combobox", name="image").evaluate("list => list.selectedIndex")
    assert options(explorer, "image")[chosen] == "your drawing"
    assert explorer.locator("tr", has_text="predicted").locator("th").inner_text() == "7"
    explorer.screenshot(path=folder / "drawing.png")

    def upload(path):
        with page.expect_file_chooser() as chooser:
            explorer.get_by_role("button", name=re.compile("Upload")).click()
        chooser.value.set_files(path)

    (tmp_path / "bad.png").write_bytes(b"this is no picture")
    upload(tmp_path / "bad.png")
    explorer.get_by_text("this is not a picture that can be read").wait_for()
    digit = first_digit()[0, ..., 0]
    uploads.Image.fromarray(np.uint8(255 * (1 - np.kron(digit, np.ones((8, 8)))))).save(tmp_path / "digit.png")
    changes_the_overlay(page, explorer, lambda: upload(tmp_path / "digit.png"))
    assert explorer.locator("tr", has_text="predicted").locator("th").inner_text() == str(digits()[1][0])


def test_a_slider_of_a_notebook_answers_and_nothing_flickers(opened):
    """Step after step, each waiting for its picture; the time is printed, not judged."""
    page, explorer = opened("03_grad_cam_mnist")
    page.evaluate(f"({WATCH})(document.querySelector('.course-explorer'))")
    slider = explorer.get_by_role("slider", name="opacity %")
    changes_the_overlay(page, explorer, lambda: slider.press("Home"))
    milliseconds = [page.evaluate("""() => new Promise(answer => {
        const explorer = document.querySelector(".course-explorer"), began = performance.now();
        const overlay = () => explorer.querySelectorAll("figure img")[2].src, before = overlay();
        const look = () => overlay() === before ? requestAnimationFrame(look) : answer(performance.now() - began);
        explorer.querySelector("[role=slider]").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
        look();
    })""") for _ in range(19)]
    seen = watched(page)
    print(f"slider in JupyterLab: median {np.median(milliseconds):.0f} ms, longest {max(milliseconds):.0f} ms")
    assert seen["blank"] == 0 and seen["jumps"] == 0
