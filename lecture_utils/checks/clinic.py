"""Checks of notebook 12: the clinic."""

import numpy as np

from ..clinic import DIAGNOSES, maps, volunteers
from ..clinic.waiting import refutation, waiting_room
from ..language import say
from . import judging
from .inputs import height_and_width, signed
from .judging import Verdict


def check_completeness(function) -> Verdict:
    """Exercise: gap(M (n, h, w), y (n,), b) = the greatest |mean of a map + b - its score| among n pictures.

    >>> checks.check_completeness(lambda M, y, b: np.abs(M.mean((1, 2)) - y).max())
    ✗ The bias is missing: the score is the mean of the map plus the bias.
    """
    def inputs(rng):
        n, b = int(rng.integers(10, 13)), float(rng.normal() + 2)
        M = signed(rng, n, *height_and_width(rng))
        return M, M.mean(axis=(1, 2)) + b + rng.normal(size=n), b

    def gap(of=lambda M: M.mean((1, 2)), bias=1, size=np.abs, over=np.max):
        return lambda M, y, b: over(size(of(np.asarray(M, float)) + bias * b - y))

    same = lambda values: values
    return judging.check_function(function, inputs, gap(), {
        say("That takes the sum of the map; the score is its mean."): gap(of=lambda M: M.sum((1, 2))),
        say("The bias is missing: the score is the mean of the map plus the bias."): (gap(bias=0), gap(bias=0, size=same)),
        say("The bias is taken away; it belongs to the score as the mean of the map does."): gap(bias=-1),
        say("A gap below zero is a gap, too: take absolute values before the greatest."):
            (gap(size=same), gap(over=np.min, size=same)),
        say("All maps are averaged into one number. Each picture has its own score: average over height and width alone."):
            gap(of=np.mean),
        say("That is the mean of the gaps. One wrong picture among a thousand would be lost in it: take the greatest."):
            gap(over=np.mean),
        say("What is negative in the map is left out. The account is of the map before its ReLU."):
            gap(of=lambda M: np.maximum(M, 0).mean((1, 2))),
    })


def check_score_test(function) -> Verdict:
    """Exercise: is_of_score(explain, model, images, c): True for a map of the score, False for one of the probability.

    explain(model, images, c) gives maps; the model is a keras.Sequential whose last layer is linear, with a bias.

    >>> checks.check_score_test(lambda explain, model, images, c: True)
    ✗ Your test lets the map of the probability pass, ...
    """
    rng, answers, changed, cases = np.random.default_rng(3), [], [], []
    for build, seed in ((volunteers.dense_head, 1), (volunteers.averaging, 2), (volunteers.dense_head, 5)):
        model = build(seed)
        images = rng.random((int(rng.integers(1, 4)), *model.input_shape[1:]), dtype=np.float32)
        c = int(max(range(4), key=lambda c: maps.sound(model, images, c).max()))
        for explain in (maps.sound, maps.softmax):
            before = model.get_weights()
            cases.append((explain, model, images, c))
            answer, overwritten = judging.outcome_of(function, cases[-1])
            answers.append(answer)
            changed.append(overwritten or not all(map(np.array_equal, before, model.get_weights())))
            model.set_weights(before)
    nothing = judging.without_answer(function, answers, changed=False)
    if nothing is not None:
        return nothing
    stopped = judging.stopped(function, answers, [(images,) for *_, images, _ in cases])
    if stopped:
        return judging.refused(stopped)
    numbers = [judging.as_numbers(answer) for answer in answers]
    if any(number is None or number.size != 1 for number in numbers):
        return judging.refused(say("Return one True or False for all the maps together."))
    told = _fault_of_score_test(np.array([bool(number.item()) for number in numbers]).reshape(-1, 2))
    if told is None and any(changed):
        told = say("Your test leaves the model changed: put its weights back before you return, `set_weights(before)`.")
    return judging.refused(told) if told else judging.passed()


def _fault_of_score_test(says):
    """What to tell of a test that says (networks, 2) of score and probability; None where it is right of all."""
    if says.all():
        return say("Your test lets the map of the probability pass, as well as that of the score. What is in a probability, and "
                   "not in the score? The other classes: change something of theirs alone.")
    if not says.any():
        return say("Your test turns the map of the score away, too. If it compares two maps, allow for rounding: `np.allclose`. "
                   "If it changes the class that is asked for, change another.")
    if not says[:, 0].any() and says[:, 1].all():
        return say("It is the wrong way round: True shall say that the map is of the score.")
    if not (says[:, 0] & ~says[:, 1]).all():
        told_apart = (says[:, 0] & ~says[:, 1]).sum()
        return say("On {told_apart} of {n} networks your test tells the two apart, on the others not. Make the change larger, "
                   "and let rounding pass.", told_apart=told_apart, n=len(says))
    return None


def check_shuffled(function) -> Verdict:
    """Exercise: shuffled(report, scores (n,), truth (n,)): the mean of report(scores, labels) over 200 shuffles of the truth.

    >>> checks.check_shuffled(lambda report, scores, truth: report(scores, truth))
    ✗ The labels are not shuffled, ...
    """
    rng, answers, changes, right, plain, drawn, calls = np.random.default_rng(0), [], [], [], [], [], []
    for n, share in ((40, 0.8), (60, 0.25), (50, 0.7)):
        truth = rng.permutation(n) < share * n
        scores = truth + 0.2 * rng.random(n)                            # a perfect test: 1 as it is
        seen = []

        def report(scores, labels, seen=seen):
            seen.append(np.array(labels))
            return np.mean((np.asarray(scores) > 0.5) == labels)

        answer, changed = judging.outcome_of(function, (report, scores, truth))
        answers.append(answer)
        changes.append(changed)
        calls.append(seen)
        p = truth.mean()
        right.append(p * p + (1 - p) * (1 - p))
        plain.append(1.0)
        drawn.append(0.5)
    nothing = judging.without_answer(function, answers, any(changes))
    if nothing is not None:
        return nothing
    stopped = judging.stopped(function, answers, [(scores, truth)] * 3)
    if stopped:
        return judging.refused(stopped)
    told = _fault_of_shuffling([judging.as_numbers(answer) for answer in answers], right, plain, drawn, calls)
    if told is None and any(changes):
        told = say(judging.RIGHT_BUT_OVERWRITES)
    return judging.refused(told) if told else judging.passed()


def _fault_of_shuffling(numbers, right, plain, drawn, calls):
    """What to tell of the means that were returned; `calls`: the labels of each call of `report`, for each case."""
    if any(number is None or number.size != 1 for number in numbers):
        return say("Return one number, the mean of what was reported.")
    found = np.array([number.item() for number in numbers])
    if not all(calls):
        return say("`report` is never called: it is the procedure on trial; call it with shuffled labels.")
    if np.allclose(found, plain, atol=1e-6):
        return say("The labels are not shuffled, or the scores together with them: each score must meet the label of another "
                   "picture. `rng.permutation(truth)` is a shuffled copy.")
    if min(map(len, calls)) < 100:
        return say("`report` was called {times} times. One shuffle says little: take the mean over 200.",
                   times=min(map(len, calls)))
    if np.allclose(found, drawn, atol=0.03) and not np.allclose(right, drawn, atol=0.03):
        return say("Labels drawn by lot are not shuffled ones: the share of yes and no must stay as it is.")
    if np.allclose(found, right, atol=0.03):
        return None
    if (found > np.array(right) + 0.03).all():
        return say("That is more than shuffled labels give on average: take the mean of what was reported, not the greatest.")
    return say("That is not the mean of what `report` gave on shuffled labels.")


def check_diagnosis(diagnosis, seed=14) -> Verdict:
    """Exercise: the diagnoses of `clinic.waiting_room(seed)`, a name of `clinic.DIAGNOSES` for each of its three patients.

    A wrong one is contradicted by an examination that the patient passes or fails otherwise.

    >>> checks.check_diagnosis(["flu", None, None])
    ✗ Patient 1: there is no diagnosis 'flu'. There are: sound, softmax, ...
    """
    if diagnosis is None or diagnosis is ... or (isinstance(diagnosis, (list, tuple)) and not any(diagnosis)):
        return judging.not_attempted()
    patients = waiting_room(seed)
    if not isinstance(diagnosis, (list, tuple)) or len(diagnosis) != len(patients):
        return judging.refused(say("Three patients are waiting: give a list of {n} names.", n=len(patients)))
    for patient, name in zip(patients, diagnosis, strict=True):
        if name is None:
            return judging.refused(say("Right so far. Patient {number} has no diagnosis yet.", number=patient.number))
        if name not in DIAGNOSES:
            return judging.refused(say("Patient {number}: there is no diagnosis {name!r}. There are: {known}.",
                                       number=patient.number, name=name, known=", ".join(DIAGNOSES)))
        contradicted = refutation(patient, name)
        if contradicted:
            return judging.refused(say("Patient {number}: {contradicted}.", number=patient.number, contradicted=contradicted))
    return judging.passed()
