"""Every exercise in the notebooks has a stub that does not pass and a printed solution that does."""

import ast
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from lecture_utils import checks, upsample

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def exercises():
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for index, cell in enumerate(cells):
            if "exercise" in cell["metadata"].get("tags", []):
                following = "".join(cells[index + 1]["source"]) if index + 1 < len(cells) else ""
                yield pytest.param(imports(cells[2:index]), "".join(cell["source"]), following, id=f"{path.stem}-cell{index}")


def imports(cells):
    """The lines with which the code above an exercise, below the bootstrap cell, imports names."""
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return "".join(f"{ast.unparse(line)}\n" for line in ast.parse(code).body if isinstance(line, (ast.Import, ast.ImportFrom)))


def verdict(code):
    """Run the code of a cell with the course's names at hand; its last line is the check."""
    names = {"np": np, "tf": tf, "keras": keras, "upsample": upsample, **vars(checks)}
    *body, last = ast.parse(code).body
    exec(compile(ast.Module(body, type_ignores=[]), "exercise", "exec"), names)
    return eval(compile(ast.Expression(last.value), "exercise", "eval"), names)


@pytest.mark.parametrize("imported, stub, following", exercises())
def test_stub_is_open_and_solution_is_right(imported, stub, following):
    assert "Not attempted" in repr(verdict(imported + stub))
    solution = re.search(r"<details>.*?```python\n(.*?)```.*?</details>", following, re.DOTALL)
    assert solution, "the cell after an exercise holds its solution, folded away in <details>"
    check = stub.strip().splitlines()[-1]
    assert verdict(imported + solution.group(1) + check)


def test_each_core_notebook_has_exercises():
    without = [path.stem for path in NOTEBOOKS if '"exercise"' not in path.read_text(encoding="utf-8")]
    assert not without and len(NOTEBOOKS) >= 6
