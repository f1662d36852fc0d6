"""Where the cells of a feature map look, and what it changes to lay maps there instead of stretching them.

The first table holds every network of keras.applications (random weights, the size that it is made for); the second
scores the maps of the course's own networks on the same images, stretched and in their place. Writes both into
benchmarks/README.md.

    python3 course.py doctor                                        # makes .venv
    COURSE_DATA=folder .venv/bin/python -m benchmarks.placements    # without COURSE_DATA: on drawn plates alone
"""

import os

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from lecture_utils import (
    bootstrap,
    box_masks,
    cell_centres,
    energy_inside,
    grad_cam_layers,
    load_mnist,
    load_model,
    load_neu,
    own_boxes,
    pointing_game,
    upsample,
)
from lecture_utils.datasets.readers import DataError
from lecture_utils.explain import surgery

from .report import machine, write


def main():
    write("placements", networks() + machine())
    write("placed scores", scores() + machine())


def networks():
    rows = ["| network | input | last feature map | cell i looks at pixel | stretched, it lies off by, pixels |",
            "|---|---|---|---|---|"]
    for name in sorted(name for name in vars(keras.applications) if name[0].isupper()):
        keras.utils.clear_session()
        model = getattr(keras.applications, name)(weights=None)
        size = tuple(side or 224 for side in model.input_shape[1:3])
        step = surgery.find_feature_map(surgery.unroll(model), None)
        (stride, offset), _ = cell_centres(model, size=size)
        count = round(size[0] / stride) if step.shape[1] is None else step.shape[1]
        i = np.arange(count)
        off = np.abs(stride * i + offset - ((i + 0.5) * size[0] / count - 0.5))
        rows.append(f"| {name} | {size[0]} | `{step.name}`, {count}×{count} | {stride:g} i + {offset:.3g} | "
                    f"{spread(off)} |")
        print(rows[-1], flush=True)
    return "\n".join(rows) + "\n"


def spread(off):
    return f"{off.min():.3g}" if np.ptp(off) < 0.05 else f"{off.min():.3g} to {off.max():.3g}"


def scores():
    rows = ["| network, layer, images | score | stretched | in place | difference, image by image |", "|---|---|---|---|---|"]
    for source in ("embedded", "local"):
        try:
            steel, digits = load_neu(source), load_mnist(source)
        except DataError as error:
            print(f"{source}: {error}")
            continue
        for name in ("neu_gap", "neu_dense", "neu_gap_plain"):
            rows += of_network(name, steel, source, box_masks(own_boxes(steel.y_test, steel.boxes_test, steel.box_labels_test),
                                                              steel.x_test.shape[1:3]))
        rows += of_network("mnist_cnn", digits, source, digits.x_test[..., 0] > 0.5, images=1000)
    return "\n".join(rows) + "\n"


def of_network(name, data, source, masks, images=None):
    """Rows of the scores of Grad-CAM for the true class, at the last two convolutions; masks: boxes, or a digit's ink."""
    model, what = load_model(name), "ink" if data.x_test.shape[1] == 28 else "a box"
    x, y, masks = data.x_test[:images], data.y_test[:images], masks[:images]
    maps = dict(list(grad_cam_layers(model, x, class_index=y).items())[-2:])
    for layer, L in maps.items():
        stretched, placed = upsample(L, x.shape[1:3]), upsample(L, x.shape[1:3], cell_centres(model, layer))
        for score, function in ((f"peak in {what}, %", pointing_game), (f"energy in {what}, %", energy_inside)):
            before, after = function(stretched, masks).astype(float), function(placed, masks).astype(float)
            yield (f"| `{name}`, `{layer}`, {len(x)} {source} | {score} (chance {masks.mean():.1%}) | {percent(before)} | "
                   f"{percent(after)} | {percent(after - before, sign='+')} |")


def percent(values, sign=""):
    mean, low, high = (f"{100 * value:{sign}.1f}" for value in bootstrap(values))
    return f"{mean} [{low}, {high}]"


if __name__ == "__main__":
    main()
