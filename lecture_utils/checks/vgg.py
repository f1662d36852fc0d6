"""Checks of notebook 4: Grad-CAM on photographs."""

import re

import keras
import numpy as np
import tensorflow as tf

from ..language import say
from . import judging
from .grad_cams import SCORES, features_and_gradient
from .inputs import features, height_and_width, signed, small_network
from .judging import Verdict


def check_normalize(function) -> Verdict:
    """Exercise: normalize(L (h, w), never negative) to [0, 1] by its own maximum; zeros stay zeros.

    >>> checks.check_normalize(lambda L: L)
    ✗ The map came back as it came: ...
    """
    def inputs(rng):
        return (np.float32(next(scales)) * (features(rng, *height_and_width(rng)) + np.float32(0.5)),)

    scales = iter([1, 0, 1e-12, 100])       # a network may find no evidence, or very little
    by_maximum = lambda L: L / L.max() if L.max() > 0 else np.zeros_like(L)
    return judging.check_function(function, inputs, by_maximum, {
        say("An all-zero map gives NaN (0/0). A network may find no evidence at all: then the map is zero."):
            lambda L: L / L.max(),
        say("That is min–max scaling: the weakest place becomes 0 even where everything speaks for the class. Divide by the "
            "maximum only."): (lambda L: (L - L.min()) / (np.ptp(L) or 1), lambda L: (L - L.min()) / np.ptp(L),
                                        *_epsilons(lambda L, more: (L - L.min()) / (np.ptp(L) + more))),
        say("A fixed ε in the division changes small maps. Test for zero instead."): (
            *_epsilons(lambda L, more: L / (L.max() + more)), *_epsilons(lambda L, least: L / max(L.max(), least)),
            *_epsilons(lambda L, least: L / L.max() if L.max() > least else 0 * L)),
        say("Dividing by the sum makes a distribution of it; here the peak shall be 1."):
            lambda L: L / L.sum() if L.sum() > 0 else L,
        say("The map came back as it came: divide it by its maximum."): lambda L: L,
    })


def check_share_in_box(function) -> Verdict:
    """Exercise: share_in_box(L (h, w), box) = the part of the map's sum that lies in the box; 0 for an empty map.

    box: (x0, y0, x1, y1) in cells, columns first, upper bounds exclusive.

    >>> checks.check_share_in_box(lambda L, box: L[box[1]:box[3], box[0]:box[2]].mean())
    ✗ That is the mean in the box. ...
    """
    def inputs(rng):
        L = np.float32(next(scales)) * features(rng, *height_and_width(rng, 5, 12))
        (y0, y1), (x0, x1) = (sorted(map(int, rng.choice(np.arange(side), size=2, replace=False))) for side in L.shape)
        return L, (x0, y0, x1, y1)

    scales = iter([1, 5, 1e-12, 0])         # a network may find very little evidence, or none
    inside = lambda L, box: L[box[1]:box[3], box[0]:box[2]]
    ratio = lambda part, whole: part / whole if whole else 0.0
    with_bounds = lambda L, box: L[box[1]:box[3] + 1, box[0]:box[2] + 1]
    turned = lambda L, box: L[box[0]:box[2], box[1]:box[3]]
    return judging.check_function(function, inputs, lambda L, box: ratio(inside(L, box).sum(), L.sum()), {
        say("Right, but an empty map gives NaN (0/0). It has no share anywhere: return 0."):
            lambda L, box: inside(L, box).sum() / L.sum(),
        say("Rows and columns are swapped: x counts columns, the second axis of the array."):
            lambda L, box: ratio(turned(L, box).sum(), L.sum()),
        say("The upper bounds are exclusive: `L[y0:y1, x0:x1]`."): lambda L, box: ratio(with_bounds(L, box).sum(), L.sum()),
        say("That is the sum in the box. A share is divided by the sum of the whole map."): lambda L, box: inside(L, box).sum(),
        say("That is the mean in the box. A share is its sum, divided by that of the whole map."):
            lambda L, box: inside(L, box).mean(),
        say("That divides means, and so says how many times brighter than elsewhere the box is. Divide the sums."):
            lambda L, box: ratio(inside(L, box).mean(), L.mean()),
        say("That is the box's share of the area: what chance would give, whatever the map."):
            lambda L, box: inside(L, box).size / L.size,
        say("That divides by what lies outside the box; a share is of the whole."):
            lambda L, box: ratio(inside(L, box).sum(), L.sum() - inside(L, box).sum()),
    })


class Passes(keras.layers.Layer):
    """Hands on what it gets, and counts how often."""

    count = 0

    def call(self, x):
        self.count += tf.executing_eagerly()        # not where a graph is only built
        return x


def check_all_classes(function) -> Verdict:
    """Exercise: all_classes(model, image (H, W, channels), layer): Grad-CAM of every class, (classes, h, w), in one pass.

    Tried on small untrained networks of several shapes, heads and numbers of classes, which count how often they are asked.

    >>> checks.check_all_classes(lambda model, image, layer: model(image[None])[0])
    ✗ For inputs of shape ... the result should have shape ...; yours has shape ...
    """
    def inputs(rng):
        shape = *height_and_width(rng, 6, 12), int(rng.choice([1, 3]))
        model = small_network(rng, shape, next(heads), before=[Passes()])
        return model, signed(rng, *model.input_shape[1:]), "last"

    def parts(model, image, layer, score="class"):
        key = id(model), score
        if key not in known:
            passes.append(model.layers[1].count)
            classes = range(model.output_shape[1])
            each = [features_and_gradient(model, image, layer, lambda y, c=c: SCORES[score](y, c)) for c in classes]
            known[key] = each[0][0], np.stack([gradient for _, gradient in each])
        return known[key]

    def weighted(*case, mean=np.mean, score="class"):
        A, gradients = parts(*case, score)
        return np.einsum("hwk,ck->chw", A, mean(gradients, axis=(1, 2)))

    known = {}          # (network, score) → A and the gradient of each class's
    passes = []         # how often a network had been asked when the student's function was done with it
    heads = iter(("Flatten", "GAP, hidden", "Flatten, hidden"))
    relu = lambda L: np.maximum(L, 0)
    right = lambda *case: relu(weighted(*case))
    verdict = judging.check_function(function, inputs, right, {
        say("Right, but before the ReLU: what speaks against a class is left in."): weighted,
        say("All maps are that of the scores' sum: for a target with many numbers `tape.gradient` adds their gradients up. Take "
            "each class's score alone."): lambda *case: relu(np.broadcast_to(weighted(*case).sum(0), weighted(*case).shape)),
        say("Those are the maps of the probabilities. Take the scores before softmax."):
            lambda *case: relu(weighted(*case, score="probability")),
        say("The classes should come first, (classes, h, w): they come last."): lambda *case: np.moveaxis(right(*case), 0, -1),
        say("Right for one image of a batch: take the batch axis off the result."): lambda *case: right(*case)[None],
        say("That uses the sum of the gradients; α is their mean over the places."):
            lambda *case: relu(weighted(*case, mean=np.sum)),
        say("That is HiResCAM: average the gradients to one α per class and channel first."):
            lambda *case: relu(np.einsum("hwk,chwk->chw", *parts(*case))),
        say("Each map is divided by its own maximum; here they shall keep their scale, so that classes can be compared."):
            lambda *case: right(*case) / np.maximum(right(*case).max((1, 2), keepdims=True), 1e-9),
    }, trials=3)
    if verdict and max(passes) > 1:
        return judging.refused(say("The maps are right, but the network ran {times} times. One pass forward is enough: the maps "
                                   "A are the same for all classes, and a tape with `persistent=True` can be asked again.",
                                   times=max(passes)))
    if re.search("non-persistent", verdict.message):
        return judging.refused(say("A tape forgets once it has been asked: for several gradients make it "
                                   "`tf.GradientTape(persistent=True)`."))
    return verdict


def _epsilons(function):
    """`function(L, ε)` for every ε that is in use."""
    return tuple(lambda L, power=power: function(L, np.float32(10.0 ** -power)) for power in range(5, 13))
