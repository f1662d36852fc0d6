"""Class activation maps: CAM, Grad-CAM and its counterfactual. Each method is its equation, a line or two of tensors.

Names are the papers' own:

    A       feature maps, (n, h, w, k): n images, k maps of h x w places (i, j); Z = h w
    y       class scores, (n, classes): the logits, before any softmax or sigmoid
    w       weights of the classifier, (k, classes)
    alpha   neuron importance weights, (n, k)

What stands around an equation, checking images and classes, running the network forward and the score back, is in
`engine`; what has to do with Keras is in `surgery`.
"""

import numpy as np
import tensorflow as tf

from . import engine


def cam(model, images, class_index=None, *, output=None):
    """Class activation maps: the classifier's own weights laid over the last feature maps.

        M_c(i, j) = Σ_k w_k^c A^k_ij

    A^k_ij: the feature maps that global average pooling averages; w_k^c: weights of the linear layer that follows it.
    The class score is then the mean of the map and the bias, y^c = b_c + 1/Z Σ_ij M_c(i, j).

    Arguments as for `grad_cam`. Returns float32 (n, h, w), signed.
    Raises what `grad_cam` raises, and ValueError for a network that does not end in GAP and one linear layer.

    Zhou, Khosla, Lapedriza, Oliva & Torralba, Learning Deep Features for Discriminative Localization, CVPR 2016,
    eq. 2, arXiv:1512.04150.
    """
    return engine.explain_gap_head(model, images, _cam, class_index, output)


def _cam(A, w_c):
    return tf.einsum("nijk,nk->nij", A, w_c)                    # M = Σ_k w_k A^k


def grad_cam(model, images, layer=None, class_index=None, *, output=None, score=None):
    """Grad-CAM: feature maps weighed by what they mean to the class, anywhere in any differentiable network.

        α_k^c = 1/Z Σ_ij ∂y^c/∂A^k_ij           L^c = ReLU(Σ_k α_k^c A^k)

    A^k_ij: feature map k at place (i, j), of Z = h w places; y^c: score of class c, before any softmax or sigmoid;
    α_k^c: importance weight of feature map k.

    model: a keras.Sequential or functional model, nested or not, `channels_last`. It is only read.
    images: float array (n, height, width, channels), in the range that the model expects; a list or dict of arrays for
        a model with several inputs. Each image is explained as if it were alone.
    layer: a name, "backbone/name" in a nested model, or any end of that which is unique; "name#2" is a layer's second
        call. None: the last feature map before any pooling, after its own normalisation and activation.
    class_index: None, each image's own predicted class; an int; or n ints, one per image. A model with one output unit
        tells two classes apart: class 1 has the score y, class 0 the score -y.
    output: the name of the output to explain, for a model that has several.
    score: instead of a class, a function that takes the model's outputs (before softmax, nested as the model nests
        them) and returns one number per image, shape (n,).

    Returns float32 (n, h, w), at the layer's own resolution, not normalised.

    Raises ValueError or TypeError, with what was expected and what came, for images that are not finite floats of the
    model's shape; a class out of range; a layer that does not exist, is not unique or is not a feature map; a model
    that is subclassed, not built yet, or `channels_first`.

    Selvaraju, Cogswell, Das, Vedantam, Parikh & Batra, Grad-CAM: Visual Explanations from Deep Networks via
    Gradient-based Localization, ICCV 2017, eq. 1 and 2, arXiv:1610.02391.
    """
    (L,), _ = engine.explain_feature_maps(model, images, _grad_cam, (layer,), class_index, output, score)
    return L


def _grad_cam(A, dy_dA):
    alpha = tf.reduce_mean(dy_dA, axis=(1, 2))                  # α_k = 1/Z Σ_ij ∂y/∂A^k_ij
    return tf.nn.relu(tf.einsum("nijk,nk->nij", A, alpha))      # L = ReLU(Σ_k α_k A^k)


def counterfactual_cam(model, images, layer=None, class_index=None, *, output=None, score=None):
    """Grad-CAM of the negated score: the places whose removal would make the network more sure of the class.

        α_k^c = 1/Z Σ_ij -∂y^c/∂A^k_ij          L^c = ReLU(Σ_k α_k^c A^k)

    Arguments and errors as for `grad_cam`. Returns float32 (n, h, w).

    Selvaraju et al., as for `grad_cam`, the section on counterfactual explanations.
    """
    (L,), _ = engine.explain_feature_maps(model, images, _counterfactual_cam, (layer,), class_index, output, score)
    return L


def _counterfactual_cam(A, dy_dA):
    return _grad_cam(A, -dy_dA)                                 # the score is -y instead of y


def grad_cam_layers(model, images, layers=None, class_index=None, *, output=None, score=None):
    """Grad-CAM at several layers, from one forward and one backward pass through the network.

    layers: names; None means every convolution, each after the normalisation and activation that follow it.

    Returns a dict from the layers' names, in the network's order or the order asked for, to float32 (n, h, w), each
    equal to `grad_cam` at that layer. Other arguments, errors, equation and paper: see `grad_cam`.
    """
    asked = None if layers is None else tuple(layers)
    L, names = engine.explain_feature_maps(model, images, _grad_cam, asked, class_index, output, score)
    return dict(zip(asked or names, L))


def grad_cam_classes(model, images, class_indices, layer=None, *, output=None):
    """Grad-CAM for several classes; what lies below the layer runs once.

    class_indices: ints, the same for every image, or an array (n, classes) of each image's own.

    Returns float32 (n, classes, h, w), each equal to `grad_cam` for that class. Other arguments, errors, equation and
    paper: see `grad_cam`.
    """
    return engine.explain_classes(model, images, _grad_cam, layer, class_indices, output)


def normalize(maps):
    """Each map divided by its own maximum; a map without a positive value becomes zero.

    maps: (n, h, w) or one map (h, w). Returns float32 of the same shape; in [0, 1] if the maps are not negative.
    Unlike min-max scaling, this keeps zero at zero and the floor of a map that is positive everywhere.
    Raises ValueError for another shape, and for NaN or infinity.
    """
    maps = _checked_maps(maps)
    top = maps.max(axis=(-2, -1), keepdims=True)
    return np.where(top > 0, maps / np.where(top > 0, top, 1), 0).astype(np.float32)


def upsample(maps, size):
    """Maps at the size of the image: bilinear between pixel centres, never beyond a map's own range.

    maps: (n, h, w) or one map (h, w); size: (height, width). Returns float32 (n, height, width) or (height, width).
    Raises ValueError for another shape, and for NaN or infinity.
    """
    maps = _checked_maps(maps)
    height, width = map(int, size)
    if height < 1 or width < 1:
        raise ValueError(f"size must be (height, width), both at least 1; got {size}")
    return bilinear(maps.reshape(-1, *maps.shape[-2:]), (height, width)).numpy().reshape(*maps.shape[:-2], height, width)


def bilinear(maps, size):
    """The tensor (n, h, w) at another size. The clip takes off what rounding adds beyond a map's range."""
    low, high = (extreme(maps, axis=(1, 2), keepdims=True) for extreme in (tf.reduce_min, tf.reduce_max))
    return tf.clip_by_value(tf.image.resize(maps[..., None], size, method="bilinear")[..., 0], low, high)


def _checked_maps(maps):
    maps = np.asarray(maps)
    if maps.ndim not in (2, 3) or maps.size == 0 or not np.issubdtype(maps.dtype, np.number):
        raise ValueError(f"maps must be numbers of shape (n, height, width) or (height, width); got {maps.dtype} of "
                         f"shape {maps.shape}")
    if not np.isfinite(maps).all():
        raise ValueError("maps must be finite; got NaN or infinity")
    return maps.astype(np.float32)
