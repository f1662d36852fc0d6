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
The second cell is the bootstrap cell; it carries the tag `bootstrap`, and its code is folded away. It only finds the
course, or clones it, and says what to do where it can do neither; `begin.py` does the rest, and is what it looks for.

A cell with the tag `imagenet` draws with ImageNet's SqueezeNet, and without it shows the picture that `course.py pictures`
made of it (`tools/pictures.py`). What nbval is to do with a cell, a tag says too, never a comment in its code:
`nbval-check-output` where its output is a claim, `nbval-ignore-output`, `nbval-skip`, `raises-exception`.
"""
from . import languages
from .code_texts import exchanged

BOOTSTRAP = '''\
#@title Find the course; on Colab, clone it first. Silent when all is well.
import os
import subprocess
import sys
from pathlib import Path

address = os.environ.get("COURSE_REPOSITORY", "@ADDRESS@")
clone = Path.cwd() / "cnn-visual-explanations"
found = [folder for folder in (*clone.parents, clone) if os.path.isfile(folder / "tools/notebooks/begin.py")]
if not found:
    NoCourse = type("NoCourse", (Exception,), {"_render_traceback_": lambda error: [str(error)]})  # the sentence alone
    if "/owner/" in address.lower():  # whoever owns that name could send what they like
        raise NoCourse(f"{address} is only a placeholder: set COURSE_REPOSITORY to the course's own address.")
    if "google.colab" not in sys.modules:
        raise NoCourse(f"No course around {Path.cwd()}: run `git clone {address}` and open this notebook in the clone.")
    cloning = ["timeout", "100", "git", "clone", "--quiet", "--depth", "1", address, clone]
    if (done := subprocess.run(cloning, capture_output=True, text=True)).returncode:
        raise NoCourse(f"The course could not be cloned; check the network and run this cell again. {done.stderr}")

sys.path.insert(0, course := str((found or [clone])[0]))
from tools.notebooks.begin import begin
begin(address, cloned=not found)'''

BEGIN = "begin(address, cloned=not found)"  # the last line, which in another language says so

# Colab shows the cell's title alone, JupyterLab three dots to click on: a novice's first code is not this.
FOLDED = {"tags": ["bootstrap"], "cellView": "form", "jupyter": {"source_hidden": True}}


def bootstrap_cell(address, language="en"):
    """The source of the bootstrap cell, in a language, for a repository at `address`."""
    cell = BOOTSTRAP
    if language != "en":
        cell = exchanged(cell, languages.BOOTSTRAP[language]).replace(BEGIN, f'{BEGIN[:-1]}, language="{language}")')
    return cell.replace("@ADDRESS@", address)


def colab_badge(address, path, language="en"):
    """Markdown of the badge that opens `path` of the repository at `address` (on GitHub) in Colab."""
    repository = address.removeprefix("https://github.com/")
    return (f"[![{languages.WORDS[language]['badge']}](https://colab.research.google.com/assets/colab-badge.svg)]"
            f"(https://colab.research.google.com/github/{repository}/blob/main/{path})")
