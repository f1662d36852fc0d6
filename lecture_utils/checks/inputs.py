"""Random inputs for the checks: other shapes and values at each trial."""

import keras
import numpy as np


def height_and_width(rng, low=3, high=9):
    """A height and a width from `low` to `high` - 1, never equal: whoever confuses them shall not pass."""
    return tuple(map(int, rng.choice(np.arange(low, high), size=2, replace=False)))


def signed(rng, *shape):
    """Random values of both signs, of the type that the course's arrays have."""
    return rng.normal(size=shape).astype(np.float32)


def features(rng, *shape):
    """Random values as behind a ReLU: none is negative."""
    return rng.random(shape, dtype=np.float32)


def maps_and_gradients(rng):
    shape = *height_and_width(rng), int(rng.integers(3, 9))
    return features(rng, *shape), signed(rng, *shape)


def small_network(rng, shape, head, before=()):
    """An untrained Keras model: two convolutions, "first" and "last", under a head, "GAP" or "Flatten", and perhaps ", hidden".

    before: layers that the image passes first.
    """
    layers = keras.layers
    images = x = keras.Input(shape)
    for layer in before:
        x = layer(x)
    x = layers.Conv2D(int(rng.integers(3, 6)), 3, padding="same", activation="relu", name="first")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(int(rng.integers(3, 6)), 3, padding="same", activation="relu", name="last")(x)
    x = layers.Flatten()(x) if head.startswith("Flatten") else layers.GlobalAveragePooling2D()(x)
    if head.endswith("hidden"):
        x = layers.Dropout(0.5)(layers.Dense(6, activation="tanh")(x))      # wrong in training mode
    model = keras.Model(images, layers.Dense(int(rng.integers(3, 6)))(x))
    model.set_weights([signed(rng, *weight.shape) / np.sqrt(np.prod(weight.shape[:-1]) or 1) for weight in model.get_weights()])
    return model
