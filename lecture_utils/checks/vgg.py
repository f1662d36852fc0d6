"""Checks of notebook 4: Grad-CAM on photographs."""

import numpy as np

from . import judging
from .inputs import features, height_and_width
from .judging import Verdict


def check_normalize(function) -> Verdict:
    """Exercise: normalize(L (h, w), never negative) to [0, 1] by its own maximum; zeros stay zeros.

    >>> checks.check_normalize(lambda L: L)
    ✗ The map came back as it came: ...
    """
    def inputs(rng):
        return (np.float32(next(scales)) * (features(rng, *height_and_width(rng)) + np.float32(0.5)),)

    scales = iter([1, 0, 1e-12, 100])       # a network may find no evidence, or very little
    by_maximum = lambda L: L / L.max() if L.max() > 0 else np.zeros_like(L)
    return judging.check_function(function, inputs, by_maximum, {
        "An all-zero map gives NaN (0/0). A network may find no evidence at all: then the map is "
        "zero.": lambda L: L / L.max(),
        "That is min–max scaling: the weakest place becomes 0 even where everything speaks for the class. "
        "Divide by the maximum only.": (lambda L: (L - L.min()) / (np.ptp(L) or 1), lambda L: (L - L.min()) / np.ptp(L),
                                        *_epsilons(lambda L, more: (L - L.min()) / (np.ptp(L) + more))),
        "A fixed ε in the division changes small maps. Test for zero instead.": (
            *_epsilons(lambda L, more: L / (L.max() + more)), *_epsilons(lambda L, least: L / max(L.max(), least)),
            *_epsilons(lambda L, least: L / L.max() if L.max() > least else 0 * L)),
        "Dividing by the sum makes a distribution of it; here the peak shall be 1.":
            lambda L: L / L.sum() if L.sum() > 0 else L,
        "The map came back as it came: divide it by its maximum.": lambda L: L,
    })


def _epsilons(function):
    """`function(L, ε)` for every ε that is in use."""
    return tuple(lambda L, power=power: function(L, np.float32(10.0 ** -power)) for power in range(5, 13))
