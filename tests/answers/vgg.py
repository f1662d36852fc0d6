"""Answers to the exercises of notebook 4."""

import numpy as np
import tensorflow as tf

from lecture_utils import checks

from .common import min_max

RIGHT = {
    checks.check_normalize: lambda L: L / (L.max() or 1.0),
}

ALSO_RIGHT = [
    (checks.check_normalize, lambda L: tf.math.divide_no_nan(L, tf.reduce_max(L))),
    (checks.check_normalize, lambda L: np.nan_to_num(L / L.max())),
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
]
