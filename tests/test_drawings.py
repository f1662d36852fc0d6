"""The drawings of ideas: what they show is computed as the package computes it."""
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Rectangle

from lecture_utils import drawings
from lecture_utils.localize import boxes, iou


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    plt.close("all")


def rectangles(axis):
    """The boxes x0, y0, x1, y1 that an axis shows, in pixels."""
    return [[patch.get_x() + 0.5, patch.get_y() + 0.5, patch.get_x() + 0.5 + patch.get_width(),
             patch.get_y() + 0.5 + patch.get_height()] for patch in axis.patches if isinstance(patch, Rectangle)]


def test_the_steps_from_a_map_to_its_box():
    L = np.zeros((9, 12))
    L[1:3, 1:3], L[4:8, 5:11], L[2, 8] = 0.5, 0.3, 1          # of three regions the largest is the least bright
    steps = drawings.box_steps(np.zeros((9, 12)), L, [[5, 4, 11, 9]], threshold=0.25)
    figure, axes = plt.subplots(1, 7)
    for axis, (_, draw) in zip(axes, steps, strict=True):
        draw(axis)
    marked, regions, largest = (np.asarray(axes[n].images[0].get_array()) for n in (2, 3, 4))
    assert np.array_equal(marked, L >= 0.25) and len(np.unique(regions)) == 4
    assert np.array_equal(largest, L == 0.3)
    assert rectangles(axes[5]) == boxes(L, 0.25)[:1].tolist() == [[5, 4, 11, 8]]
    assert "25 %" in steps[2][0] and steps[6][0].endswith(f"IoU {iou([[5, 4, 11, 8]], [[5, 4, 11, 9]])[0, 0]:.2f}")


def test_the_drawn_map_is_brightest_beside_its_largest_region():
    figure = drawings.map_to_box()
    largest = np.asarray(figure.axes[4].images[0].get_array())
    regions = np.asarray(figure.axes[3].images[0].get_array())
    assert len(np.unique(regions)) == 4 and largest.sum() > ((regions > 0) & (largest == 0)).sum()
    assert not largest[4, 15]


@pytest.mark.parametrize("colours", [(), (3,)])
def test_the_highest_pixels_are_erased(colours):
    image, L = np.full((10, 10, *colours), 0.8), np.arange(100.0).reshape(10, 10)
    figure = drawings.erased_pixels(image, L, 0 * image, shares=(0, 0.3, 1))
    gone = [np.asarray(axis.images[0].get_array())[..., 0] < 0.4 for axis in figure.axes[1:4]]
    assert [mask.sum() for mask in gone] == [0, 30, 100] and np.array_equal(gone[1], L >= 70)


def test_every_label_can_be_said_in_another_language():
    said = []
    say = lambda english, korean: said.append(korean) or korean
    figure = drawings.map_to_box(say)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["강판과\n전문가의 상자", "맵"]
    drawings.erased_pixels(np.zeros((4, 4)), np.eye(4), np.ones((4, 4)), say)
    assert "확신도" in said and all(said)
