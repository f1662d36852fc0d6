"""Streaming: the same maps as at once, in constant memory, resumable, on one device or two."""

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

from lecture_utils import grad_cam, grad_cam_layers, guided_backprop
from lecture_utils.streaming import explain_dataset

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


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    model, seen = network(), []

    def counted(model, images, **options):
        seen.append(len(images))
        return grad_cam(model, images, **options)

    run = quiet(model, batches(), counted, folder=tmp_path, class_index=2)
    next(run), next(run)
    run.close()                                                     # interrupted after two batches
    maps = list(quiet(model, batches(), counted, folder=tmp_path, class_index=2))
    assert seen == [4, 4, 2]                                        # none was computed twice
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
