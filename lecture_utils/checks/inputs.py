"""Random inputs for the checks: other shapes and values at each trial."""

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
