"""Checks of notebook 5: what Grad-CAM has to do with CAM."""

import keras
import numpy as np
import tensorflow as tf

from ..language import say, worded
from . import judging
from .inputs import features, height_and_width, maps_and_gradients, signed
from .judging import Verdict

layers = keras.layers


def check_cam_from_grad_cam(function) -> Verdict:
    """Exercise: cam(L (h, w)) from Grad-CAM before its ReLU, on a GAP network.

    >>> checks.check_cam_from_grad_cam(lambda L: L)
    ✗ They differ by a factor: ...
    """
    def inputs(rng):
        return (signed(rng, *height_and_width(rng)),)

    return judging.check_function(function, inputs, lambda L: L.size * L, {
        say("They differ by a factor: α_k = w_k / Z, and Z counts the positions of the map."): lambda L: L,
        say("Z is the number of positions, height × width, not the height or the width alone."):
            (lambda L: L.shape[0] * L, lambda L: L.shape[1] * L),
        say("The other way round: α_k = w_k / Z, so w_k = Z α_k."): lambda L: L / L.size,
        say("The ReLU throws away what CAM keeps. The identity holds before it."): lambda L: L.size * np.maximum(L, 0),
        say("The absolute value shows evidence against the class as if it were for it: CAM keeps its signs."):
            lambda L: L.size * np.abs(L),
    })


def check_hirescam(function) -> Verdict:
    """Exercise: hirescam(A (h, w, K), gradients (h, w, K)) = Σ_k ∂y/∂A^k ∘ A^k before any ReLU.

    >>> checks.check_hirescam(lambda A, gradients: A * gradients)
    ✗ Those are the products of every channel, not yet added up over k.
    """
    return judging.check_function(function, maps_and_gradients, lambda A, g: (A * g).sum(-1), {
        say("The gradients were averaged first: that is Grad-CAM. HiResCAM multiplies place by place."):
            lambda A, g: (A * g.mean((0, 1))).sum(-1),
        say("Right, but before the ReLU here: the identity with CAM needs both signs."):
            lambda A, g: np.maximum((A * g).sum(-1), 0),
        say("Those are the products of every channel, not yet added up over k."): lambda A, g: A * g,
        say("That is the mean over the channels; take the sum."): lambda A, g: (A * g).mean(-1),
        say("Negative gradients are cut off: that is LayerCAM, and the identity with CAM needs both signs."):
            lambda A, g: (A * np.maximum(g, 0)).sum(-1),
        say("An absolute value hides that a gradient speaks against the class; the identity with CAM needs both signs."):
            (lambda A, g: (A * np.abs(g)).sum(-1), lambda A, g: np.abs((A * g).sum(-1))),
    })


# ---- heads: small networks from feature maps to class scores ------------------------------------

def check_cam_weights(function) -> Verdict:
    """Exercise: cam_weights(head, A (n, h, w, K), c): the weights w_k^c of a pooling head by its gradient, (n, K).

    head: a model from feature maps to class scores, which pools by a mean or by a maximum.

    >>> checks.check_cam_weights(lambda head, A, c: head(A))
    ✗ For inputs of shape ... the result should have shape ...; yours has shape ...
    """
    def inputs(rng):
        A, (pool, *last) = _maps(rng), next(kinds)
        return _head(rng, A, [pool(), *(layer(int(rng.integers(3, 6))) for layer in last)]), A, int(rng.integers(3))

    mean, dense = layers.GlobalAveragePooling2D, layers.Dense
    kinds = iter([(mean, dense), (layers.GlobalMaxPooling2D, dense), (mean,), (mean, dense)])
    total = lambda head, A, c, score=_of_class: _gradient(head, A, c, score).sum((1, 2))
    return judging.about_tapes(judging.check_function(function, inputs, total, {
        say("That is α, the mean of the gradient, and so w / Z. The sum over the places is w."):
            lambda head, A, c: _gradient(head, A, c).mean((1, 2)),
        say("Z times the gradient at one place is w only where all places have the same share: a maximum gives its whole "
            "gradient to the winner. Take the sum over the places."): (
            lambda head, A, c: _gradient(head, A, c)[:, 0, 0] * A[0, ..., 0].size,
            lambda head, A, c: _gradient(head, A, c)[:, 0, 0]),
        say("Those are the weights of all classes together: the score of class c alone is `head(A)[:, c]`."):
            lambda head, A, c: total(head, A, c, _of_all),
        say("That is the gradient of the probability. Leave the softmax away: the proof needs the score before it."):
            lambda head, A, c: total(head, A, c, lambda y, c: tf.nn.softmax(y)[:, c]),
        say("Those are the weights of the class with the highest score; asked is class c."):
            lambda head, A, c: total(head, A, c, lambda y, c: tf.reduce_max(y, axis=1)),
        say("The gradient is multiplied by A: that is what each map adds to the score, not its weight."):
            lambda head, A, c: (A * _gradient(head, A, c)).sum((1, 2)),
        say("The sum runs over the images, too: each image has a row of its own, (n, K)."):
            lambda head, A, c: total(head, A, c).sum(0),
        say("A weight may be negative: such a map speaks against the class."): (
            lambda head, A, c: np.maximum(total(head, A, c), 0), lambda head, A, c: np.abs(total(head, A, c))),
    }))


def check_broken_heads(function) -> Verdict:
    """Exercise: build(fails, shape, classes): a head in which nothing, or one assumption of the proof alone, fails.

    fails: "nothing", "softmax" (the score is taken behind it), "Dense" (there is an activation) or "mean" (the places have
    unequal shares). The head maps (n, *shape) to (n, classes). It is judged by what it computes and by its gradients.

    >>> checks.check_broken_heads(lambda fails, shape, classes: lambda A: A)
    ✗ build("nothing", (4, 6, 5), 3): for A of shape (12, 4, 6, 5) the head should give scores of shape (12, 3), ...
    """
    nothing = judging.without_answer(function, [0], changed=False)
    if nothing is not None or judging.is_stub(function):
        return judging.not_attempted() if nothing is None else nothing
    rng = np.random.default_rng(0)
    for shape, classes in (((4, 6, 5), 3), ((7, 3, 4), 5)):
        A = signed(rng, 12, *shape) + 2 * signed(rng, 12, 1, 1, shape[-1])      # maps whose means have both signs
        for fails in ("nothing", "softmax", "Dense", "mean"):
            told = _fault_of_head(function, fails, A, classes)
            if isinstance(told, Verdict):
                return told
            if told:
                return judging.refused(f'build("{fails}", {shape}, {classes}): {told}')
    return judging.passed()


HEAD_STOPS = {      # as judging.STOPS of a function
    (False, True): worded("the head stopped, given inputs of shape {shapes}: {why}."),
    (True, True): worded("the head stopped at `{line}`, given inputs of shape {shapes}: {why}."),
}


def _fault_of_head(build, fails, A, classes):
    """What to tell of the head that `build` makes; None where it is sound, a `Verdict` where the building itself stopped."""
    head, _ = judging.outcome_of(build, (fails, A.shape[1:], classes))
    if isinstance(head, Exception):
        return judging.refused(judging.stopped(build, [head], [()]))
    if head is None or head is ...:
        return say("your function ends without a `return`, and so gives back no head.")
    if not callable(head):
        return say("expected a keras.Model from feature maps to scores, got {kind}.", kind=type(head).__name__)
    try:
        shape = tuple(np.shape(head(tf.convert_to_tensor(A))))
        found = _what_fails(head, A, classes) if shape == (len(A), classes) else None
    except Exception as error:  # whatever goes wrong in a student's head
        return judging.stopped(head, [error], [(A,)], HEAD_STOPS)
    if found is None:
        return say("for A of shape {given} the head should give scores of shape {wanted}, not {shape}.",
                   given=A.shape, wanted=(len(A), classes), shape=shape)
    return _fault_of_what_fails(fails, found)


def _what_fails(head, A, classes):
    """Which assumptions fail in a head, told from its scores and their gradients by A alone; {"A"} where A is not read."""
    mix = signed(np.random.default_rng(1), classes)         # of all scores one, so that each class counts
    A = tf.convert_to_tensor(A)
    with tf.GradientTape() as tape:
        tape.watch(A)
        y = tf.cast(head(A), tf.float32)
        softmax = np.allclose(tf.reduce_sum(y, axis=1), 1, atol=1e-4) and np.min(y) >= 0
        score = tf.linalg.matvec(tf.math.log(y), mix - mix.mean()) if softmax else tf.linalg.matvec(y, mix)
    g = tape.gradient(score, A)             # behind a softmax: of differences of logarithms, which are those of the logits
    if g is None or not np.any(g):
        return {"A"}
    g, close = g.numpy(), 1e-3 * np.abs(g).max()
    uneven = np.abs(g - g.mean((1, 2), keepdims=True)).max() > close
    of_the_picture = np.abs(g.sum((1, 2)) - g[0].sum((0, 1))).max() > close * g[0, ..., 0].size ** 0.5
    return {name for name, failed in (("softmax", softmax), ("mean", uneven), ("Dense", of_the_picture)) if failed}


def _fault_of_what_fails(fails, found):
    """What to tell where `fails` should be the one that fails and the set `found` does; None where all is right."""
    wanted = {fails} - {"nothing"}
    if found == wanted:
        return None
    more, less = found - wanted, wanted - found
    return {
        "A": say("the scores do not depend on A, or not by TensorFlow's operations: there is no gradient."),
        "softmax": say("the scores are probabilities, so a softmax is left in; here it should not be."),
        "mean": say("the gradient is not the same at every place, but here the pooling should be a mean."),
        "Dense": say("the gradient depends on the picture; here there should be no activation."),
        "no softmax": say("the scores of an image are no probabilities: they do not add up to 1. The softmax comes last."),
        "no mean": say("every place still has the same share. Pool by a maximum, or give each place a weight of its own."),
        "no Dense": say("the gradient is the same for every picture, so the head is linear. Two Dense layers without an "
                        "activation between them are one."),
    }["no " + min(less) if less and "A" not in found else min(more)]


def check_effective_bias(function) -> Verdict:
    """Exercise: effective_bias(head, A (n, h, w, K), c) = y^c - Σ_ijk ∂y^c/∂A^k_ij A^k_ij, (n,): what HiResCAM leaves over.

    head: a model from feature maps to class scores, linear or piecewise linear.

    >>> checks.check_effective_bias(lambda head, A, c: head(A)[:, c])
    ✗ That is the score alone: HiResCAM's sum is still to be subtracted.
    """
    def inputs(rng):
        A, (before, hidden) = _maps(rng), next(heads)
        return _head(rng, A, [*before(), *hidden(), layers.Dense(int(rng.integers(3, 6)))]), A, int(rng.integers(3))

    flat, pooled = lambda: [layers.Flatten()], lambda: [layers.MaxPooling2D(2, padding="same"), layers.Flatten()]
    none, relu = lambda: [], lambda: [layers.Dense(7, activation="relu")]
    heads = iter([(flat, none), (flat, relu), (pooled, relu), (lambda: [layers.GlobalAveragePooling2D()], relu)])
    score = lambda head, A, c: _of_class(head(A).numpy(), c)
    account = lambda head, A, c, score=_of_class: (A * _gradient(head, A, c, score)).sum((1, 2, 3))
    averaged = lambda head, A, c: (A * _gradient(head, A, c).mean((1, 2), keepdims=True)).sum((1, 2, 3))
    last_bias = lambda head, A, c: np.repeat(head.layers[-1].bias.numpy()[c], len(A))
    return judging.about_tapes(judging.check_function(function, inputs, lambda *case: score(*case) - account(*case), {
        say("That is the score alone: HiResCAM's sum is still to be subtracted."): score,
        say("That is HiResCAM's sum. Asked is what it leaves over of the score."): account,
        say("The signs are exchanged: the score less HiResCAM's sum."): lambda *case: account(*case) - score(*case),
        say("The gradient was averaged over the places: Grad-CAM's sum leaves something else over."):
            lambda *case: score(*case) - averaged(*case),
        say("That is the bias of the last layer. It is all there is in a linear head; behind a ReLU the units that are on bring "
            "theirs."): last_bias,
        say("That is the gradient of all scores together: the score of class c alone is `head(A)[:, c]`."):
            lambda *case: score(*case) - account(*case, _of_all),
        say("HiResCAM without its ReLU: what speaks against the class belongs to the account."):
            lambda head, A, c: score(head, A, c) - np.maximum((A * _gradient(head, A, c)).sum(3), 0).sum((1, 2)),
        say("The sum runs over the images, too: each image has a bias of its own, (n,)."):
            lambda *case: score(*case) - account(*case).sum(),
    }))


def _maps(rng):
    return features(rng, 2, *height_and_width(rng, 4, 8), int(rng.integers(3, 6)))


def _head(rng, A, parts):
    """A head of these layers for maps like A, all its weights random, its biases too."""
    head = keras.Sequential([keras.Input(A.shape[1:]), *parts])
    head.set_weights([signed(rng, *weight.shape) for weight in head.get_weights()])
    return head


def _of_class(y, c):
    return y[:, c]


def _of_all(y, c):
    return tf.reduce_sum(y, axis=1)


def _gradient(head, A, c, score=_of_class):
    """∂score/∂A, (n, h, w, K)."""
    A = tf.convert_to_tensor(A)
    with tf.GradientTape() as tape:
        tape.watch(A)
        wanted = score(head(A), c)
    return tape.gradient(wanted, A).numpy()
