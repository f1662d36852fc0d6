"""Answers to the exercises of notebook 1."""

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


RIGHT = {
    checks.check_convolve: convolve,
}

ALSO_RIGHT = [
    *((checks.check_parameters, answer) for answer in
      (18_496, 18_496.0, np.int32(18_496), np.float32(18_496), np.array(18_496), tf.constant(18_496))),
    (checks.check_convolve, lambda x, k: tf.nn.conv2d(x[None, ..., None], k[..., None, None], 1, "VALID")[0, ..., 0]),
]

WRONG = [
    (checks.check_convolve, lambda x, k: convolve2d(x, k, "valid"), "flipped"),
    (checks.check_convolve, lambda x, k: correlate2d(x, k, "same"), "padded"),
    (checks.check_convolve, lambda x, k: np.pad(convolve(x, k), 1), "should have shape"),
    (checks.check_convolve, convolve_3_by_3, "should have shape"),
    (checks.check_convolve, lambda x, k: np.lib.stride_tricks.sliding_window_view(x, k.shape) * k, "not yet added up"),
    (checks.check_convolve, lambda x, k: np.array(convolve(x, k)) / k.size, "mean of the products"),
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
