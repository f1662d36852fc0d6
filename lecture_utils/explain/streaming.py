"""Maps for more images than fit in memory: a generator that keeps one batch, shows progress, and can resume."""

import dis
import functools
import hashlib
import json
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from ..files import whole
from ..language import say
from . import surgery
from .cam import grad_cam


def explain_dataset(model, dataset, method=grad_cam, *, folder=None, progress=True, **options) -> Iterator[Any]:
    """Yields `method(model, images, **options)` for every batch of a `tf.data.Dataset`, in the dataset's order.

    dataset: batches of images, or tuples that begin with them, such as (images, labels); the images as `method`
        takes them, float (n, height, width, channels), for a model with several inputs a dict of arrays by the inputs'
        names, or a tuple of them within a tuple: ((first, second), labels). Of dicts with more in them, such as
        {"image": ..., "label": ...}, a model with one input takes what has its input's name.
    method: any method of this package, such as `grad_cam`, `grad_cam_layers` or `guided_backprop`.
    folder: where to keep the maps, a file `00000000.npz` per batch. A run that was interrupted goes on where it
        stopped: called again, it yields the batches that lie there already from disk, and computes the others.
    progress: whether to show a progress bar.
    options: arguments of the method: `layer`, `class_index` ...

    Memory does not grow with the number of images: one batch and its maps are held at a time.

        images = tf.data.Dataset.from_tensor_slices(paths).map(load).batch(32).prefetch(1)
        for maps in explain_dataset(model, images, folder="maps"):          # (32, h, w) at a time
            ...

    **Going on with a folder.** What was computed is compared with what is asked: the model's layers and weights, the
    method and its options, the code of functions among them and what that refers to, and a checksum of every batch's
    images. So the images are read again, though not explained again, and must be the same in the same batches each
    time: a data set that is shuffled anew or varied at random cannot be resumed, and is refused.

    **Several devices.** Build or load the model in the scope of a strategy, and call in it; nothing else changes:

        strategy = tf.distribute.MirroredStrategy()
        with strategy.scope():
            model = keras.models.load_model("model.keras")
            batches = explain_dataset(model, images, folder="maps")
        for maps in batches: ...

    Every batch is dealt out to the devices, so make it as many times larger. The maps are the same.

    **Several machines.** Images are explained each on its own, so nothing has to be exchanged: machine number i of m
    runs the same lines with `images.shard(m, i)` and a folder of its own.

    Raises ValueError if the folder holds maps of another model, method, dataset or options, also later, at the first
    batch that is not the one whose maps lie there; if the dataset's elements are not batches; TypeError if the method
    or an option holds something that cannot be compared; and whatever `method` raises.

    >>> import tensorflow as tf; from lecture_utils.explain.streaming import explain_dataset
    >>> images = tf.data.Dataset.from_tensor_slices(np.ones((5, 28, 28, 1), "float32")).batch(2)
    >>> [maps.shape for maps in explain_dataset(load_model("mnist_cnn"), images, layer="conv3", progress=False)]
    [(2, 7, 7), (2, 7, 7), (1, 7, 7)]
    """
    take = _images_of(model, dataset)
    strategy = tf.distribute.get_strategy()                     # the caller's; the generator may run outside its scope
    store = _Store(folder, model, dataset, method, options) if folder is not None else _NoStore()
    total = int(dataset.cardinality())
    return _batches(model, map(take, dataset), method, options, strategy, store,
                    tqdm(total=total if total >= 0 else None, unit="batch", disable=not progress))


def _batches(model, batches, method, options, strategy, store, bar):
    with bar:
        for number, images in enumerate(batches):
            maps = store.read(number, images)
            if maps is None:
                with strategy.scope():
                    maps = method(model, images, **options)
                store.write(number, images, maps)
            bar.update()
            yield maps


def _images_of(model, dataset):
    """The function that takes the images out of an element of the dataset, as arrays; an error if there are none."""
    if not isinstance(dataset, tf.data.Dataset):
        raise TypeError(say("dataset must be a tf.data.Dataset, got {kind}; for an array: "
                            "tf.data.Dataset.from_tensor_slices(images).batch(32)", kind=type(dataset).__name__))
    first = lambda element: element[0] if isinstance(element, tuple) else element
    spec, inputs = first(dataset.element_spec), getattr(model, "inputs", None) or []
    name = inputs[0].name if len(inputs) == 1 and isinstance(spec, dict) else None
    if name is not None and name not in spec:
        raise ValueError(say("dataset gives dicts of {names}; the model's input is called {name!r}. Take the images out: "
                             "dataset.map(lambda element: element[{first!r}])", names=", ".join(map(repr, spec)), name=name,
                             first=next(iter(spec))))
    take = first if name is None else lambda element: first(element)[name]
    spec = take(dataset.element_spec)
    rank = len(inputs[0].shape) if len(inputs) == 1 else 4
    if isinstance(spec, tf.TensorSpec) and spec.shape.rank not in (rank, None):
        shape = "(n, height, width, channels)" if rank == 4 else inputs[0].shape
        raise ValueError(say("dataset must give batches of images, shape {shape}, alone or first in a tuple; it gives {got}. "
                             "Single images: dataset.batch(32)", shape=shape, got=spec.shape))
    return lambda element: tf.nest.map_structure(lambda tensor: tensor.numpy(), take(element))


# --- the folder -------------------------------------------------------------------------------------------------------

class _NoStore:
    def read(self, number, images):
        return None

    def write(self, number, images, maps):
        pass


class _Store:
    """A folder with a file per batch, and one that says what they are maps of."""

    def __init__(self, folder, model, dataset, method, options):
        contents = {"architecture": _fingerprint(_architecture(model)), "weights": _fingerprint(model.weights),
                    "method": getattr(method, "__name__", type(method).__name__), "method's code": _fingerprint(method),
                    "options": {name: _fingerprint(value) for name, value in sorted(options.items())},
                    "dataset": repr(dataset.element_spec)}
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._claim(contents)

    def _claim(self, contents):
        note = self.folder / "contents.json"
        if not note.exists():
            with whole(note) as part:
                part.write_text(json.dumps(contents, indent=2))
        found = json.loads(note.read_text())
        other = [key for key in contents if found.get(key) != contents[key]]
        if other:
            raise ValueError(say("folder {folder!r} holds maps of another run, with other {other}; choose another folder or "
                                 "empty this one", folder=str(self.folder), other=", ".join(other)))

    def _path(self, number):
        return self.folder / f"{number:08d}.npz"

    def write(self, number, images, maps):
        arrays = {f"layer {name}": each for name, each in maps.items()} if isinstance(maps, dict) else {"maps": maps}
        with whole(self._path(number)) as part, open(part, "wb") as file:       # of a path np.savez would change the name
            np.savez(file, images=_fingerprint(images), **arrays)

    def read(self, number, images):
        """The maps of these images, None if they are not there yet."""
        if not self._path(number).exists():
            return None
        with np.load(self._path(number), allow_pickle=False) as arrays:
            if "images" not in arrays or str(arrays["images"]) != _fingerprint(images):
                raise ValueError(
                    say("batch {number} has other images, or more or fewer of them, than the one whose maps lie in folder "
                        "{folder!r}. Give the same data set in batches of the same size and in the same order (one that is "
                        "shuffled anew or varied at random cannot be resumed), or choose another folder", number=number,
                        folder=str(self.folder)))
            if "maps" in arrays:
                return arrays["maps"]
            return {name.removeprefix("layer "): arrays[name] for name in arrays if name != "images"}


# --- what a run was of ------------------------------------------------------------------------------------------------

def _fingerprint(value):
    """A checksum of whatever decides what a run computes: numbers, arrays, models, functions. In another process it is
    the same. Raises TypeError for what cannot be compared, such as an open file.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in _parts(value, ()):
        digest.update(part)
    return digest.hexdigest()


def _parts(value, within):
    """All that tells `value` from another, as bytes; `within`: what it is a part of."""
    if any(value is each for each in within):                   # a function that calls itself
        yield b"(itself)"
        return
    own, inner = _contents(value)
    yield f"({type(value).__qualname__} {len(own)} {len(inner)} ".encode()
    yield own
    for each in inner:
        yield from _parts(each, (*within, value))


def _contents(value):
    """What a value is by itself, as bytes, and the list of the values that it consists of."""
    if isinstance(value, (tf.Tensor, tf.Variable, keras.Variable)):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        kind = f"{value.dtype} {value.shape} ".encode()
        return (kind, value.ravel().tolist()) if value.dtype == object else (kind + value.tobytes(), [])
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, slice, range, np.generic)):
        return repr(value).encode(), []
    if isinstance(value, dict):
        return b"", [each for item in sorted(value.items(), key=lambda item: repr(item[0])) for each in item]
    if isinstance(value, (list, tuple)):
        return b"", list(value)
    if isinstance(value, (set, frozenset)):
        return b"", sorted(map(_fingerprint, value))
    if isinstance(value, functools.partial):
        return b"", [value.func, value.args, value.keywords]
    if isinstance(value, types.MethodType):
        return b"", [value.__func__, value.__self__]
    if isinstance(value, types.FunctionType):
        return _name(value), [value.__code__, value.__defaults__, value.__kwdefaults__, _surroundings(value)]
    if isinstance(value, types.CodeType):
        return value.co_code, [value.co_names, value.co_consts]
    if isinstance(value, types.ModuleType):
        return value.__name__.encode(), []
    if isinstance(value, type):
        code = {} if _can_be_imported(value) else \
            {name: each for name, each in vars(value).items() if isinstance(each, types.FunctionType)}
        return _name(value), [code]
    if isinstance(value, keras.Model):
        return b"", [_architecture(value), value.weights]
    if isinstance(value, keras.layers.Layer):
        return b"", [_settings(value), value.weights]
    if isinstance(value, types.BuiltinFunctionType | np.ufunc):
        return _name(value), [getattr(value, "__self__", None)]
    if hasattr(value, "python_function"):                       # a tf.function
        return b"", [value.python_function]
    try:
        state = value.__reduce_ex__(2)    # what it is made of; nothing is pickled
    except TypeError as error:
        raise TypeError(say("method= or its options hold or refer to a {kind}, which cannot be compared with that of another "
                            "run, so nothing could be resumed; give them numbers, arrays, functions and models only, or leave "
                            "folder= out", kind=type(value).__name__)) from error
    return b"", [type(value), *(list(each) if isinstance(each, Iterator) else each for each in state)]


def _surroundings(function):
    """What a function closes over and which globals it refers to, by name; nothing for one that can be imported."""
    if _can_be_imported(function):
        return {}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    closed = {name: cell.cell_contents for name, cell in cells if cell != types.CellType()}
    return closed | {name: function.__globals__[name] for name in _globals_of(function.__code__)
                     if name in function.__globals__}


def _globals_of(code):
    """The names of globals that are loaded by a function's code, or by that of functions within it."""
    names = {each.argval for each in dis.get_instructions(code) if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return names.union(*(_globals_of(each) for each in code.co_consts if isinstance(each, types.CodeType)))


def _can_be_imported(value):
    """Whether a function or class is what its module knows under its name; what a notebook defines is not."""
    found = sys.modules.get(value.__module__) if value.__module__ != "__main__" else None
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is value


def _name(value):
    return f"{getattr(value, '__module__', '')}.{value.__name__}".encode()


def _architecture(model):
    """Each call of each layer: what it is, how it is set, what it reads. Of the names only those of feature maps count,
    by which layers are asked for and come back; others change when the same model is built twice in one session.
    """
    if not surgery.is_graph(model):
        return [type(model)]
    network = surgery.unroll(model)
    named = {*surgery.feature_maps(network), *surgery.token_maps(network)}
    return [[step.name if step in named else None, _settings(step.layer), step.args, step.kwargs]
            for step in network.steps]


def _settings(layer):
    """The type of a layer or operation and its settings, without its name."""
    if isinstance(layer, keras.layers.Lambda):                  # its config has the function in a form that varies
        return [layer.function, layer.arguments]
    try:
        with warnings.catch_warnings(action="ignore"):          # that a function could not be loaded, which nobody asks
            config = layer.get_config()
    except NotImplementedError:                                 # a layer of the user's own that has none
        config = {}
    settings = {key: each for key, each in config.items() if key != "name"}
    return [type(layer), settings, getattr(layer, "activation", None)]
