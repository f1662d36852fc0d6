"""The run-sheet slides/INSTRUCTOR.md, and its Korean twin, agree with the decks, the notebooks, each other and themselves.

They are written by hand, and a slide added, renamed or given another minute anywhere makes them wrong without a sign. Decks
and notebooks are read here by a few lines of their own, not by tools/decks/source.py: an error there can't hide one here.
"""
import collections
import json
import pathlib
import re
import tomllib

import pytest

from tools.decks import run_sheet

ROOT = pathlib.Path(__file__).resolve().parents[1]
DECKS = sorted((ROOT / "slides" / "en").glob("[0-9]*.md"))
NOTEBOOKS = range(1, 1 + len(list((ROOT / "notebooks").glob("[0-9]*.ipynb"))))
SLIDE = re.compile(r"`(\d+)/(\w+)`")                                      # `3/formula`
PLACE = re.compile(r"(?<![\w/])(\d+) §(\d+)(?: (Exercise \d))?(?: `([^`]+)`)?")      # 3 §4, 3 §4 `some code`


# ---- what is there


def slides_of(path):
    """(name, minutes) of each slide of a deck, in order."""
    found = re.findall(r"^<!-- slide (\w+), (\d+) min", path.read_text(encoding="utf-8"), re.MULTILINE)
    return [(name, int(minutes)) for name, minutes in found]


def left_out(path):
    """The names of the slides that a deck's short way leaves out."""
    return re.findall(r"^<!-- slide (\w+), \d+ min.*, long\b", path.read_text(encoding="utf-8"), re.MULTILINE)


def number(path):
    return int(path.name.split("_")[0])


MINUTES = {(number(path), name): minutes for path in DECKS for name, minutes in slides_of(path)}


def notebook(of):
    path, = (ROOT / "notebooks").glob(f"{of:02d}_*.ipynb")
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def section_cells(of, wanted):
    """The cells of a notebook's section `wanted`; None if it has no such section."""
    current, found = 0, {}
    for cell in notebook(of):
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for part in re.split(r"^(?=##? )", text, flags=re.MULTILINE):
                heading = re.match(r"##? (?:(\d+)(?:\.| ·) )?", part)
                current = (int(heading[1]) if heading[1] else 0) if heading else current
                found.setdefault(current, []).append(("markdown", part))
        else:
            found.setdefault(current, []).append(("code", text))
    return found.get(wanted)


def stated(of, what):
    """A number from the table at the head of a notebook: its "Minutes" or "CPU seconds"."""
    return int(re.search(rf"\| {what} \| (\d+) \|", "".join(notebook(of)[0]["source"]))[1])


# ---- what the run-sheet says


class Sheet:
    """The run-sheet in one language; its chapters go by the names of the English headings."""

    def __init__(self, language, late, deck, rest, questions, total):
        name = "INSTRUCTOR.md" if language == "en" else f"INSTRUCTOR.{language}.md"
        self.language, self.text = language, (ROOT / "slides" / name).read_text(encoding="utf-8")
        self.late, self.deck, self.rest, self.questions, self.total = late, deck, rest, questions, total
        parts = re.split(r"^## (.+)$", self.text, flags=re.MULTILINE)
        self.preface, headings, texts = parts[0], parts[1::2], parts[2::2]
        if language != "en":
            headings = [re.match(r"\n<!-- section (.+), of \w{8} -->\n", text)[1] for text in texts]
        self.chapters = dict(zip(headings, texts, strict=True))

    def chapter(self, title):
        assert title in self.chapters, f"the run-sheet ({self.language}) has no '{title}', only {', '.join(self.chapters)}"
        return self.chapters[title]

    def in_index(self, deck):
        """The cells of the row of a deck in the list at the top."""
        line, = [row for row in rows(self.preface) if f"[{self.deck.format(number(deck))}](#" in row[0]]
        return line


ENGLISH = Sheet("en", r"^Late\? Skip (.+): (\d+) minutes\.$", "Deck {}", "break", "questions", "**sum**")
KOREAN = Sheet("ko", r"^시간이 모자라면 뺄 슬라이드: (.+)\((\d+)분\)$", "{}강", "쉬는 시간", "질문", "**합계**")
both = pytest.mark.parametrize("sheet", [ENGLISH, KOREAN], ids=lambda sheet: sheet.language)


def rows(text):
    """The cells of each row of the tables in a text, without their headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rules = [n for n, line in enumerate(lines) if set(line) <= set("|-")]
    body = [line for n, line in enumerate(lines) if n not in rules and n + 1 not in rules]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in body]


def spans(minutes):
    """['0–1', '1–4', ...] for slides that take 1, 3, ... minutes."""
    ends = [sum(minutes[:n + 1]) for n in range(len(minutes))]
    return [f"{end - minute}–{end}" for minute, end in zip(minutes, ends, strict=True)]


def as_minutes(clock):
    hours, minutes = clock.split(":")
    return 60 * int(hours) + int(minutes)


# ---- deck by deck


@pytest.fixture(params=DECKS, ids=lambda path: path.stem)
def deck(request):
    return request.param


def table_of(sheet, deck):
    return rows(sheet.chapter(f"Deck {number(deck)}"))


@both
def test_a_table_has_every_slide_of_its_deck_in_order(sheet, deck):
    told = [row[1].split("<br>")[0].strip("`") for row in table_of(sheet, deck)]
    there = [name for name, _ in slides_of(deck)]
    assert told == there, f"Deck {number(deck)} should have the slides {there}; it has {told}"


@both
def test_the_minutes_are_the_decks(sheet, deck):
    told = [row[0] for row in table_of(sheet, deck)]
    there = spans([minutes for _, minutes in slides_of(deck)])
    wrong = [f"{row[1].split('<br>')[0]} is {mine}, should be {right}"
             for row, mine, right in zip(table_of(sheet, deck), told, there, strict=True) if mine != right]
    assert told == there, f"minutes in Deck {number(deck)}: {'; '.join(wrong)}"


@both
def test_every_row_is_complete_and_short(sheet, deck):
    for row in table_of(sheet, deck):
        assert len(row) == 6 and all(row), f"a row needs six cells, an empty one is —: {row}"
        assert row[1].count("<br>") == 1, f"{row[1]}: name, <br>, claim"
        for cell in row[1:]:
            assert len(cell) <= 120, f"Deck {number(deck)}, {row[1]}: {len(cell)} characters are too many: {cell}"


@both
def test_the_index_knows_the_deck(sheet, deck):
    line, slides = sheet.in_index(deck), slides_of(deck)
    minutes = sum(minutes for _, minutes in slides)
    short = minutes - sum(MINUTES[number(deck), name] for name in left_out(deck))
    assert line[1:4] == [str(minutes), str(short) if short < minutes else "—", str(len(slides))], \
        f"{deck.stem} has {minutes} minutes, {short} on its short way, and {len(slides)} slides; the index says {line}"
    assert short <= 50 or short == minutes, f"{deck.stem}: a short way of {short} minutes is none"
    head = sheet.chapter(f"Deck {number(deck)}").split("| ")[0]
    assert f"{deck.stem}`" in head and re.search(rf" · {minutes}( minutes|분) · ", head), f"{minutes} minutes, not: {head}"
    books = [int(book) for book in line[4].split(", ")]
    opened = {int(place[0]) for row in table_of(sheet, deck) for place in PLACE.findall(row[2])}
    assert opened <= set(books), f"Deck {number(deck)} opens notebooks {opened}, the index says {books}"


@both
def test_the_percentages_are_printed_by_the_notebooks(sheet, deck):
    """Retrained networks print other numbers; what students should answer, and the reply, must then follow."""
    books = [int(book) for book in sheet.in_index(deck)[4].split(", ")]
    outputs = [output for book in books for cell in notebook(book) for output in cell.get("outputs", [])]
    printed = " ".join("".join(output.get("text", "")) for output in outputs)
    for row in table_of(sheet, deck):
        right = [answer for answer in row[4].split("<br>") if not answer.startswith("✗")]
        said = re.findall(r"(\d+(?:\.\d+)?) ?%", " ".join([row[3], *right, row[5]]))
        stale = [percent for percent in said if not re.search(rf"(?<![\d.]){percent}(?:\.\d)?%", printed)]
        assert not stale, f"Deck {number(deck)}, {row[1]}: no notebook of it prints {stale} %: look at its numbers"


@both
def test_what_may_be_skipped_is_what_the_short_way_leaves_out(sheet, deck):
    line, minutes = re.search(sheet.late, sheet.chapter(f"Deck {number(deck)}"), re.MULTILINE).groups()
    skipped = [(int(n), name) for n, name in SLIDE.findall(line)]
    assert all(n == number(deck) for n, _ in skipped), line
    assert sum(MINUTES[one] for one in skipped) == int(minutes), f"{line} saves other than {minutes} minutes"
    marked = left_out(deck)
    assert not marked or sorted(marked) == sorted(name for _, name in skipped), \
        f"deck {number(deck)} marks as long {', '.join(marked)}; the run-sheet skips {line}"


@both
def test_what_must_not_be_skipped_is_on_every_way(sheet):
    kept = SLIDE.findall(rows(sheet.chapter("When something goes wrong"))[-1][1])
    assert len(kept) == 4
    skipped = [one for deck in DECKS for one in SLIDE.findall(re.search(
        sheet.late, sheet.chapter(f"Deck {number(deck)}"), re.MULTILINE)[1])]
    assert not set(kept) & set(skipped)


@both
def test_every_deck_has_a_table(sheet):
    assert len([title for title in sheet.chapters if re.fullmatch(r"Deck \d+", title)]) == len(DECKS)


# ---- what is named exists


@both
def test_every_slide_named_exists(sheet):
    unknown = [f"{n}/{name}" for n, name in SLIDE.findall(sheet.text) if (int(n), name) not in MINUTES]
    assert not unknown, f"the run-sheet names slides that no deck has: {', '.join(unknown)}"


@pytest.mark.parametrize("of, section, exercise, code", sorted(set(PLACE.findall(ENGLISH.text + KOREAN.text))))
def test_every_place_in_a_notebook_exists(of, section, exercise, code):
    cells = section_cells(int(of), int(section))
    assert cells, f"the run-sheet opens section {section} of notebook {of}, which has no such section"
    if exercise:
        headings = "\n".join(text for kind, text in cells if kind == "markdown")
        assert re.search(rf"^### {exercise}\b", headings, re.MULTILINE), \
            f"{exercise} is not in section {section} of notebook {of}"
    if code:
        assert any(kind == "code" and code in text for kind, text in cells), \
            f"no code cell in section {section} of notebook {of} holds `{code}`"


@both
def test_whoever_names_a_place_is_understood(sheet):
    """Each § is one that the test above has checked."""
    text = sheet.text
    sloppy = [text[max(0, at - 12):at + 12] for at in (match.start() for match in re.finditer("§", text))
              if not PLACE.search(text[max(0, at - 3):at + 12])]
    assert not sloppy, f"write a place as `3 §4`: {sloppy}"


@pytest.mark.parametrize("sheet, key, preset", [(ENGLISH, "title", "“([^”]+)” \\(`|Preset “([^”]+)”"),
                                                (KOREAN, "title_ko", "‘([^’]+)’\\(`|프리셋 ‘([^’]+)’")], ids=["en", "ko"])
def test_every_preset_of_the_explorer_that_is_named_exists(sheet, key, preset):
    shared = tomllib.loads((ROOT / "lecture_utils" / "explorer" / "shared.toml").read_text(encoding="utf-8"))
    named = {one or other for one, other in re.findall(preset, sheet.text)}
    assert len(named) == 5 and named <= {each[key] for each in shared["preset"]}, named


@both
def test_links_lead_somewhere(sheet):
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
               for heading in re.findall(r"^##? (.+)$", sheet.text, re.MULTILINE)}
    broken = set(re.findall(r"\]\(#([^)]+)\)", sheet.text)) - anchors
    assert not broken, f"no heading for the links {broken}"
    files = re.findall(r"\]\(([^#)]+)\)", sheet.text)
    assert files and all((ROOT / "slides" / file).is_file() for file in files), files


@both
def test_the_seconds_of_a_notebook_are_those_it_states(sheet):
    seconds = [stated(of, "CPU seconds") for of in NOTEBOOKS]
    told = set(re.findall(r"(\d+) to (\d+) s of CPU|CPU로 (\d+)초에서 (\d+)초", sheet.text))
    told = {tuple(filter(None, pair)) for pair in told}
    assert told == {(str(min(seconds)), str(max(seconds)))}, f"{min(seconds)} to {max(seconds)}, not {told}"


# ---- the plans


@both
def test_one_hour_is_one_hour(sheet):
    told = rows(sheet.chapter("One hour"))
    lengths = [MINUTES[int(slide[1]), slide[2]] if (slide := SLIDE.fullmatch(row[1])) else None for row in told]
    begins, ends = zip(*(map(int, row[0].split("–")) for row in told), strict=True)
    assert begins[0] == 0 and ends[-1] == 60, f"from minute {begins[0]} to {ends[-1]}, not from 0 to 60"
    assert begins[1:] == ends[:-1], "a row should begin where the one before it ends"
    for row, begin, end, length in zip(told, begins, ends, lengths, strict=True):
        assert length in (None, end - begin), f"{row[1]} takes {length} minutes, the plan gives it {end - begin}"
    assert told[-1][1] == sheet.questions and ends[-1] - begins[-1] >= 10


def test_one_hour_says_how_many_decks_it_touches():
    decks = {slide[1] for row in rows(ENGLISH.chapter("One hour")) if (slide := SLIDE.fullmatch(row[1]))}
    words = "no one two three four five six seven eight nine ten".split()
    assert f"{words[len(decks)].capitalize()} decks are touched" in ENGLISH.chapter("One hour")


@both
def test_one_afternoon_is_four_hours_with_breaks(sheet):
    told = rows(sheet.chapter("One afternoon"))
    begins, lengths = [as_minutes(row[0]) for row in told], [int(row[1]) for row in told]
    ends = [begin + length for begin, length in zip(begins, lengths, strict=True)]
    assert (begins[0], ends[-1]) == (0, 240) and begins[1:] == ends[:-1], \
        f"the plan should begin at 0:00, end at 4:00 and have no gaps; minutes at which its rows end: {ends}"
    for row in told:
        slides = [(int(n), name) for n, name in SLIDE.findall(row[3])]
        if slides:
            need = sum(MINUTES[one] for one in slides)
            assert need == int(row[1]), f"the slides of {row[0]} take {need} minutes, not {row[1]}: {row[3]}"
    breaks = [begin for row, begin in zip(told, begins, strict=True) if row[2] == sheet.rest]
    sittings = [b - a for a, b in zip([0, *breaks], [*breaks, 240], strict=True)]
    assert len(breaks) == 3 and max(sittings) <= 90, "nobody sits longer than 90 minutes"


@both
def test_six_weeks_add_up(sheet):
    weeks = [row for row in rows(sheet.chapter("Six weeks")) if re.fullmatch(r"[1-6]|workshop|워크숍", row[0])]
    assert len(weeks) == 7
    for row in weeks:
        decks, books = (list(map(int, re.findall(r"\d+", row[n]))) for n in (1, 3))
        lectures = sum(minutes for (n, _), minutes in MINUTES.items() if n in decks)
        assert int(row[2]) == lectures, f"lecture minutes of week {row[0]}: {row[2]}, should be {lectures}"
        laboratory = sum(stated(book, "Minutes") for book in books)
        assert int(row[4]) == laboratory, f"laboratory minutes of week {row[0]}: {row[4]}, should be {laboratory}"
    assert sorted(n for row in weeks for n in map(int, re.findall(r"\d+", row[1]))) == list(map(number, DECKS))
    assert sorted(n for row in weeks for n in map(int, re.findall(r"\d+", row[3]))) == list(NOTEBOOKS)
    total, = [row for row in rows(sheet.chapter("Six weeks")) if row[0] == sheet.total]
    for n in (2, 4):
        assert int(total[n].strip("*")) == sum(int(row[n]) for row in weeks)


@both
def test_points_add_up_to_100(sheet):
    text = sheet.chapter("Six weeks")
    plan = [row for row in rows(text) if len(row) == 7]
    assert sum(int(row[6]) for row in plan if row[0] != sheet.total) == 100
    for week, homework in enumerate(("H1", "H2", "H3", "H4"), start=1):
        promised, = [int(row[6]) for row in plan if row[0] == str(week) and row[5] == homework]
        after = re.split(rf"^\*\*{homework}\*\* ", text, flags=re.MULTILINE)[1]
        tasks = re.search(r"^\|.+?\|$(?!\n\|)", after, re.MULTILINE | re.DOTALL)[0]     # its first table
        given = sum(int(row[1]) for row in rows(tasks))
        assert given == promised, f"the tasks of {homework} have {given} points, the plan {promised}"


@both
def test_there_are_cures_for_ten_misconceptions(sheet):
    cures = rows(sheet.chapter("Misconceptions"))
    assert len(cures) >= 10
    for row in cures:
        assert len(row) == 3 and (SLIDE.search(row[2]) or PLACE.search(row[2])), f"no figure for: {row[0]}"


# ---- the twins


def told_in_code(row):
    """What both languages have to say with the same letters: slides, code, commands, files."""
    return collections.Counter(re.findall(r"`[^`]+`", " ".join(row).replace("slides/ko/", "slides/en/")))


def told_in_numbers(row):
    """The numbers in a row, without those in code."""
    text = re.sub(r"`[^`]*`", "", " | ".join(row))
    return collections.Counter(re.findall(r"\d+(?:[.,]\d+)*", text))


@pytest.mark.parametrize("title", ENGLISH.chapters)
def test_the_korean_tables_tell_the_same_numbers_slides_and_code(title):
    english, korean = rows(ENGLISH.chapter(title)), rows(KOREAN.chapter(title))
    assert len(english) == len(korean)
    for ours, theirs in zip(english, korean, strict=True):
        missing, added = told_in_numbers(ours) - told_in_numbers(theirs), told_in_numbers(theirs) - told_in_numbers(ours)
        assert not missing, (ours, theirs)
        assert all(re.fullmatch(r"\d\d?", number) for number in added), f"{added}: no word of ours for a number: {theirs}"
        assert told_in_code(ours) == told_in_code(theirs), (ours, theirs)
        assert [cell.count("✓") for cell in ours] == [cell.count("✓") for cell in theirs], (ours, theirs)
        assert [cell.count("✗") for cell in ours] == [cell.count("✗") for cell in theirs], (ours, theirs)


@pytest.mark.parametrize("title", ENGLISH.chapters)
def test_the_korean_text_names_the_same_places(title):
    english, korean = ENGLISH.chapter(title), KOREAN.chapter(title)
    for pattern in (SLIDE, PLACE):
        assert collections.Counter(pattern.findall(english)) == collections.Counter(pattern.findall(korean))


def test_the_korean_translates_the_english_as_it_is():
    assert not run_sheet.faults("ko")


@pytest.fixture
def twins(tmp_path):
    """A run-sheet of two sections in two languages, in step."""
    (tmp_path / "INSTRUCTOR.md").write_text("# Sheet\n\n<!-- stamp: decks -->\nold\n<!-- /stamp -->\n\n## One hour\n\nTalk.\n")
    (tmp_path / "INSTRUCTOR.ko.md").write_text(
        "# 진행표\n<!-- section Sheet, of 00000000 -->\n\n## 1시간\n<!-- section One hour, of 00000000 -->\n\n말합니다.\n",
        encoding="utf-8")
    run_sheet.mark_translated("ko", tmp_path)
    return tmp_path


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_only_the_section_that_changed_is_out_of_date(twins):
    assert run_sheet.faults("ko", twins) == []
    change(twins / "INSTRUCTOR.md", "Talk.", "Talk less.")
    fault, = run_sheet.faults("ko", twins)
    assert "section One hour" in fault and "--translated --sheet" in fault
    run_sheet.mark_translated("ko", twins)
    assert run_sheet.faults("ko", twins) == []


def test_what_is_stamped_and_how_lines_break_puts_no_twin_out_of_date(twins):
    change(twins / "INSTRUCTOR.md", "old", "new")
    change(twins / "INSTRUCTOR.md", "\nTalk.", "\n\nTalk.\n")
    assert run_sheet.faults("ko", twins) == []


@pytest.mark.parametrize("old, new", [("## 1시간\n", ""), ("<!-- section One hour", "<!-- section Two hours"),
                                      ("<!-- section Sheet", "<!-- part Sheet")])
def test_sections_out_of_step_are_named(twins, old, new):
    change(twins / "INSTRUCTOR.ko.md", old, new)
    fault, = run_sheet.faults("ko", twins)
    assert "not in step" in fault and "One hour" in fault


def test_what_cannot_be_marked_or_is_missing_is_said(twins):
    change(twins / "INSTRUCTOR.ko.md", "section One hour", "section Two hours")
    with pytest.raises(ValueError, match="Two hours.*lacks.*One hour"):
        run_sheet.mark_translated("ko", twins)
    assert run_sheet.faults("de", twins) == ["slides/INSTRUCTOR.de.md is missing."]


# ---- the answers that are graded


def homework(sheet, task):
    """The row of a homework's task: "a)", "b)" or "c)" and how it goes on."""
    row, = [row for row in rows(sheet.chapter("Six weeks")) if row[0].startswith(task)]
    return row


def test_the_answers_of_the_homework_on_counting():
    """By Keras itself, and the window of a cell by which pixels move it."""
    import keras
    import numpy as np

    def network(head):
        layers = keras.layers
        convolutions = [layers.Conv2D(n, 3) for n in (16, 32, 32)]
        return keras.Sequential([keras.Input((32, 32, 3)), *convolutions, head, layers.Dense(10)])

    counts = [network(head).count_params() for head in (keras.layers.GlobalAveragePooling2D(), keras.layers.Flatten())]
    trunk = keras.Sequential(network(keras.layers.Flatten()).layers[:3])
    dark = np.zeros((1, 32, 32, 3), "float32")
    moved = set()
    for row in range(32):
        lit = dark.copy()
        lit[0, row, 3] = 1
        if np.any(np.asarray(trunk(lit) - trunk(dark))[0, 0, 0]):
            moved.add(row)
    assert moved == set(range(7))
    assert homework(ENGLISH, "b) RGB")[2] == f"{counts[0]:,}; 7×7; {counts[1]:,} with Flatten."
    assert homework(KOREAN, "b) RGB")[2] == f"{counts[0]:,}개; 7×7; Flatten이면 {counts[1]:,}개."


@both
def test_the_answers_of_the_homework_by_hand(sheet):
    """Signal processing's own correlation and convolution, and the three gates place by place."""
    from scipy.signal import convolve2d, correlate2d

    def matrices(task):
        return [json.loads(text) for text in re.findall(r"\[\[.+?\]\]", " ".join(homework(sheet, task)).replace("−", "-"))]

    x, k, right, turned = matrices("a) " + {"en": "By hand", "ko": "손으로"}[sheet.language])
    assert correlate2d(x, k, "valid").tolist() == right and convolve2d(x, k, "valid").tolist() == turned
    x, R, *gates = matrices("c) " + {"en": "Gates", "ko": "게이트"}[sheet.language])
    for gate, passes in zip(gates, (lambda x, r: x > 0, lambda x, r: r > 0, lambda x, r: x > 0 and r > 0), strict=True):
        assert gate == [[r if passes(a, r) else 0 for a, r in zip(*pair, strict=True)] for pair in zip(x, R, strict=True)]
