"""Executes the notebooks: `python3 course.py run` and `python3 course.py notebooks`.

run        writes what came out as pages into build/ and leaves the notebooks alone
notebooks  for maintainers: executes on the embedded data and saves the outputs into the notebooks themselves
"""
import argparse
import os
import pathlib
import sys
import tempfile

import nbformat

from .notebooks import notebook_paths
from .notebooks.execute import embedded_environment, execute_all
from .notebooks.normalize import normalize
from .notebooks.output_folder import make_ready, not_written
from .notebooks.pages import write_pages
from .notebooks.pictures import fit

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"


def main():
    arguments = parse_arguments()
    paths = find_notebooks(arguments.notebooks, ROOT / "notebooks")
    folder = BUILD if arguments.command == "run" else ROOT / "notebooks"
    make_ready(folder)
    runs = execute(paths, arguments.cell_limit, arguments.limit, embedded=arguments.command == "notebooks")
    try:
        if arguments.command == "run":
            write_pages(runs, BUILD)
            print(f"\nThe pages are in {BUILD}. Open {(BUILD / 'index.html').as_uri()}")
        else:
            save(runs)
            print("Now renew what repeats them, in README.md: python3 course.py stamp")
    except OSError as error:
        not_written(folder, error)
    failed = [run for run in runs if run.error]
    for run in failed:
        print(f"FAILED  {run.error}", file=sys.stderr)
    return 1 if failed else 0


def execute(paths, cell_limit, limit, embedded):
    """The finished `Run`s of the notebooks, in a process set up for them: on the embedded data alone, if that is wanted."""
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    with tempfile.TemporaryDirectory() as empty_folder:
        if embedded:
            environment |= embedded_environment(empty_folder)
        os.environ.update(environment)
        os.environ.pop("MPLBACKEND", None)  # the kernel chooses its own
        return execute_all(paths, cell_limit, limit)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="course.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("run", "notebooks"))
    parser.add_argument("notebooks", nargs="*", metavar="notebook",
                        help="a path, a name such as 03_grad_cam_mnist, or its number; all, if none is named")
    parser.add_argument("--cell-limit", type=float, default=240, metavar="S", help="seconds a cell may take (240)")
    parser.add_argument("--limit", type=float, default=900, metavar="S", help="seconds a notebook may take (900)")
    return parser.parse_args()


def find_notebooks(names, folder):
    """The paths of the notebooks named, or of all in `folder`."""
    every = notebook_paths(folder)
    return [find_notebook(name, every) for name in names] or every


def find_notebook(name, every):
    path = pathlib.Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path.resolve()
    matches = [one for one in every if one.stem == path.stem or name.isdigit() and one.stem.startswith(f"{int(name):02d}_")]
    if not matches:
        sys.exit(f"There is no notebook '{name}'. There are {', '.join(one.stem for one in every)}.")
    return matches[0]


def save(runs):
    """Save the outputs into the notebooks."""
    for run in runs:
        if run.error:
            continue
        try:
            notebook = normalize(run.notebook, run.cpu_seconds)
        except ValueError as unfit:
            run.error = f"{run.name}, {unfit}"
            continue
        fit(notebook)
        nbformat.write(notebook, run.path)
        print(f"saved {run.path.relative_to(ROOT)} ({run.cpu_seconds:.0f} s CPU)")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")
