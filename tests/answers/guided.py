"""Answers to the exercises of notebook 6."""

import numpy as np
import tensorflow as tf

from lecture_utils import checks, upsample

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


RIGHT = {
    checks.check_guided_gate: lambda x, R: np.where(x > 0, np.maximum(R, 0), 0),
    checks.check_guided_grad_cam: lambda L, G: bilinear(L, G.shape[:2])[..., None] * G,
}

ALSO_RIGHT = [
    (checks.check_guided_gate, lambda x, R: tf.cast(x > 0, tf.float32) * tf.nn.relu(R)),
    (checks.check_guided_grad_cam,
     lambda L, G: tf.image.resize(L[..., None], G.shape[:2]) * tf.constant(G, tf.float32)),
]

WRONG = [
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
]
