"""What every explanation needs around its equation: one compiled pass per model, and images that go through it in shares.

What is called `explain_...` goes forward, then back from the score as far as is asked and no further; `feature_maps` and
`scores` go forward only. The words:

    step        one call of one layer; `surgery` unrolls a model into a straight list of them
    slot        the number of one tensor in that list, which a step writes and others read
    score       S, the one number per image that is explained: a class's (`ClassScore`) or the caller's own (`OwnScore`)
    seed        dS/dy for an output y from which S is computed: what the way back starts with
    chosen      what a pass is told of every image besides its pixels: its class, or the seeds themselves
    pass        a compiled function of images and what is chosen, traced once per model and stored with it (`_Pass`)
    kept        the slots whose tensors a pass holds for each image until its end, because the way back needs them
    share       the images that go through a pass at a time: no more than may be kept of them (`SHARE`)
"""

import threading
import weakref

import keras
import numpy as np
import tensorflow as tf

from ..language import say
from . import arguments, places, surgery

SHARE = 2**28       # floats that one pass may hold (1 GiB); more images are explained in shares


# --- the passes --------------------------------------------------------------------------------------------------

def explain_feature_maps(model, images, equation, layers, score, grid=None):
    """`equation(A, dS_dA)` for the feature maps A of several layers, from one forward and one backward pass.

    The tape watches A alone, so it records only what comes after A, and the way back ends there.
    `layers`: names (or None for the last feature map), or None for every convolution. `grid`: of maps of tokens, None for
    what `surgery` finds. Returns a list of arrays and the layers' names.
    """
    prepared, inputs = _prepared_inputs(model, images)
    chosen = score.chosen(prepared, inputs)

    def build():
        network = prepared.network_to(score)
        steps = surgery.convolution_maps(network) if layers is None else \
            [surgery.find_feature_map(network, layer, grid) for layer in layers]
        watched = [step.outputs[0] for step in steps]

        def maps(inputs, chosen):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tensors = network.run(inputs, lambda slot, tensor: slot in watched and tape.watch(tensor))
                y = score.outputs(network, tensors)
            A = [tensors[slot] for slot in watched]
            dS_dA = _gradient(tape, y, A, score.seeds(y, chosen), [step.name for step in steps])
            return [equation(_at_places(a, step.grid), _at_places(g, step.grid))
                    for a, g, step in zip(A, dS_dA, steps, strict=True)]

        kept = [slot for step in network.after(watched) for slot in step.outputs] + 2 * watched     # A, and dS/dA
        return _Pass(maps, network, chosen, kept), [step.name for step in steps]

    function, names = prepared.once(("maps of layers", equation, layers, score.key, grid), build)
    return function(inputs, chosen), names


def explain_classes(model, images, equation, layer, class_indices, output=None, grid=None):
    """`equation(A, dS_dA)` for k classes of every image: (n, k, ...). Up to A the images run once.

    From A on, an image stands in the batch once for every class; where even one image is too many then, the classes are
    taken in turns.
    """
    prepared, inputs = _prepared_inputs(model, images)
    score = ClassScore(None, output)
    chosen = arguments.class_lists(prepared.network, output, class_indices, len(inputs[0]))

    def build():
        network = prepared.network_to(score)
        step = surgery.find_feature_map(network, layer, grid)
        bottom, top = network.split(step.outputs[0])

        def maps(inputs, chosen):
            (chosen,) = chosen
            n, k = tf.unstack(tf.shape(chosen))
            tensors = bottom.run(inputs)
            once_per_class = [tf.repeat(tensors[slot], k, axis=0) for slot in top.inputs]
            maps = equation(*_gradient_from(top, once_per_class, score, [tf.reshape(chosen, [-1])], step.grid))
            return tf.reshape(maps, tf.concat([[n, k], tf.shape(maps)[1:]], 0))

        kept = [slot for step in top.steps for slot in step.outputs] + 2 * list(top.inputs)
        return _Pass(maps, network, [chosen], kept)

    function = prepared.once(("maps of classes", equation, layer, score.key, grid), build)
    at_once = max(1, SHARE // function.kept(inputs))
    turns = [chosen[:, i:i + at_once] for i in range(0, chosen.shape[1], at_once)]
    return np.concatenate([function(inputs, [turn], copies=turn.shape[1]) for turn in turns], axis=1)


def explain_pixels(model, images, gate, score, layer=None, equation=None, combine=None, grid=None):
    """dS/d(image), every ReLU f on the way back exchanged for `gate(f)`: float32 (n, height, width, channels).

    With `combine` it is `combine(equation(A, dS_dA), dS/d(image), cells of A)`, A the feature maps of `layer`, from the
    same forward pass up to A. The cells are what `places` tells of them, None where it cannot.
    """
    prepared, inputs = _prepared_inputs(model, images)
    chosen = score.chosen(prepared, inputs)
    size = inputs[image_input(prepared.network)].shape[1:3]

    def build():
        network = prepared.network_to(score)
        gated = surgery.with_gates(network, gate)
        if combine:
            step = surgery.find_feature_map(network, layer, grid)
            _, top = network.split(step.outputs[0])
            cells = places.centres_or_none(network, step, size)

        def gradient(inputs, chosen):
            tensors, pixels = _pixel_gradient(gated, inputs, score, chosen)
            if not combine:
                return pixels
            A, dS_dA = _gradient_from(top, [tensors[slot] for slot in top.inputs], score, chosen, step.grid)
            return combine(equation(A, dS_dA), pixels, cells)

        kept = [slot for step in network.steps for slot in step.outputs]
        return _Pass(gradient, network, chosen, kept), surgery.other_activations(network, score.slots(network))

    function, others = prepared.once(("pixels", gate, layer, equation, combine, score.key, size, grid), build)
    _warn_of(others)
    return function(inputs, chosen)


def explain_gap_head(model, images, equation, score, grid=None):
    """`equation(A, w_c)`: A what global average pooling averages, w_c (n, k) the chosen class's weights.

    The weights are the derivative of the score by the averages, so that it does not matter how a layer stores them.
    """
    prepared, inputs = _prepared_inputs(model, images)
    chosen = score.chosen(prepared, inputs)

    def build():
        network = prepared.network_to(score)
        A, averages = surgery.gap_head(network, *score.slots(network))
        places_of_A = getattr(surgery.averaged(network, *score.slots(network), grid), "grid", None)

        def maps(inputs, chosen):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tensors = network.run(inputs, lambda slot, tensor: slot == averages and tape.watch(tensor))
                y = score.outputs(network, tensors)
            w_c = _float32(_gradient(tape, y, tensors[averages], score.seeds(y, chosen), say("the averages")))
            return equation(_at_places(tensors[A], places_of_A), tf.reshape(w_c, (-1, tensors[A].shape[-1])))

        return _Pass(maps, network, chosen)

    return prepared.once(("GAP head", equation, score.key, grid), build)(inputs, chosen)


def explain_gap_head_classes(model, images, equation, class_indices, output=None, grid=None):
    """`equation(A, w)` for c classes of every image: A as in `explain_gap_head`, w (n, c, k); one forward pass."""
    prepared, inputs = _prepared_inputs(model, images)
    score = ClassScore(None, output)
    if class_indices is None:
        class_indices = np.arange(arguments.count_classes(prepared.network, output))
    chosen = arguments.class_lists(prepared.network, output, class_indices, len(inputs[0]))

    def build():
        network = prepared.network_to(score)
        A, averages = surgery.gap_head(network, *score.slots(network))
        places_of_A = getattr(surgery.averaged(network, *score.slots(network), grid), "grid", None)
        bottom, top = network.split(averages)
        count = arguments.count_classes(network, output)

        def maps(inputs, chosen):
            tensors = bottom.run(inputs)
            nowhere = tf.zeros([count, *tensors[averages].shape[1:]], tensors[averages].dtype)
            _, w = _gradient_from(top, [nowhere], score, [tf.range(count)], None)     # the same anywhere: the head is linear
            return equation(_at_places(tensors[A], places_of_A), tf.gather(tf.reshape(w, (count, -1)), chosen[0]))

        return _Pass(maps, network, [chosen], kept=[averages])

    function = prepared.once(("classes of a GAP head", equation, score.key, grid), build)
    return function(inputs, [chosen], copies=chosen.shape[1])


def explain_attention(model, images, equation, score, weighted, grid=None):
    """`equation(A, dS_dA, grid)` for the attention A (n, heads, tokens, tokens) of every block, a list; dS_dA likewise.

    Not `weighted`, there is no way back, and dS_dA is empty.
    """
    prepared, inputs = _prepared_inputs(model, images)
    chosen = score.chosen(prepared, inputs)

    def build():
        network = prepared.network_to(score)
        steps = surgery.self_attention(network)
        places_of_A, names = surgery.attended_tokens(network, grid).grid, [step.name for step in steps]

        def maps(inputs, chosen):
            A = []
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                y = score.outputs(network, _telling_attention(network, steps, tape, A).run(inputs))
            dS_dA = _gradient(tape, y, A, score.seeds(y, chosen), names) if weighted else []
            return equation(*(tf.nest.map_structure(_float32, each) for each in (A, dS_dA)), places_of_A)

        kept = [slot for step in network.after(steps[0].reads) for slot in step.outputs] + (1 + weighted) * names
        return _Pass(maps, network, chosen, kept)

    return prepared.once(("attention", equation, score.key, weighted, grid), build)(inputs, chosen)


def _telling_attention(network, steps, tape, A):
    """The network, of which each of the `steps` appends its attention to the list A while the tape runs."""
    def telling(step):
        def call(*args, **kwargs):
            tape.watch(args[0] if args else kwargs["query"])    # what is computed from it is recorded: the attention, too
            output, scores = step.call(*args, **{**kwargs, "return_attention_scores": True})
            A.append(scores)
            network.sizes[step.name] = surgery.numbers(scores.shape)
            return (output, scores) if len(step.outputs) == 2 else output
        return call

    return network.with_calls({step.name: telling(step) for step in steps})


def feature_maps(model, images, layer, score, grid=None):
    """The feature maps A themselves, float32 (n, h, w, k); forward only."""
    prepared, inputs = _prepared_inputs(model, images)

    def build():
        network = prepared.network_to(score)
        step = surgery.find_feature_map(network, layer, grid)
        below = network.pruned(step.outputs[:1])
        return _Pass(lambda inputs, _: _at_places(below.run(inputs)[step.outputs[0]], step.grid), below)

    return prepared.once(("feature maps", layer, score.key, grid), build)(inputs)


def scores(model, images, score, batches=1):
    """Forward only: the class scores y (n, classes), and the class asked for or else predicted, int (n,).

    A single unit gives the columns -y, y; a caller's own score is the one column there is. It is called once for each
    of `batches` equal parts of the images, so that it may hold something for each of its rows, a label for instance.
    """
    return score.values(*_prepared_inputs(model, images), batches)


def _forward(prepared, inputs, score):
    """The outputs that the score is computed from, before softmax, as tensors."""
    def build():
        network = prepared.network_to(score)
        return _Pass(lambda inputs, _: score.outputs(network, network.run(inputs)), network)

    return [tf.constant(y) for y in prepared.once(("forward", score.key), build)(inputs)]


def _prepared_inputs(model, images):
    prepared = prepare(model)
    return prepared, arguments.checked_inputs(prepared.network, images)


def _pixel_gradient(network, inputs, score, chosen):
    """All tensors of a run, and dS/d(image). An image of integers is differentiated as the same numbers in float32."""
    at = image_input(network)
    image = inputs[at] if inputs[at].dtype.is_floating else _float32(inputs[at])
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(image)
        tensors = network.run([*inputs[:at], image, *inputs[at + 1:]])
        y = score.outputs(network, tensors)
    pixels = _float32(_gradient(tape, y, image, score.seeds(y, chosen), say("the image")))
    return tensors, pixels if len(image.shape) == 4 else pixels[..., None]


def _gradient_from(top, inputs, score, chosen, grid):
    """A, the first input of the network `top`, and dS/dA, both (n, h, w, k)."""
    A = inputs[0]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(A)
        y = score.outputs(top, top.run(inputs))
    return _at_places(A, grid), _at_places(_gradient(tape, y, A, score.seeds(y, chosen), say("the feature map")), grid)


def _gradient(tape, y, sources, seeds, names):
    """dS/d(sources); an error where the way back is interrupted."""
    gradients = tape.gradient(y, sources, seeds)
    if any(gradient is None for gradient in tf.nest.flatten(gradients)):
        raise ValueError(say("no gradient comes back from the score to {names}: a layer in between is not differentiable (it "
                             "rounds, compares, takes an argmax, or stops gradients)", names=names))
    return gradients


def _at_places(A, grid):
    """A feature map, or what belongs to one, as float32 (n, h, w, k): tokens laid on their grid, a class token left out."""
    A = _float32(A)
    return A if grid is None else tf.reshape(A[:, -grid[0] * grid[1]:], (-1, *grid, A.shape[-1]))


def _float32(tensor):
    return tf.cast(tensor, tf.float32)


def _warn_of(others):
    if others:
        where = lambda steps: (say("in {layer!r} and others", layer=steps[0]) if len(steps) > 1 else
                               say("in {layer!r}", layer=steps[0]))
        listed = ", ".join(f"{name} ({where(steps)})" for name, steps in others.items())
        surgery.warn(say("gates are defined for ReLUs; other activations keep their own gradient: {listed}", listed=listed))


# --- beside the passes ------------------------------------------------------------------------------------------------

def cells(model, layer, size, score, grid=None):
    """Where the cells of those feature maps look in images of a size; None, with a warning, where that cannot be told."""
    prepared = prepare(model)

    def build():
        network = prepared.network_to(score)
        return places.centres_or_none(network, surgery.find_feature_map(network, layer, grid), size)

    return prepared.once(("cells", layer, score.key, size, grid), build)


def ends_in_sigmoid(model, sizes, output=None):
    """Whether an output is a sigmoid of each of its units, so that each answers for itself. `sizes`: of the inputs, without n.

    Asked of the traced graph, as where the sigmoid is cut off: it may stand in any layer's code.
    """
    prepared = prepare(model)
    network = prepared.network

    def trace():
        slot = arguments.output_slot(network, output)
        specs = [tf.TensorSpec((None, *size), spec.dtype) for size, spec in zip(sizes, network.input_specs, strict=True)]
        traced = tf.function(lambda *inputs: network.pruned([slot]).run(inputs)[slot], autograph=False)
        return surgery.is_sigmoid(traced.get_concrete_function(*specs).outputs[0])

    return prepared.once(("sigmoid", output), trace)


def inputs_and_image(model, images):
    """The checked inputs, and the number of the one that is the image."""
    prepared, inputs = _prepared_inputs(model, images)
    return inputs, image_input(prepared.network)


def image_input(network):
    """The number of the input that is the image: the first of shape (n, height, width, channels).

    Or the only one, if it is (n, height, width) and the model itself adds the channels.
    """
    ranks = [len(spec.shape) for spec in network.input_specs]
    if 4 in ranks:
        return ranks.index(4)
    if ranks == [3] and any(len(step.shape) == 4 for step in network.steps):
        return 0
    raise ValueError(say("model {model!r} has no input of shape (n, height, width, channels), so no image whose pixels could "
                         "get a value; its inputs are {shapes}", model=network.name,
                         shapes=[tuple(spec.shape) for spec in network.input_specs]))


# --- the score S and where it comes from ---------------------------------------------------------------------------

def score_of(class_index, output, function):
    """The score that a caller asks for: a class's, or that of a function of their own."""
    if function is None:
        return ClassScore(class_index, output)
    if class_index is not None or output is not None:
        raise ValueError(say("pass either score=, or class_index= and output=, not both"))
    return OwnScore(function)


class ClassScore:
    """The score y^c of a class: unit c of one output, before softmax. `class_index` and `output` as for `grad_cam`.

    A single unit stands for two classes, no and yes, with scores -y and y.
    """

    def __init__(self, class_index=None, output=None):
        self.class_index, self.output = class_index, output
        self.key = ClassScore, output           # what a traced pass rests on; the classes are fed to it

    def slots(self, network):
        """The outputs that the score is computed from."""
        return [arguments.output_slot(network, self.output)]

    def outputs(self, network, tensors):
        """Their tensors before softmax; one that can't be cut off is an error."""
        (slot,) = self.slots(network)
        surgery.refuse_sealed_softmax(tensors[slot], network.name)
        return [surgery.before_softmax(tensors[slot])]

    def chosen(self, prepared, inputs):
        """A class per image; -1 stands for the predicted one."""
        return [arguments.classes(prepared.network, self.output, self.class_index, len(inputs[0]))]

    def seeds(self, y, chosen):
        """dS/dy for the one output y."""
        (y,), (c,) = y, chosen
        if y.shape[-1] == 1:
            predicted = tf.cast(y[:, 0] > 0, tf.int32)
            return [tf.cast(2 * tf.where(c < 0, predicted, c) - 1, y.dtype)[:, None]]
        predicted = tf.argmax(y, axis=1, output_type=tf.int32)
        return [tf.one_hot(tf.where(c < 0, predicted, c), y.shape[-1], dtype=y.dtype)]

    def values(self, prepared, inputs, batches):
        """What `scores` returns; one forward pass does for all `batches`."""
        (chosen,), (y,) = self.chosen(prepared, inputs), _forward(prepared, inputs, self)
        y = y.numpy()
        y = np.concatenate([-y, y], axis=1) if y.shape[1] == 1 else y
        return y, np.where(chosen < 0, y.argmax(axis=1), chosen)


class OwnScore:
    """What a caller's function makes of all outputs before softmax, nested as the model nests them: a number per image.

    The function runs eagerly, outside of anything compiled, so that one pass serves all such functions.
    """

    def __init__(self, function):
        self.function = function
        self.key = OwnScore

    def slots(self, network):
        """The outputs that the score is computed from."""
        return list(network.outputs)

    def outputs(self, network, tensors):
        """Their tensors before softmax; where it can't be cut off, the function gets the probabilities."""
        return [surgery.before_softmax(tensors[slot]) for slot in self.slots(network)]

    def chosen(self, prepared, inputs):
        """The seeds d(score)/d(outputs): the caller's function runs here, once."""
        outputs = _forward(prepared, inputs, self)
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            S = self._call(prepared.network, outputs)
        seeds = tape.gradient(S, outputs) if S.dtype.is_floating else [None]
        if all(seed is None for seed in seeds):
            raise ValueError(say("no gradient comes back from score: what it returns does not depend on the model's outputs, or "
                                 "left TensorFlow on the way (.numpy(), np.asarray), or went through a step without gradient "
                                 "(argmax, round, stop_gradient). Compute it from the outputs with tf or keras.ops"))
        return [np.zeros_like(y) if seed is None else seed.numpy() for seed, y in zip(seeds, outputs, strict=True)]

    def seeds(self, y, chosen):
        """dS/dy for each output y."""
        return [tf.cast(seed, each.dtype) for seed, each in zip(chosen, y, strict=True)]

    def values(self, prepared, inputs, batches):
        """What `scores` returns: one column."""
        parts = zip(*(tf.split(y, batches) for y in _forward(prepared, inputs, self)), strict=True)
        return (np.concatenate([self._call(prepared.network, part) for part in parts])[:, None],
                np.zeros(len(inputs[0]), int))

    def _call(self, network, outputs):
        """The function's value for outputs (n, ...) of the model: a tensor (n,)."""
        nested = keras.tree.map_structure(lambda slot: outputs[network.outputs.index(slot)], network.structure)
        S, n = tf.convert_to_tensor(self.function(nested)), len(outputs[0])
        if S.shape != (n,):
            raise ValueError(say("score must return one number per image, shape ({n},); it returned shape {shape}", n=n,
                                 shape=tuple(S.shape)))
        return S


# --- once per model --------------------------------------------------------------------------------------------------

class _Prepared:
    """A model's network, and whatever was built for it, by key."""

    def __init__(self, model):
        self.network = surgery.unroll(model)
        self._built = {}
        self._lock = threading.RLock()

    def network_to(self, score):
        """The network without the steps that the score does not depend on."""
        return self.network.pruned(score.slots(self.network))

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
            raise ValueError(say("the network's numbers overflow, or its weights hold NaN or infinity; the images' largest "
                                 "value is {largest:.3g}: are they in the range that the model expects?", largest=largest))
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
            specs = [tf.TensorSpec([None, *size], dtype) for size, dtype in zip(sizes, self._dtypes, strict=True)]
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
