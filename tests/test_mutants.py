"""The command that puts faults into the code, on a project of three lines."""
import importlib.util
import pathlib
import subprocess

import pytest

PATH = pathlib.Path(__file__).parent / "mutants" / "run.py"
SPEC = importlib.util.spec_from_file_location("run_mutants", PATH)
mutants = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(mutants)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A checkout of a function and its test, and a file of the user's own that git ignores."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")       # they take most of the time of so small a run
    (tmp_path / "code.py").write_text("def larger(a, b):\n    return a if a > b else b\n")
    (tmp_path / "test_code.py").write_text("from code import larger\n\ndef test_larger():\n    assert larger(2, 1) == 2\n")
    (tmp_path / ".gitignore").write_text("mine\n")
    (tmp_path / "mine").write_text("x")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def change(old, new, tests=("test_code.py",), **more):
    return mutants.Change(f"{old} -> {new}", "code.py", old, new, "harm", tests, **more)


def test_each_change_comes_to_what_it_should(project):
    (project / "test_broken.py").write_text("def test_broken():\n    assert False\n")
    changes = {"noticed": change("a > b", "a < b"), "survived": change("a > b", "a >= b"),
               "stale": change("return c", "return d"), "broken": change("a > b", "a == b", ("test_broken.py",)),
               "equivalent": change("else b", "else (b)", equivalent="it is the same")}
    before = (project / "code.py").read_text()
    said = []
    outcomes = mutants.try_all(project, list(changes.values()), seconds=60, say=said.append)
    assert {kind: outcomes[each.name].kind for kind, each in changes.items()} == {kind: kind for kind in changes}
    assert outcomes[changes["noticed"].name].by == "test_code.py::test_larger"
    assert len(said) == 5 and (project / "code.py").read_text() == before
    assert mutants.score(outcomes) == (1, 2)
    assert f"survived:\n  {changes['survived'].name}: harm" in mutants.table(list(changes.values()), outcomes)


@pytest.mark.parametrize("old, new, changed", [
    ("a > b", "a < b", True), ("b", "c", False), ("nowhere", "x", False), ("return", "retrun", False)])
def test_a_change_needs_one_place_and_must_be_python(project, old, new, changed):
    assert (change(old, new).changed(project) is not None) == changed


def test_tests_that_hang_notice_only_where_that_is_the_point(project):
    def kind(hangs):
        endless = change("return a if a > b else b", "while True:\n        pass", hangs=hangs)
        return mutants.try_out(project, endless, seconds=1, without=mutants.Unchanged(project, [endless], 60, {})).kind

    assert [kind(hangs) for hangs in (False, True)] == ["survived", "noticed"]


def test_a_copy_has_work_in_progress_and_nothing_that_git_ignores(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    mutants.copy_checkout(project, folder)
    assert {path.name for path in folder.iterdir()} == {"code.py", "test_code.py", ".gitignore", ".git"}


def test_outcomes_are_taken_over_until_the_change_its_file_or_its_tests_are_others(project):
    one, known = change("a > b", "a < b"), {}
    mutants.try_all(project, [one], known=known, say=str)
    ran = []
    mutants.try_all(project, [one], known=known | {mutants.fingerprint(project, one): ("survived", "")}, say=ran.append)
    assert "survived" in ran[0]                     # what was known, although the tests would notice
    (project / "test_code.py").write_text("def test_nothing():\n    pass\n")
    assert mutants.fingerprint(project, one) not in known


def test_the_list_can_be_read_and_names_tests_that_are_there():
    changes = mutants.read_changes(mutants.CHANGES)
    assert len(changes) > 100
    assert all((mutants.ROOT / name.partition("::")[0]).is_file() for each in changes for name in (each.file, *each.tests))
