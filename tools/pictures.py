"""Draws the pictures that need ImageNet's SqueezeNet, whose weights do not ship: `python3 course.py pictures`.

A notebook's cell with the tag `imagenet` draws its figure where `load_squeezenet` finds the weights, and elsewhere shows
docs/pictures/NAME_imagenet.png, a Korean one docs/pictures/ko/NAME_imagenet.png. This command makes these pictures: it runs
the bootstrap cell, the imports and the cell.
"""
import io
import pathlib
import subprocess
import sys

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from PIL import Image

import lecture_utils.quiet  # noqa: F401  (before anything that loads TensorFlow)
from lecture_utils import DataError, models
from lecture_utils.plots import DENSITY
from lecture_utils.png import lightened

from .notebooks import notebook_paths
from .notebooks.execute import ThisPython, cleared, code_cells
from .notebooks.languages import LANGUAGES, folder
from .notebooks.title_cell import figures
from .stamp import differ, picture_folder

ROOT = pathlib.Path(__file__).resolve().parents[1]


def drawn(path):
    """What the cell of the notebook at `path` draws, as a PNG, a pixel for each of the page's; None without one."""
    notebook = cleared(nbformat.read(path, as_version=4))
    tagged = [cell for cell in notebook.cells if "imagenet" in cell.metadata.get("tags", [])]
    if not tagged:
        return None
    client = NotebookClient(notebook, km=AsyncKernelManager(kernel_spec_manager=ThisPython()), timeout=240,
                            resources={"metadata": {"path": str(path.parent)}})
    with client.setup_kernel(cleanup_kc=True, stderr=subprocess.DEVNULL):
        for cell in (*code_cells(notebook)[:2], *tagged):
            client.execute_cell(cell, notebook.cells.index(cell))
    ((png, _),) = figures(tagged)
    image = Image.open(io.BytesIO(png)).convert("RGB")
    return lightened(image.resize([side // DENSITY for side in image.size], Image.Resampling.BOX))


def main():
    try:
        models.fetch_squeezenet()
    except DataError as error:
        sys.exit(f"These pictures need SqueezeNet's weights. {error}")
    for language in LANGUAGES:
        for path in notebook_paths(folder(ROOT, language)):
            picture, png = ROOT / picture_folder(language) / f"{path.stem}_imagenet.png", drawn(path)
            if png and not (picture.is_file() and not differ(png, picture.read_bytes())):
                picture.parent.mkdir(exist_ok=True)
                picture.write_bytes(png)
                print(f"drawn: {picture.relative_to(ROOT).as_posix()}")


if __name__ == "__main__":
    main()
