"""The course's ideas as drawings, in the notebooks and on the slides: one code for both.

Each drawing takes `say`, which picks the language of its labels out of one text for each, and returns a figure, laid out
in inches of 100 pixels of a slide: (11.7, 5) fills one. In a notebook, `plots.show(drawings.two_heads(), alt)`.
"""

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from .plots import BLUE, EVIDENCE, GREY, ORANGE, SIGNED, number_grid, picture, plt

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


# ---- notebooks 1 and 2: the sliding kernel, two heads on one trunk, the sum that builds a map


def kernel_slides(say=english, steps=(1, 3, 7)):
    """The kernel [1, -1] on a bright bar; below, the result as far as it is known: a column for each of `steps`, from 1."""
    bar = np.zeros((3, 8), int)
    bar[:, 2:6] = 1
    y = bar[:, :-1] - bar[:, 1:]
    if len(steps) == 1:
        titles = [say("image $x$: a bright bar", "이미지 $x$: 밝은 막대"),
                  say("$y$: the left neighbour minus the right one", "$y$: 왼쪽 이웃에서 오른쪽 이웃을 뺀 것")]
    else:
        titles = [*(say(f"place {step}", f"{step}번째 위치") for step in steps),
                  *(say(f"$y$ up to place {step}", f"{step}번째 위치까지의 $y$") for step in steps)]
    figure = number_grid(dict(zip(titles, [bar] * len(steps) + [y] * len(steps), strict=True)), columns=len(steps), cell=2.4)
    for step, image, result in zip(steps, figure.axes, figure.axes[len(steps):], strict=False):
        if step <= y.shape[1]:
            mark(image, 1, step - 1, columns=2)
            mark(result, 1, step - 1)
        for text, (_, column) in zip(result.texts, np.ndindex(y.shape), strict=True):
            text.set_visible(column < step)
        result.imshow(np.where(np.arange(y.shape[1]) >= step, 1.0, np.nan) * np.ones((3, 1)), cmap="gray", vmin=0, vmax=1)
        result.set_xlim(-1, 7)  # cells as large as the image's
    figure.set_size_inches(3.7 * len(steps), 2.9)
    return figure


def two_heads(parameters, say=english):
    """A trunk, and above it the heads of `neu_dense` and `neu_gap`. parameters: name → parameters of the head."""
    figure, axis = canvas(11.7, 4.7)
    block(axis, 1.1, 2.35, say("trunk:\nfour\nconvolutions", "백본:\n합성곱\n층 4개"), width=1.9, height=2.1, colour=GREY)
    block(axis, 3.5, 2.35, "$A$\n25×25×64", width=1.8, height=1.3, colour=GREY)
    arrow(axis, (2.07, 2.35), (2.58, 2.35))
    for y, name, first, second in (
            (3.75, "neu_dense", say("pool 5×5,\nFlatten\n1600", "풀링 5×5,\nFlatten\n1600"), "Dense\n64"),
            (0.95, "neu_gap", say("GAP: means\n64", "GAP: 평균\n64"), None)):
        colour = ORANGE if second else BLUE
        block(axis, 5.75, y, first, width=1.8, height=1.2, colour=colour)
        arrow(axis, (4.42, 2.35), (4.83, y))
        if second:
            block(axis, 7.8, y, second, width=1.5, height=1.2, colour=colour)
            arrow(axis, (6.67, y), (7.03, y))
        block(axis, 9.75, y, say("scores\n6", "점수\n6"), width=1.5, height=1.2, colour=colour)
        arrow(axis, (8.57 if second else 6.67, y), (8.98, y))
        count = f"{parameters[name]:,}"
        axis.text(7.75, y - 0.93, say(f"{name}: {count} parameters in the head", f"{name}: 헤드의 매개변수 {count}개"),
                  ha="center", va="center", fontsize=TEXT, color=colour)
    return figure


def sum_builds_up(A, w, counts=(1, 3, 10, 64), say=english):
    """Σ_k w_k A^k, channel by channel: above, the last channel added; below, the sum so far. A column for each of `counts`.

    A: feature maps (h, w, K) of one image; w: weights (K,) of one class. Channels with the highest peaks come first.
    """
    figure, axes = plt.subplots(2, len(counts), figsize=(2.5 * len(counts), 5), layout="constrained", squeeze=False)
    for count, (above, below) in zip(counts, axes.T, strict=True):
        last_channel(above, A, w, count, say)
        drawn = sum_so_far(below, A, w, count, say)
    figure.colorbar(drawn, ax=axes[1], fraction=0.046, pad=0.02)
    return figure


def by_their_peaks(A, w):
    """The channels, from the one that adds the highest peak to the map to the one that adds the lowest."""
    return np.argsort(-np.abs(w * A.max(axis=(0, 1))))


def last_channel(axis, A, w, count, say=english):
    """The channel that is added as number `count`, and its weight; at last all of them, weighted, as 8×8 tiles."""
    k, sign = by_their_peaks(A, w)[count - 1], say("times", "×")
    if count < len(w):
        axis.imshow(A[..., k], cmap=EVIDENCE, vmin=0, vmax=A.max())
        axis.set_title(rf"$A^{{{k}}}$  {sign}  $w = {w[k]:.2f}$")
    else:
        top = np.abs(A @ w).max()
        height, width, _ = A.shape
        tiles = (A * w).reshape(height, width, 8, 8).transpose(2, 0, 3, 1).reshape(8 * height, 8 * width)
        axis.imshow(tiles, cmap=SIGNED, vmin=-top / 4, vmax=top / 4)
        axis.set_title(say(f"all $A^k$  {sign}  $w_k$", f"모든 $A^k$  {sign}  $w_k$"))
    axis.set_axis_off()


def sum_so_far(axis, A, w, count, say=english):
    """The sum of the first `count` weighted channels, on the scale of the whole; returns what a colour bar needs."""
    top, first = np.abs(A @ w).max(), by_their_peaks(A, w)[:count]
    drawn = axis.imshow(A[..., first] @ w[first], cmap=SIGNED, vmin=-top, vmax=top)
    axis.set_title(say(f"sum of {count} channel" + "s" * (count > 1), f"채널 {count}개의 합"))
    axis.set_axis_off()
    return drawn
