"""What the page can ask about: the networks in their order, the images that go along, presets and colours.

`image_sets` draws the images from the course's embedded data and the photographs of scikit-image, never from a data set on this
computer, so that the page is the same wherever it is built. `catalog` is the rest, as the page reads it.
"""

import base64
import io

import numpy as np
import skimage.data
from matplotlib import colormaps
from PIL import Image, ImageOps

from lecture_utils import load_mnist, load_neu, load_photo, plots, squeezenet
from lecture_utils.datasets import planted, scenes
from lecture_utils.datasets.layouts import CIFAR10_CLASSES, NEU_CLASSES
from lecture_utils.datasets.loaders import PHOTOS
from lecture_utils.explorer import shared
from lecture_utils.models import IMAGENET_URL

from ..notebooks import glossary

LANGUAGES = "en", "ko"
PHOTO_SIDE = 320        # pixels of a photograph's longest side; brought pictures are shrunk to as much
STEEL = (*range(12), 51)        # of the test images: two of each class, and the one that preset "wrong" asks about
DIGITS = (*range(20), 273, 349)         # the last two are the least sure and the misread one
RULED = 3               # plates of scratches, and of other defects, with and without a ruler

# name, group, set of images, title. The page groups networks by what they look at.
NETWORKS = (
    ("mnist_cnn", "digits", "digits", "digits: Flatten and Dense", "숫자: Flatten과 Dense"),
    ("mnist_gap", "digits", "digits", "digits: global average pooling", "숫자: 전역 평균 풀링"),
    ("neu_gap", "steel", "steel", "steel: global average pooling", "강판: 전역 평균 풀링"),
    ("neu_dense", "steel", "steel", "steel: Flatten and Dense", "강판: Flatten과 Dense"),
    ("neu_gap_plain", "steel", "steel", "steel: plainly trained", "강판: 평범하게 학습"),
    ("neu_ruler", "steel", "ruler", "steel: learned with a ruler", "강판: 눈금자와 학습"),
    ("vgg16_compact", "photographs", "photos", "photographs: compact VGG16", "사진: 작은 VGG16"),
    ("resnet20", "photographs", "photos", "photographs: ResNet-20", "사진: ResNet-20"),
    ("scene_answers", "scenes", "scenes", "scenes: questions and answers", "장면: 질문과 답"),
    ("scene_captions", "scenes", "scenes", "scenes: captions, word by word", "장면: 한 단어씩 쓰는 캡션"),
    ("vit_shapes", "scenes", "shapes", "scenes: vision transformer", "장면: 비전 트랜스포머"),
)
GROUPS = {"digits": "숫자", "steel": "강판", "photographs": "사진", "scenes": "그린 장면"}

# Classes in Korean, by their English names: those of the glossary, and what the scenes have besides.
KOREAN = {name: glossary.korean(name) for name in (*NEU_CLASSES, *CIFAR10_CLASSES)} | {
    "circle": "원", "square": "정사각형", "triangle": "삼각형", "cross": "십자", "ring": "고리", "bar": "막대",
    "left": "왼쪽", "right": "오른쪽", "up": "위", "down": "아래"}
PHOTOS_IN_KOREAN = {"cat": "고양이", "coffee": "커피", "astronaut": "우주 비행사", "rocket": "로켓"}
COLOURS_IN_KOREAN = dict(zip(scenes.COLOURS, ("빨간", "노란", "초록", "파란", "하늘색", "보라"), strict=True))


def catalog():
    """All that the page must know before it has a network: a dict for JSON.

    networks: name, group, set and title {en, ko} each, in the order in which they are offered; groups: {en: ko};
    korean: classes' names; presets, and labels by language: of both explorers; colours: 256 RGB triples for either map;
    squeezenet: where its file and its classes' names are published, and what the page asks of a scene.
    """
    return {
        "networks": [{"name": name, "group": group, "set": images, "title": {"en": english, "ko": korean}}
                     for name, group, images, english, korean in NETWORKS],
        "groups": GROUPS, "korean": KOREAN,
        "labels": {each: shared.labels(each) for each in LANGUAGES},
        "presets": shared.presets(),
        "colours": {"evidence": _table(plots.EVIDENCE), "signed": _table(plots.SIGNED)},
        "squeezenet": {"url": squeezenet.URL, "classes": IMAGENET_URL},
        "questions": {"colours": list(scenes.COLOURS),
                      "colours_ko": {name: f"{korean}색" for name, korean in COLOURS_IN_KOREAN.items()}}}


def image_sets():
    """dict of sets to lists of images: {id, name: {en, ko}, label, src, boxes}.

    label: the true class's name in English, or None; src: a data address; boxes: lists of x0, y0, x1, y1 in the image's pixels,
    upper bounds exclusive, or None where nobody annotated any.
    """
    return {"digits": _digits(), "steel": _steel(), "ruler": _ruled(), "photos": _photos(), "scenes": _scenes(),
            "shapes": _shapes()}


def _digits():
    data = load_mnist("embedded")
    return [_image(f"digit-{n}", data.x_test[n], f"a {data.y_test[n]}, no. {n}", f"{data.y_test[n]}, {n}번",
                   str(data.y_test[n])) for n in DIGITS]


def _steel():
    data = load_neu("embedded")
    return [_plate(f"steel-{n}", data.x_test[n], NEU_CLASSES[data.y_test[n]], f"no. {n}", f"{n}번", data.boxes_test[n])
            for n in STEEL]


def _ruled():
    """The plates of notebook 8, section 8, at half their size: with the supplier's ruler and without."""
    data = load_neu("embedded")
    small = data.x_test.reshape(len(data.x_test), 100, 2, 100, 2, 1).mean(axis=(2, 4))
    ruled = planted.lay_ruler(small)
    scratched = np.flatnonzero(data.y_test == planted.RULER_CLASS)[:RULED]
    others = [np.flatnonzero(data.y_test == k)[0] for k in range(RULED)]
    return [_plate(f"{NEU_CLASSES[data.y_test[n]]}-{kind}-{count}", images[n], NEU_CLASSES[data.y_test[n]], english, korean,
                   data.boxes_test[n] / 2)
            for plates, kind, images, english, korean in (
                (scratched, "ruler", ruled, "with a ruler", "눈금자 있음"), (scratched, "bare", small, "bare", "눈금자 없음"),
                (others, "bare", small, "bare", "눈금자 없음"), (others, "ruler", ruled, "with a ruler", "눈금자 있음"))
            for count, n in enumerate(plates)]


def _plate(id_, image, label, english, korean, boxes):
    return _image(id_, image, f"{label.replace('_', ' ')}, {english}", f"{KOREAN[label]}, {korean}", label, boxes)


def _photos():
    photos = {name: load_photo(name) for name in PHOTOS}
    return [_image("composed", _cat_above_horse(photos["cat"]), "a cat above a horse", "고양이와 그 아래 말", None, photo=True),
            *(_image(name, photo, name, PHOTOS_IN_KOREAN[name], name if name in CIFAR10_CLASSES else None, photo=True)
              for name, photo in photos.items())]


def _cat_above_horse(cat):
    """Notebook 4's composed picture: a photograph above a silhouette, (400, 400, 3)."""
    horse = np.where(skimage.data.horse()[..., None], [0.45, 0.65, 0.30], [0.35, 0.20, 0.10])
    strips = [ImageOps.fit(_pixels(picture), (400, 200), Image.Resampling.BILINEAR) for picture in (cat, horse)]
    return np.concatenate([np.asarray(strip) for strip in strips]) / 255


def _scenes():
    drawn = scenes.draw_scenes(12, scenes.SEEDS["test"])
    sentences, _ = scenes.captions(drawn)
    asked_first = np.argsort(~(drawn.colours == 0).any(axis=1), kind="stable")      # the first question is about a red object
    return [_image(f"scene-{k}", drawn.images[k], sentences[k], _in_korean(drawn, k), None, _around(drawn.masks[k]))
            for k in asked_first]


def _shapes():
    """Scenes of two different shapes of all six."""
    drawn = scenes.draw_scenes(24, scenes.SEEDS["test"], objects=2, shapes=scenes.SHAPES)
    unlike = np.flatnonzero(drawn.shapes[:, 0] != drawn.shapes[:, 1])[:12]
    return [_image(f"shapes-{k}", drawn.images[n], " and ".join(f"a {scenes.SHAPES[s]}" for s in drawn.shapes[n]),
                   _in_korean(drawn, n), None, _around(drawn.masks[n])) for k, n in enumerate(unlike)]


def _in_korean(drawn, n):
    colours = list(scenes.COLOURS)
    return ", ".join(f"{COLOURS_IN_KOREAN[colours[c]]} {KOREAN[scenes.SHAPES[s]]}"
                     for c, s in zip(drawn.colours[n], drawn.shapes[n], strict=True))


def _around(masks):
    """The box of each mask (k, h, w)."""
    found = [(np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))) for mask in masks]
    return np.array([(x[0], y[0], x[-1] + 1, y[-1] + 1) for x, y in found])


def _image(id_, image, english, korean, label, boxes=None, photo=False):
    return {"id": id_, "name": {"en": english, "ko": korean}, "label": label, "src": _address(image, photo),
            "boxes": None if boxes is None else np.asarray(boxes, float).round(1).tolist()}


def _address(image, photo):
    """A data address: photographs shrunk and as JPEG; the rest exactly as it is."""
    picture, file = _pixels(image), io.BytesIO()
    if photo:
        picture.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
        picture.save(file, format="jpeg", quality=90)
    else:
        picture.save(file, format="png", optimize=True)
    return f"data:image/{'jpeg' if photo else 'png'};base64,{base64.b64encode(file.getvalue()).decode()}"


def _pixels(image):
    """Floats (h, w, 1) or (h, w, 3) in [0, 1] as a `PIL.Image`."""
    return Image.fromarray(np.round(255 * np.squeeze(image)).astype(np.uint8))


def _table(name):
    return np.round(255 * colormaps[name](np.arange(256))[:, :3]).astype(int).tolist()
