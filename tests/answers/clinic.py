"""Answers to the exercises of notebook 12."""

import numpy as np

from lecture_utils import checks


def of_score(explain, model, images, c, raised=1, by=5.0, restore=True):
    """Raises the bias of a class that stands `raised` behind c: a map of the score does not feel it."""
    last, first = model.layers[-1], explain(model, images, c)
    weights, biases = last.get_weights()
    raise_one = by * (np.arange(len(biases)) == (c + raised) % len(biases))
    last.set_weights([weights, biases + raise_one])
    unchanged = np.allclose(first, explain(model, images, c), rtol=1e-3, atol=1e-4 * first.max())
    if restore:
        last.set_weights([weights, biases])
    return unchanged


def of_score_by_scale(explain, model, images, c):
    """Twice the last layer, twice the map."""
    last = model.layers[-1]
    before, first = last.get_weights(), explain(model, images, c)
    last.set_weights([2 * w for w in before])
    second = explain(model, images, c)
    last.set_weights(before)
    return bool(np.abs(second - 2 * first).max() < 1e-3 * first.max())


def shuffles(report, scores, truth, n=200):
    rng = np.random.default_rng(0)
    return np.array([report(scores, rng.permutation(truth)) for _ in range(n)])


def shuffled_in_a_loop(report, scores, truth):
    rng, labels, total = np.random.default_rng(5), list(truth), 0.0
    for _ in range(200):
        rng.shuffle(labels)
        total += report(list(scores), np.array(labels))
    return total / 200


def in_place(report, scores, truth):
    rng, total = np.random.default_rng(0), 0.0
    for _ in range(200):
        rng.shuffle(truth)
        total += report(scores, truth) / 200
    return total


def together(report, scores, truth):
    orders = [np.random.default_rng(seed).permutation(len(truth)) for seed in range(200)]
    return np.mean([report(scores[order], truth[order]) for order in orders])


def by_lot(report, scores, truth):
    rng = np.random.default_rng(0)
    return np.mean([report(scores, rng.random(len(truth)) < 0.5) for _ in range(200)])


RIGHT = {
    checks.check_completeness: lambda M, y, b: max(abs(map_.mean() + b - score) for map_, score in zip(M, y, strict=True)),
}

ALSO_RIGHT = [
    (checks.check_score_test, of_score),
    (checks.check_score_test, of_score_by_scale),
    (checks.check_score_test, lambda *a: np.float32(of_score(*a, raised=2, by=3.0))),
    (checks.check_shuffled, lambda *a: shuffles(*a).mean()),
    (checks.check_shuffled, shuffled_in_a_loop),
    (checks.check_diagnosis, ["training mode", "sound", "over the batch"]),
    (checks.check_diagnosis, ("training mode", "sound", "over the batch")),
]

WRONG = [
    (checks.check_completeness, lambda M, y, b: np.abs(M.sum((1, 2)) + b - y).max(), "takes the sum"),
    (checks.check_completeness, lambda M, y, b: np.abs(M.mean((1, 2)) - y).max(), "bias is missing"),
    (checks.check_completeness, lambda M, y, b: np.abs(M.mean((1, 2)) - b - y).max(), "bias is taken away"),
    (checks.check_completeness, lambda M, y, b: (M.mean((1, 2)) + b - y).max(), "below zero"),
    (checks.check_completeness, lambda M, y, b: np.abs(M.mean() + b - y).max(), "averaged into one number"),
    (checks.check_completeness, lambda M, y, b: np.abs(M.mean((1, 2)) + b - y).mean(), "mean of the gaps"),
    (checks.check_completeness, lambda M, y, b: np.abs(M.clip(0).mean((1, 2)) + b - y).max(), "before its ReLU"),
    (checks.check_completeness, lambda M, y, b: np.abs(M.mean((1, 2)) + b - y), "should be a single value"),
    (checks.check_score_test, None, "Not attempted"),
    (checks.check_score_test, lambda explain, model, images, c: None, "Not attempted"),
    (checks.check_score_test, True, "function itself"),
    (checks.check_score_test, lambda explain, model, images, c: True, "lets the map of the probability pass"),
    (checks.check_score_test, lambda explain, model, images, c: explain(model, images, c).max() > 0, "The other classes"),
    (checks.check_score_test, lambda explain, model, images, c: False, "turns the map of the score away"),
    (checks.check_score_test, lambda *a: not of_score(*a), "the wrong way round"),
    (checks.check_score_test, lambda *a: of_score(*a, restore=False), "leaves the model changed"),
    (checks.check_score_test, lambda explain, model, images, c: of_score(explain, model, images, c) and len(images) < 2,
     "networks your test tells the two apart"),
    (checks.check_score_test, lambda explain, model, images, c: explain(model, images, c) > 0, "one True or False"),
    (checks.check_score_test, lambda explain, model, images, c: explain(model, c), "TypeError"),
    (checks.check_shuffled, None, "Not attempted"),
    (checks.check_shuffled, lambda report, scores, truth: None, "Not attempted"),
    (checks.check_shuffled, lambda report, scores, truth: report(scores, truth), "not shuffled"),
    (checks.check_shuffled, together, "or the scores together"),
    (checks.check_shuffled, lambda *a: shuffles(*a, n=5).mean(), "called 5 times"),
    (checks.check_shuffled, by_lot, "drawn by lot"),
    (checks.check_shuffled, lambda *a: shuffles(*a).max(), "not the greatest"),
    (checks.check_shuffled, lambda *a: shuffles(*a).min(), "not the mean"),
    (checks.check_shuffled, lambda *a: shuffles(*a), "Return one number"),
    (checks.check_shuffled, lambda report, scores, truth: 0.5, "never called"),
    (checks.check_shuffled, in_place, "in place"),
    (checks.check_shuffled, lambda report, scores, truth: report(truth), "TypeError"),
    (checks.check_diagnosis, None, "Not attempted"),
    (checks.check_diagnosis, [None, None, None], "Not attempted"),
    (checks.check_diagnosis, "softmax", "give a list of 3 names"),
    (checks.check_diagnosis, ["sound", "sound"], "Three patients"),
    (checks.check_diagnosis, ["flu", None, None], "no diagnosis 'flu'"),
    (checks.check_diagnosis, ["training mode", None, None], "Patient 2 has no diagnosis yet"),
    (checks.check_diagnosis, ["over the batch", "sound", "training mode"], "would pass the examination 'model afterwards'"),
    (checks.check_diagnosis, ["training mode", "softmax", "over the batch"], "would fail the examination 'finite differences'"),
]
