"""The explorer's engine in Chromium, held to Keras: every network, every method, twenty images each."""
import base64
import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from lecture_utils import grad_cam_layers, load_photo, squeezenet
from lecture_utils.datasets import planted, scenes
from lecture_utils.datasets.loaders import EMBEDDED_DIGITS, EMBEDDED_STEEL, PHOTOS
from lecture_utils.datasets.synthetic import draw_digits, draw_steel
from lecture_utils.explain.methods import METHODS
from lecture_utils.models import BUILDERS, _preprocess_squeezenet, describe, load_model, resized
from tools.explorer import build, bundle, networks

IMAGES = 20
AS_KERAS = 1e-3         # of an array's own maximum, by which a number may differ
NOTHING = 1e-10         # a maximum below is what rounding left of zero
ZERO = ("vit_shapes", "HiResCAM", "block3")     # only a normalization reads these tokens, so Σ_k x_k ∂y/∂x_k = 0
COPIES, NUDGE = 8, 2e-5        # of an image in [0, 1]; a camera's step is 4e-3


@pytest.fixture(scope="module")
def page(new_context, tmp_path_factory):
    """A page with the engine, opened from a file; whatever it writes on its console is a fault."""
    folder, here = tmp_path_factory.mktemp("engine"), __file__.rpartition("/")[0]
    (folder / "engine.js").write_text(build.program(f"{here}/engine_page.js"), encoding="utf-8")
    (folder / "index.html").write_text('<!DOCTYPE html><meta charset="utf-8"><title>engine</title><link rel="icon" href="data:,">'
                                       '<script src="engine.js"></script>', encoding="utf-8")
    opened, said = new_context().new_page(), []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto((folder / "index.html").as_uri())
    yield opened
    opened.close()
    assert said == []


@functools.cache
def shipped(name):
    return networks.shipped(name)


def loaded(page, name):
    """Have the page load a shipped network, as the explorer does."""
    page.add_script_tag(content=build.network_file(shipped(name)))
    return shipped(name).description


def told(page, task, *given):
    """What the engine answers to a task; arrays pass as base64, and come back as float32 without a shape."""
    return _arrays(page.evaluate("told", [task, *map(_texts, given)]))


def _texts(value):
    if isinstance(value, np.ndarray):
        return {"float32": base64.b64encode(np.ascontiguousarray(value, "<f4")).decode()}
    if isinstance(value, dict):
        return {key: _texts(each) for key, each in value.items()}
    return [_texts(each) for each in value] if isinstance(value, (list, tuple)) else value


def _arrays(value):
    if isinstance(value, dict):
        if value.keys() == {"float32"}:
            return np.frombuffer(base64.b64decode(value["float32"]), "<f4")
        return {key: _arrays(each) for key, each in value.items()}
    return [_arrays(each) for each in value] if isinstance(value, list) else value


def as_image(pixels):
    height, width, channels = pixels.shape
    return {"values": pixels, "height": height, "width": width, "channels": channels}


# --- images -----------------------------------------------------------------------------------------------------------

def images_for(name):
    """Twenty images for a network, as a reader's browser has them: photographs of any size."""
    if name.startswith("mnist"):
        return draw_digits(*EMBEDDED_DIGITS["test"])[0][:IMAGES]
    if name.startswith("neu"):
        plates = draw_steel(4, EMBEDDED_STEEL["test"][1])[0][:IMAGES]           # four of each of the six classes
        if name != "neu_ruler":
            return plates
        small = plates[::2].reshape(-1, 100, 2, 100, 2, 1).mean(axis=(2, 4), dtype="float32")
        return np.concatenate([small, planted.lay_ruler(small)])
    if name.startswith("scene") or name == "vit_shapes":
        return scenes.draw_scenes(IMAGES, scenes.SEEDS["test"]).images
    return photographs()


@functools.cache
def photographs():
    """Crops of the photographs, of different sizes and shapes, larger and smaller than what the networks take."""
    rng, crops = np.random.default_rng(17), []
    for photo, _ in zip(itertools.cycle(map(load_photo, PHOTOS)), range(IMAGES), strict=False):
        height, width = rng.integers(40, 300, 2)
        top, left = rng.integers(photo.shape[0] - height), rng.integers(photo.shape[1] - width)
        crops.append(photo[top:top + height, left:left + width].astype("float32"))
    return crops


def model_input(description, images):
    size = description["input"]["height"]
    return np.concatenate([image[None] if image.shape[0] == image.shape[1] == size else resized(image[None], size)
                           for image in images])


# --- as Keras says ----------------------------------------------------------------------------------------------------

class Keras:
    """What Keras says of a network's images: `scores` (n, classes), and maps of the classes asked about."""

    def __init__(self, name, images, questions=()):
        self.model, described = load_model(name), shipped(name).description
        self.images, self.questions, self.methods = model_input(described, images), list(questions), described["methods"]
        self.layers = [layer["name"] for layer in described["layers"]]
        self.scores = self.model.predict(self.with_questions(self.images), verbose=0)
        # For every other image the predicted class, for those between them a class each in turn.
        turns = np.arange(len(images))
        self.classes = np.where(turns % 2 == 0, self.scores.argmax(axis=1), 7 * turns % self.scores.shape[1])

    def with_questions(self, images, n=slice(None)):
        return [images, np.broadcast_to(np.array(self.questions)[n], (len(images), 2))] if self.questions else images

    def asked(self):
        """(method, layer) of all that is compared: Grad-CAM of every layer, the others of the first and the last.

        Of the transformer, which takes Keras longest, the others of the last alone; but HiResCAM there is zero for any weights
        (notebook 11), and what rounding leaves of it is nobody's to compare: `test_what_is_zero_by_construction`.
        """
        ends = self.layers[-1:] if "gradient-weighted rollout" in self.methods else (self.layers[0], self.layers[-1])
        return [("Grad-CAM", layer) for layer in self.layers] + [
            (method, layer) for method in self.methods if method != "Grad-CAM"
            for layer in (ends if METHODS[method].of_a_layer else (None,)) if (self.model.name, method, layer) != ZERO]

    def maps(self):
        """{(method, layer): maps, one an image}."""
        inputs = self.with_questions(self.images)
        at_once = grad_cam_layers(self.model, inputs, self.layers, self.classes)
        return {(method, layer): at_once[layer] if method == "Grad-CAM" else self.of(method, layer, inputs, self.classes)
                for method, layer in self.asked()}

    def of(self, method, layer, inputs, classes):
        return METHODS[method].explain(self.model, inputs, layer, classes)

    def of_copies(self, method, layer, n):
        return self.of(method, layer, self.with_questions(copies_of(self.images[n]), n), np.full(COPIES, self.classes[n]))


def copies_of(image):
    """COPIES of an image, each changed by NUDGE at most."""
    return (image + np.random.default_rng(17).uniform(-NUDGE, NUDGE, (COPIES, *image.shape))).astype("float32")


class Comparison:
    """Arrays of the engine's held to those of Keras, and what was found: `apart`, the largest difference of those that agree.

    A ReLU or a pooling whose input is zero, or a tie, but for rounding passes its gradient in one program and stops it in the
    other, and all that it sees changes. Where an array differs, Keras is therefore asked about COPIES of the image that no eye
    and no camera could tell from it. The engine's number must lie between those that Keras gives them, or beyond them by no more
    than they are apart: several gates may fall together in a way that no copy met. `undecided` counts the numbers for which
    these are farther apart than AS_KERAS.
    """

    def __init__(self):
        self.apart, self.arrays, self.nudged, self.numbers, self.undecided = 0.0, 0, 0, 0, 0

    def hold(self, engine, keras, what, of_copies):
        engine = np.reshape(engine, keras.shape)
        top, apart = np.abs(keras).max(), np.abs(engine - keras).max()
        self.arrays, self.numbers = self.arrays + 1, self.numbers + keras.size
        if top < NOTHING:
            assert apart < NOTHING, f"{what}: {apart:.2e} where Keras has nothing"
        elif apart <= AS_KERAS * top:
            self.apart = max(self.apart, apart / top)
        else:
            self._hold_to_copies(engine, keras, top, what, of_copies)

    def _hold_to_copies(self, engine, keras, top, what, of_copies):
        copies = np.concatenate([keras[None], of_copies()])
        low, high = copies.min(axis=0), copies.max(axis=0)
        outside = (np.maximum(low - engine, engine - high) - (high - low)).max()
        assert outside <= AS_KERAS * top, f"{what}: {outside / top:.2e} of the maximum {top:.3g} beyond what Keras says of copies"
        self.nudged += 1
        self.undecided += int((high - low > AS_KERAS * top).sum())

    def __str__(self):
        return (f"{self.arrays} arrays; {self.arrays - self.nudged} differ by {self.apart:.1e} of their maximum at most, in "
                f"{self.nudged} rounding decides about a gate: {self.undecided / self.numbers:.3%} of all numbers")


SHARE_UNDECIDED = 0.06      # of a network's numbers; neu_gap_plain has most: its plates have flat places, where poolings tie


@pytest.mark.parametrize("name", [name for name in BUILDERS if name != "scene_captions"])
def test_scores_and_maps_are_those_of_keras(page, name):
    loaded(page, name)
    images, rng = images_for(name), np.random.default_rng(5)
    questions = rng.integers([0, 0], [len(scenes.KINDS_IN_ENGLISH), len(scenes.COLOURS)], (IMAGES, 2)).tolist()
    questions = questions if name == "scene_answers" else []
    asked, compared = Keras(name, images, questions), Comparison()
    maps = asked.maps()
    for n, image in enumerate(images):
        c = int(asked.classes[n])
        answer = told(page, "ask", {"network": name, "image": as_image(image), "question": questions[n] if questions else None,
                                    "choices": [chosen(method, layer, c) for method, layer in maps]})
        assert "error" not in answer, answer
        assert answer["predicted"] == asked.scores[n].argmax()
        assert_close(answer["scores"], asked.scores[n], AS_KERAS)
        for found, ((method, layer), expected) in zip(answer["answers"], maps.items(), strict=True):
            assert (found["height"], found["width"], found["channels"])[:expected[n].ndim] == expected[n].shape
            compared.hold(found["values"], expected[n], f"{name}, image {n}, {method} at {layer} for class {c}",
                          functools.partial(asked.of_copies, method, layer, n))
    print(f"\n{name}: {compared}")
    assert compared.undecided <= SHARE_UNDECIDED * compared.numbers


def test_what_is_zero_by_construction(page):
    """HiResCAM of the tokens that a normalization alone reads: beside Grad-CAM's map no more than rounding, here as in Keras."""
    name, method, layer = ZERO
    loaded(page, name)
    images, model = images_for(name)[:5], load_model(name)
    of_keras = METHODS[method].explain(model, np.stack(images), layer, 1)
    for image, keras_map in zip(images, of_keras, strict=True):
        zero, *halves = (each["values"] for each in told(page, "ask", {
            "network": name, "image": as_image(image), "question": None,
            "choices": [chosen(each, layer, 1) for each in (method, "Grad-CAM", "counterfactual")]})["answers"])
        assert max(np.abs(zero).max(), np.abs(keras_map).max()) < 1e-3 * np.max(halves)


def chosen(method, layer=None, class_index=None):
    return {"method": method, "layer": layer, "classIndex": class_index}


def assert_close(found, expected, share):
    expected = np.asarray(expected, "float32").ravel()
    assert np.abs(found - expected).max() <= share * np.abs(expected).max(), (found, expected)


# --- captions: maps of a word -----------------------------------------------------------------------------------------

def word_maps(model, images, before, t, words):
    """Grad-CAM and HiResCAM of word number t, at the last convolution and at the word's own maps, from a tape of their own."""
    outputs = [model.get_layer("relu4").output, model.get_layer("word_maps").output, model.outputs[0]]
    with tf.GradientTape() as tape:
        A, B, y = keras.Model(model.inputs, outputs)([images, before])
        score = tf.reduce_sum(tf.gather(y[:, t], words, axis=1, batch_dims=1))
    of_A, of_B = tape.gradient(score, [A, B])
    maps = {}
    for layer, features, g in (("relu4", A, of_A), ("word_maps", B[:, t], of_B[:, t])):
        maps["Grad-CAM", layer] = tf.nn.relu(tf.einsum("nijk,nk->nij", features, tf.reduce_mean(g, axis=(1, 2)))).numpy()
        maps["HiResCAM", layer] = tf.reduce_sum(g * features, axis=-1).numpy()
    return maps


def test_captions_and_the_maps_of_their_words_are_those_of_keras(page):
    loaded(page, "scene_captions")
    images, model, compared = images_for("scene_captions"), load_model("scene_captions"), Comparison()
    captions = describe(model, images)
    before = scenes.before(captions)
    scores = model.predict([images, before], verbose=0)
    for t in (1, 3, 6):                         # a colour, a relation, a shape
        maps = word_maps(model, images, before, t, captions[:, t])
        for n, image in enumerate(images):
            answer = told(page, "ask", {"network": "scene_captions", "image": as_image(image), "question": t,
                                        "choices": [chosen(*key) for key in maps]})
            assert answer["caption"] == captions[n].tolist()
            assert_close(answer["scores"], scores[n, t], AS_KERAS)
            for found, (key, expected) in zip(answer["answers"], maps.items(), strict=True):
                def of_copies(key=key, n=n, t=t):
                    words = np.repeat(before[n:n + 1], COPIES, axis=0), t, np.repeat(captions[n, t], COPIES)
                    return word_maps(model, copies_of(images[n]), *words)[key]

                compared.hold(found["values"], expected[n], f"scene_captions, image {n}, word {t}, {key}", of_copies)
    print(f"\nscene_captions: {compared}")
    assert compared.undecided <= SHARE_UNDECIDED * compared.numbers


# --- SqueezeNet, from the file that a reader brings -------------------------------------------------------------------

@pytest.fixture(scope="module")
def squeezenet_file(tmp_path_factory):
    """A file as ncnn's zoo writes it, with random weights, and Keras' network that has read it."""
    rng, parts, model = np.random.default_rng(2), [], squeezenet.squeezenet()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            height, width, inputs, outputs = layer.kernel.shape
            kernel = rng.normal(0, np.sqrt(2 / (height * width * inputs)), (outputs, inputs, height, width))
            kernel = kernel.astype("<f2").tobytes()
            parts += [squeezenet.FLOAT16_WEIGHTS.to_bytes(4, "little"), kernel, bytes(-len(kernel) % 4),
                      rng.normal(0, 0.1, outputs).astype("<f4").tobytes()]
    path = tmp_path_factory.mktemp("squeezenet") / squeezenet.FILE
    path.write_bytes(b"".join(parts))
    squeezenet.read_weights(model, path)
    return path.read_bytes(), model


LOAD_SQUEEZENET = """async ([base64, names]) => {
  const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
  return engine.loadSqueezenet(bytes.buffer, names).then(({ name, classes }) => [name, classes[999]], error => error.message);
}"""


def bring(page, data, names=None):
    return page.evaluate(LOAD_SQUEEZENET, [base64.b64encode(data).decode(), names])


def test_squeezenet_from_its_file(page, squeezenet_file):
    data, model = squeezenet_file
    names = [f"thing {number}" for number in range(1000)]
    assert bring(page, data, names) == ["squeezenet", "thing 999"]
    image = photographs()[3]
    inputs = _preprocess_squeezenet(image[None])
    scores = model.predict(inputs, verbose=0)[0]
    c = int(scores.argmax())
    asked = ("CAM", None), ("Grad-CAM", "fire9_expand3x3"), ("HiResCAM", "conv10")
    answer = told(page, "ask", {"network": "squeezenet", "image": as_image(image), "choices": [chosen(*each) for each in asked]})
    assert answer["predicted"] == c
    assert_close(answer["scores"], scores, AS_KERAS)
    for found, (method, layer) in zip(answer["answers"], asked, strict=True):
        assert_close(found["values"], METHODS[method].explain(model, inputs, layer, c), AS_KERAS)


@pytest.mark.parametrize("change, said", [
    (lambda data: data[:-9], "ends within the weights of conv10"), (lambda data: data + bytes(8), "goes on for 8 bytes"),
    (lambda data: bytes(4) + data[4:], "before the weights of conv1 stands another mark"), (lambda data: b"", "ends within")])
def test_another_file_is_no_squeezenet(page, squeezenet_file, change, said):
    assert said in bring(page, change(squeezenet_file[0]))


def test_names_for_another_number_of_classes(page, squeezenet_file):
    assert bring(page, squeezenet_file[0], ["a", "b"]) == "SqueezeNet has 1000 classes. The file of their names holds 2."


# --- by hand ----------------------------------------------------------------------------------------------------------

ALL_METHODS = ["Grad-CAM", "counterfactual", "CAM", "guided backprop", "Guided Grad-CAM", "HiResCAM", "Grad-CAM++", "LayerCAM",
               "deconvnet"]
IMAGE = {"values": np.array([1, 2, 4, 5], "float32"), "height": 2, "width": 2, "channels": 1}      # rows 1 2 and 4 5


def tiny(page, name, kernel, bias, head, head_weights):
    """Have the page load a network of 2x2 pixels: a 1x1 convolution with ReLU, A, and what follows it."""
    weights, nodes = [], [{"name": "images", "op": "input", "inputs": [], "shape": [2, 2, 1]}]

    def place(values, shape):
        weights.extend(values)
        return {"offset": len(weights) - len(values), "shape": shape}

    K = len(kernel)
    nodes += [{"name": "conv", "op": "convolution", "inputs": ["images"], "shape": [2, 2, K],
               "window": {"size": [1, 1], "strides": [1, 1], "dilation": [1, 1], "before": [0, 0]},
               "weights": {"kernel": place(kernel, [1, 1, 1, K]), "bias": place(bias, [K])}},
              {"name": "A", "op": "relu", "inputs": ["conv"], "shape": [2, 2, K]}, head,
              {"name": "y", "op": "dense", "inputs": [head["name"]], "shape": [2],
               "weights": {"kernel": place(head_weights, [head["shape"][0], 2]), "bias": place([1, 0], [2])}}]
    layer = {"name": "A", "height": 2, "width": 2, "channels": K, "cells": {"stride": [1, 1], "offset": [0, 0]}, "field": [1, 1]}
    description = {"name": name, "input": {"height": 2, "width": 2, "channels": 1}, "classes": ["a", "b"], "sigmoid": False,
                   "nodes": nodes, "output": "y", "layers": [layer], "methods": ALL_METHODS}
    page.add_script_tag(content=build.network_file(networks.Exported(description, np.array(weights, "<f2"))))
    return description, np.array(weights, "float32")


def pooled_head(page, name="pooled"):
    """A^1 = x = 1 2 4 5 and A^2 = ReLU(3 - x) = 2 1 0 0; their means are 3 and 3/4.

    y_a = 2 * 3 - 4 * 3/4 + 1 = 4 and y_b = -1 * 3 + 8 * 3/4 = 3.
    """
    gap = {"name": "gap", "op": "mean", "inputs": ["A"], "shape": [2], "places": 4}
    return tiny(page, name, [1, -1], [0, 3], gap, [2, -1, -4, 8])           # (2, 2): rows are channels, columns classes


def flat_head(page):
    """A = x = 1 2 4 5, and y_a = 4 * 1 - 4 * 2 + 0 * 4 + 8 * 5 + 1 = 37: every place has a gradient of its own, 4 -4 0 8."""
    flat = {"name": "flat", "op": "reshape", "inputs": ["A"], "shape": [4]}
    return tiny(page, "flat", [1], [0], flat, [4, 0, -4, 0, 0, 0, 8, 1])


BY_HAND = [     # method, class, the map's four numbers; at the pooled head ∂y_a/∂A = (2, -4)/4 and ∂y_b/∂A = (-1, 8)/4 everywhere
    ("Grad-CAM", 0, [0, 0, 2, 2.5]),                # ReLU(0.5 A^1 - 1 A^2): 0.5 - 2, 1 - 1, 2, 2.5
    ("counterfactual", 0, [1.5, 0, 0, 0]),          # ReLU of its negative
    ("CAM", 0, [-6, 0, 8, 10]),                     # 2 A^1 - 4 A^2
    ("CAM", 1, [15, 6, -4, -5]),                    # -1 A^1 + 8 A^2
    ("HiResCAM", 0, [-1.5, 0, 2, 2.5]),             # CAM / 4
    ("LayerCAM", 0, [0.5, 1, 2, 2.5]),              # only 0.5 A^1 has a positive gradient
    ("Grad-CAM++", 0, [0.25, 0.5, 1, 1.25]),        # w_1 = 4 * 0.5 / (2 + 0.5 * 12) = 1/4; w_2 = 0, its gradient is negative
    ("guided backprop", 0, [0.5, 0.5, 0.5, 0.5]),   # 0.5 through A^1, -1 does not pass A^2
    ("guided backprop", 1, [-2, -2, 0, 0]),         # -1/4 does not pass A^1; 2 through A^2 where it is above 0, times -1
    ("deconvnet", 1, [-2, -2, -2, -2]),             # the same, whatever A^2 is
    ("Guided Grad-CAM", 1, [-7.5, -3, 0, 0]),       # ReLU(-1/4 A^1 + 2 A^2) = 3.75 1.5 0 0, times -2 -2 0 0
]


def test_every_method_by_hand(page):
    pooled_head(page)
    choices = [chosen(method, "A", c) for method, c, _ in BY_HAND]
    answer = told(page, "ask", {"network": "pooled", "image": IMAGE, "choices": choices})
    assert answer["scores"].tolist() == [4, 3] and answer["predicted"] == 0
    assert_close(answer["probabilities"], [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))], 1e-6)
    for found, (method, c, expected) in zip(answer["answers"], BY_HAND, strict=True):
        assert found["values"].tolist() == expected, (method, c)
    assert {method for method, *_ in BY_HAND} == set(ALL_METHODS)


@pytest.mark.parametrize("method, expected", [
    ("Grad-CAM", [2, 4, 8, 10]),                    # α = (4 - 4 + 0 + 8) / 4 = 2
    ("HiResCAM", [4, -8, 0, 40]),
    ("LayerCAM", [4, 0, 0, 40]),
    # w = 4 / (2 + 4 * 12) + 8 / (2 + 8 * 12) = 0.08 + 4/49; gradients of -4 and 0 count nothing
    ("Grad-CAM++", [0.08 + 4 / 49, 0.16 + 8 / 49, 0.32 + 16 / 49, 0.4 + 20 / 49])])
def test_gradients_that_differ_from_place_to_place_by_hand(page, method, expected):
    flat_head(page)
    answer = told(page, "ask", {"network": "flat", "image": IMAGE, "choices": [chosen(method, "A", 0)]})
    assert_close(answer["answers"][0]["values"], expected, 1e-6)


def test_the_opened_formula_by_hand(page):
    """Of y_a: 0.5 A^1 has the maximum 2.5, -1 A^2 has 2 at most, so A^1 comes first."""
    pooled_head(page)
    asked = {"network": "pooled", "image": IMAGE, "layer": "A", "classIndex": 0}
    opened = told(page, "open", asked | {"method": "Grad-CAM", "count": 2})
    assert [(channel["k"], channel["alpha"], channel["A"].tolist()) for channel in opened["channels"]] == [
        (0, 0.5, [1, 2, 4, 5]), (1, -1, [2, 1, 0, 0])]
    assert [part.tolist() for part in opened["sums"]] == [[0.5, 1, 2, 2.5], [-1.5, 0, 2, 2.5]]
    assert opened["total"].tolist() == [-1.5, 0, 2, 2.5] and opened["Z"] == 4
    less = told(page, "open", asked | {"method": "CAM", "count": 1})
    assert [part.tolist() for part in less["sums"]] == [[2, 4, 8, 10]] and less["total"].tolist() == [-6, 0, 8, 10]


def test_rollout_by_hand(page):
    """Two blocks of one head and three tokens. With M = ReLU(g ⊙ A), R = (I + M_2)(I + M_1), of it the end of the first row.

    M_1 = [[0, 1, 0], [0, 0, 2], [0, 0, 0]] and M_2 = [[0, 0, 3], [0, 0, 0], [0, 1, 0]]:
    the first row of I + M_2 is 1 0 3, and 1 0 3 times I + M_1 = [[1, 1, 0], [0, 1, 2], [0, 0, 1]] is 1 1 3.
    """
    A = np.full(9, 0.5, "float32")
    first, second = np.array([-1, 2, 0, 0, 0, 4, 0, 0, 0], "float32"), np.array([0, 0, 6, -8, 0, 0, 0, 2, 0], "float32")
    blocks = [{"A": A, "g": g, "shape": [1, 3, 3]} for g in (first, second)]
    assert _arrays(page.evaluate("rolledOut", [_texts(blocks), 2])).tolist() == [1, 3]


def test_a_thrown_head_has_forgotten_what_it_learned(page):
    pooled_head(page, "thrown")
    names = [told(page, "dice", "thrown", seed) for seed in (1, 1, 2)]
    first, again, other, before = (told(page, "ask", {"network": name, "image": IMAGE, "choices": []})["scores"].tolist()
                                   for name in (*names, "thrown"))
    assert before == [4, 3] and first == again and len({tuple(scores) for scores in (first, other, before)}) == 3
    # Glorot's limit is √(6 / (2 + 2)) for each weight, and the means that it weighs are 3 and 3/4
    assert all(abs(score) <= np.sqrt(1.5) * 3.75 for score in first + other)


# --- what is kept, and what is wrong ----------------------------------------------------------------------------------

def test_the_order_of_questions_changes_no_answer(page):
    """One backward pass serves all layers: it goes on from where the last question left it."""
    loaded(page, "mnist_cnn")
    image, *others = map(as_image, images_for("mnist_cnn")[:3])
    choices = [chosen("Grad-CAM", layer, 3) for layer in ("conv1", "conv3", "conv2")]
    ask = {"network": "mnist_cnn", "image": image, "choices": choices}
    downwards = told(page, "ask", ask)["answers"]
    for other in others:
        told(page, "ask", ask | {"image": other})
        found = [told(page, "ask", ask | {"choices": [choice]})["answers"][0] for choice in reversed(ask["choices"])]
        for one, same in zip(found, reversed(downwards), strict=True):
            assert (one["layer"], one["values"].tolist()) == (same["layer"], same["values"].tolist())


@pytest.mark.parametrize("change, said", [
    ({"network": "nothing"}, "The network nothing is not loaded."),
    ({"choices": [chosen("Score-CAM")]}, "Score-CAM does not apply to pooled. These do: Grad-CAM, "),
    ({"choices": [chosen("Grad-CAM", "B")]}, "pooled has no layer B. It has A."),
    ({"choices": [chosen("Grad-CAM", "A", 2)]}, "pooled has no class number 2; it has 2."),
    ({"image": IMAGE | {"channels": 3}}, "pooled takes images of 1 channels. This one has 3, and 4 values.")])
def test_what_cannot_be_answered_is_a_sentence(page, change, said):
    pooled_head(page)
    assert told(page, "ask", {"network": "pooled", "image": IMAGE, "choices": []} | change)["error"].startswith(said)


# --- the parts --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("m, k, n", [(1, 1, 1), (3, 5, 7), (4, 8, 8), (5, 1, 9), (17, 33, 15), (301, 450, 10)])
@pytest.mark.parametrize("transposed", [False, True])
def test_matrices_are_multiplied(page, m, k, n, transposed):
    rng = np.random.default_rng(m + k)
    A, B = rng.normal(size=(m, k)).astype("float32"), rng.normal(size=(k, n)).astype("float32")
    for kind in ("WasmGemm", "PlainGemm"):
        found = _arrays(page.evaluate("multiplied", [kind, _texts(A), _texts(B.T if transposed else B), m, k, n, transposed]))
        np.testing.assert_allclose(found.reshape(m, n), A.astype(float) @ B, atol=1e-6 * k)


def test_a_browser_without_vectors_answers_the_same(page):
    description, numbers = pooled_head(page)
    request = {"image": IMAGE, "choices": [chosen(method, "A", c) for method, c, _ in BY_HAND]}
    answer = _arrays(page.evaluate("plainly", [description, _texts(numbers), _texts(request)]))
    assert [found["values"].tolist() for found in answer["answers"]] == [expected for *_, expected in BY_HAND]


def window(size, strides=(1, 1), dilation=(1, 1), before=(0, 0)):
    return {"size": size, "strides": strides, "dilation": dilation, "before": before}


LAYERS = [      # op, shapes of the inputs, shape of the output, settings, shapes of the weights
    ("relu", [(3, 4, 2)], (3, 4, 2), {}, {}), ("gelu", [(5, 3)], (5, 3), {}, {}),
    ("affine", [(2, 3, 2)], (2, 3, 2), {"scale": [2.0, -1.0], "shift": [0.5, 3.0]}, {}),
    ("affine", [(2, 3, 2)], (2, 3, 2), {"epsilon": 0.1}, {"mean": 2, "variance": 2, "gamma": 2, "beta": 2}),
    ("add", [(2, 3, 2), (1, 1, 2)], (2, 3, 2), {}, {}), ("subtract", [(2, 3, 2), (2, 3, 2)], (2, 3, 2), {}, {}),
    ("multiply", [(1, 3, 2, 2), (4, 1, 1, 2)], (4, 3, 2, 2), {}, {}), ("concatenate", [(2, 3), (2, 2)], (2, 5), {}, {}),
    ("convolution", [(5, 4, 2)], (3, 2, 3), {"window": window([3, 2], [2, 2], before=[1, 0])}, {"kernel": 36, "bias": 3}),
    ("convolution", [(5, 5, 2)], (5, 5, 3), {"window": window([3, 3], dilation=[2, 2], before=[2, 2])}, {"kernel": 54}),
    ("convolution", [(3, 2, 2)], (3, 2, 9), {"window": window([1, 1])}, {"kernel": 18, "bias": 9}),
    ("maxPooling", [(5, 5, 2)], (3, 3, 2), {"window": window([3, 3], [2, 2], before=[1, 1])}, {}),
    ("averagePooling", [(5, 5, 2)], (3, 3, 2), {"window": window([3, 3], [2, 2], before=[1, 1])}, {}),
    ("pad", [(2, 2, 2)], (5, 4, 3), {"before": [1, 2, 1]}, {}), ("resize", [(2, 3, 2)], (6, 7, 2), {}, {}),
    ("mean", [(2, 3, 4)], (4,), {"places": 6}, {}), ("maximum", [(2, 3, 2, 4)], (2, 4), {"places": 6}, {}),
    ("dense", [(5, 3)], (5, 4), {}, {"kernel": 12, "bias": 4}), ("reshape", [(2, 6)], (3, 4), {}, {}),
    ("pick", [(3, 4)], (4,), {"index": 1}, {}), ("offsets", [(2, 3)], (2, 3), {}, {"values": 6}),
    ("token", [(2, 3)], (3, 3), {}, {"token": 3}), ("log1p", [(4, 2)], (4, 2), {}, {}),
    ("layerNormalization", [(3, 4)], (3, 4), {"epsilon": 0.1}, {"gamma": 4, "beta": 4}),
    ("attention", [(3, 4), (3, 4)], (2, 3, 3), {}, {}), ("attended", [(2, 3, 3), (3, 4)], (3, 4), {}, {})]
WITHOUT_WAY_BACK = {"embedding", "gru"}         # no gradient of a picture goes through words


@pytest.mark.parametrize("op, inputs, shape, settings, weights", LAYERS)
def test_the_way_back_is_the_slope_of_the_way_forward(page, op, inputs, shape, settings, weights):
    """∂(R · y)/∂x by central differences; the inputs keep a twentieth from zero and from each other: no gate falls over."""
    rng, step = np.random.default_rng(3), 0.01
    count = sum(int(np.prod(one)) for one in inputs)
    values = rng.permutation(np.arange(count) * 0.1 + (0.05 if op == "log1p" else 0.05 - 0.1 * (count // 2))).astype("float32")
    node = {"name": "layer", "op": op, "inputs": [], "shape": shape, "weights": weights or None, **settings}
    weights = _texts({name: rng.uniform(0.5, 1.5, size).astype("float32") for name, size in weights.items()})
    R = rng.normal(size=int(np.prod(shape))).astype("float32")

    def given(x):
        parts = np.split(x, np.cumsum([int(np.prod(one)) for one in inputs])[:-1])
        return [{"shape": one, "data": _texts(part)} for one, part in zip(inputs, parts, strict=True)]

    nudged = [given(values + sign * step * np.eye(count, dtype="float32")[i]) for i in range(count) for sign in (1, -1)]
    forward = page.evaluate("([node, all, weights]) => all.map(each => forwardOf([node, each, weights]))",
                            [node, nudged, weights])
    y = np.array([_arrays(one).astype(float) @ R for one in forward])
    slopes = (y[::2] - y[1::2]) / (2 * step)
    back = np.concatenate(_arrays(page.evaluate("backwardOf", [node, given(values), weights, _texts(R)])))
    np.testing.assert_allclose(back, slopes, atol=2e-3 * max(1, np.abs(slopes).max()))


def test_every_layer_with_a_way_back_is_tried(page):
    assert set(page.evaluate("layerNames()")) == {op for op, *_ in LAYERS} | WITHOUT_WAY_BACK


def test_modules_become_one_script(page, tmp_path):
    """Each runs once, before those that import it; what it does not export nobody else sees."""
    for name, code in {"main": 'import { two as deux, next } from "./b.js";\nimport { given } from "build:told";\n'
                               'import {\n  Pair,\n} from "./c.js";\nconst hidden = 3;\n'
                               "globalThis.joined = [deux, next(), next(), given, new Pair().both, hidden];\n",
                       "b": "let hidden = 10;\nexport const two = 2;\nexport function next() {\n  return hidden++;\n}\n",
                       "c": 'import { next } from "./b.js";\nexport class Pair {\n  both = [next(), 0];\n}\n'}.items():
        (tmp_path / f"{name}.js").write_text(code, encoding="utf-8")
    page.add_script_tag(content=bundle.bundle(tmp_path / "main.js", {"told": {"given": ["</script>", "é"]}}))
    assert page.evaluate("joined") == [2, 10, 11, ["</script>", "é"], [12, 0], 3]
