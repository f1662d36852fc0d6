"""Networks, and what is read from them: padding, attention, and a class that was never shown."""

import functools

import keras
import numpy as np

from ..datasets.synthetic import draw_digits
from ..language import worded
from ..models import load_model
from .findings import test_named

# ---- corners: a network, built from a seed


def _random_weights(model, seed):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 1 / np.sqrt(np.prod(w.shape[:-1]) or 1), w.shape) if w.ndim > 1
                       else rng.uniform(0, 0.3, w.shape) for w in model.get_weights()])
    return model


def padded_with_zeros(seed):
    model = keras.Sequential([keras.Input((24, 24, 1))])
    for _ in range(3):
        model.add(keras.layers.Conv2D(8, 3, padding="same", activation="relu"))
    model.add(keras.layers.GlobalAveragePooling2D())
    model.add(keras.layers.Dense(4))
    return _random_weights(model, seed)


def padded_with_the_rim(seed):
    x = images = keras.Input((24, 24, 1))
    for _ in range(3):
        x = keras.ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="symmetric")
        x = keras.layers.Conv2D(8, 3, activation="relu")(x)
    y = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x))
    return _random_weights(keras.Model(images, y), seed)


def cams(model, images):
    """CAM of all classes, (n, h, w, classes): of a network that ends in a convolution, average pooling and one Dense layer."""
    A = keras.Model(model.inputs[0], model.layers[-3].output)(images).numpy()
    return A @ model.layers[-1].get_weights()[0]


@test_named(worded("an even picture"), worded("on an even grey picture the maps vary, as a share of their greatest value, by"),
            "0")
def an_even_picture(build, seed):
    """Where all places of a picture are alike, the map must be alike: whatever stands out is the network's own."""
    M = cams(build(seed), np.full((1, 24, 24, 1), 0.5, np.float32))[0]
    uneven = (np.ptp(M, axis=(0, 1)) / np.abs(M).max(axis=(0, 1))).max()
    return uneven, uneven < 1e-4


# ---- attention: A (n, heads, tokens, tokens) of a block, the class token first → the map (n, h, w) of what it looked at


def column(A):
    side = int((A.shape[-1] - 1) ** 0.5)
    return A.mean(axis=1)[:, 1:, 0].reshape(-1, side, side)


def row(A):
    side = int((A.shape[-1] - 1) ** 0.5)
    return A.mean(axis=1)[:, 0, 1:].reshape(-1, side, side)


@test_named(worded("a known glance"), worded("where the class token looks, the map has its peak: a share of"),
            worded("1 (by chance 0.02)"))
def a_known_glance(read, seed):
    """Attention written by hand: all tokens look about at random, the class token above all at one patch."""
    rng = np.random.default_rng(seed)
    logits, patch = rng.normal(size=(20, 3, 65, 65)), rng.integers(0, 64, 20)
    logits[np.arange(20), :, 0, 1 + patch] += 4
    A = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    hits = np.asarray(read(A)).reshape(20, -1).argmax(axis=1) == patch
    return hits.mean(), hits.all()


# ---- a dead class: how a folder of pictures, sorted by class, is divided into training and test


def first_part(images, labels):
    n = int(0.8 * len(images))
    return images[:n], labels[:n], images[n:], labels[n:]


def shuffled_part(images, labels):
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    n = int(0.8 * len(images))
    return images[:n], labels[:n], images[n:], labels[n:]


@functools.cache
def digits_trunk():
    """The convolutions of notebook 3's network for CAM: digits to feature maps (n, 7, 7, 64)."""
    model = load_model("mnist_gap")
    return keras.Model(model.inputs[0], model.get_layer("conv4").output)


def least_squares(F, labels, classes, ridge=1e-3):
    """A linear head for features F (n, k), in closed form: weights (k, classes) and biases (classes,)."""
    targets, middle = np.eye(classes)[labels], F.mean(axis=0)
    centred = F - middle
    weights = np.linalg.solve(centred.T @ centred + ridge * len(F) * np.eye(F.shape[1]), centred.T @ (targets - targets.mean(0)))
    return weights, targets.mean(axis=0) - middle @ weights


def head_on(split, seed, n=300):
    """A new head for digits, by what `split` makes of a sorted folder: weights (64, 10) and biases (10,)."""
    images, labels = draw_digits(n, 100 + seed)
    order = np.argsort(labels, kind="stable")
    x, y, *_ = split(images[order], labels[order])
    return least_squares(digits_trunk().predict(x, verbose=0).mean(axis=(1, 2)), y, 10)


@test_named(worded("every class"), worded("of the class recognized least often is recognized a share of"),
            worded("above 0.3 (by chance 0.1)"))
def every_class(split, seed):
    """Twenty new digits of each class: which share of each class is named rightly?"""
    weights, biases = head_on(split, seed)
    images, labels = draw_digits(200, 500 + seed)
    named = (digits_trunk().predict(images, verbose=0).mean(axis=(1, 2)) @ weights + biases).argmax(axis=1)
    recall = [(named[labels == c] == c).mean() for c in range(10)]
    return min(recall), min(recall) > 0.3
