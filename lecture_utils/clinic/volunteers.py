"""Small networks by which a heat map's code is examined: each has a layer "features", and ends in logits.

Their weights are drawn from a seed or written by hand, so that the right map is known without any tape.
"""

import keras
import numpy as np

layers = keras.layers


def dense_head(seed, classes=4, size=(5, 6), channels=5):
    """(n, 5, 6, 3) to logits: one convolution, Flatten, a tanh layer and a linear one: CAM does not apply."""
    rng = np.random.default_rng(seed)
    model = keras.Sequential([
        keras.Input((*size, 3)), layers.Conv2D(channels, 3, padding="same", activation="relu", name="features"),
        layers.Flatten(), layers.Dense(6, activation="tanh"), layers.Dense(classes, name="logits")])
    model.set_weights([rng.normal(0, 1.5 / np.sqrt(np.prod(w.shape[:-1]) or 1), w.shape) for w in model.get_weights()])
    return model


def by_hand(weights, biases=None, size=(10, 10)):
    """Channels in, the same channels as feature maps, their means, a linear layer with these weights (channels, classes)."""
    weights = np.asarray(weights, np.float32)
    channels = len(weights)
    model = keras.Sequential([keras.Input((*size, channels)), layers.Conv2D(channels, 1, activation="relu", name="features"),
                              layers.GlobalAveragePooling2D(), layers.Dense(weights.shape[1], name="logits")])
    biases = np.zeros(weights.shape[1]) if biases is None else biases
    model.set_weights([np.eye(channels)[None, None], np.zeros(channels), weights, biases])
    return model


def averaging(seed, classes=4, channels=8):
    """(n, 8, 8, 3) to logits by one convolution and global average pooling."""
    rng = np.random.default_rng(seed)
    model = keras.Sequential([
        keras.Input((8, 8, 3)), layers.Conv2D(channels, 3, padding="same", activation="relu", name="features"),
        layers.GlobalAveragePooling2D(), layers.Dense(classes, name="logits")])
    model.set_weights([rng.normal(0, 0.4, w.shape) for w in model.get_weights()])
    return model


def normalizing(seed, channels=5):
    """(n, 6, 6, 3) to three logits, with batch normalization behind the features and a bend, so that every image counts."""
    rng = np.random.default_rng(seed)
    model = keras.Sequential([
        keras.Input((6, 6, 3)), layers.Conv2D(channels, 3, padding="same", activation="relu", name="features"),
        layers.BatchNormalization(), layers.Activation("softplus"), layers.GlobalAveragePooling2D(),
        layers.Dense(3, name="logits")])
    kernel, bias, gamma, beta, mean, variance, weights, biases = model.get_weights()
    positive = lambda w: rng.uniform(0.5, 1.5, w.shape)     # no class has an empty map
    model.set_weights([rng.normal(0, 0.6, kernel.shape), positive(bias), positive(gamma), beta, positive(mean),
                       positive(variance), positive(weights), biases])
    return model


def wrapped(seed):
    """The same network twice: flat; and as a backbone in a model that rescales the images first, as transfer learning has it."""
    rng = np.random.default_rng(seed)
    kernel, bias = rng.normal(0, 0.5, (3, 3, 3, 6)), rng.normal(0, 0.2, 6)
    head = [rng.uniform(-0.4, 1, (6, 4)), np.zeros(4)]
    scale, offset = 2.0, -1.0
    flat = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(6, 3, activation="relu", name="features"),
                             layers.GlobalAveragePooling2D(), layers.Dense(4, name="logits")])
    flat.set_weights([scale * kernel, bias + offset * kernel.sum((0, 1, 2)), *head])        # the rescaling, multiplied out
    backbone = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(6, 3, activation="relu")], name="features")
    nested = keras.Sequential([keras.Input((8, 8, 3)), layers.Rescaling(scale, offset), backbone,
                               layers.GlobalAveragePooling2D(), layers.Dense(4, name="logits")])
    nested.set_weights([kernel, bias, *head])
    return flat, nested
