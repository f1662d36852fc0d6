"""Checks of notebook 8: what a map is worth."""

import zlib

import keras
import numpy as np
from scipy.stats import rankdata, spearmanr

from ..datasets.planted import lay_ruler
from ..language import say, worded
from . import judging
from .inputs import features, height_and_width, signed
from .judging import Verdict


def check_rank_correlation(function) -> Verdict:
    """Exercise: rank_correlation(a (h, w), b (h, w)) = the correlation of their ranks (Spearman's).

    >>> checks.check_rank_correlation(lambda a, b: np.corrcoef(a.ravel(), b.ravel())[0, 1])
    ✗ That is the correlation of the values. ...
    """
    def inputs(rng):
        a = signed(rng, *height_and_width(rng))
        return a, np.exp(2 * a + signed(rng, *a.shape)) - 2

    correlation = lambda a, b: np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]
    ranks = lambda a: rankdata(a).reshape(a.shape)
    return judging.check_function(function, inputs, lambda a, b: correlation(ranks(a), ranks(b)), {
        say("That is the correlation of the values. Take it of their ranks: first the smallest, last the largest."): correlation,
        say("argsort gives the order: which value comes first, second, third. The rank of each value is the argsort of that."):
            lambda a, b: correlation(a.ravel().argsort(), b.ravel().argsort()),
        say("The places are ranked within each row or column. Flatten the maps: all places are ranked together."):
            tuple(lambda a, b, axis=axis: correlation(rankdata(a, axis=axis), rankdata(b, axis=axis))
                  for axis in (0, 1)),
        say("The signs are lost before the ranking; a negative value ranks below zero."):
            lambda a, b: correlation(ranks(np.abs(a)), ranks(np.abs(b))),
    })


# ---- the randomisation test

def check_randomization_test(function) -> Verdict:
    """Exercise: randomization_test(model, layers, explain) = rank correlation of explain(model) with explain(copy).

    copy: the model, but for the layers named, whose weights are random. model: small networks, to be left as they are;
    explain: a function of a model that gives a map (h, w), and here notes which weights it was asked about.

    >>> checks.check_randomization_test(lambda model, layers, explain: 0.5)
    ✗ `explain` was never called: the test compares the map of the model with the map of its copy.
    """
    rng = np.random.default_rng(0)
    cases = [(_chain(rng), layers, _Explanation(rng)) for layers in (["scores"], ["scores", "second"], ["first"])]
    before = [_weights(model) for model, *_ in cases]
    answers = [judging.outcome_of(function, case)[0] for case in cases]
    nothing = judging.without_answer(function, answers, changed=False)
    if nothing is not None:
        return nothing
    if stop := judging.stopped(function, answers, [()] * len(cases)):
        return judging.refused(stop)
    for answer, case, weights in zip(answers, cases, before, strict=True):
        told = _fault_of_randomizing(answer, *case, weights)
        if told:
            return judging.refused(told)
    return judging.passed()


def _chain(rng):
    """A small untrained network: layers "first" and "second", of convolutions, and "scores"."""
    layers = keras.layers
    x = images = keras.Input((*height_and_width(rng, 6, 9), 1))
    for name in ("first", "second"):
        x = layers.Conv2D(int(rng.integers(8, 12)), 4 if name == "first" else 3, activation="relu", name=name)(x)
    return keras.Model(images, layers.Dense(int(rng.integers(8, 12)), name="scores")(layers.GlobalAveragePooling2D()(x)))


def _weights(model):
    """Name of each layer with weights → the list of its arrays, kernel first."""
    return {layer.name: layer.get_weights() for layer in model.layers if layer.get_weights()}


class _Explanation:
    """A map (h, w) that depends on all weights of a model, and partly on none; notes what it was asked about."""

    def __init__(self, rng):
        self.same, self.asked = signed(rng, *height_and_width(rng)), []

    def __call__(self, model):
        weights = _weights(model)
        seed = zlib.crc32(b"".join(array.tobytes() for arrays in weights.values() for array in arrays))
        map_ = np.exp(self.same + signed(np.random.default_rng(seed), *self.same.shape))
        self.asked.append((weights, map_))
        return map_.copy()


def _fault_of_randomizing(answer, model, layers, explain, before):
    """What to tell of one case, whose weights were `before`; None where all is right."""
    is_trained = [_equal(weights, before) for weights, _ in explain.asked]
    if not explain.asked:
        return say("`explain` was never called: the test compares the map of the model with the map of its copy.")
    if not any(is_trained):
        return say("`explain` was never asked about the trained weights: they were random by then. Work on a copy of the model, "
                   "and leave the model itself as it is.")
    if all(is_trained):
        return say("Nothing had been made random when `explain` was asked: set the new weights into the copy, and explain that.")
    if not _equal(_weights(model), before):
        return say("The model itself has other weights now, and whoever uses it next does not know. Work on a copy.")
    new, random_map = explain.asked[np.flatnonzero(np.logical_not(is_trained))[-1]]
    told = _fault_of_new_weights(new, before, layers)
    if told:
        return told + " " + say("(The layers to be random were {layers}.)", layers=layers)
    return _fault_of_likeness(answer, explain.asked[is_trained.index(True)][1], random_map)


def _equal(weights, others):
    return weights.keys() == others.keys() and all(map(np.array_equal, sum(weights.values(), []), sum(others.values(), [])))


def _fault_of_new_weights(new, before, layers):
    """What to tell if other layers than `layers` changed, or these not wholly; None of sound new weights."""
    if new.keys() != before.keys():
        return say("The copy has other layers than the model.")
    changed = [name for name in before if not np.array_equal(new[name][0], before[name][0])]
    kernels = {name: (new[name][0], before[name][0]) for name in layers}
    if changed == list(before):
        return say("All layers of the copy are random, and not only those named. `keras.models.clone_model` copies the layers "
                   "with new weights: set the model's weights first.")
    if too_many := set(changed) - set(layers):
        return say("Layers that were not named have changed, {layers}.", layers=sorted(too_many))
    if left := set(layers) - set(changed):
        return say("The kernels of {layers} are still the trained ones.", layers=sorted(left))
    if any(np.ptp(kernel) == 0 for kernel, _ in kernels.values()):
        return say("The new weights are all equal. That is no random layer but a dead one: draw each weight.")
    if any(abs(np.corrcoef(kernel.ravel(), old.ravel())[0, 1]) > 0.5 for kernel, old in kernels.values()):
        return say("The new weights are still like the trained ones. Noise added to them leaves what was learned: draw them "
                   "anew.")
    others = before.keys() - set(layers)
    if not _equal({name: new[name] for name in others}, {name: before[name] for name in others}):
        return say("Biases of layers that were not named have changed.")
    return None


def _fault_of_likeness(answer, trained, random_map):
    """What to tell of an answer that is not the rank correlation of the two maps; None if it is."""
    number = judging.as_numbers(answer)
    if number is None:
        return say("Expected one number, the rank correlation, got {kind}.", kind=type(answer).__name__)
    if number.shape:
        return say("The result should be a single value; yours has shape {shape}.", shape=number.shape)
    rank, plain = (of(trained.ravel(), random_map.ravel())[0] for of in (spearmanr, lambda a, b: np.corrcoef(a, b)[1]))
    near = lambda value: np.isclose(number, value, atol=5e-3)
    if near(rank):
        return None
    told = {
        1.0: say("1 is the correlation of a map with itself. Compare the model's map with that of its copy."),
        plain: say("That is the correlation of the values. Take it of their ranks."),
        1 - rank: say("That is 1 minus the rank correlation. Asked is how much stays: the correlation itself."),
        np.abs(trained - random_map).mean(): say("That is the mean difference of the two maps, which depends on their scale. "
                                                 "Compare the order of their places: the rank correlation."),
    }
    not_it = say("The new weights are right, the number is not: it should be the rank correlation of the two maps.")
    return next((sentence for value, sentence in told.items() if near(value)), not_it)


# ---- deletion and insertion

def check_insertion(function) -> Verdict:
    """Exercise: insertion_curve(f, image (h, w), L (h, w), empty (h, w), steps), (steps + 1,): f while pixels are put in.

    f: a function of an image (h, w) that gives a number, as a network's confidence; empty: what stands in the place of
    missing pixels. The pixels are put in where L is highest first, in equal portions.

    >>> checks.check_insertion(lambda f, image, L, empty, steps: f(image))
    ✗ For inputs of shape ... the result should have shape ...; yours has shape ().
    """
    def inputs(rng):
        *shape, steps = next(sizes)
        weight = signed(rng, *shape)
        f = lambda image: float(1 / (1 + np.exp(-(weight * np.asarray(image)).sum())))
        return f, features(rng, *shape), signed(rng, *shape), features(rng, *shape) / 2, steps

    def curve(f, image, L, empty, steps, shares=None, order=None):
        """f of the image where `order` is below each share of the pixels, of `empty` elsewhere."""
        order = np.argsort(np.argsort(-L, axis=None)).reshape(L.shape) if order is None else order
        shares = np.arange(steps + 1) / steps if shares is None else shares
        return np.array([f(np.where(order < round(share * L.size), image, empty)) for share in shares])

    def portions(f, image, L, empty, steps):
        order = np.argsort(np.argsort(-L, axis=None)).reshape(L.shape)
        counts = np.arange(steps + 1) * L.size // steps
        return np.array([f(empty)] + [f(np.where((low <= order) & (order < high), image, empty))
                                      for low, high in zip(counts[:-1], counts[1:], strict=True)])

    def by_height(f, image, L, empty, steps, levels=lambda L, share: L.max() - share * np.ptp(L)):
        return np.array([f(np.where(L >= levels(L, share), image, empty)) for share in np.arange(steps + 1) / steps])

    sizes = iter([(4, 5, 4), (6, 4, 8), (4, 10, 2), (5, 8, 8)])         # all portions are whole, all shares exact
    deletion = lambda f, image, L, empty, steps: curve(f, empty, L, image, steps)
    return judging.check_function(function, inputs, curve, {
        say("That is the deletion curve: it begins with the whole image. Insertion begins with `empty` and puts pixels in."):
            deletion,
        say("The lowest pixels come first. Begin with those where L is highest."): (
            lambda f, image, L, empty, steps: curve(f, image, -L, empty, steps),
            lambda f, image, L, empty, steps: curve(f, empty, -L, image, steps)),
        say("Missing pixels are black. What stands in their place is `empty`."):
            lambda f, image, L, empty, steps: curve(f, image, L, np.zeros_like(empty), steps),
        say("Only one portion is in the image at a time: what has been put in stays in."): portions,
        say("A share of the pixels is not a share of L's height. Rank the pixels, and count them."): (
            by_height, lambda *case: by_height(*case, levels=lambda L, share: (1 - share) * L.max())),
        say("The first value is missing, that of `empty` alone: `steps` portions give steps + 1 values."): (
            lambda *case: curve(*case)[1:], lambda *case: deletion(*case)[1:]),
        say("The last value is missing, that of the whole image: `steps` portions give steps + 1 values."): (
            lambda *case: curve(*case)[:-1], lambda *case: deletion(*case)[:-1]),
        say("argsort gives the order: which pixel comes first, second, third. The rank of each pixel is the argsort of that."):
            lambda f, image, L, empty, steps: curve(f, image, L, empty, steps,
                                                    order=np.argsort(-L, axis=None).reshape(L.shape)),
        say("That is the area under the curve. Asked is the curve."): (
            lambda *case: np.trapezoid(curve(*case), dx=1 / case[-1]), lambda *case: curve(*case).mean()),
    })


# ---- the paired interval

RESAMPLES = 4000        # of the check's own; by chance alone a bound of as many moves by 0.04 standard errors
NEAR = 0.15             # standard errors, the mean over the bounds: a thousand draws move them by 0.07, one in ten misses by 0.3


def check_paired_interval(function) -> Verdict:
    """Exercise: paired_interval(a (n,), b (n,)) = (low, high) of the mean of a - b: the middle 95 % of bootstrap means.

    a, b: scores of two methods on the same n images. The answer is drawn by chance, so it need only be near.

    >>> checks.check_paired_interval(lambda a, b: np.percentile(a - b, [2.5, 97.5]))
    ✗ That is how far the single images lie apart. ...
    """
    rng = np.random.default_rng(0)
    cases = [_scores_of_two(rng, n) for n in (14, 40, 25, 60)]
    answers, changes = zip(*[judging.outcome_of(function, case) for case in cases], strict=True)
    nothing = judging.without_answer(function, answers, any(changes))
    if nothing is not None:
        return nothing
    if stop := judging.stopped(function, answers, cases):
        return judging.refused(stop)
    numbers = [judging.as_numbers(answer) for answer in answers]
    if any(number is None for number in numbers):
        return judging.refused(say("Expected two numbers, low and high, got {kind}.", kind=type(answers[0]).__name__))
    told = _fault_of_interval(numbers, cases, rng)
    told = told or (any(changes) and say(judging.RIGHT_BUT_OVERWRITES))
    return judging.refused(told) if told else judging.passed()


def _scores_of_two(rng, n):
    """Scores (n,) of two methods that find the same images hard; the first is better by a little, or worse."""
    hard, better = signed(rng, n), float(rng.choice([-1, 1])) * rng.uniform(0.2, 0.4)
    return hard + better + 0.5 * signed(rng, n), hard + 0.5 * signed(rng, n)


def _fault_of_interval(numbers, cases, rng):
    """What to tell of intervals that are not those of the mean difference; None of those that are."""
    if all(number.shape == (2,) for number in numbers):
        if max(map(np.ptp, numbers)) < 1e-6:
            return say("The interval has no width: without repetition each draw holds the same images. Draw n of n images with "
                       "replacement.")
        off = {sentence: np.mean([np.abs(number - interval(rng, a, b)) / ((a - b).std() / np.sqrt(len(a)))
                                  for number, (a, b) in zip(numbers, cases, strict=True)])
               for sentence, interval in (_PAIRED | _APART).items()}
        nearest = min(off, key=off.get)
        if off[nearest] < (2 * NEAR if nearest in _APART else NEAR):
            return nearest and say(nearest)
        if all(low > high for low, high in numbers):
            return say("The two bounds are swapped: first low, then high.")
        return say("These are not the bounds. Draw whole images, n of n with replacement, and note the mean of a - b; do so "
                   "2,000 times; leave out 2.5 % of the means at either end.")
    shape = next(number.shape for number in numbers if number.shape != (2,))
    if shape in ((2, 2), (4,)):
        return say("Two intervals, one for each method, hold what both have in common: hard images and easy ones. Subtract "
                   "image by image, then take one interval of the difference.")
    if shape == (3,):
        return say("Return the two bounds alone, low and high.")
    return say("The result should be two numbers, low and high; yours has shape {shape}.", shape=shape)


def _means(rng, values):
    """Means of as many of the values, drawn with replacement, (RESAMPLES,)."""
    return values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(axis=1)


def _middle(means, percent=95):
    return np.percentile(means, [50 - percent / 2, 50 + percent / 2])


def _beside(rng, a, b):
    """The bounds of two separate intervals, of a and of b."""
    return _middle(_means(rng, a)), _middle(_means(rng, b))


_PAIRED = {     # what to tell → the bounds that somebody meant
    None: lambda rng, a, b: _middle(_means(rng, a - b)),
    worded("That is how far the single images lie apart. Asked is how far their mean might: resample the images, and take the "
           "mean of each draw."): lambda rng, a, b: _middle(a - b),
    worded("That is the mean and 1.96 standard deviations of the single images. Asked is the interval of the mean: resample."):
        lambda rng, a, b: (a - b).mean() + np.array([-1.96, 1.96]) * (a - b).std(),
    worded("One standard deviation to either side holds 68 of 100 means. Take the percentiles 2.5 and 97.5, which hold 95."):
        lambda rng, a, b: (a - b).mean() + np.array([-1, 1]) * (a - b).std() / np.sqrt(len(a)),
    worded("The percentiles 5 and 95 hold 90 of 100 means. For 95 of 100, leave out 2.5 % at either end."):
        lambda rng, a, b: _middle(_means(rng, a - b), 90),
    worded("The signs of the differences are lost, so a method that is worse on half of the images looks better. Take a - b as "
           "it is."):
        lambda rng, a, b: _middle(_means(rng, np.abs(a - b))),
    worded("That is the interval of b - a. The first method's gain is a - b."): lambda rng, a, b: _middle(_means(rng, b - a)),
    worded("The means are those of too few images: each draw has as many as there are, n."):
        lambda rng, a, b: _middle((a - b)[rng.integers(len(a), size=(RESAMPLES, len(a) // 2))].mean(axis=1)),
}
_APART = {      # the same of those in which each method varies for itself: wider, and drawn anew they move by more
    worded("The two methods are resampled apart, so that each draw compares other images. Draw images, and take both scores of "
           "each."):
        lambda rng, a, b: _middle(_means(rng, a) - _means(rng, b)),
    worded("The bounds of two separate intervals are subtracted. Hard images are hard for both: subtract image by image first."):
        lambda rng, a, b: np.subtract(*_beside(rng, a, b)),
    worded("That is the widest that two separate intervals allow. Hard images are hard for both: subtract image by image first."):
        lambda rng, a, b: (lambda of_a, of_b: of_a - of_b[::-1])(*_beside(rng, a, b)),
    worded("That is the interval of a alone: subtract b, image by image."): lambda rng, a, b: _middle(_means(rng, a)),
}


# ---- the repair

def check_repair(function) -> Verdict:
    """Exercise: repair(images (n, 100, 100, 1)): the same images, but a ruler no longer tells anything.

    Accepted is whatever leaves most of the steel and makes images that had a ruler look, on average, like images that
    had none: covering its place, laying one in every image, or covering and then laying one in a random half.

    >>> checks.check_repair(lambda images: images)
    ✗ The images came back as they were.
    """
    rng = np.random.default_rng(0)
    had = np.arange(300) % 2 == 0
    rng.shuffle(had)
    steel = 0.4 + 0.2 * rng.random((2, 100, 100, 1)).astype(np.float32)     # two strips, one photographed 300 times:
    images = np.concatenate([np.repeat(steel[:1], 300, axis=0), steel[1:]])     # only the ruler can tell those apart
    images[:300][had] = lay_ruler(images[:300][had])
    answer, changed = judging.outcome_of(function, (images,))
    nothing = judging.without_answer(function, [answer], changed)
    if nothing is not None:
        return nothing
    repaired = judging.as_numbers(answer)
    if isinstance(repaired, Exception):
        return judging.refused(judging.stopped(function, [answer], [(images,)]))
    if repaired is None:
        return judging.refused(say("Expected an array of images, got {kind}.", kind=type(answer).__name__))
    if repaired.shape != images.shape:
        return judging.refused(say("{given} came in, {returned} came out. If you cut the corner off (a sound idea), enlarge the "
                                   "rest to the old size; the network expects it.",
                                   given=images.shape, returned=repaired.shape))
    told = _fault_of_repair(images, repaired, had) or (changed and say(judging.RIGHT_BUT_OVERWRITES))
    return judging.refused(told) if told else judging.passed()


def _fault_of_repair(images, repaired, had):
    """What to tell if the first 300 images still tell which `had` the ruler, or all are alike; None of a sound repair."""
    if not np.isfinite(repaired).all() or repaired.min() < 0 or repaired.max() > 1:
        return say("Images have finite values in [0, 1]; not all of yours are.")
    if (np.abs(repaired[:300] - repaired[300]).mean(axis=0) > 0.01).mean() < 0.5:
        return say("No ruler is left, and hardly any steel. Outside the ruler's corner, change as little as you can.")
    changed = np.abs(repaired[:300] - images[:300]).max(axis=(1, 2, 3)) > 0.01
    with_, without = repaired[:300][had, ..., 0], repaired[:300][~had, ..., 0]
    by_chance = 5 * np.sqrt((with_.var(axis=0) + without.var(axis=0)) / 150)        # where rulers are laid at random
    telling = np.abs(with_.mean(axis=0) - without.mean(axis=0)) > 0.02 + by_chance
    if not telling.any():
        return None
    if not changed.any():
        return say("The images came back as they were.")
    if changed[had].all() and not changed[~had].any():
        return say("You changed only the images that had a ruler: now the patch gives them away, just as the ruler did. Treat "
                   "every image alike.")
    if 0 < changed[~had].mean() < 1 and not changed[had].any():
        return say("Some of the images without a ruler got one, but all that had one still have it: no ruler still means "
                   "another class. Cover first, then lay it at random.")
    whole = np.abs(lay_ruler(images[300:]) - images[300:])[0, ..., 0] > 0.02
    if telling.sum() < whole.sum():
        return say("Part of the ruler can still be seen. Its rows and columns: ruler_place((100, 100)).")
    return say("One can still see which images had the ruler. Its rows and columns: ruler_place((100, 100)).")
