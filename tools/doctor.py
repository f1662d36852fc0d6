"""Checks this computer for the course, and says what to do about each thing that is wrong: `python3 course.py doctor`.

Ends with status 0 if nothing is wrong, else 1.
"""
import argparse
import contextlib
import importlib.metadata
import io
import os
import pathlib
import platform
import shutil
import sys
import time
from typing import NamedTuple

from .notebooks.languages import add_language, padded, say

ROOT = pathlib.Path(__file__).resolve().parents[1]

SHOWN = ("tensorflow", "keras", "numpy", "matplotlib", "opencv-python-headless", "ipywidgets", "jupyterlab")
MEMORY_GB = 3.0  # one notebook with VGG16 and its gradients
DISK_GB = 1.5  # the real data sets, and the pages


class Finding(NamedTuple):
    """What one check found; `remedy` is empty when all is well."""

    what: str
    found: str
    remedy: str = ""


def check_python():
    return Finding("Python", say("{version} on {system}", version=platform.python_version(),
                                 system=f"{platform.system()} {platform.machine()}"))


def check_packages():
    versions, missing = [], []
    for name in SHOWN:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    remedy = missing and say("{names} missing: delete the folder .venv and run this again.", names=", ".join(missing)) or ""
    return Finding(say("packages"), ", ".join(versions), remedy)


def check_memory():
    import psutil  # here, where its absence is a finding and does not end the other checks

    free = psutil.virtual_memory().available / 1e9
    remedy = "" if free >= MEMORY_GB else say(
        "A notebook may need {needed:.0f} GB: close other programs and notebooks, or use Colab (README.md).", needed=MEMORY_GB)
    return Finding(say("memory"), say("{free:.1f} GB free, {cores} cores", free=free, cores=os.cpu_count()), remedy)


def check_disk():
    free = shutil.disk_usage(ROOT).free / 1e9
    remedy = "" if free >= DISK_GB else say("The real data and the pages need {needed} GB: make room.", needed=DISK_GB)
    return Finding(say("disk"), say("{free:.0f} GB free", free=free), remedy)


def check_writing():
    try:
        (ROOT / "build").mkdir(exist_ok=True)
        probe = ROOT / "build" / "doctor"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        return Finding(say("writing"), say("build/ can't be written to: {error}", error=error.strerror),
                       say("Copy the course to a folder of your own."))
    return Finding(say("writing"), say("build/ can be written to"))


def check_data():
    """One finding for each data set; embedded data is as good as any."""
    from lecture_utils.datasets.loaders import where_is_the_data
    from lecture_utils.datasets.readers import DataError

    try:
        rows = where_is_the_data()
    except DataError as error:
        return [Finding(say("data"), str(error), say("Correct COURSE_DATA, or unset it."))]
    return [Finding(say(row.name), ", ".join(filter(None, [say(row.source), say("{n:,} images", n=row.images), row.path])),
                    row.remark if row.source == "broken" else "") for row in rows]


def check_networks():
    """One finding for each of ImageNet's networks, which the course can do without."""
    from lecture_utils.models import where_are_the_weights

    return [Finding(row.name, f"{say(row.source)}, {row.path or row.remark}", row.remark if row.source == "broken" else "")
            for row in where_are_the_weights()]


def check_weights():
    """Whether every network's weights are there and fit their network."""
    import lecture_utils.quiet  # noqa: F401  (before whatever loads TensorFlow)
    from lecture_utils.models import BUILDERS, load_model

    broken = []
    for name in BUILDERS:
        try:
            load_model(name)
        except Exception as error:  # whatever is wrong with a file, say it and go on
            broken.append(f"{name} ({error})")
    remedy = broken and say("Not loaded: {names}. Restore data/weights with `git checkout data/weights`.",
                            names="; ".join(broken)) or ""
    return Finding(say("weights"), say("{n} of {all} networks load", n=len(BUILDERS) - len(broken), all=len(BUILDERS)), remedy)


def check_training():
    """Train a tiny network on drawn digits, explain a few images, and see that both make sense."""
    began = time.perf_counter()
    import lecture_utils.quiet  # noqa: F401  (before whatever loads TensorFlow)
    # isort: split
    import keras
    import numpy as np

    from lecture_utils import grad_cam
    from lecture_utils.datasets.synthetic import draw_digits

    keras.utils.set_random_seed(0)
    images, labels = draw_digits(500, seed=0)
    model = keras.Sequential([
        keras.Input((28, 28, 1)), keras.layers.Conv2D(16, 5, strides=2, activation="relu"),
        keras.layers.Conv2D(32, 3, strides=2, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    accuracy = model.fit(images, labels, epochs=10, batch_size=32, verbose=0).history["accuracy"][-1]
    maps = grad_cam(model, images[:20])
    found = say("a tiny network learned 500 digits to {accuracy:.0%} and explained 20 ({size} maps) in {seconds:.0f} s",
                accuracy=accuracy, size=f"{maps.shape[1]}×{maps.shape[2]}", seconds=time.perf_counter() - began)
    sound = accuracy > 0.8 and np.isfinite(maps).all() and maps.max() > 0
    return Finding(say("training"), found,
                   "" if sound else say("TensorFlow computes wrongly here: delete .venv and run this again."))


CHECKS = (check_python, check_packages, check_memory, check_disk, check_writing, check_data, check_networks, check_weights,
          check_training)


def examine(check):
    """The findings of one check; a check that breaks is a finding too."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # what the course's loaders print
            findings = check()
    except Exception as error:
        remedy = say("Delete the folder .venv and run this again; if it persists, report this line.")
        return [Finding(check.__name__.removeprefix("check_"), f"{type(error).__name__}: {error}", remedy)]
    return findings if isinstance(findings, list) else [findings]


def main(arguments=()):
    parser = argparse.ArgumentParser(prog="course.py doctor", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_language(parser)
    parser.parse_args(arguments)
    wrong = 0
    for check in CHECKS:
        for finding in examine(check):
            wrong += bool(finding.remedy)
            verdict = say("WRONG") if finding.remedy else say("ok")
            print(padded(verdict, 7) + padded(finding.what, 14) + finding.found, flush=True)
            if finding.remedy:
                print(f"{'':<21}{finding.remedy}", flush=True)
    print("\n" + (say("{n} to mend.", n=wrong) if wrong else say("All is well: python3 course.py lab")))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
