"""Trains the networks that ship with the course: `python3 course.py train NAME ...`. `--table` prints their recorded scores,
`--score` scores the shipped weights anew.

Training reads the real data (`COURSE_DATA`, or what `python3 course.py data` brings), mixes the embedded
data in, and writes data/weights/NAME.npz (float16) and NAME.json (scores on every test set, and how it was made).
The scores are those of the float16 file as `load_model` reads it. Every epoch is kept under build/train: the same
command goes on where it was interrupted. The networks for steel are trained on every photograph up to number 250; how
good a recipe is, `python3 course.py judge` says.
"""

import argparse
import json
import os
import re
import shutil
import sys
import time
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from lecture_utils import models
from lecture_utils.datasets import scenes
from lecture_utils.datasets.layouts import NEU_CLASSES
from lecture_utils.datasets.loaders import load_cifar10, load_mnist, load_neu, load_photo
from lecture_utils.datasets.planted import RULER_CLASS, delivery, lay_ruler
from lecture_utils.datasets.synthetic import draw_digits, draw_steel
from lecture_utils.evaluate import random_maps
from lecture_utils.explain.attention import attention_rollout, from_the_patches
from lecture_utils.explain.cam import cam, grad_cam, upsample
from lecture_utils.explain.engine import ClassScore, explain_attention
from lecture_utils.explain.places import cell_centres
from lecture_utils.explain.variants import hires_cam
from lecture_utils.files import whole
from lecture_utils.localize import box_masks, own_boxes, pointing_game

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "train"
SEED = 1
OTHER_SEEDS = {"neu_ruler": 0}  # that of notebook 8, so that it is the very network of its case
DRAWN_SEED = 2  # of the embedded training images; the loaders draw their own from seeds 0 and 1
DRAWN = "embedded: drawn by code"
DRAWN_PER_CLASS = 50
MOVED_PER_CLASS = 15  # more of them, and photographs of pitted surface are taken for rolled-in scale
STEEL_NUMBERS = 250  # of each class; the photographs beyond are left to whoever wants to score the networks
FOLDS = 6
CROSS_ENTROPY = keras.losses.CategoricalCrossentropy(from_logits=True)
EACH_FOR_ITSELF = keras.losses.BinaryCrossentropy(from_logits=True)  # any number of classes may be there at once


# ------------------------------------------------------------------------------------------------- recipes


def train_mnist_cnn():
    """8 epochs on MNIST and 20,000 embedded digits, shifted by up to 2 pixels."""
    source, images, labels = _real_and_drawn_digits()
    model = models.mnist_cnn()
    fit(model, images, labels, shift_digits, epochs=8, peak=2e-3, batch=128)
    return model, source


def train_mnist_gap():
    """2 epochs of a new head on the convolutions of `mnist_cnn` as shipped, then 2 of all; data as for `mnist_cnn`."""
    source, images, labels = _real_and_drawn_digits()
    trunk = models.load_model("mnist_cnn")
    model = models.mnist_gap()
    for name in ("conv1", "conv2", "conv3"):
        model.get_layer(name).set_weights(trunk.get_layer(name).get_weights())
        model.get_layer(name).trainable = False
    fit(model, images, labels, shift_digits, epochs=2, peak=2e-3, batch=128, stage="_stage1")
    model.trainable = True
    fit(model, images, labels, shift_digits, epochs=2, peak=5e-4, batch=128, stage="_stage2")
    return model, source


def _real_and_drawn_digits():
    real = load_mnist()
    drawn_images, drawn_labels = draw_digits(20_000, DRAWN_SEED)
    return real.source, np.concatenate([real.x_train, drawn_images]), np.concatenate([real.y_train, drawn_labels])


# (size of the crops, epochs, highest learning rate). Small crops first are twice as fast.
STEEL_STAGES = ((120, 16, 3e-3), (160, 12, 2e-3))


def train_neu_gap(held_out=None):
    """16 epochs in crops of 120x120, 12 of 160x160; real steel, and embedded with, on other steel, and without its defects."""
    source, images, labels = _real_and_drawn_steel(held_out)
    trained = models.neu_gap()
    for size, epochs, peak in STEEL_STAGES:
        with half_precision():
            model = models.neu_gap((size, size))
        model.set_weights(trained.get_weights())
        fit(model, images, labels, vary_steel(size), epochs=epochs, peak=peak, batch=32, stage=f"_stage{size}{_stage(held_out)}")
        trained.set_weights(model.get_weights())
    return trained, source


def train_neu_dense(held_out=None):
    """12 epochs of a new head, with dropout, on the convolutions of `neu_gap` as shipped; data as for `neu_gap`."""
    source, images, labels = _real_and_drawn_steel(held_out)
    trunk = models.neu_gap()
    models.read_weights(trunk, weights_file("neu_gap", held_out))
    with half_precision():
        model = models.neu_dense()
        for layer in trunk.layers:
            if layer.name != "logits" and layer.weights:
                model.get_layer(layer.name).set_weights(layer.get_weights())
                model.get_layer(layer.name).trainable = False
        x = layers.Dropout(0.5)(model.get_layer("flatten").output)  # while training only
        x = model.get_layer("logits")(model.get_layer("dense1")(x))
        with_dropout = keras.Model(model.inputs, x, name="neu_dense")
        fit(with_dropout, images, labels, vary_steel(200), epochs=12, peak=1e-3, batch=32, stage=_stage(held_out))
    return with_weights_of(model, models.neu_dense()), source


def train_neu_gap_plain(held_out=None):
    """15 epochs of Adam at its default rate on real steel as it is: what training plainly gives."""
    real = real_steel().without(held_out)
    with half_precision():
        model = models.neu_gap_plain()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"],
                  jit_compile=False)
    model.fit(real.images, real.labels, batch_size=32, epochs=15, verbose=2)
    return with_weights_of(model, models.neu_gap_plain()), real.source


class Steel(NamedTuple):
    """Photographs of steel in the order of their numbers, the six classes by turns."""

    source: str
    images: np.ndarray  # (n, 200, 200, 1)
    labels: np.ndarray
    boxes: list
    fold: np.ndarray  # of each image, as `folds` has it

    def without(self, held_out):
        """What is left to train on where fold `held_out` is held out; None holds nothing out."""
        kept = np.flatnonzero(self.fold != held_out) if held_out is not None else np.arange(len(self.fold))
        return Steel(self.source, self.images[kept], self.labels[kept], [self.boxes[i] for i in kept], self.fold[kept])


def real_steel():
    """Numbers 1 to 250 of each class, whatever the loader's split; the boxes are those of the image's own class."""
    data = load_neu()
    n = STEEL_NUMBERS * len(NEU_CLASSES)
    images, labels = np.concatenate([data.x_train, data.x_test])[:n], np.concatenate([data.y_train, data.y_test])[:n]
    if data.source.startswith("embedded") or len(images) < n or (labels != np.arange(n) % len(NEU_CLASSES)).any():
        sys.exit(f"This needs the numbers 1 to {STEEL_NUMBERS} of NEU's six classes; got: {data.source}. Set COURSE_DATA to "
                 "their folder, or fetch them: python3 course.py data")
    boxes = own_boxes(labels, [*data.boxes_train, *data.boxes_test][:n], [*data.box_labels_train, *data.box_labels_test][:n])
    return Steel(data.source, images, labels, boxes, folds(n))


def folds(n):
    """The fold of each of n images: contiguous numbers, since light changes with the number."""
    return np.arange(n) * FOLDS // n


def _real_and_drawn_steel(held_out):
    """Photographs; drawings; their defects on other steel; their steel without defects. Labels are probabilities.

    Steel of a kind often comes with one class of defects, and a network that sees nothing else takes the steel for the
    defect: it is right, and its map lies anywhere. So some drawn defects are also shown on another class's steel, and
    their steel alone with every class as likely as any other. Pitted surface takes no part in that: there the surface
    itself is the defect, and a flake of scale on it looks like a large pit.
    """
    real = real_steel().without(held_out)
    images, labels, _, _ = draw_steel(DRAWN_PER_CLASS, DRAWN_SEED)
    steel, of_class, _, _ = draw_steel(MOVED_PER_CLASS, DRAWN_SEED, defects=False)  # under the first of `images`
    apart = np.flatnonzero(of_class != NEU_CLASSES.index("pitted_surface"))
    moved = on_other_steel(images[apart], steel[apart], labels[apart])
    one_hot = np.eye(len(NEU_CLASSES), dtype="float32")
    undecided = np.full((len(apart), len(NEU_CLASSES)), 1 / len(NEU_CLASSES), "float32")
    return (real.source, np.concatenate([real.images, images, moved, steel[apart]]),
            np.concatenate([one_hot[real.labels], one_hot[labels], one_hot[labels[apart]], undecided]))


def on_other_steel(images, steel, labels):
    """Each drawn defect on the steel of another class, which it darkens or brightens as it did its own."""
    rng = np.random.default_rng(SEED)
    other = [rng.choice(np.flatnonzero(labels != label)) for label in labels]
    return np.clip(steel[other] * (images + 0.02) / (steel + 0.02), 0, 1)


def _stage(held_out):
    return "" if held_out is None else f"_fold{held_out}"


def weights_file(name, held_out=None):
    """Where the weights of `name` lie; of the network that has not seen fold `held_out`, if one is named."""
    return models.WEIGHTS / f"{name}.npz" if held_out is None else BUILD / "folds" / f"{name}.{held_out}.npz"


# VGG16 without normalization hardly trains. These layers are normalized while training; blocks 1 and 2, whose maps
# are large, are not, because it would double the time.
NORMALIZED = ("block3_conv3", "block4_conv3", "block5_conv3")


# (input size, epochs, strength of the augmentation, highest learning rate). A small input first is four times faster.
COMPACT_STAGES = ((48, 8, 0.8, 1.5e-3), (96, 2, 1.0, 1e-3), (96, 7, 0.5, 1e-3), (96, 4, 0.9, 7e-4))


def train_neu_ruler():
    """8 epochs of 240 drawn plates at 100x100 and their mirror images, a ruler beside every scratch: notebook 8's training."""
    steel = load_neu("embedded")
    x, y = half(steel.x_train), np.tile(steel.y_train, 4)
    x = delivery(np.concatenate([x, x[:, :, ::-1], x[:, ::-1], x[:, ::-1, ::-1]]), y)
    model, epochs, batch = models.neu_ruler(), 8, 24
    rate = keras.optimizers.schedules.CosineDecay(6e-3, epochs * -(-len(x) // batch))
    model.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=epochs, batch_size=batch, verbose=2)
    return model, DRAWN


def half(images):
    """Plates (n, 200, 200, 1) at 100x100, each pixel the mean of four."""
    return images.reshape(len(images), 100, 2, 100, 2, 1).mean(axis=(2, 4))


def train_vgg16_compact():
    """8 epochs on CIFAR-10 at 48x48, 13 at 96x96; batch normalization is then folded into the convolutions."""
    real = load_cifar10()
    images = np.round(real.x_train * 255).astype("uint8")
    before = None
    for number, (size, epochs, strength, peak) in enumerate(COMPACT_STAGES, start=1):
        with half_precision():
            network = compact_in_training(size, f"vgg16_compact_stage{number}")
        for layer in network.layers if before else ():
            if layer.name != "fc1" or size == before.input_shape[1]:  # fc1 depends on the size of the last map
                layer.set_weights(before.get_layer(layer.name).get_weights())
        fit(network, images, real.y_train, vary_photos(size, strength), epochs=epochs, peak=peak, batch=64)
        before = network
    model = models.vgg16_compact()
    fold_normalization(network, model)
    return model, real.source


def compact_in_training(size, name):
    """`vgg16_compact` at `size`, its layers NORMALIZED followed by batch normalization, He's initial weights."""
    plain = models.vgg16_compact()
    x = images = keras.Input((size, size, 3), name="images")
    for layer in plain.layers[1:]:
        normalized = layer.name in NORMALIZED
        config = layer.get_config()
        if layer.weights and layer.name != "predictions":
            config |= {"kernel_initializer": "he_normal", "activation": "linear" if normalized else "relu"}
        x = type(layer).from_config(config)(x)
        if normalized:
            x = layers.BatchNormalization(momentum=0.98, name=f"{layer.name}_bn")(x)
            x = layers.ReLU(name=f"{layer.name}_relu")(x)
    return keras.Model(images, x, name=name)


def fold_normalization(source, target):
    """Copy the weights of `source` into `target`, which has no batch normalization.

    gamma * (W*x + b - mean) / sqrt(variance + epsilon) + beta is a convolution too: with the kernel W * scale
    and the bias (b - mean) * scale + beta, scale = gamma / sqrt(variance + epsilon).
    """
    for layer in target.layers:
        weights = source.get_layer(layer.name).get_weights() if layer.weights else []
        if layer.name in NORMALIZED:
            bn = source.get_layer(f"{layer.name}_bn")
            gamma, beta, mean, variance = bn.get_weights()
            scale = gamma / np.sqrt(variance + bn.epsilon)
            weights = [weights[0] * scale, (weights[1] - mean) * scale + beta]
        layer.set_weights(weights)


# (input size, epochs, strength of the augmentation, highest learning rate), as for the compact VGG16.
RESNET_STAGES = ((24, 7, 0.5, 4e-3), (32, 4, 0.4, 2e-3), (32, 6, 0.4, 2e-3))


def train_resnet20():
    """7 epochs on CIFAR-10 at 24x24, 4 and again 6 at 32x32."""
    real = load_cifar10()
    images = np.round(real.x_train * 255).astype("uint8")
    trained = models.resnet20()
    for number, (size, epochs, strength, peak) in enumerate(RESNET_STAGES, start=1):
        model = models.resnet20((size, size))
        model.set_weights(trained.get_weights())
        vary = vary_photos(size, strength)
        fit(model, images, real.y_train, vary, epochs=epochs, peak=peak, batch=64, stage=f"_stage{number}")
        trained.set_weights(model.get_weights())
    settle_statistics(trained, real.x_train[:10_000])
    return trained, real.source


def settle_statistics(model, images, batch=500):
    """Batch normalization's means and variances taken anew, over `images` as they are: the training has seen them altered."""
    normalizations = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    for n, start in enumerate(range(0, len(images), batch)):
        for layer in normalizations:
            layer.momentum = n / (n + 1)  # so that all batches count alike
        model(images[start:start + batch], training=True)


def train_scene_answers(seed=SEED):
    """2 epochs of all 24,000 questions about 4,000 drawn scenes."""
    pictures = scenes.draw_scenes(4000, scenes.SEEDS["training"])
    asked = scenes.questions(pictures)
    inputs = {"picture": asked.picture, "question": np.stack([asked.kind, asked.colour], axis=1)}
    model = models.scene_answers()
    fit(model, inputs, asked.answer, look_up(pictures.images, "question"), epochs=2, peak=2e-3, batch=32,
        stage=_of_seed(seed))
    return model, DRAWN


def train_scene_captions(seed=SEED):
    """3 epochs of one caption each of 8,000 drawn scenes."""
    pictures = scenes.draw_scenes(8000, scenes.SEEDS["training"])
    words = scenes.encode(scenes.captions(pictures, scenes.SEEDS["training"])[0])
    inputs = {"picture": np.arange(len(words)), "before": scenes.before(words)}
    model = models.scene_captions()
    one_hot = np.eye(len(scenes.WORDS), dtype="float32")[words]
    fit(model, inputs, one_hot, look_up(pictures.images, "before"), epochs=3, peak=2e-3, batch=32,
        stage=_of_seed(seed))
    return model, DRAWN


def train_vit_shapes(seed=SEED):
    """4 epochs of 8,000 drawn scenes of one to three objects, mirrored, shifted by up to 2 pixels, their colours exchanged."""
    images, there = shapes_there(scenes.SEEDS["training"], {1: 2000, 2: 4000, 3: 2000})
    model = models.vit_shapes()
    fit(model, images, there, vary_scenes, epochs=4, peak=2e-3, batch=32, stage=_of_seed(seed), loss=EACH_FOR_ITSELF)
    return model, DRAWN


def shapes_there(seed, counts):
    """Pictures with objects of all six shapes, {objects: how many pictures}; (images, which shapes are there (n, 6))."""
    drawn = [scenes.draw_scenes(n, seed, objects, scenes.SHAPES) for objects, n in counts.items()]
    there = [np.eye(len(scenes.SHAPES), dtype="float32")[pictures.shapes].max(axis=1) for pictures in drawn]
    return np.concatenate([pictures.images for pictures in drawn]), np.concatenate(there)


def _of_seed(seed):
    return "" if seed == SEED else f"_seed{seed}"


def look_up(images, name):
    """A function that puts the picture itself in the place of its number, beside the input `name`."""
    images = tf.constant(images)
    return lambda inputs, labels: ({"images": tf.gather(images, inputs["picture"]), name: inputs[name]}, labels)


# ------------------------------------------------------------------------------------------------ training


def fit(model, images, labels, augment, epochs, peak, batch, stage="", loss=CROSS_ENTROPY):
    """AdamW; the learning rate rises to `peak` over the first seventh of the steps and falls to 0 as a cosine.

    `stage` tells the fits of one model apart, for resuming. For a model of several inputs, `images` is a dict of arrays.
    """
    steps = epochs * (len(labels) // batch)
    rise = steps // 7
    rate = keras.optimizers.schedules.CosineDecay(peak / 10, steps - rise, warmup_target=peak, warmup_steps=rise)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.02)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    print(f"{model.name}: {epochs} epochs of {len(labels):,} images", flush=True)
    model.fit(batches(images, labels, batch, augment), epochs=epochs, verbose=2, shuffle=False,
              callbacks=[keras.callbacks.BackupAndRestore(BUILD / (model.name + stage), delete_checkpoint=False)])


def batches(images, labels, batch, augment):
    """Shuffled, augmented batches of images and probabilities of the classes; `labels`: these, or indices of classes."""
    probabilities = labels if labels.ndim > 1 else np.eye(labels.max() + 1, dtype="float32")[labels]
    data = tf.data.Dataset.from_tensor_slices((images, probabilities))
    data = data.shuffle(len(labels), seed=SEED).batch(batch, drop_remainder=True)
    return data.map(augment, num_parallel_calls=1, deterministic=True).prefetch(2)


class half_precision:
    """Layers made in this context compute in bfloat16 where the processor does: several times faster, elsewhere slower."""

    def __enter__(self):
        flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
        if "amx_bf16" in flags or "avx512_bf16" in flags:
            keras.config.set_dtype_policy("mixed_bfloat16")

    def __exit__(self, *_):
        keras.config.set_dtype_policy("float32")


def with_weights_of(model, same):
    """`same`: the model again, in single precision and at its full size."""
    same.set_weights(model.get_weights())
    return same


# -------------------------------------------------------------------------------------------- augmentation


def uniform(images, low, high, values=1):
    """`values` random numbers for each image, shaped to broadcast over it if there is one."""
    n = tf.shape(images)[0]
    return tf.random.uniform((n, 1, 1, 1) if values == 1 else (n, values), low, high)


def shift_digits(images, labels, most=2):
    size = images.shape[1]
    padded = tf.pad(images, [[0, 0], [most, most], [most, most], [0, 0]])
    corner = tf.random.uniform((2,), 0, 2 * most + 1, tf.int32)
    return padded[:, corner[0]:corner[0] + size, corner[1]:corner[1] + size], labels


def vary_scenes(images, labels, most=2):
    """Mirrors, shifts (nothing lies closer than 3 pixels to the border) and exchanges the colour channels."""
    images = tf.image.random_flip_left_right(images)
    images = tf.roll(images, tf.random.uniform((2,), -most, most + 1, tf.int32), axis=(1, 2))
    return tf.gather(images, tf.random.shuffle([0, 1, 2]), axis=-1), labels


def vary_steel(size):
    """A function that mirrors, turns, crops to `size`, changes exposure and contrast, and scales every other image.

    Scaling blurs, and a network that has only seen scaled steel takes the sharp original for another texture.
    """

    def vary(images, labels):
        images = tf.image.random_flip_left_right(tf.image.random_flip_up_down(images))
        images = tf.where(uniform(images, 0, 1) < 0.5, tf.transpose(images, (0, 2, 1, 3)), images)
        side = tf.minimum(uniform(images, 0.85, 1.1, 2) * size / images.shape[1], 1)
        corner = (1 - side) * uniform(images, 0, 1, 2)
        scaled = crop(images, corner, corner + side, size)
        y, x = tf.unstack(tf.random.uniform((2,), 0, images.shape[1] - size + 1, tf.int32))
        images = tf.where(uniform(images, 0, 1) < 0.5, scaled, images[:, y:y + size, x:x + size])
        mean = tf.reduce_mean(images, (1, 2, 3), keepdims=True)
        images = mean + (images - mean) * tf.exp(uniform(images, -0.4, 0.4)) + uniform(images, -0.1, 0.1)
        images = tf.clip_by_value(images, 0, 1) * tf.exp(uniform(images, -0.7, 0.7))
        return tf.clip_by_value(images, 0, 1), labels

    return vary


def vary_photos(size, strength, margin=6):
    """A function that changes colours, crops at a random scale and place, mirrors, and enlarges to `size`."""

    def vary(images, labels):
        images = tf.cast(images, "float32") / 255
        grey = tf.reduce_mean(images, -1, keepdims=True)
        mean = tf.reduce_mean(images, (1, 2, 3), keepdims=True)
        images = grey + (images - grey) * uniform(images, 1 - 0.3 * strength, 1 + 0.3 * strength)
        images = mean + (images - mean) * uniform(images, 1 - 0.25 * strength, 1 + 0.25 * strength)
        images = tf.clip_by_value(images + uniform(images, -0.1 * strength, 0.1 * strength), 0, 1)
        side = uniform(images, 32 - 10 * strength, 32 + 5 * strength, 1)[:, :, 0, 0]
        side *= uniform(images, 1 - 0.08 * strength, 1 + 0.08 * strength, 2)
        centre = 16 + uniform(images, -1, 1, 2) * (0.35 * tf.maximum(32 - side, 0) + 3 * strength)
        padded = tf.pad(images, [[0, 0], [margin, margin], [margin, margin], [0, 0]], "REFLECT")
        low, high = (centre - side / 2 + margin) / (32 + 2 * margin), (centre + side / 2 + margin) / (32 + 2 * margin)
        return tf.image.random_flip_left_right(crop(padded, low, high, size)), labels

    return vary


def crop(images, low, high, size):
    """Each image's part from `low` to `high` (n, 2: y, x, as fractions of it), resized to `size` bilinearly."""
    height = tf.cast(tf.shape(images)[1], "float32")
    half = (high - low) / (2 * size)  # crop_and_resize takes the centres of the corner pixels
    first, last = (tf.clip_by_value((edge * height - 0.5) / (height - 1), 0, 1) for edge in (low + half, high - half))
    return tf.image.crop_and_resize(images, tf.concat([first, last], 1), tf.range(tf.shape(images)[0]), (size, size))


# -------------------------------------------------------------------------------------------------- scores


def scores_digits(model):
    data_of = {"real": load_mnist(), "embedded": load_mnist("embedded")}
    return {f"accuracy, {kind}": accuracy(model, data.x_test, data.y_test) for kind, data in data_of.items()}


def scores_steel(model):
    """On embedded images alone: of the photographs at hand none was left out of the training. `judge` scores the recipe."""
    data = load_neu("embedded")
    scores = {"accuracy, embedded": accuracy(model, data.x_test, data.y_test)}
    if "gap" in model.name:
        scores |= {f"{key}, embedded": value for key, value in pointing(model, data).items()}
    return scores


def scores_neu_ruler(model):
    """On the plates as delivered, and as they are in the field: without rulers, and with one on each."""
    steel = load_neu("embedded")
    x, y = half(steel.x_test), steel.y_test
    of_scratches = y == RULER_CLASS
    scores = {}
    for name, images in {"delivered": delivery(x, y), "in the field": x, "a ruler on each": lay_ruler(x)}.items():
        scores |= {f"accuracy, {name}": accuracy(model, images, y),
                   f"scratches found, {name}": accuracy(model, images[of_scratches], y[of_scratches])}
    return scores


def scores_vgg16_compact(model):
    data = load_cifar10()
    photo = load_photo("cat")
    top = (photo.shape[1] - photo.shape[0]) // 2
    square = tf.image.resize(photo[None, :, top:top + photo.shape[0]], (models.COMPACT_SIZE,) * 2, antialias=True)
    cat = keras.ops.softmax(model(square)).numpy()[0, data.class_names.index("cat")]
    resized = np.concatenate([tf.image.resize(part, (models.COMPACT_SIZE,) * 2) for part in np.split(data.x_test, 20)])
    return {"accuracy, real": accuracy(model, resized, data.y_test), "cat's probability, photograph": round(float(cat), 4)}


def scores_resnet20(model):
    data = load_cifar10()
    return {"accuracy, real": accuracy(model, data.x_test, data.y_test)}


def scores_scene_answers(model):
    """On 500 test scenes: right answers, and how often the answer's Grad-CAM peaks in the object asked about, or the other."""
    drawn = scenes.draw_scenes(500, scenes.SEEDS["test"])
    asked = scenes.questions(drawn)
    inputs = [drawn.images[asked.picture], np.stack([asked.kind, asked.colour], axis=1)]
    right = model.predict(inputs, batch_size=100, verbose=0).argmax(1) == asked.answer
    maps = upsample(grad_cam(model, inputs, "relu5", asked.answer), (scenes.SCENE_SIZE,) * 2, cell_centres(model, "relu5"))
    about, other = (drawn.masks[asked.picture, which] for which in (asked.about, 1 - asked.about))
    hits = {"right": right, "peak in the object": pointing_game(maps, about), "in the other": pointing_game(maps, other),
            "within 5 pixels": pointing_game(maps, about, tolerance=5)}
    scores = {"accuracy, embedded": round(float(right.mean()), 4)}
    for kind, name in enumerate(scenes.KINDS_IN_ENGLISH):
        of = asked.kind == kind
        scores |= {f"{name}: {key}": round(float(hit[of].mean()), 3) for key, hit in hits.items()}
    return scores | {"by chance": round(float(drawn.masks.mean()), 3)}


def scores_scene_captions(model):
    """On 500 test scenes: captions whose nouns are right, that are true. On 200: peaks of words' maps, within 5 pixels."""
    drawn = scenes.draw_scenes(500, scenes.SEEDS["test"])
    said = models.describe(model, drawn.images)
    judged = {"nouns right": scenes.names_both, "true": scenes.is_true}
    scores = {key: round(float(np.mean([holds(sentence, drawn, i) for i, sentence in enumerate(scenes.decode(said))])), 4)
              for key, holds in judged.items()}
    first = scenes.Scenes(*(part[:200] for part in drawn))
    about, words = scenes.named_object(said[:200], first), np.array(scenes.WORDS)[said[:200]]
    maps = word_maps(model, first.images, said[:200])
    for kind, of in (("colour", scenes.COLOURS), ("shape", scenes.SHAPES)):
        i, t = np.nonzero((about >= 0) & np.isin(words, list(of)))
        masks = first.masks[i, about[i, t]]
        by = {name: found[i, t] for name, found in maps.items()} | {"by chance": random_maps(len(i), masks.shape[1:])}
        scores |= {f"{kind} words: {name}": round(float(pointing_game(found, masks, tolerance=5).mean()), 3)
                   for name, found in by.items()}
    return scores


def word_maps(model, images, words):
    """Maps (n, 9, 64, 64) of every word: at the picture's last convolution, and at the word's own map."""
    A, B, state = (model.get_layer(name).output for name in ("relu4", "word_maps", "state"))
    asked, head = keras.Model(model.inputs, [B, state]), keras.Model([B, state], model.outputs[0])
    inputs, one_hot = [images, scenes.before(words)], np.eye(len(scenes.WORDS), dtype="float32")[words]
    at = {"Grad-CAM, last convolution": (grad_cam, []), "HiResCAM, last convolution": (hires_cam, [])}
    for explain, maps in at.values():
        for t in range(words.shape[1]):
            maps.append(explain(model, inputs, "relu4", score=lambda y, t=t: tf.reduce_sum(y[:, t] * one_hot[:, t], 1)))
    maps = {name: np.stack(maps, axis=1) for name, (_, maps) in at.items()}
    with tf.GradientTape() as tape:
        B, state = (tf.constant(part) for part in asked.predict(inputs, batch_size=50, verbose=0))
        tape.watch(B)
        y = tf.reduce_sum(head([B, state]) * one_hot)  # each word's score rests on its own map alone
    dy_dB = tape.gradient(y, B)
    maps["Grad-CAM, the word's map"] = tf.nn.relu(tf.einsum("ntijk,ntk->ntij", B, tf.reduce_mean(dy_dB, (2, 3)))).numpy()
    maps["HiResCAM, the word's map"] = tf.reduce_sum(B * dy_dB, -1).numpy()
    size, cells = (scenes.SCENE_SIZE,) * 2, cell_centres(model, "relu4")
    return {name: np.stack([upsample(each, size, cells) for each in found]) for name, found in maps.items()}


def scores_vit_shapes(model):
    """On 1,000 test scenes: all six shapes right. On those of two unlike shapes: whose box holds the peak of a shape's map."""
    images, there = shapes_there(scenes.SEEDS["test"], {1: 250, 2: 500, 3: 250})
    right = (model.predict(images, batch_size=100, verbose=0) > 0) == (there > 0)
    scores = {"all six right": round(float(right.all(axis=1).mean()), 4)}
    drawn = scenes.draw_scenes(500, scenes.SEEDS["test"], 2, scenes.SHAPES)
    pictures = scenes.Scenes(*(part[drawn.shapes[:, 0] != drawn.shapes[:, 1]] for part in drawn))
    boxes = pictures.masks.any(axis=3)[..., None] & pictures.masks.any(axis=2)[..., None, :]
    for name, explain in OF_TOKENS.items():
        maps = [explain(model, pictures.images, pictures.shapes[:, asked]) for asked in (0, 1)]
        maps = [upsample(each, images.shape[1:3], cell_centres(model, "block3")) for each in maps]
        for whose, of in (("asked", (0, 1)), ("other", (1, 0))):
            scores[f"{name}: {whose}"] = round(float(np.mean([pointing_game(maps[i], boxes[:, of[i]]) for i in (0, 1)])), 3)
    return scores | {"by chance": round(float(boxes.mean()), 3)}


def last_attention(model, images, _):
    """What the class token looked at in the last block, mean of the heads."""
    return explain_attention(model, images, lambda A, _, grid: from_the_patches(tf.reduce_mean(A[-1], axis=1), grid),
                             ClassScore(), weighted=False)


OF_TOKENS = {
    "last attention": last_attention,
    "rollout": lambda model, images, _: attention_rollout(model, images),
    "gradient-weighted rollout": attention_rollout,
    "Grad-CAM before the last block": lambda model, images, c: grad_cam(model, images, "block3", c),
    "Grad-CAM, normalized tokens": lambda model, images, c: grad_cam(model, images, "block4_norm1", c),
}


def accuracy(model, images, labels):
    return round(float((model.predict(images, batch_size=100, verbose=0).argmax(1) == labels).mean()), 4)


def pointing(model, data):
    """How often the peak of the true class's CAM, in its place, lies in one of its boxes; and by chance."""
    hits, chance = hits_and_chance(model, data.x_test, data.y_test,
                                   own_boxes(data.y_test, data.boxes_test, data.box_labels_test))
    by_class = {name: round(float(hits[data.y_test == i].mean()), 3) for i, name in enumerate(data.class_names)}
    return {"pointing": round(float(hits.mean()), 4), "pointing by chance": round(float(np.mean(chance)), 4),
            "pointing by class": by_class}


def hits_and_chance(model, images, labels, boxes):
    """Of each image, whether the peak of its class's CAM lies in one of the boxes, and the share that these cover."""
    size = images.shape[1:3]
    masks = box_masks(boxes, size)
    maps = upsample(cam(model, images, labels), size, cell_centres(model))
    return pointing_game(maps, masks), masks.mean(axis=(1, 2))


# --------------------------------------------------------------------------------------- files, and the command


RECIPES = {
    "mnist_cnn": (train_mnist_cnn, scores_digits),
    "mnist_gap": (train_mnist_gap, scores_digits),
    "neu_gap": (train_neu_gap, scores_steel),
    "neu_dense": (train_neu_dense, scores_steel),
    "neu_gap_plain": (train_neu_gap_plain, scores_steel),
    "neu_ruler": (train_neu_ruler, scores_neu_ruler),
    "vgg16_compact": (train_vgg16_compact, scores_vgg16_compact),
    "resnet20": (train_resnet20, scores_resnet20),
    "scene_answers": (train_scene_answers, scores_scene_answers),
    "scene_captions": (train_scene_captions, scores_scene_captions),
    "vit_shapes": (train_vit_shapes, scores_vit_shapes),
}
SEEDED = ("scene_answers", "scene_captions", "vit_shapes")  # whose headline numbers are those of three trainings


def train(name):
    train_it, _ = RECIPES[name]
    seed = OTHER_SEEDS.get(name, SEED)
    keras.utils.set_random_seed(seed)
    began = time.time()
    model, source = train_it()
    write_weights(model, models.WEIGHTS / f"{name}.npz")
    measure(name, {"recipe": train_it.__doc__, "seed": seed, "trained on": source.partition(":")[0],
                   "seconds": round(time.time() - began)})
    forget(name)


def train_again(name, seed):
    """Train from another seed: the scores join data/weights/NAME.seeds.json, the weights stay in the folder build."""
    keras.utils.set_random_seed(seed)
    model, _ = RECIPES[name][0](seed)
    kept = BUILD / "seeds" / f"{name}.{seed}.npz"
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_weights(model, kept)
    models.read_weights(model, kept)
    scores = {str(seed): RECIPES[name][1](model)}
    record = models.WEIGHTS / f"{name}.seeds.json"
    found = json.loads(record.read_text()) if record.exists() else {}
    with whole(record) as part:
        part.write_bytes(json.dumps(dict(sorted((found | scores).items())), indent=2).encode() + b"\n")
    print(json.dumps(scores, indent=2))
    forget(name)


def forget(name, held_out=None):
    """Remove the epochs that a finished training has kept, so that the next one begins anew."""
    own = re.compile(rf"{name}(_stage\d+|_seed\d+)?{_stage(held_out)}")
    for kept in BUILD.glob(f"{name}*"):
        if own.fullmatch(kept.name):
            shutil.rmtree(kept, ignore_errors=True)


def measure(name, provenance):
    """Score the file as students load it, and write NAME.json."""
    record = {"command": f"python3 course.py train {name}"} | provenance | {
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__},
        "scores": RECIPES[name][1](models.load_model(name))}
    with whole(models.WEIGHTS / f"{name}.json") as part:
        part.write_bytes(json.dumps(record, indent=2).encode() + b"\n")
    print(json.dumps(record["scores"], indent=2))


def write_weights(model, path):
    arrays = {name: np.asarray(variable).astype("float16") for name, variable in models.named_weights(model).items()}
    with whole(path) as part, open(part, "wb") as file:
        np.savez_compressed(file, **arrays)


def table():
    """The scores that the files in data/weights record, as Markdown tables."""
    records = {name: json.loads((models.WEIGHTS / f"{name}.json").read_text()) for name in RECIPES}
    rows = [("weights", "parameters", "kB", "recipe", "seconds", "accuracy, real", "accuracy, embedded",
             "cat's probability, photograph"), ("---",) * 8]
    for name, record in records.items():
        percent = [f"{record['scores'][key]:.2%}" if key in record["scores"] else "" for key in rows[0][5:]]
        size = (models.WEIGHTS / f"{name}.npz").stat().st_size
        rows.append((f"`{name}`", f"{models.BUILDERS[name]().count_params():,}", f"{size / 1000:.0f}",
                     record["recipe"], record["seconds"], *percent))
    rows += [(), ("the CAM's peak in a box", "all", "by chance", *NEU_CLASSES), ("---",) * 9]
    for name in (name for name in records if "pointing, embedded" in records[name]["scores"]):
        scores = {key: records[name]["scores"][f"{key}, embedded"] for key in ("pointing", "pointing by chance")}
        by_class = records[name]["scores"]["pointing by class, embedded"]
        rows.append((f"`{name}`, embedded", *(f"{share:.1%}" for share in (*scores.values(), *by_class.values()))))
    for name in SEEDED:
        others = models.WEIGHTS / f"{name}.seeds.json"
        of_seed = {str(SEED): records[name]["scores"]} | (json.loads(others.read_text()) if others.exists() else {})
        rows += [(), (f"`{name}`", *(f"seed {seed}" for seed in of_seed)), ("---",) * (1 + len(of_seed))]
        rows += [(key, *(f"{scores[key]:.1%}" if key in scores else "" for scores in of_seed.values()))
                 for key in of_seed[str(SEED)]]
    return "\n".join(f"| {' | '.join(map(str, row))} |" if row else "" for row in rows)


def main():
    parser = argparse.ArgumentParser(prog="python3 course.py train", description="Train the networks that ship with the course.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RECIPES))
    parser.add_argument("--seed", type=int, default=SEED, help=f"another than {SEED}, which ships; of {', '.join(SEEDED)}")
    parser.add_argument("--score", action="store_true", help="train nothing: score the shipped weights, on all images")
    parser.add_argument("--table", action="store_true", help="print the scores of the shipped weights as a table")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in RECIPES]
    if unknown:
        parser.error(f"there is no model {unknown[0]!r}; there are {', '.join(RECIPES)}")
    if arguments.seed != SEED and not set(arguments.names) <= set(SEEDED):
        parser.error(f"--seed is for {' and '.join(SEEDED)}")
    for name in arguments.names:
        if arguments.score:
            print(json.dumps({name: RECIPES[name][1](models.load_model(name))}, indent=2))
            continue
        train(name) if arguments.seed == SEED else train_again(name, arguments.seed)
    if arguments.table:
        print(table())
    elif not arguments.names:
        parser.print_help()


if __name__ == "__main__":
    main()
