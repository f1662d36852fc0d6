"""The pitfalls of Grad-CAM libraries: one test, or a few, for each row of the list of them."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl
from plain_tape import assert_close, signed_cam
from plain_tape import grad_cam as plain_grad_cam

from lecture_utils import (
    boxes,
    cam,
    counterfactual_cam,
    grad_cam,
    grad_cam_classes,
    grad_cam_layers,
    guided_backprop,
    guided_grad_cam,
    normalize,
    overlay,
    upsample,
)
from lecture_utils.explain import methods

METHODS = [*(method.function for method in methods.METHODS.values() if method.kind != methods.ATTENTION), grad_cam_layers,
           lambda model, images: grad_cam_classes(model, images, [0, 1])]


def images(n, *shape, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *shape)).astype(np.float32)


def signed(model, x, layer=None, c=None):
    """Σ_k alpha_k A^k: the two maps are its positive and its negative part."""
    return grad_cam(model, x, layer, c) - counterfactual_cam(model, x, layer, c)


def gap_net(head="linear", seed=1, channels=3, scale=1.0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((10, 10, channels)), kl.Conv2D(6, 3, activation="relu", name="conv1"),
                              kl.Conv2D(8, 3, activation="relu", name="conv2"), kl.GlobalAveragePooling2D(name="gap"),
                              kl.Dense(4, activation=head, name="out")])
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * scale, bias])
    return model


X = images(3, 10, 10, 3)


# --- all-zero or non-positive map -----------------------------------------------------------------------------------

def test_a_map_without_positive_values_is_zero_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(normalize(np.zeros((2, 3, 3))), np.zeros((2, 3, 3)))
        np.testing.assert_array_equal(normalize(-np.ones((2, 3, 3))), np.zeros((2, 3, 3)))
        mixed = normalize(np.stack([np.zeros((2, 2)), np.full((2, 2), 3.0)]))
    np.testing.assert_array_equal(mixed, np.stack([np.zeros((2, 2)), np.ones((2, 2))]))


def test_grad_cam_of_a_model_that_sees_nothing_is_zero():
    model = gap_net()
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    np.testing.assert_array_equal(normalize(grad_cam(model, X)), np.zeros((3, 6, 6)))


# --- saturated softmax -------------------------------------------------------------------------------------------------

def heads():
    """Networks with the same weights and logits, and a softmax in each of the places where it is found."""
    def with_layer(*layers):
        model = gap_net(scale=1e4)
        x = model.outputs[0]
        for layer in layers:
            x = layer(x)
        return keras.Model(model.inputs, x)

    class OwnSoftmax(keras.layers.Layer):
        def call(self, x):
            return tf.nn.softmax(x)

    image = keras.Input((10, 10, 3))
    nested = gap_net("softmax", scale=1e4)
    return {
        "activation": gap_net("softmax", scale=1e4),
        "tf.nn.softmax": gap_net(tf.nn.softmax, scale=1e4),
        "layer": with_layer(kl.Softmax()),
        "activation layer": with_layer(kl.Activation("softmax")),
        "float32 activation layer": with_layer(kl.Activation("softmax", dtype="float32")),
        "operation": with_layer(keras.ops.softmax),
        "custom layer": with_layer(OwnSoftmax()),
        "lambda": with_layer(kl.Lambda(lambda x: tf.nn.softmax(x))),
        "then dropout and reshape": with_layer(kl.Softmax(), kl.Dropout(0.5), kl.Reshape((4,))),
        "log softmax": gap_net("log_softmax", scale=1e4),
        "nested": keras.Model(image, nested(image)),
        "nested twice": keras.Sequential([keras.Input((10, 10, 3)), keras.Sequential([keras.Input((10, 10, 3)), nested])]),
        "several sigmoids": gap_net("sigmoid", scale=1e4),
    }


@pytest.mark.parametrize("where", sorted(heads()))
def test_a_saturated_softmax_does_not_matter(where):
    model, logits = heads()[where], gap_net(scale=1e4)
    if where != "log softmax":
        assert np.max(model.predict(X, verbose=0)) == 1.0, "this test needs a saturated output"
    for c in (None, 2):
        np.testing.assert_allclose(grad_cam(model, X, class_index=c), grad_cam(logits, X, class_index=c), rtol=1e-5)
    assert_close(grad_cam(model, X, class_index=2), plain_grad_cam(logits, X, "conv2", 2))
    np.testing.assert_allclose(guided_backprop(model, X), guided_backprop(logits, X), rtol=1e-4, atol=1e-3)


def test_the_map_of_the_logit_is_not_the_map_of_the_probability():
    """With a softmax that is not saturated, the two differ: that it is cut off has an effect."""
    model, logits = gap_net("softmax", scale=5), gap_net(scale=5)
    of_probability = plain_grad_cam(model, X, "conv2", 1)
    ours = grad_cam(model, X, class_index=1)
    assert np.abs(normalize(ours) - normalize(of_probability)).max() > 0.05
    assert_close(ours, plain_grad_cam(logits, X, "conv2", 1))


def test_a_sigmoid_unit_is_a_pair_of_classes():
    def unit(activation):
        keras.utils.set_random_seed(3)
        return keras.Sequential([keras.Input((10, 10, 3)), kl.Conv2D(6, 3, activation="relu", name="conv"),
                                 kl.Flatten(), kl.Dense(1, activation=activation, name="out")])
    model, logit = unit("sigmoid"), unit(None)
    np.testing.assert_allclose(grad_cam(model, X), grad_cam(logit, X), rtol=1e-5)
    yes, no = grad_cam(model, X, class_index=1), grad_cam(model, X, class_index=0)
    assert_close(yes, plain_grad_cam(logit, X, "conv", 0))
    np.testing.assert_allclose(no, counterfactual_cam(model, X, class_index=1), rtol=1e-5)
    says_yes = model.predict(X, verbose=0)[:, 0] > 0.5
    np.testing.assert_array_equal(grad_cam(model, X), np.where(says_yes[:, None, None], yes, no))
    with pytest.raises(ValueError, match="between 0 and 1"):
        grad_cam(model, X, class_index=2)


# --- scales: tiny maps, min-max, absolute value ------------------------------------------------------------------------

@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1.0, 1e12, 1e30])
def test_normalization_is_free_of_scale(scale):
    m = images(2, 5, 5)
    np.testing.assert_allclose(normalize(m * np.float32(scale)), m / m.max((1, 2), keepdims=True), rtol=1e-5)


def test_a_tiny_map_keeps_its_shape():
    x = images(2, 10, 10, 3)
    tiny, normal = gap_net(scale=1e-20), gap_net()
    assert 0 < grad_cam(tiny, x, class_index=1).max() < 1e-15
    np.testing.assert_allclose(normalize(grad_cam(tiny, x, class_index=1)), normalize(grad_cam(normal, x, class_index=1)),
                               rtol=1e-4, atol=1e-6)


def test_an_everywhere_positive_map_keeps_its_floor():
    np.testing.assert_allclose(normalize(np.array([[2.0, 4.0], [3.0, 4.0]])), [[0.5, 1], [0.75, 1]])


def test_negative_evidence_is_not_shown_as_positive():
    model = gap_net()
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([-np.abs(kernel), bias])           # every feature speaks against every class
    np.testing.assert_array_equal(grad_cam(model, X, class_index=1), np.zeros((3, 6, 6)))
    assert counterfactual_cam(model, X, class_index=1).max() > 0
    assert cam(model, X, 1).max() <= 0                              # cam is signed


# --- upsampling --------------------------------------------------------------------------------------------------------

def test_upsampling_does_not_shift():
    """Twice the size: the mean of every 2x2 block lies at the old pixel's centre, for a map that is linear there."""
    ramp = np.tile(np.arange(8, dtype=np.float32), (8, 1))
    doubled = upsample(ramp, (16, 16))
    blocks = doubled.reshape(8, 2, 8, 2).mean((1, 3))
    np.testing.assert_allclose(blocks[:, 1:-1], ramp[:, 1:-1], atol=1e-6)
    symmetric = upsample(np.eye(7, dtype=np.float32), (49, 49))
    np.testing.assert_allclose(symmetric, symmetric[::-1, ::-1], atol=1e-6)


def test_upsampling_stays_in_range():
    m = np.random.default_rng(0).choice([0, 1e-3, 0.1, 7], size=(20, 5, 5)).astype(np.float32)
    big = upsample(m, (37, 61))
    assert (big.min((1, 2)) >= m.min((1, 2))).all() and (big.max((1, 2)) <= m.max((1, 2))).all()
    np.testing.assert_array_equal(upsample(np.full((3, 3), 0.1), (10, 10)), np.full((10, 10), np.float32(0.1)))


# --- guided gradients as weights ---------------------------------------------------------------------------------------

def test_weights_are_plain_gradients_so_classes_differ():
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((10, 10, 3)), kl.Conv2D(6, 3, activation="relu", name="A"), kl.Flatten(),
                              kl.Dense(20, activation="relu"), kl.Dense(4)])
    maps = [signed(model, X, c=c) / np.abs(signed(model, X, c=c)).max() for c in range(4)]
    assert min(np.abs(a - b).max() for i, a in enumerate(maps) for b in maps[:i]) > 0.05
    for c in range(4):
        assert_close(signed(model, X, "A", c), signed_cam(model, X, "A", c))


# --- uint8 -------------------------------------------------------------------------------------------------------------

def test_overlay_refuses_floats_of_0_to_255():
    with pytest.raises((TypeError, ValueError)):
        overlay(np.full((4, 4, 3), 200.0, np.float32), np.ones((4, 4), np.float32))


@pytest.mark.parametrize("method", METHODS)
def test_uint8_images_are_refused(method):
    with pytest.raises(TypeError, match=r"float array of shape \(n, 10, 10, 3\).*uint8.*divide by 255"):
        method(gap_net(), (X * 255).astype(np.uint8))


# --- nested backbones --------------------------------------------------------------------------------------------------

def transfer_model(backbone, softmax=True):
    return keras.Sequential([keras.Input(backbone.input_shape[1:]),
                             keras.Sequential([kl.RandomFlip("horizontal"), kl.RandomRotation(0.1)], name="augment"),
                             backbone, kl.GlobalAveragePooling2D(), kl.Dropout(0.5),
                             kl.Dense(3, activation="softmax" if softmax else None, name="out")], name="transfer")


@pytest.fixture(scope="module")
def backbone():
    keras.utils.set_random_seed(5)
    return keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(64, 64, 3), alpha=0.35)


def flat(model, backbone):
    """The transfer model once more, without nesting, as logits."""
    x = backbone.outputs[0]
    pooled = kl.GlobalAveragePooling2D()(x)
    out = model.get_layer("out")
    dense = kl.Dense(3)
    logits = dense(pooled)
    dense.set_weights(out.get_weights())
    return keras.Model(backbone.inputs, logits)


@pytest.mark.parametrize("layer", [None, "out_relu", "block_6_expand_relu"])
def test_nested_backbone(backbone, layer):
    x = images(2, 64, 64, 3)
    model = transfer_model(backbone)
    expected = plain_grad_cam(flat(model, backbone), x, layer or "out_relu", 1)
    assert_close(grad_cam(model, x, layer, 1), expected)
    address = f"{backbone.name}/{layer or 'out_relu'}"
    assert_close(grad_cam(model, x, address, 1), expected)
    inside = keras.Sequential([keras.Input((64, 64, 3)), model])         # a model in a model in a model
    assert_close(grad_cam(inside, x, f"transfer/{address}", 1), expected)
    assert_close(grad_cam(inside, x, address, 1), expected)


def test_cam_of_a_nested_backbone(backbone):
    x = images(2, 64, 64, 3)
    model = transfer_model(backbone)
    A = backbone.predict(x, verbose=0)
    expected = np.einsum("nijk,k->nij", A, model.get_layer("out").get_weights()[0][:, 2])
    assert_close(cam(model, x, 2), expected)


def test_guided_gates_of_a_nested_backbone(backbone):
    """ReLU6 layers inside the backbone are gated: the same maps as for the flat network, and not plain gradients."""
    x = images(2, 64, 64, 3)
    model = transfer_model(backbone)
    nested, plain = guided_backprop(model, x, 1), tf.Variable(x)
    assert_close(nested, guided_backprop(flat(model, backbone), x, 1))
    with tf.GradientTape() as tape:
        y = flat(model, backbone)(plain)[:, 1]
    gradient = tape.gradient(y, plain).numpy()
    assert np.abs(nested - gradient).max() > 0.1 * np.abs(gradient).max()


def test_a_name_that_occurs_twice_must_be_told_apart():
    keras.utils.set_random_seed(0)
    towers = [keras.Sequential([keras.Input((10, 10, 3)), kl.Conv2D(3, 3, name="conv")], name=name) for name in "ab"]
    image = keras.Input((10, 10, 3))
    both = kl.Add(name="sum")([tower(image) for tower in towers])
    model = keras.Model(image, kl.Dense(2)(kl.GlobalAveragePooling2D()(both)))
    with pytest.raises(ValueError, match="'conv' is not unique.*'a/conv', 'b/conv'"):
        grad_cam(model, X, "conv")
    assert_close(grad_cam(model, X, "b/conv", 1), np.maximum(np.einsum(
        "nijk,k->nij", towers[1].predict(X, verbose=0), model.layers[-1].kernel.numpy()[:, 1]) / 64, 0))


def test_a_layer_that_is_called_twice_has_two_addresses():
    keras.utils.set_random_seed(0)
    image = keras.Input((10, 10, 3))
    conv = kl.Conv2D(3, 3, padding="same", activation="tanh", name="conv")
    once = conv(image)
    twice = conv(once)
    model = keras.Model(image, kl.Dense(2)(kl.Flatten()(twice)))
    first, second = signed(model, X, "conv", 1), signed(model, X, "conv#2", 1)
    values = [keras.Model(image, t).predict(X, verbose=0) for t in (once, twice)]
    w = model.layers[-1].kernel.numpy()[:, 1].reshape(10, 10, 3)
    assert_close(second, (values[1] * w.mean((0, 1))).sum(-1))
    with tf.GradientTape() as tape:
        A = tf.Variable(values[0])
        y = tf.reduce_sum(conv(A) * w)
    alpha = tape.gradient(y, A).numpy().mean((1, 2), keepdims=True)
    assert_close(first, (values[0] * alpha).sum(-1))


# --- Sequential ----------------------------------------------------------------------------------------------------------

def test_sequential_built_grown_called_and_loaded(tmp_path):
    keras.utils.set_random_seed(1)
    built = gap_net("softmax")
    grown = keras.Sequential()
    for layer in [keras.Input((10, 10, 3)), *[type(each).from_config(each.get_config()) for each in built.layers]]:
        grown.add(layer)
    called = keras.Sequential([type(each).from_config(each.get_config()) for each in built.layers])
    with pytest.raises(ValueError, match="not built yet"):
        grad_cam(called, X)
    called(X)
    for model in (grown, called):
        model.set_weights(built.get_weights())
    built.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for model in (grown, called, loaded):
        np.testing.assert_allclose(grad_cam(model, X, "conv1", 1), grad_cam(built, X, "conv1", 1), rtol=1e-5)
        np.testing.assert_allclose(guided_grad_cam(model, X), guided_grad_cam(built, X), rtol=1e-4, atol=1e-9)
        np.testing.assert_allclose(cam(model, X), cam(built, X), rtol=1e-5)


# --- layers --------------------------------------------------------------------------------------------------------------

def test_a_wrong_layer_name_lists_the_nearest(backbone):
    with pytest.raises(ValueError, match="no layer 'covn1'.*'conv1'"):
        grad_cam(gap_net(), X, "covn1")
    with pytest.raises(ValueError, match="no layer 'block_6_expand_rleu'.*'.*/block_6_expand_relu'"):
        grad_cam(transfer_model(backbone), images(1, 64, 64, 3), "block_6_expand_rleu")
    with pytest.raises(TypeError, match="a layer's name or None, got int"):
        grad_cam(gap_net(), X, -1)


@pytest.mark.parametrize("layer", ["gap", "out", "pool"])
def test_a_dense_or_pooled_layer_is_not_a_feature_map(layer):
    model = gap_net()
    if layer == "pool":
        model = keras.Sequential([keras.Input((10, 10, 3)), model.get_layer("conv1"), kl.MaxPooling2D(name="pool"),
                                  model.get_layer("conv2"), kl.GlobalAveragePooling2D(), kl.Dense(4)])
    with pytest.raises(ValueError, match=r"not a feature map.*\(n, height, width, k\), before pooling.*'conv1', 'conv2'"):
        grad_cam(model, X, layer)


def test_a_model_without_a_feature_map():
    model = keras.Sequential([keras.Input((10, 10, 3)), kl.Rescaling(2.0), kl.Flatten(), kl.Dense(4)])
    with pytest.raises(ValueError, match="no feature map"):
        grad_cam(model, X)


# --- each image as if alone ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("method", METHODS[:-1])
def test_each_image_is_explained_as_if_alone(method):
    model = gap_net()
    x = np.concatenate([X, X[:1] * 0.1])                            # a faint image beside bright ones
    together = method(model, x)
    for i in range(len(x)):
        alone = method(model, x[i:i + 1])
        if isinstance(together, dict):
            for layer in together:
                assert_close_or_zero(together[layer][i], alone[layer][0])
        else:
            assert_close_or_zero(together[i], alone[0])


def assert_close_or_zero(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


# --- inference mode, untouched model -------------------------------------------------------------------------------------

def moody_model():
    """Behaves otherwise in training: BatchNormalization, Dropout, noise, augmentation, and a state that counts calls."""
    class Counter(keras.layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

        def call(self, x, training=True):
            self.calls.assign_add(1.0)
            self.add_loss(keras.ops.sum(x))
            return x * 100 if training else x

    keras.utils.set_random_seed(4)
    image = keras.Input((10, 10, 3))
    x = kl.RandomFlip()(image)
    x = kl.Conv2D(6, 3, activity_regularizer="l2", name="conv1")(x)
    x = kl.BatchNormalization(name="bn")(x, training=True)          # written into the graph: inference overrules it
    x = kl.ReLU(name="relu")(x)
    x = Counter()(kl.GaussianNoise(1.0)(kl.Dropout(0.9)(x)))
    model = keras.Model(image, kl.Dense(4, activation="softmax", name="out")(kl.GlobalAveragePooling2D()(x)))
    gamma, beta, mean, variance = model.get_layer("bn").get_weights()
    model.get_layer("bn").set_weights([gamma, beta, mean + 0.3, variance * 2])
    return model


def test_inference_mode():
    model = moody_model()
    kernel, bias = model.get_layer("conv1").get_weights()
    bn = model.get_layer("bn")
    A = tf.nn.relu((tf.nn.conv2d(X, kernel, 1, "VALID") + bias - 0.3) / np.sqrt(2 + bn.epsilon)).numpy()
    w = model.get_layer("out").get_weights()[0][:, 1]
    assert_close(cam(model, X, 1), A @ w)
    assert_close(grad_cam(model, X, class_index=1), np.maximum(A @ w, 0) / 64)
    np.testing.assert_array_equal(guided_backprop(model, X), guided_backprop(model, X))


@pytest.mark.parametrize("make", [moody_model, lambda: gap_net("softmax")], ids=["moody", "sequential"])
def test_the_model_is_untouched(make):
    model = make()
    model.compile("sgd", "mse")
    before = everything_about(model)
    for method in METHODS:
        method(model, X)
    grad_cam(model, X, score=lambda y: y[:, 0])
    assert everything_about(model) == before


def everything_about(model):
    return (model.to_json(), [weight.numpy().tobytes() for weight in model.weights], len(model.losses),
            [(layer.name, layer.trainable, getattr(layer, "activation", None), sorted(vars(layer)),
              len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in model.layers])


def test_predictions_are_the_same_bit_for_bit():
    model = gap_net("softmax")
    before = model.predict(X, verbose=0)
    for method in METHODS:
        method(model, X)
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, np.array([0, 1, 2]), verbose=0)                    # and it can still be trained
    assert np.abs(model.predict(X, verbose=0) - before).max() > 0


# --- input that is refused -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("bad, error, message", [
    (X[0], ValueError, r"shape \(n, 10, 10, 3\); got shape \(10, 10, 3\).*image\[None\]"),
    (X[..., :1], ValueError, r"shape \(n, 10, 10, 3\); got shape \(3, 10, 10, 1\)"),
    (X[:, :9], ValueError, r"got shape \(3, 9, 10, 3\)"),
    (X[:0], ValueError, r"at least one image; got shape \(0, 10, 10, 3\)"),
    (np.where(X > 0.99, np.nan, X), ValueError, "without NaN or infinity"),
    (np.where(X > 0.99, np.inf, X), ValueError, "without NaN or infinity"),
    ((X * 9).astype(int), TypeError, "got dtype int64"),
    (list(X), TypeError, "got a list.*np.stack"),
    ("cat.jpg", TypeError, "got dtype"),
    (None, TypeError, "got dtype object"),
])
@pytest.mark.parametrize("method", METHODS)
def test_bad_images(method, bad, error, message):
    with pytest.raises(error, match=message):
        method(gap_net(), bad)


@pytest.mark.parametrize("bad, error, message", [
    (4, ValueError, r"between 0 and 3 \(the model has 4 classes\); got 4"),
    (-1, ValueError, "got -1"),
    ([0, 1, 9], ValueError, "got 9"),
    ([0, 1], ValueError, r"one int per image, shape \(3,\); got shape \(2,\)"),
    (1.0, TypeError, "must be an integer from 0 to 3; got float64"),
    (True, TypeError, "must be an integer"),
    ("cat", TypeError, "must be an integer"),
])
@pytest.mark.parametrize("method", METHODS[:-1])
def test_bad_classes(method, bad, error, message):
    with pytest.raises(error, match=message):
        method(gap_net(), X, class_index=bad)


@pytest.mark.parametrize("bad, error", [([], ValueError), ([0, 4], ValueError), (2, ValueError), ([0.5], TypeError),
                                        (np.zeros((2, 2), int), ValueError)])
def test_bad_class_lists(bad, error):
    with pytest.raises(error, match="class.ind"):
        grad_cam_classes(gap_net(), X, bad)


def test_models_that_cannot_be_opened():
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.out = kl.Conv2D(3, 3), kl.Dense(2)

        def call(self, x):
            return self.out(tf.reduce_mean(self.conv(x), (1, 2)))

    class OwnCall(keras.Model):
        def call(self, x, training=None):
            return 2 * super().call(x, training=training)

    subclassed = Subclassed()
    subclassed(X)
    image = keras.Input((10, 10, 3))
    for model in (subclassed, OwnCall(image, kl.Dense(2)(kl.GlobalAveragePooling2D()(kl.Conv2D(2, 3)(image))))):
        with pytest.raises(ValueError, match="subclassed model.*functional API"):
            grad_cam(model, X)
    with pytest.raises(TypeError, match="must be a keras.Model, got str"):
        grad_cam("model.keras", X)


def test_channels_first_is_refused():
    image = keras.Input((3, 10, 10))
    A = kl.Conv2D(4, 3, data_format="channels_first", name="conv")(image)
    model = keras.Model(image, kl.Dense(2)(kl.GlobalAveragePooling2D(data_format="channels_first")(A)))
    with pytest.raises(ValueError, match="'conv' has data_format='channels_first'"):
        grad_cam(model, images(2, 3, 10, 10))


def test_an_output_that_has_no_classes():
    image = keras.Input((10, 10, 3))
    A = kl.Conv2D(4, 3, activation="relu", name="A")(image)
    model = keras.Model(image, kl.Conv2D(2, 1, activation="softmax", name="pixels")(A))
    with pytest.raises(ValueError, match=r"not \(n, classes\).*score="):
        grad_cam(model, X)
    middle = grad_cam(model, X, score=lambda y: y[:, 4, 4, 1])      # one pixel's class
    A = model.get_layer("A")(X).numpy()
    alpha = np.zeros(4) + model.get_layer("pixels").kernel.numpy()[0, 0, :, 1] / 64
    assert_close(middle, np.maximum(A @ alpha, 0))


@pytest.mark.parametrize("where", sorted(heads().keys() - {"custom layer", "lambda"}))
def test_cam_looks_behind_the_softmax(where):
    np.testing.assert_allclose(cam(heads()[where], X), cam(gap_net(scale=1e4), X), rtol=1e-5)


def test_cam_needs_global_average_pooling():
    model = keras.Sequential([keras.Input((10, 10, 3)), kl.Conv2D(4, 3), kl.Flatten(), kl.Dense(2)])
    with pytest.raises(ValueError, match="global average pooling and at most one linear layer.*grad_cam"):
        cam(model, X)


def test_a_step_without_gradient_is_an_error():
    model = keras.Sequential([keras.Input((10, 10, 3)), kl.Conv2D(4, 3, name="A"),
                              kl.Lambda(lambda x: tf.stop_gradient(x)), kl.GlobalAveragePooling2D(), kl.Dense(2)])
    with pytest.raises(ValueError, match="no gradient comes back.*not differentiable"):
        grad_cam(model, X, "A")


# --- architectures -------------------------------------------------------------------------------------------------------

def test_mixed_precision_gives_float32_maps():
    keras.utils.set_random_seed(1)
    half = keras.Sequential([keras.Input((10, 10, 3)), kl.Conv2D(6, 3, activation="relu", dtype="mixed_bfloat16"),
                             kl.Conv2D(8, 3, dtype="mixed_bfloat16"), kl.BatchNormalization(dtype="mixed_bfloat16"),
                             kl.ReLU(dtype="mixed_bfloat16"), kl.GlobalAveragePooling2D(dtype="mixed_bfloat16"),
                             kl.Dense(4, dtype="mixed_bfloat16"), kl.Activation("softmax", dtype="float32")])
    full = keras.Sequential([keras.Input((10, 10, 3)), kl.Conv2D(6, 3, activation="relu"), kl.Conv2D(8, 3),
                             kl.BatchNormalization(), kl.ReLU(), kl.GlobalAveragePooling2D(), kl.Dense(4)])
    full.set_weights(half.get_weights())
    for method in METHODS:
        ours, exact = method(half, X), method(full, X)
        for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(exact), strict=True):
            assert a.dtype == np.float32
            np.testing.assert_allclose(a, b, rtol=0, atol=0.05 * np.abs(b).max())


def test_mobilenets_classifier_is_a_convolution():
    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNet(weights=None, input_shape=(64, 64, 3), alpha=0.25, classes=7)
    logits = keras.applications.MobileNet(weights=None, input_shape=(64, 64, 3), alpha=0.25, classes=7,
                                          classifier_activation=None)
    logits.set_weights(model.get_weights())
    x = images(2, 64, 64, 3)
    expected = plain_grad_cam(logits, x, "conv_pw_13_relu", 3)      # not its classifier conv_preds, of 1x1 pixels
    # 27 layers of random weights leave maps of 1e-17, which an eager and a compiled run round differently
    assert_close(grad_cam(model, x, class_index=3), expected, 1e-4)
    assert_close(np.maximum(cam(model, x, 3), 0) / 4, expected, 1e-4)


def test_boxes_of_an_empty_map():
    assert boxes(np.zeros((5, 5))).shape == (0, 4)


@pytest.mark.parametrize("head", [kl.Dense(2, activation="relu"), kl.Dense(2, activation="tanh")], ids=["relu", "tanh"])
def test_cam_needs_a_linear_classifier(head):
    model = keras.Sequential([keras.Input((10, 10, 3)), kl.Conv2D(4, 3), kl.GlobalAveragePooling2D(), head])
    with pytest.raises(ValueError, match="one linear layer"):
        cam(model, X)


def test_cam_needs_the_average_not_the_maximum():
    model = keras.Sequential([keras.Input((10, 10, 3)), kl.Conv2D(4, 3), kl.GlobalMaxPooling2D(), kl.Dense(2)])
    with pytest.raises(ValueError, match="global average pooling"):
        cam(model, X)
