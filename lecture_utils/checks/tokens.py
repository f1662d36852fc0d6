"""Checks of notebook 11: attention and tokens."""

import numpy as np

from ..language import say
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
        say("The class token's gradient went into α: it stands for no place, so average over the others alone."):
            lambda x, g, h, w: laid(relu(x[1:] @ mean(g, slice(None))), h, w),
        say("The class token is the first, not the last: leave out number 0."): (
            lambda x, g, h, w: laid(relu(x[:-1] @ mean(g, slice(-1))), h, w),
            lambda x, g, h, w: laid(relu(x[:-1] @ mean(g)), h, w),
            lambda x, g, h, w: laid(relu(x[:-1] @ mean(g, slice(None))), h, w)),
        say("Right, but without the ReLU."): lambda x, g, h, w: laid(x[1:] @ mean(g), h, w),
        say("Rows and columns are exchanged: tokens stand row by row, reshape(h, w)."):
            lambda x, g, h, w: laid(relu(x[1:] @ mean(g)), w, h).T,
        say("The gradient is multiplied with the tokens one by one: that is HiResCAM. For Grad-CAM, average it over the places "
            "first."): (lambda x, g, h, w: laid(relu((x * g)[1:].sum(axis=1)), h, w),
                        lambda x, g, h, w: laid((x * g)[1:].sum(axis=1), h, w)),
        say("α is the mean of the gradient over the places, not its sum."):
            lambda x, g, h, w: laid(relu(x[1:] @ g[1:].sum(axis=0)), h, w),
        say("The map is still a row of tokens; lay it out: reshape(h, w)."): lambda x, g, h, w: relu(x[1:] @ mean(g)),
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
        say("What flows past the attention is missing: R is added, R + Ā R."): lambda A, g, R: mean(relu(g * A)) @ R,
        say("What the earlier blocks did is lost: Ā is multiplied with R before it is added."): (
            lambda A, g, R: R + mean(relu(g * A)), lambda A, g, R: np.eye(len(R)) + mean(relu(g * A))),
        say("The wrong way round: the later block stands on the left, Ā R."): lambda A, g, R: R + R @ mean(relu(g * A)),
        say("Ā R is a matrix product, `@`; `*` multiplies entry by entry."): lambda A, g, R: R + mean(relu(g * A)) * R,
        say("The ReLU comes before the mean: a head in which attention lowers the score must not take from the others."):
            lambda A, g, R: R + relu(mean(g * A)) @ R,
        say("The ReLU is missing: attention that lowers the score counts for nothing."): lambda A, g, R: R + mean(g * A) @ R,
        say("The gradients' signs are lost before the product; negative ones count for nothing."):
            lambda A, g, R: R + mean(np.abs(g * A)) @ R,
        say("That is the sum of the heads; the rule has their mean."): lambda A, g, R: R + relu(g * A).sum(axis=0) @ R,
        say("The gradient is missing: this is the same for all classes."): (
            lambda A, g, R: R + mean(A) @ R, lambda A, g, R: (mean(A) + np.eye(len(R))) / 2 @ R),
        say("The attention is missing: its gradient alone says what would change, not what was looked at."):
            lambda A, g, R: R + mean(relu(g)) @ R,
    })


def check_rollout(function) -> Verdict:
    """Exercise: rollout(A (blocks, heads, T, T), h, w): what the class token, the first of T, took from the places, (h, w).

    R = I, for each block R ← ½ (mean of the heads + I) R; then its first row.

    >>> checks.check_rollout(lambda A, h, w: A[-1].mean(axis=0)[0, 1:].reshape(h, w))
    ✗ That is the attention of the last block alone. ...
    """
    def inputs(rng):
        h, w = height_and_width(rng, 2, 5)
        T, blocks, heads = 1 + h * w, int(rng.integers(3, 5)), int(rng.integers(5, 8))
        A = np.exp(2 * signed(rng, blocks, heads, T, T))
        return A / A.sum(axis=-1, keepdims=True), h, w

    def rolled(step, heads=lambda A: A.mean(axis=0), shortcut=1):
        """R after all blocks, with another step, another way to join the heads or another weight of the shortcut."""
        def R_of(A):
            R = np.eye(A.shape[-1])
            for A_b in A:
                R = step(heads(A_b) + shortcut * np.eye(len(R)), R)
            return R
        return R_of

    half = lambda M, R: M / 2 @ R
    laid = lambda R_of, row=lambda R: R[0, 1:]: lambda A, h, w: row(R_of(A)).reshape(h, w)
    R_of = rolled(half)
    return judging.check_function(function, inputs, laid(R_of), {
        say("Row and column are exchanged: the row of a token says what it took, the column who took from it."):
            laid(R_of, lambda R: R[1:, 0]),
        say("The shortcut is missing: half of what a block does is to keep each token, + I."): (
            laid(rolled(lambda M, R: M @ R, shortcut=0)), laid(rolled(half, shortcut=0))),
        say("The half is missing: ½ (mean + I), so that each row still sums to 1."): laid(rolled(lambda M, R: M @ R)),
        say("The blocks are multiplied the wrong way round: a later block stands on the left of R."):
            laid(rolled(lambda M, R: R @ M / 2)),
        say("That is the sum of the heads; take their mean."): laid(rolled(half, lambda A: A.sum(axis=0))),
        say("That is the largest of the heads; take their mean."): laid(rolled(half, lambda A: A.max(axis=0))),
        say("All of it is 0: the product of the blocks is a matrix product, `@`; `*` multiplies entry by entry."):
            laid(rolled(lambda M, R: M / 2 * R)),
        say("The class token is the first, not the last: leave out number 0."): (
            laid(R_of, lambda R: R[0, :-1]), laid(R_of, lambda R: R[-1, :-1]), laid(R_of, lambda R: R[-1, 1:])),
        say("The class token's own share is still there; it stands for no place. Leave out number 0."):
            lambda A, h, w: R_of(A)[0],
        say("That is the attention of the last block alone. Follow it through all blocks."): lambda A, h, w: (
            A[-1].mean(axis=0)[0, 1:].reshape(h, w)),
        say("That is the mean over all tokens that look; wanted is what the class token took."):
            laid(R_of, lambda R: R[:, 1:].mean(axis=0)),
        say("Rows and columns of the picture are exchanged: tokens stand row by row, reshape(h, w)."):
            lambda A, h, w: R_of(A)[0, 1:].reshape(w, h).T,
        say("The map is still a row of tokens; lay it out: reshape(h, w)."): lambda A, h, w: R_of(A)[0, 1:],
    })


def check_token_cam(function) -> Verdict:
    """Exercise: token_cam(x (h w, K), W (K, classes), c, h, w): CAM of tokens whose mean goes into one Dense layer, (h, w).

    >>> checks.check_token_cam(lambda x, W, c, h, w: x @ W[:, c])
    ✗ The map is still a row of tokens; lay it out: reshape(h, w).
    """
    def inputs(rng):
        (h, w), K = height_and_width(rng, 2, 6), int(rng.integers(7, 10))
        classes = K + int(rng.integers(2, 5))
        return signed(rng, h * w, K), signed(rng, K, classes), int(rng.integers(1, K)), h, w

    laid = lambda M: lambda x, W, c, h, w: np.reshape(M(x, W, c), (h, w))
    plain = lambda x, W, c: x @ W[:, c]
    return judging.check_function(function, inputs, laid(plain), {
        say("The ReLU belongs to Grad-CAM. The mean of CAM plus the bias is the score only with its signs."):
            laid(lambda x, W, c: np.maximum(x @ W[:, c], 0)),
        say("That is divided by the number of tokens. So it adds up to the score; CAM is the map whose mean is the score."):
            laid(lambda x, W, c: x @ W[:, c] / len(x)),
        say("That is the row of W; the weights of class c are its column, W[:, c]."): lambda x, W, c, h, w: (
            x @ W[c, :x.shape[1]]).reshape(h, w),
        say("The tokens were averaged first: that is the score, and no map any more."): (
            lambda x, W, c, h, w: x.mean(axis=0) @ W[:, c], laid(lambda x, W, c: np.full(len(x), x.mean(axis=0) @ W[:, c]))),
        say("Those are the maps of all classes; take the column of class c."): (
            lambda x, W, c, h, w: (x @ W).reshape(h, w, -1), lambda x, W, c, h, w: x @ W),
        say("The products are not added up over the K numbers of a token yet."): (
            lambda x, W, c, h, w: x * W[:, c], lambda x, W, c, h, w: (x * W[:, c]).reshape(h, w, -1)),
        say("Rows and columns are exchanged: tokens stand row by row, reshape(h, w)."):
            lambda x, W, c, h, w: plain(x, W, c).reshape(w, h).T,
        say("The map is still a row of tokens; lay it out: reshape(h, w)."): lambda x, W, c, h, w: plain(x, W, c),
    })
