"""Brings the course up to date and loses nobody's work: `python3 course.py update`.

A notebook that was worked on in notebooks/ is first copied into my/ under a name that is free there, and the course's own
put back in its place; then nothing stands in the way of `git pull`, which is only taken if it is a mere step forward.
"""
import os
import pathlib
import shutil
import subprocess
import sys

import lab

ROOT = pathlib.Path(__file__).resolve().parents[1]
SECONDS = 300  # a network that says nothing for so long is down


class NotUpdated(Exception):
    """A sentence for the reader: why the course stays as it is, and what to do."""


def update(root, say=print):
    """Move changed notebooks of notebooks/ into my/, pull, and copy what is new into my/; say each step."""
    for path in changed_notebooks(root):
        say(f"Your work in {path} now lies in {move_into_mine(root, root / path)}.")
    before = git(root, "rev-parse", "HEAD")
    git(root, "pull", "--quiet", "--ff-only")
    say("The course is up to date." if git(root, "rev-parse", "HEAD") == before else "The course was renewed.")
    for line in lab.copy_notebooks(root):
        say(line)


def changed_notebooks(root):
    """Paths, from `root`, of the course's notebooks that are not as the course has them."""
    return git(root, "diff", "--name-only", "--diff-filter=M", "HEAD", "--", "notebooks/*.ipynb").splitlines()


def move_into_mine(root, path):
    """Copy the notebook at `path` into my/ under a free name, put the course's back; the copy's path, from `root`."""
    (root / lab.MINE).mkdir(exist_ok=True)
    mine, number = root / lab.MINE / path.name, 1
    while mine.exists():
        number += 1
        mine = root / lab.MINE / f"{path.stem}_{number}.ipynb"
    part = mine.with_name(f".{mine.name}.part")
    try:
        shutil.copyfile(path, part)
        os.replace(part, mine)
    finally:
        part.unlink(missing_ok=True)
    git(root, "checkout", "--quiet", "HEAD", "--", str(path))
    return mine.relative_to(root).as_posix()


def git(root, *words):
    """What `git` prints; `NotUpdated` with its own words if it fails, lacks, or does not answer."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=SECONDS,
                              stdin=subprocess.DEVNULL, env=os.environ | {"GIT_TERMINAL_PROMPT": "0"})
    except FileNotFoundError:
        raise NotUpdated("git is not installed, and the course comes by it: https://git-scm.com/downloads") from None
    except subprocess.TimeoutExpired:
        raise NotUpdated(f"No answer came in {SECONDS} s. Check the network and run the same command again.") from None
    if done.returncode:
        raise NotUpdated(f"{done.stderr.strip()}\n\nThe course stays as it is, and so does your work. Without a network, "
                         "run the same command again later. Where git names files that you have changed, keep copies of "
                         "them elsewhere and take the changes back with `git checkout -- <file>`.")
    return done.stdout.strip()


def main():
    try:
        update(ROOT)
    except (NotUpdated, OSError) as error:
        sys.exit(f"Not updated: {error}")


if __name__ == "__main__":
    main()
