"""Inputs, models and scores of kinds that the other tests do not have: right, or an error that says what to do."""

import itertools
import os
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl
from plain_tape import assert_close, feature_gradient, signed_cam
from plain_tape import grad_cam as plain_grad_cam

from lecture_utils import (
    cam,
    deconvnet,
    grad_cam,
    grad_cam_classes,
    grad_cam_layers,
    guided_backprop,
    guided_grad_cam,
    hires_cam,
    score_cam,
)
from lecture_utils.explain import surgery


def images(n, *shape, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *shape)).astype(np.float32)


def gap_net(head=None, **dense):
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((10, 10, 3)), kl.Conv2D(6, 3, activation="relu", name="conv1"),
                             kl.Conv2D(8, 3, activation="relu", name="conv2"), kl.GlobalAveragePooling2D(name="gap"),
                             kl.Dense(4, activation=head, name="out", **dense)])


X = images(3, 10, 10, 3)


# --- inputs by name ------------------------------------------------------------------------------------------------

def two_images(as_dict=False):
    """y_c = Σ_k w_kc mean(zeta's map k) + v_kc mean(alpha's map k): "zeta" is the first input, and last in the alphabet."""
    keras.utils.set_random_seed(2)
    zeta, alpha = keras.Input((6, 6, 1), name="zeta"), keras.Input((6, 6, 1), name="alpha")
    of_zeta = kl.Conv2D(3, 3, activation="relu", name="of_zeta")(zeta)
    of_alpha = kl.Conv2D(3, 3, activation="relu", name="of_alpha")(alpha)
    both = kl.Concatenate()([kl.GlobalAveragePooling2D()(of_zeta), kl.GlobalAveragePooling2D()(of_alpha)])
    return keras.Model({"zeta": zeta, "alpha": alpha} if as_dict else [zeta, alpha], kl.Dense(2, name="y")(both))


Z, A = images(2, 6, 6, 1, seed=1), images(2, 6, 6, 1, seed=2)


def model_order(model):
    return [{"zeta": Z, "alpha": A}[tensor.name] for tensor in model.inputs]


@pytest.mark.parametrize("as_dict", [False, True])
def test_a_dict_of_inputs_goes_by_name(as_dict):
    model = two_images(as_dict)
    w = model.get_layer("y").kernel.numpy()[:, 1]
    for name, x, of_x in (("of_zeta", Z, w[:3]), ("of_alpha", A, w[3:])):
        expected = np.maximum(model.get_layer(name)(x).numpy() @ of_x / 16, 0)
        for order in ({"zeta": Z, "alpha": A}, {"alpha": A, "zeta": Z}):
            np.testing.assert_allclose(grad_cam(model, order, name, 1), expected, atol=1e-6)
        np.testing.assert_array_equal(score_cam(model, order, name, 1), score_cam(model, model_order(model), name, 1))


def test_a_dict_of_inputs_goes_by_name_in_nested_models():
    inner = two_images()
    p, q = keras.Input((6, 6, 1), name="p"), keras.Input((6, 6, 1), name="q")
    for feeds in ({"zeta": p, "alpha": q}, {"alpha": q, "zeta": p}):
        outer = keras.Model([p, q], inner(feeds))
        (y,) = (surgery.unroll(outer).run([Z, A])[slot] for slot in surgery.unroll(outer).outputs)
        np.testing.assert_allclose(y, inner.predict([Z, A], verbose=0), rtol=1e-5)
        np.testing.assert_allclose(grad_cam(outer, {"q": A, "p": Z}, "of_zeta"), grad_cam(inner, [Z, A], "of_zeta"),
                                   rtol=1e-5)


def test_a_nested_model_called_by_keyword():
    inner = gap_net()
    image = keras.Input((10, 10, 3))
    np.testing.assert_allclose(grad_cam(keras.Model(image, inner(inputs=image)), X), grad_cam(inner, X), rtol=1e-5)


def test_inputs_that_do_not_fit_are_refused():
    model = two_images()
    with pytest.raises(ValueError, match=r"inputs \['zeta', 'alpha'\].*\['alpha'\] is missing.*'beta'"):
        grad_cam(model, {"zeta": Z, "beta": A}, "of_zeta")
    with pytest.raises(ValueError, match=r"2 inputs, \['zeta', 'alpha'\], got 1"):
        grad_cam(model, Z, "of_zeta")
    for rows in ((1, 2), (2, 1)):
        with pytest.raises(ValueError, match=f"a row per image each; got rows: 'zeta' {rows[0]}, 'alpha' {rows[1]}"):
            grad_cam(model, [Z[:rows[0]], A[:rows[1]]], "of_zeta")


def with_question(first="question"):
    """The question weighs the feature maps; its input is, or is not, the first one."""
    keras.utils.set_random_seed(4)
    image, question = keras.Input((9, 9, 1), name="image"), keras.Input((3,), name="question")
    A = kl.Conv2D(4, 3, activation="relu", name="A")(image)
    y = kl.Dense(2)(kl.Multiply()([kl.GlobalAveragePooling2D()(A), kl.Dense(4)(question)]))
    return keras.Model([question, image] if first == "question" else [image, question], y)


def test_the_pixel_gradient_is_that_of_the_image_whichever_input_it_is():
    x, q = images(2, 9, 9, 1), images(2, 3, seed=5)
    first, second = with_question("question"), with_question("image")
    second.set_weights(first.get_weights())
    for method in (guided_backprop, deconvnet, guided_grad_cam):
        maps = method(first, [q, x], class_index=1)
        assert maps.shape == x.shape
        assert_close(maps, method(second, [x, q], class_index=1))
    assert_close(score_cam(first, [q, x], class_index=1), score_cam(second, [x, q], class_index=1))


@pytest.mark.parametrize("bad, error, message", [
    (images(2, 4), ValueError, r"input 'question' must be .*\(n, 3\); got shape \(2, 4\)"),
    (np.full((2, 3), np.nan), ValueError, "'question'.*without NaN"), (np.array([["a"] * 3] * 2), TypeError, "'question'")])
def test_an_input_that_is_no_image_is_checked_too(bad, error, message):
    with pytest.raises(error, match=message):
        grad_cam(with_question(), [bad, images(2, 9, 9, 1)])


# --- inputs that are not (n, height, width, channels) of floats --------------------------------------------------------

@pytest.mark.parametrize("shape", [(10, 10), (100,)])
def test_an_image_that_the_model_itself_gives_its_shape(shape):
    keras.utils.set_random_seed(3)
    below = keras.Sequential([keras.Input((10, 10, 1)), kl.Conv2D(5, 3, activation="relu", name="A"),
                              kl.GlobalAveragePooling2D(), kl.Dense(4)])
    model, x = keras.Sequential([keras.Input(shape), kl.Reshape((10, 10, 1)), *below.layers]), images(3, 10, 10, 1)
    flat = x.reshape(3, *shape)
    assert_close(grad_cam(model, flat, class_index=1), plain_grad_cam(below, x, "A", 1))
    assert_close(cam(model, flat, 1), 64 * signed_cam(below, x, "A", 1))
    with pytest.raises(ValueError, match=r"image\[None\]"):
        grad_cam(model, flat[0])
    if len(shape) == 2:
        for method in (guided_backprop, guided_grad_cam, score_cam):
            assert_close(method(model, flat, class_index=1), method(below, x, class_index=1))
    else:
        for method in (guided_backprop, score_cam):
            with pytest.raises(ValueError, match=r"no input of shape \(n, height, width, channels\).*\(None, 100\)"):
                method(model, flat)


@pytest.mark.parametrize("layers, shape, named", [
    ([kl.Conv1D(4, 3, name="line"), kl.GlobalAveragePooling1D()], (12, 3), r"'line' \(Conv1D"),
    ([kl.Conv3D(4, 3, name="volume"), kl.GlobalAveragePooling3D()], (5, 6, 6, 1), r"'volume' \(Conv3D"),
    ([kl.TimeDistributed(kl.Conv2D(4, 3), name="film"), kl.GlobalAveragePooling3D()], (5, 6, 6, 1),
     r"'film' \(TimeDistributed")], ids=["Conv1D", "Conv3D", "TimeDistributed"])
def test_convolutions_of_other_dimensions_are_named(layers, shape, named):
    model = keras.Sequential([keras.Input(shape), *layers, kl.Dense(2)])
    with pytest.raises(ValueError, match=f"no feature map.*are not explained: {named}"):
        grad_cam(model, images(2, *shape))
    with pytest.raises(ValueError, match=named):
        grad_cam(model, images(2, *shape), layers[0].name)


def test_a_model_of_uint8_images():
    def net(*first, **image):
        keras.utils.set_random_seed(1)
        return keras.Sequential([keras.Input((10, 10, 3), **image), *first, kl.Conv2D(6, 3, activation="relu", name="A"),
                                 kl.Flatten(), kl.Dense(4)])

    pixels = np.random.default_rng(0).integers(0, 256, (2, 10, 10, 3)).astype(np.uint8)
    model, floats = net(kl.Rescaling(1 / 255), dtype="uint8"), net()
    x = pixels / np.float32(255)
    assert_close(grad_cam(model, pixels, class_index=1), plain_grad_cam(floats, x, "A", 1))
    np.testing.assert_array_equal(grad_cam(model, pixels.astype(int)), grad_cam(model, pixels))
    assert_close(guided_backprop(model, pixels, 1), guided_backprop(floats, x, 1) / 255)
    assert score_cam(model, pixels).shape == (2, 8, 8)
    with pytest.raises(TypeError, match=r"uint8 array of shape \(n, 10, 10, 3\), the pixels themselves.*float32"):
        grad_cam(model, x)
    with pytest.raises(ValueError, match="0 to 255; got values from 0 to"):
        grad_cam(model, 2 * pixels.astype(int))


# --- a score of one's own ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("score", [
    lambda y: y.numpy()[:, 0], lambda y: np.asarray(y)[:, 0], lambda y: tf.argmax(y, axis=1),
    lambda y: tf.stop_gradient(y)[:, 0], lambda y: tf.round(y[:, 0]), lambda y: tf.ones(len(y))],
    ids=["numpy", "asarray", "argmax", "stop_gradient", "round", "constant"])
def test_a_score_without_a_gradient_is_an_error(score):
    for method in (grad_cam, guided_backprop):
        with pytest.raises(ValueError, match="no gradient comes back from score"):
            method(gap_net(), X, score=score)


def test_a_score_of_some_outputs_is_none_of_the_others():
    image = keras.Input((10, 10, 3))
    A = kl.Conv2D(4, 3, activation="relu", name="A")(image)
    model = keras.Model(image, [kl.Dense(2)(kl.GlobalAveragePooling2D()(A)), kl.Dense(3)(kl.Flatten()(A))])
    assert_close(grad_cam(model, X, score=lambda y: y[0][:, 1]),
                 plain_grad_cam(keras.Model(image, model.outputs[0]), X, "A", 1))


def test_score_cam_of_a_score_that_holds_labels(monkeypatch):
    model, labels = gap_net(), np.array([0, 3, 1])
    expected = score_cam(model, X, class_index=labels)
    for share in (2**28, 1):                                        # all masks at once, and one at a time
        monkeypatch.setattr("lecture_utils.explain.engine.SHARE", share)
        assert_close(score_cam(model, X, score=lambda y: tf.gather(y, labels, batch_dims=1)), expected)
    assert_close(score_cam(model, X, score=lambda y: y.numpy()[np.arange(3), labels]), expected)      # needs no gradient


# --- a model that was changed ----------------------------------------------------------------------------------------------

def changed_net():
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((10, 10, 3)), kl.Normalization(name="statistics"), kl.Conv2D(6, 3, name="A"),
                             kl.ReLU(name="relu"), kl.Flatten(), kl.Dense(16, activation="relu", name="hidden"),
                             kl.Dense(4, name="y")])


def lora(model):
    model.get_layer("hidden").enable_lora(2)
    model.get_layer("hidden").lora_kernel_b.assign(images(2, 16))


def quantize(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")                             # Keras names every layer that it can't quantize
        model.quantize("int4")


@pytest.mark.parametrize("change", [
    lora, quantize, lambda model: setattr(model.get_layer("relu"), "negative_slope", 0.7),
    lambda model: setattr(model.get_layer("hidden"), "activation", keras.activations.tanh),
    lambda model: model.get_layer("statistics").adapt(3 * images(20, 10, 10, 3) + 1)],
    ids=["LoRA", "quantization", "negative slope", "activation", "adapted statistics"])
@pytest.mark.parametrize("nested", [False, True])
def test_what_changes_the_map_is_seen_at_once(change, nested):
    inner = changed_net()
    model = keras.Sequential([keras.Input((10, 10, 3)), inner]) if nested else inner
    before = grad_cam(model, X, "A", 1)
    change(inner)
    after = grad_cam(model, X, "A", 1)
    assert np.abs(after - before).max() > 0.01 * before.max()
    # the layers one after the other, as they are now, on a tape of its own
    _, *upper = inner.layers[1:]
    a = tf.constant(inner.layers[1](inner.layers[0](X)))
    with tf.GradientTape() as tape:
        tape.watch(a)
        y = a
        for layer in upper:
            y = layer(y)
        y = y[:, 1]
    alpha = tape.gradient(y, a).numpy().mean((1, 2), keepdims=True)
    assert_close(after, np.maximum((a.numpy() * alpha).sum(-1), 0))


def test_a_layer_within_a_layer_is_seen_too():
    class Block(kl.Layer):
        def __init__(self):
            super().__init__(name="block")
            self.inside = kl.Dense(5, activation="relu")
            self.several = [kl.Dense(5)]

        def call(self, x):
            return self.several[0](self.inside(x))

    model = keras.Sequential([keras.Input((10, 10, 3)), kl.Conv2D(4, 3, name="A"), kl.GlobalAveragePooling2D(), Block(),
                              kl.Dense(2)])
    maps = [hires_cam(model, X, "A", 1)]
    block = model.get_layer("block")
    block.inside.activation = keras.activations.tanh
    maps.append(hires_cam(model, X, "A", 1))
    block.several[0] = kl.Dense(5, kernel_initializer="ones")
    block.several[0].build((None, 5))
    maps.append(hires_cam(model, X, "A", 1))
    assert all(np.abs(a - b).max() > 1e-6 for a, b in itertools.pairwise(maps))


def test_training_does_not_count_as_a_change(monkeypatch):
    model = gap_net()
    grad_cam(model, X)
    traced, run = [], surgery.Network.run
    monkeypatch.setattr(surgery.Network, "run", lambda *args: traced.append(1) or run(*args))
    model.compile("sgd", "mse")
    model.fit(X, images(3, 4), verbose=0)
    model.get_layer("conv1").trainable = False
    model.predict(X, verbose=0)
    grad_cam(model, X)
    assert not traced


# --- heads ---------------------------------------------------------------------------------------------------------------

class CompiledSoftmax(kl.Layer):
    @tf.function
    def call(self, x):
        return tf.nn.softmax(x)


def test_a_softmax_that_cannot_be_cut_off_is_an_error(tmp_path):
    inner = keras.Sequential([keras.Input((8,)), kl.Dense(4, activation="softmax")])
    inner.export(tmp_path / "saved", verbose=False)
    for head in (kl.TFSMLayer(tmp_path / "saved", call_endpoint="serve"), CompiledSoftmax()):
        image = keras.Input((10, 10, 3))
        pooled = kl.GlobalAveragePooling2D()(kl.Conv2D(8, 3, activation="relu", name="A")(image))
        model = keras.Model(image, head(pooled))
        for method in (grad_cam, guided_backprop if head is CompiledSoftmax else grad_cam, score_cam):
            with pytest.raises(ValueError, match="compiled function.*Softmax.*cannot be cut off.*score="):
                method(model, X, class_index=1)
        log_odds = lambda p: tf.math.log(p[:, 1]) - tf.math.log(p[:, 0])
        assert grad_cam(model, X, score=log_odds).shape == (3, 8, 8)


def test_a_compiled_function_without_softmax_is_none():
    class Compiled(kl.Layer):
        @tf.function
        def call(self, x):
            return 2 * x

    model = gap_net()
    doubled = keras.Model(model.inputs, Compiled()(model.outputs[0]))
    assert_close(grad_cam(doubled, X, class_index=1), 2 * grad_cam(model, X, class_index=1))


def test_outputs_of_one_layer_are_told_apart():
    keras.utils.set_random_seed(1)
    image = keras.Input((10, 10, 3))
    A, head = kl.Conv2D(8, 3, activation="relu", name="A")(image), kl.Dense(3, name="head")
    mean = kl.GlobalAveragePooling2D()(A)
    pooled = mean, mean * mean
    for order in ((0, 1), (1, 0)):
        outputs = [head(each) for each in pooled]
        model = keras.Model(image, [outputs[i] for i in order])
        with pytest.raises(ValueError, match="no output 'head'.*'head#"):
            grad_cam(model, X, output="head")
        maps = {output: grad_cam(model, X, "A", 1, output=output) for output in ("head#1", "head#2")}
        expected = [plain_grad_cam(keras.Model(image, each), X, "A", 1) for each in outputs]
        for number in range(2):         # "#2" is the layer's second call, in the order in which the network runs
            assert any(np.abs(maps[f"head#{number + 1}"] - each).max() < 1e-5 for each in expected)
        assert np.abs(maps["head#1"] - maps["head#2"]).max() > 1e-3


def test_outputs_in_a_dict_of_lists():
    keras.utils.set_random_seed(1)
    image = keras.Input((10, 10, 3))
    A = kl.Conv2D(8, 3, activation="relu", name="A")(image)
    heads = [kl.Dense(3)(kl.GlobalAveragePooling2D()(A)) for _ in range(3)]
    model = keras.Model(image, {"pair": heads[:2], "one": heads[2]})
    for output, tensor in (("pair/0", heads[0]), ("pair/1", heads[1]), ("one", heads[2])):
        assert_close(grad_cam(model, X, "A", 1, output=output), plain_grad_cam(keras.Model(image, tensor), X, "A", 1))
    with pytest.raises(ValueError, match="several outputs.*'one', 'pair/0', 'pair/1'"):
        grad_cam(model, X)


def test_each_output_has_its_own_map():
    """Both from the same feature map, asked for one after the other."""
    keras.utils.set_random_seed(1)
    image = keras.Input((10, 10, 3))
    pooled = kl.GlobalAveragePooling2D()(kl.Conv2D(8, 3, activation="relu", name="A")(image))
    model = keras.Model(image, [kl.Dense(3, name="one")(pooled), kl.Dense(3, name="two")(pooled)])
    A = model.get_layer("A")(X).numpy()
    for name in ("one", "two"):
        w = model.get_layer(name).kernel.numpy()[:, 2]
        assert_close(cam(model, X, 2, output=name), A @ w)
        assert_close(grad_cam(model, X, None, 2, output=name), np.maximum(A @ w, 0) / 64)
        assert_close(grad_cam_classes(model, X, [2], output=name)[:, 0], np.maximum(A @ w, 0) / 64)
        mean_gradient = guided_backprop(model, X, 2, output=name)
        assert_close(mean_gradient, guided_backprop(keras.Model(image, model.get_layer(name).output), X, 2))


def test_a_single_unit_says_yes_where_its_probability_is_above_one_half():
    """y = 0.25: a logit between 0 and 0.5 is a probability above one half."""
    model = keras.Sequential([keras.Input((2, 2, 1)), kl.Conv2D(1, 1, name="A"), kl.GlobalAveragePooling2D(),
                              kl.Dense(1, activation="sigmoid")])
    model.set_weights([np.ones((1, 1, 1, 1)), np.zeros(1), np.ones((1, 1)), np.zeros(1)])
    x = np.full((2, 2, 2, 1), 0.25, np.float32) * np.array([1, -1]).reshape(2, 1, 1, 1)
    np.testing.assert_allclose(model.predict(x, verbose=0)[:, 0], [0.562177, 0.437823], rtol=1e-5)
    np.testing.assert_allclose(grad_cam(model, x)[0], 0.0625)       # yes: α = 1/4 at A = 1/4
    np.testing.assert_allclose(grad_cam(model, x)[1], 0.0625)       # no: the score is -y, α = -1/4 at A = -1/4


@pytest.mark.parametrize("after", [[kl.Activation("linear")], [kl.Dropout(0.5), kl.Activation("linear"), kl.Softmax()]])
def test_cam_looks_past_a_linear_activation(after):
    model = gap_net()
    changed = keras.Sequential([keras.Input((10, 10, 3)), *model.layers, *after])
    np.testing.assert_allclose(cam(changed, X, 1), cam(model, X, 1), rtol=1e-6)


def test_cam_of_a_mobilenet_without_softmax():
    model = keras.applications.MobileNet(weights=None, input_shape=(64, 64, 3), alpha=0.25, classes=7,
                                         classifier_activation=None)
    x = images(1, 64, 64, 3)
    A, _ = feature_gradient(model, x[0], "conv_pw_13_relu", 3)
    assert_close(cam(model, x, 3)[0], A @ model.get_layer("conv_preds").kernel.numpy()[0, 0, :, 3], 1e-4)


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-5), ("float16", 2e-3), ("int8", 2e-2), ("LoRA", 1e-5)])
def test_cam_of_a_head_of_any_type(dtype, tolerance):
    model = gap_net(**({"dtype": dtype} if dtype.startswith("float") else {}))
    A = keras.Model(model.inputs, model.get_layer("conv2").output)(X).numpy()
    out, (kernel, _) = model.get_layer("out"), model.get_layer("out").get_weights()
    if dtype == "int8":
        out.quantize("int8")
    if dtype == "LoRA":
        out.enable_lora(2)
        out.lora_kernel_b.assign(images(2, 4))
        kernel = kernel + out.lora_alpha / out.lora_rank * out.lora_kernel_a.numpy() @ images(2, 4)
    assert_close(cam(model, X, 1), A @ kernel[:, 1].astype(np.float32), tolerance)


# --- ReLUs by other names ------------------------------------------------------------------------------------------------

def net_with(activation):
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3))
    A = activation(kl.Conv2D(4, 3, name="conv")(image))
    return keras.Model(image, kl.Dense(3)(kl.GlobalAveragePooling2D()(A)))


SMALL = images(2, 8, 8, 3)


@pytest.mark.parametrize("relu", [
    lambda x: keras.ops.maximum(x, 0), lambda x: keras.ops.maximum(0.0, x), lambda x: -keras.ops.minimum(-x, 0),
    lambda x: keras.ops.where(x > 0, x, 0), lambda x: keras.ops.where(x <= 0, 0.1 * x, x), lambda x: keras.ops.clip(x, 0, 6),
    lambda x: x * keras.ops.cast(x > 0, "float32"), lambda x: (x + keras.ops.abs(x)) / 2,
    kl.Lambda(lambda x: tf.maximum(x, 0)), kl.Lambda(lambda x: tf.where(x > 0, x, tf.zeros_like(x))),
    kl.Lambda(tf.function(lambda x: tf.maximum(x, 0)))],
    ids=["maximum", "maximum of 0", "minimum", "where", "leaky where", "clip", "mask", "absolute value", "in a Lambda",
         "where in a Lambda", "in a tf.function"])
def test_a_relu_by_another_name_is_an_error(relu):
    model = net_with(relu)
    with pytest.raises(ValueError, match="is one by another name.*keras.layers.ReLU"):
        guided_backprop(model, SMALL)
    assert grad_cam(model, SMALL, "conv").shape == (2, 6, 6)


@pytest.mark.parametrize("layer", [
    lambda x: kl.Maximum()([x, 2 * x]), kl.UnitNormalization(), kl.LayerNormalization(), lambda x: x * 2 + 1,
    lambda x: x * keras.ops.sqrt(keras.ops.abs(x) + 1)], ids=["maxout", "unit", "layer norm", "scale", "own product"])
def test_what_is_no_relu_is_left_alone(layer):
    assert np.abs(guided_backprop(net_with(layer), SMALL)).max() > 0


def test_the_preparation_of_an_image_may_clip():
    inner = net_with(kl.ReLU())
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, inner(keras.ops.clip(image, 0, 1)))
    np.testing.assert_allclose(guided_backprop(model, SMALL, 1), guided_backprop(inner, SMALL, 1), rtol=1e-5)


@pytest.mark.parametrize("activation", [kl.Activation("hard_sigmoid"), kl.Activation("hard_swish"),
                                        keras.ops.hard_silu, keras.ops.hard_sigmoid, keras.ops.log_sigmoid],
                         ids=["layer hard_sigmoid", "layer hard_swish", "hard_silu", "hard_sigmoid", "log_sigmoid"])
def test_hard_activations_keep_their_gradient_and_are_named(activation):
    model = net_with(activation)
    with pytest.warns(UserWarning, match="keep their own gradient: (hard|log)") as record:
        maps = guided_backprop(model, SMALL, 1)
    assert record[0].filename == __file__
    x = tf.constant(SMALL)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x)[:, 1]
    assert_close(maps, tape.gradient(y, x).numpy())                 # there is no ReLU: nothing is gated


def test_leaky_relu_as_an_operation_is_gated():
    of_operation = guided_backprop(net_with(lambda x: keras.ops.leaky_relu(x, 0.1)), SMALL, 1)
    assert_close(of_operation, guided_backprop(net_with(kl.LeakyReLU(negative_slope=0.1)), SMALL, 1))


# --- the default layer -----------------------------------------------------------------------------------------------------

@pytest.fixture
def quick(monkeypatch):
    """Networks whose weights need not be drawn."""
    for initializer in ("GlorotUniform", "VarianceScaling"):
        monkeypatch.setattr(getattr(keras.initializers, initializer), "__call__",
                            lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype))


@pytest.mark.parametrize("name, last, layer", [
    ("MobileNetV2", "out_relu", "block_13_expand_relu"), ("ResNet50V2", "post_relu", "conv4_block5_out"),
    ("EfficientNetB0", "top_activation", "block6a_expand_activation"),
    ("ResNet50", "conv5_block3_out", "conv4_block6_out")])
def test_on_small_images_the_default_is_no_padding_and_is_named(name, last, layer, quick):
    model = getattr(keras.applications, name)(weights=None, classes=5, input_shape=(32, 32, 3))
    with pytest.warns(UserWarning, match=f"'{last}', is 1×1.*'{layer}' .2, 2. is explained instead") as record:
        maps = grad_cam(model, images(1, 32, 32, 3))
    assert maps.shape == (1, 2, 2) and record[0].filename == __file__


@pytest.mark.parametrize("margin", [kl.ZeroPadding2D(1), kl.Cropping2D(1), lambda x: x[:, 1:-1, 1:-1],
                                    lambda x: keras.ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])],
                         ids=["padding", "cropping", "slice", "ops.pad"])
def test_a_margin_is_never_the_default(margin):
    image = keras.Input((10, 10, 3))
    A = kl.Conv2D(4, 3, activation="relu", name="A")(image)
    model = keras.Model(image, kl.Dense(2)(kl.Flatten()(margin(A))))
    np.testing.assert_array_equal(grad_cam(model, X), grad_cam(model, X, "A"))


def test_one_of_several_branches_is_never_the_default():
    image = keras.Input((10, 10, 3))
    trunk = kl.Conv2D(4, 3, activation="relu", name="trunk")(image)
    branch = kl.Conv2D(4, 3, activation="relu", name="branch")(trunk)
    pooled = kl.Concatenate()([kl.GlobalAveragePooling2D()(trunk), kl.GlobalAveragePooling2D()(branch)])
    model = keras.Model(image, kl.Dense(2)(pooled))
    with pytest.warns(UserWarning, match="'branch', is one of several branches; 'trunk' .8, 8. is explained"):
        maps = grad_cam(model, X)
    np.testing.assert_array_equal(maps, grad_cam(model, X, "trunk"))
    towers = [kl.GlobalAveragePooling2D()(kl.Conv2D(4, 3, name=name)(image)) for name in ("left", "right")]
    with pytest.raises(ValueError, match="side by side.*layer=, from 'left', 'right'"):
        grad_cam(keras.Model(image, kl.Dense(2)(kl.Concatenate()(towers))), X)


def test_where_branches_have_joined_nothing_surprises():
    image = keras.Input((10, 10, 3))
    x = kl.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = kl.Add(name="sum")([x, kl.Conv2D(4, 3, padding="same", activation="relu")(x)])
    weight = kl.Dense(4, activation="sigmoid")(kl.GlobalAveragePooling2D(keepdims=True)(x))
    x = kl.Multiply(name="excited")([x, weight])
    x = kl.Conv2D(2, 1, name="classes")(kl.GlobalAveragePooling2D(keepdims=True)(x))         # a classifier of 1×1
    model = keras.Model(image, kl.Flatten()(x))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maps = grad_cam(model, X)
    np.testing.assert_array_equal(maps, grad_cam(model, X, "excited"))


def transformer(attention):
    image = keras.Input((16, 16, 3))
    tokens = kl.Reshape((16, 8))(kl.Conv2D(8, 4, strides=4, name="patches")(image))
    mixed = kl.MultiHeadAttention(2, 4)(tokens, tokens) if attention else \
        kl.Permute((2, 1))(kl.Dense(16, activation="gelu")(kl.Permute((2, 1))(tokens)))
    tokens = kl.Add(name="sum")([tokens, mixed])
    return keras.Model(image, kl.Dense(3)(kl.GlobalAveragePooling1D()(tokens)))


@pytest.mark.parametrize("attention", [True, False], ids=["transformer", "mixer"])
def test_of_tokens_the_last_map_is_explained(attention):
    model, x = transformer(attention), images(1, 16, 16, 3)
    assert_close(grad_cam(model, x), grad_cam(model, x, "sum"))
    assert grad_cam(model, x).shape == grad_cam(model, x, "patches").shape == (1, 4, 4)
    assert not np.allclose(grad_cam(model, x), grad_cam(model, x, "patches"))


def test_tokens_of_which_nobody_knows_the_places_are_an_error_that_says_so():
    image = keras.Input((16, 16, 3))
    tokens = kl.Reshape((8, 16))(kl.Conv2D(8, 4, strides=4, name="patches")(image))        # eight, of sixteen places
    tokens = kl.Add(name="sum")([tokens, kl.MultiHeadAttention(2, 4)(tokens, tokens)])
    model, x = keras.Model(image, kl.Dense(3)(kl.GlobalAveragePooling1D()(tokens))), images(1, 16, 16, 3)
    with pytest.raises(ValueError, match=r"works on tokens.*what places they stand for is not known.*grid=\(h, w\).*'patches'"):
        grad_cam(model, x)
    assert grad_cam(model, x, grid=(2, 4)).shape == (1, 2, 4)


def test_rows_read_as_a_series_are_no_tokens():
    image = keras.Input((10, 10, 3))
    A = kl.Conv2D(4, 3, activation="relu", name="A")(image)
    model = keras.Model(image, kl.Dense(2)(kl.GRU(5)(kl.Dense(6)(kl.Reshape((8, 32))(A)))))
    assert_close(grad_cam(model, X, class_index=1), plain_grad_cam(model, X, "A", 1))


def test_names_of_layers():
    model = gap_net()
    for ending in ("onv1", "1", "v2"):                              # no ending that is not a whole name
        with pytest.raises(ValueError, match=f"no layer '{ending}'"):
            grad_cam(model, X, ending)
    for method in (grad_cam, grad_cam_classes, guided_grad_cam):
        with pytest.raises(TypeError, match="layer must be a layer's name or None, got list"):
            method(model, X, layer=[0, 1], **({"class_indices": [0]} if method is grad_cam_classes else {}))
    nested = keras.Sequential([keras.Input((10, 10, 3)), keras.Sequential(
        [keras.Input((10, 10, 3)), kl.Conv2D(3, 3, name="A")], name="backbone"), kl.Flatten(), kl.Dense(2)])
    assert list(grad_cam_layers(nested, X, ["A"])) == ["A"]         # as it was asked for
    assert list(grad_cam_layers(nested, X)) == ["backbone/A"]


def test_an_activation_belongs_to_a_convolution_that_nothing_else_reads():
    image = keras.Input((8, 8, 3))
    conv = kl.Conv2D(4, 3, name="conv")(image)
    both = kl.Add(name="both")([conv, kl.ReLU(name="relu")(conv)])
    model = keras.Model(image, kl.Dense(2)(kl.Flatten()(both)))
    assert list(grad_cam_layers(model, SMALL)) == ["conv"]
    shared = keras.Model(image, kl.Dense(2)(kl.Flatten()(kl.ReLU(name="its_own")(conv))))
    assert list(grad_cam_layers(shared, SMALL)) == ["its_own"]


# --- memory ----------------------------------------------------------------------------------------------------------------

class Rows(kl.Layer):
    """Notes how many rows each run of it has."""

    def __init__(self, rows, **options):
        super().__init__(**options)
        self.note = lambda x: rows.append(int(x.shape[0]))

    def call(self, x):
        with tf.control_dependencies([tf.py_function(self.note, [x], [])]):
            return tf.identity(x)


def counting(size=12):
    """A network whose widest map is (10, 10, 6), with the rows seen below and above its feature map "A"."""
    below, above = [], []
    keras.utils.set_random_seed(1)
    image = keras.Input((size, size, 3))
    A = kl.Conv2D(6, 3, activation="relu", name="A")(Rows(below)(image))
    model = keras.Model(image, kl.Dense(5)(kl.GlobalAveragePooling2D()(Rows(above)(A))))
    return model, below, above


@pytest.mark.parametrize("size", [12, None], ids=["fixed size", "open size"])
@pytest.mark.parametrize("method", [grad_cam, guided_backprop, guided_grad_cam, cam])
def test_no_run_holds_more_than_its_share(method, size, monkeypatch):
    model, below, above = counting(size)
    x = images(9, 12, 12, 3)
    whole = method(model, x, class_index=1)
    assert max(below) == 9
    below.clear()
    above.clear()
    monkeypatch.setattr("lecture_utils.explain.engine.SHARE", 3000)         # five times a map of 600 numbers
    assert_close(method(model, x, class_index=1), whole)
    assert max(below + above) * 600 <= 3000
    assert max(below) - min(below) <= 1                             # of the same size, if possible


@pytest.mark.parametrize("size", [12, None], ids=["fixed size", "open size"])
def test_classes_count_as_often_as_they_repeat_the_map(size, monkeypatch):
    model, below, above = counting(size)
    x, classes = images(4, 12, 12, 3), [0, 1, 2, 3, 4] * 4
    whole = grad_cam_classes(model, x, classes, "A")
    assert max(above) == 4 * 20
    for share in (30_000, 5_000):                                   # an image with its 20 classes; not even that
        below.clear()
        above.clear()
        monkeypatch.setattr("lecture_utils.explain.engine.SHARE", share)
        assert_close(grad_cam_classes(model, x, classes, "A"), whole)
        assert max(above) * 3 * 600 <= share and sum(above) == 80   # A, its gradient, the layer above; each class once


def test_numbers_that_overflow_are_an_error():
    model = gap_net()
    model.set_weights([1e3 * np.abs(w) for w in model.get_weights()])
    for method in (grad_cam, cam, guided_grad_cam):
        with pytest.raises(ValueError, match="overflow.*largest value is 1e.38.*range that the model expects"):
            method(model, np.full((1, 10, 10, 3), 1e38, np.float32))


# --- Keras on something else than TensorFlow ---------------------------------------------------------------------------

def test_another_backend_of_keras_is_refused_in_a_sentence():
    for backend in ("jax", "numpy"):
        run = subprocess.run([sys.executable, "-c", "import lecture_utils"], capture_output=True, text=True,
                             env={**os.environ, "KERAS_BACKEND": backend})
        last = run.stderr.strip().splitlines()[-1]
        assert run.returncode and last.startswith("ImportError") and f"KERAS_BACKEND is {backend!r}" in last
        assert "TensorFlow" in last
