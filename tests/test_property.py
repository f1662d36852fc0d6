"""Random small networks: whatever the layers, our maps equal the plain tape's and obey the identities."""

import keras
import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from keras import layers as kl
from plain_tape import feature_gradient

from lecture_utils import counterfactual_cam, grad_cam, grad_cam_classes, grad_cam_layers, guided_grad_cam, normalize, upsample
from lecture_utils.explain.methods import METHODS

blocks = st.lists(st.tuples(st.sampled_from(["conv", "separate", "normalized", "residual", "depthwise", "pool", "dropout"]),
                            st.sampled_from(["relu", "relu6", "leaky_relu"]), st.integers(1, 5)), min_size=1, max_size=5)
networks = st.fixed_dictionaries({
    "blocks": blocks, "channels": st.integers(1, 4), "classes": st.integers(2, 5), "nested": st.booleans(),
    "head": st.sampled_from(["gap", "flatten", "max", "convolution"]), "softmax": st.booleans(),
    "seed": st.integers(0, 2**16)})


def trunk(blocks, channels):
    image = x = keras.Input((11, 9, channels))
    x = kl.Conv2D(3, 3, padding="same", activation="relu", name="first")(x)
    last = "first"
    for i, (kind, activation, filters) in enumerate(blocks):
        if kind == "conv":
            x = kl.Conv2D(filters, 3, padding="same", activation=activation, name=(last := f"conv{i}"))(x)
        elif kind == "separate":
            x = kl.Conv2D(filters, 2, padding="same")(x)
            x = kl.Activation(activation, name=(last := f"act{i}"))(x)
        elif kind == "normalized":
            x = kl.BatchNormalization()(kl.Conv2D(filters, 3, padding="same", use_bias=False)(x))
            x = kl.ReLU(max_value=2.0, negative_slope=0.1, name=(last := f"relu{i}"))(x)
        elif kind == "residual":
            y = kl.Conv2D(x.shape[-1], 3, padding="same", activation=activation)(x)
            x = kl.Add(name=(last := f"add{i}"))([x, y])
        elif kind == "depthwise":
            x = kl.DepthwiseConv2D(3, padding="same", activation=activation, name=(last := f"depth{i}"))(x)
        elif kind == "pool" and min(x.shape[1:3]) > 3:
            x = kl.MaxPooling2D(2)(x)
            x = kl.Conv2D(filters, 1, activation=activation, name=(last := f"after_pool{i}"))(x)
        elif kind == "dropout":
            x = kl.Dropout(0.5)(x)
    return image, x, last


def head(x, spec, activation):
    if spec["head"] == "convolution":
        x = kl.GlobalAveragePooling2D(keepdims=True)(x)
        return kl.Activation(activation or "linear")(kl.Reshape((spec["classes"],))(kl.Conv2D(spec["classes"], 1)(x)))
    x = {"gap": kl.GlobalAveragePooling2D(), "max": kl.GlobalMaxPooling2D(), "flatten": kl.Flatten()}[spec["head"]](x)
    if spec["head"] == "flatten":
        x = kl.Dense(6, activation="relu")(x)
    return kl.Dense(spec["classes"], activation=activation)(x)


def build(spec):
    """(model to explain, the same network flat and with logits, name of its last feature map)."""
    keras.utils.set_random_seed(spec["seed"])
    image, x, last = trunk(spec["blocks"], spec["channels"])
    flat = keras.Model(image, head(x, spec, None))
    image, x, _ = trunk(spec["blocks"], spec["channels"])
    activation = "softmax" if spec["softmax"] else None
    if spec["nested"]:
        backbone = keras.Model(image, x, name="backbone")
        image = keras.Input(image.shape[1:])
        x = backbone(image)
    model = keras.Model(image, head(x, spec, activation))
    rng = np.random.default_rng(spec["seed"])
    weights = [np.abs(w) + 0.5 if "variance" in v.path else w + rng.normal(0, 0.1, w.shape)
               for v, w in zip(flat.weights, flat.get_weights(), strict=True)]
    flat.set_weights(weights)
    model.set_weights(weights)
    return model, flat, last


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(networks, st.data())
def test_random_networks(spec, data):
    model, flat, last = build(spec)
    x = np.random.default_rng(spec["seed"]).uniform(-1, 1, (2, 11, 9, spec["channels"])).astype(np.float32)
    classes = data.draw(st.lists(st.integers(0, spec["classes"] - 1), min_size=2, max_size=2), "classes")
    layer = data.draw(st.sampled_from(["first", last]), "layer")

    ours = grad_cam(model, x, layer, classes)
    against = counterfactual_cam(model, x, layer, classes)
    signed, scale = [], []
    for image, c in zip(x, classes, strict=True):
        A, gradient = feature_gradient(flat, image, layer, c)
        signed.append((A * gradient.mean((0, 1))).sum(-1))
        scale.append(np.abs(A * gradient.mean((0, 1))).sum(-1).max())
    signed, atol = np.stack(signed), 1e-5 * max(scale) + 1e-30
    np.testing.assert_allclose(ours, np.maximum(signed, 0), rtol=0, atol=atol)
    np.testing.assert_allclose(against, np.maximum(-signed, 0), rtol=0, atol=atol)

    np.testing.assert_allclose(grad_cam(model, x, None, classes), grad_cam(model, x, last, classes), rtol=0, atol=atol)
    np.testing.assert_allclose(grad_cam_layers(model, x, [layer, last], classes)[layer], ours, rtol=0, atol=atol)
    np.testing.assert_allclose(grad_cam_classes(model, x, np.array(classes)[:, None], layer)[:, 0], ours, rtol=0, atol=atol)
    assert np.isfinite(guided_grad_cam(model, x, layer, classes)).all()
    method = data.draw(st.sampled_from([method for method in METHODS.values() if method.of_a_layer]), "method")
    assert np.isfinite(method.explain(model, x, layer, classes)).all()


maps = st.integers(1, 7).flatmap(lambda h: st.integers(1, 7).flatmap(lambda w: st.lists(
    st.floats(-1e6, 1e6, width=32), min_size=h * w, max_size=h * w).map(
        lambda values: np.array(values, np.float32).reshape(h, w))))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(maps, st.integers(1, 20), st.integers(1, 20))
def test_upsample_stays_in_range(m, height, width):
    big = upsample(m, (height, width))
    assert big.shape == (height, width) and m.min() <= big.min() and big.max() <= m.max()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(maps)
@example(np.float32([[1.1754944e-38, -4]]))         # the quotient is beyond float32
def test_normalize_reaches_one_or_is_zero(m):
    n = normalize(m)
    assert np.isfinite(n).all()
    assert n.max() == 1 if m.max() > 0 else not n.any()
    if m.min() >= 0:
        assert n.min() >= 0
