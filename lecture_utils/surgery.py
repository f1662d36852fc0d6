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
from typing import Any, Callable

import keras
import tensorflow as tf
from keras import layers as kl


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
    output_names: tuple
    structure: Any          # the outputs' Slots as the model nests them: one, a list or a dict

    def run(self, inputs, observe=lambda slot, tensor: None):
        """The tensors of all slots, as a dict; `observe(slot, tensor)` sees each as soon as it is there."""
        tensors = {}

        def put(slots, values):
            for slot, value in zip(slots, values):
                tensors[slot] = value
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
        """The same network without the steps that `slots` do not depend on."""
        needed, steps = set(slots), []
        for step in reversed(self.steps):
            if needed.intersection(step.outputs):
                needed.update(step.reads)
                steps.append(step)
        return dataclasses.replace(self, steps=tuple(reversed(steps)))

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
        output_names=_output_names(model),
        structure=keras.tree.pack_sequence_as(_output_structure(model), outputs))


def _write_out(model, feeds, path, steps, new_slots):
    """Appends the model's calls to `steps`, nested models written out; returns the slots of its outputs."""
    slots = dict(zip(map(id, model.inputs), feeds))
    calls = {}
    for node in _nodes(model):
        operation = node.operation
        calls[operation] = calls.get(operation, 0) + 1
        name = path + operation.name + (f"#{calls[operation]}" if calls[operation] > 1 else "")
        args, kwargs = keras.tree.map_structure(
            lambda arg: slots[id(arg)] if isinstance(arg, keras.KerasTensor) else arg,
            (node.arguments.args, node.arguments.kwargs))
        if is_graph(operation):
            outputs = _write_out(operation, keras.tree.flatten(args[0]), name + "/", steps, new_slots)
        else:
            outputs = tuple(itertools.islice(new_slots, len(node.outputs)))
            steps.append(Step(name, operation, operation, args, _for_inference(operation, kwargs), outputs,
                              tuple(node.outputs[0].shape)))
        slots.update(zip(map(id, node.outputs), outputs))
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


def _output_structure(model):
    return getattr(model, "_functional", model)._outputs_struct


def _output_names(model):
    """The keys of a dict of outputs, otherwise the names of the layers that they come from; in flat order."""
    structure = _output_structure(model)
    if isinstance(structure, dict):
        numbers = keras.tree.pack_sequence_as(structure, range(len(model.outputs)))
        return tuple(sorted(structure, key=numbers.get))
    return tuple(tensor._keras_history.operation.name for tensor in model.outputs)


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
        raise TypeError(f"model must be a keras.Model, got {type(model).__name__}")
    if isinstance(model, keras.Sequential) and not is_graph(model):
        raise ValueError(f"the Sequential model {model.name!r} is not built yet, so it has no weights to explain: "
                         "begin it with keras.Input(shape=...), or call it once on a batch of images")
    if not is_graph(model):
        raise ValueError(f"model {model.name!r} ({type(model).__name__}) is a subclassed model: its `call` is Python "
                         "code, so its layers cannot be followed one by one. Build it with the functional API, "
                         "keras.Model(inputs, outputs), or as keras.Sequential; its weights can be carried over with "
                         "set_weights(get_weights())")


def _refuse_channels_first(steps):
    for step in steps:
        if getattr(step.layer, "data_format", None) == "channels_first":
            raise ValueError(f"layer {step.name!r} has data_format='channels_first', (n, channels, height, width); only "
                             "'channels_last', (n, height, width, channels), is explained. Rebuild the model with "
                             "data_format='channels_last'; the kernels of its convolutions can be copied as they are")


def _for_inference(operation, kwargs):
    """The call's arguments with `training=False`, where the layer has such an argument."""
    parameters = inspect.signature(getattr(operation, "call", operation)).parameters
    return {**kwargs, "training": False} if "training" in parameters else kwargs


# --- finding feature maps ----------------------------------------------------------------------------------------

_POOLING = (kl.MaxPooling2D, kl.AveragePooling2D, kl.GlobalMaxPooling2D, kl.GlobalAveragePooling2D)
_NORMALISATION = (kl.BatchNormalization, kl.LayerNormalization, kl.GroupNormalization, kl.UnitNormalization)
_NO_CHANGE = (kl.Identity, kl.Dropout, kl.SpatialDropout2D, kl.AlphaDropout, kl.GaussianDropout, kl.GaussianNoise,
              kl.ActivityRegularization)                        # at inference


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


def find_feature_map(network, layer):
    """The step of the layer named `layer`: "backbone/layer", or any end of that which is unique.

    None means the last feature map before any pooling: what GAP averages in a GAP network.
    """
    if layer is None:
        return _last_feature_map(network)
    if not isinstance(layer, str):
        raise TypeError(f"layer must be a layer's name or None, got {type(layer).__name__}")
    step = _find_step(network, layer)
    if not _is_feature_map(step):
        raise ValueError(f"layer {layer!r} ({type(step.layer).__name__}, output shape {step.shape}) is not a feature "
                         "map. A feature map is a layer's output of shape (n, height, width, k), before pooling; this "
                         f"model has {_listed(step.name for step in feature_maps(network))}")
    return step


def _last_feature_map(network):
    read = {slot for step in network.steps for slot in step.reads}
    maps = [step for step in feature_maps(network) if read.intersection(step.outputs)]
    if not maps:
        raise ValueError(f"model {network.name!r} has no feature map: no layer whose output has the shape (n, height, "
                         "width, k), before pooling, on the way to its score")
    return maps[-1]


def _find_step(network, address):
    matches = [step for step in network.steps if step.name == address] or \
              [step for step in network.steps if step.name.endswith("/" + address)]
    if len(matches) > 1:
        raise ValueError(f"layer {address!r} is not unique in model {network.name!r}; "
                         f"choose one of {_listed(step.name for step in matches)}")
    if not matches:
        raise ValueError(f"model {network.name!r} has no layer {address!r} on the way to its score; "
                         f"the nearest names are {_listed(_nearest(address, network))}")
    return matches[0]


def _nearest(address, network):
    ends = {step.name.rsplit("/", 1)[-1]: step.name for step in network.steps}
    nearest = difflib.get_close_matches(address.rsplit("/", 1)[-1], ends, n=5, cutoff=0.3)
    return [ends[end] for end in nearest] or [step.name for step in feature_maps(network)]


def _listed(names):
    return ", ".join(map(repr, names))


def convolution_maps(network):
    """The feature map of every convolution, after the normalisation and activation that follow it and it alone."""
    readers = {}
    for step in network.steps:
        for slot in step.reads:
            readers.setdefault(slot, []).append(step)
    read = set(readers)

    def with_own_activation(step):
        following = readers.get(step.outputs[0], [])
        if len(following) == 1 and (isinstance(following[0].layer, _NORMALISATION) or is_activation(following[0].layer)):
            return with_own_activation(following[0])
        return step

    convolutions = [step for step in feature_maps(network) if hasattr(step.layer, "kernel_size")]
    found = {step.name: step for step in map(with_own_activation, convolutions) if read.intersection(step.outputs)}
    return list(found.values())


# --- activations -------------------------------------------------------------------------------------------------

_ACTIVATION_LAYERS = (kl.Activation, kl.ReLU, kl.LeakyReLU, kl.PReLU, kl.ELU, kl.Softmax)
_RELUS = ("relu", "relu6", "leakyrelu", "prelu")
_HEAD_ACTIVATIONS = ("softmax", "softmaxv2", "logsoftmax", "logsoftmaxv2", "sigmoid")


def is_activation(layer):
    """Whether `layer` does nothing but apply an activation: an activation layer, or an operation as keras.ops.relu."""
    if isinstance(layer, kl.Layer):
        return isinstance(layer, _ACTIVATION_LAYERS)
    return hasattr(keras.activations, type(layer).__name__.lower())


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
        raise ValueError(f"the ReLU inside layer {step.name!r} ({type(step.layer).__name__}) cannot be exchanged; "
                         "let the layer be linear and a layer ReLU follow it")
    return twin


def with_gates(network, gate):
    """The network with every ReLU f exchanged for `gate(f)`: fused into a layer, a layer of its own, or nested.

    Other activations keep their own gradient; `other_activations` names them. A ReLU out of reach, in the code of a
    custom layer, is an error that names the layer, raised when the network is traced.
    """
    calls = {}
    for step in network.steps:
        if activation_name(step.layer) not in _RELUS:
            calls[step.name] = _without_hidden_relu(step)
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


def _without_hidden_relu(step):
    def call(*args, **kwargs):
        graph = tf.compat.v1.get_default_graph()
        before = len(graph.get_operations())
        result = step.call(*args, **kwargs)
        if any(_contains_relu(operation) for operation in graph.get_operations()[before:]):
            raise ValueError(f"layer {step.name!r} ({type(step.layer).__name__}) applies a ReLU inside its own code, "
                             "where its gradient cannot be gated; build it from Keras layers (the functional API)")
        return result
    return call


def _contains_relu(operation):
    if operation.type in ("Relu", "Relu6", "LeakyRelu"):
        return True
    if operation.type not in ("PartitionedCall", "StatefulPartitionedCall"):
        return False
    library = operation.graph.as_graph_def().library.function       # a layer's code may itself be a tf.function
    return any(node.op in ("Relu", "Relu6", "LeakyRelu") for function in library for node in function.node_def)


# --- heads -------------------------------------------------------------------------------------------------------

def before_softmax(y):
    """The class scores behind a traced output y that is their softmax or sigmoid; y itself if it is neither.

    What is asked is the traced graph, not the layers, so it does not matter where the softmax comes from: a layer, an
    activation, a nested model, or code in a custom layer.
    """
    operation = y.op
    while operation.type in ("Identity", "Reshape", "Squeeze", "ExpandDims", "Cast"):
        operation = operation.inputs[0].op
    if operation.type not in ("Softmax", "LogSoftmax", "Sigmoid"):
        return y
    return tf.reshape(tf.cast(operation.inputs[0], y.dtype), tf.shape(y))


def gap_head(network, slot):
    """(slot of A, classifier) where a network ends in global average pooling of A and one linear layer."""
    step = _before_shape_changes(network, slot)
    if step is not None and activation_name(step.layer) in _HEAD_ACTIVATIONS and is_activation(step.layer):
        step = _before_shape_changes(network, step.reads[0])
    if _is_linear_classifier(step):
        pooling = _before_shape_changes(network, step.reads[0])
        if pooling is not None and isinstance(pooling.layer, kl.GlobalAveragePooling2D):
            return pooling.reads[0], step.layer
    raise ValueError(f"cam needs a network that ends in GlobalAveragePooling2D and one linear layer, and {network.name!r} "
                     "does not; grad_cam explains networks with any head")


def _before_shape_changes(network, slot):
    """The step that made what is in `slot`, not counting Flatten, Reshape, Dropout and the like."""
    step = network.producer(slot)
    while step is not None and isinstance(step.layer, (*_NO_CHANGE, kl.Flatten, kl.Reshape)):
        step = network.producer(step.reads[0])
    return step


def _is_linear_classifier(step):
    if step is None or activation_name(step.layer) not in (None, *_HEAD_ACTIVATIONS):
        return False
    return isinstance(step.layer, kl.Dense) or (type(step.layer) is kl.Conv2D and step.layer.kernel_size == (1, 1))
