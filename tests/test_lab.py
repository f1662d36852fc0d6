"""Students' work survives: their copies in my/ meet git, an instructor's changes, dead kernels and full disks; and
work done in notebooks/ itself meets `update`."""
import errno
import os
import pathlib
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import lab, update
from tools.notebooks import execute

ROOT = pathlib.Path(__file__).resolve().parents[1]
ANSWER = "def double(x):\n    return 2 * x"


def git(folder, *words):
    return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=folder, check=True, text=True,
                          capture_output=True, env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull}).stdout


def write(path, *sources, **outputs):
    cells = [new_markdown_cell("# One"), *(new_code_cell(source, id=f"c{n}", **outputs) for n, source in enumerate(sources))]
    cells[0].id = "title"
    nbformat.write(new_notebook(cells=cells), path)


def answer(path):
    """Solve the exercise and save, as a student does."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].source = ANSWER
    nbformat.write(notebook, path)


def run(path):
    """Run the notebook and save it with its outputs, as JupyterLab does."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, km=execute.AsyncKernelManager(kernel_spec_manager=execute.ThisPython()), timeout=60).execute()
    nbformat.write(notebook, path)


@pytest.fixture
def instructor(tmp_path):
    """The instructor's repository: two notebooks, and the course's own .gitignore."""
    root = tmp_path / "instructor"
    (root / "notebooks").mkdir(parents=True)
    shutil.copy(ROOT / ".gitignore", root)
    write(root / "notebooks" / "01_one.ipynb", "1 + 1", "def double(x):\n    ...")
    write(root / "notebooks" / "02_two.ipynb", "2 + 2")
    git(root, "init", "--quiet")
    commit(root)
    return root


@pytest.fixture
def student(instructor):
    """A clone of it whose copies are made."""
    root = instructor.with_name("student")
    git(instructor.parent, "clone", "--quiet", str(instructor), str(root))
    assert lab.copy_notebooks(root) == ["Copied into my/, to work in: 01_one, 02_two."]
    return root


def write_korean(root, source):
    (root / "notebooks" / "ko").mkdir(exist_ok=True)
    write(root / "notebooks" / "ko" / "01_one.ipynb", source, "def double(x):\n    ...")


def commit(root):
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "x")


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_copy_gives_no_result_away(instructor):
    """The course's notebooks are committed executed; who works in a copy predicts first."""
    run(instructor / "notebooks" / "01_one.ipynb")
    lab.copy_notebooks(instructor)
    course, mine = (nbformat.read(instructor / folder / "01_one.ipynb", as_version=4) for folder in ("notebooks", "my"))
    assert any(cell.get("outputs") for cell in course.cells)
    assert [cell.source for cell in mine.cells] == [cell.source for cell in course.cells]
    assert [(cell.outputs, cell.execution_count) for cell in mine.cells if cell.cell_type == "code"]\
        == [([], None)] * 2


def test_the_korean_notebooks_have_copies_of_their_own(instructor):
    write_korean(instructor, "1 + 1")
    assert lab.copy_notebooks(instructor, "ko") == ["my/ko/ 폴더에 실습용 사본을 만들었습니다: 01_one."]
    assert [path.name for path in (instructor / "my").iterdir()] == ["ko"]
    write_korean(instructor, "1 + 2")
    told, = lab.copy_notebooks(instructor, "ko")
    assert told.startswith("my/ko/01_one.ipynb: 사본을 만든 뒤에 강의 노트북이 바뀌었습니다.")


@pytest.mark.parametrize(("arguments", "language", "place"), [
    (["--lang", "ko"], "", "my/ko"), ([], "ko", "my/ko"), ([], "", "my"), (["--lang=en"], "ko", "my"), ([], "fr", "my")])
def test_lab_opens_the_copies_of_the_language_that_is_asked_for(instructor, monkeypatch, arguments, language, place):
    write_korean(instructor, "1 + 1")
    opened = []
    monkeypatch.setattr("jupyterlab.labapp.main", opened.append)
    monkeypatch.setattr(lab, "ROOT", instructor)
    monkeypatch.setenv("COURSE_LANG", language)
    lab.main([*arguments, "--no-browser"])
    assert opened == [[f"--ServerApp.root_dir={instructor}", f"--LabApp.default_url=/lab/tree/{place}", "--no-browser"]]


def test_work_in_a_korean_notebook_is_moved_beside_its_copies(instructor):
    """`course.py update` finds what was done in notebooks/ko/ as it does in notebooks/."""
    write_korean(instructor, "1 + 1")
    commit(instructor)
    student = instructor.with_name("student")
    git(instructor.parent, "clone", "--quiet", str(instructor), str(student))
    lab.copy_notebooks(student, "ko")
    answer(student / "notebooks" / "ko" / "01_one.ipynb")
    said = []
    update.update(student, said.append)
    assert said[0] == "Your work in notebooks/ko/01_one.ipynb now lies in my/ko/01_one_2.ipynb."
    assert git(student, "status", "--porcelain") == ""
    assert files(student / "my" / "ko").keys() == {"01_one.ipynb", "01_one_2.ipynb"}


@pytest.mark.parametrize("works", [(run,), (answer,), (answer, run)], ids=["a run", "an exercise", "both"])
def test_a_pull_after_work_conflicts_with_nothing_and_loses_nothing(instructor, student, works):
    for work in works:
        work(student / "my" / "01_one.ipynb")
    (student / "my" / "notes.txt").write_text("mine")
    before = files(student / "my")
    write(instructor / "notebooks" / "01_one.ipynb", "1 + 2", "def double(x):\n    return None")
    (instructor / "notebooks" / "02_two.ipynb").unlink()
    write(instructor / "notebooks" / "03_three.ipynb", "3 + 3")
    commit(instructor)
    git(student, "pull", "--quiet", "--ff-only")
    assert files(student / "my") == before and git(student, "status", "--porcelain") == ""
    assert files(student / "notebooks") == files(instructor / "notebooks")
    told = lab.copy_notebooks(student)
    assert told[0] == "Copied into my/, to work in: 03_three."
    assert len(told) == 2 and told[1].startswith("my/01_one.ipynb: the course's notebook has changed since your copy.")
    assert {name: files(student / "my")[name] for name in before} == before


@pytest.mark.parametrize("works", [(run,), (answer,), (answer, run)], ids=["a run", "an exercise", "both"])
def test_work_in_the_course_s_own_folder_is_moved_before_the_pull(instructor, student, works):
    for work in works:
        work(student / "notebooks" / "01_one.ipynb")
    worked = (student / "notebooks" / "01_one.ipynb").read_bytes()
    before = files(student / "my")
    write(instructor / "notebooks" / "01_one.ipynb", "1 + 2", "def double(x):\n    return None")
    commit(instructor)
    assert updated(student)[:2] == ["Your work in notebooks/01_one.ipynb now lies in my/01_one_2.ipynb.",
                                    "The course was renewed."]
    assert files(student / "my") == before | {"01_one_2.ipynb": worked}
    assert files(student / "notebooks") == files(instructor / "notebooks")
    assert git(student, "status", "--porcelain") == ""


def test_an_update_with_nothing_new_says_so_and_changes_nothing(student):
    before = files(student / "my")
    assert updated(student) == ["The course is up to date."] and files(student / "my") == before


def test_a_pull_that_git_refuses_says_why_and_loses_nothing(instructor, student):
    (student / ".gitignore").write_text("mine")
    (instructor / ".gitignore").write_text("the instructor's")
    commit(instructor)
    with pytest.raises(update.NotUpdated, match=r"\.gitignore(.|\n)*course stays as it is, and so does your work"):
        updated(student)
    assert (student / ".gitignore").read_text() == "mine"
    follow(student / ".gitignore", student, instructor)


def test_without_a_network_an_update_says_so(instructor, student):
    instructor.rename(instructor.with_name("gone"))
    answer(student / "notebooks" / "01_one.ipynb")
    worked = (student / "notebooks" / "01_one.ipynb").read_bytes()
    with pytest.raises(update.NotUpdated, match="Without a network, run the same command again later"):
        updated(student)
    assert (student / "my" / "01_one_2.ipynb").read_bytes() == worked


def test_an_update_that_gets_no_answer_ends(student, monkeypatch):
    monkeypatch.setattr(update, "SECONDS", 0.5)
    git(student, "config", "remote.origin.url", "ext::sleep 20")
    git(student, "config", "protocol.ext.allow", "always")
    with pytest.raises(update.NotUpdated, match="No answer came in 0.5 s. Check the network"):
        updated(student)


def test_a_full_disk_keeps_the_work_where_it_was(student, monkeypatch):
    answer(student / "notebooks" / "01_one.ipynb")
    before = files(student / "my"), files(student / "notebooks")
    monkeypatch.setattr(update.shutil, "copyfile", copy_half)
    with pytest.raises(OSError, match="No space left"):
        updated(student)
    assert (files(student / "my"), files(student / "notebooks")) == before


def copy_half(source, target):
    write_half(target, source.read_text(), "utf-8")


# ---- what an update must not take, and what it must not claim


def test_a_pull_that_would_need_a_merge_is_refused(instructor, student):
    write(student / "notebooks" / "02_two.ipynb", "mine")
    git(student, "commit", "--quiet", "-a", "-m", "mine")
    write(instructor / "notebooks" / "01_one.ipynb", "changed")
    commit(instructor)
    before = git(student, "rev-parse", "HEAD")
    with pytest.raises(update.NotUpdated, match="course stays as it is"):
        updated(student)
    assert git(student, "rev-parse", "HEAD") == before and git(student, "status", "--porcelain") == ""


def test_a_course_that_brings_a_my_of_its_own_is_refused(instructor, student):
    """Git overwrites what it ignores without asking: the student's copies would be gone."""
    answer(student / "my" / "01_one.ipynb")
    before, head = files(student / "my"), git(student, "rev-parse", "HEAD")
    (instructor / "my").mkdir()
    write(instructor / "my" / "01_one.ipynb", "the instructor's own")
    git(instructor, "add", "--force", "my")
    commit(instructor)
    with pytest.raises(update.NotUpdated, match="would overwrite your copies in my/.*Tell whoever maintains the course"):
        updated(student)
    assert files(student / "my") == before and git(student, "rev-parse", "HEAD") == head


def test_nothing_in_my_is_ever_part_of_the_course():
    """Else every pull would overwrite the students' copies."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git repository")
    assert git(ROOT, "ls-files", "--cached", "--", lab.MINE) == ""
    ignored = subprocess.run(["git", "check-ignore", "--quiet", f"{lab.MINE}/01.ipynb"], cwd=ROOT)
    assert ignored.returncode == 0


def test_data_that_a_student_added_is_not_overwritten(instructor, student):
    (student / "data").mkdir()
    (student / "data" / "NEU.zip").write_text("mine")
    (instructor / "data").mkdir()
    (instructor / "data" / "NEU.zip").write_text("the instructor's")
    git(instructor, "add", "--force", "data")
    commit(instructor)
    with pytest.raises(update.NotUpdated, match=r"NEU\.zip"):
        updated(student)
    assert (student / "data" / "NEU.zip").read_text() == "mine"


@pytest.mark.parametrize("around", [False, True], ids=["alone", "inside another repository"])
def test_an_unpacked_zip_says_how_it_is_renewed(instructor, student, around, tmp_path_factory):
    outside = tmp_path_factory.mktemp("downloads")
    if around:
        git(instructor.parent, "clone", "--quiet", str(instructor), str(outside / "other"))
        outside /= "other"
        write(instructor / "notebooks" / "02_two.ipynb", "changed")
        commit(instructor)
    unzipped = outside / "cnn-visual-explanations-main"
    shutil.copytree(student, unzipped, ignore=shutil.ignore_patterns(".git"))
    answer(unzipped / "notebooks" / "01_one.ipynb")
    before = files(unzipped / "my"), files(unzipped / "notebooks")
    with pytest.raises(update.NotUpdated, match="(?s)was not cloned.*zip.*my/"):
        updated(unzipped)
    assert (files(unzipped / "my"), files(unzipped / "notebooks")) == before
    if around:
        assert git(outside, "rev-parse", "HEAD") != git(instructor, "rev-parse", "HEAD"), "the other repository was pulled"


def test_a_clone_whose_git_folder_is_damaged_is_not_taken_for_the_one_around_it(instructor, student):
    """An interrupted clone or a half copied folder: .git is there, and git goes on looking further up."""
    inner = instructor / "cnn-visual-explanations"
    shutil.copytree(student, inner, ignore=shutil.ignore_patterns(".git"))
    (inner / ".git").mkdir()
    answer(inner / "notebooks" / "01_one.ipynb")
    before = files(inner / "my"), files(instructor / "notebooks")
    with pytest.raises(update.NotUpdated, match="was not cloned"):
        updated(inner)
    assert (files(inner / "my"), files(instructor / "notebooks")) == before


def test_a_lock_that_git_left_behind_makes_no_second_copy(student):
    answer(student / "notebooks" / "01_one.ipynb")
    worked = (student / "notebooks" / "01_one.ipynb").read_bytes()
    (student / ".git" / "index.lock").touch()
    for _ in range(3):
        with pytest.raises(update.NotUpdated, match=r"index\.lock"):
            updated(student)
    assert sorted(files(student / "my")) == ["01_one.ipynb", "01_one_2.ipynb", "02_two.ipynb"]
    (student / ".git" / "index.lock").unlink()
    assert updated(student)[0] == "Your work in notebooks/01_one.ipynb now lies in my/01_one_2.ipynb."
    assert files(student / "my")["01_one_2.ipynb"] == worked and len(files(student / "my")) == 3
    answer(student / "notebooks" / "01_one.ipynb")
    run(student / "notebooks" / "01_one.ipynb")  # other work gets another name
    assert updated(student)[0] == "Your work in notebooks/01_one.ipynb now lies in my/01_one_3.ipynb."


def test_a_file_of_one_s_own_in_the_way_is_to_be_moved_not_checked_out(instructor, student):
    (student / "notes.md").write_text("mine")
    (instructor / "notes.md").write_text("the instructor's")
    commit(instructor)
    with pytest.raises(update.NotUpdated, match=r"(?s)notes\.md.*move") as caught:
        updated(student)
    assert "git checkout" not in str(caught.value) and (student / "notes.md").read_text() == "mine"
    follow(student / "notes.md", student, instructor)


def follow(advice_for, student, instructor):
    """Move the file away, as the sentence says, and run the same command again: the course is renewed."""
    advice_for.rename(student.with_name("moved away"))
    assert "The course was renewed." in updated(student)
    assert advice_for.read_bytes() == (instructor / advice_for.name).read_bytes()


def test_a_conflict_with_changes_that_git_put_aside_is_not_called_a_renewal(instructor, student):
    git(student, "config", "merge.autoStash", "true")
    git(student, "config", "rebase.autoStash", "true")
    (student / ".gitignore").write_text("mine")
    (instructor / ".gitignore").write_text("the instructor's")
    commit(instructor)
    with pytest.raises(update.NotUpdated, match=r"\.gitignore"):
        updated(student)
    assert (student / ".gitignore").read_text() == "mine" and git(student, "stash", "list") == ""


@pytest.mark.parametrize("staged", [("add", "notebooks"), ("commit", "--quiet", "-a", "-m", "x")], ids=["add", "commit"])
def test_work_is_found_however_far_git_has_it(student, staged):
    """Staged work is moved; committed work is the student's own branch, and stays."""
    answer(student / "notebooks" / "01_one.ipynb")
    worked = (student / "notebooks" / "01_one.ipynb").read_bytes()
    git(student, *staged)
    said = updated(student)
    if staged[0] == "add":
        assert said[0] == "Your work in notebooks/01_one.ipynb now lies in my/01_one_2.ipynb."
        assert files(student / "my")["01_one_2.ipynb"] == worked and git(student, "status", "--porcelain") == ""
    else:
        assert (student / "notebooks" / "01_one.ipynb").read_bytes() == worked


def test_a_notebook_that_is_gone_comes_back(instructor, student):
    """An interrupted checkout removes the old file before it writes the new one."""
    before = files(student / "my"), files(student / "notebooks")
    (student / "notebooks" / "01_one.ipynb").unlink()
    assert updated(student) == ["notebooks/01_one.ipynb was missing and is back.", "The course is up to date."]
    assert (files(student / "my"), files(student / "notebooks")) == before


def test_names_in_hangul_are_names(instructor, student):
    write(instructor / "notebooks" / "10_한글 이름.ipynb", "1 + 1", "def double(x):\n    ...")
    commit(instructor)
    assert "Copied into my/, to work in: 10_한글 이름." in updated(student)
    answer(student / "notebooks" / "10_한글 이름.ipynb")
    assert updated(student)[0] == "Your work in notebooks/10_한글 이름.ipynb now lies in my/10_한글 이름_2.ipynb."


def test_a_name_in_hangul_needs_no_locale_that_knows_it(instructor, student):
    write(instructor / "notebooks" / "10_한글.ipynb", "1 + 1", "def double(x):\n    ...")
    commit(instructor)
    updated(student)
    answer(student / "notebooks" / "10_한글.ipynb")
    code = ("import pathlib, sys; from tools import update; "
            "update.update(pathlib.Path(sys.argv[1]), lambda line: print(ascii(line)))")
    done = subprocess.run([sys.executable, "-c", code, str(student)], capture_output=True, text=True, timeout=60,
                          env=os.environ | NO_UTF8 | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert (student / "my" / "10_한글_2.ipynb").is_file() and "UnicodeDecodeError" not in done.stderr


NO_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_ctrl_c_in_the_middle_of_a_checkout_loses_nothing(student, monkeypatch):
    """What git leaves when it is interrupted there: the old file is gone, the new one not yet written."""
    path, git_itself = student / "notebooks" / "01_one.ipynb", update.git
    original = path.read_bytes()
    answer(path)
    worked = path.read_bytes()

    def interrupted(root, *words):
        if words[0] == "checkout":
            path.unlink()
            raise KeyboardInterrupt
        return git_itself(root, *words)

    with monkeypatch.context() as patch:
        patch.setattr(update, "git", interrupted)
        patch.setattr(update, "ROOT", student)
        with pytest.raises((SystemExit, KeyboardInterrupt)) as caught:
            update.main()
    assert "Interrupted" in str(caught.value) and "same command again" in str(caught.value)
    assert updated(student)[0] == "notebooks/01_one.ipynb was missing and is back."
    assert path.read_bytes() == original and files(student / "my")["01_one_2.ipynb"] == worked


# ---- notebooks that are none


@pytest.mark.parametrize("text", [
    "", "not a notebook", "[]", "null", "5", '"x"', "{}", '{"cells": []}', '{"metadata": null, "nbformat": 4}',
    '{"metadata": [], "nbformat": 4}', '{"nbformat": 2, "metadata": {}}', '{"nbformat": "4"}', '{"nbformat": 99}',
    '{"cells": null, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "<<<<<<< HEAD\n{}", "[" * 100_000,
    '{"cells": [{}], "metadata": {"copy_of": 5}, "nbformat": 4, "nbformat_minor": 5}', b"\xff\xfe\x00", None],
    ids=lambda text: ascii(text)[:24])
def test_a_broken_copy_is_the_student_s_own_business(student, text):
    mine = student / "my" / "01_one.ipynb"
    mine.unlink()
    if text is None:
        mine.mkdir()
    else:
        mine.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert lab.copy_notebooks(student) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows lets few users make links")
def test_a_link_to_a_disk_that_is_not_there_stays(student):
    mine = student / "my" / "01_one.ipynb"
    mine.unlink()
    mine.symlink_to("/nowhere/01_one.ipynb")
    assert lab.copy_notebooks(student) == [] and mine.is_symlink()


@pytest.mark.parametrize("has_copy", [True, False])
@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n{}", "", '{"cells": [{}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'])
def test_a_broken_notebook_of_the_course_is_named_and_the_others_are_copied(student, text, has_copy):
    (student / "notebooks" / "01_one.ipynb").write_text(text)
    (student / "my" / "02_two.ipynb").unlink()
    if not has_copy:
        (student / "my" / "01_one.ipynb").unlink()
    before = files(student / "my")
    copied, broken = lab.copy_notebooks(student)
    assert copied == "Copied into my/, to work in: 02_two."
    assert broken.startswith("notebooks/01_one.ipynb can't be read") and "python3 course.py update" in broken
    assert {name: files(student / "my")[name] for name in before} == before


def test_what_a_text_cell_says_and_what_a_code_cell_says_are_two_things(student):
    notebook = nbformat.read(student / "notebooks" / "01_one.ipynb", as_version=4)
    notebook.cells[1] = new_markdown_cell(notebook.cells[1].source, id=notebook.cells[1].id)
    nbformat.write(notebook, student / "notebooks" / "01_one.ipynb")
    told, = lab.copy_notebooks(student)
    assert told.startswith("my/01_one.ipynb: the course's notebook has changed since your copy.")


def updated(student):
    said = []
    update.update(student, said.append)
    return said


def test_updating_is_told_in_the_reader_s_language(student, monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "ko")
    answer(student / "notebooks" / "01_one.ipynb")
    assert updated(student)[:2] == [
        "notebooks/01_one.ipynb에서 작업한 것을 my/01_one_2.ipynb로 옮겼습니다.", "이미 최신판입니다."]


def test_renaming_the_old_copy_brings_a_new_one_beside_it(instructor, student):
    answer(student / "my" / "01_one.ipynb")
    write(instructor / "notebooks" / "01_one.ipynb", "changed")
    commit(instructor)
    git(student, "pull", "--quiet", "--ff-only")
    (student / "my" / "01_one.ipynb").rename(student / "my" / "01_one_old.ipynb")
    assert lab.copy_notebooks(student) == ["Copied into my/, to work in: 01_one."]
    assert nbformat.read(student / "my" / "01_one_old.ipynb", as_version=4).cells[2].source == ANSWER
    assert nbformat.read(student / "my" / "01_one.ipynb", as_version=4).cells[1].source == "changed"
    assert lab.copy_notebooks(student) == []


def test_outputs_computed_anew_are_no_change(student):
    write(student / "notebooks" / "01_one.ipynb", "1 + 1", "def double(x):\n    ...",
          outputs=[new_output("stream", text="new\n")])
    assert lab.copy_notebooks(student) == []


def test_whatever_stands_in_my_is_left_alone(student):
    (student / "my" / "01_one.ipynb").write_text("not a notebook")
    (student / "my" / "02_two.ipynb").write_text("[]")
    assert lab.copy_notebooks(student) == []
    assert (student / "my" / "01_one.ipynb").read_text() == "not a notebook"


def test_a_killed_kernel_and_cleared_outputs_lose_no_saved_answer(student):
    path = student / "my" / "01_one.ipynb"
    answer(path)
    saved = path.read_bytes()
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(new_code_cell("import os\nos._exit(9)"))
    with pytest.raises(DeadKernelError):
        NotebookClient(notebook, km=execute.AsyncKernelManager(kernel_spec_manager=execute.ThisPython()), timeout=60).execute()
    assert path.read_bytes() == saved
    nbformat.write(execute.cleared(nbformat.read(path, as_version=4)), path)
    assert lab.copy_notebooks(student) == []
    assert nbformat.read(path, as_version=4).cells[2].source == ANSWER


def test_a_full_disk_leaves_no_half_written_file(student, monkeypatch):
    before = files(student / "my")
    write(student / "notebooks" / "03_three.ipynb", "3 + 3")
    monkeypatch.setattr(pathlib.Path, "write_text", write_half)
    monkeypatch.setattr(lab, "ROOT", student)
    with pytest.raises(SystemExit, match=re.escape("(No space left on device). Make room there")):
        lab.main([])
    assert files(student / "my") == before
    monkeypatch.undo()
    assert lab.copy_notebooks(student) == ["Copied into my/, to work in: 03_three."]


def write_half(path, text, encoding):
    with open(path, "w", encoding=encoding) as file:
        file.write(text[:len(text) // 2])
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


@pytest.mark.skipif(os.name != "posix", reason="limits the size of a file, as only POSIX can")
def test_a_save_that_finds_the_disk_full_keeps_the_saved_answer(student):
    """Jupyter's own writer, in a process whose files must not grow beyond 50 kB."""
    path = student / "my" / "01_one.ipynb"
    answer(path)
    saved = path.read_bytes()
    code = ("import resource, sys, nbformat\n"
            "from jupyter_server.services.contents.filemanager import FileContentsManager\n"
            "from nbformat.v4 import new_markdown_cell, new_notebook\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
            "large = {'type': 'notebook', 'content': new_notebook(cells=[new_markdown_cell('x' * 200_000)])}\n"
            "FileContentsManager(root_dir=sys.argv[1]).save(large, '01_one.ipynb')\n")
    done = subprocess.run([sys.executable, "-c", code, str(path.parent)], capture_output=True, text=True, timeout=60)
    assert done.returncode and "File too large" in done.stderr, done.stderr
    assert path.read_bytes() == saved


def test_links_lead_somewhere_from_my(tmp_path):
    """What notebooks/ and my/ have in common: they lie side by side, and both hold every notebook."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copy(ROOT / "README.md", tmp_path)
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data" / "README.md", tmp_path / "data")
    lab.copy_notebooks(tmp_path)
    for path in (tmp_path / "my").glob("*.ipynb"):
        prose = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
        for target in re.findall(r"\]\(([\w./]+\.(?:ipynb|md))", prose):
            assert (path.parent / target).is_file(), (path.name, target)


# ---- again and again


def test_work_of_every_update_is_kept_beside_that_of_the_last(student):
    before = files(student / "my")
    for number in (2, 3, 4):
        write(student / "notebooks" / "01_one.ipynb", f"{number} + {number}")
        before[f"01_one_{number}.ipynb"] = (student / "notebooks" / "01_one.ipynb").read_bytes()
        assert updated(student)[0] == f"Your work in notebooks/01_one.ipynb now lies in my/01_one_{number}.ipynb."
    assert files(student / "my") == before


def test_git_asks_nobody_for_a_password(student):
    assert update.git(student, "-c", "alias.ask=!echo $GIT_TERMINAL_PROMPT", "ask") == "0"
