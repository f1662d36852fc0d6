"""A Keras network as the explorer's engine takes it: a description, which becomes JSON, and float16 weights.

The description lists the network's steps ("nodes"), each an operation that `engine/layers.js` knows, named as the Keras
layer whose output it gives. An activation inside a layer is a node of its own: "conv1" is then what the activation makes, as
in Keras, and "conv1/linear" what went into it. `_RULES` translates one kind of layer a function; a kind that it does not
know is a ValueError.
"""

import gzip
import math
import warnings
from typing import NamedTuple

import keras
import numpy as np
from keras import layers as kl

from lecture_utils import models, squeezenet
from lecture_utils.datasets import scenes
from lecture_utils.datasets.layouts import CIFAR10_CLASSES, NEU_CLASSES
from lecture_utils.explain import engine, places, surgery
from lecture_utils.explain.methods import methods_for


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

# What is asked besides the image: a pair, indices of a question's kind and of a colour; or a word of the caption that is written
# word after word until the word `end`.
QUESTIONS = {"scene_answers": {"kind": "pair", "kinds": len(scenes.KINDS_IN_ENGLISH), "colours": list(scenes.COLOURS)},
             "scene_captions": {"kind": "word", "length": scenes.CAPTION_LENGTH, "end": scenes.WORDS.index(scenes.END)}}


def shipped(name) -> Exported:
    """One of the course's own networks with its shipped weights; raises what `load_model` and `export` raise."""
    return export(models.load_model(name), classes_of(name), sigmoid=name == "vit_shapes", question=QUESTIONS.get(name))


def classes_of(name):
    """The names of what a shipped network tells apart."""
    return next(classes for beginning, classes in CLASSES.items() if name.startswith(beginning))


def squeezenet_description():
    """What `shipped` gives of other networks, of SqueezeNet: its weights come from the file that a reader brings.

    It takes images in [0, 1], red first, as all others do.
    """
    size, mean = squeezenet.SIZE, squeezenet.MEAN_BGR
    images = keras.Input((size, size, 3), name="images")
    x = squeezenet.features(kl.Rescaling(255.0, offset=[-value for value in reversed(mean)], name="rescaling")(images))
    x = kl.GlobalAveragePooling2D(name="gap")(kl.Conv2D(1000, 1, activation="relu", name="conv10")(x))
    model = keras.Model(images, x, name="squeezenet")
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])     # which float16 can hold: no `rest`
    return export(model, [f"class {number}" for number in range(1000)]).description


def export(model, classes, sigmoid=False, question=None) -> Exported:
    """A functional Keras model, channels last, as `Exported`.

    classes: names, one for each output unit. sigmoid: whether each class is a question of its own.
    question: what the second input is, as `QUESTIONS` tells it.
    Raises ValueError for a layer that the browser's engine does not know, with its name and what to do.
    """
    network = engine.prepare(model).network
    writer = _Writer(network)
    for step in network.steps:
        writer.translate(step)
    height, width, channels = network.input_specs[0].shape[1:]
    description = {
        "name": model.name, "input": {"height": height, "width": width, "channels": channels},
        "classes": list(classes), "sigmoid": sigmoid, "nodes": writer.nodes, "output": writer.names[network.outputs[0]],
        "layers": _layers(network, _fields(writer.nodes)),
        "methods": [method.name for method in methods_for(model) if not method.slow],
        "rollout": [f"{step.name}/attention" for step in network.steps if isinstance(step.layer, kl.MultiHeadAttention)],
        "question": question,
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
            raise ValueError(f"the explorer's engine has no layer of the kind {type(step.layer).__name__}, as {step.name!r} is: "
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

    def shape(self, slot):
        """The shape, without the batch, of the tensor in a slot."""
        return next(node["shape"] for node in self.nodes if node["name"] == self.names[slot])

    def add_activated(self, step, op, activation, weights=None, **settings):
        """The node of a step, and that of the activation at its end, if it has one."""
        shape, activation = step.shape[1:], getattr(activation, "__name__", activation)
        if activation in (None, "linear"):
            return self.add(step.name, op, step.reads, shape, weights, **settings)
        if activation not in ("relu", "gelu"):
            raise ValueError(f"the explorer's engine has no activation {activation!r}, with which {step.name!r} ends; it has "
                             "relu and gelu")
        self.add(f"{step.name}/linear", op, step.reads, shape, weights, **settings)
        return self.add(step.name, activation, [f"{step.name}/linear"], shape, inPlace=activation == "relu")

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
    window = _window(write, step, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    write.add_activated(step, "convolution", layer.activation, {"kernel": layer.kernel, "bias": layer.bias}, window=window)


def _pooling(op):
    def rule(write, step):
        layer = step.layer
        window = _window(write, step, layer.pool_size, layer.strides, layer.padding)
        write.add(step.name, op, step.reads, step.shape[1:], window=window)
    return rule


def _window(write, step, size, strides, padding, dilation=(1, 1)):
    """A window's settings, with the rows above and the columns to the left that "same" pads."""
    before = [0, 0]
    if padding == "same":
        sizes = write.shape(step.reads[0])[:2]
        missing = [(math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n
                   for n, k, s, d in zip(sizes, size, strides, dilation, strict=True)]
        before = [max(number, 0) // 2 for number in missing]
    return {"size": list(size), "strides": list(strides), "dilation": list(dilation), "before": before}


def _dense(write, step):
    write.add_activated(step, "dense", step.layer.activation, {"kernel": step.layer.kernel, "bias": step.layer.bias})


def _rescaling(write, step):
    scale, shift = np.broadcast_arrays(np.atleast_1d(step.layer.scale), np.atleast_1d(step.layer.offset))
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


def _resize(write, step):
    if step.layer.interpolation != "bilinear":
        raise ValueError(f"the explorer's engine enlarges bilinearly only; {step.name!r} is set to {step.layer.interpolation!r}")
    write.add(step.name, "resize", step.reads, step.shape[1:])


def _zero_padding(write, step):
    (top, _), (left, _) = step.layer.padding
    write.add(step.name, "pad", step.reads, step.shape[1:], before=[top, left, 0])


def _over_all_places(op):
    def rule(write, step):
        height, width = write.shape(step.reads[0])[:2]
        write.add(step.name, op, step.reads, step.shape[1:], places=height * width)
    return rule


def _attention(write, step):
    """The attention of tokens among themselves, in its parts: queries, keys, values; who looks at whom; what is taken."""
    layer, (x, _) = step.layer, step.reads
    tokens, width, heads = step.shape[1], layer.key_dim * layer.num_heads, layer.num_heads
    for part in ("query", "key", "value"):
        dense = getattr(layer, f"{part}_dense")
        write.add(f"{step.name}/{part}", "dense", [x], [tokens, width], _flat(dense, (-1, width)))
    write.add(f"{step.name}/attention", "attention", [f"{step.name}/query", f"{step.name}/key"], [heads, tokens, tokens])
    write.add(f"{step.name}/taken", "attended", [f"{step.name}/attention", f"{step.name}/value"], [tokens, width])
    write.add(step.name, "dense", [f"{step.name}/taken"], step.shape[1:], _flat(layer.output_dense, (width, -1)))


def _flat(dense, shape):
    return {"kernel": np.reshape(dense.kernel, shape), "bias": np.ravel(dense.bias)}


def _layer_normalization(write, step):
    layer = step.layer
    write.add(step.name, "layerNormalization", step.reads, step.shape[1:], {"gamma": layer.gamma, "beta": layer.beta},
              epsilon=layer.epsilon)


def _embedding(write, step):
    write.add(step.name, "embedding", step.reads, step.shape[1:], {"table": step.layer.embeddings})


def _gru(write, step):
    cell = step.layer.cell
    if not (cell.reset_after and step.layer.return_sequences) or step.layer.go_backwards:
        raise ValueError(f"the explorer's engine has only the GRU that returns every state, with Keras' defaults; {step.name!r} "
                         "has other settings")
    write.add(step.name, "gru", step.reads, step.shape[1:], {"kernel": cell.kernel, "recurrent": cell.recurrent_kernel,
                                                             "bias": cell.bias[0], "recurrentBias": cell.bias[1]})


def _class_token(write, step):
    write.add(step.name, "token", step.reads, step.shape[1:], {"token": step.layer.token[0, 0]})


def _positions(write, step):
    write.add(step.name, "offsets", step.reads, step.shape[1:], {"values": step.layer.position[0]})


def _pad(write, step):
    _, *widths = step.layer.pad_width
    write.add(step.name, "pad", step.reads, step.shape[1:], before=[before for before, _ in widths])


def _get_item(write, step):
    batch, index, *rest = step.args[1]
    if batch != slice(None) or not isinstance(index, int) or rest:
        raise ValueError(f"the explorer's engine takes one number of the first axis, x[:, 0]; {step.name!r} takes {step.args[1]}")
    write.add(step.name, "pick", step.reads, step.shape[1:], index=index)


def _max(write, step):
    """The greatest value over neighbouring axes that end before the channels."""
    shape = write.shape(step.reads[0])
    axes = [axis - 1 for axis in step.layer.axis]               # the engine's tensors have no batch
    if axes != list(range(axes[0], len(shape) - 1)) or step.layer.keepdims:
        raise ValueError(f"the explorer's engine takes the maximum over all axes up to the channels, {step.name!r} over "
                         f"{step.layer.axis}")
    write.add(step.name, "maximum", step.reads, step.shape[1:], places=math.prod(shape[axis] for axis in axes))


_RULES = {
    "Add": _two_tensors("add"), "AveragePooling2D": _pooling("averagePooling"), "BatchNormalization": _batch_normalization,
    "ClassToken": _class_token, "Concatenate": _plain("concatenate"), "Conv2D": _convolution, "Dense": _dense,
    "Embedding": _embedding, "Flatten": _plain("reshape"), "GetItem": _get_item,
    "GlobalAveragePooling2D": _over_all_places("mean"), "GlobalMaxPooling2D": _over_all_places("maximum"), "GRU": _gru,
    "LayerNormalization": _layer_normalization, "Log1p": _plain("log1p"), "Max": _max, "MaxPooling2D": _pooling("maxPooling"),
    "MultiHeadAttention": _attention, "Multiply": _two_tensors("multiply"), "Pad": _pad, "Positions": _positions,
    "ReLU": _relu, "Rescaling": _rescaling, "Reshape": _plain("reshape"), "Subtract": _two_tensors("subtract"),
    "UpSampling2D": _resize, "ZeroPadding2D": _zero_padding,
}


# --- layers to explain -----------------------------------------------------------------------------------------------------

def _layers(network, fields):
    """The feature maps that can be asked for, in the network's order, the default last."""
    with warnings.catch_warnings(action="ignore"):              # of another layer than might be expected: it is seen by name
        last = surgery.find_feature_map(network, None)
    chosen = {step.name for step in surgery.convolution_maps(network)} | {
        step.name for step in surgery.feature_maps(network) if surgery.is_activation(step.layer)}
    steps = [step for step in network.steps if step.name in chosen - {last.name}] + _earlier_tokens(network, last) + [last]
    return [*(_layer(network, step, fields) for step in steps), *_of_words(network, last, fields)]


def _earlier_tokens(network, last):
    """Before a last layer of tokens, "block3", those of the same name but for its number."""
    if last.grid is None:
        return []
    alike = [step for step in surgery.token_maps(network) if step.name.rstrip("0123456789") == last.name.rstrip("0123456789")]
    return [surgery.with_grid(network, step) for step in alike if network.steps.index(step) < _place(network, last)]


def _place(network, step):
    return [one.name for one in network.steps].index(step.name)


def _of_words(network, last, fields):
    """The feature maps that a captioning network makes for each word, (words, h, w, channels), with the places of `last`."""
    found = [step for step in network.steps if len(step.shape) == 5 and isinstance(step.layer, kl.Dense) and step.shape[2] > 1]
    return [{**_layer(network, last, fields), "name": step.name, "channels": step.shape[-1], "ofWord": True} for step in found]


def _layer(network, step, fields):
    height, width = step.grid or step.shape[1:3]
    try:
        rows, columns = places.centres(network, step)
        cells = {"stride": [rows[0], columns[0]], "offset": [rows[1], columns[1]]}
    except ValueError:
        cells = None
    told = {"name": step.name, "height": height, "width": width, "channels": step.shape[-1], "cells": cells,
            "field": fields[step.name]}
    return told if step.grid is None else told | {"tokensBefore": step.shape[1] - height * width}


def _fields(nodes):
    """How many pixels, [rows, columns], a cell of each node sees of the image and beyond its borders; None where it sees all.

    What a layer of attention or a mean over all places sees is everything. A mean that is enlarged again, as the brightness of
    the surroundings in `neu_gap`, does not count: it takes a little from many pixels, and few would be left outside.
    """
    seen = {}                   # name -> (pixels seen, pixels from one cell to the next), arrays of rows and columns
    for node in nodes:
        read = [seen[name] for name in node["inputs"]]
        pixels = np.max([pixels for pixels, _ in read], axis=0) if read else np.ones(2)
        jump = np.max([jump for _, jump in read], axis=0) if read else np.ones(2)
        if window := node.get("window"):
            pixels = pixels + (np.array(window["size"]) - 1) * window["dilation"] * jump
            jump = jump * window["strides"]
        elif node["op"] in ("attended", "mean", "maximum"):
            pixels = np.full(2, np.inf)
        elif node["op"] == "resize":
            pixels, jump = np.zeros(2), np.zeros(2)
        seen[node["name"]] = pixels, jump
    return {name: pixels.astype(int).tolist() if np.isfinite(pixels).all() else None for name, (pixels, _) in seen.items()}
