"""Everything that is Keras plumbing: open a model, find its layers, cut off its softmax, swap its ReLUs.

A Keras model is a graph of layers, and some of its layers are models themselves. Here it is first unrolled into
a straight list of steps (`Network`): one step is one call of one layer, with nested models written out. On such
a list every operation is easy to say: find a layer (by name), leave out a softmax (replace a step), swap ReLUs
(replace steps), run (a loop). The caller's model is only read: steps are replaced in the list, never in the model,
and `Network.run` keeps whatever a layer would like to remember (states, losses) from reaching it.
"""

import dataclasses
import difflib
import inspect
import threading
import warnings
import weakref
from typing import Any, Callable

import keras
import numpy as np
import tensorflow as tf


class Slot(int):
    """The place of one tensor in a network's run: what a step reads, and what it writes."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One call of one layer: `outputs = layer(*args, **kwargs)`, tensors in the arguments being `Slot`s."""

    name: str                  # "block5_conv3", in a nested model "vgg16/block5_conv3"
    layer: Any                 # the caller's own layer: its name, type and settings are asked here
    call: Callable             # what is executed: the layer, or what a surgeon put in its place
    args: tuple
    kwargs: dict
    outputs: tuple             # of Slots
    shape: tuple               # of the first output, None where it is not fixed

    def reads(self):
        return [arg for arg in keras.tree.flatten((self.args, self.kwargs)) if isinstance(arg, Slot)]


@dataclasses.dataclass(frozen=True)
class Network:
    """A model unrolled into steps, in an order in which they can run."""

    name: str
    steps: tuple
    inputs: tuple              # Slots of the model's inputs
    outputs: tuple             # Slots of the model's outputs, flat
    input_specs: tuple         # tf.TensorSpec of each input, batch size free
    output_names: tuple
    structure: Any             # the outputs as the model nests them (a tensor, list or dict), of Slots

    def run(self, inputs, observe=lambda slot, value: None):
        """Values of all slots, as a dict; `observe(slot, value)` is called on each as soon as it is there."""
        values = {}

        def put(slots, tensors):
            for slot, tensor in zip(slots, tensors):
                values[slot] = tensor
                observe(slot, tensor)

        with keras.StatelessScope():                    # no layer's state or list of losses is written to
            put(self.inputs, inputs)
            for step in self.steps:
                args, kwargs = keras.tree.map_structure(
                    lambda arg: values[arg] if isinstance(arg, Slot) else arg, (step.args, step.kwargs))
                put(step.outputs, keras.tree.flatten(step.call(*args, **kwargs)))
        return values

    def replace(self, replacements):
        """The same network with other calls; `replacements` maps a step's name to what is called instead."""
        steps = (dataclasses.replace(s, call=replacements.get(s.name, s.call)) for s in self.steps)
        return dataclasses.replace(self, steps=tuple(steps))

    def pruned(self, slots):
        """The same network without the steps that `slots` do not depend on."""
        needed, steps = set(slots), []
        for step in reversed(self.steps):
            if needed.intersection(step.outputs):
                needed.update(step.reads())
                steps.append(step)
        return dataclasses.replace(self, steps=tuple(reversed(steps)))

    def producer(self, slot):
        """The step that writes `slot`, or None for an input."""
        return next((step for step in self.steps if slot in step.outputs), None)


# --- from a Keras model to a Network ---------------------------------------------------------------------------

def unroll(model):
    """The `Network` of a Sequential or Functional model; `ValueError` for any other."""
    _require_graph(model)
    numbers = iter(range(10**9))
    new_slots = lambda count: tuple(Slot(next(numbers)) for _ in range(count))
    steps, inputs = [], new_slots(len(model.inputs))
    outputs = tuple(_write_out(model, inputs, "", steps, new_slots))
    _refuse_channels_first(steps)
    return Network(
        name=model.name, steps=tuple(steps), inputs=inputs, outputs=outputs,
        input_specs=tuple(tf.TensorSpec((None, *t.shape[1:]), t.dtype) for t in model.inputs),
        output_names=_output_names(model),
        structure=keras.tree.pack_sequence_as(_output_structure(model), outputs),
    ).pruned(outputs)


def _write_out(model, feeds, path, steps, new_slots):
    """Appends the model's calls to `steps`, nested models written out; returns the slots of its outputs."""
    slots = {id(tensor): slot for tensor, slot in zip(model.inputs, feeds)}
    calls = {}
    for node in _nodes(model):
        operation, arguments = node.operation, node.arguments
        args, kwargs = keras.tree.map_structure(
            lambda x: slots[id(x)] if isinstance(x, keras.KerasTensor) else x, (arguments.args, arguments.kwargs))
        calls[operation] = calls.get(operation, 0) + 1
        name = path + operation.name + (f"#{calls[operation]}" if calls[operation] > 1 else "")
        if is_graph(operation):
            outputs = _write_out(operation, keras.tree.flatten(args[0]), name + "/", steps, new_slots)
        else:
            outputs = new_slots(len(node.outputs))
            steps.append(Step(name, operation, operation, args, _for_inference(operation, kwargs), outputs,
                              tuple(node.outputs[0].shape)))
        slots.update(zip(map(id, node.outputs), outputs))
    return [slots[id(tensor)] for tensor in model.outputs]


def _nodes(model):
    """The model's graph as Keras keeps it: every call of a layer between inputs and outputs, in running order.

    Keras has no public way to read a model's graph. The attributes `_keras_history` and `_inbound_nodes`, read
    here and nowhere else, have been the same since the first release of Keras 3.
    """
    seen, order, stack = {id(tensor) for tensor in model.inputs}, [], []
    stack = [(tensor, False) for tensor in reversed(model.outputs)]
    while stack:
        tensor, inputs_done = stack.pop()
        if id(tensor) in seen:
            continue
        history = tensor._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        if inputs_done:
            seen.update(map(id, node.outputs))
            order.append(node)
        else:
            stack.append((tensor, True))
            stack.extend((source, False) for source in reversed(node.input_tensors))
    return order


def _output_structure(model):
    return getattr(model, "_functional", model)._outputs_struct      # a tensor, list or dict, as the caller nested it


def _output_names(model):
    structure = _output_structure(model)
    return tuple(structure) if isinstance(structure, dict) else tuple(t._keras_history.operation.name
                                                                      for t in model.outputs)


def is_graph(layer):
    """Whether `layer` is a model whose calls Keras has on record: Sequential or Functional."""
    if not isinstance(layer, keras.Model):
        return False
    if isinstance(layer, keras.Sequential):
        return layer.built and getattr(layer, "_functional", None) is not None
    definer = next(cls for cls in type(layer).__mro__ if "call" in vars(cls))
    return isinstance(layer, keras.Function) and definer.__module__.startswith("keras.")


def _require_graph(model):
    if not isinstance(model, keras.Model):
        raise TypeError(f"expected a Keras model, got {type(model).__name__}")
    if isinstance(model, keras.Sequential) and not is_graph(model):
        raise ValueError(f"the Sequential model {model.name!r} is not built yet, so it has no weights to explain: "
                         "begin it with keras.Input(shape=...), or call it once on a batch of images")
    if not is_graph(model):
        raise ValueError(f"{type(model).__name__} {model.name!r} is a subclassed model: its `call` is Python code, so "
                         "its layers cannot be followed one by one. Build it with the functional API "
                         "(keras.Model(inputs, outputs)) or as keras.Sequential; the weights can be carried over "
                         "with set_weights(get_weights())")


def _refuse_channels_first(steps):
    for step in steps:
        if getattr(step.layer, "data_format", None) == "channels_first":
            raise ValueError(f"layer {step.name!r} has data_format='channels_first', shape (n, channels, height, width)"
                             "; this package explains 'channels_last' models, shape (n, height, width, channels). "
                             "Rebuild the model with data_format='channels_last'; kernels have the same shape in both, "
                             "so the weights carry over (except those of a Dense layer after Flatten)")


def _for_inference(operation, kwargs):
    """The arguments with `training=False`, where the layer has such an argument."""
    call = getattr(operation, "call", operation)
    return {**kwargs, "training": False} if "training" in inspect.signature(call).parameters else kwargs


# --- finding layers --------------------------------------------------------------------------------------------

_PASSES_THROUGH = (keras.layers.Dropout, keras.layers.SpatialDropout2D, keras.layers.GaussianNoise,
                   keras.layers.GaussianDropout, keras.layers.AlphaDropout, keras.layers.Identity,
                   keras.layers.ActivityRegularization)
_RESHAPES = (keras.layers.Flatten, keras.layers.Reshape)
_NORMALISES = (keras.layers.BatchNormalization, keras.layers.LayerNormalization, keras.layers.GroupNormalization,
               keras.layers.Normalization)
_POOLS = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D,
          keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)


def feature_maps(network):
    """The steps whose output is a feature map: shape (n, height, width, k), made by a convolution, not pooled."""
    return [step for step in _after_first_weights(network)
            if _is_spatial(step) and not isinstance(step.layer, _POOLS + _PASSES_THROUGH)]


def _is_spatial(step):
    return len(step.shape) == 4 and tuple(step.shape[1:3]) != (1, 1)


def _after_first_weights(network):
    """The steps that depend on a layer with weights (a convolution), and those layers themselves."""
    made, found = set(), []
    for step in network.steps:
        has_weights = bool(getattr(step.layer, "weights", ())) and not isinstance(step.layer, _NORMALISES)
        if has_weights or made.intersection(step.reads()):
            made.update(step.outputs)
            found.append(step)
    return found


def last_feature_map(network):
    """The last feature map before any pooling: what global average pooling averages in a GAP network."""
    maps = feature_maps(network)
    if not maps:
        raise ValueError(f"model {network.name!r} has no feature map, i.e. no convolution layer whose output has the "
                         "shape (n, height, width, channels)")
    return maps[-1]


def convolution_maps(network):
    """For every convolution its feature map, after the normalisation and activation that directly follow it."""
    found = []
    for step in feature_maps(network):
        if hasattr(step.layer, "kernel_size"):
            step = _after_own_activation(network, step)
            if step not in found:
                found.append(step)
    return found


def _after_own_activation(network, step):
    while True:
        readers = [s for s in network.steps if step.outputs[0] in s.reads()]
        if len(readers) != 1 or not (isinstance(readers[0].layer, _NORMALISES) or is_activation(readers[0].layer)):
            return step
        step = readers[0]


def find_feature_map(network, layer):
    """The step named `layer` ("backbone/layer", or any unique end of it); None is the last feature map."""
    if layer is None:
        return last_feature_map(network)
    if not isinstance(layer, str):
        raise TypeError(f"layer must be a layer's name (str) or None, got {type(layer).__name__}")
    step = _find_step(network, layer)
    if not (_is_spatial(step) and not isinstance(step.layer, _POOLS)):
        raise ValueError(
            f"layer {layer!r} ({type(step.layer).__name__}, output shape {step.shape}) is not a feature map. A feature "
            "map is a layer's output of shape (n, height, width, channels) before pooling. This model has "
            + _listed([s.name for s in feature_maps(network)]))
    return step


def _find_step(network, address):
    matches = [s for s in network.steps if s.name == address] or \
              [s for s in network.steps if s.name.endswith("/" + address)]
    if len(matches) == 1:
        return matches[0]
    names = [step.name for step in network.steps]
    if matches:
        raise ValueError(f"layer {address!r} is not unique in model {network.name!r}; say which: "
                         + _listed([step.name for step in matches]))
    raise ValueError(f"model {network.name!r} has no layer {address!r} that this output depends on; "
                     "the nearest names are " + _listed(_nearest(address, names)))


def _nearest(address, names):
    by_end = {name.rsplit("/", 1)[-1]: name for name in names}
    close = difflib.get_close_matches(address, [*names, *by_end], n=5, cutoff=0.4)
    return list(dict.fromkeys(by_end.get(name, name) for name in close)) or names[-5:]


def _listed(names):
    return ", ".join(map(repr, names))


# --- the head: the score is the value before softmax -----------------------------------------------------------

_HEAD_ACTIVATIONS = ("softmax", "softmax_v2", "log_softmax", "log_softmax_v2", "sigmoid")


def activation_name(layer):
    """"relu", "softmax" ... of a layer that is nothing but an activation, or has one built in; else None."""
    if isinstance(layer, keras.layers.Activation) or not hasattr(layer, "activation"):
        if not is_activation(layer):
            return None
        function = getattr(layer, "activation", None) or type(layer)
    else:
        function = layer.activation
    if function is None:
        return None
    name = getattr(function, "__name__", type(function).__name__).lower()
    return None if name == "linear" else name


def is_activation(layer):
    """Whether `layer` does nothing but apply an activation function."""
    module = type(layer).__module__
    return isinstance(layer, keras.layers.Activation) or module.startswith(("keras.src.layers.activations.",
                                                                            "keras.src.activations."))


def with_activation(layer, activation):
    """The same layer, sharing every weight and setting, with another activation; the caller's own is left alone."""
    twin = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__, activation=activation)
    return twin


def without_head_activation(network):
    """The network with each output's final softmax (or sigmoid) left out, so that it puts out logits."""
    replacements = {}
    for slot in network.outputs:
        step = network.producer(slot)
        while step is not None and isinstance(step.layer, _PASSES_THROUGH + _RESHAPES):
            step = network.producer(step.reads()[0])
        if step is not None and activation_name(step.layer) in _HEAD_ACTIVATIONS:
            linear = (lambda x: x) if is_activation(step.layer) else \
                with_activation(step.layer, keras.activations.linear)
            replacements[step.name] = linear
    return network.replace(replacements)


# --- prepared once per model -----------------------------------------------------------------------------------

class Prepared:
    """What is worked out once per model: its network with logits as outputs, and compiled functions by key."""

    def __init__(self, model):
        self.network = without_head_activation(unroll(model))
        self._functions = {}
        self._lock = threading.RLock()

    def compiled(self, key, build):
        with self._lock:
            if key not in self._functions:
                self._functions[key] = build()
            return self._functions[key]


_PREPARED = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


def prepare(model):
    """The model's `Prepared`, from a cache that does not keep the model alive."""
    _require_graph(model)
    layers = _fingerprint(model)
    with _LOCK:
        known_layers, prepared = _PREPARED.get(model, (None, None))
        if known_layers != layers:
            prepared = Prepared(model)
            _PREPARED[model] = (layers, prepared)
        return prepared


def _fingerprint(model):
    """Changes when a layer was added or removed, or an activation exchanged. Weights may change freely."""
    return tuple((id(layer), id(getattr(layer, "activation", None)),
                  _fingerprint(layer) if isinstance(layer, keras.Model) else None) for layer in model.layers)


# --- checked input ---------------------------------------------------------------------------------------------

def checked_images(network, images):
    """The images (one array, or one per input of the model) as a tuple of tensors, after every check."""
    parts = _one_per_input(network, images)
    return tuple(tf.convert_to_tensor(_checked(part, spec) if len(spec.shape) == 4 else part, spec.dtype)
                 for part, spec in zip(parts, network.input_specs))


def _one_per_input(network, images):
    if len(network.inputs) == 1 and not isinstance(images, (list, tuple, dict)):
        return [images]
    if len(network.inputs) == 1:
        raise TypeError(f"images must be one array or tensor of shape (n, height, width, channels), got "
                        f"{type(images).__name__}; stack them with np.stack(images)")
    parts = keras.tree.flatten(images)
    if len(parts) != len(network.inputs):
        raise ValueError(f"model {network.name!r} has {len(network.inputs)} inputs, got {len(parts)}")
    return parts


def _checked(images, spec):
    images = np.asarray(images)
    expected = "a float array of shape " + _shape_text(spec.shape)
    if not np.issubdtype(images.dtype, np.floating):
        raise TypeError(f"images must be {expected}, in the range the model was trained on; got dtype {images.dtype}. "
                        "If these are 0...255 pixels, divide: images.astype('float32') / 255 (or use the model's own "
                        "preprocessing)")
    if images.ndim == 3 and len(spec.shape) == 4:
        raise ValueError(f"images must be {expected}; got one image of shape {images.shape}. "
                         "Add the batch axis: images[None]")
    if images.ndim != 4 or any(want not in (None, got) for want, got in zip(spec.shape, images.shape)):
        raise ValueError(f"images must be {expected}; got shape {images.shape}")
    if 0 in images.shape:
        raise ValueError(f"images must hold at least one image; got shape {images.shape}")
    if not np.isfinite(images).all():
        raise ValueError("images must be finite; got NaN or infinity")
    return images.astype(np.float32, copy=False)


def _shape_text(shape):
    names = ("n", "height", "width", "channels")
    return "(" + ", ".join(name if size is None else str(size) for name, size in zip(names, shape)) + ")"


def checked_classes(class_index, images, classes):
    """One class index per image as int32, -1 where the image's own predicted class is wanted."""
    n = int(images.shape[0])
    if class_index is None:
        return tf.fill([n], -1)
    indices = _checked_indices(class_index, classes)
    if indices.ndim == 0:
        return tf.fill([n], int(indices))
    if indices.shape != (n,):
        raise ValueError(f"class_index must be None, one int, or one int per image ({n}); got shape {indices.shape}")
    return tf.constant(indices, tf.int32)


def checked_class_lists(class_indices, images, classes):
    """Class indices as int32 of shape (n, k), from k of them (the same for every image) or from (n, k)."""
    n = int(images.shape[0])
    indices = _checked_indices(class_indices, classes)
    if indices.ndim not in (1, 2) or indices.size == 0 or (indices.ndim == 2 and len(indices) != n):
        raise ValueError("class_indices must be a list of ints, or an array of ints of shape (n images, k); "
                         f"got shape {indices.shape} for {n} images")
    return tf.constant(np.broadcast_to(indices, (n, indices.shape[-1])), tf.int32)


def _checked_indices(indices, classes):
    indices = np.asarray(indices)
    if not np.issubdtype(indices.dtype, np.integer):
        raise TypeError(f"class indices must be integers from 0 to {classes - 1}; got dtype {indices.dtype}")
    wrong = indices[(indices < 0) | (indices >= classes)]
    if wrong.size:
        raise ValueError(f"class index {int(wrong.flat[0])} is out of range: the model has {classes} classes, "
                         f"0 to {classes - 1}")
    return indices


# --- scores ----------------------------------------------------------------------------------------------------

def score_slot(network, output):
    """The slot of the output named `output`; None is allowed where there is only one."""
    if output is None:
        if len(network.outputs) > 1:
            raise ValueError(f"model {network.name!r} has several outputs; choose one with output=...: "
                             + _listed(network.output_names))
        return network.outputs[0]
    if output not in network.output_names:
        raise ValueError(f"model {network.name!r} has no output {output!r}; it has " + _listed(network.output_names))
    return network.outputs[network.output_names.index(output)]


def count_classes(network, slot):
    """How many classes the output has: its units, or two where one unit says yes or no."""
    step = network.producer(slot)
    if len(step.shape) != 2:
        raise ValueError(f"the output of model {network.name!r} has the shape {step.shape}, not (n, classes), so a "
                         "class index does not say which number is to be explained; pass score=..., a function from "
                         "the model's outputs to one number per image")
    return max(2, step.shape[1])


def class_seed(y, classes):
    """dS/dy for S = the chosen class's score; a class of -1 is the predicted one. y: (n, classes) -> same shape.

    One unit (a sigmoid before its head was cut) is a pair of classes with the scores (-y, y).
    """
    if y.shape[1] == 1:
        predicted = tf.cast(y[:, 0] > 0, tf.int32)
        chosen = tf.where(classes < 0, predicted, classes)
        return tf.cast(2 * chosen - 1, y.dtype)[:, None]
    chosen = tf.where(classes < 0, tf.argmax(y, axis=1, output_type=tf.int32), classes)
    return tf.one_hot(chosen, y.shape[1], dtype=y.dtype)


def score_seeds(network, forward, score):
    """dS/d(outputs) for a caller's own `score`, and the outputs' values packed as the model packs them."""
    outputs = [tf.convert_to_tensor(y) for y in forward]
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        packed = keras.tree.map_structure(lambda slot: outputs[network.outputs.index(slot)], network.structure)
        numbers = tf.convert_to_tensor(score(packed))
    n = outputs[0].shape[0]
    if numbers.shape != (n,):
        raise ValueError(f"score must return one number per image, shape ({n},); got shape {tuple(numbers.shape)}")
    return tape.gradient(numbers, outputs, unconnected_gradients="zero")


# --- explain: forward, stop, back ------------------------------------------------------------------------------

class Target:
    """What is differentiated: the chosen class's score of one output, or the caller's own score."""

    def __init__(self, prepared, images, class_index, output, score):
        network = prepared.network
        self.inputs = checked_images(network, images)
        if score is None:
            self.slots = (score_slot(network, output),)
            classes = count_classes(network, self.slots[0])
            self.chosen = (checked_classes(class_index, self.inputs[0], classes),)
            self.seed = class_seed
        else:
            if class_index is not None or output is not None:
                raise ValueError("pass either score=..., or class_index=... and output=..., not both")
            self.slots = network.outputs
            forward = prepared.compiled("forward", lambda: _compile(network, lambda inputs: [
                network.run(inputs)[slot] for slot in network.outputs]))
            self.chosen = tuple(score_seeds(network, forward(self.inputs), score))
            self.seed = _given_seed


def _given_seed(y, seed):
    return seed


def _compile(network, function, *more_specs):
    return tf.function(function, reduce_retracing=True)


def explain_feature_maps(model, images, equation, layers, class_index, output=None, score=None):
    """`equation(A, dy_dA)` at each of the layers, in one forward and one backward pass.

    The tape watches the feature maps A only, so it records what comes after the first of them, and the backward
    pass stops there. `layers` is a function from the network to its steps. Returns a dict name -> NumPy array.
    """
    prepared = prepare(model)
    target = Target(prepared, images, class_index, output, score)
    network = prepared.network.pruned(target.slots)
    steps = layers(network)
    wanted = {step.outputs[0] for step in steps}

    def build():
        def maps(inputs, chosen):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                values = network.run(inputs, lambda slot, value: slot in wanted and tape.watch(value))
                y = [values[slot] for slot in target.slots]
            A = [values[step.outputs[0]] for step in steps]
            dy_dA = tape.gradient(y, A, [target.seed(*pair) for pair in zip(y, chosen)])
            return [equation(tf.cast(a, tf.float32), tf.cast(g, tf.float32)) for a, g in zip(A, dy_dA)]
        return _compile(network, maps)

    key = (equation, tuple(step.name for step in steps), target.slots, target.seed)
    maps = prepared.compiled(key, build)(target.inputs, target.chosen)
    return {step.name: each.numpy() for step, each in zip(steps, maps)}


def explain_classes(model, images, equation, layer, class_indices, output=None):
    """`equation(A, dy_dA)` for several classes: one forward pass to A; from there on each class is a batch entry."""
    prepared = prepare(model)
    inputs = checked_images(prepared.network, images)
    slot = score_slot(prepared.network, output)
    chosen = checked_class_lists(class_indices, inputs[0], count_classes(prepared.network, slot))
    network = prepared.network.pruned([slot])
    step = find_feature_map(network, layer)

    def build():
        def maps(inputs, chosen):
            n, k = tf.unstack(tf.shape(chosen))
            with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
                values = network.run(inputs, lambda s, value: s == step.outputs[0] and tape.watch(value))
                y = values[slot]
            A = values[step.outputs[0]]
            return tf.stack([], 1)
        return _compile(network, maps)

    del build
    per_class = [explain_feature_maps(model, images, equation, lambda network: [step], chosen[:, i].numpy(), output)
                 for i in range(chosen.shape[1])]
    return np.stack([each[step.name] for each in per_class], axis=1)


def explain_pixels(model, images, gate, class_index, output=None, score=None):
    """dS/d(image) with every ReLU's backward pass replaced by `gate`'s; float32 (n, height, width, channels)."""
    prepared = prepare(model)
    target = Target(prepared, images, class_index, output, score)
    network = prepared.network.pruned(target.slots)

    def build():
        gated = with_gates(network, gate)

        def gradient(inputs, chosen):
            image = inputs[0]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(image)
                values = gated.run(inputs)
                y = [values[slot] for slot in target.slots]
            return tf.cast(tape.gradient(y, image, [target.seed(*pair) for pair in zip(y, chosen)]), tf.float32)
        return _compile(network, gradient)

    return prepared.compiled((gate, target.slots, target.seed), build)(target.inputs, target.chosen).numpy()


# --- gates for guided backpropagation --------------------------------------------------------------------------

_RELUS = ("relu", "relu6", "leaky_relu", "leakyrelu", "prelu")


def with_gates(network, gate):
    """The network with every ReLU f replaced by `gate(f)`; one warning names the activations that are no ReLUs."""
    replacements, others = {}, {}
    for step in network.steps:
        name = activation_name(step.layer)
        if name in _RELUS:
            replacements[step.name] = gate(step.call) if is_activation(step.layer) else \
                with_activation(step.layer, gate(step.layer.activation))
        elif name is not None and step.call is step.layer:
            others.setdefault(name, step.name)
    if others:
        listed = ", ".join(f"{name} (first in {layer!r})" for name, layer in others.items())
        warnings.warn(f"guided gates are defined for ReLUs; left as they are: {listed}", stacklevel=4)
    return network.replace(replacements)


# --- the head of CAM -------------------------------------------------------------------------------------------

def gap_head(network, slot):
    """(step of A, classifier layer) of a network that ends in global average pooling and one linear layer."""
    step = _before_pass_through(network, slot)
    classifier = step.layer if step else None
    if isinstance(classifier, keras.layers.Dense) or \
            (isinstance(classifier, keras.layers.Conv2D) and tuple(classifier.kernel_size) == (1, 1)):
        pooling = _before_pass_through(network, step.reads()[0])
        if pooling is not None and isinstance(pooling.layer, keras.layers.GlobalAveragePooling2D):
            return pooling.reads()[0], classifier
    raise ValueError(f"cam needs a network that ends in GlobalAveragePooling2D and one linear layer; {network.name!r} "
                     "does not. grad_cam explains networks of any head")


def _before_pass_through(network, slot):
    step = network.producer(slot)
    while step is not None and isinstance(step.layer, _PASSES_THROUGH + _RESHAPES):
        step = network.producer(step.reads()[0])
    return step


def explain_gap_head(model, images, equation, class_index, output=None):
    """`equation(A, w_c)`: A what GAP averages, w_c (n, k) the chosen class's weights."""
    prepared = prepare(model)
    network = prepared.network
    slot = score_slot(network, output)
    A_slot, classifier = gap_head(network, slot)
    target = Target(prepared, images, class_index, output, None)

    def build():
        pruned = network.pruned([slot])

        def maps(inputs, chosen):
            values = pruned.run(inputs)
            y = values[slot]
            w = tf.reshape(tf.convert_to_tensor(classifier.kernel), (-1, y.shape[-1]))
            w_c = tf.matmul(class_seed(tf.cast(y, tf.float32), chosen[0]), w, transpose_b=True)
            return equation(tf.cast(values[A_slot], tf.float32), w_c)
        return _compile(network, maps)

    return prepared.compiled((equation, slot), build)(target.inputs, target.chosen).numpy()
