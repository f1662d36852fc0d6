"""The exercises' self-checks: right answers in any form pass, wrong ones are named, nothing is too lenient.

The answers are in tests/answers, a module for each notebook.
"""

import functools
import importlib
import pkgutil
import re

import answers
import numpy as np
import pytest
import tensorflow as tf

from lecture_utils import checks
from lecture_utils.checks import judging

MODULES = [importlib.import_module(f"answers.{each.name}") for each in pkgutil.iter_modules(answers.__path__)
           if each.name != "common"]
RIGHT = {check: answer for module in MODULES for check, answer in module.RIGHT.items()}
ALSO_RIGHT = [each for module in MODULES for each in module.ALSO_RIGHT]
WRONG = [each for module in MODULES for each in module.WRONG]
EXERCISES = [each for name, each in vars(checks).items()
             if name.startswith("check_") and name not in ("check_function", "check_number")]


@functools.cache
def told(number):
    """What the check says to a wrong answer, asked once for the two tests that look at it."""
    check, wrong, _ = WRONG[number]
    return check(wrong)


@pytest.mark.parametrize("check", EXERCISES, ids=lambda check: check.__name__)
def test_each_exercise_is_tried_with_two_right_answers_and_five_wrong_ones(check):
    """One right answer more is printed in the notebook: tests/test_exercises.py."""
    right = (check in RIGHT) + sum(each is check for each, _ in ALSO_RIGHT)
    assert right >= 1
    assert len({named for each, _, named in WRONG if each is check and "Not attempted" not in named}) >= 5


def in_form(form, right):
    return lambda *a: form(np.asarray(right(*a), dtype=np.float32))


def always(value):
    return lambda *a: value


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_right_answers_pass_in_any_form(check):
    assert check(RIGHT[check]), check(RIGHT[check])
    for form in (np.ndarray.tolist, np.float16, np.float32, np.float64, tf.constant, tf.Variable,
                 lambda answer: list(tf.constant(answer)) if answer.ndim else tf.constant(answer),
                 lambda answer: tf.cast(answer, tf.float16), lambda answer: tf.cast(answer, tf.bfloat16)):
        assert check(in_form(form, RIGHT[check]))


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_what_is_off_by_a_hundredth_does_not_pass(check):
    assert not check(lambda *a: 1.01 * np.asarray(RIGHT[check](*a), dtype=float))


@pytest.mark.parametrize("check, answer", ALSO_RIGHT)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_right_answers_pass_in_other_words(check, answer):
    assert check(answer), check(answer)


@pytest.mark.parametrize("check", [check for check in RIGHT if check not in (checks.check_iou, checks.check_choose_epoch)],
                         ids=lambda check: check.__name__)
def test_a_function_is_tried_on_several_shapes(check):
    shapes = []
    check(lambda *a: shapes.append([np.shape(argument) for argument in a if np.ndim(argument)]))
    assert len({str(each) for each in shapes}) >= 3
    assert all(len(first) < 2 or first[0] != first[1] for first, *_ in shapes)      # height is not width


def test_boxes_of_several_sizes_and_places():
    boxes = []
    checks.check_iou(lambda a, b: boxes.append(tuple(a)))
    assert len({(x1 - x0, y1 - y0) for x0, y0, x1, y1 in boxes}) >= 3 and len(set(boxes)) == len(boxes)


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_unattempted_and_empty_answers_do_not_pass(check):
    zeros = lambda *a: np.zeros_like(np.asarray(RIGHT[check](*a), dtype=float))
    assert not check(zeros)
    assert "Not attempted" in repr(check(lambda *a: None))
    assert "ZeroDivisionError" in repr(check(lambda *a: 1 // 0))
    assert not check(lambda *a: "text") and not check(lambda *a: np.nan)


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero")
@pytest.mark.parametrize("number", range(len(WRONG)), ids=lambda number: f"{number}-{WRONG[number][0].__name__}")
def test_known_misconceptions_are_named(number):
    verdict = told(number)
    assert not verdict and WRONG[number][2] in repr(verdict)


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero")
def test_every_hint_is_given_to_somebody(monkeypatch):
    """Of each exercise: what it can tell, and what the wrong answers above are told."""
    hints, compare = {}, judging.check_function
    with monkeypatch.context() as patch:
        patch.setattr(judging, "check_function",
                      lambda *args, **options: hints.update({check: args[3]}) or compare(*args, **options))
        for check in RIGHT:
            check(lambda *a: None)
    given = {(WRONG[number][0], repr(told(number))) for number in range(len(WRONG))}
    assert [hint for check in RIGHT for hint in hints[check] if (check, "✗ " + hint) not in given] == []


def test_a_check_cannot_be_fooled_by_changing_its_arguments():
    def fools(A, g):
        A *= 0
        return np.zeros(A.shape[:2])
    assert not checks.check_grad_cam(fools) and "in place" in repr(checks.check_grad_cam(fools))


def test_who_is_right_but_overwrites_the_input_is_told():
    def gate(x, R):
        R[(x <= 0) | (R < 0)] = 0
        return R
    told = checks.check_guided_gate(gate)
    assert not told and "values are right" in repr(told) and "copy" in repr(told)
    assert checks.check_guided_gate(lambda x, R: gate(x, R.copy()))


def test_a_misconception_is_named_although_the_input_is_overwritten():
    def halfway(x, R):
        R[x <= 0] = 0
        return R
    assert "saliency" in repr(checks.check_guided_gate(halfway))


def alpha_in_place(gradients):
    gradients /= gradients.shape[0] * gradients.shape[1]


def alpha_without_return(gradients):
    alpha = gradients.mean((0, 1))      # noqa: F841 (the slip itself)


def alpha_returns_none(gradients):
    alpha = gradients.mean((0, 1))      # noqa: F841 (here too)
    return None


def alpha_printed(gradients):
    str(gradients.mean((0, 1)))


def alpha_on_one_way(gradients):
    if gradients.shape[0] > gradients.shape[1]:
        return gradients.mean((0, 1))


def stub(gradients):
    """(h, w, K) -> (K,)"""
    return None


def stub_pass(gradients):
    pass


def stub_ellipsis(gradients):
    ...


def stub_returns_ellipsis(gradients):
    return ...


class Alpha:
    def __call__(self, gradients):
        gradients.mean((0, 1))


@pytest.mark.parametrize("function, told", [
    (stub, "· Not attempted"), (stub_pass, "· Not attempted"), (stub_ellipsis, "· Not attempted"),
    (stub_returns_ellipsis, "· Not attempted"), (lambda gradients: None, "· Not attempted"),
    (None, "· Not attempted"), (..., "· Not attempted"),
    (alpha_without_return, "✗ Your function computes something but returns nothing"),
    (alpha_returns_none, "✗ Your function computes something but returns nothing"),
    (alpha_printed, "✗ Your function computes something but returns nothing"),
    (Alpha(), "✗ Your function computes something but returns nothing"),
    (alpha_on_one_way, "✗ For some inputs your function ends without a `return`"),
    (alpha_in_place, "✗ Your function changes its input in place and returns nothing"),
    (np.ones(6), "✗ Give the check your function itself"), (3, "✗ Give the check your function itself"),
])
def test_who_returns_nothing_is_told_what_is_missing(function, told):
    verdict = checks.check_alpha(function)
    assert not verdict and repr(verdict).startswith(told), verdict


def misspelt(gradients):
    return gradient.mean((0, 1))        # noqa: F821 (the slip itself)


@pytest.mark.parametrize("function, told", [
    (misspelt, ["a name is not defined", "NameError: name 'gradient' is not defined", "return gradient.mean((0, 1))"]),
    (lambda g: g.mean((0, 1)) / 0 if g is None else 1 // 0, ["divides by zero", "ZeroDivisionError"]),
    (lambda g: g[..., 99], ["beyond", "IndexError", "99"]),
    (lambda g: g.mean(5), ["an axis", "AxisError"]),
    (lambda g: g.average(), ["has no such", "AttributeError"]),
    (lambda g, A: g, ["TypeError", "A"]),
    (lambda g: g + "1", ["a type", "does not work here"]),
    (lambda g: g @ np.ones(99), ["two shapes do not fit", "ValueError"]),
    (lambda g: tf.constant(g) + tf.ones(99), ["two shapes do not fit", "InvalidArgumentError"]),
    (lambda g: np.asarray([]).max(), ["ValueError", "zero-size array"]),
    (lambda g: float(g), ["TypeError"]),
])
def test_an_exception_becomes_a_sentence(function, told):
    verdict = checks.check_alpha(function)
    assert not verdict and all(part in repr(verdict) for part in ["✗ Your function stopped", *told]), verdict
    assert "\n" not in repr(verdict) and len(repr(verdict)) < 500 and "node" not in repr(verdict)


def test_an_exception_says_on_what_it_came():
    assert re.search(r"given inputs of shape \(\d, \d, \d\) and \(\d, \d, \d\): it divides by zero",
                     repr(checks.check_grad_cam(lambda A, g: 1 // 0)))


@pytest.mark.parametrize("answer", ["0.5", b"1", {"a": 1}, [1, [2, 3]], object()])
def test_what_is_no_number_is_told(answer):
    for check in (checks.check_class_score, checks.check_alpha, checks.check_iou):
        assert "Expected numbers" in repr(check(lambda *a: answer))


@pytest.mark.parametrize("check", [checks.check_class_score, checks.check_iou, checks.check_pointing_game,
                                   checks.check_rank_correlation], ids=lambda check: check.__name__)
def test_a_single_value_is_not_praised_for_its_shape(check):
    told = [repr(check(always(value))) for value in (0.123, 7, True)]
    assert all("shape" not in each and "single value is wrong" in each for each in told), told
    assert all("should be a single value" in repr(check(always(value))) for value in (np.ones((2, 2)), [0.1]))


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero")
def test_values_that_are_no_numbers_are_told():
    assert "NaN" in repr(checks.check_alpha(lambda g: g.mean((0, 1)) / 0))
    assert "NaN" in repr(checks.check_class_score(lambda M, b: np.nan))


def test_a_repair_that_writes_into_its_images_does_not_fool_the_check():
    def in_place(images):
        images[:] = 0.5
        return images
    assert not checks.check_repair(in_place)
