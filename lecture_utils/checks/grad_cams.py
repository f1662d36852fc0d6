"""Checks of notebook 3: Grad-CAM."""

import re

import keras
import numpy as np
import tensorflow as tf

from ..language import say, worded
from . import judging
from .inputs import height_and_width, maps_and_gradients, signed, small_network
from .judging import Verdict


def check_alpha(function) -> Verdict:
    """Exercise: alpha(gradients (h, w, K)) = (1/Z) Σ_ij ∂y/∂A^k_ij, (K,).

    >>> checks.check_alpha(lambda gradients: gradients.sum((0, 1)))
    ✗ That is the sum over positions; Grad-CAM's α is the mean ...
    """
    def inputs(rng):
        return (signed(rng, *height_and_width(rng), int(rng.integers(3, 9))),)

    return judging.check_function(function, inputs, lambda g: g.mean((0, 1)), {
        say("That is the sum over positions; Grad-CAM's α is the mean (the 1/Z of the formula)."): lambda g: g.sum((0, 1)),
        say("That averages over the channels and leaves a map. α is one number for each channel: average over height and width."):
            lambda g: g.mean(-1),
        say("The gradients' signs are lost. A channel that speaks against the class must keep its negative weight."):
            (lambda g: np.abs(g).mean((0, 1)), lambda g: np.abs(g.mean((0, 1)))),
        say("Negative gradients, or weights, are cut off. The ReLU comes last, after the weighted sum."):
            (lambda g: np.maximum(g, 0).mean((0, 1)), lambda g: np.maximum(g.mean((0, 1)), 0)),
        say("That is one number for everything; α has one for each channel."): lambda g: g.mean(),
    })


def check_grad_cam(function) -> Verdict:
    """Exercise: grad_cam(A (h, w, K), gradients (h, w, K)) = ReLU(Σ_k α_k A^k), (h, w).

    >>> checks.check_grad_cam(lambda A, gradients: None)
    · Not attempted yet: ...
    """
    relu = lambda x: np.maximum(x, 0)
    weighted = lambda A, g: np.einsum("hwk,k->hw", A, g.mean((0, 1)))
    right = lambda A, g: relu(weighted(A, g))
    return judging.check_function(function, maps_and_gradients, right, {
        say("The ReLU is missing: only evidence for the class is kept."): weighted,
        say("Taking the absolute value shows evidence against the class as if it were for it. Use ReLU."):
            lambda A, g: np.abs(weighted(A, g)),
        say("That multiplies each position by its own gradient. It is HiResCAM; Grad-CAM first averages the gradients to one α "
            "per channel."): (lambda A, g: relu((A * g).sum(-1)), lambda A, g: (A * g).sum(-1)),
        say("The ReLU is taken of each channel, or of its weight, before the sum; it belongs after the sum."):
            lambda A, g: relu(A * g.mean((0, 1))).sum(-1),
        say("Negative gradients are cut off before averaging. The ReLU comes last, after the weighted sum."):
            lambda A, g: weighted(A, relu(g)),
        say("The gradients' signs are lost. A channel that speaks against the class must keep its negative weight."):
            lambda A, g: weighted(A, np.abs(g)),
        say("That uses the sum of the gradients; α is their mean."): lambda A, g: A[..., 0].size * right(A, g),
        say("That is the mean over k; the formula adds the weighted maps up."): lambda A, g: right(A, g) / A.shape[-1],
        say("The map is divided by its own maximum; here it shall keep its scale."):
            lambda A, g: right(A, g) / (right(A, g).max() or 1),
    })


def check_contrast(function) -> Verdict:
    """Exercise: contrast(A, of_c, of_other, each (h, w, K)) = Σ_k (α_k^c - α_k^other) A^k, (h, w), signed.

    >>> checks.check_contrast(lambda A, of_c, of_other: None)
    · Not attempted yet: ...
    """
    def inputs(rng):
        A, of_c = maps_and_gradients(rng)
        return A, of_c, signed(rng, *A.shape)

    relu = lambda x: np.maximum(x, 0)
    weighted = lambda A, g: np.einsum("hwk,k->hw", A, g.mean((0, 1)))
    right = lambda A, g, h: weighted(A, g - h)
    return judging.check_function(function, inputs, right, {
        say("That is the difference of two finished Grad-CAM maps. Their ReLUs have cut off what speaks against c, and against "
            "the other: subtract first."): lambda A, g, h: relu(weighted(A, g)) - relu(weighted(A, h)),
        say("The ReLU leaves only what speaks for c. Here the negative places say something too: they speak for the other."):
            lambda A, g, h: relu(right(A, g, h)),
        say("It is the other way round: positive is what speaks for c."): lambda A, g, h: right(A, h, g),
        say("The absolute value hides which of the two classes a place speaks for."): lambda A, g, h: np.abs(right(A, g, h)),
        say("The two gradients are added. For y^c - y^other they are subtracted."): lambda A, g, h: weighted(A, g + h),
        say("That multiplies each place by its own gradients. Average them to one weight for each map first."):
            lambda A, g, h: (A * (g - h)).sum(-1),
        say("That is the map before ReLU of one class alone."): (lambda A, g, h: weighted(A, g), lambda A, g, h: weighted(A, h)),
        say("That uses the sum of the gradients; α is their mean."): lambda A, g, h: A[..., 0].size * right(A, g, h),
    })


# ---- the whole of it, on small networks ------------------------------------------------------


NO_WAY = worded("The gradient is None: the tape knows no way from the score back to A. Take both from one call of the network "
                "inside the tape; or, where A is computed first and then handed on, tell the tape so: `tape.watch(A)`.")


def check_own_grad_cam(function) -> Verdict:
    """Exercise: own_grad_cam(model, image (H, W, channels), layer, c): Grad-CAM (h, w) of class c at the layer of that name.

    Tried on four small untrained networks: other sizes, channels, heads and layers.

    >>> checks.check_own_grad_cam(lambda model, image, layer, c: model(image[None])[0, c])
    ✗ For inputs of shape ... the result should have shape ...; yours has shape ...
    """
    def inputs(rng):
        head, layer = next(networks)
        model = small_network(rng, (*height_and_width(rng, 8, 15), int(rng.choice([1, 3]))), head)
        image = signed(rng, *model.input_shape[1:])
        losers = np.argsort(model(image[None])[0])[:-1]         # c is not the predicted class, and its map is half cut off
        return model, image, layer, int(min(losers, key=lambda c: abs(0.5 - (weighted(model, image, layer, c) > 0).mean())))

    def parts(model, image, layer, c, score):
        key = id(model), layer, c, score
        if key not in known:
            known[key] = features_and_gradient(model, image, layer, lambda y: SCORES[score](y, c))
        return known[key]

    def weighted(*case, score="class", mean=np.mean):
        A, gradient = parts(*case, score)
        return A @ mean(gradient, axis=(0, 1))

    known = {}      # (network, layer, class, score) → A and gradient
    networks = iter([("GAP", "first"), ("Flatten", "last"), ("GAP, hidden", "first"), ("Flatten, hidden", "first")])
    relu = lambda L: np.maximum(L, 0)
    right = lambda *case: relu(weighted(*case))
    verdict = judging.check_function(function, inputs, right, {
        say("Right, but before the ReLU: what speaks against the class is left in."): weighted,
        say("Taking the absolute value shows evidence against the class as if it were for it. Use ReLU."):
            lambda *case: np.abs(weighted(*case)),
        say("Right for one image of a batch: take the batch axis off the result, `[0]`."): lambda *case: right(*case)[None],
        say("That is the gradient of the probability. Take the score before softmax."):
            lambda *case: relu(weighted(*case, score="probability")),
        say("That is the map of the predicted class; asked is class c."): lambda *case: relu(weighted(*case, score="highest")),
        say("That is the gradient of all scores together: take that of class c alone."):
            lambda *case: relu(weighted(*case, score="all")),
        say("That is the map of the network's last convolution; asked is the layer of the name `layer`."):
            lambda model, image, layer, c: right(model, image, "last", c),
        say("That uses the sum of the gradients; α is their mean over the places."):
            lambda *case: relu(weighted(*case, mean=np.sum)),
        say("That multiplies each place by its own gradient. It is HiResCAM; Grad-CAM first averages the gradients to one α per "
            "channel."): lambda *case: relu(np.multiply(*parts(*case, "class")).sum(-1)),
        say("The map is divided by its own maximum; here it shall keep its scale."):
            lambda *case: right(*case) / (right(*case).max() or 1),
    })
    no_way = re.search("NoneType|dimension 0", verdict.message)     # what TensorFlow and NumPy say of a None
    return judging.refused(say(NO_WAY)) if no_way else verdict


SCORES = {      # of which number a gradient may be taken, rightly or wrongly: (y, c) → one number
    "class": lambda y, c: y[c],
    "probability": lambda y, c: tf.nn.softmax(y)[c],
    "highest": lambda y, c: tf.reduce_max(y),
    "all": lambda y, c: tf.reduce_sum(y),
}


def features_and_gradient(model, image, layer, score):
    """A and ∂s/∂A, each (h, w, K), of one image, for a number s = score(y)."""
    tapped = keras.Model(model.inputs[0], [model.get_layer(layer).output, model.outputs[0]])
    with tf.GradientTape() as tape:
        A, y = tapped(image[None])
        s = score(y[0])
    return A[0].numpy(), tape.gradient(s, A)[0].numpy()
