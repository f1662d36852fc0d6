"""`python3 course.py evaluate`, on a few embedded images."""
import dataclasses
import re
import sys

import numpy as np
import pytest

from lecture_utils import centre_maps, grad_cam, load_model, random_maps
from lecture_utils.explain.methods import methods_for
from tools import evaluate, train

NUMBER = re.compile(r"(\d+(?:\.\d)?) \[(\d+(?:\.\d)?), (\d+(?:\.\d)?)\]")


@pytest.fixture(scope="module")
def few(embedded_steel):
    """The embedded steel with two test images of each class."""
    return first(embedded_steel, 12)


def first(data, n):
    return dataclasses.replace(data, **{name: getattr(data, name)[:n] for name in (
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
    few = first(few, 6)                             # one image of each class
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
    assert of_gap[0] == "by chance" and "CAM" in of_gap and of_dense == [name for name in of_gap if name != "CAM"]
    scored = {method.name for method in methods_for(load_model("neu_gap")) if method.scored} - {"Grad-CAM"}
    assert scored < set(of_gap) and "Grad-CAM, relu4" in of_gap and "counterfactual" not in of_gap


def test_a_map_equal_to_the_mask_would_score_all(few):
    maps = few.masks_test.astype(np.float32)
    assert evaluate.by_class(evaluate.energy_inside(maps, few.masks_test), few)[0] == "100.0 [100.0, 100.0]"


def test_data_without_boxes_cannot_be_scored(monkeypatch, few):
    with pytest.raises(SystemExit, match="Nothing to score: this data has no boxes"):
        call(monkeypatch, dataclasses.replace(few, boxes_test=None, box_labels_test=None))


def placed(map_, stride, offset):
    """One map (h, w) whose cell i looks at pixel stride · i + offset both ways, at 200×200 pixels: by numpy.interp."""
    centres = stride * np.arange(len(map_)) + offset
    for axis in (0, 1):
        map_ = np.apply_along_axis(lambda line: np.interp(np.arange(200), centres, line), axis, map_)
    return map_


@pytest.mark.parametrize("name, layer, stride, offset", [("Grad-CAM, relu4", None, 8, 4), ("Grad-CAM, relu3", "relu3", 8, 4),
                                                         ("Grad-CAM, relu2", "relu2", 4, 2), ("Grad-CAM, conv1", "conv1", 2, 1)])
def test_a_map_lies_where_the_cells_of_its_own_layer_look(few, name, layer, stride, offset):
    """SAME padding of even sizes goes to the end: with stride 2 the 5×5 convolution's cell 0 looks at pixel 1, not 0.5."""
    model, x = load_model("neu_gap"), few.x_test[:2]
    labels = few.y_test[:2] + [0, 1]                            # the second as another class than the one predicted
    expected = [placed(map_, stride, offset) for map_ in grad_cam(model, x, layer, class_index=labels)]
    np.testing.assert_allclose(evaluate.explanations(model, x, labels)[name](), expected, atol=1e-5 * np.max(expected))


def test_coarse_noise_is_as_coarse_and_lies_as_the_networks_own_maps(few):
    methods = evaluate.explanations(load_model("neu_dense"), few.x_test[:2], few.y_test[:2])
    for name, maps in (("random places", random_maps(2, (25, 25))), ("Gaussian in the centre", centre_maps(2, (25, 25)))):
        np.testing.assert_allclose(methods[name](), [placed(map_, 8, 4) for map_ in maps], atol=1e-5)
    assert methods["random pixels"]().shape == (2, 200, 200)


def test_the_recorded_peak_is_taken_where_the_cells_look(monkeypatch, few):
    """Cell (3, 5) of neu_gap looks at row 28, column 44; stretched evenly, its peak would begin at row 27, column 43."""
    maps = np.zeros((12, 25, 25), np.float32)
    maps[:, 3, 5] = 1
    monkeypatch.setattr(train, "cam", lambda model, images, labels: maps)
    boxes = [np.array([[44, 28, 45, 29]])] * 9 + [np.array([[40, 24, 44, 28]])] * 3
    data = dataclasses.replace(few, boxes_test=boxes, box_labels_test=[[label] for label in few.y_test])
    assert train.pointing(load_model("neu_gap"), data)["pointing"] == 0.75


def test_each_class_has_a_column_of_its_own(few):
    hits = few.y_test == 2
    assert evaluate.by_class(hits, few)[1:] == tuple("100 [100, 100]" if c == 2 else "0 [0, 0]" for c in range(6))


@pytest.mark.parametrize("source, more, told", [("local: here", 0, True), ("local: here", 1500, False), ("embedded", 0, False)])
def test_images_that_were_trained_on_are_named_so(monkeypatch, capsys, few, source, more, told):
    monkeypatch.setattr(evaluate, "report", lambda *_: None)
    call(monkeypatch, dataclasses.replace(few, source=source, x_train=np.zeros((240 + more, 1, 1, 1), "float32")))
    assert (evaluate.SEEN in capsys.readouterr().out) == told
