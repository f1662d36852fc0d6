"""The explorer's engine in Chromium, held to Keras: every network, every method, twenty images each.

Scores and maps must agree to a thousandth of the array's own maximum. An array whose maximum is zero, or as good as zero
beside what the network is made of, has no thousandth: there both must be as small as the other.
"""
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
AS_KERAS = 1e-3         # of an array's own maximum


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

def classes_asked(scores):
    """For every other image the predicted class, for those between them a class each in turn."""
    return np.where(np.arange(len(scores)) % 2 == 0, scores.argmax(axis=1), 7 * np.arange(len(scores)) % scores.shape[1])


def keras_maps(name, inputs, classes):
    """{(method, layer): maps, one an image}: Grad-CAM of all layers, the others of the first and the last."""
    model, described = load_model(name), shipped(name).description
    layers = [layer["name"] for layer in described["layers"]]
    maps = {("Grad-CAM", layer): found for layer, found in grad_cam_layers(model, inputs, layers, classes).items()}
    for method in described["methods"]:
        ends = (layers[0], layers[-1]) if METHODS[method].of_a_layer else (None,)
        maps |= {(method, layer): METHODS[method].explain(model, inputs, layer, classes) for layer in ends
                 if (method, layer) not in maps}
    return maps


def compare(engine, keras, what):
    """The greatest difference as a share of the array's maximum; it must be AS_KERAS at most."""
    top = np.abs(keras).max()
    apart = np.abs(np.reshape(engine, keras.shape) - keras).max()
    if top > 1e-10:         # below, nothing but what rounding left
        assert apart <= AS_KERAS * top, f"{what}: {apart / top:.2e} of the maximum {top:.3g}"
        return apart / top
    assert apart <= 1e-10, f"{what}: {apart:.2e} where Keras has nothing"
    return 0.0


ONE_INPUT = [name for name in BUILDERS if not name.startswith("scene")]


@pytest.mark.parametrize("name", ONE_INPUT)
def test_scores_and_maps_are_those_of_keras(page, name, record_property):
    described, images = loaded(page, name), images_for(name)
    inputs = model_input(described, images)
    scores = load_model(name).predict(inputs, verbose=0)
    classes = classes_asked(scores)
    maps = keras_maps(name, inputs, classes)
    apart = []
    for n, image in enumerate(images):
        answer = told(page, "ask", {"network": name, "image": as_image(image), "choices": choices_of(maps, classes[n])})
        apart.append(hold_to_keras(answer, scores[n], {key: found[n] for key, found in maps.items()}, f"{name}, image {n}"))
    record_property("largest difference", max(apart))
    print(f"{name}: {len(maps) + 1} arrays of {len(images)} images, largest difference {max(apart):.1e} of the maximum")


def choices_of(maps, class_index):
    return [{"method": method, "layer": layer, "classIndex": int(class_index)} for method, layer in maps]


def hold_to_keras(answer, scores, maps, what):
    assert "error" not in answer, answer
    assert answer["predicted"] == scores.argmax()
    apart = [compare(answer["scores"], scores, f"{what}, scores")]
    for found, ((method, layer), expected) in zip(answer["answers"], maps.items(), strict=True):
        shape = (found["height"], found["width"], found["channels"])
        assert shape[:expected.ndim] == expected.shape, (method, layer, shape, expected.shape)
        apart.append(compare(found["values"], expected, f"{what}, {method} at {layer}"))
    return max(apart)
