"""Answers to the exercises of notebook 5."""

import keras
import numpy as np
import tensorflow as tf

from lecture_utils import checks

layers = keras.layers


def cam_weights(head, A, c):
    """From the layers instead of the gradient: the column of the Dense layer, 1 for the class's own map without one."""
    K = A.shape[-1]
    w = head.layers[-1].kernel.numpy() if isinstance(head.layers[-1], layers.Dense) else np.eye(K)
    return np.tile(w[:, c], (len(A), 1))


def effective_bias(head, A, c):
    """From the weights: b2 + Σ w2 b1 over the hidden units that are on."""
    *_, before, last = head.layers
    bias = np.repeat(last.bias.numpy()[c], len(A))
    if not isinstance(before, layers.Dense):
        return bias
    on = keras.Model(head.inputs[0], before.output)(A).numpy() > 0
    return bias + (on * before.bias.numpy()) @ last.kernel.numpy()[:, c]


def gradient(head, A, c, score=lambda y, c: y[:, c], watch=True):
    A = tf.Variable(A) if watch else tf.constant(A)
    with tf.GradientTape() as tape:
        wanted = score(head(A), c)
    return tape.gradient(wanted, A)


def summed(head, A, c, **how):
    return np.einsum("nijk->nk", gradient(head, A, c, **how))


def left_over(head, A, c, map_=lambda A, g: A * g):
    g = gradient(head, A, c).numpy()
    return [float(head(A)[n, c]) - float(np.sum(map_(A[n], g[n]))) for n in range(len(A))]


def head(*parts):
    return lambda shape, classes: keras.Sequential([keras.Input(shape), *(part(classes) for part in parts)])


mean, maximum, flat = (lambda classes, layer=layer: layer() for layer in (
    layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, layers.Flatten))
dense, softmax = layers.Dense, lambda classes: layers.Softmax()
relu, sigmoid = (lambda classes, name=name: layers.Dense(9, activation=name) for name in ("relu", "sigmoid"))
linear = lambda classes: layers.Dense(9)
HEADS = {"nothing": head(mean, dense), "softmax": head(mean, dense, softmax), "Dense": head(mean, relu, dense),
         "mean": head(maximum, dense)}


def build(**others):
    """A builder that makes the right heads but for some."""
    return lambda fails, shape, classes: (HEADS | others)[fails](shape, classes)


def functional(fails, shape, classes):
    """The same four as functional models, with other ways to fail."""
    A = keras.Input(shape)
    if fails == "mean":
        return keras.Model(A, layers.Dense(classes)(layers.Flatten()(A)))
    x = layers.Flatten()(layers.AveragePooling2D(shape[:2])(A))
    x = layers.Dense(5, activation="tanh")(x) if fails == "Dense" else x
    return keras.Model(A, layers.Dense(classes, activation="softmax" if fails == "softmax" else None)(x))


def by_hand(fails, shape, classes):
    """The same four as functions of tensors."""
    w = np.random.default_rng(2).normal(size=(shape[-1], classes)).astype("float32")
    pool = tf.reduce_max if fails == "mean" else tf.reduce_mean
    after = {"softmax": tf.nn.softmax, "Dense": tf.nn.relu}.get(fails, tf.identity)
    return lambda A: after(pool(A, axis=(1, 2)) @ w)


def no_head(fails, shape, classes):
    built = HEADS["nothing"](shape, classes)
    if fails == "nothing":
        return built


def without_return(fails, shape, classes):
    keras.Sequential([layers.Flatten(), layers.Dense(classes)])


RIGHT = {
    checks.check_cam_from_grad_cam: lambda L: L.shape[0] * L.shape[1] * L,
    checks.check_hirescam: lambda A, g: np.einsum("hwk,hwk->hw", A, g),
    checks.check_cam_weights: cam_weights,
    checks.check_effective_bias: effective_bias,
}

ALSO_RIGHT = [
    (checks.check_hirescam, lambda A, g: tf.einsum("hwk,hwk->hw", A, g)),
    (checks.check_cam_weights, summed),
    (checks.check_cam_weights, lambda head, A, c: [[sum(g[:, :, k].numpy().ravel()) for k in range(A.shape[3])]
                                                   for g in gradient(head, A, c)]),
    (checks.check_effective_bias, left_over),
    (checks.check_broken_heads, build()),
    (checks.check_broken_heads, functional),
    (checks.check_broken_heads, by_hand),
    (checks.check_broken_heads, build(Dense=lambda shape, classes: keras.Sequential(
        [layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="softplus")]))),
]

WRONG = [
    (checks.check_cam_from_grad_cam, lambda L: L, "factor"),
    (checks.check_cam_from_grad_cam, lambda L: L.shape[0] * L, "not the height"),
    (checks.check_cam_from_grad_cam, lambda L: L.shape[1] * L, "not the height"),
    (checks.check_cam_from_grad_cam, lambda L: 49 * L, "up to a factor"),
    (checks.check_cam_from_grad_cam, lambda L: abs(L) * L.size, "absolute value"),
    (checks.check_cam_from_grad_cam, lambda L: L / L.shape[0] / L.shape[1], "other way round"),
    (checks.check_cam_from_grad_cam, lambda L: L.clip(0) * L.size, "throws away"),
    (checks.check_hirescam, lambda A, g: (A * g.mean((0, 1))).sum(-1), "averaged first"),
    (checks.check_hirescam, lambda A, g: np.einsum("hwk,hwk->hw", A, g).clip(0), "before the ReLU"),
    (checks.check_hirescam, lambda A, g: g * A, "not yet added up"),
    (checks.check_hirescam, lambda A, g: np.einsum("hwk,hwk->hw", A, g) / A.shape[2], "mean over the channels"),
    (checks.check_hirescam, lambda A, g: (A * g.clip(0)).sum(-1), "LayerCAM"),
    (checks.check_hirescam, lambda A, g: (A * g).clip(0).sum(-1), "LayerCAM"),
    (checks.check_hirescam, lambda A, g: (A * abs(g)).sum(-1), "absolute value"),
    (checks.check_hirescam, lambda A, g: abs((A * g).sum(-1)), "absolute value"),
    (checks.check_cam_weights, lambda *case: tf.reduce_mean(gradient(*case), axis=(1, 2)), "w / Z"),
    (checks.check_cam_weights, lambda head, A, c: gradient(head, A, c)[:, 0, 0] * A.shape[1] * A.shape[2], "at one place"),
    (checks.check_cam_weights, lambda *case: summed(*case, score=lambda y, c: y), "all classes together"),
    (checks.check_cam_weights, lambda *case: summed(*case, score=lambda y, c: tf.nn.softmax(y)[:, c]), "probability"),
    (checks.check_cam_weights, lambda *case: summed(*case, score=lambda y, c: tf.reduce_max(y, 1)), "highest score"),
    (checks.check_cam_weights, lambda head, A, c: np.einsum("nijk,nijk->nk", A, gradient(head, A, c)), "multiplied by A"),
    (checks.check_cam_weights, lambda *case: summed(*case).sum(0), "a row of its own"),
    (checks.check_cam_weights, lambda *case: summed(*case).clip(0), "may be negative"),
    (checks.check_cam_weights, lambda *case: abs(summed(*case)), "may be negative"),
    (checks.check_cam_weights, lambda *case: summed(*case)[0], "should have shape (2,"),
    (checks.check_cam_weights, lambda *case: gradient(*case, watch=False).numpy().sum((1, 2)), "tape.watch"),
    (checks.check_cam_weights, lambda *case: gradient(*case, watch=False), "tape.watch"),
    (checks.check_effective_bias, lambda head, A, c: head(A)[:, c].numpy(), "score alone"),
    (checks.check_effective_bias, lambda *case: (case[1] * gradient(*case)).numpy().sum((1, 2, 3)), "HiResCAM's sum"),
    (checks.check_effective_bias, lambda *case: -np.array(left_over(*case)), "exchanged"),
    (checks.check_effective_bias, lambda *case: left_over(*case, lambda A, g: A * g.mean((0, 1))), "averaged"),
    (checks.check_effective_bias, lambda head, A, c: [head.weights[-1].numpy()[c]] * len(A), "bias of the last layer"),
    (checks.check_effective_bias,
     lambda head, A, c: head(A)[:, c] - tf.einsum("nijk,nijk->n", A, gradient(head, A, c, lambda y, c: y)), "all scores"),
    (checks.check_effective_bias, lambda *case: left_over(*case, lambda A, g: (A * g).sum(-1).clip(0)), "without its ReLU"),
    (checks.check_effective_bias, lambda head, A, c: head(A)[:, c] - np.sum(A * gradient(head, A, c)), "over the images, too"),
    (checks.check_effective_bias, lambda *case: gradient(*case, watch=False).numpy(), "tape.watch"),
    (checks.check_broken_heads, lambda fails, shape, classes: None, "Not attempted"),
    (checks.check_broken_heads, HEADS, "function itself"),
    (checks.check_broken_heads, lambda fails, shape, classes: HEADS["nothing"](shape, classes), "The softmax comes last"),
    (checks.check_broken_heads, build(softmax=head(mean, sigmoid, softmax)), "(12, 3), not (12, 9)"),
    (checks.check_broken_heads, build(softmax=head(mean, lambda classes: layers.Dense(classes, activation="sigmoid"))),
     "no probabilities"),
    (checks.check_broken_heads, build(softmax=head(mean, relu, dense, softmax)), "no activation"),
    (checks.check_broken_heads, build(nothing=HEADS["softmax"]), "a softmax is left in"),
    (checks.check_broken_heads, build(Dense=head(mean, linear, dense)), "Two Dense layers"),
    (checks.check_broken_heads, build(Dense=head(flat, relu, dense)), "the pooling should be a mean"),
    (checks.check_broken_heads, build(mean=HEADS["nothing"]), "the same share"),
    (checks.check_broken_heads, build(mean=lambda shape, classes: lambda A: tf.reduce_sum(A, (1, 2))[:, :classes]), "same share"),
    (checks.check_broken_heads, build(mean=head(maximum, relu, dense)), "no activation"),
    (checks.check_broken_heads, build(nothing=head(flat, dense)), "the pooling should be a mean"),
    (checks.check_broken_heads, build(mean=lambda shape, classes: lambda A: np.ones((len(A), classes)) / 2), "no gradient"),
    (checks.check_broken_heads, build(mean=lambda shape, classes: [layers.Flatten(), dense(classes)]), "got list"),
    (checks.check_broken_heads, build(mean=head(flat)), "(12, 3), not (12, 120)"),
    (checks.check_broken_heads, build(mean=lambda shape, classes: HEADS["mean"]((2, 2, 2), classes)), "the head stopped"),
    (checks.check_broken_heads, lambda fails: HEADS[fails], "TypeError"),
    (checks.check_broken_heads, no_head, "without a `return`"),
    (checks.check_broken_heads, without_return, "without a `return`"),
]
