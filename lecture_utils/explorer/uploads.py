"""Pictures that come from outside: an uploaded file or a drawing, read within bounds and fitted to a network.

Nothing is believed of such a file: its size is bounded before it is opened, its pixels before they are decoded, and
whatever else is wrong with it ends in one `ValueError` that can be shown to the person who sent it.
"""

import io
import warnings
from base64 import b64decode

import numpy as np
from PIL import Image, ImageOps

from ..language import say

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
MAX_BYTES = 8_000_000
MAX_PIXELS = 25_000_000     # of a telephone's photograph: 12 to 24 million
PHOTO_SIDE = 320            # pixels; a photograph is shown no larger
DIGIT_SIDE, DIGIT_INK = 28, 20      # MNIST's pictures, and the square in them that the ink fills


def read_picture(data):
    """The picture in the bytes of an image file, RGB, upright: a `PIL.Image`.

    Raises ValueError for more than `MAX_BYTES` or `MAX_PIXELS`, other formats than `FORMATS`, and damaged files.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(say("this file has {size:.1f} MB; at most {most:.0f} MB can be taken", size=len(data) / 1000000.0,
                             most=MAX_BYTES / 1000000.0))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")         # of odd metadata; the size is bounded here
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            pixels = picture.width * picture.height
            if pixels <= MAX_PIXELS:
                return _on_white(ImageOps.exif_transpose(picture))
    except Exception as error:      # a damaged file can raise nearly anything in a decoder
        raise ValueError(say("this is not a picture that can be read; it should be a file of {formats}",
                             formats=", ".join(FORMATS))) from error
    raise ValueError(say("this picture has {size:.0f} million pixels; at most {most:.0f} million can be taken",
                         size=pixels / 1000000.0, most=MAX_PIXELS / 1000000.0))


def _on_white(picture):
    """RGB, transparent places white; of a moving picture, the first frame."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture.convert("RGB")


def read_data_address(address):
    """The picture in a data address, `data:image/png;base64,...`; ValueError as for `read_picture`."""
    head, comma, body = address.partition(",")
    well_formed = comma and head.startswith("data:image/") and head.endswith(";base64")
    if len(body) > 4 * MAX_BYTES // 3 + 4 or not well_formed:
        raise ValueError(say("this is not a picture that can be read; it should be a data address of at most {most:.0f} MB",
                             most=MAX_BYTES / 1000000.0))
    try:
        data = b64decode(body, validate=True)
    except ValueError as error:
        raise ValueError(say("this is not a picture that can be read; its base64 is damaged")) from error
    return read_picture(data)


def fit(picture, shape):
    """A picture as an image float32 (h, w, channels) in [0, 1] for a network that takes images of `shape`.

    Digits, (28, 28, 1), are brought into MNIST's form (`as_digit`). A grey network gets the middle of the picture at
    its own size; one for photographs, with three channels, gets the whole picture and fits it itself.
    Raises ValueError for an empty drawing.
    """
    height, width, channels = shape
    if (height, width, channels) == (DIGIT_SIDE, DIGIT_SIDE, 1):
        picture.thumbnail((10 * DIGIT_SIDE, 10 * DIGIT_SIDE))
        return as_digit(np.asarray(picture.convert("L"), np.float32) / 255)
    if channels == 1:
        return np.asarray(ImageOps.fit(picture.convert("L"), (width, height)), np.float32)[..., None] / 255
    picture.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    return np.asarray(picture, np.float32) / 255


def as_digit(light):
    """A written digit (h, w) in [0, 1] as MNIST has it: float32 (28, 28, 1), white on black.

    The ink is scaled into 20×20 pixels and its centre of mass put into the middle, as LeCun, Cortes and Burges did.
    Dark ink on light paper, which the border tells, is turned round. Raises ValueError if there is no ink.
    """
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    ink = np.abs(light - np.median(border))
    if ink.max() < 0.2:
        raise ValueError(say("there is nothing to read: draw a digit with thick strokes"))
    rows, columns = (np.flatnonzero((ink > ink.max() / 4).any(axis=axis)) for axis in (1, 0))
    ink = Image.fromarray(np.uint8(255 * ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1] / ink.max()))
    small = np.asarray(ImageOps.contain(ink, (DIGIT_INK, DIGIT_INK)), np.float32) / 255
    (y, x), middle = _centre_of_mass(small), (DIGIT_SIDE - 1) / 2
    top, left = (int(np.clip(round(middle - at), 0, DIGIT_SIDE - size)) for at, size in zip((y, x), small.shape, strict=True))
    digit = np.zeros((DIGIT_SIDE, DIGIT_SIDE, 1), np.float32)
    digit[top:top + small.shape[0], left:left + small.shape[1], 0] = small
    return digit


def _centre_of_mass(ink):
    return [(np.arange(size) * ink.sum(axis=1 - axis)).sum() / ink.sum() for axis, size in enumerate(ink.shape)]
