"""The explorer's engine in Chromium, held to Keras: every network, every method, twenty images each."""
import base64
import functools
import itertools

import numpy as np
import pytest

from lecture_utils import grad_cam_layers, load_photo
from lecture_utils.datasets import planted, scenes
from lecture_utils.datasets.loaders import EMBEDDED_DIGITS, EMBEDDED_STEEL, PHOTOS
from lecture_utils.datasets.synthetic import draw_digits, draw_steel
from lecture_utils.explain.methods import METHODS
from lecture_utils.models import BUILDERS, load_model, resized
from tools.explorer import build, networks

IMAGES = 20
AS_KERAS = 1e-3         # of an array's own maximum, by which a number may differ
NOTHING = 1e-10         # a maximum below is what rounding left of zero
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


# --- images ----------------------------------------------------------------------------------------------------------------

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


# --- as Keras says -----------------------------------------------------------------------------------------------------------

class Keras:
    """What Keras says of a network's images: `scores` (n, classes), and maps of the classes asked about."""

    def __init__(self, name, images):
        self.model, described = load_model(name), shipped(name).description
        self.inputs, self.methods = model_input(described, images), described["methods"]
        self.layers = [layer["name"] for layer in described["layers"]]
        self.scores = self.model.predict(self.inputs, verbose=0)
        # For every other image the predicted class, for those between them a class each in turn.
        turns = np.arange(len(images))
        self.classes = np.where(turns % 2 == 0, self.scores.argmax(axis=1), 7 * turns % self.scores.shape[1])

    def asked(self):
        """(method, layer) of all that is compared: Grad-CAM of every layer, the others of the first and the last."""
        others = [method for method in self.methods if method != "Grad-CAM"]
        return [("Grad-CAM", layer) for layer in self.layers] + [
            (method, layer) for method in others
            for layer in ((self.layers[0], self.layers[-1]) if METHODS[method].of_a_layer else (None,))]

    def maps(self):
        """{(method, layer): maps, one an image}."""
        at_once = grad_cam_layers(self.model, self.inputs, self.layers, self.classes)
        return {(method, layer): at_once[layer] if method == "Grad-CAM" else self.of(method, layer, self.inputs, self.classes)
                for method, layer in self.asked()}

    def of(self, method, layer, inputs, classes):
        return METHODS[method].explain(self.model, inputs, layer, classes)

    def of_copies(self, method, layer, n):
        """Maps of COPIES copies of image n, each changed by NUDGE at most."""
        copies = np.repeat(self.inputs[n:n + 1], COPIES, axis=0)
        copies += np.random.default_rng(n).uniform(-NUDGE, NUDGE, copies.shape).astype("float32")
        return self.of(method, layer, copies, np.full(COPIES, self.classes[n]))


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


ONE_INPUT = [name for name in BUILDERS if not name.startswith("scene")]


@pytest.mark.parametrize("name", ONE_INPUT)
def test_scores_and_maps_are_those_of_keras(page, name):
    loaded(page, name)
    images = images_for(name)
    keras, compared = Keras(name, images), Comparison()
    maps = keras.maps()
    for n, image in enumerate(images):
        c = int(keras.classes[n])
        answer = told(page, "ask", {"network": name, "image": as_image(image), "choices": [
            {"method": method, "layer": layer, "classIndex": c} for method, layer in maps]})
        assert "error" not in answer, answer
        assert answer["predicted"] == keras.scores[n].argmax()
        assert np.abs(answer["scores"] - keras.scores[n]).max() <= AS_KERAS * np.abs(keras.scores[n]).max()
        for found, ((method, layer), expected) in zip(answer["answers"], maps.items(), strict=True):
            assert (found["height"], found["width"], found["channels"])[:expected[n].ndim] == expected[n].shape
            compared.hold(found["values"], expected[n], f"{name}, image {n}, {method} at {layer} for class {c}",
                          functools.partial(keras.of_copies, method, layer, n))
    print(f"\n{name}: {compared}")
    assert compared.undecided <= 0.06 * compared.numbers
