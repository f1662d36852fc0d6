"""Steps that several answers take."""

import numpy as np


def weighted(A, g):
    """Grad-CAM before its ReLU."""
    return A @ g.mean((0, 1))


def min_max(L, more=0.0):
    return (L - L.min()) / (L.max() - L.min() + more)


def peak(L):
    return np.unravel_index(np.argmax(L), L.shape)
