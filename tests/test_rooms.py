"""The rooms of the house: imports run one way between them, nowhere in a circle, and no module edits the search path."""
import ast
import graphlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDER = (  # each room imports only from those below it
    {"benchmarks", "classroom", "slides"}, {"tools"}, {"tools.website"}, {"tools.explorer"}, {"tools.decks"},
    {"tools.notebooks"}, {"lecture_utils"},
    {"lecture_utils.explorer", "lecture_utils.drawings", "lecture_utils.auditing"}, {"lecture_utils.plots"},
    {"lecture_utils.checks"}, {"lecture_utils.clinic"}, {"lecture_utils.evaluate", "lecture_utils.models"},
    {"lecture_utils.squeezenet"},
    {"lecture_utils.explain", "lecture_utils.localize", "lecture_utils.datasets"}, {"lecture_utils.quiet", "lecture_utils.png"},
    {"lecture_utils.predictions", "lecture_utils.quizzes"},
    {"lecture_utils.versions", "lecture_utils.files", "lecture_utils.asking"}, {"lecture_utils.language"})
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for folder in ("lecture_utils", "tools", "classroom", "benchmarks", "slides")
           for path in sorted((ROOT / folder).rglob("*.py"))}


def imported(name, path):
    """The modules of the house that a module imports, wherever in it."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in MODULES)
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[:len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join(above + ([node.module] if node.module else []))
            for each in node.names:
                yield from [module for module in (f"{base}.{each.name}", base) if module in MODULES][:1]


IMPORTS = {name: set(imported(name, path)) for name, path in MODULES.items()}


def room(module):
    return module if module in RANK else room(module.rpartition(".")[0])


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_one_way(name):
    back = {other for other in IMPORTS[name] if room(other) != room(name) and RANK[room(other)] <= RANK[room(name)]}
    assert not back, f"{name} must not import {', '.join(sorted(back))}"


def test_nowhere_is_a_circle():
    graphlib.TopologicalSorter(IMPORTS).prepare()


def test_what_is_installed_has_every_wing():
    installed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    assert set(installed) == {name for name, path in MODULES.items()
                              if path.stem == "__init__" and name.startswith("lecture_utils")}


def test_the_search_path_is_left_alone():
    """Only what the hub starts in a student's home adds the course to it; in notebooks the bootstrap cell does."""
    paths = [*MODULES.values(), ROOT / "course.py", ROOT / "conftest.py", *sorted((ROOT / "tests").rglob("*.py"))]
    found = {path.relative_to(ROOT).as_posix() for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"}
    assert found == {"classroom/start_server.py"}
