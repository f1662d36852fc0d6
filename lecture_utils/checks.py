"""Self-checks for the exercises: any right answer passes, each known wrong one is told what it mistook.

A check tries the student's function on random inputs of several shapes, beside a right answer and beside the usual
misconceptions. It returns a `Verdict`; as the last line of a cell, that prints itself.
"""

import dis
import re
import traceback
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from scipy.signal import correlate2d
from scipy.stats import rankdata

from .datasets.planted import lay_ruler, ruler_place  # noqa: F401  (ruler_place: for the exercise of notebook 8)
from .explain.cam import upsample


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
IN_PLACE = "function changes its input in place, and so the data of whoever calls it: work on a copy."


def check_function(function, make_inputs, right, misconceptions, trials=4) -> Verdict:
    """Hold `function` against `right` on random inputs, and against each misconception.

    function: the student's; may return None (not attempted), a number, list, array or tensor.
    make_inputs: rng → tuple of arguments, of other shapes at other times.
    right: the reference, called with the same arguments.
    misconceptions: dict of what to tell → the wrong function that a student meant, or a tuple of them. Such a function
        may stop with an exception: a student's that stops over the same numbers meant the same.
    trials: how many random inputs all have to agree.

    Returns `Verdict`; a misconception is named only where the answer equals it on every trial.

    >>> arrays = lambda rng: (rng.random(int(rng.integers(3, 9))),)
    >>> checks.check_function(lambda x: x.sum(), arrays, lambda x: x.mean(), {"That is the sum.": np.sum})
    ✗ That is the sum.
    """
    rng = np.random.default_rng(0)
    cases = [make_inputs(rng) for _ in range(trials)]
    answers, changes = zip(*[_outcome(function, case) for case in cases], strict=True)
    changed = any(changes)
    nothing = _nothing(function, answers, changed)
    if nothing is not None:
        return nothing
    numbers = [_numbers(answer) for answer in answers]
    if any(number is None for number in numbers):
        odd = next(answer for answer, number in zip(answers, numbers, strict=True) if number is None)
        return _wrong(f"Expected numbers or an array of numbers, got {type(odd).__name__}.")
    expected = [_numbers(right(*case)) for case in cases]
    if _agree(numbers, expected):
        return _wrong("The values are right, but your " + IN_PLACE) if changed else RIGHT
    return _wrong(_misconception(numbers, misconceptions, cases) or _stop(function, answers, cases)
                  or (changed and "Your " + IN_PLACE) or _difference(numbers, expected, cases))


def check_number(answer, right, misconceptions) -> Verdict:
    """Hold one number against `right`, exactly; `misconceptions` maps wrong numbers to what to tell.

    >>> checks.check_number(8, right=9, misconceptions={8: "You forgot the bias."})
    ✗ You forgot the bias.
    """
    if answer is None or answer is ...:
        return NOT_YET
    try:
        number = float(answer)
    except (TypeError, ValueError):
        number = None
    if number is None or isinstance(answer, (str, bytes)):      # float("18") is a number, "18" is none
        return _wrong(f"Expected one number, got {type(answer).__name__}.")
    if number == right:
        return RIGHT
    not_it = f"{number:,.10g} is not it. Write the formula down first, then put the numbers in."
    return _wrong(misconceptions.get(number, not_it))


# ---- what became of the student's function ----------------------------------------------------

def _wrong(told):
    return Verdict(False, "✗ " + told)


def _outcome(function, case):
    """What `function` returns, or the exception with which it stops; and whether it changed its arguments."""
    given = [np.copy(argument) if isinstance(argument, np.ndarray) else argument for argument in case]
    try:
        answer = function(*given)
    except Exception as error:  # whatever the student's code raises is the answer to report
        answer = error
    return answer, not all(map(np.array_equal, given, case))


def _nothing(function, answers, changed):
    """The `Verdict` where there is no answer to judge, None where there is one."""
    if function is None or function is ...:
        return NOT_YET
    if not callable(function):
        return _wrong("Give the check your function itself, its name without parentheses, not what it returns.")
    empty = [answer is None or answer is ... for answer in answers]
    if not any(empty):
        return None
    if not all(empty):
        return _wrong("For some inputs your function ends without a `return`, and so gives back nothing (None).")
    if changed:
        return _wrong("Your function changes its input in place and returns nothing: change a copy, and `return` that.")
    if _is_stub(function):
        return NOT_YET
    return _wrong("Your function computes something but returns nothing (None): end it with `return` and the result.")


def _is_stub(function):
    """Whether all that a function does is to return a constant: its bytecode has no other steps."""
    steps = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}     # the last two in different Pythons
    code = getattr(function, "__code__", None)
    return code is not None and steps.issuperset(step.opname for step in dis.get_instructions(code))


def _numbers(answer):
    """An answer as a float64 array; an exception as it is; None for what holds no numbers."""
    if isinstance(answer, Exception):
        return answer
    try:
        return None if isinstance(answer, (str, bytes)) else np.asarray(answer, dtype=np.float64)
    except Exception:  # whatever an odd object raises, it is no array of numbers
        return None


# ---- how it compares --------------------------------------------------------------------------

CLOSE = 4e-3    # relative: half a digit of the coarsest float type, bfloat16; every misconception lies further off


def _agree(answers, expected):
    return all(map(_same, answers, expected))


def _same(a, e):
    """Whether shapes are equal and values close; of two exceptions, whether they name the same shapes or numbers."""
    if isinstance(a, Exception) or isinstance(e, Exception):
        return isinstance(a, Exception) and isinstance(e, Exception) and _named(a) == _named(e) != []
    peak = np.abs(e).max(initial=0, where=np.isfinite(e))
    return a.shape == e.shape and np.allclose(a, e, rtol=CLOSE, atol=CLOSE / 20 * peak, equal_nan=True)


def _named(error):
    """The shapes and numbers in what an exception says: the same in NumPy's words and TensorFlow's, of a * b and b * a."""
    return sorted(re.findall(r"\d+(?:,\d+)*", _said(error).replace(", ", ",")))


def _said(error):
    """The first line of what an exception says, without TensorFlow's names of its own functions."""
    return re.sub(r"\{\{.*?\}\} *|\[Op:.*", "", str(error)).strip().partition("\n")[0].strip()[:200]


def _misconception(answers, misconceptions, cases):
    """What to tell whose answers are those of a known wrong function; None if of none."""
    for told, wrongs in misconceptions.items():
        for wrong in wrongs if isinstance(wrongs, tuple) else (wrongs,):
            with np.errstate(all="ignore"):
                if _agree(answers, [_numbers(_outcome(wrong, case)[0]) for case in cases]):
                    return told
    return None


def _difference(answers, expected, cases):
    """What to tell of an answer that is wrong for a reason that nobody foresaw."""
    for answer, e, case in zip(answers, expected, cases, strict=True):
        if answer.shape != e.shape:
            wanted = f"have shape {e.shape}" if e.ndim else "be a single value"
            return f"For inputs of shape {_shapes(case)} the result should {wanted}; yours has shape {answer.shape}."
    if not all(np.isfinite(answer).all() for answer in answers):
        return "Some values are NaN or infinite: look for a division by zero."
    if expected[0].ndim == 0:
        wrong = sum(not _same(*pair) for pair in zip(answers, expected, strict=True))
        return f"The single value is wrong for {wrong} of {len(cases)} inputs. Try one small enough to do by hand."
    factor = _factor(answers, expected)
    if factor is not None:
        return (f"The values are right up to a factor, {factor:.3g} for the first input: look for a sum in place of a "
                "mean, a sign, or a number that should follow from the shape.")
    return "The shape is right, the values are not. Try an input small enough to do by hand."


def _factor(answers, expected):
    """The first factor, where each answer is a multiple of what is right (another for each, but not 0); else None."""
    factors = [np.vdot(e, answer) / np.vdot(e, e) if e.any() else 1 for answer, e in zip(answers, expected, strict=True)]
    multiples = [factor * e for factor, e in zip(factors, expected, strict=True)]
    return factors[0] if all(factors) and _agree(answers, multiples) else None


# ---- exceptions as sentences ------------------------------------------------------------------

MEANINGS = {    # to somebody who has seen few of them; the first that fits counts
    NameError: "a name is not defined, because it is misspelt or its cell has not been run",
    ZeroDivisionError: "it divides by zero",
    AttributeError: "a value has no such attribute or method",
    np.exceptions.AxisError: "it names an axis that the array does not have",
    IndexError: "it reaches beyond the end of an array",
    TypeError: "a value is of a type, or a call has a number of arguments, that does not work here",
}


def _stop(function, answers, cases):
    """What to tell whose function stopped: at which line, what that means, on which input. None if it did not."""
    for error, case in zip(answers, cases, strict=True):
        if isinstance(error, Exception):
            said, meaning = f"{type(error).__name__}: {_said(error)}".rstrip(": ."), _meaning(error)
            given = f", given inputs of shape {_shapes(case)}" if _shapes(case) else ""
            return (f"Your function stopped{_line(function, error)}{given}: "
                    + (f"{meaning} ({said})." if meaning else f"{said}."))
    return None


def _meaning(error):
    for kind, meaning in MEANINGS.items():
        if isinstance(error, kind):
            return meaning
    unfit = re.search("shape|broadcast|core dimension|not aligned", _said(error))    # in NumPy's and TensorFlow's words
    return "two shapes do not fit together" if unfit else ""


def _line(function, error):
    """The line of the student's own code at which it stopped; nothing where that is not known."""
    home = getattr(getattr(function, "__code__", None), "co_filename", None)
    lines = [step.line for step in traceback.extract_tb(error.__traceback__) if step.filename == home and step.line]
    return f" at `{lines[-1][:100]}`" if lines else ""


def _shapes(case):
    return " and ".join(str(np.shape(argument)) for argument in case if np.ndim(argument))


# ---- inputs -----------------------------------------------------------------------------------

def _size(rng, low=3, high=9):
    """A height and a width from `low` to `high` - 1, never equal: whoever confuses them shall not pass."""
    return tuple(map(int, rng.choice(np.arange(low, high), size=2, replace=False)))


def _signed(rng, *shape):
    """Random values of both signs, of the type that the course's arrays have."""
    return rng.normal(size=shape).astype(np.float32)


def _features(rng, *shape):
    """Random values as behind a ReLU: none is negative."""
    return rng.random(shape, dtype=np.float32)


def _maps_and_gradients(rng):
    shape = *_size(rng), int(rng.integers(3, 9))
    return _features(rng, *shape), _signed(rng, *shape)


# ---- 1 · CNN basics ---------------------------------------------------------------------------

def check_convolve(function) -> Verdict:
    """Exercise: convolve(image (h, w), kernel (k, k)) as a CNN does it, without padding.

    >>> checks.check_convolve(lambda image, kernel: image)
    ✗ For inputs of shape ... the result should have shape ...; yours has shape ...
    """
    def inputs(rng):
        side = next(sides)
        return _signed(rng, *_size(rng, 6, 11)), _signed(rng, side, side)

    sides = iter([3, 5, 3, 5])
    return check_function(function, inputs, lambda x, k: correlate2d(x, k, "valid"), {
        "That is the mathematician's convolution: the kernel is flipped. A CNN layer slides it unflipped "
        "(cross-correlation).": lambda x, k: correlate2d(x, k[::-1, ::-1], "valid"),
        "That is padded with zeros (\"same\"): without padding the kernel must lie wholly inside the image, "
        "so the result is smaller.": lambda x, k: correlate2d(x, k, "same"),
        "The products are right but not yet added up: each position gives one number, a sum over the "
        "kernel.": lambda x, k: np.lib.stride_tricks.sliding_window_view(x, k.shape) * k,
        "That is the mean of the products; a convolution adds them.": lambda x, k: correlate2d(x, k, "valid") / k.size,
    })


def check_parameters(answer) -> Verdict:
    """Exercise: how many parameters has a layer of 64 kernels of 3×3 on 32 channels?

    >>> checks.check_parameters(64 * 3 * 3 * 32)
    ✗ The weights are counted; each kernel also has one bias.
    """
    return check_number(answer, 64 * (3 * 3 * 32 + 1), {
        64 * 3 * 3 * 32: "The weights are counted; each kernel also has one bias.",
        64 * (3 * 3 + 1): "Each kernel looks at all 32 input channels at once: it is 3×3×32, not 3×3.",
        64 * 3 * 3: "Each kernel is 3×3×32, since it looks at all input channels, and it has a bias.",
        3 * 3 * 32 + 1: "That is one kernel; the layer has 64 of them.",
        64 * 3 * 3 * 32 + 1: "One bias serves no whole layer: each kernel has a bias of its own.",
        64 * 32 * (3 * 3 + 1): "A kernel has one bias, not one for each channel that it looks at.",
        32 * (3 * 3 * 64 + 1): "It is the other way round: 64 kernels, each on 32 channels.",
        64 * (3 * 3 * 64 + 1): "64 is the number of the kernels; the input has 32 channels.",
    })


# ---- 2 · CAM ----------------------------------------------------------------------------------

def check_cam(function) -> Verdict:
    """Exercise: cam(A (h, w, K), w (K, classes), c) = Σ_k w_k^c A^k, (h, w).

    >>> checks.check_cam(lambda A, w, c: A.sum(-1))
    ✗ That is the plain sum or mean of the feature maps. ...
    """
    def inputs(rng):
        K, classes = int(rng.integers(3, 6)), int(rng.integers(6, 10))
        return _features(rng, *_size(rng), K), _signed(rng, K, classes), int(rng.integers(classes))

    right = lambda A, w, c: np.einsum("hwk,k->hw", A, w[:, c])
    return check_function(function, inputs, right, {
        "That is the plain sum or mean of the feature maps. CAM weighs each by w_k^c: without the weights the "
        "map is the same for every class.": (lambda A, w, c: A.sum(-1), lambda A, w, c: A.mean(-1)),
        "Negative values are cut off. That is Grad-CAM's ReLU; CAM keeps the evidence against the class "
        "too.": lambda A, w, c: np.maximum(right(A, w, c), 0),
        "The absolute value shows evidence against the class as if it were for it: CAM keeps its "
        "signs.": lambda A, w, c: np.abs(right(A, w, c)),
        "That is the mean over k; CAM is the sum, so that its mean over the map plus the bias is the class "
        "score.": lambda A, w, c: right(A, w, c) / A.shape[-1],
        "That is CAM / Z, as Grad-CAM gives it: CAM itself is not divided by the number of places, so that its mean, not "
        "its sum, plus the bias is the score.": lambda A, w, c: right(A, w, c) / (A.shape[0] * A.shape[1]),
        "w has a row for each channel and a column for each class: take the column of class c, w[:, c].":
            tuple(lambda A, w, c, times=times: times(A, w[c])
                  for times in (np.multiply, np.matmul, np.dot, lambda A, row: np.einsum("hwk,k->hw", A, row))),
        "Those are all classes at once: take the column of class c.": lambda A, w, c: A @ w,
        "Those are the weighted maps, not yet added up over k.": lambda A, w, c: A * w[:, c],
    })


def check_class_score(function) -> Verdict:
    """Exercise: score(M (h, w), b) of a GAP network = mean of its CAM + bias.

    >>> checks.check_class_score(lambda M, b: M.mean())
    ✗ The bias of the class is missing.
    """
    def inputs(rng):
        return _signed(rng, *_size(rng)) + 1, float(rng.normal())

    return check_function(function, inputs, lambda M, b: M.mean() + b, {
        "That is the sum of the map. GAP takes the mean: F^k = (1/Z) Σ_ij A^k_ij.": lambda M, b: M.sum() + b,
        "The bias of the class is missing.": lambda M, b: M.mean(),
        "That is the map's peak. GAP takes the mean; a maximum would be global max pooling.": lambda M, b: M.max() + b,
        "Negative values are cut off, but evidence against the class lowers its score.":
            lambda M, b: np.maximum(M, 0).mean() + b,
    })


# ---- 3 · Grad-CAM -----------------------------------------------------------------------------

def check_alpha(function) -> Verdict:
    """Exercise: alpha(gradients (h, w, K)) = (1/Z) Σ_ij ∂y/∂A^k_ij, (K,).

    >>> checks.check_alpha(lambda gradients: gradients.sum((0, 1)))
    ✗ That is the sum over positions; Grad-CAM's α is the mean ...
    """
    def inputs(rng):
        return (_signed(rng, *_size(rng), int(rng.integers(3, 9))),)

    return check_function(function, inputs, lambda g: g.mean((0, 1)), {
        "That is the sum over positions; Grad-CAM's α is the mean (the 1/Z of the formula).": lambda g: g.sum((0, 1)),
        "That averages over the channels and leaves a map. α is one number for each channel: average over "
        "height and width.": lambda g: g.mean(-1),
        "The gradients' signs are lost. A channel that speaks against the class must keep its negative "
        "weight.": (lambda g: np.abs(g).mean((0, 1)), lambda g: np.abs(g.mean((0, 1)))),
        "Negative gradients, or weights, are cut off. The ReLU comes last, after the weighted sum.":
            (lambda g: np.maximum(g, 0).mean((0, 1)), lambda g: np.maximum(g.mean((0, 1)), 0)),
        "That is one number for everything; α has one for each channel.": lambda g: g.mean(),
    })


def check_grad_cam(function) -> Verdict:
    """Exercise: grad_cam(A (h, w, K), gradients (h, w, K)) = ReLU(Σ_k α_k A^k), (h, w).

    >>> checks.check_grad_cam(lambda A, gradients: None)
    · Not attempted yet: ...
    """
    relu = lambda x: np.maximum(x, 0)
    weighted = lambda A, g: np.einsum("hwk,k->hw", A, g.mean((0, 1)))
    right = lambda A, g: relu(weighted(A, g))
    return check_function(function, _maps_and_gradients, right, {
        "The ReLU is missing: only evidence for the class is kept.": weighted,
        "Taking the absolute value shows evidence against the class as if it were for it. Use "
        "ReLU.": lambda A, g: np.abs(weighted(A, g)),
        "That multiplies each position by its own gradient. It is HiResCAM; Grad-CAM first averages the "
        "gradients to one α per channel.": (lambda A, g: relu((A * g).sum(-1)), lambda A, g: (A * g).sum(-1)),
        "The ReLU is taken of each channel, or of its weight, before the sum; it belongs after the sum.":
            lambda A, g: relu(A * g.mean((0, 1))).sum(-1),
        "Negative gradients are cut off before averaging. The ReLU comes last, after the weighted "
        "sum.": lambda A, g: weighted(A, relu(g)),
        "The gradients' signs are lost. A channel that speaks against the class must keep its negative "
        "weight.": lambda A, g: weighted(A, np.abs(g)),
        "That uses the sum of the gradients; α is their mean.": lambda A, g: A[..., 0].size * right(A, g),
        "That is the mean over k; the formula adds the weighted maps up.": lambda A, g: right(A, g) / A.shape[-1],
        "The map is divided by its own maximum; here it shall keep its scale.":
            lambda A, g: right(A, g) / (right(A, g).max() or 1),
    })


# ---- 4 · Grad-CAM on VGG16 --------------------------------------------------------------------

def check_normalize(function) -> Verdict:
    """Exercise: normalize(L (h, w), never negative) to [0, 1] by its own maximum; zeros stay zeros.

    >>> checks.check_normalize(lambda L: L)
    ✗ The map came back as it came: ...
    """
    def inputs(rng):
        return (np.float32(next(scales)) * (_features(rng, *_size(rng)) + np.float32(0.5)),)

    scales = iter([1, 0, 1e-12, 100])       # a network may find no evidence, or very little
    by_maximum = lambda L: L / L.max() if L.max() > 0 else np.zeros_like(L)
    return check_function(function, inputs, by_maximum, {
        "An all-zero map gives NaN (0/0). A network may find no evidence at all: then the map is "
        "zero.": lambda L: L / L.max(),
        "That is min–max scaling: the weakest place becomes 0 even where everything speaks for the class. "
        "Divide by the maximum only.": (lambda L: (L - L.min()) / (np.ptp(L) or 1), lambda L: (L - L.min()) / np.ptp(L),
                                        *_epsilons(lambda L, more: (L - L.min()) / (np.ptp(L) + more))),
        "A fixed ε in the division changes small maps. Test for zero instead.": (
            *_epsilons(lambda L, more: L / (L.max() + more)), *_epsilons(lambda L, least: L / max(L.max(), least)),
            *_epsilons(lambda L, least: L / L.max() if L.max() > least else 0 * L)),
        "Dividing by the sum makes a distribution of it; here the peak shall be 1.":
            lambda L: L / L.sum() if L.sum() > 0 else L,
        "The map came back as it came: divide it by its maximum.": lambda L: L,
    })


def _epsilons(function):
    """`function(L, ε)` for every ε that is in use."""
    return tuple(lambda L, power=power: function(L, np.float32(10.0 ** -power)) for power in range(5, 13))


# ---- 5 · the proof ----------------------------------------------------------------------------

def check_cam_from_grad_cam(function) -> Verdict:
    """Exercise: cam(L (h, w)) from Grad-CAM before its ReLU, on a GAP network.

    >>> checks.check_cam_from_grad_cam(lambda L: L)
    ✗ They differ by a factor: ...
    """
    def inputs(rng):
        return (_signed(rng, *_size(rng)),)

    return check_function(function, inputs, lambda L: L.size * L, {
        "They differ by a factor: α_k = w_k / Z, and Z counts the positions of the map.": lambda L: L,
        "Z is the number of positions, height × width, not the height or the width alone.":
            (lambda L: L.shape[0] * L, lambda L: L.shape[1] * L),
        "The other way round: α_k = w_k / Z, so w_k = Z α_k.": lambda L: L / L.size,
        "The ReLU throws away what CAM keeps. The identity holds before it.": lambda L: L.size * np.maximum(L, 0),
        "The absolute value shows evidence against the class as if it were for it: CAM keeps its "
        "signs.": lambda L: L.size * np.abs(L),
    })


def check_hirescam(function) -> Verdict:
    """Exercise: hirescam(A (h, w, K), gradients (h, w, K)) = Σ_k ∂y/∂A^k ∘ A^k before any ReLU.

    >>> checks.check_hirescam(lambda A, gradients: A * gradients)
    ✗ Those are the products of every channel, not yet added up over k.
    """
    return check_function(function, _maps_and_gradients, lambda A, g: (A * g).sum(-1), {
        "The gradients were averaged first: that is Grad-CAM. HiResCAM multiplies place by "
        "place.": lambda A, g: (A * g.mean((0, 1))).sum(-1),
        "Right, but before the ReLU here: the identity with CAM needs both signs.": lambda A, g: np.maximum((A * g).sum(-1), 0),
        "Those are the products of every channel, not yet added up over k.": lambda A, g: A * g,
        "That is the mean over the channels; take the sum.": lambda A, g: (A * g).mean(-1),
        "Negative gradients are cut off: that is LayerCAM, and the identity with CAM needs both "
        "signs.": lambda A, g: (A * np.maximum(g, 0)).sum(-1),
        "An absolute value hides that a gradient speaks against the class; the identity with CAM needs both "
        "signs.": (lambda A, g: (A * np.abs(g)).sum(-1), lambda A, g: np.abs((A * g).sum(-1))),
    })


# ---- 6 · Guided Grad-CAM ----------------------------------------------------------------------

def check_guided_gate(function) -> Verdict:
    """Exercise: gate(x, R) of guided backprop: R passes where x > 0 and R > 0.

    >>> checks.check_guided_gate(lambda x, R: R * (x > 0))
    ✗ That is the true gradient of ReLU (saliency): ...
    """
    def inputs(rng):
        shape = *_size(rng), *next(channels)
        x = _signed(rng, *shape)
        x[rng.random(shape) < 0.1] = 0          # as behind an earlier ReLU
        return x, _signed(rng, *shape)

    channels = iter([(), (), (4,), (2, 3)])     # arrays of any number of axes
    return check_function(function, inputs, lambda x, R: R * (x > 0) * (R > 0), {
        "That is the true gradient of ReLU (saliency): it looks at the forward input x only.": lambda x, R: R * (x > 0),
        "That is the deconvnet's gate: it looks at the backward signal R only. Guided backprop asks "
        "both.": lambda x, R: np.maximum(R, 0),
        "That lets the forward input through. The gate passes the backward signal R.": lambda x, R: x * (x > 0) * (R > 0),
        "That is only the gate, ones and zeros: multiply it by R.": lambda x, R: (x > 0) & (R > 0),
        "That passes R where x or R is positive; both have to be.": lambda x, R: R * ((x > 0) | (R > 0)),
        "At x = 0 nothing passes: the gate asks for x > 0.": lambda x, R: R * (x >= 0) * (R > 0),
    })


def check_guided_grad_cam(function) -> Verdict:
    """Exercise: fuse(L (h, w), guided (H, W, 3)) = upsampled L, place by place, times guided.

    >>> checks.check_guided_grad_cam(lambda L, guided: L * guided)
    ✗ The heat map has to be first enlarged to (H, W): `upsample`.
    """
    def inputs(rng):
        (h, w), size = next(sizes)
        return np.maximum(_signed(rng, h, w), 0) + _features(rng, h, w), _signed(rng, *size, 3)

    sizes = iter([((3, 4), (9, 8)), ((5, 3), (10, 12)), ((2, 5), (8, 15)), ((4, 2), (12, 10))])
    large = lambda L, G: upsample(L, G.shape[:2])
    enlarge = lambda L, G: large(L, G)[..., None]
    blocks = lambda L, G: np.kron(L, np.ones((G.shape[0] // L.shape[0], G.shape[1] // L.shape[1])))
    stretch = lambda L: (L - L.min()) / np.ptp(L)
    return check_function(function, inputs, lambda L, G: enlarge(L, G) * G, {
        "The heat map has to be enlarged smoothly (bilinear): yours repeats each value as a block.":
            lambda L, G: blocks(L, G)[..., None] * G,
        "(H, W) does not multiply (H, W, 3): give the enlarged map a third axis, `[..., None]`, so that it serves each "
        "colour channel.": lambda L, G: large(L, G) * G,
        "The heat map has to be first enlarged to (H, W): `upsample`.": (lambda L, G: L * G, lambda L, G: L[..., None] * G),
        "`upsample` of a batch returns a batch: take its only map, `[0]`.":
            (lambda L, G: large(L, G)[None] * G, lambda L, G: enlarge(L, G)[None] * G),
        "Height and width are swapped: the size is (H, W), height first.":
            lambda L, G: upsample(L, G.shape[1::-1])[..., None] * G,
        "The heat map is normalized first; the formula multiplies it as it is, at its own scale.": (
            lambda L, G: enlarge(L / L.max(), G) * G, lambda L, G: enlarge(L, G) / large(L, G).max() * G,
            lambda L, G: enlarge(stretch(L), G) * G, lambda L, G: stretch(large(L, G))[..., None] * G),
        "Adding them shows wherever one of the two is large; the product keeps what both point at.":
            lambda L, G: enlarge(L, G) + G,
        "The signs of guided backprop are lost; keep them.": lambda L, G: enlarge(L, G) * np.abs(G),
        "Negative values of guided backprop are cut off; keep both signs.": lambda L, G: enlarge(L, G) * np.maximum(G, 0),
    })


# ---- 7 · localization -------------------------------------------------------------------------

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
    return check_function(function, inputs, lambda a, b: both(a, b) / union(a, b), {
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
        L = _signed(rng, *_size(rng))
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
    return check_function(function, inputs, lambda L, mask: points(L) and mask[at(L)], {
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


# ---- 8 · Can you trust it? --------------------------------------------------------------------

def check_rank_correlation(function) -> Verdict:
    """Exercise: rank_correlation(a (h, w), b (h, w)) = the correlation of their ranks (Spearman's).

    >>> checks.check_rank_correlation(lambda a, b: np.corrcoef(a.ravel(), b.ravel())[0, 1])
    ✗ That is the correlation of the values. ...
    """
    def inputs(rng):
        a = _signed(rng, *_size(rng))
        return a, np.exp(2 * a + _signed(rng, *a.shape)) - 2

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
    answer, changed = _outcome(function, (images,))
    nothing = _nothing(function, [answer], changed)
    if nothing is not None:
        return nothing
    repaired = _numbers(answer)
    if isinstance(repaired, Exception):
        return _wrong(_stop(function, [answer], [(images,)]))
    if repaired is None:
        return _wrong(f"Expected an array of images, got {type(answer).__name__}.")
    if repaired.shape != images.shape:
        return _wrong(f"{images.shape} came in, {repaired.shape} came out. If you cut the corner off (a sound idea), "
                      "enlarge the rest to the old size; the network expects it.")
    told = _fault_of_repair(images, repaired, had) or (changed and "The values are right, but your " + IN_PLACE)
    return _wrong(told) if told else RIGHT


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


# ---- 9 · transfer learning --------------------------------------------------------------------

def check_unfreeze(function) -> Verdict:
    """Exercise: unfreeze_from(trunk, first): of the layers of a model, `first` and all after it can be trained, no other.

    Tried on models that are wholly frozen, wholly free and partly free at first, with `first` in several places.

    >>> checks.check_unfreeze(lambda trunk, first: setattr(trunk, "trainable", False))
    ✗ Nothing can be trained any more. ...
    """
    nothing = _nothing(function, [0], changed=False)
    if nothing is not None or _is_stub(function):
        return NOT_YET if nothing is None else nothing
    before = np.array([[True] * 6, [False] * 6, [False] * 5 + [True], [True] * 6])      # which layers can be trained at first
    firsts = np.array([2, 4, 1, 5])
    found = []
    for first, free in zip(firsts, before, strict=True):
        trunk = keras.Sequential([keras.Input((3,)), *(keras.layers.Dense(2, name=f"layer{n}") for n in range(6))])
        trunk.trainable = bool(free.any())
        for layer, switch in zip(trunk.layers, free, strict=True):
            layer.trainable = bool(switch)
        answer, _ = _outcome(function, (trunk, f"layer{first}"))
        if isinstance(answer, Exception):
            return _wrong(_stop(function, [answer], [()]))
        trained = {id(weight) for weight in trunk.trainable_weights}
        found.append([id(layer.kernel) in trained for layer in trunk.layers])
    told = _fault_of_unfreezing(np.array(found), before, firsts)
    return _wrong(told) if told else RIGHT


def _fault_of_unfreezing(found, before, firsts):
    """What to tell where layers can be trained, (models, layers), and others should be; None where all is right."""
    number, firsts = np.arange(6), firsts[:, None]
    wanted = number >= firsts
    whole = np.where(before.any(axis=1, keepdims=True), wanted, False)      # a model that is frozen as a whole stays so
    told = {
        None: wanted,
        "Nothing was changed: each layer has a switch `layer.trainable`, to be set to True or False.": before,
        "Nothing can be trained any more. Whoever switches a whole model off switches all of its layers off.": wanted & False,
        "Everything can be trained, the early layers too.": wanted | True,
        "It is the other way round: the early layers stay frozen, the late ones are trained.": ~wanted,
        "`first` alone can be trained; all the layers after it should be, too.": number == firsts,
        "`first` itself is still frozen: it is the first layer to be trained.": number > firsts,
        "A model that was switched off as a whole trains nothing, whatever its layers say: set `trunk.trainable = True` "
        "first, then the switches of the layers.": whole,
        "Late layers that were frozen before stay so: set the switch of every layer, to True or to False.":
            wanted & (before | ~before.any(axis=1, keepdims=True)),
    }
    for sentence, flags in told.items():
        if np.array_equal(found, flags):
            return sentence
    n = (found != wanted).any(axis=1).argmax()
    return (f"Of six layers, with the one of index {firsts[n, 0]} as `first`, those of index {np.flatnonzero(found[n]).tolist()} "
            f"can now be trained; it should be {np.flatnonzero(wanted[n]).tolist()}.")


def check_choose_epoch(function) -> Verdict:
    """Exercise: choose(history) = (epoch of the least validation loss, epoch of the first best validation accuracy).

    history: dict of lists "loss", "accuracy", "val_loss", "val_accuracy", one number an epoch; epochs count from 1.

    >>> checks.check_choose_epoch(lambda history: (np.argmin(history["val_loss"]), np.argmax(history["val_accuracy"])))
    ✗ Those are places in a list, which count from 0. Epochs count from 1.
    """
    def inputs(rng):
        n = int(rng.integers(8, 12))
        accuracy = rng.permutation(n) / 20
        accuracy[accuracy.argmin()] = accuracy.max()                    # the best accuracy occurs twice
        falling = {"loss": -np.sort(-rng.random(n)), "accuracy": np.sort(rng.random(n))}
        return ({name: values.tolist() for name, values in falling.items()}
                | {"val_loss": rng.permutation(n).tolist(), "val_accuracy": accuracy.tolist()},)

    def epochs(best_loss, best_accuracy, of="val_", first=1):
        return lambda h: (best_loss(h[of + "loss"]) + first, best_accuracy(h[of + "accuracy"]) + first)

    low, high, last_high = np.argmin, np.argmax, lambda values: len(values) - 1 - np.argmax(values[::-1])
    return check_function(function, inputs, epochs(low, high), {
        "Those are places in a list, which count from 0. Epochs count from 1.": epochs(low, high, first=0),
        "Those are the curves of the training data. They are best at the end, whatever was learned by heart.": (
            epochs(low, high, of=""), epochs(low, high, of="", first=0), epochs(low, last_high, of="")),
        "The least loss is the best one.": (epochs(high, high), epochs(high, high, first=0)),
        "The highest accuracy is the best one.": (epochs(low, low), epochs(low, low, first=0)),
        "Where the best accuracy occurs twice, take the first: a later epoch that is no better has only learned more by "
        "heart.": (epochs(low, last_high), epochs(low, last_high, first=0)),
        "The two epochs are swapped: first that of the loss, then that of the accuracy.": lambda h: epochs(low, high)(h)[::-1],
        "Those are the best values. Wanted is at which epochs they stand.":
            lambda h: (min(h["val_loss"]), max(h["val_accuracy"])),
    })


def check_nested_grad_cam(function) -> Verdict:
    """Exercise: nested(trunk, head, images, c): Grad-CAM (n, h, w) of class c at the end of `trunk`, below `head`.

    trunk: a model from images to feature maps; head: a model from those to class scores.

    >>> checks.check_nested_grad_cam(lambda trunk, head, images, c: trunk(images))
    ✗ For inputs of shape ... the result should have shape ...; yours has shape ...
    """
    layers = keras.layers

    def inputs(rng):
        (height, width), channels, classes = _size(rng, 6, 10), int(rng.integers(3, 6)), int(rng.integers(3, 6))
        seed = int(rng.integers(1000))
        kernel = lambda shape, dtype=None: np.random.default_rng(seed).normal(size=shape).astype(np.float32)
        trunk = keras.Sequential([keras.Input((height, width, 1)),
                                  layers.Conv2D(channels, 3, activation="relu", kernel_initializer=kernel)])
        pooled = [layers.Flatten(), layers.Dense(5, activation="tanh", kernel_initializer=kernel)]
        head = keras.Sequential([keras.Input(trunk.output_shape[1:]), *pooled,
                                 layers.Dense(classes, kernel_initializer=kernel)])
        return trunk, head, _features(rng, 2, height, width, 1), int(rng.integers(classes))

    def parts(trunk, head, images, score):
        with tf.GradientTape() as tape:
            A = trunk(images)
            tape.watch(A)
            y = score(head(A))
        return A.numpy(), tape.gradient(y, A).numpy()

    def weighted(trunk, head, images, score, axes=(1, 2), over=np.sum):
        A, gradient = parts(trunk, head, images, score)
        return over(A * gradient.mean(axis=axes, keepdims=True), axis=-1)

    relu = lambda L: np.maximum(L, 0)
    of = lambda c: lambda y: y[:, c]
    return check_function(function, inputs, lambda t, h, x, c: relu(weighted(t, h, x, of(c))), {
        "Right, but before the ReLU: what speaks against the class is left in.": lambda t, h, x, c: weighted(t, h, x, of(c)),
        "That is the map of the predicted class; asked is class c.":
            lambda t, h, x, c: relu(weighted(t, h, x, lambda y: tf.reduce_max(y, axis=1))),
        "That is the gradient of the probability. Take the score before softmax: `head(A)[:, c]`.":
            lambda t, h, x, c: relu(weighted(t, h, x, lambda y: tf.nn.softmax(y)[:, c])),
        "That is the gradient of all scores together: take class c alone, `head(A)[:, c]`.":
            lambda t, h, x, c: relu(weighted(t, h, x, lambda y: tf.reduce_sum(y, axis=1))),
        "The gradients are multiplied place by place, and not averaged: that is HiResCAM.":
            lambda t, h, x, c: relu(np.multiply(*parts(t, h, x, of(c))).sum(-1)),
        "The gradients are averaged over the images too. Each image has its own weights: average over height and width "
        "alone.": lambda t, h, x, c: relu(weighted(t, h, x, of(c), axes=(0, 1, 2))),
        "That is the mean over the channels; the formula has their sum.":
            lambda t, h, x, c: relu(weighted(t, h, x, of(c), over=np.mean)),
    })


# ---- 10 · captions and questions ----------------------------------------------------------------

def check_film(function) -> Verdict:
    """Exercise: film(x (h, w, K), gamma (K,), beta (K,)) = ReLU(γ x + β), one γ and one β for each channel.

    >>> checks.check_film(lambda x, gamma, beta: gamma * x + beta)
    ✗ Scaled and shifted rightly, but the ReLU is missing.
    """
    def inputs(rng):
        K = int(rng.integers(3, 7))
        return _signed(rng, *_size(rng, 7, 11), K), _signed(rng, K), _signed(rng, K)

    relu = lambda x: np.maximum(x, 0)
    return check_function(function, inputs, lambda x, g, b: relu(g * x + b), {
        "Scaled and shifted rightly, but the ReLU is missing.": lambda x, g, b: g * x + b,
        "The ReLU comes last: here it comes before the question has had its say.": (
            lambda x, g, b: g * relu(x) + b, lambda x, g, b: relu(g * relu(x) + b)),
        "Scale first, then shift: γ x + β, not γ (x + β).": lambda x, g, b: relu(g * (x + b)),
        "γ and β are exchanged: γ scales, β shifts.": lambda x, g, b: relu(b * x + g),
        "The shift is missing.": lambda x, g, b: relu(g * x),
        "The scale is missing.": lambda x, g, b: relu(x + b),
        "The channels are added up. They stay apart: the result has the shape of x.": lambda x, g, b: relu(g * x + b).sum(-1),
    })


def check_max_head(function) -> Verdict:
    """Exercise: max_map(B (h, w, K), d (K,)): HiResCAM Σ_k ∂y/∂B^k ⊙ B^k where y reads m_k = max_ij B^k_ij alone, d_k = ∂y/∂m_k.

    >>> checks.check_max_head(lambda B, d: B @ d)
    ✗ Each map is weighed as a whole. ...
    """
    def inputs(rng):
        K = int(rng.integers(3, 7))
        return _features(rng, *_size(rng), K), _signed(rng, K)

    def at_peaks(B, d, value=lambda B, d: B * d):
        return (value(B, d) * (B == B.max(axis=(0, 1)))).sum(-1)

    def at_the_peak(B, d):
        L = B @ d
        return L * (L == L.max())

    return check_function(function, inputs, at_peaks, {
        "Each map is weighed as a whole. The score reads one place of each map, so the gradient is 0 at all others.": (
            lambda B, d: B @ d, lambda B, d: np.maximum(B @ d, 0), lambda B, d: B @ d / B[..., 0].size,
            lambda B, d: np.maximum(B @ d / B[..., 0].size, 0)),
        "That is the gradient alone; HiResCAM multiplies it by the map.": lambda B, d: at_peaks(B, d, lambda B, d: d + 0 * B),
        "Those are the maps' values at their peaks; the derivatives d are missing.":
            lambda B, d: at_peaks(B, d, lambda B, d: B),
        "Each channel has its own peak. You took one place for all of them.": at_the_peak,
        "Right, but with Grad-CAM's ReLU: HiResCAM keeps what speaks against the word.":
            lambda B, d: np.maximum(at_peaks(B, d), 0),
        "The channels are not added up yet.": lambda B, d: B * d * (B == B.max(axis=(0, 1))),
        "The derivatives are divided by the number of places. That is Grad-CAM's mean; here each derivative stands at its own "
        "place.": lambda B, d: at_peaks(B, d) / B[..., 0].size,
    })


# ---- 11 · Attention ---------------------------------------------------------------------------

def check_token_grad_cam(function) -> Verdict:
    """Exercise: token_grad_cam(x (1 + h w, K), g (1 + h w, K), h, w): Grad-CAM of tokens, the first a class token, as (h, w).

    g is the gradient of the score by the tokens x.

    >>> checks.check_token_grad_cam(lambda x, g, h, w: np.maximum((x * g)[1:].sum(1), 0).reshape(h, w))
    ✗ The gradient is multiplied with the tokens one by one: that is HiResCAM. ...
    """
    def inputs(rng):
        h, w = _size(rng, 2, 5)
        K = int(rng.integers(h * w + 2, h * w + 6))
        return _features(rng, 1 + h * w, K), _signed(rng, 1 + h * w, K), h, w

    relu, laid = lambda L: np.maximum(L, 0), lambda L, h, w: np.reshape(L, (h, w))
    mean = lambda g, part=slice(1, None): g[part].mean(axis=0)
    return check_function(function, inputs, lambda x, g, h, w: laid(relu(x[1:] @ mean(g)), h, w), {
        "The class token's gradient went into α: it stands for no place, so average over the others alone.":
            lambda x, g, h, w: laid(relu(x[1:] @ mean(g, slice(None))), h, w),
        "The class token is the first, not the last: leave out number 0.": (
            lambda x, g, h, w: laid(relu(x[:-1] @ mean(g, slice(-1))), h, w),
            lambda x, g, h, w: laid(relu(x[:-1] @ mean(g)), h, w),
            lambda x, g, h, w: laid(relu(x[:-1] @ mean(g, slice(None))), h, w)),
        "Right, but without the ReLU.": lambda x, g, h, w: laid(x[1:] @ mean(g), h, w),
        "Rows and columns are exchanged: tokens stand row by row, reshape(h, w).":
            lambda x, g, h, w: laid(relu(x[1:] @ mean(g)), w, h).T,
        "The gradient is multiplied with the tokens one by one: that is HiResCAM. For Grad-CAM, average it over the places "
        "first.": (lambda x, g, h, w: laid(relu((x * g)[1:].sum(axis=1)), h, w),
                   lambda x, g, h, w: laid((x * g)[1:].sum(axis=1), h, w)),
        "α is the mean of the gradient over the places, not its sum.":
            lambda x, g, h, w: laid(relu(x[1:] @ g[1:].sum(axis=0)), h, w),
        "The map is still a row of tokens; lay it out: reshape(h, w).": lambda x, g, h, w: relu(x[1:] @ mean(g)),
    })


def check_rollout_step(function) -> Verdict:
    """Exercise: step(A (heads, T, T), g (heads, T, T), R (T, T)) = R + mean over the heads of ReLU(g ⊙ A), times R.

    >>> checks.check_rollout_step(lambda A, g, R: R + np.maximum(g * A, 0).mean(axis=0))
    ✗ What the earlier blocks did is lost: ...
    """
    def inputs(rng):
        T, heads = int(rng.integers(5, 14)), int(rng.integers(2, 5))
        A = np.exp(_signed(rng, heads, T, T))
        return A / A.sum(axis=-1, keepdims=True), _signed(rng, heads, T, T), np.eye(T) + rng.random((T, T))

    relu, mean = lambda x: np.maximum(x, 0), lambda x: x.mean(axis=0)
    return check_function(function, inputs, lambda A, g, R: R + mean(relu(g * A)) @ R, {
        "What flows past the attention is missing: R is added, R + Ā R.": lambda A, g, R: mean(relu(g * A)) @ R,
        "What the earlier blocks did is lost: Ā is multiplied with R before it is added.": (
            lambda A, g, R: R + mean(relu(g * A)), lambda A, g, R: np.eye(len(R)) + mean(relu(g * A))),
        "The wrong way round: the later block stands on the left, Ā R.": lambda A, g, R: R + R @ mean(relu(g * A)),
        "Ā R is a matrix product, `@`; `*` multiplies entry by entry.": lambda A, g, R: R + mean(relu(g * A)) * R,
        "The ReLU comes before the mean: a head in which attention lowers the score must not take from the others.":
            lambda A, g, R: R + relu(mean(g * A)) @ R,
        "The ReLU is missing: attention that lowers the score counts for nothing.": lambda A, g, R: R + mean(g * A) @ R,
        "The gradients' signs are lost before the product; negative ones count for nothing.":
            lambda A, g, R: R + mean(np.abs(g * A)) @ R,
        "That is the sum of the heads; the rule has their mean.": lambda A, g, R: R + relu(g * A).sum(axis=0) @ R,
        "The gradient is missing: this is the same for all classes.": (
            lambda A, g, R: R + mean(A) @ R, lambda A, g, R: (mean(A) + np.eye(len(R))) / 2 @ R),
        "The attention is missing: its gradient alone says what would change, not what was looked at.":
            lambda A, g, R: R + mean(relu(g)) @ R,
    })
