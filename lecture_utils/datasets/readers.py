"""Reads images, arrays, annotations and bare bytes out of folders, zips and tars, and refuses what is broken.

Nothing here knows a data set. Every function either returns what it was asked for, whole, or raises
a `DataError` that names the file, says what was expected and what came, and what to do.
"""

import io
import math
import os
import stat
import tarfile
import zipfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import numpy as np
from PIL import Image  # unlike cv2 it tells an image's size before decoding it, and refuses a truncated one

from ..language import say

# No file that the course reads of its data sets is larger; an archive that declares more is broken or a bomb.
LARGEST_FILE = 2 * 1024**3
BLOCK = 2**20  # bytes of a tar that are unpacked at a time
# What an image may be, whatever its name says. Pillow would open more, and hand PostScript to a program that runs it.
IMAGE_FORMATS = ("JPEG", "PNG", "BMP")


class DataError(Exception):
    """A data set that was asked for cannot be had; the message says why and what to do about it."""

    def _render_traceback_(self):  # what a notebook shows of it: the sentence alone
        return [str(self)]


@contextmanager
def _sound(what, remedy):
    """A damaged file can raise nearly anything in the code that decodes it: all of it becomes one `DataError`."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(say("{what} ({error}). {remedy}", what=what, error=error, remedy=remedy)) from error


class Folder:
    """The files below a folder, by their relative names with forward slashes."""

    def __init__(self, path):
        self.path = Path(path)
        self.names = sorted(
            (Path(parent) / file).relative_to(self.path).as_posix()
            for parent, _, files in os.walk(self.path, onerror=_unreadable)
            for file in files
        )

    def read(self, name):
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise DataError(say("{file} cannot be read: {reason}.", file=self.where(name), reason=error.strerror)) from error

    def where(self, name):
        return str(self.path / name)


class Zip:
    """The files in a zip, read straight from it: nothing is unpacked, so nothing can land elsewhere."""

    def __init__(self, path, archive):
        self.path, self._archive = Path(path), archive
        members = [member for member in archive.infolist() if not member.filename.endswith("/")]
        for member in members:
            _refuse_dangerous(member, path)
        self.names = sorted(member.filename for member in members)

    def read(self, name):
        declared = self._archive.getinfo(name).file_size
        with _sound(say("{file} cannot be unpacked", file=self.where(name)), say("Fetch the zip once more.")):
            with self._archive.open(name) as file:
                return file.read(declared)  # without a number it unpacks all there is, then drops what was not declared

    def where(self, name):
        return f"{self.path}: {name}"


def _unreadable(error):
    raise DataError(say("{path} cannot be read: {reason}.", path=error.filename, reason=error.strerror)) from error


@contextmanager
def open_files(path):
    """The `Folder` or `Zip` at `path`, for a with-block."""
    path = Path(path)
    if path.is_dir():
        yield Folder(path)
        return
    with _sound(say("{path} is not a readable zip", path=path), say("Fetch it once more, or unpack it yourself.")):
        archive = zipfile.ZipFile(path)
    with archive:
        yield Zip(path, archive)


def _refuse_dangerous(member, path):
    """Raise for a zip member with a name that leads out of the zip, a symbolic link, or a declared size beyond reason.

    No more of a member is ever unpacked than its declared size, so that the declaration can be trusted.
    """
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if not name.parts or name.is_absolute() or ".." in name.parts or ":" in name.parts[0]:
        raise DataError(say("{path} has a member named {member!r}, which leads out of the zip. Do not use this file.", path=path,
                            member=member.filename))
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DataError(say("{path} has a symbolic link, {member!r}. Pack the files themselves.", path=path,
                            member=member.filename))
    if member.file_size > LARGEST_FILE:
        raise DataError(say("{path} declares {size:,} bytes for {member!r}; at most {most:,} are read.", path=path,
                            size=member.file_size, member=member.filename, most=LARGEST_FILE))


def read_image(files, name, size, mode="L"):
    """The pixels of one image file, uint8: (height, width) for mode "L" (grey), (height, width, 3) for "RGB".

    `size` is (height, width); an image of another size is a `DataError`, and is not decoded.
    """
    with _sound(say("{file} is not a readable image", file=files.where(name)), say("Replace or remove it.")):
        with Image.open(io.BytesIO(files.read(name)), formats=IMAGE_FORMATS) as image:
            width, height = image.size
            if (height, width) == size:
                return np.asarray(image.convert(mode))
    raise DataError(say("{file} is {height} x {width} pixels; expected {rows} x {columns}.", file=files.where(name),
                        height=height, width=width, rows=size[0], columns=size[1]))


def read_array(files, name):
    """The array in a .npy file. Pickled objects are never loaded."""
    with _sound(say("{file} is not a whole .npy file of numbers", file=files.where(name)), say("Fetch it once more.")):
        return _array(io.BytesIO(files.read(name)))


def read_arrays(path, keys):
    """The named arrays of an .npz file, in the order of `keys`. Pickled objects are never loaded."""
    with _sound(say("{path} is not a whole .npz file of numbers", path=path), say("Fetch it once more.")):
        with zipfile.ZipFile(path) as archive:
            there = Zip(path, archive).names  # which refuses sizes beyond reason; np.load would unpack them
            missing = [key for key in keys if f"{key}.npy" not in there]
            if missing:
                raise DataError(say("{path} holds no {missing}; expected the arrays {keys}.", path=path,
                                    missing=", ".join(missing), keys=', '.join(keys)))
            return [_array(archive.open(f"{key}.npy")) for key in keys]


def read_raw(path, shapes, optional=()):
    """{name: uint8 array (n, *shapes[name])} of files of bare bytes, wherever in a folder or a .tar.gz they lie.

    A .tar.gz is unpacked in memory from its beginning, piece by piece, and no further than to the last file needed; what
    lies between is not kept. So `optional` files are those that come by before it; the others of `shapes` must be there.
    """
    path, needed = Path(path), [name for name in shapes if name not in optional]
    arrays, places = {}, {}
    kind = say("folder") if path.is_dir() else ".tar.gz"
    with _sound(say("{path} is not a readable {kind}", path=path, kind=kind), say("Fetch it once more.")):
        for name, place, size, file in _open_in_turn(path, shapes):
            if name in places:
                raise DataError(say("{path} has {name} twice: {first} and {place}. Keep one of them.", path=path, name=name,
                                    first=places[name], place=place))
            places[name] = place
            arrays[name] = _records(file, size, shapes[name], f"{path}: {place}")
            if arrays.keys() >= set(needed) and not path.is_dir():
                break
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise DataError(say("{path} lacks {missing}; expected {needed}. Fetch it once more.", path=path,
                            missing=", ".join(missing), needed=', '.join(needed)))
    return arrays


def _open_in_turn(path, names):
    """Yields `(name, path in it, size, open file)` of each file of one of these names in a folder or a .tar.gz."""
    if path.is_dir():
        for place in Folder(path).names:
            if PurePosixPath(place).name in names:
                with open(path / place, "rb") as file:
                    yield PurePosixPath(place).name, place, os.fstat(file.fileno()).st_size, file
        return
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if PurePosixPath(member.name).name in names and member.isreg():
                yield PurePosixPath(member.name).name, member.name, member.size, archive.extractfile(member)


def _records(file, size, shape, where):
    """The bytes of an open file of this size, uint8 (n, *shape)."""
    record = math.prod(shape)
    if size > LARGEST_FILE:
        raise DataError(say("{where} declares {size:,} bytes; at most {most:,} are read.", where=where, size=size,
                            most=LARGEST_FILE))
    if size == 0 or size % record:
        raise DataError(say("{where} has {size:,} bytes; expected a whole multiple of {record:,}. Fetch it once more.",
                            where=where, size=size, record=record))
    array = np.empty(size, np.uint8)
    for start in range(0, size, BLOCK):
        block = array[start:start + BLOCK]
        if file.readinto(block) < len(block):
            raise DataError(say("{where} ends before its {size:,} bytes. Fetch it once more.", where=where, size=size))
    return array.reshape(-1, *shape)


def _array(file):
    array = np.lib.format.read_array(file, allow_pickle=False)
    if array.ndim == 0:
        raise ValueError(say("it holds a single value"))
    return array


def read_boxes(files, name, size, class_names):
    """The boxes of one Pascal VOC annotation: `(boxes, labels)`, int64, of shapes (k, 4) and (k,).

    VOC counts pixels from 1 and includes both ends: xmin=1, xmax=200 is the whole width of 200 pixels.
    Here a box is x0, y0, x1, y1 with pixels counted from 0 and x1, y1 exclusive: 0, 200. Only the lower
    bounds shift. Some tools write 0 for the first pixel; it is read as 1. Anything else outside the image,
    an empty box or an unknown class is a `DataError`.
    """
    where = files.where(name)
    try:
        objects = ElementTree.fromstring(files.read(name)).findall("object")
        corners = [[int(float(box.findtext(f"bndbox/{end}"))) for end in ("xmin", "ymin", "xmax", "ymax")] for box in objects]
        labels = [class_names.index(box.findtext("name")) for box in objects]
        voc = np.array(corners, dtype=np.int64).reshape(-1, 4)
    except ElementTree.ParseError as error:
        raise DataError(say("{where} is not readable XML ({error}).", where=where, error=error)) from error
    except (TypeError, ValueError, OverflowError, LookupError) as error:
        raise DataError(say("{where} is not a Pascal VOC annotation with classes {classes} ({error}).", where=where,
                            classes=", ".join(class_names), error=error)) from error
    boxes = np.concatenate([np.maximum(voc[:, :2] - 1, 0), voc[:, 2:]], axis=1)
    height, width = size
    for box, (x0, y0, x1, y1) in zip(corners, boxes, strict=True):
        if min(box) < 0 or x1 > width or y1 > height or x0 >= x1 or y0 >= y1:
            raise DataError(say("{where} has a box (xmin, ymin, xmax, ymax) = {box} that is empty or outside the {width} x "
                                "{height} image.", where=where, box=tuple(box), width=width, height=height))
    return boxes, np.array(labels, dtype=np.int64)
