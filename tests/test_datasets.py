"""Every layout the data sets come in, every way in which files are broken, and the real data sets.

The fabricated images are plain: image `number` of class `label` has the grey value 40 * label + number
everywhere, so that one pixel tells which file an image came from.
"""

import errno
import gzip
import io
import os
import pickle
import re
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lecture_utils.datasets import layouts, loaders, manifest, readers
from lecture_utils.datasets.loaders import load_cifar10, load_mnist, load_neu, load_photo, load_stl10, where_is_the_data
from lecture_utils.datasets.readers import DataError

ROOT = Path(__file__).resolve().parents[1]
CLASSES = ("crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches")
SHORT = ("Cr", "In", "Pa", "PS", "RS", "Sc")
PER_CLASS = 7  # its sixth, rounded up, is 2: the numbers 6 and 7

# layout -> (image's path, annotation's path or None) of image `number` of class `label`
LAYOUTS = {
    "flat": lambda label, number: (f"NEU-DET/IMAGES/{CLASSES[label]}_{number}.jpg",
                                   f"NEU-DET/ANNOTATIONS/{CLASSES[label]}_{number}.xml"),
    "pinned": lambda label, number: (
        f"NEU-DET/{'Validation_Images' if number in (3, 7) else 'IMAGES'}/{CLASSES[label]}_{number}.jpg",
        f"NEU-DET/{'Validation_Annotations' if number in (3, 7) else 'ANNOTATIONS'}/{CLASSES[label]}_{number}.xml"),
    "kaggle": lambda label, number: (
        f"NEU-DET/{'validation' if number > 5 else 'train'}/images/{CLASSES[label]}/{CLASSES[label]}_{number}.jpg",
        f"NEU-DET/{'validation' if number > 5 else 'train'}/annotations/{CLASSES[label]}_{number}.xml"),
    "NEU-CLS": lambda label, number: (f"NEU-CLS/{SHORT[label]}_{number}.bmp", None),
    "bare": lambda label, number: (f"{SHORT[label]}_{number}.bmp", None),
}


def picture(grey, size=(200, 200), format="JPEG"):
    file = io.BytesIO()
    Image.new("L", size, grey).save(file, format)
    return file.getvalue()


def annotation(*boxes):
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, x0, y0, x1, y1 in boxes)
    return f"<annotation>{objects}</annotation>".encode()


def neu_files(layout, per_class=PER_CLASS):
    """{path: bytes} of a small NEU; the box of image `number` starts at x = number and reaches the far corner."""
    files = {}
    for label, name in enumerate(CLASSES):
        for number in range(1, per_class + 1):
            image, box = LAYOUTS[layout](label, number)
            files[image] = picture(40 * label + number, format="BMP" if image.endswith("bmp") else "JPEG")
            if box:
                files[box] = annotation((name, number, 1, 200, 200))
    return files


def put(files, folder):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def pack(files, path):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def small_drawn(monkeypatch):
    monkeypatch.setattr(loaders, "EMBEDDED_DIGITS", {"train": (20, 0), "test": (10, 1)})
    monkeypatch.setattr(loaders, "EMBEDDED_STEEL", {"train": (2, 0), "test": (1, 1)})


# --- NEU's layouts


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_data(tmp_path, capsys, layout, packed):
    files = neu_files(layout)
    top = Path(next(iter(files))).parts[0] + "/" if layout != "bare" else ""
    files |= {f"{top}__MACOSX/._patches_1.jpg": b"junk", f"{top}.ipynb_checkpoints/crazing_1.jpg": b"junk",
              f"{top}__MACOSX/patches_1.jpg": b"junk", f"{top}__MACOSX/more/scratches_9.jpg": b"junk"}
    if packed:
        pack(files, tmp_path / "NEU.zip")
    else:
        put(files, tmp_path)
    data = load_neu("local", tmp_path)
    printed = capsys.readouterr().out

    numbers_train, numbers_test = np.repeat([1, 2, 3, 4, 5], 6), np.repeat([6, 7], 6)
    assert data.class_names == CLASSES
    assert data.y_train.tolist() == list(range(6)) * 5 and data.y_test.tolist() == list(range(6)) * 2
    for x, y, numbers in ((data.x_train, data.y_train, numbers_train), (data.x_test, data.y_test, numbers_test)):
        assert x.dtype == np.float32 and y.dtype == np.int64 and x.shape == (len(numbers), 200, 200, 1)
        np.testing.assert_array_equal(x, np.broadcast_to(
            ((40 * y + numbers) / 255).astype(np.float32)[:, None, None, None], x.shape))
    if layout in ("NEU-CLS", "bare"):
        assert data.boxes_train is data.boxes_test is data.box_labels_train is None
    else:
        assert [boxes.tolist() for boxes in data.boxes_train] == [[[n - 1, 0, 200, 200]] for n in numbers_train]
        assert [boxes.tolist() for boxes in data.boxes_test] == [[[n - 1, 0, 200, 200]] for n in numbers_test]
        assert np.concatenate(data.box_labels_test).tolist() == data.y_test.tolist()
    assert data.masks_train is None and data.source.startswith("local: ")
    assert printed.splitlines() == [f"NEU: 30 training and 12 test images, {data.source}"]


def test_the_test_set_is_the_highest_sixth_by_number_not_by_name():
    labels, numbers = np.repeat(range(2), 12), np.tile([1, 10, 11, 12, 2, 3, 4, 5, 6, 7, 8, 9], 2)
    assert numbers[layouts._highest_sixth(labels, numbers)].tolist() == [11, 12, 11, 12]
    for n, first in ((300, 251), (250, 209), (6, 6), (7, 6)):
        chosen = layouts._highest_sixth(np.zeros(n, int), np.arange(1, n + 1))
        assert (np.flatnonzero(chosen) + 1).tolist() == list(range(first, n + 1))


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def neu_arrays(images=lambda x: x, labels=lambda y: y):
    """{file name: bytes} of the KAIST course's four files: 12 training and 6 test images."""
    files = {}
    for part, n in (("train", 12), ("test", 6)):
        y = np.arange(n) % 6
        x = np.broadcast_to((40 * y + 5).astype(np.uint8)[:, None, None, None], (n, 200, 200, 1))
        files |= {f"NEU_{part}_imgs.npy": npy(images(x)), f"NEU_{part}_labels.npy": npy(labels(y))}
    return files


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("images", [
    lambda x: x, lambda x: x[..., 0], lambda x: x / 255, lambda x: x.astype(float), lambda x: (x / 255).astype(np.float32),
], ids=["uint8", "no channel", "0 to 1", "0 to 255", "float32"])
@pytest.mark.parametrize("labels", [lambda y: y, lambda y: np.eye(6)[y], lambda y: y[:, None].astype(np.uint8)],
                         ids=["numbers", "one-hot", "column"])
def test_the_four_npy_files_keep_their_split(tmp_path, capsys, images, labels, packed):
    files = neu_arrays(images, labels)
    if packed:
        pack(files, tmp_path / "NEU_arrays.zip")
    else:
        put(files, tmp_path)
    data = load_neu("local", tmp_path)
    assert "crazing, inclusion" in capsys.readouterr().out  # says which classes it takes the numbers for
    assert data.y_train.tolist() == list(range(6)) * 2 and data.y_test.tolist() == list(range(6))
    assert data.x_train.dtype == np.float32 and data.x_train.shape == (12, 200, 200, 1)
    np.testing.assert_allclose(data.x_test[:, 7, 7, 0], (40 * np.arange(6) + 5) / 255, rtol=1e-6)
    assert data.boxes_train is None


def test_floats_with_a_maximum_of_just_one_are_in_range_already(tmp_path):
    """And above it they count to 255, however little."""
    white = lambda top: neu_arrays(lambda x: np.where(x == 205, top, x / 255.0))
    for top, expected in ((1.0, 1.0), (1.5, 1.5 / 255)):
        data = load_neu("local", put(white(top), tmp_path))
        assert data.x_train.max() == np.float32(expected) and data.x_train.dtype == np.float32
        np.testing.assert_allclose(data.x_train[0, 0, 0, 0], 5 / 255 / (1 if top == 1 else 255), rtol=1e-6)


@pytest.mark.parametrize("name", ["archive.zip", "archive"])
def test_kaggles_archive_is_known_by_its_content(tmp_path, small_drawn, name):
    write = pack if name.endswith("zip") else put
    write({"holiday_1.jpg": picture(0)}, tmp_path / name)
    assert load_neu(data_dir=tmp_path).source == "embedded"
    write(neu_files("kaggle"), tmp_path / name)
    assert load_neu(data_dir=tmp_path).source.startswith("local")


def test_boxes_are_preferred_and_folders_before_zips(tmp_path):
    put(neu_files("NEU-CLS"), tmp_path)
    pack(neu_files("flat"), tmp_path / "NEU-DET.zip")
    assert layouts.find_neu(tmp_path) == tmp_path / "NEU-DET.zip"
    put(neu_files("flat"), tmp_path)
    assert layouts.find_neu(tmp_path) == tmp_path / "NEU-DET"
    (tmp_path / "neural-networks").mkdir()
    assert layouts.find_neu(tmp_path) == tmp_path / "NEU-DET"


def test_data_dir_may_be_the_data_set_itself(tmp_path):
    put(neu_files("flat"), tmp_path)
    assert len(load_neu("local", tmp_path / "NEU-DET").x_train) == 30
    assert len(load_neu("local", str(pack(neu_files("flat"), tmp_path / "steel.zip"))).x_train) == 30


# --- boxes


@pytest.mark.parametrize("voc, expected", [
    ((1, 1, 200, 200), (0, 0, 200, 200)),  # the whole image
    ((88, 1, 200, 34), (87, 0, 200, 34)),
    ((5, 5, 5, 5), (4, 4, 5, 5)),  # VOC includes both ends: one pixel
    ((0, 0, 10, 10), (0, 0, 10, 10)),  # tools that count from 0
])
def test_boxes_from_voc(tmp_path, voc, expected):
    files = readers.Folder(put({"a.xml": annotation(("patches", *voc))}, tmp_path))
    boxes, labels = readers.read_boxes(files, "a.xml", (200, 200), CLASSES)
    assert boxes.tolist() == [list(expected)] and labels.tolist() == [2]
    assert boxes.dtype == labels.dtype == np.int64


def test_an_annotation_without_boxes(tmp_path):
    files = readers.Folder(put({"a.xml": annotation()}, tmp_path))
    boxes, labels = readers.read_boxes(files, "a.xml", (200, 200), CLASSES)
    assert boxes.shape == (0, 4) and labels.shape == (0,)


def test_boxes_that_name_another_class_keep_it(tmp_path):
    files = neu_files("flat")
    files["NEU-DET/ANNOTATIONS/crazing_1.xml"] = annotation(("crazing", 1, 1, 9, 9), ("patches", 20, 30, 40, 50))
    data = load_neu("local", put(files, tmp_path))
    assert data.y_train[0] == 0 and data.box_labels_train[0].tolist() == [0, 2]
    assert data.boxes_train[0].tolist() == [[0, 0, 9, 9], [19, 29, 40, 50]]


# --- broken NEU: each its own error, in "auto" as well


def billion_laughs():
    """An annotation of 1 KB whose text, spelled out, has a billion words."""
    entities = '<!ENTITY e0 "ha ">' + "".join(f'<!ENTITY e{n} "{10 * f"&e{n - 1};"}">' for n in range(1, 10))
    return f"<!DOCTYPE a [{entities}]><annotation><object><name>&e9;</name></object></annotation>".encode()


XML, JPG = "NEU-DET/ANNOTATIONS/patches_2.xml", "NEU-DET/IMAGES/patches_2.jpg"
BROKEN = {
    "text file named .jpg": ({JPG: b"not a picture"}, "patches_2.jpg is not a readable image"),
    "empty file": ({JPG: b""}, "patches_2.jpg is not a readable image"),
    "truncated picture": ({JPG: picture(9)[:-300]}, "patches_2.jpg is not a readable image"),
    "picture of another size": ({JPG: picture(9, (300, 100))}, "patches_2.jpg is 100 x 300 pixels; expected 200 x 200"),
    "missing annotation": ({XML: None}, "patches_2.jpg has no annotation .1 of 42 images"),
    "broken annotation": ({XML: b"<annotation><object>"}, "patches_2.xml is not readable XML"),
    "annotation without a box": ({XML: b"<annotation><object><name>patches</name></object></annotation>"},
                                 "patches_2.xml is not a Pascal VOC annotation"),
    "unknown class": ({XML: annotation(("dust", 1, 1, 9, 9))}, "patches_2.xml .*classes crazing"),
    "box to the right": ({XML: annotation(("patches", 1, 1, 201, 9))}, r"patches_2.xml has a box .*\(1, 1, 201, 9\)"),
    "box below": ({XML: annotation(("patches", 1, 1, 9, 201))}, "patches_2.xml has a box .* outside"),
    "box to the left": ({XML: annotation(("patches", -3, 1, 9, 9))}, "patches_2.xml has a box .* outside"),
    "empty box": ({XML: annotation(("patches", 9, 1, 8, 9))}, "patches_2.xml has a box .* empty"),
    "box beyond all numbers": ({XML: annotation(("patches", 1, 1, "1e999", 9))}, "2.xml is not a Pascal VOC"),
    "box of 300 digits": ({XML: annotation(("patches", 1, 1, "1e300", 9))}, "2.xml is not a Pascal VOC"),
    "annotation in runes": ({XML: b'<?xml version="1.0" encoding="runes"?><annotation/>'}, "2.xml .*encoding: runes"),
    "annotation that grows without end": ({XML: billion_laughs()}, "2.xml is not readable XML .*amplification"),
    "annotation that asks for a file": ({XML: b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>'
                                              b"<object><name>&x;</name></object></annotation>"}, "2.xml is not read"),
    "class missing": ({name: None for name in neu_files("flat") if "scratches" in name}, "has 0 images of scratches"),
    "too few": ({name: None for name in neu_files("flat") if re.search("scratches_[12]", name)}, "has 5 images of scratches"),
    "image twice": ({"NEU-DET/more/patches_2.jpg": picture(1)}, "has the image patches_2.jpg twice"),
    "empty folder": ({name: None for name in neu_files("flat")}, "has 0 images of crazing"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("fault", BROKEN)
def test_broken_neu_is_an_error_never_other_data(tmp_path, fault, packed):
    changes, message = BROKEN[fault]
    files = {name: content for name, content in (neu_files("flat") | changes).items() if content is not None}
    if packed:
        pack(files, tmp_path / "NEU-DET.zip")
    else:
        (tmp_path / "NEU-DET").mkdir()
        put(files, tmp_path)
    for source in ("local", "auto"):
        with pytest.raises(DataError, match=message):
            load_neu(source, tmp_path)


class Trap:
    """Unpickling this creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


BROKEN_ARRAYS = {
    "truncated": ({"NEU_test_imgs.npy": lambda data: data[:-1000]}, "NEU_test_imgs.npy is not a whole .npy file"),
    "cut in the header": ({"NEU_test_imgs.npy": lambda data: data[:20]}, "NEU_test_imgs.npy is not a whole .npy file"),
    "empty": ({"NEU_test_imgs.npy": lambda data: b""}, "NEU_test_imgs.npy is not a whole .npy file"),
    "text": ({"NEU_test_imgs.npy": lambda data: b"hello"}, "NEU_test_imgs.npy is not a whole .npy file"),
    "header without end": ({"NEU_test_imgs.npy": lambda data: data.replace(b"}", b" ", 1)}, "imgs.npy is not a whole"),
    "promise of petabytes": ({"NEU_test_imgs.npy": lambda data: data.replace(b"(6, 200, 200, 1), }          ",
                                                                             b"(60000000000, 200, 200, 1), }")},
                             "imgs.npy is not a whole"),
    "zip of arrays": ({"NEU_test_imgs.npy": lambda data: npz(x=np.zeros((6, 200, 200)))}, "imgs.npy is not a whole"),
    "one number": ({"NEU_test_labels.npy": lambda data: npy(np.int64(6))}, "labels.npy is not a whole"),
    "missing file": ({"NEU_test_imgs.npy": lambda data: None}, "lacks NEU_test_imgs.npy"),
    "wrong shape": ({"NEU_test_imgs.npy": lambda data: npy(np.zeros((6, 64, 64)))}, r"\(6, 64, 64\); expected \(n, 200, 200\)"),
    "no images": ({"NEU_test_imgs.npy": lambda data: npy(np.zeros((0, 200, 200)))}, r"\(0, 200, 200\); expected"),
    "colours": ({"NEU_test_imgs.npy": lambda data: npy(np.zeros((6, 200, 200, 3)))}, "expected"),
    "too bright": ({"NEU_test_imgs.npy": lambda data: npy(np.full((6, 200, 200), 256))}, "from 0 to 255"),
    "negative": ({"NEU_test_imgs.npy": lambda data: npy(np.full((6, 200, 200), -0.1))}, "from 0 to 255"),
    "not a number": ({"NEU_test_imgs.npy": lambda data: npy(np.full((6, 200, 200), np.nan))}, "from 0 to 255"),
    "label out of range": ({"NEU_test_labels.npy": lambda data: npy(np.arange(1, 7))}, "whole numbers from 0 to 5"),
    "broken label": ({"NEU_test_labels.npy": lambda data: npy(np.arange(6) / 2)}, "whole numbers from 0 to 5"),
    "two-hot": ({"NEU_test_labels.npy": lambda data: npy(np.ones((6, 6)))}, "expected .* one-hot rows"),
    "names for labels": ({"NEU_test_labels.npy": lambda data: npy(np.array(CLASSES))}, "must be numbers"),
    "labels too short": ({"NEU_test_labels.npy": lambda data: npy(np.arange(5))}, r"\(5,\); expected \(6,\)"),
    "class missing": ({"NEU_test_labels.npy": lambda data: npy(np.array([0, 1, 2, 3, 4, 4]))}, "no image of scratches"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("fault", BROKEN_ARRAYS)
def test_broken_arrays_are_an_error(tmp_path, fault, packed):
    changes, message = BROKEN_ARRAYS[fault]
    files = {name: changes.get(name, lambda data: data)(data) for name, data in neu_arrays().items()}
    files = {name: data for name, data in files.items() if data is not None}
    if packed:
        pack(files, tmp_path / "NEU.zip")
    else:
        put(files, tmp_path)
    for source in ("local", "auto"):
        with pytest.raises(DataError, match=message):
            load_neu(source, tmp_path)


def test_pickled_objects_are_never_loaded(tmp_path):
    sprung = tmp_path / "sprung"
    trap = npy(np.array([Trap(sprung)] * 6, dtype=object), allow_pickle=True)
    put(neu_arrays() | {"NEU_test_imgs.npy": trap}, tmp_path)
    with pytest.raises(DataError, match="not a whole .npy file of numbers"):
        load_neu("local", tmp_path)
    (tmp_path / "mnist.npz").write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(DataError, match="not a whole .npz file of numbers"):
        load_mnist("local", tmp_path)
    assert not sprung.exists()


# --- zips that mean harm


@pytest.mark.parametrize("name", ["../crazing_1.jpg", ".", "a/../../crazing_1.jpg", "/etc/crazing_1.jpg",
                                  "..\\crazing_1.jpg", "C:\\crazing_1.jpg"])
def test_a_zip_that_leads_out_of_itself_is_refused(tmp_path, name):
    pack(neu_files("flat") | {name: b"out"}, tmp_path / "NEU.zip")
    with pytest.raises(DataError, match="leads out of the zip"):
        load_neu("local", tmp_path)


def test_a_symbolic_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("IMAGES/crazing_1.jpg")
    link.external_attr = 0o120777 << 16
    pack(neu_files("flat") | {link: b"/etc/passwd"}, tmp_path / "NEU.zip")
    with pytest.raises(DataError, match="symbolic link"):
        load_neu("local", tmp_path)


def test_a_zip_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "LARGEST_FILE", 10_000_000)
    with zipfile.ZipFile(tmp_path / "NEU.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("NEU_train_imgs.npy", bytes(10_000_001))
    with pytest.raises(DataError, match="declares 10,000,001 bytes"):
        load_neu("local", tmp_path)


def test_a_picture_that_unpacks_without_end_is_not_decoded(tmp_path):
    huge = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(huge, "PNG")  # 50 KB, 400 million pixels
    put(neu_files("flat") | {"NEU-DET/IMAGES/patches_9.png": huge.getvalue(), XML.replace("2", "9"): annotation()}, tmp_path)
    with pytest.raises(DataError, match="patches_9.png"):
        load_neu("local", tmp_path)


def test_zips_that_are_none_or_damaged(tmp_path):
    path = tmp_path / "NEU.zip"
    path.write_bytes(b"not a zip")
    with pytest.raises(DataError, match="NEU.zip is not a readable zip"):
        load_neu("auto", tmp_path)
    pack(neu_files("flat"), path)
    content = bytearray(path.read_bytes())
    content[content.index(b"\xff\xd8\xff") + 200] ^= 1  # one bit in the first picture
    path.write_bytes(content)
    with pytest.raises(DataError, match="NEU.zip: .*cannot be unpacked.*CRC"):
        load_neu("auto", tmp_path)


# --- folders that cannot be read


def test_a_folder_that_does_not_exist(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="data_dir names .*nowhere, which does not exist"):
        load_mnist(data_dir=tmp_path / "nowhere")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="COURSE_DATA names .*nowhere, which does not exist"):
        load_neu()


@pytest.fixture
def drive(tmp_path, monkeypatch):
    """Where Colab would mount a Google Drive; not mounted."""
    monkeypatch.setattr(loaders, "DRIVE", tmp_path / "content" / "drive")
    return tmp_path / "content" / "drive"


@pytest.mark.parametrize("named", ["MyDrive/neu", "MyDrive"])
def test_the_npy_files_on_a_google_drive(drive, monkeypatch, named):
    put(neu_arrays(), drive / "MyDrive" / "neu")
    monkeypatch.setenv("COURSE_DATA", str(drive / named))
    for data in (load_neu(), load_neu("local"), load_neu(data_dir=drive / named)):
        assert data.y_train.tolist() == list(range(6)) * 2 and data.y_test.tolist() == list(range(6))
        np.testing.assert_allclose(data.x_test[:, 7, 7, 0], (40 * np.arange(6) + 5) / 255, rtol=1e-6)
        assert data.source.startswith("local: ") and data.source.endswith("/content/drive/MyDrive/neu")


def test_a_google_drive_that_is_not_mounted(drive, monkeypatch):
    with pytest.raises(DataError, match=r"data_dir names .*neu, but no Google Drive is mounted: .*drive\.mount\("):
        load_neu(data_dir=drive / "MyDrive" / "neu")
    monkeypatch.setenv("COURSE_DATA", str(drive / "MyDrive" / "neu"))
    with pytest.raises(DataError, match=r"COURSE_DATA names .*neu, but no Google Drive is mounted: .*drive\.mount\("):
        load_neu()
    assert {row.source for row in where_is_the_data()[:4]} == {"broken"}


def test_a_google_drive_that_is_mounted_and_lacks_the_folder(drive, monkeypatch):
    (drive / "MyDrive").mkdir(parents=True)
    monkeypatch.setenv("COURSE_DATA", str(drive / "MyDrive" / "neu"))
    with pytest.raises(DataError, match="neu, which does not exist"):
        load_neu()


@pytest.mark.skipif(sys.platform == "win32", reason="Colab is Linux")
def test_a_google_drive_whose_connection_was_lost(drive, monkeypatch):
    """The folders are still named, but nothing can be asked about them."""
    stat = os.stat

    def lost(path, **options):
        if str(path).startswith(str(drive)):
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return stat(path, **options)

    put(neu_arrays(), drive / "MyDrive" / "neu")
    monkeypatch.setenv("COURSE_DATA", str(drive / "MyDrive" / "neu"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", lost)
        with pytest.raises(DataError, match="no Google Drive is mounted"):
            load_neu()


def test_a_notebook_shows_the_sentence_and_nothing_else(tmp_path):
    code = f"from lecture_utils import load_neu\nload_neu(data_dir={str(tmp_path / 'nowhere')!r})"
    shown = subprocess.run([sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "-c", code], cwd=ROOT,
                           env=os.environ | {"IPYTHONDIR": str(tmp_path)}, capture_output=True, text=True).stdout
    assert shown.strip() == f"data_dir names {tmp_path / 'nowhere'}, which does not exist or cannot be reached."


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    put(neu_files("flat"), tmp_path)

    def forbidden(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(readers.os, "scandir", forbidden)
        with pytest.raises(DataError, match="Permission denied"):
            load_neu("auto", tmp_path / "NEU-DET")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", forbidden)
        with pytest.raises(DataError, match="cannot be read: Permission denied"):
            load_neu("auto", tmp_path)


@pytest.mark.parametrize("load", [load_mnist, load_neu, load_cifar10, load_stl10])
@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_a_data_folder_that_may_not_be_read_is_an_error_never_other_data(tmp_path, monkeypatch, load, error):
    def unreadable(*_, **__):
        raise error

    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with monkeypatch.context() as patch:
        for ask in ("iterdir", "exists"):
            patch.setattr(Path, ask, unreadable)
        for source in ("auto", "local"):
            with pytest.raises(DataError, match=f"{tmp_path} cannot be read: {error.strerror}"):
                load(source)
        assert {row.source for row in where_is_the_data()[:4]} == {"broken"}


def test_nothing_is_ever_written_into_the_data_folder(tmp_path):
    put(neu_files("flat"), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    load_neu("local", tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


# --- MNIST


def small_mnist(path, **changes):
    arrays = {"x_train": np.arange(20, dtype=np.uint8)[:, None, None] * np.ones((20, 28, 28), np.uint8),
              "y_train": np.arange(20) % 10, "x_test": np.full((10, 28, 28), 255, np.uint8), "y_test": np.arange(10)}
    arrays = {key: value for key, value in (arrays | changes).items() if value is not None}
    np.savez(path, **arrays)
    return path


def test_mnist_from_the_users_folder(tmp_path, monkeypatch, capsys):
    small_mnist(tmp_path / "mnist.npz")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    data = load_mnist()
    assert data.x_train.shape == (20, 28, 28, 1) and data.x_train.dtype == np.float32 and data.x_test.max() == 1.0
    assert data.x_train[7, 3, 3, 0] == np.float32(7 / 255)
    assert data.y_train.dtype == np.int64 and data.y_test.tolist() == list(range(10))
    assert data.class_names == tuple("0123456789")
    assert data.source.startswith("local: ") and data.source.endswith("mnist.npz")
    assert capsys.readouterr().out == f"MNIST: 20 training and 10 test images, {data.source}\n"


@pytest.mark.parametrize("changes, message", [
    ({"y_test": None}, "holds no y_test"),
    ({"x_test": np.zeros((10, 32, 32), np.uint8)}, r"\(10, 32, 32\); expected \(n, 28, 28\)"),
    ({"y_test": np.arange(1, 11)}, "whole numbers from 0 to 9"),
    ({"y_test": np.arange(9)}, r"expected \(10,\)"),
    ({"y_test": np.arange(10) % 9}, "no image of 9"),
])
def test_broken_mnist_is_an_error_never_drawn_digits(tmp_path, changes, message):
    small_mnist(tmp_path / "mnist.npz", **changes)
    for source in ("local", "auto"):
        with pytest.raises(DataError, match=message):
            load_mnist(source, tmp_path)


@pytest.mark.parametrize("damage", [lambda data: data[:5000], lambda data: b"", lambda data: b"text",
                                    lambda data: data.replace(b"\xff" * 100, b"\xfe" * 100),
                                    lambda data: npy(np.zeros((10, 28, 28))),
                                    lambda data: npz(x_train=1, y_train=1, x_test=1, y_test=1)])
def test_damaged_mnist(tmp_path, damage):
    path = small_mnist(tmp_path / "mnist.npz")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match="mnist.npz is not a whole .npz file"):
        load_mnist("auto", tmp_path)
    assert where_is_the_data(tmp_path)[0].source in ("broken", "local")  # which looks at the labels alone


def test_keras_own_cache_is_used_if_it_is_whole(tmp_path, monkeypatch, small_drawn):
    path = small_mnist(put({}, tmp_path) / "mnist.npz")
    keras = tmp_path / "keras" / "datasets" / "mnist.npz"
    keras.parent.mkdir(parents=True)
    keras.write_bytes(path.read_bytes())
    path.unlink()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(loaders, "MNIST_HASH", "sha256:" + sha256(keras.read_bytes()).hexdigest())
    assert load_mnist().source == "embedded"  # COURSE_OFFLINE=1 excludes caches
    monkeypatch.setenv("COURSE_OFFLINE", "0")
    data = load_mnist()
    assert data.source.startswith("download: ") and len(data.x_train) == 20
    monkeypatch.setattr(loaders, "MNIST_URL", "http://127.0.0.1:9/mnist.npz")
    keras.write_bytes(keras.read_bytes()[:-1])
    assert load_mnist().source == "embedded"


def test_the_official_address_and_checksum_are_keras_own():
    source = (Path(find_spec("keras").origin).parent / "src/datasets/mnist.py").read_text()
    assert loaders.MNIST_HASH.removeprefix("sha256:") in source
    assert loaders.MNIST_URL.removesuffix("mnist.npz") in source


# --- CIFAR-10


def cifar_files(names=("0000", "0001")):
    return {f"{part}/{name}/{file}.jpg": picture(20 * label + int(file), (32, 32))
            for part in ("train", "test") for label, name in enumerate(loaders.CIFAR10.class_names) for file in names}


@pytest.mark.parametrize("where", ["zip", "folder", "itself"])
def test_cifar10(tmp_path, where):
    if where == "zip":
        pack(cifar_files(), tmp_path / "cifar10-jpeg.zip")
    else:
        put(cifar_files(), tmp_path / ("CIFAR-10-images-master" if where == "folder" else ""))
    data = load_cifar10("local", tmp_path)
    assert data.x_train.shape == data.x_test.shape == (20, 32, 32, 3) and data.x_train.dtype == np.float32
    assert data.y_train.tolist() == list(range(10)) * 2
    expected = (20 * data.y_test + np.repeat([0, 1], 10)) / 255
    np.testing.assert_allclose(data.x_test[:, 5, 5], expected[:, None] * np.ones(3), atol=1.5 / 255)
    assert data.class_names[3] == "cat" and data.class_names[9] == "truck"


def test_cifar10_is_not_embedded(tmp_path):
    for source in ("auto", "embedded"):
        with pytest.raises(DataError, match="CIFAR-10 is not embedded.*data/README.md"):
            load_cifar10(source, tmp_path)


def test_cifar10_with_a_class_missing(tmp_path):
    put({name: data for name, data in cifar_files().items() if not name.startswith("test/frog/")}, tmp_path)
    with pytest.raises(DataError, match="test/<class>/.*no image of frog"):
        load_cifar10("auto", tmp_path)


# --- STL-10

STL10_PIXELS = 3 * 96 * 96
STL10_NAMES = b"airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck"


def stl10_files(top="stl10_binary/", **changes):
    """{path: bytes} of an STL-10 of three training and two test images: image i is all 10 * i."""
    files = {"test_X.bin": b"".join(bytes([10 * i]) * STL10_PIXELS for i in (3, 4)), "test_y.bin": bytes([2, 9]),
             "train_X.bin": b"".join(bytes([10 * i]) * STL10_PIXELS for i in (0, 1, 2)), "train_y.bin": bytes([1, 10, 4]),
             "unlabeled_X.bin": bytes(5000), "class_names.txt": STL10_NAMES, "fold_indices.txt": b"0 1 2"}
    files |= {name.replace("__", "."): content for name, content in changes.items()}
    return {top + name: content for name, content in files.items() if content is not None}


def tar(files):
    """The bytes of a tar."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as members:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def put_stl10(folder, packed, **changes):
    if packed:
        return put({"stl10_binary.tar.gz": gzip.compress(tar(stl10_files(**changes)), 1)}, folder)
    return put(stl10_files(**changes), folder)


@pytest.mark.parametrize("top", ["stl10_binary/", "STL-10/stl10_binary/", "", None])  # None: packed
def test_stl10(tmp_path, capsys, top):
    folder = put_stl10(tmp_path / "data", True) if top is None else put(stl10_files(top), tmp_path / "data")
    before = set(tmp_path.rglob("*"))
    data = load_stl10("local", folder)
    assert data.x_train.shape == (3, 96, 96, 3) and data.x_test.shape == (2, 96, 96, 3)
    for x, y, greys in ((data.x_train, data.y_train, [0, 10, 20]), (data.x_test, data.y_test, [30, 40])):
        assert x.dtype == np.float32 and x.flags.c_contiguous and y.dtype == np.int64
        np.testing.assert_array_equal(x, np.broadcast_to((np.float32(greys) / np.float32(255))[:, None, None, None], x.shape))
    assert data.y_train.tolist() == [0, 9, 3] and data.y_test.tolist() == [1, 8]
    assert [data.class_names[label] for label in data.y_train] == ["airplane", "truck", "cat"]
    assert data.class_names == tuple(STL10_NAMES.decode().split())
    assert capsys.readouterr().out == f"STL-10: 3 training and 2 test images, {data.source}\n"
    assert set(tmp_path.rglob("*")) == before, "something was unpacked"


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "tar"])
def test_a_pixel_of_stl10_is_where_the_format_says(tmp_path, packed):
    """Image 1's green (channel 1) in row 2, column 5 is byte 1 * 27,648 + 1 * 9,216 + 5 * 96 + 2 = 37,346 of the file."""
    images = bytearray(3 * 27_648)
    images[37_346] = 255
    data = load_stl10("local", put_stl10(tmp_path, packed, train_X__bin=bytes(images)))
    assert np.argwhere(data.x_train).tolist() == [[1, 2, 5, 1]]
    assert data.x_train[1, 2, 5, 1] == 1


def test_every_pixel_of_stl10_is_where_the_format_says(tmp_path):
    value = lambda row, column, channel: (3 * row + 5 * column + 7 * channel) % 251
    one = bytes(value(row, column, channel) for channel in range(3) for column in range(96) for row in range(96))
    data = load_stl10("local", put_stl10(tmp_path, True, test_X__bin=one, test_y__bin=b"\x01"))
    row, column, channel = np.indices((96, 96, 3))
    np.testing.assert_array_equal(np.rint(data.x_test[0] * 255), value(row, column, channel))


def test_stl10_may_be_named_itself_and_folders_come_before_archives(tmp_path):
    archive = put_stl10(tmp_path, True) / "stl10_binary.tar.gz"
    assert load_stl10("local", archive).source.endswith("stl10_binary.tar.gz")
    put_stl10(tmp_path, False)
    assert load_stl10("local", tmp_path).source.endswith("stl10_binary")
    assert load_stl10("local", tmp_path / "stl10_binary").source.endswith("stl10_binary")


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "tar"])
@pytest.mark.parametrize("changes, message", [
    ({"train_y__bin": None}, "lacks train_y.bin; expected train_X.bin, test_X.bin, train_y.bin, test_y.bin. Fetch"),
    ({"test_X__bin": None, "test_y__bin": None}, "lacks test_X.bin, test_y.bin"),
    ({"test_X__bin": bytes(2 * 27_648 - 1)}, "test_X.bin has 55,295 bytes; expected a whole multiple of 27,648. Fetch"),
    ({"test_X__bin": b""}, "test_X.bin has 0 bytes"),
    ({"test_y__bin": b""}, "test_y.bin has 0 bytes"),
    ({"test_X__bin": bytes(27_648)}, "test_X.bin has 1 images, test_y.bin 2 labels; expected as many of each. Fetch"),
    ({"train_y__bin": bytes([1, 2])}, "train_X.bin has 3 images, train_y.bin 2 labels"),
    ({"train_y__bin": bytes([1, 0, 4])}, "train_y.bin has labels from 0 to 4; expected 1 to 10. Fetch"),
    ({"test_y__bin": bytes([1, 11])}, "test_y.bin has labels from 1 to 11; expected 1 to 10"),
], ids=lambda value: "" if isinstance(value, str) else "+".join(value))
def test_broken_stl10_is_an_error(tmp_path, changes, message, packed):
    put_stl10(tmp_path, packed, **changes)
    for source in ("local", "auto"):
        with pytest.raises(DataError, match=message) as error:
            load_stl10(source, tmp_path)
        assert "stl10_binary" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "tar"])
def test_a_file_of_stl10_that_is_there_twice(tmp_path, packed):
    files = {"stl10_binary/copy/test_y.bin": b"\x01\x02"} | stl10_files()
    put({"stl10_binary.tar.gz": gzip.compress(tar(files))} if packed else files, tmp_path)
    with pytest.raises(DataError, match="has test_y.bin twice: .*copy/test_y.bin and .*test_y.bin. Keep one of them"):
        load_stl10("local", tmp_path)


def test_other_class_names_are_not_stl10(tmp_path):
    put_stl10(tmp_path, False, class_names__txt=STL10_NAMES.replace(b"car\ncat", b"cat\ncar"))
    with pytest.raises(DataError, match="class_names.txt names airplane, bird, cat, car, .*expected STL-10's airplane, bird, "):
        load_stl10("local", tmp_path)
    put_stl10(tmp_path, False, class_names__txt=STL10_NAMES + b"\n")
    assert len(load_stl10("local", tmp_path).x_train) == 3
    (tmp_path / "stl10_binary" / "class_names.txt").unlink()
    assert len(load_stl10("local", tmp_path).x_train) == 3


HALF = 30_000  # bytes of the tar: within the first file's images

DAMAGED = {  # what becomes of the tar
    "empty": lambda tar: b"",
    "text": lambda tar: b"not an archive",
    "not packed": lambda tar: tar,
    "packed, but no tar": lambda tar: gzip.compress(b"no tar" * 1000),
    "cut at its beginning": lambda tar: gzip.compress(tar)[:5],
    "cut in an image": lambda tar: gzip.compress(tar[:HALF])[:-8],
    "ends in an image": lambda tar: gzip.compress(tar[:HALF]),
    "goes on with something else": lambda tar: gzip.compress(tar[:HALF]) + b"rotten",
    "a wrong checksum": lambda tar: gzip.compress(tar[:HALF])[:-8] + bytes(8) + gzip.compress(tar[HALF:]),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_archive_of_stl10(tmp_path, damage):
    put({"stl10_binary.tar.gz": DAMAGED[damage](tar(stl10_files()))}, tmp_path)
    for source in ("local", "auto"):
        with pytest.raises(DataError, match="stl10_binary.tar.gz is not a readable .tar.gz .*Fetch it once more") as error:
            load_stl10(source, tmp_path)
        assert "\n" not in str(error.value)


def test_an_archive_of_stl10_that_ends_between_two_files(tmp_path):
    whole = tar(stl10_files())
    put({"stl10_binary.tar.gz": gzip.compress(whole[:whole.index(b"stl10_binary/train_X.bin")])}, tmp_path)
    with pytest.raises(DataError, match="lacks train_X.bin, train_y.bin; .*Fetch it once more"):
        load_stl10("local", tmp_path)


def test_what_follows_the_last_file_needed_is_not_read(tmp_path):
    """The images without labels are cut off there, and what comes then is no gz."""
    whole = tar(stl10_files(unlabeled_X__bin=bytes(2**20)))
    start = whole.index(b"stl10_binary/unlabeled_X.bin")
    packed = gzip.compress(whole[:start + 5000])[:-8] + b"rotten"
    put({"stl10_binary.tar.gz": packed}, tmp_path)
    assert load_stl10("local", tmp_path).y_train.tolist() == [0, 9, 3]
    assert layouts.count_stl10(tmp_path / "stl10_binary.tar.gz") == 5


def test_what_lies_before_is_passed_over_in_little_memory(tmp_path):
    """67 million bytes without labels, before what is wanted; the gz is made of pieces that repeat."""
    member = tarfile.TarInfo("stl10_binary/unlabeled_X.bin")
    member.size = 4 * 2**24
    files = {name: content for name, content in stl10_files().items() if "unlabeled" not in name}
    packed = gzip.compress(member.tobuf()) + 4 * gzip.compress(bytes(2**24), 1) + gzip.compress(tar(files), 1)
    put({"stl10_binary.tar.gz": packed}, tmp_path)
    tracemalloc.start()
    data = load_stl10("local", tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(data.x_train) == 3 and peak < 2**22


@pytest.mark.parametrize("size", [3 * 2**30, 3 * 10**6])
def test_a_declared_size_is_not_believed(tmp_path, monkeypatch, size):
    monkeypatch.setattr(readers, "LARGEST_FILE", 2**30)
    member = tarfile.TarInfo("stl10_binary/train_y.bin")
    member.size = size
    put({"stl10_binary.tar.gz": gzip.compress(member.tobuf() + bytes(10**6))}, tmp_path)
    message = "declares 3,221,225,472 bytes; at most 1,073,741,824" if size > 2**30 else "is not a readable .tar.gz"
    with pytest.raises(DataError, match=message):
        load_stl10("local", tmp_path)


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    with pytest.raises(DataError, match="train_y.bin ends before its 5 bytes"):
        readers._records(io.BytesIO(b"1234"), 5, (), "train_y.bin")


def test_links_in_a_tar_are_not_followed(tmp_path):
    (tmp_path / "secret").write_bytes(bytes([1, 2, 3]))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as members:
        link = tarfile.TarInfo("stl10_binary/train_y.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        members.addfile(link)
    put({"stl10_binary.tar.gz": archive.getvalue()}, tmp_path)
    with pytest.raises(DataError, match="lacks .*train_y.bin"):
        load_stl10("local", tmp_path)


def test_stl10_is_not_embedded_and_its_size_is_told(tmp_path):
    with pytest.raises(DataError, match="STL-10 is not embedded.*data/README.md"):
        load_stl10("embedded", tmp_path)
    with pytest.raises(DataError, match="STL-10 is not embedded.*COURSE_OFFLINE=1"):
        load_stl10("auto", tmp_path)
    (row,) = [row for row in where_is_the_data(tmp_path) if row.name == "STL-10"]
    assert row.source == "missing" and row.remark.endswith("`python3 course.py data STL-10` downloads its 2.6 GB")


# --- what is downloaded is verified


def independent_digests(files):
    """The manifest's figures by another way: cv2 decodes, a regular expression reads the boxes."""
    by_name = {Path(path).name: content for path, content in files.items()}
    digests = {}
    for name in CLASSES:
        digest, numbers = sha256(), [number for number in range(1, 301) if f"{name}_{number}.jpg" in by_name]
        for number in numbers[:250]:
            image, xml = by_name[f"{name}_{number}.jpg"], by_name[f"{name}_{number}.xml"].decode()
            corners = np.array(re.findall(r"<x?y?m\w+>(\d+)</", xml), "<i8").reshape(-1, 4)  # xmin, ymin, xmax, ymax
            digest.update(cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_GRAYSCALE).tobytes())
            digest.update((corners - np.array([1, 1, 0, 0], "<i8")).tobytes())
        digests[name] = [len(numbers), digest.hexdigest()]
    return digests


def test_the_digest_reaches_to_image_250():
    """Two classes of three images each, written out; the numbers above 250 are counted and not looked at."""
    labels, numbers = np.array([0, 1, 0, 1, 0, 1]), np.array([251, 249, 250, 250, 1, 300])
    pixels = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)
    boxes = [np.array([[i, 0, 9, 9]]) for i in range(6)]
    content = lambda i: bytes(range(4 * i, 4 * i + 4)) + b"".join(n.to_bytes(8, "little") for n in (i, 0, 9, 9))
    found = layouts.digest_neu(pixels, labels, numbers, boxes)
    assert found["crazing"] == [3, sha256(content(4) + content(2)).hexdigest()]
    assert found["inclusion"] == [3, sha256(content(1) + content(3)).hexdigest()]
    assert found["patches"] == [0, sha256().hexdigest()]


@pytest.fixture
def downloaded(tmp_path, monkeypatch):
    """Stands in for the network: `downloaded(files)` is what the next downloads of NEU bring. Counts them."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("COURSE_OFFLINE", "0")
    monkeypatch.setenv("COURSE_CACHE", str(cache))
    fetched = []

    def serve(files):
        def fetch(url, path, known_hash):
            fetched.append(url)
            path.parent.mkdir(exist_ok=True)
            return pack(files, path)

        monkeypatch.setattr(loaders.downloads, "_fetch", fetch)
        return fetched

    return serve


def pinned_zip():
    return {f"NEU-DET-Steel-Surface-Defect-Detection-351bee2/{name.removeprefix('NEU-DET/')}": data
            for name, data in neu_files("pinned").items()}


def test_a_download_of_neu_is_verified_and_kept(tmp_path, downloaded, monkeypatch):
    fetched = downloaded(pinned_zip())
    monkeypatch.setattr(manifest, "NEU", independent_digests(pinned_zip()))
    for _ in range(2):
        data = load_neu("download")
        assert data.source.startswith("download: ") and len(data.x_train) == 30 and len(data.boxes_test) == 12
    assert fetched == [loaders.NEU_URL]


@pytest.mark.parametrize("change", [
    {"IMAGES/patches_2.jpg": picture(99)},  # another picture
    {"ANNOTATIONS/patches_2.xml": annotation(("patches", 2, 1, 200, 199))},  # another box
    {"IMAGES/patches_8.jpg": picture(99), "ANNOTATIONS/patches_8.xml": annotation()},  # one too many
])
def test_a_download_that_is_not_the_known_one_is_thrown_away(tmp_path, downloaded, monkeypatch, small_drawn, change):
    files = pinned_zip()
    monkeypatch.setattr(manifest, "NEU", independent_digests(files))
    downloaded(files | {f"NEU-DET-Steel-Surface-Defect-Detection-351bee2/{name}": data for name, data in change.items()})
    with pytest.raises(DataError, match="not the known one: patches differ"):
        load_neu("download")
    assert list((tmp_path / "cache").iterdir()) == []
    assert load_neu("auto").source == "embedded"


def test_a_cached_copy_that_went_bad_is_fetched_once_more(tmp_path, downloaded, monkeypatch):
    monkeypatch.setattr(manifest, "NEU", independent_digests(pinned_zip()))
    fetched = downloaded(pinned_zip())
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / loaders.NEU_FILE).write_bytes(b"rotten")
    assert load_neu().source.startswith("download: ")
    assert len(fetched) == 1


def test_a_download_of_cifar10_is_verified(downloaded, monkeypatch):
    files = {f"CIFAR-10-images-d7d0561/{name}": data for name, data in cifar_files().items()}
    in_turns = sorted(files, key=lambda name: (name.split("/")[3], loaders.CIFAR10.class_names.index(name.split("/")[2])))
    known = {part: [20, sha256(b"".join(files[name] for name in in_turns if f"/{part}/" in name)).hexdigest()]
             for part in ("train", "test")}
    monkeypatch.setattr(manifest, "CIFAR10", known)
    downloaded(files)
    assert len(load_cifar10("download").x_train) == 20
    monkeypatch.setattr(manifest, "CIFAR10", known | {"test": [20, "0" * 64]})
    with pytest.raises(DataError, match="not the known one: test differ"):
        load_cifar10("download")


# --- embedded, and what auto takes


def test_embedded_data(small_drawn, capsys):
    digits, steel = load_mnist("embedded"), load_neu("embedded")
    assert digits.source == steel.source == "embedded"
    assert digits.x_train.shape == (20, 28, 28, 1) and digits.x_test.shape == (10, 28, 28, 1)
    assert steel.x_train.shape == (12, 200, 200, 1) and steel.masks_test.shape == (6, 200, 200)
    assert steel.masks_train.dtype == bool and steel.class_names == CLASSES
    for boxes, labels, label in zip(steel.boxes_train, steel.box_labels_train, steel.y_train, strict=True):
        assert len(boxes) == len(labels) >= 1 and set(labels.tolist()) == {label}
    assert not any((digits.x_train == image).all(axis=(1, 2, 3)).any() for image in digits.x_test)  # no image in both
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_auto_prefers_the_users_files_and_is_else_embedded(tmp_path, small_drawn, capsys):
    assert load_mnist(data_dir=tmp_path).source == "embedded"
    assert capsys.readouterr().out == "MNIST: 20 training and 10 test images, embedded (drawn by code): COURSE_OFFLINE=1\n"
    small_mnist(tmp_path / "mnist.npz")
    assert load_mnist(data_dir=tmp_path).source.startswith("local")
    assert load_mnist("embedded", tmp_path).source == "embedded"


def test_sources_that_have_nothing_and_a_source_that_is_none(tmp_path):
    with pytest.raises(DataError, match="No MNIST in .*looked for mnist.npz"):
        load_mnist("local", tmp_path)
    with pytest.raises(DataError, match="COURSE_OFFLINE=1"):
        load_mnist("download", tmp_path)
    with pytest.raises(DataError, match="source='lokal' is not one of auto, local, download, embedded"):
        load_mnist("lokal")


def test_a_dataset_prints_in_one_short_line_and_cannot_be_changed(small_drawn):
    data = load_neu("embedded")
    assert repr(data) == "SteelDataset: x_train (12, 200, 200, 1), x_test (6, 200, 200, 1), 6 classes, embedded"
    with pytest.raises(AttributeError):
        data.source = "elsewhere"


# --- photographs, the table of what is where, the package


@pytest.mark.parametrize("name, shape", [("cat", (300, 451, 3)), ("coffee", (400, 600, 3)), ("astronaut", (512, 512, 3)),
                                         ("rocket", (427, 640, 3))])
def test_photographs_need_no_network(monkeypatch, name, shape):
    def no_network(*_):
        raise OSError("no network here")

    monkeypatch.setattr("socket.socket.connect", no_network)
    monkeypatch.setattr("socket.getaddrinfo", no_network)
    photo = load_photo(name)
    assert photo.shape == shape and photo.dtype == np.float32 and 0 <= photo.min() < 0.1 and 0.9 < photo.max() <= 1


def test_a_photograph_that_is_not_there():
    with pytest.raises(DataError, match="'dog'; there are cat, coffee, astronaut, rocket"):
        load_photo("dog")


def test_where_is_the_data(tmp_path):
    def table():
        return {row.name: (row.source, row.images) for row in loaders.where_is_the_data(tmp_path)}

    assert table() == {"MNIST": ("embedded", 7_000), "NEU": ("embedded", 360), "CIFAR-10": ("missing", 0),
                       "STL-10": ("missing", 0), "photographs": ("scikit-image", 4)}
    small_mnist(tmp_path / "mnist.npz")
    put(neu_files("flat"), tmp_path)
    pack(cifar_files(), tmp_path / "cifar10-jpeg.zip")
    put_stl10(tmp_path, True)
    assert table() == {"MNIST": ("local", 30), "NEU": ("local", 42), "CIFAR-10": ("local", 40),
                       "STL-10": ("local", 5), "photographs": ("scikit-image", 4)}
    put(neu_arrays(), tmp_path / "NEU-DET")
    assert table()["NEU"] == ("local", 18)
    (tmp_path / "cifar10-jpeg.zip").write_bytes(b"rotten")
    assert table()["CIFAR-10"] == ("broken", 0)


def test_the_command_fails_where_data_is_broken_or_cannot_be_had(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert loaders.main(["--show"]) == 0
    assert loaders.main([]) == 1  # COURSE_OFFLINE=1
    (tmp_path / "mnist.npz").write_bytes(b"rotten")
    assert loaders.main(["--show"]) == 1
    assert re.search(r"MNIST +broken .*mnist.npz is not a whole", capsys.readouterr().out)


def test_loaders_do_not_wait_for_tensorflow():
    code = "import sys; from lecture_utils import load_mnist, load_neu, DataError; print('tensorflow' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).strip() == "False"


# --- the real data sets


@pytest.mark.realdata
def test_real_mnist():
    data = load_mnist("local")
    assert data.x_train.shape == (60_000, 28, 28, 1) and data.x_test.shape == (10_000, 28, 28, 1)
    assert data.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]  # the official order
    assert data.y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(data.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert 0.13 < data.x_train.mean() < 0.132  # 0.1307, as everyone who normalizes MNIST knows


@pytest.mark.realdata
def test_real_neu(real_data):
    data = load_neu("local")
    assert data.x_train.shape == (1248, 200, 200, 1) and data.x_test.shape == (252, 200, 200, 1)
    assert np.bincount(data.y_train).tolist() == [208] * 6 and np.bincount(data.y_test).tolist() == [42] * 6
    for label, name in enumerate(CLASSES):  # the test set is 209 to 250, in order, as another decoder reads it
        files = [real_data / f"NEU-DET/IMAGES/{name}_{number}.jpg" for number in range(209, 251)]
        np.testing.assert_array_equal(np.rint(data.x_test[data.y_test == label][..., 0] * 255),
                                      [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in files])
    boxes = np.concatenate(data.boxes_train + data.boxes_test)
    assert len(boxes) == 3482 and (boxes[:, 2:] > boxes[:, :2]).all() and boxes.min() == 0 and boxes.max() == 200
    counts = [len(of_image) for of_image in data.boxes_train + data.boxes_test]
    assert min(counts) == 1 and max(counts) == 9
    first = (data.y_train == 0).nonzero()[0][0]
    assert data.boxes_train[first].tolist() == [[1, 1, 193, 194]]  # crazing_1.xml: 2, 2, 193, 194
    # the same counts as `grep -h "<name>" ANNOTATIONS/*.xml | sort | uniq -c`
    box_labels = data.box_labels_train + data.box_labels_test
    assert np.bincount(np.concatenate(box_labels)).tolist() == [558, 875, 725, 359, 517, 448]
    others = [(labels != label).sum() for labels, label in zip(box_labels, [*data.y_train, *data.y_test], strict=True)]
    assert sum(others) == 166 and np.count_nonzero(others) == 106


@pytest.mark.realdata
def test_the_manifest_describes_the_real_neu(real_data):
    files = {str(path): path.read_bytes() for folder in ("IMAGES", "ANNOTATIONS")
             for path in (real_data / "NEU-DET" / folder).iterdir()}
    digests = independent_digests(files)
    assert {name: digest for name, (_, digest) in digests.items()} == {name: digest for name, (_, digest) in manifest.NEU.items()}
    with pytest.raises(DataError, match="not the known one"):  # 250 images of each class are not all 300
        layouts.read_neu(real_data / "NEU-DET", verify=True)


@pytest.mark.realdata
def test_the_manifest_describes_the_real_cifar10(real_data):
    path = real_data / "cifar10-jpeg.zip"
    with readers.open_files(path) as files:
        assert layouts.digest_cifar10(files, layouts._cifar10_images(files)) == manifest.CIFAR10
    assert layouts.count_cifar10(path) == 60_000


def test_an_image_that_is_not_square_stands_upright(tmp_path):
    files = readers.Folder(put({"wide.png": picture(7, size=(6, 4), format="PNG")}, tmp_path))      # PIL: width, height
    assert readers.read_image(files, "wide.png", (4, 6)).shape == (4, 6)
    with pytest.raises(DataError, match="is 4 x 6 pixels; expected 6 x 4"):
        readers.read_image(files, "wide.png", (6, 4))


def test_no_embedded_test_image_is_drawn_from_a_training_seed():
    for parts in (loaders.EMBEDDED_DIGITS, loaders.EMBEDDED_STEEL):
        (_, train), (_, test) = parts["train"], parts["test"]
        assert train != test
