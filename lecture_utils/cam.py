"""Class activation maps: CAM, Grad-CAM and its counterfactual; each is its equation, a line or two of tensor code.

Names are the papers': A feature maps (n, h, w, k), y class scores before softmax, w the classifier's weights,
alpha neuron importance weights. Everything about Keras stands in `surgery`.

Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016 (CAM), arXiv:1512.04150.
Selvaraju et al., Grad-CAM, IJCV 2020 (Grad-CAM), arXiv:1610.02391.
"""

import numpy as np
import tensorflow as tf

from lecture_utils import engine


def cam(model, images, class_index=None, *, output=None):
    """M_c(i, j) = Σ_k w_k^c A^k_ij: the class's own weights laid over the last feature maps (Zhou et al., eq. 2)."""
    return engine.explain_gap_head(model, images, _cam, class_index, output)


def _cam(A, w_c):
    return tf.einsum("nijk,nk->nij", A, w_c)                    # M = Σ_k w_k A^k


def grad_cam(model, images, layer=None, class_index=None, *, output=None, score=None):
    """L_c = ReLU(Σ_k α_k^c A^k) with α_k^c = 1/Z Σ_ij ∂y^c/∂A^k_ij (Selvaraju et al., eq. 1 and 2)."""
    (L,), _ = engine.explain_feature_maps(model, images, _grad_cam, (layer,), class_index, output, score)
    return L


def _grad_cam(A, dy_dA):
    alpha = tf.reduce_mean(dy_dA, axis=(1, 2))                  # α_k = 1/Z Σ_ij ∂y/∂A^k_ij
    return tf.nn.relu(tf.einsum("nijk,nk->nij", A, alpha))      # L = ReLU(Σ_k α_k A^k)


def counterfactual_cam(model, images, layer=None, class_index=None, *, output=None, score=None):
    """Grad-CAM of the negated score: where the evidence against the class lies (Selvaraju et al., section 3.3)."""
    (L,), _ = engine.explain_feature_maps(model, images, _counterfactual_cam, (layer,), class_index, output, score)
    return L


def _counterfactual_cam(A, dy_dA):
    return _grad_cam(A, -dy_dA)                                 # the score -y instead of y


def grad_cam_layers(model, images, layers=None, class_index=None, *, output=None, score=None):
    """Grad-CAM at several layers from one forward and one backward pass: dict layer name -> (n, h, w)."""
    layers = None if layers is None else tuple(layers)
    L, names = engine.explain_feature_maps(model, images, _grad_cam, layers, class_index, output, score)
    return dict(zip(layers or names, L))


def grad_cam_classes(model, images, class_indices, layer=None, *, output=None):
    """Grad-CAM for several classes from one forward pass: (n, classes, h, w)."""
    return engine.explain_classes(model, images, _grad_cam, layer, class_indices, output)


def normalize(maps):
    """Each map divided by its own maximum; a map without positive values becomes zero.

    maps: (n, h, w) or (h, w). For non-negative maps the result lies in [0, 1].
    """
    maps = _checked_maps(maps)
    top = maps.max(axis=(-2, -1), keepdims=True)
    positive = top > 0
    return np.where(positive, maps / np.where(positive, top, 1), np.float32(0)).astype(np.float32)


def upsample(maps, size):
    """Maps at another size, bilinear with half-pixel centres; never leaves the range of its input.

    maps: (n, h, w) or (h, w); size: (height, width).
    """
    maps = _checked_maps(maps)
    height, width = (int(length) for length in size)
    if height < 1 or width < 1:
        raise ValueError(f"size must be (height, width), both at least 1; got {size}")
    resized = bilinear(maps.reshape(-1, *maps.shape[-2:]), (height, width))
    return resized.numpy().reshape(*maps.shape[:-2], height, width)


def bilinear(maps, size):
    """The tensor (n, h, w) at another size; the clip takes off what rounding adds beyond each map's own range."""
    low, high = (reduce(maps, axis=(1, 2), keepdims=True) for reduce in (tf.reduce_min, tf.reduce_max))
    return tf.clip_by_value(tf.image.resize(maps[..., None], size, method="bilinear")[..., 0], low, high)


def _checked_maps(maps):
    maps = np.asarray(maps)
    if maps.ndim not in (2, 3) or 0 in maps.shape or not np.issubdtype(maps.dtype, np.number):
        raise ValueError(f"maps must be numbers of shape (n, height, width) or (height, width); got {maps.dtype} of "
                         f"shape {maps.shape}")
    if not np.isfinite(maps).all():
        raise ValueError("maps must be finite; got NaN or infinity")
    return maps.astype(np.float32, copy=False)
