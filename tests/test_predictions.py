"""Predictions: asked with buttons or in writing, kept beside the notebook, answered by the result."""

import json

import ipywidgets as widgets
import pytest

from lecture_utils import predict, predictions

LAYERS = ["conv1", "conv2", "conv3"]


@pytest.fixture
def somebody(tmp_path, monkeypatch):
    """A person before the notebook, in a folder of its own; what is shown to them."""
    shown = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(predictions, "someone_is_there", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda bundle, **how: shown.append(bundle))
    return shown


def control(shown):
    """The buttons or the field of the last question."""
    model = shown[-1]["application/vnd.jupyter.widget-view+json"]["model_id"]
    box = widgets.Widget.widgets[model] if hasattr(widgets.Widget, "widgets") else widgets.widget.widget._instances[model]
    return next(each for each in box.children if isinstance(each, (widgets.RadioButtons, widgets.Text)))


@pytest.mark.parametrize("mine, result, told", [
    ("a", "conv1", "✓ You predicted: conv1. The result: conv1. Why."),
    ("conv3", "conv1", "✗ You predicted: conv3. The result: conv1. Why."),
    (None, "conv1", "· No prediction was made. The result: conv1. Why."),
])
def test_a_choice_is_answered(mine, result, told, capsys):
    prediction = predict("Which?", LAYERS, mine=mine)
    capsys.readouterr()
    prediction.compare(result, "Why.")
    assert capsys.readouterr().out == told + "\n"


@pytest.mark.parametrize("mine, right", [(100, True), ("100", True), (109, True), (92, True), (120, False), ("1,000", False)])
def test_a_number_is_right_within_a_tenth(mine, right, capsys):
    predict("How many?", mine=mine).compare(100)
    assert ("✓" in capsys.readouterr().out) == right


@pytest.mark.parametrize("choices, mine", [(LAYERS, "d"), (LAYERS, "conv4"), (None, "many")])
def test_what_answers_nothing_is_an_error_that_says_so(choices, mine):
    with pytest.raises(ValueError, match="letters a, b, c" if choices else "no number"):
        predict("Which?", choices, mine=mine)


def test_a_result_that_was_not_to_choose_from_is_an_error():
    with pytest.raises(ValueError, match="none of the choices"):
        predict("Which?", LAYERS).compare("conv4")


def test_executed_by_a_program_it_prints_the_question_and_reads_and_keeps_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    predictions.KEPT.write_text(json.dumps({"Which?": "conv3"}))
    assert predict("Which?", LAYERS).mine is None
    assert capsys.readouterr().out == "Predict: Which?\n  a) conv1\n  b) conv2\n  c) conv3\n"
    assert json.loads(predictions.KEPT.read_text()) == {"Which?": "conv3"}


def test_a_click_is_kept_and_there_again(somebody):
    first = predict("Which?", LAYERS)
    assert first.mine is None and control(somebody).value is None
    control(somebody).value = "conv2"
    assert first.mine == "conv2" and json.loads(predictions.KEPT.read_text()) == {"Which?": "conv2"}
    assert predict("Which?", LAYERS).mine == control(somebody).value == "conv2"
    assert predict("Which?", ["yes", "no"]).mine is None     # the question has other choices now


def test_a_number_is_typed(somebody):
    number = predict("How many?")
    control(somebody).value = "many"
    assert number.mine is None and not predictions.KEPT.exists()
    control(somebody).value = "18"
    assert number.mine == 18 and predict("How many?").mine == 18


def test_without_buttons_the_text_says_how_to_answer(somebody):
    predict("Which?", LAYERS)
    assert "b) conv2" in somebody[-1]["text/plain"] and 'mine="a"' in somebody[-1]["text/plain"]


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"Which?": ["conv1"]}', '{"Which?": null}'])
def test_a_broken_file_keeps_nobody_from_answering(content, somebody):
    predictions.KEPT.write_text(content)
    prediction = predict("Which?", LAYERS)
    assert prediction.mine is None
    control(somebody).value = "conv1"
    assert json.loads(predictions.KEPT.read_text())["Which?"] == prediction.mine == "conv1"


def test_where_nothing_can_be_written_the_answer_holds(somebody, monkeypatch):
    def full(path):
        raise OSError("No space left on device")

    monkeypatch.setattr(predictions, "whole", full)
    prediction = predict("Which?", LAYERS)
    control(somebody).value = "conv1"
    assert prediction.mine == "conv1"


def test_in_korean_it_asks_and_answers_in_korean(somebody, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_LANG", "ko")
    prediction = predict("몇 개입니까?")
    assert somebody[-1]["text/plain"].splitlines() == ["예측: 몇 개입니까?", "  예측한 수: mine=…",
                                                       "단추가 보이지 않으면 함수를 부를 때 mine=\"a\"처럼 보기나 수를 "
                                                       "넣으십시오."]
    control(somebody).value = "18"
    prediction.compare(18, "3·3·2입니다.")
    assert capsys.readouterr().out == "✓ 내 예측: 18. 결과: 18. 3·3·2입니다.\n"
    with pytest.raises(ValueError, match="^mine='d'는 보기에 없습니다. a, b, c 가운데 하나를 고르십시오$"):
        predict("어느 층입니까?", LAYERS, mine="d")
