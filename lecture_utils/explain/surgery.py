"""Everything that is Keras plumbing: open a model, find its layers, look behind its softmax, swap its ReLUs.

A Keras model is a graph of layers, and some of its layers are models themselves. Here it is unrolled into a straight
list of steps (`Network`): one step is one call of one layer, nested models written out. On such a list every operation
is easy to say: run it (a loop), find a layer (by its name), leave out what an output does not need (a loop backwards),
swap ReLUs (other calls in some steps). The caller's model is only read: calls are exchanged in the list, never in the
model, and `Network.run` keeps what a layer would like to remember (states, losses) away from it.
"""

import dataclasses
import difflib
import inspect
import itertools
import math
import operator
import sys
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers as kl

from ..language import say


class Slot(int):
    """The number of one tensor in a network's run: what a step reads, and what it writes."""


@dataclasses.dataclass(frozen=True, eq=False)        # one is itself alone, and can stand in a set
class Step:
    """One call of one layer, `outputs = call(*args, **kwargs)`; tensors in the arguments are `Slot`s."""

    name: str           # "block5_conv3", in a nested model "vgg16/block5_conv3"; "conv#2" if it is a layer's second call
    layer: Any          # the caller's own layer, asked for its type and settings
    call: Callable      # what is executed: the layer, or what stands in for it
    args: tuple
    kwargs: dict
    outputs: tuple      # Slots
    shape: tuple        # of the first output, None where a size is not fixed
    grid: tuple | None = None       # found as a map of tokens: the (h, w) places that they stand for, the last h w of them

    @property
    def reads(self):
        return [arg for arg in keras.tree.flatten((self.args, self.kwargs)) if isinstance(arg, Slot)]


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """A model unrolled into steps, in an order in which they can run."""

    name: str
    steps: tuple
    inputs: tuple           # Slots
    outputs: tuple          # Slots, flat
    input_specs: tuple      # tf.TensorSpec of each input, the batch size free
    input_names: tuple      # the keys of a dict of inputs, otherwise the Input layers' names
    output_names: tuple
    structure: Any          # the outputs' Slots as the model nests them: one, a list or a dict
    sizes: dict = dataclasses.field(default_factory=dict)       # Slot -> numbers for one image, in the last run

    def run(self, inputs, observe=lambda slot, tensor: None):
        """The tensors of all slots, as a dict; `observe(slot, tensor)` sees each as soon as it is there."""
        tensors = {}

        def put(slots, values):
            for slot, value in zip(slots, values, strict=True):
                tensors[slot] = value
                self.sizes[slot] = numbers(getattr(value, "shape", ()))
                observe(slot, value)

        with keras.StatelessScope():                        # no layer's state or loss is written to
            put(self.inputs, inputs)
            for step in self.steps:
                args, kwargs = keras.tree.map_structure(
                    lambda arg: tensors[arg] if isinstance(arg, Slot) else arg, (step.args, step.kwargs))
                put(step.outputs, keras.tree.flatten(step.call(*args, **kwargs)))
        return tensors

    def producer(self, slot):
        """The step that writes `slot`, None for an input."""
        return next((step for step in self.steps if slot in step.outputs), None)

    def pruned(self, slots):
        """The same network without the steps that `slots` do not depend on; its `sizes` are its own."""
        needed, steps = set(slots), []
        for step in reversed(self.steps):
            if needed.intersection(step.outputs):
                needed.update(step.reads)
                steps.append(step)
        return dataclasses.replace(self, steps=tuple(reversed(steps)), sizes={})

    def after(self, slots):
        """The steps that depend on any of the slots."""
        reached, steps = set(slots), []
        for step in self.steps:
            if reached.intersection(step.reads):
                reached.update(step.outputs)
                steps.append(step)
        return steps

    def split(self, slot):
        """(bottom, top): `top` is what depends on `slot`; its inputs are `slot`, first, and all else that it needs."""
        top = self.after([slot])
        above = set(top)
        bottom = [step for step in self.steps if step not in above]
        made = {output for step in top for output in step.outputs}
        crossing = dict.fromkeys([slot] + [read for step in top for read in step.reads if read not in made])
        return (dataclasses.replace(self, steps=tuple(bottom), outputs=tuple(crossing)),
                dataclasses.replace(self, steps=tuple(top), inputs=tuple(crossing)))

    def with_calls(self, calls):
        """The same network with other calls; `calls` maps names of steps to what is called instead."""
        return dataclasses.replace(self, steps=tuple(
            dataclasses.replace(step, call=calls.get(step.name, step.call)) for step in self.steps))


def numbers(shape):
    """How many numbers a tensor of this shape holds for one image; a size that is not known counts as 1."""
    shape = tf.TensorShape(shape)
    return math.prod(size or 1 for size in shape[1:]) if shape.rank else 1


# --- from a Keras model to a Network -----------------------------------------------------------------------------

def unroll(model):
    """The `Network` of a Sequential or Functional model; an error that says what to do for any other."""
    require_graph(model)
    new_slots = map(Slot, itertools.count())
    inputs = tuple(itertools.islice(new_slots, len(model.inputs)))
    steps = []
    outputs = tuple(_write_out(model, inputs, "", steps, new_slots))
    _refuse_channels_first(steps)
    return Network(
        name=model.name, steps=tuple(steps), inputs=inputs, outputs=outputs,
        input_specs=tuple(tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs),
        input_names=_input_names(model), output_names=_output_names(model, outputs, steps),
        structure=keras.tree.pack_sequence_as(_output_structure(model), outputs))


def _write_out(model, feeds, path, steps, new_slots):
    """Appends the model's calls to `steps`, nested models written out; returns the slots of its outputs."""
    slots = dict(zip(map(id, model.inputs), feeds, strict=True))
    calls = {}
    for node in _nodes(model):
        operation = node.operation
        calls[operation] = calls.get(operation, 0) + 1
        name = path + operation.name + (f"#{calls[operation]}" if calls[operation] > 1 else "")
        args, kwargs = keras.tree.map_structure(
            lambda arg: slots[id(arg)] if isinstance(arg, keras.KerasTensor) else arg,
            (node.arguments.args, node.arguments.kwargs))
        if is_graph(operation):
            feeds = in_order(args[0] if args else kwargs["inputs"], _input_names(operation), operation.name)
            outputs = _write_out(operation, feeds, name + "/", steps, new_slots)
        else:
            outputs = tuple(itertools.islice(new_slots, len(node.outputs)))
            steps.append(Step(name, operation, operation, args, _for_inference(operation, kwargs), outputs,
                              tuple(node.outputs[0].shape)))
        slots.update(zip(map(id, node.outputs), outputs, strict=True))
    return [slots[id(tensor)] for tensor in model.outputs]


def _nodes(model):
    """The model's graph as Keras has it on record: every call of a layer, in an order in which they can run.

    Keras has no public way to read a model's graph. What is read for it in this module, `_keras_history`,
    `_inbound_nodes`, `_outputs_struct` and a Sequential's `_functional`, has been the same since the first release of Keras 3.
    """
    done, order = set(map(id, model.inputs)), []
    stack = list(reversed(model.outputs))
    while stack:
        operation, index, _ = stack[-1]._keras_history
        node = operation._inbound_nodes[index]
        missing = [tensor for tensor in node.input_tensors if id(tensor) not in done]
        if id(stack[-1]) in done:
            stack.pop()
        elif missing:
            stack.extend(reversed(missing))
        else:
            order.append(node)
            done.update(map(id, node.outputs))
    return order


def in_order(values, names, owner):
    """One value per name of an input: those of a dict by name, any other structure as it is flattened."""
    if not isinstance(values, dict):
        return keras.tree.flatten(values)
    values = _by_name(values) | values
    missing = [name for name in names if name not in values]
    if missing:
        raise ValueError(say("model {model!r} has the inputs {names}; a dict of inputs goes by these names, and {missing} is "
                             "missing: got {got}", model=owner, names=list(names), missing=missing, got=sorted(map(str, values))))
    return [values[name] for name in names]


def _by_name(structure):
    """The leaves of a dict, in flat order; those of a list in it as "key/0", "key/1"."""
    return {"/".join(map(str, path)): leaf for path, leaf in keras.tree.flatten_with_path(structure)}


def _input_names(model):
    structure = getattr(model, "_functional", model)._inputs_struct
    if isinstance(structure, dict):
        return tuple(_by_name(structure))
    return tuple(tensor._keras_history.operation.name for tensor in model.inputs)


def _output_structure(model):
    return getattr(model, "_functional", model)._outputs_struct


def _output_names(model, outputs, steps):
    """The keys of a dict of outputs, otherwise the names of the layers that they come from; in flat order.

    Where several outputs come from one layer, its name is that of the step: "head#1", "head#2", or "inner/head".
    """
    structure = _output_structure(model)
    if isinstance(structure, dict):
        return tuple(_by_name(structure))
    names = [tensor._keras_history.operation.name for tensor in model.outputs]
    made_by = {slot: step.name for step in steps for slot in step.outputs}

    def told_apart(name, slot):
        if len({other for other, same in zip(outputs, names, strict=True) if same == name}) == 1:
            return name
        return name + "#1" if made_by[slot] == name else made_by[slot]

    return tuple(map(told_apart, names, outputs))


def is_graph(layer):
    """Whether `layer` is a model whose calls Keras has on record: a built Sequential, or a Functional one."""
    if isinstance(layer, keras.Sequential):
        return getattr(layer, "_functional", None) is not None
    if not (isinstance(layer, keras.Model) and isinstance(layer, keras.Function)):
        return False
    definer = next(cls for cls in type(layer).__mro__ if "call" in vars(cls))
    return definer.__module__.startswith("keras.")              # a subclass with its own `call` does something else


def require_graph(model):
    """Raises an error that says what to do, unless the model can be unrolled."""
    if not isinstance(model, keras.Model):
        raise TypeError(say("model must be a keras.Model, got {kind}", kind=type(model).__name__))
    if isinstance(model, keras.Sequential) and not is_graph(model):
        raise ValueError(say("the Sequential model {model!r} is not built yet, so it has no weights to explain: begin it with "
                             "keras.Input(shape=...), or call it once on a batch of images", model=model.name))
    if not is_graph(model):
        raise ValueError(say("model {model!r} ({kind}) is a subclassed model: its `call` is Python code, so its layers cannot "
                             "be followed one by one. Build it with the functional API, keras.Model(inputs, outputs), or as "
                             "keras.Sequential; its weights can be carried over with set_weights(get_weights())",
                             model=model.name, kind=type(model).__name__))


def _refuse_channels_first(steps):
    for step in steps:
        if getattr(step.layer, "data_format", None) == "channels_first":
            raise ValueError(say("layer {layer!r} has data_format='channels_first', (n, channels, height, width); only "
                                 "'channels_last', (n, height, width, channels), is explained. Rebuild the model with "
                                 "data_format='channels_last'; the kernels of its convolutions can be copied as they are",
                                 layer=step.name))


def _for_inference(operation, kwargs):
    """The call's arguments with `training=False`, where the layer has such an argument."""
    parameters = inspect.signature(getattr(operation, "call", operation)).parameters
    return {**kwargs, "training": False} if "training" in parameters else kwargs


# --- what a traced pass rests on ---------------------------------------------------------------------------------

_BOOKKEEPING = {*vars(kl.Layer())} - {"_dtype_policy"}         # what Keras notes in every layer; no output rests on it
_ONLY_TRAINING = ("_initializer", "_regularizer", "_constraint")


class Settings:
    """Everything in a model's layers that a traced pass has built in, as it is now. Weights are not: they are read anew.

    That is what their attributes are bound to, compared by identity, so that it costs next to nothing to ask: layers,
    activations, numbers such as `negative_slope`, the statistics of `Normalization`, and the variables themselves, of
    which quantization and LoRA make others.
    """

    def __init__(self, model):
        layers = list(model._flatten_layers(include_self=False))
        settled = [layer for layer in layers if not isinstance(layer, kl.InputLayer)]
        self._of = [vars(layer) for layer in settled]
        self._attributes = [operator.itemgetter(*_settings_of(layer)) for layer in settled]
        self._lists = [value for layer in settled for name, value in vars(layer).items()
                       if isinstance(value, list) and (name == "_layers" or name not in _BOOKKEEPING)]
        self._functional = getattr(model, "_functional", None)          # a Sequential makes it anew when it is changed
        self._kept = self._now()
        self._count = sum(map(len, self._of))

    def _now(self):
        return [*itertools.chain.from_iterable(map(operator.call, self._attributes, self._of)),
                *itertools.chain.from_iterable(self._lists)]                    # what a list holds may change in place

    def still_hold(self, model):
        """Whether nothing has changed since; `model` is the same as at first, which is not kept here."""
        if getattr(model, "_functional", None) is not self._functional or sum(map(len, self._of)) != self._count:
            return False
        try:
            now = self._now()
        except KeyError:                                                # an attribute was deleted
            return False
        return len(now) == len(self._kept) and all(map(operator.is_, now, self._kept))


def _settings_of(layer):
    if is_graph(layer):
        return ("_functional", "name") if isinstance(layer, keras.Sequential) else ("name", "name")
    return ["_dtype_policy", "name", *(name for name in vars(layer) if name not in _BOOKKEEPING and
                                       not name.startswith("_self_") and not name.endswith(_ONLY_TRAINING))]


# --- finding feature maps ----------------------------------------------------------------------------------------

_POOLING = (kl.MaxPooling2D, kl.AveragePooling2D, kl.GlobalMaxPooling2D, kl.GlobalAveragePooling2D)
_NORMALISATION = (kl.BatchNormalization, kl.LayerNormalization, kl.GroupNormalization, kl.UnitNormalization)
_NO_CHANGE = (kl.Identity, kl.Dropout, kl.SpatialDropout2D, kl.AlphaDropout, kl.GaussianDropout, kl.GaussianNoise,
              kl.ActivityRegularization)                        # at inference
_MARGINS = (kl.ZeroPadding2D, kl.Cropping2D)
_MARGIN_OPERATIONS = ("Pad", "GetItem")                         # as keras.ops.pad and x[:, 1:-1]


def feature_maps(network):
    """The steps whose output is a feature map: (n, height, width, k), from a convolution on, not pooled."""
    return [step for step in _from_first_weights(network)
            if _is_feature_map(step) and not isinstance(step.layer, _NO_CHANGE)]


def _is_feature_map(step):
    """A 1×1 map is not one: what came out of global pooling has no places left to tell apart."""
    return len(step.shape) == 4 and step.shape[1:3] != (1, 1) and not isinstance(step.layer, _POOLING)


def _from_first_weights(network):
    """The steps that depend on a layer with weights, and those layers; the preparation of the image is left out."""
    learned = [step for step in network.steps
               if getattr(step.layer, "weights", None) and not isinstance(step.layer, (*_NORMALISATION, kl.Normalization))]
    found = {*learned, *network.after([slot for step in learned for slot in step.outputs])}
    return [step for step in network.steps if step in found]


def find_feature_map(network, layer, grid=None):
    """The step of the layer named `layer`: "backbone/layer", or any end of that which is unique.

    None means the last feature map before any pooling: what GAP averages in a GAP network. It is never a padding, a
    cropping, or one of several branches; a warning names it where another was to be expected. Tokens (n, tokens, k) are
    a feature map, too, if their grid is found or given as (h, w): it stands in the step's `grid`.
    """
    if layer is None:
        return _last_feature_map(network, grid)
    if not isinstance(layer, str):
        raise TypeError(say("layer must be a layer's name or None, got {kind}", kind=type(layer).__name__))
    step = _find_step(network, layer)
    if len(step.shape) == 3:
        return _that_count(network, with_grid(network, step, grid))
    _refuse_grid(step, grid)
    if not _is_feature_map(step) and not feature_maps(network):
        raise ValueError(_no_feature_map(network))
    if not _is_feature_map(step):
        raise ValueError(say("layer {layer!r} ({kind}, output shape {shape}) is not a feature map. A feature map is a layer's "
                             "output of shape (n, height, width, k), before pooling; this model has {names}", layer=layer,
                             kind=type(step.layer).__name__, shape=step.shape,
                             names=_listed(step.name for step in feature_maps(network))))
    return step


def _last_feature_map(network, grid):
    read = {slot for step in network.steps for slot in step.reads}

    def may_be_chosen(step):
        margin = isinstance(step.layer, _MARGINS) or type(step.layer).__name__ in _MARGIN_OPERATIONS
        return not margin and not isinstance(step.layer, _NO_CHANGE) and read.intersection(step.outputs)

    maps = list(filter(may_be_chosen, feature_maps(network)))
    chosen = _last_that_all_passes(network, maps)
    if not maps or chosen and _tokens_after(network, chosen):
        return _last_token_map(network, chosen, grid)
    if chosen is None:
        raise ValueError(say("model {model!r} has branches that come to the score side by side, so there is no one last feature "
                             "map; choose with layer=, from {names}", model=network.name, names=_listed(_ends(network, maps))))
    _refuse_grid(chosen, grid)
    later = network.steps[network.steps.index(chosen) + 1:]
    for last in [step for step in _unpooled(network) if step in later and may_be_chosen(step)][-1:]:
        why = (say("is 1×1, no places are left to tell apart") if last.shape[1:3] == (1, 1) else
               say("is one of several branches"))
        warn(say("the last feature map of model {model!r}, {last!r}, {why}; {chosen!r} {size} is explained instead. Any other "
                 "is chosen with layer=", model=network.name, last=last.name, why=why, chosen=chosen.name,
                 size=chosen.shape[1:3]))
    return chosen


def _no_feature_map(network):
    """The sentence for a model without one; it names convolutions of other kinds than are explained."""
    kinds = (kl.Conv1D, kl.Conv3D, kl.DepthwiseConv1D, kl.SeparableConv1D, kl.Conv1DTranspose, kl.Conv3DTranspose,
             kl.TimeDistributed)
    others = [say("{layer!r} ({kind}, output shape {shape})", layer=step.name, kind=type(step.layer).__name__, shape=step.shape)
              for step in network.steps if isinstance(step.layer, kinds)]
    none = say("model {model!r} has no feature map: no layer whose output has the shape (n, height, width, k), before pooling, "
               "on the way to its score", model=network.name)
    if not others:
        return none
    return f"{none}. " + say("Maps of one or three dimensions and of series are not explained: {layers}",
                             layers=", ".join(others))


def _last_that_all_passes(network, maps):
    """The last of `maps` such that no other feature map comes to the score past it; None if there is none."""
    reads = {step: frozenset(step.reads) for step in network.steps}
    sources = {*filter(_is_feature_map, _from_first_weights(network)), *maps}
    ends = set(network.outputs).difference(*reads.values())
    for chosen in reversed(maps):
        above = set(chosen.outputs)                 # slots that hold something of the chosen map
        past = set()                                # and of another one, on a way that does not lead through it
        for step in network.steps:
            if not above.isdisjoint(reads[step]):
                above.update(step.outputs)
            elif step in sources and step is not chosen:
                past.update(step.outputs)
            if step is not chosen and not past.isdisjoint(reads[step]):
                past.update(step.outputs)
        if past.isdisjoint(ends):
            return chosen
    return None


def _ends(network, maps):
    """The names of those feature maps that no other one depends on."""
    return [step.name for step in maps if not set(maps).intersection(network.after(step.outputs))]


def _unpooled(network):
    """The steps from the first weights on that no global pooling came before, those of 1×1 maps too."""
    learned = set(_from_first_weights(network))
    fresh = learned.difference(network.after([slot for step in learned for slot in step.outputs]))
    reached, steps = set(), []
    for step in network.steps:
        pooled = len(step.shape) != 4 or (isinstance(step.layer, _POOLING) and step.shape[1:3] == (1, 1))
        if not pooled and (step in fresh or reached.intersection(step.reads)):
            reached.update(step.outputs)
            if not isinstance(step.layer, _POOLING):
                steps.append(step)
    return steps


# --- tokens ------------------------------------------------------------------------------------------------------
# A map of tokens is a layer's output (n, tokens, k) whose last h w tokens stand for the places of a grid, row by row. What
# stands before them, a class token, belongs to no place.

_ATTENTION = (kl.MultiHeadAttention, kl.GroupQueryAttention, kl.Attention, kl.AdditiveAttention)


def with_grid(network, step, grid=None):
    """The step (n, tokens, k) as a map of tokens, its `grid` found or as given; an error that says why it is none."""
    count = step.shape[1] if len(step.shape) == 3 else None
    if grid is not None:
        if np.shape(grid) != (2,) or min(grid) < 1 or math.prod(grid) > (count or math.inf):
            raise ValueError(say("grid must be (h, w), the places that the tokens of layer {layer!r} stand for, at most as many "
                                 "as there are tokens, {count}; got {grid}", layer=step.name, count=count, grid=grid))
        return dataclasses.replace(step, grid=tuple(map(int, grid)))
    found = _grid_of(network, step)
    if found is None:
        raise ValueError(
            say("layer {layer!r} ({kind}, output shape {shape}) is not a feature map (n, height, width, k), and its {count} "
                "vectors are not known to stand for places: no feature map before it has as many, nor one fewer, which would "
                "make the first a class token. If the last h w of them are places, row by row, say so: grid=(h, w)",
                layer=step.name, kind=type(step.layer).__name__, shape=step.shape, count=count))
    return dataclasses.replace(step, grid=found)


def _grid_of(network, step):
    """(h, w): the size of the last map before that has a place for each token, or for all but one, a class token.

    Where patches are cut out of the image without a feature map, a square of tokens. None where neither is so.
    """
    images = [slot for slot, spec in zip(network.inputs, network.input_specs, strict=True) if len(spec.shape) == 4]
    if len(step.shape) != 3 or step.shape[1] is None or step not in network.after(images):
        return None
    counts, below = (step.shape[1], step.shape[1] - 1), network.pruned(step.outputs)
    sizes = [each.shape[1:3] for each in below.steps if len(each.shape) == 4 and None not in each.shape[1:3]]
    squares = [] if feature_maps(below) else [(math.isqrt(count),) * 2 for count in counts]
    fitting = [size for size in (*squares, *sizes) if math.prod(size) in counts and math.prod(size) > 1]
    return fitting[-1] if fitting else None


def _refuse_grid(step, grid):
    if grid is not None:
        raise ValueError(say("grid says what places tokens stand for, (n, tokens, width); layer {layer!r} ({kind}) has the "
                             "output shape {shape}: leave grid out", layer=step.name, kind=type(step.layer).__name__,
                             shape=step.shape))


def token_maps(network):
    """The steps whose output is a map of tokens, from the first weights on."""
    return [step for step in _from_first_weights(network) if not isinstance(step.layer, _NO_CHANGE) and _grid_of(network, step)]


def patches(network, step):
    """The feature map that the tokens of a step were made of, which says where they lie; None if there is none."""
    before = network.pruned(step.outputs).steps
    return next((each for each in reversed(before) if len(each.shape) == 4 and each.shape[1:3] == step.grid), None)


def _last_token_map(network, chosen, grid):
    """The last map of tokens that all passes and that the score reads a place of; `chosen`: the last feature map, if any."""
    maps = token_maps(network) if grid is None else [step for step in _from_first_weights(network) if len(step.shape) == 3]
    last = step = _last_that_all_passes(network, maps)
    while step is not None and not _counts(network, with_grid(network, step, grid)):
        step = _last_that_all_passes(network, maps := maps[:maps.index(step)])
    if step is None and chosen is None:
        raise ValueError(_no_feature_map(network))
    if step is None:
        tokens = _tokens_after(network, chosen)
        raise ValueError(
            say("what comes after {chosen!r}, the last feature map of model {model!r}, works on tokens: {tokens!r} ({kind}), "
                "and what places they stand for is not known. Choose them with layer= and grid=(h, w); layer={chosen!r} would "
                "show nothing of what happens there", chosen=chosen.name, model=network.name, tokens=tokens.name,
                kind=type(tokens.layer).__name__))
    if step is not last:
        warn(say("after its last attention, model {model!r} reads the class token alone, so that at {last!r} all gradients of "
                 "places are zero; {layer!r} is explained instead. Any other is chosen with layer=", model=network.name,
                 last=last.name, layer=step.name))
    return with_grid(network, step, grid)


def _that_count(network, step):
    """The map of tokens, with a warning where its places do not count."""
    if not _counts(network, step):
        warn(say("after layer {layer!r}, model {model!r} reads nothing of the places any more, only the class token: their "
                 "gradients are zero, and so are maps made of them. Choose a layer before the last attention", layer=step.name,
                 model=network.name))
    return step


def _counts(network, step):
    """Whether the network's outputs change with any place of a map of tokens: by their gradient, at random numbers."""
    if step.shape[1] in (None, math.prod(step.grid)):
        return True                                             # no class token: nobody else could be asked
    _, top = network.split(step.outputs[0])
    inputs = [random_tensor(network, slot, samples=4) for slot in top.inputs]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs[0])
        tensors = top.run(inputs)
        y = [tf.cast(tensors[slot], "float32") for slot in network.outputs if slot in tensors]
        S = sum(tf.reduce_sum(each * tf.random.stateless_normal(tf.shape(each), (1, 2))) for each in y)
    gradient = tape.gradient(S, inputs[0])
    return gradient is None or bool(np.any(gradient[:, -math.prod(step.grid):]))


def random_tensor(network, slot, samples=1):
    """A few images of what stands in `slot`; where its size is open, 16 × 16. None for a layer's further outputs."""
    step = network.producer(slot)
    if step is not None and slot != step.outputs[0]:
        return None                                             # of these no shape is known
    spec = None if step else network.input_specs[network.inputs.index(slot)]
    shape = [samples, *(size or 16 for size in (step or spec).shape[1:])]
    if spec is not None and not spec.dtype.is_floating:
        return tf.zeros(shape, spec.dtype)
    return tf.random.stateless_uniform(shape, (0, slot), 0.5, 1.5)


def self_attention(network):
    """The steps of `keras.layers.MultiHeadAttention`, each among the tokens of one sequence; an error if there is none."""
    steps = [step for step in network.steps if isinstance(step.layer, kl.MultiHeadAttention)]
    if not steps:
        hidden = next((step for step in network.steps if isinstance(step.layer, kl.Layer) and
                       any(isinstance(part, _ATTENTION) for part in step.layer._flatten_layers())), None)
        if hidden:
            raise ValueError(say("model {model!r} has no layer keras.layers.MultiHeadAttention on the way to its score; that of "
                                 "{layer!r} ({kind}) lies in its own code, out of reach", model=network.name, layer=hidden.name,
                                 kind=type(hidden.layer).__name__))
        raise ValueError(say("model {model!r} has no layer keras.layers.MultiHeadAttention on the way to its score",
                             model=network.name))
    for step in steps:
        asked = inspect.signature(step.layer.call).bind(*step.args, **step.kwargs).arguments
        if asked["query"] != asked["value"] or asked.get("key") not in (None, asked["value"]):
            raise ValueError(say("layer {layer!r} looks from one sequence at another; only attention among the tokens of one, "
                                 "layer(x, x), can be rolled out", layer=step.name))
        if len(step.shape) != 3 or step.shape[1] != steps[0].shape[1]:
            raise ValueError(say("attention can be rolled out through blocks of the same tokens, (n, tokens, width); {first!r} "
                                 "has the output shape {first_shape}, {layer!r} {shape}", first=steps[0].name,
                                 first_shape=steps[0].shape, layer=step.name, shape=step.shape))
    return steps


def attended_tokens(network, grid=None):
    """The map of tokens that attention is rolled out to: those that the first attention looks at."""
    return with_grid(network, self_attention(network)[0], grid)


def _tokens_after(network, chosen):
    """The first step after a feature map by which tokens learn of each other, None if there is none."""
    way = network.after(chosen.outputs)
    return next((step for step in way if _mixes_tokens(step, way)), None)


def _mixes_tokens(step, way):
    """Attention, in Keras' layers or by its name; or the residual sum of a transformer or mixer, (n, tokens, k)."""
    layer, name = step.layer, type(step.layer).__name__.lower()
    parts = layer._flatten_layers() if isinstance(layer, kl.Layer) else ()
    if any(isinstance(part, _ATTENTION) for part in parts):
        return True
    if isinstance(layer, kl.Layer) and ("attention" in name or "transformer" in name) and len(step.shape) == 3:
        return True
    made = {slot for each in way for slot in each.outputs}
    return name == "add" and len(step.shape) == 3 and len(made.intersection(step.reads)) > 1


def warn(message):
    """A warning that points at the line outside of lecture_utils from which it was called."""
    level, frame, course = 1, sys._getframe(), __package__.partition(".")[0]
    while frame is not None and (frame.f_globals.get("__package__") or "").partition(".")[0] == course:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def _find_step(network, address):
    matches = [step for step in network.steps if step.name == address] or \
              [step for step in network.steps if step.name.endswith("/" + address)]
    if len(matches) > 1:
        raise ValueError(say("layer {layer!r} is not unique in model {model!r}; choose one of {names}", layer=address,
                             model=network.name, names=_listed(step.name for step in matches)))
    if not matches:
        raise ValueError(say("model {model!r} has no layer {layer!r} on the way to its score; the nearest names are {names}",
                             model=network.name, layer=address, names=_listed(_nearest(address, network))))
    return matches[0]


def _nearest(address, network):
    ends = {step.name.rsplit("/", 1)[-1]: step.name for step in network.steps}
    nearest = difflib.get_close_matches(address.rsplit("/", 1)[-1], ends, n=5, cutoff=0.3)
    return [ends[end] for end in nearest] or [step.name for step in feature_maps(network)]


def _listed(names):
    return ", ".join(map(repr, names))


def convolution_maps(network):
    """The feature map of every convolution, after the normalization and activation that follow it and it alone.

    A smoothing in between, which leaves the map its size, belongs to them.
    """
    readers = {}
    for step in network.steps:
        for slot in step.reads:
            readers.setdefault(slot, []).append(step)
    read = set(readers)

    def with_own_activation(step):
        last = step
        while len(following := readers.get(step.outputs[0], [])) == 1:
            step, = following
            if isinstance(step.layer, _NORMALISATION) or is_activation(step.layer):
                last = step if step.shape == last.shape else last
            elif not _smooths(step.layer):
                break
        return last

    convolutions = [step for step in feature_maps(network) if hasattr(step.layer, "kernel_size")]
    found = {step.name: step for step in map(with_own_activation, convolutions) if read.intersection(step.outputs)}
    return list(found.values())


def _smooths(layer):
    """Whether `layer` is a mean over neighbours at every place, or makes room for one at the rim."""
    return isinstance(layer, kl.ZeroPadding2D) or isinstance(layer, kl.AveragePooling2D) and tuple(layer.strides) == (1, 1)


# --- activations -------------------------------------------------------------------------------------------------

_ACTIVATION_LAYERS = (kl.Activation, kl.ReLU, kl.LeakyReLU, kl.PReLU, kl.ELU, kl.Softmax)
_KNOWN_ACTIVATIONS = {name.replace("_", "") for name in vars(keras.activations)}
_RELUS = ("relu", "relu6", "leakyrelu", "prelu")
_SOFTMAXES = ("Softmax", "LogSoftmax", "Sigmoid")
_HEAD_ACTIVATIONS = ("softmax", "softmaxv2", "logsoftmax", "logsoftmaxv2", "sigmoid")


def is_activation(layer):
    """Whether `layer` does nothing but apply an activation: an activation layer, or an operation as keras.ops.relu."""
    if isinstance(layer, kl.Layer):
        return isinstance(layer, _ACTIVATION_LAYERS)
    return type(layer).__name__.lower() in _KNOWN_ACTIVATIONS


def activation_name(layer):
    """The activation that `layer` is or ends with, in lower case without underscores; None if linear or none."""
    if isinstance(layer, kl.Activation) or not is_activation(layer):
        function = getattr(layer, "activation", None)
    else:
        function = type(layer)
    if function is None:
        return None
    name = getattr(function, "__name__", type(function).__name__).lower().replace("_", "")
    return None if name == "linear" else name


def with_activation(step, activation):
    """The step's layer with another activation, sharing all else; the caller's own layer is left alone."""
    twin = object.__new__(type(step.layer))
    twin.__dict__.update(step.layer.__dict__, activation=activation)
    if twin.activation is not activation:
        raise ValueError(say("the ReLU inside layer {layer!r} ({kind}) cannot be exchanged; let the layer be linear and a layer "
                             "ReLU follow it", layer=step.name, kind=type(step.layer).__name__))
    return twin


def with_gates(network, gate):
    """The network with every ReLU f exchanged for `gate(f)`: fused into a layer, a layer of its own, or nested.

    Other activations keep their own gradient; `other_activations` names them. A ReLU out of reach, in the code of a
    custom layer or put together from other operations, is an error that names the step, raised when it is traced.
    """
    calls = {}
    features = set(_from_first_weights(network))
    for step in network.steps:
        name = activation_name(step.layer)
        if name not in _RELUS:
            known = name in _KNOWN_ACTIVATIONS and type(step.layer).__module__.startswith("keras.") and \
                not isinstance(step.layer, kl.RNN)              # hard_silu and its kin hold a ReLU6, and are none
            calls[step.name] = step.call if known else _without_hidden_relu(step, step in features)
        elif is_activation(step.layer):
            calls[step.name] = gate(step.layer)
        else:
            calls[step.name] = with_activation(step, gate(step.layer.activation))
    return network.with_calls(calls)


def other_activations(network, slots):
    """The activations on the way to the scores in `slots` that are no ReLUs: dict name -> names of the steps."""
    heads = [_before_shape_changes(network, slot) for slot in slots]
    others = {}
    for step in network.steps:
        name = activation_name(step.layer)
        cut_off = step in heads and name in _HEAD_ACTIVATIONS
        if name is not None and name not in _RELUS and not cut_off:
            others.setdefault(name, []).append(step.name)
    return others


def _without_hidden_relu(step, by_any_name):
    """The step's call, which raises an error if it is a ReLU, or `by_any_name` something equal to one."""
    def call(*args, **kwargs):
        graph = tf.compat.v1.get_default_graph()
        before = len(graph.get_operations())
        result = step.call(*args, **kwargs)
        if any(_contains_relu(operation, by_any_name) for operation in graph.get_operations()[before:]):
            raise ValueError(say("layer {layer!r} ({kind}) applies a ReLU inside its own code, or is one by another name, where "
                                 "its gradient cannot be gated; write it as the layer keras.layers.ReLU or the activation "
                                 "'relu', in a model built from Keras layers", layer=step.name, kind=type(step.layer).__name__))
        return result
    return call


def _contains_relu(operation, by_any_name):
    if operation.type in ("Relu", "Relu6", "LeakyRelu") or (by_any_name and _rectifies(operation)):
        return True
    inside = _function_graph(operation)                         # a layer's code may itself be a tf.function
    return inside is not None and any(_contains_relu(each, by_any_name) for each in inside.get_operations())


def _function_graph(operation):
    """The graph of the function that an operation calls, None if it calls none."""
    if operation.type not in ("PartitionedCall", "StatefulPartitionedCall"):
        return None
    return operation.graph._get_function(operation.get_attr("f").name).graph


def _rectifies(operation):
    """Whether a traced operation is max(x, 0) written otherwise: maximum, clip, where(x > 0, x, 0), x · (x > 0), x + |x|.
    """
    inputs = list(map(_unchanged, operation.inputs))
    if operation.type in ("Maximum", "Minimum", "ClipByValue"):
        return any(map(_is_zero, inputs))
    if operation.type in ("Select", "SelectV2"):
        condition, *branches = inputs
        return any(each is x and (_is_zero(other) or _is_multiple(other, x)) for x in _compared(condition)
                   for each, other in (branches, branches[::-1]))
    if operation.type == "Mul":
        return any(x is other for gate, other in (inputs, inputs[::-1]) for x in _compared(gate))
    if operation.type in ("Add", "AddV2"):
        return any(each.op.type == "Abs" and _unchanged(each.op.inputs[0]) is other
                   for each, other in (inputs, inputs[::-1]))
    return False


def _unchanged(tensor):
    """The tensor that `tensor` is a copy of, whatever the copy's type."""
    while tensor.op.type in ("Identity", "Cast", "BroadcastTo"):
        tensor = tensor.op.inputs[0]
    return tensor


def _compared(tensor):
    """What is compared with a constant in a tensor that says where it is larger or smaller."""
    if tensor.op.type not in ("Greater", "GreaterEqual", "Less", "LessEqual"):
        return []
    return [_unchanged(x) for x, limit in (tensor.op.inputs, tensor.op.inputs[::-1]) if _constant(limit) is not None]


def _is_multiple(tensor, x):
    factors = [_unchanged(each) for each in tensor.op.inputs] if tensor.op.type == "Mul" else []
    return any(each is x for each in factors) and any(_constant(each) is not None for each in factors)


def _is_zero(tensor):
    value = _constant(tensor)
    return value is not None and not value.any()


def _constant(tensor):
    """The value of a tensor that is known when it is traced, of any shape; None if it is not."""
    if tensor.op.type == "ZerosLike":
        return np.zeros(1)
    return tf.get_static_value(tensor.op.inputs[1] if tensor.op.type == "Fill" else tensor)


# --- heads -------------------------------------------------------------------------------------------------------

_COPIES = ("Identity", "Reshape", "Squeeze", "ExpandDims", "Cast")


def before_softmax(y):
    """The class scores behind a traced output y that is their softmax or sigmoid; y itself if it is neither.

    What is asked is the traced graph, not the layers, so it does not matter where the softmax comes from: a layer, an
    activation, a nested model, or code in a custom layer.
    """
    operation = _origin(y).op
    if operation.type not in _SOFTMAXES:
        return y
    return tf.reshape(tf.cast(operation.inputs[0], y.dtype), tf.shape(y))


def is_sigmoid(y):
    """Whether a traced output y comes out of a sigmoid, asked as `before_softmax` asks."""
    return _origin(y).op.type == "Sigmoid"


def refuse_sealed_softmax(y, name):
    """An error if a traced output y comes out of a compiled function that ends in a softmax: it can't be cut off."""
    tensor = _origin(y)
    while (inside := _function_graph(tensor.op)) is not None:
        tensor = _origin(inside.outputs[tensor.value_index])
        if tensor.op.type in _SOFTMAXES:
            raise ValueError(
                say("the output of model {name!r} comes from a compiled function (a SavedModel, or a tf.function in a layer) "
                    "that ends in {operation}, which cannot be cut off there; a probability has another map than the class "
                    "score before it. Save the model without its last activation, or as .keras; or pass score=, a function of "
                    "the probabilities", name=name, operation=tensor.op.type))


def _origin(tensor):
    while tensor.op.type in _COPIES:
        tensor = tensor.op.inputs[0]
    return tensor


def gap_head(network, slot):
    """(slot of A, slot of their averages) where a network ends in global average pooling of A and one linear layer.

    Or in global average pooling alone, of one map for each class: then the averages are the scores.
    """
    step = _before_shape_changes(network, slot)
    if step is not None and activation_name(step.layer) in _HEAD_ACTIVATIONS and is_activation(step.layer):
        step = _before_shape_changes(network, step.reads[0])
    if step is not None and isinstance(step.layer, _AVERAGES):
        return step.reads[0], step.outputs[0]
    if _is_linear_classifier(step):
        pooling = _before_shape_changes(network, step.reads[0])
        if pooling is not None and isinstance(pooling.layer, _AVERAGES):
            return pooling.reads[0], step.reads[0]
    raise ValueError(say("cam needs a network that ends in global average pooling and at most one linear layer, and {model!r} "
                         "does not; grad_cam explains networks with any head", model=network.name))


_AVERAGES = (kl.GlobalAveragePooling2D, kl.GlobalAveragePooling1D)      # of a feature map, of a map of tokens


def averaged(network, slot, grid=None):
    """The step whose output global average pooling averages on the way to the score in `slot`, tokens with their grid.

    A class token among them is an error: the score is more than the mean of a map then.
    """
    step = network.producer(gap_head(network, slot)[0])
    if step is None or len(step.shape) != 3:
        return step
    step = with_grid(network, step, grid)
    if step.shape[1] != math.prod(step.grid):
        raise ValueError(say("model {model!r} averages {n} tokens, a class token among them, and so its score is more than the "
                             "mean of a map; grad_cam explains it", model=network.name, n=step.shape[1]))
    return step


def _before_shape_changes(network, slot):
    """The step that made what is in `slot`, not counting Flatten, Reshape, Dropout, linear activations and the like."""
    step = network.producer(slot)
    while step is not None and (isinstance(step.layer, (*_NO_CHANGE, kl.Flatten, kl.Reshape)) or
                                isinstance(step.layer, kl.Activation) and activation_name(step.layer) is None):
        step = network.producer(step.reads[0])
    return step


def _is_linear_classifier(step):
    if step is None or activation_name(step.layer) not in (None, *_HEAD_ACTIVATIONS):
        return False
    return isinstance(step.layer, kl.Dense) or (type(step.layer) is kl.Conv2D and step.layer.kernel_size == (1, 1))
