"""The course's ideas as drawings, in the notebooks and on the slides: one code for both.

Each drawing takes `say`, which picks the language of its labels out of one text for each, and returns a figure, laid out
in inches of 100 pixels of a slide: (11.7, 5) fills one. In a notebook, `plots.show(drawings.two_heads(), alt)`.
"""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from scipy import ndimage

from .localize import boxes, iou
from .plots import BLUE, GREY, ORANGE, draw_boxes, overlay, picture, plt

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


# ---- from a map to a box, and the network without the marked pixels


def wide_boxes(axis, drawn, colour="#56B4E9", width=4):
    """Boxes (k, 4) with lines that can be seen from the last row."""
    draw_boxes(axis, drawn, colour)
    for box in axis.patches:
        box.set_linewidth(width)


def box_steps(image, L, truth, threshold=0.15, say=english, width=4):
    """From a map to a box and its IoU: a list of seven pairs, a title and the function that draws the step on an axis.

    image: (height, width, ...); L: (height, width); truth: boxes (k, 4) that people drew; width: of the boxes' lines.
    """
    marked = L >= threshold * L.max()
    regions, count = ndimage.label(marked, np.ones((3, 3)))
    largest = regions == 1 + np.argmax(ndimage.sum_labels(marked, regions, range(1, count + 1)))
    colours = ListedColormap(["black", *[ORANGE, BLUE, "#009E73", "#CC79A7", "#F0E442", "#56B4E9"][:max(count, 1)]])
    box = boxes(L, threshold)[:1]
    grey = lambda axis, mask: axis.imshow(mask, cmap="gray", interpolation="nearest")
    own = lambda axis: wide_boxes(axis, box, ORANGE, width)
    drawn = lambda axis: wide_boxes(axis, truth, width=width)
    coloured = lambda axis: axis.imshow(regions, cmap=colours, interpolation="nearest")
    return [(say("a plate, and where\nthe expert sees the defect", "강판과, 전문가가\n결함이라고 본 곳"),
             lambda axis: (picture(axis, image), drawn(axis))),
            (say("the map", "맵"), lambda axis: picture(axis, overlay(image, L))),
            (say(f"1. at least {threshold:.0%}\nof the maximum", f"1. 최댓값의\n{threshold:.0%} 이상").replace("%", " %"),
             lambda axis: grey(axis, marked)),
            (say("2. connected regions", "2. 연결된 영역들"), coloured),
            (say("2. the largest one", "2. 그중 가장 큰 것"), lambda axis: grey(axis, largest)),
            (say("3. its box", "3. 그 상자"), lambda axis: (grey(axis, largest), own(axis))),
            (say("both boxes:", "두 상자:") + f"\nIoU {iou(box, truth).max():.2f}",
             lambda axis: (picture(axis, image), drawn(axis), own(axis)))]


def map_to_box(say=english):
    """The seven steps side by side, of a drawn map with three bright places; the brightest is not the largest."""
    rows, columns = np.mgrid[:20, :20]
    spot = lambda row, column, height, spread: height * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / spread ** 2)
    L = np.maximum.reduce([spot(4, 15, 1, 2), spot(11, 6, 0.8, 4.5), spot(16, 16, 0.6, 2.5)])
    plate = np.full((20, 20), 0.62)
    plate[8:17, 3:9] = 0.3
    figure, axes = plt.subplots(1, 7, figsize=(10.3, 2.1), layout="constrained")
    steps = box_steps(plate, L, [[3, 8, 9, 17]], 0.4, say, width=2.5)
    steps[0] = say("a plate, and\nthe expert's box", "강판과\n전문가의 상자"), steps[0][1]
    for axis, (title, draw) in zip(axes, steps, strict=True):
        draw(axis)
        axis.set_axis_off()
        axis.set_title(title, fontsize=8.5, pad=4)
    return figure


def erased_pixels(image, L, empty, say=english, shares=(0, 0.1, 0.3, 0.6, 1)):
    """What the deletion test shows the network: an image without its pixels of highest L; below, two curves of the idea.

    image: (height, width, ...), float in [0, 1]; L: (height, width); empty: what stands in the place of missing pixels,
    such as the image blurred, of its shape. The curves are drawn by hand, not measured.
    """
    rank = np.argsort(np.argsort(-L, axis=None)).reshape(L.shape + (1,) * (image.ndim - 2))
    figure = plt.figure(figsize=(9.6, 4.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1, 1.15])
    axes = above.subplots(1, len(shares) + 1)
    picture(axes[0], overlay(image, L), say("the map", "맵"))
    for axis, share in zip(axes[1:], shares, strict=True):
        title = say(f"{share:.0%} gone", f"{share:.0%} 지움").replace("%", " %")
        picture(axis, np.where(rank < share * L.size, empty, image), title)
    _falling_curves(below.subplots(), shares, say)
    return figure


def _falling_curves(axis, shares, say):
    """A confidence that falls at once and one that falls late, over the share of pixels that are gone."""
    x = np.linspace(0, 1, 101)
    curves = {say("a map that is right about what matters", "중요한 곳을 맞힌 맵"): (0.95 * np.exp(-6 * x) + 0.03, BLUE, "-"),
              say("a map that knows nothing", "아무것도 모르는 맵"): (0.98 - 0.95 * x ** 1.6, GREY, "--")}
    for name, (y, colour, style) in curves.items():
        axis.plot(x, y, style, color=colour, linewidth=2.5, label=name)
        axis.plot(shares, np.interp(shares, x, y), "o", color=colour, markersize=7)
    (first, colour, _), _ = curves.values()
    axis.fill_between(x, 0, first, color=colour, alpha=0.15, linewidth=0)
    axis.text(0.03, 0.12, say("area = score", "넓이 = 점수"), fontsize=10, color=colour)
    axis.set_xticks(shares, [f"{share:.0%}" for share in shares], fontsize=9)
    axis.set_yticks([0, 1], ["0", "1"], fontsize=9)
    axis.set_xlim(-0.01, 1.01)
    axis.set_ylim(0, 1.03)
    axis.set_xlabel(say("share of the pixels that are gone, highest first", "지운 픽셀의 비율, 높은 것부터"), fontsize=10)
    axis.set_ylabel(say("confidence", "확신도"), fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=10, loc="upper right")
