"""The package speaks the reader's language: every text has its translation, and the catalogue nothing besides."""
import ast
import os
import re
import string
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from lecture_utils import language
from lecture_utils.language import say, spoken, with_particles, worded
from tools.notebooks import fonts, glossary

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ["course.py", *(f"tools/{name}.py" for name in (      # what students and instructors run, and what it imports
    "data", "doctor", "explore", "instructor", "lab", "run", "update", "notebooks/execute", "notebooks/output_folder"))]
MODULES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
           for path in [*sorted((ROOT / "lecture_utils").rglob("*.py")), *map(ROOT.joinpath, COMMANDS)]}
QUESTIONS = sorted((ROOT / "lecture_utils" / "questions").glob("*.toml"))
FILES = {path.name: tomllib.loads(path.read_text(encoding="utf-8"))["text"]
         for path in sorted((ROOT / "lecture_utils" / "language" / "ko").glob("*.toml"))}
ENTRIES = [entry for entries in FILES.values() for entry in entries]
HANGUL = re.compile("[가-힣]")


# ---- how texts are told


@pytest.fixture
def in_korean(monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "ko")


@pytest.fixture
def small_catalogue(monkeypatch, in_korean):
    texts = {"{n} images": "이미지 {n}장", "a {set}": "집합 {{{set}}}", "a {literal} brace": "중괄호 {literal}",
             "no {name}": "{name}[이/가] 없습니다"}
    monkeypatch.setattr(language, "catalogue", lambda code: texts if code == "ko" else {})


def test_a_text_is_told_in_the_reader_s_language(small_catalogue, monkeypatch):
    assert say("{n} images", n=3) == "이미지 3장" and say("no {name}", name="conv3") == "conv3이 없습니다"
    monkeypatch.setenv("COURSE_LANG", "en")
    assert say("{n} images", n=3) == "3 images"
    monkeypatch.delenv("COURSE_LANG")
    assert say("{n} images", n=3) == "3 images"


def test_braces_are_fields_only_where_there_are_values(small_catalogue):
    assert say("a {literal} brace") == "중괄호 {literal}" and say("a {set}", set=1) == "집합 {1}"
    assert say("not there {either}") == "not there {either}" and say("not there {either}", either=1) == "not there 1"


def test_a_text_without_translation_comes_back_in_english(in_korean):
    assert say("Nobody has translated {what}.", what="this [을/를]") == "Nobody has translated this [을/를]."


@pytest.mark.parametrize("code", ["", "fr", "KO", "ko_KR"])
def test_a_language_that_there_is_not_reads_english(code, monkeypatch):
    monkeypatch.setenv("COURSE_LANG", code)
    assert language.language() == "en" and say("Noted.") == "Noted." and spoken("sum", "합") == "sum"


def test_of_two_texts_the_one_in_the_reader_s_language(in_korean):
    assert spoken("sum", "합") == "합" and spoken("sum") == "sum" and worded("sum") == "sum"


@pytest.mark.parametrize("said", [
    "맵은", "점수는", "CAM은", "Grad-CAM은", "HiResCAM은", "GAP은", "ReLU는", "IoU는", "CNN은", "MNIST는",
    "NEU는", "ViT는", "FiLM은", "ResNet은", "SSIM은", "VGG16은", "conv3은", "conv2는", "CIFAR-10은", "float32는", "uint8은",
    "Dense는", "Flatten은", "layer는", "model은", "map은", "class는", "dropout은", "weight는", "mask는", "block은", "frame은",
    "file은", "scratches는", "crazing은", "cat은", "frog는", "npz는", "PNG는", "TensorFlow는", "Colab은", "Grad-CAM++는",
    "`conv3`은", "`layer`는", "'conv2'는", '"맵"은', "“점수”는", "‘근거’는", "특징 맵(feature map)은", "(7, 7)은", "[1, 2]는",
    "**맵**은", "$y^c$는", "$A^k$는", "$x_n$은", "α는", "ε은", "95%는", "4²은", "0은", "1은", "2는", "3은", "4는", "5는", "6은",
    "keep은", "7은", "8은", "9는", "10은", "0.5는", "1,000은", "c는", "l은", "m은", "n은", "r은"])
def test_the_particle_fits_what_is_heard_before_it(said):
    """은 and 을 after a consonant, 는 and 를 after a vowel."""
    word, particle = said[:-1], said[-1]
    assert with_particles(f"{word}[은/는] {word}[을/를]") == f"{said} {word}{'을' if particle == '은' else '를'}"


@pytest.mark.parametrize("said", [
    "맵으로", "점수로", "픽셀로", "파일로", "칸으로", "CAM으로", "ReLU로", "model로", "file로", "R로", "0으로", "1로", "2로",
    "3으로", "4로", "5로", "6으로", "7로", "8로", "9로", "`conv1`로", "(값)으로", "50%로"])
def test_after_l_there_is_no_eu(said):
    word = said.removesuffix("로").removesuffix("으")
    assert with_particles(f"{word}[으로/로]") == said


def test_what_is_no_particle_stays():
    for text in ("y[0]", "maps[i/2]", "[n/m]", "a[은]", "[가/]"):
        assert with_particles(text) == text


# ---- the catalogue: all that is said, and nothing besides


def literals(node):
    """The texts that an argument of say() may be: a string, or one of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def asked(tree):
    """What a module asks the catalogue for. `say` of two texts chooses between them by itself: the drawings' labels.

    course.py asks for the summary of each `Command`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("say", "worded") and len(node.args) == 1 or node.func.id == "Command":
                yield from literals(node.args[0])


def quizzed(path):
    for question in tomllib.loads(path.read_text(encoding="utf-8"))["questions"]:
        yield question["asks"]
        for choice in question["choices"]:
            yield from (choice["text"], choice["because"])


TOLD = {name: set(asked(tree)) for name, tree in MODULES.items()} | {path.name: set(quizzed(path)) for path in QUESTIONS}
TIMES = Counter(entry["en"] for entry in ENTRIES)


@pytest.mark.parametrize("where", TOLD)
def test_each_text_has_one_translation(where):
    assert {text: TIMES[text] for text in TOLD[where] if TIMES[text] != 1} == {}


@pytest.mark.parametrize("file", FILES)
def test_the_catalogue_has_no_text_that_nobody_says(file):
    assert {entry["en"] for entry in FILES[file]} <= set().union(*TOLD.values())


def fields(text):
    return {(name, how, conversion) for _, name, how, conversion in string.Formatter().parse(text) if name is not None}


AVOIDED = [form for term in glossary.glossary()[0] for form in term.avoid]
FOREIGN = ["그것", "에 대하여", "되어지", "당신", "우리는"]
NOT_FORMAL = re.compile(r"((?<![니시])다|(?<!필)(?<!중)(?<!개)요|죠)[.?!]?$")      # 필요, 중요, 개요 are nouns


@pytest.mark.parametrize("file", FILES)
def test_the_korean_is_whole(file):
    for entry in FILES[file]:
        words = re.search("[a-z]{4}", re.sub(r"\{[^{}]*\}", "", entry["en"]))
        assert set(entry) == {"en", "ko"} and (HANGUL.search(entry["ko"]) or not words), entry
        if file.startswith("quiz_"):
            continue        # their braces are no fields
        assert fields(entry["en"]) == fields(entry["ko"]), entry["en"]


@pytest.mark.parametrize("file", FILES)
def test_the_korean_is_the_course_s(file):
    """Its terms, no translationese; its sentences in 합니다체, what is no sentence without a verb's plain ending."""
    for entry in FILES[file]:
        korean = entry["ko"]
        assert not [form for form in AVOIDED + FOREIGN if form in korean], korean
        for sentence in re.split(r"(?<=[.?!])\s+", korean):
            assert not NOT_FORMAL.search(re.sub(r"\([^()]*\)(?=[.?!]?$)", "", sentence)), korean      # "…입니다(그림 참조)."


# ---- English outside of say()


NO_SENTENCES = {      # four words in a row that nobody reads as language: (file, string) → why
    ("lecture_utils/clinic/cases.py", "tuned on the test"): "a name that is typed",
    ("lecture_utils/explain/engine.py", "classes of a GAP head"): "a key of what is kept",
    ("lecture_utils/explain/streaming.py", "(n, height, width, channels)"): "a shape",
    ("tools/explore.py", "{}: there are only the explorer's own files here.\n"): "for whoever tries addresses",
    ("tools/run.py", "Now renew what repeats them, in README.md: python3 course.py stamp"): "for maintainers, as those below",
    ("tools/run.py", "{}\nThe {} notebooks were not run; the English ones are saved."): "",
    ("tools/run.py", "{} translates the English notebook as it is now."): "",
}
NO_TEXT = re.compile(r"\{[^{}]*:[^{}]*;[^{}]*\}|^import |\\b")        # CSS, code, patterns
WORDS = re.compile(r"(?:\b[A-Za-z][A-Za-z']*[,:;]? ){3}[A-Za-z']+")


def in_print(tree):
    """The strings of a module with four words in a row that are neither docstrings nor asked of the catalogue, nor `--help`'s."""
    passed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):         # docstrings
            passed.add(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in (
                "say", "worded", "spoken", "Command"):
            passed.update(each for argument in node.args for each in ast.walk(argument))
        if isinstance(node, ast.keyword) and node.arg == "help":
            passed.update(ast.walk(node.value))
        if isinstance(node, ast.JoinedStr):
            passed.update(each for each in ast.walk(node) if each is not node)
            if node not in passed:
                yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in passed:
            yield node.value


@pytest.mark.parametrize("name", MODULES)
def test_no_english_sentence_goes_past_the_catalogue(name):
    found = [text for text in in_print(MODULES[name]) if WORDS.search(re.sub(r"<[^>]*>", " ", text)) and not NO_TEXT.search(text)]
    assert [text for text in found if (name, text) not in NO_SENTENCES] == []


def test_the_exceptions_are_there():
    assert {where for where in NO_SENTENCES if where[1] not in in_print(MODULES[where[0]])} == set()


# ---- the Korean font


def test_the_font_has_every_letter_that_korean_figures_may_hold():
    letters = set().union(*map(set, [entry["ko"] for entry in ENTRIES]),
                          *(path.read_text(encoding="utf-8") for path in (ROOT / "notebooks" / "ko").glob("*.md")),
                          (ROOT / "lecture_utils" / "drawings.py").read_text(encoding="utf-8"))
    own = TTFont(fonts.COURSE_GOTHIC, lazy=True).getBestCmap()
    assert {letter for letter in letters if HANGUL.match(letter) and ord(letter) not in own} == set()
    assert all(map(own.get, map(ord, "0123456789AZaz−→×·…“”‘’≥αΣ°ㄱㅏ"))), "beside a formula no other font steps in"


def test_the_font_is_what_its_tool_makes(tmp_path):
    fonts.make_course_gothic(tmp_path / "made.ttf")
    made, shipped = TTFont(tmp_path / "made.ttf"), TTFont(fonts.COURSE_GOTHIC)
    assert made.getBestCmap() == shipped.getBestCmap() and made.getGlyphOrder() == shipped.getGlyphOrder()
    assert fonts.COURSE_GOTHIC.stat().st_size < 800_000


def test_the_font_bears_its_own_name_and_its_authors_licence():
    names = {name.nameID: str(name) for name in TTFont(fonts.COURSE_GOTHIC, lazy=True)["name"].names}
    assert names[1] == "Course Gothic" and not [number for number in (1, 3, 4, 6, 16) if "Nanum" in names.get(number, "")]
    licence = fonts.COURSE_GOTHIC.with_name("OFL.txt").read_text(encoding="utf-8")
    assert "NHN" in names[0] and "Reserved Font Name Nanum" in licence and "SIL OPEN FONT LICENSE" in licence


# ---- a Korean lesson


LESSON = """
import numpy as np
from lecture_utils import cam, load_mnist, load_model, plots, predict, quiz
digits = load_mnist("embedded")
try:
    cam(load_model("mnist_cnn"), digits.x_test[:1])
except ValueError as error:
    print(error)
predict("7은 소수입니까?", ["예", "아니요"], mine="b").compare("예", "1과 7로만 나누어집니다.")
quiz(1).choose(1, "b")
import warnings
warnings.simplefilter("error")
figure = plots.map_grid(digits.x_test[:1], {"맵 $A^k$, −1": np.ones((1, 7, 7))}, row_titles=["숫자 ✓"], overlaid=False)
figure.axes[0].set_xlabel("굵게", fontweight="bold")
plots.show(figure, "맵입니다.")
"""


def test_a_korean_lesson():
    environment = os.environ | {"COURSE_LANG": "ko", "COURSE_OFFLINE": "1", "MPLBACKEND": "agg"}
    done = subprocess.run([sys.executable, "-c", LESSON], capture_output=True, encoding="utf-8", env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[0].startswith("MNIST: 학습 이미지 6,000장, 테스트 이미지 1,000장, 내장 데이터(코드로 그림)")
    assert told[1].startswith("cam에는 전역 평균 풀링과") and "'mnist_cnn'은 그렇지 않습니다." in told[1]
    assert told[2:6] == ["예측: 7은 소수입니까?", "  a) 예", "  b) 아니요",
                         "✗ 내 예측: 아니요. 결과: 예. 1과 7로만 나누어집니다."]
    assert told[6].startswith("✓ 정답입니다. ")
    assert "findfont" not in done.stderr and "Glyph" not in done.stderr
