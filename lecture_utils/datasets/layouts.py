"""What the files of each data set look like, and how they become arrays.

For each data set: `find_...(folder)` says where in a folder it lies, or None; `count_...(path)` counts its
images without decoding them; `read_...(path)` returns a dict of x_train, y_train, x_test, y_test (and boxes),
images still uint8 where the files are. What is broken is a `DataError`, and then nothing is returned at all.
"""

import re
from hashlib import sha256
from pathlib import PurePosixPath

import numpy as np

from ..language import say
from . import manifest
from .readers import DataError, open_files, read_array, read_arrays, read_boxes, read_image, read_raw

DIGIT_CLASSES = tuple("0123456789")
NEU_CLASSES = ("crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches")
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
STL10_CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
DIGIT_SIZE, NEU_SIZE, CIFAR10_SIZE, STL10_SIZE = (28, 28), (200, 200), (32, 32), (96, 96)  # height, width
PARTS = ("train", "test")

# ------------------------------------------------------------------------------------------------ MNIST


def find_mnist(folder):
    path = folder / "mnist.npz"
    return path if path.exists() else None


def count_mnist(path):
    return sum(map(len, read_arrays(path, ("y_train", "y_test"))))


def read_mnist(path):
    """mnist.npz in Keras' layout."""
    return _checked(*read_arrays(path, ("x_train", "y_train", "x_test", "y_test")), DIGIT_SIZE, DIGIT_CLASSES, path)


# -------------------------------------------------------------------------------------------------- NEU

_NEU_ARRAYS = ("NEU_train_imgs.npy", "NEU_train_labels.npy", "NEU_test_imgs.npy", "NEU_test_labels.npy")
_NEU_LABELS = {name: label for label, name in enumerate(NEU_CLASSES)}
_NEU_LABELS |= {name: label for label, name in enumerate(("cr", "in", "pa", "ps", "rs", "sc"))}  # as NEU-CLS has it
_NEU_IMAGE = re.compile(rf"({'|'.join(_NEU_LABELS)})_(\d+)\.(?:jpe?g|png|bmp)", re.IGNORECASE)


def find_neu(folder):
    """A folder or zip named NEU..., or `folder` itself if NEU's files lie in it, or Kaggle's archive(.zip)."""
    holders = _holders(folder, r"neu(?![a-z])")
    if holders:  # NEU-DET before NEU-CLS, for its boxes
        return min(holders, key=lambda path: "cls" in path.name.lower())
    names = {path.name for path in folder.iterdir()}
    flat = names & {*_NEU_ARRAYS, "IMAGES"} or any(map(_NEU_IMAGE.fullmatch, names))
    if flat or (folder / "train" / "images").is_dir():
        return folder
    for kaggle in (folder / "archive", folder / "archive.zip"):  # may hold anything
        if kaggle.exists():
            with open_files(kaggle) as files:
                if _neu_images(files):
                    return kaggle
    return None


def count_neu(path):
    with open_files(path) as files:
        arrays = _neu_arrays(files)
        return sum(len(read_array(files, arrays[name])) for name in _NEU_ARRAYS[1::2]) if arrays else len(_neu_images(files))


def read_neu(path, verify=False):
    """Every layout of NEU: numbered images in whatever folders, with or without annotations, or four .npy files."""
    with open_files(path) as files:
        arrays = _neu_arrays(files)
        return _read_neu_arrays(files, arrays) if arrays else _read_neu_images(files, verify)


def _neu_arrays(files):
    """{file name: path} of the four .npy files of the KAIST course; empty where there are none of them."""
    arrays = {PurePosixPath(name).name: name for name in _visible(files.names)}
    arrays = {name: arrays[name] for name in _NEU_ARRAYS if name in arrays}
    missing = set(_NEU_ARRAYS) - set(arrays)
    if arrays and missing:
        raise DataError(say("{path} lacks {missing}; all four of {needed} are needed.", path=files.path,
                            missing=", ".join(sorted(missing)), needed=', '.join(_NEU_ARRAYS)))
    return arrays


def _read_neu_arrays(files, arrays):
    """The four .npy files, with the split that they come in. They do not say what their class numbers mean."""
    fields = _checked(*(read_array(files, arrays[name]) for name in _NEU_ARRAYS), NEU_SIZE, NEU_CLASSES, files.path)
    print(say("NEU: the .npy files do not name their classes; taken to be, from 0 on, {classes}", classes=", ".join(NEU_CLASSES)))
    return fields


def _neu_images(files):
    """{(number, label): path}, sorted, of the images in whatever folders: their own names say what they are."""
    images = {}
    for name in _visible(files.names):
        match = _NEU_IMAGE.fullmatch(PurePosixPath(name).name)
        if match:
            key = int(match[2]), _NEU_LABELS[match[1].lower()]
            if key in images:
                raise DataError(say("{path} has the image {image} twice: {first} and {name}. Keep one of them.", path=files.path,
                                    image=match[0], first=images[key], name=name))
            images[key] = name
    return dict(sorted(images.items()))


def _read_neu_images(files, verify):
    images = _neu_images(files)
    numbers, labels = np.array(list(images), dtype=np.int64).reshape(-1, 2).T
    for label, name in enumerate(NEU_CLASSES):
        count = np.count_nonzero(labels == label)
        if count < 6:
            raise DataError(say("{path} has {count} images of {name}; at least 6 are needed, as a sixth is the test set.",
                                path=files.path, count=count, name=name))
    boxes, box_labels = _read_annotations(files, images.values())
    pixels = _read_images(files, images.values(), NEU_SIZE)
    if verify:
        _verify("NEU", digest_neu(pixels, labels, numbers, boxes), manifest.NEU)
    test = _highest_sixth(labels, numbers)
    fields = {}
    for part, chosen in zip(PARTS, (np.flatnonzero(~test), np.flatnonzero(test)), strict=True):
        fields |= {f"x_{part}": pixels[chosen, ..., None], f"y_{part}": labels[chosen]}
        if boxes:
            fields |= {f"boxes_{part}": [boxes[i] for i in chosen], f"box_labels_{part}": [box_labels[i] for i in chosen]}
    return fields


def _read_annotations(files, images):
    """The boxes of each image, and their labels, from annotations of the same names; (None, None) if there are none."""
    annotations = {PurePosixPath(name).stem: name for name in _visible(files.names) if name.endswith(".xml")}
    if not annotations:
        return None, None
    missing = [name for name in images if PurePosixPath(name).stem not in annotations]
    if missing:
        raise DataError(say("{file} has no annotation ({n} of {all} images have none). Put the .xml files back, or remove all of "
                            "them to do without boxes.", file=files.where(missing[0]), n=len(missing), all=len(images)))
    pairs = [read_boxes(files, annotations[PurePosixPath(name).stem], NEU_SIZE, NEU_CLASSES) for name in images]
    return [boxes for boxes, _ in pairs], [labels for _, labels in pairs]


def _highest_sixth(labels, numbers):
    """True for the test images: of each class the highest-numbered sixth, rounded up (251 to 300 of 300)."""
    test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        members = members[np.argsort(numbers[members])]
        sixth = -(-len(members) // 6)
        test[members[-sixth:]] = True
    return test


def digest_neu(pixels, labels, numbers, boxes):
    """{class: [images, SHA-256]} of grey images uint8 (n, 200, 200) and their boxes.

    The SHA-256 is over decoded pixels, then boxes as little-endian int64, image after image, of the numbers
    1 to 250: the part of the data set that was at hand when the manifest was made. Of the rest, numbers,
    shapes and annotations are checked, but not the pixels.
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


# --------------------------------------------------------------------------------------------- CIFAR-10

_CIFAR10_IMAGE = re.compile(rf"(?:.*/)?(train|test)/({'|'.join(CIFAR10_CLASSES)})/([^/]+)\.(?:jpe?g|png)", re.IGNORECASE)


def find_cifar10(folder):
    """A folder or zip named cifar..., or `folder` itself if train/airplane lies in it."""
    holders = _holders(folder, "cifar")
    return holders[0] if holders else folder if (folder / "train" / "airplane").is_dir() else None


def count_cifar10(path):
    with open_files(path) as files:
        return sum(map(len, _cifar10_images(files).values()))


def read_cifar10(path, verify=False):
    """JPEGs train/<class>/*.jpg and test/<class>/*.jpg."""
    with open_files(path) as files:
        images = _cifar10_images(files)
        if verify:
            _verify("CIFAR-10", digest_cifar10(files, images), manifest.CIFAR10)
        fields = {}
        for part, members in images.items():
            fields[f"x_{part}"] = _read_images(files, [name for _, _, name in members], CIFAR10_SIZE, "RGB")
            fields[f"y_{part}"] = np.array([label for _, label, _ in members], dtype=np.int64)
        return fields


def _cifar10_images(files):
    """{"train": [(file name, label, path), ...], "test": [...]}, sorted, so that the classes take turns."""
    images = {part: [] for part in PARTS}
    for name in _visible(files.names):
        match = _CIFAR10_IMAGE.fullmatch(name)
        if match:
            images[match[1].lower()].append((match[3], CIFAR10_CLASSES.index(match[2].lower()), name))
    for part, members in images.items():
        _require_all_classes([label for _, label, _ in members], CIFAR10_CLASSES, f"{files.path}, {part}/<class>/*.jpg")
        members.sort()
    return images


def digest_cifar10(files, images):
    """{part: [images, SHA-256]}, over the bytes of all files in the order of `images`."""
    digests = {}
    for part, members in images.items():
        digest = sha256()
        for _, _, name in members:
            digest.update(files.read(name))
        digests[part] = [len(members), digest.hexdigest()]
    return digests


# ----------------------------------------------------------------------------------------------- STL-10

_STL10_IMAGES = {f"{part}_X.bin": (3, *STL10_SIZE) for part in PARTS}  # the shape of each record; in it, columns before rows
_STL10_LABELS = {f"{part}_y.bin": () for part in PARTS}
_STL10_NAMES = {"class_names.txt": ()}


def find_stl10(folder):
    """A folder or .tar.gz named stl10..., or `folder` itself if STL-10's files lie in it."""
    holders = _holders(folder, "stl[-_]?10", packed=".tar.gz")
    flat = any((folder / name).exists() for name in _STL10_IMAGES | _STL10_LABELS)
    return holders[0] if holders else folder if flat else None


def count_stl10(path):
    return sum(map(len, read_raw(path, _STL10_LABELS).values()))


def read_stl10(path):
    """train_X.bin, train_y.bin, test_X.bin and test_y.bin, of bare bytes; class_names.txt may come along, fewer images too."""
    raw = read_raw(path, _STL10_IMAGES | _STL10_LABELS | _STL10_NAMES, optional=_STL10_NAMES)
    named = tuple(bytes(raw.get("class_names.txt", b"")).decode(errors="replace").split())
    if named not in ((), STL10_CLASSES):
        raise DataError(say("{path}: class_names.txt names {named}; expected STL-10's {classes}.", path=path,
                            named=", ".join(named), classes=', '.join(STL10_CLASSES)))
    fields = {}
    for part in PARTS:
        images, labels = raw[f"{part}_X.bin"], raw[f"{part}_y.bin"]
        if len(images) != len(labels):
            raise DataError(say("{path}: {part}_X.bin has {n:,} images, {part}_y.bin {labels:,} labels; expected as many of "
                                "each. Fetch both once more.", path=path, part=part, n=len(images), labels=len(labels)))
        if not 1 <= labels.min() <= labels.max() <= len(STL10_CLASSES):
            raise DataError(say("{path}: {part}_y.bin has labels from {least} to {most}; expected 1 to {n}. Fetch it once more.",
                                path=path, part=part, least=labels.min(), most=labels.max(), n=len(STL10_CLASSES)))
        fields[f"x_{part}"] = np.ascontiguousarray(images.transpose(0, 3, 2, 1))  # channel, column, row: the other way round
        fields[f"y_{part}"] = labels.astype(np.int64) - 1
    return fields


# ---------------------------------------------------------------------------------------- common to all


def _holders(folder, name, packed=".zip"):
    """Folders and archives in `folder` whose names begin with this pattern, folders before archives."""
    holders = [path for path in folder.iterdir()
               if re.match(name, path.name, re.IGNORECASE) and (path.is_dir() or path.name.lower().endswith(packed))]
    return sorted(holders, key=lambda path: (not path.is_dir(), path.name))


def _visible(names):
    """Without hidden files and what macOS adds to zips."""
    return [name for name in names if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))]


def _read_images(files, names, size, mode="L"):
    """The images as one array, uint8 (n, height, width) or (n, height, width, 3)."""
    images = np.empty((len(names), *size) if mode == "L" else (len(names), *size, 3), np.uint8)
    for i, name in enumerate(names):
        images[i] = read_image(files, name, size, mode)
    return images


def _verify(name, digests, expected):
    """Raise `DataError` if what was downloaded is not what the manifest describes."""
    different = [part for part in expected if digests[part] != expected[part]]
    if different:
        raise DataError(say("The downloaded {name} is not the known one: {parts} differ. It is not used.", name=name,
                            parts=", ".join(different)))


def _checked(x_train, y_train, x_test, y_test, size, class_names, where):
    """The fields of a data set from a user's arrays, after checking that they are what they should be."""
    fields = {}
    for part, images, labels in (("train", x_train, y_train), ("test", x_test, y_test)):
        of_images = say("{path}: the {part} images", path=where, part=part)
        of_labels = say("{path}: the {part} labels", path=where, part=part)
        fields[f"x_{part}"] = _as_images(images, size, of_images)
        fields[f"y_{part}"] = _as_labels(labels, len(images), len(class_names), of_labels)
        _require_all_classes(fields[f"y_{part}"], class_names, of_labels)
    return fields


def _as_images(array, size, where):
    """Images (n, height, width, 1), uint8 or float32 in [0, 1], from an array in one of the usual forms.

    Shape (n, height, width) or (n, height, width, 1). Whole numbers count from 0 to 255; so do floats,
    if their maximum is above 1.
    """
    if array.shape[1:] not in (size, (*size, 1)) or len(array) == 0:
        raise DataError(say("{where} have the shape {shape}; expected (n, {rows}, {columns}).", where=where, shape=array.shape,
                            rows=size[0], columns=size[1]))
    if array.dtype.kind not in "iuf" or not (array.min() >= 0 and array.max() <= 255):  # NaN fails this, too
        raise DataError(say("{where} must be numbers from 0 to 255 or from 0 to 1; these ({dtype}) are not.", where=where,
                            dtype=array.dtype))
    images = array.reshape(len(array), *size, 1)
    if array.dtype.kind in "iu":
        return images.astype(np.uint8, copy=False)
    return (images / (255 if array.max() > 1 else 1)).astype(np.float32)


def _as_labels(array, n, n_classes, where):
    """Labels int64 (n,) from class numbers, (n,) or (n, 1), or from one-hot rows, (n, classes)."""
    if array.dtype.kind not in "iuf":
        raise DataError(say("{where} must be numbers; these are {dtype}.", where=where, dtype=array.dtype))
    if array.shape == (n, n_classes) and np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all():
        return array.argmax(axis=1).astype(np.int64)
    if array.shape not in ((n,), (n, 1)):
        raise DataError(say("{where} have the shape {shape}; expected ({n},), or one-hot rows ({n}, {classes}).", where=where,
                            shape=array.shape, n=n, classes=n_classes))
    if not np.isin(array, range(n_classes)).all():
        raise DataError(say("{where} must be whole numbers from 0 to {last}; these ({dtype}) are not.", where=where,
                            last=n_classes - 1, dtype=array.dtype))
    return array.reshape(n).astype(np.int64)


def _require_all_classes(labels, class_names, where):
    present = set(map(int, labels))
    missing = [name for label, name in enumerate(class_names) if label not in present]
    if missing:
        raise DataError(say("{where}: there is no image of {missing}.", where=where, missing=", ".join(missing)))
