"""Networks as the explorer's browser gets them, and the program that is joined for it: what leaves Python."""
import gzip
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

from lecture_utils import cell_centres, load_model
from lecture_utils.explorer import Exploration
from lecture_utils.models import BUILDERS
from tools.explorer import build, bundle, networks

LARGEST = 6.5e6         # bytes of all networks' files together


@pytest.fixture(scope="module")
def shipped():
    return {name: networks.shipped(name) for name in BUILDERS}


def small(*layers, size=(12, 12, 2)):
    images = keras.Input(size)
    x = images
    for layer in layers:
        x = layer(x)
    return keras.Model(images, kl.Dense(2)(kl.GlobalAveragePooling2D()(x)))


# --- what is written -------------------------------------------------------------------------------------------------

def test_all_networks_fit_into_what_a_phone_may_load(shipped):
    sizes = {name: len(build.network_file(exported)) for name, exported in shipped.items()}
    assert sum(sizes.values()) < LARGEST, sizes


@pytest.mark.parametrize("name", BUILDERS)
def test_a_description_is_json_that_names_what_there_is(shipped, name):
    described = json.loads(json.dumps(shipped[name].description, allow_nan=False))
    names = [node["name"] for node in described["nodes"]]
    assert len(set(names)) == len(names) and described["output"] == names[-1]
    for number, node in enumerate(described["nodes"]):
        assert set(node["inputs"]) <= set(names[:number]), node["name"]             # in an order in which they can run
    assert {layer["name"] for layer in described["layers"]} <= set(names)
    assert len(described["classes"]) == load_model(name).output_shape[-1]


@pytest.mark.parametrize("name", ["mnist_cnn", "neu_gap", "vgg16_compact", "resnet20", "vit_shapes"])
def test_the_layers_are_those_of_the_notebooks_explorer(shipped, name):
    described, model = shipped[name].description, load_model(name)
    ours = [layer["name"] for layer in described["layers"]]
    theirs = Exploration(model, described["classes"])
    assert set(theirs.layers) <= set(ours) and ours[-1] == theirs.last_layer
    assert tuple(described["methods"]) == theirs.methods
    for layer in described["layers"]:
        cells = layer["cells"]
        grid = (layer["height"], layer["width"]) if "tokensBefore" in layer else None
        assert tuple(zip(cells["stride"], cells["offset"], strict=True)) == cell_centres(model, layer["name"], grid=grid)


def read_back(exported):
    """The weights as the browser reads them: {node/weight: numbers}."""
    planes = np.frombuffer(gzip.decompress(exported.packed()), np.uint8).reshape(2, -1)
    numbers = planes.T.copy().view("<f2").ravel().astype("float32")
    found = {}
    for node in exported.description["nodes"]:
        for key, place in node.get("weights", {}).items():
            count = int(np.prod(place["shape"]))
            values = numbers[place["offset"]:place["offset"] + count]
            if "rest" in place:
                values = values + numbers[place["rest"]:place["rest"] + count]
            found[f"{node['name']}/{key}"] = values.reshape(place["shape"])
    return found


def test_shipped_weights_arrive_exactly(shipped):
    model, found = load_model("neu_gap"), read_back(shipped["neu_gap"])
    np.testing.assert_array_equal(found["conv2/kernel"], model.get_layer("conv2").kernel)
    np.testing.assert_array_equal(found["conv1/linear/bias"], model.get_layer("conv1").bias)
    np.testing.assert_array_equal(found["bn4/variance"], model.get_layer("bn4").moving_variance)


def test_weights_that_float16_cannot_hold_arrive_to_a_millionth():
    model = small(kl.Conv2D(4, 3, name="conv"))
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 4)).astype("float32")
    model.get_layer("conv").kernel.assign(kernel)
    found = read_back(networks.export(model, ["a", "b"]))
    assert np.abs(found["conv/kernel"] - kernel).max() < 1e-6 * np.abs(kernel).max() < np.abs(kernel.astype("<f2") - kernel).max()


# --- what a cell sees ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, layer, field", [
    ("vgg16_compact", "block5_conv3", 196),         # 1 + 2 (2·1 + 2·2 + 3·4 + 3·8 + 3·16) + 1 + 2 + 4 + 8: as VGG16's
    ("mnist_cnn", "conv3", 18),                     # 3, pooled 4, 3 more of stride 2: 8, pooled 10, 3 more of stride 4
    ("neu_gap", "relu3", 35)])                      # 5, pooled 7, conv2 15, pooled 19, conv3 35
def test_fields_counted_by_hand(shipped, name, layer, field):
    told = next(one for one in shipped[name].description["layers"] if one["name"] == layer)
    assert told["field"] == [field, field]


def test_a_field_is_as_far_as_a_gradient_goes():
    model = small(kl.Conv2D(3, 3, strides=2, padding="same", name="one"), kl.MaxPooling2D(), kl.AveragePooling2D(3, 1, "same"),
                  kl.Conv2D(2, (3, 2), dilation_rate=2, padding="same", name="two"), size=(96, 96, 2))
    told = next(one for one in networks.export(model, ["a", "b"]).description["layers"] if one["name"] == "two")
    images = tf.Variable(np.random.default_rng(1).normal(size=(40, 96, 96, 2)).astype("float32"))
    with tf.GradientTape() as tape:
        middle = keras.Model(model.inputs, model.get_layer("two").output)(images)[:, 12, 12, 0]
    reached = np.abs(tape.gradient(middle, images)).max(axis=(0, 3)) > 0
    rows, columns = np.flatnonzero(reached.any(axis=1)), np.flatnonzero(reached.any(axis=0))
    assert told["field"] == [rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1]


def test_after_attention_a_token_sees_all(shipped):
    fields = {layer["name"]: layer["field"] for layer in shipped["vit_shapes"].description["layers"]}
    assert fields["conv3"] == [22, 22] and fields["block1"] is None


# --- what the browser's engine cannot do ---------------------------------------------------------------------------

@pytest.mark.parametrize("layer, said", [
    (kl.Conv2DTranspose(2, 3, name="odd"), "no layer of the kind Conv2DTranspose, as 'odd' is"),
    (kl.Conv2D(2, 3, activation="tanh", name="odd"), "no activation 'tanh', with which 'odd' ends"),
    (kl.ReLU(max_value=6, name="odd"), "only the plain ReLU; 'odd'"),
    (kl.UpSampling2D(2, interpolation="nearest", name="odd"), "enlarges bilinearly only; 'odd'")])
def test_a_layer_that_the_engine_lacks_is_named(layer, said):
    with pytest.raises(ValueError, match=said):
        networks.export(small(kl.Conv2D(2, 3), layer), ["a", "b"])


# --- one script of many modules ----------------------------------------------------------------------------------------

def modules(folder, **codes):
    for name, code in codes.items():
        (folder / f"{name}.js").write_text(code, encoding="utf-8")
    return folder / "main.js"


@pytest.mark.parametrize("codes, said", [
    ({"main": 'import { a } from "./b.js";\n', "b": 'import { c } from "./main.js";\nexport const a = 1;\n'}, "in a circle"),
    ({"main": 'import { a } from "./b.js";\n', "b": "export const c = 1;\n"}, "imports a from .*b.js, which does not export it"),
    ({"main": 'import a from "./b.js";\n', "b": "export const a = 1;\n"}, "does not understand 'import a from"),
    ({"main": "export default 5;\n"}, "does not understand 'export default 5;'"),
    ({"main": 'import { a } from "build:b";\n'}, "imports build:b, which this build does not give; it gives nothing")])
def test_modules_that_cannot_be_joined(tmp_path, codes, said):
    with pytest.raises(ValueError, match=said):
        bundle.bundle(modules(tmp_path, **codes))


def test_a_value_may_stand_in_a_script_element():
    assert json.loads(bundle.script("</script><!--")) == "</script><!--"
    assert "</script" not in bundle.script("</script>") and "<!--" not in bundle.script("<!--")
