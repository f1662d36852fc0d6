"""Tests of what the network answers: without sound answers no map of them is worth looking at.

Each is a function of a `Subject` and returns an `Outcome`. Two ways of asking the same images are compared image by image.
"""

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment

from ..evaluate import bootstrap
from ..explain import engine
from ..language import say, worded
from .subject import EXPLAINED, CannotBeAskedError, Outcome, told

RARE = 0.05             # a chance this small counts as none
STEADY = 0.01           # outputs may differ by this share of their range; rounding alone makes them differ by a thousandth
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])      # of ImageNet's images in [0, 1]


def accuracy(subject) -> Outcome:
    """Right answers, less those of whoever always names the commonest class."""
    commonest = np.bincount(subject.labels).argmax()
    constant = subject.labels == commonest
    gain = bootstrap(subject.is_right.astype(float) - constant)
    return Outcome(say("{right} right, which is {gain} beside chance", right=told(subject.is_right), gain=told(gain, "+.2f")),
                   say("surely above {chance:.2f}, which always “{name}” would get", chance=constant.mean(),
                       name=subject.class_names[commonest]), gain.low > 0)


def every_class(subject) -> Outcome:
    """Classes that are never answered, though so many images of them are there that it cannot be chance."""
    images = np.bincount(subject.labels, minlength=subject.count)
    answered = np.bincount(subject.predicted, minlength=subject.count)
    hits = np.bincount(subject.labels[subject.is_right], minlength=subject.count)
    unanswered = [c for c in subject.present if not answered[c]]
    dead = [c for c in unanswered if _missed_by_chance(c, images, hits) * len(subject.present) < RARE]
    if unanswered and not dead:
        raise CannotBeAskedError(say("{classes} is never answered, but has so few images that this may be chance",
                                     classes=_listed(subject, unanswered, images)))
    return Outcome(say("{dead} of {present} classes never answered", dead=len(dead), present=len(subject.present)), "0", not dead,
                   say("Never answered: {classes}. Look at the unit's weights and bias, and at the labels that it was trained "
                       "with.", classes=_listed(subject, dead, images)) if dead else "")


def _listed(subject, classes, images):
    return ", ".join(say("“{name}” ({n} images)", name=subject.class_names[c], n=images[c]) for c in classes)


def _missed_by_chance(c, images, hits):
    """How likely all images of class c are missed, if they are recognized as often as those of the other classes."""
    others, right = images.sum() - images[c], hits.sum() - hits[c]
    return (1 - (right + 1) / (others + 2)) ** images[c]     # Laplace: never 0, even if all others are right


def names_of_outputs(subject) -> Outcome:
    """Whether other names for the outputs, found on one half of the images, make more answers right on the other half."""
    random, n = np.random.default_rng(1), len(subject.labels)
    halves = np.array_split(random.permutation(n), 2)
    renamed = np.empty(n, int)
    for found_on, judged_on in (halves, halves[::-1]):
        renamed[judged_on] = _renaming(subject, found_on)[subject.predicted[judged_on]]
    gain = bootstrap((renamed == subject.labels).astype(float) - subject.is_right)
    swapped = _renaming(subject, np.arange(n))
    exchanged = ", ".join(
        say("what is called “{called}” is “{real}”", called=subject.class_names[c], real=subject.class_names[swapped[c]])
        for c in range(subject.count) if swapped[c] != c)
    return Outcome(say("{gain} right answers by renaming outputs", gain=told(gain, "+.2f")), say("no gain"), gain.low <= 0,
                   say("The outputs seem to stand in another order than the names: {exchanged}.", exchanged=exchanged)
                   if gain.low > 0 else "")


def _renaming(subject, some):
    """For each output the class whose name suits it best, on some of the images; its own where none suits better.

    Only names that the labels use are exchanged.
    """
    table = np.zeros((subject.count, subject.count))
    np.add.at(table, (subject.predicted[some], subject.labels[some]), 1)
    among, renamed = np.ix_(subject.present, subject.present), np.arange(subject.count)
    best = linear_sum_assignment(table[among] + 1e-3 * np.eye(len(subject.present)), maximize=True)[1]
    renamed[subject.present] = subject.present[best]
    return renamed


# --- how the images come in ---------------------------------------------------------------------------------------------

def value_range(subject) -> Outcome:
    """Whether the same pictures in another range of values get more right answers."""
    x = subject.images[:EXPLAINED]
    low, high = float(x.min()), float(x.max())
    if np.issubdtype(x.dtype, np.integer):
        raise CannotBeAskedError(say("the network takes whole numbers"))
    as_given = subject.is_right[:EXPLAINED].astype(float)
    gains = {name: bootstrap(subject.right(changed) - as_given) for name, changed in _other_ranges(x, low, high).items()}
    best = max(gains, key=lambda name: gains[name].mean)
    passed = gains[best].low <= 0
    return Outcome(say("{low:.3g} to {high:.3g}; {gain} right answers by another range, {best}", low=low, high=high,
                       gain=told(gains[best], "+.2f"), best=say(best)), say("no gain by any"), passed,
                   "" if passed else say("The network seems to want another range: {best}.", best=say(best)))


def _other_ranges(x, low, high):
    """The images as other recipes would prepare them, by name."""
    if low >= -0.001 and high <= 255.001:
        unit = x / (1.0 if high <= 1.001 else 255.0)
    elif low >= -1.001 and high <= 1.001:
        unit = (x + 1) / 2
    else:                                               # a mean was taken off: which one is not known
        return {worded("a hundredth of it"): x / 100, worded("a hundred times as much"): x * 100}
    found = {"0…1": unit, "0…255": unit * 255, "−1…1": 2 * unit - 1}
    if x.shape[-1] == 3:
        found |= {worded("0…255 less ImageNet's mean, blue first"): (unit * 255 - 255 * _MEAN)[..., ::-1],
                  worded("less ImageNet's mean, by its deviation"): (unit - _MEAN) / _DEVIATION}
    return {name: changed for name, changed in found.items() if not np.allclose(changed, x)}


def colour_order(subject) -> Outcome:
    """Whether red and blue exchanged get more right answers."""
    channels = subject.images.shape[-1]
    if channels == 1:
        raise CannotBeAskedError(say("the images have 1 channel, not 3"))
    if channels != 3:
        raise CannotBeAskedError(say("the images have {n} channels, not 3", n=channels))
    if (subject.images == subject.images[..., ::-1]).all():
        raise CannotBeAskedError(say("the images are grey"))
    gain = bootstrap(subject.right(subject.images[..., ::-1]).astype(float) - subject.is_right)
    return Outcome(say("{gain} right answers by exchanging red and blue", gain=told(gain, "+.2f")), say("no gain"), gain.low <= 0,
                   say("The network seems to want the other order of colours: images[..., ::-1].") if gain.low > 0 else "")


# --- whether an answer is one -------------------------------------------------------------------------------------------

def alone_or_among_others(subject) -> Outcome:
    """An image's output among others, alone, a second time, and by `predict`: the farthest that two of them lie apart."""
    x = subject.images[:min(24, len(subject.images))]
    among = subject.answer(x)
    others = {worded("a second time"): subject.answer(x),
              worded("alone"): np.concatenate([subject.answer(image[None]) for image in x]),
              worded("by `predict`"): subject.model.predict(x, verbose=0).reshape(among.shape)}
    apart = {how: np.abs(values - among).max() / (np.ptp(subject.outputs) or 1) for how, values in others.items()}
    worst = max(apart, key=lambda how: apart[how])
    passed = bool(apart[worst] <= STEADY)
    return Outcome(say("outputs differ by {share} of their range", share=_percent(apart[worst])),
                   say("at most {share:.0%}", share=STEADY), passed,
                   "" if passed else say("The answer changes {how}: a batch normalization in training mode, another mean over "
                                         "the batch, or a dropout that is left on. The course's maps switch Keras' own layers "
                                         "to inference.", how=say(worst)))


def _percent(share):
    return say("less than 0.1 %") if share < 0.001 else say("up to {percent:.1f} %", percent=100 * share)


def batch_statistics(subject) -> Outcome:
    """Whether normalizing by the images' own mean and deviation, instead of by the kept ones, gets more right answers."""
    if not any(isinstance(step.layer, keras.layers.BatchNormalization) for step in subject.network.steps):
        raise CannotBeAskedError(say("the network has no batch normalization"))
    x = subject.images[:EXPLAINED]
    with keras.StatelessScope():                                                    # nothing is learned from it
        by_their_own = subject.right(x, training=True)
    gain = bootstrap(by_their_own.astype(float) - subject.is_right[:EXPLAINED])
    return Outcome(say("{gain} right answers by the images' own mean and deviation", gain=told(gain, "+.2f")), say("no gain"),
                   gain.low <= 0, say("The kept means and deviations of a batch normalization do not fit these images: kept of "
                                      "other images, or not kept at all.") if gain.low > 0 else "")


def score(subject) -> Outcome:
    """Whether the score that is explained is one before softmax, and not a probability."""
    if subject.count == 2 and subject.outputs.shape[1] == 1:
        raise CannotBeAskedError(say("the network has one output, so nothing need sum to 1"))
    y, _ = engine.scores(subject.model, subject.explained, engine.ClassScore())
    are_shares, were_shares = _are_shares(y), _are_shares(subject.outputs)
    note = (say("Its softmax was cut off: the maps explain the score before it.") if were_shares and not are_shares else
            say("The maps explain a probability: where it is near 0 or 1, its gradient vanishes. Save the model without its last "
                "steps.") if are_shares else "")
    return Outcome(say("the explained scores of an image sum to {sums}", sums=told(bootstrap(y.sum(axis=1)))),
                   say("not always to 1"), not are_shares, note)


def _are_shares(y):
    return bool((y >= -1e-6).all() and np.allclose(y.sum(axis=1), 1, atol=1e-3))


