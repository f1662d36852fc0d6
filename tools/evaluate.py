"""Scores the maps of the steel networks: `python3 course.py evaluate`.

On the test split of the steel that `load_neu` gives: how often `neu_gap` and `neu_dense` are right, and how well the
maps of every method agree with what people marked and with what the networks need. All maps explain the image's true
class, at the last feature map unless a layer is named, and lie where the cells of their layer look. Brackets hold 95 %
bootstrap intervals over the images.
"""

import argparse
import os
import sys
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tqdm import tqdm

from lecture_utils import (
    bootstrap,
    box_iou,
    box_masks,
    cell_centres,
    centre_maps,
    deletion,
    energy_inside,
    grad_cam_layers,
    insertion,
    load_model,
    load_neu,
    localization_error,
    magnitude,
    own_boxes,
    pointing_game,
    random_maps,
    upsample,
)
from lecture_utils.datasets.readers import DataError
from lecture_utils.explain.methods import methods_for

NETWORKS = "neu_gap", "neu_dense"
THRESHOLDS = 0.15, 0.2      # of the Grad-CAM paper, of the CAM paper
CURVE_IMAGES = 120          # deletion and insertion take most of the time; classes take turns, so these are a sample
CURVE_STEPS = 10
TRAINED_ON = 1500  # photographs, the numbers 1 to 250 of each class
SEEN = ("The networks were trained on the numbers 1 to 250 of each class, these test images among them: the scores below say how "
        "the methods differ, not how good the networks are on new steel. For that: python3 course.py judge --table")


def main():
    parser = argparse.ArgumentParser(prog="python3 course.py evaluate",
                                     description="Score the maps of the steel networks.")
    parser.add_argument("--source", default="auto", choices=["auto", "local", "download", "embedded"],
                        help="where the steel comes from, as load_neu has it; auto takes the best there is")
    arguments = parser.parse_args()
    try:
        data = load_neu(arguments.source)
        truth = own_boxes(data.y_test, data.boxes_test, data.box_labels_test)
    except (DataError, ValueError) as error:
        sys.exit(f"Nothing to score: {error}")
    print(f"\n{len(data.x_test)} test images. Source: {data.source}")
    if not data.source.startswith("embedded") and len(data.x_train) + len(data.x_test) <= TRAINED_ON:
        print(SEEN)
    for name in NETWORKS:
        report(load_model(name), data, truth)


def report(model, data, truth):
    """Print a network's accuracy and the tables of its maps."""
    predicted = model.predict(data.x_test, batch_size=32, verbose=0).argmax(axis=1)
    print(f"\n## {model.name}: {percent(predicted == data.y_test)} of the test images right\n", flush=True)
    marked = {"a box": box_masks(truth, data.x_test.shape[1:3])}
    if data.masks_test is not None:
        marked["the exact mask"] = data.masks_test
    pointing = {what: [chance_row(masks, data)] for what, masks in marked.items()}
    agreement, curves = [], []
    methods = explanations(model, data.x_test, data.y_test)
    for method in (bar := tqdm(methods, desc=model.name, unit="method", leave=False)):
        bar.set_postfix_str(method)
        maps = methods[method]()
        curves.append((method, *curve_scores(model, data, maps)))
        for what, masks in marked.items():
            pointing[what].append((method, *by_class(pointing_game(maps, masks), data)))
        agreement.append((method, *(percent(energy_inside(maps, masks)) for masks in marked.values()),
                          *box_scores(maps, predicted, data.y_test, truth)))
    for what, rows in pointing.items():
        print(table([f"peak in {what}, %", "all", *data.class_names], rows))
    print(table(["method", *(f"energy in {what}, %" for what in marked),
                 *(f"{score}, threshold {threshold:.0%}" for threshold in THRESHOLDS
                   for score in ("IoU, %", "localization error, %"))], agreement))
    print(table([f"area under the curve, %; {len(data.x_test[:CURVE_IMAGES])} images", "deletion (low is good)",
                 "insertion (high is good)"], curves))


def explanations(model, images, labels):
    """Each method's name, and a function without arguments that gives its maps (n, height, width), in their place."""
    size, layers = images.shape[1:3], grad_cam_layers(model, images[:1])
    coarse = next(reversed(layers.values())).shape[1:]

    def in_place(make, layer=None):
        return lambda: upsample(make(), size, cell_centres(model, layer))

    def explain(method, layer=None):
        make = partial(method.explain, model, images, layer, class_index=labels)
        return (lambda: magnitude(make())) if method.of_pixels else in_place(make, layer)

    found = {}
    for method in methods_for(model):
        if method.name == "Grad-CAM":
            found |= {f"Grad-CAM, {layer}": explain(method, layer) for layer in reversed(layers)}
        elif method.scored:
            found[method.name] = explain(method)
    return found | {"random pixels": lambda: random_maps(len(images), size),
                    "random places": in_place(lambda: random_maps(len(images), coarse)),     # the networks' own cells
                    "Gaussian in the centre": in_place(lambda: centre_maps(len(images), coarse))}


def chance_row(masks, data):
    """What a point thrown at random hits: the share of the image that the masks cover."""
    return "by chance", *by_class(masks.mean(axis=(1, 2)), data)


def by_class(values, data):
    """The mean of all images, and of those of each class."""
    return percent(values), *(percent(values[data.y_test == c], digits=0) for c in range(len(data.class_names)))


def box_scores(maps, predicted, labels, truth):
    """IoU and localization error at each threshold. Where the prediction is right, the true class's map is its map."""
    for threshold in THRESHOLDS:
        yield percent(box_iou(maps, truth, threshold))
        yield percent(localization_error(maps, predicted, labels, truth, threshold))


def curve_scores(model, data, maps):
    images, maps, labels = (each[:CURVE_IMAGES] for each in (data.x_test, maps, data.y_test))
    for score in (deletion, insertion):
        yield percent(score(model, images, maps, labels, steps=CURVE_STEPS, progress=False).auc)


def percent(values, digits=1):
    """Mean and interval in per cent: 86.5 [82.1, 90.5]."""
    mean, low, high = (f"{100 * value:.{digits}f}" for value in bootstrap(values))
    return f"{mean} [{low}, {high}]"


def table(head, rows):
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)) + "\n"


if __name__ == "__main__":
    main()
