"""Maps for more images than fit in memory: a generator that keeps one batch, shows progress, and can resume."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from .cam import grad_cam


def explain_dataset(model, dataset, method=grad_cam, *, folder=None, progress=True, **options):
    """Yields `method(model, images, **options)` for every batch of a `tf.data.Dataset`, in the dataset's order.

    dataset: batches of images, or tuples that begin with them, such as (images, labels); the images as `method`
        takes them, float (n, height, width, channels). It must give the same batches each time (do not shuffle).
    method: any method of this package, such as `grad_cam`, `grad_cam_layers` or `guided_backprop`.
    folder: where to keep the maps, a file `00000000.npz` per batch. A run that was interrupted goes on where it
        stopped: called again, it yields the batches that lie there already from disk, and computes the others.
    progress: whether to show a progress bar.
    options: arguments of the method: `layer`, `class_index` ...

    Memory does not grow with the number of images: one batch and its maps are held at a time.

        images = tf.data.Dataset.from_tensor_slices(paths).map(load).batch(32).prefetch(1)
        for maps in explain_dataset(model, images, folder="maps"):          # (32, h, w) at a time
            ...

    **Several devices.** Build or load the model in the scope of a strategy, and call in it; nothing else changes:

        strategy = tf.distribute.MirroredStrategy()
        with strategy.scope():
            model = keras.models.load_model("model.keras")
            batches = explain_dataset(model, images, folder="maps")
        for maps in batches: ...

    Every batch is dealt out to the devices, so make it as many times larger. The maps are the same.

    **Several machines.** Images are explained each on its own, so nothing has to be exchanged: machine number i of m
    runs the same lines with `images.shard(m, i)` and a folder of its own.

    Raises ValueError if the folder holds maps of another model, method, dataset or options, if the dataset's
    elements are not batches, and whatever `method` raises.
    """
    _require_batches(dataset)
    strategy = tf.distribute.get_strategy()                     # the caller's; the generator may run outside its scope
    store = _Store(folder, model, dataset, method, options) if folder is not None else _NoStore()
    total = int(dataset.cardinality())
    return _batches(model, dataset, method, options, strategy, store,
                    tqdm(total=total if total >= 0 else None, unit="batch", disable=not progress))


def _batches(model, dataset, method, options, strategy, store, bar):
    with bar:
        done = store.done()
        for number in range(done):
            bar.update()
            yield store.read(number)
        for number, element in enumerate(dataset.skip(done), done):
            with strategy.scope():
                maps = method(model, _images(element), **options)
            store.write(number, maps)
            bar.update()
            yield maps


def _images(element):
    return (element[0] if isinstance(element, tuple) else element).numpy()


def _require_batches(dataset):
    if not isinstance(dataset, tf.data.Dataset):
        raise TypeError(f"dataset must be a tf.data.Dataset, got {type(dataset).__name__}; for an array: "
                        "tf.data.Dataset.from_tensor_slices(images).batch(32)")
    spec = dataset.element_spec
    spec = spec[0] if isinstance(spec, tuple) else spec
    if spec.shape.rank not in (4, None):
        raise ValueError(f"dataset must give batches of images, shape (n, height, width, channels), alone or first in a "
                         f"tuple; it gives {spec.shape}. Single images: dataset.batch(32)")


class _NoStore:
    def done(self):
        return 0

    def write(self, number, maps):
        pass


class _Store:
    """A folder with a file per batch, and one that says what they are maps of."""

    def __init__(self, folder, model, dataset, method, options):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._claim({"model": model.name, "weights": _digest(model.weights), "method": method.__name__,
                     "options": repr(sorted(options.items())), "dataset": repr(dataset.element_spec)})

    def _claim(self, contents):
        note = self.folder / "contents.json"
        if not note.exists():
            _write_whole(note, lambda file: file.write(json.dumps(contents, indent=2).encode()))
        found = json.loads(note.read_text())
        other = [key for key in contents if found.get(key) != contents[key]]
        if other:
            raise ValueError(f"folder {str(self.folder)!r} holds maps of another run, with other {', '.join(other)}; "
                             "choose another folder or empty this one")

    def _path(self, number):
        return self.folder / f"{number:08d}.npz"

    def done(self):
        number = 0
        while self._path(number).exists():
            number += 1
        return number

    def write(self, number, maps):
        arrays = {f"layer {name}": each for name, each in maps.items()} if isinstance(maps, dict) else {"maps": maps}
        _write_whole(self._path(number), lambda file: np.savez(file, **arrays))

    def read(self, number):
        with np.load(self._path(number), allow_pickle=False) as arrays:
            if "maps" in arrays:
                return arrays["maps"]
            return {name.removeprefix("layer "): arrays[name] for name in arrays}


def _write_whole(path, write):
    """A file that is there whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}.part")
    with open(part, "wb") as file:
        write(file)
    os.replace(part, path)


def _digest(weights):
    digest = hashlib.blake2b(digest_size=16)
    for weight in weights:
        digest.update(np.ascontiguousarray(weight.numpy()))
    return digest.hexdigest()
