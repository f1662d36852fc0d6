"""Checks of notebook 9: transfer learning."""

import keras
import numpy as np
import tensorflow as tf

from ..language import say
from . import judging
from .inputs import features, height_and_width
from .judging import Verdict


def check_unfreeze(function) -> Verdict:
    """Exercise: unfreeze_from(trunk, first): of the layers of a model, `first` and all after it can be trained, no other.

    Tried on models that are wholly frozen, wholly free and partly free at first, with `first` in several places.

    >>> checks.check_unfreeze(lambda trunk, first: setattr(trunk, "trainable", False))
    ✗ Nothing can be trained any more. ...
    """
    nothing = judging.without_answer(function, [0], changed=False)
    if nothing is not None or judging.is_stub(function):
        return judging.not_attempted() if nothing is None else nothing
    before = np.array([[True] * 6, [False] * 6, [False] * 5 + [True], [True] * 6])      # which layers can be trained at first
    firsts = np.array([2, 4, 1, 5])
    found = []
    for first, free in zip(firsts, before, strict=True):
        trunk = keras.Sequential([keras.Input((3,)), *(keras.layers.Dense(2, name=f"layer{n}") for n in range(6))])
        trunk.trainable = bool(free.any())
        for layer, switch in zip(trunk.layers, free, strict=True):
            layer.trainable = bool(switch)
        answer, _ = judging.outcome_of(function, (trunk, f"layer{first}"))
        if isinstance(answer, Exception):
            return judging.refused(judging.stopped(function, [answer], [()]))
        trained = {id(weight) for weight in trunk.trainable_weights}
        found.append([id(layer.kernel) in trained for layer in trunk.layers])
    told = _fault_of_unfreezing(np.array(found), before, firsts)
    return judging.refused(told) if told else judging.passed()


def _fault_of_unfreezing(found, before, firsts):
    """What to tell where layers can be trained, (models, layers), and others should be; None where all is right."""
    number, firsts = np.arange(6), firsts[:, None]
    wanted = number >= firsts
    whole = np.where(before.any(axis=1, keepdims=True), wanted, False)      # a model that is frozen as a whole stays so
    told = {
        None: wanted,
        say("Nothing was changed: each layer has a switch `layer.trainable`, to be set to True or False."): before,
        say("Nothing can be trained any more. Whoever switches a whole model off switches all of its layers off."):
            wanted & False,
        say("Everything can be trained, the early layers too."): wanted | True,
        say("It is the other way round: the early layers stay frozen, the late ones are trained."): ~wanted,
        say("`first` alone can be trained; all the layers after it should be, too."): number == firsts,
        say("`first` itself is still frozen: it is the first layer to be trained."): number > firsts,
        say("A model that was switched off as a whole trains nothing by itself, whatever its layers say (only inside another "
            "model does Keras 3 ask each layer): set `trunk.trainable = True` first, then the switches of the layers."): whole,
        say("Late layers that were frozen before stay so: set the switch of every layer, to True or to False."):
            wanted & (before | ~before.any(axis=1, keepdims=True)),
    }
    for sentence, flags in told.items():
        if np.array_equal(found, flags):
            return sentence
    n = (found != wanted).any(axis=1).argmax()
    return say("Of six layers, with the one of index {first} as `first`, those of index {found} can now be trained; it should be "
               "{wanted}.", first=firsts[n, 0], found=np.flatnonzero(found[n]).tolist(),
               wanted=np.flatnonzero(wanted[n]).tolist())


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
    return judging.check_function(function, inputs, epochs(low, high), {
        say("Those are places in a list, which count from 0. Epochs count from 1."): epochs(low, high, first=0),
        say("Those are the curves of the training data. They are best at the end, whatever was learned by heart."): (
            epochs(low, high, of=""), epochs(low, high, of="", first=0), epochs(low, last_high, of="")),
        say("The least loss is the best one."): (epochs(high, high), epochs(high, high, first=0)),
        say("The highest accuracy is the best one."): (epochs(low, low), epochs(low, low, first=0)),
        say("Where the best accuracy occurs twice, take the first: a later epoch that is no better has only learned more by "
            "heart."): (epochs(low, last_high), epochs(low, last_high, first=0)),
        say("The two epochs are swapped: first that of the loss, then that of the accuracy."):
            lambda h: epochs(low, high)(h)[::-1],
        say("Those are the best values. Wanted is at which epochs they stand."):
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
        (height, width), channels, classes = height_and_width(rng, 6, 10), int(rng.integers(3, 6)), int(rng.integers(3, 6))
        seed = int(rng.integers(1000))
        kernel = lambda shape, dtype=None: np.random.default_rng(seed).normal(size=shape).astype(np.float32)
        trunk = keras.Sequential([keras.Input((height, width, 1)),
                                  layers.Conv2D(channels, 3, activation="relu", kernel_initializer=kernel)])
        pooled = [layers.Flatten(), layers.Dense(5, activation="tanh", kernel_initializer=kernel)]
        head = keras.Sequential([keras.Input(trunk.output_shape[1:]), *pooled,
                                 layers.Dense(classes, kernel_initializer=kernel)])
        return trunk, head, features(rng, 2, height, width, 1), int(rng.integers(classes))

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
    return judging.about_tapes(judging.check_function(function, inputs, lambda t, h, x, c: relu(weighted(t, h, x, of(c))), {
        say("Right, but before the ReLU: what speaks against the class is left in."): lambda t, h, x, c: weighted(t, h, x, of(c)),
        say("That is the map of the predicted class; asked is class c."):
            lambda t, h, x, c: relu(weighted(t, h, x, lambda y: tf.reduce_max(y, axis=1))),
        say("That is the gradient of the probability. Take the score before softmax: `head(A)[:, c]`."):
            lambda t, h, x, c: relu(weighted(t, h, x, lambda y: tf.nn.softmax(y)[:, c])),
        say("That is the gradient of all scores together: take class c alone, `head(A)[:, c]`."):
            lambda t, h, x, c: relu(weighted(t, h, x, lambda y: tf.reduce_sum(y, axis=1))),
        say("The gradients are multiplied place by place, and not averaged: that is HiResCAM."):
            lambda t, h, x, c: relu(np.multiply(*parts(t, h, x, of(c))).sum(-1)),
        say("The gradients are averaged over the images too. Each image has its own weights: average over height and width "
            "alone."): lambda t, h, x, c: relu(weighted(t, h, x, of(c), axes=(0, 1, 2))),
        say("That is the mean over the channels; the formula has their sum."):
            lambda t, h, x, c: relu(weighted(t, h, x, of(c), over=np.mean)),
    }))
