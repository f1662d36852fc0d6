"""Checks of notebook 5: what Grad-CAM has to do with CAM."""

import numpy as np

from . import judging
from .inputs import height_and_width, maps_and_gradients, signed
from .judging import Verdict


def check_cam_from_grad_cam(function) -> Verdict:
    """Exercise: cam(L (h, w)) from Grad-CAM before its ReLU, on a GAP network.

    >>> checks.check_cam_from_grad_cam(lambda L: L)
    ✗ They differ by a factor: ...
    """
    def inputs(rng):
        return (signed(rng, *height_and_width(rng)),)

    return judging.check_function(function, inputs, lambda L: L.size * L, {
        "They differ by a factor: α_k = w_k / Z, and Z counts the positions of the map.": lambda L: L,
        "Z is the number of positions, height × width, not the height or the width alone.":
            (lambda L: L.shape[0] * L, lambda L: L.shape[1] * L),
        "The other way round: α_k = w_k / Z, so w_k = Z α_k.": lambda L: L / L.size,
        "The ReLU throws away what CAM keeps. The identity holds before it.": lambda L: L.size * np.maximum(L, 0),
        "The absolute value shows evidence against the class as if it were for it: CAM keeps its "
        "signs.": lambda L: L.size * np.abs(L),
    })


def check_hirescam(function) -> Verdict:
    """Exercise: hirescam(A (h, w, K), gradients (h, w, K)) = Σ_k ∂y/∂A^k ∘ A^k before any ReLU.

    >>> checks.check_hirescam(lambda A, gradients: A * gradients)
    ✗ Those are the products of every channel, not yet added up over k.
    """
    return judging.check_function(function, maps_and_gradients, lambda A, g: (A * g).sum(-1), {
        "The gradients were averaged first: that is Grad-CAM. HiResCAM multiplies place by "
        "place.": lambda A, g: (A * g.mean((0, 1))).sum(-1),
        "Right, but before the ReLU here: the identity with CAM needs both signs.": lambda A, g: np.maximum((A * g).sum(-1), 0),
        "Those are the products of every channel, not yet added up over k.": lambda A, g: A * g,
        "That is the mean over the channels; take the sum.": lambda A, g: (A * g).mean(-1),
        "Negative gradients are cut off: that is LayerCAM, and the identity with CAM needs both "
        "signs.": lambda A, g: (A * np.maximum(g, 0)).sum(-1),
        "An absolute value hides that a gradient speaks against the class; the identity with CAM needs both "
        "signs.": (lambda A, g: (A * np.abs(g)).sum(-1), lambda A, g: np.abs((A * g).sum(-1))),
    })
