"""Scenes drawn by code, and sentences about them: coloured shapes on a plain ground, whose masks are exact.

`draw_scenes` draws pictures of 64x64 with one object or more, each of a colour of its own. `questions` asks about the objects
of each picture, `captions` describes a picture of two in one sentence; both come with what is true, by the program that drew it.
Words are numbers for a network: `WORDS` lists them, `encode` and `decode` go back and forth.

Seeded like the other drawn data: picture i depends on (seed, i) alone, so a longer set begins with the shorter one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..language import say, worded

SCENE_SIZE = 64  # pixels, height and width
SHAPES = ("circle", "square", "triangle", "cross", "ring", "bar")
# Paul Tol's "bright" colours, told apart with every kind of colour vision: https://personal.sron.nl/~pault
COLOURS = {worded("red"): "#EE6677", worded("yellow"): "#CCBB44", worded("green"): "#228833", worded("blue"): "#4477AA",
           worded("cyan"): "#66CCEE", worded("purple"): "#AA3377"}
SEEDS = {"training": 10, "validation": 11, "test": 12}  # no picture belongs to two of them
RELATIONS = ("left of", "right of", "above", "below")
KINDS_IN_ENGLISH = (worded("shape"), worded("left or right"), worded("up or down"))  # of questions: in files, and for `KINDS`
ANSWERS = (*SHAPES[:3], "left", "right", "up", "down")
END = "<end>"
WORDS = (END, "a", *COLOURS, *SHAPES[:3], "left", "right", "above", "below", "of")
CAPTION_LENGTH = 9  # "a red circle left of a blue square <end>"

_FINE = 4       # each pixel is drawn as 4x4 finer ones and averaged
_SIDES = (14, 22)  # pixels: the least and the largest size of an object
_GAP = 3        # pixels between the boxes of two objects, and from the border
_MIDDLE = 4     # pixels: no object's centre lies closer to the middle, so that left and right, up and down, are told apart


def __getattr__(name):
    """`KINDS`: the kinds of questions, in the language that the reader has now."""
    if name == "KINDS":
        return Kinds(map(say, KINDS_IN_ENGLISH))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Kinds(tuple):
    """Kinds of questions; `index` finds one by its English name, too."""

    def index(self, kind):
        return super().index(say(kind))


class Scenes(NamedTuple):
    """Pictures, and what is on them: n pictures of k objects."""

    images: np.ndarray   # (n, 64, 64, 3) float32 in [0, 1]
    shapes: np.ndarray   # (n, k) int64, indices of SHAPES
    colours: np.ndarray  # (n, k) int64, indices of COLOURS; no two alike in a picture
    masks: np.ndarray    # (n, k, 64, 64) bool: the pixels that an object covers by half at least
    centres: np.ndarray  # (n, k, 2) float32: y, x of each object's box, in pixels


def draw_scenes(n, seed=0, objects=2, shapes=SHAPES[:3]) -> Scenes:
    """Draw n pictures with `objects` of the `shapes` each, whose boxes do not touch.

    Raises ValueError for an n, a seed or a number of objects out of range, and for shapes that it does not know.

    >>> from lecture_utils.datasets.scenes import draw_scenes
    >>> draw_scenes(2).masks.shape
    (2, 2, 64, 64)
    """
    _require(n, 0, None, "n")
    _require(seed, 0, None, "seed")
    _require(objects, 1, 4, "objects")
    unknown = [shape for shape in shapes if shape not in SHAPES]
    if unknown or not shapes:
        raise ValueError(say("shapes must be some of {known}; got {shapes}.", known=", ".join(SHAPES), shapes=list(shapes)))
    drawn = [_draw_scene(np.random.default_rng([seed, i]), objects, [SHAPES.index(shape) for shape in shapes]) for i in range(n)]
    if not drawn:
        size = (SCENE_SIZE, SCENE_SIZE)
        return Scenes(np.zeros((0, *size, 3), np.float32), np.zeros((0, objects), int), np.zeros((0, objects), int),
                      np.zeros((0, objects, *size), bool), np.zeros((0, objects, 2), np.float32))
    return Scenes(*(np.stack(parts) for parts in zip(*drawn, strict=True)))


def _require(value, least, most, name):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least or most and value > most:
        if most:
            raise ValueError(say("{name} must be a whole number of at least {least} and at most {most}; got {value!r}.",
                                 name=name, least=least, most=most, value=value))
        raise ValueError(say("{name} must be a whole number of at least {least}; got {value!r}.", name=name, least=least,
                             value=value))


def _draw_scene(rng, objects, allowed):
    shapes, colours = rng.choice(allowed, objects), rng.permutation(len(COLOURS))[:objects]
    boxes = _place(rng, objects)
    image = np.full((SCENE_SIZE, SCENE_SIZE, 3), rng.uniform(0.05, 0.3), np.float32)
    masks = np.zeros((objects, SCENE_SIZE, SCENE_SIZE), bool)
    for i, (shape, colour, (y, x, side)) in enumerate(zip(shapes, colours, boxes, strict=True)):
        shade = _rgb(list(COLOURS.values())[colour]) * rng.uniform(0.85, 1.0)
        _cover(image, masks[i], SHAPES[shape], shade, y, x, side)
    return image, shapes, colours, masks, np.float32(boxes)[:, :2]


def _place(rng, objects):
    """(y, x, side) of each object: centres off the middle, boxes apart; drawn anew until they fit."""
    while True:
        sides = rng.integers(_SIDES[0], _SIDES[1] + 1, objects)
        least = sides / 2 + _GAP
        centres = rng.uniform(least[:, None], SCENE_SIZE - 1 - least[:, None], (objects, 2))
        off_middle = np.abs(centres - (SCENE_SIZE - 1) / 2) >= _MIDDLE
        apart = np.abs(centres[:, None] - centres[None]).max(axis=2) >= (sides[:, None] + sides[None]) / 2 + _GAP
        if off_middle.all() and apart[~np.eye(objects, dtype=bool)].all():
            return np.column_stack([centres, sides])


def _cover(image, mask, shape, colour, y, x, side):
    """Lay an object over the image (64, 64, 3) and write its pixels into the mask; its box has this centre and this side."""
    rows, columns = (slice(int(middle - side / 2), int(middle + side / 2) + 2) for middle in (y, x))
    v, u = (2 * (np.arange(at.start - 0.5 + 0.5 / _FINE, at.stop - 0.5, 1 / _FINE) - middle) / side
            for at, middle in ((rows, y), (columns, x)))
    u, v = np.meshgrid(u, v)  # the box is [-1, 1] x [-1, 1]
    inside = _INSIDE[shape](u, v) & (np.abs(u) <= 1) & (np.abs(v) <= 1)
    share = inside.reshape(rows.stop - rows.start, _FINE, columns.stop - columns.start, _FINE).mean(axis=(1, 3))
    image[rows, columns] += share[..., None] * (colour - image[rows, columns])
    mask[rows, columns] = share >= 0.5


_INSIDE = {
    "circle": lambda u, v: u**2 + v**2 <= 1,
    "square": lambda u, v: np.maximum(np.abs(u), np.abs(v)) <= 0.9,
    "triangle": lambda u, v: np.abs(u) <= (v + 1) / 2,
    "cross": lambda u, v: np.minimum(np.abs(u), np.abs(v)) <= 0.3,
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.78) <= 0.22,
    "bar": lambda u, v: np.abs(v) <= 0.35,
}


def _rgb(code):
    return np.array([int(code[i:i + 2], 16) for i in (1, 3, 5)], np.float32) / 255


# --------------------------------------------------------------------------------------------- questions


class Questions(NamedTuple):
    """One question for each entry: (m,) arrays."""

    picture: np.ndarray  # index of the picture asked about
    about: np.ndarray    # index of the object asked about, among the picture's
    kind: np.ndarray     # index of KINDS
    colour: np.ndarray   # index of COLOURS: how the question names the object
    answer: np.ndarray   # index of ANSWERS


def questions(scenes) -> Questions:
    """Every question about every object of `scenes`, which are of the first three shapes: (kind, colour), and its answer.

    >>> from lecture_utils.datasets.scenes import draw_scenes, questions
    >>> len(questions(draw_scenes(2)).answer)
    12
    """
    n, k = scenes.shapes.shape
    picture, about, kind = (part.ravel() for part in np.indices((n, k, len(KINDS_IN_ENGLISH))))
    y, x = scenes.centres[picture, about].T
    middle = (SCENE_SIZE - 1) / 2
    answers = np.stack([scenes.shapes[picture, about], np.where(x < middle, 3, 4), np.where(y < middle, 5, 6)])
    return Questions(picture, about, kind, scenes.colours[picture, about], answers[kind, np.arange(len(kind))])


_QUESTIONS = (worded("which shape is the {colour} one?"), worded("is the {colour} one on the left or on the right?"),
              worded("is the {colour} one in the upper or in the lower half?"))


def in_words(kind, colour) -> str:
    """The question as a sentence, in the reader's language; what the network reads are the numbers.

    >>> from lecture_utils.datasets.scenes import in_words
    >>> in_words(1, 0)
    'is the red one on the left or on the right?'
    """
    return say(_QUESTIONS[kind], colour=say(list(COLOURS)[colour]))


# ---------------------------------------------------------------------------------------------- captions


def captions(scenes, seed=0) -> tuple[list[str], NDArray[np.int_]]:
    """One sentence for each picture of two objects, such as "a red circle left of a blue square".

    Which of the two is named first is drawn by `seed`; the relation is that of the axis on which they lie farther apart.
    Returns (sentences, first): a list of n strings, and (n,) the index of the object named first.

    >>> from lecture_utils.datasets.scenes import captions, draw_scenes
    >>> len(captions(draw_scenes(3))[0])
    3
    """
    first = np.array([np.random.default_rng([seed, i, 1]).integers(2) for i in range(len(scenes.shapes))], int)
    sentences = []
    for i, one in enumerate(first):
        away = scenes.centres[i, one] - scenes.centres[i, 1 - one]
        relation = RELATIONS[int(away[1] > 0)] if abs(away[1]) > abs(away[0]) else RELATIONS[2 + int(away[0] > 0)]
        sentences.append(f"{_noun(scenes, i, one)} {relation} {_noun(scenes, i, 1 - one)}")
    return sentences, first


def _noun(scenes, i, which):
    return f"a {list(COLOURS)[scenes.colours[i, which]]} {SHAPES[scenes.shapes[i, which]]}"


def names_both(sentence, scenes, i) -> bool:
    """Whether the two nouns of a caption, each a colour and a shape, are the two objects of picture i.

    >>> from lecture_utils.datasets.scenes import captions, draw_scenes, names_both
    >>> scenes = draw_scenes(1)
    >>> names_both(captions(scenes)[0][0], scenes, 0)
    True
    """
    words = sentence.replace(" of ", " ").split()
    if len(words) != 7 or words[0] != "a" or words[4] != "a":
        return False
    return sorted([tuple(words[1:3]), tuple(words[5:7])]) == sorted(_there(scenes, i))


def _there(scenes, i):
    """(colour, shape) of each object of picture i, as words."""
    return [(list(COLOURS)[c], SHAPES[s]) for c, s in zip(scenes.colours[i], scenes.shapes[i], strict=True)]


def is_true(sentence, scenes, i) -> bool:
    """Whether a caption holds for picture i, read anew from the picture's objects: its nouns, and the relation between them.

    A relation holds where it is the one of the axis on which the two lie farther apart. Words in no such order are not true.

    >>> from lecture_utils.datasets.scenes import captions, draw_scenes, is_true
    >>> scenes = draw_scenes(1)
    >>> is_true(captions(scenes)[0][0], scenes, 0)
    True
    """
    if not names_both(sentence, scenes, i):
        return False
    words, there = sentence.split(), _there(scenes, i)
    first, other = (there.index((words[n], words[n + 1])) for n in (1, -2))
    y, x = (scenes.centres[i, first] - scenes.centres[i, other]).tolist()
    return words[3] == (("left" if x < 0 else "right") if abs(x) > abs(y) else ("above" if y < 0 else "below"))


def encode(sentences) -> NDArray[np.int_]:
    """Sentences as numbers, (n, 9) int64: the indices of their words in WORDS, filled up with END.

    >>> from lecture_utils.datasets.scenes import decode, encode
    >>> decode(encode(["a red circle above a blue square"]))
    ['a red circle above a blue square']
    """
    rows = [[WORDS.index(word) for word in sentence.split()] for sentence in sentences]
    return np.array([row + [WORDS.index(END)] * (CAPTION_LENGTH - len(row)) for row in rows], int).reshape(-1, CAPTION_LENGTH)


def before(words) -> NDArray[np.int_]:
    """The word before each, (n, 9) like `words`; before the first one stands END.

    >>> from lecture_utils.datasets.scenes import before, decode, encode
    >>> before(encode(["a red circle above a blue square"]))[0, :3].tolist() == [0, *encode(["a red"])[0, :2]]
    True
    """
    words = np.asarray(words)
    return np.concatenate([np.full_like(words[:, :1], WORDS.index(END)), words[:, :-1]], axis=1)


def decode(numbers) -> list[str]:
    """The sentences of `encode`, each up to its first END.

    numbers: (n, 9), or rows of any length.

    >>> from lecture_utils.datasets.scenes import decode, encode
    >>> decode(encode(["a red circle"]))
    ['a red circle']
    """
    texts = [[WORDS[number] for number in row] for row in np.asarray(numbers)]
    return [" ".join(words[:words.index(END)] if END in words else words) for words in texts]


def named_object(words, scenes) -> NDArray[np.int_]:
    """Which object each word speaks of, (n, 9) int: a colour names its object, a shape that of the colour before it.

    words: (n, 9), as `encode` gives them. -1 stands where a word names no object of the picture.

    >>> from lecture_utils.datasets.scenes import captions, draw_scenes, encode, named_object
    >>> scenes = draw_scenes(1)
    >>> (named_object(encode(captions(scenes)[0]), scenes) >= 0).sum()
    np.int64(4)
    """
    words, first = np.asarray(words), WORDS.index(next(iter(COLOURS)))
    is_shape = np.isin(words, [WORDS.index(shape) for shape in SHAPES if shape in WORDS])
    colour = np.where(is_shape, before(words), words) - first
    there = scenes.colours[:, None] == colour[..., None]
    return np.where(there.any(axis=2), there.argmax(axis=2), -1)
