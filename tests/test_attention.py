"""Tokens as feature maps, and attention as a map: hand-computed cases, a transformer written out in NumPy, other formulations."""
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl
from scipy.special import softmax

from lecture_utils import (
    attention_rollout,
    cam,
    cam_classes,
    cell_centres,
    counterfactual_cam,
    grad_cam,
    grad_cam_classes,
    grad_cam_layers,
    grad_cam_pp,
    guided_grad_cam,
    hires_cam,
    layer_cam,
    load_model,
    score_cam,
)
from lecture_utils.explain import engine, places, surgery
from lecture_utils.explain.methods import methods_for
from lecture_utils.explorer.exploration import Choice, Exploration
from lecture_utils.models import ClassToken, Positions, vit_shapes

RNG = np.random.default_rng(11)
X = RNG.random((3, 12, 8, 3)).astype("float32")


def assert_close(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * np.abs(other).max())


def transformer(class_token=True, blocks=2, pool=None, dropout=0.0, dense=5):
    """Images 12x8 to patches 3x2 to 4 scores; blocks as in the course's network, small and with random weights."""
    keras.utils.set_random_seed(5)
    image = keras.Input((12, 8, 3))
    x = kl.Conv2D(8, 4, strides=4, name="conv")(image)
    x = kl.Reshape((6, 8), name="patches")(x)
    x = ClassToken(name="class_token")(x) if class_token else x
    x = Positions(name="positions")(x)
    for number in range(1, blocks + 1):
        z = kl.LayerNormalization(name=f"norm{number}")(x)
        x = kl.Add(name=f"seen{number}")([x, kl.MultiHeadAttention(2, 4, dropout=dropout, name=f"attention{number}")(z, z)])
        z = kl.Dense(8, name=f"back{number}")(kl.Dense(dense, activation="gelu", name=f"wide{number}")(x))
        x = kl.Add(name=f"block{number}")([x, z])
    x = kl.LayerNormalization(name="last")(x)
    x = x[:, 0] if class_token and pool is None else (pool or kl.GlobalAveragePooling1D(name="mean"))(x)
    model = keras.Model(image, kl.Dense(4, name="scores")(x))
    for weight in model.weights:
        weight.assign(weight + 0.3 * keras.random.normal(weight.shape))
    return model


def plain(model, images, layer, c):
    """The tokens of the six places and the score's gradient there, (n, 3, 2, k), by a tape around Keras' own model."""
    inside = keras.Model(model.input, [model.get_layer(layer).output, model.outputs[0]])
    with tf.GradientTape() as tape:
        A, y = inside(images)
        score = y[:, c]
    return [t.numpy()[:, -6:].reshape(-1, 3, 2, t.shape[-1]) for t in (A, tape.gradient(score, A))]


EQUATIONS = {
    grad_cam: lambda A, g: np.maximum((A * g.mean(axis=(1, 2), keepdims=True)).sum(axis=-1), 0),
    counterfactual_cam: lambda A, g: np.maximum(-(A * g.mean(axis=(1, 2), keepdims=True)).sum(axis=-1), 0),
    hires_cam: lambda A, g: (A * g).sum(axis=-1),
    layer_cam: lambda A, g: np.maximum((A * np.maximum(g, 0)).sum(axis=-1), 0),
}


# ---- tokens as feature maps


@pytest.mark.parametrize(("class_token", "layer"), [(True, "patches"), (True, "norm2"), (True, "block1"), (False, "block1")])
def test_a_map_of_tokens_leaves_the_class_token_out(class_token, layer):
    model = transformer(class_token)
    A, g = plain(model, X, layer, 1)
    for method, equation in EQUATIONS.items():
        np.testing.assert_allclose(method(model, X, layer, 1), equation(A, g), atol=1e-5 * np.abs(A * g).sum(axis=-1).max())


def test_all_methods_take_tokens():
    model = transformer()
    with warnings.catch_warnings(action="ignore"):                          # of GELU, no ReLU
        guided = guided_grad_cam(model, X, "block1", 2)
    assert guided.shape == X.shape
    assert grad_cam_pp(model, X, "block1", 2).shape == score_cam(model, X, "block1", 2).shape == (3, 3, 2)
    assert_close(grad_cam_classes(model, X, [1, 2], "block1")[:, 1], grad_cam(model, X, "block1", 2))
    several = grad_cam_layers(model, X, ["conv", "norm2"], 2)
    assert_close(several["norm2"], grad_cam(model, X, "norm2", 2))
    assert_close(several["conv"], grad_cam(model, X, "conv", 2))


def test_tokens_before_attention_are_the_feature_map_they_were_made_of():
    model = transformer()
    assert_close(grad_cam(model, X, "patches", 0), grad_cam(model, X, "conv", 0))
    assert_close(hires_cam(model, X, "patches", 0), hires_cam(model, X, "conv", 0))


def test_after_the_last_attention_places_count_for_nothing_with_a_class_token():
    model = transformer()
    for layer in ("seen2", "block2", "last"):
        with pytest.warns(UserWarning, match="reads nothing of the places any more, only the class token"):
            assert not hires_cam(model, X, layer, 1).any()
    with pytest.warns(UserWarning, match="at 'last' all gradients of places are zero; 'block1' is explained instead"):
        L = grad_cam(model, X, class_index=1)
    np.testing.assert_array_equal(L, grad_cam(model, X, "block1", 1))


@pytest.mark.parametrize(("class_token", "pool"), [(False, None), (True, kl.GlobalAveragePooling1D()), (True, kl.Flatten())])
def test_where_the_score_reads_all_tokens_the_last_map_is_taken(class_token, pool):
    model = transformer(class_token, pool=pool)
    with warnings.catch_warnings(action="error"):
        np.testing.assert_array_equal(grad_cam(model, X, class_index=1), grad_cam(model, X, "last", 1))
    assert hires_cam(model, X, class_index=1).any()


def test_cam_of_averaged_tokens_is_exact():
    """The theorem of notebook 5: CAM = Z Grad-CAM before its ReLU = Z HiResCAM, and the score is its mean and the bias."""
    model = transformer(class_token=False)
    A = keras.Model(model.input, model.get_layer("last").output)(X).numpy()
    w, b = model.get_layer("scores").get_weights()
    M = cam(model, X, 3)
    assert_close(M, (A @ w[:, 3]).reshape(3, 3, 2))
    assert_close(M, 6 * hires_cam(model, X, "last", 3))
    assert_close(cam_classes(model, X)[:, 3], M)
    assert_close(np.maximum(M, 0), 6 * grad_cam(model, X, "last", 3))
    assert_close(M.mean(axis=(1, 2)) + b[3], model(X).numpy()[:, 3])
    assert "CAM" in [method.name for method in methods_for(model)]


def test_cam_of_averaged_tokens_one_of_which_is_no_place():
    with pytest.raises(ValueError, match="averages 7 tokens, a class token among them"):
        cam(transformer(pool=kl.GlobalAveragePooling1D()), X)


def test_a_grid_can_be_given():
    model = transformer()
    given = grad_cam(model, X, "block1", 1, grid=(2, 3))
    np.testing.assert_array_equal(given, grad_cam(model, X, "block1", 1).reshape(3, 2, 3))
    assert grad_cam(model, X, "block1", 1, grid=(1, 5)).shape == (3, 1, 5)              # the last five of seven
    for grid in ((2, 4), (0, 3), (3,)):
        with pytest.raises(ValueError, match=r"grid must be \(h, w\), the places that the tokens of layer 'block1'"):
            grad_cam(model, X, "block1", 1, grid=grid)
    with pytest.raises(ValueError, match="layer 'conv' .* leave grid out"):
        grad_cam(model, X, "conv", 1, grid=(2, 3))


def test_other_outputs_of_three_dimensions_are_no_maps():
    image = keras.Input((12, 8, 3))
    A = kl.Conv2D(4, 3, activation="relu", name="A")(image)
    model = keras.Model(image, kl.Dense(2)(kl.GRU(5)(kl.Dense(6, name="rows")(kl.Reshape((10, 24))(A)))))
    with pytest.raises(ValueError, match=r"'rows' \(Dense, output shape \(None, 10, 6\)\) is not a feature map .* 10 vectors are"
                                         r" not known to stand for places.*grid=\(h, w\)"):
        grad_cam(model, X, "rows")
    assert grad_cam(model, X, "rows", grid=(5, 2)).shape == (3, 5, 2)
    words = keras.Input((9,), dtype="int32", name="words")
    read = kl.Embedding(5, 4, name="read")(words)
    score = kl.Dense(2)(kl.Concatenate()([kl.GlobalAveragePooling1D()(read), kl.GlobalAveragePooling2D()(A)]))
    with pytest.raises(ValueError, match="9 vectors are not known to stand for places"):    # nine words are no 3x3 picture
        grad_cam(keras.Model([image, words], score), [X, np.zeros((3, 9), int)], "read")


@keras.saving.register_keras_serializable("tests")
class Cut(kl.Layer):
    """Patches 4x4 cut out of the image in a layer's own code."""

    def call(self, images):
        n, h, w, k = images.shape
        patches = keras.ops.transpose(keras.ops.reshape(images, (-1, h // 4, 4, w // 4, 4, k)), (0, 1, 3, 2, 4, 5))
        return keras.ops.reshape(patches, (-1, h * w // 16, 16 * k))


def test_patches_cut_out_of_the_image_are_a_square_or_given():
    image = keras.Input((12, 12, 3))
    x = kl.Dense(4, name="tokens")(Cut(name="cut")(image))
    x = kl.Add(name="sum")([x, kl.MultiHeadAttention(1, 4)(x, x)])
    model = keras.Model(image, kl.Dense(2)(kl.GlobalAveragePooling1D()(x)))
    x = RNG.random((2, 12, 12, 3)).astype("float32")
    assert grad_cam(model, x).shape == attention_rollout(model, x).shape == (2, 3, 3)
    with pytest.raises(ValueError, match="where the tokens of layer 'sum' lie in the image is not known"):
        cell_centres(model)


def test_tokens_lie_where_their_patches_do():
    model = transformer()
    for layer in ("conv", "patches", "norm1", "block1"):
        assert cell_centres(model, layer) == ((4, 1.5), (4, 1.5))
    assert cell_centres(vit_shapes(), "block3") == ((8, 3.5), (8, 3.5))     # evenly: the convolutions look over their borders
    strided = keras.Input((16, 16, 3))
    x = kl.Conv2D(8, 3, strides=2, padding="same")(kl.Conv2D(8, 3, strides=2, padding="same")(strided))
    x = kl.Reshape((16, 8))(x)
    x = kl.Add(name="sum")([x, kl.MultiHeadAttention(1, 4)(x, x)])
    model = keras.Model(strided, kl.Dense(2)(kl.GlobalAveragePooling1D()(x)))
    assert cell_centres(model) == ((4, 3), (4, 3))                          # with the usual 3x3 they would lie 1.5 pixels off
    network = engine.prepare(model).network
    assert places.centres_or_none(network, surgery.find_feature_map(network, "sum")) == ((4, 3), (4, 3))


def test_the_explorer_shows_tokens():
    shown = Exploration(transformer(), ("a", "b", "c", "d"))
    choice = shown.complete(X[0], Choice("Grad-CAM", None, 2))
    assert shown.layers == ("conv", "block1") and choice.layer == "block1"
    assert_close(shown.attribution(X[0], choice), grad_cam(transformer(), X[:1], "block1", 2)[0])
    assert shown.place(X[0], choice) == (((4, 1.5), (4, 1.5)), (12, 8))


# ---- attention rolled out


def two_tokens(o, w):
    """Image (1, 2, 1) of the values x: attention is softmax(x_i x_j), its values o x_j; the score is w times the mean token."""
    image = keras.Input((1, 2, 1))
    x = kl.Reshape((2, 1), name="tokens")(kl.Conv2D(1, 1, use_bias=False, name="conv")(image))
    x = kl.Add()([x, kl.MultiHeadAttention(1, 1, use_bias=False, name="attention")(x, x)])
    model = keras.Model(image, kl.Dense(1, use_bias=False, name="y")(kl.GlobalAveragePooling1D()(x)))
    for weight in model.weights:
        weight.assign(tf.ones(weight.shape))
    model.get_layer("attention").set_weights([np.full(weight.shape, value, "float32") for weight, value in
                                              zip(model.get_layer("attention").weights, (1, 1, 1, o), strict=True)])
    model.get_layer("y").set_weights([np.full((1, 1), w, "float32")])
    return model


TWO = np.float32([[0, np.sqrt(np.log(3))]]).reshape(1, 1, 2, 1)             # softmax of (0, 0), and of (0, ln 3)
A = [[1 / 2, 1 / 2], [1 / 4, 3 / 4]]


def test_rollout_of_two_tokens_by_hand():
    """½ (A + I) = [[3/4, 1/4], [1/8, 7/8]]; the score averages both tokens, so the map is the mean of the rows."""
    np.testing.assert_allclose(attention_rollout(two_tokens(1, 1), TWO), [[[7 / 16, 9 / 16]]], rtol=1e-6)


@pytest.mark.parametrize(("o", "w"), [(1, 1), (1, -1), (-2, -1), (3, 2)])
def test_gradient_weighted_rollout_of_two_tokens_by_hand(o, w):
    """y = w/2 Σ_i (x_i + Σ_j A_ij o x_j), so ∂y/∂A_ij = w o x_j / 2: nothing for the first token, whose x is 0."""
    g = w * o * TWO[0, 0, 1, 0] / 2
    taken = [1 / 2, (max(g * 1 / 2, 0) + 1 + max(g * 3 / 4, 0)) / 2]        # mean of the rows of I + ReLU(g A)
    np.testing.assert_allclose(attention_rollout(two_tokens(o, w), TWO, class_index=1), [[taken]], rtol=1e-6)


def by_hand(model, image, c, nudge=None):
    """The model of `transformer`, computed by NumPy in float64; nudge: (block, array) added to the attention of a block.

    Returns (y^c, [attention of each block (heads, tokens, tokens)]).
    """
    def weights(name):
        return [weight.astype("float64") for weight in model.get_layer(name).get_weights()]

    def normalized(x, name):
        gamma, beta = weights(name)
        return gamma * (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3) + beta

    kernel, bias = weights("conv")
    windows = image.astype("float64").reshape(3, 4, 2, 4, 3).transpose(0, 2, 1, 3, 4)
    x = np.einsum("hwabk,abkf->hwf", windows, kernel).reshape(6, 8) + bias
    x = np.concatenate([weights("class_token")[0][0], x]) + weights("positions")[0][0]
    attended = []
    for number in (1, 2):
        q, bq, k, bk, v, bv, o, bo = weights(f"attention{number}")
        z = normalized(x, f"norm{number}")
        Q, K, V = (np.einsum("td,dhe->hte", z, kernel) + bias[:, None] for kernel, bias in ((q, bq), (k, bk), (v, bv)))
        A = softmax(Q @ K.transpose(0, 2, 1) / np.sqrt(4), axis=-1)
        attended.append(A)
        A = A + nudge[1] if nudge and nudge[0] == number else A
        x = x + np.einsum("hte,hed->td", A @ V, o) + bo
        (wide, b1), (back, b2) = weights(f"wide{number}"), weights(f"back{number}")
        hidden = keras.ops.gelu(x @ wide + b1, approximate=False).numpy()
        x = x + hidden @ back + b2
    w, b = weights("scores")
    return (normalized(x[0], "last") @ w + b)[c], attended


def test_the_transformer_by_hand_is_keras_own():
    model = transformer()
    assert_close([by_hand(model, image, 2)[0] for image in X], model(X).numpy()[:, 2])


def test_rollout_is_the_sum_over_all_paths():
    """A path takes one token a block, from the class token down to a patch; its weight is the product of ½ (A + I)."""
    model = transformer()
    for image, map_ in zip(X, attention_rollout(model, X), strict=True):
        first, second = ((A.mean(axis=0) + np.eye(7)) / 2 for A in by_hand(model, image, 0)[1])
        paths = [sum(second[0, between] * first[between, patch] for between in range(7)) for patch in range(1, 7)]
        assert_close(map_, np.reshape(paths, (3, 2)))


def test_gradient_weighted_rollout_by_finite_differences():
    model, c, eps = transformer(), 2, 1e-4
    maps = attention_rollout(model, X[:1], c)
    _, attended = by_hand(model, X[0], c)
    R = np.eye(7)
    for block, A in enumerate(attended, start=1):
        g = np.zeros_like(A)
        for at in np.ndindex(A.shape):
            nudge = np.zeros_like(A)
            nudge[at] = eps
            g[at] = (by_hand(model, X[0], c, (block, nudge))[0] - by_hand(model, X[0], c, (block, -nudge))[0]) / (2 * eps)
        R = R + np.maximum(g * A, 0).mean(axis=0) @ R
    np.testing.assert_allclose(maps[0], R[0, 1:].reshape(3, 2), rtol=1e-4, atol=1e-4 * maps.max())


def test_without_a_class_the_map_is_the_same_for_every_score():
    model = transformer()
    raw = attention_rollout(model, X)
    model.get_layer("scores").set_weights([weight + 1 for weight in model.get_layer("scores").get_weights()])
    np.testing.assert_array_equal(attention_rollout(model, X), raw)
    assert (raw > 0).all() and (raw.sum(axis=(1, 2)) < 1).all()             # rows of R sum to 1, the class token has its part
    assert not np.allclose(attention_rollout(model, X, 0), attention_rollout(model, X, 1))


def test_each_image_is_rolled_out_as_if_alone_and_the_model_is_left_as_it_was():
    model = transformer()
    before = [weight.copy() for weight in model.get_weights()]
    together = attention_rollout(model, X, [0, 1, 2])
    for i in range(3):
        assert_close(together[i:i + 1], attention_rollout(model, X[i:i + 1], i))
    for weight, was in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, was)


def test_dropout_does_nothing():
    model, dropping = transformer(), transformer(dropout=0.5)
    for weight, other in zip(model.trainable_weights, dropping.trainable_weights, strict=True):
        other.assign(weight)
    np.testing.assert_array_equal(attention_rollout(dropping, X, 1), attention_rollout(model, X, 1))


def test_a_score_of_ones_own_weighs_as_the_class_does():
    model = transformer()
    assert_close(attention_rollout(model, X, score=lambda y: y[:, 2]), attention_rollout(model, X, 2))


def test_it_does_not_matter_whether_the_model_returns_its_attention_itself():
    plain_net, telling = vit_shapes(), vit_shapes(attention=True)
    telling.set_weights(plain_net.get_weights())
    images = RNG.random((2, 64, 64, 3)).astype("float32")
    assert_close(attention_rollout(telling, images, 3, output="logits"), attention_rollout(plain_net, images, 3))


def test_what_cannot_be_rolled_out():
    with pytest.raises(ValueError, match="no layer keras.layers.MultiHeadAttention"):
        attention_rollout(load_model("mnist_cnn"), np.zeros((1, 28, 28, 1), "float32"))
    image = keras.Input((12, 8, 3))
    x = kl.Reshape((6, 8))(kl.Conv2D(8, 4, strides=4)(image))
    across = kl.MultiHeadAttention(1, 4, name="across")(kl.Dense(8)(x), x)
    with pytest.raises(ValueError, match="'across' looks from one sequence at another"):
        attention_rollout(keras.Model(image, kl.Dense(2)(kl.GlobalAveragePooling1D()(across))), X)
    full = kl.MultiHeadAttention(1, 4, name="full")(x, x)
    half = kl.AveragePooling1D(2)(full)
    half = kl.MultiHeadAttention(1, 4, name="half")(half, half)
    with pytest.raises(ValueError, match=r"blocks of the same tokens.*'full' has .*\(None, 6, 8\), 'half' \(None, 3, 8\)"):
        attention_rollout(keras.Model(image, kl.Dense(2)(kl.GlobalAveragePooling1D()(half))), X)


@keras.saving.register_keras_serializable("tests")
class Block(kl.Layer):
    """Attention in a layer's own code."""

    def __init__(self):
        super().__init__(name="block")
        self.attention = kl.MultiHeadAttention(1, 4)

    def call(self, x):
        return x + self.attention(x, x)


def test_attention_in_the_code_of_a_layer_is_out_of_reach_and_its_tokens_are_not():
    image = keras.Input((12, 8, 3))
    x = Block()(kl.Reshape((6, 8))(kl.Conv2D(8, 4, strides=4)(image)))
    model = keras.Model(image, kl.Dense(2)(kl.GlobalAveragePooling1D()(x)))
    with pytest.raises(ValueError, match=r"that of 'block' \(Block\) lies in its own code, out of reach"):
        attention_rollout(model, X)
    assert_close(grad_cam(model, X, class_index=1), grad_cam(model, X, "block", 1))
