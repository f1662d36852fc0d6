"""The explorer: what it shows against the package's own functions, its cache, its controls on both ipywidgets' ways of
handing over files, pictures from outside in every state of damage, and when it stands still."""

import asyncio
import base64
import io
import random
import re

import ipywidgets
import keras
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from lecture_utils import (
    attention_rollout,
    cam,
    cell_centres,
    counterfactual_cam,
    grad_cam,
    guided_backprop,
    load_model,
    plots,
    upsample,
)
from lecture_utils.asking import someone_is_there
from lecture_utils.datasets.scenes import ANSWERS, SEEDS, SHAPES, draw_scenes
from lecture_utils.explain.methods import ATTENTION, METHODS
from lecture_utils.explorer import Choice, Exploration, exploration, uploads, widgets


@pytest.fixture(scope="module")
def digits(embedded_digits):
    return embedded_digits.x_test[:6]


@pytest.fixture(scope="module")
def reader():
    return load_model("mnist_cnn")


@pytest.fixture(scope="module")
def steel():
    return load_model("neu_gap")


@pytest.fixture
def exploring(reader):
    return Exploration(reader, range(10))


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, format="png")
    return file.getvalue()


# ---- what is shown


def attribution(exploring, image, choice=Choice()):
    return exploring.attribution(image, exploring.complete(image, choice))


def views(exploring, image, choice=Choice()):
    return exploration.views(exploring, image, exploring.complete(image, choice))


def placed_guided_grad_cam(model, images, layer, c):
    """As the paper defines it, the map laid where its cells look."""
    maps = upsample(grad_cam(model, images, layer, c), images.shape[1:3], cell_centres(model, layer))
    return maps[..., None] * guided_backprop(model, images, c)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3"])
@pytest.mark.parametrize("method, function", [("Grad-CAM", grad_cam), ("counterfactual", counterfactual_cam),
                                              ("Guided Grad-CAM", placed_guided_grad_cam)])
def test_a_map_is_the_one_of_the_public_function(exploring, reader, digits, method, function, layer):
    close = 1e-2 if method == "Guided Grad-CAM" else 1e-5       # a gate whose input rounds to zero may open or not
    for c in (0, 7, None):
        shown = attribution(exploring, digits[1], Choice(method, layer, c))
        expected = function(reader, digits[1:2], layer, c)[0]
        np.testing.assert_allclose(shown, expected, atol=close * np.abs(expected).max())


def test_methods_without_a_layer_are_those_of_the_public_functions(steel):
    images = np.random.default_rng(0).random((1, 200, 200, 1), dtype=np.float32)
    exploring = Exploration(steel, "abcdef")
    for method, function in (("CAM", cam), ("guided backprop", guided_backprop)):
        expected = function(steel, images, 4)[0]
        np.testing.assert_allclose(attribution(exploring, images[0], Choice(method, None, 4)), expected,
                                   atol=1e-5 * np.abs(expected).max())


ON_CNNS = [method for method in METHODS.values() if not method.slow and method.kind != ATTENTION]


@pytest.mark.parametrize("method", ON_CNNS, ids=lambda method: method.name)
def test_every_method_of_the_list_is_offered_and_is_its_public_function(unpadded, method):
    exploring, (image, _) = Exploration(unpadded, "ab"), dot(28)
    assert method.name in exploring.methods
    shown = exploring.attribution(image, Choice(method.name, "first", 1))
    expected = method.explain(unpadded, image[None], "first", 1)[0]
    assert shown.shape == expected.shape and shown.ndim == (3 if method.of_pixels else 2)
    np.testing.assert_allclose(shown, expected, atol=1e-5 * np.abs(expected).max())


def test_cam_is_offered_only_where_there_is_a_gap_head(exploring, steel):
    assert "CAM" not in exploring.methods
    assert "CAM" in Exploration(steel, "abcdef").methods


@pytest.fixture(scope="module")
def shapes():
    return draw_scenes(2, SEEDS["test"], objects=2, shapes=SHAPES)


@pytest.fixture(scope="module")
def attending():
    return load_model("vit_shapes")


def test_rollout_is_offered_where_attention_can_be_read_and_knows_the_class(attending, exploring, steel, shapes):
    offered = Exploration(attending, SHAPES)
    for c in (0, 4):
        shown = attribution(offered, shapes.images[0], Choice("gradient-weighted rollout", None, c))
        expected = attention_rollout(attending, shapes.images[:1], c)[0]
        np.testing.assert_allclose(shown, expected, atol=1e-5 * expected.max())
        assert np.abs(shown - attention_rollout(attending, shapes.images[:1])[0]).max() > 0.01
    assert all("gradient-weighted rollout" not in each.methods for each in (exploring, Exploration(steel, "abcdef")))


def test_rollout_lies_on_the_patches_whatever_layer_is_the_last():
    """Patches of 4x4 pixels; the tokens become a map again, of half as many rows, for a convolution."""
    images = keras.Input((16, 8, 3))
    tokens = keras.layers.Reshape((8, 4))(keras.layers.Conv2D(4, 4, strides=4)(images))
    seen = keras.layers.Reshape((4, 2, 4))(keras.layers.MultiHeadAttention(1, 4)(tokens, tokens))
    features = keras.layers.Conv2D(2, (2, 1), strides=(2, 1), name="attention")(seen)
    model = keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(features)))
    exploring, image = Exploration(model, "ab"), np.zeros((16, 8, 3), np.float32)
    cells, size = exploring.place(image, exploring.complete(image, Choice("gradient-weighted rollout")))
    assert (cells, size) == (((4, 1.5), (4, 1.5)), (16, 8))
    assert attribution(exploring, image, Choice("gradient-weighted rollout")).shape == (4, 2)


@pytest.mark.parametrize("end", [keras.ops.sigmoid, keras.layers.Activation("sigmoid")], ids=["operation", "layer"])
def test_where_a_model_ends_in_sigmoids_each_class_has_its_own_probability(attending, shapes, end):
    model, image = keras.Model(attending.input, end(attending.output)), shapes.images[0]
    exploring, y = Exploration(model, SHAPES), attending(shapes.images[:1], training=False).numpy()[0]
    there = [SHAPES[c] for c in np.flatnonzero(y > 0)]
    assert len(there) == 2 and set(there) == {SHAPES[s] for s in shapes.shapes[0]}
    lines = exploration.score_lines(exploring, image, [exploring.complete(image, Choice())])
    np.testing.assert_allclose([line.value for line in lines], 1 / (1 + np.exp(-y)), atol=1e-5)
    np.testing.assert_allclose([line.width for line in lines], 1 / (1 + np.exp(-y)), atol=1e-5)      # of the whole, 1
    assert [line.name for line in lines if line.predicted] == there
    assert exploration.input_picture(exploring, image).alt == f"The input, read as {' and '.join(there)}."
    assert exploring.complete(image, Choice()).class_index == y.argmax()                             # the surest of them
    shown = widgets.Explorer(exploring, shapes.images)
    assert "probability of each class" in shown.view.value and "logits" not in shown.view.value
    described = exploration.description(exploring, image, [Choice("Grad-CAM", "conv3", 0)])
    assert described.endswith("Bars of the classes' probabilities.")


def test_a_picture_of_which_all_classes_are_improbable_is_read_as_nothing(attending):
    model = keras.Model(attending.input, keras.ops.sigmoid(attending.output - 100))
    assert "read as nothing" in exploration.input_picture(Exploration(model, SHAPES), np.zeros((64, 64, 3), np.float32)).alt


def test_logits_stay_logits_and_one_of_them_is_predicted(attending, shapes):
    exploring, image = Exploration(attending, SHAPES), shapes.images[0]
    y = attending(shapes.images[:1], training=False).numpy()[0]
    np.testing.assert_allclose(exploring.scores(image), y, rtol=1e-4)
    assert exploring.predicted(image) == [y.argmax()] and exploration.scores_title(exploring, image) == "class scores (logits)"


def test_a_network_of_two_inputs_is_explored_with_one_of_them_held():
    """As in notebook 10: scores and maps are those of the network itself with this question."""
    answers, scenes, question = load_model("scene_answers"), draw_scenes(2, SEEDS["test"]), np.array([[0, 4]])
    image = keras.Input((64, 64, 3))
    held = keras.ops.zeros_like(image[:, 0, 0, :1], dtype="int32") + question
    exploring = Exploration(keras.Model(image, answers([image, held])), ANSWERS)
    inputs = [scenes.images[:1], question]
    np.testing.assert_allclose(exploring.scores(scenes.images[0]), answers(inputs)[0], rtol=1e-4)
    assert exploring.last_layer == "scene_answers/relu5"
    for c in (0, 1):
        expected = grad_cam(answers, inputs, "relu5", c)[0]
        np.testing.assert_allclose(attribution(exploring, scenes.images[0], Choice(class_index=c)), expected,
                                   atol=1e-5 * expected.max())


def test_scores_are_the_model_s_and_are_shown_with_two_decimals(exploring, reader, digits):
    expected = reader.predict(digits[2:3], verbose=0)[0]
    np.testing.assert_allclose(exploring.scores(digits[2]), expected, atol=1e-5)
    shown = exploration.scores_html(exploration.score_lines(exploring, digits[2], [exploring.complete(digits[2], Choice())]))
    assert re.findall(r'class="score"[^>]*>([^<]+)<', shown) == [f"{score:.2f}" for score in expected]


def test_dropout_and_batch_statistics_rest():
    """Scores and maps are those of `predict`, not of training."""
    images = keras.Input((8, 8, 1))
    features = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(images)
    varied = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(features))
    model = keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(varied)))
    image = 3 + np.random.default_rng(0).random((8, 8, 1), dtype=np.float32)
    statistics = [value.copy() for value in model.get_weights()]
    exploring = Exploration(model, "abc")
    np.testing.assert_allclose(exploring.scores(image), model.predict(image[None], verbose=0)[0], rtol=1e-4)
    assert all(map(np.array_equal, model.get_weights(), statistics))


def test_images_that_differ_anywhere_are_different_images(exploring, reader, digits):
    """Each is answered for itself, whatever was asked before."""
    exploring.scores(digits[0])
    for place in [(0, 0), (0, 27), (13, 14), (14, 13), (27, 0), (27, 27)]:
        image = digits[0].copy()
        image[place] = 1 - image[place]
        np.testing.assert_allclose(exploring.scores(image), reader(image[None], training=False)[0], atol=1e-5)


def test_images_of_the_same_bytes_and_another_shape_are_different_images():
    images = keras.Input((None, None, 1))
    features = keras.layers.Conv2D(2, (1, 3), activation="relu", name="conv")(images)
    model = keras.Model(images, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(features)))
    exploring, pixels = Exploration(model, "ab"), np.random.default_rng(0).random(48, dtype=np.float32)
    for shape in ((6, 8, 1), (8, 6, 1)):
        image = pixels.reshape(shape)
        np.testing.assert_allclose(exploring.scores(image), model(image[None], training=False)[0], atol=1e-5)
        assert attribution(exploring, image).shape == (shape[0], shape[1] - 2)


def test_of_a_thousand_classes_the_best_ten_are_listed_and_each_is_explained_alone():
    images = keras.Input((8, 8, 3))
    features = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(images)
    model = keras.Model(images, keras.layers.Dense(40)(keras.layers.Flatten()(features)))
    image = np.random.default_rng(1).random((8, 8, 3), dtype=np.float32)
    exploring = Exploration(model, range(40))
    assert exploring.listed_classes(image) == sorted(range(40), key=lambda c: -model(image[None])[0, c])[:10]
    np.testing.assert_allclose(attribution(exploring, image, Choice(class_index=33)), grad_cam(model, image[None], None, 33)[0],
                               atol=1e-6)


def test_an_image_is_computed_once_whatever_is_asked_of_it(exploring, digits, monkeypatch):
    passes = []
    monkeypatch.setattr(exploration.engine, "explain_feature_maps",
                        lambda *arguments, run=exploration.engine.explain_feature_maps: passes.append(1) or run(*arguments))
    for layer in exploring.layers:
        for c in range(10):
            exploration.views(exploring, digits[0], Choice("Grad-CAM", layer, c))
            exploration.views(exploring, digits[0], Choice("counterfactual", layer, c))
    assert len(passes) == 1


def test_memory_is_bounded(exploring, digits, monkeypatch):
    monkeypatch.setattr(exploration, "REMEMBERED", 4)
    for image in digits:
        exploring.scores(image)
        attribution(exploring, image)
    assert len(exploring._answers) == 4
    assert exploring.scores(digits[0]).argmax() == 0


def test_what_was_not_asked_for_the_longest_time_is_forgotten(exploring, digits, monkeypatch):
    asked = []
    monkeypatch.setattr(exploration, "REMEMBERED", 2)
    monkeypatch.setattr(exploring, "_forward", lambda inputs, run=exploring._forward: asked.append(1) or run(inputs))
    for n in (0, 1, 0, 2, 0):
        exploring.scores(digits[n])
    assert len(asked) == 3                  # 0 was asked for again before 2 came, so 1 was forgotten
    exploring.scores(digits[1])
    assert len(asked) == 4


@pytest.mark.parametrize("choice", [Choice("Score-CAM"), Choice(layer="conv9"), Choice(class_index=10), Choice(class_index=-2),
                                    Choice("CAM"), Choice(opacity=1.5)])
def test_what_there_is_not_is_a_clear_error(exploring, digits, choice):
    with pytest.raises(ValueError, match="there is no|opacity"):
        exploring.complete(digits[0], choice)


def test_names_that_do_not_fit_the_model_are_a_clear_error(reader):
    with pytest.raises(ValueError, match="class_names.*9 names"):
        Exploration(reader, range(9))


@pytest.mark.parametrize("cell, words", [((0, 0), "in the upper left"), ((1, 1), "in the middle"), ((2, 1), "at the bottom"),
                                         ((1, 2), "at the right"), ((2, 2), "in the lower right")])
def test_alternative_text_says_where_a_map_is_strongest(cell, words):
    evidence = np.zeros((3, 3))
    evidence[cell] = 1
    assert exploration._place(evidence) == words


@pytest.fixture(scope="module")
def unpadded():
    """A network that answers to a bright dot with the map's cell that looks at it: cell i at pixel 2 i + 3.5."""
    blur = np.outer([1, 2, 1], [1, 2, 1])[..., None, None] / 16
    images = keras.Input((28, 28, 1))
    pooled = keras.layers.AveragePooling2D(2)(keras.layers.Conv2D(1, 3, activation="relu", name="first")(images))
    features = keras.layers.Conv2D(1, 3, activation="relu", name="last")(pooled)
    model = keras.Model(images, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(features)))
    model.set_weights([blur, np.zeros(1), blur, np.zeros(1), np.array([[1, -1]]), np.zeros(2)])
    return model


def dot(size):
    """An image with a bright dot where cell (1, 7) looks, of `size` pixels for the network's 28; and where the dot is."""
    image = np.zeros((size, size, 1), np.float32)
    places = slice(5 * size // 28, 7 * size // 28), slice(17 * size // 28, 19 * size // 28)
    image[places] = 1
    return image, image[..., 0] == 1


ON_THE_DOT = [Choice("Grad-CAM", "last", 0, 1), Choice("Grad-CAM", "first", 0, 1), Choice("counterfactual", "last", 1, 1),
              Choice("CAM", None, 0, 1), Choice("CAM", "first", 0, 1), Choice("guided backprop", None, 0, 1),
              Choice("Guided Grad-CAM", "last", 0, 1)]


@pytest.mark.parametrize("choice", ON_THE_DOT)
@pytest.mark.parametrize("size", [28, 56])
def test_a_map_is_laid_over_what_it_looks_at(unpadded, choice, size, monkeypatch):
    monkeypatch.setattr(exploration, "SMALL", 100)          # a picture that is stored exactly
    halve = None if size == 28 else lambda images: images.reshape(-1, 28, 2, 28, 2, 1).mean(axis=(2, 4))
    exploring, (image, there) = Exploration(unpadded, "ab", halve), dot(size)
    map_, laid_over = views(exploring, image, choice)
    heat = decoded(laid_over.src).sum(axis=-1, dtype=int)
    assert there[heat == heat.max()].all()
    assert "strongest at the top" in map_.alt and "strongest at the top" in laid_over.alt
    if choice.layer == "last" and choice.method == "Grad-CAM":
        np.testing.assert_array_equal(exploring.place(image, choice)[0], [(2, 3.5), (2, 3.5)])


def test_the_figure_lays_its_maps_as_the_views_do(unpadded, monkeypatch):
    drawn, (image, there) = [], dot(28)
    monkeypatch.setattr(exploration.plots, "picture", lambda axis, pixels, title=None: drawn.append(np.asarray(pixels)))
    exploration.figure(Exploration(unpadded, "ab"), image, [ON_THE_DOT[0]])
    heat = drawn[-1].sum(axis=-1, dtype=int)
    assert there[heat == heat.max()].all()


def test_an_image_of_open_size_has_its_maps_in_their_place():
    """Padding 'same' with strides: where cells look depends on the size of what comes in."""
    images = keras.Input((None, None, 1))
    features = keras.layers.Conv2D(2, 3, strides=2, padding="same", activation="relu", name="conv")(images)
    model = keras.Model(images, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(features)))
    exploring = Exploration(model, "ab")
    for height, width, expected in ((20, 21, ((2, 1), (2, 0))), (21, 20, ((2, 0), (2, 1)))):
        image = np.random.default_rng(0).random((height, width, 1), dtype=np.float32)
        assert exploring.place(image, exploring.complete(image, Choice())) == (expected, (height, width))
        assert len(views(exploring, image)) == 2


def test_a_map_without_a_place_is_stretched_evenly_and_said_to_be():
    images = keras.Input((8, 8, 1))
    mixed = keras.layers.Reshape((4, 4, 2))(keras.layers.Dense(32)(keras.layers.Flatten()(images)))
    features = keras.layers.Conv2D(2, 3, activation="relu", name="conv")(mixed)
    exploring = Exploration(keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(features))), "ab")
    image = np.random.default_rng(0).random((8, 8, 1), dtype=np.float32)
    assert views(exploring, image)[1].caption == "laid over, 50%, stretched evenly"
    assert views(exploring, image, Choice("guided backprop"))[1].caption == "laid over, 50%"


def decoded(address):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))


def test_a_map_s_picture_has_a_pixel_for_each_cell_and_the_right_colours(exploring, digits):
    picture, _ = exploration.views(exploring, digits[0], Choice("Grad-CAM", "conv3", 0))
    shown = decoded(picture.src)
    map_ = exploring.attribution(digits[0], Choice("Grad-CAM", "conv3", 0))
    assert shown.shape == (7, 7, 3) and map_.max() > 0
    assert shown[np.unravel_index(map_.argmax(), map_.shape)].tolist() == [252, 255, 164]       # inferno's last colour
    assert (shown[map_ == 0] == [0, 0, 4 if shown[map_ == 0].max() == 4 else 3]).all()          # and its first


def test_class_names_cannot_bring_html_in():
    line = exploration.Score("<script>", 1.0, True, False, 0, 1)
    assert "<script>" not in exploration.scores_html([line])


# ---- the widgets


@pytest.fixture
def shown(exploring, digits):
    return widgets.Explorer(exploring, digits)


def pictures(shown):
    """The addresses of the input, the map and the overlay, and of the map and the overlay that are compared."""
    return re.findall('<img src="(data:[^"]+)"', shown.view.value)


def overlay(shown):
    return pictures(shown)[2]


def seen(shown):
    """All that the explorer's HTML shows."""
    return [each.value for each in within(shown.box) if isinstance(each, ipywidgets.HTML)]


def within(widget):
    return [widget, *(each for child in getattr(widget, "children", ()) for each in within(child))]


CONTROLS = {"image": "3", "method": "guided backprop", "layer": "conv1", "class_": 4, "opacity": 90}


@pytest.mark.parametrize("control", CONTROLS)
def test_each_control_changes_the_overlay(shown, control):
    before = overlay(shown)
    getattr(shown, control).value = CONTROLS[control]
    assert overlay(shown) != before


def test_two_layers_and_two_classes_are_compared_side_by_side(shown):
    assert len(pictures(shown)) == 3 and shown.other_layer.layout.display == "none"
    shown.compare.value = True
    _, map_, _, other_map, _ = pictures(shown)
    assert other_map == map_ and shown.other_layer.layout.display == "flex"
    assert "compared with Grad-CAM of conv3 for 0" in shown.view.value
    shown.other_class.value = 5
    by_class = pictures(shown)[3]
    shown.other_layer.value = "conv1"
    assert len({pictures(shown)[1], by_class, pictures(shown)[3]}) == 3
    shown.compare.value = False
    assert len(pictures(shown)) == 3 and "compared" not in shown.view.value


@pytest.mark.parametrize("control, value", [("image", "3"), ("method", "guided backprop"), ("class_", 5), ("opacity", 20)])
def test_all_that_is_seen_changes_at_once(shown, control, value):
    """No moment in which pictures, scores and words belong to different questions."""
    shown.compare.value = True
    states = [seen(shown)]
    for each in within(shown.box):
        if isinstance(each, ipywidgets.HTML):
            each.observe(lambda _: states.append(seen(shown)), "value")
    getattr(shown, control).value = value
    assert len(states) == 2 and states[0] != states[1] == seen(shown)


def test_what_is_seen_belongs_together(shown, reader, digits):
    """Each picture, score and word is the one of the chosen image."""
    shown.image.value = "2"
    scores = reader(digits[2:3], training=False).numpy()[0]
    assert re.findall(r'class="score"[^>]*>([^<]+)<', shown.view.value) == [f"{score:.2f}" for score in scores]
    for sentence in (f"read as {scores.argmax()}.", f"Grad-CAM of conv3 for {scores.argmax()}</p>"):
        assert sentence in shown.view.value
    assert np.array_equal(decoded(pictures(shown)[0])[..., 0], np.round(255 * digits[2, ..., 0]))


def test_changes_that_come_together_are_drawn_once(shown, monkeypatch):
    drawings = []
    monkeypatch.setattr(shown, "draw", lambda run=shown.draw: drawings.append(1) or run())

    async def drag():
        for value in range(0, 100, 5):
            shown.opacity.value = value
        assert not drawings
        await asyncio.sleep(10 * widgets.TOGETHER)

    asyncio.run(drag())
    assert len(drawings) == 1 and "95%" in shown.view.value


def test_every_control_and_picture_has_its_words(shown):
    controls = (shown.image, shown.method, shown.layer, shown.class_, shown.opacity, shown.compare, shown.upload, shown.save)
    assert all(control.description for control in controls)
    shown.compare.value = True
    texts = re.findall('<img [^>]*alt="([^"]+)"', shown.view.value)
    assert len(texts) == 5 and all(len(text.split()) >= 5 for text in texts)
    assert 'role="status"' in shown.view.value


def test_in_korean_every_word_is_korean_but_the_names_of_methods_and_layers(exploring, digits, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_LANG", "ko")
    monkeypatch.setitem(plots.plt.rcParams, "font.family", ["sans-serif"])      # to be as it was afterwards
    plots.letter_in_korean()
    shown = widgets.Explorer(exploring, digits)
    shown.compare.value = True
    told = [control.description for control in within(shown.box) if getattr(control, "description", "")]
    told += re.findall('(?:alt|aria-label)="([^"]*)"', shown.view.value + shown.drawing.children[0].value)
    told += [re.sub("<[^>]*>", "|", shown.view.value), re.sub("<[^>]*>", "|", shown.drawing.children[0].value)]
    assert set(re.findall("[A-Za-z]{3,}", " ".join(told))) <= {"Grad", "CAM", "conv"}
    assert "신경망은 0으로 예측했습니다" in shown.view.value
    assert re.search(r"conv3의 Grad-CAM \(클래스 \d\): 7×7칸, 가장 강한 곳은", shown.view.value)
    assert re.fullmatch(r"Grad-CAM-of-conv3-for-\d-and-Grad-CAM-of-conv3-for-\d\.png", shown.save_figure(tmp_path).name)
    assert "저장했습니다" in shown.view.value
    shown.add("x", lambda: uploads.read_picture(b""))
    assert "읽을 수 있는 그림이 아닙니다. PNG, JPEG, WEBP, BMP 파일이어야 합니다." in shown.view.value


def test_layers_cannot_be_chosen_where_they_mean_nothing(shown):
    shown.method.value = "guided backprop"
    assert shown.layer.disabled
    shown.method.value = "Grad-CAM"
    assert not shown.layer.disabled


@pytest.mark.parametrize("hand_over", [lambda data: ({"name": "x.png", "content": memoryview(data)},),      # ipywidgets 8
                                       lambda data: {"x.png": {"metadata": {}, "content": data}}])          # ipywidgets 7
def test_an_upload_becomes_the_image(shown, hand_over):
    page = np.full((300, 200), 250, np.uint8)
    page[100:200, 95:105] = 10
    shown._take_upload({"new": hand_over(png(page))})
    assert shown.image.value == widgets.UPLOADED
    assert shown.images[widgets.UPLOADED].shape == (28, 28, 1)


def test_a_bad_upload_is_a_sentence_and_changes_nothing(shown):
    before = pictures(shown)
    shown._take_upload({"new": ({"content": memoryview(b"<svg onload=alert(1)>")},)})
    assert "not a picture" in shown.view.value and pictures(shown) == before
    assert widgets.UPLOADED not in shown.images


def test_a_second_drawing_takes_the_place_of_the_first(shown):
    overlays = []
    for rows, columns in ((slice(20, 120), slice(60, 75)), (slice(60, 75), slice(20, 120))):
        drawing = np.zeros((140, 140), np.uint8)
        drawing[rows, columns] = 255
        shown.strokes.value = "data:image/png;base64," + base64.b64encode(png(drawing)).decode()
        overlays.append(overlay(shown))
        assert shown.image.value == widgets.DRAWN
    assert overlays[0] != overlays[1] and list(shown.image.options).count(widgets.DRAWN) == 1


def test_the_figure_is_saved_under_what_was_chosen(shown, tmp_path):
    shown.compare.value, shown.other_class.value = True, 8
    path = shown.save_figure(tmp_path)
    assert path.name == "Grad-CAM-of-conv3-for-0-and-Grad-CAM-of-conv3-for-8.png"
    assert Image.open(path).width > 1000 and path.name in shown.view.value


# ---- pictures from outside


def test_a_drawing_is_brought_into_mnist_s_form():
    light = np.zeros((140, 140), np.float32)
    light[20:120, 30:60] = 1                                    # 100 by 30 pixels, off the middle
    digit = uploads.as_digit(light)[..., 0]
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    assert digit.shape == (28, 28) and digit.max() == 1
    assert len(rows) == 20 and len(columns) == 6                # the longer side fills 20 pixels
    assert rows.mean() == columns.mean() == 13.5                # in the middle


def test_a_drawing_s_centre_of_mass_is_in_the_middle():
    light = np.zeros((140, 140), np.float32)
    light[20:35, 30:110] = light[35:120, 95:110] = 1            # a 7: most of its ink lies up and to the right
    digit = uploads.as_digit(light)[..., 0]
    y, x = np.mgrid[:28, :28]
    for place in (y, x):
        assert abs((place * digit).sum() / digit.sum() - 13.5) <= 0.5
    rows = np.flatnonzero(digit.any(axis=1))
    assert rows.mean() > 14                                     # so its frame is not


def test_dark_ink_on_light_paper_is_turned_round():
    light = np.zeros((100, 100), np.float32)
    light[20:80, 40:60] = 1
    np.testing.assert_allclose(uploads.as_digit(1 - light), uploads.as_digit(light), atol=1e-6)


def test_an_empty_drawing_is_an_error():
    with pytest.raises(ValueError, match="nothing to read"):
        uploads.as_digit(np.zeros((140, 140), np.float32))


@pytest.mark.parametrize("shape, expected", [((200, 200, 1), (200, 200, 1)), ((96, 96, 3), (240, 320, 3)),
                                             ((28, 28, 1), (28, 28, 1))])
def test_a_photograph_is_fitted_to_each_network(shape, expected):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 800, 3), dtype=np.uint8))
    image = uploads.fit(picture, shape)
    assert image.shape == expected and image.dtype == np.float32 and 0 <= image.min() and image.max() <= 1


def test_an_upload_is_bounded_before_it_is_decoded(monkeypatch):
    with pytest.raises(ValueError, match="8 MB"):
        uploads.read_picture(b"\x89PNG" + bytes(uploads.MAX_BYTES))
    black = io.BytesIO()
    Image.new("1", (6000, 5000)).save(black, format="png")      # 30 million pixels in a few kilobytes
    assert len(black.getvalue()) < 20_000
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(ValueError, match="25 million"):
        uploads.read_picture(black.getvalue())


@pytest.mark.parametrize("format", ["GIF", "TIFF", "PPM", "ICO"])
def test_other_formats_are_refused(format):
    file = io.BytesIO()
    Image.new("RGB", (20, 20)).save(file, format=format)
    with pytest.raises(ValueError, match="PNG, JPEG, WEBP, BMP"):
        uploads.read_picture(file.getvalue())


def test_transparent_places_are_white():
    file = io.BytesIO()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(file, format="png")
    assert np.asarray(uploads.read_picture(file.getvalue())).min() == 255


@pytest.mark.parametrize("mode, transparency", [("P", 3), ("L", 3), ("RGB", (10, 20, 30))])
def test_a_colour_that_counts_as_transparent_is_white(mode, transparency):
    """Without an alpha channel, a file can name one colour; of a palette, one entry."""
    picture, file = Image.new(mode, (4, 2), transparency), io.BytesIO()
    if mode == "P":
        picture.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 10, 20, 30])
    picture.putpixel((0, 0), (0, 200, 0) if mode == "RGB" else 2)
    picture.save(file, format="png", transparency=transparency)
    read = np.asarray(uploads.read_picture(file.getvalue()))
    assert read[0, 0].tolist() == ([2, 2, 2] if mode == "L" else [0, 200, 0])
    assert (read.reshape(8, 3)[1:] == 255).all()


def test_half_transparent_places_are_half_white():
    file = io.BytesIO()
    Image.new("LA", (4, 4), (100, 51)).save(file, format="png")     # 51 of 255: a fifth of 100, four fifths of white
    assert np.abs(np.asarray(uploads.read_picture(file.getvalue())) - (0.2 * 100 + 0.8 * 255)).max() <= 1


# Orientation, as EXIF numbers it -> how a camera that was held so stores an upright picture.
STORED = {1: lambda x: x, 2: np.fliplr, 3: lambda x: x[::-1, ::-1], 4: np.flipud, 5: lambda x: x.swapaxes(0, 1),
          6: np.rot90, 7: lambda x: x[::-1, ::-1].swapaxes(0, 1), 8: lambda x: np.rot90(x, -1)}


@pytest.mark.parametrize("orientation", STORED)
def test_a_telephone_s_picture_stands_upright(orientation):
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16], upright[:16, 32:] = 255, 128         # white in the upper left, grey in the upper right
    picture, file = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright))), io.BytesIO()
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(file, format="jpeg", quality=95, exif=exif)
    read = np.asarray(uploads.read_picture(file.getvalue()), int)
    assert read.shape == upright.shape and np.abs(read - upright).max() < 10


def mutated(rng, data):
    """The file with a few bytes changed, cut off, doubled, or put elsewhere."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        place, length = rng.randrange(len(data)), rng.randint(1, 40)
        match rng.randrange(4):
            case 0:
                data[place] = rng.randrange(256)
            case 1:
                data[place:place + length] = rng.randbytes(length)
            case 2:
                del data[place:place + length]
            case 3:
                data[place:place] = data[place:place + length]
    return bytes(data[:rng.randrange(len(data))] if rng.random() < 0.1 else data)


@pytest.mark.parametrize("format", uploads.FORMATS)
def test_a_thousand_damaged_files_of_each_format_are_pictures_or_a_sentence(format):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(file, format=format)
    rng, refused = random.Random(0), 0
    for _ in range(1000):
        try:
            picture = uploads.read_picture(mutated(rng, file.getvalue()))
        except ValueError:
            refused += 1
            continue
        assert picture.mode == "RGB" and picture.width * picture.height <= uploads.MAX_PIXELS
        image = uploads.fit(picture, (32, 32, 1))
        assert image.shape == (32, 32, 1) and np.isfinite(image).all()
    assert refused


@pytest.mark.parametrize("address", ["", "data:image/png;base64,", "data:image/png;base64,!!!", "http://example.org/x.png",
                                     "data:text/html;base64,AAAA", "data:image/png;base64,가"])
def test_a_damaged_data_address_is_a_sentence(address):
    with pytest.raises(ValueError, match="not a picture"):
        uploads.read_data_address(address)


@pytest.mark.parametrize("damage", [lambda body: body[:40] + "*" + body[40:], lambda body: "\x00" + body,
                                    lambda body: body + "가"])
def test_base64_with_other_letters_in_it_is_a_sentence(damage):
    """Python would pass over them and read the rest."""
    body = base64.b64encode(png(np.zeros((40, 40), np.uint8))).decode()
    assert uploads.read_data_address("data:image/png;base64," + body).size == (40, 40)
    with pytest.raises(ValueError, match="base64 is damaged"):
        uploads.read_data_address("data:image/png;base64," + damage(body))


def test_a_data_address_is_bounded_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(uploads, "b64decode", lambda *_, **__: pytest.fail("decoded"))
    with pytest.raises(ValueError, match="at most 8 MB"):
        uploads.read_data_address("data:image/png;base64," + "A" * (4 * uploads.MAX_BYTES // 3 + 5))


# ---- where nobody is there


def test_executed_by_a_program_a_picture_stands_in_its_place():
    cell = nbformat.v4.new_code_cell(
        "import lecture_utils.quiet\nfrom lecture_utils import load_model\nfrom lecture_utils.explorer import explore\n"
        "from lecture_utils.datasets.synthetic import draw_digits\n"
        "explore(load_model('mnist_cnn'), draw_digits(2)[0], [*'0123456789'])")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, timeout=600, startup_timeout=600, kernel_name="python3").execute()
    (output,) = [output for output in cell.outputs if output.output_type == "display_data"]
    assert set(output.data) == {"image/png", "text/plain"}
    assert "read as 0" in output.metadata["image/png"]["alt"]
    assert "widgets" not in notebook.metadata or not notebook.metadata.widgets


@pytest.mark.parametrize("content, there", [({"allow_stdin": True}, True), ({"allow_stdin": False}, False), ({}, False)])
def test_who_can_answer_a_question_is_there(monkeypatch, content, there):
    class Shell:
        class kernel:
            get_parent = staticmethod(lambda channel: {"content": content})

    monkeypatch.setattr("lecture_utils.asking.get_ipython", Shell)
    assert someone_is_there() is there


def test_outside_of_a_kernel_nobody_is_there():
    assert not someone_is_there()


# ---- networks with many classes, and names that are no file names


@pytest.fixture
def forty():
    """An explorer of a network that tells forty classes apart: image "one" is of class 1, and so on."""
    inputs = keras.Input((8, 8, 1))
    features = keras.layers.Conv2D(1, 1, use_bias=False, name="conv")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(40, use_bias=False)(keras.layers.Flatten()(features)))
    model.set_weights([np.ones((1, 1, 1, 1)), np.eye(64)[:, :40]])
    images = {name: np.zeros((8, 8, 1), np.float32) for name in ("low", "also low", "high")}
    for name, first in (("low", 0), ("also low", 2), ("high", 20)):     # ten classes each: 0 to 9, 2 to 11, 20 to 29
        images[name].reshape(-1)[first:first + 10] = 1
    return widgets.Explorer(Exploration(model, [f"a/{number}" for number in range(40)]), images)


def test_a_chosen_class_stays_where_it_is_offered_and_gives_way_where_not(forty):
    forty.class_.value = 5
    forty.image.value = "also low"
    assert forty.class_.value == 5
    forty.image.value = "high"
    assert forty.class_.value == widgets.PREDICTED and {c for _, c in forty.class_.options[1:]} == set(range(20, 30))


def test_a_name_that_is_no_file_name_is_saved_all_the_same(forty, tmp_path):
    forty.class_.value = 7
    path = forty.save_figure(tmp_path)
    assert path.parent == tmp_path and path.name == "Grad-CAM-of-conv-for-a-7.png" and path.is_file()
