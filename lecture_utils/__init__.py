"""Helpers of the course: data, models, the methods, and how their maps are drawn and judged.

The names below are what a student imports. Each is looked up on first use, so that
``from lecture_utils import load_mnist`` does not wait for TensorFlow.

Imports run one way: explorer → plots → evaluate, checks, models → explain, localize, datasets. Whoever reads a room
needs only those to its right; ``quiet``, ``versions`` and ``png`` stand apart.
"""

import os
from importlib import import_module

# Keras reads this once, when it is first imported; where it isn't set, ~/.keras/keras.json would count.
if os.environ.setdefault("KERAS_BACKEND", "tensorflow") != "tensorflow":
    raise ImportError(f"the course's methods are written in TensorFlow, and KERAS_BACKEND is "
                      f"{os.environ['KERAS_BACKEND']!r}: unset it, or set it to 'tensorflow', before Keras is imported")

_MODULE_OF = {
    "DataError": "datasets.readers",
    "load_mnist": "datasets.loaders",
    "load_neu": "datasets.loaders",
    "load_photo": "datasets.loaders",
    "load_cifar10": "datasets.loaders",
    "load_model": "models",
    "load_vgg16": "models",
    "cam": "explain.cam",
    "grad_cam": "explain.cam",
    "grad_cam_layers": "explain.cam",
    "grad_cam_classes": "explain.cam",
    "counterfactual_cam": "explain.cam",
    "cell_centres": "explain.places",
    "normalize": "explain.cam",
    "upsample": "explain.cam",
    "guided_backprop": "explain.guided",
    "deconvnet": "explain.guided",
    "guided_grad_cam": "explain.guided",
    "hires_cam": "explain.variants",
    "grad_cam_pp": "explain.variants",
    "layer_cam": "explain.variants",
    "score_cam": "explain.variants",
    "boxes": "localize",
    "own_boxes": "localize",
    "box_masks": "localize",
    "iou": "localize",
    "box_iou": "localize",
    "localization_error": "localize",
    "pointing_game": "localize",
    "energy_inside": "localize",
    "precision_recall": "localize",
    "bootstrap": "evaluate",
    "random_maps": "evaluate",
    "centre_maps": "evaluate",
    "magnitude": "evaluate",
    "blurred": "evaluate",
    "black": "evaluate",
    "confidence": "evaluate",
    "average_drop": "evaluate",
    "increase_in_confidence": "evaluate",
    "deletion": "evaluate",
    "insertion": "evaluate",
    "randomized": "evaluate",
    "rank_correlation": "evaluate",
    "ssim": "evaluate",
    "overlay": "plots",
}

__all__ = list(_MODULE_OF)


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'lecture_utils' has no attribute {name!r}")
    return getattr(import_module(f"lecture_utils.{_MODULE_OF[name]}"), name)


def __dir__():
    return sorted(set(globals()) | set(__all__))
