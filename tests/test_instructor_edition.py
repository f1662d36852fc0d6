"""The instructor's edition: the students' notebooks with solutions that say why, and the answers of the quizzes.

That its solutions run, each where its exercise stands, is in every run of the notebooks (`solutions` in conftest.py). Where
no other cell uses what an exercise defines, all else is the students' edition; the other notebooks are run whole here.
"""

import subprocess
import symtable
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import instructor
from tools.notebooks.exercises import instructor_edition, is_exercise, solution_of, solved

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
BELOW = "<details><summary>One solution</summary>\n\n{why}\n\n```python\ndef double(x):\n    return {code}\n```\n\n</details>"


def tables(cells):
    """The symbol tables of cells, and of the functions in them."""
    waiting = [symtable.symtable(cell.source, "cell", "exec") for cell in cells]
    while waiting:
        yield (table := waiting.pop())
        waiting += table.get_children()


def bound(cells):
    """The names that cells leave behind in the notebook."""
    return {name.get_name() for table in tables(cells) if table.get_type() == "module" for name in table.get_symbols()
            if name.is_assigned() or name.is_namespace()}


def read(cells):
    """The names that cells, and the functions in them, look for in the notebook."""
    return {name.get_name() for table in tables(cells) for name in table.get_symbols()
            if name.is_referenced() and (table.get_type() == "module" or name.is_global())}


def differs_elsewhere(path):
    """Whether another cell of a notebook uses a name that its exercises define, and not itself."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    others = [cell for cell in code if not is_exercise(cell)]
    solutions = [solved(notebook, index) for index, cell in enumerate(notebook.cells) if is_exercise(cell)]
    new = bound([*filter(is_exercise, code), *solutions])
    return any(new & read([cell]) - bound([cell]) for cell in others)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def small(code="2 * x", why="Twice is two times."):
    """A notebook of one exercise and a quiz."""
    begin = (f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom lecture_utils import quiz\n"
             "from lecture_utils.checks import check_function")
    return new_notebook(cells=[
        new_markdown_cell("# Small\n\nSee [the house](../CONTRIBUTING.md)."), new_code_cell(begin),
        new_code_cell("def double(x):\n    return None\n\ncheck_function(double, lambda r: (r.random(3),), lambda x: 2 * x, {})",
                      metadata={"tags": ["exercise"]}),
        new_markdown_cell(BELOW.format(why=why, code=code)), new_code_cell("quiz(1)"), new_code_cell("'the end'")])


def test_every_solution_says_why(notebook):
    solutions = [solution_of(notebook, index) for index, cell in enumerate(notebook.cells) if is_exercise(cell)]
    assert solutions and all(len(each.why.split()) >= 6 for each in solutions)


def test_the_edition_has_the_students_cells_the_solutions_and_the_answers():
    cells = instructor_edition(small(), "**Answers.** All.").cells
    assert cells[0].source.startswith("# Small (instructor's edition)") and "(../../CONTRIBUTING.md)" in cells[0].source
    assert cells[2].source.startswith("def double(x):\n    return 2 * x\n\ncheck_function(double, ")
    assert cells[3].source == "**Why.** Twice is two times."
    assert [cell.source for cell in cells[4:]] == ["quiz(1)", "**Answers.** All.", "'the end'"]


def test_an_exercise_without_a_solution_is_an_error():
    notebook = small()
    del notebook.cells[3]
    with pytest.raises(ValueError, match="cell 2 there is no <details>"):
        instructor_edition(notebook, "")


def test_each_quiz_is_answered(notebook, request):
    path = request.node.callspec.params["notebook"]
    answers = instructor.answers_of(path)
    assert answers.count("✓") == 3 and answers.count("✗") >= 6


@pytest.mark.parametrize("code, told", [("2 * x", ""), ("3 * x", "is told: ✗"), ("x.sum(", "SyntaxError")])
def test_a_solution_that_fails_its_check_fails_the_command(code, told, tmp_path):
    """The command itself, on a folder with a notebook of three cells."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    nbformat.write(small(code), folder / "01_small.ipynb")
    run = ("import sys, pathlib; from tools import instructor as i; i.ROOT = pathlib.Path(sys.argv[1]); "
           "i.BUILD = i.ROOT / 'build'; sys.argv[1:] = []; sys.exit(i.main())")
    done = subprocess.run([sys.executable, "-c", run, tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode == 0) == (told == "") and told in done.stderr, done.stderr
    written = nbformat.read(tmp_path / "build" / "01_small.ipynb", as_version=4)
    assert written.cells[2].source.startswith(f"def double(x):\n    return {code}")
    assert (tmp_path / "build" / "index.html").exists()


@pytest.mark.parametrize("path", filter(differs_elsewhere, NOTEBOOKS), ids=lambda path: path.stem)
def test_where_later_cells_take_up_an_exercise_the_edition_runs_whole(path):
    done = subprocess.run([sys.executable, "-m", "tools.instructor", path.stem], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (ROOT / "build" / "instructor" / f"{path.stem}.html").exists()
