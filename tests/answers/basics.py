"""Answers to the exercises of notebook 1."""

import keras
import numpy as np
import tensorflow as tf
from scipy.signal import convolve2d, correlate2d

from lecture_utils import checks


def convolve(x, k):
    rows, columns = x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1
    return [[sum(x[i + a, j + b] * k[a, b] for a, b in np.ndindex(k.shape)) for j in range(columns)] for i in range(rows)]


def convolve_3_by_3(x, k):
    """Right where the kernel is 3×3, as in all examples of the notebook."""
    return [[(x[i:i + 3, j:j + 3] * k[:3, :3]).sum() for j in range(x.shape[1] - 2)] for i in range(x.shape[0] - 2)]


def conv_layer(x, K, b, stride, padding):
    """Place by place, number by number."""
    k, _, C, M = K.shape
    before, sides = [0, 0], [(n - k) // stride + 1 for n in x.shape[:2]]
    if padding == "same":
        sides = [-(-n // stride) for n in x.shape[:2]]
        before = [max((places - 1) * stride + k - n, 0) // 2 for places, n in zip(sides, x.shape, strict=False)]

    def pixel(row, column, c):
        return x[row, column, c] if 0 <= row < x.shape[0] and 0 <= column < x.shape[1] else 0

    def number(i, j, m):
        return b[m] + sum(K[p, q, c, m] * pixel(i * stride + p - before[0], j * stride + q - before[1], c)
                          for p in range(k) for q in range(k) for c in range(C))

    return [[[number(i, j, m) for m in range(M)] for j in range(sides[1])] for i in range(sides[0])]


def keras_conv(x, K, b, stride, padding):
    return keras.ops.conv(x[None], K, stride, padding)[0] + b


def torch_conv(x, K, b, stride, padding):
    """As PyTorch's users write "same": the same number of zeros on all sides."""
    ring = len(K) // 2 if padding == "same" else 0
    return keras_conv(np.pad(x, [(ring, ring), (ring, ring), (0, 0)]), K, b, stride, "valid")


def same_for_stride_one(x, K, b, stride, padding):
    k = len(K)
    zeros = ((k - 1) // 2, k // 2) if padding == "same" else (0, 0)
    return keras_conv(np.pad(x, [zeros, zeros, (0, 0)]), K, b, stride, "valid")


def maps_of(model, name, images):
    return keras.Model(model.input, model.get_layer(name).output)(images).numpy()


def silence(model, name, images):
    """Layer by layer by hand, without a second model; image by image, map by map."""
    for layer in model.layers[1:]:     # the first is the input
        images = layer(images)
        if layer.name == name:
            break
    silent = [[not image[..., k].any() for k in range(image.shape[-1])] for image in np.asarray(images)]
    return [sum(map_) / len(silent) for map_ in zip(*silent, strict=True)]


def window(layers, cell):
    """By the set of all places that the cell reads, layer after layer down."""
    places = {cell}
    for k, s, p in layers[::-1]:
        places = {s * place - p + a for place in places for a in range(k)}
    return min(places), max(places)


def field_and_step(layers):
    """(side, pixels from one cell to the next, first pixel of cell 0), from the image up."""
    side, step, first = 1, 1, 0
    for k, s, p in layers:
        side, first, step = side + (k - 1) * step, first - p * step, step * s
    return side, step, first


def window_upwards(layers, cell):
    side, step, first = field_and_step(layers)
    return np.array([first + cell * step, first + cell * step + side - 1])


RIGHT = {
    checks.check_convolve: convolve,
    checks.check_conv_layer: conv_layer,
    checks.check_silence: silence,
    checks.check_window: window,
}

ALSO_RIGHT = [
    *((checks.check_parameters, answer) for answer in
      (18_496, 18_496.0, np.int32(18_496), np.float32(18_496), np.array(18_496), tf.constant(18_496))),
    (checks.check_convolve, lambda x, k: tf.nn.conv2d(x[None, ..., None], k[..., None, None], 1, "VALID")[0, ..., 0]),
    (checks.check_conv_layer, keras_conv),
    (checks.check_conv_layer, lambda x, K, b, s, p: tf.nn.bias_add(tf.nn.conv2d(x[None], K, s, p.upper()), b)[0]),
    (checks.check_silence, lambda model, name, images: 1 - maps_of(model, name, images).any(axis=(1, 2)).mean(axis=0)),
    (checks.check_silence, lambda model, name, images: tf.reduce_mean(tf.cast(
        tf.reduce_all(maps_of(model, name, images) == 0, axis=(1, 2)), tf.float32), axis=0)),
    (checks.check_window, window_upwards),
    (checks.check_window, lambda layers, cell: list(window_upwards(layers, cell))),
]

WRONG = [
    (checks.check_convolve, lambda x, k: convolve2d(x, k, "valid"), "flipped"),
    (checks.check_convolve, lambda x, k: correlate2d(x, k, "same"), "padded"),
    (checks.check_convolve, lambda x, k: np.pad(convolve(x, k), 1), "should have shape"),
    (checks.check_convolve, convolve_3_by_3, "should have shape"),
    (checks.check_convolve, lambda x, k: np.lib.stride_tricks.sliding_window_view(x, k.shape) * k, "not yet added up"),
    (checks.check_convolve, lambda x, k: np.array(convolve(x, k)) / k.size, "mean of the products"),
    (checks.check_conv_layer, lambda x, K, b, s, p: keras_conv(x, K, 0 * b, s, p), "biases are missing"),
    (checks.check_conv_layer, lambda x, K, b, s, p: tf.nn.relu(keras_conv(x, K, b, s, p)), "ReLU"),
    (checks.check_conv_layer, torch_conv, "PyTorch"),
    (checks.check_conv_layer, same_for_stride_one, "depend on the stride"),
    (checks.check_conv_layer, lambda x, K, b, s, p: keras_conv(x, K, b, 1, p), "stride is forgotten"),
    (checks.check_conv_layer, lambda x, K, b, s, p: keras_conv(x, K, b, s, "valid"), "padding is forgotten"),
    (checks.check_conv_layer, lambda x, K, b, s, p: keras_conv(x, K[::-1, ::-1], b, s, p), "flipped"),
    (checks.check_conv_layer, lambda x, K, b, s, p: sum(
        keras_conv(x[..., [c]], K[:, :, [c]], b, s, p) for c in range(x.shape[2])), "for each channel of the input"),
    (checks.check_conv_layer, lambda x, K, b, s, p: keras_conv(x[..., :1], K[:, :, :1], b, s, p), "first channel"),
    (checks.check_conv_layer, lambda x, K, b, s, p: np.mean(
        [keras_conv(x[..., [c]], K[:, :, [c]], b, s, p) for c in range(x.shape[2])], axis=0), "mean over the channels"),
    (checks.check_conv_layer, lambda x, K, b, s, p: np.transpose(keras_conv(x, K, b, s, p), (2, 0, 1)), "maps come first"),
    (checks.check_conv_layer, lambda x, K, b, s, p: keras_conv(x, np.swapaxes(K, 2, 3), b, s, p), "stopped"),
    (checks.check_conv_layer, lambda x, K, b, s, p: keras_conv(x, K, b, s, p)[..., 0], "should have shape"),
    (checks.check_silence, lambda model, name, images: maps_of(model, name, images).any(axis=(1, 2)).mean(axis=0), "speaks"),
    (checks.check_silence, lambda model, name, images: (maps_of(model, name, images) == 0).mean((0, 1, 2)), "share of cells"),
    (checks.check_silence, lambda model, name, images: (maps_of(model, name, images) == 0).any((1, 2)).mean(0), "minimum"),
    (checks.check_silence, lambda model, name, images: np.sum(maps_of(model, name, images).max((1, 2)) == 0, axis=0), "count"),
    (checks.check_silence, lambda model, name, images: maps_of(model, name, images).max((0, 1, 2)) == 0, "on all images"),
    (checks.check_silence, lambda model, name, images: (maps_of(model, name, images).max((1, 2)) == 0).mean(axis=1),
     "one share for each image"),
    (checks.check_silence, lambda model, name, images: maps_of(model, name, images).max((1, 2)) == 0, "for each image and map"),
    (checks.check_silence, lambda model, name, images: np.mean(
        np.max(keras.Model(model.input, model.get_layer(name).input)(images), axis=(1, 2)) == 0, axis=0), "go into the layer"),
    (checks.check_silence, lambda model, name, images: model(images), "should have shape"),
    (checks.check_silence, lambda model, name, images: model.get_layer(name).outputs(images), "has no such"),
    (checks.check_window, lambda layers, cell: window([(k, s, 0) for k, s, _ in layers], cell), "zeros before the image"),
    (checks.check_window, lambda layers, cell: window([(k, 1, p) for k, _, p in layers], cell), "strides are forgotten"),
    (checks.check_window, lambda layers, cell: window(layers[::-1], cell), "wrong order"),
    (checks.check_window, lambda layers, cell: window([(k + 1, s, p) for k, s, p in layers], cell), "k − 1 places further"),
    (checks.check_window, lambda layers, cell: (window(layers, cell)[0], window(layers, cell)[1] + 1), "one too large"),
    (checks.check_window, lambda layers, cell: field_and_step(layers)[0], "the side of the window"),
    (checks.check_window, lambda layers, cell: (window(layers, cell)[0], field_and_step(layers)[0]), "first + side − 1"),
    (checks.check_window, lambda layers, cell: [max(0, each) for each in window(layers, cell)], "before pixel 0"),
    (checks.check_window, lambda layers, cell: (0, field_and_step(layers)[0] - 1), "values are not"),
    (checks.check_window, lambda layers, cell: window(layers, celll), "NameError"),     # noqa: F821 (the slip itself)
    (checks.check_parameters, 18_432, "each kernel also has one bias"),
    (checks.check_parameters, 640, "32 input channels"),
    (checks.check_parameters, 576, "and it has a bias"),
    (checks.check_parameters, 289, "one kernel"),
    (checks.check_parameters, 18_433, "a bias of its own"),
    (checks.check_parameters, 20_480, "one bias, not one for each channel"),
    (checks.check_parameters, 18_464, "other way round"),
    (checks.check_parameters, 36_928, "input has 32 channels"),
    (checks.check_parameters, 7, "7 is not it"),
    (checks.check_parameters, 18_495, "18,495 is not it"),
    (checks.check_parameters, 18_497, "not it"),
    (checks.check_parameters, 18_480, "not it"),
    (checks.check_parameters, 18_431, "not it"),
    (checks.check_parameters, 18_478, "not it"),
    (checks.check_parameters, 18_514, "not it"),
    (checks.check_parameters, 18_496.5, "not it"),
    (checks.check_parameters, 0, "not it"),
    (checks.check_parameters, True, "not it"),
    (checks.check_parameters, 138_357_544, "138,357,544 is not it"),
    (checks.check_parameters, np.nan, "not it"),
    (checks.check_parameters, 1j, "Expected one number"),
    (checks.check_parameters, None, "Not attempted"),
    (checks.check_parameters, ..., "Not attempted"),
    (checks.check_parameters, "x", "Expected one number"),
    (checks.check_parameters, [1, 2], "Expected one number"),
    (checks.check_parameters, "18496", "Expected one number"),
    (checks.check_parameters, lambda: 18_496, "Expected one number"),
    (checks.check_parameters, [18_496], "Expected one number"),
]
