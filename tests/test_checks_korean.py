"""What the exercises' self-checks tell in Korean: whole sentences, as in English, and nothing of English left between them."""

import re

import numpy as np
import pytest
import tensorflow as tf
from answers.grad_cams import two_calls
from answers.guided import backward_without_return
from answers.vgg import asked_twice

from lecture_utils import checks


@pytest.fixture(autouse=True)
def _in_korean(monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "ko")


def rest(told):
    """What is not Korean yet: particles between which nobody chose, fields without a value, English words in a row.

    Code between backticks, and what Python says of an exception, in parentheses behind its meaning, stay as they are.
    """
    prose = re.sub(r"`[^`]*`|\(\w+Error: .*\)|\w+Error: .*", "", told)
    return re.findall(r"\[\w+/\w+\]|\{\w*\}|[A-Za-z']{2,} [a-z']{2,} [a-z']{2,}", prose)


def never(error):
    def answer(*arguments):
        raise error
    return answer


def unwatched(head, A, c):
    A = tf.constant(A)
    with tf.GradientTape() as tape:
        y = head(A)[:, c]
    return tape.gradient(y, A) * 1


def fills_its_input(gradients):
    gradients /= gradients[..., 0].size


def without_return(gradients):
    gradients.mean((0, 1))


@pytest.mark.parametrize("check, answer, told", [
    (checks.check_alpha, lambda g: g.mean((0, 1)), "✓ 정답입니다."),
    (checks.check_parameters, 64 * (3 * 3 * 32 + 1), "✓ 정답입니다."),
    (checks.check_alpha, lambda g: None,
     "· 아직 풀지 않았습니다. 자리만 잡아 둔 코드를 직접 쓴 코드로 바꾸고 셀을 다시 실행하십시오."),
    (checks.check_diagnosis, [None, None, None],
     "· 아직 풀지 않았습니다. 자리만 잡아 둔 코드를 직접 쓴 코드로 바꾸고 셀을 다시 실행하십시오."),
    # hints
    (checks.check_alpha, lambda g: g.sum((0, 1)), "✗ 위치 전체의 합을 구했습니다. Grad-CAM의 α는 평균입니다(식의 1/Z)."),
    (checks.check_parameters, 64 * 3 * 3 * 32, "✗ 가중치는 다 세었습니다. 커널마다 편향도 하나씩 있습니다."),
    (checks.check_class_score, lambda M, b: M.mean(), "✗ 클래스의 편향이 빠졌습니다."),
    (checks.check_film, lambda x, g, b: g * x + b, "✗ 곱하고 더한 것은 맞지만 ReLU가 빠졌습니다."),
    (checks.check_repair, lambda images: images.copy(), "✗ 이미지가 그대로 나왔습니다."),
    (checks.check_choose_epoch, lambda h: (np.argmin(h["val_loss"]), np.argmax(h["val_accuracy"])),
     "✗ 리스트 안의 위치를 돌려주었습니다. 위치는 0부터 세지만 에포크는 1부터 셉니다."),
    # what nobody foresaw
    (checks.check_alpha, lambda g: g,
     "✗ 형상이 (…)인 입력에는 형상이 (…)인 결과가 나와야 하는데, 나온 결과의 형상은 (…)입니다."),
    (checks.check_class_score, lambda M, b: M,
     "✗ 형상이 (…)인 입력에는 값 하나가 나와야 하는데, 나온 결과의 형상은 (…)입니다."),
    (checks.check_choose_epoch, lambda h: 3, "✗ 형상이 (…)인 결과가 나와야 하는데, 나온 결과의 형상은 (…)입니다."),
    (checks.check_class_score, lambda M, b: 7,
     "✗ 나온 값이 입력 4개 가운데 4개에서 틀립니다. 손으로 계산할 수 있는 작은 입력으로 해 보십시오."),
    (checks.check_alpha, lambda g: -3 * g.mean((0, 1)),
     "✗ 입력마다 모든 값이 같은 배수만큼 어긋납니다(첫 입력에서는 -3배). 평균 대신 합을 구하지 않았는지, 부호가 맞는지, 형상에 "
     "따라 정해질 수를 고정하지 않았는지 살펴보십시오."),
    (checks.check_parameters, 18_400, "✗ 18,400은 답이 아닙니다. 식을 먼저 쓴 다음 수를 넣어 보십시오."),
    (checks.check_parameters, 18_432.5, "✗ 18,432.5는 답이 아닙니다. 식을 먼저 쓴 다음 수를 넣어 보십시오."),
    (checks.check_alpha, lambda g: "text", "✗ 수나 수의 배열이 나와야 하는데 str 값이 나왔습니다."),
    (checks.check_alpha, fills_its_input,
     "✗ 함수가 입력을 직접 고치고 아무것도 돌려주지 않습니다. 복사본을 고쳐서 `return`으로 돌려주십시오."),
    (checks.check_alpha, without_return,
     "✗ 함수가 계산은 하지만 아무것도 돌려주지 않습니다(None). 끝에서 결과를 `return`으로 돌려주십시오."),
    (checks.check_diagnosis, ["training mode", None, None], "✗ 여기까지는 맞습니다. 2번 환자의 진단이 아직 없습니다."),
    # exceptions
    (checks.check_alpha, never(NameError("name 'gradient' is not defined")),
     "✗ 형상이 (…)인 입력을 받은 함수가 `raise error`에서 멈추었습니다. 이름이 정의되어 있지 않습니다. 철자가 틀렸거나 그 이름을 "
     "정의하는 셀을 실행하지 않았기 때문입니다(NameError: name 'gradient' is not defined)."),
    (checks.check_grad_cam, never(ZeroDivisionError("division by zero")),
     "✗ 형상이 (…), (…)인 입력을 받은 함수가 `raise error`에서 멈추었습니다. 0으로 나누었습니다"
     "(ZeroDivisionError: division by zero)."),
    (checks.check_choose_epoch, np.linalg.norm,
     "✗ 함수가 실행 도중에 멈추었습니다. 여기서 쓸 수 없는 자료형의 값이 있거나, 함수를 부를 때 인수의 개수가 맞지 "
     "않습니다(TypeError: "),
    (checks.check_broken_heads, lambda fails, shape, classes: lambda A: 1 // 0,
     '✗ build("nothing", (…), 3): 형상이 (…)인 입력을 받은 헤드가 `'),
])
def test_each_kind_of_verdict_is_korean(check, answer, told):
    verdict = check(answer)
    assert bool(verdict) == told.startswith("✓")
    assert re.sub(r"\([\d, ]*\)", "(…)", repr(verdict)).startswith(told), verdict
    assert rest(repr(verdict)) == []


@pytest.mark.parametrize("check, answer, told", [
    (checks.check_own_grad_cam, two_calls, "✗ 기울기가 None입니다. 테이프가 점수에서 A로 되돌아가는 길을 모릅니다."),
    (checks.check_all_classes, asked_twice, "✗ 테이프는 한 번 물으면 기록을 잊습니다."),
    (checks.check_guided_relu, backward_without_return, "✗ 되돌아오는 신호가 없습니다."),
    (checks.check_cam_weights, unwatched, " 테이프가 None을 준다면 그 값을 지켜보지 않은 것입니다."),
])
def test_what_a_check_reads_in_a_verdict_it_finds_in_korean_too(check, answer, told):
    """It looks for what TensorFlow says of a None, and then tells something of its own."""
    verdict = repr(check(answer))
    assert told in verdict and rest(verdict) == []


def test_the_language_is_that_of_the_moment(monkeypatch):
    told = []
    for language in ("ko", "en"):
        monkeypatch.setenv("COURSE_LANG", language)
        told.append(repr(checks.check_parameters(18_496)))
    assert told == ["✓ 정답입니다.", "✓ Right."]


def test_no_two_slips_of_an_exercise_are_told_the_same(monkeypatch):
    """Hints are the keys of a dict: two that are the same in Korean would be one, and a slip would go unnamed."""
    hints, compare = {}, checks.judging.check_function
    monkeypatch.setattr(checks.judging, "check_function",
                        lambda *args, **options: hints.setdefault(check, []).append(len(args[3])) or compare(*args, **options))
    for check in [each for name, each in vars(checks).items() if name.startswith("check_") and name != "check_function"]:
        for language in ("en", "ko"):
            monkeypatch.setenv("COURSE_LANG", language)
            check(*[lambda *arguments: None] * (1 + 2 * (check is checks.check_number)))
    assert len(hints) > 30 and all(english == korean for english, korean in hints.values())
