"""The notebooks of another language are the English ones: the same code, the same numbers and pictures; only words differ.

What is written in notebooks/ko/NN_name.md is held to the English cell by cell; what lies in notebooks/ko/NN_name.ipynb is held
to both. So their code need not be run a second time by nbval.
"""
import ast
import base64
import collections
import io
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from tools.notebooks import code_texts, glossary, languages, normalize, pages, translation
from tools.notebooks.bootstrap_cell import BEGIN, BOOTSTRAP, FOLDED, bootstrap_cell, colab_badge
from tools.notebooks.repository import repository_address
from tools.notebooks.title_cell import figures, promise, title_table
from tools.run import execute

ROOT = Path(__file__).resolve().parents[1]
ENGLISH = {path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
KOREAN = {path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks" / "ko").glob("*.ipynb"))}
HANGUL = re.compile("[가-힣]")


@pytest.fixture(params=ENGLISH)
def name(request):
    return request.param


@pytest.fixture
def korean(name):
    return KOREAN[name]


@pytest.fixture
def english(name):
    return ENGLISH[name]


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def outside_code(markdown):
    return re.sub(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]+\$", " ", markdown, flags=re.DOTALL)


def pairs(english, korean):
    """(English cell, Korean cell) of each code cell."""
    return [pair for pair in zip(english.cells, korean.cells, strict=True) if pair[0].cell_type == "code"]


def output_pairs(english, korean):
    """(English output, Korean output) of each output of each code cell."""
    return [pair for cells in pairs(english, korean) for pair in zip(*(cell.outputs for cell in cells), strict=True)]


# ---- the prose is that of the English cells


def test_every_notebook_is_there():
    assert list(KOREAN) == list(ENGLISH)


def test_every_cell_is_translated_as_it_is_now(name):
    assert translation.faults(ROOT / "notebooks" / f"{name}.ipynb", "ko") == []


def test_the_notebook_is_made_of_both(name):
    """`course.py stamp` would change nothing: no cell was edited by hand, no output belongs to other code."""
    made = translation.renewed(ROOT / "notebooks" / f"{name}.ipynb", "ko")
    there = ROOT / "notebooks" / "ko" / f"{name}.ipynb"
    assert there.read_text(encoding="utf-8") == nbformat.writes(made) + "\n"
    nbformat.validate(made)


# ---- the code is the English code


def precision(field):
    """The format of a field without its width, which other words beside it change: `.2f` of `{x:8.2f}`."""
    parts = field.format_spec.values if field.format_spec else []
    return re.fullmatch(r"[<>^]?\d*(.*)", "".join(part.value for part in parts if isinstance(part, ast.Constant)))[1]


def without_texts(code):
    """What Python reads of a code, each text replaced by its place; a second formulation of `code_texts.wordless`."""
    class Blank(ast.NodeTransformer):
        def visit_JoinedStr(self, node):
            parts = [part for part in node.values if isinstance(part, ast.FormattedValue)]
            fields = sorted(f"{ast.unparse(self.visit(part.value))} {part.conversion} {precision(part)}" for part in parts)
            return ast.copy_location(ast.Constant(f"text with {fields}"), node)

        def visit_Constant(self, node):
            return ast.copy_location(ast.Constant("text with []"), node) if isinstance(node.value, str) else node

    return ast.unparse(Blank().visit(ast.parse(code)))


def test_the_code_does_what_the_english_code_does(english, korean):
    """Cell by cell the same Python but for what stands in quotation marks and comments."""
    for original, own in pairs(english, korean):
        if "bootstrap" not in original.metadata.get("tags", []):
            assert without_texts(own.source) == without_texts(original.source)
            assert HANGUL.search(own.source) or own.source == original.source
            assert own.metadata == original.metadata and own.id == original.id


def test_what_is_not_for_readers_stands_as_in_english(english, korean):
    """Texts without a blank, but for those with Korean: names of layers, files, methods, colours, kinds of numbers."""
    for original, own in pairs(english, korean)[1:]:
        before, after = ([text.words for text in code_texts.texts(cell.source)] for cell in (original, own))
        assert len(before) == len(after)
        changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new and re.fullmatch(r"[\w.:#>/-]+", old)]
        assert [old for old, new in changed if re.search("[A-Za-z]", new) and not HANGUL.search(new)
                and new != old.replace("docs/pictures/", "docs/pictures/ko/")] == []


def test_the_bootstrap_cell_says_its_language_and_nothing_else_differs(korean):
    cell = korean.cells[1]
    assert cell.source == bootstrap_cell(repository_address(ROOT), "ko") and cell.metadata == FOLDED and cell.outputs == []
    own = cell.source.replace(', language="ko")', ")")
    assert without_texts(own) == without_texts(bootstrap_cell(repository_address(ROOT)))
    assert len(HANGUL.findall(own)) > 50 and BEGIN in own and not re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}\.", own)
    assert set(languages.BOOTSTRAP["ko"]) == {text.words for text in code_texts.texts(BOOTSTRAP) if code_texts.is_prose(text)}


# ---- the outputs are the English outputs


def numbers(text):
    """How often each number stands in a text."""
    plain = re.sub(r"\x1b\[[0-9;]*m|[A-Za-z]+\w*|(?<=\d),(?=\d{3})", " ", text)
    return collections.Counter(re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", plain))


def plain_text(output):
    return output.text if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")


def test_it_was_executed_and_put_out_as_much(english, korean):
    for original, own in pairs(english, korean):
        assert own.execution_count == original.execution_count
        assert [output.output_type for output in own.outputs] == [output.output_type for output in original.outputs]


def test_what_holds_no_language_is_the_english_output_byte_by_byte(english, korean):
    for original, own in output_pairs(english, korean):
        if not HANGUL.search(json.dumps(own, ensure_ascii=False)):
            assert own == original


def test_pictures_without_words_are_the_same_files(english, korean):
    for original, own in output_pairs(english, korean):
        if "image/png" in own.get("data", {}):
            told = own.metadata["image/png"]
            assert ("lang" in told) == (own.data["image/png"] != original.data["image/png"]), told["alt"]
            assert HANGUL.search(told["alt"])


def test_pictures_with_words_are_as_large_and_as_fine(english, korean):
    """Within the room that other words take."""
    for original, own in output_pairs(english, korean):
        if "lang" in own.get("metadata", {}).get("image/png", {}):
            sizes = [Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).size for output in (original, own)]
            assert np.abs(np.divide(*sizes) - 1).max() < 0.25, own.metadata["image/png"]["alt"]


def test_printed_numbers_are_the_english_ones(english, korean):
    """Besides there are only small ones, which English writes in letters: "above zero", "of the two"."""
    for original, own in output_pairs(english, korean):
        if "image/png" not in own.get("data", {}):
            there, here = numbers(plain_text(original)), numbers(plain_text(own))
            assert not there - here, plain_text(own)
            assert all(number.isdigit() and int(number) <= 20 for number in here - there), plain_text(own)


def test_outputs_are_fit_to_be_committed(korean):
    for number, cell in enumerate((cell for cell in korean.cells if cell.cell_type == "code"), start=1):
        for output in cell.outputs:
            normalize.check_output(output, number)
            assert not normalize.is_widget(output)
    assert korean.metadata.kernelspec == normalize.KERNEL and korean.metadata.course.language == "ko"
    assert set(korean.metadata) == {"course", "kernelspec", "language_info"}


def test_the_quickest_notebook_prints_in_korean_what_is_committed():
    """The one that is run here; of the others the tests above say that their code and numbers are the English ones."""
    name = min(ENGLISH, key=lambda name: ENGLISH[name].metadata.course.cpu_seconds)
    ran, = execute([ROOT / "notebooks" / "ko" / f"{name}.ipynb"], cell_limit=240, limit=600, embedded=True)
    assert not ran.error
    settled = translation.settled(ran.notebook, ENGLISH[name])
    for own, committed in zip(settled.cells, KOREAN[name].cells, strict=True):
        assert [plain_text(output) for output in own.get("outputs", [])] == [
            plain_text(output) for output in committed.get("outputs", [])]


# ---- nothing is left in English


ENGLISH_SENTENCE = re.compile(r"\b(?:[A-Za-z][a-z'’]*,? ){4,}[a-z]+")
# What is quoted, and what a network says: it learned English.
QUOTED = re.compile(r"\ba \w+ \w+ (?:left of|right of|above|below) a \w+ \w+|"
                    r"\*[^*\n]{8,}\*|“[^”]*”|\[[^\]]*\]\([^)]*\)|`[^`]*`|\([A-Za-z][^()가-힣]*\)")


def test_the_prose_is_korean(korean):
    for cell in korean.cells:
        if cell.cell_type == "markdown":
            text = QUOTED.sub(" ", outside_code(cell.source).partition("## 더 읽을거리")[0])
            assert not ENGLISH_SENTENCE.findall(text)


def test_what_is_printed_is_korean(korean):
    for cell in korean.cells:
        for output in cell.get("outputs", []):
            text = QUOTED.sub(" ", re.sub(r"\w+Error: .*", "", plain_text(output)))    # in Keras' own words
            assert not ENGLISH_SENTENCE.findall(text), text


def test_every_figure_is_described_in_korean(korean):
    described = figures(korean.cells)
    assert described and all(HANGUL.search(alt) and len(alt) >= 12 for _, alt in described)


# ---- the Korean


def korean_texts(notebook):
    """What the reader reads: prose, the texts of the code, outputs."""
    for cell in notebook.cells[2:]:
        if cell.cell_type == "markdown":
            yield outside_code(cell.source)
        else:
            yield from (text.words for text in code_texts.texts(cell.source))
            yield from map(plain_text, cell.outputs)


FORBIDDEN = {  # turns of translated English: what is written instead
    r"그것[이을은의도들에]|그것들": "the thing itself, or nothing",
    r"(?:에|에게) 의해(?:서)?\b": "an active verb",
    r"에 대하여|에 대해서": "-을/를, -은/는",
    r"되어지|보여지|쓰여지|불려지|나뉘어지": "the plain passive",
    r"[맵칸점층값]들(?:이|을|은|의|과|에)": "the noun without 들",
    r"하는 것이 가능": "-ㄹ 수 있다",
    r"함에 있어|에 있어서": "-에서",
    r"을 가지고 있|를 가지고 있": "-이/가 있다",
}


@pytest.mark.parametrize("turn", FORBIDDEN)
def test_no_turn_of_translated_english(korean, turn):
    found = [text[max(0, at.start() - 20):at.end() + 10] for text in korean_texts(korean) for at in re.finditer(turn, text)]
    assert not found, f"{found}; write {FORBIDDEN[turn]}"


def test_older_forms_of_terms_do_not_occur(korean):
    avoided = {form: term.korean for term in glossary.terms() for form in term.avoid}
    text = "\n".join(korean_texts(korean))
    assert not {form: instead for form, instead in avoided.items() if form in text}


def test_one_register_throughout(korean):
    """합니다체: no sentence ends in -요 or in plain -다."""
    for text in korean_texts(korean):
        bare = re.sub(r"[*_`”’\"')\]]", "", text)
        assert not re.findall(r"(?<!아니)요[.?!](?=\s|$)", bare), text
        plain = [word for word in re.findall(r"[가-힣]+다\.(?=\s|$)", bare)
                 if not word.endswith(("니다.", "시다.", "마다.", "보다."))]
        assert not plain, (plain, text)


def test_terms_stand_with_their_english_where_they_are_introduced(name, korean):
    """A term that the glossary says this notebook introduces: 특징 맵(feature map)."""
    text = re.sub(r"[*`]", "", prose(korean))
    introduced = [term for term in glossary.terms() if term.first == name and term.is_hangul]
    given = {term.korean: rf"{term.korean.removesuffix('다')}[가-힣]*\s?\([^)]*(?:{'|'.join(map(re.escape, term.names))})"
             for term in introduced}
    assert not [korean for korean, pattern in given.items() if not re.search(pattern, text, re.IGNORECASE)]


def test_bold_ends_where_markdown_lets_it_end(korean):
    """`**특징 맵(feature map)**은` would show its stars: a bracket before the stars and a letter after them."""
    for cell in korean.cells:
        if cell.cell_type == "markdown":
            assert "**" not in re.sub(r"<code>.*?</code>|<pre.*?</pre>", "", pages.markdown(cell.source), flags=re.DOTALL)


# ---- frame and links


def test_title_badge_and_table(name, korean, english):
    first = korean.cells[0].source
    assert len(promise(korean)) > 20 and HANGUL.search(promise(korean)) and promise(korean).endswith("니다.")
    assert colab_badge(repository_address(ROOT), f"notebooks/ko/{name}.ipynb", "ko") in first
    table, words = title_table(korean), languages.WORDS["ko"]
    assert HANGUL.search(table[words["able"]]) and table[words["first"]]
    assert {key: int(table[label]) for key, label in words["facts"].items()} == english.metadata.course


def test_headings_are_the_english_ones(english, korean):
    """As many, as deep, with the same numbers."""
    def numbered(notebook):
        return [(marks, re.match(r"(?:연습 문제|Exercise)? ?(\d*)", text)[1]) for marks, text in
                re.findall(r"^(#+) (.+)$", re.sub(r"```.*?```", "", prose(notebook), flags=re.DOTALL), re.MULTILINE)]
    assert numbered(korean) == numbered(english)


def test_links_lead_somewhere(korean):
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", prose(korean), flags=re.DOTALL)):
        path, _, anchor = target.partition("#")
        if not re.match("https://", target):
            assert not path or (ROOT / "notebooks" / "ko" / path).exists(), target
            there = korean if not path else KOREAN.get(Path(path).stem)
            if anchor and there:
                headings = re.findall(r"^#+ (.+)$", prose(there), re.MULTILINE)
                assert anchor in {heading.strip().replace(" ", "-") for heading in headings}, target


# ---- texts in code, by hand-made cells


def words(code):
    return [text.words for text in code_texts.texts(code)]


@pytest.mark.parametrize(("code", "found"), [
    ("show('a b', \"c\")", ["a b", "c"]),
    ("show('one '\n     'sentence')  # why", ["one sentence", "# why"]),
    ("x = f'{a:.2f} of {b!r}' 'c'", ["{a:.2f} of {b!r}c"]),
    ("d = {'a': 1}  # f\"{x}\"", ["a", "# f\"{x}\""]),
    ('"""Doc."""\nf(r"\\d")', ["Doc.", "\\d"]),
    ("f('a', 'b')", ["a", "b"]),
    ("x = 'a' + 'b'", ["a", "b"]),
])
def test_the_texts_of_a_code(code, found):
    assert words(code) == found


def test_a_sentence_is_exchanged_and_nothing_else():
    code = "show(figure, 'A cat.')  # a cat\nprint('A cat.', f'{n} cats')"
    own = code_texts.exchanged(code, {"A cat.": "고양이입니다.", "# a cat": "# 고양이", "{n} cats": "고양이 {n}마리"})
    assert own == "show(figure, '고양이입니다.')  # 고양이\nprint('고양이입니다.', f'고양이 {n}마리')"


def test_a_long_sentence_is_broken_into_lines_that_python_joins():
    own = code_texts.exchanged("show(f'x {n}',\n     'y')", {"x {n}": "가 " * 80 + "{n}"})
    assert eval(own.replace("show", "").replace("\n", " "), {"n": 3})[0] == "가 " * 80 + "3"
    assert max(map(len, own.splitlines())) < 100 and own.splitlines()[1].startswith("     '가")


def test_outside_of_brackets_a_sentence_stays_on_its_line():
    """Python would not join it."""
    assert code_texts.exchanged("x = 'a b'", {"a b": "가 " * 90}).count("\n") == 0


@pytest.mark.parametrize(("own", "same"), [
    ("print(f'{b} {a}')", True), ("print(f'{a}')", False), ("print('x', f'{a} {b}')", False), ("print(f'{a} {c}')", False),
    ("print(f'가 {a} {b}')", True), ("print(f'{a} {b:.2f}')", False), ("print(a, b)", False), ("print(f'{a:8} {b:>9}')", True),
    ("print(f'{a:8.1f} {b}')", False), ("print(f'{a!r} {b}')", False)])
def test_when_two_codes_are_the_same_but_for_texts(own, same):
    assert (code_texts.wordless("print(f'{a} {b}')") == code_texts.wordless(own)) is same


# ---- a small edition


def small(tmp_path, prose):
    """The path of an English notebook of three cells, beside the prose that translates it."""
    table = "| | |\n|---|---|\n| You will be able to | test |\n| Minutes | 5 |\n| CPU seconds | 9 |\n| Download (MB) | 0 |"
    badge = colab_badge(repository_address(ROOT), "notebooks/01_a.ipynb")
    notebook = new_notebook(cells=[
        new_markdown_cell(f"# 1 · A\n\nYou will see.\n\n{badge}\n\n{table}", id="title"),
        new_code_cell("print('two cats', f'{2 + 1}')", id="cats"),
        new_markdown_cell("Let $x$ be `x`, as [here](../README.md#x).", id="end")],
        metadata={"course": {"minutes": 5, "cpu_seconds": 9, "download_mb": 0}})
    (tmp_path / "notebooks" / "ko").mkdir(parents=True)
    path = tmp_path / "notebooks" / "01_a.ipynb"
    nbformat.write(notebook, path)
    (path.parent / "ko" / "01_a.md").write_text(prose, encoding="utf-8")
    return path


PROSE = """<!-- cell title -->
# 1 · 가

봅니다.

| | |
|---|---|
| 배우고 나면 | 시험하기 |

<!-- cell cats, code -->
two cats
=> 고양이 두 마리

<!-- cell end -->
`x`를 $x$라 합니다. [여기](../README.md#x)를 보십시오.
"""


@pytest.fixture
def edition(tmp_path):
    path = small(tmp_path, PROSE)
    translation.mark_translated(path, "ko")
    return path


def test_what_is_marked_has_no_fault(edition):
    assert translation.faults(edition, "ko") == []


def test_the_notebook_has_words_of_one_and_code_of_the_other(edition):
    title, code, end = translation.translated(edition, "ko").cells
    assert code.source == "print('고양이 두 마리', f'{2 + 1}')"
    assert title.source.startswith("# 1 · 가\n\n봅니다.\n\n[![Colab에서 열기](https://colab.research")
    assert title.source.endswith("| 배우고 나면 | 시험하기 |\n| 소요 시간(분) | 5 |\n| CPU 시간(초) | 9 |\n| 내려받기(MB) | 0 |")
    assert end.source.startswith("`x`를 $x$라 합니다. [여기](../../README")


def change(path, cell, old, new):
    notebook = nbformat.read(path, as_version=4)
    found, = (each for each in notebook.cells if each.id == cell)
    assert old in found.source
    found.source = found.source.replace(old, new)
    nbformat.write(notebook, path)


@pytest.mark.parametrize(("cell", "old", "new"), [("end", "Let", "Now let"), ("cats", "two cats", "three cats"),
                                                  ("title", "You will see", "You will hear")])
def test_a_changed_english_cell_is_named(edition, cell, old, new):
    change(edition, cell, old, new)
    told = translation.faults(edition, "ko")
    assert told and all(f"cell {cell}: " in fault for fault in told) and "it translates an older English cell" in told[0]
    with pytest.raises(ValueError, match=cell):
        translation.translated(edition, "ko")


@pytest.mark.parametrize(("cell", "old", "new"), [("title", "| 9 |", "| 20 |"), ("cats", "2 + 1", "2 + 2")])
def test_what_is_no_language_may_change(edition, cell, old, new):
    """Numbers that are stamped, and code: the prose is still right."""
    change(edition, cell, old, new)
    assert translation.faults(edition, "ko") == []


@pytest.mark.parametrize(("old", "new", "told"), [
    ("<!-- cell cats, code", "<!-- cell dogs, code", "there is no entry for cell cats"),
    ("two cats\n=>", "two dogs\n=>", "the code has no text `two dogs`"),
    ("$x$", "$y$", "formulas differ; only in English: $x$; only here: $y$"),
    ("$x$", "$\\quadx$", "formulas differ"),        # no command of TeX: \quad x would be right
    ("`x`", "`y`", "code differ; only in English: `x`; only here: `y`"),
    ("(../README.md#x)", "(../data/README.md)", "addresses differ"),
    ("=> 고양이 두 마리", "고양이 두 마리", "stands on one line, its translation on the next"),
    ("<!-- cell end", "<!-- cell: end", "should read `<!-- cell some-id -->`")])
def test_what_does_not_fit_is_told(edition, old, new, told):
    file = translation.source(edition, "ko")
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    assert any(told in fault for fault in translation.faults(edition, "ko"))


def test_missing_prose_is_told(edition):
    translation.source(edition, "ko").unlink()
    assert translation.faults(edition, "ko") == ["ko/01_a.md is missing."]


def test_outputs_stay_with_the_code_that_made_them(edition):
    former = translation.translated(edition, "ko")
    former.cells[1].outputs, former.cells[1].execution_count = [new_output("stream", text="고양이 두 마리 3\n")], 1
    assert translation.translated(edition, "ko", former).cells[1].outputs == former.cells[1].outputs
    change(edition, "cats", "2 + 1", "2 + 2")
    assert translation.translated(edition, "ko", former).cells[1].outputs == []


def picture(colour, **metadata):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, format="png")
    data = {"image/png": base64.b64encode(file.getvalue()).decode(), "text/plain": metadata["alt"]}
    return new_output("display_data", data, metadata={"image/png": {"width": 4, "height": 4, **metadata}})


@pytest.mark.parametrize(("own", "is_english"), [({"alt": "고양이", "lang": "ko"}, False), ({"alt": "고양이"}, True)])
def test_a_picture_without_words_is_the_english_file(own, is_english):
    there, here = picture("white", alt="a cat"), picture("black", **own)
    settled = translation.settled_output(here, there)
    assert (settled.data["image/png"] == there.data["image/png"]) is is_english
    assert settled.metadata["image/png"]["alt"] == "고양이"


def test_a_text_without_korean_is_the_english_output():
    """However the last digit came out this time."""
    there, here = (new_output("stream", text=f"{number}\n") for number in ("0.51", "0.52"))
    assert translation.settled_output(here, there) is there


@pytest.mark.parametrize(("english", "ran", "settled"), [
    ("0.33 [0.24, 0.41] of 12\n", "12개 중 0.30 [0.22, 0.38]\n", "12개 중 0.33 [0.24, 0.41]\n"),
    ("96.7% and 96.7%, 5e-07\n", "96.7%와 95.8%, 가장 큰 값의 4e-07\n", "96.7%와 96.7%, 가장 큰 값의 5e-07\n"),
    ("0.33 [0.24, 0.41]\n", "구간 [0.22, 0.38], 평균 0.30\n", "구간 [0.24, 0.41], 평균 0.33\n"),     # smallest for smallest
    ("above zero: 1,204 of conv3\n", "0보다 큰 것: conv3의 1,198\n", "0보다 큰 것: conv3의 1,204\n")])
def test_a_number_is_the_english_one_whatever_computer_ran_the_cell(english, ran, settled):
    there, here = (new_output("stream", text=text) for text in (english, ran))
    assert translation.settled_output(here, there).text == settled


def test_a_number_too_many_is_an_error_that_names_the_cell():
    notebooks = [new_notebook(cells=[new_code_cell("f()", id="sum", outputs=[new_output("stream", text=text)])])
                 for text in ("합 0.5, 0.7\n", "sum 0.5\n")]
    with pytest.raises(ValueError, match="cell sum: the numbers 0.7 should be none"):
        translation.settled(*notebooks)
