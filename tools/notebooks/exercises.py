"""The exercises of a notebook and their solutions, which lie folded away in the cell below each."""
import re
from typing import NamedTuple

from nbformat.v4 import new_code_cell, new_markdown_cell

from .languages import WORDS

FOLDED_AWAY = re.compile(r"<details>\s*<summary>[^<]*</summary>(.*?)```python\n(.*?)```(.*?)</details>\s*", re.DOTALL)


class Solution(NamedTuple):
    """One right answer: why it is right, in a sentence or two, and its code."""

    why: str
    code: str


def is_exercise(cell):
    return "exercise" in cell.metadata.get("tags", [])


def solution_of(notebook, index):
    """The `Solution` of the exercise that is cell `index`. Raises ValueError if the cell below holds none."""
    following = notebook.cells[index + 1].source if index + 1 < len(notebook.cells) else ""
    found = FOLDED_AWAY.search(following)
    if not found:
        raise ValueError(f"below the exercise in cell {index} there is no <details> with a ```python solution")
    before, code, after = (part.strip() for part in found.groups())
    return Solution("\n\n".join(filter(None, [before, after])), code)


def solved(notebook, index):
    """The exercise that is cell `index` with its solution in place of the stub, under the same check: a code cell."""
    check = notebook.cells[index].source.strip().splitlines()[-1]
    return new_code_cell(f"{solution_of(notebook, index).code}\n\n{check}", metadata={"tags": ["exercise"]})


def instructor_edition(notebook, answers, language="en"):
    """The notebook with its exercises solved, each solution followed by why, and the quiz by its answers, in `language`.

    answers: markdown below the quiz; "" where there is none. All other cells are the students' own.
    """
    cells, words = [], WORDS[language]
    for index, cell in enumerate(notebook.cells):
        if is_exercise(cell):
            cells.append(solved(notebook, index))
        elif index and is_exercise(notebook.cells[index - 1]):
            rest = FOLDED_AWAY.sub("", cell.source)
            cells.append(new_markdown_cell(f"**{words['why']}** {solution_of(notebook, index - 1).why}\n\n{rest}".strip()))
        else:
            cells.append(cell)
        if answers and cell.cell_type == "code" and re.match(r"quiz\(\d+\)$", cell.source.strip()):
            cells.append(new_markdown_cell(answers))
    notebook.cells = cells
    notebook.cells[0].source = re.sub(r"^# (.+)$", rf"# \1 ({words['edition']})", notebook.cells[0].source, count=1, flags=re.M)
    for number, cell in enumerate(notebook.cells):
        cell.source = cell.source.replace("](../", "](../../") if cell.cell_type == "markdown" else cell.source
        cell.id = f"cell-{number:02d}"
    return notebook
