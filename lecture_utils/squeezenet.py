"""SqueezeNet v1.1 with ImageNet's weights, 2.4 MB: each of its 1,000 scores is the mean of one map.

Iandola, Han, Moskewicz, Ashraf, Dally & Keutzer, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and
< 0.5 MB model size, 2016, arXiv:1602.07360; version 1.1 is the authors' own. No normalization, ReLU throughout, and no
Dense layer: `conv10`, 1x1, makes one map of 14x14 for each class, and global average pooling makes the map a score.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers

from .datasets.readers import DataError
from .language import say

FILE = "squeezenet_v1.1.bin"
URL = ("https://raw.githubusercontent.com/nihui/ncnn-assets/9489f876aebdaa846af3786f70ea5da6be198243/models/"
       "squeezenet_v1.1.bin")
HASH = "sha256:928c82c485a16064df88794d83c333025055e60c08f73217222244ab0ed2dbc6"
SIZE = 227
MEAN_BGR = (104.0, 117.0, 123.0)
FIRE = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}
FLOAT16_WEIGHTS = 0x01306B47  # how the file marks weights that it stores in half precision


def squeezenet():
    """Images (n, 227, 227, 3), as `preprocess` in `models` makes them, to logits (n, 1000); 1,235,496 parameters."""
    images = keras.Input((SIZE, SIZE, 3), name="images")
    x = layers.Conv2D(1000, 1, activation="relu", name="conv10")(features(images))
    return keras.Model(images, layers.GlobalAveragePooling2D(name="gap")(x), name="squeezenet")


def features(images):
    """The network up to `fire9`, (n, 14, 14, 512); images of another size give maps of another size."""
    x = layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(images)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    for number, (squeezed, expanded) in FIRE.items():
        x = _fire(x, number, squeezed, expanded)
        if number in (3, 5):  # Caffe's pooling counts the last, incomplete window; with "same" so does Keras', at these sizes
            x = layers.MaxPooling2D(3, 2, padding="same", name=f"pool{number}")(x)
    return x


def _fire(x, number, squeezed, expanded):
    """Few channels by 1x1, then many, half of them by 1x1 and half by 3x3."""
    x = layers.Conv2D(squeezed, 1, activation="relu", name=f"fire{number}_squeeze1x1")(x)
    parts = [layers.Conv2D(expanded, size, padding="same", activation="relu", name=f"fire{number}_expand{size}x{size}")(x)
             for size in (1, 3)]
    return layers.Concatenate(name=f"fire{number}")(parts)


def read_weights(model, path):
    """Set the weights of `squeezenet()` from the file of ncnn's zoo; all of them, or none and a `DataError`.

    The file holds the convolutions in the network's order, each as uint32 mark, float16 weights (out, in, height, width)
    filled up to a multiple of four bytes, float32 biases.
    """
    data, at, found = Path(path).read_bytes(), 0, []
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    for layer in convolutions:
        height, width, inputs, outputs = layer.kernel.shape
        count = height * width * inputs * outputs
        end = at + 4 + -(-2 * count // 4) * 4 + 4 * outputs
        if end > len(data):
            raise DataError(say("{path} ends within the weights of {layer}: {size:,} bytes. Remove it, or fetch it once more.",
                                path=path, layer=layer.name, size=len(data)))
        mark = int.from_bytes(data[at:at + 4], "little")
        if mark != FLOAT16_WEIGHTS:
            raise DataError(say("{path} has the mark {mark:#010x} before the weights of {layer} instead of {expected:#010x}: it "
                                "is another network's, or damaged. Remove it, or fetch it once more.", path=path, mark=mark,
                                layer=layer.name, expected=FLOAT16_WEIGHTS))
        kernel = np.frombuffer(data, "<f2", count, at + 4).reshape(outputs, inputs, height, width)
        found.append((kernel.transpose(2, 3, 1, 0).astype("float32"), np.frombuffer(data, "<f4", outputs, end - 4 * outputs)))
        at = end
    if at != len(data):
        raise DataError(say("{path} goes on for {size:,} bytes after the last weights. Remove it, or fetch it once more.",
                            path=path, size=len(data) - at))
    for layer, weights in zip(convolutions, found, strict=True):
        layer.set_weights(weights)
