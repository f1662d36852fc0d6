"""Every figure style of the course in one place: overlays, grids, colour-blind-safe maps.

Functions return a matplotlib figure, so that a notebook can still add to it; `show` puts it on the
page together with its alternative text. Evidence *for* a class is drawn in ``inferno`` (dark = none),
values with two signs in ``RdBu_r`` with white at zero. Both can be told apart by people who do not
see red and green as others do, and both grow evenly in lightness, which ``jet`` does not.
"""

from __future__ import annotations

import io
import numbers
import re
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from .explain.cam import normalize, upsample
from .language import language, say, spoken, worded
from .png import lightened

EVIDENCE = "inferno"    # maps that are never negative
SIGNED = "RdBu_r"       # maps with two signs
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A8A8A"   # from the Okabe–Ito palette
LINES = [(BLUE, "-"), (ORANGE, "--"), (GREY, ":"), ("#009E73", "-."), ("#CC79A7", "-"), ("#000000", "--")]   # of series
CELL = 1.75             # side of one picture in a grid, inches
DPI = 90                # pixels of the page for an inch
SCORE = worded("class score y")
DENSITY = 2             # pixels drawn for each of them: sharp on fine screens
FONT = Path(__file__).parent / "fonts/CourseGothic-Regular.ttf"     # for words in Hangul, which matplotlib's own font lacks
HANGUL = re.compile("[ㄱ-ㅣ가-힣]")


def letter_in_korean() -> None:
    """From now on figures are lettered with the course's Korean font, and with matplotlib's own where that has no sign.

    On import this is done where the reader's language is Korean (COURSE_LANG); English figures keep their font.

    >>> with plots.plt.rc_context():
    ...     plots.letter_in_korean()
    ...     plots.plt.rcParams["font.family"]
    ['Course Gothic', 'DejaVu Sans']
    """
    fonts = font_manager.fontManager
    if str(FONT) not in {font.fname for font in fonts.ttflist}:
        fonts.addfont(FONT)
        fonts.ttflist.append(replace(fonts.ttflist[-1], weight=700))    # there is no bolder one; it is not to be missed aloud
    plt.rcParams["font.family"] = ["Course Gothic", "DejaVu Sans"]


if language() == "ko":
    letter_in_korean()


def show(figure, alt) -> None:
    """Put `figure` on the page with its alternative text `alt`, then release it.

    figure: a figure of matplotlib's, or the path of a PNG that has a pixel for each of the page's. Of one that holds Korean
        words, or lies in a folder ko, the picture's metadata say `"lang": "ko"`.
    Raises ValueError for an `alt` that is empty.

    >>> figure = plots.image_grid([np.eye(4)])
    >>> plots.show(figure, "A diagonal line of four white squares on black.")
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError(say("show() needs an alternative text: say in a sentence or two what the figure shows."))
    is_figure = isinstance(figure, Figure)
    png, density = (_drawn(figure), DENSITY) if is_figure else (Path(figure).read_bytes(), 1)
    in_korean = _in_hangul(figure) if is_figure else Path(figure).parent.name == "ko"   # now: ticks get labels when drawn
    words = {"lang": "ko"} if in_korean else {}
    width, height = Image.open(io.BytesIO(png)).size
    size = {"width": round(width / density), "height": round(height / density)}
    display({"image/png": png, "text/plain": alt}, metadata={"image/png": {"alt": alt, **size, **words}}, raw=True)


def _drawn(figure):
    """The bytes of a PNG of the figure, which is released."""
    for text in _in_hangul(figure):
        text.set_linespacing(1.4)       # its letters fill the line; of one line it changes nothing
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=DENSITY * DPI, bbox_inches="tight", facecolor="white", pil_kwargs={"compress_level": 1})
    plt.close(figure)
    return lightened(Image.open(png))


def _in_hangul(figure):
    """The texts of the figure that hold Korean."""
    return [text for text in figure.findobj(Text) if HANGUL.search(text.get_text())]


def overlay(image, map_, alpha: float = 0.5, cells=None, input_size=None) -> NDArray[np.uint8]:
    """Lay a heat map over the image it explains.

    The map is divided by its own maximum, enlarged to the image (bilinear) and coloured; negative
    values, evidence *against* the class, are drawn like zero: `map_grid(..., signed=True)` shows them.

    image: (h, w), (h, w, 1) or (h, w, 3); float in [0, 1] or uint8 in [0, 255].
    map_: (rows, columns), any resolution.
    alpha: opacity of the map, 0 (only the image) to 1 (only the map).
    cells, input_size: where the map's cells look, as for `upsample`; None stretches it evenly over the image.

    Returns uint8 (h, w, 3), RGB.
    Raises ValueError for wrong shapes, values that are not finite, a float image outside [0, 1], `alpha` outside [0, 1].

    >>> photo = load_photo("cat")
    >>> overlay(photo, centre_maps(1, size=(7, 7))[0]).shape == photo.shape
    True
    """
    base = _rgb(image)
    map_ = np.asarray(map_)
    if map_.ndim != 2 or map_.size == 0 or map_.dtype.kind not in "fiub" or not np.isfinite(map_).all():
        raise ValueError(say("overlay() expects one finite map of shape (rows, columns), got shape {shape}. "
                             "Of a batch of maps, take one: maps[0].", shape=map_.shape))
    if not isinstance(alpha, numbers.Real) or not 0 <= alpha <= 1:
        raise ValueError(say("alpha is an opacity between 0 and 1, got {alpha!r}.", alpha=alpha))
    evidence = normalize(np.maximum(map_, 0)[None])
    heat = plt.get_cmap(EVIDENCE)(upsample(evidence, base.shape[:2], cells, input_size)[0])[..., :3]
    return np.round(255 * ((1 - alpha) * base + alpha * heat)).astype(np.uint8)


def signed_image(gradient, percentile=99.5) -> NDArray[np.float32]:
    """Turn one signed attribution, (h, w) or (h, w, channels), into a picture with grey for zero.

    All values are divided by one number, the given percentile of their absolute value, so that a
    few extreme pixels do not leave the rest grey. Returns float32 in [0, 1], same shape.

    >>> plots.signed_image(np.array([[-2.0, 0.0, 2.0]]))
    array([[0. , 0.5, 1. ]], dtype=float32)
    """
    gradient = np.asarray(gradient, dtype=np.float32)
    scale = np.percentile(np.abs(gradient), percentile) or np.abs(gradient).max() or 1.0
    return np.clip(0.5 + 0.5 * gradient / scale, 0, 1)


def image_grid(images, titles=None, columns=6, cell=CELL, boxes=None) -> Figure:
    """Pictures side by side, `columns` a row, each with its title and, where given, its boxes.

    images: sequence of (h, w), (h, w, 1) or (h, w, 3) pictures, float in [0, 1] or uint8.
    titles: one string a picture.
    columns: pictures a row; cell: side of one picture, in inches.
    boxes: one array (k, 4) of x0, y0, x1, y1 a picture, in its pixels.

    >>> figure = plots.image_grid([load_photo("cat"), load_photo("coffee")], ["a cat", "a cup of coffee"])
    >>> plots.show(figure, "Two photographs: a cat's face, and a cup of coffee with a spoon.")
    """
    figure, axes = _grid(-(-len(images) // columns), min(columns, len(images)), cell, titles)
    for index, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):      # the last row may end early
        picture(axis, image, titles[index] if titles else None)
        if boxes is not None:
            draw_boxes(axis, boxes[index])
    return figure


def answers(images, maps, true, predicted, probability, class_names, columns=8, cell=1.0, cells=None) -> Figure:
    """What a network answered, and where it looked: each image beside its map laid over it; wrong answers have a frame.

    Above each pair stands the true class, and after an arrow the answer, if it is another one, with its probability.

    images: (n, h, w, channels), float in [0, 1]; maps: (n, rows, columns).
    true, predicted: numbers of classes, (n,); probability: of the predicted class, (n,); class_names: as many as classes.
    columns: pairs a row; cell: height of one pair, in inches.
    cells: where the maps' cells look (`cell_centres`), as for `overlay`.

    >>> photo = load_photo("cat")[None]
    >>> figure = plots.answers(photo, centre_maps(1, size=(7, 7)), [0], [1], [0.6], ["cat", "dog"], columns=1)
    >>> plots.show(figure, "A cat and the same cat under a bright spot; it was taken for a dog, so there is a frame.")
    """
    titles = [class_names[t] + (f"\n{p:.0%}" if q == t else f"\n→ {class_names[q]} {p:.0%}")
              for t, q, p in zip(true, predicted, probability, strict=True)]
    figure, axes = _grid(-(-len(images) // columns), min(columns, len(images)), cell, titles)
    figure.set_figwidth(1.9 * figure.get_figwidth())
    for n, (axis, image, map_) in enumerate(zip(axes.flat, images, maps, strict=False)):
        pair = np.hstack([np.round(255 * _rgb(image)).astype(np.uint8), overlay(image, map_, cells=cells)])
        picture(axis, pair, titles[n])
        axis.title.set_fontsize(6.5)
        if predicted[n] != true[n]:
            draw_boxes(axis, [(0, 0, pair.shape[1], pair.shape[0])], ORANGE)
    return figure


def map_grid(images, maps, row_titles=None, signed=False, overlaid=True, boxes=None, cell=CELL, cells=None) -> Figure:
    """One row an image: the image itself, then one map for each entry of `maps`.

    images: (n, h, w, channels), float in [0, 1].
    maps: dict of column title → maps (n, rows, columns).
    row_titles: one string an image, written at its left.
    signed: draw the bare maps in a diverging colour map, white at zero, each with its own symmetric range; else evidence
        only.
    overlaid: lay unsigned maps over the image; False draws them bare, at their own resolution, each on its own scale
        from 0, with a colour bar.
    boxes: one array (k, 4) an image, drawn on every picture of its row.
    cell: side of one picture, in inches.
    cells: where the maps' cells look (`cell_centres`), for all maps or as a dict by column title; for `overlaid`.

    >>> photo = load_photo("cat")[None]
    >>> figure = plots.map_grid(photo, {"the middle": centre_maps(1, size=(7, 7))})
    >>> plots.show(figure, "Left a cat, right the same photograph with a bright spot in the middle.")
    """
    placed = cells if isinstance(cells, dict) else dict.fromkeys(maps, cells)
    figure, axes = _grid(len(images), 1 + len(maps), cell, [*maps])
    if signed or not overlaid:                                  # room for the colour bars, else the rows drift apart
        figure.set_figwidth(figure.get_figwidth() + 0.28 * cell * len(maps))
    for row, image in enumerate(images):
        picture(axes[row, 0], image, say("input") if row == 0 else None)
        if row_titles:
            _row_title(axes[row, 0], row_titles[row])
        for column, (name, batch) in enumerate(maps.items(), start=1):
            axis, title = axes[row, column], name if row == 0 else None
            if overlaid and not signed:
                picture(axis, overlay(image, batch[row], cells=placed[name]), title)
            else:
                bare_map(axis, batch[row], title, signed=signed)
        for axis in axes[row]:
            if boxes is not None and (overlaid or axis is axes[row, 0]) and not (signed and axis is not axes[row, 0]):
                draw_boxes(axis, boxes[row])
    return figure


def picture(axis, image, title=None) -> None:
    """Draw one image on `axis`, grey values from 0 to 1 as they are (no stretching of contrast).

    >>> figure, axis = plots.plt.subplots()
    >>> plots.picture(axis, load_photo("cat"), "a cat")
    """
    axis.imshow(_rgb(image), interpolation="nearest")
    _bare(axis, title)


def bare_map(axis, map_, title=None, signed=False) -> None:
    """Draw one map (rows, columns) on `axis` at its own resolution, with a colour bar of its scale.

    signed: with white at zero, as in `map_grid`.

    >>> figure, axis = plots.plt.subplots()
    >>> plots.bare_map(axis, np.array([[1, -2], [0, 3]]), signed=True)
    """
    map_ = np.asarray(map_)
    top = np.abs(map_).max() or 1.0
    drawn = axis.imshow(map_, cmap=SIGNED if signed else EVIDENCE, vmin=-top if signed else 0, vmax=top,
                        interpolation="nearest")
    bar = axis.figure.colorbar(drawn, ax=axis, fraction=0.046, pad=0.03)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
    _bare(axis, title)


def draw_boxes(axis, boxes, colour="#56B4E9") -> None:
    """Outline boxes (k, 4) of x0, y0, x1, y1 in pixels, upper bounds exclusive, on `axis`.

    >>> figure, axis = plots.plt.subplots()
    >>> plots.picture(axis, load_photo("cat"))
    >>> plots.draw_boxes(axis, [[120, 30, 330, 240]])
    """
    for x0, y0, x1, y1 in np.asarray(boxes).reshape(-1, 4):
        axis.add_patch(Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, linewidth=1.4, edgecolor=colour))


def feature_maps(A, columns=8, cell=1.0) -> Figure:
    """All channels of one image's feature map A (h, w, K), each on its own grey scale.

    columns: channels a row; cell: side of one picture, in inches.

    >>> figure = plots.feature_maps(random_maps(16, size=(7, 7)).transpose(1, 2, 0))
    >>> plots.show(figure, "Sixteen squares of noise, in two rows.")
    """
    A = np.asarray(A)
    figure, axes = _grid(-(-A.shape[-1] // columns), columns, cell)
    for k, axis in enumerate(axes.flat[:A.shape[-1]]):
        axis.imshow(A[..., k], cmap="gray", interpolation="nearest")
        _bare(axis, None)
    return figure


def number_grid(arrays, columns=3, cell=CELL) -> Figure:
    """Small matrices side by side, each value written in its cell; tinted red above zero, blue below.

    All cells are of one size.

    arrays: dict of title → (h, w) array; all are tinted on one scale.
    columns: matrices a row; cell: side of one, in inches.

    >>> figure = plots.number_grid({"A": np.array([[1, -2], [0, 3]]), "2 A": np.array([[2, -4], [0, 6]])})
    >>> plots.show(figure, "Two 2 by 2 matrices, 1, -2, 0, 3 and its double.")
    """
    figure, axes = _grid(-(-len(arrays) // columns), columns, cell, [*arrays])
    top = 2 * max(np.abs(array).max() for array in arrays.values()) or 1    # half the range: pale tints, legible digits
    height, width = np.max([np.shape(array) for array in arrays.values()], axis=0)
    for axis, (title, array) in zip(axes.flat, arrays.items(), strict=False):      # here too
        axis.imshow(array, cmap=SIGNED, vmin=-top, vmax=top)
        for (row, column), value in np.ndenumerate(array):
            axis.text(column, row, f"{value:g}", ha="center", va="center", fontsize=12)
        middle = (np.shape(array)[1] - 1) / 2
        axis.set(xlim=(middle - width / 2, middle + width / 2), ylim=(height - 0.5, -0.5))
        _bare(axis, title)
    return figure


def score_stem(scores, class_names, true=None, label=SCORE) -> Figure:
    """Stem plot of one image's class scores (or probabilities); the true class is marked.

    scores: (classes,); class_names: as many; true: number of the true class; label: of the vertical axis.

    >>> figure = plots.score_stem([4.1, -0.3, 2.2], ["cat", "dog", "horse"], true=0)
    >>> plots.show(figure, "Three scores: cat 4.1, dog -0.3, horse 2.2. The true class is cat.")
    """
    scores = np.asarray(scores).ravel()
    figure, axis = plt.subplots(figsize=(max(4.5, 0.62 * len(scores)), 2.4), layout="constrained")
    markers, stems, base = axis.stem(scores)
    plt.setp(stems, color=BLUE)
    plt.setp(markers, color=BLUE)
    plt.setp(base, color=GREY, linewidth=0.8)
    if true is not None:
        axis.plot(true, scores[true], "o", color=ORANGE, markersize=9, label=say("true class"))
        axis.legend(frameon=False, fontsize=8)
    short = max(len(str(name)) for name in class_names) <= 3
    axis.set_xticks(range(len(scores)), class_names, fontsize=8, rotation=0 if short else 30, ha="center" if short else "right")
    axis.set_ylabel(say(label), fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def learning_curves(history) -> Figure:
    """Loss and accuracy over the epochs of a Keras `History`; validation dashed where there is any.

    >>> from types import SimpleNamespace
    >>> history = SimpleNamespace(history={"loss": [1.2, 0.4], "accuracy": [0.6, 0.9]})    # as `model.fit` returns it
    >>> plots.show(plots.learning_curves(history), "In two epochs the loss falls from 1.2 to 0.4.")
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.4), layout="constrained")
    for axis, key, label in zip(axes, ("loss", "accuracy"), (spoken("loss", "손실"), spoken("accuracy", "정확도")), strict=True):
        for name, style, colour in ((key, "-", BLUE), ("val_" + key, "--", ORANGE)):
            if name in history.history:
                values = history.history[name]
                axis.plot(range(1, len(values) + 1), values, style, marker="o", color=colour,
                          label=say("validation") if name.startswith("val") else say("training"))
        axis.set_xlabel(say("epoch"), fontsize=9)
        axis.set_ylabel(label, fontsize=9)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize=8)
    return figure


def curve_bands(x, curves, xlabel, ylabel) -> Figure:
    """Mean curves of several series, each with the band in which 95 of 100 bootstrap means lie.

    x: (t,) places on the horizontal axis.
    curves: dict of name → (n, t), one row an image; at most six series.
    Raises ValueError for more series than can be told apart.

    >>> kept = {"Grad-CAM": [[0.9, 0.4, 0.1], [0.8, 0.6, 0.2]], "random": [[0.9, 0.7, 0.1], [0.8, 0.7, 0.2]]}
    >>> figure = plots.curve_bands([0, 0.5, 1], kept, "pixels taken away", "confidence")
    >>> plots.show(figure, "Two falling curves; Grad-CAM's lies below the random one.")
    """
    from .evaluate import bootstrap  # here, because it brings SciPy and scikit-image, which no other figure needs

    if len(curves) > len(LINES):
        raise ValueError(say("{most} curves can be told apart in one figure, got {got}; draw two figures.",
                             most=len(LINES), got=len(curves)))
    figure, axis = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
    for (name, values), (colour, style) in zip(curves.items(), LINES, strict=False):
        mean, low, high = np.transpose([bootstrap(column) for column in np.transpose(values)])
        axis.plot(x, mean, style, color=colour, label=name)
        axis.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    axis.set_xlabel(xlabel, fontsize=9)
    axis.set_ylabel(ylabel, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, loc="outside right center")
    return figure


def interval_points(scores, chance=None, label="") -> Figure:
    """One row a score: its mean as a dot, its interval as a bar; what chance gives as a dashed line.

    scores: dict of name → (mean, low, high), such as `bootstrap` gives; the first one on top.
    chance: one number on the same axis.
    label: of the horizontal axis.

    >>> hits = {"CAM": bootstrap([1, 1, 0, 1]), "Grad-CAM": bootstrap([1, 0, 0, 1])}
    >>> figure = plots.interval_points(hits, chance=0.3, label="pointing game")
    >>> plots.show(figure, "CAM hits 0.75, Grad-CAM 0.5 of four images; both intervals are wide. Chance is 0.3.")
    """
    figure, axis = plt.subplots(figsize=(6.4, 0.6 + 0.25 * len(scores)), layout="constrained")
    rows = range(len(scores))
    mean, low, high = np.transpose(list(scores.values()))
    axis.hlines(rows, low, high, color=BLUE, linewidth=1.6)
    axis.plot(mean, rows, "o", color=BLUE, markersize=5)
    if chance is not None:
        axis.axvline(chance, color=ORANGE, linestyle="--", linewidth=1.2)
        axis.annotate(say("chance"), (chance, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
                      textcoords="offset points", ha="center", va="bottom", fontsize=8, color=ORANGE)
    axis.set_yticks(rows, scores, fontsize=8.5)
    axis.set_ylim(len(scores) - 0.5, -0.5)
    axis.set_xlabel(label, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.grid(axis="x", color="0.9", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)
    return figure


def _grid(rows, columns, cell, titles=None):
    """A figure of empty axes (rows, columns) with room for titles of the given number of lines."""
    lines = max((str(title).count("\n") + 1 for title in titles), default=0) if titles else 0
    figure, axes = plt.subplots(rows, columns, figsize=(columns * cell, rows * (cell + 0.16 * lines)),
                                squeeze=False, layout="constrained")
    for axis in axes.flat:
        axis.set_axis_off()
    return figure, axes


def _bare(axis, title):
    axis.set_axis_off()
    if title is not None:
        axis.set_title(title, fontsize=8.5, pad=3)


def _row_title(axis, text):
    axis.text(-0.06, 0.5, text, transform=axis.transAxes, rotation=90, ha="right", va="center", fontsize=8.5)


def _rgb(image):
    """Any accepted image as float RGB in [0, 1], (h, w, 3); a clear error otherwise."""
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[-1] not in (1, 3) or image.size == 0:
        raise ValueError(say("expected one image of shape (h, w), (h, w, 1) or (h, w, 3), got {shape}. "
                             "Of a batch of images, take one: images[0].", shape=image.shape))
    if image.dtype == np.uint8:
        image = image / 255.0
    if image.dtype.kind not in "fiub":
        raise TypeError(say("an image holds real numbers, this one {kind}.", kind=image.dtype))
    if not np.isfinite(image).all() or image.min() < -1e-4 or image.max() > 1 + 1e-4:
        raise ValueError(say("a float image has its values in [0, 1], this one in [{least:.4g}, {most:.4g}]. "
                             "Divide images of 0…255 by 255, or pass them as uint8.", least=image.min(), most=image.max()))
    return np.broadcast_to(np.clip(image, 0, 1), (*image.shape[:2], 3))
