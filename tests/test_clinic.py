"""The clinic: each test finds its fault in the broken code and passes the mended one; patients can be told apart."""

import inspect
import re

import keras
import numpy as np
import pytest

from lecture_utils import checks, clinic, grad_cam
from lecture_utils.clinic import conclusions, drawing, inputs, maps, networks, volunteers, waiting
from lecture_utils.clinic.examinations import EXAMINATIONS, by_differences

SEEDS = (0, 1, 2)
BY_NAME = {each.name: each for each in clinic.CASES}


def package(model, images, c):
    """The package's Grad-CAM: at the layer "features", or at the end of the backbone of that name."""
    flat = isinstance(model.get_layer("features"), keras.layers.Conv2D)
    return grad_cam(model, images, "features" if flat else None, c)


def test_there_are_twenty_in_five_wards():
    assert [each.number for each in clinic.CASES] == list(range(1, 21)) and len(BY_NAME) == 20
    assert [each for number in range(1, 6) for each in clinic.ward(number)] == list(clinic.CASES)
    assert {each.ward for each in clinic.CASES} == set(clinic.WARDS)
    assert clinic.case("BGR") is clinic.case(7)
    with pytest.raises(ValueError, match="no case 'flu'; the cases are softmax"):
        clinic.case("flu")


@pytest.mark.parametrize("case", clinic.CASES, ids=lambda case: case.name)
def test_the_fault_is_found_and_the_mended_code_passes(case):
    for seed in SEEDS:
        broken, mended = case.examine("broken", seed), case.examine("mended", seed)
        assert not broken and "stopped" not in broken.what, broken
        assert mended, mended


@pytest.mark.parametrize("case", clinic.CASES, ids=lambda case: case.name)
def test_the_code_is_short_and_readable(case):
    for which in ("broken", "mended"):
        lines = case.code(which).splitlines()
        assert len(lines) <= 10 and max(map(len, lines)) <= 110 and lines[0].startswith("def ")
    assert case.complaint.endswith(".")


@pytest.mark.parametrize("name", clinic.DIAGNOSES)
def test_each_fault_fails_the_examinations_of_its_row_and_no_other(name):
    """So a sound map passes all ten, and no two faults look alike."""
    code = {"sound": maps.sound, **maps.FAULTS}[name]
    for seed in (0, 5, 141):
        findings = clinic.examine(code, seed)
        assert {test for test, finding in findings.items() if not finding} == set(clinic.FAILS[name]), (seed, findings)
        assert not [finding for finding in findings.values() if "stopped" in finding.what]


def test_no_two_faults_fail_alike():
    assert len(set(map(frozenset, clinic.FAILS.values()))) == len(clinic.DIAGNOSES) == 10


@pytest.mark.parametrize("seed", SEEDS)
def test_the_package_is_sound(seed):
    findings = clinic.examine(package, seed)
    assert all(findings.values()), [finding for finding in findings.values() if not finding]


def test_nothing_and_noise_are_no_sound_maps():
    for empty in (lambda model, images, c: np.zeros((len(images), *model.get_layer("features").output.shape[1:3])),
                  lambda model, images, c: np.random.default_rng(0).random((len(images), 5, 6))):
        assert sum(not finding for finding in clinic.examine(empty).values()) >= 4


def test_who_stops_has_not_passed():
    finding = clinic.examine(lambda model, images, c: 1 / 0)["two sides"]
    assert not finding and repr(finding) == ("✗ two sides: it stopped (ZeroDivisionError: division by zero) —; sound: 1")


def test_the_maps_by_differences_are_those_of_a_longer_way():
    """Every place of every channel nudged by itself, in float32 and by Keras, and then averaged."""
    model = volunteers.dense_head(4)
    image = np.random.default_rng(0).random((5, 6, 3), dtype=np.float32)
    A = keras.Model(model.inputs[0], model.layers[0].output)(image[None]).numpy()
    head = keras.Sequential([keras.Input(A.shape[1:]), *model.layers[1:]])
    nudges = 1e-2 * np.eye(A[0].size).reshape(-1, *A.shape[1:])
    gradient = (head(A + nudges).numpy() - head(A - nudges).numpy()) / 2e-2
    alpha = gradient.reshape(*A.shape[1:], -1).mean(axis=(0, 1))
    expected = np.maximum(np.einsum("ijk,kc->cij", A[0], alpha), 0)
    np.testing.assert_allclose(by_differences(model, image)[0], expected, atol=2e-3 * expected.max())


def test_the_networks_by_hand_compute_what_they_say():
    flat, nested = volunteers.wrapped(3)
    images = np.random.default_rng(0).random((2, 8, 8, 3), dtype=np.float32)
    np.testing.assert_allclose(flat(images), nested(images), atol=1e-5)
    model = volunteers.by_hand([[1, -1], [-2, 2]])
    np.testing.assert_allclose(model(np.ones((1, 10, 10, 2))), [[-1, 1]], atol=1e-6)


# ---- the other cases, by hand


def test_lightness_is_that_of_the_standard():
    """Black, white, and the three primaries of sRGB, L* as published (Lindbloom, rounded)."""
    colours = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    np.testing.assert_allclose(drawing.lightness(colours), [0, 100, 53.24, 87.74, 32.30], atol=0.05)


def test_other_scalings_that_keep_zero_pass_and_those_that_hide_it_fail():
    assert drawing.nothing_in_favour(lambda maps: np.clip(maps, 0, 1), 0)
    assert not drawing.nothing_in_favour(np.abs, 0)
    with np.errstate(all="ignore"):
        assert not drawing.nothing_in_favour(lambda maps: np.maximum(maps, 0) / np.maximum(maps, 0).max(), 0)     # 0 / 0


def test_grey_and_reversed_colours():
    assert drawing.rising_lightness(lambda values: np.repeat(values[:, None], 3, axis=1), 0)
    assert not drawing.rising_lightness(lambda values: drawing.even_colours(1 - values), 0)


def test_a_map_aligned_at_its_corners_is_off_its_place_too():
    """Cells 0 and 7 laid on pixels 0 and 63, as some programs do: cell i on 9 i in place of 8 i."""
    def corners(map_, model, size):
        place = np.linspace(0, 7, 64)
        rows = np.stack([np.interp(place, np.arange(8), column) for column in np.asarray(map_).T], axis=1)
        return np.stack([np.interp(place, np.arange(8), line) for line in rows])
    assert not drawing.a_dot(corners, 0)


def test_each_reader_fails_its_own_test_alone():
    assert inputs.scales(inputs.as_opencv_reads, 1) and inputs.channel_orders(inputs.in_rgb, 1)
    assert not inputs.channel_orders(lambda file: np.roll(inputs.in_rgb(file), 1, axis=-1), 1)


def test_the_transposed_attention_is_the_other_fault():
    read = lambda A: networks.row(np.swapaxes(A, -1, -2))
    assert not networks.a_known_glance(read, 0)
    assert not networks.a_known_glance(lambda A: A.mean(axis=1)[:, 0, :64].reshape(-1, 8, 8), 0)   # the class token left in


def test_the_least_squares_are_numpys():
    rng = np.random.default_rng(0)
    F, labels = rng.normal(size=(50, 4)), rng.integers(0, 3, 50)
    weights, biases = networks.least_squares(F, labels, 3, ridge=0)
    expected = np.linalg.lstsq(np.c_[F, np.ones(50)], np.eye(3)[labels], rcond=None)[0]
    np.testing.assert_allclose(np.vstack([weights, biases]), expected, atol=1e-8)


def test_a_threshold_without_any_choice_is_honest():
    assert conclusions.labels_shuffled(lambda scores, truth: np.mean((scores > 0.5) == truth), 0)


def test_the_names_of_neu_s_files_sort_as_people_find_out():
    assert conclusions.sorted_names(conclusions.FILES) == ["Cr", "In", "PS", "Pa", "RS", "Sc"]
    assert conclusions.names_as_trained(conclusions.FILES) == ["Cr", "In", "Pa", "PS", "RS", "Sc"]


# ---- patients without a name


def test_every_seed_has_other_patients_and_no_two_alike():
    rooms = [[patient._fault for patient in waiting.waiting_room(seed)] for seed in range(20)]
    assert all(len(set(room)) == 3 for room in rooms) and {name for room in rooms for name in room} == set(clinic.DIAGNOSES)
    assert len({tuple(room) for room in rooms}) >= 18
    assert not any(name in repr(waiting.waiting_room(14)) for name in clinic.DIAGNOSES)


def test_a_patient_shows_what_its_fault_shows():
    for patient in waiting.waiting_room(14):
        failed = {name for name in EXAMINATIONS if not patient.examine(name)}
        assert failed == set(clinic.FAILS[patient._fault])
    with pytest.raises(ValueError, match="no examination 'pulse'; there are finite differences"):
        patient.examine("pulse")


@pytest.mark.parametrize("seed", range(14, 18))
def test_only_the_right_diagnosis_is_not_contradicted(seed):
    patients = waiting.waiting_room(seed)
    for patient in patients:
        assert [name for name in clinic.DIAGNOSES if waiting.refutation(patient, name) is None] == [patient._fault]
    assert checks.check_diagnosis([patient._fault for patient in patients], seed)


def test_the_tests_do_not_read_the_code():
    """No examination looks at what a function is called or how it is written: a wrapper is examined alike."""
    for fault in (maps.softmax, maps.cut_off):
        hidden = lambda *a, fault=fault: fault(*a)
        assert "fault" in inspect.getsource(hidden)
        plain, wrapped = clinic.examine(fault, 3), clinic.examine(hidden, 3)
        assert {name: finding.passed for name, finding in plain.items()} == {name: f.passed for name, f in wrapped.items()}


# ---- in Korean


@pytest.fixture
def korean(monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "ko")


def without_names(text):
    """The text without what stays English in every language: names that students type, in quotes and brackets, and code."""
    return re.sub(r"'[^']*'|\([^()]*\)|RGB|ReLU|softmax", "", text)


def test_wards_complaints_and_patients_are_korean(korean):
    assert {each.ward for each in clinic.CASES} == set(clinic.WARDS) and len(clinic.WARDS) == 5
    assert [each for number in range(1, 6) for each in clinic.ward(number)] == list(clinic.CASES)
    patient = waiting.waiting_room(14)[0]
    told = [*clinic.WARDS, *(each.complaint for each in clinic.CASES), repr(patient), waiting.refutation(patient, "sound")]
    assert all(re.search("[가-힣]", each) and not re.search("[A-Za-z]", without_names(each)) for each in told), told
    assert all(each.complaint.endswith("다.") for each in clinic.CASES)
    assert waiting.refutation(patient, "sound") == "'sound'라면 'in company' 시험을 통과해야 하는데, 이 환자는 통과하지 못합니다"


def test_findings_are_korean_beside_the_names_that_are_typed(korean):
    test = EXAMINATIONS["two sides"]
    assert repr(test(maps.one_sigmoid)) == (
        "✗ 양쪽(two sides): ‘예’와 ‘아니요’의 맵이 제자리에 놓인 비율(작은 쪽) 0, 정상이면 1")
    assert repr(test(lambda model, images, c: 1 / 0)) == (
        "✗ 양쪽(two sides): 실행이 멈춤(ZeroDivisionError: division by zero) —, 정상이면 1")
    assert test(maps.sound).test == "two sides"


def test_the_legend_of_the_table_names_each_examination_in_both_languages(korean, capsys):
    clinic.table({"x": {name: True for name in EXAMINATIONS}})
    legend = capsys.readouterr().out.split("\n\n")[1]
    assert all(f"({name})" in legend for name in EXAMINATIONS) and max(map(len, legend.splitlines())) < 90


def test_code_that_is_shown_has_korean_comments(korean):
    assert clinic.case("shortcut").difference().endswith("# 눈금자가 있든 없든 모든 이미지에")
    assert "# PyTorch: output.backward(output)" in clinic.case("½‖y‖²").code()


def test_a_case_that_there_is_not_is_said_in_korean(korean):
    with pytest.raises(ValueError, match="사례 'flu'는 없습니다. 있는 사례: softmax"):
        clinic.case("flu")
