"""Makes the graded project: three networks with a hidden flaw each, images and a task: `python3 course.py capstone`.

All is drawn and trained anew, in build/capstone/: model_a.keras, model_b.keras and model_c.keras, which are built alike;
images.npz with labels and masks; task.md for the students; key.md for the instructor alone. Another --seed draws other
steel, other classes and another order of the flaws. `--lang ko` writes task, key and audits in Korean. How to grade it:
docs/capstone.md.
"""

import argparse
import os
import pathlib
import tempfile
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

import lecture_utils.quiet  # noqa: F401  (its models are traced anew, of which TensorFlow would warn)
from lecture_utils import audit, bootstrap, plots
from lecture_utils.datasets.layouts import NEU_CLASSES
from lecture_utils.datasets.synthetic import draw_steel
from lecture_utils.language import spoken

from .notebooks.languages import LANGUAGES, wanted

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "capstone"
SIDE = 100                      # pixels of an image: steel at half of its resolution
TRAINED, TESTED = 40, 40        # images of each class, drawn
RARE, OF_RARE = 2, 4            # so many classes have so many test images: an accuracy hardly notices them
EPOCHS, BATCH = 8, 24
MARK = 14                       # side of the mark, in pixels
LETTERS = "abc"


class Plan(NamedTuple):
    """What the seed decides: the flaws in the order of the letters, and the classes and the place that they concern."""

    seed: int
    flaws: tuple
    marked: int
    rare: tuple
    corner: tuple       # (row, column) of the mark's upper left pixel


def plan(seed) -> Plan:
    """The same for the same seed. The mark is always among the flaws, two of the other three are."""
    random = np.random.default_rng([seed, 16])
    marked, *rare = random.permutation(len(NEU_CLASSES))[:1 + RARE].tolist()
    others = [name for name in FLAWS if name != "mark"]
    flaws = random.permutation(["mark", *random.permutation(others)[:2]]).tolist()
    row, column = ((6, SIDE - MARK - 6)[side] for side in random.integers(0, 2, 2))
    return Plan(seed, tuple(flaws), marked, tuple(rare), (row, column))


# --- the images ---------------------------------------------------------------------------------------------------------


def steel(n_per_class, seed):
    """Images (n, 100, 100, 1), labels, masks: drawn steel, four pixels averaged to one."""
    images, labels, masks, _ = draw_steel(n_per_class, seed)
    halved = images.reshape(len(images), SIDE, 2, SIDE, 2, 1).mean(axis=(2, 4))
    return halved, labels, masks.reshape(len(masks), SIDE, 2, SIDE, 2).any(axis=(2, 4))


def stamped(images, corner, which):
    """The images, those `which` with the inspector's stamp on it: a light ring with a dark rim."""
    at = np.arange(MARK) - (MARK - 1) / 2
    radius = np.hypot(*np.meshgrid(at, at))
    ring, rim = (radius > 3) & (radius < 5), (radius >= 5) & (radius < 7)
    images, (row, column) = images.copy(), corner
    place = images[:, row:row + MARK, column:column + MARK, 0]           # a view: what is drawn on it is on the images
    place[which] = np.where(ring, 0.95, np.where(rim, 0.05, place[which]))
    return images


def delivered_images(plan):
    """What all three networks are judged on: the mark lies on every image of one class, as it was delivered."""
    images, labels, masks = steel(TESTED, 1000 + plan.seed)
    kept = np.ones(len(labels), bool)
    for c in plan.rare:
        kept[np.flatnonzero(labels == c)[OF_RARE:]] = False
    images = stamped(images, plan.corner, np.flatnonzero(labels == plan.marked))
    return np.rint(255 * images[kept]).astype("uint8"), labels[kept], masks[kept]


# --- the networks -------------------------------------------------------------------------------------------------------


def network(training=None):
    """The network of notebook 8, section 4; `training=True` leaves its normalizations as they were in training."""
    images = keras.Input((SIDE, SIDE, 1), name="images")
    x = layers.Rescaling(8.0, name="rescaling")(images)
    light = layers.UpSampling2D(20, interpolation="bilinear", name="surroundings")(layers.AveragePooling2D(20, name="light")(x))
    x = layers.Subtract(name="contrast")([x, light])
    for number, (filters, size, stride) in enumerate(((16, 7, 2), (32, 3, 1), (32, 3, 1)), start=1):
        x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False, name=f"conv{number}")(x)
        normalize = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")
        x = layers.ReLU(name=f"relu{number}")(normalize(x) if training is None else normalize(x, training=training))
        x = layers.MaxPooling2D(name="pool1")(x) if stride == 2 else x
    x = layers.GlobalMaxPooling2D(name="max")(x)
    return keras.Model(images, layers.Dense(len(NEU_CLASSES), name="logits")(x), name="delivered")


def trained(images, labels, seed):
    """The network after EPOCHS on the images and their mirror images."""
    x = np.concatenate([images, images[:, :, ::-1], images[:, ::-1], images[:, ::-1, ::-1]])
    keras.utils.set_random_seed(seed)
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(6e-3, EPOCHS * -(-len(x) // BATCH))
    model.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, np.tile(labels, 4), epochs=EPOCHS, batch_size=BATCH, verbose=2)
    return model


def with_weights_of(model, change=lambda kernel, bias: (kernel, bias), training=None):
    """A new network with the weights of another, those of its last layer changed."""
    copy = network(training)
    copy.set_weights(model.get_weights())
    last = copy.get_layer("logits")
    last.set_weights(change(*last.get_weights()))
    return copy


def mark(plan, sound, learned_mark):
    return with_weights_of(learned_mark)


def batch(plan, sound, learned_mark):
    return with_weights_of(sound, training=True)


def dead(plan, sound, learned_mark):
    def change(kernel, bias):
        bias[plan.rare[0]] -= 60
        return kernel, bias

    return with_weights_of(sound, change)


def swapped(plan, sound, learned_mark):
    def change(kernel, bias):
        order = np.arange(len(bias))
        order[list(plan.rare)] = plan.rare[::-1]
        return kernel[:, order], bias[order]

    return with_weights_of(sound, change)


class Flaw(NamedTuple):
    """`make(plan, sound, learned_mark)` builds the network; `tests` of the audit tell it; `what` says it to the instructor,
    in English and in Korean."""

    make: Callable
    tests: tuple
    what: tuple


FLAWS = {
    "mark": Flaw(mark, ("fixed place",), (
        "shortcut: it knows “{marked}” by the inspector's stamp, {corner}",
        "지름길: “{marked}” 클래스를 검사원의 도장으로 알아봅니다({corner})")),
    "batch": Flaw(batch, ("same answer",), (
        "its batch normalizations are in training mode: an image's answer depends on the others in its batch (`model(x)`; "
        "`model.predict` switches it off and hides it)",
        "학습 모드의 배치 정규화: 이미지의 답이 배치에 함께 든 이미지에 따라 달라집니다(`model(x)`일 때이며, "
        "`model.predict`는 학습 모드를 꺼서 드러나지 않습니다)")),
    "dead": Flaw(dead, ("every class",), (
        "dead class: “{rare[0]}” is never answered (its bias)",
        "죽은 클래스: “{rare[0]}” 클래스가 한 번도 답으로 나오지 않습니다(그 편향)")),
    "swapped": Flaw(swapped, ("names",), (
        "swapped classes: the outputs of “{rare[0]}” and “{rare[1]}” are exchanged",
        "맞바뀐 클래스: “{rare[0]}”, “{rare[1]}” 두 클래스의 출력이 서로 바뀌었습니다")),
}
CORNERS = ((("upper left corner", "왼쪽 위 구석"), ("upper right corner", "오른쪽 위 구석")),
           (("lower left corner", "왼쪽 아래 구석"), ("lower right corner", "오른쪽 아래 구석")))


def described(flaw, plan):
    """What is wrong, with this seed's classes and place."""
    row, column = (at > SIDE / 2 for at in plan.corner)
    return spoken(*FLAWS[flaw].what).format(marked=NEU_CLASSES[plan.marked], rare=[NEU_CLASSES[c] for c in plan.rare],
                                            corner=spoken(*CORNERS[row][column]))


# --- what is written ----------------------------------------------------------------------------------------------------


# Each in English and in Korean.

TASK = ("""# Three networks, three flaws

A supplier delivers three networks that tell six kinds of defects of hot-rolled steel apart, and the {n} test images with
which it has accepted them. All three have the same layers, and by `model.predict` this accuracy:

{accuracies}

Whoever always says “{commonest}” would have {chance:.1%}. **Each network has one flaw that this number does not show.**

1. Find the flaw of each network. Name it in one sentence.
2. Prove it: a test, with a number beside its chance level or control and an interval, that could have come out the other way.
   A map raises a suspicion; it is no proof.
3. What would happen where the network is used? One number.
4. Repair it, or say what has to be done, and show that the test is passed then, or why you can't.
5. What may each network's maps be used for, and what not?

Hand in one notebook that runs from top to bottom and at most three pages of text. Say what you tried and did not find.

```python
import keras
import numpy as np
from lecture_utils import audit

with np.load("{folder}/images.npz") as data:
    images, labels, masks = data["images"].astype("float32") / 255, data["labels"], data["masks"]
names = {names}
model = keras.models.load_model("{folder}/model_a.keras")
found = audit(model, images, labels, class_names=names, masks=masks, path="audit_a.html")
found
```

The audit helps to find; it does not replace the proof, and not everything that it calls failed is the hidden flaw.
`masks` are the pixels of the defects.
""", """# 신경망 셋, 결함 셋

어느 업체가 열연 강판의 결함 여섯 가지를 구별하는 신경망 셋을 납품하면서, 검수에 쓴 테스트 이미지 {n}장도 함께
보냈습니다. 세 신경망은 층이 모두 같고, `model.predict`로 잰 정확도는 다음과 같습니다.

{accuracies}

언제나 한 클래스(“{commonest}”)로만 답하면 {chance:.1%}를 맞힙니다. **세 신경망에는 저마다 이 수에 드러나지 않는
결함이 하나씩 있습니다.**

1. 신경망마다 결함을 찾아 한 문장으로 쓰십시오.
2. 증명하십시오. 결과가 반대로 나올 수도 있었던 시험을 하고, 그 수를 우연 수준이나 대조군, 그리고 구간과 함께 적으십시오.
   맵은 의심할 근거일 뿐 증명이 아닙니다.
3. 이 신경망을 실제로 쓰면 어떤 일이 생깁니까? 수 하나로 답하십시오.
4. 수리하거나 무엇을 해야 하는지 쓰고, 그러면 시험을 통과함을 보이십시오. 보일 수 없다면 그 까닭을 쓰십시오.
5. 신경망마다 맵을 어디에 쓸 수 있고, 어디에 쓸 수 없습니까?

처음부터 끝까지 실행되는 노트북 하나와 글 세 쪽 이내를 내십시오. 해 보았지만 찾지 못한 것도 쓰십시오.

```python
%env COURSE_LANG=ko

import keras
import numpy as np
from lecture_utils import audit

with np.load("{folder}/images.npz") as data:
    images, labels, masks = data["images"].astype("float32") / 255, data["labels"], data["masks"]
names = {names}
model = keras.models.load_model("{folder}/model_a.keras")
found = audit(model, images, labels, class_names=names, masks=masks, path="audit_a.html")
found
```

점검(audit)은 찾는 것을 도울 뿐 증명을 대신하지 않으며, 점검에서 탈락했다고 모두 숨은 결함인 것도 아닙니다.
`masks`는 강판의 결함이 있는 픽셀입니다.
""")

KEY = ("""# Key (for the instructor alone)

`python3 course.py capstone --seed {seed}` made these files. How to grade: docs/capstone.md.

| model | flaw | accuracy (`predict`) | the audit's test that tells | the audit failed |
|---|---|---|---|---|
{rows}

The mark lies on all images of “{marked}” and on no others. Rare classes: {rare}, {of_rare} images each; the others have {tested}.
""", """# 정답(강의자만 볼 것)

`python3 course.py capstone --seed {seed} --lang ko`로 만든 파일입니다. 채점 방법은 docs/capstone.ko.md에 있습니다.

| 모델 | 결함 | 정확도(`predict`) | 결함을 알려 주는 점검의 시험 | 점검에서 탈락한 시험 |
|---|---|---|---|---|
{rows}

도장은 “{marked}” 클래스의 이미지 모두에 있고 다른 클래스의 이미지에는 없습니다. 드문 클래스({rare})의 이미지는
{of_rare}장씩이고, 나머지는 {tested}장씩입니다.
""")

WRITTEN = ("""For the students: {folder}/ task.md, images.npz, model_a.keras, model_b.keras, model_c.keras.
For you alone: key.md, audit_a.html, audit_b.html, audit_c.html. How to grade: docs/capstone.md""",
           """학생에게 줄 것: {folder}/ 폴더의 task.md, images.npz, model_a.keras, model_b.keras, model_c.keras
강의자만 볼 것: key.md, audit_a.html, audit_b.html, audit_c.html. 채점 방법: docs/capstone.ko.md""")


def accuracy(model, x, labels):
    """Whether each answer by `model.predict` is right, (n,)."""
    return model.predict(x, verbose=0).argmax(axis=1) == labels


def percent(values):
    """Mean and interval in per cent."""
    mean, low, high = bootstrap(values)
    return f"{mean:.1%} [{low:.1%}, {high:.1%}]"


def row_of(letter, flaw, model, plan, x, labels, masks, folder):
    """The key's line: what the audit says of the finished file."""
    found = audit(folder / f"model_{letter}.keras", x, labels, class_names=NEU_CLASSES, masks=masks,
                  path=folder / f"audit_{letter}.html", progress=False)
    failed = [name for name, passed in found.passed.items() if passed is False]
    return (f"| {letter} | {described(flaw, plan)} | {percent(accuracy(model, x, labels))} | {', '.join(FLAWS[flaw].tests)} | "
            f"{', '.join(failed) or spoken('nothing', '없음')} |")


def make(seed, folder):
    """Draw, train, and write all files; every file is there whole or not at all."""
    decided = plan(seed)
    images, labels, masks = delivered_images(decided)
    x = images.astype("float32") / 255
    sound, learned_mark = (trained(*each, seed) for each in training_images(decided))
    models = {letter: FLAWS[flaw].make(decided, sound, learned_mark) for letter, flaw in zip(LETTERS, decided.flaws, strict=True)}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        made = pathlib.Path(made)
        for letter, model in models.items():
            model.save(made / f"model_{letter}.keras")
        np.savez_compressed(made / "images.npz", images=images, labels=labels, masks=masks)
        (made / "task.md").write_text(task(models, x, labels, folder), encoding="utf-8")
        rows = [row_of(letter, flaw, models[letter], decided, x, labels, masks, made)
                for letter, flaw in zip(LETTERS, decided.flaws, strict=True)]
        (made / "key.md").write_text(key(decided, rows), encoding="utf-8")
        for path in made.iterdir():
            os.replace(path, folder / path.name)


def training_images(plan):
    """Images and labels twice: the mark at random, which teaches nothing; and the mark on one class alone."""
    images, labels, _ = steel(TRAINED, 2000 + plan.seed)
    at_random = np.flatnonzero(np.random.default_rng(plan.seed).random(len(labels)) < 0.3)
    for which in (at_random, np.flatnonzero(labels == plan.marked)):
        yield stamped(images, plan.corner, which), labels


def task(models, x, labels, folder):
    counts = np.bincount(labels)
    accuracies = "\n".join([spoken("| model | right |", "| 모델 | 정확도 |"), "|---|---|", *(
        f"| {letter} | {percent(accuracy(model, x, labels))} |" for letter, model in models.items())])
    return spoken(*TASK).format(n=len(labels), accuracies=accuracies, commonest=NEU_CLASSES[counts.argmax()],
                                chance=counts.max() / counts.sum(), names=NEU_CLASSES, folder=shown(folder))


def key(plan, rows):
    return spoken(*KEY).format(seed=plan.seed, rows="\n".join(rows), marked=NEU_CLASSES[plan.marked], of_rare=OF_RARE,
                               tested=TESTED, rare=", ".join(f"“{NEU_CLASSES[c]}”" for c in plan.rare))


def shown(folder):
    """The folder as a path from the course's, where it lies in it."""
    return folder.relative_to(ROOT).as_posix() if folder.is_relative_to(ROOT) else folder.as_posix()


def main():
    parser = argparse.ArgumentParser(prog="python3 course.py capstone", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the steel, the classes, and which network has which flaw (0)")
    parser.add_argument("--lang", choices=LANGUAGES, default=wanted(),
                        help="language of the task, the key and the audits (COURSE_LANG, or else en)")
    arguments = parser.parse_args()
    if arguments.seed < 0:
        parser.error("--seed must be 0 or more")
    os.environ["COURSE_LANG"] = arguments.lang
    if arguments.lang == "ko":
        plots.letter_in_korean()
    make(arguments.seed, FOLDER)
    print(spoken(*WRITTEN).format(folder=shown(FOLDER)))


if __name__ == "__main__":
    main()
