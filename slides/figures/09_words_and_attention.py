"""Figures of deck 9: questions, captions and transformers. All that was computed is in the committed notebooks 10 and 11."""
import functools

import numpy as np
from matplotlib.patches import Circle, Rectangle

from lecture_utils import drawings
from lecture_utils.datasets.scenes import SEEDS, SHAPES, draw_scenes
from lecture_utils.plots import BLUE, GREY, ORANGE, number_grid, picture, plt
from slides.figures.drawing import TEXT, arrow, block, canvas, interval, mark, paired, signed, tile
from tools.decks.code import line_of, numbers, panels, pictured, prose, stretches

WORDS = "10_captions_and_questions"
ATTENTION = "11_attention"


def triples(line):
    """The means and intervals, (count, 3), in a line that a notebook prints."""
    return np.reshape(numbers(line), (-1, 3))


def by_training(notebook, score):
    """A score of each training on record."""
    return ", ".join(f"{share:.2f}" for share in numbers(line_of(notebook, "trainings = {", score)))


# ---- scenes and questions


def scene_panels():
    """Notebook 10's first six scenes."""
    return panels(pictured(WORDS, "plots.image_grid(scenes.images[:6]"))


def question_panels():
    """Three scenes, five panels each: the picture, and the maps of four questions about it."""
    return panels(pictured(WORDS, "pictures, titles = zip(*[asked_and_shown"))


def cover(say):
    """Two scenes, and beside each the maps for two questions."""
    figure, axes = plt.subplots(2, 3, figsize=(6, 4.1), layout="constrained")
    for axis, k in zip(axes.flat, (0, 1, 2, 10, 11, 12), strict=True):
        picture(axis, question_panels()[k])
    return figure


def six_scenes(say):
    figure, axes = plt.subplots(1, 6, figsize=(11.7, 2), layout="constrained")
    for axis, scene in zip(axes, scene_panels(), strict=True):
        picture(axis, scene)
    return figure


def film(say):
    """The picture comes from the left, the question from above: it gives each channel a factor and a shift."""
    figure, axis = canvas(11.7, 4.2)
    tile(figure, scene_panels()[0], 0.05, 0.45, 1.5)
    block(axis, 2.95, 1.2, say("3 convolutions", "합성곱 3층"), width=2.2, height=1.3)
    block(axis, 5.3, 1.2, "$x^k$", width=1.1, height=1.3, colour=GREY, size=24)
    block(axis, 7.3, 1.2, r"$\gamma_k\,x^k+\beta_k$", width=2, height=1.3, colour=ORANGE, size=22)
    block(axis, 9.2, 1.2, "ReLU", width=1.1, height=1.3, colour=GREY)
    block(axis, 10.8, 1.2, say("maximum,\nDense", "최댓값,\nDense"), width=1.7, height=1.3)
    for start, end in ((1.6, 1.82), (4.08, 4.72), (5.88, 6.27), (8.33, 8.62), (9.78, 9.92)):
        arrow(axis, (start, 1.2), (end, 1.2))
    twice = say("convolution and FiLM, twice: relu4, relu5", "합성곱과 FiLM을 두 번: relu4, relu5")
    axis.text(7.25, 0.22, twice, fontsize=TEXT, ha="center", va="center", color=GREY)
    block(axis, 3.1, 3.6, say("“which shape is the yellow one?”", "“노란 것은 무슨 모양인가?”"), width=5.3, colour=ORANGE)
    block(axis, 7.3, 3.6, "Dense", width=1.5, colour=ORANGE)
    arrow(axis, (5.78, 3.6), (6.52, 3.6), colour=ORANGE)
    arrow(axis, (7.3, 3.12), (7.3, 1.9), colour=ORANGE, width=4)
    axis.text(7.5, 2.5, r"$\gamma_k,\ \beta_k$", fontsize=24, va="center", color=ORANGE)
    return figure


def another_picture(say):
    """The same question to its own picture and to another one."""
    figure, axis = canvas(11.7, 3)
    for left, k, answer, colour in ((0.2, 0, say("square", "정사각형"), BLUE), (6.6, 3, "?", ORANGE)):
        tile(figure, scene_panels()[k], left, 0.15, 1.9)
        arrow(axis, (left + 2, 1.1), (left + 2.5, 1.1))
        block(axis, left + 3.3, 1.1, say("network", "신경망"), width=1.5)
        arrow(axis, (left + 4.1, 1.1), (left + 4.5, 1.1))
        axis.text(left + 4.6, 1.1, answer, fontsize=20, va="center", color=colour)
        arrow(axis, (left + 3.3, 2.3), (left + 3.3, 1.62), colour=ORANGE)
    question = say("“which shape is the yellow one?”", "“노란 것은 무슨 모양인가?”")
    axis.text(6.7, 2.6, question, fontsize=20, ha="center", va="center", color=ORANGE)
    return figure


def question_moves(say):
    """Two scenes under the maps of four questions each."""
    titles = [say("picture", "그림"), say("shape of\nyellow?", "노란 것의\n모양은?"), say("shape of\ncyan?", "하늘색의\n모양은?"),
              say("yellow: left\nor right?", "노란 것은\n왼쪽, 오른쪽?"), say("cyan: up\nor down?", "하늘색은\n위, 아래?"),
              "", say("shape of\ncyan?", "하늘색의\n모양은?"), say("shape of\ngreen?", "초록색의\n모양은?"),
              say("cyan: left\nor right?", "하늘색은\n왼쪽, 오른쪽?"), say("green: up\nor down?", "초록색은\n위, 아래?")]
    figure, axes = plt.subplots(2, 5, figsize=(9.6, 5.2), layout="constrained")
    for axis, k, title in zip(axes.flat, (*range(5), *range(10, 15)), titles, strict=True):
        picture(axis, question_panels()[k])
        axis.set_title(title, fontsize=TEXT, pad=6, linespacing=1.15)
    return figure


def dots(axis, rows, values, colour, shift=0.0, marker="o"):
    """Means with their intervals, one a row; values: (rows, 3)."""
    for row, (mean, low, high) in zip(rows, values, strict=True):
        axis.plot([low, high], [row + shift] * 2, color=colour, linewidth=5, solid_capstyle="butt")
        axis.plot(mean, row + shift, marker, color=colour, markersize=14)


def share_axis(axis, labels, chance=None):
    """An axis from 0 to 1 for shares, a row for each label, the first on top; chance: (rows,) or None."""
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.set_xlim(-0.02, 1.02)
    axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    for row, value in enumerate(chance if chance is not None else ()):
        axis.plot([value] * 2, [row - 0.42, row + 0.42], ":", color=GREY, linewidth=4)


def legend(figure, entries, y=0.97, left=0.02, step=0.32):
    """Coloured words in a row above a chart, in place of a legend's box."""
    for k, (text, colour) in enumerate(entries):
        figure.text(left + step * k, y, text, fontsize=20, color=colour, va="top")


def pointing(say):
    """For each kind of question: peak in the object, near it, in the other one; and chance."""
    text = 'short = "{:.2f} [{:.2f}, {:.2f}]".format'
    kinds = [say("which shape?", "무슨 모양?"), say("left or right?", "왼쪽, 오른쪽?"), say("up or down?", "위, 아래?")]
    figure, axis = plt.subplots(figsize=(11.7, 4.4))
    figure.subplots_adjust(0.17, 0.1, 0.98, 0.86)
    share_axis(axis, kinds, triples(line_of(WORDS, text, "by chance"))[:, 0])
    entries = (("peak in the object", say("in the object", "물체 안"), BLUE, "o", -0.18),
               ("within 5 pixels", say("within 5 pixels", "5픽셀 이내"), GREY, "D", 0.0),
               ("in the other", say("in the other", "다른 물체 안"), ORANGE, "s", 0.18))
    for begin, _, colour, marker, shift in entries:
        dots(axis, range(3), triples(line_of(WORDS, text, begin)), colour, shift, marker)
    words = [(label, colour) for _, label, colour, _, _ in entries]
    legend(figure, [*words, (say("dotted: chance", "점선: 우연"), GREY)], step=0.25)
    return figure


def less_the_other():
    return interval(numbers(line_of(WORDS, 'short = "{:.2f} [{:.2f}, {:.2f}]".format', "object asked about less the other")))


def rim(say):
    """For each answer of place: where the map's peak lies, seen from the middle of the object; and the object's reach."""
    figure, axes = plt.subplots(1, 4, figsize=(11.7, 3.5))
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.86, wspace=0.04)
    answers = (("left", say("“left”", "“왼쪽”")), ("right", say("“right”", "“오른쪽”")), ("up", say("“up”", "“위”")),
               ("down", say("“down”", "“아래”")))
    for axis, (name, title) in zip(axes, answers, strict=True):
        down, right = triples(line_of(WORDS, "off = peak - scenes.centres", f"{name:10} peak less").replace("right", ""))
        axis.add_patch(Circle((0, 0), 9, facecolor="#eceff2", edgecolor=GREY, linewidth=2))
        axis.plot(0, 0, "+", color=GREY, markersize=18, markeredgewidth=3)
        axis.plot(right[1:], [down[0]] * 2, color=ORANGE, linewidth=5)
        axis.plot([right[0]] * 2, down[1:], color=ORANGE, linewidth=5)
        axis.plot(right[0], down[0], "o", color=ORANGE, markersize=18)
        axis.set(xlim=(-13, 13), ylim=(13, -13), aspect="equal")
        axis.set_title(title, fontsize=22, pad=4)
        axis.set_axis_off()
    return figure


# ---- captions


def captioner(say):
    """The picture is looked at once; the state goes from word to word, and scales and shifts the maps for each."""
    figure, axis = canvas(11.7, 4.7)
    tile(figure, scene_panels()[0], 0.05, 2.0, 1.5)
    block(axis, 2.7, 2.75, say("5 layers", "다섯 층"), width=1.5, height=1.3)
    block(axis, 4.35, 2.75, "$A$", width=0.8, height=1.3, colour=GREY, size=24)
    arrow(axis, (1.6, 2.75), (1.92, 2.75))
    arrow(axis, (3.48, 2.75), (3.92, 2.75))
    words = ("a", "yellow", "square")
    for k, word in enumerate(words):
        x = 6.1 + 2.2 * k
        axis.text(x, 4.35, word, fontsize=22, ha="center", va="center", color=BLUE)
        block(axis, x, 2.75, f"$B_{k + 1}$", width=1.1, height=1.3, colour=BLUE, size=24)
        block(axis, x, 0.8, say("state", "상태"), width=1.3, height=0.9, colour=ORANGE)
        arrow(axis, (x, 1.28), (x, 2.05), colour=ORANGE, width=4)
        arrow(axis, (x, 3.43), (x, 4.08), colour=BLUE)
        if k < 2:
            arrow(axis, (x + 0.68, 0.8), (x + 1.52, 0.8), colour=ORANGE)
            arrow(axis, (x + 0.5, 4.2), (x + 1.85, 1.3), colour=GREY, width=2)
    arrow(axis, (4.77, 2.75), (5.52, 2.75))
    axis.plot([4.95, 4.95, 10.5], [2.75, 3.72, 3.72], color=GREY, linewidth=1.5, linestyle=":")
    for k in (1, 2):
        arrow(axis, (6.1 + 2.2 * k - 0.35, 3.72), (6.1 + 2.2 * k - 0.35, 3.43), width=1.5)
    axis.text(5.9, 3.78, say("maximum", "최댓값"), fontsize=TEXT, ha="right", va="bottom", color=BLUE)
    axis.text(5.95, 1.66, "FiLM", fontsize=TEXT, ha="right", va="center", color=ORANGE)
    return figure


def both_nouns():
    return noun_score("both nouns right:")


def relation():
    return noun_score("relation right, where nouns are:")


def noun_score(begin):
    return "{:.3f} [{:.3f}, {:.3f}]".format(*numbers(line_of(WORDS, "told = describe(captioner", begin))[:3])


def nouns_by_training():
    return by_training(WORDS, "nouns right")


def true_by_training():
    return by_training(WORDS, "true")


MAPS = ("A: Grad-CAM", "A: HiResCAM", "B: Grad-CAM", "B: HiResCAM")


def hits_of_words(name):
    """Within 5 pixels, (4, 3): colours of their object, of the other one; shapes of their object, of the other one."""
    return triples(line_of(WORDS, "gain = near[name].astype(float)", f"{name:16}"))


def near_shapes(name):
    """Of shape words: how often that map's peak is within 5 pixels of its object, with its interval."""
    return hits_of_words(name)[2]


def word_maps(say):
    """Seven of the nine words of one caption, three maps of each; at the right how often it finds the object of a shape word."""
    images = np.reshape(np.arange(36), (4, 9))[:3][:, [0, 1, 2, 3, 6, 7, 8]]
    shown = panels(pictured(WORDS, "spoken + [\"\"] * 27"))
    words = ("a", "yellow", "square", "left", "cyan", "circle", "end")
    figure, axes = plt.subplots(3, 7, figsize=(11.7, 4.3))
    figure.subplots_adjust(0.15, 0.005, 0.87, 0.86, wspace=0.05, hspace=0.06)
    for axis, k in zip(axes.flat, images.flat, strict=True):
        picture(axis, shown[k])
    for axis, word in zip(axes[0], words, strict=True):
        axis.set_title(word, fontsize=TEXT, pad=6)
    for row, name in zip(axes, MAPS[:3], strict=True):
        row[0].text(-0.08, 0.5, name.replace(": ", "\n"), transform=row[0].transAxes, ha="right", va="center", fontsize=TEXT)
        found = near_shapes(name)[0]
        row[-1].text(1.12, 0.5, f"{found:.2f}", transform=row[-1].transAxes, va="center", fontsize=24,
                     color=ORANGE if name == MAPS[0] else BLUE)
    figure.text(0.885, 0.98, say("shape\nwords", "모양의\n단어"), fontsize=TEXT, va="top", linespacing=1.1)
    return figure


def shape_at_a():
    return interval(near_shapes("A: Grad-CAM"))


def shape_by_chance():
    return f"{near_shapes('chance')[0]:.2f}"


def shapes_at_a_by_training():
    return by_training(WORDS, "shape words: Grad-CAM, last convolution")


def shapes_by_hires_by_training():
    return by_training(WORDS, "shape words: HiResCAM, last convolution")


def shape_in_the_other():
    return f"{hits_of_words('A: Grad-CAM')[3][0]:.2f}"


def gain_of_hires():
    return gain("A: HiResCAM")


def gain_at_b():
    return gain("B: Grad-CAM")


def gain(name):
    return paired(line_of(WORDS, "gain = near[name].astype(float)", f"{name} less A: Grad-CAM"))


# One channel of a map, bright on two objects, and its gradient: a maximum has read one place of the right one.
CHANNEL = np.array([[0, 0, 0, 0], [4, 4, 0, 0], [4, 4, 2, 2], [0, 0, 2, 2]])
READ = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 8, 0]])


def averaging(say):
    """The same channel and gradient by Grad-CAM, which averages first, and by HiResCAM, which multiplies first."""
    grids = {say("a channel $A$", "한 채널 $A$"): CHANNEL, r"$\partial y/\partial A$": READ,
             "Grad-CAM": READ.mean() * CHANNEL, "HiResCAM": READ * CHANNEL}
    with plt.rc_context({"axes.titlesize": 20}):
        figure = number_grid(grids, columns=4, cell=2.9)
    mark(figure.axes[1], 3, 2)
    for axis in figure.axes:
        for text in axis.texts:
            text.set_fontsize(20)
    return figure


def on_the_left():
    """The share of the averaged map that lies on the left object, which was not read."""
    return f"{CHANNEL[:, :2].sum() / CHANNEL.sum():.0%}"


# ---- beside the paper


def agreement(name):
    return interval(numbers(line_of(WORDS, "difference = agreement[", f"{name:16} rank correlation with occlusion")))


def grad_cam_agrees():
    return agreement("Grad-CAM")


def guided_agrees():
    return agreement("guided backprop")


def noise_agrees():
    return agreement("noise")


def guided_difference():
    return paired(line_of(WORDS, "difference = agreement[", "Grad-CAM less guided backprop"))


def paper(row):
    """The number that the paper gives, in a row of the notebook's table."""
    return prose(WORDS, rf"\| {row}[^|]*\| (\d\.\d+)")


def paper_grad_cam():
    return paper("questions: rank correlation with occlusion, Grad-CAM")


def paper_guided():
    return paper("the same, guided backpropagation")


def paper_people():
    return paper("questions: rank correlation with where people looked")


def paper_inside():
    return paper("captions: mean inside over outside")


def inside_over_outside():
    return interval(numbers(line_of(WORDS, "log_p = lambda y", "Grad-CAM  inside over outside")))


def grid_of(figure):
    """The pictures of a grid, rows of columns, where some are white at their edges: cut by its first row and first column."""
    drawn = (figure < 0.97).any(axis=-1)
    columns = stretches(drawn[stretches(drawn.any(axis=1), 40)[0]].any(axis=0), 40)
    rows = stretches(drawn[:, columns[0]].any(axis=1), 40)
    return [[figure[row, column] for column in columns] for row in rows]


def seeds(say):
    """Two scenes and two plates: map, what GrabCut makes of it, and the exact mask, framed, for it may be white at its edge."""
    rows = grid_of(pictured(WORDS, "figure = plots.image_grid(pictures, [name for name, _ in columns]"))
    figure, axes = plt.subplots(2, 8, figsize=(11.7, 3.5))
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.89, wspace=0.04, hspace=0.05)
    for group, column in zip(np.reshape(axes, (4, 4)), (0, 1, 3, 4), strict=True):
        for axis, row in zip(group, (0, 1, 3, 4), strict=True):
            picture(axis, rows[row][column])
            axis.add_patch(Rectangle((0, 0), 1, 1, transform=axis.transAxes, fill=False, edgecolor=GREY, linewidth=2))
    titles = [say("picture", "그림"), say("map", "맵"), "GrabCut", say("mask", "마스크")]
    for axis, title in zip(axes[0], 2 * titles, strict=True):
        axis.set_title(title, fontsize=TEXT, pad=6)
    return figure


def seed_gain(of):
    return paired(line_of(WORDS, "all_steel = lambda scores", f"{of}: seed less map from 50 %"))


def gain_on_scenes():
    return seed_gain("scenes")


def gain_on_steel():
    return seed_gain("steel")


# ---- tokens and attention


def shape_scenes():
    """Notebook 11's first six pictures."""
    return panels(pictured(ATTENTION, "plots.image_grid(images[:6], names[:6]"))


def tokens(say):
    """Patches become tokens; behind four blocks only the class token is read."""
    return drawings.tokens(shape_scenes()[0], say)


def after_the_last(say):
    """Into the last block all tokens reach the class token; behind it the others lead nowhere."""
    return drawings.after_the_last_block(say)


NAMES = {"circle": "원", "square": "정사각형", "triangle": "삼각형", "cross": "십자", "ring": "고리", "bar": "막대"}


@functools.cache
def asked_shapes():
    """The two shapes of each of notebook 11's first pictures, as it draws them."""
    drawn = draw_scenes(12, SEEDS["test"], objects=2, shapes=SHAPES)
    return [[SHAPES[s] for s in pair] for pair in drawn.shapes if pair[0] != pair[1]]


def asked_twice(say, column):
    """Two pictures, and beside each its map for either shape: of rollout, column 1, or of the gradient-weighted one, column 3."""
    images = np.reshape(np.arange(24), (3, 2, 4))            # picture, shape asked about, column
    shown = panels(pictured(ATTENTION, "rows = [(k, asked) for k in some[:3]"))
    figure, axes = plt.subplots(1, 6, figsize=(11.7, 2.35), layout="constrained")
    for axes_of, number in zip(np.split(axes, 2), (0, 1), strict=True):
        kept = [images[number, 0, 0], *images[number, :, column]]
        names = [f"{say(name, NAMES[name])}?" for name in asked_shapes()[number]]
        for axis, k, title in zip(axes_of, kept, [say("picture", "그림"), *names], strict=True):
            picture(axis, shown[k])
            axis.set_title(title, fontsize=TEXT, pad=6)
    return figure


def rollout_twice(say):
    return asked_twice(say, 1)


def weighted_twice(say):
    return asked_twice(say, 3)


def all_six():
    return interval(numbers(line_of(ATTENTION, "all six answers right: {:.2f}", "all six answers right:")))


def guessed_pair():
    return f"{numbers(line_of(ATTENTION, 'all six answers right: {:.2f}', 'all six answers right:'))[-1]:.2f}"


SCORES = 'scores["gradient-weighted rollout"] = hits(weighted)'


def hits(name):
    """Of that map the share of peaks in the box of the shape asked about, and in the other's, (2, 3)."""
    return triples(line_of(ATTENTION, SCORES, f"{name:32}"))


def rollout_asked():
    return interval(hits("rollout")[0])


def rollout_other():
    return interval(hits("rollout")[1])


def chance_of_box():
    return f"{numbers(line_of(ATTENTION, SCORES, 'by chance, any place'))[0]:.2f}"


def gain_over_rollout():
    return paired(line_of(ATTENTION, SCORES, f"   over {'rollout':26}"))


def compared(say):
    """Six maps: the share of peaks in the shape asked about and in the other one."""
    names = {"last attention": say("last attention", "마지막 어텐션"), "rollout": say("rollout", "롤아웃"),
             "Grad-CAM, block3": "Grad-CAM, block3", "Grad-CAM, block4_norm1": "Grad-CAM, norm1",
             "HiResCAM, block4_norm1": "HiResCAM, norm1", "gradient-weighted rollout": say("weighted rollout", "가중 롤아웃")}
    figure, axis = plt.subplots(figsize=(11.7, 4.8))
    figure.subplots_adjust(0.22, 0.08, 0.98, 0.9)
    share_axis(axis, list(names.values()), [float(chance_of_box())] * len(names))
    asked, other = np.transpose([hits(name) for name in names], (1, 0, 2))
    dots(axis, range(len(names)), asked, BLUE, -0.12)
    dots(axis, range(len(names)), other, ORANGE, 0.12, "s")
    legend(figure, [(say("the shape asked about", "물어본 모양"), BLUE), (say("the other", "다른 모양"), ORANGE),
                    (say("dotted: chance", "점선: 우연"), GREY)], y=0.995, left=0.22, step=0.3)
    return figure


def weighted_by_training():
    """The share where it was asked, of each training on record."""
    return by_training(ATTENTION, "gradient-weighted rollout: asked")


# ---- what carries over


def mean_head_asked():
    asked, other = triples(line_of(ATTENTION, '"CAM of the mean head": hits(M)', "CAM of the mean head"))
    return f"{asked[0]:.2f}"


def kept(name):
    """Rank correlation of a map with that of a random head."""
    return f"{numbers(line_of(ATTENTION, 'for j, (_, forgetful) in enumerate', f'{name:32}'))[0]:.2f}"


def kept_rollout():
    return kept("rollout")


def kept_grad_cam():
    return signed(kept("Grad-CAM, block3"))


def kept_weighted():
    return kept("weighted rollout")


def left(name):
    """The probability of the shape asked about without six patches."""
    return f"{numbers(line_of(ATTENTION, 'at = counts.index(6)', f'{name:32}'))[0]:.2f}"


def left_rollout():
    return left("rollout")


def left_weighted():
    return left("weighted rollout")


def left_noise():
    return left("noise")
