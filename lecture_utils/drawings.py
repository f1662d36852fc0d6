"""The course's ideas as drawings, in the notebooks and on the slides: one code for both.

Each drawing takes `say`, which picks the language of its labels out of one text for each, and returns a figure, laid out
in inches of 100 pixels of a slide: (11.7, 5) fills one. In a notebook, `plots.show(drawings.two_heads(), alt)`.
"""

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from .plots import BLUE, GREY, ORANGE, number_grid, picture, plt

PALE = {BLUE: "#dcecf7", ORANGE: "#fbe6da", GREY: "#eceff2"}
TEXT = 17.5  # points: 24 pixels of the slide


def english(text, *translations):
    """The `say` of the notebooks."""
    return text


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


# ---- notebook 3: the gradient's way back, the sum that builds the map


def gradient_flows(digit, forward=5, back=4, say=english):
    """A 6 goes forward to its score by `forward` arrows, and the gradient comes back by `back`, to conv3, conv2 and conv1."""
    xs = np.linspace(2.9, 10.9, 5)
    figure, axis = canvas(11.7, 4.3)
    axis.imshow(digit[..., 0], cmap="gray", extent=(0.15, 1.65, 1.6, 3.1), zorder=3)
    axis.set_xlim(0, 11.7)
    axis.set_ylim(0, 4.3)
    for k, (x, name) in enumerate(zip(xs, ["conv1", "conv2", "conv3", "Dense", "$y^6$"], strict=True)):
        reached = k < forward
        block(axis, x, 2.35, name, width=1.3, height=1.1, colour=BLUE if reached else GREY)
        if reached:
            arrow(axis, ((xs[k - 1] + 0.67) if k else 1.7, 2.35), (x - 0.67, 2.35), colour=BLUE, width=4)
    for k in range(back):
        start, end = xs[4 - k], xs[3 - k]
        arrow(axis, (start - 0.15, 1.75), (end + 0.15, 1.75), colour=ORANGE, width=4, bend=-0.35)
        if k:
            axis.text(end, 0.75, r"$\partial y^6/\partial A$", ha="center", fontsize=TEXT, color=ORANGE)
    axis.text(0.15, 3.8, say("forward: feature maps and scores", "순전파: 특징 맵과 점수"), fontsize=TEXT, color=BLUE)
    if back:
        axis.text(0.15, 0.1, say("back: one gradient at every layer", "역전파: 모든 층에서 기울기 하나씩"),
                  fontsize=TEXT, color=ORANGE)
    return figure


def weighted_sum(A, alpha, shown=4, cell=2.9, say=english):
    """Two maps A (2, h, w) times their weights, the sum, the ReLU with what is left outlined; the first `shown` of these."""
    parts = [weight * map_ + 0.0 for weight, map_ in zip(alpha, A, strict=True)]        # + 0.0: no minus sign before a zero
    titles = [f"${weight:g}\\,A^{k}$" for k, weight in enumerate(alpha, start=1)]
    positive = np.maximum(sum(parts), 0)
    steps = dict(zip(titles, parts, strict=True)) | {say("sum", "합"): sum(parts), say("ReLU(sum)", "ReLU(합)"): positive}
    figure = number_grid(steps, columns=4, cell=cell)
    for axis in figure.axes[shown:]:
        axis.set_visible(False)
    if shown == 4:
        for row, column in zip(*np.nonzero(positive), strict=True):
            mark(figure.axes[3], row, column)
    return figure
