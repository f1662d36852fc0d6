"""Checks of notebook 11: attention and tokens."""

import numpy as np

from . import judging
from .inputs import features, height_and_width, signed
from .judging import Verdict


def check_token_grad_cam(function) -> Verdict:
    """Exercise: token_grad_cam(x (1 + h w, K), g (1 + h w, K), h, w): Grad-CAM of tokens, the first a class token, as (h, w).

    g is the gradient of the score by the tokens x.

    >>> checks.check_token_grad_cam(lambda x, g, h, w: np.maximum((x * g)[1:].sum(1), 0).reshape(h, w))
    ✗ The gradient is multiplied with the tokens one by one: that is HiResCAM. ...
    """
    def inputs(rng):
        h, w = height_and_width(rng, 2, 5)
        K = int(rng.integers(h * w + 2, h * w + 6))
        return features(rng, 1 + h * w, K), signed(rng, 1 + h * w, K), h, w

    relu, laid = lambda L: np.maximum(L, 0), lambda L, h, w: np.reshape(L, (h, w))
    mean = lambda g, part=slice(1, None): g[part].mean(axis=0)
    return judging.check_function(function, inputs, lambda x, g, h, w: laid(relu(x[1:] @ mean(g)), h, w), {
        "The class token's gradient went into α: it stands for no place, so average over the others alone.":
            lambda x, g, h, w: laid(relu(x[1:] @ mean(g, slice(None))), h, w),
        "The class token is the first, not the last: leave out number 0.": (
            lambda x, g, h, w: laid(relu(x[:-1] @ mean(g, slice(-1))), h, w),
            lambda x, g, h, w: laid(relu(x[:-1] @ mean(g)), h, w),
            lambda x, g, h, w: laid(relu(x[:-1] @ mean(g, slice(None))), h, w)),
        "Right, but without the ReLU.": lambda x, g, h, w: laid(x[1:] @ mean(g), h, w),
        "Rows and columns are exchanged: tokens stand row by row, reshape(h, w).":
            lambda x, g, h, w: laid(relu(x[1:] @ mean(g)), w, h).T,
        "The gradient is multiplied with the tokens one by one: that is HiResCAM. For Grad-CAM, average it over the places "
        "first.": (lambda x, g, h, w: laid(relu((x * g)[1:].sum(axis=1)), h, w),
                   lambda x, g, h, w: laid((x * g)[1:].sum(axis=1), h, w)),
        "α is the mean of the gradient over the places, not its sum.":
            lambda x, g, h, w: laid(relu(x[1:] @ g[1:].sum(axis=0)), h, w),
        "The map is still a row of tokens; lay it out: reshape(h, w).": lambda x, g, h, w: relu(x[1:] @ mean(g)),
    })


def check_rollout_step(function) -> Verdict:
    """Exercise: step(A (heads, T, T), g (heads, T, T), R (T, T)) = R + mean over the heads of ReLU(g ⊙ A), times R.

    >>> checks.check_rollout_step(lambda A, g, R: R + np.maximum(g * A, 0).mean(axis=0))
    ✗ What the earlier blocks did is lost: ...
    """
    def inputs(rng):
        T, heads = int(rng.integers(5, 14)), int(rng.integers(2, 5))
        A = np.exp(signed(rng, heads, T, T))
        return A / A.sum(axis=-1, keepdims=True), signed(rng, heads, T, T), np.eye(T) + rng.random((T, T))

    relu, mean = lambda x: np.maximum(x, 0), lambda x: x.mean(axis=0)
    return judging.check_function(function, inputs, lambda A, g, R: R + mean(relu(g * A)) @ R, {
        "What flows past the attention is missing: R is added, R + Ā R.": lambda A, g, R: mean(relu(g * A)) @ R,
        "What the earlier blocks did is lost: Ā is multiplied with R before it is added.": (
            lambda A, g, R: R + mean(relu(g * A)), lambda A, g, R: np.eye(len(R)) + mean(relu(g * A))),
        "The wrong way round: the later block stands on the left, Ā R.": lambda A, g, R: R + R @ mean(relu(g * A)),
        "Ā R is a matrix product, `@`; `*` multiplies entry by entry.": lambda A, g, R: R + mean(relu(g * A)) * R,
        "The ReLU comes before the mean: a head in which attention lowers the score must not take from the others.":
            lambda A, g, R: R + relu(mean(g * A)) @ R,
        "The ReLU is missing: attention that lowers the score counts for nothing.": lambda A, g, R: R + mean(g * A) @ R,
        "The gradients' signs are lost before the product; negative ones count for nothing.":
            lambda A, g, R: R + mean(np.abs(g * A)) @ R,
        "That is the sum of the heads; the rule has their mean.": lambda A, g, R: R + relu(g * A).sum(axis=0) @ R,
        "The gradient is missing: this is the same for all classes.": (
            lambda A, g, R: R + mean(A) @ R, lambda A, g, R: (mean(A) + np.eye(len(R))) / 2 @ R),
        "The attention is missing: its gradient alone says what would change, not what was looked at.":
            lambda A, g, R: R + mean(relu(g)) @ R,
    })
