"""Answers to the exercises of notebook 9."""

import numpy as np
import tensorflow as tf

from lecture_utils import checks

from .common import weighted


def on_the_tape(trunk, head, images, c, score=lambda y, c: y[:, c]):
    """A and the gradient of a score by it, by a tape around both parts."""
    with tf.GradientTape() as tape:
        A = trunk(images)
        tape.watch(A)
        wanted = score(head(A), c)
    return A.numpy(), tape.gradient(wanted, A).numpy()


def nested(trunk, head, images, c, **how):
    """Grad-CAM before its ReLU, image by image."""
    return np.stack([weighted(A, g) for A, g in zip(*on_the_tape(trunk, head, images, c, **how), strict=True)])


def first_of(values, best):
    return [epoch for epoch, value in enumerate(values, start=1) if value == best(values)][0]



def switched(trunk, first, before=False, from_first=True):
    """Frozen up to `first`, free from there on, or the other way round."""
    trunk.trainable = True
    reached = False
    for layer in trunk.layers:
        reached = reached or layer.name == first
        layer.trainable = from_first if reached else before


def number_of(trunk, first):
    return [layer.name for layer in trunk.layers].index(first)


def all_switched(trunk, switch):
    trunk.trainable = switch
    for layer in trunk.layers:
        layer.trainable = switch


def early_ones_frozen(trunk, first):
    """Frees the model only where it is frozen as a whole, and then freezes the early layers."""
    if not trunk.trainable:
        trunk.trainable = True
    for layer in trunk.layers[:number_of(trunk, first)]:
        layer.trainable = False


RIGHT = {
    checks.check_choose_epoch: lambda h: (first_of(h["val_loss"], min), first_of(h["val_accuracy"], max)),
    checks.check_nested_grad_cam: lambda *parts: nested(*parts).clip(0),
}

ALSO_RIGHT = [
    (checks.check_unfreeze, switched),
    (checks.check_unfreeze, lambda trunk, first: switched(trunk, first) or trunk),
    (checks.check_unfreeze, lambda trunk, first: all_switched(trunk, True) or early_ones_frozen(trunk, first)),
]

WRONG = [
    (checks.check_choose_epoch, lambda h: (np.argmin(h["val_loss"]), np.argmax(h["val_accuracy"])), "count from 0"),
    (checks.check_choose_epoch, lambda h: (np.argmin(h["loss"]) + 1, np.argmax(h["accuracy"]) + 1), "training data"),
    (checks.check_choose_epoch, lambda h: (len(h["loss"]), len(h["loss"])), "training data"),
    (checks.check_choose_epoch, lambda h: [first_of(h["val_loss"], max), first_of(h["val_accuracy"], max)], "least loss"),
    (checks.check_choose_epoch, lambda h: [first_of(h["val_loss"], min), first_of(h["val_accuracy"], min)], "highest"),
    (checks.check_choose_epoch, lambda h: (first_of(h["val_loss"], min), len(h["loss"]) + 1 - first_of(h["val_accuracy"][::-1],
                                                                                                     max)), "take the first"),
    (checks.check_choose_epoch, lambda h: RIGHT[checks.check_choose_epoch](h)[::-1], "swapped"),
    (checks.check_choose_epoch, lambda h: (min(h["val_loss"]), max(h["val_accuracy"])), "the best values"),
    (checks.check_choose_epoch, lambda h: first_of(h["val_loss"], min), "should have shape (2,)"),
    (checks.check_choose_epoch, lambda h: h["val_loss"] + h["validation"], "KeyError"),
    (checks.check_nested_grad_cam, lambda *parts: nested(*parts), "before the ReLU"),
    (checks.check_nested_grad_cam, lambda *parts: nested(*parts, score=lambda y, c: tf.reduce_max(y, 1)).clip(0), "predicted"),
    (checks.check_nested_grad_cam, lambda *parts: nested(*parts, score=lambda y, c: tf.nn.softmax(y)[:, c]).clip(0),
     "probability"),
    (checks.check_nested_grad_cam, lambda *parts: nested(*parts, score=lambda y, c: y).clip(0), "all scores together"),
    (checks.check_nested_grad_cam, lambda *parts: np.prod(on_the_tape(*parts), axis=0).sum(-1).clip(0), "HiResCAM"),
    (checks.check_nested_grad_cam, lambda *parts: (lambda A, g: (A @ g.mean((0, 1, 2))).clip(0))(*on_the_tape(*parts)),
     "over the images too"),
    (checks.check_nested_grad_cam, lambda *parts: (lambda A, g: (A * g.mean((1, 2))[:, None, None]).mean(-1).clip(0))(
        *on_the_tape(*parts)), "mean over the channels"),
    (checks.check_nested_grad_cam, lambda trunk, head, images, c: head(trunk(images)), "should have shape"),
    (checks.check_unfreeze, None, "Not attempted"),
    (checks.check_unfreeze, lambda trunk, first: None, "Not attempted"),
    (checks.check_unfreeze, ..., "Not attempted"),
    (checks.check_unfreeze, 5, "Give the check your function itself"),
    (checks.check_unfreeze, lambda trunk, first: trunk.layers, "Nothing was changed"),
    (checks.check_unfreeze,
     lambda trunk, first: switched(trunk, first) or all_switched(trunk, False), "Nothing can be trained any more"),
    (checks.check_unfreeze,
     lambda trunk, first: switched(trunk, first) or all_switched(trunk, True), "Everything can be trained"),
    (checks.check_unfreeze, lambda trunk, first: switched(trunk, first, before=True, from_first=False), "other way round"),
    (checks.check_unfreeze,
     lambda trunk, first: switched(trunk, first, from_first=False) or setattr(trunk.get_layer(first), "trainable", True),
     "`first` alone"),
    (checks.check_unfreeze,
     lambda trunk, first: switched(trunk, first) or setattr(trunk.get_layer(first), "trainable", False), "still frozen"),
    (checks.check_unfreeze,
     lambda trunk, first: all_switched(trunk, True) or setattr(trunk.layers[0], "trainable", False), "Of six layers"),
    (checks.check_unfreeze,
     lambda trunk, first: [setattr(layer, "trainable", layer.name >= first) for layer in trunk.layers],
     "switched off as a whole"),
    (checks.check_unfreeze, early_ones_frozen, "every layer"),
    (checks.check_unfreeze, lambda trunk, first: trunk.get_layer("block4_conv1"), "ValueError"),
    (checks.check_unfreeze, lambda trunk, first: switched(trunk, firts), "NameError"),     # noqa: F821 (the slip itself)
]
