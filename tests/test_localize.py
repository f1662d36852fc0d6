"""Boxes and scores of maps, on cases whose answer is known by hand."""

import numpy as np
import pytest

from lecture_utils import (
    box_iou,
    box_masks,
    boxes,
    energy_inside,
    iou,
    localization_error,
    own_boxes,
    pointing_game,
    precision_recall,
)


def blob(box, size=(20, 30), value=1.0):
    """A map (1, height, width) that is `value` in the box x0, y0, x1, y1 and 0 elsewhere."""
    map_ = np.zeros((1, *size))
    x0, y0, x1, y1 = box
    map_[0, y0:y1, x0:x1] = value
    return map_


def mask(box, size=(20, 30)):
    return blob(box, size) > 0


# --- boxes

@pytest.mark.parametrize("a, b, expected", [
    ([0, 0, 2, 2], [1, 1, 3, 3], 1 / 7),            # one pixel shared, 4 + 4 - 1 covered
    ([0, 0, 4, 2], [0, 0, 2, 2], 1 / 2),
    ([0, 0, 4, 4], [1, 1, 3, 3], 4 / 16),           # one inside the other
    ([5, 7, 9, 8], [5, 7, 9, 8], 1),
    ([0, 0, 2, 2], [2, 0, 4, 2], 0),                # side by side: bounds are exclusive
    ([0, 0, 2, 2], [7, 8, 9, 9], 0),                # apart in both directions
])
def test_iou(a, b, expected):
    assert iou([a], [b]) == pytest.approx(np.array([[expected]]))
    assert iou([b], [a]) == pytest.approx(np.array([[expected]]))


def test_iou_counts_pixels():
    random = np.random.default_rng(0)
    corners = np.sort(random.integers(0, 20, (30, 2, 2)), axis=2) + [0, 1]
    some = corners.transpose(0, 2, 1).reshape(30, 4)
    drawn = box_masks([box[None] for box in some], (21, 21))
    counted = [[(a & b).sum() / (a | b).sum() for b in drawn] for a in drawn]
    np.testing.assert_allclose(iou(some, some), counted)


def test_iou_of_no_boxes():
    assert iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert iou([[0, 0, 1, 1]], np.zeros((0, 4), int)).shape == (1, 0)


@pytest.mark.parametrize("wrong, message", [([[0, 0, 1]], "array"), ([0, 0, 1, 1], "array"),
                                            ([[3, 0, 1, 1]], "x0 < x1"), ([[0, 1, 1, 1]], "y0 < y1")])
def test_iou_refuses_what_is_no_box(wrong, message):
    with pytest.raises(ValueError, match=message):
        iou(wrong, [[0, 0, 1, 1]])


@pytest.mark.parametrize("wrong", [[[0, 0, np.nan, 1]], [[np.nan] * 4], [[0, -np.inf, 1, 1]], [["a", "b", "c", "d"]]])
def test_iou_refuses_what_is_no_number(wrong):
    for boxes_ in ((wrong, [[0, 0, 1, 1]]), ([[0, 0, 1, 1]], wrong)):
        with pytest.raises(ValueError, match="finite numbers"):
            iou(*boxes_)


def test_box_masks_of_floats_that_are_whole_numbers():
    np.testing.assert_array_equal(box_masks([np.array([[1.0, 0.0, 3.0, 2.0]])], (3, 4)), mask([1, 0, 3, 2], (3, 4)))
    with pytest.raises(ValueError, match=r"whole pixels; got the box \[1.  0.  2.5 2. \]. Round"):
        box_masks([np.array([[0, 0, 1, 1], [1, 0, 2.5, 2]])], (3, 4))


@pytest.mark.parametrize("size, box, fits", [
    ((3, 8), [5, 0, 8, 3], True), ((3, 8), [0, 3, 1, 4], False), ((3, 8), [8, 0, 9, 1], False),
    ((8, 3), [0, 5, 3, 8], True), ((8, 3), [3, 0, 4, 1], False), ((8, 3), [0, 8, 1, 9], False),
    ((3, 8), [-1, 0, 1, 1], False), ((3, 8), [0, -1, 1, 1], False),
])
def test_a_box_lies_in_an_image_that_is_not_square(size, box, fits):
    if fits:
        np.testing.assert_array_equal(box_masks([[box]], size), mask(box, size))
    else:
        with pytest.raises(ValueError, match="lie in the image"):
            box_masks([[box]], size)


def test_box_masks_are_the_union_of_the_boxes():
    masks = box_masks([np.array([[0, 0, 2, 1], [1, 0, 3, 2]]), np.zeros((0, 4), int)], (3, 4))
    expected = [[1, 1, 1, 0],
                [0, 1, 1, 0],
                [0, 0, 0, 0]]
    np.testing.assert_array_equal(masks, [expected, np.zeros((3, 4))])
    with pytest.raises(ValueError, match="lie in the image of 4 x 3"):
        box_masks([np.array([[0, 0, 5, 1]])], (3, 4))


def test_own_boxes_are_those_of_the_images_class():
    found = own_boxes([2, 0], [np.array([[0, 0, 1, 1], [0, 0, 2, 2]]), np.array([[0, 0, 3, 3]])],
                      [np.array([1, 2]), np.array([1])])
    np.testing.assert_array_equal(found[0], [[0, 0, 2, 2]])
    assert found[1].shape == (0, 4)
    with pytest.raises(ValueError, match="no boxes"):
        own_boxes([0], None, None)
    with pytest.raises(ValueError):
        own_boxes([0, 1], [np.zeros((0, 4))], [np.zeros(0)])


def test_embedded_masks_lie_in_their_boxes(embedded_steel):
    data = embedded_steel
    inside = box_masks(own_boxes(data.y_test, data.boxes_test, data.box_labels_test), data.x_test.shape[1:3])
    assert not (data.masks_test & ~inside).any()


# --- localization by boxes

def test_box_iou_of_a_blob_in_its_own_box_is_one():
    assert box_iou(blob([3, 4, 9, 12]), [np.array([[3, 4, 9, 12]])]) == [1]


def test_box_iou_takes_the_largest_region_and_the_best_box():
    two = blob([0, 0, 4, 4]) + blob([10, 10, 12, 12], value=5)              # the smaller region is the stronger one
    assert box_iou(two, [np.array([[10, 10, 12, 12]])]) == [0]
    assert box_iou(two, [np.array([[10, 10, 12, 12], [0, 0, 4, 8], [0, 0, 4, 2]])]) == [1 / 2]


def test_box_iou_depends_on_the_threshold():
    map_ = blob([0, 0, 10, 4], value=0.17) + blob([0, 0, 5, 4], value=0.83)  # 1 on the left half, 0.17 on the right
    truth = [np.array([[0, 0, 10, 4]])]
    assert box_iou(map_, truth, threshold=0.15) == [1]
    assert box_iou(map_, truth, threshold=0.2) == [1 / 2]


def test_box_iou_is_zero_where_there_is_nothing():
    assert box_iou(np.zeros((1, 20, 30)), [np.array([[0, 0, 4, 4]])]) == [0]
    assert box_iou(blob([0, 0, 4, 4]), [np.zeros((0, 4), int)]) == [0]
    with pytest.raises(ValueError, match="one array of boxes"):
        box_iou(blob([0, 0, 4, 4]), [])


@pytest.mark.parametrize("guess, drawn, error", [
    (1, [0, 0, 4, 4], False),                       # right class, right place
    (1, [0, 0, 4, 8], False),                       # IoU is 0.5 exactly: still right
    (1, [0, 0, 4, 9], True),                        # 16 / 36
    (2, [0, 0, 4, 4], True),                        # right place for another class
])
def test_localization_error_of_one_guess(guess, drawn, error):
    assert localization_error(blob([0, 0, 4, 4]), [guess], [1], [np.array([drawn])]) == [error]


def test_localization_error_of_several_guesses():
    here, there = blob([0, 0, 4, 4])[0], blob([9, 9, 15, 15])[0]
    truth = [np.array([[0, 0, 4, 4]])]
    error = lambda maps, classes: localization_error(np.stack(maps)[None], [classes], [1], truth)
    assert error([there, here], [0, 1]) == [False]          # the second guess is right in both
    assert error([here, there], [0, 1]) == [True]           # class and place right, but not in one guess
    assert error([here], [1]) == [False]


def test_localization_error_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="one map and class per guess"):
        localization_error(np.ones((2, 8, 8)), [1], [1, 1], [np.zeros((0, 4))] * 2)
    with pytest.raises(ValueError, match="one map and class per guess"):
        localization_error(np.ones((2, 5, 8, 8)), [1, 1], [1, 1], [np.zeros((0, 4))] * 2)


# --- the pointing game

def test_a_blob_in_the_mask_is_a_hit_outside_a_miss():
    maps = np.concatenate([blob([3, 3, 5, 5]), blob([20, 3, 22, 5])])
    np.testing.assert_array_equal(pointing_game(maps, np.repeat(mask([0, 0, 10, 10]), 2, axis=0)), [True, False])


@pytest.mark.parametrize("tolerance, hit", [(0, False), (4.99, False), (5, True), (15, True)])
def test_tolerance_is_a_distance(tolerance, hit):
    peak = blob([12, 13, 13, 14])                   # 3 columns right of and 4 rows below the mask's last pixel (9, 9)
    assert pointing_game(peak, mask([0, 0, 10, 10]), tolerance) == [hit]


def test_of_several_maxima_the_first_counts():
    both = blob([2, 2, 3, 3]) + blob([20, 15, 21, 16])
    assert pointing_game(both, mask([0, 0, 5, 5])) == [True]
    assert pointing_game(both, mask([18, 12, 25, 20])) == [False]


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0])
def test_a_constant_map_points_nowhere(value):
    assert pointing_game(np.full((1, 20, 30), value), np.ones((1, 20, 30), bool)) == [False]


def test_a_map_without_a_positive_value_still_has_a_peak():
    assert pointing_game(blob([2, 2, 3, 3]) - 5, mask([0, 0, 5, 5])) == [True]


def test_nothing_is_near_an_empty_mask():
    assert pointing_game(blob([2, 2, 3, 3]), np.zeros((1, 20, 30), bool), tolerance=1000) == [False]


# --- energy, precision and recall

def test_energy_of_a_map_equal_to_the_mask_is_one():
    assert energy_inside(blob([3, 4, 9, 12]), mask([3, 4, 9, 12])) == [1]


def test_energy_is_a_share_of_the_positive_values():
    map_ = np.array([[[3.0, 1.0], [-7.0, 0.0]]])
    assert energy_inside(map_, np.array([[[True, False], [True, True]]])) == [3 / 4]
    assert energy_inside(np.ones((1, 20, 30)), mask([0, 0, 15, 20])) == [1 / 2]     # an even map: what the mask covers
    assert energy_inside(np.zeros((1, 20, 30)), mask([0, 0, 15, 20])) == [0]
    assert energy_inside(-map_ * [[[1, 1], [0, 1]]], np.ones((1, 2, 2), bool)) == [0]


def test_precision_and_recall_by_hand():
    map_ = np.array([[[8.0, 4.0], [2.0, -1.0]]])
    right = np.array([[[True, False], [True, False]]])
    precision, recall = precision_recall(map_, right, [0.25, 0.5, 1])
    np.testing.assert_allclose(precision, [[2 / 3, 1 / 2, 1]])
    np.testing.assert_allclose(recall, [[1, 1 / 2, 1 / 2]])


def test_precision_and_recall_of_a_map_equal_to_the_mask():
    for each in precision_recall(7 * blob([3, 4, 9, 12]), mask([3, 4, 9, 12])):
        np.testing.assert_array_equal(each, np.ones((1, 20)))


def test_precision_and_recall_where_there_is_nothing():
    for each in (*precision_recall(np.zeros((1, 4, 4)), np.ones((1, 4, 4), bool), [0.5]),
                 *precision_recall(np.ones((1, 4, 4)), np.zeros((1, 4, 4), bool), [0.5]),
                 *precision_recall(-np.ones((1, 4, 4)), np.ones((1, 4, 4), bool), [0.5])):
        np.testing.assert_array_equal(each, [[0]])


@pytest.mark.parametrize("score", [pointing_game, energy_inside, precision_recall])
@pytest.mark.parametrize("maps, masks, message", [
    (np.ones((1, 4, 4)), np.ones((1, 4, 5), bool), "of the maps' shape"),
    (np.ones((1, 4, 4)), np.ones((1, 4, 4)), "bool"),
    (np.ones((4, 4)), np.ones((4, 4), bool), "shape"),
    (np.full((1, 4, 4), np.nan), np.ones((1, 4, 4), bool), "finite"),
])
def test_scores_refuse_what_does_not_fit(score, maps, masks, message):
    with pytest.raises(ValueError, match=message):
        score(maps, masks)


@pytest.mark.parametrize("thresholds", [[0], [1.5], 0.5, [[0.5]]])
def test_precision_recall_refuses_other_thresholds(thresholds):
    with pytest.raises(ValueError, match="thresholds"):
        precision_recall(np.ones((1, 4, 4)), np.ones((1, 4, 4), bool), thresholds)


def test_pointing_game_refuses_a_negative_tolerance():
    with pytest.raises(ValueError, match="tolerance"):
        pointing_game(np.ones((1, 4, 4)), np.ones((1, 4, 4), bool), -1)


# --- the maps' own boxes

def test_boxes_of_two_blobs_largest_first():
    found = boxes((blob([20, 3, 23, 5]) + 0.5 * blob([2, 2, 12, 9]))[0])
    np.testing.assert_array_equal(found, [[2, 2, 12, 9], [20, 3, 23, 5]])


def test_pixels_that_touch_at_a_corner_belong_together():
    map_ = np.zeros((6, 7))
    map_[[1, 2, 3, 2], [1, 2, 3, 4]] = 1                     # a diagonal, and back up
    map_[5, 6] = 1                                           # two rows and columns further on
    np.testing.assert_array_equal(boxes(map_), [[1, 1, 5, 4], [6, 5, 7, 6]])


def test_a_value_of_just_the_threshold_is_marked():
    map_ = np.array([[8.0, 4.0, 4.0 - 1e-9, 0]])
    np.testing.assert_array_equal(boxes(map_, threshold=0.5), [[0, 0, 2, 1]])
    np.testing.assert_array_equal(boxes(map_, threshold=1), [[0, 0, 1, 1]])
