"""What was concluded: from data that give the class away, names in another order, and a threshold that saw the test."""

import functools

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment

from ..datasets.planted import RULER_CLASS, delivery, lay_ruler, ruler_place
from ..datasets.synthetic import draw_steel
from ..evaluate import bootstrap
from ..language import worded
from ..models import load_model
from .findings import test_named
from .networks import least_squares

# ---- a shortcut: what is done with every photograph before the network sees it, in training and in use


def as_delivered(images):
    return images


def ruler_covered(images):
    images = images.copy()
    rows, columns = ruler_place(images.shape[1:3])
    images[:, rows, columns] = 0.5      # on every image, ruler or not
    return images


@functools.cache
def steel(seed, n=10):
    """(images, labels) of drawn plates, n of each class."""
    return draw_steel(n, 50 + seed)[:2]


@functools.cache
def small_eye():
    """The first convolution of notebook 2's network, pooled: plates to maps (n, 50, 50, 32)."""
    model = load_model("neu_gap")
    return keras.Model(model.inputs[0], model.get_layer("pool1").output, name="eye")


def taught(prepare, seed):
    """A linear head on the averaged maps, learned from the supplier's prepared plates: weights (32, 6), biases (6,)."""
    images, labels = steel(seed)
    F = small_eye().predict(prepare(delivery(images, labels)), verbose=0).mean(axis=(1, 2))
    return least_squares(F, labels, 6, ridge=1e-5)


@test_named(worded("the ruler laid"), worded("with a ruler laid beside them, of other plates become scratches a share of"),
            worded("at most 0.1"))
def the_ruler_laid(prepare, seed):
    """New plates without scratches, once as they are, once with a ruler in the corner: nothing else is changed."""
    weights, biases = taught(prepare, seed)
    images, labels = steel(seed + 1000, n=8)
    images = images[labels != RULER_CLASS]
    scratched = [(small_eye().predict(prepare(x), verbose=0).mean(axis=(1, 2)) @ weights + biases).argmax(axis=1) == RULER_CLASS
                 for x in (images, lay_ruler(images))]
    turned = (scratched[1] & ~scratched[0]).mean()
    return turned, turned <= 0.1


# ---- swapped labels: the classes' names, in the order of the network's units, from the names of the files


def sorted_names(files):
    return sorted({file.split("_")[0] for file in files})


def names_as_trained(files):
    return sorted({file.split("_")[0] for file in files}, key=str.lower)


FILES = [f"{name}_{number}.bmp" for name in ("Cr", "In", "Pa", "PS", "RS", "Sc") for number in (1, 2, 3)]    # as NEU-CLS has them


@functools.cache
def steel_answers(seed):
    """(predicted unit, true name) of 48 drawn plates, by `neu_gap`."""
    images, labels = steel(seed, n=8)
    return load_model("neu_gap").predict(images, verbose=0).argmax(axis=1), np.array(["Cr", "In", "Pa", "PS", "RS", "Sc"])[labels]


@test_named(worded("names exchanged"), worded("with the names exchanged in the best way, more answers are right by"), "0")
def names_exchanged(order, seed):
    """All ways to give six names to six units: none may be better than the one that is in use."""
    units, true = steel_answers(seed)
    names = np.array(order(FILES))
    hits = np.array([[np.sum((units == unit) & (true == name)) for name in names] for unit in range(6)])
    _, best = linear_sum_assignment(-hits)
    gain = bootstrap((names[best][units] == true).astype(float) - (names[units] == true))
    return gain.mean, gain.low <= 0


# ---- a threshold: (scores (n,), whether there is a defect (n,)) → the accuracy that is reported


def best_threshold(scores, truth):
    return max(np.mean((scores > t) == truth) for t in scores)


def threshold_from_one_half(scores, truth):
    half = np.arange(len(scores)) % 2 == 0
    accuracy = lambda t, part: np.mean((scores[part] > t) == truth[part])
    t = max(scores[half], key=lambda t: accuracy(t, half))
    return accuracy(t, ~half)


@test_named(worded("labels shuffled"), worded("with labels drawn by lot, is reported an accuracy of"),
            worded("0.5, up to chance"))
def labels_shuffled(report, seed):
    """The whole procedure two hundred times on labels that mean nothing: it must report what guessing gives."""
    rng = np.random.default_rng(seed)
    reported = bootstrap([report(rng.random(30), rng.random(30) < 0.5) for _ in range(200)])
    return reported.mean, reported.low <= 0.5
