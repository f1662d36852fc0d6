"""What a map is worth: how certain a score is, and what the network does without the marked pixels, or untrained.

Functions take maps, not methods, so they judge any method. Scores come back one per image, (n,), and `bootstrap` turns
them into a mean with its interval. How well a map agrees with what people marked is `localize`'s matter.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import expit, softmax
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity
from tqdm.auto import tqdm

from .explain import arguments, engine, places
from .explain.cam import upsample
from .language import say, worded
from .localize import checked_maps

# --- certainty --------------------------------------------------------------------------------------------------------

class Interval(NamedTuple):
    """A mean and the bounds between which 95 of 100 bootstrap means lie."""

    mean: float
    low: float
    high: float


def bootstrap(values, resamples=2000, seed=0) -> Interval:
    """The mean of one score per image, and how far it might lie elsewhere for other images of the same kind.

    Images are drawn anew from those there are, as many, with repetition; the mean of each such draw is noted; the
    interval leaves out 2.5 % of the means at either end (Efron's percentile bootstrap). It knows only what it saw:
    equal values, and so a single one, give an interval without width, which is no certainty.

    values: (n,), numbers or bools; resamples: number of draws; seed: of the draws, the same for the same interval.
    Returns `Interval(mean, low, high)`. Raises ValueError for no values, NaN, another shape, or no draws.

    >>> hits = [True] * 30 + [False] * 10
    >>> bootstrap(hits)
    Interval(mean=0.75, low=0.625, high=0.875)

    Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        wrong = worded("values must be finite numbers of shape (n,), one per image, n at least 1; got shape {shape}")
        if not np.isfinite(values).all():
            wrong = worded("values must be finite numbers of shape (n,), one per image, n at least 1; got shape {shape} with NaN "
                           "or infinity")
        raise ValueError(say(wrong, shape=values.shape))
    _require_count(resamples, "resamples")
    random = np.random.default_rng(seed)
    at_once = max(1, 100_000 // len(values))        # draws: one after the other they take longer, all together more memory
    means = [values[random.integers(len(values), size=(min(at_once, resamples - done), len(values)))].mean(axis=1)
             for done in range(0, resamples, at_once)]
    return Interval(float(values.mean()), *map(float, np.percentile(np.concatenate(means), [2.5, 97.5])))


# --- maps to compare with ---------------------------------------------------------------------------------------------

def random_maps(n, size, seed=0) -> NDArray[np.float32]:
    """Maps that know nothing: every value drawn evenly from [0, 1).

    Noise at the image's size points anywhere equally often. Coarse noise, enlarged, points to the rim too often: there
    `upsample` repeats a value, elsewhere it mixes neighbours, which lowers peaks. For a coarse map's deletion and
    insertion, coarse noise is the fairer opponent.

    n: number of maps; size: (h, w); seed: of the draws. Returns float32 (n, h, w).

    >>> random_maps(2, size=(7, 7)).shape
    (2, 7, 7)
    """
    return np.random.default_rng(seed).random((n, *size), dtype=np.float32)


def centre_maps(n, size) -> NDArray[np.float32]:
    """Maps that always say "in the middle": a Gaussian with a quarter of each side as its deviation.

        L(i, j) = exp(-((i - i0) / (h / 4))² / 2 - ((j - j0) / (w / 4))² / 2),   (i0, j0) the centre

    n: number of maps; size: (h, w). Returns float32 (n, h, w).

    >>> centre_maps(1, size=(3, 3)).round(2)
    array([[[0.17, 0.41, 0.17],
            [0.41, 1.  , 0.41],
            [0.17, 0.41, 0.17]]], dtype=float32)
    """
    profiles = [np.exp(-((np.arange(side) - (side - 1) / 2) / (side / 4)) ** 2 / 2) for side in size]
    return np.repeat(np.outer(*profiles)[None], n, axis=0).astype(np.float32)


def magnitude(attribution) -> np.ndarray:
    """A map of gradients that have channels and signs: at each pixel the largest absolute value of its channels.

    attribution: (n, height, width, channels), such as `guided_backprop` gives.
    Returns (n, height, width), of the same type. Raises ValueError for another shape.

    >>> magnitude(np.array([[[[0.1, -0.8, 0.3]]]]))
    array([[[0.8]]])
    """
    attribution = np.asarray(attribution)
    if attribution.ndim != 4:
        raise ValueError(say("attribution must be of shape (n, height, width, channels); got {shape}", shape=attribution.shape))
    return np.abs(attribution).max(axis=-1)


# --- the network without some pixels ----------------------------------------------------------------------------------

def blurred(images) -> np.ndarray:
    """Images of which only the light is left: a Gaussian blur, its deviation an eighth of the shorter side.

    What takes the place of a removed pixel should not itself be evidence. Black, or the image's mean, puts blots with
    sharp edges on steel, where such blots are defects; the blur keeps the brightness of the surroundings and takes
    texture away. Neutral it is not: a network that knows no "nothing" takes the blurred image for something, too.

    images: (n, height, width, channels), or without channels. Returns the same shape and type.

    >>> photo = load_photo("cat")[None]
    >>> blurred(photo).std() < photo.std()
    np.True_
    """
    images = np.asarray(images)
    deviation = min(images.shape[1:3]) / 8
    return np.stack([gaussian_filter(image, deviation, axes=(0, 1), mode="nearest") for image in images])


def black(images) -> np.ndarray:
    """Zeros of the images' shape: multiplying an image by a map puts them where the map is 0.

    images: an array of any shape. Returns the same shape and type.

    >>> black(np.ones((1, 2, 2)))
    array([[[0., 0.],
            [0., 0.]]])
    """
    return np.zeros_like(images)


def confidence(model, images, class_index=None, keep=None, baseline=blurred, *, output=None) -> NDArray[np.float64]:
    """How sure the network is of a class, also when only a part of each image is left.

        p_c = softmax(y(keep ⊙ x + (1 - keep) ⊙ baseline(x)))_c         without keep: softmax(y(x))_c

    A model with one unit has p_1 = sigmoid(y) and p_0 = 1 - p_1. Where several units end in sigmoids, each answers for
    itself: p_c = sigmoid(y^c).

    model, images, class_index, output: as for `grad_cam`; None is the class predicted for the whole image.
    keep: (n, h, w) in [0, 1], how much of each pixel is left: at the images' size, or coarser, and then enlarged to
        where the model's feature maps of that resolution look (evenly, if it has none). None: all of it.
    baseline: what stands where nothing is left, a function of images to images, such as `blurred` or `black`.
    Returns float (n,) in [0, 1]. Raises what `grad_cam` raises for images and classes; ValueError for another keep;
    TypeError for keep where the model has several inputs.

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> seen = normalize(grad_cam(model, data.x_test[:2]))
    >>> confidence(model, data.x_test[:2], keep=seen) <= 1
    array([ True,  True])
    """
    y, classes = engine.scores(model, images, engine.ClassScore(class_index, output))
    probability = _probability_of(model, images, output)
    if keep is not None:
        images = _one_array(images)
        keep = _at_size_of(model, images, keep, "keep")
        if keep.min() < 0 or keep.max() > 1:
            raise ValueError(say("keep is a share of each pixel, in [0, 1]; got values in [{least:.4g}, {most:.4g}]. Maps: "
                                 "normalize(maps) of maps without negative values", least=keep.min(), most=keep.max()))
        keep = _over_channels(keep, images)
        y, _ = engine.scores(model, _like(images, keep * images + (1 - keep) * baseline(images)), engine.ClassScore(None, output))
    return probability(y, classes)


def average_drop(before, after) -> NDArray[np.floating]:
    """How much of its confidence the network loses when it sees only what the map shows; the lower the better.

        max(0, Y - O) / Y       Y: confidence in the image, O: in the image times its map; 0 where Y is

    before: Y (n,), `confidence(model, images, classes)`.
    after: O (n,), `confidence(model, images, classes, keep=normalize(maps), baseline=black)`.
    Returns float (n,). The mean over the images is the Average Drop of Chattopadhyay et al. (see `variants.grad_cam_pp`),
    section 5.1.

    >>> average_drop(before=[0.8, 0.5], after=[0.6, 0.9])
    array([0.25, 0.  ])
    """
    before, after = np.asarray(before), np.asarray(after)
    return np.maximum(0, before - after) / np.where(before > 0, before, 1)


def increase_in_confidence(before, after) -> NDArray[np.bool_]:
    """Whether the network is surer of what the map shows than of the whole image; the more often, the better.

        1[Y < O]

    Arguments as for `average_drop`. Returns bool (n,). The mean is the Increase in Confidence of Chattopadhyay et al.,
    section 5.1.

    >>> increase_in_confidence(before=[0.8, 0.5], after=[0.6, 0.9])
    array([False,  True])
    """
    return np.asarray(before) < np.asarray(after)


class Curve(NamedTuple):
    """How sure the network stays while pixels change: `share` (t,) of the pixels, `confidence` (n, t)."""

    share: np.ndarray
    confidence: np.ndarray

    @property
    def auc(self) -> NDArray[np.float64]:
        """Area under each image's curve (trapezia), (n,); between 0 and 1, the mean confidence on the way."""
        return np.trapezoid(self.confidence, self.share, axis=1)


def deletion(model, images, maps, class_index=None, *, output=None, steps=20, baseline=blurred, seed=0,
             progress=True) -> Curve:
    """Takes away the pixels that the map holds for important, most important first: confidence should fall at once.

    Low areas are good. They mean something beside those of `random_maps` and `centre_maps`: any image fades.

    model, images, class_index, output: as for `grad_cam`; None is the class predicted for the whole image.
    maps: (n, h, w), at the images' size or coarser (as `keep` of `confidence`). Pixels of equal value come in random
        order, so an even map is a random one.
    steps: in how many equal portions the pixels go. baseline: what stands in their place, see `confidence`.
    seed: of the random order. progress: whether to show a progress bar.
    Returns `Curve(share, confidence)`, of shape (steps + 1,) and (n, steps + 1), with `auc` (n,).
    Memory: one image in all its states at a time. Raises what `confidence` raises, and ValueError for steps that are no
    whole number, at least 1.

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> deletion(model, data.x_test[:2], grad_cam(model, data.x_test[:2]), steps=4, progress=False).share
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])

    Petsiuk, Das & Saenko, RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC 2018,
    arXiv:1806.07421.
    """
    return _curve(model, images, maps, class_index, output, steps, baseline, seed, progress, insert=False)


def insertion(model, images, maps, class_index=None, *, output=None, steps=20, baseline=blurred, seed=0,
              progress=True) -> Curve:
    """Starts with the baseline and puts pixels in, most important first: confidence should rise at once.

    High areas are good. Arguments, result, errors and paper: see `deletion`.

    >>> model, data = load_model("mnist_cnn"), load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> insertion(model, data.x_test[:2], grad_cam(model, data.x_test[:2]), steps=4, progress=False).auc.shape
    (2,)
    """
    return _curve(model, images, maps, class_index, output, steps, baseline, seed, progress, insert=True)


def _curve(model, images, maps, class_index, output, steps, baseline, seed, progress, insert):
    _require_count(steps, "steps")
    _, classes = engine.scores(model, images, engine.ClassScore(class_index, output))
    probability = _probability_of(model, images, output)
    images = _one_array(images)
    maps = _at_size_of(model, images, maps, "maps")
    random = np.random.default_rng(seed)
    share = np.arange(steps + 1) / steps
    rows = []
    for image, map_, c in zip(tqdm(images, unit="image", disable=not progress), maps, classes, strict=True):
        first, last = image, baseline(image[None])[0]
        if insert:
            first, last = last, image
        changed = _rank(map_, random) < np.round(share * map_.size)[:, None, None]          # (steps + 1, height, width)
        states = np.where(_over_channels(changed, images), last, first)
        y, _ = engine.scores(model, _like(images, states), engine.ClassScore(None, output))
        rows.append(probability(y, np.full(len(y), c)))
    return Curve(share, np.stack(rows))


def _rank(map_, random):
    """0 at the largest value, 1 at the next ...; equal values in random order."""
    order = np.lexsort((random.random(map_.size), -map_.ravel()))
    rank = np.empty(map_.size, int)
    rank[order] = np.arange(map_.size)
    return rank.reshape(map_.shape)


def _probability_of(model, images, output):
    """The function from scores (n, classes) and classes (n,) to the classes' probabilities (n,).

    It is the class's softmax, or the sigmoid of its score where there is one unit, whose scores are -y and y, or where
    the model's own output is a sigmoid.
    """
    single = not isinstance(images, (list, tuple, dict))
    sizes = [np.shape(images)[1:]] if single else [tensor.shape[1:] for tensor in model.inputs]
    network = engine.prepare(model).network
    one_unit = network.producer(arguments.output_slot(network, output)).shape[-1] == 1
    function = expit if one_unit or engine.ends_in_sigmoid(model, sizes, output) else _softmax
    return lambda y, classes: function(y.astype(np.float64))[np.arange(len(y)), classes]


def _softmax(y):
    return softmax(y, axis=1)


def _one_array(images):
    if isinstance(images, (list, tuple, dict)):
        raise TypeError(say("pixels can be taken away from one array of images (n, height, width, channels) alone; got a "
                            "{kind}, the inputs of a model that has several", kind=type(images).__name__))
    images = np.asarray(images)
    if images.ndim not in (3, 4):
        raise ValueError(say("pixels can be taken away from images of shape (n, height, width, channels) or (n, height, width) "
                             "alone; got shape {shape}", shape=images.shape))
    return images


def _over_channels(maps, images):
    """Maps (n, height, width) as they stand beside images, which have a channel axis or none."""
    return maps[..., None] if images.ndim == 4 else maps


def _require_count(number, name):
    if not isinstance(number, numbers.Integral) or number < 1:
        raise ValueError(say("{name} must be a whole number, at least 1; got {number!r}", name=name, number=number))


def _at_size_of(model, images, maps, name):
    """Maps at the images' size; coarse ones lie where the model's feature maps of their resolution look."""
    maps, size = np.asarray(maps), images.shape[1:3]
    if maps.ndim != 3 or len(maps) != len(images):
        raise ValueError(say("{name} must be one map per image, ({n}, h, w); got shape {shape}", name=name, n=len(images),
                             shape=maps.shape))
    if maps.shape[1:] == size:
        return upsample(maps, size)
    return upsample(maps, size, places.centres_by_resolution(engine.prepare(model).network, maps.shape[1:], size))


def _like(images, changed):
    return changed.astype(images.dtype, copy=False)


# --- the network without its training ---------------------------------------------------------------------------------

def randomized(model, seed=0, only=None) -> Iterator[tuple[str, keras.Model]]:
    """The model with ever more of its layers forgotten, from the top down: yields (layer name, model copy).

    In the first copy the top layer is random, in the last all of them are. A map that explains what the network has
    learned must change; one that does not, shows the image. Compare with `rank_correlation` and `ssim`, for the class
    that the trained model predicts.

    A layer is one that has a kernel, which is drawn from a normal distribution of variance 2 / (inputs per unit), He's.
    Its bias becomes that of a new layer, and so do the weights of the normalizations between it and the next kernel.

    model: as for `grad_cam`, of layers that `keras.models.clone_model` can copy; it stays as it was.
    seed: of the kernels. only: names of layers: yields those copies alone, the same as without it, in less time.
    Raises ValueError for a model without any kernel, for other names in `only`, and what `grad_cam` raises for models
    that are no graph of layers.

    >>> name, copy = next(randomized(load_model("mnist_cnn")))
    >>> name
    'logits'

    Adebayo, Gilmer, Muelly, Goodfellow, Hardt & Kim, Sanity Checks for Saliency Maps, NeurIPS 2018, the cascading
    randomization, arXiv:1810.03292.
    """
    stages = _stages(model)
    if not stages:
        raise ValueError(say("model {model!r} has no layer with a kernel, so there is nothing to make random", model=model.name))
    if unknown := set(only or ()) - {name for name, *_ in stages}:
        raise ValueError(say("only names {unknown}; the layers of {model!r} that have a kernel are {names}",
                             unknown=sorted(unknown), model=model.name, names=[name for name, *_ in reversed(stages)]))
    weights, new = model.get_weights(), keras.models.clone_model(model).get_weights()
    for name, kernels, others in reversed(stages):
        for i in kernels:
            weights[i] = _he_normal(weights[i], seed=(seed, i))
        for i in others:
            weights[i] = new[i]
        if only is not None and name not in only:
            continue
        copy = keras.models.clone_model(model)
        copy.set_weights(weights)
        yield name, copy


def _stages(model):
    """Of each layer with a kernel, from the bottom up: its name; where in `weights` its kernels lie, and the rest."""
    at = {id(weight): i for i, weight in enumerate(model.weights)}
    first_calls = {}
    for step in engine.prepare(model).network.steps:
        first_calls.setdefault(id(step.layer), step)
    stages = []
    for step in first_calls.values():
        weights = getattr(step.layer, "weights", [])
        kernels = [at[id(weight)] for weight in weights if "kernel" in weight.name]
        others = [at[id(weight)] for weight in weights if "kernel" not in weight.name]
        if kernels:
            stages.append((step.name, kernels, others))
        elif stages:
            stages[-1][2].extend(others)
    return stages


def _he_normal(kernel, seed):
    deviation = np.sqrt(2 / np.prod(kernel.shape[:-1]))
    return np.random.default_rng(seed).normal(0, deviation, kernel.shape).astype(kernel.dtype)


def rank_correlation(maps, others) -> NDArray[np.float64]:
    """Spearman's rank correlation of each map with its partner; 0 where one of them is constant.

    maps, others: (n, h, w), of one shape. Returns float (n,) in [-1, 1].
    Raises ValueError for other shapes and for values that are not finite.

    >>> maps = np.array([[[1, 2], [3, 4]]])
    >>> rank_correlation(maps, maps ** 2), rank_correlation(maps, -maps)
    (array([1.]), array([-1.]))
    """
    maps, others = _checked_partners(maps, others)
    return np.array([spearmanr(a.ravel(), b.ravel()).statistic if np.ptp(a) and np.ptp(b) else 0.0
                     for a, b in zip(maps, others, strict=True)])


def ssim(maps, others) -> NDArray[np.float64]:
    """Structural similarity of each map with its partner, each first divided by its largest |value|.

    maps, others: (n, h, w), of one shape, at least 7 x 7, the size of the windows whose means, variances and covariance
        are compared.
    Returns float (n,) in [-1, 1]. Raises ValueError for other shapes and for values that are not finite.

    >>> maps = centre_maps(1, size=(14, 14))
    >>> ssim(maps, 5 * maps)
    array([1.])

    Wang, Bovik, Sheikh & Simoncelli, Image quality assessment: from error visibility to structural similarity, IEEE
    Transactions on Image Processing 13, 2004.
    """
    maps, others = _checked_partners(maps, others)
    if min(maps.shape[1:]) < 7:
        raise ValueError(say("SSIM compares windows of 7 x 7, so maps must be at least as large; got {shape}. Enlarge them: "
                             "upsample(maps, images.shape[1:3])", shape=maps.shape[1:]))
    pairs = [(_of_unit_size(a), _of_unit_size(b)) for a, b in zip(maps, others, strict=True)]
    return np.array([structural_similarity(a, b, data_range=2.0 if min(a.min(), b.min()) < 0 else 1.0)
                     for a, b in pairs])


def _of_unit_size(map_):
    return map_ / (np.abs(map_).max() or 1)


def _checked_partners(maps, others):
    maps, others = checked_maps(maps), checked_maps(others)
    if maps.shape != others.shape:
        raise ValueError(say("maps that are compared must have one shape; got {shape} and {others}", shape=maps.shape,
                             others=others.shape))
    return maps, others
