"""Checks of notebook 2: class activation maps, a head that has them, a network that was trained with it."""

import functools
import warnings

import keras
import numpy as np
from scipy.stats import binom

from ..datasets.synthetic import draw_steel
from ..explain.cam import cam
from ..language import say
from . import judging
from .inputs import features, height_and_width, signed
from .judging import Verdict


def check_cam(function) -> Verdict:
    """Exercise: cam(A (h, w, K), w (K, classes), c) = Σ_k w_k^c A^k, (h, w).

    >>> checks.check_cam(lambda A, w, c: A.sum(-1))
    ✗ That is the plain sum or mean of the feature maps. ...
    """
    def inputs(rng):
        K, classes = int(rng.integers(3, 6)), int(rng.integers(6, 10))
        return features(rng, *height_and_width(rng), K), signed(rng, K, classes), int(rng.integers(classes))

    right = lambda A, w, c: np.einsum("hwk,k->hw", A, w[:, c])
    return judging.check_function(function, inputs, right, {
        say("That is the plain sum or mean of the feature maps. CAM weighs each by w_k^c: without the weights the map is the "
            "same for every class."): (lambda A, w, c: A.sum(-1), lambda A, w, c: A.mean(-1)),
        say("Negative values are cut off. That is Grad-CAM's ReLU; CAM keeps the evidence against the class too."):
            lambda A, w, c: np.maximum(right(A, w, c), 0),
        say("The absolute value shows evidence against the class as if it were for it: CAM keeps its signs."):
            lambda A, w, c: np.abs(right(A, w, c)),
        say("That is the mean over k; CAM is the sum, so that its mean over the map plus the bias is the class score."):
            lambda A, w, c: right(A, w, c) / A.shape[-1],
        say("That is CAM / Z, as Grad-CAM gives it: CAM itself is not divided by the number of places, so that its mean, not "
            "its sum, plus the bias is the score."): lambda A, w, c: right(A, w, c) / (A.shape[0] * A.shape[1]),
        say("w has a row for each channel and a column for each class: take the column of class c, w[:, c]."):
            tuple(lambda A, w, c, times=times: times(A, w[c])
                  for times in (np.multiply, np.matmul, np.dot, lambda A, row: np.einsum("hwk,k->hw", A, row))),
        say("Those are all classes at once: take the column of class c."): lambda A, w, c: A @ w,
        say("Those are the weighted maps, not yet added up over k."): lambda A, w, c: A * w[:, c],
    })


def check_class_score(function) -> Verdict:
    """Exercise: score(M (h, w), b) of a GAP network = mean of its CAM + bias.

    >>> checks.check_class_score(lambda M, b: M.mean())
    ✗ The bias of the class is missing.
    """
    def inputs(rng):
        return signed(rng, *height_and_width(rng)) + 1, float(rng.normal())

    return judging.check_function(function, inputs, lambda M, b: M.mean() + b, {
        say("That is the sum of the map. GAP takes the mean: F^k = (1/Z) Σ_ij A^k_ij."): lambda M, b: M.sum() + b,
        say("The bias of the class is missing."): lambda M, b: M.mean(),
        say("That is the map's peak. GAP takes the mean; a maximum would be global max pooling."): lambda M, b: M.max() + b,
        say("Negative values are cut off, but evidence against the class lowers its score."):
            lambda M, b: np.maximum(M, 0).mean() + b,
    })


def check_deciding_maps(function) -> Verdict:
    """Exercise: deciding(A (n, h, w, K), w (K, classes)) = M_c less the mean of all classes' maps, (n, classes, h, w).

    >>> checks.check_deciding_maps(lambda A, w: A @ w)
    ✗ The numbers are CAM's, but the classes come last: ...
    """
    def inputs(rng):
        K, classes = map(int, rng.choice(np.arange(3, 8), size=2, replace=False))
        return features(rng, next(images), *height_and_width(rng), K), signed(rng, K, classes)

    def maps(A, w):
        return np.einsum("nhwk,kc->nchw", A, w)

    def less(A, w, axis, of=np.mean):
        M = maps(A, w)
        return M - of(M, axis=axis, keepdims=True)

    images = iter([1, 2, 2, 1])
    return judging.check_function(function, inputs, lambda A, w: less(A, w, 1), {
        say("Those are the maps as they are: what all classes have in common is still in them."): maps,
        say("The numbers are CAM's, but the classes come last: the result is (n, classes, h, w), and what the classes have in "
            "common is still to be taken off."): lambda A, w: A @ w,
        say("The numbers are right, but the classes come last: the result is (n, classes, h, w)."):
            lambda A, w: np.moveaxis(less(A, w, 1), 1, -1),
        say("That takes off the mean over the places of each map. What the classes have in common is their mean at each place."):
            lambda A, w: less(A, w, (2, 3)),
        say("That takes off one number for each image: at each place the mean over the classes has to go."):
            lambda A, w: less(A, w, (1, 2, 3)),
        say("That takes the mean of w over its channels; the classes are its columns, axis 1."):
            lambda A, w: maps(A, w - w.mean(axis=0)),
        say("The highest class's map is taken off. No probability changes by that, but wanted is the mean."):
            lambda A, w: less(A, w, 1, of=np.max),
        say("That is the mean over all classes; it has to be taken off each class's map."):
            lambda A, w: maps(A, w).mean(axis=1),
        say("The sum over the classes is taken off, and wanted is their mean."): lambda A, w: less(A, w, 1, of=np.sum),
    })


def check_retrofit(function) -> Verdict:
    """Exercise: retrofit(model, layer, classes): a new model, `model` up to `layer`, then GAP and one Dense layer.

    Tried on small random networks with Flatten heads, of several sizes.

    >>> checks.check_retrofit(lambda model, layer, classes: model)
    ✗ That is the old network with its old head. ...
    """
    nothing = judging.without_answer(function, [0], changed=False)
    if nothing is not None or judging.is_stub(function):
        return judging.not_attempted() if nothing is None else nothing
    rng = np.random.default_rng(0)
    answers, faults = [], []
    for classes in (3, 6, 4):
        model, layer, images = _network_with_flatten(rng)
        maps = np.asarray(keras.Model(model.input, model.get_layer(layer).output)(images))
        before = np.asarray(model(images))
        answers.append(judging.outcome_of(function, (model, layer, classes))[0])
        faults.append(None if answers[-1] is None or isinstance(answers[-1], Exception)
                      else _fault_of_retrofit(answers[-1], model, before, maps, images, classes))
    nothing = judging.without_answer(function, answers, changed=False)
    if nothing is not None:
        return nothing
    told = judging.stopped(function, answers, [()] * 3) or next(filter(None, faults), None)
    return judging.refused(told) if told else judging.passed()


def _network_with_flatten(rng):
    """A random network of two convolutions, the name of the last one, and images for it."""
    (height, width), (first, second) = height_and_width(rng, 9, 14), height_and_width(rng, 4, 8)
    layers, name = keras.layers, f"maps{rng.integers(10)}"
    initializer = keras.initializers.HeNormal(int(rng.integers(1000)))
    A = given = keras.Input((height, width, 1))
    for layer in (layers.Conv2D(first, 3, activation="relu", kernel_initializer=initializer),
                  layers.Conv2D(second, 3, padding="same", activation="relu", kernel_initializer=initializer, name=name),
                  layers.MaxPooling2D(), layers.Flatten(), layers.Dense(5, activation="relu"), layers.Dense(3)):
        A = layer(A)
    model = keras.Model(given, A)
    return model, name, features(rng, 4, height, width, 1)


def _fault_of_retrofit(answer, model, before, maps, images, classes):
    """What to tell of the network made of `model`; None where its scores are the means of maps."""
    if not isinstance(answer, keras.Model):
        return say("Return a model, `keras.Model(inputs, outputs)`; got {kind}.", kind=type(answer).__name__)
    if answer is model:
        return say("That is the old network with its old head. Make a new one: `keras.Model(model.inputs, ...)`.")
    if not np.array_equal(model(images), before):
        return say("The old network has changed; whoever still uses it would not know. Leave it as it is and make a new one.")
    try:
        with warnings.catch_warnings():     # Keras warns where a model was made of a list of inputs
            warnings.simplefilter("ignore")
            scores = np.asarray(answer(images))
    except Exception as error:      # a model that begins elsewhere takes no images
        return say("Your model cannot read the images that the old one reads ({error}): begin with `model.inputs`.",
                   error=type(error).__name__)
    if scores.shape != (len(images), classes):
        return say("For {n} images and {classes} classes the scores should have shape {wanted}; yours have {shape}.",
                   n=len(images), classes=classes, wanted=(len(images), classes), shape=scores.shape)
    heads = [np.asarray(weight) for weight in answer.weights if len(weight.shape) >= 2 and weight.shape[-1] == classes]
    if not heads or len(heads[-1].reshape(-1, classes)) != maps.shape[-1]:
        return say("GAP leaves {n} numbers, one a map, so the one Dense layer has {n}·{classes} weights; in your head there are "
                   "other ones: is there a Flatten, or a layer too many?", n=maps.shape[-1], classes=classes)
    return _fault_of_scores(scores, maps, heads[-1].reshape(-1, classes), answer.weights)


def _fault_of_scores(scores, maps, w, weights):
    """What to tell of scores (n, classes) that are no means of weighted maps."""
    bias = next((np.asarray(each) for each in reversed(weights) if each.shape == w.shape[1:]), 0)
    means, same = maps.mean(axis=(1, 2)) @ w + bias, functools.partial(np.allclose, scores, rtol=1e-3, atol=1e-4)
    if same(means):
        return None
    if np.allclose(scores.sum(axis=1), 1, atol=1e-3) and (scores >= 0).all():
        return say("Your model puts out probabilities: leave the softmax to the loss (`from_logits=True`), CAM explains the "
                   "scores.")
    if same(maps.max(axis=(1, 2)) @ w + bias):
        return say("That is global max pooling: the score is then the highest place of something, not the mean of a map.")
    if same(np.maximum(means, 0)):
        return say("The scores go through a ReLU; a score may be negative, so the Dense layer has no activation.")
    return say("The scores are not the means of maps of this layer: does the new head begin at the output of `layer` itself, "
               "before any pooling, and are the layers up to it the old network's own, with their weights?")


# ---- a network trained by the reader ----------------------------------------------------------

EPOCHS = 5      # fewer make no curve


def check_training(function) -> Verdict:
    """Exercise: train(x, y, x_val, y_val) → (model, what `fit` returns, the epoch to keep), a network with a GAP head.

    The check draws plates of steel, 50×50 pixels, six classes: 120 to train on, 60 to validate with, and 60 that the
    function never sees, on which the model has to beat guessing. Epochs count from 1.

    >>> checks.check_training("a network")
    ✗ Give the check your function itself, ...
    """
    nothing = judging.without_answer(function, [0], changed=False)
    if nothing is not None or judging.is_stub(function):
        return judging.not_attempted() if nothing is None else nothing
    (x, y), validation, unseen = _plates()
    answer, changed = judging.outcome_of(function, (x, y, *validation))
    nothing = judging.without_answer(function, [answer], changed)
    if nothing is not None:
        return nothing
    told = (judging.stopped(function, [answer], [(x, y)]) or (changed and say(judging.OVERWRITES))
            or _fault_of_what_is_returned(answer) or _fault_of_head(answer[0], unseen[0])
            or _fault_of_validation(*answer[:2], (x, y), validation) or _fault_of_epoch(_curves(answer[1]), answer[2]))
    return judging.refused(told) if told else _judge_on_unseen(*answer[:2], *unseen)


@functools.cache
def _plates():
    """Drawn steel at a quarter of its size, (images, labels) three times: 120 to learn from, 60 to validate with, 60 unseen."""
    images, labels, *_ = draw_steel(40, seed=2016)
    small = images.reshape(-1, 50, 4, 50, 4, 1).mean(axis=(2, 4))
    return [(small[a:b], labels[a:b]) for a, b in ((0, 120), (120, 180), (180, 240))]


def _curves(history):
    return getattr(history, "history", history)


def _fault_of_what_is_returned(answer):
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        return say("Return three things: the model, what `fit` returns, and the epoch to keep.")
    model, curves = answer[0], _curves(answer[1])
    if not isinstance(model, keras.Model):
        return say("The first of the three should be the trained model; got {kind}.", kind=type(model).__name__)
    if not isinstance(curves, dict) or not curves.get("loss"):
        return say("The second of the three should be what `model.fit(...)` returns: it holds the curves.")
    if "val_loss" not in curves:
        return say("There is no validation curve: give `fit` the validation_data=(x_val, y_val).")
    if len(curves["loss"]) < EPOCHS:
        return say("{n} epochs make no curve: train for {least} at least.", n=len(curves["loss"]), least=EPOCHS)
    return None


def _fault_of_head(model, images):
    scores = np.asarray(model(images[:8]))
    if scores.shape != (8, 6):
        return say("For 8 images of six classes the model should put out scores of shape (8, 6), not {shape}.",
                   shape=scores.shape)
    if np.allclose(scores.sum(axis=1), 1, atol=1e-3) and (scores >= 0).all():
        return say("The model puts out probabilities: leave the softmax to the loss (`from_logits=True`), CAM explains the "
                   "scores.")
    try:
        cam(model, images[:1], class_index=0)
    except ValueError:
        return say("The model has no class activation map: it should end in global average pooling and one Dense layer.")
    return None


def _fault_of_validation(model, history, training, validation):
    """Whether the loss after the last epoch was taken on the training images."""
    if not model.compiled:
        return None
    last = _curves(history)["val_loss"][-1]
    on = [model.evaluate(*data, verbose=0, return_dict=True)["loss"] for data in (training, validation)]
    if np.isclose(last, on[0], rtol=1e-4) and not np.isclose(last, on[1], rtol=1e-4):
        return say("The validation curve was measured on the training images: it could not show overfitting. Take x_val and "
                   "y_val.")
    return None


def _fault_of_epoch(curves, epoch):
    """What to tell of an epoch that is not the one of the least validation loss."""
    values = judging.as_numbers(epoch)
    if values is None or isinstance(values, Exception) or values.size != 1:
        return say("The third of the three should be an epoch, one number; got {kind}.", kind=type(epoch).__name__)
    epoch, best = values.item(), int(np.argmin(curves["val_loss"])) + 1
    if epoch == best:
        return None
    told = {best - 1: say("The epoch is a place in the list, which counts from 0; epochs count from 1."),
            int(np.argmin(curves["loss"])) + 1: say("At that epoch the training loss is least. It goes on falling while the "
                                                    "network learns by heart: look at the validation loss.")}
    not_it = say("Keep the epoch of the least validation loss. That is not epoch {epoch:g}.", epoch=epoch)
    return told.get(epoch, not_it)


def _judge_on_unseen(model, history, images, labels):
    losses = _curves(history)["loss"]
    right = int((np.argmax(model(images), axis=1) == labels).sum())
    guessed, by_luck = len(labels) // 6, int(binom.isf(0.001, len(labels), 1 / 6))
    counts = {"n": len(labels), "right": right, "guessed": guessed}
    if right > by_luck:
        return Verdict(True, judging.passed().message + " " + say(
            "And of {n} plates that it has never seen the network names {right}; guessing names {guessed}.", **counts))
    if losses[-1] > 0.95 * losses[0]:
        return judging.refused(say("The training loss hardly falls, from {first:.2f} to {last:.2f}: is the loss told that it "
                                   "gets scores (`from_logits=True`)? Then try another learning rate, and more epochs.",
                                   first=losses[0], last=losses[-1]))
    return judging.refused(say("Too little was learned: of {n} plates that it has never seen the network names {right}; guessing "
                               "names {guessed}, and more than {by_luck} once in a thousand. Train longer.",
                               by_luck=by_luck, **counts))
