"""Answers to the exercises of notebook 6."""

import keras
import numpy as np
import tensorflow as tf

from lecture_utils import checks, deconvnet, guided_backprop, upsample

from .common import min_max


def bilinear(L, size):
    """Half-pixel bilinear enlargement, written out: an oracle that shares no code with the course."""
    def axis(n, N):
        position = np.clip((np.arange(N) + 0.5) * n / N - 0.5, 0, n - 1)
        low = np.minimum(position.astype(int), n - 2)
        weights = np.zeros((N, n))
        weights[np.arange(N), low] = 1 - (position - low)
        weights[np.arange(N), low + 1] += position - low
        return weights
    return axis(L.shape[0], size[0]) @ L @ axis(L.shape[1], size[1]).T


def blocks(L, size):
    return L.repeat(size[0] // L.shape[0], 0).repeat(size[1] // L.shape[1], 1)


def relu_with(back, forward=tf.nn.relu):
    """A ReLU whose way back is back(x, R)."""
    return tf.custom_gradient(lambda x: (forward(x), lambda R: back(x, R)))


def passed(condition, R):
    return tf.where(condition, R, tf.zeros_like(R))


guided_relu = relu_with(lambda x, R: passed((x > 0) & (R > 0), R))


@tf.custom_gradient
def in_two_gates(x):
    """TensorFlow's own ReLU gradient, and the second gate before it."""
    y = tf.nn.relu(x)

    def backward(R):
        with tf.GradientTape() as tape:
            tape.watch(x)
            again = tf.nn.relu(x)
        return tape.gradient(again, x, output_gradients=tf.maximum(R, 0.0))
    return y, backward


def undecorated(x):
    def backward(R):
        return R
    return tf.nn.relu(x), backward


@tf.custom_gradient
def backward_without_return(x):
    def backward(R):
        R * tf.cast(x > 0, R.dtype)
    return tf.nn.relu(x), backward


@tf.custom_gradient
def one_thing(x):
    return tf.nn.relu(x)


@tf.custom_gradient
def misspelt(x):
    return tf.nn.relu(x), lambda R: R * tf.cast(y > 0, R.dtype)        # noqa: F821 (the slip itself)


def forgets_to_return(x):
    relu_with(lambda x, R: R)(x)


def pixels(model, images, c, score=lambda y, c: y[:, c]):
    """The plain gradient of a score by the pixels."""
    images = tf.Variable(images)
    with tf.GradientTape() as tape:
        wanted = score(model(images), c)
    return tape.gradient(wanted, images).numpy()


def gated(model, images, c, kinds=(keras.layers.Layer,), number=None, weights=True, every=False, copy=keras.models.clone_model,
          **how):
    """Guided backpropagation by replaced activations; each argument leaves something out."""
    model_ = copy(model)
    if weights:
        model_.set_weights(model.get_weights())
    ours = [layer for layer in model_.layers if getattr(layer, "activation", None) is keras.activations.relu
            or every and hasattr(layer, "activation")]
    for layer in [layer for layer in ours if isinstance(layer, tuple(kinds))][:number]:
        layer.activation = guided_relu
    return pixels(model_, images, c, **how)


def put_back(model, images, c):
    """In the model itself, which is then as it was."""
    ours = [layer for layer in model.layers if getattr(layer, "activation", None) is keras.activations.relu]
    picture = gated(model, images, c, copy=lambda model: model)
    for layer in ours:
        layer.activation = keras.activations.relu
    return picture


def unwatched(model, images, c):
    images = tf.constant(images)
    with tf.GradientTape() as tape:
        y = model(images)[:, c]
    return tape.gradient(y, images)


RIGHT = {
    checks.check_guided_gate: lambda x, R: np.where(x > 0, np.maximum(R, 0), 0),
    checks.check_guided_grad_cam: lambda L, G: bilinear(L, G.shape[:2])[..., None] * G,
}

ALSO_RIGHT = [
    (checks.check_guided_gate, lambda x, R: tf.cast(x > 0, tf.float32) * tf.nn.relu(R)),
    (checks.check_guided_grad_cam,
     lambda L, G: tf.image.resize(L[..., None], G.shape[:2]) * tf.constant(G, tf.float32)),
    (checks.check_guided_relu, guided_relu),
    (checks.check_guided_relu, in_two_gates),
    (checks.check_guided_relu, relu_with(lambda x, R: np.where(x > 0, np.maximum(R, 0), 0))),
    (checks.check_guided_relu, relu_with(lambda x, R: passed(x > 0, tf.nn.relu(R)), lambda x: tf.maximum(x, 0))),
    (checks.check_guided_backprop, gated),
    (checks.check_guided_backprop, put_back),
    (checks.check_guided_backprop, lambda *case: gated(*case).tolist()),
    (checks.check_guided_backprop, lambda model, images, c: guided_backprop(model, images, class_index=c)),
    (checks.check_guided_backprop, lambda model, images, c: tf.concat([gated(model, x[None], c) for x in images], axis=0)),
]

WRONG = [
    (checks.check_guided_gate, lambda x, R: R * (x > 0), "saliency"),
    (checks.check_guided_gate, lambda x, R: R * (R > 0), "deconvnet"),
    (checks.check_guided_gate, lambda x, R: np.where(R > 0, x.clip(0), 0), "forward input"),
    (checks.check_guided_gate, lambda x, R: np.where((x > 0) & (R > 0), 1, 0), "only the gate"),
    (checks.check_guided_gate, lambda x, R: np.where(x > 0, R, R.clip(0)), "x or R is positive"),
    (checks.check_guided_gate, lambda x, R: np.where(x < 0, 0, R.clip(0)), "x = 0"),
    (checks.check_guided_relu, None, "Not attempted"),
    (checks.check_guided_relu, lambda x: None, "Not attempted"),
    (checks.check_guided_relu, tf.nn.relu(np.ones(3)), "function itself"),
    (checks.check_guided_relu, forgets_to_return, "returns nothing"),
    (checks.check_guided_relu, undecorated, "@tf.custom_gradient above"),
    (checks.check_guided_relu, one_thing, "returns two things"),
    (checks.check_guided_relu, backward_without_return, "No signal comes back"),
    (checks.check_guided_relu, misspelt, "y' is not defined"),
    (checks.check_guided_relu, lambda x: tf.relu(x), "AttributeError"),
    (checks.check_guided_relu, relu_with(lambda x, R: passed((x > 0) & (R > 0), R), tf.abs), "On the way forward"),
    (checks.check_guided_relu, relu_with(lambda x, R: passed((x > 0) & (R > 0), R), tf.identity), "On the way forward"),
    (checks.check_guided_relu, lambda x: tf.cast(x > 0, x.dtype), "On the way forward"),
    (checks.check_guided_relu, tf.nn.relu, "plain ReLU"),
    (checks.check_guided_relu, relu_with(lambda x, R: passed(x > 0, R)), "plain ReLU"),
    (checks.check_guided_relu, relu_with(lambda x, R: tf.nn.relu(R)), "deconvnet"),
    (checks.check_guided_relu, relu_with(lambda x, R: tf.cast((x > 0) & (R > 0), R.dtype)), "the gate alone"),
    (checks.check_guided_relu, relu_with(lambda x, R: tf.cast(x > 0, R.dtype)), "the gate alone"),
    (checks.check_guided_relu, relu_with(lambda x, R: tf.ones_like(R)), "Ones come back"),
    (checks.check_guided_relu, relu_with(lambda x, R: R), "All of R"),
    (checks.check_guided_relu, relu_with(lambda x, R: passed((x > 0) & (R > 0), x)), "lets x through"),
    (checks.check_guided_relu, relu_with(lambda x, R: passed((x > 0) | (R > 0), R)), "both have to be"),
    (checks.check_guided_relu, relu_with(lambda x, R: passed((x >= 0) & (R > 0), R)), "At x = 0"),
    (checks.check_guided_relu, relu_with(lambda x, R: 2 * passed((x > 0) & (R > 0), R)), "up to a factor"),
    (checks.check_guided_backprop, None, "Not attempted"),
    (checks.check_guided_backprop, lambda model, images, c: None, "Not attempted"),
    (checks.check_guided_backprop, 7, "function itself"),
    (checks.check_guided_backprop, pixels, "true gradient"),
    (checks.check_guided_backprop, lambda model, images, c: deconvnet(model, images, class_index=c), "deconvnet"),
    (checks.check_guided_backprop, lambda *case: gated(*case, kinds=[keras.layers.Conv2D]), "of the convolutions"),
    (checks.check_guided_backprop, lambda *case: gated(*case, number=1), "Only the first ReLU"),
    (checks.check_guided_backprop, lambda *case: gated(*case, every=True), "those that are linear too"),
    (checks.check_guided_backprop, lambda *case: gated(*case, score=lambda y, c: y), "all scores together"),
    (checks.check_guided_backprop, lambda model, images, c: guided_backprop(model, images), "predicted class"),
    (checks.check_guided_backprop, lambda *case: gated(*case, score=lambda y, c: tf.nn.softmax(y)[:, c]), "probability"),
    (checks.check_guided_backprop, lambda *case: gated(*case).mean(-1), "colour channels"),
    (checks.check_guided_backprop, lambda *case: abs(gated(*case)), "signs are lost"),
    (checks.check_guided_backprop, lambda *case: case[1] * gated(*case), "multiplied by the image"),
    (checks.check_guided_backprop, lambda *case: gated(*case, weights=False), "set_weights"),
    (checks.check_guided_backprop, lambda *case: gated(*case, copy=lambda model: model), "Work on a copy"),
    (checks.check_guided_backprop, unwatched, "tape.watch"),
    (checks.check_guided_backprop, lambda *case: unwatched(*case).numpy(), "tape.watch"),
    (checks.check_guided_backprop, lambda *case: gated(*case)[0], "should have shape"),
    (checks.check_guided_grad_cam, lambda L, G: blocks(L, G.shape)[..., None] * G, "block"),
    (checks.check_guided_grad_cam, lambda L, G: bilinear(L, G.shape[:2]) * G, "third axis"),
    (checks.check_guided_grad_cam, lambda L, G: G * bilinear(L, G.shape[:2]), "third axis"),
    (checks.check_guided_grad_cam, lambda L, G: upsample(L[None], G.shape[:2])[0] * tf.constant(G), "third axis"),
    (checks.check_guided_grad_cam, lambda L, G: L * G, "first enlarged"),
    (checks.check_guided_grad_cam, lambda L, G: L[..., None] * G, "first enlarged"),
    (checks.check_guided_grad_cam, lambda L, G: upsample(L[None], G.shape[:2]) * G, "returns a batch"),
    (checks.check_guided_grad_cam, lambda L, G: upsample(L[None], G.shape[:2])[..., None] * G, "returns a batch"),
    (checks.check_guided_grad_cam, lambda L, G: upsample(L, G.shape[1::-1])[..., None] * G, "height first"),
    (checks.check_guided_grad_cam, lambda L, G: bilinear(L / L.max(), G.shape[:2])[..., None] * G, "normalized"),
    (checks.check_guided_grad_cam, lambda L, G: bilinear(min_max(L), G.shape[:2])[..., None] * G, "normalized"),
    (checks.check_guided_grad_cam, lambda L, G: min_max(bilinear(L, G.shape[:2]))[..., None] * G, "normalized"),
    (checks.check_guided_grad_cam, lambda L, G: bilinear(L, G.shape[:2])[..., None] + G, "Adding them"),
    (checks.check_guided_grad_cam, lambda L, G: bilinear(L, G.shape[:2])[..., None] * abs(G), "signs of guided"),
    (checks.check_guided_grad_cam, lambda L, G: bilinear(L, G.shape[:2])[..., None] * G.clip(0), "cut off"),
]
