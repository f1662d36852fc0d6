"""What stands alike in every notebook: the bootstrap cell, the launch badge, the facts of its title table.

`python3 course.py stamp` writes these texts into the notebooks; `tests/test_notebooks_house.py` holds them there.

A notebook begins so (the badge and the bootstrap cell need not be typed: `stamp` puts them in):

    # Title
    One sentence of promise.
    [![Open in Colab](...)](...)

    | | |
    |---|---|
    | You will be able to | verbs |
    | You need first | links |
    | Minutes | 45 |
    | CPU seconds | 20 |
    | Download (MB) | 0 |

and its metadata hold the same three figures: `"course": {"minutes": 45, "cpu_seconds": 20, "download_mb": 0}`.
The second cell is the bootstrap cell; it carries the tag `bootstrap`, and its code is folded away.
"""

BOOTSTRAP = '''\
#@title Find the course; on Colab, clone it first. Silent when all is well.
import os, subprocess, sys
from pathlib import Path

address = os.environ.get("COURSE_REPOSITORY", "@ADDRESS@")

class NoCourse(Exception):
    def _render_traceback_(self):  # what a notebook shows of it: the sentence alone
        return [str(self)]

git = lambda *words: subprocess.run(["timeout", "100", "git", *words], capture_output=True, text=True)

def find_course():
    here, clone = Path.cwd(), str(Path.cwd() / "cnn-visual-explanations")
    on_colab, unknown = "google.colab" in sys.modules, "/owner/" in address.lower()
    for folder in map(str, (here, *here.parents, clone)):
        if Path(folder, "course.py").is_file() and Path(folder, "lecture_utils").is_dir():
            if on_colab and folder == clone and (unknown or git("-C", clone, "pull", "--ff-only", address).returncode):
                print(f"{clone} could not be renewed from {address}; going on with it as it is.")
            return folder
    if unknown:  # whoever owns that name could send what they like
        raise NoCourse(f"{address} is only a placeholder: set COURSE_REPOSITORY to the course's own address.")
    if not on_colab:
        raise NoCourse(f"No course around {here}: run `git clone {address}` and open this notebook in the clone.")
    if (cloning := git("clone", "--quiet", "--depth", "1", address, clone)).returncode:
        raise NoCourse(f"The course could not be cloned; check the network and run this cell again. {cloning.stderr}")
    return clone

sys.path.insert(0, course := find_course())
import lecture_utils.quiet  # TensorFlow, without the log lines it writes while it loads'''

# Colab shows the cell's title alone, JupyterLab three dots to click on: a novice's first code is not this.
FOLDED = {"tags": ["bootstrap"], "cellView": "form", "jupyter": {"source_hidden": True}}


def is_placeholder(address):
    """Whether `address` is still the one of a course that nobody has published."""
    return "/owner/" in address.lower()


def bootstrap_cell(address):
    """The source of the bootstrap cell for a repository at `address`."""
    return BOOTSTRAP.replace("@ADDRESS@", address)


def colab_badge(address, path):
    """Markdown of the badge that opens `path` of the repository at `address` (on GitHub) in Colab."""
    repository = address.removeprefix("https://github.com/")
    return ("[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
            f"(https://colab.research.google.com/github/{repository}/blob/main/{path})")
