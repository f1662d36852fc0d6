"""Makes an executed notebook fit to be committed: the same text wherever and whenever it is executed."""
import math
import pathlib
import re

from nbformat import from_dict

from .bootstrap_cell import FOLDED
from .title_cell import FACTS, with_table_row

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
ROOT = str(pathlib.Path(__file__).resolve().parents[2])
OF_ONE_MACHINE = re.compile(r"/home/|/Users/|/root/|/tmp/|[A-Z]:\\Users\\|site-packages|\b0x[0-9a-f]{8,}")


def normalize(notebook, cpu_seconds):
    """The notebook without what differs from run to run, its CPU seconds renewed where they have really changed.

    Raises ValueError, naming the cell, for an output that must not be committed: an error, a warning, a machine's path.
    """
    course = notebook.metadata.get("course", {})
    recorded = course.get("cpu_seconds", 0)
    if abs(cpu_seconds - recorded) > max(5, recorded / 4):
        course["cpu_seconds"] = 5 * math.ceil(cpu_seconds / 5)
        notebook.cells[0].source = with_table_row(notebook, FACTS["cpu_seconds"], course["cpu_seconds"])
    notebook.metadata = {"course": course, "kernelspec": KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        tags = cell.metadata.get("tags")
        cell.metadata = from_dict(FOLDED) if tags == FOLDED["tags"] else {"tags": tags} if tags else {}
        cell.outputs = [output for output in cell.outputs if not is_widget(output)]
        for output in cell.outputs:
            check_output(output, number)
    return notebook


def is_widget(output):
    """A widget is alive only in a kernel; saved, it shows as an error."""
    return "application/vnd.jupyter.widget-view+json" in output.get("data", {})


def check_output(output, number):
    if output.output_type == "error":
        raise ValueError(f"cell {number}: ends in {output.ename}")
    if output.get("name") == "stderr":
        raise ValueError(f"cell {number}: writes to stderr: {output.text[:200]}")
    for text in texts(output):
        if OF_ONE_MACHINE.search(text) or ROOT in text:
            raise ValueError(f"cell {number}: shows a path or an address of this computer: {text[:200]}")


def texts(output):
    """What an output shows as text."""
    if output.output_type == "stream":
        return [output.text]
    return [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]
