"""A class on a JupyterHub: the settings say the same, a server starts whatever happens, and a simulated class gets through.

The simulated class runs with `--class`, where npm can fetch the hub's proxy.
"""
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import types

import pytest
import yaml
from nbformat.v4 import new_code_cell, new_notebook, new_output
from traitlets.config import Config

from classroom import simulate, start_server
from tools import lab

ROOT = pathlib.Path(__file__).resolve().parents[1]
KUBERNETES = yaml.safe_load((ROOT / "classroom" / "zero-to-jupyterhub.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def settings():
    """What course_hub.py sets."""
    config = Config()
    path = ROOT / "classroom" / "course_hub.py"
    exec(compile(path.read_text(), path, "exec"), {"get_config": lambda: config})
    return config.Spawner


# ---- the settings


def test_both_hubs_start_the_same_server_with_the_same_limits(settings):
    there = KUBERNETES["singleuser"]
    assert there["cmd"] == ["python3", "/srv/course/classroom/start_server.py", "jupyterhub-singleuser"]
    assert settings.cmd == ["python3", "/opt/cnn-visual-explanations/classroom/start_server.py", "jupyterhub-singleuser"]
    assert there["defaultUrl"] == settings.default_url == "/lab/tree/cnn-visual-explanations/my"
    assert there["memory"]["limit"] == settings.mem_limit and there["cpu"]["limit"] == settings.cpu_limit
    assert {**there["extraEnv"], "COURSE_REPOSITORY": ""} == {**settings.environment, "COURSE_REPOSITORY": ""}
    culling = there["extraFiles"]["kernels"]["data"]["MappingKernelManager"]
    assert sorted(settings.args) == sorted(f"--MappingKernelManager.{name}={value}" for name, value in culling.items())


def test_students_get_what_the_repository_has(settings):
    assert settings.environment["COURSE_REPOSITORY"] == "file:///opt/cnn-visual-explanations"
    assert (ROOT / "classroom" / "start_server.py").is_file() and lab.MINE == "my"


def test_nothing_of_the_hub_is_open_to_all():
    hub = KUBERNETES["hub"]["config"]
    assert hub["JupyterHub"]["admin_access"] is False and hub["JupyterHub"]["authenticator_class"] != "dummy"
    assert "allow_all" not in hub["Authenticator"]
    assert KUBERNETES["singleuser"]["cloudMetadata"]["blockWithIptables"] is True


def test_nobody_logs_in_over_a_network_in_clear():
    """On Kubernetes the settings ask for HTTPS; The Littlest JupyterHub is told by hand, as README.md says."""
    https = KUBERNETES["proxy"]["https"]
    assert https["enabled"] is True and https["hosts"] == ["YOUR-HUB"] and https["letsencrypt"]["contactEmail"]
    readme = (ROOT / "classroom" / "README.md").read_text(encoding="utf-8")
    assert "tljh-config set https.enabled true" in readme and "tljh-config reload proxy" in readme
    assert "subdomain_host" in readme and "wildcard" in readme


# ---- the start of a server


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A student's home, and a course to clone whose notebooks are two."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    course = tmp_path / "course"
    (course / "notebooks").mkdir(parents=True)
    shutil.copy(ROOT / ".gitignore", course)
    for name in ("01_one", "02_two"):
        simulate.nbformat.write(new_notebook(cells=[new_code_cell(f"print('{name}')")]), course / "notebooks" / f"{name}.ipynb")
    git(course, "init", "--quiet")
    commit(course)
    monkeypatch.setenv("COURSE_REPOSITORY", course.as_uri())
    return tmp_path / "home"


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=folder, check=True, capture_output=True,
                   env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull})


def commit(course):
    git(course, "add", "--all")
    git(course, "commit", "--quiet", "-m", "x")


def started(monkeypatch):
    """Run main() up to the moment at which the process would become the server; the command."""
    commands = []
    monkeypatch.setattr(sys, "argv", ["start_server.py", "jupyterhub-singleuser", "--port=1"])
    monkeypatch.setattr(os, "execvp", lambda name, words: commands.append((name, words)))
    start_server.main()
    return commands


SERVER = [("jupyterhub-singleuser", ["jupyterhub-singleuser", "--port=1"])]


def test_the_first_start_brings_the_course_and_the_student_s_copies(home, monkeypatch):
    assert started(monkeypatch) == SERVER
    assert sorted(path.name for path in (home / "cnn-visual-explanations" / "my").iterdir()) == ["01_one.ipynb", "02_two.ipynb"]
    assert [path.name for path in home.iterdir()] == ["cnn-visual-explanations"]


def test_the_next_start_renews_the_course_and_leaves_the_copies(home, monkeypatch):
    started(monkeypatch)
    mine = home / "cnn-visual-explanations" / "my" / "01_one.ipynb"
    mine.write_text(mine.read_text().replace("01_one", "my answer"))
    course = pathlib.Path(os.environ["COURSE_REPOSITORY"].removeprefix("file://"))
    simulate.nbformat.write(new_notebook(), course / "notebooks" / "03_three.ipynb")
    commit(course)
    assert started(monkeypatch) == SERVER
    assert "my answer" in mine.read_text() and (mine.parent / "03_three.ipynb").is_file()


def test_a_half_clone_of_an_interrupted_start_is_replaced(home, monkeypatch):
    (home / "cnn-visual-explanations.part" / ".git").mkdir(parents=True)
    assert started(monkeypatch) == SERVER
    assert [path.name for path in home.iterdir()] == ["cnn-visual-explanations"]


def test_without_the_course_the_server_starts_all_the_same(home, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_REPOSITORY", (home / "nowhere").as_uri())
    assert started(monkeypatch) == SERVER
    assert "The course was not renewed: " in capsys.readouterr().err


# ---- the simulation can fail


@pytest.fixture
def open_hub():
    """A server that answers whoever asks for anything, as no hub must."""
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield types.SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_an_open_hub_is_found_out(open_hub, monkeypatch):
    monkeypatch.setattr(simulate, "students_are_apart", lambda: False)
    student = types.SimpleNamespace(name="student1", web=simulate.requests.Session(), headers={})
    found = simulate.trespasses(open_hub, student, types.SimpleNamespace(name="student0", headers={}))
    assert len(found) == 21 and "/hub/admin was opened with nobody logged in" in found
    assert "/user/student0/api/terminals was opened with another's token" in found


def notebook(text):
    output = new_output("stream", text=text)
    return new_notebook(cells=[new_code_cell("print(1)", id="a", outputs=[output],
                                               metadata={"tags": ["nbval-check-output"]})])


def test_another_output_than_the_course_s_is_found_out():
    assert simulate.differences(notebook("1\n"), notebook("1\n")) == []
    assert simulate.differences(notebook("2\n"), notebook("1\n")) == ["cell a printed '2\\n' instead of '1\\n'"]
    assert simulate.differences(new_notebook(), notebook("1\n")) == ["cell a printed None instead of '1\\n'"]


def test_text_that_came_in_pieces_is_one_output():
    outputs = []
    for text in ("a", "b"):
        simulate.add(outputs, new_output("stream", text=text))
    simulate.add(outputs, new_output("stream", name="stderr", text="c"))
    assert [output.text for output in outputs] == ["ab", "c"]
    with pytest.raises(simulate.Failed, match="a cell failed: ValueError: no"):
        simulate.add(outputs, new_output("error", ename="ValueError", evalue="no"))


def test_a_kernel_that_is_gone_is_not_waited_for(monkeypatch):
    """Its server goes on pinging."""
    def ping(control_frame):
        time.sleep(0.01)
        return simulate.websocket.ABNF.OPCODE_PING, types.SimpleNamespace(data=b"")
    monkeypatch.setattr(simulate, "SECONDS", 0.1)
    monkeypatch.setattr(simulate.Kernel, "open", lambda self: None)
    kernel = simulate.Kernel("", {})
    kernel.socket = types.SimpleNamespace(send=lambda text: None, recv_data_frame=ping)
    with pytest.raises(simulate.Failed, match="a cell had no answer in 0.1 s"):
        kernel.run("1")


def test_the_projection_is_the_line_through_the_classes():
    rows = [simulate.Row(n, [], 0, 10 + 60 * n, 0.5 + 1.5 * n, 0, [0], [0], {}) for n in (1, 2, 4)]
    memory, cpu = simulate.projection(rows)
    assert memory == "Peak memory: 0.50 + 1.50 × students GB (off by at most 0.00); for 300: 450 GB."
    assert cpu.endswith("for 300: 18,010 s.")
    assert simulate.projection(rows[:2]) == []


@pytest.mark.parametrize("words, said", [
    (["100000"], "A class of 100000 needs about 250000 GB of memory"), (["0"], "classes of at least 1 student"),
    (["1", "--notebooks", "99"], "Name notebooks by their two digits")])
def test_a_class_that_cannot_be_held_is_refused_in_a_sentence(words, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["simulate.py", *words])
    with pytest.raises(SystemExit, match=said):
        simulate.main()


def test_without_npm_the_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(simulate, "BUILD", tmp_path)
    monkeypatch.setattr(simulate.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="install Node.js with npm"):
        simulate.prepare()


# ---- the class


def test_a_class_of_two_gets_through(pytestconfig):
    """One closes what was opened, the other leaves it running; one tries to reach what is the other's."""
    if not pytestconfig.getoption("whole_class"):
        pytest.skip("simulates a class on a JupyterHub: run with --class")
    if not shutil.which("npm"):
        pytest.skip("the hub's proxy comes by npm, which is not installed")
    done = subprocess.run([sys.executable, "-m", "classroom.simulate", "2", "--notebooks", "06"],  # the quickest
                          cwd=ROOT, capture_output=True, text=True, timeout=3000)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\| 2 \| 0 \|", done.stdout, re.MULTILINE)
