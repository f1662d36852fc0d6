"""The site in a real browser, from a file and from a static server: it asks nobody, fits, and can be read by all.

Screenshots are left in build/screenshots/site/.
"""
import functools
import http.server
import threading

import nbformat
import pytest
import site_builder

from lecture_utils.explorer import shared
from tools import site, slides
from tools.notebooks import notebook_paths
from tools.notebooks.languages import LANGUAGES
from tools.notebooks.languages import folder as place
from tools.website import start

# Those of whose tables, formulas and outputs some are wider than a phone; two languages; every kind of page.
WRITTEN = ("04_grad_cam_vgg16", "05_cam_equivalence_proof", "07_localization_and_counterfactuals")
PAGES = ["index.html", "ko.html", "instructor.html", "instructor.ko.html", "capstone.html", "capstone.ko.html",
         "slides/index.html", "notebooks/glossary.html", "notebooks/ko/glossary.html",
         *(f"notebooks/{name}.html" for name in WRITTEN), f"notebooks/ko/{WRITTEN[0]}.html"]
KINDS = ["index.html", "ko.html", "instructor.ko.html", "capstone.html", "slides/index.html", "notebooks/glossary.html",
         f"notebooks/{WRITTEN[1]}.html", "notebooks/ko/glossary.html", f"notebooks/ko/{WRITTEN[1]}.html"]
PRESETS = shared.presets()
SIZES = {"projector": (1920, 1080), "laptop": (1366, 768), "phone": (390, 844)}
LESSON = f"notebooks/{WRITTEN[0]}.html"

# What sticks out of the page, and code that is cut off.
STICKING_OUT = """() => {
  const width = document.documentElement.clientWidth, wrong = [];
  if (document.documentElement.scrollWidth > width) wrong.push("the page scrolls sideways");
  const scrolls = e => e && (["auto", "scroll", "hidden"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  for (const e of document.querySelectorAll("body *")) {
    const box = e.getBoundingClientRect();
    if (e.closest(".skip, svg") || scrolls(e.parentElement)) continue;
    if (box.width && box.right > width + 1) wrong.push(e.outerHTML.slice(0, 80));
  }
  for (const e of document.querySelectorAll(".highlight pre"))
    if (e.scrollWidth > e.clientWidth + 1) wrong.push("cut: " + e.textContent.slice(0, 60));
  return wrong;
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The site with some of its notebooks, and with stand-ins for decks and explorer."""
    folder = tmp_path_factory.mktemp("site")
    notebooks = {language: [(path.stem, nbformat.read(path, as_version=4)) for path in notebook_paths(place(site.ROOT, language))]
                 for language in LANGUAGES}
    for language, named in notebooks.items():
        site.write_notebooks(folder, language, [(name, notebook) for name, notebook in named if name in WRITTEN])
    site.write_documents(folder)
    site_builder.stand_in_explorer(folder / "explorer")
    site_builder.stand_in_decks(folder / "slides")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slides, "BUILD", folder / "slides")
        slides.write_index(folder / "slides" / "index.html", site.house("../"))
    site.write_start(folder, notebooks)
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def addresses(folder):
    """The site's folder as a file's address, and as that of a static server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"file": folder.as_uri(), "server": f"http://127.0.0.1:{server.server_port}"}
        server.shutdown()


@pytest.fixture
def open_page(new_context, addresses):
    """open_page(page, **settings) gives the page; at the end none may have asked another site, or complained."""
    contexts, asked, complaints = [], [], []

    def open_(name, where="file", size="laptop", **settings):
        width, height = SIZES[size]
        context = new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(f"{name}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"{name}: {error}"))
        page.goto(f"{addresses[where]}/{name}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith((*addresses.values(), "data:"))] == []
    assert complaints == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("where", ["file", "server"])
def test_every_page_fits_asks_nobody_and_complains_of_nothing(open_page, where, size, pictures):
    (pictures / "site").mkdir(exist_ok=True)
    faults = {}
    for name in PAGES:
        page = open_page(name, where, size)
        faults[name] = page.evaluate(STICKING_OUT)
        if where == "file":
            page.screenshot(path=pictures / "site" / f"{name.replace('/', '_')}_{size}.png")
        page.close()
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("harm, told", [
    ("document.querySelector('h1').style.width = '900px'", "<h1"),
    ("document.querySelector('.highlight').innerHTML = '<pre style=\"white-space: pre; overflow: hidden\">' + 'x'.repeat(200)",
     "cut: xxx"),
])
def test_the_test_above_sees_what_sticks_out(open_page, harm, told):
    page = open_page(LESSON, size="phone")
    page.evaluate(harm)
    assert any(told in fault for fault in page.evaluate(STICKING_OUT))


def violations(page):
    """What axe-core finds wrong with a page: its rule, and where."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the package axe-playwright-python")
    return [(found["id"], node["html"][:100]) for found in axe.Axe().run(page).response["violations"] for node in found["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", KINDS)
def test_axe_finds_nothing_wrong(open_page, name, scheme):
    page = open_page(name, size="phone" if scheme == "dark" else "laptop", color_scheme=scheme)
    assert violations(page) == []


@pytest.mark.parametrize("harm, rule", [
    ("document.querySelector('h1').style.color = '#ccc'", "color-contrast"),
    ("document.querySelector('.card img').removeAttribute('alt')", "image-alt"),
    ("document.documentElement.removeAttribute('lang')", "html-has-lang"),
    ("document.querySelector('main').outerHTML = document.querySelector('main').innerHTML", "landmark-one-main"),
])
def test_axe_sees_what_is_wrong(open_page, harm, rule):
    page = open_page("index.html", color_scheme="light")
    page.evaluate(harm)
    assert rule in [found for found, _ in violations(page)]


def test_a_dark_page_shows_its_figures_on_white_paper(open_page):
    for scheme, dark in (("light", False), ("dark", True)):
        page = open_page(LESSON, color_scheme=scheme)
        brightness = "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) / 3"
        assert (page.eval_on_selector("body", brightness) < 60) == dark
        assert page.eval_on_selector(".jp-RenderedImage img", brightness) == 255


def test_the_contents_mark_the_section_that_is_being_read(open_page):
    page = open_page(LESSON)
    current = lambda: page.eval_on_selector_all(".contents [aria-current]", "links => links.map(link => link.textContent)")
    assert current() == []
    places = page.eval_on_selector_all(".contents a", "links => links.map(link => [link.textContent, link.getAttribute('href')])")
    for text, href in (places[3], places[-1], places[0]):
        page.click(f'.contents a[href="{href}"]')
        page.wait_for_function("text => document.querySelector('.contents [aria-current]')?.textContent === text", arg=text)
        assert current() == [text]
    box = page.locator(".contents nav").bounding_box()
    assert 0 <= box["y"] and box["x"] + box["width"] < page.locator("main").bounding_box()["x"]     # beside the text, in sight


def test_on_a_phone_the_contents_are_folded_above_the_text(open_page):
    page = open_page(LESSON, size="phone")
    assert not page.locator(".contents nav").is_visible()
    assert page.locator(".contents").bounding_box()["y"] < page.locator("h1").bounding_box()["y"]
    page.click(".contents summary")
    page.click(".contents a >> nth=2")
    assert not page.locator(".contents nav").is_visible()
    assert page.evaluate("location.hash") and page.evaluate("scrollY") > 500


def test_without_scripts_the_contents_are_there(open_page):
    page = open_page(LESSON, java_script_enabled=False)
    assert page.locator(".contents a").first.is_visible()


def test_the_keyboard_reaches_the_text_at_once_and_what_scrolls_in_itself(open_page):
    page = open_page(LESSON, size="phone")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    scrolling = page.eval_on_selector_all(".scroll, .highlight, .jp-OutputArea-output, .formula.block",
                                          "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.tabIndex)")
    assert len(scrolling) > 3 and set(scrolling) == {0}


def test_korean_shows_without_a_korean_font(open_page):
    """Every letter comes from the page's own font, also where text that needs none stands beside it."""
    page = open_page("ko.html")
    page.evaluate("document.fonts.ready")
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    for selector in ("h1", ".top a", ".card h3 a", ".promise"):
        node = session.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
        fonts = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        assert "NanumGothic" in {font["familyName"].replace(" ", "") for font in fonts if font["isCustomFont"]}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset["id"])
def test_the_explorer_reads_a_question_of_the_start_page_as_its_preset(open_page, preset):
    """What reads the address is the explorer's own program; the classes are numbers by then, as `network` has them in order."""
    program = (site.ROOT / "tools" / "explorer" / "page" / "state.js").read_text(encoding="utf-8").replace("export ", "")
    known = {"networks": [each["network"] for each in PRESETS], "presets": [each["id"] for each in PRESETS]}
    state = open_page("index.html").evaluate(f"([address, known]) => {{ {program}; return fromAddress(address, known); }}",
                                             [start.state(preset, "en"), known])
    sides = [preset, *([preset | preset["other"]] if "other" in preset else [])]
    assert (state["preset"], state["image"]) == (preset["id"], preset["image"])
    assert (state["boxes"], state["erase"]) == (preset.get("boxes", False), preset.get("erase", False))
    assert state["common"] != preset.get("own_scale", False)
    classes = {"cat": 3, "horse": 7, "scratches": 5}
    assert [(side["network"], side["method"], side["class"], side["dice"]) for side in state["sides"]] == [
        (side["network"], side.get("method", "Grad-CAM"), classes.get(side.get("class")), side.get("dice", 0)) for side in sides]


def test_the_start_page_tells_the_case_at_first_sight(open_page):
    """Claim, picture and the way on: all in sight without scrolling, on a projector, a laptop and a phone."""
    for size, (_, height) in SIZES.items():
        page = open_page("index.html", size=size)
        seen = ["h1", "figure img >> nth=0", "figure img >> nth=1", *([".button >> nth=0"] if size != "phone" else [])]
        assert all(page.locator(one).bounding_box()["y"] + page.locator(one).bounding_box()["height"] <= height for one in seen)
