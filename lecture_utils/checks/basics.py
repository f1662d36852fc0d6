"""Checks of notebook 1: convolution and parameters."""

import numpy as np
from scipy.signal import correlate2d

from . import judging
from .inputs import height_and_width, signed
from .judging import Verdict


def check_convolve(function) -> Verdict:
    """Exercise: convolve(image (h, w), kernel (k, k)) as a CNN does it, without padding.

    >>> checks.check_convolve(lambda image, kernel: image)
    ✗ For inputs of shape ... the result should have shape ...; yours has shape ...
    """
    def inputs(rng):
        side = next(sides)
        return signed(rng, *height_and_width(rng, 6, 11)), signed(rng, side, side)

    sides = iter([3, 5, 3, 5])
    return judging.check_function(function, inputs, lambda x, k: correlate2d(x, k, "valid"), {
        "That is the mathematician's convolution: the kernel is flipped. A CNN layer slides it unflipped "
        "(cross-correlation).": lambda x, k: correlate2d(x, k[::-1, ::-1], "valid"),
        "That is padded with zeros (\"same\"): without padding the kernel must lie wholly inside the image, "
        "so the result is smaller.": lambda x, k: correlate2d(x, k, "same"),
        "The products are right but not yet added up: each position gives one number, a sum over the "
        "kernel.": lambda x, k: np.lib.stride_tricks.sliding_window_view(x, k.shape) * k,
        "That is the mean of the products; a convolution adds them.": lambda x, k: correlate2d(x, k, "valid") / k.size,
    })


def check_parameters(answer) -> Verdict:
    """Exercise: how many parameters has a layer of 64 kernels of 3×3 on 32 channels?

    >>> checks.check_parameters(64 * 3 * 3 * 32)
    ✗ The weights are counted; each kernel also has one bias.
    """
    return judging.check_number(answer, 64 * (3 * 3 * 32 + 1), {
        64 * 3 * 3 * 32: "The weights are counted; each kernel also has one bias.",
        64 * (3 * 3 + 1): "Each kernel looks at all 32 input channels at once: it is 3×3×32, not 3×3.",
        64 * 3 * 3: "Each kernel is 3×3×32, since it looks at all input channels, and it has a bias.",
        3 * 3 * 32 + 1: "That is one kernel; the layer has 64 of them.",
        64 * 3 * 3 * 32 + 1: "One bias serves no whole layer: each kernel has a bias of its own.",
        64 * 32 * (3 * 3 + 1): "A kernel has one bias, not one for each channel that it looks at.",
        32 * (3 * 3 * 64 + 1): "It is the other way round: 64 kernels, each on 32 channels.",
        64 * (3 * 3 * 64 + 1): "64 is the number of the kernels; the input has 32 channels.",
    })
