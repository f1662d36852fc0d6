"""Answers to the exercises of notebook 11."""

import numpy as np
import tensorflow as tf

from lecture_utils import checks


def rolled(A, half=0.5, shortcut=1.0, left=True, heads=np.mean):
    """The blocks multiplied, as a chain of all factors."""
    factors = [half * (heads(A_b, axis=0) + shortcut * np.eye(A.shape[-1])) for A_b in A]
    return np.linalg.multi_dot(factors[::-1] if left else factors)


def places(A, h, w, **how):
    return rolled(A, **how)[0, 1:].reshape(h, w)


def by_tensors(A, h, w):
    row = tf.one_hot(0, A.shape[-1])[None]              # the class token alone, from the last block back to the first
    for A_b in A[::-1]:
        row = (row + row @ tf.reduce_mean(A_b, axis=0)) / 2
    return tf.reshape(row[0, 1:], (h, w))


RIGHT = {
    checks.check_token_grad_cam: lambda x, g, h, w: np.array(
        [[max(sum(g[1:, k].mean() * x[1 + i * w + j, k] for k in range(x.shape[1])), 0) for j in range(w)] for i in range(h)]),
    checks.check_rollout: lambda A, h, w: places(A, h, w),
    checks.check_token_cam: lambda x, W, c, h, w: [[sum(x[i * w + j] * W[:, c]) for j in range(w)] for i in range(h)],
    checks.check_rollout_step: lambda A, g, R: R + np.einsum("hij,jk->ik", (g * A).clip(0), R) / len(A),
}

ALSO_RIGHT = [
    (checks.check_rollout, by_tensors),
    (checks.check_token_cam, lambda x, W, c, h, w: tf.reshape(tf.einsum("tk,kc->tc", x, W)[:, c], (h, w))),
]

WRONG = [
    (checks.check_token_grad_cam, lambda x, g, h, w: (x[1:] @ g.mean(0)).clip(0).reshape(h, w), "stands for no place"),
    (checks.check_token_grad_cam, lambda x, g, h, w: (x[:-1] @ g[:-1].mean(0)).clip(0).reshape(h, w), "leave out number 0"),
    (checks.check_token_grad_cam, lambda x, g, h, w: (x @ g.mean(0))[:-1].clip(0).reshape(h, w), "leave out number 0"),
    (checks.check_token_grad_cam, lambda x, g, h, w: (x @ g[1:].mean(0))[:-1].clip(0).reshape(h, w), "leave out number 0"),
    (checks.check_token_grad_cam, lambda x, g, h, w: (x[1:] @ g[1:].mean(0)).reshape(h, w), "without the ReLU"),
    (checks.check_token_grad_cam, lambda x, g, h, w: (x[1:] @ g[1:].mean(0)).clip(0).reshape(w, h).T, "row by row"),
    (checks.check_token_grad_cam, lambda x, g, h, w: (x[1:] * g[1:]).sum(1).clip(0).reshape(h, w), "HiResCAM"),
    (checks.check_token_grad_cam, lambda x, g, h, w: (x[1:] * g[1:]).sum(1).reshape(h, w), "HiResCAM"),
    (checks.check_token_grad_cam, lambda x, g, h, w: (x[1:] @ g[1:].sum(0)).clip(0).reshape(h, w), "not its sum"),
    (checks.check_token_grad_cam, lambda x, g, h, w: (x[1:] @ g[1:].mean(0)).clip(0), "lay it out"),
    (checks.check_rollout_step, lambda A, g, R: (g * A).clip(0).mean(0) @ R, "flows past"),
    (checks.check_rollout_step, lambda A, g, R: R + (g * A).clip(0).mean(0), "is lost"),
    (checks.check_rollout_step, lambda A, g, R: np.eye(len(R)) + (g * A).clip(0).mean(0), "is lost"),
    (checks.check_rollout_step, lambda A, g, R: R + R @ (g * A).clip(0).mean(0), "on the left"),
    (checks.check_rollout_step, lambda A, g, R: R + (g * A).clip(0).mean(0) * R, "entry by entry"),
    (checks.check_rollout_step, lambda A, g, R: R + (g * A).mean(0).clip(0) @ R, "before the mean"),
    (checks.check_rollout_step, lambda A, g, R: R + (g * A).mean(0) @ R, "ReLU is missing"),
    (checks.check_rollout_step, lambda A, g, R: R + abs(g * A).mean(0) @ R, "signs are lost"),
    (checks.check_rollout_step, lambda A, g, R: R + (g * A).clip(0).sum(0) @ R, "sum of the heads"),
    (checks.check_rollout_step, lambda A, g, R: R + A.mean(0) @ R, "same for all classes"),
    (checks.check_rollout_step, lambda A, g, R: (A.mean(0) + np.eye(len(R))) @ R / 2, "same for all classes"),
    (checks.check_rollout_step, lambda A, g, R: R + g.clip(0).mean(0) @ R, "attention is missing"),
    (checks.check_rollout, lambda A, h, w: rolled(A)[1:, 0].reshape(h, w), "who took from it"),
    (checks.check_rollout, lambda A, h, w: places(A, h, w, half=1, shortcut=0), "shortcut is missing"),
    (checks.check_rollout, lambda A, h, w: places(A, h, w, shortcut=0), "shortcut is missing"),
    (checks.check_rollout, lambda A, h, w: places(A, h, w, half=1), "half is missing"),
    (checks.check_rollout, lambda A, h, w: places(A, h, w, left=False), "wrong way round"),
    (checks.check_rollout, lambda A, h, w: places(A, h, w, heads=np.sum), "sum of the heads"),
    (checks.check_rollout, lambda A, h, w: places(A, h, w, heads=np.max), "largest of the heads"),
    (checks.check_rollout, lambda A, h, w: np.zeros((h, w)), "entry by entry"),
    (checks.check_rollout, lambda A, h, w: rolled(A)[0, :-1].reshape(h, w), "leave out number 0"),
    (checks.check_rollout, lambda A, h, w: rolled(A)[-1, :-1].reshape(h, w), "leave out number 0"),
    (checks.check_rollout, lambda A, h, w: rolled(A)[0], "own share"),
    (checks.check_rollout, lambda A, h, w: A[-1].mean(0)[0, 1:].reshape(h, w), "last block alone"),
    (checks.check_rollout, lambda A, h, w: rolled(A)[:, 1:].mean(0).reshape(h, w), "all tokens that look"),
    (checks.check_rollout, lambda A, h, w: rolled(A)[0, 1:].reshape(w, h).T, "row by row"),
    (checks.check_rollout, lambda A, h, w: rolled(A)[0, 1:], "lay it out"),
    (checks.check_token_cam, lambda x, W, c, h, w: (x @ W[:, c]).clip(0).reshape(h, w), "belongs to Grad-CAM"),
    (checks.check_token_cam, lambda x, W, c, h, w: (x @ W[:, c]).reshape(h, w) / (h * w), "whose mean is the score"),
    (checks.check_token_cam, lambda x, W, c, h, w: (x @ W[c, :x.shape[1]]).reshape(h, w), "row of W"),
    (checks.check_token_cam, lambda x, W, c, h, w: x.mean(0) @ W[:, c], "no map any more"),
    (checks.check_token_cam, lambda x, W, c, h, w: (x @ W).reshape(h, w, -1), "all classes"),
    (checks.check_token_cam, lambda x, W, c, h, w: x * W[:, c], "not added up"),
    (checks.check_token_cam, lambda x, W, c, h, w: (x @ W[:, c]).reshape(w, h).T, "row by row"),
    (checks.check_token_cam, lambda x, W, c, h, w: x @ W[:, c], "lay it out"),
]
