"""`python3 course.py evaluate`, on a few embedded images."""
import dataclasses
import re
import sys

import numpy as np
import pytest

import evaluate
from lecture_utils import load_model, load_neu

NUMBER = re.compile(r"(\d+(?:\.\d)?) \[(\d+(?:\.\d)?), (\d+(?:\.\d)?)\]")


@pytest.fixture(scope="module")
def few():
    """The embedded steel with two test images of each class."""
    data = load_neu("embedded")
    return dataclasses.replace(data, **{name: getattr(data, name)[:12] for name in (
        "x_test", "y_test", "boxes_test", "box_labels_test", "masks_test")})


def call(monkeypatch, data, *arguments):
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *arguments])
    monkeypatch.setattr(evaluate, "load_neu", lambda source: data)
    evaluate.main()


def tables(text):
    """Each table of a text in Markdown as a list of rows, the head first."""
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in block.strip().splitlines()]
            for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]


def test_it_prints_the_scores_of_both_networks(monkeypatch, capsys, few):
    monkeypatch.setattr(evaluate, "CURVE_STEPS", 2)
    call(monkeypatch, few, "--source", "embedded")
    out = capsys.readouterr().out
    right = np.mean(load_model("neu_gap").predict(few.x_test, verbose=0).argmax(1) == few.y_test)
    assert f"## neu_gap: {100 * right:.1f} [" in out and "## neu_dense: " in out
    found = tables(out)
    assert len(found) == 8                          # of each network: peak in boxes, in masks, agreement, curves
    for head, rule, *rows in found:
        assert all(len(row) == len(head) for row in (rule, *rows))
        for cell in (cell for row in rows for cell in row[1:]):
            mean, low, high = map(float, NUMBER.fullmatch(cell).groups())
            assert 0 <= low <= mean <= high <= 100
    of_gap, of_dense = ([row[0] for row in found[i][2:]] for i in (0, 4))
    assert of_gap[:2] == ["by chance", "CAM"] and of_dense == [name for name in of_gap if name != "CAM"]


def test_a_map_equal_to_the_mask_would_score_all(few):
    maps = few.masks_test.astype(np.float32)
    assert evaluate.by_class(evaluate.energy_inside(maps, few.masks_test), few)[0] == "100.0 [100.0, 100.0]"


def test_data_without_boxes_cannot_be_scored(monkeypatch, few):
    with pytest.raises(SystemExit, match="Nothing to score: this data has no boxes"):
        call(monkeypatch, dataclasses.replace(few, boxes_test=None, box_labels_test=None))
