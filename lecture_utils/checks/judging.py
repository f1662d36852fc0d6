"""How an answer is judged: on random inputs, beside a right answer and beside the usual misconceptions.

Every check returns a `Verdict`; as the last line of a cell, that prints itself.
"""

import dis
import inspect
import re
import traceback
from dataclasses import dataclass

import numpy as np

from ..language import say, worded


@dataclass(frozen=True)
class Verdict:
    """What a check found: `bool(verdict)` is True only for a right answer."""

    right: bool
    message: str

    def __bool__(self):
        return self.right

    def __repr__(self):
        return self.message


def passed():
    return Verdict(True, say("✓ Right."))


def refused(told):
    return Verdict(False, "✗ " + told)


def not_attempted():
    return Verdict(False, say("· Not attempted yet: replace the stub with your own code, then run the cell again."))


OVERWRITES = worded("Your function changes its input in place, and so the data of whoever calls it: work on a copy.")
RIGHT_BUT_OVERWRITES = worded("The values are right, but your function changes its input in place, and so the data of whoever "
                              "calls it: work on a copy.")


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
    answers, changes = zip(*[outcome_of(function, case) for case in cases], strict=True)
    changed = any(changes)
    nothing = without_answer(function, answers, changed)
    if nothing is not None:
        return nothing
    numbers = [as_numbers(answer) for answer in answers]
    if any(number is None for number in numbers):
        odd = next(answer for answer, number in zip(answers, numbers, strict=True) if number is None)
        return refused(say("Expected numbers or an array of numbers, got {kind}.", kind=type(odd).__name__))
    expected = [as_numbers(right(*case)) for case in cases]
    if _agree(numbers, expected):
        return refused(say(RIGHT_BUT_OVERWRITES)) if changed else passed()
    return refused(_misconception(numbers, misconceptions, cases) or stopped(function, answers, cases)
                  or (changed and say(OVERWRITES)) or _difference(numbers, expected, cases))


def check_number(answer, right, misconceptions) -> Verdict:
    """Hold one number against `right`, exactly; `misconceptions` maps wrong numbers to what to tell.

    >>> checks.check_number(8, right=9, misconceptions={8: "You forgot the bias."})
    ✗ You forgot the bias.
    """
    if answer is None or answer is ...:
        return not_attempted()
    try:
        number = float(answer)
    except (TypeError, ValueError):
        number = None
    if number is None or isinstance(answer, (str, bytes)):      # float("18") is a number, "18" is none
        return refused(say("Expected one number, got {kind}.", kind=type(answer).__name__))
    if number == right:
        return passed()
    not_it = say("{number:,.10g} is not it. Write the formula down first, then put the numbers in.", number=number)
    return refused(misconceptions.get(number, not_it))


# ---- what became of the student's function ----------------------------------------------------

def outcome_of(function, case):
    """What `function` returns, or the exception with which it stops; and whether it changed its arguments."""
    given = [np.copy(argument) if isinstance(argument, np.ndarray) else argument for argument in case]
    try:
        answer = function(*given)
    except Exception as error:  # whatever the student's code raises is the answer to report
        answer = error
    return answer, not all(map(np.array_equal, given, case))


def without_answer(function, answers, changed):
    """The `Verdict` where there is no answer to judge, None where there is one."""
    if function is None or function is ...:
        return not_attempted()
    if not callable(function):
        return refused(say("Give the check your function itself, its name without parentheses, not what it returns."))
    empty = [answer is None or answer is ... for answer in answers]
    if not any(empty):
        return None
    if not all(empty):
        return refused(say("For some inputs your function ends without a `return`, and so gives back nothing (None)."))
    if changed:
        return refused(say("Your function changes its input in place and returns nothing: change a copy, and `return` that."))
    if is_stub(function):
        return not_attempted()
    return refused(say("Your function computes something but returns nothing (None): end it with `return` and the result."))


def is_stub(function):
    """Whether all that a function does is to return a constant: its bytecode has no other steps."""
    steps = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}     # the last two in different Pythons
    code = getattr(function, "__code__", None)
    return code is not None and steps.issuperset(step.opname for step in dis.get_instructions(code))


def as_numbers(answer):
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
                if _agree(answers, [as_numbers(outcome_of(wrong, case)[0]) for case in cases]):
                    return told
    return None


def _difference(answers, expected, cases):
    """What to tell of an answer that is wrong for a reason that nobody foresaw."""
    for answer, e, case in zip(answers, expected, cases, strict=True):
        if answer.shape != e.shape:
            return _difference_of_shapes(answer.shape, e.shape, case)
    if not all(np.isfinite(answer).all() for answer in answers):
        return say("Some values are NaN or infinite: look for a division by zero.")
    if expected[0].ndim == 0:
        wrong = sum(not _same(*pair) for pair in zip(answers, expected, strict=True))
        return say("The single value is wrong for {wrong} of {n} inputs. Try one small enough to do by hand.",
                   wrong=wrong, n=len(cases))
    factor = _factor(answers, expected)
    if factor is not None:
        return say("The values are right up to a factor, {factor:.3g} for the first input: look for a sum in place of a mean, a "
                   "sign, or a number that should follow from the shape.", factor=factor)
    return say("The shape is right, the values are not. Try an input small enough to do by hand.")


UNLIKE = {      # whether the function was given arrays, and whether a single value is right → what to tell
    (False, False): worded("The result should have shape {wanted}; yours has shape {shape}."),
    (False, True): worded("The result should be a single value; yours has shape {shape}."),
    (True, False): worded("For inputs of shape {shapes} the result should have shape {wanted}; yours has shape {shape}."),
    (True, True): worded("For inputs of shape {shapes} the result should be a single value; yours has shape {shape}."),
}


def _difference_of_shapes(shape, wanted, case):
    shapes = _shapes(case)
    return say(UNLIKE[shapes != "", wanted == ()], shapes=shapes, wanted=wanted, shape=shape)


def _factor(answers, expected):
    """The first factor, where each answer is a multiple of what is right (another for each, but not 0); else None."""
    factors = [np.vdot(e, answer) / np.vdot(e, e) if e.any() else 1 for answer, e in zip(answers, expected, strict=True)]
    multiples = [factor * e for factor, e in zip(factors, expected, strict=True)]
    return factors[0] if all(factors) and _agree(answers, multiples) else None


# ---- exceptions as sentences ------------------------------------------------------------------

MEANINGS = {    # to somebody who has seen few of them; the first that fits counts
    NameError: worded("a name is not defined, because it is misspelt or its cell has not been run"),
    ZeroDivisionError: worded("it divides by zero"),
    AttributeError: worded("a value has no such attribute or method"),
    np.exceptions.AxisError: worded("it names an axis that the array does not have"),
    IndexError: worded("it reaches beyond the end of an array"),
    TypeError: worded("a value is of a type, or a call has a number of arguments, that does not work here"),
}
STOPS = {       # whether the line is known at which a function stopped, and whether it was given arrays → what to tell
    (False, False): worded("Your function stopped: {why}."),
    (False, True): worded("Your function stopped, given inputs of shape {shapes}: {why}."),
    (True, False): worded("Your function stopped at `{line}`: {why}."),
    (True, True): worded("Your function stopped at `{line}`, given inputs of shape {shapes}: {why}."),
}


def stopped(function, answers, cases, sentences=STOPS):
    """What to tell whose function stopped: at which line, what that means, on which input. None if it did not."""
    for error, case in zip(answers, cases, strict=True):
        if isinstance(error, Exception):
            line, shapes = _line(function, error), _shapes(case)
            return say(sentences[line != "", shapes != ""], line=line, shapes=shapes, why=_why(error))
    return None


def _why(error):
    """What an exception says, after what it means where that is known."""
    said, meaning = f"{type(error).__name__}: {_said(error)}".rstrip(": ."), _meaning(error)
    return say("{meaning} ({said})", meaning=meaning, said=said) if meaning else said


def _meaning(error):
    for kind, meaning in MEANINGS.items():
        if isinstance(error, kind):
            return say(meaning)
    unfit = re.search("shape|broadcast|core dimension|not aligned", _said(error))    # in NumPy's and TensorFlow's words
    return say("two shapes do not fit together") if unfit else ""


def _line(function, error):
    """The line of the student's own code at which it stopped; nothing where that is not known."""
    home = getattr(getattr(function, "__code__", None), "co_filename", None)
    lines = [step.line for step in traceback.extract_tb(error.__traceback__) if step.filename == home and step.line]
    return lines[-1][:100] if lines else ""


def _shapes(case):
    return say(" and ").join(str(np.shape(argument)) for argument in case if np.ndim(argument))


def about_tapes(verdict):
    """The same verdict; to whose GradientTape gave None, why that is."""
    if "None" not in verdict.message:
        return verdict
    return Verdict(False, verdict.message + " " + say("A tape that gives None has not watched: it follows variables by itself, a "
                                                      "tensor only after `tape.watch`, and what NumPy computes never."))


class StandIn:
    """Calls `run` in place of the student's `function`, as whose stub, and at whose lines, it is judged."""

    def __init__(self, function, run):
        self.run, self.__code__ = run, getattr(inspect.unwrap(function), "__code__", None)

    def __call__(self, *case):
        return self.run(*case)
