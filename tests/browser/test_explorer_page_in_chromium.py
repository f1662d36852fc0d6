"""The explorer's page in Chromium, opened from a file as a reader opens it: every control answers, and what is seen is true."""
import base64
import functools
import io
import json
import os
import pathlib
import re

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from lecture_utils import cell_centres, grad_cam, load_mnist, load_model, load_neu, load_photo, models, plots, squeezenet
from lecture_utils.datasets import scenes
from tools.explorer import subjects

SIZES = {"projector": (1920, 1080), "laptop": (1366, 768), "phone": (390, 844)}
LAID = "#side-1 .laid canvas:not(#eraser)"
AS_DRAWN = 3            # of 255: what float16 weights and the rounding of colours may change
FOR_ALL = {"Access-Control-Allow-Origin": "*"}
SETTLED = "document.querySelector('#show').getAttribute('aria-busy') === 'false'"


@pytest.fixture(scope="module")
def visit(new_context, explorer_folder):
    """visit(address, size, **settings) opens the page; at the end nothing was asked of anybody, and nothing was complained of."""
    opened, asked, said = [], [], []

    def open_page(address="lang=en", size="laptop", **settings):
        width, height = SIZES[size]
        page = new_context(viewport={"width": width, "height": height}, **settings).new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{(explorer_folder / 'index.html').as_uri()}#{address}")
        opened.append(page)
        return settled(page)

    yield open_page
    for page in opened:
        page.context.close()
    here = explorer_folder.as_uri()
    assert [url for url in asked if not url.startswith((here, "data:", "blob:"))] == []
    assert said == []


def settled(page):
    page.wait_for_function(SETTLED)
    return page


def status(page):
    return settled(page).locator("#status").inner_text()


def after(page, act):
    """What the page says after `act`, which changes it."""
    before = status(page)
    act()
    page.wait_for_function("before => document.querySelector('#status').textContent !== before", arg=before)
    return status(page)


def pixels(page, selector):
    """What a canvas shows, uint8 (height, width, 3)."""
    height, width, values = page.locator(selector).evaluate("""canvas => {
        const { width, height } = canvas, copy = new OffscreenCanvas(width, height).getContext("2d");
        copy.drawImage(canvas, 0, 0);
        return [height, width, [...copy.getImageData(0, 0, width, height).data]] }""")
    return np.reshape(values, (height, width, 4))[..., :3].astype(int)


def probabilities(page):
    """What the bars say: {class: number}, "< 1 %" as 0 and "> 99 %" as 100."""
    rows = page.locator("#bars button:has(.name)").evaluate_all(
        "rows => rows.map(row => [row.querySelector('.name').textContent, row.querySelector('.percent').textContent])")
    return {name: {"< 1 %": 0, "> 99 %": 100}.get(text) if text[0] in "<>" else int(text.split()[0]) for name, text in rows}


# --- at every size, in both languages -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("size", SIZES)
def test_image_and_map_are_seen_first_and_nothing_is_cut(visit, pictures, size, language):
    page = visit(f"lang={language}&network=neu_gap&image=steel-5", size, color_scheme="dark" if language == "ko" else "light")
    page.screenshot(path=pictures / f"explorer_{size}_{language}.png")
    width, height = SIZES[size]
    for stage in ("laid", "alone"):
        box = page.locator(f"#side-1 .{stage}").bounding_box()
        assert 0 <= box["x"] and box["x"] + box["width"] <= width and box["y"] + box["height"] <= height
        assert box["width"] == pytest.approx(box["height"], abs=1)              # a square plate stays square
        assert size != "projector" or box["height"] > height / 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert size == "phone" or page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert page.evaluate("document.documentElement.lang") == language
    assert ("긁힘으로 예측했습니다" if language == "ko" else "Read as scratches") in status(page)
    assert not {"", "undefined"} & set(page.locator("[data-text]").evaluate_all("all => all.map(each => each.textContent)"))


def test_both_languages_say_the_same_things():
    text = pathlib.Path(subjects.__file__).with_name("page").joinpath("texts.js").read_text("utf-8")
    keys = [set(re.findall(r'^ +"?(\w+)"?: ["\[]|, "?(\w+)"?: ["\[]', half, re.MULTILINE)) for half in text.split("  ko: {")]
    assert keys[0] == keys[1] and len(keys[0]) > 80


# --- what is seen is true -------------------------------------------------------------------------------------------------------

@functools.cache
def scratched_plate():
    """The image "steel-5" as it travels, its map by Keras and where that map's cells look."""
    plate, model = np.round(255 * load_neu("embedded").x_test[5]) / 255, load_model("neu_gap")
    return plate, grad_cam(model, plate[None])[0], cell_centres(model)


def test_the_overlay_is_the_notebooks_own(visit):
    """Drawn by the page, and by Keras and `plots.overlay`."""
    page, (plate, map_, cells) = visit("network=neu_gap&image=steel-5"), scratched_plate()
    expected = plots.overlay(plate, map_, 0.5, cells)
    assert np.abs(pixels(page, LAID) - expected).max() <= AS_DRAWN
    page.locator("#opacity").fill("0")
    assert np.array_equal(pixels(settled(page), LAID), np.broadcast_to(np.round(255 * plate), (200, 200, 3)))


def test_the_map_has_its_cells_where_they_look(visit):
    """Half a cell off the even places, in `scene_answers`: the colour at each cell's centre is that of Keras' value."""
    page, image = visit("network=scene_answers&image=scene-0&question=0,4"), scenes.draw_scenes(1, scenes.SEEDS["test"]).images
    model = load_model("scene_answers")
    inputs = [np.round(255 * image) / 255, np.array([[0, 4]])]
    map_ = grad_cam(model, inputs, "relu5")[0]
    (stride, offset), _ = cell_centres(model, "relu5")
    assert (stride, offset) != (4, 1.5)             # or this would prove nothing
    drawn = pixels(page, "#side-1 .alone canvas")
    at = np.array([(stride * i + offset + 0.5) / 64 for i in range(15)])
    found = drawn[np.ix_((at * drawn.shape[0]).astype(int), (at * drawn.shape[1]).astype(int))]
    expected = np.round(255 * colormaps[plots.EVIDENCE](map_[:15, :15] / map_.max())[..., :3])
    assert np.abs(found - expected).max() <= 2 * AS_DRAWN       # neighbours in the table of colours are up to 4 apart


def test_a_cell_tells_its_value_by_mouse_and_by_keyboard(visit):
    page, digit, model = visit("network=mnist_cnn&image=digit-0"), load_mnist("embedded").x_test[:1], load_model("mnist_cnn")
    map_ = grad_cam(model, np.round(255 * digit) / 255)[0]
    box = page.locator("#side-1 .alone").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 4.5 / 7, box["y"] + box["height"] * 2.5 / 7)
    told = page.locator("#cell").inner_text()
    assert told.startswith("Row 3, column 5") and float(re.search(r": ([\d.]+),", told)[1]) == pytest.approx(map_[2, 4], rel=0.01)
    page.mouse.move(0, 0)
    page.locator("#side-1 .alone").focus()
    page.keyboard.press("Home")
    row, column = np.unravel_index(map_.argmax(), map_.shape)
    assert page.locator("#cell").inner_text().startswith(f"Row {row + 1}, column {column + 1}")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#cell").inner_text().startswith(f"Row {row + 1}, column {column}:")
    assert page.locator("#side-1 .alone .pointed rect").count() == 2


def test_the_formula_sums_up_to_the_map(visit):
    """The last of the sums is the map's value at the strongest cell; with no channel the sum is 0."""
    page = visit("lang=en&network=neu_gap&image=steel-5&channels=9")
    numbers = page.locator("#formula .numbers")
    assert _result(numbers) == pytest.approx(scratched_plate()[1].max(), rel=0.01)
    page.locator("#formula input").focus()
    page.keyboard.press("Home")
    assert _result(numbers) == 0 and page.locator("#formula .unused").count() == 8
    page.keyboard.press("ArrowRight")
    alpha, A = (_number(factor) for factor in re.search(r"\): (\S+) · (\S+) =", numbers.inner_text()).groups())
    assert _result(numbers) == pytest.approx(alpha * A, rel=0.03)      # α is written with two digits


def _result(numbers):
    return _number(numbers.inner_text().split("→")[-1].strip())


def _number(text):
    """A number as the page writes it: "9.8×10⁻⁴"."""
    digits = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True))
    return float(re.sub("×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda found: "e" + "".join(map(digits.get, found[1])), text).replace("−", "-"))


# --- every control answers ------------------------------------------------------------------------------------------------------

def test_network_image_method_layer_and_class_are_chosen(visit):
    page = visit("lang=en&network=neu_gap&image=steel-5")
    assert "patches" in after(page, lambda: page.get_by_role("radio", name="patches, no. 2").click())
    assert "CAM for" in after(page, lambda: page.locator("#method").select_option("CAM"))
    assert page.locator("#layer").is_disabled()
    assert "HiResCAM of relu4" in after(page, lambda: page.locator("#method").select_option("HiResCAM"))
    assert "HiResCAM of relu3" in after(page, lambda: page.locator("#layer").select_option("relu3"))
    assert "for inclusion" in after(page, lambda: page.locator("#class").select_option(label="inclusion"))
    assert "for crazing" in after(page, lambda: page.locator("#bars button", has_text="crazing").click())
    assert "conv3 for" in after(page, lambda: page.locator("#network").select_option("mnist_cnn"))


def test_a_question_a_word_and_a_thrown_head_are_chosen(visit):
    page = visit("network=scene_answers&image=scene-0&question=0,4&lang=en")
    assert "Read as circle" in status(page)             # the cyan one
    assert "Read as square" in after(page, lambda: page.locator("#colour").select_option("yellow"))
    assert "Read as left" in after(page, lambda: page.locator("#kind").select_option("1"))
    after(page, lambda: page.locator("#network").select_option("scene_captions"))
    words = page.locator("#caption button").all_inner_texts()
    assert words[0] == "a" and set(words[1:3]) == {"cyan", "circle"} or set(words[1:3]) == {"yellow", "square"}
    assert f"Read as {words[2]}" in after(page, lambda: page.locator("#caption button").nth(2).click())
    page.get_by_role("button", name="Thrown by dice").click()
    page.get_by_text("head thrown by dice").wait_for()
    bars = settled(page).locator("#bars").inner_text()
    page.get_by_role("button", name="Throw again").click()
    page.wait_for_function("before => document.querySelector('#bars').innerText !== before", arg=bars)


def test_two_sides_share_a_scale_until_it_is_switched_off(visit):
    page = visit("network=neu_gap&image=steel-4&lang=en")
    page.get_by_role("button", name="compare with").click()
    after(page, lambda: page.locator("#network2").select_option("neu_dense"))
    ends = page.locator(".side .scale span:last-child")
    assert len(set(ends.all_inner_texts())) == 1
    page.locator("#common").uncheck()
    assert len(set(settled(page).locator(".side .scale span:last-child").all_inner_texts())) == 2


def test_the_eraser_moves_the_scores_and_gives_the_image_back(visit):
    """Of the ruler's network: with the ruler's place rubbed out, scratches are no longer what it sees."""
    page = visit("lang=en")
    page.get_by_role("button", name="The ruler").click()
    page.get_by_text("relu3 for scratches", exact=False).first.wait_for()
    assert probabilities(settled(page))["scratches"] > 90
    box = page.locator("#eraser").bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.move(*at(0.02, 0.9))
    page.mouse.down()
    page.mouse.move(*at(0.5, 0.9), steps=20)
    page.mouse.move(*at(0.02, 0.94), steps=20)
    page.mouse.up()
    page.wait_for_function("() => !document.querySelector('#status').textContent.startsWith('Read as scratches')")
    assert probabilities(settled(page))["scratches"] < 50 and page.locator("#bars .bar b").count() == 6
    page.get_by_role("button", name="Restore").click()
    page.get_by_text("Read as scratches").wait_for()
    assert page.locator("#bars .bar b").count() == 0


def test_a_drawn_seven_is_read_as_seven(visit):
    page = visit("lang=en&network=mnist_cnn&image=digit-0")
    page.get_by_role("button", name="Draw a digit").click()
    draw(page, (0.25, 0.2), (0.75, 0.2), (0.45, 0.85))
    page.get_by_text("Read as 7").wait_for()
    assert page.get_by_role("radio", name="your drawing").get_attribute("aria-checked") == "true"


def draw(page, *places):
    """Draws a line on the pad; a place is a share of its width and one of its height."""
    box = page.locator("#paper").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place, steps=10)
    page.mouse.up()


def test_the_eraser_rubs_in_the_drawing_that_is_seen(visit):
    """Not in the first dot of it, which was a picture of one's own as well: a seven without a corner is still no empty paper."""
    page = visit("lang=en&network=mnist_cnn&image=digit-0")
    page.get_by_role("button", name="Draw a digit").click()
    draw(page, (0.25, 0.2), (0.75, 0.2), (0.45, 0.85))
    page.get_by_text("Read as 7").wait_for()
    page.get_by_role("button", name="Eraser", exact=True).click()
    box = settled(page).locator("#eraser").bounding_box()
    page.mouse.click(box["x"] + 0.95 * box["width"], box["y"] + 0.95 * box["height"])       # where nothing is
    page.wait_for_function("() => document.querySelector('#bars .bar b')")
    assert "Read as 7" in status(page)


def test_a_drawing_is_shown_to_a_network_for_photographs(visit):
    page = visit("lang=en&network=mnist_cnn&image=digit-0")
    page.get_by_role("button", name="Draw a digit").click()
    draw(page, (0.5, 0.2), (0.5, 0.8))
    page.get_by_role("radio", name="your drawing").wait_for()
    assert "Read as" in after(page, lambda: page.locator("#network").select_option("resnet20"))
    assert page.locator("#status.wrong").count() == 0


def test_a_preset_that_is_chosen_while_another_network_is_loaded_keeps_its_image(visit):
    page = visit("lang=en&network=neu_gap&image=steel-5")
    page.evaluate("""() => {
        const network = document.getElementById("network");
        network.value = "mnist_cnn";
        network.dispatchEvent(new Event("change"));
        document.querySelector("[data-preset=dice]").click(); }""")
    page.get_by_text("head thrown by dice").wait_for()
    assert settled(page).locator("[data-image=cat]").get_attribute("aria-checked") == "true"


def test_arrow_keys_choose_among_the_thumbnails(visit):
    page = visit("lang=en&network=mnist_cnn&image=digit-0")
    page.get_by_role("radio", name="a 0, no. 0").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Read as 1").wait_for()
    assert page.evaluate("document.activeElement.dataset.image") == "digit-1"
    assert page.locator("#images button[tabindex='0']").count() == 1


def test_every_control_is_reached_by_the_tab_key_and_has_a_name(visit):
    page, reached = visit("lang=en&network=neu_gap&image=steel-5&network2=neu_dense&channels=9&erase=1"), set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    offered = page.locator("button, select, input, [tabindex='0']").evaluate_all(
        "all => all.filter(each => each.id && each.offsetParent && !each.disabled && each.tabIndex === 0).map(each => each.id)")
    assert set(offered) <= reached and len(offered) > 18


def test_a_file_that_is_no_picture_ends_in_a_sentence_in_the_pages_language(visit, tmp_path):
    page = visit("lang=ko&network=neu_gap&image=steel-5")
    (tmp_path / "notes.txt").write_text("no picture")
    page.locator("#file").set_input_files(tmp_path / "notes.txt")
    page.locator("#status.wrong", has_text="그림 파일이 아닙니다").wait_for()
    assert "긁힘" in after(page, lambda: page.locator("#bars button", has_text="긁힘").click())


def test_a_file_that_is_not_squeezenets_ends_in_a_sentence(visit, tmp_path):
    page = visit("lang=en&network=squeezenet")
    assert page.locator("#squeezenet").is_visible()             # for its file does not come with the page
    (tmp_path / "squeezenet_v1.1.bin").write_bytes(b"12345678" * 100)
    page.locator("#file").set_input_files(tmp_path / "squeezenet_v1.1.bin")
    page.locator("#squeezenet-status", has_text="This is not SqueezeNet's file").wait_for()


def test_the_names_of_squeezenets_classes_may_come_first(visit, tmp_path):
    page = visit("lang=en&network=squeezenet")
    names = {n: [f"n{n}", f"class_{n}"] for n in range(1000)}
    (tmp_path / "imagenet_class_index.json").write_text(json.dumps(names))
    page.locator("#file").set_input_files(tmp_path / "imagenet_class_index.json")
    page.locator("#squeezenet-status", has_text="Now open squeezenet_v1.1.bin").wait_for()


@pytest.fixture
def published(new_context, explorer_folder):
    """published(files) opens SqueezeNet's dialog where its two addresses give these files, or nothing where there are none."""
    context = new_context()

    def open_page(files=None):
        page = context.new_page()
        for address in (squeezenet.URL, models.IMAGENET_URL):
            page.route(address, lambda route: route.fulfill(path=files / route.request.url.rpartition("/")[2], headers=FOR_ALL)
                       if files else route.abort())
        page.goto(f"{(explorer_folder / 'index.html').as_uri()}#lang=en&network=squeezenet&image=cat")
        page.locator("#squeezenet-fetch").click()
        return page

    yield open_page
    context.close()


def test_without_a_network_squeezenets_dialog_says_what_to_do(published):
    published().locator("#squeezenet-status", has_text="Download them by the two links").wait_for()


@pytest.mark.realdata
def test_squeezenet_is_fetched_by_its_links_and_sees_what_keras_sees(published):
    """The real file, from its address: the page's five best classes of the cat, and Keras' of the same JPEG."""
    page = published(pathlib.Path(os.environ["COURSE_DATA"]))
    page.locator("#bars button", has_text="cat").first.wait_for()
    photo = Image.open(io.BytesIO(base64.b64decode(subjects._address(load_photo("cat"), photo=True).partition(",")[2])))
    net = models.load_squeezenet()
    y = net.model(net.preprocess(np.asarray(photo, "float32")[None] / 255)).numpy()[0]
    expected = np.exp(y - y.max()) / np.exp(y - y.max()).sum()
    found = probabilities(page)
    for c in np.argsort(-expected)[:5]:
        assert found[net.class_names[c]] == pytest.approx(100 * expected[c], abs=1.5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["laptop", "phone"])
def test_axe_finds_nothing_wrong(visit, size, scheme):
    """With all that can be opened open: two sides, the formula, the eraser, a preset's question, the address."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the package axe-playwright-python")
    everything = "lang=en&network=neu_gap&image=steel-5&network2=neu_dense&channels=3&erase=1&boxes=1&preset=ruler"
    page = visit(everything, size, color_scheme=scheme)
    for opened in (None, "#link"):
        if opened:
            page.locator(opened).click()
        found = axe.Axe().run(page).response["violations"]
        assert [(each["id"], node["html"][:100]) for each in found for node in each["nodes"]] == []


def test_the_figure_is_saved_as_a_png(visit, tmp_path):
    page = visit("lang=en&network=neu_gap&image=steel-5")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the figure").click()
    assert download.value.suggested_filename == "Grad-CAM-of-relu4-for-scratches.png"
    download.value.save_as(tmp_path / "figure.png")
    figure = plots.plt.imread(tmp_path / "figure.png")
    assert figure.shape[1] > 800 and len(np.unique(figure[..., 0])) > 100


# --- the address ----------------------------------------------------------------------------------------------------------------

# Where the controls stand, and what is said.
SEEN = """() => [...document.querySelectorAll("#pick select, #ask select, #options :is(input, [aria-pressed]), #formula input")]
    .map(each => [each.id, each.value, each.checked, each.ariaPressed])
    .concat(["status", "task", "bars", "formula"].map(id => document.getElementById(id).innerText))"""


def test_whoever_has_the_address_sees_the_same_page(visit):
    page = visit("lang=ko&network=neu_gap&image=steel-4")
    page.locator("#compare").click()
    page.locator("#network2").select_option("neu_dense")
    page.locator("#method2").select_option("LayerCAM")
    page.locator("#layer").select_option("relu3")
    page.locator("#class2").select_option("1")
    page.locator("#opacity").fill("30")
    page.locator("#boxes").check()
    page.locator("#common").uncheck()
    page.locator("#formula-button").click()
    page.locator("#formula input").fill("3")
    seen = settled(page).evaluate(SEEN)
    page.locator("#link").click()
    address = page.locator("#address").input_value()
    other = visit(address.partition("#")[2])
    assert other.evaluate(SEEN) == seen
    assert other.locator("#formula output").inner_text() == "가장 강한 3개"


@pytest.mark.parametrize("preset", [preset["id"] for preset in subjects.catalog()["presets"]])
def test_a_preset_asks_its_question_and_its_address_brings_it_back(visit, preset):
    asked = next(each for each in subjects.catalog()["presets"] if each["id"] == preset)
    page = visit("lang=en")
    page.get_by_role("button", name=asked["title"], exact=True).click()
    page.locator(f"[data-image='{asked['image']}'][aria-checked='true']").wait_for()
    assert settled(page).locator("#task").inner_text() == asked["question"]
    again = visit(page.url.partition("#")[2])
    assert again.evaluate(SEEN) == page.evaluate(SEEN)


@pytest.mark.parametrize("address", ["lang=en&network=none&image=none&method=none&layer=none&class=99999&opacity=x&channels=-1",
                                     "network=__proto__&question=9,9&preset=%00&lang=xx&word=77",
                                     "network=scene_answers&image=scene-0&question=9,9&lang=constructor",
                                     "network=scene_captions&image=scene-0&word=77",
                                     "%E0%A4%A&&&=&network2=&class2=1.5"])
def test_any_address_shows_a_page(visit, address):
    assert "Read as" in status(visit(address))
