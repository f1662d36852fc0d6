"""Where in the image the cells of a feature map look: each layer moves the grid of cells, and this follows it.

Along one axis, cell i of a feature map looks at pixel stride · i + offset of the model's input; the centre of the first
pixel is 0. A window of k cells that moves s cells at a time, after p cells of padding before the first one, gives

    stride' = s · stride                offset' = offset + ((k - 1) / 2 - p) · stride

and what other layers do is as easily said (`_RULES`). A map covers its image evenly only where stride = image / map and
offset = (stride - 1) / 2; only then does stretching it over the whole image put it where it belongs.
"""

import dataclasses
import math

import numpy as np
import tensorflow as tf
from keras import layers as kl

from ..language import say, spoken
from . import surgery


@dataclasses.dataclass(frozen=True)
class Cells:
    """The cells of one axis: cell i, of `count`, looks at pixel stride · i + offset. A count of None is open."""

    stride: float
    offset: float
    count: int | None

    def moved(self, stride, offset, count):
        """New cells of which number i lies where `stride` · i + `offset` lies among these."""
        return Cells(self.stride * stride, self.offset + self.stride * offset, count)


def cell_centres(model, layer=None, size=None, grid=None) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where in the image each cell of a feature map looks: the centre of all that it sees, were there no borders.

        cell (i, j) looks at    row stride · i + offset,    column stride · j + offset

    model, layer, grid: as for `grad_cam`. size: (height, width) of the images, needed only where the model leaves it open
    and pads by it.

    Returns ((stride, offset) of the rows, (stride, offset) of the columns), floats, in pixels of the model's input,
    whose first pixel has its centre at 0. `upsample` and `overlay` take it as `cells`.
    VGG16's last map has (16, 7.5), evenly over the image; ResNet50's (32, 0), which is half a cell up and left of that.
    Branches that join must have cells equally far apart. Where they look less than one of their cells past each other,
    as in Xception and NASNet, the middle of the outermost two counts. A token lies where its patch does, the cell of the
    feature map that it was made of, though after attention it has seen all others.

    Raises ValueError where places cannot be told: after a layer that mixes all of them, or is not known and does not
    look at one window a cell; for branches that contradict each other; and what `grad_cam` raises for model and layer.

    >>> cells = cell_centres(load_model("mnist_cnn"), "conv3")
    >>> cells
    ((4.0, 1.5), (4.0, 1.5))
    >>> heat = upsample(np.ones((7, 7)), (28, 28), cells)
    """
    if size is not None and np.shape(size) != (2,):
        raise ValueError(say("size must be (height, width) of the images, got {size}", size=size))
    network = surgery.unroll(model)
    return centres(network, surgery.find_feature_map(network, layer, grid), size)


def centres(network, step, size=None):
    """`cell_centres` for a step of a network."""
    if step.grid is not None:
        step = _patches(network, step)
    return _told(step, _grids(network.pruned(step.outputs[:1]), size))


def centres_or_none(network, step, size=None):
    """The same, or None, for a map that is to be stretched evenly, with a warning, where the places cannot be told."""
    try:
        return centres(network, step, size)
    except ValueError as error:
        return _evenly(step, error)


def _patches(network, step):
    patches = surgery.patches(network, step)
    if patches is None:
        raise ValueError(say("where the tokens of layer {layer!r} lie in the image is not known: no feature map before it has "
                             "their {rows} x {columns} places", layer=step.name, rows=step.grid[0], columns=step.grid[1]))
    return patches


def centres_by_resolution(network, resolution, size):
    """Where the cells look in feature maps of a resolution (h, w), if all of the network's look alike; None if it has none.

    None, too, with a warning, where the places cannot be told. Raises ValueError if the maps do not look alike.
    """
    grids = _grids(network, size)
    found = {_told_or_none(step, grids) for step in surgery.feature_maps(network)
             if _counts(grids[step.outputs[0]], step) == tuple(resolution)}
    if len(found) > 1:
        raise ValueError(say("the layers of {model!r} whose maps are {rows} x {columns} look at different places: enlarge the "
                             "maps first, upsample(maps, size, cell_centres(model, layer))", model=network.name,
                             rows=resolution[0], columns=resolution[1]))
    return found.pop() if found else None


def _told(step, grids):
    grid = grids[step.outputs[0]]
    if isinstance(grid, ValueError):
        raise grid
    if grid in (None, _UNFOLDED):
        raise ValueError(say("the cells of layer {layer!r} have no place in the image: a layer before it mixes them all",
                             layer=step.name))
    return tuple((float(cells.stride), float(cells.offset)) for cells in grid)


def _told_or_none(step, grids):
    try:
        return _told(step, grids)
    except ValueError as error:
        return _evenly(step, error)


def _evenly(step, error):
    surgery.warn(say("the map of {layer!r} is stretched evenly over the image: {error}", layer=step.name, error=error))


def _counts(grid, step):
    return tuple(cells.count for cells in grid) if isinstance(grid, tuple) else step.shape[1:3]


# --- from layer to layer -----------------------------------------------------------------------------------------
# What is known of a tensor is its grid, (rows, columns) as `Cells`; None where its numbers belong to no place; or the
# error to be raised if somebody asks for the places of this tensor.

_UNFOLDED = "unfolded"          # an input that is not laid out as an image yet, such as its pixels in one row


def _grids(network, size):
    """For every slot of the network, what is known of it."""
    grids = {slot: _of_input(spec, size) for slot, spec in zip(network.inputs, network.input_specs, strict=True)}
    for step in network.steps:
        read = {slot: grids[slot] for slot in step.reads}
        wrong = [grid for grid in read.values() if isinstance(grid, ValueError)]
        try:
            found = wrong[0] if wrong else _after(step, read, network)
        except ValueError as error:
            found = error
        grids.update(dict.fromkeys(step.outputs, found))
    return grids


def _of_input(spec, size):
    if len(spec.shape) != 4:
        return _UNFOLDED
    return tuple(Cells(1, 0, known or given) for known, given in zip(spec.shape[1:3], size or (None, None), strict=True))


def _after(step, read, network):
    """The grid of a step's output, from those of what it reads, a dict by slots."""
    grids = {slot: grid for slot, grid in read.items() if isinstance(grid, tuple)}
    if read and all(grid == _UNFOLDED for grid in read.values()):
        return _UNFOLDED if len(step.shape) != 4 else tuple(Cells(1, 0, count) for count in step.shape[1:3])
    if not grids or len(step.shape) != 4 or isinstance(step.layer, _GLOBAL):
        return None
    for kinds, rule in _RULES.items():
        if isinstance(step.layer, kinds):
            return rule(step, *grids.values())
    if not (isinstance(step.layer, _CELL_BY_CELL) or surgery.is_activation(step.layer)):
        grids = {slot: _measured(step, slot, grid, network) for slot, grid in grids.items()}
    return _joined(step, [grid for grid in grids.values() if grid is not None])


def _joined(step, grids):
    """One grid for branches that meet; a branch of 1×1, spread over all of another's places, has no say."""
    wide = [grid for grid in grids if any(cells.count != 1 for cells in grid)] or grids
    return tuple(_middle(step, axis) for axis in zip(*wide, strict=True)) if wide else None


def _middle(step, branches):
    stride, count = branches[0].stride, branches[0].count
    offsets = [cells.offset for cells in branches]
    if any(not math.isclose(cells.stride, stride) for cells in branches) or max(offsets) - min(offsets) >= stride:
        listed = spoken(" and ", ", ").join(dict.fromkeys(f"{cells.stride:g} i + {cells.offset:g}" for cells in branches))
        raise ValueError(say("the branches that join in layer {layer!r} ({kind}) look at different places: cell i at pixel "
                             "{listed}; its map has no one place in the image", layer=step.name, kind=type(step.layer).__name__,
                             listed=listed))
    return Cells(stride, (max(offsets) + min(offsets)) / 2, count)


# --- what single layers do ---------------------------------------------------------------------------------------

def _window(step, cells, kernel, stride, padding, dilation=1):
    """A window that slides over the cells: convolutions and poolings. SAME pads as TensorFlow does."""
    reach = (kernel - 1) * dilation + 1
    if padding == "valid":
        return cells.moved(stride, (reach - 1) / 2, cells.count and (cells.count - reach) // stride + 1)
    before, count = _same(step, cells.count, reach, stride)
    return cells.moved(stride, (reach - 1) / 2 - before, count)


def _same(step, count, reach, stride):
    """(cells of padding before the first, cells that come out): the smaller half of the padding goes first."""
    if count is None and stride > 1:
        raise ValueError(say("where the cells of layer {layer!r} look depends on the size of the images: its padding is 'same', "
                             "and the model leaves their size open. Pass size=(height, width)", layer=step.name))
    if count is None:
        return (reach - 1) // 2, None
    out = -(-count // stride)
    return max((out - 1) * stride + reach - count, 0) // 2, out


def _transposed(step, cells, kernel, stride, padding, dilation, out):
    """A transposed convolution is the way back of a convolution from `out` cells to these: its centres, solved for i."""
    reach = (kernel - 1) * dilation + 1
    before = 0 if padding == "valid" else max((cells.count - 1) * stride + reach - out, 0) // 2
    return cells.moved(1 / stride, (before - (reach - 1) / 2) / stride, out)


def _resized(cells, count):
    """The cells stretched to another number of them, their outer edges kept."""
    return cells.moved(cells.count / count, (cells.count / count - 1) / 2, count)


def _each_axis(rule):
    """A rule for a grid from one for an axis, which is given the layer and the axis' number, 0 or 1."""
    return lambda step, grid: tuple(rule(step, step.layer, cells, axis) for axis, cells in enumerate(grid))


@_each_axis
def _convolution(step, layer, cells, axis):
    return _window(step, cells, layer.kernel_size[axis], _pair(layer.strides)[axis], layer.padding,
                   _pair(layer.dilation_rate)[axis])


@_each_axis
def _pooling(step, layer, cells, axis):
    return _window(step, cells, layer.pool_size[axis], layer.strides[axis], layer.padding)


@_each_axis
def _transposed_convolution(step, layer, cells, axis):
    out = step.shape[1 + axis] or cells.count and layer.compute_output_shape((1, *[cells.count] * 2, 1))[1 + axis]
    if out is None:
        raise ValueError(say("where the cells of layer {layer!r} look depends on the size of the images, which the model leaves "
                             "open. Pass size=(height, width)", layer=step.name))
    return _transposed(step, cells, layer.kernel_size[axis], _pair(layer.strides)[axis], layer.padding,
                       _pair(layer.dilation_rate)[axis], out)


@_each_axis
def _padding(step, layer, cells, axis):
    before, after = layer.padding[axis]
    return cells.moved(1, -before, cells.count and cells.count + before + after)


@_each_axis
def _cropping(step, layer, cells, axis):
    before, after = layer.cropping[axis]
    return cells.moved(1, before, cells.count and cells.count - before - after)


@_each_axis
def _upsampling(step, layer, cells, axis):
    factor = layer.size[axis]
    return cells.moved(1 / factor, (1 / factor - 1) / 2, cells.count and cells.count * factor)


def _resizing(step, grid):
    """Resizing: first cut, or filled up, to the shape asked for, if the layer does that."""
    layer, target = step.layer, (step.layer.height, step.layer.width)
    counts = [cells.count for cells in grid]
    if None in counts:
        raise ValueError(say("where the cells of layer {layer!r} look depends on the size of the images, which the model leaves "
                             "open. Pass size=(height, width)", layer=step.name))
    if layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio:
        fitting = int(counts[1] * target[0] / target[1]), int(counts[0] * target[1] / target[0])
        grid = tuple(_cut(cells, min(cells.count, each)) if layer.crop_to_aspect_ratio else
                     _filled_up(cells, max(cells.count, each)) for cells, each in zip(grid, fitting, strict=True))
    return tuple(_resized(cells, count) for cells, count in zip(grid, target, strict=True))


def _cut(cells, count):
    return cells.moved(1, (cells.count - count) // 2, count)


def _filled_up(cells, count):
    before = (count - cells.count) // 2
    return cells.moved(1, -before, cells.count + 2 * before)


def _centre_crop(step, grid):
    target = step.layer.height, step.layer.width
    if any(cells.count is None or cells.count < count for cells, count in zip(grid, target, strict=True)):
        raise ValueError(say("where the cells of layer {layer!r} look cannot be told: it crops images that are not known to be "
                             "as large as {target}", layer=step.name, target=target))
    return tuple(_cut(cells, count) for cells, count in zip(grid, target, strict=True))


def _pair(value):
    return (value, value) if isinstance(value, int) else value


_RULES = {
    (kl.Conv2DTranspose,): _transposed_convolution,             # before the convolutions: it is one of their class
    (kl.Conv2D, kl.DepthwiseConv2D, kl.SeparableConv2D): _convolution,
    (kl.MaxPooling2D, kl.AveragePooling2D): _pooling,
    (kl.ZeroPadding2D,): _padding,
    (kl.Cropping2D,): _cropping,
    (kl.UpSampling2D,): _upsampling,
    (kl.Resizing,): _resizing,
    (kl.CenterCrop,): _centre_crop,
}
_GLOBAL = (kl.GlobalAveragePooling2D, kl.GlobalMaxPooling2D)
_CELL_BY_CELL = (
    kl.Activation, kl.ReLU, kl.LeakyReLU, kl.PReLU, kl.ELU, kl.Softmax, kl.BatchNormalization, kl.LayerNormalization,
    kl.GroupNormalization, kl.UnitNormalization, kl.Normalization, kl.Rescaling, kl.Identity, kl.Dropout,
    kl.SpatialDropout2D, kl.GaussianNoise, kl.GaussianDropout, kl.Add, kl.Subtract, kl.Multiply, kl.Average, kl.Maximum,
    kl.Minimum, kl.Concatenate, kl.Dense)


# --- layers that are not known -----------------------------------------------------------------------------------

def _measured(step, slot, grid, network):
    """The grid of a step's output as seen through `slot`, from how far the gradients of single cells reach.

    None if they reach everywhere. What looks through an evenly moving window is measured right; else an error.
    """
    unknown = ValueError(say("where the cells of layer {layer!r} ({kind}) look cannot be told: it is none of Keras' own layers "
                             "for images, and its cells do not look through windows equally far apart. Put a layer of Keras in "
                             "its place", layer=step.name, kind=type(step.layer).__name__))
    cells_of = dict(zip((1, 2), grid, strict=True))
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tensors = {read: surgery.random_tensor(network, read) for read in step.reads}
        if any(tensor is None for tensor in tensors.values()):
            raise unknown                                       # a layer's further output, of which no shape is known
        tape.watch(tensors[slot])
        alone = dataclasses.replace(network, steps=(step,), inputs=tuple(tensors))
        f = alone.run(tensors.values())[step.outputs[0]]
        asked = {axis: _middle_cells(f, axis) for axis in cells_of}
    found = []
    for axis, cells in cells_of.items():
        windows = [_reach(tape.gradient(f_i, tensors[slot]), axis, unknown) for f_i in asked[axis].values()]
        if tensors[slot].shape[axis] > 1 and all(map(np.array_equal, windows, [(0, tensors[slot].shape[axis] - 1)] * 3)):
            return None
        strides = set(np.diff([(low + high) / 2 for low, high in windows])) or {1.0}
        if len(strides) > 1 or len({high - low for low, high in windows}) > 1:
            raise unknown
        stride, first = strides.pop(), min(asked[axis])
        found.append(cells.moved(stride, sum(windows[0]) / 2 - stride * first, cells.count and f.shape[axis]))
    return tuple(found)


def _middle_cells(f, axis):
    """Up to three neighbouring cells in the middle of an axis: dict number -> sum over the channels."""
    middle, other = f.shape[axis] // 2, f.shape[3 - axis] // 2
    numbers = range(max(middle - 1, 0), min(middle + 2, f.shape[axis]))
    return {i: tf.reduce_sum(f[0, i, other] if axis == 1 else f[0, other, i]) for i in numbers}


def _reach(gradient, axis, unknown):
    """The first and the last place of an axis where a gradient is not zero."""
    if gradient is None or not np.any(gradient):
        raise unknown
    places, = np.nonzero(np.any(gradient, axis=(0, 3 - axis, 3)))
    return places[0], places[-1]
