"""Fixtures for all tests. Whatever this machine holds, a test sees an empty data folder, empty caches and no
network, unless it asks for something else: with `data_dir=...`, by setting a variable, or by the mark `realdata`.
"""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

REAL_DATA = os.environ.get("COURSE_DATA")
FOLDERS = ("COURSE_DATA", "COURSE_CACHE", "KERAS_HOME")
SURROUNDINGS = (*FOLDERS, "COURSE_OFFLINE", "COURSE_LANG")


def pytest_runtest_setup(item):
    if item.get_closest_marker("realdata") and not REAL_DATA:
        pytest.skip("needs the real data sets: set COURSE_DATA to their folder")


@pytest.fixture(scope="session", autouse=True)
def _no_surroundings(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for variable in FOLDERS:
            patch.setenv(variable, str(tmp_path_factory.mktemp(variable.lower())))
        patch.setenv("COURSE_OFFLINE", "1")
        patch.delenv("COURSE_LANG", raising=False)
        yield


@pytest.fixture(autouse=True)
def _surroundings_are_put_back():
    """A command sets them for the process that it ends with; a test that calls one goes on, and so do those after it."""
    before = {variable: os.environ.get(variable) for variable in SURROUNDINGS}
    yield
    for variable, value in before.items():
        os.environ.pop(variable, None) if value is None else os.environ.update({variable: value})


@pytest.fixture(autouse=True)
def _real_data_for_marked_tests(request, monkeypatch):
    if request.node.get_closest_marker("realdata"):
        monkeypatch.setenv("COURSE_DATA", REAL_DATA)


@pytest.fixture(scope="session")
def embedded_digits():
    """MNIST as the course draws it, once for all tests: nobody can write into its arrays."""
    return drawn_once("load_mnist")


@pytest.fixture(scope="session")
def embedded_steel():
    """NEU as the course draws it, once for all tests: nobody can write into its arrays."""
    return drawn_once("load_neu")


def drawn_once(load):
    import lecture_utils  # not before a test asks for it

    data = getattr(lecture_utils, load)("embedded")
    for field in dataclasses.fields(data):
        value = getattr(data, field.name)
        for array in value if isinstance(value, list) else [value]:
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
    return data


@pytest.fixture(scope="session")
def real_data():
    """The folder of the real data sets; skips where there is none."""
    if not REAL_DATA:
        pytest.skip("needs the real data sets: set COURSE_DATA to their folder")
    return Path(REAL_DATA)
