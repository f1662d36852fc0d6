"""Documents in two languages: README.md and how the capstone is graded. The run-sheet's twins: test_instructor.py."""

import collections
import re

import pytest

from tools import stamp
from tools.notebooks import glossary, twins

ROOT = twins.ROOT
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for document in twins.DOCUMENTS
         for name in (document, twins.twin(document, "ko"))}
KOREAN = [twins.twin(document, "ko") for document in twins.DOCUMENTS]


def prose(text):
    """A document without code, addresses, pictures and comments."""
    text = re.sub(r"```.*?```|<!--.*?-->|<img[^>]*>|^    .*$|`[^`]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"\]\([^)]*\)", "]", text)


# ---- they are in step


@pytest.mark.parametrize("document", twins.DOCUMENTS)
def test_the_korean_translates_the_english_as_it_is(document):
    assert twins.document_faults(document, "ko") == []


@pytest.mark.parametrize("document", twins.DOCUMENTS)
def test_the_twins_link_to_each_other_at_the_top(document):
    for name, other in ((document, twins.twin(document, "ko")), (twins.twin(document, "ko"), document)):
        top = [line for line in TEXTS[name].splitlines() if line and not line.startswith("<!--")][1]
        assert re.fullmatch(rf"(English|한국어): \[.+\]\({re.escape(other.split('/')[-1])}\)", top)


@pytest.fixture
def changed(tmp_path):
    """A repository in which one section of an English document was changed after it was translated."""
    (tmp_path / "docs").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    capstone = tmp_path / "docs" / "capstone.md"
    capstone.write_text(TEXTS["docs/capstone.md"].replace("100 points", "90 points"), encoding="utf-8")
    return tmp_path


def test_a_changed_section_is_named_with_what_notes_that_it_is_up_to_date_again(changed):
    fault, = twins.document_faults("docs/capstone.md", "ko", changed)
    assert "docs/capstone.ko.md, section The rubric" in fault and "course.py stamp --translated docs/capstone.md`" in fault
    twins.mark_document_translated("docs/capstone.md", "ko", changed)
    assert twins.document_faults("docs/capstone.md", "ko", changed) == []


def test_the_command_notes_it(changed, monkeypatch, capsys):
    monkeypatch.setattr(stamp, "ROOT", changed)
    monkeypatch.setattr("sys.argv", ["stamp", "--translated", "docs/capstone.md"])
    stamp.main()
    assert twins.document_faults("docs/capstone.md", "ko", changed) == [] and capsys.readouterr().out == ""


def test_what_is_stamped_puts_no_twin_out_of_date(changed):
    readme = changed / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace("OWNER/cnn", "someone/cnn"), encoding="utf-8")
    assert twins.document_faults("README.md", "ko", changed) == []


# ---- they say the same


def told_in_code(text):
    """Code and commands, without what the Korean way through the course adds to them."""
    of_korean = re.compile(r" --lang ko|(?<=my/)ko/|(?<=build/)ko/|(?<=instructor/)ko/")
    return {of_korean.sub("", code) for code in re.findall(r"`([^`\n]+)`", text)}


@pytest.mark.parametrize("document", twins.DOCUMENTS)
def test_the_korean_names_the_same_commands_files_and_code(document):
    english, korean = (twins.STAMPED.sub("", TEXTS[name]) for name in (document, twins.twin(document, "ko")))
    assert told_in_code(english) == told_in_code(korean)


@pytest.mark.parametrize("document", twins.DOCUMENTS)
def test_the_korean_links_to_the_same_places(document):
    """Or to the Korean ones of them."""
    links = lambda text: collections.Counter(
        re.sub(r"\.ko(?=\.md)|(?<=notebooks/)ko/|#.*", "", link) for link in re.findall(r"\]\(([^)]+)\)", text))
    english, korean = (links(twins.STAMPED.sub("", TEXTS[name])) for name in (document, twins.twin(document, "ko")))
    assert english == korean


def test_the_tables_of_the_capstone_have_the_same_points():
    points = lambda name: [row.split("|")[2].strip() for row in TEXTS[name].splitlines() if row.startswith("| **")]
    of_rubric = [point for point in points("docs/capstone.ko.md") if point.isdigit()]
    assert of_rubric == [point for point in points("docs/capstone.md") if point.isdigit()] and sum(map(int, of_rubric)) == 30


# ---- they are good Korean


@pytest.mark.parametrize("name", KOREAN)
def test_the_korean_uses_the_glossarys_terms_and_one_style(name):
    text = prose(TEXTS[name])
    terms, _ = glossary.glossary()
    assert not [form for term in terms for form in term.avoid if form in text]
    assert not re.findall(r"[가-힣]*(?:요|그것[은이을의]?)(?=[.?!])|에 대하여|되어[지진집]|당신|우리는", text)
    assert not re.findall(r"(?<![니습])다\.(?=\s|$)", text), "a sentence that does not end in 니다"


def test_what_there_is_in_english_alone_is_said():
    for file in ("data/README.md", "classroom/README.md", "benchmarks/README.md", "CONTRIBUTING.md"):
        assert re.search(rf"\]\({file}\)(?:\(영어\)|, 영어)", TEXTS["README.ko.md"])
