"""Figures of deck 8: photographs and transfer. Nothing is trained here: what was learned is in the committed notebooks."""
import functools
import re

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from lecture_utils import load_photo
from lecture_utils.plots import BLUE, GREY, ORANGE, picture, plt
from slides.figures.drawing import TEXT, arrow, block, canvas, neu, paired, row_of, signed, tile
from tools.decks import code
from tools.decks.code import cell_with, numbers, panels, pictured, printed, prose
from tools.notebooks.glossary import korean

NOTEBOOK = "09_transfer_learning"
BLOCKS = ["conv2_block3_out", "conv3_block3_out", "conv4_block1_out", "conv4_block2_out", "conv4_block3_out"]
line_of = functools.partial(code.line_of, NOTEBOOK)


# ---- what is carried over


def sixty_four_pairs():
    """Each of sixty-four test plates beside itself under its map; of wrong answers with a frame."""
    return panels(pictured(NOTEBOOK, "figure = plots.answers("))


def cover(say):
    """One plate of each class, the second of the notebook's rows."""
    figure, axes = plt.subplots(3, 2, figsize=(6, 4.7), layout="constrained")
    for axis, pair in zip(axes.flat, sixty_four_pairs()[6:12], strict=True):
        picture(axis, pair)
    return figure


def carried_over(say):
    """Above, a network as it was trained; below, its backbone under a new head."""
    figure, axis = canvas(11.7, 4.7)
    plates = [neu().x_train[neu().y_train == c][0] for c in (0, 2, 5)]
    for y, images in ((2.95, [load_photo(name) for name in ("cat", "coffee", "rocket")]), (0.45, plates)):
        for k, image in enumerate(images):
            tile(figure, centre_square(image), 0.1 + 1.15 * k, y, 1.05)
        arrow(axis, (3.65, y + 0.52), (4.3, y + 0.52))
        arrow(axis, (7.45, y + 0.52), (8.1, y + 0.52))
    backbone, frozen = say("backbone", "백본(backbone)"), say("the same backbone", "같은 백본")
    block(axis, 5.87, 3.47, backbone, width=3.1, height=1.2)
    block(axis, 5.87, 0.97, frozen, width=3.1, height=1.2)
    block(axis, 9.85, 3.47, say("head: ten things", "헤드: 사물 열 가지"), width=3.4, height=1.2, colour=GREY)
    block(axis, 9.85, 0.97, say("new head: six defects", "새 헤드: 결함 여섯 가지"), width=3.4, height=1.2, colour=ORANGE)
    arrow(axis, (5.87, 2.75), (5.87, 1.68), colour=BLUE, width=5)
    axis.text(6.2, 2.22, say("carried over", "옮겨 쓴다"), fontsize=20, color=BLUE, va="center")
    axis.text(1.78, 4.4, say("50,000 photographs", "사진 50,000장"), fontsize=TEXT, ha="center", va="center")
    axis.text(1.78, 1.9, say("20 plates of each kind", "종류마다 강판 20장"), fontsize=TEXT, ha="center", va="center")
    return figure


def centre_square(image):
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top:top + side, left:left + side]


# ---- photographs for 2.4 MB


def four_photographs(say):
    """The best maps of notebook 2's four photographs, the middle of each."""
    maps = panels(pictured("02_cam_neu", 'if "espresso" in net.class_names'))[4:]
    return row_of([centre_square(image) for image in maps], ["Egyptian cat", "espresso", "barbell", "pole"])


def two_names(say):
    """Notebook 4's composed picture, and its maps of three classes."""
    images = panels(pictured("04_grad_cam_vgg16", 'if "tabby" in squeeze.class_names'))
    return row_of(images, [say("composed", "합성 사진"), "tabby", "Egyptian cat", "espresso"], height=3.9)


def likeness_of_cats():
    return prose("04_grad_cam_vgg16", r"the correlation is (\d\.\d+)")


# ---- a head on a backbone


def nested(say):
    """The usual recipe looks for a way from the model's input into the backbone's own graph; the tape needs none."""
    figure, axis = canvas(11.7, 3.1)
    axis.add_patch(Rectangle((1.7, 0.2), 8.2, 2.7, facecolor="none", edgecolor=GREY, linewidth=2, linestyle="--"))
    axis.text(1.9, 2.6, say("the model: two layers", "모델: 층 두 개"), fontsize=TEXT, va="center", color=GREY)
    block(axis, 0.72, 1.3, say("images", "이미지"), width=1.3, colour=GREY)
    block(axis, 4, 1.3, "trunk\n" + say("13 convolutions", "합성곱 층 13개"), width=3.5, height=1.3)
    block(axis, 8.5, 1.3, "head\nGAP, Dense", width=2.2, height=1.3, colour=ORANGE)
    block(axis, 11.05, 1.3, "$y^c$", width=1.1, colour=GREY)
    arrow(axis, (1.4, 1.3), (2.22, 1.3))
    arrow(axis, (5.78, 1.3), (7.37, 1.3))
    arrow(axis, (9.63, 1.3), (10.47, 1.3))
    axis.text(6.55, 1.65, "$A$", fontsize=24, ha="center", va="center", color=BLUE)
    axis.text(6.55, 2.25, say("the tape stands here", "테이프는 여기"), fontsize=TEXT, ha="center", va="center", color=BLUE)
    arrow(axis, (8.5, 0.5), (6.55, 1.1), colour=BLUE, width=3, bend=-0.3)
    return figure


def random_head(say):
    """Left: a random head sends large gradients into good weights. Right: the frozen backbone waits until it is trained."""
    figure, axis = canvas(11.7, 3)
    columns = ((0.1, say("everything at once", "모두 한꺼번에"), ORANGE, say("random head", "무작위 헤드")),
               (6.2, say("the head first", "헤드부터"), BLUE, say("new head", "새 헤드")))
    for left, title, colour, head in columns:
        axis.text(left + 2.7, 2.7, title, fontsize=20, ha="center", va="center", color=colour)
        block(axis, left + 1.3, 1.6, say("backbone", "백본") + ("" if colour == ORANGE else "\n" + say("frozen", "동결(frozen)")),
              width=2.3, height=1.1, colour=colour if colour == ORANGE else GREY)
        block(axis, left + 4.3, 1.6, head, width=2.3, height=1.1, colour=colour)
        axis.text(left + 2.8, 0.42, say("gradient", "기울기"), fontsize=TEXT, ha="center", va="center", color=colour)
        if colour == ORANGE:
            arrow(axis, (left + 4.3, 0.95), (left + 1.3, 0.95), colour=colour, width=9, bend=-0.12)
        else:
            arrow(axis, (left + 5.2, 0.95), (left + 3.4, 0.95), colour=colour, width=5, bend=-0.2)
    axis.plot([5.95, 5.95], [0.2, 2.8], color=GREY, linewidth=1)
    return figure


def how_many(say):
    """Test accuracy against the number of pictures a class; both backbones, with intervals over five seeds."""
    text = 'print("pictures a class'
    counts = numbers(line_of(text, "pictures a class"))
    figure, axis = plt.subplots(figsize=(11.7, 4.6), layout="constrained")
    for name, label, colour, style in (("pretrained", say("pretrained", "사전 학습"), BLUE, "o-"),
                                       ("random", say("random weights", "무작위 가중치"), ORANGE, "s--")):
        mean, low, high = np.reshape(numbers(line_of(text, name)), (-1, 3)).T
        axis.fill_between(counts, low, high, color=colour, alpha=0.18, linewidth=0)
        axis.plot(counts, mean, style, color=colour, linewidth=4, markersize=13)
        axis.text(counts[-1] * 1.08, mean[-1], f"{label}\n{mean[-1]:.2f}", fontsize=20, color=colour, va="center")
    axis.axhline(mean[-1], color=ORANGE, linewidth=1.5, xmax=0.78)        # the last drawn: random weights
    axis.axhline(1 / 6, color=GREY, linestyle=":", linewidth=3)
    axis.text(1, 1 / 6 + 0.02, say("chance", "우연"), color=GREY, fontsize=TEXT, va="bottom")
    axis.set_xscale("log")
    axis.set_xticks(counts, [f"{count:.0f}" for count in counts])
    axis.minorticks_off()
    axis.set_xlim(0.9, 48)
    axis.set_ylim(0, 1)
    axis.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.set_xlabel(say("pictures a class", "클래스마다 사진 수"))
    axis.set_ylabel(say("test accuracy", "테스트 정확도"))
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def worth_of_pretraining():
    return paired(printed(NOTEBOOK, 'print("pictures a class')[-1][-16:])


def learned_epochs(say):
    """The notebook's own curves of loss and accuracy."""
    figure, axis = plt.subplots(figsize=(11.7, 4.1), layout="constrained")
    picture(axis, pictured(NOTEBOOK, '"Loss and accuracy of the fine-tuned', say("en", "ko")))
    return figure


def by_loss():
    return chosen("by loss")


def by_accuracy():
    return chosen("by accuracy")


def chosen(rule):
    """The epoch that a rule keeps, and the test accuracy of its weights."""
    epoch, accuracy = numbers(line_of("answers = {}", f"{rule:12} epoch"))[:2]
    return f"{epoch:.0f}: {accuracy:.2f}"


def epoch_gain():
    return paired(line_of("answers = {}", "by loss less before: "))


def accuracy_less_loss():
    return paired(line_of("answers = {}", "by accuracy less by loss: "))


def from_random():
    return "{:.2f} [{:.2f}, {:.2f}]".format(*numbers(line_of("all from random:", "all from random:")))


def learning_rate():
    source = cell_with(NOTEBOOK, "model.compile(keras.optimizers.SGD").source
    return f"{float(re.search(r'SGD[(]([^,]+),', source)[1]):g}"


# ---- what became of the maps


def sixty_four(say):
    """All sixty-four pairs, two columns a class; the notebook's frames drawn wider."""
    pairs, classes = sixty_four_pairs(), len(neu().class_names)
    figure, axes = plt.subplots(6, 2 * classes, figsize=(11.7, 3.5))
    figure.subplots_adjust(0, 0, 1, 0.88, wspace=0.05, hspace=0.05)
    for axis in axes.flat:
        axis.set_axis_off()
    for c, name in enumerate(neu().class_names):
        for axis, pair in zip(axes[:, 2 * c:2 * c + 2].flat, pairs[c::classes], strict=False):
            picture(axis, pair)
            if framed(pair):
                axis.add_patch(Rectangle((0, 0), pair.shape[1], pair.shape[0], fill=False, edgecolor=ORANGE, linewidth=6))
        figure.text((c + 0.5) / classes, 0.93, say(name.replace("_", " "), korean(name)), fontsize=TEXT, ha="center")
    return figure


def framed(pair):
    """Whether a picture has an orange frame: its upper edge is of that colour."""
    edge = np.abs(pair[:8] - to_rgb(ORANGE)).max(axis=-1) < 0.15
    return edge.any(axis=0).mean() > 0.5


def alike_in_class():
    return likeness("the same class")


def alike_across():
    return likeness("another class")


def likeness(of):
    """The mean rank correlation of two plates' maps, with its interval."""
    values = line_of("turn = len(names)", f"rank correlation with the map of another picture of {of}")
    return "{:.2f} [{:.2f}, {:.2f}]".format(*numbers(values))


def before_and_after(say):
    """The notebook's six plates with their maps before and after fine-tuning."""
    images = panels(pictured(NOTEBOOK, 'for when in ("before", "after") for n in shown'))
    figure, axes = plt.subplots(3, 6, figsize=(10.4, 5.1), layout="constrained")
    for axis, image in zip(axes.flat, images, strict=True):
        picture(axis, image)
    for row, title in zip(axes, (say("plate", "강판"), say("before", "이전"), say("after", "이후")), strict=True):
        row[0].text(-0.1, 0.5, title, transform=row[0].transAxes, ha="right", va="center", fontsize=20)
    return figure


def hits_before():
    return in_box("before")


def hits_after():
    return in_box("after")


def in_box(when):
    return f"{numbers(line_of('These pictures have no boxes', f'{when:7} peak in a box'))[0]:.2f}"


def chance_of_hit():
    return f"{numbers(line_of('These pictures have no boxes', 'before  peak in a box'))[-1]:.2f}"


def hits_difference():
    return paired(line_of("These pictures have no boxes", "after less before, picture by picture: "))


# ---- a residual network


def residual_block(say):
    """x goes straight on, and what the block has found is added to it."""
    figure, axis = canvas(11.7, 3.9)
    block(axis, 0.65, 2.6, "$x$", width=1, colour=GREY, size=24)
    for x, text in ((3.2, say("convolution\nReLU", "합성곱\nReLU")), (5.9, say("convolution", "합성곱"))):
        block(axis, x, 2.6, text, width=2.2, height=1.2)
    axis.text(4.55, 3.6, "$f(x)$", fontsize=24, ha="center", va="center", color=BLUE)
    block(axis, 7.95, 2.6, "+", width=0.8, height=0.8, colour=ORANGE, size=28)
    block(axis, 9.4, 2.6, "ReLU", width=1.2, colour=GREY)
    block(axis, 11.1, 2.6, "$A$", width=1, colour=GREY, size=24)
    for start, end in ((1.2, 2.05), (4.35, 4.75), (7.05, 7.5), (8.4, 8.75), (10.05, 10.55)):
        arrow(axis, (start, 2.6), (end, 2.6))
    axis.plot([1.6, 1.6, 7.95], [2.6, 0.9, 0.9], color=ORANGE, linewidth=5, solid_joinstyle="round")
    arrow(axis, (7.95, 0.9), (7.95, 2.15), colour=ORANGE, width=5)
    axis.text(4.8, 0.45, say("the shortcut: nothing to learn", "지름길 연결: 학습할 것이 없다"), fontsize=20, ha="center",
              va="center", color=ORANGE)
    return figure


def through_additions(say):
    """Notebook 9's first two photographs under the Grad-CAM maps of five blocks."""
    images = panels(pictured(NOTEBOOK, "figure = plots.map_grid(pictures"))[:12]
    titles = [say("input", "입력"), *(name.removesuffix("_out").replace("_", "\n") for name in BLOCKS)]
    figure, axes = plt.subplots(2, 6, figsize=(11.7, 4.7), layout="constrained")
    for axis, image in zip(axes.flat, images, strict=True):
        picture(axis, image)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=TEXT, pad=8, linespacing=1.3)
    return figure


def shares_of_score(say):
    """For each block: what the cells of its map add up to, of the score less the bias; one dot a photograph."""
    figure, axis = plt.subplots(figsize=(11.7, 3.6), layout="constrained")
    for row, name in enumerate(BLOCKS):
        shares = numbers(line_of("sum of the map's cells", name))
        axis.plot(shares, [row] * len(shares), "o", markersize=16, alpha=0.7, color=ORANGE if row < 4 else BLUE)
    axis.axvline(1, color=GREY, linewidth=2)
    axis.set_yticks(range(len(BLOCKS)), [name.removesuffix("_out").replace("_", " ") for name in BLOCKS])
    axis.set_ylim(4.6, -0.6)
    axis.set_xlabel(say("sum of the map's cells / (score − bias)", "맵의 셀 값의 합 / (점수 − 편향)"))
    axis.spines[["top", "right", "left"]].set_visible(False)
    return figure


def half_cell(say):
    """Sixteen pixels in a row, of which a last cell answers to the first of four."""
    figure, axis = canvas(11.7, 3.3)
    side = 0.66
    for pixel in range(16):
        read = pixel % 4 == 0
        axis.add_patch(Rectangle((1.0 + side * pixel, 1.35), 0.94 * side, 0.94 * side, linewidth=2,
                                 facecolor="#dcecf7" if read else "white", edgecolor=BLUE if read else GREY))
    for cell in range(4):
        looks, stretched = (1.0 + side * (4 * cell + pixel + 0.47) for pixel in (0, 1.5))
        axis.plot(looks, 1.66, "o", color=BLUE, markersize=15)
        axis.plot(stretched, 1.66, "X", color=ORANGE, markersize=17, markeredgecolor="white")
        axis.plot([1.0 + side * 4 * cell + 0.05, 1.0 + side * (4 * cell + 4) - 0.09], [1.1, 1.1], color=GREY, linewidth=4)
        axis.text(1.0 + side * (4 * cell + 2), 0.75, say(f"cell {cell}", f"셀 {cell}"), fontsize=TEXT, ha="center",
                  va="center", color=GREY)
    axis.text(1.0, 2.55, say("where the cell looks", "셀이 보는 곳"), fontsize=20, color=BLUE, va="center")
    axis.text(6.3, 2.55, say("where a stretched map draws it", "늘인 맵이 그리는 곳"), fontsize=20, color=ORANGE, va="center")
    axis.plot(0.75, 2.55, "o", color=BLUE, markersize=15)
    axis.plot(6.05, 2.55, "X", color=ORANGE, markersize=17)
    return figure


# ---- a network of your own


def one_or_two(say):
    """A plate with scratches and one without, under the maps of yes and no, of heads with one output and with two."""
    images = panels(pictured(NOTEBOOK, "pair = [np.flatnonzero(yes_test)"))
    one, two = say("one output", "출력 하나"), say("two outputs", "출력 둘")
    yes, no = say("yes", "예"), say("no", "아니요")
    figure, axes = plt.subplots(2, 5, figsize=(11.2, 4.5), layout="constrained")
    for axis, image in zip(axes.flat, images, strict=True):
        picture(axis, image)
    titles = [say("scratches?", "긁힘인가?"), *(f"{head}\n{answer}" for head in (one, two) for answer in (yes, no))]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=TEXT, pad=8, linespacing=1.3)
    for row, name in zip(axes, (yes, no), strict=True):
        row[0].text(-0.08, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=20)
    return figure


def of_scratches():
    """The numbers that the notebook prints for the class of scratches: maximum there, absent; share of empty maps."""
    return numbers(line_of("empty where absent", "scratches"))


def strength_there():
    return f"{of_scratches()[0]:.2f}"


def strength_absent():
    return f"{of_scratches()[1]:.2f}"


def empty_where_absent():
    return f"{of_scratches()[2]:.0f}%"


def four_mistakes(say):
    """The photograph, its right map and those of four mistakes; below them the answer, and how alike the maps are."""
    images = panels(pictured(NOTEBOOK, 'seen = {"blue first"'))
    titles = {"right": say("right", "올바름"), "0 to 255": say("0 to 255", "0에서 255"),
              "blue first": say("blue first", "파랑 먼저"), "layer block2_conv2": say("block 2", "block 2"),
              "probability": say("probability", "확률")}
    figure, axes = plt.subplots(1, 6, figsize=(11.7, 4))
    figure.subplots_adjust(0.002, 0.38, 0.998, 0.9, wspace=0.06)
    for axis, image in zip(axes, images, strict=True):
        picture(axis, image)
    under(axes[0], [say("answer", "답"), say("probability", "확률"), say("maximum", "최댓값"), say("likeness", "닮은 정도")])
    for axis, (name, title) in zip(axes[1:], titles.items(), strict=True):
        answer, probability, maximum, alike = line_of("maps_of = {", name).split()
        axis.set_title(title, fontsize=20, pad=8)
        under(axis, [say(answer, korean(answer)), probability, maximum, signed(alike)], BLUE if answer == "cat" else ORANGE)
    return figure


def under(axis, lines, colour="black"):
    for k, line in enumerate(lines):
        axis.text(0.5, -0.16 - 0.2 * k, line, transform=axis.transAxes, ha="center", va="center", fontsize=TEXT,
                  color=colour if k == 0 else "black")


def seen_before(say):
    """Where STL-10's pictures come from: its test set lies within what an ImageNet network may have been trained on."""
    figure, axis = canvas(11.7, 3.8)
    axis.add_patch(Rectangle((0.2, 0.2), 7.4, 3.4, facecolor="#eceff2", edgecolor=GREY, linewidth=2))
    axis.text(0.5, 3.2, say("ImageNet: the backbone was trained on it", "ImageNet: 백본이 학습한 사진"), fontsize=20, va="center")
    block(axis, 3.9, 1.5, say("STL-10's test pictures\nwere drawn from here", "STL-10의 테스트 사진을\n여기에서 뽑았다"),
          width=4.6, height=1.5, colour=ORANGE, size=20)
    arrow(axis, (6.3, 1.5), (8.5, 1.5), colour=ORANGE, width=5)
    block(axis, 10, 1.5, say("a score that is\ntoo good", "지나치게\n좋은 점수"), width=2.8, height=1.5, colour=GREY, size=20)
    return figure
