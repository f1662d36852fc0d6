"""How long the explanations take, as multiples of one compiled forward pass of the same batch, beside their peers.

All cases run in turn in one process (one round after the other), so that whatever else the computer does meets all
alike; every time is divided by the forward pass of its own round. VGG16 has random weights: speed does not depend on
what it learned. Writes benchmarks/README.md's table and benchmarks/compare.png.

    uv venv build/bench
    uv pip install --python build/bench -e ".[bench]"
    uv pip install --python build/bench --no-deps xplique
    build/bench/bin/python -m benchmarks.compare
"""

import argparse
import os
import time
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from lecture_utils import grad_cam, grad_cam_classes, grad_cam_layers, guided_backprop, guided_grad_cam
from lecture_utils.models import vgg16

from .report import machine, write

HERE = Path(__file__).parent
LAYER, CLASS = "block5_conv3", 3
warnings.filterwarnings("ignore", message="The structure of `inputs`")  # the peers pass their inputs as lists


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count, after one that warms up")
    rounds = parser.parse_args().rounds
    keras.utils.set_random_seed(0)
    model = vgg16()
    ratios = {batch: measure(cases(model, batch), batch, rounds) for batch in (1, 16)}
    text = table(ratios)
    print(text)
    write("table", f"{text}\nMedian (smallest–largest) of {rounds} rounds, wall time.{machine()}")
    plot(ratios)


def cases(model, batch):
    """Name -> function of a batch of images (NumPy in, NumPy out), the forward pass first."""
    forward = tf.function(lambda x: model(x, training=False))
    listed = {
        "forward pass": lambda x: forward(tf.constant(x)).numpy(),
        "Grad-CAM": lambda x: grad_cam(model, x, LAYER, CLASS),
        "Grad-CAM · xplique": xplique_grad_cam(model),
        "Grad-CAM · tf-keras-vis": tf_keras_vis_grad_cam(model),
        "Grad-CAM · tf-explain": tf_explain_grad_cam(model),
        "Grad-CAM · keras.io recipe": keras_io_grad_cam(model),
        "guided backprop": lambda x: guided_backprop(model, x, CLASS),
        "guided backprop · xplique": xplique_guided(model),
        "guided backprop · tf-keras-vis": tf_keras_vis_guided(model),
        "13 layers in one call": lambda x: grad_cam_layers(model, x, class_index=CLASS),
    }
    if batch == 1:
        listed["5 classes in one call"] = lambda x: grad_cam_classes(model, x, [1, 2, 3, 4, 5], LAYER)
        listed["Guided Grad-CAM"] = lambda x: guided_grad_cam(model, x, LAYER, CLASS)
    return listed


def measure(functions, batch, rounds):
    """Name -> times of all rounds as multiples of the round's forward pass."""
    images = np.random.default_rng(1).random((batch, 224, 224, 3), dtype=np.float32)
    seconds = {name: [] for name in functions}
    for _ in tqdm(range(rounds + 1), desc=f"batch {batch}"):
        for name, function in functions.items():
            began = time.perf_counter()
            function(images)
            seconds[name].append(time.perf_counter() - began)
    forward = np.array(seconds["forward pass"][1:])  # the first round traces and warms up
    print(f"batch {batch}: the forward pass took {np.median(forward):.3f} s")
    return {name: np.array(times[1:]) / forward for name, times in seconds.items()}


# ---- the peers, each as its documentation shows it, asked for the map at the layer's own resolution


def xplique_grad_cam(model):
    from xplique.attributions import GradCAM

    explainer = GradCAM(model, conv_layer=LAYER, batch_size=16)
    return lambda x: np.asarray(explainer(x, np.eye(1000, dtype="float32")[[CLASS] * len(x)]))


def xplique_guided(model):
    from xplique.attributions import GuidedBackprop

    explainer = GuidedBackprop(model, batch_size=16, reducer=None)
    return lambda x: np.asarray(explainer(x, np.eye(1000, dtype="float32")[[CLASS] * len(x)]))


def tf_keras_vis_grad_cam(model):
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.scores import CategoricalScore

    explainer = Gradcam(model, clone=False)
    return lambda x: explainer(CategoricalScore([CLASS] * len(x)), x, penultimate_layer=LAYER, expand_cam=False,
                               normalize_cam=False)


def tf_keras_vis_guided(model):
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.model_modifiers import GuidedBackpropagation
    from tf_keras_vis.utils.scores import CategoricalScore

    explainer = Saliency(model, model_modifier=GuidedBackpropagation(), clone=True)
    return lambda x: explainer(CategoricalScore([CLASS] * len(x)), x, keepdims=True, normalize_map=False)


def tf_explain_grad_cam(model):
    from tf_explain.core.grad_cam import GradCAM

    def explain(x):
        outputs, gradients = GradCAM.get_gradients_and_filters(model, x, LAYER, CLASS, False)
        return np.stack(GradCAM.generate_ponderated_output(outputs, gradients))
    return explain


def keras_io_grad_cam(model):
    """The recipe of Keras' own example: a model to the layer and the output, and an eager tape."""
    def explain(x):
        both = keras.Model(model.inputs, [model.get_layer(LAYER).output, model.output])
        with tf.GradientTape() as tape:
            A, y = both(x)
            score = y[:, CLASS]
        pooled = tf.reduce_mean(tape.gradient(score, A), axis=(1, 2))
        return tf.nn.relu(tf.einsum("nijk,nk->nij", A, pooled)).numpy()
    return explain


# ---- what comes out


def table(ratios):
    rows = ["| case | batch 1 | batch 16 |", "|---|---|---|"]
    for name in ratios[1]:
        cells = [f"{np.median(r):.2f} ({r.min():.2f}–{r.max():.2f})" if (r := ratios[batch].get(name)) is not None else ""
                 for batch in (1, 16)]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def plot(ratios):
    names = [name for name in reversed(ratios[1]) if name != "forward pass"]
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for axis, (batch, measured) in zip(axes, ratios.items(), strict=True):
        shown = {name: np.median(measured[name]) for name in names if name in measured}
        bars = axis.barh(list(shown), list(shown.values()), color=["#8A8A8A" if "·" in name else "#0072B2" for name in shown])
        axis.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
        axis.axvline(1, color="#D55E00", linewidth=1)
        axis.set_title(f"batch {batch}", fontsize=10)
        axis.set_xlabel("multiples of one compiled forward pass", fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "compare.png", dpi=110)


if __name__ == "__main__":
    main()
