"""CAM, Grad-CAM and their kin against values worked out by hand and against a plain tape."""

import functools
import gc
import threading
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl
from plain_tape import assert_close, feature_gradient
from plain_tape import grad_cam as plain_grad_cam

from lecture_utils import (
    cam,
    cam_classes,
    counterfactual_cam,
    grad_cam,
    grad_cam_classes,
    grad_cam_layers,
    guided_backprop,
    guided_grad_cam,
    normalize,
    upsample,
)
from lecture_utils.explain import surgery


def images(n, *shape, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *shape)).astype(np.float32)


def two_channel_network():
    """A 1x1 convolution makes A1 = ReLU(x) and A2 = ReLU(-x); one dense layer scores two classes from them."""
    model = keras.Sequential([keras.Input((2, 2, 1)), kl.Conv2D(2, 1, activation="relu", name="A"), kl.Flatten(),
                              kl.Dense(2, name="y")])
    dy_dA = np.array([[[1, -1], [2, 0]], [[3, -1], [-2, 0]]], float)           # (i, j, k) for class 0
    model.get_layer("A").set_weights([np.array([[[[1, -1]]]]), np.zeros(2)])
    model.get_layer("y").set_weights([np.stack([dy_dA.ravel(), -dy_dA.ravel()], axis=1), np.zeros(2)])
    return model


X = np.array([[1, -2], [3, -4]], np.float32)[None, ..., None]


def test_grad_cam_by_hand():
    # A1 = [[1, 0], [3, 0]] with alpha1 = (1 + 2 + 3 - 2) / 4 = 1; A2 = [[0, 2], [0, 4]] with alpha2 = -2/4
    np.testing.assert_allclose(grad_cam(two_channel_network(), X, class_index=0), [[[1, 0], [3, 0]]], atol=1e-6)
    np.testing.assert_allclose(grad_cam(two_channel_network(), X, class_index=1), [[[0, 1], [0, 2]]], atol=1e-6)


def test_counterfactual_by_hand():
    np.testing.assert_allclose(counterfactual_cam(two_channel_network(), X, class_index=0), [[[0, 1], [0, 2]]], atol=1e-6)


def test_no_class_means_the_predicted_one():
    # y_0 = 1*1 + 3*3 + (2, 4 of A2 weigh 0) = 10, y_1 = -10
    model = two_channel_network()
    np.testing.assert_array_equal(grad_cam(model, X), grad_cam(model, X, class_index=0))
    np.testing.assert_array_equal(grad_cam(model, -X, class_index=[1]), grad_cam(model, -X, class_index=1))


def test_cam_by_hand():
    model = keras.Sequential([keras.Input((2, 2, 1)), kl.Conv2D(2, 1, activation="relu", name="A"),
                              kl.GlobalAveragePooling2D(), kl.Dense(2, name="y")])
    model.get_layer("A").set_weights([np.array([[[[1, -1]]]]), np.zeros(2)])
    model.get_layer("y").set_weights([np.array([[3, 0], [-1, 5]]), np.array([7, 0])])
    np.testing.assert_allclose(cam(model, X, class_index=0), [[[3, -2], [9, -4]]])
    np.testing.assert_allclose(cam(model, X, class_index=1), [[[0, 10], [0, 20]]])


def small_cnn(head="logits", size=12, channels=3, seed=1):
    keras.utils.set_random_seed(seed)
    x = image = keras.Input((size, size, channels))
    x = kl.Conv2D(6, 3, activation="relu", name="conv1")(x)
    x = kl.MaxPooling2D(name="pool1")(x)
    x = kl.Conv2D(8, 3, name="conv2")(x)
    x = kl.BatchNormalization(name="bn2")(x)
    x = kl.ReLU(name="relu2")(x)
    x = kl.Flatten(name="flatten")(x)
    x = kl.Dense(10, activation="relu", name="dense")(x)
    model = keras.Model(image, kl.Dense(4, activation=None if head == "logits" else head, name="out")(x))
    randomize_batch_norm(model)
    return model


def randomize_batch_norm(model):
    rng = np.random.default_rng(5)
    for layer in model.layers:
        if isinstance(layer, kl.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) if i in (0, 3) else rng.normal(0, 0.2, w.shape)
                               for i, w in enumerate(layer.get_weights())])


@pytest.mark.parametrize("layer", ["conv1", "conv2", "relu2"])
@pytest.mark.parametrize("classes", [2, [0, 3, 1]])
def test_grad_cam_equals_a_plain_tape(layer, classes):
    model, x = small_cnn(), images(3, 12, 12, 3)
    assert_close(grad_cam(model, x, layer, classes), plain_grad_cam(model, x, layer, classes))


def test_maps_are_float32_numpy_at_the_layers_resolution():
    maps = grad_cam(small_cnn(), images(3, 12, 12, 3))
    assert isinstance(maps, np.ndarray) and maps.dtype == np.float32 and maps.shape == (3, 3, 3)


def test_all_layers_at_once():
    model, x = small_cnn(), images(3, 12, 12, 3)
    maps = grad_cam_layers(model, x, class_index=1)
    assert list(maps) == ["conv1", "relu2"]                         # relu2 is conv2 with its own normalization and ReLU
    for layer, each in maps.items():
        assert_close(each, plain_grad_cam(model, x, layer, 1))
    chosen = grad_cam_layers(model, x, ["relu2", "bn2"])
    assert list(chosen) == ["relu2", "bn2"]
    np.testing.assert_allclose(chosen["bn2"], grad_cam(model, x, "bn2"), rtol=1e-5, atol=1e-9)


def test_many_classes_at_once():
    model, x = small_cnn(), images(3, 12, 12, 3)
    maps = grad_cam_classes(model, x, [3, 0, 3], "conv1")
    assert maps.shape == (3, 3, 10, 10)
    for i, c in enumerate([3, 0, 3]):
        assert_close(maps[:, i], plain_grad_cam(model, x, "conv1", c))
    per_image = np.array([[0, 1], [2, 3], [1, 1]])
    np.testing.assert_allclose(grad_cam_classes(model, x, per_image)[1, 1], grad_cam(model, x, class_index=3)[1],
                               rtol=1e-4, atol=1e-8)


def gap_network(head):
    """Five maps, averaged, and one of the linear layers that a network for CAM may end in."""
    keras.utils.set_random_seed(3)
    heads = {"dense": [kl.GlobalAveragePooling2D(), kl.Dense(4)],
             "softmax": [kl.GlobalAveragePooling2D(), kl.Dropout(0.5), kl.Dense(4, activation="softmax")],
             "one unit": [kl.GlobalAveragePooling2D(), kl.Dense(1, activation="sigmoid")],
             "convolution": [kl.GlobalAveragePooling2D(keepdims=True), kl.Conv2D(4, 1), kl.Flatten()]}
    return keras.Sequential([keras.Input((12, 11, 3)), kl.Conv2D(5, 3, activation="relu"), *heads[head]])


@pytest.mark.parametrize("head, count", [("dense", 4), ("softmax", 4), ("one unit", 2), ("convolution", 4)])
def test_cam_of_many_classes_at_once(head, count):
    model, x = gap_network(head), images(3, 12, 11, 3)
    every = cam_classes(model, x)
    close = functools.partial(np.testing.assert_allclose, rtol=0, atol=1e-6 * np.abs(every).max())
    assert every.shape == (3, count, 10, 9) and every.dtype == np.float32
    for c in range(count):
        close(every[:, c], cam(model, x, class_index=c))
        close(every[:, c], 90 * (grad_cam(model, x, class_index=c) - counterfactual_cam(model, x, class_index=c)))
    close(cam_classes(model, x, [1, 0, 1]), every[:, [1, 0, 1]])
    per_image = np.array([[0, 1], [1, 1], [1, 0]])
    close(cam_classes(model, x, per_image), every[np.arange(3)[:, None], per_image])


def test_cam_of_many_classes_refuses_what_cam_refuses():
    with pytest.raises(ValueError, match="cam needs a network that ends in global average pooling"):
        cam_classes(small_cnn(), images(3, 12, 12, 3))
    with pytest.raises(ValueError, match="a class index must lie between 0 and 3"):
        cam_classes(gap_network("dense"), images(3, 12, 11, 3), [0, 4])


def test_many_classes_where_a_residual_passes_by_the_layer():
    keras.utils.set_random_seed(2)
    image = keras.Input((8, 8, 2))
    a = kl.Conv2D(4, 3, padding="same", activation="relu", name="a")(image)
    b = kl.Conv2D(4, 3, padding="same", activation="relu", name="b")(a)
    x = kl.GlobalAveragePooling2D()(kl.Multiply(name="product")([a, b]))
    model, x = keras.Model(image, kl.Dense(3)(x)), images(2, 8, 8, 2)
    maps = grad_cam_classes(model, x, [2, 1], "b")
    for i, c in enumerate([2, 1]):
        assert_close(maps[:, i], plain_grad_cam(model, x, "b", c))


def test_a_score_of_ones_own():
    model, x = small_cnn("softmax"), images(3, 12, 12, 3)
    difference = grad_cam(model, x, "conv1", score=lambda y: y[:, 2] - 0.5 * y[:, 0])
    logits = small_cnn("logits")
    expected = []
    for image in x:
        A, g2 = feature_gradient(logits, image, "conv1", 2)
        _, g0 = feature_gradient(logits, image, "conv1", 0)
        expected.append(np.maximum((A * (g2 - 0.5 * g0).mean((0, 1))).sum(-1), 0))
    assert_close(difference, np.stack(expected))


def test_a_score_may_change_between_calls():
    model, x, wanted = small_cnn(), images(2, 12, 12, 3), 1
    score = lambda y: y[:, wanted]
    np.testing.assert_allclose(grad_cam(model, x, score=score), grad_cam(model, x, class_index=1), rtol=1e-5, atol=1e-9)
    wanted = 2
    np.testing.assert_allclose(grad_cam(model, x, score=score), grad_cam(model, x, class_index=2), rtol=1e-5, atol=1e-9)


def test_a_score_must_be_one_number_per_image():
    with pytest.raises(ValueError, match=r"one number per image, shape \(2,\).*shape \(2, 4\)"):
        grad_cam(small_cnn(), images(2, 12, 12, 3), score=lambda y: y)
    with pytest.raises(ValueError, match="not both"):
        grad_cam(small_cnn(), images(2, 12, 12, 3), class_index=1, score=lambda y: y[:, 0])


def two_headed(as_dict):
    keras.utils.set_random_seed(3)
    image = keras.Input((10, 10, 1))
    trunk = kl.Conv2D(5, 3, activation="relu", name="trunk")(image)
    side = kl.Conv2D(5, 3, activation="relu", name="side")(trunk)
    colour = kl.Dense(3, activation="softmax", name="colour_head")(kl.GlobalAveragePooling2D()(trunk))
    shape = kl.Dense(2, activation="softmax", name="shape_head")(kl.Flatten()(side))
    return keras.Model(image, {"shape": shape, "colour": colour} if as_dict else [shape, colour])


def test_outputs_are_chosen_by_name():
    model, x = two_headed(as_dict=False), images(2, 10, 10, 1)
    logits = two_headed(as_dict=False)
    for name in ("colour_head", "shape_head"):
        logits.get_layer(name).activation = keras.activations.linear
    assert_close(grad_cam(model, x, "trunk", 1, output="colour_head"), plain_grad_cam_of(logits, x, "trunk", 1, output=1))
    by_key = two_headed(as_dict=True)
    np.testing.assert_array_equal(grad_cam(by_key, x, "trunk", 1, output="colour"),
                                  grad_cam(model, x, "trunk", 1, output="colour_head"))
    np.testing.assert_allclose(grad_cam(by_key, x, "trunk", score=lambda y: y["shape"][:, 1] + y["colour"][:, 0]),
                               grad_cam(model, x, "trunk", score=lambda y: y[0][:, 1] + y[1][:, 0]), rtol=1e-5)


def plain_grad_cam_of(model, x, layer, c, output):
    return plain_grad_cam(keras.Model(model.inputs, model.outputs[output]), x, layer, c)


def test_several_outputs_need_a_choice():
    x = images(2, 10, 10, 1)
    with pytest.raises(ValueError, match="several outputs.*'shape_head', 'colour_head'"):
        grad_cam(two_headed(False), x)
    with pytest.raises(ValueError, match="no output 'form'.*'colour', 'shape'"):
        grad_cam(two_headed(True), x, output="form")
    with pytest.raises(ValueError, match="no layer 'side' on the way"):
        grad_cam(two_headed(False), x, "side", output="colour_head")


def test_each_output_has_its_own_last_feature_map():
    x = images(2, 10, 10, 1)
    assert grad_cam(two_headed(False), x, output="colour_head").shape == (2, 8, 8)
    assert grad_cam(two_headed(False), x, output="shape_head").shape == (2, 6, 6)


def test_a_model_with_two_inputs():
    keras.utils.set_random_seed(4)
    image, question = keras.Input((9, 9, 1), name="image"), keras.Input((3,), name="question")
    A = kl.Conv2D(4, 3, activation="relu", name="A")(image)
    both = kl.Concatenate()([kl.Flatten()(A), question])
    model = keras.Model({"image": image, "question": question}, kl.Dense(2)(kl.Dense(8, activation="relu")(both)))
    x, q = images(2, 9, 9, 1), np.array([[1, 0, 0], [0, 0, 9]], np.float32)
    maps = grad_cam(model, {"image": x, "question": q}, class_index=0)
    assert maps.shape == (2, 7, 7)
    with tf.GradientTape() as tape:
        a = model.get_layer("A")(x)
        tape.watch(a)
        hidden = tf.nn.relu(tf.concat([tf.reshape(a, (2, -1)), q], 1) @ model.layers[-2].kernel)
        y = (hidden @ model.layers[-1].kernel)[:, 0]
    alpha = tape.gradient(y, a).numpy().mean((1, 2), keepdims=True)
    assert_close(maps, np.maximum((a.numpy() * alpha).sum(-1), 0))
    assert guided_backprop(model, {"image": x, "question": q}).shape == x.shape


# --- once per model ------------------------------------------------------------------------------------------------

@pytest.fixture
def traces(monkeypatch):
    """Counts how often a network is run in Python: only when something is traced."""
    counted, run = [], surgery.Network.run
    monkeypatch.setattr(surgery.Network, "run", lambda *args: counted.append(1) or run(*args))
    return counted


def test_later_calls_trace_nothing(traces):
    model = small_cnn()

    def all_methods(n):
        x = images(n, 12, 12, 3)
        grad_cam(model, x)
        grad_cam(model, x, "conv1", 2)
        grad_cam_layers(model, x)
        counterfactual_cam(model, x)
        grad_cam_classes(model, x, [0, 1, 2][:n])
        guided_grad_cam(model, x)
        guided_backprop(model, x)
        grad_cam(model, x, score=lambda y: y[:, 0])

    all_methods(2)
    before = len(traces)
    assert before > 0
    for n in (2, 1, 3, 2):                                          # other batch sizes, too
        all_methods(n)
    assert len(traces) == before


def test_a_model_for_images_of_any_size(traces):
    image = keras.Input((None, None, 1))
    x = kl.Conv2D(3, 3, activation="relu", name="a")(image)
    x = kl.UpSampling2D(interpolation="bilinear")(x)                # cannot be traced for an unknown size
    model = keras.Model(image, kl.Dense(2)(kl.GlobalAveragePooling2D()(kl.Conv2D(4, 3, activation="relu")(x))))
    for n, height, width in ((2, 9, 8), (1, 12, 7), (3, 9, 8)):
        x = images(n, height, width, 1)
        before = len(traces)
        assert_close(grad_cam(model, x, "a", 1), plain_grad_cam(model, x, "a", 1))
    assert len(traces) == before                                    # the third has the size of the first


def test_a_change_of_weights_is_seen_at_once():
    model, x = small_cnn(), images(2, 12, 12, 3)
    before = grad_cam(model, x, "conv1", 1)
    model.set_weights([w * 0.5 if w.ndim > 1 else w + 0.1 for w in model.get_weights()])
    after = grad_cam(model, x, "conv1", 1)
    assert np.abs(after - before).max() > 0
    assert_close(after, plain_grad_cam(model, x, "conv1", 1))


def test_a_change_of_layers_is_seen_at_once():
    model = keras.Sequential([keras.Input((8, 8, 1)), kl.Conv2D(3, 3, name="A"), kl.Flatten(), kl.Dense(2, name="y")])
    x = images(2, 8, 8, 1)
    grad_cam(model, x)
    model.pop()
    model.add(kl.Dense(5, name="five"))
    assert_close(grad_cam(model, x, "A", 4), plain_grad_cam(rebuilt(model), x, "A", 4))
    model.get_layer("A").activation = keras.activations.relu
    assert_close(grad_cam(model, x, "A", 4), plain_grad_cam(rebuilt(model), x, "A", 4))


def rebuilt(model):
    """The same layers and weights anew, never called before: what the plain tape needs."""
    copy = keras.Sequential([keras.Input(model.input_shape[1:]),
                             *[type(layer).from_config(layer.get_config()) for layer in model.layers]])
    copy.set_weights(model.get_weights())
    return copy


@pytest.mark.parametrize("make", [small_cnn, lambda: keras.Sequential([keras.Input((12, 12, 3)), small_cnn()])],
                         ids=["functional", "nested"])
def test_the_cache_does_not_keep_a_model_alive(make):
    model = make()
    grad_cam(model, images(2, 12, 12, 3))
    guided_grad_cam(model, images(2, 12, 12, 3))
    alive = weakref.ref(model)
    kernel = weakref.ref(model.weights[0])
    del model
    gc.collect()                            # the model, which is part of a cycle of references
    gc.collect()                            # what was kept for it
    assert alive() is None and kernel() is None


def test_threads_may_call_at_the_same_time():
    model, x = small_cnn(), images(8, 12, 12, 3)
    expected = grad_cam(small_cnn(), x, "conv1", 1)
    results = [None] * 8
    start = threading.Barrier(8)

    def call(i):
        start.wait()
        results[i] = grad_cam(model, x[i:i + 1], "conv1", 1)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(np.concatenate(results), expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("images_at_once", [1, 2, 3, 4])           # 7, 4, 3 and 2 shares: most of unequal size
def test_many_images_are_explained_in_shares(monkeypatch, images_at_once):
    monkeypatch.setattr("lecture_utils.explain.engine.SHARE", 1200 * images_at_once)    # conv1 and what follows: 1,000 numbers
    model, x = small_cnn(), images(7, 12, 12, 3)
    assert_close(grad_cam(model, x, "conv1", 1), plain_grad_cam(model, x, "conv1", 1))
    assert_close(grad_cam_classes(model, x, [1, 2], "conv1")[:, 0], plain_grad_cam(model, x, "conv1", 1))


# --- normalize, upsample -------------------------------------------------------------------------------------------

def test_normalize_divides_by_each_maps_own_maximum():
    maps = np.array([[[0, 1], [2, 4]], [[1, 1], [1, 2]]], np.float32)
    np.testing.assert_array_equal(normalize(maps), [[[0, 0.25], [0.5, 1]], [[0.5, 0.5], [0.5, 1]]])
    np.testing.assert_array_equal(normalize(maps[0]), normalize(maps)[0])


def test_upsample_by_hand():
    # half-pixel centres: output centres 0.5, 1.5, 2.5, 3.5 of 4 lie at 0.25, 0.75, 1.25, 1.75 of 2 pixels
    np.testing.assert_allclose(upsample(np.array([[0, 1]], np.float32), (1, 4)), [[0, 0.25, 0.75, 1]])


@pytest.mark.parametrize("size", [(14, 14), (9, 20), (7, 5)])
def test_upsample_equals_interpolation_between_pixel_centres(size):
    maps = np.random.default_rng(0).normal(size=(2, 7, 5)).astype(np.float32)

    def at(centres, length, new):
        position = np.clip((np.arange(new) + 0.5) * length / new - 0.5, 0, length - 1)
        return np.stack([np.interp(position, np.arange(length), row) for row in centres])

    expected = np.stack([at(at(m, 5, size[1]).T, 7, size[0]).T for m in maps])
    np.testing.assert_allclose(upsample(maps, size), expected, atol=1e-6)
    assert upsample(maps, size).dtype == np.float32


@pytest.mark.parametrize("bad", [np.zeros((2, 3, 4, 5)), np.zeros(3), np.zeros((0, 3, 3)), np.array([["a"]])])
def test_maps_of_another_shape_are_refused(bad):
    for function in (normalize, lambda maps: upsample(maps, (4, 4))):
        with pytest.raises(ValueError, match=r"\(n, height, width\)"):
            function(bad)


def test_maps_with_nan_are_refused():
    with pytest.raises(ValueError, match="finite"):
        normalize(np.array([[np.nan, 1]]))


def test_upsample_needs_a_size():
    with pytest.raises(ValueError, match="size must be"):
        upsample(np.zeros((3, 3)), (0, 3))
