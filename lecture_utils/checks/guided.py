"""Checks of notebook 6: guided backpropagation and Guided Grad-CAM."""

import numpy as np

from ..explain.cam import upsample
from . import judging
from .inputs import features, height_and_width, signed
from .judging import Verdict


def check_guided_gate(function) -> Verdict:
    """Exercise: gate(x, R) of guided backprop: R passes where x > 0 and R > 0.

    >>> checks.check_guided_gate(lambda x, R: R * (x > 0))
    ✗ That is the true gradient of ReLU (saliency): ...
    """
    def inputs(rng):
        shape = *height_and_width(rng), *next(channels)
        x = signed(rng, *shape)
        x[rng.random(shape) < 0.1] = 0          # as behind an earlier ReLU
        return x, signed(rng, *shape)

    channels = iter([(), (), (4,), (2, 3)])     # arrays of any number of axes
    return judging.check_function(function, inputs, lambda x, R: R * (x > 0) * (R > 0), {
        "That is the true gradient of ReLU (saliency): it looks at the forward input x only.": lambda x, R: R * (x > 0),
        "That is the deconvnet's gate: it looks at the backward signal R only. Guided backprop asks "
        "both.": lambda x, R: np.maximum(R, 0),
        "That lets the forward input through. The gate passes the backward signal R.": lambda x, R: x * (x > 0) * (R > 0),
        "That is only the gate, ones and zeros: multiply it by R.": lambda x, R: (x > 0) & (R > 0),
        "That passes R where x or R is positive; both have to be.": lambda x, R: R * ((x > 0) | (R > 0)),
        "At x = 0 nothing passes: the gate asks for x > 0.": lambda x, R: R * (x >= 0) * (R > 0),
    })


def check_guided_grad_cam(function) -> Verdict:
    """Exercise: fuse(L (h, w), guided (H, W, 3)) = upsampled L, place by place, times guided.

    >>> checks.check_guided_grad_cam(lambda L, guided: L * guided)
    ✗ The heat map has to be first enlarged to (H, W): `upsample`.
    """
    def inputs(rng):
        (h, w), size = next(sizes)
        return np.maximum(signed(rng, h, w), 0) + features(rng, h, w), signed(rng, *size, 3)

    sizes = iter([((3, 4), (9, 8)), ((5, 3), (10, 12)), ((2, 5), (8, 15)), ((4, 2), (12, 10))])
    large = lambda L, G: upsample(L, G.shape[:2])
    enlarge = lambda L, G: large(L, G)[..., None]
    blocks = lambda L, G: np.kron(L, np.ones((G.shape[0] // L.shape[0], G.shape[1] // L.shape[1])))
    stretch = lambda L: (L - L.min()) / np.ptp(L)
    return judging.check_function(function, inputs, lambda L, G: enlarge(L, G) * G, {
        "The heat map has to be enlarged smoothly (bilinear): yours repeats each value as a block.":
            lambda L, G: blocks(L, G)[..., None] * G,
        "(H, W) does not multiply (H, W, 3): give the enlarged map a third axis, `[..., None]`, so that it serves each "
        "colour channel.": lambda L, G: large(L, G) * G,
        "The heat map has to be first enlarged to (H, W): `upsample`.": (lambda L, G: L * G, lambda L, G: L[..., None] * G),
        "`upsample` of a batch returns a batch: take its only map, `[0]`.":
            (lambda L, G: large(L, G)[None] * G, lambda L, G: enlarge(L, G)[None] * G),
        "Height and width are swapped: the size is (H, W), height first.":
            lambda L, G: upsample(L, G.shape[1::-1])[..., None] * G,
        "The heat map is normalized first; the formula multiplies it as it is, at its own scale.": (
            lambda L, G: enlarge(L / L.max(), G) * G, lambda L, G: enlarge(L, G) / large(L, G).max() * G,
            lambda L, G: enlarge(stretch(L), G) * G, lambda L, G: stretch(large(L, G))[..., None] * G),
        "Adding them shows wherever one of the two is large; the product keeps what both point at.":
            lambda L, G: enlarge(L, G) + G,
        "The signs of guided backprop are lost; keep them.": lambda L, G: enlarge(L, G) * np.abs(G),
        "Negative values of guided backprop are cut off; keep both signs.": lambda L, G: enlarge(L, G) * np.maximum(G, 0),
    })
