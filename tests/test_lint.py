"""ruff finds nothing in the code, that of the notebooks included. What it looks for stands in pyproject.toml."""
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
