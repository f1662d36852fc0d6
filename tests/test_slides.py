"""The decks: their format, that English and Korean stay in step, and what the builder promises of figures and fonts."""
import ast
import base64
import dataclasses
import io
import re
import sys
import types

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from matplotlib import pyplot as plt
from PIL import Image

from tools import slides
from tools.decks import code, figures, notes, page, references, source, talks
from tools.notebooks import fonts

DECKS = source.deck_names()
BOTH = [(name, language) for name in DECKS for language in source.LANGUAGES]
TEXT = """title: 9 · Test
images: none

<!-- slide first, 2 min -->
# One is odd

A sentence with $x^2$.

![A curve.](figure:curve "300")

Notes:
Say it. Ask why.

<!-- slide second, 3 min, beside, steps -->
# Two is even

- an item

code: lecture_utils.explain.cam._grad_cam

Notes:
Say that too.
"""


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """An empty slides/ folder of a lecture in two languages: write(language, text) puts the deck 09_test into it."""
    monkeypatch.setattr(source, "SOURCES", tmp_path)
    monkeypatch.setattr(source, "LANGUAGES", {"en": {}, "ko": {}})

    def write(language, text):
        (tmp_path / language).mkdir(exist_ok=True)
        (tmp_path / language / "09_test.md").write_text(text, encoding="utf-8")

    return write


# ---- the decks that ship


def test_there_is_a_deck_for_every_core_notebook_and_one_for_trust():
    core = [path.stem for path in sorted((source.ROOT / "notebooks").glob("0[1-6]_*.ipynb"))]
    assert {*core, "07_trust"} <= set(DECKS)


@pytest.mark.parametrize("name", DECKS)
def test_translations_are_in_step_with_the_english(name):
    assert source.faults(name) == []


@pytest.mark.parametrize("name, language", BOTH)
def test_every_slide_has_a_claim_notes_minutes_and_alternative_texts(name, language):
    for slide in source.read_deck(name, language).slides:
        assert 1 <= slide.minutes <= 8, slide.name
        heading = re.sub(r"\{\{\w+\}\}", "100%", slide.heading)
        assert len(heading) <= (50 if language == "ko" else 75), f"{slide.name}: a claim is one short sentence"
        assert re.search(r"[.?!]\)?$", slide.notes), f"{slide.name}: notes are full sentences"
        assert len(re.findall(r"[.?!](?:\s|\)|$)", slide.notes)) >= 2, f"{slide.name}: notes say more than one sentence"
        assert all(len(alt) >= 15 for alt, _, _ in slide.figures), f"{slide.name}: a figure needs an alternative text"
        assert not re.findall(r"!\[[^\]]*\]\((?!figure:)", slide.body), f"{slide.name}: figures are drawn by code, not pasted"


@pytest.mark.parametrize("name, language", BOTH)
def test_korean_is_korean_and_english_is_not(name, language):
    for slide in source.read_deck(name, language).slides:
        for text in (slide.heading, slide.notes, *(alt for alt, _, _ in slide.figures)):
            assert bool(re.search("[가-힣]", text)) == (language == "ko"), f"{slide.name}: {text[:60]}"


@pytest.mark.parametrize("name", DECKS)
def test_slides_have_names_of_their_own(name):
    names = [slide.name for slide in source.read_deck(name, "en").slides]
    assert len(set(names)) == len(names)


def test_no_slide_is_named_as_a_part_of_the_player():
    """Its name would be an id a second time, and the player would find the slide in place of its own part."""
    template = (page.TEMPLATE / "deck.html.j2").read_text(encoding="utf-8")
    names = {slide.name for name in DECKS for slide in source.read_deck(name, "en").slides}
    taken = set(re.findall(r'id="([\w-]+)"', template))
    assert taken and not taken & names


@pytest.mark.parametrize("name, language", BOTH)
def test_the_first_slide_tells_the_minutes(name, language):
    assert "- {{minutes}}" in source.read_deck(name, language).slides[0].body.splitlines()


@pytest.mark.parametrize("name", DECKS)
def test_every_figure_is_drawn_and_every_drawing_shown(name):
    tree = ast.parse((source.SOURCES / "figures" / f"{name}.py").read_text(encoding="utf-8"))
    drawn = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and [a.arg for a in node.args.args] == ["say"]}
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    english = source.read_deck(name, "en").slides
    assert {figure for slide in english for _, figure, _ in slide.figures} == drawn
    for language in source.LANGUAGES:
        for slide in source.read_deck(name, language).slides:
            assert set(re.findall(r"\{\{(\w+)\}\}", slide.heading + slide.body + slide.notes)) <= functions | {"minutes"}


@pytest.mark.parametrize("name, language", BOTH)
def test_no_emphasis_is_left_as_asterisks(name, language):
    """"**81%**이다" stays as it is written: asterisks between a sign and a letter don't close in Markdown."""
    for slide in source.read_deck(name, language).slides:
        for text in (slide.heading, slide.body, slide.notes):
            shown = page.markdown(re.sub(r"\{\{\w+\}\}", "81%", source.FIGURE.sub("", source.QUOTE.sub("", text))))
            assert "**" not in shown, f"{slide.name}: {text[:60]}"


@pytest.mark.parametrize("name", DECKS)
def test_quoted_code_is_found(name):
    for slide in source.read_deck(name, "en").slides:
        for line in slide.quotes:
            assert "```" in code.quoted(line)
        assert "```" not in slide.body, f"{slide.name}: code on a slide is quoted, not typed"


# ---- the format


def test_a_deck_is_read():
    read = source.parse(TEXT, "09_test", "en")
    first, second = read.slides
    assert (read.title, read.minutes) == ("9 · Test", 5)
    assert (first.name, first.minutes, first.flags, first.heading) == ("first", 2, (), "One is odd")
    assert first.figures == [("A curve.", "curve", 300)]
    assert first.notes == "Say it. Ask why."
    assert second.flags == ("beside", "steps")
    assert second.quotes == ["code: lecture_utils.explain.cam._grad_cam"]


@pytest.mark.parametrize("old, new, told", [
    ("<!-- slide first, 2 min -->", "<!-- slide first -->", "should read"),
    ("<!-- slide first, 2 min -->", "<!-- slide first, 2 min, sideways -->", "no flag 'sideways'"),
    ("# One is odd", "One is odd", "one heading"),
    ("# One is odd", "# One is odd\n# So is three", "one heading"),
    ("Notes:\nSay it. Ask why.", "", "what the speaker says"),
    ("images: none\n", "", "`images: ...`"),
])
def test_a_departure_from_the_format_is_named(old, new, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        source.parse(TEXT.replace(old, new), "09_test", "en")


@pytest.mark.parametrize("old, new", [
    ("2 min", "3 min"), ("One is odd", "One is not even"), ("A sentence", "One sentence"), ("Ask why", "Ask how"),
    ("A curve.", "A line."), ("curve \"300\"", "curve \"310\""),
])
def test_a_slides_hash_sees_every_change(old, new):
    assert old in TEXT
    changed = source.parse(TEXT.replace(old, new, 1), "09_test", "en")
    assert changed.slides[0].hash != source.parse(TEXT, "09_test", "en").slides[0].hash


def test_a_slides_hash_does_not_see_line_breaks():
    wrapped = source.parse(TEXT.replace("Say it. Ask why.", "Say it.\nAsk  why."), "09_test", "en")
    assert [s.hash for s in wrapped.slides] == [s.hash for s in source.parse(TEXT, "09_test", "en").slides]


# ---- the twins


def test_a_missing_twin_is_named(sources):
    sources("en", TEXT)
    assert source.faults("09_test") == ["slides/ko/09_test.md is missing."]


def test_a_twin_is_up_to_date_until_its_source_changes(sources):
    sources("en", TEXT)
    sources("ko", TEXT.replace("Say it. Ask why.", "말하세요. 물어보세요."))
    assert len(source.faults("09_test")) == 2  # no slide names its source yet
    source.mark_translated("09_test", "ko")
    assert source.faults("09_test") == []
    sources("en", TEXT.replace("an item", "another item"))
    (fault,) = source.faults("09_test")
    assert "slide second" in fault and source.read_deck("09_test", "en").slides[1].hash in fault


@pytest.mark.parametrize("old, new, told", [
    ("slide second,", "slide zweite,", "not in step"),
    ("2 min", "4 min", "minutes differ"),
    (", beside, steps", ", beside", "flags differ"),
    ("figure:curve", "figure:line", "same figures"),
    ("A sentence", "cite: zhou2016\n\nA sentence", "same papers"),
    ("_grad_cam", "_cam", "same code"),
])
def test_twins_out_of_step_are_named(sources, old, new, told):
    sources("en", TEXT)
    sources("ko", TEXT)
    source.mark_translated("09_test", "ko")
    sources("ko", source.source("09_test", "ko").read_text(encoding="utf-8").replace(old, new))
    assert any(told in fault for fault in source.faults("09_test"))


def test_each_translation_is_held_to_the_english_by_itself(sources, monkeypatch):
    monkeypatch.setattr(source, "LANGUAGES", {"en": {}, "ko": {}, "de": {}})
    sources("en", TEXT)
    sources("ko", TEXT)
    assert source.faults("09_test") == ["slides/de/09_test.md is missing."]
    sources("de", TEXT)
    source.mark_translated("09_test", "de")
    assert {fault.partition(",")[0] for fault in source.faults("09_test")} == {"slides/ko/09_test.md"}
    source.mark_translated("09_test", "ko")
    assert source.faults("09_test") == []


# ---- code


def test_a_functions_source_comes_without_its_docstring():
    shown = ast.parse(code.function_source("lecture_utils.explain.cam.grad_cam")).body[0]
    whole = next(node for node in ast.parse((source.ROOT / "lecture_utils/explain/cam.py").read_text(encoding="utf-8")).body
                 if getattr(node, "name", "") == "grad_cam")
    assert ast.dump(ast.Module(shown.body, [])) == ast.dump(ast.Module(whole.body[1:], []))


def test_a_cell_is_quoted_with_its_comments_moved_up():
    block = code.quoted('code: 03_grad_cam_mnist "score = y[:, 6]" lines 2-4')
    assert block.splitlines() == ["```python", "with tf.GradientTape() as tape:",
                                  "    A, y = tapped(six, training=False)  # feature maps, class scores",
                                  "    score = y[:, 6]  # y^c for c = 6, before softmax", "```"]


def test_a_korean_deck_quotes_the_korean_notebook():
    line = 'code: 03_grad_cam_mnist "score = y[:, 6]"'
    english, korean = code.quoted(line), code.quoted(line, "ko")
    assert re.search("# .*[가-힣]", korean) and not re.search("[가-힣]", english)
    wordless = [re.sub('"[^"]*"', '""', re.sub("  #.*", "", block)) for block in (english, korean)]
    assert wordless[0] == wordless[1]
    assert re.search("[가-힣]", code.quoted('output: 04_grad_cam_vgg16 "nine = [["', "ko"))


def test_what_a_cell_prints_is_quoted():
    assert "alpha_1 = 0.5   alpha_2 = -1.0" in code.quoted('output: 03_grad_cam_mnist "alpha_1 = gradient"')


@pytest.mark.parametrize("line, told", [
    ('code: 03_grad_cam_mnist "no such text"', "0 code cells"),
    ('code: 03_grad_cam_mnist "tf."', "code cells of 03_grad_cam_mnist hold"),
    ('output: 03_grad_cam_mnist "def before_relu"', "prints nothing"),
    ('code: 03_grad_cam_mnist "def before_relu"', "at most 83"),
])
def test_a_quotation_that_does_not_work_is_explained(line, told):
    with pytest.raises(ValueError, match=told):
        code.quoted(line)


def test_a_figure_is_taken_out_of_the_committed_notebook():
    sevens = code.pictured("03_grad_cam_mnist", "ranked = placed(before_relu(one")
    assert sevens.ndim == 3 and sevens.shape[2] == 3 and 0 <= sevens.min() < sevens.max() <= 1
    assert len(code.panels(sevens)) == 2                                                        # before and after


def test_a_cell_without_a_figure_is_named():
    with pytest.raises(ValueError, match="alpha_1 = gradient.* shows 0 figures"):
        code.pictured("03_grad_cam_mnist", "alpha_1 = gradient")


def test_a_grid_is_cut_into_its_panels_without_their_titles():
    shades = np.linspace(0.1, 0.8, 6)
    figure, axes = plt.subplots(2, 3, figsize=(6, 4))
    for axis, shade, height in zip(axes.flat, shades, (8, 6, 8, 8, 8, 5), strict=True):    # a low one's title hangs lower
        axis.imshow(np.full((height, 8, 3), shade))
        axis.set_title("a title")
        axis.set_axis_off()
    figure.canvas.draw()
    cut = code.panels(np.asarray(figure.canvas.buffer_rgba())[..., :3] / 255)
    plt.close(figure)
    assert [panel.mean() for panel in cut] == pytest.approx(shades, abs=0.02)
    assert [8 * panel.shape[0] / panel.shape[1] for panel in cut] == pytest.approx([8, 6, 8, 8, 8, 5], abs=0.3)


# ---- figures


def test_small_text_is_enlarged_and_large_text_left():
    figure, axis = plt.subplots(figsize=(10, 5))
    axis.set_title("small", fontsize=6)
    axis.set_xlabel("large", fontsize=30)
    axis.plot([0, 1])
    figures.make_legible(figure, scale=100)  # an inch is 100 pixels, so 24 pixels are 17.28 points
    assert axis.title.get_fontsize() == pytest.approx(17.28)
    assert axis.xaxis.label.get_fontsize() == 30
    assert all(label.get_fontsize() >= 17.28 for label in axis.get_xticklabels())
    plt.close(figure)


def test_a_drawing_fits_its_box_in_its_language():
    said = []

    def curve(say):
        said.append(say("evidence", "근거"))
        figure, axis = plt.subplots(figsize=(4, 3))
        axis.plot([0, 1])
        return figure

    picture = figures.draw(curve, "ko", (600, 400))
    assert said == ["근거"]
    assert picture.width <= 600 and picture.height <= 400 and (picture.width >= 595 or picture.height >= 395)
    image = Image.open(io.BytesIO(base64.b64decode(picture.frames[0].split(",")[1])))
    assert image.size == pytest.approx((1.5 * picture.width, 1.5 * picture.height), abs=2)


def test_a_label_that_nobody_has_translated_is_english(monkeypatch):
    monkeypatch.setattr(figures, "LANGUAGES", {"en": {}, "ko": {}, "de": {}})
    said = []

    def worded(say):
        said.extend([say("evidence", "근거"), say("evidence", "근거", "Beleg")])
        return plt.subplots(figsize=(4, 3))[0]

    figures.draw(worded, "de", (600, 400))
    assert said == ["evidence", "Beleg"]


def test_only_a_figure_without_words_is_drawn_for_both_languages_at_once():
    drawn = []

    def plain(say):
        drawn.append("plain")
        return plt.subplots(figsize=(4, 3))[0]

    def worded(say):
        drawn.append(say("evidence", "근거"))
        return plt.subplots(figsize=(4, 3))[0]

    module, wordless = types.SimpleNamespace(plain=plain, worded=worded), {}
    both = [slides.draw_all(source.parse(TEXT.replace("figure:curve", f"figure:{name}"), "09_test", language), module, wordless)
            for name in ("plain", "worded") for language in ("en", "ko")]
    assert drawn == ["plain", "evidence", "근거"] and both[0] == both[1]


def test_frames_share_one_size():
    def growing(say):
        figures = [plt.subplots(figsize=(4, 2))[0] for _ in range(3)]
        for figure, text in zip(figures, ("", "a", "a longer text"), strict=True):
            figure.suptitle(text)
        return figures

    frames = figures.draw(growing, "en", (400, 200)).frames
    sizes = {Image.open(io.BytesIO(base64.b64decode(frame.split(",")[1]))).size for frame in frames}
    assert sizes == {(600, 300)}


def test_korean_labels_are_drawn_with_a_korean_font():
    def drawing(text):
        def function(say):
            figure, axis = plt.subplots(figsize=(2, 1))
            axis.set_axis_off()
            axis.text(0.5, 0.5, text, fontsize=30, ha="center")
            return figure
        frame = figures.draw(function, "ko", (400, 200)).frames[0]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(frame.split(",")[1]))))

    assert not np.array_equal(drawing("각"), drawing("힣"))  # missing glyphs would be the same empty box


@pytest.mark.parametrize("text", ["\U00013000", r"$\mathdefault{-1}$"])
def test_a_sign_that_no_font_has_stops_the_build(text):
    def labelled(say):
        figure = plt.figure(figsize=(2, 1))
        figure.text(0.5, 0.5, text)
        return figure

    with pytest.raises((ValueError, UserWarning), match="Glyph|Unknown symbol"):
        figures.draw(labelled, "en", (400, 200))


# ---- fonts and formulas


def test_a_deck_carries_exactly_the_characters_it_uses():
    faces = fonts.font_faces("Grad-CAM 역전파 −")
    carried = [TTFont(io.BytesIO(base64.b64decode(data))) for data in re.findall(r"base64,([^)]+)\)", faces)]
    assert len(carried) == 4
    assert set(carried[0].getBestCmap()) == set(map(ord, "Grad-CAM 역전파"))  # Nanum has no true minus sign
    assert ord("−") in carried[2].getBestCmap()
    assert len(faces) < 40_000


def test_hangul_in_code_is_two_columns_wide():
    """So a table that was aligned as a terminal shows it stays so; what is no code does not count."""
    face = fonts.code_face("<p>밖</p><pre><span>줄마다</span> x</pre><code>칸</code>", "Code")
    font = TTFont(io.BytesIO(base64.b64decode(re.search("base64,(.*?)\\)", face)[1])))
    larger = float(re.search(r"size-adjust: (\d+)%", face)[1]) / 100
    columns = TTFont(fonts.DEJAVU / "DejaVuSansMono.ttf")["hmtx"]["A"][0] / 2048
    assert {chr(code) for code in font.getBestCmap()} == set("줄마다칸")
    for name in font.getBestCmap().values():
        glyph, (advance, bearing) = font["glyf"][name], font["hmtx"][name]
        assert advance / 1000 * larger == pytest.approx(2 * columns, abs=0.002)
        assert bearing == glyph.xMin and 0 < glyph.xMin < glyph.xMax < advance
    assert fonts.code_face("<p>밖</p><pre>x</pre>", "Code") == ""


def test_a_character_without_a_font_is_named():
    with pytest.raises(ValueError, match="\U00013000"):
        fonts.font_faces("smile \U00013000")


def test_a_formula_that_cannot_be_drawn_stops_the_build():
    with pytest.raises(ValueError, match="can't be drawn"):
        page.markdown(r"$\frac{1$")


def test_a_formula_has_an_alternative_text():
    assert 'role="img" aria-label="x^2"' in page.markdown("$x^2$")


# ---- the short way, citations, talks

PAPERS = """
[zhou2016]
authors = "B. Zhou, A. Khosla, A. Lapedriza, A. Oliva"
title = "Learning Deep Features"
where = "CVPR"
year = 2016
url = "https://example.org/cam"
short = "Zhou et al., CVPR 2016"

[two2017]
authors = "A. One, B. Two"
title = "A < B"
where = "ICCV"
year = 2017
url = "https://example.org/two"
short = "One and Two, ICCV 2017"
"""


@pytest.fixture
def papers(sources, tmp_path):
    """A slides/ folder whose references are `PAPERS`."""
    (tmp_path / "references.toml").write_text(PAPERS, encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in DECKS if name[:2] <= "07"])
@pytest.mark.parametrize("language", source.LANGUAGES)
def test_the_short_way_of_a_deck_of_the_core_fits_a_lecture_of_fifty_minutes(name, language):
    read = source.read_deck(name, language)
    left = [slide.minutes for slide in read.slides if "long" not in slide.flags]
    assert sum(left) <= 50, f"{name}: mark slides as `long`, so that at most 50 of its {sum(left)} minutes are left"
    assert {"title"} <= set(read.slides[0].flags) and "long" not in (*read.slides[0].flags, *read.slides[-1].flags)


def test_both_ways_are_told_where_they_differ():
    whole = source.parse(TEXT, "09_test", "en")
    assert page.lasting(whole) == "5 minutes"
    shorter = source.parse(TEXT.replace("beside, steps", "beside, steps, long"), "09_test", "en")
    assert page.lasting(shorter) == "5 minutes, the short way 2"
    assert page.lasting(dataclasses.replace(shorter, language="ko")) == "5분 (짧게 2분)"
    filled = slides.filled_in(source.parse(TEXT.replace("A sentence", "{{minutes}}"), "09_test", "en"), None)
    assert filled.slides[0].body.startswith("5 minutes with")


def test_what_a_slide_cites_stands_at_its_foot_and_all_on_a_slide_at_the_end(papers):
    text = TEXT.replace("A sentence", "cite: two2017 zhou2016\n\nA sentence").replace("- an item", "- an item\n\ncite: zhou2016")
    deck = references.with_references(source.parse(text, "09_test", "ko"))
    assert [(slide.name, slide.heading, slide.minutes) for slide in deck.slides][2:] == [("references", "참고 문헌", 0)]
    written = page.page(deck, {("first", "curve"): figures.Picture(400, 300, ["data:image/webp;base64,AAAA"])})
    feet = [re.sub("<.*?>", "", foot) for foot in re.findall(r'<p class="cites">(.*?)</p>', written)]
    assert feet == ["One and Two, ICCV 2017 · Zhou et al., CVPR 2016", "Zhou et al., CVPR 2016"]
    assert "cite:" not in written
    listed = [re.sub("<.*?>", "", item) for item in re.findall(r"<li>(.*?)</li>", written, re.DOTALL)[1:]]
    assert listed == ["A. One, B. Two: A &lt; B. ICCV 2017. example.org/two",
                      "B. Zhou et al.: Learning Deep Features. CVPR 2016. example.org/cam"]


def test_a_deck_that_cites_nothing_has_no_slide_of_references(papers):
    deck = source.parse(TEXT, "09_test", "en")
    assert references.with_references(deck) == deck


def test_many_papers_are_listed_on_several_slides(sources, tmp_path):
    keys = [f"paper{n}" for n in range(15)]
    one = PAPERS.split("\n\n")[0].strip()
    (tmp_path / "references.toml").write_text("\n".join(one.replace("zhou2016", key) for key in keys), encoding="utf-8")
    deck = source.parse(TEXT.replace("A sentence", f"cite: {' '.join(keys)}\n\nA sentence"), "09_test", "en")
    added = references.with_references(deck).slides[2:]
    assert len({slide.name for slide in added}) == len(added) > 1
    assert max(slide.body.count("Learning Deep Features") for slide in added) <= 6
    assert sum(slide.body.count("Learning Deep Features") for slide in added) == 15


def test_an_unknown_paper_is_named(papers):
    deck = source.parse(TEXT.replace("A sentence", "cite: zhou2015\n\nA sentence"), "09_test", "en")
    with pytest.raises(ValueError, match=r"en/09_test.md, slide first: .*no \[zhou2015\]; it has zhou2016, two2017"):
        references.with_references(deck)


def test_an_incomplete_paper_is_named(papers, tmp_path):
    (tmp_path / "references.toml").write_text(PAPERS.replace('where = "ICCV"\n', ""), encoding="utf-8")
    with pytest.raises(ValueError, match=r"\[two2017\]: it should have authors, title, where"):
        references.all_references()


def test_every_paper_of_the_course_is_cited_and_their_keys_are_in_order():
    cited = {key for name, language in BOTH for slide in source.read_deck(name, language).slides for key in slide.cites}
    assert set(references.all_references()) == cited and list(references.all_references()) == sorted(cited)


@pytest.fixture
def talk(sources, tmp_path):
    """write(text) makes the talk `some` out of a deck 09_test in two languages."""
    sources("en", TEXT.replace("beside, steps", "beside, steps, long"))
    sources("ko", TEXT)
    (tmp_path / "talks").mkdir()

    def write(text):
        (tmp_path / "talks" / "some.toml").write_text(text, encoding="utf-8")
    return write


def test_a_talk_is_composed_of_slides_with_minutes_of_its_own(talk):
    talk("""
title = {en = "A talk", ko = "강연"}
[[slides]]
slide = "9/second"
minutes = 7
[[slides]]
slide = "9/first"
minutes = 1
en.notes = "Other notes. {{minutes}}"
[[slides]]
slide = "9/first"
name = "again"
flags = ["title"]
minutes = 4
en.heading = "Once more"
en.body = "- {{minutes}}"
""")
    read = source.read_deck("09_test", "en")
    deck = talks.compose("some", "en", {"09_test": read}, ["09_test"])
    assert (deck.title, deck.minutes, deck.short_minutes) == ("A talk", 12, 12)
    assert [(slide.name, slide.minutes, slide.flags) for slide in deck.slides] == [
        ("9_second", 7, ("beside", "steps")), ("9_first", 1, ()), ("again", 4, ("title",))]
    second, first, again = deck.slides
    assert second.body == read.slides[1].body and first.body == read.slides[0].body and again.body == "- 12 minutes"
    assert (first.notes, second.notes) == ("Other notes. {{minutes}}", read.slides[1].notes)
    assert (first.heading, again.heading) == ("One is odd", "Once more")
    pictures = {("9_first", "curve"): figures.Picture(400, 300, ["data:image/webp;base64,AAAA"])}
    written = page.page(deck, pictures)
    assert '<a href="09_test.html#second">9 · Test</a>' in written and '<a href="09_test.html#first">' in written
    assert "href" not in page.page(talks.compose("some", "en", {"09_test": read}), pictures).split("<main>")[1]


@pytest.mark.parametrize("text, told", [
    ('slide = "9/third"\nminutes = 1', "there is no slide '9/third'"),
    ('slide = "8/first"\nminutes = 1', "there is no slide '8/first'"),
    ('slide = "9/first"', "it needs `minutes`"), ("minutes = 1", "there is no slide ''"),
    ('slide = "9/first"\nminutes = 1\nen.title = "x"', "it has title in en"),
    ('slide = "9/first"\nminutes = 1\nfr.notes = "x"', "it has notes in fr"),
    ('slide = "9/first"\nminutes = 1\nflags = ["lone"]', "there is no flag 'lone'"),
    ('slide = "9/first"\nminutes = 1\n[[slides]]\nslide = "9/first"\nminutes = 1', "9_first comes twice"),
])
def test_a_talk_that_is_described_wrongly_says_where(talk, text, told):
    talk(f'title = {{en = "A", ko = "B"}}\n[[slides]]\n{text}\n')
    with pytest.raises(ValueError, match=re.escape(told)):
        talks.read_talk("some")


@pytest.mark.parametrize("name", talks.talk_names())
def test_a_talk_says_the_same_in_every_language(name):
    title, entries = talks.read_talk(name)
    assert set(title) == set(source.LANGUAGES)
    for entry in entries:
        own = {tuple(sorted(entry.texts.get(language, {}))) for language in source.LANGUAGES}
        assert len(own) == 1, f"{entry.slide}: the languages have different texts of their own"
        shown = [source.FIGURE.findall(entry.texts.get(language, {}).get("body", "")) for language in source.LANGUAGES]
        assert len({tuple(figure[1:] for figure in found) for found in shown}) == 1, f"{entry.slide}: figures differ"


@pytest.mark.parametrize("sheet", ["INSTRUCTOR.md", "INSTRUCTOR.ko.md"])
def test_the_hour_is_the_run_sheets(sheet):
    file = source.SOURCES / sheet
    if not file.is_file():
        pytest.skip(f"there is no slides/{sheet}")
    rows = re.findall(r"^\| (\d+)–(\d+) \| (?:`(\d/\w+)`|[^|`]+) \|", file.read_text(encoding="utf-8"), re.MULTILINE)
    rows = rows[:[int(end) for _, end, _ in rows].index(60) + 1]
    entries = talks.read_talk("hour")[1]
    planned = [(f"{int(entry.deck[:2])}/{entry.slide}", entry.minutes) for entry in entries]
    told = [(slide, int(end) - int(begin)) for begin, end, slide in rows if slide]
    assert planned[:-1] == told and sum(minutes for _, minutes in planned) == 60
    assert entries[-1].name == "questions"


def test_what_the_speaker_does_is_told_from_what_is_said():
    said = 'Ask why. The map says it. Before you go on, let them vote (most say "dog"). Then wait. We ask too.'
    marked = notes.with_doings(said, "en")
    assert re.findall('<em class="do">(.*?)</em>', marked) == [
        "Ask why.", 'Before you go on, let them vote (most say "dog").', "Then wait."]
    korean = notes.with_doings("먼저 물어보세요. 맵은 답이 아닙니다. 왜 그럴까요? 기다려 주세요.", "ko")
    assert re.findall('<em class="do">(.*?)</em>', korean) == ["먼저 물어보세요.", "기다려 주세요."]
    assert notes.with_doings("Frag!", "de") == "Frag!"


# ---- the page


def test_a_page_holds_heading_figure_notes_and_times():
    read = source.parse(TEXT, "09_test", "en")
    picture = figures.Picture(400, 300, ["data:image/webp;base64,AAAA"])
    written = page.page(read, {("first", "curve"): picture})
    assert '<img src="data:image/webp;base64,AAAA" width="400" height="300" alt="A curve.">' in written
    assert "<h1>One is odd</h1>" in written and "Say it." in written
    assert 'data-minutes="2"' in written and 'data-minutes="3"' in written
    assert not re.search(r'(?:src|href)="?(?:https?:)?//', written)


def test_an_animation_has_one_alternative_text_for_all_its_frames():
    read = source.parse(TEXT, "09_test", "en")
    picture = figures.Picture(400, 300, ["data:image/webp;base64,AAAA", "data:image/webp;base64,BBBB"])
    written = page.page(read, {("first", "curve"): picture})
    assert 'role="img" aria-label="A curve."' in written and written.count('alt="" class="frame"') == 2


def test_numbers_are_filled_in():
    class module:
        def share():
            return "81%"

    read = source.parse(TEXT.replace("A sentence", "{{share}}"), "09_test", "en")
    assert slides.filled_in(read, module).slides[0].body.startswith("81% with")


def test_decks_are_found_by_number_and_name():
    assert slides.find_deck("3") == slides.find_deck("03") == slides.find_deck("03_grad_cam_mnist") == "03_grad_cam_mnist"
    with pytest.raises(SystemExit, match="There is no deck '99'"):
        slides.find_deck("99")


def test_a_number_finds_no_deck_that_only_begins_with_it(monkeypatch):
    monkeypatch.setattr(slides, "deck_names", lambda: ["02_two", "10_ten"])
    assert slides.find_deck("10") == "10_ten"
    with pytest.raises(SystemExit, match="There is no deck '1'"):
        slides.find_deck("1")


def test_twins_in_another_order_are_not_in_step(sources):
    sources("en", TEXT)
    head, first, second = re.split(r"(?=<!-- slide)", TEXT)
    sources("ko", head + second.rstrip() + "\n\n" + first)
    (fault,) = source.faults("09_test")
    assert "not in step. English: first, second. Here: second, first." in fault


def test_numbers_are_filled_into_headings_and_notes_too():
    class module:
        def share():
            return 81

    read = source.parse(TEXT.replace("One is odd", "{{share}} is odd").replace("Ask why.", "Ask {{share}}."), "09_test", "en")
    filled = slides.filled_in(read, module).slides[0]
    assert (filled.heading, filled.notes) == ("81 is odd", "Say it. Ask 81.")


def test_a_figure_may_be_lower_than_its_slide_allows_and_stands_in_half_of_it_beside_text():
    first, second = source.parse(TEXT, "09_test", "en").slides
    assert page.box(first, 300) == (1168, 300) and page.box(first, None) == (1168, 500)
    assert page.box(second, None) == (600, 520)


def test_quotation_marks_in_an_alternative_text_do_not_end_it():
    read = source.parse(TEXT.replace("A curve.", 'A "steep" <curve>.'), "09_test", "en")
    for frames in (["data:image/webp;base64,AAAA"], ["data:image/webp;base64,AAAA", "data:image/webp;base64,BBBB"]):
        written = page.page(read, {("first", "curve"): figures.Picture(400, 300, frames)})
        assert "A &quot;steep&quot; &lt;curve&gt;." in written and '"steep"' not in written


def test_where_decks_cannot_be_written_none_is_built(tmp_path, monkeypatch):
    (tmp_path / "file").touch()                                 # nothing can be made in a file, not even by root
    monkeypatch.setattr(slides, "BUILD", tmp_path / "file" / "build")
    monkeypatch.setattr(slides, "build", lambda *_: pytest.fail("computed in vain"))
    monkeypatch.setattr(sys, "argv", ["slides.py", "03"])
    with pytest.raises(SystemExit, match="can't be written to.*folder of your own"):
        slides.main()
