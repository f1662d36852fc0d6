"""Figures of deck 5: the proof that Grad-CAM contains CAM. Networks, images and maps are those of notebook 5."""
import functools

import keras
import numpy as np
import tensorflow as tf

from lecture_utils import cam, cell_centres, drawings
from lecture_utils.plots import BLUE, ORANGE, SIGNED, number_grid, overlay, picture, plt
from slides.figures.drawing import mark, neu, shipped
from tools.decks.code import printed
from tools.notebooks.glossary import korean

NOTEBOOK = "05_cam_equivalence_proof"
A_TOY, V_TOY = np.array([[1, 1], [1, 5]]), np.array([[4, 0], [0, 0]])  # notebook 5, section 5


@functools.cache
def images():
    """24 test images, four of each class: notebook 5's."""
    return neu().x_test[np.concatenate([np.flatnonzero(neu().y_test == c)[:4] for c in range(6)])]


def features_and_gradient(model, batch, c, layer="relu4"):
    """A and dy^c/dA, each (n, h, w, K): notebook 5, section 4."""
    tapped = keras.Model(model.input, [model.get_layer(layer).output, model.output])
    with tf.GradientTape() as tape:
        A, y = tapped(batch, training=False)
        score = y[:, c]
    return A.numpy(), tape.gradient(score, A).numpy()


def grad_cam_before_relu(A, gradient):
    return np.einsum("nijk,nk->nij", A, gradient.mean(axis=(1, 2), dtype="float64"))


# ---- the proof


@functools.cache
def three():
    """A crazing, a patch and a scratch with their CAM and their Grad-CAM before ReLU."""
    chosen, classes = images()[[0, 8, 20]], [0, 2, 5]
    before = [grad_cam_before_relu(*features_and_gradient(shipped("neu_gap"), chosen[[n]], c))[0] for n, c in enumerate(classes)]
    return chosen, cam(shipped("neu_gap"), chosen, class_index=classes), np.stack(before)


def cover(say):
    """One defect under its CAM and under its Grad-CAM, with an equals sign, on the opening slide's dark blue."""
    chosen, M, L = three()
    figure, axes = plt.subplots(1, 2, figsize=(6, 3.2), gridspec_kw={"wspace": 0.25})
    figure.add_artist(plt.Rectangle((0, 0), 1, 1, transform=figure.transFigure, color="#0b2f4a", zorder=-1))
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.85)
    for axis, map_, title in zip(axes, (M[1], L[1]), ("CAM", "Grad-CAM"), strict=True):
        picture(axis, overlay(chosen[1], map_, cells=cell_centres(shipped("neu_gap"))))
        axis.set_title(title, color="white", pad=8)
    figure.text(0.5, 0.43, "=", ha="center", va="center", fontsize=32, color="white")
    return figure


def head(say):
    return drawings.gap_head(say)


def shares(say):
    """The gradients of a mean and of a maximum over four places."""
    maximum = (A_TOY == A_TOY.max()).astype(int)
    figure = number_grid({say("feature map $A$", "특징 맵 $A$"): A_TOY,
                          say("gradient of the mean", "평균의 기울기"): np.full((2, 2), 0.25),
                          say("gradient of the maximum", "최댓값의 기울기"): maximum}, columns=3, cell=2.9)
    for axis in figure.axes:
        axis.set_title(axis.get_title(), pad=8)
    return figure


def gradient_arrives(say):
    return [drawings.gradient_arrives(say, step) for step in range(7)]


def steel(say):
    chosen, M, L = three()
    names = [say(name, korean(name)) for name in ("crazing", "patches", "scratches")]
    figure, axes = plt.subplots(3, 3, figsize=(5.5, 5.2), layout="constrained")
    for row, name, image, M_c, L_c in zip(axes, names, chosen, M, L, strict=True):
        picture(row[0], image)
        row[0].text(-0.06, 0.5, name, transform=row[0].transAxes, rotation=90, ha="right", va="center")
        signed_map(row[1], M_c)
        signed_map(row[2], L_c)
    titles = [say("input", "입력"), "CAM", say("Grad-CAM\nbefore ReLU", "Grad-CAM\n(ReLU 전)")]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, pad=8)
    return figure


def signed_map(axis, map_):
    """A map in red and blue, its largest absolute value written into its corner."""
    top = np.abs(map_).max()
    axis.imshow(map_, cmap=SIGNED, vmin=-top, vmax=top, interpolation="nearest")
    axis.text(0.97, 0.04, f"±{top:.3g}", transform=axis.transAxes, ha="right", va="bottom",
              bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85})
    axis.set_xticks([])
    axis.set_yticks([])


@functools.cache
def accounts():
    """Of the same three plates: the sum of the map plus the bias, and the class score; of each its own class."""
    chosen, _, L = three()
    classes = [0, 2, 5]
    bias = shipped("neu_gap").get_layer("logits").bias.numpy()[classes]
    return L.sum(axis=(1, 2)) + bias, shipped("neu_gap").predict(chosen, verbose=0)[range(3), classes]


def sums_of_maps():
    return row_of_numbers(accounts()[0])


def class_scores():
    return row_of_numbers(accounts()[1])


def row_of_numbers(values):
    """Cells of a table's row."""
    return " | ".join(f"{value:.5f}" for value in values).replace("-", "\N{MINUS SIGN}")


def largest_difference():
    """What the notebook prints, 3e-07, as a formula."""
    value = printed(NOTEBOOK, "as a share of the maximum:")[0].rsplit(" ", 1)[1]
    digits, power = value.split("e")
    return rf"{digits}\cdot 10^{{{int(power)}}}"


# ---- where it ends


def toy(say):
    """The 2×2 example, one more matrix in each frame; what peaks is outlined."""
    grids = {say("feature map $A$", "특징 맵 $A$"): A_TOY, say("weights $v$", "가중치 $v$"): V_TOY,
             r"Grad-CAM $\alpha A$": V_TOY.mean() * A_TOY, r"HiResCAM $v \circ A$": V_TOY * A_TOY}
    frames = []
    for shown in range(1, 5):
        figure = number_grid(grids, columns=4, cell=2.9)
        for axis in figure.axes[shown:]:
            axis.set_visible(False)
        for axis in figure.axes:
            axis.set_title(axis.get_title(), pad=8)
            for text in axis.texts:
                text.set_fontsize(24)
        if shown >= 3:
            mark(figure.axes[2], 1, 1)
        if shown == 4:
            mark(figure.axes[3], 0, 0, colour=BLUE)
        frames.append(figure)
    return frames


@functools.cache
def training():
    """Notebook 5, section 6: a Flatten head that starts as the GAP head and learns; for each epoch the two maps of the
    first class, and by what share of the largest score their sums miss it."""
    gap = shipped("neu_gap")
    w, b = (weight.numpy() for weight in gap.get_layer("logits").weights)
    trunk = keras.Model(gap.input, gap.get_layer("relu4").output)
    A_train, A = trunk.predict(neu().x_train[:60], verbose=0), trunk.predict(images(), verbose=0)
    Z = A.shape[1] * A.shape[2]
    head_ = keras.Sequential([keras.Input(A.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(6)])
    head_.set_weights([np.tile(w / Z, (Z, 1)), b])
    head_.compile(keras.optimizers.Adam(5e-5), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    epochs = []
    for _ in range(11):
        v, b_head = head_.layers[-1].get_weights()
        v = v.reshape(*A.shape[1:], 6)
        maps = {"Grad-CAM": np.einsum("nijk,k->nij", A, v.mean(axis=(0, 1))[:, 0]),
                "HiResCAM": np.einsum("nijk,ijk->nij", A, v[..., 0])}
        y = head_.predict(A, verbose=0)
        missing = {name: np.abs(L.sum(axis=(1, 2)) + b_head[0] - y[:, 0]).max() / np.abs(y).max() for name, L in maps.items()}
        epochs.append((maps, missing))
        head_.fit(A_train, neu().y_train[:60], batch_size=20, epochs=1, shuffle=False, verbose=0)
    return epochs


def drift(say):
    """Left the two maps against each other, place by place; right by how much their sums miss the score."""
    low, high = extremes(training()[-1][0])
    frames = []
    for epoch in range(11):
        maps, _ = training()[epoch]
        figure, axes = plt.subplots(1, 2, figsize=(11.7, 4.3))
        figure.subplots_adjust(0.1, 0.19, 0.99, 0.9, wspace=0.32)
        axes[0].plot(maps["HiResCAM"].ravel()[::4], maps["Grad-CAM"].ravel()[::4], ".", color=BLUE, markersize=3, alpha=0.4)
        axes[0].set_xlim(low, high)
        axes[0].set_ylim(low, high)
        axes[0].set_xlabel("HiResCAM")
        axes[0].set_ylabel("Grad-CAM")
        axes[0].set_title(say(f"every place, epoch {epoch}", f"모든 위치, 에포크 {epoch}"))
        for name, colour in (("Grad-CAM", ORANGE), ("HiResCAM", BLUE)):
            missing = [miss[name] for _, miss in training()[:epoch + 1]]
            axes[1].semilogy(missing, "o-", color=colour, linewidth=3, markersize=9)
            if epoch:
                axes[1].text(10, training()[-1][1][name] * {"Grad-CAM": 0.15, "HiResCAM": 9}[name], name, ha="right", va="center",
                             color=colour)
        axes[1].set_xlim(-0.4, 10.4)
        axes[1].set_ylim(1e-8, 1)
        axes[1].set_xticks([0, 5, 10])
        axes[1].set_yticks([1e-7, 1e-4, 1e-1], ["$10^{-7}$", "$10^{-4}$", "$10^{-1}$"])
        axes[1].minorticks_off()
        axes[1].set_xlabel(say("epochs of training", "학습한 에포크"))
        axes[1].set_title(say("the sum misses the score by", "합과 점수의 차이"))
        for axis in axes:
            axis.spines[["top", "right"]].set_visible(False)
        frames.append(figure)
    return frames


def extremes(maps):
    values = np.concatenate([L.ravel() for L in maps.values()])
    return values.min(), values.max()


@functools.cache
def patch_under_flatten():
    """The patch, A and the gradient of its class in the network with the Flatten head."""
    patch = images()[[8]]
    return patch, *features_and_gradient(shipped("neu_dense"), patch, 2)


def winners(say):
    """The patch; the gradient of the channel with the largest share; the two maps."""
    patch, A, gradient = patch_under_flatten()
    figure, axes = plt.subplots(1, 4, figsize=(11.7, 3.3), layout="constrained")
    picture(axes[0], patch[0])
    maps = (gradient[0, ..., largest_channel()], grad_cam_before_relu(A, gradient)[0], (gradient * A).sum(axis=-1)[0])
    for axis, map_ in zip(axes[1:], maps, strict=True):
        signed_map(axis, map_)
    titles = [say("patches", "반점"), say("gradient, one map", "맵 하나의 기울기"),
              say("Grad-CAM before ReLU", "Grad-CAM (ReLU 전)"), "HiResCAM"]
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, pad=8)
    return figure


def largest_channel():
    """The channel with the largest share in the score: notebook 5, section 7."""
    _, A, gradient = patch_under_flatten()
    return (A * np.abs(gradient)).sum(axis=(0, 1, 2)).argmax()


def share_without_gradient():
    _, _, gradient = patch_under_flatten()
    return f"{(gradient[0, ..., largest_channel()] == 0).mean():.0%}"


def percent_hit():
    """What notebook 5 prints: how often a peak lies in a box, in percent: GAP head (Grad-CAM, HiResCAM), Flatten head
    (the same), blind dart."""
    return [int(line.rsplit(" ", 1)[1].rstrip("%")) for line in printed(NOTEBOOK, "blind dart")]


def hits_of_grad_cam():
    return f"{percent_hit()[2]}%"


def hits_of_hirescam():
    return f"{percent_hit()[3]}%"


def advantage():
    """Grad-CAM's hits less HiResCAM's under the Flatten head, plate by plate, with its interval: what notebook 5 prints."""
    start = "Flatten head: Grad-CAM - HiResCAM "
    line, = [line for line in printed(NOTEBOOK, start) if line.startswith(start)]
    return line.removeprefix(start).replace("-", "−")


def hits(say):
    """How often a map's peak lies in a box, under both heads; a blind dart dashed."""
    percent = percent_hit()
    figure, axis = plt.subplots(figsize=(11.7, 4), layout="constrained")
    places = [0, 1, 2.6, 3.6]
    bars = axis.bar(places, percent[:4], color=[ORANGE, BLUE] * 2, width=0.8)
    axis.bar_label(bars, [f"{p}%" for p in percent[:4]], padding=3)
    axis.plot([-0.6, 4.1], [percent[4]] * 2, color="black", linestyle="--", linewidth=2)
    axis.text(4.2, percent[4], say(f"blind dart\n{percent[4]}%", f"아무 데나\n{percent[4]}%"), va="center", linespacing=1.3)
    axis.set_xticks(places, ["Grad-CAM", "HiResCAM"] * 2)
    for x, title in ((0.5, say("GAP head", "GAP 헤드")), (3.1, say("Flatten head", "Flatten 헤드"))):
        axis.text(x, 106, title, ha="center", va="center")
    axis.set_xlim(-0.6, 5)
    axis.set_ylim(0, 112)
    axis.set_yticks([0, 50, 100], ["0%", "50%", "100%"])
    axis.spines[["top", "right"]].set_visible(False)
    return figure
