"""Reads what a notebook says of itself in its first cell, and its first figure."""
import base64
import re

from .languages import WORDS

# The figures of the title table that the notebook's metadata hold too: key -> label, in English.
FACTS = WORDS["en"]["facts"]


def title(notebook):
    """The text of the first heading."""
    return re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE).group(1).strip()


def promise(notebook):
    """The first line of prose under the title."""
    lines = (line.strip() for line in notebook.cells[0].source.splitlines())
    return next(line for line in lines if line and not line.startswith(("#", "|", "[!", "<")))


def title_table(notebook):
    """The rows of the title table as a dict: label -> text."""
    rows = re.findall(r"^\|([^|]*)\|(.*)\|\s*$", notebook.cells[0].source, re.MULTILINE)
    return {label.strip(): text.strip() for label, text in rows if label.strip(" -:")}


def with_table_row(notebook, label, text):
    """The first cell's source with the text of one row of the title table replaced."""
    return re.sub(rf"^\| *{re.escape(label)} *\|.*$", f"| {label} | {text} |",
                  notebook.cells[0].source, flags=re.MULTILINE)


def figures(cells):
    """Every figure among the outputs of `cells`, in order: a list of (PNG bytes, alternative text or "")."""
    return [(base64.b64decode(output.data["image/png"]), output.metadata.get("image/png", {}).get("alt", ""))
            for cell in cells if cell.cell_type == "code"
            for output in cell.outputs if "image/png" in output.get("data", {})]


def thumbnail_figure(notebook):
    """The figure that stands for a notebook: the first of a cell tagged `thumbnail`, else the first of all, else None."""
    tagged = [cell for cell in notebook.cells if "thumbnail" in cell.metadata.get("tags", [])]
    found = figures(tagged) or figures(notebook.cells)
    return found[0] if found else None
