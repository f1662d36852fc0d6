"""One notebook alone in an empty folder, on a pretended Colab: the bootstrap cell fetches the course from a clone of it.

Colab is pretended by a module google.colab that every kernel imports when it starts. Two notebooks are tried, the quickest
whole, since all begin with the same bootstrap cell (`tests/test_notebooks_house.py`); `--alone` runs every notebook whole.
What the cell says, finds and renews is seen on a course without lessons, which takes no time to load.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import time

import nbformat
import pytest
from nbclient import NotebookClient

from tools.notebooks import execute
from tools.notebooks.bootstrap_cell import bootstrap_cell

ROOT = pathlib.Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
KOREAN = ROOT / "notebooks" / "ko" / PATHS[0].name
WHOLE = ROOT / "notebooks" / "06_guided_grad_cam.ipynb"  # the quickest
FIRST_CODE_CELLS = 4  # the bootstrap cell is one of them
pytestmark = pytest.mark.skipif(not (shutil.which("git") and shutil.which("timeout")),
                                reason="on Colab the bootstrap cell clones with git, and limits it with timeout")


def git(*words):
    identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.bare=false")
    return subprocess.run(["git", *identity, *map(str, words)], check=True, text=True, capture_output=True).stdout.strip()


@pytest.fixture(scope="module")
def whole_course(tmp_path_factory):
    """A bare repository that holds, in its second commit, what this working tree holds, but for what git ignores."""
    path = make_repository(tmp_path_factory.mktemp("whole"))
    publish(path, ROOT)
    publish(path, ROOT)
    return path


@pytest.fixture(scope="module")
def outline(tmp_path_factory):
    """A course of which only the beginning is there; lecture_utils.quiet loads nothing."""
    folder = tmp_path_factory.mktemp("outline")
    for path in ("course.py", "LICENSE", "tools/__init__.py", "tools/notebooks/__init__.py", "tools/notebooks/begin.py"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    for name in ("__init__", "quiet"):
        (folder / "lecture_utils").mkdir(exist_ok=True)
        (folder / "lecture_utils" / f"{name}.py").touch()
    return folder


@pytest.fixture
def repository(tmp_path_factory, outline):
    """A bare repository of the course without lessons."""
    path = make_repository(tmp_path_factory.mktemp("repository"))
    publish(path, outline)
    return path


def make_repository(folder):
    git("init", "--quiet", "--bare", folder / "course.git")
    return folder / "course.git"


def publish(repository, tree):
    tree = (f"--git-dir={repository}", f"--work-tree={tree}")
    git(*tree, "add", "--all")
    git(*tree, "commit", "--quiet", "--allow-empty", "-m", "as it is now")


@pytest.fixture
def colab(tmp_path, monkeypatch, repository):
    """An empty folder to put a notebook into, in an environment like Colab's."""
    (tmp_path / "modules" / "google" / "colab").mkdir(parents=True)
    (tmp_path / "modules" / "google" / "colab" / "__init__.py").touch()
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-colab.py").write_text("import google.colab\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    monkeypatch.setenv("COURSE_REPOSITORY", repository.as_uri())
    (tmp_path / "content").mkdir()
    return tmp_path / "content"


def run(path, folder, code_cells=None, **options):
    """Copy the notebook at `path` into `folder` and run it there, or only its first code cells; the executed notebook."""
    shutil.copy(path, folder)
    notebook = execute.cleared(nbformat.read(folder / path.name, as_version=4))
    chosen = execute.code_cells(notebook)[:code_cells]
    client = NotebookClient(notebook, km=execute.AsyncKernelManager(kernel_spec_manager=execute.ThisPython()),
                            timeout=240, resources={"metadata": {"path": str(folder)}}, **options)
    with client.setup_kernel(cleanup_kc=True):
        for index, cell in enumerate(notebook.cells):
            if any(cell is one for one in chosen):
                began = time.monotonic()
                client.execute_cell(cell, index)
                if cell is chosen[0]:
                    print(f"{path.stem}: the bootstrap cell took {time.monotonic() - began:.1f} s")
    return notebook


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def packages():
    """Name and version of every package of this Python, seen from outside the course."""
    code = "from importlib.metadata import distributions as d; print(sorted((p.name, p.version, str(p._path)) for p in d()))"
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout


def pytest_generate_tests(metafunc):
    if "path" in metafunc.fixturenames:
        tried = PATHS if metafunc.config.getoption("alone") else [path for path in PATHS if path in (PATHS[0], WHOLE)]
        metafunc.parametrize("path", tried, ids=lambda path: path.stem)


def test_a_notebook_alone_fetches_the_course_and_begins(path, colab, whole_course, monkeypatch, pytestconfig):
    monkeypatch.setenv("COURSE_REPOSITORY", whole_course.as_uri())
    before = packages()
    whole = path == WHOLE or pytestconfig.getoption("alone")
    notebook = run(path, colab, None if whole else FIRST_CODE_CELLS)
    assert printed(notebook.cells[1]) == ""
    assert {found.name for found in colab.iterdir()} == {path.name, "cnn-visual-explanations"}
    assert packages() == before


def test_the_course_s_history_is_not_fetched(colab, repository, outline):
    publish(repository, outline)
    run(PATHS[0], colab, 1)
    assert git("-C", colab / "cnn-visual-explanations", "rev-list", "--count", "HEAD") == "1"


def test_without_a_network_one_sentence_says_what_to_do(colab, monkeypatch):
    monkeypatch.setenv("COURSE_REPOSITORY", (colab / "nowhere").as_uri())
    assert "check the network and run this cell again" in sentence_of(PATHS[0], colab)


def test_a_network_that_never_answers_ends_in_the_same_sentence(colab, monkeypatch):
    """The cell waits 100 seconds; here a `timeout` that goes before the real one shortens them."""
    shim = colab.parent / "bin" / "timeout"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nshift\nexec {shutil.which("timeout")} 1 "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "ext")
    monkeypatch.setenv("COURSE_REPOSITORY", "ext::sleep 60")
    assert "check the network and run this cell again" in sentence_of(PATHS[0], colab)
    assert [found.name for found in colab.iterdir()] == [PATHS[0].name]  # nothing half-cloned is left


def test_elsewhere_one_sentence_names_the_clone_to_open(colab, monkeypatch):
    monkeypatch.delenv("IPYTHONDIR")
    assert "run `git clone file://" in sentence_of(PATHS[0], colab)


@pytest.mark.parametrize("on_colab", [True, False])
def test_from_an_address_that_anybody_may_own_nothing_is_fetched(on_colab, colab, outline, monkeypatch):
    """A clone that is there is used as it is; where there is none, a sentence says what to do."""
    calls = git_calls(monkeypatch, colab.parent)
    monkeypatch.delenv("COURSE_REPOSITORY")
    if not on_colab:
        monkeypatch.delenv("IPYTHONDIR")
    path = unpublished(colab.parent / "one.ipynb")
    assert "only a placeholder: set COURSE_REPOSITORY to the course's own address" in sentence_of(path, colab)
    shutil.copytree(outline, colab / "cnn-visual-explanations")
    said = printed(run(path, colab, 1).cells[1])
    assert ("going on with it as it is" in said) == on_colab
    assert not calls.exists()


def git_calls(monkeypatch, folder, then="false"):
    """The file into which a pretended git writes what it is called with; then it runs another program."""
    shim = folder / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "$@" >> {folder / "calls"}\nexec {then} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    return folder / "calls"


def unpublished(path):
    """A notebook of a course whose address nobody has stamped yet."""
    cells = [nbformat.v4.new_markdown_cell("# One"),
             nbformat.v4.new_code_cell(bootstrap_cell("https://github.com/OWNER/cnn-visual-explanations"))]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def sentence_of(path, folder):
    """What the notebook shows of the error that stopped its bootstrap cell."""
    output, = run(path, folder, 1, allow_errors=True).cells[1].outputs
    assert output.ename == "NoCourse" and output.traceback == [output.evalue], "more than the sentence"
    return output.evalue


def test_an_old_clone_is_renewed_before_anything_of_it_is_used(colab, repository, outline, tmp_path_factory):
    clone = make_clone(repository, colab)
    newer = tmp_path_factory.mktemp("newer")
    shutil.copytree(outline, newer, dirs_exist_ok=True)
    (newer / "lecture_utils" / "quiet.py").write_text("print('the new course')\n")
    publish(repository, newer)
    assert printed(run(PATHS[0], colab, 1).cells[1]) == "the new course\n"
    assert git("-C", clone, "rev-parse", "HEAD") == git("-C", repository, "rev-parse", "HEAD")


def test_what_the_cell_has_just_cloned_is_not_fetched_once_more(colab, repository, monkeypatch):
    calls = git_calls(monkeypatch, colab.parent, then=shutil.which("git"))
    run(PATHS[0], colab, 1)
    assert calls.read_text().split()[0] == "clone" and "pull" not in calls.read_text()
    run(PATHS[0], colab, 1)
    assert "pull --ff-only" in calls.read_text()


def test_an_old_clone_that_holds_work_is_left_alone_and_named(colab, repository, monkeypatch):
    clone = make_clone(repository, colab)
    (clone / "LICENSE").write_text("mine")
    monkeypatch.setenv("COURSE_REPOSITORY", (colab / "nowhere").as_uri())
    said = printed(run(PATHS[0], colab, 1).cells[1])
    assert said.count("\n") == 1 and "could not be renewed" in said and "going on with it as it is" in said
    assert (clone / "LICENSE").read_text() == "mine"


def test_a_korean_notebook_alone_makes_the_package_speak_korean(colab, repository, outline, tmp_path_factory):
    told = tmp_path_factory.mktemp("told")
    shutil.copytree(outline, told, dirs_exist_ok=True)
    (told / "lecture_utils" / "quiet.py").write_text("import os\nprint(os.environ['COURSE_LANG'])\n")
    publish(repository, told)
    assert printed(run(KOREAN, colab, 1).cells[1]) == "ko\n"


def test_a_korean_notebook_says_in_korean_what_to_do(colab, repository, monkeypatch):
    monkeypatch.setenv("COURSE_REPOSITORY", (colab / "nowhere").as_uri())
    assert "네트워크를 확인하고 이 셀을 다시 실행하십시오" in sentence_of(KOREAN, colab)
    make_clone(repository, colab)
    said = printed(run(KOREAN, colab, 1).cells[1])
    assert said.count("\n") == 1 and "최신 상태로 바꾸지 못했습니다" in said


def make_clone(repository, folder):
    clone = folder / "cnn-visual-explanations"
    git("clone", "--quiet", "--depth", "1", repository.as_uri(), clone)
    return clone


@pytest.mark.parametrize("on_colab", [True, False])
@pytest.mark.parametrize("folder", ["notebooks", "my"])
def test_in_a_checkout_the_course_is_found_from_its_folders(folder, on_colab, colab, repository, monkeypatch):
    """Whoever has a clone of their own renews it themselves."""
    clone = make_clone(repository, colab)
    (clone / folder).mkdir(exist_ok=True)
    notebook = nbformat.read(PATHS[0], as_version=4)
    notebook.cells = [notebook.cells[1], nbformat.v4.new_code_cell("print(course)")]
    nbformat.write(notebook, colab / "one.ipynb")
    calls = git_calls(monkeypatch, colab.parent)
    if not on_colab:
        monkeypatch.delenv("IPYTHONDIR")
    assert printed(run(colab / "one.ipynb", clone / folder).cells[1]) == f"{clone}\n"
    assert not calls.exists()
