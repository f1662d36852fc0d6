"""Answers to the exercises of notebook 11."""

import numpy as np

from lecture_utils import checks

RIGHT = {
    checks.check_token_grad_cam: lambda x, g, h, w: np.array(
        [[max(sum(g[1:, k].mean() * x[1 + i * w + j, k] for k in range(x.shape[1])), 0) for j in range(w)] for i in range(h)]),
    checks.check_rollout_step: lambda A, g, R: R + np.einsum("hij,jk->ik", (g * A).clip(0), R) / len(A),
}

ALSO_RIGHT = [
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
]
