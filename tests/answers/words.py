"""Answers to the exercises of notebook 10."""

import numpy as np
import tensorflow as tf

from lecture_utils import checks

from .common import peak, weighted


def sum_at_peaks(B, d):
    L = np.zeros(B.shape[:2])
    for k in range(len(d)):
        i, j = peak(B[..., k])
        L[i, j] += d[k] * B[i, j, k]
    return L


def asked(network, images, questions):
    return np.argmax(network([images, questions]), axis=1)


def blind(network, images, questions, answers, order):
    """The share, question by question."""
    said = asked(network, images[order], questions)
    right = [said[i] == answers[i] for i in range(len(order)) if order[i] != i]
    return sum(right) / len(right)


def word_gradient(above, A, before, words, t, score=lambda y, words, t: [y[n, t, words[n, t]] for n in range(len(words))]):
    with tf.GradientTape() as tape:
        tape.watch(A)
        y = tf.reduce_sum(score(above([A, before]), words, t))
    return A.numpy(), tape.gradient(y, A).numpy()


def word_map(*case, **how):
    """Grad-CAM before its ReLU, picture by picture."""
    return np.stack([weighted(A, g) for A, g in zip(*word_gradient(*case, **how), strict=True)])


def word_map_of(score):
    return lambda *case: word_map(*case, score=score).clip(0)


RIGHT = {
    checks.check_blind: lambda *case: blind(*case),
    checks.check_word_map: lambda *case: word_map(*case).clip(0),
    checks.check_film: lambda x, gamma, beta: tf.nn.relu(tf.constant(x) * gamma + beta),
    checks.check_max_head: lambda B, d: sum_at_peaks(B, d),
}

ALSO_RIGHT = [
    (checks.check_blind, lambda f, x, q, a, o: np.mean((f.predict([x[o], q], verbose=0).argmax(1) == a)[o != np.arange(len(o))])),
    (checks.check_blind, lambda f, x, q, a, o: (lambda m: (asked(f, x[o][m], q[m]) == a[m]).mean())(o != np.arange(len(o)))),
]

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
    (checks.check_blind, lambda f, x, q, a, o: (asked(f, x, q) == a).mean(), "right pictures"),
    (checks.check_blind, lambda f, x, q, a, o: blind(f, x, q[o], a[o], o), "right pictures"),
    (checks.check_blind, lambda f, x, q, a, o: (asked(f, x[o], q) == a).mean(), "leave those questions out"),
    (checks.check_blind, lambda f, x, q, a, o: ((asked(f, x[o], q) == a) & (o != np.arange(len(o)))).mean(), "counted as wrong"),
    (checks.check_blind, lambda f, x, q, a, o: (asked(f, x, q[o]) == a).mean(), "Keep each question with its answer"),
    (checks.check_blind, lambda f, x, q, a, o: blind(f, x, q[o], a, o), "only the pictures should"),
    (checks.check_blind, lambda f, x, q, a, o: (asked(f, x, q) == a[o]).mean(), "still sees what it is asked about"),
    (checks.check_blind, lambda f, x, q, a, o: blind(f, np.zeros_like(x), q, a, o), "emptied"),
    (checks.check_blind, lambda f, x, q, a, o: blind(f, x, q, asked(f, x, q), o), "stays the same"),
    (checks.check_blind, lambda f, x, q, a, o: round(blind(f, x, q, a, o) * (o != np.arange(len(o))).sum()), "their share"),
    (checks.check_blind, lambda f, x, q, a, o: asked(f, x[o], q) == a, "single value"),
    (checks.check_word_map, lambda *case: word_map(*case), "before the ReLU"),
    (checks.check_word_map, word_map_of(lambda y, w, t: [tf.nn.softmax(y)[n, t, w[n, t]] for n in range(len(w))]), "probability"),
    (checks.check_word_map, word_map_of(lambda y, w, t: [tf.nn.log_softmax(y)[n, t, w[n, t]] for n in range(len(w))]),
     "probability"),
    (checks.check_word_map, word_map_of(lambda y, w, t: tf.gather(y, w, axis=2, batch_dims=2)), "whole sentence"),
    (checks.check_word_map, word_map_of(lambda y, w, t: tf.gather(tf.nn.log_softmax(y), w, axis=2, batch_dims=2)),
     "whole sentence"),
    (checks.check_word_map, word_map_of(lambda y, w, t: [y[n, t - 1, w[n, t - 1]] for n in range(len(w))]), "another place"),
    (checks.check_word_map, word_map_of(lambda y, w, t: [y[n, t + 1, w[n, t + 1]] for n in range(len(w))]), "another place"),
    (checks.check_word_map, word_map_of(lambda y, w, t: [y[n, t - 1, w[n, t]] for n in range(len(w))]), "another place"),
    (checks.check_word_map, word_map_of(lambda y, w, t: [y[n, t, w[n, t - 1]] for n in range(len(w))]), "what was heard"),
    (checks.check_word_map, word_map_of(lambda y, w, t: tf.reduce_max(y[:, t], 1)), "the highest score"),
    (checks.check_word_map, word_map_of(lambda y, w, t: y[:, t]), "of all words"),
    (checks.check_word_map, word_map_of(lambda y, w, t: y[:, t, w[0, t]]), "first one's for all"),
    (checks.check_word_map, lambda *case: np.prod(word_gradient(*case), axis=0).sum(-1), "HiResCAM"),
    (checks.check_word_map, lambda *case: np.prod(word_gradient(*case), axis=0).sum(-1).clip(0), "HiResCAM"),
    (checks.check_word_map, lambda *case: (lambda A, g: (A @ g.mean((0, 1, 2))).clip(0))(*word_gradient(*case)),
     "over the pictures too"),
    (checks.check_word_map, lambda *case: np.mean(word_gradient(*case)[1], axis=(1, 2)), "should have shape"),
]
