"""Every slide of every deck, in both languages, opened in Chromium: it loads nothing, fits, can be read and is printed.

Screenshots of all slides are left in build/screenshots/decks/.
"""
import os
import re
import subprocess
import sys

import pytest

from tools import slides
from tools.decks import source

BOTH = [(name, language) for name in source.deck_names() for language in source.LANGUAGES]
PRINTED = BOTH[-len(source.LANGUAGES):]
BUILD = source.ROOT / "build" / "slides"

# What is wrong with the slide `n`, which is shown unscaled: a list of sentences.
FAULTS = """n => {
  const slide = slides[n], wrong = [], of = e => e.getBoundingClientRect();
  const name = e => e.tagName.toLowerCase() + " '" + e.textContent.trim().slice(0, 40) + "'";
  const footer = of(slide.querySelector("footer")), heading = of(slide.querySelector("h1"));
  for (const e of slide.querySelectorAll("h1, .content *, footer span")) {
    if (e.closest("svg") && e.tagName !== "svg") continue;
    const box = of(e), inFooter = e.closest("footer");
    if (box.width === 0 || box.height === 0) continue;
    if (box.left < -1 || box.top < -1 || box.right > 1281 || box.bottom > 721) wrong.push(name(e) + " leaves the slide");
    if (!inFooter && box.bottom > footer.top + 1) wrong.push(name(e) + " runs into the footer");
    if (e.closest(".content") && box.top < heading.bottom - 1) wrong.push(name(e) + " runs into the heading");
    if (e.scrollWidth > e.clientWidth + 1 && e.matches("pre, table, li, p")) wrong.push(name(e) + " is cut off");
    const text = [...e.childNodes].some(child => child.nodeType === Node.TEXT_NODE && child.data.trim());
    if (text && parseFloat(getComputedStyle(e).fontSize) < 24) wrong.push(name(e) + " is smaller than 24 pixels");
  }
  const spans = [...slide.querySelectorAll("footer span")].map(of);
  for (let k = 1; k < spans.length; k++) if (spans[k].left < spans[k - 1].right) wrong.push("the footer's texts overlap");
  for (const picture of slide.querySelectorAll("img, svg, [role=img]")) {
    const told = [picture, ...function* () { for (let e = picture; (e = e.parentElement); ) yield e; }()];
    if (!told.some(e => e.getAttribute("alt") || e.getAttribute("aria-label"))) wrong.push("a picture has no alternative text");
    if (picture.matches("img") && !picture.naturalWidth) wrong.push("a picture is broken");
  }
  return wrong;
}"""


@pytest.fixture(scope="module", autouse=True)
def built(chromium):
    """The decks, built from their sources as they are now. Printing takes long: no browser is found but for `PRINTED`."""
    subprocess.run([sys.executable, "-m", "tools.slides"], cwd=source.ROOT, check=True,
                   env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PATH": ""})
    for name, language in PRINTED:
        slides.print_pdf(slides.find_browser(), BUILD / language / f"{name}.html")
    slides.write_index()


@pytest.fixture
def open_deck(new_context):
    """open_deck(name, language) gives the page; at the end it must have loaded nothing and complained of nothing."""
    context = new_context(viewport={"width": 1280, "height": 720})
    loaded, complaints = [], []

    def watch(page):
        page.on("request", lambda request: loaded.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))

    def open_(name, language):
        page = context.new_page()
        page.goto((BUILD / language / f"{name}.html").as_uri())
        return page

    context.on("page", watch)
    yield open_
    context.close()
    assert [url for url in loaded if not url.startswith(("file:", "data:"))] == []
    assert {re.sub(r"[?#].*", "", url) for url in loaded if url.startswith("file:")} <= {
        (BUILD / language / f"{name}.html").as_uri() for name, language in BOTH}
    assert complaints == []


@pytest.mark.parametrize("name, language", BOTH)
def test_every_slide_fits_and_can_be_read(name, language, open_deck, pictures):
    page = open_deck(name, language)
    folder = pictures / "decks" / language / name
    folder.mkdir(parents=True, exist_ok=True)
    faults = {}
    for n, slide in enumerate(source.read_deck(name, language).slides):
        page.evaluate("n => go(n, Infinity)", n)
        page.screenshot(path=folder / f"{n + 1:02d}_{slide.name}.png")
        faults[slide.name] = page.evaluate(FAULTS, n)
    assert {slide: found for slide, found in faults.items() if found} == {}


@pytest.mark.parametrize("harm, told", [
    ("slide.querySelector('.content').style.fontSize = '20px'", "smaller than 24"),
    ("slide.querySelector('.content').style.paddingTop = '500px'", "runs into the footer"),
    ("slide.querySelector('.content').style.marginLeft = '900px'", "leaves the slide"),
    ("slide.querySelector('img').alt = ''", "no alternative text"),
    ("slide.querySelector('img').src = 'data:image/png;base64,AAAA'", "broken"),
])
def test_the_test_above_sees_what_is_wrong(harm, told, open_deck):
    page = open_deck("03_grad_cam_mnist", "en")
    number = [slide.name for slide in source.read_deck("03_grad_cam_mnist", "en").slides].index("layers")
    page.evaluate(f"""async () => {{
        go({number}, 0);
        const slide = slides[{number}];
        {harm};
        await slide.querySelector("img").decode().catch(() => 0);  // it is there, or broken for good
    }}""")
    assert any(told in fault for fault in page.evaluate(FAULTS, number))


@pytest.mark.parametrize("name, language", PRINTED)
def test_the_pdf_has_one_page_a_slide(name, language):
    pdf = (BUILD / language / f"{name}.pdf").read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == len(source.read_deck(name, language).slides)
    boxes = set(re.findall(rb"/MediaBox\s*\[([^\]]*)\]", pdf))
    assert {tuple(map(float, box.split()))[2:] for box in boxes} == {(960, 540)}  # points: 1280×720 pixels, 16:9


def test_the_keys_lead_through_every_step_and_back(open_deck):
    page = open_deck("03_grad_cam_mnist", "en")
    steps = page.evaluate("steps")
    assert len(steps) == len(source.read_deck("03_grad_cam_mnist", "en").slides) and max(steps) > 1
    seen = [place(page)]
    for _ in range(sum(steps) - 1):
        page.keyboard.press("ArrowRight")
        seen.append(place(page))
    assert seen == [[slide, step] for slide, count in enumerate(steps) for step in range(count)]
    page.keyboard.press("ArrowRight")  # the end: nowhere to go
    assert place(page) == seen[-1]
    for expected in reversed(seen[:-1]):
        page.keyboard.press("ArrowLeft")
        assert place(page) == expected


def test_an_animation_is_played_and_its_frames_differ(open_deck):
    page = open_deck("03_grad_cam_mnist", "en")
    number = page.evaluate("slides.findIndex((_, n) => animated[n].length)")
    page.evaluate("n => go(n, 0)", number)
    first = page.screenshot()
    page.locator("section:not([hidden]) .play").click()
    page.wait_for_function("place.step === steps[place.slide] - 1")
    assert place(page)[0] == number and page.screenshot() != first
    assert page.locator("section:not([hidden]) .frame.shown").count() == 1


def test_the_address_leads_to_a_slide_and_step(open_deck):
    page = open_deck("03_grad_cam_mnist", "ko")
    names = [slide.name for slide in source.read_deck("03_grad_cam_mnist", "ko").slides]
    page.evaluate("location.hash = '#pooling/3'")
    page.wait_for_function("place.step === 3")
    assert place(page) == [names.index("pooling"), 3]
    page.keyboard.press("ArrowDown")
    assert page.evaluate("location.hash") == "#" + names[names.index("pooling") + 1]


def test_the_speakers_view_follows_and_leads(open_deck, pictures):
    hall = open_deck("03_grad_cam_mnist", "en")
    hall.evaluate("go(3, 0)")
    with hall.context.expect_page() as opened:
        hall.keyboard.press("s")
    speaker = opened.value
    speaker.wait_for_function("typeof place !== 'undefined' && place.slide === 3")     # the window may still be empty
    slides = source.read_deck("03_grad_cam_mnist", "en").slides
    assert speaker.locator("#notes").inner_text().strip().startswith(slides[3].notes[:40])
    begins = sum(slide.minutes for slide in slides[:3])
    assert speaker.locator("#planned").inner_text() == f"{begins}–{begins + slides[3].minutes}"
    speaker.screenshot(path=pictures / "decks" / "speaker.png")
    hall.keyboard.press("ArrowDown")
    speaker.wait_for_function("place.slide === 4")
    speaker.keyboard.press("ArrowDown")
    hall.wait_for_function("place.slide === 5")
    speaker.wait_for_function("document.getElementById('elapsed').textContent !== '0:00'")


def test_the_overview_shows_all_slides_and_leads_to_one(open_deck):
    page = open_deck("03_grad_cam_mnist", "en")
    page.keyboard.press("o")
    assert page.locator("section:visible").count() == len(source.read_deck("03_grad_cam_mnist", "en").slides)
    page.mouse.click(500, 100)  # the second of four columns
    assert place(page) == [1, 0] and page.locator("section:visible").count() == 1


def test_a_slide_fills_a_window_of_any_size(open_deck):
    page = open_deck("03_grad_cam_mnist", "en")
    for width, height, expected in (
            (1920, 1080, (0, 0, 1920, 1080)), (800, 600, (0, 75, 800, 450)), (400, 800, (0, 287.5, 400, 225))):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function("""expected => {  // the page hears of its new size a little later
            const box = document.querySelector("section:not([hidden])").getBoundingClientRect();
            return [box.x, box.y, box.width, box.height].every((value, k) => Math.abs(value - expected[k]) < 0.5);
        }""", arg=list(expected))


def test_the_index_leads_to_every_deck(new_context):
    context = new_context()
    page = context.new_page()
    page.goto((BUILD / "index.html").as_uri())
    links = page.eval_on_selector_all("a", "links => links.map(link => link.getAttribute('href'))")
    context.close()
    assert {f"{language}/{name}.html" for name, language in BOTH} | {
        f"{language}/{name}.pdf" for name, language in PRINTED} <= set(links)
    assert all((BUILD / link).is_file() for link in links)


def place(page):
    return page.evaluate("[place.slide, place.step]")
