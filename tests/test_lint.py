"""ruff finds nothing in the code, that of the notebooks included, and codespell nothing in the words.

What ruff looks for stands in pyproject.toml.
"""
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = "benchmarks", "classroom", "lecture_utils", "notebooks", "slides", "tests", "tools"


def ruff(*words, code=None):
    return subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", *words], cwd=ROOT, input=code,
                          capture_output=True, text=True, encoding="utf-8")


def test_ruff_finds_nothing():
    done = ruff(*FOLDERS, "course.py", "conftest.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_reads_every_module_and_notebook():
    done = ruff("--show-files", *FOLDERS)
    written = {str(path) for folder in FOLDERS for kind in ("*.py", "*.ipynb") for path in (ROOT / folder).rglob(kind)}
    assert written - {*done.stdout.splitlines()} == set(), done.stderr


@pytest.mark.parametrize("code, rule", [
    (f"print({', '.join(50 * '1')})\n", "E501"), ("import os\n", "F401"), ("print(1) \n", "W291"),
    ("import sys\nimport os\n\nprint(os, sys)\n", "I001"), ("from typing import Callable\n\nprint(Callable)\n", "UP035"),
    ("print(*zip([1], [2]))\n", "B905"), ("print(1)  # noqa: F401\n", "RUF100")])
def test_ruff_looks_for(code, rule):
    done = ruff("--stdin-filename", "tools/fault.py", "--output-format", "concise", "-", code=code)
    assert done.returncode == 1 and done.stdout.split()[1] == rule, done.stdout + done.stderr


# ---- words

NAMES = "carin,pinter"               # people's
MEANT = "celll,firts,foto,hte,lokal,retrun"           # slips and subscripts that tests need


def codespell(texts, folder):
    """What codespell finds in texts, given by name; names of paths become files of the folder."""
    for name, text in texts.items():
        (folder / name.replace("/", "_")).with_suffix(".txt").write_text(text, encoding="utf-8")
    return subprocess.run([sys.executable, "-m", "codespell_lib", "--ignore-words-list", f"{NAMES},{MEANT}", folder],
                          capture_output=True, text=True, encoding="utf-8").stdout


def without_outputs(path):
    text = path.read_text(encoding="utf-8")
    return "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"]) if path.suffix == ".ipynb" else text


def test_no_word_is_misspelt(tmp_path):
    kinds = ("*.py", "*.ipynb", "*.md", "*.toml")
    paths = [path for folder in (*FOLDERS, "docs", "data") for kind in kinds for path in (ROOT / folder).rglob(kind)
             if "ko" not in path.relative_to(ROOT).parts and path != Path(__file__)]
    paths += [path for kind in ("*.md", "*.py", "*.toml") for path in ROOT.glob(kind)]
    assert len(paths) > 100
    assert codespell({path.relative_to(ROOT).as_posix(): without_outputs(path) for path in paths}, tmp_path) == ""


def test_a_misspelt_word_is_found(tmp_path):
    assert "seperate ==> separate" in codespell({"a": "Two seperate maps."}, tmp_path)
