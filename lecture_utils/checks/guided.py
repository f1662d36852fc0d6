"""Checks of notebook 6: guided backpropagation and Guided Grad-CAM."""

import keras
import numpy as np
import tensorflow as tf

from ..explain.cam import upsample
from ..language import say
from . import judging
from .inputs import features, height_and_width, signed
from .judging import Verdict

layers = keras.layers


def check_guided_gate(function) -> Verdict:
    """Exercise: gate(x, R) of guided backprop: R passes where x > 0 and R > 0.

    >>> checks.check_guided_gate(lambda x, R: R * (x > 0))
    ✗ That is the true gradient of ReLU (saliency): ...
    """
    def inputs(rng):
        shape = *height_and_width(rng), *next(channels)
        x = signed(rng, *shape)
        x[rng.random(shape) < 0.1] = 0          # as behind an earlier ReLU
        return x, signed(rng, *shape)

    channels = iter([(), (), (4,), (2, 3)])     # arrays of any number of axes
    return judging.check_function(function, inputs, lambda x, R: R * (x > 0) * (R > 0), {
        say("That is the true gradient of ReLU (saliency): it looks at the forward input x only."): lambda x, R: R * (x > 0),
        say("That is the deconvnet's gate: it looks at the backward signal R only. Guided backprop asks both."):
            lambda x, R: np.maximum(R, 0),
        say("That lets the forward input through. The gate passes the backward signal R."): lambda x, R: x * (x > 0) * (R > 0),
        say("That is only the gate, ones and zeros: multiply it by R."): lambda x, R: (x > 0) & (R > 0),
        say("That passes R where x or R is positive; both have to be."): lambda x, R: R * ((x > 0) | (R > 0)),
        say("At x = 0 nothing passes: the gate asks for x > 0."): lambda x, R: R * (x >= 0) * (R > 0),
    })


def check_guided_relu(function) -> Verdict:
    """Exercise: relu(x) by tf.custom_gradient: max(x, 0) forward, and back R where x > 0 and R > 0.

    Tried on tensors of one to four axes.

    >>> checks.check_guided_relu(lambda x: 1 * x)
    ✗ On the way forward it has to be the ReLU itself, max(x, 0): only the way back changes.
    """
    nothing = judging.without_answer(function, [0], changed=False)
    if nothing is not None or judging.is_stub(function):
        return judging.not_attempted() if nothing is None else nothing
    rng = np.random.default_rng(0)
    cases = [_x_and_signal(rng, *shape) for shape in ((5,), (3, 4), (4, 3, 6), (3, 5, 4, 2))]
    for x, _ in cases:
        told = _fault_of_forward(function, tf.constant(x))
        if isinstance(told, Verdict):
            return told
        if told:
            return judging.refused(told)

    def back(x, R):
        x = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x, output_gradients=tf.constant(R))

    waiting = iter(cases)
    verdict = judging.check_function(judging.StandIn(function, back), lambda rng: next(waiting), _both_gates, {
        say("The way back is that of a plain ReLU, the true gradient: R passes where x > 0, whatever its sign. What `backward` "
            "returns counts."): lambda x, R: R * (x > 0),
        say("That is the deconvnet's gate: it looks at R only. Guided backprop asks both."): lambda x, R: R * (R > 0),
        say("`backward` returns the gate alone, ones and zeros: multiply it by R."): (
            lambda x, R: (x > 0) & (R > 0), lambda x, R: x > 0, lambda x, R: R > 0),
        say("Ones come back, whatever R is: `backward` hands R down, not a number of its own."): lambda x, R: np.ones_like(R),
        say("All of R comes back: there is no gate."): lambda x, R: R,
        say("`backward` lets x through; what it hands down is the signal R."): (
            lambda x, R: x * (x > 0) * (R > 0), lambda x, R: np.maximum(x, 0), lambda x, R: R * np.maximum(x, 0)),
        say("That passes R where x or R is positive; both have to be."): lambda x, R: R * ((x > 0) | (R > 0)),
        say("At x = 0 nothing passes: the gate asks for x > 0."): lambda x, R: R * (x >= 0) * (R > 0),
    })
    if "None" in verdict.message:
        return judging.refused(say("No signal comes back: `backward` has to end with `return`, and in TensorFlow's operations."))
    return verdict


def _x_and_signal(rng, *shape):
    """What enters a ReLU, some of it 0 as behind an earlier one, some beyond 6, and the signal from above."""
    x = 4 * signed(rng, *shape)
    x[rng.random(shape) < 0.1] = 0
    x.flat[0] = 0
    return x, np.abs(signed(rng, *shape)) if len(shape) == 1 else signed(rng, *shape)


def _both_gates(x, R):
    return R * (x > 0) * (R > 0)


def _fault_of_forward(function, x):
    """What to tell of a ReLU's way forward, or the `Verdict` where it stopped; None of a sound one."""
    y, _ = judging.outcome_of(function, (x,))
    if isinstance(y, Exception):
        if "unpack" in str(y):
            return say("Under @tf.custom_gradient a function returns two things: the ReLU of x, and the function `backward`.")
        return judging.refused(judging.stopped(function, [y], [(x,)]))
    if isinstance(y, tuple):
        return say("A pair came out, values and a function: the line @tf.custom_gradient above `def` makes one ReLU of them.")
    if y is None or y is ...:
        return say("Your function computes something but returns nothing (None): end it with `return` and the result.")
    if not np.array_equal(judging.as_numbers(y), np.maximum(x, 0)):
        return say("On the way forward it has to be the ReLU itself, max(x, 0): only the way back changes.")
    return None


def check_guided_backprop(function) -> Verdict:
    """Exercise: guided(model, images (n, H, W, channels), c): guided backpropagation of class c's score, of the same shape.

    model: a small network whose ReLUs are its layers' `activation`; it has to come out of it as it went in.

    >>> checks.check_guided_backprop(lambda model, images, c: images)
    ✗ The shape is right, the values are not. ...
    """
    nothing = judging.without_answer(function, [0], changed=False)
    if nothing is not None:
        return nothing
    cases, changed, copies = [], [], {}

    def inputs(rng):
        size, classes = height_and_width(rng, 6, 10), int(rng.integers(3, 6))
        cases.append((_network(rng, (*size, 3), next(trunks), classes), signed(rng, 2, *size, 3), int(rng.integers(classes))))
        copies[cases[-1][0]] = _copy(cases[-1][0])
        return cases[-1]

    def kept_whole(model, images, c):
        """What the function makes of the model, which is then put as it was."""
        gates, weights = {layer: layer.activation for layer in _with_activation(model)}, model.get_weights()
        try:
            return function(model, images, c)
        finally:
            changed.append(any(layer.activation is not gate for layer, gate in gates.items()))
            for layer, gate in gates.items():
                layer.activation = gate
            model.set_weights(weights)

    conv, relu = layers.Conv2D, {"activation": "relu"}
    trunks = iter([lambda: [conv(4, 3, **relu), conv(6, 3, **relu), layers.GlobalAveragePooling2D()],
                   lambda: [conv(5, 3, **relu), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(7, **relu)],
                   lambda: [conv(4, 3), conv(5, 3, padding="same", **relu), layers.Flatten(), layers.Dense(6, **relu)]])
    guided = lambda model, *case, **how: _pixels(model, copies[model], *case, **{"relu": _gated(_both_gates)} | how)
    verdict = judging.about_tapes(judging.check_function(judging.StandIn(function, kept_whole), inputs, guided, {
        say("That is the true gradient, saliency: no ReLU was replaced. Look for the layers whose `activation` is "
            "`keras.activations.relu`."): lambda *case: guided(*case, relu=tf.nn.relu),
        say("That is the deconvnet: its gate asks for R > 0 alone, guided backprop's for x > 0 as well."):
            lambda *case: guided(*case, relu=_gated(lambda x, R: R * (R > 0))),
        say("Only the ReLUs of the convolutions were replaced; a Dense layer may have one, too."):
            lambda *case: guided(*case, kinds=layers.Conv2D),
        say("Only the first ReLU was replaced; every one has the gate."): lambda *case: guided(*case, number=1),
        say("Every `activation` was replaced, those that are linear too: look whether it is `keras.activations.relu`."):
            lambda *case: guided(*case, replaced=(keras.activations.relu, keras.activations.linear)),
        say("That is the gradient of all scores together: the score of class c alone is `y[:, c]`."):
            lambda *case: guided(*case, score=lambda y, c: y),
        say("That is the picture of the predicted class; asked is class c."):
            lambda *case: guided(*case, score=lambda y, c: tf.reduce_max(y, axis=1)),
        say("That is the picture of the probability. Take the score before softmax."):
            lambda *case: guided(*case, score=lambda y, c: tf.nn.softmax(y)[:, c]),
        say("The colour channels are put together: the picture has the shape of the images."): (
            lambda *case: guided(*case).mean(-1), lambda *case: guided(*case).sum(-1),
            lambda *case: np.abs(guided(*case)).max(-1)),
        say("The signs are lost. Below the first ReLU there is one more convolution, and its kernels have both."): (
            lambda *case: np.abs(guided(*case)), lambda *case: np.maximum(guided(*case), 0)),
        say("The picture is multiplied by the image; what arrives at the pixels is the answer as it is."):
            lambda model, images, c: images * guided(model, images, c),
    }, trials=3))
    if verdict and any(changed):
        return judging.refused(say("The values are right, but the network that you were given keeps your guided ReLUs, so "
                                   "everybody who uses it after you gets guided gradients. Work on a copy: "
                                   "`keras.models.clone_model`."))
    if not verdict and cases and _differs_from_call_to_call(kept_whole, cases[0]):
        return judging.refused(say("Two calls give two pictures: a clone has new random weights. Copy the network's into it, by "
                                   "`set_weights` and `get_weights`."))
    return verdict


def _network(rng, shape, trunk, classes):
    """A network of a few layers for images of this shape, its weights random."""
    model = keras.Sequential([keras.Input(shape), *trunk(), layers.Dense(classes)])
    model.set_weights([signed(rng, *weight.shape) / 2 for weight in model.get_weights()])
    return model


def _with_activation(model):
    return [layer for layer in model.layers if hasattr(layer, "activation")]


def _gated(gate):
    """The ReLU with another way back: gate(x, R) of arrays."""
    @tf.custom_gradient
    def relu(x):
        return tf.nn.relu(x), lambda R: tf.constant(gate(x.numpy(), R.numpy()))
    return relu


def _copy(model):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def _pixels(model, copy, images, c, relu, score=lambda y, c: y[:, c], replaced=(keras.activations.relu,), kinds=layers.Layer,
            number=None):
    """The gradient of a score by the pixels, through the copy with its ReLUs (in layers of these kinds, the first few) `relu`."""
    gates = [layer for layer in _with_activation(model) if layer.activation in replaced and isinstance(layer, kinds)][:number]
    for layer, ours in zip(_with_activation(model), _with_activation(copy), strict=True):
        ours.activation = relu if layer in gates else layer.activation
    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        wanted = score(copy(images), c)
    return tape.gradient(wanted, images).numpy()


def _differs_from_call_to_call(function, case):
    first, second = (judging.as_numbers(judging.outcome_of(function, case)[0]) for _ in range(2))
    numbers = isinstance(first, np.ndarray) and np.isfinite(first).all()
    return numbers and first.shape == np.shape(second) and not np.allclose(first, second)


def check_guided_grad_cam(function) -> Verdict:
    """Exercise: fuse(L (h, w), guided (H, W, 3)) = upsampled L, place by place, times guided.

    >>> checks.check_guided_grad_cam(lambda L, guided: L * guided)
    ✗ The heat map has to be first enlarged to (H, W): `upsample`.
    """
    def inputs(rng):
        (h, w), size = next(sizes)
        return np.maximum(signed(rng, h, w), 0) + features(rng, h, w), signed(rng, *size, 3)

    sizes = iter([((3, 4), (9, 8)), ((5, 3), (10, 12)), ((2, 5), (8, 15)), ((4, 2), (12, 10))])
    large = lambda L, G: upsample(L, G.shape[:2])
    enlarge = lambda L, G: large(L, G)[..., None]
    blocks = lambda L, G: np.kron(L, np.ones((G.shape[0] // L.shape[0], G.shape[1] // L.shape[1])))
    stretch = lambda L: (L - L.min()) / np.ptp(L)
    return judging.check_function(function, inputs, lambda L, G: enlarge(L, G) * G, {
        say("The heat map has to be enlarged smoothly (bilinear): yours repeats each value as a block."):
            lambda L, G: blocks(L, G)[..., None] * G,
        say("(H, W) does not multiply (H, W, 3): give the enlarged map a third axis, `[..., None]`, so that it serves each "
            "colour channel."): lambda L, G: large(L, G) * G,
        say("The heat map has to be first enlarged to (H, W): `upsample`."): (lambda L, G: L * G, lambda L, G: L[..., None] * G),
        say("`upsample` of a batch returns a batch: take its only map, `[0]`."):
            (lambda L, G: large(L, G)[None] * G, lambda L, G: enlarge(L, G)[None] * G),
        say("Height and width are swapped: the size is (H, W), height first."):
            lambda L, G: upsample(L, G.shape[1::-1])[..., None] * G,
        say("The heat map is normalized first; the formula multiplies it as it is, at its own scale."): (
            lambda L, G: enlarge(L / L.max(), G) * G, lambda L, G: enlarge(L, G) / large(L, G).max() * G,
            lambda L, G: enlarge(stretch(L), G) * G, lambda L, G: stretch(large(L, G))[..., None] * G),
        say("Adding them shows wherever one of the two is large; the product keeps what both point at."):
            lambda L, G: enlarge(L, G) + G,
        say("The signs of guided backprop are lost; keep them."): lambda L, G: enlarge(L, G) * np.abs(G),
        say("Negative values of guided backprop are cut off; keep both signs."): lambda L, G: enlarge(L, G) * np.maximum(G, 0),
    })
