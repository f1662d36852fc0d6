"""Answers to the exercises of notebook 5."""

import numpy as np
import tensorflow as tf

from lecture_utils import checks

RIGHT = {
    checks.check_cam_from_grad_cam: lambda L: L.shape[0] * L.shape[1] * L,
    checks.check_hirescam: lambda A, g: np.einsum("hwk,hwk->hw", A, g),
}

ALSO_RIGHT = [
    (checks.check_hirescam, lambda A, g: tf.einsum("hwk,hwk->hw", A, g)),
]

WRONG = [
    (checks.check_cam_from_grad_cam, lambda L: L, "factor"),
    (checks.check_cam_from_grad_cam, lambda L: L.shape[0] * L, "not the height"),
    (checks.check_cam_from_grad_cam, lambda L: L.shape[1] * L, "not the height"),
    (checks.check_cam_from_grad_cam, lambda L: 49 * L, "up to a factor"),
    (checks.check_cam_from_grad_cam, lambda L: abs(L) * L.size, "absolute value"),
    (checks.check_cam_from_grad_cam, lambda L: L / L.shape[0] / L.shape[1], "other way round"),
    (checks.check_cam_from_grad_cam, lambda L: L.clip(0) * L.size, "throws away"),
    (checks.check_hirescam, lambda A, g: (A * g.mean((0, 1))).sum(-1), "averaged first"),
    (checks.check_hirescam, lambda A, g: np.einsum("hwk,hwk->hw", A, g).clip(0), "before the ReLU"),
    (checks.check_hirescam, lambda A, g: g * A, "not yet added up"),
    (checks.check_hirescam, lambda A, g: np.einsum("hwk,hwk->hw", A, g) / A.shape[2], "mean over the channels"),
    (checks.check_hirescam, lambda A, g: (A * g.clip(0)).sum(-1), "LayerCAM"),
    (checks.check_hirescam, lambda A, g: (A * g).clip(0).sum(-1), "LayerCAM"),
    (checks.check_hirescam, lambda A, g: (A * abs(g)).sum(-1), "absolute value"),
    (checks.check_hirescam, lambda A, g: abs((A * g).sum(-1)), "absolute value"),
]
