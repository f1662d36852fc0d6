"""The glossary is complete, and notebooks, decks, figures, explorer and pages use its words."""
import ast
import functools
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from lecture_utils.datasets.layouts import CIFAR10_CLASSES, NEU_CLASSES
from tools.decks import run_sheet, source
from tools.notebooks import glossary, pages

ROOT = Path(__file__).resolve().parents[1]
TERMS, NAMES = glossary.glossary()
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
HANGUL = "[가-힣]"
GIVEN = re.compile(  # "(특징 맵", "(class activation map, 클래스 활성화 맵"
    rf"\((?:([A-Za-z][^(),;]*), )?({HANGUL}[^(),;]*)(?=[),;])")
COUNTED = {"cell": "칸"}  # what is said with a number: 6×6칸
IN_KOREAN = {name: term.korean for term in TERMS for name in term.names} | NAMES


@functools.cache
def prose(name):
    return "\n\n".join(cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "markdown")


@functools.cache
def word(english):
    """A pattern of the English word or its plural, in American or British spelling, whatever its case."""
    spelt = re.sub(r"iz(?=e|a|i)", "i[sz]", re.escape(english))
    return re.compile(rf"(?<![\w-]){spelt}(?:s|es)?(?![\w-])", re.IGNORECASE)


# ---- the file


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.english)
def test_an_entry_is_complete(term):
    assert term.english and term.korean
    assert term.first in NOTEBOOKS, "there is no such notebook"
    for sentence, end in ((term.means, "."), (term.means_ko, "니다.")):
        assert sentence.endswith(end) and len(re.findall(r"[.?!](?:\s|$)", sentence)) == 1, "one sentence each"
    assert re.search(HANGUL, term.means_ko) and not re.search(HANGUL, term.english + term.means)
    assert term.is_hangul or term.korean in term.names
    assert not [form for form in term.avoid if form in term.korean]


def test_no_term_is_there_twice():
    english = [name.casefold() for term in TERMS for name in term.names] + list(NAMES)
    korean = [term.korean for term in TERMS] + list(NAMES.values())
    avoided = [form for term in TERMS for form in term.avoid]
    for forms in (english, korean, avoided, [term.anchor for term in TERMS]):
        assert len(set(forms)) == len(forms)
    assert not set(avoided) & set(korean) and {"출력부", "문턱값", "패임"} <= set(avoided)


def test_terms_stand_in_alphabetical_order():
    english = [term.english.casefold() for term in TERMS]
    assert english == sorted(english)


def test_every_class_has_its_korean_name():
    assert [glossary.korean(name) for name in NEU_CLASSES] == ["균열", "개재물", "반점", "파임", "압입 스케일", "긁힘"]
    assert set(NAMES) == set(CIFAR10_CLASSES) and all(re.fullmatch(f"{HANGUL}+", korean) for korean in NAMES.values())


def test_an_unknown_word_is_named():
    with pytest.raises(KeyError, match="rusty surface"):
        glossary.korean("rusty_surface")


# ---- notebooks


@functools.cache
def given(name):
    """What a notebook's prose gives in Korean: (the words before the parenthesis, English within it or "", the Korean)."""
    text = re.sub(r"[*`]", "", prose(name))
    return [(text[max(0, found.start() - 60):found.start()].rstrip(), found[1] or "", found[2]) for found in GIVEN.finditer(text)]


def says(before, within, term):
    """Whether the words before or within a parenthesis are the term's English."""
    return any(re.search(word(name).pattern + r"\Z", before, re.IGNORECASE) or
               word(name).fullmatch(re.sub(r"^an? ", "", within)) for name in term.names)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_a_notebook_gives_in_korean_is_the_glossarys_term(name):
    found = given(name)
    for before, within, korean in found:
        assert any(term.korean == korean and says(before, within, term) for term in TERMS), f"…{before[-40:]} ({within} {korean})"
    assert len(re.findall(f"{HANGUL}[^(),;]*", prose(name))) == len(found), "Korean stands in a notebook only in parentheses"


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.english)
def test_the_first_notebook_that_gives_a_term_is_the_glossarys(term):
    if term.is_hangul:
        giving = [name for name in NOTEBOOKS if any(korean == term.korean for _, _, korean in given(name))]
        assert giving[:1] == [term.first]
    else:
        assert word(term.english).search(prose(term.first))


# ---- decks and figures


@pytest.mark.parametrize("folder", ["slides", "lecture_utils", "tools", "notebooks", "docs", "classroom", "benchmarks"])
def test_older_forms_do_not_occur(folder):
    found = []
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix in {".md", ".py", ".html", ".js", ".j2", ".css", ".toml", ".ipynb"} and path.name != "glossary.toml":
            text = path.read_text(encoding="utf-8")
            found += [f"{path.name}: {form}, now {term.korean}" for term in TERMS for form in term.avoid if form in text]
    assert not found


def untranslated(english, korean, names):
    """Those of the `names` that the English text has and the Korean lacks. The longest are looked for first, since there is
    no "gradient" in "gradient descent"; an abbreviation (GAP) and a name of code (Dense) may stay."""
    missing = []
    for name in sorted(names, key=len, reverse=True):
        english, count = word(name).subn("", english)
        latin = [each for term in TERMS if name in term.names for each in re.findall(r"\w*[A-Z]\w*", " ".join(term.names))]
        if count and not any(form in korean for form in (IN_KOREAN[name], COUNTED.get(name, IN_KOREAN[name]), *latin)):
            missing.append(f"{name}: {IN_KOREAN[name]}")
    return missing


def words_of(node):
    """The constant text in an argument, on one line."""
    parts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return " ".join(parts).replace("\n", " ")


@pytest.mark.parametrize("name", source.deck_names())
def test_labels_of_figures_are_the_glossarys_terms(name):
    tree = ast.parse((source.SOURCES / "figures" / f"{name}.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "say"]
    for english, korean in (call.args[:2] for call in calls):
        if "korean(" not in ast.unparse(korean):  # that is the glossary itself
            assert not untranslated(words_of(english), words_of(korean), IN_KOREAN), ast.unparse(korean)


@pytest.mark.parametrize("name", source.deck_names())
def test_korean_decks_use_the_glossarys_terms_and_class_names(name):
    """Asked of terms of several words and of classes. A single word may be an ordinary one, an edge, a hit; so may "patches",
    but not beside other defects."""
    steel = {each.replace("_", " ") for each in NEU_CLASSES}
    several = {each for each in IN_KOREAN if " " in each}
    for slides in zip(source.read_deck(name, "en").slides, source.read_deck(name, "ko").slides, strict=True):
        defects = {each for each in steel if word(each).search(" ".join(told(slides[0])))}
        names = several | set(NAMES) | (defects if len(defects) > 1 else set())
        for english, korean in zip(*map(told, slides), strict=True):
            assert not untranslated(english, korean, names), slides[0].name


def test_the_korean_run_sheet_uses_the_glossarys_terms_and_class_names():
    """Line by line of its tables; asked of terms of several words, and of classes."""
    sheets = [run_sheet.STAMPED.sub("", run_sheet.sheet(language).read_text(encoding="utf-8")) for language in ("en", "ko")]
    tables = [[re.sub(r"`[^`]*`", "", line) for line in text.splitlines() if line.startswith("|")] for text in sheets]
    for english, korean in zip(*tables, strict=True):
        assert not untranslated(english, korean, {each for each in IN_KOREAN if " " in each} | set(NAMES)), english


def told(slide):
    """What a slide says in words: heading, text, each figure's alternative text, notes."""
    text = re.sub(r"`[^`]*`|^(?:code|output):.*$", "", source.FIGURE.sub("", slide.body), flags=re.MULTILINE)
    return [slide.heading, text, *(alt for alt, _, _ in slide.figures), slide.notes]


# ---- what is written of it


def test_the_table_has_every_term_with_its_notebook():
    rows = dict(re.findall(r"^\| ([^|]+) \|.*\]\(\.\./(notebooks/\S+)\) \|$", glossary.table(), re.MULTILINE))
    assert len(rows) == len(TERMS) and rows["class activation map, CAM"] == "notebooks/02_cam_neu.ipynb"
    assert all((ROOT / path).is_file() for path in rows.values())


class Page(HTMLParser):
    """What a page holds: its ids, its links, its text outside of style."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.text, self.tag = [], [], "", ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes, self.tag = dict(attributes), tag
        self.ids += [attributes["id"]] if "id" in attributes and tag in ("div", "h2") else []
        self.links += [attributes["href"]] if tag == "a" else []

    def handle_endtag(self, tag):
        self.tag = ""

    def handle_data(self, data):
        self.text += data if self.tag != "style" else ""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "glossary.html"
    pages.write_glossary(path)
    return path.read_text(encoding="utf-8")


def test_the_page_has_every_term_in_both_languages(page):
    read = Page(page)
    for term in TERMS:
        assert term.korean in read.text and term.anchor in read.ids and f"{term.first}.html" in read.links
    assert TERMS[0].means in read.text and TERMS[0].means_ko in read.text
    assert all(link.removeprefix("#") in read.ids for link in read.links if link.startswith("#"))
    assert page.count('class="formula inline"') >= sum(bool(term.symbol) for term in TERMS)
    assert "<code>\\" not in page, "a symbol could not be drawn"


def test_the_page_carries_its_korean_letters_and_loads_nothing(page):
    assert page.count("font-family: 'Course Hangul'") == 2
    assert not re.search(r"<script|<link (?!rel=\"icon\" href=\"data:)|@import|url\((?!data:)|src=", page)


def test_pages_link_to_the_glossary_and_carry_korean_letters_too(tmp_path):
    cell = nbformat.v4.new_markdown_cell("# A title\n\nA **feature map** (특징 맵).")
    pages.write_page(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "notebook.html")
    pages.write_index([], tmp_path / "index.html")
    for path in tmp_path.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "glossary.html" in Page(text).links and "font-family: 'Course Hangul'" in text
