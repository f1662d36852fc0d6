"""Checks of notebook 10: captions and questions."""

import numpy as np

from . import judging
from .inputs import features, height_and_width, signed
from .judging import Verdict


def check_film(function) -> Verdict:
    """Exercise: film(x (h, w, K), gamma (K,), beta (K,)) = ReLU(γ x + β), one γ and one β for each channel.

    >>> checks.check_film(lambda x, gamma, beta: gamma * x + beta)
    ✗ Scaled and shifted rightly, but the ReLU is missing.
    """
    def inputs(rng):
        K = int(rng.integers(3, 7))
        return signed(rng, *height_and_width(rng, 7, 11), K), signed(rng, K), signed(rng, K)

    relu = lambda x: np.maximum(x, 0)
    return judging.check_function(function, inputs, lambda x, g, b: relu(g * x + b), {
        "Scaled and shifted rightly, but the ReLU is missing.": lambda x, g, b: g * x + b,
        "The ReLU comes last: here it comes before the question has had its say.": (
            lambda x, g, b: g * relu(x) + b, lambda x, g, b: relu(g * relu(x) + b)),
        "Scale first, then shift: γ x + β, not γ (x + β).": lambda x, g, b: relu(g * (x + b)),
        "γ and β are exchanged: γ scales, β shifts.": lambda x, g, b: relu(b * x + g),
        "The shift is missing.": lambda x, g, b: relu(g * x),
        "The scale is missing.": lambda x, g, b: relu(x + b),
        "The channels are added up. They stay apart: the result has the shape of x.": lambda x, g, b: relu(g * x + b).sum(-1),
    })


def check_max_head(function) -> Verdict:
    """Exercise: max_map(B (h, w, K), d (K,)): HiResCAM Σ_k ∂y/∂B^k ⊙ B^k where y reads m_k = max_ij B^k_ij alone, d_k = ∂y/∂m_k.

    >>> checks.check_max_head(lambda B, d: B @ d)
    ✗ Each map is weighed as a whole. ...
    """
    def inputs(rng):
        K = int(rng.integers(3, 7))
        return features(rng, *height_and_width(rng), K), signed(rng, K)

    def at_peaks(B, d, value=lambda B, d: B * d):
        return (value(B, d) * (B == B.max(axis=(0, 1)))).sum(-1)

    def at_the_peak(B, d):
        L = B @ d
        return L * (L == L.max())

    return judging.check_function(function, inputs, at_peaks, {
        "Each map is weighed as a whole. The score reads one place of each map, so the gradient is 0 at all others.": (
            lambda B, d: B @ d, lambda B, d: np.maximum(B @ d, 0), lambda B, d: B @ d / B[..., 0].size,
            lambda B, d: np.maximum(B @ d / B[..., 0].size, 0)),
        "That is the gradient alone; HiResCAM multiplies it by the map.": lambda B, d: at_peaks(B, d, lambda B, d: d + 0 * B),
        "Those are the maps' values at their peaks; the derivatives d are missing.":
            lambda B, d: at_peaks(B, d, lambda B, d: B),
        "Each channel has its own peak. You took one place for all of them.": at_the_peak,
        "Right, but with Grad-CAM's ReLU: HiResCAM keeps what speaks against the word.":
            lambda B, d: np.maximum(at_peaks(B, d), 0),
        "The channels are not added up yet.": lambda B, d: B * d * (B == B.max(axis=(0, 1))),
        "The derivatives are divided by the number of places. That is Grad-CAM's mean; here each derivative stands at its own "
        "place.": lambda B, d: at_peaks(B, d) / B[..., 0].size,
    })
