"""The site hangs together: every link and anchor resolves, its numbers are the notebooks', both languages say the same."""
import html.parser
import json
import re
import urllib.parse

import numpy as np
import pytest
import site_builder
import yaml

from lecture_utils.datasets.planted import ruler_place
from tools import site, stamp
from tools.notebooks import notebook_paths, pages
from tools.notebooks.repository import site_address
from tools.website import documents, links, ruler, start
from tools.website.texts import TEXTS

ROOT = site.ROOT
NOTEBOOKS = [path.stem for path in notebook_paths(ROOT / "notebooks")]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(the folder of the site, what its own check says of it)"""
    folder = tmp_path_factory.mktemp("site")
    return folder, site_builder.build(folder)


@pytest.fixture(scope="module")
def folder(built):
    return built[0]


class Reader(html.parser.HTMLParser):
    """What a test reads in a page: where its links lead, in their order, and its text."""

    def __init__(self, text):
        super().__init__()
        self.hrefs, self.texts, self.inside = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        if tag == "a" and "href" in dict(attributes):
            self.hrefs.append(dict(attributes)["href"])

    def handle_data(self, data):
        if self.inside not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join("".join(self.texts).split())


def read(path):
    return Reader(path.read_text(encoding="utf-8"))


# ---- the check of links


def test_nothing_in_the_site_is_broken(built):
    assert built[1] == []


SOUND = {"index.html": '<h1 id="here">x</h1><a href="#here">x</a><a href="a/b.html#there">x</a>'
                       '<a href="https://far.away/">x</a>',
         "a/b.html": '<p id="there">x</p><a href="../index.html#here">x</a><a href="c.pdf">x</a><img src="data:image/png,AA">'
                     '<p id="강의">x</p><a href="#%EA%B0%95%EC%9D%98">x</a><p id="2-%C2%B7">x</p><a href="#2-%C2%B7">x</a>',
         "a/c.pdf": ""}


def written(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_sound_folder_has_no_faults(tmp_path):
    assert links.broken(written(tmp_path, SOUND)) == []


@pytest.mark.parametrize("page, told", [
    ('<a href="a/none.html">x</a>', "page.html: the link a/none.html leads to no file"),
    ('<a href="a/b.html#nowhere">x</a>', "page.html: the link a/b.html#nowhere leads to no place of its page"),
    ('<a href="#nowhere">x</a>', "page.html: the link #nowhere leads to no place of its page"),
    ('<a href="../README.md">x</a>', "page.html: the link ../README.md leaves the site"),
    ('<a href="/index.html">x</a>', "page.html: the link /index.html leaves the site"),
    ('<a href="a">x</a>', "page.html: the link a leads to no file"),       # only a server would show a folder's index
    ('<img src="none.png">', "page.html: loads none.png, which is not there"),
    ('<img src="https://far.away/b.svg">', "page.html: loads https://far.away/b.svg, from outside"),
    ('<script src="//far.away/c.js"></script>', "page.html: loads //far.away/c.js, from outside"),
    ('<link rel="stylesheet" href="https://far.away/d.css">', "page.html: loads https://far.away/d.css, from outside"),
    ('<style>@font-face { src: url("//far.away/e.woff") }</style>', "page.html: loads //far.away/e.woff, from outside"),
    ("<style>@import 'https://far.away/f.css';</style>", "page.html: loads https://far.away/f.css, from outside"),
])
def test_the_check_names_the_page_and_what_is_broken(tmp_path, page, told):
    assert links.broken(written(tmp_path, SOUND | {"page.html": page})) == [told]


def test_a_page_that_reads_a_state_is_asked_for_no_place(tmp_path):
    written(tmp_path, {"index.html": '<a href="explorer.html#network=neu_gap">x</a>', "explorer.html": ""})
    assert len(links.broken(tmp_path)) == 1 and links.broken(tmp_path, ["explorer.html"]) == []


def test_the_command_fails_where_something_is_broken(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(site, "BUILD", tmp_path / "site")
    monkeypatch.setattr(site, "build", lambda folder: ["index.html: the link x leads to no file"])
    monkeypatch.setattr(site.sys, "argv", ["site.py"])
    monkeypatch.setattr(site.os, "environ", site.os.environ.copy())
    assert site.main() == 1
    told = capsys.readouterr()
    assert told.err == "BROKEN  index.html: the link x leads to no file\n" and "in all" in told.out


# ---- the start page


def printed(name, begin):
    """What the committed notebook prints in the one line that begins so, read from its JSON."""
    notebook = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    texts = ["".join(output.get("text", "")) for cell in notebook["cells"] for output in cell.get("outputs", [])]
    line, = {line for text in texts for line in text.splitlines() if line.startswith(begin)}
    return line.removeprefix(begin)


@pytest.mark.parametrize("page", ["index.html", "ko.html"])
def test_the_start_page_says_what_notebook_8_prints(folder, page):
    share = re.match(r" *([\d.]+)% \(chance", printed("08_can_you_trust_it", "on its own test set:"))[1]
    text = read(folder / page).text
    assert text.count(f"{float(share):.0f} %" if page == "index.html" else f"{float(share):.0f}%") == 2
    assert float(share) > 90 and "{" not in text


def test_the_picture_is_a_plate_with_a_ruler_and_a_map_that_lies_on_it():
    plate, map_ = (picture.astype(float) / 255 for picture in ruler.plate_and_map())
    rows, columns = (slice(int(at.start * len(plate) / 100), int(at.stop * len(plate) / 100)) for at in ruler_place((100, 100)))
    colour = lambda picture: np.ptp(picture, axis=-1)       # grey has none
    assert colour(plate).max() < 0.05 and plate[rows, columns].mean() > 0.6 > 0.4 > plate.mean()
    strongest = np.unravel_index(colour(map_).argmax(), map_.shape[:2])
    assert all(at.start <= place < at.stop for at, place in zip((rows, columns), strongest, strict=True))
    assert colour(map_)[rows, columns].mean() > 5 * colour(map_)[:rows.start - 20].mean()


def test_both_languages_lead_to_the_same_places(folder):
    def places(page, language):
        other = {"en": "ko", "ko": "en"}[language]
        return sorted(href.replace("notebooks/ko/", "notebooks/").replace(f"/{language}/", "/xx/")
                      .replace(f"lang={language}", "lang=xx")
                      .replace("capstone.ko.html", "capstone.html")
                      .replace(f"instructor{'.ko' if language == 'ko' else ''}.html", "sheet")
                      .replace(f"instructor{'.ko' if other == 'ko' else ''}.html", "other sheet")
                      if href != TEXTS[other]["file"] else "the other language"
                      for href in read(folder / page).hrefs if not href.endswith(".pdf"))
    assert places("index.html", "en") == places("ko.html", "ko")


def test_every_notebook_has_a_card_in_both_languages(folder):
    for page, place in (("index.html", "notebooks"), ("ko.html", "notebooks/ko")):
        assert [href for href in read(folder / page).hrefs if re.match(rf"{place}/\d", href)] == [
            f"{place}/{name}.html" for name in NOTEBOOKS]
    assert TEXTS["en"].keys() == TEXTS["ko"].keys()


@pytest.mark.parametrize("page", ["instructor", "capstone", "notebooks/{}glossary", f"notebooks/{{}}{NOTEBOOKS[0]}"])
def test_a_page_leads_to_its_twin_in_the_other_language(folder, page):
    names = [f"{page.format('')}.html", f"{page.format('ko/')}.html" if "{" in page else f"{page}.ko.html"]
    for own, twin, word in zip(names, names[::-1], ("한국어", "English"), strict=True):
        address, = re.findall(rf'<a href="([^"]+)" lang="\w+">{word}</a>', (folder / own).read_text(encoding="utf-8"))
        assert (folder / own).parent.joinpath(address).resolve() == (folder / twin).resolve()


def test_the_korean_run_sheet_leads_to_the_korean_glossary(folder):
    for name, place in ("instructor.html", "notebooks"), ("instructor.ko.html", "notebooks/ko"):
        assert {href for href in read(folder / name).hrefs if "glossary" in href} == {f"{place}/glossary.html"}


def test_korean_readers_stay_in_korean(folder):
    """From the Korean start page no link leads to a page in English that is not marked as such."""
    page = (folder / "ko.html").read_text(encoding="utf-8")
    hrefs = re.findall(r'<a (?![^>]*lang="en"|[^>]*lang=\'en\')[^>]*href=["\']([^"\']+)["\']', page)
    english = [href for href in hrefs if re.match(r"(notebooks/(?!ko/)|slides/en/|instructor\.html|capstone\.html)", href)]
    assert hrefs and not english


def test_a_deck_links_to_its_pdf_where_it_was_printed(folder):
    pdfs = [href for page in ("index.html", "ko.html") for href in read(folder / page).hrefs if href.endswith(".pdf")]
    assert pdfs == ["slides/en/07_trust.pdf"]


def test_the_ruler_s_question_is_an_address_of_the_explorer(folder):
    address = next(href for href in read(folder / "index.html").hrefs if "preset=ruler" in href)
    page, _, state = address.partition("#")
    assert page == "explorer/index.html"
    asked = dict(urllib.parse.parse_qsl(state))
    assert (asked["network"], asked["class"], asked["erase"], asked["lang"]) == ("neu_ruler", "5", "1", "en")   # 5: scratches


def test_a_question_with_two_sides_names_both():
    preset = {"id": "two", "network": "vgg16_compact", "image": "composed", "class": "cat",
              "other": {"class": "horse", "dice": 1}}
    assert dict(urllib.parse.parse_qsl(start.state(preset, "ko"))) == {
        "lang": "ko", "network": "vgg16_compact", "class": "3", "network2": "vgg16_compact", "class2": "7", "dice2": "1",
        "image": "composed", "preset": "two"}       # CIFAR-10: airplane automobile bird cat deer dog frog horse


# ---- notebooks as pages


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_contents_of_a_page_are_the_notebook_s_headings(folder, name):
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    texts = [re.sub(r"```.*?```", "", text, flags=re.DOTALL) for text in texts]
    headings = [heading for text in texts for heading in re.findall(r"^###? (.+)$", text, re.MULTILINE)]
    text = (folder / "notebooks" / f"{name}.html").read_text(encoding="utf-8")
    shown = re.findall(r'<a class="level[23]"[^>]*>(.*?)</a>', text)
    plain = lambda heading: re.sub(r"<svg.*?</svg>|<[^>]+>|\$[^$]*\$|\W", "", heading)
    assert [plain(heading) for heading in shown] == [plain(heading) for heading in headings] != []


def test_pages_lead_from_one_to_the_next_and_back(folder):
    on, back = ([re.search(rf'rel="{way}" href="(.*?)"', (folder / "notebooks" / f"{name}.html").read_text(encoding="utf-8"))
                 for name in NOTEBOOKS] for way in ("next", "prev"))
    files = [f"{name}.html" for name in NOTEBOOKS]
    assert [match and match[1] for match in on] == [*files[1:], None]
    assert [match and match[1] for match in back] == [None, *files[:-1]]


def test_a_page_links_to_the_decks_of_its_notebook_alone(folder):
    assert [href for href in read(folder / "notebooks" / "02_cam_neu.html").hrefs if "slides/" in href] == [
        "../slides/en/02_cam_neu.html", "../slides/en/08_transfer.html"]        # "2, 4 and 9 · Photographs and transfer"


def test_a_link_to_a_file_without_a_page_leads_to_the_repository():
    shown = pages.markdown("[a](../data/README.md#x) [b](02_b.ipynb) [c](#there)")
    assert re.findall('href="(.*?)"', shown)[1:] == ["02_b.html", "#there"]
    assert re.search(r'href="https://github\.com/[\w-]+/[\w-]+/blob/main/data/README\.md#x"', shown)


@pytest.mark.parametrize("text, aligned", [
    ("mean   0.50\nnoise  0.25", True),
    ("[[1 2]\n   [3 4]]", True),
    ("one sentence.  And another.", False),
    ("Predict: which?\n  a) the first\n  b) the second", False),
])
def test_only_outputs_in_columns_are_kept_from_wrapping(text, aligned):
    shown = pages.fit_for_a_phone(f"<pre>{text}\n</pre><pre><span></span>x  = 1\ny  = 2</pre>")
    assert ('<pre class="aligned">' in shown) == aligned and "<pre><span></span>x  = 1" in shown


# ---- documents


def test_a_slide_that_the_run_sheet_names_is_a_link_to_it(folder):
    for page, language in (("instructor.html", "en"), ("instructor.ko.html", "ko")):
        hrefs = read(folder / page).hrefs
        assert f"slides/{language}/07_trust.html#ruler" in hrefs and len([href for href in hrefs if "slides/" in href]) > 150


def test_documents_lead_to_pages_where_there_are_some_and_to_the_repository_otherwise():
    render = documents.DocumentRenderer("slides/INSTRUCTOR.md", "en")
    assert render.address("../docs/capstone.md") == "capstone.html"
    assert render.address("../docs/capstone.ko.md") == "capstone.ko.html"
    assert render.address("../notebooks/03_grad_cam_mnist.ipynb#x") == "notebooks/03_grad_cam_mnist.html#x"
    assert render.address("INSTRUCTOR.ko.md#1강") == "instructor.ko.html#1강"
    assert render.address("../classroom/README.md").endswith("/blob/main/classroom/README.md")
    assert render.address("https://far.away/") == "https://far.away/" and render.address("#here") == "#here"


def test_the_capstone_has_a_page_in_each_language(folder):
    for page, language, other in (("capstone.html", "en", "capstone.ko.html"), ("capstone.ko.html", "ko", "capstone.html")):
        text = (folder / page).read_text(encoding="utf-8")
        assert f'<html lang="{language}"' in text and "<!-- section" not in text and other in read(folder / page).hrefs


@pytest.mark.parametrize("heading, place", [("One hour", "one-hour"), ("1시간 강의", "1시간-강의"), ("Deck 1", "deck-1"),
                                            ("What's `next`?", "whats-next"), ("A – B", "a--b")])
def test_places_are_named_as_github_names_them(heading, place):
    assert documents.anchor(heading.replace("`", "")) == place


# ---- its size, its address, its publication


def test_the_size_is_that_of_all_files(tmp_path):
    written(tmp_path, {"a/b.txt": "x" * 1_000_000, "a/c/d.txt": "x" * 500_000, "e.txt": "x" * 2_000_000})
    assert [line.split() for line in site.sizes(tmp_path).splitlines()] == [
        ["a", "1.5", "MB"], ["e.txt", "2.0", "MB"], ["in", "all", "3.5", "MB"]]


@pytest.mark.parametrize("address, published", [
    ("https://github.com/Someone/a-course", "https://someone.github.io/a-course/"),
    ("https://github.com/Someone/someone.github.io", "https://someone.github.io/")])
def test_github_publishes_under_an_address_of_its_own(address, published):
    assert site_address(address) == published
    english, korean = f"]({published})", f"]({published}ko.html)"
    for language, first, second in ("en", english, korean), ("ko", korean, english):
        lines = stamp.site(address, language).splitlines()
        assert first in lines[0] and second in lines[1]


def test_the_workflow_publishes_what_the_command_builds():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    assert "python course.py site" in [step.get("run") for step in steps]
    upload = next(step for step in steps if "upload-pages-artifact" in step.get("uses", ""))
    assert ROOT / upload["with"]["path"] == site.BUILD
