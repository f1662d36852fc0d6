"""Checks of notebook 7: boxes and the scores of maps."""

import numpy as np

from . import judging
from .inputs import height_and_width, signed
from .judging import Verdict


def check_iou(function) -> Verdict:
    """Exercise: iou(a, b) of two boxes x0, y0, x1, y1 with exclusive upper bounds: |a ∩ b| / |a ∪ b|.

    >>> checks.check_iou(lambda a, b: 1)
    ✗ The single value is wrong for ... inputs. ...
    """
    # b overlaps a, lies apart in both directions (twice), on it, apart in one direction, overlaps again
    shifts = iter([(3, 2), (9, 9), (-9, 9), (0, 0), (2, -9), (-2, 1)])

    def inputs(rng):
        corner, sides = rng.integers(20, 40, size=2), rng.integers(5, 9, size=2)
        a = np.array([*corner, *(corner + sides)])
        return a, a + np.tile(next(shifts), 2) + np.array([0, 0, *rng.integers(-1, 2, size=2)])

    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])
    sides = lambda a, b: np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    both = lambda a, b: np.maximum(sides(a, b), 0).prod()
    union = lambda a, b: area(a) + area(b) - both(a, b)
    grown = lambda box: box + [0, 0, 1, 1]
    return judging.check_function(function, inputs, lambda a, b: both(a, b) / union(a, b), {
        "Boxes that do not meet come out wrong: two negative sides multiply to a positive area. Cut each side off at 0 "
        "first.": (lambda a, b: sides(a, b).prod() / (area(a) + area(b) - sides(a, b).prod()),
                   lambda a, b: np.maximum(sides(a, b).prod(), 0) / (area(a) + area(b) - np.maximum(sides(a, b).prod(), 0))),
        "|a| + |b| counts the intersection twice: the union is |a| + |b| - |a ∩ b|.":
            lambda a, b: both(a, b) / (area(a) + area(b)),
        "That is the Dice coefficient, 2 |a ∩ b| / (|a| + |b|), a relative of IoU that is never smaller.":
            lambda a, b: 2 * both(a, b) / (area(a) + area(b)),
        "That is the share of one box that the other covers. A box around everything would get full marks; divide by the "
        "union.": (lambda a, b: both(a, b) / area(a), lambda a, b: both(a, b) / area(b)),
        "That divides by the box around both. The union is only what the two boxes cover.":
            lambda a, b: both(a, b) / np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2])),
        "That is the intersection in pixels; divide it by the union.": both,
        "The upper bounds are exclusive here: a side is x1 - x0, without + 1.":
            lambda a, b: both(grown(a), grown(b)) / union(grown(a), grown(b)),
    }, trials=6)


def check_pointing_game(function) -> Verdict:
    """Exercise: hit(L (h, w) signed, mask bool (h, w)): does the map's maximum lie in the mask? Even maps: False.

    >>> checks.check_pointing_game(lambda L, mask: (L[mask] > 0).any())
    ✗ That asks whether there is any evidence in the mask. ...
    """
    def inputs(rng):
        L = signed(rng, *height_and_width(rng))
        mask = rng.random(L.shape) < 0.4
        level, below = next(even, None), next(lowered)
        if level is None:
            return L - below * (L.max() + np.float32(0.1)), mask
        mask[0, 0] = True                                                   # where argmax finds the maximum of an even map
        return np.full_like(L, level), mask

    even = iter([0.0, 1.0, -1.0])
    lowered = iter([False, False, False, True] * 10)                        # every fourth map is negative everywhere
    at = lambda L: np.unravel_index(L.argmax(), L.shape)
    points = lambda L: L.max() > L.min()
    positive = lambda L: np.maximum(L, 0)
    return judging.check_function(function, inputs, lambda L, mask: points(L) and mask[at(L)], {
        "An even map points nowhere, yet argmax then gives the first pixel, and hits if that is in the mask. Such a map "
        "is no hit.": (lambda L, mask: mask[at(L)], lambda L, mask: L.max() > 0 and mask[at(L)],
                       lambda L, mask: L.any() and mask[at(L)], lambda L, mask: L[mask].max() == L.max()),
        "A map may be negative everywhere: it still has a maximum, and points there.":
            (lambda L, mask: L.max() > 0 and points(L) and mask[at(L)], lambda L, mask: mask[at(positive(L))],
             lambda L, mask: points(positive(L)) and mask[at(positive(L))]),
        "Rows and columns are swapped: unravel_index gives (row, column), which is (y, x).":
            (lambda L, mask: points(L) and mask[at(L)[::-1]], lambda L, mask: mask[at(L)[::-1]],
             lambda L, mask: points(L) and mask.T[at(L)], lambda L, mask: mask.T[at(L)]),
        "The largest absolute value may be the strongest evidence against the class. Take the maximum.":
            (lambda L, mask: points(L) and mask[at(np.abs(L))], lambda L, mask: mask[at(np.abs(L))]),
        "That asks whether there is any evidence in the mask. The pointing game asks only where the maximum lies.":
            (lambda L, mask: (L[mask] > 0).any(), lambda L, mask: points(L) and (L[mask] > 0).any()),
        "That is the share of the evidence in the mask (energy inside). The pointing game is hit or miss.":
            lambda L, mask: positive(L)[mask].sum() / max(positive(L).sum(), 1e-12),
        "That compares means. The pointing game looks at one place, the maximum.":
            lambda L, mask: L[mask].mean() > L[~mask].mean(),
    }, trials=40)
