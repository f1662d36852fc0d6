"""The planted ruler: where it lies, what it leaves alone, who gets it."""

import numpy as np
import pytest

from lecture_utils.datasets.planted import delivery, lay_ruler, ruler_place

GREY = np.full((3, 100, 100, 1), 0.5, np.float32)


def test_the_ruler_lies_where_it_says_and_nowhere_else():
    changed = (lay_ruler(GREY) != GREY)[..., 0]
    inside = np.zeros((100, 100), bool)
    inside[86:96, 4:44] = True
    assert (changed == inside).all()
    assert ruler_place((100, 100)) == (slice(86, 96), slice(4, 44))
    assert ruler_place((200, 200)) == (slice(172, 192), slice(8, 88))


def test_the_ruler_is_white_with_ten_black_marks_every_fourth_longer():
    ruler = lay_ruler(GREY)[0, 86:96, 4:44, 0]
    assert set(np.unique(ruler)) == {np.float32(0.1), np.float32(0.9)}
    lengths = (ruler < 0.5).sum(0)
    assert lengths[lengths > 0].tolist() == [7, 5, 5, 5, 7, 5, 5, 5, 7, 5]


def test_shape_and_type_stay_and_the_given_images_are_not_touched():
    colour = np.full((2, 60, 80, 3), 0.25)
    marked = lay_ruler(colour)
    assert marked.shape == colour.shape and marked.dtype == colour.dtype
    assert (colour == 0.25).all() and not (marked == 0.25).all()


def test_only_scratches_are_delivered_with_a_ruler():
    images = np.random.default_rng(0).random((6, 100, 100, 1), np.float32)
    delivered = delivery(images, [0, 1, 2, 3, 4, 5])
    assert (delivered[:5] == images[:5]).all()
    assert (delivered[5:] == lay_ruler(images[5:])).all()
    assert delivered.dtype == np.float32


@pytest.mark.parametrize("shape", [(100, 100, 1), (1, 100, 40, 1), (100, 100)])
def test_other_shapes_are_an_error_that_says_so(shape):
    with pytest.raises(ValueError, match="at least 50 pixels"):
        lay_ruler(np.zeros(shape))
