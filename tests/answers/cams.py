"""Answers to the exercises of notebook 2."""

import keras
import numpy as np
import tensorflow as tf

from lecture_utils import checks

layers = keras.layers


def deciding(A, w):
    """Class by class, in loops."""
    n, h, ww, _ = A.shape
    common = w.mean(axis=1)
    return [[[[float(A[i, row, column] @ (w[:, c] - common)) for column in range(ww)] for row in range(h)]
             for c in range(w.shape[1])] for i in range(n)]


def with_head(model, layer, *head):
    """A new network: `model` up to `layer`, and new layers on it."""
    A = model.get_layer(layer).output
    for each in head:
        A = each(A)
    return keras.Model(model.input, A)


def rebuilt(model, layer, classes):
    """From a copy of the architecture with other weights."""
    copy = keras.models.clone_model(model)
    copy.set_weights([1.5 * weight for weight in model.get_weights()])
    return with_head(copy, layer, layers.GlobalAveragePooling2D(), layers.Dense(classes))


def spoiled(model, layer, classes):
    """Starts the old network's last layer anew on its way."""
    model.layers[-1].set_weights([weight + 1 for weight in model.layers[-1].get_weights()])
    return with_head(model, layer, layers.GlobalAveragePooling2D(), layers.Dense(classes))


def small(*head):
    """A network for steel of 50×50 pixels, with GAP or another head."""
    return keras.Sequential([
        keras.Input((50, 50, 1)), layers.Conv2D(8, 5, strides=3, activation="relu"),
        *(head or (layers.GlobalAveragePooling2D(), layers.Dense(6)))])


def trained(model, x, y, validation_data, epochs, rate):
    model.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, model.fit(x, y, batch_size=20, epochs=epochs, validation_data=validation_data, verbose=0)


def with_strides(x, y, x_val, y_val):
    """A functional model without poolings; the curves as a dict, the epoch as NumPy's number."""
    keras.utils.set_random_seed(1)
    images = keras.Input((50, 50, 1))
    A = layers.GroupNormalization(groups=1)(images)
    for filters in (16, 32):
        A = layers.Conv2D(filters, 5, strides=2, activation="relu")(A)
    model = keras.Model(images, layers.Dense(6)(layers.GlobalAveragePooling2D()(A)))
    model, history = trained(model, x, y, (x_val, y_val), epochs=12, rate=5e-3)
    return model, history.history, np.argmin(history.history["val_loss"]) + 1


def validated_on_the_training_images(x, y, x_val, y_val):
    model, history = trained(small(), x, y, (x, y), epochs=6, rate=5e-3)
    return model, history, int(np.argmin(history.history["val_loss"])) + 1


OVERFITTED = {"loss": [1.8, 1.5, 1.2, 0.9, 0.6], "val_loss": [1.8, 1.6, 1.5, 1.6, 1.7]}


def pretended(epoch=3, model=small, **curves):
    """A network that was trained by nobody, and curves as if it had been: what is judged by them needs no training."""
    return lambda *data: (model(), OVERFITTED | curves, epoch)


RIGHT = {
    checks.check_deciding_maps: deciding,
    checks.check_cam: lambda A, w, c: (A @ w)[..., c],
    checks.check_class_score: lambda M, b: float(np.sum(M)) / M.size + b,
}

ALSO_RIGHT = [
    (checks.check_cam, lambda A, w, c: tf.tensordot(tf.cast(A, tf.float32), tf.constant(w[:, c]), 1)),
    (checks.check_class_score, lambda M, b: tf.reduce_mean(M) + tf.constant(b, tf.float32)),
    (checks.check_deciding_maps, lambda A, w: (M := tf.einsum("nhwk,kc->nchw", A, w)) - tf.reduce_mean(M, 1, keepdims=True)),
    (checks.check_retrofit, lambda model, layer, classes: with_head(
        model, layer, layers.GlobalAveragePooling2D(), layers.Dense(classes))),
    (checks.check_retrofit, lambda model, layer, classes: with_head(
        model, layer, lambda A: keras.ops.mean(A, axis=(1, 2)), layers.Dense(classes, use_bias=False))),
    (checks.check_retrofit, lambda model, layer, classes: with_head(     # the sums exchanged: maps first, then their means
        model, layer, layers.Conv2D(classes, 1, bias_initializer="ones"), layers.GlobalAveragePooling2D())),
    (checks.check_retrofit, lambda model, layer, classes: keras.Sequential(
        [with_head(model, layer), layers.GlobalAveragePooling2D(), layers.Dense(classes)])),
    (checks.check_training, with_strides),
]

WRONG = [
    (checks.check_cam, lambda A, w, c: A.sum(-1), "plain sum"),
    (checks.check_cam, lambda A, w, c: A.mean(-1), "plain sum"),
    (checks.check_cam, lambda A, w, c: A @ w, "all classes"),
    (checks.check_cam, lambda A, w, c: (A @ w[:, c]).clip(0), "cut off"),
    (checks.check_cam, lambda A, w, c: (A * w[:, c]).mean(2), "mean over k"),
    (checks.check_cam, lambda A, w, c: np.stack([w[k, c] * A[..., k] for k in range(len(w))], 2), "not yet added up"),
    (checks.check_cam, lambda A, w, c: np.abs(A @ w[:, c]), "as if it were for it"),
    (checks.check_cam, lambda A, w, c: (A @ w[:, c]) / A[..., 0].size, "CAM / Z"),
    (checks.check_cam, lambda A, w, c: (A * w[c]).sum(-1), "a column for each class"),
    (checks.check_cam, lambda A, w, c: A @ w[c], "a column for each class"),
    (checks.check_cam, lambda A, w, c: np.einsum("ijk,k->ij", A, w[c]), "a column for each class"),
    (checks.check_cam, lambda A, w, c: tf.reduce_sum(tf.constant(A) * w[c], -1), "a column for each class"),
    (checks.check_cam, lambda A, w, c: (A @ w[:, c]) / 49, "up to a factor"),
    (checks.check_cam, lambda A, w, c: -(A @ w[:, c]), "up to a factor"),
    (checks.check_class_score, lambda M, b: M.sum() + b, "sum"),
    (checks.check_class_score, lambda M, b: M.sum() / M.size, "bias of the class is missing"),
    (checks.check_class_score, lambda M, b: np.sort(M.ravel())[-1] + b, "peak"),
    (checks.check_class_score, lambda M, b: M.sum() / 30 + b, "single value is wrong"),
    (checks.check_class_score, lambda M, b: M.clip(0).mean() + b, "cut off"),
    (checks.check_class_score, lambda M, b: M.mean(0) + b, "should be a single value"),
    (checks.check_class_score, lambda M, b: 2 * M.mean() + b, "single value is wrong"),
    (checks.check_deciding_maps, lambda A, w: np.moveaxis(A @ w, -1, 1), "as they are"),
    (checks.check_deciding_maps, lambda A, w: A @ w, "still to be taken off"),
    (checks.check_deciding_maps, lambda A, w: A @ (w - w.mean(1)[:, None]), "numbers are right, but the classes come last"),
    (checks.check_deciding_maps, lambda A, w: np.moveaxis(A @ w - (A @ w).mean((1, 2), keepdims=True), -1, 1), "over the places"),
    (checks.check_deciding_maps, lambda A, w: np.moveaxis(A @ w - (A @ w).mean((1, 2, 3), keepdims=True), -1, 1), "one number"),
    (checks.check_deciding_maps, lambda A, w: np.moveaxis(A @ (w - w.mean(0)), -1, 1), "its columns"),
    (checks.check_deciding_maps, lambda A, w: np.moveaxis(A @ w - (A @ w).max(-1, keepdims=True), -1, 1), "highest class"),
    (checks.check_deciding_maps, lambda A, w: A @ w.mean(1), "taken off each"),
    (checks.check_deciding_maps, lambda A, w: np.moveaxis(A @ (w - w.sum(1)[:, None]), -1, 1), "sum over the classes"),
    (checks.check_deciding_maps, lambda A, w: A @ w - w.mean(1), "stopped"),
    (checks.check_retrofit, None, "Not attempted"),
    (checks.check_retrofit, lambda model, layer, classes: None, "Not attempted"),
    (checks.check_retrofit, 6, "Give the check your function itself"),
    (checks.check_retrofit, lambda model, layer, classes: print(end=str(model)[:0]), "returns nothing"),
    (checks.check_retrofit, lambda model, layer, classes: layers.Dense(classes), "Return a model"),
    (checks.check_retrofit, lambda model, layer, classes: model, "old network with its old head"),
    (checks.check_retrofit, spoiled, "old network has changed"),
    (checks.check_retrofit, lambda model, layer, classes: with_head(
        model, layer, layers.GlobalAveragePooling2D()), "should have shape"),
    (checks.check_retrofit, lambda model, layer, classes: keras.Sequential(
        [keras.Input((2, 2, 3)), layers.GlobalAveragePooling2D(), layers.Dense(classes)]), "begin with `model.inputs`"),
    (checks.check_retrofit, lambda model, layer, classes: with_head(
        model, layer, layers.Flatten(), layers.Dense(classes)), "is there a Flatten"),
    (checks.check_retrofit, lambda model, layer, classes: with_head(
        model, layer, layers.GlobalAveragePooling2D(), layers.Dense(12, activation="relu"), layers.Dense(classes)), "too many"),
    (checks.check_retrofit, lambda model, layer, classes: with_head(
        model, layer, layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="softmax")), "softmax to the loss"),
    (checks.check_retrofit, lambda model, layer, classes: with_head(
        model, layer, layers.GlobalMaxPooling2D(), layers.Dense(classes)), "global max pooling"),
    (checks.check_retrofit, lambda model, layer, classes: with_head(
        model, layer, layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="relu")), "no activation"),
    (checks.check_retrofit, lambda model, layer, classes: with_head(
        model, layer, layers.MaxPooling2D(), layers.GlobalAveragePooling2D(), layers.Dense(classes)), "before any pooling"),
    (checks.check_retrofit, rebuilt, "old network's own"),
    (checks.check_retrofit, lambda model, layer, classes: with_head(model, "conv"), "No such layer"),
    (checks.check_training, None, "Not attempted"),
    (checks.check_training, lambda x, y, x_val, y_val: None, "Not attempted"),
    (checks.check_training, lambda *data: small(), "Return three things"),
    (checks.check_training, lambda *data: pretended()(*data)[:2], "Return three things"),
    (checks.check_training, lambda *data: pretended()(*data)[::-1], "should be the trained model"),
    (checks.check_training, lambda *data: (small(), small(), 3), "it holds the curves"),
    (checks.check_training, lambda *data: (small(), {"loss": OVERFITTED["loss"]}, 5), "no validation curve"),
    (checks.check_training, pretended(loss=[1.8, 1.7], val_loss=[1.8, 1.7]), "make no curve"),
    (checks.check_training, pretended(model=lambda: small(layers.GlobalAveragePooling2D(), layers.Dense(7))), "six classes"),
    (checks.check_training, pretended(
        model=lambda: small(layers.GlobalAveragePooling2D(), layers.Dense(6, activation="softmax"))), "probabilities"),
    (checks.check_training, pretended(
        model=lambda: small(layers.MaxPooling2D(4), layers.Flatten(), layers.Dense(6))), "no class activation map"),
    (checks.check_training, validated_on_the_training_images, "measured on the training images"),
    (checks.check_training, pretended(epoch=2), "counts from 0"),
    (checks.check_training, pretended(epoch=5), "training loss is least"),
    (checks.check_training, pretended(epoch=4), "least validation loss"),
    (checks.check_training, pretended(epoch=1.5), "not epoch 1.5"),
    (checks.check_training, pretended(epoch=1.5 * np.ones(2)), "should be an epoch"),
    (checks.check_training, pretended(epoch="third"), "should be an epoch"),
    (checks.check_training, pretended(), "Too little was learned"),
    (checks.check_training, pretended(loss=[1.8, 1.8, 1.79, 1.79, 1.79]), "hardly falls"),
    (checks.check_training, lambda x, y, x_val, y_val: small().fit(x_train), "a name is not defined"),    # noqa: F821 (a slip)
]
