"""Every slide of every deck and talk, in both languages, opened in Chromium: it loads nothing, fits, can be read and is printed.

Screenshots of all slides are left in build/screenshots/decks/.
"""
import os
import re
import subprocess
import sys

import pytest

from tools import slides
from tools.decks import source, talks
from tools.decks.printing import find_browser

ALL = [*source.deck_names(), *talks.talk_names()]
BOTH = [(name, language) for name in ALL for language in source.LANGUAGES]
PRINTED = "03_grad_cam_mnist"     # has animations, steps and outputs
BUILD = source.ROOT / "build" / "slides"

# What is wrong with the slide `n`, which is shown unscaled: a list of sentences.
FAULTS = """n => {
  const slide = slides[n], wrong = [], of = e => e.getBoundingClientRect();
  const name = e => e.tagName.toLowerCase() + " '" + e.textContent.trim().slice(0, 40) + "'";
  const footer = of(slide.querySelector(".cites") || slide.querySelector("footer")), heading = of(slide.querySelector("h1"));
  for (const e of slide.querySelectorAll("h1, .content *, .cites, .cites a, footer span")) {
    if (e.closest("svg") && e.tagName !== "svg") continue;
    const box = of(e), inFooter = e.closest("footer, .cites");
    if (box.width === 0 || box.height === 0) continue;
    if (box.left < -1 || box.top < -1 || box.right > 1281 || box.bottom > 721) wrong.push(name(e) + " leaves the slide");
    if (!inFooter && box.bottom > footer.top + 1) wrong.push(name(e) + " runs into the foot");
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


# What is wrong with the speaker's view of the slides of a way, the short one or not: a list of sentences.
FAULTS_OF_NOTES = """way => {
    short = way; begun = Date.now() - 60000 * 125; blank = "black";    // all that the bar may have to say
    takeWay();
    return slides.flatMap((slide, n) => {
        go(n, Infinity);
        const notes = document.getElementById("notes"), box = notes.getBoundingClientRect(), wrong = [];
        const shown = document.createRange(), clock = document.getElementById("clock");
        shown.selectNodeContents(notes);
        const text = shown.getBoundingClientRect();
        if (!text.height) wrong.push("there are no notes");
        if (text.right > box.right + 1 || text.bottom > box.bottom + 1 || box.bottom > 800) wrong.push("notes are cut off");
        if (notes.scrollHeight > notes.clientHeight || notes.scrollWidth > notes.clientWidth) wrong.push("notes scroll");
        if (parseFloat(getComputedStyle(notes).fontSize) < 15) wrong.push("notes are smaller than 15 pixels");
        if (getComputedStyle(notes).wordBreak !== "keep-all") wrong.push("words are broken");
        if (clock.scrollWidth > clock.clientWidth) wrong.push("the bar is too long");
        for (const other of document.querySelectorAll("section:not([hidden])"))
            if (other.getBoundingClientRect().bottom > box.top) wrong.push("a slide covers the notes");
        return wrong.map(fault => slide.id + ": " + fault);
    });
}"""

# Builds all decks. What is dear and shows in no test is spared: pixels for larger projectors, small files, and PDFs.
QUICKLY = """
from tools import slides
from tools.decks import figures
figures.SHARPNESS, figures.EFFORT, slides.find_browser = 1, 0, lambda: None
slides.build_all(slides.deck_names(), slides.talk_names())
"""


@pytest.fixture(scope="module", autouse=True)
def built(chromium):
    """The decks, built from their sources as they are now, and the PDFs of one."""
    subprocess.run([sys.executable, "-c", QUICKLY], cwd=source.ROOT, check=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})
    slides.print_all(find_browser(), [PRINTED])
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

    def open_(name, language, address=""):
        page = context.new_page()
        page.goto((BUILD / language / f"{name}.html").as_uri() + address)
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
    for n, slide in enumerate(page.evaluate("slides.map(slide => slide.id)")):
        page.evaluate("n => go(n, Infinity)", n)
        page.screenshot(path=folder / f"{n + 1:02d}_{slide}.png")
        faults[slide] = page.evaluate(FAULTS, n)
    assert {slide: found for slide, found in faults.items() if found} == {}


@pytest.mark.parametrize("name, language", BOTH)
def test_the_speakers_view_shows_all_notes_without_scrolling(name, language, open_deck):
    page = open_deck(name, language, "?speaker")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.wait_for_function("innerHeight === 800")
    assert page.evaluate(FAULTS_OF_NOTES, False) == page.evaluate(FAULTS_OF_NOTES, True) == []


@pytest.mark.parametrize("harm, told", [
    ("note.textContent = 'more words '.repeat(400)", "notes scroll"),
    ("note.remove()", "there are no notes"),
    ("document.getElementById('notes').style.bottom = '-9px'", "notes are cut off"),
    ("document.getElementById('clock').style.gap = '300px'", "the bar is too long"),
])
def test_the_test_of_the_speakers_view_sees_what_is_wrong(harm, told, open_deck):
    page = open_deck("03_grad_cam_mnist", "en", "?speaker")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.wait_for_function("innerHeight === 800")
    page.evaluate(f"() => {{ const note = slides[3].querySelector('.notes p'); {harm}; }}")
    assert any(told in fault for fault in page.evaluate(FAULTS_OF_NOTES, False))


@pytest.mark.parametrize("harm, told", [
    ("slide.querySelector('.content').style.fontSize = '20px'", "smaller than 24"),
    ("slide.querySelector('.content').style.paddingTop = '500px'", "runs into the foot"),
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


@pytest.mark.parametrize("language", source.LANGUAGES)
def test_a_deck_is_printed_as_slides_and_as_handouts_with_bookmarks(language):
    headings = [heading_of(slide) for slide in source.read_deck(PRINTED, language).slides]
    for ending in slides.PRINTS:
        pdf = (BUILD / language / f"{PRINTED}{ending}.pdf").read_bytes()
        marks = [title for title in map(pdf_text, re.findall(rb"/Title (<\w*>|\((?:[^()\\]|\\.)*\))", pdf))]
        assert [re.sub(r"\W", "", mark) for mark in marks[1:len(headings) + 1]] == headings     # the first is the deck's title
        boxes = {tuple(map(float, box.split()))[2:] for box in re.findall(rb"/MediaBox\s*\[([^\]]*)\]", pdf)}
        (width, height), = boxes
        pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
        if ending:
            assert (round(width), round(height)) == (595, 842) and pages < len(headings) / 2     # A4, in points
        else:
            assert (width, height) == (960, 540) and pages >= len(headings)                      # 1280×720 pixels


def heading_of(slide):
    """The letters and digits of a slide's heading, without formulas."""
    return re.sub(r"\W", "", re.sub(r"\$.*?\$", "", slide.heading))


def pdf_text(token):
    """The text of a PDF's string, written in brackets or as hexadecimal digits."""
    if token.startswith(b"<"):
        return bytes.fromhex(token[1:-1].decode()).decode("utf-16")
    return re.sub(rb"\\(.)", rb"\1", token[1:-1]).decode("latin-1")


def test_a_handout_has_lines_in_the_place_of_answers(open_deck):
    """In the slides' place all answers; in the handout with notes as well; in the one with blanks only what is known at first."""
    seen = """() => every.map(slide => {
        const visible = e => getComputedStyle(e).visibility === "visible";
        const told = [...slide.querySelectorAll("li, .formula.block")];
        const text = e => [e, ...e.querySelectorAll("*")].some(one => visible(one) && (one.matches("path, use") ||
            [...one.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim())));
        return {steps: slide.matches(".steps"), told: told.map(text),
                outputs: [...slide.querySelectorAll(".output pre")].map(text),
                code: [...slide.querySelectorAll(".highlight pre")].filter(e => !e.closest(".output")).map(text),
                frames: [...slide.querySelectorAll(".animation")].map(one => [...one.children].map(visible))};
    })"""
    found = {}
    for address in ("", "?print=notes", "?print=blanks"):
        page = open_deck(PRINTED, "en", address)
        page.emulate_media(media="print")
        found[address] = page.evaluate(seen)
    for whole in found[""], found["?print=notes"]:
        assert all(all(slide["told"] + slide["outputs"] + slide["code"]) for slide in whole)
        assert all(frames.index(True) == len(frames) - 1 for slide in whole for frames in slide["frames"])
    blanks = found["?print=blanks"]
    stepwise = [slide["told"] for slide in blanks if slide["steps"] and len(slide["told"]) > 1]
    assert stepwise and all(told[0] and not any(told[1:]) for told in stepwise)
    assert all(all(slide["told"]) for slide in blanks if not slide["steps"])
    assert any(slide["outputs"] for slide in blanks) and not any(any(slide["outputs"]) for slide in blanks)
    assert all(all(slide["code"]) for slide in blanks)
    frames = [frames for slide in blanks for frames in slide["frames"]]
    assert frames and all(shown == [True] + [False] * (len(shown) - 1) for shown in frames)


def test_the_keys_lead_through_every_step_and_back(open_deck):
    page = open_deck("03_grad_cam_mnist", "en")
    steps = page.evaluate("steps")
    assert len(steps) >= len(source.read_deck("03_grad_cam_mnist", "en").slides) and max(steps) > 1
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


@pytest.fixture
def two_windows(open_deck):
    """The hall's window at slide 3, and the speaker's that it has opened."""
    hall = open_deck("03_grad_cam_mnist", "en")
    hall.evaluate("go(3, 0)")
    with hall.context.expect_page() as opened:
        hall.keyboard.press("s")
    speaker = opened.value
    speaker.wait_for_function("typeof place !== 'undefined' && place.slide === 3")     # the window may still be empty
    return hall, speaker


def test_the_speakers_view_follows_and_leads(two_windows, pictures):
    hall, speaker = two_windows
    slides = source.read_deck("03_grad_cam_mnist", "en").slides
    assert speaker.locator("#notes").inner_text().strip().lstrip("▸ ").startswith(slides[3].notes[:40])
    begins = sum(slide.minutes for slide in slides[:3])
    assert speaker.locator("#planned").inner_text() == f"{begins}–{begins + slides[3].minutes}"
    assert re.fullmatch(r"[0-2]\d:[0-5]\d", speaker.locator("#now").inner_text())
    assert speaker.locator("#elapsed").inner_text() == "0:00" and not speaker.locator("#pace").inner_text()  # not yet begun
    speaker.screenshot(path=pictures / "decks" / "speaker.png")
    hall.keyboard.press("ArrowDown")
    speaker.wait_for_function("place.slide === 4")
    speaker.keyboard.press("ArrowDown")
    hall.wait_for_function("place.slide === 5")
    speaker.wait_for_function("document.getElementById('elapsed').textContent !== '0:00'")


def test_the_pace_is_that_against_the_plan(open_deck):
    page = open_deck("03_grad_cam_mnist", "ko", "?speaker")
    minutes = [slide.minutes for slide in source.read_deck("03_grad_cam_mnist", "ko").slides]
    page.evaluate("go(5, 0)")
    begin, end = sum(minutes[:5]), sum(minutes[:6])
    for elapsed, told in ((begin + 0.5, "예정대로"), (end + 0.5, "예정대로"), (end + 3.5, "3분 늦음"), (begin - 2.5, "2분 빠름")):
        page.evaluate("elapsed => { begun = Date.now() - 60000 * elapsed; drawClock(); }", elapsed)
        assert page.locator("#pace").inner_text() == told


def test_the_hall_is_made_black_and_white_from_both_windows(two_windows):
    hall, speaker = two_windows
    colour = "() => { const b = document.getElementById('blank'); return b.hidden ? '' : getComputedStyle(b).backgroundColor; }"
    black, white = "rgb(0, 0, 0)", "rgb(255, 255, 255)"
    for window, key, expected in ((hall, "b", black), (speaker, ".", black), (speaker, "w", white), (hall, ",", white)):
        window.keyboard.press(key)
        hall.wait_for_function(f"({colour})() === '{expected}'")
        speaker.wait_for_function("document.getElementById('darkened').textContent")       # the speaker goes on seeing all
        assert speaker.evaluate(colour) == "" and speaker.locator("#notes").is_visible()
        window.keyboard.press("ArrowRight")     # brings the slide back, and moves nothing
        hall.wait_for_function(f"({colour})() === ''")
        speaker.wait_for_function("!document.getElementById('darkened').textContent")
        assert place(hall) == [3, 0]


def test_shift_and_space_go_back(open_deck):
    page = open_deck("03_grad_cam_mnist", "en")
    page.evaluate("go(3, 0)")
    page.keyboard.press("Space")
    assert place(page) != [3, 0]
    page.keyboard.press("Shift+Space")
    assert place(page) == [3, 0]


def test_letters_work_while_the_keyboard_writes_korean(open_deck):
    page = open_deck("03_grad_cam_mnist", "ko")
    page.evaluate("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ㅐ', code: 'KeyO', bubbles: true}))")
    assert page.evaluate("overview")


@pytest.mark.parametrize("language", source.LANGUAGES)
def test_the_keys_are_told(language, open_deck):
    page = open_deck("03_grad_cam_mnist", language)
    page.keyboard.press("?")
    told = page.locator("#help").inner_text()
    for key in ("Space", "Shift+Space", "P", "B", ".", "W", "L", "S", "O", "F", "Home", "End"):
        assert key in told.split()
    page.keyboard.press("ArrowRight")
    assert not page.locator("#help").is_visible() and place(page) == [0, 0]


def test_the_short_way_leaves_out_the_long_slides(two_windows):
    hall, speaker = two_windows
    slides = source.read_deck("03_grad_cam_mnist", "en").slides
    short = [slide for slide in slides if "long" not in slide.flags]
    hall.keyboard.press("l")
    for window in hall, speaker:
        window.wait_for_function("short")
        assert window.evaluate("slides.map(slide => slide.id)")[:len(short)] == [slide.name for slide in short]
    assert "short" in hall.url and "short" in speaker.url
    speaker.keyboard.press("End")
    total = sum(slide.minutes for slide in short)
    speaker.wait_for_function("place.slide === slides.length - 1")
    assert speaker.locator("#planned").inner_text().endswith(f"–{total}") and speaker.locator("#way").inner_text()
    hall.wait_for_function("place.slide === slides.length - 1")
    hall.keyboard.press("l")
    speaker.wait_for_function("!short")
    assert hall.evaluate("slides.length") >= len(slides) and "short" not in hall.url


def test_on_the_short_way_the_address_of_a_long_slide_leads_to_the_one_before(open_deck):
    slides = source.read_deck("03_grad_cam_mnist", "en").slides
    n = next((n for n, slide in enumerate(slides) if "long" in slide.flags), None)
    if n is None:
        pytest.skip("this deck has no long slide")
    page = open_deck("03_grad_cam_mnist", "en", f"?short#{slides[n].name}")
    before = [slide.name for slide in slides[:n] if "long" not in slide.flags][-1]
    assert page.evaluate("slides[place.slide].id") == before
    whole = open_deck("03_grad_cam_mnist", "en", f"#{slides[n].name}")
    assert whole.evaluate("slides[place.slide].id") == slides[n].name


def test_the_overview_shows_all_slides_and_leads_to_one(open_deck):
    page = open_deck("03_grad_cam_mnist", "en")
    page.keyboard.press("o")
    assert page.locator("section:visible").count() == page.locator("section").count()
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
        f"{language}/{PRINTED}{ending}.pdf" for language in source.LANGUAGES for ending in slides.PRINTS} <= set(links)
    assert all((BUILD / link).is_file() for link in links)


def place(page):
    return page.evaluate("[place.slide, place.step]")
