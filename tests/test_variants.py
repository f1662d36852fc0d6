"""The variants of Grad-CAM: against hand-computed maps, a second formulation, and each other."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl
from plain_tape import assert_close, feature_gradient

from lecture_utils import cam, counterfactual_cam, grad_cam, grad_cam_pp, hires_cam, layer_cam, score_cam
from lecture_utils.explain import engine
from lecture_utils.explain.methods import LAYER, METHODS

EVIDENCE = [method.function for method in METHODS.values() if method.kind == LAYER and method.scored]
X = np.random.default_rng(0).uniform(size=(3, 16, 16, 3)).astype(np.float32)
SQUARE = np.array([[1, 2], [3, 4]], np.float32)


def tiny(kernel, bias, weights):
    """An image (2, 2, 1), two feature maps A^k = kernel_k x + bias_k, and y_1 = Σ_kij weights_kij A_ij^k; y_0 = 0."""
    image = keras.Input((2, 2, 1))
    A = kl.Conv2D(2, 1, name="A")(image)
    model = keras.Model(image, kl.Dense(2, name="y")(kl.Flatten()(A)))
    model.get_layer("A").set_weights([np.reshape(kernel, (1, 1, 1, 2)), np.array(bias)])
    to_one = np.moveaxis(np.array(weights, float), 0, -1).ravel()
    model.get_layer("y").set_weights([np.stack([0 * to_one, to_one], axis=1), np.zeros(2)])
    return model


def network(head="flatten", outputs=5):
    keras.utils.set_random_seed(1)
    image = keras.Input((16, 16, 3))
    x = kl.Conv2D(6, 3, activation="relu", name="a")(image)
    x = kl.MaxPooling2D()(x)
    x = kl.Conv2D(7, 3, activation="relu", name="b")(x)
    x = kl.GlobalAveragePooling2D()(x) if head == "gap" else kl.Dense(16, activation="relu")(kl.Flatten()(x))
    return keras.Model(image, kl.Dense(outputs, name="y")(x))


# --- by hand: A^1 = x, A^2 = 2x, gradients [[1, -1], [2, 0]] and [[0, 1], [-1, 1]]

@pytest.mark.parametrize("method, expected", [
    (hires_cam, [[1, 2], [0, 8]]),                  # x g1 + 2x g2
    (layer_cam, [[1, 4], [6, 8]]),                  # the same, negative gradients left out
    # A^1 sums to 10, A^2 to 20: w_1 = 1/(2 + 10) + 2/(2 + 2·10), w_2 = 2 · 1/(2 + 20), and L = (w_1 + 2 w_2) x
    (grad_cam_pp, 47 / 132 * SQUARE),
])
def test_by_hand(method, expected):
    model = tiny([1, 2], [0, 0], [[[1, -1], [2, 0]], [[0, 1], [-1, 1]]])
    np.testing.assert_allclose(method(model, SQUARE[None, ..., None], "A", 1)[0], expected, rtol=1e-6)


def test_score_cam_by_hand():
    """A^1 = x and A^2 = 5 - x; y_1 is 0.3 times the sum of the image.

    Masks: (x - 1)/3 and (4 - x)/3. What is seen through them sums to 20/3 and 10/3, so the scores are 2 and 1.
    """
    model = tiny([1, -1], [0, 5], [0.3 * np.ones((2, 2)), np.zeros((2, 2))])
    first, second = np.e / (1 + np.e), 1 / (1 + np.e)
    np.testing.assert_allclose(score_cam(model, SQUARE[None, ..., None], "A", 1)[0],
                               first * SQUARE + second * (5 - SQUARE), rtol=1e-5)


# --- second formulations

def grad_cam_pp_of_the_paper(A, gradient, y):
    """Eq. 19 and 5 for Y = exp(y), with all powers, in loops."""
    first, second, third = (np.exp(y) * gradient**p for p in (1, 2, 3))
    L = np.zeros(A.shape[:2])
    for k in range(A.shape[-1]):
        w = 0
        for i, j in np.ndindex(*A.shape[:2]):
            below = 2 * second[i, j, k] + A[..., k].sum() * third[i, j, k]
            w += max(first[i, j, k], 0) * (second[i, j, k] / below if below else 0)
        L += w * A[..., k]
    return np.maximum(L, 0)


@pytest.mark.parametrize("layer", ["a", "b"])
def test_grad_cam_pp_is_the_papers_formula_but_for_exp_y(layer):
    model = network()
    for c in range(5):
        y = model.predict(X, verbose=0)[:, c]
        expected = [grad_cam_pp_of_the_paper(*feature_gradient(model, image, layer, c), y[i]) / np.exp(y[i])
                    for i, image in enumerate(X)]
        assert_close(grad_cam_pp(model, X, layer, c), np.stack(expected))


def test_grad_cam_pp_does_not_fade_with_small_gradients():
    model = network()
    maps = grad_cam_pp(model, X, "b", score=lambda y: 1e-20 * y[:, 1])      # g³ is 0 in single precision
    assert np.isfinite(maps).all()
    A, gradient = feature_gradient(model, X[0], "b", 1)
    expected = np.maximum((A * (np.maximum(gradient, 0) / 2).sum((0, 1))).sum(-1), 0)       # α is 1/2 as g goes to 0
    assert_close(maps[0] * np.float32(1e20), expected)


@pytest.mark.parametrize("layer", ["a", "b"])
def test_hires_and_layer_cam_on_a_plain_tape(layer):
    model = network()
    for c in range(5):
        pairs = [feature_gradient(model, image, layer, c) for image in X]
        assert_close(hires_cam(model, X, layer, c), np.stack([(A * g).sum(-1) for A, g in pairs]))
        assert_close(layer_cam(model, X, layer, c), np.stack([np.maximum((A * np.maximum(g, 0)).sum(-1), 0)
                                                              for A, g in pairs]))


def score_cam_in_a_loop(model, image, layer, alpha_of):
    A = keras.Model(model.input, model.get_layer(layer).output)(image[None])[0].numpy()
    scores = []
    for k in range(A.shape[-1]):
        mask = A[..., k]
        for axis in (0, 1):                     # the cells of "b" look at pixels 2 i + 3.5
            mask = np.apply_along_axis(lambda line: np.interp(np.arange(16), 2 * np.arange(5) + 3.5, line), axis, mask)
        mask = mask[..., None]
        mask = (mask - mask.min()) / (np.ptp(mask) or 1)
        scores.append(model((mask * image)[None]).numpy()[0])
    alpha = alpha_of(np.array(scores))
    return np.maximum((A * alpha).sum(-1), 0)


def test_score_cam_is_its_loop():
    model = network()
    for c in (0, 3):
        assert_close(score_cam(model, X, "b", c),
                     np.stack([score_cam_in_a_loop(model, image, "b", softmax_of_scores(c)) for image in X]))


def softmax_of_scores(c):
    return lambda y: np.exp(y[:, c]) / np.exp(y[:, c]).sum()


def test_score_cam_weighed_by_probabilities():
    model, c = network(), 3
    def shares_of_probability(y):
        p = np.exp(y[:, c]) / np.exp(y).sum(axis=1)
        return p / p.sum()
    assert_close(score_cam(model, X, "b", score=lambda y: tf.nn.log_softmax(y)[:, c]),
                 np.stack([score_cam_in_a_loop(model, image, "b", shares_of_probability) for image in X]))


def test_score_cam_in_small_batches(monkeypatch):
    model = network()
    expected = score_cam(model, X, "b", 2)
    monkeypatch.setattr("lecture_utils.explain.engine.SHARE", 2 * 16 * X[0].size)       # two masked images at a time
    seen, scores = [], engine.scores
    monkeypatch.setattr(engine, "scores", lambda model, images, *rest: seen.append(len(images)) or scores(model, images, *rest))
    assert_close(score_cam(model, X, "b", 2), expected)
    assert max(seen[1:]) == 2                                                   # the first is the whole images' own


def test_score_cam_keeps_the_class_of_the_whole_image():
    model = network()
    predicted = model.predict(X, verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(score_cam(model, X), score_cam(model, X, class_index=predicted))


# --- identities

@pytest.mark.parametrize("c", range(5))
def test_under_gap_hires_cam_is_grad_cam_before_its_relu_and_the_cam_over_z(c):
    model = network("gap")
    M = hires_cam(model, X, class_index=c)
    assert_close(M, grad_cam(model, X, class_index=c) - counterfactual_cam(model, X, class_index=c))
    assert_close(M[0].size * M, cam(model, X, c))


def test_without_negative_gradients_layer_cam_is_hires_cam():
    model = network("gap")
    kernel, bias = model.get_layer("y").get_weights()
    model.get_layer("y").set_weights([np.abs(kernel), bias])
    assert_close(layer_cam(model, X, class_index=1), hires_cam(model, X, class_index=1))


@pytest.mark.parametrize("method", EVIDENCE)
def test_a_batch_is_its_images_one_by_one(method):
    model = network()
    for c in (None, 3):
        alone = [method(model, x[None], class_index=c) for x in X]
        assert_close(method(model, X, class_index=c), np.concatenate(alone))


@pytest.mark.parametrize("method", EVIDENCE)
def test_a_score_of_ones_own(method):
    model = network()
    assert_close(method(model, X, score=lambda y: y[:, 2]), method(model, X, class_index=2))


@pytest.mark.parametrize("method", EVIDENCE)
def test_one_unit_tells_two_classes_apart(method):
    model = network(outputs=1)
    assert_close(method(model, X, class_index=0), method(model, X, score=lambda y: -y[:, 0]))
    assert_close(method(model, X, class_index=1), method(model, X, score=lambda y: y[:, 0]))


@pytest.mark.parametrize("method", EVIDENCE)
def test_several_inputs(method):
    image, number = keras.Input((16, 16, 3), name="image"), keras.Input((2,), name="number")
    keras.utils.set_random_seed(3)
    A = kl.Conv2D(4, 3, activation="relu")(image)
    y = kl.Dense(3)(kl.Concatenate()([kl.Flatten()(A), number]))
    two = keras.Model([image, number], y)
    one = keras.Sequential([keras.Input((16, 16, 3)), kl.Conv2D(4, 3, activation="relu"), kl.Flatten(), kl.Dense(3)])
    kernel, bias, weights, y_bias = two.get_weights()
    one.set_weights([kernel, bias, weights[:-2], y_bias])       # the numbers are zeros: they change nothing
    assert_close(method(two, [X, np.zeros((3, 2), np.float32)], class_index=1), method(one, X, class_index=1))


@pytest.mark.parametrize("method", EVIDENCE)
@pytest.mark.parametrize("arguments, message", [
    ((X, "nothing"), "nothing"),
    ((X, "b", 5), "between 0 and 4"),
    ((X[0], "b"), "batch axis"),
    ((np.full_like(X, np.nan), "b"), "NaN"),
])
def test_errors_are_those_of_grad_cam(method, arguments, message):
    with pytest.raises(ValueError, match=message):
        method(network(), *arguments)
