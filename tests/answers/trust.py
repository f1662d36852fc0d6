"""Answers to the exercises of notebook 8."""

import keras
import numpy as np
import tensorflow as tf
from scipy.stats import spearmanr

from lecture_utils import bootstrap, checks, rank_correlation
from lecture_utils.datasets.planted import lay_ruler, ruler_place

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


def likeness(a, b):
    return spearmanr(np.ravel(a), np.ravel(b)).statistic


def copied(model, layers, draw=lambda old: np.random.normal(0, 0.1, old.shape), copy_first=True):
    """A copy of a model whose layers `layers` have weights that `draw` makes of the old ones."""
    copy = keras.models.clone_model(model)
    if copy_first:
        copy.set_weights(model.get_weights())
    for name in layers:
        layer = copy.get_layer(name)
        layer.set_weights([draw(old) for old in layer.get_weights()])
    return copy


def forgotten(model, layers, explain, **how):
    return likeness(explain(model), explain(copied(model, layers, **how)))


def forgotten_for_a_while(model, layers, explain):
    """In the model itself, which gets its weights back."""
    kept, before = model.get_weights(), explain(model)
    for name in layers:
        kernel = model.get_layer(name).kernel
        kernel.assign(tf.random.normal(kernel.shape))
    after = explain(model)
    model.set_weights(kept)
    return tf.constant(likeness(before, after))


def forgotten_for_good(model, layers, explain):
    before = explain(model)
    for name in layers:
        kernel = model.get_layer(name).kernel
        kernel.assign(tf.random.normal(kernel.shape))
    return likeness(before, explain(model))


def forgotten_too_early(model, layers, explain):
    forgotten_for_good(model, layers, lambda model: np.eye(2))
    return likeness(explain(model), explain(copied(model, layers)))


def compared(of):
    """The right copy, and something else made of the two maps."""
    return lambda model, layers, explain: of(explain(model), explain(copied(model, layers)))


def bias_only(model, layers, explain):
    copy = copied(model, [])
    for name in layers:
        copy.get_layer(name).bias.assign(np.random.normal(size=copy.get_layer(name).bias.shape))
    return likeness(explain(model), explain(copy))


def other_biases(model, layers, explain):
    copy = copied(model, layers)
    for layer in copy.layers:
        if layer.weights:
            layer.bias.assign(np.random.normal(size=layer.bias.shape))
    return likeness(explain(model), explain(copy))


def put_in(f, image, L, empty, steps, missing=None, lowest=False, first=0):
    """Pixel by pixel, from `missing` on, by default from `empty`; f is noted after each portion."""
    image, filled = np.asarray(image), np.array(empty if missing is None else missing)
    places = sorted(np.ndindex(L.shape), key=lambda place: L[place], reverse=not lowest)
    values = [f(filled)]
    for step in range(steps):
        portion = len(places) // steps
        for place in places[step * portion:(step + 1) * portion]:
            filled[place] = image[place]
        values.append(f(filled))
    return values[first:]


def put_in_one_portion(f, image, L, empty, steps):
    ranks = np.argsort(np.argsort(-L.ravel())).reshape(L.shape) * steps // L.size
    return [f(empty)] + [f(np.where(ranks == step, image, empty)) for step in range(steps)]


def put_in_by_order(f, image, L, empty, steps):
    order = np.argsort(-L.ravel()).reshape(L.shape)
    return [f(np.where(order < share * L.size, image, empty)) for share in np.linspace(0, 1, steps + 1)]


def put_in_by_tensors(f, image, L, empty, steps):
    order = tf.argsort(tf.reshape(L, -1), direction="DESCENDING")
    values = []
    for count in range(0, L.size + 1, L.size // steps):
        keep = tf.scatter_nd(order[:count, None], tf.ones(count), [L.size])
        values.append(f(tf.reshape(keep, L.shape) * image + (1 - tf.reshape(keep, L.shape)) * empty))
    return tf.stack(values)


DRAWS = np.random.default_rng(1)


def means_of(values, draws=2000, size=None, replace=True):
    return [DRAWS.choice(values, size=size or len(values), replace=replace).mean() for _ in range(draws)]


def between(means, low=2.5, high=97.5):
    return np.percentile(means, [low, high])


def by_indices(a, b):
    """Images are drawn; both scores of each are taken."""
    means = []
    for _ in range(1000):
        drawn = DRAWS.integers(0, len(a), len(a))
        means.append(a[drawn].mean() - b[drawn].mean())
    return between(means)


def by_sorting(a, b):
    """In tensors, and without percentiles: 50 of 2,000 means lie below the lower bound, 50 above the upper one."""
    drawn = tf.random.stateless_uniform((2000, len(a)), seed=(1, 2), maxval=len(a), dtype=tf.int32)
    means = tf.sort(tf.reduce_mean(tf.gather(tf.constant(a - b), drawn), axis=1))
    return means[50], means[-51]


def apart(a, b):
    return between(means_of(a)), between(means_of(b))


def written_over(a, b):
    a -= b
    return between(means_of(a))


RIGHT = {
    checks.check_rank_correlation: lambda a, b: np.corrcoef([[(m < v).sum() for v in m.flat] for m in (a, b)])[0, 1],
    checks.check_insertion: put_in,
}

ALSO_RIGHT = [
    (checks.check_repair, covered),
    (checks.check_repair, lay_ruler),
    (checks.check_repair, lambda images: covered(images, 0).tolist()),
    (checks.check_repair, lambda images: covered(images, images.mean(axis=(1, 2))[:, None, None])),
    (checks.check_repair, lambda images: covered(images, rows=slice(80, 100))),
    (checks.check_repair, lambda images: at_random(covered(images))),
    (checks.check_repair, lambda images: images[:, :80].repeat(2, axis=1)[:, :100]),
    (checks.check_insertion, put_in_by_tensors),
    (checks.check_randomization_test, forgotten),
    (checks.check_randomization_test, forgotten_for_a_while),
    (checks.check_randomization_test,
     lambda *case: forgotten(*case, draw=lambda old: DRAWS.permutation(old.ravel()).reshape(old.shape))),
    (checks.check_randomization_test, compared(lambda a, b: rank_correlation(a[None], b[None])[0])),
    (checks.check_randomization_test, compared(lambda a, b: np.float16(likeness(a, b)))),
    (checks.check_paired_interval, lambda a, b: bootstrap(a - b)[1:]),
    (checks.check_paired_interval, by_indices),
    (checks.check_paired_interval, by_sorting),
    (checks.check_paired_interval, lambda a, b: between(means_of(a - b)).tolist()),
    (checks.check_paired_interval, lambda a, b: tf.cast(between(means_of(a - b)), tf.bfloat16)),
    (checks.check_paired_interval, lambda a, b: between(means_of(a - b)).astype(np.float16)),
]

WRONG = [
    (checks.check_rank_correlation, lambda a, b: np.corrcoef(a.ravel(), b.ravel())[0, 1], "of the values"),
    (checks.check_rank_correlation, lambda a, b: np.corrcoef(a.ravel().argsort(), b.ravel().argsort())[0, 1], "order"),
    (checks.check_rank_correlation,
     lambda a, b: np.corrcoef(*[m.argsort(1).argsort(1).ravel() for m in (a, b)])[0, 1], "Flatten"),
    (checks.check_rank_correlation, lambda a, b: RIGHT[checks.check_rank_correlation](abs(a), abs(b)), "signs"),
    (checks.check_rank_correlation, lambda a, b: 0.5, "single value is wrong"),
    (checks.check_repair, lambda images: None, "Not attempted"),
    (checks.check_repair, lambda images: images, "as they were"),
    (checks.check_repair, lambda images: np.where(has_ruler(images), covered(images), images), "only the images"),
    (checks.check_repair, lambda images: np.where(has_ruler(images), covered(images, 0), images), "only the images"),
    (checks.check_repair, at_random, "no ruler still means"),
    (checks.check_repair, lambda images: covered(images, rows=slice(90, 96)), "Part of the ruler"),
    (checks.check_repair, lambda images: covered(images, rows=slice(4, 14)), "still see which"),
    (checks.check_repair, lambda images: images[:, ::-1], "still see which"),
    (checks.check_repair, lambda images: 0 * images, "hardly any steel"),
    (checks.check_repair, lambda images: images[:, :80], "enlarge the rest"),
    (checks.check_repair, lambda images: images[:10], "came out"),
    (checks.check_repair, lambda images: 255 * covered(images), "in [0, 1]"),
    (checks.check_repair, lambda images: images / 0, "in [0, 1]"),
    (checks.check_repair, lambda images: "text", "array of images"),
    (checks.check_repair, lambda images: images[:, :, :, 5], "IndexError"),
    (checks.check_repair, lambda images: images[:, :, :, 5], "beyond"),
    (checks.check_repair, lambda images: ..., "Not attempted"),
    (checks.check_repair, None, "Not attempted"),
    (checks.check_repair, np.ones(3), "Give the check your function itself"),
    (checks.check_repair, lambda images: covered_in_place(images), "changes its input in place and returns nothing"),
    (checks.check_repair, lambda images: [covered(images), None][1], "computes something but returns nothing"),
    (checks.check_repair, lambda images: covered_in_place(images) or images, "values are right, but"),
    (checks.check_insertion, lambda f, image, L, empty, steps: put_in(f, empty, L, image, steps), "deletion curve"),
    (checks.check_insertion, lambda *case: put_in(*case, lowest=True), "lowest pixels"),
    (checks.check_insertion, lambda f, image, L, empty, steps: put_in(f, empty, L, image, steps, lowest=True), "lowest pixels"),
    (checks.check_insertion, lambda f, image, L, empty, steps: put_in(f, image, L, empty, steps, missing=0 * image), "black"),
    (checks.check_insertion, put_in_one_portion, "one portion"),
    (checks.check_insertion, lambda f, image, L, empty, steps: [
        f(np.where(L >= L.max() - share * np.ptp(L), image, empty)) for share in np.linspace(0, 1, steps + 1)],
     "share of L's height"),
    (checks.check_insertion, lambda f, image, L, empty, steps: [
        f(np.where(L >= (1 - share) * L.max(), image, empty)) for share in np.linspace(0, 1, steps + 1)], "share of L's height"),
    (checks.check_insertion, lambda *case: put_in(*case, first=1), "first value is missing"),
    (checks.check_insertion, lambda *case: put_in(*case)[:-1], "last value is missing"),
    (checks.check_insertion, put_in_by_order, "argsort gives the order"),
    (checks.check_insertion, lambda *case: np.trapezoid(put_in(*case), np.linspace(0, 1, case[-1] + 1)), "area under"),
    (checks.check_insertion, lambda *case: np.mean(put_in(*case)), "area under"),
    (checks.check_insertion, lambda f, image, L, empty, steps: put_in(f, image, L, empty, 2 * steps), "should have shape"),
    (checks.check_randomization_test, None, "Not attempted"),
    (checks.check_randomization_test, lambda model, layers, explain: None, "Not attempted"),
    (checks.check_randomization_test, lambda model, layers, explain: [explain(model), None][1], "returns nothing"),
    (checks.check_randomization_test, 0.5, "Give the check your function itself"),
    (checks.check_randomization_test, lambda model, layers, explain: explain(layer), "NameError"),  # noqa: F821 (the slip itself)
    (checks.check_randomization_test, lambda model, layers, explain: explain(model.get_weights()), "AttributeError"),
    (checks.check_randomization_test, lambda model, layers, explain: 0.5, "never called"),
    (checks.check_randomization_test, forgotten_too_early, "they were random by then"),
    (checks.check_randomization_test, lambda model, layers, explain: likeness(explain(model), explain(model)),
     "Nothing had been made"),
    (checks.check_randomization_test, lambda *case: forgotten(*case, draw=lambda old: old), "Nothing had been made"),
    (checks.check_randomization_test, forgotten_for_good, "The model itself has other weights"),
    (checks.check_randomization_test, lambda *case: forgotten(*case, copy_first=False), "clone_model"),
    (checks.check_randomization_test, lambda model, layers, explain: forgotten(model, ["first", "second", "scores"], explain),
     "All layers of the copy"),
    (checks.check_randomization_test, lambda model, layers, explain: forgotten(model, ["scores"], explain),
     "still the trained ones"),
    (checks.check_randomization_test, lambda model, layers, explain: forgotten(model, ["second", *layers], explain),
     "were not named have changed, ['second']"),
    (checks.check_randomization_test, bias_only, "still the trained ones"),
    (checks.check_randomization_test, other_biases, "Biases of layers that were not named"),
    (checks.check_randomization_test, lambda *case: forgotten(*case, draw=np.zeros_like), "a dead one"),
    (checks.check_randomization_test, lambda *case: forgotten(*case, draw=lambda old: old + 0.1 * DRAWS.normal(size=old.shape)),
     "Noise added"),
    (checks.check_randomization_test, lambda *case: forgotten(*case, draw=lambda old: -old), "still like the trained"),
    (checks.check_randomization_test, lambda model, layers, explain: explain(keras.Sequential([keras.Input((1,)),
     keras.layers.Dense(1)])).sum() + explain(model).sum(), "other layers than the model"),
    (checks.check_randomization_test, compared(lambda a, b: likeness(a, a)), "with itself"),
    (checks.check_randomization_test, compared(lambda a, b: np.corrcoef(a.ravel(), b.ravel())[0, 1]), "of the values"),
    (checks.check_randomization_test, compared(lambda a, b: 1 - likeness(a, b)), "1 minus"),
    (checks.check_randomization_test, compared(lambda a, b: abs(a - b).mean()), "mean difference"),
    (checks.check_randomization_test, compared(lambda a, b: rank_correlation(a[None], b[None])), "yours has shape (1,)"),
    (checks.check_randomization_test, compared(lambda a, b: "high"), "Expected one number"),
    (checks.check_randomization_test, compared(lambda a, b: 7), "the number is not"),
    (checks.check_paired_interval, None, "Not attempted"),
    (checks.check_paired_interval, lambda a, b: None, "Not attempted"),
    (checks.check_paired_interval, lambda a, b: [means_of(a - b, 9), None][1], "returns nothing"),
    (checks.check_paired_interval, lambda a, b: "from -1 to 1", "Expected two numbers"),
    (checks.check_paired_interval, lambda a, b: between(means_of(a - c)), "NameError"),      # noqa: F821 (the slip itself)
    (checks.check_paired_interval, lambda a, b: between(np.subtract(means_of(a), means_of(b))), "resampled apart"),
    (checks.check_paired_interval, lambda a, b: np.subtract(*apart(a, b)), "bounds of two separate intervals are subtracted"),
    (checks.check_paired_interval, lambda a, b: (apart(a, b)[0][0] - apart(a, b)[1][1], apart(a, b)[0][1] - apart(a, b)[1][0]),
     "the widest"),
    (checks.check_paired_interval, apart, "Two intervals"),
    (checks.check_paired_interval, lambda a, b: np.ravel(apart(a, b)), "Two intervals"),
    (checks.check_paired_interval, lambda a, b: bootstrap(a - b), "two bounds alone"),
    (checks.check_paired_interval, lambda a, b: between(a - b), "single images lie apart"),
    (checks.check_paired_interval, lambda a, b: (np.mean(a - b) - 1.96 * np.std(a - b), np.mean(a - b) + 1.96 * np.std(a - b)),
     "1.96 standard deviations"),
    (checks.check_paired_interval, lambda a, b: np.mean(means_of(a - b)) + np.std(means_of(a - b)) * np.array([-1, 1]),
     "68 of 100"),
    (checks.check_paired_interval, lambda a, b: between(means_of(a - b), 5, 95), "90 of 100"),
    (checks.check_paired_interval, lambda a, b: between(means_of(abs(a - b))), "signs of the differences"),
    (checks.check_paired_interval, lambda a, b: between(means_of(b - a)), "interval of b - a"),
    (checks.check_paired_interval, lambda a, b: between(means_of(a)), "interval of a alone"),
    (checks.check_paired_interval, lambda a, b: between(means_of(a - b, size=len(a) // 2)), "too few images"),
    (checks.check_paired_interval, lambda a, b: between(means_of(a - b, replace=False)), "no width"),
    (checks.check_paired_interval, lambda a, b: between(means_of(a - b))[::-1], "swapped"),
    (checks.check_paired_interval, lambda a, b: (a - b).mean(), "two numbers"),
    (checks.check_paired_interval, lambda a, b: (-9, 9), "These are not the bounds"),
    (checks.check_paired_interval, lambda a, b: between(means_of(a - b, draws=10)), "2,000 times"),
    (checks.check_paired_interval, written_over, "values are right, but"),
]
