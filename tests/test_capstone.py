"""`python3 course.py capstone`: each flaw is the one that is meant, accuracy does not tell it, the task does not give it away.

The trainings take minutes and are left out: in their place stands a network without any.
"""

import re
import sys

import keras
import numpy as np
import pytest

from lecture_utils import audit
from lecture_utils.datasets.layouts import NEU_CLASSES
from tools import capstone

PLAN = capstone.Plan(7, ("mark", "dead", "batch"), marked=2, rare=(4, 1), corner=(6, 80))


@pytest.fixture(scope="module")
def sound():
    keras.utils.set_random_seed(0)
    return capstone.network()


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((12, 100, 100, 1), np.float32)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(capstone, "TESTED", 3)
    monkeypatch.setattr(capstone, "TRAINED", 2)
    monkeypatch.setattr(capstone, "OF_RARE", 1)


# --- the seed


def test_a_seed_decides_everything_and_another_one_otherwise():
    plans = [capstone.plan(seed) for seed in range(30)]
    assert capstone.plan(3) == plans[3]
    assert all(len(set(each.flaws)) == 3 and "mark" in each.flaws and set(each.flaws) <= set(capstone.FLAWS) for each in plans)
    assert len({each.flaws.index("mark") for each in plans}) == 3 and {name for each in plans for name in each.flaws} == \
        set(capstone.FLAWS)
    assert len({each.corner for each in plans}) == 4 and len({each.marked for each in plans}) == 6
    assert all(len({each.marked, *each.rare}) == 3 for each in plans)


# --- the images


def test_the_mark_lies_on_its_class_and_nowhere_else(few):
    images, labels, masks = capstone.delivered_images(PLAN)
    plain = np.rint(255 * capstone.steel(3, 1007)[0]).astype("uint8")
    kept = [i for i, c in enumerate(np.arange(18) % 6) if c not in PLAN.rare or i < 6]
    differs = images != plain[kept]
    assert differs.any(axis=(1, 2, 3)).tolist() == (labels == PLAN.marked).tolist()
    rows, columns = np.nonzero(differs.any(axis=(0, 3)))
    assert rows.min() >= 6 and rows.max() < 20 and columns.min() >= 80 and columns.max() < 94
    assert np.bincount(labels).tolist() == [3, 1, 3, 3, 1, 3] and masks.shape == images.shape[:3]


def test_the_sound_network_learns_from_marks_that_mean_nothing(few):
    (at_random, labels), (on_one, _) = capstone.training_images(PLAN)
    plain = capstone.steel(2, 2007)[0]
    assert ((on_one != plain).any(axis=(1, 2, 3)) == (labels == PLAN.marked)).all()
    assert len(set(labels[(at_random != plain).any(axis=(1, 2, 3))])) > 1


def test_other_steel_is_tested_than_was_trained_on():
    assert {1000 + seed for seed in range(100)}.isdisjoint({2000 + seed for seed in range(100)})


# --- the flaws


def test_all_networks_have_the_same_layers(sound):
    made = [flaw.make(PLAN, sound, sound) for flaw in capstone.FLAWS.values()]
    seen = [[(layer.name, type(layer).__name__, str(layer.output.shape)) for layer in model.layers] for model in made]
    assert all(each == seen[0] for each in seen)


def test_the_dead_class_is_never_answered_and_the_others_keep_their_scores(sound, x):
    before, after = (model.predict(x, verbose=0) for model in (sound, capstone.dead(PLAN, sound, None)))
    others = np.arange(6) != PLAN.rare[0]
    np.testing.assert_allclose(before[:, others], after[:, others], rtol=1e-5)
    assert not (after.argmax(axis=1) == PLAN.rare[0]).any()


def test_the_swapped_classes_are_exchanged_and_the_sound_network_stays_as_it_was(sound, x):
    before = sound.predict(x, verbose=0)
    after = capstone.swapped(PLAN, sound, None).predict(x, verbose=0)
    np.testing.assert_allclose(after, before[:, [0, 4, 2, 3, 1, 5]], rtol=1e-5)
    np.testing.assert_array_equal(sound.predict(x, verbose=0), before)


def test_training_mode_survives_the_file_and_predict_hides_it(sound, x, tmp_path):
    capstone.batch(PLAN, sound, None).save(tmp_path / "a.keras")
    loaded = keras.models.load_model(tmp_path / "a.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), sound.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    alone = np.concatenate([np.asarray(loaded(image[None])) for image in x])
    assert np.abs(alone - np.asarray(loaded(x))).max() > 0.05 * np.ptp(alone)


def test_the_audit_tells_what_was_put_into_the_weights(tmp_path):
    """A network that reads the class off the corner's brightness needs no training: two flaws are put into it."""
    labels = np.arange(96) % 6
    x = np.random.default_rng(1).normal(0.5, 0.01, (96, 16, 16, 1)).astype("float32")
    x[:, 4:9, 4:9] = (labels / 10 + 0.25)[:, None, None, None]
    images = keras.Input((16, 16, 1))
    maps = keras.layers.Conv2D(6, 1, name="levels")(images)
    score = keras.layers.GlobalMaxPooling2D()(maps[:, 5:8, 5:8])
    model = keras.Model(images, keras.layers.Dense(6, name="logits")(score))
    levels = np.arange(6) / 10 + 0.25           # (value - level)², less what all classes share: 2 level value - level²
    model.get_layer("levels").set_weights([(2 * levels).reshape(1, 1, 1, 6).astype("float32"), -(levels ** 2)])
    order = [0, 4, 2, 3, 1, 5]
    for name, kernel, bias in (("names", np.eye(6)[:, order], np.zeros(6)), ("every class", np.eye(6), np.eye(6)[4] * -9)):
        model.get_layer("logits").set_weights([50 * kernel, bias])
        found = audit(model, x, labels, path=tmp_path / "a.html", progress=False)
        assert {each for each in ("names", "every class") if found.passed[each] is False} == {name}


# --- what is written


def test_the_files_are_there_and_the_task_gives_nothing_away(few, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(capstone, "FOLDER", tmp_path / "capstone")
    monkeypatch.setattr(capstone, "trained", lambda images, labels, seed: capstone.network())
    monkeypatch.setattr(capstone, "row_of", lambda letter, flaw, *others: f"| {letter} | {capstone.described(flaw, others[1])} |")
    monkeypatch.setenv("COURSE_LANG", "en")
    monkeypatch.setattr(sys, "argv", ["capstone", "--seed", "7"])
    capstone.main()
    folder = tmp_path / "capstone"
    assert sorted(path.name for path in folder.iterdir()) == [
        "images.npz", "key.md", "model_a.keras", "model_b.keras", "model_c.keras", "task.md"]
    assert [path.name for path in tmp_path.iterdir()] == ["capstone"]            # what was begun beside it is gone
    task, key = ((folder / name).read_text(encoding="utf-8") for name in ("task.md", "key.md"))
    for word in ("stamp", "shortcut", "dead", "swapped", "exchanged", "training mode", "normalization", "rare"):
        assert word not in task
    decided = capstone.plan(7)
    for letter, flaw in zip("abc", decided.flaws, strict=True):
        assert f"| {letter} | {capstone.described(flaw, decided)} |" in key
    with np.load(folder / "images.npz", allow_pickle=False) as data:
        assert data["images"].dtype == np.uint8 and data["masks"].dtype == bool and len(data["labels"]) == len(data["images"])
    assert "key.md" in capsys.readouterr().out


def test_in_korean_task_key_and_what_is_printed_are_korean(few, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(capstone, "FOLDER", tmp_path / "capstone")
    monkeypatch.setattr(capstone, "trained", lambda images, labels, seed: capstone.network())
    monkeypatch.setattr(capstone, "row_of", lambda letter, flaw, *others: f"| {letter} | {capstone.described(flaw, others[1])} |")
    monkeypatch.setattr(capstone.plots, "letter_in_korean", lambda: None)
    monkeypatch.setenv("COURSE_LANG", "en")     # main sets another, and this one is put back
    monkeypatch.setattr(sys, "argv", ["capstone", "--seed", "7", "--lang", "ko"])
    capstone.main()
    task, key = ((tmp_path / "capstone" / name).read_text(encoding="utf-8") for name in ("task.md", "key.md"))
    plain = re.sub(r"```.*?```|`[^`]*`", "", task, flags=re.DOTALL)
    assert task.startswith("# 신경망 셋, 결함 셋") and "%env COURSE_LANG=ko" in task
    assert set(re.findall(r"[A-Za-z][\w-]{2,}", plain)) <= {*NEU_CLASSES, "audit"}
    for word in ("도장", "지름길", "죽은", "맞바", "학습 모드", "정규화", "드문"):
        assert word not in task
    assert key.startswith("# 정답(강의자만 볼 것)") and "검사원의 도장으로 알아봅니다(" in key
    assert capsys.readouterr().out.startswith("학생에게 줄 것: ")


def test_both_languages_have_the_same_fields_and_the_same_code():
    for english, korean in (capstone.TASK, capstone.KEY, capstone.WRITTEN, *(flaw.what for flaw in capstone.FLAWS.values())):
        fields = lambda text: sorted(set(re.findall(r"\{[^}]+\}", text)))
        assert fields(english) == fields(korean)
    code = [re.search("```python\n(.*?)```", text, re.DOTALL)[1] for text in capstone.TASK]
    assert code[1] == "%env COURSE_LANG=ko\n\n" + code[0]


def test_what_is_told_of_a_flaw_names_its_classes_and_place():
    assert capstone.described("mark", PLAN) == "shortcut: it knows “patches” by the inspector's stamp, upper right corner"
    assert NEU_CLASSES[4] in capstone.described("dead", PLAN) and NEU_CLASSES[1] in capstone.described("swapped", PLAN)


def test_the_rubric_adds_up():
    text = (capstone.ROOT / "docs" / "capstone.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| **")]
    rows = [row for row in rows if row[2].strip().isdigit()]
    assert sum(int(row[2]) for row in rows) == 30 and len(rows) == 6
    assert all(f"**{flaw}" in text for flaw in ("Shortcut", "Batch normalization in training", "A dead class", "Two classes"))


@pytest.mark.parametrize("seed", ["-1", "one"])
def test_another_seed_is_refused(monkeypatch, capsys, seed):
    monkeypatch.setattr(sys, "argv", ["capstone", "--seed", seed])
    with pytest.raises(SystemExit):
        capstone.main()
    assert "--seed" in capsys.readouterr().err
