"""Grad-CAM written down a second time: one image, one layer, an eager tape, the sums in NumPy. The tests' oracle."""

import keras
import numpy as np
import tensorflow as tf


def feature_gradient(model, image, layer, c, output=0):
    """A and dy_c/dA, both (h, w, k), for one image and a model whose output is logits."""
    both = keras.Model(model.inputs, [model.get_layer(layer).output, model.outputs[output]])
    image = tf.constant(image[None])
    with tf.GradientTape() as tape:
        tape.watch(image)
        A, y = both(image, training=False)
        y_c = y[0, c]
    return A[0].numpy().astype(np.float64), tape.gradient(y_c, A)[0].numpy().astype(np.float64)


def signed_cam(model, images, layer, classes):
    """Σ_k alpha_k A^k, before the ReLU."""
    maps = []
    for image, c in zip(images, np.broadcast_to(classes, len(images)), strict=True):
        A, gradient = feature_gradient(model, image, layer, int(c))
        alpha = gradient.mean(axis=(0, 1))
        maps.append((A * alpha).sum(axis=-1))
    return np.stack(maps)


def grad_cam(model, images, layer, classes):
    return np.maximum(signed_cam(model, images, layer, classes), 0)


def assert_close(ours, expected, tolerance=1e-5):
    """Equal to `tolerance` of the expected array's largest absolute value."""
    assert ours.shape == expected.shape
    assert np.abs(expected).max() > 0, "the expected array is zero: nothing would be compared"
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * np.abs(expected).max())
