"""The line about versions outside the ranges: one line, never an error."""
import sys

import pytest

from lecture_utils import versions


def project(folder, text):
    (folder / "pyproject.toml").write_text(text)
    return folder / "pyproject.toml"


def test_the_versions_of_this_environment_are_silent(capsys):
    versions.say_versions()
    assert capsys.readouterr().out == ""


def test_versions_outside_the_ranges_are_one_line(monkeypatch, capsys, tmp_path):
    found = {"numpy": "1.26.4", "keras": "4.0.0rc1", "scipy": "1.13.0"}
    monkeypatch.setattr(versions, "version", found.__getitem__)
    monkeypatch.setattr(versions, "PROJECT", project(tmp_path, """[project]
requires-python = ">=3.11"
dependencies = ["numpy>=2,<3", "keras>=3.10,<3.99", "scipy>=1.13"]
"""))
    versions.say_versions()
    assert capsys.readouterr().out == ("Not tested with these versions: numpy 1.26.4 (tested: <3,>=2); "
                                       "keras 4.0.0rc1 (tested: <3.99,>=3.10). The lesson goes on.\n")


def test_another_python_is_named():
    assert "(tested: <3.4)" in versions.versions_outside({"requires-python": "<3.4", "dependencies": []})[0]


def test_a_package_that_is_not_installed_is_left_out():
    assert versions.versions_outside({"requires-python": ">=3", "dependencies": ["no-such-package-here>=2"]}) == []


@pytest.mark.parametrize("text", ["", "not TOML", "[project]\nrequires-python = '?'\ndependencies = []"])
def test_what_cannot_be_read_never_stops_a_lesson(monkeypatch, capsys, tmp_path, text):
    monkeypatch.setattr(versions, "PROJECT", project(tmp_path, text))
    versions.say_versions()
    assert capsys.readouterr().out == ""


def test_no_pyproject_never_stops_a_lesson(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(versions, "PROJECT", tmp_path / "pyproject.toml")
    versions.say_versions()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("module", ["tomllib", "packaging.requirements"])
def test_a_python_without_the_parsers_never_stops_a_lesson(monkeypatch, capsys, module):
    monkeypatch.setitem(sys.modules, module, None)
    versions.say_versions()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("found, outside", [("2.1.0rc1", False), ("2.0.0", False), ("3.0.0", True), ("1.26.4", True)])
def test_a_pre_release_within_the_range_is_tested_enough(monkeypatch, found, outside):
    monkeypatch.setattr(versions, "version", lambda name: found)
    assert bool(versions.versions_outside({"requires-python": ">=3", "dependencies": ["numpy>=2,<3"]})) == outside
