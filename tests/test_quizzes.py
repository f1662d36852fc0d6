"""The quizzes: one for each notebook, every choice with its reason; shown as folds, and in writing."""

import re
from pathlib import Path

import pytest

from lecture_utils import quiz
from lecture_utils.quizzes import QUESTIONS, Quiz

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))

SMALL = Quiz([{"asks": "Is α_k < A^k in `x_k`?", "choices": [{"text": "yes", "right": True, "because": "It is."},
                                                         {"text": "no", "right": False, "because": "It is not."}]}])


def test_each_notebook_has_one():
    assert [path.stem for path in sorted(QUESTIONS.glob("*.toml"))] == [path.name[:2] for path in NOTEBOOKS]


@pytest.mark.parametrize("path", sorted(QUESTIONS.glob("*.toml")), ids=lambda path: path.stem)
def test_three_questions_with_one_right_choice_each_and_a_reason_for_all(path):
    questions = quiz(int(path.stem)).questions
    assert len(questions) == 3
    for question in questions:
        choices = question["choices"]
        assert len(choices) >= 3 and [choice["right"] for choice in choices].count(True) == 1
        assert len({choice["because"] for choice in choices}) == len({choice["text"] for choice in choices}) == len(choices)
        assert all(set(choice) == {"text", "right", "because"} and len(choice["because"].split()) >= 5 for choice in choices)


def test_the_right_choice_is_not_always_at_the_same_place_nor_always_the_longest():
    """Over all quizzes: what a test-wise student would find without reading."""
    questions = [question["choices"] for path in QUESTIONS.glob("*.toml") for question in quiz(int(path.stem)).questions]
    places = [[choice["right"] for choice in choices].index(True) for choices in questions]
    longest = sum(max(choices, key=lambda choice: len(choice["text"]))["right"] for choices in questions)
    assert max(map(places.count, set(places))) <= 0.6 * len(places) and longest <= 0.6 * len(questions)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_asks_its_own(path):
    assert re.search(rf'"quiz\({int(path.name[:2])}\)"', path.read_text(encoding="utf-8"))


def test_a_choice_says_whether_and_why(capsys):
    SMALL.choose(1, "a")
    SMALL.choose(1, "b")
    assert capsys.readouterr().out == "✓ Right. It is.\n✗ No. It is not.\n"


@pytest.mark.parametrize("question, letter", [(0, "a"), (2, "a"), (1, "c"), (-1, "a"), (1, "")])
def test_a_choice_that_there_is_not_is_an_error(question, letter):
    with pytest.raises(ValueError, match="the questions are 1 to 1, the choices a to b"):
        SMALL.choose(question, letter)


def test_a_notebook_without_a_quiz_is_an_error():
    with pytest.raises(ValueError, match="notebook 99 has no quiz"):
        quiz(99)


def test_the_page_folds_the_answers_away():
    page = SMALL._repr_html_()
    assert page.count("<details") == page.count("</details>") == 2 and "<details open" not in page
    assert "α<sub>k</sub> &lt; A<sup>k</sup> in <code>x_k</code>" in page
    folds = re.findall(r"<summary>(.*?)</summary>\s*<p[^>]*>(.*?)</p>", page)
    assert folds == [("yes", "✓ Right. It is."), ("no", "✗ No. It is not.")]


def test_a_korean_particle_is_neither_raised_nor_lowered():
    page = Quiz([{"asks": "A^k가 α_k를 이깁니까?", "choices": []}])._repr_html_()
    assert "A<sup>k</sup>가 α<sub>k</sub>를 이깁니까?" in page


def test_in_writing_it_gives_nothing_away():
    assert repr(SMALL) == "1. Is α_k < A^k in `x_k`?\n   a) yes\n   b) no"
