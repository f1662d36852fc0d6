"""Checks of notebook 2: class activation maps."""

import numpy as np

from . import judging
from .inputs import features, height_and_width, signed
from .judging import Verdict


def check_cam(function) -> Verdict:
    """Exercise: cam(A (h, w, K), w (K, classes), c) = Σ_k w_k^c A^k, (h, w).

    >>> checks.check_cam(lambda A, w, c: A.sum(-1))
    ✗ That is the plain sum or mean of the feature maps. ...
    """
    def inputs(rng):
        K, classes = int(rng.integers(3, 6)), int(rng.integers(6, 10))
        return features(rng, *height_and_width(rng), K), signed(rng, K, classes), int(rng.integers(classes))

    right = lambda A, w, c: np.einsum("hwk,k->hw", A, w[:, c])
    return judging.check_function(function, inputs, right, {
        "That is the plain sum or mean of the feature maps. CAM weighs each by w_k^c: without the weights the "
        "map is the same for every class.": (lambda A, w, c: A.sum(-1), lambda A, w, c: A.mean(-1)),
        "Negative values are cut off. That is Grad-CAM's ReLU; CAM keeps the evidence against the class "
        "too.": lambda A, w, c: np.maximum(right(A, w, c), 0),
        "The absolute value shows evidence against the class as if it were for it: CAM keeps its "
        "signs.": lambda A, w, c: np.abs(right(A, w, c)),
        "That is the mean over k; CAM is the sum, so that its mean over the map plus the bias is the class "
        "score.": lambda A, w, c: right(A, w, c) / A.shape[-1],
        "That is CAM / Z, as Grad-CAM gives it: CAM itself is not divided by the number of places, so that its mean, not "
        "its sum, plus the bias is the score.": lambda A, w, c: right(A, w, c) / (A.shape[0] * A.shape[1]),
        "w has a row for each channel and a column for each class: take the column of class c, w[:, c].":
            tuple(lambda A, w, c, times=times: times(A, w[c])
                  for times in (np.multiply, np.matmul, np.dot, lambda A, row: np.einsum("hwk,k->hw", A, row))),
        "Those are all classes at once: take the column of class c.": lambda A, w, c: A @ w,
        "Those are the weighted maps, not yet added up over k.": lambda A, w, c: A * w[:, c],
    })


def check_class_score(function) -> Verdict:
    """Exercise: score(M (h, w), b) of a GAP network = mean of its CAM + bias.

    >>> checks.check_class_score(lambda M, b: M.mean())
    ✗ The bias of the class is missing.
    """
    def inputs(rng):
        return signed(rng, *height_and_width(rng)) + 1, float(rng.normal())

    return judging.check_function(function, inputs, lambda M, b: M.mean() + b, {
        "That is the sum of the map. GAP takes the mean: F^k = (1/Z) Σ_ij A^k_ij.": lambda M, b: M.sum() + b,
        "The bias of the class is missing.": lambda M, b: M.mean(),
        "That is the map's peak. GAP takes the mean; a maximum would be global max pooling.": lambda M, b: M.max() + b,
        "Negative values are cut off, but evidence against the class lowers its score.":
            lambda M, b: np.maximum(M, 0).mean() + b,
    })
