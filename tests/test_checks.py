"""The exercises' self-checks: right answers in any form pass, wrong ones are named, nothing is too lenient."""

import re

import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import convolve2d, correlate2d

from lecture_utils import checks, upsample
from lecture_utils.datasets.planted import lay_ruler, ruler_place


def convolve(x, k):
    rows, columns = x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1
    return [[sum(x[i + a, j + b] * k[a, b] for a, b in np.ndindex(k.shape)) for j in range(columns)] for i in range(rows)]


def convolve_3_by_3(x, k):
    """Right where the kernel is 3×3, as in all examples of the notebook."""
    return [[(x[i:i + 3, j:j + 3] * k[:3, :3]).sum() for j in range(x.shape[1] - 2)] for i in range(x.shape[0] - 2)]


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


def on_the_tape(trunk, head, images, c, score=lambda y, c: y[:, c]):
    """A and the gradient of a score by it, by a tape around both parts."""
    with tf.GradientTape() as tape:
        A = trunk(images)
        tape.watch(A)
        wanted = score(head(A), c)
    return A.numpy(), tape.gradient(wanted, A).numpy()


def nested(trunk, head, images, c, **how):
    """Grad-CAM before its ReLU, image by image."""
    return np.stack([weighted(A, g) for A, g in zip(*on_the_tape(trunk, head, images, c, **how), strict=True)])


def first_of(values, best):
    return [epoch for epoch, value in enumerate(values, start=1) if value == best(values)][0]


def pixels(box):
    """The pixels of a box x0, y0, x1, y1 with exclusive upper bounds, as a set."""
    x0, y0, x1, y1 = box
    return {(x, y) for x in range(x0, x1) for y in range(y0, y1)}


def overlap(a, b, at_least=0):
    """Width times height of the intersection, each no smaller than `at_least`."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(width, at_least) * max(height, at_least)


def size(box, more=0):
    return (box[2] - box[0] + more) * (box[3] - box[1] + more)


def peak(L):
    return np.unravel_index(np.argmax(L), L.shape)


def weighted(A, g):
    """Grad-CAM before its ReLU."""
    return A @ g.mean((0, 1))


def min_max(L, more=0.0):
    return (L - L.min()) / (L.max() - L.min() + more)


def sum_at_peaks(B, d):
    L = np.zeros(B.shape[:2])
    for k in range(len(d)):
        i, j = peak(B[..., k])
        L[i, j] += d[k] * B[i, j, k]
    return L


RIGHT = {
    checks.check_convolve: convolve,
    checks.check_cam: lambda A, w, c: (A @ w)[..., c],
    checks.check_class_score: lambda M, b: float(np.sum(M)) / M.size + b,
    checks.check_alpha: lambda g: [g[..., k].mean() for k in range(g.shape[-1])],
    checks.check_grad_cam: lambda A, g: np.clip(A @ g.mean(axis=(0, 1)), 0, None),
    checks.check_normalize: lambda L: L / (L.max() or 1.0),
    checks.check_cam_from_grad_cam: lambda L: L.shape[0] * L.shape[1] * L,
    checks.check_hirescam: lambda A, g: np.einsum("hwk,hwk->hw", A, g),
    checks.check_guided_gate: lambda x, R: np.where(x > 0, np.maximum(R, 0), 0),
    checks.check_guided_grad_cam: lambda L, G: bilinear(L, G.shape[:2])[..., None] * G,
    checks.check_iou: lambda a, b: len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b)),
    checks.check_pointing_game: lambda L, mask: L.max() != L.min() and mask.ravel()[np.argsort(L.ravel())[-1]],
    checks.check_rank_correlation: lambda a, b: np.corrcoef([[(m < v).sum() for v in m.flat] for m in (a, b)])[0, 1],
    checks.check_choose_epoch: lambda h: (first_of(h["val_loss"], min), first_of(h["val_accuracy"], max)),
    checks.check_nested_grad_cam: lambda *parts: nested(*parts).clip(0),
    checks.check_film: lambda x, gamma, beta: tf.nn.relu(tf.constant(x) * gamma + beta),
    checks.check_max_head: lambda B, d: sum_at_peaks(B, d),
    checks.check_token_grad_cam: lambda x, g, h, w: np.array(
        [[max(sum(g[1:, k].mean() * x[1 + i * w + j, k] for k in range(x.shape[1])), 0) for j in range(w)] for i in range(h)]),
    checks.check_rollout_step: lambda A, g, R: R + np.einsum("hij,jk->ik", (g * A).clip(0), R) / len(A),
}
WRONG = [
    (checks.check_film, lambda x, g, b: g * x + b, "ReLU is missing"),
    (checks.check_film, lambda x, g, b: g * x.clip(0) + b, "comes last"),
    (checks.check_film, lambda x, g, b: ((x + b) * g).clip(0), "Scale first"),
    (checks.check_film, lambda x, g, b: (b * x + g).clip(0), "exchanged"),
    (checks.check_film, lambda x, g, b: (g * x).clip(0), "shift is missing"),
    (checks.check_film, lambda x, g, b: (x + b).clip(0), "scale is missing"),
    (checks.check_film, lambda x, g, b: (g * x + b).clip(0).sum(2), "stay apart"),
    (checks.check_max_head, lambda B, d: B @ d, "weighed as a whole"),
    (checks.check_max_head, lambda B, d: (B @ d).clip(0) / (B.shape[0] * B.shape[1]), "weighed as a whole"),
    (checks.check_max_head, lambda B, d: sum_at_peaks(B / B.max((0, 1)), d), "gradient alone"),
    (checks.check_max_head, lambda B, d: sum_at_peaks(B, np.ones_like(d)), "derivatives d are missing"),
    (checks.check_max_head, lambda B, d: np.where(B @ d == (B @ d).max(), B @ d, 0), "one place for all"),
    (checks.check_max_head, lambda B, d: sum_at_peaks(B, d).clip(0), "Grad-CAM's ReLU"),
    (checks.check_max_head, lambda B, d: np.where(B == B.max((0, 1)), B * d, 0), "not added up"),
    (checks.check_max_head, lambda B, d: sum_at_peaks(B, d) / B[..., 0].size, "divided by the number of places"),
    (checks.check_convolve, lambda x, k: convolve2d(x, k, "valid"), "flipped"),
    (checks.check_convolve, lambda x, k: correlate2d(x, k, "same"), "padded"),
    (checks.check_convolve, lambda x, k: np.pad(convolve(x, k), 1), "should have shape"),
    (checks.check_convolve, convolve_3_by_3, "should have shape"),
    (checks.check_convolve, lambda x, k: np.lib.stride_tricks.sliding_window_view(x, k.shape) * k, "not yet added up"),
    (checks.check_convolve, lambda x, k: np.array(convolve(x, k)) / k.size, "mean of the products"),
    (checks.check_cam, lambda A, w, c: A.sum(-1), "plain sum"),
    (checks.check_cam, lambda A, w, c: A.mean(-1), "plain sum"),
    (checks.check_cam, lambda A, w, c: A @ w, "all classes"),
    (checks.check_cam, lambda A, w, c: (A @ w[:, c]).clip(0), "cut off"),
    (checks.check_cam, lambda A, w, c: (A * w[:, c]).mean(2), "mean over k"),
    (checks.check_cam, lambda A, w, c: np.stack([w[k, c] * A[..., k] for k in range(len(w))], 2), "not yet added up"),
    (checks.check_cam, lambda A, w, c: np.abs(A @ w[:, c]), "as if it were for it"),
    (checks.check_cam, lambda A, w, c: (A @ w[:, c]) / A[..., 0].size, "CAM / Z"),
    (checks.check_cam, lambda A, w, c: (A * w[c]).sum(-1), "a column for each class"),
    (checks.check_cam, lambda A, w, c: A @ w[c], "a column for each class"),
    (checks.check_cam, lambda A, w, c: np.einsum("ijk,k->ij", A, w[c]), "a column for each class"),
    (checks.check_cam, lambda A, w, c: tf.reduce_sum(tf.constant(A) * w[c], -1), "a column for each class"),
    (checks.check_cam, lambda A, w, c: (A @ w[:, c]) / 49, "up to a factor"),
    (checks.check_cam, lambda A, w, c: -(A @ w[:, c]), "up to a factor"),
    (checks.check_class_score, lambda M, b: M.sum() + b, "sum"),
    (checks.check_class_score, lambda M, b: M.sum() / M.size, "bias of the class is missing"),
    (checks.check_class_score, lambda M, b: np.sort(M.ravel())[-1] + b, "peak"),
    (checks.check_class_score, lambda M, b: M.sum() / 30 + b, "single value is wrong"),
    (checks.check_class_score, lambda M, b: M.clip(0).mean() + b, "cut off"),
    (checks.check_class_score, lambda M, b: M.mean(0) + b, "should be a single value"),
    (checks.check_class_score, lambda M, b: 2 * M.mean() + b, "single value is wrong"),
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
    (checks.check_normalize, lambda L: L / L.max(), "NaN"),
    (checks.check_normalize, lambda L: L / (L.max() + 1e-8), "ε"),
    (checks.check_normalize, lambda L: L / (L.max() + 1e-5), "ε"),
    (checks.check_normalize, lambda L: L / (L.max() + 1e-12), "ε"),
    (checks.check_normalize, lambda L: L / max(L.max(), 1e-7), "ε"),
    (checks.check_normalize, lambda L: L / L.max() if L.max() > 1e-8 else 0 * L, "ε"),
    (checks.check_normalize, min_max, "min–max"),
    (checks.check_normalize, lambda L: min_max(L, 1e-8), "min–max"),
    (checks.check_normalize, lambda L: L, "as it came"),
    (checks.check_normalize, lambda L: L / 100, "up to a factor"),
    (checks.check_normalize, lambda L: (L - L.min()) / (np.ptp(L) or 1), "min–max"),
    (checks.check_normalize, lambda L: L / (L.sum() or 1), "Dividing by the sum"),
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
    (checks.check_guided_gate, lambda x, R: R * (x > 0), "saliency"),
    (checks.check_guided_gate, lambda x, R: R * (R > 0), "deconvnet"),
    (checks.check_guided_gate, lambda x, R: np.where(R > 0, x.clip(0), 0), "forward input"),
    (checks.check_guided_gate, lambda x, R: np.where((x > 0) & (R > 0), 1, 0), "only the gate"),
    (checks.check_guided_gate, lambda x, R: np.where(x > 0, R, R.clip(0)), "x or R is positive"),
    (checks.check_guided_gate, lambda x, R: np.where(x < 0, 0, R.clip(0)), "x = 0"),
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
    (checks.check_iou, lambda a, b: overlap(a, b, -99) / (size(a) + size(b) - overlap(a, b, -99)), "do not meet"),
    (checks.check_iou, lambda a, b: overlap(a, b) / (size(a) + size(b)), "twice"),
    (checks.check_iou, lambda a, b: 2 * overlap(a, b) / (size(a) + size(b)), "Dice"),
    (checks.check_iou, lambda a, b: overlap(a, b) / size(a), "covers"),
    (checks.check_iou, lambda a, b: overlap(a, b) / size(b), "covers"),
    (checks.check_iou, lambda a, b: overlap(a, b), "in pixels"),
    (checks.check_iou, lambda a, b: overlap(a, b) / ((max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))),
     "around both"),
    (checks.check_iou, lambda a, b: overlap(a + [0, 0, 1, 1], b + [0, 0, 1, 1])
     / (size(a, 1) + size(b, 1) - overlap(a + [0, 0, 1, 1], b + [0, 0, 1, 1])), "exclusive"),
    (checks.check_pointing_game, lambda L, mask: mask[peak(L)], "points nowhere"),
    (checks.check_pointing_game, lambda L, mask: L.max() > 0 and mask[peak(L)], "points nowhere"),
    (checks.check_pointing_game, lambda L, mask: L.any() and mask[peak(L)], "points nowhere"),
    (checks.check_pointing_game, lambda L, mask: L.max() != 0 and mask[peak(L)], "points nowhere"),
    (checks.check_pointing_game, lambda L, mask: L.max() > 0 and np.ptp(L) > 0 and mask[peak(L)], "negative everywhere"),
    (checks.check_pointing_game, lambda L, mask: np.ptp(L.clip(0)) > 0 and mask[peak(L.clip(0))], "negative everywhere"),
    (checks.check_pointing_game, lambda L, mask: mask[peak(L.clip(0))], "negative everywhere"),
    (checks.check_pointing_game, lambda L, mask: np.ptp(L) > 0 and mask.T[peak(L)], "swapped"),
    (checks.check_pointing_game, lambda L, mask: np.ptp(L) > 0 and mask[peak(L)[::-1]], "swapped"),
    (checks.check_pointing_game, lambda L, mask: np.ptp(L) > 0 and mask[peak(L.T)], "swapped"),
    (checks.check_pointing_game, lambda L, mask: True, "single value is wrong"),
    (checks.check_pointing_game, lambda L, mask: mask[peak(np.abs(L))], "against the class"),
    (checks.check_pointing_game, lambda L, mask: bool((L[mask] > 0).any()), "any evidence"),
    (checks.check_pointing_game, lambda L, mask: L.clip(0)[mask].sum() / (L.clip(0).sum() or 1), "energy"),
    (checks.check_pointing_game, lambda L, mask: L[mask].mean() > L[~mask].mean(), "means"),
    (checks.check_rank_correlation, lambda a, b: np.corrcoef(a.ravel(), b.ravel())[0, 1], "of the values"),
    (checks.check_rank_correlation, lambda a, b: np.corrcoef(a.ravel().argsort(), b.ravel().argsort())[0, 1], "order"),
    (checks.check_rank_correlation,
     lambda a, b: np.corrcoef(*[m.argsort(1).argsort(1).ravel() for m in (a, b)])[0, 1], "Flatten"),
    (checks.check_choose_epoch, lambda h: (np.argmin(h["val_loss"]), np.argmax(h["val_accuracy"])), "count from 0"),
    (checks.check_choose_epoch, lambda h: (np.argmin(h["loss"]) + 1, np.argmax(h["accuracy"]) + 1), "training data"),
    (checks.check_choose_epoch, lambda h: (len(h["loss"]), len(h["loss"])), "training data"),
    (checks.check_choose_epoch, lambda h: [first_of(h["val_loss"], max), first_of(h["val_accuracy"], max)], "least loss"),
    (checks.check_choose_epoch, lambda h: [first_of(h["val_loss"], min), first_of(h["val_accuracy"], min)], "highest"),
    (checks.check_choose_epoch, lambda h: (first_of(h["val_loss"], min), len(h["loss"]) + 1 - first_of(h["val_accuracy"][::-1],
                                                                                                     max)), "take the first"),
    (checks.check_choose_epoch, lambda h: RIGHT[checks.check_choose_epoch](h)[::-1], "swapped"),
    (checks.check_choose_epoch, lambda h: (min(h["val_loss"]), max(h["val_accuracy"])), "the best values"),
    (checks.check_choose_epoch, lambda h: first_of(h["val_loss"], min), "should have shape (2,)"),
    (checks.check_choose_epoch, lambda h: h["val_loss"] + h["validation"], "KeyError"),
    (checks.check_nested_grad_cam, lambda *parts: nested(*parts), "before the ReLU"),
    (checks.check_nested_grad_cam, lambda *parts: nested(*parts, score=lambda y, c: tf.reduce_max(y, 1)).clip(0), "predicted"),
    (checks.check_nested_grad_cam, lambda *parts: nested(*parts, score=lambda y, c: tf.nn.softmax(y)[:, c]).clip(0),
     "probability"),
    (checks.check_nested_grad_cam, lambda *parts: nested(*parts, score=lambda y, c: y).clip(0), "all scores together"),
    (checks.check_nested_grad_cam, lambda *parts: np.prod(on_the_tape(*parts), axis=0).sum(-1).clip(0), "HiResCAM"),
    (checks.check_nested_grad_cam, lambda *parts: (lambda A, g: (A @ g.mean((0, 1, 2))).clip(0))(*on_the_tape(*parts)),
     "over the images too"),
    (checks.check_nested_grad_cam, lambda *parts: (lambda A, g: (A * g.mean((1, 2))[:, None, None]).mean(-1).clip(0))(
        *on_the_tape(*parts)), "mean over the channels"),
    (checks.check_nested_grad_cam, lambda trunk, head, images, c: head(trunk(images)), "should have shape"),
    (checks.check_rank_correlation, lambda a, b: RIGHT[checks.check_rank_correlation](abs(a), abs(b)), "signs"),
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


def in_form(form, right):
    return lambda *a: form(np.asarray(right(*a), dtype=np.float32))


def always(value):
    return lambda *a: value


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_right_answers_pass_in_any_form(check):
    assert check(RIGHT[check]), check(RIGHT[check])
    for form in (np.ndarray.tolist, np.float16, np.float32, np.float64, tf.constant, tf.Variable,
                 lambda answer: list(tf.constant(answer)) if answer.ndim else tf.constant(answer),
                 lambda answer: tf.cast(answer, tf.float16), lambda answer: tf.cast(answer, tf.bfloat16)):
        assert check(in_form(form, RIGHT[check]))


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_what_is_off_by_a_hundredth_does_not_pass(check):
    assert not check(lambda *a: 1.01 * np.asarray(RIGHT[check](*a), dtype=float))


@pytest.mark.parametrize("check, function", [
    (checks.check_convolve, lambda x, k: tf.nn.conv2d(x[None, ..., None], k[..., None, None], 1, "VALID")[0, ..., 0]),
    (checks.check_cam, lambda A, w, c: tf.tensordot(tf.cast(A, tf.float32), tf.constant(w[:, c]), 1)),
    (checks.check_class_score, lambda M, b: tf.reduce_mean(M) + tf.constant(b, tf.float32)),
    (checks.check_alpha, lambda g: tf.reduce_mean(g, axis=(0, 1))),
    (checks.check_alpha, lambda g: [tf.reduce_mean(g[..., k]) for k in range(g.shape[-1])]),
    (checks.check_grad_cam, lambda A, g: tf.nn.relu(tf.reduce_sum(A * tf.reduce_mean(g, (0, 1)), -1))),
    (checks.check_normalize, lambda L: tf.math.divide_no_nan(L, tf.reduce_max(L))),
    (checks.check_normalize, lambda L: np.nan_to_num(L / L.max())),
    (checks.check_hirescam, lambda A, g: tf.einsum("hwk,hwk->hw", A, g)),
    (checks.check_guided_gate, lambda x, R: tf.cast(x > 0, tf.float32) * tf.nn.relu(R)),
    (checks.check_guided_grad_cam,
     lambda L, G: tf.image.resize(L[..., None], G.shape[:2]) * tf.constant(G, tf.float32)),
    (checks.check_pointing_game, lambda L, mask: tf.reduce_max(L) > tf.reduce_min(L) and mask[peak(L)]),
])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_right_answers_pass_written_in_tensorflow(check, function):
    assert check(function), check(function)


@pytest.mark.parametrize("check", [check for check in RIGHT if check not in (checks.check_iou, checks.check_choose_epoch)],
                         ids=lambda check: check.__name__)
def test_a_function_is_tried_on_several_shapes(check):
    shapes = []
    check(lambda *a: shapes.append([np.shape(argument) for argument in a if np.ndim(argument)]))
    assert len({str(each) for each in shapes}) >= 3
    assert all(len(first) < 2 or first[0] != first[1] for first, *_ in shapes)      # height is not width


def test_boxes_of_several_sizes_and_places():
    boxes = []
    checks.check_iou(lambda a, b: boxes.append(tuple(a)))
    assert len({(x1 - x0, y1 - y0) for x0, y0, x1, y1 in boxes}) >= 3 and len(set(boxes)) == len(boxes)


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_unattempted_and_empty_answers_do_not_pass(check):
    zeros = lambda *a: np.zeros_like(np.asarray(RIGHT[check](*a), dtype=float))
    assert not check(zeros)
    assert "Not attempted" in repr(check(lambda *a: None))
    assert "ZeroDivisionError" in repr(check(lambda *a: 1 // 0))
    assert not check(lambda *a: "text") and not check(lambda *a: np.nan)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("check, wrong, named", WRONG)
def test_known_misconceptions_are_named(check, wrong, named):
    verdict = check(wrong)
    assert not verdict and named in repr(verdict)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_every_hint_is_given_to_somebody(monkeypatch):
    """Of each exercise: what it can tell, and what the wrong answers above are told."""
    hints, compare = {}, checks.check_function
    with monkeypatch.context() as patch:
        patch.setattr(checks, "check_function",
                      lambda *args, **options: hints.update({check: args[3]}) or compare(*args, **options))
        for check in RIGHT:
            check(lambda *a: None)
    told = {(check, repr(check(wrong))) for check, wrong, _ in WRONG}
    assert [hint for check in RIGHT for hint in hints[check] if (check, "✗ " + hint) not in told] == []


def test_a_check_cannot_be_fooled_by_changing_its_arguments():
    def fools(A, g):
        A *= 0
        return np.zeros(A.shape[:2])
    assert not checks.check_grad_cam(fools) and "in place" in repr(checks.check_grad_cam(fools))


def test_who_is_right_but_overwrites_the_input_is_told():
    def gate(x, R):
        R[(x <= 0) | (R < 0)] = 0
        return R
    told = checks.check_guided_gate(gate)
    assert not told and "values are right" in repr(told) and "copy" in repr(told)
    assert checks.check_guided_gate(lambda x, R: gate(x, R.copy()))


def test_a_misconception_is_named_although_the_input_is_overwritten():
    def halfway(x, R):
        R[x <= 0] = 0
        return R
    assert "saliency" in repr(checks.check_guided_gate(halfway))


def alpha_in_place(gradients):
    gradients /= gradients.shape[0] * gradients.shape[1]


def alpha_without_return(gradients):
    alpha = gradients.mean((0, 1))      # noqa: F841 (the slip itself)


def alpha_returns_none(gradients):
    alpha = gradients.mean((0, 1))      # noqa: F841 (here too)
    return None


def alpha_printed(gradients):
    str(gradients.mean((0, 1)))


def alpha_on_one_way(gradients):
    if gradients.shape[0] > gradients.shape[1]:
        return gradients.mean((0, 1))


def stub(gradients):
    """(h, w, K) -> (K,)"""
    return None


def stub_pass(gradients):
    pass


def stub_ellipsis(gradients):
    ...


def stub_returns_ellipsis(gradients):
    return ...


class Alpha:
    def __call__(self, gradients):
        gradients.mean((0, 1))


@pytest.mark.parametrize("function, told", [
    (stub, "· Not attempted"), (stub_pass, "· Not attempted"), (stub_ellipsis, "· Not attempted"),
    (stub_returns_ellipsis, "· Not attempted"), (lambda gradients: None, "· Not attempted"),
    (None, "· Not attempted"), (..., "· Not attempted"),
    (alpha_without_return, "✗ Your function computes something but returns nothing"),
    (alpha_returns_none, "✗ Your function computes something but returns nothing"),
    (alpha_printed, "✗ Your function computes something but returns nothing"),
    (Alpha(), "✗ Your function computes something but returns nothing"),
    (alpha_on_one_way, "✗ For some inputs your function ends without a `return`"),
    (alpha_in_place, "✗ Your function changes its input in place and returns nothing"),
    (np.ones(6), "✗ Give the check your function itself"), (3, "✗ Give the check your function itself"),
])
def test_who_returns_nothing_is_told_what_is_missing(function, told):
    verdict = checks.check_alpha(function)
    assert not verdict and repr(verdict).startswith(told), verdict


def misspelt(gradients):
    return gradient.mean((0, 1))        # noqa: F821 (the slip itself)


@pytest.mark.parametrize("function, told", [
    (misspelt, ["a name is not defined", "NameError: name 'gradient' is not defined", "return gradient.mean((0, 1))"]),
    (lambda g: g.mean((0, 1)) / 0 if g is None else 1 // 0, ["divides by zero", "ZeroDivisionError"]),
    (lambda g: g[..., 99], ["beyond", "IndexError", "99"]),
    (lambda g: g.mean(5), ["an axis", "AxisError"]),
    (lambda g: g.average(), ["has no such", "AttributeError"]),
    (lambda g, A: g, ["TypeError", "A"]),
    (lambda g: g + "1", ["a type", "does not work here"]),
    (lambda g: g @ np.ones(99), ["two shapes do not fit", "ValueError"]),
    (lambda g: tf.constant(g) + tf.ones(99), ["two shapes do not fit", "InvalidArgumentError"]),
    (lambda g: np.asarray([]).max(), ["ValueError", "zero-size array"]),
    (lambda g: float(g), ["TypeError"]),
])
def test_an_exception_becomes_a_sentence(function, told):
    verdict = checks.check_alpha(function)
    assert not verdict and all(part in repr(verdict) for part in ["✗ Your function stopped", *told]), verdict
    assert "\n" not in repr(verdict) and len(repr(verdict)) < 500 and "node" not in repr(verdict)


def test_an_exception_says_on_what_it_came():
    assert re.search(r"given inputs of shape \(\d, \d, \d\) and \(\d, \d, \d\): it divides by zero",
                     repr(checks.check_grad_cam(lambda A, g: 1 // 0)))


@pytest.mark.parametrize("answer", ["0.5", b"1", {"a": 1}, [1, [2, 3]], object()])
def test_what_is_no_number_is_told(answer):
    for check in (checks.check_class_score, checks.check_alpha, checks.check_iou):
        assert "Expected numbers" in repr(check(lambda *a: answer))


@pytest.mark.parametrize("check", [checks.check_class_score, checks.check_iou, checks.check_pointing_game,
                                   checks.check_rank_correlation], ids=lambda check: check.__name__)
def test_a_single_value_is_not_praised_for_its_shape(check):
    told = [repr(check(always(value))) for value in (0.123, 7, True)]
    assert all("shape" not in each and "single value is wrong" in each for each in told), told
    assert all("should be a single value" in repr(check(always(value))) for value in (np.ones((2, 2)), [0.1]))


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero")
def test_values_that_are_no_numbers_are_told():
    assert "NaN" in repr(checks.check_alpha(lambda g: g.mean((0, 1)) / 0))
    assert "NaN" in repr(checks.check_class_score(lambda M, b: np.nan))


@pytest.mark.parametrize("answer, told", [
    (18_432, "each kernel also has one bias"), (640, "32 input channels"), (576, "and it has a bias"),
    (289, "one kernel"), (18_433, "a bias of its own"), (20_480, "one bias, not one for each channel"),
    (18_464, "other way round"), (36_928, "input has 32 channels"), (7, "7 is not it"), (18_495, "18,495 is not it"),
    (18_497, "not it"), (18_480, "not it"), (18_431, "not it"), (18_478, "not it"), (18_514, "not it"), (18_496.5, "not it"),
    (0, "not it"), (True, "not it"), (138_357_544, "138,357,544 is not it"), (np.nan, "not it"), (1j, "Expected one number"),
    (None, "Not attempted"), (..., "Not attempted"), ("x", "Expected one number"), ([1, 2], "Expected one number"),
    ("18496", "Expected one number"), (lambda: 18_496, "Expected one number"), ([18_496], "Expected one number"),
])
def test_parameter_count(answer, told):
    assert not checks.check_parameters(answer) and told in repr(checks.check_parameters(answer))


@pytest.mark.parametrize("answer", [18_496, 18_496.0, np.int32(18_496), np.float32(18_496), np.array(18_496)])
def test_the_exact_parameter_count_passes_in_any_type(answer):
    assert checks.check_parameters(answer) and checks.check_parameters(tf.constant(answer))


# ---- the switches of notebook 9

def switched(trunk, first, before=False, from_first=True):
    """Frozen up to `first`, free from there on, or the other way round."""
    trunk.trainable = True
    reached = False
    for layer in trunk.layers:
        reached = reached or layer.name == first
        layer.trainable = from_first if reached else before


def number_of(trunk, first):
    return [layer.name for layer in trunk.layers].index(first)


def all_switched(trunk, switch):
    trunk.trainable = switch
    for layer in trunk.layers:
        layer.trainable = switch


def early_ones_frozen(trunk, first):
    """Frees the model only where it is frozen as a whole, and then freezes the early layers."""
    if not trunk.trainable:
        trunk.trainable = True
    for layer in trunk.layers[:number_of(trunk, first)]:
        layer.trainable = False


@pytest.mark.parametrize("unfreeze", [
    switched,
    lambda trunk, first: switched(trunk, first) or trunk,
    lambda trunk, first: all_switched(trunk, True) or early_ones_frozen(trunk, first),
])
def test_any_way_to_set_the_switches_passes(unfreeze):
    assert checks.check_unfreeze(unfreeze), checks.check_unfreeze(unfreeze)


@pytest.mark.parametrize("unfreeze, named", [
    (None, "Not attempted"), (lambda trunk, first: None, "Not attempted"), (..., "Not attempted"),
    (5, "Give the check your function itself"),
    (lambda trunk, first: trunk.layers, "Nothing was changed"),
    (lambda trunk, first: switched(trunk, first) or all_switched(trunk, False), "Nothing can be trained any more"),
    (lambda trunk, first: switched(trunk, first) or all_switched(trunk, True), "Everything can be trained"),
    (lambda trunk, first: switched(trunk, first, before=True, from_first=False), "other way round"),
    (lambda trunk, first: switched(trunk, first, from_first=False) or setattr(trunk.get_layer(first), "trainable", True),
     "`first` alone"),
    (lambda trunk, first: switched(trunk, first) or setattr(trunk.get_layer(first), "trainable", False), "still frozen"),
    (lambda trunk, first: all_switched(trunk, True) or setattr(trunk.layers[0], "trainable", False), "Of six layers"),
    (lambda trunk, first: [setattr(layer, "trainable", layer.name >= first) for layer in trunk.layers],
     "switched off as a whole"),
    (early_ones_frozen, "every layer"),
    (lambda trunk, first: trunk.get_layer("block4_conv1"), "ValueError"),
    (lambda trunk, first: switched(trunk, firts), "NameError"),     # noqa: F821 (the slip itself)
])
def test_switches_set_wrongly_are_named(unfreeze, named):
    verdict = checks.check_unfreeze(unfreeze)
    assert not verdict and named in repr(verdict), verdict


# ---- the repair of notebook 8

ROWS, COLUMNS = ruler_place((100, 100))


def covered(images, value=0.5, rows=ROWS):
    images = images.copy()
    images[:, rows, COLUMNS] = value
    return images


def covered_in_place(images):
    images[:, ROWS, COLUMNS] = 0.5


THROWS = np.random.default_rng(7)


def at_random(images):
    return np.where(THROWS.random((len(images), 1, 1, 1)) < 0.5, lay_ruler(images), images)


def has_ruler(images):
    return (images[:, ROWS, COLUMNS].max(axis=(1, 2, 3)) > 0.8).reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("repair", [
    covered, lay_ruler,
    lambda images: covered(images, 0).tolist(),
    lambda images: covered(images, images.mean(axis=(1, 2))[:, None, None]),
    lambda images: covered(images, rows=slice(80, 100)),
    lambda images: at_random(covered(images)),
    lambda images: images[:, :80].repeat(2, axis=1)[:, :100],
])
def test_any_sound_repair_passes(repair):
    assert checks.check_repair(repair), checks.check_repair(repair)


@pytest.mark.parametrize("repair, named", [
    (lambda images: None, "Not attempted"),
    (lambda images: images, "as they were"),
    (lambda images: np.where(has_ruler(images), covered(images), images), "only the images that had a ruler"),
    (lambda images: np.where(has_ruler(images), covered(images, 0), images), "only the images that had a ruler"),
    (at_random, "no ruler still means"),
    (lambda images: covered(images, rows=slice(90, 96)), "Part of the ruler"),
    (lambda images: covered(images, rows=slice(4, 14)), "still see which"),
    (lambda images: images[:, ::-1], "still see which"),
    (lambda images: 0 * images, "hardly any steel"),
    (lambda images: images[:, :80], "enlarge the rest"),
    (lambda images: images[:10], "came out"),
    (lambda images: 255 * covered(images), "in [0, 1]"),
    (lambda images: images / 0, "in [0, 1]"),
    (lambda images: "text", "array of images"),
    (lambda images: images[:, :, :, 5], "IndexError"),
    (lambda images: images[:, :, :, 5], "beyond"),
    (lambda images: ..., "Not attempted"),
    (None, "Not attempted"),
    (np.ones(3), "Give the check your function itself"),
    (lambda images: covered_in_place(images), "changes its input in place and returns nothing"),
    (lambda images: [covered(images), None][1], "computes something but returns nothing"),
    (lambda images: covered_in_place(images) or images, "values are right, but"),
])
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_an_unsound_repair_is_told_why(repair, named):
    verdict = checks.check_repair(repair)
    assert not verdict and named in repr(verdict)


def test_a_repair_that_writes_into_its_images_does_not_fool_the_check():
    def in_place(images):
        images[:] = 0.5
        return images
    assert not checks.check_repair(in_place)
