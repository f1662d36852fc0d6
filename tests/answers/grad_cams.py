"""Answers to the exercises of notebook 3."""

import numpy as np
import tensorflow as tf

from lecture_utils import checks

from .common import weighted

RIGHT = {
    checks.check_alpha: lambda g: [g[..., k].mean() for k in range(g.shape[-1])],
    checks.check_grad_cam: lambda A, g: np.clip(A @ g.mean(axis=(0, 1)), 0, None),
}

ALSO_RIGHT = [
    (checks.check_alpha, lambda g: tf.reduce_mean(g, axis=(0, 1))),
    (checks.check_alpha, lambda g: [tf.reduce_mean(g[..., k]) for k in range(g.shape[-1])]),
    (checks.check_grad_cam, lambda A, g: tf.nn.relu(tf.reduce_sum(A * tf.reduce_mean(g, (0, 1)), -1))),
]

WRONG = [
    (checks.check_alpha, lambda g: g.sum((0, 1)), "sum over positions"),
    (checks.check_alpha, lambda g: g.mean(2), "channels"),
    (checks.check_alpha, lambda g: g.sum((0, 1)) / 20, "up to a factor"),
    (checks.check_alpha, lambda g: abs(g).mean((0, 1)), "signs are lost"),
    (checks.check_alpha, lambda g: abs(g.mean((0, 1))), "signs are lost"),
    (checks.check_alpha, lambda g: g.clip(0).mean((0, 1)), "ReLU comes last"),
    (checks.check_alpha, lambda g: g.mean((0, 1)).clip(0), "ReLU comes last"),
    (checks.check_alpha, lambda g: g.mean(0), "should have shape"),
    (checks.check_alpha, lambda g: g.sum() / g.size, "one number for everything"),
    (checks.check_grad_cam, lambda A, g: (A * g.mean((0, 1))).sum(-1), "ReLU is missing"),
    (checks.check_grad_cam, lambda A, g: np.abs((A * g.mean((0, 1))).sum(-1)), "absolute"),
    (checks.check_grad_cam, lambda A, g: np.maximum((A * g).sum(-1), 0), "HiResCAM"),
    (checks.check_grad_cam, lambda A, g: (A * g).sum(-1), "HiResCAM"),
    (checks.check_grad_cam, lambda A, g: (A * g.mean((0, 1))).clip(0).sum(2), "before the sum"),
    (checks.check_grad_cam, lambda A, g: A @ g.mean((0, 1)).clip(0), "before the sum"),
    (checks.check_grad_cam, lambda A, g: A @ g.clip(0).mean((0, 1)), "before averaging"),
    (checks.check_grad_cam, lambda A, g: A @ abs(g).mean((0, 1)), "gradients' signs"),
    (checks.check_grad_cam, lambda A, g: weighted(A, g).clip(0) / A.shape[2], "mean over k"),
    (checks.check_grad_cam, lambda A, g: weighted(A, g).clip(0) / weighted(A, g).clip(0).max(), "divided by its own maximum"),
    (checks.check_grad_cam, lambda A, g: (A @ g.sum((0, 1)) / 20).clip(0), "up to a factor"),
    (checks.check_grad_cam, lambda A, g: (A @ g.sum((0, 1))).clip(0), "sum of the gradients"),
]
