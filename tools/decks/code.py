"""Fetches the code that a slide shows from where it is tested: a notebook's cell, or a function of the package.

    code: lecture_utils.explain.cam._grad_cam                              a function's source, without its docstring
    code: 03_grad_cam_mnist "tapped = keras.Model(" lines 1-5      the cell that holds this text, or some of its lines
    output: 03_grad_cam_mnist "margin      whole"                  what that cell prints in the committed notebook
"""
import ast
import functools
import importlib
import inspect
import re
import textwrap

import nbformat

from .source import QUOTE, ROOT

WIDTH = 83  # characters that fit a slide's width at 24 pixels


def quoted(line):
    """The Markdown of a line `code: ...` or `output: ...`: a fenced block."""
    match = QUOTE.match(line)
    where, text = match["where"], match["text"]
    if match["kind"] == "output":
        lines, language = printed(where, text), "text"
    else:
        found = tidy(cell_with(where, text).source) if text else function_source(where)
        lines, language = found.splitlines(), "python"
    if match["first"]:
        lines = lines[int(match["first"]) - 1:int(match["last"])]
    lines = textwrap.dedent("\n".join(lines)).strip("\n").splitlines()
    if not lines or max(map(len, lines)) > WIDTH:
        raise ValueError(f"`{line}`: the code shown should be lines of at most {WIDTH} characters, got "
                         f"{max(map(len, lines), default='none at all')}. Choose lines with `lines 1-5`.")
    return f"```{language}\n" + "\n".join(lines) + "\n```"


@functools.cache
def notebook(name):
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def cell_with(name, text):
    """The one code cell of a notebook that holds `text`, in its source or among what it prints."""
    cells = [cell for cell in notebook(name).cells if cell.cell_type == "code" and
             (text in cell.source or any(text in output.get("text", "") for output in cell.outputs))]
    if len(cells) != 1:
        raise ValueError(f"{len(cells)} code cells of {name} hold the text \"{text}\"; quote what only one holds.")
    return cells[0]


def printed(name, text):
    """The lines of what the committed notebook's cell with `text` prints, and of the value at its end."""
    outputs = [output for output in cell_with(name, text).outputs if output.output_type in ("stream", "execute_result")]
    lines = "\n".join(output.get("text") or output.data["text/plain"] for output in outputs).rstrip()
    if not lines:
        raise ValueError(f"The cell of {name} with the text \"{text}\" prints nothing.")
    return lines.splitlines()


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
