"""The page of an audit: one HTML file with its figures in it, which needs no network and no script."""

import base64
import html
import io
import re

import keras
import matplotlib.pyplot as plt
import numpy as np
from fontTools import subset
from PIL import Image

from .. import plots
from ..evaluate import bootstrap
from ..language import language, say, spoken, worded
from ..png import lightened
from .maps import ANOTHER_CLASS, RANDOM_NETWORK, RANDOM_TOP
from .subject import ANSWERED, ERASED, EXPLAINED

WORDS = {True: worded("passed"), False: worded("failed"), None: worded("not asked")}
CLASSES = {True: "passed", False: "failed", None: "open"}
SHOWN = 8           # images of the first figure
NAMED = 12          # classes that a figure can name

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --page: #fff; --line: #c9c9c9; --soft: #f3f3f3;
  --passed: #00603f; --failed: #a8320a; --open: #555; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --page: #16181b; --line: #4a4d52; --soft: #22252a;
  --passed: #5fd3a5; --failed: #ff9a70; --open: #b5b5b5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--page); overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem; }
table { width: 100%; border-collapse: collapse; font-size: 0.94rem; }
caption { text-align: left; padding: 0.25rem 0; color: var(--open); }
th, td { text-align: left; vertical-align: top; padding: 0.45rem 0.6rem 0.45rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } td small { display: block; color: var(--open); font-size: 0.9rem; }
.verdict { font-weight: 700; white-space: nowrap; }
.passed { color: var(--passed); } .failed { color: var(--failed); } .open { color: var(--open); }
figure { margin: 1rem 0; } figcaption { font-size: 0.92rem; color: var(--open); }
img { display: block; max-width: 100%; height: auto; background: #fff; padding: 0.4rem; border-radius: 0.3rem; }
code { overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  thead { position: absolute; left: -999rem; }
  table, tbody, tr, td, tbody th { display: block; }
  tr { border-bottom: 1px solid var(--line); padding: 0.5rem 0; } th, td { border: 0; padding: 0.1rem 0; }
  td[data-head]::before { content: attr(data-head) ": "; color: var(--open); }
}
@media print { body { max-width: none; font-size: 10pt; } tr, figure { break-inside: avoid; }
  :root { --ink: #000; --page: #fff; --line: #999; --passed: #00603f; --failed: #a8320a; --open: #444; } }
"""
HOW_TO_READ = worded(
    "Brackets hold 95 % bootstrap intervals over the images: for other images of the same kind; “surely” means: the whole "
    "interval. Two ways of asking the same images are compared image by image. A test that is passed proves nothing right; one "
    "that fails is a reason to look. With twenty tests, now and then one fails by chance: ask again with other images, and "
    "report both. An interval without width is no certainty, and images that the network was trained on make all of this look "
    "better than it is.")
EXPLAINED_WHERE = worded("The tests are explained in the course's notebooks 3 to 9.")
# Lines break between words, as in English. The letters are the reader's own, or the page's on a computer without Korean ones:
# these before the system's font, or else Chromium keeps the boxes that it drew of it while it read the page's.
HANGUL = """body { word-break: keep-all; font-family: "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", "Noto Sans CJK KR",
  "Course Gothic", system-ui, sans-serif; }
"""


def written(found, subject) -> str:
    """The whole page as text."""
    title = say("Audit of {network}", network=found.network)
    parts = ["<!DOCTYPE html>", f'<html lang="{language()}">', "<head>", '<meta charset="utf-8">',
             '<meta name="viewport" content="width=device-width, initial-scale=1">',
             f"<title>{html.escape(title)}</title>", f"<style>{STYLE}{spoken('', HANGUL)}</style>", "</head>", "<body>", "<main>",
             f"<h1>{html.escape(title)}</h1>", f"<p>{html.escape(found.summary())} {_asked_of(subject)}</p>",
             f"<h2>{say('What the maps may be used for')}</h2>", table_of_uses(found.uses),
             f"<h2>{say('What was tested')}</h2>", table_of(found.findings), f"<p>{say(HOW_TO_READ)}</p>",
             f"<h2>{say('What was seen')}</h2>", *_figures(subject), *_said(found.said),
             f"<p><small>Keras {keras.__version__}. {say(EXPLAINED_WHERE)}</small></p>",
             "</main>", "</body>", "</html>"]
    page = "\n".join(part for part in parts if part) + "\n"
    return page.replace("</style>", f"{_letters_of(page)}</style>", 1) if language() == "ko" else page


def _letters_of(page):
    """CSS with the course's font, of which only the Hangul of this page is left: a tenth of it."""
    options = subset.Options(flavor="woff", hinting=False)
    font = subset.load_font(str(plots.FONT), options)
    letters = subset.Subsetter(options)
    letters.populate(text="".join(set(re.findall("[가-힣]", page))))
    letters.subset(font)
    small = io.BytesIO()
    subset.save_font(font, small, options)
    return (f"@font-face {{ font-family: 'Course Gothic'; unicode-range: U+AC00-D7A3; "
            f"src: url(data:font/woff;base64,{base64.b64encode(small.getvalue()).decode('ascii')}) format('woff'); }}\n")


def _asked_of(subject):
    n, classes = len(subject.images), len(subject.present)
    asked = say("The network was asked about {n} images of {classes} classes;", n=n, classes=classes)
    if n < subject.given:
        asked = say("The network was asked about {n} of the {given} images, a random choice that is always the same, of "
                    "{classes} classes;", n=n, given=subject.given, classes=classes)
    return asked + " " + say(
        "the first {explained} of them were explained, of the first {erased} pixels were erased. (At most {most_asked}, "
        "{most_explained} and {most_erased}.)", explained=min(n, EXPLAINED), erased=min(n, ERASED), most_asked=ANSWERED,
        most_explained=EXPLAINED, most_erased=ERASED)


def table_of(findings) -> str:
    """The tests as an HTML table, one row each."""
    heads = [say("test"), say("result"), say("measured"), say("a sound one")]
    named = lambda name: spoken(f"({name})", say(name))     # the key of `passed`, which a translation has in brackets
    rows = [f'<tr><th scope="row">{html.escape(each.question)}<small> {html.escape(named(each.name))}</small></th>'
            f'{_verdict(say(WORDS[each.passed]), each.passed)}'
            f'<td data-head="{heads[2]}">{_text(each.measured) or "—"}'
            f'{f"<small>{_text(each.remark)}</small>" if each.remark else ""}</td>'
            f'<td data-head="{heads[3]}">{_text(each.sound) or "—"}</td></tr>' for each in findings]
    return _table(heads, rows)


def table_of_uses(uses) -> str:
    """The uses as an HTML table, one row each."""
    rows = [f'<tr><th scope="row">{html.escape(use.name)}</th>{_verdict(use.verdict, use.fit)}'
            f"<td>{_text(use.because)}</td></tr>" for use in uses]
    return _table((say("use"), say("fit"), say("because")), rows)


def _verdict(word, key):
    return f'<td class="verdict {CLASSES[key]}">{word}</td>'


def _table(heads, rows):
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    return "\n".join(["<table>", f"<thead><tr>{head}</tr></thead>", "<tbody>", *rows, "</tbody>", "</table>"])


def _text(text):
    """Escaped, and what stands in backquotes as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _said(lines):
    """What the course's functions warned of."""
    if not lines:
        return []
    return ["<h2>" + say("What the course's functions said") + "</h2>", "<ul>", *(f"<li>{_text(line)}</li>" for line in lines),
            "</ul>"]


# --- figures ------------------------------------------------------------------------------------------------------------

def _figures(subject):
    """Each figure as HTML; one that there is nothing for is left out."""
    drawn = [draw(subject) for draw in (_examples, _confusion, _against_others, _erasing, _grey, _peak_places)]
    return [_figure(*each) for each in drawn if each]


def _figure(figure, alt, caption):
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=plots.DENSITY * plots.DPI, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    png = lightened(Image.open(file))
    width, height = (round(side / plots.DENSITY) for side in Image.open(io.BytesIO(png)).size)
    return (f'<figure><img src="data:image/png;base64,{base64.b64encode(png).decode()}" width="{width}" height="{height}" '
            f'alt="{html.escape(alt)}"><figcaption>{html.escape(caption)}</figcaption></figure>')


def shown(images):
    """Images as they can be drawn: as they are in [0, 1], else with the range of all of them stretched to it; grey or RGB."""
    images = np.asarray(images, np.float32)
    low, high = (0, 1) if images.min() >= 0 and images.max() <= 1 else (images.min(), images.max())
    images = (images - low) / ((high - low) or 1)
    return images if images.shape[-1] in (1, 3) else images.mean(axis=-1, keepdims=True)


def _examples(subject):
    n = min(SHOWN, len(subject.explained))
    images = shown(subject.explained)[:n]
    pairs = [picture for image, map_ in zip(images, subject.maps, strict=False)
             for picture in (image, plots.overlay(image, map_, cells=subject.cells))]
    titles = [text for t, p in zip(subject.labels[:n], subject.predicted, strict=False)
              for text in (_short(subject, t), "" if t == p else f"→ {_short(subject, p)}")]
    return (plots.image_grid(pairs, titles, columns=4, cell=1.5),
            say("{n} images, each beside itself under its map; {right} of the answers are right.", n=n,
                right=subject.is_right[:n].sum()),
            say("Images as the network gets them (blue where it takes blue first), and the map of its answer laid over each; "
                "after an arrow a wrong answer. Each map has a brightness of its own: do not compare."))


def _short(subject, c):
    name = subject.class_names[c]
    return name if len(name) <= 18 else f"{name[:17]}…"


def _confusion(subject):
    classes = np.union1d(subject.present, subject.predicted)
    if len(classes) > NAMED:
        return None
    table = np.array([[np.sum((subject.labels == t) & (subject.predicted == p)) for p in classes] for t in classes])
    side = 0.55 * len(classes) + 1.6
    figure, axis = plt.subplots(figsize=(side, side), layout="constrained")
    axis.imshow(table / np.maximum(1, table.sum(axis=1, keepdims=True)), cmap="Blues", vmin=0, vmax=1.6)
    for (row, column), value in np.ndenumerate(table):
        axis.text(column, row, value, ha="center", va="center", fontsize=9)
    names = [_short(subject, c) for c in classes]
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_xlabel(say("answer"), fontsize=9)
    axis.set_ylabel(say("label"), fontsize=9)
    return (figure, say("Table of labels and answers: {n} of {all} images lie on the diagonal.", n=np.trace(table),
                        all=table.sum()),
            say("How many images of each class (rows) got which answer (columns)."))


def _against_others(subject):
    n = min(4, len(subject.explained))
    columns = {say("its answer"): subject.maps} | {say(name): subject.kept[name] for name in (
        ANOTHER_CLASS, RANDOM_TOP, RANDOM_NETWORK) if name in subject.kept}
    if len(columns) == 1:
        return None
    figure = plots.map_grid(shown(subject.explained)[:n], {name: maps[:n] for name, maps in columns.items()},
                            cells=subject.cells, cell=1.3)
    return (figure, say("{n} images with {maps} maps each: {names}.", n=n, maps=len(columns), names=", ".join(columns)),
            say("The same images: the map of the answer, of another class, and of networks whose weights are random. The more "
                "the others look like the first, the less that one explains."))


def _erasing(subject):
    curves = subject.kept.get("erased")
    if not curves:
        return None
    share = next(iter(curves.values())).share
    areas = {say(name): bootstrap(curve.auc).mean for name, curve in curves.items()}
    figure = plots.curve_bands(share, {say(name): curve.confidence for name, curve in curves.items()},
                               say("share of the pixels that were blurred"), say("confidence in the answer"))
    return (figure, say("Two falling curves of confidence; areas under them: {areas}.",
                        areas=", ".join(f"{name} {area:.2f}" for name, area in areas.items())),
            say("How sure the network stays when pixels are blurred, most important first by its map, and in random order."))


def _grey(subject):
    if "grey" not in subject.kept:
        return None
    image, map_ = subject.kept["grey"]
    figure, axis = plt.subplots(figsize=(2.8, 2.2), layout="constrained")
    drawn = axis.imshow(map_, cmap=plots.EVIDENCE, vmin=0, vmax=max(1.0, float(map_.max())), interpolation="nearest")
    figure.colorbar(drawn, ax=axis, fraction=0.046, pad=0.03).ax.tick_params(labelsize=7)
    axis.set_axis_off()
    return (figure, say("The map of an even grey image reaches {peak:.2f} of a usual peak.", peak=map_.max()),
            say("The brightest map of an even grey image, in which nothing is to be found. 1 is the median peak in your images."))


def _peak_places(subject):
    peaks = subject.kept.get("peaks")
    classes = np.unique(subject.predicted[:len(subject.explained)])
    if peaks is None or len(classes) > NAMED:
        return None
    figure, axes = plt.subplots(1, len(classes), figsize=(1.25 * len(classes), 1.6), squeeze=False, layout="constrained")
    height, width = subject.size
    for axis, c in zip(axes.flat, classes, strict=True):
        own = peaks[subject.predicted[:len(peaks)] == c]
        axis.scatter(own[:, 1], own[:, 0], s=14, alpha=0.6, color=plots.BLUE, linewidths=0)
        axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal", xticks=[], yticks=[])
        axis.set_title(_short(subject, c), fontsize=8)
    return (figure, say("For {n} classes, where in the image the maps' peaks lie.", n=len(classes)),
            say("Where the maps' peaks lie, class by class. Points of one class in one spot are a suspicion: what lies there was "
                "laid on other images to try it."))
