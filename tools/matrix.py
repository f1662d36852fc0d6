"""Tests all notebooks with other versions of the packages: `python3 course.py test --matrix`.

Each set of versions gets an environment of its own in build/matrix/, made by uv (2.5 GB; seconds, once uv has the
packages). In it nbval runs every notebook on the embedded data and compares its claims. The environment of a set that
passes is removed; that of a set that fails stays, to look into. With Colab's versions every notebook is also run alone, in
an empty folder (tests/test_alone.py). Ends with status 0 if all sets pass, else 1.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "matrix"
PACKAGES = ("tensorflow", "keras", "numpy")  # the columns of the table
PROJECT = ["-r", "pyproject.toml", "--extra", "test"]  # the ranges; in an empty environment uv takes the newest of each
ON_PYPI = {"matplotlib-base": "matplotlib"}  # where conda-forge's name is another


class VersionSet(NamedTuple):
    """A Python, what `uv pip install` is told, what it is told then, in a second call; and what pytest runs besides."""

    python: str
    install: list
    then: tuple = ()
    besides: tuple = ()


def conda_set():
    """What conda and Binder make of environment.yml, with PyPI's packages: conda's part, then pip's part on top."""
    lines = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    (python,) = [line.removeprefix("python=") for line in lines if str(line).startswith("python=")]
    conda = [re.sub(r"^[\w-]+", lambda name: ON_PYPI.get(name[0], name[0]), line) for line in lines
             if isinstance(line, str) and line != f"python={python}"]
    (pip,) = [line["pip"] for line in lines if isinstance(line, dict)]
    return VersionSet(python, conda, (*pip, "pytest-xdist"))  # pytest-xdist: only the tests here need it


SETS = {
    "lowest": VersionSet("3.11", ["--resolution", "lowest-direct", *PROJECT]),
    "colab": VersionSet("3.13", [*PROJECT, "tensorflow==2.20.*", "keras==3.13.*", "numpy==2.1.*", "matplotlib==3.10.*",
                                 "ipywidgets==7.7.1"], besides=("tests/test_alone.py", "--alone")),
    "lock": VersionSet("3.12", ["--require-hashes", "-r", "requirements.lock"]),
    "newest": VersionSet("3.13", PROJECT),
    "conda": conda_set(),
}


class Row(NamedTuple):
    """One line of the table; `result` is "passed", or says what failed."""

    name: str
    python: str
    versions: list
    result: str
    seconds: float


def test_set(name):
    """Make the environment of one set and run the notebooks in it; the set's `Row`."""
    began, folder = time.monotonic(), FOLDER / name
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    steps = [["uv", "venv", "--quiet", "--clear", "--python", SETS[name].python, str(folder)],
             *(["uv", "pip", "install", "--quiet", "--python", str(python), *part]
               for part in (SETS[name].install, SETS[name].then) if part)]
    for step in steps:
        if subprocess.run(step, cwd=ROOT).returncode:
            missing = ["-"] * len(PACKAGES)
            return Row(name, SETS[name].python, missing, "FAILED: not installed", time.monotonic() - began)
    versions = installed_versions(python)
    result = test_notebooks(python, FOLDER / f"{name}.xml", SETS[name].besides)
    if result == "passed":
        shutil.rmtree(folder)
    return Row(name, SETS[name].python, versions, result, time.monotonic() - began)


def installed_versions(python):
    code = f"from importlib.metadata import version\nfor name in {PACKAGES}: print(version(name))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.split()


def test_notebooks(python, report, besides=()):
    """Run all notebooks under nbval, and what pytest is told besides; "passed", or where something failed."""
    report.unlink(missing_ok=True)
    command = [python, "-m", "pytest", "notebooks", *besides, "-q", "--tb=short", "--nbval-lax", "--nbval-current-env",
               "--nbval-cell-timeout=240", "-n", "2", "--dist", "loadfile", f"--junit-xml={report}"]
    status = subprocess.run(command, cwd=ROOT).returncode
    if status == 0:
        return "passed"
    return "FAILED: " + (", ".join(failed_notebooks(report)) or f"pytest ended with status {status}")


def failed_notebooks(report):
    """Names of the notebooks in which a cell failed, from pytest's report."""
    if not report.is_file():
        return []
    failed = [case.get("classname") for case in ElementTree.parse(report).iter("testcase")
              if case.find("failure") is not None or case.find("error") is not None]
    return sorted({name.removeprefix("notebooks.").removesuffix(".ipynb") for name in failed})


def table(rows):
    lines = [("set", "Python", *PACKAGES, "seconds", "result")]
    lines += [(row.name, row.python, *row.versions, f"{row.seconds:.0f}", row.result) for row in rows]
    return "\n".join("".join(f"{entry:<12}" for entry in line).rstrip() for line in lines)


def main():
    parser = argparse.ArgumentParser(prog="course.py test --matrix", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="set", help=f"{', '.join(SETS)}; all, if none is named")
    names = parser.parse_args().sets or list(SETS)
    if unknown := [name for name in names if name not in SETS]:
        sys.exit(f"There is no set '{unknown[0]}'. There are {', '.join(SETS)}.")
    if not shutil.which("uv"):
        sys.exit("The matrix needs uv, which makes its environments: install it from https://docs.astral.sh/uv/.")
    rows = []
    for name in names:
        print(f"\n{name}: Python {SETS[name].python}", flush=True)
        rows.append(test_set(name))
    print(f"\n{table(rows)}")
    return 0 if all(row.result == "passed" for row in rows) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")
