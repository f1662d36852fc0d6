"""The course's ideas as drawings, in the notebooks and on the slides: one code for both.

Each drawing takes `say`, which picks the language of its labels out of one text for each, by default the reader's, and
returns a figure, laid out in inches of 100 pixels of a slide: (11.7, 5) fills one. In a notebook,
`plots.show(drawings.two_heads(), alt)`.
"""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from scipy import ndimage

from .language import spoken
from .localize import boxes, iou
from .plots import BLUE, EVIDENCE, GREY, ORANGE, SIGNED, draw_boxes, number_grid, overlay, picture, plt

PALE = {BLUE: "#dcecf7", ORANGE: "#fbe6da", GREY: "#eceff2"}
TEXT = 17.5  # points: 24 pixels of the slide


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


def gradient_flows(digit, forward=5, back=4, say=spoken):
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


def weighted_sum(A, alpha, shown=4, cell=2.9, say=spoken):
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


# ---- the proof: notebook and deck 5


def gap_head(say=spoken):
    """Feature maps, their means, the Dense layer, the score."""
    figure, axis = canvas(11.7, 2.3)
    for x, text, width, colour in ((1.6, say("feature maps $A^k_{ij}$", "특징 맵 $A^k_{ij}$"), 2.9, GREY),
                                   (6.0, say("means $F^k$", "평균 $F^k$"), 2.1, BLUE),
                                   (10.3, say("score $y^c$", "점수 $y^c$"), 1.9, BLUE)):
        block(axis, x, 0.9, text, width=width, height=1.1, colour=colour)
    for start, end, name in ((3.1, 4.9, "GAP"), (7.1, 9.3, "Dense, $w_k^c$")):
        arrow(axis, (start, 0.9), (end, 0.9))
        axis.text((start + end) / 2, 1.2, name, ha="center", va="center", fontsize=TEXT, color=BLUE)
    return figure


def gradient_arrives(say=spoken, step=6):
    """The gradient goes from the score to the three means, w_k each, and from there to four places each, w_k / 4.

    step: 0 shows the way forward, 1 the way back to the means, 2 to 5 one place more of each map, 6 the formula, too.
    """
    figure, axis = canvas(11.7, 4.3)
    back, filled = step >= 1, max(step - 1, 0)  # arrows drawn back; places that have got their share
    for k, y in enumerate((3.55, 2.15, 0.75), start=1):
        axis.text(0.55, y, rf"$A^{k}$", ha="center", va="center", fontsize=TEXT)
        for place in range(4):
            corner = (1.0 + 0.95 * (place % 2), y + 0.02 - 0.6 * (place // 2))
            reached = place < filled
            axis.add_patch(Rectangle(corner, 0.95, 0.6, facecolor=PALE[ORANGE] if reached else "white",
                                     edgecolor=ORANGE if reached else GREY, linewidth=2))
            if reached:
                axis.text(corner[0] + 0.475, corner[1] + 0.29, rf"$w_{k}/4$", ha="center", va="center", fontsize=TEXT)
        block(axis, 6.0, y, rf"$F^{k}$", width=1.2, height=0.8, colour=ORANGE if back else BLUE)
        to_map, to_mean = ((6.0 - 0.65, y), (2.98, y)), ((9.7, 2.15 + 0.3 * (2 - k)), (6.65, y))
        if back:
            arrow(axis, *to_mean, colour=ORANGE, width=4)
            middle = (to_mean[0][1] + to_mean[1][1]) / 2
            axis.text(8.2, middle + (0.33, 0.27, -0.33)[k - 1], rf"$w_{k}$", ha="center", va="center",
                      fontsize=TEXT, color=ORANGE)
        else:
            arrow(axis, *to_mean[::-1], colour=BLUE)
        if filled:
            arrow(axis, *to_map, colour=ORANGE, width=4)
            axis.text(4.2, y + 0.3, r"$\times\,1/4$", ha="center", va="center", fontsize=TEXT, color=ORANGE)
        elif not back:
            arrow(axis, *to_map[::-1], colour=BLUE)
    block(axis, 10.5, 2.15, "$y$", width=1.5, height=1.3, colour=ORANGE if back else BLUE, size=24)
    if step == 6:
        axis.text(11.6, 0.5, r"$\partial y/\partial A^k_{ij} = w_k \cdot 1/4$"
                  + say("\nno $i$ and no $j$ in it", "\n$i$도 $j$도 없음"),
                  ha="right", va="center", fontsize=TEXT, color=ORANGE, linespacing=1.5)
    return figure


# ---- the gate of a ReLU: notebook and deck 6


def three_gates(x, R, say=spoken, step=10):
    """Nine units, one after the other: is x above 0, is R above 0, and what do the three methods hand down?

    x, R: (3, 3), what came in on the way forward and what comes back from above.
    step: so many units are decided, the last of them is outlined; 10 outlines what passes both gates instead.
    """
    handed = {"saliency": R * (x > 0), "deconvnet": R * (R > 0), "guided backprop": R * ((x > 0) & (R > 0))}
    tables = {say("$x$ came in", "들어온 $x$"): x, say("$R$ comes back", "돌아온 $R$"): R} | handed
    figure = number_grid(tables, columns=5, cell=2.3)
    figure.set_size_inches(11.7, 4.1)
    figure.get_layout_engine().set(rect=(0, 0.24, 1, 0.76))
    for axis in figure.axes:
        axis.set_title(axis.get_title(), pad=8, linespacing=1.35)
    for axis in figure.axes[2:]:
        _show_first(axis, min(step, 9))
    if 0 < step < 10:
        row, column = divmod(step - 1, 3)
        for axis in figure.axes:
            mark(axis, row, column)
        for place, name, value in ((0.25, "x", x[row, column]), (0.75, "R", R[row, column])):
            gate = say("the gate is open", "게이트가 열림") if value > 0 else say("the gate is shut", "게이트가 닫힘")
            figure.text(place, 0.1, f"${name} = {value}$: {gate}", ha="center", va="center", fontsize=20,
                        color=BLUE if value > 0 else ORANGE)
    if step == 10:
        for row, column in np.argwhere((x > 0) & (R > 0)):
            mark(figure.axes[4], row, column)
        figure.text(0.5, 0.1, say("five numbers, five numbers, three numbers", "다섯 개, 다섯 개, 세 개"),
                    ha="center", va="center", fontsize=20, color=ORANGE)
    return figure


def _show_first(axis, count):
    """Leave only the first `count` places of a number grid, read like a text."""
    values = np.array(axis.images[0].get_array(), float)
    values.ravel()[count:] = 0
    axis.images[0].set_data(values)
    for text in axis.texts[count:]:
        text.set_visible(False)


# ---- notebooks 1 and 2: the sliding kernel, two heads on one trunk, the sum that builds a map


def kernel_slides(say=spoken, steps=(1, 3, 7)):
    """The kernel [1, -1] on a bright bar; below, the result as far as it is known: a column for each of `steps`, from 1."""
    bar = np.zeros((3, 8), int)
    bar[:, 2:6] = 1
    y = bar[:, :-1] - bar[:, 1:]
    if len(steps) == 1:
        titles = [say("image $x$: a bright bar", "이미지 $x$: 밝은 막대"),
                  say("$y$: the left neighbour minus the right one", "$y$: 왼쪽 이웃에서 오른쪽 이웃을 뺀 것")]
    else:
        titles = [*(say(f"place {step}", f"위치 {step}") for step in steps),
                  *(say(f"$y$ up to place {step}", f"위치 {step}까지의 $y$") for step in steps)]
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


def two_heads(parameters, say=spoken):
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


def sum_builds_up(A, w, counts=(1, 3, 10, 64), say=spoken):
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


def last_channel(axis, A, w, count, say=spoken):
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


def sum_so_far(axis, A, w, count, say=spoken):
    """The sum of the first `count` weighted channels, on the scale of the whole; returns what a colour bar needs."""
    top, first = np.abs(A @ w).max(), by_their_peaks(A, w)[:count]
    drawn = axis.imshow(A[..., first] @ w[first], cmap=SIGNED, vmin=-top, vmax=top)
    axis.set_title(say(f"sum of {count} channel" + "s" * (count > 1), f"채널 {count}개의 합"))
    axis.set_axis_off()
    return drawn


# ---- from a map to a box, and the network without the marked pixels


def wide_boxes(axis, drawn, colour="#56B4E9", width=4):
    """Boxes (k, 4) with lines that can be seen from the last row."""
    draw_boxes(axis, drawn, colour)
    for box in axis.patches:
        box.set_linewidth(width)


def box_steps(image, L, truth, threshold=0.15, say=spoken, width=4):
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
    percent = f"{threshold:.0%}"
    return [(say("a plate, and where\nthe expert sees the defect", "강판과, 전문가가\n결함이라고 본 곳"),
             lambda axis: (picture(axis, image), drawn(axis))),
            (say("the map", "맵"), lambda axis: picture(axis, overlay(image, L))),
            (say(f"1. at least {percent.replace('%', ' %')}\nof the maximum", f"1. 최댓값의\n{percent} 이상"),
             lambda axis: grey(axis, marked)),
            (say("2. connected regions", "2. 연결된 영역"), coloured),
            (say("2. the largest one", "2. 그중 가장 큰 것"), lambda axis: grey(axis, largest)),
            (say("3. its box", "3. 그 상자"), lambda axis: (grey(axis, largest), own(axis))),
            (say("both boxes:", "두 상자:") + f"\nIoU {iou(box, truth).max():.2f}",
             lambda axis: (picture(axis, image), drawn(axis), own(axis)))]


def map_to_box(say=spoken):
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


def erased_pixels(image, L, empty, say=spoken, shares=(0, 0.1, 0.3, 0.6, 1)):
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
        title = say(f"{100 * share:.0f} % gone", f"{share:.0%} 지움")
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


# ---- notebook 11: tokens in place of a feature map


def tokens(scene, say=spoken):
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


def after_the_last_block(say=spoken):
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
