"""Streaming: the same maps as at once, in constant memory, resumable, on one device or two."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

from lecture_utils import grad_cam, grad_cam_classes, grad_cam_layers, guided_backprop
from lecture_utils.explain.streaming import explain_dataset

X = np.random.default_rng(0).uniform(size=(10, 12, 12, 1)).astype(np.float32)


def network(seed=1):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((12, 12, 1)), kl.Conv2D(4, 3, activation="relu", name="a"),
                             kl.Conv2D(4, 3, activation="relu", name="b"), kl.Flatten(), kl.Dense(3)], name="net")


def batches(x=X, size=4):
    return tf.data.Dataset.from_tensor_slices(x).batch(size)


def quiet(*args, **options):
    return explain_dataset(*args, progress=False, **options)


@pytest.mark.parametrize("method", [grad_cam, guided_backprop])
def test_batches_in_order(method):
    model = network()
    maps = list(quiet(model, batches(), method, class_index=1))
    assert [len(each) for each in maps] == [4, 4, 2]
    np.testing.assert_allclose(np.concatenate(maps), method(model, X, class_index=1), rtol=1e-5, atol=1e-9)


def test_several_layers_and_labels_beside_the_images():
    model = network()
    labelled = tf.data.Dataset.from_tensor_slices((X, np.arange(10))).batch(5)
    first, second = quiet(model, labelled, grad_cam_layers)
    assert list(first) == ["a", "b"]
    np.testing.assert_allclose(second["a"], grad_cam(model, X[5:], "a"), rtol=1e-5, atol=1e-9)


def counted(model, images, **options):
    print(len(images))
    return grad_cam(model, images, **options)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, capsys):
    model = network()
    run = quiet(model, batches(), counted, folder=tmp_path, class_index=2)
    next(run)
    next(run)
    run.close()                                                     # interrupted after two batches
    maps = list(quiet(model, batches(), counted, folder=tmp_path, class_index=2))
    assert capsys.readouterr().out.split() == ["4", "4", "2"]       # none was computed twice
    np.testing.assert_allclose(np.concatenate(maps), grad_cam(model, X, class_index=2), rtol=1e-5, atol=1e-9)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "00000000.npz", "00000001.npz", "00000002.npz", "contents.json"]


def test_layers_come_back_from_disk_under_their_names(tmp_path):
    model = keras.Sequential([keras.Input((12, 12, 1)), network()])
    first = list(quiet(model, batches(), grad_cam_layers, folder=tmp_path))
    again = list(quiet(model, batches(), grad_cam_layers, folder=tmp_path))
    assert list(again[0]) == ["net/a", "net/b"]
    np.testing.assert_array_equal(first[2]["net/a"], again[2]["net/a"])


def test_a_half_written_file_does_not_count(tmp_path):
    model = network()
    expected = list(quiet(model, batches(), folder=tmp_path))
    (tmp_path / "00000001.npz").rename(tmp_path / "00000001.123.part")      # as a crash would leave it
    np.testing.assert_array_equal(np.concatenate(list(quiet(model, batches(), folder=tmp_path))), np.concatenate(expected))


def test_maps_of_another_run_are_not_taken_for_these(tmp_path):
    list(quiet(network(), batches(), folder=tmp_path, class_index=1))
    for other, named in [((network(seed=2), batches()), "weights"), ((network(), batches(X.astype(np.float64))), "dataset")]:
        with pytest.raises(ValueError, match=f"another run, with other.*{named}"):
            quiet(*other, folder=tmp_path, class_index=1)
    with pytest.raises(ValueError, match="options"):
        quiet(network(), batches(), folder=tmp_path, class_index=2)
    with pytest.raises(ValueError, match="method"):
        quiet(network(), batches(), guided_backprop, folder=tmp_path, class_index=1)
    assert json.loads((tmp_path / "contents.json").read_text())["method"] == "grad_cam"


# --- the same run, or another one


def test_images_are_part_of_what_a_folder_holds(tmp_path):
    """Each of these has elements of the same shape and type as those whose maps lie in the folder."""
    model, other = network(), X.copy()
    other[9, 11, 11] += 0.1                                         # one pixel of the last image
    list(quiet(model, batches(), folder=tmp_path))
    for dataset, first in [(batches(1 - X), 0), (batches(X, 2), 0), (batches(X, 8), 0), (batches(X[::-1]), 0),
                           (batches(other), 2), (batches(X[:9]), 2)]:
        run = quiet(model, dataset, folder=tmp_path)
        for number in range(first):
            np.testing.assert_allclose(next(run), grad_cam(model, X[4 * number:4 * number + 4]), rtol=1e-5, atol=1e-9)
        with pytest.raises(ValueError, match=f"batch {first} has other images, or more or fewer.*shuffled anew"):
            next(run)


def test_a_data_set_that_has_grown_goes_on_and_one_that_has_shrunk_ends_earlier(tmp_path, capsys):
    model = network()
    list(quiet(model, batches(X[:8]), counted, folder=tmp_path))
    grown = list(quiet(model, batches(), counted, folder=tmp_path))
    np.testing.assert_allclose(np.concatenate(grown), grad_cam(model, X), rtol=1e-5, atol=1e-9)
    assert len(list(quiet(model, batches(X[:4]), counted, folder=tmp_path))) == 1
    assert capsys.readouterr().out.split() == ["4", "4", "2"]


def of_class(c):
    return lambda y: y[:, c]


class Weighted:
    def __init__(self, *weights):
        self.weights = np.array(weights)

    def __call__(self, y):
        return tf.reduce_sum(self.weights * y, axis=1)


def with_default(c):
    def score(y, c=c):
        return y[:, c]
    return score


def within_a_function(c):
    return lambda y: tf.stack([each[1] if c else each[2] for each in tf.unstack(y)])


def one_column(y, c):
    return y[:, c]


TWO = 2.0
HALF = 0.5
SCORES = {                                                          # two runs that differ in one thing
    "code": (lambda y: y[:, 1], lambda y: y[:, 2]),
    "operation": (lambda y: tf.reduce_max(y, axis=1), lambda y: tf.reduce_min(y, axis=1)),
    "what is closed over": (of_class(1), of_class(2)),
    "in a function within": (within_a_function(True), within_a_function(False)),
    "global": (lambda y: TWO * y[:, 1], lambda y: HALF * y[:, 1]),
    "default": (with_default(1), with_default(2)),
    "partial": (functools.partial(one_column, c=1), functools.partial(one_column, c=2)),
    "object": (Weighted(1.0, 0, 0), Weighted(1.0, 0, 1)),
    "method": (Weighted(1.0, 0, 0).__call__, Weighted(1.0, 0, 1).__call__),
    "tf.function": (tf.function(of_class(1)), tf.function(of_class(2))),
}


@pytest.mark.parametrize("differs", SCORES)
def test_a_score_of_the_callers_own_resumes_its_own_folder_and_no_other(tmp_path, capsys, differs):
    model, (score, other) = network(), SCORES[differs]
    first = list(quiet(model, batches(), counted, folder=tmp_path, score=score))
    again = list(quiet(model, batches(), counted, folder=tmp_path, score=score))
    assert capsys.readouterr().out.split() == ["4", "4", "2"]
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(again))
    with pytest.raises(ValueError, match="another run, with other options;"):
        quiet(model, batches(), counted, folder=tmp_path, score=other)


@pytest.mark.parametrize("method, other", [
    (functools.partial(grad_cam, layer="a"), functools.partial(grad_cam, layer="b")),
    (lambda model, images: grad_cam(model, images, "a"), lambda model, images: grad_cam(model, images, "b")),
])
def test_a_method_of_the_callers_own(tmp_path, method, other):
    model = network()
    first = list(quiet(model, batches(), method, folder=tmp_path))
    np.testing.assert_array_equal(np.concatenate(list(quiet(model, batches(), method, folder=tmp_path))),
                                  np.concatenate(first))
    np.testing.assert_allclose(np.concatenate(first), grad_cam(model, X, "a"), rtol=1e-5, atol=1e-9)
    with pytest.raises(ValueError, match="with other method's code;"):
        quiet(model, batches(), other, folder=tmp_path)


def test_long_lists_of_classes_are_compared_to_the_last(tmp_path):
    """NumPy prints the ends of a long array only."""
    many, model = np.zeros((3000, 12, 12, 1), np.float32), network()
    classes = np.zeros(3000, int)
    zeros = lambda model, images, class_index: np.zeros(len(images))
    list(quiet(model, batches(many, 3000), zeros, folder=tmp_path, class_index=classes))
    list(quiet(model, batches(many, 3000), zeros, folder=tmp_path, class_index=classes.copy()))
    classes[1500] = 1
    with pytest.raises(ValueError, match="with other options;"):
        quiet(model, batches(many, 3000), zeros, folder=tmp_path, class_index=classes)


def test_statistics_of_a_normalization_count_among_the_weights(tmp_path):
    model = keras.Sequential([keras.Input((12, 12, 1)), kl.Conv2D(2, 3), kl.BatchNormalization(name="bn"),
                              kl.GlobalAveragePooling2D(), kl.Dense(2)])
    list(quiet(model, batches(), folder=tmp_path))
    model.get_layer("bn").moving_variance.assign([4.0, 1.0])
    with pytest.raises(ValueError, match="with other weights;"):
        quiet(model, batches(), folder=tmp_path)


def variant(middle=(), **settings):
    """The same weights in the same places, whatever the settings."""
    keras.utils.set_random_seed(1)
    settings = {"padding": "same", "activation": "relu"} | settings
    return keras.Sequential([keras.Input((12, 12, 1)), kl.Conv2D(4, 3, name="a", **settings), *middle,
                             kl.GlobalAveragePooling2D(), kl.Dense(3)])


@pytest.mark.parametrize("other", [
    lambda: variant(activation="tanh"), lambda: variant(padding="valid"), lambda: variant(strides=2),
    lambda: variant(activation=lambda x: tf.nn.relu(x) / 2), lambda: variant([kl.LeakyReLU(0.1)]),
    lambda: variant([kl.LeakyReLU(0.2)]), lambda: variant([kl.Lambda(lambda x: x * x)]),
    lambda: variant([kl.Lambda(lambda x: x + x)]), lambda: variant([kl.Rescaling(2.0)]),
], ids=["activation", "padding", "strides", "function", "layer", "setting", "lambda", "another lambda", "rescaling"])
def test_layers_are_compared_not_weights_alone(tmp_path, other):
    for number, (one, two) in enumerate([(variant(), other()), (other(), variant([kl.LeakyReLU(0.3)]))]):
        list(quiet(one, batches(), folder=tmp_path / str(number)))
        with pytest.raises(ValueError, match="with other architecture;"):
            quiet(two, batches(), folder=tmp_path / str(number))


def test_the_same_model_built_again_goes_on_though_keras_numbers_its_layers_anew(tmp_path, capsys):
    one, two = variant([kl.LeakyReLU(0.1, name="b")]), variant([kl.LeakyReLU(0.1, name="b")])
    assert one.name != two.name and one.layers[-1].name != two.layers[-1].name
    for model in (one, two):
        list(quiet(model, batches(), counted, folder=tmp_path))
    assert capsys.readouterr().out.split() == ["4", "4", "2"]


def test_names_of_feature_maps_count_because_maps_come_back_under_them(tmp_path):
    list(quiet(network(), batches(), grad_cam_layers, folder=tmp_path))
    other = network()
    other.get_layer("b").name = "c"
    with pytest.raises(ValueError, match="with other architecture;"):
        quiet(other, batches(), grad_cam_layers, folder=tmp_path)


def test_what_cannot_be_compared_is_refused_before_anything_is_computed(tmp_path):
    with open(__file__) as file, pytest.raises(TypeError, match="TextIOWrapper, which cannot be compared.*folder= out"):
        quiet(network(), batches(), folder=tmp_path / "maps", score=lambda y: y[:, len(file.read())])
    assert not (tmp_path / "maps").exists()


IN_A_NOTEBOOK = """
import numpy as np, keras, tensorflow as tf
KINDS = {"first", "second", "third"}
class Scale:
    by = {"a": 1.0, "b": 2.0}
    def of(self, y):
        return self.by["b"] * y if "third" in {"first", "second", "third"} else y
scale = Scale()
def chosen(y):
    return scale.of(y[:, 1]) if "first" in KINDS else y[:, 0]
score = lambda y: chosen(y) + float(np.float32(1))
"""


def test_another_process_goes_on_with_functions_of_a_notebook(tmp_path, capsys):
    """What Python draws anew for each process, such as the order of sets, does not count."""
    here = Path(__file__).parent
    code = IN_A_NOTEBOOK + ("from test_explain_dataset import *\n"
                            f"list(quiet(network(), batches(), counted, folder={str(tmp_path)!r}, score=score))")
    result = subprocess.run([sys.executable, "-c", code], cwd=here, text=True, capture_output=True, timeout=600,
                            env={**os.environ, "PYTHONPATH": f"{here}:{here.parent}", "PYTHONHASHSEED": "7"})
    assert result.stdout.split() == ["4", "4", "2"], result.stderr[-3000:]
    notebook = {"__name__": "__main__"}
    exec(IN_A_NOTEBOOK, notebook)
    list(quiet(network(), batches(), counted, folder=tmp_path, score=notebook["score"]))
    assert capsys.readouterr().out == ""
    exec(IN_A_NOTEBOOK.replace("y[:, 1]", "y[:, 2]"), notebook)
    with pytest.raises(ValueError, match="with other options;"):
        quiet(network(), batches(), counted, folder=tmp_path, score=notebook["score"])


def test_a_file_that_could_not_be_written_to_its_end_is_not_there(tmp_path, monkeypatch, capsys):
    model, whole = network(), np.savez
    run = quiet(model, batches(), counted, folder=tmp_path)
    next(run)

    def half(file, **arrays):
        whole(file, **arrays)
        file.truncate(file.tell() // 2)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", half)
        with pytest.raises(OSError, match="No space left"):
            next(run)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000000.npz", "contents.json"]
    maps = list(quiet(model, batches(), counted, folder=tmp_path))
    assert capsys.readouterr().out.split() == ["4", "4", "4", "2"]
    np.testing.assert_allclose(np.concatenate(maps), grad_cam(model, X), rtol=1e-5, atol=1e-9)


# --- what a data set may give


def test_dicts_are_taken_by_the_models_input(tmp_path):
    image = keras.Input((12, 12, 1), name="image")
    model = keras.Model(image, network()(image))
    dataset = tf.data.Dataset.from_tensor_slices({"label": np.arange(10), "image": X}).batch(5)
    maps = np.concatenate(list(quiet(model, dataset, folder=tmp_path)))
    np.testing.assert_allclose(maps, grad_cam(model, X), rtol=1e-5, atol=1e-9)
    with pytest.raises(ValueError, match=r"the model's input is called 'image'.*element\['picture'\]"):
        quiet(model, tf.data.Dataset.from_tensor_slices({"picture": X}).batch(5))


def test_two_images_and_a_label(tmp_path):
    left, right = keras.Input((12, 12, 1), name="left"), keras.Input((12, 12, 1), name="right")
    shared = network()
    model = keras.Model([left, right], kl.Subtract()([shared(left), shared(right)]))
    dataset = tf.data.Dataset.from_tensor_slices(((X, X[::-1]), np.arange(10))).batch(5)
    for _ in range(2):                                              # the second time from the folder
        maps = np.concatenate(list(quiet(model, dataset, guided_backprop, folder=tmp_path, class_index=1)))
        np.testing.assert_allclose(maps, guided_backprop(model, [X, X[::-1]], class_index=1), rtol=1e-5, atol=1e-9)
    other = tf.data.Dataset.from_tensor_slices(((X, X), np.arange(10))).batch(5)
    with pytest.raises(ValueError, match="batch 0 has other images"):
        next(quiet(model, other, guided_backprop, folder=tmp_path, class_index=1))


def test_images_without_a_channel_for_a_model_that_takes_them_so():
    model = keras.Sequential([keras.Input((12, 12)), kl.Reshape((12, 12, 1)), kl.Conv2D(2, 3), kl.Flatten(),
                              kl.Dense(2)])
    shapes = list(quiet(model, batches(X[..., 0]), lambda model, images: images.shape))
    assert shapes == [(4, 12, 12), (4, 12, 12), (2, 12, 12)]
    with pytest.raises(ValueError, match=r"shape \(None, 12, 12\), alone.*it gives \(12, 12\).*batch\(32\)"):
        quiet(model, tf.data.Dataset.from_tensor_slices(X[..., 0]))


def test_what_is_no_dataset_of_batches():
    with pytest.raises(TypeError, match="from_tensor_slices"):
        quiet(network(), X)
    with pytest.raises(ValueError, match=r"dataset.batch\(32\)"):
        quiet(network(), tf.data.Dataset.from_tensor_slices(X))


def test_the_progress_bar_knows_the_number_of_batches(capfd):
    list(explain_dataset(network(), batches()))
    assert "3/3" in capfd.readouterr().err


ON_TWO_DEVICES = """
import numpy as np, keras, tensorflow as tf
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0],
                                           [tf.config.LogicalDeviceConfiguration()] * 2)
from test_explain_dataset import X, batches, network, quiet
from lecture_utils import grad_cam, grad_cam_classes, grad_cam_layers, guided_grad_cam
alone = network()
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    model = network()
for method, options in [(grad_cam, {}), (grad_cam_layers, {}), (guided_grad_cam, {}),
                        (grad_cam_classes, {"class_indices": [0, 2]}), (grad_cam, {"score": lambda y: y[:, 1]})]:
    with strategy.scope():
        run = quiet(model, batches(size=3), method, **options)      # 3 and 1 images over 2 devices
    for ours, expected in zip(run, quiet(alone, batches(size=3), method, **options), strict=True):
        for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * np.abs(b).max())
devices = []
with strategy.scope():
    model(X)
    grad_cam(model, X)
    class Where(keras.layers.Layer):
        def call(self, x):
            devices.append(x.device)
            return x
    spied = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Conv2D(2, 3), Where(),
                              keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)])
    devices.clear()
    grad_cam(spied, X)
assert {d[-1] for d in devices if d} == {"0", "1"}, devices
print("same on two devices")
"""


def test_two_devices_give_the_same_maps():
    here = Path(__file__).parent
    result = subprocess.run([sys.executable, "-c", ON_TWO_DEVICES], cwd=here, text=True, capture_output=True, timeout=600,
                            env={**os.environ, "PYTHONPATH": f"{here}:{here.parent}"})
    assert "same on two devices" in result.stdout, result.stderr[-3000:]


PEAK = """
import resource, keras, tensorflow as tf
from keras import layers as kl
from test_explain_dataset import quiet
from lecture_utils import grad_cam_layers

model = keras.Sequential([keras.Input((28, 28, 1)), kl.Conv2D(2, 3, name="a"), kl.Conv2D(2, 3, name="b"),
                          kl.GlobalAveragePooling2D(), kl.Dense(10)])
def images(n):
    return tf.data.Dataset.range(n).map(lambda i: tf.random.stateless_uniform((28, 28, 1), [i, i])).batch(100)

total = 0
for n in (1000, 10000):
    for maps in quiet(model, images(n), grad_cam_layers):
        total += len(maps["a"])
    print(total, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_memory_does_not_grow_with_the_number_of_images():
    pytest.importorskip("resource", reason="peak memory is read through a Unix module")
    here = Path(__file__).parent
    result = subprocess.run([sys.executable, "-c", PEAK], cwd=here, text=True, capture_output=True, timeout=600,
                            env={**os.environ, "PYTHONPATH": f"{here}:{here.parent}"})
    (first_total, first_peak), (total, peak) = (map(float, line.split()) for line in result.stdout.splitlines())
    assert (first_total, total) == (1000, 11000)
    assert peak < first_peak + 20       # MiB; the maps alone of 10,000 images are 48 MiB, the images 30


def test_the_same_numbers_in_another_shape_are_another_option(tmp_path):
    model, two = network(), batches(X[:2], 2)
    list(quiet(model, two, grad_cam_classes, folder=tmp_path, class_indices=np.array([[0, 1], [1, 0]])))    # per image
    with pytest.raises(ValueError, match="with other options;"):
        quiet(model, two, grad_cam_classes, folder=tmp_path, class_indices=np.array([0, 1, 1, 0]))          # for all
