"""`python3 course.py doctor`: what is wrong is counted, told with what to do, and never hides the rest."""
import errno
import types

import pytest

from tools import doctor

FINE = doctor.Finding("fine", "as it should be")
BAD = doctor.Finding("bad", "not so", "Do this.")


def report(monkeypatch, capsys, *checks):
    monkeypatch.setattr(doctor, "CHECKS", checks)
    return doctor.main(), capsys.readouterr().out


def check_that_breaks():
    raise RuntimeError("unforeseen")


def test_where_all_is_well_it_says_so(monkeypatch, capsys):
    status, out = report(monkeypatch, capsys, lambda: FINE)
    assert status == 0 and "ok     fine          as it should be" in out and "All is well" in out


def test_what_is_wrong_is_counted_and_told_with_what_to_do(monkeypatch, capsys):
    status, out = report(monkeypatch, capsys, lambda: BAD, lambda: [FINE, BAD])
    assert status == 1 and out.count("WRONG  bad") == out.count("Do this.") == 2 and "2 to mend." in out


def test_in_korean_the_columns_stand_below_each_other(monkeypatch, capsys):
    """A Korean letter is two columns wide."""
    monkeypatch.setenv("COURSE_LANG", "ko")
    status, out = report(monkeypatch, capsys, doctor.check_writing, lambda: BAD)
    assert out.splitlines()[:3] == [
        "정상   쓰기          build/에 쓸 수 있음", "이상   bad           not so", " " * 21 + "Do this."]
    assert status == 1 and "고칠 것이 1개 있습니다." in out


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(monkeypatch, capsys):
    status, out = report(monkeypatch, capsys, check_that_breaks, lambda: FINE)
    assert status == 1 and "that_breaks   RuntimeError: unforeseen" in out and "ok     fine" in out and "1 to mend." in out


def test_what_the_loaders_print_is_left_out(monkeypatch, capsys):
    _, out = report(monkeypatch, capsys, lambda: print("MNIST: ...") or FINE)
    assert "MNIST" not in out


@pytest.mark.parametrize("free, wrong", [(2.9e9, True), (3.1e9, False)])
def test_three_gigabytes_of_memory_are_asked_for(monkeypatch, free, wrong):
    monkeypatch.setattr("psutil.virtual_memory", lambda: types.SimpleNamespace(available=free))
    assert ("close other programs" in doctor.check_memory().remedy) == wrong


@pytest.mark.parametrize("free, wrong", [(1.4e9, True), (1.6e9, False)])
def test_room_for_the_data_is_asked_for(monkeypatch, free, wrong):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=free))
    assert ("make room" in doctor.check_disk().remedy) == wrong


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(doctor, "SHOWN", ("numpy", "no-such-package"))
    finding = doctor.check_packages()
    assert finding.found.startswith("numpy ") and finding.remedy.startswith("no-such-package missing:")


def test_writing_is_tried_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    assert not doctor.check_writing().remedy
    assert list((tmp_path / "build").iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_told(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    monkeypatch.setattr(doctor.pathlib.Path, "write_text", refuse)
    finding = doctor.check_writing()
    assert "Read-only file system" in finding.found and "a folder of your own" in finding.remedy


def test_broken_data_are_a_finding_and_embedded_ones_are_not(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert not any(finding.remedy for finding in doctor.check_data())
    (tmp_path / "mnist.npz").write_bytes(b"no zip")
    broken = [finding for finding in doctor.check_data() if finding.remedy]
    assert [finding.what for finding in broken] == ["MNIST"] and "mnist.npz" in broken[0].remedy
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "nowhere"))
    assert all("COURSE_DATA" in finding.remedy for finding in doctor.check_data() if finding.what != "photographs")


def test_weights_that_do_not_load_are_named(monkeypatch, tmp_path):
    from lecture_utils import models

    monkeypatch.setattr(models, "BUILDERS", {"mnist_cnn": models.mnist_cnn})
    assert not doctor.check_weights().remedy
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    finding = doctor.check_weights()
    assert finding.found == "0 of 1 networks load" and "mnist_cnn (" in finding.remedy
