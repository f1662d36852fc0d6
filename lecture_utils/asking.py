"""Questions to whoever runs the course, only where there is somebody to answer: nothing ever waits for nobody."""

import sys

from IPython import get_ipython


def someone_is_there():
    """Whether a person is at the other end of the kernel.

    Every request to execute a cell says whether a question, `input()`, could be answered. JupyterLab, Colab and their
    like say yes; nbclient, nbconvert and nbval, which execute without a person, say no.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(kernel and kernel.get_parent("shell").get("content", {}).get("allow_stdin"))


def agreed(question):
    """Whether a person says yes; no, unasked, where a cell or a program runs without one."""
    if not (someone_is_there() or sys.stdin and sys.stdin.isatty()):
        return False
    try:
        return input(f"{question} [y/n] ").strip().lower() in ("y", "yes", "예", "네")
    except (EOFError, NotImplementedError):  # Ctrl-D; a kernel that cannot ask
        return False
