"""Answers to the exercises of notebook 7."""

import keras
import numpy as np
import tensorflow as tf
from skimage.measure import label, regionprops

from lecture_utils import checks, counterfactual_cam, grad_cam
from lecture_utils.localize import box_iou

from .common import peak, weighted


def pixels(box):
    """The pixels of a box x0, y0, x1, y1 with exclusive upper bounds, as a set."""
    x0, y0, x1, y1 = box
    return {(x, y) for x in range(x0, x1) for y in range(y0, y1)}


def overlap(a, b, at_least=0):
    """Width times height of the intersection, each no smaller than `at_least`."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(width, at_least) * max(height, at_least)


def size(box, more=0):
    return (box[2] - box[0] + more) * (box[3] - box[1] + more)


def region_props(L, marked, connectivity=2):
    return regionprops(label(marked, connectivity=connectivity), L)


def fit(L, truth, threshold, marked=None, best=lambda region: region.area, connectivity=2, choose=max, more=0, turned=False):
    """The box score by scikit-image and sets of pixels, 0 for a map without evidence; or with one step done wrongly."""
    if L.max() <= 0:
        return 0
    regions = region_props(L, L >= threshold * L.max() if marked is None else marked, connectivity)
    y0, x0, y1, x1 = max(regions, key=best).bbox
    box = (y0, x0, y1, x1) if turned else (x0, y0, x1 + more, y1 + more)
    ious = [len(pixels(box) & pixels(other)) / len(pixels(box) | pixels(other)) for other in truth]
    return choose(ious)


def fit_of_all(L, truth, threshold):
    """The box around everything that is marked, whether it hangs together or not."""
    rows, columns = np.nonzero(threshold * L.max() <= L)
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return max(len(pixels(box) & pixels(other)) / len(pixels(box) | pixels(other)) for other in truth)


def fit_of_nothing_too(L, truth, threshold):
    return fit(L, truth, threshold) if L.any() else fit_of_all(L, truth, threshold)


def on_the_tape(model, images, layer, c, score=lambda y, c: y[:, c], training=False):
    """A and the gradient of a score by it."""
    both = keras.Model(model.input, [model.get_layer(layer).output, model.output])
    with tf.GradientTape() as tape:
        A, y = both(images, training=training)
        wanted = score(y, c)
    return A.numpy(), tape.gradient(wanted, A).numpy()


def against(*parts, sign=-1, **how):
    """What speaks against c, before the ReLU, image by image."""
    return np.stack([weighted(A, sign * g) for A, g in zip(*on_the_tape(*parts, **how), strict=True)])


def negated_weights(model, images, layer, c):
    """In tensors from one end to the other, the sign turned at the score."""
    both = keras.Model(model.input, [model.get_layer(layer).output, model.output])
    with tf.GradientTape() as tape:
        A, y = both(tf.constant(images))
        loss = -tf.reduce_sum(tf.gather(y, c, axis=1))
    alpha = tf.reduce_mean(tape.gradient(loss, A), axis=(1, 2))
    return tf.nn.relu(tf.einsum("nhwk,nk->nhw", A, alpha))


def layer_by_layer(model, images, layer, c):
    """Without a second model: the layers one after the other, and the tape told to watch A."""
    x = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        for each in model.layers[1:]:
            x = each(x)
            if each.name == layer:
                A = x
                tape.watch(A)
        y = x[:, c]
    return [np.maximum(weighted(a, -g), 0).tolist() for a, g in zip(A.numpy(), tape.gradient(y, A).numpy(), strict=True)]


def darkened(L):
    top = L.max(axis=(1, 2), keepdims=True)
    return 1 - L / np.where(top == 0, 1, top)


RIGHT = {
    checks.check_iou: lambda a, b: len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b)),
    checks.check_pointing_game: lambda L, mask: L.max() != L.min() and mask.ravel()[np.argsort(L.ravel())[-1]],
    checks.check_box_score: fit,
    checks.check_counterfactual: lambda *parts: against(*parts).clip(0),
}

ALSO_RIGHT = [
    (checks.check_pointing_game, lambda L, mask: tf.reduce_max(L) > tf.reduce_min(L) and mask[peak(L)]),
    (checks.check_box_score, lambda L, truth, threshold: box_iou(L[None], [truth], threshold)[0]),
    (checks.check_counterfactual, negated_weights),
    (checks.check_counterfactual, layer_by_layer),
    (checks.check_counterfactual, counterfactual_cam),
    (checks.check_counterfactual, lambda model, images, layer, c: grad_cam(model, images, layer, score=lambda y: -y[:, c])),
]

WRONG = [
    (checks.check_iou, lambda a, b: overlap(a, b, -99) / (size(a) + size(b) - overlap(a, b, -99)), "do not meet"),
    (checks.check_iou, lambda a, b: overlap(a, b) / (size(a) + size(b)), "twice"),
    (checks.check_iou, lambda a, b: 2 * overlap(a, b) / (size(a) + size(b)), "Dice"),
    (checks.check_iou, lambda a, b: overlap(a, b) / size(a), "covers"),
    (checks.check_iou, lambda a, b: overlap(a, b) / size(b), "covers"),
    (checks.check_iou, lambda a, b: overlap(a, b), "in pixels"),
    (checks.check_iou, lambda a, b: overlap(a, b) / ((max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))),
     "around both"),
    (checks.check_iou, lambda a, b: overlap(a + [0, 0, 1, 1], b + [0, 0, 1, 1])
     / (size(a, 1) + size(b, 1) - overlap(a + [0, 0, 1, 1], b + [0, 0, 1, 1])), "exclusive"),
    (checks.check_pointing_game, lambda L, mask: mask[peak(L)], "points nowhere"),
    (checks.check_pointing_game, lambda L, mask: L.max() > 0 and mask[peak(L)], "points nowhere"),
    (checks.check_pointing_game, lambda L, mask: L.any() and mask[peak(L)], "points nowhere"),
    (checks.check_pointing_game, lambda L, mask: L.max() != 0 and mask[peak(L)], "points nowhere"),
    (checks.check_pointing_game, lambda L, mask: L.max() > 0 and np.ptp(L) > 0 and mask[peak(L)], "negative everywhere"),
    (checks.check_pointing_game, lambda L, mask: np.ptp(L.clip(0)) > 0 and mask[peak(L.clip(0))], "negative everywhere"),
    (checks.check_pointing_game, lambda L, mask: mask[peak(L.clip(0))], "negative everywhere"),
    (checks.check_pointing_game, lambda L, mask: np.ptp(L) > 0 and mask.T[peak(L)], "swapped"),
    (checks.check_pointing_game, lambda L, mask: np.ptp(L) > 0 and mask[peak(L)[::-1]], "swapped"),
    (checks.check_pointing_game, lambda L, mask: np.ptp(L) > 0 and mask[peak(L.T)], "swapped"),
    (checks.check_pointing_game, lambda L, mask: True, "single value is wrong"),
    (checks.check_pointing_game, lambda L, mask: mask[peak(np.abs(L))], "against the class"),
    (checks.check_pointing_game, lambda L, mask: bool((L[mask] > 0).any()), "any evidence"),
    (checks.check_pointing_game, lambda L, mask: L.clip(0)[mask].sum() / (L.clip(0).sum() or 1), "energy"),
    (checks.check_pointing_game, lambda L, mask: L[mask].mean() > L[~mask].mean(), "means"),
    (checks.check_box_score, fit_of_nothing_too, "A map of zeros"),
    (checks.check_box_score, lambda L, truth, t: fit(L, truth, t, marked=L >= t), "not a value"),
    (checks.check_box_score, lambda L, truth, t: fit(L, truth, t, marked=(L - L.min()) / (np.ptp(L) or 1) >= t),
     "not of the range"),
    (checks.check_box_score, fit_of_all, "around all marked"),
    (checks.check_box_score, lambda L, truth, t: fit_of_all(L, truth, t) if L.any() else 0, "around all marked"),
    (checks.check_box_score, lambda L, truth, t: fit(L, truth, t, best=lambda region: region.intensity_max), "a small one"),
    (checks.check_box_score, lambda L, truth, t: fit(L, truth, t, best=lambda region: region.area * region.intensity_mean),
     "sum of values"),
    (checks.check_box_score, lambda L, truth, t: fit(L, truth, t, connectivity=1), "touch at a corner"),
    (checks.check_box_score, lambda L, truth, t: fit(L, truth, t, more=-1), "exclusive"),
    (checks.check_box_score, lambda L, truth, t: fit(L, truth, t, turned=True), "swapped"),
    (checks.check_box_score, lambda L, truth, t: fit(L, truth, t, choose=lambda ious: ious[0]), "fits best"),
    (checks.check_box_score, lambda L, truth, t: fit(L, truth, t, choose=np.mean), "fits best"),
    (checks.check_box_score, lambda L, truth, t: fit(L, truth, t) >= 0.5, "the IoU itself"),
    (checks.check_box_score, lambda L, truth, t: fit(L, truth, t, best=lambda region: -region.label), "single value is wrong"),
    (checks.check_counterfactual, lambda *parts: against(*parts, sign=1).clip(0), "Turn the gradient's sign"),
    (checks.check_counterfactual, grad_cam, "Turn the gradient's sign"),
    (checks.check_counterfactual, against, "before the ReLU"),
    (checks.check_counterfactual, lambda *parts: -grad_cam(*parts), "after the ReLU"),
    (checks.check_counterfactual, lambda *parts: darkened(grad_cam(*parts)), "light and dark swapped"),
    (checks.check_counterfactual, lambda *parts: np.stack(
        [weighted(A, (-g).clip(0)).clip(0) for A, g in zip(*on_the_tape(*parts), strict=True)]), "cut off before the mean"),
    (checks.check_counterfactual, lambda *parts: (-np.prod(on_the_tape(*parts), axis=0).sum(-1)).clip(0), "place by place"),
    (checks.check_counterfactual, lambda *parts: against(*parts, score=lambda y, c: tf.nn.softmax(y)[:, c]).clip(0),
     "probability"),
    (checks.check_counterfactual, lambda *parts: against(*parts, score=lambda y, c: tf.reduce_max(y, 1)).clip(0), "predicted"),
    (checks.check_counterfactual, lambda model, images, layer, c: counterfactual_cam(model, images, layer), "predicted"),
    (checks.check_counterfactual, lambda *parts: against(*parts, score=lambda y, c: y).clip(0), "all scores together"),
    (checks.check_counterfactual,
     lambda *parts: against(*parts, sign=1, score=lambda y, c: tf.reduce_sum(y, 1) - y[:, c]).clip(0), "all other classes"),
    (checks.check_counterfactual, lambda *parts: (lambda A, g: (A @ -g.mean((0, 1, 2))).clip(0))(*on_the_tape(*parts)),
     "over the images too"),
    (checks.check_counterfactual, lambda *parts: 1 - darkened(counterfactual_cam(*parts)), "each map's maximum"),
    (checks.check_counterfactual, lambda *parts: counterfactual_cam(*parts) * 40, "up to a factor"),
    (checks.check_counterfactual, lambda model, images, layer, c: model(images)[:, c], "should have shape"),
    (checks.check_counterfactual, lambda *parts: against(*parts, training=True).clip(0), "values are not"),
    (checks.check_counterfactual, lambda model, images, layer, c: model.get_layer("conv3"), "ValueError"),
]
