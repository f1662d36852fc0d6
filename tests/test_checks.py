"""The exercises' self-checks: right answers in any form pass, wrong ones are named, nothing is too lenient."""

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

from lecture_utils import checks
from lecture_utils.planted import lay_ruler, ruler_place


def convolve(x, k):
    rows, columns = x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1
    return [[sum(x[i + a, j + b] * k[a, b] for a in range(3) for b in range(3)) for j in range(columns)]
            for i in range(rows)]


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


def pixels(box):
    """The pixels of a box x0, y0, x1, y1 with exclusive upper bounds, as a set."""
    x0, y0, x1, y1 = box
    return {(x, y) for x in range(x0, x1) for y in range(y0, y1)}


def overlap(a, b, at_least=0):
    """Width times height of the intersection, each no smaller than `at_least`."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(width, at_least) * max(height, at_least)


def size(box, more=0):
    return (box[2] - box[0] + more) * (box[3] - box[1] + more)


def peak(L):
    return np.unravel_index(np.argmax(L), L.shape)


RIGHT = {
    checks.check_convolve: convolve,
    checks.check_cam: lambda A, w, c: (A @ w)[..., c],
    checks.check_class_score: lambda M, b: float(np.sum(M)) / M.size + b,
    checks.check_alpha: lambda g: [g[..., k].mean() for k in range(g.shape[-1])],
    checks.check_grad_cam: lambda A, g: np.clip(A @ g.mean(axis=(0, 1)), 0, None),
    checks.check_normalize: lambda L: L / (L.max() or 1.0),
    checks.check_cam_from_grad_cam: lambda L: L.shape[0] * L.shape[1] * L,
    checks.check_hirescam: lambda A, g: np.einsum("hwk,hwk->hw", A, g),
    checks.check_guided_gate: lambda x, R: np.where(x > 0, np.maximum(R, 0), 0),
    checks.check_guided_grad_cam: lambda L, G: bilinear(L, G.shape[:2])[..., None] * G,
    checks.check_iou: lambda a, b: len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b)),
    checks.check_pointing_game: lambda L, mask: L.max() != L.min() and mask.ravel()[np.argsort(L.ravel())[-1]],
    checks.check_rank_correlation: lambda a, b: np.corrcoef([[(m < v).sum() for v in m.flat] for m in (a, b)])[0, 1],
}
WRONG = [
    (checks.check_convolve, lambda x, k: convolve2d(x, k, "valid"), "flipped"),
    (checks.check_convolve, lambda x, k: correlate2d(x, k, "same"), "padded"),
    (checks.check_convolve, lambda x, k: np.pad(convolve(x, k), 1), "should have shape"),
    (checks.check_convolve, lambda x, k: [[x[i:i + 3, j:j + 3] * k for j in range(x.shape[1] - 2)]
                                          for i in range(x.shape[0] - 2)], "not yet added up"),
    (checks.check_convolve, lambda x, k: np.array(convolve(x, k)) / 9, "mean of the products"),
    (checks.check_cam, lambda A, w, c: A.sum(-1), "plain sum"),
    (checks.check_cam, lambda A, w, c: A.mean(-1), "plain sum"),
    (checks.check_cam, lambda A, w, c: A @ w, "all classes"),
    (checks.check_cam, lambda A, w, c: (A @ w[:, c]).clip(0), "cut off"),
    (checks.check_cam, lambda A, w, c: (A * w[:, c]).mean(2), "mean over k"),
    (checks.check_cam, lambda A, w, c: np.stack([w[k, c] * A[..., k] for k in range(len(w))], 2), "not yet added up"),
    (checks.check_class_score, lambda M, b: M.sum() + b, "sum"),
    (checks.check_class_score, lambda M, b: M.sum() / M.size, "bias of the class is missing"),
    (checks.check_class_score, lambda M, b: np.sort(M.ravel())[-1] + b, "peak"),
    (checks.check_alpha, lambda g: g.sum((0, 1)), "sum over positions"),
    (checks.check_alpha, lambda g: g.mean(2), "channels"),
    (checks.check_alpha, lambda g: abs(g).sum((0, 1)) / 20, "signs are lost"),
    (checks.check_alpha, lambda g: g.clip(0).sum((0, 1)) / 20, "ReLU comes last"),
    (checks.check_alpha, lambda g: g.sum() / g.size, "one number for everything"),
    (checks.check_grad_cam, lambda A, g: (A * g.mean((0, 1))).sum(-1), "ReLU is missing"),
    (checks.check_grad_cam, lambda A, g: np.abs((A * g.mean((0, 1))).sum(-1)), "absolute"),
    (checks.check_grad_cam, lambda A, g: np.maximum((A * g).sum(-1), 0), "HiResCAM"),
    (checks.check_grad_cam, lambda A, g: (A * g.sum((0, 1)) / 20).clip(0).sum(2), "before the sum"),
    (checks.check_grad_cam, lambda A, g: (A @ g.sum((0, 1))).clip(0), "sum of the gradients"),
    (checks.check_normalize, lambda L: L / L.max(), "NaN"),
    (checks.check_normalize, lambda L: L / (L.max() + 1e-8), "ε"),
    (checks.check_normalize, lambda L: L / (L.max() + 1e-5), "ε"),
    (checks.check_normalize, lambda L: L / (L.max() + 1e-12), "ε"),
    (checks.check_normalize, lambda L: (L - L.min()) / (np.ptp(L) or 1), "min–max"),
    (checks.check_normalize, lambda L: L / (L.sum() or 1), "Dividing by the sum"),
    (checks.check_cam_from_grad_cam, lambda L: L, "factor"),
    (checks.check_cam_from_grad_cam, lambda L: L.shape[0] * L, "not the height"),
    (checks.check_cam_from_grad_cam, lambda L: L / L.shape[0] / L.shape[1], "other way round"),
    (checks.check_cam_from_grad_cam, lambda L: L.clip(0) * L.size, "throws away"),
    (checks.check_hirescam, lambda A, g: (A * g.mean((0, 1))).sum(-1), "averaged first"),
    (checks.check_hirescam, lambda A, g: np.einsum("hwk,hwk->hw", A, g).clip(0), "before the ReLU"),
    (checks.check_hirescam, lambda A, g: g * A, "not yet added up"),
    (checks.check_hirescam, lambda A, g: np.einsum("hwk,hwk->hw", A, g) / 6, "mean over the channels"),
    (checks.check_guided_gate, lambda x, R: R * (x > 0), "saliency"),
    (checks.check_guided_gate, lambda x, R: R * (R > 0), "deconvnet"),
    (checks.check_guided_gate, lambda x, R: np.where(R > 0, x.clip(0), 0), "forward input"),
    (checks.check_guided_gate, lambda x, R: np.where((x > 0) & (R > 0), 1, 0), "only the gate"),
    (checks.check_guided_gate, lambda x, R: np.where(x > 0, R, R.clip(0)), "x or R is positive"),
    (checks.check_guided_grad_cam, lambda L, G: L.repeat(3, 0).repeat(3, 1)[..., None] * G, "block"),
    (checks.check_guided_grad_cam, lambda L, G: bilinear(L, G.shape[:2])[..., None] + G, "Adding them"),
    (checks.check_guided_grad_cam, lambda L, G: bilinear(L, G.shape[:2])[..., None] * abs(G), "signs of guided"),
    (checks.check_guided_grad_cam, lambda L, G: bilinear(L, G.shape[:2])[..., None] * G.clip(0), "cut off"),
    (checks.check_iou, lambda a, b: overlap(a, b, -99) / (size(a) + size(b) - overlap(a, b, -99)), "do not meet"),
    (checks.check_iou, lambda a, b: overlap(a, b) / (size(a) + size(b)), "twice"),
    (checks.check_iou, lambda a, b: 2 * overlap(a, b) / (size(a) + size(b)), "Dice"),
    (checks.check_iou, lambda a, b: overlap(a, b) / size(a), "covers"),
    (checks.check_iou, lambda a, b: overlap(a, b) / size(b), "covers"),
    (checks.check_iou, lambda a, b: overlap(a, b), "in pixels"),
    (checks.check_iou, lambda a, b: overlap(a, b) / ((max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))),
     "around both"),
    (checks.check_iou, lambda a, b: overlap(a + [0, 0, 1, 1], b + [0, 0, 1, 1])
     / (size(a, 1) + size(b, 1) - overlap(a + [0, 0, 1, 1], b + [0, 0, 1, 1])), "exclusive"),
    (checks.check_pointing_game, lambda L, mask: mask[peak(L)], "points nowhere"),
    (checks.check_pointing_game, lambda L, mask: L.max() > 0 and mask[peak(L)], "points nowhere"),
    (checks.check_pointing_game, lambda L, mask: np.ptp(L) > 0 and mask.T[peak(L)], "swapped"),
    (checks.check_pointing_game, lambda L, mask: mask[peak(np.abs(L))], "against the class"),
    (checks.check_pointing_game, lambda L, mask: bool((L[mask] > 0).any()), "any evidence"),
    (checks.check_pointing_game, lambda L, mask: L.clip(0)[mask].sum() / (L.clip(0).sum() or 1), "energy"),
    (checks.check_pointing_game, lambda L, mask: L[mask].mean() > L[~mask].mean(), "means"),
    (checks.check_rank_correlation, lambda a, b: np.corrcoef(a.ravel(), b.ravel())[0, 1], "of the values"),
    (checks.check_rank_correlation, lambda a, b: np.corrcoef(a.ravel().argsort(), b.ravel().argsort())[0, 1], "order"),
    (checks.check_rank_correlation,
     lambda a, b: np.corrcoef(*[m.argsort(1).argsort(1).ravel() for m in (a, b)])[0, 1], "Flatten"),
    (checks.check_rank_correlation, lambda a, b: RIGHT[checks.check_rank_correlation](abs(a), abs(b)), "signs"),
]


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_right_answers_pass_in_any_form(check):
    right = RIGHT[check]
    as_list = lambda *a: np.asarray(right(*a)).tolist()
    assert check(right) and check(as_list), check(right)


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_unattempted_and_empty_answers_do_not_pass(check):
    zeros = lambda *a: np.zeros_like(np.asarray(RIGHT[check](*a), dtype=float))
    assert not check(zeros)
    assert "Not attempted" in repr(check(lambda *a: None))
    assert "ZeroDivisionError" in repr(check(lambda *a: 1 // 0))
    assert not check(lambda *a: "text") and not check(lambda *a: np.nan)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("check, wrong, named", WRONG)
def test_known_misconceptions_are_named(check, wrong, named):
    verdict = check(wrong)
    assert not verdict and named in repr(verdict)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_every_hint_is_given_to_somebody(monkeypatch):
    """Of each exercise: what it can tell, and what the wrong answers above are told."""
    hints, compare = {}, checks.check_function
    with monkeypatch.context() as patch:
        patch.setattr(checks, "check_function",
                      lambda *args, **options: hints.update({check: args[3]}) or compare(*args, **options))
        for check in RIGHT:
            check(lambda *a: None)
    told = {(check, repr(check(wrong))) for check, wrong, _ in WRONG}
    assert [hint for check in RIGHT for hint in hints[check] if (check, "✗ " + hint) not in told] == []


def test_a_check_cannot_be_fooled_by_changing_its_arguments():
    def fools(A, g):
        A *= 0
        return np.zeros(A.shape[:2])
    assert not checks.check_grad_cam(fools)


@pytest.mark.parametrize("answer, told", [
    (18_432, "each kernel also has one bias"), (640, "32 input channels"), (576, "and it has a bias"),
    (289, "one kernel"), (7, "not it"), (18_495, "not it"), (18_497, "not it"), (18_480, "not it"), (18_431, "not it"), (0, "not it"),
    (None, "Not attempted"), (..., "Not attempted"), ("x", "Expected one number"), ([1, 2], "Expected one number"),
])
def test_parameter_count(answer, told):
    assert not checks.check_parameters(answer) and told in repr(checks.check_parameters(answer))
    assert checks.check_parameters(18_496)


# ---- the repair of notebook 8

ROWS, COLUMNS = ruler_place((100, 100))


def covered(images, value=0.5, rows=ROWS):
    images = images.copy()
    images[:, rows, COLUMNS] = value
    return images


def at_random(images, rng=np.random.default_rng(7)):
    return np.where(rng.random((len(images), 1, 1, 1)) < 0.5, lay_ruler(images), images)


def has_ruler(images):
    return (images[:, ROWS, COLUMNS].max(axis=(1, 2, 3)) > 0.8).reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("repair", [
    covered, lay_ruler,
    lambda images: covered(images, 0).tolist(),
    lambda images: covered(images, images.mean(axis=(1, 2))[:, None, None]),
    lambda images: covered(images, rows=slice(80, 100)),
    lambda images: at_random(covered(images)),
    lambda images: images[:, :80].repeat(2, axis=1)[:, :100],
])
def test_any_sound_repair_passes(repair):
    assert checks.check_repair(repair), checks.check_repair(repair)


@pytest.mark.parametrize("repair, named", [
    (lambda images: None, "Not attempted"),
    (lambda images: images, "as they were"),
    (lambda images: np.where(has_ruler(images), covered(images), images), "only the images that had a ruler"),
    (lambda images: np.where(has_ruler(images), covered(images, 0), images), "only the images that had a ruler"),
    (at_random, "no ruler still means"),
    (lambda images: covered(images, rows=slice(90, 96)), "Part of the ruler"),
    (lambda images: covered(images, rows=slice(4, 14)), "still see which"),
    (lambda images: images[:, ::-1], "still see which"),
    (lambda images: 0 * images, "hardly any steel"),
    (lambda images: images[:, :80], "enlarge the rest"),
    (lambda images: images[:10], "came out"),
    (lambda images: 255 * covered(images), "in [0, 1]"),
    (lambda images: images / 0, "in [0, 1]"),
    (lambda images: "text", "array of images"),
    (lambda images: images[:, :, :, 5], "IndexError"),
])
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_an_unsound_repair_is_told_why(repair, named):
    verdict = checks.check_repair(repair)
    assert not verdict and named in repr(verdict)


def test_a_repair_that_writes_into_its_images_does_not_fool_the_check():
    def in_place(images):
        images[:] = 0.5
        return images
    assert not checks.check_repair(in_place)
