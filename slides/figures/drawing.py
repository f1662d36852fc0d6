"""What several decks draw: diagrams of layers, number grids with places marked; and what they draw it from.

Figures are laid out in inches of 100 pixels of the slide: (11.7, 5) fills a slide, (6, 5.2) its right half.
"""
import functools

from lecture_utils import load_mnist, load_model, load_neu
from lecture_utils.drawings import PALE, TEXT, arrow, block, canvas, mark, tile  # noqa: F401  (the decks take them from here)
from lecture_utils.plots import BLUE, GREY, ORANGE, picture, plt  # noqa: F401
from tools.decks.code import numbers


@functools.cache
def mnist():
    return load_mnist()


@functools.cache
def neu():
    return load_neu()


@functools.cache
def shipped(name):
    return load_model(name)


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


def cells(texts):
    """What stands in the cells of a row of a slide's table."""
    return signed(" | ".join(texts))


def paired(line):
    """A difference and its interval, the last three numbers of a line, as a slide writes them."""
    return signed("{:+.2f} [{:+.2f}, {:+.2f}]".format(*numbers(line)[-3:]))


def interval(values):
    """A mean and its interval, the first three of `values`."""
    return signed("{:.2f} [{:.2f}, {:.2f}]".format(*values))
