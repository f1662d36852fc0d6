"""What a processor offers to make VGG16's maps faster, what each gives, and how far it changes the map.

Each setting runs in a process of its own; times are multiples of the default setting's, medians of the rounds, and the
processes of a round follow one another. Writes the table in benchmarks/README.md.

    .venv/bin/python -m benchmarks.tried
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from .report import machine, write

# name -> environment; the names in MODES are handled in `measure`
SETTINGS = {
    "default (oneDNN, float32)": {},
    "oneDNN off": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "oneDNN in bfloat16": {"TF_SET_ONEDNN_FPMATH_MODE": "BF16"},
    "XLA": {"TRIED": "xla"},
    "model in mixed_bfloat16": {"TRIED": "bfloat16"},
}
METHODS = ("forward pass", "Grad-CAM", "guided backprop")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", type=Path, help="measure this process's setting and write the result here")
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    runs = {name: [] for name in SETTINGS}
    for _ in range(arguments.rounds):
        for name, environment in SETTINGS.items():
            runs[name].append(in_a_process(environment))
            print(name, {key: round(value, 2) for key, value in runs[name][-1][0].items()}, flush=True)
    write("tried", table(runs) + machine())


def in_a_process(environment):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "benchmarks.tried", "--measure", folder], check=True, stderr=subprocess.DEVNULL,
                       env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | environment)
        with np.load(Path(folder, "maps.npz")) as maps:
            return json.loads(Path(folder, "seconds.json").read_text()), dict(maps)


def measure(folder):
    import keras
    import tensorflow as tf

    mode = os.environ.get("TRIED")
    if mode == "xla":
        plain = tf.function
        tf.function = lambda *args, **options: plain(*args, **options | {"jit_compile": True})
    if mode == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    from lecture_utils import grad_cam, guided_backprop
    from lecture_utils.models import vgg16

    keras.utils.set_random_seed(0)
    model = vgg16()
    forward = tf.function(lambda x: model(x, training=False), autograph=False)
    classes = np.arange(0, 800, 100)  # one for each image: with random weights some classes' maps are zero everywhere
    functions = dict(zip(METHODS, (lambda x: forward(tf.constant(x)).numpy(),
                                   lambda x: grad_cam(model, x, "block5_conv3", classes),
                                   lambda x: guided_backprop(model, x, classes)), strict=True))
    images = np.random.default_rng(1).random((8, 224, 224, 3), dtype=np.float32)
    maps = {name: function(images) for name, function in functions.items()}
    seconds = {name: min(clock(function, images) for _ in range(3)) for name, function in functions.items()}
    np.savez(folder / "maps.npz", **maps)
    (folder / "seconds.json").write_text(json.dumps(seconds))


def clock(function, images):
    began = time.perf_counter()
    function(images)
    return time.perf_counter() - began


def table(runs):
    """Time as a share of the default's, and the largest change of a map as a share of the default map's maximum."""
    rows = ["| setting | " + " | ".join(f"{method}: time" for method in METHODS)
            + " | Grad-CAM: change | guided backprop: change |", "|---|---|---|---|---|---|"]
    default = next(iter(SETTINGS))
    for name, rounds in runs.items():
        times = [np.median([run[0][method] / base[0][method] for run, base in zip(rounds, runs[default], strict=True)])
                 for method in METHODS]
        changes = [np.abs(rounds[0][1][method] - runs[default][0][1][method]).max() / np.abs(runs[default][0][1][method]).max()
                   for method in METHODS[1:]]
        rows.append(f"| {name} | " + " | ".join(f"{each:.2f}" for each in times) + " | "
                    + " | ".join(f"{each:.0e}" for each in changes) + " |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
