"""Judges how the networks for steel are trained: `python3 course.py judge NAME ...`.

Six-fold cross-validation over the photographs of steel up to number 250: six networks, each trained by the recipe of
`course.py train` without a sixth of the numbers and scored on that sixth alone, so that every image is scored once, by a
network that has not seen it. The folds are contiguous numbers: the light changes with the number, and in a random sixth
every image would have its neighbours in the training set. Brackets hold 95 % bootstrap intervals over the images. The
weights of each fold are kept under build/train/folds: the same command goes on where it was interrupted. `neu_dense`
stands on the convolutions of `neu_gap`: judge that first.
"""

import argparse
import json

import keras
import numpy as np

from lecture_utils import models
from lecture_utils.datasets.layouts import NEU_CLASSES
from lecture_utils.files import whole

from . import train
from .evaluate import percent, table

STEEL = tuple(name for name, (_, scores) in train.RECIPES.items() if scores is train.scores_steel)


def main():
    parser = argparse.ArgumentParser(prog="python3 course.py judge", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(STEEL))
    parser.add_argument("--table", action="store_true", help="print what was found for the shipped recipes")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in STEEL:
            parser.error(f"there is no network for steel {name!r}; there are {', '.join(STEEL)}")
    for name in arguments.names:
        judge(name)
    if arguments.names or arguments.table:
        print(report())
    else:
        parser.print_help()


def judge(name):
    """Train and score the six folds of `name`; write data/weights/NAME.folds.json, one entry an image."""
    steel = train.real_steel()
    right, hit = np.zeros(len(steel.labels), bool), np.zeros(len(steel.labels), bool)
    for fold in range(train.FOLDS):
        model = without(name, fold)
        of_fold = np.flatnonzero(steel.fold == fold)
        images, labels = steel.images[of_fold], steel.labels[of_fold]
        right[of_fold] = model.predict(images, batch_size=42, verbose=0).argmax(axis=1) == labels
        if "gap" in name:
            hit[of_fold], _ = train.hits_and_chance(model, images, labels, [steel.boxes[i] for i in of_fold])
        print(f"{name}, fold {fold}: {right[of_fold].mean():.1%} right, {hit[of_fold].mean():.1%} of the peaks in a box",
              flush=True)
    record = {"command": f"python3 course.py judge {name}", "recipe": train.RECIPES[name][0].__doc__,
              "right": right.astype(int).tolist()} | ({"hit": hit.astype(int).tolist()} if "gap" in name else {})
    with whole(models.WEIGHTS / f"{name}.folds.json") as part:
        part.write_bytes(json.dumps(record).encode() + b"\n")


def without(name, fold):
    """The network trained without the numbers of `fold`, from its file where it has been trained before."""
    path = train.weights_file(name, fold)
    if not path.exists():
        keras.utils.set_random_seed(train.SEED)
        train.write_weights(train.RECIPES[name][0](fold)[0], path)
        train.forget(name, fold)
    model = models.BUILDERS[name]()
    models.read_weights(model, path)
    return model


def report():
    """Two tables in Markdown: accuracy, and how often the CAM's peak lies in a box, in all, by class and by fold."""
    rows = {"right": [], "hit": []}
    for name in STEEL:
        path = models.WEIGHTS / f"{name}.folds.json"
        found = json.loads(path.read_text()) if path.exists() else {}
        for what in rows.keys() & found.keys():
            rows[what].append((f"`{name}`", *shares(np.array(found[what]))))
    head = ["all", *NEU_CLASSES, "fold by fold"]
    return "\n".join(table([f"{title}, %", *head], rows[what])
                     for what, title in (("right", "right"), ("hit", "the CAM's peak in a box")))


def shares(values):
    """In per cent: the mean of all images with its interval, of each class, and of each fold."""
    classes, fold = np.arange(len(values)) % len(NEU_CLASSES), train.folds(len(values))
    return (percent(values), *(percent(values[classes == c]) for c in range(len(NEU_CLASSES))),
            ", ".join(f"{100 * values[fold == k].mean():.0f}" for k in range(train.FOLDS)))


if __name__ == "__main__":
    main()
