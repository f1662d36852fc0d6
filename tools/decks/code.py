"""Fetches what a slide shows from where it is tested: code from a notebook's cell or the package, and what the cell gave.

    code: lecture_utils.explain.cam._grad_cam                              a function's source, without its docstring
    code: 03_grad_cam_mnist "tapped = keras.Model(" lines 1-5      the cell that holds this text, or some of its lines
    output: 03_grad_cam_mnist "margin      whole"                  what that cell prints in the committed notebook

A deck's figures take numbers and pictures that are dear to compute out of the committed notebook: `printed`, `line_of`,
`numbers` and `prose`; `pictured` and `panels`.
"""
import ast
import base64
import functools
import importlib
import inspect
import io
import re
import textwrap

import nbformat
import numpy as np
from PIL import Image

from ..notebooks.languages import columns, folder
from .source import QUOTE, ROOT

WIDTH = 83  # characters that fit a slide's width at 24 pixels


def quoted(line, language="en"):
    """The Markdown of a line `code: ...` or `output: ...`: a fenced block, of an output within a `div.output`.

    The line names the English cell; shown is that of the notebook in the deck's language.
    """
    match = QUOTE.match(line)
    where, text = match["where"], match["text"]
    if match["kind"] == "output":
        lines, kind = printed(where, text, language), "text"
    else:
        found = tidy(cell_with(where, text, language).source) if text else function_source(where)
        lines, kind = found.splitlines(), "python"
    if match["first"]:
        lines = lines[int(match["first"]) - 1:int(match["last"])]
    lines = textwrap.dedent("\n".join(lines)).strip("\n").splitlines()
    if not lines or max(map(columns, lines)) > WIDTH:
        raise ValueError(f"`{line}`: the code shown should be lines of at most {WIDTH} characters, got "
                         f"{max(map(columns, lines), default='none at all')}. Choose lines with `lines 1-5`.")
    block = f"```{kind}\n" + "\n".join(lines) + "\n```"
    return f'<div class="output">\n\n{block}\n\n</div>' if match["kind"] == "output" else block


@functools.cache
def notebook(name, language="en"):
    return nbformat.read(folder(ROOT, language) / f"{name}.ipynb", as_version=4)


def cell_with(name, text, language="en"):
    """The one code cell of a notebook that holds `text` in English, in its source or among what it prints; in `language`."""
    cells = [cell for cell in notebook(name).cells if cell.cell_type == "code" and
             (text in cell.source or any(text in output.get("text", "") for output in cell.outputs))]
    if len(cells) != 1:
        raise ValueError(f"{len(cells)} code cells of {name} hold the text \"{text}\"; quote what only one holds.")
    return next(cell for cell in notebook(name, language).cells if cell.id == cells[0].id)


def printed(name, text, language="en"):
    """The lines of what the committed notebook's cell with `text` prints, and of the value at its end."""
    outputs = [output for output in cell_with(name, text, language).outputs if output.output_type in ("stream", "execute_result")]
    lines = "\n".join(output.get("text") or output.data["text/plain"] for output in outputs).rstrip()
    if not lines:
        raise ValueError(f"The cell of {name} with the text \"{text}\" prints nothing.")
    return lines.splitlines()


def line_of(name, text, begin):
    """The one line that begins with `begin` of what the notebook's cell with `text` prints, without this beginning."""
    line, = [line for line in printed(name, text) if line.startswith(begin)]
    return line.removeprefix(begin)


def numbers(line):
    """The numbers in a line that a notebook prints."""
    return [float(number) for number in re.findall(r"(?<![\w.])[-+]?\d+(?:\.\d+)?", line)]


def prose(name, pattern):
    """What the group of a pattern finds in a notebook's text."""
    return re.search(pattern, "\n".join(cell.source for cell in notebook(name).cells if cell.cell_type == "markdown"))[1]


@functools.cache
def pictured(name, text, language="en"):
    """The figure that the committed notebook's cell with `text` shows, (height, width, 3) in [0, 1]."""
    outputs = cell_with(name, text, language).outputs
    figures = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    if len(figures) != 1:
        raise ValueError(f"The cell of {name} with the text \"{text}\" shows {len(figures)} figures, not one.")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(figures[0]))).convert("RGB")) / 255


def panels(figure, least=40):
    """The pictures of a grid, row by row, each (height, width, 3): what white surrounds, if it is `least` pixels high and wide.

    A slide gives them titles of its own, in its language; the figure's are too low to be panels.
    """
    drawn, found = (figure < 0.97).any(axis=-1), []
    for row in stretches(drawn.any(axis=1), least):
        for column in stretches(drawn[row].any(axis=0), least):
            heights = stretches(drawn[row, column].any(axis=1), least)     # without the title, if it stands in the row's height
            found += [figure[row, column][height] for height in heights]
    return found


def stretches(flags, least):
    """A slice for each unbroken row of at least `least` True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return [slice(begin, end) for begin, end in zip(edges[::2], edges[1::2], strict=True) if end - begin >= least]


def tidy(code):
    """A cell's code with its comments moved up to the code."""
    return re.sub(r"(?<=\S) {2,}# ", "  # ", code)


def function_source(dotted):
    """The source of `module.function` without the docstring."""
    module, _, name = dotted.rpartition(".")
    code = textwrap.dedent(inspect.getsource(getattr(importlib.import_module(module), name)))
    first = ast.parse(code).body[0].body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines = code.splitlines()
        code = "\n".join(lines[:first.lineno - 1] + lines[first.end_lineno:])
    return tidy(code)
