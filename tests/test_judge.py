"""`python3 course.py judge`: who is trained on what and scored on what. The trainings take hours, and are left out."""
import json
import sys

import cv2
import keras
import numpy as np
import pytest

from lecture_utils import models
from lecture_utils.datasets.synthetic import draw_steel
from tools import judge, train

NUMBERS = 12        # of each class: six folds of two


@pytest.fixture
def steel(monkeypatch, tmp_path):
    """A small collection whose images hold their own index; weights are written into an empty folder."""
    n = 6 * NUMBERS
    images = np.broadcast_to(np.arange(n, dtype="float32")[:, None, None, None] / n, (n, 200, 200, 1))
    boxes = [np.array([[0, 0, 100, 200]])] * n
    found = train.Steel("local: here", images, np.arange(n) % 6, boxes, np.arange(n) * 6 // n)
    monkeypatch.setattr(train, "real_steel", lambda: found)
    monkeypatch.setattr(train, "BUILD", tmp_path / "build")
    monkeypatch.setattr(models, "WEIGHTS", tmp_path / "weights")
    return found


def test_no_fold_is_trained_on_what_it_is_scored_on(steel):
    for fold in range(train.FOLDS):
        left = steel.without(fold)
        held_out = set(range(len(steel.labels))) - set(np.rint(left.images[:, 0, 0, 0] * len(steel.labels)).astype(int))
        assert held_out == set(range(12 * fold, 12 * fold + 12))            # contiguous numbers, each class twice
        assert len(left.labels) == len(left.boxes) == len(left.fold) == 60 and fold not in left.fold
    assert steel.without(None).labels.tolist() == steel.labels.tolist()


def test_every_image_is_scored_once_by_a_network_that_has_not_seen_it(steel, monkeypatch, capsys):
    """The network of fold k always says class k and always points at the left half: a box of the first class only."""
    asked = []

    def recipe(held_out):
        """says k"""
        asked.append(held_out)
        model = models.neu_gap()
        kernel, _ = model.get_layer("logits").get_weights()
        model.get_layer("logits").set_weights([0 * kernel, np.eye(6)[held_out]])
        return model, "local"

    monkeypatch.setitem(train.RECIPES, "neu_gap", (recipe, None))
    monkeypatch.setattr(train, "hits_and_chance", lambda model, images, labels, boxes: (labels == 0, None))
    judge.judge("neu_gap")
    found = json.loads((models.WEIGHTS / "neu_gap.folds.json").read_text())
    assert found["right"] == [int(c == fold) for c, fold in zip(steel.labels, steel.fold, strict=True)]
    assert found["hit"] == [int(c == 0) for c in steel.labels]
    assert "| `neu_gap` | 16.7 [" in judge.report()
    judge.judge("neu_gap")                                                  # a second time nothing is trained
    assert asked == list(range(train.FOLDS))


def test_what_is_drawn_for_training_parts_the_defect_from_its_steel(steel, monkeypatch):
    """The photographs that are left; drawings; some defects on steel of another class; their steel, which says nothing."""
    monkeypatch.setattr(train, "DRAWN_PER_CLASS", 3)
    monkeypatch.setattr(train, "MOVED_PER_CLASS", 2)
    _, images, labels = train._real_and_drawn_steel(held_out=0)
    real, drawn, moved, bare = np.split(np.arange(len(images)), [60, 78, 88])
    assert len(bare) == 10 and np.allclose(labels.sum(axis=1), 1) and (labels[bare] == np.float32(1 / 6)).all()
    apart = np.flatnonzero(np.arange(12) % 6 != 3)                      # all but pitted surface
    assert (labels[drawn].argmax(axis=1) == np.arange(18) % 6).all() and (labels[moved].argmax(axis=1) == apart % 6).all()
    assert labels[:88].max(axis=1).min() == 1 and np.array_equal(labels[real], np.eye(6)[steel.without(0).labels])
    _, _, masks, _ = draw_steel(2, train.DRAWN_SEED)
    for i, (picture, mask) in enumerate(zip(images[moved][..., 0], masks[apart], strict=True)):
        far = cv2.dilate(mask.astype("uint8"), np.ones((41, 41))) == 0
        nearest = np.abs(images[bare][..., 0] - picture)[:, far].mean(axis=1) if far.sum() > 2000 else None
        assert nearest is None or (nearest.argmin() != i and nearest.min() < 0.02)     # beside the defect: another's steel
        darker = images[drawn][apart[i], ..., 0][mask].mean() < images[bare][i, ..., 0][mask].mean()
        assert darker == (apart[i] % 6 != 5)                                            # only scratches are brighter


def test_the_new_head_stands_on_the_convolutions_of_its_own_fold(steel):
    keras.utils.set_random_seed(0)
    train.write_weights(models.neu_gap(), train.weights_file("neu_gap", 3))
    with pytest.raises(models.DataError, match="neu_gap.2.npz are missing"):
        train.train_neu_dense(2)


def test_a_finished_training_leaves_no_epochs_to_go_on_from(steel):
    names = "neu_gap", "neu_gap_stage120", "neu_gap_stage120_fold3", "neu_gap_fold3", "neu_gap_plain"
    kept = [train.BUILD / name for name in names]
    for folder in kept:
        folder.mkdir(parents=True)
    train.forget("neu_gap", 3)
    assert [folder.exists() for folder in kept] == [True, True, False, False, True]
    train.forget("neu_gap")
    assert [folder.exists() for folder in kept] == [False, False, False, False, True]


def test_other_names_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["judge.py", "vgg16_compact"])
    with pytest.raises(SystemExit):
        judge.main()
    assert "there are neu_gap, neu_dense, neu_gap_plain" in capsys.readouterr().err


def test_drawn_steel_is_not_judged(monkeypatch, embedded_steel):
    monkeypatch.setattr(train, "load_neu", lambda: embedded_steel)
    with pytest.raises(SystemExit, match="needs the numbers 1 to 250"):
        train.real_steel()
