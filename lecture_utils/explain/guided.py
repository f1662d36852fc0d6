"""Gradients down to the pixels through gated ReLUs: guided backpropagation, deconvnet, and Guided Grad-CAM.

The three ways back through one ReLU f = max(x, 0), where R is the gradient that arrives from above:

    backpropagation             1[x > 0] · R                what the chain rule says
    deconvnet                              1[R > 0] · R     only what speaks for the class
    guided backpropagation      1[x > 0] · 1[R > 0] · R     both

All kinds of ReLU are gated, wherever they stand: fused into a layer, a layer of their own (with `max_value`,
`negative_slope` or `threshold`, whose derivative then takes the place of 1[x > 0]), in a nested model. Other activations
keep their own gradient, and a warning names them; a ReLU hidden in the code of a custom layer is a ValueError that
names the layer.

These images are sharp, and nearly the same for every class: they show what the network sees, not what it looks for.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from . import engine
from .cam import _grad_cam, bilinear


def guided_backprop(model, images, class_index=None, *, output=None, score=None) -> NDArray[np.float32]:
    """Guided backpropagation of a class score to the pixels.

        R^l = 1[f^l > 0] · 1[R^{l+1} > 0] · R^{l+1} at every ReLU f^l;  everywhere else the chain rule

    Arguments as for `grad_cam`. Returns float32 (n, height, width, channels), signed.
    Raises what `grad_cam` raises, and ValueError if a ReLU stands in the code of a custom layer, out of reach.
    Warns of activations that are no ReLUs: they keep their own gradient.

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> guided_backprop(model, data.x_test[:2]).shape
    (2, 28, 28, 1)

    Springenberg, Dosovitskiy, Brox & Riedmiller, Striving for Simplicity: The All Convolutional Net, ICLR workshop
    2015, figure 1, arXiv:1412.6806.
    """
    return engine.explain_pixels(model, images, _guided, engine.score_of(class_index, output, score))


def _guided(relu):
    return lambda x: _positive_part_back(relu(x))


@tf.custom_gradient
def _positive_part_back(f):
    return tf.identity(f), tf.nn.relu                           # back: max(R, 0), and then ReLU's own 1[x > 0]


def deconvnet(model, images, class_index=None, *, output=None, score=None) -> NDArray[np.float32]:
    """The way back of a deconvolutional network, from a class score to the pixels.

        R^l = 1[R^{l+1} > 0] · R^{l+1} at every ReLU, whatever went forward;  everywhere else the chain rule

    Arguments as for `grad_cam`. Returns float32 (n, height, width, channels), signed.
    Raises what `grad_cam` raises, and ValueError if a ReLU stands in the code of a custom layer, out of reach.
    Warns of activations that are no ReLUs: they keep their own gradient.

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> deconvnet(model, data.x_test[:2]).shape
    (2, 28, 28, 1)

    Zeiler & Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, arXiv:1311.2901, as Springenberg
    et al. write it (see `guided_backprop`).
    """
    return engine.explain_pixels(model, images, _deconvnet, engine.score_of(class_index, output, score))


def _deconvnet(relu):
    return lambda x: _positive_part_past(x, relu(x))


@tf.custom_gradient
def _positive_part_past(x, f):
    return tf.identity(f), lambda R: (tf.nn.relu(R), None)      # back: max(R, 0) to x itself, nothing through the ReLU


def guided_grad_cam(model, images, layer=None, class_index=None, *, output=None, score=None, grid=None) -> NDArray[np.float32]:
    """Guided Grad-CAM: Grad-CAM says where, guided backpropagation says what.

        upsampled L^c · R,   L^c from `grad_cam`, its cells where they look (`cell_centres`), and R from `guided_backprop`

    Arguments as for `grad_cam`. Returns float32 (n, height, width, channels), signed.
    Raises what `grad_cam` raises, and ValueError if a ReLU stands in the code of a custom layer, out of reach.
    Warns of activations that are no ReLUs: they keep their own gradient.

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> guided_grad_cam(model, data.x_test[:2]).shape
    (2, 28, 28, 1)

    Selvaraju et al., as for `grad_cam`, the section on Guided Grad-CAM.
    """
    return engine.explain_pixels(model, images, _guided, engine.score_of(class_index, output, score),
                                 layer, _grad_cam, _guided_grad_cam, grid)


def _guided_grad_cam(L, R, cells):
    return bilinear(L, tf.shape(R)[1:3], cells)[..., None] * R
