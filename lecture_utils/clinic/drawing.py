"""How a map becomes a picture: scaled, coloured, placed."""

import keras
import matplotlib
import numpy as np

from ..explain.cam import normalize, upsample
from ..explain.places import cell_centres
from ..language import worded
from .findings import test_named

# ---- scaled: maps (n, h, w) of both signs → brightness in [0, 1]


def min_max(maps):
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    return (maps - low) / (high - low + 1e-8)


def by_the_maximum(maps):
    return normalize(np.maximum(maps, 0))


@test_named(worded("nothing in favour"), worded("maps without a positive value are lit up to"), "0")
def nothing_in_favour(scaled, seed):
    """Maps in which everything speaks against the class: whatever is bright on them was made by the scaling."""
    maps = -np.random.default_rng(seed).random((4, 7, 7), dtype=np.float32) - 0.1
    light = np.asarray(scaled(maps))
    return light.max(), np.isfinite(light).all() and light.max() == 0


# ---- coloured: values (...) in [0, 1] → RGB (..., 3) in [0, 1]


def rainbow(values):
    return matplotlib.colormaps["jet"](values)[..., :3]


def even_colours(values):
    return matplotlib.colormaps["inferno"](values)[..., :3]


def lightness(colours):
    """CIE 1976 L*, 0 to 100, of sRGB colours (..., 3) in [0, 1]: how light they look, whatever their hue."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    Y = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(Y > (6 / 29) ** 3, 116 * np.cbrt(Y) - 16, Y * (29 / 3) ** 3)


@test_named(worded("lightness"), worded("while the value rises from 0 to 1, the lightness falls (of 100) by"), "0")
def rising_lightness(coloured, seed):
    """Larger values must look lighter: in grey, in print, and to eyes that see red and green alike."""
    steps = np.diff(lightness(coloured(np.linspace(0, 1, 256))))
    fall = -np.minimum(steps, 0).sum()
    return fall, fall < 1


# ---- placed: a coarse map of a model's "features", at the size of its images


def strided(size=64, convolutions=3):
    """(n, 64, 64, 1) to feature maps (n, 8, 8, 1): each 3x3 convolution of stride 2 is a mean, padded alike on all sides."""
    model = keras.Sequential([keras.Input((size, size, 1))])
    for number in range(convolutions):
        model.add(keras.layers.ZeroPadding2D(1))
        model.add(keras.layers.Conv2D(1, 3, strides=2, use_bias=False,
                                      name="features" if number == convolutions - 1 else f"conv{number + 1}"))
    kernel = np.outer([1, 2, 1], [1, 2, 1]).reshape(3, 3, 1, 1) / 16
    model.set_weights([kernel] * convolutions)
    return model


def stretched(map_, model, size):
    return upsample(map_, size)


def at_the_cells(map_, model, size):
    return upsample(map_, size, cell_centres(model, "features"))


@test_named(worded("a dot"), worded("a map of dots lies beside them, pixels to the lower right on average:"),
            worded("less than half a pixel"))
def a_dot(placed, seed):
    """One white pixel, far from the rim, and a network of means: the middle of what is lit must be that pixel."""
    rng, model = np.random.default_rng(seed), strided()
    places = rng.integers(20, 44, (60, 2))
    images = np.zeros((60, 64, 64, 1), np.float32)
    images[np.arange(60), places[:, 0], places[:, 1]] = 1
    pixels, off = np.arange(64), []
    for map_, place in zip(model(images).numpy()[..., 0], places, strict=True):
        light = np.asarray(placed(map_, model, (64, 64)))
        middle = np.array([pixels @ light.sum(axis=1), pixels @ light.sum(axis=0)]) / light.sum()
        off.append(middle - place)
    off = np.mean(off)
    return off, abs(off) < 0.5
