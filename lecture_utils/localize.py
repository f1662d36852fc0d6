"""From a map to what it marks, and how well that agrees with what people marked.

Every function takes maps at the image's own resolution (see `upsample`), (n, height, width); a negative value is no
evidence. What people marked is either masks, bool (n, height, width), or for each image an array of boxes (k, 4) of
x0, y0, x1, y1 in pixels, upper bounds exclusive; `box_masks` makes masks of boxes. Scores come back one per image,
(n,), so that `evaluate.bootstrap` can say how certain their mean is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .language import say

TWENTIETHS = tuple(n / 20 for n in range(1, 21))

# --- boxes ------------------------------------------------------------------------------------------------------------

def boxes(map_, threshold=0.15) -> NDArray[np.int_]:
    """One box around each connected region where the map is at least `threshold` of its maximum.

    map_: (height, width), at the image's own resolution (see `upsample`), not all of it negative or zero.
    threshold: in (0, 1]; 0.15 as in the Grad-CAM paper (Selvaraju et al. 2020, section 4.1), 0.2 in the CAM paper
        (Zhou et al. 2016, section 3.2).

    Returns an int array (k, 4) of x0, y0, x1, y1 in pixels, upper bounds exclusive, the region with most pixels
    first; (0, 4) where the map has no positive value. Pixels that touch at a corner belong together.
    Raises ValueError for another shape, a value that is not finite, or a threshold outside (0, 1].

    >>> boxes(np.array([[0, 9, 8], [0, 0, 0], [7, 0, 0]]), threshold=0.5)
    array([[1, 0, 3, 1],
           [0, 2, 1, 3]])
    """
    map_ = np.asarray(map_)
    if map_.ndim != 2 or map_.size == 0:
        raise ValueError(say("expected one map of shape (height, width), got shape {shape}; take maps one by one",
                             shape=map_.shape))
    if not np.isfinite(map_).all():
        raise ValueError(say("the map must be finite; got NaN or infinity"))
    if not 0 < threshold <= 1:
        raise ValueError(say("threshold is a fraction of the map's maximum, in (0, 1]; got {threshold}", threshold=threshold))
    top = map_.max()
    if top <= 0:
        return np.zeros((0, 4), int)
    marked = (map_ >= threshold * top).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    x, y, width, height, pixels = stats[1:].T                    # row 0 is the background
    largest_first = np.argsort(-pixels, kind="stable")
    return np.stack([x, y, x + width, y + height], axis=1)[largest_first].astype(int)


def own_boxes(labels, boxes, box_labels) -> list[np.ndarray]:
    """Of each image's boxes those that are annotated as the image's own class.

    labels: the images' classes (n,), such as `y_test` of `load_neu`; boxes: a list of n int arrays (k, 4), `boxes_test`;
    box_labels: a list of n int arrays (k,), `box_labels_test`.

    Returns a list of n int arrays (k, 4). Raises ValueError for data without boxes, and for lists of different lengths.

    >>> own_boxes([2], [np.array([[0, 0, 5, 5], [3, 3, 9, 9]])], [np.array([2, 4])])
    [array([[0, 0, 5, 5]])]
    """
    if boxes is None or box_labels is None:
        raise ValueError(say("this data has no boxes (NEU-CLS and the .npy files have none; NEU-DET and embedded data do)"))
    return [np.asarray(of_image).reshape(-1, 4)[np.asarray(classes) == label]
            for label, of_image, classes in zip(labels, boxes, box_labels, strict=True)]


def box_masks(boxes, size) -> NDArray[np.bool_]:
    """The pixels that lie in any box of an image.

    boxes: a list of n arrays (k, 4), of whole numbers; size: (height, width). Returns bool (n, height, width); all
    False where k = 0. Raises ValueError for boxes of another shape, empty ones, parts of pixels, or ones that reach
    beyond the image.

    >>> box_masks([np.array([[1, 0, 3, 1]])], size=(2, 3))
    array([[[False,  True,  True],
            [False, False, False]]])
    """
    height, width = size
    masks = np.zeros((len(boxes), height, width), bool)
    for mask, of_image in zip(masks, boxes, strict=True):
        for x0, y0, x1, y1 in _whole(_checked_boxes(of_image)).tolist():
            if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
                raise ValueError(say("a box must lie in the image of {width} x {height} pixels; got {box}", width=width,
                                     height=height, box=(x0, y0, x1, y1)))
            mask[y0:y1, x0:x1] = True
    return masks


def _whole(boxes):
    """Boxes as ints, of floats that are whole numbers."""
    if (boxes != np.round(boxes)).any():
        wrong = boxes[(boxes != np.round(boxes)).any(axis=1)][0]
        raise ValueError(say("a mask holds whole pixels; got the box {wrong}. Round it as you mean it: np.round(boxes)",
                             wrong=wrong))
    return boxes.astype(int)


def iou(boxes, others) -> NDArray[np.floating]:
    """Intersection over union of every box with every other.

        IoU(a, b) = |a ∩ b| / |a ∪ b|,  |a ∪ b| = |a| + |b| - |a ∩ b|

    boxes: (j, 4); others: (k, 4). Returns float (j, k).
    Raises ValueError for another shape, NaN or infinity, or a box without area.

    >>> iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]]).round(3)
    array([[1.   , 0.333, 0.   ]])
    """
    a, b = _checked_boxes(boxes)[:, None], _checked_boxes(others)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    both = np.prod(np.maximum(sides, 0), axis=-1)
    return both / (_area(a) + _area(b) - both)


def _area(boxes):
    return np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1)


def box_iou(maps, truth, threshold=0.15) -> NDArray[np.float64]:
    """IoU of the box around a map's largest region with the best fitting of the boxes that people drew.

    maps: (n, height, width); truth: those boxes, a list of n arrays (k, 4); threshold: see `boxes`.
    Returns float (n,); 0 where the map marks nothing, or the image has no box.
    Raises ValueError for other shapes, values that are not finite, or a threshold outside (0, 1].

    >>> box_iou(np.array([[[0, 1, 1], [0, 1, 1]]]), [np.array([[1, 0, 3, 1]])])
    array([0.5])
    """
    maps = checked_maps(maps)
    if len(truth) != len(maps):
        raise ValueError(say("truth must be a list of one array of boxes (k, 4) per map; got {got} for {maps} maps",
                             got=len(truth), maps=len(maps)))
    return np.array([iou(boxes(map_, threshold)[:1], drawn).max(initial=0) for map_, drawn in zip(maps, truth, strict=True)])


def localization_error(maps, classes, labels, truth, threshold=0.15) -> NDArray[np.bool_]:
    """ILSVRC's localization error: wrong if no guess names the image's class with a box of IoU at least 0.5 for it.

        error = min over guesses g of max(1[c_g ≠ label], 1[IoU_g < 0.5])

    maps, classes: one guess per image, (n, height, width) with (n,), the error of top-1; or m guesses, the best of
        which counts, (n, m, height, width) with (n, m). Each map is that of its class.
    labels: the true classes (n,); truth: the boxes of the image's own class (`own_boxes`), a list of n arrays (k, 4);
        threshold: see `boxes`.
    Returns bool (n,), True where all guesses are wrong.
    Raises ValueError for shapes that do not fit, and what `box_iou` raises.

    >>> maps, truth = np.array([[[0, 1, 1], [0, 1, 1]]] * 2), [np.array([[1, 0, 3, 2]])] * 2
    >>> localization_error(maps, classes=[4, 4], labels=[4, 5], truth=truth)
    array([False,  True])

    Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015, section 4.2, arXiv:1409.0575.
    """
    maps, classes, labels = np.asarray(maps), np.asarray(classes), np.asarray(labels)
    if maps.ndim == 3 and classes.ndim == 1:
        maps, classes = maps[:, None], classes[:, None]
    if maps.ndim != 4 or classes.shape != maps.shape[:2] or labels.shape != maps.shape[:1]:
        raise ValueError(say("expected one map and class per guess: maps (n, height, width) with classes (n,), or (n, m, "
                             "height, width) with (n, m), and labels (n,); got {maps}, {classes} and {labels}", maps=maps.shape,
                             classes=classes.shape, labels=labels.shape))
    found = np.stack([box_iou(guess, truth, threshold) >= 0.5 for guess in np.moveaxis(maps, 1, 0)], axis=1)
    return ~((classes == labels[:, None]) & found).any(axis=1)


# --- masks ------------------------------------------------------------------------------------------------------------

def pointing_game(maps, masks, tolerance=0) -> NDArray[np.bool_]:
    """Whether a map's maximum, the first if there are several, lies in the mask or at most `tolerance` pixels from it.

    A map of one value everywhere, and so one of zeros, points nowhere: False. By chance a point lies in the mask
    as often as the mask covers the image, `masks.mean(axis=(1, 2))`.

    maps: (n, height, width); masks: bool, the same shape; tolerance: in pixels (15 in the paper, on photographs).
    Returns bool (n,). Raises ValueError for other shapes, values that are not finite, a negative tolerance.

    >>> maps = np.array([[[0, 9], [0, 1]], [[0, 0], [5, 3]]])
    >>> pointing_game(maps, masks=maps > 4), pointing_game(maps, masks=maps == 3)
    (array([ True,  True]), array([False, False]))

    Zhang, Lin, Brandt, Shen & Sclaroff, Top-down Neural Attention by Excitation Backprop, ECCV 2016,
    arXiv:1608.00507.
    """
    maps, masks = _checked_pair(maps, masks)
    if not tolerance >= 0:
        raise ValueError(say("tolerance is a distance in pixels, at least 0; got {tolerance}", tolerance=tolerance))
    return np.array([np.ptp(map_) > 0 and _distance_of_peak(map_, mask) <= tolerance
                     for map_, mask in zip(maps, masks, strict=True)])


def _distance_of_peak(map_, mask):
    """Pixels from the map's maximum to the nearest of the mask; infinite if that is empty."""
    row, column = np.unravel_index(map_.argmax(), map_.shape)
    rows, columns = np.nonzero(mask)
    return np.hypot(rows - row, columns - column).min(initial=np.inf)


def energy_inside(maps, masks) -> NDArray[np.float64]:
    """The share of a map's positive values that lies in the mask.

        Σ_{p in mask} max(L_p, 0) / Σ_p max(L_p, 0)             0 for a map without a positive value

    An even map scores what the mask covers, `masks.mean(axis=(1, 2))`.

    maps: (n, height, width); masks: bool, the same shape. Returns float (n,).
    Raises ValueError for other shapes and for values that are not finite.

    >>> energy_inside(np.array([[[3, 1], [-7, 0]]]), np.array([[[True, False], [True, False]]]))
    array([0.75])

    The energy-based pointing game of Wang et al. (see `explain.variants.score_cam`).
    """
    maps, masks = _checked_pair(maps, masks)
    evidence = np.maximum(maps, 0)
    total = evidence.sum(axis=(1, 2))
    return (evidence * masks).sum(axis=(1, 2)) / np.where(total > 0, total, 1)


def precision_recall(maps, masks, thresholds=TWENTIETHS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the pixels at or above a share of the map's maximum, how many are in the mask; of the mask, how much they are.

        precision = |marked ∩ mask| / |marked|          recall = |marked ∩ mask| / |mask|

    maps: (n, height, width); masks: bool, the same shape; thresholds: t numbers in (0, 1].
    Returns two float arrays (n, t). Where nothing is marked, or the mask is empty, the ratio is 0.
    Raises ValueError for other shapes, values that are not finite, thresholds outside (0, 1].

    >>> precision_recall(np.array([[[4, 2, 1]]]), np.array([[[True, False, True]]]), thresholds=[0.5, 1])
    (array([[0.5, 1. ]]), array([[0.5, 0.5]]))
    """
    maps, masks = _checked_pair(maps, masks)
    thresholds = np.asarray(thresholds)
    if thresholds.ndim != 1 or not ((0 < thresholds) & (thresholds <= 1)).all():
        raise ValueError(say("thresholds must be a list of fractions of the map's maximum, in (0, 1]; got {thresholds}",
                             thresholds=thresholds))
    top = maps.max(axis=(1, 2), keepdims=True)
    precision, recall = [], []
    for threshold in thresholds:
        marked = (maps >= threshold * top) & (top > 0)
        both = np.count_nonzero(marked & masks, axis=(1, 2))
        precision.append(both / np.maximum(1, np.count_nonzero(marked, axis=(1, 2))))
        recall.append(both / np.maximum(1, np.count_nonzero(masks, axis=(1, 2))))
    return np.stack(precision, axis=1), np.stack(recall, axis=1)


# --- checks -----------------------------------------------------------------------------------------------------------

def checked_maps(maps):
    """Maps as float64 (n, height, width)."""
    maps = np.asarray(maps)
    if maps.ndim != 3 or maps.size == 0 or not np.issubdtype(maps.dtype, np.number):
        raise ValueError(say("maps must be numbers of shape (n, height, width); got {dtype} of shape {shape}", dtype=maps.dtype,
                             shape=maps.shape))
    if not np.isfinite(maps).all():
        raise ValueError(say("maps must be finite; got NaN or infinity"))
    return maps.astype(np.float64)


def _checked_pair(maps, masks):
    maps, masks = checked_maps(maps), np.asarray(masks)
    if masks.dtype != bool or masks.shape != maps.shape:
        raise ValueError(say("masks must be bool and of the maps' shape {shape}; got {dtype} of shape {got}. Maps at the "
                             "image's size: upsample(maps, images.shape[1:3]); masks of boxes: box_masks(boxes, "
                             "images.shape[1:3])", shape=maps.shape, dtype=masks.dtype, got=masks.shape))
    return maps, masks


def _checked_boxes(boxes):
    boxes = np.asarray(boxes)
    boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(say("boxes must be an array (k, 4) of x0, y0, x1, y1; got shape {shape}", shape=boxes.shape))
    if not np.issubdtype(boxes.dtype, np.number) or not np.isfinite(boxes).all():
        raise ValueError(say("boxes must be finite numbers; got {boxes}", boxes=boxes.tolist()))
    if (boxes[:, :2] >= boxes[:, 2:]).any():
        raise ValueError(say("a box must have x0 < x1 and y0 < y1; got {box}",
                             box=boxes[(boxes[:, :2] >= boxes[:, 2:]).any(1)][0]))
    return boxes
