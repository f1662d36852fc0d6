"""Checks of notebook 3: Grad-CAM."""

import numpy as np

from . import judging
from .inputs import height_and_width, maps_and_gradients, signed
from .judging import Verdict


def check_alpha(function) -> Verdict:
    """Exercise: alpha(gradients (h, w, K)) = (1/Z) Σ_ij ∂y/∂A^k_ij, (K,).

    >>> checks.check_alpha(lambda gradients: gradients.sum((0, 1)))
    ✗ That is the sum over positions; Grad-CAM's α is the mean ...
    """
    def inputs(rng):
        return (signed(rng, *height_and_width(rng), int(rng.integers(3, 9))),)

    return judging.check_function(function, inputs, lambda g: g.mean((0, 1)), {
        "That is the sum over positions; Grad-CAM's α is the mean (the 1/Z of the formula).": lambda g: g.sum((0, 1)),
        "That averages over the channels and leaves a map. α is one number for each channel: average over "
        "height and width.": lambda g: g.mean(-1),
        "The gradients' signs are lost. A channel that speaks against the class must keep its negative "
        "weight.": (lambda g: np.abs(g).mean((0, 1)), lambda g: np.abs(g.mean((0, 1)))),
        "Negative gradients, or weights, are cut off. The ReLU comes last, after the weighted sum.":
            (lambda g: np.maximum(g, 0).mean((0, 1)), lambda g: np.maximum(g.mean((0, 1)), 0)),
        "That is one number for everything; α has one for each channel.": lambda g: g.mean(),
    })


def check_grad_cam(function) -> Verdict:
    """Exercise: grad_cam(A (h, w, K), gradients (h, w, K)) = ReLU(Σ_k α_k A^k), (h, w).

    >>> checks.check_grad_cam(lambda A, gradients: None)
    · Not attempted yet: ...
    """
    relu = lambda x: np.maximum(x, 0)
    weighted = lambda A, g: np.einsum("hwk,k->hw", A, g.mean((0, 1)))
    right = lambda A, g: relu(weighted(A, g))
    return judging.check_function(function, maps_and_gradients, right, {
        "The ReLU is missing: only evidence for the class is kept.": weighted,
        "Taking the absolute value shows evidence against the class as if it were for it. Use "
        "ReLU.": lambda A, g: np.abs(weighted(A, g)),
        "That multiplies each position by its own gradient. It is HiResCAM; Grad-CAM first averages the "
        "gradients to one α per channel.": (lambda A, g: relu((A * g).sum(-1)), lambda A, g: (A * g).sum(-1)),
        "The ReLU is taken of each channel, or of its weight, before the sum; it belongs after the sum.":
            lambda A, g: relu(A * g.mean((0, 1))).sum(-1),
        "Negative gradients are cut off before averaging. The ReLU comes last, after the weighted "
        "sum.": lambda A, g: weighted(A, relu(g)),
        "The gradients' signs are lost. A channel that speaks against the class must keep its negative "
        "weight.": lambda A, g: weighted(A, np.abs(g)),
        "That uses the sum of the gradients; α is their mean.": lambda A, g: A[..., 0].size * right(A, g),
        "That is the mean over k; the formula adds the weighted maps up.": lambda A, g: right(A, g) / A.shape[-1],
        "The map is divided by its own maximum; here it shall keep its scale.":
            lambda A, g: right(A, g) / (right(A, g).max() or 1),
    })
