"""environment.yml, pyproject.toml, requirements.lock and CITATION.cff say the same; the longest tests begin first."""
import pathlib
import re
import tomllib
from types import SimpleNamespace

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tools.matrix import ON_PYPI

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CONDA = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]
PIP = next(line["pip"] for line in ENVIRONMENT["dependencies"] if isinstance(line, dict))
CONDA_PYTHON, *CONDA = CONDA  # pip's syntax has no single "="


def ranges(requirements):
    """name -> the set of its bounds."""
    parsed = [Requirement(ON_PYPI.get(name := re.match(r"[\w.-]+", line)[0], name) + line[len(name):]) for line in requirements]
    return {one.name: {str(bound) for bound in one.specifier} for one in parsed}


@pytest.mark.parametrize("line", [CONDA_PYTHON, *CONDA, *PIP])
def test_every_line_is_a_conda_spec(line):
    spec = rattler.MatchSpec(line)
    assert spec.name.normalized == re.match(r"[\w.-]+", line)[0]


def test_everything_the_package_imports_is_there_in_the_same_range():
    there = ranges(CONDA + PIP)
    for name, bounds in ranges(PROJECT["dependencies"]).items():
        assert there.get(name) == bounds, name


def test_nothing_else_is_there_but_what_opens_and_tests_notebooks():
    tools = ranges(PROJECT["optional-dependencies"]["lab"] + PROJECT["optional-dependencies"]["test"])
    others = set(ranges(CONDA + PIP)) - set(ranges(PROJECT["dependencies"])) - {"pip"}
    assert others == {"jupyterlab", "nbval"}
    assert all(ranges(CONDA)[name] == tools[name] for name in others)


def test_binder_is_told_one_python_that_the_project_admits():
    """repo2docker, which builds Binder's images, finds no version in a range: it then takes an old default."""
    found = re.match(r"python\s*=+\s*([\d\.]*)", CONDA_PYTHON)  # repo2docker's own expression
    assert re.fullmatch(r"3\.\d+", found[1]) and SpecifierSet(PROJECT["requires-python"]).contains(found[1])


def test_the_pythons_are_the_same_everywhere():
    command = (ROOT / "course.py").read_text(encoding="utf-8")
    assert re.search(r"PYTHONS = \(\(3, 11\), \(3, 12\), \(3, 13\)\)", command) and PROJECT["requires-python"] == ">=3.11,<3.14"


def test_the_lock_holds_every_requirement_within_its_range_and_with_hashes():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE))
    extras = PROJECT["optional-dependencies"]
    for line in PROJECT["dependencies"] + extras["lab"] + extras["slides"] + extras["test"]:
        requirement = Requirement(line)
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), line
    blocks = re.split(r"\n(?=[\w.-]+==)", lock)
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?://", lock), "the lock names an index"


def test_the_citation_has_the_project_s_version_and_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"] and citation["license"] == PROJECT["license"]
    assert all(citation[key] for key in ("cff-version", "message", "title", "authors"))


def test_what_shall_begin_first_is_there_and_in_its_order(pytestconfig):
    first = pytestconfig.pluginmanager.get_plugin(str(ROOT / "conftest.py"))
    paths = [path.relative_to(ROOT).as_posix() for folder in ("tests", "notebooks") for path in (ROOT / folder).rglob("*")]
    assert all(any(path.startswith(name) for path in paths) for name in first.LONGEST_FIRST)
    names = "tests/test_a.py", *reversed(first.LONGEST_FIRST)
    items = [SimpleNamespace(nodeid=f"{name}::{n}") for n in (2, 1) for name in names]
    first.pytest_collection_modifyitems(items)
    begun = list(dict.fromkeys(item.nodeid.partition("::")[0] for item in items))
    assert begun == [*first.LONGEST_FIRST, "tests/test_a.py"] and items[0].nodeid.endswith("::2")
