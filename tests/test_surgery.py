"""Unrolling models into steps, finding feature maps, splitting: on networks small enough to check by eye."""

import keras
import numpy as np
import pytest
from keras import layers as kl

from lecture_utils.explain import surgery


def names(steps):
    return [step.name for step in steps]


def residual():
    image = keras.Input((8, 8, 3), name="image")
    a = kl.Conv2D(4, 3, padding="same", name="a")(image)
    b = kl.Conv2D(4, 3, padding="same", name="b")(a)
    s = kl.Add(name="s")([a, b])
    return keras.Model(image, kl.Dense(2, name="y")(kl.GlobalAveragePooling2D(name="gap")(s)), name="residual")


def test_steps_come_in_running_order():
    assert names(surgery.unroll(residual()).steps) == ["a", "b", "s", "gap", "y"]


def test_nested_models_are_written_out():
    inner = keras.Sequential([keras.Input((8, 8, 3)), residual()], name="middle")
    outer = keras.Sequential([keras.Input((8, 8, 3)), kl.Rescaling(2.0, name="scale"), inner, kl.Softmax(name="softmax")])
    path = "middle/residual/"
    assert names(surgery.unroll(outer).steps) == ["scale"] + [path + n for n in ["a", "b", "s", "gap", "y"]] + ["softmax"]


def test_a_run_gives_the_models_own_numbers():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(2, 8, 8, 3)).astype(np.float32)
    model = keras.Sequential([keras.Input((8, 8, 3)), residual(), kl.Softmax()])
    network = surgery.unroll(model)
    np.testing.assert_allclose(network.run([x])[network.outputs[0]], model.predict(x, verbose=0), rtol=1e-5)


def test_several_inputs_and_nested_structures():
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    inner = keras.Model({"b": b, "a": a}, {"sum": kl.Dense(2)(a) + kl.Dense(2)(b), "a": kl.ReLU()(a)}, name="inner")
    p, q = keras.Input((2,), name="p"), keras.Input((3,), name="q")
    out = inner({"a": p, "b": q})
    model = keras.Model([p, q], [kl.Add()([out["sum"], out["a"]]), out["a"]])
    network = surgery.unroll(model)
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(4, 2)).astype(np.float32), rng.normal(size=(4, 3)).astype(np.float32)]
    tensors = network.run(values)
    for slot, expected in zip(network.outputs, model.predict(values, verbose=0), strict=True):
        np.testing.assert_allclose(tensors[slot], expected, rtol=1e-5)


def test_pruned_keeps_what_is_needed():
    network = surgery.unroll(residual())
    b = network.steps[1].outputs
    assert names(network.pruned(b).steps) == ["a", "b"]


def test_split_at_a_layer_that_others_pass_by():
    network = surgery.unroll(residual())
    a, b = (step.outputs[0] for step in network.steps[:2])
    bottom, top = network.split(b)
    assert names(bottom.steps) == ["a", "b"] and names(top.steps) == ["s", "gap", "y"]
    assert top.inputs == (b, a)                                     # the sum needs both


def test_convolutions_with_their_own_normalization_and_activation():
    image = keras.Input((8, 8, 3))
    x = kl.Conv2D(4, 3, activation="relu", name="fused")(image)
    x = kl.ReLU(name="its_relu")(kl.BatchNormalization(name="its_bn")(kl.Conv2D(4, 3, name="conv")(x)))
    x = kl.SeparableConv2D(4, 1, name="separable")(kl.MaxPooling2D(name="pool")(x))
    model = keras.Model(image, kl.Dense(2)(kl.Flatten()(kl.Dropout(0.1, name="drop")(x))))
    assert names(surgery.convolution_maps(surgery.unroll(model))) == ["fused", "its_relu", "separable"]


@pytest.mark.parametrize("window, strides, found", [(3, 1, "its_relu"), (2, 2, "conv"), (2, 1, "conv")])
def test_a_smoothing_before_the_activation_belongs_to_the_convolution(window, strides, found):
    """Means over 3x3 of a map with a rim leave it its size; a pooling, and a mean that crops it, do not."""
    image = keras.Input((8, 8, 3))
    x = kl.ZeroPadding2D(name="rim")(kl.Conv2D(4, 3, name="conv")(image)) if window == 3 else kl.Conv2D(4, 3, name="conv")(image)
    x = kl.ReLU(name="its_relu")(kl.AveragePooling2D(window, strides=strides, name="smooth")(x))
    model = keras.Model(image, kl.Dense(2)(kl.GlobalAveragePooling2D()(x)))
    assert names(surgery.convolution_maps(surgery.unroll(model))) == [found]


@pytest.mark.parametrize("name, last", [
    ("VGG16", "block5_conv3"), ("ResNet50", "conv5_block3_out"), ("ResNet50V2", "post_relu"), ("DenseNet121", "relu"),
    ("MobileNet", "conv_pw_13_relu"), ("MobileNetV2", "out_relu"), ("EfficientNetB0", "top_activation"),
    ("Xception", "block14_sepconv2_act"), ("InceptionV3", "mixed10")])
def test_the_last_feature_map_of_well_known_networks(name, last, monkeypatch):
    monkeypatch.setattr(keras.initializers.GlorotUniform, "__call__",
                        lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype))     # no need to draw them here
    model = getattr(keras.applications, name)(weights=None, classes=10, input_shape=(160, 160, 3))
    assert surgery.find_feature_map(surgery.unroll(model), None).name == last
    nested = keras.Sequential([keras.Input((160, 160, 3)), model])
    assert surgery.find_feature_map(surgery.unroll(nested), None).name == f"{model.name}/{last}"


def test_vgg16_has_13_convolutions(monkeypatch):
    monkeypatch.setattr(keras.initializers.GlorotUniform, "__call__",
                        lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype))
    maps = names(surgery.convolution_maps(surgery.unroll(keras.applications.VGG16(weights=None, input_shape=(32, 32, 3),
                                                                                   classes=2))))
    assert maps == [f"block{b}_conv{c}" for b, n in enumerate([2, 2, 3, 3, 3], 1) for c in range(1, n + 1)]


@pytest.mark.parametrize("layer, expected", [
    (kl.Conv2D(1, 1), None), (kl.Conv2D(1, 1, activation="relu"), "relu"), (kl.ReLU(), "relu"),
    (kl.Activation("relu6"), "relu6"), (kl.LeakyReLU(), "leakyrelu"), (kl.Dense(1, activation="swish"), "silu"),
    (kl.Dense(1, activation="linear"), None), (kl.MaxPooling2D(), None), (kl.Softmax(), "softmax"), (kl.ELU(), "elu"),
    (kl.Conv2D(1, 1, activation=kl.ReLU(6.0)), "relu"), (kl.Flatten(), None), (kl.Activation("linear"), None)])
def test_activation_names(layer, expected):
    assert surgery.activation_name(layer) == expected


def test_a_twin_shares_weights_and_leaves_the_layer_alone():
    model = keras.Sequential([keras.Input((2,)), kl.Dense(3, activation="relu", name="dense")])
    (step,) = surgery.unroll(model).steps
    twin = surgery.with_activation(step, keras.activations.linear)
    assert twin.kernel is step.layer.kernel and step.layer.activation is keras.activations.relu
    x = np.array([[-1.0, 2.0]], np.float32)
    np.testing.assert_allclose(np.maximum(twin(x), 0), step.layer(x))
    assert np.min(twin(x)) < 0 or np.max(step.layer(x)) > 0
    step.layer.set_weights([np.ones((2, 3)), np.zeros(3)])
    np.testing.assert_allclose(twin(x), [[1, 1, 1]])


def test_an_activation_that_cannot_be_exchanged_is_an_error():
    model = keras.Sequential([keras.Input((5, 2)), kl.SimpleRNN(3, activation="relu", name="rnn")])
    (step,) = surgery.unroll(model).steps
    with pytest.raises(ValueError, match="'rnn'.*cannot be exchanged"):
        surgery.with_activation(step, keras.activations.linear)


def test_what_prepares_the_image_is_no_feature_map():
    normalization = kl.Normalization()
    normalization.adapt(np.random.default_rng(0).random((4, 8, 8, 3)))
    model = keras.Sequential([keras.Input((8, 8, 3)), kl.Rescaling(2.0), normalization,
                              kl.BatchNormalization(), kl.Conv2D(2, 3, name="conv"),
                              kl.GlobalAveragePooling2D(), kl.Dense(2)])
    assert [step.name for step in surgery.feature_maps(surgery.unroll(model))] == ["conv"]


def test_a_map_that_is_itself_an_output_is_not_what_the_score_comes_from():
    image = keras.Input((8, 8, 3))
    seen = kl.Conv2D(2, 3, name="seen")(image)
    scores = kl.Dense(2, name="scores")(kl.GlobalAveragePooling2D()(seen))
    model = keras.Model(image, [scores, kl.Conv2D(2, 1, name="shown")(seen)])
    assert surgery.find_feature_map(surgery.unroll(model), None).name == "seen"


def test_a_network_that_puts_out_a_map_is_explained_at_the_map_before():
    image = keras.Input((8, 8, 3))
    seen = kl.Conv2D(2, 3, name="seen")(image)
    model = keras.Model(image, kl.Conv2D(2, 1, name="shown")(seen))
    assert surgery.find_feature_map(surgery.unroll(model), None).name == "seen"
