"""Checks of notebook 7: boxes and the scores of maps, and what speaks against a class."""

import keras
import numpy as np
import tensorflow as tf
from scipy import ndimage

from ..language import say
from ..localize import iou
from . import judging
from .inputs import features, height_and_width, signed
from .judging import Verdict


def check_iou(function) -> Verdict:
    """Exercise: iou(a, b) of two boxes x0, y0, x1, y1 with exclusive upper bounds: |a ∩ b| / |a ∪ b|.

    >>> checks.check_iou(lambda a, b: 1)
    ✗ The single value is wrong for ... inputs. ...
    """
    # b overlaps a, lies apart in both directions (twice), on it, apart in one direction, overlaps again
    shifts = iter([(3, 2), (9, 9), (-9, 9), (0, 0), (2, -9), (-2, 1)])

    def inputs(rng):
        corner, sides = rng.integers(20, 40, size=2), rng.integers(5, 9, size=2)
        a = np.array([*corner, *(corner + sides)])
        return a, a + np.tile(next(shifts), 2) + np.array([0, 0, *rng.integers(-1, 2, size=2)])

    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])
    sides = lambda a, b: np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    both = lambda a, b: np.maximum(sides(a, b), 0).prod()
    union = lambda a, b: area(a) + area(b) - both(a, b)
    grown = lambda box: box + [0, 0, 1, 1]
    return judging.check_function(function, inputs, lambda a, b: both(a, b) / union(a, b), {
        say("Boxes that do not meet come out wrong: two negative sides multiply to a positive area. Cut each side off at 0 "
            "first."): (lambda a, b: sides(a, b).prod() / (area(a) + area(b) - sides(a, b).prod()),
                        lambda a, b: np.maximum(sides(a, b).prod(), 0) / (area(a) + area(b) - max(sides(a, b).prod(), 0))),
        say("|a| + |b| counts the intersection twice: the union is |a| + |b| - |a ∩ b|."):
            lambda a, b: both(a, b) / (area(a) + area(b)),
        say("That is the Dice coefficient, 2 |a ∩ b| / (|a| + |b|), a relative of IoU that is never smaller."):
            lambda a, b: 2 * both(a, b) / (area(a) + area(b)),
        say("That is the share of one box that the other covers. A box around everything would get full marks; divide by the "
            "union."): (lambda a, b: both(a, b) / area(a), lambda a, b: both(a, b) / area(b)),
        say("That divides by the box around both. The union is only what the two boxes cover."):
            lambda a, b: both(a, b) / np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2])),
        say("That is the intersection in pixels; divide it by the union."): both,
        say("The upper bounds are exclusive here: a side is x1 - x0, without + 1."):
            lambda a, b: both(grown(a), grown(b)) / union(grown(a), grown(b)),
    }, trials=6)


def check_pointing_game(function) -> Verdict:
    """Exercise: hit(L (h, w) signed, mask bool (h, w)): does the map's maximum lie in the mask? Even maps: False.

    >>> checks.check_pointing_game(lambda L, mask: (L[mask] > 0).any())
    ✗ That asks whether there is any evidence in the mask. ...
    """
    def inputs(rng):
        L = signed(rng, *height_and_width(rng))
        mask = rng.random(L.shape) < 0.4
        level, below = next(even, None), next(lowered)
        if level is None:
            return L - below * (L.max() + np.float32(0.1)), mask
        mask[0, 0] = True                                                   # where argmax finds the maximum of an even map
        return np.full_like(L, level), mask

    even = iter([0.0, 1.0, -1.0])
    lowered = iter([False, False, False, True] * 10)                        # every fourth map is negative everywhere
    at = lambda L: np.unravel_index(L.argmax(), L.shape)
    points = lambda L: L.max() > L.min()
    positive = lambda L: np.maximum(L, 0)
    return judging.check_function(function, inputs, lambda L, mask: points(L) and mask[at(L)], {
        say("An even map points nowhere, yet argmax then gives the first pixel, and hits if that is in the mask. Such a map is "
            "no hit."): (lambda L, mask: mask[at(L)], lambda L, mask: L.max() > 0 and mask[at(L)],
                         lambda L, mask: L.any() and mask[at(L)], lambda L, mask: L[mask].max() == L.max()),
        say("A map may be negative everywhere: it still has a maximum, and points there."):
            (lambda L, mask: L.max() > 0 and points(L) and mask[at(L)], lambda L, mask: mask[at(positive(L))],
             lambda L, mask: points(positive(L)) and mask[at(positive(L))]),
        say("Rows and columns are swapped: unravel_index gives (row, column), which is (y, x)."):
            (lambda L, mask: points(L) and mask[at(L)[::-1]], lambda L, mask: mask[at(L)[::-1]],
             lambda L, mask: points(L) and mask.T[at(L)], lambda L, mask: mask.T[at(L)]),
        say("The largest absolute value may be the strongest evidence against the class. Take the maximum."):
            (lambda L, mask: points(L) and mask[at(np.abs(L))], lambda L, mask: mask[at(np.abs(L))]),
        say("That asks whether there is any evidence in the mask. The pointing game asks only where the maximum lies."):
            (lambda L, mask: (L[mask] > 0).any(), lambda L, mask: points(L) and (L[mask] > 0).any()),
        say("That is the share of the evidence in the mask (energy inside). The pointing game is hit or miss."):
            lambda L, mask: positive(L)[mask].sum() / max(positive(L).sum(), 1e-12),
        say("That compares means. The pointing game looks at one place, the maximum."):
            lambda L, mask: L[mask].mean() > L[~mask].mean(),
    }, trials=40)


def check_box_score(function) -> Verdict:
    """Exercise: box_score(L (h, w) signed, truth (k, 4), threshold) = IoU of the map's box with the best fitting of truth.

    The map's box lies around the region of most pixels where L >= threshold * max L; pixels that touch at a corner belong
    together. A map without a positive value has no box: 0.

    >>> checks.check_box_score(lambda L, truth, threshold: True)
    ✗ The single value is wrong for 5 of 6 inputs. ...
    """
    def inputs(rng):
        threshold, scale = next(thresholds), next(scales)
        L, around = _map_with_regions(rng, threshold)
        truth = around[next(order)] + np.array([1, 0, 0, -1]) * rng.integers(0, 2, size=(1, 4))
        return np.float32(scale) * L, truth, threshold

    thresholds, scales = iter([0.2, 0.4, 0.3, 0.5, 0.25, 0.6]), iter([5, 0.8, 0, 1, 30, 0.9])      # a map of zeros, too
    order = iter([[1, 0], [0], [2, 0], [1, 2, 0], [2, 1, 0], [2, 0, 1]])                # the best fitting is seldom the first
    of_range = lambda L, t: L >= L.min() + t * np.ptp(L)
    return judging.check_function(function, inputs, _box_score(), {
        say("A map of zeros marks everything, since 0 reaches any share of 0. It has no evidence, and its score is 0."):
            _box_score(empty=False),
        say("The threshold is a share of the map's maximum, not a value: L >= threshold * L.max()."):
            _with_and_without_empty(mark=lambda L, t: L >= t),
        say("The threshold is a share of the maximum, not of the range from the minimum up."):
            _with_and_without_empty(mark=of_range),
        say("That is the box around all marked pixels. Keep the largest connected region first."):
            _with_and_without_empty(region=lambda marked, L: marked),
        say("The region with the map's maximum may be a small one. The largest is that of most pixels."):
            _with_and_without_empty(region=lambda marked, L: _largest(marked, L, by=ndimage.maximum)),
        say("The largest region is that of most pixels; yours has the largest sum of values."):
            _with_and_without_empty(region=lambda marked, L: _largest(marked, L, by=ndimage.sum_labels)),
        say("Pixels that touch at a corner belong together: `ndimage.label(marked, np.ones((3, 3)))`."):
            _with_and_without_empty(region=lambda marked, L: _largest(marked, L, corners=False)),
        say("The upper bounds are exclusive: the last row and column that are marked, plus 1."):
            _with_and_without_empty(box=lambda region: _around(region) - [0, 0, 1, 1]),
        say("Rows and columns are swapped: a box is x0, y0, x1, y1, and x counts columns."):
            _with_and_without_empty(box=lambda region: _around(region.T)),
        say("Several boxes may be annotated: the one that fits best counts."): tuple(
            each for choose in (lambda values: values[0], np.mean) for each in _with_and_without_empty(choose=choose)),
        say("That is whether the box is found at 0.5. The score is the IoU itself."):
            _with_and_without_empty(choose=lambda values: values.max() >= 0.5),
    }, trials=6)


def _map_with_regions(rng, threshold):
    """A map, and the boxes (3, 4) around its regions over `threshold` of its maximum, 1, the largest region first.

    The largest is made of two parts that touch at a corner; the maximum lies in the second, the smallest; the third has the
    largest sum of values.
    """
    L = rng.uniform(-0.5, 0.9 * threshold, size=(16 + rng.integers(3), 20 + rng.integers(3))).astype(np.float32)
    boxes = np.array([[1, 1, 13, 8], [17, 1, 19, 4], [12, 10, 19, 14]])
    L[1:6, 1:9] = L[6:8, 9:13] = threshold + 0.02
    L[1:4, 17:19] = L[10:14, 12:19] = 0.99
    L[1, 17] = 1
    for axis in np.flatnonzero(rng.random(2) < 0.5):        # turned over, so that the largest is not always the first
        L, low, high = np.flip(L, axis), 1 - axis, 3 - axis
        boxes[:, [low, high]] = L.shape[axis] - boxes[:, [high, low]]
    return L, boxes


def _largest(marked, L, by=None, corners=True):
    """The connected region with most pixels, or with most of what `by` says, as a mask."""
    regions, count = ndimage.label(marked, np.ones((3, 3)) if corners else None)
    numbers = range(1, count + 1)
    return regions == 1 + np.argmax(by(L, regions, numbers) if by else ndimage.sum_labels(marked, regions, numbers))


def _around(region):
    rows, columns = np.nonzero(region)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def _box_score(mark=lambda L, t: L >= t * L.max(), region=_largest, box=_around, choose=np.max, empty=True):
    """The score in these steps; `empty`: whether a map without evidence scores 0."""
    def score(L, truth, threshold):
        if empty and L.max() <= 0:
            return 0.0
        return choose(iou([box(region(mark(L, threshold), L))], truth)[0])
    return score


def _with_and_without_empty(**steps):
    """A misconception of those who thought of the empty map, and of those who did not."""
    return _box_score(**steps), _box_score(**steps, empty=False)


def check_counterfactual(function) -> Verdict:
    """Exercise: counterfactual(model, images, layer, c) = ReLU(Σ_k α_k A^k), α_k = (1/Z) Σ_ij -∂y^c/∂A^k_ij, (n, h, w).

    model: untrained networks of several sizes and heads, whose outputs are class scores; layer: the name of the one whose
    output is A, (n, h, w, K); c: the number of a class.

    >>> checks.check_counterfactual(lambda model, images, layer, c: grad_cam(model, images, layer, c))
    ✗ That is Grad-CAM, what speaks for the class. Turn the gradient's sign before the ReLU.
    """
    def inputs(rng):
        model = _network(rng, next(heads))
        images = features(rng, int(rng.integers(2, 4)), *model.input_shape[1:])
        predicted = int(np.argmax(model(images)[0]))
        return model, images, next(layers), (predicted + 1) % model.output_shape[-1]

    def parts(model, images, layer):
        """A and its Jacobian ∂y/∂A, (classes, n, h, w, K), which is computed once for each network."""
        if model not in known:
            known[model] = _jacobian(model, images, layer)
        return known[model]

    def weighted(model, images, layer, combine, axes=(1, 2)):
        """Σ_k α_k A^k with α_k the mean over `axes` of what `combine` makes of the scores y and their Jacobian."""
        A, y, J = parts(model, images, layer)
        return (A * combine(y, J).mean(axis=axes, keepdims=True)).sum(-1)

    def place_by_place(model, images, layer, c):
        A, _, J = parts(model, images, layer)
        return relu((A * -J[c]).sum(-1))

    def probability(y, J, c):
        p = np.exp(y - y.max(axis=1, keepdims=True))
        p = (p / p.sum(axis=1, keepdims=True)).T[..., None, None, None]
        return p[c] * (J[c] - (p * J).sum(axis=0))

    def of_predicted(y, J):
        return -np.stack([J[k, n] for n, k in enumerate(y.argmax(axis=1))])

    def scaled(L):
        top = L.max(axis=(1, 2), keepdims=True)
        return L / np.where(top > 0, top, 1)

    heads, layers, known = iter(_HEADS), iter(["last", "first", "last", "last"]), {}
    relu = lambda L: np.maximum(L, 0)
    right = lambda m, x, layer, c: relu(weighted(m, x, layer, lambda y, J: -J[c]))
    return judging.check_function(function, inputs, right, {
        say("That is Grad-CAM, what speaks for the class. Turn the gradient's sign before the ReLU."):
            lambda m, x, layer, c: relu(weighted(m, x, layer, lambda y, J: J[c])),
        say("Right, but before the ReLU: what speaks for the class is left in, as negative values."):
            lambda m, x, layer, c: weighted(m, x, layer, lambda y, J: -J[c]),
        say("The sign is turned after the ReLU, which had thrown away what speaks against the class. Turn it before."):
            lambda m, x, layer, c: -relu(weighted(m, x, layer, lambda y, J: J[c])),
        say("That is Grad-CAM's map with light and dark swapped. Where nothing speaks for a class, nothing need speak against "
            "it."):
            lambda m, x, layer, c: 1 - scaled(relu(weighted(m, x, layer, lambda y, J: J[c]))),
        say("Gradients are cut off before the mean. The ReLU comes last, after the weighted sum."):
            lambda m, x, layer, c: relu(weighted(m, x, layer, lambda y, J: relu(-J[c]))),
        say("The gradients are multiplied place by place, and not averaged to one α for each channel."): place_by_place,
        say("That is the gradient of the probability. Take the class score, before softmax."):
            lambda m, x, layer, c: relu(weighted(m, x, layer, lambda y, J: -probability(y, J, c))),
        say("That is the map against the predicted class; asked is class c."):
            lambda m, x, layer, c: relu(weighted(m, x, layer, of_predicted)),
        say("That is the gradient of all scores together: take class c alone, `y[:, c]`."):
            lambda m, x, layer, c: relu(weighted(m, x, layer, lambda y, J: -J.sum(axis=0))),
        say("That is what speaks for all other classes. It need not speak against c: take the score of c alone."):
            lambda m, x, layer, c: relu(weighted(m, x, layer, lambda y, J: J.sum(axis=0) - J[c])),
        say("The gradients are averaged over the images too. Each image has its own weights: average over height and width "
            "alone."):
            lambda m, x, layer, c: relu(weighted(m, x, layer, lambda y, J: -J[c], axes=(0, 1, 2))),
        say("That is divided by each map's maximum. The formula leaves the height, and that says how much speaks against it."):
            lambda m, x, layer, c: scaled(right(m, x, layer, c)),
    })


_HEADS = (["GlobalAveragePooling2D"], ["Flatten", "tanh"], ["GlobalMaxPooling2D"], ["GlobalAveragePooling2D", "dropout", "tanh"])


def _network(rng, head):
    """A small untrained network, of convolutions "first" and "last" under such a head, with random weights and biases."""
    layers = keras.layers
    x = images = keras.Input((*height_and_width(rng, 6, 10), int(rng.integers(1, 4))))
    for name in ("first", "last"):
        x = layers.Conv2D(int(rng.integers(3, 6)), 3, activation="relu", name=name)(x)
    of_choice = {"tanh": lambda: layers.Dense(5, activation="tanh"), "dropout": lambda: layers.Dropout(0.5)}
    for step in head:
        x = of_choice.get(step, getattr(layers, step, None))()(x)
    model = keras.Model(images, layers.Dense(int(rng.integers(3, 6)))(x))
    model.set_weights([signed(rng, *weight.shape) / 2 for weight in model.get_weights()])
    return model


def _jacobian(model, images, layer):
    """Feature maps (n, h, w, K), scores (n, classes) and their derivatives (classes, n, h, w, K)."""
    to_both = keras.Model(model.input, [model.get_layer(layer).output, model.outputs[0]])
    with tf.GradientTape(persistent=True) as tape:
        A, y = to_both(images)
        scores = tf.unstack(y, axis=1)
    return A.numpy(), y.numpy(), np.stack([tape.gradient(score, A).numpy() for score in scores])
