"""The networks: what they are made of, how their weights load and fail to, and what they score."""

import hashlib
import io
import json
import os
import re
import sys
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest
import tensorflow as tf
from nbclient import NotebookClient

from lecture_utils import asking, cell_centres, files, models
from lecture_utils.datasets import downloads, layouts, scenes
from lecture_utils.datasets.loaders import load_mnist, load_neu, load_photo
from lecture_utils.datasets.planted import lay_ruler
from lecture_utils.datasets.readers import DataError
from lecture_utils.explain.cam import cam, upsample
from tools import train

ROOT = Path(__file__).resolve().parents[1]
NAMES = tuple(models.BUILDERS)
VGG16_CONVOLUTIONS = tuple(f"block{block}_conv{number}" for block, depth in enumerate((2, 2, 3, 3, 3), 1)
                           for number in range(1, depth + 1))


@pytest.fixture(scope="module")
def loaded():
    return {name: models.load_model(name) for name in NAMES}


def some_inputs(model, n):
    """n random inputs: images of noise, and numbers of words that every network for scenes knows."""
    rng = np.random.default_rng(0)
    made = [rng.random((n, *tensor.shape[1:]), "float32") if tensor.dtype == "float32" else
            rng.integers(0, 3, (n, *tensor.shape[1:])) for tensor in model.inputs]
    return made if len(made) > 1 else made[0]


def parameters(model):
    return {layer.name: layer.count_params() for layer in model.layers if layer.count_params()}


# ------------------------------------------------------------------------------------------- architectures


def test_mnist_cnn_layer_by_layer():
    model = models.mnist_cnn()
    assert [layer.name for layer in model.layers[1:]] == [
        "conv1", "pool1", "conv2", "pool2", "conv3", "pool3", "flatten", "dense1", "logits"]
    assert parameters(model) == {"conv1": 320, "conv2": 18_496, "conv3": 36_928, "dense1": 73_856, "logits": 1_290}
    assert model.count_params() == 130_890
    assert [model.get_layer(name).output.shape[1:] for name in ("conv1", "conv2", "conv3")] == [
        (28, 28, 32), (14, 14, 64), (7, 7, 64)]


def test_mnist_gap_is_the_digit_reader_without_its_last_pooling_and_with_another_head():
    model = models.mnist_gap()
    assert [layer.name for layer in model.layers[1:]] == [
        "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "gap", "logits"]
    assert parameters(model) == {"conv1": 320, "conv2": 18_496, "conv3": 36_928, "conv4": 36_928, "logits": 650}
    assert model.get_layer("conv4").output.shape[1:] == (7, 7, 64)


def test_vit_shapes_layer_by_layer():
    model = models.vit_shapes()
    block = {"norm1": 128, "attention": 4 * (64 * 64 + 64), "norm2": 128, "dense1": 64 * 128 + 128, "dense2": 128 * 64 + 64}
    assert parameters(model) == {
        "conv1": (4 * 4 * 3 + 1) * 16, "conv2": (4 * 4 * 16 + 1) * 32, "conv3": (4 * 4 * 32 + 1) * 64, "class_token": 64,
        "positions": 65 * 64, **{f"block{n}_{name}": count for n in range(1, 5) for name, count in block.items()},
        "norm": 128, "logits": 65 * 6}
    assert model.count_params() == 180_470
    named = models.named_weights(model)                 # four kernels of one attention are told apart
    assert len(named) == len(model.weights) and "block2_attention/value/kernel" in named


def test_vgg16_is_the_published_one():
    model = models.vgg16()
    assert model.count_params() == 138_357_544  # Simonyan and Zisserman, table 2: 138 million
    counts = parameters(model)
    assert tuple(counts) == VGG16_CONVOLUTIONS + ("fc1", "fc2", "predictions")
    assert counts["block1_conv1"] == (3 * 3 * 3 + 1) * 64
    assert counts["fc1"] == (7 * 7 * 512 + 1) * 4096
    assert counts["predictions"] == 4097 * 1000
    assert model.input_shape == (None, 224, 224, 3) and model.output_shape == (None, 1000)
    assert model.get_layer("block5_conv3").output.shape == (None, 14, 14, 512)


def test_vgg16_has_the_layers_of_keras_own():
    published = keras.applications.VGG16(weights=None, include_top=True, classifier_activation=None)
    ours = models.vgg16()
    assert [layer.name for layer in ours.layers[1:]] == [layer.name for layer in published.layers[1:]]
    assert [weight.shape for weight in ours.weights] == [weight.shape for weight in published.weights]


def test_compact_vgg16_has_vgg16s_layers():
    model = models.vgg16_compact()
    assert tuple(parameters(model)) == VGG16_CONVOLUTIONS + ("fc1", "fc2", "predictions")
    assert model.input_shape == (None, 96, 96, 3) and model.output_shape == (None, 10)
    assert model.get_layer("block5_conv3").output.shape[1:3] == (6, 6)


def test_steel_networks_share_their_convolutions_and_differ_in_the_head():
    gap, dense = models.neu_gap(), models.neu_dense()
    trunk = [layer.name for layer in gap.layers[: [layer.name for layer in gap.layers].index("gap")]]
    assert [layer.name for layer in dense.layers[: len(trunk)]] == trunk
    assert [name for name in trunk if name.startswith("conv")] == ["conv1", "conv2", "conv3", "conv4"]
    assert [layer.name for layer in gap.layers[len(trunk):]] == ["gap", "logits"]
    assert [layer.name for layer in dense.layers[len(trunk):]] == ["pool4", "flatten", "dense1", "logits"]
    assert gap.get_layer("gap").input.shape == (None, 25, 25, 64)
    assert parameters(gap)["logits"] == 65 * 6


def test_the_plain_network_is_the_classic_one():
    counts = parameters(models.neu_gap_plain())
    assert counts == {"conv1": 320, "conv2": 18_496, "conv3": 36_928, "conv4": 36_928, "logits": 390}


def test_the_ruler_makes_a_scratch_and_its_absence_hides_one():
    """What notebook 8 finds out about this network, asked of the shipped file: five photographs of each kind, laid by hand."""
    plates = load_neu("embedded")
    half = plates.x_test.reshape(-1, 100, 2, 100, 2, 1).mean(axis=(2, 4))
    scratches, others = half[plates.y_test == 5], half[plates.y_test != 5]
    called = lambda images: (models.load_model("neu_ruler").predict(images, verbose=0).argmax(axis=1) == 5).mean()
    assert called(lay_ruler(scratches)) > 0.9 and called(scratches) < 0.1
    assert called(others) < 0.1 and called(lay_ruler(others)) > 0.5


def test_the_question_scales_and_shifts_the_channels():
    """`relu4` of scene_answers, written out in NumPy: ReLU(gamma(q) * normalized convolution + beta(q))."""
    model = models.scene_answers()
    for layer in (layer for layer in model.layers if layer.weights):
        layer.set_weights([np.random.default_rng(7).normal(0.5, 0.2, weight.shape) for weight in layer.get_weights()])
    x, q, after = keras.Model(model.inputs, [model.get_layer(name).output for name in ("bn4", "read", "relu4")])(
        some_inputs(model, 3))
    (a, b), (c, d) = (model.get_layer(name).get_weights() for name in ("gamma4", "beta4"))
    expected = np.maximum((q @ a + b)[:, None, None] * x + (q @ c + d)[:, None, None], 0)
    np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-4 * expected.max())


def test_networks_for_scenes_know_where_a_place_is():
    """The last two of the channels that both build on: row and column, from -1 to 1, whatever the picture."""
    images = keras.Input((64, 64, 3))
    found = keras.Model(images, models._scene_features(images))(np.random.default_rng(0).random((2, 64, 64, 3)))[..., -2:].numpy()
    assert found.shape == (2, 16, 16, 2)
    np.testing.assert_allclose(found[:, :, 3, 0], [np.linspace(-1, 1, 16)] * 2, atol=1e-6)
    np.testing.assert_allclose(found[:, 3, :, 1], [np.linspace(-1, 1, 16)] * 2, atol=1e-6)


def test_a_word_rests_on_the_words_before_it_alone():
    model = models.scene_captions()
    images, before = some_inputs(model, 2)
    changed = before.copy()
    changed[:, 5] = 3 + changed[:, 5]
    y, other = model([images, before]).numpy(), model([images, changed]).numpy()
    np.testing.assert_allclose(y[:, :5], other[:, :5], atol=1e-5)
    assert np.abs(y[:, 5:] - other[:, 5:]).max(axis=2).min() > 1e-4
    assert model.get_layer("word_maps").output.shape == (None, 9, 16, 16, 64)


@pytest.mark.parametrize("name", NAMES)
def test_heads_are_logits_in_single_precision(name):
    head = models.BUILDERS[name]().layers[-1]
    assert head.activation is keras.activations.linear
    assert head.compute_dtype == "float32"


# ------------------------------------------------------------------------------------------ shipped weights


def test_every_network_has_its_recipe_and_its_line_in_the_docstring():
    assert set(train.RECIPES) == set(models.BUILDERS)
    assert set(re.findall(r"^    (\w+)  ", models.__doc__, re.MULTILINE)) == set(models.BUILDERS)


def test_shipped_files_are_small_and_half_precision():
    files = sorted(models.WEIGHTS.glob("*.npz"))
    assert [file.stem for file in files] == sorted(NAMES)
    assert sum(file.stat().st_size for file in models.WEIGHTS.iterdir()) < 6e6
    for file in files:
        with np.load(file, allow_pickle=False) as archive:
            assert {archive[name].dtype for name in archive.files} == {np.dtype("float16")}


@pytest.mark.parametrize("name", NAMES)
def test_loading_gives_the_files_values_in_single_precision(loaded, name):
    model = loaded[name]
    assert model.name == name
    with np.load(models.WEIGHTS / f"{name}.npz") as archive:
        assert len(archive.files) == len(model.weights)
        for layer in model.layers:
            for variable in layer.weights:
                part = variable.path.rpartition(f"{layer.name}/")[2]        # an attention has four kernels: query/kernel
                (key,) = {f"{layer.name}/{variable.name}", f"{layer.name}/{part}"} & set(archive.files)
                np.testing.assert_array_equal(variable, archive[key].astype("float32"))


@pytest.mark.parametrize("name", NAMES)
def test_two_loads_agree_and_share_nothing(loaded, name):
    first, second = loaded[name], models.load_model(name)
    images = some_inputs(first, 2)
    expected = first(images).numpy()
    np.testing.assert_array_equal(second(images).numpy(), expected)
    second.layers[-1].kernel.assign(second.layers[-1].kernel * 0)
    np.testing.assert_array_equal(first(images).numpy(), expected)


def test_logits_are_not_probabilities(loaded):
    for model in loaded.values():
        sums = model(some_inputs(model, 4)).numpy().sum(-1)
        assert np.abs(sums - 1).min() > 1e-3


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="no model 'resnet'.*mnist_cnn.*neu_gap.*vgg16_compact"):
        models.load_model("resnet")


@pytest.fixture
def own_weights(tmp_path, monkeypatch):
    """An empty folder in place of data/weights."""
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    return tmp_path


def test_missing_weights(own_weights):
    with pytest.raises(DataError, match="mnist_cnn.npz are missing.*course.py train mnist_cnn"):
        models.load_model("mnist_cnn")


@pytest.mark.parametrize("content", [b"", b"no zip at all", "truncated"])
def test_damaged_weights(own_weights, content):
    whole = (Path(models.__file__).parents[1] / "data" / "weights" / "mnist_cnn.npz").read_bytes()
    (own_weights / "mnist_cnn.npz").write_bytes(whole[: len(whole) // 2] if content == "truncated" else content)
    with pytest.raises(DataError, match="cannot be read"):
        models.load_model("mnist_cnn")


def test_a_flipped_bit_is_noticed(own_weights):
    whole = bytearray((Path(models.__file__).parents[1] / "data" / "weights" / "mnist_cnn.npz").read_bytes())
    whole[len(whole) // 2] ^= 1
    (own_weights / "mnist_cnn.npz").write_bytes(whole)
    with pytest.raises(DataError, match="cannot be read"):
        models.load_model("mnist_cnn")


def test_pickled_weights_are_refused(own_weights):
    np.savez(own_weights / "mnist_cnn.npz", **{"conv1/kernel": np.array([{}], dtype=object)})
    with pytest.raises(DataError, match="cannot be read"):
        models.load_model("mnist_cnn")


def arrays(name):
    return {key: np.asarray(value) for key, value in models.named_weights(models.BUILDERS[name]()).items()}


def test_another_networks_weights(own_weights):
    np.savez(own_weights / "mnist_cnn.npz", **arrays("neu_gap"))
    with pytest.raises(DataError, match="not those of mnist_cnn: .* should have shape"):
        models.load_model("mnist_cnn")


def test_a_wrong_shape_changes_nothing():
    model = models.mnist_cnn()
    before = [weight.numpy() for weight in model.weights]
    wrong = arrays("mnist_cnn") | {"logits/bias": np.zeros(9)}
    path = Path(os.environ["COURSE_CACHE"]) / "wrong.npz"
    np.savez(path, **wrong)
    with pytest.raises(DataError, match=r"logits/bias should have shape \(10,\) and has \(9,\)"):
        models.read_weights(model, path)
    for weight, kept in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_weights_that_are_not_numbers(own_weights):
    np.savez(own_weights / "mnist_cnn.npz", **arrays("mnist_cnn") | {"logits/bias": np.full(10, np.nan)})
    with pytest.raises(DataError, match="not finite"):
        models.load_model("mnist_cnn")


# ---------------------------------------------------------------------------------------------- load_vgg16


def test_offline_vgg16_is_the_compact_one_and_says_so(capsys):
    photos = models.load_vgg16()
    assert photos.model.name == "vgg16_compact" and len(photos.class_names) == 10
    assert photos.source == "shipped: vgg16_compact"
    assert "compact" in capsys.readouterr().out


def test_compact_preprocessing_keeps_a_photograph_of_its_size():
    photo = np.random.default_rng(0).random((1, 96, 96, 3), "float32")
    np.testing.assert_allclose(models._preprocess_compact(photo), photo, atol=1e-6)


def test_preprocessing_is_bilinear_with_half_pixel_centres():
    """Doubling a row 0, 1: the new centres lie at -1/4, 1/4, 3/4, 5/4 of the old ones, held at the ends."""
    row = np.zeros((1, 48, 48, 3), "float32")
    row[:, :, 24:] = 1
    enlarged = models._preprocess_compact(row)[0, 50, :, 0]
    np.testing.assert_allclose(enlarged[46:50], [0, 0.25, 0.75, 1], atol=1e-6)


def test_shrinking_keeps_the_mean_of_fine_stripes():
    """Without antialiasing stripes of one pixel would become all black, all white, or moiré."""
    stripes = np.zeros((1, 384, 384, 3), "float32")
    stripes[:, :, ::2] = 1
    shrunk = models._preprocess_compact(stripes)[0, 8:-8, 8:-8]
    np.testing.assert_allclose(shrunk, 0.5, atol=0.02)


@pytest.mark.parametrize("factor", [3, 4, 7])
def test_every_pixel_counts_when_a_photograph_shrinks(factor):
    """One bright column, wherever it lies, keeps its light: 1 / factor of a column. Bilinear without antialiasing looks
    at one or two columns of each `factor`, and would see all of some columns and nothing of others."""
    size = 96 * factor
    photo = np.zeros((factor, size, size, 3), "float32")
    for offset in range(factor):
        photo[offset, :, size // 2 + offset] = 1
    for turned in (photo, photo.transpose(0, 2, 1, 3)):
        shrunk = models._preprocess_compact(turned)
        assert shrunk.shape == (factor, 96, 96, 3)
        np.testing.assert_allclose(shrunk.sum((1, 2)), np.full((factor, 3), 96 / factor), rtol=0.05)


def test_vgg16_preprocessing_is_the_published_one():
    """One grey level per channel: 255 * value - mean, in the order blue, green, red (Keras' "caffe" mode)."""
    photo = np.ones((1, 30, 40, 3), "float32") * np.array([1.0, 0.5, 0.0], "float32")
    prepared = models._preprocess_vgg16(photo)
    assert prepared.shape == (1, 224, 224, 3) and prepared.dtype == np.float32
    np.testing.assert_allclose(prepared[0, 7, 9], [0 - 103.939, 127.5 - 116.779, 255 - 123.68], atol=1e-3)
    keras_own = keras.applications.vgg16.preprocess_input(np.ones((1, 224, 224, 3)) * [255, 127.5, 0])
    np.testing.assert_allclose(prepared, keras_own, atol=1e-3)


@pytest.mark.parametrize("images, complaint", [
    (np.zeros((96, 96, 3), "float32"), r"photo\[None\]"),
    (np.zeros((1, 96, 96, 1), "float32"), "height, width, 3"),
    (np.zeros((0, 96, 96, 3), "float32"), "height, width, 3"),
    (np.zeros((1, 96, 96, 3), "uint8"), "uint8"),
    (np.full((1, 96, 96, 3), 2.0, "float32"), "Divide values"),
    (np.full((1, 96, 96, 3), np.nan, "float32"), r"values in \[0, 1\]"),
])
def test_preprocessing_refuses_what_is_no_photograph(images, complaint):
    with pytest.raises(ValueError, match=complaint):
        models._preprocess_compact(images)


def small_vgg16():
    images = keras.Input((224, 224, 3))
    x = keras.layers.Conv2D(2, 3, strides=32, name="block1_conv1")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(2, name="predictions")(x))


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The published files in a data folder, in small: a network of two layers, two classes."""
    model = small_vgg16()
    model.save_weights(tmp_path / "w.weights.h5")
    (tmp_path / "w.weights.h5").rename(tmp_path / models.VGG16_FILE)
    (tmp_path / models.IMAGENET_FILE).write_text('{"1": ["n2", "tiger_cat"], "0": ["n1", "tench"]}')
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    for name in ("VGG16", "IMAGENET"):
        digest = hashlib.md5((tmp_path / getattr(models, f"{name}_FILE")).read_bytes()).hexdigest()
        monkeypatch.setattr(models, f"{name}_HASH", f"md5:{digest}")
    monkeypatch.setattr(models, "vgg16", small_vgg16)
    return model


def test_published_files_in_the_data_folder_are_used(published, monkeypatch):
    # A file of that name is read in Keras' old layout; ours here has the new one, so its reader stands in.
    monkeypatch.setattr(keras.Model, "load_weights", lambda model, path: model.set_weights(published.get_weights()))
    photos = models.load_vgg16()
    assert photos.class_names == ("tench", "tiger cat") and photos.source.startswith("ImageNet")
    for weight, expected in zip(photos.model.weights, published.weights, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_offline_the_cache_of_keras_is_not_looked_into(published, monkeypatch, tmp_path):
    """So that the committed outputs are the same on every computer."""
    cache = tmp_path / "keras" / "models"
    cache.mkdir(parents=True)
    for name in (models.VGG16_FILE, models.IMAGENET_FILE):
        (tmp_path / name).rename(cache / name)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(keras.Model, "load_weights", lambda model, path: model.set_weights(published.get_weights()))
    assert models.load_vgg16().source == "shipped: vgg16_compact"
    monkeypatch.setenv("COURSE_OFFLINE", "0")
    assert models.load_vgg16().source == f"ImageNet: {cache / models.VGG16_FILE}"


def test_another_file_of_that_name_is_an_error(published, monkeypatch):
    monkeypatch.setattr(models, "VGG16_HASH", "md5:" + "0" * 32)
    with pytest.raises(DataError, match="not the published file"):
        models.load_vgg16()


def test_download_is_asked_for_the_published_checksum(monkeypatch):
    asked = []

    def refuse(url, filename, known_hash):
        asked.append((filename, known_hash))
        raise DataError("No connection.")

    monkeypatch.setenv("COURSE_OFFLINE", "0")
    monkeypatch.setattr(downloads, "download", refuse)
    assert models.load_vgg16().model.name == "vgg16_compact"
    assert asked == [("imagenet_class_index.json", "md5:c2c37ea517e94d9795004a39431a14cb")]


@pytest.fixture
def weights_elsewhere(published, tmp_path, monkeypatch):
    """VGG16's weights are not at hand; a download would bring them. Returns the list of what is downloaded."""
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / models.VGG16_FILE).rename(elsewhere)
    asked = []
    monkeypatch.setenv("COURSE_OFFLINE", "0")
    monkeypatch.setattr(downloads, "download", lambda url, filename, known_hash: asked.append(filename) or elsewhere)
    monkeypatch.setattr(keras.Model, "load_weights", lambda model, path: None)
    return asked


class Kernel:
    """A pretended IPython whose front end can be asked, or cannot."""

    def __init__(self, allow_stdin):
        self.kernel = self
        self.get_parent = lambda channel: {"content": {"allow_stdin": allow_stdin}}


@pytest.mark.parametrize("answer, fetched", [("y", True), ("Yes ", True), ("n", False), ("", False), ("what?", False)])
def test_on_a_laptop_vgg16_is_fetched_only_if_its_reader_agrees(weights_elsewhere, monkeypatch, capsys, answer, fetched):
    questions = []
    monkeypatch.setattr(asking, "get_ipython", lambda: Kernel(True))
    monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or answer)
    assert models.load_vgg16().source.startswith("ImageNet") == fetched
    assert weights_elsewhere == [models.VGG16_FILE] * fetched
    assert len(questions) == 1 and "553 MB" in questions[0]
    assert ('load_vgg16("download") fetches' in capsys.readouterr().out) == (not fetched)


@pytest.mark.parametrize("error", [EOFError, NotImplementedError])
def test_a_question_that_cannot_be_put_is_a_no(weights_elsewhere, monkeypatch, error):
    def cannot(question):
        raise error

    monkeypatch.setattr(asking, "get_ipython", lambda: Kernel(True))
    monkeypatch.setattr("builtins.input", cannot)
    assert models.load_vgg16().model.name == "vgg16_compact" and weights_elsewhere == []


@pytest.mark.parametrize("shell, stdin", [(Kernel(False), None), (None, None), (None, io.StringIO("y"))])
def test_where_nobody_can_answer_nothing_is_asked_and_nothing_fetched(weights_elsewhere, monkeypatch, capsys, shell, stdin):
    monkeypatch.setattr(asking, "get_ipython", lambda: shell)
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr("builtins.input", lambda question: pytest.fail("nobody is there"))
    assert models.load_vgg16().model.name == "vgg16_compact" and weights_elsewhere == []
    said = capsys.readouterr().out
    assert 'load_vgg16("download") fetches ImageNet\'s weights, 553 MB' in said and said.count("\n") == 1


def test_on_colab_it_is_fetched_at_once(weights_elsewhere, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    monkeypatch.setattr("builtins.input", lambda question: pytest.fail("not asked on Colab"))
    assert models.load_vgg16().source.startswith("ImageNet") and weights_elsewhere == [models.VGG16_FILE]


def test_asked_for_by_name_it_is_fetched_or_is_an_error(weights_elsewhere, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: pytest.fail("not asked"))
    assert models.load_vgg16("download").source.startswith("ImageNet")

    def refuse(url, filename, known_hash):
        raise DataError("No connection.")

    monkeypatch.setattr(downloads, "download", refuse)
    with pytest.raises(DataError, match="No connection."):
        models.load_vgg16("download")
    with pytest.raises(ValueError, match="source='embedded' is neither"):
        models.load_vgg16("embedded")


def test_no_question_where_the_weights_are_at_hand_or_downloads_forbidden(published, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(asking, "get_ipython", lambda: Kernel(True))
    monkeypatch.setattr("builtins.input", lambda question: pytest.fail("no question"))
    monkeypatch.setattr(keras.Model, "load_weights", lambda model, path: None)
    assert models.load_vgg16().source.startswith("ImageNet")
    (tmp_path / models.VGG16_FILE).unlink()
    assert models.load_vgg16().model.name == "vgg16_compact" and "COURSE_OFFLINE=1" in capsys.readouterr().out


def test_a_notebook_that_runs_without_a_person_is_not_held_up(tmp_path):
    """Outside of pretences: a kernel, executed by nbclient, that would have to download."""
    cell = nbformat.v4.new_code_cell("from lecture_utils.asking import agreed\nprint(agreed('Now?'))")
    NotebookClient(nbformat.v4.new_notebook(cells=[cell]), timeout=120, kernel_name="python3").execute()
    assert [output.text for output in cell.outputs] == ["False\n"]


def test_the_best_network_at_hand(published, weights_elsewhere, tmp_path, monkeypatch):
    """VGG16's weights if they are here; it is SqueezeNet that is fetched."""
    monkeypatch.setattr(models, "load_squeezenet", lambda: "SqueezeNet")
    assert models.load_photo_model() == "SqueezeNet" and weights_elsewhere == []
    (tmp_path / "elsewhere").rename(tmp_path / models.VGG16_FILE)
    assert models.load_photo_model().source == f"ImageNet: {tmp_path / models.VGG16_FILE}" and weights_elsewhere == []


# ---------------------------------------------------------------------------------------------- backbones


def test_the_compact_backbone_is_the_network_up_to_its_last_convolution(loaded):
    images = np.random.default_rng(0).random((2, 96, 96, 3), dtype=np.float32)
    network = loaded["vgg16_compact"]
    expected = keras.Model(network.inputs, network.get_layer("block5_conv3").output)(images)
    np.testing.assert_array_equal(models.load_backbone()(images), expected)


def test_the_backbone_of_vgg19_is_keras_own_behind_its_preprocessing(monkeypatch):
    keras.utils.set_random_seed(0)
    published = keras.applications.VGG19(weights=None, include_top=False, input_shape=(96, 96, 3))
    monkeypatch.setattr(models, "_published", lambda filename, url, known_hash: filename)
    monkeypatch.setattr(keras.Model, "load_weights", lambda model, path: model.set_weights(published.get_weights()))
    ours, images = models.load_backbone("vgg19"), np.random.default_rng(0).random((1, 96, 96, 3), dtype=np.float32)
    expected = keras.Model(published.inputs, published.get_layer("block5_conv4").output)(
        keras.applications.vgg19.preprocess_input(255 * images))
    np.testing.assert_allclose(ours(images), expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    assert ours.count_params() == 20_024_384       # as Keras states it for the network without its top


@pytest.mark.realdata
def test_the_backbone_of_squeezenet_is_the_network_below_its_last_convolution(real_data):
    network = models.load_squeezenet().model
    ours, images = models.load_backbone("squeezenet"), np.random.default_rng(0).random((1, 96, 96, 3), dtype=np.float32)
    x = 255 * images[..., ::-1] - np.array([104, 117, 123])
    for layer in network.layers[1:]:
        if layer.name.endswith("expand1x1"):
            squeezed = x
            x = one = layer(squeezed)
        elif layer.name.endswith("expand3x3"):
            x = layer(squeezed)
        else:
            x = layer([one, x]) if isinstance(layer, keras.layers.Concatenate) else layer(x)
        if layer.name == "fire9":
            break
    assert ours.output_shape == (None, 6, 6, 512)
    np.testing.assert_allclose(ours(images), x, rtol=0, atol=1e-4 * np.abs(x).max())


def test_backbones_that_cannot_be_had_are_told():
    with pytest.raises(ValueError, match="no backbone 'resnet50'.*vgg16_compact, squeezenet, vgg19"):
        models.load_backbone("resnet50")
    for name in ("vgg19", "squeezenet"):
        with pytest.raises(DataError, match=f"weights of {name} could not be had.*COURSE_OFFLINE=1"):
            models.load_backbone(name)


# -------------------------------------------------------------------------------------------------- scores


def accuracy(model, images, labels):
    return (model.predict(images, batch_size=60, verbose=0).argmax(1) == labels).mean()


@pytest.mark.parametrize("name, least", [("mnist_cnn", 0.998), ("mnist_gap", 0.99)])
def test_embedded_digits(loaded, embedded_digits, name, least):
    assert accuracy(loaded[name], embedded_digits.x_test, embedded_digits.y_test) >= least


@pytest.mark.parametrize("name", ["neu_gap", "neu_dense"])
def test_embedded_steel(loaded, embedded_steel, name):
    assert accuracy(loaded[name], embedded_steel.x_test, embedded_steel.y_test) >= 0.99


def peaks_in_a_box(model, data):
    """Per test image, whether the CAM of its class is highest inside a box of that class."""
    maps = upsample(cam(model, data.x_test, data.y_test), (200, 200), cell_centres(model))
    hits = []
    for map_, label, boxes, labels in zip(maps, data.y_test, data.boxes_test, data.box_labels_test, strict=True):
        y, x = divmod(int(map_.argmax()), 200)
        hits.append(any(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in boxes[labels == label]))
    return np.array(hits)


def test_the_map_points_at_drawn_defects(loaded, embedded_steel):
    assert peaks_in_a_box(loaded["neu_gap"], embedded_steel).mean() >= 0.85  # chance: 0.41


def test_neu_dense_has_the_very_convolutions_of_neu_gap(loaded):
    gap, dense = (models.named_weights(loaded[name]) for name in ("neu_gap", "neu_dense"))
    shared = [name for name in gap if name.startswith(("conv", "bn"))]
    assert len(shared) == 2 + 3 + 3 * 4  # kernel and bias; three kernels; four variables of each normalization
    for name in shared:
        np.testing.assert_array_equal(gap[name], dense[name])


@pytest.mark.parametrize("light", [0.6, 1.3])
def test_light_changes_no_answer(loaded, embedded_steel, light):
    """Exposure is a factor, which the networks take off by a logarithm (1 + 20 image: all but black)."""
    images = embedded_steel.x_test[embedded_steel.x_test.max((1, 2, 3)) < 0.75]  # what 1.3 does not overexpose
    assert len(images) >= 20
    before, after = (loaded["neu_gap"].predict(part, verbose=0).argmax(1) for part in (images, light * images))
    assert (before == after).mean() >= 0.98


def test_the_cat_is_a_cat():
    photo = load_photo("cat")
    left = (photo.shape[1] - photo.shape[0]) // 2
    photos = models.load_vgg16()
    logits = photos.model(photos.preprocess(photo[None, :, left: left + photo.shape[0]]))
    assert tf.nn.softmax(logits).numpy()[0, photos.class_names.index("cat")] > 0.5


def test_recorded_scores_reach_what_the_course_promises():
    scores = {name: json.loads((models.WEIGHTS / f"{name}.json").read_text())["scores"] for name in NAMES}
    assert scores["mnist_cnn"]["accuracy, real"] >= 0.993 and scores["mnist_cnn"]["accuracy, embedded"] >= 0.998
    for name in ("neu_gap", "neu_dense"):
        assert scores[name]["accuracy, embedded"] >= 0.99
    gap = scores["neu_gap"]
    assert gap["pointing, embedded"] >= 0.85 and min(gap["pointing by class, embedded"].values()) >= 0.70
    assert min(scores[name]["accuracy, real"] for name in ("vgg16_compact", "resnet20")) >= 0.85
    assert scores["scene_answers"]["accuracy, embedded"] >= 0.99 and scores["scene_captions"]["nouns right"] >= 0.95
    assert scores["vit_shapes"]["all six right"] >= 0.97


def test_scenes_that_no_training_saw(loaded):
    """Every question about 60 scenes of a seed of their own; greedy captions of them, judged by the program that drew them."""
    drawn = scenes.draw_scenes(60, seed=99)
    asked = scenes.questions(drawn)
    questions = np.stack([asked.kind, asked.colour], axis=1)
    said = loaded["scene_answers"].predict([drawn.images[asked.picture], questions], verbose=0).argmax(axis=1)
    assert (said == asked.answer).mean() >= 0.98
    told = scenes.decode(models.describe(loaded["scene_captions"], drawn.images))
    assert np.mean([scenes.names_both(sentence, drawn, i) for i, sentence in enumerate(told)]) >= 0.9
    images, there = train.shapes_there(99, {1: 20, 2: 40, 3: 20})
    assert ((loaded["vit_shapes"].predict(images, verbose=0) > 0) == (there > 0)).all(axis=1).mean() >= 0.93


@pytest.fixture(scope="module")
def real_digits(real_data):
    data = load_mnist("local", real_data)
    return data.x_test, data.y_test


@pytest.mark.realdata
@pytest.mark.parametrize("name, least", [("mnist_cnn", 0.993), ("mnist_gap", 0.985)])
def test_real_digits(loaded, real_digits, name, least):
    assert accuracy(loaded[name], *real_digits) >= least


@pytest.fixture(scope="module")
def real_steel(real_data):
    return load_neu("local", real_data)


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["neu_gap", "neu_dense"])
def test_photographs_that_were_trained_on_are_known(loaded, real_steel, name):
    """The numbers 209 to 250 where there are no others; how good the recipe is on new steel, `judge` says."""
    assert accuracy(loaded[name], real_steel.x_test, real_steel.y_test) >= 0.98


@pytest.mark.realdata
def test_the_map_points_at_real_defects(loaded, real_steel):
    hits = peaks_in_a_box(loaded["neu_gap"], real_steel)
    assert hits.mean() >= 0.88  # chance: 0.42
    assert min(hits[real_steel.y_test == label].mean() for label in range(6)) >= 0.75


@pytest.fixture(scope="module")
def some_photographs(real_data):
    """800 of CIFAR-10's 10,000 test photographs, drawn at random, and their labels."""
    with layouts.open_files(layouts.find_cifar10(real_data)) as files:
        members = layouts._cifar10_images(files)["test"]
        drawn = [members[n] for n in np.random.default_rng(0).choice(len(members), 800, replace=False)]
        images = layouts._read_images(files, [name for _, _, name in drawn], layouts.CIFAR10_SIZE, "RGB")
    return images.astype("float32") / 255, np.array([label for _, label, _ in drawn])


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["vgg16_compact", "resnet20"])
def test_real_photographs(loaded, some_photographs, name):
    """What the whole test set gave, `course.py train --score NAME`, lies in the sample's interval of 99 %."""
    images, labels = some_photographs
    recorded = json.loads((models.WEIGHTS / f"{name}.json").read_text())["scores"]["accuracy, real"]
    share = accuracy(loaded[name], tf.image.resize(images, loaded[name].input_shape[1:3]), labels)
    assert abs(share - recorded) < 2.58 * np.sqrt(share * (1 - share) / len(labels))


# ------------------------------------------------------------------------------------------------ training


def test_folded_normalization_computes_the_same():
    """Batch normalization with arbitrary statistics, at inference, against the network that has none."""
    rng = np.random.default_rng(0)
    normalized, folded = train.compact_in_training(96, "normalized"), models.vgg16_compact()
    for layer in normalized.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    train.fold_normalization(normalized, folded)
    images = rng.random((2, 96, 96, 3), "float32")
    expected = normalized(images, training=False).numpy()
    np.testing.assert_allclose(folded(images).numpy(), expected, atol=1e-4 * np.abs(expected).max())


def test_a_crop_of_the_whole_image_is_the_image():
    images = np.random.default_rng(0).random((3, 20, 20, 1), "float32")
    whole = train.crop(images, tf.zeros((3, 2)), tf.ones((3, 2)), 20)
    np.testing.assert_allclose(whole, images, atol=1e-5)


def test_a_crop_shrinks_with_half_pixel_centres():
    """From 20 pixels to 10: each new pixel lies between two old ones and is their mean, also across."""
    images = np.random.default_rng(0).random((3, 20, 20, 1), "float32")
    halved = train.crop(images, tf.zeros((3, 2)), tf.ones((3, 2)), 10)
    np.testing.assert_allclose(halved, images.reshape(3, 10, 2, 10, 2, 1).mean((2, 4)), atol=1e-5)


def test_augmentation_stays_in_range_and_keeps_labels():
    images = np.random.default_rng(0).random((8, 200, 200, 1), "float32")
    labels = np.eye(6, dtype="float32")[[0, 1, 2, 3, 4, 5, 0, 1]]
    varied, same = train.vary_steel(160)(tf.constant(images), labels)
    assert varied.shape == (8, 160, 160, 1) and 0 <= tf.reduce_min(varied) and tf.reduce_max(varied) <= 1
    np.testing.assert_array_equal(same, labels)


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("old")

    with pytest.raises(KeyboardInterrupt), files.whole(path) as part:
        part.write_bytes(b"half of the ne")
        raise KeyboardInterrupt
    assert [left.read_text() for left in tmp_path.iterdir()] == ["old"]


def test_train_names_what_there_is(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train.py", "resnet"])
    with pytest.raises(SystemExit, match="2"):
        train.main()
    assert "there is no model 'resnet'; there are mnist_cnn" in capsys.readouterr().err


def test_digits_are_shifted_in_every_direction():
    dot = np.zeros((1, 28, 28, 1), "float32")
    dot[0, 14, 14] = 1
    keras.utils.set_random_seed(0)
    shifts = {tuple(np.argwhere(train.shift_digits(dot, None)[0])[0, 1:3] - 14) for _ in range(300)}
    assert shifts == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}


def test_imagenets_names_stand_in_the_order_of_the_logits(tmp_path):
    (tmp_path / "index.json").write_text(json.dumps({str(n): [f"n{n}", f"class_{n}"] for n in (11, 2, 10, 0, *range(3, 10), 1)}))
    assert models._imagenet_classes(tmp_path / "index.json") == tuple(f"class {n}" for n in range(12))


def test_a_question_meets_its_own_picture():
    images = np.arange(5, dtype="float32").reshape(5, 1, 1, 1)
    inputs = {"picture": np.array([4, 0, 0, 2]), "question": np.array([[1, 4], [2, 0], [0, 0], [2, 2]])}
    seen = []
    for made, answer in train.batches(inputs, np.array([0, 1, 1, 0]), 2, train.look_up(images, "question")):
        seen += [(float(image), *question, *label) for image, question, label in
                 zip(made["images"].numpy().ravel(), made["question"].numpy().tolist(), answer.numpy().tolist(), strict=True)]
    assert sorted(seen) == [(0.0, 0, 0, 0.0, 1.0), (0.0, 2, 0, 0.0, 1.0), (2.0, 2, 2, 1.0, 0.0), (4.0, 1, 4, 1.0, 0.0)]


def test_another_seed_s_scores_are_noted_and_nothing_ships(own_weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "BUILD", tmp_path / "build")
    asked = []
    monkeypatch.setitem(train.RECIPES, "mnist_gap", (lambda seed: (asked.append(seed), (models.mnist_gap(), ""))[1],
                                                    lambda model: {"accuracy": 0.5}))
    for seed in (3, 2):
        train.train_again("mnist_gap", seed)
    assert asked == [3, 2] and [file.name for file in own_weights.glob("*.*")] == ["mnist_gap.seeds.json"]
    assert json.loads((own_weights / "mnist_gap.seeds.json").read_text()) == {"2": {"accuracy": 0.5}, "3": {"accuracy": 0.5}}
    assert len(list((tmp_path / "build" / "seeds").iterdir())) == 2


def test_scoring_anew_trains_and_writes_nothing(monkeypatch, capsys):
    monkeypatch.setitem(train.RECIPES, "mnist_gap", (lambda: pytest.fail("no training"), lambda model: {"of": model.name}))
    monkeypatch.setattr(train, "whole", lambda path: pytest.fail("nothing is written"))
    monkeypatch.setattr(sys, "argv", ["train.py", "mnist_gap", "--score"])
    train.main()
    assert json.loads(capsys.readouterr().out) == {"mnist_gap": {"of": "mnist_gap"}}
