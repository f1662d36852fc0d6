"""Helpers of the course: data, models, the methods, and how their maps are drawn and judged.

The names below are what a student imports. Each is looked up on first use, so that
``from lecture_utils import load_mnist`` does not wait for TensorFlow.
"""

import os
import sys
from importlib import import_module
from types import ModuleType

# Keras reads this once, when it is first imported; where it isn't set, ~/.keras/keras.json would count.
if os.environ.setdefault("KERAS_BACKEND", "tensorflow") != "tensorflow":
    raise ImportError(f"the course's methods are written in TensorFlow, and KERAS_BACKEND is "
                      f"{os.environ['KERAS_BACKEND']!r}: unset it, or set it to 'tensorflow', before Keras is imported")

_MODULE_OF = {
    "DataError": "readers",
    "load_mnist": "datasets",
    "load_neu": "datasets",
    "load_photo": "datasets",
    "load_cifar10": "datasets",
    "load_model": "models",
    "load_vgg16": "models",
    "cam": "cam",
    "grad_cam": "cam",
    "grad_cam_layers": "cam",
    "grad_cam_classes": "cam",
    "counterfactual_cam": "cam",
    "cell_centres": "places",
    "normalize": "cam",
    "upsample": "cam",
    "guided_backprop": "guided",
    "deconvnet": "guided",
    "guided_grad_cam": "guided",
    "hires_cam": "variants",
    "grad_cam_pp": "variants",
    "layer_cam": "variants",
    "score_cam": "variants",
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


class _Package(ModuleType):
    """A package in which ``cam`` stays the function.

    Whoever first imports the submodule ``lecture_utils.cam``, Python stores it in the package as ``cam``
    and would thereby hide the function of that name from ``from lecture_utils import cam``.
    """

    def __setattr__(self, name, value):
        if not (name in _MODULE_OF and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
