"""What a notebook's bootstrap cell leaves to the course, once it has found or cloned it."""
import importlib
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OLD = {"en": "{clone} could not be renewed from {address}; going on with it as it is.",
       "ko": "{clone} 폴더를 {address}의 최신 상태로 바꾸지 못했습니다. 지금 있는 그대로 씁니다."}


def begin(address, cloned, language="en"):
    """Renew a clone that the cell made earlier, then load TensorFlow without the lines that it logs while it loads.

    `cloned`: whether the cell has made the clone just now. `language`: the notebook's, in which the package speaks, unless
    COURSE_LANG says otherwise. A notebook and the clone that it finds may be of different age:
    what the cell passes must go on being understood here.
    """
    os.environ.setdefault("COURSE_LANG", language)
    made_by_the_cell = ROOT.parent == pathlib.Path.cwd()  # what lies around a notebook is its user's own to renew
    if "google.colab" in sys.modules and made_by_the_cell and not cloned:
        renew(ROOT, address)
    importlib.import_module("lecture_utils.quiet")


def renew(clone, address):
    """Bring `clone` up to date from `address`; where that is impossible, say in a line that it stays as it is."""
    if is_placeholder(address) or subprocess.run(["timeout", "100", "git", "-C", str(clone), "pull", "--ff-only", address],
                                                 capture_output=True).returncode:
        print(OLD.get(os.environ["COURSE_LANG"], OLD["en"]).format(clone=clone, address=address))


def is_placeholder(address):
    """Whether `address` is still the one of a course that nobody has published."""
    return "/owner/" in address.lower()
