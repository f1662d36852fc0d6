"""Figures of deck 6: ways back to the pixels, and Guided Grad-CAM. Network and pictures are those of notebook 6."""
import functools
import re
from itertools import combinations

import keras
import numpy as np
import skimage.data
import tensorflow as tf
from scipy.ndimage import sobel

from lecture_utils import (
    deconvnet,
    drawings,
    grad_cam,
    grad_cam_classes,
    guided_backprop,
    guided_grad_cam,
    load_photo,
    load_vgg16,
    overlay,
    upsample,
)
from lecture_utils.plots import BLUE, GREY, ORANGE, bare_map, image_grid, picture, plt, signed_image
from slides.figures.drawing import TEXT, arrow, block, canvas
from tools.decks.code import printed
from tools.notebooks.glossary import korean

# Notebook 6's nine units: x comes in on the way forward, R comes back from above.
X = np.array([[2, -1, 3], [-4, 1, -2], [5, -3, 4]])
R = np.array([[1, -2, -3], [4, 5, -1], [-2, 3, 2]])


@functools.cache
def vgg():
    return load_vgg16()


@functools.cache
def cat():
    """The cat as the network gets it: for the eye, (h, w, 3), and preprocessed, (1, h, w, 3)."""
    photo = load_photo("cat")
    images = vgg().preprocess(photo[None])
    return np.asarray(keras.ops.image.resize(photo, images.shape[1:3], antialias=True)), images


@functools.cache
def scene():
    """Notebook 6's composed picture: the cat above, a horse below."""
    horse = np.where(skimage.data.horse()[..., None], [0.45, 0.65, 0.30], [0.35, 0.20, 0.10]).astype("float32")
    strips = [np.asarray(keras.ops.image.resize(photo, (200, 400), crop_to_aspect_ratio=True, antialias=True))
              for photo in (load_photo("cat"), horse)]
    composed = np.clip(np.concatenate(strips), 0, 1)
    return composed, vgg().preprocess(composed[None])


@functools.cache
def classes():
    """The numbers of cat and horse."""
    return [vgg().class_names.index(name) for name in ("cat", "horse")]


def pixel_gradient(images, c):
    images = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        y = vgg().model(images, training=False)[:, c]
    return tape.gradient(y, images).numpy()


@functools.cache
def pictures_of_cat():
    images, c = cat()[1], classes()[0]
    return {"saliency": pixel_gradient(images, c)[0], "deconvnet": deconvnet(vgg().model, images, class_index=c)[0],
            "guided backprop": guided_backprop(vgg().model, images, class_index=c)[0]}


@functools.cache
def pairs():
    """For the composed picture: each method's picture for the cat and for the horse."""
    images, model = scene()[1], vgg().model
    return {"saliency": [pixel_gradient(images, c)[0] for c in classes()],
            "guided backprop": [guided_backprop(model, images, class_index=c)[0] for c in classes()],
            "Grad-CAM": list(grad_cam_classes(model, images, classes())[0]),
            "Guided Grad-CAM": [guided_grad_cam(model, images, class_index=c)[0] for c in classes()]}


def correlation(pair):
    return np.corrcoef(np.ravel(pair[0]), np.ravel(pair[1]))[0, 1]


def signed(number):
    return f"{number:.2f}".replace("-", "\N{MINUS SIGN}")


def roomy(figure):
    """More air around titles of two lines."""
    for axis in figure.axes:
        axis.set_title(axis.get_title(), pad=8, linespacing=1.35)
    figure.set_figheight(figure.get_figheight() + 0.45)
    return figure


def grey(attribution):
    """A signed picture: the mean over the colour channels, grey for zero."""
    return signed_image(attribution.mean(axis=-1))


# ---- the gate


def cover(say):
    figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
    picture(axis, grey(pictures_of_cat()["guided backprop"]))
    return figure


def where(say):
    """The cat, its Grad-CAM map as it is, and enlarged over it."""
    small, images = cat()
    L = grad_cam(vgg().model, images, class_index=classes()[0])[0]
    figure, axes = plt.subplots(1, 3, figsize=(11.7, 4.2), layout="constrained")
    picture(axes[0], small, say("input, 96×96", "입력, 96×96"))
    bare_map(axes[1], L, "Grad-CAM, 6×6")
    picture(axes[2], overlay(small, L), say("enlarged over it", "확대해 겹친 것"))
    return roomy(figure)


def gates(say):
    return [drawings.three_gates(X, R, say, step) for step in range(11)]


# ---- three pictures


def three(say):
    titles = [say("input", "입력"), *pictures_of_cat()]
    return roomy(image_grid([cat()[0]] + [grey(G) for G in pictures_of_cat().values()], titles, columns=4, cell=2.9))


def cancels(say):
    """Four signals meet in one unit: with their signs they cancel, without the negative ones they add up."""
    signals = [3, -4, 2, -2]
    figure, axis = canvas(11.7, 4.6)
    for left, title, colour, passed in ((0.2, "saliency", BLUE, [True] * 4),
                                        (6.2, "guided backprop", ORANGE, [r > 0 for r in signals])):
        xs = left + np.array([0.55, 1.95, 3.35, 4.75])
        axis.text(xs.mean(), 4.3, title, ha="center", va="center", fontsize=20, color=colour)
        for x, r, through in zip(xs, signals, passed, strict=True):
            block(axis, x, 3.3, f"${r:+d}$", width=1.1, height=0.8, colour=colour if through else GREY, size=20)
            if through:
                arrow(axis, (x, 2.85), (xs.mean() + (x - xs.mean()) * 0.25, 1.35), colour=colour, width=4)
            else:
                axis.plot([x, x], [2.85, 2.35], color=GREY, linewidth=3)
                axis.plot([x - 0.25, x + 0.25], [2.35, 2.35], color=GREY, linewidth=6)
        terms = " ".join(f"{r:+d}" for r, through in zip(signals, passed, strict=True) if through)
        total = sum(r for r, through in zip(signals, passed, strict=True) if through)
        block(axis, xs.mean(), 0.85, rf"${terms.removeprefix('+')} = {total}$", width=3.9, height=0.9,
              colour=colour, size=20)
    axis.plot([5.95, 5.95], [0.3, 4.5], color=GREY, linewidth=1)
    return figure


def strengths():
    """The photograph's edges by a Sobel filter, and how strong each method's picture is at every pixel."""
    light = cat()[0].mean(axis=-1)
    return {"Sobel": np.hypot(sobel(light, axis=0), sobel(light, axis=1))} | {
        name: np.abs(G).max(axis=-1) for name, G in pictures_of_cat().items()}


def edges(say):
    """Edges and strengths side by side; above each method's its correlation with the edges."""
    found, *methods = strengths().items()
    titles = [say("edges: Sobel filter,\nno network", "윤곽: Sobel 필터,\n신경망 없음")]
    titles += [f"{name}\n{signed(correlation((values, found[1])))}" for name, values in methods]
    drawn = [np.clip(values / np.percentile(values, 99.5), 0, 1) for values in strengths().values()]
    return roomy(image_grid(drawn, titles, columns=4, cell=2.9))


# ---- two classes


def composed(say):
    figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
    picture(axis, scene()[0])
    return figure


def two_classes(say):
    names = [say(name, korean(name)) for name in ("cat", "horse")]
    shown = [grey(G) for G in pairs()["guided backprop"]] + [overlay(scene()[0], L) for L in pairs()["Grad-CAM"]]
    titles = [f"{method}:\n{name}" for method in ("guided backprop", "Grad-CAM") for name in names]
    return roomy(image_grid(shown, titles, columns=4, cell=2.9))


@functools.cache
def of_all_pairs():
    """Notebook 6, section 4: each method's correlations of all pairs of ten classes on four photographs, (pairs,) each."""
    model, found = vgg().model, {"saliency": [], "guided backprop": [], "Grad-CAM": []}
    for photo in ("cat", "coffee", "astronaut", "rocket"):
        images = vgg().preprocess(load_photo(photo)[None])
        ten = range(10)
        maps = {"saliency": [pixel_gradient(images, c)[0] for c in ten], "Grad-CAM": grad_cam_classes(model, images, ten)[0],
                "guided backprop": guided_backprop(model, np.repeat(images, 10, axis=0), class_index=ten)}
        for name, of_classes in maps.items():
            found[name] += [correlation(pair) for pair in combinations([one for one in of_classes if one.any()], 2)]
    return found


def class_correlations(say):
    """How alike the pictures of two classes are, on an axis from -1 to 1: all pairs as strokes, cat and horse as a dot."""
    names = ["saliency", "guided backprop", "Grad-CAM"]
    figure, axis = plt.subplots(figsize=(11.7, 4.2), layout="constrained")
    for row, name in enumerate(names):
        value = correlation(pairs()[name])
        colour = ORANGE if name == "guided backprop" else BLUE
        axis.plot(of_all_pairs()[name], [row + 0.2] * len(of_all_pairs()[name]), "|", color=colour, markersize=22, alpha=0.5)
        axis.plot(value, row - 0.15, "o", color=colour, markersize=18)
        axis.text(value - 0.07 * np.sign(value), row - 0.32, signed(value), ha="center", va="bottom",
                  fontsize=22, color=colour)
    axis.axvline(0, color=GREY, linewidth=1)
    axis.set_yticks(range(3), names)
    axis.set_ylim(2.6, -0.9)
    axis.set_xlim(-1.1, 1.1)
    axis.set_xticks([-1, 0, 1], ["\N{MINUS SIGN}1", "0", "1"])
    axis.set_xlabel(say("correlation of the pictures of two classes", "두 클래스의 그림 사이의 상관계수"))
    axis.spines[["top", "right", "left"]].set_visible(False)
    return figure


NOTEBOOK = "06_guided_grad_cam"


def pairs_of_classes():
    return re.search(r"(\d+) pairs", printed(NOTEBOOK, "all_pairs =")[0])[1]


def smallest_guided():
    return re.search(r"smallest +(\S+)", printed(NOTEBOOK, "all_pairs =")[1])[1]


def largest_of_photographs():
    return printed(NOTEBOOK, "all_pairs =")[-1].split()[-1]


LAYERS = ["fc2", "fc1", "block5_conv3", "block4_conv3", "block3_conv3", "block2_conv2", "block1_conv2", "images"]


@tf.custom_gradient
def guided_relu(x):
    return tf.nn.relu(x), lambda signal: signal * tf.cast((x > 0) & (signal > 0), signal.dtype)


@functools.cache
def agreement(guided):
    """On the way down, layer by layer: the correlation of the signals of cat and horse; guided ReLUs or plain ones."""
    model = vgg().model
    network = keras.models.clone_model(model)
    network.set_weights(model.get_weights())
    for layer in network.layers:
        if guided and getattr(layer, "activation", None) is keras.activations.relu:
            layer.activation = guided_relu
    taps = [network.get_layer(name).output for name in LAYERS[:-1]]
    tapped = keras.Model(network.inputs, [*taps, network.outputs[0]])
    images = tf.convert_to_tensor(scene()[1])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        *outputs, y = tapped(images, training=False)
        scores = [y[:, c] for c in classes()]
    signals = [tape.gradient(score, outputs + [images]) for score in scores]
    return [correlation(pair) for pair in zip(*signals, strict=True)]


def on_the_way_down(say):
    figure, axis = plt.subplots(figsize=(11.7, 4.4), layout="constrained")
    for guided, name, colour, style in ((True, "guided backprop", ORANGE, "o-"), (False, "saliency", BLUE, "s--")):
        values = agreement(guided)
        axis.plot(values, style, color=colour, linewidth=3, markersize=12)
        axis.text(len(values) - 0.75, values[-1], name, color=colour, va="center", fontsize=TEXT)
    axis.axhline(0, color=GREY, linewidth=1)
    axis.set_xticks(range(len(LAYERS)), ["fc2", "fc1", "block5", "block4", "block3", "block2", "block1",
                                         say("pixels", "픽셀")])
    axis.set_xlim(-0.3, 9.4)
    axis.set_ylim(-1.1, 1.1)
    axis.set_yticks([-1, 0, 1], ["\N{MINUS SIGN}1", "0", "1"])
    axis.set_ylabel(say("cat and horse:\ncorrelation", "고양이와 말의\n상관계수"), linespacing=1.35)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


# ---- the product


def fused(say):
    shown = [scene()[0]] + [grey(G) for G in pairs()["Guided Grad-CAM"]]
    titles = [say("composed picture", "합성 사진"),
              *(say(f"Guided Grad-CAM: {name}", f"Guided Grad-CAM: {korean(name)}") for name in ("cat", "horse"))]
    return roomy(image_grid(shown, titles, columns=3, cell=3.7))


@functools.cache
def swapped():
    """The cat's Grad-CAM map times the guided picture of the cat, and times that of the horse."""
    L = pairs()["Grad-CAM"][0]
    return [upsample(L[None], G.shape[:2])[0][..., None] * G for G in pairs()["guided backprop"]]


def swap(say):
    cat_name, horse_name = (say(name, korean(name)) for name in ("cat", "horse"))
    titles = [f"Grad-CAM: {cat_name}\n× guided: {name}" for name in (cat_name, horse_name)]
    return roomy(image_grid([grey(G) for G in swapped()], titles, columns=2, cell=3))


def correlation_of_swap():
    return f"{correlation(swapped()):.2f}"


# ---- the doubt


@functools.cache
def by_network():
    """Guided backpropagation and Grad-CAM of the cat: trained network, random dense layers, random everywhere."""
    model, (_, images), c = vgg().model, cat(), classes()[0]
    keras.utils.set_random_seed(0)
    blank, random_head = keras.models.clone_model(model), keras.models.clone_model(model)
    for layer in model.layers:
        if layer.name not in ("fc1", "fc2", "predictions"):
            random_head.get_layer(layer.name).set_weights(layer.get_weights())
    networks = model, random_head, blank
    return ([guided_backprop(network, images, class_index=c)[0] for network in networks],
            [grad_cam(network, images, class_index=c)[0] for network in networks])


def random_networks(say):
    """One row a method, one column a network; in the corners the correlation with the trained network's picture."""
    networks = [say("trained", "학습한 신경망"), say("random Dense", "Dense 층만 무작위"),
                say("all random", "모두 무작위")]
    guided, L = by_network()
    shown = [grey(G) for G in guided] + [overlay(cat()[0], map_) for map_ in L]
    titles = networks + [""] * 3
    figure, axes = plt.subplots(2, 3, figsize=(8.6, 5), layout="constrained")
    for k, (axis, image) in enumerate(zip(axes.flat, shown, strict=True)):
        picture(axis, image)
        axis.set_title(titles[k], pad=8)
        values = (guided, L)[k // 3]
        if k % 3:
            axis.text(0.97, 0.04, signed(correlation((values[k % 3], values[0]))), transform=axis.transAxes,
                      ha="right", va="bottom", fontsize=22, color=ORANGE if k == 1 else BLUE,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 3})
    for axis, name in zip(axes[:, 0], ("guided\nbackprop", "Grad-CAM"), strict=True):
        axis.text(-0.1, 0.5, name, transform=axis.transAxes, ha="right", va="center", fontsize=TEXT)
    return figure
