"""Figures of deck 3: Grad-CAM on MNIST. Model, digits and maps are those of notebook 3."""
import functools

import keras
import numpy as np
import tensorflow as tf

from lecture_utils import cam, cell_centres, drawings, grad_cam, grad_cam_classes, grad_cam_layers, upsample
from lecture_utils.plots import BLUE, GREY, ORANGE, bare_map, image_grid, map_grid, number_grid, overlay, picture, plt, score_stem
from slides.figures.drawing import TEXT, arrow, block, canvas, mark, mnist, shipped
from tools.decks.code import printed

# Notebook 3's example for paper.
A1 = np.array([[0, 0, 0, 0], [0, 4, 4, 0], [0, 4, 4, 0], [0, 0, 0, 0]])
A2 = np.array([[2, 2, 0, 0], [2, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
W1 = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]])
W2 = np.array([[-2, -2, 0, -1], [-2, -2, 0, -1], [0, -1, -1, 0], [-1, -1, -1, -1]])


def model():
    return shipped("mnist_cnn")


@functools.cache
def test_digits():
    """The first 1,000 test digits, their labels, and as what they are read."""
    x, labels = mnist().x_test[:1000], mnist().y_test[:1000]
    return x, labels, model().predict(x, verbose=0).argmax(axis=1)


@functools.cache
def digits():
    """The first 6, 1, 7 and 9 that are read correctly, (4, 28, 28, 1)."""
    x, labels, predicted = test_digits()
    return x[[np.flatnonzero((labels == d) & (predicted == d))[0] for d in (6, 1, 7, 9)]]


def accuracy():
    _, labels, predicted = test_digits()
    return f"{(predicted == labels).mean():.1%}"


@functools.cache
def maps_of_layers():
    return grad_cam_layers(model(), digits())


@functools.cache
def cells(layer):
    """Where the cells of a layer look."""
    return cell_centres(model(), layer)


def before_relu(image, layer, score):
    """Grad-CAM before its ReLU, (1, h, w): notebook 3, section 4."""
    tapped = keras.Model(model().input, [model().get_layer(layer).output, model().output])
    with tf.GradientTape() as tape:
        A, y = tapped(image, training=False)
        s = score(y)
    alpha = tape.gradient(s, A).numpy().mean(axis=(1, 2), dtype="float64")
    return np.einsum("nijk,nk->nij", A.numpy(), alpha).astype("float32")


# ---- the idea


def cover(say):
    six = digits()[0]
    figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
    picture(axis, overlay(six, maps_of_layers()["conv3"][0], cells=cells("conv3")))
    return figure


def two_heads(say):
    figure, axis = canvas(11.7, 4.6)
    for y, head, colour, note in (
            (3.55, [say("global\naverage", "전역\n평균"), "Dense"], BLUE,
             say("one weight for each map: CAM reads it off", "맵마다 가중치 하나: 이것을 읽으면 CAM이 된다")),
            (1.15, ["Flatten", "Dense", "Dense"], ORANGE,
             say("one weight for each place of each map, then a second layer",
                 "맵의 위치마다 가중치 하나, 그 뒤에 층이 또 하나"))):
        blocks = [say("feature\nmaps", "특징\n맵"), *head, say("scores", "점수")]
        xs = np.linspace(1.3, 10.4, len(blocks))
        for k, (x, text) in enumerate(zip(xs, blocks, strict=True)):
            block(axis, x, y, text, width=1.7, height=1.15, colour=colour if 0 < k < len(blocks) - 1 else GREY)
            if k:
                arrow(axis, (xs[k - 1] + 0.87, y), (x - 0.87, y))
        axis.text(xs[1] - 0.85, y - 0.95, note, fontsize=TEXT, color=colour, va="center")
    return figure


def gradient_flows(say):
    """The digit goes forward to the score, then the gradient comes back to conv3, conv2 and conv1."""
    arrows = [(min(frame, 5), max(frame - 5, 0)) for frame in range(10)]
    return [drawings.gradient_flows(digits()[0], forward, back, say) for forward, back in arrows]


# ---- the 4×4 example


def paper_example(say):
    weights = say("weights", "가중치")
    return number_grid({"$A^1$": A1, "$A^2$": A2, f"{weights} $w^1$": W1, f"{weights} $w^2$": W2}, columns=4)


def mean_of_gradient(say):
    """The gradient's places are added up row by row, first those of map 1, then those of map 2."""
    frames = []
    for frame in range(10):
        figure = number_grid({r"$\partial y^c/\partial A^1$": W1, r"$\partial y^c/\partial A^2$": W2}, columns=2, cell=2.5)
        figure.set_size_inches(11.7, 4.9)
        figure.get_layout_engine().set(rect=(0, 0.2, 1, 0.8))
        for axis, gradient, x, first in zip(figure.axes, (W1, W2), (0.25, 0.75), (0, 5), strict=True):
            rows = min(max(frame - first, 0), 4)
            sums = gradient[:rows].sum(axis=1)
            text = " + ".join(f"({value})" if value < 0 else str(value) for value in sums)
            if frame >= first + 4:
                text = rf"$\alpha_{1 + first // 5}^c = {sums.sum()} / 16 = {sums.sum() / 16:g}$"
            if 0 < rows < 4:
                mark(axis, rows - 1, 0, columns=4)
            figure.text(x, 0.09, text.replace("-", "\N{MINUS SIGN}"), ha="center", va="center", fontsize=20,
                        color=ORANGE if frame >= first + 4 else "black")
        frames.append(figure)
    return frames


def weighted_sum(say):
    """Each map times its weight, the sum, the ReLU: one more of the four matrices in each frame."""
    return [drawings.weighted_sum([A1, A2], [W1.mean(), W2.mean()], shown, say=say) for shown in range(1, 5)]


# ---- the digits


def scores_of_six(say):
    label = say("class score $y^c$", "클래스 점수 $y^c$")
    figure = score_stem(model().predict(digits()[:1], verbose=0)[0], range(10), label=label)
    figure.set_size_inches(7, 4)
    return figure


def six(say):
    """The 6, its map of 49 numbers, and the map enlarged over the digit, each cell where it looks."""
    image, L = digits()[:1], grad_cam(model(), digits()[:1], layer="conv3", class_index=6)
    figure, axes = plt.subplots(1, 3, figsize=(11.7, 4.2), layout="constrained")
    picture(axes[0], image[0], say("input, 28×28", "입력, 28×28"))
    bare_map(axes[1], L[0], say("map of conv3, 7×7", "conv3의 맵, 7×7"))
    picture(axes[2], overlay(image[0], L[0], cells=cells("conv3")), say("enlarged over it", "확대해 겹친 것"))
    return figure


def receptive_fields(say):
    fields = [np.array([[4 * i - 7, 4 * i - 7, 4 * i + 11, 4 * i + 11]]) for i in (2, 3, 4)]
    titles = [say(f"cell ({i}, {i}) sees", f"셀 ({i}, {i})의 영역") for i in (2, 3, 4)]
    figure = image_grid([digits()[0]] * 3, titles, columns=3, cell=3.6, boxes=fields)
    for axis in figure.axes:
        axis.patches[0].set_linewidth(4)
    return figure


def layers(say):
    retrofit, trio = shipped("mnist_gap"), digits()[1:]
    column = say("CAM of the\nretrofit", "개조한\n신경망의 CAM")
    maps = {column: cam(retrofit, trio)} | {name: L[1:] for name, L in maps_of_layers().items()}
    places = {column: cell_centres(retrofit)} | {name: cells(name) for name in maps_of_layers()}
    figure = map_grid(trio, maps, cell=1.7, cells=places)
    figure.axes[0].set_title(say("input", "입력"))
    return figure


def classes(say):
    trio = digits()[1:]
    maps = grad_cam_classes(model(), trio, [1, 7, 9], layer="conv3")
    columns = {say(f"for a {c}", f"{c}의 근거"): maps[:, k] for k, c in enumerate([1, 7, 9])}
    figure = map_grid(trio, columns, cell=1.7, cells=cells("conv3"))
    figure.axes[0].set_title(say("input", "입력"))
    return figure


def relu(say):
    """The 7 explained as a 9: signed, with ReLU, with the absolute value."""
    seven = digits()[2:3]
    signed = before_relu(seven, "conv3", lambda y: y[:, 9])
    figure, axes = plt.subplots(1, 4, figsize=(11.7, 3.5), layout="constrained")
    picture(axes[0], seven[0], say("a 7", "7"))
    bare_map(axes[1], upsample(signed[0], (28, 28), cells("conv3")), say("before ReLU", "ReLU 전"), signed=True)
    picture(axes[2], overlay(seven[0], np.maximum(signed[0], 0), cells=cells("conv3")), "ReLU")
    picture(axes[3], overlay(seven[0], np.abs(signed[0]), cells=cells("conv3")), say("absolute value", "절댓값"))
    return figure


def erasing_test(say):
    """What notebook 3 prints of the erasing test; tinted where a map did better (+) or worse (-) than chance."""
    lines = [line.split() for line in printed("03_grad_cam_mnist", "margin      whole")[1:]]
    pairs, table = [line[:3] for line in lines], [line[3:] for line in lines]
    columns = [say("whole", "원본"), say("chance", "무작위"), "conv1", "conv2", "conv3",
               say("conv2,\nno mean", "conv2,\n평균 없이"), say("conv3,\nno mean", "conv3,\n평균 없이")]
    colours = {"+": BLUE, "-": ORANGE}
    figure, axis = canvas(11.7, 4.4)
    xs, ys = np.linspace(2.9, 10.9, 7), np.linspace(3.1, 0.35, 6)
    for x, column in zip(xs, columns, strict=True):
        axis.text(x, 3.9, column, ha="center", va="center", fontsize=TEXT, linespacing=1.2)
    for y, (c, _, other), row in zip(ys, pairs, table, strict=True):
        particle = "가" if other in "2459" else "이"  # as the digit is read aloud
        axis.text(0.1, y, say(f"{c} and not {other}", f"{c} ({other}{particle} 아님)"), va="center", fontsize=TEXT)
        for x, value in zip(xs, row, strict=True):
            number = value.rstrip("+-")
            block(axis, x, y, str(int(number)).replace("-", "\N{MINUS SIGN}"), width=1.2, height=0.48,
                  colour=colours.get(value[len(number):], GREY), size=20)
    return figure


def share_against():
    signed = before_relu(digits()[2:3], "conv3", lambda y: y[:, 9])
    return f"{np.maximum(-signed, 0).sum() / np.abs(signed).sum():.0%}"

