"""The pictures that a reader brings to the explorer, in Chromium: files of every kind, the drawing pad, the eraser, the camera,
and the QR code. Pillow, NumPy and OpenCV say what must come out.
"""
import base64
import io
import pathlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from test_explore_serving import served

from lecture_utils.explorer import uploads

PAGE = pathlib.Path(__file__).resolve().parents[2] / "tools" / "explorer" / "page"
HERE = "https://course.test/"       # no such place: every request is answered from the folder
BLANK = """<!DOCTYPE html><html lang="en"><body style="margin:0"><canvas id="canvas" style="width:280px;height:280px"></canvas>
<script type="module">for (const name of ["pictures", "pad", "eraser", "camera", "qr", "picture_texts"])
  Object.assign(window, await import(`./${name}.js`)); window.ready = true;</script></body></html>"""


@pytest.fixture(scope="module")
def open_page(new_context):
    """open_page(**settings) gives a page with the modules' names in its window."""
    contexts = []

    def open_(**settings):
        contexts.append(new_context(**settings))
        page = contexts[-1].new_page()
        page.route(f"{HERE}**", answer)
        page.goto(HERE)
        page.wait_for_function("window.ready")
        return page

    yield open_
    for context in contexts:
        context.close()


def answer(route):
    name = route.request.url.removeprefix(HERE)
    if not name:
        route.fulfill(body=BLANK, content_type="text/html")
    elif (PAGE / name).is_file():
        route.fulfill(body=(PAGE / name).read_text(encoding="utf-8"), content_type="text/javascript")
    else:
        route.fulfill(status=204)


@pytest.fixture(scope="module")
def page(open_page):
    return open_page(viewport={"width": 600, "height": 500})


ARRAYS = """const floats = image => image && {...image, values: undefined,
  base64: btoa(Array.from(new Uint8Array(image.values.buffer), byte => String.fromCharCode(byte)).join(""))};
const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
const picture = asked => ({...asked, values: new Float32Array(bytes(asked.base64).buffer)});
"""


def evaluate(page, code, asked=None):
    """What an asynchronous function's body returns for the argument `asked`; an Error's message stands as a string."""
    wrapped = f"async asked => {{ {ARRAYS} try {{ {code} }} catch (error) {{ return error.message; }} }}"
    return page.evaluate(wrapped, asked)


def array(image):
    """A picture of the page as an array (height, width, channels)."""
    values = np.frombuffer(base64.b64decode(image["base64"]), np.float32)
    return values.reshape(image["height"], image["width"], image["channels"])


def sent(image):
    """An array (height, width, channels) as the page takes it."""
    height, width, channels = image.shape
    values = base64.b64encode(np.ascontiguousarray(image, np.float32)).decode()
    return {"base64": values, "height": height, "width": width, "channels": channels}


def file(picture, kind="png", **settings):
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **settings)
    return buffer.getvalue()


def read(page, data):
    """An array (h, w, 3), or the key of a sentence."""
    answer = evaluate(page, "return floats(await readPicture(new Blob([bytes(asked)])));", base64.b64encode(data).decode())
    return answer if isinstance(answer, str) else array(answer)


def fitted(page, image, shape):
    answer = evaluate(page, "return floats(fitPicture(picture(asked.image), asked.input));",
                      {"image": sent(image), "input": dict(zip(("height", "width", "channels"), shape, strict=True))})
    return answer if isinstance(answer, str) else array(answer)


def quarters(width, height):
    """A picture whose quarters have colours of their own, so that it is told which way it stands."""
    picture = Image.new("RGB", (width, height), "red")
    picture.paste("lime", (width // 2, 0, width, height // 2))
    picture.paste("blue", (0, height // 2, width // 2, height))
    picture.paste("white", (width // 2, height // 2, width, height))
    return picture


# ---- files


@pytest.mark.parametrize("size", [(200, 120), (1800, 1200)], ids=["small", "large"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_stands_upright(page, orientation, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file(quarters(*size), "jpeg", quality=95, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    upright.thumbnail((320, 320))
    got = read(page, data)
    assert got.shape == (upright.height, upright.width, 3)
    spots = np.ix_(*((np.array([0.2, 0.8]) * side).astype(int) for side in got.shape[:2]))
    assert np.abs(got[spots] - np.asarray(upright)[spots] / 255).max() < 0.03


def test_a_photograph_of_48_million_pixels_is_read(page):
    """Fine stripes in it become grey as they shrink, and no pattern that is not there."""
    stripes = np.zeros((6000, 8000), np.uint8)
    stripes[:, :4000:2] = 255
    stripes[:, 4000:] = 51
    got = read(page, file(Image.fromarray(stripes), "jpeg", quality=90))
    assert got.shape == (240, 320, 3)
    assert np.abs(got[:, 5:150] - 0.5).max() < 0.05 and np.abs(got[:, 170:315] - 0.2).max() < 0.02


def test_a_picture_that_need_not_shrink_is_kept_exactly(page):
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    assert (np.round(255 * read(page, file(Image.fromarray(noise)))) == noise).all()


def test_a_picture_shrinks_as_pillow_shrinks_it(page):
    """The second has a side of one pixel, which stays."""
    for height, width in ((700, 1000), (1, 1200)):
        noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))
        expected = noise.resize((320, max(1, round(320 * height / width))), Image.Resampling.BICUBIC)
        assert np.abs(255 * read(page, file(noise)) - np.asarray(expected)).max() < 1.01


def test_transparent_places_are_white(page):
    picture = Image.new("RGBA", (40, 20), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (20, 0, 40, 20))
    got = read(page, file(picture))
    assert (got[:, :20] == 1).all() and (got[:, 20:] == [0, 0, 1]).all()


@pytest.mark.parametrize("kind, settings", [("webp", {"lossless": True}), ("bmp", {}), ("gif", {}), ("jpeg", {"quality": 95})])
def test_the_usual_kinds_of_files_are_read(page, kind, settings):
    got = read(page, file(quarters(64, 64), kind, **settings))
    assert np.abs(got[::63, ::63] - np.asarray(quarters(64, 64))[::63, ::63] / 255).max() < 0.02


@pytest.mark.parametrize("data", [b"", b"this is no picture", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
                                  b"\x89PNG\r\n\x1a\n" + bytes(100), file(quarters(400, 400))[:200],
                                  file(quarters(400, 400), "jpeg")[:200]])
def test_what_is_no_picture_ends_in_a_sentence(page, data):
    assert read(page, data) == "pictureUnreadable"


def test_what_is_too_large_ends_in_a_sentence(page):
    assert evaluate(page, "await readPicture(new Blob([new Uint8Array(60e6 + 1)]));") == "pictureTooManyBytes"
    assert read(page, file(Image.new("1", (12_000, 10_000)))) == "pictureTooManyPixels"


def test_every_sentence_is_there_in_both_languages(page):
    texts = page.evaluate("pictureTexts")
    assert set(texts) == {"en", "ko"} and set(texts["en"]) == set(texts["ko"])
    source = "".join(path.read_text(encoding="utf-8") for path in PAGE.glob("*.js"))
    for key in ("pictureUnreadable", "pictureTooManyBytes", "pictureTooManyPixels", "drawingEmpty", "cameraForbidden"):
        assert key in texts["en"] and source.count(f'"{key}"') >= 1


# ---- fitted to a network


def written(seed):
    """A few strokes as somebody writes them, (h, w, 1) in [0, 1]; every second dark on light."""
    rng = np.random.default_rng(seed)
    size = tuple(int(side) for side in rng.integers(60, 300, 2))
    paper = Image.new("L", size)
    pen = ImageDraw.Draw(paper)
    for _ in range(int(rng.integers(1, 4))):
        places = rng.random((int(rng.integers(2, 6)), 2)) * size
        pen.line([tuple(place) for place in places], fill=int(rng.integers(120, 256)), width=int(rng.integers(4, 25)))
    paper = paper.rotate(rng.uniform(-20, 20), Image.Resampling.BICUBIC)
    light = np.asarray(paper, np.float32)[..., None]
    return (255 - light if seed % 2 else light) / 255


def test_a_digit_is_brought_into_mnists_form_as_python_does(page, monkeypatch):
    """Equal to a byte's rounding once Pillow, too, resizes the rows first; as it is, it does so for most shapes only."""
    images = [written(seed) for seed in range(40)]
    got = [fitted(page, image, (28, 28, 1)) for image in images]
    away = [np.abs(digit - uploads.as_digit(image[..., 0])) for digit, image in zip(got, images, strict=True)]
    assert max(each.max() for each in away) < 20 / 255 and max(each.mean() for each in away) < 0.2 / 255
    monkeypatch.setattr(uploads.ImageOps, "contain", rows_first)
    away = [np.abs(digit - uploads.as_digit(image[..., 0])) for digit, image in zip(got, images, strict=True)]
    assert max(each.max() for each in away) < 1.01 / 255


def rows_first(picture, size):
    """Pillow's `ImageOps.contain`, by matrices: along the rows, then along the columns, rounded to bytes in between."""
    share = max(size) / max(picture.size)
    width, height = (max(1, round(side * share)) for side in picture.size)
    rows = to_bytes(np.asarray(picture, float) @ bicubic(picture.width, width).T)
    return Image.fromarray(to_bytes(bicubic(picture.height, height) @ rows).astype(np.uint8))


def to_bytes(values):
    return np.clip(np.floor(values + 0.5), 0, 255)


def bicubic(size, wanted):
    """(wanted, size): the weights of Keys' filter (a = -1/2), widened by what the picture shrinks."""
    scale = size / wanted
    stretch = max(scale, 1)
    d = np.abs(np.arange(size) + 0.5 - (np.arange(wanted)[:, None] + 0.5) * scale) / stretch
    near, far = 1.5 * d ** 3 - 2.5 * d ** 2 + 1, -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2
    weights = np.where(d < 1, near, np.where(d < 2, far, 0))
    return weights / weights.sum(axis=1, keepdims=True)


def test_a_thin_line_lies_in_the_middle(page):
    line = np.zeros((200, 200, 1))
    line[20:180, 11:13] = 1
    digit = fitted(page, line, (28, 28, 1))[..., 0]
    assert np.flatnonzero(digit.any(axis=1)).tolist() == list(range(4, 24)) and np.flatnonzero(digit.any(axis=0)).tolist() == [14]


def test_paper_without_ink_ends_in_a_sentence(page):
    assert fitted(page, np.full((50, 60, 1), 0.9), (28, 28, 1)) == "drawingEmpty"


@pytest.mark.parametrize("height, width", [(240, 320), (320, 180), (200, 200), (90, 120)])
def test_a_grey_network_gets_the_middle_in_grey(page, height, width):
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = uploads.fit(Image.fromarray(noise), (200, 200, 1))
    away = np.abs(fitted(page, noise / 255, (200, 200, 1)) - expected)
    assert away.max() < 10 / 255 and away.mean() < 0.3 / 255     # Pillow takes the columns first here


def test_a_network_for_photographs_gets_the_whole_picture(page):
    noise = np.random.default_rng(2).random((30, 50, 3)).astype(np.float32)
    assert (fitted(page, noise, (224, 224, 3)) == noise).all()


# ---- the drawing pad


@pytest.fixture
def pad(page):
    page.evaluate("""() => { const old = document.querySelector("canvas"), canvas = old.cloneNode(); old.replaceWith(canvas);
      window.told = []; window.pad = new DrawingPad(canvas, image => told.push(image)); }""")
    return page


def next_frames(page):
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def drawn(page):
    next_frames(page)
    answer = evaluate(page, "return floats(pad.image());")
    return None if answer is None else array(answer)[..., 0]


def stroke(page, places):
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def test_the_mouse_draws_where_it_goes(pad):
    assert drawn(pad) is None
    stroke(pad, [(60, 60), (220, 60), (120, 240)])
    ink = drawn(pad)
    expected = Image.new("L", (280, 280))
    ImageDraw.Draw(expected).line([(60, 60), (220, 60), (120, 240)], fill=255, width=23, joint="curve")
    both = (ink > 0.5) & (np.asarray(expected) > 127)
    assert both.sum() > 0.9 * max((ink > 0.5).sum(), (np.asarray(expected) > 127).sum())
    assert pad.evaluate("told.length > 0 && told.at(-1).values.some(value => value === 1)")


def test_a_click_leaves_a_dot_and_clear_takes_all_away(pad):
    pad.mouse.click(100, 200)
    ink = drawn(pad)
    assert ink[200, 100] == 1 and ink.sum() == pytest.approx(np.pi * (280 / 24) ** 2, rel=0.05)
    pad.evaluate("pad.clear()")
    assert drawn(pad) is None


def test_the_keyboard_draws(pad):
    pad.locator("canvas").focus()
    for key in ("ArrowUp", " ", "Shift+ArrowRight", "Shift+ArrowRight", " ", "Shift+ArrowDown"):
        pad.keyboard.press(key)
    ink = drawn(pad)
    rows, columns = np.nonzero(ink > 0.5)
    assert (rows.mean(), columns.mean()) == pytest.approx((280 * 0.475, 280 * 0.6), abs=1)      # from the middle to the right
    assert np.ptp(columns) == pytest.approx(280 * 0.2 + 280 / 12, abs=2) and np.ptp(rows) == pytest.approx(280 / 12, abs=2)


def test_the_page_is_told_once_a_frame(pad):
    frames = pad.evaluate("""async () => {
      const canvas = document.querySelector("canvas"), event = (name, x) => canvas.dispatchEvent(new PointerEvent(name,
        {isPrimary: true, button: 0, buttons: 1, pointerId: 1, clientX: x, clientY: 50, bubbles: true}));
      canvas.setPointerCapture = () => {};
      told.length = 0;
      await new Promise(requestAnimationFrame);
      event("pointerdown", 20);
      for (let n = 0; n < 200; n++) event("pointermove", 20 + n);
      await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
      return told.length; }""")
    assert frames == 1


# ---- the eraser


@pytest.fixture
def eraser(page):
    page.evaluate("""() => { const old = document.querySelector("canvas"), canvas = old.cloneNode(); old.replaceWith(canvas);
      window.told = []; window.eraser = new Eraser(canvas, image => told.push(image)); }""")
    return page


IMAGE = np.random.default_rng(3).random((40, 40, 3)).astype(np.float32)       # 7 pixels of the screen to one of it


def begin(page, image=IMAGE):
    evaluate(page, "eraser.start(picture(asked));", sent(image))


def erased(page):
    next_frames(page)
    return array(evaluate(page, "return floats(told.at(-1));"))


def under_the_disc(places, radius, size=40):
    """Pixels whose centres come within `radius` of a way, by trying a thousand places along it."""
    way = np.concatenate([np.linspace(a, b, 1000) for a, b in zip(places, [*places[1:], places[-1]], strict=True)])
    x, y = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    return np.min([(x - a) ** 2 + (y - b) ** 2 for a, b in way], axis=0) <= radius ** 2


def test_what_is_rubbed_gets_the_images_mean(eraser):
    begin(eraser)
    stroke(eraser, [(70, 70), (210, 140)])
    rubbed = under_the_disc([np.array([10, 10]), np.array([30, 20])], 0.07 * 40)
    got = erased(eraser)
    assert (got[~rubbed] == IMAGE[~rubbed]).all()
    assert np.abs(got[rubbed] - IMAGE.mean(axis=(0, 1), dtype=np.float64)).max() < 1e-6
    assert eraser.evaluate("eraser.share") == pytest.approx(rubbed.mean())


def test_what_is_rubbed_can_be_black_instead(eraser):
    begin(eraser)
    eraser.mouse.click(140, 140)
    eraser.evaluate("eraser.fill = 'black'")
    got, rubbed = erased(eraser), under_the_disc([np.array([20, 20])], 0.07 * 40)
    assert (got[rubbed] == 0).all() and (got[~rubbed] == IMAGE[~rubbed]).all()


def test_strokes_are_taken_back(eraser):
    begin(eraser)
    eraser.mouse.click(140, 140)
    one = erased(eraser)
    eraser.mouse.click(40, 40)
    two = erased(eraser)
    eraser.evaluate("eraser.undo()")
    assert (erased(eraser) == one).all() and not (two == one).all()
    eraser.evaluate("eraser.reset()")
    assert (erased(eraser) == IMAGE).all()
    eraser.keyboard.press("Control+z")
    assert (erased(eraser) == one).all()
    eraser.keyboard.press("Control+z")
    assert (erased(eraser) == IMAGE).all() and not eraser.evaluate("eraser.canUndo")


def test_the_keyboard_rubs(eraser):
    begin(eraser)
    eraser.locator("canvas").focus()
    for key in ("Shift+ArrowLeft", " ", "ArrowDown", "ArrowDown", "Escape", "ArrowDown"):
        eraser.keyboard.press(key)
    rubbed = under_the_disc([np.array([16, 20]), np.array([16, 22])], 0.07 * 40)
    assert (np.any(erased(eraser) != IMAGE, axis=-1) == rubbed).all()


def test_a_mouse_that_comes_by_does_not_go_on_with_the_keyboards_stroke(eraser):
    begin(eraser)
    eraser.mouse.move(400, 400)
    eraser.locator("canvas").focus()
    eraser.keyboard.press(" ")
    before = erased(eraser)
    eraser.mouse.move(10, 10, steps=4)
    assert (erased(eraser) == before).all()


def test_of_a_small_digit_a_click_rubs_at_least_one_pixel(eraser):
    digit = np.random.default_rng(4).random((5, 5, 1)).astype(np.float32)
    begin(eraser, digit)
    eraser.mouse.click(112, 112)        # where four pixels meet
    assert (erased(eraser) != digit).sum() in range(1, 5)


def test_rubbed_places_are_seen_on_the_picture(eraser):
    """The canvas is transparent but for them, and the ring around the mouse."""
    begin(eraser, np.full((40, 40, 1), 0.25, np.float32))
    stroke(eraser, [(140, 140), (140, 144)])
    eraser.mouse.move(400, 400)
    next_frames(eraser)
    shown = eraser.evaluate("""() => { const canvas = document.querySelector("canvas"), context = canvas.getContext("2d");
      return [[140, 140], [20, 20]].map(([x, y]) => [...context.getImageData(x, y, 1, 1).data]); }""")
    assert shown == [[64, 64, 64, 255], [0, 0, 0, 0]]


# ---- the camera

WORDS = "pictureTexts.en"
FAKE_CAMERA = """() => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 48}), paper = canvas.getContext("2d");
  const paint = () => { paper.fillStyle = "rgb(0, 128, 255)"; paper.fillRect(0, 0, 64, 48); requestAnimationFrame(paint); };
  paint();
  window.stream = canvas.captureStream();
  navigator.mediaDevices.getUserMedia = async () => stream;
}"""


def take(page):
    """Begin to take a photograph; what comes of it will stand in window.taken."""
    page.evaluate(f"""() => {{ window.taken = undefined; takePhoto({WORDS}).then(async photo =>
      taken = photo && Array.from((await readPicture(photo)).values.slice(0, 3)), error => taken = error.message); }}""")


def taken(page):
    page.wait_for_function("window.taken !== undefined")
    return page.evaluate("taken")


def test_a_photograph_is_taken_and_the_camera_goes_off(open_page):
    page = open_page()
    page.evaluate(FAKE_CAMERA)
    take(page)
    page.get_by_role("dialog", name="What the camera sees").get_by_role("button", name="Take the photograph").click()
    assert taken(page) == pytest.approx([0, 128 / 255, 1], abs=0.03)
    assert page.evaluate("stream.getTracks().every(track => track.readyState === 'ended')")
    assert page.get_by_role("dialog").count() == 0


@pytest.mark.parametrize("leave", [lambda page: page.get_by_role("button", name="Cancel").click(),
                                   lambda page: page.keyboard.press("Escape")], ids=["button", "Escape"])
def test_who_thinks_better_of_it_gets_nothing(open_page, leave):
    page = open_page()
    page.evaluate(FAKE_CAMERA)
    take(page)
    page.get_by_role("dialog").wait_for()
    leave(page)
    assert taken(page) is None and page.evaluate("stream.getTracks().every(track => track.readyState === 'ended')")


@pytest.mark.parametrize("name, sentence", [("NotAllowedError", "cameraForbidden"), ("NotFoundError", "cameraMissing")])
def test_where_no_camera_can_be_had_a_sentence_says_why(page, name, sentence):
    page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{name}'); }}; }}")
    take(page)
    assert taken(page) == sentence


def test_a_page_over_plain_http_says_that_it_may_not(page):
    page.evaluate("() => Object.defineProperty(navigator, 'mediaDevices', {value: undefined, configurable: true})")
    take(page)
    assert taken(page) == "cameraNeedsSecure"


def test_a_telephone_uses_its_own_camera_program(open_page, tmp_path):
    page = open_page(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    (tmp_path / "photo.png").write_bytes(file(Image.new("RGB", (30, 30), (0, 128, 255))))
    with page.expect_file_chooser() as chooser:
        take(page)
    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files(tmp_path / "photo.png")
    assert taken(page) == pytest.approx([0, 128 / 255, 1], abs=0.01)


# ---- the QR code

# The bytes that a code of versions 1 to 40 holds at level M, from the table of ISO/IEC 18004.
HOLDS = (14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624, 666,
         711, 779, 857, 911, 997, 1059, 1125, 1190, 1264, 1370, 1452, 1538, 1628, 1722, 1809, 1911, 1989, 2099, 2213, 2331)


def matrix(page, text):
    return np.array(page.evaluate("text => qrMatrix(text).map(row => row.map(Number))", text), np.uint8)


def decoded(modules, scale=4):
    """What OpenCV reads, told where the code's corners are: of large codes it finds them not always by itself."""
    picture = cv2.resize(np.pad(255 * (1 - modules), 4, constant_values=255), None, fx=scale, fy=scale,
                         interpolation=cv2.INTER_NEAREST)
    low, high = 4 * scale, (4 + len(modules)) * scale - 1
    corners = np.array([[[low, low], [high, low], [high, high], [low, high]]], np.float32)
    return cv2.QRCodeDetector().decode(picture, corners)[0]


def test_a_code_of_every_size_is_read(page):
    for version, length in enumerate(HOLDS, start=1):
        text = "".join(chr(97 + (7 * n + length) % 26) for n in range(length))
        modules = matrix(page, text)
        assert modules.shape == (17 + 4 * version,) * 2 and decoded(modules) == text, version


def test_a_code_is_found_in_a_picture(page):
    for text in ("a", "http://192.168.1.20:8866/", "https://example.org/explorer/#network=neu_gap&question=고양이와 개"):
        picture = cv2.resize(np.pad(255 * (1 - matrix(page, text)), 4, constant_values=255), None, fx=6, fy=6,
                             interpolation=cv2.INTER_NEAREST)
        assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == text


def test_a_code_bears_that_a_part_of_it_is_hidden(page):
    text = "http://192.168.1.20:8866/#network=mnist_cnn&image=3"
    modules = matrix(page, text)
    modules[-12:-4, -8:] = 0
    assert decoded(modules) == text


def test_one_byte_more_than_the_largest_holds_ends_in_a_sentence(page):
    assert evaluate(page, "qrMatrix('x'.repeat(2332));") == "addressTooLong"


# ---- the whole page, as a hall gets it


def test_under_the_rules_of_the_halls_server_all_of_it_runs(new_context, explorer_folder, tmp_path):
    """Its worker and its WebAssembly are allowed, a picture is read, and nothing is asked of anybody else."""
    asked, said = [], []
    (tmp_path / "photo.jpg").write_bytes(file(quarters(900, 700), "jpeg"))
    with served(explorer_folder, {}) as port:
        page = new_context().new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"http://127.0.0.1:{port}/#lang=en&network=resnet20")
        page.get_by_text("Grad-CAM of").first.wait_for()
        before = page.locator("#status").inner_text()
        page.locator("input[type=file]").first.set_input_files(tmp_path / "photo.jpg")
        page.wait_for_function("before => document.querySelector('#status').textContent !== before", arg=before)
        page.context.close()
    assert [url for url in asked if not url.startswith((f"http://127.0.0.1:{port}/", "data:", "blob:"))] == []
    assert said == [] and any(url.endswith("/networks/resnet20.js") for url in asked)
