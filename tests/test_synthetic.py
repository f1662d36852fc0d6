"""Embedded data: formats, seeds, balance; digits centred as MNIST's; masks and boxes that fit what is seen."""

import cv2
import numpy as np
import pytest

from lecture_utils.datasets import synthetic
from lecture_utils.datasets.layouts import NEU_CLASSES
from lecture_utils.datasets.synthetic import STEEL_CLASSES, draw_digits, draw_steel

PER_CLASS = 8


@pytest.fixture(scope="module")
def digits():
    return draw_digits(500, seed=3)


@pytest.fixture(scope="module")
def steel():
    return draw_steel(PER_CLASS, seed=3)


def test_digits_format(digits):
    images, labels = digits
    assert images.shape == (500, 28, 28, 1) and images.dtype == np.float32
    assert labels.shape == (500,) and labels.dtype == np.int64
    assert images.min() == 0 and 0.99 < images.max() <= 1
    assert np.bincount(labels).tolist() == [50] * 10


def test_digits_are_centred_by_mass_and_fit_mnists_box(digits):
    images = digits[0][..., 0].astype(np.float64)
    rows, columns = np.mgrid[:28, :28]
    mass = images.sum((1, 2))
    assert np.abs((images * rows).sum((1, 2)) / mass - 13.5).max() <= 0.501
    assert np.abs((images * columns).sum((1, 2)) / mass - 13.5).max() <= 0.501
    for image in images > 0.5:
        height, width = np.ptp(np.flatnonzero(image.any(1))) + 1, np.ptp(np.flatnonzero(image.any(0))) + 1
        assert 17 <= max(height, width) <= 22, (height, width)


def test_digits_strokes_are_antialiased_and_as_bold_as_mnists(digits):
    """MNIST: 13 % of the pixels are above one half, 19 % are not black."""
    images = digits[0]
    assert 0.11 < (images > 0.5).mean() < 0.16
    assert 0.16 < (images > 0).mean() < 0.22
    grey = (images > 0.1) & (images < 0.9)
    assert grey.mean() > 0.04


def test_digits_depend_on_seed_and_index_alone(digits):
    images, labels = digits
    fewer, fewer_labels = draw_digits(37, seed=3)
    assert np.array_equal(fewer, images[:37]) and np.array_equal(fewer_labels, labels[:37])
    assert not np.array_equal(draw_digits(37, seed=4)[0], fewer)


def test_steel_format(steel):
    images, labels, masks, boxes = steel
    n = 6 * PER_CLASS
    assert images.shape == (n, 200, 200, 1) and images.dtype == np.float32
    assert labels.dtype == np.int64 and np.bincount(labels).tolist() == [PER_CLASS] * 6
    assert masks.shape == (n, 200, 200) and masks.dtype == bool
    assert len(boxes) == n and all(b.dtype == np.int64 and b.ndim == 2 and b.shape[1] == 4 for b in boxes)
    assert 0 <= images.min() and images.max() <= 1
    levels = images * 255
    assert np.abs(levels - np.rint(levels)).max() < 1e-4, "eight bits, like the originals"


def test_steel_depends_on_seed_and_index_alone(steel):
    fewer = draw_steel(2, seed=3)
    assert np.array_equal(fewer[0], steel[0][:12]) and np.array_equal(fewer[2], steel[2][:12])
    assert all(np.array_equal(a, b) for a, b in zip(fewer[3], steel[3][:12], strict=True))
    assert not np.array_equal(draw_steel(1, seed=4)[0], fewer[0][:6])


def test_classes_are_those_of_the_loader():
    assert STEEL_CLASSES == NEU_CLASSES


def test_no_two_images_are_equal(digits, steel):
    for images in digits[0], steel[0]:
        assert len({image.tobytes() for image in images}) == len(images)


def test_boxes_hold_the_whole_mask_and_touch_it_on_all_four_sides(steel):
    for mask, boxes in zip(steel[2], steel[3], strict=True):
        assert 1 <= len(boxes) <= 9
        covered = np.zeros_like(mask)
        for x0, y0, x1, y1 in boxes:
            assert 0 <= x0 < x1 <= 200 and 0 <= y0 < y1 <= 200
            covered[y0:y1, x0:x1] = True
            for side in (mask[y0:y1, x0], mask[y0:y1, x1 - 1], mask[y0, x0:x1], mask[y1 - 1, x0:x1]):
                assert side.any()
        assert not (mask & ~covered).any()


def test_each_connected_piece_of_a_defect_lies_in_one_box(steel):
    for mask, boxes in zip(steel[2], steel[3], strict=True):
        count, _, pieces, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        for x, y, width, height, _ in pieces[1:count]:
            assert any(x0 <= x and y0 <= y and x + width <= x1 and y + height <= y1 for x0, y0, x1, y1 in boxes)


def test_boxes_are_sorted_by_area(steel):
    for boxes in steel[3]:
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        assert (np.diff(area) <= 0).all()


@pytest.mark.parametrize("name", STEEL_CLASSES)
def test_defects_are_seen_against_the_steel_beside_them(steel, name):
    """Scratches are brighter than the steel around them, the other defects darker; never by less than a grey level."""
    images, labels, masks, _ = steel
    sign = 1 if name == "scratches" else -1
    these = labels == STEEL_CLASSES.index(name)
    for image, mask in zip(images[these, :, :, 0], masks[these], strict=True):
        beside = cv2.dilate(mask.astype(np.uint8), np.ones((15, 15))).astype(bool) & ~mask
        assert sign * (image[mask].mean() - image[beside].mean()) > 0.004
        assert 0.0005 < mask.mean() < 0.75


def test_without_defects_the_same_steel_is_left(steel):
    """Beside the defects hardly a pixel differs, on them every image does; and there is nothing to box."""
    images, labels, masks, _ = steel
    bare, bare_labels, no_masks, no_boxes = draw_steel(PER_CLASS, seed=3, defects=False)
    assert np.array_equal(labels, bare_labels) and not no_masks.any() and [len(boxes) for boxes in no_boxes] == [0] * len(labels)
    change = np.abs(images - bare)[..., 0]
    assert min(changed[mask].mean() for changed, mask in zip(change, masks, strict=True)) > 0.02
    assert max(np.median(changed[~mask]) for changed, mask in zip(change, masks, strict=True)) < 0.02


def test_classes_look_as_in_neu(steel):
    """Orders that hold between the medians of the real classes: brightness, grain, contrast."""
    images, labels = steel[0][..., 0], steel[1]
    grain = np.array([(image - cv2.GaussianBlur(image, (0, 0), 3)).std() for image in images])

    def median(values):
        return dict(zip(STEEL_CLASSES, (np.median(values[labels == k]) for k in range(6)), strict=True))

    brightness, roughness, contrast = median(images.mean((1, 2))), median(grain), median(images.std((1, 2)))
    assert max(brightness, key=brightness.get) == "pitted_surface"
    assert {"inclusion", "scratches"} == set(sorted(brightness, key=brightness.get)[:2])
    assert {"crazing", "patches"} == set(sorted(roughness, key=roughness.get)[-2:])
    assert max(contrast, key=contrast.get) == "patches" and min(contrast, key=contrast.get) == "inclusion"


def test_nothing_to_draw():
    images, labels = draw_digits(0)
    assert images.shape == (0, 28, 28, 1) and labels.shape == (0,)
    images, labels, masks, boxes = draw_steel(0)
    assert images.shape == (0, 200, 200, 1) and masks.shape == (0, 200, 200) and boxes == []


@pytest.mark.parametrize("wrong", [-1, 2.5, "3", True, None])
@pytest.mark.parametrize("draw", [draw_digits, draw_steel])
def test_a_wrong_count_or_seed_is_named(draw, wrong):
    with pytest.raises(ValueError, match="must be a whole number of at least 0"):
        draw(wrong)
    with pytest.raises(ValueError, match="seed must be a whole number"):
        draw(1, seed=wrong)


def test_a_mask_begins_where_a_crack_covers_half_of_a_pixel(monkeypatch):
    cover = np.zeros((200, 200), np.float32)
    cover[20:60, 20:60], cover[100:140, 100:140] = 0.55, 0.45
    monkeypatch.setattr(synthetic, "_cracks", lambda rng, field: cover)
    monkeypatch.setattr(synthetic, "_smudge", lambda rng, cover, start: None)
    _, _, mask = synthetic._crazing(np.random.default_rng(0))
    assert mask[20:60, 20:60].all() and mask.sum() == 40 * 40
