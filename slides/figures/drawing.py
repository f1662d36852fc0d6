"""What several decks draw: diagrams of layers, number grids with places marked; and what they draw it from.

Figures are laid out in inches of 100 pixels of the slide: (11.7, 5) fills a slide, (6, 5.2) its right half.
"""
import functools

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from lecture_utils import load_mnist, load_model, load_neu
from lecture_utils.plots import BLUE, GREY, ORANGE, picture, plt
from tools.decks.code import numbers

PALE = {BLUE: "#dcecf7", ORANGE: "#fbe6da", GREY: "#eceff2"}
TEXT = 17.5  # points: 24 pixels of the slide


@functools.cache
def mnist():
    return load_mnist()


@functools.cache
def neu():
    return load_neu()


@functools.cache
def shipped(name):
    return load_model(name)


def canvas(width, height):
    """An empty figure whose axis counts in inches."""
    figure, axis = plt.subplots(figsize=(width, height))
    figure.subplots_adjust(0, 0, 1, 1)
    axis.set_xlim(0, width)
    axis.set_ylim(0, height)
    axis.set_axis_off()
    return figure, axis


def block(axis, x, y, text, width=1.6, height=0.9, colour=BLUE, size=TEXT):
    """A box with a text, its centre at (x, y): a layer of a network."""
    axis.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.1",
                                  facecolor=PALE[colour], edgecolor=colour, linewidth=2))
    axis.text(x, y, text, ha="center", va="center", fontsize=size)


def arrow(axis, start, end, colour=GREY, width=2.5, bend=0.0):
    """An arrow from `start` to `end`, each (x, y)."""
    axis.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=22, linewidth=width, color=colour,
                                   shrinkA=0, shrinkB=0, connectionstyle=f"arc3,rad={bend}"))


def mark(axis, row, column, rows=1, columns=1, colour=ORANGE):
    """Outline places of a number grid or an image, from (row, column) on."""
    axis.add_patch(Rectangle((column - 0.5, row - 0.5), columns, rows, fill=False, linewidth=5, edgecolor=colour,
                             clip_on=False, zorder=5))


def tile(figure, image, x, y, side):
    """A picture on a canvas, its lower left corner at (x, y), all in inches; returns its axis, which counts in pixels."""
    width, height = figure.get_size_inches()
    axis = figure.add_axes([x / width, y / height, side / width, side / height])
    picture(axis, image)
    return axis


def row_of(images, titles, width=11.7, height=3.6):
    """Pictures side by side under titles of the slide's size."""
    figure, axes = plt.subplots(1, len(images), figsize=(width, height), layout="constrained")
    for axis, image, title in zip(axes, images, titles, strict=True):
        picture(axis, image)
        axis.set_title(title, fontsize=TEXT, pad=8, linespacing=1.3)
    return figure


# ---- numbers, as a slide writes them


def signed(text):
    return text.replace("-", "\N{MINUS SIGN}")


def paired(line):
    """A difference and its interval, the last three numbers of a line, as a slide writes them."""
    return signed("{:+.2f} [{:+.2f}, {:+.2f}]".format(*numbers(line)[-3:]))


def interval(values):
    """A mean and its interval, the first three of `values`."""
    return signed("{:.2f} [{:.2f}, {:.2f}]".format(*values))
