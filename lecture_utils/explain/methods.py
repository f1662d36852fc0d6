"""The methods by their names, one line each: the explorers, `course.py evaluate`, the decks and the tests read this list.

A method that is added here is offered, scored, drawn and fuzzed from then on; what it computes is in its own module.
"""

from collections.abc import Callable
from typing import NamedTuple

from . import attention, cam, engine, guided, surgery, variants

LAYER, GAP_HEAD, ATTENTION, PIXELS, LAYER_AND_PIXELS = "layer", "GAP head", "attention", "pixels", "layer and pixels"


class Method(NamedTuple):
    """One method: the name that people read, and the public function, whose arguments are those of `grad_cam`.

    kind: LAYER, a map (n, h, w) of any layer; GAP_HEAD, a map (n, h, w) of what global average pooling averages, without
        the argument `layer`; ATTENTION, a map (n, h, w) of the tokens that a transformer begins with, without it too;
        PIXELS, an array (n, height, width, channels), without it; LAYER_AND_PIXELS, such an array with it.
    signed: a map with two signs, drawn around white. Pixels always have two.
    slow: too slow for whoever moves a slider; the explorers do not offer it.
    scored: whether it shows evidence for a class, which can be held against where the object lies.
    """

    name: str
    function: Callable
    kind: str = LAYER
    signed: bool = False
    slow: bool = False
    scored: bool = True

    @property
    def of_a_layer(self):
        return self.kind in (LAYER, LAYER_AND_PIXELS)

    @property
    def of_pixels(self):
        return self.kind in (PIXELS, LAYER_AND_PIXELS)

    def explain(self, model, images, layer=None, class_index=None):
        """What the function gives; where it has no layer to choose, `layer` does not count."""
        options = {"layer": layer} if self.of_a_layer else {}
        return self.function(model, images, class_index=class_index, **options)


METHODS = {method.name: method for method in (
    Method("Grad-CAM", cam.grad_cam),
    Method("counterfactual", cam.counterfactual_cam, scored=False),
    Method("CAM", cam.cam, GAP_HEAD, signed=True),
    Method("guided backprop", guided.guided_backprop, PIXELS),
    Method("Guided Grad-CAM", guided.guided_grad_cam, LAYER_AND_PIXELS),
    Method("HiResCAM", variants.hires_cam, signed=True),
    Method("Grad-CAM++", variants.grad_cam_pp),
    Method("LayerCAM", variants.layer_cam),
    Method("Score-CAM", variants.score_cam, slow=True),
    Method("deconvnet", guided.deconvnet, PIXELS),
    Method("gradient-weighted rollout", attention.attention_rollout, ATTENTION),         # without a class: plain rollout
)}


def methods_for(model):
    """The methods that can explain a model, in their order: CAM and rollout only where there is what they read."""
    network = engine.prepare(model).network
    read = {GAP_HEAD: lambda: surgery.gap_head(network, network.outputs[0]),
            ATTENTION: lambda: surgery.attended_tokens(network)}
    return [method for method in METHODS.values() if method.kind not in read or _is_there(read[method.kind])]


def _is_there(find):
    try:
        return bool(find())
    except ValueError:
        return False
