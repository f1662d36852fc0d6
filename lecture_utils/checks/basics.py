"""Checks of notebook 1: convolutions, parameters, what a layer's maps say and how much of the image they see."""

import keras
import numpy as np
from scipy.signal import correlate2d

from ..language import say
from . import judging
from .inputs import features, height_and_width, signed
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
        say("That is the mathematician's convolution: the kernel is flipped. A CNN layer slides it unflipped "
            "(cross-correlation)."): lambda x, k: correlate2d(x, k[::-1, ::-1], "valid"),
        say("That is padded with zeros (\"same\"): without padding the kernel must lie wholly inside the image, so the result "
            "is smaller."): lambda x, k: correlate2d(x, k, "same"),
        say("The products are right but not yet added up: each position gives one number, a sum over the kernel."):
            lambda x, k: np.lib.stride_tricks.sliding_window_view(x, k.shape) * k,
        say("That is the mean of the products; a convolution adds them."): lambda x, k: correlate2d(x, k, "valid") / k.size,
    })


def check_parameters(answer) -> Verdict:
    """Exercise: how many parameters has a layer of 64 kernels of 3×3 on 32 channels?

    >>> checks.check_parameters(64 * 3 * 3 * 32)
    ✗ The weights are counted; each kernel also has one bias.
    """
    return judging.check_number(answer, 64 * (3 * 3 * 32 + 1), {
        64 * 3 * 3 * 32: say("The weights are counted; each kernel also has one bias."),
        64 * (3 * 3 + 1): say("Each kernel looks at all 32 input channels at once: it is 3×3×32, not 3×3."),
        64 * 3 * 3: say("Each kernel is 3×3×32, since it looks at all input channels, and it has a bias."),
        3 * 3 * 32 + 1: say("That is one kernel; the layer has 64 of them."),
        64 * 3 * 3 * 32 + 1: say("One bias serves no whole layer: each kernel has a bias of its own."),
        64 * 32 * (3 * 3 + 1): say("A kernel has one bias, not one for each channel that it looks at."),
        32 * (3 * 3 * 64 + 1): say("It is the other way round: 64 kernels, each on 32 channels."),
        64 * (3 * 3 * 64 + 1): say("64 is the number of the kernels; the input has 32 channels."),
    })


def check_conv_layer(function) -> Verdict:
    """Exercise: conv_layer(x (h, w, C), K (k, k, C, M), b (M,), stride, padding) as `Conv2D` does it, without activation.

    padding: "valid" or "same". Tried on odd and even sides, with kernels of 2, 3 and 5 and strides from 1 to 3.

    >>> checks.check_conv_layer(lambda x, K, b, stride, padding: x)
    ✗ For inputs of shape ... the result should have shape ...; yours has shape ...
    """
    def inputs(rng):
        k, stride, padding, sides = next(cases)
        C, M = map(int, rng.choice(np.arange(2, 6), size=2, replace=False))
        return signed(rng, *sides, C), signed(rng, k, k, C, M), signed(rng, M), stride, padding

    cases = iter([(3, 1, "valid", (7, 6)), (3, 2, "same", (8, 6)), (5, 2, "valid", (9, 12)), (2, 1, "same", (5, 7)),
                  (2, 3, "same", (6, 8))])
    return judging.check_function(function, inputs, _conv_layer, {
        say("The biases are missing: each of the M maps gets one number, b_m."):
            lambda x, K, b, s, p: _conv_layer(x, K, 0 * b, s, p),
        say("Negative values are cut off. That is the ReLU, the activation; asked is what stands before it."):
            lambda x, K, b, s, p: np.maximum(_conv_layer(x, K, b, s, p), 0),
        say("The zeros of \"same\" stand elsewhere in Keras: where their number is odd, the one more goes below and to the "
            "right. (A ring all around, as in PyTorch with padding=k // 2, looks at other places.)"):
            lambda x, K, b, s, p: _conv_layer(x, K, b, s, p, zeros=_rings),
        say("The zeros of \"same\" depend on the stride, too: (places − 1)·s + k − n of them are enough, not k − 1."):
            lambda x, K, b, s, p: _conv_layer(x, K, b, s, p, zeros=lambda n, k, s: _zeros(n, k, 1)),
        say("The stride is forgotten: the kernel moves on by `stride` pixels a step."):
            lambda x, K, b, s, p: _conv_layer(x, K, b, 1, p),
        say("The padding is forgotten: for \"same\", zeros around the image come first."):
            lambda x, K, b, s, p: _conv_layer(x, K, b, s, "valid"),
        say("The kernels are flipped; a layer slides them as they stand."):
            lambda x, K, b, s, p: _conv_layer(x, K[::-1, ::-1], b, s, p),
        say("A bias is added for each channel of the input. There is one for each map, added once."):
            lambda x, K, b, s, p: _conv_layer(x, K, x.shape[2] * b, s, p),
        say("Only the first channel of the image is seen: each kernel sums over all of them."):
            lambda x, K, b, s, p: _conv_layer(x[..., :1], K[:, :, :1], b, s, p),
        say("That is the mean over the channels of the image; the formula has their sum."):
            lambda x, K, b, s, p: _conv_layer(x, K / x.shape[2], b, s, p),
        say("The numbers are right, but the maps come first: Keras lays them last, (height, width, M)."):
            lambda x, K, b, s, p: np.moveaxis(_conv_layer(x, K, b, s, p), -1, 0),
    }, trials=5)


def _conv_layer(x, K, b, stride, padding, zeros=None):
    """All windows of the padded image at once, every `stride`-th of them weighed by each kernel."""
    k = len(K)
    if padding == "same":
        x = np.pad(x, [*((zeros or _zeros)(n, k, stride) for n in x.shape[:2]), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(0, 1))[::stride, ::stride]
    return np.einsum("ijcab,abcm->ijm", windows, K) + b


def _zeros(n, k, stride):
    """How many zeros "same" lays before and behind n pixels: for ⌈n/s⌉ places as few as are needed."""
    needed = max((-(-n // stride) - 1) * stride + k - n, 0)
    return needed // 2, needed - needed // 2


def _rings(n, k, stride):
    """As many zeros before as behind."""
    return k // 2, k // 2


def check_silence(function) -> Verdict:
    """Exercise: silence(model, name, images) = for each map of layer `name` the share of images on which it is 0 everywhere.

    Tried on small random networks of several sizes, some of whose maps are silent always or now and then.

    >>> checks.check_silence(lambda model, name, images: model(images))
    ✗ For inputs of shape ... the result should have shape ...; yours has shape ...
    """
    def silent(A):
        return np.max(A, axis=(1, 2)) == 0

    def of(judged, layer=lambda model, name: model.get_layer(name).output):
        return lambda model, name, images: judged(np.asarray(keras.Model(model.input, layer(model, name))(images)))

    return judging.check_function(function, _network_with_silent_maps, of(lambda A: silent(A).mean(axis=0)), {
        say("That is the share of images on which the map speaks; asked is that on which it is silent."):
            of(lambda A: (~silent(A)).mean(axis=0)),
        say("That is the share of cells that are 0. A map is silent only if all of its cells are, so look at its maximum."):
            of(lambda A: (A == 0).mean(axis=(0, 1, 2))),
        say("The minimum is 0 as soon as one cell is: a map is silent if its maximum is 0."):
            of(lambda A: (A.min(axis=(1, 2)) == 0).mean(axis=0)),
        say("That is a count of images; asked is their share."): of(lambda A: silent(A).sum(axis=0)),
        say("That says only which maps are silent on all images."): of(lambda A: silent(A).all(axis=0)),
        say("That is one share for each image, over the maps; asked is one for each map, over the images."):
            of(lambda A: silent(A).mean(axis=1)),
        say("That is 0 and 1 for each image and map: take the mean over the images."): of(silent),
        say("Those are the maps that go into the layer. Its own are `model.get_layer(name).output`."):
            of(lambda A: silent(A).mean(axis=0), layer=lambda model, name: model.get_layer(name).input),
    })


def _network_with_silent_maps(rng):
    """Two convolutions with ReLU and a pooling between them, and images; each layer has a map that is silent on all images."""
    (height, width), (first, second) = height_and_width(rng, 9, 14), height_and_width(rng, 4, 8)
    draw = lambda shape, dtype=None: signed(rng, *shape)
    low = lambda shape, dtype=None: np.r_[-50, rng.normal(-2.0, 1.0, size=shape[0] - 1)].astype(np.float32)
    convolution = lambda maps, name: keras.layers.Conv2D(maps, 3, activation="relu", name=name,
                                                         kernel_initializer=draw, bias_initializer=low)
    names = [f"{word}{rng.integers(10)}" for word in ("early", "late")]
    A = given = keras.Input((height, width, 1))
    for layer in (convolution(first, names[0]), keras.layers.MaxPooling2D(), convolution(second, names[1]),
                  keras.layers.Flatten(), keras.layers.Dense(3)):
        A = layer(A)
    model = keras.Model(given, A)
    images = features(rng, int(rng.integers(5, 9)), height, width, 1)
    images *= np.linspace(0.1, 1.0, len(images), dtype=np.float32)[:, None, None, None]     # on dark images more is silent
    return model, names[int(rng.integers(2))], images


def check_window(function) -> Verdict:
    """Exercise: window(layers, cell) = (first, last) pixel that the cell sees through layers of (kernel, stride, zeros before).

    >>> checks.check_window(lambda layers, cell: (cell, cell))
    ✗ The shape is right, the values are not. Try an input small enough to do by hand.
    """
    def inputs(rng):
        layers = [(int(rng.integers(1, 5)), int(rng.integers(1, 3)), int(rng.integers(0, 3))) for _ in range(next(lengths))]
        layers[-1] = (2, 2, 1)      # so that each part of the rule counts
        return layers, next(cells)

    def window(layers, cell, stride=True, zeros=True, steps=1):
        first = last = cell
        for k, s, p in reversed(layers):
            s, p = s if stride else 1, p if zeros else 0
            first, last = first * s - p, last * s - p + k - steps
        return first, last

    def side(layers):
        first, last = window(layers, 0)
        return last - first + 1

    lengths, cells = iter([2, 4, 1, 5, 4, 2]), iter([3, 0, 4, 2, 1, 5])
    return judging.check_function(function, inputs, window, {
        say("The zeros before the image are forgotten: they shift the window by p towards the beginning."):
            lambda layers, cell: window(layers, cell, zeros=False),
        say("The strides are forgotten: cell i of a layer begins to look at place i·s of the layer below."):
            lambda layers, cell: window(layers, cell, stride=False),
        say("The layers are walked in the wrong order: from the cell down to the pixels the last layer comes first."):
            lambda layers, cell: window(layers[::-1], cell),
        say("A kernel of k reaches k − 1 places further, not k."): lambda layers, cell: window(layers, cell, steps=0),
        say("The second number is one too large: asked is the last pixel that is seen, not the one after it."):
            lambda layers, cell: np.add(window(layers, cell), (0, 1)),
        say("That is the side of the window; asked is where it lies: its first and its last pixel."):
            lambda layers, cell: side(layers),
        say("Those are the first pixel and the side of the window; asked is the last pixel, first + side − 1."):
            lambda layers, cell: (window(layers, cell)[0], side(layers)),
        say("Nothing of the image lies before pixel 0, but the window does: leave its numbers negative, it looks at the "
            "padding."):
            lambda layers, cell: np.maximum(window(layers, cell), 0),
    }, trials=6)
