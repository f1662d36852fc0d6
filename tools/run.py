"""Executes the notebooks: `python3 course.py run` and `python3 course.py notebooks`.

run        writes what came out as pages into build/ and leaves the notebooks alone; `--lang ko` the Korean ones
notebooks  for maintainers: executes on the embedded data and saves the outputs into the notebooks themselves, first the
           English ones, then those of the other languages, which are made from them; `--lang ko` these alone
"""
import argparse
import os
import pathlib
import sys
import tempfile

import nbformat

from .notebooks import notebook_paths, translation
from .notebooks.execute import embedded_environment, execute_all
from .notebooks.languages import LANGUAGES, WORDS, add_language, folder, say, wanted
from .notebooks.normalize import normalize
from .notebooks.output_folder import make_ready, not_written
from .notebooks.pages import write_pages
from .notebooks.pictures import fit, fit_like

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"


def main():
    arguments = parse_arguments()
    if arguments.command == "run":
        return run(arguments)
    names = [path.stem for path in find_notebooks(arguments.notebooks, ROOT / "notebooks")]
    if arguments.translated:
        return mark_translated(names)
    failed = []
    for language in [arguments.lang] if arguments.lang else editions():
        runs = execute_in_place(names, language, arguments)
        failed += [run for run in runs if run.error]
        names = [run.name for run in runs if not run.error]     # a translation of what failed would fail as well
    print("Now renew what repeats them, in README.md: python3 course.py stamp")
    return told(failed)


def run(arguments):
    """Execute the notebooks of a language and write them as pages."""
    language = arguments.lang or wanted()
    build = BUILD if language == LANGUAGES[0] else BUILD / language
    paths = find_notebooks(arguments.notebooks, folder(ROOT, language))
    make_ready(build)
    runs = execute(paths, arguments.cell_limit, arguments.limit, embedded=False)
    try:
        write_pages(runs, build, language)
    except OSError as error:
        not_written(build, error)
    print("\n" + say("The pages are in {folder}. Open {page}", folder=build, page=(build / "index.html").as_uri()))
    return told([run for run in runs if run.error])


def execute_in_place(names, language, arguments):
    """Execute the notebooks of these names in one language and save their outputs into them; the finished `Run`s."""
    place = folder(ROOT, language)
    make_ready(place)
    try:
        if language != LANGUAGES[0]:
            make_translations(names, language)
        runs = execute([place / f"{name}.ipynb" for name in names], arguments.cell_limit, arguments.limit, embedded=True)
        save(runs, language)
    except OSError as error:
        not_written(place, error)
    return runs


def make_translations(names, language):
    """Write the notebooks of another language, not yet executed. Prose that doesn't fit the English ends the command."""
    for name in names:
        try:
            notebook = translation.renewed(folder(ROOT, LANGUAGES[0]) / f"{name}.ipynb", language)
        except ValueError as error:
            sys.exit(f"{error}\nThe {WORDS[language]['name']} notebooks were not run; the English ones are saved.")
        nbformat.write(notebook, folder(ROOT, language) / f"{name}.ipynb")


def editions():
    """The languages in which there are notebooks: each other language has its folder."""
    return [LANGUAGES[0], *(language for language in LANGUAGES[1:] if folder(ROOT, language).is_dir())]


def mark_translated(names):
    """Mark the prose of these notebooks as up to date in every other language; say what else is wrong with it."""
    failed = []
    for language in editions()[1:]:
        for path in (folder(ROOT, LANGUAGES[0]) / f"{name}.ipynb" for name in names):
            if translation.source(path, language).is_file():
                translation.mark_translated(path, language)
                print(f"{translation.source(path, language).relative_to(ROOT)} translates the English notebook as it is now.")
            failed += translation.faults(path, language)
    for fault in failed:
        print(f"FAILED  {fault}", file=sys.stderr)
    return 1 if failed else 0


def told(failed):
    """Name what failed; the exit status."""
    for run in failed:
        print(say("FAILED  {error}", error=run.error), file=sys.stderr)
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
    add_language(parser)
    parser.add_argument("--translated", action="store_true",
                        help="with `notebooks`: run nothing; mark the prose of the other languages as up to date")
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
        sys.exit(say("There is no notebook '{name}'. There are {names}.", name=name, names=", ".join(one.stem for one in every)))
    return matches[0]


def save(runs, language):
    """Save the outputs into the notebooks; where they hold no language, those of another language take the English ones'."""
    for run in runs:
        if run.error:
            continue
        english = nbformat.read(folder(ROOT, LANGUAGES[0]) / run.path.name, as_version=4)
        cpu_seconds = run.cpu_seconds if language == LANGUAGES[0] else english.metadata.course.cpu_seconds
        try:
            notebook = normalize(run.notebook, cpu_seconds)
            if language == LANGUAGES[0]:
                fit(notebook)
            else:
                fit_like(translation.settled(notebook, english), english)
        except ValueError as unfit:
            run.error = f"{run.name}, {unfit}"
            continue
        nbformat.write(notebook, run.path)
        print(f"saved {run.path.relative_to(ROOT)} ({run.cpu_seconds:.0f} s CPU)")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\n" + say("Interrupted."))
