"""Class activation maps: CAM, Grad-CAM and its counterfactual. Each method is its equation, a line or two of tensors.

Names are the papers' own:

    A       feature maps, (n, h, w, k): n images, k maps of h x w places (i, j); Z = h w
    y       class scores, (n, classes): the logits, before any softmax or sigmoid
    w       weights of the classifier, (k, classes)
    alpha   neuron importance weights, (n, k)

What stands around an equation: running the network forward and the score back is in `engine`, checking images and
classes in `arguments`; what has to do with Keras is in `surgery`.
"""

from __future__ import annotations  # signatures show NDArray[np.float32], not what it stands for

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..language import say
from . import engine


def cam(model, images, class_index=None, *, output=None, grid=None) -> NDArray[np.float32]:
    """Class activation maps: the classifier's own weights laid over the last feature maps.

        M_c(i, j) = Σ_k w_k^c A^k_ij

    A^k_ij: the feature maps that global average pooling averages; w_k^c: weights of the linear layer that follows it.
    The class score is then the mean of the map and the bias, y^c = b_c + 1/Z Σ_ij M_c(i, j).
    A network may also end in the pooling itself, of one map for each class: then M_c = A^c, and y^c is its mean.
    What is averaged may be the tokens of a transformer, too, if they all stand for places.

    Arguments as for `grad_cam`. Returns float32 (n, h, w), signed.
    Raises what `grad_cam` raises, and ValueError for a network that does not end in GAP and at most one linear layer.

    >>> model, data = load_model("mnist_gap"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> cam(model, data.x_test[:2], class_index=8).shape
    (2, 7, 7)

    Zhou, Khosla, Lapedriza, Oliva & Torralba, Learning Deep Features for Discriminative Localization, CVPR 2016,
    eq. 2, arXiv:1512.04150.
    """
    return engine.explain_gap_head(model, images, _cam, engine.ClassScore(class_index, output), grid)


def _cam(A, w_c):
    return tf.einsum("nijk,nk->nij", A, w_c)                    # M = Σ_k w_k A^k


def cam_classes(model, images, class_indices=None, *, output=None, grid=None) -> NDArray[np.float32]:
    """Class activation maps of several classes, or of all, from one forward pass.

        M_c(i, j) = Σ_k w_k^c A^k_ij        for every class c

    class_indices: None, all classes; ints, the same for every image; or an array (n, classes) of each image's own.

    Returns float32 (n, classes, h, w), signed, each equal to `cam` for that class; where a network ends in the pooling
    itself, these are the channels of its last layer. Other arguments, errors and paper: see `cam`.

    >>> model, data = load_model("mnist_gap"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> cam_classes(model, data.x_test[:2]).shape
    (2, 10, 7, 7)
    """
    return engine.explain_gap_head_classes(model, images, _cam_classes, class_indices, output, grid)


def _cam_classes(A, w):
    return tf.einsum("nijk,nck->ncij", A, w)                    # M_c = Σ_k w_k^c A^k


def grad_cam(model, images, layer=None, class_index=None, *, output=None, score=None, grid=None) -> NDArray[np.float32]:
    """Grad-CAM: feature maps weighed by what they mean to the class, anywhere in any differentiable network.

        α_k^c = 1/Z Σ_ij ∂y^c/∂A^k_ij           L^c = ReLU(Σ_k α_k^c A^k)

    A^k_ij: feature map k at place (i, j), of Z = h w places; y^c: score of class c, before any softmax or sigmoid;
    α_k^c: importance weight of feature map k. ∂y^c/∂A^k_ij is how much the score moves if the map changes a little at
    that place; backpropagation delivers it, of the shape of A, (n, h, w, k), whatever lies between A and y. Notebook 3,
    section 3, writes it out in ten lines.

    model: a keras.Sequential or functional model, nested or not, `channels_last`. It is only read.
    images: float array (n, height, width, channels), in the range that the model expects (integers, or without channels,
        if that is what it takes); for a model with several inputs a list of arrays in its order, or a dict by the inputs'
        names. Each image is explained as if it were alone.
    layer: a name, "backbone/name" in a nested model, or any end of that which is unique; "name#2" is a layer's second
        call. None: the last feature map before any pooling, after its own normalization and activation; never a padding,
        a cropping or one of several branches. A warning names it where that, or a 1×1 map, lets an earlier one be taken.
        In a transformer of images, a layer of tokens; None is the last one at which the score still depends on places.
    class_index: None, each image's own predicted class; an int; or n ints, one per image. A model with one output unit
        tells two classes apart: class 1 has the score y, class 0 the score -y.
    output: the name of the output to explain, for a model that has several: its layer's, "head#2" for a layer's second
        call, or its key, "key/0" for the first of a list under a key.
    score: instead of a class, a function that takes the model's outputs (before softmax, nested as the model nests
        them) and returns one number per image, shape (n,).
    grid: for a layer of tokens, (n, tokens, width), the (h, w) places that its last h w tokens stand for, row by row;
        what stands before them, a class token, is left out. None: the size of the feature map that became tokens.

    Returns float32 (n, h, w), at the layer's own resolution, not normalized.

    Raises ValueError or TypeError, with what was expected and what came, for images that are not finite floats of the
    model's shape; a class out of range; a layer that does not exist, is not unique or is not a feature map; a model
    that is subclassed, not built yet, or `channels_first`.

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> grad_cam(model, data.x_test[:2], "conv3").shape
    (2, 7, 7)

    Selvaraju, Cogswell, Das, Vedantam, Parikh & Batra, Grad-CAM: Visual Explanations from Deep Networks via
    Gradient-based Localization, ICCV 2017, eq. 1 and 2, arXiv:1610.02391.
    """
    score = engine.score_of(class_index, output, score)
    (L,), _ = engine.explain_feature_maps(model, images, _grad_cam, (layer,), score, grid)
    return L


def _grad_cam(A, dy_dA):
    alpha = tf.reduce_mean(dy_dA, axis=(1, 2))                  # α_k = 1/Z Σ_ij ∂y/∂A^k_ij
    return tf.nn.relu(tf.einsum("nijk,nk->nij", A, alpha))      # L = ReLU(Σ_k α_k A^k)


def counterfactual_cam(model, images, layer=None, class_index=None, *, output=None, score=None, grid=None) -> NDArray[np.float32]:
    """Grad-CAM of the negated score: the places whose removal would make the network more sure of the class.

        α_k^c = 1/Z Σ_ij -∂y^c/∂A^k_ij          L^c = ReLU(Σ_k α_k^c A^k)

    Arguments and errors as for `grad_cam`. Returns float32 (n, h, w).

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> counterfactual_cam(model, data.x_test[:2], "conv3", class_index=7).shape
    (2, 7, 7)

    Selvaraju et al., as for `grad_cam`, the section on counterfactual explanations.
    """
    score = engine.score_of(class_index, output, score)
    (L,), _ = engine.explain_feature_maps(model, images, _counterfactual_cam, (layer,), score, grid)
    return L


def _counterfactual_cam(A, dy_dA):
    return _grad_cam(A, -dy_dA)                                 # the score is -y instead of y


def grad_cam_layers(model, images, layers=None, class_index=None, *, output=None, score=None,
                    grid=None) -> dict[str, NDArray[np.float32]]:
    """Grad-CAM at several layers, from one forward and one backward pass through the network.

    layers: names; None means every convolution, each after the normalization and activation that follow it.

    Returns a dict from the layers' names, in the network's order or the order asked for, to float32 (n, h, w), each
    equal to `grad_cam` at that layer. Other arguments, errors, equation and paper: see `grad_cam`.

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> {name: maps.shape for name, maps in grad_cam_layers(model, data.x_test[:2]).items()}
    {'conv1': (2, 28, 28), 'conv2': (2, 14, 14), 'conv3': (2, 7, 7)}
    """
    asked = None if layers is None else tuple(layers)
    score = engine.score_of(class_index, output, score)
    L, names = engine.explain_feature_maps(model, images, _grad_cam, asked, score, grid)
    return dict(zip(asked or names, L, strict=True))


def grad_cam_classes(model, images, class_indices, layer=None, *, output=None, grid=None) -> NDArray[np.float32]:
    """Grad-CAM for several classes; what lies below the layer runs once.

    class_indices: ints, the same for every image, or an array (n, classes) of each image's own.

    Returns float32 (n, classes, h, w), each equal to `grad_cam` for that class. Other arguments, errors, equation and
    paper: see `grad_cam`.

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> grad_cam_classes(model, data.x_test[:2], [1, 7, 9]).shape
    (2, 3, 7, 7)
    """
    return engine.explain_classes(model, images, _grad_cam, layer, class_indices, output, grid)


def normalize(maps) -> NDArray[np.float32]:
    """Each map divided by its own maximum; a map without a positive value becomes zero.

    maps: (n, h, w) or one map (h, w). Returns float32 of the same shape; in [0, 1] if the maps are not negative.
    Unlike min-max scaling, this keeps zero at zero and the floor of a map that is positive everywhere.
    Raises ValueError for another shape, and for values that are NaN, infinite, or beyond float32.

    >>> normalize(np.array([[1, 2], [0, 4]]))
    array([[0.25, 0.5 ],
           [0.  , 1.  ]], dtype=float32)
    """
    maps = _checked_maps(maps)
    top = maps.max(axis=(-2, -1), keepdims=True)
    with np.errstate(over="ignore"):                            # beside a tiny maximum a negative value can leave float32
        shares = np.maximum(maps / np.where(top > 0, top, 1), np.finfo(np.float32).min)
    return np.where(top > 0, shares, 0).astype(np.float32)


def upsample(maps, size, cells=None, input_size=None) -> NDArray[np.float32]:
    """Maps at the size of the image: bilinear between the centres of their cells, never beyond a map's own range.

        pixel p lies at  t = (p - offset) / stride  between the cells, there held to 0 ... h - 1
        L(p) = (1 - (t - i)) L_i + (t - i) L_{i+1},   i = ⌊t⌋,    for the rows, and so for the columns

    maps: (n, h, w) or one map (h, w); size: (height, width).
    cells: ((stride, offset) of rows, (stride, offset) of columns), where the cells look (`cell_centres`). None: the map
        is stretched evenly over the image, stride = height / h and offset = (stride - 1) / 2. That is the right place
        for VGG16, but half a cell off for ResNet50, and off for most networks with strides or without padding.
    input_size: (height, width) of the model's input, to which `cells` refers, where `size` is another.

    Returns float32 (n, height, width) or (height, width); beyond the outermost centres the nearest cell's value.
    Raises ValueError for another shape or size, for cells that are no such pairs, and for values that are not finite.

    >>> upsample([[0.0, 4.0]], size=(1, 4))
    array([[0., 1., 3., 4.]], dtype=float32)
    """
    maps = _checked_maps(maps)
    size = _checked_size("size", size)
    if cells is not None:
        cells = _checked_cells(cells)
    elif input_size is not None:
        raise ValueError(say("input_size says to what image the cells refer: pass cells, too (`cell_centres`)"))
    input_size = size if input_size is None else _checked_size("input_size", input_size)
    large = bilinear(maps.reshape(-1, *maps.shape[-2:]), size, cells, input_size)
    return large.numpy().reshape(*maps.shape[:-2], *size)


def bilinear(maps, size, cells=None, input_size=None):
    """`upsample` for a tensor (n, h, w). The clip takes off what rounding adds beyond a map's range."""
    low, high = (extreme(maps, axis=(1, 2), keepdims=True) for extreme in (tf.reduce_min, tf.reduce_max))
    for axis in (0, 1):
        maps = _linear(maps, axis + 1, size[axis], cells and cells[axis], input_size and input_size[axis])
    return tf.clip_by_value(maps, low, high)


def _linear(maps, axis, pixels, cells, input_pixels):
    """One axis of `maps`, drawn out to a number of pixels."""
    last, pixels = tf.shape(maps)[axis] - 1, tf.cast(pixels, tf.float32)
    input_pixels = pixels if input_pixels is None else tf.cast(input_pixels, tf.float32)
    even = input_pixels / tf.cast(last + 1, tf.float32)
    stride, offset = (even, (even - 1) / 2) if cells is None else cells
    p = (tf.range(pixels) + 0.5) * (input_pixels / pixels) - 0.5        # the pixel's place in the model's input
    t = tf.clip_by_value((p - offset) / stride, 0, tf.cast(last, tf.float32))
    i = tf.cast(tf.floor(t), tf.int32)
    low, high = tf.gather(maps, i, axis=axis), tf.gather(maps, tf.minimum(i + 1, last), axis=axis)
    return low + (high - low) * tf.reshape(t - tf.floor(t), [-1, 1] if axis == 1 else [-1])


def _checked_size(name, size):
    height, width = map(int, size)
    if height < 1 or width < 1:
        raise ValueError(say("{name} must be (height, width), both at least 1; got {size}", name=name, size=size))
    return height, width


def _checked_cells(cells):
    try:
        pairs = np.array(cells, np.float64)
    except (TypeError, ValueError):
        pairs = np.empty(0)
    if pairs.shape != (2, 2) or not np.isfinite(pairs).all() or not (pairs[:, 0] > 0).all():
        raise ValueError(say("cells must be ((stride, offset) of the rows, (stride, offset) of the columns), numbers of pixels, "
                             "strides above 0, as cell_centres(model, layer) gives them; got {cells!r}", cells=cells))
    return tuple(map(tuple, pairs.tolist()))


def _checked_maps(maps):
    maps = np.asarray(maps)
    if maps.ndim not in (2, 3) or maps.size == 0 or not np.issubdtype(maps.dtype, np.number):
        raise ValueError(say("maps must be numbers of shape (n, height, width) or (height, width); got {dtype} of shape {shape}",
                             dtype=maps.dtype, shape=maps.shape))
    with np.errstate(over="ignore"):                            # a float64 beyond float32 becomes infinite
        maps = maps.astype(np.float32)
    if not np.isfinite(maps).all():
        raise ValueError(say("maps must be finite and within the range of float32; got NaN, infinity or a number beyond 3e38"))
    return maps
