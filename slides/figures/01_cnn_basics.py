"""Figures of deck 1: what a convolutional network computes. Images, kernels and seeds are those of notebook 1."""
import functools
import re

import keras
import numpy as np

from lecture_utils import drawings, load_photo
from lecture_utils.plots import BLUE, GREY, ORANGE, SIGNED, draw_boxes, number_grid, picture, plt
from slides.figures.drawing import cells, mark, mnist, shipped
from tools.decks.code import printed

X_SMALL = np.array([[1, 2, 0], [0, 1, 3], [2, 0, 1]])
K_SMALL = np.array([[1, 2], [0, -1]])
SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
POOLED = np.array([[1, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]])


def convolve(x, k):
    """The kernel k slid over x, unflipped and without padding: notebook 1, section 2."""
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape)
    return (windows * k).sum(axis=(2, 3))


def model():
    return shipped("mnist_cnn")


@functools.cache
def first_digit():
    return mnist().x_train[0, :, :, 0].astype(float)


@functools.cache
def scores():
    return model().predict(mnist().x_test, verbose=0)


@functools.cache
def clearest_and_hardest():
    """The test digits with the largest and the smallest margin, and the hardest one's strongest rival class."""
    y, true = scores(), mnist().y_test
    others = np.where(np.eye(10, dtype=bool)[true], -np.inf, y)
    margin = y[np.arange(len(y)), true] - others.max(axis=-1)
    hard = margin.argmin()
    return margin.argmax(), hard, others[hard].argmax()


@functools.cache
def cat():
    return load_photo("cat")[100:300, 40:240]


# ---- images and kernels


def cover(say):
    figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
    down = convolve(cat().mean(axis=-1).astype(float), SOBEL.T)
    axis.imshow(down, cmap=SIGNED, vmin=-1, vmax=1)
    axis.set_axis_off()
    return figure


def window(say):
    """The first training digit, and the ten by ten pixels in its frame as numbers."""
    x = first_digit()
    figure, axes = plt.subplots(1, 2, figsize=(11.7, 5.2), layout="constrained", width_ratios=(4.6, 7))
    picture(axes[0], x)
    mark(axes[0], 5, 10, 10, 10)
    part = x[5:15, 10:20]
    axes[1].imshow(part, cmap=SIGNED, vmin=-2, vmax=2, aspect="auto")
    for (row, column), value in np.ndenumerate(part.round(1)):
        axes[1].text(column, row, f"{value:g}", ha="center", va="center")
    axes[1].set_axis_off()
    return figure


def kernel_by_hand(say):
    """The four steps of a convolution of 3×3 numbers with 2×2: each place of the result with its sum of products."""
    y = convolve(X_SMALL, K_SMALL)
    frames = []
    for shown in range(1, 5):
        figure = number_grid({say("image $x$", "이미지 $x$"): X_SMALL, say("kernel $k$", "커널 $k$"): K_SMALL,
                              say("result $y$", "결과 $y$"): y}, columns=3, cell=3.1)
        figure.set_size_inches(11.7, 4.8)
        figure.get_layout_engine().set(rect=(0, 0.17, 1, 0.83))
        for axis in figure.axes[1:]:
            axis.set(xlim=(-1, 2), ylim=(2, -1))  # cells as large as the image's
        row, column = divmod(shown - 1, 2)
        mark(figure.axes[0], row, column, 2, 2)
        mark(figure.axes[2], row, column)
        for text in figure.axes[2].texts[shown:]:
            text.set_visible(False)
        part = X_SMALL[row:row + 2, column:column + 2]
        products = " + ".join(rf"({k}) \cdot {x}" if k < 0 else rf"{k} \cdot {x}"
                              for k, x in zip(K_SMALL.flat, part.flat, strict=True))
        figure.text(0.5, 0.07, rf"${products} = {y[row, column]}$", ha="center", va="center", fontsize=22, color=ORANGE)
        frames.append(figure)
    return frames


PLACES = (4, 12), (8, 10), (18, 14)     # on the digit's stroke


@functools.cache
def both_ways():
    """The first digit under a random kernel, by the six lines and by Keras: two arrays (26, 26)."""
    k = np.random.default_rng(0).normal(size=(3, 3))
    by_keras = keras.ops.conv(first_digit()[None, :, :, None].astype("float32"), k[:, :, None, None].astype("float32"))
    return convolve(first_digit(), k), np.asarray(by_keras)[0, :, :, 0]


def places():
    return cells(f"({row}, {column})" for row, column in PLACES)


def by_six_lines():
    return cells(f"{both_ways()[0][place]:.4f}" for place in PLACES)


def by_keras():
    return cells(f"{both_ways()[1][place]:.4f}" for place in PLACES)


def kernel_slides(say):
    """The kernel [1, -1] slides along a bright bar; the result grows place by place."""
    frames = [drawings.kernel_slides(say, [step]) for step in range(1, 9)]
    for figure in frames:
        figure.set_size_inches(8, 5.2)
    return frames


def two_directions(say):
    grey = cat().mean(axis=-1).astype(float)
    figure, axes = plt.subplots(1, 3, figsize=(11.7, 4.3), layout="constrained")
    picture(axes[0], cat(), say("photograph", "사진"))
    for axis, kernel, title in ((axes[1], SOBEL, say("change from left to right", "좌우 방향의 변화")),
                                (axes[2], SOBEL.T, say("change from top to bottom", "상하 방향의 변화"))):
        axis.imshow(convolve(grey, kernel), cmap=SIGNED, vmin=-1, vmax=1)
        axis.set_axis_off()
        axis.set_title(title)
    return figure


# ---- learning


@functools.cache
def learned(noisy):
    """The kernel after each of 150 steps, and the losses: notebook 1, section 3."""
    x = np.random.default_rng(0).normal(scale=0.5, size=(28, 28)) if noisy else first_digit()
    y, k = convolve(x, SOBEL), np.zeros((3, 3))
    kernels, losses = [], []
    for _ in range(151):
        error = convolve(x, k) - y
        kernels.append(k)
        losses.append((error ** 2).mean())
        k = k - 0.4 * 2 / y.size * convolve(x, error)
    return kernels, losses


def learning(say):
    """Wanted kernel, and the kernels learned from the digit and from noise after ever more steps; below, the losses."""
    frames = []
    for step in (0, 1, 3, 10, 30, 80, 150):
        figure, axes = plt.subplot_mosaic([["wanted", "digit", "noise"], ["loss"] * 3], figsize=(11.7, 5.1), layout="constrained",
                                          height_ratios=(3, 2))
        for name, kernel, title, colour in (
                ("wanted", SOBEL, say("wanted", "정답"), "black"),
                ("digit", learned(False)[0][step], say("from the digit (solid)", "숫자에서 (실선)"), BLUE),
                ("noise", learned(True)[0][step], say("from noise (dashed)", "잡음에서 (점선)"), ORANGE)):
            axes[name].imshow(kernel, cmap=SIGNED, vmin=-4, vmax=4, aspect="auto")
            axes[name].set_axis_off()
            axes[name].set_title(title, color=colour)
            for (row, column), value in np.ndenumerate(kernel):
                axes[name].text(column, row, f"{value.round(2) + 0:g}", ha="center", va="center")
        for noisy, colour, style in ((False, BLUE, "-"), (True, ORANGE, "--")):
            axes["loss"].semilogy(learned(noisy)[1][:step + 1], style, color=colour, linewidth=4,
                                  marker="o" if step == 0 else None)
        axes["loss"].set(xlim=(-2, 152), ylim=(1e-8, 20), xticks=(0, 50, 100, 150),
                         ylabel=say("loss", "손실"), xlabel=say(f"step {step}", f"{step}번째 단계"))
        axes["loss"].set_yticks([1e-7, 1e-3, 10], ["$10^{-7}$", "$10^{-3}$", "$10$"])
        axes["loss"].spines[["top", "right"]].set_visible(False)
        frames.append(figure)
    return frames


# ---- the layers


def pooling(say):
    """2×2 blocks one after the other, each with its largest number."""
    pooled = POOLED.reshape(2, 2, 2, 2).max(axis=(1, 3))
    frames = []
    for shown in range(1, 5):
        figure = number_grid({say("before", "풀링 전"): POOLED, say("after", "풀링 후"): pooled}, columns=2, cell=3)
        figure.axes[1].set(xlim=(-1, 3), ylim=(3, -1))  # cells as large as before
        row, column = divmod(shown - 1, 2)
        mark(figure.axes[0], 2 * row, 2 * column, 2, 2)
        mark(figure.axes[1], row, column)
        for text in figure.axes[1].texts[shown:]:
            text.set_visible(False)
        frames.append(figure)
    return frames


def shift(say):
    """What notebook 1 prints: the change of an edge map of a digit that moved by one pixel."""
    line, = printed("01_cnn_basics", "change of the map: before pooling")
    shares = [int(share) for share in re.findall(r"(\d+)%", line)]
    figure, axis = plt.subplots(figsize=(6, 4.6), layout="constrained")
    names = [say("before", "풀링 전"), say("after one", "한 번"), say("after two", "두 번")]
    bars = axis.bar(names, shares, color=[GREY, BLUE, BLUE], width=0.6)
    axis.bar_label(bars, [f"{share}%" for share in shares], fontsize=22, padding=4)
    axis.set_ylim(0, 112)
    axis.set_yticks([])
    axis.spines[["top", "right", "left"]].set_visible(False)
    return figure


def parameters(say):
    names = ["conv1", "conv2", "conv3", "dense1", "logits"]
    counts = [model().get_layer(name).count_params() for name in names]
    figure, axis = plt.subplots(figsize=(11.7, 4.4), layout="constrained")
    bars = axis.barh(names, counts, color=[BLUE] * 3 + [ORANGE] * 2, height=0.65)
    axis.bar_label(bars, [f"{count:,}" for count in counts], fontsize=20, padding=8)
    axis.invert_yaxis()
    axis.set_xticks([])
    axis.set_xlim(0, 85_000)
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    return figure


def parameters_in_all():
    return f"{model().count_params():,}"


def share_of_dense1():
    return f"{model().get_layer('dense1').count_params() / model().count_params():.0%}"


def clear_and_hard(say):
    """The clearest and the hardest test digit, each with its ten scores; the true class is marked."""
    figure, axes = plt.subplots(2, 2, figsize=(11.7, 5.2), layout="constrained", width_ratios=(2.4, 9))
    clear, hard, _ = clearest_and_hardest()
    for row, n, title in zip(axes, (clear, hard), (say("clearest", "가장 확실"), say("hardest", "가장 어려움")), strict=True):
        picture(row[0], mnist().x_test[n], title)
        row[1].vlines(range(10), 0, scores()[n], color=BLUE, linewidth=4)
        row[1].plot(scores()[n], "o", color=BLUE, markersize=10)
        true = mnist().y_test[n]
        row[1].plot(true, scores()[n][true], "o", color=ORANGE, markersize=18)
        row[1].axhline(0, color=GREY, linewidth=1)
        row[1].set_xticks(range(10))
        row[1].margins(y=0.15)
        row[1].spines[["top", "right"]].set_visible(False)
    axes[1, 1].set_xlabel(say("class (true one orange)", "클래스 (정답은 주황)"))
    return figure


def hardest():
    """The numbers of the hardest digit: its label, as what it is read."""
    _, hard, rival = clearest_and_hardest()
    return f"{mnist().y_test[hard]} → {rival}"


def inside(say):
    """The clearest digit, and seven of its feature maps from each convolution: the most varied of them."""
    names = ["conv1", "conv2", "conv3"]
    image = mnist().x_test[clearest_and_hardest()[0]]
    tapped = keras.Model(model().input, [model().get_layer(name).output for name in names])
    figure, axes = plt.subplots(3, 8, figsize=(11.7, 4.9), layout="constrained")
    for row, name, A in zip(axes, names, tapped(image[None]), strict=True):
        A = np.asarray(A[0])
        picture(row[0], image)
        row[0].set_axis_on()
        row[0].set(xticks=[], yticks=[])
        row[0].set_ylabel(name)
        for axis, k in zip(row[1:], np.argsort(-A.std(axis=(0, 1)))[:7], strict=True):
            axis.imshow(A[..., k], cmap="gray")
            axis.set_axis_off()
    return figure


def fields(say):
    """What one cell of each convolution sees of the clearest digit."""
    figure, axes = plt.subplots(1, 3, figsize=(11.7, 4.2), layout="constrained")
    for axis, name, side, corner in zip(axes, ("conv1", "conv2", "conv3"), (3, 8, 18), (12, 9, 5), strict=True):
        picture(axis, mnist().x_test[clearest_and_hardest()[0]],
                say(f"{name}: {side}×{side} pixels", f"{name}: {side}×{side}픽셀"))
        draw_boxes(axis, [[corner, corner, corner + side, corner + side]])
        axis.patches[0].set_linewidth(5)
    return figure


# ---- the black box


@functools.cache
def occlusion(size=9):
    """How far the score of the hardest digit's true class falls when a square is covered: notebook 1, section 8."""
    _, hard, _ = clearest_and_hardest()
    image, c = mnist().x_test[hard], mnist().y_test[hard]
    places = 28 - size + 1
    covered = np.repeat(image[None], places ** 2, axis=0)
    for copy, (i, j) in zip(covered, np.ndindex(places, places), strict=True):
        copy[i:i + size, j:j + size] = 0
    fall = scores()[hard, c] - model().predict(covered, verbose=0)[:, c]
    return covered.reshape(places, places, 28, 28, 1), fall.reshape(places, places)


def covering(say):
    """A square wanders over the hardest digit; behind it the map of the score's fall is filled in."""
    covered, fall = occlusion()
    places = len(fall)
    top = np.abs(fall).max()
    stops = [(i, j) for i in range(0, places, 4) for j in range(2, places, 7)] + [(places - 1, places - 1)]
    frames = []
    for number, (i, j) in enumerate(stops):
        figure, axes = plt.subplots(1, 2, figsize=(9.4, 4.5), layout="constrained")
        last = number == len(stops) - 1
        picture(axes[0], mnist().x_test[clearest_and_hardest()[1]] if last else covered[i, j],
                say("what the network sees", "신경망이 보는 것"))
        if not last:
            mark(axes[0], i, j, 9, 9)
        done = np.where(np.arange(places ** 2).reshape(fall.shape) <= i * places + j, fall, np.nan)
        drawn = axes[1].imshow(done, cmap=SIGNED, vmin=-top, vmax=top)
        axes[1].set(xticks=[], yticks=[], title=say("fall of the true class's score", "정답 클래스 점수의 하락"))
        figure.colorbar(drawn, ax=axes[1], fraction=0.046, pad=0.03)
        frames.append(figure)
    return frames


def questions():
    return f"{occlusion()[1].size}"
