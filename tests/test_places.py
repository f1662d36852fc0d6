"""Where cells look: held against the centre of gradients, against impulses, and against grids worked out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

from lecture_utils import (
    cell_centres,
    confidence,
    deletion,
    grad_cam,
    guided_backprop,
    guided_grad_cam,
    load_model,
    overlay,
    score_cam,
    upsample,
)
from lecture_utils.plots import map_grid

SIZE = 61, 64           # neither square nor all even: SAME padding then differs between the axes


def network(*layers, size=SIZE):
    """A model of these layers and a last one, "cells", that leaves every cell where it is. Every weight is 1."""
    model = keras.Sequential([keras.Input((*size, 1)), *layers, kl.Conv2D(1, 1, name="cells")])
    model.set_weights([np.ones(weight.shape) for weight in model.get_weights()])
    return model


def gradient(model, row, column, layer="cells", x=None):
    """How every pixel (height, width) moves one cell."""
    part = keras.Model(model.inputs[0], model.get_layer(layer).output)
    x = tf.ones((1, *model.input_shape[1:])) if x is None else tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(part(x, training=False)[:, row, column])
    return np.abs(tape.gradient(y, x)).sum(axis=(0, -1))


def centre_of_mass(pixels):
    return [np.average(places, weights=pixels) for places in np.indices(pixels.shape)]


def looked_at(cells, row, column):
    (stride, offset), (column_stride, column_offset) = cells
    return [stride * row + offset, column_stride * column + column_offset]


def middle_cells(model, layer="cells"):
    rows, columns = model.get_layer(layer).output.shape[1:3]
    return [(rows // 2, columns // 2), (rows // 2 - 1, columns // 2 + 1)]


# --- single layers ----------------------------------------------------------------------------------------------------

KINDS = {
    "valid": [kl.Conv2D(1, 3)],
    "valid, even kernel, stride 2": [kl.Conv2D(1, 4, strides=2)],
    "valid, oblong": [kl.Conv2D(1, (5, 2), strides=(3, 1))],
    "valid, dilated": [kl.Conv2D(1, 3, dilation_rate=(2, 3))],
    "same": [kl.Conv2D(1, 3, padding="same")],
    "same, even kernel": [kl.Conv2D(1, 4, padding="same")],
    "same, dilated": [kl.Conv2D(1, (2, 3), padding="same", dilation_rate=3)],
    "same, stride 2": [kl.Conv2D(1, 3, strides=2, padding="same")],
    "same, stride 2, even kernel": [kl.Conv2D(1, 2, strides=2, padding="same")],
    "same, stride 3": [kl.Conv2D(1, 5, strides=3, padding="same")],
    "same, stride beyond the kernel": [kl.Conv2D(1, 1, strides=2, padding="same")],
    "depthwise": [kl.DepthwiseConv2D(3, strides=2, padding="same")],
    "depthwise, dilated": [kl.DepthwiseConv2D(3, dilation_rate=2)],
    "separable": [kl.SeparableConv2D(2, 3, strides=2, padding="same")],
    "average pooling": [kl.AveragePooling2D(2)],
    "average pooling, same": [kl.AveragePooling2D(3, strides=2, padding="same")],
    "average pooling, overlapping": [kl.AveragePooling2D((3, 2), strides=(2, 1))],
    "zero padding": [kl.ZeroPadding2D(((3, 1), (0, 2))), kl.Conv2D(1, 3, strides=2)],
    "cropping": [kl.Cropping2D(((3, 1), (0, 5))), kl.Conv2D(1, 3)],
    "centre crop": [kl.CenterCrop(40, 45), kl.Conv2D(1, 3)],
    "upsampling, bilinear": [kl.AveragePooling2D(4), kl.UpSampling2D(4, interpolation="bilinear"), kl.AveragePooling2D(4)],
    "upsampling, nearest": [kl.AveragePooling2D(4), kl.UpSampling2D((2, 4)), kl.AveragePooling2D((2, 4))],
    "transposed, same": [kl.Conv2D(1, 3, strides=2, padding="same"), kl.Conv2DTranspose(1, 2, strides=2, padding="same"),
                         kl.AveragePooling2D(2)],
    "transposed, valid": [kl.AveragePooling2D(3), kl.Conv2DTranspose(1, 3, strides=3), kl.AveragePooling2D(3)],
    "transposed, wide": [kl.AveragePooling2D(2), kl.Conv2DTranspose(1, 6, strides=2, padding="same"), kl.AveragePooling2D(2)],
    "transposed, stride 1": [kl.Conv2DTranspose(1, 4), kl.Conv2DTranspose(1, 4, padding="same")],
    "resizing": [kl.Resizing(122, 128), kl.AveragePooling2D(4)],
    "resizing, cut to shape": [kl.Resizing(120, 60, crop_to_aspect_ratio=True), kl.AveragePooling2D(4)],
    "resizing, filled up to shape": [kl.Resizing(120, 60, pad_to_aspect_ratio=True), kl.AveragePooling2D(4)],
    "what changes no place": [kl.Rescaling(2.0), kl.Conv2D(3, 3), kl.BatchNormalization(), kl.ReLU(), kl.Dropout(0.5),
                              kl.Dense(2), kl.LeakyReLU(), kl.Activation("gelu")],
    "a deep stack": [kl.Conv2D(2, 7, strides=2, padding="same"), kl.AveragePooling2D(3, strides=2, padding="same"),
                     kl.ZeroPadding2D(1), kl.Conv2D(2, 3, strides=2), kl.Conv2D(1, 3, padding="same")],
    "layers that are not known": [kl.Lambda(lambda x: x * 2), kl.Lambda(lambda x: x[:, 1::2, ::3]), kl.Conv2D(1, 3)],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_looks_at_the_centre_of_its_gradient(kind):
    model = network(*map(fresh, KINDS[kind]))
    for row, column in middle_cells(model):
        assert looked_at(cell_centres(model, "cells"), row, column) == \
            pytest.approx(centre_of_mass(gradient(model, row, column)), abs=0.01)


def fresh(layer):
    """A layer of its own for each test: Keras gives a shared one a second call."""
    return kl.Lambda(layer.function) if isinstance(layer, kl.Lambda) else type(layer).from_config(layer.get_config())


@pytest.mark.parametrize("settings", [dict(pool_size=2), dict(pool_size=3, strides=2), dict(pool_size=3, padding="same"),
                                      dict(pool_size=(2, 3), strides=2, padding="same")])
def test_max_pooling_looks_at_the_middle_of_its_window(settings):
    model = network(kl.MaxPooling2D(**settings))
    noise = np.random.default_rng(0).random((200, *SIZE, 1), dtype=np.float32)     # each pixel of a window is the largest once
    for row, column in middle_cells(model):
        rows, columns = np.nonzero(gradient(model, row, column, x=noise))
        middle = [(rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2]
        assert looked_at(cell_centres(model, "cells"), row, column) == middle


# --- whole networks ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, size, expected", [
    ("VGG16", 224, (16, 7.5)), ("ResNet50", 224, (32, 0)), ("MobileNet", 224, (32, 31)),
    ("MobileNet", 225, (32, 30)),                               # one SAME stride fewer that begins at pixel 1
])
def test_known_networks(name, size, expected):
    model = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(size, size, 3))
    assert cell_centres(model) == (expected, expected)


@pytest.mark.parametrize("name, size, tolerance", [
    ("ResNet50V2", 448, 0.02), ("MobileNetV2", 288, 0.02), ("EfficientNetB0", 352, 0.02), ("DenseNet121", 448, 0.02),
    ("Xception", 331, 0.07),            # its branches look past each other, and the oracle weighs them by their gradients
])
def test_applications_look_where_their_gradient_is_centred(name, size, tolerance):
    model = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(size, size, 3))
    model = keras.models.clone_model(model, clone_function=averaging)
    made_even(model)
    layer, (row, column) = model.layers[-1].name, middle_cells(model, model.layers[-1].name)[0]
    cells = cell_centres(model, layer)
    off = np.subtract(looked_at(cells, row, column), centre_of_mass(gradient(model, row, column, layer)))
    assert np.abs(off).max() < tolerance * cells[0][0]          # borders cut off a little of what the cell sees


def averaging(layer):
    """The layer, poolings of the maximum averaging: equal values would all let the first of a window win."""
    kind = kl.AveragePooling2D if isinstance(layer, kl.MaxPooling2D) else type(layer)
    return kind.from_config(layer.get_config())


def made_even(model):
    """All kernels positive and flat, normalization without effect, squeeze-and-excitation the same for every image."""
    for layer in model.layers:
        if isinstance(layer, kl.BatchNormalization):
            layer.set_weights([np.full(weight.shape, float("variance" in weight.path or "gamma" in weight.path))
                               for weight in layer.weights])
        elif layer.weights:
            one_place = layer.output.shape[1:3] == (1, 1)
            layer.set_weights([np.full(w.shape, 0.0 if one_place else 1 / np.prod(w.shape[:-1])) if w.ndim > 1
                               else np.full(w.shape, float(one_place)) for w in layer.get_weights()])


@pytest.mark.parametrize("dot", [(8, 8), (8, 20), (13, 8), (19, 18)])
def test_a_dot_lights_the_pixel_that_it_lies_on(dot):
    """Two unpadded convolutions around a pooling: cell i looks at pixel 2 i + 3.5, the map is not 28 / 11 times smaller."""
    model = network(kl.Conv2D(1, 3, name="conv1"), kl.MaxPooling2D(2), kl.Conv2D(1, 3, name="conv2"), size=(28, 28))
    for layer in ("conv1", "conv2"):
        model.get_layer(layer).kernel.assign(np.outer([1, 2, 1], [1, 2, 1]).reshape(3, 3, 1, 1))
    cells = cell_centres(model, "conv2")
    assert cells == ((2, 3.5), (2, 3.5))
    image = np.zeros((1, 28, 28, 1), np.float32)
    image[0, *dot] = 1
    maps = keras.Model(model.inputs[0], model.get_layer("conv2").output)(image).numpy()[..., 0]
    lit = np.unravel_index(upsample(maps, (28, 28), cells)[0].argmax(), (28, 28))
    assert np.abs(np.subtract(lit, dot)).max() <= 1
    light, stretched = (overlay(image[0], maps[0], alpha=1, cells=each).sum(axis=-1) for each in (cells, None))
    assert light[lit] == light.max() > stretched[lit]


# --- graphs -----------------------------------------------------------------------------------------------------------

def joined(left, right, join=None, size=SIZE):
    x = keras.Input((*size, 1))
    y = (join or kl.Add())([left(x), right(x)])
    return keras.Model(x, kl.Conv2D(1, 1, name="cells")(y))


def test_branches_that_agree():
    """A residual block with stride 2: its 1×1 and its 3×3 convolution both begin at pixel 0 where the size is odd."""
    model = joined(kl.Conv2D(1, 1, strides=2), kl.Conv2D(1, 3, strides=2, padding="same"), size=(61, 61))
    assert cell_centres(model, "cells") == ((2, 0), (2, 0))


def test_of_branches_less_than_a_cell_apart_the_middle_counts():
    """Where the size is even the same 3×3 convolution begins at pixel 1."""
    model = joined(kl.Conv2D(1, 1, strides=2), kl.Conv2D(1, 3, strides=2, padding="same"), size=(61, 64))
    assert cell_centres(model, "cells") == ((2, 0), (2, 0.5))


@pytest.mark.parametrize("other", [kl.Conv2D(1, 3, padding="valid"), kl.AveragePooling2D(2)])
def test_branches_that_contradict_each_other_are_an_error_that_names_the_layer(other):
    x = keras.Input((33, 33, 1))
    one, two = kl.Conv2D(1, 1)(x), other(x)
    two = kl.ZeroPadding2D(((0, 33 - two.shape[1]),) * 2)(two)
    model = keras.Model(x, kl.Conv2D(1, 1, name="cells")(kl.Add(name="meeting")([one, two])))
    with pytest.raises(ValueError, match="'meeting'.*different places"):
        cell_centres(model, "cells")


def test_a_branch_of_one_cell_has_no_say():
    """Squeeze-and-excitation: one number a channel for the whole image."""
    x = keras.Input((32, 32, 1))
    A = kl.Conv2D(2, 3, strides=2)(x)
    gate = kl.Conv2D(2, 1)(kl.GlobalAveragePooling2D(keepdims=True)(A))
    model = keras.Model(x, kl.Conv2D(1, 1, name="cells")(A * gate))
    assert cell_centres(model, "cells") == ((2, 1), (2, 1))


def test_places_are_lost_where_all_cells_are_mixed():
    x = keras.Input((8, 8, 1))
    y = kl.Reshape((8, 8, 1))(kl.Dense(64)(kl.Flatten()(kl.Conv2D(1, 3)(x))))
    model = keras.Model(x, kl.Conv2D(1, 1, name="cells")(y))
    with pytest.raises(ValueError, match="mixes them all"):
        cell_centres(model, "cells")


@pytest.mark.parametrize("function", [lambda x: tf.math.cumsum(x, axis=1), lambda x: tf.round(x), lambda x: x[:, ::-1] + x])
def test_a_layer_whose_cells_have_no_window_is_an_error_or_mixes_them_all(function):
    model = network(kl.Conv2D(1, 3, padding="same"), kl.Lambda(function, name="strange"))
    with pytest.raises(ValueError, match="strange|mixes them all"):
        cell_centres(model, "cells")


def test_flat_inputs_and_nested_models():
    inner = keras.Sequential([keras.Input((28, 28, 1)), kl.Conv2D(1, 3, strides=2, name="inner"), kl.Conv2D(1, 3)])
    for shape in ((784,), (28, 28)):
        x = keras.Input(shape)
        model = keras.Model(x, inner(kl.Reshape((28, 28, 1))(kl.Rescaling(1 / 255)(x))))
        assert cell_centres(model, "inner") == ((2, 1), (2, 1))


def test_a_model_of_open_size_asks_for_it_only_where_it_matters():
    x = keras.Input((None, None, 3))
    easy = keras.Model(x, kl.Conv2D(1, 3, name="cells")(kl.MaxPooling2D(2)(kl.Conv2D(1, 3, padding="same")(x))))
    assert cell_centres(easy, "cells") == ((2, 2.5), (2, 2.5))
    padded = keras.Model(x, kl.Conv2D(1, 3, name="cells")(kl.Conv2D(1, 3, strides=2, padding="same", name="first")(x)))
    with pytest.raises(ValueError, match=r"'first'.*size=\(height, width\)"):
        cell_centres(padded, "cells")
    assert cell_centres(padded, "cells", size=(64, 61)) == ((2, 3), (2, 2))
    for size in (64, (64, 61, 3)):
        with pytest.raises(ValueError, match=r"size must be \(height, width\)"):
            cell_centres(padded, "cells", size=size)


# --- maps in their place ----------------------------------------------------------------------------------------------

def interpolated(map_, size, cells):
    """The second formulation: numpy.interp, first along the columns, then along the rows."""
    for axis in (0, 1):
        centres = cells[axis][0] * np.arange(map_.shape[axis]) + cells[axis][1]
        map_ = np.apply_along_axis(lambda line, *places: np.interp(*places, line), axis, map_, np.arange(size[axis]), centres)
    return map_


@pytest.mark.parametrize("cells", [((4, 0), (4, 3)), ((2, 3.5), (3, 1)), ((5.5, -2), (1.5, 20))])
def test_placed_maps_are_interpolated_between_their_centres(cells):
    maps = np.random.default_rng(0).normal(size=(3, 5, 7)).astype(np.float32)
    placed = upsample(maps, (24, 31), cells)
    np.testing.assert_allclose(placed, [interpolated(each, (24, 31), cells) for each in maps], atol=1e-5)
    np.testing.assert_array_equal(upsample(maps[0], (24, 31), cells), placed[0])
    assert placed.min() >= maps.min() and placed.max() <= maps.max()


def test_even_cells_are_what_stretching_is():
    maps = np.random.default_rng(1).random((2, 6, 4), dtype=np.float32)
    even = ((48 / 6, (48 / 6 - 1) / 2), (40 / 4, (40 / 4 - 1) / 2))
    np.testing.assert_allclose(upsample(maps, (48, 40), even), upsample(maps, (48, 40)), atol=1e-6)
    np.testing.assert_allclose(upsample(maps, (48, 40)), tf.image.resize(maps[..., None], (48, 40))[..., 0], atol=1e-6)


def test_cells_refer_to_the_models_input_where_the_picture_has_another_size():
    """A picture of 96 × 64 shown to a network of 48 × 32: its cell at input pixel 10 lies at the picture's 20.5."""
    maps = np.zeros((1, 3, 2), np.float32)
    maps[0, 1, 0] = 1
    placed = upsample(maps, (96, 64), ((10, 0), (16, 4)), input_size=(48, 32))[0]
    rows = placed.max(axis=1)
    assert set(np.flatnonzero(rows == rows.max())) == {20, 21}
    columns = placed.max(axis=0)
    assert set(np.flatnonzero(columns == columns.max())) == set(range(0, 9))       # at pixel 8.5, and all left of it


@pytest.mark.parametrize("cells", [(2, 3.5), ((2, 3.5),), ((0, 1), (2, 1)), ((-2, 1), (2, 1)), ((2, np.nan), (2, 1)),
                                   ((2, 3.5), (2, 3.5), (1, 0)), "centres"])
def test_cells_that_are_none_are_an_error(cells):
    with pytest.raises(ValueError, match="cell_centres"):
        upsample(np.ones((3, 3)), (9, 9), cells)


def test_an_input_size_without_cells_is_an_error():
    with pytest.raises(ValueError, match="pass cells"):
        upsample(np.ones((3, 3)), (9, 9), input_size=(18, 18))


def test_a_grid_of_pictures_places_each_columns_maps():
    images = np.zeros((1, 28, 28, 1), np.float32)
    maps = {"conv1": np.eye(26, dtype=np.float32)[None], "conv2": np.eye(11, dtype=np.float32)[None]}
    cells = {"conv1": ((1, 1), (1, 1)), "conv2": ((2, 3.5), (2, 3.5))}
    figure = map_grid(images, maps, cells=cells)
    for axis, name in zip(figure.axes[1:], maps, strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), overlay(images[0], maps[name][0], cells=cells[name]) / 255)


# --- whoever knows the model places its maps -------------------------------------------------------------------------

def classifier(*layers, size=(40, 40)):
    """Random weights; its last feature map, of 9 × 9 cells, begins at pixel 0 and ends at 32."""
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input((*size, 1)), *layers, kl.Conv2D(4, 1, strides=2, activation="relu"),
                             kl.Conv2D(4, 3, strides=2, activation="relu"), kl.GlobalAveragePooling2D(), kl.Dense(3)])


def images_for(model):
    return np.random.default_rng(2).random((2, *model.input_shape[1:]), dtype=np.float32)


def test_guided_grad_cam_lays_the_map_where_its_cells_look():
    model = classifier(size=(40, 48))
    x, cells = images_for(model), cell_centres(model)
    assert cells == ((4, 2), (4, 2))
    expected = upsample(grad_cam(model, x), (40, 48), cells)[..., None] * guided_backprop(model, x)
    np.testing.assert_allclose(guided_grad_cam(model, x), expected, atol=1e-6 * np.abs(expected).max())


def test_score_cam_hides_the_image_where_the_cells_look():
    """Score-CAM as the paper has it, written out: every feature map, laid where it looks, is a mask."""
    model = classifier()
    x, cells = images_for(model)[:1], cell_centres(model)
    A = keras.Model(model.inputs[0], model.layers[-3].output)(x).numpy()
    masks = upsample(np.moveaxis(A[0], -1, 0), (40, 40), cells)
    masks = (masks - masks.min(axis=(1, 2), keepdims=True)) / np.maximum(np.ptp(masks, axis=(1, 2), keepdims=True), 1e-30)
    c = model(x).numpy().argmax()
    y = model(masks[..., None] * x).numpy()[:, c]
    expected = np.maximum(A[0] @ (np.exp(y) / np.exp(y).sum()), 0)
    np.testing.assert_allclose(score_cam(model, x)[0], expected, rtol=1e-5, atol=1e-7)


def test_coarse_maps_are_judged_where_their_cells_look():
    model = classifier()
    x = images_for(model)
    maps = np.random.default_rng(4).random((2, 9, 9), dtype=np.float32)
    placed = upsample(maps, (40, 40), cell_centres(model))
    np.testing.assert_array_equal(confidence(model, x, keep=maps), confidence(model, x, keep=placed))
    np.testing.assert_array_equal(deletion(model, x, maps, progress=False).confidence,
                                  deletion(model, x, placed, progress=False).confidence)


def test_coarse_maps_that_no_layer_makes_are_stretched():
    model = classifier()
    maps = np.random.default_rng(4).random((2, 5, 5), dtype=np.float32)
    np.testing.assert_array_equal(confidence(model, images_for(model), keep=maps),
                                  confidence(model, images_for(model), keep=upsample(maps, (40, 40))))


def test_coarse_maps_that_could_lie_in_two_places_are_refused():
    model = classifier(kl.Conv2D(2, 3), kl.ZeroPadding2D(((2, 0), (2, 0))), kl.Conv2D(2, 3))    # 38 × 38 twice, a pixel apart
    with pytest.raises(ValueError, match="cell_centres"):
        confidence(model, images_for(model), keep=np.ones((2, 38, 38), np.float32))


def test_where_places_cannot_be_told_the_map_is_stretched_with_a_warning():
    model = classifier(kl.Lambda(lambda x: tf.math.cumsum(x, axis=1)))
    x = images_for(model)
    with pytest.warns(UserWarning, match="stretched evenly"):
        maps = guided_grad_cam(model, x)
    expected = upsample(grad_cam(model, x), (40, 40))[..., None] * guided_backprop(model, x)
    np.testing.assert_allclose(maps, expected, atol=1e-6 * np.abs(expected).max())


def test_a_shipped_network_with_operations_of_its_own():
    """The steel networks take a logarithm. By hand: 5×5 with stride 2 in SAME padding, 2 i + 1; two poolings add 1 and 2."""
    assert cell_centres(load_model("neu_dense")) == ((8, 4), (8, 4))
