"""Figures of deck 2: class activation maps on steel. Networks, images and maps are those of notebook 2."""
import functools

import keras
import numpy as np

from lecture_utils import cam, cell_centres, drawings, upsample
from lecture_utils.drawings import wide_boxes
from lecture_utils.plots import BLUE, GREY, ORANGE, SIGNED, bare_map, number_grid, overlay, picture, plt
from slides.figures.drawing import TEXT, block, canvas, cells, mark, neu, shipped
from tools.decks.code import printed
from tools.notebooks.glossary import korean

# A small example: two maps of 2×2 places, their weights for one class, and its bias.
A1, A2, W1, W2, BIAS = np.array([[4, 0], [0, 4]]), np.array([[0, 2], [0, 2]]), 2, -1, 1


@functools.cache
def examples():
    """The first test image of each class."""
    return [int(np.flatnonzero(neu().y_test == c)[0]) for c in range(6)]


@functools.cache
def maps_of_examples():
    return cam(shipped("neu_gap"), neu().x_test[examples()], class_index=neu().y_test[examples()])


def heat(i, M, **options):
    """Test image i under its map, each cell where `neu_gap` looks."""
    return overlay(neu().x_test[i], M, cells=cell_centres(shipped("neu_gap")), **options)


def named(c, say, line=False):
    """The name of class c, in two lines where it is long."""
    name = neu().class_names[c]
    english = name.replace("_", " ").replace("-in ", "-in\n" if line else "-in ")
    return say(english.replace("pitted ", "pitted\n") if line else english, korean(name))


# ---- steel


def cover(say):
    figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
    picture(axis, heat(examples()[2], maps_of_examples()[2]))
    return figure


def six_defects(say):
    figure, axes = plt.subplots(2, 3, figsize=(8.2, 5.8), layout="constrained")
    for c, (axis, i) in enumerate(zip(axes.flat, examples(), strict=True)):
        picture(axis, neu().x_test[i], named(c, say))
        wide_boxes(axis, neu().boxes_test[i])
    return figure


def two_heads(say):
    """The trunk, and above it the two heads with their parameters."""
    return drawings.two_heads({name: sum(layer.count_params() for layer in shipped(name).layers
                                         if layer.name in ("dense1", "logits")) for name in ("neu_dense", "neu_gap")}, say)


# ---- the map


def by_hand(say):
    """The example in numbers: each map times its weight, their sum, its mean plus the bias."""
    M = W1 * A1 + W2 * A2
    steps = {"$A^1$": A1, "$A^2$": A2, f"${W1}\\,A^1$": W1 * A1, f"${W2}\\,A^2$": W2 * A2, "$M$": M}
    lines = [say("two feature maps", "특징 맵 두 개"), rf"$w_1^c = {W1}$", rf"$w_2^c = {W2}$",
             say("added place by place", "위치마다 더한다"),
             rf"$y^c = ({' + '.join(f'({m})' if m < 0 else str(m) for m in M.flat)}) / 4 + {BIAS} = {M.mean() + BIAS:g}$"]
    frames = []
    for shown, line in zip((2, 3, 4, 5, 5), lines, strict=True):
        figure = number_grid(steps, columns=5, cell=2.3)
        figure.set_size_inches(11.7, 3.9)
        figure.get_layout_engine().set(rect=(0, 0.24, 1, 0.76))
        for axis in figure.axes[shown:]:
            axis.set_visible(False)
        if len(frames) >= 3:
            mark(figure.axes[4], 0, 0, 2, 2)
        figure.text(0.5, 0.1, line, ha="center", va="center", fontsize=24, color=ORANGE)
        frames.append(figure)
    return frames


def sum_builds_up(say):
    """The CAM of the patches as a running sum over the channels, those with the highest peak first; at last all 64."""
    i = examples()[2]
    trunk = keras.Model(shipped("neu_gap").inputs, shipped("neu_gap").get_layer("gap").input)
    A = trunk.predict(neu().x_test[[i]], verbose=0)[0]
    w = shipped("neu_gap").get_layer("logits").get_weights()[0][:, neu().y_test[i]]
    frames = []
    for count in (1, 2, 3, 5, 10, 20, 40, 64):
        figure, axes = plt.subplots(1, 3, figsize=(11.7, 4.4), layout="constrained")
        picture(axes[0], neu().x_test[i], say("image", "이미지"))
        axes[0].set_axis_off()
        drawings.last_channel(axes[1], A, w, count, say)
        drawn = drawings.sum_so_far(axes[2], A, w, count, say)
        figure.colorbar(drawn, ax=axes[2], fraction=0.046, pad=0.03)
        frames.append(figure)
    return frames


def three_examples():
    """Of the crazing, the patches and the scratches: number of the image, its class, its class's map."""
    return [(examples()[c], c, maps_of_examples()[c]) for c in (0, 2, 5)]


def mean_and_bias():
    b = shipped("neu_gap").get_layer("logits").get_weights()[1]
    return cells(f"{M.mean() + b[c]:.4f}" for _, c, M in three_examples())


def own_scores():
    scores = shipped("neu_gap").predict(neu().x_test[examples()], verbose=0)
    return cells(f"{scores[c, c]:.4f}" for _, c, _ in three_examples())


def enlarged(say):
    i, M = examples()[5], maps_of_examples()[5]
    figure, axes = plt.subplots(1, 3, figsize=(11.7, 3.9), layout="constrained")
    picture(axes[0], neu().x_test[i], say("input, 200×200", "입력, 200×200"))
    bare_map(axes[1], M, "CAM, 25×25", signed=True)
    enlarged = upsample(M, (200, 200), cell_centres(shipped("neu_gap")))
    bare_map(axes[2], enlarged, say("the same, enlarged", "확대한 것"), signed=True)
    return figure


def heat_maps(say):
    figure, axes = plt.subplots(2, 6, figsize=(11.7, 4.5), layout="constrained")
    for c, (column, i) in enumerate(zip(axes.T, examples(), strict=True)):
        picture(column[0], neu().x_test[i], named(c, say, line=True))
        picture(column[1], heat(i, maps_of_examples()[c]))
        for axis in column:
            wide_boxes(axis, neu().boxes_test[i], width=2.5)
    return figure


def competition(say):
    """One image of patches, the signed maps of all six classes on one scale, and under each its class score."""
    i = examples()[2]
    image = neu().x_test[i:i + 1]
    maps = [cam(shipped("neu_gap"), image, class_index=c)[0] for c in range(6)]
    scores = shipped("neu_gap").predict(image, verbose=0)[0]
    top = np.abs(maps).max()
    figure, axes = plt.subplots(2, 4, figsize=(11.2, 5.7), layout="constrained")
    picture(axes[0, 0], image[0], say("image", "이미지"))
    axes[1, 0].set_axis_off()
    axes[1, 0].text(0.5, 0.5, say("in brackets:\nclass score", "괄호 안은\n클래스 점수"), ha="center", va="center", fontsize=TEXT)
    for c, axis in enumerate(axes[:, 1:].flat):
        axis.imshow(maps[c], cmap=SIGNED, vmin=-top, vmax=top)
        axis.set_axis_off()
        axis.set_title(f"{named(c, say)} ({scores[c]:.0f})")
    return figure


# ---- what it is worth


@functools.cache
def misread():
    """Test images that the plain network misreads, the first of each class, and as what it reads them."""
    predicted = shipped("neu_gap_plain").predict(neu().x_test, verbose=0).argmax(axis=1)
    wrong = np.flatnonzero(predicted != neu().y_test)
    return wrong, wrong[np.unique(neu().y_test[wrong], return_index=True)[1]][:3], predicted


def wrong_answers(say):
    _, shown, predicted = misread()
    images, plain = neu().x_test[shown], shipped("neu_gap_plain")
    figure, axes = plt.subplots(3, 3, figsize=(6.4, 5.7), layout="constrained")
    maps, looks = (cam(plain, images, class_index=neu().y_test[shown]), cam(plain, images)), cell_centres(plain)
    for row, i, image, *both in zip(axes, shown, images, *maps, strict=True):
        for axis, drawn in zip(row, (image, *(overlay(image, M, cells=looks) for M in both)), strict=True):
            picture(axis, drawn)
            wide_boxes(axis, neu().boxes_test[i], width=3)
        row[0].text(-0.08, 0.5, f"{named(neu().y_test[i], say)}\n→ {named(predicted[i], say)}", transform=row[0].transAxes,
                    rotation=90, ha="right", va="center", multialignment="center", linespacing=1.35)
    titles = [say("image", "이미지"), say("true class", "정답 클래스"), say("predicted", "예측 클래스")]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title)
    return figure


def wrong_share():
    return f"{len(misread()[0])}"


def retrofit(say):
    """What notebook 2 prints of the three networks: parameters and accuracy."""
    rows = [line.rsplit("parameters", 1) for line in printed("02_cam_neu", 'report = {"Flatten head')[-3:]]
    names = [say("Flatten head", "Flatten 헤드"), say("GAP head, trunk frozen", "GAP 헤드, 백본 고정"),
             say("GAP head, all tuned", "GAP 헤드, 전체 미세 조정")]
    figure, axis = canvas(11.7, 3.6)
    for x, text in ((6.3, say("parameters", "매개변수")), (9.6, say("accuracy", "정확도"))):
        axis.text(x, 3.2, text, ha="center", va="center", fontsize=TEXT)
    for y, name, (left, share), colour in zip((2.45, 1.45, 0.45), names, rows, (ORANGE, BLUE, BLUE), strict=True):
        axis.text(0.1, y, name, va="center", fontsize=TEXT + 2)
        block(axis, 6.3, y, left.split()[-1], width=2.6, height=0.75, colour=colour, size=22)
        block(axis, 9.6, y, share.strip(), width=2.6, height=0.75, colour=colour, size=22)
    return figure


@functools.cache
def peaks():
    """For each test image the highest pixel of its class's map: (row, column, whether it lies in a box of its class)."""
    maps = upsample(cam(shipped("neu_gap"), neu().x_test, class_index=neu().y_test), (200, 200), cell_centres(shipped("neu_gap")))
    found = [np.unravel_index(M.argmax(), M.shape) for M in maps]
    return [(row, column, in_box(i, row, column)) for i, (row, column) in enumerate(found)]


def in_box(i, row, column):
    boxes = neu().boxes_test[i][neu().box_labels_test[i] == neu().y_test[i]]
    return any(x0 <= column < x1 and y0 <= row < y1 for x0, y0, x1, y1 in boxes)


def first_hit(c):
    """The first test image of class c whose peak lies in a box."""
    return next(i for i in np.flatnonzero(neu().y_test == c) if peaks()[i][2])


def farthest_miss():
    """The test image whose peak lies farthest from all its boxes: everybody sees that it is missed."""
    def distance(i):
        x0, y0, x1, y1 = neu().boxes_test[i].T
        row, column, _ = peaks()[i]
        return np.hypot(np.maximum(np.maximum(x0 - column, column - x1), 0), np.maximum(np.maximum(y0 - row, row - y1), 0)).min()

    return max((i for i in range(len(peaks())) if not peaks()[i][2]), key=distance)


def pointing(say):
    """A scratch that is hit, a pitted surface, all box, that is hit, and the clearest of the misses."""
    figure, axes = plt.subplots(1, 3, figsize=(11.7, 4.3), layout="constrained")
    for axis, i in zip(axes, (first_hit(5), first_hit(3), farthest_miss()), strict=True):
        row, column, hit = peaks()[i]
        M = cam(shipped("neu_gap"), neu().x_test[[i]], class_index=neu().y_test[i])[0]
        picture(axis, heat(i, M, alpha=0.4), say("hit" if hit else "miss", "적중" if hit else "빗나감"))
        wide_boxes(axis, neu().boxes_test[i])
        axis.plot(column, row, "o" if hit else "x", color="white", markersize=20, markeredgewidth=5, fillstyle="none")
    return figure


def pointing_scores(say):
    """What notebook 2 prints of the pointing game: hits of both networks and of chance, class by class."""
    lines = [line.split() for line in printed("02_cam_neu", 'hit["chance"] = box_masks')[1:]]
    rows = {line[0]: [float(share.rstrip("%")) for share in line[2:]] for line in lines}
    figure, axis = plt.subplots(figsize=(11.7, 4.8), layout="constrained")
    names = [say("all", "전체"), *(named(c, say, line=True) for c in range(6))]
    x = np.arange(7) + np.array([-0.3, *[0] * 6])
    for shift, name, label, colour in ((-0.27, "neu_gap", "neu_gap", BLUE), (0, "neu_gap_plain", "neu_gap_plain", ORANGE),
                                       (0.27, "chance", say("chance", "우연"), GREY)):
        axis.bar(x + shift, rows[name], width=0.26, color=colour, label=label)
    axis.set_xticks(x, names)
    axis.set_ylabel(say("hits, %", "적중, %"))
    axis.set_ylim(0, 128)
    axis.set_yticks([0, 50, 100])
    axis.legend(frameon=False, ncols=3, loc="upper center")
    axis.spines[["top", "right"]].set_visible(False)
    return figure
