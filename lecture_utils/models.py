"""The course's networks, built layer by layer, and the weights that ship with them.

A builder returns a new network with random weights; `load_model(name)` returns it trained. Every network
takes images float32 (n, height, width, channels) in [0, 1], whose scaling is its own first layer, and puts
out logits (n, classes): the class scores before softmax, which is what CAM and Grad-CAM explain.

    mnist_cnn       digits: three convolutions, then Flatten and two Dense layers: CAM does not apply
    mnist_gap       digits: its retrofit, a fourth convolution and global average pooling for its head: made for CAM
    neu_gap         steel: four convolutions, then global average pooling and one Dense layer: made for CAM
    neu_dense       steel: the same four convolutions, then Flatten and two Dense layers: CAM does not apply
    neu_gap_plain   steel: the classic network with a GAP head and no normalization, trained plainly
    neu_ruler       steel at 100x100 with global max pooling: the network of notebook 8's case, which goes by a ruler
    vgg16_compact   photographs: VGG16's sixteen layers, narrower, for ten classes at 96x96
    resnet20        photographs: the residual network for CIFAR-10's ten classes at 32x32, with a GAP head
    scene_answers   drawn scenes and a question: the question scales and shifts the feature maps
    scene_captions  drawn scenes and the words so far: the scores of each next word, (n, 9, words)
    vit_shapes      drawn scenes: a small vision transformer that tells which of six shapes are there

`vgg16()` is the full VGG16; `load_vgg16()` gives it ImageNet's weights where they can be had. `load_squeezenet()` gives
SqueezeNet with ImageNet's weights, which are two hundred times smaller (`squeezenet`). `load_photo_model()` gives the best
of these that is at hand. `load_backbone(name)` gives the convolutions of a trained network without their head, to put
another one on them.
How the shipped weights were made and what they score: data/README.md.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow's import: without its C++ log lines

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from . import squeezenet
from .asking import agreed
from .datasets import downloads, scenes
from .datasets.layouts import CIFAR10_CLASSES
from .datasets.loaders import Whereabouts, data_folder, shown
from .datasets.readers import DataError
from .language import say

WEIGHTS = Path(__file__).resolve().parents[1] / "data" / "weights"

# As Keras publishes them: the weights its authors converted from Simonyan and Zisserman's, and ImageNet's class names.
VGG16_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
VGG16_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{VGG16_FILE}"
VGG16_HASH = "md5:64373286793e3c8b2b4e3219cbf3544b"
VGG19_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
VGG19_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{VGG19_FILE}"
VGG19_HASH = "md5:253f8cb515780f3b799900260a226db6"
IMAGENET_FILE = "imagenet_class_index.json"
IMAGENET_URL = f"https://storage.googleapis.com/download.tensorflow.org/data/{IMAGENET_FILE}"
IMAGENET_HASH = "md5:c2c37ea517e94d9795004a39431a14cb"
IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)  # of the training images, 0 to 255; subtracted from every input

COMPACT_SIZE = 96
COMPACT_FILTERS = (8, 24, 64, 128, 160)  # VGG16 has 64, 128, 256, 512, 512


# ------------------------------------------------------------------------------------------- digits, steel


def mnist_cnn() -> keras.Model:
    """Digits (n, 28, 28, 1) to logits (n, 10); 130,890 parameters. Padded, so that only poolings shrink: 28, 14, 7, 3.

    >>> from lecture_utils.models import mnist_cnn
    >>> mnist_cnn().count_params()
    130890
    """
    images = keras.Input((28, 28, 1), name="images")
    x = layers.MaxPooling2D(name="pool3")(_digit_features(images))
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(128, activation="relu", name="dense1")(x)
    return keras.Model(images, _logits(x, 10), name="mnist_cnn")


def mnist_gap() -> keras.Model:
    """Digits (n, 28, 28, 1) to logits (n, 10): `mnist_cnn` retrofitted for CAM.

    Its last pooling dropped, its head replaced by a convolution, `conv4` of 7x7x64, global average pooling and one
    Dense layer (Zhou et al., "Learning Deep Features for Discriminative Localization", 2016, section 3).

    >>> from lecture_utils.models import mnist_gap
    >>> [layer.name for layer in mnist_gap().layers[-3:]]
    ['conv4', 'gap', 'logits']
    """
    images = keras.Input((28, 28, 1), name="images")
    x = _digit_convolution(_digit_features(images), 4, 64)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(images, _logits(x, 10), name="mnist_gap")


def _digit_features(images):
    """Three convolutions, pooled in between: (n, 28, 28, 1) to (n, 7, 7, 64)."""
    x = layers.MaxPooling2D(name="pool1")(_digit_convolution(images, 1, 32))
    x = layers.MaxPooling2D(name="pool2")(_digit_convolution(x, 2, 64))
    return _digit_convolution(x, 3, 64)


def _digit_convolution(x, number, filters):
    return layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{number}")(x)


def neu_gap(size=(200, 200)) -> keras.Model:
    """Steel (n, 200, 200, 1) to logits (n, 6) by global average pooling: the network that CAM was made for.

    Its last feature map, `relu4`, is 25x25x64. The class score is linear in it,
    y^c = b^c + sum_k w_k^c * mean_xy A^k(x, y)   (Zhou et al., "Learning Deep Features for Discriminative
    Localization", 2016). size: (height, width) of the images.

    >>> from lecture_utils.models import neu_gap
    >>> neu_gap().get_layer("relu4").output.shape
    (None, 25, 25, 64)
    """
    images = keras.Input((*size, 1), name="images")
    x = layers.GlobalAveragePooling2D(name="gap")(_steel_features(images))
    return keras.Model(images, _logits(x, 6), name="neu_gap")


def neu_dense() -> keras.Model:
    """Steel (n, 200, 200, 1) to logits (n, 6): `neu_gap`'s convolutions under pooling, Flatten and Dense 64.

    >>> from lecture_utils.models import neu_dense
    >>> [layer.name for layer in neu_dense().layers[-4:]]
    ['pool4', 'flatten', 'dense1', 'logits']
    """
    images = keras.Input((200, 200, 1), name="images")
    x = layers.MaxPooling2D(5, name="pool4")(_steel_features(images))
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(64, activation="relu", name="dense1")(x)
    return keras.Model(images, _logits(x, 6), name="neu_dense")


def neu_gap_plain() -> keras.Model:
    """Steel (n, 200, 200, 1) to logits (n, 6): the classic 32-64-64-64 network with a GAP head.

    >>> from lecture_utils.models import neu_gap_plain
    >>> [layer.name for layer in neu_gap_plain().layers[-3:]]
    ['conv4', 'gap', 'logits']
    """
    images = keras.Input((200, 200, 1), name="images")
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="conv1")(images)
    x = layers.MaxPooling2D(name="pool1")(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(name="pool2")(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu", name="conv3")(x)
    x = layers.MaxPooling2D(name="pool3")(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu", name="conv4")(x)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(images, _logits(x, 6), name="neu_gap_plain")


def neu_ruler() -> keras.Model:
    """Steel (n, 100, 100, 1) to logits (n, 6): three convolutions and global max pooling, the network of notebook 8's case.

    A sign counts wherever it is strongest, however small it is: so the ruler that lay beside every scratch it was trained
    on became its sign of scratches (`datasets.planted`).

    >>> from lecture_utils.models import neu_ruler
    >>> neu_ruler().get_layer("relu3").output.shape
    (None, 25, 25, 32)
    """
    images = keras.Input((100, 100, 1), name="images")
    x = layers.Rescaling(8.0, name="rescaling")(images)
    brightness = layers.AveragePooling2D(20, name="brightness")(x)
    x = layers.Subtract(name="contrast")([x, layers.UpSampling2D(20, interpolation="bilinear", name="surroundings")(brightness)])
    for number, (filters, size, stride) in enumerate(((16, 7, 2), (32, 3, 1), (32, 3, 1)), start=1):
        x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(layers.BatchNormalization(momentum=0.9, name=f"bn{number}")(x))
        x = layers.MaxPooling2D(name="pool1")(x) if number == 1 else x
    return keras.Model(images, _logits(layers.GlobalMaxPooling2D(name="max")(x), 6), name="neu_ruler")


def _steel_features(images):
    """Four convolutions: (n, 200, 200, 1) to (n, 25, 25, 64).

    How strongly a strip is lit says nothing about its defects, and differs from one day's photographs to the next.
    A photograph is light times steel, so its logarithm is log light + log steel: less the average of its surroundings,
    40x40 pixels, what remains is the steel (Land and McCann, "Lightness and Retinex Theory", 1971).
    The last two convolutions work at the same resolution, so that the maps stay fine; the last is dilated,
    so that each of its pixels still sees 67x67 pixels of the image. Before the last ReLU each is averaged with its
    neighbours (see `_smoothed`).
    """
    x = layers.Rescaling(20.0, name="rescaling")(images)
    x = 4 * keras.ops.log1p(x)  # of 1 + 20 times the image: black is 0, not minus infinity
    brightness = layers.AveragePooling2D(40, name="brightness")(x)
    brightness = layers.UpSampling2D(40, interpolation="bilinear", name="surroundings")(brightness)
    x = layers.Subtract(name="contrast")([x, brightness])
    x = layers.Conv2D(32, 5, strides=2, padding="same", activation="relu", kernel_initializer="he_normal", name="conv1")(x)
    x = layers.MaxPooling2D(name="pool1")(x)
    x = _normalized_convolution(x, 2)
    x = layers.MaxPooling2D(name="pool2")(x)
    x = _normalized_convolution(x, 3)
    return _normalized_convolution(x, 4, dilation=2, smooth=True)


def _normalized_convolution(x, number, dilation=1, smooth=False):
    """64 filters of 3x3, batch normalization (whose offset makes a bias superfluous), smoothing if wanted, and ReLU."""
    x = layers.Conv2D(64, 3, padding="same", dilation_rate=dilation, use_bias=False,
                      kernel_initializer="he_normal", name=f"conv{number}")(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"bn{number}")(x)
    x = _smoothed(x) if smooth else x
    return layers.ReLU(name=f"relu{number}")(x)


def _smoothed(x):
    """Means over 5x5 cells, twice, with zeros around: of the same size, and without weights.

    A single cell answers to the most striking pixels, often the edge of a defect or a corner of the picture; the mean
    of many is highest in the middle of where they agree. The zeros keep the rim, of which little is seen, from winning.
    """
    x = layers.ZeroPadding2D(4, name="rim")(x)
    x = layers.AveragePooling2D(5, strides=1, name="smooth1")(x)
    return layers.AveragePooling2D(5, strides=1, name="smooth2")(x)


def _logits(x, classes):
    """The class scores; float32 whatever the precision of the layers before them."""
    return layers.Dense(classes, dtype="float32", name="logits")(x)


# -------------------------------------------------------------------------------------------------- scenes


def scene_answers() -> keras.Model:
    """Scenes (n, 64, 64, 3) and questions (n, 2), indices of KINDS and COLOURS, to the logits (n, 7) of ANSWERS.

    The question scales and shifts the feature maps, channel by channel, x -> ReLU(γ(q) x + β(q)), twice (Perez et al.,
    "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI 2018). Its last feature map, `relu5`, is 16x16x64.

    >>> from lecture_utils.models import scene_answers
    >>> scene_answers().output_shape
    (None, 7)
    """
    images = keras.Input((scenes.SCENE_SIZE, scenes.SCENE_SIZE, 3), name="images")
    question = keras.Input((2,), dtype="int32", name="question")
    kind = layers.Embedding(len(scenes.KINDS_IN_ENGLISH), 32, name="kind")(question[:, 0])
    colour = layers.Embedding(len(scenes.COLOURS), 32, name="colour")(question[:, 1])
    q = layers.Dense(64, activation="relu", name="read")(layers.Concatenate(name="words")([kind, colour]))
    q = layers.Reshape((1, 1, 64), name="everywhere")(q)
    x = _scene_features(images)
    for number in (4, 5):
        x = layers.Conv2D(64, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"conv{number}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(_scaled_and_shifted(x, q, number))
    x = layers.GlobalMaxPooling2D(name="max")(x)
    x = layers.Dense(128, activation="relu", name="dense1")(x)
    return keras.Model([images, question], _logits(x, len(scenes.ANSWERS)), name="scene_answers")


def scene_captions() -> keras.Model:
    """Scenes (n, 64, 64, 3) and the words before each (n, 9), indices of WORDS, to the logits (n, 9, 16) of each word.

    A recurrent state of the words so far scales and shifts the picture's feature maps, `relu4` of 16x16x64. 1x1 mixing
    makes the word's own map of them, `word_maps` (n, 9, 16, 16, 64), and the greatest values over all places give the
    word, together with the state. Before the first word stands END.

    >>> from lecture_utils.models import scene_captions
    >>> scene_captions().get_layer("word_maps").output.shape
    (None, 9, 16, 16, 64)
    """
    images = keras.Input((scenes.SCENE_SIZE, scenes.SCENE_SIZE, 3), name="images")
    before = keras.Input((scenes.CAPTION_LENGTH,), dtype="int32", name="before")
    state = layers.Embedding(len(scenes.WORDS), 32, name="embedding")(before)
    state = layers.GRU(128, return_sequences=True, name="state")(state)
    x = _normalized_convolution(_scene_features(images), 4)
    x = layers.Reshape((1, *x.shape[1:]), name="for_each_word")(x)
    s = layers.Reshape((scenes.CAPTION_LENGTH, 1, 1, 128), name="everywhere")(state)
    x = layers.ReLU(name="asked")(_scaled_and_shifted(x, s, 5))
    x = layers.Dense(64, activation="relu", kernel_initializer="he_normal", name="word_maps")(x)
    x = keras.ops.max(x, axis=(2, 3))
    x = layers.Dense(128, activation="relu", name="dense1")(layers.Concatenate(name="seen_and_said")([x, state]))
    return keras.Model([images, before], _logits(x, len(scenes.WORDS)), name="scene_captions")


def describe(model, images) -> NDArray[np.int64]:
    """Captions by `scene_captions`, word after word: each time the word with the highest score, given those so far.

    images: (n, 64, 64, 3). Returns int (n, 9), numbers of words, which `decode` of `datasets.scenes` reads.

    >>> from lecture_utils.datasets.scenes import decode, draw_scenes
    >>> from lecture_utils.models import describe
    >>> len(decode(describe(load_model("scene_captions"), draw_scenes(1).images)))
    1
    """
    words = np.zeros((len(images), scenes.CAPTION_LENGTH), int)
    for t in range(scenes.CAPTION_LENGTH):
        y = model.predict([images, scenes.before(words)], batch_size=50, verbose=0)
        words[:, t] = y[:, t].argmax(axis=1)
    return words


def _scene_features(images):
    """Three convolutions, and two channels that say where: (n, 64, 64, 3) to (n, 16, 16, 66)."""
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu", kernel_initializer="he_normal", name="conv1")(images)
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu", kernel_initializer="he_normal", name="conv2")(x)
    x = _normalized_convolution(x, 3)
    where = np.zeros(x.shape[1:3] + (x.shape[3] + 2,), "float32")
    where[..., -2:] = np.stack(np.meshgrid(*2 * [np.linspace(-1, 1, x.shape[1])], indexing="ij"), axis=-1)  # row, column
    return keras.ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, 2)]) + where


def _scaled_and_shifted(x, words, number):
    """γ(words) * x + β(words), one γ and one β for each channel of x; γ is around 1 at first."""
    gamma = layers.Dense(x.shape[-1], bias_initializer="ones", name=f"gamma{number}")(words)
    beta = layers.Dense(x.shape[-1], name=f"beta{number}")(words)
    return layers.Add(name=f"shifted{number}")([layers.Multiply(name=f"scaled{number}")([x, gamma]), beta])


# -------------------------------------------------------------------------------------------------- VGG16


def vgg16() -> keras.Model:
    """VGG16: 224x224x3 to ImageNet's 1,000 logits; 138,357,544 parameters (Simonyan and Zisserman, 2015).

    >>> from lecture_utils.models import vgg16
    >>> vgg16().count_params()
    138357544
    """
    images = keras.Input((224, 224, 3), name="images")
    return keras.Model(images, _vgg16_layers(images, (64, 128, 256, 512, 512), 4096, 1000), name="vgg16")


def vgg16_compact() -> keras.Model:
    """VGG16's layers under VGG16's names, narrower: 96x96x3 in [0, 1] to CIFAR-10's ten logits.

    >>> from lecture_utils.models import vgg16_compact
    >>> vgg16_compact().get_layer("block5_conv3").output.shape
    (None, 6, 6, 160)
    """
    images = keras.Input((COMPACT_SIZE, COMPACT_SIZE, 3), name="images")
    x = layers.Rescaling(4.0, offset=-2.0, name="rescaling")(images)
    return keras.Model(images, _vgg16_layers(x, COMPACT_FILTERS, 128, 10), name="vgg16_compact")


def _vgg16_layers(x, filters, units, classes):
    """Five blocks of two or three 3x3 convolutions, each block ending in 2x2 max pooling; three Dense layers."""
    x = _vgg_blocks(x, filters, (2, 2, 3, 3, 3))
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(units, activation="relu", name="fc1")(x)
    x = layers.Dense(units, activation="relu", name="fc2")(x)
    return layers.Dense(classes, dtype="float32", name="predictions")(x)


def _vgg_blocks(x, filters, depths, last_pool=True):
    """Blocks of 3x3 convolutions, `depths` of them with `filters` channels, each block ending in 2x2 max pooling."""
    for block, (width, depth) in enumerate(zip(filters, depths, strict=True), start=1):
        for number in range(1, depth + 1):
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"block{block}_conv{number}")(x)
        if last_pool or block < len(depths):
            x = layers.MaxPooling2D(name=f"block{block}_pool")(x)
    return x


# ----------------------------------------------------------------------------------------------- residual


def resnet20(size=(32, 32)) -> keras.Model:
    """ResNet-20: 32x32x3 in [0, 1] to CIFAR-10's ten logits by global average pooling; 274,042 parameters.

    Three stages of three blocks, x + f(x) each, with 16, 32, 64 channels at 32x32, 16x16, 8x8 (He, Zhang, Ren & Sun, "Deep
    Residual Learning for Image Recognition", 2016, section 4.2); where a stage begins, x is projected by a strided 1x1
    convolution (their option B). The names are ResNet50's in keras.applications. size: (height, width) of the images.

    >>> from lecture_utils.models import resnet20
    >>> resnet20().get_layer("conv4_block3_out").output.shape
    (None, 8, 8, 64)
    """
    images = keras.Input((*size, 3), name="images")
    x = layers.Rescaling(4.0, offset=-2.0, name="rescaling")(images)
    x = layers.ReLU(name="conv1_relu")(_residual_convolution(x, "conv1", 16))
    for stage, filters in ((2, 16), (3, 32), (4, 64)):
        for block in (1, 2, 3):
            x = _residual_block(x, f"conv{stage}_block{block}", filters, strides=2 if stage > 2 and block == 1 else 1)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return keras.Model(images, layers.Dense(10, dtype="float32", name="predictions")(x), name="resnet20")


def _residual_block(x, name, filters, strides):
    shortcut = x if strides == 1 else _residual_convolution(x, f"{name}_0", filters, size=1, strides=strides)
    x = layers.ReLU(name=f"{name}_1_relu")(_residual_convolution(x, f"{name}_1", filters, strides=strides))
    x = layers.Add(name=f"{name}_add")([shortcut, _residual_convolution(x, f"{name}_2", filters)])
    return layers.ReLU(name=f"{name}_out")(x)


def _residual_convolution(x, name, filters, size=3, strides=1):
    """Convolution and batch normalization. Padded alike on all sides, also with strides, where "same" pads only the far ones."""
    if size > 1:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(filters, size, strides, use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv")(x)
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)


# ------------------------------------------------------------------------------------- vision transformer

VIT_WIDTH, VIT_HEADS, VIT_BLOCKS = 64, 4, 4


def vit_shapes(attention=False) -> keras.Model:
    """Scenes (n, 64, 64, 3) to six logits, each for one shape being there: a vision transformer of 180,470 parameters.

    Three convolutions of stride 2 make a token of 64 numbers of every 8x8 pixels (and their surroundings): 8x8 tokens. A
    class token is put before them and a position added to each. Four blocks let the tokens look at each other; the score
    is read from the class token alone. Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021, arXiv:2010.11929; the
    stem of convolutions: Xiao et al., "Early Convolutions Help Transformers See Better", 2021, arXiv:2106.14881.

    attention: whether the model also returns what each block attended to: [logits, A1, A2, A3, A4], each A of shape
        (n, 4 heads, 65, 65), its rows the tokens that look, its columns those looked at. The weights are the same.

    >>> from lecture_utils.models import vit_shapes
    >>> [output.shape for output in vit_shapes(attention=True).outputs[:2]]
    [(None, 6), (None, 4, 65, 65)]
    """
    images = keras.Input((64, 64, 3), name="images")
    x = layers.Rescaling(4.0, offset=-1.0, name="rescaling")(images)
    for number, filters in ((1, 16), (2, 32), (3, VIT_WIDTH)):
        x = layers.Conv2D(filters, 4, strides=2, padding="same", activation="relu" if number < 3 else None,
                          kernel_initializer="he_normal", name=f"conv{number}")(x)
    x = layers.Reshape((64, VIT_WIDTH), name="patches")(x)
    x = ClassToken(name="class_token")(x)
    x = Positions(name="positions")(x)
    attended = []
    for number in range(1, VIT_BLOCKS + 1):
        x, A = _transformer_block(x, f"block{number}")
        attended.append(A)
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    y = _logits(x[:, 0], 6)
    return keras.Model(images, [y, *attended] if attention else y, name="vit_shapes")


def _transformer_block(x, name):
    """x + attention of the normalized tokens, then the same with a small network for each token: (x, attention)."""
    z = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm1")(x)
    attend = layers.MultiHeadAttention(VIT_HEADS, VIT_WIDTH // VIT_HEADS, name=f"{name}_attention")
    z, A = attend(z, z, return_attention_scores=True)
    x = layers.Add(name=f"{name}_middle")([x, z])
    z = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm2")(x)
    z = layers.Dense(2 * VIT_WIDTH, activation="gelu", name=f"{name}_dense1")(z)
    z = layers.Dense(VIT_WIDTH, name=f"{name}_dense2")(z)
    return layers.Add(name=name)([x, z]), A


@keras.saving.register_keras_serializable("lecture_utils")
class ClassToken(layers.Layer):
    """Puts one learned token before the others: (n, tokens, width) to (n, 1 + tokens, width)."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="zeros", name="token")

    def call(self, tokens):
        token = keras.ops.broadcast_to(self.token, (keras.ops.shape(tokens)[0], 1, tokens.shape[-1]))
        return keras.ops.concatenate([token, tokens], axis=1)


@keras.saving.register_keras_serializable("lecture_utils")
class Positions(layers.Layer):
    """Adds to each token (n, tokens, width) a learned vector that says where it stands."""

    def build(self, shape):
        self.position = self.add_weight(shape=(1, *shape[1:]), initializer=keras.initializers.RandomNormal(stddev=0.02),
                                        name="position")

    def call(self, tokens):
        return tokens + self.position


# ---------------------------------------------------------------------------------------- shipped weights

BUILDERS = {build.__name__: build for build in (mnist_cnn, mnist_gap, neu_gap, neu_dense, neu_gap_plain, neu_ruler,
                                               vgg16_compact, resnet20, scene_answers, scene_captions, vit_shapes)}


def load_model(name) -> keras.Model:
    """The network `name` with its shipped weights.

    Raises ValueError for a name that is not in `BUILDERS`, and DataError where the file of weights is missing, damaged,
    or another network's.

    >>> model = load_model("mnist_cnn")
    >>> model.output_shape
    (None, 10)
    """
    if name not in BUILDERS:
        raise ValueError(say("There is no model {name!r}. There are: {names}.", name=name, names=", ".join(BUILDERS)))
    model = BUILDERS[name]()
    read_weights(model, WEIGHTS / f"{name}.npz")
    return model


def named_weights(model):
    """The model's variables as a dict "layer/variable" -> Keras variable, in the order of the layers.

    Of variables that share a name in their layer, as an attention's four kernels do: "layer/part/variable".
    """
    return {name: variable for layer in model.layers for name, variable in _named_weights_of(layer).items()}


def _named_weights_of(layer):
    names = [variable.name for variable in layer.weights]
    parts = [variable.path.rpartition(f"{layer.name}/")[2] if names.count(variable.name) > 1 else variable.name
             for variable in layer.weights]
    return {f"{layer.name}/{part}": variable for part, variable in zip(parts, layer.weights, strict=True)}


def read_weights(model, path):
    """Set the model's variables from an .npz of arrays "layer/variable"; all of them, or none and a `DataError`."""
    remedy = say("Restore it with `git checkout -- data/weights`, or train it: python3 course.py train {model}", model=model.name)
    variables = named_weights(model)
    try:
        with np.load(path, allow_pickle=False) as archive:
            values = {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise DataError(say("The weights {path} are missing. {remedy}", path=path, remedy=remedy)) from error
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(say("The weights {path} cannot be read ({error}). {remedy}", path=path, error=error,
                            remedy=remedy)) from error
    expected = {name: tuple(variable.shape) for name, variable in variables.items()}
    found = {name: np.shape(value) for name, value in values.items()}  # another program's zip gives bytes
    if found != expected:
        wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise DataError(say("The weights {path} are not those of {model}: {name} should have shape {expected} and has {found}. "
                            "{remedy}", path=path, model=model.name, name=wrong[0], expected=expected.get(wrong[0]),
                            found=found.get(wrong[0]), remedy=remedy))
    if not all(np.isfinite(value).all() for value in values.values()):
        raise DataError(say("The weights {path} hold values that are not finite numbers. {remedy}", path=path, remedy=remedy))
    for name, variable in variables.items():
        variable.assign(values[name].astype("float32"))


# ----------------------------------------------------------------------------------- VGG16 for photographs


class PhotoModel(NamedTuple):
    """What `load_vgg16`, `load_squeezenet` and `load_photo_model` return."""

    model: keras.Model  # its output are logits
    preprocess: Callable  # images float32 (n, h, w, 3) in [0, 1], of any size -> the model's input
    class_names: tuple
    source: str  # where the weights are from


def load_vgg16(source: Literal["auto", "download"] = "auto") -> PhotoModel:
    """ImageNet's VGG16 where its weights can be had, else `vgg16_compact`: a `PhotoModel`; prints which it is.

    The weights (553 MB) and the class names are looked for in the data folder, in Keras' own cache and in
    the course's, and downloaded otherwise. COURSE_OFFLINE=1 leaves only the data folder.

    source: "auto" downloads the weights on Colab, asks elsewhere, and does without them where nobody can answer;
        "download" does not ask, and raises DataError where they cannot be had.
    Raises DataError if a file of that name in the data folder is another than the published one.

    >>> net = load_vgg16()
    VGG16: ...
    >>> scores = net.model(net.preprocess(load_photo("cat")[None]))
    >>> net.class_names[int(np.argmax(scores))]
    '...cat'
    """
    if source not in ("auto", "download"):
        raise ValueError(say('source={source!r} is neither "auto" nor "download"', source=source))
    try:
        class_names = _imagenet_classes(_published(IMAGENET_FILE, IMAGENET_URL, IMAGENET_HASH))
        if source == "auto" and not _vgg16_at_hand() and not _may_fetch_vgg16():
            raise _Unavailable(say("load_vgg16(\"download\") fetches ImageNet's weights, 553 MB"))
        path = _published(VGG16_FILE, VGG16_URL, VGG16_HASH)
    except _Unavailable as reason:
        if source == "download":
            raise
        print(say("VGG16: the compact one with CIFAR-10's ten classes, which ships with the course ({reason})", reason=reason))
        return _compact()
    model = vgg16()
    model.load_weights(path)
    print(say("VGG16: ImageNet's weights, {path}", path=path))
    return PhotoModel(model, _preprocess_vgg16, class_names, f"ImageNet: {path}")


def load_squeezenet() -> PhotoModel:
    """SqueezeNet v1.1 with ImageNet's 1,000 classes in 2.4 MB, else `vgg16_compact`: a `PhotoModel`; prints which it is.

    Each score is the mean of one map of 14x14, y^c = 1/Z Σ_ij A^c_ij, and `cam` gives that map. The paper reports 57.5 % (top-1)
    and 80.3 % (top-5) on ImageNet. The weights and the class names are looked for as `load_vgg16` does.
    Raises DataError if a file of that name in the data folder is another than the published one.

    >>> net = load_squeezenet()
    SqueezeNet: ...
    >>> scores = net.model(net.preprocess(load_photo("cat")[None]))
    >>> net.class_names[int(np.argmax(scores))]
    '...cat'

    Iandola et al., SqueezeNet, 2016, arXiv:1602.07360; the weights are the authors' own, converted by ncnn's.
    """
    try:
        class_names = _imagenet_classes(_published(IMAGENET_FILE, IMAGENET_URL, IMAGENET_HASH))
        path = _published(squeezenet.FILE, squeezenet.URL, squeezenet.HASH)
    except _Unavailable as reason:
        print(say("SqueezeNet: in its place the compact VGG16 with CIFAR-10's ten classes, which ships with the course "
                  "({reason})", reason=reason))
        return _compact()
    model = squeezenet.squeezenet()
    squeezenet.read_weights(model, path)
    print(say("SqueezeNet: ImageNet's weights, {path}", path=path))
    return PhotoModel(model, _preprocess_squeezenet, class_names, f"ImageNet: {path}")


def _compact():
    return PhotoModel(load_model("vgg16_compact"), _preprocess_compact, CIFAR10_CLASSES, "shipped: vgg16_compact")


def load_photo_model() -> PhotoModel:
    """The best network for photographs that is at hand: a `PhotoModel`; prints which it is.

    VGG16 if its weights are on this computer, which nobody is asked to download; else what `load_squeezenet` returns.
    Raises DataError if a file of that name in the data folder is another than the published one.

    >>> net = load_photo_model()
    SqueezeNet: ...
    >>> scores = net.model(net.preprocess(load_photo("cat")[None]))
    >>> net.class_names[int(np.argmax(scores))]
    '...cat'
    """
    return load_vgg16() if _vgg16_at_hand() else load_squeezenet()


def fetch_squeezenet():
    """Download SqueezeNet's weights and ImageNet's class names if they are not at hand; DataError if they cannot be had."""
    _published(IMAGENET_FILE, IMAGENET_URL, IMAGENET_HASH)
    _published(squeezenet.FILE, squeezenet.URL, squeezenet.HASH)


def fetch_vgg16():
    """The same for VGG16, 553 MB."""
    _published(IMAGENET_FILE, IMAGENET_URL, IMAGENET_HASH)
    _published(VGG16_FILE, VGG16_URL, VGG16_HASH)


def where_are_the_weights():
    """A `Whereabouts` each for ImageNet's SqueezeNet and VGG16, found out without a network."""
    return [_whereabouts("SqueezeNet", squeezenet.FILE, squeezenet.HASH, say("2.4 MB; the compact VGG16 stands in")),
            _whereabouts("VGG16", VGG16_FILE, VGG16_HASH, say("553 MB; `python3 course.py data VGG16` downloads them"))]


def _whereabouts(name, filename, known_hash, remark):
    try:
        path = _at_hand(filename, known_hash)
    except DataError as error:
        return Whereabouts(name, "broken", "", 0, str(error))
    if path is None:
        return Whereabouts(name, "missing", "", 0, remark)
    return Whereabouts(name, "local" if path.parent == data_folder() else "download cache", shown(path), 0, "")


def _vgg16_at_hand():
    return _at_hand(VGG16_FILE, VGG16_HASH) is not None


def _may_fetch_vgg16():
    """Whether 553 MB may be downloaded: on Colab they arrive in seconds and leave with the session."""
    return ("google.colab" in sys.modules or downloads.offline()  # the download itself then says why it cannot be
            or agreed(say("Download ImageNet's weights for VGG16, 553 MB, once? Without them a small VGG16 takes their place.")))


# ------------------------------------------------------------------------------------- backbones to build on


def load_backbone(name="vgg16_compact") -> keras.Model:
    """The convolutions of a trained network, without its head: images (n, 96, 96, 3) in [0, 1] to feature maps (n, 6, 6, K).

        vgg16_compact   K = 160, up to `block5_conv3`; trained on CIFAR-10; ships with the course
        squeezenet      K = 512, up to `fire9`; trained on ImageNet; 2.4 MB
        vgg19           K = 512, up to `block5_conv4`; trained on ImageNet (Simonyan and Zisserman, 2015); 80 MB

    What these networks want of an image (another range, blue first, less the mean) is done by the backbone itself. The
    weights of the last two are looked for as `load_vgg16` does, and downloaded otherwise. Raises ValueError for another
    name, and DataError for weights that can't be had.

    >>> load_backbone().output_shape
    (None, 6, 6, 160)
    """
    if name not in BACKBONES:
        raise ValueError(say("There is no backbone {name!r}. There are: {names}.", name=name, names=", ".join(BACKBONES)))
    try:
        return BACKBONES[name]()
    except _Unavailable as reason:
        raise DataError(say("The weights of {name} could not be had: {reason}", name=name, reason=reason)) from reason


def _compact_backbone():
    network = load_model("vgg16_compact")
    return keras.Model(network.inputs[0], network.get_layer("block5_conv3").output, name="vgg16_compact_backbone")


def _squeezenet_backbone():
    path = _published(squeezenet.FILE, squeezenet.URL, squeezenet.HASH)
    network = squeezenet.squeezenet()
    squeezenet.read_weights(network, path)
    return _backbone("squeezenet", squeezenet.features, squeezenet.MEAN_BGR, network)


def _vgg19_backbone():
    path = _published(VGG19_FILE, VGG19_URL, VGG19_HASH)
    images = keras.Input((COMPACT_SIZE, COMPACT_SIZE, 3))
    network = keras.Model(images, _vgg19_features(images))
    network.load_weights(path)
    return _backbone("vgg19", _vgg19_features, IMAGENET_MEAN_BGR, network)


def _vgg19_features(x):
    """VGG19's sixteen convolutions; the last pooling is left out."""
    return _vgg_blocks(x, (64, 128, 256, 512, 512), (2, 2, 4, 4, 4), last_pool=False)


def _backbone(name, features, mean_bgr, network):
    """`features` with the weights of `network`, which was trained on 255 * image, blue first, less the mean."""
    images = keras.Input((COMPACT_SIZE, COMPACT_SIZE, 3), name="images")
    x = layers.Rescaling(255.0, offset=[-value for value in mean_bgr[::-1]], name="rescaling")(images)
    model = keras.Model(images, features(x), name=f"{name}_backbone")
    for number, layer in enumerate(layer for layer in model.layers if isinstance(layer, layers.Conv2D)):
        kernel, bias = network.get_layer(layer.name).get_weights()
        layer.set_weights([kernel if number else kernel[:, :, ::-1], bias])  # the first takes red first now: the same sums
    return model


BACKBONES = {"vgg16_compact": _compact_backbone, "squeezenet": _squeezenet_backbone, "vgg19": _vgg19_backbone}


class _Unavailable(DataError):
    """A published file is not here and cannot be fetched; the message says why."""


def _published(filename, url, known_hash):
    """The path of a published file, verified, fetched if it is not at hand."""
    path = _at_hand(filename, known_hash)
    if path:
        return path
    try:
        return downloads.download(url, filename, known_hash)
    except DataError as error:
        raise _Unavailable(str(error)) from error


def _at_hand(filename, known_hash):
    """The path of a published file on this computer, verified; None if it is not here."""
    local = data_folder() / filename
    if local.exists():
        if not downloads.has_hash(local, known_hash):
            raise DataError(say("{local} is not the published file (its checksum differs). Remove it, or fetch it once more.",
                                local=local))
        return local
    return downloads.cached(filename, known_hash, downloads.keras_folder("models")) or downloads.cached(filename, known_hash)


def _imagenet_classes(path):
    """The 1,000 names in the order of the logits, from {"0": ["n01440764", "tench"], ...}."""
    index = json.loads(Path(path).read_text())
    return tuple(index[str(number)][1].replace("_", " ") for number in range(len(index)))


def _preprocess_vgg16(images):
    """Images (n, h, w, 3) in [0, 1] as VGG16 was trained: 224x224, 0 to 255, blue first, less the mean."""
    return resized(images, 224)[..., ::-1] * 255.0 - np.array(IMAGENET_MEAN_BGR, "float32")


def _preprocess_squeezenet(images):
    """Images (n, h, w, 3) in [0, 1] as SqueezeNet takes them: 227x227, 0 to 255, blue first, less the mean.

    The whole image, squeezed into a square. The authors cut a square out of its middle: cut it first, to compare with them.
    """
    return resized(images, squeezenet.SIZE)[..., ::-1] * 255.0 - np.array(squeezenet.MEAN_BGR, "float32")


def _preprocess_compact(images):
    """Images (n, h, w, 3) in [0, 1] at the compact network's 96x96; all else is in its first layer."""
    return resized(images, COMPACT_SIZE)


def resized(images, size):
    """Photographs (n, h, w, 3) in [0, 1] at (n, size, size, 3): bilinear with half-pixel centres, every source pixel counting
    when it shrinks; the whole image is kept. Raises ValueError for anything else.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or 0 in images.shape or images.dtype.kind != "f":
        raise ValueError(say("preprocess takes RGB photographs as floats (n, height, width, 3) in [0, 1]; it got {dtype} of "
                             "shape {shape}. One photograph is photo[None].", dtype=images.dtype, shape=images.shape))
    if not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(say("preprocess takes values in [0, 1]; these range from {least:g} to {most:g}. Divide values of 0 to "
                             "255 by 255.", least=images.min(), most=images.max()))
    return tf.image.resize(images, (size, size), antialias=True).numpy().astype("float32")
