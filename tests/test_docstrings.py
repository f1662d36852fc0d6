"""The examples in the docstrings of the public functions: each has one, and each does what it shows."""
import doctest
import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest

import lecture_utils
from lecture_utils import checks, models, plots
from lecture_utils.datasets import loaders, scenes
from lecture_utils.explain.streaming import explain_dataset

STUDENTS = {name: getattr(lecture_utils, name) for name in lecture_utils.__all__}  # what `import *` brings


def functions_of(module):
    """The public functions that a module defines, by their dotted names."""
    return {f"{module.__name__}.{name}": each for name, each in vars(module).items()
            if inspect.isfunction(each) and each.__module__ == module.__name__ and not name.startswith("_")}


PUBLIC = {
    **{name: each for name, each in STUDENTS.items() if inspect.isfunction(each)},
    **functions_of(plots), **functions_of(scenes),
    **{f"lecture_utils.checks.{name}": each for name, each in vars(checks).items() if name.startswith("check_")},
    **{f"lecture_utils.models.{build.__name__}": build for build in (*models.BUILDERS.values(), models.vgg16, models.describe)},
    "lecture_utils.explain.streaming.explain_dataset": explain_dataset,
}


@pytest.fixture
def drawn_quickly(monkeypatch):
    """The embedded data sets with few images: drawing all of them takes seconds."""
    monkeypatch.setattr(loaders, "EMBEDDED_DIGITS", {"train": (20, 0), "test": (10, 1)})
    monkeypatch.setattr(loaders, "EMBEDDED_STEEL", {"train": (1, 0), "test": (1, 1)})


@pytest.fixture
def figures_not_shown(monkeypatch):
    """Where there is no notebook, `display` would print a picture's bytes."""
    monkeypatch.setattr("IPython.display.display", lambda *bundle, **how: None)
    yield
    plt.close("all")


@pytest.mark.usefixtures("drawn_quickly", "figures_not_shown")
@pytest.mark.parametrize("name", PUBLIC)
def test_the_example_does_what_it_shows(name):
    (example,) = doctest.DocTestFinder(recurse=False).find(PUBLIC[name], name, globs={**STUDENTS, "np": np})
    assert example.examples, "the docstring has no example"
    told = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=told.append)
    assert not told, "".join(told)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_docstring_is_in_the_house_s_style(name):
    """`name: what it is`, Returns, Raises, as sentences; no headings of Google's or NumPy's styles."""
    lines = inspect.getdoc(PUBLIC[name]).splitlines()
    assert lines[0].endswith((".", "?")) and lines[1:2] in ([], [""]), "one sentence, then an empty line"
    assert not {"Args:", "Returns:", "Raises:", "Parameters", "Returns", "Raises"} & {line.strip() for line in lines}


def test_grad_cam_says_all_there_is_to_know():
    text = inspect.getdoc(lecture_utils.grad_cam)
    for needed in ("α_k^c = 1/Z Σ_ij ∂y^c/∂A^k_ij", "L^c = ReLU(Σ_k α_k^c A^k)",        # the equations
                   "(n, height, width, channels)", "(n, h, w)",                          # shapes in and out
                   "backpropagation delivers it", "Notebook 3,", "section 3"):           # where ∂y/∂A comes from
        assert needed in text
