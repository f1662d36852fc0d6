"""Answers to the exercises of notebook 3."""

import keras
import numpy as np
import tensorflow as tf

from lecture_utils import checks

from .common import weighted


def on_the_tape(model, image, layer, score, training=False):
    """A and the gradient of a score by it, (h, w, K) both."""
    tapped = keras.Model(model.input, [model.get_layer(layer).output, model.output])
    with tf.GradientTape() as tape:
        A, y = tapped(image[None], training=training)
        wanted = score(y[0])
    return A[0].numpy(), tape.gradient(wanted, A)[0].numpy()


def own(model, image, layer, c, score=lambda y, c: y[c], **options):
    """Grad-CAM before its ReLU."""
    return weighted(*on_the_tape(model, image, layer, lambda y: score(y, c), **options))


def layer_by_layer(model, image, layer, c, watch=True):
    """The network in two parts: up to the layer before the tape begins, from there on under it."""
    steps, x = iter(model.layers[1:]), tf.constant(image[None])
    for step in steps:
        x = step(x)
        if step.name == layer:
            break
    with tf.GradientTape() as tape:
        if watch:
            tape.watch(x)
        y = x
        for step in steps:
            y = step(y)
        score = y[0, c]
    gradient = tape.gradient(score, x)
    return tf.nn.relu(tf.reduce_sum(x * tf.reduce_mean(gradient, (1, 2), keepdims=True), -1))[0]


def two_calls(model, image, layer, c):
    with tf.GradientTape() as tape:
        A = keras.Model(model.input, model.get_layer(layer).output)(image[None])
        score = model(image[None])[:, c]
    gradient = tape.gradient(score, A)
    return np.maximum(A.numpy()[0] @ np.mean(gradient, axis=(1, 2))[0], 0)


def last_layer(model, image, layer, c):
    return own(model, image, "last", c).clip(0)


RIGHT = {
    checks.check_alpha: lambda g: [g[..., k].mean() for k in range(g.shape[-1])],
    checks.check_grad_cam: lambda A, g: np.clip(A @ g.mean(axis=(0, 1)), 0, None),
    checks.check_contrast: lambda A, of_c, of_other: weighted(A, of_c) - weighted(A, of_other),
    checks.check_own_grad_cam: lambda *case: own(*case).clip(0),
}

ALSO_RIGHT = [
    (checks.check_alpha, lambda g: tf.reduce_mean(g, axis=(0, 1))),
    (checks.check_alpha, lambda g: [tf.reduce_mean(g[..., k]) for k in range(g.shape[-1])]),
    (checks.check_grad_cam, lambda A, g: tf.nn.relu(tf.reduce_sum(A * tf.reduce_mean(g, (0, 1)), -1))),
    (checks.check_contrast, lambda A, g, h: tf.reduce_sum(A * tf.reduce_mean(g - h, (0, 1)), -1)),
    (checks.check_contrast, lambda A, g, h: sum(A[..., k] * (g[..., k].mean() - h[..., k].mean()) for k in range(A.shape[-1]))),
    (checks.check_own_grad_cam, layer_by_layer),
    (checks.check_own_grad_cam, lambda *case: layer_by_layer(*case).numpy().astype("float16").tolist()),
]

WRONG = [
    (checks.check_alpha, lambda g: g.sum((0, 1)), "sum over positions"),
    (checks.check_alpha, lambda g: g.mean(2), "channels"),
    (checks.check_alpha, lambda g: g.sum((0, 1)) / 20, "up to a factor"),
    (checks.check_alpha, lambda g: abs(g).mean((0, 1)), "signs are lost"),
    (checks.check_alpha, lambda g: abs(g.mean((0, 1))), "signs are lost"),
    (checks.check_alpha, lambda g: g.clip(0).mean((0, 1)), "ReLU comes last"),
    (checks.check_alpha, lambda g: g.mean((0, 1)).clip(0), "ReLU comes last"),
    (checks.check_alpha, lambda g: g.mean(0), "should have shape"),
    (checks.check_alpha, lambda g: g.sum() / g.size, "one number for everything"),
    (checks.check_grad_cam, lambda A, g: (A * g.mean((0, 1))).sum(-1), "ReLU is missing"),
    (checks.check_grad_cam, lambda A, g: np.abs((A * g.mean((0, 1))).sum(-1)), "absolute"),
    (checks.check_grad_cam, lambda A, g: np.maximum((A * g).sum(-1), 0), "HiResCAM"),
    (checks.check_grad_cam, lambda A, g: (A * g).sum(-1), "HiResCAM"),
    (checks.check_grad_cam, lambda A, g: (A * g.mean((0, 1))).clip(0).sum(2), "before the sum"),
    (checks.check_grad_cam, lambda A, g: A @ g.mean((0, 1)).clip(0), "before the sum"),
    (checks.check_grad_cam, lambda A, g: A @ g.clip(0).mean((0, 1)), "before averaging"),
    (checks.check_grad_cam, lambda A, g: A @ abs(g).mean((0, 1)), "gradients' signs"),
    (checks.check_grad_cam, lambda A, g: weighted(A, g).clip(0) / A.shape[2], "mean over k"),
    (checks.check_grad_cam, lambda A, g: weighted(A, g).clip(0) / weighted(A, g).clip(0).max(), "divided by its own maximum"),
    (checks.check_grad_cam, lambda A, g: (A @ g.sum((0, 1)) / 20).clip(0), "up to a factor"),
    (checks.check_grad_cam, lambda A, g: (A @ g.sum((0, 1))).clip(0), "sum of the gradients"),
    (checks.check_contrast, lambda A, g, h: weighted(A, g).clip(0) - weighted(A, h).clip(0), "two finished"),
    (checks.check_contrast, lambda A, g, h: weighted(A, g - h).clip(0), "ReLU leaves only"),
    (checks.check_contrast, lambda A, g, h: weighted(A, h - g), "other way round"),
    (checks.check_contrast, lambda A, g, h: abs(weighted(A, g - h)), "absolute"),
    (checks.check_contrast, lambda A, g, h: weighted(A, g) + weighted(A, h), "are added"),
    (checks.check_contrast, lambda A, g, h: np.sum(A * g - A * h, axis=2), "its own gradients"),
    (checks.check_contrast, lambda A, g, h: weighted(A, g), "one class alone"),
    (checks.check_contrast, lambda A, g, h: weighted(A, h), "one class alone"),
    (checks.check_contrast, lambda A, g, h: A @ (g - h).sum((0, 1)), "sum of the gradients"),
    (checks.check_contrast, lambda A, g, h: weighted(A, g - h).mean(), "should have shape"),
    (checks.check_own_grad_cam, own, "before the ReLU"),
    (checks.check_own_grad_cam, lambda *case: abs(own(*case)), "absolute"),
    (checks.check_own_grad_cam, lambda *case: own(*case).clip(0)[None], "batch axis"),
    (checks.check_own_grad_cam, lambda *case: own(*case, score=lambda y, c: tf.nn.softmax(y)[c]).clip(0), "probability"),
    (checks.check_own_grad_cam, lambda *case: own(*case, score=lambda y, c: y[tf.argmax(y)]).clip(0), "predicted class"),
    (checks.check_own_grad_cam, lambda *case: own(*case, score=lambda y, c: y).clip(0), "all scores together"),
    (checks.check_own_grad_cam, last_layer, "last convolution"),
    (checks.check_own_grad_cam, lambda *case: own(*case).clip(0) * own(*case).size, "sum of the gradients"),
    (checks.check_own_grad_cam, lambda model, image, layer, c: np.prod(
        on_the_tape(model, image, layer, lambda y: y[c]), axis=0).sum(-1).clip(0), "HiResCAM"),
    (checks.check_own_grad_cam, lambda *case: own(*case).clip(0) / own(*case).max(), "its own maximum"),
    (checks.check_own_grad_cam, lambda *case: layer_by_layer(*case, watch=False), "The gradient is None"),
    (checks.check_own_grad_cam, two_calls, "The gradient is None"),
    (checks.check_own_grad_cam, lambda model, image, layer, c: model(image)[c], "Your function stopped"),
    (checks.check_own_grad_cam, lambda model, image, layer, c: tf.image.resize(
        own(model, image, layer, c).clip(0)[..., None], image.shape[:2])[..., 0] * 2, "should have shape"),
    (checks.check_own_grad_cam, lambda *case: own(*case).clip(0) * 2, "up to a factor"),
    (checks.check_own_grad_cam, lambda *case: own(*case, training=True).clip(0), "values are not"),
    (checks.check_own_grad_cam, 3, "Give the check your function itself"),
]
