"""Grad-CAM as notebook 3 writes it, and nine times as it has been written elsewhere: one fault in each.

All take (model, images (n, height, width, channels), c) and return the maps (n, h, w) of class c at the layer "features".
"""

import keras
import numpy as np
import tensorflow as tf


def opened(model):
    """The model, with its feature maps as a second output; they may stand in a backbone inside it, called "features"."""
    x = images = model.inputs[0]
    for layer in model.layers:
        x = layer(x)
        if layer.name == "features":
            A = x
    return keras.Model(images, [A, x])


def sides(y):
    """The scores of all classes; one unit has two classes, of which the first has the score -y."""
    return y if y.shape[1] > 1 else tf.concat([-y, y], axis=1)


def weighed(A, gradient):
    """ReLU(Σ_k α_k A^k), α_k the mean of the gradient over the places."""
    alpha = tf.reduce_mean(gradient, axis=(1, 2))
    return tf.nn.relu(tf.einsum("nijk,nk->nij", A, alpha)).numpy()


def sound(model, images, c):
    with tf.GradientTape() as tape:
        A, y = opened(model)(images)
        score = sides(y)[:, c]
    return weighed(A, tape.gradient(score, A))


def softmax(model, images, c):
    with tf.GradientTape() as tape:
        A, y = opened(model)(images)
        score = tf.nn.softmax(sides(y))[:, c]
    return weighed(A, tape.gradient(score, A))


def predicted(model, images, c):
    with tf.GradientTape() as tape:
        A, y = opened(model)(images)
        score = tf.reduce_max(sides(y), axis=1)
    return weighed(A, tape.gradient(score, A))


def squared(model, images, c):
    with tf.GradientTape() as tape:
        A, y = opened(model)(images)
        y = sides(y)
    return weighed(A, tape.gradient(y, A, output_gradients=y))     # PyTorch: output.backward(output)


def early_relu(model, images, c):
    with tf.GradientTape() as tape:
        A, y = opened(model)(images)
        score = sides(y)[:, c]
    alpha = tf.reduce_mean(tape.gradient(score, A), axis=(1, 2))
    return tf.reduce_sum(tf.nn.relu(A * alpha[:, None, None]), axis=-1).numpy()


def one_sigmoid(model, images, c):
    with tf.GradientTape() as tape:
        A, y = opened(model)(images)
        score = y[:, c] if y.shape[1] > 1 else y[:, 0]
    return weighed(A, tape.gradient(score, A))


def over_the_batch(model, images, c):
    with tf.GradientTape() as tape:
        A, y = opened(model)(images)
        score = sides(y)[:, c]
    alpha = tf.reduce_mean(tape.gradient(score, A), axis=(0, 1, 2))
    return tf.nn.relu(tf.einsum("nijk,k->nij", A, alpha)).numpy()


def in_training(model, images, c):
    with tf.GradientTape() as tape:
        A, y = opened(model)(images, training=True)
        score = sides(y)[:, c]
    return weighed(A, tape.gradient(score, A))


def cut_off(model, images, c):
    place = model.layers.index(model.get_layer("features"))
    with tf.GradientTape() as tape:
        A = y = model.layers[place](images)     # "graph disconnected" otherwise
        for layer in model.layers[place + 1:]:
            y = layer(y)
        score = sides(y)[:, c]
    return weighed(A, tape.gradient(score, A))


def activations(model, images, c):
    A, _ = opened(model)(images)
    return np.mean(A, axis=-1)


FAULTS = {"softmax": softmax, "predicted class": predicted, "½‖y‖²": squared, "early ReLU": early_relu,
          "one sigmoid": one_sigmoid, "over the batch": over_the_batch, "training mode": in_training, "cut off": cut_off,
          "activations": activations}
