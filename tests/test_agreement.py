"""Grad-CAM on networks of the size people use, against the plain tape: `pytest tests/test_agreement.py -rP` prints by how much.

Their random weights give maps of either sign at every place, so the map before the ReLU is put together from Grad-CAM
and its counterfactual: Σ_k alpha_k A^k = L - L'.
"""

import keras
import numpy as np
import plain_tape
import pytest

from lecture_utils import counterfactual_cam, grad_cam

SIZE = 160


def application(name):
    return getattr(keras.applications, name)(weights=None, classes=10, classifier_activation=None,
                                             input_shape=(SIZE, SIZE, 3))


def nested():
    """Transfer learning as it is taught: augmentation, a backbone without its top, GAP, Dropout, Dense."""
    backbone = keras.applications.VGG16(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.RandomFlip(), backbone,
                             keras.layers.GlobalAveragePooling2D(), keras.layers.Dropout(0.3), keras.layers.Dense(10)])


def written_out(model):
    """The nested model again, one flat model on the same layers, for the plain tape."""
    _, backbone, gap, _, dense = model.layers
    return keras.Model(backbone.inputs, dense(gap(backbone.outputs[0])))


@pytest.mark.parametrize("name, layer", [("VGG16", "block5_conv3"), ("ResNet50", "conv5_block3_out"),
                                         ("MobileNet", "conv_pw_13_relu"), ("DenseNet121", "relu"),
                                         ("nested", "block5_conv3")])
def test_large_networks_agree_with_a_plain_tape(name, layer):
    keras.utils.set_random_seed(0)
    model = nested() if name == "nested" else application(name)
    images = np.random.default_rng(0).random((3, SIZE, SIZE, 3), dtype=np.float32)
    classes = [2, 7, 4]
    expected = plain_tape.signed_cam(written_out(model) if name == "nested" else model, images, layer, classes)
    ours = grad_cam(model, images, layer, classes) - counterfactual_cam(model, images, layer, classes)
    print(f"{name}: largest difference {np.abs(ours - expected).max() / np.abs(expected).max():.1e} of the maximum")
    plain_tape.assert_close(ours, expected)
