"""Opens JupyterLab on the student's own copies of the notebooks: `python3 course.py lab`.

Git ignores the folder my/, so `git pull` never meets a student's work. A copy is made once and never overwritten; it
carries in its metadata a fingerprint of the notebook that it was made from, which tells when the course has moved on. It
has no outputs: a prediction is none where the result stands below the question. `--lang ko` does so with the Korean notebooks:
their copies lie in my/ko/.
"""
import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import sys

import nbformat

from .notebooks import notebook_paths
from .notebooks.execute import cleared
from .notebooks.languages import LANGUAGES, WORDS, add_language, folder, wanted

ROOT = pathlib.Path(__file__).resolve().parents[1]
MINE = "my"


def mine_in(root, language):
    """Where the student's copies of the notebooks of a language lie."""
    return root / MINE if language == LANGUAGES[0] else root / MINE / language


def copy_notebooks(root, language=LANGUAGES[0]):
    """Copy what is not yet in my/; return a line for what was copied, for each copy that the course has outrun, and for
    each notebook of the course that can't be read, in the notebooks' language."""
    theirs, own, words = folder(root, language), mine_in(root, language), WORDS[language]
    own.mkdir(parents=True, exist_ok=True)
    copied, lines = [], []
    for path in notebook_paths(theirs):
        mine = own / path.name
        try:
            notebook = nbformat.read(path, as_version=4)
            original = fingerprint(notebook)
        except Exception as error:  # nbformat's errors for what is no notebook have no common class
            there = path.relative_to(root).as_posix()
            lines.append(words["unreadable"].format(path=there, error=type(error).__name__, mine=MINE))
            continue
        if not os.path.lexists(mine):
            copy(notebook, original, mine)
            copied.append(path.stem)
        elif made_from(mine) not in (None, original):
            lines.append(words["outrun"].format(mine=mine.relative_to(root).as_posix()))
    if copied:
        lines.insert(0, words["copied"].format(folder=own.relative_to(root).as_posix(), names=", ".join(copied)))
    return lines


def copy(notebook, original, mine):
    """Write the notebook without outputs, with its fingerprint, as `mine`, whole or, on a full disk, not at all (OSError)."""
    notebook = cleared(notebook)
    notebook.metadata["copy_of"] = original
    with whole(mine) as part:
        part.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


@contextlib.contextmanager
def whole(path):
    """For `with`: another name to write to, which Jupyter hides, and which becomes `path` if the block ends well.

    `lecture_utils.files` has its own; this one works where that package can't be imported.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def fingerprint(notebook):
    """Hash of the cells' texts: outputs that were merely computed anew don't count as a change."""
    texts = "\0".join(cell.cell_type + cell.source for cell in notebook.cells)
    return hashlib.sha256(texts.encode()).hexdigest()


def made_from(mine):
    """Fingerprint of the notebook that the copy `mine` was made from; None where it does not say."""
    try:
        found = json.loads(mine.read_text(encoding="utf-8"))["metadata"]["copy_of"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # not a notebook: the student's own business
        return None
    return found if isinstance(found, str) else None


def main(arguments):
    parser = argparse.ArgumentParser(prog="course.py lab", add_help=False, allow_abbrev=False)
    add_language(parser, default=wanted())
    known, others = parser.parse_known_args(arguments)      # the others are JupyterLab's, which lists them
    own = mine_in(ROOT, known.lang)
    try:
        for line in copy_notebooks(ROOT, known.lang):
            print(line, flush=True)
    except OSError as error:
        sys.exit(WORDS[known.lang]["no room"].format(folder=own, error=error.strerror))
    from jupyterlab.labapp import main as open_lab
    open_lab([f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url=/lab/tree/{own.relative_to(ROOT).as_posix()}", *others])


if __name__ == "__main__":
    main(sys.argv[1:])
