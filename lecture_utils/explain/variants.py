"""Four relatives of Grad-CAM, for comparison. Each is its equation, in the names that `cam` explains."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from . import engine
from .cam import bilinear


def hires_cam(model, images, layer=None, class_index=None, *, output=None, score=None, grid=None) -> NDArray[np.float32]:
    """HiResCAM: each place of a feature map weighed by its own gradient, not by the map's average.

        M^c = Σ_k ∂y^c/∂A^k ⊙ A^k

    Under a head of global average pooling and one linear layer, Z times this map is the CAM.

    Arguments and errors as for `grad_cam`. Returns float32 (n, h, w), signed.

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> hires_cam(model, data.x_test[:2], "conv3").shape
    (2, 7, 7)

    Draelos & Carin, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks, 2020,
    arXiv:2011.08891.
    """
    score = engine.score_of(class_index, output, score)
    (M,), _ = engine.explain_feature_maps(model, images, _hires_cam, (layer,), score, grid)
    return M


def _hires_cam(A, dy_dA):
    return tf.reduce_sum(dy_dA * A, axis=-1)                                # M = Σ_k ∂y/∂A^k ⊙ A^k


def layer_cam(model, images, layer=None, class_index=None, *, output=None, score=None, grid=None) -> NDArray[np.float32]:
    """LayerCAM: HiResCAM that counts only the places whose growth would raise the score.

        L^c = ReLU(Σ_k ReLU(∂y^c/∂A^k) ⊙ A^k)

    Arguments and errors as for `grad_cam`. Returns float32 (n, h, w).

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> layer_cam(model, data.x_test[:2], "conv3").shape
    (2, 7, 7)

    Jiang, Zhang, Hou, Cheng & Wei, LayerCAM: Exploring Hierarchical Class Activation Maps for Localization, IEEE
    Transactions on Image Processing 30, 2021, doi:10.1109/TIP.2021.3089943.
    """
    score = engine.score_of(class_index, output, score)
    (L,), _ = engine.explain_feature_maps(model, images, _layer_cam, (layer,), score, grid)
    return L


def _layer_cam(A, dy_dA):
    return tf.nn.relu(tf.reduce_sum(tf.nn.relu(dy_dA) * A, axis=-1))        # L = ReLU(Σ_k ReLU(∂y/∂A^k) ⊙ A^k)


def grad_cam_pp(model, images, layer=None, class_index=None, *, output=None, score=None, grid=None) -> NDArray[np.float32]:
    """Grad-CAM++: only positive gradients count, and within a feature map each place has a weight of its own.

        α_ij^k = g² / (2 g² + g³ Σ_ab A_ab^k),  g = ∂y^c/∂A_ij^k         0 where the denominator is
        w_k^c = Σ_ij α_ij^k ReLU(g)             L^c = ReLU(Σ_k w_k^c A^k)

    The paper explains exp(y), whose second and third derivatives are exp(y) g² and exp(y) g³ in a network of ReLUs. In
    α the factor exp(y) cancels. In w it multiplies the whole map and is left off, so that it cannot overflow.

    Arguments and errors as for `grad_cam`. Returns float32 (n, h, w).

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> grad_cam_pp(model, data.x_test[:2], "conv3").shape
    (2, 7, 7)

    Chattopadhyay, Sarkar, Howlader & Balasubramanian, Grad-CAM++: Improved Visual Explanations for Deep Convolutional
    Networks, WACV 2018, arXiv:1710.11063.
    """
    score = engine.score_of(class_index, output, score)
    (L,), _ = engine.explain_feature_maps(model, images, _grad_cam_pp, (layer,), score, grid)
    return L


def _grad_cam_pp(A, dy_dA):
    # α with g² taken out above and below: g² and g³ of small gradients would underflow.
    alpha = tf.math.divide_no_nan(1.0, 2 + dy_dA * tf.reduce_sum(A, axis=(1, 2), keepdims=True))
    w = tf.reduce_sum(alpha * tf.nn.relu(dy_dA), axis=(1, 2))               # w_k = Σ_ij α_ij^k ReLU(∂y/∂A_ij^k)
    return tf.nn.relu(tf.einsum("nijk,nk->nij", A, w))                      # L = ReLU(Σ_k w_k A^k)


def score_cam(model, images, layer=None, class_index=None, *, output=None, score=None, grid=None) -> NDArray[np.float32]:
    """Score-CAM: no gradient; a feature map weighs what the network still thinks of the image seen through it.

        M^k = A^k at the size of the image (each cell where it looks), its minimum shifted to 0, its maximum scaled to 1
        α_k^c = softmax_k(y^c(x ⊙ M^k))         L^c = ReLU(Σ_k α_k^c A^k)

    The paper subtracts the score of a baseline image; in the softmax over k that cancels. A feature map with a single
    value is no mask and hides the whole image. Some take the class's probability itself for α. Up to a factor, that is
    `score=lambda y: tf.nn.log_softmax(y)[:, c]`.

    It takes k + 1 forward passes an image, in batches of bounded size. Arguments and errors as for `grad_cam`; an image
    keeps the class predicted for the whole of it. A `score` is called with one row per image, as it is by `grad_cam`,
    but needs no gradient. Returns float32 (n, h, w).

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> score_cam(model, data.x_test[:2], "conv3").shape
    (2, 7, 7)

    Wang, Wang, Du, Yang, Zhang, Ding, Mardziel & Hu, Score-CAM: Score-Weighted Visual Explanations for Convolutional
    Neural Networks, CVPR workshop 2020, arXiv:1910.01279.
    """
    asked, any_class = engine.score_of(class_index, output, score), engine.score_of(None, output, score)
    inputs, at = engine.inputs_and_image(model, images)
    n, cells = len(inputs[0]), engine.cells(model, layer, inputs[at].shape[1:3], asked, grid)
    if score is None:
        _, classes = engine.scores(model, _single(inputs), asked)
        groups = [slice(i, i + 1) for i in range(n)]
    else:
        classes, groups = np.zeros(n, int), [slice(0, n)]       # a score may hold something for every image
    L = []
    for group in groups:
        part = [each[group] for each in inputs]
        A = engine.feature_maps(model, _single(part), layer, asked, grid)
        y = []
        for masks, seen in _seen_through(A, part, at, cells):
            of_seen, _ = engine.scores(model, _single(seen), any_class, masks)
            y.append(of_seen[:, classes[group.start]].reshape(masks, -1))
        L.append(_score_cam(A, np.concatenate(y).T))
    return np.concatenate(L)


def _score_cam(A, y):
    return tf.nn.relu(tf.einsum("nijk,nk->nij", A, tf.nn.softmax(y)))       # L = ReLU(Σ_k softmax(y)_k A^k)


def _seen_through(A, inputs, at, cells):
    """(number of masks, inputs as seen through them), as many at a time as a batch may hold; mask 0 of each image first.

    The image, input number `at`, is multiplied by the mask of each of its own feature maps.
    """
    image = inputs[at]
    together = max(1, engine.SHARE // (16 * image.size))        # a sixteenth of the room: the rest is the pass's own
    for k in range(0, A.shape[-1], together):
        maps = np.moveaxis(A[..., k:k + together], -1, 0)
        masks = _masks(maps.reshape(-1, *maps.shape[2:]), image.shape[1:3], cells)
        seen = [np.concatenate([each] * len(maps)) for each in inputs]
        seen[at] = _like(image, (masks if image.ndim == 4 else masks[..., 0]) * seen[at])
        yield len(maps), seen


def _like(image, masked):
    """Masked images in the image's own type: whole numbers, if that is what they are made of."""
    return (np.rint(masked) if image.dtype.kind in "iu" else masked).astype(image.dtype)


def _masks(maps, size, cells):
    """Feature maps (n, h, w) from 0 to 1 at the image's size, (n, height, width, 1)."""
    maps = bilinear(maps, size, cells)[..., None].numpy()
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    return (maps - low) / np.where(high > low, high - low, 1)


def _single(parts):
    return parts[0] if len(parts) == 1 else parts
