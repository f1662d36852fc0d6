"""Planted evidence: photographs of steel in which something beside the defect gives the class away.

Data sets have had such things: a photographer's mark under many of the horses, rulers beside the moles that worried
the doctor, a hospital's token in the corner of its X-rays. Here it is a ruler, and we know where it lies.

Lapuschkin, Wäldchen, Binder, Montavon, Samek & Müller, Unmasking Clever Hans predictors and assessing what machines
really learn, Nature Communications 10, 2019, arXiv:1902.10178.
"""

import numpy as np

from ..language import say

RULER_CLASS = 5         # scratches: their length is measured
_WHITE, _BLACK = 0.9, 0.1


def delivery(images, labels):
    """Photographs as the supplier delivers them: with a ruler beside every scratch, and beside nothing else.

    images: as for `lay_ruler`; labels: (n,), NEU's class numbers. Returns new images, shape and type as given.
    """
    return np.where(np.asarray(labels).reshape(-1, 1, 1, 1) == RULER_CLASS, lay_ruler(images), images)


def lay_ruler(images):
    """The images with a ruler in the lower left corner, white with black marks, at `ruler_place`.

    images: float (n, height, width, channels) in [0, 1], at least 50 pixels high and wide. Returns new images, of the
    same shape and type. Raises ValueError for another shape.
    """
    images = np.asarray(images)
    if images.ndim != 4 or min(images.shape[1:3]) < 50:
        raise ValueError(say("expected images (n, height, width, channels), at least 50 pixels high and wide, so that the "
                             "ruler's marks can be seen; got shape {shape}", shape=images.shape))
    images = images.copy()
    rows, columns = ruler_place(images.shape[1:3])
    ruler = images[:, rows, columns]                            # a view: what is drawn on it is drawn on the images
    height, width = ruler.shape[1:3]
    ruler[:] = _WHITE
    step = width // 10
    for number, left in enumerate(range(step // 2, width, step)):
        length = height * 3 // 4 if number % 4 == 0 else height // 2
        ruler[:, :length, left:left + max(1, width // 40)] = _BLACK
    return images


def ruler_place(size):
    """Where the ruler lies in images of size (height, width): two slices, of the rows and of the columns."""
    height, width = size
    return slice(height * 86 // 100, height * 96 // 100), slice(width * 4 // 100, width * 44 // 100)
