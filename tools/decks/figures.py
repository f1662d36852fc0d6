"""Draws the figures of a deck, in the language asked for, with the functions of slides/figures/NN_name.py.

A figure is a function of one argument, `say`, that returns a matplotlib figure, or a list of them: the frames of an
animation. `say("evidence", "근거")` has the texts in the order of `LANGUAGES`: the first is for an English deck, the second
for a Korean one, and a language that it lacks gets the English. What all languages share, a model or its maps, the module
computes once, in functions of its own under `functools.cache`.
"""
import base64
import dataclasses
import importlib.util
import io
import logging
import warnings

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # the backend is chosen first
from matplotlib import font_manager
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from PIL import Image

from ..notebooks.fonts import NANUM
from .languages import LANGUAGES
from .source import SOURCES

SMALLEST_TEXT = 24  # pixels of a slide that is 720 high
SHARPNESS = 1.5     # pixels drawn for each pixel of the slide: a projector of 1920×1080
EFFORT = 1          # of the compression, 0 to 6; more would gain a tenth
MARGIN = 0.02       # inches around a cropped figure
STYLE = {"font.family": ["NanumGothic", "DejaVu Sans"], "mathtext.fontset": "dejavusans", "axes.unicode_minus": False}


def refuse(record):
    raise ValueError(f"A formula of this figure has a sign that its font lacks: {record.getMessage()}")


logging.getLogger("matplotlib.mathtext").addFilter(refuse)  # it would draw an empty box, and nobody might look


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure ready for the page: its size on the slide in pixels, its frames as data addresses, whether it says anything."""

    width: int
    height: int
    frames: list
    has_words: bool = True


def load_figures(name):
    """The module slides/figures/NN_name.py."""
    spec = importlib.util.spec_from_file_location(f"figures_{name}", SOURCES / "figures" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw(function, language, box):
    """Call one figure function and fit what it draws into `box`, (width, height) in pixels of the slide."""
    for file in NANUM.glob("NanumGothic*.ttf"):
        if str(file) not in {font.fname for font in font_manager.fontManager.ttflist}:
            font_manager.fontManager.addfont(file)

    said, place = [], list(LANGUAGES).index(language)

    def say(*texts):
        said.append(texts[place] if place < len(texts) else texts[0])
        return said[-1]

    with plt.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph")  # a sign that no font has would become an empty box
        drawn = function(say)
        figures = drawn if isinstance(drawn, list) else [drawn]
        crop = len(figures) == 1  # frames keep their canvas, so that nothing jumps from one to the next
        scale = min(scale_to_fit(figure.get_size_inches(), box) for figure in figures)
        for figure in figures:
            without_hidden_ticks(figure)
            make_legible(figure, scale)
            settle(figure, SHARPNESS * scale)
        if crop:
            scale = scale_to_fit(cropped(figures[0]).size, box)
        images = [image_of(figure, scale, crop) for figure in figures]
        for figure in figures:
            plt.close(figure)
    width, height = (min(round(pixels / SHARPNESS), most) for pixels, most in zip(images[0].size, box, strict=True))
    return Picture(width, height, [address(image) for image in images], has_words=bool(said))


def without_hidden_ticks(figure):
    """Take the ticks off axes that are switched off: to make them, unseen, takes as long as to draw the picture."""
    for axis in figure.axes:
        shared = axis.get_shared_x_axes().get_siblings(axis) + axis.get_shared_y_axes().get_siblings(axis)
        if not axis.axison and set(shared) == {axis}:
            axis.set(xticks=[], yticks=[])


def scale_to_fit(inches, box):
    """Pixels of the slide per inch of the figure, so that it just fits `box`."""
    return min(pixels / side for pixels, side in zip(box, inches, strict=True))


def settle(figure, dpi):
    """Lay the figure out once and for all: savefig would do it again, twice, and it takes longer than drawing."""
    figure.set_dpi(dpi)
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    figure.set_layout_engine(None)


def cropped(figure):
    """The part of a figure that is drawn on, in inches."""
    return figure.get_tightbbox().padded(MARGIN)


def make_legible(figure, scale):
    """Enlarge every text that would be smaller than SMALLEST_TEXT on the slide; `scale` is its pixels per inch."""
    points = 72 * SMALLEST_TEXT / scale
    for axis in figure.axes:
        for direction in (axis.xaxis, axis.yaxis):
            if isinstance(direction.get_major_locator(), MaxNLocator):  # chosen by matplotlib, for smaller text
                direction.get_major_locator().set_params(nbins=4)
        if axis.axison:
            axis.tick_params(labelsize=max(points, *(label.get_fontsize() for label in axis.get_xticklabels()), 0))
    for text in figure.findobj(Text):
        text.set_fontsize(max(points, text.get_fontsize()))


def image_of(figure, scale, crop):
    file = io.BytesIO()
    figure.set_dpi(SHARPNESS * scale)
    figure.savefig(file, format="png", dpi=SHARPNESS * scale, facecolor="white", pil_kwargs={"compress_level": 0},
                   bbox_inches=cropped(figure) if crop else None)  # "tight" would draw twice
    return Image.open(file).convert("RGB")


def address(image):
    """The image as a data address: WebP without loss, a third of a PNG's size."""
    file = io.BytesIO()
    image.save(file, format="webp", lossless=True, method=EFFORT, quality=20)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")
