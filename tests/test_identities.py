"""Identities that hold exactly, whatever the weights: two ways to the same map."""

import keras
import numpy as np
import pytest
from keras import layers as kl
from plain_tape import assert_close, feature_gradient, signed_cam

from lecture_utils import cam, counterfactual_cam, grad_cam, grad_cam_classes, grad_cam_layers, guided_backprop, guided_grad_cam

X = np.random.default_rng(0).uniform(size=(3, 16, 16, 3)).astype(np.float32)


def network(head, activation=None, seed=1):
    """Plain, residual, with normalization: a bit of everything, under a GAP head or a Flatten head."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((16, 16, 3))
    x = kl.Conv2D(8, 3, padding="same", activation="relu", name="a")(image)
    y = kl.BatchNormalization(name="b_bn")(kl.Conv2D(8, 3, padding="same", name="b")(x))
    x = kl.ReLU(name="b_out")(kl.Add()([x, y]))
    x = kl.MaxPooling2D(name="pool")(x)
    x = kl.Conv2D(12, 3, activation="relu", name="c")(x)
    x = kl.GlobalAveragePooling2D()(x) if head == "gap" else kl.Dense(16, activation="relu")(kl.Flatten()(x))
    return keras.Model(image, kl.Dense(5, activation=activation, name="y")(x))


def hires_cam(model, images, layer, c):
    """Σ_k dy/dA^k ⊙ A^k, the gradient not averaged (Draelos & Carin 2020), on a plain tape."""
    return np.stack([(A * gradient).sum(-1) for A, gradient in
                     (feature_gradient(model, image, layer, c) for image in images)])


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("c", range(5))
def test_cam_is_z_times_grad_cam_is_hires_cam_under_gap(seed, c):
    model = network("gap", seed=seed)
    M = cam(model, X, c)
    Z = M[0].size
    before_relu = grad_cam(model, X, class_index=c) - counterfactual_cam(model, X, class_index=c)   # ReLU(s) - ReLU(-s)
    assert_close(Z * before_relu, M)
    assert_close(Z * hires_cam(model, X, "c", c), M)


def test_the_equivalence_ends_with_a_flatten_head():
    model = network("flatten")
    before_relu = grad_cam(model, X, class_index=0) - counterfactual_cam(model, X, class_index=0)
    hires = hires_cam(model, X, "c", 0)
    assert np.abs(before_relu[0].size * before_relu - hires).max() > 0.1 * np.abs(hires).max()


def negated_score(c):
    return lambda y: -y[:, c]


@pytest.mark.parametrize("layer", ["a", "b_out", "c"])
def test_grad_cam_of_the_negated_score_is_the_counterfactual(layer):
    model, negated = network("flatten"), network("flatten")
    negated.get_layer("y").set_weights([-w for w in model.get_layer("y").get_weights()])
    for c in range(5):
        against, scale = counterfactual_cam(model, X, layer, c), np.abs(signed_cam(model, X, layer, c)).max()
        np.testing.assert_allclose(against, grad_cam(model, X, layer, score=negated_score(c)), atol=1e-5 * scale)
        np.testing.assert_allclose(against, grad_cam(negated, X, layer, c), atol=1e-5 * scale)
        np.testing.assert_allclose(against, np.maximum(-signed_cam(model, X, layer, c), 0), atol=1e-5 * scale)


@pytest.mark.parametrize("method", [grad_cam, counterfactual_cam, guided_backprop, guided_grad_cam])
def test_a_batch_is_its_images_one_by_one(method):
    model = network("flatten")
    for c in (None, 0, 3):
        together, alone = method(model, X, class_index=c), [method(model, x[None], class_index=c) for x in X]
        np.testing.assert_allclose(together, np.concatenate(alone), rtol=0, atol=1e-5 * np.abs(together).max())


@pytest.mark.parametrize("layer", [None, "a", "b_out"])
def test_many_classes_are_the_classes_one_by_one(layer):
    model = network("flatten")
    assert_close(grad_cam_classes(model, X, range(5), layer),
                 np.stack([grad_cam(model, X, layer, c) for c in range(5)], axis=1))


def test_many_layers_are_the_layers_one_by_one():
    model = network("flatten")
    maps = grad_cam_layers(model, X, class_index=1)
    assert list(maps) == ["a", "b_bn", "c"]         # b's sum with what passes by is no longer b's own
    for layer, each in maps.items():
        scale = np.abs(signed_cam(model, X, layer, 1)).max()
        np.testing.assert_allclose(each, grad_cam(model, X, layer, 1), rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "log_softmax"])
def test_the_heads_activation_does_not_matter(activation):
    for method in (grad_cam, guided_backprop, guided_grad_cam):
        assert_close(method(network("flatten", activation), X), method(network("flatten"), X))


def test_scores_add_up_before_the_relu():
    model = network("flatten")
    signed = lambda score: grad_cam(model, X, score=score) - counterfactual_cam(model, X, score=score)
    assert_close(signed(lambda y: y[:, 0] + 2 * y[:, 3]), signed(lambda y: y[:, 0]) + 2 * signed(lambda y: y[:, 3]))


def test_finite_differences_of_the_score():
    """alpha against differences: raising feature map k everywhere by h raises the score by Z h alpha_k.

    A bias after the convolution's ReLU would do that; a 1x1 identity convolution with a bias stands in for it.
    """
    keras.utils.set_random_seed(7)
    image = keras.Input((16, 16, 3))
    A = kl.Conv2D(4, 3, activation="relu", name="A")(image)
    raised = kl.Conv2D(4, 1, name="raise")(A)
    logits = kl.Dense(2)(kl.Dense(6, activation="tanh")(kl.Flatten()(raised)))
    model = keras.Model(image, logits)
    x, h = X[:1], 1e-3
    def raise_by(bias):
        model.get_layer("raise").set_weights([np.eye(4)[None, None], bias])
        return float(model.predict(x, verbose=0)[0, 1])
    alpha = np.array([(raise_by(h * e) - raise_by(-h * e)) / (2 * h) for e in np.eye(4)]) / 14**2
    raise_by(np.zeros(4))
    maps = keras.Model(image, A).predict(x, verbose=0)
    expected = np.maximum((maps * alpha).sum(-1), 0)
    assert_close(grad_cam(model, x, "A", 1), expected, tolerance=1e-2)


def test_a_constant_factor_on_the_score_is_a_factor_on_the_map():
    model = network("flatten")
    assert_close(grad_cam(model, X, score=lambda y: 1000 * y[:, 1]), 1000 * grad_cam(model, X, class_index=1))
