"""`python3 course.py realism`: what is compared with what. The trainings themselves take an hour, and are left out."""
import sys
import types

import numpy as np
import pytest

from lecture_utils import load_mnist
from lecture_utils.datasets import loaders
from tools import realism


class Recorded:
    """A network that says class 0 to everything, and remembers how many images it was shown."""

    def predict(self, images, **_):
        return np.repeat([[1.0, 0.0]], len(images), axis=0)


def test_without_real_data_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(loaders, "EMBEDDED_DIGITS", {"train": (10, 0), "test": (10, 1)})
    with pytest.raises(SystemExit, match="needs the real data.*COURSE_DATA"):
        realism.real(load_mnist("embedded"))


def test_drawn_images_to_train_on_to_test_on_and_to_teach_with_are_different_ones(monkeypatch):
    seeds = []
    data = types.SimpleNamespace(source="local")
    for name in ("load_mnist", "load_neu"):
        monkeypatch.setattr(realism, name, lambda: data)
    for name in ("draw_digits", "draw_steel"):
        monkeypatch.setattr(realism, name, lambda n, seed: seeds.append(seed))
    monkeypatch.setattr(realism, "measure", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["realism.py"])
    realism.main()
    assert len(seeds) == 4 and seeds[0] != seeds[1] and seeds[2] != seeds[3]
    taught = {seed for parts in (loaders.EMBEDDED_DIGITS, loaders.EMBEDDED_STEEL) for _, seed in parts.values()}
    assert not taught & set(seeds)


def test_each_network_is_scored_on_real_and_on_embedded_images(capsys):
    """Class 0 for everything: right for 3 of 4 real test images, and for 1 of 2 embedded ones."""
    real = types.SimpleNamespace(x_train=np.zeros((5, 1)), y_train=np.zeros(5, int), class_names=("a", "b"),
                                 x_test=np.zeros((4, 1)), y_test=np.array([0, 0, 0, 1]))
    trained = []
    realism.measure("things", real, (np.ones((7, 1)), np.ones(7, int)), (np.ones((2, 1)), np.array([0, 1])),
                    lambda images, labels: trained.append((len(images), labels[0])) or Recorded())
    assert trained == [(5, 0), (7, 1)]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in capsys.readouterr().out.split("\n") if line]
    assert rows[2:] == [[source, target, f"**{all_}**", "100.0%", "0.0%"] for source in ("real", "embedded")
                        for target, all_ in (("real", "75.0%"), ("embedded", "50.0%"))]


def test_steel_is_varied_image_by_image_and_stays_in_range():
    images = np.random.default_rng(0).random((4, 200, 200, 1), dtype=np.float32)
    varied = realism.vary_steel(images, np.random.default_rng(1))
    assert varied.shape == (4, realism.CROP, realism.CROP, 1) and varied.dtype == np.float32
    assert varied.min() >= 0 and varied.max() <= 1
    means = varied.mean(axis=(1, 2, 3))
    assert len(set(np.round(means, 4))) == 4        # the brightness of each changes by its own amount
