"""SqueezeNet: its file is read as it is written down, and its maps are its scores."""

import hashlib
import io
import struct
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from lecture_utils import (
    cam,
    cam_classes,
    cell_centres,
    deconvnet,
    grad_cam,
    guided_backprop,
    hires_cam,
    load_photo,
    load_squeezenet,
    magnitude,
    models,
    randomized,
    rank_correlation,
    squeezenet,
    upsample,
)
from lecture_utils.datasets.readers import DataError
from tools import pictures

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return squeezenet.squeezenet()


def file_of(model):
    """The bytes of a file with the model's weights, written number by number as the format says."""
    parts = []
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            rounded = kernel.astype("float16")
            weights = b"".join(struct.pack("<e", rounded[y, x, i, o]) for o in range(kernel.shape[3])
                               for i in range(kernel.shape[2]) for y in range(kernel.shape[0]) for x in range(kernel.shape[1]))
            parts += [struct.pack("<I", 0x01306B47), weights, b"\0" * (-len(weights) % 4), struct.pack(f"<{len(bias)}f", *bias)]
    return b"".join(parts)


def test_the_network_is_the_published_one(network):
    assert network.count_params() == 1_235_496
    shapes = {layer.name: tuple(layer.output.shape[1:]) for layer in network.layers}
    assert shapes["conv1"] == (113, 113, 64) and shapes["pool1"] == (56, 56, 64)
    assert shapes["pool3"] == (28, 28, 128) and shapes["pool5"] == (14, 14, 256) and shapes["conv10"] == (14, 14, 1000)


def test_what_is_written_is_read(network, tmp_path):
    for layer in network.layers:
        if layer.weights:
            layer.bias.assign(np.random.default_rng(len(layer.name)).normal(size=layer.bias.shape))
    path = tmp_path / squeezenet.FILE
    path.write_bytes(file_of(network))
    other = squeezenet.squeezenet()
    squeezenet.read_weights(other, path)
    for there, here in zip(network.weights, other.weights, strict=True):
        rounded = there.numpy().astype("float16") if len(there.shape) == 4 else there.numpy()
        np.testing.assert_array_equal(here.numpy(), rounded)


@pytest.mark.parametrize("damage, told", [
    (lambda data: data[:-1], "ends within the weights of conv10"),
    (lambda data: data[:5000], "ends within the weights of"),
    (lambda data: b"", "ends within the weights of conv1: 0 bytes"),
    (lambda data: b"\0" + data[1:], "has the mark 0x01306b00 before the weights of conv1 instead of 0x01306b47"),
    (lambda data: data[:3716] + b"\xff" + data[3717:], "before the weights of fire2_squeeze1x1"),
    (lambda data: data + b"\0\0", "goes on for 2 bytes after the last weights")])
def test_a_damaged_file_is_refused_and_changes_nothing(network, tmp_path, damage, told):
    before = [weight.numpy() for weight in network.weights]
    sizes = [weight.shape.num_elements() for weight in network.weights]
    data = b"".join(struct.pack("<I", 0x01306B47) + bytes(-(-2 * kernel // 4) * 4) + bytes(4 * bias)
                    for kernel, bias in zip(sizes[::2], sizes[1::2], strict=True))
    path = tmp_path / squeezenet.FILE
    path.write_bytes(damage(data))
    with pytest.raises(DataError, match=told):
        squeezenet.read_weights(network, path)
    assert all(np.array_equal(weight.numpy(), old) for weight, old in zip(network.weights, before, strict=True))


def test_without_the_file_the_compact_network_stands_in_and_says_so(capsys):
    net = load_squeezenet()
    assert net.model.name == "vgg16_compact" and len(net.class_names) == 10
    assert "SqueezeNet: in its place the compact VGG16" in (said := capsys.readouterr().out) and "COURSE_OFFLINE=1" in said


def test_an_altered_file_in_the_data_folder_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    index = b'{"0": ["n1", "tench"]}'
    (tmp_path / models.IMAGENET_FILE).write_bytes(index)
    monkeypatch.setattr(models, "IMAGENET_HASH", f"md5:{hashlib.md5(index).hexdigest()}")
    (tmp_path / squeezenet.FILE).write_bytes(b"another")
    with pytest.raises(DataError, match="squeezenet_v1.1.bin is not the published file"):
        load_squeezenet()


def test_preprocessing_is_blue_first_less_the_mean():
    red = np.zeros((1, 300, 200, 3), "float32")
    red[..., 0] = 1
    prepared = models._preprocess_squeezenet(red)
    assert prepared.shape == (1, 227, 227, 3)
    np.testing.assert_allclose(prepared[0, 100, 100], [-104, -117, 255 - 123], atol=1e-4)


# --- a head of 1x1 convolution and global average pooling -------------------------------------------------------------


def bare_head(activation, last, seed=0):
    """A network whose scores are the means of its last maps; `last`: layers behind the pooling."""
    keras.utils.set_random_seed(seed)
    images = x = keras.Input((12, 9, 2))
    x = keras.layers.Conv2D(5, 3, activation="relu", name="features")(x)
    x = keras.layers.Conv2D(4, 1, activation=activation, bias_initializer="normal", name="maps")(x)
    for layer in (keras.layers.GlobalAveragePooling2D(), *last):
        x = layer(x)
    return keras.Model(images, x)


@pytest.mark.parametrize("activation", ["relu", None])
@pytest.mark.parametrize("last", [(), ("softmax",), (None,)])
def test_cam_of_such_a_head_is_the_map_whose_mean_the_score_is(activation, last):
    model = bare_head(activation, [keras.layers.Activation(name or "linear") for name in last])
    X = np.random.default_rng(1).normal(size=(3, 12, 9, 2)).astype("float32")
    until = keras.Model(model.input, model.get_layer("maps").output)
    A = until(X).numpy()
    for c in range(4):
        M = cam(model, X, class_index=c)
        np.testing.assert_allclose(M, A[..., c], atol=1e-6)
        Z = M[0].size
        np.testing.assert_allclose(Z * grad_cam(model, X, "maps", c), np.maximum(A[..., c], 0), atol=1e-5)
        np.testing.assert_allclose(Z * hires_cam(model, X, "maps", c), A[..., c], atol=1e-5)


@pytest.mark.parametrize("last", [(), ("softmax",)])
def test_all_classes_of_such_a_head_are_the_channels_of_its_last_layer(last):
    model = bare_head("relu", [keras.layers.Activation(name) for name in last])
    X = np.random.default_rng(1).normal(size=(3, 12, 9, 2)).astype("float32")
    A = keras.Model(model.input, model.get_layer("maps").output)(X).numpy()
    M = cam_classes(model, X)
    assert M.shape == (3, 4, 10, 7)
    np.testing.assert_allclose(M, A.transpose(0, 3, 1, 2), rtol=1e-6)
    for c in range(4):
        np.testing.assert_allclose(M[:, c], cam(model, X, class_index=c), rtol=1e-6)


# --- with the published weights ---------------------------------------------------------------------------------------


def as_the_authors_cut(name):
    """The shorter side made 256, a square of 227 cut out of the middle."""
    photo = Image.fromarray(np.round(load_photo(name) * 255).astype("uint8"))
    scale = 256 / min(photo.size)
    photo = photo.resize([round(side * scale) for side in photo.size], Image.Resampling.BILINEAR)
    left, top = ((side - 227) // 2 for side in photo.size)
    return np.asarray(photo.crop((left, top, left + 227, top + 227)), "float32")[None] / 255


@pytest.mark.realdata
@pytest.mark.parametrize("name, expected", [
    ("cat", {"Egyptian cat": 0.44, "tabby": 0.30, "tiger cat": 0.26}), ("coffee", {"espresso": 0.965})])
def test_known_answers(real_data, name, expected):
    net = load_squeezenet()
    scores = net.model(net.preprocess(as_the_authors_cut(name)))
    p = tf.nn.softmax(scores)[0].numpy()
    for label, probability in expected.items():
        assert p[net.class_names.index(label)] == pytest.approx(probability, abs=0.006)
    assert [net.class_names[c] for c in p.argsort()[::-1][:len(expected)]] == list(expected)


@pytest.mark.realdata
def test_every_score_is_the_mean_of_its_map(real_data):
    net = load_squeezenet()
    images = net.preprocess(load_photo("cat")[None])
    scores = net.model(images).numpy()[0]
    for c in scores.argsort()[::-1][[0, 1, 2, 500, 999]]:
        M = cam(net.model, images, class_index=int(c))
        assert M.shape == (1, 14, 14) and M.mean() == pytest.approx(scores[c], rel=1e-6, abs=1e-7)
        Z_grad_cam = 14 * 14 * grad_cam(net.model, images, "conv10", int(c))
        assert np.abs(Z_grad_cam - M).max() <= 1e-6 * max(M.max(), 1e-3)


@pytest.mark.realdata
def test_every_one_of_a_thousand_scores_is_the_mean_of_its_map(real_data):
    net = load_squeezenet()
    images = net.preprocess(np.stack([load_photo("astronaut"), load_photo("astronaut")[::-1]]))
    M = cam_classes(net.model, images)
    assert M.shape == (2, 1000, 14, 14)
    np.testing.assert_allclose(M.mean(axis=(2, 3)), net.model(images), rtol=1e-5, atol=1e-7)


@pytest.mark.realdata
@pytest.mark.parametrize("photo, expected", [("cat", ("Egyptian cat", 31.0, 0.50)), ("coffee", ("espresso", 30.8, 1.00)),
                                             ("astronaut", ("barbell", 22.3, 0.22)), ("rocket", ("pole", 15.9, 0.16))])
def test_what_notebook_2_says_of_four_photographs(real_data, photo, expected):
    net = load_squeezenet()
    scores = net.model(net.preprocess(load_photo(photo)[None]))[0].numpy()
    c = scores.argmax()
    assert (net.class_names[c], round(float(scores[c]), 1), round(float(tf.nn.softmax(scores)[c]), 2)) == expected


@pytest.mark.realdata
def test_what_notebook_4_says_of_two_names_for_one_cat(real_data):
    net = load_squeezenet()
    strips = [keras.ops.image.resize(load_photo(name), (200, 400), crop_to_aspect_ratio=True, antialias=True)
              for name in ("cat", "coffee")]
    classes = [net.class_names.index(name) for name in ("tabby", "Egyptian cat", "espresso")]
    M = cam_classes(net.model, net.preprocess(np.clip(np.concatenate(strips), 0, 1)[None]), classes)[0]
    assert [round(float(score), 1) for score in M.mean(axis=(1, 2))] == [21.4, 23.1, 22.7]
    assert np.corrcoef(M.reshape(3, -1))[0].round(2).tolist() == [1.0, 0.97, -0.34]
    assert (M[1] - M[0]).mean() == pytest.approx(1.7, abs=0.05)
    upper = M[:, :7].sum(axis=(1, 2)) / M.sum(axis=(1, 2))
    assert upper[0] > 0.8 and upper[1] > 0.8 and upper[2] < 0.2


@pytest.mark.realdata
@pytest.mark.parametrize("language", ["", "ko"])
def test_the_kept_picture_is_what_the_command_draws(real_data, language):
    path = ROOT / "notebooks" / language / "04_grad_cam_vgg16.ipynb"
    drawn, kept = (np.asarray(Image.open(file).convert("RGB"), float) for file in
                   (io.BytesIO(pictures.drawn(path)), ROOT / "docs" / "pictures" / language / f"{path.stem}_imagenet.png"))
    assert drawn.shape == kept.shape and np.abs(drawn - kept).mean() < 2


@pytest.mark.realdata
def test_what_notebook_6_says_of_two_classes_and_of_ten(real_data):
    net = load_squeezenet()
    strips = [keras.ops.image.resize(load_photo(name), (200, 400), crop_to_aspect_ratio=True, antialias=True)
              for name in ("cat", "coffee")]
    scene = net.preprocess(np.clip(np.concatenate(strips), 0, 1)[None])
    two = [net.class_names.index(name) for name in ("Egyptian cat", "espresso")]
    G = guided_backprop(net.model, np.repeat(scene, 2, axis=0), class_index=two)
    assert np.corrcoef(G.reshape(2, -1))[0, 1] == pytest.approx(0.8, abs=0.05)
    shares = np.abs(G[:, :113]).sum(axis=(1, 2, 3)) / np.abs(G).sum(axis=(1, 2, 3))
    assert shares[0] > 0.6 > 0.5 > shares[1]
    guided, maps = [], []
    for photo in ("cat", "coffee", "astronaut", "rocket"):
        x = net.preprocess(load_photo(photo)[None])
        ten = np.argsort(-net.model(x)[0].numpy())[:10]
        guided += pairs_of(guided_backprop(net.model, np.repeat(x, 10, axis=0), class_index=ten))
        maps += pairs_of(cam_classes(net.model, x, ten)[0])              # Z Grad-CAM: the head has a ReLU
    assert (len(guided), len(maps), round(min(guided), 2)) == (180, 180, 0.96) and min(maps) > 0
    assert [round(float(np.median(of_pairs)), 2) for of_pairs in (maps, guided)] == [0.73, 0.99]


def pairs_of(maps):
    """The correlations of any two of n maps, n (n - 1) / 2 of them."""
    return list(np.corrcoef(maps.reshape(len(maps), -1))[np.triu_indices(len(maps), 1)])


@pytest.mark.realdata
def test_what_notebook_8_says_of_a_random_top_layer(real_data):
    net = load_squeezenet()
    square = [keras.ops.image.resize(load_photo(name), (227, 227), crop_to_aspect_ratio=True, antialias=True)
              for name in ("cat", "coffee", "astronaut", "rocket")]
    x = net.preprocess(np.clip(np.stack(square), 0, 1))
    c = net.model(x).numpy().argmax(axis=1)
    cells = cell_centres(net.model)
    methods = {"Grad-CAM": lambda model: upsample(grad_cam(model, x, class_index=c), (227, 227), cells),
               "guided": lambda model: magnitude(guided_backprop(model, x, class_index=c)),
               "deconvnet": lambda model: magnitude(deconvnet(model, x, class_index=c))}
    trained = {name: method(net.model) for name, method in methods.items()}
    copy, kept = keras.models.clone_model(net.model), {name: [] for name in methods}
    for seed in range(10):
        copy.set_weights(next(randomized(net.model, seed, only=["conv10"]))[1].get_weights())
        for name, method in methods.items():
            kept[name].append(rank_correlation(method(copy), trained[name]).mean())
    assert {name: round(float(np.mean(values)), 1) for name, values in kept.items()} == {
        "Grad-CAM": 0.2, "guided": 0.9, "deconvnet": 1.0}
