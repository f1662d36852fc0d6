"""The course's ideas as drawings, in the notebooks and on the slides: one code for both.

Each drawing takes `say`, which picks the language of its labels out of one text for each, and returns a figure, laid out
in inches of 100 pixels of a slide: (11.7, 5) fills one. In a notebook, `plots.show(drawings.two_heads(), alt)`.
"""

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from .plots import BLUE, GREY, ORANGE, picture, plt

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


# ---- notebook 11: tokens in place of a feature map


def tokens(scene, say=english):
    """An image (h, w, 3) is cut into patches, which become tokens; behind four blocks only the class token is read."""
    figure, axis = canvas(11.7, 4.4)
    patches = tile(figure, scene, 0.05, 1.1, 2.2)
    for k in range(9):
        cut = k * (len(scene) - 1) / 8
        patches.axvline(cut, color="white", linewidth=1)
        patches.axhline(cut, color="white", linewidth=1)
    axis.text(1.15, 0.7, say("cut into 8×8", "8×8로 나눔"), fontsize=TEXT, ha="center", va="center")
    heights = (3.9, 3.2, 2.7, 2.2, 1.7, 0.9)
    axis.text(3.1, 2.75, say("convo-\nlutions", "합성곱"), fontsize=TEXT, ha="center", va="center", color=GREY)
    arrow(axis, (2.4, 2.2), (3.8, 2.2))
    for x in (4.2, 9.3):
        _token_column(axis, x, heights, BLUE if x < 5 else GREY)
    axis.text(4.2, 0.4, say("64 tokens", "토큰 64개"), fontsize=TEXT, ha="center", va="center", color=BLUE)
    axis.text(3.9, 3.9, say("class token", "클래스 토큰"), fontsize=TEXT, ha="right", va="center", color=ORANGE)
    for k in range(4):
        block(axis, 5.45 + 0.9 * k, 2.4, say("block", "블록") + f"\n{k + 1}", width=0.75, height=3.6)
    arrow(axis, (4.5, 2.4), (5.02, 2.4))
    arrow(axis, (8.55, 2.4), (9.03, 2.4))
    arrow(axis, (9.6, 3.9), (10.1, 3.9), colour=ORANGE, width=4)
    block(axis, 10.9, 3.9, say("6 scores", "점수 6개"), width=1.5, height=0.8, colour=ORANGE)
    return figure


def after_the_last_block(say=english):
    """Into the last block all tokens reach the class token; behind it the others lead nowhere."""
    figure, axis = canvas(11.7, 3.4)
    heights = (3.0, 2.35, 1.85, 1.35, 0.6)
    for x, places in ((3.6, BLUE), (7.2, GREY)):
        _token_column(axis, x, heights, places)
    for y in heights[1:]:
        arrow(axis, (3.9, y), (6.9, 2.93), colour=BLUE, width=2)
    arrow(axis, (3.9, 3.0), (6.9, 3.0), colour=ORANGE)
    arrow(axis, (7.5, 3.0), (8.6, 3.0), colour=ORANGE, width=4)
    block(axis, 9.85, 3.0, say("Dense, score", "Dense, 점수"), width=2.3, height=0.7, colour=ORANGE)
    axis.text(5.4, 0.6, say("last attention", "마지막 어텐션"), fontsize=TEXT, ha="center", va="center", color=BLUE)
    axis.text(3.3, 1.85, "block3", fontsize=TEXT, ha="right", va="center", color=GREY)
    axis.text(7.55, 2.3, "block4", fontsize=TEXT, va="center", color=GREY)
    axis.text(7.55, 1.35, r"$\partial y^c/\partial x_t = 0$", fontsize=24, va="center", color=GREY)
    return figure


def _token_column(axis, x, heights, places=BLUE, size=0.42):
    """The class token, the first of `heights`, and tokens of places below it; between the last two there are more."""
    for k, y in enumerate(heights):
        block(axis, x, y, "", width=size, height=size, colour=places if k else ORANGE)
    middle = (heights[-1] + heights[-2]) / 2
    axis.plot([x] * 3, [middle - 0.1, middle, middle + 0.1], ".", color=GREY)
