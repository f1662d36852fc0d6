"""Answers to the exercises of notebook 10."""

import numpy as np
import tensorflow as tf

from lecture_utils import checks

from .common import peak


def sum_at_peaks(B, d):
    L = np.zeros(B.shape[:2])
    for k in range(len(d)):
        i, j = peak(B[..., k])
        L[i, j] += d[k] * B[i, j, k]
    return L


RIGHT = {
    checks.check_film: lambda x, gamma, beta: tf.nn.relu(tf.constant(x) * gamma + beta),
    checks.check_max_head: lambda B, d: sum_at_peaks(B, d),
}

ALSO_RIGHT = [
]

WRONG = [
    (checks.check_film, lambda x, g, b: g * x + b, "ReLU is missing"),
    (checks.check_film, lambda x, g, b: g * x.clip(0) + b, "comes last"),
    (checks.check_film, lambda x, g, b: ((x + b) * g).clip(0), "Scale first"),
    (checks.check_film, lambda x, g, b: (b * x + g).clip(0), "exchanged"),
    (checks.check_film, lambda x, g, b: (g * x).clip(0), "shift is missing"),
    (checks.check_film, lambda x, g, b: (x + b).clip(0), "scale is missing"),
    (checks.check_film, lambda x, g, b: (g * x + b).clip(0).sum(2), "stay apart"),
    (checks.check_max_head, lambda B, d: B @ d, "weighed as a whole"),
    (checks.check_max_head, lambda B, d: (B @ d).clip(0) / (B.shape[0] * B.shape[1]), "weighed as a whole"),
    (checks.check_max_head, lambda B, d: sum_at_peaks(B / B.max((0, 1)), d), "gradient alone"),
    (checks.check_max_head, lambda B, d: sum_at_peaks(B, np.ones_like(d)), "derivatives d are missing"),
    (checks.check_max_head, lambda B, d: np.where(B @ d == (B @ d).max(), B @ d, 0), "one place for all"),
    (checks.check_max_head, lambda B, d: sum_at_peaks(B, d).clip(0), "Grad-CAM's ReLU"),
    (checks.check_max_head, lambda B, d: np.where(B == B.max((0, 1)), B * d, 0), "not added up"),
    (checks.check_max_head, lambda B, d: sum_at_peaks(B, d) / B[..., 0].size, "divided by the number of places"),
]
