"""What is audited: a network, images and labels, checked; and what several tests need of them, computed once."""

import warnings
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..evaluate import Interval, bootstrap
from ..explain import arguments, cam, engine, places, surgery
from ..language import say

ANSWERED, EXPLAINED, ERASED = 240, 48, 24     # most images of the tests of answers, of maps, and of what erases pixels
LARGEST_VALUE = 1000                          # of a pixel: beyond it lie 16-bit images, which no network here takes
AT_ONCE = 32                                  # images of one forward pass
SEED = 0


class Outcome(NamedTuple):
    """What a test found. `passed`: None where it could not be asked, and `remark` says why."""

    measured: str
    sound: str
    passed: bool | None
    remark: str = ""


class CannotBeAskedError(Exception):
    """A test makes no sense for this network or these images; the message goes on after "because"."""


class Subject:
    """The network, up to ANSWERED of the images in random order, and what is asked of them.

    The first EXPLAINED of them have maps, of the first ERASED pixels are erased. `predicted` is the network's own answer.
    """

    def __init__(self, model, images, labels, class_names=None, masks=None, layer=None):
        self.model, self.network = model, engine.prepare(model).network
        if len(self.network.inputs) != 1 or len(self.network.outputs) != 1:
            raise ValueError(say("an audit asks networks of one input and one output; {name!r} has {inputs} and {outputs}",
                                 name=model.name, inputs=len(self.network.inputs), outputs=len(self.network.outputs)))
        images, labels, masks = np.asarray(images), np.asarray(labels), masks if masks is None else np.asarray(masks)
        self.count = arguments.count_classes(self.network, None)
        self.step = surgery.find_feature_map(self.network, layer)
        self.layer, self.given = layer, len(images) if images.ndim else 0
        self.class_names = _checked_names(class_names, self.count)
        images = _checked_images(self.network, images)
        _check_labels(labels, len(images), self.count)
        chosen = np.random.default_rng(SEED).permutation(len(images))[:ANSWERED]
        self.images, self.labels = images[chosen], labels[chosen].astype(int)
        _check_variety(self.labels)
        self.kept = {}          # what tests leave for the figures
        self.masks = None if masks is None else _checked_masks(masks, images)[chosen][:EXPLAINED]

    # --- answers

    def answer(self, images, **options):
        """The network's own outputs for images, as whoever calls it gets them: float64 (n, units)."""
        parts = np.array_split(images.astype(self.images.dtype, copy=False), -(-len(images) // AT_ONCE))
        return np.concatenate([np.asarray(self.model(part, **options), np.float64).reshape(len(part), -1) for part in parts])

    def classes_of(self, outputs):
        """The class that each row of outputs speaks for, (n,)."""
        if outputs.shape[1] > 1:
            return outputs.argmax(axis=1)
        return (outputs[:, 0] > self._middle).astype(int)

    def right(self, images, **options):
        """Whether the network answers the first of the labelled images rightly when it gets these for them, (n,)."""
        return self.classes_of(self.answer(images, **options)) == self.labels[:len(images)]

    @cached_property
    def _middle(self):
        """Where a single unit's no ends and its yes begins: 0.5 of a probability, 0 of a score."""
        return 0.5 if 0 <= self.outputs.min() and self.outputs.max() <= 1 else 0.0

    @cached_property
    def outputs(self):
        return self.answer(self.images)

    @cached_property
    def predicted(self):
        return self.classes_of(self.outputs)

    @property
    def is_right(self):
        return self.predicted == self.labels

    @cached_property
    def present(self):
        """The classes that the labels name."""
        return np.unique(self.labels)

    # --- maps

    @property
    def explained(self):
        """The images that have maps."""
        return self.images[:EXPLAINED]

    @property
    def size(self):
        return self.images.shape[1:3]

    @cached_property
    def maps(self):
        """Grad-CAM of each image's predicted class, (n, h, w)."""
        return self.grad_cam(self.explained, self.predicted[:EXPLAINED])

    def require_maps(self):
        """Raises what `grad_cam` raises where there can be no maps, so that it is told before any test."""
        return self.maps

    @cached_property
    def of_true_class(self):
        """The same of the class that the label names."""
        return self.grad_cam(self.explained, self.labels[:EXPLAINED])

    def grad_cam(self, images, classes, model=None):
        return cam.grad_cam(model or self.model, images, self.layer, classes)

    @cached_property
    def cells(self):
        """Where the maps' cells look; None where that cannot be told."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return places.centres_or_none(self.network, self.step, self.size)

    def enlarged(self, maps):
        """Maps at the images' size, each cell where it looks."""
        return cam.upsample(maps, self.size, self.cells)

    @property
    def has_maps(self):
        """Whether each map has any evidence, (n,)."""
        return self.maps.max(axis=(1, 2)) > 0

    @cached_property
    def other_class(self):
        """For each explained image a class that it was not taken for, drawn from those that the labels or answers name."""
        named = np.union1d(self.present, self.predicted)
        random = np.random.default_rng(SEED)
        return np.array([random.choice(named[named != c]) for c in self.predicted[:EXPLAINED]])


# --- numbers as they are told -----------------------------------------------------------------------------------------

def told(values, form=".2f"):
    """The mean and its interval: 0.87 [0.81, 0.92]."""
    mean, low, high = values if isinstance(values, Interval) else bootstrap(values)
    return f"{mean:{form}} [{low:{form}}, {high:{form}}]"


# --- what was passed --------------------------------------------------------------------------------------------------

def _checked_images(network, images):
    (images,) = arguments.checked_inputs(network, images)
    if images.ndim != 4:
        raise ValueError(say("an audit needs images of shape (n, height, width, channels); got shape {shape}",
                             shape=images.shape))
    largest = np.abs(images).max()
    if largest > LARGEST_VALUE:
        raise ValueError(say("the images' values reach {largest:.4g}: no network here takes such. Pixels of 0...65535 (16 bits) "
                             "want dividing by 65535, then the model's own preprocessing", largest=largest))
    if len(images) < 8:
        raise ValueError(say("an audit compares images with one another and needs at least 8, better 40; got {n}", n=len(images)))
    return images


def _check_labels(labels, n, count):
    if labels.ndim == 2 and labels.shape == (n, count):
        raise ValueError(say("labels must be the numbers of the classes, shape ({n},); these look one-hot: "
                             "labels.argmax(axis=1)", n=n))
    if labels.shape != (n,):
        raise ValueError(say("labels must be one class for each of the {n} images, shape ({n},); got shape {shape}", n=n,
                             shape=labels.shape))
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(say("labels must be the numbers of the classes, integers from 0 to {last}; got dtype {dtype}",
                            last=count - 1, dtype=labels.dtype))
    wrong = labels[(labels < 0) | (labels >= count)]
    if wrong.size:
        raise ValueError(say("the model tells {count} classes apart, 0 to {last}, and the labels name another: {wrong}",
                             count=count, last=count - 1, wrong=wrong[0]))


def _check_variety(labels):
    if len(np.unique(labels)) < 2:
        raise ValueError(say("all images are labelled as class {c}: whoever always says {c} would be right. An audit needs "
                             "images of at least two classes", c=labels[0]))


def _checked_names(names, count):
    names = [say("class {c}", c=c) for c in range(count)] if names is None else [str(name) for name in names]
    if len(names) != count:
        raise ValueError(say("class_names must be one name for each of the model's {count} classes; got {n}", count=count,
                             n=len(names)))
    return tuple(names)


def _checked_masks(masks, images):
    if masks.dtype != bool or masks.shape != images.shape[:3]:
        raise ValueError(say("masks must be bool and of the images' shape {expected}; got {dtype} of shape {shape}. Masks of "
                             "boxes: box_masks(boxes, images.shape[1:3])", expected=images.shape[:3], dtype=masks.dtype,
                             shape=masks.shape))
    return masks
