"""The audit. Its subjects are networks whose weights were written by hand, so that what is wrong with each is known.

Images are 32x32 in colour: noise around grey, three greyer squares, and a blob in one of five colours, all at random
places. The network has a feature for each colour, `ReLU(a linear combination of red, green and blue)`, and 60 times its mean
is the colour's score.
"""

import base64
import html.parser
import io
import json
import re
import zipfile

import keras
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from keras import layers as kl
from keras import ops
from PIL import Image

import lecture_utils.auditing.report as report
from lecture_utils import audit, load_model, load_neu, load_photo, load_squeezenet
from lecture_utils.auditing import answers, maps
from lecture_utils.auditing.networks import network_from
from lecture_utils.auditing.subject import CannotBeAskedError, Subject
from lecture_utils.auditing.uses import NO, OPEN, YES, uses

NAMES = ("white", "red", "green", "yellow", "dark")
COLOURS = np.array([[.98, .98, .98], [.9, .1, .1], [.1, .9, .1], [.9, .9, .1], [.02, .02, .02]])
# Each feature's weights of red, green and blue, its bias, and the class that it speaks for. Blue speaks a little for white:
# it is there for the images whose red and blue were exchanged.
FEATURES = [((2 / 3, 2 / 3, 2 / 3), -1.4, 0), ((1, -1, 0), -.3, 1), ((-1, 1, 0), -.3, 2), ((.5, .5, -1), -.3, 3),
            ((-1, -1, -1), .6, 4), ((-1, 0, 1), -.3, 0)]
TESTS = [test.name for test in report.TESTS]


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    """One random network instead of two, and fewer images erased: enough for what is so plain."""
    monkeypatch.setattr(maps, "SEEDS", 1)
    monkeypatch.setattr(maps, "ERASED", 16)


# --- images and networks ------------------------------------------------------------------------------------------------


def drawn(n=90, seed=0, place=None, whole=False, magenta=False):
    """Images float32 (n, 32, 32, 3), labels, masks. `place`: function of (label, random) → upper left corner, or None.

    `magenta`: every other red blob is magenta, which is as red to the network, and stays so when red and blue are exchanged.
    """
    random = np.random.default_rng(seed)
    x, labels = random.normal(.4, .01, (n, 32, 32, 3)), np.arange(n) % len(NAMES)
    masks = np.zeros((n, 32, 32), bool)
    for number, (image, label, mask) in enumerate(zip(x, labels, masks, strict=True)):
        for row, column in random.integers(0, 24, (3, 2)):
            image[row:row + 8, column:column + 8] -= random.uniform(0, .12)
        side = 32 if whole else random.integers(5, 10)
        top, left = (place and place(label, random)) or random.integers(0, 33 - side, 2)
        mask[top:top + side, left:left + side] = True
        colour = (.9, .1, .9) if magenta and label == 1 and number % 2 else COLOURS[label]
        image[mask] = colour + random.normal(0, .01, (mask.sum(), 3))
    return x.clip(0, 1).astype("float32"), labels, masks


def convolution(kernels, biases, size=1, name="colours"):
    """A convolution with zeros around, whose kernels (channels, 3) stand in the middle of `size` x `size`."""
    layer = kl.Conv2D(len(biases), size, padding="same", name=name)
    layer.build((None, 32, 32, 3))
    weights = np.zeros((size, size, 3, len(biases)), "float32")
    weights[size // 2, size // 2] = np.transpose(kernels)
    layer.set_weights([weights, np.array(biases, "float32")])
    return layer


def features(images, statistics=None, normalized=True):
    """Images to the six colours' feature maps, through a normalization that changes nothing."""
    x = convolution([kernel for kernel, _, _ in FEATURES], [bias for _, bias, _ in FEATURES], 3)(images)
    if not normalized:
        return kl.ReLU(name="features")(x)
    mean, variance = statistics or (np.zeros(6), np.ones(6))
    norm = kl.BatchNormalization(name="norm", epsilon=1e-6)
    x = norm(x)
    norm.set_weights([np.sqrt(OF_DRAWN[1] + 1e-6), OF_DRAWN[0], OF_DRAWN[0] + mean, OF_DRAWN[1] * variance])
    return kl.ReLU(name="features")(x)


def _of_drawn():
    """Mean and variance of what the convolution makes of the drawn images: the normalization puts them back."""
    x, _, _ = drawn()
    z = x @ np.transpose([kernel for kernel, _, _ in FEATURES]) + [bias for _, bias, _ in FEATURES]
    return z.mean(axis=(0, 1, 2)), z.var(axis=(0, 1, 2))


OF_DRAWN = _of_drawn()


def head_weights(strength=60.0):
    weights = np.zeros((len(FEATURES), len(NAMES)), "float32")
    for number, (_, _, c) in enumerate(FEATURES):
        weights[number, c] = strength
    weights[3, 1] = strength / 6            # yellow is a little red: where nothing says yellow, red is the next best
    return weights


def dense(x, weights, bias=0.0, **options):
    layer = kl.Dense(weights.shape[1], **options)
    layer.build(x.shape)
    layer.set_weights([weights, np.broadcast_to(np.float32(bias), weights.shape[1]).copy()])
    return layer(x)


def network(between=lambda x: x, pooled=lambda x: x, after=lambda y: y, weights=None, bias=0.0, **normalization):
    """The sound network; what is put between its parts, or in their place, breaks it."""
    images = keras.Input((32, 32, 3), name="images")
    x = between(features(images, **normalization))
    y = dense(pooled(kl.GlobalAveragePooling2D(name="gap")(x)), head_weights() if weights is None else weights, bias, name="y")
    return keras.Model(images, after(y), name="hand_made")


def found(model, data, tmp_path, masks=True, **options):
    x, labels, marked = data
    return audit(model, x, labels, class_names=NAMES, masks=marked if masks else None, path=tmp_path / "audit.html",
                 progress=False, **options)


def failed(result):
    return {name for name, passed in result.passed.items() if passed is False}


# --- a sound network passes ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return found(network(), drawn(), tmp_path_factory.mktemp("sound"))


def test_a_sound_network_passes_every_test(sound):
    assert list(sound.passed) == TESTS
    assert set(sound.passed.values()) == {True}, str(sound)


def test_its_maps_may_be_used(sound):
    verdicts = {use.name: use.verdict for use in sound.uses}
    assert list(verdicts.values())[:5] == 5 * [YES]
    assert {verdict for name, verdict in verdicts.items() if name.startswith("to prove")} == {NO}


def test_the_numbers_are_those_computed_otherwise(sound):
    """All 90 images are right; each class is 18 of them, so whoever always says one is right in a fifth."""
    measured = {finding.name: finding.measured for finding in sound.findings}
    assert measured["accuracy"].startswith("1.00 [1.00, 1.00] right, which is +0.80 [")
    covered = drawn()[2][np.random.default_rng(0).permutation(90)[:48]].mean()
    of_energy = next(finding for finding in sound.findings if finding.name == "energy")
    assert of_energy.sound.startswith(f"surely above {covered:.2f}") and of_energy.measured.startswith("1.00 [")


def test_it_prints_as_a_table_and_shows_itself_in_notebooks(sound):
    text = str(sound)
    assert text == repr(sound) and text.startswith("hand_made, maps of features: 20 of 20 tests passed.")
    assert all(any(line.startswith(f"✓ {name}") for line in text.splitlines()) for name in TESTS)
    assert sound._repr_html_().count("<tr>") == 2 + len(TESTS) + len(sound.uses)


# --- what is broken on purpose fails its test, and no other -------------------------------------------------------------


def shuffled(data):
    return data[0], np.random.default_rng(3).permutation(data[1]), None


def batch_mean_off(x):
    return x - ops.mean(x, axis=0, keepdims=True)


def half_stopped(x):
    return 0.5 * x + ops.stop_gradient(0.5 * x)


def with_bright_rim():
    """A seventh feature: the Laplacian, dark on even ground but for the rim, where zeros lie. It speaks for all alike."""
    images = keras.Input((32, 32, 3))
    laplacian = kl.Conv2D(1, 3, padding="same", activation="relu", name="laplacian")
    laplacian.build(images.shape)
    kernel = -np.ones((3, 3, 3, 1), "float32") / 3
    kernel[1, 1] = 8 / 3
    laplacian.set_weights([kernel, np.array([-.9], "float32")])
    x = kl.Concatenate(name="seven")([features(images), laplacian(images)])
    weights = np.vstack([head_weights(), np.full((1, len(NAMES)), 60, "float32")])
    return keras.Model(images, dense(kl.GlobalAveragePooling2D()(x), weights))


def one_map_for_all():
    """Means of the features times one map, where any of them is: classes are told apart, places are not."""
    def between(x):
        means = ops.mean(x, axis=(1, 2), keepdims=True)
        return ops.sum(x, axis=-1, keepdims=True) * (means + 0.002) * 30
    return network(between, weights=head_weights() + 20)


def idle_last_layer():
    """The scores are there already when the last layer adds a thousandth."""
    images = keras.Input((32, 32, 3))
    means = kl.GlobalAveragePooling2D()(features(images))
    y = means[:, :5] * 60 + ops.concatenate([means[:, 5:] * 60, means[:, :4] * 0], axis=1)
    return keras.Model(images, y + 0.001 * kl.Dense(5, kernel_initializer="zeros")(means))


def shows_the_image():
    """Features times what differs from grey, and scores squared: whatever the weights, the map is what differs."""
    images = keras.Input((32, 32, 3))
    differs = ops.relu(ops.sum(ops.absolute(images - 0.4), axis=-1, keepdims=True) - 0.3)
    x = kl.Multiply(name="seen")([features(images), differs])
    y = dense(kl.GlobalAveragePooling2D()(x), head_weights(20.0))
    return keras.Model(images, y * y)


def rolled(data):
    """Masks half an image off."""
    return data[0], data[1], np.roll(data[2], (16, 16), axis=(1, 2))


def mark_in_the_corner():
    """Whatever is red lies in the lower left corner."""
    return drawn(place=lambda label, random: (20, 0) if label == 1 else None)


def strong_red():
    weights = head_weights()
    weights[1] *= 5
    return network(weights=weights)


def minus_one_to_one():
    """Dark ground is everywhere in images of -1 to 1, and outvotes small blobs."""
    x, labels, masks = drawn(120)
    keep = labels != 0
    return 2 * x[keep] - 1, labels[keep], masks[keep]


def weak_dark():
    weights = head_weights(200.0)
    weights[4] = [0, 0, 0, 0, 10.0]
    return network(weights=weights, normalized=False)


def without_yellow(n=120, **how):
    """Where red and blue are exchanged nothing is left of yellow; and it is so bright that half of it speaks for white."""
    data = drawn(n, **how)
    return tuple(each[data[1] != 3] for each in data)


def blue_first():
    x, labels, masks = without_yellow(magenta=True)
    return x[..., ::-1].copy(), labels, masks


def low_mean_of_white():
    return network(statistics=(np.array([-.625, 0, 0, 0, 0, 0]), np.ones(6)))


NO_MASKS = {"masks": False}
BROKEN = {      # name: (network, data, options of `found`, the tests that fail, a part of what it is told)
    "labels at random": (network, lambda: shuffled(drawn()), NO_MASKS, {"accuracy"}, None),
    "a dead class": (lambda: network(bias=np.array([0, 0, 0, -99, 0])), drawn, {}, {"every class"}, "Never answered: “yellow”"),
    "two outputs exchanged": (lambda: network(weights=head_weights()[:, [0, 2, 1, 3, 4]]), drawn, NO_MASKS, {"names"},
                              "what is called “red” is “green”, what is called “green” is “red”"),
    "another range": (weak_dark, minus_one_to_one, {}, {"value range"}, "another range: 0…1"),
    "blue first": (network, blue_first, NO_MASKS, {"colour order"}, "[..., ::-1]"),
    "mean over the batch": (lambda: network(batch_mean_off), drawn, {}, {"same answer"}, "changes alone"),
    "dropout left on": (lambda: network(pooled=lambda x: kl.Dropout(0.1, seed=1)(x, training=True)), drawn, {}, {"same answer"},
                        "The answer changes"),
    "kept means of others": (low_mean_of_white, without_yellow, NO_MASKS, {"batch statistics"}, "kept means and deviations"),
    "softmax twice": (lambda: network(after=lambda y: kl.Softmax()(kl.Softmax()(y))), drawn, {}, {"score"},
                      "explain a probability"),
    "an earlier layer": (network, drawn, {"layer": "norm"}, {"CAM theory"}, "Only the maps of 'features'"),
    "a stopped gradient": (lambda: network(pooled=half_stopped), drawn, {}, {"slope"}, "stopped gradients"),
    "places that nobody follows": (lambda: network(lambda x: kl.Permute((2, 1, 3))(kl.Permute((2, 1, 3))(x))), drawn, NO_MASKS,
                                   {"placement"}, "may lie beside"),
    "only evidence against": (lambda: network(weights=head_weights() - 60), drawn, NO_MASKS, {"not empty"}, "counterfactual_cam"),
    "one map for all classes": (one_map_for_all, drawn, {}, {"class sensitivity"}, "the map is the same"),
    "an idle last layer": (idle_last_layer, drawn, {}, {"random top"}, "hardly depends on what was learned"),
    "the image itself": (shows_the_image, drawn, {}, {"random top", "random network"}, "it shows the image"),
    "colour everywhere": (network, lambda: drawn(whole=True), NO_MASKS, {"erased pixels"}, "other baselines"),
    "zeros around": (with_bright_rim, drawn, NO_MASKS, {"grey images"}, "light up corners"),
    "masks elsewhere": (network, lambda: rolled(drawn()), {}, {"pointing", "energy"}, None),
    "a mark in the corner": (strong_red, mark_in_the_corner, {}, {"fixed place"}, "a shortcut"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_fails_its_test_and_no_other(case, tmp_path, monkeypatch):
    monkeypatch.setattr(report.page, "written", lambda *args: "the page")      # its figures take most of the time
    make, data, options, expected, told = BROKEN[case]
    result = found(make(), data(), tmp_path, **options)
    assert failed(result) == expected, str(result)
    remarks = " ".join(finding.remark for finding in result.findings if finding.passed is False)
    assert told is None or told in remarks
    assert (tmp_path / "audit.html").is_file()


def test_every_test_has_something_that_fails_it():
    assert set().union(*(expected for *_, expected, _ in BROKEN.values())) == set(TESTS)


# --- single tests, against what is known otherwise ----------------------------------------------------------------------


def subject_of(model=None, data=None, **options):
    x, labels, masks = data or drawn()
    return Subject(model or network(), x, labels, NAMES, masks, **options)


def test_chance_of_missing_a_class():
    """Nine of ten others are right, three images of the class are missed: (2 / 12) cubed, by Laplace's rule of succession."""
    images, hits = np.array([10, 3]), np.array([9, 0])
    assert np.isclose(answers._missed_by_chance(1, images, hits), 1 / 216)


def test_a_rare_class_that_is_missed_may_be_chance():
    subject = subject_of(data=tuple(each[:40] for each in drawn(40)))
    subject.labels = np.array([4] + [0] * 20 + [1] * 19)
    subject.predicted = np.array([0] + [0] * 10 + [1] * 10 + [1] * 10 + [0] * 9)
    with pytest.raises(CannotBeAskedError, match="“dark” .1 images. is never answered, but has so few"):
        answers.every_class(subject)


def test_the_slope_is_that_of_finite_differences_and_doubles_where_half_is_stopped():
    model = network(pooled=half_stopped)
    subject = subject_of(model)
    rise, said = maps._steps(subject)
    np.testing.assert_allclose(rise / said, 2, rtol=0.02)
    A = keras.Model(model.inputs, model.get_layer("features").output)(subject.images[:len(said)]).numpy()
    weights = head_weights().T[subject.predicted[:len(said)]] / 2 / 32 ** 2            # of the half that is not stopped
    np.testing.assert_allclose(said, ((A != 0).sum(axis=(1, 2)) * weights ** 2).sum(axis=1), rtol=1e-4)


def test_a_window_is_where_most_peaks_are():
    peaks = np.array([[2, 2], [3, 4], [2, 5], [30, 30]])
    assert maps._densest(peaks, (32, 32))[0] in (2, 3)
    assert maps._in_window(peaks, (3, 4), (32, 32)).tolist() == [True, True, True, False]


def test_what_is_laid_lies_at_its_place_and_wholly_in_the_image():
    images, sources = np.zeros((1, 32, 32, 3), "float32"), np.ones((1, 32, 32, 3), "float32")
    changed = maps._transplanted(images, sources, (31, 0))
    assert changed[0, 23:, :9].all() and changed.sum() == 9 * 9 * 3 and not images.any()


def test_one_unit_says_yes_above_half_or_above_zero(tmp_path):
    x, labels, masks = drawn()
    some = labels < 2
    images = keras.Input((32, 32, 3))
    weights = (head_weights()[:, 1] - head_weights()[:, 0])[:, None]
    for activation in (None, "sigmoid"):
        y = dense(kl.GlobalAveragePooling2D()(features(images)), weights, activation=activation)
        result = audit(keras.Model(images, y), x[some], labels[some], masks=masks[some], path=tmp_path / "a.html", progress=False)
        assert result.passed["accuracy"] and result.passed["score"] is None and result.passed["pointing"]


def test_uses_follow_from_the_tests():
    passed = dict.fromkeys(TESTS, True)
    verdict = lambda **changed: {use.name: use for use in uses(passed | {k.replace("_", " "): v for k, v in changed.items()})}
    assert verdict(pointing=None)["to point at the object"].verdict == OPEN
    assert verdict(slope=False)["to show where the score comes from"].because == "Failed: slope."
    assert verdict(colour_order=None)["to compare two classes"].verdict == YES
    assert verdict(names=False)["to compare two classes"].verdict == NO


# --- mistakes of the caller ---------------------------------------------------------------------------------------------


def only_dense():
    return keras.Sequential([keras.Input((32, 32, 3)), kl.Flatten(), kl.Dense(5)])


X, LABELS, MASKS = drawn(20)
WRONG = {
    "labels too short": (ValueError, "one class for each of the 20 images", dict(labels=LABELS[:-1])),
    "one-hot": (ValueError, "argmax", dict(labels=np.eye(5)[LABELS])),
    "labels as numbers with a point": (TypeError, "integers from 0 to 4", dict(labels=LABELS / 1.0)),
    "a label without an output": (ValueError, "tells 5 classes apart, 0 to 4, and the labels name another: 5",
                                  dict(labels=LABELS + 1)),
    "one class": (ValueError, "whoever always says 2", dict(labels=LABELS * 0 + 2)),
    "one image": (ValueError, "at least 8, better 40; got 1", dict(images=X[:1], labels=LABELS[:1])),
    "an image without a batch": (ValueError, "add the batch axis", dict(images=X[0])),
    "16 bits": (ValueError, "65535", dict(images=X * 65535)),
    "pixels as integers": (TypeError, "divide by 255", dict(images=(X * 255).astype("uint8"))),
    "not finite": (ValueError, "NaN", dict(images=np.where(X > .5, np.nan, X))),
    "no feature maps": (ValueError, "no feature map", dict(model=only_dense())),
    "no gradient": (ValueError, "no gradient comes back", dict(model=network(pooled=ops.stop_gradient))),
    "another layer": (ValueError, "no layer", dict(layer="convolution_9")),
    "too few names": (ValueError, "one name for each of the model's 5 classes; got 2", dict(class_names=["a", "b"])),
    "masks of another size": (ValueError, r"\(20, 32, 32\)", dict(masks=MASKS[:, :9])),
    "masks that are no bools": (ValueError, "masks must be bool", dict(masks=MASKS * 1.0)),
    "no model": (TypeError, "keras.Model", dict(model=3)),
    "no file": (FileNotFoundError, "there is no file missing.keras", dict(model="missing.keras")),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_told_and_nothing_is_written(case, tmp_path):
    kind, told, changed = WRONG[case]
    model, images, labels = (changed.pop(name, default) if name in changed else default
                             for name, default in (("model", None), ("images", X), ("labels", LABELS)))
    with pytest.raises(kind, match=told):
        audit(model if model is not None else network(), images, labels, path=tmp_path / "a.html", progress=False, **changed)
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_the_page_is_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "audit.html"
    path.write_text("the old page")
    monkeypatch.setattr(report, "TESTS", report.TESTS[:2])
    monkeypatch.setattr(report.Audit, "__init__", lambda self, *args: setattr(self, "path", path))
    monkeypatch.setattr(report.page, "written", lambda *args: "\ud800 cannot be encoded")
    with pytest.raises(UnicodeEncodeError):
        audit(network(), X, LABELS, path=path, progress=False)
    assert path.read_text() == "the old page" and list(tmp_path.iterdir()) == [path]


# --- the page -----------------------------------------------------------------------------------------------------------


class Reader(html.parser.HTMLParser):
    """Notes every tag, holds that each that is opened is closed, and keeps the text."""

    VOID = {"meta", "img", "br", "link", "input", "hr"}

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def read(sound):
    reader, source = Reader(), sound.path.read_text(encoding="utf-8")
    reader.feed(source)
    reader.close()
    assert reader.open == []
    return reader, source


def test_the_page_needs_nothing_from_elsewhere(read):
    reader, source = read
    assert not {"script", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in reader.tags}
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"base64,[A-Za-z0-9+/=]+", "", source))
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on") or name == "href"]


def test_its_figures_are_pngs_with_alternative_texts(read):
    images = [attrs for tag, attrs in read[0].tags if tag == "img"]
    assert len(images) == 6
    for attrs in images:
        kind, _, data = attrs["src"].partition(",")
        picture = Image.open(io.BytesIO(base64.b64decode(data)))
        assert kind == "data:image/png;base64" and picture.format == "PNG" and len(attrs["alt"]) > 20


def test_it_says_every_test_every_use_and_how_many_images_were_asked(read):
    text = " ".join(" ".join(read[0].text).split())
    assert all(test.question in text for test in report.TESTS)
    assert "not to prove" in text or "to prove that an answer is right" in text
    assert "90 images of 5 classes; the first 48 of them were explained" in text


def test_it_is_legible_in_light_and_dark_on_phones_and_paper(read):
    source = read[1]
    for needed in ("prefers-color-scheme: dark", "@media print", 'name="viewport"', "max-width: 40rem"):
        assert needed in source
    for colours in re.findall(r"\{([^{}]*--ink:[^{}]*)\}", source):
        named = dict(re.findall(r"--(\w+): (#\w+)", colours))
        assert all(contrast(named[ink], named["page"]) >= 4.5 for ink in ("ink", "passed", "failed", "open"))


def contrast(one, other):
    """WCAG's contrast of two colours."""
    def luminance(colour):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
        c = np.array([int(digits[i:i + 2], 16) for i in (0, 2, 4)]) / 255
        return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_names_are_escaped(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "TESTS", report.TESTS[:1])
    monkeypatch.setattr(report, "uses", lambda passed: [])
    path = tmp_path / "a.html"
    audit(network(), X, LABELS, class_names=["<script>alert(1)</script>", *NAMES[1:]], path=path, progress=False)
    assert "<script>" not in path.read_text(encoding="utf-8")


# --- strangers' files ---------------------------------------------------------------------------------------------------


def strangers_network():
    """By another recipe: a nested backbone, odd names, strided convolutions, batch normalization, dropout, softmax."""
    keras.utils.set_random_seed(4)
    inside = keras.Sequential([keras.Input((32, 32, 3)), kl.Conv2D(12, 3, strides=2, padding="same", name="c.1-a"),
                               kl.BatchNormalization(), kl.LeakyReLU(), kl.SeparableConv2D(16, 3, padding="same"),
                               kl.BatchNormalization(), kl.Activation("swish")], name="Backbone.v2-x")
    images = keras.Input((32, 32, 3), name="foto")
    x = kl.GlobalAveragePooling2D()(inside(kl.Rescaling(4.0, -1.6)(images)))
    x = kl.Dropout(0.2)(kl.Dense(16, activation="relu", kernel_regularizer="l2")(x))
    model = keras.Model(images, kl.Softmax()(kl.Dense(5)(x)), name="my-model.v2")
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    x, labels, _ = drawn(120, seed=7)
    model.fit(x, labels, epochs=12, batch_size=20, verbose=0)
    return model


def test_a_stranger_s_file_is_audited(tmp_path):
    model = strangers_network()
    model.save(tmp_path / "stranger.keras")
    result = found(str(tmp_path / "stranger.keras"), drawn(), tmp_path)
    assert result.network == "my-model.v2" and result.passed["accuracy"] and result.passed["score"] and result.passed["slope"]
    assert result.passed["CAM theory"] is None
    assert "softmax was cut off" in next(finding.remark for finding in result.findings if finding.name == "score")
    x, labels, _ = drawn()
    np.testing.assert_allclose(network_from(tmp_path / "stranger.keras")(x[:4]), model(x[:4]), rtol=1e-4, atol=1e-6)


class Own(kl.Layer):
    def call(self, x):
        return x


def saved(path, layer):
    keras.Sequential([keras.Input((8, 8, 3)), kl.Conv2D(2, 3), layer, kl.GlobalAveragePooling2D()]).save(path)


@pytest.mark.parametrize("layer, told", [
    (lambda: kl.Lambda(lambda x: 2 * x), "needs code of its own.*Lambda"), (Own, "needs code of its own.*Own"),
    (lambda: kl.Activation(lambda x: x), "needs code of its own")])
def test_a_file_with_code_of_its_own_is_refused_and_none_of_it_runs(tmp_path, monkeypatch, layer, told):
    saved(tmp_path / "own.keras", layer())
    monkeypatch.setattr(keras.models, "load_model", lambda *args, **options: pytest.fail("it was opened"))
    with pytest.raises(ValueError, match=told):
        network_from(tmp_path / "own.keras")


@pytest.mark.parametrize("part", [
    {"module": "keras.utils", "class_name": "get_file"},
    {"module": "keras.config", "class_name": "enable_unsafe_deserialization"},
    {"module": "os", "class_name": "function", "config": "system"}, {"module": "keras_of_mine", "class_name": "Dense"},
    {"class_name": "Dense"}, {"module": "keras", "class_name": "Thing"}])
def test_names_of_other_modules_are_refused(tmp_path, part):
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        description = {"module": "keras", "class_name": "Sequential", "config": [part]}
        archive.writestr("config.json", json.dumps(description))
    with pytest.raises(ValueError, match="needs code of its own"):
        network_from(tmp_path / "a.keras")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_a_file_that_is_no_network_is_told(tmp_path, content):
    (tmp_path / "a.keras").write_bytes(content)
    with pytest.raises(ValueError, match="no network that Keras saved"):
        network_from(tmp_path / "a.keras")


def test_a_file_cut_short_inside_is_told(tmp_path):
    saved(tmp_path / "whole.keras", kl.ReLU())
    with zipfile.ZipFile(tmp_path / "whole.keras") as archive, zipfile.ZipFile(tmp_path / "a.keras", "w") as cut:
        cut.writestr("config.json", archive.read("config.json"))
    with pytest.raises(ValueError, match="a.keras cannot be loaded"):
        network_from(tmp_path / "a.keras")


# --- the course's networks ----------------------------------------------------------------------------------------------


def test_steel(tmp_path):
    data = load_neu("embedded")
    result = audit(load_model("neu_gap"), data.x_test[:60], data.y_test[:60], class_names=data.class_names,
                   masks=data.masks_test[:60], path=tmp_path / "steel.html", progress=False)
    assert result.passed["CAM theory"] and result.passed["pointing"] and result.passed["energy"] and result.passed["fixed place"]
    assert failed(result) <= {"erased pixels"}         # of textures, blurred or not, much is evidence (notebook 8)


@pytest.mark.realdata
def test_squeezenet(tmp_path):
    net, random = load_squeezenet(), np.random.default_rng(0)
    images, labels = [], []
    for photo, name in (("cat", "tiger cat"), ("coffee", "espresso"), ("rocket", "missile")):
        for number in range(8):
            image = load_photo(photo)
            side = int(min(image.shape[:2]) * random.uniform(0.75, 1))
            top, left = (random.integers(size - side + 1) for size in image.shape[:2])
            cut = image[top:top + side, left:left + side]
            images.append(net.preprocess((cut[:, ::-1] if number % 2 else cut)[None])[0])
            labels.append(net.class_names.index(name))
    result = audit(net.model, np.stack(images), np.array(labels), class_names=net.class_names, path=tmp_path / "a.html",
                   progress=False)
    assert result.passed["CAM theory"] and result.passed["slope"] and result.passed["colour order"] is not False


# --- in Korean ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def korean(monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "ko")


@pytest.fixture(scope="module")
def in_korean(tmp_path_factory):
    """The audit of a network of which a class is dead, in Korean."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_LANG", "ko")
        patch.setattr(maps, "SEEDS", 1)
        patch.setattr(maps, "ERASED", 16)
        return found(network(bias=np.array([0, 0, 0, -99, 0])), drawn(), tmp_path_factory.mktemp("korean"))


STAYS = {"hand_made", "features", "white", "red", "green", "yellow", "dark", "CAM", "Grad-CAM", "Keras", "Z"}    # names


def rest(text):
    """English words in a text, but for names, and what stands in brackets beside the Korean."""
    return set(re.findall(r"[A-Za-z][A-Za-z_-]+", re.sub(r"\([^()]*\)|\S*=\S*|\S*/\S*", " ", text))) - STAYS


@pytest.mark.filterwarnings("ignore:Glyph")     # the font is set up on import, which was in English
def test_the_page_is_korean(in_korean):
    reader, source = Reader(), in_korean.path.read_text(encoding="utf-8")
    reader.feed(source)
    text = " ".join(reader.text)
    body, alts = text[text.index("hand_made", 100):], " ".join(attrs["alt"] for tag, attrs in reader.tags if tag == "img")
    assert '<html lang="ko">' in source and "word-break: keep-all" in source
    carried = TTFont(io.BytesIO(base64.b64decode(re.search("font/woff;base64,([^)]*)", source)[1]))).getBestCmap()
    assert {ord(letter) for letter in re.findall("[가-힣]", source)} <= set(carried) and len(carried) < 700
    assert rest(body) == rest(alts) == set()
    assert not re.search(r"\[[가-힣]+/[가-힣]+\]|\{\w*", body + alts)
    heads = {attrs["data-head"] for _, attrs in reader.tags if "data-head" in attrs}
    assert heads == {"측정값", "정상이면"}


def test_what_was_found_is_korean_and_its_keys_are_not(korean, in_korean):
    assert list(in_korean.passed) == TESTS and not in_korean.passed["every class"]
    finding = next(finding for finding in in_korean.findings if finding.name == "every class")
    assert finding.question == "모든 클래스가 적어도 한 번은 답으로 나옵니까?"
    assert finding.remark.startswith("한 번도 답으로 나오지 않은 클래스는 “yellow”(이미지 18장)입니다.")
    compared = next(use for use in in_korean.uses if use.name == "두 클래스 비교하기")
    assert compared.fit is False and compared.verdict == "불가능"
    assert compared.because == "모든 클래스(every class) 시험에서 탈락했습니다."
    assert str(in_korean).startswith("hand_made, features의 맵: 시험 20개 가운데 19개를 통과했습니다.")


@pytest.mark.parametrize("told, changed", [
    ("labels에는 이미지 20장마다 클래스가 하나씩", dict(labels=LABELS[:-1])),
    ("원-핫으로 보입니다", dict(labels=np.eye(5)[LABELS])),
    ("언제나 2라고만 답해도", dict(labels=LABELS * 0 + 2)), ("적어도 8장", dict(images=X[:1], labels=LABELS[:1])),
    ("65535", dict(images=X * 65535)), ("이름은 2개입니다", dict(class_names=["a", "b"])),
    ("masks는 bool이고", dict(masks=MASKS * 1.0)), ("파일 missing.keras가 없습니다", dict(model="missing.keras"))])
def test_a_mistake_is_told_in_korean(korean, tmp_path, told, changed):
    model, images, labels = (changed.get(name, default) for name, default in (
        ("model", None), ("images", X), ("labels", LABELS)))
    options = {name: value for name, value in changed.items() if name not in ("model", "images", "labels")}
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=told) as error:
        audit(network() if model is None else model, images, labels, path=tmp_path / "a.html", progress=False, **options)
    assert str(error.value).endswith(("다.", "오.")) and "[을/를]" not in str(error.value)
