"""A Keras network as the explorer's engine takes it: a description, which becomes JSON, and float16 weights.

The description lists the network's steps ("nodes"), each an operation that `engine/layers.js` knows, named as the Keras
layer whose output it gives. An activation inside a layer is a node of its own: "conv1" is then what the activation makes, as
in Keras, and "conv1/linear" what went into it. `_RULES` translates one kind of layer a function; a kind that it does not
know is a ValueError.
"""

import gzip
import json
import math
import warnings
from typing import NamedTuple

import keras
import numpy as np
from keras import layers as kl

from lecture_utils import models
from lecture_utils.datasets import scenes
from lecture_utils.datasets.layouts import CIFAR10_CLASSES, NEU_CLASSES
from lecture_utils.explain import engine, places, surgery
from lecture_utils.explain.methods import GAP_HEAD, methods_for


class Exported(NamedTuple):
    """What the browser gets of a network: `description`, ready for JSON, and `weights`, float16 numbers in one list."""

    description: dict
    weights: np.ndarray

    def packed(self):
        """The weights as gzip, the low bytes of all numbers before their high bytes: an eighth smaller than pair by pair."""
        return gzip.compress(self.weights.view(np.uint8).reshape(-1, 2).T.tobytes(), 9, mtime=0)


# What the shipped networks tell apart, by the beginning of their names.
CLASSES = {"mnist": tuple("0123456789"), "neu": NEU_CLASSES, "vgg16": CIFAR10_CLASSES, "resnet20": CIFAR10_CLASSES,
           "scene_answers": scenes.ANSWERS, "scene_captions": scenes.WORDS, "vit_shapes": scenes.SHAPES}


def shipped(name) -> Exported:
    """One of the course's own networks with its shipped weights; raises what `load_model` and `export` raise."""
    classes = next(classes for beginning, classes in CLASSES.items() if name.startswith(beginning))
    return export(models.load_model(name), classes, sigmoid=name == "vit_shapes")


def export(model, classes, sigmoid=False) -> Exported:
    """A functional Keras model, channels last, as `Exported`.

    classes: names, one for each output unit. sigmoid: whether each class is a question of its own.
    Raises ValueError for a layer that the browser's engine does not know, with its name and what to do.
    """
    network = engine.prepare(model).network
    writer = _Writer(network)
    for step in network.steps:
        writer.translate(step)
    height, width, channels = network.input_specs[0].shape[1:]
    description = {
        "name": model.name, "input": {"height": height, "width": width, "channels": channels}, "classes": list(classes),
        "sigmoid": sigmoid, "nodes": writer.nodes, "output": writer.names[network.outputs[0]],
        "layers": _layers(network), "methods": [method.name for method in methods_for(model) if not method.slow],
    }
    return Exported(description, np.concatenate(writer.weights))


class _Writer:
    """Writes nodes, one step of the network after another; `names` says which node gives the tensor of a slot."""

    def __init__(self, network):
        inputs = ["images", *network.input_names[1:]]
        self.names = dict(zip(network.inputs, inputs, strict=True))
        self.nodes = [{"name": name, "op": "input", "inputs": [], "shape": list(spec.shape[1:])}
                      for name, spec in zip(inputs, network.input_specs, strict=True)]
        self.weights, self._written = [], 0

    def translate(self, step):
        kind = next((kind for kind in type(step.layer).__mro__ if kind.__name__ in _RULES), None)
        if kind is None:
            raise ValueError(f"the explorer's engine has no layer of the kind {type(step.layer).__name__}, which {step.name!r} is: "
                             "write what it does into tools/explorer/engine/layers.js and its translation into "
                             "tools/explorer/networks.py, or leave the network out of tools/explorer/subjects.py")
        self.names[step.outputs[0]] = step.name
        _RULES[kind.__name__](self, step)

    def add(self, name, op, inputs, shape, weights=None, **settings):
        """One node. inputs: slots, or names of nodes. weights: arrays by their names."""
        node = {"name": name, "op": op, "inputs": [self.names.get(one, one) for one in inputs], "shape": list(shape), **settings}
        if weights:
            node["weights"] = {key: self._put(value) for key, value in weights.items() if value is not None}
        self.nodes.append(node)

    def add_activated(self, step, op, activation, weights=None, **settings):
        """The node of a step, and that of the activation at its end, if it has one."""
        shape, activation = step.shape[1:], getattr(activation, "__name__", activation)
        if activation in (None, "linear"):
            return self.add(step.name, op, step.reads, shape, weights, **settings)
        if activation not in ("relu", "gelu"):
            raise ValueError(f"the explorer's engine has no activation {activation!r}, with which {step.name!r} ends; it has "
                             "relu and gelu")
        self.add(f"{step.name}/linear", op, step.reads, shape, weights, **settings)
        return self.add(step.name, activation, [f"{step.name}/linear"], shape)

    def _put(self, values):
        """Where the weights lie in the list. What float16 cannot hold is rounded, and what is left follows as `rest`."""
        values = np.asarray(values, np.float32)
        place, halves = {"offset": self._written, "shape": list(values.shape)}, [values.astype("<f2")]
        if (rest := values - halves[0]).any():
            halves.append(rest.astype("<f2"))
            place["rest"] = self._written + values.size
        self.weights += [half.ravel() for half in halves]
        self._written += values.size * len(halves)
        return place


# --- one kind of layer after another ---------------------------------------------------------------------------------------

def _convolution(write, step):
    layer = step.layer
    window = _window(step, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    write.add_activated(step, "convolution", layer.activation, {"kernel": layer.kernel, "bias": layer.bias}, window=window)


def _pooling(op):
    def rule(write, step):
        layer = step.layer
        write.add(step.name, op, step.reads, step.shape[1:], window=_window(step, layer.pool_size, layer.strides, layer.padding))
    return rule


def _window(step, size, strides, padding, dilation=(1, 1)):
    """A window's settings, with the rows above and the columns to the left that "same" pads."""
    before = [0, 0]
    if padding == "same":
        sizes = _input_shape(step)[1:3]
        missing = [(math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n
                   for n, k, s, d in zip(sizes, size, strides, dilation, strict=True)]
        before = [max(number, 0) // 2 for number in missing]
    return {"size": list(size), "strides": list(strides), "dilation": list(dilation), "before": before}


def _input_shape(step):
    return step.layer.input.shape


def _dense(write, step):
    write.add_activated(step, "dense", step.layer.activation, {"kernel": step.layer.kernel, "bias": step.layer.bias})


def _rescaling(write, step):
    scale, shift = np.atleast_1d(step.layer.scale), np.atleast_1d(step.layer.offset)
    write.add(step.name, "affine", step.reads, step.shape[1:], scale=scale.tolist(), shift=shift.tolist())


def _batch_normalization(write, step):
    layer = step.layer
    weights = {"mean": layer.moving_mean, "variance": layer.moving_variance, "gamma": layer.gamma, "beta": layer.beta}
    write.add(step.name, "affine", step.reads, step.shape[1:], weights, epsilon=layer.epsilon)


def _two_tensors(op):
    def rule(write, step):
        if len(step.reads) == 2:
            return write.add(step.name, op, step.reads, step.shape[1:])
        constant, = (np.asarray(arg, np.float32) for arg in step.args if not isinstance(arg, surgery.Slot))
        if constant.ndim == 0 and op in ("add", "multiply"):
            scale, shift = (float(constant), 0.0) if op == "multiply" else (1.0, float(constant))
            return write.add(step.name, "affine", step.reads, step.shape[1:], scale=[scale], shift=[shift])
        if op == "add" and constant.shape == step.shape[1:]:
            return write.add(step.name, "offsets", step.reads, step.shape[1:], {"values": constant})
        raise ValueError(f"the explorer's engine does not {op} a constant of shape {constant.shape}, as {step.name!r} does")
    return rule


def _relu(write, step):
    layer = step.layer
    if layer.max_value is not None or layer.negative_slope or layer.threshold:
        raise ValueError(f"the explorer's engine has only the plain ReLU; {step.name!r} has other settings")
    write.add(step.name, "relu", step.reads, step.shape[1:])


def _plain(op):
    return lambda write, step: write.add(step.name, op, step.reads, step.shape[1:])


def _zero_padding(write, step):
    (top, _), (left, _) = step.layer.padding
    write.add(step.name, "pad", step.reads, step.shape[1:], before=[top, left, 0])


def _over_all_places(op):
    def rule(write, step):
        height, width = _input_shape(step)[1:3]
        write.add(step.name, op, step.reads, step.shape[1:], places=height * width)
    return rule


_RULES = {
    "Conv2D": _convolution, "Dense": _dense, "MaxPooling2D": _pooling("maxPooling"), "AveragePooling2D": _pooling("averagePooling"),
    "Rescaling": _rescaling, "BatchNormalization": _batch_normalization, "ReLU": _relu, "Log1p": _plain("log1p"),
    "UpSampling2D": _plain("resize"), "ZeroPadding2D": _zero_padding, "Flatten": _plain("reshape"), "Reshape": _plain("reshape"),
    "Concatenate": _plain("concatenate"), "Add": _two_tensors("add"), "Subtract": _two_tensors("subtract"),
    "Multiply": _two_tensors("multiply"), "GlobalAveragePooling2D": _over_all_places("mean"),
    "GlobalMaxPooling2D": _over_all_places("maximum"),
}


# --- layers to explain ---------------------------------------------------------------------------------------------------------

def _layers(network):
    """The feature maps that can be asked for, in the network's order, the default last."""
    with warnings.catch_warnings(action="ignore"):              # of another layer than might be expected: it is seen by name
        last = surgery.find_feature_map(network, None)
    steps = {step.name: step for step in [*surgery.convolution_maps(network), last]}
    return [_layer(network, step) for step in [*(step for name, step in steps.items() if name != last.name), last]]


def _layer(network, step):
    height, width = step.grid or step.shape[1:3]
    try:
        rows, columns = places.centres(network, step)
        cells = {"stride": [rows[0], columns[0]], "offset": [rows[1], columns[1]]}
    except ValueError:
        cells = None
    return {"name": step.name, "height": height, "width": width, "channels": step.shape[-1], "cells": cells, "field": None}
