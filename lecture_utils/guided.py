"""Gradients down to the pixels: three gates of one ReLU, and Guided Grad-CAM.

On the way back through a ReLU f = max(x, 0) with the gradient R arriving from above, passed on is

    backpropagation   1[x > 0] · R
    deconvnet         1[R > 0] · R
    guided            1[x > 0] · 1[R > 0] · R

Springenberg et al., Striving for Simplicity, 2015 (guided backpropagation), arXiv:1412.6806.
Zeiler & Fergus, Visualizing and Understanding Convolutional Networks, 2014 (deconvnet), arXiv:1311.2901.
"""

import tensorflow as tf

from lecture_utils import engine
from lecture_utils.cam import _grad_cam, bilinear


def guided_backprop(model, images, class_index=None, *, output=None, score=None):
    """∂y^c/∂image with guided ReLUs: float32 (n, H, W, channels), signed."""
    return engine.explain_pixels(model, images, _guided, class_index, output, score)


def _guided(relu):
    """f = relu(x);  backward: f'(x) · max(R, 0)."""
    return lambda x: _keep_positive(relu(x))


@tf.custom_gradient
def _keep_positive(f):
    return tf.identity(f), tf.nn.relu               # forward: f as it is; backward: max(R, 0)


def deconvnet(model, images, class_index=None, *, output=None, score=None):
    """∂y^c/∂image with deconvnet's ReLUs: float32 (n, H, W, channels), signed."""
    return engine.explain_pixels(model, images, _deconvnet, class_index, output, score)


def _deconvnet(relu):
    """f = relu(x);  backward: max(R, 0), whatever x was."""
    @tf.custom_gradient
    def gate(x):
        return relu(x), tf.nn.relu
    return gate


def guided_grad_cam(model, images, layer=None, class_index=None, *, output=None, score=None):
    """Upsampled Grad-CAM times guided backpropagation: float32 (n, H, W, channels), signed."""
    return engine.explain_pixels_and_map(model, images, _guided, _grad_cam, _guided_grad_cam,
                                         layer, class_index, output, score)


def _guided_grad_cam(L, guided):
    return bilinear(L, tf.shape(guided)[1:3])[..., None] * guided
