"""Measures how real the embedded data is: `python3 course.py realism`.

Four networks are trained from one seed: on real digits, on embedded digits, on real steel, on embedded steel.
Each is scored on real and on embedded images that it has not seen. The figures in data/README.md are this
command's. It needs the real data (COURSE_DATA, or what `python3 course.py data` brings); the option
`--sheets` draws real beside embedded images into build/realism/ instead, and trains nothing.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from lecture_utils import models
from lecture_utils.datasets.loaders import load_mnist, load_neu
from lecture_utils.datasets.synthetic import draw_digits, draw_steel

from .train import half_precision

ROOT = Path(__file__).resolve().parents[1]
SEED = 1
TRAIN_SEED, TEST_SEED = 2, 3  # of the drawings; the loaders' own are drawn from 0 and 1
CROP = 120  # steel is learnt from crops of 120x120 and classified at 200x200


def main():
    parser = argparse.ArgumentParser(description="Measure how real the embedded data is.")
    parser.add_argument("--sheets", action="store_true", help="only draw contact sheets into build/realism/")
    arguments = parser.parse_args()
    digits, steel = real(load_mnist()), real(load_neu())
    if arguments.sheets:
        write_sheet("digits", digits, draw_digits(200, TEST_SEED), columns=16)
        write_sheet("steel", steel, draw_steel(8, TEST_SEED), columns=8)
        return
    measure("digits", digits, draw_digits(20_000, TRAIN_SEED), draw_digits(5_000, TEST_SEED), train_digits)
    measure("steel", steel, draw_steel(200, TRAIN_SEED), draw_steel(50, TEST_SEED), train_steel)


def real(data):
    """The data set, if it is the real one."""
    if data.source.startswith("embedded"):
        sys.exit("This needs the real data: set COURSE_DATA to its folder, or fetch it: python3 course.py data")
    return data


def measure(kind, data, drawn_train, drawn_test, train):
    """Print the four figures of one kind of image, in all and for each class, as a table for data/README.md."""
    sources = {"real": (data.x_train, data.y_train), "embedded": drawn_train[:2]}
    targets = {"real": (data.x_test, data.y_test), "embedded": drawn_test[:2]}
    print(f"\n| {kind}: trained on | scored on | all | {' | '.join(data.class_names)} |")
    print("|---|---|" + "---|" * (1 + len(data.class_names)))
    for source, (images, labels) in sources.items():
        keras.utils.set_random_seed(SEED)
        model = train(images, labels)
        for target, (images, labels) in targets.items():
            right = model.predict(images, batch_size=100, verbose=0).argmax(1) == labels
            each = " | ".join(f"{right[labels == k].mean():.1%}" for k in range(len(data.class_names)))
            print(f"| {source} | {target} | **{right.mean():.1%}** | {each} |", flush=True)


def train_digits(images, labels):
    """`mnist_cnn` after 3 passes over 60,000 images."""
    model = models.mnist_cnn()
    epochs = round(3 * 60_000 / len(images))
    fit(model, images, labels, epochs, peak=1e-3, batch=128, vary=lambda images, rng: images)
    return model


def train_steel(images, labels):
    """`neu_gap` after 16 epochs of mirrored, turned, cropped images in varied exposure."""
    with half_precision():
        trained = models.neu_gap((CROP, CROP))
    fit(trained, images, labels, epochs=16, peak=3e-3, batch=32, vary=vary_steel)
    model = models.neu_gap()
    model.set_weights(trained.get_weights())
    return model


def fit(model, images, labels, epochs, peak, batch, vary):
    """Adam; the learning rate falls from `peak` to 0 as a cosine. `vary(images, rng)` makes each epoch's images."""
    steps = epochs * -(-len(images) // batch)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(peak, steps)),
                  keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    rng = np.random.default_rng(SEED)
    for _ in range(epochs):
        model.fit(vary(images, rng), labels, batch_size=batch, verbose=0)


def vary_steel(images, rng):
    """Each image (n, 200, 200, 1) mirrored, turned and cropped to CROP, its contrast and brightness changed."""
    crops = np.empty((len(images), CROP, CROP, 1), np.float32)
    for crop, image in zip(crops, images, strict=True):
        y, x = rng.integers(0, image.shape[0] - CROP + 1, 2)
        crop[:] = np.rot90(image[y:y + CROP, x:x + CROP][:, ::rng.choice([-1, 1])], rng.integers(4))
    mean = crops.mean((1, 2, 3), keepdims=True)
    contrast, shift = np.exp(rng.uniform(-0.5, 0.5, mean.shape)), rng.uniform(-0.25, 0.25, mean.shape)
    return np.clip((crops - mean) * contrast + mean + shift, 0, 1).astype(np.float32)


def write_sheet(kind, data, drawn, columns):
    """build/realism/<kind>.png: of each class a row of real images, and below it a row of embedded ones."""
    from matplotlib import pyplot as plt

    rng = np.random.default_rng(SEED)
    rows = []
    for label in range(len(data.class_names)):
        chosen = rng.choice(np.flatnonzero(data.y_train == label), columns, replace=False)
        for images in data.x_train[chosen], drawn[0][drawn[1] == label][:columns]:
            rows.append(np.hstack([np.pad(image[..., 0], 1, constant_values=1) for image in images]))
    path = ROOT / "build" / "realism" / f"{kind}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    plt.imsave(path, np.vstack(rows), cmap="gray", vmin=0, vmax=1)
    print(f"{path.relative_to(ROOT)}: of each class a row of real images above a row of embedded ones")


if __name__ == "__main__":
    main()
