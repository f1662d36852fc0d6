"""What the explorers show, without any widget: one network asked about one image after another.

`Exploration` answers: all classes of an image come from one pass, all layers with them, and the answers are kept, so
that whoever moves a slider waits only for the drawing. `Choice` says what is asked; `views` and `figure` draw it.
`widgets` shows this in a notebook: there, at the door, each choice is completed and checked (`Exploration.complete`), and
what lies behind takes complete ones only. The page of `course.py explore` computes for itself, in the browser.
"""

import base64
import hashlib
import html
import io
import warnings
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image

from .. import plots
from ..explain import engine, places, surgery
from ..explain.cam import _counterfactual_cam, _grad_cam, upsample
from ..explain.methods import ATTENTION, GAP_HEAD, LAYER, METHODS, methods_for
from ..language import say, spoken, worded

OF_A_LAYER = tuple(name for name, method in METHODS.items() if method.of_a_layer)      # for these a layer can be chosen
OF_PIXELS = tuple(name for name, method in METHODS.items() if method.of_pixels)

CLASSES = 10        # explained in one pass and listed at most; of a thousand classes, the best ten of each image
REMEMBERED = 96     # answers, at least three for each image; the largest, of VGG16's size, takes 6 MB
SMALL = 64          # pixels: a smaller picture is enlarged in squares and stored exactly
LOGITS = worded("class scores (logits)")


class Choice(NamedTuple):
    """What is asked of a network about an image; the class None is the one predicted (first), the layer None the last."""

    method: str = "Grad-CAM"
    layer: str | None = None
    class_index: int | None = None
    opacity: float = 0.5


class Exploration:
    """A network that answers questions about images, and remembers its answers.

    model: as for `grad_cam`, with one input and one output (n, classes). class_names: one for each class. Where it ends in
        sigmoids, each class is taken for a question of its own: its score is a probability, and several may be predicted.
    preprocess: images (n, h, w, channels) in [0, 1] to the model's input; None, if that is what the model takes.
    Raises ValueError if the names do not fit the model, and what `grad_cam` raises for a model it cannot explain.
    """

    def __init__(self, model, class_names, preprocess=None):
        self.model, self.class_names = model, tuple(map(str, class_names))
        self.preprocess = preprocess or (lambda images: images)
        network = engine.prepare(model).network
        if len(network.outputs) != 1 or model.output_shape != (None, len(self.class_names)):
            raise ValueError(say("class_names must name the classes of a model with one output (n, classes); got {n} names for "
                                 "the output shape {shape}", n=len(self.class_names), shape=model.output_shape))
        with warnings.catch_warnings(action="ignore"):          # of another layer than might be expected: it is seen by name
            last = surgery.find_feature_map(network, None).name
        self.layers = tuple(dict.fromkeys([*(step.name for step in surgery.convolution_maps(network)), last]))
        self.last_layer = last
        self.methods = tuple(method.name for method in methods_for(model) if not method.slow)
        self.image_shape = network.input_specs[0].shape[1:]
        self._network, self._places = network, {}
        self._forward = tf.function(lambda inputs: model(inputs, training=False), reduce_retracing=True)
        self._answers = OrderedDict()

    def scores(self, image):
        """The model's own output for one image (h, w, channels): float32 (classes,)."""
        return self._remember("scores", image, lambda inputs: self._forward(inputs).numpy()[0])

    def independent(self, image):
        """Whether the model ends in sigmoids: each score is the probability that its class is there, beside others or not."""
        return engine.ends_in_sigmoid(self.model, [self._input_shape(image)])

    def predicted(self, image):
        """The classes that the model sees: the one with the highest score, or all that are more probable than not."""
        scores = self.scores(image)
        return np.flatnonzero(scores > 0.5).tolist() if self.independent(image) else [int(scores.argmax())]

    def listed_classes(self, image):
        """The classes to choose from: all, in their order, or the ten best of this image, the best first."""
        if len(self.class_names) <= CLASSES:
            return list(range(len(self.class_names)))
        return np.argsort(-self.scores(image))[:CLASSES].tolist()

    def complete(self, image, choice):
        """The `Choice` with the predicted class and the last layer put in. Raises ValueError for what there is not."""
        method, layer, class_index, opacity = choice
        layer = self.last_layer if layer is None else layer
        class_index = int(self.scores(image).argmax()) if class_index is None else class_index
        if method not in self.methods or layer not in self.layers or class_index not in range(len(self.class_names)):
            raise ValueError(say("there is no {method!r} at layer {layer!r} for class {class_index!r} here: the methods are "
                                 "{methods}, the layers {layers}, the classes 0 to {last}", method=method, layer=layer,
                                 class_index=class_index, methods=self.methods, layers=self.layers,
                                 last=len(self.class_names) - 1))
        if not 0 <= opacity <= 1:
            raise ValueError(say("opacity must lie between 0 and 1; got {opacity!r}", opacity=opacity))
        return Choice(method, layer, class_index, opacity)

    def attribution(self, image, choice):
        """Of a complete choice, the map (h, w) at its layer's resolution, or for `OF_PIXELS` (height, width, channels)."""
        method, layer, c, _ = choice
        if method in ("Grad-CAM", "counterfactual"):
            return self._signed(image, layer, c, -1 if method == "counterfactual" else 1)
        if method == "Guided Grad-CAM":         # the product of two answers, which are often there already
            R = self._by("guided backprop", image, None, c)
            size = R.shape[:2]
            return upsample(self._signed(image, layer, c, 1), size, self._cells(LAYER, layer, size))[..., None] * R
        return self._by(method, image, layer if method in OF_A_LAYER else None, c)

    def _by(self, method, image, layer, c):
        """What the method's own function gives."""
        return self._of_class((method, layer), image, c,
                              lambda x, classes: METHODS[method].explain(self.model, x, layer, classes))

    def place(self, image, choice):
        """Where a complete choice's map lies over the image, as `overlay` takes it: (cells, input_size).

        (None, None) for a map that is stretched evenly over the image: that of `OF_PIXELS`, whose cells are the input's
        pixels, and one whose cells have no place that could be told (`cell_centres`).
        """
        method, layer, _, _ = choice
        size = self._input_shape(image)[:2]
        cells = None if method in OF_PIXELS else self._cells(METHODS[method].kind, layer, size)
        return cells, cells and size

    def _input_shape(self, image):
        """(height, width, channels) of what the model gets for an image."""
        known = tuple(self.image_shape)
        return np.shape(self.preprocess(image[None]))[1:] if None in known else known

    def _cells(self, kind, layer, size):
        """Where the cells of a layer look, or of what a kind of method without one reads; None if that cannot be told."""
        key = kind, layer, size
        if key not in self._places:
            network = self._network
            try:
                step = (surgery.averaged(network, network.outputs[0]) if kind == GAP_HEAD else
                        surgery.attended_tokens(network) if kind == ATTENTION else surgery.find_feature_map(network, layer))
                self._places[key] = places.centres(network, step, size)
            except ValueError:
                self._places[key] = None
        return self._places[key]

    def _signed(self, image, layer, c, sign):
        """Grad-CAM, or with the sign -1 the counterfactual: the two halves of one map that the ReLU parts."""
        def all_layers(x, classes):
            maps, names = engine.explain_feature_maps(self.model, x, _both_halves, self.layers, engine.ClassScore(classes))
            return {name: maps_of for name, maps_of in zip(names, maps, strict=True)}

        return np.maximum(sign * self._of_class("layers", image, c, all_layers)[layer], 0)

    def _of_class(self, what, image, c, explain):
        """`explain(inputs, classes)` for class c: with all others in one pass, or alone if there are too many."""
        every = range(len(self.class_names)) if len(self.class_names) <= CLASSES else [c]
        answers = self._remember((what, every[0], len(every)), image,
                                 lambda inputs: explain(np.repeat(inputs, len(every), axis=0), every))
        place = every.index(c)
        return {name: one[place] for name, one in answers.items()} if isinstance(answers, dict) else answers[place]

    def _remember(self, what, image, compute):
        """The answer from memory, or computed; the one that was not asked for the longest time is forgotten."""
        image = np.ascontiguousarray(image, dtype=np.float32)
        key = what, image.shape, hashlib.sha256(image).digest()
        if key not in self._answers:
            self._answers[key] = compute(np.asarray(self.preprocess(image[None])))
        self._answers.move_to_end(key)
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return self._answers[key]


def _both_halves(A, dy_dA):
    return _grad_cam(A, dy_dA) - _counterfactual_cam(A, dy_dA)          # x = ReLU(x) - ReLU(-x)


# --- how complete choices are drawn ------------------------------------------------------------------------------------

class Picture(NamedTuple):
    """One picture of a page: `src` is a data address, `pixelated` says that its pixels are to be seen as squares.

    `aspect` is its width divided by its height.
    """

    src: str
    alt: str
    caption: str
    pixelated: bool
    aspect: float


class Score(NamedTuple):
    """One line of the class scores; `left` and `width` of its bar are shares of the line."""

    name: str
    value: float
    predicted: bool
    chosen: bool
    left: float
    width: float


def input_picture(exploration, image):
    """The image itself as a `Picture`."""
    pixels = np.round(255 * np.broadcast_to(image, (*image.shape[:2], 3))).astype(np.uint8)
    caption = say("input, {height} × {width} pixels", height=image.shape[0], width=image.shape[1])
    return _picture(pixels, read_as(exploration, image), caption)


def read_as(exploration, image):
    """What the model sees, in a sentence: "The input, read as bar and ring."."""
    seen = spoken(" and ", ", ").join(exploration.class_names[c] for c in exploration.predicted(image))
    return say("The input, read as {classes}.", classes=seen) if seen else say("The input, read as nothing that it knows.")


def views(exploration, image, choice):
    """The map of a choice, and the map laid over the image: two `Picture`s."""
    attribution, title = exploration.attribution(image, choice), title_of(exploration, choice)
    evidence, (cells, input_size) = _evidence(attribution), exploration.place(image, choice)
    laid_over = say("laid over, {opacity:.0%}" if cells or choice.method in OF_PIXELS else
                    "laid over, {opacity:.0%}, stretched evenly", opacity=choice.opacity)
    size = say("{height} × {width} pixels" if choice.method in OF_PIXELS else "{height} × {width} cells",
               height=evidence.shape[0], width=evidence.shape[1])
    strongest = (say("strongest {place}", place=_place(evidence, cells, input_size)) if evidence.max() > 0 else say("empty"))
    return (_picture(_coloured(attribution, choice.method), f"{title}: {size}, {strongest}.",
                     say("{size}, peak {peak:.3g}", size=size, peak=evidence.max())),
            _picture(plots.overlay(image, evidence, choice.opacity, cells, input_size),
                     say("{title}, laid over the input: {strongest}.", title=title, strongest=strongest), laid_over))


def title_of(exploration, choice, said=say):
    """What was chosen, in words: "Grad-CAM of conv3 for 7". said: how its words are said, in the reader's language."""
    asked = {"method": choice.method, "name": exploration.class_names[choice.class_index]}
    if choice.method in OF_A_LAYER:
        return said(worded("{method} of {layer} for {name}"), layer=choice.layer, **asked)
    return said(worded("{method} for {name}"), **asked)


def description(exploration, image, choices):
    """What `figure` shows, in a few sentences: its alternative text."""
    pictures = " ".join(view.alt for choice in choices for view in views(exploration, image, choice))
    bars = say("Bars of the classes' probabilities.") if exploration.independent(image) else say("Bars of the class scores.")
    return f"{read_as(exploration, image)} {pictures} {bars}"


def file_name(exploration, choices):
    """A name that says what was chosen, in English: "Grad-CAM-of-conv3-for-7.png"."""
    titles = "-and-".join(title_of(exploration, choice, str.format) for choice in choices)
    return "".join(letter if letter.isalnum() else "-" for letter in titles)[:120] + ".png"


def _evidence(attribution):
    """What an overlay shows: of a map its positive part, of signed pixels the strongest colour channel."""
    return np.maximum(attribution, 0) if attribution.ndim == 2 else np.abs(attribution).max(axis=-1)


def _coloured(attribution, method):
    """uint8 (h, w, 3): evidence from dark to bright; what has two signs around white, pixels around grey."""
    if attribution.ndim == 3:
        colours = np.repeat(plots.signed_image(attribution.mean(axis=-1))[..., None], 3, axis=-1)
    else:
        top, signed = np.abs(attribution).max() or 1.0, METHODS[method].signed
        shares = attribution / top
        colours = colormaps[plots.SIGNED](shares / 2 + 0.5) if signed else colormaps[plots.EVIDENCE](shares)
    return np.round(255 * colours[..., :3]).astype(np.uint8)


def _picture(pixels, alt, caption):
    height, width = pixels.shape[:2]
    return Picture(data_address(pixels), alt, caption, max(height, width) < SMALL, width / height)


def data_address(pixels):
    """uint8 (h, w, 3) as a data address: PNG, which is exact, where it is small; JPEG, a tenth of the size, else."""
    kind = "png" if max(pixels.shape[:2]) < SMALL else "jpeg"
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format=kind, quality=90)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


PLACES = ((worded("in the upper left"), worded("at the top"), worded("in the upper right")),
          (worded("at the left"), worded("in the middle"), worded("at the right")),
          (worded("in the lower left"), worded("at the bottom"), worded("in the lower right")))


def _place(evidence, cells=None, input_size=None):
    """Where the largest value lies in the image, as one says it: "in the upper left", "in the middle"."""
    strongest = np.unravel_index(evidence.argmax(), evidence.shape)
    cells, size = cells or ((1, 0), (1, 0)), input_size or evidence.shape
    row, column = (int(np.clip(3 * (stride * i + offset + 0.5) / pixels, 0, 2))
                   for i, (stride, offset), pixels in zip(strongest, cells, size, strict=True))
    return say(PLACES[row][column])


def score_lines(exploration, image, choices):
    """The listed classes with their scores, as `Score`s; classes that a choice asks about are marked."""
    scores, chosen = exploration.scores(image), {choice.class_index for choice in choices}
    listed, predicted = exploration.listed_classes(image), exploration.predicted(image)
    low, high = min(0.0, scores[listed].min()), 1.0 if exploration.independent(image) else max(0.0, scores[listed].max())
    span = (high - low) or 1.0
    return [Score(exploration.class_names[c], float(scores[c]), c in predicted, c in chosen,
                  float(min(scores[c], 0) - low) / span, float(abs(scores[c])) / span) for c in listed]


def scores_title(exploration, image):
    return say("probability of each class") if exploration.independent(image) else say(LOGITS)


def scores_html(lines, title=LOGITS):
    """`Score`s as a table with bars; the numbers are text, so that they can be read aloud and copied."""
    rows = "".join(
        f'<tr{" class=chosen" if line.chosen else ""} style="font-weight:{"bold" if line.chosen else "normal"}">'
        f'<th scope="row" style="text-align:right;font-weight:inherit;padding:0 .5em">{html.escape(line.name)}</th>'
        '<td class="score" style="text-align:right;padding-right:.5em;font-variant-numeric:tabular-nums">'
        f'{line.value:.2f}</td><td aria-hidden="true" style="min-width:7em">'
        f'<div style="margin-left:{line.left:.1%};width:max({line.width:.1%},1px);height:.8em;'
        f'background:{plots.ORANGE if line.chosen else plots.BLUE}"></div></td>'
        f'<td style="padding-left:.5em">{say("predicted") if line.predicted else ""}</td></tr>' for line in lines)
    return ('<table class="scores" style="border-collapse:collapse;line-height:1.35">'
            f'<caption style="text-align:left">{say(title)}</caption>{rows}</table>')


def figure(exploration, image, choices):
    """Everything in one matplotlib figure: a row for each choice, of the input, its map and the overlay; the scores."""
    drawing = Figure(figsize=(10, 2.9 * len(choices)), layout="constrained")
    bars = any(choice.method not in OF_PIXELS for choice in choices)            # colour bars take their room from the maps
    grid = drawing.add_gridspec(len(choices), 4, width_ratios=(1, 1.15 if bars else 1, 1, 1.2))
    for row, choice in enumerate(choices):
        left, middle, right = (drawing.add_subplot(grid[row, column]) for column in range(3))
        attribution = exploration.attribution(image, choice)
        plots.picture(left, image, say("input"))
        if choice.method in OF_PIXELS:
            title = title_of(exploration, choice).replace(say(" for "), say("\nfor "))     # no wider than the picture
            plots.picture(middle, _coloured(attribution, choice.method), title)
        else:
            plots.bare_map(middle, attribution, title_of(exploration, choice), signed=METHODS[choice.method].signed)
        laid_over = plots.overlay(image, _evidence(attribution), choice.opacity, *exploration.place(image, choice))
        plots.picture(right, laid_over, say("laid over the input"))
    scores = drawing.add_subplot(grid[:, 3])
    _bars(scores, score_lines(exploration, image, choices), scores_title(exploration, image))
    if exploration.independent(image):
        scores.set_xlim(0, 1.25)                                # 1, and room for the numbers
    return drawing


def _bars(axis, lines, title):
    names = [line.name for line in lines]
    bars = axis.barh(range(len(lines)), [line.value for line in lines],
                     color=[plots.ORANGE if line.chosen else plots.BLUE for line in lines])
    axis.bar_label(bars, [f"{line.value:.2f}" for line in lines], padding=3, fontsize=8)
    axis.set_yticks(range(len(lines)), names)
    axis.tick_params(labelsize=8)
    axis.set_title(title, fontsize=9)
    axis.invert_yaxis()
    axis.margins(x=0.25)
    axis.spines[["top", "right"]].set_visible(False)
