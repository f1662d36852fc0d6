"""What goes in: pictures as they are read from a file, for a network that was trained on RGB in [0, 1].

Both codes take the bytes of one picture file and return the picture (height, width, 3) for the network.
"""

import functools
import itertools

import cv2
import numpy as np

from ..datasets.scenes import draw_scenes
from ..evaluate import bootstrap
from ..language import worded
from ..models import load_model
from .findings import test_named


def as_opencv_reads(file):
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    return picture.astype("float32") / 255


def in_rgb(file):
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    return picture[..., ::-1].astype("float32") / 255


def not_normalized(file):
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    return picture[..., ::-1].astype("float32")


@functools.cache
def network():
    """The network of notebook 10, which answers what shape the object of a colour has."""
    return load_model("scene_answers")


def asked_scenes(seed, n=40):
    """(files, questions (n, 2), answers (n,), scenes): of each picture one of two objects of unlike shape is asked for.

    files: PNGs, as bytes; a question is (kind, colour) by number.
    """
    scenes = draw_scenes(3 * n, 1000 + seed)
    scenes = type(scenes)(*(part[scenes.shapes[:, 0] != scenes.shapes[:, 1]][:n] for part in scenes))
    files = [cv2.imencode(".png", np.round(255 * image[..., ::-1]).astype(np.uint8))[1].tobytes() for image in scenes.images]
    questions = np.stack([np.zeros(n, int), scenes.colours[:, 0]], axis=1)        # 0: which shape it is
    return files, questions, scenes.shapes[:, 0], scenes


def right_answers(pictures, questions, answers):
    """Which of the answers are right, bool (n,); pictures: (n, 64, 64, 3)."""
    return network().predict([pictures, questions], batch_size=60, verbose=0).argmax(axis=1) == answers


def _gain(read, seed, changes):
    """How many more answers the best of some changes to the pictures makes right: the mean, and the interval's lower end."""
    files, questions, answers, _ = asked_scenes(seed)
    pictures = np.stack([read(file) for file in files])
    own = right_answers(pictures, questions, answers).astype(float)
    gains = [bootstrap(right_answers(change(pictures), questions, answers) - own) for change in changes]
    best = max(gains, key=lambda gain: gain.mean)
    return max(best.mean, 0), best.low <= 0


@test_named(worded("channel orders"), worded("another order of the channels answers rightly more often by"), "0")
def channel_orders(read, seed):
    """The six orders of three channels: none may be better than the one that is in use."""
    orders = [list(order) for order in itertools.permutations(range(3))][1:]
    return _gain(read, seed, [lambda x, order=order: np.ascontiguousarray(x[..., order]) for order in orders])


@test_named(worded("scales"), worded("another scale of the pixels answers rightly more often by"), "0")
def scales(read, seed):
    """The same pictures a hundred times darker and brighter: neither may be better than as they are."""
    return _gain(read, seed, [lambda x, factor=factor: x * np.float32(factor) for factor in (1 / 255, 255)])
