"""The instructor's edition: the students' notebooks with solutions that say why, and the answers of the quizzes.

That its solutions run, each where its exercise stands, is in every run of the notebooks (`solutions` in conftest.py). All other
cells are the students'; those that take up what an exercise defines are run here, after its solution.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from cells import needed, read_from, set_and_used
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import instructor
from tools.notebooks.exercises import instructor_edition, is_exercise, solution_of, solved
from tools.run import execute

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
BELOW = "<details><summary>One solution</summary>\n\n{why}\n\n```python\ndef double(x):\n    return {code}\n```\n\n</details>"


def takers_up(path):
    """Of a notebook's code cells, solutions in place: those that take up what an exercise defines, and those that they need."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    exercises = {n for n, cell in enumerate(code) if is_exercise(cell)}
    cells = [solved(notebook, notebook.cells.index(cell)) if is_exercise(cell) else cell for cell in code]
    codes = [cell.source for cell in cells]
    reads = read_from(codes, set().union(*(set_and_used(codes[n])[0] for n in exercises)))
    takers = []
    for n in range(len(cells)):
        if n not in exercises and reads[n] & {*exercises, *takers}:
            takers.append(n)
    bootstrap = [n for n, cell in enumerate(cells) if "bootstrap" in cell.metadata.get("tags", [])]
    return [cells[n] for n in needed(reads, bootstrap + takers)] if takers else []


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


def test_the_korean_edition_says_why_and_answers_in_korean():
    notebook = small()
    notebook.cells[3].source = notebook.cells[3].source.replace("One solution", "풀이 예")
    answers = instructor.answers_of(Path("notebooks/ko/01_small.ipynb"), "ko")
    cells = instructor_edition(notebook, answers, "ko").cells
    assert cells[0].source.startswith("# Small (강의자용)") and cells[3].source == "**이유.** Twice is two times."
    assert cells[5].source == answers and answers.startswith("**정답.**") and answers.count("✓") == 3
    assert all(re.search("[가-힣]", line) for line in answers.splitlines() if line.strip())


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


@pytest.mark.parametrize("path", filter(takers_up, NOTEBOOKS), ids=lambda path: path.stem)
def test_later_cells_that_take_up_an_exercise_run_with_its_solution(path):
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="solved-", dir=ROOT / "build") as folder:       # the notebook finds the course there
        nbformat.write(new_notebook(cells=takers_up(path)), Path(folder, path.name))
        run, = execute([Path(folder, path.name)], cell_limit=240, limit=1200, embedded=True)
    assert not run.error and not instructor.unsolved(run)
