"""Lets the pictures of a notebook be as sharp as the size of its file allows.

`lecture_utils.plots.show` draws two pixels for each pixel of the page. Where the file becomes too large, the pictures that
weigh most make do with one and a half, and then with one, and at last with 256 colours: photographs before curves and their
texts, which gain most.
"""
import base64
import io

import nbformat
from PIL import Image

from lecture_utils.png import lightened, of_few_colours

LARGEST_FILE = 1_480_000  # bytes; leaves room for a few sentences below what tests/test_notebooks_house.py allows
DENSITIES = (1.5, 1)      # pixels for each of the page's, after the two that were drawn
COLOURS = 256


def fit(notebook, largest=LARGEST_FILE):
    """Reduce pictures of the executed notebook until its file is no larger than `largest` bytes, or none is left to reduce."""
    pictures = [Picture(output) for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
                if "width" in output.get("metadata", {}).get("image/png", {})]
    excess = len(nbformat.writes(notebook).encode()) - largest
    while excess > 0 and (reducible := [picture for picture in pictures if picture.steps]):
        excess -= max(reducible, key=lambda picture: picture.weight).reduce()


def fit_like(notebook, original):
    """Reduce pictures of the executed notebook as those of `original` are: what differs between the two is words alone."""
    for cell, there in zip(notebook.cells, original.cells, strict=True):
        for output, other in zip(cell.get("outputs", []), there.get("outputs", []), strict=True):
            if "width" in output.get("metadata", {}).get("image/png", {}):
                Picture(output).reduce_like(Picture(other))


class Picture:
    """A picture among a notebook's outputs, whose metadata say at which width and height it is shown."""

    def __init__(self, output):
        self.data, self.shown = output.data, output.metadata["image/png"]
        self.drawn = Image.open(io.BytesIO(base64.b64decode(self.data["image/png"])))
        self.steps = [density for density in DENSITIES if density * self.shown.width < self.drawn.width - 1]
        self.steps += [COLOURS] if self.drawn.mode == "RGB" else []

    @property
    def weight(self):
        return len(self.data["image/png"])

    def reduce(self):
        """Take the next step, unless nothing is gained by it; the bytes gained."""
        before, step = self.weight, self.steps.pop(0)
        png = base64.b64encode(self._of_few_colours() if step == COLOURS else self._at(step)).decode("ascii")
        if len(png) < before:
            self.data["image/png"] = png
        return before - self.weight

    @property
    def density(self):
        return self.drawn.width / self.shown.width

    def reduce_like(self, other):
        """Take the steps that the other one took."""
        while self.steps and (self.steps[0] == COLOURS and other.drawn.mode == "P"
                              or self.steps[0] != COLOURS and self.steps[0] > other.density - 0.1):
            self.reduce()

    def _at(self, density):
        size = round(density * self.shown.width), round(density * self.shown.height)
        return lightened(self.drawn.convert("RGB").resize(size, Image.Resampling.BOX))

    def _of_few_colours(self):
        return of_few_colours(Image.open(io.BytesIO(base64.b64decode(self.data["image/png"]))))
