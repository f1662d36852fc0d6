"""Brings the course up to date and loses nobody's work: `python3 course.py update`.

A notebook that was worked on in notebooks/ is first copied into my/ under a name that is free there, and the course's own
put back in its place; then nothing stands in the way of the new course, which is only taken if it is a mere step forward.
"""
import argparse
import filecmp
import os
import pathlib
import shutil
import subprocess
import sys

from . import lab
from .notebooks.languages import LANGUAGES, add_language, say

ROOT = pathlib.Path(__file__).resolve().parents[1]
SECONDS = 300  # a network that says nothing for so long is down


class NotUpdated(Exception):
    """A sentence for the reader: why the course stays as it is, and what to do."""


def update(root, tell=print):
    """Move changed notebooks of notebooks/ into my/, take the new course, copy what is new into my/; tell each step."""
    check_clone(root)
    for path in notebooks(root, "D"):  # an interrupted checkout removes the old file before it writes the new one
        restore(root, path)
        tell(say("{path} was missing and is back.", path=path))
    for path in notebooks(root, "M"):
        tell(say("Your work in {path} now lies in {mine}.", path=path, mine=move_into_mine(root, path)))
    before = git(root, "rev-parse", "HEAD")
    step_forward(root)
    unchanged = git(root, "rev-parse", "HEAD") == before
    tell(say("The course is up to date.") if unchanged else say("The course was renewed."))
    for language in LANGUAGES:
        if language == LANGUAGES[0] or lab.mine_in(root, language).is_dir():
            for line in lab.copy_notebooks(root, language):
                tell(line)


def check_clone(root):
    """`NotUpdated` where the course was not cloned; git would take any repository around it for the course's."""
    if not (root / ".git").exists() or not root.samefile(git(root, "rev-parse", "--show-toplevel")):
        raise NotUpdated(say(
            "this copy of the course was not cloned, so git can't renew it. Download the zip again, unpack it beside this "
            "folder, and move your folder {mine}/ into it, with whatever else is yours: files in data/, notebooks that you "
            "changed in notebooks/. A clone is renewed by this command (README.md).", mine=lab.MINE))


def notebooks(root, status):
    """Paths, from `root`, of the course's notebooks that are changed ("M") or gone ("D"), staged or not."""
    return split(git(root, "diff", "-z", "--name-only", "--no-renames", f"--diff-filter={status}", "HEAD", "--",
                     "notebooks/*.ipynb"))


def split(text):
    """The names in what git prints with -z, which are as they are on the disk, without quotes."""
    return [name for name in text.split("\0") if name]


def move_into_mine(root, path):
    """Copy the notebook at `path`, from `root`, into my/ under a free name, put the course's back; the copy's path.

    A copy that is there already, from an attempt that came no further, is not made again.
    """
    work = root / path
    own = root / lab.MINE / work.parent.relative_to(root / "notebooks")     # my/ko for the Korean ones
    own.mkdir(parents=True, exist_ok=True)
    mine, number = own / work.name, 1
    while mine.exists() and not filecmp.cmp(work, mine, shallow=False):
        number += 1
        mine = own / f"{work.stem}_{number}.ipynb"
    if not mine.exists():
        with lab.whole(mine) as part:
            shutil.copyfile(work, part)
    restore(root, path)
    return mine.relative_to(root).as_posix()


def restore(root, path):
    git(root, "checkout", "--quiet", "HEAD", "--", path)


def step_forward(root):
    """Fetch the new course, and take it where it needs no merge and overwrites nothing, not even what git ignores."""
    git(root, "fetch", "--quiet")
    new = git(root, "rev-parse", "@{upstream}")
    if lab.MINE in map(str.lower, split(git(root, "ls-tree", "-z", "--name-only", new))):
        raise NotUpdated(say("the new course has a folder {mine}/ of its own, which would overwrite your copies in {mine}/. "
                             "Tell whoever maintains the course: that folder must not be committed.", mine=lab.MINE))
    git(root, "-c", "merge.autoStash=false", "merge", "--quiet", "--ff-only", "--no-overwrite-ignore", new)


def git(root, *words):
    """What `git` prints; `NotUpdated` with its own words if it fails, lacks, or does not answer."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, timeout=SECONDS,
                              stdin=subprocess.DEVNULL, env=os.environ | {"GIT_TERMINAL_PROMPT": "0"})
    except FileNotFoundError:
        raise NotUpdated(say("git is not installed, and the course comes by it: https://git-scm.com/downloads")) from None
    except subprocess.TimeoutExpired:
        raise NotUpdated(say("No answer came in {seconds} s. Check the network and run the same command again.",
                             seconds=SECONDS)) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        remedy = say("The course stays as it is, and so does your work. Without a network, run the same command again later. "
                     "Where git names files that are in the way, move them out of the course's folder and run the same "
                     "command again.")
        raise NotUpdated(f"{said}\n\n{remedy}")
    return os.fsdecode(done.stdout).strip()  # names of files, which need not be in this computer's encoding


def main(arguments=()):
    parser = argparse.ArgumentParser(prog="course.py update", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_language(parser)
    parser.parse_args(arguments)
    try:
        update(ROOT)
    except (NotUpdated, OSError) as error:
        sys.exit(say("Not updated: {error}", error=error))
    except KeyboardInterrupt:
        sys.exit("\n" + say("Interrupted; your work is safe. Run the same command again."))


if __name__ == "__main__":
    main(sys.argv[1:])
