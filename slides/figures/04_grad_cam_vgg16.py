"""Figures of deck 4: Grad-CAM on VGG16. Network, photographs, seeds and maps are those of notebook 4."""
import functools
import json
import re

import keras
import numpy as np
import skimage.data
import tensorflow as tf

from lecture_utils import grad_cam, grad_cam_classes, grad_cam_layers, load_photo, load_vgg16
from lecture_utils.models import WEIGHTS
from lecture_utils.plots import BLUE, GREY, ORANGE, bare_map, overlay, picture, plt
from slides.figures.drawing import PALE, TEXT, arrow, block, canvas, neu, shipped
from tools.decks.code import printed
from tools.decks.source import ROOT
from tools.notebooks.glossary import korean

NOTEBOOK = "04_grad_cam_vgg16"
LAYERS = ["block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"]
BLOCKS = [(2, 64, 224), (2, 128, 112), (3, 256, 56), (3, 512, 28), (3, 512, 14)]  # convolutions, channels, side


@functools.cache
def network():
    """VGG16 as the notebook gets it without a network: the compact one, with the names of its classes."""
    return load_vgg16()


@functools.cache
def cat():
    return load_photo("cat")


@functools.cache
def cat_scores():
    """Class scores of the cat, (10,), and its classes from the best on."""
    scores = network().model(network().preprocess(cat()[None]), training=False).numpy()[0]
    return scores, np.argsort(-scores)


def probabilities(scores):
    return keras.ops.softmax(scores).numpy()


def class_name(say, c):
    return say(network().class_names[c], korean(network().class_names[c]))


@functools.cache
def counted():
    """Layer → parameters, as notebook 4 counts and checks them."""
    rows = [line.split() for line in printed(NOTEBOOK, "by formula")[1:]]
    return {row[0]: int(row[-1].replace(",", "")) for row in rows}


# ---- numbers


def total():
    return f"{counted()['total']:,}"


def share_of_convolutions():
    return f"{sum(n for name, n in counted().items() if name.startswith('block')) / counted()['total']:.0%}"


def gap_head():
    """Parameters of a GAP head on block 5: 512 means, 1,000 classes."""
    return f"{512 * 1000 + 1000:,}"


def flatten_head():
    return f"{sum(counted()[name] for name in ('fc1', 'fc2', 'predictions')):,}"


def compact_total():
    return f"{network().model.count_params():,}"


def compact_accuracy():
    return f"{json.loads((WEIGHTS / 'vgg16_compact.json').read_text())['scores']['accuracy, real']:.0%}"


# ---- the network


def cover(say):
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    picture(axis, overlay(cat(), maps_of_cat_layers()["block5_conv3"][0]))
    return figure


def architecture(say):
    """Thirteen convolutions as slabs, as high as their maps and the thicker the more channels; then the Dense layers."""
    figure, axis = canvas(11.7, 4.8)
    xs, middle = np.linspace(0.8, 6.8, 5), 3.2
    halves = []  # of each block's width
    for k, (x, (convolutions, channels, side)) in enumerate(zip(xs, BLOCKS, strict=True)):
        height, thickness = 3.1 * side / 224, 0.05 + 0.22 * channels / 512
        for i in range(convolutions):
            left = x + (i - convolutions / 2) * (thickness + 0.05)
            slab(axis, left, middle, thickness, height, BLUE)
        halves.append(convolutions / 2 * (thickness + 0.05) + 0.1)
        for y, text, colour in ((1.2, f"{side}×{side}", "black"), (0.7, say(f"{channels} maps", f"맵 {channels}개"), "black"),
                                (0.2, say(f"block {k + 1}", f"블록 {k + 1}"), BLUE)):
            axis.text(x, y, text, ha="center", va="center", fontsize=TEXT, color=colour)
    for k in range(4):
        arrow(axis, (xs[k] + halves[k], middle), (xs[k + 1] - halves[k + 1], middle))
    arrow(axis, (xs[4] + halves[4], middle), (8.9, middle), colour=ORANGE)
    axis.text(8.2, middle + 0.2, "Flatten", ha="center", fontsize=TEXT, color=ORANGE)
    for x, name, units in ((9.1, "fc1", 4096), (10.15, "fc2", 4096), (11.2, say("scores", "점수"), 1000)):
        slab(axis, x - 0.13, middle, 0.26, 2.9 * units / 4096, ORANGE)
        axis.text(x, 1.2, f"{units:,}", ha="center", va="center", fontsize=TEXT)
        axis.text(x, 0.2, name, ha="center", va="center", fontsize=TEXT, color=ORANGE)
    return figure


def slab(axis, left, middle, width, height, colour):
    axis.add_patch(plt.Rectangle((left, middle - height / 2), width, height,
                                 facecolor=PALE[colour], edgecolor=colour, linewidth=2))


def parameters(say):
    """Millions of parameters in each block and each Dense layer."""
    names = [*(f"block{k}" for k in range(1, 6)), "fc1", "fc2", "predictions"]
    millions = [sum(n for layer, n in counted().items() if layer.startswith(name)) / 1e6 for name in names]
    figure, axis = plt.subplots(figsize=(11.7, 4.3), layout="constrained")
    bars = axis.bar(range(8), millions, color=[BLUE] * 5 + [ORANGE] * 3)
    axis.bar_label(bars, [f"{m:.2f}" if m < 1 else f"{m:.1f}" for m in millions], padding=3)
    labels = [*(say(f"block {k}", f"블록 {k}") for k in range(1, 6)), "fc1", "fc2", say("scores", "점수")]
    axis.set_xticks(range(8), labels)
    axis.set_yticks([0, 50, 100])
    axis.set_ylim(0, 118)
    axis.set_ylabel(say("parameters, millions", "매개변수, 백만 개"))
    axis.spines[["top", "right"]].set_visible(False)
    return figure


# ---- the cat


@functools.cache
def maps_of_cat_layers():
    model, images = network().model, network().preprocess(cat()[None])
    return grad_cam_layers(model, images, layers=LAYERS, class_index=cat_scores()[1][0])


def scores(say):
    """The photograph, and the scores of all ten classes."""
    values, order = cat_scores()
    figure, axes = plt.subplots(1, 2, figsize=(11.7, 4.4), width_ratios=[1.35, 1], layout="constrained")
    picture(axes[0], cat())
    axes[1].barh(range(10), values[order], color=[ORANGE] + [GREY] * 9)
    axes[1].axvline(0, color="black", linewidth=1)
    axes[1].set_yticks(range(10), [class_name(say, c) for c in order])
    axes[1].invert_yaxis()
    axes[1].set_xlabel(say("class score $y^c$", "클래스 점수 $y^c$"))
    axes[1].spines[["top", "right"]].set_visible(False)
    return figure


def tap(say):
    """VGG16 with a second output: the feature maps of block5_conv3."""
    figure, axis = canvas(11.7, 2.7)
    axis.imshow(cat()[:, 75:375], extent=(0.1, 1.5, 0.75, 2.15), zorder=3)
    axis.set_xlim(0, 11.7)
    axis.set_ylim(0, 2.7)
    for x, text, width, colour in ((2.75, say("blocks\n1 to 4", "블록\n1~4"), 1.5, GREY), (5.05, "block5_conv3", 2.3, BLUE),
                                   (7.65, "fc1, fc2", 1.5, GREY), (10.3, say("score $y^c$", "점수 $y^c$"), 1.8, BLUE)):
        block(axis, x, 1.45, text, width=width, height=1.1, colour=colour)
    for start, end in ((1.55, 1.98), (3.52, 3.88), (6.22, 6.88), (8.42, 9.38)):
        arrow(axis, (start, 1.45), (end, 1.45))
    axis.text(5.05, 2.4, say("feature maps $A$", "특징 맵 $A$"), ha="center", va="center", fontsize=TEXT, color=BLUE)
    arrow(axis, (10.3, 0.85), (5.05, 0.85), colour=ORANGE, width=4, bend=-0.07)
    axis.text(7.65, 0.3, r"$\partial y^c/\partial A$", ha="center", va="center", fontsize=TEXT, color=ORANGE)
    return figure


@functools.cache
def weighted_channels():
    """α_k A^k of the cat's class, (6, 6, 160), the channels that add most first."""
    model, images = network().model, network().preprocess(cat()[None])
    inside = keras.Model(model.inputs[0], [model.get_layer("block5_conv3").output, model.outputs[0]])
    with tf.GradientTape() as tape:
        A, y = inside(images, training=False)
        score = y[:, cat_scores()[1][0]]
    alpha = tf.reduce_mean(tape.gradient(score, A), axis=(1, 2))
    each = (A * alpha[:, None, None])[0].numpy()
    return each[..., np.argsort(-np.abs(each).sum(axis=(0, 1)))]


def sum_of_channels(say):
    """The map grows by one channel, then by many, in each frame."""
    each = weighted_channels()
    shares, top = each.sum(axis=(0, 1)), each.sum(axis=-1).max()
    frames = []
    for n in (1, 2, 3, 5, 10, 20, 40, 160):
        figure, axes = plt.subplots(1, 3, figsize=(11.7, 3.9), width_ratios=[1.3, 1, 1.4])
        figure.subplots_adjust(0.07, 0.13, 0.995, 0.88, wspace=0.06)
        axes[0].bar(range(160), shares, width=1, color=[ORANGE] * n + ["#cfd4d9"] * (160 - n))
        axes[0].set_xticks([0, 159], [1, 160])
        axes[0].set_yticks([0, 0.3])
        axes[0].set_title(say("sum of each $\\alpha_k A^k$", "채널별 $\\alpha_k A^k$의 합"))
        axes[0].spines[["top", "right"]].set_visible(False)
        running = each[..., :n].sum(axis=-1)
        axes[1].imshow(running, cmap="RdBu_r", vmin=-top, vmax=top)
        axes[1].set_title(say(f"{n} added up", f"{n}개를 더함"))
        axes[1].set_axis_off()
        picture(axes[2], overlay(cat(), np.maximum(running, 0)))
        axes[2].set_title(say("ReLU, laid over", "ReLU 후 겹친 것"))
        frames.append(figure)
    return frames


def channels_enough():
    """How many channels, the largest first, until the running sum correlates with the whole map by at least 0.95."""
    sums = weighted_channels().cumsum(axis=-1).reshape(36, -1)
    alike = np.corrcoef(sums.T)[-1]
    return next(n for n in range(1, 161) if (alike[n - 1:] >= 0.95).all())


def map_of_cat(say):
    L = maps_of_cat_layers()["block5_conv3"][0]
    figure, axes = plt.subplots(1, 3, figsize=(11.7, 3.3), width_ratios=[1.5, 1.2, 1.5], layout="constrained")
    picture(axes[0], cat())
    bare_map(axes[1], L)
    picture(axes[2], overlay(cat(), L))
    cells = f"{L.shape[0]}×{L.shape[1]}"
    titles = [say("photograph", "사진"), say(f"{cells} cells", f"{cells}칸"), say("laid over: cat", f"겹친 것: {korean('cat')}")]
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, pad=7)
    return figure


def layers(say):
    titles = [f"{name}, {L.shape[1]}×{L.shape[2]}" for name, L in maps_of_cat_layers().items()]
    pictures = [overlay(cat(), L[0], alpha=0.65) for L in maps_of_cat_layers().values()]
    return grid([cat(), *pictures], [say("input", "입력"), *titles], columns=3, width=3.5)


def grid(pictures, titles, columns, width):
    """Pictures in rows, each `width` inches wide and as high as it must be: `image_grid` leaves square cells."""
    high, wide = np.asarray(pictures[0]).shape[:2]
    rows, lines = -(-len(pictures) // columns), titles[0].count("\n") + 1
    figure, axes = plt.subplots(rows, columns, figsize=(columns * width, rows * (width * high / wide + 0.35 * lines)),
                                squeeze=False, layout="constrained")
    for axis, one, title in zip(axes.flat, pictures, titles, strict=False):    # the last row may end early
        picture(axis, one)
        axis.set_title(title, pad=7)
    return figure


# ---- other classes, two objects


@functools.cache
def maps_of_four_classes():
    return grad_cam_classes(network().model, network().preprocess(cat()[None]), cat_scores()[1][:4])[0]


def classes(say):
    values, order = cat_scores()
    titles = [f"{class_name(say, c)} {probabilities(values)[c]:.1%}" for c in order[:4]]
    return grid([overlay(cat(), L) for L in maps_of_four_classes()], titles, columns=2, width=3)


def peak_of_rival():
    """The peak of the dog's map as a share of that of the cat's."""
    peaks = maps_of_four_classes().max(axis=(1, 2))
    return f"{peaks[1] / peaks[0]:.0%}"


@functools.cache
def scene():
    """Notebook 4, section 6: the cat above, a silhouette of a horse below; the two classes."""
    horse = np.where(skimage.data.horse()[..., None], [0.45, 0.65, 0.30], [0.35, 0.20, 0.10]).astype("float32")
    strips = [np.asarray(keras.ops.image.resize(image, (200, 400), crop_to_aspect_ratio=True, antialias=True))
              for image in (cat(), horse)]
    names = network().class_names
    return np.clip(np.concatenate(strips), 0, 1), [names.index("cat"), names.index("horse")]


def two_objects(say):
    composed, pair = scene()
    maps = grad_cam_classes(network().model, network().preprocess(composed[None]), pair)[0]
    titles = [say("composed", "합성한 사진"),
              *(say(f"evidence for {network().class_names[c]}", f"{class_name(say, c)}의 근거") for c in pair)]
    return grid([composed, *(overlay(composed, L) for L in maps)], titles, columns=3, width=3.8)


def probability_of(name):
    composed, _ = scene()
    scores_of_both = network().model(network().preprocess(composed[None]), training=False)[0]
    return f"{probabilities(scores_of_both)[network().class_names.index(name)]:.0%}"


def fourth_probability():
    values, order = cat_scores()
    return f"{probabilities(values)[order[3]]:.1%}"


def cat_probability():
    return f"{probabilities(cat_scores()[0]).max():.0%}"


def cat_in_scene():
    return probability_of("cat")


def horse_in_scene():
    return probability_of("horse")


def shares(say):
    """The share of each class's map on its own object, layer by layer; solid: the cat above, dashed: the horse above."""
    composed, pair = scene()
    figure, axis = plt.subplots(figsize=(6, 5), layout="constrained")
    for above, style, shown in ((pair[0], "o-", composed), (pair[1], "s--", np.roll(composed, len(composed) // 2, axis=0))):
        images = network().preprocess(shown[None])
        for c, colour in zip(pair, (BLUE, ORANGE), strict=True):
            by_layer = grad_cam_layers(network().model, images, layers=LAYERS, class_index=c)
            upper = np.array([L[0, :L.shape[1] // 2].sum() / L[0].sum() for L in by_layer.values()])
            axis.plot(range(1, 6), upper if c == above else 1 - upper, style, color=colour, linewidth=3, markersize=10)
    for c, colour, y in zip(pair, (BLUE, ORANGE), (0.12, 0.02), strict=True):
        axis.text(4.2, y, class_name(say, c), color=colour, va="center")
    axis.axhline(0.5, color=GREY, linestyle=":", linewidth=2)
    axis.set_xticks(range(1, 6), range(1, 6))
    axis.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.set_xlim(0.8, 5.2)
    axis.set_ylim(-0.06, 1.06)
    axis.set_xlabel(say("block", "블록"))
    axis.set_ylabel(say("share on its own object", "자기 물체 위의 몫"))
    axis.spines[["top", "right"]].set_visible(False)
    return figure


# ---- occlusion


@functools.cache
def falls():
    """Notebook 4, section 3: how far the cat's score falls under a square of each colour, (9, 15) places each."""
    scores_of_cat, order = cat_scores()
    grids = []
    for colour in (cat().mean(axis=(0, 1)), 0, 1):
        covered = np.repeat(cat()[None], 9 * 15, axis=0)
        for copy, (i, j) in zip(covered, np.ndindex(9, 15), strict=True):
            copy[25 * i:25 * i + 100, 25 * j:25 * j + 100] = colour
        y = network().model.predict(network().preprocess(covered), batch_size=16, verbose=0)[:, order[0]]
        grids.append((scores_of_cat[order[0]] - y).reshape(9, 15))
    return grids


def covered(say):
    """Grad-CAM beside three maps of occlusion."""
    pictures = [overlay(cat(), maps_of_cat_layers()["block5_conv3"][0])]
    pictures += [overlay(cat(), grid, cells=((25, 49.5), (25, 49.5))) for grid in falls()]
    papers = [say("mean colour", "평균색"), say("black", "검은색"), say("white", "하얀색")]
    return grid(pictures, ["Grad-CAM", *(say(f"covered: {paper}", f"가림: {paper}") for paper in papers)], columns=4, width=2.9)


def field():
    """The side of what a cell of block5_conv3 sees, as notebook 4 prints it."""
    return printed(NOTEBOOK, "the next cell begins")[-1].split()[2]


def left_in_mean(layer):
    line = next(line for line in printed(NOTEBOOK, "left in the mean") if line.startswith(layer))
    return line.split()[1]


def left_in_block1():
    return left_in_mean("block1")


def left_in_block5():
    return left_in_mean("block5")


def rocket():
    """The probability of the truck that the network takes a rocket for."""
    scores_of_rocket = network().model(network().preprocess(load_photo("rocket")[None]), training=False)[0]
    return f"{probabilities(scores_of_rocket)[network().class_names.index('truck')]:.0%}"


# ---- a batch


@functools.cache
def six_mistakes():
    """Notebook 4, section 7: the first six plates with a wrong answer, their maps, classes, answers and probabilities."""
    plates, judged = neu(), shipped("neu_gap_plain")
    order = np.random.default_rng(0).permutation(len(plates.x_test))
    p = probabilities(judged.predict(plates.x_test[order], batch_size=16, verbose=0))
    wrong = np.flatnonzero(p.argmax(axis=1) != plates.y_test[order])[:6]
    images, true, p = plates.x_test[order][wrong], plates.y_test[order][wrong], p[wrong]
    names = [[plates.class_names[c] for c in classes] for classes in (true, p.argmax(axis=1))]
    return images, grad_cam(judged, images), *names, p.max(axis=1)


def mistakes(say):
    images, maps, true, answers, sure = six_mistakes()
    short = lambda name: name.replace("_", " ").replace("pitted surface", "pitted").replace("rolled-in scale", "scale")
    told = lambda name: say(short(name), korean(name))
    titles = [f"{told(t)}\n→ {told(q)}\n{s:.0%}" for t, q, s in zip(true, answers, sure, strict=True)]
    figure, axes = plt.subplots(2, 6, figsize=(11.7, 3.4), layout="constrained")
    for upper, lower, image, L, title in zip(*axes, images, maps, titles, strict=True):
        picture(upper, image)
        picture(lower, overlay(image, L))
        upper.set_title(title, pad=7)
    return figure


def of_pairs(sign):
    line = next(line for line in printed(NOTEBOOK, "what, values in") if sign in line)
    return re.search(r"in (\d+%) of", line)[1]


def tidier():
    return of_pairs("tidier map")


def surer():
    return of_pairs("higher probability")


def mistakes_of():
    """How many plates the network misnames, of how many."""
    right, wrong = re.match(r"(\d+) answers are right, (\d+) wrong", printed(NOTEBOOK, "what, values in")[0]).groups()
    return f"{wrong}/{int(right) + int(wrong)}"


# ---- the cost


@functools.cache
def benchmark():
    """Case → median time of one image as a multiple of the forward pass, from benchmarks/README.md."""
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    return {name: float(median) for name, median in re.findall(r"^\| (.+?) \| ([\d.]+) \(", text, re.MULTILINE)}


def cost(say):
    cases = {"forward pass": say("forward pass alone", "순전파만"), "Grad-CAM": "Grad-CAM",
             "5 classes in one call": say("5 classes, one call", "클래스 5개, 호출 한 번"),
             "13 layers in one call": say("13 layers, one call", "층 13개, 호출 한 번"),
             "Grad-CAM · keras.io recipe": say("Grad-CAM, common recipe", "Grad-CAM, 흔한 코드")}
    times = [benchmark()[case] for case in cases]
    figure, axis = plt.subplots(figsize=(11.7, 4.1), layout="constrained")
    bars = axis.barh(range(len(cases)), times, color=[GREY, BLUE, BLUE, BLUE, ORANGE], height=0.65)
    axis.bar_label(bars, [f"{t:.2f}" for t in times], padding=6)
    axis.set_yticks(range(len(cases)), cases.values())
    axis.invert_yaxis()
    axis.set_xticks(range(4))
    axis.set_xlim(0, 3.4)
    axis.set_xlabel(say("time, in forward passes", "시간(순전파의 배수)"))
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def cost_of_grad_cam():
    return f"{benchmark()['Grad-CAM']:.2f}"


def cost_of_layers():
    return f"{benchmark()['13 layers in one call']:.1f}"
