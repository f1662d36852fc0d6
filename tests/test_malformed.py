"""Whatever is passed to the methods, the answer is a documented error or finite maps of the documented shape."""

import inspect
import traceback

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import layers as kl

import lecture_utils as lu
from lecture_utils.explain.methods import ATTENTION, METHODS

HEIGHT, WIDTH, CLASSES = 8, 7, 3


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((HEIGHT, WIDTH, 2)), kl.Conv2D(3, 3, activation="relu", name="first"),
                             kl.Conv2D(4, 3, activation="relu", name="last"), kl.GlobalAveragePooling2D(name="gap"),
                             kl.Dense(CLASSES, name="y")])


@pytest.fixture(scope="module")
def attending():
    keras.utils.set_random_seed(0)
    images = keras.Input((HEIGHT, WIDTH, 2))
    tokens = kl.Reshape((2, 3))(kl.Conv2D(3, 4, strides=4)(images))
    seen = kl.MultiHeadAttention(1, 2)(tokens, tokens)
    return keras.Model(images, kl.Dense(CLASSES)(kl.GlobalAveragePooling1D()(seen)))


anything = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.integers(-2**70, 2**70), st.floats(),
                     st.text(max_size=5), st.binary(max_size=3), st.complex_numbers(),
                     st.lists(st.integers(-3, 5), max_size=4), st.lists(st.floats(width=16), max_size=3),
                     st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
                     st.just(np.array(None)), st.just(object()))
dtypes = st.one_of(hnp.floating_dtypes(endianness="="), hnp.integer_dtypes(endianness="="), hnp.boolean_dtypes(),
                   hnp.complex_number_dtypes(), hnp.unicode_string_dtypes())
good_images = hnp.arrays(np.float32, st.tuples(st.integers(1, 3), st.just(HEIGHT), st.just(WIDTH), st.just(2)),
                         elements=st.floats(-1, 1, width=32))
images = st.one_of(good_images, hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=8)),
                   hnp.arrays(np.float64, (2, HEIGHT, WIDTH, 2), elements=st.floats()), anything)
classes = st.one_of(anything, st.integers(0, CLASSES - 1), hnp.arrays(
    np.int64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), elements=st.integers(-1, CLASSES)))
layers = st.one_of(st.sampled_from(["first", "last", "gap", "y", "", "first#2", "a/first"]), anything)


def outcome(call, *args, **options):
    """The result, or None after a documented error: ours, with a sentence."""
    try:
        return call(*args, **options)
    except (ValueError, TypeError) as error:
        frames = traceback.extract_tb(error.__traceback__)
        assert "lecture_utils" in frames[-1].filename, f"{type(error).__name__} from {frames[-1].filename}: {error}"
        assert len(str(error)) > 20, error
        return None


few = settings(max_examples=250, deadline=None, derandomize=True,
               suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


def test_the_methods_of_the_list_are_public():
    assert all(getattr(lu, method.function.__name__) is method.function for method in METHODS.values())
    assert all(("layer" in inspect.signature(method.function).parameters) == method.of_a_layer for method in METHODS.values())


@few
@given(st.sampled_from([*METHODS.values()]), images, layers, classes)
@example(METHODS["Grad-CAM"], np.zeros((1, HEIGHT, WIDTH, 2), np.float32), "first", np.array([], int))
def test_methods(model, attending, method, x, layer, class_index):
    maps = outcome(method.explain, attending if method.kind == ATTENTION else model, x, layer, class_index)
    if maps is not None:
        assert maps.dtype == np.float32 and np.isfinite(maps).all() and len(maps) == len(x)
        assert maps.ndim == (4 if method.of_pixels else 3)


@few
@given(images, st.one_of(anything, st.lists(layers, max_size=3)), classes, st.booleans())
def test_several_layers_and_classes(model, x, several, class_index, by_class):
    if by_class:
        maps = outcome(lu.grad_cam_classes, model, x, class_index)
        assert maps is None or (maps.ndim == 4 and len(maps) == len(x) and np.isfinite(maps).all())
    else:
        maps = outcome(lu.grad_cam_layers, model, x, several, class_index)
        assert maps is None or all(len(each) == len(x) and np.isfinite(each).all() for each in maps.values())


maps_ = st.one_of(anything, hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)),
                  hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=3, max_side=6),
                             elements=st.floats(width=32)))


@few
@given(maps_, anything, st.one_of(st.tuples(st.integers(-1, 9), st.integers(-1, 9)), anything))
def test_maps(m, threshold, size):
    normalized = outcome(lu.normalize, m)
    assert normalized is None or np.isfinite(normalized).all()
    enlarged = outcome(lu.upsample, m, size)
    assert enlarged is None or np.isfinite(enlarged).all()
    found = outcome(lu.boxes, m, threshold)
    assert found is None or found.shape[1:] == (4,)
    found = outcome(lu.boxes, m)
    assert found is None or found.shape[1:] == (4,)


@few
@given(images, maps_, anything)
def test_overlays(image, m, alpha):
    for arguments in [(image, m), (image, m, alpha)]:
        picture = outcome(lu.overlay, *arguments)
        assert picture is None or (picture.dtype == np.uint8 and picture.shape[-1] == 3)
