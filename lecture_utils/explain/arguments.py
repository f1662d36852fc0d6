"""What a caller passes to a method, checked: images, classes and the name of an output.

Each mistake is a ValueError or a TypeError that says what was expected and what came. What comes out of here is of the
model's own types and shapes: a list of arrays, one per input, and int32 classes, one or k per image.
"""

import numpy as np
import tensorflow as tf

from ..language import say
from . import surgery

# --- images -----------------------------------------------------------------------------------------------------------

def checked_inputs(network, images):
    """The images as a list of arrays, one per input of the model and in its order, after every check."""
    specs, names = network.input_specs, network.input_names
    if len(specs) == 1:
        return [_checked_array(images if not isinstance(images, dict) else
                               surgery.in_order(images, names, network.name)[0], specs[0])]
    parts = surgery.in_order(images, names, network.name)
    if len(parts) != len(specs):
        raise ValueError(say("model {model!r} has {n} inputs, {names}, got {got}", model=network.name, n=len(specs),
                             names=list(names), got=len(parts)))
    inputs = [_checked_array(part, spec) if len(spec.shape) == 4 else _checked_numbers(part, spec, name)
              for part, spec, name in zip(parts, specs, names, strict=True)]
    if len({len(each) for each in inputs}) > 1:
        rows = ", ".join(f"{name!r} {len(each)}" for name, each in zip(names, inputs, strict=True))
        raise ValueError(say("the inputs of model {model!r} must have a row per image each; got rows: {rows}", model=network.name,
                             rows=rows))
    return inputs


def _checked_array(images, spec):
    kind = f"{spec.dtype.name}" if spec.dtype.is_integer else "float"
    expected = say("images must be a {kind} array of shape {shape}", kind=kind, shape=_readable(spec.shape))
    if isinstance(images, (list, tuple, dict)):
        raise TypeError(say("{expected}; got a {kind}. Stack them: np.stack(images)", expected=expected,
                            kind=type(images).__name__))
    images = np.asarray(images)
    if spec.dtype.is_integer and not np.issubdtype(images.dtype, np.integer):
        raise TypeError(say("{expected}, the pixels themselves, which the model scales; got dtype {dtype}", expected=expected,
                            dtype=images.dtype))
    if not spec.dtype.is_integer and not np.issubdtype(images.dtype, np.floating):
        raise TypeError(say("{expected}, in the range that the model expects; got dtype {dtype}. If these are pixels of "
                            "0...255, divide by 255 or use the model's own preprocessing", expected=expected, dtype=images.dtype))
    if images.ndim == len(spec.shape) - 1:
        raise ValueError(say("{expected}; got shape {shape}. If it is a single image, add the batch axis: image[None]",
                             expected=expected, shape=images.shape))
    if not _fits(images, spec):
        raise ValueError(say("{expected}; got shape {shape}", expected=expected, shape=images.shape))
    if images.size == 0:
        raise ValueError(say("{expected} with at least one image; got shape {shape}", expected=expected, shape=images.shape))
    if spec.dtype.is_integer and (images.min() < spec.dtype.min or images.max() > spec.dtype.max):
        raise ValueError(say("{expected}, {least} to {most}; got values from {low} to {high}", expected=expected,
                             least=spec.dtype.min, most=spec.dtype.max, low=images.min(), high=images.max()))
    with np.errstate(over="ignore"):                            # a float64 beyond float32 becomes infinite
        images = images.astype(spec.dtype.as_numpy_dtype, copy=False)
    if not np.isfinite(images).all():
        raise ValueError(say("{expected} without NaN or infinity; it holds {n} such values", expected=expected,
                             n=np.count_nonzero(~np.isfinite(images))))
    return images


def _checked_numbers(part, spec, name):
    """An input that is no image. As in Keras, an axis of length 1 at its end may be left out, or be one too many."""
    expected = say("input {name!r} must be an array of {kind} of shape {shape}",
                   name=name, kind=spec.dtype.name, shape=_readable(spec.shape))
    part = np.asarray(part)
    if spec.dtype == tf.string:
        return part
    if part.dtype.kind not in "fiub":
        raise TypeError(say("{expected}; got dtype {dtype}", expected=expected, dtype=part.dtype))
    part = part.astype(spec.dtype.as_numpy_dtype, copy=False)
    if part.ndim == len(spec.shape) - 1 and spec.shape[-1] == 1:
        part = part[..., None]
    elif part.ndim == len(spec.shape) + 1 and part.shape[-1] == 1:
        part = part[..., 0]
    if not _fits(part, spec):
        raise ValueError(say("{expected}; got shape {shape}", expected=expected, shape=part.shape))
    if part.dtype.kind == "f" and not np.isfinite(part).all():
        raise ValueError(say("{expected} without NaN or infinity; it holds {n} of them", expected=expected,
                             n=np.count_nonzero(~np.isfinite(part))))
    return part


def _fits(array, spec):
    return array.ndim == len(spec.shape) and \
        all(size in (None, got) for size, got in zip(spec.shape[1:], array.shape[1:], strict=True))


def _readable(shape):
    names = ("n", "height", "width", "channels") if len(shape) == 4 else ("n", *["any"] * (len(shape) - 1))
    return "(" + ", ".join(name if size is None else str(size) for name, size in zip(names, shape, strict=True)) + ")"


# --- outputs and classes ----------------------------------------------------------------------------------------------

def output_slot(network, output):
    """The slot of the output called `output`; of the only one, if that is None."""
    if output is None and len(network.outputs) > 1:
        raise ValueError(say("model {model!r} has several outputs; choose one with output=, one of {names}", model=network.name,
                             names=list(network.output_names)))
    if output is not None and output not in network.output_names:
        raise ValueError(say("model {model!r} has no output {output!r}; it has {names}", model=network.name, output=output,
                             names=list(network.output_names)))
    return network.outputs[0 if output is None else network.output_names.index(output)]


def classes(network, output, class_index, n):
    """One class per image, int32 (n,); -1 stands for the predicted one."""
    count = count_classes(network, output)
    if class_index is None:
        return np.full(n, -1, np.int32)
    classes = _checked_classes(class_index, count)
    if classes.shape not in ((), (n,)):
        raise ValueError(say("class_index must be None, an int, or one int per image, shape ({n},); got shape {shape}", n=n,
                             shape=classes.shape))
    return np.broadcast_to(classes, (n,))


def class_lists(network, output, class_indices, n):
    """k classes per image, int32 (n, k), from k ints for all of them or from (n, k)."""
    count, classes = count_classes(network, output), np.asarray(class_indices)
    classes = _checked_classes(classes, count) if classes.size else classes
    if classes.ndim not in (1, 2) or classes.size == 0 or (classes.ndim == 2 and len(classes) != n):
        raise ValueError(say("class_indices must be a list of ints, the same for every image, or an array of shape ({n}, k); "
                             "got shape {shape}", n=n, shape=classes.shape))
    return np.broadcast_to(classes, (n, classes.shape[-1]))


def count_classes(network, output):
    """How many classes an output tells apart: its units, or two if there is one unit that says yes or no."""
    step = network.producer(output_slot(network, output))
    if step is None or len(step.shape) != 2:
        raise ValueError(say("the output of model {model!r} has shape {shape}, not (n, classes), so a class does not name one "
                             "number of it; pass score=, a function from the model's outputs to one number per image",
                             model=network.name, shape=getattr(step, "shape", None)))
    return max(2, step.shape[1])


def _checked_classes(classes, count):
    classes = np.asarray(classes)
    if not np.issubdtype(classes.dtype, np.integer):
        raise TypeError(say("a class index must be an integer from 0 to {last}; got {dtype} {classes!r}", last=count - 1,
                            dtype=classes.dtype, classes=classes))
    wrong = classes[(classes < 0) | (classes >= count)]
    if wrong.size:
        raise ValueError(say("a class index must lie between 0 and {last} (the model has {count} classes); got {wrong}",
                             last=count - 1, count=count, wrong=wrong.flat[0]))
    return classes.astype(np.int32)
