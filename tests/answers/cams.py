"""Answers to the exercises of notebook 2."""

import numpy as np
import tensorflow as tf

from lecture_utils import checks

RIGHT = {
    checks.check_cam: lambda A, w, c: (A @ w)[..., c],
    checks.check_class_score: lambda M, b: float(np.sum(M)) / M.size + b,
}

ALSO_RIGHT = [
    (checks.check_cam, lambda A, w, c: tf.tensordot(tf.cast(A, tf.float32), tf.constant(w[:, c]), 1)),
    (checks.check_class_score, lambda M, b: tf.reduce_mean(M) + tf.constant(b, tf.float32)),
]

WRONG = [
    (checks.check_cam, lambda A, w, c: A.sum(-1), "plain sum"),
    (checks.check_cam, lambda A, w, c: A.mean(-1), "plain sum"),
    (checks.check_cam, lambda A, w, c: A @ w, "all classes"),
    (checks.check_cam, lambda A, w, c: (A @ w[:, c]).clip(0), "cut off"),
    (checks.check_cam, lambda A, w, c: (A * w[:, c]).mean(2), "mean over k"),
    (checks.check_cam, lambda A, w, c: np.stack([w[k, c] * A[..., k] for k in range(len(w))], 2), "not yet added up"),
    (checks.check_cam, lambda A, w, c: np.abs(A @ w[:, c]), "as if it were for it"),
    (checks.check_cam, lambda A, w, c: (A @ w[:, c]) / A[..., 0].size, "CAM / Z"),
    (checks.check_cam, lambda A, w, c: (A * w[c]).sum(-1), "a column for each class"),
    (checks.check_cam, lambda A, w, c: A @ w[c], "a column for each class"),
    (checks.check_cam, lambda A, w, c: np.einsum("ijk,k->ij", A, w[c]), "a column for each class"),
    (checks.check_cam, lambda A, w, c: tf.reduce_sum(tf.constant(A) * w[c], -1), "a column for each class"),
    (checks.check_cam, lambda A, w, c: (A @ w[:, c]) / 49, "up to a factor"),
    (checks.check_cam, lambda A, w, c: -(A @ w[:, c]), "up to a factor"),
    (checks.check_class_score, lambda M, b: M.sum() + b, "sum"),
    (checks.check_class_score, lambda M, b: M.sum() / M.size, "bias of the class is missing"),
    (checks.check_class_score, lambda M, b: np.sort(M.ravel())[-1] + b, "peak"),
    (checks.check_class_score, lambda M, b: M.sum() / 30 + b, "single value is wrong"),
    (checks.check_class_score, lambda M, b: M.clip(0).mean() + b, "cut off"),
    (checks.check_class_score, lambda M, b: M.mean(0) + b, "should be a single value"),
    (checks.check_class_score, lambda M, b: 2 * M.mean() + b, "single value is wrong"),
]
