"""Answers to the exercises of notebook 8."""

import numpy as np

from lecture_utils import checks
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


RIGHT = {
    checks.check_rank_correlation: lambda a, b: np.corrcoef([[(m < v).sum() for v in m.flat] for m in (a, b)])[0, 1],
}

ALSO_RIGHT = [
    (checks.check_repair, covered),
    (checks.check_repair, lay_ruler),
    (checks.check_repair, lambda images: covered(images, 0).tolist()),
    (checks.check_repair, lambda images: covered(images, images.mean(axis=(1, 2))[:, None, None])),
    (checks.check_repair, lambda images: covered(images, rows=slice(80, 100))),
    (checks.check_repair, lambda images: at_random(covered(images))),
    (checks.check_repair, lambda images: images[:, :80].repeat(2, axis=1)[:, :100]),
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
]
