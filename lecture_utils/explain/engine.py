"""What every explanation needs around its equation: checked input, one compiled pass per model, images in shares.

The pass itself stands in three functions, `explain_feature_maps`, `explain_classes` and `explain_pixels`: forward, then
back from the score as far as is asked and no further. Each is traced once per model and kept with it.
"""

import threading
import weakref

import keras
import numpy as np
import tensorflow as tf

from . import places, surgery

SHARE = 2**28       # floats that one pass may hold (1 GiB); more images are explained in shares


# --- the passes --------------------------------------------------------------------------------------------------

def explain_feature_maps(model, images, equation, layers, class_index=None, output=None, score=None):
    """`equation(A, dS_dA)` for the feature maps A of several layers, from one forward and one backward pass.

    The tape watches A alone, so it records only what comes after A, and the way back ends there.
    `layers`: names (or None for the last feature map), or None for every convolution. Returns a list of arrays
    and the layers' names.
    """
    prepared = prepare(model)
    inputs, chosen = _inputs_and_choice(prepared, images, class_index, output, score)

    def build():
        slots = _score_slots(prepared.network, output, score)
        network = prepared.network.pruned(slots)
        steps = surgery.convolution_maps(network) if layers is None else \
            [surgery.find_feature_map(network, layer) for layer in layers]
        watched = [step.outputs[0] for step in steps]

        def maps(inputs, chosen):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tensors = network.run(inputs, lambda slot, tensor: slot in watched and tape.watch(tensor))
                y = _scores(network, tensors, slots, score)
            A = [tensors[slot] for slot in watched]
            dS_dA = _gradient(tape, y, A, chosen, [step.name for step in steps])
            return [equation(_float32(a), _float32(g)) for a, g in zip(A, dS_dA)]

        kept = [slot for step in network.after(watched) for slot in step.outputs] + 2 * watched     # A, and dS/dA
        return _Pass(maps, network, chosen, kept), [step.name for step in steps]

    key = (equation, layers, output, score is None)
    function, names = prepared.once(key, build)
    return function(inputs, chosen), names


def explain_classes(model, images, equation, layer, class_indices, output=None):
    """`equation(A, dS_dA)` for k classes of every image: (n, k, ...). Up to A the images run once.

    From A on, an image stands in the batch once for every class; where even one image is too many then, the classes are
    taken in turns.
    """
    prepared = prepare(model)
    inputs = checked_inputs(prepared.network, images)
    chosen = _class_lists(class_indices, len(inputs[0]), _count_classes(prepared.network, output))

    def build():
        slots = _score_slots(prepared.network, output, None)
        network = prepared.network.pruned(slots)
        step = surgery.find_feature_map(network, layer)
        bottom, top = network.split(step.outputs[0])

        def maps(inputs, chosen):
            (chosen,) = chosen
            n, k = tf.unstack(tf.shape(chosen))
            tensors = bottom.run(inputs)
            once_per_class = [tf.repeat(tensors[slot], k, axis=0) for slot in top.inputs]
            maps = equation(*_gradient_from(top, once_per_class, slots, [tf.reshape(chosen, [-1])]))
            return tf.reshape(maps, tf.concat([[n, k], tf.shape(maps)[1:]], 0))

        kept = [slot for step in top.steps for slot in step.outputs] + 2 * list(top.inputs)
        return _Pass(maps, network, [chosen], kept)

    function = prepared.once((equation, layer, output), build)
    at_once = max(1, SHARE // function.kept(inputs))
    turns = [chosen[:, i:i + at_once] for i in range(0, chosen.shape[1], at_once)]
    return np.concatenate([function(inputs, [turn], copies=turn.shape[1]) for turn in turns], axis=1)


def explain_pixels(model, images, gate, class_index=None, output=None, score=None):
    """dS/d(image), every ReLU f on the way back exchanged for `gate(f)`: float32 (n, height, width, channels)."""
    prepared = prepare(model)
    inputs, chosen = _inputs_and_choice(prepared, images, class_index, output, score)

    def build():
        slots = _score_slots(prepared.network, output, score)
        network = prepared.network.pruned(slots)
        gated = surgery.with_gates(network, gate)

        def gradient(inputs, chosen):
            return _pixel_gradient(gated, slots, inputs, chosen, score)[1]

        return _Pass(gradient, network, chosen, _all_slots(network)), surgery.other_activations(network, slots)

    function, others = prepared.once((gate, output, score is None), build)
    _warn_of(others)
    return function(inputs, chosen)


def explain_pixels_and_map(model, images, gate, equation, combine, layer, class_index=None, output=None, score=None):
    """`combine(equation(A, dS_dA), dS/d(image) through the gates, cells of A)`, from one forward pass up to A.

    The cells are what `places` tells of them, None where it cannot.
    """
    prepared = prepare(model)
    inputs, chosen = _inputs_and_choice(prepared, images, class_index, output, score)
    size = inputs[image_input(prepared.network)].shape[1:3]

    def build():
        slots = _score_slots(prepared.network, output, score)
        network = prepared.network.pruned(slots)
        gated = surgery.with_gates(network, gate)
        step = surgery.find_feature_map(network, layer)
        _, top = network.split(step.outputs[0])
        cells = places.centres_or_none(network, step, size)

        def both(inputs, chosen):
            tensors, pixels = _pixel_gradient(gated, slots, inputs, chosen, score)
            A, dS_dA = _gradient_from(top, [tensors[slot] for slot in top.inputs], slots, chosen, score)
            return combine(equation(A, dS_dA), pixels, cells)

        return _Pass(both, network, chosen, _all_slots(network)), surgery.other_activations(network, slots)

    function, others = prepared.once((gate, equation, combine, layer, output, score is None, size), build)
    _warn_of(others)
    return function(inputs, chosen)


def _all_slots(network):
    return [slot for step in network.steps for slot in step.outputs]


def _pixel_gradient(network, slots, inputs, chosen, score):
    """All tensors of a run, and dS/d(image). An image of integers is differentiated as the same numbers in float32."""
    at = image_input(network)
    image = inputs[at] if inputs[at].dtype.is_floating else _float32(inputs[at])
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(image)
        tensors = network.run([*inputs[:at], image, *inputs[at + 1:]])
        y = _scores(network, tensors, slots, score)
    pixels = _float32(_gradient(tape, y, image, chosen, "the image"))
    return tensors, pixels if len(image.shape) == 4 else pixels[..., None]


def inputs_and_image(model, images):
    """The checked inputs, and the number of the one that is the image."""
    network = prepare(model).network
    return checked_inputs(network, images), image_input(network)


def image_input(network):
    """The number of the input that is the image: the first of shape (n, height, width, channels).

    Or the only one, if it is (n, height, width) and the model itself adds the channels.
    """
    ranks = [len(spec.shape) for spec in network.input_specs]
    if 4 in ranks:
        return ranks.index(4)
    if ranks == [3] and any(len(step.shape) == 4 for step in network.steps):
        return 0
    raise ValueError(f"model {network.name!r} has no input of shape (n, height, width, channels), so no image whose pixels "
                     f"could get a value; its inputs are {[tuple(spec.shape) for spec in network.input_specs]}")


def _gradient_from(top, inputs, slots, chosen, score=None):
    """A, the first input of the network `top`, and dS/dA."""
    A = inputs[0]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(A)
        y = _scores(top, top.run(inputs), slots, score)
    return _float32(A), _float32(_gradient(tape, y, A, chosen, "the feature map"))


def _gradient(tape, y, sources, chosen, names):
    """dS/d(sources); an error where the way back is interrupted."""
    gradients = tape.gradient(y, sources, _seeds(y, chosen))
    if any(gradient is None for gradient in tf.nest.flatten(gradients)):
        raise ValueError(f"no gradient comes back from the score to {names}: a layer in between is not differentiable "
                         "(it rounds, compares, takes an argmax, or stops gradients)")
    return gradients


def explain_gap_head(model, images, equation, class_index=None, output=None):
    """`equation(A, w_c)`: A what global average pooling averages, w_c (n, k) the chosen class's weights.

    The weights are the derivative of the score by the averages, so that it does not matter how a layer stores them.
    """
    prepared = prepare(model)
    inputs, chosen = _inputs_and_choice(prepared, images, class_index, output, None)

    def build():
        slots = _score_slots(prepared.network, output, None)
        network = prepared.network.pruned(slots)
        A, averages = surgery.gap_head(network, slots[0])

        def maps(inputs, chosen):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tensors = network.run(inputs, lambda slot, tensor: slot == averages and tape.watch(tensor))
                y = _scores(network, tensors, slots)
            w_c = _float32(_gradient(tape, y, tensors[averages], chosen, "the averages"))
            return equation(_float32(tensors[A]), tf.reshape(w_c, (-1, tensors[A].shape[-1])))

        return _Pass(maps, network, chosen)

    return prepared.once((equation, output), build)(inputs, chosen)


def feature_maps(model, images, layer=None, output=None, score=None):
    """The feature maps A themselves, float32 (n, h, w, k); forward only."""
    prepared = prepare(model)
    inputs = checked_inputs(prepared.network, images)

    def build():
        network = prepared.network.pruned(_score_slots(prepared.network, output, score))
        step = surgery.find_feature_map(network, layer)
        below = network.pruned(step.outputs)
        return _Pass(lambda inputs, _: _float32(below.run(inputs)[step.outputs[0]]), below)

    return prepared.once(("feature maps", layer, output, score is None), build)(inputs)


def cells(model, layer, size, output=None, score=None):
    """Where the cells of those feature maps look in images of a size; None, with a warning, where that cannot be told."""
    prepared = prepare(model)

    def build():
        network = prepared.network.pruned(_score_slots(prepared.network, output, score))
        return places.centres_or_none(network, surgery.find_feature_map(network, layer), size)

    return prepared.once(("cells", layer, output, score is None, size), build)


def scores(model, images, class_index=None, output=None, score=None, batches=1):
    """Forward only: the class scores y (n, classes), and the class asked for or else predicted, int (n,).

    A single unit gives the columns -y, y; a caller's own score is the one column there is. It is called once for each
    of `batches` equal parts of the images, so that it may hold something for each of its rows, a label for instance.
    """
    prepared = prepare(model)
    inputs = checked_inputs(prepared.network, images)
    n = len(inputs[0])
    if score is not None:
        refuse_both(class_index, output)
        parts = zip(*(tf.split(y, batches) for y in _forward(prepared, inputs, None, score)))
        return np.concatenate([_call(score, prepared, part) for part in parts])[:, None], np.zeros(n, int)
    chosen = _classes(class_index, n, _count_classes(prepared.network, output))
    y = _forward(prepared, inputs, output, None)[0].numpy()
    y = np.concatenate([-y, y], axis=1) if y.shape[1] == 1 else y
    return y, np.where(chosen < 0, y.argmax(axis=1), chosen)


def _forward(prepared, inputs, output, score):
    """The outputs that the score is computed from, before softmax, as tensors."""
    def build():
        slots = _score_slots(prepared.network, output, score)
        network = prepared.network.pruned(slots)

        def forward(inputs, _):
            return _scores(network, network.run(inputs), slots, score)
        return _Pass(forward, network)

    return [tf.constant(y) for y in prepared.once(("forward", output, score is None), build)(inputs)]


def _call(score, prepared, outputs):
    """The caller's score for outputs (n, ...) of the model: a tensor (n,)."""
    S, n = tf.convert_to_tensor(score(_nested(prepared.network, outputs))), len(outputs[0])
    if S.shape != (n,):
        raise ValueError(f"score must return one number per image, shape ({n},); it returned shape {tuple(S.shape)}")
    return S


def _nested(network, outputs):
    """The outputs as the model itself nests them."""
    return keras.tree.map_structure(lambda slot: outputs[network.outputs.index(slot)], network.structure)


def _float32(tensor):
    return tf.cast(tensor, tf.float32)


def _warn_of(others):
    if others:
        listed = ", ".join(f"{name} (in {steps[0]!r}{' and others' if len(steps) > 1 else ''})"
                           for name, steps in others.items())
        surgery.warn(f"gates are defined for ReLUs; other activations keep their own gradient: {listed}")


# --- the score S and where it comes from ---------------------------------------------------------------------------

def _score_slots(network, output, score):
    """The outputs that the score is computed from: the one called `output`, or all for a caller's own score."""
    if score is not None:
        return list(network.outputs)
    if output is None and len(network.outputs) > 1:
        raise ValueError(f"model {network.name!r} has several outputs; choose one with output=, one of "
                         f"{list(network.output_names)}")
    if output is not None and output not in network.output_names:
        raise ValueError(f"model {network.name!r} has no output {output!r}; it has {list(network.output_names)}")
    return [network.outputs[0 if output is None else network.output_names.index(output)]]


def _scores(network, tensors, slots, score=None):
    """The outputs before softmax. A softmax that can't be cut off is an error where a class is asked for."""
    for slot in slots if score is None else ():
        surgery.refuse_sealed_softmax(tensors[slot], network.name)
    return [surgery.before_softmax(tensors[slot]) for slot in slots]


def _seeds(y, chosen):
    """dS/dy for each output y; `chosen` is a class per image, or the gradients themselves for a caller's own score.

    A class of -1 is the image's predicted one. A single unit stands for two classes, no and yes, with scores -y and y.
    """
    if not chosen[0].dtype.is_integer:
        return [tf.cast(seed, each.dtype) for seed, each in zip(chosen, y)]
    (y,), (c,) = y, chosen
    if y.shape[-1] == 1:
        predicted = tf.cast(y[:, 0] > 0, tf.int32)
        return [tf.cast(2 * tf.where(c < 0, predicted, c) - 1, y.dtype)[:, None]]
    predicted = tf.argmax(y, axis=1, output_type=tf.int32)
    return [tf.one_hot(tf.where(c < 0, predicted, c), y.shape[-1], dtype=y.dtype)]


def _inputs_and_choice(prepared, images, class_index, output, score):
    """Checked images, and per image what is to be explained: its class, or the gradient of the caller's own score."""
    inputs = checked_inputs(prepared.network, images)
    if score is None:
        return inputs, [_classes(class_index, len(inputs[0]), _count_classes(prepared.network, output))]
    refuse_both(class_index, output)
    return inputs, _gradient_of(score, prepared, inputs)


def refuse_both(class_index, output):
    if class_index is not None or output is not None:
        raise ValueError("pass either score=, or class_index= and output=, not both")


def _gradient_of(score, prepared, inputs):
    """d(score)/d(outputs): the caller's function runs eagerly, once, outside of anything compiled."""
    outputs = _forward(prepared, inputs, None, score)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        S = _call(score, prepared, outputs)
    seeds = tape.gradient(S, outputs) if S.dtype.is_floating else [None]
    if all(seed is None for seed in seeds):
        raise ValueError("no gradient comes back from score: what it returns does not depend on the model's outputs, or "
                         "left TensorFlow on the way (.numpy(), np.asarray), or went through a step without gradient "
                         "(argmax, round, stop_gradient). Compute it from the outputs with tf or keras.ops")
    return [np.zeros_like(y) if seed is None else seed.numpy() for seed, y in zip(seeds, outputs)]


# --- once per model --------------------------------------------------------------------------------------------------

class _Prepared:
    """A model's network, and whatever was built for it, by key."""

    def __init__(self, model):
        self.network = surgery.unroll(model)
        self._built = {}
        self._lock = threading.RLock()

    def once(self, key, build):
        try:
            hash(key)
        except TypeError:       # such as a list of classes where a layer's name stands: `build` says what is wrong
            return build()
        with self._lock:
            if key not in self._built:
                self._built[key] = build()
            return self._built[key]


_prepared = weakref.WeakKeyDictionary()         # does not keep a model alive
_lock = threading.Lock()


def prepare(model):
    """The model's `_Prepared`; made anew only when something was changed that a traced pass has built in."""
    surgery.require_graph(model)
    with _lock:
        settings, prepared = _prepared.get(model, (None, None))
        if settings is None or not settings.still_hold(model):
            settings, prepared = surgery.Settings(model), _Prepared(model)
            _prepared[model] = settings, prepared
        return prepared


class _Pass:
    """A function of (inputs, chosen), lists of tensors with a row per image, traced once for any number of rows.

    Where the model leaves the images' size open, it is traced once for every size: Keras' resizing layers must know it.
    It runs on as many rows at a time as `SHARE` admits. Under a `tf.distribute` strategy of several replicas, each of
    them gets its part of every share.
    """

    def __init__(self, function, network, chosen=(), kept=()):
        """`kept`: the slots of what the pass keeps for each image until its end, for the way back."""
        self._function = function
        self._network = network
        self._dtypes = [spec.dtype for spec in network.input_specs]
        self._chosen = [tf.TensorSpec([None] * each.ndim, each.dtype) for each in chosen]
        self._slots_kept = kept
        self._compiled = {}
        self._lock = threading.Lock()

    def __call__(self, inputs, chosen=(), copies=1):
        n = len(inputs[0])
        run, kept, passing = self._for(inputs)
        count = -(-n // max(1, SHARE // max(copies * kept, passing)))
        shares = [slice(n * i // count, n * (i + 1) // count) for i in range(count)]        # of nearly the same size
        parts = [run([each[share] for each in inputs], [each[share] for each in chosen]) for share in shares]
        result = parts[0] if count == 1 else tf.nest.map_structure(lambda *each: np.concatenate(each), *parts)
        if not all(np.isfinite(each).all() for each in tf.nest.flatten(result)):
            largest = max(np.abs(each).max() for each in inputs)
            raise ValueError("the network's numbers overflow, or its weights hold NaN or infinity; the images' largest "
                             f"value is {largest:.3g}: are they in the range that the model expects?")
        return result

    def kept(self, inputs):
        """How many floats the pass keeps for each image."""
        return self._for(inputs)[1]

    def _for(self, inputs):
        """(what is called, floats kept, floats in passing) for inputs of this size."""
        strategy, sizes = tf.distribute.get_strategy(), tuple(each.shape[1:] for each in inputs)
        with self._lock:
            if (strategy, sizes) not in self._compiled:
                self._compiled[strategy, sizes] = self._compile(strategy, sizes), *self._floats()
        return self._compiled[strategy, sizes]

    def _floats(self):
        """Kept and in passing, for one image: as last traced, else as the model itself says."""
        floats = {slot: surgery.numbers(step.shape) for step in self._network.steps for slot in step.outputs}
        floats.update(self._network.sizes)
        kept = sum(floats.get(slot, 0) for slot in self._slots_kept)
        return max(1, kept), 4 * max(floats.values(), default=0)                # the widest step, and copies of it

    def _compile(self, strategy, sizes):
        if strategy.num_replicas_in_sync == 1:
            specs = [tf.TensorSpec([None, *size], dtype) for size, dtype in zip(sizes, self._dtypes)]
            compiled = tf.function(self._function, [specs, self._chosen], autograph=False).get_concrete_function()
            return lambda *arrays: tf.nest.map_structure(
                lambda tensor: tensor.numpy(), compiled(*tf.nest.map_structure(tf.constant, arrays)))
        compiled = tf.function(lambda *arrays: strategy.run(self._function, arrays), autograph=False,
                               reduce_retracing=True)
        return lambda *arrays: _on_replicas(strategy, compiled, arrays)


def _on_replicas(strategy, function, arrays):
    """The rows of `arrays` dealt out to the replicas in equal parts, filled up with the last row; results in order."""
    n, replicas = len(tf.nest.flatten(arrays)[0]), strategy.num_replicas_in_sync
    rows = np.array_split(np.minimum(np.arange(-(-n // replicas) * replicas), n - 1), replicas)
    per_replica = strategy.experimental_distribute_values_from_function(lambda context: tf.nest.map_structure(
        lambda each: tf.constant(each[rows[context.replica_id_in_sync_group]]), arrays))
    results = function(*per_replica)
    return tf.nest.map_structure(
        lambda each: np.concatenate([part.numpy() for part in strategy.experimental_local_results(each)])[:n], results)


# --- checks -----------------------------------------------------------------------------------------------------------

def checked_inputs(network, images):
    """The images as a list of arrays, one per input of the model and in its order, after every check."""
    specs, names = network.input_specs, network.input_names
    if len(specs) == 1:
        return [_checked_array(images if not isinstance(images, dict) else
                               surgery.in_order(images, names, network.name)[0], specs[0])]
    parts = surgery.in_order(images, names, network.name)
    if len(parts) != len(specs):
        raise ValueError(f"model {network.name!r} has {len(specs)} inputs, {list(names)}, got {len(parts)}")
    inputs = [_checked_array(part, spec) if len(spec.shape) == 4 else _checked_numbers(part, spec, name)
              for part, spec, name in zip(parts, specs, names)]
    if len({len(each) for each in inputs}) > 1:
        rows = ", ".join(f"{name!r} {len(each)}" for name, each in zip(names, inputs))
        raise ValueError(f"the inputs of model {network.name!r} must have a row per image each; got rows: {rows}")
    return inputs


def _checked_array(images, spec):
    kind = f"{spec.dtype.name}" if spec.dtype.is_integer else "float"
    expected = f"images must be a {kind} array of shape {_readable(spec.shape)}"
    if isinstance(images, (list, tuple, dict)):
        raise TypeError(f"{expected}; got a {type(images).__name__}. Stack them: np.stack(images)")
    images = np.asarray(images)
    if spec.dtype.is_integer and not np.issubdtype(images.dtype, np.integer):
        raise TypeError(f"{expected}, the pixels themselves, which the model scales; got dtype {images.dtype}")
    if not spec.dtype.is_integer and not np.issubdtype(images.dtype, np.floating):
        raise TypeError(f"{expected}, in the range that the model expects; got dtype {images.dtype}. If these are "
                        "pixels of 0...255, divide by 255 or use the model's own preprocessing")
    if images.ndim == len(spec.shape) - 1:
        raise ValueError(f"{expected}; got shape {images.shape}. If it is a single image, add the batch axis: "
                         "image[None]")
    if not _fits(images, spec):
        raise ValueError(f"{expected}; got shape {images.shape}")
    if images.size == 0:
        raise ValueError(f"{expected} with at least one image; got shape {images.shape}")
    if spec.dtype.is_integer and (images.min() < spec.dtype.min or images.max() > spec.dtype.max):
        raise ValueError(f"{expected}, {spec.dtype.min} to {spec.dtype.max}; got values from {images.min()} to "
                         f"{images.max()}")
    with np.errstate(over="ignore"):                            # a float64 beyond float32 becomes infinite
        images = images.astype(spec.dtype.as_numpy_dtype, copy=False)
    if not np.isfinite(images).all():
        raise ValueError(f"{expected} without NaN or infinity; it holds "
                         f"{np.count_nonzero(~np.isfinite(images))} such values")
    return images


def _checked_numbers(part, spec, name):
    """An input that is no image. As in Keras, an axis of length 1 at its end may be left out, or be one too many."""
    expected = f"input {name!r} must be an array of {spec.dtype.name} of shape {_readable(spec.shape)}"
    part = np.asarray(part)
    if spec.dtype == tf.string:
        return part
    if part.dtype.kind not in "fiub":
        raise TypeError(f"{expected}; got dtype {part.dtype}")
    part = part.astype(spec.dtype.as_numpy_dtype, copy=False)
    if part.ndim == len(spec.shape) - 1 and spec.shape[-1] == 1:
        part = part[..., None]
    elif part.ndim == len(spec.shape) + 1 and part.shape[-1] == 1:
        part = part[..., 0]
    if not _fits(part, spec):
        raise ValueError(f"{expected}; got shape {part.shape}")
    if part.dtype.kind == "f" and not np.isfinite(part).all():
        raise ValueError(f"{expected} without NaN or infinity; it holds {np.count_nonzero(~np.isfinite(part))} of them")
    return part


def _fits(array, spec):
    return array.ndim == len(spec.shape) and \
        all(size in (None, got) for size, got in zip(spec.shape[1:], array.shape[1:]))


def _readable(shape):
    names = ("n", "height", "width", "channels") if len(shape) == 4 else ("n", *["any"] * (len(shape) - 1))
    return "(" + ", ".join(name if size is None else str(size) for name, size in zip(names, shape)) + ")"


def _count_classes(network, output):
    """How many classes an output tells apart: its units, or two if there is one unit that says yes or no."""
    (slot,) = _score_slots(network, output, None)
    step = network.producer(slot)
    if step is None or len(step.shape) != 2:
        raise ValueError(f"the output of model {network.name!r} has shape {getattr(step, 'shape', None)}, not "
                         "(n, classes), so a class does not name one number of it; pass score=, a function from the "
                         "model's outputs to one number per image")
    return max(2, step.shape[1])


def _classes(class_index, n, count):
    """One class per image, int32 (n,); -1 stands for the predicted one."""
    if class_index is None:
        return np.full(n, -1, np.int32)
    classes = _checked_classes(class_index, count)
    if classes.shape not in ((), (n,)):
        raise ValueError(f"class_index must be None, an int, or one int per image, shape ({n},); got shape "
                         f"{classes.shape}")
    return np.broadcast_to(classes, (n,))


def _class_lists(class_indices, n, count):
    """k classes per image, int32 (n, k), from k ints for all of them or from (n, k)."""
    classes = np.asarray(class_indices)
    classes = _checked_classes(classes, count) if classes.size else classes
    if classes.ndim not in (1, 2) or classes.size == 0 or (classes.ndim == 2 and len(classes) != n):
        raise ValueError("class_indices must be a list of ints, the same for every image, or an array of shape "
                         f"({n}, k); got shape {classes.shape}")
    return np.broadcast_to(classes, (n, classes.shape[-1]))


def _checked_classes(classes, count):
    classes = np.asarray(classes)
    if not np.issubdtype(classes.dtype, np.integer):
        raise TypeError(f"a class index must be an integer from 0 to {count - 1}; got {classes.dtype} {classes!r}")
    wrong = classes[(classes < 0) | (classes >= count)]
    if wrong.size:
        raise ValueError(f"a class index must lie between 0 and {count - 1} (the model has {count} classes); got "
                         f"{wrong.flat[0]}")
    return classes.astype(np.int32)
