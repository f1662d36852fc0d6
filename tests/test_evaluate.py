"""Scores of maps by what becomes of the network: by hand, against other formulations, and their limits."""

import keras
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import tensorflow as tf
from keras import layers as kl

from lecture_utils import (
    average_drop,
    black,
    blurred,
    bootstrap,
    centre_maps,
    confidence,
    deletion,
    grad_cam,
    increase_in_confidence,
    insertion,
    magnitude,
    plots,
    random_maps,
    randomized,
    rank_correlation,
    ssim,
)

# --- the bootstrap


def test_bootstrap_agrees_with_scipys():
    values = np.random.default_rng(1).gamma(2, size=80)
    ours = bootstrap(values, resamples=10_000)
    other = scipy.stats.bootstrap((values,), np.mean, n_resamples=10_000, method="percentile",
                                  rng=np.random.default_rng(5))
    assert ours.mean == pytest.approx(values.mean())
    assert ours[1:] == pytest.approx(tuple(other.confidence_interval), abs=0.03 * values.std())


def test_bootstrap_of_hits_is_close_to_the_binomials_interval():
    hits = np.arange(400) % 4 == 0
    expected = 0.25 + np.array([-1.96, 1.96]) * np.sqrt(0.25 * 0.75 / 400)
    assert bootstrap(hits)[1:] == pytest.approx(tuple(expected), abs=0.006)


@pytest.mark.parametrize("values, expected", [([3.5], 3.5), ([2, 2, 2, 2], 2.0), ([True], 1.0), ([False, False], 0.0)])
def test_bootstrap_of_one_value_or_equal_ones_has_no_width(values, expected):
    assert bootstrap(values) == (expected, expected, expected)


@pytest.mark.parametrize("n", [1, 7, 70, 1500])
def test_bootstrap_draws_as_if_one_after_the_other(n):
    """However many draws are made at once, the numbers are those of the definition."""
    values, random = np.random.default_rng(n).normal(size=n), np.random.default_rng(3)
    means = [values[random.integers(n, size=n)].mean() for _ in range(2000)]
    assert bootstrap(values, seed=3)[1:] == tuple(np.percentile(means, [2.5, 97.5]))


def test_bootstrap_is_seeded():
    values = np.random.default_rng(0).normal(size=10)
    assert bootstrap(values) == bootstrap(values) != bootstrap(values, seed=1)


@pytest.mark.parametrize("values", [[], [[1, 2]], [1, np.nan], 3])
def test_bootstrap_refuses(values):
    with pytest.raises(ValueError, match="values must be finite numbers of shape"):
        bootstrap(values)


@pytest.mark.parametrize("resamples", [0, -3, 2.5, None])
def test_bootstrap_needs_draws(resamples):
    with pytest.raises(ValueError, match=f"resamples must be a whole number, at least 1; got {resamples}"):
        bootstrap([1, 2, 3], resamples)


# --- maps to compare with

def test_random_maps_are_seeded_and_even():
    maps = random_maps(50, (20, 30))
    assert maps.shape == (50, 20, 30) and maps.dtype == np.float32 and 0 <= maps.min() and maps.max() < 1
    assert maps.mean() == pytest.approx(0.5, abs=0.01) and maps.std() == pytest.approx(12**-0.5, abs=0.01)
    np.testing.assert_array_equal(maps, random_maps(50, (20, 30)))
    assert (maps != random_maps(50, (20, 30), seed=1)).mean() > 0.99


def test_centre_maps_are_a_gaussian():
    maps = centre_maps(2, (9, 17))
    assert maps.shape == (2, 9, 17) and maps[0, 4, 8] == 1
    assert maps[1, 4, 8 + 4] == pytest.approx(np.exp(-(4 / 4.25) ** 2 / 2))
    assert maps[1, 0, 0] == pytest.approx(np.exp(-(4 / 2.25) ** 2 / 2 - (8 / 4.25) ** 2 / 2))


def test_magnitude():
    np.testing.assert_array_equal(magnitude(np.array([[[[1, -3], [0, 2]]]])), [[[3, 2]]])
    with pytest.raises(ValueError, match="channels"):
        magnitude(np.ones((3, 4, 4)))


# --- a linear model: y_1 is the sum of the pixels, y_0 = 0, so the odds of class 1 are the product of exp(pixel)

ODDS = np.array([[8, 4], [2, 1.5]])
IMAGE = np.log(ODDS)[None, ..., None].astype(np.float32)


def linear(classes=2, size=(2, 2)):
    model = keras.Sequential([keras.Input((*size, 1)), kl.Flatten(), kl.Dense(classes)])
    weights = np.zeros((size[0] * size[1], classes))
    weights[:, -1] = 1
    model.set_weights([weights, np.zeros(classes)])
    return model


def p(odds):
    return np.asarray(odds) / (1 + np.asarray(odds))


@pytest.mark.parametrize("classes", [2, 1])
def test_confidence_is_the_softmax_or_of_one_unit_the_sigmoid(classes):
    assert confidence(linear(classes), IMAGE) == pytest.approx(p([96]))
    assert confidence(linear(classes), IMAGE, 0) == pytest.approx(1 - p([96]))


def test_confidence_in_what_is_kept():
    keep = np.array([[[1, 0], [0.5, 1]]])
    assert confidence(linear(), IMAGE, keep=keep, baseline=black) == pytest.approx(p([8 * 2**0.5 * 1.5]))
    assert confidence(linear(), IMAGE, keep=keep, baseline=lambda x: -x) == pytest.approx(p([8 / 4 * 1 * 1.5]))


def test_confidence_is_that_in_the_class_of_the_whole_image():
    removed = confidence(linear(), IMAGE, keep=np.zeros((1, 1, 1)), baseline=lambda x: -x)
    assert removed == pytest.approx(p([1 / 96]))


def test_confidence_enlarges_keep():
    image = np.ones((1, 4, 4, 1), np.float32)
    half = confidence(linear(size=(4, 4)), image, 1, keep=np.full((1, 2, 2), 0.25), baseline=black)
    assert half == pytest.approx(p([np.exp(4)]))


@pytest.mark.parametrize("keep, message", [
    (np.full((1, 2, 2), 1.5), r"in \[0, 1\]"),
    (np.full((1, 2, 2), -0.1), r"in \[0, 1\]"),
    (np.ones((2, 2)), "one map per image"),
    (np.ones((2, 2, 2)), "one map per image"),
])
def test_confidence_refuses(keep, message):
    with pytest.raises(ValueError, match=message):
        confidence(linear(), IMAGE, keep=keep)


# --- other heads, other images

def three_scores(head):
    """y = (pixel 0, pixel 1, pixels 2 and 3), then the head."""
    model = keras.Sequential([keras.Input((2, 2, 1)), kl.Flatten(), kl.Dense(3, name="y"), *head])
    model.get_layer("y").set_weights([np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]), np.zeros(3)])
    return model


def fused(activation):
    model = three_scores([])
    model.get_layer("y").activation = keras.activations.get(activation)
    return model


SIGMOIDS = {"layer": lambda: three_scores([kl.Activation("sigmoid")]), "fused": lambda: fused("sigmoid"),
            "reshaped": lambda: three_scores([kl.Activation("sigmoid"), kl.Reshape((3,))]),
            "nested": lambda: keras.Sequential([keras.Input((2, 2, 1)), fused("sigmoid")]),
            "code": lambda: three_scores([kl.Lambda(lambda x: keras.ops.sigmoid(x))])}


@pytest.mark.parametrize("head", SIGMOIDS)
def test_each_of_several_sigmoids_answers_for_itself(head):
    """The scores are log (8, 4, 3): each sigmoid is 8/9, 4/5, 3/4; a softmax over them would be 8/15, 4/15, 3/15."""
    model, options = SIGMOIDS[head](), dict(steps=1, baseline=black, progress=False)
    for c, (sigmoid, own) in enumerate([(8, 8), (4, 4), (3, 3)]):
        assert confidence(model, IMAGE, c) == pytest.approx(p([sigmoid]))
        assert confidence(model, IMAGE, c) == pytest.approx(model(IMAGE).numpy()[:, c])
        assert confidence(model, IMAGE, c, keep=np.full((1, 2, 2), 0.5), baseline=black) == pytest.approx(p([own**0.5]))
        np.testing.assert_allclose(deletion(model, IMAGE, IMAGE[..., 0], c, **options).confidence, [[p(own), 1 / 2]],
                                   rtol=1e-5)
        np.testing.assert_allclose(insertion(model, IMAGE, IMAGE[..., 0], c, **options).confidence, [[1 / 2, p(own)]],
                                   rtol=1e-5)


@pytest.mark.parametrize("model", [three_scores([]), fused("softmax"), three_scores([kl.Softmax()])])
def test_several_units_without_sigmoids_share_one(model):
    for c, odds in enumerate([8, 4, 3]):
        assert confidence(model, IMAGE, c) == pytest.approx([odds / 15])


def two_heads():
    """The head "sum" tells two classes apart, as `linear`; the head "each" has a sigmoid for each of three scores."""
    image = keras.Input((2, 2, 1))
    return keras.Model(image, {"sum": linear()(image), "each": fused("sigmoid")(image)})


def test_a_model_with_two_heads_is_asked_by_the_name_of_one():
    model, options = two_heads(), dict(steps=1, baseline=lambda x: -x, progress=False)
    assert confidence(model, IMAGE, output="sum") == pytest.approx(p([96]))
    assert confidence(model, IMAGE, 1, output="each") == pytest.approx(p([4]))
    half = np.full((1, 2, 2), 0.5)
    assert confidence(model, IMAGE, 1, half, black, output="sum") == pytest.approx(p([96**0.5]))
    out = deletion(model, IMAGE, IMAGE[..., 0], 2, output="each", **options)
    np.testing.assert_allclose(out.confidence, [p([3, 1 / 3])], rtol=1e-5)
    into = insertion(model, IMAGE, IMAGE[..., 0], output="sum", **options)
    np.testing.assert_allclose(into.confidence, [p([1 / 96, 96])], rtol=1e-4)
    with pytest.raises(ValueError, match="output="):
        confidence(model, IMAGE)


def test_tensors_are_taken_as_images():
    image, keep, options = tf.constant(IMAGE), np.array([[[1, 0], [0.5, 1]]]), dict(steps=4, progress=False)
    assert confidence(linear(), image, keep=keep) == confidence(linear(), IMAGE, keep=keep)
    np.testing.assert_array_equal(blurred(image), blurred(IMAGE))
    for score in (deletion, insertion):
        np.testing.assert_array_equal(score(linear(), image, IMAGE[..., 0], **options).confidence,
                                      score(linear(), IMAGE, IMAGE[..., 0], **options).confidence)


def test_the_blurs_deviation_is_an_eighth_of_the_shorter_side():
    """A point becomes a Gaussian: at one deviation from it, exp(-1/2) of the peak. No channel tells of another."""
    images = np.zeros((3, 64, 160, 2), np.float32)
    images[0, 32, 80, 0] = images[1, 32, 80] = 1
    seen = blurred(images)
    assert seen.dtype == np.float32 and seen.shape == images.shape
    assert seen[0, 32, 88, 0] / seen[0, 32, 80, 0] == pytest.approx(np.exp(-1 / 2), rel=0.01)
    assert seen[0, 40, 80, 0] / seen[0, 32, 80, 0] == pytest.approx(np.exp(-1 / 2), rel=0.01)
    assert not seen[0, ..., 1].any() and not seen[2].any()
    np.testing.assert_allclose(blurred(images.transpose(0, 2, 1, 3)), seen.transpose(0, 2, 1, 3), atol=1e-6)
    np.testing.assert_array_equal(blurred(images[..., 0]), seen[..., 0])


@pytest.mark.parametrize("score", [deletion, insertion])
def test_what_takes_the_pixels_place_is_the_blurred_image(score):
    """The last state of deletion, the first of insertion; of an image that is not square."""
    image = np.random.default_rng(0).random((1, 8, 24, 1), np.float32)
    curve = score(linear(size=(8, 24)), image - 0.5, image[..., 0], 1, steps=1, progress=False).confidence[0]
    blur = scipy.ndimage.gaussian_filter(image[0, ..., 0] - 0.5, 1, mode="nearest")
    expected = [p(np.exp((image - 0.5).sum())), p(np.exp(blur.sum()))]
    np.testing.assert_allclose(curve, expected if score is deletion else expected[::-1], rtol=1e-4)


@pytest.mark.parametrize("steps", [0, -1, 2.5, "all"])
def test_steps_are_counted(steps):
    for score in (deletion, insertion):
        with pytest.raises(ValueError, match="steps must be a whole number, at least 1; got"):
            score(linear(), IMAGE, IMAGE[..., 0], steps=steps, progress=False)
    assert deletion(linear(), IMAGE, IMAGE[..., 0], steps=np.int64(2), progress=False).share.tolist() == [0, 0.5, 1]


def test_pixels_are_taken_away_from_one_image_at_a_time():
    left, right = keras.Input((2, 2, 1)), keras.Input((2, 2, 1))
    model = keras.Model([left, right], kl.Add()([linear()(left), linear()(right)]))
    assert confidence(model, [IMAGE, IMAGE]) == pytest.approx(p([96**2]))
    for ask in (lambda: confidence(model, [IMAGE, IMAGE], keep=IMAGE[..., 0]),
                lambda: deletion(model, [IMAGE, IMAGE], IMAGE[..., 0], progress=False)):
        with pytest.raises(TypeError, match="from one array of images .* alone; got a list"):
            ask()


def test_average_drop_and_increase():
    before, after = [0.8, 0.5, 0.2, 0.0], [0.4, 0.6, 0.2, 0.0]
    assert average_drop(before, after) == pytest.approx([0.5, 0, 0, 0])
    np.testing.assert_array_equal(increase_in_confidence(before, after), [False, True, False, False])


def test_deletion_and_insertion_of_a_linear_model():
    """The map is the model's own evidence, so the pixels go 8, 4, 2, 1.5, and come so."""
    options = dict(steps=4, baseline=black, progress=False)
    out = deletion(linear(), IMAGE, IMAGE[..., 0], 1, **options)
    into = insertion(linear(), IMAGE, IMAGE[..., 0], 1, **options)
    np.testing.assert_array_equal(out.share, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(out.confidence, [p([96, 12, 3, 1.5, 1])], rtol=1e-5)
    np.testing.assert_allclose(into.confidence, [p([1, 8, 32, 64, 96])], rtol=1e-5)
    assert out.auc == pytest.approx([(p(96) / 2 + p(12) + p(3) + p(1.5) + p(1) / 2) / 4])


def test_no_other_order_deletes_or_inserts_better_in_a_linear_model():
    random = np.random.default_rng(0)
    image = random.normal(size=(1, 6, 6, 1)).astype(np.float32)
    options = dict(class_index=1, steps=36, baseline=black, progress=False)
    best = [score(linear(size=(6, 6)), image, image[..., 0], **options).auc for score in (deletion, insertion)]
    for seed in range(5):
        other = random_maps(1, (6, 6), seed)
        assert deletion(linear(size=(6, 6)), image, other, **options).auc > best[0]
        assert insertion(linear(size=(6, 6)), image, other, **options).auc < best[1]


def test_the_pixels_of_an_even_map_go_in_a_random_order():
    image = np.log(np.arange(1, 37)).reshape(1, 6, 6, 1).astype(np.float32)
    curve = lambda seed: deletion(linear(size=(6, 6)), image, np.zeros((1, 6, 6)), 1, steps=6, baseline=black,
                                  seed=seed, progress=False).confidence
    np.testing.assert_array_equal(curve(0), curve(0))
    assert (curve(0)[:, 1:-1] != curve(1)[:, 1:-1]).any()


def test_curves_keep_the_class_of_the_whole_image():
    out = deletion(linear(), IMAGE, IMAGE[..., 0], steps=1, baseline=lambda x: -x, progress=False)
    np.testing.assert_allclose(out.confidence, [p([96, 1 / 96])], rtol=1e-4)


def test_each_images_curve_is_its_own():
    images = np.concatenate([IMAGE, IMAGE[:, ::-1], 2 * IMAGE])
    maps = np.concatenate([images[..., 0][:2], random_maps(1, (2, 2))])
    options = dict(class_index=1, steps=4, baseline=black, progress=False)
    together = deletion(linear(), images, maps, **options).confidence
    np.testing.assert_allclose(together, [deletion(linear(), images[i:i + 1], maps[i:i + 1], **options).confidence[0]
                                          for i in range(3)], rtol=1e-5)
    np.testing.assert_allclose(together[0], together[1], rtol=1e-5)


def test_curves_refuse():
    with pytest.raises(ValueError, match="one map per image"):
        deletion(linear(), IMAGE, np.ones((2, 2)), progress=False)
    with pytest.raises(ValueError, match="steps"):
        insertion(linear(), IMAGE, np.ones((1, 2, 2)), steps=0, progress=False)
    with pytest.raises(ValueError, match="finite"):
        deletion(linear(), IMAGE, np.full((1, 2, 2), np.nan), progress=False)


# --- what takes a removed pixel's place

def test_blurred_keeps_light_and_takes_texture():
    random = np.random.default_rng(0)
    light = np.linspace(0.2, 0.8, 64, dtype=np.float32)[None, None, :, None] * np.ones((1, 64, 1, 1), np.float32)
    images = light + random.normal(0, 0.1, (1, 64, 64, 1)).astype(np.float32)
    result = blurred(images)
    assert result.shape == images.shape and result.dtype == np.float32
    assert np.abs(result - light)[:, :, 16:48].max() < 0.03
    np.testing.assert_allclose(blurred(np.full((2, 8, 8, 3), 0.3, np.float32)), 0.3, rtol=1e-6)


def test_blurred_does_not_mix_images_or_channels():
    image = np.zeros((2, 16, 16, 2), np.float32)
    image[0, ..., 1] = 1
    np.testing.assert_allclose(blurred(image), image, atol=1e-6)


# --- randomized weights

def trained():
    """Kernels of one value each, and a normalization that is no new one's, also in a model within the model."""
    inner = keras.Sequential([keras.Input((8, 8, 3)), kl.Conv2D(40, 3, name="a"), kl.BatchNormalization(name="a_bn"),
                              kl.ReLU()], name="inner")
    image = keras.Input((8, 8, 3))
    x = inner(image)
    x = kl.Conv2D(50, 3, name="b")(x)
    x = kl.ReLU()(kl.BatchNormalization(name="b_bn")(x))
    model = keras.Model(image, kl.Dense(5, name="y")(kl.GlobalAveragePooling2D()(x)))
    model.set_weights([np.full(weight.shape, 0.3) for weight in model.get_weights()])
    return model


def changed(model):
    """Names of the layers with weights other than 0.3 everywhere."""
    layers = [layer for layer in model._flatten_layers(include_self=False) if not isinstance(layer, keras.Model)]
    return {layer.name for layer in layers if any((np.abs(w - 0.3) > 1e-6).any() for w in layer.get_weights())}


def test_layers_are_forgotten_from_the_top_down():
    model = trained()
    steps = [(name, changed(copy)) for name, copy in randomized(model)]
    assert steps == [("y", {"y"}), ("b", {"y", "b", "b_bn"}), ("inner/a", {"y", "b", "b_bn", "a", "a_bn"})]
    assert changed(model) == set()


def test_kernels_are_hes_and_all_else_is_new():
    *_, (_, copy) = randomized(trained())
    b, b_bn = copy.get_layer("b"), copy.get_layer("b_bn")
    kernel, bias = b.get_weights()
    assert kernel.mean() == pytest.approx(0, abs=0.002)
    assert kernel.std() == pytest.approx(np.sqrt(2 / (3 * 3 * 40)), rel=0.02)
    np.testing.assert_array_equal(bias, np.zeros(50))
    for found, new in zip(b_bn.get_weights(), (1, 0, 0, 1), strict=True):
        np.testing.assert_array_equal(found, np.full(50, new))


def test_randomized_is_seeded_and_what_is_random_stays_so():
    model = trained()
    copies = [copy for _, copy in randomized(model)]
    for ours, (_, again), (_, other) in zip(copies, randomized(model), randomized(model, seed=1), strict=True):
        for a, b in zip(ours.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert (ours.get_layer("y").kernel.numpy() != other.get_layer("y").kernel.numpy()).all()
    np.testing.assert_array_equal(copies[0].get_layer("y").kernel, copies[-1].get_layer("y").kernel)


def test_randomized_yields_only_the_copies_asked_for():
    model = trained()
    *_, (_, last) = randomized(model)
    (name, copy), = randomized(model, only=["inner/a"])
    assert name == "inner/a"
    for a, b in zip(copy.get_weights(), last.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="only names .'z'.; the layers of .* are .'y', 'b', 'inner/a'"):
        next(randomized(model, only=("y", "z")))


def test_copies_can_be_explained_and_the_models_maps_stay():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((12, 12, 1)), kl.Conv2D(8, 3, activation="relu", name="a"),
                              kl.Conv2D(8, 3, activation="relu", name="b"), kl.GlobalAveragePooling2D(),
                              kl.Dense(3, name="y")])
    x = np.random.default_rng(0).random((2, 12, 12, 1), dtype=np.float32)
    before = grad_cam(model, x, class_index=1)
    maps = {name: grad_cam(copy, x, class_index=1) for name, copy in randomized(model)}
    assert list(maps) == ["y", "b", "a"]
    assert all((each != before).any() for each in maps.values())
    np.testing.assert_array_equal(grad_cam(model, x, class_index=1), before)


def test_a_layer_that_is_called_twice_is_forgotten_once():
    image = keras.Input((8, 8, 4))
    twice = kl.Conv2D(4, 3, padding="same", name="twice")
    model = keras.Model(image, kl.Dense(2, name="y")(kl.GlobalAveragePooling2D()(twice(twice(image)))))
    assert [name for name, _ in randomized(model)] == ["y", "twice"]


def test_randomized_refuses_a_model_without_kernels():
    image = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match="no layer with a kernel"):
        list(randomized(keras.Model(image, kl.GlobalAveragePooling2D()(image))))


# --- how alike two maps are

@pytest.mark.parametrize("other, expected", [
    ([[1, 4], [9, 16]], 1),                         # only the order counts
    ([[4, 3], [2, 1]], -1),
    ([[1, 3], [2, 4]], 0.8),                        # 1 - 6 (1 + 1) / (4 (16 - 1))
    ([[7, 7], [7, 7]], 0),                          # a map without an order agrees with none
])
def test_rank_correlation(other, expected):
    assert rank_correlation([[[1, 2], [3, 4]]], [other]) == pytest.approx([expected])
    assert rank_correlation([other], [[[1, 2], [3, 4]]]) == pytest.approx([expected])


def test_ssim_of_equal_maps_is_one_whatever_their_scale():
    maps = random_maps(3, (12, 12))
    assert ssim(maps, 5 * maps) == pytest.approx([1, 1, 1])
    assert (ssim(maps, random_maps(3, (12, 12), seed=1)) < 0.5).all()


def test_ssim_by_hand():
    """Nothing varies, so only luminance counts: (2 ab + C) / (a² + b² + C), C = (0.01 range)²."""
    even, zero = np.full((1, 8, 8), 3.0), np.zeros((1, 8, 8))
    assert ssim(even, zero) == pytest.approx([1e-4 / (1 + 1e-4)])
    assert ssim(even, -even) == pytest.approx([(-2 + 4e-4) / (2 + 4e-4)])
    assert ssim(zero, zero) == pytest.approx([1])


@pytest.mark.parametrize("score", [rank_correlation, ssim])
def test_partners_must_fit(score):
    with pytest.raises(ValueError, match="one shape"):
        score(np.ones((2, 8, 8)), np.ones((2, 8, 9)))
    with pytest.raises(ValueError, match="finite"):
        score(np.ones((1, 8, 8)), np.full((1, 8, 8), np.inf))


def test_ssim_refuses_maps_smaller_than_its_window():
    with pytest.raises(ValueError, match="windows of 7 x 7"):
        ssim(np.ones((1, 6, 8)), np.ones((1, 6, 8)))


# --- figures of scores

def test_curves_are_means_in_their_bands():
    values = np.random.default_rng(0).random((30, 4))
    (axis,) = plots.curve_bands([0, 1, 2, 5], {"a": values, "b": 1 - values}, "share", "confidence").axes
    (first, second), (band, _) = axis.lines, axis.collections
    np.testing.assert_allclose(first.get_xydata(), np.transpose([[0, 1, 2, 5], values.mean(axis=0)]))
    np.testing.assert_allclose(first.get_ydata() + second.get_ydata(), 1)
    heights = band.get_paths()[0].vertices
    for x, column in zip([0, 1, 2, 5], values.T, strict=True):
        found = heights[heights[:, 0] == x, 1]
        assert (found.min(), found.max()) == pytest.approx(bootstrap(column)[1:])


def test_more_curves_than_colours():
    with pytest.raises(ValueError, match="two figures"):
        plots.curve_bands([0, 1], {str(i): np.ones((2, 2)) for i in range(7)}, "x", "y")


def test_points_stand_on_their_intervals():
    (axis,) = plots.interval_points({"first": (0.5, 0.4, 0.7), "second": (0.9, 0.9, 0.9)}, chance=0.42).axes
    bars, = axis.collections
    dots, chance = axis.lines
    np.testing.assert_allclose(dots.get_xydata(), [[0.5, 0], [0.9, 1]])
    np.testing.assert_allclose([bar[:, 0] for bar in bars.get_segments()], [[0.4, 0.7], [0.9, 0.9]])
    assert set(chance.get_xdata()) == {0.42}
    assert [label.get_text() for label in axis.get_yticklabels()] == ["first", "second"] and axis.yaxis_inverted()
