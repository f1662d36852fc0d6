"""The run-sheet slides/INSTRUCTOR.md agrees with the decks, the notebooks and itself.

It is written by hand, and a slide added, renamed or given another minute anywhere makes it wrong without a sign. Decks
and notebooks are read here by a few lines of their own, not by tools/decks/source.py: an error there can't hide one here.
"""
import itertools
import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHEET = (ROOT / "slides" / "INSTRUCTOR.md").read_text(encoding="utf-8")
DECKS = sorted((ROOT / "slides" / "en").glob("[0-9]*.md"))
NOTEBOOKS = range(1, 1 + len(list((ROOT / "notebooks").glob("[0-9]*.ipynb"))))
SLIDE = re.compile(r"`(\d+)/(\w+)`")                                      # `3/formula`
PLACE = re.compile(r"(?<![\w/])(\d+) §(\d+)(?: (Exercise \d))?(?: `([^`]+)`)?")      # 3 §4, 3 §4 `some code`


# ---- what is there


def slides_of(path):
    """(name, minutes) of each slide of a deck, in order."""
    found = re.findall(r"^<!-- slide (\w+), (\d+) min", path.read_text(encoding="utf-8"), re.MULTILINE)
    return [(name, int(minutes)) for name, minutes in found]


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


def chapter(title):
    """The text under a heading `## title`, up to the next one."""
    parts = re.split(r"^## (.+)$", SHEET, flags=re.MULTILINE)
    chapters = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert title in chapters, f"INSTRUCTOR.md has no chapter '## {title}'; it has {', '.join(chapters)}"
    return chapters[title]


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


def table_of(deck):
    return rows(chapter(f"Deck {number(deck)}"))


def test_a_table_has_every_slide_of_its_deck_in_order(deck):
    told = [row[1].split("<br>")[0].strip("`") for row in table_of(deck)]
    there = [name for name, _ in slides_of(deck)]
    assert told == there, f"Deck {number(deck)} of INSTRUCTOR.md should have the slides {there}; it has {told}"


def test_the_minutes_are_the_decks(deck):
    told = [row[0] for row in table_of(deck)]
    there = spans([minutes for _, minutes in slides_of(deck)])
    wrong = [f"{row[1].split('<br>')[0]} is {mine}, should be {right}"
             for row, mine, right in zip(table_of(deck), told, there, strict=True) if mine != right]
    assert told == there, f"minutes in Deck {number(deck)} of INSTRUCTOR.md: {'; '.join(wrong)}"


def test_every_row_is_complete_and_short(deck):
    for row in table_of(deck):
        assert len(row) == 6 and all(row), f"a row needs six cells, an empty one is —: {row}"
        assert row[1].count("<br>") == 1, f"{row[1]}: name, <br>, claim"
        for cell in row[1:]:
            assert len(cell) <= 120, f"Deck {number(deck)}, {row[1]}: {len(cell)} characters are too many: {cell}"


def test_the_index_knows_the_deck(deck):
    line, = [row for row in rows(SHEET.split("\n## ")[0]) if f"(#deck-{number(deck)})" in row[0]]
    slides = slides_of(deck)
    there = [str(sum(minutes for _, minutes in slides)), str(len(slides))]
    assert line[1:3] == there, f"{deck.stem} has {' minutes and '.join(there)} slides; the index says {line}"
    assert f"{deck.stem}`" in chapter(f"Deck {number(deck)}"), f"Deck {number(deck)} should name {deck.stem}"
    books = [int(book) for book in line[3].split(", ")]
    opened = {int(place[0]) for row in table_of(deck) for place in PLACE.findall(row[2])}
    assert opened <= set(books), f"Deck {number(deck)} opens notebooks {opened}, the index says {books}"


def test_the_percentages_are_printed_by_the_notebooks(deck):
    """Retrained networks print other numbers; what students should answer, and the reply, must then follow."""
    line, = [row for row in rows(SHEET.split("\n## ")[0]) if f"(#deck-{number(deck)})" in row[0]]
    books = [int(book) for book in line[3].split(", ")]
    outputs = [output for book in books for cell in notebook(book) for output in cell.get("outputs", [])]
    printed = " ".join("".join(output.get("text", "")) for output in outputs)
    for row in table_of(deck):
        right = [answer for answer in row[4].split("<br>") if not answer.startswith("✗")]
        said = re.findall(r"(\d+(?:\.\d+)?) %", " ".join([row[3], *right, row[5]]))
        stale = [percent for percent in said if not re.search(rf"(?<![\d.]){percent}(?:\.\d)?%", printed)]
        assert not stale, f"Deck {number(deck)}, {row[1]}: no notebook of it prints {stale} %: look at its numbers"


def test_what_may_be_skipped_saves_what_it_says(deck):
    text = chapter(f"Deck {number(deck)}")
    line, minutes = re.search(r"^Late\? Skip (.+): (\d+) minutes\.$", text, re.MULTILINE).groups()
    skipped = [(int(n), name) for n, name in SLIDE.findall(line)]
    assert all(n == number(deck) for n, _ in skipped), line
    assert sum(MINUTES[one] for one in skipped) == int(minutes), f"{line} saves other than {minutes} minutes"


def test_every_deck_has_a_table():
    assert len(re.findall(r"^## Deck \d+$", SHEET, re.MULTILINE)) == len(DECKS)


# ---- what is named exists


def test_every_slide_named_exists():
    unknown = [f"{n}/{name}" for n, name in SLIDE.findall(SHEET) if (int(n), name) not in MINUTES]
    assert not unknown, f"INSTRUCTOR.md names slides that no deck has: {', '.join(unknown)}"


@pytest.mark.parametrize("of, section, exercise, code", sorted(set(PLACE.findall(SHEET))))
def test_every_place_in_a_notebook_exists(of, section, exercise, code):
    cells = section_cells(int(of), int(section))
    assert cells, f"INSTRUCTOR.md opens section {section} of notebook {of}, which has no such section"
    if exercise:
        headings = "\n".join(text for kind, text in cells if kind == "markdown")
        assert re.search(rf"^### {exercise}\b", headings, re.MULTILINE), \
            f"INSTRUCTOR.md: {exercise} is not in section {section} of notebook {of}"
    if code:
        assert any(kind == "code" and code in text for kind, text in cells), \
            f"INSTRUCTOR.md: no code cell in section {section} of notebook {of} holds `{code}`"


def test_whoever_names_a_place_is_understood():
    """Each § is one that the test above has checked."""
    sloppy = [SHEET[max(0, at - 12):at + 12] for at in (match.start() for match in re.finditer("§", SHEET))
              if not PLACE.search(SHEET[max(0, at - 3):at + 12])]
    assert not sloppy, f"write a place as `3 §4`: {sloppy}"


def test_links_inside_the_sheet_lead_somewhere():
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
               for heading in re.findall(r"^##? (.+)$", SHEET, re.MULTILINE)}
    broken = set(re.findall(r"\]\(#([^)]+)\)", SHEET)) - anchors
    assert not broken, f"no heading for the links {broken}"


def test_the_seconds_of_a_notebook_are_those_it_states():
    seconds = [stated(of, "CPU seconds") for of in NOTEBOOKS]
    told = set(re.findall(r"(\d+) to (\d+) s of CPU", SHEET))
    assert told == {(str(min(seconds)), str(max(seconds)))}, f"{min(seconds)} to {max(seconds)}, not {told}"


# ---- the plans


def test_one_hour_is_one_hour():
    told = rows(chapter("One hour"))
    lengths = [MINUTES[int(slide[1]), slide[2]] if (slide := SLIDE.fullmatch(row[1])) else None for row in told]
    begins, ends = zip(*(map(int, row[0].split("–")) for row in told), strict=True)
    assert begins[0] == 0 and ends[-1] == 60, f"from minute {begins[0]} to {ends[-1]}, not from 0 to 60"
    assert begins[1:] == ends[:-1], "a row should begin where the one before it ends"
    for row, begin, end, length in zip(told, begins, ends, lengths, strict=True):
        assert length in (None, end - begin), f"{row[1]} takes {length} minutes, the plan gives it {end - begin}"
    assert told[-1][1] == "questions" and ends[-1] - begins[-1] == 10
    decks = [slide[1] for row in told if (slide := SLIDE.fullmatch(row[1]))]
    words = "no one two three four five six seven eight nine ten".split()
    assert f"{words[len(set(decks))].capitalize()} decks are touched" in chapter("One hour")
    assert f"{words[len(list(itertools.groupby(decks)))]} tabs" in chapter("One hour")


def test_one_afternoon_is_four_hours_with_breaks():
    told = rows(chapter("One afternoon"))
    begins, lengths = [as_minutes(row[0]) for row in told], [int(row[1]) for row in told]
    ends = [begin + length for begin, length in zip(begins, lengths, strict=True)]
    assert (begins[0], ends[-1]) == (0, 240) and begins[1:] == ends[:-1], \
        f"the plan should begin at 0:00, end at 4:00 and have no gaps; minutes at which its rows end: {ends}"
    for row in told:
        slides = [(int(n), name) for n, name in SLIDE.findall(row[3])]
        if slides:
            need = sum(MINUTES[one] for one in slides)
            assert need == int(row[1]), f"the slides of {row[0]} take {need} minutes, not {row[1]}: {row[3]}"
    breaks = [begin for row, begin in zip(told, begins, strict=True) if row[2] == "break"]
    sittings = [b - a for a, b in zip([0, *breaks], [*breaks, 240], strict=True)]
    assert len(breaks) == 3 and max(sittings) <= 90, "nobody sits longer than 90 minutes"


def test_six_weeks_add_up():
    weeks = [row for row in rows(chapter("Six weeks")) if re.fullmatch(r"[1-6]|workshop", row[0])]
    assert len(weeks) == 7
    for row in weeks:
        decks, books = (list(map(int, re.findall(r"\d+", row[n]))) for n in (1, 3))
        lectures = sum(minutes for (n, _), minutes in MINUTES.items() if n in decks)
        assert int(row[2]) == lectures, f"lecture minutes of week {row[0]}: {row[2]}, should be {lectures}"
        laboratory = sum(stated(book, "Minutes") for book in books)
        assert int(row[4]) == laboratory, f"laboratory minutes of week {row[0]}: {row[4]}, should be {laboratory}"
    assert sorted(n for row in weeks for n in map(int, re.findall(r"\d+", row[1]))) == list(map(number, DECKS))
    assert sorted(n for row in weeks for n in map(int, re.findall(r"\d+", row[3]))) == list(NOTEBOOKS)
    total, = [row for row in rows(chapter("Six weeks")) if row[0] == "**sum**"]
    for n in (2, 4):
        assert int(total[n].strip("*")) == sum(int(row[n]) for row in weeks)


def test_points_add_up_to_100():
    text = chapter("Six weeks")
    plan = [row for row in rows(text) if len(row) == 7]
    assert sum(int(row[6]) for row in plan if row[0] != "**sum**") == 100
    for week, homework in enumerate(("H1", "H2", "H3", "H4"), start=1):
        promised, = [int(row[6]) for row in plan if row[0] == str(week) and row[5] == homework]
        after = re.split(rf"^\*\*{homework}\*\* ", text, flags=re.MULTILINE)[1]
        tasks = re.search(r"^\|.+?\|$(?!\n\|)", after, re.MULTILINE | re.DOTALL)[0]     # its first table
        given = sum(int(row[1]) for row in rows(tasks))
        assert given == promised, f"the tasks of {homework} have {given} points, the plan {promised}"


def test_there_are_cures_for_ten_misconceptions():
    cures = rows(chapter("Misconceptions"))
    assert len(cures) >= 10
    for row in cures:
        assert len(row) == 3 and (SLIDE.search(row[2]) or PLACE.search(row[2])), f"no figure for: {row[0]}"


# ---- the answers that are graded


def test_the_answers_of_the_homework_on_counting():
    """By Keras itself, and the window of a cell by which pixels move it."""
    import keras
    import numpy as np

    def network(head):
        layers = keras.layers
        convolutions = [layers.Conv2D(n, 3) for n in (16, 32, 32)]
        return keras.Sequential([keras.Input((32, 32, 3)), *convolutions, head, layers.Dense(10)])

    answer, = [row[2] for row in rows(chapter("Six weeks")) if row[0].startswith("b) RGB")]
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
    assert answer == f"{counts[0]:,}; 7×7; {counts[1]:,} with Flatten."


def test_the_answers_of_the_homework_by_hand():
    """Signal processing's own correlation and convolution, and the three gates place by place."""
    from scipy.signal import convolve2d, correlate2d

    cells = {row[0][:2]: row for row in rows(chapter("Six weeks")) if row[0].startswith(("a) By hand", "c) Gates"))}
    matrices = [json.loads(text) for text in re.findall(r"\[\[.+?\]\]", " ".join(cells["a)"]).replace("−", "-"))]
    x, k, right, turned = matrices
    assert correlate2d(x, k, "valid").tolist() == right and convolve2d(x, k, "valid").tolist() == turned
    x, R, *gates = [json.loads(text) for text in re.findall(r"\[\[.+?\]\]", " ".join(cells["c)"]).replace("−", "-"))]
    for gate, passes in zip(gates, (lambda x, r: x > 0, lambda x, r: r > 0, lambda x, r: x > 0 and r > 0), strict=True):
        assert gate == [[r if passes(a, r) else 0 for a, r in zip(*pair, strict=True)] for pair in zip(x, R, strict=True)]
