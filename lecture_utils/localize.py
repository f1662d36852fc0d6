"""From a map to boxes around what it marks."""

import cv2
import numpy as np


def boxes(map_, threshold=0.15):
    """One box around each connected region where the map is at least `threshold` of its maximum.

    map_: (height, width), at the image's own resolution (see `upsample`), not all of it negative or zero.
    threshold: in (0, 1]; 0.15 as in the Grad-CAM paper (Selvaraju et al. 2020, section 4.1), 0.2 in the CAM paper
        (Zhou et al. 2016, section 3.2).

    Returns an int array (k, 4) of x0, y0, x1, y1 in pixels, upper bounds exclusive, the region with most pixels
    first; (0, 4) where the map has no positive value. Pixels that touch at a corner belong together.
    Raises ValueError for another shape, a value that is not finite, or a threshold outside (0, 1].
    """
    map_ = np.asarray(map_)
    if map_.ndim != 2 or map_.size == 0:
        raise ValueError(f"expected one map of shape (height, width), got shape {map_.shape}; take maps one by one")
    if not np.isfinite(map_).all():
        raise ValueError("the map must be finite; got NaN or infinity")
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is a fraction of the map's maximum, in (0, 1]; got {threshold}")
    top = map_.max()
    if top <= 0:
        return np.zeros((0, 4), int)
    marked = (map_ >= threshold * top).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    x, y, width, height, pixels = stats[1:].T                    # row 0 is the background
    largest_first = np.argsort(-pixels, kind="stable")
    return np.stack([x, y, x + width, y + height], axis=1)[largest_first].astype(int)
