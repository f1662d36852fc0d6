"""Every notebook keeps to the house: its frame, its cells, its outputs, its links. What they compute, nbval checks."""
import ast
import base64
import io
import itertools
import pathlib
import re
import statistics

import nbformat
import numpy as np
import pytest
import ziamath
from nbval.plugin import find_comment_markers, metadata_tags
from PIL import Image
from skimage.color import rgb2lab

from tools.notebooks import normalize, pages
from tools.notebooks.bootstrap_cell import FOLDED, bootstrap_cell, colab_badge
from tools.notebooks.title_cell import FACTS, figures, promise, title_table
from tools.stamp import repository_address

ROOT = pathlib.Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CORE = ("01_cnn_basics", "02_cam_neu", "03_grad_cam_mnist", "04_grad_cam_vgg16", "05_cam_equivalence_proof",
        "06_guided_grad_cam")
HANGUL = "[가-힣]"
TAGS = {"bootstrap", "exercise", "thumbnail", "imagenet",
        "nbval-check-output", "nbval-ignore-output", "nbval-skip", "raises-exception"}  # nbval's own

# Linear maps of linear RGB: Machado, Oliveira & Fernandes 2009, severity 1, and luminance.
DEUTERANOPIA = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])
GREY = np.tile([0.2126, 0.7152, 0.0722], (3, 1))


def borders(linear):
    """ΔE (CIE 1976) between each pixel of an image in linear RGB and its right and lower neighbour, the larger of the two."""
    lab = rgb2lab(np.clip(linear, 0, 1) ** (1 / 2.2))
    right = np.linalg.norm(np.diff(lab, axis=1)[:-1], axis=-1)
    below = np.linalg.norm(np.diff(lab, axis=0)[:, :-1], axis=-1)
    return np.maximum(right, below)


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def outside_code(markdown):
    return re.sub(r"```.*?```|`[^`\n]*`", "", markdown, flags=re.DOTALL)


def test_the_core_is_complete():
    assert set(CORE) <= {path.stem for path in PATHS}


# ---- the file


def test_the_file_is_valid_and_written_as_jupyter_writes_it(path, notebook):
    nbformat.validate(notebook)
    assert path.read_text(encoding="utf-8") == nbformat.writes(notebook) + "\n"


def test_the_file_is_small(path):
    assert path.stat().st_size < 1_500_000


def test_metadata_hold_nothing_that_differs_from_computer_to_computer(notebook):
    assert set(notebook.metadata) == {"course", "kernelspec", "language_info"}
    assert notebook.metadata.kernelspec == normalize.KERNEL
    assert notebook.metadata.language_info == {"name": "python"}
    assert all(set(cell.metadata) <= {"tags"} for cell in code_cells(notebook) if cell is not notebook.cells[1])


# ---- title, bootstrap, end


def test_the_title_cell_has_promise_badge_and_table(path, notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    assert len(promise(notebook).split()) >= 8
    assert colab_badge(repository_address(ROOT), f"notebooks/{path.name}") in first.source
    assert {"You will be able to", "You need first", *FACTS.values()} <= set(title_table(notebook))


def test_the_table_says_what_the_metadata_say(notebook):
    table = title_table(notebook)
    assert {key: int(table[label]) for key, label in FACTS.items()} == notebook.metadata.course


def test_it_takes_at_most_ninety_seconds_of_cpu_or_two_minutes_from_the_ninth_on(path, notebook):
    most = 90 if path.name < "09" else 130      # the ninth was measured at 128
    assert 0 < notebook.metadata.course.cpu_seconds <= most


def test_the_bootstrap_cell_is_the_second_and_silent(notebook):
    cell = notebook.cells[1]
    assert cell.metadata == FOLDED and cell.source == bootstrap_cell(repository_address(ROOT))
    assert cell.outputs == []


def test_there_is_one_title(notebook):
    assert len(re.findall(r"^# ", outside_code(prose(notebook)), re.MULTILINE)) == 1


def test_it_ends_with_a_summary_of_three_sentences(notebook):
    summary = re.search(r"^## Summary\n+(.+?)(?=\n#|\n\*\*Next|\Z)", prose(notebook), re.MULTILINE | re.DOTALL)
    assert summary, "there is no heading '## Summary'"
    assert len(re.findall(r"[.!?](?=\s|$)", summary[1].strip())) == 3


def test_it_ends_with_further_reading_and_the_next_notebook(path, notebook):
    end = prose(notebook).partition("## Further reading")[2]
    assert len(re.findall(r"\]\(https://", end)) >= 2, "further reading needs its links"
    following = [other for other in PATHS if other.name > path.name]
    assert not following or following[0].name in end, "no link to the next notebook"


# ---- cells


def test_code_cells_are_short(notebook):
    lengths = [len([line for line in cell.source.splitlines() if line.strip()]) for cell in code_cells(notebook)]
    assert statistics.median(lengths) <= 6 and max(lengths) <= 25


def test_it_has_three_to_five_exercises(notebook):
    assert 3 <= sum("exercise" in cell.metadata.get("tags", []) for cell in code_cells(notebook)) <= 5


def test_predictions_are_made_and_each_is_answered(notebook):
    """By name: `guess = predict(...)`, and after it `guess.compare(...)` with what was computed, never with a literal."""
    calls = [node for cell in code_cells(notebook)[1:] for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    made = [node.targets[0].id for cell in code_cells(notebook)[1:] for node in ast.walk(ast.parse(cell.source))
            if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("predict(")]
    answered = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "compare"]
    assert len(made) >= 3 and sorted(made) == sorted({call.func.value.id for call in answered})
    assert not [ast.unparse(call) for call in answered if isinstance(call.args[0], ast.Constant)]


def test_it_ends_with_its_quiz(path, notebook):
    headings = re.findall(r"^## (.+)$", outside_code(prose(notebook)), re.MULTILINE)
    assert headings[headings.index("Summary") - 1] == "Quiz"
    assert [cell.source.strip() for cell in code_cells(notebook)][-1] == f"quiz({int(path.name[:2])})"


def test_headings_have_one_style(notebook):
    """`## 3. A sentence`, numbered without a gap, or one of the ends; exercises are numbered; nothing in Capitals Of A Title."""
    headings = re.findall(r"^(#{2,}) (.+)$", outside_code(prose(notebook)), re.MULTILINE)
    sections = [text for marks, text in headings if marks == "##"]
    numbers = [int(found[1]) for text in sections if (found := re.match(r"(\d+)\. \S", text))]
    assert numbers == list(range(1, len(numbers) + 1))
    assert {text for text in sections if not re.match(r"\d+\. ", text)} <= {"Summary", "Further reading", "Quiz",
                                                                            "Beyond digits",
                                                                            "If you meet older code"}
    exercises = [int(text.split()[1].rstrip(":.")) for marks, text in headings if text.startswith("Exercise ")]
    assert exercises == list(range(1, len(exercises) + 1)) and all(len(marks) <= 3 for marks, _ in headings)


def test_prompts_have_one_style(notebook):
    """`***Predict:** what …?*` in its own words; no other mark for the same thing."""
    marks = re.findall(r"\*+Predict\b[^*]*\*\*", outside_code(prose(notebook)))
    assert {mark for mark in marks} <= {"***Predict:**"}


def test_figures_stand_between_sentences(notebook):
    """Before the code that draws figures at least eight words, and eight after it."""
    cells = notebook.cells[2:]
    for drawing, group in itertools.groupby(range(len(cells)), lambda index: cells[index].cell_type == "code"):
        group = list(group)
        if drawing and figures([cells[index] for index in group]):
            around = [cells[index].source if 0 <= index < len(cells) else "" for index in (group[0] - 1, group[-1] + 1)]
            assert all(len(outside_code(text).split()) >= 8 for text in around), cells[group[0]].source


def test_the_minutes_are_those_of_a_reader(notebook):
    """Within half as much again: 150 words a minute, half a minute a figure, ten lines of code a minute, four an exercise."""
    words = len(re.sub(r"<details>.*?</details>", "", prose(notebook), flags=re.DOTALL).split())
    lines = sum(len([line for line in cell.source.splitlines() if line.strip()]) for cell in code_cells(notebook)[1:])
    exercises = sum("exercise" in cell.metadata.get("tags", []) for cell in code_cells(notebook))
    estimate = words / 150 + len(figures(notebook.cells)) / 2 + lines / 10 + 4 * exercises
    assert estimate / 1.5 <= notebook.metadata.course.minutes <= 1.5 * estimate, f"{estimate:.0f} minutes"


def test_claims_are_checked(notebook):
    assert sum("nbval-check-output" in cell.metadata.get("tags", []) for cell in code_cells(notebook)) >= 3


def test_what_nbval_does_with_a_cell_is_said_by_its_tags_alone(notebook):
    assert not [cell.source for cell in code_cells(notebook) if list(find_comment_markers(cell.source))]
    assert {tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])} <= TAGS


def test_the_house_knows_nbval_s_tags():
    assert {tag for tag in TAGS if tag.startswith("nbval-") or "exception" in tag} <= set(metadata_tags)


def test_terms_are_given_in_korean(notebook):
    assert len(set(re.findall(rf"\(({HANGUL}[^)]*)\)", prose(notebook)))) >= 3


def test_no_cell_uses_the_rainbow(notebook):
    assert not [cell.source for cell in code_cells(notebook) if re.search(r"\bjet\b|COLORMAP_JET", cell.source)]


def test_every_formula_can_be_drawn(notebook, monkeypatch):
    """The pages show what can't be drawn as TeX; here it is an error."""
    undrawn = []

    class Strict(ziamath.Latex):
        def __init__(self, tex, **options):
            try:
                super().__init__(tex, **options)
            except Exception:
                undrawn.append(tex)
                raise

    pages.formula.cache_clear()
    monkeypatch.setattr(pages.ziamath, "Latex", Strict)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            pages.markdown(cell.source)
    assert not undrawn


# ---- outputs


def test_it_was_executed_in_order_from_a_fresh_kernel(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook) if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1))


def test_outputs_are_fit_to_be_committed(notebook):
    for number, cell in enumerate(code_cells(notebook), start=1):
        for output in cell.outputs:
            normalize.check_output(output, number)
            assert not normalize.is_widget(output)


def test_every_figure_is_described(notebook):
    described = figures(notebook.cells)
    assert described and all(len(alt.split()) >= 5 for _, alt in described)
    others = {"image/jpeg", "image/svg+xml", "image/gif"}
    assert not [cell.source for cell in code_cells(notebook) for output in cell.outputs if others & set(output.get("data", {}))]


def test_figures_are_drawn_as_fine_as_the_file_allows(notebook):
    """At the size at which they are shown, never coarser; figures of an execution before sizes were recorded have none."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            shown = output.get("metadata", {}).get("image/png", {})
            if "width" in shown:
                width, height = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).size
                assert 0.99 < width / shown.width < 2.02 and height / shown.height == pytest.approx(width / shown.width, rel=0.02)


def test_without_imagenet_s_weights_a_cell_shows_the_picture_drawn_with_them(path, notebook):
    shown = figures([cell for cell in notebook.cells if "imagenet" in cell.metadata.get("tags", [])])
    kept = ROOT / "docs" / "pictures" / f"{path.stem}_imagenet.png"
    assert len(shown) == kept.exists()
    for png, _ in shown:    # where the notebook's file would be too large, in fewer colours
        there, here = (np.asarray(Image.open(file).convert("RGB"), float) for file in (kept, io.BytesIO(png)))
        assert there.shape == here.shape and np.abs(there - here).mean() < 6


def plain_texts(output):
    return [output.text] if output.output_type == "stream" else [output.get("data", {}).get("text/plain", "")]


def test_no_table_is_wider_than_the_page(notebook):
    """Of text that stands in columns; a long sentence is wrapped wherever it is shown."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if "image/png" not in output.get("data", {}):
                lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for text in plain_texts(output) for line in text.splitlines()]
                columns = [line for line in lines if re.search(r"\S {2,}\S.* {2,}\S", line)]
                assert max(map(len, columns), default=0) <= 110, max(columns, key=len)


@pytest.mark.parametrize("seen_by", [DEUTERANOPIA, GREY], ids=["deuteranopia", "grey"])
def test_figures_lose_little_to_those_who_see_colours_otherwise(seen_by, notebook):
    """Of the borders that are plain in colour (ΔE over 25), six in seven are still seen (ΔE over 5) without red and green,
    or printed in grey. The worst are pale blue boxes over bright maps, in grey: 12 % are lost."""
    for png, alt in figures(notebook.cells):
        image = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB").reduce(3), float) / 255) ** 2.2       # linear
        plain, seen = borders(image), borders(image @ seen_by.T)
        lost = (plain > 25) & (seen < 5)
        assert 7 * lost.sum() <= (plain > 25).sum(), f"{lost.sum() / (plain > 25).sum():.0%} of the borders are lost: {alt}"


# ---- links


def test_links_lead_somewhere(path, notebook):
    for target in re.findall(r"\]\(([^)\s]+)\)", outside_code(prose(notebook))):
        if not re.match(r"https://|#", target):
            assert (path.parent / target.partition("#")[0]).exists(), target


def test_anchors_lead_somewhere(notebook):
    headings = {heading.strip().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", prose(notebook), re.MULTILINE)}
    for anchor in re.findall(r"\]\(#([^)\s]+)\)", outside_code(prose(notebook))):
        assert anchor in headings, anchor


def test_no_picture_comes_from_the_network(notebook):
    pictures = re.findall(r"!\[[^\]]*\]\((https?://[^)\s]+)\)", prose(notebook))
    assert set(pictures) == {"https://colab.research.google.com/assets/colab-badge.svg"}
    assert not re.search(r"<img[^>]+src=[\"']?https?://", prose(notebook))
