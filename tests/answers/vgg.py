"""Answers to the exercises of notebook 4."""

import keras
import numpy as np
import tensorflow as tf

from lecture_utils import checks

from .common import min_max


def share(L, box):
    """By loops, as on paper."""
    x0, y0, x1, y1 = box
    inside = sum(value for (row, column), value in np.ndenumerate(L) if y0 <= row < y1 and x0 <= column < x1)
    return inside / L.sum() if L.any() else 0


def in_box(L, box):
    return L[box[1]:box[3], box[0]:box[2]]


def tapped(model, layer):
    return keras.Model(model.input, [model.get_layer(layer).output, model.output])


def gradients(model, image, layer, head=lambda y: y):
    """A (h, w, K), and the gradient of every class by it, (classes, h, w, K), from one pass."""
    with tf.GradientTape(persistent=True) as tape:
        A, y = tapped(model, layer)(image[None])
        scores = [head(y)[0, c] for c in range(y.shape[1])]
    return A[0].numpy(), np.stack([tape.gradient(score, A)[0].numpy() for score in scores])


def all_classes(model, image, layer, **options):
    """The maps before their ReLU."""
    A, g = gradients(model, image, layer, **options)
    return np.stack([(A * each.mean((0, 1))).sum(-1) for each in g])


def by_jacobian(model, image, layer):
    with tf.GradientTape() as tape:
        A, y = tapped(model, layer)(image[None])
    alpha = tf.reduce_mean(tape.jacobian(y, A)[0, :, 0], axis=(1, 2))
    return tf.nn.relu(tf.einsum("hwk,ck->chw", A[0], alpha))


def pass_after_pass(model, image, layer, scores=lambda y, c: y[0, c]):
    maps = []
    for c in range(model.output_shape[1]):
        with tf.GradientTape() as tape:
            A, y = tapped(model, layer)(image[None])
            score = scores(y, c)
        maps.append(tf.nn.relu(tf.einsum("hwk,k->hw", A[0], tf.reduce_mean(tape.gradient(score, A)[0], axis=(0, 1)))))
    return maps


def asked_twice(model, image, layer):
    with tf.GradientTape() as tape:
        A, y = tapped(model, layer)(image[None])
        scores = [y[0, c] for c in range(y.shape[1])]
    return [tape.gradient(score, A) for score in scores]


RIGHT = {
    checks.check_share_in_box: share,
    checks.check_all_classes: lambda *case: all_classes(*case).clip(0),
    checks.check_normalize: lambda L: L / (L.max() or 1.0),
}

ALSO_RIGHT = [
    (checks.check_normalize, lambda L: tf.math.divide_no_nan(L, tf.reduce_max(L))),
    (checks.check_normalize, lambda L: np.nan_to_num(L / L.max())),
    (checks.check_share_in_box, lambda L, box: tf.math.divide_no_nan(tf.reduce_sum(in_box(L, box)), tf.reduce_sum(L))),
    (checks.check_share_in_box, lambda L, box: float(in_box(L, box).sum()) / (float(L.sum()) or 1.0)),
    (checks.check_all_classes, by_jacobian),
]

WRONG = [
    (checks.check_normalize, lambda L: L / L.max(), "NaN"),
    (checks.check_normalize, lambda L: L / (L.max() + 1e-8), "ε"),
    (checks.check_normalize, lambda L: L / (L.max() + 1e-5), "ε"),
    (checks.check_normalize, lambda L: L / (L.max() + 1e-12), "ε"),
    (checks.check_normalize, lambda L: L / max(L.max(), 1e-7), "ε"),
    (checks.check_normalize, lambda L: L / L.max() if L.max() > 1e-8 else 0 * L, "ε"),
    (checks.check_normalize, min_max, "min–max"),
    (checks.check_normalize, lambda L: min_max(L, 1e-8), "min–max"),
    (checks.check_normalize, lambda L: L, "as it came"),
    (checks.check_normalize, lambda L: L / 100, "up to a factor"),
    (checks.check_normalize, lambda L: (L - L.min()) / (np.ptp(L) or 1), "min–max"),
    (checks.check_normalize, lambda L: L / (L.sum() or 1), "Dividing by the sum"),
    (checks.check_share_in_box, lambda L, box: in_box(L, box).sum() / L.sum(), "NaN"),
    (checks.check_share_in_box, lambda L, box: share(L.T, box), "swapped"),
    (checks.check_share_in_box, lambda L, box: share(L, np.add(box, (0, 0, 1, 1))), "exclusive"),
    (checks.check_share_in_box, lambda L, box: in_box(L, box).sum(), "the sum in the box"),
    (checks.check_share_in_box, lambda L, box: in_box(L, box).mean(), "the mean in the box"),
    (checks.check_share_in_box, lambda L, box: in_box(L, box).mean() / (L.mean() or 1), "how many times brighter"),
    (checks.check_share_in_box, lambda L, box: (box[2] - box[0]) * (box[3] - box[1]) / L.size, "share of the area"),
    (checks.check_share_in_box, lambda L, box: share(L, box) / (1 - share(L, box)), "outside the box"),
    (checks.check_share_in_box, in_box, "should be a single value"),
    (checks.check_all_classes, all_classes, "before the ReLU"),
    (checks.check_all_classes, lambda *case: np.stack([all_classes(*case).sum(0).clip(0)] * len(all_classes(*case))),
     "the scores' sum"),
    (checks.check_all_classes, lambda *case: all_classes(*case, head=tf.nn.softmax).clip(0), "probabilities"),
    (checks.check_all_classes, lambda *case: all_classes(*case).clip(0).transpose(1, 2, 0), "come last"),
    (checks.check_all_classes, lambda *case: all_classes(*case).clip(0)[None], "batch axis"),
    (checks.check_all_classes, lambda *case: all_classes(*case).clip(0) * all_classes(*case)[0].size, "sum of the gradients"),
    (checks.check_all_classes, lambda *case: (lambda A, g: (A * g).sum(-1).clip(0))(*gradients(*case)), "HiResCAM"),
    (checks.check_all_classes, lambda *case: [L / (L.max() or 1) for L in all_classes(*case).clip(0)], "its own maximum"),
    (checks.check_all_classes, pass_after_pass, "One pass forward is enough"),
    (checks.check_all_classes, asked_twice, "persistent"),
    (checks.check_all_classes, lambda model, image, layer: model(image[None]), "should have shape"),
]
