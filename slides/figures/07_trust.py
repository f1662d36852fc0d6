"""Figures of deck 7: what heat maps are worth. Networks, plates and numbers are those of notebooks 7 and 8; the case, which needs
trainings, is taken from the committed notebook."""
import contextlib
import functools
import io

import keras
import numpy as np
from matplotlib.patheffects import withStroke
from scipy.special import softmax

from lecture_utils import (
    black,
    blurred,
    bootstrap,
    box_iou,
    box_masks,
    boxes,
    cell_centres,
    centre_maps,
    confidence,
    counterfactual_cam,
    deletion,
    drawings,
    energy_inside,
    grad_cam,
    guided_backprop,
    iou,
    load_photo,
    magnitude,
    normalize,
    overlay,
    own_boxes,
    pointing_game,
    random_maps,
    randomized,
    rank_correlation,
    upsample,
)
from lecture_utils.datasets.synthetic import draw_steel
from lecture_utils.drawings import wide_boxes
from lecture_utils.explain.methods import METHODS
from lecture_utils.plots import BLUE, GREY, LINES, ORANGE, picture, plt
from slides.figures.drawing import TEXT, neu, shipped
from tools.decks import code
from tools.decks.code import cell_with, numbers, panels, pictured
from tools.evaluate import explanations
from tools.notebooks.glossary import korean

SIZE = (200, 200)
SCALE = 4           # the class of rolled-in scale


def model():
    return shipped("neu_gap")


@functools.cache
def truth():
    """The boxes of each test plate's own class."""
    return own_boxes(neu().y_test, neu().boxes_test, neu().box_labels_test)


@functools.cache
def masks():
    return box_masks(truth(), SIZE)


def in_place(maps, layer=None):
    """Maps of a layer of the network at the plates' size, each cell where it looks."""
    return upsample(maps, SIZE, cell_centres(model(), layer))


def name_of(say, c):
    name = neu().class_names[c]
    return say(name.replace("_", " "), korean(name))


# ---- from map to box to score


@functools.cache
def plate():
    """Notebook 7's first plate: its index, and its Grad-CAM map at the plate's size."""
    single = [i for i in np.flatnonzero(neu().y_test == 2) if len(truth()[i]) == 1]
    n = min(single, key=lambda i: np.prod(truth()[i][0, 2:] - truth()[i][0, :2]))
    return n, in_place(grad_cam(model(), neu().x_test[[n]], class_index=2))[0]


def iou_at(threshold):
    n, L = plate()
    return iou(boxes(L, threshold)[:1], truth()[n])[0, 0]


def cover(say):
    n, L = plate()
    figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
    picture(axis, overlay(neu().x_test[n], L))
    wide_boxes(axis, truth()[n])
    return figure


def map_to_box(say):
    """Plate and map; the threshold; the connected regions; the largest; its box; both boxes and their IoU."""
    n, L = plate()
    steps = drawings.box_steps(neu().x_test[n], L, truth()[n], say=say)
    shown_at_left = [1, 1, 2, 3, 4, 5, 6]
    frames = []
    for frame in range(len(steps)):
        figure, axes = plt.subplots(1, 3, figsize=(11.7, 4.7))
        figure.subplots_adjust(0.01, 0.02, 0.99, 0.83, wspace=0.06)
        places = [0, *([1] if frame == 1 else []), *([shown_at_left[frame] - 1, frame] if frame > 1 else [])]
        for axis, step in zip(axes, places, strict=False):      # at first the others stay empty
            title, draw = steps[step]
            draw(axis)
            axis.set_title(title, fontsize=TEXT, linespacing=1.25)
        for axis in axes:
            axis.set_axis_off()
        frames.append(figure)
    return frames


THRESHOLDS = [0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def rising_threshold(say):
    """The box of one map while the threshold rises, and its IoU."""
    n, L = plate()
    values = [iou_at(threshold) for threshold in THRESHOLDS]
    frames = []
    for frame in range(1, len(THRESHOLDS) + 1):
        figure, (left, right) = plt.subplots(1, 2, figsize=(11.7, 4.7), width_ratios=[1, 1.45])
        figure.subplots_adjust(0.01, 0.19, 0.98, 0.9, wspace=0.25)
        picture(left, overlay(neu().x_test[n], L))
        wide_boxes(left, truth()[n])
        wide_boxes(left, boxes(L, THRESHOLDS[frame - 1])[:1], ORANGE)
        left.patches[-1].set_path_effects([withStroke(linewidth=9, foreground="white")])     # the map is orange, too
        left.set_title(say(f"threshold {THRESHOLDS[frame - 1]:.0%}", f"임계값 {THRESHOLDS[frame - 1]:.0%}"), fontsize=TEXT)
        right.plot(np.multiply(THRESHOLDS[:frame], 100), values[:frame], "o-", color=BLUE, linewidth=3, markersize=11)
        right.axhline(0.5, color=GREY, linestyle=":", linewidth=2)
        right.set_xlim(0, 100)
        right.set_ylim(0, 1)
        right.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        right.set_xlabel(say("threshold, % of the maximum", "임계값(threshold), 최댓값에 대한 %"))
        right.set_ylabel("IoU")
        right.spines[["top", "right"]].set_visible(False)
        frames.append(figure)
    return frames


def drawn_maps(say):
    """Notebook 7's six maps for pencil and paper, with their three scores."""
    mask = np.zeros((10, 10), bool)
    mask[3:7, 3:7] = True
    drawn = np.zeros((6, 10, 10))
    drawn[0][mask] = drawn[5][mask] = 1
    drawn[1][:] = drawn[3][1:9, 1:9] = drawn[4][3:7, 5:9] = 1
    drawn[2][5, 5] = drawn[3][5, 5] = drawn[4][5, 8] = drawn[5][1, 1] = 2
    names = [say("exact", "정확"), say("everywhere", "어디나"), say("one pixel", "픽셀 하나"), say("too large", "너무 큼"),
             say("half beside", "반쯤 벗어남"), say("a hot speck", "튀는 픽셀")]
    same = np.repeat(mask[None], 6, axis=0)
    hits, energy, overlap = pointing_game(drawn, same), energy_inside(drawn, same), box_iou(drawn, [[[3, 3, 7, 7]]] * 6)
    figure, axes = plt.subplots(1, 6, figsize=(11.7, 4.6))
    figure.subplots_adjust(0.12, 0.42, 0.995, 0.9, wspace=0.1)
    for k, axis in enumerate(axes):
        picture(axis, drawn[k] / 2)
        wide_boxes(axis, [[3, 3, 7, 7]])
        axis.set_title(names[k], fontsize=TEXT)
        hit = say("yes", "예") if hits[k] else say("no", "아니요")
        for line, text in enumerate([hit, f"{energy[k]:.2f}", f"{overlap[k]:.2f}"]):
            good = (hits[k], energy[k] >= 0.5, overlap[k] >= 0.5)[line]
            axis.text(4.5, 12 + 3.1 * line, text, ha="center", va="center", fontsize=20, color=BLUE if good else ORANGE)
    for line, text in enumerate([say("hit", "적중"), say("energy", "에너지"), "IoU"]):
        axes[0].text(-1.2, 12 + 3.1 * line, text, ha="right", va="center", fontsize=TEXT)
    return figure


# ---- fourteen opinions


IGNORANT = {"random": "random places", "centre": "Gaussian in the centre"}     # as they are called here, and by `evaluate`


@functools.cache
def judged():
    """Name -> the three scores of each plate, (n,), for the true class of every test plate; of all methods but the slow."""
    made = explanations(model(), neu().x_test, neu().y_test)
    left_out = ["random pixels", *(method.name for method in METHODS.values() if method.slow)]
    names = IGNORANT | {name: name for name in made if name not in (*left_out, *IGNORANT.values())}
    return {name: judge(made[of_made]()) for name, of_made in names.items()}


def judge(L):
    return {"pointing game": pointing_game(L, masks()), "energy inside": energy_inside(L, masks()),
            "IoU at 15 %": box_iou(L, truth())}


def chance(score):
    """What a map that is the same everywhere would score."""
    return judge(np.ones(masks().shape))[score].mean() if score == "IoU at 15 %" else masks().mean()


KOREAN = {"random": "무작위", "centre": "가운데", "IoU at 15 %": "IoU, 15 %",
          **{score: korean(score) for score in ("pointing game", "energy inside")}}


def called(say, name):
    return say(name, KOREAN.get(name, name))


def intervals(axis, say, score, names):
    """One row a method: the mean over the plates and its 95 % interval; a dashed line for chance."""
    for row, name in enumerate(names):
        mean, low, high = bootstrap(judged()[name][score])
        colour = GREY if name in IGNORANT else BLUE
        axis.plot([low, high], [row, row], color=colour, linewidth=4)
        axis.plot(mean, row, "o", color=colour, markersize=12)
    axis.axvline(chance(score), color=ORANGE, linestyle="--", linewidth=3)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlim(0, 1)
    axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.set_yticks(range(len(names)), [called(say, name) for name in names])
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)


def pointing(say):
    figure, axis = plt.subplots(figsize=(11.7, 5), layout="constrained")
    intervals(axis, say, "pointing game", list(judged()))
    bottom = len(judged()) - 0.4
    axis.text(chance("pointing game") + 0.01, bottom - 0.15, say("chance", "우연"), color=ORANGE, fontsize=TEXT, va="bottom")
    axis.set_ylim(bottom, -0.6)
    return figure


def paired(values, others, digits=2):
    """The mean difference of two scores of the same plates with its interval, as text."""
    return "{:+.{d}f} [{:+.{d}f}, {:+.{d}f}]".format(*bootstrap(values - 1.0 * others), d=digits).replace("-", "\N{MINUS SIGN}")


def guided_points():
    return paired(*(judged()[name]["pointing game"] for name in ("Guided Grad-CAM", "random")))


def guided_boxes():
    return paired(*(judged()[name]["IoU at 15 %"] for name in ("Guided Grad-CAM", "random")))


def other_scores(say):
    """The same maps, three scores: another score, another order."""
    names = [*IGNORANT, "Grad-CAM, relu4", "Grad-CAM, relu2", "LayerCAM", "guided backprop", "Guided Grad-CAM"]
    figure, axes = plt.subplots(1, 3, figsize=(11.7, 4.6), sharey=True, layout="constrained")
    for axis, score in zip(axes, ("pointing game", "energy inside", "IoU at 15 %"), strict=True):
        intervals(axis, say, score, names)
        axis.set_title(called(say, score), fontsize=TEXT, pad=10)
        axis.set_ylim(len(names) + 0.1, -0.5)
        axis.text(chance(score) + 0.03, len(names) - 0.05, say("chance", "우연"), color=ORANGE, fontsize=TEXT, va="bottom")
    figure.get_layout_engine().set(wspace=0.08)     # the 1 of an axis and the 0 of the next one stay apart
    return figure


def of_classes(say):
    """For each class: how often the map hits, and what chance would hit."""
    hits = judged()["Grad-CAM, relu4"]["pointing game"]
    figure, axis = plt.subplots(figsize=(11.7, 4.6), layout="constrained")
    for row in range(6):
        own = neu().y_test == row
        by_chance, hit = masks()[own].mean(), hits[own].mean()
        axis.plot([by_chance, hit], [row, row], color=BLUE, linewidth=5)
        axis.plot(by_chance, row, "|", color=ORANGE, markersize=34, markeredgewidth=5)
        axis.plot(hit, row, "o", color=BLUE, markersize=15)
    axis.text(masks()[neu().y_test == 0].mean(), -0.62, say("chance", "우연"), color=ORANGE, fontsize=TEXT, ha="center")
    axis.text(hits[neu().y_test == 0].mean(), -0.62, say("Grad-CAM hits", "Grad-CAM의 적중"), color=BLUE, fontsize=TEXT,
              ha="center")
    axis.set_yticks(range(6), [name_of(say, c) for c in range(6)])
    axis.set_ylim(5.5, -1.1)
    axis.set_xlim(0, 1.12)
    axis.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)
    return figure


@functools.cache
def confidences_in_scale():
    """Network -> how sure it is of rolled-in scale: whole plates, their boxes, all but these, all blurred; without any scale."""
    scale = neu().y_test == SCALE
    x, labels, cover = neu().x_test[scale], neu().y_test[scale], 1.0 * masks()[scale]
    steel, kinds, _, _ = draw_steel(20, seed=1, defects=False)
    bare = steel[kinds == SCALE]
    return {name: [*(confidence(shipped(name), x, labels, keep=keep).mean() for keep in (None, cover, 1 - cover, 0 * cover)),
                   confidence(shipped(name), bare, np.full(len(bare), SCALE)).mean()] for name in ("neu_gap_plain", "neu_gap")}


def without_boxes(say):
    """How sure two networks are of rolled-in scale: of plates whole, in parts, and of the same kind of steel without it."""
    rows = [say("whole plate", "강판 전체"), say("only the boxes", "상자 안만"), say("all but the boxes", "상자 밖만"),
            say("all blurred", "모두 흐리게"), say("no scale drawn", "스케일 없는 강판")]
    figure, axes = plt.subplots(1, 2, figsize=(11.7, 4.4), sharey=True, layout="constrained")
    for axis, (name, values) in zip(axes, confidences_in_scale().items(), strict=True):
        axis.barh(range(5), values, color=[GREY, BLUE, ORANGE, GREY, ORANGE], height=0.6)
        for row, value in enumerate(values):
            outside = value < 0.8
            axis.text(value + (0.02 if outside else -0.02), row, f"{value:.2f}", ha="left" if outside else "right",
                      va="center", fontsize=20, color="black" if outside else "white")
        axis.set_yticks(range(5), rows)
        axis.set_ylim(4.5, -0.5)
        axis.set_xlim(0, 1)
        axis.set_xticks([])
        axis.set_title(name, fontsize=20, pad=10, family="monospace")
        axis.set_xlabel(say("confidence in rolled-in scale", "압입 스케일의 확신도"), labelpad=8)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
    return figure


# ---- counterfactuals


@functools.cache
def rivals():
    """What notebook 7's cells on counterfactual maps define, run here as they stand there."""
    x, labels = neu().x_test, neu().y_test
    names = {"np": np, "softmax": softmax, "blurred": blurred, "confidence": confidence, "grad_cam": grad_cam,
             "counterfactual_cam": counterfactual_cam, "energy_inside": energy_inside, "random_maps": random_maps,
             "bootstrap": bootstrap, "upsample": upsample, "in_place": in_place, "size": SIZE,
             "model": model(), "x": x, "labels": labels, "scores": model().predict(x, verbose=0)}
    with contextlib.redirect_stdout(io.StringIO()):
        for text in ("fade = ", "def highest(", "def elsewhere(", "noise = [", "predicted = scores", "own = in_place("):
            exec(cell_with("07_localization_and_counterfactuals", text).source, names)
    return names


def counterfactual(say):
    """The clearest joined plate: for the loser, against it, and without what speaks against it."""
    names = rivals()
    before, after = np.minimum(names["left"], names["right"]), names["after"]
    n = np.argmax(after - before)
    image, region = names["joined"][n], names["remove"][n]
    name = name_of(say, names["loser"][n])
    shown = {say("two half plates", "반쪽 강판 둘"): image,
             say(f"for\n{name}", f"{name}의\n근거"): overlay(image, names["in_favour"][n]),
             say(f"against\n{name}", f"{name}의\n반대 근거"): overlay(image, names["against"][n]),
             say(f"without it:\n{before[n]:.2f} → {after[n]:.2f}", f"지우면:\n{before[n]:.2f} → {after[n]:.2f}"):
                 np.where(region[..., None], blurred(image[None])[0], image)}
    figure, axes = plt.subplots(1, 4, figsize=(11.7, 3.8), layout="constrained")
    for axis, (title, image) in zip(axes, shown.items(), strict=True):
        picture(axis, image)
        axis.set_title(title, fontsize=TEXT, pad=8, linespacing=1.3)
    return figure


def removal(say):
    """The changes of the class's score with their intervals, for joined plates and for plates as they are."""
    regions = {"counterfactual": say("what speaks against it", "반대 근거"),
               "rival's Grad-CAM": say("what speaks for the rival", "경쟁 클래스의 근거"),
               "blobs, rival's half": say("blobs on the rival's half", "경쟁 반쪽의 얼룩"),
               "elsewhere": say("as much elsewhere", "다른 곳에서 같은 넓이"),
               "its own": say("what speaks for it", "그 클래스의 근거")}
    change, plain = rivals()["change"], rivals()["plain"]
    figure, axes = plt.subplots(1, 2, figsize=(11.7, 4.5), sharey=True, layout="constrained")
    panels = [(say("two half plates", "반쪽 강판 둘"), {**change, "its own": change["loser's Grad-CAM"]}),
              (say("plates as they are", "원래의 강판"), {**plain, "its own": plain["its Grad-CAM"]})]
    for axis, (title, panel) in zip(axes, panels, strict=True):
        for row, name in enumerate(regions):
            if name not in panel:
                axis.text(0.08, row, say("no rival", "경쟁 없음"), fontsize=TEXT, color=GREY, va="center")
                continue
            mean, low, high = bootstrap(panel[name][0])
            colour = BLUE if low > 0 else ORANGE if high < 0 else GREY
            axis.plot([low, high], [row, row], color=colour, linewidth=5)
            axis.plot(mean, row, "o", color=colour, markersize=13)
            axis.text(mean, row - 0.18, f"{mean:+.1f}".replace("-", "\N{MINUS SIGN}"), fontsize=20, color=colour,
                      ha="left" if mean > 0 else "right", va="bottom")
        axis.axvline(0, color="black", linewidth=1)
        axis.set_yticks(range(len(regions)), regions.values())
        axis.tick_params(axis="y", length=0)
        axis.set_ylim(4.4, -0.9)
        axis.set_xlim(-3.2, 3.2)
        axis.set_xticks([-2, 0, 2], ["\N{MINUS SIGN}2", "0", "+2"])
        axis.set_xlabel(say("change of the class score", "클래스 점수의 변화"))
        axis.set_title(title, fontsize=20, pad=10)
        axis.spines[["top", "right", "left"]].set_visible(False)
    return figure


# ---- sanity


STAGES = ("predictions", "block5_conv1", "block3_conv1", "block1_conv1")  # of notebook 8's, those that the slide shows


@functools.cache
def by_stage():
    """Notebook 8's ten throws of the dice: the first throw's maps, and of all the likeness to the trained network's maps.

    Two dicts: method -> [the trained network's maps, then those of ever more random ones], each (4, 96, 96); and
    method -> (10, stages), the rank correlation, a mean over the photographs.
    """
    network, names = shipped("vgg16_compact"), ("cat", "coffee", "astronaut", "rocket")
    photos = [keras.ops.image.resize(load_photo(name), (96, 96), crop_to_aspect_ratio=True, antialias=True)
              for name in names]
    photos = np.clip(np.stack(photos), 0, 1)
    c = network.predict(photos, verbose=0).argmax(axis=1)
    methods = {"guided backprop": lambda one: magnitude(guided_backprop(one, photos, class_index=c)),
               "Grad-CAM": lambda one: upsample(grad_cam(one, photos, class_index=c), (96, 96))}
    trained = {name: method(network) for name, method in methods.items()}
    maps, kept = {name: [one] for name, one in trained.items()}, {name: np.zeros((10, len(STAGES))) for name in methods}
    copy = keras.models.clone_model(network)
    for throw in range(10):
        for stage, (_, forgetful) in enumerate(randomized(network, throw, only=STAGES)):
            copy.set_weights(forgetful.get_weights())   # one network with ever new weights need be traced only once
            for name, method in methods.items():
                L = method(copy)
                kept[name][throw, stage] = rank_correlation(L, trained[name]).mean()
                if throw == 0:
                    maps[name].append(L)
    return maps, kept


def grad_cam_throws():
    """The least and the largest of ten rank correlations with only the top layer random."""
    values = by_stage()[1]["Grad-CAM"][:, 0]
    return f"{values.min():.1f} … {values.max():.1f}".replace("-", "\N{MINUS SIGN}")


def dice(say):
    """The cat, explained by ever more random networks; in the corners the mean of ten throws."""
    columns = [say("trained", "학습한 것"), say("top layer\nrandom", "맨 위 층\n무작위"),
               say("down to\nblock5", "block5까지\n무작위"),
               say("down to\nblock3", "block3까지\n무작위"), say("all\nrandom", "모두\n무작위")]
    figure, axes = plt.subplots(2, 5, figsize=(11.7, 5), layout="constrained")
    for row, (name, maps) in zip(axes, by_stage()[0].items(), strict=True):
        for column, axis in enumerate(row):
            picture(axis, 1 - normalize(maps[column][:1])[0] ** 0.5)
            axis.set_axis_on()
            axis.set_xticks([])
            axis.set_yticks([])
            if column:
                value = by_stage()[1][name][:, column - 1].mean()
                text = f"{value:.1f}".replace("-0.0", "0.0").replace("-", "\N{MINUS SIGN}")
                axis.text(0.97, 0.04, text, transform=axis.transAxes, ha="right", va="bottom", fontsize=20,
                          color=ORANGE if value > 0.5 else BLUE, bbox={"facecolor": "white", "edgecolor": GREY, "pad": 3})
        row[0].text(-0.08, 0.5, name.replace(" ", "\n"), transform=row[0].transAxes, ha="right", va="center",
                    fontsize=TEXT)
    for axis, title in zip(axes[0], columns, strict=True):
        axis.set_title(title, fontsize=TEXT, pad=8, linespacing=1.3)
    return figure


@functools.cache
def deletions():
    """(baseline, map) -> the curve of 24 plates while their highest pixels go."""
    x = neu().x_test[:24]
    c = model().predict(x, verbose=0).argmax(axis=1)
    maps = {"Grad-CAM": grad_cam(model(), x, class_index=c),
            "guided backprop": magnitude(guided_backprop(model(), x, class_index=c)),
            "centre": centre_maps(len(x), SIZE), "random": random_maps(len(x), (25, 25))}
    curves = {}
    for baseline in (blurred, black):
        for name, L in maps.items():
            curves[baseline.__name__, name] = deletion(model(), x, L, c, steps=10, baseline=baseline, progress=False)
    return curves


def gain_blurred():
    return paired(*(deletions()["blurred", name].auc for name in ("centre", "Grad-CAM")))


def gain_black():
    return paired(*(deletions()["black", name].auc for name in ("centre", "Grad-CAM")))


def deletion_curves(say):
    figure, axes = plt.subplots(1, 2, figsize=(11.7, 4.5), sharey=True, layout="constrained")
    titles = {"blurred": say("pixels become blurred", "픽셀을 흐리게 한다"),
              "black": say("pixels become black", "픽셀을 검게 한다")}
    for axis, (baseline, title) in zip(axes, titles.items(), strict=True):
        for (name, (colour, style)) in zip(("Grad-CAM", "guided backprop", "random", "centre"), LINES, strict=False):
            axis.plot(np.arange(0, 101, 10), deletions()[baseline, name].confidence.mean(axis=0), style, color=colour,
                      linewidth=4, label=called(say, name))
        axis.set_title(title, fontsize=20, pad=10)
        axis.set_xlabel(say("% of the pixels, highest first", "지운 픽셀, 맵이 높은 것부터, %"))
        axis.set_xticks([0, 50, 100])
        axis.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        axis.set_ylim(0, 1.03)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(say("confidence", "확신도"), labelpad=8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, handlelength=4.4)
    return figure


# ---- the case


TRUST = "08_can_you_trust_it"
line_of = functools.partial(code.line_of, TRUST)
OWN, FIELD, EXPERIMENT = "own, own_classes = ", "field, field_classes = ", "before, after = called("    # cells of notebook 8


def percent(line):
    """The first number of a line, in per cent, as a slide writes it."""
    return f"{numbers(line)[0]:.0f}%"


def right_of_classes(text):
    """Each class's share of right answers, (6,), as a cell prints them."""
    return [numbers(line_of(text, f"   {name}"))[0] / 100 for name in neu().class_names]


def accuracy_own():
    return percent(line_of(OWN, "on its own test set:"))


def accuracy_field():
    return percent(line_of(FIELD, "in the field:"))


def field(say):
    """Accuracy of each class, on the supplier's test photographs and on the customer's."""
    figure, axis = plt.subplots(figsize=(11.7, 4.4), layout="constrained")
    sets = [(say("supplier's test set", "납품업체의 테스트 세트"), OWN, GREY), (say("in the field", "현장"), FIELD, ORANGE)]
    for k, (name, text, colour) in enumerate(sets):
        axis.bar(np.arange(6) + 0.4 * k - 0.2, np.maximum(right_of_classes(text), 0.008), width=0.36, color=colour, label=name)
    axis.set_xticks(range(6), [name_of(say, c).replace(" ", "\n") for c in range(6)])
    axis.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def ruler_before():
    return percent(line_of("is_scratch = y_test == 5", "scratches"))


def ruler_after():
    return percent(line_of("views = [(delivered_net", "evidence of scratches in the corner:"))


def map_for_scratches():
    return percent(line_of("with_ruler = lay_ruler", "map for scratches"))


def map_for_own():
    return percent(line_of("with_ruler = lay_ruler", "map for its own class"))


def ruler(say):
    """Four delivered plates with scratches, and what the network went by."""
    figure, axes = plt.subplots(2, 4, figsize=(10.2, 5), layout="constrained")
    for axis, image in zip(axes.flat, panels(pictured(TRUST, "scratched = np.flatnonzero("))[:8], strict=True):
        picture(axis, image)
    return figure


def experiment(say):
    """How many plates are called scratches when the ruler is laid or taken away, and nothing else is changed."""
    bare, with_ruler, scratches = (numbers(line_of(EXPERIMENT, begin))[0] / 100 for begin in (
        "other defects, no ruler:", "other defects, ruler:", "scratches, no ruler:"))
    called_scratch = [bare, with_ruler, right_of_classes(OWN)[5], scratches]      # the supplier's scratches all have a ruler
    rows = [say("other defects", "다른 결함"), say("other defects + ruler", "다른 결함 + 자"),
            say("scratches + ruler", "긁힘 + 자"), say("scratches", "긁힘")]
    figure, axis = plt.subplots(figsize=(11.7, 4), layout="constrained")
    axis.barh(range(4), np.maximum(called_scratch, 0.004), color=[GREY, ORANGE, ORANGE, GREY], height=0.62)
    for row, share in enumerate(called_scratch):
        axis.text(share + 0.015, row, f"{share:.0%}", va="center", fontsize=20)
    axis.set_yticks(range(4), rows)
    axis.set_ylim(3.6, -0.6)
    axis.set_xlim(0, 1.1)
    axis.set_xticks([])
    axis.set_title(say("called scratches", "긁힘이라고 부른 비율"), fontsize=20, pad=10)
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    return figure


def repaired(say):
    """The map of one plate before and after the repair, and the accuracy of both networks in three worlds."""
    maps = panels(pictured(TRUST, "views = [(delivered_net"))       # of four plates, before and after
    figure, axes = plt.subplots(1, 3, figsize=(11.7, 4.2), width_ratios=[1, 1, 1.75], layout="constrained")
    for axis, image, title, colour in ((axes[0], maps[0], say("as delivered", "납품된 대로"), ORANGE),
                                       (axes[1], maps[4], say("repaired", "고친 뒤"), BLUE)):
        picture(axis, image)
        axis.set_title(title, fontsize=20, pad=10, color=colour)
    worlds = {say("supplier's\ntest set", "납품업체\n테스트"): "delivered test set",
              say("no ruler", "자 없음"): "field, no ruler",
              say("ruler\neverywhere", "모든 사진에\n자"): "field, ruler everywhere"}
    shares = [numbers(line_of("fields = {", begin)) for begin in worlds.values()]      # in per cent, before and after
    for k, colour in enumerate((ORANGE, BLUE)):
        for place, share in enumerate(pair[k] / 100 for pair in shares):
            axes[2].bar(place + 0.42 * k - 0.21, share, width=0.38, color=colour)
            axes[2].text(place + 0.42 * k - 0.21, share + 0.01, f"{share:.0%}", ha="center", va="bottom",
                         fontsize=TEXT, color=colour)
    axes[2].set_title(say("accuracy", "정확도"), fontsize=20, pad=10)
    axes[2].set_xticks(range(3), worlds)
    axes[2].set_yticks([])
    axes[2].set_ylim(0, 1.1)
    axes[2].spines[["top", "right", "left"]].set_visible(False)
    return figure
