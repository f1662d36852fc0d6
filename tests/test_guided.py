"""The three gates of a ReLU against a network worked out by hand, every kind of ReLU, and Guided Grad-CAM."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

from lecture_utils import cell_centres, deconvnet, grad_cam, guided_backprop, guided_grad_cam, upsample

# The network: x = (2, -1, 1); z = (x, -x); f = ReLU(z), flat (2,0, 0,1, 1,0); h = ReLU(W f) = ReLU(3, -1) = (3, 0);
# y = (h1 + 2 h2, -h1 + 3 h2).
X = np.array([2, -1, 1], np.float32).reshape(1, 1, 3, 1)
W1, W2 = [1, 0, 1, -1, 2, 3], [-1, 1, 1, 2, -1, 1]
V = [[1, -1], [2, 3]]

# Class 0 sends back (1, 2) to h.
# Backpropagation: h2's gate is closed, so (1, 0) passes, f gets W1 = (1,0, 1,-1, 2,3); the open gates are those of f
#   at 1, 4 and 5, so z gets (1,0, 0,-1, 2,0), and x gets z1 - z2 = (1, 1, 2).
# Guided: as before, but -1 is stopped: z gets (1,0, 0,0, 2,0), x gets (1, 0, 2).
# Deconvnet: (1, 2) passes, f gets W1 + 2 W2 = (-1,2, 3,3, 0,5), of which the positive (0,2, 3,3, 0,5) reach z, and x
#   gets (-2, 0, -5).
# Class 1 sends back (-1, 3). Guided: -1 is negative and h2's gate closed, nothing passes. Deconvnet: (0, 3) passes,
#   f gets 3 W2 = (-3,3, 3,6, -3,3), z its positive part, x gets (-3, -3, -3).
EXPECTED = {(guided_backprop, 0): [1, 0, 2], (guided_backprop, 1): [0, 0, 0],
            (deconvnet, 0): [-2, 0, -5], (deconvnet, 1): [-3, -3, -3]}


def relu_everywhere(kind):
    """The hand-computed network, its two ReLUs written in one of the ways in which Keras has them."""
    built_in = {"fused": "relu", "as activation": kl.ReLU()}.get(kind, "linear")
    follow = {"layer": kl.ReLU, "activation": lambda: kl.Activation("relu"), "operation": lambda: keras.ops.relu,
              "tf function": lambda: kl.Activation(tf.nn.relu),
              "leaky without slope": lambda: kl.LeakyReLU(negative_slope=0.0)}.get(kind, lambda: lambda x: x)
    after = lambda x: follow()(x)
    image = keras.Input((1, 3, 1))
    f = after(kl.Conv2D(2, 1, activation=built_in, name="conv")(image))
    h = after(kl.Dense(2, activation=built_in, name="hidden")(kl.Flatten()(f)))
    model = keras.Model(image, kl.Dense(2, name="y")(h))
    model.get_layer("conv").set_weights([np.array([[[[1, -1]]]]), np.zeros(2)])
    model.get_layer("hidden").set_weights([np.array([W1, W2]).T, np.zeros(2)])
    model.get_layer("y").set_weights([np.array(V), np.zeros(2)])
    return model


KINDS = ["fused", "layer", "activation", "operation", "tf function", "as activation", "leaky without slope"]


@pytest.mark.parametrize("kind", KINDS)
def test_gates_by_hand(kind):
    model = relu_everywhere(kind)
    for (method, c), expected in EXPECTED.items():
        np.testing.assert_allclose(method(model, X, class_index=c).ravel(), expected, atol=1e-6, err_msg=method.__name__)


def test_the_hand_computed_network_itself():
    np.testing.assert_allclose(relu_everywhere("fused").predict(X, verbose=0), [[3, -3]])
    with tf.GradientTape() as tape:
        x = tf.constant(X)
        tape.watch(x)
        y = relu_everywhere("fused")(x)[0, 0]
    np.testing.assert_allclose(tape.gradient(y, x).numpy().ravel(), [1, 1, 2])


def test_gates_reach_into_nested_models():
    inner = relu_everywhere("layer")
    image = keras.Input((1, 3, 1))
    for model in (keras.Sequential([keras.Input((1, 3, 1)), keras.Sequential([keras.Input((1, 3, 1)), inner])]),
                  keras.Model(image, kl.Activation("softmax")(inner(image)))):
        for (method, c), expected in EXPECTED.items():
            np.testing.assert_allclose(method(model, X, class_index=c).ravel(), expected, atol=1e-6)


def single_activation(layer):
    """y = v . layer(x) for x of 6 pixels; v is returned too, with both signs."""
    v = np.array([1, -1, 2, 3, -2, 0.5], np.float32)
    model = keras.Sequential([keras.Input((1, 6, 1)), layer, kl.Flatten(), kl.Dense(2, use_bias=False)])
    model.layers[-1].set_weights([np.stack([v, -v], 1)])
    return model, v


@pytest.mark.parametrize("layer, derivative", [
    # x:                                 -2    -0.5   0.5   1.5   3    7
    (kl.ReLU(max_value=6),               [0,    0,    1,    1,    1,   0]),
    (kl.ReLU(negative_slope=0.25),       [0.25, 0.25, 1,    1,    1,   1]),
    (kl.ReLU(threshold=1.0),             [0,    0,    0,    1,    1,   1]),
    (kl.ReLU(2.0, 0.5, 1.0),             [0.5,  0.5,  0.5,  1,    0,   0]),
    (kl.LeakyReLU(negative_slope=0.1),   [0.1,  0.1,  1,    1,    1,   1]),
    (kl.Activation("relu6"),             [0,    0,    1,    1,    1,   0]),
    (kl.Activation("leaky_relu"),        [0.2,  0.2,  1,    1,    1,   1]),
    (kl.PReLU(keras.initializers.Constant(0.3)), [0.3, 0.3, 1, 1, 1, 1]),
], ids=lambda value: getattr(value, "name", ""))
def test_gates_of_every_relu(layer, derivative):
    x = np.array([-2, -0.5, 0.5, 1.5, 3, 7], np.float32).reshape(1, 1, 6, 1)
    model, v = single_activation(layer)
    for c, arriving in ((0, v), (1, -v)):
        np.testing.assert_allclose(guided_backprop(model, x, c).ravel(), derivative * np.maximum(arriving, 0), atol=1e-6)
        np.testing.assert_allclose(deconvnet(model, x, c).ravel(), np.maximum(arriving, 0), atol=1e-6)


def conv_net(activation, **more):
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((8, 8, 3)), kl.Conv2D(4, 3, name="first", **more), activation,
                             kl.Conv2D(4, 3, activation="relu", name="second"), kl.GlobalAveragePooling2D(),
                             kl.Dense(3, activation="softmax")])


IMAGES = np.random.default_rng(0).uniform(size=(2, 8, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ["gelu", "swish", "elu", "tanh"])
def test_other_activations_keep_their_gradient_and_are_named(name):
    model = conv_net(kl.Activation(name, name="other_one"))
    with pytest.warns(UserWarning, match="other_one") as record:
        maps = guided_backprop(model, IMAGES, 1)
    assert len([w for w in record if "gates" in str(w.message)]) == 1
    assert record[0].filename == __file__                           # the warning points at the caller's line
    # by hand: gate the only ReLU of the network, differentiate the rest
    first, other, second, _, dense = model.layers
    with tf.GradientTape() as tape:
        x = tf.constant(IMAGES)
        tape.watch(x)
        f = second(other(first(x)))
    gradient_at_f = np.broadcast_to(dense.kernel.numpy()[:, 1] / (f.shape[1] * f.shape[2]), f.shape)
    expected = tape.gradient(f, x, output_gradients=tf.constant(np.maximum(gradient_at_f, 0)))
    np.testing.assert_allclose(maps, expected, atol=1e-6 * np.abs(expected).max())


def test_no_warning_where_all_is_relu():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        guided_backprop(conv_net(kl.ReLU()), IMAGES)


class HiddenReLU(keras.layers.Layer):
    def call(self, x):
        return tf.nn.relu(x)


class CompiledReLU(keras.layers.Layer):
    @tf.function
    def call(self, x):
        return tf.nn.relu(x)


@pytest.mark.parametrize("layer", [HiddenReLU(name="sealed"), CompiledReLU(name="sealed"),
                                   kl.Lambda(lambda x: tf.nn.relu6(x), name="sealed"),
                                   kl.TimeDistributed(kl.Dense(4, activation="relu"), name="sealed")])
def test_a_relu_out_of_reach_is_an_error_that_names_the_layer(layer):
    for method in (guided_backprop, deconvnet, guided_grad_cam):
        with pytest.raises(ValueError, match="'sealed'.*ReLU"):
            method(conv_net(layer), IMAGES)
    assert grad_cam(conv_net(layer), IMAGES).shape == (2, 4, 4)     # Grad-CAM needs no gates


def test_shape_and_type():
    maps = guided_backprop(conv_net(kl.ReLU()), IMAGES)
    assert isinstance(maps, np.ndarray) and maps.dtype == np.float32 and maps.shape == IMAGES.shape
    assert maps.min() < 0 < maps.max()


def test_without_negative_signals_guided_is_plain_backpropagation():
    """All weights positive: no gate ever stops a gradient, and finite differences must agree."""
    model = conv_net(kl.ReLU())
    model.set_weights([np.abs(w) for w in model.get_weights()])
    head = keras.Sequential([*model.layers[:-1], kl.Dense(3)])
    head.build((None, 8, 8, 3))
    head.set_weights(model.get_weights())
    maps = guided_backprop(model, IMAGES, 2)
    for place in [(0, 3, 4, 1), (1, 0, 0, 2)]:
        step = np.zeros_like(IMAGES)
        step[place] = 1000                              # where all is positive the network is linear: any step will do
        up, here = (head.predict(x, verbose=0)[place[0], 2] for x in (IMAGES + step, IMAGES))
        assert maps[place] == pytest.approx((up - here) / 1000, rel=1e-4)


@pytest.mark.parametrize("layer", [None, "first"])
def test_guided_grad_cam_is_the_product(layer):
    model = conv_net(kl.ReLU())
    placed = upsample(grad_cam(model, IMAGES, layer, [1, 2]), (8, 8), cell_centres(model, layer))
    product = placed[..., None] * guided_backprop(model, IMAGES, [1, 2])
    assert np.abs(product).max() > 0
    np.testing.assert_allclose(guided_grad_cam(model, IMAGES, layer, [1, 2]), product, atol=1e-6 * np.abs(product).max())


def test_one_network_s_layers_have_each_their_own_picture():
    model = conv_net(kl.ReLU())
    for layer in ("first", "second"):
        fresh = keras.models.clone_model(model)
        fresh.set_weights(model.get_weights())
        np.testing.assert_array_equal(guided_grad_cam(model, IMAGES, layer, 1), guided_grad_cam(fresh, IMAGES, layer, 1))


def test_a_score_of_ones_own():
    model = conv_net(kl.ReLU())
    np.testing.assert_allclose(guided_backprop(model, IMAGES, score=lambda y: y[:, 1]), guided_backprop(model, IMAGES, 1),
                               atol=1e-7)
