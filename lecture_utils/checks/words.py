"""Checks of notebook 10: captions and questions."""

import keras
import numpy as np
import tensorflow as tf

from ..language import say
from . import judging
from .inputs import features, height_and_width, signed
from .judging import Verdict

layers = keras.layers


def check_film(function) -> Verdict:
    """Exercise: film(x (h, w, K), gamma (K,), beta (K,)) = ReLU(γ x + β), one γ and one β for each channel.

    >>> checks.check_film(lambda x, gamma, beta: gamma * x + beta)
    ✗ Scaled and shifted rightly, but the ReLU is missing.
    """
    def inputs(rng):
        K = int(rng.integers(3, 7))
        return signed(rng, *height_and_width(rng, 7, 11), K), signed(rng, K), signed(rng, K)

    relu = lambda x: np.maximum(x, 0)
    return judging.check_function(function, inputs, lambda x, g, b: relu(g * x + b), {
        say("Scaled and shifted rightly, but the ReLU is missing."): lambda x, g, b: g * x + b,
        say("The ReLU comes last: here it comes before the question has had its say."): (
            lambda x, g, b: g * relu(x) + b, lambda x, g, b: relu(g * relu(x) + b)),
        say("Scale first, then shift: γ x + β, not γ (x + β)."): lambda x, g, b: relu(g * (x + b)),
        say("γ and β are exchanged: γ scales, β shifts."): lambda x, g, b: relu(b * x + g),
        say("The shift is missing."): lambda x, g, b: relu(g * x),
        say("The scale is missing."): lambda x, g, b: relu(x + b),
        say("The channels are added up. They stay apart: the result has the shape of x."):
            lambda x, g, b: relu(g * x + b).sum(-1),
    })


def check_max_head(function) -> Verdict:
    """Exercise: max_map(B (h, w, K), d (K,)): HiResCAM Σ_k ∂y/∂B^k ⊙ B^k where y reads m_k = max_ij B^k_ij alone, d_k = ∂y/∂m_k.

    >>> checks.check_max_head(lambda B, d: B @ d)
    ✗ Each map is weighed as a whole. ...
    """
    def inputs(rng):
        K = int(rng.integers(3, 7))
        return features(rng, *height_and_width(rng), K), signed(rng, K)

    def at_peaks(B, d, value=lambda B, d: B * d):
        return (value(B, d) * (B == B.max(axis=(0, 1)))).sum(-1)

    def at_the_peak(B, d):
        L = B @ d
        return L * (L == L.max())

    return judging.check_function(function, inputs, at_peaks, {
        say("Each map is weighed as a whole. The score reads one place of each map, so the gradient is 0 at all others."): (
            lambda B, d: B @ d, lambda B, d: np.maximum(B @ d, 0), lambda B, d: B @ d / B[..., 0].size,
            lambda B, d: np.maximum(B @ d / B[..., 0].size, 0)),
        say("That is the gradient alone; HiResCAM multiplies it by the map."):
            lambda B, d: at_peaks(B, d, lambda B, d: d + 0 * B),
        say("Those are the maps' values at their peaks; the derivatives d are missing."):
            lambda B, d: at_peaks(B, d, lambda B, d: B),
        say("Each channel has its own peak. You took one place for all of them."): at_the_peak,
        say("Right, but with Grad-CAM's ReLU: HiResCAM keeps what speaks against the word."):
            lambda B, d: np.maximum(at_peaks(B, d), 0),
        say("The channels are not added up yet."): lambda B, d: B * d * (B == B.max(axis=(0, 1))),
        say("The derivatives are divided by the number of places. That is Grad-CAM's mean; here each derivative stands at its "
            "own place."): lambda B, d: at_peaks(B, d) / B[..., 0].size,
    })


def check_blind(function) -> Verdict:
    """Exercise: blind_accuracy(network, images, questions, answers, order): the share of right answers with other pictures.

    network: from [images (n, h, w, 1), questions (n, 2)] to the scores (n, classes); answers (n,). Question i is asked about
    picture order[i]; where that is i, the question does not count.

    >>> checks.check_blind(lambda network, x, q, answers, order: (network([x, q]).numpy().argmax(1) == answers).mean())
    ✗ Those are the answers with the right pictures: ...
    """
    def inputs(rng):
        (height, width), n, classes = height_and_width(rng, 4, 8), int(rng.integers(40, 60)), int(rng.integers(3, 6))
        network, images = _answering((height, width, 1), classes, int(rng.integers(1000))), signed(rng, n, height, width, 1)
        questions, order = rng.integers(5, size=(n, 2)), np.arange(n)
        moved = rng.permutation(n)[:2 * n // 3]
        order[moved] = np.roll(moved, 1)                                # a third of the pictures stay where they are
        right, unsure = network([images, questions]).numpy().argmax(axis=1), rng.random(n) < 0.3
        return network, images, questions, np.where(unsure, rng.integers(classes, size=n), right), order

    def answered(network, images, questions):
        return network([images, questions]).numpy().argmax(axis=1)

    moved = lambda order: order != np.arange(len(order))
    right = lambda f, x, q, a, order: answered(f, x[order], q) == a

    def share(right_ones):
        """Two misconceptions in one: with the questions that do not count, and without them."""
        return (lambda f, x, q, a, o: right_ones(f, x, q, a, o)[moved(o)].mean(), lambda *case: right_ones(*case).mean())

    return judging.check_function(function, inputs, lambda *case: right(*case)[moved(case[-1])].mean(), {
        say("Those are the answers with the right pictures: show picture order[i] to question i."): (
            *share(lambda f, x, q, a, o: answered(f, x, q) == a),
            *share(lambda f, x, q, a, o: answered(f, x[o], q[o]) == a[o])),
        say("Where order[i] is i, the network sees the right picture and can answer by it: leave those questions out."):
            lambda *case: right(*case).mean(),
        say("The questions that do not count are counted as wrong: leave them out of the number that you divide by, too."):
            lambda *case: (right(*case) & moved(case[-1])).mean(),
        say("The pictures stay and the questions change places, so the questions are no longer those of the answers. Keep each "
            "question with its answer."): share(lambda f, x, q, a, o: answered(f, x, q[o]) == a),
        say("Pictures and questions changed places together, and the answers did not: only the pictures should."):
            share(lambda f, x, q, a, o: answered(f, x[o], q[o]) == a),
        say("The answers change places and the pictures do not: the network still sees what it is asked about."):
            share(lambda f, x, q, a, o: answered(f, x, q) == a[o]),
        say("The pictures were emptied. The network has never seen an empty one, so its answer says little: show it another "
            "picture."): share(lambda f, x, q, a, o: answered(f, 0 * x, q) == a),
        say("That is how often the answer stays the same, right or wrong; wanted is how often it is right."):
            share(lambda f, x, q, a, o: answered(f, x[o], q) == answered(f, x, q)),
        say("That is a number of answers; wanted is their share."): lambda *case: right(*case)[moved(case[-1])].sum(),
    })


def _answering(shape, classes, seed):
    """A small network from pictures and questions, two numbers below 5 each, to scores; its weights are random."""
    kernel = keras.initializers.RandomNormal(stddev=1, seed=seed)
    images, question = keras.Input(shape), keras.Input((2,), dtype="int32")
    words = layers.Embedding(5, 4, embeddings_initializer=kernel)(question)
    both = layers.Concatenate()([layers.Flatten()(images), layers.Flatten()(words)])
    both = layers.Dense(12, activation="tanh", kernel_initializer=kernel)(both)
    return keras.Model([images, question], layers.Dense(classes, kernel_initializer=kernel)(both))


def check_word_map(function) -> Verdict:
    """Exercise: word_map(above, A (n, h, w, K), before (n, T), words (n, T), t): Grad-CAM (n, h, w) of the words number t.

    above: a model from [A, before] to the scores (n, T, vocabulary) of all words at each of the T places of a sentence.

    >>> checks.check_word_map(lambda above, A, before, words, t: above([A, before])[:, t])
    ✗ For inputs of shape ... the result should have shape ...; yours has shape ...
    """
    def inputs(rng):
        (height, width), K, T = height_and_width(rng, 3, 7), int(rng.integers(3, 6)), int(rng.integers(4, 7))
        above = _speaking((height, width, K), T, int(rng.integers(1000)))
        words = np.stack([rng.permutation(8)[:T] for _ in range(2)])
        before = tf.constant(np.roll(words, 1, axis=1))
        return above, tf.constant(features(rng, 2, height, width, K)), before, words, int(rng.integers(1, T - 1))

    def of_words(y, words, t):
        return tf.gather(y[:, t], words[:, t], axis=1, batch_dims=1)

    def gradient(above, A, before, score):
        with tf.GradientTape() as tape:
            tape.watch(A)
            y = score(above([A, before]))
        return tape.gradient(y, A).numpy()

    def weighted(score, axes=(1, 2)):
        """Grad-CAM before its ReLU, of a score of (y, words, t)."""
        return lambda above, A, before, words, t: (
            A.numpy() * gradient(above, A, before, lambda y: score(y, words, t)).mean(axes, keepdims=True)).sum(-1)

    def cut(L):
        return lambda *case: np.maximum(L(*case), 0)

    def product(above, A, before, words, t):
        return (A.numpy() * gradient(above, A, before, lambda y: of_words(y, words, t))).sum(-1)

    softmax = lambda y, words, t: of_words(tf.nn.softmax(y), words, t)
    log_softmax = lambda y, words, t: of_words(tf.nn.log_softmax(y), words, t)
    return judging.about_tapes(judging.check_function(function, inputs, cut(weighted(of_words)), {
        say("Right, but before the ReLU: what speaks against the word is left in."): weighted(of_words),
        say("That is the gradient of the word's probability. Take its score: no softmax before the gradient."): (
            cut(weighted(softmax)), weighted(softmax), cut(weighted(log_softmax))),
        say("That is the gradient of the whole sentence's score: take word t alone."): (
            cut(weighted(lambda y, words, t: tf.gather(y, words, axis=2, batch_dims=2))),
            cut(weighted(lambda y, words, t: tf.gather(tf.nn.log_softmax(y), words, axis=2, batch_dims=2)))),
        say("The scores are those of another place in the sentence: the score of word t stands at y[:, t]."): (
            cut(weighted(lambda y, words, t: of_words(y, words, t - 1))),
            cut(weighted(lambda y, words, t: of_words(y, words, t + 1))),
            cut(weighted(lambda y, words, t: tf.gather(y[:, t - 1], words[:, t], axis=1, batch_dims=1))),
            cut(weighted(lambda y, words, t: tf.gather(y[:, t + 1], words[:, t], axis=1, batch_dims=1)))),
        say("That is the score of the word before: `before` is what was heard, `words` is what is said."):
            cut(weighted(lambda y, words, t: tf.gather(y[:, t], words[:, t - 1], axis=1, batch_dims=1))),
        say("That is the word with the highest score; asked is the word in `words`."):
            cut(weighted(lambda y, words, t: tf.reduce_max(y[:, t], axis=1))),
        say("Those are the scores of all words at place t together: take the one in `words`."):
            cut(weighted(lambda y, words, t: y[:, t])),
        say("Each sentence has its own word at place t; you took the first one's for all."):
            cut(weighted(lambda y, words, t: y[:, t, words[0, t]])),
        say("The gradient is multiplied place by place: that is HiResCAM. For Grad-CAM, average it over the places first."): (
            product, cut(product)),
        say("The gradients are averaged over the pictures too: average over height and width alone."):
            cut(weighted(of_words, axes=(0, 1, 2))),
    }))


def _speaking(shape, T, seed, vocabulary=8):
    """A small captioner from feature maps and the words before to scores; its weights are random."""
    kernel = keras.initializers.RandomNormal(stddev=1, seed=seed)
    A, before = keras.Input(shape), keras.Input((T,), dtype="int32")
    state = layers.Embedding(vocabulary, shape[-1], embeddings_initializer=kernel)(before)
    asked = layers.Multiply()([layers.Reshape((1, *shape))(A), layers.Reshape((T, 1, 1, shape[-1]))(state)])
    read = keras.ops.max(keras.ops.tanh(asked), axis=(2, 3))
    return keras.Model([A, before], layers.Dense(vocabulary, kernel_initializer=kernel)(read))
