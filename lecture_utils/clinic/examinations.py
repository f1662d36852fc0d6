"""Ten examinations of a heat map's code. Each takes (explain, seed), where explain(model, images, c) gives maps (n, h, w).

Their oracles are no second Grad-CAM: differences of scores, networks whose right map is known, and what must not matter.
"""

import keras
import numpy as np

from ..evaluate import rank_correlation
from ..language import language, say, worded
from . import volunteers
from .findings import apart, test_named


def _random_images(seed, n, model):
    return np.random.default_rng([seed, 1]).random((n, *model.input_shape[1:]), dtype=np.float32)


def by_differences(model, image, step=1e-5):
    """The maps (classes, h, w) of one image by `volunteers.dense_head`, and its scores: no tape, float64, in NumPy.

    A channel raised everywhere by a step raises the score by the step times Σ_ij ∂y/∂A_ij = Z α.
    """
    *_, W1, b1, W2, b2 = [w.astype(float) for w in model.get_weights()]
    A = keras.Model(model.inputs[0], model.get_layer("features").output)(image[None]).numpy()[0].astype(float)
    score = lambda A: np.tanh(A.ravel() @ W1 + b1) @ W2 + b2
    nudges = step * np.eye(A.shape[-1])
    alpha = np.array([score(A + nudge) - score(A - nudge) for nudge in nudges]) / (2 * step * A[..., 0].size)   # (K, classes)
    return np.maximum(np.einsum("ijk,kc->cij", A, alpha), 0), score(A)


def _dense_patient(seed):
    """A network, an image and a class that is not the predicted one and has a map, which is given too."""
    model = volunteers.dense_head(seed)
    for number in range(20):
        images = _random_images([seed, number], 1, model)
        maps, y = by_differences(model, images[0])
        strength = np.where(np.arange(len(y)) == y.argmax(), 0, maps.max(axis=(1, 2)))
        if strength.max() > 0.02:
            return model, images, int(strength.argmax()), maps[strength.argmax()]
    raise RuntimeError(say("no class but the predicted one has a map, in twenty images of seed {seed}", seed=seed))


@test_named(worded("finite differences"), worded("the map differs from that by finite differences by a share of"),
            worded("below 0.001"))
def finite_differences(explain, seed):
    """The score's own differences, where one channel after the other is raised a little, give the map without a tape."""
    model, images, c, right = _dense_patient(seed)
    off = apart(explain(model, images, c), right[None])
    return off, off < 1e-3


@test_named(worded("rival bias"), worded("another class's bias raised, the map changes by a share of"), "0")
def rival_bias(explain, seed):
    """The score of class c does not contain the bias of another class: its map must not change with it."""
    model, images, c, _ = _dense_patient(seed)
    before = explain(model, images, c)
    weights, biases = model.layers[-1].get_weights()
    _, y = by_differences(model, images[0])
    biases[np.where(np.arange(len(y)) == c, np.inf, y).argmin()] += 20      # the least likely becomes the predicted one
    model.layers[-1].set_weights([weights, biases])
    off = apart(before, explain(model, images, c))
    return off, off < 1e-4


@test_named(worded("doubled head"), worded("scores doubled, the map differs from twice itself by a share of"), "0")
def doubled_head(explain, seed):
    """Twice the weights and biases of the last layer are twice the score, and so twice the map."""
    model, images, c, _ = _dense_patient(seed)
    before = explain(model, images, c)
    last = model.layers[-1]
    last.set_weights([2 * w for w in last.get_weights()])
    off = apart(2 * before, explain(model, images, c))
    return off, off < 1e-3


@test_named(worded("class asked"), worded("peaks on what was asked for: a share of"), worded("1 (by chance 0.04)"))
def class_asked(explain, seed):
    """A spot of each colour on one picture, a class for each colour: whichever is asked, its spot must be lit."""
    rng = np.random.default_rng(seed)
    model = volunteers.by_hand(1.5 * np.eye(3) - 0.5)
    images, spots = np.zeros((6, 10, 10, 3), np.float32), np.zeros((6, 3, 10, 10), bool)
    for n in range(6):
        for c, cell in enumerate(rng.permutation(25)[:3]):
            i, j = 2 * (cell // 5), 2 * (cell % 5)
            spots[n, c, i:i + 2, j:j + 2] = True
            images[n, ..., c] = spots[n, c] * rng.uniform(0.3, 1)
    hits = [spots[n, c].ravel()[np.ravel(map_).argmax()] for c in range(3) for n, map_ in enumerate(explain(model, images, c))]
    return np.mean(hits), np.mean(hits) == 1


@test_named(worded("for and against"), worded("where more speaks against, lies of the map a share of"), "0")
def for_and_against(explain, seed):
    """One channel speaks for the class, another, twice as strongly, against it: where both are, the map is empty."""
    rng = np.random.default_rng(seed)
    model = volunteers.by_hand([[1, -1], [-2, 2]])
    i, j, k, m = rng.integers(0, 5, 4)
    image = np.zeros((1, 10, 10, 2), np.float32)
    image[0, i:i + 6, j:j + 6, 0] = 1
    image[0, i + k:i + k + 2, j + m:j + m + 2, 1] = 1
    map_ = explain(model, image, 0)[0]
    share = map_[image[0, ..., 1] > 0].sum() / (map_.sum() or 1)
    return share, share < 1e-3 and map_.sum() > 0


@test_named(worded("two sides"), worded("of the maps of yes and no, lies at the right place the least a share of"), "1")
def two_sides(explain, seed):
    """One unit, two classes: what speaks against yes speaks for no."""
    rng = np.random.default_rng(seed)
    model = volunteers.by_hand([[1], [-1]])
    image = np.zeros((1, 10, 10, 2), np.float32)
    i, j = rng.integers(0, 7, 2)
    image[0, i:i + 4, :4, 0] = rng.uniform(0.3, 1)
    image[0, j:j + 4, 5:9, 1] = rng.uniform(0.3, 1)
    shares = []
    for c, channel in ((1, 0), (0, 1)):
        map_ = explain(model, image, c)[0]
        shares.append(map_[image[0, ..., channel] > 0].sum() / (map_.sum() or 1))
    return min(shares), min(shares) > 0.999


@test_named(worded("in company"), worded("beside other images, a map changes by a share of"), "0")
def in_company(explain, seed):
    """Four images are explained each alone, and then together: the others are none of its business."""
    model = volunteers.normalizing(seed)
    images = _random_images(seed, 4, model)
    images[1:] *= np.array([0.2, 2, 4])[:, None, None, None]
    together = explain(model, images, 0)
    alone = [explain(model, images[n:n + 1], 0)[0] for n in range(4)]
    off = max(apart(*pair) for pair in zip(together, alone, strict=True))
    return off, off < 1e-3


@test_named(worded("model afterwards"), worded("by being explained the model's weights change by up to"), "0")
def model_afterwards(explain, seed):
    """Who only looks changes nothing: the weights are the same, before and after."""
    model = volunteers.normalizing(seed)
    before = model.get_weights()
    explain(model, _random_images(seed, 4, model), 0)
    changed = max(np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True))
    return changed, changed == 0


@test_named(worded("wrapped"), worded("put into another model, the same network's map changes by a share of"), "0")
def wrapped(explain, seed):
    """One network, once flat, once as the backbone of a model that rescales the images for it: one function, one map."""
    flat, nested = volunteers.wrapped(seed)
    images = _random_images(seed, 2, flat)
    c = int(flat(images).numpy().sum(0).argmax())
    off = apart(explain(flat, images, c), explain(nested, images, c))
    return off, off < 1e-3


@test_named(worded("random head"), worded("with random last weights, the map keeps of its order"),
            worded("about 0, as another network's map"))
def random_head(explain, seed):
    """Rank correlation of the maps before and after the last layer's weights are drawn anew, the mean of twenty throws."""
    rng = np.random.default_rng([seed, 2])
    model = volunteers.averaging(seed)
    images, last = _random_images(seed, 4, model), model.layers[-1]
    before, kept = explain(model, images, 0), []
    for _ in range(20):
        last.set_weights([rng.normal(0, 0.4, w.shape) for w in last.get_weights()])
        kept.append(rank_correlation(explain(model, images, 0), before).mean())
    return np.mean(kept), np.mean(kept) < 0.8


EXAMINATIONS = {test.title: test for test in (finite_differences, rival_bias, doubled_head, class_asked, for_and_against,
                                              two_sides, in_company, model_afterwards, wrapped, random_head)}


def examine(explain, seed=0):
    """All ten findings about a heat map's code: dict of the examination's name → Finding."""
    return {name: test(explain, seed) for name, test in EXAMINATIONS.items()}


def table(rows) -> None:
    """Print which of the ten examinations several codes pass: a row for each, a column for each examination.

    rows: dict of a name → what `examine` returned.

    >>> from lecture_utils import clinic
    >>> clinic.table({"mine": clinic.examine(lambda model, images, c: 1 / 0)})
               1  2  3  4  5  6  7  8  9 10
    mine       ✗  ✗  ✗  ✗  ✗  ✗  ✗  ✗  ✗  ✗
    ...
    """
    wide = max(10, *map(len, rows))
    print(" " * wide + "".join(f"{number:3}" for number in range(1, len(EXAMINATIONS) + 1)))
    for name, findings in rows.items():
        print(f"{name:{wide}}" + "".join("  " + ("✓" if finding else "✗") for finding in findings.values()))
    titles = [f"{number} {say(title)}" for number, title in enumerate(EXAMINATIONS, start=1)]
    a_line = 5 if language() == "en" else 3         # elsewhere the English name, which is typed, stands beside the reader's own
    lines = [", ".join(titles[first:first + a_line]) for first in range(0, len(titles), a_line)]
    print("\n" + ",\n".join(lines))
