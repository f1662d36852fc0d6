"""Builds the instructor's edition: `python3 course.py instructor`.

The notebooks with their exercises solved, why each solution is right, and the answers of the quizzes, executed on the
embedded data, as notebooks and as pages in build/instructor/. They are made from the students' notebooks, whose solutions
are folded away; nothing is written twice. `--lang ko` makes the edition of the Korean notebooks, in build/instructor/ko/.
"""
import argparse
import sys

import nbformat

from lecture_utils.language import catalogue
from lecture_utils.quizzes import quiz

from .notebooks.exercises import instructor_edition, is_exercise
from .notebooks.languages import LANGUAGES, WORDS, add_language, folder, say, wanted
from .notebooks.output_folder import make_ready, not_written
from .notebooks.pages import write_pages
from .run import ROOT, execute, find_notebooks

BUILD = ROOT / "build" / "instructor"


def main():
    parser = argparse.ArgumentParser(prog="course.py instructor", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", metavar="notebook", help="a name or a number; all, if none is named")
    add_language(parser, default=wanted())
    arguments = parser.parse_args()
    language, paths = arguments.lang, find_notebooks(arguments.notebooks, folder(ROOT, arguments.lang))
    place = BUILD if language == LANGUAGES[0] else BUILD / language
    make_ready(place)
    try:
        runs = execute(build(paths, place, language), cell_limit=240, limit=1200, embedded=True)
        write_pages(runs, place, language)
        for run in runs:
            if run.notebook:
                nbformat.write(run.notebook, run.path)
    except OSError as error:
        not_written(place, error)
    for run in runs:
        run.error = run.error or unsolved(run)
    failed = [run.error for run in runs if run.error]
    for error in failed:
        print(say("FAILED  {error}", error=error), file=sys.stderr)
    print("\n" + say("The instructor's edition is in {folder}. Open {page}", folder=place, page=(place / "index.html").as_uri()))
    return 1 if failed else 0


def build(paths, place, language="en"):
    """Write the edition of each notebook into the folder `place`, not yet executed; their paths."""
    built = []
    for path in paths:
        notebook = instructor_edition(nbformat.read(path, as_version=4), answers_of(path, language), language)
        nbformat.write(notebook, place / path.name)
        built.append(place / path.name)
    return built


def answers_of(path, language="en"):
    """The quiz of a notebook with its answers, as markdown; "" if it has none."""
    try:
        questions = quiz(path.name.split("_")[0]).questions
    except ValueError:
        return ""
    own = lambda text: catalogue(language).get(text, text)
    lines = [f"**{WORDS[language]['answers']}**"]
    for number, question in enumerate(questions, start=1):
        lines += [f"\n{number}. {own(question['asks'])}"]
        lines += [f"    - {'✓' if choice['right'] else '✗'} *{own(choice['text'])}* {own(choice['because'])}"
                  for choice in question["choices"]]
    return "\n".join(lines)


def unsolved(run):
    """What to tell of a run whose solutions do not all pass their checks; "" if they do."""
    for cell in filter(is_exercise, run.notebook.cells if run.notebook else []):
        said = "".join(str(output.get("data", {}).get("text/plain", "")) for output in cell.outputs)
        if not said.startswith("✓"):
            return f"{run.name}: the solution `{cell.source.splitlines()[0]}` is told: {said or 'nothing'}"
    return ""


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\n" + say("Interrupted."))
