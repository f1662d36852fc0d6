"""Checks of notebook 8: what a map is worth."""

import numpy as np
from scipy.stats import rankdata

from ..datasets.planted import lay_ruler, ruler_place  # noqa: F401  (ruler_place: for the exercise of notebook 8)
from . import judging
from .inputs import height_and_width, signed
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
        "That is the correlation of the values. Take it of their ranks: first the smallest, last the "
        "largest.": correlation,
        "argsort gives the order: which value comes first, second, third. The rank of each value is the argsort of "
        "that.": lambda a, b: correlation(a.ravel().argsort(), b.ravel().argsort()),
        "The places are ranked within each row or column. Flatten the maps: all places are ranked together.":
            tuple(lambda a, b, axis=axis: correlation(rankdata(a, axis=axis), rankdata(b, axis=axis))
                  for axis in (0, 1)),
        "The signs are lost before the ranking; a negative value ranks below zero.":
            lambda a, b: correlation(ranks(np.abs(a)), ranks(np.abs(b))),
    })


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
        return judging.refused(f"Expected an array of images, got {type(answer).__name__}.")
    if repaired.shape != images.shape:
        return judging.refused(f"{images.shape} came in, {repaired.shape} came out. If you cut the corner off (a sound idea), "
                                        "enlarge the rest to the old size; the network expects it.")
    told = _fault_of_repair(images, repaired, had) or (changed and "The values are right, but your " + judging.IN_PLACE)
    return judging.refused(told) if told else judging.RIGHT


def _fault_of_repair(images, repaired, had):
    """What to tell if the first 300 images still tell which `had` the ruler, or all are alike; None of a sound repair."""
    if not np.isfinite(repaired).all() or repaired.min() < 0 or repaired.max() > 1:
        return "Images have finite values in [0, 1]; not all of yours are."
    if (np.abs(repaired[:300] - repaired[300]).mean(axis=0) > 0.01).mean() < 0.5:
        return "No ruler is left, and hardly any steel. Outside the ruler's corner, change as little as you can."
    changed = np.abs(repaired[:300] - images[:300]).max(axis=(1, 2, 3)) > 0.01
    with_, without = repaired[:300][had, ..., 0], repaired[:300][~had, ..., 0]
    by_chance = 5 * np.sqrt((with_.var(axis=0) + without.var(axis=0)) / 150)        # where rulers are laid at random
    telling = np.abs(with_.mean(axis=0) - without.mean(axis=0)) > 0.02 + by_chance
    if not telling.any():
        return None
    if not changed.any():
        return "The images came back as they were."
    if changed[had].all() and not changed[~had].any():
        return ("You changed only the images that had a ruler: now the patch gives them away, just as the ruler did. "
                "Treat every image alike.")
    if 0 < changed[~had].mean() < 1 and not changed[had].any():
        return ("Some of the images without a ruler got one, but all that had one still have it: no ruler still means "
                "another class. Cover first, then lay it at random.")
    whole = np.abs(lay_ruler(images[300:]) - images[300:])[0, ..., 0] > 0.02
    if telling.sum() < whole.sum():
        return "Part of the ruler can still be seen. Its rows and columns: ruler_place((100, 100))."
    return "One can still see which images had the ruler. Its rows and columns: ruler_place((100, 100))."
