"""Tests of the maps. Each is a function of a `Subject` and returns an `Outcome`; what it drew from is kept in `subject.kept`.

The lines between passed and failed that are no chance level are ours, and stand here by name; the page prints them.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ..evaluate import Interval, bootstrap, deletion, random_maps, randomized, rank_correlation
from ..explain import cam, engine, places, surgery
from ..language import say, spoken, worded
from ..localize import energy_inside, pointing_game
from .subject import ERASED, CannotBeAskedError, Outcome, told

EXACT = 1e-3            # the map and what theory says it is may differ by this share of the maximum
STEEP = 0.1             # the gradient and what a step along it brings may differ by this share
ALIKE = 0.9             # maps of two classes that correlate higher are one map
REMEMBERED = 0.5        # maps of a random network that correlate higher with the trained one's show the image
EMPTY = 0.1             # share of empty maps
RIM = 0.5               # of the median peak, by which the rim of a constant image may stand out
GATHERED = 0.5          # share of a class' peaks at one place
SEEDS = 2               # random networks
STEPS = 10              # of deletion
LEAST = 0.005           # by which the area must be smaller than in random order: less is no use to anybody

# What is drawn for the figures, as it is called there.
ANOTHER_CLASS, RANDOM_TOP, RANDOM_NETWORK = worded("another class"), worded("top layer random"), worded("all layers random")
BY_THE_MAP, AT_RANDOM = worded("by the map"), worded("in random order")


# --- what the maps are --------------------------------------------------------------------------------------------------

def cam_theory(subject) -> Outcome:
    """Under a GAP head Z times Grad-CAM is CAM's positive part (notebook 5)."""
    try:
        slot, _ = surgery.gap_head(subject.network, subject.network.outputs[0])
    except ValueError:
        raise CannotBeAskedError(say("the network does not end in global average pooling and one linear layer")) from None
    if slot not in subject.step.outputs:
        averaged = subject.network.producer(slot).name
        return Outcome(say("maps of {layer!r}", layer=subject.step.name), say("maps of {layer!r}", layer=averaged), False,
                       say("Only the maps of {layer!r}, which are averaged, add up to the score.", layer=averaged))
    M = np.maximum(cam.cam(subject.model, subject.explained, subject.predicted[:len(subject.explained)]), 0)
    Z = M[0].size
    off = np.abs(Z * subject.maps - M).max() / (M.max() or 1)
    return Outcome(say("Z · Grad-CAM and CAM differ by {share} of the maximum", share=_share(off)),
                   say("at most {share:.1%}", share=EXACT), bool(off <= EXACT))


def slope(subject) -> Outcome:
    """A small step of the feature maps along the gradient: does the score rise by as much as the gradient says?"""
    rise, said = _steps(subject)
    felt = said > 0
    if not felt.any():
        raise CannotBeAskedError(say("the gradient is zero in every image"))
    ratio = bootstrap(rise[felt] / said[felt])
    passed = 1 - STEEP <= ratio.low and ratio.high <= 1 + STEEP
    return Outcome(say("{ratio} of the rise that the gradient says", ratio=told(ratio)), say("1, within {range}", range=STEEP),
                   passed, "" if passed else say("The way back is another one than the way forward: stopped gradients, rounding, "
                                                 "a gradient of its own in some layer."))


def _steps(subject):
    """(rise of the score along the gradient by central differences, what the gradient says), (n,) each."""
    score, prepared = engine.ClassScore(), engine.prepare(subject.model)
    bottom, top = prepared.network_to(score).split(subject.step.outputs[0])

    @tf.function(autograph=False)
    def steps(images, classes):
        tensors = bottom.run([images])
        A, *others = (tensors[slot] for slot in top.inputs)

        def S(A):
            y = score.outputs(top, top.run([A, *others]))
            return tf.reduce_sum(y[0] * score.seeds(y, [classes])[0], axis=1)

        with tf.GradientTape() as tape:
            tape.watch(A)
            y = S(A)
        # What a ReLU has set to zero stays: where a window holds zeros alone, its maximum has no slope, only two sides.
        g = tf.where(A == 0, tf.zeros_like(A), tape.gradient(y, A))
        axes = range(1, len(A.shape))
        said = tf.reduce_sum(g * g, axis=axes)
        e = 0.001 * (1 + tf.abs(y)) / tf.maximum(said, 1e-12)              # the score shall move by a thousandth
        e = tf.reshape(e, [-1] + [1] * len(axes))
        return (S(A + e * g) - S(A - e * g)) / tf.reshape(2 * e, [-1]), said

    x = tf.constant(subject.explained[:ERASED])
    return (each.numpy().astype(float) for each in steps(x, tf.constant(subject.predicted[:ERASED], tf.int32)))


def placement(subject) -> Outcome:
    """Whether it is known where in the image the cells look, and how far a stretched map would lie beside it."""
    try:
        cells = places.centres(subject.network, subject.step, subject.size)
    except ValueError as error:
        return Outcome(say("not known"), say("known"), False,
                       say("The maps are stretched over the image and may lie beside what they mean: {error}.",
                           error=str(error).rstrip(".")))
    off = max(abs(_looks_at(i, *axis) - _looks_at(i, pixels / count, (pixels / count - 1) / 2))
              for axis, pixels, count in zip(cells, subject.size, subject.maps.shape[1:], strict=True) for i in (0, count - 1))
    return Outcome(say("known; stretched over the image, a cell would lie up to {off:.1f} pixels off", off=off), say("known"),
                   True, say("Draw the maps with cells=cell_centres(model).") if off >= 1 else "")


def _looks_at(i, stride, offset):
    return stride * i + offset


def not_empty(subject) -> Outcome:
    """Maps without any evidence."""
    empty = ~subject.has_maps
    passed = bool(empty.mean() <= EMPTY)
    return Outcome(say("{share} of the maps are empty", share=told(empty)), say("at most {share}", share=EMPTY), passed,
                   "" if passed else say("In these images nothing speaks for the answer, only against the others: look at "
                                         "`counterfactual_cam`, or at the difference of two classes' scores."))


# --- what the maps depend on --------------------------------------------------------------------------------------------

def class_sensitivity(subject) -> Outcome:
    """The map of the answer beside that of another class: one map for all of them explains none."""
    _need_maps(subject)
    subject.kept[ANOTHER_CLASS] = others = subject.grad_cam(subject.explained, subject.other_class)
    alike = bootstrap(rank_correlation(subject.maps, others)[subject.has_maps])
    return Outcome(say("rank correlation {alike} with the map of another class", alike=told(alike)),
                   say("surely below {line}", line=ALIKE), alike.high < ALIKE,
                   "" if alike.high < ALIKE else say("Whatever class is asked about, the map is the same."))


def random_top(subject) -> Outcome:
    """The map beside that of a network whose last layer with a kernel is random."""
    name, _ = next(randomized(subject.model))
    return _randomization(subject, name, RANDOM_TOP, ALIKE)


def random_network(subject) -> Outcome:
    """The map beside that of a network that has learned nothing."""
    name = next(step.name for step in subject.network.steps
                if any("kernel" in weight.name for weight in getattr(step.layer, "weights", [])))
    return _randomization(subject, name, RANDOM_NETWORK, REMEMBERED)


def _randomization(subject, layer, title, line):
    _need_maps(subject)
    values, x = [], subject.explained[:ERASED]
    trained, classes, valid = (each[:ERASED] for each in (subject.maps, subject.predicted, subject.has_maps))
    if not valid.any():
        raise CannotBeAskedError(say("nearly all maps are empty"))
    for seed in range(SEEDS):
        ((_, copy),) = randomized(subject.model, seed, only=[layer])
        subject.kept[title] = others = subject.grad_cam(x, classes, copy)
        values.append(rank_correlation(trained, others)[valid])
    alike = bootstrap(np.mean(values, axis=0))
    return Outcome(say("rank correlation {alike} with the random network's map", alike=told(alike)),
                   say("surely below {line}", line=line), alike.high < line,
                   "" if alike.high < line else say("The map hardly depends on what was learned: it shows the image, or the "
                                                    "network's architecture."))


def erased(subject) -> Outcome:
    """Pixels erased in the order of the map, and in random order: which costs more confidence?"""
    _need_maps(subject)
    x, classes = subject.explained[:ERASED], subject.predicted[:ERASED]
    maps = subject.enlarged(subject.maps[:ERASED])
    coarse = subject.enlarged(random_maps(len(x), subject.maps.shape[1:]))
    curves = {name: deletion(subject.model, x, each, classes, steps=STEPS, progress=False)
              for name, each in {BY_THE_MAP: maps, AT_RANDOM: coarse}.items()}
    subject.kept["erased"] = curves
    difference = bootstrap(curves[BY_THE_MAP].auc - curves[AT_RANDOM].auc)
    passed = difference.high < -LEAST
    return Outcome(say("area under the curve {difference} beside random order", difference=told(difference, "+.3f")),
                   say("surely below −{line}", line=LEAST), passed,
                   "" if passed else say("What the map marks is not what the answer needs most, or the blur in its place is "
                                         "evidence itself: try other baselines."))


def grey_images(subject) -> Outcome:
    """Images of one grey: nothing is there, so what lights up at the rim was put there by the padding."""
    levels = np.percentile(subject.images, [10, 50, 90])
    flat = np.broadcast_to(levels[:, None, None, None], (3, *subject.images.shape[1:])).astype(subject.images.dtype)
    shown = subject.present if len(subject.present) <= 10 else subject.present[::-(-len(subject.present) // 10)]
    maps = cam.grad_cam_classes(subject.model, flat, [int(c) for c in shown], subject.layer)
    peak = np.median(subject.maps.max(axis=(1, 2))) or 1.0
    subject.kept["grey"] = (flat[1], maps[1, maps[1].max(axis=(1, 2)).argmax()] / peak)
    inside = maps[..., 1:-1, 1:-1]
    if not inside.size:
        raise CannotBeAskedError(say("a map of {rows} x {columns} cells is nearly all rim", rows=maps.shape[2],
                                     columns=maps.shape[3]))
    rim = maps.copy()
    rim[..., 1:-1, 1:-1] = 0
    excess = ((rim.max(axis=(2, 3)) - inside.max(axis=(2, 3))) / peak).max()
    return Outcome(say("on grey images the rim stands out by up to {excess:.2f} of a usual peak", excess=max(0, excess)),
                   say("at most {share}", share=RIM), bool(excess <= RIM),
                   "" if excess <= RIM else say("Zeros around the image light up corners and rim by themselves: evidence there "
                                                "is no evidence."))


# --- what the maps point at ---------------------------------------------------------------------------------------------

def pointing(subject) -> Outcome:
    """The true class's peak in the mask, beside how much of the image the mask covers."""
    maps, masks = _masked(subject)
    chance = masks.mean(axis=(1, 2))
    hits = pointing_game(maps, masks)
    gain = bootstrap(hits - chance)
    return Outcome(say("{hits} of the peaks in the mask, {gain} beside chance", hits=told(hits), gain=told(gain, "+.2f")),
                   say("surely above {chance:.2f}, the masks' share of the image", chance=chance.mean()), gain.low > 0)


def energy(subject) -> Outcome:
    """The share of the true class's evidence in the mask, beside the same."""
    maps, masks = _masked(subject)
    chance, inside = masks.mean(axis=(1, 2)), energy_inside(maps, masks)
    gain = bootstrap(inside - chance)
    return Outcome(say("{inside} of the evidence in the mask, {gain} beside chance", inside=told(inside),
                       gain=told(gain, "+.2f")),
                   say("surely above {chance:.2f}, what an even map has", chance=chance.mean()), gain.low > 0)


def _masked(subject):
    if subject.masks is None:
        raise CannotBeAskedError(say("no masks of the objects were given"))
    marked = subject.masks.any(axis=(1, 2))
    if not marked.any():
        raise CannotBeAskedError(say("the masks mark nothing"))
    return subject.enlarged(subject.of_true_class)[marked], subject.masks[marked]


class _Suspect(NamedTuple):
    """A class whose peaks gather at a place: what share of them, and what became of images on which that place was laid."""

    c: int
    place: tuple
    gathered: float
    gain: Interval      # taken for the class, beside those on which another place was laid
    turned: float       # the share taken for the class


def fixed_place(subject) -> Outcome:
    """A class whose maps peak at one place: is what lies there a sign of the class, whatever image it is laid on?

    The suspicion: more than half of the class' peaks lie in one window of a quarter of the image's sides, and fewer of the
    others', by a quarter at least. The experiment: what lies in the window is laid on images of other classes; as a control,
    what lies in the window farthest away is. It fails where surely more of them are taken for the class.
    """
    _need_maps(subject)
    subject.kept["peaks"] = peaks = _peaks(subject.enlarged(subject.maps))
    judged, suspects = _suspects(subject, peaks)
    if not judged:
        raise CannotBeAskedError(say("no class has four maps"))
    guilty = [each for each in suspects if each.gain.low > 0]
    if not guilty:
        laid = say("; what lies there, laid on other images, does not surely make more of them the class") if suspects else ""
        told_of = say("{n} of {judged} classes' peaks gather at one place", n=len(suspects), judged=judged)
        return Outcome(told_of + laid, "0", True)
    worst = max(guilty, key=lambda each: each.turned)
    return Outcome(say("{gathered:.0%} of the peaks of “{name}” at one place, {place}; what lies there, laid on other images, "
                       "turns {turned:.0%} of them into the class, {gain} beside another place", gathered=worst.gathered,
                       name=subject.class_names[worst.c], place=_in_words(worst.place, subject.size), turned=worst.turned,
                       gain=told(worst.gain, "+.2f")),
                   say("not surely more"), False, say("What lies there gives the class away. Where the object itself always lies "
                                                      "there (digits, faces), that is it; else it is a shortcut: cover it, and "
                                                      "train again."))


def _suspects(subject, peaks):
    """(how many classes have enough maps, those of them whose peaks gather)."""
    predicted, judged, suspects = subject.predicted[:len(peaks)], 0, []
    for c in np.unique(predicted):
        own, others = ((predicted == c) & subject.has_maps, (predicted != c) & subject.has_maps)
        if min(own.sum(), others.sum()) < 4:
            continue
        judged += 1
        place = _densest(peaks[own], subject.size)
        inside, of_others = (_in_window(peaks[which], place, subject.size).mean() for which in (own, others))
        if inside > GATHERED and inside - of_others > GATHERED / 2:
            suspects.append(_Suspect(int(c), place, inside, *_laid(subject, c, own, place)))
    return judged, suspects


_PLACES = ((worded("upper left"), worded("upper centre"), worded("upper right")),
           (worded("middle left"), worded("middle centre"), worded("middle right")),
           (worded("lower left"), worded("lower centre"), worded("lower right")))


def _in_words(place, size):
    row, column = (int(3 * at / side) for at, side in zip(place, size, strict=True))
    return say(_PLACES[row][column])


def _peaks(maps):
    """(row, column) of each map's maximum, (n, 2)."""
    return np.stack(np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:]), axis=1)


def _half(size):
    """Half of a window's sides."""
    return np.array([max(2, side // 8) for side in size])


def _in_window(peaks, window, size):
    return (np.abs(peaks - np.array(window)) <= _half(size)).all(axis=1)


def _densest(peaks, size):
    """The peak in whose window most of the peaks lie."""
    return tuple(int(value) for value in max(peaks, key=lambda peak: _in_window(peaks, peak, size).sum()))


def _laid(subject, c, own, window):
    """What lies in the window, laid on images of other classes: (gain beside the control, share that becomes the class)."""
    x = subject.explained
    others = np.flatnonzero((subject.predicted[:len(x)] != c) & (subject.labels[:len(x)] != c))
    if not len(others):
        raise CannotBeAskedError(say("all images are taken for one class"))
    sources = np.random.default_rng(2).choice(np.flatnonzero(own), len(others))
    height, width = subject.size
    farthest = (0 if window[0] > height / 2 else height - 1, 0 if window[1] > width / 2 else width - 1)
    turned, control = (subject.classes_of(subject.answer(_transplanted(x[others], x[sources], place))) == c
                       for place in (window, farthest))
    return bootstrap(turned.astype(float) - control), turned.mean()


def _transplanted(images, sources, place):
    """The images with a window of the sources, at the same place; it lies wholly in the image."""
    half, size = _half(images.shape[1:3]), np.array(images.shape[1:3])
    centre = np.clip(place, half, size - 1 - half)
    rows, columns = (slice(at - reach, at + reach + 1) for at, reach in zip(centre, half, strict=True))
    changed = images.copy()
    changed[:, rows, columns] = sources[:, rows, columns]
    return changed


def _need_maps(subject):
    if not subject.has_maps.any():
        raise CannotBeAskedError(say("all maps are empty"))


def _share(value):
    return say("less than 0.01 %") if value < 1e-4 else spoken(f"{100 * value:.2f} %", f"{value:.2%}")
