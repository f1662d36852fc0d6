"""The explorer of the notebooks: choose image, layer, class, method and opacity, and see at once what changes.

Built on ipywidgets' own controls, 7.7 to 8, and nothing else, so that it needs no installation on Colab and no build
step; even the drawing area is a canvas in an `HTML` widget, whose strokes come back through a hidden text field.
What is shown is computed and drawn by `exploration`.
"""

import asyncio
import html
from pathlib import Path

import ipywidgets as widgets
from IPython.display import display

from .. import plots
from ..asking import someone_is_there
from ..datasets.loaders import ROOT
from ..language import language, say, spoken, worded
from . import uploads
from .exploration import (
    OF_A_LAYER,
    Choice,
    Exploration,
    description,
    figure,
    file_name,
    input_picture,
    score_lines,
    scores_html,
    scores_title,
    title_of,
    views,
)
from .shared import labels

PICTURE = 180           # height of a picture, CSS pixels
TOGETHER = 0.02         # seconds: changes that come closer together are drawn once
PREDICTED = -1          # offered beside the classes; None would mean to a `Dropdown` that nothing is chosen
DRAWN, UPLOADED = worded("your drawing"), worded("your picture")


def explore(model, images, class_names, *, preprocess=None, choice=Choice(), alt=None):
    """Show the explorer below the cell.

    Where nobody can move its controls, because a program executes the notebook (nbval, nbconvert, `course.py run`), a
    picture of its first state stands there instead: a widget is dead without its kernel.

    model, class_names, preprocess: as for `Exploration`.
    images: dict of names to images (h, w, channels), float in [0, 1], or an array (n, h, w, channels) of them.
    choice: what is asked first.   alt: alternative text of that picture; None describes it by what is asked.
    Raises ValueError for images, names or a choice that do not fit the model.
    """
    exploration, images = Exploration(model, class_names, preprocess), _named(images)
    if not someone_is_there():
        first = next(iter(images.values()))
        asked = [exploration.complete(first, choice)]
        plots.show(figure(exploration, first, asked), alt or description(exploration, first, asked))
        return
    box = Explorer(exploration, images, choice).box
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({"application/vnd.jupyter.widget-view+json": view,
             "text/plain": say("The explorer: run this cell to use it.")}, raw=True)


class Explorer:
    """The widgets, `box`, around an `Exploration`; its public methods are what their controls do."""

    def __init__(self, exploration, images, choice=Choice()):
        self.exploration = exploration
        self.images = _named(images)
        self._waiting = False
        self._make_controls(exploration.complete(next(iter(self.images.values())), choice),
                            PREDICTED if choice.class_index is None else choice.class_index)
        self._make_places()
        self.box = widgets.VBox([
            _row(self.image, self.method, self.layer, self.class_, self.opacity),
            _row(self.compare, self.other_layer, self.other_class),
            self.view,
            _row(self.upload, *([self.drawing] if _reads_digits(exploration) else []), self.save),
            widgets.HTML(SLIDERS_NAMED)])
        self.box.add_class("course-explorer")
        self.draw()

    def _make_controls(self, first, c):
        words, described = labels(language()), {"style": {"description_width": "6em"}, "layout": {"width": "21em"}}
        classes = self._class_options(next(iter(self.images.values())))
        layers = self.exploration.layers
        self.image = widgets.Dropdown(options=list(self.images), description=words["image"], **described)
        self.method = widgets.Dropdown(options=self.exploration.methods, value=first.method, description=words["method"],
                                       **described)
        self.layer = widgets.Dropdown(options=layers, value=first.layer, description=words["layer"], **described)
        self.class_ = widgets.Dropdown(options=classes, value=c, description=words["class"], **described)
        self.opacity = widgets.IntSlider(round(100 * first.opacity), 0, 100, 5, description=f"{words['opacity']} %", **described)
        self.compare = widgets.Checkbox(False, description=words["compare"], indent=False, layout={"width": "10em"})
        self.other_layer = widgets.Dropdown(options=layers, value=first.layer, description=f"{words['layer']} 2", **described)
        self.other_class = widgets.Dropdown(options=classes, value=c, description=f"{words['class']} 2", **described)
        self.upload = widgets.FileUpload(accept=".png,.jpg,.jpeg,.webp,.bmp", multiple=False,
                                         description=say("Upload a picture"), layout={"width": "14em"})
        self.save = widgets.Button(description=words["save"], icon="save", layout={"width": "14em"})
        for control in (self.image, self.method, self.layer, self.class_, self.opacity, self.compare, self.other_layer,
                        self.other_class):
            control.observe(self._draw_soon, "value")
        self.image.observe(self._offer_classes, "value")
        self.upload.observe(self._take_upload, "value")
        self.save.on_click(lambda _: self.save_figure())

    def _make_places(self):
        """The view, which is drawn, and the drawing area, in which a digit is drawn."""
        self.view = widgets.HTML()      # one value: of several, a browser would show some before the others
        self.strokes = widgets.Textarea(layout={"display": "none"})
        self.strokes.add_class("course-strokes")
        self.strokes.observe(self._take_strokes, "value")
        self.drawing = widgets.HBox([widgets.HTML(_canvas()), self.strokes])
        self.drawing.add_class("course-drawing")

    # --- what is asked

    def asked(self):
        """The chosen image, and one complete `Choice` or the two that are compared."""
        image = self.images[self.image.value]
        places = [(self.layer, self.class_)] + ([(self.other_layer, self.other_class)] if self.compare.value else [])
        choices = [Choice(self.method.value, layer.value, None if class_.value == PREDICTED else class_.value,
                          self.opacity.value / 100) for layer, class_ in places]
        return image, [self.exploration.complete(image, choice) for choice in choices]

    def _class_options(self, image):
        names = self.exploration.class_names
        return [(labels(language())["askPredicted"], PREDICTED)] + [(names[c], c) for c in self.exploration.listed_classes(image)]

    def _offer_classes(self, change):
        """Networks with many classes offer the best ones of each image; a class no longer offered gives way."""
        options = self._class_options(self.images[change["new"]])
        for control in (self.class_, self.other_class):
            if tuple(control.options) != tuple(options):
                kept = control.value if control.value in dict(options).values() else PREDICTED
                control.options, control.value = options, kept

    # --- what is drawn

    def _draw_soon(self, _=None):
        """Draw once for all changes of the next moment, with what is then the newest; at once where no loop runs."""
        if self._waiting:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.draw()
        else:
            self._waiting = True
            loop.call_later(TOGETHER, self.draw)

    def draw(self):
        """Bring every picture and number up to date, all at once."""
        self._waiting = False
        image, asked = self.asked()
        titles = [title_of(self.exploration, choice) for choice in asked]
        self._drawn = self._pictures_and_scores(image, asked, titles)
        self.other_layer.layout.display = self.other_class.layout.display = "flex" if self.compare.value else "none"
        self.layer.disabled = self.other_layer.disabled = self.method.value not in OF_A_LAYER
        self.say(spoken(" and ", ", ").join(titles))

    def say(self, sentence):
        """Write a sentence below the pictures; screen readers announce it."""
        self.view.value = self._drawn + (f'<p role="status" aria-live="polite" style="margin:0">{html.escape(sentence)}'
                                         '</p>')

    def _pictures_and_scores(self, image, asked, titles):
        """HTML: a row for each choice of the input, its map and the overlay; the scores beside them."""
        shown = [[_figure_html(picture) for picture in views(self.exploration, image, choice)] for choice in asked]
        first = _figure_html(input_picture(self.exploration, image))
        others = [html.escape(say("compared with {title}", title=title)) for title in titles[1:]]
        left = [first] + [f'<p style="max-width:{PICTURE}px;margin:0">{other}</p>' for other in others]
        rows = "".join(start + "".join(pair) for start, pair in zip(left, shown, strict=True))
        scores = scores_html(score_lines(self.exploration, image, asked), scores_title(self.exploration, image))
        return ('<div style="display:flex;flex-flow:row wrap;align-items:center">'
                f'<div style="display:grid;grid-template-columns:repeat(3,max-content)">{rows}</div>{scores}</div>')

    # --- pictures from outside, and a picture to keep

    def add(self, name, picture):
        """Offer and choose a picture, a function that returns a `PIL.Image`; say what is wrong with it."""
        try:
            image = uploads.fit(picture(), self.exploration.image_shape)
        except ValueError as error:
            return self.say(f"{error}.")
        known = name in self.images
        self.images[name] = image
        if not known:
            self.image.options = list(self.images)
        if self.image.value == name:        # another picture under the same name
            self._offer_classes({"new": name})
            self.draw()
        else:
            self.image.value = name

    def _take_upload(self, change):
        """ipywidgets 7 hands over a dict of files by name, 8 a tuple of files."""
        files = list(change["new"].values() if isinstance(change["new"], dict) else change["new"])
        if files:
            self.add(say(UPLOADED), lambda: uploads.read_picture(bytes(files[-1]["content"])))

    def _take_strokes(self, change):
        if change["new"]:
            self.add(say(DRAWN), lambda: uploads.read_data_address(change["new"]))

    def save_figure(self, folder=ROOT / "build" / "figures"):
        """Write the figure as a PNG named after what was chosen; returns its path."""
        image, asked = self.asked()
        path = Path(folder) / file_name(self.exploration, asked)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure(self.exploration, image, asked).savefig(path, dpi=2 * plots.DPI)
        self.say(say("Saved: {path}", path=path))
        return path


def _named(images):
    """A new dict of names to images; arrays are numbered."""
    images = dict(images) if isinstance(images, dict) else {str(n): image for n, image in enumerate(images)}
    if not images:
        raise ValueError(say("explore() needs at least one image; got none"))
    return images


def _row(*children):
    return widgets.HBox(list(children), layout={"flex_flow": "row wrap", "align_items": "center"})


def _reads_digits(exploration):
    return tuple(exploration.image_shape) == (uploads.DIGIT_SIDE, uploads.DIGIT_SIDE, 1)


def _figure_html(picture):
    """A `Picture` as HTML of a fixed size, so that nothing moves when it is exchanged."""
    return (f'<figure style="margin:0 12px 0 0"><img src="{picture.src}" alt="{html.escape(picture.alt)}" '
            f'width="{round(PICTURE * picture.aspect)}" height="{PICTURE}" decoding="sync" style="max-width:none;'
            f'image-rendering:{"pixelated" if picture.pixelated else "auto"}">'
            f'<figcaption>{html.escape(picture.caption)}</figcaption></figure>')


# ipywidgets writes a slider's name beside it, but does not tell a screen reader that it is its name.
SLIDERS_NAMED = """
<img alt="" hidden src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==" onload="
  const explorer = this.closest('.course-explorer');
  explorer.querySelectorAll('.widget-slider').forEach(slider =>
    slider.querySelector('[tabindex]').setAttribute('aria-label', slider.querySelector('label').textContent))">
"""

# A widget's HTML runs no scripts, but its elements' own handlers do. White ink on black paper, as MNIST is written; at
# the end of each stroke the drawing goes into the hidden text field, and from there to Python.
def _canvas():
    """The drawing area with its words in the reader's language."""
    return CANVAS.replace("(AREA)", say("Drawing area: draw a digit with mouse, pen or finger")).replace(
        "(CLEAR)", labels(language())["clear"])


CANVAS = """
<div style="display:flex;gap:8px;align-items:center">
<canvas width="140" height="140" role="img" aria-label="(AREA)"
  style="background:black;touch-action:none;cursor:crosshair"
  onpointerdown="this.setPointerCapture(event.pointerId); this.pen = [event.offsetX, event.offsetY];
    if (!this.paper) { this.paper = true; this.getContext('2d').fillRect(0, 0, 140, 140) }"
  onpointermove="if (!this.pen) return;
    const c = this.getContext('2d'); c.strokeStyle = 'white'; c.lineWidth = 12; c.lineCap = c.lineJoin = 'round';
    c.beginPath(); c.moveTo(...this.pen); this.pen = [event.offsetX, event.offsetY]; c.lineTo(...this.pen); c.stroke()"
  onpointerup="this.pen = null;
    const field = this.closest('.course-drawing').querySelector('.course-strokes textarea, textarea.course-strokes');
    field.value = this.toDataURL('image/png');
    for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, {bubbles: true}))">
</canvas>
<button type="button"
  onclick="this.parentNode.querySelector('canvas').getContext('2d').fillRect(0, 0, 140, 140)">(CLEAR)</button>
</div>
"""
