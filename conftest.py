"""What begins first, and what holds for the notebooks under nbval: they run on the embedded data, a cell that never ran
is a failure, and before each exercise its solution runs, too (tests/test_instructor_edition.py)."""
import collections
import os
import tempfile

import pytest
from nbformat.v4 import new_output
from nbval.plugin import IPyNbCell

from tools.notebooks.execute import embedded_environment
from tools.notebooks.exercises import is_exercise, solved

os.environ.pop("COURSE_LANG", None)     # what is compared is English; the tests of other languages ask for them

# The translated notebooks run no code of their own: tests/test_translations.py shows that theirs is the English one's.
collect_ignore_glob = ["notebooks/ko/*.ipynb"]
EMPTY_FOLDER = tempfile.TemporaryDirectory()

# What takes longest, in this order (beginnings of names). Under `--dist loadfile` a file is one worker's. By itself xdist begins
# with the files of most tests, and the decks, the simulated class and the notebooks, few tests of minutes each, would come last,
# where one worker has nothing left to do but wait for the other.
LONGEST_FIRST = (
    "tests/browser/test_decks.py", "tests/test_classroom.py", "tests/browser/test_explorer_in_chromium.py",
    "tests/test_checks.py", "tests/test_instructor_edition.py", "notebooks/09", "notebooks/1", "notebooks/08", "notebooks/02",
    "tests/test_audit.py", "tests/test_clinic.py", "tests/test_alone.py", "notebooks/", "tests/test_exercises.py",
    "tests/test_models.py", "tests/test_tools.py", "tests/test_evaluate_command.py", "tests/test_explain_dataset.py",
    "tests/test_strangers.py", "tests/test_property.py", "tests/test_agreement.py", "tests/test_explorer.py",
    "tests/test_course.py", "tests/test_lab.py")


def pytest_addoption(parser):
    parser.addoption("--browser", action="store_true", help="also run the tests in a real browser, in tests/browser/")
    parser.addoption("--class", action="store_true", dest="whole_class", help="also simulate a class on a JupyterHub")
    parser.addoption("--alone", action="store_true", help="run every notebook whole, alone, on a pretended Colab")


def pytest_configure(config):
    config.option.loadscopereorder = False  # xdist's own order; below stands a better one


def pytest_collection_modifyitems(items):
    items[:] = [each for item in items for each in (*solutions(item), item)]
    items.sort(key=rank)


def solutions(item):
    """Before an exercise of a notebook its solution, in the same kernel: that the check finds it right is compared."""
    if not isinstance(item, IPyNbCell) or not is_exercise(item.cell):
        return
    cell = solved(item.parent.nb, item.parent.nb.cells.index(item.cell))
    *code, check = cell.source.splitlines()
    cell.source = "\n".join([*code, f"bool({check})"])
    cell.outputs = [new_output("execute_result", {"text/plain": "True"}, execution_count=1)]
    cell.execution_count = 1        # of a cell that was never run, nbval compares nothing
    yield IPyNbCell.from_parent(item.parent, name=f"{item.name}, solved", cell_num=item.cell_num, cell=cell,
                                options=collections.defaultdict(bool, check=True))


def rank(item):
    """Where an item stands among those that take longest; within a file the order stays."""
    return next((place for place, name in enumerate(LONGEST_FIRST) if item.nodeid.startswith(name)), len(LONGEST_FIRST))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Start a notebook's kernel where no loader finds local data, a cache or the network."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in embedded_environment(EMPTY_FOLDER.name).items():
            patch.setenv(name, value)
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    """nbval marks the cells after a time-out as expected failures; nobody expected them."""
    report = yield
    if isinstance(item, IPyNbCell) and hasattr(report, "wasxfail"):
        del report.wasxfail
        report.outcome = "failed"
        report.longrepr = f"{item.path.name}, {item.name}: not run, because an earlier cell timed out."
    return report
