"""Answers to the exercises of notebook 7."""

import numpy as np
import tensorflow as tf

from lecture_utils import checks

from .common import peak


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


RIGHT = {
    checks.check_iou: lambda a, b: len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b)),
    checks.check_pointing_game: lambda L, mask: L.max() != L.min() and mask.ravel()[np.argsort(L.ravel())[-1]],
}

ALSO_RIGHT = [
    (checks.check_pointing_game, lambda L, mask: tf.reduce_max(L) > tf.reduce_min(L) and mask[peak(L)]),
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
]
