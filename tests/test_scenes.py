"""Drawn scenes: what is said of a picture is what its pixels show. The oracle looks for each colour in the finished picture."""
import numpy as np
import pytest

from lecture_utils.datasets import scenes as S

RGB = np.array([[int(code[i:i + 2], 16) / 255 for i in (1, 3, 5)] for code in S.COLOURS.values()])


@pytest.fixture(scope="module")
def scenes():
    return S.draw_scenes(120, seed=3)


def pixels_of(image, colour):
    """Where a picture has a colour, in any brightness: the nearest of all by the angle between colours, the grey ground apart."""
    cosines = image @ (RGB / np.linalg.norm(RGB, axis=1, keepdims=True)).T
    return (cosines.argmax(axis=2) == colour) & (np.ptp(image, axis=2) > 0.2)


def test_a_longer_set_begins_with_the_shorter_one():
    short, long = S.draw_scenes(3, seed=1), S.draw_scenes(5, seed=1)
    for a, b in zip(short, long, strict=True):
        np.testing.assert_array_equal(a, b[:3])
    assert not np.array_equal(short.images, S.draw_scenes(3, seed=2).images)


def test_a_mask_is_where_its_colour_is(scenes):
    for i in range(40):
        for mask, colour in zip(scenes.masks[i], scenes.colours[i], strict=True):
            seen = pixels_of(scenes.images[i], colour)
            assert (seen & mask).sum() >= 0.75 * mask.sum() and (seen & ~mask).sum() <= 0.35 * mask.sum()  # borders are mixed


def test_a_mask_covers_what_geometry_says():
    for shape, area in {"circle": np.pi / 4, "square": 0.81, "triangle": 0.5, "cross": 0.51, "ring": 0.54, "bar": 0.35}.items():
        drawn = S.draw_scenes(40, seed=5, objects=1, shapes=[shape])
        columns = drawn.masks[:, 0].any(axis=1).sum(axis=1)
        side = columns / (0.9 if shape == "square" else 1)
        corners = 0.12 if shape == "triangle" else 0.07  # thinner than half a pixel, they are not part of the mask's box
        assert (drawn.masks[:, 0].sum(axis=(1, 2)) / side**2).mean() == pytest.approx(area, rel=corners), shape


def test_objects_do_not_touch_and_stay_inside(scenes):
    rim = np.ones((64, 64), bool)
    rim[2:-2, 2:-2] = False
    for many in (scenes, S.draw_scenes(30, objects=3, shapes=S.SHAPES)):
        wide = np.array([[np.logical_or.reduce([np.roll(mask, step, axis) for axis in (0, 1) for step in (-1, 0, 1)])
                          for mask in masks] for masks in many.masks])
        assert (wide.sum(axis=1) <= 1).all() and not (many.masks & rim).any()
        assert all(len(set(colours)) == len(colours) for colours in many.colours.tolist())


def test_answers_are_what_the_picture_shows(scenes):
    asked = S.questions(scenes)
    assert len(asked.answer) == 120 * 2 * 3
    for picture, kind, colour, answer in zip(asked.picture, asked.kind, asked.colour, asked.answer, strict=True):
        y, x = np.argwhere(pixels_of(scenes.images[picture], colour)).mean(axis=0)
        said = S.ANSWERS[answer]
        if kind == 1:
            assert said == ("left" if x < 31.5 else "right")
        elif kind == 2:
            assert said == ("up" if y < 31.5 else "down")
        else:  # which shape: by how much of its box it fills
            seen = np.argwhere(scenes.masks[picture][list(scenes.colours[picture]).index(colour)])
            fills = len(seen) / np.prod(np.ptp(seen, axis=0) + 1)
            assert said == ("triangle" if fills < 0.66 else "circle" if fills < 0.9 else "square")


def test_answers_are_balanced(scenes):
    asked = S.questions(S.draw_scenes(600, seed=8))
    for kind, answers in enumerate(((0, 1, 2), (3, 4), (5, 6))):
        shares = np.array([(asked.answer[asked.kind == kind] == answer).mean() for answer in answers])
        assert shares.sum() == 1 and (abs(shares - 1 / len(answers)) < 0.06).all()


def test_captions_are_true_and_changed_ones_are_not(scenes):
    sentences, first = S.captions(scenes)
    opposite = {"left": "right", "right": "left", "above": "below", "below": "above"}
    for i, sentence in enumerate(sentences):
        words = sentence.split()
        y, x = np.argwhere(pixels_of(scenes.images[i], list(S.COLOURS).index(words[1]))).mean(axis=0)
        other_y, other_x = np.argwhere(pixels_of(scenes.images[i], list(S.COLOURS).index(words[-2]))).mean(axis=0)
        assert {"left": x < other_x, "right": x > other_x, "above": y < other_y, "below": y > other_y}[words[3]]
        assert list(S.COLOURS)[scenes.colours[i, first[i]]] == words[1] and S.is_true(sentence, scenes, i)
        assert not S.is_true(sentence.replace(words[3], opposite[words[3]]), scenes, i)
        other = next(name for name in S.COLOURS if name not in words)
        assert not S.is_true(sentence.replace(words[1], other), scenes, i)
        assert not S.is_true(" ".join(words[:4]), scenes, i) and not S.is_true("", scenes, i)
    assert 0.3 < first.mean() < 0.7


def test_words_and_numbers_go_back_and_forth(scenes):
    sentences, _ = S.captions(scenes)
    numbers = S.encode(sentences)
    assert numbers.shape == (120, S.CAPTION_LENGTH) and (numbers[:, -1] == 0).all()
    assert S.decode(numbers) == sentences
    assert S.encode(["a red circle above a blue square"]).tolist() == [[1, 2, 8, 13, 1, 5, 9, 0, 0]]


@pytest.mark.parametrize("arguments, told", [
    ({"n": -1}, "n must be a whole number"), ({"n": 2.0}, "n must be"), ({"n": 1, "seed": True}, "seed must be"),
    ({"n": 1, "objects": 5}, "at most 4; got 5"), ({"n": 1, "shapes": ["star"]}, "circle, square"),
    ({"n": 1, "shapes": []}, "shapes")])
def test_what_cannot_be_drawn_is_said(arguments, told):
    with pytest.raises(ValueError, match=told):
        S.draw_scenes(**arguments)


def test_no_scenes_have_the_same_shapes():
    assert [part.shape for part in S.draw_scenes(0)] == [(0, *part.shape[1:]) for part in S.draw_scenes(1)]


def test_the_three_parts_share_no_picture():
    parts = [{image.tobytes() for image in S.draw_scenes(60, seed).images} for seed in S.SEEDS.values()]
    assert list(S.SEEDS) == ["training", "validation", "test"] and len(set.union(*parts)) == 3 * 60


def test_before_each_word_stands_the_last_one():
    assert S.before([[5, 6, 7], [1, 2, 0]]).tolist() == [[0, 5, 6], [0, 1, 2]]


def test_both_objects_are_named_whatever_the_relation(scenes):
    sentences, _ = S.captions(scenes)
    for i, sentence in enumerate(sentences):
        words = sentence.split()
        for relation in S.RELATIONS:
            assert S.names_both(" ".join([*words[:3], relation, *words[-3:]]), scenes, i)
        assert not S.names_both(" ".join([*words[:3], "above", *words[:3]]), scenes, i)
        other = {"circle": "square", "square": "triangle", "triangle": "circle"}[words[2]]
        assert not S.names_both(" ".join([*words[:2], other, *words[3:]]), scenes, i)


def test_words_name_the_object_of_their_colour(scenes):
    sentences, first = S.captions(scenes)
    about = S.named_object(S.encode(sentences), scenes)
    for i, sentence in enumerate(sentences):
        words = sentence.split()
        expected = [-1] * S.CAPTION_LENGTH
        expected[1] = expected[2] = first[i]
        expected[len(words) - 2] = expected[len(words) - 1] = 1 - first[i]
        assert about[i].tolist() == expected
    absent = next(name for name in S.COLOURS if list(S.COLOURS).index(name) not in scenes.colours[0])
    assert (S.named_object(S.encode([f"a {absent} circle"]), scenes._replace(colours=scenes.colours[:1])) == -1).all()


def test_the_kinds_of_questions_are_in_the_reader_s_language(monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "ko")
    assert S.KINDS == ("모양", "좌우", "상하") and S.KINDS.index("up or down") == 2
    monkeypatch.setenv("COURSE_LANG", "en")
    assert S.KINDS == S.KINDS_IN_ENGLISH
