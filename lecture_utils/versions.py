"""Says in one line which packages are older or newer than those the course is tested with."""

import contextlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .language import say

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def say_versions():
    """Print one line if an installed version lies outside pyproject.toml's ranges; a lesson goes on in any case."""
    with contextlib.suppress(Exception):  # whatever can't be read or imported: a check must not stop a lesson
        import tomllib  # since Python 3.11

        if outside := versions_outside(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]):
            print(say("Not tested with these versions: {versions}. The lesson goes on.", versions="; ".join(outside)))


def versions_outside(project):
    """What lies outside the ranges of `project` ([project] of pyproject.toml), as "numpy 1.26.4 (tested: <3,>=2)".

    A package that isn't installed is left out: importing it says so.
    """
    from packaging.requirements import Requirement  # comes with matplotlib

    outside = []
    for line in ["Python" + project["requires-python"], *project["dependencies"]]:
        wanted = Requirement(line)
        with contextlib.suppress(PackageNotFoundError):
            found = platform.python_version() if wanted.name == "Python" else version(wanted.name)
            if not wanted.specifier.contains(found, prereleases=True):
                outside.append(say("{name} {found} (tested: {range})", name=wanted.name, found=found, range=wanted.specifier))
    return outside
