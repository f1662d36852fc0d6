"""The tools behind course.py, run for real on small notebooks in a checkout of their own."""
import base64
import errno
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from tools import run, stamp
from tools.notebooks import execute, normalize, output_folder, pages, pictures, title_cell, translation

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOT = base64.b64encode(base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")).decode()
FIGURE = f'display({{"image/png": "{DOT}"}}, raw=True, metadata={{"image/png": {{"alt": "a <dot>"}}}})'
TITLE = """# How {}
One *sentence* of promise.

| | |
|---|---|
| You will be able to | test |
| Minutes | 5 |
| CPU seconds | 100 |
| Download (MB) | 0 |"""


DECK = """title: 1 and 2 · A deck
images: none

<!-- slide a, 2 min -->
# A
Notes:
A.

<!-- slide b, 3 min -->
# B
Notes:
B.
"""


def make_notebook(path, *cells):
    cells = [new_markdown_cell(TITLE.format(path.stem)), *cells]
    notebook = new_notebook(cells=cells, metadata={"course": {"minutes": 5, "cpu_seconds": 100, "download_mb": 0}})
    nbformat.write(notebook, path)
    return notebook


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout in which no test changes a notebook."""
    return make_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture
def own_checkout(tmp_path):
    """A checkout for one test alone."""
    return make_checkout(tmp_path)


def make_checkout(root):
    """Four notebooks: one that works, one that fails, one that hangs, one whose kernel dies."""
    for folder in ("tools", "classroom", "lecture_utils"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "docs").mkdir()
    (root / ".github" / "ISSUE_TEMPLATE").mkdir(parents=True)
    for name in ("conftest.py", "pyproject.toml", "CITATION.cff", "docs/glossary.toml", ".github/ISSUE_TEMPLATE/problem.yml"):
        shutil.copy(ROOT / name, root / name)
    folder = root / "notebooks"
    folder.mkdir()
    make_notebook(folder / "01_works.ipynb", new_code_cell("1 + 1"), new_code_cell(FIGURE),
                  new_markdown_cell(r"Then $x_1 < 2$ and [on](02_fails.ipynb#there), ![badge](https://far.away/b.svg)"),
                  new_code_cell("import os, sys\nprint(os.environ.get('COURSE_OFFLINE'), sys.prefix == '{}')".format(
                      sys.prefix.replace("\\", "\\\\"))))
    make_notebook(folder / "02_fails.ipynb", new_code_cell("before = 1"), new_code_cell("before / 0"), new_code_cell("3"))
    (root / "slides" / "en").mkdir(parents=True)
    (root / "slides" / "en" / "01_one.md").write_text(DECK)
    (root / "slides" / "INSTRUCTOR.md").write_text("x\n<!-- stamp: decks -->\nold\n<!-- /stamp -->\n")
    make_notebook(folder / "03_hangs.ipynb", new_code_cell("import time\ntime.sleep(300)"))
    make_notebook(folder / "04_dies.ipynb", new_code_cell("import os\nos._exit(3)"))
    return root


def tool(checkout, *arguments, **environment):
    return subprocess.run([sys.executable, *arguments], cwd=checkout, capture_output=True, text=True, timeout=240,
                          env=os.environ | environment)


@pytest.fixture(scope="module")
def finished_run(checkout):
    before = {path: path.read_bytes() for path in (checkout / "notebooks").iterdir()}
    done = tool(checkout, "-m", "tools.run", "run", "--cell-limit", "8")
    assert before == {path: path.read_bytes() for path in (checkout / "notebooks").iterdir()}, "run changed a notebook"
    return done


# ---- run


def test_run_fails_and_names_notebook_cell_and_error(finished_run):
    assert finished_run.returncode == 1
    assert "FAILED  02_fails, cell 2: ZeroDivisionError: division by zero" in finished_run.stderr
    assert "FAILED  03_hangs, cell 1: it took longer than 8 s" in finished_run.stderr
    assert "FAILED  04_dies, cell 1: the kernel died" in finished_run.stderr
    assert "Traceback" not in finished_run.stderr


def test_the_other_notebooks_still_run(finished_run):
    assert re.search(r"01_works +\d+ s  done: 3 cells", finished_run.stdout)


def test_run_says_where_to_look(finished_run, checkout):
    assert (checkout / "build" / "index.html").as_uri() in finished_run.stdout


def test_pages_load_nothing_from_the_network(finished_run, checkout):
    for page in (checkout / "build").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<script[^>]|<link (?!rel=\"icon\" href=\"data:)|<iframe|@import", text), page.name
        assert not re.search(r"(src|srcset)\s*=\s*[\"'](?!data:)", text), page.name


def test_a_page_shows_figures_with_alternative_text_formulas_and_links_to_pages(finished_run, checkout):
    text = (checkout / "build" / "01_works.html").read_text(encoding="utf-8")
    assert 'alt="a &lt;dot&gt;"' in text
    assert 'aria-label="x_1 &lt; 2"' in text and "<svg" in text and "$x_1" not in text
    assert 'href="02_fails.html#there"' in text


def test_a_failed_notebook_shows_how_far_it_came(finished_run, checkout):
    assert "ZeroDivisionError" in (checkout / "build" / "02_fails.html").read_text(encoding="utf-8")


def test_the_index_has_every_notebook_its_picture_and_its_failure(finished_run, checkout):
    text = (checkout / "build" / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}.html"' in text for name in ("01_works", "02_fails", "03_hangs", "04_dies"))
    assert text.count("<img") == 1 and text.count('class="failed"') == 3
    assert "One <em>sentence</em> of promise." in text and "5 minutes" in text


def test_a_notebook_that_takes_too_long_as_a_whole_is_stopped(own_checkout):
    done = tool(own_checkout, "-m", "tools.run", "run", "3", "--limit", "6")
    assert done.returncode == 1 and "it took longer than 6 s and was stopped" in done.stderr


@pytest.mark.parametrize("name, found", [
    ("3", "03_c"), ("03", "03_c"), ("01_a", "01_a"), ("notebooks/02_b.ipynb", "02_b"), ("02_b.ipynb", "02_b")])
def test_notebooks_are_found_by_number_name_or_path(tmp_path, name, found):
    for stem in ("01_a", "02_b", "03_c"):
        (tmp_path / f"{stem}.ipynb").touch()
    assert [path.stem for path in run.find_notebooks([name], tmp_path)] == [found]


def test_an_unknown_notebook_is_told_with_the_known_ones(tmp_path):
    (tmp_path / "01_a.ipynb").touch()
    with pytest.raises(SystemExit, match="no notebook '9'. There are 01_a"):
        run.find_notebooks(["9"], tmp_path)


@pytest.mark.parametrize("command", ["run", "notebooks"])
def test_where_nothing_can_be_written_nothing_is_computed(tmp_path, monkeypatch, command):
    (tmp_path / "file").touch()  # nothing can be made in a file, not even by root
    monkeypatch.setattr(run, "BUILD", tmp_path / "file" / "build")
    monkeypatch.setattr(run, "ROOT", tmp_path / "file")
    monkeypatch.setattr(run, "execute_all", lambda *_: pytest.fail("computed in vain"))
    monkeypatch.setattr(sys, "argv", ["run.py", command])
    with pytest.raises(SystemExit, match=r"file.* can't be written to \(Not a directory\).*folder of your own"):
        run.main()


def test_a_full_disk_is_noticed_before_and_told_after(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(output_folder.tempfile, "TemporaryFile", lambda dir: full())
        with pytest.raises(SystemExit, match="No space left on device"):
            output_folder.make_ready(tmp_path)
    monkeypatch.setattr(run, "BUILD", tmp_path)
    monkeypatch.setattr(run, "execute_all", lambda *_: [])
    monkeypatch.setattr(run, "write_pages", full)
    monkeypatch.setattr(sys, "argv", ["run.py", "run"])
    monkeypatch.setattr(os, "environ", os.environ.copy())
    with pytest.raises(SystemExit, match="No space left on device.*Make room there"):
        run.main()


def test_what_an_earlier_execution_left_is_cleared_its_widgets_state_too(tmp_path):
    executed = new_code_cell("1", execution_count=7, outputs=[new_output("stream", text="x")])
    notebook = make_notebook(tmp_path / "a.ipynb", executed)
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    clear = execute.cleared(notebook)
    assert clear.cells[1].outputs == [] and clear.cells[1].execution_count is None
    assert set(clear.metadata) == {"course"} and clear.metadata.course.minutes == 5


@pytest.mark.skipif(os.name != "posix", reason="lets sleep(1) stand for a kernel")
def test_a_process_that_is_ended_takes_its_kernel_with_it():
    """A kernel looks after its parent by itself only once a second, and only where process 1 adopts it."""
    code = "import subprocess; kernel = subprocess.Popen(['sleep', '600']); print(kernel.pid, flush=True); kernel.wait()"
    worker = object.__new__(execute.Worker)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as worker.process:
        kernel = int(worker.process.stdout.readline())
        assert is_alive(kernel)
        worker.kill()
    ended = time.monotonic() + 20
    while is_alive(kernel) and time.monotonic() < ended:
        time.sleep(0.02)
    assert not is_alive(kernel)
    worker.kill()  # once more, of what is gone


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_index_shows_an_error_as_it_is_written(tmp_path):
    run = execute.Run(tmp_path / "01_a.ipynb", cells=1, error="01_a, cell 1: TypeError: <class 'a'> & <b>")
    for notebook in (None, make_notebook(run.path)):
        run.notebook = notebook
        card = pages.card(run)
        assert "TypeError: &lt;class &#x27;a&#x27;&gt; &amp; &lt;b&gt;" in card and "<class" not in card and "<b>" not in card


# ---- doctor


def test_doctor_goes_on_without_a_package_that_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "tools.doctor", raising=False)
    import tools.doctor as doctor
    memory, = doctor.examine(doctor.check_memory)
    assert "psutil" in memory.found and "Delete the folder .venv" in memory.remedy
    assert not doctor.examine(doctor.check_python)[0].remedy


# ---- progress


class Screen:
    def __init__(self, is_terminal):
        self.text, self.is_terminal = "", is_terminal

    def isatty(self):
        return self.is_terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def a_run(seconds):
    return execute.Run(pathlib.Path("01_a.ipynb"), cells=9, cell=4, seconds=seconds)


def test_on_a_terminal_progress_is_one_line_written_over():
    screen = Screen(is_terminal=True)
    progress = execute.Progress(screen)
    progress.show([a_run(3), a_run(7)])
    assert "01_a  cell 4 of 9  3 s   01_a  cell 4 of 9  7 s" in screen.text and "\n" not in screen.text


def test_elsewhere_progress_speaks_every_fifteen_seconds():
    screen = Screen(is_terminal=False)
    progress = execute.Progress(screen)
    for seconds in range(40):
        progress.show([a_run(seconds)])
    assert screen.text == "01_a  cell 4 of 9  15 s\n01_a  cell 4 of 9  30 s\n"


# ---- notebooks: in place


def test_in_place_execution_saves_the_same_text_every_time(own_checkout):
    path = own_checkout / "notebooks" / "01_works.ipynb"
    done = tool(own_checkout, "-m", "tools.run", "notebooks", "1")
    assert done.returncode == 0, done.stderr
    first = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(first, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3]
    assert code[2].outputs[0].text == "1 True\n"  # the embedded data, and this environment's Python
    assert set(notebook.metadata) == {"course", "kernelspec", "language_info"}
    assert notebook.metadata.course.cpu_seconds <= 30 and title_cell.title_table(notebook)["CPU seconds"] != "100"
    tool(own_checkout, "-m", "tools.run", "notebooks", "1")
    assert path.read_text(encoding="utf-8") == first


def test_a_failed_notebook_is_not_saved(own_checkout):
    path = own_checkout / "notebooks" / "02_fails.ipynb"
    before = path.read_bytes()
    assert tool(own_checkout, "-m", "tools.run", "notebooks", "2").returncode == 1
    assert path.read_bytes() == before


@pytest.mark.parametrize("output, words", [
    (new_output("stream", name="stderr", text="UserWarning"), "writes to stderr"),
    (new_output("stream", name="stdout", text="/home/ann/course/x.png"), "a path"),
    (new_output("stream", name="stdout", text=f"{ROOT}/x.png"), "a path"),
    (new_output("execute_result", data={"text/plain": "<object at 0x7f0102030405>"}), "an address"),
    (new_output("error", ename="ValueError", evalue="", traceback=[]), "ends in ValueError"),
])
def test_outputs_that_must_not_be_committed_are_refused(tmp_path, output, words):
    notebook = make_notebook(tmp_path / "a.ipynb", new_code_cell("1"), new_code_cell("2", outputs=[output]))
    with pytest.raises(ValueError, match=f"cell 2: .*{words}"):
        normalize.normalize(notebook, 10)


def test_widgets_and_foreign_metadata_are_left_out(tmp_path):
    widget = new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "1"}})
    cell = new_code_cell("1", outputs=[widget], metadata={"tags": ["x"], "execution": {"started": "now"}})
    notebook = make_notebook(tmp_path / "a.ipynb", cell)
    notebook.metadata["widgets"] = {"state": 1}
    fit = normalize.normalize(notebook, 10)
    assert fit.cells[1].outputs == [] and fit.cells[1].metadata == {"tags": ["x"]} and "widgets" not in fit.metadata


@pytest.mark.parametrize("recorded, measured, kept", [(20, 24.9, 20), (20, 26, 30), (80, 95, 80), (80, 101, 105), (20, 3, 5)])
def test_recorded_seconds_change_only_with_a_real_change(tmp_path, recorded, measured, kept):
    notebook = make_notebook(tmp_path / "a.ipynb")
    notebook.metadata["course"]["cpu_seconds"] = recorded
    assert normalize.normalize(notebook, measured).metadata["course"]["cpu_seconds"] == kept


# ---- pictures


def picture(side, noise):
    """An output that is shown `side` pixels wide and drawn twice as fine."""
    image = Image.effect_noise((2 * side, 2 * side), noise).convert("RGB")
    file = io.BytesIO()
    image.save(file, format="PNG")
    return new_output("display_data", data={"image/png": base64.b64encode(file.getvalue()).decode()},
                      metadata={"image/png": {"alt": "noise", "width": side, "height": side}})


def width(output):
    return Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).width


def size(notebook):
    return len(nbformat.writes(notebook).encode())


@pytest.mark.parametrize("room, widths", [(1.0, (200, 200)), (0.9, (150, 200)), (0.35, (150, 150)), (0.15, (100, 150)),
                                          (0.0, (100, 100))])
def test_the_heaviest_pictures_give_way_until_the_file_fits(tmp_path, room, widths):
    heavy, light = picture(100, 60), picture(100, 15)
    dot = new_output("display_data", data={"image/png": DOT}, metadata={"image/png": {"alt": "shown as it is"}})
    notebook = make_notebook(tmp_path / "a.ipynb", new_code_cell("1", outputs=[light, dot]), new_code_cell("2", outputs=[heavy]))
    largest = int(room * size(notebook))
    pictures.fit(notebook, largest)
    assert (width(heavy), width(light), dot.data["image/png"]) == (*widths, DOT)
    assert (size(notebook) <= largest) == (room > 0)
    assert heavy.metadata["image/png"] == {"alt": "noise", "width": 100, "height": 100}


def test_saving_leaves_room_below_what_the_house_allows():
    assert pictures.LARGEST_FILE < 1_500_000


# ---- formulas


@pytest.mark.parametrize("tex", [
    r"L^c = \operatorname{ReLU}\Bigl(\sum_k \alpha_k^c A^k\Bigr)", r"\frac{\partial y^c}{\partial A^k_{ij}}",
    r"\begin{aligned} a &= b \\ &= c \end{aligned}", r"\underbrace{a+b}_{F^k}", r"\left.\frac{a}{b}\right|_{x}"])
def test_formulas_are_drawn(tex):
    drawing = pages.formula(tex)
    assert "<svg" in drawing and "&amp;=" not in re.sub('aria-label=".*?"', "", drawing)


def test_aligned_equations_stand_one_under_the_other():
    def height(drawing):
        return float(re.search(r'<svg[^>]*height="([\d.]+)"', drawing).group(1))

    assert height(pages.formula(r"\begin{aligned} a &= b \\ c &= d \end{aligned}")) > 1.5 * height(pages.formula("a = b"))


def test_a_formula_that_cannot_be_drawn_stays_readable():
    assert pages.formula(r"\frac{1") == r"<code>\frac{1</code>"


# ---- stamp


def stamped(checkout, address):
    """Set the address in pyproject.toml, stamp, and return the names of the files that still differ."""
    project = checkout / "pyproject.toml"
    project.write_text(re.sub(r'^Repository = .*$', f'Repository = "{address}"', project.read_text(), flags=re.MULTILINE))
    (checkout / "README.md").write_text("# x\n<!-- stamp: badges -->\n<!-- /stamp -->\n"
                                        "<!-- stamp: clone -->\nold\n<!-- /stamp -->\n"
                                        "<!-- stamp: map -->\n<!-- /stamp -->\n"
                                        "The <!-- stamp: notebooks -->99<!-- /stamp --> notebooks, "
                                        "<!-- stamp: decks --><!-- /stamp --> deck")
    assert tool(checkout, "-m", "tools.stamp").returncode == 0
    return tool(checkout, "-m", "tools.stamp", "--check")


def test_the_address_is_stamped_into_every_notebook_and_the_readme(own_checkout):
    address = "https://github.com/someone/a-course"
    done = stamped(own_checkout, address)
    assert done.returncode == 0, done.stdout
    notebook = nbformat.read(own_checkout / "notebooks" / "01_works.ipynb", as_version=4)
    assert "colab.research.google.com/github/someone/a-course/blob/main/notebooks/01_works.ipynb" in notebook.cells[0].source
    assert notebook.cells[1].metadata.tags == ["bootstrap"] and f'"{address}"' in notebook.cells[1].source
    assert title_cell.title_table(notebook)["Minutes"] == "5"  # the badge went in before the table
    readme = (own_checkout / "README.md").read_text()
    assert f"git clone {address}\ncd a-course" in readme and "v2/gh/someone/a-course/main" in readme
    assert "[How 01_works](notebooks/01_works.ipynb)" in readme
    assert "OWNER" not in "".join(path.read_text() for path in (own_checkout / "classroom").iterdir())
    classroom = (own_checkout / "classroom" / "README.md").read_text()
    assert ("git-pull?repo=https%3A%2F%2Fgithub.com%2Fsomeone%2Fa-course&branch=main"
            "&urlpath=lab%2Ftree%2Fa-course%2Fnotebooks") in classroom
    assert f"git clone {address} /opt/cnn-visual-explanations" in classroom
    assert f"COURSE_REPOSITORY: {address}\n" in (own_checkout / "classroom" / "zero-to-jupyterhub.yaml").read_text()
    assert f"repository-code: {address}" in (own_checkout / "CITATION.cff").read_text()


def test_notebooks_and_decks_are_counted_in_the_readme_and_listed_in_the_run_sheet_and_the_form_for_issues(own_checkout):
    stamped(own_checkout, "https://github.com/someone/a-course")
    last = (own_checkout / "README.md").read_text().splitlines()[-1]
    assert re.sub("<!--.*?-->", "", last) == "The four notebooks, one deck"
    sheet = own_checkout / "slides" / "INSTRUCTOR.md"
    listed = sheet.read_text()
    assert "\n| [Deck 1](#deck-1) · A deck | 5 | — | 2 | 1, 2 |\n<!-- /stamp -->\n" in listed and "old" not in listed
    form = yaml.safe_load((own_checkout / ".github" / "ISSUE_TEMPLATE" / "problem.yml").read_text(encoding="utf-8"))
    place, cell, machine, *_ = (field["attributes"] for field in form["body"])
    assert [name.split()[1] for name in place["options"][:4]] == ["01_works", "02_fails", "03_hangs", "04_dies"]
    assert "the lecture" in place["options"][4:]
    assert "cell" in cell["label"] and {"Colab", "my laptop or computer"} <= set(machine["options"])
    (own_checkout / "notebooks" / "04_dies.ipynb").unlink()
    (own_checkout / "slides" / "en" / "01_one.md").write_text(DECK.replace("3 min", "4 min"))
    told = tool(own_checkout, "-m", "tools.stamp", "--check").stdout
    assert sorted(told.splitlines()) == ["differs: .github/ISSUE_TEMPLATE/problem.yml", "differs: README.md",
                                         "differs: slides/INSTRUCTOR.md"]


@pytest.mark.parametrize("number, words", [(0, "no"), (1, "one"), (12, "twelve"), (13, "13")])
def test_a_number_in_a_sentence(number, words):
    assert stamp.in_words(number) == words


def test_check_names_the_file_that_differs_and_changes_nothing(own_checkout):
    stamped(own_checkout, "https://github.com/someone/a-course")
    path = own_checkout / "notebooks" / "02_fails.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("someone", "no-one"), encoding="utf-8")
    before = path.read_bytes()
    done = tool(own_checkout, "-m", "tools.stamp", "--check")
    assert done.returncode == 1 and done.stdout == "differs: notebooks/02_fails.ipynb\n" and path.read_bytes() == before


def test_pictures_come_from_the_notebooks_figures(own_checkout):
    output = new_output("display_data", data={"image/png": DOT}, metadata={"image/png": {"alt": "a <dot>"}})
    make_notebook(own_checkout / "notebooks" / "01_works.ipynb", new_code_cell("1", outputs=[output]))
    stamped(own_checkout, "https://github.com/someone/a-course")
    picture = own_checkout / "docs" / "pictures" / "01_works.png"
    assert picture.read_bytes() == base64.b64decode(DOT)
    assert '<img src="docs/pictures/01_works.png" width="180" alt="a &lt;dot&gt;">' in (own_checkout / "README.md").read_text()
    picture.unlink()
    assert tool(own_checkout, "-m", "tools.stamp", "--check").stdout == "differs: docs/pictures/01_works.png\n"


def test_a_check_refuses_the_placeholder_that_stands_for_an_address(own_checkout, monkeypatch, capsys):
    project = own_checkout / "pyproject.toml"
    project.write_text(re.sub(r"github\.com/[\w.-]+/", "github.com/OWNER/", project.read_text()))
    (own_checkout / "README.md").touch()
    monkeypatch.setattr(stamp, "ROOT", own_checkout)
    monkeypatch.setattr(sys, "argv", ["stamp.py"])
    stamp.main()
    assert "only a placeholder" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["stamp.py", "--check"])
    with pytest.raises(SystemExit, match="only a placeholder, which anybody may own.*pyproject.toml"):
        stamp.main()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("size, colour, other", [((20, 10), "white", True), ((10, 10), "red", True), ((10, 10), "white", False)])
def test_pictures_differ_in_size_or_pixels_but_not_in_compression(size, colour, other):
    """Of two sizes only what both have would be compared: a white picture cut in half looks the same there."""
    assert stamp.differ(png("white", (10, 10), compress_level=1), png(colour, size, compress_level=9)) == other
    assert stamp.differ(png(colour, size), png("white", (10, 10))) == other


def png(colour, size, **options):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, format="PNG", **options)
    return file.getvalue()


def test_an_address_that_colab_cannot_open_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project.urls]\nRepository = "ftp://x"\n[project]\nname = "x"\n')
    with pytest.raises(SystemExit, match="must read https://github.com/<owner>/<name>, not ftp://x"):
        stamp.repository_address(tmp_path)


def test_this_repository_is_stamped():
    differing = [path.relative_to(ROOT).as_posix() for path in stamp.stamped_texts(ROOT) | stamp.stamped_pictures(ROOT)]
    assert not differing, "run `python3 course.py stamp`"


# ---- the notebooks under nbval


def test_cells_that_never_ran_are_failures(checkout, tmp_path):
    """nbval alone calls the cells after a time-out expected failures and ends with status 0 but for the one cell."""
    shutil.copy(ROOT / "conftest.py", tmp_path)
    for folder in ("tools", "lecture_utils/language"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    make_notebook(tmp_path / "slow.ipynb", new_code_cell("import os, time"), new_code_cell("time.sleep(60)"), new_code_cell("1"))
    make_notebook(tmp_path / "offline.ipynb", new_code_cell(
        "import os\nassert os.environ['COURSE_OFFLINE'] == '1' and not os.listdir(os.environ['COURSE_DATA'])"))
    done = tool(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env",
                "--nbval-cell-timeout=5", ".", COURSE_DATA=str(ROOT), COURSE_OFFLINE="0")
    assert done.returncode == 1 and "2 failed, 2 passed" in done.stdout and "xfailed" not in done.stdout, done.stdout
    assert "not run, because an earlier cell timed out" in done.stdout


# ---- what is easily overlooked


def test_a_command_prepares_nothing_that_no_notebook_needs():
    done = tool(ROOT, "-c", "import sys, tools.run; "
                            "print(sorted({'nbformat', 'jsonschema', 'lark', 'tensorflow'} & set(sys.modules)))")
    assert done.stdout == "['jsonschema', 'nbformat']\n", done.stderr


def test_the_embedded_run_sees_nothing_that_a_maintainer_told_keras(tmp_path):
    (tmp_path / "home" / ".keras").mkdir(parents=True)
    (tmp_path / "home" / ".keras" / "keras.json").write_text('{"floatx": "float64"}')
    (tmp_path / "empty").mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_HOME"}
    done = subprocess.run([sys.executable, "-c", "import keras; print(keras.config.floatx())"], text=True, capture_output=True,
                          env=environment | {"HOME": str(tmp_path / "home")} | execute.embedded_environment(tmp_path / "empty"))
    assert done.stdout == "float32\n", done.stderr


def test_empty_cells_are_not_counted(tmp_path):
    make_notebook(tmp_path / "a.ipynb", new_code_cell("1"), new_code_cell("\n"), new_code_cell("2"))
    run, = execute.execute_all([tmp_path / "a.ipynb"], 60, 120, stream=Screen(is_terminal=False))
    code = [cell.execution_count for cell in run.notebook.cells if cell.cell_type == "code"]
    assert (run.error, run.cells, run.cell, code) == ("", 2, 2, [1, None, 2])


def test_a_number_finds_no_notebook_that_only_begins_with_it(tmp_path):
    for stem in ("02_b", "10_j"):
        (tmp_path / f"{stem}.ipynb").touch()
    assert [path.stem for path in run.find_notebooks(["10"], tmp_path)] == ["10_j"]
    with pytest.raises(SystemExit, match="no notebook '1'"):
        run.find_notebooks(["1"], tmp_path)


def test_a_path_of_this_computer_in_a_table_is_refused(tmp_path):
    output = new_output("execute_result", data={"text/plain": "a table", "text/html": "<td>/home/ann/x.png</td>"})
    with pytest.raises(ValueError, match="cell 1: shows a path"):
        normalize.normalize(make_notebook(tmp_path / "a.ipynb", new_code_cell("1", outputs=[output])), 10)


def test_the_title_table_says_the_seconds_that_the_metadata_say(tmp_path):
    fit = normalize.normalize(make_notebook(tmp_path / "a.ipynb"), 31)
    assert title_cell.title_table(fit)["CPU seconds"] == str(fit.metadata["course"]["cpu_seconds"]) == "35"


def test_a_title_cell_is_read_whatever_stands_first(tmp_path):
    badge = "[![Open in Colab](https://far.away/badge.svg)](https://far.away)"
    notebook = make_notebook(tmp_path / "a.ipynb")
    notebook.cells[0].source = notebook.cells[0].source.replace("One *sentence*", f"{badge}\n\nOne *sentence*")
    assert title_cell.promise(notebook) == "One *sentence* of promise."
    assert title_cell.title_table(notebook) == {"You will be able to": "test", "Minutes": "5", "CPU seconds": "100",
                                                "Download (MB)": "0"}


def test_a_formula_that_cannot_be_drawn_brings_no_html_in():
    assert pages.formula(r"\frac{a<b") == r"<code>\frac{a&lt;b</code>"


def test_links_to_notebooks_elsewhere_stay_what_they_are():
    html = pages.markdown("[here](02_b.ipynb), [a place](02_b.ipynb#part), [there](https://far.away/c.ipynb)")
    assert re.findall('href="(.*?)"', html) == ["02_b.html", "02_b.html#part", "https://far.away/c.ipynb"]


@pytest.mark.parametrize("size, expected", [((100, 50), (100, 50)), ((1120, 560), (560, 280))])
def test_a_thumbnail_is_never_larger_than_its_figure(size, expected):
    png = io.BytesIO()
    Image.new("RGB", size, "white").save(png, format="png", compress_level=0)       # so that any other file is smaller
    assert Image.open(io.BytesIO(pages.thumbnail(png.getvalue(), 560))).size == expected


# ---- the Korean edition


PROSE = """<!-- cell title -->
# 01_works

시험해 보는 노트북입니다.

| | |
|---|---|
| 배우고 나면 | 시험하기 |

<!-- cell said, code -->
two cats
=> 고양이 두 마리
"""


@pytest.fixture
def two_editions(own_checkout):
    """A checkout of one notebook in two languages, not yet run; its figure has a word in it."""
    folder = own_checkout / "notebooks"
    for path in folder.glob("*.ipynb"):
        path.unlink()
    make_notebook(folder / "01_works.ipynb", new_code_cell("print('two cats', 3)", id="said"), new_code_cell("1 + 1", id="sum"))
    notebook = nbformat.read(folder / "01_works.ipynb", as_version=4)
    notebook.cells[0].id = "title"
    nbformat.write(notebook, folder / "01_works.ipynb")
    (folder / "ko").mkdir()
    (folder / "ko" / "01_works.md").write_text(PROSE, encoding="utf-8")
    return own_checkout


def read_edition(checkout, place):
    return nbformat.read(checkout / "notebooks" / place / "01_works.ipynb", as_version=4)


def test_the_notebooks_of_both_languages_are_run_and_saved(two_editions):
    marked = tool(two_editions, "-m", "tools.run", "notebooks", "1", "--translated")
    assert (marked.returncode, marked.stdout) == (0, "notebooks/ko/01_works.md translates the English notebook as it is now.\n")
    done = tool(two_editions, "-m", "tools.run", "notebooks", "1", COURSE_LANG="ko")
    assert done.returncode == 0, done.stderr
    english, korean = read_edition(two_editions, ""), read_edition(two_editions, "ko")
    assert [cell.outputs[0].text for cell in (english.cells[1], korean.cells[1])] == ["two cats 3\n", "고양이 두 마리 3\n"]
    assert korean.cells[2] == english.cells[2] and korean.metadata.course.language == "ko"
    assert f"| CPU 시간(초) | {english.metadata.course.cpu_seconds} |" in korean.cells[0].source

    for text in ("README.md", "classroom/README.md"):
        (two_editions / text).write_text("")
    prose = two_editions / "notebooks" / "ko" / "01_works.md"
    prose.write_text(prose.read_text(encoding="utf-8").replace("시험해 보는", "연습하는"), encoding="utf-8")
    assert "stamped: notebooks/ko/01_works.ipynb" in tool(two_editions, "-m", "tools.stamp").stdout
    korean = read_edition(two_editions, "ko")
    assert "연습하는 노트북입니다." in korean.cells[0].source, "stamp renews the words"
    assert korean.cells[1].outputs[0].text == "고양이 두 마리 3\n", "and keeps the outputs"


def test_prose_that_is_out_of_date_is_named_and_the_english_notebook_saved(two_editions):
    done = tool(two_editions, "-m", "tools.run", "notebooks", "1")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "01_works.md: cell title: it translates an older English cell (none named, now " in done.stderr
    assert read_edition(two_editions, "").cells[1].outputs and not (two_editions / "notebooks/ko/01_works.ipynb").exists()


def test_the_pages_of_the_korean_notebooks_lie_in_a_folder_of_their_own(two_editions):
    english = two_editions / "notebooks" / "01_works.ipynb"
    translation.mark_translated(english, "ko")
    nbformat.write(translation.translated(english, "ko"), two_editions / "notebooks" / "ko" / "01_works.ipynb")
    done = tool(two_editions, "-m", "tools.run", "run", "--lang", "ko")
    index, page = ((two_editions / "build" / "ko" / name).read_text(encoding="utf-8") for name in ("index.html", "01_works.html"))
    assert done.returncode == 0 and '<html lang="ko">' in index and '<html lang="ko">' in page
    assert "노트북입니다" in page and "고양이 두 마리 3" in page and "본문으로 건너뛰기" in page and "Contents" not in page
    assert "이 컴퓨터에서 방금 실행한 노트북입니다." in index and "minutes to work" not in index
