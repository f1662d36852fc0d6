"""tools/matrix.py: its sets, its table, its failures; uv and pytest only pretended."""
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tools import matrix

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPORT = """<testsuites><testsuite><testcase classname="notebooks.01_a.ipynb" name="Cell 0"/>
<testcase classname="notebooks.03_c.ipynb" name="Cell 1"><failure message="x"/></testcase>
<testcase classname="notebooks.03_c.ipynb" name="Cell 2"><failure message="x"/></testcase></testsuite></testsuites>"""


def test_the_pythons_are_admitted_by_the_project():
    assert all(SpecifierSet(PROJECT["requires-python"]).contains(one.python) for one in matrix.SETS.values())


@pytest.mark.parametrize("name", ["lowest", "colab", "newest"])
def test_the_versions_come_from_the_project_s_own_ranges(name):
    install = matrix.SETS[name].install
    assert install[install.index("-r") + 1] == "pyproject.toml" and ("lowest-direct" in install) == (name == "lowest")


def test_colab_s_versions_lie_within_the_ranges():
    ranges = {Requirement(line).name: Requirement(line).specifier for line in PROJECT["dependencies"]}
    pins = [Requirement(pin) for pin in matrix.SETS["colab"].install if "==" in pin]
    assert len(pins) == 5
    for pin in pins:
        version = str(pin.specifier).removeprefix("==").replace("*", "9")  # 2.20.* stands for 2.20.9
        assert ranges[pin.name].contains(version), pin


def test_conda_s_set_is_the_environment_file_under_pypi_s_names():
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").partition("dependencies:")[2].splitlines()
    specs = [re.sub(r"\s*#.*|^\s*- ", "", line) for line in lines if re.match(r"\s*- \w", line) and "pip:" not in line]
    python, *conda = specs[:specs.index("pip") + 1]
    assert python == f"python={matrix.SETS['conda'].python}"
    assert matrix.SETS["conda"].install == [line.replace("matplotlib-base", "matplotlib") for line in conda]
    assert list(matrix.SETS["conda"].then) == [*specs[specs.index("pip") + 1:], "pytest-xdist"]
    assert all(Requirement(line) for line in (*matrix.SETS["conda"].install, *matrix.SETS["conda"].then))


def test_pip_s_part_is_installed_upon_conda_s(monkeypatch, tmp_path):
    commands = []
    monkeypatch.setattr(matrix, "FOLDER", tmp_path)
    monkeypatch.setattr(matrix.subprocess, "run", lambda command, **_: commands.append(command) or
                        subprocess.CompletedProcess(command, len(commands) == 3))  # the third step fails
    assert matrix.test_set("conda").result == "FAILED: not installed"
    assert [command[:3] for command in commands] == [["uv", "venv", "--quiet"], *2 * [["uv", "pip", "install"]]]
    assert "numpy>=2,<3" in commands[1] and not any("tensorflow" in part for part in commands[1])
    assert any("tensorflow" in part for part in commands[2]) and "numpy>=2,<3" not in commands[2]


def pretend(monkeypatch, tmp_path, capsys, status, failing_step=None):
    """Run main() for two sets with every process pretended: pytest ends with `status`; its exit status and output."""
    def run(command, **options):
        command = [str(part) for part in command]
        report = next((part.split("=", 1)[1] for part in command if part.startswith("--junit-xml=")), None)
        if report:
            pathlib.Path(report).write_text(REPORT)
            return subprocess.CompletedProcess(command, status)
        if command[:2] == ["uv", "venv"]:
            pathlib.Path(command[-1]).mkdir(parents=True)
        return subprocess.CompletedProcess(command, int(failing_step in command), stdout="2.21.0\n3.15.0\n2.4.0\n")

    monkeypatch.setattr(matrix, "FOLDER", tmp_path)
    monkeypatch.setattr(matrix.subprocess, "run", run)
    monkeypatch.setattr(matrix.shutil, "which", lambda name: "/bin/uv")
    monkeypatch.setattr(sys, "argv", ["matrix.py", "lock", "newest"])
    return matrix.main(), capsys.readouterr().out


def test_sets_that_pass_are_tabled_and_their_environments_removed(monkeypatch, tmp_path, capsys):
    status, out = pretend(monkeypatch, tmp_path, capsys, status=0)
    rows = [line.split() for line in out.splitlines()[-3:]]
    assert status == 0 and not (tmp_path / "lock").exists()
    assert rows[0] == ["set", "Python", "tensorflow", "keras", "numpy", "seconds", "result"]
    versions = ["2.21.0", "3.15.0", "2.4.0"]
    assert [row[:5] + row[6:] for row in rows[1:]] == [
        ["lock", "3.12", *versions, "passed"], ["newest", "3.13", *versions, "passed"]]


def test_a_failing_set_names_its_notebooks_and_keeps_its_environment(monkeypatch, tmp_path, capsys):
    status, out = pretend(monkeypatch, tmp_path, capsys, status=1)
    assert status == 1 and out.count("FAILED: 03_c\n") == 2 and "01_a" not in out and (tmp_path / "lock").is_dir()


def test_a_set_that_cannot_be_installed_is_a_failure_and_the_next_one_runs(monkeypatch, tmp_path, capsys):
    status, out = pretend(monkeypatch, tmp_path, capsys, status=0, failing_step="--require-hashes")
    assert status == 1 and out.count("FAILED: not installed") == 1 and out.count("passed") == 1


def test_without_uv_a_sentence_says_where_it_is(monkeypatch):
    monkeypatch.setattr(matrix.shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["matrix.py"])
    with pytest.raises(SystemExit, match="needs uv.*docs.astral.sh/uv"):
        matrix.main()


def test_an_unknown_set_is_told_with_the_known_ones(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["matrix.py", "older"])
    with pytest.raises(SystemExit, match="no set 'older'. There are lowest, colab, lock, newest, conda"):
        matrix.main()


def test_the_weekly_job_runs_every_set():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["matrix"]
    assert job["strategy"]["matrix"]["set"] == list(matrix.SETS)
    assert workflow[True]["schedule"]  # YAML reads `on` as true
    assert job["steps"][-1]["run"].startswith("python course.py test --matrix ")


def test_actions_are_named_by_their_commit():
    """A tag can be moved to other code at any time."""
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    uses = re.findall(r"uses: *(.+)", text)
    assert uses and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", one) for one in uses)
    assert len(set(uses)) == len({one.partition("@")[0] for one in uses}), "one action in two versions"


def test_a_crash_is_not_blamed_on_the_notebooks_of_the_last_run(monkeypatch, tmp_path):
    report = tmp_path / "lock.xml"
    report.write_text(REPORT)
    monkeypatch.setattr(matrix.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 3))
    assert matrix.test_notebooks("python", report) == "FAILED: pytest ended with status 3"
