"""Self-checks for the exercises: any right answer passes, each known wrong one is told what it mistook.

A check tries the student's function on random inputs beside a right answer and beside the usual
misconceptions. It returns a `Verdict`; as the last line of a cell, that prints itself.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate2d
from scipy.stats import rankdata

from .cam import upsample
from .planted import lay_ruler, ruler_place  # noqa: F401  (ruler_place: for the exercise of notebook 8)


@dataclass(frozen=True)
class Verdict:
    """What a check found: `bool(verdict)` is True only for a right answer."""

    right: bool
    message: str

    def __bool__(self):
        return self.right

    def __repr__(self):
        return self.message


NOT_YET = Verdict(False, "· Not attempted yet: replace the stub with your own code, then run the cell again.")
RIGHT = Verdict(True, "✓ Right.")


def check_function(function, make_inputs, right, misconceptions, trials=4):
    """Hold `function` against `right` on random inputs, and against each misconception.

    Args:
        function: the student's; may return None (not attempted), a number, list, array or tensor.
        make_inputs: rng → tuple of arguments.
        right: the reference, called with the same arguments.
        misconceptions: dict of what to tell → the wrong function that a student meant, or a tuple of them.
        trials: how many random inputs all have to agree.

    Returns:
        `Verdict`; a misconception is named only where the answer equals it on every trial.
    """
    rng = np.random.default_rng(0)
    cases = [make_inputs(rng) for _ in range(trials)]
    answers = []
    for case in cases:
        try:
            answer = function(*[np.copy(argument) if isinstance(argument, np.ndarray) else argument for argument in case])
        except Exception as error:  # whatever the student's code raises is the answer to report
            return Verdict(False, f"✗ Your function stopped with {type(error).__name__}: {error}")
        if answer is None:
            return NOT_YET
        answers.append(answer)
    try:
        answers = [np.asarray(answer, dtype=np.float64) for answer in answers]
    except (TypeError, ValueError):
        return Verdict(False, f"✗ Expected numbers or an array of numbers, got {type(answers[0]).__name__}.")
    expected = [np.asarray(right(*case), dtype=np.float64) for case in cases]
    if _agree(answers, expected):
        return RIGHT
    for told, wrongs in misconceptions.items():
        for wrong in wrongs if isinstance(wrongs, tuple) else (wrongs,):
            with np.errstate(all="ignore"):
                if _agree(answers, [np.asarray(wrong(*case), dtype=np.float64) for case in cases]):
                    return Verdict(False, "✗ " + told)
    if answers[0].shape != expected[0].shape:
        return Verdict(False, f"✗ The result should have shape {expected[0].shape} here, yours has {answers[0].shape}.")
    return Verdict(False, "✗ The shape is right, the values are not. Try an input small enough to do by hand.")


def check_number(answer, right, misconceptions, tolerance=1e-3):
    """Hold one number against `right`; `misconceptions` maps wrong numbers to what to tell."""
    if answer is None or answer is ...:
        return NOT_YET
    try:
        answer = float(answer)
    except (TypeError, ValueError):
        return Verdict(False, f"✗ Expected one number, got {type(answer).__name__}.")
    close = lambda value: abs(answer - value) <= tolerance * max(1.0, abs(value))
    if close(right):
        return RIGHT
    for wrong, told in misconceptions.items():
        if close(wrong):
            return Verdict(False, "✗ " + told)
    return Verdict(False, f"✗ {answer:g} is not it. Write the formula down first, then put the numbers in.")


def _agree(answers, expected):
    return all(a.shape == e.shape and np.allclose(a, e, rtol=1e-4, atol=1e-6, equal_nan=True)
               for a, e in zip(answers, expected))


# ---- 1 · CNN basics ---------------------------------------------------------------------------

def check_convolve(function):
    """Exercise: convolve(image (h, w), kernel (k, k)) as a CNN does it, without padding."""
    def inputs(rng):
        return rng.normal(size=(rng.integers(5, 9), rng.integers(5, 9))), rng.normal(size=(3, 3))

    return check_function(function, inputs, lambda x, k: correlate2d(x, k, "valid"), {
        "That is the mathematician's convolution: the kernel is flipped. A CNN layer slides it unflipped "
        "(cross-correlation).": lambda x, k: correlate2d(x, k[::-1, ::-1], "valid"),
        "That is padded with zeros (\"same\"): without padding the kernel must lie wholly inside the image, "
        "so the result is smaller.": lambda x, k: correlate2d(x, k, "same"),
        "The products are right but not yet added up: each position gives one number, a sum over the "
        "kernel.": lambda x, k: np.lib.stride_tricks.sliding_window_view(x, k.shape) * k,
        "That is the mean of the products; a convolution adds them.": lambda x, k: correlate2d(x, k, "valid") / k.size,
    })


def check_parameters(answer):
    """Exercise: how many parameters has a layer of 64 kernels of 3×3 on 32 channels?"""
    return check_number(answer, 64 * (3 * 3 * 32 + 1), {
        64 * 3 * 3 * 32: "The weights are counted; each kernel also has one bias.",
        64 * (3 * 3 + 1): "Each kernel looks at all 32 input channels at once: it is 3×3×32, not 3×3.",
        64 * 3 * 3: "Each kernel is 3×3×32, since it looks at all input channels, and it has a bias.",
        3 * 3 * 32 + 1: "That is one kernel; the layer has 64 of them.",
    }, tolerance=0)


# ---- 2 · CAM ----------------------------------------------------------------------------------

def check_cam(function):
    """Exercise: cam(A (h, w, K), w (K, classes), c) = Σ_k w_k^c A^k, (h, w)."""
    def inputs(rng):
        K = int(rng.integers(4, 7))
        return rng.random((int(rng.integers(3, 6)), 7, K)), rng.normal(size=(K, 9)), int(rng.integers(9))

    return check_function(function, inputs, lambda A, w, c: np.einsum("hwk,k->hw", A, w[:, c]), {
        "That is the plain sum or mean of the feature maps. CAM weighs each by w_k^c: without the weights the "
        "map is the same for every class.": (lambda A, w, c: A.sum(-1), lambda A, w, c: A.mean(-1)),
        "Negative values are cut off. That is Grad-CAM's ReLU; CAM keeps the evidence against the class "
        "too.": lambda A, w, c: np.maximum(np.einsum("hwk,k->hw", A, w[:, c]), 0),
        "That is the mean over k; CAM is the sum, so that its mean over the map plus the bias is the class "
        "score.": lambda A, w, c: np.einsum("hwk,k->hw", A, w[:, c]) / A.shape[-1],
        "Those are all classes at once: take the column of class c.": lambda A, w, c: A @ w,
        "Those are the weighted maps, not yet added up over k.": lambda A, w, c: A * w[:, c],
    })


def check_class_score(function):
    """Exercise: score(M (h, w), b) of a GAP network = mean of its CAM + bias."""
    return check_function(function, lambda rng: (rng.normal(size=(5, 6)) + 1, float(rng.normal())),
                          lambda M, b: M.mean() + b, {
        "That is the sum of the map. GAP takes the mean: F^k = (1/Z) Σ_ij A^k_ij.": lambda M, b: M.sum() + b,
        "The bias of the class is missing.": lambda M, b: M.mean(),
        "That is the map's peak. GAP takes the mean; a maximum would be global max pooling.": lambda M, b: M.max() + b,
    })


# ---- 3 · Grad-CAM -----------------------------------------------------------------------------

def check_alpha(function):
    """Exercise: alpha(gradients (h, w, K)) = (1/Z) Σ_ij ∂y/∂A^k_ij, (K,)."""
    return check_function(function, lambda rng: (rng.normal(size=(4, 5, 6)),), lambda g: g.mean((0, 1)), {
        "That is the sum over positions; Grad-CAM's α is the mean (the 1/Z of the formula).": lambda g: g.sum((0, 1)),
        "That averages over the channels and leaves a map. α is one number for each channel: average over "
        "height and width.": lambda g: g.mean(-1),
        "The gradients' signs are lost. A channel that speaks against the class must keep its negative "
        "weight.": lambda g: np.abs(g).mean((0, 1)),
        "Negative gradients are cut off before averaging. The ReLU comes last, after the weighted "
        "sum.": lambda g: np.maximum(g, 0).mean((0, 1)),
        "That is one number for everything; α has one for each channel.": lambda g: g.mean(),
    })


def check_grad_cam(function):
    """Exercise: grad_cam(A (h, w, K), gradients (h, w, K)) = ReLU(Σ_k α_k A^k), (h, w)."""
    def inputs(rng):
        return rng.random((4, 5, 6)), rng.normal(size=(4, 5, 6))

    weighted = lambda A, g: np.einsum("hwk,k->hw", A, g.mean((0, 1)))
    return check_function(function, inputs, lambda A, g: np.maximum(weighted(A, g), 0), {
        "The ReLU is missing: only evidence for the class is kept.": weighted,
        "Taking the absolute value shows evidence against the class as if it were for it. Use "
        "ReLU.": lambda A, g: np.abs(weighted(A, g)),
        "That multiplies each position by its own gradient. It is HiResCAM; Grad-CAM first averages the "
        "gradients to one α per channel.": lambda A, g: np.maximum((A * g).sum(-1), 0),
        "The ReLU is taken of each channel before the sum; it belongs after the sum.":
            lambda A, g: np.maximum(A * g.mean((0, 1)), 0).sum(-1),
        "That uses the sum of the gradients; α is their mean.": lambda A, g: np.maximum(A.size / A.shape[-1] * weighted(A, g), 0),
    })


# ---- 4 · Grad-CAM on VGG16 --------------------------------------------------------------------

def check_normalize(function):
    """Exercise: normalize(L (h, w), never negative) to [0, 1] by its own maximum; zeros stay zeros."""
    def inputs(rng):
        return (next(maps),)

    floor = np.random.default_rng(1).random((5, 6)) + 0.5
    maps = iter([floor, np.zeros((5, 6)), 1e-9 * floor, 100 * floor])
    by_maximum = lambda L: L / L.max() if L.max() > 0 else np.zeros_like(L)
    return check_function(function, inputs, by_maximum, {
        "An all-zero map gives NaN (0/0). A network may find no evidence at all: then the map is "
        "zero.": lambda L: L / L.max(),
        "That is min–max scaling: the weakest place becomes 0 even where everything speaks for the class. "
        "Divide by the maximum only.": lambda L: (L - L.min()) / (L.max() - L.min()) if L.max() > L.min() else np.zeros_like(L),
        "A fixed ε in the division changes small maps. Test for zero instead.":
            tuple(lambda L, power=power: L / (L.max() + 10.0 ** -power) for power in range(5, 13)),
        "Dividing by the sum makes a distribution of it; here the peak shall be 1.":
            lambda L: L / L.sum() if L.sum() > 0 else L,
    })


# ---- 5 · the proof ----------------------------------------------------------------------------

def check_cam_from_grad_cam(function):
    """Exercise: cam(L (h, w)) from Grad-CAM before its ReLU, on a GAP network."""
    def inputs(rng):
        return (rng.normal(size=(int(rng.integers(3, 9)), int(rng.integers(3, 9)))),)

    return check_function(function, inputs, lambda L: L.size * L, {
        "They differ by a factor: α_k = w_k / Z, and Z counts the positions of the map.": lambda L: L,
        "Z is the number of positions, height × width, not the height.": lambda L: len(L) * L,
        "The other way round: α_k = w_k / Z, so w_k = Z α_k.": lambda L: L / L.size,
        "The ReLU throws away what CAM keeps. The identity holds before it.": lambda L: L.size * np.maximum(L, 0),
    })


def check_hirescam(function):
    """Exercise: hirescam(A (h, w, K), gradients (h, w, K)) = Σ_k ∂y/∂A^k ∘ A^k before any ReLU."""
    def inputs(rng):
        return rng.random((4, 5, 6)), rng.normal(size=(4, 5, 6))

    return check_function(function, inputs, lambda A, g: (A * g).sum(-1), {
        "The gradients were averaged first: that is Grad-CAM. HiResCAM multiplies place by "
        "place.": lambda A, g: (A * g.mean((0, 1))).sum(-1),
        "Right, but before the ReLU here: the identity with CAM needs both signs.": lambda A, g: np.maximum((A * g).sum(-1), 0),
        "Those are the products of every channel, not yet added up over k.": lambda A, g: A * g,
        "That is the mean over the channels; take the sum.": lambda A, g: (A * g).mean(-1),
    })


# ---- 6 · Guided Grad-CAM ----------------------------------------------------------------------

def check_guided_gate(function):
    """Exercise: gate(x, R) of guided backprop: R passes where x > 0 and R > 0."""
    def inputs(rng):
        return rng.normal(size=(5, 6)), rng.normal(size=(5, 6))

    return check_function(function, inputs, lambda x, R: R * (x > 0) * (R > 0), {
        "That is the true gradient of ReLU (saliency): it looks at the forward input x only.": lambda x, R: R * (x > 0),
        "That is the deconvnet's gate: it looks at the backward signal R only. Guided backprop asks "
        "both.": lambda x, R: np.maximum(R, 0),
        "That lets the forward input through. The gate passes the backward signal R.": lambda x, R: x * (x > 0) * (R > 0),
        "That is only the gate, ones and zeros: multiply it by R.": lambda x, R: (x > 0) & (R > 0),
        "That passes R where x or R is positive; both have to be.": lambda x, R: R * ((x > 0) | (R > 0)),
    })


def check_guided_grad_cam(function):
    """Exercise: fuse(L (h, w), guided (H, W, 3)) = upsampled L, place by place, times guided."""
    def inputs(rng):
        return np.maximum(rng.normal(size=(3, 3)), 0).astype(np.float32), rng.normal(size=(9, 9, 3)).astype(np.float32)

    enlarge = lambda L, G: upsample(L[None], G.shape[:2])[0][..., None]
    return check_function(function, inputs, lambda L, G: enlarge(L, G) * G, {
        "The heat map has to be enlarged smoothly (bilinear): yours repeats each value as a block.":
            lambda L, G: np.kron(L, np.ones((3, 3)))[..., None] * G,
        "Adding them shows wherever one of the two is large; the product keeps what both point at.":
            lambda L, G: enlarge(L, G) + G,
        "The signs of guided backprop are lost; keep them.": lambda L, G: enlarge(L, G) * np.abs(G),
        "Negative values of guided backprop are cut off; keep both signs.": lambda L, G: enlarge(L, G) * np.maximum(G, 0),
    })


# ---- 7 · localisation -------------------------------------------------------------------------

def check_iou(function):
    """Exercise: iou(a, b) of two boxes x0, y0, x1, y1 with exclusive upper bounds: |a ∩ b| / |a ∪ b|."""
    # b overlaps a, lies apart in both directions (twice), on it, apart in one direction, overlaps again
    shifts = iter([(3, 2), (9, 9), (-9, 9), (0, 0), (2, -9), (-2, 1)])

    def inputs(rng):
        a = np.array([20, 20, 26, 28])
        return a, a + np.tile(next(shifts), 2) + np.array([0, 0, *rng.integers(-1, 2, size=2)])

    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])
    sides = lambda a, b: np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    both = lambda a, b: np.maximum(sides(a, b), 0).prod()
    union = lambda a, b: area(a) + area(b) - both(a, b)
    grown = lambda box: box + [0, 0, 1, 1]
    return check_function(function, inputs, lambda a, b: both(a, b) / union(a, b), {
        "Boxes that do not meet come out wrong: two negative sides multiply to a positive area. Cut each side off at 0 "
        "first.": (lambda a, b: sides(a, b).prod() / (area(a) + area(b) - sides(a, b).prod()),
                   lambda a, b: np.maximum(sides(a, b).prod(), 0) / (area(a) + area(b) - np.maximum(sides(a, b).prod(), 0))),
        "|a| + |b| counts the intersection twice: the union is |a| + |b| - |a ∩ b|.": lambda a, b: both(a, b) / (area(a) + area(b)),
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


def check_pointing_game(function):
    """Exercise: hit(L (h, w) signed, mask bool (h, w)): does the map's maximum lie in the mask? Even maps: False."""
    def inputs(rng):
        mask = rng.random((6, 6)) < 0.4
        level = next(even, None)
        mask[0, 0] |= level is not None                                     # where argmax finds the maximum of an even map
        return rng.normal(size=(6, 6)) if level is None else np.full((6, 6), level), mask

    even = iter([0.0, 1.0])
    at = lambda L: np.unravel_index(L.argmax(), L.shape)
    points = lambda L: L.max() > L.min()
    positive = lambda L: np.maximum(L, 0)
    return check_function(function, inputs, lambda L, mask: points(L) and mask[at(L)], {
        "An even map points nowhere, yet argmax then gives the first pixel, and hits if that is in the mask. Such a map "
        "is no hit.": (lambda L, mask: mask[at(L)], lambda L, mask: L.max() > 0 and mask[at(L)],
                       lambda L, mask: L[mask].max() == L.max()),
        "Rows and columns are swapped: unravel_index gives (row, column), which is (y, x).":
            (lambda L, mask: points(L) and mask[at(L)[::-1]], lambda L, mask: mask[at(L)[::-1]]),
        "The largest absolute value may be the strongest evidence against the class. Take the maximum.":
            (lambda L, mask: points(L) and mask[at(np.abs(L))], lambda L, mask: mask[at(np.abs(L))]),
        "That asks whether there is any evidence in the mask. The pointing game asks only where the maximum lies.":
            (lambda L, mask: (L[mask] > 0).any(), lambda L, mask: points(L) and (L[mask] > 0).any()),
        "That is the share of the evidence in the mask (energy inside). The pointing game is hit or miss.":
            lambda L, mask: positive(L)[mask].sum() / max(positive(L).sum(), 1e-12),
        "That compares means. The pointing game looks at one place, the maximum.":
            lambda L, mask: L[mask].mean() > L[~mask].mean(),
    }, trials=40)


# ---- 8 · Can you trust it? --------------------------------------------------------------------

def check_rank_correlation(function):
    """Exercise: rank_correlation(a (h, w), b (h, w)) = the correlation of their ranks (Spearman's)."""
    def inputs(rng):
        a = rng.normal(size=(5, 6))
        return a, np.exp(2 * a + rng.normal(size=(5, 6))) - 2

    correlation = lambda a, b: np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]
    ranks = lambda a: rankdata(a).reshape(a.shape)
    return check_function(function, inputs, lambda a, b: correlation(ranks(a), ranks(b)), {
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


def check_repair(function):
    """Exercise: repair(images (n, 100, 100, 1)): the same images, but a ruler no longer tells anything.

    Accepted is whatever leaves most of the steel and makes images that had a ruler look, on average, like images that
    had none: covering its place, laying one in every image, or covering and then laying one in a random half.
    """
    rng = np.random.default_rng(0)
    had = np.arange(300) % 2 == 0
    rng.shuffle(had)
    steel = 0.4 + 0.2 * rng.random((2, 100, 100, 1)).astype(np.float32)     # two strips, one photographed 300 times:
    images = np.concatenate([np.repeat(steel[:1], 300, axis=0), steel[1:]])     # only the ruler can tell those apart
    images[:300][had] = lay_ruler(images[:300][had])
    try:
        repaired = function(images.copy())
    except Exception as error:  # whatever the student's code raises is the answer to report
        return Verdict(False, f"✗ Your function stopped with {type(error).__name__}: {error}")
    if repaired is None:
        return NOT_YET
    try:
        repaired = np.asarray(repaired, dtype=np.float64)
    except (TypeError, ValueError):
        return Verdict(False, f"✗ Expected an array of images, got {type(repaired).__name__}.")
    if repaired.shape != images.shape:
        return Verdict(False, f"✗ {images.shape} came in, {repaired.shape} came out. If you cut the corner off (a sound "
                              "idea), enlarge the rest to the old size; the network expects it.")
    return Verdict(*_verdict_of_repair(images, repaired, had))


def _verdict_of_repair(images, repaired, had):
    """Whether the first 300 images still tell which of them `had` the ruler, and whether they differ from the last."""
    if not np.isfinite(repaired).all() or repaired.min() < 0 or repaired.max() > 1:
        return False, "✗ Images have finite values in [0, 1]; not all of yours are."
    if (np.abs(repaired[:300] - repaired[300]).mean(axis=0) > 0.01).mean() < 0.5:
        return False, "✗ No ruler is left, and hardly any steel. Outside the ruler's corner, change as little as you can."
    changed = np.abs(repaired[:300] - images[:300]).max(axis=(1, 2, 3)) > 0.01
    with_, without = repaired[:300][had, ..., 0], repaired[:300][~had, ..., 0]
    by_chance = 5 * np.sqrt((with_.var(axis=0) + without.var(axis=0)) / 150)        # where rulers are laid at random
    telling = np.abs(with_.mean(axis=0) - without.mean(axis=0)) > 0.02 + by_chance
    if not telling.any():
        return True, RIGHT.message
    if not changed.any():
        return False, "✗ The images came back as they were."
    if changed[had].all() and not changed[~had].any():
        return False, ("✗ You changed only the images that had a ruler: now the patch gives them away, just as the ruler "
                       "did. Treat every image alike.")
    if 0 < changed[~had].mean() < 1 and not changed[had].any():
        return False, ("✗ Some of the images without a ruler got one, but all that had one still have it: no ruler still "
                       "means another class. Cover first, then lay it at random.")
    whole = np.abs(lay_ruler(images[300:]) - images[300:])[0, ..., 0] > 0.02
    if telling.sum() < whole.sum():
        return False, "✗ Part of the ruler can still be seen. Its rows and columns: ruler_place((100, 100))."
    return False, "✗ One can still see which images had the ruler. Its rows and columns: ruler_place((100, 100))."
